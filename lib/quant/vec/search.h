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

/* ---- one scale --------------------------------------------------------------------------------
 */

/* Sums of w x q and w q q of four candidates. Four, because one's additions wait for each other. */
struct v_moments {
    vf xq[4], qq[4];
};

/* A level before it is cut; wild: of any float. */
V_FN vf v_signed_level(vf v, int nmax, bool wild)
{
    vf q = wild ? vf_from_i(v_nearest_wild(v)) : vf_nearest(v);
    return vf_clamp(q, (float)-nmax, (float)(nmax - 1));
}

V_FN void v_fit4(struct v_moments *m, int n, int nmax, const vf *x, const vf *w,
                 const vf inverse[4], bool wild)
{
    for (int c = 0; c < 4; c++)
        m->xq[c] = m->qq[c] = vf_set1(0);
    for (int i = 0; i < n; i++) {
        vf wx = w[i] * x[i];
        for (int c = 0; c < 4; c++) {
            vf q = v_signed_level(inverse[c] * x[i], nmax, wild);
            m->xq[c] += wx * q;
            m->qq[c] += w[i] * q * q;
        }
    }
}

/* What qk_search_scale finds: levels are the nearest to inverse * x, but 0 where zero. */
struct v_signed {
    vf scale, inverse;
    vm zero;
};

/* qk_search_scale with weights. |inverse * x| stays below nmax + 1 when all x are finite, so that
 * vf_nearest serves (else: wild); a group of (near) zeros computes anything and gets zeros in the
 * end. The first candidate of five fours is the plain inverse scale; the twentieth never wins, its
 * levels are all 0. */
V_FN void v_fit_scale(int n, int nmax, const vf *x, const vf *w, bool wild, struct v_signed *fit)
{
    vf magnitude = vf_set1(0), largest = magnitude;
    for (int i = 0; i < n; i++) {
        vf a = vf_abs(x[i]);
        vm more = vf_gt(a, magnitude);
        magnitude = vf_select(more, a, magnitude);
        largest = vf_select(more, x[i], largest);
    }
    fit->zero = vf_lt(magnitude, vf_set1(QK_GROUP_EPS));
    largest = vf_select(fit->zero, vf_set1(1), largest);
    vf scale = vf_set1(0), best = scale, kept = scale;
    for (int k = -10; k <= 9; k += 4) {
        vf inverse[4];
        struct v_moments m;
        for (int c = 0; c < 4; c++) {
            /* -10 is the place of the plain one, 0 that of the one too many. */
            float step = k + c == -10 ? 0.0f : 0.1f * (float)(k + c);
            inverse[c] = vf_set1(k + c == 0 ? 0.0f : -((float)nmax + step)) / largest;
        }
        v_fit4(&m, n, nmax, x, w, inverse, wild);
        for (int c = 0; c < 4; c++) {
            vm wins = vm_and(vf_gt(m.qq[c], vf_set1(0)), vf_gt(m.xq[c] * m.xq[c], best * m.qq[c]));
            vf ratio = m.xq[c] / m.qq[c];
            if (k + c == -10) {
                wins = vm_not(vm_from_bits(0));
                ratio = vf_select(vf_eq(m.qq[c], vf_set1(0)), vf_set1(0), ratio);
            }
            kept = vf_select(wins, inverse[c], kept);
            scale = vf_select(wins, ratio, scale);
            best = vf_select(wins, ratio * m.xq[c], best);
        }
    }
    fit->inverse = kept;
    fit->scale = vf_select(fit->zero, vf_set1(0), scale);
}

V_FN vi v_signed_code(const struct v_signed *fit, int nmax, vf x, bool wild)
{
    vf q = v_signed_level(fit->inverse * x, nmax, wild);
    return vi_select(fit->zero, vi_set1(0), vi_trunc(q) + nmax);
}

V_FN vf v_search_scale(int n, int nmax, const vf *x, const vf *w, vi *level)
{
    struct v_signed fit;
    v_fit_scale(n, nmax, x, w, false, &fit);
    for (int i = 0; i < n; i++)
        level[i] = v_signed_code(&fit, nmax, x[i], false);
    return fit.scale;
}

#endif
