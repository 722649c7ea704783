/* One stored value an element, times a scale for each tensor, row or block. */
#include "lib/base/num.h"
#include "lib/import/packed_impl.h"

enum { SCALES = 512 }; /* held at a time */

/* Index of the first scale of a row, counting the dimensions but the last. */
static uint64_t scales_of_row(const struct gg_packed *k, uint64_t row)
{
    uint64_t at = 0, step = k->scales[k->n_dims - 1];
    for (unsigned d = k->n_dims - 1; d-- > 0;) {
        uint64_t i = row % k->shape[d];
        row /= k->shape[d];
        at += i / k->span[d] * step;
        step *= k->scales[d];
    }
    return at;
}

/* Elements of one row that lie in the scales held, from column col on; s[0] is the scale of col. */
static void scale(float *x, uint64_t col, size_t n, const float *s, const float *zero, uint64_t span)
{
    for (size_t i = 0; i < n; s++, zero += zero != NULL) {
        size_t end = (size_t)gg_min_u64(n, i + span - (col + i) % span);
        for (; i < end; i++)
            x[i] = (zero != NULL ? x[i] - *zero : x[i]) * *s;
    }
}

/* A run within one row. */
static int read_run(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t col,
                    uint64_t n, float *dst, struct gg_err *err)
{
    float s[SCALES], z[SCALES];
    uint64_t base = scales_of_row(k, row), span = k->span[k->n_dims - 1];
    int rc = gg_ckpt_read_f32(c, k->part[GG_PART_WEIGHT], row * k->cols + col, n, dst, err);
    while (rc == GG_OK && n > 0) {
        uint64_t at = col / span;
        uint64_t take = gg_min_u64(n, gg_min_u64(span, UINT64_MAX / SCALES) * SCALES - col % span);
        size_t count = (size_t)((col + take - 1) / span - at + 1);
        rc = gg_ckpt_read_f32(c, k->part[GG_PART_SCALE], base + at, count, s, err);
        bool zeros = k->part[GG_PART_ZERO] != SIZE_MAX;
        if (rc == GG_OK && zeros)
            rc = gg_ckpt_read_f32(c, k->part[GG_PART_ZERO], base + at, count, z, err);
        if (rc == GG_OK)
            scale(dst, col, (size_t)take, s, zeros ? z : NULL, span);
        for (size_t i = 0; rc == GG_OK && k->post != 0 && i < take; i++)
            dst[i] *= k->post;
        col += take;
        dst += take;
        n -= take;
    }
    return rc;
}

static int read_scaled(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                       void *dst, struct gg_err *err)
{
    float *to = dst;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t take = gg_min_u64(n, k->cols - first % k->cols);
        rc = read_run(c, k, first / k->cols, first % k->cols, take, to, err);
        first += take;
        to += take;
        n -= take;
    }
    return rc;
}

/* The scales along dimension d and the elements each is for. */
static int fit_dim(const struct gg_packing *u, size_t scale, struct gg_packed *k, unsigned d,
                   uint64_t have, uint64_t block, struct gg_err *err)
{
    uint64_t size = k->shape[d], want = block > 0 ? (size + block - 1) / block : size;
    k->scales[d] = have;
    k->span[d] = block > 0 ? block : 1;
    if (have == 1 && block == 0)
        k->span[d] = size;
    if (have == want || (have == 1 && block == 0))
        return GG_OK;
    return gg_packing_fail(u, scale, err,
                          "has %llu scales along dimension %u, where %llu elements want %llu%s",
                          (unsigned long long)have, d, (unsigned long long)size,
                          (unsigned long long)want, block > 0 ? " for the blocks of the configuration"
                                                              : " or 1");
}

/* Of a whole number of bytes, so that any one can be read. */
static bool is_number(enum gg_dtype t)
{
    return t < GG_DT_COUNT && gg_dtype_nbits(t) % 8 == 0;
}

int gg_packing_scaled(struct gg_packing *u, size_t weight, size_t scale, size_t zero,
                      const uint64_t block[2], float post, const char *origin, struct gg_err *err)
{
    const struct gg_ckpt_tensor *w = gg_packing_tensor(u, weight), *s = gg_packing_tensor(u, scale);
    struct gg_packed k = {.read = read_scaled, .part = {weight, scale, zero, SIZE_MAX}, .post = post};
    struct gg_ckpt_tensor t = *w;
    if (w->n_dims < 1 || w->n_dims > GG_PACKED_DIMS || w->nelems == 0)
        return gg_packing_fail(u, weight, err, "has %u dimensions, and a scale", w->n_dims);
    if (!is_number(s->dtype) || (zero != SIZE_MAX && !is_number(gg_packing_tensor(u, zero)->dtype)))
        return gg_packing_fail(u, scale, err, "and the zero point beside it, if any, hold no plain numbers");
    bool one = s->nelems == 1 && block[0] == 0; /* of any shape */
    if ((!one && s->n_dims > w->n_dims) || (block[0] > 0 && s->n_dims != w->n_dims))
        return gg_packing_fail(u, scale, err, "has %u dimensions, its weight %u%s", s->n_dims, w->n_dims,
                              block[0] > 0 ? " (the configuration speaks of blocks)" : "");
    if (zero != SIZE_MAX && gg_packing_tensor(u, zero)->nelems != s->nelems)
        return gg_packing_fail(u, zero, err, "has another shape than the scale beside it");
    k.n_dims = w->n_dims;
    int rc = GG_OK;
    for (unsigned d = 0; d < w->n_dims; d++)
        k.shape[d] = w->shape[d];
    for (unsigned d = 0; rc == GG_OK && d < w->n_dims; d++) {
        uint64_t have = one || d >= s->n_dims ? 1 : s->shape[d];
        rc = fit_dim(u, scale, &k, d, have, d + 2 >= w->n_dims ? block[d + 2 - w->n_dims] : 0, err);
    }
    if (rc != GG_OK)
        return rc;
    k.cols = w->shape[w->n_dims - 1];
    k.rows = w->nelems / k.cols;
    t.dtype = GG_DT_F32;
    t.origin = origin;
    return gg_packing_make(u, weight, 0, "", &t, &k, err);
}
