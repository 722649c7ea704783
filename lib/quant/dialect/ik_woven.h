/* How ik_llama.cpp weaves the rows of its types by four, eight or sixteen ("_r4", "_r8", "_r16").
 *
 * What rows have of their own (d, scales) stands row by row; codes stand four bytes of a row at a time. In
 * what follows k is the row, p an element of a group of 32, and of its number are taken
 *
 *     i = p % 4        the byte of four
 *     p / 4            which of eight fours, three bits: | half of the group | pair | odd |
 */
#ifndef QK_IK_WOVEN_H
#define QK_IK_WOVEN_H

#include <stdint.h>

/* Low four bits: 64 bytes a group of four rows, odd fours in their second half. */
static inline int four_bits(const uint8_t *qs, int k, int p)
{
    int four = p / 4;
    return qs[(four & 1) * 32 + (four >> 2) * 16 + 4 * k + p % 4] >> (four >> 1 & 1) * 4 & 15;
}

#endif
