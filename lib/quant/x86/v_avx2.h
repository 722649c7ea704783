/* AVX2 (x86-64-v3, with F16C): eight lanes, masks as lanes of all ones or zeros. Contracts: v.h.
 * v3 has FMA too; it is used only where it changes nothing, and -ffp-contract=off keeps the compiler
 * from it. */
#ifndef QK_X86_V_AVX2_H
#define QK_X86_V_AVX2_H

#define VL 8
#include "lib/quant/vec/vlanes.h"
#include "lib/quant/vec/vtypes.h"
#include "lib/quant/x86/v_x86.h"

#include <immintrin.h>

enum { V_HAS_LOOKUP = 1, V_HAS_LOOKUP8 = 1, V_HAS_LOOKUP32 = 0 };
enum { V_HAS_LOOKUP_WORDS = 0, V_HAS_VI_MIN = 1, V_HAS_F16 = 1 };

/* ---- floats ---------------------------------------------------------------------------------- */

V_FN vf vf_set1(float x)
{
    return _mm256_set1_ps(x);
}

V_FN vf vf_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}

V_FN vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}

V_FN vf vf_sqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}

V_FN vf vf_round_even(vf a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

V_FN vf vf_reciprocal_rough(vf a)
{
    return _mm256_rcp_ps(a);
}

V_FN vf vf_add_aside(vf sum, vf a)
{
    return _mm256_fmadd_ps(a, _mm256_set1_ps(1), sum);
}

V_FN vf vf_muladd_rough(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

V_FN vf vf_select(vm m, vf a, vf b)
{
    return _mm256_blendv_ps(b, a, (__m256)m);
}

V_FN void vf_flip32(vf a[32 / VL], const void *signs)
{
    const __m256i all = _mm256_set1_epi32((int)gg_load_u32(signs));
    const __m256i up = _mm256_set_epi32(24, 25, 26, 27, 28, 29, 30, 31);
    V_UNROLL
    for (int k = 0; k < 32 / VL; k++) {
        __m256i s = _mm256_sllv_epi32(all, _mm256_sub_epi32(up, _mm256_set1_epi32(k * VL)));
        a[k] = _mm256_xor_ps(a[k], _mm256_and_ps((__m256)s, _mm256_set1_ps(-0.0f)));
    }
}

V_FN float vf_hmax(vf a)
{
    return x86_hmax(_mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)));
}

/* ---- integers and masks ---------------------------------------------------------------------- */

V_FN vi vi_set1(int32_t x)
{
    return (vi)_mm256_set1_epi32(x);
}

V_FN vi vi_min(vi a, vi b)
{
    return (vi)_mm256_min_epi32((__m256i)a, (__m256i)b);
}

V_FN vi vi_max(vi a, vi b)
{
    return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b);
}

V_FN vu vu_max(vu a, vu b)
{
    return (vu)_mm256_max_epu32((__m256i)a, (__m256i)b);
}

V_FN vi vi_select(vm m, vi a, vi b)
{
    return (vi)_mm256_blendv_epi8((__m256i)b, (__m256i)a, (__m256i)m);
}

V_FN vu vu_shrv(vu a, vu n)
{
    return (vu)_mm256_srlv_epi32((__m256i)a, (__m256i)n);
}

V_FN unsigned vm_bits(vm m)
{
    return (unsigned)_mm256_movemask_ps((__m256)m);
}

V_FN vm vm_from_bits(unsigned bits)
{
    const vi bit = {1, 2, 4, 8, 16, 32, 64, 128};
    return (vi_set1((int32_t)bits) & bit) == bit;
}

/* ---- conversions ----------------------------------------------------------------------------- */

V_FN vi vi_trunc(vf a)
{
    return (vi)_mm256_cvttps_epi32(a);
}

V_FN vi vi_nearest(vf a)
{
    return (vi)_mm256_cvtps_epi32(a);
}

V_FN vd vd_load(const float *p)
{
    return _mm256_cvtps_pd(_mm_loadu_ps(p));
}

V_FN vd vd_from_lo(vf a)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(a));
}

V_FN vd vd_from_hi(vf a)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
}

V_FN vd vd_add_exact(vd sum, vd a, vd b)
{
    return _mm256_fmadd_pd(a, b, sum);
}

V_FN vf vf_from_f16(const void *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128(p));
}

V_FN vf vf_set1_f16(const void *p)
{
    return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_set1_epi16((short)gg_load_u16(p))));
}

V_FN void vf_to_f16(void *p, vf a)
{
    __m128i h = _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT);
    /* A NaN would keep its payload: keep its sign alone. */
    __m256i n = (__m256i)_mm256_cmp_ps(a, a, _CMP_UNORD_Q);
    __m128i m = _mm_packs_epi32(_mm256_castsi256_si128(n), _mm256_extracti128_si256(n, 1));
    __m128i sign = _mm_and_si128(h, _mm_set1_epi16((short)0x8000));
    __m128i nan = _mm_or_si128(sign, _mm_set1_epi16(0x7e00));
    _mm_storeu_si128(p, _mm_blendv_epi8(h, nan, m));
}

V_FN void vf_to_f16_finite(void *p, vf a)
{
    _mm_storeu_si128(p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}

V_FN uint16_t v_f16_bits(float x)
{
    return (uint16_t)_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT));
}

V_FN void vi_to_u16(void *p, vi a)
{
    __m256i low = _mm256_and_si256((__m256i)a, _mm256_set1_epi32(0xffff));
    __m256i w = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0xd8);
    _mm_storeu_si128(p, _mm256_castsi256_si128(w));
}

V_FN void vi_to_u16_twice(void *p, vi a, vi b)
{
    const __m256i w = _mm256_packus_epi32((__m256i)a, (__m256i)b);
    _mm256_storeu_si256(p, _mm256_permute4x64_epi64(w, 0xd8));
}

V_FN vf vf_from_v4(v4 a)
{
    return _mm256_zextps128_ps256(a);
}

V_FN vi vi_from_u16(const void *p)
{
    return (vi)_mm256_cvtepu16_epi32(_mm_loadu_si128(p));
}

V_FN void vf_from_i8(vf out[V_PER16], vb q)
{
    out[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32((__m128i)q));
    out[1] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64((__m128i)q, (__m128i)q)));
}

V_FN void vi_from_u8(vi out[V_PER16], vb q)
{
    out[0] = (vi)_mm256_cvtepu8_epi32((__m128i)q);
    out[1] = (vi)_mm256_cvtepu8_epi32(_mm_unpackhi_epi64((__m128i)q, (__m128i)q));
}

V_FN void vf_from_rows8(vf out[V_PER16], const float a[8], const float b[8])
{
    out[0] = _mm256_loadu_ps(a);
    out[1] = _mm256_loadu_ps(b);
}

V_FN vb vb_from_vi(const vi a[V_PER16])
{
    const __m256i ff = _mm256_set1_epi32(255);
    __m256i w = _mm256_packus_epi32(_mm256_and_si256((__m256i)a[0], ff),
                                    _mm256_and_si256((__m256i)a[1], ff));
    w = _mm256_permute4x64_epi64(w, 0xd8);
    return (vb)_mm_packus_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
}

/* ---- permutations ---------------------------------------------------------------------------- */

V_FN void vi_spread_two(vi out[V_PER16], const void *a, const void *b)
{
    out[0] = (vi)_mm256_set1_epi16((short)gg_load_u16(a));
    out[1] = (vi)_mm256_set1_epi16((short)gg_load_u16(b));
}

V_FN vf vf_lookup4(vf table, vi at)
{
    return _mm256_permutevar_ps(table, (__m256i)at);
}

V_FN vf vf_lookup8(const vf table[V_T8], vi at)
{
    return _mm256_permutevar8x32_ps(table[0], (__m256i)at);
}

#ifdef __AVX512VL__
enum { V_HAS_LOOKUP16 = 1 };

V_FN vf vf_lookup16(const vf table[V_PER16], vi at)
{
    return _mm256_permutex2var_ps(table[0], (__m256i)at, table[1]);
}

V_FN void v_pack(int32_t *p, vi a, unsigned bits)
{
    *(vi_mem *)p = (vi)_mm256_maskz_compress_epi32((__mmask8)bits, (__m256i)a);
}
#else
enum { V_HAS_LOOKUP16 = 0 };

V_FN vf vf_lookup16(const vf table[V_PER16], vi at)
{
    __m256 low = vf_lookup8(table, at), high = vf_lookup8(table + 1, at);
    return _mm256_blendv_ps(low, high, (__m256)_mm256_slli_epi32((__m256i)at, 28));
}

V_FN void v_pack(int32_t *p, vi a, unsigned bits)
{
    const uint64_t bytes = _pdep_u64(bits, 0x0101010101010101u) * 255;
    const uint64_t at = _pext_u64(0x0706050403020100u, bytes);
    const __m256i to = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)at));
    *(vi_mem *)p = (vi)_mm256_permutevar8x32_epi32((__m256i)a, to);
}
#endif

V_FN vf vf_lookup_two(const vf both[2], vi at)
{
    return vf_lookup16(both, at);
}

/* Greatest of the halves' first lanes, second lanes, ... */
V_FN void v_max_quarters(float out[4], vf a)
{
    _mm_storeu_ps(out, _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)));
}

V_FN vf vf_gather(const float *base, vi at)
{
    return _mm256_i32gather_ps(base, (__m256i)at, 4);
}

V_FN vf vf_lookup32(const vf table[32 / VL], vi at)
{
    return vf_gather((const float *)table, at & 31);
}

V_FN vi vi_gather(const int32_t *base, vi at)
{
    return (vi)_mm256_i32gather_epi32(base, (__m256i)at, 4);
}

V_FN vi vi_gather_u16(const uint16_t *base, vi at)
{
    return (vi)_mm256_i32gather_epi32((const void *)base, (__m256i)at, 2) & 0xffff;
}

V_FN void vf_scatter(float *base, vi at, vf a)
{
    for (int k = 0; k < VL; k++)
        base[at[k]] = a[k];
}

V_FN void vi_spread4(vi out[V_PER16], uint64_t words)
{
    /* Bytes 2k and 2k + 1 of each half's copy, then two zeros. */
    const vu k = {0, 0, 0, 0, 1, 1, 1, 1};
    const vu at = k * 0x0202u + 0x80800100u;
    const __m256i all = _mm256_set1_epi64x((long long)words);
    out[0] = (vi)_mm256_shuffle_epi8(all, (__m256i)at);
    out[1] = (vi)_mm256_shuffle_epi8(all, (__m256i)(at + 0x0404u));
}

V_FN vf vf_load_quads(const float *const *p, size_t at)
{
    __m256 r = _mm256_castps128_ps256(_mm_loadu_ps(p[0] + at));
    return _mm256_insertf128_ps(r, _mm_loadu_ps(p[4] + at), 1);
}

V_FN vf vf_zip_lo(vf a, vf b)
{
    return _mm256_unpacklo_ps(a, b);
}

V_FN vf vf_zip_hi(vf a, vf b)
{
    return _mm256_unpackhi_ps(a, b);
}

V_FN vf vf_zip2_lo(vf a, vf b)
{
    return (vf)_mm256_unpacklo_pd((__m256d)a, (__m256d)b);
}

V_FN vf vf_zip2_hi(vf a, vf b)
{
    return (vf)_mm256_unpackhi_pd((__m256d)a, (__m256d)b);
}

V_FN void vf_transpose_quarters(vf a[2])
{
    const vf t = _mm256_permute2f128_ps(a[0], a[1], 0x31);
    a[0] = _mm256_insertf128_ps(a[0], _mm256_castps256_ps128(a[1]), 1);
    a[1] = t;
}

V_FN vi vi_sides_from_u16(const void *p)
{
    return vi_from_u16(p);
}

V_FN vf vf_side_min(vf a)
{
    a = vf_min(a, _mm256_permute2f128_ps(a, a, 1));
    a = vf_min(a, _mm256_permute_ps(a, _MM_SHUFFLE(1, 0, 3, 2)));
    return vf_min(a, _mm256_permute_ps(a, _MM_SHUFFLE(2, 3, 0, 1)));
}

V_FN vf vf_least(vf a)
{
    return vf_side_min(a);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

V_FN vb vb_lookup(vb table, vb at)
{
    return (vb)_mm_shuffle_epi8((__m128i)table, (__m128i)at);
}

V_FN vb vb_from_bits(unsigned bits, vb on)
{
    const __m128i at = _mm_set_epi64x(0x0101010101010101, 0);
    return vb_test_bits((vb)_mm_shuffle_epi8(_mm_cvtsi32_si128((int)bits), at)) & on;
}

/* Packing works half by half and leaves four bytes of each a in both. */
V_FN vbs vbs_from_vi(const vi a[4])
{
    const __m256i at = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    const __m256i lo = _mm256_packs_epi32((__m256i)a[0], (__m256i)a[1]);
    const __m256i hi = _mm256_packs_epi32((__m256i)a[2], (__m256i)a[3]);
    return (vbs)_mm256_permutevar8x32_epi32(_mm256_packs_epi16(lo, hi), at);
}

V_FN vbs vbs_min(vbs a, vbs b)
{
    return (vbs)_mm256_min_epu8((__m256i)a, (__m256i)b);
}

V_FN vbs vbs_max(vbs a, vbs b)
{
    return (vbs)_mm256_max_epu8((__m256i)a, (__m256i)b);
}

V_FN uint64_t vbs_bits(vbs a)
{
    return (uint32_t)_mm256_movemask_epi8((__m256i)a);
}

V_FN void vbs_store(uint8_t *p, size_t step, vbs a)
{
    _mm_storeu_si128((void *)p, _mm256_castsi256_si128((__m256i)a));
    _mm_storeu_si128((void *)(p + step), _mm256_extracti128_si256((__m256i)a, 1));
}

V_FN void vb_from_bits32(vb out[2], const void *p, vb on)
{
    const __m128i first = _mm_set_epi64x(0x0101010101010101, 0), two = _mm_set1_epi8(2);
    const __m128i all = _mm_set1_epi32((int)gg_load_u32(p));
    out[0] = vb_test_bits((vb)_mm_shuffle_epi8(all, first)) & on;
    out[1] = vb_test_bits((vb)_mm_shuffle_epi8(all, _mm_or_si128(first, two))) & on;
}

#endif
