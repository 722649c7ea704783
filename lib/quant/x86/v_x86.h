/* What the x86 levels share: operations on 128 bits. */
#ifndef QK_X86_V_X86_H
#define QK_X86_V_X86_H

#include "lib/base/num.h"
#include "lib/quant/vec/vtypes.h"

#include <emmintrin.h>

#define V_REGISTER "v" /* of a vector, to the compiler */

V_FN float x86_hmax(__m128 a)
{
    a = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_max_ss(a, _mm_shuffle_ps(a, a, 1)));
}

V_FN unsigned vb_bits(vb a)
{
    return (unsigned)_mm_movemask_epi8((__m128i)a);
}

#endif
