/* The reference's qk_search_scale_descent once the first levels are there, VL groups side by side.
 *
 * Rounds after the first seldom change a level, and finding that out needs no division: the level q
 * of x stays when |x qq / xq - q| < 0.4999 (less than a half by far more than the roundings of
 * quotient and products, some 2^-22 of at most 5). At the ends of the range levels stay however far
 * x lies outside: up to 30 here. The bounds on xq keep the products from overflow and from the
 * subnormals, where they would be less exact; they hold for groups with magnitudes below 1e10:
 * xq then is a sum of at most 96 terms below 8e30 each. */
#ifndef QK_VEC_DESCENT_H
#define QK_VEC_DESCENT_H

#include "lib/quant/vec/search.h"

enum { DESCENT_N = 16, DESCENT_NMAX = 4, DESCENT_ROUNDS = 5 };
#define DESCENT_TAME 1e10f /* magnitudes below it are */
/* Vectors side by side; rounds in which some level surely changes. */
enum { DESCENT_SIDE = VL == 16 ? 2 : 1, DESCENT_SURE = VL == 16 ? 1 : 0 };

struct v_descent {
    vf x[DESCENT_N], w[DESCENT_N];
    vf q[DESCENT_N];
    vf xq[DESCENT_N], qq[DESCENT_N];       /* the element's part of the sums */
    vf least[DESCENT_N], most[DESCENT_N];  /* between them x qq / xq gives q again */
    vf sum_xq, sum_qq;                     /* w x q, w q q */
    bool tame;
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

/* Between which multiples of xq a level stays. */
V_FN void descent_bounds(vf q, bool tame, vf *least, vf *most)
{
    vf lo[V_PER16], hi[V_PER16];
    vi at = (vi)(q + 12582912.0f);
    v_load_run(lo, descent_least[tame], V_PER16);
    v_load_run(hi, descent_most, V_PER16);
    *least = vf_lookup8(lo, at);
    *most = vf_lookup8(hi, at);
}

V_FN void descent_set(struct v_descent *d, int i, vf q)
{
    vf w = d->w[i];
    d->q[i] = q;
    d->xq[i] = w * d->x[i] * q;
    d->qq[i] = w * q * q;
    descent_bounds(q, d->tame, &d->least[i], &d->most[i]);
}

/* Opens groups whose x is there, with the first levels and their sums. */
V_FN void v_descent_open(struct v_descent *d, vf inverse, vf sum_xq, vf sum_qq)
{
    vf magnitude = vf_set1(0);
    for (int i = 0; i < DESCENT_N; i++)
        magnitude = vf_max(magnitude, vf_abs(d->x[i]));
    d->tame = vm_all(vf_lt(magnitude, vf_set1(DESCENT_TAME)));
    d->sum_xq = sum_xq;
    d->sum_qq = sum_qq;
    for (int i = 0; i < DESCENT_N; i++) {
        d->w[i] = d->x[i] * d->x[i];
        descent_set(d, i, v_signed_level(inverse * d->x[i], DESCENT_NMAX, false));
    }
}

/* A group as it starts. */
struct v_looseness {
    vf q[DESCENT_N], xq[DESCENT_N], qq[DESCENT_N];
};

/* The first levels and their sums. */
V_FN void v_descent_start(struct v_looseness *l, const vf x[DESCENT_N], vf inverse, vf *sum_xq,
                          vf *sum_qq)
{
    vf xq = vf_set1(0), qq = xq;
    V_UNROLL
    for (int i = 0; i < DESCENT_N; i++) {
        vf q = v_signed_level(inverse * x[i], DESCENT_NMAX, false), w = x[i] * x[i];
        l->q[i] = q;
        l->xq[i] = w * x[i] * q;
        l->qq[i] = w * q * q;
        xq += l->xq[i];
        qq += l->qq[i];
    }
    *sum_xq = xq;
    *sum_qq = qq;
}

/* Does any element stay for none of the reasons below? As long as nothing changes, every element meets
 * the same sums: a group in which all stay is done before its first round. */
V_FN vm v_descent_loose(const struct v_looseness *l, const vf x[DESCENT_N], vm tame, vf sum_xq,
                        vf sum_qq)
{
    vm still = tame;
    V_UNROLL
    for (int i = 0; i < DESCENT_N; i++) {
        vf least, most, xq = sum_xq - l->xq[i], t = x[i] * (sum_qq - l->qq[i]);
        descent_bounds(l->q[i], true, &least, &most);
        vm stays = vm_and(vf_le(t, most * xq), vf_ge(t, least * xq));
        stays = vm_and(stays, vf_gt(xq, vf_set1(1e-30f)));
        still = vm_and(still, vm_or(stays, vf_le(xq, vf_set1(0))));
    }
    return vm_not(still);
}

/* Element i: to the nearest level of the scale that the others want, kept if
 * sum(w x q)^2 / sum(w q q) grows. True when it changed in any lane. early: looks whether there is
 * anything to do, which there is in the first rounds: a wrong guess costs more than the work. */
V_FN bool descent_step(struct v_descent d[DESCENT_SIDE], int i, bool early)
{
    const vf zero = vf_set1(0);
    vf xq[DESCENT_SIDE], qq[DESCENT_SIDE], t[DESCENT_SIDE];
    vm takes[DESCENT_SIDE], still = vm_not(vm_from_bits(0)), any = vm_from_bits(0);
    V_UNROLL
    for (int u = 0; u < DESCENT_SIDE; u++) {
        xq[u] = d[u].sum_xq - d[u].xq[i];
        qq[u] = d[u].sum_qq - d[u].qq[i];
        t[u] = d[u].x[i] * qq[u];
        vm stays = vm_and(vf_le(t[u], d[u].most[i] * xq[u]), vf_ge(t[u], d[u].least[i] * xq[u]));
        stays = vm_and(stays, vf_gt(xq[u], vf_set1(1e-30f)));
        still = vm_and(still, vm_or(stays, vf_le(xq[u], zero)));
    }
    if (early && vm_all(still))
        return false;
    V_UNROLL
    for (int u = 0; u < DESCENT_SIDE; u++) {
        vf code = v_signed_level(t[u] / xq[u], DESCENT_NMAX, true);
        takes[u] = vm_and(vf_gt(xq[u], zero), vm_not(vf_eq(code, d[u].q[i])));
        xq[u] += d[u].w[i] * d[u].x[i] * code;
        qq[u] += d[u].w[i] * code * code;
        takes[u] = vm_and(takes[u], vf_gt(qq[u], zero));
        takes[u] = vm_and(takes[u], vf_gt(xq[u] * xq[u] * d[u].sum_qq,
                                          d[u].sum_xq * d[u].sum_xq * qq[u]));
        any = vm_or(any, takes[u]);
        t[u] = code;
    }
    if (early && !vm_any(any))
        return false;
    V_UNROLL
    for (int u = 0; u < DESCENT_SIDE; u++) {
        descent_set(&d[u], i, vf_select(takes[u], t[u], d[u].q[i]));
        d[u].sum_xq = vf_select(takes[u], xq[u], d[u].sum_xq);
        d[u].sum_qq = vf_select(takes[u], qq[u], d[u].sum_qq);
    }
    return vm_any(any);
}

/* DESCENT_SIDE vectors of groups side by side: a step is a long chain. */
static void v_descend(struct v_descent d[DESCENT_SIDE])
{
    for (int round = 0; round < DESCENT_ROUNDS; round++) {
        bool changed = false;
        for (int i = 0; i < DESCENT_N && round < DESCENT_SURE; i++)
            changed |= descent_step(d, i, false);
        for (int i = 0; i < DESCENT_N && round >= DESCENT_SURE; i++)
            changed |= descent_step(d, i, true);
        if (!changed)
            break;
    }
}

#endif
