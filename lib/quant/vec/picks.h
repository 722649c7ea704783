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

V_FN void v_pick_words(uint16_t *p, const uint16_t *from, uint32_t bits)
{
    for (; bits; bits &= bits - 1)
        *p++ = from[__builtin_ctz(bits)];
}

#endif
