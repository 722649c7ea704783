/* Decoders of the codebook types: a row of the grid stands ready as the values it means (grids.h),
 * so that an element is one product, and its sign. What tells rows, scales and signs apart is
 * unpacked for a super-block at a time. */
#include "lib/quant/grids.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/vec/put.h"

/* A super-block unpacked. */
struct parts {
    float scale[16];   /* by 16 elements */
    uint16_t row[64];  /* by eight elements, or four (IQ3): where it is in the table, in bytes */
    uint8_t signs[32]; /* a bit an element; not IQ1 */
    float delta[32];   /* IQ1: by eight elements, or 32 */
};

enum { AT_ONCE = 8 }; /* super-blocks: while one is unpacked, others need not wait for it */

/* ---- bytes and words ------------------------------------------------------------------------- */

/* 32 bytes, eight words: at four lanes the compiler takes two vectors. */
#pragma GCC diagnostic ignored "-Wpsabi" /* all are inlined: none passes through a call */
typedef uint8_t v_bytes __attribute__((vector_size(32)));
typedef uint32_t v_longs __attribute__((vector_size(32)));
typedef v_bytes v_bytes_mem __attribute__((aligned(1), may_alias));

V_FN v_bytes load_bytes(const void *p)
{
    return *(const v_bytes_mem *)p;
}

V_FN void store_bytes(void *p, v_bytes a)
{
    *(v_bytes_mem *)p = a;
}

V_FN v_bytes join(vb a, vb b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
                                   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
}

V_FN vb low_half(v_bytes a)
{
    return __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

V_FN vb high_half(v_bytes a)
{
    return __builtin_shufflevector(a, a, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
                                   31);
}

/* Eight words to eight twice as wide. */
V_FN v_longs widen(vb words)
{
    return (v_longs)join(vb_zip2_lo(words, vb_set1(0)), vb_zip2_hi(words, vb_set1(0)));
}

/* Low bytes of eight words, twice each. */
V_FN vb narrow_twice(v_longs a)
{
    vb even = vb_even((vw)low_half((v_bytes)a), (vw)high_half((v_bytes)a));
    even = vb_even((vw)even, (vw)even);
    return vb_zip_lo(even, even);
}

/* Four fields of two bits, of three, of seven, to four bytes. */
V_FN v_bytes spread_twos(v_longs x)
{
    return (v_bytes)((x & 3) | (x << 6 & 0x300) | (x << 12 & 0x30000) | (x << 18 & 0x3000000));
}

V_FN v_bytes spread_threes(v_longs x)
{
    return (v_bytes)((x & 7) | (x << 5 & 0x700) | (x << 10 & 0x70000) | (x << 15 & 0x7000000));
}

V_FN v_bytes spread_sevens(v_longs x)
{
    return (v_bytes)((x & 0x7f) | (x << 1 & 0x7f00) | (x << 2 & 0x7f0000) | (x << 3 & 0x7f000000));
}

/* Bytes of seven bits get an eighth that makes their number of bits even. */
V_FN v_bytes even_bytes(v_bytes x)
{
    v_longs p = (v_longs)x;
    p ^= p >> 4;
    p ^= p >> 2;
    p ^= p >> 1;
    return x | (v_bytes)(p << 7 & 0x80808080);
}

/* Binary logarithms of the bytes of a row: eight bytes, eight floats, four. */
enum { ROW1 = 3, ROW2 = 5, ROW3 = 4 };

/* Places of sixteen rows of 2^log bytes, whose numbers have low and high bytes. */
V_FN void set_rows(uint16_t row[16], vb low, vb high, int log)
{
    vb_store(row, (vb)((vw)vb_zip_lo(low, high) << log));
    vb_store(row + 8, (vb)((vw)vb_zip_hi(low, high) << log));
}

V_FN void set_rows32(uint16_t row[32], v_bytes low, v_bytes high, int log)
{
    set_rows(row, low_half(low), low_half(high), log);
    set_rows(row + 16, high_half(low), high_half(high), log);
}

/* ---- scales ---------------------------------------------------------------------------------- */

/* d * (1/2 + scale) * factor */
V_FN void half_scales(float db[16], vb scale, const void *d, float factor)
{
    vf x[V_PER16], dv = vf_set1_f16(d);
    vf_from_i8(x, scale);
    for (int k = 0; k < V_PER16; k++)
        vf_store(db + k * VL, dv * (0.5f + x[k]) * factor);
}

/* Sixteen scales of four bits from eight bytes, low halves first. */
V_FN vb nibble_scales(const uint8_t p[8])
{
    vb b = vb_load_halves(p, p);
    return vb_zip_lo(b & 15, vb_shr(b, 4));
}

/* ---- unpacking ------------------------------------------------------------------------------- */

/* Scales and signs of words with four times seven signs, then a scale of four bits. */
V_FN void unpack_words(struct parts *p, v_longs word, const void *d, float factor)
{
    store_bytes(p->signs, even_bytes(spread_sevens(word)));
    half_scales(p->scale, narrow_twice(word >> 28), d, factor);
}

V_FN void unpack_iq2_xxs(struct parts *p, const struct qt_block_iq2_xxs *b)
{
    const uint8_t *q = (const uint8_t *)b + sizeof b->d; /* qs, byte by byte */
    v_longs x = (v_longs)load_bytes(q), y = (v_longs)load_bytes(q + 32);

    unpack_words(p, __builtin_shufflevector(x, y, 1, 3, 5, 7, 9, 11, 13, 15), &b->d, 0.25f);
    v_bytes low = (v_bytes)__builtin_shufflevector(x, y, 0, 2, 4, 6, 8, 10, 12, 14);
    set_rows32(p->row, low, low & 0, ROW2);
}

V_FN void unpack_iq2_xs(struct parts *p, const struct qt_block_iq2_xs *b)
{
    vb signs[2];

    half_scales(p->scale, nibble_scales(b->scales), &b->d, 0.25f);
    V_UNROLL
    for (int k = 0; k < 2; k++) {
        const uint8_t *q = (const uint8_t *)b + sizeof b->d + 32 * k;
        vw x = (vw)vb_load(q), y = (vw)vb_load(q + 16);
        vb_store(p->row + 16 * k, (vb)((x & 511) << ROW2));
        vb_store(p->row + 16 * k + 8, (vb)((y & 511) << ROW2));
        signs[k] = vb_even(x >> 9, y >> 9);
    }
    store_bytes(p->signs, even_bytes(join(signs[0], signs[1])));
}

V_FN void unpack_iq2_s(struct parts *p, const struct qt_block_iq2_s *b)
{
    const vb high = vb_zip_lo(vb_load_halves(b->qh, b->qh), vb_set1(0));

    half_scales(p->scale, nibble_scales(b->scales), &b->d, 0.25f);
    set_rows32(p->row, load_bytes(b->qs), spread_twos(widen(high)), ROW2);
    store_bytes(p->signs, load_bytes(b->qs + 32));
}

V_FN void unpack_iq3_xxs(struct parts *p, const struct qt_block_iq3_xxs *b)
{
    for (int k = 0; k < 64; k += 16)
        set_rows(p->row + k, vb_load(b->qs + k), vb_set1(0), ROW3);
    unpack_words(p, (v_longs)load_bytes(b->qs + 64), &b->d, 0.5f);
}

V_FN void unpack_iq3_s(struct parts *p, const struct qt_block_iq3_s *b)
{
    const uint64_t four = gg_load_u32(b->scales);
    vb scale = nibble_scales((const uint8_t *)&four);

    scale = vb_zip_lo(scale, scale);
    put16(p->scale, scale + scale + 1, vf_set1_f16(&b->d));
    for (int k = 0; k < 4; k++)
        set_rows(p->row + 16 * k, vb_load(b->qs + 16 * k),
                 vb_from_bits(gg_load_u16(b->qh + 2 * k), vb_set1(1)), ROW3);
    store_bytes(p->signs, load_bytes(b->signs));
}

/* 1/8, or -1/8 where a byte is not 0 but 1. */
V_FN void set_deltas(float delta[16], vb minus)
{
    put16(delta, 1 - (minus + minus), vf_set1(0.125f));
}

V_FN void unpack_iq1_s(struct parts *p, const struct qt_block_iq1_s *b)
{
    const vw qh = (vw)vb_load((const uint8_t *)b->qs + sizeof b->qs);
    vb scale = vb_even(qh >> 12 & 7, qh), minus = vb_even(qh >> 15, qh);

    scale = vb_zip_lo(scale, scale);
    put16(p->scale, scale + scale + 1, vf_set1_f16(&b->d));
    set_deltas(p->delta, minus);
    set_rows32(p->row, load_bytes(b->qs), spread_threes(widen((vb)qh)), ROW1);
}

V_FN void unpack_iq1_m(struct parts *p, const struct qt_block_iq1_m *b)
{
    const vb low = vb_load(b->qh) & 15, high = vb_shr(vb_load(b->qh), 4);
    const vb scale = low_half(spread_threes(widen(vb_load_halves(b->scales, b->scales))));
    put16(p->scale, scale + scale + 1, vf_set1(qt_f32_from_f16(qk_iq1m_scale(b->scales))));
    for (int k = 0; k < 2; k++) {
        vb four = k == 0 ? vb_zip_lo(low, high) : vb_zip_hi(low, high);
        set_rows(p->row + 16 * k, vb_load(b->qs + 16 * k), four & 7, ROW1);
        set_deltas(p->delta + 16 * k, vb_shr(four, 3));
    }
}

/* ---- elements -------------------------------------------------------------------------------- */

/* Elements 32 g and on. */
V_FN void put_signed(float *dst, const vf v[32 / VL], const vf scale[2], const struct parts *p,
                     int g)
{
    vf x[32 / VL];
    V_UNROLL
    for (int k = 0; k < 32 / VL; k++)
        x[k] = v[k] * scale[k / V_PER16];
    vf_flip32(x, p->signs + 4 * g);
    V_UNROLL
    for (int k = 0; k < 32 / VL; k++)
        vf_store(dst + 32 * g + k * VL, x[k]);
}

V_FN const void *row_at(const void *rows, unsigned at)
{
    return (const char *)rows + at;
}

/* Places of rows 4 g and on, two a load: there are more loads than anything else. */
V_FN void four_places(uint32_t at[4], const struct parts *p, int g)
{
    const uint32_t low = gg_load_u32(p->row + 4 * g), high = gg_load_u32(p->row + 4 * g + 2);
    at[0] = low & 0xffff, at[1] = low >> 16;
    at[2] = high & 0xffff, at[3] = high >> 16;
}

V_FN void put_iq2(float *dst, const struct parts *p, const void *rows)
{
    V_UNROLL
    for (int g = 0; g < 8; g++) {
        uint32_t at[4];
        vf v[32 / VL];
        four_places(at, p, g);
        vf_from_rows8(v, row_at(rows, at[0]), row_at(rows, at[1]));
        vf_from_rows8(v + V_PER16, row_at(rows, at[2]), row_at(rows, at[3]));
        const vf scale[2] = {vf_set1(p->scale[2 * g]), vf_set1(p->scale[2 * g + 1])};
        put_signed(dst, v, scale, p, g);
    }
}

V_FN void put_iq3(float *dst, const struct parts *p, const void *rows)
{
    V_UNROLL
    for (int g = 0; g < 8; g++) {
        const float *at[32];
        vf v[32 / VL];
        V_UNROLL
        for (int j = 0; j < 8; j += 2) {
            uint32_t two = gg_load_u32((const uint8_t *)(p->row + 8 * g + j)); /* one load */
            at[4 * j] = row_at(rows, two & 0xffff);
            at[4 * j + 4] = row_at(rows, two >> 16);
        }
        V_UNROLL
        for (int k = 0; k < 32 / VL; k++)
            v[k] = vf_load_quads(at + k * VL, 0);
        const vf scale = vf_set1(p->scale[2 * g]);
        put_signed(dst, v, (const vf[2]){scale, scale}, p, g);
    }
}

/* n_deltas: for 32 elements; where there is one, there is one scale, too. */
V_FN void put_iq1(float *dst, const struct parts *p, const void *rows, int n_deltas)
{
    V_UNROLL
    for (int g = 0; g < 8; g++) {
        uint32_t at[4];
        const float *delta = p->delta + n_deltas * g;
        const vf scale[2] = {vf_set1(p->scale[2 * g]), vf_set1(p->scale[2 * g + (n_deltas > 1)])};
        vf v[32 / VL];
        four_places(at, p, g);
        vf_from_bytes8(v, row_at(rows, at[0]), row_at(rows, at[1]));
        vf_from_bytes8(v + V_PER16, row_at(rows, at[2]), row_at(rows, at[3]));
        V_UNROLL
        for (int k = 0; k < 32 / VL; k++) {
            const float *d = delta + (n_deltas > 1 ? k * VL / 8 : 0);
            v[k] += n_deltas > 1 ? vf_sides(d[0], d[V_SIDES - 1]) : vf_set1(d[0]);
            vf_store(dst + 32 * g + k * VL, scale[k / V_PER16] * v[k]);
        }
    }
}

#define DEQUANT(type, family, ...)                                                                 \
    static void dequant_##type(float *dst, const void *src, size_t n)                              \
    {                                                                                              \
        const struct qt_block_##type *b = src;                                                     \
        while (n > 0) {                                                                            \
            struct parts p[AT_ONCE];                                                               \
            const size_t now = n < AT_ONCE ? n : AT_ONCE;                                          \
            for (size_t i = 0; i < now; i++)                                                       \
                unpack_##type(&p[i], b + i);                                                       \
            for (size_t i = 0; i < now; i++, dst += QT_SUPER)                                      \
                put_##family(dst, &p[i], __VA_ARGS__);                                             \
            b += now;                                                                              \
            n -= now;                                                                              \
        }                                                                                          \
    }

DEQUANT(iq2_xxs, iq2, qk_rows_iq2xxs)
DEQUANT(iq2_xs, iq2, qk_rows_iq2xs)
DEQUANT(iq2_s, iq2, qk_rows_iq2s)
DEQUANT(iq3_xxs, iq3, qk_rows_iq3xxs)
DEQUANT(iq3_s, iq3, qk_rows_iq3s)
DEQUANT(iq1_s, iq1, qk_rows_iq1s, 1)
DEQUANT(iq1_m, iq1, qk_rows_iq1s, 4)

void V_NAME(qk_vec_decode_iq)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_IQ2_XXS].dequant = dequant_iq2_xxs;
    k[QT_IQ2_XS].dequant = dequant_iq2_xs;
    k[QT_IQ2_S].dequant = dequant_iq2_s;
    k[QT_IQ3_XXS].dequant = dequant_iq3_xxs;
    k[QT_IQ3_S].dequant = dequant_iq3_s;
    k[QT_IQ1_M].dequant = dequant_iq1_m;
    if (V_HAS_LOOKUP) /* elsewhere the reference is faster */
        k[QT_IQ1_S].dequant = dequant_iq1_s;
}
