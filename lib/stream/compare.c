#include "lib/stream/compare.h"

#include "lib/base/num.h"
#include "lib/quant/qtype.h"
#include "lib/stream/bins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows shorter than this are summed up as one run: sums over lanes cost too much for a few elements. */
enum { SHORT_ROW = 64 };

/* Elements decoded at a time, as far as rows allow. */
enum { RUN_NELEMS = 4096 };

/* What a tile leaves, of each of the others. */
struct part {
    bool skipped; /* equal bytes, not decoded */
    bool same_bytes;
    struct gg_comparison c;
    double row_ee, row_xx; /* of the piece, where a tile is a piece of a row */
};

/* One tensor of one model while its tiles come in. */
struct open {
    bool skipped, decoded; /* some tiles were */
    bool same_bytes;
    double row_ee, row_xx; /* of the row that pieces come of */
    uint64_t bins[GG_N_BINS];
};

struct compare {
    const struct gg_compare *c;
    const struct qk_table *k;
    struct gg_comparison *result;
    size_t n_others;
    bool decode_all; /* equal bytes too */
    const size_t *item; /* in the second pass: which item of the list it is; NULL: itself */
    struct open *open;  /* n_others */
    bool *mixed;        /* by item: to be read again */
    size_t part_nbytes; /* of one of the others */
};

struct gg_error gg_error_of(const struct qk_err_sums *s)
{
    struct gg_error e = {0};
    double n = s->n > 0 ? (double)s->n : 1;
    e.rmse = sqrt(s->ee / n);
    e.nmse = s->ee == 0 ? 0 : s->ee / s->xx;
    e.snr_db = e.nmse == 0 ? INFINITY : -10 * log10(e.nmse);
    e.max_abs = s->max_abs;
    e.bias = s->e / n;
    e.cosine = s->ee == 0 ? 1 : 0;
    if (s->ee != 0 && s->xx > 0 && s->yy > 0)
        e.cosine = s->xy / (sqrt(s->xx) * sqrt(s->yy));
    e.weighted = s->wxx > 0 || s->wee > 0 ? s->wee / s->wxx : e.nmse;
    return e;
}

/* ---- some rows of one model ------------------------------------------------------------------ */

/* Rows of the base and of another, side by side: few enough that both stay in the nearest cache. */
struct run {
    const struct gg_tensor *t; /* of the base */
    uint64_t first, row, col;  /* as in gg_tile */
    size_t n_rows, n_cols, nelems;
    const float *x, *y, *weights; /* n_cols weights that all these rows share, or NULL */
    const void *raw[2];
    uint32_t type[2];
};

static void take_row(struct gg_comparison *c, double ee, double xx, uint64_t row)
{
    double nmse = ee == 0 ? 0 : ee / xx;
    if (nmse > c->row_nmse) {
        c->row_nmse = nmse;
        c->row = row;
    }
}

static void sum_short_rows(const struct compare *w, const struct run *s, struct part *p)
{
    struct qk_err_sums sums;
    w->k->err_row(&sums, s->x, s->y, NULL, s->nelems);
    qk_err_add(&p->c.sums, &sums, s->first);
    for (size_t r = 0; r < s->n_rows; r++) {
        double ee = 0, xx = 0;
        for (size_t i = r * s->n_cols; i < (r + 1) * s->n_cols; i++) {
            double a = s->x[i], e = s->y[i] - a;
            ee += e * e;
            xx += a * a;
        }
        take_row(&p->c, ee, xx, s->row + r);
    }
}

static void sum_rows(const struct compare *w, const struct run *s, struct part *p)
{
    bool whole = s->n_cols == s->t->ne[0];
    if (whole && s->n_cols < SHORT_ROW && s->weights == NULL) {
        sum_short_rows(w, s, p);
        return;
    }
    for (size_t r = 0; r < s->n_rows; r++) {
        struct qk_err_sums sums;
        size_t at = r * s->n_cols;
        w->k->err_row(&sums, s->x + at, s->y + at, s->weights, s->n_cols);
        qk_err_add(&p->c.sums, &sums, s->first + at);
        p->row_ee = sums.ee;
        p->row_xx = sums.xx;
        if (whole)
            take_row(&p->c, sums.ee, sums.xx, s->row + r);
    }
}

static void count_odd(uint64_t *n_nan, uint64_t *n_inf, double v)
{
    *n_nan += isnan(v) != 0;
    *n_inf += isinf(v) != 0;
}

/* An element that is not finite on both sides. True when both say the same. */
static bool take_odd(struct gg_comparison *c, uint64_t elem, double x, double y)
{
    bool same = x == y || (isnan(x) && isnan(y));
    count_odd(&c->n_nan[0], &c->n_inf[0], x);
    count_odd(&c->n_nan[1], &c->n_inf[1], y);
    if (!same && c->n_odd++ == 0) {
        c->odd[0] = (struct gg_spot){.elem = elem, .value = (float)x};
        c->odd[1] = (struct gg_spot){.elem = elem, .value = (float)y};
    }
    return same;
}

/* Copies both sides with zeros in place of what is not finite on either, and sums that up; such
 * elements count as same only when both sides say the same. */
static void sum_around_odd(const struct compare *w, struct run *s, struct part *p, float *x, float *y)
{
    uint64_t n_left_out = 0, n_same = 0;
    for (size_t i = 0; i < s->nelems; i++) {
        bool odd = !isfinite(s->x[i]) || !isfinite(s->y[i]);
        if (odd)
            n_same += take_odd(&p->c, s->first + i, s->x[i], s->y[i]);
        n_left_out += odd;
        x[i] = odd ? 0 : s->x[i];
        y[i] = odd ? 0 : s->y[i];
    }
    s->x = x;
    s->y = y;
    sum_rows(w, s, p);
    p->c.sums.n -= n_left_out;
    p->c.sums.n_same -= n_left_out - n_same;
}

/* ---- types whose values a float does not hold ------------------------------------------------ */

static bool is_wide(uint32_t type)
{
    return type == QT_F64 || type == QT_I64 || type == QT_I32;
}

static double value_at(uint32_t type, const void *raw, const float *decoded, size_t i)
{
    const uint8_t *p = raw;
    if (type == QT_F64)
        return gg_f64_from_bits(gg_load_u64(p + 8 * i));
    if (type == QT_I64)
        return (double)(int64_t)gg_load_u64(p + 8 * i);
    if (type == QT_I32)
        return (int32_t)gg_load_u32(p + 4 * i);
    return decoded[i];
}

static bool equal_at(const struct run *s, size_t i, double x, double y)
{
    if (s->type[0] == QT_I64 && s->type[1] == QT_I64) /* a double does not hold them all */
        return memcmp((const char *)s->raw[0] + 8 * i, (const char *)s->raw[1] + 8 * i, 8) == 0;
    return x == y;
}

static void add_wide(struct qk_err_sums *s, double x, double y, const float *weight, uint64_t elem)
{
    double e = y - x;
    s->ee += e * e;
    s->xx += x * x;
    s->yy += y * y;
    s->xy += x * y;
    s->e += e;
    s->wee += weight != NULL ? *weight * (e * e) : 0;
    s->wxx += weight != NULL ? *weight * (x * x) : 0;
    if (fabs(e) > s->max_abs) {
        s->max_abs = fabs(e);
        s->max_at = elem;
    }
}

/* Rows one element after the other: slow, and for rare types only. */
static void sum_wide(const struct run *s, struct part *p)
{
    for (size_t r = 0; r < s->n_rows; r++) {
        struct qk_err_sums row = {0};
        for (size_t col = 0; col < s->n_cols; col++) {
            size_t i = r * s->n_cols + col;
            double x = value_at(s->type[0], s->raw[0], s->x, i);
            double y = value_at(s->type[1], s->raw[1], s->y, i);
            if (!isfinite(x) || !isfinite(y)) {
                row.n_same += take_odd(&p->c, s->first + i, x, y);
                continue;
            }
            add_wide(&row, x, y, s->weights != NULL ? s->weights + col : NULL, col);
            row.n_same += equal_at(s, i, x, y);
            row.n++;
        }
        qk_err_add(&p->c.sums, &row, s->first + r * s->n_cols);
        p->row_ee = row.ee;
        p->row_xx = row.xx;
        if (s->n_cols == s->t->ne[0])
            take_row(&p->c, row.ee, row.xx, s->row + r);
    }
}

/* ---- a tile ---------------------------------------------------------------------------------- */

static size_t list_item(const struct compare *w, const struct gg_tile *t)
{
    return w->item != NULL ? w->item[t->item] : t->item;
}

static struct part *part_of(const struct compare *w, void *parts, size_t other)
{
    return (struct part *)(void *)((char *)parts + other * w->part_nbytes);
}

static const struct gg_tensor *tensor_of(const struct compare *w, const struct gg_tile *t, size_t m)
{
    return &w->c->models[m]->tensors[t->tensor[m]];
}

static bool equal_bytes(const struct compare *w, const struct gg_tile *t, size_t m)
{
    return tensor_of(w, t, 0)->type == tensor_of(w, t, m)->type &&
           memcmp(t->raw[0], t->raw[m], t->raw_nbytes[0]) == 0;
}

/* Decoded rows: of the base, of one of the others, and copies of both; and weights. */
enum { BASE, OTHER, BASE_COPY, OTHER_COPY, WEIGHTS, N_BUFFERS };

/* Stored bytes of rows of a tile. */
static const void *raw_of(const struct compare *w, const struct gg_tile *t, size_t m, size_t row)
{
    const struct qt_info *info = qt_info(tensor_of(w, t, m)->type);
    return (const char *)t->raw[m] + row * t->n_cols / info->block_nelems * info->block_nbytes;
}

static void decode(const struct compare *w, const struct run *s, size_t side, float *dst)
{
    const struct qt_info *info = qt_info(s->type[side]);
    w->k->k[info->type].dequant(dst, s->raw[side], s->nelems / info->block_nelems);
}

/* Squares of floats add up to what a double holds, unless one of them is not finite. */
static void sum_floats(const struct compare *w, struct run *s, struct part *p,
                       float *buffer[N_BUFFERS])
{
    const struct part before = *p;
    sum_rows(w, s, p);
    if (!isfinite(p->c.sums.xx) || !isfinite(p->c.sums.yy)) {
        *p = before;
        sum_around_odd(w, s, p, buffer[BASE_COPY], buffer[OTHER_COPY]);
    }
}

/* One of the others, the base being decoded already. */
static void look(const struct compare *w, const struct gg_tile *t, size_t m, size_t row,
                 struct run s, struct part *p, float *buffer[N_BUFFERS])
{
    s.raw[1] = raw_of(w, t, m, row);
    s.type[1] = tensor_of(w, t, m)->type;
    if (!p->same_bytes) {
        decode(w, &s, 1, buffer[OTHER]);
        s.y = buffer[OTHER];
    }
    if (is_wide(s.type[0]) || is_wide(s.type[1]))
        sum_wide(&s, p);
    else
        sum_floats(w, &s, p, buffer);
    if (w->c->histogram != NULL)
        gg_bins_add((uint32_t *)(void *)(p + 1), s.x, s.y, s.nelems);
}

/* Decodes rows of the base, and of each of the others in turn. */
static void look_all(const struct compare *w, const struct gg_tile *t, size_t row, size_t n_rows,
                     bool weighted, void *parts, float *scratch)
{
    float *buffer[N_BUFFERS];
    for (size_t i = 0; i < N_BUFFERS; i++)
        buffer[i] = scratch + i * GG_TILE_NELEMS;
    struct run s = {.t = tensor_of(w, t, 0), .first = t->first + row * t->n_cols,
                    .row = t->row + row, .col = t->col, .n_rows = n_rows, .n_cols = t->n_cols,
                    .nelems = n_rows * t->n_cols, .x = buffer[BASE], .y = buffer[BASE],
                    .weights = weighted ? buffer[WEIGHTS] : NULL};
    s.raw[0] = raw_of(w, t, 0, row);
    s.type[0] = s.t->type;
    decode(w, &s, 0, buffer[BASE]);
    for (size_t m = 1; m <= w->n_others; m++) {
        if (t->tensor[m] != GG_NO_TENSOR)
            look(w, t, m, row, s, part_of(w, parts, m - 1), buffer);
    }
}

/* The rows of a tile, a few at a time; those of a run are of one matrix when there are weights. */
static int look_tile(const struct compare *w, const struct gg_tile *t, void *parts, float *scratch,
                     struct gg_err *err)
{
    const struct gg_tensor *base = tensor_of(w, t, 0);
    const struct gg_weights *weights =
        w->c->weights != NULL ? w->c->weights[list_item(w, t)] : NULL;
    size_t step = RUN_NELEMS > t->n_cols ? RUN_NELEMS / t->n_cols : 1, n;
    uint64_t loaded = UINT64_MAX;
    for (size_t row = 0; row < t->n_rows; row += n) {
        uint64_t mat = (t->row + row) / base->ne[1], in_mat = (t->row + row) % base->ne[1];
        n = gg_min_u64(step, t->n_rows - row);
        if (weights != NULL) {
            int rc = GG_OK;
            n = gg_min_u64(n, base->ne[1] - in_mat);
            if (mat != loaded)
                rc = weights->read(weights, mat * base->ne[0] + t->col, t->n_cols,
                                   scratch + (size_t)WEIGHTS * GG_TILE_NELEMS, err);
            if (rc != GG_OK)
                return rc;
            loaded = mat;
        }
        look_all(w, t, row, n, weights != NULL, parts, scratch);
    }
    return GG_OK;
}

static int visit(void *ctx, const struct gg_tile *t, void *parts, void *scratch, struct gg_err *err)
{
    const struct compare *w = ctx;
    bool any = w->decode_all;
    for (size_t m = 1; m <= w->n_others; m++) {
        struct part *p = part_of(w, parts, m - 1);
        p->same_bytes = t->tensor[m] != GG_NO_TENSOR && equal_bytes(w, t, m);
        any |= t->tensor[m] != GG_NO_TENSOR && !p->same_bytes;
    }
    for (size_t m = 1; m <= w->n_others && !any; m++) {
        struct part *p = part_of(w, parts, m - 1);
        p->skipped = true;
        p->c.sums.n = t->tensor[m] != GG_NO_TENSOR ? t->nelems : 0;
    }
    return any ? look_tile(w, t, parts, scratch, err) : GG_OK;
}

/* ---- tiles put together ---------------------------------------------------------------------- */

static void add_comparison(struct gg_comparison *to, const struct gg_comparison *c)
{
    if (to->n_odd == 0)
        memcpy(to->odd, c->odd, sizeof to->odd);
    for (size_t i = 0; i < 2; i++) {
        to->n_nan[i] += c->n_nan[i];
        to->n_inf[i] += c->n_inf[i];
    }
    to->n_odd += c->n_odd;
    qk_err_add(&to->sums, &c->sums, 0);
    if (c->row_nmse > to->row_nmse) {
        to->row_nmse = c->row_nmse;
        to->row = c->row;
    }
}

/* Pieces of a row become a row. */
static void add_piece(struct gg_comparison *to, struct open *o, const struct gg_tile *t,
                      const struct part *p, uint64_t n_cols)
{
    if (t->n_cols == n_cols)
        return;
    o->row_ee = p->row_ee + (t->col > 0 ? o->row_ee : 0);
    o->row_xx = p->row_xx + (t->col > 0 ? o->row_xx : 0);
    if (t->col + t->n_cols == n_cols)
        take_row(to, o->row_ee, o->row_xx, t->row);
}

static void finish(struct compare *w, const struct gg_tensor *t, size_t r, struct open *o)
{
    struct gg_comparison *c = &w->result[r];
    bool all_same = c->sums.n_same == t->nelems && c->n_odd == 0;
    c->same = o->same_bytes ? GG_SAME_BYTES : all_same ? GG_SAME_VALUES : GG_OTHER_VALUES;
    for (size_t i = 0; i < 2; i++) {
        c->odd[i].row = c->odd[i].elem / t->ne[0];
        c->odd[i].col = c->odd[i].elem % t->ne[0];
    }
    if (w->c->histogram != NULL && w->c->histogram[r] != NULL)
        gg_bins_deal(w->c->histogram[r], o->decoded ? o->bins : NULL, &c->sums, t->nelems);
}

static int combine(void *ctx, const struct gg_tile *t, void *parts, struct gg_err *err)
{
    struct compare *w = ctx;
    const struct gg_tensor *base = tensor_of(w, t, 0);
    size_t item = list_item(w, t);
    bool last = t->first + t->nelems == base->nelems;
    (void)err;
    for (size_t m = 1; m <= w->n_others; m++) {
        const struct part *p = part_of(w, parts, m - 1);
        struct open *o = &w->open[m - 1];
        size_t r = item * w->n_others + m - 1;
        if (t->tensor[m] == GG_NO_TENSOR)
            continue;
        if (t->first == 0) {
            memset(&w->result[r], 0, sizeof *w->result);
            *o = (struct open){.same_bytes = true};
        }
        o->skipped |= p->skipped;
        o->decoded |= !p->skipped;
        o->same_bytes &= p->same_bytes;
        add_comparison(&w->result[r], &p->c);
        add_piece(&w->result[r], o, t, p, base->ne[0]);
        const uint32_t *bins = (const uint32_t *)(const void *)(p + 1);
        for (size_t i = 0; w->c->histogram != NULL && i < GG_N_BINS; i++)
            o->bins[i] += bins[i];
        w->mixed[item] = o->skipped && o->decoded;
        if (last && !w->mixed[item])
            finish(w, base, r, o);
    }
    return GG_OK;
}

/* ---- passes ---------------------------------------------------------------------------------- */

static int walk(struct compare *w, const size_t *tensor, size_t n, const struct gg_stream_opts *opts,
                struct gg_stream_usage *usage, struct gg_err *err)
{
    struct gg_visitor v = {.see = GG_SEE_RAW, .part_nbytes = w->n_others * w->part_nbytes,
                           .scratch_nbytes = N_BUFFERS * GG_TILE_NELEMS * sizeof(float),
                           .visit = visit, .combine = combine, .ctx = w};
    struct gg_visit_list list = {tensor, n};
    return gg_stream_visit(w->c->models, w->c->n_models, &list, &v, opts, usage, err);
}

/* Sums of a tensor are over all of it, so where only some tiles could be passed over, none may. */
static int walk_mixed(struct compare *w, const struct gg_stream_opts *opts, struct gg_err *err)
{
    size_t k = w->c->n_models, n = 0;
    size_t *tensor = calloc(w->c->n * k + 1, sizeof *tensor);
    size_t *item = calloc(w->c->n + 1, sizeof *item);
    int rc = tensor == NULL || item == NULL ? gg_fail_nomem(err, "the list of tensors") : GG_OK;
    for (size_t i = 0; rc == GG_OK && i < w->c->n; i++) {
        if (!w->mixed[i])
            continue;
        memcpy(tensor + n * k, w->c->tensor + i * k, k * sizeof *tensor);
        item[n++] = i;
    }
    w->decode_all = true;
    w->item = item;
    if (rc == GG_OK && n > 0)
        rc = walk(w, tensor, n, opts, NULL, err);
    free(tensor);
    free(item);
    return rc;
}

int gg_compare_run(const struct gg_compare *c, const struct gg_stream_opts *opts,
                   struct gg_comparison *result, struct gg_stream_usage *usage, struct gg_err *err)
{
    struct compare w = {.c = c, .k = opts->kernels, .result = result, .n_others = c->n_models - 1};
    size_t nbytes = sizeof(struct part) + (c->histogram != NULL ? GG_N_BINS * sizeof(uint32_t) : 0);
    w.part_nbytes = (nbytes + 15) & ~(size_t)15;
    memset(result, 0, c->n * w.n_others * sizeof *result);
    w.open = calloc(w.n_others + 1, sizeof *w.open);
    w.mixed = calloc(c->n + 1, sizeof *w.mixed);
    int rc = w.open == NULL || w.mixed == NULL ? gg_fail_nomem(err, "a comparison") : GG_OK;
    if (rc == GG_OK)
        rc = walk(&w, c->tensor, c->n, opts, usage, err);
    if (rc == GG_OK)
        rc = walk_mixed(&w, opts, err);
    free(w.open);
    free(w.mixed);
    return rc;
}
