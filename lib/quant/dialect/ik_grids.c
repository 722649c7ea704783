/* ik_llama.cpp's forms of the codebook types with four rows woven together. Names as in ik_woven.c; the
 * grids are those of the plain types. Layouts: structs in ggml-common.h, functions in iqk_quantize.cpp of
 * ik_llama.cpp (MIT).
 */
#include "lib/quant/dialect/impl.h"

#include "lib/base/num.h"
#include "lib/quant/grids.h"
#include "lib/quant/half.h"

static void put(float *dst, const float *row, int n, float scale, unsigned signs)
{
    for (int j = 0; j < n; j++)
        dst[j] = scale * row[j] * (signs >> j & 1 ? -1.0f : 1.0f);
}

/* The four bits 0 of a word's bytes are a scale; what is left of each byte, w with bit 0 cleared, stands for
 * eight signs: w ^ w >> 1. */
static unsigned scale_of(uint32_t w)
{
    return (w & 1) | (w >> 7 & 2) | (w >> 14 & 4) | (w >> 21 & 8);
}

static unsigned signs_of(uint32_t w, int byte)
{
    unsigned s = w >> 8 * byte & 0xfe;
    return s ^ s >> 1;
}

/* | d : 8 | scales and signs : 128 | qs : 128 | */
void qk_decode_iq2_xxs_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = 0.125f * qt_f16_load(blocks + 2 * k), *to = dst + (size_t)k * stride;
        for (int b = 0; b < 8; b++) {
            uint32_t w = gg_load_u32(blocks + 8 + 16 * b + 4 * k);
            float scale = d * (float)(2 * scale_of(w) + 1);
            for (int i = 0; i < 4; i++, to += 8)
                put(to, qk_rows_iq2xxs[blocks[136 + 16 * b + 4 * k + i]], 8, scale, signs_of(w, i));
        }
    }
}

/* | d : 8 | scales and signs : 128 | qs : 256 | */
void qk_decode_iq3_xxs_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = 0.25f * qt_f16_load(blocks + 2 * k), *to = dst + (size_t)k * stride;
        for (int b = 0; b < 8; b++) {
            uint32_t w = gg_load_u32(blocks + 8 + 16 * b + 4 * k);
            float scale = d * (float)(2 * scale_of(w) + 1);
            for (int i = 0; i < 8; i++, to += 4)
                put(to, qk_rows_iq3xxs[blocks[136 + 32 * b + 8 * k + i]], 4, scale,
                    signs_of(w, i / 2) >> i % 2 * 4);
        }
    }
}

/* | d : 8 | qs : 128 words of 2 | scales : 32 |
 *     a word: | seven signs, s ^ s << 1 are eight : 7 | row of the grid : 9 | */
void qk_decode_iq2_xs_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = 0.125f * qt_f16_load(blocks + 2 * k), *to = dst + (size_t)k * stride;
        for (int b = 0; b < 8; b++)
            for (int i = 0; i < 4; i++, to += 8) {
                unsigned q = gg_load_u16(blocks + 8 + 2 * (16 * b + 4 * k + i)), s = q >> 9;
                float scale = d * (float)(2 * (blocks[264 + 4 * b + k] >> i / 2 * 4 & 15) + 1);
                put(to, qk_rows_iq2xs[q & 511], 8, scale, s ^ s << 1);
            }
    }
}

/* | d : 8 | qs : 128 | qh : 32 | signs : 128 | scales : 32 | */
void qk_decode_iq2_s_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = 0.125f * qt_f16_load(blocks + 2 * k), *to = dst + (size_t)k * stride;
        for (int b = 0; b < 8; b++)
            for (int i = 0; i < 4; i++, to += 8) {
                int at = 16 * b + 4 * k + i, high = blocks[136 + 4 * b + k] >> 2 * i & 3;
                float scale = d * (float)(2 * (blocks[296 + 4 * b + k] >> i / 2 * 4 & 15) + 1);
                put(to, qk_rows_iq2s[blocks[8 + at] | high << 8], 8, scale, blocks[168 + at]);
            }
    }
}

/* | d : 8 | qs : 256 | qh : 32 | signs : 128 | scales : 16 |
 *     signs[16b + 4k + j], bit f: of element j of four f */
void qk_decode_iq3_s_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k), *to = dst + (size_t)k * stride;
        for (int b = 0; b < 8; b++) {
            int n = 4 * b + k, s = blocks[424 + n % 16] >> n / 16 * 4 & 15;
            float scale = d * (float)(1 + 2 * s);
            for (int f = 0; f < 8; f++, to += 4) {
                int low = blocks[8 + 32 * b + k + f % 4 * 8 + f / 4 * 4];
                const float *row = qk_rows_iq3s[low | (blocks[264 + n] >> f & 1) << 8];
                for (int j = 0; j < 4; j++)
                    to[j] = scale * row[j] * (blocks[296 + 16 * b + 4 * k + j] >> f & 1 ? -1.0f : 1.0f);
            }
        }
    }
}

static void put_shifted(float *dst, unsigned row, float scale, float shift)
{
    for (int j = 0; j < 8; j++)
        dst[j] = scale * ((float)qk_rows_iq1s[row][j] + shift);
}

/* Groups of 32; d is F16 and stands before the rows.
 * | qs : 16 | qh : 4 words of 2 |
 *     qh[k]: | minus for the shift : 1 | scale : 3 | high bits of four rows of the grid : 12 | */
void qk_decode_iq1_s_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++) {
        unsigned qh = gg_load_u16(blocks + 16 + 2 * k);
        float d = qt_f16_load(head + 2 * k), shift = qh & 0x8000 ? -0.125f : 0.125f;
        float scale = d * (float)(2 * (qh >> 12 & 7) + 1);
        for (int i = 0; i < 4; i++)
            put_shifted(dst + (size_t)k * stride + (size_t)(8 * i),
                        blocks[4 * i + k] | (qh >> 3 * i & 7) << 8, scale, shift);
    }
}

/* Groups of 32; d is F16 and stands before the rows.
 * | qs : 16 | qh : 8 | scales : 4 |
 *     qh[4h + k]: of two eights: | minus for the shift : 1 | high bits of the row of the grid : 3 |
 *     scales[k]: of the two halves h */
void qk_decode_iq1_m_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(head + 2 * k);
        for (int i = 0; i < 4; i++) {
            unsigned high = blocks[16 + i / 2 * 4 + k] >> i % 2 * 4;
            float scale = d * (float)(blocks[24 + k] >> i / 2 * 4 & 15);
            put_shifted(dst + (size_t)k * stride + (size_t)(8 * i),
                        blocks[i / 2 * 8 + i % 2 * 4 + k] | (high & 7) << 8, scale,
                        high & 8 ? -0.125f : 0.125f);
        }
    }
}
