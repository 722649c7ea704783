#include "lib/quant/ref/search.h"

#include "lib/quant/ref/ref.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* ---- one scale -------------------------------------------------------------------------------- */

static float weight_at(const float *x, const float *w, int i)
{
    return w != NULL ? w[i] : x[i] * x[i];
}

static int signed_level(float iscale, float x, int nmax)
{
    return qk_clamp_int(qk_nearest_int(iscale * x), -nmax, nmax - 1);
}

struct fit {
    float xl, l2; /* sums of w*x*l and w*l*l */
};

static struct fit fit_scale(int n, int nmax, const float *x, const float *w, float iscale)
{
    struct fit f = {0, 0};
    for (int i = 0; i < n; i++) {
        int l = signed_level(iscale, x[i], nmax);
        float wi = weight_at(x, w, i);
        f.xl += wi * x[i] * l;
        f.l2 += wi * l * l;
    }
    return f;
}

static void put_levels(int n, int nmax, const float *x, float iscale, int8_t *level)
{
    for (int i = 0; i < n; i++)
        level[i] = (int8_t)(nmax + signed_level(iscale, x[i], nmax));
}

float qk_search_scale(int n, int nmax, const float *x, const float *w, int8_t *level)
{
    float max = 0, amax = 0;
    for (int i = 0; i < n; i++) {
        float ax = fabsf(x[i]);
        if (ax > amax) {
            amax = ax;
            max = x[i];
        }
    }
    if (amax < 1e-15f) {
        memset(level, 0, (size_t)n);
        return 0.0f;
    }
    float best_iscale = -nmax / max;
    struct fit f = fit_scale(n, nmax, x, w, best_iscale);
    float scale = f.l2 != 0 ? f.xl / f.l2 : 0.0f;
    float best = scale * f.xl;
    for (int step = -9; step <= 9; step++) {
        if (step == 0)
            continue;
        float iscale = -(nmax + 0.1f * step) / max;
        f = fit_scale(n, nmax, x, w, iscale);
        if (f.l2 > 0 && f.xl * f.xl > best * f.l2) {
            best_iscale = iscale;
            scale = f.xl / f.l2;
            best = scale * f.xl;
        }
    }
    put_levels(n, nmax, x, best_iscale, level);
    return scale;
}

/* ---- scale and minimum ------------------------------------------------------------------------ */

struct moments {
    float min, max;
    float w, x; /* sums of w and w*x */
};

static struct moments measure(int n, const float *x, const float *w)
{
    struct moments m = {x[0], x[0], w[0], w[0] * x[0]};
    for (int i = 1; i < n; i++) {
        m.min = x[i] < m.min ? x[i] : m.min;
        m.max = x[i] > m.max ? x[i] : m.max;
        m.w += w[i];
        m.x += w[i] * x[i];
    }
    if (m.min > 0)
        m.min = 0;
    return m;
}

struct line {
    float scale, min;
};

static float line_error(const struct qk_min_search *s, const float *x, const float *w,
                        const uint8_t *level, struct line c)
{
    float sum = 0;
    for (int i = 0; i < s->n; i++) {
        float diff = c.scale * level[i] + c.min - x[i];
        diff = s->use_mad ? fabsf(diff) : diff * diff;
        sum += w[i] * diff;
    }
    return sum;
}

/* Levels for a candidate and the weighted least squares line through them. False when the levels
 * don't determine one. */
static bool fit_line(const struct qk_min_search *s, const float *x, const float *w, float iscale,
                     const struct moments *m, uint8_t *level, struct line *c)
{
    float sum_l = 0, sum_l2 = 0, sum_xl = 0;
    for (int i = 0; i < s->n; i++) {
        int l = qk_clamp_int(qk_nearest_int(iscale * (x[i] - m->min)), 0, s->nmax);
        level[i] = (uint8_t)l;
        sum_l += w[i] * l;
        sum_l2 += w[i] * l * l;
        sum_xl += w[i] * l * x[i];
    }
    float det = m->w * sum_l2 - sum_l * sum_l;
    if (!(det > 0))
        return false;
    c->scale = (m->w * sum_xl - m->x * sum_l) / det;
    c->min = (sum_l2 * m->x - sum_l * sum_xl) / det;
    if (c->min > 0) {
        c->min = 0;
        c->scale = sum_xl / sum_l2;
    }
    return true;
}

float qk_search_scale_min(const struct qk_min_search *s, const float *x, const float *w,
                          uint8_t *level, float *min_out)
{
    uint8_t tried[QK_GROUP_MAX];
    struct moments m = measure(s->n, x, w);
    if (m.max <= m.min) {
        memset(level, 0, (size_t)s->n);
        *min_out = -m.min;
        return 0.0f;
    }
    float iscale = s->nmax / (m.max - m.min);
    struct line best = {1 / iscale, m.min};
    for (int i = 0; i < s->n; i++)
        level[i] =
            (uint8_t)qk_clamp_int(qk_nearest_int(iscale * (x[i] - m.min)), 0, s->nmax);
    float best_error = line_error(s, x, w, level, best);
    for (int step = 0; step <= s->nstep; step++) {
        struct line c;
        /* Later candidates are measured from the best minimum so far: so the reference does. */
        m.min = best.min;
        iscale = (s->rmin + s->rdelta * step + s->nmax) / (m.max - m.min);
        if (!fit_line(s, x, w, iscale, &m, tried, &c))
            continue;
        float error = line_error(s, x, w, tried, c);
        if (error < best_error) {
            memcpy(level, tried, (size_t)s->n);
            best_error = error;
            best = c;
        }
    }
    *min_out = -best.min;
    return best.scale;
}
