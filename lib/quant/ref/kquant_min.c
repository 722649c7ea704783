/* Encoders of Q2_K, Q4_K and Q5_K: groups with a scale and a minimum (layouts: blocks.h).
 *
 * First every group is fitted alone; then the scales, and the minima, of the super-block are rounded
 * to a common F16 times small integers; last the values are rounded again on the lines that the
 * rounded scales and minima stand for. With importance weights the fits search more candidates and
 * the common scales are searched as well.
 * Results of quantize_row_q{2,4,5}_K_ref (no weights) and quantize_row_q{2,4,5}_K_impl (weights).
 */
#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/rows.h"
#include "lib/quant/ref/search.h"

#include <math.h>
#include <string.h>

struct min_type {
    struct qk_min_search plain, weighted;
    int top;        /* the largest integer for scale and minimum */
    float variance; /* with weights: times the mean square of the super-block */
    /* Codes of scales are bytes, cut off at: (only a scale that rounding made negative wraps) */
    uint8_t cut_plain, cut_weighted;
};

static const struct min_type q2_K = {{16, 3, 15, -0.5f, 0.1f, 1}, {16, 3, 36, -0.9f, 0.05f, 0},
                                     15, 1.0f, 255, 255};
static const struct min_type q4_K = {{32, 15, 20, -1.0f, 0.1f, 0}, {32, 15, 36, -0.9f, 0.05f, 0},
                                     63, 2.0f, 63, 255};
static const struct min_type q5_K = {{32, 31, 15, -0.5f, 0.1f, 0}, {32, 31, 36, -0.9f, 0.05f, 0},
                                     63, 2.0f, 63, 63};

struct groups {
    int n; /* groups: 8 or 16 */
    float scale[16], min[16];
    float mass[16]; /* sum of a group's weights; only with importance weights */
    uint8_t level[QT_SUPER];
    uint16_t d, dmin; /* F16 */
    uint8_t scale_code[16], min_code[16];
};

/* ---- fitting ------------------------------------------------------------------------------------ */

/* Without importance the larger values count more: |x|, for longer groups over their level. */
static void plain_weights(int n, const float *x, float *w)
{
    float level = n == 32 ? sqrtf(qk_sum_squares(n, x) / 32.0f) : 0.0f;

    for (int i = 0; i < n; i++)
        w[i] = level + fabsf(x[i]);
}

static void fit_plain(const struct min_type *t, const float *x, struct groups *g)
{
    const int n = t->plain.n;
    float w[QK_GROUP_MAX];

    for (int j = 0; j < g->n; j++) {
        plain_weights(n, x + n * j, w);
        g->scale[j] =
            qk_search_scale_min(&t->plain, x + n * j, w, g->level + n * j, &g->min[j]);
    }
}

static void fit_weighted(const struct min_type *t, const float *x, const float *importance,
                         struct groups *g)
{
    const int n = t->weighted.n;
    float sigma2 = t->variance * qk_sum_squares(QT_SUPER, x) / (float)QT_SUPER;
    float w[QK_GROUP_MAX];

    for (int j = 0; j < g->n; j++) {
        qk_importance(n, x + n * j, importance + n * j, sigma2, w);
        g->mass[j] = 0.0f;
        for (int i = 0; i < n; i++)
            g->mass[j] += w[i];
        g->scale[j] =
            qk_search_scale_min(&t->weighted, x + n * j, w, g->level + n * j, &g->min[j]);
    }
}

/* ---- common scales ------------------------------------------------------------------------------ */

static uint8_t cut(uint8_t code, uint8_t max)
{
    return code < max ? code : max;
}

/* The largest becomes top. Returns the common scale as F16. */
static uint16_t common_plain(const struct min_type *t, int n, const float *v, uint8_t *code)
{
    float max = 0.0f;

    for (int j = 0; j < n; j++)
        max = v[j] > max ? v[j] : max;
    float inverse = (float)t->top / max;
    if (!isfinite(inverse))
        inverse = 0.0f; /* too small for any F16: the codes are 0 as d is */
    for (int j = 0; j < n; j++)
        code[j] = cut((uint8_t)qk_nearest_int(inverse * v[j]), t->cut_plain);
    return qt_f16_from_f32(max / (float)t->top);
}

static uint16_t common_weighted(const struct min_type *t, int n, const float *v, const float *mass,
                                uint8_t *code)
{
    float d = qk_search_scale_positive(n, t->top, v, mass, code);

    for (int j = 0; j < n; j++)
        code[j] = cut(code[j], t->cut_weighted);
    return qt_f16_from_f32(d);
}

static void fit(const struct min_type *t, const float *x, const float *importance,
                struct groups *g)
{
    g->n = QT_SUPER / t->plain.n;
    if (importance) {
        fit_weighted(t, x, importance, g);
        g->d = common_weighted(t, g->n, g->scale, g->mass, g->scale_code);
        g->dmin = common_weighted(t, g->n, g->min, g->mass, g->min_code);
    } else {
        fit_plain(t, x, g);
        g->d = common_plain(t, g->n, g->scale, g->scale_code);
        g->dmin = common_plain(t, g->n, g->min, g->min_code);
    }
}

/* Rounds the values of one group again; with d 0 the levels of its own fit stay. */
static void round_group(const struct min_type *t, const float *x, float d, float min,
                        uint8_t *level)
{
    if (d == 0.0f)
        return;
    for (int i = 0; i < t->plain.n; i++)
        level[i] = (uint8_t)qk_clamp_int(qk_nearest_int((x[i] + min) / d), 0, t->plain.nmax);
}

/* ---- Q2_K --------------------------------------------------------------------------------------- */

static void encode_q2_K(void *dst, const float *x, const float *importance,
                        const struct qk_codebook *codebook)
{
    struct qt_block_q2_K *b = dst;
    struct groups g;

    (void)codebook;
    fit(&q2_K, x, importance, &g);
    float d = qt_f32_from_f16(g.d), dmin = qt_f32_from_f16(g.dmin);
    for (int j = 0; j < g.n; j++) {
        uint8_t s = (uint8_t)(g.scale_code[j] | g.min_code[j] << 4);
        b->scales[j] = s;
        round_group(&q2_K, x + 16 * j, d * (float)(s & 15), dmin * (float)(s >> 4),
                    g.level + 16 * j);
    }
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < 32; i++) {
            const uint8_t *q = g.level + 128 * h + i;
            b->qs[32 * h + i] = (uint8_t)(q[0] | q[32] << 2 | q[64] << 4 | q[96] << 6);
        }
    gg_store_u16(&b->d, g.d);
    gg_store_u16(&b->dmin, g.dmin);
}

QK_QUANT_WEIGHTED(q2_K, QT_SUPER, encode_q2_K)

/* ---- Q4_K and Q5_K ------------------------------------------------------------------------------ */

static void pack_scale_min(const struct groups *g, uint8_t p[12])
{
    for (int j = 0; j < 4; j++) {
        uint8_t s = g->scale_code[j + 4], m = g->min_code[j + 4];
        p[j] = (uint8_t)(g->scale_code[j] | s >> 4 << 6);
        p[j + 4] = (uint8_t)(g->min_code[j] | m >> 4 << 6);
        p[j + 8] = (uint8_t)((s & 15) | (m & 15) << 4);
    }
}

/* Fits and fills scales; the final levels are left in g. */
static void fit_packed(const struct min_type *t, const float *x, const float *importance,
                       struct groups *g, uint8_t scales[12])
{
    fit(t, x, importance, g);
    float d = qt_f32_from_f16(g->d), dmin = qt_f32_from_f16(g->dmin);
    pack_scale_min(g, scales);
    for (int j = 0; j < g->n; j++) {
        int s, m;
        qk_unpack_scale_min(scales, j, &s, &m);
        round_group(t, x + 32 * j, d * (float)s, dmin * (float)m, g->level + 32 * j);
    }
}

static void encode_q4_K(void *dst, const float *x, const float *importance,
                        const struct qk_codebook *codebook)
{
    struct qt_block_q4_K *b = dst;
    struct groups g;

    (void)codebook;
    fit_packed(&q4_K, x, importance, &g, b->scales);
    for (int p = 0; p < 4; p++)
        for (int i = 0; i < 32; i++) {
            const uint8_t *q = g.level + 64 * p + i;
            b->qs[32 * p + i] = (uint8_t)(q[0] | q[32] << 4);
        }
    gg_store_u16(&b->d, g.d);
    gg_store_u16(&b->dmin, g.dmin);
}

QK_QUANT_WEIGHTED(q4_K, QT_SUPER, encode_q4_K)

static void encode_q5_K(void *dst, const float *x, const float *importance,
                        const struct qk_codebook *codebook)
{
    struct qt_block_q5_K *b = dst;
    struct groups g;

    (void)codebook;
    fit_packed(&q5_K, x, importance, &g, b->scales);
    memset(b->qh, 0, sizeof b->qh);
    for (int p = 0; p < 4; p++)
        for (int i = 0; i < 32; i++) {
            const uint8_t *q = g.level + 64 * p + i;
            b->qs[32 * p + i] = (uint8_t)((q[0] & 15) | (q[32] & 15) << 4);
            b->qh[i] |= (uint8_t)((q[0] >> 4 | q[32] >> 4 << 1) << 2 * p);
        }
    gg_store_u16(&b->d, g.d);
    gg_store_u16(&b->dmin, g.dmin);
}

QK_QUANT_WEIGHTED(q5_K, QT_SUPER, encode_q5_K)
