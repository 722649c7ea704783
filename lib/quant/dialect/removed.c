/* Types that llama.cpp once stored woven for ARM's and AVX's kernels: ids 31 to 33, 36 to 38.
 *
 *     | d of each row : 2 bytes | qs of the rows in turns of `turn` bytes |
 *
 * In the Q4_0 types each half byte has its high bit turned over, which makes it a signed number.
 * Source: make_block_q4_0x4 and its like of ggml-aarch64.c (MIT).
 */
#include "lib/quant/dialect/impl.h"

#include <string.h>

enum { HALF_BYTES = 16 }; /* of a row's block */

static void unweave(uint8_t *dst, size_t stride, const uint8_t *blocks, size_t rows, size_t turn,
                    uint8_t flip)
{
    const uint8_t *qs = blocks + 2 * rows;
    for (size_t r = 0; r < rows; r++) {
        uint8_t *to = dst + r * stride;
        memcpy(to, blocks + 2 * r, 2);
        for (size_t i = 0; i < HALF_BYTES; i++)
            to[2 + i] = qs[(i / turn * rows + r) * turn + i % turn] ^ flip;
    }
}

#define UNWEAVE(name, rows, turn, flip)                                                            \
    void qk_unweave_##name(uint8_t *dst, size_t stride, const uint8_t *blocks)                     \
    {                                                                                              \
        unweave(dst, stride, blocks, rows, turn, flip);                                            \
    }

UNWEAVE(q4_0_4_4, 4, 4, 0x88)
UNWEAVE(q4_0_4_8, 4, 8, 0x88)
UNWEAVE(q4_0_8_8, 8, 8, 0x88)
UNWEAVE(iq4_nl_4_4, 4, 4, 0)
UNWEAVE(iq4_nl_4_8, 4, 8, 0)
UNWEAVE(iq4_nl_8_8, 8, 8, 0)
/* ik_llama.cpp's, which is the same without turning bits over. */
UNWEAVE(q4_0_r8, 8, 4, 0)
