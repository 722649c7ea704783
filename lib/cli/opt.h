/* Options as data: one const table drives parsing, help, man pages and completion.
 *
 * Required values stand as --opt=V or --opt V, short ones also attached (-j1); optional values only
 * as --opt=V, so that an option never swallows a file. "--" ends the options. Names may not be
 * abbreviated. An unknown option names the nearest one.
 */
#ifndef GG_OPT_H
#define GG_OPT_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gg_opt_kind {
    GG_OPT_FLAG,   /* no value;           bool */
    GG_OPT_COUNT,  /* no value, repeats;  unsigned */
    GG_OPT_U64,    /* whole number;       struct gg_opt_u64 */
    GG_OPT_SIZE,   /* K M G Ki Mi Gi;     struct gg_opt_u64 */
    GG_OPT_STRING, /* any text;           const char *  (NULL when absent) */
    GG_OPT_PATH,   /* a file name;        const char * */
    GG_OPT_CHOICE, /* one of choices;     int, index into choices, initialised by the command */
    GG_OPT_TYPE,   /* tensor type name;   int, its id, -1 when absent */
    GG_OPT_LIST,   /* repeatable text;    struct gg_opt_list, in command-line order */
    GG_OPT_GLOB,   /* optional =PATTERN;  struct gg_opt_glob */
};

struct gg_opt_u64 {
    bool set;
    uint64_t v;
};

struct gg_opt_glob {
    bool set;
    const char *pattern; /* NULL: no pattern given */
};

struct gg_opt_list {
    const char **v; /* point into argv; the array is owned by the parse result */
    size_t n;
};

enum gg_opt_complete { /* what a shell offers for the value */
    GG_COMPLETE_NONE,
    GG_COMPLETE_FILE,
    GG_COMPLETE_GGUF,
    GG_COMPLETE_DIR,
    GG_COMPLETE_QTYPE, /* tensor types */
    GG_COMPLETE_TYPE_OR_PRESET,
    GG_COMPLETE_TENSOR, /* tensor names of the file on the command line */
    GG_COMPLETE_KEY,    /* its metadata keys */
    GG_COMPLETE_CPU,
};

struct gg_opt {
    const char *name; /* long name without dashes */
    char letter;      /* short name, 0: none */
    enum gg_opt_kind kind;
    size_t dest;                /* offsetof in the command's option struct */
    const char *arg;            /* name of the value in help, "N"; NULL for flags */
    const char *help;           /* one line, no final stop */
    const char *const *choices; /* for CHOICE, NULL-terminated */
    enum gg_opt_complete complete;
    bool hidden;
};

#define GG_OPT_END {0}

#endif
