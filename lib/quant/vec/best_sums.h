/* Lines x ~ scale * level - min through a group, a group in each lane: the levels nearest to them and
 * their sums (lib/quant/ref/best_line.c). */
#ifndef QK_VEC_BEST_SUMS_H
#define QK_VEC_BEST_SUMS_H

#include "lib/quant/vec/best.h"

struct line {
    vf scale, min;
};

struct given {
    const vf *x, *w; /* w NULL: ones */
    vf sw, sx, lo, hi;
    vf xx, x1, along; /* sum w x^2, sum w x, t->along over the first */
};

struct sums {
    vf q, qq, xq;
};

struct fit {
    struct line line;
    struct sums s;
    vf gain;
};

/* ---- sums over a group ------------------------------------------------------------------------
 */

enum { PAIR = 2, TRIPLE = 3 };

V_FN vf level_at(vf v, vf top)
{
    return vf_nearest(vf_max(vf_min(v, top), vf_set1(0)));
}

static void look_at(const struct qk_line_search *t, const vf *x, const vf *w, struct given *g)
{
    g->x = x;
    g->w = w;
    g->lo = g->hi = x[0];
    g->sw = g->x1 = g->xx = vf_set1(0);
    for (int i = 0; i < t->n; i++) {
        g->lo = vf_min(x[i], g->lo);
        g->hi = vf_max(x[i], g->hi);
        g->sw += w != NULL ? w[i] : vf_set1(1);
        g->x1 += w != NULL ? w[i] * x[i] : x[i];
        g->xx += w != NULL ? w[i] * x[i] * x[i] : x[i] * x[i];
    }
    g->along = v_finite_ratio(vf_set1(t->along), g->xx);
    g->sw += g->along * (g->x1 * g->x1);
    g->sx = (1.0f + t->along) * g->x1;
    if (t->top != 0)
        g->lo = vf_min(g->lo, vf_set1(0));
}

/* The sums that stand for squares in which what points along the values counts more. */
V_FN struct sums sums_along(const struct qk_line_search *t, const struct given *g, vf q, vf qq,
                            vf xq)
{
    vf more = g->along * xq;
    return (struct sums){q + more * g->x1, qq + more * xq, (1.0f + t->along) * xq};
}

/* Sums of the levels nearest to one line, two or three. */
V_FN void sums_of(const struct qk_line_search *t, const struct given *g, bool ones, int n,
                  const struct line *l, struct sums *s)
{
    const vf top = vf_set1((float)t->nmax), *x = g->x, *w = g->w;
    vf inverse[TRIPLE], min[TRIPLE], sq[TRIPLE], sqq[TRIPLE], sxq[TRIPLE];
    V_UNROLL
    for (int k = 0; k < n; k++) {
        inverse[k] = v_level_inverse(l[k].scale);
        min[k] = l[k].min;
        sq[k] = sqq[k] = sxq[k] = vf_set1(0);
    }
    for (int i = 0; i < t->n; i++) {
        V_UNROLL
        for (int k = 0; k < n; k++) {
            vf q = level_at((x[i] + min[k]) * inverse[k], top), wq = ones ? q : w[i] * q;
            sq[k] += wq;
            sqq[k] += wq * q;
            sxq[k] += wq * x[i];
        }
    }
    V_UNROLL
    for (int k = 0; k < n; k++)
        s[k] = sums_along(t, g, sq[k], sqq[k], sxq[k]);
}

V_FN void sums_of_some(const struct qk_line_search *t, const struct given *g, int n,
                       const struct line *l, struct sums *s)
{
    if (g->w == NULL)
        sums_of(t, g, true, n, l, s);
    else
        sums_of(t, g, false, n, l, s);
}

static void sums_at(const struct qk_line_search *t, const struct given *g, const struct line *l,
                    struct sums *s)
{
    sums_of_some(t, g, 1, l, s);
}

static void sums_of_pair(const struct qk_line_search *t, const struct given *g,
                         const struct line l[PAIR], struct sums s[PAIR])
{
    sums_of_some(t, g, PAIR, l, s);
}

static void sums_of_triple(const struct qk_line_search *t, const struct given *g,
                           const struct line l[TRIPLE], struct sums s[TRIPLE])
{
    sums_of_some(t, g, TRIPLE, l, s);
}

V_FN void take_sums(struct sums *s, vm wins, const struct sums *other)
{
    s->q = vf_select(wins, other->q, s->q);
    s->qq = vf_select(wins, other->qq, s->qq);
    s->xq = vf_select(wins, other->xq, s->xq);
}

#endif
