/* Encoders of F16, BF16 and Q4_0 .. Q8_0. Without weights VL blocks go side by side (simple.h);
 * with weights (weighed.h) they are lanes altogether. */
#include "lib/quant/ref/encode.h"
#include "lib/quant/vec/simple.h"
#include "lib/quant/vec/weighed.h"

#include <string.h>

/* ---- one number an element ------------------------------------------------------------------- */

/* Four vectors at a time where all numbers are finite, which leaves nothing to look after: a product with
 * 0 is then 0. */
enum { ABREAST = 4 };

V_FN bool all_finite(const vf x[ABREAST])
{
    const vf zero = vf_set1(0), sum = (x[0] * zero + x[1] * zero) + (x[2] * zero + x[3] * zero);
    return vm_all(vf_eq(sum, zero));
}

static void quant_f16(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                      size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        size_t i = 0;
        for (vf v[ABREAST]; i + ABREAST * VL <= n_cols; i += ABREAST * VL) {
            v_load_run(v, x + i, ABREAST);
            const bool finite = all_finite(v);
            V_UNROLL
            for (size_t k = 0; k < ABREAST; k++) {
                if (finite)
                    vf_to_f16_finite(y + 2 * (i + k * VL), v[k]);
                else
                    vf_to_f16(y + 2 * (i + k * VL), v[k]);
            }
        }
        for (; i < n_cols; i++)
            qt_f16_store(y + 2 * i, x[i]);
    }
}

/* The upper half, rounded. */
V_FN vi bf16_finite(vf x)
{
    vu u = (vu)x;
    return (vi)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

V_FN vi bf16_bits(vf x)
{
    vu u = (vu)x;
    vm nan = vi_gt((vi)(u & 0x7fffffffu), vi_set1(0x7f800000));
    return vi_select(nan, (vi)(u >> 16 | 0x40u), bf16_finite(x));
}

static void quant_bf16(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                       size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        size_t i = 0;
        for (vf v[ABREAST]; i + ABREAST * VL <= n_cols; i += ABREAST * VL) {
            v_load_run(v, x + i, ABREAST);
            const bool finite = all_finite(v);
            V_UNROLL
            for (size_t k = 0; k < ABREAST; k += 2) {
                uint8_t *to = y + 2 * (i + k * VL);
                if (finite)
                    vi_to_u16_twice(to, bf16_finite(v[k]), bf16_finite(v[k + 1]));
                else
                    vi_to_u16_twice(to, bf16_bits(v[k]), bf16_bits(v[k + 1]));
            }
        }
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

/* ---- VL blocks of 32 ------------------------------------------------------------------------- */

/* Levels of V_PART blocks from block k on, VL elements a vector: of their first and second halves. The
 * greatest value above min is (hi - min), whose quotient is nmax but for three roundings (of 2^-22 at
 * most where numbers are subnormal): with a half it stays below nmax + 1, and need not be cut. */
V_FN void simple_levels(const struct v_simple *b, int k, int half, vi lo[4], vi hi[4])
{
    V_UNROLL
    for (int j = 0; j < 4; j++) {
        const int s = k + j / V_PER16;
        const float *p = b->x + 32 * s + j % V_PER16 * VL;
        const vf inverse = vf_set1(b->inverse[s]);
        vf first = vf_load(p), second = vf_load(p + 16);
        if (half == 0) {
            first -= vf_set1(b->min[s]);
            second -= vf_set1(b->min[s]);
        }
        lo[j] = vi_trunc(first * inverse + ((float)half + 0.5f));
        hi[j] = vi_trunc(second * inverse + ((float)half + 0.5f));
    }
}

/* Stores VL blocks of nmax + 1 levels, those with a minimum where half is 0. */
V_FN void simple_store(const struct v_simple *b, int nmax, int half)
{
    const size_t at = half == 0 ? 4 : 2, step = at + (nmax == 31 ? 20 : 16);
    for (int k = 0; k < VL; k += V_PART) {
        vi first[4], second[4];
        simple_levels(b, k, half, first, second);
        vbs lo = vbs_from_vi(first), hi = vbs_from_vi(second);
        if (half != 0) {
            lo = vbs_min(lo, vbs_set1((uint8_t)nmax));
            hi = vbs_min(hi, vbs_set1((uint8_t)nmax));
        }
        vbs_store(b->y + (size_t)k * step + step - 16, step, vbs_nibbles(lo, hi));
        const uint64_t fifth_lo = vbs_fifth(lo), fifth_hi = vbs_fifth(hi);
        V_UNROLL
        for (int s = 0; s < V_PART; s++) {
            uint8_t *to = b->y + (size_t)(k + s) * step;
            memcpy(to, &b->d[k + s], 2);
            if (half == 0)
                memcpy(to + 2, &b->m[k + s], 2);
            if (nmax == 31)
                gg_store_u32(to + at, v_part_fifth(fifth_lo, fifth_hi, s));
        }
    }
}

/* x ~ d * (level - half), where the value of largest magnitude is no matter of order. */
V_FN void scales_around_zero(struct v_simple *b, int half)
{
    vf hi, lo;
    v_block_ends(b->x, V_TOP, V_BOTTOM, &hi, &lo);
    const vf d = vf_select(vf_gt(hi, -lo), hi, lo) / (float)-half, inverse = 1.0f / d;
    const vm usual = vm_and(vm_not(vf_eq(hi, -lo)), vf_le(vf_abs(inverse), vf_set1(FLT_MAX)));
    vf_to_f16(b->d, d);
    vf_store(b->inverse, inverse);
    b->left = ~vm_bits(usual) & V_ALL;
}

/* Blocks whose values have one sign. */
static __attribute__((noinline)) void block_ends_any(const float *x, vf *hi, vf *lo)
{
    v_block_ends(x, V_GREATEST, V_LEAST, hi, lo);
}

/* x ~ d * level + min, where no extreme is 0, whose sign is a matter of order. */
V_FN void scales_above_min(struct v_simple *b, int nmax)
{
    const vf zero = vf_set1(0);
    vf hi, lo;
    v_block_ends(b->x, V_TOP, V_BOTTOM, &hi, &lo);
    if (__builtin_expect(!vm_all(vm_and(vf_gt(hi, zero), vf_lt(lo, zero))), 0)) {
        vf ends[2];
        block_ends_any(b->x, &ends[0], &ends[1]);
        hi = ends[0];
        lo = ends[1];
    }
    const vf d = (hi - lo) / (float)nmax, inverse = 1.0f / d;
    const vm finite = vf_le(vf_max(d, inverse), vf_set1(FLT_MAX));
    const vm usual = vm_and(finite, vm_not(vm_or(vf_eq(hi, zero), vf_eq(lo, zero))));
    vf_to_f16(b->d, d);
    vf_to_f16(b->m, lo);
    vf_store(b->inverse, inverse);
    vf_store(b->min, lo);
    b->left = ~vm_bits(usual) & V_ALL;
}

V_FN void scales_q8_0(struct v_simple *b)
{
    const vf d = v_block_magnitudes(b->x, 32) / 127.0f, inverse = 1.0f / d;
    vf_to_f16(b->d, d);
    vf_store(b->inverse, inverse);
    b->left = ~vm_bits(vf_le(inverse, vf_set1(FLT_MAX))) & V_ALL;
}

V_FN void store_q8_0(const struct v_simple *b)
{
    const float *x = b->x;
    uint8_t *y = b->y;
    for (int k = 0; k < VL; k++, x += 32, y += sizeof(struct qt_block_q8_0)) {
        vi q[N];
        V_UNROLL
        for (int j = 0; j < N; j++)
            q[j] = vi_round(vf_load(x + j * VL) * vf_set1(b->inverse[k]));
        memcpy(y, &b->d[k], 2);
        vb_store(y + 2, vb_from_vi(q));
        vb_store(y + 18, vb_from_vi(q + V_PER16));
    }
}

/* ---- entries --------------------------------------------------------------------------------- */

/* Types of 4 and 5 bits: half is 0 where there is a minimum. */
#define QUANT(type, weigh, find, nmax, half)                                                       \
    V_FN void scales_##type(struct v_simple *b)                                                    \
    {                                                                                              \
        find(b, (half) != 0 ? (half) : (nmax));                                                    \
    }                                                                                              \
                                                                                                   \
    V_FN void store_##type(const struct v_simple *b)                                               \
    {                                                                                              \
        simple_store(b, nmax, half);                                                               \
    }                                                                                              \
                                                                                                   \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        const size_t nbytes = sizeof(struct qt_block_##type);                                      \
        struct v_walk w = {dst, src, n_rows, n_cols, dst_stride, src_stride, 32, nbytes, 0, 0};    \
        if (args != NULL && args->weights != NULL)                                                 \
            weigh(w, args, (nmax) + 1);                                                            \
        else                                                                                       \
            v_each_simple(dst, src, n_rows, n_cols, dst_stride, src_stride, 32, nbytes,            \
                          scales_##type, store_##type, encode_##type);                             \
    }

QUANT(q4_0, weigh_around_zero, scales_around_zero, 15, 8)
QUANT(q4_1, weigh_above_min, scales_above_min, 15, 0)
QUANT(q5_0, weigh_around_zero, scales_around_zero, 31, 16)
QUANT(q5_1, weigh_above_min, scales_above_min, 31, 0)
#undef QUANT

V_QUANT_SIMPLE(q8_0, 32)

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
