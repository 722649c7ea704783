/* Options as data: one const table drives parsing, help, man pages and completion.
 *
 * Required values stand as --opt=V or --opt V, short ones also attached (-j1); optional values only
 * as --opt=V, so that an option never swallows a file. A pair is --opt A B or --opt=A B. "--" ends the options. Names may not be
 * abbreviated. An unknown option names the nearest one. The last of a repeated option wins, but for
 * counts and lists.
 *
 * How to add one: a row in a command's table, with `dest` the offsetof of a member of the type that
 * its kind asks for. Options that commands share stand in a group, a table of its own:
 *
 *     static const struct gg_opt opts[] = {
 *         {.name = "json", .kind = GG_OPT_FLAG, .dest = offsetof(struct o, json), .help = "..."},
 *         GG_OPT_SUBTABLE(&gg_opts_output, struct o, output),
 *         GG_OPT_END,
 *     };
 */
#ifndef GG_OPT_H
#define GG_OPT_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
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
    GG_OPT_PAIRS,  /* two words, repeatable; struct gg_opt_list, both words of each in turn */
    GG_OPT_GLOB,   /* optional =PATTERN;  struct gg_opt_glob */
    GG_OPT_GROUP,  /* not an option: the rows of `group`, their dest counted from this one's */
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
    GG_COMPLETE_COMMAND, /* names of commands */
    GG_COMPLETE_ARCH,    /* of architectures */
    GG_COMPLETE_PRETOK,  /* of pre-tokenizers */
    GG_COMPLETE_ACTION,  /* of a command: one of the words its args begin with, "show|check FILE" */
};

struct gg_opt_group;

struct gg_opt {
    const char *name; /* long name without dashes */
    char letter;      /* short name, 0: none */
    enum gg_opt_kind kind;
    size_t dest;                /* offsetof in the command's option struct */
    const char *arg;            /* name of the value in help, "N", "A B"; NULL for flags */
    const char *help;           /* one line, no final stop */
    const char *const *choices; /* for CHOICE, NULL-terminated */
    enum gg_opt_complete complete;
    bool hidden;
    uint64_t min, max; /* bounds of U64 and SIZE; max 0: none */
    const struct gg_opt_group *group;
};

struct gg_opt_group {
    const char *title; /* heading in help, "Output" */
    const struct gg_opt *opts;
};

#define GG_OPT_END {0}
#define GG_OPT_SUBTABLE(g, type, member)                                                           \
    {.kind = GG_OPT_GROUP, .group = (g), .dest = offsetof(type, member)}

/* A table together with the struct it fills. */
struct gg_opt_table {
    const struct gg_opt *opts;
    void *dest; /* NULL when only walked */
};

/* Walks the options of a table, those of its groups in place. */
struct gg_opt_walk {
    const struct gg_opt *next[2]; /* of the table, of the group inside */
    char *base[2];
    const struct gg_opt_group *group; /* that the last option stands in, NULL: in none */
};
struct gg_opt_walk gg_opt_walk(struct gg_opt_table t);
/* The next option, NULL at the end; *dest (may be NULL) gets its destination. */
const struct gg_opt *gg_opt_next(struct gg_opt_walk *w, void **dest);

/* Sets what is not zero when absent (tensor types: -1). The struct must be zeroed before. */
void gg_opt_init(struct gg_opt_table t);

enum gg_opt_parse_flags { GG_OPT_STOP_AT_ARG = 1 /* stop at the first argument that is no option */ };

/* Parses *argc words at argv with the options of n_tables tables (NULL in the array is skipped). The
 * arguments left over are moved to argv[0 .. *argc-1] in their order. Arrays of lists come from mem.
 * Errors: GG_ERR_ARG with a sentence for the user, GG_ERR_NOMEM. */
GG_MUST_CHECK int gg_opt_parse(const struct gg_opt_table *tables, size_t n_tables, unsigned flags,
                               char **argv, int *argc, struct gg_arena *mem, struct gg_err *err);

/* What the last word of a command line is. */
struct gg_opt_last {
    const struct gg_opt *opt; /* whose value it is, so far as it is written; NULL: it is none */
    const char *value;        /* where the value begins: inside a word like --opt=V */
    bool second;              /* of the two words of a pair */
};

/* For completion: reads a line as gg_opt_parse does, but sets nothing and passes over mistakes. argv
 * and *argc get the arguments, the last word among them when it is one. */
void gg_opt_parse_last(const struct gg_opt_table *tables, size_t n_tables, unsigned flags,
                       char **argv, int *argc, struct gg_opt_last *last);

/* Of n names the one most like s, NULL when none is near. */
const char *gg_opt_nearest(const char *s, const char *const *names, size_t n);

/* Appends a line for each mistake in the tables taken together: a name or letter twice, no help, a
 * value without a name, a choice without choices... Nothing when they are right. For tests. */
void gg_opt_lint(const struct gg_opt_table *tables, size_t n_tables, struct gg_buf *out);

#endif
