/* Decoders of the codebook types. What tells rows, scales and signs apart is unpacked for a
 * super-block at a time. Then an element is looked up, by its level in the code of its row, among
 * the products of the scale and what levels stand for; and gets its sign. Codes of grids that fit
 * into registers are looked up there (V_HAS_LOOKUP_WORDS), those of the larger ones of eight
 * elements in memory. Elsewhere rows stand ready as the values they mean (grids.h), and are
 * multiplied by the scale: the same products. */
#include "lib/quant/grids.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/vec/put.h"

/* A super-block unpacked. */
struct parts {
    float scale[16];   /* by 16 elements */
    uint16_t row[64];  /* by eight elements, or four (IQ3): a row's code, its number, or where it is
                          in a table, in bytes */
    uint8_t signs[32]; /* a bit an element; not IQ1 */
    float delta[8];    /* IQ1_S: by 32 elements */
    uint8_t deltas[16]; /* IQ1_M: by 16, where values_iq1m are */
};

enum { AT_ONCE = 8 }; /* super-blocks: while one is unpacked, others need not wait for it */

/* ---- bytes and words ------------------------------------------------------------------------- */

/* 32 bytes, eight words: at four lanes the compiler takes two vectors. */
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

/* Binary logarithms of the bytes of a row: eight floats, four. */
enum { ROW2 = 5, ROW3 = 4 };

/* Places of sixteen rows of 2^log bytes (numbers: 0), whose numbers have low and high bytes. */
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

/* Codes of 32 rows of a grid of n. */
V_FN void set_codes(uint16_t row[32], v_words number, const uint16_t *grid, int n)
{
    v_lookup_words(&number, grid, n);
    *(v_words_mem *)(void *)row = number;
}

V_FN void set_codes8(uint16_t row[32], v_bytes number, const uint16_t grid[256])
{
    v_words words;
    v_words_from_u8(&words, &number);
    set_codes(row, words, grid, 256);
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
    if (V_HAS_LOOKUP_WORDS)
        set_codes8(p->row, low, qk_grid_iq2xxs);
    else
        set_rows32(p->row, low, low & 0, ROW2);
}

V_FN void unpack_iq2_xs(struct parts *p, const struct qt_block_iq2_xs *b)
{
    const uint8_t *all = (const uint8_t *)b + sizeof b->d; /* qs, byte by byte */
    vb signs[2];

    half_scales(p->scale, nibble_scales(b->scales), &b->d, 0.25f);
    if (V_HAS_LOOKUP_WORDS)
        set_codes(p->row, *(const v_words_mem *)(const void *)all & 511, qk_grid_iq2xs, 512);
    V_UNROLL
    for (int k = 0; k < 2; k++) {
        vw x = (vw)vb_load(all + 32 * k), y = (vw)vb_load(all + 32 * k + 16);
        if (!V_HAS_LOOKUP_WORDS) {
            vb_store(p->row + 16 * k, (vb)((x & 511) << ROW2));
            vb_store(p->row + 16 * k + 8, (vb)((y & 511) << ROW2));
        }
        signs[k] = vb_even(x >> 9, y >> 9);
    }
    store_bytes(p->signs, even_bytes(join(signs[0], signs[1])));
}

V_FN void unpack_iq2_s(struct parts *p, const struct qt_block_iq2_s *b)
{
    const vb high = vb_zip_lo(vb_load_halves(b->qh, b->qh), vb_set1(0));

    half_scales(p->scale, nibble_scales(b->scales), &b->d, 0.25f);
    set_rows32(p->row, load_bytes(b->qs), spread_twos(widen(high)), V_HAS_LOOKUP ? 0 : ROW2);
    store_bytes(p->signs, load_bytes(b->qs + 32));
}

V_FN void unpack_iq3_xxs(struct parts *p, const struct qt_block_iq3_xxs *b)
{
    for (int k = 0; k < 64; k += 32) {
        v_bytes low = load_bytes(b->qs + k);
        if (V_HAS_LOOKUP_WORDS)
            set_codes8(p->row + k, low, qk_grid_iq3xxs);
        else
            set_rows32(p->row + k, low, low & 0, ROW3);
    }
    unpack_words(p, (v_longs)load_bytes(b->qs + 64), &b->d, 0.5f);
}

/* Codes of 32 rows of 512: of the first or second half of them, as bits say. */
V_FN void set_codes_iq3_s(uint16_t row[32], const uint8_t *low, const uint8_t *bits)
{
    v_words first, second;

    v_words_from_u8(&first, low);
    second = first;
    v_lookup_words(&first, qk_grid_iq3s, 256);
    v_lookup_words(&second, qk_grid_iq3s + 256, 256);
    v_words_select(&first, bits, &second);
    *(v_words_mem *)(void *)row = first;
}

V_FN void unpack_iq3_s(struct parts *p, const struct qt_block_iq3_s *b)
{
    const uint64_t four = gg_load_u32(b->scales);
    vb scale = nibble_scales((const uint8_t *)&four);

    scale = vb_zip_lo(scale, scale);
    put16(p->scale, scale + scale + 1, vf_set1_f16(&b->d));
    for (int k = 0; k < 64 && V_HAS_LOOKUP_WORDS; k += 32)
        set_codes_iq3_s(p->row + k, b->qs + k, b->qh + k / 8);
    for (int k = 0; k < 64 && !V_HAS_LOOKUP_WORDS; k += 16)
        set_rows(p->row + k, vb_load(b->qs + k),
                 vb_from_bits(gg_load_u16(b->qh + k / 8), vb_set1(1)), ROW3);
    store_bytes(p->signs, load_bytes(b->signs));
}

V_FN void unpack_iq1_s(struct parts *p, const struct qt_block_iq1_s *b)
{
    const vw qh = (vw)vb_load((const uint8_t *)b->qs + sizeof b->qs);
    vb scale = vb_even(qh >> 12 & 7, qh), minus = vb_even(qh >> 15, qh);
    float delta[16];

    scale = vb_zip_lo(scale, scale);
    put16(p->scale, scale + scale + 1, vf_set1_f16(&b->d));
    put16(delta, 1 - (minus + minus), vf_set1(0.125f));
    memcpy(p->delta, delta, sizeof p->delta);
    set_rows32(p->row, load_bytes(b->qs), spread_threes(widen((vb)qh)), 0);
}

V_FN void unpack_iq1_m(struct parts *p, const struct qt_block_iq1_m *b)
{
    const vw qh = (vw)vb_load(b->qh);
    const vb low = (vb)qh & 7, high = vb_shr((vb)qh, 4) & 7;
    const vb scale = low_half(spread_threes(widen(vb_load_halves(b->scales, b->scales))));
    const uint16_t d = qk_iq1m_scale(b->scales);

    put16(p->scale, scale + scale + 1, vf_set1_f16(&d));
    set_rows(p->row, vb_load(b->qs), vb_zip_lo(low, high), 0);
    set_rows(p->row + 16, vb_load(b->qs + 16), vb_zip_hi(low, high), 0);
    vb_store(p->deltas, (vb)((qh << 1 & 0x1010) | (qh >> 2 & 0x2020)));
}

/* ---- elements by rows ------------------------------------------------------------------------ */

/* Elements 32 g and on get their signs. */
V_FN void put_signed(float *dst, vf x[32 / VL], const struct parts *p, int g)
{
    vf_flip32(x, p->signs + 4 * g);
    V_UNROLL
    for (int k = 0; k < 32 / VL; k++)
        vf_store(dst + 32 * g + k * VL, x[k]);
}

/* The rows of two places. One load for both: there are more loads than anything else. */
V_FN void two_rows(const float *at[2], const uint16_t *place, const void *rows)
{
    const uint32_t two = gg_load_u32((const uint8_t *)place);
    at[0] = (const void *)((const char *)rows + (two & 0xffff));
    at[1] = (const void *)((const char *)rows + (two >> 16));
}

V_FN void put_rows2(float *dst, const struct parts *p, const void *rows)
{
    V_UNROLL
    for (int g = 0; g < 8; g++) {
        vf x[32 / VL];
        V_UNROLL
        for (int h = 0; h < 2; h++) {
            const float *at[2];
            two_rows(at, p->row + 4 * g + 2 * h, rows);
            vf_from_rows8(x + V_PER16 * h, at[0], at[1]);
        }
        V_UNROLL
        for (int k = 0; k < 32 / VL; k++)
            x[k] *= vf_set1(p->scale[2 * g + k / V_PER16]);
        put_signed(dst, x, p, g);
    }
}

V_FN void put_rows3(float *dst, const struct parts *p, const void *rows)
{
    V_UNROLL
    for (int g = 0; g < 8; g++) {
        const float *at[32];
        vf x[32 / VL];
        V_UNROLL
        for (int j = 0; j < 8; j += 2) {
            const float *two[2];
            two_rows(two, p->row + 8 * g + j, rows);
            at[4 * j] = two[0];
            at[4 * j + 4] = two[1];
        }
        V_UNROLL
        for (int k = 0; k < 32 / VL; k++)
            x[k] = vf_load_quads(at + k * VL, 0) * vf_set1(p->scale[2 * g]);
        put_signed(dst, x, p, g);
    }
}

/* ---- elements by codes ----------------------------------------------------------------------- */

/* What levels stand for, over and over; those of IQ1 with delta 1/8 and -1/8 for each half, and
 * with neither. */
#define FOUR_TIMES(a, b, c, d) a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d
#define TWICE(a, b, c, d, e, f, g, h) a, b, c, d, e, f, g, h, a, b, c, d, e, f, g, h
#define PLUS -0.875f, 0.125f, 1.125f, 0, -0.875f, 0.125f, 1.125f, 0
#define MINUS -1.125f, -0.125f, 0.875f, 0, -1.125f, -0.125f, 0.875f, 0
static const float values_iq1[16] = {FOUR_TIMES(-1, 0, 1, 0)};
static const float values_iq1m[64] = {PLUS, PLUS, MINUS, PLUS, PLUS, MINUS, MINUS, MINUS};
static const float values_iq2[16] = {FOUR_TIMES(8, 25, 43, 0)};
static const float values_iq3xxs[16] = {TWICE(4, 12, 20, 28, 36, 44, 52, 62)};
static const float values_iq3s[16] = {TWICE(1, 3, 5, 7, 9, 11, 13, 15)};

/* Sixteen codes of two bits: those of rows 2 j and 2 j + 1. Where grid is NULL they stand there, else
 * numbers of rows do: one load for two of these, as in two_rows. */
V_FN void two_codes(vi code[V_PER16], const struct parts *p, int j, const uint16_t *grid)
{
    const uint32_t both = gg_load_u32((const uint8_t *)(p->row + 2 * j));
    const vu field = (vu)v_lanes() * 2;
    const uint32_t most = grid == NULL ? 31 : 15; /* eight codes a word */
    if (grid != NULL)
        vi_spread_two(code, grid + (both & 0xffff), grid + (both >> 16));
    V_UNROLL
    for (int k = 0; k < V_PER16; k++) {
        const vi all = grid == NULL ? vi_set1((int32_t)both) : code[k];
        code[k] = (vi)vu_shrv((vu)all, (field + (uint32_t)(2 * k * VL)) & most);
    }
}

V_FN void put_codes2(float *dst, const struct parts *p, const uint16_t *grid)
{
    V_UNROLL
    for (int g = 0; g < 8; g++) {
        vf x[32 / VL];
        V_UNROLL
        for (int h = 0; h < 2; h++) {
            const vf values = vf_load(values_iq2) * vf_set1(p->scale[2 * g + h]);
            vi code[V_PER16];
            two_codes(code, p, 2 * g + h, grid);
            V_UNROLL
            for (int k = 0; k < V_PER16; k++)
                x[V_PER16 * h + k] = vf_lookup4(values, code[k]);
        }
        put_signed(dst, x, p, g);
    }
}

V_FN void put_codes3(float *dst, const struct parts *p, const float means[16])
{
    const vu field = (vu)(v_lanes() & 3) * 3;

    V_UNROLL
    for (int g = 0; g < 8; g++) {
        vf x[32 / VL], values[V_T8];
        V_UNROLL
        for (int k = 0; k < V_T8; k++)
            values[k] = vf_load(means + k * VL) * vf_set1(p->scale[2 * g]);
        V_UNROLL
        for (int h = 0; h < 2; h++) {
            vi code[V_PER16];
            vi_spread4(code, gg_load_u64((const uint8_t *)(p->row + 8 * g + 4 * h)));
            V_UNROLL
            for (int k = 0; k < V_PER16; k++)
                x[V_PER16 * h + k] = vf_lookup8(values, (vi)vu_shrv((vu)code[k], field));
        }
        put_signed(dst, x, p, g);
    }
}

V_FN void put_iq1_s(float *dst, const struct parts *p)
{
    V_UNROLL
    for (int j = 0; j < 16; j++) {
        const vf values = (vf_load(values_iq1) + vf_set1(p->delta[j / 2])) * vf_set1(p->scale[j]);
        vi code[V_PER16];
        two_codes(code, p, j, qk_grid_iq1s);
        V_UNROLL
        for (int k = 0; k < V_PER16; k++)
            vf_store(dst + 16 * j + k * VL, vf_lookup4(values, code[k]));
    }
}

V_FN void put_iq1_m(float *dst, const struct parts *p)
{
    V_UNROLL
    for (int j = 0; j < 16; j++) {
        const float *values = values_iq1m + p->deltas[j];
        vi code[V_PER16];
        two_codes(code, p, j, qk_grid_iq1s);
        V_UNROLL
        for (int k = 0; k < V_PER16; k++)
            vf_store(dst + 16 * j + k * VL,
                     vf_lookup4(vf_load(values + k * VL) * vf_set1(p->scale[j]), code[k]));
    }
}

/* ---- decoders -------------------------------------------------------------------------------- */

/* put: what to do with the parts p of a super-block. */
#define DEQUANT(type, put)                                                                         \
    static void dequant_##type(float *dst, const void *src, size_t n)                              \
    {                                                                                              \
        const struct qt_block_##type *b = src;                                                     \
        while (n > 0) {                                                                            \
            struct parts parts[AT_ONCE], *p = parts;                                               \
            const size_t now = n < AT_ONCE ? n : AT_ONCE;                                          \
            for (size_t i = 0; i < now; i++)                                                       \
                unpack_##type(&parts[i], b + i);                                                   \
            for (size_t i = 0; i < now; i++, p++, dst += QT_SUPER)                                 \
                put;                                                                               \
            b += now;                                                                              \
            n -= now;                                                                              \
        }                                                                                          \
    }

#define EITHER(has, by_codes, by_rows)                                                             \
    if (has)                                                                                       \
        by_codes;                                                                                  \
    else                                                                                           \
        by_rows

DEQUANT(iq2_xxs,
        EITHER(V_HAS_LOOKUP_WORDS, put_codes2(dst, p, NULL), put_rows2(dst, p, qk_rows_iq2xxs)))
DEQUANT(iq2_xs,
        EITHER(V_HAS_LOOKUP_WORDS, put_codes2(dst, p, NULL), put_rows2(dst, p, qk_rows_iq2xs)))
DEQUANT(iq2_s,
        EITHER(V_HAS_LOOKUP, put_codes2(dst, p, qk_grid_iq2s), put_rows2(dst, p, qk_rows_iq2s)))
DEQUANT(iq3_xxs, EITHER(V_HAS_LOOKUP_WORDS, put_codes3(dst, p, values_iq3xxs),
                        put_rows3(dst, p, qk_rows_iq3xxs)))
DEQUANT(iq3_s, EITHER(V_HAS_LOOKUP_WORDS, put_codes3(dst, p, values_iq3s),
                      put_rows3(dst, p, qk_rows_iq3s)))
DEQUANT(iq1_s, put_iq1_s(dst, p))
DEQUANT(iq1_m, put_iq1_m(dst, p))

void V_NAME(qk_vec_decode_iq)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_IQ2_XXS].dequant = dequant_iq2_xxs;
    k[QT_IQ2_XS].dequant = dequant_iq2_xs;
    k[QT_IQ2_S].dequant = dequant_iq2_s;
    k[QT_IQ3_XXS].dequant = dequant_iq3_xxs;
    k[QT_IQ3_S].dequant = dequant_iq3_s;
    if (!V_HAS_LOOKUP) /* where the reference is faster */
        return;
    k[QT_IQ1_S].dequant = dequant_iq1_s;
    k[QT_IQ1_M].dequant = dequant_iq1_m;
}
