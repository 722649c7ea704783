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
    vf inverse[SIDE];             /* of the candidate; from is the minimum of the best */
    vf scale[SIDE], min[SIDE];    /* its line */
    vm line[SIDE];                /* is there one? */
    /* With skipping: number of the candidate, and of the next unless this one wins. */
    vf k[SIDE], next[SIDE];
    vf q[SIDE * QK_GROUP_MAX]; /* SIDE * i + u */
};

/* Of a pair's candidates. */
struct affine_pair {
    vf range[PAIR], from[PAIR], inverse[PAIR];
    vf q[PAIR], qq[PAIR], xq[PAIR]; /* sums */
    vf reach[PAIR];                 /* with skipping: the greatest v / (q + 1/2) */
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
V_FN enum affine_cut affine_prepare(const struct affine_state *a, int first, struct affine_pair *p)
{
    const vf zero = vf_set1(0);
    vm tame = vm_not(vm_from_bits(0)), inside = tame;
    enum affine_cut table = affine_by_table(a->s->nmax);
    const vf least = vf_set1(table == CUT_TABLE8 ? -2.5f : -8.5f);
    V_UNROLL
    for (int u = 0; u < PAIR; u++) {
        vf inverse = p->range[u] / (a->hi[first + u] - p->from[u]);
        inverse = vf_select(a->flat[first + u], vf_set1(1e-30f), inverse);
        vf lowest = inverse * (a->lo[first + u] - p->from[u]);
        tame = vm_and(tame, vm_and(vf_lt(zero, inverse), vf_lt(inverse, vf_set1(V_INF))));
        tame = vm_and(tame, vf_gt(lowest, vf_set1(-4194304.0f)));
        inside = vm_and(inside, vf_ge(lowest, least));
        p->inverse[u] = inverse;
    }
    if (!vm_all(tame))
        return CUT_WILD;
    return vm_all(inside) ? table : CUT_CLAMP;
}

/* Levels of the candidates, their sums, and with skipping how soon a level grows. */
V_FN void affine_sums(struct affine_state *a, int first, enum affine_cut cut, int nmax, bool skip,
                      struct affine_pair *p)
{
    const int n = a->s->n;
    struct affine_tables t;
    affine_open(&t, cut, nmax);
    V_UNROLL
    for (int u = 0; u < PAIR; u++)
        p->q[u] = p->qq[u] = p->xq[u] = p->reach[u] = vf_set1(0);
    for (int i = 0; i < n; i++) {
        V_UNROLL
        for (int u = 0; u < PAIR; u++) {
            vi at = vi_set1(0);
            const int side = first + u;
            vf x = a->x[side * n + i], v = p->inverse[u] * (x - p->from[u]);
            vf q = affine_level(v, cut, nmax, t.level, &at);
            vf wq = a->w[side * n + i] * q;
            a->q[SIDE * i + side] = q;
            p->q[u] += wq;
            p->qq[u] += wq * q;
            p->xq[u] += wq * x;
            if (skip)
                p->reach[u] = vf_max_positive(affine_reach(v, q, at, nmax, t.grow), p->reach[u]);
        }
    }
}

V_FN void affine_measure(struct affine_state *a, int first, enum affine_cut cut,
                         struct affine_pair *p)
{
    switch (cut) {
    case CUT_CLAMP:
        affine_sums(a, first, CUT_CLAMP, a->s->nmax, false, p);
        break;
    case CUT_TABLE8:
        affine_sums(a, first, CUT_TABLE8, 3, false, p);
        break;
    case CUT_TABLE32:
        affine_sums(a, first, CUT_TABLE32, 15, false, p);
        break;
    default:
        affine_sums(a, first, CUT_WILD, a->s->nmax, false, p);
    }
}

V_FN void affine_measure_skip(struct affine_state *a, int first, enum affine_cut cut,
                              struct affine_pair *p)
{
    const int nmax = a->s->nmax;
    if (cut == CUT_TABLE8)
        affine_sums(a, first, CUT_TABLE8, 3, true, p);
    else if (cut == CUT_TABLE32)
        affine_sums(a, first, CUT_TABLE32, 15, true, p);
    else if (cut == CUT_CLAMP && nmax == 3)
        affine_sums(a, first, CUT_CLAMP, 3, true, p);
    else if (cut == CUT_CLAMP && nmax == 15)
        affine_sums(a, first, CUT_CLAMP, 15, true, p);
    else if (cut == CUT_CLAMP)
        affine_sums(a, first, CUT_CLAMP, 31, true, p);
    else
        affine_sums(a, first, CUT_WILD, nmax, false, p);
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
V_FN void affine_guess(const struct affine_state *a, const struct v_affine *best, bool wild,
                       bool use_mad, vf error[SIDE])
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
            vf x = a->x[u * n + i], v = best->inverse[u] * (x - best->from[u]);
            vf q = wild ? affine_level(v, CUT_WILD, a->s->nmax, NULL, &at) : vf_nearest(v);
            vf diff = best->scale[u] * q + best->from[u] - x;
            sum[u] += a->w[u * n + i] * (use_mad ? vf_abs(diff) : diff * diff);
        }
    }
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        error[u] = sum[u];
}

/* The first guess of a pair. */
V_FN enum affine_cut affine_first(const struct affine_state *a, int first, struct v_affine *best)
{
    struct affine_pair p;
    V_UNROLL
    for (int u = 0; u < PAIR; u++) {
        p.range[u] = vf_set1((float)a->s->nmax);
        p.from[u] = best->from[first + u];
    }
    enum affine_cut cut = affine_prepare(a, first, &p);
    V_UNROLL
    for (int u = 0; u < PAIR; u++) {
        best->inverse[first + u] = p.inverse[u];
        best->scale[first + u] = 1.0f / p.inverse[u];
    }
    return cut;
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
        a->k[u] = vf_set1(0);
        best->from[u] = best->min[u] = min;
    }
    for (int first = 0; first < SIDE; first += PAIR)
        wild |= affine_first(a, first, best) == CUT_WILD;
    if (wild)
        affine_guess(a, best, true, a->s->use_mad, a->error);
    else if (a->s->use_mad)
        affine_guess(a, best, false, true, a->error);
    else
        affine_guess(a, best, false, false, a->error);
}

/* The candidate's line of least squares. */
V_FN void affine_line(struct affine_state *a, int first, const struct affine_pair *p, int u)
{
    vf sum_w = a->sum_w[first + u], sum_x = a->sum_x[first + u];
    vf q = p->q[u], qq = p->qq[u], xq = p->xq[u];
    vf det = sum_w * qq - q * q;
    vf scale = (sum_w * xq - sum_x * q) / det, min = (qq * sum_x - q * xq) / det;
    vm positive = vf_gt(min, vf_set1(0));
    if (vm_any(positive)) {
        scale = vf_select(positive, xq / qq, scale);
        min = vf_select(positive, vf_set1(0), min);
    }
    a->scale[first + u] = scale;
    a->min[first + u] = min;
    a->line[first + u] = vf_gt(det, vf_set1(0));
}

/* Keeps the candidate where it wins. That can't be told beforehand: no branch. */
V_FN void affine_keep(struct affine_state *a, int u, vm wins, vf error, struct v_affine *best)
{
    a->error[u] = vf_select(wins, error, a->error[u]);
    best->scale[u] = vf_select(wins, a->scale[u], best->scale[u]);
    best->from[u] = vf_select(wins, best->min[u], best->from[u]);
    best->min[u] = vf_select(wins, a->min[u], best->min[u]);
    best->inverse[u] = vf_select(wins, a->inverse[u], best->inverse[u]);
}

/* Number of the next candidate if candidate k does not win. */
V_FN vf affine_next(const struct qk_min_search *s, vf k, vf range, vf reach)
{
    const float off = 0.5f - (V_HAS_LOOKUP8 ? 0.015f : 0.1f);
    vf next = (range / reach - (s->rmin + (float)s->nmax)) * (1.0f / s->rdelta) + off;
    next = vf_nearest(vf_min(next, vf_set1((float)s->nstep + 1)));
    return vf_max(next, k + 1.0f);
}

/* Sums and line of candidate k, or with skip of each lane's own. */
V_FN void affine_try(struct affine_state *a, int first, int k, bool skip,
                     const struct v_affine *best)
{
    const struct qk_min_search *s = a->s;
    struct affine_pair p;
    V_UNROLL
    for (int u = 0; u < PAIR; u++) {
        vf at = skip ? a->k[first + u] : vf_set1((float)k);
        p.from[u] = best->min[first + u];
        p.range[u] = (s->rmin + s->rdelta * at) + (float)s->nmax;
    }
    enum affine_cut cut = affine_prepare(a, first, &p);
    if (skip)
        affine_measure_skip(a, first, cut, &p);
    else
        affine_measure(a, first, cut, &p);
    V_UNROLL
    for (int u = 0; u < PAIR; u++) {
        const int side = first + u;
        a->inverse[side] = p.inverse[u];
        affine_line(a, first, &p, u);
        if (skip)
            a->next[side] = cut == CUT_WILD ? a->k[side] + 1.0f
                                            : affine_next(s, a->k[side], p.range[u], p.reach[u]);
    }
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
            a->k[side] = vf_select(wins, a->k[side] + 1.0f, a->next[side]);
    }
}

V_FN void affine_round(struct affine_state *a, int k, struct v_affine *best)
{
    for (int first = 0; first < SIDE; first += PAIR)
        affine_try(a, first, k, false, best);
    for (int first = 0; first < SIDE; first += PAIR)
        affine_judge(a, first, false, best);
}

/* Is any lane of a pair at a candidate? */
V_FN bool affine_goes_on(const struct affine_state *a, int first)
{
    vm more = vm_from_bits(0);
    V_UNROLL
    for (int u = 0; u < PAIR; u++)
        more = vm_or(more, vf_le(a->k[first + u], vf_set1((float)a->s->nstep)));
    return vm_any(more);
}

/* Tries each lane's candidates; false when there are no more. */
V_FN bool affine_round_skip(struct affine_state *a, struct v_affine *best)
{
    bool more[SIDE], any = false;
    for (int first = 0; first < SIDE; first += PAIR) {
        more[first] = affine_goes_on(a, first);
        any |= more[first];
        if (more[first])
            affine_try(a, first, 0, true, best);
    }
    for (int first = 0; first < SIDE; first += PAIR) {
        if (more[first])
            affine_judge(a, first, true, best);
    }
    return any;
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
        while (affine_round_skip(&a, best))
            continue;
    } else {
        for (int k = 0; k <= s->nstep; k++)
            affine_round(&a, k, best);
    }
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        best->scale[u] = vf_select(a.flat[u], vf_set1(0), best->scale[u]);
}

#endif
