/* Encoding super-blocks of the codebook types (IQ1, IQ2, IQ3), some at a time, wherever in the rows
 * they stand. Their sums of squares come from VL of them side by side. */
#ifndef QK_VEC_BOOK_H
#define QK_VEC_BOOK_H

#include "lib/quant/kernel.h"
#include "lib/quant/vec/walk.h"

/* Encodes super-blocks first .. first + n - 1 of a group; sum: the sums of squares of all. */
typedef void v_encode_some(const void *type, const struct v_group *g, int first, int n,
                           const float *sum, const struct qk_args *args);

V_FN void v_sums_of_squares(const struct v_group *g, float *sum)
{
    vf s = vf_set1(0);

    for (size_t i = 0; i < QT_SUPER; i += 16) {
        const float *p[VL];
        vf x[16];
        for (int k = 0; k < VL; k++)
            p[k] = g->x[k] + i;
        v_load_columns(x, p, 16);
        for (int j = 0; j < 16; j++)
            s += x[j] * x[j];
    }
    vf_store(sum, s);
}

static inline const float *v_weights_of(const struct qk_args *args, const struct v_group *g, int k)
{
    return args->weights ? args->weights + g->col[k] : NULL;
}

/* Super-block k of a group goes to the reference. */
static void v_encode_plain(qk_quant_fn *reference, const struct v_group *g, int k,
                           const struct qk_args *args)
{
    struct qk_args a = *args;

    a.weights = v_weights_of(args, g, k);
    reference(g->y[k], g->x[k], 1, QT_SUPER, 0, 0, &a);
}

/* All of the rows, at most at_once at a time. */
V_FN void v_encode_rows(struct v_walk w, const struct qk_args *args, v_encode_some *encode,
                        const void *type, int at_once)
{
    struct v_group g;

    while (v_next_group(&w, &g)) {
        float sum[VL];
        v_sums_of_squares(&g, sum);
        for (int first = 0; first < g.n; first += at_once)
            encode(type, &g, first, g.n - first < at_once ? g.n - first : at_once, sum, args);
    }
}

/* The encoder of a type: its quant_TYPE. */
#define V_QUANT_ROWS(name, encode, type, at_once)                                                  \
    static void quant_##name(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        const struct v_walk w = {dst,        src,        n_rows,   n_cols,                         \
                                 dst_stride, src_stride, QT_SUPER, sizeof(struct qt_block_##name), \
                                 0,          0};                                                   \
        v_encode_rows(w, args, encode, type, at_once);                                             \
    }

#endif
