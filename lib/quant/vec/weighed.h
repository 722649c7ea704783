/* Q4_0 .. Q5_1 with importance weights: for the search a block is a lane, for its sums are taken in
 * order; for the levels neighbours are. */
#ifndef QK_VEC_WEIGHED_H
#define QK_VEC_WEIGHED_H

#include "lib/quant/vec/affine.h"
#include "lib/quant/vec/walk.h"

#include <string.h>

enum weigh_kind { AROUND_ZERO, ABOVE_MIN };

/* VL blocks and what was found for them, a block a lane: x ~ d * level + min, levels the nearest to
 * inverse * (x - from) + half, but 0 where zero. */
struct weighed {
    struct v_group g;
    vf d, min, inverse, from;
    vm zero;
};

/* Mean squares of the rows of a group's blocks. A row's sum is taken in the order of its elements,
 * so rows are lanes too, and only a row that was not met before is summed; unless the sums are
 * given, for the columns may be a piece of the rows. */
struct row_means {
    size_t first, n; /* rows first .. first + n - 1 are known */
    float mean[VL];
};

/* Sums of squares of n columns, a multiple of sixteen. */
V_FN vf sum_rows(const float *const x[VL], size_t n)
{
    vf sum = vf_set1(0), tile[16];
    for (size_t i = 0; i < n; i += 16) {
        V_UNROLL
        for (int k = 0; k < 16; k += VL)
            v_load_square(tile + k, x, i + (size_t)k);
        V_UNROLL
        for (int j = 0; j < 16; j++)
            sum += tile[j] * tile[j];
    }
    return sum;
}

static void find_means(struct row_means *m, const struct v_walk *w, size_t row,
                       const struct qk_args *args)
{
    const float *x[VL];
    m->first = row;
    m->n = gg_min_u64(VL, w->n_rows - row);
    for (size_t k = 0; args->row_sumx2 != NULL && k < m->n; k++)
        m->mean[k] = args->row_sumx2[row + k] / (float)args->row_n_cols;
    if (args->row_sumx2 != NULL)
        return;
    for (size_t k = 0; k < VL; k++)
        x[k] = w->src + (row + (k < m->n ? k : m->n - 1)) * w->src_stride;
    vf_store(m->mean, sum_rows(x, w->n_cols) / (float)w->n_cols);
}

/* A group's values, and its weights as they are given. */
V_FN void load_group(const struct v_group *g, const float *weights, vf x[32], vf w[32])
{
    const float *from[VL];
    for (int k = 0; k < VL; k++)
        from[k] = weights + g->col[k];
    v_load_columns(x, g->x, 32);
    v_load_columns(w, from, 32);
}

/* The next group, its values, weights and the means of its rows. Past the end there are no blocks, and
 * values are anything that is finite. */
V_FN vf next_weighed(struct v_walk *w, const struct qk_args *args, struct row_means *means,
                     struct weighed *b, vf x[32], vf weight[32])
{
    float mean[VL];
    if (!v_next_group(w, &b->g)) {
        for (int i = 0; i < 32; i++)
            x[i] = weight[i] = vf_set1(1);
        return vf_set1(0);
    }
    for (int k = 0; k < VL; k++) {
        if (b->g.row[k] >= means->first + means->n)
            find_means(means, w, b->g.row[k], args);
        mean[k] = means->mean[b->g.row[k] - means->first];
    }
    load_group(&b->g, args->weights, x, weight);
    return vf_load(mean);
}

/* The fifth bits of levels. */
V_FN uint32_t v_fifth_bits(const vi q[32 / VL])
{
    uint32_t bits = 0;
    V_UNROLL
    for (int k = 0; k < 32 / VL; k++)
        bits |= (uint32_t)vm_bits(vi_gt(q[k], vi_set1(15))) << k * VL;
    return bits;
}

/* Nibbles of the levels of elements i and i + 16. */
V_FN void v_store_nibbles(uint8_t *y, const vi q[32 / VL])
{
    vi both[V_PER16];
    V_UNROLL
    for (int k = 0; k < V_PER16; k++)
        both[k] = (q[k] & 15) | (vi)((vu)q[k + V_PER16] << 4);
    vb_store(y, vb_from_vi(both));
}

/* The fifth bits, if there are any, and nibbles. */
V_FN void v_store_levels(uint8_t *y, const vi q[32 / VL], bool fifth)
{
    if (fifth)
        gg_store_u32(y, v_fifth_bits(q));
    v_store_nibbles(y + (fifth ? 4 : 0), q);
}

/* Levels of the block in lane k. */
V_FN void weighed_levels(const struct weighed *b, int k, enum weigh_kind kind, int n_levels,
                         vi q[32 / VL])
{
    const vf inverse = vf_set1(((const float *)&b->inverse)[k]);
    const vf from = vf_set1(((const float *)&b->from)[k]);
    const int half = kind == AROUND_ZERO ? n_levels / 2 : 0;
    V_UNROLL
    for (int i = 0; i < 32 / VL; i++) {
        vf x = vf_load(b->g.x[k] + i * VL), v = inverse * (kind == ABOVE_MIN ? x - from : x);
        q[i] = vi_clamp(v_nearest_wild(v), -half, n_levels - 1 - half) + half;
    }
    if (vm_bits(b->zero) >> k & 1)
        memset(q, 0, 32 / VL * sizeof *q);
}

/* Blocks are d, min (ABOVE_MIN), fifth bits (32 levels), nibbles, one after the other. */
V_FN void store_weighed(const struct weighed *b, enum weigh_kind kind, int n_levels)
{
    uint16_t d[VL], min[VL];
    vf_to_f16(d, b->d);
    vf_to_f16(min, kind == ABOVE_MIN ? b->min : b->d);
    for (int k = 0; k < b->g.n; k++) {
        uint8_t *y = b->g.y[k];
        vi q[32 / VL];
        weighed_levels(b, k, kind, n_levels, q);
        gg_store_u16(y, d[k]);
        if (kind == ABOVE_MIN)
            gg_store_u16(y + 2, min[k]);
        v_store_levels(y + (kind == ABOVE_MIN ? 4 : 2), q, n_levels == 32);
    }
}

static inline void weigh_around_zero(struct v_walk w, const struct qk_args *args, int n_levels)
{
    struct row_means means = {0, 0, {0}};
    struct v_trials t;
    struct weighed b[V_TURNS];
    struct v_signed fit[V_TURNS];
    vf x[32], weight[32];
    do {
        for (int u = 0; u < V_TURNS; u++) {
            const vf mean = next_weighed(&w, args, &means, &b[u], x, weight);
            v_fit_next(&t, u, 32, n_levels / 2, x, weight, &mean, fit);
        }
        for (int u = 0; u < V_TURNS; u++) {
            b[u].d = fit[u].scale;
            b[u].inverse = fit[u].inverse;
            b[u].zero = fit[u].zero;
            store_weighed(&b[u], AROUND_ZERO, n_levels);
        }
    } while (b[V_TURNS - 1].g.n > 0);
}

static inline void weigh_above_min(struct v_walk w, const struct qk_args *args, int n_levels)
{
    const struct qk_min_search search = {
        .n = 32, .nmax = n_levels - 1, .nstep = 36, .rmin = -0.9f, .rdelta = 0.05f, .use_mad = 0};
    struct row_means means = {0, 0, {0}};
    struct weighed b[SIDE];
    struct affine_lanes a[SIDE];
    struct v_affine fit[SIDE];
    do {
        for (int u = 0; u < SIDE; u++) {
            const vf mean = next_weighed(&w, args, &means, &b[u], a[u].x, a[u].w);
            for (int i = 0; i < 32; i++)
                a[u].w[i] *= vf_sqrt(mean + a[u].x[i] * a[u].x[i]);
        }
        v_search_affine(&search, a, fit);
        for (int u = 0; u < SIDE; u++) {
            b[u].d = fit[u].scale;
            b[u].min = fit[u].min;
            b[u].inverse = fit[u].inverse;
            b[u].from = fit[u].from;
            b[u].zero = vm_from_bits(0);
            store_weighed(&b[u], ABOVE_MIN, n_levels);
        }
    } while (b[SIDE - 1].g.n > 0);
}

#endif
