/* The reference's searches for a group's scale (lib/quant/ref/search.h), VL groups side by side:
 * one a lane, element i of all of them in x[i]. Same candidates, same order of sums and
 * comparisons. */
#ifndef QK_VEC_SEARCH_H
#define QK_VEC_SEARCH_H

#include "lib/quant/ref/search.h"
#include "lib/quant/vec/v.h"

/* qk_nearest_int of any float: beyond 2^22 the low bits of the sum, as there. */
V_FN vi v_nearest_wild(vf a)
{
    return (vi)((vu)(a + 12582912.0f) & 0x007fffffu) - 0x00400000;
}

V_FN vf vf_clamp(vf a, float lo, float hi)
{
    return vf_max(vf_min(a, vf_set1(hi)), vf_set1(lo));
}

/* ---- one scale --------------------------------------------------------------------------------
 *
 * The candidates are inverse scales -(nmax + 0.1 k) / largest: the plain one (k = 0) first, then k =
 * -9 .. -1 and 1 .. 9. On either side of the plain one an element's product inverse * x grows by 0.9
 * at most (|x| <= |largest|), away from 0, so it passes one middle between levels at most: its level
 * is that of the side's first or of its last candidate. What an element adds to the sums is made once
 * for each of its three levels (k = -9, 0, 9), and a candidate only chooses: the outer one where
 * |inverse * x| has reached the middle. There the product is rounded to even, so that the middle is
 * the next float up when the outer level is odd. Twice the product is compared with twice the middle,
 * an odd number: doubling changes no rounding (what lies among the subnormals is far below 1).
 */

enum { V_TRIES = 9, V_BATCH = VL == 16 ? 9 : 3 }; /* as many sums as registers hold */

struct v_element {
    vf magnitude;    /* of x */
    vf middle[2];    /* twice that between the levels of k = -9 and 0, of 0 and 9 */
    vf xq[3], qq[3]; /* w x q, w q q at the three levels */
};

struct v_trials {
    struct v_element e[QK_GROUP_MAX];
    vf inverse[2 * V_TRIES + 1];                  /* by k + 9 */
    vf xq[2 * V_TRIES + 1], qq[2 * V_TRIES + 1];  /* sums */
};

/* What qk_search_scale finds: levels are the nearest to inverse * x, but 0 where zero. */
struct v_signed {
    vf scale, inverse;
    vm zero;
};

/* A level, cut; wild: of any float. */
V_FN vf v_signed_level(vf v, int nmax, bool wild)
{
    vf q = wild ? vf_from_i(v_nearest_wild(v)) : vf_nearest(v);
    return vf_clamp(q, (float)-nmax, (float)(nmax - 1));
}

/* Twice the least |v| whose level is outer and not inner: levels next to each other, or the same. */
V_FN vf v_level_middle(vf inner, vf outer)
{
    return (vf)((vu)vf_abs(inner + outer) + ((vu)(outer + 12582912.0f) & 1u));
}

/* The elements' parts, and the sums of the plain candidate. |inverse * x| stays below nmax + 1, where
 * vf_nearest serves. */
V_FN void v_trials_start(struct v_trials *t, int n, int nmax, const vf *x, const vf *w)
{
    vf xq = vf_set1(0), qq = xq;
    for (int i = 0; i < n; i++) {
        struct v_element *e = &t->e[i];
        vf q[3], wx = w[i] * x[i];
        V_UNROLL
        for (int s = 0; s < 3; s++) {
            q[s] = v_signed_level(t->inverse[V_TRIES * s] * x[i], nmax, false);
            e->xq[s] = wx * q[s];
            e->qq[s] = w[i] * q[s] * q[s];
        }
        e->magnitude = vf_abs(x[i]);
        e->middle[0] = v_level_middle(q[0], q[1]);
        e->middle[1] = v_level_middle(q[1], q[2]);
        xq += e->xq[1];
        qq += e->qq[1];
    }
    t->xq[V_TRIES] = xq;
    t->qq[V_TRIES] = qq;
}

/* V_BATCH candidates from number `first` on, all on one side. */
V_FN void v_trials_batch(struct v_trials *t, int n, int first)
{
    const int side = first > V_TRIES;
    vf xq[V_BATCH], qq[V_BATCH], inverse[V_BATCH];
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++) {
        xq[c] = qq[c] = vf_set1(0);
        inverse[c] = vf_abs(t->inverse[first + c]) * 2.0f;
    }
    for (int i = 0; i < n; i++) {
        const struct v_element *e = &t->e[i];
        V_UNROLL
        for (int c = 0; c < V_BATCH; c++) {
            vm outer = vf_ge(inverse[c] * e->magnitude, e->middle[side]);
            xq[c] += vf_select(outer, e->xq[side + 1], e->xq[side]);
            qq[c] += vf_select(outer, e->qq[side + 1], e->qq[side]);
        }
    }
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++) {
        t->xq[first + c] = xq[c];
        t->qq[first + c] = qq[c];
    }
}

/* The same for any floats: levels one by one. */
V_FN void v_trials_wild(struct v_trials *t, int n, int nmax, const vf *x, const vf *w)
{
    for (int k = 0; k <= 2 * V_TRIES; k++) {
        vf xq = vf_set1(0), qq = xq;
        for (int i = 0; i < n; i++) {
            vf q = v_signed_level(t->inverse[k] * x[i], nmax, true);
            xq += w[i] * x[i] * q;
            qq += w[i] * q * q;
        }
        t->xq[k] = xq;
        t->qq[k] = qq;
    }
}

V_FN void v_trials_choose(const struct v_trials *t, struct v_signed *fit)
{
    const vf zero = vf_set1(0);
    vf xq = t->xq[V_TRIES], qq = t->qq[V_TRIES];
    vf scale = vf_select(vf_eq(qq, zero), zero, xq / qq), best = scale * xq;
    vf inverse = t->inverse[V_TRIES];
    for (int k = 0; k <= 2 * V_TRIES; k++) {
        if (k == V_TRIES)
            continue;
        xq = t->xq[k];
        qq = t->qq[k];
        vm wins = vm_and(vf_gt(qq, zero), vf_gt(xq * xq, best * qq));
        vf ratio = xq / qq;
        inverse = vf_select(wins, t->inverse[k], inverse);
        scale = vf_select(wins, ratio, scale);
        best = vf_select(wins, ratio * xq, best);
    }
    fit->inverse = inverse;
    fit->scale = vf_select(fit->zero, zero, scale);
}

/* qk_search_scale with weights. wild: x may be infinite or NaN. A group of (near) zeros computes
 * anything and gets zeros in the end. */
V_FN void v_fit_scale(int n, int nmax, const vf *x, const vf *w, bool wild, struct v_signed *fit)
{
    struct v_trials t;
    vf magnitude = vf_set1(0), largest = magnitude;
    for (int i = 0; i < n; i++) {
        vf a = vf_abs(x[i]);
        vm more = vf_gt(a, magnitude);
        magnitude = vf_select(more, a, magnitude);
        largest = vf_select(more, x[i], largest);
    }
    fit->zero = vf_lt(magnitude, vf_set1(QK_GROUP_EPS));
    largest = vf_select(fit->zero, vf_set1(1), largest);
    for (int k = -V_TRIES; k <= V_TRIES; k++)
        t.inverse[k + V_TRIES] = -((float)nmax + 0.1f * (float)k) / largest;
    if (wild) {
        v_trials_wild(&t, n, nmax, x, w);
    } else {
        v_trials_start(&t, n, nmax, x, w);
        V_UNROLL
        for (int k = 0; k < V_TRIES; k += V_BATCH)
            v_trials_batch(&t, n, k);
        V_UNROLL
        for (int k = V_TRIES + 1; k <= 2 * V_TRIES; k += V_BATCH)
            v_trials_batch(&t, n, k);
    }
    v_trials_choose(&t, fit);
}

V_FN vi v_signed_code(const struct v_signed *fit, int nmax, vf x, bool wild)
{
    vf q = v_signed_level(fit->inverse * x, nmax, wild);
    return vi_select(fit->zero, vi_set1(0), vi_trunc(q) + nmax);
}

V_FN vf v_search_scale(int n, int nmax, const vf *x, const vf *w, vi *level)
{
    struct v_signed fit;
    v_fit_scale(n, nmax, x, w, false, &fit);
    for (int i = 0; i < n; i++)
        level[i] = v_signed_code(&fit, nmax, x[i], false);
    return fit.scale;
}

#endif
