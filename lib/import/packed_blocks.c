/* Four-bit floats whose blocks GGUF has, too: bits move, and nothing is lost.
 *
 * Stored are bytes of two codes, element 2i low and 2i+1 high, and a scale for each group of 32 (E8M0:
 * MXFP4) or 16 (E4M3: NVFP4). A block of GGUF has the scales of one group (four), then the codes, element
 * i of a group low and i + 16 (i + 8) high. Sources: repack_mxfp4_blocks and _nvfp4_pack of llama.cpp's
 * converter.
 */
#include "lib/base/num.h"
#include "lib/import/packed_impl.h"


#include <math.h>
#include <string.h>

enum { GROUPS = 256 }; /* read at a time, a multiple of those in a block */

struct kind {
    size_t group;     /* elements that share a scale */
    size_t per_block; /* groups */
    uint8_t mask;     /* of the scale: UE4M3 has no sign */
};

static struct kind kind_of(enum gg_dtype t)
{
    return t == GG_DT_NVFP4 ? (struct kind){16, 4, 0x7f} : (struct kind){32, 1, 0xff};
}

/* Codes of one group. */
static void put_codes(uint8_t *dst, const uint8_t *src, size_t group)
{
    uint8_t code[32];
    for (size_t i = 0; i < group; i++)
        code[i] = src[i / 2] >> (i % 2 * 4) & 15;
    for (size_t i = 0; i < group / 2; i++)
        dst[i] = (uint8_t)(code[i] | code[i + group / 2] << 4);
}

static uint8_t *put_block(uint8_t *dst, const uint8_t *scale, const uint8_t *codes, struct kind k)
{
    for (size_t g = 0; g < k.per_block; g++)
        *dst++ = scale[g] & k.mask;
    for (size_t g = 0; g < k.per_block; g++, dst += k.group / 2)
        put_codes(dst, codes + g * (k.group / 2), k.group);
    return dst;
}

static int read_blocks(struct gg_checkpoint *c, const struct gg_packed *p, uint64_t first, uint64_t n,
                       void *dst, struct gg_err *err)
{
    struct kind k = kind_of(p->block);
    uint8_t scale[GROUPS], codes[GROUPS * 16], *to = dst;
    uint64_t group = first / k.group, n_groups = n / k.group;
    while (n_groups > 0) {
        size_t take = (size_t)gg_min_u64(GROUPS, n_groups);
        int rc = gg_ckpt_read_stored(c, p->part[GG_PART_SCALE], group, take, scale, err);
        if (rc == GG_OK)
            rc = gg_ckpt_read_stored(c, p->part[GG_PART_WEIGHT], group * (k.group / 2),
                                     take * (k.group / 2), codes, err);
        if (rc != GG_OK)
            return rc;
        for (size_t g = 0; g < take; g += k.per_block)
            to = put_block(to, scale + g, codes + g * (k.group / 2), k);
        group += take;
        n_groups -= take;
    }
    return GG_OK;
}

/* One number of a tensor that should hold one; 1 when there is none. */
static int read_one(struct gg_packing *u, size_t i, bool inverse, float *out, struct gg_err *err)
{
    *out = 1;
    if (i == SIZE_MAX)
        return GG_OK;
    const struct gg_ckpt_tensor *t = gg_packing_tensor(u, i);
    if (t->nelems != 1 || t->dtype == GG_DT_F4)
        return gg_packing_fail(u, i, err, "should hold one number");
    uint8_t raw[8];
    int rc = gg_checkpoint_read(gg_packing_checkpoint(u), i, 0, 1, raw, err);
    if (rc == GG_OK) {
        gg_dtype_to_f32(out, raw, t->dtype, 1);
        *out = inverse ? 1.0f / *out : *out;
        if (!isfinite(*out))
            rc = gg_packing_fail(u, i, err, "is no scale: %g", (double)*out);
        gg_packing_hide(u, i);
    }
    return rc;
}

int gg_packing_blocks(struct gg_packing *u, size_t n_cut, const char *tail,
                      const struct gg_packed_blocks *s, struct gg_err *err)
{
    const struct gg_ckpt_tensor *codes = gg_packing_tensor(u, s->codes),
                                *scale = gg_packing_tensor(u, s->scale);
    struct kind k = kind_of(s->dtype);
    struct gg_packed p = {.read = read_blocks, .part = {s->codes, s->scale, SIZE_MAX, SIZE_MAX},
                          .block = s->dtype};
    struct gg_ckpt_tensor t = {.dtype = s->dtype, .n_dims = scale->n_dims, .turn = s->turn};
    bool split = codes->n_dims == scale->n_dims + 1; /* the codes of a group are a dimension */
    unsigned last = scale->n_dims - 1;
    if (codes->dtype != GG_DT_U8 || (scale->dtype != GG_DT_U8 && scale->dtype != GG_DT_F8_E8M0 &&
                                     scale->dtype != GG_DT_F8_E4M3))
        return gg_packing_fail(u, s->codes, err, "and its scales hold %s and %s, which is not %s",
                               gg_dtype_name(codes->dtype), gg_dtype_name(scale->dtype),
                               gg_dtype_name(s->dtype));
    bool fits = scale->n_dims >= 1 && (split || codes->n_dims == scale->n_dims) && codes->nelems > 0;
    for (unsigned d = 0; fits && d < last; d++)
        fits = codes->shape[d] == scale->shape[d];
    if (fits)
        fits = split ? codes->shape[last] == scale->shape[last] && codes->shape[last + 1] == k.group / 2
                     : codes->shape[last] % (k.group / 2) == 0 &&
                           codes->shape[last] / (k.group / 2) == scale->shape[last];
    if (!fits)
        return gg_packing_fail(u, s->scale, err,
                               "has a shape that does not go with its codes: one scale for each %zu values",
                               k.group);
    memcpy(t.shape, scale->shape, sizeof t.shape);
    t.shape[last] *= k.group; /* no overflow: twice the bytes of the codes */
    if (scale->shape[last] % k.per_block != 0)
        return gg_packing_fail(u, s->codes, err, "has rows of %llu values, which blocks of %zu do not divide",
                               (unsigned long long)t.shape[last], k.group * k.per_block);
    int rc = read_one(u, s->factor, s->inverse, &t.factor, err);
    if (rc == GG_OK)
        rc = read_one(u, s->input_factor, s->inverse, &t.input_factor, err);
    return rc == GG_OK ? gg_packing_make(u, s->codes, n_cut, tail, &t, &p, err) : rc;
}
