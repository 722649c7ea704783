/* Messages: the one module that talks on stderr, and the exit codes.
 *
 * Form: "ggtool: requant: warning: text". Everything from files must already be escaped
 * (gg_text_escape). All functions may be called from any thread; lines do not mix, and a progress
 * line that stands on the terminal is wiped first.
 */
#ifndef GG_MSG_H
#define GG_MSG_H

#include "lib/base/err.h"
#include "lib/base/finding.h"
#include "lib/cli/term.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

enum gg_exit { /* documented in ggtool(1) */
    GG_EXIT_OK = 0,
    GG_EXIT_NO = 1, /* the answer is no: files differ, a check found faults */
    GG_EXIT_USAGE = 2,
    GG_EXIT_BAD_INPUT = 3,
    GG_EXIT_ENVIRONMENT = 4, /* I/O, memory, permission, disk full */
    GG_EXIT_BUG = 5,
};

enum gg_exit gg_exit_code(enum gg_code code);

struct gg_msg {
    char who[64];        /* "ggtool: requant" */
    int level;           /* -1 only errors (-q); 0; 1 and more: the number of -v */
    struct gg_term term; /* stderr */
    FILE *to;            /* stderr */
    pthread_mutex_t lock;
    bool line_stands; /* a progress line stands on the terminal */
};

void gg_msg_init(struct gg_msg *m, FILE *to);
void gg_msg_destroy(struct gg_msg *m);

void gg_msg_error(struct gg_msg *m, const char *fmt, ...) GG_PRINTF(2, 3);
void gg_msg_warn(struct gg_msg *m, const char *fmt, ...) GG_PRINTF(2, 3); /* not with -q */
void gg_msg_note(struct gg_msg *m, const char *fmt, ...) GG_PRINTF(2, 3); /* not with -q */
void gg_msg_info(struct gg_msg *m, const char *fmt, ...) GG_PRINTF(2, 3); /* only with -v */

/* Prints a filled error and returns its exit code. The code alone decides for GG_ERR_INTERRUPTED:
 * nothing is printed, the signal speaks for itself. */
int gg_msg_fail(struct gg_msg *m, const struct gg_err *err);

/* Prints findings, the severest first, one line each: "FILE: fault: text". At most max lines, then
 * how many more there are; 0: all. */
void gg_msg_findings(struct gg_msg *m, const char *file, const struct gg_findings *f, size_t max);

/* The same as an answer, on stdout and in the order of the list: "FILE: fault: text". least: leaves out
 * what is less severe. At most max of each code, then how many more; 0: all. */
void gg_findings_print(FILE *out, const struct gg_term *term, const char *file,
                       const struct gg_findings *f, enum gg_severity least, size_t max);

/* Flushes out (stdout) and tells whether everything was written: GG_EXIT_OK, or GG_EXIT_ENVIRONMENT
 * after an error message; a reader that went away (EPIPE) is no news and gets none. Prints nothing
 * more to out afterwards. */
int gg_msg_close_out(struct gg_msg *m, FILE *out);

/* For progress lines only: shows text (no newline) in place of the line that stands; NULL wipes. */
void gg_msg_line(struct gg_msg *m, const char *text);

#endif
