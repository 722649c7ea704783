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

V_FN void descent_set(struct v_descent *d, int i, vf q)
{
    vf w = d->w[i], least[V_PER16], most[V_PER16];
    vi at = (vi)(q + 12582912.0f);
    v_load_run(least, descent_least[d->tame], V_PER16);
    v_load_run(most, descent_most, V_PER16);
    d->q[i] = q;
    d->xq[i] = w * d->x[i] * q;
    d->qq[i] = w * q * q;
    d->least[i] = vf_lookup8(least, at);
    d->most[i] = vf_lookup8(most, at);
}

/* Element i: to the nearest level of the scale that the others want, kept if
 * sum(w x q)^2 / sum(w q q) grows. True when it changed in any lane. */
V_FN bool descent_step(struct v_descent *d, int i)
{
    const vf zero = vf_set1(0);
    vf xq = d->sum_xq - d->xq[i], qq = d->sum_qq - d->qq[i], t = d->x[i] * qq;
    vm stays = vm_and(vf_le(t, d->most[i] * xq), vf_ge(t, d->least[i] * xq));
    stays = vm_and(stays, vf_gt(xq, vf_set1(1e-30f)));
    if (vm_all(vm_or(stays, vf_le(xq, zero))))
        return false;
    vm takes = vf_gt(xq, zero);
    vf code = v_signed_level(t / xq, DESCENT_NMAX, true);
    takes = vm_and(takes, vm_not(vf_eq(code, d->q[i])));
    xq += d->w[i] * d->x[i] * code;
    qq += d->w[i] * code * code;
    takes = vm_and(takes, vf_gt(qq, zero));
    takes = vm_and(takes, vf_gt(xq * xq * d->sum_qq, d->sum_xq * d->sum_xq * qq));
    if (!vm_any(takes))
        return false;
    descent_set(d, i, vf_select(takes, code, d->q[i]));
    d->sum_xq = vf_select(takes, xq, d->sum_xq);
    d->sum_qq = vf_select(takes, qq, d->sum_qq);
    return true;
}

static void v_descend(struct v_descent *d)
{
    for (int round = 0; round < DESCENT_ROUNDS; round++) {
        bool changed = false;
        for (int i = 0; i < DESCENT_N; i++)
            changed |= descent_step(d, i);
        if (!changed)
            break;
    }
}

#endif
