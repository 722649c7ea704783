/* Commands: what a subcommand declares at the top of its file.
 *
 * How to add one: write cmds/NAME.c with `const struct cmd cmd_NAME`, add CMD(NAME) to cmds.def, add
 * tests/cli/NAME-*.  Help, completions, man page and the dispatcher follow from the entry.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "lib/cli/opt.h"

#include <stddef.h>

struct cmd_env; /* global options and where to talk */

/* Exit codes, documented in ggtool(1). */
enum cmd_exit {
    CMD_OK = 0,
    CMD_NO = 1, /* the answer is no: files differ, a check found faults */
    CMD_USAGE = 2,
    CMD_BAD_INPUT = 3,
    CMD_ENVIRONMENT = 4, /* I/O, memory, permission, disk full */
    CMD_BUG = 5,
};

struct cmd {
    const char *name;
    const char *group;         /* heading in `ggtool help`: "look", "make", "move" */
    const char *args;          /* "FILE..." */
    const char *brief;         /* one line for the list of commands */
    const char *details;       /* paragraphs for help and man page */
    const char *examples;      /* lines "command\tcomment\n"; each is run by a test */
    const struct gg_opt *opts; /* ends with GG_OPT_END */
    size_t min_args, max_args; /* max SIZE_MAX: any number */
    size_t opts_nbytes;        /* size of the option struct; the dispatcher zeroes one */
    void (*defaults)(void *opts);                                      /* may be NULL */
    int (*run)(struct cmd_env *env, void *opts, int argc, char **argv); /* an exit code */
};

#endif
