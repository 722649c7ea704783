/* What the x86 levels share: operations on 128 bits. */
#ifndef QK_X86_V_X86_H
#define QK_X86_V_X86_H

#include "lib/base/num.h"
#include "lib/quant/vec/vtypes.h"

#ifdef __AVX512F__
#include <immintrin.h>
#else
#include "lib/quant/vec/picks.h"

#include <emmintrin.h>
#endif

#define V_REGISTER "v" /* of a vector, to the compiler */

V_FN float x86_hmax(__m128 a)
{
    a = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_max_ss(a, _mm_shuffle_ps(a, a, 1)));
}

#ifdef __AVX512F__
enum { V_HAS_PICK_WORDS = 1 };

V_FN int v_number_bits(uint16_t *p, uint32_t bits, int n, int add)
{
    const __m512i first = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const uint16_t *begin = p;
    for (int k = 0; k < n; k += 16) {
        const __m512i at = _mm512_add_epi32(first, _mm512_set1_epi32(add + k));
        const __m512i set = _mm512_maskz_compress_epi32((__mmask16)(bits >> k), at);
        _mm256_storeu_si256((void *)p, _mm512_cvtepi32_epi16(set));
        p += __builtin_popcount(bits >> k & 0xffff);
    }
    return (int)(p - begin);
}

/* Stores do not overlap: what two of them wrote could not be read at once. */
V_FN void v_pick_words(uint16_t *p, const uint16_t *from, uint32_t bits)
{
    const __m512i a = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)from));
    const __m512i b = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(from + 16)));
    const int n = __builtin_popcount(bits & 0xffff);
    const __m512i low = _mm512_maskz_compress_epi32((__mmask16)bits, a);
    const __m512i high = _mm512_maskz_compress_epi32((__mmask16)(bits >> 16), b);
    const __m512i both = _mm512_mask_expand_epi32(low, (__mmask16)(0xffffu << n), high);
    const __m512i rest = _mm512_maskz_compress_epi32((__mmask16)(0xffff0000u >> n), high);
    _mm256_storeu_si256((void *)p, _mm512_cvtepi32_epi16(both));
    _mm256_storeu_si256((void *)(p + 16), _mm512_cvtepi32_epi16(rest));
}
#else
enum { V_HAS_PICK_WORDS = 0 };
#endif

V_FN unsigned vb_bits(vb a)
{
    return (unsigned)_mm_movemask_epi8((__m128i)a);
}

#endif
