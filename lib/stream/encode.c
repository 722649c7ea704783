/* Encoding a slab, tile by tile: decode, look for what is not finite, and for each encoding encode,
 * check and measure while the tile is still in the cache. */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"
#include "lib/stream/write.h"
#include "lib/sys/clock.h"

#include <math.h>
#include <string.h>

/* A magnitude that no block scale in F16 can carry: the widest is the magnitude over 2^12 (Q6_K),
 * and 2^28 overflows F16. Far beyond it the arithmetic of some types overflows on the way to the
 * scale, which then looks sound. */
static const float too_large = 0x1p40F;

float *gg_tile_of(const struct gg_writer *w, const struct gg_hand *h)
{
    return (float *)h->scratch + (w->weighs ? GG_TILE_NELEMS : 0);
}

int gg_decode_tile(const struct gg_writer *w, const struct gg_item *it, const struct gg_cell *c,
                   const uint8_t *stored, float *x, struct gg_found *found, struct gg_err *err)
{
    uint32_t type = it->tensor->type;
    const struct qk_table *kernels = w->opts->stream.kernels;
    kernels->k[type].dequant(x, stored, c->nelems / qt_info(type)->block_nelems);
    *found = (struct gg_found){0};
    size_t at = kernels->find_beyond(x, c->nelems, too_large);
    for (; at < c->nelems; at += kernels->find_beyond(x + at, c->nelems - at, too_large)) {
        if (isfinite(x[at])) {
            found->large = true;
        } else if (w->opts->nonfinite == GG_NONFINITE_FAIL) {
            struct gg_spot spot = gg_spot_at(&it->grid, c->first + at, x[at]);
            return gg_stream_fail_nonfinite(w->model, it->tensor, &spot, err);
        } else {
            x[at] = 0;
            found->n_zeroed++;
        }
        at++;
    }
    return GG_OK;
}

/* Place of the largest magnitude of a block: it is what its scale came from. */
static struct gg_spot block_peak(const struct gg_item *it, const struct gg_encoding *e,
                                 const struct gg_cell *c, const float *x, size_t block)
{
    size_t first = block * e->block_nelems, peak = first;
    for (size_t i = first; i < first + e->block_nelems; i++) {
        if (fabsf(x[i]) > fabsf(x[peak]))
            peak = i;
    }
    return gg_spot_at(&it->grid, c->first + peak, x[peak]);
}

static int fail_overflow(const struct gg_writer *w, const struct gg_item *it,
                         const struct gg_encoding *e, const struct gg_spot *spot, struct gg_err *err)
{
    char at[256];
    const struct qt_info *type = qt_info(e->type);
    const char *what = type->flags & QT_BLOCKS ? "scale of the block overflows F16 in" : "overflows";
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: %s: %s %s: value %g", w->model->name,
                   gg_spot_text(at, it->tensor, spot), what, type->name, (double)spot->value);
}

/* The first block from `from` on whose scale overflowed; all of them when there is none. */
static size_t next_overflow(const struct gg_writer *w, const struct gg_encoding *e,
                            const struct gg_cell *c, const float *x, const uint8_t *dst, bool large,
                            size_t from)
{
    const struct qt_info *type = qt_info(e->type);
    size_t n = c->nelems / e->block_nelems, first = from * e->block_nelems;
    size_t at = from + e->kernel->valid(dst + from * type->block_nbytes, n - from);
    if (!large || !(type->flags & QT_BLOCKS) || (type->flags & QT_WIDE_SCALES))
        return at;
    size_t peak = w->opts->stream.kernels->find_beyond(x + first, c->nelems - first, too_large);
    return from + peak / e->block_nelems < at ? from + peak / e->block_nelems : at;
}

/* Looks at what was encoded: all input was finite, so must all scales be. */
static int check_encoded(const struct gg_writer *w, const struct gg_item *it,
                         const struct gg_encoding *e, const struct gg_cell *c, const float *x,
                         const uint8_t *dst, bool large, struct gg_tensor_result *res,
                         struct gg_err *err)
{
    size_t n = c->nelems / e->block_nelems, at = next_overflow(w, e, c, x, dst, large, 0);
    for (; at < n; at = next_overflow(w, e, c, x, dst, large, at + 1)) {
        struct gg_spot spot = block_peak(it, e, c, x, at);
        if (!w->opts->note_overflow)
            return fail_overflow(w, it, e, &spot, err);
        if (res->n_overflow++ == 0)
            res->overflow = spot;
    }
    return GG_OK;
}

/* F16 has a largest number: what lies beyond it becomes that, and is counted. (The kernel gives
 * infinity, as the conversion does.) */
static void clip_f16(const struct gg_item *it, const struct gg_encoding *e, const struct gg_cell *c,
                     const float *x, uint8_t *dst, struct gg_tensor_result *res)
{
    size_t at = e->kernel->valid(dst, c->nelems);
    for (; at < c->nelems; at += e->kernel->valid(dst + 2 * at, c->nelems - at)) {
        if (res->n_f16_clipped++ == 0)
            res->overflow = gg_spot_at(&it->grid, c->first + at, x[at]);
        gg_store_u16(dst + 2 * at, (uint16_t)(gg_load_u16(dst + 2 * at) - 1));
        at++;
    }
    res->n_overflow = res->n_f16_clipped;
}

/* Sums over a tile, or one of its rows, decoding what was made of it piece by piece. */
static void measure_run(const struct gg_write_opts *o, const struct gg_encoding *e,
                        size_t first, size_t n, const float *x, const float *weights,
                        const uint8_t *dst, float *back, struct gg_tensor_result *res)
{
    for (size_t i = 0; i < n; i += GG_MEASURED_NELEMS) {
        struct qk_err_sums piece;
        size_t at = first + i, m = gg_min_u64(n - i, GG_MEASURED_NELEMS);
        e->kernel->dequant(back, dst + gg_elems_nbytes(e->type, at), m / e->block_nelems);
        o->stream.kernels->err_quick(&piece, x + at, back, weights != NULL ? weights + i : NULL, m,
                                     o->all_sums, res->sums.max_abs);
        qk_err_add(&res->sums, &piece, at);
    }
}

/* Without weights it does not matter where rows begin. */
static void measure(const struct gg_write_opts *o, const struct gg_encoding *e,
                    const struct gg_cell *c, const float *x, const float *weights,
                    const uint8_t *dst, float *back, struct gg_tensor_result *res)
{
    if (weights == NULL)
        measure_run(o, e, 0, c->nelems, x, NULL, dst, back, res);
    for (size_t r = 0; weights != NULL && r < c->n_rows; r++)
        measure_run(o, e, r * c->n_cols, c->n_cols, x, weights, dst, back, res);
    if (e->type == QT_F16)
        res->n_f16_flushed = o->stream.kernels->count_f16_flushed(x, c->nelems);
}

/* Weights of the tile's matrix, from its column on; read unless the tile before had the same. */
static int weights_at(const struct gg_item *it, const struct gg_encoding *e,
                      const struct gg_cell *c, struct gg_hand *h, const float **out,
                      struct gg_err *err)
{
    *out = e->weights != NULL ? h->scratch : NULL;
    uint64_t mat = e->n_weight_mats > 1 ? c->row / it->tensor->ne[1] : 0;
    uint64_t first = mat * it->grid.n_cols + c->col;
    if (e->weights == NULL || (h->weights.of == e->weights && h->weights.first == first &&
                               h->weights.n >= c->n_cols))
        return GG_OK;
    h->weights.of = NULL;
    int rc = e->weights->read(e->weights, first, c->n_cols, h->scratch, err);
    if (rc != GG_OK)
        return rc;
    h->weights.of = e->weights;
    h->weights.first = first;
    h->weights.n = c->n_cols;
    return GG_OK;
}

/* A worker's scratch: importance weights (when there are any), the tile, a piece of it decoded again
 * (when measuring), the kernel's own. */
static int encode_tile(const struct gg_writer *w, const struct gg_item *it,
                       const struct gg_encoding *e, const struct gg_cell *c, float row_sum,
                       bool large, float *x, struct gg_hand *h, uint8_t *dst,
                       struct gg_tensor_result *res, struct gg_err *err)
{
    float *back = x + GG_TILE_NELEMS;
    struct qk_args args = {.codebook = e->codebook, .search = w->opts->stream.search};
    int rc = weights_at(it, e, c, h, &args.weights, err);
    if (rc != GG_OK)
        return rc;
    args.scratch = w->opts->stats ? back + GG_MEASURED_NELEMS : back;
    if (e->wants_row_sums) {
        args.row_sumx2 = &row_sum;
        args.row_n_cols = (size_t)it->grid.n_cols;
    }
    qk_encode(e->kernel, dst, x, c->n_rows, c->n_cols, (size_t)gg_elems_nbytes(e->type, c->n_cols),
              c->n_cols, &args);
    res->encoded = true;
    if (e->type == QT_F16)
        clip_f16(it, e, c, x, dst, res);
    rc = check_encoded(w, it, e, c, x, dst, large, res, err);
    if (rc == GG_OK && w->opts->stats)
        measure(w->opts, e, c, x, args.weights, dst, back, res);
    return rc;
}

/* The sum of a tile's row: known beforehand for rows that no slab holds, else taken at its start. */
static int row_sum_at(const struct gg_writer *w, const struct gg_item *it,
                      const struct gg_ticket *at, uint64_t i, const uint8_t *stored,
                      const float *given, float *x, float *sum, struct gg_err *err)
{
    uint64_t pieces = it->grid.row_tiles, tile = at->first + i;
    if (!it->wants_row_sums)
        return GG_OK;
    if (given != NULL) {
        *sum = given[tile / pieces != at->first / pieces];
        return GG_OK;
    }
    if (tile % pieces != 0)
        return GG_OK; /* that of the row's first tile holds */
    *sum = 0;
    return gg_row_sum_tiles(w, it, tile, pieces, stored, x, sum, err);
}

int gg_encode_slab(struct gg_writer *w, const struct gg_item *it, const struct gg_ticket *at,
                   uint8_t *slot, const float *row_sums, struct gg_hand *h, struct gg_err *err)
{
    uint64_t base = gg_grid_elem(&it->grid, at->first), start = gg_clock_ns();
    struct gg_tensor_result *res =
        (void *)(slot + gg_slot_encoding_off(it, it->n_encodings, at->n));
    float *x = gg_tile_of(w, h), sum = 0;
    int rc = GG_OK;
    memset(res, 0, at->n * it->n_encodings * sizeof *res);
    for (uint64_t i = 0; rc == GG_OK && i < at->n; i++) {
        struct gg_cell c;
        struct gg_found found = {0};
        gg_grid_cell(&it->grid, at->first + i, &c);
        const uint8_t *stored = slot + gg_elems_nbytes(it->tensor->type, c.first - base);
        rc = row_sum_at(w, it, at, i, stored, row_sums, x, &sum, err);
        if (rc == GG_OK)
            rc = gg_decode_tile(w, it, &c, stored, x, &found, err);
        for (size_t k = 0; rc == GG_OK && k < it->n_encodings; k++) {
            const struct gg_encoding *e = &it->encodings[k];
            uint8_t *dst = slot + gg_slot_encoding_off(it, k, at->n) +
                           gg_elems_nbytes(e->type, c.first - base);
            res[i * it->n_encodings + k].n_zeroed = found.n_zeroed;
            rc = encode_tile(w, it, e, &c, sum, found.large, x, h, dst,
                             &res[i * it->n_encodings + k], err);
        }
    }
    h->compute_ns += gg_clock_ns() - start;
    return rc;
}
