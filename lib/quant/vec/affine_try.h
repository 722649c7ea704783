/* The candidates of affine.h: their levels, sums, lines and errors.
 *
 * A candidate's levels are inverse * (x - from), rounded and cut to 0 .. nmax. Nearly always rounding
 * is simple (vf_round_even serves below 2^22), as few looks tell: inverse is range / (hi - from),
 * rounded. If it is positive and finite, then inverse * (hi - from), rounded, is range but for a
 * millionth, and no x is above hi; subtraction and product round monotonically, so no level is below
 * that of lo or above that of hi: mostly both are in range, and nothing needs to be cut. (Were
 * inverse infinite, the product of lo would be infinite too or a NaN: neither lies between two
 * numbers.) A zero's sign is lost in sums, which begin with +0, and in squares. Where a table of
 * levels can be looked up by the low bits of the rounded number, it cuts: at no cost, for it also
 * takes the place of a subtraction.
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
 * Late candidates (without skipping, where weights are made of x): hardly any wins, and sums often
 * tell that none of a vector does, so that no errors are needed. Let W, X, Z be the sums of w, w x,
 * w x x, and Q, QQ, XQ those of a candidate, all exact; w >= 0. No line through its levels has an
 * error below
 *     E = Z - X^2/W - G/W,   G = C^2/D,   C = W XQ - X Q,   D = W QQ - Q^2.
 * With u = 2^-24, a sum of 32 is off by 34 u of the sum of magnitudes, and (Cauchy)
 *     sum w q |x| <= sqrt(QQ Z),   |X| <= sqrt(W Z),   Q <= sqrt(W QQ).
 * So C is off by 143 u W sqrt(QQ Z), D by 142 u W QQ. Where D is W QQ / 16 or more, as computed, and
 * s = C/D, both as computed, for 2 s 143 u W sqrt(QQ Z) <= 143 u (s^2 W QQ / 2 + 2 W Z),
 *     G <= C s + u (142 + 72) s^2 W QQ + 287 u W Z   and a little.
 * The error that is computed: differences d = scale q + min - x are off by u (3 |d| + 2 |x| + |min|),
 * and |min| <= 33 sqrt(Z/W), so that their root mean square loses 3 u of itself and 36 u of that of
 * x; squares and their sum are off by 35 u: of W E, 115 u W Z is lost at most. With 5 u W Z for the
 * computation of C s, the candidate can't win if
 *     C s + 216 u s^2 W QQ + W (error of the best) <= W Z - X^2 - 407 u W Z.
 * Computed W, X, Z and the roundings of both sides come to less than 160 u W Z: 640 u are taken off,
 * and 224 and 64 u more are laid on the terms on the left. Sums are far from the ends of floats where
 * Z is between 2^-60 and 2^60, for w is not below the root mean square of the x; elsewhere, and where
 * anything is a NaN, errors are computed. */
#ifndef QK_VEC_AFFINE_TRY_H
#define QK_VEC_AFFINE_TRY_H

#include "lib/quant/vec/search.h"

/* SIDE vectors are what the first cache holds. Levels are found and summed for CHAINS vectors of
 * elements side by side, each being a long chain of operations, of JOINT vectors of groups. */
enum { SIDE = 4, JOINT = VL == 16 ? 1 : 2, CHAINS = 4, RUN = CHAINS / JOINT };

/* What is found of groups. */
struct v_affine {
    vf scale, min;    /* the minimum itself, not its negative */
    vf inverse, from; /* what the best levels were computed with */
};

/* Of groups, a group a lane. */
struct affine_groups {
    vf lo, hi, sum_w, sum_x;
    struct v_affine best;
    vf error; /* of the best */
    vf k;     /* with skipping: number of the candidate */
    vf place; /* where what is found goes: the bits are a count of floats */
};

struct affine_lanes {
    vf x[QK_GROUP_MAX], w[QK_GROUP_MAX];
    struct affine_groups g;
    /* The candidate: its levels are inverse * (x - best.min), its line is scale * q + min. */
    vf inverse, scale, min;
    unsigned out;  /* where levels are out of range: enum affine_out */
    unsigned busy; /* with skipping: lanes that are at a candidate */
    vf next;       /* with skipping: number of the next candidate unless this one wins */
    vf limit;      /* with affine_foresees: W Z - X^2 less what roundings may be */
    bool hopeless; /* does no lane's candidate win? */
    vf q[QK_GROUP_MAX];
};

/* Levels that are below 0, above nmax; and any floats, or what tables do not hold. */
enum affine_out { OUT_LOW = 1, OUT_HIGH = 2, OUT_WILD = 4 };

/* What cuts levels: nothing, limits at both ends or at one, a table, or what takes any floats. */
enum affine_cut { CUT_NONE, CUT_LOW, CUT_HIGH, CUT_BOTH, CUT_TABLE8, CUT_TABLE32, CUT_WILD };

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

/* A candidate's sums. */
struct affine_sums {
    vf q, qq, xq;
    vf reach; /* with skipping: the greatest v / (q + 1/2) */
};

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

/* The level of v; with `bits` in at what it, and how soon it grows, can be looked up by. */
V_FN vf affine_level(vf v, enum affine_cut cut, int nmax, bool bits, const vf table[32 / VL], vi *at)
{
    const vf magic = vf_set1(12582912.0f), zero = bits ? magic : vf_set1(0);
    if (cut == CUT_WILD)
        return vf_from_i(vi_clamp(v_nearest_wild(v), 0, nmax));
    vf t = bits ? v + magic : vf_round_even(v);
    *at = (vi)t;
    if (cut == CUT_TABLE8)
        return vf_lookup8(table, *at);
    if (cut == CUT_TABLE32)
        return vf_lookup32(table, *at);
    if (cut == CUT_LOW || cut == CUT_BOTH)
        t = vf_max_positive(t, zero);
    if (cut == CUT_HIGH || cut == CUT_BOTH)
        t = vf_min_positive(t, zero + (float)nmax);
    *at = (vi)t;
    return bits ? t - magic : t;
}

/* v / (q + 1/2) but for 2^-11, or where level q grows no more something below 1. */
V_FN vf affine_reach(vf v, vf q, vi at, int nmax, const vf table[32 / VL])
{
    if (nmax == 3 && !V_HAS_LOOKUP8)
        return vf_select(vf_lt(q, vf_set1(3)), v * vf_reciprocal_rough(q + 0.5f), vf_set1(0));
    return v * (nmax == 3 ? vf_lookup8(table, at) : vf_lookup32(table, at));
}

/* Is it worth looking ahead? */
V_FN bool affine_skips(const struct qk_min_search *s)
{
    return s->nmax == 3 || (V_HAS_LOOKUP32 && s->rdelta < 0.07f);
}

/* Is there a table of levels? Then the least that it holds. */
V_FN bool affine_table(const struct qk_min_search *s, float *least)
{
    *least = s->nmax == 3 ? -2.5f : -8.5f;
    return (s->nmax == 3 && V_HAS_LOOKUP8) || (s->nmax == 15 && V_HAS_LOOKUP32);
}

/* Is it told from sums that late candidates don't win? Weights that are given, which may be anything,
 * belong to searches of 36 steps. */
V_FN bool affine_foresees(const struct qk_min_search *s)
{
    return !affine_skips(s) && s->nstep < 36;
}

V_FN bool affine_late(const struct qk_min_search *s, int k)
{
    return affine_foresees(s) && 4 * k > 3 * s->nstep;
}

/* ---- a candidate ------------------------------------------------------------------------------ */

/* The ranges of candidates k. */
V_FN vf affine_range(const struct qk_min_search *s, vf k)
{
    return (s->rmin + s->rdelta * k) + (float)s->nmax;
}

/* Makes ready for the candidates of a range, some time before they are tried: that waits for a division.
 * Levels are below nmax + 1/2 where the range is, by more than roundings. */
V_FN void affine_ready(struct affine_lanes *a, const struct qk_min_search *s, vf range, bool skip)
{
    float least;
    const bool table = affine_table(s, &least) && skip;
    const vf from = a->g.best.min, inverse = range / (a->g.hi - from);
    const vf lowest = inverse * (a->g.lo - from);
    vm tame = vf_ge(lowest, vf_set1(table ? least : -4194304.0f));
    tame = vm_and(tame, vf_lt(lowest, vf_set1(4194304.0f)));
    tame = vm_and(tame, vf_gt(inverse, vf_set1(0)));
    a->inverse = inverse;
    a->out = vm_all(tame) ? 0 : OUT_WILD;
    if (!table)
        a->out |= (vm_all(vf_ge(lowest, vf_set1(-0.5f))) ? 0 : OUT_LOW) |
                  (vm_any(vf_gt(range, vf_set1((float)s->nmax + 0.499f))) ? OUT_HIGH : 0);
}

/* RUN elements of a candidate from number i on: levels, and what they add. */
V_FN void affine_add(struct affine_lanes *a, int i, vf inverse, vf from, enum affine_cut cut, int nmax,
                     bool skip, const struct affine_tables *t, struct affine_sums *sum)
{
    vf v[RUN], q[RUN], wq[RUN];
    vi at[RUN];
    V_UNROLL
    for (int h = 0; h < RUN; h++)
        v[h] = inverse * (a->x[i + h] - from);
    V_UNROLL
    for (int h = 0; h < RUN; h++)
        q[h] = affine_level(v[h], cut, nmax, skip, t->level, &at[h]);
    V_UNROLL
    for (int h = 0; h < RUN; h++) {
        wq[h] = a->w[i + h] * q[h];
        a->q[i + h] = q[h];
    }
    V_UNROLL
    for (int h = 0; h < RUN; h++) {
        sum->q += wq[h];
        sum->qq += wq[h] * q[h];
        sum->xq += wq[h] * a->x[i + h];
        if (skip && cut != CUT_WILD)
            sum->reach = vf_max_positive(affine_reach(v[h], q[h], at[h], nmax, t->grow), sum->reach);
    }
}

/* Levels of the candidates and their sums. */
V_FN void affine_sum(struct affine_lanes *const a[JOINT], int n, enum affine_cut cut, int nmax,
                     bool skip, struct affine_sums out[JOINT])
{
    const vf zero = vf_set1(0);
    vf inverse[JOINT], from[JOINT];
    struct affine_sums sum[JOINT];
    struct affine_tables t;
    affine_open(&t, cut, nmax);
    V_UNROLL
    for (int u = 0; u < JOINT; u++) {
        inverse[u] = a[u]->inverse;
        from[u] = a[u]->g.best.min;
        sum[u] = (struct affine_sums){zero, zero, zero, zero};
    }
    for (int i = 0; i < n; i += RUN) {
        V_UNROLL
        for (int u = 0; u < JOINT; u++)
            affine_add(a[u], i, inverse[u], from[u], cut, nmax, skip, &t, &sum[u]);
    }
    V_UNROLL
    for (int u = 0; u < JOINT; u++)
        out[u] = sum[u];
}

V_FN void affine_measure(struct affine_lanes *const a[JOINT], int n, unsigned out, int nmax,
                         struct affine_sums sum[JOINT])
{
    if (out & OUT_WILD)
        affine_sum(a, n, CUT_WILD, nmax, false, sum);
    else if (out & OUT_LOW)
        affine_sum(a, n, CUT_BOTH, nmax, false, sum);
    else if (out & OUT_HIGH)
        affine_sum(a, n, CUT_HIGH, nmax, false, sum);
    else
        affine_sum(a, n, CUT_NONE, nmax, false, sum);
}

V_FN void affine_measure_skip(struct affine_lanes *const a[JOINT], int n, unsigned out, int nmax,
                              struct affine_sums sum[JOINT])
{
    if (out & OUT_WILD)
        affine_sum(a, n, CUT_WILD, nmax, true, sum);
    else if (nmax == 3 && V_HAS_LOOKUP8)
        affine_sum(a, n, CUT_TABLE8, 3, true, sum);
    else if (nmax == 3)
        affine_sum(a, n, CUT_BOTH, 3, true, sum);
    else if (nmax == 15)
        affine_sum(a, n, CUT_TABLE32, 15, true, sum);
    else if (out & OUT_HIGH)
        affine_sum(a, n, CUT_BOTH, 31, true, sum);
    else if (out & OUT_LOW)
        affine_sum(a, n, CUT_LOW, 31, true, sum);
    else
        affine_sum(a, n, CUT_NONE, 31, true, sum);
}

/* The candidate's line of least squares; where there is none its minimum is a NaN, and so is its error,
 * which never wins. */
V_FN void affine_line(struct affine_lanes *a, const struct affine_sums *sum)
{
    vf sum_w = a->g.sum_w, sum_x = a->g.sum_x, q = sum->q, qq = sum->qq, xq = sum->xq;
    vf det = sum_w * qq - q * q;
    vf scale = (sum_w * xq - sum_x * q) / det, min = (qq * sum_x - q * xq) / det;
    vm positive = vf_gt(min, vf_set1(0));
    if (vm_any(positive)) {
        scale = vf_select(positive, xq / qq, scale);
        min = vf_select(positive, vf_set1(0), min);
    }
    a->scale = scale;
    a->min = vf_select(vf_gt(det, vf_set1(0)), min, vf_set1(V_NAN));
}

/* Can no lane's candidate win? */
V_FN bool affine_hopeless(const struct affine_lanes *a, const struct affine_sums *sum)
{
    const float unit = 0x1p-24f;
    vf sum_w = a->g.sum_w, w_qq = sum_w * sum->qq, det = w_qq - sum->q * sum->q;
    vf c = sum_w * sum->xq - a->g.sum_x * sum->q, scale = c / det;
    vf gain = c * scale + scale * scale * w_qq * (224 * unit);
    vm lost = vf_le(gain + a->g.error * (1 + 64 * unit) * sum_w, a->limit);
    return vm_all(vm_and(lost, vf_ge(det * 16.0f, w_qq)));
}

/* Number of the next candidate if candidate k does not win. */
V_FN vf affine_next(const struct qk_min_search *s, vf k, vf reach)
{
    const float off = 0.5f - (V_HAS_LOOKUP8 ? 0.015f : 0.1f);
    const float zero = (s->rmin + (float)s->nmax) / s->rdelta; /* the range in steps is k + zero */
    vf next = (k + zero) / reach + (off - zero);
    next = vf_round_even(vf_min(next, vf_set1((float)s->nstep + 1)));
    return vf_max(next, k + 1.0f);
}

/* Sums and lines. */
V_FN void affine_try(const struct qk_min_search *s, struct affine_lanes *const a[JOINT], bool skip,
                     bool late)
{
    struct affine_sums sum[JOINT];
    unsigned out = a[0]->out | a[JOINT - 1]->out;
    if (skip)
        affine_measure_skip(a, s->n, out, s->nmax, sum);
    else
        affine_measure(a, s->n, out, s->nmax, sum);
    V_UNROLL
    for (int u = 0; u < JOINT; u++) {
        a[u]->hopeless = late && affine_hopeless(a[u], &sum[u]);
        affine_line(a[u], &sum[u]);
        if (skip)
            a[u]->next = out & OUT_WILD ? a[u]->g.k + 1.0f
                                        : affine_next(s, a[u]->g.k, sum[u].reach);
    }
}

/* Errors of the lines scale q + min of n_vectors, one or two. */
V_FN void affine_errors(struct affine_lanes *const a[2], int n_vectors, int n, bool use_mad,
                        vf error[2])
{
    vf sum[2];
    sum[0] = sum[1] = vf_set1(0);
    for (int i = 0; i < n; i += 4) {
        V_UNROLL
        for (int h = i; h < i + 4; h++) {
            V_UNROLL
            for (int u = 0; u < n_vectors; u++) {
                vf diff = a[u]->scale * a[u]->q[h] + a[u]->min - a[u]->x[h];
                sum[u] += a[u]->w[h] * (use_mad ? vf_abs(diff) : diff * diff);
            }
        }
    }
    error[0] = sum[0];
    error[1] = sum[1];
}

/* Keeps the candidate where it wins. That can't be told beforehand: no branch. */
V_FN void affine_keep(struct affine_lanes *a, vm wins, vf error)
{
    struct v_affine *best = &a->g.best;
    a->g.error = vf_select(wins, error, a->g.error);
    best->scale = vf_select(wins, a->scale, best->scale);
    best->from = vf_select(wins, best->min, best->from);
    best->min = vf_select(wins, a->min, best->min);
    best->inverse = vf_select(wins, a->inverse, best->inverse);
}

/* Goes on to the next candidates: what wins is told, and k without skipping. Lanes that are done stay
 * at the first candidate beyond the last, or where levels are not cut by a table, which that makes
 * slower, at the first of all. */
V_FN void affine_go_on(const struct qk_min_search *s, struct affine_lanes *a, vm wins, int k, bool skip)
{
    vf next = vf_set1((float)k);
    float least;
    if (skip) {
        next = vf_select(wins, a->g.k + 1.0f, a->next);
        vm on = vf_le(next, vf_set1((float)s->nstep));
        a->g.k = next;
        a->busy = vm_bits(on);
        if (!affine_table(s, &least))
            next = vf_select(on, next, vf_set1(0));
    }
    affine_ready(a, s, affine_range(s, next), skip);
}

/* The better of candidate and best, of one or two vectors. k is the next candidate; with skip each lane
 * has its own. */
V_FN void affine_judge(const struct qk_min_search *s, struct affine_lanes *const a[2], int n_vectors,
                       int k, bool skip)
{
    vf error[2];
    if (n_vectors == 2 && s->use_mad)
        affine_errors(a, 2, s->n, true, error);
    else if (n_vectors == 2)
        affine_errors(a, 2, s->n, false, error);
    else
        affine_errors(a, 1, s->n, s->use_mad, error);
    for (int u = 0; u < n_vectors; u++) {
        vm wins = vf_lt(error[u], a[u]->g.error);
        if (skip)
            wins = vm_and(wins, vm_from_bits(a[u]->busy));
        affine_keep(a[u], wins, error[u]);
        affine_go_on(s, a[u], wins, k, skip);
    }
}

#endif
