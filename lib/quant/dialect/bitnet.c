/* The type of BitNet's own program (i2_s), as its builds for x86 write it, and as ik_llama.cpp reads it: ternary
 * codes of two bits, one scale for the whole tensor behind them.
 *
 *     | 128 codes : 32 bytes, code 32g + j in bits 6 - 2g of byte j | ... | scale : F32 | padding to 32 bytes |
 *
 * Source: dequantize_row_ms_i2s of ik_llama.cpp's iqk_quantize.cpp (MIT).
 */
#include "lib/quant/dialect/impl.h"

#include "lib/base/num.h"

void qk_decode_i2_s(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks)
{
    float scale = gg_f32_from_bits(gg_load_u32(head));
    (void)stride; /* one row */
    for (int i = 0; i < 128; i++)
        dst[i] = scale * (float)((blocks[i % 32] >> (6 - i / 32 * 2) & 3) - 1);
}
