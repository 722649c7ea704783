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

V_FN uint32_t v_same_as_next(const uint16_t *p)
{
    const __m512i a = _mm512_loadu_si512(p), half = _mm512_alignr_epi32(a, a, 1);
    const __m512i next = _mm512_or_si512(_mm512_srli_epi32(a, 16), _mm512_slli_epi32(half, 16));
    return _mm512_cmpeq_epi16_mask(a, next);
}

V_FN void v_pick_words(uint16_t *p, const uint16_t *from, const uint16_t *at, int n)
{
    (void)n;
    const __m512i words = _mm512_loadu_si512(from);
    _mm512_storeu_si512(p, _mm512_permutexvar_epi16(_mm512_loadu_si512(at), words));
}

V_FN void v_keep_words(uint16_t *p, uint16_t word, uint32_t bits)
{
    _mm512_mask_storeu_epi16(p, bits, _mm512_set1_epi16((short)word));
}

#else
enum { V_HAS_PICK_WORDS = 0 };

V_FN uint32_t v_same_as_next(const uint16_t *p)
{
    uint32_t bits = 0;
    for (int k = 0; k < 32; k += 16) {
        const __m128i *x = (const void *)(p + k), *y = (const void *)(p + k + 1);
        const __m128i low = _mm_cmpeq_epi16(_mm_loadu_si128(x), _mm_loadu_si128(y));
        const __m128i high = _mm_cmpeq_epi16(_mm_loadu_si128(x + 1), _mm_loadu_si128(y + 1));
        bits |= (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) << k;
    }
    return bits;
}
#endif

V_FN unsigned vb_bits(vb a)
{
    return (unsigned)_mm_movemask_epi8((__m128i)a);
}

#endif
