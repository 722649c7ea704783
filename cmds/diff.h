/* The parts of `ggtool diff`. */
#ifndef CMD_DIFF_H
#define CMD_DIFF_H

#include "cmds/cmd.h"
#include "lib/cli/json.h"
#include "lib/cli/progress.h"
#include "lib/job/metadiff.h"
#include "lib/model/describe.h"
#include "lib/model/match.h"
#include "lib/plan/imatrix.h"
#include "lib/report/plot.h"
#include "lib/stream/compare.h"

/* What tensors are sorted and judged by: the choices of --sort. */
enum diff_key {
    DIFF_NMSE,
    DIFF_WEIGHTED,
    DIFF_RMSE,
    DIFF_MAX_ABS,
    DIFF_ROW,
    DIFF_BIAS,
    DIFF_COSINE, /* the least is the worst */
    DIFF_SNR,    /* so too; only for --fail-above, since it is nmse in other words */
    DIFF_BYTES,
    DIFF_NAME,
    DIFF_FILE, /* order of the base */
    DIFF_KEYS
};
extern const char *const diff_keys[]; /* NULL-terminated */

struct diff_opts {
    const char *tensors, *imatrix, *fail_above, *arch;
    struct gg_opt_u64 top, max_memory;
    int sort; /* enum diff_key, DIFF_KEYS: by error */
    bool hex, rows, json, csv, full, plot, header_only, force;
    const char *html, *svg, *png;
};

/* What stood in the way of comparing all; the first that applies is the exit status. */
enum diff_trouble {
    DIFF_CUT,     /* a side is truncated */
    DIFF_UNKNOWN, /* a tensor of unknown type */
    DIFF_ARCH,
    DIFF_MISSING,
    DIFF_SHAPE,
    DIFF_ODD, /* values not finite on one side */
    DIFF_TROUBLES
};
enum { DIFF_EXIT_ARCH = 6, DIFF_EXIT_MISSING, DIFF_EXIT_SHAPE, DIFF_EXIT_ODD };

/* Some tensors of one model beside those of the base. */
struct diff_tally {
    uint64_t n_tensors, n_params;
    uint64_t nbytes[2];
    uint64_t n_same_bytes, n_same_values, n_other; /* tensors */
    struct qk_err_sums sums; /* of those whose bytes differ, in any of the models */
    double weighted_sum, weighted_n; /* of weighted NMSE times elements, and of elements */
};

struct diff_types { /* a change of type, or none */
    uint32_t from, to;
    const struct gg_tensor *first[2]; /* one of each model: gg_tensor_stored has its name */
    struct diff_tally t;
};

/* One model against the base. */
struct diff_other {
    struct gg_meta_diff meta;
    uint64_t n_state[GG_MATCH_STATES]; /* tensors */
    struct diff_tally all; /* compared tensors */
    struct diff_types *types; /* most bytes of the base first */
    size_t n_types;
    struct diff_tally role[GG_ROLE_COUNT];
    size_t n_odd; /* tensors with values that are not finite on one side */
    size_t worst; /* item, SIZE_MAX: none differs */
    bool other_arch;
};

struct diff_limit { /* of --fail-above */
    enum diff_key key;
    double v;
};

struct diff {
    struct cmd_env *env;
    const struct diff_opts *o;
    struct gg_term term;
    struct gg_pattern *only;
    enum diff_key sort;
    struct diff_limit limits[DIFF_KEYS];
    size_t n_limits;

    size_t n_models, n_others;
    const struct gg_model **models; /* the base first */
    const char **labels;            /* short names, escaped: no two alike */
    struct gg_desc *desc;
    bool *cut; /* by model: truncated */
    struct gg_match match;
    struct gg_imatrix *imatrix;

    size_t *item;     /* by item of the match: item of the comparison, SIZE_MAX: not compared */
    size_t n_compared; /* items */
    struct gg_comparison *result; /* [compared item * n_others + other] */
    const struct gg_weights **weights; /* by compared item */
    size_t n_weighted;            /* tensors with weights among them */
    struct gg_error_histogram *histograms; /* by diff_histogram_of; NULL: not asked for */
    size_t n_histograms;
    struct gg_stream_usage usage;

    struct diff_other *others;
    size_t *order; /* items whose values differ somewhere, the worst first or as --sort says */
    size_t n_order;
    bool trouble[DIFF_TROUBLES];
    struct gg_arena mem;
};

/* ---- diff_open.c: sources ---- */
/* What a model is called by its file type: as it says, else as its tensors are. */
const char *diff_type_name(const struct diff *d, size_t model, char tmp[32]);
GG_MUST_CHECK int diff_open(struct diff *d, int argc, char **argv, struct gg_err *err);
void diff_free(struct diff *d);

/* ---- diff_run.c: the comparison ---- */
GG_MUST_CHECK int diff_run(struct diff *d, struct gg_err *err);
/* The tensor of a model in an item, NULL when it is not there. */
const struct gg_tensor *diff_tensor(const struct diff *d, size_t item, size_t model);
/* What was found; NULL: not compared. */
const struct gg_comparison *diff_result(const struct diff *d, size_t item, size_t other);
/* Compared, and the values are others. */
bool diff_differs(const struct diff *d, size_t item, size_t other);
struct gg_stream_opts diff_stream(struct diff *d, struct gg_progress *progress);

/* ---- diff_sums.c: numbers ---- */
GG_MUST_CHECK int diff_sum_up(struct diff *d, struct gg_err *err);
/* What a tensor is sorted and judged by: more is worse. */
double diff_badness(const struct diff *d, size_t item, size_t other, enum diff_key key);
/* Share of values that are the same on both sides. */
double diff_exact(const struct gg_tensor *base, const struct gg_comparison *c);
/* The whole model, or some of it. The weighted number is the mean of the tensors' ones. */
struct gg_error diff_error_of(const struct diff_tally *t);
/* Whether anything is different: values, types, tensors, metadata. */
bool diff_is_different(const struct diff *d, size_t other);
/* --fail-above. The option's text to limits; then what exceeds them is said. */
GG_MUST_CHECK int diff_read_limits(struct diff *d, const char *text, struct gg_err *err);
bool diff_exceeds(const struct diff *d);

/* ---- diff_screen.c, diff_many.c: the default views ---- */
GG_MUST_CHECK int diff_screen(struct diff *d, struct gg_err *err);
GG_MUST_CHECK int diff_many(struct diff *d, struct gg_err *err);
/* "0.00361 (24.4 dB)", "none" */
const char *diff_error_text(char dst[64], double nmse);
/* The verdict on one model: "values differ in 30 of 39 tensors, ...". */
void diff_verdict(struct gg_buf *out, const struct diff *d, size_t other);
/* What could not be compared, and why: lines. */
void diff_trouble_text(struct gg_buf *out, const struct diff *d, size_t other);
/* Tensors to be shown one by one: of d->order. */
size_t diff_n_shown(const struct diff *d);
void diff_print_worst(struct diff *d, struct gg_err *err);
/* Says what could not be compared, on stderr. */
void diff_say_trouble(struct diff *d);

/* ---- diff_json.c ---- */
GG_MUST_CHECK int diff_json(struct diff *d, struct gg_err *err);
GG_MUST_CHECK int diff_csv(struct diff *d, struct gg_err *err);

/* ---- diff_hex.c, diff_rows.c: one tensor closely ---- */
GG_MUST_CHECK int diff_hex(struct diff *d, struct gg_err *err);

enum { DIFF_N_ROWS = 5 };
struct diff_place { /* a row or a channel and its relative error */
    uint64_t at;
    double error;
};
struct diff_rows {
    struct diff_place row[DIFF_N_ROWS], col[DIFF_N_ROWS]; /* the worst first */
    size_t n_rows, n_cols;
    bool cols_left_out; /* rows are too long to keep a sum for each channel */
};
/* Of one tensor of one model. */
GG_MUST_CHECK int diff_find_rows(struct diff *d, size_t item, size_t other, struct diff_rows *out,
                                 struct gg_err *err);
GG_MUST_CHECK int diff_print_rows(struct diff *d, struct gg_err *err);

/* ---- diff_grid.c: tensors by layer and role ---- */

/* A stack of layers, or all tensors outside of layers as one layer without a name. */
struct diff_grid {
    const char *title; /* "blk"; NULL: outside */
    const char **layers, **roles;
    size_t n_layers, n_roles;
    size_t *item; /* [layer * n_roles + role]; SIZE_MAX: none */
};
struct diff_grids {
    struct diff_grid *v;
    size_t n;
    double best, worst; /* dB, of all models */
};
GG_MUST_CHECK int diff_make_grids(struct diff *d, struct diff_grids *out, struct gg_err *err);
/* One grid as one of the models has it; NULL when out of memory. */
const struct gg_heat *diff_heat_of(struct diff *d, const struct diff_grids *g, size_t grid,
                                   size_t other);

/* ---- diff_plot.c: pictures ---- */
bool diff_wants_pictures(const struct diff *d);
/* The histogram that errors of this type of this model are added to. */
size_t diff_histogram_of(const struct diff *d, size_t other, uint32_t type);
/* Models with less error than this are not drawn beside others. */
#define DIFF_HARDLY 1e-9
/* Heat maps of one model; down: layers down. Returns the y below. */
double diff_draw_heats(struct diff *d, const struct diff_grids *g, size_t other,
                       struct gg_picture *p, double y, bool down);
void diff_draw_histogram(struct diff *d, struct gg_picture *p, double y, double w);
/* False when there are no two to compare. */
bool diff_draw_scatter(struct diff *d, struct gg_picture *p, double y, double w);
GG_MUST_CHECK int diff_plot(struct diff *d, struct gg_err *err);
GG_MUST_CHECK int diff_write_pictures(struct diff *d, struct gg_err *err);

/* ---- diff_page.c: --html ---- */
GG_MUST_CHECK int diff_page(struct diff *d, const struct diff_grids *g, struct gg_buf *out,
                            struct gg_err *err);

#endif
