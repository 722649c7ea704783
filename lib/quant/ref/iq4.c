/* Encoders of IQ4_NL and IQ4_XS: groups of 32 on sixteen values that are not evenly spaced.
 *
 * The scale of a group is searched among inverse scales that aim the value of largest magnitude at
 * one of fifteen points around the first of the sixteen values; the values are then looked up once
 * more on the rounded scale (IQ4_XS) or the scale before rounding (IQ4_NL).
 * Results of quantize_iq4_nl and quantize_iq4_xs (7 tries), the same with and without weights but for
 * what is taken as weights.
 */
#include "lib/quant/blocks.h"
#include "lib/quant/grids.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/rows.h"
#include "lib/quant/ref/search.h"

#include <math.h>
#include <string.h>

enum { GROUP = 32, N_GROUPS = QT_SUPER / GROUP, TRIES = 7 };

/* Half way between neighbours of the sixteen values. Comparing with these is the same as comparing
 * the two (rounded) distances: near the middle both are exact, elsewhere rounding cannot turn them. */
static const float middle[15] = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
                                 7.0f,    19.0f,  31.5f,  45.5f,  61.0f,  79.0f,  101.0f};

/* Numbers of the nearest values, the higher of two equally near. */
static void nearest_levels(const float *x, float inverse, uint8_t *level)
{
    for (int i = 0; i < GROUP; i++) {
        float v = inverse * x[i];
        int n = 0;
        for (int k = 0; k < 15; k++)
            n += !(v < middle[k]);
        level[i] = (uint8_t)n;
    }
}

struct moments {
    float qx, qq; /* sum w q x, sum w q q */
};

static struct moments moments_at(const float *x, const float *w, float inverse)
{
    struct moments m = {0.0f, 0.0f};
    uint8_t level[GROUP];

    nearest_levels(x, inverse, level);
    for (int i = 0; i < GROUP; i++) {
        float q = (float)qk_iq4nl_values[level[i]];
        m.qx += w[i] * q * x[i];
        m.qq += w[i] * q * q;
    }
    return m;
}

/* Minimises sum w (x - d q)^2 over the candidates' levels; returns d, 0 when all are below 1e-15. */
static float fit_group(const float *x, const float *w)
{
    const float first = (float)qk_iq4nl_values[0], largest = qk_farthest(GROUP, x);

    if (fabsf(largest) < QK_GROUP_EPS)
        return 0.0f;
    struct moments m = moments_at(x, w, 1.0f / (-largest / first));
    float d = m.qq > 0.0f ? m.qx / m.qq : 0.0f;
    float best = d * m.qx;
    for (int k = -TRIES; k <= TRIES; k++) {
        m = moments_at(x, w, ((float)k + first) / largest);
        if (m.qq > 0.0f && m.qx * m.qx > best * m.qq) {
            d = m.qx / m.qq;
            best = d * m.qx;
        }
    }
    return d;
}

static float fit_weighted(const float *x, const float *importance, float sigma2)
{
    float w[GROUP];

    if (importance)
        qk_importance(GROUP, x, importance, sigma2, w);
    else
        for (int i = 0; i < GROUP; i++)
            w[i] = x[i] * x[i];
    return fit_group(x, w);
}

static void pack_levels(const uint8_t *level, uint8_t *qs)
{
    for (int i = 0; i < GROUP / 2; i++)
        qs[i] = (uint8_t)(level[i] | level[i + GROUP / 2] << 4);
}

/* ---- blocks ------------------------------------------------------------------------------------- */

static void encode_iq4_nl(void *dst, const float *x, const float *importance,
                          const struct qk_codebook *codebook)
{
    struct qt_block_iq4_nl *b = dst;
    uint8_t level[GROUP];
    float sigma2 = qk_sum_squares(GROUP, x) * (2.0f / (float)GROUP);
    float d = fit_weighted(x, importance, sigma2);

    (void)codebook;
    nearest_levels(x, qk_inverse(d), level);
    pack_levels(level, b->qs);
    qt_f16_store(&b->d, d);
}

QK_QUANT_WEIGHTED(iq4_nl, GROUP, encode_iq4_nl)

static void encode_iq4_xs(void *dst, const float *x, const float *importance,
                          const struct qk_codebook *codebook)
{
    struct qt_block_iq4_xs *b = dst;
    float scale[N_GROUPS];
    float sigma2 = qk_sum_squares(QT_SUPER, x) * (2.0f / (float)QT_SUPER);
    unsigned high = 0;

    (void)codebook;
    for (int j = 0; j < N_GROUPS; j++)
        scale[j] =
            fit_weighted(x + GROUP * j, importance ? importance + GROUP * j : NULL, sigma2);
    float d = -qk_farthest(N_GROUPS, scale) / 32.0f, inverse = qk_inverse(d);
    memset(b->scales_l, 0, sizeof b->scales_l);
    for (int j = 0; j < N_GROUPS; j++) {
        uint8_t level[GROUP];
        int q = qk_clamp_int(qk_nearest_int(inverse * scale[j]), -32, 31);
        nearest_levels(x + GROUP * j, qk_inverse(d * (float)q), level);
        pack_levels(level, b->qs + 16 * j);
        b->scales_l[j / 2] |= (uint8_t)(((q + 32) & 15) << 4 * (j % 2));
        high |= (unsigned)(q + 32) >> 4 << 2 * j;
    }
    gg_store_u16(&b->scales_h, (uint16_t)high);
    qt_f16_store(&b->d, d);
}

QK_QUANT_WEIGHTED(iq4_xs, QT_SUPER, encode_iq4_xs)
