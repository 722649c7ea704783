/* Error sums lane by lane: what scalar and vector code share (stats.h says which element goes
 * where, and what is summed how). */
#ifndef QK_STATS_LANES_H
#define QK_STATS_LANES_H

#include "lib/quant/stats.h"

#include <math.h>
#include <string.h>

#define QK_LANES 16

enum { QK_SUM_EE, QK_SUM_XX, QK_SUM_YY, QK_SUM_XY, QK_SUM_E, QK_SUM_WEE, QK_SUM_WXX, QK_N_SUMS };

struct qk_lanes {
    double v[QK_N_SUMS][QK_LANES];
};

/* Adds n <= QK_LANES elements, one a lane. Written so that a compiler may put lanes in vectors. */
static inline void qk_lanes_add(struct qk_lanes *s, const float *x, const float *y, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double xd = x[j], yd = y[j], e = yd - xd;
        s->v[QK_SUM_EE][j] += e * e;
        s->v[QK_SUM_XX][j] += xd * xd;
        s->v[QK_SUM_YY][j] += yd * yd;
        s->v[QK_SUM_XY][j] += xd * yd;
        s->v[QK_SUM_E][j] += e;
    }
}

static inline void qk_lanes_add_weighted(struct qk_lanes *s, const float *x, const float *y,
                                         const float *w, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double xd = x[j], e = y[j] - xd, wd = w[j];
        s->v[QK_SUM_WEE][j] += wd * (e * e);
        s->v[QK_SUM_WXX][j] += wd * (xd * xd);
    }
}

/* Pairwise: 0+8, 1+9, ... then 0+4, ... 0+2, 0+1. */
static inline double qk_lanes_combine(const double lane[QK_LANES])
{
    double t[QK_LANES / 2];
    for (size_t j = 0; j < 8; j++)
        t[j] = lane[j] + lane[j + 8];
    for (size_t j = 0; j < 4; j++)
        t[j] += t[j + 4];
    return (t[0] + t[2]) + (t[1] + t[3]);
}

/* Where the largest difference can be: it is looked for in float, which rounds but keeps the order,
 * so it is among the elements between the first and the last run that reach the largest of those.
 */
struct qk_peak {
    float max;
    size_t first, end;
};

/* The run from first to end reaches max. */
static inline void qk_peak_add(struct qk_peak *p, float max, size_t first, size_t end)
{
    if (max > p->max)
        *p = (struct qk_peak){max, first, end};
    else if (max == p->max)
        p->end = end;
}

/* Can it be larger than a difference that is known? Rounding keeps the order. */
static inline bool qk_peak_counts(const struct qk_peak *p, double known)
{
    return p->max > 0 && p->max >= (float)known;
}

/* Looks for it among the elements from first to end. */
static inline void qk_peak_look(struct qk_err_sums *out, const float *x, const float *y,
                                size_t first, size_t end)
{
    for (size_t j = first; j < end; j++) {
        double a = fabs((double)y[j] - (double)x[j]);
        if (a > out->max_abs) {
            out->max_abs = a;
            out->max_at = j;
        }
    }
}

/* The sums of a row; what isn't a sum is left alone. */
static inline void qk_lanes_finish(struct qk_err_sums *out, const struct qk_lanes *s, bool weighted)
{
    out->ee = qk_lanes_combine(s->v[QK_SUM_EE]);
    out->xx = qk_lanes_combine(s->v[QK_SUM_XX]);
    out->yy = qk_lanes_combine(s->v[QK_SUM_YY]);
    out->xy = qk_lanes_combine(s->v[QK_SUM_XY]);
    out->e = qk_lanes_combine(s->v[QK_SUM_E]);
    out->wee = weighted ? qk_lanes_combine(s->v[QK_SUM_WEE]) : 0;
    out->wxx = weighted ? qk_lanes_combine(s->v[QK_SUM_WXX]) : 0;
}

/* ---- quick sums ------------------------------------------------------------------------------ */

enum { QK_RUN = 32 * QK_LANES };

enum { QK_QUICK_EE, QK_QUICK_XX, QK_QUICK_XE, QK_QUICK_E, QK_QUICK_WEE, QK_QUICK_WXX, QK_N_QUICK };

struct qk_quick {
    double v[QK_N_QUICK][QK_LANES];
};

/* Adds a run of n <= QK_RUN elements; w may be NULL. */
static inline void qk_quick_add(struct qk_quick *s, const float *x, const float *y, const float *w,
                                size_t n)
{
    float f[QK_N_QUICK][QK_LANES] = {{0}};
    for (size_t i = 0; i < n; i += QK_LANES) {
        size_t m = n - i < QK_LANES ? n - i : QK_LANES;
        for (size_t j = 0; j < m; j++) {
            float a = x[i + j], e = y[i + j] - a;
            f[QK_QUICK_EE][j] += e * e;
            f[QK_QUICK_XX][j] += a * a;
            f[QK_QUICK_XE][j] += a * e;
            f[QK_QUICK_E][j] += e;
        }
        for (size_t j = 0; w != NULL && j < m; j++) {
            float a = x[i + j], e = y[i + j] - a;
            f[QK_QUICK_WEE][j] += w[i + j] * (e * e);
            f[QK_QUICK_WXX][j] += w[i + j] * (a * a);
        }
    }
    for (size_t k = 0; k < QK_N_QUICK; k++) {
        for (size_t j = 0; j < QK_LANES; j++)
            s->v[k][j] += (double)f[k][j];
    }
}

/* Are these sums of squares of floats, neither lost below a float's range nor beyond it? */
static inline bool qk_quick_sound(double xx, double ee)
{
    return xx > 0x1p-60 && xx < 0x1p90 && ee < 0x1p90;
}

/* Sets the sums; what isn't a sum is left alone. False when they are not to be relied on. */
static inline bool qk_quick_finish(struct qk_err_sums *out, const struct qk_quick *s, bool weighted,
                                   bool all)
{
    out->ee = qk_lanes_combine(s->v[QK_QUICK_EE]);
    out->xx = qk_lanes_combine(s->v[QK_QUICK_XX]);
    bool sound = qk_quick_sound(out->xx, out->ee);
    if (all) {
        double xe = qk_lanes_combine(s->v[QK_QUICK_XE]);
        out->e = qk_lanes_combine(s->v[QK_QUICK_E]);
        out->xy = out->xx + xe;
        out->yy = out->xx + 2 * xe + out->ee;
        sound = sound && out->yy * 16 > out->xx;
    }
    if (!weighted)
        return sound;
    out->wee = qk_lanes_combine(s->v[QK_QUICK_WEE]);
    out->wxx = qk_lanes_combine(s->v[QK_QUICK_WXX]);
    return sound && qk_quick_sound(out->wxx, out->wee);
}

/* What quick sums leave out. */
static inline void qk_quick_trim(struct qk_err_sums *out, bool all)
{
    out->n_same = 0;
    if (!all)
        out->xy = out->yy = out->e = 0;
}

#endif
