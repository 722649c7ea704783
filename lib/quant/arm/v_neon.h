/* NEON (aarch64): four lanes. Contracts: v.h. */
#ifndef QK_ARM_V_NEON_H
#define QK_ARM_V_NEON_H

#define VL 4
#include "lib/quant/vec/picks.h"
#include "lib/quant/vec/v4.h"
#include "lib/quant/vec/vtypes.h"

#include <arm_neon.h>

#define V_REGISTER "w" /* of a vector, to the compiler */

enum { V_HAS_LOOKUP = 1, V_HAS_LOOKUP8 = 0, V_HAS_LOOKUP16 = 0, V_HAS_LOOKUP32 = 0 };
enum { V_HAS_LOOKUP_WORDS = 0, V_HAS_PICK_WORDS = 0, V_HAS_VI_MIN = 1, V_HAS_F16 = 1 };

V_FN uint32_t v_same_as_next(const uint16_t *p)
{
    const uint16x8_t bit = {1, 2, 4, 8, 16, 32, 64, 128};
    uint32_t bits = 0;
    for (int k = 0; k < 32; k += 8) {
        const uint16x8_t same = vceqq_u16(vld1q_u16(p + k), vld1q_u16(p + k + 1));
        bits |= (uint32_t)vaddvq_u16(vandq_u16(same, bit)) << k;
    }
    return bits;
}

/* vminq and vmaxq know NaN and the signs of zeros; the contract is the plain comparison. */
V_FN vf vf_min(vf a, vf b)
{
    return vf_select(a < b, a, b);
}

V_FN vf vf_max(vf a, vf b)
{
    return vf_select(a > b, a, b);
}

V_FN vf vf_sqrt(vf a)
{
    return (vf)vsqrtq_f32((float32x4_t)a);
}

V_FN vf vf_round_even(vf a)
{
    return (vf)vrndnq_f32((float32x4_t)a);
}

V_FN vf vf_reciprocal_rough(vf a)
{
    float32x4_t r = vrecpeq_f32((float32x4_t)a);
    return (vf)vmulq_f32(r, vrecpsq_f32((float32x4_t)a, r));
}

V_FN float vf_hmax(vf a)
{
    return vmaxvq_f32((float32x4_t)a);
}

V_FN vi vi_min(vi a, vi b)
{
    return (vi)vminq_s32((int32x4_t)a, (int32x4_t)b);
}

V_FN vi vi_max(vi a, vi b)
{
    return (vi)vmaxq_s32((int32x4_t)a, (int32x4_t)b);
}

V_FN vu vu_max(vu a, vu b)
{
    return (vu)vmaxq_u32((uint32x4_t)a, (uint32x4_t)b);
}

V_FN vu vu_shrv(vu a, vu n)
{
    return (vu)vshlq_u32((uint32x4_t)a, vnegq_s32((int32x4_t)n));
}

V_FN unsigned vm_bits(vm m)
{
    const vi bit = {1, 2, 4, 8};
    return vaddvq_u32((uint32x4_t)(m & bit));
}

V_FN vd vd_load(const float *p)
{
    return (vd)vcvt_f64_f32(vld1_f32(p));
}

V_FN vd vd_from_lo(vf a)
{
    return (vd)vcvt_f64_f32(vget_low_f32((float32x4_t)a));
}

V_FN vd vd_from_hi(vf a)
{
    return (vd)vcvt_high_f64_f32((float32x4_t)a);
}

V_FN vd vd_add_exact(vd sum, vd a, vd b)
{
    return sum + a * b;
}

V_FN vi vi_trunc(vf a)
{
    return (vi)vcvtq_s32_f32((float32x4_t)a);
}

V_FN vi vi_nearest(vf a)
{
    return (vi)vcvtnq_s32_f32((float32x4_t)a);
}

V_FN vi vi_from_u16(const void *p)
{
    return (vi)vmovl_u16(vreinterpret_u16_u8(vld1_u8(p)));
}

V_FN void vi_to_u16(void *p, vi a)
{
    vst1_u8(p, vreinterpret_u8_u16(vmovn_u32((uint32x4_t)a)));
}

V_FN vf vf_from_f16(const void *p)
{
    return (vf)vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}

V_FN void vf_to_f16(void *p, vf a)
{
    uint16x4_t h = vreinterpret_u16_f16(vcvt_f16_f32((float32x4_t)a));
    /* A NaN would keep its payload: keep its sign alone. */
    uint16x4_t nan = vorr_u16(vand_u16(h, vdup_n_u16(0x8000)), vdup_n_u16(0x7e00));
    uint16x4_t same = vmovn_u32((uint32x4_t)(a == a));
    vst1_u8(p, vreinterpret_u8_u16(vbsl_u16(same, h, nan)));
}

V_FN vf vf_from_v4(v4 a)
{
    return a;
}

V_FN void vf_from_i8(vf out[V_PER16], vb q)
{
    int8x16_t b = (int8x16_t)q;
    int16x8_t lo = vmovl_s8(vget_low_s8(b)), hi = vmovl_high_s8(b);
    out[0] = (vf)vcvtq_f32_s32(vmovl_s16(vget_low_s16(lo)));
    out[1] = (vf)vcvtq_f32_s32(vmovl_high_s16(lo));
    out[2] = (vf)vcvtq_f32_s32(vmovl_s16(vget_low_s16(hi)));
    out[3] = (vf)vcvtq_f32_s32(vmovl_high_s16(hi));
}

V_FN vb vb_from_vi(const vi a[V_PER16])
{
    uint16x8_t lo = vuzp1q_u16((uint16x8_t)a[0], (uint16x8_t)a[1]);
    uint16x8_t hi = vuzp1q_u16((uint16x8_t)a[2], (uint16x8_t)a[3]);
    return (vb)vuzp1q_u8((uint8x16_t)lo, (uint8x16_t)hi);
}

V_FN vbs vbs_from_vi(const vi a[4])
{
    return vb_from_vi(a);
}

V_FN vbs vbs_min(vbs a, vbs b)
{
    return (vbs)vminq_u8((uint8x16_t)a, (uint8x16_t)b);
}

V_FN vbs vbs_max(vbs a, vbs b)
{
    return (vbs)vmaxq_u8((uint8x16_t)a, (uint8x16_t)b);
}

V_FN vb vb_lookup(vb table, vb at)
{
    return (vb)vqtbl1q_u8((uint8x16_t)table, (uint8x16_t)at);
}

V_FN unsigned vb_bits(vb a)
{
    const vb bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t b = (uint8x16_t)((vb)(a > 127) & bit);
    return (unsigned)vaddv_u8(vget_low_u8(b)) | (unsigned)vaddv_u8(vget_high_u8(b)) << 8;
}

/* Numbers of the four bytes of table entries. */
V_FN uint8x16_t neon_bytes(vi at)
{
    return (uint8x16_t)((vu)at * 0x04040404u + 0x03020100u);
}

V_FN vf vf_lookup8(const vf table[V_T8], vi at)
{
    uint8x16x2_t t = {{(uint8x16_t)table[0], (uint8x16_t)table[1]}};
    return (vf)vqtbl2q_u8(t, neon_bytes(at & 7));
}

V_FN vf vf_lookup_two(const vf both[2], vi at)
{
    return vf_lookup8(both, at);
}

V_FN vf vf_lookup16(const vf table[V_PER16], vi at)
{
    uint8x16x4_t t = {
        {(uint8x16_t)table[0], (uint8x16_t)table[1], (uint8x16_t)table[2], (uint8x16_t)table[3]}};
    return (vf)vqtbl4q_u8(t, neon_bytes(at & 15));
}

V_FN vf vf_lookup4(vf table, vi at)
{
    return (vf)vqtbl1q_u8((uint8x16_t)table, neon_bytes(at & 3));
}

V_FN vb vb_from_bits(unsigned bits, vb on)
{
    uint8x8_t lo = vdup_n_u8((uint8_t)bits), hi = vdup_n_u8((uint8_t)(bits >> 8));
    return vb_test_bits((vb)vcombine_u8(lo, hi)) & on;
}

V_FN vi vi_sides_from_u16(const void *p)
{
    return vi_from_u16(p);
}

V_FN vf vf_side_min(vf a)
{
    return vf_set1(vminvq_f32((float32x4_t)a));
}

V_FN vf vf_least(vf a)
{
    return vf_side_min(a);
}

#endif
