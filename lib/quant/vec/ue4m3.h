/* UE4M3, the scales of NVFP4, four at a time in the first lanes (half.h says what they are). */
#ifndef QK_VEC_UE4M3_H
#define QK_VEC_UE4M3_H

#include "lib/quant/vec/v.h"

/* qt_f32_from_ue4m3_half, without branches. */
V_FN vf v_ue4m3_half(vi v)
{
    vi low = v & 127;
    vf normal = (vf)(((vu)low << 20) + (119u << 23));
    vf r = vf_select(vi_lt(low, vi_set1(8)), vf_from_i(low) * 0x1p-10f, normal);
    return vf_select(vi_eq(v, vi_set1(0x7f)), vf_set1(0), r);
}

/* qt_ue4m3_from_f32 of numbers >= 0, without branches. */
V_FN vi v_ue4m3_from(vf f)
{
    vi r = (vi)((((vu)f >> 19) + 1u) >> 1) - (120 << 3);
    r = vi_select(vi_gt(r, vi_set1(0x77)), vi_set1(0x7e), r);
    vm small = vf_lt(f, vf_set1(0x1p-6f));
    vi tiny = vi_trunc(vf_select(small, f, vf_set1(0)) * 512.0f + 0.5f);
    return vi_select(small, vi_min(tiny, vi_set1(7)), r);
}

#endif
