/* ik_llama.cpp's trellis types, IQ1_KT to IQ4_KT: a code of 12 to 16 bits starts a generator of pseudo-random
 * numbers, which gives the values of 8 neighbours (4 for IQ4_KT), integers from -126 to 126. d is F32 and
 * stands before the row. Super-blocks of 256, eight groups of 32. Source: QuantizerIQKT in iqk_quantize.cpp,
 * structs in ggml-common.h of ik_llama.cpp (MIT).
 */
#include "lib/quant/dialect/ik_tables.h"
#include "lib/quant/dialect/impl.h"

#include "lib/base/num.h"

/* Each step multiplies the state; the four bytes of it, six bits of each, are added up. */
static void walk(int *value, int n, uint32_t state)
{
    for (int i = 0; i < n; i++) {
        state *= 0xCBAC1FEDu;
        uint32_t s = state & 0x3f3f3f3f;
        value[i] = (int)((s & 255) + (s >> 8 & 255) + (s >> 16 & 255) + (s >> 24)) - 126;
    }
}

static float head_f32(const uint8_t *head)
{
    return gg_f32_from_bits(gg_load_u32(head));
}

static void put(float *dst, const int *value, int n, float scale)
{
    for (int i = 0; i < n; i++)
        dst[i] = scale * (float)value[i];
}

/* | sh : 8 | ql : 32 | qh : 16 |
 *     sh[g]: | bit 12 of the codes of group g, first one high : 4 | number of the scale : 4 |
 *     ql[4g + c]: low byte of code c; qh[4 (g % 4) + c]: four bits above it, low for g < 4 */
void qk_decode_iq1_kt(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *ql = blocks + 8, *qh = blocks + 40;
    float d = head_f32(head);
    int value[8];
    (void)stride;
    for (int g = 0; g < 8; g++) {
        float scale = d * (float)ik_4[0][blocks[g] & 15];
        for (int c = 0; c < 4; c++, dst += 8) {
            uint32_t code = ql[4 * g + c] | (uint32_t)(qh[g % 4 * 4 + c] >> g / 4 * 4 & 15) << 8;
            code |= (uint32_t)blocks[g] << (8 - c) & 0x1000;
            walk(value, 8, code + 4096);
            put(dst, value, 8, scale);
        }
    }
}

/* | scales : 4 | 32 codes : 2 |
 *     scales[g % 4]: number of the scale of group g, low for g < 4 */
void qk_decode_iq2_kt(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    float d = head_f32(head);
    int value[8];
    (void)stride;
    for (int c = 0; c < 32; c++, dst += 8) {
        int g = c / 4;
        float scale = d * (float)ik_4[0][blocks[g % 4] >> g / 4 * 4 & 15];
        walk(value, 8, gg_load_u16(blocks + 4 + 2 * c) + 4096u);
        put(dst, value, 8, scale);
    }
}

/* | scales : 4 | 32 codes : 2 | qh : 32 |
 *     scales as above, and no numbers but scales; qh[l], bit g: minus for the magnitude of w[32g + l] */
void qk_decode_iq3_kt(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *qh = blocks + 68;
    float d = head_f32(head);
    int value[8];
    (void)stride;
    for (int c = 0; c < 32; c++, dst += 8) {
        int g = c / 4;
        float scale = d * (float)(blocks[g % 4] >> g / 4 * 4 & 15);
        walk(value, 8, gg_load_u16(blocks + 4 + 2 * c) + 4096u);
        for (int i = 0; i < 8; i++) {
            float v = scale * (float)(value[i] < 0 ? -value[i] : value[i]);
            dst[i] = qh[c % 4 * 8 + i] >> g & 1 ? -v : v;
        }
    }
}

/* | shb : 8 words of 4 | ql : 64 | qh : 32 |
 *     shb[g]: | bits 12 to 14 of each of eight codes, the first low : 24 | scale + 64 : 7 | offset : 1 |
 *     ql[8g + c]: low byte of code c; qh[8 (g % 4) + c]: four bits above it, low for g < 4 */
void qk_decode_iq4_kt(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *ql = blocks + 32, *qh = blocks + 96;
    float d = head_f32(head);
    int value[4];
    (void)stride;
    for (int g = 0; g < 8; g++) {
        uint32_t shb = gg_load_u32(blocks + 4 * g);
        float scale = d * (float)((int)(shb >> 1 & 127) - 64);
        for (int c = 0; c < 8; c++, dst += 4) {
            uint32_t code = ql[8 * g + c] | (uint32_t)(qh[g % 4 * 8 + c] >> g / 4 * 4 & 15) << 8;
            code |= (shb >> (8 + 3 * c) & 7) << 12;
            walk(value, 4, code + 4096 + (shb & 1 ? 32768u : 0));
            put(dst, value, 4, scale);
        }
    }
}
