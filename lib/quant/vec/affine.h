/* The reference's search for scale and minimum (qk_search_scale_min), SIDE vectors of groups side by
 * side: the sums of one would wait for each other. Element i of group vector u is x[u * n + i].
 *
 * A candidate's levels are inverse * (x - from), rounded and cut to 0 .. nmax. Nearly always there is
 * nothing to cut below and rounding is two additions (they serve below 2^22), as few looks tell:
 *   - inverse is range / (hi - from), rounded. If it is positive and finite, then inverse * (hi -
 *     from), rounded, is range but for a millionth, and no x is above hi: nothing to cut on top when
 *     range < nmax + 0.4999.
 *   - Subtraction and product round monotonically, so no level is below that of lo.
 * Where a table of levels can be looked up by the low bits of the rounded number, it cuts: at no cost,
 * for it also takes the place of the second addition.
 * What would save more does not: of sixteen groups some nearly always has a better candidate (each
 * finds two or three of 16 to 37), so that errors are wanted for nearly all candidates, whatever
 * bound could be had from the sums. */
#ifndef QK_VEC_AFFINE_H
#define QK_VEC_AFFINE_H

#include "lib/quant/vec/search.h"

enum { SIDE = 2 };

struct v_affine {
    vf scale[SIDE], min[SIDE];
    vf inverse[SIDE], from[SIDE]; /* what the best levels were computed with */
};

enum affine_cut { CUT_NOTHING, CUT_TOP, CUT_BOTH, CUT_WILD, CUT_TABLE8, CUT_TABLE32 };

/* By the low three bits of -2 .. 5, cut to 0 .. 3; the low five of -8 .. 23, to 0 .. 15. */
static const float affine_table8[16] = {0, 1, 2, 3, 3, 3, 0, 0, 0, 1, 2, 3, 3, 3, 0, 0};
static const float affine_table32[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                         11, 12, 13, 14, 15, 15, 15, 15, 15, 15, 15,
                                         15, 15, 0,  0,  0,  0,  0,  0,  0,  0};

struct affine_state {
    const struct qk_min_search *s;
    const vf *x, *w;
    vf lo[SIDE], hi[SIDE], sum_w[SIDE], sum_x[SIDE];
    vm flat[SIDE];
    vf error[SIDE];               /* of the best */
    vf inverse[SIDE], from[SIDE]; /* of the candidate */
    vf sum_q[SIDE], sum_qq[SIDE], sum_xq[SIDE];
    vf q[SIDE * QK_GROUP_MAX]; /* SIDE * i + u */
};

V_FN enum affine_cut affine_by_table(int nmax)
{
    if (nmax == 3 && V_HAS_LOOKUP8)
        return CUT_TABLE8;
    return nmax == 15 && V_HAS_LOOKUP32 ? CUT_TABLE32 : CUT_NOTHING;
}

V_FN vf affine_level(vf v, enum affine_cut cut, int nmax)
{
    if (cut == CUT_TABLE8 || cut == CUT_TABLE32) {
        vf table[32 / VL];
        vi at = (vi)(v + 12582912.0f);
        v_load_run(table, cut == CUT_TABLE8 ? affine_table8 : affine_table32,
                   cut == CUT_TABLE8 ? V_PER16 : 32 / VL);
        return cut == CUT_TABLE8 ? vf_lookup8(table, at) : vf_lookup32(table, at);
    }
    if (cut == CUT_WILD)
        return vf_from_i(vi_clamp(v_nearest_wild(v), 0, nmax));
    v = vf_nearest(v);
    if (cut != CUT_NOTHING)
        v = vf_min(v, vf_set1((float)nmax));
    return cut == CUT_BOTH ? vf_max(v, vf_set1(0)) : v;
}

/* Sets inverse to range / (hi - from). Flat groups get one so small that all levels are 0. */
V_FN enum affine_cut affine_prepare(struct affine_state *a, float range)
{
    const vf zero = vf_set1(0);
    vm tame = vm_not(vm_from_bits(0)), inside = tame;
    vf first[SIDE];
    enum affine_cut table = affine_by_table(a->s->nmax);
    const vf least = vf_set1(table == CUT_TABLE8 ? -2.5f : table == CUT_TABLE32 ? -8.5f : -0.5f);
    V_UNROLL
    for (int u = 0; u < SIDE; u++) {
        vf inverse = range / (a->hi[u] - a->from[u]);
        inverse = vf_select(a->flat[u], vf_set1(1e-30f), inverse);
        tame = vm_and(tame, vm_and(vf_lt(zero, inverse), vf_lt(inverse, vf_set1(V_INF))));
        first[u] = inverse * (a->lo[u] - a->from[u]);
        inside = vm_and(inside, vf_ge(first[u], least));
        a->inverse[u] = inverse;
    }
    if (!vm_all(tame))
        return CUT_WILD;
    if (vm_all(inside) && table != CUT_NOTHING)
        return table;
    if (vm_all(inside))
        return range < (float)a->s->nmax + 0.4999f ? CUT_NOTHING : CUT_TOP;
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        tame = vm_and(tame, vf_gt(first[u], vf_set1(-4194304.0f)));
    return vm_all(tame) ? CUT_BOTH : CUT_WILD;
}

/* Levels of the candidate and their sums. */
V_FN void affine_sums(struct affine_state *a, enum affine_cut cut)
{
    const int n = a->s->n, nmax = a->s->nmax;
    vf sum_q[SIDE], sum_qq[SIDE], sum_xq[SIDE];
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        sum_q[u] = sum_qq[u] = sum_xq[u] = vf_set1(0);
    for (int i = 0; i < n; i++) {
        V_UNROLL
        for (int u = 0; u < SIDE; u++) {
            vf x = a->x[u * n + i];
            vf q = affine_level(a->inverse[u] * (x - a->from[u]), cut, nmax);
            vf wq = a->w[u * n + i] * q;
            a->q[SIDE * i + u] = q;
            sum_q[u] += wq;
            sum_qq[u] += wq * q;
            sum_xq[u] += wq * x;
        }
    }
    V_UNROLL
    for (int u = 0; u < SIDE; u++) {
        a->sum_q[u] = sum_q[u];
        a->sum_qq[u] = sum_qq[u];
        a->sum_xq[u] = sum_xq[u];
    }
}

static void affine_try(struct affine_state *a, enum affine_cut cut)
{
    switch (cut) {
    case CUT_NOTHING:
        affine_sums(a, CUT_NOTHING);
        break;
    case CUT_TOP:
        affine_sums(a, CUT_TOP);
        break;
    case CUT_BOTH:
        affine_sums(a, CUT_BOTH);
        break;
    case CUT_TABLE8:
        affine_sums(a, CUT_TABLE8);
        break;
    case CUT_TABLE32:
        affine_sums(a, CUT_TABLE32);
        break;
    default:
        affine_sums(a, CUT_WILD);
    }
}

V_FN void affine_errors(const struct affine_state *a, const vf scale[SIDE], const vf min[SIDE],
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
            vf diff = scale[u] * a->q[SIDE * i + u] + min[u] - a->x[u * n + i];
            sum[u] += a->w[u * n + i] * (use_mad ? vf_abs(diff) : diff * diff);
        }
    }
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        error[u] = sum[u];
}

static void affine_error(const struct affine_state *a, const vf scale[SIDE], const vf min[SIDE],
                         vf error[SIDE])
{
    if (a->s->use_mad)
        affine_errors(a, scale, min, true, error);
    else
        affine_errors(a, scale, min, false, error);
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
            vf x = a->x[u * n + i];
            vf q = affine_level(a->inverse[u] * (x - a->from[u]), wild ? CUT_WILD : CUT_NOTHING,
                                a->s->nmax);
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
    }
    bool wild = affine_prepare(a, (float)a->s->nmax) == CUT_WILD;
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

/* The candidate's line of least squares, and in which lanes there is one. */
V_FN vm affine_line(const struct affine_state *a, int u, vf *scale, vf *min)
{
    vf sum_w = a->sum_w[u], sum_x = a->sum_x[u];
    vf q = a->sum_q[u], qq = a->sum_qq[u], xq = a->sum_xq[u];
    vf det = sum_w * qq - q * q;
    *scale = (sum_w * xq - sum_x * q) / det;
    *min = (qq * sum_x - q * xq) / det;
    vm positive = vf_gt(*min, vf_set1(0));
    if (vm_any(positive)) {
        *scale = vf_select(positive, xq / qq, *scale);
        *min = vf_select(positive, vf_set1(0), *min);
    }
    return vf_gt(det, vf_set1(0));
}

V_FN void affine_keep(struct affine_state *a, int u, vm wins, vf error, vf scale, vf min,
                      struct v_affine *best)
{
    a->error[u] = vf_select(wins, error, a->error[u]);
    best->scale[u] = vf_select(wins, scale, best->scale[u]);
    best->min[u] = vf_select(wins, min, best->min[u]);
    best->inverse[u] = vf_select(wins, a->inverse[u], best->inverse[u]);
    best->from[u] = vf_select(wins, a->from[u], best->from[u]);
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
    for (int k = 0; k <= s->nstep; k++) {
        vf scale[SIDE], min[SIDE], error[SIDE];
        vm line[SIDE];
        V_UNROLL
        for (int u = 0; u < SIDE; u++)
            a.from[u] = best->min[u];
        affine_try(&a, affine_prepare(&a, s->rmin + s->rdelta * (float)k + (float)s->nmax));
        V_UNROLL
        for (int u = 0; u < SIDE; u++)
            line[u] = affine_line(&a, u, &scale[u], &min[u]);
        affine_error(&a, scale, min, error);
        V_UNROLL
        for (int u = 0; u < SIDE; u++) {
            vm wins = vm_and(line[u], vf_lt(error[u], a.error[u]));
            if (vm_any(wins))
                affine_keep(&a, u, wins, error[u], scale[u], min[u], best);
        }
    }
    V_UNROLL
    for (int u = 0; u < SIDE; u++)
        best->scale[u] = vf_select(a.flat[u], vf_set1(0), best->scale[u]);
}

#endif
