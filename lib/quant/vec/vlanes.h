/* For levels whose masks are lanes of all ones or zeros: compares and mask logic in GNU C. */
#ifndef QK_VEC_VLANES_H
#define QK_VEC_VLANES_H

#include "lib/quant/vec/vtypes.h"

typedef vi vm;

V_FN vm vf_lt(vf a, vf b)
{
    return a < b;
}

V_FN vm vf_le(vf a, vf b)
{
    return a <= b;
}

V_FN vm vf_eq(vf a, vf b)
{
    return a == b;
}

V_FN vm vi_lt(vi a, vi b)
{
    return a < b;
}

V_FN vm vi_eq(vi a, vi b)
{
    return a == b;
}

V_FN vi vi_inc(vi a, vm m)
{
    return a - m;
}

V_FN vm vm_and(vm a, vm b)
{
    return a & b;
}

V_FN vm vm_or(vm a, vm b)
{
    return a | b;
}

V_FN vm vm_not(vm a)
{
    return ~a;
}

V_FN void v_words_from_u8(v_words *out, const void *p)
{
    typedef uint8_t bytes __attribute__((vector_size(32), aligned(1), may_alias));
    *out = __builtin_convertvector(*(const bytes *)p, v_words);
}

V_FN void v_words_select(v_words *a, const void *bits, const v_words *b)
{
    const uint8_t *bit = bits;
    for (int k = 0; k < 32; k++)
        if (bit[k / 8] >> k % 8 & 1)
            (*a)[k] = (*b)[k];
}

V_FN void v_lookup_words(v_words *at, const uint16_t *table, int size)
{
    for (int k = 0; k < 32; k++)
        (*at)[k] = table[(*at)[k] & (size - 1)];
}

/* Of bytes that repeat the low byte of sixteen bits, then the high one: 255 where the byte's own
 * bit is set, else 0. */
V_FN vb vb_test_bits(vb b)
{
    const vb bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    return (vb)((b & bit) == bit);
}

#endif
