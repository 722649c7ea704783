/* Numbers of set bits, and the words they pick, where no instruction packs lanes (v.h). */
#ifndef QK_VEC_PICKS_H
#define QK_VEC_PICKS_H

#include "lib/base/num.h"
#include "lib/quant/vec/vtypes.h"

/* Four bits at a time, always all: how many there are cannot be predicted. */
V_FN int v_number_bits(uint16_t *p, uint32_t bits, int n, int add)
{
    static const uint64_t numbers[16] = {
        0x0, 0x0,     0x1,     0x10000,     0x2,     0x20000,     0x20001,     0x200010000,
        0x3, 0x30000, 0x30001, 0x300010000, 0x30002, 0x300020000, 0x300020001, 0x3000200010000};
    static const uint8_t count[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    const uint16_t *begin = p;

    for (int k = 0; k < n; k += 4) {
        const unsigned four = bits >> k & 15;
        gg_store_u64(p, numbers[four] + (uint64_t)(unsigned)(add + k) * 0x0001000100010001u);
        p += count[four];
    }
    return (int)(p - begin);
}

V_FN void v_pick_words(uint16_t *p, const uint16_t *from, const uint16_t *at, int n)
{
    for (int k = 0; k < n; k++)
        p[k] = from[at[k]];
}

V_FN void v_keep_words(uint16_t *p, uint16_t word, uint32_t bits)
{
    typedef uint16_t half __attribute__((vector_size(32)));
    typedef uint16_t half_mem __attribute__((vector_size(32), aligned(2), may_alias));
    const half bit = {1,     2,     4,     8,     0x10,   0x20,   0x40,   0x80,
                      0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000};

    for (int k = 0; k < 32; k += 16) {
        const half some = bit & (uint16_t)(bits >> k), in = (half)(some == bit);
        *(half_mem *)(p + k) = (*(const half_mem *)(p + k) & ~in) | (in & word);
    }
}

#endif
