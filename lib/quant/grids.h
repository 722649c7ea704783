/* Constant tables of the codebook types and of the non-linear 4-bit types.
 *
 * A grid's row is a code: eight fields of two bits or four fields of three, the first element in the
 * low bits. A field is not a magnitude but its number; what the numbers mean is said below. The order
 * of the rows is the format's: a file stores row indexes. (ggml: ggml-common.h holds the same rows
 * with the magnitudes spelled out.)
 */
#ifndef QK_GRIDS_H
#define QK_GRIDS_H

#include <stdint.h>

/* Two bits an element, eight elements. iq2: 0, 1, 2 stand for 8, 25, 43. iq1: for -1, 0, 1. */
extern const uint16_t qk_grid_iq2xxs[256];
extern const uint16_t qk_grid_iq2xs[512];
extern const uint16_t qk_grid_iq2s[1024];
extern const uint16_t qk_grid_iq1s[2048]; /* IQ1_S and IQ1_M */
/* Three bits an element, four elements. iq3xxs: v stands for 8v + 4, but 7 for 62. iq3s: 2v + 1. */
extern const uint16_t qk_grid_iq3xxs[256];
extern const uint16_t qk_grid_iq3s[512];

/* The same rows, each element as what it stands for: the decoders' form. */
extern const float qk_rows_iq2xxs[256][8];
extern const float qk_rows_iq2xs[512][8];
extern const float qk_rows_iq2s[1024][8];
extern const int8_t qk_rows_iq1s[2048][8]; /* floats would not fit the fastest cache */
extern const float qk_rows_iq3xxs[256][4];
extern const float qk_rows_iq3s[512][4];

/* What the sixteen values of a quant stand for. */
extern const int8_t qk_iq4nl_values[16];
extern const int8_t qk_fp4_values[16]; /* E2M1, doubled: MXFP4, NVFP4 */

/* Seven stored sign bits to eight: the eighth makes the number of minus signs even. */
static inline uint8_t qk_even_signs(uint32_t s)
{
    uint32_t fold = (s ^ s >> 4) & 7; /* s has seven bits: fold 6..4 onto 2..0, then bit 3 */
    uint32_t parity = (0x96u >> fold ^ s >> 3) & 1;
    return (uint8_t)(s | parity << 7);
}

#endif
