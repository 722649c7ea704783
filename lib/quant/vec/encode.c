/* Encoders of F16, BF16 and Q4_0 .. Q8_0. Without weights neighbours are lanes, for a block knows
 * of no sum; with weights (weighed.h) blocks are. */
#include "lib/quant/ref/encode.h"
#include "lib/quant/vec/fours.h"
#include "lib/quant/vec/weighed.h"

#include <string.h>

/* ---- one number an element ------------------------------------------------------------------- */

static void quant_f16(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                      size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        size_t i = 0;
        for (; i + VL <= n_cols; i += VL)
            vf_to_f16(y + 2 * i, vf_load(x + i));
        for (; i < n_cols; i++)
            qt_f16_store(y + 2 * i, x[i]);
    }
}

V_FN vi bf16_bits(vf x)
{
    vu u = (vu)x;
    vu rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    vm nan = vi_gt((vi)(u & 0x7fffffffu), vi_set1(0x7f800000));
    return vi_select(nan, (vi)(u >> 16 | 0x40u), (vi)rounded);
}

static void quant_bf16(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                       size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        size_t i = 0;
        for (; i + VL <= n_cols; i += VL)
            vi_to_u16(y + 2 * i, bf16_bits(vf_load(x + i)));
        for (; i < n_cols; i++)
            gg_store_u16(y + 2 * i, qt_bf16_from_f32(x[i]));
    }
}

/* ---- blocks of 32 ---------------------------------------------------------------------------- */

enum { N = 32 / VL }; /* vectors in a block */

/* x ~ d * (level - half). False: the block is zeros. The value of largest magnitude, the first of
 * them, becomes level 0; of nothing but zeros it is +0. */
V_FN bool around_zero(const float *p, int half, vb level[2], float *d)
{
    vf x[N], a[N];
    vi q[N];
    float inverse;
    v_load_run(x, p, N);
    V_UNROLL
    for (int k = 0; k < N; k++)
        a[k] = vf_abs(x[k]);
    float amax = v_max_abs(x, N);
    float max = amax > 0 ? p[v_first(a, N, amax)] : 0.0f;
    *d = max / (float)-half;
    if (!qk_invert(*d, &inverse))
        return false;
    V_UNROLL
    for (int k = 0; k < N; k++) {
        q[k] = vi_trunc(x[k] * inverse + ((float)half + 0.5f));
        q[k] = vi_min(q[k], vi_set1(2 * half - 1));
    }
    level[0] = vb_from_vi(q);
    level[1] = vb_from_vi(q + V_PER16);
    return true;
}

/* x ~ d * level + min. Of equal extremes (+0 and -0) the first counts, for its sign is stored. */
V_FN bool above_min(const float *p, int nmax, vb level[2], float *d, float *min)
{
    vf x[N], lo, hi;
    vi q[N];
    float inverse;
    v_load_run(x, p, N);
    lo = hi = x[0];
    V_UNROLL
    for (int k = 1; k < N; k++) {
        lo = vf_min(lo, x[k]);
        hi = vf_max(hi, x[k]);
    }
    *min = p[v_first(x, N, -vf_hmax(-lo))];
    *d = (p[v_first(x, N, vf_hmax(hi))] - *min) / (float)nmax;
    if (!qk_invert(*d, &inverse))
        return false;
    level[0] = level[1] = vb_set1(0);
    if (*d > FLT_MAX)
        return true; /* the range overflows: stored as infinite, found by valid */
    V_UNROLL
    for (int k = 0; k < N; k++)
        q[k] = vi_min(vi_trunc((x[k] - *min) * inverse + 0.5f), vi_set1(nmax));
    level[0] = vb_from_vi(q);
    level[1] = vb_from_vi(q + V_PER16);
    return true;
}

V_FN void pack_nibbles(uint8_t qs[16], const vb level[2])
{
    vb_store(qs, (level[0] & 15) | vb_shl(level[1], 4));
}

V_FN void pack_fifth_bits(uint8_t qh[4], const vb level[2])
{
    gg_store_u32(qh, vb_bits(vb_shl(level[0], 3)) | vb_bits(vb_shl(level[1], 3)) << 16);
}

static inline void encode_q4_0(void *block, const float *x)
{
    struct qt_block_q4_0 *b = block;
    vb level[2];
    float d;
    if (!around_zero(x, 8, level, &d)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    pack_nibbles(b->qs, level);
}

static inline void encode_q4_1(void *block, const float *x)
{
    struct qt_block_q4_1 *b = block;
    vb level[2];
    float d, min;
    if (!above_min(x, 15, level, &d, &min)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    gg_store_u16(&b->m, v_f16_bits(min));
    pack_nibbles(b->qs, level);
}

static inline void encode_q5_0(void *block, const float *x)
{
    struct qt_block_q5_0 *b = block;
    vb level[2];
    float d;
    if (!around_zero(x, 16, level, &d)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    pack_nibbles(b->qs, level);
    pack_fifth_bits(b->qh, level);
}

static inline void encode_q5_1(void *block, const float *x)
{
    struct qt_block_q5_1 *b = block;
    vb level[2];
    float d, min;
    if (!above_min(x, 31, level, &d, &min)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    gg_store_u16(&b->m, v_f16_bits(min));
    pack_nibbles(b->qs, level);
    pack_fifth_bits(b->qh, level);
}

static inline void encode_q8_0(void *block, const float *p)
{
    struct qt_block_q8_0 *b = block;
    vf x[N];
    vi q[N];
    float inverse;
    v_load_run(x, p, N);
    float d = v_max_abs(x, N) / 127.0f;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    V_UNROLL
    for (int k = 0; k < N; k++)
        q[k] = vi_round(x[k] * inverse);
    vb_store(b->qs, vb_from_vi(q));
    vb_store(b->qs + 16, vb_from_vi(q + V_PER16));
}

/* ---- four blocks of 32 ----------------------------------------------------------------------- */

/* Scales of four blocks x ~ d * (level - half), where the value of largest magnitude is no matter of
 * order. */
V_FN bool around_zero4(const float *x, int half, v4 *d, v4 *inverse)
{
    v4 hi, lo;
    v4_extremes(x, 32, &hi, &lo);
    *d = v4_select(hi > lo, hi, -lo) / (float)-half;
    *inverse = 1.0f / *d;
    return v4_all((hi != lo) & (v4_abs(*inverse) <= FLT_MAX));
}

/* Of four blocks x ~ d * level + min, where no extreme is 0. */
V_FN bool above_min4(const float *x, int nmax, v4 *d, v4 *inverse, v4 *min)
{
    v4 hi, lo;
    v4_extremes(x, 32, &hi, &lo);
    *min = -lo;
    *d = (hi - *min) / (float)nmax;
    *inverse = 1.0f / *d;
    return v4_all((hi != 0) & (lo != 0) & (*d <= FLT_MAX) & (*inverse <= FLT_MAX));
}

V_FN bool four_around_zero(uint8_t *y, const float *x, int half)
{
    const int step = half == 16 ? sizeof(struct qt_block_q5_0) : sizeof(struct qt_block_q4_0);
    v4 d, inverse;
    if (!around_zero4(x, half, &d, &inverse))
        return false;
    uint64_t scales = v4_f16_bits(d);
    V_UNROLL
    for (int s = 0; s < 4; s++, x += 32, y += step) {
        vi q[N];
        V_UNROLL
        for (int k = 0; k < N; k++) {
            q[k] = vi_trunc(vf_load(x + k * VL) * vf_set1(inverse[s]) + ((float)half + 0.5f));
            q[k] = vi_min(q[k], vi_set1(2 * half - 1));
        }
        gg_store_u16(y, (uint16_t)(scales >> 16 * s));
        v_store_levels(y + 2, q, half == 16);
    }
    return true;
}

V_FN bool four_above_min(uint8_t *y, const float *x, int nmax)
{
    const int step = nmax == 31 ? sizeof(struct qt_block_q5_1) : sizeof(struct qt_block_q4_1);
    v4 d, inverse, min;
    if (!above_min4(x, nmax, &d, &inverse, &min))
        return false;
    uint64_t scales = v4_f16_bits(d), mins = v4_f16_bits(min);
    V_UNROLL
    for (int s = 0; s < 4; s++, x += 32, y += step) {
        vi q[N];
        V_UNROLL
        for (int k = 0; k < N; k++) {
            vf above = vf_load(x + k * VL) - vf_set1(min[s]);
            q[k] = vi_min(vi_trunc(above * vf_set1(inverse[s]) + 0.5f), vi_set1(nmax));
        }
        uint32_t head = (scales >> 16 * s & 0xffff) | (uint32_t)(mins >> 16 * s) << 16;
        if (nmax == 31) /* at once: stores of parts get tangled up */
            gg_store_u64(y, head | (uint64_t)v_fifth_bits(q) << 32);
        else
            gg_store_u32(y, head);
        v_store_nibbles(y + (nmax == 31 ? 8 : 4), q);
    }
    return true;
}

V_FN bool four_q4_0(uint8_t *y, const float *x)
{
    return four_around_zero(y, x, 8);
}

V_FN bool four_q4_1(uint8_t *y, const float *x)
{
    return four_above_min(y, x, 15);
}

V_FN bool four_q5_0(uint8_t *y, const float *x)
{
    return four_around_zero(y, x, 16);
}

V_FN bool four_q5_1(uint8_t *y, const float *x)
{
    return four_above_min(y, x, 31);
}

V_FN bool four_q8_0(uint8_t *y, const float *x)
{
    v4 d = v4_max_abs(x, 32) / 127.0f, inverse = 1.0f / d;
    if (!v4_all(inverse <= FLT_MAX))
        return false;
    uint64_t scales = v4_f16_bits(d);
    V_UNROLL
    for (int s = 0; s < 4; s++, x += 32, y += sizeof(struct qt_block_q8_0)) {
        vi q[N];
        V_UNROLL
        for (int k = 0; k < N; k++)
            q[k] = vi_round(vf_load(x + k * VL) * vf_set1(inverse[s]));
        gg_store_u16(y, (uint16_t)(scales >> 16 * s));
        vb_store(y + 2, vb_from_vi(q));
        vb_store(y + 18, vb_from_vi(q + V_PER16));
    }
    return true;
}

/* ---- entries --------------------------------------------------------------------------------- */

#define QUANT(type, weigh, n_levels)                                                               \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        const size_t nbytes = sizeof(struct qt_block_##type);                                      \
        struct v_walk w = {dst, src, n_rows, n_cols, dst_stride, src_stride, 32, nbytes, 0, 0};    \
        if (args != NULL && args->weights != NULL)                                                 \
            weigh(w, args, n_levels);                                                              \
        else                                                                                       \
            v_each_four(dst, src, n_rows, n_cols, dst_stride, src_stride, 32, nbytes,              \
                        four_##type, encode_##type);                                               \
    }

QUANT(q4_0, weigh_around_zero, 16)
QUANT(q4_1, weigh_above_min, 16)
QUANT(q5_0, weigh_around_zero, 32)
QUANT(q5_1, weigh_above_min, 32)
#undef QUANT

V_QUANT_FOURS(q8_0, 32)

void V_NAME(qk_vec_encode)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_F16].quant = quant_f16;
    k[QT_BF16].quant = quant_bf16;
    k[QT_Q4_0].quant = quant_q4_0;
    k[QT_Q4_1].quant = quant_q4_1;
    k[QT_Q5_0].quant = quant_q5_0;
    k[QT_Q5_1].quant = quant_q5_1;
    k[QT_Q8_0].quant = quant_q8_0;
}
