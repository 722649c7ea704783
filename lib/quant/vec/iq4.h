/* The sixteen values of IQ4_NL and IQ4_XS, and which of them is nearest. */
#ifndef QK_VEC_IQ4_H
#define QK_VEC_IQ4_H

#include "lib/quant/vec/search.h"

/* Number of the nearest value, the higher of two equally near. Fifteen cells of width 14 hold one
 * middle between two values each: cell c, from 14 c - 110.25 to 14 c - 96.25 (the outer ones are open),
 * holds number c, and the ends are 1.5 and more away from any, so that the cell may be computed
 * inexactly. */
V_FN vi v_iq4_nearest(vf v)
{
    static const float middle[16] = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
                                     7.0f,    19.0f,  31.5f,  45.5f,  61.0f,  79.0f,  101.0f, 0};
    vf table[V_PER16];
    v_load_run(table, middle, V_PER16);
    vf cell = vf_clamp(v * (1.0f / 14.0f) + 7.375f, 0, 14);
    vi c = (vi)(cell + 12582912.0f) & 15;
    return vi_inc(c, vf_ge(v, vf_lookup16(table, c)));
}

V_FN vf v_iq4_value(vi number)
{
    static const float value[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                    1,    13,   25,  38,  53,  69,  89,  113};
    vf table[V_PER16];
    v_load_run(table, value, V_PER16);
    return vf_lookup16(table, number);
}

#endif
