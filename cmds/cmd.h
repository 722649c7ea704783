/* Commands: what a subcommand declares at the top of its file.
 *
 * How to add one: write cmds/NAME.c with `const struct cmd cmd_NAME`, add CMD(NAME) to cmds.def, add
 * tests/cli/NAME-*.  Help, completions, man page and the dispatcher follow from the entry. A large
 * command may have files of its own, cmds/NAME_*.c; a command includes no other command.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "lib/cli/globals.h"
#include "lib/cli/msg.h"
#include "lib/cli/opt.h"

#include <stddef.h>
#include <stdio.h>

struct cmd;

/* What a command runs in: global options, and where to talk. */
struct cmd_env {
    const struct cmd *cmd;
    struct gg_globals globals;
    unsigned n_threads;    /* as -j says; 0: let the library choose */
    enum gg_cpu_level cpu; /* as --cpu says, the best one otherwise */
    enum gg_when progress;
    struct gg_msg msg;       /* talk, on stderr */
    FILE *out;               /* data, on stdout; flushed and checked by the dispatcher */
    struct gg_term out_term; /* what stdout can show */
    struct gg_arena mem;     /* lives until the command is done */
};

/* Exit codes, documented in ggtool(1). */
enum cmd_exit {
    CMD_OK = GG_EXIT_OK,
    CMD_NO = GG_EXIT_NO, /* the answer is no: files differ, a check found faults */
    CMD_USAGE = GG_EXIT_USAGE,
    CMD_BAD_INPUT = GG_EXIT_BAD_INPUT,
    CMD_ENVIRONMENT = GG_EXIT_ENVIRONMENT, /* I/O, memory, permission, disk full */
    CMD_BUG = GG_EXIT_BUG,
};

struct cmd {
    const char *name;
    const char *group;         /* heading in `ggtool help`: "look", "make", "move" */
    const char *args;          /* "FILE..." */
    const char *brief;         /* one line for the list of commands */
    const char *details;       /* paragraphs for help and man page */
    const char *examples;      /* lines "command\tcomment\n"; each is run by a test */
    const struct gg_opt *opts; /* ends with GG_OPT_END; NULL: none */
    size_t min_args, max_args; /* max SIZE_MAX: any number */
    enum gg_opt_complete takes[3]; /* what a shell offers for each; the last one that is not NONE
                                      also for those behind it; NONE throughout: GGUF files */
    bool hidden;                   /* not in the list of commands */
    size_t opts_nbytes;        /* size of the option struct; the dispatcher zeroes one */
    void (*defaults)(void *opts); /* may be NULL */
    /* Returns an exit code. Errors have been said, with gg_msg_fail or gg_msg_error. */
    int (*run)(struct cmd_env *env, void *opts, int argc, char **argv);
};

/* The list of commands, in the order of cmds.def. */
extern const struct cmd *const cmd_list[];
extern const size_t cmd_count;

/* By name, NULL when there is none. */
const struct cmd *cmd_find(const char *name);
/* What argument i, counted from 0, is. */
enum gg_opt_complete cmd_takes(const struct cmd *c, size_t i);

/* The help of one command; printed on stdout, that of all when c is NULL. The latter is CMD_OK. */
void cmd_help_one(struct gg_buf *out, const struct cmd *c);
int cmd_print_help(struct cmd_env *env, const struct cmd *c);
/* "unknown command 'inspct'; did you mean 'inspect'?" as a usage error. */
int cmd_fail_unknown(const char *name, struct gg_err *err);

#endif
