/* Search for the scales and minima of types that have both: x ~ scale * level - min.
 *
 * A group is fitted first: from the standard's line and from lines that end a little inside or outside
 * the range of the values, levels and the line of least squares take two turns; the line that explains
 * most stays. A super-block then gets its common scale and its common minimum: by what the fits say of
 * lines near theirs, the best few scales, and of these the one that goes best with a minimum. Their
 * numbers of least squares follow, and then each group's codes and levels once more.
 */
#include "lib/quant/half.h"
#include "lib/quant/ref/best.h"
#include "lib/quant/ref/best_levels.h"

struct line {
    float scale, min;
};

/* A group's values: sums that don't depend on levels, and its range. */
struct given {
    const float *x, *w;
    float sw, sx, lo, hi;
    float xx, x1, along; /* sum w x^2, sum w x, t->along over the first */
};

/* Levels: sums w q, w q q, w x q. */
struct sums {
    float q, qq, xq;
};

/* A line with the sums of the levels that it was fitted to; gain is by how much sum w x^2 falls. */
struct fit {
    struct line line;
    struct sums s;
    float gain;
};

static float level_of(const struct qk_line_search *t, float v)
{
    return qk_nearest(qk_clamp(v, 0.0f, (float)t->nmax));
}

static struct given look_at(const struct qk_line_search *t, const float *x, const float *w)
{
    struct given g = {.x = x, .w = w, .lo = x[0], .hi = x[0]};

    for (int i = 0; i < t->n; i++) {
        g.lo = x[i] < g.lo ? x[i] : g.lo;
        g.hi = x[i] > g.hi ? x[i] : g.hi;
        g.sw += w[i];
        g.x1 += w[i] * x[i];
        g.xx += w[i] * x[i] * x[i];
    }
    g.along = qk_finite_ratio(t->along, g.xx);
    g.sw += g.along * (g.x1 * g.x1);
    g.sx = (1.0f + t->along) * g.x1;
    if (t->top != 0) /* minima are not negative: the range begins at 0 or below */
        g.lo = g.lo < 0.0f ? g.lo : 0.0f;
    return g;
}

/* What is made least is sum w e^2 + along (sum w x e)^2 / sum w x^2, e = x - line (QK_ALONG says why). It
 * is the square of least squares still, with other sums: these, and sw and sx of look_at. */
static struct sums sums_along(const struct qk_line_search *t, const struct given *g, struct sums s)
{
    float more = g->along * s.xq;

    return (struct sums){s.q + more * g->x1, s.qq + more * s.xq, (1.0f + t->along) * s.xq};
}

static struct sums sums_at(const struct qk_line_search *t, const struct given *g, struct line l)
{
    float inverse = qk_level_inverse(l.scale);
    struct sums s = {0.0f, 0.0f, 0.0f};

    for (int i = 0; i < t->n; i++) {
        float q = level_of(t, (g->x[i] + l.min) * inverse), wq = g->w[i] * q;
        s.q += wq;
        s.qq += wq * q;
        s.xq += wq * g->x[i];
    }
    return sums_along(t, g, s);
}

/* What a line explains with given levels. */
static float gain_of(const struct given *g, const struct sums *s, struct line l)
{
    float by_scale = l.scale * (2.0f * s->xq - l.scale * s->qq);
    float by_min = l.min * (2.0f * (l.scale * s->q - g->sx) - l.min * g->sw);

    return by_scale + by_min;
}

/* The line of least squares; false when levels are all alike. */
static bool fit_line(const struct qk_line_search *t, const struct given *g, const struct sums *s,
                     struct line *l)
{
    float det = g->sw * s->qq - s->q * s->q;

    if (!(det > 0.0f))
        return false;
    float inverse = 1.0f / det;
    l->scale = (g->sw * s->xq - g->sx * s->q) * inverse;
    l->min = (s->q * s->xq - s->qq * g->sx) * inverse;
    if (t->top != 0 && l->min < 0.0f) {
        l->min = 0.0f;
        l->scale = s->xq / s->qq;
    }
    return true;
}

/* Levels and line in turns. */
static void try_line(const struct qk_line_search *t, const struct given *g, struct line l,
                     struct fit *best)
{
    for (int k = 0; k < t->rounds; k++) {
        struct sums s = sums_at(t, g, l);
        if (!fit_line(t, g, &s, &l))
            return;
        float gain = gain_of(g, &s, l);
        if (gain > best->gain)
            *best = (struct fit){l, s, gain};
    }
}

static void fit_group(const struct qk_line_search *t, const struct given *g, struct line standard,
                      struct fit *best)
{
    const float step = (g->hi - g->lo) / (float)t->nmax;

    best->line = standard;
    best->s = sums_at(t, g, standard);
    best->gain = gain_of(g, &best->s, standard);
    try_line(t, g, standard, best);
    for (int k = 0; k < t->n_ends * t->n_ends; k++) {
        float lo = g->lo + step * (t->from + t->step * (float)(k % t->n_ends));
        float hi = g->hi - step * (t->from + t->step * (float)(k / t->n_ends));
        try_line(t, g, (struct line){(hi - lo) / (float)t->nmax, -lo}, best);
    }
    for (int k = t->rounds; k < QK_LINE_ROUNDS; k++)
        try_line(t, g, best->line, best);
}

/* ---- common numbers ----------------------------------------------------------------------------- */

struct state {
    float d, dmin;
    float scale[QK_BEST_GROUPS], min[QK_BEST_GROUPS]; /* codes */
};

static float code_of(const struct qk_line_search *t, float v)
{
    return qk_nearest(qk_clamp(v, 0.0f, (float)t->top));
}

/* The minimum that fits a scale and levels, not negative. */
static float min_of(const struct given *g, const struct sums *s, float scale)
{
    float min = qk_finite_ratio(scale * s->q - g->sx, g->sw);

    return min > 0.0f ? min : 0.0f;
}

/* The codes of the groups' scales for a common one, and what they explain if minima may be any. */
static float scale_codes(const struct qk_line_search *t, const struct given *g, const struct fit *fit,
                         float d, float *code)
{
    float inverse = qk_level_inverse(d), gain = 0.0f;

    for (int j = 0; j < t->type.nelems / t->n; j++) {
        code[j] = code_of(t, inverse * fit[j].line.scale);
        float scale = d * code[j], min = min_of(&g[j], &fit[j].s, scale);
        gain += gain_of(&g[j], &fit[j].s, (struct line){scale, min});
    }
    return gain;
}

/* The common scales that explain most in this way, the best first. */
static void common_scales(const struct qk_line_search *t, const struct given *g,
                          const struct fit *fit, float d[QK_LINE_KEPT])
{
    float largest = 0.0f, code[QK_BEST_GROUPS], gain[QK_LINE_KEPT];

    for (int i = 0; i < QK_LINE_KEPT; i++) {
        d[i] = 0.0f;
        gain[i] = -INFINITY;
    }
    for (int j = 0; j < t->type.nelems / t->n; j++)
        largest = largest > fit[j].line.scale ? largest : fit[j].line.scale;
    for (int k = 0; k < t->n_common; k++) {
        float trial = largest / qk_line_divisor(t, k);
        float explains = scale_codes(t, g, fit, trial, code);
        for (int i = 0; i < QK_LINE_KEPT; i++) {
            if (!(explains > gain[i]))
                continue;
            float next = d[i], next_gain = gain[i];
            d[i] = trial, gain[i] = explains;
            trial = next, explains = next_gain;
        }
    }
}

/* The common minimum that costs least beside the scales of a state, with its codes. Returns its cost. */
static float common_min(const struct qk_line_search *t, const struct given *g, const struct fit *fit,
                        struct state *s)
{
    const int n = t->type.nelems / t->n;
    float min[QK_BEST_GROUPS], largest = 0.0f, least = INFINITY;

    s->dmin = 0.0f;
    for (int j = 0; j < n; j++) {
        min[j] = min_of(&g[j], &fit[j].s, s->d * s->scale[j]);
        largest = largest > min[j] ? largest : min[j];
    }
    for (int k = 0; k < t->n_common; k++) {
        float dmin = largest / qk_line_divisor(t, k);
        float inverse = qk_level_inverse(dmin), cost = 0.0f;
        for (int j = 0; j < n; j++) {
            float diff = min[j] - dmin * code_of(t, inverse * min[j]);
            cost += g[j].sw * (diff * diff);
        }
        if (cost < least) {
            least = cost;
            s->dmin = dmin;
        }
    }
    for (int j = 0; j < n; j++)
        s->min[j] = code_of(t, qk_level_inverse(s->dmin) * min[j]);
    return least;
}

/* d and dmin of least squares with codes and the levels of the fits; when the two can't be told apart,
 * or one would be negative, d alone. */
static void fit_common(const struct qk_line_search *t, const struct given *g, const struct fit *fit,
                       struct state *s)
{
    float dd = 0.0f, dm = 0.0f, mm = 0.0f, xd = 0.0f, xm = 0.0f;

    for (int j = 0; j < t->type.nelems / t->n; j++) {
        dd += s->scale[j] * s->scale[j] * fit[j].s.qq;
        dm += s->scale[j] * s->min[j] * fit[j].s.q;
        mm += s->min[j] * s->min[j] * g[j].sw;
        xd += s->scale[j] * fit[j].s.xq;
        xm += s->min[j] * g[j].sx;
    }
    float det = dd * mm - dm * dm;
    float d = (mm * xd - dm * xm) / det, dmin = (dm * xd - dd * xm) / det;
    bool both = det > 1e-5f * (dd * mm) && d > 0.0f && dmin > 0.0f;
    if (!both) {
        dmin = s->dmin;
        d = qk_finite_ratio(xd + dmin * dm, dd);
    }
    s->d = qk_through_f16(d);
    s->dmin = qk_through_f16(dmin);
}

/* The group's codes become the best of what they are, the scale below, the scale above and the line of
 * least squares through its levels, each with the minimum that fits. */
static void turn_group(const struct qk_line_search *t, const struct given *g, struct state *s, int j)
{
    const float was = s->scale[j];
    float scale[3] = {was - 1.0f, was + 1.0f, was};
    struct line l = {s->d * was, s->dmin * s->min[j]};
    struct sums base = sums_at(t, g, l), other;
    float most = gain_of(g, &base, l);

    if (fit_line(t, g, &base, &l))
        scale[2] = code_of(t, qk_finite_ratio(l.scale, s->d));
    for (int k = 0; k < 3; k++) {
        float c = qk_clamp(scale[k], 0.0f, (float)t->top);
        float m = code_of(t, qk_finite_ratio(min_of(g, &base, s->d * c), s->dmin));
        l = (struct line){s->d * c, s->dmin * m};
        other = sums_at(t, g, l);
        float gain = gain_of(g, &other, l);
        if (gain > most) {
            most = gain;
            s->scale[j] = c;
            s->min[j] = m;
        }
    }
}

static void choose_common(const struct qk_line_search *t, const struct given *g,
                          const struct fit *fit, struct qk_scales *scales)
{
    const int n = t->type.nelems / t->n;
    struct state best = {0}, s;
    float d[QK_LINE_KEPT], most = -INFINITY;

    common_scales(t, g, fit, d);
    for (int i = 0; i < QK_LINE_KEPT; i++) {
        s.d = d[i];
        float gain = scale_codes(t, g, fit, s.d, s.scale);
        gain -= common_min(t, g, fit, &s);
        if (gain > most) {
            most = gain;
            best = s;
        }
    }
    fit_common(t, g, fit, &best);
    for (int j = 0; j < n; j++)
        turn_group(t, &g[j], &best, j);
    scales->d = qt_f16_from_f32(best.d);
    scales->dmin = qt_f16_from_f32(best.dmin);
    for (int j = 0; j < n; j++) {
        scales->scale[j] = (int16_t)best.scale[j];
        scales->min[j] = (int16_t)best.min[j];
    }
}

/* ---- blocks ------------------------------------------------------------------------------------- */

static void write_block(const struct qk_line_search *t, void *block, const float *x,
                        const struct qk_scales *s)
{
    uint8_t level[QK_BEST_NELEMS];

    for (int i = 0; i < t->type.nelems; i++) {
        float scale, min;
        qk_group_line(t, s, i / t->n, &scale, &min);
        level[i] = (uint8_t)(int)level_of(t, (x[i] + min) * qk_level_inverse(scale));
    }
    t->type.write(block, level, s);
}

static void improve_block(const struct qk_line_search *t, const struct qk_kernel *kernel,
                          void *block, const float *x, const float *w)
{
    uint8_t other[QK_BEST_NBYTES];
    struct given g[QK_BEST_GROUPS];
    struct fit fit[QK_BEST_GROUPS];
    struct qk_scales s;

    t->type.read(block, &s);
    for (int j = 0; j < t->type.nelems / t->n; j++) {
        struct line standard;
        qk_group_line(t, &s, j, &standard.scale, &standard.min);
        g[j] = look_at(t, x + t->n * j, w + t->n * j);
        fit_group(t, &g[j], standard, &fit[j]);
    }
    if (t->top != 0) {
        choose_common(t, g, fit, &s);
    } else {
        s.d = qt_f16_from_f32(fit[0].line.scale);
        s.dmin = qt_f16_from_f32(-fit[0].line.min);
    }
    write_block(t, other, x, &s);
    qk_take_better(kernel, &t->type, block, other, x, w);
}

QK_IMPROVE(q4_1)
QK_IMPROVE(q5_1)
QK_IMPROVE(q2_K)
QK_IMPROVE(q4_K)
QK_IMPROVE(q5_K)
