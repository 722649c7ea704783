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

/* The largest of each sign that were seen, as bits: floats that are not negative are ordered as their
 * bits are, and negative ones are, as whole numbers, below all others. */
struct v_extremes {
    vi up, down;
};

V_FN void v_extremes_add(struct v_extremes *e, vf x)
{
    e->up = vi_max((vi)x, e->up);
    e->down = vi_max((vi)((vu)x ^ 0x80000000u), e->down);
}

/* The first value of largest magnitude of n, and that magnitude (0: the value is any zero). e: of them,
 * or NULL where not all are finite. Only where the largest of each sign are alike does it matter which
 * comes first. */
V_FN vf v_find_largest(const vf *x, int n, const struct v_extremes *e, vf *magnitude)
{
    vf largest = vf_set1(0);
    if (e != NULL && !vm_any(vm_and(vi_eq(e->up, e->down), vi_gt(e->up, vi_set1(0))))) {
        *magnitude = (vf)vi_max(e->up, e->down);
        return (vf)vi_select(vi_lt(e->up, e->down), e->down | INT32_MIN, e->up);
    }
    *magnitude = largest;
    for (int i = 0; i < n; i++) {
        vm more = vf_gt(vf_abs(x[i]), *magnitude);
        *magnitude = vf_max(vf_abs(x[i]), *magnitude);
        largest = vf_select(more, x[i], largest);
    }
    return largest;
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
 * 0, 9), and a candidate only chooses.
 *
 * It passes the middle h where nmax + 0.1 k is h |largest| / |x|: that is the element's place, kept as
 * a whole number, 2^15 to a step of k. A candidate's inverse and its product with |x| are each off by
 * 2^-24 at most, the place by four roundings of 2^-24 and by half a unit, 10 (nmax + 0.1 k) as the
 * reference rounds it by about 2^-24: of 10 nmax + 9 steps, less than nmax * 2^18.7 units, eight
 * roundings are nmax * 0.2 units. So candidates are where the reference has them, but for those no
 * further than place_near units: they are looked at as the reference does, and the place is moved half
 * a step to that side. Where the levels on both sides of a middle are one, the place does not matter:
 * as for all that is next to 0, where it might be anything.
 */

/* V_BATCH: as many sums as registers hold. */
enum { V_TRIES = 9, N_TRIALS = 2 * V_TRIES + 1, V_BATCH = VL == 16 ? V_TRIES : 3 };
enum { PLACE_BITS = 15, V_TURNS = 4 };

struct v_element {
    vi place[2];     /* of the middle between the levels of k = -9 and 0, of 0 and 9 */
    vf xq[3], qq[3]; /* w x q, w q q at the three levels */
};

/* One group: sums of its candidates by k + 9. */
struct v_trial {
    vf largest;
    vm zero; /* nothing in the group: any numbers, and zeros in the end */
    vf xq[N_TRIALS], qq[N_TRIALS];
};

struct v_trials {
    struct v_trial of[V_TURNS]; /* of groups in turn */
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
V_FN void v_trial_open(struct v_trial *t, int n, const vf *x, bool wild)
{
    struct v_extremes e = {vi_set1(0), vi_set1(0)};
    for (int i = 0; !wild && i < n; i++)
        v_extremes_add(&e, x[i]);
    vf magnitude, largest = v_find_largest(x, n, wild ? NULL : &e, &magnitude);
    t->zero = vf_lt(magnitude, vf_set1(QK_GROUP_EPS));
    t->largest = vf_select(t->zero, vf_set1(1), largest);
}

/* Magnitude of the inverse scale of candidate k. */
V_FN vf v_trial_inverse(vf largest, int nmax, vf k)
{
    return ((float)nmax + 0.1f * k) / vf_abs(largest);
}

V_FN int place_near(int nmax)
{
    return 1 + (nmax + 5) / 6;
}

/* Where a place is from a candidate's on, counted from place_near before it: up to twice that it is
 * too near. */
V_FN vi place_off(vi place, int nmax)
{
    return (place + place_near(nmax)) & ((1 << PLACE_BITS) - 1);
}

/* An element whose places have to be looked at. */
struct v_mend {
    vi place[2];
    vf largest, magnitude, q[3];
};

/* Moves its places, as the candidates next to them have it. The product is rounded to even: the middle
 * is the next float up when the outer level is odd. Twice the product is compared with twice the middle,
 * an odd number: doubling changes no rounding (what lies among the subnormals is far below 1). */
static __attribute__((noinline)) void v_mend_places(struct v_mend *e, int nmax)
{
    for (int s = 0; s < 2; s++) {
        vi n = (vi)((vu)(e->place[s] + place_near(nmax)) >> PLACE_BITS);
        vf inverse = v_trial_inverse(e->largest, nmax, vf_from_i(n - 10 * nmax));
        vf middle = (vf)((vi)(e->q[s] + e->q[s + 1]) + (vi_trunc(e->q[s + 1]) & 1));
        vm outer = vf_ge(inverse * 2.0f * e->magnitude, middle);
        vi half = vi_select(outer, vi_set1(-(1 << (PLACE_BITS - 1))), vi_set1(1 << (PLACE_BITS - 1)));
        vm near = vi_lt(place_off(e->place[s], nmax), vi_set1(2 * place_near(nmax) + 1));
        e->place[s] = vi_select(near, (vi)((vu)n << PLACE_BITS) + half, e->place[s]);
    }
}

/* What its elements need of a group. */
struct v_sides {
    vf largest, inverse[3]; /* inverses of k = -9, 0, 9 */
    vf step;                /* the largest element's: see below */
};

/* The largest element's place is that of candidate -5: it is looked at once, and the step that makes
 * places is moved by 2^-11 to that side. (Its outer level is even. Above the plain candidate its level
 * is cut.) */
V_FN void v_sides_set(struct v_sides *g, vf largest, int nmax)
{
    const float step = 5 << PLACE_BITS;
    g->largest = largest;
    V_UNROLL
    for (int s = 0; s < 3; s++)
        g->inverse[s] = v_trial_inverse(largest, nmax, vf_set1((float)(V_TRIES * (s - 1))));
    vf product = v_trial_inverse(largest, nmax, vf_set1(-5)) * 2.0f * vf_abs(largest);
    vm outer = vf_ge(product, vf_set1((float)(2 * nmax - 1)));
    g->step = vf_select(outer, vf_set1(step * (1 - 0x1p-11f)), vf_set1(step * (1 + 0x1p-11f)));
}

/* The element's parts. |inverse| |x| stays below nmax + 1, where vf_nearest serves. */
V_FN void v_element_set(struct v_element *e, const struct v_sides *g, int nmax, vf x, vf w)
{
    const vf magic = vf_set1(12582912.0f);
    vu minus = ~(vu)g->largest & 0x80000000u; /* of all w x q */
    vf m = vf_abs(x), wm = w * (vf)((vu)m | minus), q[3];
    vf step = vf_min_positive(vf_abs(g->largest) / m * (float)(5 << PLACE_BITS), vf_set1(1e8f));
    step = vf_select(vf_eq(m, vf_abs(g->largest)), g->step, step);
    vi most = ((vi)magic + nmax) - (vi)(((vu)x ^ (vu)g->largest) >> 31);
    V_UNROLL
    for (int s = 0; s < 3; s++) {
        q[s] = vf_min_positive(m * g->inverse[s] + magic, (vf)most) - magic;
        e->xq[s] = wm * q[s];
        e->qq[s] = w * q[s] * q[s];
    }
    V_UNROLL
    for (int s = 0; s < 2; s++)
        e->place[s] = vi_nearest(vf_max_positive(q[s] + q[s + 1], vf_set1(0.37f)) * step);
    vi off = vi_min(place_off(e->place[0], nmax), place_off(e->place[1], nmax));
    if (__builtin_expect(vm_any(vi_lt(off, vi_set1(2 * place_near(nmax) + 1))), 0)) {
        struct v_mend copy = {{e->place[0], e->place[1]}, g->largest, m, {q[0], q[1], q[2]}};
        v_mend_places(&copy, nmax);
        e->place[0] = copy.place[0];
        e->place[1] = copy.place[1];
    }
}

/* Adds an element to the sums of V_BATCH candidates from number `first` on, all on one side. */
V_FN void v_element_add(const struct v_element *e, int nmax, int first, vf xq[V_BATCH],
                        vf qq[V_BATCH])
{
    const int side = first > V_TRIES;
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++) {
        vm inner = vi_lt(vi_set1((10 * nmax + first + c - V_TRIES) << PLACE_BITS), e->place[side]);
        xq[c] += vf_select(inner, e->xq[side], e->xq[side + 1]);
        qq[c] += vf_select(inner, e->qq[side], e->qq[side + 1]);
    }
}

/* The elements' parts, and the sums of the plain candidate. With `spread` weights are first multiplied
 * by the root of spread + x^2: it is taken here, where its unit is idle. */
V_FN void v_trials_start(struct v_trials *t, int n, int nmax, const vf *x, vf *w, const vf *spread,
                         struct v_trial *this)
{
    vf xq = vf_set1(0), qq = xq;
    struct v_sides g;
    v_sides_set(&g, this->largest, nmax);
    for (int i = 0; i < n; i++) {
        struct v_element e;
        if (spread != NULL)
            w[i] *= vf_sqrt(*spread + x[i] * x[i]);
        v_element_set(&e, &g, nmax, x[i], w[i]);
        t->e[i] = e;
        xq += e.xq[1];
        qq += e.qq[1];
    }
    this->xq[V_TRIES] = xq;
    this->qq[V_TRIES] = qq;
}

/* V_BATCH candidates from number `first` on. */
V_FN void v_trials_batch(const struct v_trials *t, int n, int nmax, int first, struct v_trial *this)
{
    vf xq[V_BATCH], qq[V_BATCH];
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++)
        xq[c] = qq[c] = vf_set1(0);
    for (int i = 0; i < n; i++)
        v_element_add(&t->e[i], nmax, first, xq, qq);
    V_UNROLL
    for (int c = 0; c < V_BATCH; c++) {
        this->xq[first + c] = xq[c];
        this->qq[first + c] = qq[c];
    }
}

/* Sums of all candidates of the group at x. */
static __attribute__((noinline)) void v_trials_sum(struct v_trials *t, int n, int nmax,
                                                   const vf *x, vf *w, const vf *spread,
                                                   struct v_trial *this)
{
    v_trial_open(this, n, x, false);
    if (spread != NULL)
        v_trials_start(t, n, nmax, x, w, spread, this);
    else
        v_trials_start(t, n, nmax, x, w, NULL, this);
    V_UNROLL
    for (int k = 0; k < V_TRIES; k += V_BATCH)
        v_trials_batch(t, n, nmax, k, this);
    V_UNROLL
    for (int k = V_TRIES + 1; k < N_TRIALS; k += V_BATCH)
        v_trials_batch(t, n, nmax, k, this);
}

/* The sums for any floats: levels one by one. */
V_FN void v_trial_wild(struct v_trial *t, int n, int nmax, const vf *x, const vf *w)
{
    const vu minus = ~(vu)t->largest & 0x80000000u;
    for (int k = 0; k < N_TRIALS; k++) {
        vf inverse = v_trial_inverse(t->largest, nmax, vf_set1((float)(k - V_TRIES)));
        vf xq = vf_set1(0), qq = xq;
        for (int i = 0; i < n; i++) {
            vf q = v_signed_level((vf)((vu)inverse | minus) * x[i], nmax, true);
            xq += w[i] * x[i] * q;
            qq += w[i] * q * q;
        }
        t->xq[k] = xq;
        t->qq[k] = qq;
    }
}

/* The best candidates of n groups. */
V_FN void v_trials_choose(const struct v_trial *t, int n, int nmax, struct v_signed *fit)
{
    const vf zero = vf_set1(0);
    vf best[V_TURNS], at[V_TURNS];
    V_UNROLL
    for (int u = 0; u < n; u++) {
        vf xq = t[u].xq[V_TRIES], qq = t[u].qq[V_TRIES];
        fit[u].scale = vf_select(vf_eq(qq, zero), zero, xq / qq);
        best[u] = fit[u].scale * xq;
        at[u] = zero;
    }
    for (int k = 0; k < N_TRIALS; k++) {
        if (k == V_TRIES)
            continue;
        V_UNROLL
        for (int u = 0; u < n; u++) {
            vf xq = t[u].xq[k], qq = t[u].qq[k], ratio = xq / qq;
            vm wins = vm_and(vf_gt(qq, zero), vf_gt(xq * xq, best[u] * qq));
            at[u] = vf_select(wins, vf_set1((float)(k - V_TRIES)), at[u]);
            fit[u].scale = vf_select(wins, ratio, fit[u].scale);
            best[u] = vf_select(wins, ratio * xq, best[u]);
        }
    }
    V_UNROLL
    for (int u = 0; u < n; u++) {
        vu minus = ~(vu)t[u].largest & 0x80000000u;
        fit[u].inverse = (vf)((vu)v_trial_inverse(t[u].largest, nmax, at[u]) | minus);
        fit[u].scale = vf_select(t[u].zero, zero, fit[u].scale);
        fit[u].zero = t[u].zero;
    }
}

/* qk_search_scale with weights for vector after vector of groups of n elements: vector j. With every
 * fourth one four are chosen, fit[j - 3] .. fit[j]: a choice is a long chain. spread: NULL, or
 * w is first multiplied by sqrt(spread + x^2), and left so. */
V_FN void v_fit_next(struct v_trials *t, int j, int n, int nmax, const vf *x, vf *w,
                     const vf *spread, struct v_signed *fit)
{
    v_trials_sum(t, n, nmax, x, w, spread, &t->of[j % V_TURNS]);
    if (j % V_TURNS == V_TURNS - 1)
        v_trials_choose(t->of, V_TURNS, nmax, fit + j - (V_TURNS - 1));
}

/* qk_search_scale for one group of any floats. */
V_FN void v_fit_scale_wild(int n, int nmax, const vf *x, vf *w, struct v_signed *fit)
{
    struct v_trials t;
    vm finite = vf_lt(vf_abs(x[0]), vf_set1(V_INF));
    for (int i = 1; i < n; i++)
        finite = vm_and(finite, vf_lt(vf_abs(x[i]), vf_set1(V_INF)));
    if (vm_all(finite)) {
        v_trials_sum(&t, n, nmax, x, w, NULL, &t.of[0]);
    } else {
        v_trial_open(&t.of[0], n, x, true);
        v_trial_wild(&t.of[0], n, nmax, x, w);
    }
    v_trials_choose(t.of, 1, nmax, fit);
}

V_FN vi v_signed_code(const struct v_signed *fit, int nmax, vf x, bool wild)
{
    vf q = v_signed_level(fit->inverse * x, nmax, wild);
    return vi_select(fit->zero, vi_set1(0), vi_trunc(q) + nmax);
}

#endif
