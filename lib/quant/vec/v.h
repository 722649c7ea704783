/* The vector vocabulary: one text a kernel, built for every CPU level.
 *
 * Each lib/quant/vec/NAME.c is a "part": a few kernels written over VL lanes. The Makefile compiles
 * it once a level, with that level's instruction set and
 *
 *     level    VL   V_ISA_FILE                          compiler flags
 *     sse2      4   "lib/quant/x86/v_sse2.h"
 *     avx2      8   "lib/quant/x86/v_avx2.h"         -march=x86-64-v3
 *     avx512   16   "lib/quant/x86/v_avx512.h"       -march=x86-64-v4
 *     neon      4   "lib/quant/arm/v_neon.h"
 *
 * so all levels stand in one binary. qk_init (kernel.c) calls qk_init_LEVEL (vec/init.c), which
 * calls every part, and a part puts its functions into the table. Elsewhere (other architectures)
 * the folder is left out and the reference runs.
 *
 * How to add a kernel: write `static void quant_q9_9(...)` in a part and set it in the part's table
 * function at the end of the file. A new part: the file, and its name in V_PARTS (vec/init.h). Test
 * and bench find it by themselves: they run every entry of the table at every level.
 *
 * What makes a vector text exact. The result must be the reference's, to the bit, at every level:
 *   - A sum of floats is taken in the reference's order. So lanes hold independent work: VL blocks
 *     (or groups, or rows, or candidates) side by side; v_load_columns brings element j of VL
 * blocks into one vector. Never split one sum over lanes.
 *   - Element-wise work (decoding, rounding to levels) may take neighbours as lanes, as may a
 *     maximum, which no order changes. A zero's sign and the first of several equal ones do depend
 *     on order: v_first finds an element by its number where that matters.
 *   - Never fma. Division and square root are exact; there is no reciprocal estimate.
 *   - vi_nearest is ties to even (the reference's qk_nearest_int), vi_round is roundf's ties away
 *     from zero, vi_trunc is a cast. All want |x| < 2^31: outside, levels differ.
 *   - vf_min and vf_max are (a < b ? a : b) and (a > b ? a : b): the second when not ordered.
 *   - A NaN times something is that NaN, quiet, on x86; NaN plus NaN may be either, in the
 * reference too (compilers commute additions).
 *
 * Rules. No #ifdef in a body: what differs between levels is a function or a constant here
 * (V_HAS_LOOKUP). Every helper is V_FN (always inlined, static): no wide vector passes through a
 * call. No reads beyond the given bytes (guard pages in the test). Loops over a run of 16 elements
 * take V_PER16 vectors.
 *
 * Types: vf vi vu VL floats, int32, uint32; vd VL/2 doubles; vm a mask; vb 16 bytes, vw 8 words; v4 four
 * floats.
 * + - * / & | ^ ~ << >> are the language's (shift vu, not vi); casts keep bits. The ISA gives:
 *
 *     vf_set1 vi_set1              all lanes the same
 *     vf_min vf_max vf_sqrt vi_min vi_max vu_max
 *     vf_round_even                to the nearest integer, ties to even, as a float; |a| < 2^22; a
 *                                  zero may have either sign
 *     vf_reciprocal_rough          1 / a but for 2^-11 of it: for looking ahead, never for results
 *     vf_add_aside(sum, a)         sum + a, on the units of products where those of sums are busy
 *     vf_muladd_rough(a, b, c)     a * b + c, rounded once or twice: for looking ahead too
 *     vf_lt vf_le vf_eq vi_lt vi_eq        compare to vm; false when not ordered
 *     vm_and vm_or vm_not          on masks
 *     vm_bits vm_from_bits         lane k is bit k
 *     vf_select(m, a, b) vi_select lanes of a where m, else of b
 *     vf_flip32(a[32 / VL], p)     32 lanes, each with its sign flipped where its bit of 32 in
 *                                  memory is set
 *     vi_inc(a, m)                 a, one more where m
 *     vf_hmax                      greatest lane (no NaN)
 *     vi_trunc vi_nearest vf_from_i        float to int and back (vf_from_i below)
 *     vd_load(p)                   VL/2 floats in memory to doubles
 *     vd_from_lo vd_from_hi        halves of a vf to doubles
 *     vd_add_exact(sum, a, b)      sum + a * b of doubles that came from floats: the product is exact,
 *                                  so that fusing both changes nothing
 *     vf_from_f16(p) vf_to_f16(p, a)       VL F16 in memory, as half.h converts
 *     vf_to_f16_finite(p, a)       the same of no NaN
 *     vf_set1_f16(p)               one F16 in memory to all lanes
 *     v_f16_bits(x)                one float (no NaN) to F16
 *     vf_from_v4(a)                four floats to the first lanes, zeros to others
 *     vi_from_u16(p) vi_to_u16(p, a)       VL words in memory; to_u16 keeps the low half
 *     vi_to_u16_twice(p, a, b)     2 VL words of two vectors, numbers 0 .. 65535
 *     vf_from_i8(out[V_PER16], q)  16 signed bytes to floats
 *     vi_from_u8(out[V_PER16], q)  16 bytes to int32
 *     vf_from_rows8(out[V_PER16], p, q)    eight floats in memory at p, then eight at q
 *     vb_from_vi(a[V_PER16])       low bytes of 16 int32
 *     vu_shrv(a, n)                a >> n lane by lane, n < 32
 *     v_max_quarters(out, a)       out[j]: the greatest of lanes j, j + 4, ...
 *     vf_lookup4(t, at)            lane i: of the four lanes of t in i's quarter, number at & 3
 *     vf_lookup8(t[V_T8], at)      of eight floats, number at & 7; with sixteen lanes t holds them
 *                                  twice
 *     vf_lookup16(t[V_PER16], at)  of sixteen floats, number at & 15
 *     vf_lookup32(t[32 / VL], at)  of thirty-two, number at & 31
 *     vf_lookup_two(t[2], at)      of the lanes of two vectors, number at
 *     v_words_from_u8(a, p)        32 bytes in memory to words
 *     v_words_select(a, bits, b)   a[k] = b[k] where bit k of 32 in memory is set
 *     v_lookup_words(at, t, n)     at[k] = t[at[k]] for 32 words; t has n, a power of two, 128 to 512
 *     vf_gather vi_gather          base[at]
 *     vi_gather_u16                the same of words; two bytes behind each can be read
 *     vf_scatter(base, at, a)      base[at] = a, lane by lane
 *     v_pack(p, a, bits)           those lanes of a whose bits are set, to p, where VL can be written
 *     v_keep_words(p, word, bits)  word to those of 32 words at p whose bits are set
 *     vi_spread4(out[V_PER16], w)  sixteen lanes of four words: lane i is bits 16*(i/4).. of w
 *     vi_spread_two(out[V_PER16], a, b)    low halves of eight lanes the word at a in memory, then of
 *                                  eight that at b; high halves are anything
 *     vf_load_quads(p, at)         four floats from each of p[0], p[4], p[8], ... + at
 *     vf_zip_lo vf_zip_hi vf_zip2_lo vf_zip2_hi    interleave in each quarter of 128 bits: a0 b0 a1
 *                                  b1, a2 b2 a3 b3; by pairs: a0 a1 b0 b1, a2 a3 b2 b3
 *     vf_transpose_quarters(a[VL / 4])     quarter q of a[g] changes places with quarter g of a[q]
 *     vb_lookup(t, at)             t[at], at < 16
 *     vb_bits                      top bit of each byte
 *     vb_from_bits(bits, on)       byte j is on[j] where bit j is set, else 0
 *     vb_from_bits32(out[2], p, on)        the same of 32 bits in memory
 *     vbs_from_vi(a[4])        4 VL integers -128 .. 127 to bytes; others to any
 *     vbs_min vbs_max          unsigned
 *     vbs_bits                 top bit of each byte
 *     vbs_store(p, step, a)    sixteen bytes each to p, p + step, ...
 *     v_number_bits(p, bits, n, add)       the numbers of the set bits of n, plus add, as words in
 *                                  memory, where 32 can be written; returns how many there are
 *     v_pick_words(p, from, at, n) p[k] = from[at[k]], at < 32, for k < n at least, 32 at most
 *     v_same_as_next(p)            bit k: is word k that of k + 1? Of 31; there are 64 to be read
 *     vi_sides_from_u16(p)         at sixteen lanes a vector has two sides (V_SIDES) of V_SIDE lanes:
 *                                  the same V_SIDE words on each; elsewhere one
 *     vf_side_min(a)               every lane the least of its side (no NaN)
 *     vf_least(a)                  every lane the least of all (no NaN)
 *     V_HAS_LOOKUP V_HAS_F16       are the lookups, conversions of F16 fast?
 *     V_HAS_LOOKUP8 V_HAS_LOOKUP16 V_HAS_LOOKUP32 V_HAS_VI_MIN     is this one instruction?
 *     V_HAS_LOOKUP_WORDS           is the look-up of words one of registers?
 *     V_HAS_PICK_WORDS             is v_pick_words fast?
 */
#ifndef QK_VEC_V_H
#define QK_VEC_V_H

#ifndef V_ISA_FILE
#error "parts are compiled once a level, with V_ISA_FILE and V_LEVEL set (see the Makefile)"
#endif
#include V_ISA_FILE

#include "lib/base/num.h"
#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/vec/init.h"

/* V_NAME(x): x_LEVEL, for the few names that leave a file. */
#define V_PASTE2(a, b) a##_##b
#define V_PASTE(a, b) V_PASTE2(a, b)
#define V_NAME(x) V_PASTE(x, V_LEVEL)

/* ---- memory ---------------------------------------------------------------------------------- */

V_FN vf vf_load(const float *p)
{
    return *(const vf_mem *)p;
}

V_FN void vf_store(float *p, vf a)
{
    *(vf_mem *)p = a;
}

V_FN vi vi_load(const int32_t *p)
{
    return *(const vi_mem *)p;
}

V_FN void vi_store(int32_t *p, vi a)
{
    *(vi_mem *)p = a;
}

V_FN vb vb_load(const void *p)
{
    return *(const vb_mem *)p;
}

V_FN void vb_store(void *p, vb a)
{
    *(vb_mem *)p = a;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

V_FN vf vf_abs(vf a)
{
    return (vf)((vu)a & 0x7fffffffu);
}

V_FN vf vf_copysign(vf size, vf sign)
{
    return (vf)(((vu)size & 0x7fffffffu) | ((vu)sign & 0x80000000u));
}

#define V_INF __builtin_inff()
#define V_NAN __builtin_nanf("")

V_FN vf vf_from_i(vi a)
{
    return __builtin_convertvector(a, vf);
}

V_FN vm vf_gt(vf a, vf b)
{
    return vf_lt(b, a);
}

V_FN vm vf_ge(vf a, vf b)
{
    return vf_le(b, a);
}

V_FN vm vi_gt(vi a, vi b)
{
    return vi_lt(b, a);
}

V_FN bool vm_any(vm m)
{
    return vm_bits(m) != 0;
}

V_FN bool vm_all(vm m)
{
    return vm_bits(m) == (1u << VL) - 1;
}

V_FN vi vi_clamp(vi a, int32_t lo, int32_t hi)
{
    return vi_min(vi_max(a, vi_set1(lo)), vi_set1(hi));
}

/* roundf: halves away from zero. 0x1.fffffep-2 is just below a half: added to x it reaches the next
 * integer exactly when x's fraction is a half or more, for the sum is rounded to even. |x| < 2^23.
 */
V_FN vi vi_round(vf a)
{
    return vi_trunc(a + vf_copysign(vf_set1(0x1.fffffep-2f), a));
}

/* To nearest, ties to even, as a float; |a| < 2^22. */
V_FN vf vf_nearest(vf a)
{
    return (a + 12582912.0f) - 12582912.0f;
}

/* The nearest of the integers lo .. hi, |lo| and |hi| below 2^21, to any a but NaN: positive floats are
 * ordered as their bits are, and what is far below lo is negative. */
V_FN vf vf_nearest_within(vf a, float lo, float hi)
{
    const float big = 12582912.0f;
    if (!V_HAS_VI_MIN)
        return vf_nearest(vf_max(vf_min(a, vf_set1(hi)), vf_set1(lo)));
    vi at = vi_max((vi)(a + big), (vi)vf_set1(big + lo));
    return (vf)vi_min(at, (vi)vf_set1(big + hi)) - big;
}

/* min and max of numbers of which one at least is positive (a zero: +0), by integers where these are
 * the faster: more units do them. */
V_FN vf vf_max_positive(vf a, vf b)
{
    return V_HAS_VI_MIN ? (vf)vi_max((vi)a, (vi)b) : vf_max(a, b);
}

V_FN vf vf_min_positive(vf a, vf b)
{
    return V_HAS_VI_MIN ? (vf)vi_min((vi)a, (vi)b) : vf_min(a, b);
}

/* Greatest magnitude of n finite floats, a multiple of VL, lane by lane. */
V_FN vf v_lane_magnitudes(const float *p, int n)
{
    vf m = vf_abs(vf_load(p));
    V_UNROLL
    for (int k = VL; k < n; k += VL)
        m = vf_max_positive(vf_abs(vf_load(p + k)), m);
    return m;
}

/* Greatest magnitude of n vectors of finite floats. */
V_FN float v_max_abs(const vf *x, int n)
{
    vf m = vf_abs(x[0]);
    V_UNROLL
    for (int k = 1; k < n; k++)
        m = vf_max(m, vf_abs(x[k]));
    return vf_hmax(m);
}

/* out[j] = greatest lane of a[j], for four at once. */
V_FN void v_hmax4(float out[4], const vf a[4])
{
    vf ab = vf_max(vf_zip_lo(a[0], a[1]), vf_zip_hi(a[0], a[1]));
    vf cd = vf_max(vf_zip_lo(a[2], a[3]), vf_zip_hi(a[2], a[3]));
    v_max_quarters(out, vf_max(vf_zip2_lo(ab, cd), vf_zip2_hi(ab, cd)));
}

/* Number of the first element equal to v in n vectors, at most 32 elements; 31 when there is none.
 */
V_FN unsigned v_first(const vf *x, int n, float v)
{
    uint32_t bits = 0x80000000;
    V_UNROLL
    for (int k = 0; k < n; k++)
        bits |= (uint32_t)vm_bits(vf_eq(x[k], vf_set1(v))) << k * VL;
    return (unsigned)__builtin_ctz(bits);
}

/* Numbers of the lanes. */
V_FN vi v_lanes(void)
{
    static const int32_t lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return vi_load(lane);
}

V_FN void v_load_run(vf *out, const float *p, int n)
{
    V_UNROLL
    for (int k = 0; k < n; k++)
        out[k] = vf_load(p + k * VL);
}

/* The same of constants that are to stay in registers through a loop: a compiler would rather read them
 * again and again. */
V_FN void v_keep_run(vf *out, const float *p, int n)
{
    V_UNROLL
    for (int k = 0; k < n; k++) {
        out[k] = vf_load(p + k * VL);
        __asm__("" : "+" V_REGISTER(out[k]));
    }
}

/* ---- bytes ----------------------------------------------------------------------------------- */

V_FN vb vb_set1(uint8_t x)
{
    return (vb){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

V_FN vbs vbs_set1(uint8_t x)
{
    return (vbs){0} + x;
}

/* Each byte shifted right by n < 8. */
V_FN vb vb_shr(vb a, int n)
{
    return (vb)((vw)a >> n) & vb_set1((uint8_t)(0xff >> n));
}

V_FN vb vb_shl(vb a, int n)
{
    return (vb)((vw)a << n) & vb_set1((uint8_t)(0xff << n));
}

/* Two runs of eight bytes. */
V_FN vb vb_load_halves(const void *lo, const void *hi)
{
    typedef uint64_t vq __attribute__((vector_size(16)));
    uint64_t a, b;
    memcpy(&a, lo, 8);
    memcpy(&b, hi, 8);
    return (vb)(vq){a, b};
}

/* a0 b0 a1 b1 ... from the low, the high halves. */
V_FN vb vb_zip_lo(vb a, vb b)
{
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

V_FN vb vb_zip_hi(vb a, vb b)
{
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
}

/* The same by pairs of bytes. */
V_FN vb vb_zip2_lo(vb a, vb b)
{
    return (vb)__builtin_shufflevector((vw)a, (vw)b, 0, 8, 1, 9, 2, 10, 3, 11);
}

V_FN vb vb_zip2_hi(vb a, vb b)
{
    return (vb)__builtin_shufflevector((vw)a, (vw)b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/* Low bytes of the words of a, then of b. */
V_FN vb vb_even(vw a, vw b)
{
    return __builtin_shufflevector((vb)a, (vb)b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                                   30);
}

/* Low halves of a and b; high halves. */
V_FN vb vb_join_lo(vb a, vb b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}

V_FN vb vb_join_hi(vb a, vb b)
{
    return __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30,
                                   31);
}

/* Each byte shifted left by n < 8. */
V_FN vbs vbs_shl(vbs a, int n)
{
    typedef uint16_t words __attribute__((vector_size(4 * VL)));
    return (vbs)((words)a << n) & (uint8_t)(0xff << n);
}

/* ---- blocks to lanes ------------------------------------------------------------------------- */

/* out[j], lane k = p[k][j] for j = 0..3: in each quarter q, rows 4q..4q+3 are transposed. */
V_FN void v_load_columns4(vf out[4], const float *const p[VL], size_t at)
{
    vf a = vf_load_quads(p, at), b = vf_load_quads(p + 1, at);
    vf c = vf_load_quads(p + 2, at), d = vf_load_quads(p + 3, at);
    vf ab_lo = vf_zip_lo(a, b), ab_hi = vf_zip_hi(a, b);
    vf cd_lo = vf_zip_lo(c, d), cd_hi = vf_zip_hi(c, d);
    out[0] = vf_zip2_lo(ab_lo, cd_lo);
    out[1] = vf_zip2_hi(ab_lo, cd_lo);
    out[2] = vf_zip2_lo(ab_hi, cd_hi);
    out[3] = vf_zip2_hi(ab_hi, cd_hi);
}

/* Elements at + 0 .. VL - 1 of VL rows, a row a lane: rows are loaded by whole vectors, so that a line of
 * each is taken whole, once. */
V_FN void v_load_square(vf out[VL], const float *const p[VL], size_t at)
{
    vf t[4][VL / 4];
    V_UNROLL
    for (int g = 0; g < VL / 4; g++) {
        const float *const *row = p + 4 * g;
        vf a = vf_load(row[0] + at), b = vf_load(row[1] + at);
        vf c = vf_load(row[2] + at), d = vf_load(row[3] + at);
        vf ab_lo = vf_zip_lo(a, b), ab_hi = vf_zip_hi(a, b);
        vf cd_lo = vf_zip_lo(c, d), cd_hi = vf_zip_hi(c, d);
        t[0][g] = vf_zip2_lo(ab_lo, cd_lo);
        t[1][g] = vf_zip2_hi(ab_lo, cd_lo);
        t[2][g] = vf_zip2_lo(ab_hi, cd_hi);
        t[3][g] = vf_zip2_hi(ab_hi, cd_hi);
    }
    V_UNROLL
    for (int j = 0; j < 4; j++) {
        vf_transpose_quarters(t[j]);
        V_UNROLL
        for (int q = 0; q < VL / 4; q++)
            out[4 * q + j] = t[j][q];
    }
}

/* Element j of VL blocks into out[j], for j < n, a multiple of four: out[j], lane k = p[k][j]. */
V_FN void v_load_columns(vf *out, const float *const p[VL], size_t n)
{
    for (size_t j = 0; j < n; j += 4)
        v_load_columns4(out + j, p, j);
}

#endif
