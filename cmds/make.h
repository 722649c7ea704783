/* What `ggtool requant` and `ggtool convert` share: one plan, one walk, one report. It is no command. */
#ifndef CMD_MAKE_H
#define CMD_MAKE_H

#include "cmds/cmd.h"
#include "lib/cli/progress.h"
#include "lib/job/job.h"
#include "lib/job/measure.h"
#include "lib/job/opts.h"
#include "lib/job/wishes.h"
#include "lib/model/memory.h"

struct make_opts { /* first in the option struct of the command */
    const char *type;
    struct gg_quant_opts quant;
    struct gg_goal_opts goal;
    struct gg_meta_opts meta;
    struct gg_output_opts output;
    struct gg_work_opts work;
    bool dry_run, json, no_stats;
    const char *explain;
    const char *report, *stats_out;
};
extern const struct gg_opt_group make_opts_look; /* dry-run to no-stats; counted from make_opts */

enum { MAKE_MAX_FINDINGS = 20 }; /* shown without -v */

enum make_nonfinite { MAKE_FAIL, MAKE_ZERO, MAKE_KEEP_TYPE }; /* as --nonfinite's choices */

/* One run. */
struct make {
    struct cmd_env *env;
    const struct make_opts *o;
    const char *in;
    const char *doing;     /* "requantizing", for the progress line */
    const char *no_output; /* what is said when none is named */
    bool big_endian;       /* outputs */
    struct gg_model *model;
    struct gg_targets targets;
    struct gg_wishes *wishes;
    struct gg_plan *plan;
    struct gg_target *target; /* NULL: types were given, not a size */
    struct gg_measured measured;
    uint64_t measuring_ns; /* how long that took, all looks together */
    struct gg_budget budget;
    struct gg_target_result chosen;
    struct gg_memory memory; /* with --fits: what it takes beside the weights */
    bool *keep; /* by tensor of the model: keeps its type, since its values cannot be encoded */
    struct qk_table kernels;
    struct gg_progress progress;
    uint64_t progress_done;
    struct gg_job_result result;
};

/* --dry-run or --explain: nothing is written. */
bool make_only_looks(const struct make *r);
/* Tensor data are read: always, but for looking at what types (not a size) make of it. */
bool make_reads(const struct make *r);
/* Reads IN [OUT], with types set apart by commas (NULL when a size is given); says what is wrong. An exit code. */
int make_arguments(struct make *r, const char *types, int argc, char **argv);
/* Opens the model with `open`, which fills r->model, and does all the rest. An exit code. */
int make_run(struct make *r, int (*open)(struct make *r, void *ctx, struct gg_err *err), void *ctx);
void make_free(struct make *r);

/* Plans. With dry, types we cannot encode are planned too. Says what it finds; returns an exit code. */
int make_plan(struct make *r, bool dry);
/* How hard encoding looks: harder of itself when the best file of a size is wanted. */
enum qk_search make_search(const struct make *r);
/* What all walks over the data share; the progress line is begun with `what`. */
struct gg_stream_opts make_stream(struct make *r, const char *what);

/* make_target.c: plans for a size; as make_plan. */
int make_target(struct make *r, bool dry);
/* Of the plan that is carried out: writes the recipe, and says when it is small. An exit code. */
int make_keep_target(struct make *r);
void make_print_target(const struct make *r, FILE *f); /* nothing when no size was given */

/* make_check.c: looks through the data first, and fills keep under --nonfinite=keep-type. Returns an
 * exit code. */
int make_check(struct make *r);
/* Encoding looks at all it reads; this looks at the floats (norms, biases) that are copied beside. */
int make_check_copied(struct make *r);

/* make_plan.c: what would be done, on stdout. Exit codes. */
int make_show_plan(struct make *r);
int make_explain(struct make *r);

/* make_report.c: what was done. */
int make_report(struct make *r);

/* make_sums.c: numbers about a planned output, and errors in the units people use. */
struct make_totals {
    uint64_t n_params, in_nbytes, out_nbytes; /* of tensor data */
    uint64_t n_encoded, n_copied;
    struct make_type {
        uint64_t n_tensors, n_params, nbytes;
    } by_type[QT_ID_END + 1]; /* the last: types unknown to us */
};
void make_total(struct make_totals *t, const struct gg_model *m,
                   const struct gg_plan_output *o);

struct make_error {
    double rmse, nmse, snr_db, cosine, weighted_nmse, bias, max_abs;
    uint64_t max_row, max_col;
    bool weighted;
};
struct make_error make_error(const struct qk_err_sums *s, uint64_t n_cols, bool weighted);
/* Adds what makes sense for a whole model: the sums, not the place of the maximum. */
void make_add(struct qk_err_sums *acc, const struct qk_err_sums *s);
/* "0.00213 (26.7 dB)" */
char *make_error_text(char dst[64], const struct make_error *e);

/* A tensor's name, escaped, in buf. */
const char *make_name(struct gg_buf *buf, struct ggf_str name);

/* make_json.c, make_files.c */
void make_json_plan(FILE *f, const struct make *r, const struct ggf_str *only);
void make_json_report(FILE *f, const struct make *r);
int make_write_files(struct make *r); /* --report and --stats-out; an exit code */

#endif
