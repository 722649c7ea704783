/* Search for the scales of the codebook types, on the grid points that the standard search found.
 *
 * All store a group's scale as d * (2 code + 1). On given points (a block decoded with d = 1 and all
 * codes 0) the error is a square in each group's scale, so that the best codes for a common scale, and
 * the best common scale for codes, are known; many common scales are tried. Squares here include what
 * points along the values (QK_ALONG): at so few bits the scales of least squares shrink them too much.
 */
#include "lib/quant/half.h"
#include "lib/quant/ref/best.h"
#include "lib/quant/ref/best_levels.h"

/* sum w x x, sum w x p, sum w p p over a group's points p, and the scale that costs least. */
struct fit {
    float xx, xp, pp, scale;
};

struct state {
    float d, gain;
    float code[QK_BEST_GROUPS];
};

/* The scale with the least sum w (x - scale p)^2 + QK_ALONG (sum w x (x - scale p))^2 / sum w x^2. */
static float scale_along(float xx, float xp, float pp)
{
    return qk_finite_ratio(xp * (1.0f + QK_ALONG), pp + QK_ALONG * qk_finite_ratio(xp * xp, xx));
}

static void fit_groups(const struct qk_grid_search *t, const float *x, const float *w,
                       const float *point, struct fit *fit)
{
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        float xx = 0.0f, xp = 0.0f, pp = 0.0f;
        for (int i = t->n * g; i < t->n * (g + 1); i++) {
            float wp = w[i] * point[i];
            xx += w[i] * x[i] * x[i];
            xp += wp * x[i];
            pp += wp * point[i];
        }
        fit[g] = (struct fit){xx, xp, pp, scale_along(xx, xp, pp)};
    }
}

/* The best codes for s->d, and by how much that sum falls from sum w x^2. Returns the best d for them. */
static float choose_codes(const struct qk_grid_search *t, const struct fit *fit, struct state *s)
{
    float half = 0.5f * qk_level_inverse(s->d), num = 0.0f, den = 0.0f, xx = 0.0f, along = 0.0f;

    s->gain = 0.0f;
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        float code = qk_nearest(qk_clamp(fit[g].scale * half - 0.5f, 0.0f, (float)t->top));
        float times = 2.0f * code + 1.0f, scale = s->d * times;
        s->code[g] = code;
        s->gain += scale * (2.0f * fit[g].xp - scale * fit[g].pp);
        num += times * fit[g].xp;
        den += times * times * fit[g].pp;
        xx += fit[g].xx;
        along += fit[g].xx - scale * fit[g].xp;
    }
    s->gain -= QK_ALONG * qk_finite_ratio(along * along, xx);
    return qk_through_f16(scale_along(xx, num, den));
}

static struct state choose_common(const struct qk_grid_search *t, const struct fit *fit, float d)
{
    struct state best = {.d = d}, s;
    float largest = 0.0f;

    d = choose_codes(t, fit, &best);
    for (int g = 0; g < t->type.nelems / t->n; g++)
        largest = largest > fit[g].scale ? largest : fit[g].scale;
    for (int k = -1; k < QK_GRID_COMMON; k++) {
        s.d = k < 0 ? d : qk_through_f16(largest / qk_grid_divisor(t, k));
        for (int round = 0; round < QK_GRID_ROUNDS; round++) {
            d = choose_codes(t, fit, &s);
            if (s.gain > best.gain)
                best = s;
            s.d = d;
        }
    }
    return best;
}

static void improve_block(const struct qk_grid_search *t, const struct qk_kernel *kernel,
                          void *block, const float *x, const float *w)
{
    uint8_t other[QK_BEST_NBYTES];
    float point[QK_BEST_NELEMS];
    struct fit fit[QK_BEST_GROUPS];
    struct qk_scales s;

    t->type.read(block, &s);
    qk_unit_block(&t->type, block, other);
    kernel->dequant(point, other, 1);
    fit_groups(t, x, w, point, fit);
    struct state best = choose_common(t, fit, qt_f32_from_f16(s.d));
    s.d = qt_f16_from_f32(best.d);
    for (int g = 0; g < t->type.nelems / t->n; g++)
        s.scale[g] = (int16_t)best.code[g];
    t->type.write(other, NULL, &s);
    qk_take_better(kernel, &t->type, block, other, x, w);
}

QK_IMPROVE(iq2_xxs)
QK_IMPROVE(iq2_xs)
QK_IMPROVE(iq2_s)
QK_IMPROVE(iq3_xxs)
QK_IMPROVE(iq3_s)
QK_IMPROVE(iq1_s)
QK_IMPROVE(iq1_m)
