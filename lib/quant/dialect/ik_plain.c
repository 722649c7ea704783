/* Woven types of ik_llama.cpp (ik_woven.h) whose bits are those of a type of llama.cpp: they go back to its
 * blocks, and nothing is lost. Layouts: structs in ggml-common.h, functions in iqk_quantize.cpp of
 * ik_llama.cpp (MIT); those of the blocks: blocks.h.
 */
#include "lib/quant/blocks.h"
#include "lib/quant/dialect/ik_woven.h"
#include "lib/quant/dialect/impl.h"

#include <string.h>

/* Two of each row. */
void qk_unweave_bf16_r16(uint8_t *dst, size_t stride, const uint8_t *blocks)
{
    for (int k = 0; k < 16; k++)
        memcpy(dst + (size_t)k * stride, blocks + 4 * k, 4);
}

/* ---- groups of 32 ---------------------------------------------------------------------------- */

/* | d : 8 | qs : 64 | */
void qk_unweave_iq4_nl_r4(uint8_t *dst, size_t stride, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++) {
        struct qt_block_iq4_nl *b = (void *)(dst + (size_t)k * stride);
        memcpy(&b->d, blocks + 2 * k, 2);
        for (int j = 0; j < 16; j++)
            b->qs[j] = (uint8_t)(four_bits(blocks + 8, k, j) | four_bits(blocks + 8, k, j + 16) << 4);
    }
}

/* | d : 16 | qs : 256 | */
void qk_unweave_q8_0_r8(uint8_t *dst, size_t stride, const uint8_t *blocks)
{
    for (int k = 0; k < 8; k++) {
        struct qt_block_q8_0 *b = (void *)(dst + (size_t)k * stride);
        memcpy(&b->d, blocks + 2 * k, 2);
        for (int f = 0; f < 8; f++)
            memcpy(b->qs + 4 * f, blocks + 16 + 32 * f + 4 * k, 4);
    }
}

/* | e : 8 | qs : 128 | */
void qk_unweave_mxfp4_r8(uint8_t *dst, size_t stride, const uint8_t *blocks)
{
    for (int k = 0; k < 8; k++) {
        struct qt_block_mxfp4 *b = (void *)(dst + (size_t)k * stride);
        b->e = blocks[k];
        for (int f = 0; f < 4; f++)
            memcpy(b->qs + 4 * f, blocks + 8 + 32 * f + 4 * k, 4);
    }
}

/* ---- super-blocks of 256 --------------------------------------------------------------------- */

/* d and dmin, then eight scales and minimums of six bits, as Q4_K and Q5_K begin.
 * | d, dmin : 16 | scales_h : 16 | scales_l : 32 |
 *     scales_l[4b + k]: | min : 4 | scale : 4 |, above them bits of scales_h: | min : 2 | scale : 2 | */
static void put_scales(struct qt_block_q4_K *b, const uint8_t *blocks, int k)
{
    uint8_t scale[8], min[8];
    memcpy(&b->d, blocks + 2 * k, 2);
    memcpy(&b->dmin, blocks + 8 + 2 * k, 2);
    for (int g = 0; g < 8; g++) {
        int n = 4 * g + k, low = blocks[32 + n], high = blocks[16 + n % 16] >> n / 16 * 4;
        scale[g] = (uint8_t)((low & 15) | (high & 3) << 4);
        min[g] = (uint8_t)(low >> 4 | (high & 12) << 2);
    }
    for (int j = 0; j < 4; j++) {
        b->scales[j] = (uint8_t)(scale[j] | scale[j + 4] >> 4 << 6);
        b->scales[4 + j] = (uint8_t)(min[j] | min[j + 4] >> 4 << 6);
        b->scales[8 + j] = (uint8_t)((scale[j + 4] & 15) | (min[j + 4] & 15) << 4);
    }
}

/* Low bits of 256: those of 64 in 32 bytes. */
static void put_low(uint8_t *dst, const uint8_t *qs, int k)
{
    for (int at = 0; at < 128; at++) {
        const uint8_t *group = qs + at / 32 * 128;
        dst[at] = (uint8_t)(four_bits(group, k, at % 32) | four_bits(group + 64, k, at % 32) << 4);
    }
}

void qk_unweave_q4_k_r4(uint8_t *dst, size_t stride, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++) {
        struct qt_block_q4_K *b = (void *)(dst + (size_t)k * stride);
        put_scales(b, blocks, k);
        put_low(b->qs, blocks + 64, k);
    }
}

/* Scales as above, then | qh : 128 | qs : 512 |: fifth bits of a group in 16 bytes, | half | odd | pair |. */
void qk_unweave_q5_k_r4(uint8_t *dst, size_t stride, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++) {
        struct qt_block_q5_K *b = (void *)(dst + (size_t)k * stride);
        put_scales((struct qt_block_q4_K *)b, blocks, k); /* begins alike */
        put_low(b->qs, blocks + 192, k);
        memset(b->qh, 0, sizeof b->qh);
        for (int p = 0; p < 256; p++) {
            int four = p % 32 / 4, bit = (four >> 2) * 4 + (four & 1) * 2 + (four >> 1 & 1);
            int high = blocks[64 + p / 32 * 16 + 4 * k + p % 4] >> bit & 1;
            b->qh[p % 32] |= (uint8_t)(high << p / 32);
        }
    }
}

/* | d : 8 | scales : 64 | qh : 256 | ql : 512 | */
void qk_unweave_q6_k_r4(uint8_t *dst, size_t stride, const uint8_t *blocks)
{
    for (int k = 0; k < 4; k++) {
        struct qt_block_q6_K *b = (void *)(dst + (size_t)k * stride);
        memset(b, 0, sizeof *b);
        memcpy(&b->d, blocks + 2 * k, 2);
        for (int g = 0; g < 16; g++)
            b->scales[g] = (int8_t)blocks[8 + 4 * g + k];
        for (int p = 0; p < 256; p++) {
            int g = p / 32, four = p % 32 / 4, shift = (four & 1) * 4 + (four >> 1 & 1) * 2;
            int high = blocks[72 + 32 * g + (four >> 2) * 16 + 4 * k + p % 4] >> shift & 3;
            int low = four_bits(blocks + 328 + 64 * g, k, p % 32);
            b->ql[p / 128 * 64 + p % 64] |= (uint8_t)(low << p / 64 % 2 * 4);
            b->qh[p / 128 * 32 + p % 32] |= (uint8_t)(high << p / 32 % 4 * 2);
        }
    }
}
