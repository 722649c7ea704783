/* The parts of `ggtool requant`; no other command includes this. */
#ifndef CMD_REQUANT_H
#define CMD_REQUANT_H

#include "cmds/cmd.h"
#include "lib/cli/progress.h"
#include "lib/job/job.h"
#include "lib/job/opts.h"
#include "lib/job/wishes.h"

struct requant_opts {
    const char *type;
    struct gg_quant_opts quant;
    struct gg_meta_opts meta;
    struct gg_output_opts output;
    struct gg_work_opts work;
    bool dry_run, json, no_stats;
    const char *explain;
    const char *report, *stats_out;
};

enum requant_nonfinite { REQUANT_FAIL, REQUANT_ZERO, REQUANT_KEEP_TYPE }; /* as --nonfinite's choices */

/* One run. */
struct requant {
    struct cmd_env *env;
    const struct requant_opts *o;
    const char *in;
    struct gg_model *model;
    struct gg_targets targets;
    struct gg_wishes *wishes;
    struct gg_plan *plan;
    bool *keep; /* by tensor of the model: keeps its type, since its values cannot be encoded */
    struct qk_table kernels;
    struct gg_progress progress;
    uint64_t progress_done;
    struct gg_job_result result;
};

/* Plans. With dry, types we cannot encode are planned too. Says what it finds; returns an exit code. */
int requant_plan(struct requant *r, bool dry);
/* What all walks over the data share; the progress line is begun with `what`. */
struct gg_stream_opts requant_stream(struct requant *r, const char *what);

/* requant_check.c: looks through the data first, and fills keep under --nonfinite=keep-type. Returns an
 * exit code. */
int requant_check(struct requant *r);

/* requant_plan.c: what would be done, on stdout. Exit codes. */
int requant_show_plan(struct requant *r);
int requant_explain(struct requant *r);

/* requant_report.c: what was done. */
int requant_report(struct requant *r);

/* requant_sums.c: numbers about a planned output, and errors in the units people use. */
struct requant_totals {
    uint64_t n_params, in_nbytes, out_nbytes; /* of tensor data */
    uint64_t n_encoded, n_copied;
    struct requant_type {
        uint64_t n_tensors, n_params, nbytes;
    } by_type[QT_ID_END + 1]; /* the last: types unknown to us */
};
void requant_total(struct requant_totals *t, const struct gg_model *m,
                   const struct gg_plan_output *o);

struct requant_error {
    double rmse, nmse, snr_db, cosine, weighted_nmse, bias, max_abs;
    uint64_t max_row, max_col;
    bool weighted;
};
struct requant_error requant_error(const struct qk_err_sums *s, uint64_t n_cols, bool weighted);
/* Adds what makes sense for a whole model: the sums, not the place of the maximum. */
void requant_add(struct qk_err_sums *acc, const struct qk_err_sums *s);
/* "0.00213 (26.7 dB)" */
char *requant_error_text(char dst[64], const struct requant_error *e);

/* A tensor's name, escaped, in buf. */
const char *requant_name(struct gg_buf *buf, struct ggf_str name);

/* requant_json.c, requant_files.c */
void requant_json_plan(FILE *f, const struct requant *r, const struct ggf_str *only);
void requant_json_report(FILE *f, const struct requant *r);
int requant_write_files(struct requant *r); /* --report and --stats-out; an exit code */

#endif
