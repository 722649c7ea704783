/* Ternary weights, four rows in the bits of one: row r of R stands in row r % (R / 4) of the bytes, two bits
 * from 2 * (r / (R / 4)) on, one more than the weight. The scale divides. Source: dequant_bitnet of llama.cpp's
 * converter.
 */
#include "lib/base/num.h"
#include "lib/import/packed_impl.h"

#include <math.h>

static int read_ternary(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                        void *dst, struct gg_err *err)
{
    enum { SOME = 4096 };
    uint8_t bytes[SOME];
    float *to = dst;
    while (n > 0) {
        uint64_t row = first / k->cols, quarter = k->rows / 4;
        size_t take = (size_t)gg_min_u64(gg_min_u64(n, SOME), k->cols - first % k->cols);
        unsigned shift = (unsigned)(row / quarter) * 2;
        int rc = gg_ckpt_read_stored(c, k->part[GG_PART_WEIGHT],
                                     row % quarter * k->cols + first % k->cols, take, bytes, err);
        if (rc != GG_OK)
            return rc;
        for (size_t i = 0; i < take; i++)
            *to++ = (float)((bytes[i] >> shift & 3) - 1) / k->post;
        first += take;
        n -= take;
    }
    return GG_OK;
}

int gg_packing_ternary(struct gg_packing *u, size_t weight, size_t scale, struct gg_err *err)
{
    const struct gg_ckpt_tensor *w = gg_packing_tensor(u, weight), *s = gg_packing_tensor(u, scale);
    struct gg_packed k = {.read = read_ternary, .part = {weight, scale, SIZE_MAX, SIZE_MAX}};
    if (w->dtype != GG_DT_U8 || w->n_dims != 2 || w->nelems == 0)
        return gg_packing_fail(u, weight, err, "is no matrix of U8, four ternary weights a byte");
    if (s->nelems != 1 || (s->dtype != GG_DT_F32 && s->dtype != GG_DT_F16 && s->dtype != GG_DT_BF16))
        return gg_packing_fail(u, scale, err, "should hold one float");
    struct gg_ckpt_tensor t = {.dtype = GG_DT_F32, .n_dims = 2, .origin = "bitnet",
                               .shape = {w->shape[0] * 4, w->shape[1]}}; /* no overflow: measured */
    k.rows = t.shape[0];
    k.cols = t.shape[1];
    int rc = gg_ckpt_read_f32(gg_packing_checkpoint(u), scale, 0, 1, &k.post, err);
    if (rc == GG_OK && (!isfinite(k.post) || k.post == 0))
        rc = gg_packing_fail(u, scale, err, "is no scale: %g", (double)k.post);
    return rc == GG_OK ? gg_packing_make(u, weight, 0, "", &t, &k, err) : rc;
}
