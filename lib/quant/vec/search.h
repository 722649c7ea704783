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
 * -9 .. -1 and 1 .. 9. Levels have the sign of -largest * x, so that only their magnitudes need be
 * found: |inverse| |x| rounded, at most nmax, or nmax - 1 where the level is positive.
 *
 * On either side of the plain candidate |inverse| |x| grows by 0.9 at most (|x| <= |largest|), so it
 * passes one middle between levels at most: an element's level is that of the side's first or of its
 * last candidate. What the element adds to the sums is made once for each of its three levels (k = -9,
 * 0, 9), and a candidate only chooses: the outer one where |inverse| |x| has reached the middle. There
 * the product is rounded to even, so that the middle is the next float up when the outer level is odd.
 * Twice the product is compared with twice the middle, an odd number: doubling changes no rounding
 * (what lies among the subnormals is far below 1).
 *
 * Divisions are slow, and nothing waits for them if they are asked for early: the inverses of a group
 * are made while the one before it is summed, and two groups look for their best candidate together.
 */

/* V_BATCH: as many sums as registers hold. */
enum { V_TRIES = 9, N_TRIALS = 2 * V_TRIES + 1, V_BATCH = VL == 16 ? V_TRIES : 3 };
enum { V_WHOLE_SIDE = V_BATCH == V_TRIES };

struct v_element {
    vf magnitude;    /* of x */
    vf middle[2];    /* twice that between the levels of k = -9 and 0, of 0 and 9 */
    vf xq[3], qq[3]; /* w x q, w q q at the three levels */
};

/* One group: its candidates by k + 9. */
struct v_trial {
    vf largest;
    vm zero; /* nothing in the group: any numbers, and zeros in the end */
    vf inverse2[N_TRIALS]; /* twice the magnitudes */
    vf xq[N_TRIALS], qq[N_TRIALS];
};

struct v_trials {
    struct v_trial of[3]; /* of groups in turn */
    struct v_element e[QK_GROUP_MAX];
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

/* The first value of largest magnitude; where that is next to nothing 1. */
V_FN void v_trial_open(struct v_trial *t, int n, const vf *x)
{
    vf magnitude = vf_set1(0), largest = magnitude;
    for (int i = 0; i < n; i++) {
        vf a = vf_abs(x[i]);
        vm more = vf_gt(a, magnitude);
        magnitude = vf_max(a, magnitude);
        largest = vf_select(more, x[i], largest);
    }
    t->zero = vf_lt(magnitude, vf_set1(QK_GROUP_EPS));
    t->largest = vf_select(t->zero, vf_set1(1), largest);
}

/* Inverse number c, asked for by the way. */
V_FN void v_trial_inverse(struct v_trial *t, int nmax, int c)
{
    t->inverse2[c] = ((float)nmax + 0.1f * (float)(c - V_TRIES)) / vf_abs(t->largest) * 2.0f;
}

/* The element's parts. |inverse| |x| stays below nmax + 1, where vf_nearest serves. */
V_FN void v_element_set(struct v_element *e, const struct v_trial *t, int nmax, vf x, vf w)
{
    const vf magic = vf_set1(12582912.0f);
    vu minus = ~(vu)t->largest & 0x80000000u; /* of all w x q */
    vf m = vf_abs(x), wm = w * (vf)((vu)m | minus), q[3], r[3];
    vi most = ((vi)magic + nmax) - (vi)(((vu)x ^ (vu)t->largest) >> 31);
    V_UNROLL
    for (int s = 0; s < 3; s++) {
        r[s] = m * (t->inverse2[V_TRIES * s] * 0.5f) + magic;
        r[s] = vf_min_positive(r[s], (vf)most);
        q[s] = r[s] - magic;
        e->xq[s] = wm * q[s];
        e->qq[s] = w * q[s] * q[s];
    }
    e->magnitude = m;
    V_UNROLL
    for (int s = 0; s < 2; s++)
        e->middle[s] = (vf)((vu)(q[s] + q[s + 1]) + ((vu)r[s + 1] & 1u));
}

/* Adds an element to the sums of V_BATCH candidates on one side. */
V_FN void v_element_add(const struct v_element *e, int side, const vf inverse2[V_BATCH],
                        vf xq[V_BATCH], vf qq[V_BATCH])
{
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++) {
        vm outer = vf_ge(inverse2[c] * e->magnitude, e->middle[side]);
        xq[c] += vf_select(outer, e->xq[side + 1], e->xq[side]);
        qq[c] += vf_select(outer, e->qq[side + 1], e->qq[side]);
    }
}

/* Keeps an element's parts: with sums of a whole side in registers, only those for the other side. */
V_FN void v_element_keep(struct v_element *to, const struct v_element *e)
{
    to->magnitude = e->magnitude;
    V_UNROLL
    for (int s = V_WHOLE_SIDE; s < 3; s++) {
        to->xq[s] = e->xq[s];
        to->qq[s] = e->qq[s];
    }
    V_UNROLL
    for (int s = V_WHOLE_SIDE; s < 2; s++)
        to->middle[s] = e->middle[s];
}

/* The elements' parts, the sums of the plain candidate and, in registers, of the lower side; inverses
 * of the next group. */
V_FN void v_trials_start(struct v_trials *t, int n, int nmax, const vf *x, const vf *w,
                         struct v_trial *this, struct v_trial *next)
{
    vf plain_xq = vf_set1(0), plain_qq = plain_xq, xq[V_BATCH], qq[V_BATCH];
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++)
        xq[c] = qq[c] = vf_set1(0);
    for (int i = 0; i < n; i++) {
        struct v_element e;
        v_element_set(&e, this, nmax, x[i], w[i]);
        v_element_keep(&t->e[i], &e);
        plain_xq += e.xq[1];
        plain_qq += e.qq[1];
        if (V_WHOLE_SIDE)
            v_element_add(&e, 0, this->inverse2, xq, qq);
        v_trial_inverse(next, nmax, i & 15);
    }
    this->xq[V_TRIES] = plain_xq;
    this->qq[V_TRIES] = plain_qq;
    V_UNROLL
    for (int c = 0; V_WHOLE_SIDE && c < V_BATCH; c++) {
        this->xq[c] = xq[c];
        this->qq[c] = qq[c];
    }
}

/* V_BATCH candidates from number `first` on, all on one side. */
V_FN void v_trials_batch(const struct v_trials *t, int n, int first, struct v_trial *this)
{
    vf xq[V_BATCH], qq[V_BATCH], inverse2[V_BATCH];
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++) {
        xq[c] = qq[c] = vf_set1(0);
        inverse2[c] = this->inverse2[first + c];
    }
    for (int i = 0; i < n; i++)
        v_element_add(&t->e[i], first > V_TRIES, inverse2, xq, qq);
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++) {
        this->xq[first + c] = xq[c];
        this->qq[first + c] = qq[c];
    }
}

/* Sums of all candidates of the group at x, whose inverses are there; inverses of the group at next. */
static __attribute__((noinline)) void v_trials_sum(struct v_trials *t, int n, int nmax,
                                                   const vf *x, const vf *w, struct v_trial *this,
                                                   const vf *next_x, struct v_trial *next)
{
    v_trial_open(next, n, next_x);
    v_trials_start(t, n, nmax, x, w, this, next);
    for (int c = 16; c < N_TRIALS; c++)
        v_trial_inverse(next, nmax, c);
    V_UNROLL
    for (int k = 0; !V_WHOLE_SIDE && k < V_TRIES; k += V_BATCH)
        v_trials_batch(t, n, k, this);
    V_UNROLL
    for (int k = V_TRIES + 1; k < N_TRIALS; k += V_BATCH)
        v_trials_batch(t, n, k, this);
}

/* The sums for any floats: levels one by one. */
V_FN void v_trial_wild(struct v_trial *t, int n, int nmax, const vf *x, const vf *w)
{
    const vu minus = ~(vu)t->largest & 0x80000000u;
    for (int k = 0; k < N_TRIALS; k++) {
        vf xq = vf_set1(0), qq = xq, inverse = (vf)((vu)(t->inverse2[k] * 0.5f) | minus);
        for (int i = 0; i < n; i++) {
            vf q = v_signed_level(inverse * x[i], nmax, true);
            xq += w[i] * x[i] * q;
            qq += w[i] * q * q;
        }
        t->xq[k] = xq;
        t->qq[k] = qq;
    }
}

/* The best candidates of n groups. */
V_FN void v_trials_choose(const struct v_trial *const t[2], int n, struct v_signed *fit)
{
    const vf zero = vf_set1(0);
    vf best[2], inverse2[2];
    V_UNROLL
    for (int u = 0; u < n; u++) {
        vf xq = t[u]->xq[V_TRIES], qq = t[u]->qq[V_TRIES];
        fit[u].scale = vf_select(vf_eq(qq, zero), zero, xq / qq);
        best[u] = fit[u].scale * xq;
        inverse2[u] = t[u]->inverse2[V_TRIES];
    }
    for (int k = 0; k < N_TRIALS; k++) {
        if (k == V_TRIES)
            continue;
        V_UNROLL
        for (int u = 0; u < n; u++) {
            vf xq = t[u]->xq[k], qq = t[u]->qq[k], ratio = xq / qq;
            vm wins = vm_and(vf_gt(qq, zero), vf_gt(xq * xq, best[u] * qq));
            inverse2[u] = vf_select(wins, t[u]->inverse2[k], inverse2[u]);
            fit[u].scale = vf_select(wins, ratio, fit[u].scale);
            best[u] = vf_select(wins, ratio * xq, best[u]);
        }
    }
    V_UNROLL
    for (int u = 0; u < n; u++) {
        vu minus = ~(vu)t[u]->largest & 0x80000000u;
        fit[u].inverse = (vf)((vu)(inverse2[u] * 0.5f) | minus);
        fit[u].scale = vf_select(t[u]->zero, zero, fit[u].scale);
        fit[u].zero = t[u]->zero;
    }
}

/* qk_search_scale with weights, for vector after vector of groups of n elements: begins with the first,
 * at x. */
V_FN void v_fit_begin(struct v_trials *t, int n, int nmax, const vf *x)
{
    v_trial_open(&t->of[0], n, x);
    for (int c = 0; c < N_TRIALS; c++)
        v_trial_inverse(&t->of[0], nmax, c);
}

/* Fits vector j, at x; the one after it (or any) is at next_x. With every second one both are chosen:
 * fit[j - 1] and fit[j]. */
V_FN void v_fit_next(struct v_trials *t, int j, int n, int nmax, const vf *x, const vf *w,
                     const vf *next_x, struct v_signed *fit)
{
    struct v_trial *this = &t->of[j % 3];
    v_trials_sum(t, n, nmax, x, w, this, next_x, &t->of[(j + 1) % 3]);
    if (j % 2 == 1) {
        const struct v_trial *const pair[2] = {&t->of[(j - 1) % 3], this};
        v_trials_choose(pair, 2, fit + j - 1);
    }
}

/* qk_search_scale for one group of any floats. */
V_FN void v_fit_scale_wild(int n, int nmax, const vf *x, const vf *w, struct v_signed *fit)
{
    struct v_trials t;
    const struct v_trial *const one[2] = {&t.of[0], NULL};
    vm finite = vf_lt(vf_abs(x[0]), vf_set1(V_INF));
    for (int i = 1; i < n; i++)
        finite = vm_and(finite, vf_lt(vf_abs(x[i]), vf_set1(V_INF)));
    v_trial_open(&t.of[0], n, x);
    for (int c = 0; c < N_TRIALS; c++)
        v_trial_inverse(&t.of[0], nmax, c);
    if (vm_all(finite))
        v_trials_sum(&t, n, nmax, x, w, &t.of[0], x, &t.of[1]);
    else
        v_trial_wild(&t.of[0], n, nmax, x, w);
    v_trials_choose(one, 1, fit);
}

V_FN vi v_signed_code(const struct v_signed *fit, int nmax, vf x, bool wild)
{
    vf q = v_signed_level(fit->inverse * x, nmax, wild);
    return vi_select(fit->zero, vi_set1(0), vi_trunc(q) + nmax);
}

#endif
