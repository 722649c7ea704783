/* Encoders of the ternary types, of 4-bit floats, and of one and two bits. */
#include "lib/quant/ref/encode.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/vec/fours.h"
#include "lib/quant/vec/simple.h"
#include "lib/quant/vec/ue4m3.h"
#include "lib/quant/vec/walk.h"

#include <string.h>

/* ---- ternary --------------------------------------------------------------------------------- */

/* Digits 0, 1, 2 of 4 VL elements: roundf of quotients (at most 1 in magnitude) and one more. A quotient
 * is rounded up from a half on, where its double is 1 or more: so the double is cut to an integer, and that
 * to one digit. `twice` is twice the inverse of the scale, for doubling a product changes no rounding but
 * among the subnormals, which are far below a half. */
V_FN vbs trits(const float *x, vf twice)
{
    vi q[4];
    V_UNROLL
    for (int k = 0; k < 4; k++)
        q[k] = vi_trunc(vf_load(x + k * VL) * twice);
    return vbs_min(vbs_max(vbs_from_vi(q) + 2, vbs_set1(1)), vbs_set1(3)) - 1;
}

/* Sixteen bytes of n digits each, those of one byte `step` elements apart, as numbers of five digits as
 * fractions of 256, rounded up. */
V_FN vb trits_fraction(const uint8_t *trit, int step, int n)
{
    const vb zero = vb_set1(0);
    vb number = vb_load(trit);
    V_UNROLL
    for (int k = 1; k < 5; k++) {
        number += number + number;
        if (k < n)
            number += vb_load(trit + k * step);
    }
    vw lo = ((vw)vb_zip_lo(zero, number) + 242) / 243;
    vw hi = ((vw)vb_zip_hi(zero, number) + 242) / 243;
    return vb_even(lo, hi);
}

/* Those of a block. */
V_FN void trits256(uint8_t trit[256], const float *x, float inverse)
{
    const vf twice = vf_set1(inverse + inverse);
    for (int i = 0; i < 256; i += 4 * VL) {
        const vbs digits = trits(x + i, twice);
        memcpy(trit + i, &digits, sizeof digits);
    }
}

V_FN void tq1_store(struct qt_block_tq1_0 *b, const float *x, float d, float inverse)
{
    uint8_t trit[256 + 12]; /* the last four bytes are read by sixteen */
    trits256(trit, x, inverse);
    memset(trit + 256, 0, 12);
    vb_store(b->qs, trits_fraction(trit, 32, 5));
    vb_store(b->qs + 16, trits_fraction(trit + 16, 32, 5));
    vb_store(b->qs + 32, trits_fraction(trit + 160, 16, 5));
    const vb last = trits_fraction(trit + 240, 4, 4); /* and a fifth of 0 */
    memcpy(b->qh, &last, 4);
    gg_store_u16(&b->d, v_f16_bits(d));
}

V_FN void tq2_store(struct qt_block_tq2_0 *b, const float *x, float d, float inverse)
{
    uint8_t trit[256];
    trits256(trit, x, inverse);
    gg_store_u16(&b->d, v_f16_bits(d));
    for (int j = 0; j < 64; j += 16) {
        const uint8_t *p = trit + j / 32 * 128 + j % 32;
        vb q = vb_load(p) | vb_shl(vb_load(p + 32), 2) | vb_shl(vb_load(p + 64), 4);
        vb_store(b->qs + j, q | vb_shl(vb_load(p + 96), 6));
    }
}

/* Scales of four blocks first: what is found over a whole block comes late. Where twice the inverse is
 * infinite it is the reference's. */
#define TERNARY(type, store)                                                                       \
    static inline void encode_##type(void *block, const float *x)                                  \
    {                                                                                              \
        float d = vf_hmax(v_lane_magnitudes(x, 256)), inverse = 1.0f / d;                          \
        if (inverse <= FLT_MAX / 2)                                                                \
            store(block, x, d, inverse);                                                           \
        else                                                                                       \
            qk_ref_quant_##type(block, x, 1, 256, sizeof(struct qt_block_##type), 256, NULL);      \
    }                                                                                              \
                                                                                                   \
    V_FN bool four_##type(uint8_t *y, const float *x)                                              \
    {                                                                                              \
        v4 d = v4_max_abs(x, 256), inverse = 1.0f / d;                                             \
        if (!v4_all(inverse <= FLT_MAX / 2))                                                       \
            return false;                                                                          \
        for (int s = 0; s < 4; s++)                                                                \
            store((struct qt_block_##type *)(void *)y + s, x + 256 * s, d[s], inverse[s]);         \
        return true;                                                                               \
    }

TERNARY(tq1_0, tq1_store)
TERNARY(tq2_0, tq2_store)
#undef TERNARY

/* ---- 4-bit floats ---------------------------------------------------------------------------- */

/* Numbers of the nearest values, of magnitudes 0, 1, 2, 3, 4, 6, 8, 12 times d, sign at bit 3.
 *
 * The reference tries all sixteen and keeps the first of the least errors. That is the least
 * magnitude index m with |x| <= the middle of its value and the next, for:
 *   - A value of the other sign is as far as 0 or farther, also when rounded, and comes after it
 * (for negative x the ones after 8 come later, but 0 with index 0 first): it never wins.
 *   - d has few bits, so values and middles are exact. Between neighbours a and b, 0 < a, both
 * errors are exact, for x and the value are within a factor of two; so the nearer wins, a tie goes
 * to a, which comes first. Between 0 and d, x itself is exact, and d - x is when x >= d/2, else it
 *     rounds to d/2 at least, which is more than x. Rounding keeps order, so no farther value wins.
 *   - Beyond 12d errors may round to the same number only when d is lost in x, below x * 2^-24:
 *     callers see to that.
 * d = 0 makes all errors alike: index 0, as d = infinity does here.
 *
 * Middles over d are 0.5, 1.5, 2.5, 3.5, 5, 7, 10: all have two bits after the first at most. So |x| is
 * looked up by its exponent and those two bits, rounded up: rounding up keeps every comparison with a
 * middle. The quotient |x| / d does too, rounded as it is: let M be the middle and |x| > M d, the next
 * float after M d at least; then |x| / d exceeds M by more than half a unit in M's last place.
 * Places are counted from that of 0.5 (and less): the middles' are 0, 6, 9, 11, 13, 15, 17. */

enum { FP4_HALF = 504 }; /* the place of 0.5, as a float's bits have it */

/* Place of |x|, counted from `half`, at most 20; sign at bit 5. */
V_FN vi fp4_place(vf x, vi half)
{
    vi place = (vi)((((vu)x & 0x7fffffffu) + 0x1fffffu) >> 21) - half;
    return vi_clamp(place, 0, 20) | (vi)((vu)x >> 26 & 32u);
}

V_FN vb fp4_levels(const vi place[V_PER16])
{
    const vb level = {1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7}; /* from place 5 on */
    vb b = vb_from_vi(place), at = b & 31, zero = (vb)(at == 0);
    at = (at - 5) & (vb)(at > 5);
    return (vb_lookup(level, at) | (vb_shr(b, 2) & 8)) & ~zero;
}

/* floor(log2f(v)) for a normal v > 0; log2f is correctly rounded, so that just below 2^k it is k.
 * The number of floats that takes in depends on the magnitude of the logarithm (lib/quant/ref). */
static inline int floor_log2(float v)
{
    static const uint8_t n_below[8] = {0, 0, 1, 2, 5, 11, 22, 44}; /* by bits of the magnitude */
    uint32_t bits = gg_bits_from_f32(v);
    int next = (int)(bits >> 23) - 126;
    uint32_t below = 0x800000 - (bits & 0x7fffff);
    unsigned magnitude = (unsigned)(next > 0 ? next - 1 : -next);
    int m = magnitude == 0 ? 0 : 32 - __builtin_clz(magnitude);
    return below <= n_below[m] ? next : next - 1;
}

static inline void encode_mxfp4(void *block, const float *x)
{
    struct qt_block_mxfp4 *b = block;
    vf run[32 / VL];
    v_load_run(run, x, 32 / VL);
    float amax = v_max_abs(run, 32 / VL);
    if (amax < 0x1p-100f) {
        qk_ref_quant_mxfp4(block, x, 1, 32, sizeof *b, 32, NULL);
        return;
    }
    int e = floor_log2(amax) + 125; /* d is 2^(e - 128), amax < 16.1 d; what is subnormal is far below */
    const vi half = vi_set1(FP4_HALF + 4 * (e - 128));
    vi lo[V_PER16], hi[V_PER16];
    V_UNROLL
    for (int k = 0; k < V_PER16; k++) {
        lo[k] = fp4_place(run[k], half);
        hi[k] = fp4_place(run[k + V_PER16], half);
    }
    b->e = (uint8_t)e;
    vb_store(b->qs, fp4_levels(lo) | vb_shl(fp4_levels(hi), 4));
}

/* Four blocks whose largest magnitudes are not just below a power of two. */
V_FN bool four_mxfp4(uint8_t *y, const float *x)
{
    v4 amax = v4_max_abs(x, 32);
    v4i bits = (v4i)amax, e = (bits >> 23) - 2;
    if (!v4_all((amax >= 0x1p-100f) & ((bits & 0x7fffff) < 0x800000 - 44)))
        return false;
    V_UNROLL
    for (int s = 0; s < 4; s++, x += 32, y += sizeof(struct qt_block_mxfp4)) {
        const vi half = vi_set1(FP4_HALF + 4 * (e[s] - 128));
        vi lo[V_PER16], hi[V_PER16];
        V_UNROLL
        for (int k = 0; k < V_PER16; k++) {
            lo[k] = fp4_place(vf_load(x + k * VL), half);
            hi[k] = fp4_place(vf_load(x + 16 + k * VL), half);
        }
        y[0] = (uint8_t)e[s];
        vb_store(y + 1, fp4_levels(lo) | vb_shl(fp4_levels(hi), 4));
    }
    return true;
}

/* Blocks with a value so large that all errors round to it: left to the reference. */
#define NVFP4_LARGE 0x1p30f

/* The scales' bytes, and what they stand for; false where a value is so large. */
V_FN bool nvfp4_scales(uint8_t byte[4], float d[4], const float *x)
{
    v4 amax = v4_max_abs(x, 16);
    vi e = v_ue4m3_from(vf_from_v4(amax / 6.0f));
    vf v = v_ue4m3_half(e);
    v = vf_select(vf_eq(v, vf_set1(0)), vf_set1(INFINITY), v);
    V_UNROLL
    for (int s = 0; s < 4; s++) {
        byte[s] = (uint8_t)e[s];
        d[s] = v[s];
    }
    return v4_all(amax < NVFP4_LARGE);
}

V_FN void nvfp4_levels(uint8_t qs[32], const float d[4], const float *x)
{
    vb q[4];
    V_UNROLL
    for (int s = 0; s < 4; s++) {
        vi place[V_PER16];
        V_UNROLL
        for (int k = 0; k < V_PER16; k++)
            place[k] = fp4_place(vf_load(x + 16 * s + k * VL) / vf_set1(d[s]), vi_set1(FP4_HALF));
        q[s] = fp4_levels(place);
    }
    V_UNROLL
    for (int s = 0; s < 4; s += 2)
        vb_store(qs + 8 * s, vb_join_lo(q[s], q[s + 1]) | vb_shl(vb_join_hi(q[s], q[s + 1]), 4));
}

static inline void encode_nvfp4(void *block, const float *x)
{
    struct qt_block_nvfp4 *b = block;
    float d[4];
    if (nvfp4_scales(b->d, d, x))
        nvfp4_levels(b->qs, d, x);
    else
        qk_ref_quant_nvfp4(block, x, 1, 64, sizeof *b, 64, NULL);
}

/* Scales of all four first: their makings take long, one after the other. */
V_FN bool four_nvfp4(uint8_t *y, const float *x)
{
    struct qt_block_nvfp4 *b = (struct qt_block_nvfp4 *)(void *)y;
    float d[4][4];
    bool usual = true;
    for (int i = 0; i < 4; i++)
        usual &= nvfp4_scales(b[i].d, d[i], x + 64 * i);
    for (int i = 0; usual && i < 4; i++)
        nvfp4_levels(b[i].qs, d[i], x + 64 * i);
    return usual;
}

/* ---- one and two bits ------------------------------------------------------------------------ */

/* The mean of magnitudes is a sum in order: blocks are lanes. */
static void quant_q1_0(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                       size_t src_stride, const struct qk_args *args)
{
    struct v_walk w = {
        dst, src, n_rows, n_cols, dst_stride, src_stride, 128, sizeof(struct qt_block_q1_0), 0, 0};
    struct v_group g;
    (void)args;
    while (v_next_group(&w, &g)) {
        vf sum = vf_set1(0), x[4];
        uint16_t d[VL];
        for (size_t i = 0; i < 128; i += 4) {
            v_load_columns4(x, g.x, i);
            V_UNROLL
            for (int j = 0; j < 4; j++)
                sum += vf_abs(x[j]);
        }
        vf_to_f16(d, sum / 128.0f);
        for (int k = 0; k < g.n; k++) {
            struct qt_block_q1_0 *b = (struct qt_block_q1_0 *)(void *)g.y[k];
            memcpy(&b->d, &d[k], 2);
            for (int i = 0; i < 128; i += 32) {
                uint32_t bits = 0;
                V_UNROLL
                for (int j = 0; j < 32; j += VL)
                    bits |= (uint32_t)vm_bits(vf_ge(vf_load(g.x[k] + i + j), vf_set1(0))) << j;
                gg_store_u32(b->qs + i / 8, bits);
            }
        }
    }
}

/* Two bits an element: its digit. Those of four neighbours come together in the low byte of an integer. */
V_FN void q2_store(uint8_t qs[16], const float *x, float inverse)
{
    const vf twice = vf_set1(inverse + inverse);
    vi four[V_PER16];
    V_UNROLL
    for (int k = 0; k < V_PER16; k++) {
        const vu digits = (vu)trits(x + 4 * VL * k, twice);
        const vu two = (digits | digits >> 6) & 0x000f000fu;
        four[k] = (vi)((two | two >> 12) & 0xffu);
    }
    vb_store(qs, vb_from_vi(four));
}

static inline void encode_q2_0(void *block, const float *x)
{
    qk_ref_quant_q2_0(block, x, 1, 64, sizeof(struct qt_block_q2_0), 64, NULL);
}

V_FN void scales_q2_0(struct v_simple *b)
{
    const vf d = v_block_magnitudes(b->x, 64), inverse = 1.0f / d;
    vf_to_f16(b->d, d);
    vf_store(b->inverse, inverse);
    b->left = ~vm_bits(vf_le(inverse, vf_set1(FLT_MAX / 2))) & V_ALL;
}

V_FN void store_q2_0(const struct v_simple *b)
{
    uint8_t *y = b->y;
    for (int k = 0; k < VL; k++, y += sizeof(struct qt_block_q2_0)) {
        memcpy(y, &b->d[k], 2);
        q2_store(y + 2, b->x + 64 * k, b->inverse[k]);
    }
}

/* ---- entries --------------------------------------------------------------------------------- */

V_QUANT_FOURS(tq1_0, 256)
V_QUANT_FOURS(tq2_0, 256)
V_QUANT_FOURS(mxfp4, 32)
V_QUANT_FOURS(nvfp4, 64)
V_QUANT_SIMPLE(q2_0, 64)

void V_NAME(qk_vec_encode_tiny)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_TQ1_0].quant = quant_tq1_0;
    k[QT_TQ2_0].quant = quant_tq2_0;
    k[QT_MXFP4].quant = quant_mxfp4;
    k[QT_NVFP4].quant = quant_nvfp4;
    k[QT_Q1_0].quant = quant_q1_0;
    k[QT_Q2_0].quant = quant_q2_0;
}
