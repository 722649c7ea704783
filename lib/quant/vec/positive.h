/* The reference's search for the common scale of values that are not negative
 * (qk_search_scale_positive), VL groups side by side. Few elements: nothing here is hot. */
#ifndef QK_VEC_POSITIVE_H
#define QK_VEC_POSITIVE_H

#include "lib/quant/vec/search.h"

enum { POSITIVE_TRIES = 4, POSITIVE_ROUNDS = 5 };

V_FN vf positive_error(int n, vf scale, const vf *x, const vf *w, const vi *q)
{
    vf sum = vf_set1(0);
    for (int i = 0; i < n; i++) {
        vf diff = x[i] - scale * vf_from_i(q[i]);
        sum += w[i] * diff * diff;
    }
    return sum;
}

/* The inverse scale with the least error. */
V_FN vf positive_inverse(int n, int nmax, vf largest, const vf *x, const vf *w)
{
    vi q[QK_GROUP_MAX];
    vf inverse = (float)nmax / largest;
    for (int i = 0; i < n; i++)
        q[i] = v_nearest_wild(inverse * x[i]) & 255;
    vf best = positive_error(n, 1.0f / inverse, x, w, q);
    for (int k = -POSITIVE_TRIES; k <= POSITIVE_TRIES; k++) {
        if (k == 0)
            continue;
        vf trial = (0.1f * (float)k + (float)nmax) / largest;
        for (int i = 0; i < n; i++)
            q[i] = vi_min(v_nearest_wild(trial * x[i]), vi_set1(nmax));
        vf error = positive_error(n, 1.0f / trial, x, w, q);
        vm wins = vf_lt(error, best);
        best = vf_select(wins, error, best);
        inverse = vf_select(wins, trial, inverse);
    }
    return inverse;
}

struct positive_fit {
    vf xq, qq;
    vi level[QK_GROUP_MAX]; /* bytes */
};

/* One round over the groups; false when no level changed in any. */
V_FN bool positive_round(int n, int nmax, const vf *x, const vf *w, struct positive_fit *f)
{
    const vf zero = vf_set1(0);
    bool changed = false;
    for (int i = 0; i < n; i++) {
        vf q = vf_from_i(f->level[i]), wx = w[i] * x[i];
        vf xq = f->xq - wx * q, qq = f->qq - w[i] * q * q;
        vm takes = vm_and(vf_gt(xq, zero), vf_gt(qq, zero));
        vi code = vi_min(v_nearest_wild(x[i] * qq / xq), vi_set1(nmax));
        takes = vm_and(takes, vm_not(vi_eq(code, f->level[i])));
        vf c = vf_from_i(code);
        xq += wx * c;
        qq += w[i] * c * c;
        takes = vm_and(takes, vf_gt(xq * xq * f->qq, f->xq * f->xq * qq));
        f->level[i] = vi_select(takes, code & 255, f->level[i]);
        f->xq = vf_select(takes, xq, f->xq);
        f->qq = vf_select(takes, qq, f->qq);
        changed |= vm_any(takes);
    }
    return changed;
}

/* Levels are bytes. Returns the scale. A group whose round changes nothing is done: further rounds
 * change nothing either. */
V_FN vf v_search_positive(int n, int nmax, const vf *x, const vf *w, vi *level)
{
    struct positive_fit f;
    vf largest = vf_set1(0);
    for (int i = 0; i < n; i++)
        largest = vf_max(largest, x[i]);
    vm none = vf_lt(largest, vf_set1(QK_GROUP_EPS));
    vf inverse = positive_inverse(n, nmax, largest, x, w);
    f.xq = f.qq = vf_set1(0);
    for (int i = 0; i < n; i++) {
        vi code = vi_min(v_nearest_wild(inverse * x[i]), vi_set1(nmax));
        vf c = vf_from_i(code);
        f.level[i] = code & 255;
        f.xq += w[i] * x[i] * c;
        f.qq += w[i] * c * c;
    }
    for (int round = 0; round < POSITIVE_ROUNDS; round++)
        if (!positive_round(n, nmax, x, w, &f))
            break;
    for (int i = 0; i < n; i++)
        level[i] = vi_select(none, vi_set1(0), f.level[i]);
    vf scale = vf_select(vf_gt(f.qq, vf_set1(0)), f.xq / f.qq, vf_set1(0));
    return vf_select(none, vf_set1(0), scale);
}

#endif
