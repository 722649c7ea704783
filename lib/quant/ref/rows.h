/* What the encoders that know importance weights share: walking rows with the columns' weights, and
 * what upstream makes of a weight. */
#ifndef QK_REF_ROWS_H
#define QK_REF_ROWS_H

#include "lib/quant/ref/encode.h"

/* Encodes one block of values at x; weights (of the same columns) may be NULL. */
typedef void qk_weighted_fn(void *block, const float *x, const float *weights,
                            const struct qk_codebook *codebook);

struct qk_rows {
    void *dst;
    const float *src;
    size_t n_rows, n_cols, dst_stride, src_stride;
    const struct qk_args *args; /* may be NULL: no weights */
};

/* Calls fn for every block of every row. Inlined, with fn a constant. */
static inline void qk_each_weighted(const struct qk_rows *r, size_t nelems, size_t nbytes,
                                    qk_weighted_fn *fn)
{
    const float *weights = r->args ? r->args->weights : NULL;
    const struct qk_codebook *codebook = r->args ? r->args->codebook : NULL;

    for (size_t row = 0; row < r->n_rows; row++) {
        uint8_t *out = (uint8_t *)r->dst + row * r->dst_stride;
        const float *x = r->src + row * r->src_stride;
        for (size_t col = 0; col < r->n_cols; col += nelems) {
            fn(out, x + col, weights ? weights + col : NULL, codebook);
            out += nbytes;
        }
    }
}

/* Defines qk_ref_quant_TYPE from a function for one block. */
#define QK_QUANT_WEIGHTED(type, nelems, block_fn)                                                  \
    void qk_ref_quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        struct qk_rows r = {dst, src, n_rows, n_cols, dst_stride, src_stride, args};               \
        qk_each_weighted(&r, nelems, sizeof(struct qt_block_##type), block_fn);                    \
    }

/* In the order of the values: other orders round otherwise. */
static inline float qk_sum_squares(int n, const float *x)
{
    float sum = 0.0f;

    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

/* w[i] = importance[i] * sqrt(sigma2 + x[i]^2) */
static inline void qk_importance(int n, const float *x, const float *importance, float sigma2,
                                 float *w)
{
    for (int i = 0; i < n; i++)
        w[i] = importance[i] * sqrtf(sigma2 + x[i] * x[i]);
}

/* 1 / d; 0 for d = 0 and where 1 / d is not finite: such a block is zeros (kernel.h). */
static inline float qk_inverse(float d)
{
    float inverse;

    return qk_invert(d, &inverse) ? inverse : 0.0f;
}

#endif
