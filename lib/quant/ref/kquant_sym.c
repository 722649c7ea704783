/* Encoders of Q3_K and Q6_K: groups of 16 with a signed scale (layouts: blocks.h).
 *
 * Each group is fitted alone, the scales of the super-block are rounded to a common F16 times small
 * integers, and the values are rounded again on the rounded scales.
 * Results of quantize_row_q{3,6}_K_ref (no weights) and quantize_row_q{3,6}_K_impl (weights).
 */
#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/rows.h"
#include "lib/quant/ref/search.h"

#include <math.h>
#include <string.h>

enum { N_GROUPS = 16, GROUP = 16 };

/* Rounds a group again on scale d; with d 0 the levels of its own fit stay. */
static void round_group(int nmax, const float *x, float d, int8_t *level)
{
    if (d == 0.0f)
        return;
    for (int i = 0; i < GROUP; i++)
        level[i] = (int8_t)(qk_clamp_int(qk_nearest_int(x[i] / d), -nmax, nmax - 1) + nmax);
}

/* ---- Q3_K --------------------------------------------------------------------------------------- */

/* Fits with weights x^2, the scale of largest magnitude becoming -32. Returns d. */
static float fit_q3_plain(const float *x, int8_t *level, int8_t *code)
{
    float scale[N_GROUPS];

    for (int j = 0; j < N_GROUPS; j++)
        scale[j] = qk_search_scale_descent(GROUP, 4, x + GROUP * j, level + GROUP * j);
    float largest = qk_farthest(N_GROUPS, scale);
    if (largest == 0.0f) {
        memset(code, 0, N_GROUPS);
        return 0.0f;
    }
    float inverse = -32.0f / largest;
    for (int j = 0; j < N_GROUPS; j++) {
        int8_t q = (int8_t)qk_nearest_int(inverse * scale[j]);
        code[j] = (int8_t)(qk_clamp_int(q, -32, 31) + 32);
    }
    return 1.0f / inverse;
}

static float fit_q3_weighted(const float *x, const float *importance, int8_t *level, int8_t *code)
{
    float sigma2 = 2.0f * qk_sum_squares(QT_SUPER, x) / (float)QT_SUPER;
    float scale[N_GROUPS], mass[N_GROUPS], w[GROUP];

    for (int j = 0; j < N_GROUPS; j++) {
        qk_importance(GROUP, x + GROUP * j, importance + GROUP * j, sigma2, w);
        mass[j] = 0.0f;
        for (int i = 0; i < GROUP; i++)
            mass[j] += w[i];
        scale[j] = qk_search_scale(GROUP, 4, x + GROUP * j, w, level + GROUP * j);
    }
    return qk_search_scale(N_GROUPS, 32, scale, mass, code);
}

static void pack_scale6(const int8_t *code, uint8_t p[12])
{
    memset(p, 0, 12);
    for (int j = 0; j < N_GROUPS; j++) {
        p[j % 8] |= (uint8_t)((code[j] & 15) << (j < 8 ? 0 : 4));
        p[8 + j % 4] |= (uint8_t)(code[j] >> 4 << 2 * (j / 4));
    }
}

static void encode_q3_K(void *dst, const float *x, const float *importance,
                        const struct qk_codebook *codebook)
{
    struct qt_block_q3_K *b = dst;
    int8_t level[QT_SUPER], code[N_GROUPS];

    (void)codebook;
    uint16_t d = qt_f16_from_f32(importance ? fit_q3_weighted(x, importance, level, code)
                                            : fit_q3_plain(x, level, code));
    pack_scale6(code, b->scales);
    for (int j = 0; j < N_GROUPS; j++)
        round_group(4, x + GROUP * j, qt_f32_from_f16(d) * (float)(code[j] - 32),
                    level + GROUP * j);
    memset(b->hmask, 0, sizeof b->hmask);
    for (int h = 0; h < 8; h++)
        for (int i = 0; i < 32; i++)
            b->hmask[i] |= (uint8_t)((level[32 * h + i] >> 2) << h);
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < 32; i++) {
            const int8_t *q = level + 128 * h + i;
            b->qs[32 * h + i] = (uint8_t)((q[0] & 3) | (q[32] & 3) << 2 | (q[64] & 3) << 4 |
                                          (q[96] & 3) << 6);
        }
    gg_store_u16(&b->d, d);
}

QK_QUANT_WEIGHTED(q3_K, QT_SUPER, encode_q3_K)

/* ---- Q6_K --------------------------------------------------------------------------------------- */

static void pack_q6(const int8_t *level, struct qt_block_q6_K *b)
{
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < 32; i++) {
            const int8_t *q = level + 128 * h + i;
            uint8_t *ql = b->ql + 64 * h + i;
            ql[0] = (uint8_t)((q[0] & 15) | (q[64] & 15) << 4);
            ql[32] = (uint8_t)((q[32] & 15) | (q[96] & 15) << 4);
            b->qh[32 * h + i] =
                (uint8_t)(q[0] >> 4 | q[32] >> 4 << 2 | q[64] >> 4 << 4 | q[96] >> 4 << 6);
        }
}

static void encode_q6_K(void *dst, const float *x, const float *importance,
                        const struct qk_codebook *codebook)
{
    struct qt_block_q6_K *b = dst;
    int8_t level[QT_SUPER];
    float scale[N_GROUPS];

    (void)codebook;
    for (int j = 0; j < N_GROUPS; j++)
        scale[j] = qk_search_scale(GROUP, 32, x + GROUP * j,
                                   importance ? importance + GROUP * j : NULL, level + GROUP * j);
    float largest = qk_farthest(N_GROUPS, scale);
    if (fabsf(largest) < QK_GROUP_EPS) {
        memset(b, 0, sizeof *b);
        return;
    }
    float inverse = -128.0f / largest;
    uint16_t d = qt_f16_from_f32(1.0f / inverse);
    for (int j = 0; j < N_GROUPS; j++) {
        int q = qk_nearest_int(inverse * scale[j]);
        b->scales[j] = (int8_t)(q < 127 ? q : 127);
        round_group(32, x + GROUP * j, qt_f32_from_f16(d) * (float)b->scales[j],
                    level + GROUP * j);
    }
    pack_q6(level, b);
    gg_store_u16(&b->d, d);
}

QK_QUANT_WEIGHTED(q6_K, QT_SUPER, encode_q6_K)
