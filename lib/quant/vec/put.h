/* Sixteen quants to sixteen floats: the end of most decoders. */
#ifndef QK_VEC_PUT_H
#define QK_VEC_PUT_H

#include "lib/quant/vec/v.h"

/* The compiler is not to remember what was stored: to spread one of sixteen floats it would permute them,
 * when the permuting unit is the busy one, and memory does it as well. */
V_FN void put_aside(float all[16])
{
    __asm__("" : "+m"(*(float(*)[16])all));
}

/* dst[i] = q[i] * d, q signed */
V_FN void put16(float *dst, vb q, vf d)
{
    vf x[V_PER16];
    vf_from_i8(x, q);
    V_UNROLL
    for (int k = 0; k < V_PER16; k++)
        vf_store(dst + k * VL, x[k] * d);
}

/* dst[i] = q[i] * d + m */
V_FN void put16_plus(float *dst, vb q, vf d, vf m)
{
    vf x[V_PER16];
    vf_from_i8(x, q);
    V_UNROLL
    for (int k = 0; k < V_PER16; k++)
        vf_store(dst + k * VL, x[k] * d + m);
}

/* dst[i] = d * q[i] - m */
V_FN void put16_minus(float *dst, vb q, vf d, vf m)
{
    vf x[V_PER16];
    vf_from_i8(x, q);
    V_UNROLL
    for (int k = 0; k < V_PER16; k++)
        vf_store(dst + k * VL, d * x[k] - m);
}

#endif
