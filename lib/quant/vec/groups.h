/* What the encoders of K types share. They take VL super-blocks at a time, a batch, and put in lanes
 *   - groups, while each is fitted alone: group g of the batch is lane g % VL of vector g / VL, so that
 *     values are read in the order in which they stand;
 *   - super-blocks, for what a super-block has once;
 *   - neighbours, for levels. */
#ifndef QK_VEC_GROUPS_H
#define QK_VEC_GROUPS_H

#include "lib/quant/vec/search.h"
#include "lib/quant/vec/walk.h"

#include <string.h>

struct v_batch {
    struct v_group at;
    const float *weights; /* of all columns; NULL: none */
    float sigma2[VL];     /* with weights: what is added to x^2 */
};

/* sigma2 = factor * (mean of x^2), summed in the order of the elements. */
V_FN void v_set_sigma2(struct v_batch *b, float factor)
{
    vf sum = vf_set1(0), tile[4];
    for (size_t i = 0; i < QT_SUPER; i += 4) {
        v_load_columns4(tile, b->at.x, i);
        V_UNROLL
        for (int j = 0; j < 4; j++)
            sum += tile[j] * tile[j];
    }
    vf_store(b->sigma2, factor * sum / (float)QT_SUPER);
}

/* Where the first group of vector v of groups, of which a super-block has n_groups, is in each super-block
 * that it holds. */
V_FN void v_group_starts(const struct v_batch *b, int n_groups, int v, const float *at[VL])
{
    for (int k = 0, g = v * VL; k < VL; k += n_groups, g += n_groups)
        at[k / n_groups] = b->at.x[g / n_groups] + g % n_groups * (QT_SUPER / n_groups);
}

/* Runs of floats in lanes, of which those of a super-block's groups follow each other: at[] is where the
 * first of them is in each super-block. */
V_FN void v_run_starts(const float *const at[VL], int n_groups, const float *from[VL])
{
    V_UNROLL
    for (int k = 0; k < VL; k++)
        from[k] = at[k / n_groups] + k % n_groups * (QT_SUPER / n_groups);
}

V_FN void v_load_runs(vf *out, const float *const at[VL], int n_groups)
{
    const float *from[VL];
    v_run_starts(at, n_groups, from);
    v_load_columns(out, from, (size_t)(QT_SUPER / n_groups));
}

/* Values of vector v of groups. */
V_FN void v_load_groups(const struct v_batch *b, int n_groups, int v, vf *x)
{
    const float *at[VL];
    v_group_starts(b, n_groups, v, at);
    v_load_runs(x, at, n_groups);
}

/* Asks for the values of n vectors, as many beyond vector v as `ahead` says: they will most likely come
 * then, and what is done until then takes long enough. */
V_FN void v_ask_ahead(const struct v_batch *b, int n_groups, int v, int ahead, int n)
{
    const int nbytes = VL * QT_SUPER / n_groups * (int)sizeof(float), g = v * VL;
    const float *x = b->at.x[g / n_groups] + g % n_groups * (QT_SUPER / n_groups);
    for (int i = ahead * nbytes; i < (ahead + n) * nbytes; i += 64)
        __builtin_prefetch((const void *)((uintptr_t)x + (uintptr_t)i), 0, 2);
}

/* Their weights. */
V_FN void v_load_weights(const struct v_batch *b, int n_groups, int v, vf *w)
{
    const float *at[VL];
    for (int k = 0, g = v * VL; k < VL; k += n_groups, g += n_groups)
        at[k / n_groups] =
            b->weights + b->at.col[g / n_groups] + g % n_groups * (QT_SUPER / n_groups);
    v_load_runs(w, at, n_groups);
}

/* w = weight * sqrt(sigma2 + x^2). */
V_FN void v_load_importance(const struct v_batch *b, int n_groups, int v, const vf *x, vf *w)
{
    float sigma2[VL];
    for (int k = 0; k < VL; k++)
        sigma2[k] = b->sigma2[(v * VL + k) / n_groups];
    v_load_weights(b, n_groups, v, w);
    for (int i = 0; i < QT_SUPER / n_groups; i++)
        w[i] *= vf_sqrt(vf_load(sigma2) + x[i] * x[i]);
}

V_FN vf v_sum(const vf *w, int n)
{
    vf sum = vf_set1(0);
    for (int i = 0; i < n; i++)
        sum += w[i];
    return sum;
}

/* From groups in lanes to super-blocks in lanes: out[j] is group j of each. */
V_FN void v_to_supers(vf *out, const vf *in, int n_groups)
{
    const float *from[VL];
    for (int k = 0; k < VL; k++)
        from[k] = (const float *)in + k * n_groups;
    v_load_columns(out, from, (size_t)n_groups);
}

/* What v holds for super-block s. */
V_FN uint32_t v_lane_of(const vu *v, int s)
{
    return ((const uint32_t *)(const void *)v)[s];
}

/* Word of bytes code[j] .. code[j + 3]. */
V_FN vu v_word_of(const vu *code, int j)
{
    return (code[j] | code[j + 1] << 8) | (code[j + 2] << 16 | code[j + 3] << 24);
}

/* Sixteen floats, any, rounded to lo .. hi, as bytes that count from lo. */
V_FN vb v_cut_codes(const vf v[V_PER16], int lo, int hi)
{
    vi q[V_PER16];
    V_UNROLL
    for (int k = 0; k < V_PER16; k++) {
        vi t = (vi)((vu)(v[k] + 12582912.0f) & 0x007fffffu); /* 2^22 more, which no byte shows */
        q[k] = vi_clamp(t, 0x00400000 + lo, 0x00400000 + hi) - lo;
    }
    return vb_from_vi(q);
}

/* Defines quant_TYPE from encode_TYPE, which takes a `work` whose member b is a v_batch. */
#define V_QUANT_BATCH(type, work)                                                                  \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        struct v_walk w = {dst,        src,      n_rows, n_cols, dst_stride,                       \
                           src_stride, QT_SUPER, sizeof(struct qt_block_##type), 0, 0};            \
        work k;                                                                                    \
        k.b.weights = args != NULL ? args->weights : NULL;                                         \
        while (v_next_group(&w, &k.b.at))                                                          \
            encode_##type(&k);                                                                     \
    }

#endif
