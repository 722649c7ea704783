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

/* Not inlined, as find_levels below: compilers then know that nothing overlaps. */
static __attribute__((noinline)) void pack_nibbles(uint8_t *restrict qs,
                                                   const uint8_t *restrict level)
{
    for (int j = 0; j < 16; j++)
        qs[j] = (uint8_t)((level[j] & 15) | level[j + 16] << 4);
}

static inline void pack_fifth_bits(uint8_t *restrict qh, const uint8_t *restrict level)
{
    uint32_t high = 0;
    for (int j = 0; j < 32; j++)
        high |= ((uint32_t)level[j] >> 4 & 1) << j;
    gg_store_u32(qh, high);
}

/* ---- without weights -------------------------------------------------------------------------- */

struct range {
    float lo, hi;
};

/* Least and largest of 32 finite floats, in lanes; the sign of a zero is anyone's. */
static inline struct range range_of(const float *x)
{
    float lo[8], hi[8];

    for (int j = 0; j < 8; j++)
        lo[j] = hi[j] = x[j];
    for (int i = 8; i < 32; i += 8)
        for (int j = 0; j < 8; j++) {
            lo[j] = x[i + j] < lo[j] ? x[i + j] : lo[j];
            hi[j] = x[i + j] > hi[j] ? x[i + j] : hi[j];
        }
    for (int j = 1; j < 8; j++) {
        lo[0] = lo[j] < lo[0] ? lo[j] : lo[0];
        hi[0] = hi[j] > hi[0] ? hi[j] : hi[0];
    }
    return (struct range){lo[0], hi[0]};
}

/* The value of largest magnitude, the first of equals; +0 when there are but zeros. */
static inline float farthest_from_zero(const float *x)
{
    struct range r = range_of(x);
    if (r.hi != -r.lo)
        return r.hi > -r.lo ? r.hi : r.lo;
    for (int j = 0; j < 32 && r.hi != 0; j++) {
        if (fabsf(x[j]) == r.hi)
            return x[j];
    }
    return 0.0f;
}

/* Among zeros of both signs the first is the least and the largest: its sign is stored. */
static inline struct range range_with_signs(const float *x)
{
    struct range r = range_of(x);
    for (int j = 0; j < 32 && r.lo == 0; j++) {
        if (x[j] == 0) {
            r.hi = r.hi == 0 ? x[j] : r.hi;
            r.lo = x[j];
            break;
        }
    }
    return r;
}

/* Levels of 32 values: (x - min) * inverse + half, which is neither negative nor far above nmax, rounded
 * down and to no more than nmax. */
static __attribute__((noinline)) void find_levels(uint8_t *restrict level, const float *restrict x,
                                                  float min, float inverse, float half, int nmax)
{
    for (int j = 0; j < 32; j++) {
        int q = (int)((x[j] - min) * inverse + half);
        level[j] = (uint8_t)(q < nmax ? q : nmax);
    }
}

/* x ~ d * (level - half), the farthest value getting level 0. False: only zeros can be stored. */
static inline bool levels_around_zero(const float *x, int half, uint8_t *level, float *d)
{
    float inverse;

    *d = farthest_from_zero(x) / (float)-half;
    if (!qk_invert(*d, &inverse))
        return false;
    find_levels(level, x, 0.0f, inverse, (float)half + 0.5f, 2 * half - 1);
    return true;
}

/* x ~ d * level + min. A range beyond FLT_MAX gives an infinite d. False as above. */
static inline bool levels_above_min(const float *x, int nmax, uint8_t *level, float *d, float *min)
{
    struct range r = range_with_signs(x);
    float inverse;

    *min = r.lo;
    *d = (r.hi - r.lo) / (float)nmax;
    if (!qk_invert(*d, &inverse))
        return false;
    if (*d > FLT_MAX)
        memset(level, 0, 32);
    else
        find_levels(level, x, r.lo, inverse, 0.5f, nmax);
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
    int8_t found[32];
    float d = qk_search_scale(32, half, x, w, found);
    for (int j = 0; j < 32; j++)
        level[j] = (uint8_t)found[j];
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

/* The mean square of row r, as the whole row has it: given when the columns are only a piece. */
static float row_mean_square(const struct qk_args *args, size_t r, const float *x, size_t n_cols)
{
    if (args->row_sumx2 != NULL)
        return args->row_sumx2[r] / (float)args->row_n_cols;
    float sum = 0;
    for (size_t i = 0; i < n_cols; i++)
        sum += x[i] * x[i];
    return sum / (float)n_cols;
}

static void weigh_row(uint8_t *y, const float *x, size_t n_cols, size_t nbytes, float mean,
                      const float *weights, weigh_fn *fn)
{
    float w[32];
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
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            const float *x = src + r * src_stride;                                                 \
            weigh_row((uint8_t *)dst + r * dst_stride, x, n_cols, nbytes,                          \
                      row_mean_square(args, r, x, n_cols), args->weights, weigh_##type);           \
        }                                                                                          \
    }

QUANT_ROWS(q4_0)
QUANT_ROWS(q4_1)
QUANT_ROWS(q5_0)
QUANT_ROWS(q5_1)

QK_QUANT_BLOCKS(q8_0, 32, encode_q8_0)
