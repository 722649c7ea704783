/* Vector types of one level. An ISA header defines VL, includes this, and adds the operations.
 *
 * They are GNU C vectors: + - * / & | ^ ~ << >> work lane by lane, and a cast between types of one
 * size keeps the bits. Shift vu, never vi. Nothing here may leave the file that includes it: all
 * functions are static and always inlined.
 */
#ifndef QK_VEC_VTYPES_H
#define QK_VEC_VTYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef VL
#error "include an ISA header (lib/quant/x86, lib/quant/arm), which says how many lanes there are"
#endif
#ifdef __FAST_MATH__
#error "results must be exact: don't build with -ffast-math"
#endif

#define V_FN static inline __attribute__((always_inline, unused))

/* Before a short loop over vectors that are to stay in registers: unrolls it, early. (Compiling is
 * -O2, which by itself leaves arrays in memory: all of -O3 takes twice as long and gives no more.) */
#define V_UNROLL _Pragma("GCC unroll 16")

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint32_t vu __attribute__((vector_size(4 * VL)));
typedef double vd __attribute__((vector_size(4 * VL)));     /* VL / 2 doubles */
typedef float vf_half __attribute__((vector_size(2 * VL))); /* VL / 2 floats */

/* Sixteen bytes (or eight words), at every level: quants come in such portions. */
typedef uint8_t vb __attribute__((vector_size(16)));
typedef uint16_t vw __attribute__((vector_size(16)));

/* As many bytes as a vector has: levels of 4 VL elements. */
typedef uint8_t vbs __attribute__((vector_size(4 * VL)));

/* Thirty-two words. */
typedef uint16_t v_words __attribute__((vector_size(64)));

/* Four floats, integers, at every level: what four blocks have once. */
typedef float v4 __attribute__((vector_size(16)));
typedef int32_t v4i __attribute__((vector_size(16)));

enum {
    V_PER16 = 16 / VL,     /* vectors that sixteen elements fill */
    V_SIDES = VL > 8 ? 2 : 1,
    V_SIDE = VL / V_SIDES,
    V_T8 = VL < 8 ? 2 : 1, /* vectors of a table of eight; at sixteen lanes it stands twice */
};

/* The same in memory, at any address. */
typedef float vf_mem __attribute__((vector_size(4 * VL), aligned(1), may_alias));
typedef float vf_half_mem __attribute__((vector_size(2 * VL), aligned(1), may_alias));
typedef double vd_mem __attribute__((vector_size(4 * VL), aligned(1), may_alias));
typedef int32_t vi_mem __attribute__((vector_size(4 * VL), aligned(1), may_alias));
typedef uint16_t v_words_mem __attribute__((vector_size(64), aligned(1), may_alias));
typedef uint8_t vb_mem __attribute__((vector_size(16), aligned(1), may_alias));

#endif
