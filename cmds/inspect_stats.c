/* Statistics over the values of tensors, in one pass over the data. */
#include "cmds/inspect.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/progress.h"
#include "lib/stream/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values are counted by sign, exponent and the first four bits of the fraction, the upper 13 bits of
 * a float: sixteen steps an octave, whatever the range turns out to be, so one pass is enough. */
enum { BIN_SHIFT = 19, N_BINS = 1 << 13, N_OCTAVES = 256, BAR_CHARS = 16 };

static const double OUTLIER_SIGMAS = 6.0, BAR_SIGMAS = 4.0;

struct sums {
    uint64_t n, n_zero, n_nan, n_inf;
    double sum, squares; /* of the finite ones */
    float min, max;
};

/* What a tile leaves. */
struct part {
    struct sums sums;
    uint32_t bins[N_BINS];
};

struct octave {
    int exponent; /* magnitudes from 2^exponent up to below 2^(exponent+1); -127: subnormal, zero */
    uint64_t n_negative, n_positive;
};

/* What is known of a tensor in the end. */
struct result {
    size_t tensor;
    struct sums sums;
    double mean, std;
    uint64_t n_outliers;
    double bar[BAR_CHARS]; /* share of the values in each sixteenth of mean -+ 4 sigma */
    struct octave *octaves; /* those that occur */
    size_t n_octaves;
};

struct collect {
    struct inspect *x;
    size_t *tensors; /* those looked at */
    struct result *results;
    size_t n;
    uint64_t bins[N_BINS]; /* of the tensor that is being put together */
    struct gg_arena mem;
};

/* ---- a tile ----------------------------------------------------------------------------------- */

static int visit(void *ctx, const struct gg_tile *tile, void *part, void *scratch, struct gg_err *err)
{
    struct part *p = part;
    struct sums s = {.n = tile->nelems, .min = INFINITY, .max = -INFINITY};
    (void)ctx, (void)scratch, (void)err;
    for (size_t i = 0; i < tile->nelems; i++) {
        float v = tile->x[0][i];
        uint32_t bits = gg_bits_from_f32(v);
        if ((bits & 0x7F800000u) == 0x7F800000u) {
            if (bits & 0x7FFFFFu)
                s.n_nan++;
            else
                s.n_inf++;
            continue;
        }
        s.n_zero += (bits & 0x7FFFFFFFu) == 0;
        s.sum += (double)v;
        s.squares += (double)v * (double)v;
        s.min = v < s.min ? v : s.min;
        s.max = v > s.max ? v : s.max;
        p->bins[bits >> BIN_SHIFT]++;
    }
    p->sums = s;
    return GG_OK;
}

static int combine(void *ctx, const struct gg_tile *tile, void *part, struct gg_err *err)
{
    struct collect *c = ctx;
    const struct part *p = part;
    struct sums *s = &c->results[tile->item].sums;
    bool first = s->n == 0;
    (void)err;
    if (first)
        memset(c->bins, 0, sizeof c->bins);
    s->min = first || p->sums.min < s->min ? p->sums.min : s->min;
    s->max = first || p->sums.max > s->max ? p->sums.max : s->max;
    s->n += p->sums.n;
    s->n_zero += p->sums.n_zero;
    s->n_nan += p->sums.n_nan;
    s->n_inf += p->sums.n_inf;
    s->sum += p->sums.sum;
    s->squares += p->sums.squares;
    for (size_t i = 0; i < N_BINS; i++)
        c->bins[i] += p->bins[i];
    return GG_OK;
}

/* ---- a tensor --------------------------------------------------------------------------------- */

/* The magnitudes a bin holds: from *lo up to below *hi. */
static void bin_edges(size_t bin, double *lo, double *hi)
{
    uint32_t from = (uint32_t)(bin & (N_BINS / 2 - 1)) << BIN_SHIFT;
    *lo = (double)gg_f32_from_bits(from);
    *hi = (double)gg_f32_from_bits(from + (1u << BIN_SHIFT) - 1);
}

/* Spreads the n values of a bin evenly over the sixteenths it touches. */
static void add_to_bar(struct result *r, double lo, double hi, uint64_t n)
{
    double start = r->mean - BAR_SIGMAS * r->std, step = 2 * BAR_SIGMAS * r->std / BAR_CHARS;
    double all = (double)(r->sums.n - r->sums.n_nan - r->sums.n_inf);
    if (!(step > 0))
        return;
    for (int k = 0; k < BAR_CHARS; k++) {
        double a = start + k * step, b = a + step;
        double from = lo > a ? lo : a, to = hi < b ? hi : b;
        if (hi > lo && to > from)
            r->bar[k] += (double)n / all * (to - from) / (hi - lo);
        else if (hi == lo && lo >= a && lo < b)
            r->bar[k] += (double)n / all;
    }
}

static void shape_of(struct collect *c, struct result *r)
{
    for (size_t i = 0; i < N_BINS; i++) {
        double lo, hi;
        if (c->bins[i] == 0)
            continue;
        bin_edges(i, &lo, &hi);
        bool negative = i >= N_BINS / 2;
        double near = negative ? -lo : lo; /* the edge nearer to zero: all lie beyond it */
        if (r->std > 0 && fabs(near - r->mean) > OUTLIER_SIGMAS * r->std)
            r->n_outliers += c->bins[i];
        if (negative)
            add_to_bar(r, -hi, -lo, c->bins[i]);
        else
            add_to_bar(r, lo, hi, c->bins[i]);
    }
}

static bool octaves_of(struct collect *c, struct result *r)
{
    const size_t steps = N_BINS / 2 / N_OCTAVES;
    struct octave all[N_OCTAVES];
    for (size_t o = 0; o < N_OCTAVES; o++) {
        struct octave v = {.exponent = (int)o - 127};
        for (size_t k = 0; k < steps; k++) {
            v.n_positive += c->bins[o * steps + k];
            v.n_negative += c->bins[N_BINS / 2 + o * steps + k];
        }
        if (v.n_positive + v.n_negative > 0)
            all[r->n_octaves++] = v;
    }
    r->octaves = gg_arena_alloc(&c->mem, r->n_octaves * sizeof *all + 1);
    if (r->octaves != NULL)
        memcpy(r->octaves, all, r->n_octaves * sizeof *all);
    return r->octaves != NULL;
}

static bool finish(struct collect *c, struct result *r)
{
    struct sums *s = &r->sums;
    double n = (double)(s->n - s->n_nan - s->n_inf);
    if (n == 0)
        return true;
    r->mean = s->sum / n;
    double variance = s->squares / n - r->mean * r->mean;
    r->std = variance > 0 ? sqrt(variance) : 0;
    shape_of(c, r);
    return octaves_of(c, r);
}

/* ---- the walk --------------------------------------------------------------------------------- */

/* Tiles come in list order, so a tensor is complete when the next one begins. */
struct walk {
    struct collect *c;
    size_t open; /* the item being put together, SIZE_MAX: none */
};

static int combine_next(void *ctx, const struct gg_tile *tile, void *part, struct gg_err *err)
{
    struct walk *w = ctx;
    if (w->open != tile->item && w->open != SIZE_MAX && !finish(w->c, &w->c->results[w->open]))
        return gg_fail_nomem(err, "statistics");
    w->open = tile->item;
    return combine(w->c, tile, part, err);
}

static bool wanted(const struct inspect *x, const struct gg_tensor *t)
{
    return t->known &&
           (x->stats == NULL || gg_pattern_match(x->stats, t->name.p, (size_t)t->name.nbytes));
}

static bool list_tensors(struct collect *c)
{
    const struct gg_model *m = c->x->model;
    c->tensors = gg_arena_zalloc(&c->mem, m->n_tensors + 1, sizeof *c->tensors);
    c->results = gg_arena_zalloc(&c->mem, m->n_tensors + 1, sizeof *c->results);
    if (c->tensors == NULL || c->results == NULL)
        return false;
    for (size_t i = 0; i < m->n_tensors; i++) {
        if (!wanted(c->x, &m->tensors[i]))
            continue;
        c->tensors[c->n] = i;
        c->results[c->n++].tensor = i;
    }
    return true;
}

static int collect(struct collect *c, struct gg_err *err)
{
    struct cmd_env *env = c->x->env;
    const struct gg_model *m = c->x->model;
    struct qk_table *kernels = malloc(sizeof *kernels);
    struct gg_progress progress;
    struct walk walk = {c, SIZE_MAX};
    struct gg_visitor v = {.see = GG_SEE_FLOATS, .part_nbytes = sizeof(struct part), .visit = visit,
                           .combine = combine_next, .ctx = &walk};
    if (kernels == NULL || !list_tensors(c)) {
        free(kernels);
        return gg_fail_nomem(err, "statistics");
    }
    qk_init(kernels, env->cpu);
    gg_progress_begin(&progress, &env->msg, env->progress, "reading", 0);
    struct gg_visit_list list = {c->tensors, c->n};
    struct gg_stream_opts opts = {.kernels = kernels, .n_workers = env->n_threads,
                                  .progress = gg_progress_set, .progress_ctx = &progress};
    int rc = c->n > 0 ? gg_stream_visit(&m, 1, &list, &v, &opts, NULL, err) : GG_OK;
    gg_progress_end(&progress);
    free(kernels);
    if (rc == GG_OK && walk.open != SIZE_MAX && !finish(c, &c->results[walk.open]))
        rc = gg_fail_nomem(err, "statistics");
    return rc;
}

/* ---- showing ---------------------------------------------------------------------------------- */

/* How wide a table may be: most terminals are narrow. */
struct view {
    bool type;      /* room for the type */
    int join;       /* sixteenths a character of the bar stands for */
    bool nonfinite; /* there are NaN or Inf anywhere */
};

static const size_t WIDE_COLUMNS = 100;

/* The distribution in one line of block characters, mean in the middle. */
static void bar_cell(struct gg_table *t, const struct result *r, int join, bool utf8)
{
    static const char ascii[] = " .:-=+*#@";
    struct gg_buf b = GG_BUF_INIT;
    double share[BAR_CHARS] = {0}, most = 0;
    int n = BAR_CHARS / join;
    for (int k = 0; k < BAR_CHARS; k++)
        share[k / join] += r->bar[k];
    for (int k = 0; k < n; k++)
        most = share[k] > most ? share[k] : most;
    for (int k = 0; k < n && most > 0; k++) {
        int level = share[k] <= 0 ? 0 : 1 + (int)(share[k] / most * 7.0 + 0.5);
        char block[4] = {'\xE2', '\x96', (char)(0x80 + level), '\0'}; /* U+2581 .. U+2588 */
        if (level == 0)
            gg_buf_addc(&b, ' ');
        else if (utf8)
            gg_buf_adds(&b, block);
        else
            gg_buf_addc(&b, ascii[level]);
    }
    gg_table_text(t, GG_BLUE, gg_buf_str(&b), b.nbytes);
    gg_buf_free(&b);
}

static void count_cell(struct gg_table *t, uint64_t n, enum gg_style style)
{
    gg_table_cell(t, n > 0 ? style : GG_DIM, "%llu", (unsigned long long)n);
}

static void number_cell(struct gg_table *t, bool any, int digits, double v)
{
    if (any)
        gg_table_cell(t, GG_PLAIN, "%.*g", digits, v);
    else
        gg_table_cell(t, GG_DIM, "-");
}

static void result_row(struct gg_table *t, const struct inspect *x, const struct result *r,
                       const struct view *view)
{
    const struct gg_tensor *tensor = &x->model->tensors[r->tensor];
    const struct sums *s = &r->sums;
    char type[32];
    bool any = s->n > s->n_nan + s->n_inf;
    gg_table_row(t);
    gg_table_raw(t, GG_PLAIN, tensor->name.p, (size_t)tensor->name.nbytes);
    if (view->type)
        gg_table_cell(t, GG_CYAN, "%s", qt_name(tensor->type, type));
    number_cell(t, any, 3, (double)s->min);
    number_cell(t, any, 3, (double)s->max);
    number_cell(t, any, 2, r->mean);
    number_cell(t, any, 3, r->std);
    count_cell(t, s->n_zero, GG_PLAIN);
    if (view->nonfinite) {
        count_cell(t, s->n_nan, GG_RED);
        count_cell(t, s->n_inf, GG_RED);
    }
    count_cell(t, r->n_outliers, GG_PLAIN);
    bar_cell(t, r, view->join, x->term.utf8);
}

static size_t list_columns(struct gg_column *cols, const struct view *view)
{
    static const char *const numbers[] = {"min", "max", "mean", "std", "zeros", "NaN", "Inf", ">6std"};
    size_t n = 0;
    cols[n++] = (struct gg_column){.head = "name", .elastic = true};
    if (view->type)
        cols[n++] = (struct gg_column){.head = "type"};
    for (size_t i = 0; i < GG_COUNTOF(numbers); i++) {
        if (view->nonfinite || (i != 5 && i != 6))
            cols[n++] = (struct gg_column){.head = numbers[i], .align = GG_RIGHT};
    }
    cols[n++] = (struct gg_column){.head = view->join > 1 ? "-+4 std" : "mean -+ 4 std"};
    return n;
}

static int print_results(const struct collect *c, struct gg_err *err)
{
    struct gg_column cols[12];
    struct gg_table t;
    bool wide = c->x->term.columns == 0 || c->x->term.columns >= WIDE_COLUMNS;
    struct view view = {.type = wide, .join = wide ? 1 : 2};
    for (size_t i = 0; i < c->n; i++)
        view.nonfinite |= c->results[i].sums.n_nan + c->results[i].sums.n_inf > 0;
    gg_table_init(&t, cols, list_columns(cols, &view), "");
    for (size_t i = 0; i < c->n; i++)
        result_row(&t, c->x, &c->results[i], &view);
    int rc = gg_table_print(&t, c->x->env->out, &c->x->term, err);
    gg_table_free(&t);
    return rc;
}

static void result_json(const struct collect *c, const struct result *r, struct gg_json *j)
{
    const struct gg_tensor *t = &c->x->model->tensors[r->tensor];
    const struct sums *s = &r->sums;
    bool any = s->n > s->n_nan + s->n_inf;
    gg_json_object_inline(j, NULL);
    gg_json_text(j, "name", t->name.p, (size_t)t->name.nbytes);
    gg_json_u64(j, "elements", s->n);
    if (any) {
        gg_json_f32(j, "min", s->min);
        gg_json_f32(j, "max", s->max);
        gg_json_f64(j, "mean", r->mean);
        gg_json_f64(j, "std", r->std);
    }
    gg_json_u64(j, "zeros", s->n_zero);
    gg_json_u64(j, "nan", s->n_nan);
    gg_json_u64(j, "inf", s->n_inf);
    gg_json_u64(j, "outliers", r->n_outliers);
    gg_json_array_inline(j, "histogram");
    for (size_t i = 0; i < r->n_octaves; i++) {
        gg_json_array_inline(j, NULL);
        gg_json_i64(j, NULL, r->octaves[i].exponent);
        gg_json_u64(j, NULL, r->octaves[i].n_negative);
        gg_json_u64(j, NULL, r->octaves[i].n_positive);
        gg_json_close(j);
    }
    gg_json_close(j);
    gg_json_close(j);
}

int inspect_stats(struct inspect *x, struct gg_json *j, struct gg_err *err)
{
    struct collect *c = calloc(1, sizeof *c);
    if (c == NULL)
        return gg_fail_nomem(err, "statistics");
    c->x = x;
    int rc = collect(c, err);
    if (rc == GG_OK && j == NULL)
        rc = print_results(c, err);
    if (j != NULL) {
        gg_json_array(j, "stats");
        for (size_t i = 0; rc == GG_OK && i < c->n; i++)
            result_json(c, &c->results[i], j);
        gg_json_close(j);
    }
    gg_arena_free(&c->mem);
    free(c);
    return rc;
}
