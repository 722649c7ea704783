/* What the four-lane levels share, in GNU C. The element-wise fall-backs are slow; V_HAS_LOOKUP
 * tells kernels where they'd be. */
#ifndef QK_VEC_V4_H
#define QK_VEC_V4_H

#include "lib/quant/half.h"
#include "lib/quant/vec/vlanes.h"
#include "lib/quant/vec/vtypes.h"

V_FN vf vf_set1(float x)
{
    return (vf){x, x, x, x};
}

V_FN vf vf_add_aside(vf sum, vf a)
{
    return sum + a;
}

V_FN vf vf_muladd_rough(vf a, vf b, vf c)
{
    return a * b + c;
}

V_FN vi vi_set1(int32_t x)
{
    return (vi){x, x, x, x};
}

V_FN vi vi_select(vm m, vi a, vi b)
{
    return (a & m) | (b & ~m);
}

V_FN vf vf_select(vm m, vf a, vf b)
{
    return (vf)vi_select(m, (vi)a, (vi)b);
}

V_FN vm vm_from_bits(unsigned bits)
{
    const vi bit = {1, 2, 4, 8};
    return (vi_set1((int32_t)bits) & bit) == bit;
}

V_FN void vf_flip32(vf a[32 / VL], const void *signs)
{
    const vi all = vi_set1((int32_t)gg_load_u32(signs));
    V_UNROLL
    for (int k = 0; k < 32 / VL; k++) {
        const vu bit = (vu){1, 2, 4, 8} << k * VL;
        a[k] = (vf)((vu)a[k] ^ ((vu)(((vu)all & bit) == bit) & 0x80000000u));
    }
}

V_FN vf vf_set1_f16(const void *p)
{
    return vf_set1(qt_f16_load(p));
}

V_FN uint16_t v_f16_bits(float x)
{
    return qt_f16_from_f32(x);
}

V_FN void vf_to_f16(void *p, vf a);

V_FN void vf_to_f16_finite(void *p, vf a)
{
    vf_to_f16(p, a);
}

V_FN void vi_to_u16(void *p, vi a);

V_FN void vi_to_u16_twice(void *p, vi a, vi b)
{
    vi_to_u16(p, a);
    vi_to_u16((uint8_t *)p + 2 * VL, b);
}

V_FN void v_max_quarters(float out[4], vf a)
{
    *(vf_mem *)out = a;
}

V_FN vf vf_gather(const float *base, vi at)
{
    return (vf){base[at[0]], base[at[1]], base[at[2]], base[at[3]]};
}

V_FN vf vf_lookup32(const vf table[32 / VL], vi at)
{
    return vf_gather((const float *)table, at & 31);
}

V_FN vi vi_gather(const int32_t *base, vi at)
{
    return (vi){base[at[0]], base[at[1]], base[at[2]], base[at[3]]};
}

V_FN vi vi_gather_u16(const uint16_t *base, vi at)
{
    return (vi){base[at[0]], base[at[1]], base[at[2]], base[at[3]]};
}

V_FN void v_pack(int32_t *p, vi a, unsigned bits)
{
    for (int k = 0; k < VL; k++) {
        *p = a[k];
        p += bits >> k & 1;
    }
}

V_FN void vf_scatter(float *base, vi at, vf a)
{
    for (int k = 0; k < VL; k++)
        base[at[k]] = a[k];
}

V_FN void vi_spread4(vi out[V_PER16], uint64_t words)
{
    for (int k = 0; k < 4; k++)
        out[k] = vi_set1((int32_t)(words >> 16 * k & 0xffff));
}

V_FN void vi_spread_two(vi out[V_PER16], const void *a, const void *b)
{
    out[0] = out[1] = vi_set1(gg_load_u16(a));
    out[2] = out[3] = vi_set1(gg_load_u16(b));
}

V_FN void vf_from_rows8(vf out[V_PER16], const float a[8], const float b[8])
{
    out[0] = *(const vf_mem *)a;
    out[1] = *(const vf_mem *)(a + 4);
    out[2] = *(const vf_mem *)b;
    out[3] = *(const vf_mem *)(b + 4);
}

V_FN void vf_from_i8(vf out[V_PER16], vb q);

V_FN vf vf_load_quads(const float *const *p, size_t at)
{
    return *(const vf_mem *)(p[0] + at);
}

V_FN vf vf_zip_lo(vf a, vf b)
{
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}

V_FN vf vf_zip_hi(vf a, vf b)
{
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

V_FN vf vf_zip2_lo(vf a, vf b)
{
    return __builtin_shufflevector(a, b, 0, 1, 4, 5);
}

V_FN vf vf_zip2_hi(vf a, vf b)
{
    return __builtin_shufflevector(a, b, 2, 3, 6, 7);
}

V_FN void vi_from_u8(vi out[V_PER16], vb q)
{
    for (int k = 0; k < 16; k++)
        out[k / 4][k % 4] = q[k];
}

V_FN void vf_transpose_quarters(vf a[1])
{
    (void)a;
}

V_FN unsigned vb_bits(vb a);

V_FN uint64_t vbs_bits(vbs a)
{
    return vb_bits((vb)a);
}

V_FN void vbs_store(uint8_t *p, size_t step, vbs a)
{
    (void)step;
    *(vb_mem *)p = (vb)a;
}

V_FN vb vb_from_bits(unsigned bits, vb on);

V_FN void vb_from_bits32(vb out[2], const void *p, vb on)
{
    const uint32_t bits = gg_load_u32(p);
    out[0] = vb_from_bits(bits & 0xffff, on);
    out[1] = vb_from_bits(bits >> 16, on);
}

#endif
