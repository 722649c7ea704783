/* The reference's qk_search_scale_descent, VL groups side by side.
 *
 * Of the sixteen elements that a round visits few get another level, and which may is found for a whole
 * group at once: with X = sum w x q and Q = sum w q q the reference rounds x (Q - w q q) / (X - w x q), and
 * that is q as long as |x Q / X - q| < (1 - w x q / X) / 2. (Beyond the ends of the range it is cut to
 * them, and so is x Q / X here.) Elements that may change waver. As long as none is changed the sums are
 * the same, and so are those that waver: a group goes on to its next element that does, each group to one
 * of its own. There the reference's own steps are taken, and if the level is changed, all elements of the
 * group are looked at again.
 *
 * What wavers is found with room for roundings: |x Q / X - q| <= 0.4999 - 2^-14 - 0.4999 w x q / X does
 * not. Let X, Q be the reference's floats, and p, r its w x q, w q q: x r differs from q p by four
 * roundings, 2^-22 |q p| at most, and p is not above X, or the right side were negative. So x (Q - r) -
 * q (X - p) is x Q - q X but for 2^-20 X. Both sides here are off by ten roundings of what is below 5 X,
 * 2^-18 X. Then |x (Q - r) / (X - p) - q| < 0.4999, where the rest of 0.0001 is more than five roundings
 * of a quotient below 5 are; and X - p > 2^-14 X. (A cut x Q / X is as far from any other level than the
 * end's own, and from that one the quotient lies outwards.) The quotient must not be so large that the
 * reference's rounding to an integer wraps: |x| <= 4 / inverse, and with Q <= 7 inverse X it is at most
 * 28 X / (X - p) < 2^19. Sums must be neither lost below a float's range nor beyond it: X > 1e-30, and
 * inverse > 4.1e-10 says that values are below 1e10, so that X is below 96 * 1e30, Q below 256e20. Where
 * these do not hold, all elements waver. */
#ifndef QK_VEC_DESCENT_H
#define QK_VEC_DESCENT_H

#include "lib/quant/vec/search.h"

enum { DESCENT_N = 16, DESCENT_NMAX = 4, DESCENT_ROUNDS = 5, DESCENT_ALL = (1 << DESCENT_N) - 1 };
/* DESCENT_SIDE: vectors of groups side by side, for a visit is a long chain. */
enum { DESCENT_SIDE = 2, DESCENT_GROUPS = 16 * VL, DESCENT_ROOM = DESCENT_GROUPS + DESCENT_SIDE * VL };

struct v_moments {
    vf xq, qq; /* sums of w x q, w q q */
};

/* Groups whose levels may be improved, by row: where their values are, that which is visited first, the
 * inverses of their scales, their sums, and which elements waver. In the end there are sums, and levels. */
struct v_descent {
    int n;
    const float *from[DESCENT_ROOM];
    float first[DESCENT_ROOM], inverse[DESCENT_ROOM], xq[DESCENT_ROOM], qq[DESCENT_ROOM];
    int32_t wavers[DESCENT_ROOM]; /* a bit an element */
    int32_t at[DESCENT_ROOM];     /* that of the element visited first */
    int32_t turn[DESCENT_ROOM];   /* the same where its level is to become code, or 0 */
    float code[DESCENT_ROOM];
    _Alignas(64) float x[DESCENT_GROUPS][DESCENT_N];
    _Alignas(64) float q[DESCENT_GROUPS][DESCENT_N];
    int n_left; /* rows that are not done after their first visit */
    int32_t left[DESCENT_ROOM];
};

/* A level of any float, cut. */
V_FN vf descent_level(vf v)
{
    vi t = (vi)((vu)(v + 12582912.0f) & 0x007fffffu); /* 2^22 more */
    t = vi_clamp(t, 0x00400000 - DESCENT_NMAX, 0x00400000 + DESCENT_NMAX - 1);
    return (vf)(t | 0x4b000000) - 12582912.0f;
}

/* ---- start ------------------------------------------------------------------------------------- */

/* Do the bounds hold? */
V_FN vm descent_holds(vf inverse, vf xq, vf qq)
{
    vm m = vm_and(vf_gt(inverse, vf_set1(4.1e-10f)), vf_gt(xq, vf_set1(1e-30f)));
    return vm_and(m, vf_le(qq, inverse * xq * 7.0f));
}

/* VL groups as they start. */
struct v_start {
    vf x[DESCENT_N], inverse;          /* |inverse x| <= 4 */
    vf wish[DESCENT_N], xq[DESCENT_N]; /* inverse x, at most 3; w x q */
    struct v_moments sum;
    vf pull, part; /* Q / (X inverse), -0.4999 / X */
};

/* The sums of first levels, of which none is below -4. */
V_FN void v_descent_start(struct v_start *s)
{
    const vf magic = vf_set1(12582912.0f), most = vf_set1((float)(DESCENT_NMAX - 1));
    struct v_moments sum = {vf_set1(0), vf_set1(0)};
    for (int i = 0; i < DESCENT_N; i++) {
        vf x = s->x[i], w = x * x, wish = vf_min_positive(s->inverse * x, most);
        vf q = (wish + magic) - magic, xq = w * x * q;
        s->wish[i] = wish;
        s->xq[i] = xq;
        sum.xq += xq;
        sum.qq += w * q * q;
    }
    const vf per_xq = 1.0f / sum.xq;
    s->sum = sum;
    s->part = per_xq * -0.4999f;
    s->pull = sum.qq * per_xq / s->inverse;
}

/* A bit for each element that wavers. There is none where the inverse is negative: so is X then, with or
 * without any element, and no level is ever changed. (Half of the groups are such.) */
V_FN vi v_descent_wavers(const struct v_start *s)
{
    const vf magic = vf_set1(12582912.0f), most = vf_set1(0.4999f - 0x1p-14f);
    vi stay = vi_set1(0), bit = vi_set1(1);
    for (int i = 0; i < DESCENT_N; i++) {
        vf minus_q = magic - (s->wish[i] + magic);
        vf off = vf_abs(vf_muladd_rough(s->wish[i], s->pull, minus_q));
        vm m = vf_le(off, vf_muladd_rough(s->xq[i], s->part, most));
        stay = vi_select(m, stay + bit, stay);
        bit += bit;
    }
    vm holds = descent_holds(s->inverse, s->sum.xq, s->sum.qq);
    vi wavers = vi_select(holds, ~stay & DESCENT_ALL, vi_set1(DESCENT_ALL));
    return vi_select(vf_gt(s->inverse, vf_set1(0)), wavers, vi_set1(0));
}

/* ---- first visits ------------------------------------------------------------------------------ */

/* Which elements waver once those at `turn` have level code. Part of a row. */
V_FN unsigned descent_look(vf x, vf *q, unsigned turn, float code, struct v_moments sum, int part)
{
    const vf hi = sum.xq * (float)(DESCENT_NMAX - 1), lo = sum.xq * (float)-DESCENT_NMAX;
    *q = vf_select(vm_from_bits(turn >> part * VL), vf_set1(code), *q);
    vf off = vf_muladd_rough(*q, -sum.xq, vf_max(vf_min(x * sum.qq, hi), lo));
    vf limit = vf_muladd_rough(x * x * x * *q, vf_set1(-0.4999f), sum.xq * (0.4999f - 0x1p-14f));
    return (~vm_bits(vf_le(vf_abs(off), limit)) & ((1u << VL) - 1)) << part * VL;
}

/* Adds a group, some element of which wavers. */
V_FN void v_descent_add(struct v_descent *d, const float *x, float inverse, float xq, float qq,
                        int32_t wavers)
{
    const int i = d->n++;
    d->from[i] = x;
    d->first[i] = x[__builtin_ctz((unsigned)wavers)];
    d->inverse[i] = inverse;
    d->xq[i] = xq;
    d->qq[i] = qq;
    d->wavers[i] = wavers;
}

/* What a lane's group has after a visit. */
struct v_visited {
    struct v_moments sum;
    vf code;
    vm takes;  /* the element visited gets level code: what wavers is to be found */
    vi wavers; /* all, where it is no use to look */
};

/* Each lane with an element of its own: to the nearest level of the scale that the others want, kept if
 * sum(w x q)^2 / sum(w q q) grows. */
V_FN struct v_visited descent_visit(struct v_moments sum, vf inverse, vf x, vf q)
{
    struct v_visited v;
    vf w = x * x, wx = w * x;
    struct v_moments rest = {sum.xq - wx * q, sum.qq - w * q * q};
    v.code = descent_level(x * rest.qq / rest.xq);
    v.takes = vm_and(vf_gt(rest.xq, vf_set1(0)), vm_not(vf_eq(v.code, q)));
    rest.xq += wx * v.code;
    rest.qq += w * v.code * v.code;
    vm more = vf_gt(rest.xq * rest.xq * sum.qq, sum.xq * sum.xq * rest.qq);
    v.takes = vm_and(v.takes, vm_and(vf_gt(rest.qq, vf_set1(0)), more));
    v.sum.xq = vf_select(v.takes, rest.xq, sum.xq);
    v.sum.qq = vf_select(v.takes, rest.qq, sum.qq);
    vm holds = descent_holds(inverse, v.sum.xq, v.sum.qq);
    v.wavers = vi_select(holds, vi_set1(0), vi_set1(DESCENT_ALL));
    return v;
}

V_FN void descent_first_visit(struct v_descent *d, int first)
{
    const vf inverse = vf_load(d->inverse + first), x = vf_load(d->first + first);
    const struct v_moments sum = {vf_load(d->xq + first), vf_load(d->qq + first)};
    const vi wavers = vi_load(d->wavers + first), at = wavers & (vi_set1(0) - wavers);
    struct v_visited v = descent_visit(sum, inverse, x, descent_level(inverse * x));
    vf_store(d->xq + first, v.sum.xq);
    vf_store(d->qq + first, v.sum.qq);
    vi_store(d->at + first, at);
    vi_store(d->turn + first, vi_select(v.takes, at, vi_set1(0)));
    vf_store(d->code + first, v.code);
    vi_store(d->wavers + first, v.wavers);
}

V_FN void descent_first_look(struct v_descent *d, int row)
{
    const struct v_moments sum = {vf_set1(d->xq[row]), vf_set1(d->qq[row])};
    unsigned wavers = (unsigned)d->wavers[row];
    V_UNROLL
    for (int h = 0; h < V_PER16; h++) {
        vf x = vf_load(d->from[row] + h * VL), q = descent_level(vf_set1(d->inverse[row]) * x);
        wavers |= descent_look(x, &q, (unsigned)d->turn[row], d->code[row], sum, h);
        vf_store(d->x[row] + h * VL, x);
        vf_store(d->q[row] + h * VL, q);
    }
    d->wavers[row] = (int32_t)wavers;
}

/* Keeps those rows that are not done: any element after that visited wavers, or, if its level was changed,
 * any at all. */
V_FN void descent_keep(struct v_descent *d, int first)
{
    const vi none = vi_set1(0), at = vi_load(d->at + first), turn = vi_load(d->turn + first);
    vi wavers = vi_load(d->wavers + first);
    wavers &= vi_select(vi_eq(turn, none), none - (at + at), wavers);
    vm left = vm_and(vi_lt(v_lanes() + first, vi_set1(d->n)), vi_gt(wavers, none));
    v_pack(d->left + d->n_left, v_lanes() + first, vm_bits(left));
    d->n_left += __builtin_popcount(vm_bits(left));
}

/* ---- further visits ---------------------------------------------------------------------------- */

/* Rows, each in its lane: which elements waver, which are still to be visited in the round, whether one was
 * changed in it, and how many rounds there are, it and those after it. */
struct v_runners {
    vi row, wavers, ahead, n_rounds;
    vm changed;
    vf inverse;
    struct v_moments sum;
};

V_FN void descent_open(const struct v_descent *d, int first, struct v_runners *r)
{
    const vi none = vi_set1(0);
    const vm there = vi_lt(v_lanes() + first, vi_set1(d->n_left));
    r->row = vi_select(there, vi_load(d->left + first), none);
    r->wavers = vi_select(there, vi_gather(d->wavers, r->row), none);
    vi at = vi_gather(d->at, r->row);
    r->ahead = none - (at + at);
    r->changed = vm_not(vi_eq(vi_gather(d->turn, r->row), none));
    r->n_rounds = vi_set1(DESCENT_ROUNDS);
    r->inverse = vf_gather(d->inverse, r->row);
    r->sum = (struct v_moments){vf_gather(d->xq, r->row), vf_gather(d->qq, r->row)};
}

/* The bit of the element that is to be visited next, or 0 when there is none. */
V_FN vi descent_next(struct v_runners *r)
{
    const vi none = vi_set1(0);
    vi left = r->wavers & r->ahead;
    vm again = vm_and(vi_eq(left, none), vm_and(r->changed, vi_gt(r->n_rounds, vi_set1(1))));
    r->n_rounds = vi_select(again, r->n_rounds - 1, r->n_rounds);
    r->changed = vm_and(r->changed, vm_not(again));
    left = vi_select(again, r->wavers, left);
    vi at = left & (none - left);
    r->ahead = none - (at + at);
    return at;
}

/* Visits of the lanes where at is not 0. */
V_FN void descent_go(struct v_descent *d, struct v_runners *r, vi at)
{
    const vi number = ((vi)((vu)(vi)vf_from_i(at) >> 23) - 127) & (DESCENT_N - 1);
    const vi place = r->row * DESCENT_N + number;
    vf x = vf_gather(d->x[0], place), q = vf_gather(d->q[0], place);
    struct v_visited v = descent_visit(r->sum, r->inverse, x, q);
    vm goes = vi_gt(at, vi_set1(0));
    vi turn = vi_select(v.takes, at, vi_set1(0));
    r->changed = vm_or(r->changed, vm_and(v.takes, goes));
    r->sum.xq = vf_select(goes, v.sum.xq, r->sum.xq);
    r->sum.qq = vf_select(goes, v.sum.qq, r->sum.qq);
    for (unsigned bits = vm_bits(goes); bits != 0; bits &= bits - 1) {
        const int i = __builtin_ctz(bits), row = ((const int32_t *)&r->row)[i];
        const float xq = ((const float *)&r->sum.xq)[i], qq = ((const float *)&r->sum.qq)[i];
        const struct v_moments sum = {vf_set1(xq), vf_set1(qq)};
        unsigned wavers = ((const uint32_t *)&v.wavers)[i];
        d->xq[row] = xq;
        d->qq[row] = qq;
        V_UNROLL
        for (int h = 0; h < V_PER16; h++) {
            vf q_part = vf_load(d->q[row] + h * VL);
            wavers |= descent_look(vf_load(d->x[row] + h * VL), &q_part, ((const uint32_t *)&turn)[i],
                                   ((const float *)&v.code)[i], sum, h);
            vf_store(d->q[row] + h * VL, q_part);
        }
        ((uint32_t *)&r->wavers)[i] = wavers;
    }
}

/* The rows left from number `first` on, to their ends. */
static void descent_run(struct v_descent *d, int first)
{
    struct v_runners r[DESCENT_SIDE];
    for (int u = 0; u < DESCENT_SIDE; u++)
        descent_open(d, first + u * VL, &r[u]);
    for (bool going = true; going;) {
        going = false;
        for (int u = 0; u < DESCENT_SIDE; u++) {
            vi at = descent_next(&r[u]);
            if (!vm_any(vi_gt(at, vi_set1(0))))
                continue;
            going = true;
            descent_go(d, &r[u], at);
        }
    }
}

/* Each group's first visit, of the first that wavers, needs no look; then most are done. */
static void v_descend(struct v_descent *d)
{
    for (int i = 0; i < d->n; i += VL)
        descent_first_visit(d, i);
    for (int i = 0; i < d->n; i++)
        descent_first_look(d, i);
    d->n_left = 0;
    for (int i = 0; i < d->n; i += VL)
        descent_keep(d, i);
    for (int i = 0; i < d->n_left; i += DESCENT_SIDE * VL)
        descent_run(d, i);
}

#endif
