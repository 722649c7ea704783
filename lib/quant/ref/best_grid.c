/* Search for the scales and grid points of the codebook types.
 *
 * All store a group's scale as d * (2 code + 1). On given points (a block decoded with d = 1 and all
 * codes 0) the error is a square in each group's scale, so that the best codes for a common scale, and
 * the best common scale for codes, are known; many common scales are tried. Squares here include what
 * points along the values (QK_ALONG): at so few bits the scales of least squares shrink them too much.
 *
 * So scales are fitted to the points that the standard search found. Then, with d as it is, each group
 * tries the codes around its own, with the best points of the whole grid for each; and scales are
 * fitted once more, to those points. What points along the values is one square over the block: at
 * a given shrinking it adds a multiple of sum w x e to that sum w e^2, e = x - s p, and what is to be
 * made least is sum w (m x - s p)^2 with an m a little above 1.
 */
#include "lib/quant/half.h"
#include "lib/quant/ref/best.h"
#include "lib/quant/ref/best_levels.h"

#include <string.h>

/* sum w x x, sum w x p, sum w p p over a group's points p, and the scale that costs least. */
struct fit {
    float xx, xp, pp, scale;
};

struct state {
    float d, gain;
    float code[QK_BEST_GROUPS];
};

/* The scale with the least sum w (x - scale p)^2 + along (sum w x (x - scale p))^2 / sum w x^2. */
static float scale_along(float along, float xx, float xp, float pp)
{
    return qk_finite_ratio(xp * (1.0f + along), pp + along * qk_finite_ratio(xp * xp, xx));
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
        fit[g] = (struct fit){xx, xp, pp, scale_along(t->along, xx, xp, pp)};
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
    s->gain -= t->along * qk_finite_ratio(along * along, xx);
    return qk_through_f16(scale_along(t->along, xx, num, den));
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

/* ---- points anew -------------------------------------------------------------------------------- */

/* A group: its magnitudes, one of eight negative where signs must be even and are not. */
struct group {
    float x[32];
    const float *w;
    uint8_t signs[4];
};

/* Turns the sign of the value whose turning costs least beside points that are all alike. */
static void split_signs(const struct qk_grid *t, const float *x, const float *w, float *magnitude,
                        uint8_t *signs)
{
    float least = INFINITY;
    int at = 0;
    unsigned bits = 0, odd = 0;

    for (int i = 0; i < 8; i++) {
        bool minus = !(x[i] >= 0.0f);
        magnitude[i] = minus ? -x[i] : x[i];
        bits |= (unsigned)minus << i;
        odd ^= minus;
        if (w[i] * magnitude[i] < least) {
            least = w[i] * magnitude[i];
            at = i;
        }
    }
    if (t->even && odd) {
        magnitude[at] = -magnitude[at];
        bits ^= 1u << at;
    }
    *signs = (uint8_t)bits;
}

/* sum w p p and sum w x p of all points there are, by row. */
struct sums {
    float pp[QK_GRID_ROWS], xp[QK_GRID_ROWS];
};

/* Their parts over half a row, by its code. */
static void sum_half(const struct qk_grid *t, const float *x, const float *w, float *pp, float *xp)
{
    const int half = t->dims / 2, mask = (1 << t->bits) - 1;

    for (int code = 0; code < 1 << t->bits * half; code++) {
        pp[code] = xp[code] = 0.0f;
        for (int i = 0; i < half; i++) {
            float v = t->value[code >> t->bits * i & mask], wv = w[i] * v;
            pp[code] += wv * v;
            xp[code] += wv * x[i];
        }
    }
}

static void sum_rows(const struct qk_grid *t, const float *x, const float *w, struct sums *s)
{
    const int half = t->dims / 2, bits = t->bits * half;
    float pp[2][QK_HALF_CODES], xp[2][QK_HALF_CODES];

    for (int h = 0; h < 2; h++)
        sum_half(t, x + half * h, w + half * h, pp[h], xp[h]);
    for (int r = 0; r < t->n_rows; r++) {
        int first = t->row[r] & ((1 << bits) - 1), second = t->row[r] >> bits;
        s->pp[r] = pp[0][first] + pp[1][second];
        s->xp[r] = xp[0][first] + xp[1][second];
    }
}

/* What a scale costs a group, but for sum w x^2 and a factor, and the points for it. */
struct choice {
    float cost, pp, xp;
    uint16_t row[QK_GROUP_POINTS];
};

/* sum w (x - s p)^2 = sum w x^2 + 2 s (s / 2 pp - xp): adds the least there is of the bracket. */
static void choose_row(const struct qk_grid *t, const struct sums *s, float half, struct choice *c,
                       int point)
{
    float least = INFINITY;
    int row = 0;

    for (int r = 0; r < t->n_rows; r++) {
        float cost = half * s->pp[r] - s->xp[r];
        if (cost < least) {
            least = cost;
            row = r;
        }
    }
    c->cost += least;
    c->pp += s->pp[row];
    c->xp += s->xp[row];
    c->row[point] = (uint16_t)row;
}

/* Chooses a group's points for the best of the codes around its own. more: the m of above. */
static void choose_points(const struct qk_grid_search *t, const struct group *g, float d, float more,
                          float code, struct fit *fit, uint16_t *row)
{
    const int dims = t->grid->dims, n = t->n / dims;
    float scale[QK_GRID_CODES], least = INFINITY;
    struct choice choice[QK_GRID_CODES] = {{0}};
    struct sums s;

    for (int k = 0; k < QK_GRID_CODES; k++)
        scale[k] = d * (2.0f * qk_clamp(code + (float)(k - QK_GRID_CODES / 2), 0.0f, (float)t->top) + 1.0f);
    for (int p = 0; p < n; p++) {
        sum_rows(t->grid, g->x + dims * p, g->w + dims * p, &s);
        for (int k = 0; k < QK_GRID_CODES; k++)
            choose_row(t->grid, &s, scale[k] * (0.5f / more), &choice[k], p);
    }
    const struct choice *best = &choice[0];
    for (int k = 0; k < QK_GRID_CODES; k++)
        if (scale[k] * choice[k].cost < least) {
            least = scale[k] * choice[k].cost;
            best = &choice[k];
        }
    memcpy(row, best->row, (size_t)n * sizeof *row);
    fit->xp = best->xp;
    fit->pp = best->pp;
    fit->scale = scale_along(t->along, fit->xx, fit->xp, fit->pp);
}

/* How much more than x its points should be, so that what points along the values counts: 1 + along
 * times by how much they fall short of it. */
static float more_than(const struct qk_grid_search *t, const struct fit *fit, const struct state *s)
{
    float xx = 0.0f, lost = 0.0f;

    for (int g = 0; g < t->type.nelems / t->n; g++) {
        xx += fit[g].xx;
        lost += fit[g].xx - s->d * (2.0f * s->code[g] + 1.0f) * fit[g].xp;
    }
    return qk_clamp(1.0f + t->along * qk_finite_ratio(lost, xx), 0.5f, 2.0f);
}

/* False when that does not help. */
static bool look_again(const struct qk_grid_search *t, const float *x, const float *w,
                       const struct fit *fit, struct state *best, struct qk_points *points)
{
    const int n = t->n / t->grid->dims;
    const float more = more_than(t, fit, best);
    struct fit anew[QK_BEST_GROUPS];

    for (int j = 0; j < t->type.nelems / t->n; j++) {
        struct group g = {.w = w + t->n * j};
        for (int i = 0; i < t->n; i += 8)
            split_signs(t->grid, x + t->n * j + i, g.w + i, g.x + i, g.signs + i / 8);
        anew[j] = fit[j];
        choose_points(t, &g, best->d, more, best->code[j], &anew[j], points->row + n * j);
        memcpy(points->signs + t->n / 8 * j, g.signs, (size_t)t->n / 8);
    }
    struct state s = choose_common(t, anew, best->d);
    if (!(s.gain > best->gain))
        return false;
    *best = s;
    return true;
}

/* ---- blocks ------------------------------------------------------------------------------------- */

static void improve_block(const struct qk_grid_search *t, const struct qk_kernel *kernel,
                          void *block, const float *x, const float *w)
{
    uint8_t other[QK_BEST_NBYTES];
    float point[QK_BEST_NELEMS];
    struct fit fit[QK_BEST_GROUPS];
    struct qk_points points;
    struct qk_scales s;

    t->type.read(block, &s);
    qk_unit_block(&t->type, block, other);
    kernel->dequant(point, other, 1);
    fit_groups(t, x, w, point, fit);
    struct state best = choose_common(t, fit, qt_f32_from_f16(s.d));
    if (t->grid != NULL && look_again(t, x, w, fit, &best, &points))
        t->grid->put(other, &points);
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
