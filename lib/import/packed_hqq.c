/* HQQ: the matrix is seen as A rows of B columns, groups being rows (axis 1: B is the group size) or columns
 * (axis 0: A is), each with a scale and a zero point:
 *
 *     value = (code - zero) * scale
 *
 * Codes of `parts` rows share a byte (a word of 32 bits for three bits): row r of A stands in row r % step of
 * what is stored, step = A / parts, the first part highest. Source: core/quantize.py and core/bitpack.py of
 * HQQ, which computes in half precision what is F32 here.
 */
#include "lib/base/num.h"
#include "lib/import/packed_impl.h"

enum { SOME = 1024 };

/* Codes of elements that follow one another where they are stored. */
static int read_codes(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, size_t n,
                      unsigned shift, uint32_t *dst, struct gg_err *err)
{
    uint8_t raw[4 * SOME];
    size_t size = k->bits == 3 ? 4 : 1;
    int rc = gg_ckpt_read_stored(c, k->part[GG_PART_WEIGHT], first, n, raw, err);
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        uint32_t v = size == 4 ? gg_load_u32(raw + 4 * i) : raw[i];
        dst[i] = v >> shift & (((uint32_t)1 << k->bits) - 1);
    }
    return rc;
}

static int read_hqq(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                    void *dst, struct gg_err *err)
{
    uint64_t B = k->shape[1], part = k->shape[2] * B; /* elements of one part */
    bool by_row = k->shape[3] == 1;
    uint32_t code[SOME];
    float scale[SOME], zero[SOME], *to = dst;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        unsigned p = (unsigned)(first / part), shift = (k->n_dims - 1 - p) * k->bits;
        uint64_t left = part - first % part, col = first % B;
        size_t take = (size_t)gg_min_u64(gg_min_u64(n, SOME), by_row ? left : gg_min_u64(left, B - col));
        uint64_t at = by_row ? first / B : col;
        size_t count = by_row ? (size_t)((first + take - 1) / B - at + 1) : take;
        rc = read_codes(c, k, first % part, take, shift, code, err);
        if (rc == GG_OK)
            rc = gg_ckpt_read_f32(c, k->part[GG_PART_SCALE], at, count, scale, err);
        if (rc == GG_OK)
            rc = gg_ckpt_read_f32(c, k->part[GG_PART_ZERO], at, count, zero, err);
        for (size_t i = 0; rc == GG_OK && i < take; i++) {
            size_t s = by_row ? (size_t)((first + i) / B - at) : i;
            *to++ = ((float)code[i] - zero[s]) * scale[s];
        }
        first += take;
        n -= take;
    }
    return rc;
}

int gg_packing_hqq(struct gg_packing *u, size_t n_cut, const char *tail, const struct gg_packed_hqq *s,
                   struct gg_err *err)
{
    const struct gg_ckpt_tensor *w = gg_packing_tensor(u, s->codes);
    struct gg_packed k = {.read = read_hqq, .part = {s->codes, s->scale, s->zero, SIZE_MAX},
                          .bits = s->bits, .n_dims = s->bits == 3 ? 10 : 8 / s->bits};
    struct gg_ckpt_tensor t = {.dtype = GG_DT_F32, .n_dims = 2, .shape = {s->rows, s->cols},
                               .origin = s->origin};
    const size_t beside[2] = {s->scale, s->zero};
    uint64_t n;
    if (s->rows == 0 || s->cols == 0 || !gg_mul_u64(s->rows, s->cols, &n) || n % s->group != 0)
        return gg_packing_fail(u, s->codes, err, "has %llux%llu values, which groups of %llu do not divide",
                               (unsigned long long)s->rows, (unsigned long long)s->cols,
                               (unsigned long long)s->group);
    uint64_t groups = n / s->group, A = s->axis == 1 ? groups : s->group, B = n / A;
    uint64_t step = (A + k.n_dims - 1) / k.n_dims;
    if (w->dtype != (s->bits == 3 ? GG_DT_I32 : GG_DT_U8) || w->n_dims != 2 || w->shape[0] != step ||
        w->shape[1] != B || (s->bits != 3 && A % k.n_dims != 0))
        return gg_packing_fail(u, s->codes, err, "should be %llux%llu in %s: %u bits, groups of %llu",
                               (unsigned long long)step, (unsigned long long)B,
                               s->bits == 3 ? "I32" : "U8", s->bits, (unsigned long long)s->group);
    for (size_t i = 0; i < 2; i++) {
        const struct gg_ckpt_tensor *b = gg_packing_tensor(u, beside[i]);
        if (b->nelems != groups || !gg_packed_is_float(b->dtype))
            return gg_packing_fail(u, beside[i], err, "should hold a float for each of %llu groups",
                                   (unsigned long long)groups);
    }
    k.shape[0] = A;
    k.shape[1] = B;
    k.shape[2] = step;
    k.shape[3] = s->axis;
    return gg_packing_make(u, s->codes, n_cut, tail, &t, &k, err);
}
