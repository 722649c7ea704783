/* The reference's qk_search_scale_descent once the first levels are there, VL groups side by side.
 *
 * Most rounds change no level, and finding that out needs no division: the level q of x stays when
 * |x qq / xq - q| < 0.4999 (less than a half by far more than the roundings of quotient and products,
 * some 2^-22 of at most 5). At the ends of the range levels stay however far x lies outside: up to 30
 * here. The bounds on xq keep the products from overflow and from the subnormals, where they would be
 * less exact; they hold for groups with magnitudes below 1e10: xq then is a sum of at most 96 terms
 * below 8e30 each. */
#ifndef QK_VEC_DESCENT_H
#define QK_VEC_DESCENT_H

#include "lib/quant/vec/search.h"

enum { DESCENT_N = 16, DESCENT_NMAX = 4, DESCENT_ROUNDS = 5 };
#define DESCENT_TAME 1e10f /* magnitudes below it are */
/* Vectors side by side, for a step is a long chain; rounds in which some level surely changes. */
enum { DESCENT_SIDE = VL > 4 ? 4 : 1, DESCENT_SURE = VL / 8 };

struct v_moments {
    vf xq, qq; /* sums of w x q, w q q */
};

struct v_descent {
    vf x[DESCENT_N], q[DESCENT_N];
    struct v_moments sum;
    bool tame;
};

/* What is kept of each element when levels seldom change: its parts of the sums, and between which
 * multiples of xq / qq it keeps its level. */
struct v_settled {
    vf xq[DESCENT_N], qq[DESCENT_N];
    vf least[DESCENT_N], most[DESCENT_N];
};

/* Of q = -4 .. 3, by its low three bits; where groups are not tame no bound holds. */
static const float descent_least[2][16] = {
    {V_NAN, V_NAN, V_NAN, V_NAN, V_NAN, V_NAN, V_NAN, V_NAN, V_NAN, V_NAN, V_NAN, V_NAN, V_NAN,
     V_NAN, V_NAN, V_NAN},
    {-0.4999f, 0.5001f, 1.5001f, 2.5001f, -30.0f, -3.4999f, -2.4999f, -1.4999f, -0.4999f, 0.5001f,
     1.5001f, 2.5001f, -30.0f, -3.4999f, -2.4999f, -1.4999f},
};
static const float descent_most[16] = {0.4999f,  1.4999f,  2.4999f,  30.0f, -3.5001f, -2.5001f,
                                       -1.5001f, -0.5001f, 0.4999f,  1.4999f, 2.4999f, 30.0f,
                                       -3.5001f, -2.5001f, -1.5001f, -0.5001f};

/* A level of any float, cut. */
V_FN vf descent_level(vf v)
{
    vi t = (vi)((vu)(v + 12582912.0f) & 0x007fffffu); /* 2^22 more */
    t = vi_clamp(t, 0x00400000 - DESCENT_NMAX, 0x00400000 + DESCENT_NMAX - 1);
    return (vf)(t | 0x4b000000) - 12582912.0f;
}

/* Between which multiples of xq a level stays, by bits that end as its own. */
V_FN void descent_bounds(vi at, bool tame, vf *least, vf *most)
{
    vf lo[V_PER16], hi[V_PER16];
    v_load_run(lo, descent_least[tame], V_PER16);
    v_load_run(hi, descent_most, V_PER16);
    *least = vf_lookup8(lo, at);
    *most = vf_lookup8(hi, at);
}

V_FN void descent_settle(struct v_settled *k, const struct v_descent *d, int i)
{
    vf x = d->x[i], w = x * x, q = d->q[i];
    k->xq[i] = w * x * q;
    k->qq[i] = w * q * q;
    descent_bounds((vi)(q + 12582912.0f), d->tame, &k->least[i], &k->most[i]);
}

/* Opens groups whose x is there, with the first levels and their sums. */
V_FN void v_descent_open(struct v_descent *d, vf inverse, struct v_moments sum)
{
    vf magnitude = vf_set1(0);
    for (int i = 0; i < DESCENT_N; i++) {
        magnitude = vf_max(magnitude, vf_abs(d->x[i]));
        d->q[i] = descent_level(inverse * d->x[i]);
    }
    d->tame = vm_all(vf_lt(magnitude, vf_set1(DESCENT_TAME)));
    d->sum = sum;
}

/* A group as it starts: its levels' last bits and what they add to the sums. */
struct v_looseness {
    vi at[DESCENT_N];
    vf xq[DESCENT_N], qq[DESCENT_N];
};

/* The first levels, of which none is below -4, for |inverse x| <= 4; their sums. */
V_FN struct v_moments v_descent_start(struct v_looseness *l, const vf x[DESCENT_N], vf inverse)
{
    const vf magic = vf_set1(12582912.0f);
    struct v_moments sum = {vf_set1(0), vf_set1(0)};
    V_UNROLL
    for (int i = 0; i < DESCENT_N; i++) {
        vf t = vf_min_positive(inverse * x[i] + magic, magic + (float)(DESCENT_NMAX - 1));
        vf q = t - magic, w = x[i] * x[i];
        l->at[i] = (vi)t;
        l->xq[i] = w * x[i] * q;
        l->qq[i] = w * q * q;
        sum.xq += l->xq[i];
        sum.qq += l->qq[i];
    }
    return sum;
}

/* May any level change? As long as none does, every element meets the same sums: a group in which all
 * stay is done before its first round. */
V_FN vm v_descent_loose(const struct v_looseness *l, const vf x[DESCENT_N], vm tame,
                        struct v_moments sum)
{
    vm still = tame, also = tame;
    vf least_xq = sum.xq;
    V_UNROLL
    for (int i = 0; i < DESCENT_N; i++) {
        vf least, most, xq = sum.xq - l->xq[i], t = x[i] * (sum.qq - l->qq[i]);
        descent_bounds(l->at[i], true, &least, &most);
        still = vm_and(still, vf_le(t, most * xq));
        also = vm_and(also, vf_ge(t, least * xq));
        least_xq = vf_min(xq, least_xq);
    }
    return vm_not(vm_and(vm_and(still, also), vf_gt(least_xq, vf_set1(1e-30f))));
}

/* Elements whose parts are taken off the sums, of n vectors side by side: each to the nearest level of
 * the scale that the others want, kept if sum(w x q)^2 / sum(w q q) grows. Where they changed. */
V_FN void descent_change(int n, struct v_moments *sum, const vf *x, vf *q, struct v_moments *rest,
                         vm *takes)
{
    const vf zero = vf_set1(0);
    vf code[DESCENT_SIDE];
    V_UNROLL
    for (int u = 0; u < n; u++)
        code[u] = x[u] * rest[u].qq / rest[u].xq;
    V_UNROLL
    for (int u = 0; u < n; u++) {
        code[u] = descent_level(code[u]);
        takes[u] = vm_and(vf_gt(rest[u].xq, zero), vm_not(vf_eq(code[u], q[u])));
    }
    V_UNROLL
    for (int u = 0; u < n; u++) {
        vf w = x[u] * x[u];
        rest[u].xq += w * x[u] * code[u];
        rest[u].qq += w * code[u] * code[u];
    }
    V_UNROLL
    for (int u = 0; u < n; u++) {
        vm more = vf_gt(rest[u].xq * rest[u].xq * sum[u].qq, sum[u].xq * sum[u].xq * rest[u].qq);
        takes[u] = vm_and(takes[u], vm_and(vf_gt(rest[u].qq, zero), more));
        q[u] = vf_select(takes[u], code[u], q[u]);
        sum[u].xq = vf_select(takes[u], rest[u].xq, sum[u].xq);
        sum[u].qq = vf_select(takes[u], rest[u].qq, sum[u].qq);
    }
}

/* A round of all, with no look ahead. Whether there were changes, by vector. */
V_FN void descent_round(struct v_descent d[DESCENT_SIDE], bool changed[DESCENT_SIDE])
{
    vm any[DESCENT_SIDE], takes[DESCENT_SIDE];
    struct v_moments sum[DESCENT_SIDE], rest[DESCENT_SIDE];
    V_UNROLL
    for (int u = 0; u < DESCENT_SIDE; u++) {
        any[u] = vm_from_bits(0);
        sum[u] = d[u].sum;
    }
    for (int i = 0; i < DESCENT_N; i++) {
        vf x[DESCENT_SIDE], q[DESCENT_SIDE];
        V_UNROLL
        for (int u = 0; u < DESCENT_SIDE; u++) {
            x[u] = d[u].x[i], q[u] = d[u].q[i];
            vf w = x[u] * x[u];
            rest[u].xq = sum[u].xq - w * x[u] * q[u];
            rest[u].qq = sum[u].qq - w * q[u] * q[u];
        }
        descent_change(DESCENT_SIDE, sum, x, q, rest, takes);
        V_UNROLL
        for (int u = 0; u < DESCENT_SIDE; u++) {
            d[u].q[i] = q[u];
            any[u] = vm_or(any[u], takes[u]);
        }
    }
    V_UNROLL
    for (int u = 0; u < DESCENT_SIDE; u++) {
        changed[u] = vm_any(any[u]);
        d[u].sum = sum[u];
    }
}

/* The rounds that are left to one vector. */
V_FN void descent_finish(struct v_descent *d, int n_rounds)
{
    const vf zero = vf_set1(0);
    struct v_settled k;
    struct v_moments sum = d->sum;
    for (int i = 0; i < DESCENT_N; i++)
        descent_settle(&k, d, i);
    for (bool changed = true; n_rounds > 0 && changed; n_rounds--) {
        changed = false;
        for (int i = 0; i < DESCENT_N; i++) {
            vm takes;
            struct v_moments rest = {sum.xq - k.xq[i], sum.qq - k.qq[i]};
            vf t = d->x[i] * rest.qq;
            vm stays = vm_and(vf_le(t, k.most[i] * rest.xq), vf_ge(t, k.least[i] * rest.xq));
            stays = vm_and(stays, vf_gt(rest.xq, vf_set1(1e-30f)));
            if (vm_all(vm_or(stays, vf_le(rest.xq, zero))))
                continue;
            descent_change(1, &sum, &d->x[i], &d->q[i], &rest, &takes);
            if (!vm_any(takes))
                continue;
            descent_settle(&k, d, i);
            changed = true;
        }
    }
    d->sum = sum;
}

static void v_descend(struct v_descent d[DESCENT_SIDE])
{
    bool changed[DESCENT_SIDE] = {DESCENT_SURE == 0};
    for (int round = 0; round < DESCENT_SURE; round++)
        descent_round(d, changed);
    for (int u = 0; u < DESCENT_SIDE; u++) {
        if (changed[u])
            descent_finish(&d[u], DESCENT_ROUNDS - DESCENT_SURE);
    }
}

#endif
