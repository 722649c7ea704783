/* The reference's search for scale and minimum (qk_search_scale_min), SIDE vectors of groups side by
 * side: the sums of one would wait for each other. Element i of group vector u is x[u * n + i].
 *
 * A candidate's levels are inverse * (x - from), rounded and cut to 0 .. nmax. Nearly always rounding
 * is two additions (they serve below 2^22), as few looks tell: inverse is range / (hi - from), rounded.
 * If it is positive and finite, then inverse * (hi - from), rounded, is range but for a millionth, and
 * no x is above hi; subtraction and product round monotonically, so no level is below that of lo. Where
 * a table of levels can be looked up by the low bits of the rounded number, it cuts: at no cost, for it
 * also takes the place of the second addition. Elsewhere numbers are cut before that.
 *
 * Skipping (where steps are small: else levels change with nearly every candidate). Lanes need not be
 * at the same candidate. As long as no better line is found, `from` stays and the ranges grow; so do
 * inverse, and the product with x - from where that is positive. (Where it is negative the level stays
 * 0.) So levels grow, and while none does, candidates have the levels, the line and the error of the
 * one before, which did not win: they can't win. A level q < nmax grows when the product v reaches
 * q + 1/2 at the earliest, that is at range * (q + 1/2) / v, and the lane goes on at the first candidate
 * that might reach the least of these. What is rounded on the way is below a millionth of the range
 * (2^-11 where the reciprocal is estimated), and more is taken off for it. Going on too early costs
 * time only.
 *
 * What would save more does not: of sixteen groups some nearly always has a better candidate (each
 * finds two or three of 16 to 37), so that errors are wanted for nearly all candidates, whatever
 * bound could be had from the sums. */
#ifndef QK_VEC_AFFINE_H
#define QK_VEC_AFFINE_H

#include "lib/quant/vec/search.h"

enum { SIDE = 4, PAIR = 2 };

struct v_affine {
    vf scale[SIDE], min[SIDE];
    vf inverse[SIDE], from[SIDE]; /* what the best levels were computed with */
};

enum affine_cut { CUT_CLAMP, CUT_WILD, CUT_TABLE8, CUT_TABLE32 };

/* By the low three bits of -2 .. 5, cut to 0 .. 3; the low five of -8 .. 23, to 0 .. 15. */
static const float affine_table8[16] = {0, 1, 2, 3, 3, 3, 0, 0, 0, 1, 2, 3, 3, 3, 0, 0};
static const float affine_table32[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                         11, 12, 13, 14, 15, 15, 15, 15, 15, 15, 15,
                                         15, 15, 0,  0,  0,  0,  0,  0,  0,  0};

/* By the same (the last by levels alone), 1 / (level + 1/2), but 0 where levels grow no more. */
static const float affine_grow8[16] = {1 / 0.5f, 1 / 1.5f, 1 / 2.5f, 0, 0, 0, 0, 0,
                                       1 / 0.5f, 1 / 1.5f, 1 / 2.5f, 0, 0, 0, 0, 0};
#define AFFINE_GROW15                                                                              \
    1 / 0.5f, 1 / 1.5f, 1 / 2.5f, 1 / 3.5f, 1 / 4.5f, 1 / 5.5f, 1 / 6.5f, 1 / 7.5f, 1 / 8.5f,      \
        1 / 9.5f, 1 / 10.5f, 1 / 11.5f, 1 / 12.5f, 1 / 13.5f, 1 / 14.5f
static const float affine_grow15[32] = {AFFINE_GROW15};
static const float affine_grow31[32] = {
    AFFINE_GROW15, 1 / 15.5f, 1 / 16.5f, 1 / 17.5f, 1 / 18.5f, 1 / 19.5f, 1 / 20.5f, 1 / 21.5f,
    1 / 22.5f,     1 / 23.5f, 1 / 24.5f, 1 / 25.5f, 1 / 26.5f, 1 / 27.5f, 1 / 28.5f, 1 / 29.5f,
    1 / 30.5f};

struct affine_state {
    const struct qk_min_search *s;
    const vf *x, *w;
    vf lo[SIDE], hi[SIDE], sum_w[SIDE], sum_x[SIDE];
    vm flat[SIDE];
    vf error[SIDE];               /* of the best */
    vf inverse[SIDE], from[SIDE]; /* of the candidate */
    vf sum_q[SIDE], sum_qq[SIDE], sum_xq[SIDE];
    /* With skipping: number of the candidate, its range, the greatest v / (q + 1/2). */
    vf k[SIDE], range[SIDE], reach[SIDE];
    vf scale[SIDE], min[SIDE]; /* its line */
    vm line[SIDE];             /* is there one? */
    enum affine_cut cut[SIDE];
    vf q[SIDE * QK_GROUP_MAX]; /* SIDE * i + u */
};

V_FN enum affine_cut affine_by_table(int nmax)
{
    if (nmax == 3 && V_HAS_LOOKUP8)
        return CUT_TABLE8;
    return nmax == 15 && V_HAS_LOOKUP32 ? CUT_TABLE32 : CUT_CLAMP;
}

/* What levels are cut by and how soon they grow, for a loop. */
struct affine_tables {
    vf level[32 / VL], grow[32 / VL];
};

V_FN void affine_open(struct affine_tables *t, enum affine_cut cut, int nmax)
{
    const float *grow = nmax == 3 ? affine_grow8 : nmax == 15 ? affine_grow15 : affine_grow31;
    v_keep_run(t->level, cut == CUT_TABLE8 ? affine_table8 : affine_table32,
               cut == CUT_TABLE8 ? V_PER16 : 32 / VL);
    v_keep_run(t->grow, grow, nmax == 3 ? V_PER16 : 32 / VL);
}

/* The level of v, and the bits it can be looked up by. */
V_FN vf affine_level(vf v, enum affine_cut cut, int nmax, const vf table[32 / VL], vi *at)
{
    const vf magic = vf_set1(12582912.0f);
    vf t = v + magic;
    if (cut == CUT_WILD)
        return vf_from_i(vi_clamp(v_nearest_wild(v), 0, nmax));
    if (cut == CUT_CLAMP)
        t = vf_min_positive(vf_max_positive(t, magic), magic + (float)nmax);
    *at = (vi)t;
    if (cut == CUT_CLAMP)
        return t - magic;
    return cut == CUT_TABLE8 ? vf_lookup8(table, *at) : vf_lookup32(table, *at);
}

/* v / (q + 1/2) but for 2^-11, or where level q grows no more something below 1. */
V_FN vf affine_reach(vf v, vf q, vi at, int nmax, const vf table[32 / VL])
{
    if (nmax == 3 && !V_HAS_LOOKUP8)
        return vf_select(vf_lt(q, vf_set1(3)), v * vf_reciprocal_rough(q + 0.5f), vf_set1(0));
    return v * (nmax == 3 ? vf_lookup8(table, at) : vf_lookup32(table, at));
}

/* ---- a pair -----------------------------------------------------------------------------------
 *
 * Vectors of groups are summed in pairs, so that tables stay in registers, and by turns: while the sums
 * of one pair are taken, nothing waits for the divisions of the other. */

/* Sets inverse to range / (hi - from). Flat groups get one so small that all levels are 0. */
V_FN enum affine_cut affine_prepare(struct affine_state *a, int first)
{
    const vf zero = vf_set1(0);
    vm tame = vm_not(vm_from_bits(0)), inside = tame;
    enum affine_cut table = affine_by_table(a->s->nmax);
    const vf least = vf_set1(table == CUT_TABLE8 ? -2.5f : -8.5f);
    V_UNROLL
    for (int u = first; u < first + PAIR; u++) {
        vf inverse = a->range[u] / (a->hi[u] - a->from[u]);
        inverse = vf_select(a->flat[u], vf_set1(1e-30f), inverse);
        vf lowest = inverse * (a->lo[u] - a->from[u]);
        tame = vm_and(tame, vm_and(vf_lt(zero, inverse), vf_lt(inverse, vf_set1(V_INF))));
        tame = vm_and(tame, vf_gt(lowest, vf_set1(-4194304.0f)));
        inside = vm_and(inside, vf_ge(lowest, least));
        a->inverse[u] = inverse;
    }
    if (!vm_all(tame))
        return CUT_WILD;
    return vm_all(inside) ? table : CUT_CLAMP;
}

/* Levels of the candidates, their sums, and with skipping how soon a level grows. */
V_FN void affine_sums(struct affine_state *a, int first, enum affine_cut cut, int nmax, bool skip)
{
    const int n = a->s->n;
    struct affine_tables t;
    vf sum_q[PAIR], sum_qq[PAIR], sum_xq[PAIR], reach[PAIR];
    affine_open(&t, cut, nmax);
    V_UNROLL
    for (int u = 0; u < PAIR; u++)
        sum_q[u] = sum_qq[u] = sum_xq[u] = reach[u] = vf_set1(0);
    for (int i = 0; i < n; i++) {
        V_UNROLL
        for (int u = 0; u < PAIR; u++) {
            vi at = vi_set1(0);
            const int side = first + u;
            vf x = a->x[side * n + i], v = a->inverse[side] * (x - a->from[side]);
            vf q = affine_level(v, cut, nmax, t.level, &at);
            vf wq = a->w[side * n + i] * q;
            a->q[SIDE * i + side] = q;
            sum_q[u] += wq;
            sum_qq[u] += wq * q;
            sum_xq[u] += wq * x;
            if (skip)
                reach[u] = vf_max_positive(affine_reach(v, q, at, nmax, t.grow), reach[u]);
        }
    }
    V_UNROLL
    for (int u = 0; u < PAIR; u++) {
        a->sum_q[first + u] = sum_q[u];
        a->sum_qq[first + u] = sum_qq[u];
        a->sum_xq[first + u] = sum_xq[u];
        if (skip)
            a->reach[first + u] = reach[u];
    }
}

V_FN void affine_measure(struct affine_state *a, int first, enum affine_cut cut)
{
    switch (cut) {
    case CUT_CLAMP:
        affine_sums(a, first, CUT_CLAMP, a->s->nmax, false);
        break;
    case CUT_TABLE8:
        affine_sums(a, first, CUT_TABLE8, 3, false);
        break;
    case CUT_TABLE32:
        affine_sums(a, first, CUT_TABLE32, 15, false);
        break;
    default:
        affine_sums(a, first, CUT_WILD, a->s->nmax, false);
    }
}

V_FN void affine_measure_skip(struct affine_state *a, int first, enum affine_cut cut)
{
    const int nmax = a->s->nmax;
    if (cut == CUT_TABLE8)
        affine_sums(a, first, CUT_TABLE8, 3, true);
    else if (cut == CUT_TABLE32)
        affine_sums(a, first, CUT_TABLE32, 15, true);
    else if (cut == CUT_CLAMP && nmax == 3)
        affine_sums(a, first, CUT_CLAMP, 3, true);
    else if (cut == CUT_CLAMP && nmax == 15)
        affine_sums(a, first, CUT_CLAMP, 15, true);
    else if (cut == CUT_CLAMP)
        affine_sums(a, first, CUT_CLAMP, 31, true);
    else
        affine_sums(a, first, CUT_WILD, nmax, false);
}

/* Errors of the lines scale q + min. */
V_FN void affine_errors(const struct affine_state *a, int first, bool use_mad, vf error[PAIR])
{
    const int n = a->s->n;
    vf sum[PAIR];
    V_UNROLL
    for (int u = 0; u < PAIR; u++)
        sum[u] = vf_set1(0);
    for (int i = 0; i < n; i++) {
        V_UNROLL
        for (int u = 0; u < PAIR; u++) {
            const int side = first + u;
            vf diff = a->scale[side] * a->q[SIDE * i + side] + a->min[side] - a->x[side * n + i];
            sum[u] += a->w[side * n + i] * (use_mad ? vf_abs(diff) : diff * diff);
        }
    }
    V_UNROLL
    for (int u = 0; u < PAIR; u++)
        error[u] = sum[u];
}

/* Error of the first guess: its levels are in range unless the group is wild. */
V_FN void affine_guess(const struct affine_state *a, const vf scale[SIDE], bool wild, bool use_mad,
                       vf error[SIDE])
{
    const int n = a->s->n;
    vf sum[SIDE];
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        sum[u] = vf_set1(0);
    for (int i = 0; i < n; i++) {
        V_UNROLL
        for (int u = 0; u < SIDE; u++) {
            vi at;
            vf x = a->x[u * n + i], v = a->inverse[u] * (x - a->from[u]);
            vf q = wild ? affine_level(v, CUT_WILD, a->s->nmax, NULL, &at) : vf_nearest(v);
            vf diff = scale[u] * q + a->from[u] - x;
            sum[u] += a->w[u * n + i] * (use_mad ? vf_abs(diff) : diff * diff);
        }
    }
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        error[u] = sum[u];
}

static void affine_start(struct affine_state *a, struct v_affine *best)
{
    const int n = a->s->n;
    bool wild = false;
    V_UNROLL
    for (int u = 0; u < SIDE; u++) {
        const vf *x = a->x + u * n, *w = a->w + u * n;
        vf lo = x[0], hi = x[0], sum_w = w[0], sum_x = w[0] * x[0];
        for (int i = 1; i < n; i++) {
            lo = vf_min(x[i], lo);
            hi = vf_max(x[i], hi);
            sum_w += w[i];
            sum_x += w[i] * x[i];
        }
        vf min = vf_select(vf_gt(lo, vf_set1(0)), vf_set1(0), lo);
        vf inverse = (float)a->s->nmax / (hi - min);
        vm finite = vf_lt(vf_abs(inverse), vf_set1(V_INF));
        a->flat[u] = vm_or(vf_eq(hi, min), vm_not(finite));
        a->lo[u] = lo;
        a->hi[u] = hi;
        a->sum_w[u] = sum_w;
        a->sum_x[u] = sum_x;
        a->from[u] = min;
        a->k[u] = vf_set1(0);
        a->range[u] = vf_set1((float)a->s->nmax);
    }
    for (int first = 0; first < SIDE; first += PAIR)
        wild |= affine_prepare(a, first) == CUT_WILD;
    V_UNROLL
    for (int u = 0; u < SIDE; u++) {
        best->inverse[u] = a->inverse[u];
        best->from[u] = best->min[u] = a->from[u];
        best->scale[u] = 1.0f / a->inverse[u];
    }
    if (wild)
        affine_guess(a, best->scale, true, a->s->use_mad, a->error);
    else if (a->s->use_mad)
        affine_guess(a, best->scale, false, true, a->error);
    else
        affine_guess(a, best->scale, false, false, a->error);
}

/* The candidate's line of least squares. */
V_FN void affine_line(struct affine_state *a, int u)
{
    vf sum_w = a->sum_w[u], sum_x = a->sum_x[u];
    vf q = a->sum_q[u], qq = a->sum_qq[u], xq = a->sum_xq[u];
    vf det = sum_w * qq - q * q;
    vf scale = (sum_w * xq - sum_x * q) / det, min = (qq * sum_x - q * xq) / det;
    vm positive = vf_gt(min, vf_set1(0));
    if (vm_any(positive)) {
        scale = vf_select(positive, xq / qq, scale);
        min = vf_select(positive, vf_set1(0), min);
    }
    a->scale[u] = scale;
    a->min[u] = min;
    a->line[u] = vf_gt(det, vf_set1(0));
}

/* Keeps the candidate where it wins. That can't be told beforehand: no branch. */
V_FN void affine_keep(struct affine_state *a, int u, vm wins, vf error, struct v_affine *best)
{
    a->error[u] = vf_select(wins, error, a->error[u]);
    best->scale[u] = vf_select(wins, a->scale[u], best->scale[u]);
    best->min[u] = vf_select(wins, a->min[u], best->min[u]);
    best->inverse[u] = vf_select(wins, a->inverse[u], best->inverse[u]);
    best->from[u] = vf_select(wins, a->from[u], best->from[u]);
}

/* Number of the next candidate, where this one won and where not. */
V_FN vf affine_next(const struct affine_state *a, int u, vm wins)
{
    const struct qk_min_search *s = a->s;
    const float off = 0.5f - (V_HAS_LOOKUP8 ? 0.015f : 0.1f);
    vf next = a->k[u] + 1.0f;
    vf k = (a->range[u] / a->reach[u] - (s->rmin + (float)s->nmax)) * (1.0f / s->rdelta) + off;
    k = vf_nearest(vf_min(k, vf_set1((float)s->nstep + 1)));
    return vf_select(wins, next, vf_max(k, next));
}

/* Sums and line of candidate k, or with skip of each lane's own. */
V_FN void affine_try(struct affine_state *a, int first, int k, bool skip,
                     const struct v_affine *best)
{
    const struct qk_min_search *s = a->s;
    V_UNROLL
    for (int u = first; u < first + PAIR; u++) {
        vf at = skip ? a->k[u] : vf_set1((float)k);
        a->from[u] = best->min[u];
        a->range[u] = (s->rmin + s->rdelta * at) + (float)s->nmax;
    }
    a->cut[first] = affine_prepare(a, first);
    if (skip)
        affine_measure_skip(a, first, a->cut[first]);
    else
        affine_measure(a, first, a->cut[first]);
    V_UNROLL
    for (int u = first; u < first + PAIR; u++)
        affine_line(a, u);
}

/* The better of candidate and best; with skip where each lane goes on. */
V_FN void affine_judge(struct affine_state *a, int first, bool skip, struct v_affine *best)
{
    vf error[PAIR];
    if (a->s->use_mad)
        affine_errors(a, first, true, error);
    else
        affine_errors(a, first, false, error);
    V_UNROLL
    for (int u = 0; u < PAIR; u++) {
        const int side = first + u;
        vm wins = vm_and(a->line[side], vf_lt(error[u], a->error[side]));
        if (skip)
            wins = vm_and(wins, vf_le(a->k[side], vf_set1((float)a->s->nstep)));
        affine_keep(a, side, wins, error[u], best);
        if (skip)
            a->k[side] =
                a->cut[first] == CUT_WILD ? a->k[side] + 1.0f : affine_next(a, side, wins);
    }
}

V_FN void affine_round(struct affine_state *a, int k, bool skip, struct v_affine *best)
{
    for (int first = 0; first < SIDE; first += PAIR)
        affine_try(a, first, k, skip, best);
    for (int first = 0; first < SIDE; first += PAIR)
        affine_judge(a, first, skip, best);
}

/* Is any lane at a candidate? */
V_FN bool affine_goes_on(const struct affine_state *a)
{
    vm more = vm_from_bits(0);
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        more = vm_or(more, vf_le(a->k[u], vf_set1((float)a->s->nstep)));
    return vm_any(more);
}

/* Is it worth looking ahead? */
V_FN bool affine_skips(const struct qk_min_search *s)
{
    return s->nmax == 3 || (V_HAS_LOOKUP32 && s->rdelta < 0.07f);
}

/* best->min is the minimum itself, not its negative. A flat group keeps that it started with: its
 * levels are alike, and there is no line. */
static __attribute__((noinline)) void v_search_affine(const struct qk_min_search *s, const vf *x,
                                                      const vf *w, struct v_affine *best)
{
    struct affine_state a;
    a.s = s;
    a.x = x;
    a.w = w;
    affine_start(&a, best);
    if (affine_skips(s)) {
        while (affine_goes_on(&a))
            affine_round(&a, 0, true, best);
    } else {
        for (int k = 0; k <= s->nstep; k++)
            affine_round(&a, k, false, best);
    }
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        best->scale[u] = vf_select(a.flat[u], vf_set1(0), best->scale[u]);
}

#endif
