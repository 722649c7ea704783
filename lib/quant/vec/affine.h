/* The reference's search for scale and minimum (qk_search_scale_min), SIDE vectors of groups by
 * turns: the sums of one would wait for each other. What a candidate is and which need not be
 * tried: affine_try.h.
 *
 * What would save more does not. Of sixteen groups some nearly always has a better candidate (each
 * finds two or three of 16 to 37) or one with the levels of the best (as often), so that but for
 * late candidates errors are wanted, whatever bound could be had from the sums. Sums of one vector
 * and errors of another in one loop take as long as apart: units are busy either way. */
#ifndef QK_VEC_AFFINE_H
#define QK_VEC_AFFINE_H

#include "lib/quant/vec/affine_try.h"

/* ---- the first guess -------------------------------------------------------------------------- */

/* Its error: its levels are in range unless the group is wild. */
V_FN void affine_guess(struct affine_lanes *a, int n, int nmax, bool wild, bool use_mad)
{
    vf sum = vf_set1(0);
    for (int i = 0; i < n; i++) {
        vi at;
        vf x = a->x[i], v = a->g.best.inverse * (x - a->g.best.from);
        vf q = affine_level(v, wild ? CUT_WILD : CUT_NONE, nmax, false, NULL, &at);
        vf diff = a->g.best.scale * q + a->g.best.from - x;
        sum += a->w[i] * (use_mad ? vf_abs(diff) : diff * diff);
    }
    a->g.error = sum;
}

/* See affine_try.h. */
V_FN vf affine_limit(vf sum_w, vf sum_x, vf sum_xx)
{
    vm tame = vm_and(vf_gt(sum_xx, vf_set1(0x1p-60f)), vf_lt(sum_xx, vf_set1(0x1p60f)));
    vf limit = sum_w * sum_xx * (1 - 640 * 0x1p-24f) - sum_x * sum_x;
    return vf_select(tame, limit, vf_set1(-V_INF));
}

/* A flat group gets so high an end that its levels are 0 for all candidates, which gives no line:
 * it keeps what it started with. */
V_FN void affine_start(struct affine_lanes *a, const struct qk_min_search *s, int number)
{
    const vf *x = a->x, *w = a->w;
    vf lo = x[0], hi = x[0], sum_w = w[0], sum_x = w[0] * x[0], sum_xx = sum_x * x[0];
    for (int i = 1; i < s->n; i++) {
        vf wx = w[i] * x[i];
        lo = vf_min(x[i], lo);
        hi = vf_max(x[i], hi);
        sum_w += w[i];
        sum_x += wx;
        if (affine_foresees(s))
            sum_xx += wx * x[i];
    }
    vf min = vf_select(vf_gt(lo, vf_set1(0)), vf_set1(0), lo);
    vf inverse = (float)s->nmax / (hi - min), highest = inverse * (hi - min);
    vm finite = vf_lt(vf_abs(inverse), vf_set1(V_INF));
    vm flat = vm_or(vf_eq(hi, min), vm_not(finite));
    inverse = vf_select(flat, vf_set1(1e-30f), inverse);
    vm tame = vm_and(vf_gt(inverse, vf_set1(0)), vf_lt(highest, vf_set1(4194304.0f)));
    a->g.lo = lo;
    a->g.hi = vf_select(flat, vf_set1(1e30f), hi);
    a->g.sum_w = sum_w;
    a->g.sum_x = sum_x;
    a->g.best.min = a->g.best.from = min;
    a->g.best.inverse = inverse;
    a->g.best.scale = vf_select(flat, vf_set1(0), 1.0f / inverse);
    if (affine_foresees(s))
        a->limit = affine_limit(sum_w, sum_x, sum_xx);
    a->g.k = vf_set1(0);
    a->g.place = (vf)(v_lanes() + number * (int)(sizeof(struct v_affine) / sizeof(float)));
    a->busy = (1u << VL) - 1;
    if (!vm_all(vm_or(tame, flat)))
        affine_guess(a, s->n, s->nmax, true, s->use_mad);
    else if (s->use_mad)
        affine_guess(a, s->n, s->nmax, false, true);
    else
        affine_guess(a, s->n, s->nmax, false, false);
    affine_ready(a, s, affine_range(s, vf_set1(0)), affine_skips(s));
}

/* ---- lanes that are done ----------------------------------------------------------------------
 *
 * Lanes that skip are done sooner and later. When the lanes left of two vectors fill one, they are
 * put there. */

struct affine_live {
    int n;
    struct affine_lanes *of[SIDE];
};

/* Notes what was found for a lane, where its place is. */
V_FN void affine_note_lane(const struct affine_lanes *a, int lane, struct v_affine *fit)
{
    const float *from = (const float *)&a->g.best + lane;
    float *to = (float *)fit;
    int32_t place;
    memcpy(&place, (const int32_t *)(const void *)&a->g.place + lane, sizeof place);
    to += place;
    V_UNROLL
    for (size_t i = 0; i < sizeof *fit / sizeof(vf); i++)
        to[i * VL] = from[i * VL];
}

/* For the lanes that are done. */
V_FN void affine_note(const struct affine_lanes *a, struct v_affine *fit)
{
    unsigned lanes = ((1u << VL) - 1) & ~a->busy;
    if (a->busy == 0) {
        for (int i = 0; i < VL; i++)
            affine_note_lane(a, i, fit);
        return;
    }
    for (; lanes != 0; lanes &= lanes - 1)
        affine_note_lane(a, __builtin_ctz(lanes), fit);
}

/* Lane i of n vectors of `to` becomes number at[i] of theirs and those of `from`. */
V_FN void affine_join(vf *to, const vf *from, vi at, int n)
{
    for (int i = 0; i < n; i++) {
        const vf both[2] = {to[i], from[i]};
        to[i] = vf_lookup_two(both, at);
    }
}

/* What is left of vector b goes to vector a. */
static void affine_empty(struct affine_lanes *a, const struct affine_lanes *b,
                         const struct qk_min_search *s, struct v_affine *fit)
{
    unsigned left = b->busy, idle = ((1u << VL) - 1) & ~a->busy;
    int32_t at[VL];
    affine_note(a, fit);
    vi_store(at, v_lanes());
    for (; left != 0; left &= left - 1, idle &= idle - 1) {
        at[__builtin_ctz(idle)] = VL + __builtin_ctz(left);
        a->busy |= idle & -idle;
    }
    affine_join(a->x, b->x, vi_load(at), s->n);
    affine_join(a->w, b->w, vi_load(at), s->n);
    affine_join((vf *)&a->g, (const vf *)&b->g, vi_load(at), sizeof a->g / sizeof(vf));
    affine_ready(a, s, affine_range(s, a->g.k), true);
}

/* Takes vector u off the list. */
V_FN void affine_drop(struct affine_live *l, int u, struct v_affine *fit)
{
    affine_note(l->of[u], fit);
    l->n--;
    l->of[u] = l->of[l->n];
}

V_FN int affine_n_busy(const struct affine_live *l, int u)
{
    return __builtin_popcount(l->of[u]->busy);
}

/* Number of the vector with the fewest lanes busy, but for vector `not`, and SIDE times how many
 * these are: so there are no branches, which could not be foretold. */
V_FN int affine_least(const struct affine_live *l, int not)
{
    int least = SIDE * (VL + 1);
    for (int u = 0; u < l->n; u++) {
        int this = SIDE * affine_n_busy(l, u) + u, other = u == not ? least : this;
        least = other < least ? other : least;
    }
    return least;
}

V_FN void affine_gather(struct affine_live *l, const struct qk_min_search *s, struct v_affine *fit)
{
    int n = 0;
    for (int u = 0; u < l->n; u++)
        n += affine_n_busy(l, u);
    while (l->n > 0 && n <= (l->n - 1) * VL) {
        int a = affine_least(l, -1), b = affine_least(l, a % SIDE);
        if (a >= SIDE) {
            if (a / SIDE + b / SIDE > VL)
                break;
            affine_empty(l->of[b % SIDE], l->of[a % SIDE], s, fit);
        }
        affine_drop(l, a % SIDE, fit);
    }
}

/* ---- the search -------------------------------------------------------------------------------- */

/* Judges by two. */
V_FN void affine_judge_all(const struct qk_min_search *s, const struct affine_live *l, int k,
                           bool skip)
{
    for (int u = 0; u < l->n; u += 2) {
        int n = u + 1 < l->n ? 2 : 1;
        struct affine_lanes *const pair[2] = {l->of[u], l->of[u + n - 1]};
        affine_judge(s, pair, n, k, skip);
    }
}

/* One round, without skip of candidate k. */
V_FN void affine_round(const struct qk_min_search *s, struct affine_live *l, int k, bool skip,
                       bool late)
{
    struct affine_live hope = {.n = 0};
    for (int u = 0; u < l->n; u += JOINT) {
        struct affine_lanes *const joint[2] = {l->of[u], l->of[u + 1 < l->n ? u + 1 : u]};
        affine_try(s, joint, skip, late);
    }
    for (int u = 0; late && u < l->n; u++) {
        if (l->of[u]->hopeless)
            affine_go_on(s, l->of[u], vm_from_bits(0), k + 1, skip);
        else
            hope.of[hope.n++] = l->of[u];
    }
    affine_judge_all(s, late ? &hope : l, k + 1, skip);
}

/* Elements are given in a[u].x and a[u].w. */
V_FN void v_search_affine(const struct qk_min_search *s, struct affine_lanes a[SIDE],
                          struct v_affine fit[SIDE])
{
    struct affine_live live = {.n = SIDE};
    for (int u = 0; u < SIDE; u++) {
        affine_start(&a[u], s, u);
        live.of[u] = &a[u];
    }
    if (affine_skips(s)) {
        while (live.n > 0) {
            affine_round(s, &live, 0, true, false);
            affine_gather(&live, s, fit);
        }
        return;
    }
    int k = 0;
    for (; k <= s->nstep && !affine_late(s, k); k++)
        affine_round(s, &live, k, false, false);
    for (; k <= s->nstep; k++)
        affine_round(s, &live, k, false, true);
    for (int u = 0; u < SIDE; u++)
        fit[u] = a[u].g.best;
}

#endif
