/* SSE2 (x86-64 baseline): four lanes, no byte permutations, no shifts lane by lane. Contracts: v.h.
 */
#ifndef QK_X86_V_SSE2_H
#define QK_X86_V_SSE2_H

#define VL 4
#include "lib/quant/vec/v4.h"
#include "lib/quant/vec/vtypes.h"
#include "lib/quant/x86/v_x86.h"

enum { V_HAS_LOOKUP = 0, V_HAS_LOOKUP8 = 0, V_HAS_LOOKUP16 = 0, V_HAS_LOOKUP32 = 0 };
enum { V_HAS_LOOKUP_WORDS = 0, V_HAS_VI_MIN = 0, V_HAS_F16 = 0 };

V_FN vf vf_min(vf a, vf b)
{
    return _mm_min_ps(a, b);
}

V_FN vf vf_max(vf a, vf b)
{
    return _mm_max_ps(a, b);
}

V_FN vf vf_sqrt(vf a)
{
    return _mm_sqrt_ps(a);
}

V_FN vf vf_round_even(vf a)
{
    return (a + 12582912.0f) - 12582912.0f;
}

V_FN vf vf_reciprocal_rough(vf a)
{
    return _mm_rcp_ps(a);
}

V_FN float vf_hmax(vf a)
{
    return x86_hmax(a);
}

V_FN vi vi_min(vi a, vi b)
{
    return vi_select(a < b, a, b);
}

V_FN vi vi_max(vi a, vi b)
{
    return vi_select(a > b, a, b);
}

V_FN vu vu_max(vu a, vu b)
{
    return (vu)vi_select((vi)(a > b), (vi)a, (vi)b);
}

V_FN vu vu_shrv(vu a, vu n)
{
    return (vu){a[0] >> n[0], a[1] >> n[1], a[2] >> n[2], a[3] >> n[3]};
}

V_FN unsigned vm_bits(vm m)
{
    return (unsigned)_mm_movemask_ps((__m128)m);
}

V_FN vd vd_load(const float *p)
{
    return _mm_cvtps_pd((__m128)_mm_loadl_epi64((const __m128i *)(const void *)p));
}

V_FN vd vd_from_lo(vf a)
{
    return _mm_cvtps_pd(a);
}

V_FN vd vd_from_hi(vf a)
{
    return _mm_cvtps_pd(_mm_movehl_ps(a, a));
}

V_FN vd vd_add_exact(vd sum, vd a, vd b)
{
    return sum + a * b;
}

V_FN vi vi_trunc(vf a)
{
    return (vi)_mm_cvttps_epi32(a);
}

V_FN vi vi_nearest(vf a)
{
    return (vi)_mm_cvtps_epi32(a);
}

V_FN vi vi_from_u16(const void *p)
{
    return (vi)_mm_unpacklo_epi16(_mm_loadl_epi64(p), _mm_setzero_si128());
}

V_FN void vi_to_u16(void *p, vi a)
{
    vu s = (vu)a << 16; /* packing saturates as signed: carry the sign bit down */
    __m128i w = _mm_srai_epi32((__m128i)s, 16);
    _mm_storel_epi64(p, _mm_packs_epi32(w, w));
}

/* As qt_f32_from_f16 and qt_f16_from_f32 (half.h), which explain the numbers. */
V_FN vf vf_from_f16(const void *p)
{
    vu h = (vu)vi_from_u16(p);
    vu sign = (h & 0x8000u) << 16, low = h & 0x7fffu;
    vu rest = (low << 13) + (112u << 23);
    vu special = (rest + (112u << 23)) | ((vu)((vi)low > 0x7c00) & 0x400000u);
    vu tiny = (vu)(__builtin_convertvector((vi)low, vf) * 0x1p-24f);
    rest = (vu)vi_select((vi)low > 0x7bff, (vi)special, (vi)rest);
    rest = (vu)vi_select((vi)low < 0x0400, (vi)tiny, (vi)rest);
    return (vf)(sign | rest);
}

V_FN void vf_to_f16(void *p, vf f)
{
    vu bits = (vu)f, a = bits & 0x7fffffffu;
    vu normal = (a - (112u << 23) + 0xfffu + (a >> 13 & 1u)) >> 13;
    vu tiny = (vu)((vf)a + 0.5f) - 0x3f000000u;
    vi r = vi_select((vi)a < 0x38800000, (vi)tiny, (vi)normal);
    r = vi_select((vi)a > 0x477fffff, vi_set1(0x7c00), r);
    r = vi_select((vi)a > 0x7f800000, vi_set1(0x7e00), r);
    vi_to_u16(p, (vi)((bits >> 16 & 0x8000u) | (vu)r));
}

V_FN vf vf_from_v4(v4 a)
{
    return a;
}

V_FN void vf_from_i8(vf out[V_PER16], vb q)
{
    __m128i b = (__m128i)q;
    __m128i lo = _mm_unpacklo_epi8(b, b), hi = _mm_unpackhi_epi8(b, b);
    out[0] = _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(lo, lo), 24));
    out[1] = _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpackhi_epi16(lo, lo), 24));
    out[2] = _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(hi, hi), 24));
    out[3] = _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpackhi_epi16(hi, hi), 24));
}

V_FN vb vb_from_vi(const vi a[V_PER16])
{
    const __m128i ff = _mm_set1_epi32(255);
    __m128i lo =
        _mm_packs_epi32(_mm_and_si128((__m128i)a[0], ff), _mm_and_si128((__m128i)a[1], ff));
    __m128i hi =
        _mm_packs_epi32(_mm_and_si128((__m128i)a[2], ff), _mm_and_si128((__m128i)a[3], ff));
    return (vb)_mm_packus_epi16(lo, hi);
}

V_FN vbs vbs_from_vi(const vi a[4])
{
    const __m128i lo = _mm_packs_epi32((__m128i)a[0], (__m128i)a[1]);
    const __m128i hi = _mm_packs_epi32((__m128i)a[2], (__m128i)a[3]);
    return (vbs)_mm_packs_epi16(lo, hi);
}

V_FN vbs vbs_min(vbs a, vbs b)
{
    return (vbs)_mm_min_epu8((__m128i)a, (__m128i)b);
}

V_FN vbs vbs_max(vbs a, vbs b)
{
    return (vbs)_mm_max_epu8((__m128i)a, (__m128i)b);
}

V_FN vf vf_lookup4(vf table, vi at)
{
    return (vf){table[at[0] & 3], table[at[1] & 3], table[at[2] & 3], table[at[3] & 3]};
}

V_FN vf vf_lookup8(const vf table[V_T8], vi at)
{
    return vf_gather((const float *)table, at & 7);
}

V_FN vf vf_lookup_two(const vf both[2], vi at)
{
    return vf_lookup8(both, at);
}

V_FN vf vf_lookup16(const vf table[V_PER16], vi at)
{
    return vf_gather((const float *)table, at & 15);
}

V_FN vb vb_lookup(vb table, vb at)
{
    vb r;
    for (int i = 0; i < 16; i++)
        r[i] = table[at[i] & 15];
    return r;
}

V_FN vb vb_from_bits(unsigned bits, vb on)
{
    __m128i b = _mm_cvtsi32_si128((int)bits);
    b = _mm_shufflelo_epi16(_mm_unpacklo_epi8(b, b), 0x50); /* each byte four times */
    return vb_test_bits((vb)_mm_shuffle_epi32(b, 0x50)) & on;
}

V_FN vi vi_sides_from_u16(const void *p)
{
    return vi_from_u16(p);
}

V_FN vf vf_side_min(vf a)
{
    a = vf_min(a, _mm_shuffle_ps(a, a, _MM_SHUFFLE(1, 0, 3, 2)));
    return vf_min(a, _mm_shuffle_ps(a, a, _MM_SHUFFLE(2, 3, 0, 1)));
}

V_FN vf vf_least(vf a)
{
    return vf_side_min(a);
}

#endif
