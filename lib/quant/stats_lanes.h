/* Error sums lane by lane: what scalar and vector code share (stats.h says which element goes
 * where).
 */
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
    double t[QK_LANES];
    memcpy(t, lane, sizeof t);
    for (size_t half = QK_LANES / 2; half > 0; half /= 2) {
        for (size_t j = 0; j < half; j++)
            t[j] += t[j + half];
    }
    return t[0];
}

/* The largest difference among n, and where. max is the largest of them taken in float; rounding
 * keeps the order, so none is larger than the one so far unless max is at least that, rounded. */
static inline void qk_settle_max(struct qk_err_sums *out, float max, const float *x, const float *y,
                                 size_t first, size_t n)
{
    if (!(max > 0 && max >= (float)out->max_abs))
        return;
    for (size_t j = 0; j < n; j++) {
        double a = fabs((double)y[j] - (double)x[j]);
        if (a > out->max_abs) {
            out->max_abs = a;
            out->max_at = first + j;
        }
    }
}

/* The sums of a row; what isn't a sum is left alone. */
static inline void qk_lanes_finish(struct qk_err_sums *out, const struct qk_lanes *s)
{
    out->ee = qk_lanes_combine(s->v[QK_SUM_EE]);
    out->xx = qk_lanes_combine(s->v[QK_SUM_XX]);
    out->yy = qk_lanes_combine(s->v[QK_SUM_YY]);
    out->xy = qk_lanes_combine(s->v[QK_SUM_XY]);
    out->e = qk_lanes_combine(s->v[QK_SUM_E]);
    out->wee = qk_lanes_combine(s->v[QK_SUM_WEE]);
    out->wxx = qk_lanes_combine(s->v[QK_SUM_WXX]);
}

#endif
