/* Simple blocks four at a time: what a block has once (extremes, scale, its inverse) is worked out for
 * four in the lanes of 128 bits, and only the elements block by block.
 *
 * A function for four does the usual and says false where that won't do: a block of zeros, a scale that
 * can't be inverted. Then, and at a row's end, blocks go one by one. */
#ifndef QK_VEC_FOURS_H
#define QK_VEC_FOURS_H

#include "lib/quant/ref/encode.h"
#include "lib/quant/vec/v.h"

typedef bool v_four_fn(uint8_t *blocks, const float *x);

/* Calls four for every four blocks of every row, one for the others. Inlined, with both constants. */
V_FN void v_each_four(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                      size_t src_stride, size_t nelems, size_t nbytes, v_four_fn *four,
                      qk_block_fn *one)
{
    for (size_t r = 0; r < n_rows; r++) {
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        const float *x = src + r * src_stride;
        size_t n = n_cols / nelems;
        for (size_t i = 0; i < n; i += 4) {
            if (i + 4 <= n && four(y + i * nbytes, x + i * nelems))
                continue;
            for (size_t j = i; j < n && j < i + 4; j++)
                one(y + j * nbytes, x + j * nelems);
        }
    }
}

#define V_QUANT_FOURS(type, nelems)                                                                \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        (void)args;                                                                                \
        v_each_four(dst, src, n_rows, n_cols, dst_stride, src_stride, nelems,                      \
                    sizeof(struct qt_block_##type), four_##type, encode_##type);                   \
    }

V_FN v4 v4_greatest(const vf a[4])
{
    v4 r;
    v_hmax4((float *)&r, a);
    return r;
}

/* Are all lanes of a comparison's result set? */
V_FN bool v4_all(v4i m)
{
    typedef uint64_t v2q __attribute__((vector_size(16)));
    v2q q = (v2q)m;
    return (q[0] & q[1]) == ~(uint64_t)0;
}

/* Greatest magnitude of each of four runs of n elements. */
V_FN v4 v4_max_abs(const float *x, int n)
{
    vf most[4];
    V_UNROLL
    for (int s = 0; s < 4; s++)
        most[s] = v_lane_magnitudes(x + n * s, n);
    return v4_greatest(most);
}

#endif
