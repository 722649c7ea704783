/* Sparse matrices: values that are not zero one after the other, and a bit for each element, the lowest
 * first, that says where they are. Rows begin where row_offsets says, or, when two of any four are kept, at
 * half of what comes before. A scale may be for all, or for each row.
 *
 * Source: compressors/sparse_compressors of compressed-tensors, which gave them up in March 2026.
 */
#include "lib/base/num.h"
#include "lib/import/packed_impl.h"

#include <string.h>

enum { SOME = 1024 };

static unsigned ones(unsigned v)
{
    unsigned n = 0;
    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

/* Kept values of a row before a column. */
static int count_before(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t line, uint64_t col,
                        uint64_t *n, struct gg_err *err)
{
    uint8_t bits[SOME];
    int rc = GG_OK;
    *n = 0;
    for (uint64_t at = 0; rc == GG_OK && at * 8 < col;) {
        size_t take = (size_t)gg_min_u64(SOME, (col + 7) / 8 - at);
        rc = gg_ckpt_read_stored(c, k->part[GG_PART_INDEX], line + at, take, bits, err);
        for (size_t i = 0; rc == GG_OK && i < take; i++) {
            uint64_t left = col - (at + i) * 8;
            *n += ones(left >= 8 ? bits[i] : bits[i] & ((1u << left) - 1));
        }
        at += take;
    }
    return rc;
}

/* Where a row begins; the last one's end is that of all values. */
static int row_start(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t *at,
                     struct gg_err *err)
{
    uint8_t raw[8];
    *at = k->part[GG_PART_ZERO] == SIZE_MAX ? row * (k->cols / 2) : c->tensors[k->part[GG_PART_WEIGHT]].nelems;
    if (k->part[GG_PART_ZERO] == SIZE_MAX || row == k->rows)
        return GG_OK;
    int rc = gg_ckpt_read_stored(c, k->part[GG_PART_ZERO], row, 1, raw, err);
    *at = gg_load_u64(raw);
    return rc;
}

/* Columns col .. col+n-1 of a row, as they are stored or, with a scale, as F32. */
static int read_run(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t col, size_t n,
                    uint8_t *dst, struct gg_err *err)
{
    const struct gg_ckpt_tensor *w = &c->tensors[k->part[GG_PART_WEIGHT]];
    uint64_t line = row * ((k->cols + 7) / 8), at, before, end = 0;
    size_t kept = 0, size = k->n_dims;
    bool scaled = k->part[GG_PART_SCALE] != SIZE_MAX;
    uint8_t bits[SOME / 8 + 2], raw[4 * SOME];
    float f[SOME], scale = 1;
    int rc = row_start(c, k, row, &at, err);
    if (rc == GG_OK)
        rc = row_start(c, k, row + 1, &end, err);
    if (rc == GG_OK)
        rc = count_before(c, k, line, col, &before, err);
    if (rc == GG_OK)
        rc = gg_ckpt_read_stored(c, k->part[GG_PART_INDEX], line + col / 8, (col % 8 + n + 7) / 8, bits, err);
    for (size_t i = 0; rc == GG_OK && i < n; i++)
        kept += bits[(col % 8 + i) / 8] >> (col % 8 + i) % 8 & 1;
    if (rc == GG_OK && (!gg_add_u64(at, before, &at) || !gg_in_range(at, kept, w->nelems) ||
                        (col + n == k->cols && at + kept != end)))
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                     "tensor '%.*s': row %llu has other values than its bitmask keeps", (int)w->name_nbytes,
                     w->name, (unsigned long long)row);
    if (rc == GG_OK && scaled)
        rc = gg_ckpt_read_f32(c, k->part[GG_PART_SCALE], k->group == 1 ? 0 : row, 1, &scale, err);
    if (rc == GG_OK)
        rc = scaled ? gg_ckpt_read_f32(c, k->part[GG_PART_WEIGHT], at, kept, f, err)
                    : gg_ckpt_read_stored(c, k->part[GG_PART_WEIGHT], at, kept, raw, err);
    if (rc != GG_OK)
        return rc;
    memset(dst, 0, n * size);
    for (size_t i = 0, from = 0; i < n; i++) {
        if ((bits[(col % 8 + i) / 8] >> (col % 8 + i) % 8 & 1) == 0)
            continue;
        if (scaled)
            f[from] *= scale;
        memcpy(dst + i * size, scaled ? (uint8_t *)&f[from] : raw + from * size, size);
        from++;
    }
    return GG_OK;
}

static int read_sparse(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                       void *dst, struct gg_err *err)
{
    uint8_t *to = dst;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        size_t take = (size_t)gg_min_u64(SOME, gg_min_u64(n, k->cols - first % k->cols));
        rc = read_run(c, k, first / k->cols, first % k->cols, take, to, err);
        to += take * k->n_dims;
        first += take;
        n -= take;
    }
    return rc;
}

static bool is_kept_type(enum gg_dtype t)
{
    return t == GG_DT_F32 || t == GG_DT_F16 || t == GG_DT_BF16 || t == GG_DT_I8 || gg_dtype_is_float8(t);
}

int gg_packing_sparse(struct gg_packing *u, size_t n_cut, const char *tail, const struct gg_packed_sparse *s,
                      struct gg_err *err)
{
    const struct gg_ckpt_tensor *w = gg_packing_tensor(u, s->values), *m = gg_packing_tensor(u, s->mask);
    bool half = s->starts == SIZE_MAX, scaled = s->scale != SIZE_MAX;
    struct gg_packed k = {.read = read_sparse, .part = {s->values, s->scale, s->starts, s->mask},
                          .rows = s->rows, .cols = s->cols};
    struct gg_ckpt_tensor t = {.dtype = scaled ? GG_DT_F32 : w->dtype, .n_dims = 2,
                               .shape = {s->rows, s->cols}, .origin = "sparse"};
    if (!is_kept_type(w->dtype) || s->rows == 0 || s->cols == 0 || s->cols > INT64_MAX - 8 ||
        (half && (s->cols % 4 != 0 || w->n_dims != 2 || w->shape[0] != s->rows || w->shape[1] != s->cols / 2)))
        return gg_packing_fail(u, s->values, err, "should hold the values kept of %llux%llu%s",
                               (unsigned long long)s->rows, (unsigned long long)s->cols,
                               half ? ", two of four" : "");
    if (m->dtype != GG_DT_U8 || m->n_dims != 2 || m->shape[0] != s->rows || m->shape[1] != (s->cols + 7) / 8)
        return gg_packing_fail(u, s->mask, err, "should hold a bit for each of %llux%llu values",
                               (unsigned long long)s->rows, (unsigned long long)s->cols);
    if (!half && (gg_packing_tensor(u, s->starts)->dtype != GG_DT_I64 ||
                  gg_packing_tensor(u, s->starts)->nelems != s->rows))
        return gg_packing_fail(u, s->starts, err, "should hold where each of %llu rows begins",
                               (unsigned long long)s->rows);
    k.group = scaled ? gg_packing_tensor(u, s->scale)->nelems : 0;
    if (scaled && k.group != 1 && k.group != s->rows)
        return gg_packing_fail(u, s->scale, err, "holds %llu scales, where %llu rows want as many or one",
                               (unsigned long long)k.group, (unsigned long long)s->rows);
    k.n_dims = (unsigned)(gg_dtype_nbits(t.dtype) / 8);
    return gg_packing_make(u, s->values, n_cut, tail, &t, &k, err);
}
