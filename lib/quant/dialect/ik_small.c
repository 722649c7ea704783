/* ik_llama.cpp's types of small blocks. Layouts: ggml-common.h and iqk_quantize.cpp of ik_llama.cpp (MIT). */
#include "lib/quant/dialect/impl.h"

#include "lib/base/num.h"
#include "lib/quant/half.h"

/* | d : 2 | qh : 8 | qs : 16 |      w = (q - 32) * d
 *     qs[j]: | low bits of w[j + 16] : 4 | of w[j] : 4 |
 *     qh[j]: high bits of | w[j + 24] : 2 | w[j + 8] : 2 | w[j + 16] : 2 | w[j] : 2 | */
void qk_decode_q6_0(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    const uint8_t *qh = blocks + 2, *qs = blocks + 10;
    float d = qt_f16_load(blocks);
    (void)stride;
    (void)head;
    for (int i = 0; i < 32; i++) {
        int low = qs[i % 16] >> i / 16 * 4 & 15;
        int high = qh[i % 8] >> (i / 8 % 2 * 4 + i / 16 * 2) & 3;
        dst[i] = (float)((low | high << 4) - 32) * d;
    }
}

/* A trit of a byte that is a fraction in base 3. */
static int trit(uint8_t byte, unsigned pow3)
{
    uint8_t v = (uint8_t)(byte * pow3);
    return (v + (v >> 1)) >> 7;
}

/* | ql : 12 | extra : 1 |      w = d * (trit - 1), d is F16 and stands before the row
 *     ql[3r + k]: five trits of w[16r + 5k ..]; extra: one for each w[16r + 15] */
void qk_decode_iq1_bn(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    static const unsigned pow3[5] = {81, 27, 9, 3, 1};
    float d = qt_f16_load(head);
    (void)stride;
    for (int i = 0; i < 64; i++) {
        int r = i / 16, k = i % 16;
        int t = k < 15 ? trit(blocks[3 * r + k / 5], pow3[k % 5]) : trit(blocks[12], pow3[r]);
        dst[i] = d * (float)(t - 1);
    }
}

/* | qs : 16 |      w = d * (q - 1), d is F32 and stands before the row
 *     qs[j]: | w[48 + j] : 2 | w[32 + j] : 2 | w[16 + j] : 2 | w[j] : 2 | */
void qk_decode_iq2_bn(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    float d = gg_f32_from_bits(gg_load_u32(head));
    (void)stride;
    for (int i = 0; i < 64; i++)
        dst[i] = d * (float)((blocks[i % 16] >> i / 16 * 2 & 3) - 1);
}

/* | qs : 32, signed |      w = d * q, d is F32 and stands before the row, with four bytes of no concern */
void qk_decode_q8_KV(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    float d = gg_f32_from_bits(gg_load_u32(head));
    (void)stride;
    for (int i = 0; i < 32; i++)
        dst[i] = d * (float)(int8_t)blocks[i];
}
