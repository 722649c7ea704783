/* What the searches of --search best share: VL blocks with a block in each lane. */
#ifndef QK_VEC_BEST_H
#define QK_VEC_BEST_H

#include "lib/quant/ref/best.h"
#include "lib/quant/vec/super.h"

#include <string.h>

struct v_best {
    struct v_group at;
    const float *weights; /* of all columns; NULL: ones */
    vf x[QK_BEST_NELEMS], w[QK_BEST_NELEMS];
    struct qk_scales s[VL];
    uint8_t other[VL * QK_BEST_NBYTES]; /* what was found, block after block */
};

/* Weights from element i on; NULL: ones. */
static inline const vf *v_weights(const struct v_best *b, int i)
{
    return b->weights != NULL ? b->w + i : NULL;
}

/* The next VL blocks, with the scales they have; false at the end. */
static inline bool v_next_best(struct v_walk *walk, const struct qk_best_type *t, struct v_best *b)
{
    const float *from[VL];
    if (!v_next_group(walk, &b->at))
        return false;
    v_load_blocks(b->x, b->at.x, (size_t)t->nelems, (size_t)t->nelems);
    for (int k = 0; k < VL; k++) {
        from[k] = b->weights != NULL ? b->weights + b->at.col[k] : NULL;
        t->read(b->at.y[k], &b->s[k]);
    }
    if (b->weights != NULL)
        v_load_columns(b->w, from, (size_t)t->nelems);
    return true;
}

/* The errors of two encodings of a block, as qk_block_error takes them: its eight parts are lanes of
 * doubles. */
V_FN bool v_is_better(int nelems, const float *x, const float *w, const float *other,
                      const float *standard)
{
    enum { N = 16 / VL, HALF = VL / 2 };
    double part[2][8];
    vd sum[2][N];
    V_UNROLL
    for (int k = 0; k < N; k++)
        sum[0][k] = sum[1][k] = vd_load((const float[HALF]){0});
    for (int i = 0; i < nelems; i += 8) {
        V_UNROLL
        for (int k = 0; k < N; k++) {
            vd to = vd_load(x + i + k * HALF), times = vd_load(w + i + k * HALF);
            vd a = to - vd_load(other + i + k * HALF), b = to - vd_load(standard + i + k * HALF);
            sum[0][k] += times * (a * a);
            sum[1][k] += times * (b * b);
        }
    }
    V_UNROLL
    for (int k = 0; k < N; k++) {
        *(vd_mem *)(part[0] + k * HALF) = sum[0][k];
        *(vd_mem *)(part[1] + k * HALF) = sum[1][k];
    }
    return qk_add_parts(part[0]) < qk_add_parts(part[1]);
}

/* Keeps the better of each block and what was found for it. */
static inline void v_take_better(const struct qk_kernel *kernel, const struct qk_best_type *t,
                                 const struct v_best *b)
{
    float found[VL * QK_BEST_NELEMS], standard[VL * QK_BEST_NELEMS];
    const size_t nelems = (size_t)t->nelems, nbytes = (size_t)t->nbytes, n = (size_t)b->at.n;
    kernel->dequant(found, b->other, n);
    if (b->at.y[n - 1] == b->at.y[0] + (n - 1) * nbytes) {
        kernel->dequant(standard, b->at.y[0], n);
    } else {
        for (size_t k = 0; k < n; k++)
            kernel->dequant(standard + k * nelems, b->at.y[k], 1);
    }
    for (size_t k = 0; k < n; k++) {
        const float *w = b->weights != NULL ? b->weights + b->at.col[k] : qk_ones;
        if (v_is_better(t->nelems, b->at.x[k], w, found + k * nelems, standard + k * nelems))
            memcpy(b->at.y[k], b->other + k * nbytes, nbytes);
    }
}

/* a / b, 0 where that is not finite. */
V_FN vf v_finite_ratio(vf a, vf b)
{
    vf ratio = a / b;
    return vf_select(vf_lt(vf_abs(ratio), vf_set1(V_INF)), ratio, vf_set1(0));
}

V_FN vf v_level_inverse(vf scale)
{
    return v_finite_ratio(vf_set1(1), scale);
}

/* To the nearest code of lo .. hi. */
V_FN vf v_code(vf a, float lo, float hi)
{
    return vf_nearest(vf_clamp(a, lo, hi));
}

V_FN vf v_f16(vf a)
{
    vu bits;
    return v_through_f16(a, &bits);
}

/* The entry of a type, from improve(facts, kernel, walk, args) of the file it stands in, and putting it
 * into `table`. */
#define V_IMPROVE(id, type_)                                                                       \
    static void improve_##type_(const struct qk_kernel *kernel, void *dst, const float *src,       \
                                size_t n_rows, size_t n_cols, size_t dst_stride,                   \
                                size_t src_stride, const struct qk_args *args)                     \
    {                                                                                              \
        const struct qk_best_type *t = &qk_search_##type_.type;                                    \
        struct v_walk w = {dst,        src,                                                        \
                           n_rows,     n_cols,                                                     \
                           dst_stride, src_stride,                                                 \
                           (size_t)t->nelems, (size_t)t->nbytes,                                   \
                           0,          0};                                                         \
        improve(&qk_search_##type_, kernel, &w, args);                                             \
    }
#define V_SET_IMPROVE(id, type_) table->k[QT_##id].improve = improve_##type_;

#endif
