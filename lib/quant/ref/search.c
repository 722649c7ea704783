#include "lib/quant/ref/search.h"

#include "lib/quant/ref/encode.h"
#include "lib/quant/ref/ref.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Candidates on each side of the plain inverse scale, in steps of the code range. */
#define SIGNED_TRIES   9
#define SIGNED_STEP    0.1f
#define POSITIVE_TRIES 4
#define POSITIVE_STEP  0.1f
#define DESCENT_ROUNDS 5

/* The nearest integer of lo..hi. */
static int code_of(float v, int lo, int hi)
{
    return qk_clamp_int(qk_nearest_int(v), lo, hi);
}

/* Products are rounded as (w * x) * q and (w * q) * q throughout: another grouping gives other bits. */
struct moments {
    float xq; /* sum w x q */
    float qq; /* sum w q q */
};

/* ---- signed ------------------------------------------------------------------------------------- */

static struct moments signed_moments(int n, int nmax, float inverse, const float *x, const float *w)
{
    struct moments m = {0.0f, 0.0f};

    for (int i = 0; i < n; i++) {
        float q = (float)code_of(inverse * x[i], -nmax, nmax - 1);
        m.xq += w[i] * x[i] * q;
        m.qq += w[i] * q * q;
    }
    return m;
}

float qk_search_scale(int n, int nmax, const float *x, const float *weights, int8_t *level)
{
    float largest = qk_farthest(n, x);
    float w[QK_GROUP_MAX];

    if (fabsf(largest) < QK_GROUP_EPS) {
        memset(level, 0, (size_t)n);
        return 0.0f;
    }
    for (int i = 0; i < n; i++)
        w[i] = weights ? weights[i] : x[i] * x[i];

    float inverse = (float)-nmax / largest;
    struct moments m = signed_moments(n, nmax, inverse, x, w);
    float scale = m.qq != 0.0f ? m.xq / m.qq : 0.0f, best = scale * m.xq;
    for (int k = -SIGNED_TRIES; k <= SIGNED_TRIES; k++) {
        float candidate = -((float)nmax + SIGNED_STEP * (float)k) / largest;
        if (k == 0)
            continue;
        m = signed_moments(n, nmax, candidate, x, w);
        if (m.qq > 0.0f && m.xq * m.xq > best * m.qq) {
            inverse = candidate;
            scale = m.xq / m.qq;
            best = scale * m.xq;
        }
    }
    for (int i = 0; i < n; i++)
        level[i] = (int8_t)(code_of(inverse * x[i], -nmax, nmax - 1) + nmax);
    return scale;
}

/* One round over the group; true when a code changed. Each code is set to the nearest of the scale
 * that the others want, and kept if sum(w x q)^2 / sum(w q q) grows. */
static bool signed_round(int n, int nmax, const float *x, int *q, struct moments *m)
{
    bool changed = false;

    for (int i = 0; i < n; i++) {
        float w = x[i] * x[i];
        struct moments rest = {m->xq - w * x[i] * (float)q[i], 0.0f};
        if (!(rest.xq > 0.0f))
            continue;
        rest.qq = m->qq - w * (float)q[i] * (float)q[i];
        int code = code_of(x[i] * rest.qq / rest.xq, -nmax, nmax - 1);
        if (code == q[i])
            continue;
        rest.xq += w * x[i] * (float)code;
        rest.qq += w * (float)code * (float)code;
        if (rest.qq > 0.0f && rest.xq * rest.xq * m->qq > m->xq * m->xq * rest.qq) {
            q[i] = code;
            *m = rest;
            changed = true;
        }
    }
    return changed;
}

float qk_search_scale_descent(int n, int nmax, const float *x, int8_t *level)
{
    int q[QK_GROUP_MAX];
    float largest = qk_farthest(n, x);
    struct moments m = {0.0f, 0.0f};

    if (fabsf(largest) < QK_GROUP_EPS) {
        memset(level, 0, (size_t)n);
        return 0.0f;
    }
    float inverse = (float)-nmax / largest;
    for (int i = 0; i < n; i++) {
        float w = x[i] * x[i];
        q[i] = code_of(inverse * x[i], -nmax, nmax - 1);
        m.xq += w * x[i] * (float)q[i];
        m.qq += w * (float)q[i] * (float)q[i];
    }
    for (int round = 0; round < DESCENT_ROUNDS; round++)
        if (!signed_round(n, nmax, x, q, &m))
            break;
    for (int i = 0; i < n; i++)
        level[i] = (int8_t)(q[i] + nmax);
    return m.qq > 0.0f ? m.xq / m.qq : 0.0f;
}

/* ---- affine ------------------------------------------------------------------------------------- */

struct line {
    float scale, min;
};

static float affine_error(const struct qk_min_search *spec, struct line line, const float *x,
                          const float *w, const int *q)
{
    float sum = 0.0f;

    for (int i = 0; i < spec->n; i++) {
        float diff = line.scale * (float)q[i] + line.min - x[i];
        sum += w[i] * (spec->use_mad ? fabsf(diff) : diff * diff);
    }
    return sum;
}

/* Levels at an inverse scale from min, and the line of least squares through them; false when all are
 * alike. A minimum above 0 becomes 0. */
static bool affine_line(const struct qk_min_search *spec, float inverse, float min, const float *x,
                        const float *w, float sum_w, float sum_x, int *q, struct line *line)
{
    float sum_q = 0.0f, sum_qq = 0.0f, sum_xq = 0.0f;

    for (int i = 0; i < spec->n; i++) {
        q[i] = code_of(inverse * (x[i] - min), 0, spec->nmax);
        float wq = w[i] * (float)q[i];
        sum_q += wq;
        sum_qq += wq * (float)q[i];
        sum_xq += wq * x[i];
    }
    float det = sum_w * sum_qq - sum_q * sum_q;
    if (!(det > 0.0f))
        return false;
    line->scale = (sum_w * sum_xq - sum_x * sum_q) / det;
    line->min = (sum_qq * sum_x - sum_q * sum_xq) / det;
    if (line->min > 0.0f) {
        line->min = 0.0f;
        line->scale = sum_xq / sum_qq;
    }
    return true;
}

float qk_search_scale_min(const struct qk_min_search *spec, const float *x, const float *weights,
                          uint8_t *level, float *min_out)
{
    const int n = spec->n, nmax = spec->nmax;
    int q[QK_GROUP_MAX], kept[QK_GROUP_MAX] = {0};
    float min = x[0], max = x[0], sum_w = weights[0], sum_x = sum_w * x[0];

    for (int i = 1; i < n; i++) {
        min = x[i] < min ? x[i] : min;
        max = x[i] > max ? x[i] : max;
        sum_w += weights[i];
        sum_x += weights[i] * x[i];
    }
    min = min > 0.0f ? 0.0f : min;
    float inverse = (float)nmax / (max - min);
    if (max == min || !isfinite(inverse)) {
        memset(level, 0, (size_t)n);
        *min_out = -min;
        return 0.0f;
    }
    struct line best = {1.0f / inverse, min}, line;
    for (int i = 0; i < n; i++)
        kept[i] = code_of(inverse * (x[i] - min), 0, nmax);
    float best_error = affine_error(spec, best, x, weights, kept);

    for (int k = 0; k <= spec->nstep; k++) {
        inverse = (spec->rmin + spec->rdelta * (float)k + (float)nmax) / (max - best.min);
        if (!affine_line(spec, inverse, best.min, x, weights, sum_w, sum_x, q, &line))
            continue;
        float error = affine_error(spec, line, x, weights, q);
        if (error < best_error) {
            memcpy(kept, q, (size_t)n * sizeof *kept);
            best_error = error;
            best = line;
        }
    }
    for (int i = 0; i < n; i++)
        level[i] = (uint8_t)kept[i];
    *min_out = -best.min;
    return best.scale;
}

/* ---- positive ----------------------------------------------------------------------------------- */

static float positive_error(int n, float scale, const float *x, const float *w, const int *q)
{
    float sum = 0.0f;

    for (int i = 0; i < n; i++) {
        float diff = x[i] - scale * (float)q[i];
        sum += w[i] * diff * diff;
    }
    return sum;
}

/* The inverse scale with the least error. */
static float positive_inverse(int n, int nmax, float largest, const float *x, const float *w)
{
    int q[QK_GROUP_MAX];
    float inverse = (float)nmax / largest;

    for (int i = 0; i < n; i++)
        q[i] = (uint8_t)qk_nearest_int(inverse * x[i]);
    float best = positive_error(n, 1.0f / inverse, x, w, q);

    for (int k = -POSITIVE_TRIES; k <= POSITIVE_TRIES; k++) {
        if (k == 0)
            continue;
        float trial = (POSITIVE_STEP * (float)k + (float)nmax) / largest;
        for (int i = 0; i < n; i++) {
            int code = qk_nearest_int(trial * x[i]);
            q[i] = code < nmax ? code : nmax;
        }
        float error = positive_error(n, 1.0f / trial, x, w, q);
        if (error < best) {
            best = error;
            inverse = trial;
        }
    }
    return inverse;
}

static bool positive_round(int n, int nmax, const float *x, const float *w, uint8_t *level,
                           struct moments *m)
{
    bool changed = false;

    for (int i = 0; i < n; i++) {
        float q = (float)level[i];
        struct moments rest = {m->xq - w[i] * x[i] * q, m->qq - w[i] * q * q};
        if (!(rest.xq > 0.0f && rest.qq > 0.0f))
            continue;
        int code = qk_nearest_int(x[i] * rest.qq / rest.xq);
        code = code < nmax ? code : nmax;
        if (code == level[i])
            continue;
        rest.xq += w[i] * x[i] * (float)code;
        rest.qq += w[i] * (float)code * (float)code;
        if (rest.xq * rest.xq * m->qq > m->xq * m->xq * rest.qq) {
            level[i] = (uint8_t)code;
            *m = rest;
            changed = true;
        }
    }
    return changed;
}

float qk_search_scale_positive(int n, int nmax, const float *x, const float *weights, uint8_t *level)
{
    float largest = 0.0f;
    struct moments m = {0.0f, 0.0f};

    for (int i = 0; i < n; i++)
        largest = largest > x[i] ? largest : x[i];
    if (largest < QK_GROUP_EPS) {
        memset(level, 0, (size_t)n);
        return 0.0f;
    }
    float inverse = positive_inverse(n, nmax, largest, x, weights);
    for (int i = 0; i < n; i++) {
        int code = qk_nearest_int(inverse * x[i]);
        code = code < nmax ? code : nmax;
        level[i] = (uint8_t)code;
        m.xq += weights[i] * x[i] * (float)code;
        m.qq += weights[i] * (float)code * (float)code;
    }
    for (int round = 0; round < DESCENT_ROUNDS; round++)
        if (!positive_round(n, nmax, x, weights, level, &m))
            break;
    return m.qq > 0.0f ? m.xq / m.qq : 0.0f;
}
