/* Decoders of the plain types, the small blocks, Q8_K and the ternary types. */
#include "lib/quant/grids.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/vec/put.h"
#include "lib/quant/vec/ue4m3.h"

/* ---- one number an element ------------------------------------------------------------------- */

static void dequant_f16(float *dst, const void *src, size_t n)
{
    const uint8_t *p = src;
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vf_store(dst + i, vf_from_f16(p + 2 * i));
    for (; i < n; i++)
        dst[i] = qt_f16_load(p + 2 * i);
}

static void dequant_bf16(float *dst, const void *src, size_t n)
{
    const uint8_t *p = src;
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vf_store(dst + i, (vf)((vu)vi_from_u16(p + 2 * i) << 16));
    for (; i < n; i++)
        dst[i] = qt_f32_from_bf16(gg_load_u16(p + 2 * i));
}

/* Too large for a float becomes infinite, NaNs stay NaN: as the reference has it. */
static void dequant_f64(float *dst, const void *src, size_t n)
{
    const uint8_t *p = src;
    size_t i = 0;
    for (; i + VL / 2 <= n; i += VL / 2)
        *(vf_half_mem *)(dst + i) = __builtin_convertvector(*(const vd_mem *)(p + 8 * i), vf_half);
    if (i < n)
        qk_ref_dequant_f64(dst + i, p + 8 * i, n - i);
}

static void dequant_i8(float *dst, const void *src, size_t n)
{
    const uint8_t *p = src;
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        put16(dst + i, vb_load(p + i), vf_set1(1));
    qk_ref_dequant_i8(dst + i, p + i, n - i);
}

static void dequant_i16(float *dst, const void *src, size_t n)
{
    const uint8_t *p = src;
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vf_store(dst + i, vf_from_i((vi_from_u16(p + 2 * i) ^ 0x8000) - 0x8000));
    qk_ref_dequant_i16(dst + i, p + 2 * i, n - i);
}

static void dequant_i32(float *dst, const void *src, size_t n)
{
    const uint8_t *p = src;
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vf_store(dst + i, vf_from_i(*(const vi_mem *)(p + 4 * i)));
    qk_ref_dequant_i32(dst + i, p + 4 * i, n - i);
}

/* One rounding, as casts have it; only AVX-512 knows it for lanes. */
static void dequant_i64(float *dst, const void *src, size_t n)
{
    typedef int64_t longs __attribute__((vector_size(4 * VL), aligned(1), may_alias));
    const uint8_t *p = src;
    size_t i = 0;
    for (; i + VL / 2 <= n; i += VL / 2)
        *(vf_half_mem *)(dst + i) = __builtin_convertvector(*(const longs *)(p + 8 * i), vf_half);
    qk_ref_dequant_i64(dst + i, p + 8 * i, n - i);
}

/* ---- is it finite? --------------------------------------------------------------------------- */
/* Runs of words whose exponents are not all ones are passed over; the reference finds the place. */

V_FN vb words_at_top(const uint8_t *p, uint16_t exponent)
{
    return (vb)(((vw)vb_load(p) & exponent) == exponent);
}

V_FN size_t finite_words(const uint8_t *p, size_t n, uint16_t exponent)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        vb bad = words_at_top(p + 2 * i, exponent) | words_at_top(p + 2 * i + 16, exponent) |
                 words_at_top(p + 2 * i + 32, exponent) | words_at_top(p + 2 * i + 48, exponent);
        if (vb_bits(bad) != 0)
            break;
    }
    return i;
}

static size_t valid_f16(const void *src, size_t n)
{
    size_t i = finite_words(src, n, 0x7c00);
    return i + qk_ref_valid_f16((const uint8_t *)src + 2 * i, n - i);
}

static size_t valid_bf16(const void *src, size_t n)
{
    size_t i = finite_words(src, n, 0x7f80);
    return i + qk_ref_valid_bf16((const uint8_t *)src + 2 * i, n - i);
}

static size_t valid_f32(const void *src, size_t n)
{
    const vi exponent = vi_set1(0x7f800000);
    const uint8_t *p = src;
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        if (vm_any(vi_eq(*(const vi_mem *)(p + 4 * i) & exponent, exponent)))
            break;
    }
    return i + qk_ref_valid_f32(p + 4 * i, n - i);
}

/* ---- blocks of 32 ---------------------------------------------------------------------------- */

/* With sixteen lanes one register holds what all levels of a block stand for, each the product (and
 * sum) that it would be by itself: elements are looked up there. */
enum { LOOK = VL == 16 };

/* The sixteen numbers from `from` on. */
V_FN void numbers16(vf out[V_PER16], int from)
{
    const vb numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vf_from_i8(out, numbers + (uint8_t)from);
}

/* Sixteen elements: what the low half bytes of q say, the table having one vector. */
V_FN void look16(float *dst, vb q, vf table)
{
    vi at[V_PER16];
    vi_from_u8(at, q);
    vf_store(dst, vf_lookup16(&table, at[0]));
}

/* Thirty-two: the high half bytes come second. */
V_FN void look32(float *dst, vb q, vf table)
{
    look16(dst, q, table);
    look16(dst + 16, (vb)((vw)q >> 4), table);
}

static void dequant_q4_0(float *dst, const void *src, size_t n)
{
    const struct qt_block_q4_0 *b = src;
    vf level[V_PER16];
    numbers16(level, -8);
    for (size_t i = 0; i < n; i++, b++, dst += 32) {
        vf d = vf_set1_f16(&b->d);
        vb q = vb_load(b->qs);
        if (LOOK) {
            look32(dst, q, level[0] * d);
        } else {
            put16(dst, (q & 15) - 8, d);
            put16(dst + 16, vb_shr(q, 4) - 8, d);
        }
    }
}

static void dequant_q4_1(float *dst, const void *src, size_t n)
{
    const struct qt_block_q4_1 *b = src;
    vf level[V_PER16];
    numbers16(level, 0);
    for (size_t i = 0; i < n; i++, b++, dst += 32) {
        vf d = vf_set1_f16(&b->d), m = vf_set1_f16(&b->m);
        vb q = vb_load(b->qs);
        if (LOOK) {
            look32(dst, q, level[0] * d + m);
        } else {
            put16_plus(dst, q & 15, d, m);
            put16_plus(dst + 16, vb_shr(q, 4), d, m);
        }
    }
}

/* Levels of five bits. */
V_FN void load_fives(vb q[2], const uint8_t qs[16], const uint8_t qh[4])
{
    const vb nibbles = vb_load(qs);
    vb_from_bits32(q, qh, vb_set1(16));
    q[0] |= nibbles & 15;
    q[1] |= vb_shr(nibbles, 4);
}

static void dequant_q5_0(float *dst, const void *src, size_t n)
{
    const struct qt_block_q5_0 *b = src;
    for (size_t i = 0; i < n; i++, b++, dst += 32) {
        vf d = vf_set1_f16(&b->d);
        vb q[2];
        load_fives(q, b->qs, b->qh);
        put16(dst, q[0] - 16, d);
        put16(dst + 16, q[1] - 16, d);
    }
}

static void dequant_q5_1(float *dst, const void *src, size_t n)
{
    const struct qt_block_q5_1 *b = src;
    for (size_t i = 0; i < n; i++, b++, dst += 32) {
        vf d = vf_set1_f16(&b->d), m = vf_set1_f16(&b->m);
        vb q[2];
        load_fives(q, b->qs, b->qh);
        put16_plus(dst, q[0], d, m);
        put16_plus(dst + 16, q[1], d, m);
    }
}

static void dequant_q8_0(float *dst, const void *src, size_t n)
{
    const struct qt_block_q8_0 *b = src;
    for (size_t i = 0; i < n; i++, b++, dst += 32) {
        vf d = vf_set1_f16(&b->d);
        put16(dst, vb_load(b->qs), d);
        put16(dst + 16, vb_load(b->qs + 16), d);
    }
}

static void dequant_q8_1(float *dst, const void *src, size_t n)
{
    const struct qt_block_q8_1 *b = src;
    for (size_t i = 0; i < n; i++, b++, dst += 32) {
        vf d = vf_set1_f16(&b->d);
        put16(dst, vb_load(b->qs), d);
        put16(dst + 16, vb_load(b->qs + 16), d);
    }
}

static void dequant_q8_K(float *dst, const void *src, size_t n)
{
    const struct qt_block_q8_K *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        vf d = vf_set1(gg_f32_from_bits(gg_load_u32(&b->d)));
        for (int j = 0; j < 256; j += 16, dst += 16)
            put16(dst, vb_load(b->qs + j), d);
    }
}

/* Thirty-two elements, values[level] * d. */
V_FN void put_values(float *dst, vb q, vb values, vf d)
{
    vf value[V_PER16];
    vf_from_i8(value, values);
    if (LOOK) {
        look32(dst, q, value[0] * d);
    } else {
        put16(dst, vb_lookup(values, q & 15), d);
        put16(dst + 16, vb_lookup(values, vb_shr(q, 4)), d);
    }
}

static void dequant_iq4_nl(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq4_nl *b = src;
    const vb values = vb_load(qk_iq4nl_values);
    for (size_t i = 0; i < n; i++, b++, dst += 32)
        put_values(dst, vb_load(b->qs), values, vf_set1_f16(&b->d));
}

static void dequant_iq4_xs(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq4_xs *b = src;
    const vb values = vb_load(qk_iq4nl_values);
    for (size_t i = 0; i < n; i++, b++) {
        float d = qt_f16_load(&b->d);
        uint32_t high = gg_load_u16(&b->scales_h), low = gg_load_u32(b->scales_l);
        for (int g = 0; g < 8; g++, dst += 32) {
            int scale = (int)((low >> 4 * g & 15) | (high >> 2 * g & 3) << 4);
            vf dl = vf_set1(d * (float)(scale - 32));
            put_values(dst, vb_load(b->qs + 16 * g), values, dl);
        }
    }
}

static void dequant_mxfp4(float *dst, const void *src, size_t n)
{
    const struct qt_block_mxfp4 *b = src;
    const vb values = vb_load(qk_fp4_values);
    for (size_t i = 0; i < n; i++, b++, dst += 32)
        put_values(dst, vb_load(b->qs), values, vf_set1(qt_f32_from_e8m0_half(b->e)));
}

/* ---- blocks of 64 and 128 -------------------------------------------------------------------- */

static void dequant_nvfp4(float *dst, const void *src, size_t n)
{
    typedef uint32_t fours __attribute__((vector_size(16)));
    const struct qt_block_nvfp4 *b = src;
    const vb values = vb_load(qk_fp4_values);
    vf value[V_PER16];
    vf_from_i8(value, values);
    for (size_t i = 0; i < n; i++, b++) {
        vi byte[V_PER16];
        vi_from_u8(byte, (vb)((fours){0} + gg_load_u32(b->d)));
        float d[16];
        vf_store(d, v_ue4m3_half(byte[0]));
        put_aside(d);
        V_UNROLL
        for (int s = 0; s < 4; s += 2, dst += 32) {
            const vb q = vb_load(b->qs + 8 * s);
            if (LOOK) {
                const vb high = (vb)((vw)q >> 4);
                look16(dst, vb_join_lo(q, high), value[0] * vf_set1(d[s]));
                look16(dst + 16, vb_join_hi(q, high), value[0] * vf_set1(d[s + 1]));
            } else {
                vb lo = vb_lookup(values, q & 15), hi = vb_lookup(values, vb_shr(q, 4));
                put16(dst, vb_join_lo(lo, hi), vf_set1(d[s]));
                put16(dst + 16, vb_join_hi(lo, hi), vf_set1(d[s + 1]));
            }
        }
    }
}

static void dequant_q1_0(float *dst, const void *src, size_t n)
{
    const struct qt_block_q1_0 *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        vf d = vf_set1_f16(&b->d), minus = -d;
        for (int j = 0; j < 16; j += 2) {
            unsigned bits = gg_load_u16(b->qs + j);
            V_UNROLL
            for (int k = 0; k < V_PER16; k++, dst += VL)
                vf_store(dst, vf_select(vm_from_bits(bits >> k * VL), d, minus));
        }
    }
}

static void dequant_q2_0(float *dst, const void *src, size_t n)
{
    const struct qt_block_q2_0 *b = src;
    for (size_t i = 0; i < n; i++, b++, dst += 64) {
        vf d = vf_set1_f16(&b->d);
        vb q = vb_load(b->qs);
        vb q0 = (q & 3) - 1, q1 = (vb_shr(q, 2) & 3) - 1;
        vb q2 = (vb_shr(q, 4) & 3) - 1, q3 = vb_shr(q, 6) - 1;
        vb lo01 = vb_zip_lo(q0, q1), lo23 = vb_zip_lo(q2, q3);
        vb hi01 = vb_zip_hi(q0, q1), hi23 = vb_zip_hi(q2, q3);
        put16(dst, vb_zip2_lo(lo01, lo23), d);
        put16(dst + 16, vb_zip2_hi(lo01, lo23), d);
        put16(dst + 32, vb_zip2_lo(hi01, hi23), d);
        put16(dst + 48, vb_zip2_hi(hi01, hi23), d);
    }
}

/* ---- ternary --------------------------------------------------------------------------------- */

typedef int8_t vb_signed __attribute__((vector_size(16)));

/* The first base-3 digit of each byte q, less one: 3 q >> 8 is 1 from 86, 2 from 171. They come
 * with 128 added, which multiplying by odd numbers leaves there. */
V_FN vb first_trit(vb q)
{
    return (vb)((vb_signed)q < 86 - 128) - (vb)((vb_signed)q > 170 - 128);
}

/* Four bytes times 1, 3, 9 and 27. */
V_FN vb four_digits(const uint8_t b[4])
{
    typedef uint32_t v4u __attribute__((vector_size(16)));
    const vb odd = vb_load_halves("\0\0\0\0\xff\xff\xff\xff", "\0\0\0\0\xff\xff\xff\xff");
    const vb high = vb_load_halves("\0\0\0\0\0\0\0\0", "\xff\xff\xff\xff\xff\xff\xff\xff");
    uint32_t four;
    memcpy(&four, b, 4);
    vb q = (vb)(v4u){four, four, four, four} ^ 128;
    q += (q + q) & odd;
    return q + (vb_shl(q, 3) & high);
}

static void dequant_tq1_0(float *dst, const void *src, size_t n)
{
    const struct qt_block_tq1_0 *b = src;
    for (size_t i = 0; i < n; i++, b++, dst += 256) {
        vf d = vf_set1_f16(&b->d);
        vb q0 = vb_load(b->qs) ^ 128, q1 = vb_load(b->qs + 16) ^ 128,
           q2 = vb_load(b->qs + 32) ^ 128;
        V_UNROLL
        for (int digit = 0; digit < 5; digit++) {
            put16(dst + 32 * digit, first_trit(q0), d);
            put16(dst + 32 * digit + 16, first_trit(q1), d);
            put16(dst + 160 + 16 * digit, first_trit(q2), d);
            q0 += q0 + q0;
            q1 += q1 + q1;
            q2 += q2 + q2;
        }
        put16(dst + 240, first_trit(four_digits(b->qh)), d);
    }
}

static void dequant_tq2_0(float *dst, const void *src, size_t n)
{
    const struct qt_block_tq2_0 *b = src;
    for (size_t i = 0; i < n; i++, b++, dst += 256) {
        vf d = vf_set1_f16(&b->d);
        for (int j = 0; j < 64; j += 16) {
            float *to = dst + j / 32 * 128 + j % 32;
            vb q = vb_load(b->qs + j);
            put16(to, (q & 3) - 1, d);
            put16(to + 32, (vb_shr(q, 2) & 3) - 1, d);
            put16(to + 64, (vb_shr(q, 4) & 3) - 1, d);
            put16(to + 96, vb_shr(q, 6) - 1, d);
        }
    }
}

void V_NAME(qk_vec_decode)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_F32].valid = valid_f32;
    k[QT_F16].valid = valid_f16;
    k[QT_BF16].valid = valid_bf16;
    if (V_HAS_F16)
        k[QT_F16].dequant = dequant_f16;
    k[QT_BF16].dequant = dequant_bf16;
    k[QT_Q4_0].dequant = dequant_q4_0;
    k[QT_Q4_1].dequant = dequant_q4_1;
    k[QT_Q5_0].dequant = dequant_q5_0;
    k[QT_Q5_1].dequant = dequant_q5_1;
    k[QT_Q8_0].dequant = dequant_q8_0;
    k[QT_Q8_1].dequant = dequant_q8_1;
    k[QT_Q8_K].dequant = dequant_q8_K;
    k[QT_Q1_0].dequant = dequant_q1_0;
    k[QT_Q2_0].dequant = dequant_q2_0;
    k[QT_TQ1_0].dequant = dequant_tq1_0;
    k[QT_TQ2_0].dequant = dequant_tq2_0;
    k[QT_F64].dequant = dequant_f64;
    k[QT_I8].dequant = dequant_i8;
    k[QT_I16].dequant = dequant_i16;
    k[QT_I32].dequant = dequant_i32;
    if (VL == 16)
        k[QT_I64].dequant = dequant_i64;
    if (!V_HAS_LOOKUP)
        return; /* the reference is faster */
    k[QT_IQ4_NL].dequant = dequant_iq4_nl;
    k[QT_IQ4_XS].dequant = dequant_iq4_xs;
    k[QT_MXFP4].dequant = dequant_mxfp4;
    k[QT_NVFP4].dequant = dequant_nvfp4;
}
