/* Decoders of ik_llama.cpp's woven types (ik_woven.h says how they are woven) whose values are decoded.
 *
 * Layouts: structs in ggml-common.h, functions in iqk_quantize.cpp of ik_llama.cpp (MIT). Operations are in
 * the order of those functions.
 */
#include "lib/quant/dialect/ik_tables.h"
#include "lib/quant/dialect/ik_woven.h"
#include "lib/quant/dialect/impl.h"

#include "lib/base/num.h"
#include "lib/quant/half.h"

/* Low two bits: 32 bytes a group of four rows. */
static int two_bits(const uint8_t *qs, int k, int p)
{
    return qs[p / 16 * 16 + 4 * k + p % 4] >> p / 4 % 4 * 2 & 3;
}

/* Half byte number n: those from 32 on are high ones. */
static int half_byte(const uint8_t *v, int n)
{
    return v[n % 32] >> n / 32 * 4 & 15;
}

/* Six bits, the high two in 16 bytes; less 32. */
static int six_bits(const uint8_t *scales_h, const uint8_t *scales_l, int n)
{
    return (half_byte(scales_l, n) | (scales_h[n % 16] >> n / 16 * 2 & 3) << 4) - 32;
}

static float f32_at(const uint8_t *head, int k)
{
    return gg_f32_from_bits(gg_load_u32(head + 4 * k));
}

/* ---- groups of 32 with one scale ------------------------------------------------------------- */

/* Fifth bits in 16 bytes: bit of | pair | odd | half |. */
void qk_decode_q5_0_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k), m = -16 * d;
        for (int p = 0; p < 32; p++) {
            int four = p / 4, bit = (four >> 1 & 1) * 4 + (four & 1) * 2 + (four >> 2);
            int high = blocks[8 + 4 * k + p % 4] >> bit & 1;
            dst[(size_t)k * stride + (size_t)p] =
                d * (float)(four_bits(blocks + 24, k, p) | high << 4) + m;
        }
    }
}

void qk_decode_q6_0_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k), m = -32 * d;
        for (int p = 0; p < 32; p++) {
            int four = p / 4, shift = (four >> 1 & 1) * 4 + (four & 1) * 2;
            int high = blocks[8 + (four >> 2) * 16 + 4 * k + p % 4] >> shift & 3;
            dst[(size_t)k * stride + (size_t)p] =
                d * (float)(four_bits(blocks + 40, k, p) | high << 4) + m;
        }
    }
}

/* Two groups of 16; d is F32 and stands before the rows. */
void qk_decode_q8_KV_r8(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    for (int k = 0; k < 8; k++)
        for (int p = 0; p < 32; p++)
            dst[(size_t)k * stride + (size_t)p] =
                f32_at(head, k) * (float)(int8_t)blocks[p / 4 * 32 + 4 * k + p % 4];
}

/* Groups of 64, 16 elements to four bytes; d is F32 and stands before the rows. */
void qk_decode_iq2_bn_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++)
        for (int p = 0; p < 64; p++) {
            int code = blocks[p / 16 * 16 + 4 * k + p % 4] >> p / 4 % 4 * 2 & 3;
            dst[(size_t)k * stride + (size_t)p] = f32_at(head, k) * (float)(code - 1);
        }
}

/* ---- super-blocks of 256 --------------------------------------------------------------------- */

/* | d, dmin of each row : 16 | scales : 64 | qs : 256 | */
void qk_decode_q2_k_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k), dmin = qt_f16_load(blocks + 8 + 2 * k);
        for (int p = 0; p < 256; p++) {
            uint8_t s = blocks[16 + p / 32 * 8 + p / 16 % 2 * 4 + k];
            float scale = d * (float)(s & 15), min = dmin * (float)(s >> 4);
            dst[(size_t)k * stride + (size_t)p] =
                scale * (float)two_bits(blocks + 80 + p / 32 * 32, k, p % 32) - min;
        }
    }
}

/* | d : 8 | scales_h : 16 | scales_l : 32 | qh : 128 | qs : 256 | */
void qk_decode_q3_k_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k);
        for (int p = 0; p < 256; p++) {
            int b = p / 32, high = blocks[56 + 16 * b + 4 * k + p % 4] >> p % 32 / 4 & 1;
            float scale = d * (float)six_bits(blocks + 8, blocks + 24, 8 * b + p / 16 % 2 * 4 + k);
            dst[(size_t)k * stride + (size_t)p] =
                scale * (float)((two_bits(blocks + 184 + 32 * b, k, p % 32) | high << 2) - 4);
        }
    }
}

/* | d : 16 | scales_h : 16 | scales_l : 32 | qs : 1024 | */
void qk_decode_iq4_xs_r8(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 8; k++) {
        float d = qt_f16_load(blocks + 2 * k);
        for (int p = 0; p < 256; p++) {
            int b = p / 32, code = blocks[64 + 128 * b + p % 32 / 8 * 32 + 4 * k + p % 4] >> p / 4 % 2 * 4;
            float scale = d * (float)six_bits(blocks + 16, blocks + 32, 8 * b + k);
            dst[(size_t)k * stride + (size_t)p] = scale * (float)ik_4[0][code & 15];
        }
    }
}

void qk_decode_q8_k_r8(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 8; k++)
        for (int p = 0; p < 256; p++)
            dst[(size_t)k * stride + (size_t)p] =
                qt_f16_load(blocks + 2 * k) * (float)(int8_t)blocks[16 + p / 4 * 32 + 4 * k + p % 4];
}

void qk_decode_q8_k_r16(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 16; k++) {
        float d = qt_f16_load(blocks + 2 * k), m = -128.f * d;
        for (int p = 0; p < 256; p++)
            dst[(size_t)k * stride + (size_t)p] =
                d * (float)blocks[32 + p / 4 * 64 + 4 * k + p % 4] + m;
    }
}

/* ---- tables of ik_llama.cpp ------------------------------------------------------------------ */

/* The table of a group of 16: a bit of extra, eight bytes, a bit for each 32. */
static int table_of(const uint8_t *extra, int k, int p)
{
    return extra[p / 16 % 2 * 4 + k] >> p / 32 & 1;
}

/* | d : 8 | extra : 8 | scales : 32 | qs : 256 | */
void qk_decode_iq2_k_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k);
        for (int p = 0; p < 256; p++) {
            int n = p / 32 * 8 + p / 16 % 2 * 4 + k;
            float scale = d * (float)(half_byte(blocks + 16, n) - 8);
            int code = two_bits(blocks + 48 + p / 32 * 32, k, p % 32);
            dst[(size_t)k * stride + (size_t)p] = scale * (float)ik_2[table_of(blocks + 8, k, p)][code];
        }
    }
}

/* | d : 8 | extra : 8 | scales_h : 8 | scales_l : 32 | qs : 256 | qh : 128 | */
void qk_decode_iq3_k_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k);
        for (int p = 0; p < 256; p++) {
            int b = p / 32, n = 8 * b + p / 16 % 2 * 4 + k;
            int s = 2 * half_byte(blocks + 24, n) + 1;
            float scale = d * (float)(blocks[16 + n % 8] >> n / 8 & 1 ? -s : s);
            int high = blocks[312 + 16 * b + 4 * k + p % 4] >> p % 32 / 4 & 1;
            int code = two_bits(blocks + 56 + 32 * b, k, p % 32) | high << 2;
            dst[(size_t)k * stride + (size_t)p] = scale * (float)ik_3[table_of(blocks + 8, k, p)][code];
        }
    }
}

/* | d : 8 | extra : 8 | scales_h : 16 | scales_l : 32 | qs : 512 | */
void qk_decode_iq4_k_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k);
        for (int p = 0; p < 256; p++) {
            int n = p / 32 * 8 + p / 16 % 2 * 4 + k;
            float scale = d * (float)six_bits(blocks + 16, blocks + 32, n);
            int code = four_bits(blocks + 64 + p / 32 * 64, k, p % 32);
            dst[(size_t)k * stride + (size_t)p] = scale * (float)ik_4[table_of(blocks + 8, k, p)][code];
        }
    }
}

/* Fifth bits of a group in 16 bytes: bit of | odd | half | pair |. */
static int fifth_bit(const uint8_t *qh, int k, int p)
{
    int four = p / 4, bit = (four & 1) * 4 + (four >> 2) * 2 + (four >> 1 & 1);
    return qh[4 * k + p % 4] >> bit & 1;
}

/* As IQ4_K, and qh : 128 */
void qk_decode_iq5_k_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    (void)head;
    for (int k = 0; k < 4; k++) {
        float d = qt_f16_load(blocks + 2 * k);
        for (int p = 0; p < 256; p++) {
            int b = p / 32, n = 8 * b + p / 16 % 2 * 4 + k;
            float scale = d * (float)six_bits(blocks + 16, blocks + 32, n);
            int code = four_bits(blocks + 64 + 64 * b, k, p % 32) |
                       fifth_bit(blocks + 576 + 16 * b, k, p % 32) << 4;
            dst[(size_t)k * stride + (size_t)p] = scale * (float)ik_5[table_of(blocks + 8, k, p)][code];
        }
    }
}

/* | scales : 32 | qs : 512 |      d is F32 and stands before the rows */
void qk_decode_iq4_ks_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++)
        for (int p = 0; p < 256; p++) {
            uint8_t s = blocks[p / 32 * 4 + k];
            float scale = f32_at(head, k) * (float)((s & 254) - 127);
            int code = four_bits(blocks + 32 + p / 32 * 64, k, p % 32);
            dst[(size_t)k * stride + (size_t)p] = scale * (float)ik_4[s & 1][code];
        }
}

/* As IQ4_KS, and qh : 128 */
void qk_decode_iq5_ks_r4(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++)
        for (int p = 0; p < 256; p++) {
            int b = p / 32;
            uint8_t s = blocks[4 * b + k];
            float scale = f32_at(head, k) * (float)((s & 254) - 127);
            int code = four_bits(blocks + 32 + 64 * b, k, p % 32) |
                       fifth_bit(blocks + 544 + 16 * b, k, p % 32) << 4;
            dst[(size_t)k * stride + (size_t)p] = scale * (float)ik_5[s & 1][code];
        }
}
