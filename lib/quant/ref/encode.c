/* Encoders of Q4_0, Q4_1, Q5_0, Q5_1 (with a variant that knows importance weights) and Q8_0.
 *
 * Arithmetic, operation by operation, is that of quantize_row_*_ref and quantize_row_*_impl in
 * ggml-quants.c. */
#include "lib/quant/ref/encode.h"

#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/search.h"

#include <string.h>

/* ---- packing 32 levels ------------------------------------------------------------------------ */

static inline void pack_nibbles(uint8_t qs[16], const uint8_t level[32])
{
    for (int j = 0; j < 16; j++)
        qs[j] = (uint8_t)((level[j] & 15) | level[j + 16] << 4);
}

static inline void pack_fifth_bits(uint8_t qh[4], const uint8_t level[32])
{
    uint32_t high = 0;
    for (int j = 0; j < 32; j++)
        high |= (uint32_t)(level[j] >> 4 & 1) << j;
    gg_store_u32(qh, high);
}

/* ---- without weights -------------------------------------------------------------------------- */

/* x ~ d * (level - half): the value of largest magnitude gets level 0. False: nothing but zeros can
 * be stored. */
static inline bool levels_around_zero(const float *x, int half, uint8_t level[32], float *d)
{
    float amax = 0, max = 0, inverse;
    for (int j = 0; j < 32; j++) {
        if (amax < fabsf(x[j])) {
            amax = fabsf(x[j]);
            max = x[j];
        }
    }
    *d = max / (float)-half;
    if (!qk_invert(*d, &inverse))
        return false;
    for (int j = 0; j < 32; j++) {
        int q = (int)(x[j] * inverse + ((float)half + 0.5f));
        level[j] = (uint8_t)(q > 2 * half - 1 ? 2 * half - 1 : q);
    }
    return true;
}

/* x ~ d * level + min. A range beyond FLT_MAX gives an infinite d. False as above. */
static inline bool levels_above_min(const float *x, int nmax, uint8_t level[32], float *d,
                                    float *min)
{
    float lo = FLT_MAX, hi = -FLT_MAX, inverse;
    for (int j = 0; j < 32; j++) {
        lo = x[j] < lo ? x[j] : lo;
        hi = x[j] > hi ? x[j] : hi;
    }
    *min = lo;
    *d = (hi - lo) / (float)nmax;
    if (!qk_invert(*d, &inverse))
        return false;
    if (*d > FLT_MAX) {
        memset(level, 0, 32);
        return true;
    }
    for (int j = 0; j < 32; j++) {
        int q = (int)((x[j] - lo) * inverse + 0.5f);
        level[j] = (uint8_t)(q > nmax ? nmax : q);
    }
    return true;
}

static void encode_q4_0(void *block, const float *x)
{
    struct qt_block_q4_0 *b = block;
    uint8_t level[32];
    float d;
    if (!levels_around_zero(x, 8, level, &d)) {
        memset(b, 0, sizeof *b);
        return;
    }
    qt_f16_store(&b->d, d);
    pack_nibbles(b->qs, level);
}

static void encode_q4_1(void *block, const float *x)
{
    struct qt_block_q4_1 *b = block;
    uint8_t level[32];
    float d, min;
    if (!levels_above_min(x, 15, level, &d, &min)) {
        memset(b, 0, sizeof *b);
        return;
    }
    qt_f16_store(&b->d, d);
    qt_f16_store(&b->m, min);
    pack_nibbles(b->qs, level);
}

static void encode_q5_0(void *block, const float *x)
{
    struct qt_block_q5_0 *b = block;
    uint8_t level[32];
    float d;
    if (!levels_around_zero(x, 16, level, &d)) {
        memset(b, 0, sizeof *b);
        return;
    }
    qt_f16_store(&b->d, d);
    pack_nibbles(b->qs, level);
    pack_fifth_bits(b->qh, level);
}

static void encode_q5_1(void *block, const float *x)
{
    struct qt_block_q5_1 *b = block;
    uint8_t level[32];
    float d, min;
    if (!levels_above_min(x, 31, level, &d, &min)) {
        memset(b, 0, sizeof *b);
        return;
    }
    qt_f16_store(&b->d, d);
    qt_f16_store(&b->m, min);
    pack_nibbles(b->qs, level);
    pack_fifth_bits(b->qh, level);
}

static void encode_q8_0(void *block, const float *x)
{
    struct qt_block_q8_0 *b = block;
    float d = qk_max_abs(x, 32) / 127.0f, inverse;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    qt_f16_store(&b->d, d);
    for (int j = 0; j < 32; j++)
        b->qs[j] = (int8_t)qk_round_away(x[j] * inverse);
}

/* ---- with weights ----------------------------------------------------------------------------- */
/* A weight counts more where the value is large against the mean square of the whole row. */

static float weigh_around_zero(const float *x, const float *w, int half, uint8_t level[32])
{
    int8_t signed_level[32];
    float d = qk_search_scale(32, half, x, w, signed_level);
    memcpy(level, signed_level, 32);
    return d;
}

static float weigh_above_min(const float *x, const float *w, int nmax, uint8_t level[32],
                             float *min)
{
    const struct qk_min_search search = {
        .n = 32, .nmax = nmax, .nstep = 36, .rmin = -0.9f, .rdelta = 0.05f, .use_mad = 0};
    float below;
    float d = qk_search_scale_min(&search, x, w, level, &below);
    *min = -below;
    return d;
}

static void weigh_q4_0(void *block, const float *x, const float *w)
{
    struct qt_block_q4_0 *b = block;
    uint8_t level[32];
    qt_f16_store(&b->d, weigh_around_zero(x, w, 8, level));
    pack_nibbles(b->qs, level);
}

static void weigh_q4_1(void *block, const float *x, const float *w)
{
    struct qt_block_q4_1 *b = block;
    uint8_t level[32];
    float min;
    qt_f16_store(&b->d, weigh_above_min(x, w, 15, level, &min));
    qt_f16_store(&b->m, min);
    pack_nibbles(b->qs, level);
}

static void weigh_q5_0(void *block, const float *x, const float *w)
{
    struct qt_block_q5_0 *b = block;
    uint8_t level[32];
    qt_f16_store(&b->d, weigh_around_zero(x, w, 16, level));
    pack_nibbles(b->qs, level);
    pack_fifth_bits(b->qh, level);
}

static void weigh_q5_1(void *block, const float *x, const float *w)
{
    struct qt_block_q5_1 *b = block;
    uint8_t level[32];
    float min;
    qt_f16_store(&b->d, weigh_above_min(x, w, 31, level, &min));
    qt_f16_store(&b->m, min);
    pack_nibbles(b->qs, level);
    pack_fifth_bits(b->qh, level);
}

typedef void weigh_fn(void *block, const float *x, const float *w);

static void weigh_row(uint8_t *y, const float *x, size_t n_cols, size_t nbytes,
                      const float *weights, weigh_fn *fn)
{
    float sum = 0, w[32];
    for (size_t i = 0; i < n_cols; i++)
        sum += x[i] * x[i];
    float mean = sum / (float)n_cols;
    for (size_t i = 0; i < n_cols; i += 32, y += nbytes) {
        for (size_t j = 0; j < 32; j++)
            w[j] = weights[i + j] * sqrtf(mean + x[i + j] * x[i + j]);
        fn(y, x + i, w);
    }
}

/* ---- entries ---------------------------------------------------------------------------------- */

#define QUANT_ROWS(type)                                                                           \
    void qk_ref_quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        const size_t nbytes = sizeof(struct qt_block_##type);                                      \
        if (args == NULL || args->weights == NULL) {                                               \
            qk_each_block(dst, src, n_rows, n_cols, dst_stride, src_stride, 32, nbytes,            \
                          encode_##type);                                                          \
            return;                                                                                \
        }                                                                                          \
        for (size_t r = 0; r < n_rows; r++)                                                        \
            weigh_row((uint8_t *)dst + r * dst_stride, src + r * src_stride, n_cols, nbytes,       \
                      args->weights, weigh_##type);                                                \
    }

QUANT_ROWS(q4_0)
QUANT_ROWS(q4_1)
QUANT_ROWS(q5_0)
QUANT_ROWS(q5_1)

QK_QUANT_BLOCKS(q8_0, 32, encode_q8_0)
