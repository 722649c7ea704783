/* What the files of `ggtool merge` share. */
#ifndef CMD_MERGE_H
#define CMD_MERGE_H

#include "cmds/shards.h"

/* merge_find.c: opens the one model that the arguments name, as files, patterns or folders.
 * GG_ERR_ARG when they name several, or something that is none of its shards. */
GG_MUST_CHECK int merge_open(struct shards *s, int argc, char **argv, struct gg_err *err);

#endif
