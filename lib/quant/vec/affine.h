/* The reference's search for scale and minimum (qk_search_scale_min), two vectors of groups side by
 * side: the sums of one would wait for each other. Element i of group vector u is x[u * n + i].
 *
 * Levels of a candidate are inverse * (x - from), rounded and cut to 0 .. nmax. Subtraction and
 * product round monotonically, so the levels of all x lie between those of the least and the
 * greatest x, which are looked at first: mostly they tell that there is nothing to cut, and that
 * rounding is two additions (below 2^22). */
#ifndef QK_VEC_AFFINE_H
#define QK_VEC_AFFINE_H

#include "lib/quant/vec/search.h"

enum { SIDE = 2 };

struct v_affine {
    vf scale[SIDE], min[SIDE];
    vf inverse[SIDE], from[SIDE]; /* what the best levels were computed with */
};

enum affine_cut { CUT_NOTHING, CUT_TOP, CUT_BOTH, CUT_WILD };

struct affine_state {
    const struct qk_min_search *s;
    const vf *x, *w;
    vf lo[SIDE], hi[SIDE], sum_w[SIDE], sum_x[SIDE];
    vm flat[SIDE];
    vf error[SIDE];                                  /* of the best */
    vf inverse[SIDE], from[SIDE];                    /* of the candidate */
    vf sum_q[SIDE], sum_qq[SIDE], sum_xq[SIDE];
    vf q[SIDE * QK_GROUP_MAX]; /* SIDE * i + u */
};

V_FN vf affine_level(vf v, enum affine_cut cut, int nmax)
{
    if (cut == CUT_WILD)
        return vf_from_i(vi_clamp(v_nearest_wild(v), 0, nmax));
    v = vf_nearest(v);
    if (cut != CUT_NOTHING)
        v = vf_min(v, vf_set1((float)nmax));
    return cut == CUT_BOTH ? vf_max(v, vf_set1(0)) : v;
}

static enum affine_cut affine_range(const struct affine_state *a)
{
    const float nmax = (float)a->s->nmax;
    const vf limit = vf_set1(4194304.0f);
    vf top = vf_set1(0), bottom = top;
    bool tame = true;
    for (int u = 0; u < SIDE; u++) {
        vf first = a->inverse[u] * (a->lo[u] - a->from[u]);
        vf last = a->inverse[u] * (a->hi[u] - a->from[u]);
        tame &= vm_all(vm_and(vf_lt(vf_abs(first), limit), vf_lt(vf_abs(last), limit)));
        top = vf_max(top, vf_max(first, last));
        bottom = vf_min(bottom, vf_min(first, last));
    }
    if (!tame)
        return CUT_WILD;
    if (vm_any(vf_lt(bottom, vf_set1(-0.5f))))
        return CUT_BOTH;
    return vm_any(vf_ge(top, vf_set1(nmax + 0.5f))) ? CUT_TOP : CUT_NOTHING;
}

/* Levels of the candidate and their sums. */
V_FN void affine_sums(struct affine_state *a, enum affine_cut cut)
{
    const int n = a->s->n, nmax = a->s->nmax;
    vf sum_q[SIDE], sum_qq[SIDE], sum_xq[SIDE];
    for (int u = 0; u < SIDE; u++)
        sum_q[u] = sum_qq[u] = sum_xq[u] = vf_set1(0);
    for (int i = 0; i < n; i++) {
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
    for (int u = 0; u < SIDE; u++) {
        a->sum_q[u] = sum_q[u];
        a->sum_qq[u] = sum_qq[u];
        a->sum_xq[u] = sum_xq[u];
    }
}

static void affine_try(struct affine_state *a)
{
    switch (affine_range(a)) {
    case CUT_NOTHING:
        affine_sums(a, CUT_NOTHING);
        break;
    case CUT_TOP:
        affine_sums(a, CUT_TOP);
        break;
    case CUT_BOTH:
        affine_sums(a, CUT_BOTH);
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
    for (int u = 0; u < SIDE; u++)
        sum[u] = vf_set1(0);
    for (int i = 0; i < n; i++) {
        for (int u = 0; u < SIDE; u++) {
            vf diff = scale[u] * a->q[SIDE * i + u] + min[u] - a->x[u * n + i];
            sum[u] += a->w[u * n + i] * (use_mad ? vf_abs(diff) : diff * diff);
        }
    }
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

static void affine_start(struct affine_state *a, struct v_affine *best)
{
    const int n = a->s->n;
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
        vm finite = vf_lt(vf_abs(inverse), vf_set1(__builtin_inff()));
        a->flat[u] = vm_or(vf_eq(hi, min), vm_not(finite));
        a->lo[u] = lo;
        a->hi[u] = hi;
        a->sum_w[u] = sum_w;
        a->sum_x[u] = sum_x;
        a->inverse[u] = best->inverse[u] = vf_select(a->flat[u], vf_set1(0), inverse);
        a->from[u] = best->from[u] = best->min[u] = min;
        best->scale[u] = 1.0f / a->inverse[u];
    }
    affine_try(a);
    affine_error(a, best->scale, best->min, a->error);
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

/* best->min is the minimum itself, not its negative. */
static void v_search_affine(const struct qk_min_search *s, const vf *x, const vf *w,
                            struct v_affine *best)
{
    struct affine_state a;
    a.s = s;
    a.x = x;
    a.w = w;
    affine_start(&a, best);
    for (int k = 0; k <= s->nstep; k++) {
        const float range = s->rmin + s->rdelta * (float)k + (float)s->nmax;
        vf scale[SIDE], min[SIDE], error[SIDE];
        vm line[SIDE];
        for (int u = 0; u < SIDE; u++) {
            a.from[u] = best->min[u];
            a.inverse[u] = vf_select(a.flat[u], vf_set1(0), range / (a.hi[u] - a.from[u]));
        }
        affine_try(&a);
        for (int u = 0; u < SIDE; u++)
            line[u] = affine_line(&a, u, &scale[u], &min[u]);
        affine_error(&a, scale, min, error);
        for (int u = 0; u < SIDE; u++)
            affine_keep(&a, u, vm_and(line[u], vf_lt(error[u], a.error[u])), error[u], scale[u],
                        min[u], best);
    }
    for (int u = 0; u < SIDE; u++) {
        best->scale[u] = vf_select(a.flat[u], vf_set1(0), best->scale[u]);
        /* A flat group has the minimum it started with: det is 0 or not a number there. */
    }
}

#endif
