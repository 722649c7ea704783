/* AVX-512 (x86-64-v4: F BW CD DQ VL): sixteen lanes, masks in mask registers. Contracts: v.h. */
#ifndef QK_X86_V_AVX512_H
#define QK_X86_V_AVX512_H

#define VL 16
#include "lib/quant/vec/vtypes.h"
#include "lib/quant/x86/v_x86.h"

#include <immintrin.h>

enum { V_HAS_LOOKUP = 1, V_HAS_LOOKUP8 = 1, V_HAS_LOOKUP16 = 1, V_HAS_LOOKUP32 = 1 };
enum { V_HAS_LOOKUP_WORDS = 1, V_HAS_VI_MIN = 1, V_HAS_F16 = 1 };

typedef __mmask16 vm;

/* ---- floats ---------------------------------------------------------------------------------- */

V_FN vf vf_set1(float x)
{
    return _mm512_set1_ps(x);
}

V_FN vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}

V_FN vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

V_FN vf vf_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}

V_FN vf vf_round_even(vf a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

V_FN vf vf_reciprocal_rough(vf a)
{
    return _mm512_rcp14_ps(a);
}

V_FN vf vf_add_aside(vf sum, vf a)
{
    return _mm512_fmadd_ps(a, _mm512_set1_ps(1), sum);
}

V_FN vf vf_muladd_rough(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

V_FN vm vf_lt(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

V_FN vm vf_le(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}

V_FN vm vf_eq(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

V_FN vf vf_select(vm m, vf a, vf b)
{
    return _mm512_mask_blend_ps(m, b, a);
}

V_FN void vf_flip32(vf a[32 / VL], const void *signs)
{
    const __m512 minus = _mm512_set1_ps(-0.0f);
    const uint32_t bits = gg_load_u32(signs);
    a[0] = _mm512_mask_xor_ps(a[0], (__mmask16)bits, a[0], minus);
    a[1] = _mm512_mask_xor_ps(a[1], (__mmask16)(bits >> 16), a[1], minus);
}

V_FN float vf_hmax(vf a)
{
    __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    return x86_hmax(_mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1)));
}

/* ---- integers and masks ---------------------------------------------------------------------- */

V_FN vi vi_set1(int32_t x)
{
    return (vi)_mm512_set1_epi32(x);
}

V_FN vi vi_min(vi a, vi b)
{
    return (vi)_mm512_min_epi32((__m512i)a, (__m512i)b);
}

V_FN vi vi_max(vi a, vi b)
{
    return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b);
}

V_FN vu vu_max(vu a, vu b)
{
    return (vu)_mm512_max_epu32((__m512i)a, (__m512i)b);
}

V_FN vm vi_lt(vi a, vi b)
{
    return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b);
}

V_FN vm vi_eq(vi a, vi b)
{
    return _mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b);
}

V_FN vi vi_select(vm m, vi a, vi b)
{
    return (vi)_mm512_mask_blend_epi32(m, (__m512i)b, (__m512i)a);
}

/* Lanes of a, one more where m. */
V_FN vi vi_inc(vi a, vm m)
{
    return (vi)_mm512_mask_add_epi32((__m512i)a, m, (__m512i)a, _mm512_set1_epi32(1));
}

V_FN vu vu_shrv(vu a, vu n)
{
    return (vu)_mm512_srlv_epi32((__m512i)a, (__m512i)n);
}

V_FN vm vm_and(vm a, vm b)
{
    return (vm)(a & b);
}

V_FN vm vm_or(vm a, vm b)
{
    return (vm)(a | b);
}

V_FN vm vm_not(vm a)
{
    return (vm)~a;
}

V_FN unsigned vm_bits(vm m)
{
    return m;
}

V_FN vm vm_from_bits(unsigned bits)
{
    return (vm)bits;
}

/* ---- conversions ----------------------------------------------------------------------------- */

V_FN vi vi_trunc(vf a)
{
    return (vi)_mm512_cvttps_epi32(a);
}

V_FN vi vi_nearest(vf a)
{
    return (vi)_mm512_cvtps_epi32(a);
}

V_FN vd vd_load(const float *p)
{
    return _mm512_cvtps_pd(_mm256_loadu_ps(p));
}

V_FN vd vd_from_lo(vf a)
{
    return _mm512_cvtps_pd(_mm512_castps512_ps256(a));
}

V_FN vd vd_from_hi(vf a)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
}

V_FN vd vd_add_exact(vd sum, vd a, vd b)
{
    return _mm512_fmadd_pd(a, b, sum);
}

V_FN vf vf_from_f16(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}

V_FN vf vf_set1_f16(const void *p)
{
    return _mm512_broadcastss_ps(_mm_cvtph_ps(_mm_set1_epi16((short)gg_load_u16(p))));
}

V_FN void vf_to_f16(void *p, vf a)
{
    __m256i h = _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT);
    /* A NaN would keep its payload: keep its sign alone. */
    __m256i nan = _mm256_or_si256(_mm256_and_si256(h, _mm256_set1_epi16((short)0x8000)),
                                  _mm256_set1_epi16(0x7e00));
    __mmask16 m = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
    _mm256_storeu_si256(p, _mm256_mask_blend_epi16(m, h, nan));
}

V_FN void vf_to_f16_finite(void *p, vf a)
{
    _mm256_storeu_si256(p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}

V_FN uint16_t v_f16_bits(float x)
{
    return (uint16_t)_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT));
}

V_FN void vi_to_u16(void *p, vi a)
{
    _mm256_storeu_si256(p, _mm512_cvtepi32_epi16((__m512i)a));
}

V_FN void vi_to_u16_twice(void *p, vi a, vi b)
{
    const __m512i at = _mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0);
    const __m512i w = _mm512_packus_epi32((__m512i)a, (__m512i)b);
    _mm512_storeu_si512(p, _mm512_permutexvar_epi64(at, w));
}

V_FN vf vf_from_v4(v4 a)
{
    return _mm512_zextps128_ps512(a);
}

V_FN vi vi_from_u16(const void *p)
{
    return (vi)_mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
}

V_FN void vf_from_i8(vf out[V_PER16], vb q)
{
    out[0] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32((__m128i)q));
}

V_FN void vi_from_u8(vi out[V_PER16], vb q)
{
    out[0] = (vi)_mm512_cvtepu8_epi32((__m128i)q);
}

V_FN void vf_from_rows8(vf out[V_PER16], const float a[8], const float b[8])
{
    out[0] = _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(a)), _mm256_loadu_ps(b), 1);
}

V_FN vb vb_from_vi(const vi a[V_PER16])
{
    return (vb)_mm512_cvtepi32_epi8((__m512i)a[0]);
}

/* ---- permutations ---------------------------------------------------------------------------- */

V_FN void vi_spread_two(vi out[V_PER16], const void *a, const void *b)
{
    const __m512i first = _mm512_set1_epi16((short)gg_load_u16(a));
    const __m128i second = _mm_set1_epi16((short)gg_load_u16(b));
    out[0] = (vi)_mm512_mask_broadcastw_epi16(first, 0xffff0000, second);
}

V_FN vf vf_lookup4(vf table, vi at)
{
    return _mm512_permutevar_ps(table, (__m512i)at);
}

V_FN vf vf_lookup8(const vf table[V_T8], vi at)
{
    return _mm512_permutexvar_ps((__m512i)at, table[0]);
}

V_FN vf vf_lookup16(const vf table[V_PER16], vi at)
{
    return _mm512_permutexvar_ps((__m512i)at, table[0]);
}

/* Greatest of each quarter's first lanes, second lanes, ... */
V_FN void v_max_quarters(float out[4], vf a)
{
    __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    _mm_storeu_ps(out, _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1)));
}

V_FN vf vf_lookup32(const vf table[2], vi at)
{
    return _mm512_permutex2var_ps(table[0], (__m512i)at, table[1]);
}

V_FN vf vf_lookup_two(const vf both[2], vi at)
{
    return vf_lookup32(both, at);
}

V_FN void v_words_from_u8(v_words *out, const void *p)
{
    *out = (v_words)_mm512_cvtepu8_epi16(_mm256_loadu_si256(p));
}

V_FN void v_words_select(v_words *a, const void *bits, const v_words *b)
{
    *a = (v_words)_mm512_mask_blend_epi16(gg_load_u32(bits), (__m512i)*a, (__m512i)*b);
}

V_FN void v_lookup_words(v_words *at, const uint16_t *table, int size)
{
    const __m512i i = (__m512i)*at, *t = (const __m512i *)(const void *)table;
    __m512i r[16];
    V_UNROLL
    for (int k = 0; k < size / 64; k++)
        r[k] = _mm512_permutex2var_epi16(_mm512_loadu_si512(t + 2 * k), i,
                                         _mm512_loadu_si512(t + 2 * k + 1));
    V_UNROLL
    for (int n = size / 128, bit = 64; n > 0; n /= 2, bit *= 2) {
        const __mmask32 m = _mm512_test_epi16_mask(i, _mm512_set1_epi16((short)bit));
        V_UNROLL
        for (int k = 0; k < n; k++)
            r[k] = _mm512_mask_blend_epi16(m, r[2 * k], r[2 * k + 1]);
    }
    *at = (v_words)r[0];
}

V_FN vf vf_gather(const float *base, vi at)
{
    return _mm512_i32gather_ps((__m512i)at, base, 4);
}

V_FN vi vi_gather(const int32_t *base, vi at)
{
    return (vi)_mm512_i32gather_epi32((__m512i)at, base, 4);
}

V_FN vi vi_gather_u16(const uint16_t *base, vi at)
{
    return (vi)_mm512_i32gather_epi32((__m512i)at, base, 2) & 0xffff;
}

V_FN void v_pack(int32_t *p, vi a, unsigned bits)
{
    *(vi_mem *)p = (vi)_mm512_maskz_compress_epi32((__mmask16)bits, (__m512i)a);
}

V_FN void vf_scatter(float *base, vi at, vf a)
{
    _mm512_i32scatter_ps(base, (__m512i)at, a, 4);
}

V_FN void vi_spread4(vi out[V_PER16], uint64_t words)
{
    /* Bytes 2k and 2k + 1 of each quarter's copy, then two zeros. */
    const vu k = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    const vu at = k * 0x0202u + 0x80800100u;
    out[0] = (vi)_mm512_shuffle_epi8(_mm512_set1_epi64((long long)words), (__m512i)at);
}

/* Halves first: into 256 bits from memory is no permutation. */
V_FN vf vf_load_quads(const float *const *p, size_t at)
{
    __m256 lo = _mm256_castps128_ps256(_mm_loadu_ps(p[0] + at));
    __m256 hi = _mm256_castps128_ps256(_mm_loadu_ps(p[8] + at));
    lo = _mm256_insertf128_ps(lo, _mm_loadu_ps(p[4] + at), 1);
    hi = _mm256_insertf128_ps(hi, _mm_loadu_ps(p[12] + at), 1);
    return _mm512_insertf32x8(_mm512_castps256_ps512(lo), hi, 1);
}

V_FN vf vf_zip_lo(vf a, vf b)
{
    return _mm512_unpacklo_ps(a, b);
}

V_FN vf vf_zip_hi(vf a, vf b)
{
    return _mm512_unpackhi_ps(a, b);
}

V_FN vf vf_zip2_lo(vf a, vf b)
{
    return (vf)_mm512_unpacklo_pd((__m512d)a, (__m512d)b);
}

V_FN vf vf_zip2_hi(vf a, vf b)
{
    return (vf)_mm512_unpackhi_pd((__m512d)a, (__m512d)b);
}

V_FN void vf_transpose_quarters(vf a[4])
{
    const vf t0 = _mm512_shuffle_f32x4(a[0], a[1], 0x44), t1 = _mm512_shuffle_f32x4(a[0], a[1], 0xee);
    const vf t2 = _mm512_shuffle_f32x4(a[2], a[3], 0x44), t3 = _mm512_shuffle_f32x4(a[2], a[3], 0xee);
    a[0] = _mm512_shuffle_f32x4(t0, t2, 0x88);
    a[1] = _mm512_shuffle_f32x4(t0, t2, 0xdd);
    a[2] = _mm512_shuffle_f32x4(t1, t3, 0x88);
    a[3] = _mm512_shuffle_f32x4(t1, t3, 0xdd);
}

V_FN vi vi_sides_from_u16(const void *p)
{
    return (vi)_mm512_cvtepu16_epi32(_mm256_broadcastsi128_si256(_mm_loadu_si128(p)));
}

V_FN vf vf_side_min(vf a)
{
    a = _mm512_min_ps(a, _mm512_shuffle_f32x4(a, a, _MM_SHUFFLE(2, 3, 0, 1)));
    a = _mm512_min_ps(a, _mm512_permute_ps(a, _MM_SHUFFLE(1, 0, 3, 2)));
    return _mm512_min_ps(a, _mm512_permute_ps(a, _MM_SHUFFLE(2, 3, 0, 1)));
}

V_FN vf vf_least(vf a)
{
    return vf_side_min(_mm512_min_ps(a, _mm512_shuffle_f32x4(a, a, _MM_SHUFFLE(1, 0, 3, 2))));
}

/* ---- bytes ----------------------------------------------------------------------------------- */

V_FN vb vb_lookup(vb table, vb at)
{
    return (vb)_mm_shuffle_epi8((__m128i)table, (__m128i)at);
}

V_FN vb vb_from_bits(unsigned bits, vb on)
{
    return (vb)_mm_maskz_mov_epi8((__mmask16)bits, (__m128i)on);
}

/* Packing works quarter by quarter and leaves four bytes of each a in every one. */
V_FN vbs vbs_from_vi(const vi a[4])
{
    const __m512i at = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    const __m512i lo = _mm512_packs_epi32((__m512i)a[0], (__m512i)a[1]);
    const __m512i hi = _mm512_packs_epi32((__m512i)a[2], (__m512i)a[3]);
    return (vbs)_mm512_permutexvar_epi32(at, _mm512_packs_epi16(lo, hi));
}

V_FN vbs vbs_min(vbs a, vbs b)
{
    return (vbs)_mm512_min_epu8((__m512i)a, (__m512i)b);
}

V_FN vbs vbs_max(vbs a, vbs b)
{
    return (vbs)_mm512_max_epu8((__m512i)a, (__m512i)b);
}

V_FN uint64_t vbs_bits(vbs a)
{
    return _mm512_movepi8_mask((__m512i)a);
}

V_FN void vbs_store(uint8_t *p, size_t step, vbs a)
{
    _mm_storeu_si128((void *)p, _mm512_castsi512_si128((__m512i)a));
    _mm_storeu_si128((void *)(p + step), _mm512_extracti32x4_epi32((__m512i)a, 1));
    _mm_storeu_si128((void *)(p + 2 * step), _mm512_extracti32x4_epi32((__m512i)a, 2));
    _mm_storeu_si128((void *)(p + 3 * step), _mm512_extracti32x4_epi32((__m512i)a, 3));
}

V_FN void vb_from_bits32(vb out[2], const void *p, vb on)
{
    const __m256i both = _mm256_broadcastsi128_si256((__m128i)on);
    const __m256i b = _mm256_maskz_mov_epi8((__mmask32)gg_load_u32(p), both);
    out[0] = (vb)_mm256_castsi256_si128(b);
    out[1] = (vb)_mm256_extracti128_si256(b, 1);
}

#endif
