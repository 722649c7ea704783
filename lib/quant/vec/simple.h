/* Simple blocks, VL at a time: what a block has once (extremes, scale, its inverse) is worked out
 * with a block a lane, so that its long way is gone once for all of them; elements and levels have
 * neighbours as lanes, and levels are brought together to whole registers of bytes.
 *
 * Functions for VL blocks do the usual and say which of them that won't do for: blocks of zeros, equal
 * extremes whose order counts, a scale that can't be inverted or overflows. These are done again, one
 * by one. */
#ifndef QK_VEC_SIMPLE_H
#define QK_VEC_SIMPLE_H

#include "lib/quant/ref/encode.h"
#include "lib/quant/vec/v.h"

/* What VL blocks at x, to be stored at y, have once: x ~ d * (level - zero) + min. */
struct v_simple {
    const float *x;
    uint8_t *y;
    unsigned left; /* blocks to be done one by one */
    float inverse[VL], min[VL];
    uint16_t d[VL], m[VL]; /* F16 */
};

typedef void v_scales_fn(struct v_simple *b);
typedef void v_store_fn(const struct v_simple *b);

V_FN void v_simple_finish(const struct v_simple *b, size_t nelems, size_t nbytes, v_store_fn *store,
                          qk_block_fn *one)
{
    store(b);
    for (unsigned left = b->left; left != 0; left &= left - 1) {
        const size_t k = (size_t)__builtin_ctz(left);
        one(b->y + k * nbytes, b->x + k * nelems);
    }
}

/* Every VL blocks of every row; those of narrower rows one by one. Scales are worked out one group ahead
 * of levels, for what comes late must not be waited for. The last VL blocks of a row may begin in the midst
 * of those before: what is written twice is the same. Inlined, with constants. */
V_FN void v_each_simple(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                        size_t src_stride, size_t nelems, size_t nbytes, v_scales_fn *scales,
                        v_store_fn *store, qk_block_fn *one)
{
    struct v_simple b[2];
    size_t n = n_cols / nelems, turn = 0;
    if (dst_stride == n * nbytes && src_stride == n_cols) { /* no gaps: all is one row */
        n *= n_rows;
        n_rows = n_rows > 0;
    }
    if (n < VL) {
        qk_each_block(dst, src, n_rows, n * nelems, dst_stride, src_stride, nelems, nbytes, one);
        return;
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < n; i += VL, turn++) {
            const size_t at = i + VL <= n ? i : n - VL;
            b[turn % 2].x = src + r * src_stride + at * nelems;
            b[turn % 2].y = (uint8_t *)dst + r * dst_stride + at * nbytes;
            scales(&b[turn % 2]);
            if (turn > 0)
                v_simple_finish(&b[(turn + 1) % 2], nelems, nbytes, store, one);
        }
    }
    if (turn > 0)
        v_simple_finish(&b[(turn + 1) % 2], nelems, nbytes, store, one);
}

/* Defines quant_TYPE for a type that has no use for weights. */
#define V_QUANT_SIMPLE(type, nelems)                                                               \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        (void)args;                                                                                \
        v_each_simple(dst, src, n_rows, n_cols, dst_stride, src_stride, nelems,                    \
                      sizeof(struct qt_block_##type), scales_##type, store_##type, encode_##type); \
    }

/* ---- extremes, a block a lane ---------------------------------------------------------------- */

/* Which of two to keep. As integers by whole bits, where these are the faster (more units do them):
 * TOP is the greatest if any is positive, BOTTOM the least if any is negative; else any of them. */
enum v_end { V_GREATEST, V_LEAST, V_TOP, V_BOTTOM };

V_FN vf v_keep(vf a, vf b, enum v_end end)
{
    if (end == V_GREATEST || (end == V_TOP && !V_HAS_VI_MIN))
        return vf_max(a, b);
    if (end == V_LEAST || !V_HAS_VI_MIN)
        return vf_min(a, b);
    return (vf)(end == V_TOP ? vi_max((vi)a, (vi)b) : (vi)vu_max((vu)a, (vu)b));
}

/* Lane 4 q + j: what is kept of the four lanes of quarter q of a[j]. */
V_FN vf v_keep_four(const vf a[4], enum v_end end)
{
    vf ab = v_keep(vf_zip_lo(a[0], a[1]), vf_zip_hi(a[0], a[1]), end);
    vf cd = v_keep(vf_zip_lo(a[2], a[3]), vf_zip_hi(a[2], a[3]), end);
    return v_keep(vf_zip2_lo(ab, cd), vf_zip2_hi(ab, cd), end);
}

/* Lane 4 g + j: of all lanes j, 4 + j, ... of a[g]. */
V_FN vf v_keep_quarters(vf a[VL / 4], enum v_end end)
{
    vf_transpose_quarters(a);
    vf r = a[0];
    V_UNROLL
    for (int k = 1; k < VL / 4; k++)
        r = v_keep(r, a[k], end);
    return r;
}

/* Two ends of each of the VL blocks at x. */
V_FN void v_block_ends(const float *x, enum v_end up, enum v_end down, vf *hi, vf *lo)
{
    vf high[VL / 4], low[VL / 4];
    V_UNROLL
    for (int g = 0; g < VL / 4; g++) {
        vf h[4], l[4];
        V_UNROLL
        for (int j = 0; j < 4; j++, x += 32) {
            h[j] = l[j] = vf_load(x);
            V_UNROLL
            for (int k = VL; k < 32; k += VL) {
                h[j] = v_keep(h[j], vf_load(x + k), up);
                l[j] = v_keep(l[j], vf_load(x + k), down);
            }
        }
        high[g] = v_keep_four(h, up);
        low[g] = v_keep_four(l, down);
    }
    *hi = v_keep_quarters(high, up);
    *lo = v_keep_quarters(low, down);
}

/* Greatest magnitude of each of the VL blocks of n at x. */
V_FN vf v_block_magnitudes(const float *x, int n)
{
    vf most[VL / 4];
    V_UNROLL
    for (int g = 0; g < VL / 4; g++) {
        vf m[4];
        V_UNROLL
        for (int j = 0; j < 4; j++, x += n)
            m[j] = v_lane_magnitudes(x, n);
        most[g] = v_keep_four(m, V_TOP);
    }
    return v_keep_quarters(most, V_TOP);
}

/* ---- levels to bytes ------------------------------------------------------------------------- */

enum { V_ALL = (1 << VL) - 1 }; /* bits of all lanes */
enum { V_PART = VL / 4 };       /* runs of sixteen bytes in vbs: blocks that are stored together */

/* Of levels of V_PART blocks below 32: the fifth bits of block k, first of its first half. */
V_FN uint32_t v_part_fifth(uint64_t lo, uint64_t hi, int k)
{
    return (lo >> 16 * k & 0xffff) | (uint32_t)(hi >> 16 * k & 0xffff) << 16;
}

V_FN uint64_t vbs_fifth(vbs level)
{
    return vbs_bits(vbs_shl(level, 3));
}

/* Nibbles of the levels of first and second halves. */
V_FN vbs vbs_nibbles(vbs lo, vbs hi)
{
    return (lo & 15) | vbs_shl(hi, 4);
}

#endif
