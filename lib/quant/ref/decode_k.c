/* Decoders of the K types: super-blocks of 256 whose groups have scales of few bits. */
#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/ref/ref.h"

void qk_ref_dequant_q2_K(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q2_K *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d), dmin = qt_f16_load(&b->dmin);
        for (int g = 0; g < 16; g++, dst += 16) {
            const uint8_t *q = b->qs + g / 8 * 32 + g % 2 * 16;
            int shift = g / 2 % 4 * 2;
            float scale = d * (float)(b->scales[g] & 15), min = dmin * (float)(b->scales[g] >> 4);
            for (int j = 0; j < 16; j++)
                dst[j] = scale * (float)(q[j] >> shift & 3) - min;
        }
    }
}

void qk_ref_dequant_q3_K(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q3_K *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 16; g++, dst += 16) {
            const uint8_t *q = b->qs + g / 8 * 32 + g % 2 * 16;
            const uint8_t *high = b->hmask + g % 2 * 16;
            int shift = g / 2 % 4 * 2, bit = g / 2;
            float scale = d * (float)(qk_unpack_scale6(b->scales, g) - 32);
            for (int j = 0; j < 16; j++)
                dst[j] = scale * (float)((q[j] >> shift & 3) + (high[j] >> bit & 1) * 4 - 4);
        }
    }
}

/* What follows is spelled out pair by pair, with constant shifts: twice as fast as one loop over
 * groups whose shifts vary. */

static inline void put_nibbles(float *restrict dst, const uint8_t *restrict q, int shift,
                               float scale, float min)
{
    for (int j = 0; j < 32; j++)
        dst[j] = scale * (float)(q[j] >> shift & 15) - min;
}

void qk_ref_dequant_q4_K(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q4_K *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d), dmin = qt_f16_load(&b->dmin);
        for (int p = 0; p < 4; p++, dst += 64) {
            const uint8_t *q = b->qs + 32 * p;
            int s, m;
            qk_unpack_scale_min(b->scales, 2 * p, &s, &m);
            put_nibbles(dst, q, 0, d * (float)s, dmin * (float)m);
            qk_unpack_scale_min(b->scales, 2 * p + 1, &s, &m);
            put_nibbles(dst + 32, q, 4, d * (float)s, dmin * (float)m);
        }
    }
}

static inline void put_fives(float *restrict dst, const uint8_t *restrict q,
                             const uint8_t *restrict high, int shift, uint8_t bit, float scale,
                             float min)
{
    for (int j = 0; j < 32; j++)
        dst[j] = scale * (float)((q[j] >> shift & 15) + (high[j] & bit ? 16 : 0)) - min;
}

void qk_ref_dequant_q5_K(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q5_K *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d), dmin = qt_f16_load(&b->dmin);
        for (int p = 0; p < 4; p++, dst += 64) {
            const uint8_t *q = b->qs + 32 * p;
            int s, m;
            qk_unpack_scale_min(b->scales, 2 * p, &s, &m);
            put_fives(dst, q, b->qh, 0, (uint8_t)(1 << 2 * p), d * (float)s, dmin * (float)m);
            qk_unpack_scale_min(b->scales, 2 * p + 1, &s, &m);
            put_fives(dst + 32, q, b->qh, 4, (uint8_t)(2 << 2 * p), d * (float)s, dmin * (float)m);
        }
    }
}

/* 32 elements: two groups, so two scales. */
static inline void put_sixes(float *restrict dst, const uint8_t *restrict low, int low_shift,
                             const uint8_t *restrict high, int high_shift, float d,
                             const int8_t *restrict scales)
{
    for (int g = 0; g < 2; g++) {
        float scale = d * (float)scales[g];
        for (int j = 16 * g; j < 16 * g + 16; j++) {
            int v = (low[j] >> low_shift & 15) | (high[j] >> high_shift & 3) << 4;
            dst[j] = scale * (float)(v - 32);
        }
    }
}

void qk_ref_dequant_q6_K(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_q6_K *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int h = 0; h < 2; h++, dst += 128) {
            const uint8_t *low = b->ql + 64 * h, *high = b->qh + 32 * h;
            const int8_t *scales = b->scales + 8 * h;
            put_sixes(dst, low, 0, high, 0, d, scales);
            put_sixes(dst + 32, low + 32, 0, high, 2, d, scales + 2);
            put_sixes(dst + 64, low, 4, high, 4, d, scales + 4);
            put_sixes(dst + 96, low + 32, 4, high, 6, d, scales + 6);
        }
    }
}
