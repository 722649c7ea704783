/* The nearest level to a value that was divided by its scale, as a number and as it is stored. */
#ifndef QK_REF_BEST_LEVELS_H
#define QK_REF_BEST_LEVELS_H

#include "lib/quant/grids.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/best.h"

#include <float.h>
#include <math.h>

/* To nearest, ties to even, for |v| < 2^22. */
static inline float qk_nearest(float v)
{
    return (v + 12582912.0f) - 12582912.0f;
}

/* What is not ordered becomes hi. */
static inline float qk_clamp(float v, float lo, float hi)
{
    v = v < hi ? v : hi;
    return v > lo ? v : lo;
}

static inline float qk_through_f16(float v)
{
    return qt_f32_from_f16(qt_f16_from_f32(v));
}

/* a / b, 0 where that is not finite. */
static inline float qk_finite_ratio(float a, float b)
{
    float ratio = a / b;
    return fabsf(ratio) <= FLT_MAX ? ratio : 0.0f;
}

static inline float qk_level_inverse(float scale)
{
    return qk_finite_ratio(1.0f, scale);
}

/* Places of the nearest of the sixteen values of IQ4. */
static inline int qk_nearest_iq4(float v)
{
    static const float middle[15] = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
                                     7.0f,    19.0f,  31.5f,  45.5f,  61.0f,  79.0f,  101.0f};
    int n = 0;
    for (int k = 0; k < 15; k++)
        n += v >= middle[k];
    return n;
}

/* 0 1 2 3 4 6 8 12: even steps of 1, of 2 from 4, of 4 from 8. */
static inline float qk_nearest_fp4(float v)
{
    float a = qk_clamp(fabsf(v), 0.0f, 12.0f);
    float step = a < 4.0f ? 1.0f : a < 8.0f ? 2.0f : 4.0f;
    float inverse = a < 4.0f ? 1.0f : a < 8.0f ? 0.5f : 0.25f;
    return copysignf(step * qk_nearest(a * inverse), v);
}

static inline float qk_level(const struct qk_scale_search *s, float v)
{
    switch (s->levels) {
    case QK_IQ4:
        return (float)qk_iq4nl_values[qk_nearest_iq4(v)];
    case QK_FP4:
        return qk_nearest_fp4(v);
    case QK_SIGN:
        return v >= 0.0f ? 1.0f : -1.0f;
    default:
        return qk_nearest(qk_clamp(v, s->lo, s->hi));
    }
}

static inline uint8_t qk_stored_fp4(float v)
{
    static const uint8_t place[13] = {0, 1, 2, 3, 4, 0, 5, 0, 6, 0, 0, 0, 7};
    float q = qk_nearest_fp4(v);
    return (uint8_t)(place[(int)fabsf(q)] | (q < 0.0f) << 3);
}

static inline uint8_t qk_stored_level(const struct qk_scale_search *s, float v)
{
    if (s->levels == QK_IQ4)
        return (uint8_t)qk_nearest_iq4(v);
    if (s->levels == QK_FP4)
        return qk_stored_fp4(v);
    if (s->levels == QK_SIGN)
        return v >= 0.0f;
    return (uint8_t)(int)(qk_nearest(qk_clamp(v, s->lo, s->hi)) - s->lo);
}

#endif
