/* ik_llama.cpp's types whose d stands once, before the row: IQ2_KS, IQ3_KS, IQ4_KS, IQ5_KS, IQ4_KSS and
 * IQ2_KL. Super-blocks of 256, eight groups of 32 with a scale each and (but for IQ2_KL) a bit for the
 * table their codes are looked up in. Offsets: ggml-common.h of ik_llama.cpp (MIT).
 */
#include "lib/quant/dialect/ik_tables.h"
#include "lib/quant/dialect/impl.h"

#include "lib/base/num.h"
#include "lib/quant/half.h"

static float head_f32(const uint8_t *head)
{
    return gg_f32_from_bits(gg_load_u32(head));
}

/* | extra : 2 | scales : 4 | qs : 64 |      d is F16
 *     scale of group g: half byte g of scales, and bit 8 + g of extra above it; less 16
 *     extra, bits 0 to 7: the tables
 *     qs[32h + l], bits 2r: code of w[128h + 32r + l] */
void qk_decode_iq2_ks(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *scales = blocks + 2, *qs = blocks + 6;
    float d = qt_f16_load(head);
    unsigned extra = gg_load_u16(blocks);
    (void)stride;
    for (int g = 0; g < 8; g++) {
        int low = scales[g / 2] >> g % 2 * 4 & 15, high = extra >> (8 + g) & 1;
        float scale = d * (float)((low | high << 4) - 16);
        const int8_t *table = ik_2[extra >> g & 1];
        for (int j = 0; j < 32; j++)
            *dst++ = scale * (float)table[qs[g / 4 * 32 + j] >> g % 4 * 2 & 3];
    }
}

/* | extra : 2 | scales : 4 | qs : 64 | qh : 32 |      d is F16
 *     scale of group g: half byte of scales[g % 4], low for g < 4; bit g of extra above it; less 16
 *     extra, bits 8 to 15: the tables; qs as above; qh[l], bit b: high bit of w[32b + l] */
void qk_decode_iq3_ks(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *scales = blocks + 2, *qs = blocks + 6, *qh = blocks + 70;
    float d = qt_f16_load(head);
    unsigned extra = gg_load_u16(blocks);
    (void)stride;
    for (int g = 0; g < 8; g++) {
        int low = scales[g % 4] >> g / 4 * 4 & 15, high = extra >> g & 1;
        float scale = d * (float)((low | high << 4) - 16);
        const int8_t *table = ik_3[extra >> (8 + g) & 1];
        for (int j = 0; j < 32; j++)
            *dst++ = scale * (float)table[(qs[g / 4 * 32 + j] >> g % 4 * 2 & 3) | (qh[j] >> g & 1) << 2];
    }
}

/* | scales : 8 | qs : 128 |      d is F32
 *     scales[g]: bit 0 the table, the others the scale; less 127
 *     qs[16g + j]: | code of w[32g + 16 + j] : 4 | of w[32g + j] : 4 | */
void qk_decode_iq4_ks(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *qs = blocks + 8;
    float d = head_f32(head);
    (void)stride;
    for (int g = 0; g < 8; g++, qs += 16) {
        float scale = d * (float)((blocks[g] & 254) - 127);
        const int8_t *table = ik_4[blocks[g] & 1];
        for (int j = 0; j < 32; j++)
            *dst++ = scale * (float)table[qs[j % 16] >> j / 16 * 4 & 15];
    }
}

/* | scales : 8 | qs : 128 | qh : 32 |      d is F32
 *     scales as above; qs[32p + l]: | low bits of w[64p + 32 + l] : 4 | of w[64p + l] : 4 |
 *     qh[l], bit b: high bit of w[32b + l] */
void qk_decode_iq5_ks(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *qs = blocks + 8, *qh = blocks + 136;
    float d = head_f32(head);
    (void)stride;
    for (int g = 0; g < 8; g++) {
        float scale = d * (float)((blocks[g] & 254) - 127);
        const int8_t *table = ik_5[blocks[g] & 1];
        for (int j = 0; j < 32; j++)
            *dst++ = scale * (float)table[(qs[g / 2 * 32 + j] >> g % 2 * 4 & 15) | (qh[j] >> g & 1) << 4];
    }
}

/* | 64 words : 2 |      d is F32
 * Of the eight words of a group, bit k of table and scale (as in IQ4_KS) is bit 0 of word k. What is left
 * of a word, w with bit 0 cleared, is w ^ w >> 1: sixteen bits, two bytes of codes as in IQ4_KS. */
void qk_decode_iq4_kss(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    float d = head_f32(head);
    (void)stride;
    for (int g = 0; g < 8; g++, blocks += 16) {
        uint8_t qs[16];
        int s = 0;
        for (int k = 0; k < 8; k++) {
            unsigned w = gg_load_u16(blocks + 2 * k);
            s |= (int)(w & 1) << k;
            w &= 0xfffe;
            gg_store_u16(qs + 2 * k, (uint16_t)(w ^ w >> 1));
        }
        float scale = d * (float)((s & 254) - 127);
        const int8_t *table = ik_4[s & 1];
        for (int j = 0; j < 32; j++)
            *dst++ = scale * (float)table[qs[j % 16] >> j / 16 * 4 & 15];
    }
}

/* | scales_h : 2 | scales_l : 4 | qs : 64 | qh : 16 |      d is F16
 *     scale of group g: half byte of scales_l[g % 4], low for g < 4; bits 2g of scales_h above it; less 32
 *     qs[16p + j]: | low bits of pair j of group 2p + 1 : 4 | of 2p : 4 |
 *     qh[j], bit g: high bit of pair j of group g
 * A code stands for a pair of neighbours. */
void qk_decode_iq2_kl(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    static const int8_t pairs[32][2] = {
        {-63, -23}, {-63, 13}, {-40, -63}, {-40, -10}, {-40, 13}, {-40, 47}, {-23, -40}, {-23, -23},
        {-23, 1},   {-23, 13}, {-23, 28},  {-10, -63}, {-10, 1},  {-10, 13}, {-10, 47},  {1, -23},
        {1, -10},   {1, 1},    {1, 13},    {1, 28},    {13, -40}, {13, -23}, {13, -10},  {13, 1},
        {13, 13},   {28, -63}, {28, -23},  {28, 1},    {28, 28},  {28, 47},  {47, -23},  {47, 13}};
    const uint8_t *scales = blocks + 2, *qs = blocks + 6, *qh = blocks + 70;
    float d = qt_f16_load(head);
    unsigned scales_h = gg_load_u16(blocks);
    (void)stride;
    for (int g = 0; g < 8; g++) {
        int low = scales[g % 4] >> g / 4 * 4 & 15, high = (int)(scales_h >> 2 * g & 3);
        float scale = d * (float)((low | high << 4) - 32);
        for (int j = 0; j < 16; j++) {
            const int8_t *pair = pairs[(qs[g / 2 * 16 + j] >> g % 2 * 4 & 15) | (qh[j] >> g & 1) << 4];
            *dst++ = scale * (float)pair[0];
            *dst++ = scale * (float)pair[1];
        }
    }
}
