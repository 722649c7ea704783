/* ik_llama.cpp's IQ2_K to IQ6_K: super-blocks of 256, 16 groups of 16 with a scale each and a bit for the
 * table their codes are looked up in. No value is a fraction but d, so that
 *
 *     w = (d * scale) * table[bit][code]
 *
 * d and extra (the bits) are the first four bytes. Offsets are those of the structs in ggml-common.h of
 * ik_llama.cpp (MIT).
 */
#include "lib/quant/dialect/ik_tables.h"
#include "lib/quant/dialect/impl.h"

#include "lib/base/num.h"
#include "lib/quant/half.h"

/* | d : 2 | extra : 2 | scales : 8 | qs : 64 |
 *     scales[b]: of groups 2b (low) and 2b + 1, less 8
 *     qs[32*h + l], bits 2r: code of w[128h + 32r + l] */
void qk_decode_iq2_k(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *scales = blocks + 4, *qs = blocks + 12;
    float d = qt_f16_load(blocks);
    unsigned extra = gg_load_u16(blocks + 2);
    (void)stride;
    (void)head;
    for (int g = 0; g < 16; g++) {
        float scale = d * (float)((scales[g / 2] >> g % 2 * 4 & 15) - 8);
        const int8_t *table = ik_2[extra >> g & 1];
        for (int j = 0; j < 16; j++) {
            int at = g % 2 * 16 + j;
            *dst++ = scale * (float)table[qs[g / 8 * 32 + at] >> g / 2 % 4 * 2 & 3];
        }
    }
}

/* | d : 2 | extra : 2 | scales_h : 2 | scales_l : 8 | qs : 64 | qh : 32 |
 *     scale of group g: 2 * (half byte g of scales_l) + 1, less than 0 where bit g of scales_h is set
 *     qs as in IQ2_K; qh[l], bit b: high bit of the code of w[32b + l] */
void qk_decode_iq3_k(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *scales = blocks + 6, *qs = blocks + 14, *qh = blocks + 78;
    float d = qt_f16_load(blocks);
    unsigned extra = gg_load_u16(blocks + 2), negative = gg_load_u16(blocks + 4);
    (void)stride;
    (void)head;
    for (int g = 0; g < 16; g++) {
        int s = 2 * (scales[g / 2] >> g % 2 * 4 & 15) + 1;
        float scale = d * (float)(negative >> g & 1 ? -s : s);
        const int8_t *table = ik_3[extra >> g & 1];
        for (int j = 0; j < 16; j++) {
            int at = g % 2 * 16 + j;
            int low = qs[g / 8 * 32 + at] >> g / 2 % 4 * 2 & 3, high = qh[at] >> g / 2 & 1;
            *dst++ = scale * (float)table[low | high << 2];
        }
    }
}

/* Scale of six bits of group g: low four in scales_l, high two in scales_h; less 32. */
static int six_bits(const uint8_t *scales_h, const uint8_t *scales_l, int g)
{
    int low = scales_l[g / 2] >> g % 2 * 4 & 15, high = scales_h[g / 4] >> g % 4 * 2 & 3;
    return (low | high << 4) - 32;
}

/* | d : 2 | extra : 2 | scales_h : 4 | scales_l : 8 | qs : 128 |
 *     qs[16b + j]: | code of w[32b + 16 + j] : 4 | of w[32b + j] : 4 | */
void qk_decode_iq4_k(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *qs = blocks + 16;
    float d = qt_f16_load(blocks);
    unsigned extra = gg_load_u16(blocks + 2);
    (void)stride;
    (void)head;
    for (int g = 0; g < 16; g++) {
        float scale = d * (float)six_bits(blocks + 4, blocks + 8, g);
        const int8_t *table = ik_4[extra >> g & 1];
        for (int j = 0; j < 16; j++)
            *dst++ = scale * (float)table[qs[g / 2 * 16 + j] >> g % 2 * 4 & 15];
    }
}

/* | d : 2 | extra : 2 | scales_h : 4 | scales_l : 8 | qs : 128 | qh : 32 |
 *     qs[32p + l]: | low bits of w[64p + 32 + l] : 4 | of w[64p + l] : 4 |
 *     qh[l], bit b: high bit of w[32b + l] */
void qk_decode_iq5_k(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *qs = blocks + 16, *qh = blocks + 144;
    float d = qt_f16_load(blocks);
    unsigned extra = gg_load_u16(blocks + 2);
    (void)stride;
    (void)head;
    for (int g = 0; g < 16; g++) {
        float scale = d * (float)six_bits(blocks + 4, blocks + 8, g);
        const int8_t *table = ik_5[extra >> g & 1];
        for (int j = 0; j < 16; j++) {
            int at = g % 2 * 16 + j;
            int low = qs[g / 4 * 32 + at] >> g / 2 % 2 * 4 & 15, high = qh[at] >> g / 2 & 1;
            *dst++ = scale * (float)table[low | high << 4];
        }
    }
}

/* | d : 2 | extra : 2 | scales : 16, signed | qs : 128 | qh : 64 |
 *     qs as in IQ5_K; qh[32h + l], bits 2r: high bits of w[128h + 32r + l]
 * Here a polynomial stands for the table, and the bit adds 1. */
void qk_decode_iq6_k(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const float a = -127.f, b = 6.2568f, c = 0.11218f, e = 0.0011972f;
    const uint8_t *qs = blocks + 20, *qh = blocks + 148;
    float d = qt_f16_load(blocks);
    unsigned extra = gg_load_u16(blocks + 2);
    (void)stride;
    (void)head;
    for (int g = 0; g < 16; g++) {
        float scale = d * (float)(int8_t)blocks[4 + g], more = extra >> g & 1 ? 1.f : 0.f;
        for (int j = 0; j < 16; j++) {
            int at = g % 2 * 16 + j;
            int low = qs[g / 4 * 32 + at] >> g / 2 % 2 * 4 & 15;
            int high = qh[g / 8 * 32 + at] >> g / 2 % 4 * 2 & 3;
            float q = (float)(low | high << 4);
            *dst++ = scale * (a + q * (b + q * (-c + q * e)) + more);
        }
    }
}
