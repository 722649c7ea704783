/* What the reference encoders share: rounding, and walking rows block by block. */
#ifndef QK_REF_ENCODE_H
#define QK_REF_ENCODE_H

#include "lib/quant/kernel.h"

#include <float.h>
#include <math.h>

/* roundf: halves away from zero. For |v| < 2^31. */
static inline int qk_round_away(float v)
{
    int t = (int)v;
    float rest = v - (float)t;
    return t + (rest >= 0.5f) - (rest <= -0.5f);
}

/* 1/d, or 0 for d = 0. False when d is so small that 1/d is infinite: there the reference converts
 * infinities to integers, which C leaves undefined, and a block of zeros takes its place. */
static inline bool qk_invert(float d, float *inverse)
{
    *inverse = d != 0 ? 1.0f / d : 0.0f;
    return fabsf(*inverse) <= FLT_MAX;
}

/* The value of largest magnitude of n, the first of equals; +0 where there are but zeros. */
static inline float qk_farthest(int n, const float *x)
{
    float magnitude = 0.0f, value = 0.0f;

    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > magnitude) {
            magnitude = fabsf(x[i]);
            value = x[i];
        }
    return value;
}

/* Largest magnitude of n finite floats, n a multiple of 16. A maximum is the same in any order, so
 * it is taken in lanes. */
static inline float qk_max_abs(const float *x, int n)
{
    float lane[16] = {0};
    for (int i = 0; i < n; i += 16) {
        for (int j = 0; j < 16; j++) {
            float a = fabsf(x[i + j]);
            lane[j] = lane[j] < a ? a : lane[j];
        }
    }
    for (int half = 8; half > 0; half /= 2) {
        for (int j = 0; j < half; j++)
            lane[j] = lane[j] < lane[j + half] ? lane[j + half] : lane[j];
    }
    return lane[0];
}

typedef void qk_block_fn(void *block, const float *x);

/* Calls fn for every block of every row. Inlined, with fn a constant. */
static inline void qk_each_block(void *dst, const float *src, size_t n_rows, size_t n_cols,
                                 size_t dst_stride, size_t src_stride, size_t nelems,
                                 size_t nbytes, qk_block_fn *fn)
{
    for (size_t r = 0; r < n_rows; r++) {
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        const float *x = src + r * src_stride;
        for (size_t i = 0; i < n_cols / nelems; i++)
            fn(y + i * nbytes, x + i * nelems);
    }
}

/* Defines qk_ref_quant_TYPE for a type that has no use for weights from a function for one block. */
#define QK_QUANT_BLOCKS(type, nelems, block_fn)                                                    \
    void qk_ref_quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        (void)args;                                                                                \
        qk_each_block(dst, src, n_rows, n_cols, dst_stride, src_stride, nelems,                    \
                      sizeof(struct qt_block_##type), block_fn);                                   \
    }

#endif
