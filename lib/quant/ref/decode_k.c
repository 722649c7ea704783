/* Decoders of the K types: super-blocks of 256 whose groups have scales of few bits. */
#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/ref/ref.h"

void qk_ref_dequant_q2_K(float *dst, const void *src, size_t n_blocks)
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

void qk_ref_dequant_q3_K(float *dst, const void *src, size_t n_blocks)
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

void qk_ref_dequant_q4_K(float *dst, const void *src, size_t n_blocks)
{
    const struct qt_block_q4_K *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d), dmin = qt_f16_load(&b->dmin);
        for (int g = 0; g < 8; g++, dst += 32) {
            const uint8_t *q = b->qs + g / 2 * 32;
            int s, m, shift = g % 2 * 4;
            qk_unpack_scale_min(b->scales, g, &s, &m);
            float scale = d * (float)s, min = dmin * (float)m;
            for (int j = 0; j < 32; j++)
                dst[j] = scale * (float)(q[j] >> shift & 15) - min;
        }
    }
}

void qk_ref_dequant_q5_K(float *dst, const void *src, size_t n_blocks)
{
    const struct qt_block_q5_K *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d), dmin = qt_f16_load(&b->dmin);
        for (int g = 0; g < 8; g++, dst += 32) {
            const uint8_t *q = b->qs + g / 2 * 32;
            int s, m, shift = g % 2 * 4;
            qk_unpack_scale_min(b->scales, g, &s, &m);
            float scale = d * (float)s, min = dmin * (float)m;
            for (int j = 0; j < 32; j++) {
                int v = (q[j] >> shift & 15) | (b->qh[j] >> g & 1) << 4;
                dst[j] = scale * (float)v - min;
            }
        }
    }
}

void qk_ref_dequant_q6_K(float *dst, const void *src, size_t n_blocks)
{
    const struct qt_block_q6_K *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 16; g++, dst += 16) {
            int at = g % 2 * 16; /* in a run of 32 */
            const uint8_t *low = b->ql + g / 8 * 64 + g / 2 % 2 * 32 + at;
            const uint8_t *high = b->qh + g / 8 * 32 + at;
            int low_shift = g / 4 % 2 * 4, high_shift = g / 2 % 4 * 2;
            float scale = d * (float)b->scales[g];
            for (int j = 0; j < 16; j++) {
                int v = (low[j] >> low_shift & 15) | (high[j] >> high_shift & 3) << 4;
                dst[j] = scale * (float)(v - 32);
            }
        }
    }
}
