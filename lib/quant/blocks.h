/* Layouts of the blocks that tensor types are stored in.
 *
 * The structs are overlays for bytes of a file: packed, so a pointer to one may have any address.
 * Numbers of more than one byte are little-endian in the file, whatever the host: read and write
 * them through gg_load_u16/gg_store_u16 (lib/base/num.h) or qt_f16_load/qt_f16_store (half.h), never
 * by plain member access. d, m, dmin and s are F16 unless said otherwise.
 *
 * Drawings give bits from high (left) to low; w[i] is element i of the block. Layouts: ggml-common.h
 * of ggml (MIT); qtype.c asserts the sizes.
 */
#ifndef QT_BLOCKS_H
#define QT_BLOCKS_H

#include <stdint.h>

#if defined(__GNUC__)
#define QT_PACKED __attribute__((packed))
#else
#error "block structs need __attribute__((packed))"
#endif

#define QT_SUPER 256 /* elements of a super-block */

/* ---- 32 elements, one scale ------------------------------------------------------------------- */

/* w = d * (q - 8)
 *     qs[j]: | w[j+16] : 4 | w[j] : 4 |     j = 0..15 */
struct qt_block_q4_0 {
    uint16_t d;
    uint8_t qs[16];
} QT_PACKED;

/* w = d * q + m; qs as in q4_0 */
struct qt_block_q4_1 {
    uint16_t d;
    uint16_t m;
    uint8_t qs[16];
} QT_PACKED;

/* w = d * (q - 16); low four bits in qs as in q4_0, the fifth of w[j] is bit j of qh (u32) */
struct qt_block_q5_0 {
    uint16_t d;
    uint8_t qh[4];
    uint8_t qs[16];
} QT_PACKED;

/* w = d * q + m; qh and qs as in q5_0 */
struct qt_block_q5_1 {
    uint16_t d;
    uint16_t m;
    uint8_t qh[4];
    uint8_t qs[16];
} QT_PACKED;

/* w[j] = d * qs[j] */
struct qt_block_q8_0 {
    uint16_t d;
    int8_t qs[32];
} QT_PACKED;

/* As q8_0; s = d * sum(qs), for dot products with types that have a minimum. */
struct qt_block_q8_1 {
    uint16_t d;
    uint16_t s;
    int8_t qs[32];
} QT_PACKED;

/* w = d * iq4nl_values[q]; qs as in q4_0 */
struct qt_block_iq4_nl {
    uint16_t d;
    uint8_t qs[16];
} QT_PACKED;

/* w = 2^(e - 128) * fp4_values[q]: the table holds twice the E2M1 values; qs as in q4_0 */
struct qt_block_mxfp4 {
    uint8_t e; /* E8M0 */
    uint8_t qs[16];
} QT_PACKED;

/* ---- 64 and 128 elements ---------------------------------------------------------------------- */

/* Four groups of 16, each with an UE4M3 scale: w = d[s] / 2 * fp4_values[q]
 *     qs[8*s + j]: | w[16*s + j + 8] : 4 | w[16*s + j] : 4 |     s = 0..3, j = 0..7 */
struct qt_block_nvfp4 {
    uint8_t d[4];
    uint8_t qs[32];
} QT_PACKED;

/* w = d * (q - 1)
 *     qs[j]: | w[4j+3] : 2 | w[4j+2] : 2 | w[4j+1] : 2 | w[4j] : 2 | */
struct qt_block_q2_0 {
    uint16_t d;
    uint8_t qs[16];
} QT_PACKED;

/* w[i] = d when bit i of qs (bit i%8 of qs[i/8]) is set, else -d */
struct qt_block_q1_0 {
    uint16_t d;
    uint8_t qs[16];
} QT_PACKED;

/* ---- super-blocks of 256: K types ------------------------------------------------------------- */

/* 16 groups of 16: w = d * scale * q - dmin * min
 *     scales[g]: | min : 4 | scale : 4 |
 *     qs[32*h + l]: | w[128h+96+l] : 2 | w[128h+64+l] : 2 | w[128h+32+l] : 2 | w[128h+l] : 2 | */
struct qt_block_q2_K {
    uint8_t scales[16];
    uint8_t qs[64];
    uint16_t d;
    uint16_t dmin;
} QT_PACKED;

/* 16 groups of 16: w = d * (scale - 32) * (q - 4)
 *     qs: low two bits of q, as in q2_K
 *     hmask[l], bit b: high bit of q of w[32*b + l]      l = 0..31, b = 0..7
 *     scales[j]:   | low four bits of scale[j+8] : 4 | of scale[j] : 4 |              j = 0..7
 *     scales[8+j]: | high two bits of scale[j+12] : 2 | [j+8] : 2 | [j+4] : 2 | [j] : 2 |  j = 0..3 */
struct qt_block_q3_K {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint16_t d;
} QT_PACKED;

/* 8 groups of 32: w = d * scale * q - dmin * min
 *     scales[j]:   | high two bits of scale[j+4] : 2 | scale[j] : 6 |     j = 0..3
 *     scales[4+j]: | high two bits of min[j+4] : 2 | min[j] : 6 |
 *     scales[8+j]: | low four bits of min[j+4] : 4 | of scale[j+4] : 4 |
 *     qs[32*p + l]: | w[64p+32+l] : 4 | w[64p+l] : 4 |     p = 0..3 */
struct qt_block_q4_K {
    uint16_t d;
    uint16_t dmin;
    uint8_t scales[12];
    uint8_t qs[128];
} QT_PACKED;

/* As q4_K with a fifth bit: qh[l], bit g: high bit of q of w[32*g + l] */
struct qt_block_q5_K {
    uint16_t d;
    uint16_t dmin;
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
} QT_PACKED;

/* 16 groups of 16: w = d * scales[g] * (q - 32)
 *     ql[64*h + l]:      | low four bits of w[128h+64+l] : 4 | of w[128h+l] : 4 |      l = 0..31
 *     ql[64*h + 32 + l]: | low four bits of w[128h+96+l] : 4 | of w[128h+32+l] : 4 |
 *     qh[32*h + l]: high two bits of | w[128h+96+l] : 2 | [128h+64+l] : 2 | [128h+32+l] : 2 |
 *                   | [128h+l] : 2 | */
struct qt_block_q6_K {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;
} QT_PACKED;

/* w[i] = d * qs[i]; d is an F32; bsums: sums of 16 quants each */
struct qt_block_q8_K {
    uint32_t d;
    int8_t qs[256];
    int16_t bsums[16];
} QT_PACKED;

/* ---- super-blocks of 256: codebook types ------------------------------------------------------ */
/* Eight (or four) magnitudes come from a row of a grid (grids.h); seven sign bits stand for eight,
 * the eighth making their number even (qt_even_signs). Group b has 32 elements, b = 0..7. */

/* w = d * (scale + 1/2) / 4 * grid * sign. Group b is a u64 of four 16-bit words:
 *     | scale : 4 | signs3 : 7 | signs2 : 7 | signs1 : 7 | signs0 : 7 | grid3 : 8 | ... | grid0 : 8 | */
struct qt_block_iq2_xxs {
    uint16_t d;
    uint16_t qs[32];
} QT_PACKED;

/* w = d * (scale + 1/2) / 4 * grid * sign
 *     qs[4*b + l]: | signs : 7 | grid : 9 |     l = 0..3
 *     scales[b]: | of l = 2, 3 : 4 | of l = 0, 1 : 4 | */
struct qt_block_iq2_xs {
    uint16_t d;
    uint16_t qs[32];
    uint8_t scales[8];
} QT_PACKED;

/* w = d * (scale + 1/2) / 4 * grid * sign
 *     qs[4*b + l]: low 8 bits of the grid index; qs[32 + 4*b + l]: 8 signs, bit j for element j
 *     qh[b]: | grid index bits 9..8 of l = 3 : 2 | l = 2 : 2 | l = 1 : 2 | l = 0 : 2 |
 *     scales as in iq2_xs */
struct qt_block_iq2_s {
    uint16_t d;
    uint8_t qs[64];
    uint8_t qh[8];
    uint8_t scales[8];
} QT_PACKED;

/* w = d * (scale + 1/2) / 2 * grid * sign
 *     qs[8*b + k]: grid index of four elements, k = 0..7
 *     qs[64 + 4*b ..]: u32 | scale : 4 | signs3 : 7 | signs2 : 7 | signs1 : 7 | signs0 : 7 | */
struct qt_block_iq3_xxs {
    uint16_t d;
    uint8_t qs[96];
} QT_PACKED;

/* w = d * (1 + 2 * scale) * grid * sign
 *     qs[8*b + k]: low 8 bits of a grid index of four elements; qh[b], bit k: its ninth
 *     signs[4*b + l]: bit j for element 8*l + j;  scales[b/2]: | odd b : 4 | even b : 4 | */
struct qt_block_iq3_s {
    uint16_t d;
    uint8_t qs[64];
    uint8_t qh[8];
    uint8_t signs[32];
    uint8_t scales[4];
} QT_PACKED;

/* w = d * (2 * scale + 1) * (grid + delta), grid in {-1, 0, 1}, delta = +1/8 or (bit set) -1/8
 *     qs[4*b + l]: low 8 bits of the grid index of eight elements, l = 0..3
 *     qh[b]: | delta : 1 | scale : 3 | index bits 10..8 of l = 3 : 3 | l = 2 : 3 | l = 1 : 3 | 0 : 3 | */
struct qt_block_iq1_s {
    uint16_t d;
    uint8_t qs[32];
    uint16_t qh[8];
} QT_PACKED;

/* As iq1_s; a scale for 16 elements, a delta for 8.
 *     qh[2*b + l/2], l even in the low half: | delta : 1 | index bits 10..8 : 3 | the same : 4 |
 *     scales: four u16 s; s[i]: | d, bits 4i+3..4i : 4 | scale 4i+3 : 3 | 4i+2 : 3 | 4i+1 : 3 | 4i : 3 | */
struct qt_block_iq1_m {
    uint8_t qs[32];
    uint8_t qh[16];
    uint8_t scales[8];
} QT_PACKED;

/* w = d * (scale - 32) * iq4nl_values[q], group b of 32
 *     scales_l[b/2]: low four bits | of odd b : 4 | of even b : 4 |
 *     scales_h (u16): high two bits of scale b at bit 2b
 *     qs[16*b + j]: | w[32b+j+16] : 4 | w[32b+j] : 4 | */
struct qt_block_iq4_xs {
    uint16_t d;
    uint16_t scales_h;
    uint8_t scales_l[4];
    uint8_t qs[128];
} QT_PACKED;

/* ---- super-blocks of 256: ternary ------------------------------------------------------------- */

/* w = d * (t - 1), t = 0, 1, 2. A byte holds five digits in base 3 as a fraction of 256, first digit
 * most significant: ceil(256 * number / 243), so that digit n is (uint8_t)(byte * 3^n) * 3 >> 8.
 *     qs[m],      m = 0..31: w[m + 32n], n = 0..4
 *     qs[32 + m], m = 0..15: w[160 + m + 16n], n = 0..4
 *     qh[m],      m = 0..3:  w[240 + m + 4n], n = 0..3 (the fifth digit is 0) */
struct qt_block_tq1_0 {
    uint8_t qs[48];
    uint8_t qh[4];
    uint16_t d;
} QT_PACKED;

/* w = d * (q - 1)
 *     qs[32*h + m]: | w[128h+96+m] : 2 | w[128h+64+m] : 2 | w[128h+32+m] : 2 | w[128h+m] : 2 | */
struct qt_block_tq2_0 {
    uint8_t qs[64];
    uint16_t d;
} QT_PACKED;

#endif
