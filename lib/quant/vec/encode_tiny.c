/* Encoders of the ternary types, of 4-bit floats, and of one and two bits. */
#include "lib/quant/ref/encode.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/vec/ue4m3.h"
#include "lib/quant/vec/walk.h"

#include <string.h>

/* ---- ternary --------------------------------------------------------------------------------- */

/* Greatest magnitude of n elements, a multiple of 64. */
V_FN float max_abs_run(const float *p, int n)
{
    vf m[4] = {vf_set1(0), vf_set1(0), vf_set1(0), vf_set1(0)};
    for (int i = 0; i < n; i += 4 * VL) {
        V_UNROLL
        for (int k = 0; k < 4; k++)
            m[k] = vf_max(m[k], vf_abs(vf_load(p + i + k * VL)));
    }
    return v_max_abs(m, 4);
}

/* Sixteen elements to digits 0, 1, 2. */
V_FN vb trits16(const float *p, float inverse)
{
    vi q[V_PER16];
    V_UNROLL
    for (int k = 0; k < V_PER16; k++)
        q[k] = vi_round(vf_load(p + k * VL) * inverse);
    return vb_from_vi(q) + 1;
}

/* Sixteen bytes of five digits each, those of one byte `step` elements apart, as base-3 numbers. */
V_FN vb trits_number(const float *p, int step, float inverse)
{
    vb number = trits16(p, inverse);
    V_UNROLL
    for (int digit = 1; digit < 5; digit++)
        number = number + number + number + trits16(p + digit * step, inverse);
    return number;
}

/* Numbers of five digits as fractions of 256, rounded up. */
V_FN vb trits_fraction(vb number)
{
    const vb zero = vb_set1(0);
    vw lo = ((vw)vb_zip_lo(zero, number) + 242) / 243;
    vw hi = ((vw)vb_zip_hi(zero, number) + 242) / 243;
    return vb_even(lo, hi);
}

static inline void encode_tq1_0(void *block, const float *x)
{
    struct qt_block_tq1_0 *b = block;
    float d = max_abs_run(x, 256), inverse;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    vb_store(b->qs, trits_fraction(trits_number(x, 32, inverse)));
    vb_store(b->qs + 16, trits_fraction(trits_number(x + 16, 32, inverse)));
    vb_store(b->qs + 32, trits_fraction(trits_number(x + 160, 16, inverse)));
    /* Four digits, and a fifth of 0. */
    vb last = trits16(x + 240, inverse), number = vb_set1(0);
    V_UNROLL
    for (int j = 0; j < 4; j++)
        number[j] = (uint8_t)(last[j] * 81 + last[j + 4] * 27 + last[j + 8] * 9 + last[j + 12] * 3);
    number = trits_fraction(number);
    memcpy(b->qh, &number, 4);
    gg_store_u16(&b->d, v_f16_bits(d));
}

static inline void encode_tq2_0(void *block, const float *x)
{
    struct qt_block_tq2_0 *b = block;
    float d = max_abs_run(x, 256), inverse;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    for (int j = 0; j < 64; j += 16) {
        const float *p = x + j / 32 * 128 + j % 32;
        vb q = trits16(p, inverse);
        q |= vb_shl(trits16(p + 32, inverse), 2);
        q |= vb_shl(trits16(p + 64, inverse), 4);
        vb_store(b->qs + j, q | vb_shl(trits16(p + 96, inverse), 6));
    }
}

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
 * d = 0 makes all errors alike: index 0, as d = infinity does here. */
V_FN vi fp4_levels(vf x, vf d)
{
    static const float middle[6] = {1.5f, 2.5f, 3.5f, 5.0f, 7.0f, 10.0f};
    vf a = vf_abs(x);
    vi sign = (vi)((vu)x >> 28 & 8u);
    vi m = vi_select(vf_gt(a, 0.5f * d), sign + 1, vi_set1(0));
    V_UNROLL
    for (int k = 0; k < 6; k++)
        m = vi_inc(m, vf_gt(a, middle[k] * d));
    return m;
}

V_FN vb fp4_run16(const float *p, float d)
{
    vi q[V_PER16];
    V_UNROLL
    for (int k = 0; k < V_PER16; k++)
        q[k] = fp4_levels(vf_load(p + k * VL), vf_set1(d));
    return vb_from_vi(q);
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
    int e = amax >= FLT_MIN ? floor_log2(amax) + 125 : -1;
    if (e < 0) {
        memset(b, 0, sizeof *b);
        return;
    }
    float d = qt_f32_from_e8m0_half((uint8_t)e); /* amax < 16.1 d */
    b->e = (uint8_t)e;
    vb_store(b->qs, fp4_run16(x, d) | vb_shl(fp4_run16(x + 16, d), 4));
}

/* Blocks with a value so large that all errors round to it: left to the reference. */
#define NVFP4_LARGE 0x1p30f

/* The scales' bytes and, VL of them, what they stand for. */
V_FN void nvfp4_scales(uint8_t byte[4], float d[VL], const float amax[VL])
{
    vi e = v_ue4m3_from(vf_load(amax) / 6.0f);
    vf v = v_ue4m3_half(e);
    vf_store(d, vf_select(vf_eq(v, vf_set1(0)), vf_set1(INFINITY), v));
    V_UNROLL
    for (int s = 0; s < 4; s++)
        byte[s] = (uint8_t)e[s];
}

static inline void encode_nvfp4(void *block, const float *x)
{
    struct qt_block_nvfp4 *b = block;
    float amax[VL] = {0}, d[VL];
    vf most[4];
    vb q[4];
    V_UNROLL
    for (int s = 0; s < 4; s++) {
        most[s] = vf_abs(vf_load(x + 16 * s));
        V_UNROLL
        for (int k = 1; k < V_PER16; k++)
            most[s] = vf_max(most[s], vf_abs(vf_load(x + 16 * s + k * VL)));
    }
    v_hmax4(amax, most);
    if (vm_any(vf_ge(vf_load(amax), vf_set1(NVFP4_LARGE)))) {
        qk_ref_quant_nvfp4(block, x, 1, 64, sizeof *b, 64, NULL);
        return;
    }
    nvfp4_scales(b->d, d, amax);
    V_UNROLL
    for (int s = 0; s < 4; s++)
        q[s] = fp4_run16(x + 16 * s, d[s]);
    V_UNROLL
    for (int s = 0; s < 4; s += 2) {
        vb lo = vb_join_lo(q[s], q[s + 1]), hi = vb_join_hi(q[s], q[s + 1]);
        vb_store(b->qs + 8 * s, lo | vb_shl(hi, 4));
    }
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

/* Of each four bytes of two bits one byte, the first lowest: the product moves byte k from bit 8k
 * to bit 24 + 2k, and no two of its terms meet. */
V_FN void pack_two_bits(uint8_t qs[16], const vb level[4])
{
    typedef uint32_t v4u __attribute__((vector_size(16)));
    vb packed[4];
    V_UNROLL
    for (int k = 0; k < 4; k++)
        packed[k] = (vb)((v4u)level[k] * 0x01041040u >> 24);
    V_UNROLL
    for (int k = 0; k < 4; k++)
        gg_store_u32(qs + 4 * k, packed[k][0] | (uint32_t)packed[k][4] << 8 |
                                     (uint32_t)packed[k][8] << 16 | (uint32_t)packed[k][12] << 24);
}

static inline void encode_q2_0(void *block, const float *x)
{
    struct qt_block_q2_0 *b = block;
    vb level[4];
    float d = max_abs_run(x, 64), inverse;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    V_UNROLL
    for (int k = 0; k < 4; k++)
        level[k] = trits16(x + 16 * k, inverse);
    pack_two_bits(b->qs, level);
}

/* ---- entries --------------------------------------------------------------------------------- */

#define QUANT(type, nelems)                                                                        \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        (void)args;                                                                                \
        qk_each_block(dst, src, n_rows, n_cols, dst_stride, src_stride, nelems,                    \
                      sizeof(struct qt_block_##type), encode_##type);                              \
    }

QUANT(tq1_0, 256)
QUANT(tq2_0, 256)
QUANT(mxfp4, 32)
QUANT(nvfp4, 64)
QUANT(q2_0, 64)
#undef QUANT

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
