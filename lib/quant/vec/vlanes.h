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

/* Of bytes that repeat the low byte of sixteen bits, then the high one: 255 where the byte's own
 * bit is set, else 0. */
V_FN vb vb_test_bits(vb b)
{
    const vb bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    return (vb)((b & bit) == bit);
}

#endif
