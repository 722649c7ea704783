/* imatrix: what its files share. */
#ifndef CMD_IMATRIX_H
#define CMD_IMATRIX_H

#include "cmds/cmd.h"
#include "lib/plan/imatrix.h"

struct imatrix_opts {
    bool json, csv, layers;
    const char *model;
    const char *output;
    bool force;
    int format; /* 0 by the name of the output, else 1 + enum gg_imatrix_format */
    struct gg_opt_u64 chunk_size;
    struct gg_opt_list keep, drop, rename;
    const char *scale;
};

struct imatrix_cmd {
    struct cmd_env *env;
    const struct imatrix_opts *o;
    struct gg_imatrix **in;
    char **paths;
    size_t n;
};

/* What the verbs do; exit codes. */
int imatrix_show(struct imatrix_cmd *c);
int imatrix_check(struct imatrix_cmd *c);
int imatrix_make(struct imatrix_cmd *c); /* merge, convert, filter */

#endif
