/* Q4_0 .. Q5_1 with importance weights: a block a lane, for its sums are taken in order. */
#ifndef QK_VEC_WEIGHED_H
#define QK_VEC_WEIGHED_H

#include "lib/quant/vec/affine.h"
#include "lib/quant/vec/walk.h"

#include <string.h>

enum weigh_kind { AROUND_ZERO, ABOVE_MIN };

/* SIDE groups of VL blocks and what they become: the search for a minimum wants so many. */
struct weighed {
    struct v_group g[SIDE];
    vf x[SIDE * 32], w[SIDE * 32];
    vf d[SIDE], min[SIDE];
    vi level[SIDE * 32];
};

/* Mean squares of the rows of a group's blocks. A row's sum is taken in the order of its elements,
 * so rows are lanes too, and only a row that was not met before is summed; unless the sums are
 * given, for the columns may be a piece of the rows. */
struct row_means {
    size_t first, n; /* rows first .. first + n - 1 are known */
    float mean[VL];
};

static void find_means(struct row_means *m, const struct v_walk *w, size_t row,
                       const struct qk_args *args)
{
    const float *x[VL];
    vf sum = vf_set1(0), tile[4];
    m->first = row;
    m->n = gg_min_u64(VL, w->n_rows - row);
    for (size_t k = 0; args->row_sumx2 != NULL && k < m->n; k++)
        m->mean[k] = args->row_sumx2[row + k] / (float)args->row_n_cols;
    if (args->row_sumx2 != NULL)
        return;
    for (size_t k = 0; k < VL; k++)
        x[k] = w->src + (row + (k < m->n ? k : m->n - 1)) * w->src_stride;
    for (size_t i = 0; i < w->n_cols; i += 4) {
        v_load_columns4(tile, x, i);
        V_UNROLL
        for (int j = 0; j < 4; j++)
            sum += tile[j] * tile[j];
    }
    vf_store(m->mean, sum / (float)w->n_cols);
}

/* A group's values and weights. */
V_FN void load_group(const struct v_group *g, const float *weights, vf mean, vf x[32], vf w[32])
{
    const float *from[VL];
    for (int k = 0; k < VL; k++)
        from[k] = weights + g->col[k];
    v_load_columns(x, g->x, 32);
    v_load_columns(w, from, 32);
    for (int i = 0; i < 32; i++)
        w[i] *= vf_sqrt(mean + x[i] * x[i]);
}

V_FN void weigh_around_zero(struct weighed *b, int half)
{
    struct v_signed fit[SIDE];
    struct v_trials t;
    for (int u = 0; u < SIDE; u++)
        v_fit_next(&t, u, 32, half, b->x + 32 * u, b->w + 32 * u, fit);
    V_UNROLL
    for (int u = 0; u < SIDE; u++) {
        b->d[u] = fit[u].scale;
        for (int i = 32 * u; i < 32 * u + 32; i++)
            b->level[i] = v_signed_code(&fit[u], half, b->x[i], false);
    }
}

V_FN void weigh_above_min(struct weighed *b, int nmax)
{
    const struct qk_min_search search = {
        .n = 32, .nmax = nmax, .nstep = 36, .rmin = -0.9f, .rdelta = 0.05f, .use_mad = 0};
    struct v_affine best;
    v_search_affine(&search, b->x, b->w, &best);
    V_UNROLL
    for (int u = 0; u < SIDE; u++) {
        b->d[u] = best.scale[u];
        b->min[u] = best.min[u];
        for (int i = 32 * u; i < 32 * u + 32; i++) {
            vf v = best.inverse[u] * (b->x[i] - best.from[u]);
            b->level[i] = vi_clamp(v_nearest_wild(v), 0, nmax);
        }
    }
}

/* Blocks are d, min (ABOVE_MIN), fifth bits (32 levels), nibbles, one after the other. */
V_FN void store_group(const struct weighed *b, int u, enum weigh_kind kind, int n_levels)
{
    const struct v_group *g = &b->g[u];
    const vi *level = b->level + 32 * u;
    uint16_t d[VL], min[VL];
    int32_t word[4][VL], high[VL];
    vu fifth = (vu)vi_set1(0);
    for (int j = 0; j < 32; j++)
        fifth |= ((vu)level[j] >> 4 & 1u) << j;
    V_UNROLL
    for (int m = 0; m < 4; m++) {
        vu bytes = (vu)vi_set1(0);
        V_UNROLL
        for (int j = 4 * m; j < 4 * m + 4; j++)
            bytes |= (((vu)level[j] & 15u) | ((vu)level[j + 16] & 15u) << 4) << 8 * (j % 4);
        vi_store(word[m], (vi)bytes);
    }
    vi_store(high, (vi)fifth);
    vf_to_f16(d, b->d[u]);
    vf_to_f16(min, kind == ABOVE_MIN ? b->min[u] : b->d[u]);
    for (int k = 0; k < g->n; k++) {
        uint8_t *y = g->y[k];
        memcpy(y, &d[k], 2);
        memcpy(y + 2, &min[k], 2);
        y += kind == ABOVE_MIN ? 4 : 2;
        if (n_levels == 32)
            gg_store_u32(y, (uint32_t)high[k]);
        y += n_levels == 32 ? 4 : 0;
        V_UNROLL
        for (int m = 0; m < 4; m++)
            gg_store_u32(y + 4 * m, (uint32_t)word[m][k]);
    }
}

V_FN void weigh_rows(struct v_walk w, const struct qk_args *args, enum weigh_kind kind,
                     int n_levels)
{
    struct weighed b;
    struct row_means means = {0, 0, {0}};
    while (v_next_group(&w, &b.g[0])) {
        for (int u = 1; u < SIDE; u++)
            v_next_group(&w, &b.g[u]);
        for (int u = 0; u < SIDE; u++) {
            float mean[VL];
            if (b.g[u].n == 0) { /* past the end: anything */
                memcpy(b.x + 32 * u, b.x, 32 * sizeof *b.x);
                memcpy(b.w + 32 * u, b.w, 32 * sizeof *b.w);
                continue;
            }
            for (int k = 0; k < VL; k++) {
                if (b.g[u].row[k] >= means.first + means.n)
                    find_means(&means, &w, b.g[u].row[k], args);
                mean[k] = means.mean[b.g[u].row[k] - means.first];
            }
            load_group(&b.g[u], args->weights, vf_load(mean), b.x + 32 * u, b.w + 32 * u);
        }
        if (kind == AROUND_ZERO)
            weigh_around_zero(&b, n_levels / 2);
        else
            weigh_above_min(&b, n_levels - 1);
        V_UNROLL
        for (int u = 0; u < SIDE; u++)
            store_group(&b, u, kind, n_levels);
    }
}

#endif
