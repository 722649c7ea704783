/* Small float formats: F16, BF16, E8M0 and UE4M3, exactly as ggml converts them.
 *
 * All are total: any bit pattern converts. They expect the default rounding mode and no
 * flush-to-zero (qk_env_ok). Written without branches where loops over rows should vectorise.
 *
 *     F16    | sign : 1 | exponent : 5 | mantissa : 10 |
 *     BF16   | sign : 1 | exponent : 8 | mantissa : 7 |     the high half of an F32
 *     E8M0   | exponent : 8 |                               2^(e - 127)
 *     UE4M3  | unused : 1 | exponent : 4 | mantissa : 3 |   bias 7; 0x7f stands for 0
 */
#ifndef QT_HALF_H
#define QT_HALF_H

#include "lib/base/num.h"

#include <math.h>
#include <stdint.h>

/* b where the condition holds, else a. A mask, not a branch: compilers move arithmetic that a float
 * may trap on into branches, and then don't vectorise loops. */
static inline uint32_t qt_select(uint32_t a, uint32_t b, int condition)
{
    uint32_t mask = 0u - (uint32_t)condition;
    return (a & ~mask) | (b & mask);
}

/* NaNs become quiet and keep sign and payload. */
static inline float qt_f32_from_f16(uint16_t h)
{
    uint32_t low = h & 0x7fffu;
    /* Exponent 31 becomes 255, so that infinities and NaNs are such; the product undoes 112 of it. */
    float normal = gg_f32_from_bits((low << 13) + (224u << 23)) * 0x1p-112f;
    float tiny = (float)(int32_t)low * 0x1p-24f;
    uint32_t r = qt_select(gg_bits_from_f32(normal), gg_bits_from_f32(tiny), low < 0x0400);
    return gg_f32_from_bits(r | (uint32_t)(h & 0x8000) << 16);
}

/* To nearest, ties to even; too large is infinite; every NaN becomes 0x7e00 with its sign. */
static inline uint16_t qt_f16_from_f32(float f)
{
    uint32_t bits = gg_bits_from_f32(f);
    uint32_t a = bits & 0x7fffffff;
    uint32_t normal = (a - (112u << 23) + 0xfff + (a >> 13 & 1)) >> 13;
    /* One unit of 0.5 is 2^-24, that of F16's subnormals: the addition rounds to it. */
    uint32_t tiny = gg_bits_from_f32(gg_f32_from_bits(a) + 0.5f) - 0x3f000000;
    uint32_t r = qt_select(normal, tiny, a < 0x38800000);
    r = qt_select(r, 0x7c00, a >= 0x47800000);
    r = qt_select(r, 0x7e00, a > 0x7f800000);
    return (uint16_t)((bits >> 16 & 0x8000) | r);
}

static inline float qt_f32_from_bf16(uint16_t h)
{
    return gg_f32_from_bits((uint32_t)h << 16);
}

/* To nearest, ties to even; NaNs are quieted and keep the high part of their payload. */
static inline uint16_t qt_bf16_from_f32(float f)
{
    uint32_t u = gg_bits_from_f32(f);
    uint32_t rounded = u + 0x7fff + (u >> 16 & 1);
    return (uint16_t)(qt_select(rounded, u | 0x400000, (u & 0x7fffffff) > 0x7f800000) >> 16);
}

/* 2^(e - 127); e = 255, a NaN by the standard, is infinite here as in ggml. */
static inline float qt_f32_from_e8m0(uint8_t e)
{
    return gg_f32_from_bits(e == 0 ? 0x00400000u : (uint32_t)e << 23);
}

/* 2^(e - 128), also for e = 255: scale for tables that hold doubled values. */
static inline float qt_f32_from_e8m0_half(uint8_t e)
{
    return gg_f32_from_bits(e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23);
}

/* Half the value, for tables that hold doubled values. The high bit is ignored, but 0xff is a
 * number (240) where 0x7f is 0: so ggml has it. */
static inline float qt_f32_from_ue4m3_half(uint8_t v)
{
    uint32_t exp = v >> 3 & 15, man = v & 7;
    if (v == 0 || v == 0x7f)
        return 0.0f;
    if (exp == 0)
        return (float)(int32_t)man * 0x1p-10f;
    return gg_f32_from_bits((exp + 119) << 23 | man << 20);
}

/* The rounding of ggml: halves go up, 256 and more become the largest value (448), what is not
 * positive (or NaN) becomes 0. */
static inline uint8_t qt_ue4m3_from_f32(float f)
{
    if (!(f > 0.0f))
        return 0;
    if (f >= 256.0f)
        return 0x7e;
    if (f < 0x1p-6f) {
        int man = (int)(f * 512.0f + 0.5f);
        return (uint8_t)(man > 7 ? 7 : man);
    }
    uint32_t r = (gg_bits_from_f32(f) >> 19) + 1; /* ... exponent, 3 bits, the bit that rounds */
    r = (r >> 1) - (120u << 3);
    return (uint8_t)(r >= 0x78 ? 0x7e : r);
}

/* An F16 at any address, little-endian. */
static inline float qt_f16_load(const void *p)
{
    return qt_f32_from_f16(gg_load_u16(p));
}

static inline void qt_f16_store(void *p, float f)
{
    gg_store_u16(p, qt_f16_from_f32(f));
}

static inline int qt_f16_is_finite(uint16_t h)
{
    return (h & 0x7c00) != 0x7c00;
}

#endif
