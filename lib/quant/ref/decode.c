/* Decoders of the types with small blocks, Q8_K and the ternary types. */
#include "lib/quant/blocks.h"
#include "lib/quant/grids.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/ref.h"

void qk_ref_dequant_q4_0(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q4_0 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++, dst += 32) {
        float d = qt_f16_load(&b->d);
        for (int j = 0; j < 16; j++) {
            dst[j] = (float)((b->qs[j] & 15) - 8) * d;
            dst[j + 16] = (float)((b->qs[j] >> 4) - 8) * d;
        }
    }
}

void qk_ref_dequant_q4_1(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q4_1 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++, dst += 32) {
        float d = qt_f16_load(&b->d), m = qt_f16_load(&b->m);
        for (int j = 0; j < 16; j++) {
            dst[j] = (float)(b->qs[j] & 15) * d + m;
            dst[j + 16] = (float)(b->qs[j] >> 4) * d + m;
        }
    }
}

/* Quants j and j + 16 of a block with the fifth bits apart. */
static inline int five_low(const uint8_t *qs, uint32_t high, int j)
{
    return (int)((qs[j] & 15) | (high >> j << 4 & 16));
}

static inline int five_high(const uint8_t *qs, uint32_t high, int j)
{
    return (int)(qs[j] >> 4 | (high >> (j + 12) & 16));
}

void qk_ref_dequant_q5_0(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q5_0 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++, dst += 32) {
        float d = qt_f16_load(&b->d);
        uint32_t high = gg_load_u32(b->qh);
        for (int j = 0; j < 16; j++) {
            dst[j] = (float)(five_low(b->qs, high, j) - 16) * d;
            dst[j + 16] = (float)(five_high(b->qs, high, j) - 16) * d;
        }
    }
}

void qk_ref_dequant_q5_1(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q5_1 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++, dst += 32) {
        float d = qt_f16_load(&b->d), m = qt_f16_load(&b->m);
        uint32_t high = gg_load_u32(b->qh);
        for (int j = 0; j < 16; j++) {
            dst[j] = (float)five_low(b->qs, high, j) * d + m;
            dst[j + 16] = (float)five_high(b->qs, high, j) * d + m;
        }
    }
}

static inline void scale_bytes(float *restrict dst, const int8_t *restrict qs, int n, float d)
{
    for (int j = 0; j < n; j++)
        dst[j] = (float)qs[j] * d;
}

void qk_ref_dequant_q8_0(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q8_0 *b = src;
    for (size_t i = 0; i < n_blocks; i++)
        scale_bytes(dst + 32 * i, b[i].qs, 32, qt_f16_load(&b[i].d));
}

void qk_ref_dequant_q8_1(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q8_1 *b = src;
    for (size_t i = 0; i < n_blocks; i++)
        scale_bytes(dst + 32 * i, b[i].qs, 32, qt_f16_load(&b[i].d));
}

void qk_ref_dequant_q8_K(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q8_K *b = src;
    for (size_t i = 0; i < n_blocks; i++)
        scale_bytes(dst + 256 * i, b[i].qs, 256, gg_f32_from_bits(gg_load_u32(&b[i].d)));
}

/* n bytes to 2n elements through a table: low halves first, then high halves. */
static inline void look_up_nibbles(float *restrict dst, const uint8_t *restrict qs, int n,
                                   const int8_t values[16], float d)
{
    for (int j = 0; j < n; j++) {
        dst[j] = (float)values[qs[j] & 15] * d;
        dst[j + n] = (float)values[qs[j] >> 4] * d;
    }
}

void qk_ref_dequant_iq4_nl(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_iq4_nl *b = src;
    for (size_t i = 0; i < n_blocks; i++)
        look_up_nibbles(dst + 32 * i, b[i].qs, 16, qk_iq4nl_values, qt_f16_load(&b[i].d));
}

void qk_ref_dequant_iq4_xs(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_iq4_xs *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        unsigned high = gg_load_u16(&b->scales_h);
        for (int g = 0; g < 8; g++, dst += 32) {
            int low = b->scales_l[g / 2] >> 4 * (g % 2) & 15;
            int scale = (int)(high >> 2 * g & 3) << 4 | low;
            look_up_nibbles(dst, b->qs + 16 * g, 16, qk_iq4nl_values, d * (float)(scale - 32));
        }
    }
}

void qk_ref_dequant_mxfp4(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_mxfp4 *b = src;
    for (size_t i = 0; i < n_blocks; i++)
        look_up_nibbles(dst + 32 * i, b[i].qs, 16, qk_fp4_values, qt_f32_from_e8m0_half(b[i].e));
}

void qk_ref_dequant_nvfp4(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_nvfp4 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        for (int s = 0; s < 4; s++, dst += 16)
            look_up_nibbles(dst, b->qs + 8 * s, 8, qk_fp4_values, qt_f32_from_ue4m3_half(b->d[s]));
    }
}

void qk_ref_dequant_q1_0(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q1_0 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++, dst += 128) {
        float d = qt_f16_load(&b->d);
        for (int j = 0; j < 128; j++)
            dst[j] = b->qs[j / 8] >> j % 8 & 1 ? d : -d;
    }
}

void qk_ref_dequant_q2_0(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q2_0 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++, dst += 64) {
        float d = qt_f16_load(&b->d);
        for (int j = 0; j < 64; j++)
            dst[j] = (float)((b->qs[j / 4] >> 2 * (j % 4) & 3) - 1) * d;
    }
}

/* Digits 0 .. n_digits-1 of n bytes, a run of n elements for each digit. */
static inline void put_trits(float *restrict dst, const uint8_t *restrict qs, int n, int n_digits,
                             float d)
{
    unsigned pow3 = 1;
    for (int digit = 0; digit < n_digits; digit++, dst += n, pow3 *= 3) {
        for (int j = 0; j < n; j++) {
            uint8_t fraction = (uint8_t)(qs[j] * pow3);
            int16_t trit = (int16_t)(fraction * 3 >> 8);
            dst[j] = (float)(trit - 1) * d;
        }
    }
}

void qk_ref_dequant_tq1_0(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_tq1_0 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++, dst += 256) {
        float d = qt_f16_load(&b->d);
        put_trits(dst, b->qs, 32, 5, d);
        put_trits(dst + 160, b->qs + 32, 16, 5, d);
        put_trits(dst + 240, b->qh, 4, 4, d);
    }
}

void qk_ref_dequant_tq2_0(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_tq2_0 *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int run = 0; run < 8; run++, dst += 32) {
            const uint8_t *qs = b->qs + run / 4 * 32;
            int shift = run % 4 * 2;
            for (int j = 0; j < 32; j++)
                dst[j] = (float)((qs[j] >> shift & 3) - 1) * d;
        }
    }
}
