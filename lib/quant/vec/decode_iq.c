/* Decoders of the codebook types. As in the reference, a group's few values are a palette computed
 * once, and the grid's fields pick among them, here sixteen (or VL) at a time; then signs flip. */
#include "lib/quant/grids.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/vec/put.h"

/* ---- signs ----------------------------------------------------------------------------------- */

/* Bytes of seven bits get an eighth that makes their number of bits even. */
V_FN uint32_t even_bytes(uint32_t x)
{
    uint32_t p = x ^ x >> 4;
    p ^= p >> 2;
    p ^= p >> 1;
    return x | (p & 0x01010101) << 7;
}

/* Four times seven bits to four bytes, even ones. */
V_FN uint32_t four_even_signs(uint32_t s)
{
    return even_bytes((s & 0x7f) | (s << 1 & 0x7f00) | (s << 2 & 0x7f0000) | (s << 3 & 0x7f000000));
}

/* ---- IQ2: fields of two bits ----------------------------------------------------------------- */

/* Where a field of two bits starts, lane by lane. */
V_FN vu field2(void)
{
    static const int32_t at[16] = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
    return (vu)vi_load(at);
}

V_FN vf iq2_palette(float db)
{
    static const float magnitude[16] = {8, 25, 43, 0, 8, 25, 43, 0, 8, 25, 43, 0, 8, 25, 43, 0};
    return vf_set1(db) * vf_load(magnitude);
}

/* Sixteen elements: two codes of eight fields, sixteen signs. */
V_FN void put_iq2(float *dst, vf palette, uint32_t codes, uint32_t signs)
{
    for (int k = 0; k < V_PER16; k++) {
        vi at = (vi)vu_shrv((vu)vi_set1((int32_t)(codes >> 2 * k * VL % 32)), field2());
        vf_store(dst + k * VL, vf_flip(vf_lookup4(palette, at), signs >> k * VL));
    }
}

/* db[i] = d * (1/2 + scale[i]) * factor */
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

/* The high four bits of eight u32, a stride apart. */
V_FN vb top_scales(const uint8_t *p, size_t stride)
{
    uint64_t s = 0;
    for (int g = 0; g < 8; g++)
        s |= (uint64_t)p[(size_t)g * stride + 3] << 8 * g;
    return vb_shr(vb_load_halves(&s, &s), 4);
}

static void dequant_iq2_xxs(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq2_xxs *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        const uint8_t *q = (const uint8_t *)b + sizeof b->d; /* qs, byte by byte */
        float db[16];
        half_scales(db, top_scales(q + 4, 8), &b->d, 0.25f);
        for (int g = 0; g < 8; g++, q += 8, dst += 32) {
            uint32_t signs = four_even_signs(gg_load_u32(q + 4));
            const uint16_t *grid = qk_grid_iq2xxs;
            vf p = iq2_palette(db[g]);
            put_iq2(dst, p, grid[q[0]] | (uint32_t)grid[q[1]] << 16, signs & 0xffff);
            put_iq2(dst + 16, p, grid[q[2]] | (uint32_t)grid[q[3]] << 16, signs >> 16);
        }
    }
}

static void dequant_iq2_xs(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq2_xs *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float db[16];
        half_scales(db, nibble_scales(b->scales), &b->d, 0.25f);
        for (int g = 0; g < 16; g++, dst += 16) {
            uint32_t q = gg_load_u32((const uint8_t *)b + sizeof b->d + 4 * g);
            uint32_t codes = qk_grid_iq2xs[q & 511] | (uint32_t)qk_grid_iq2xs[q >> 16 & 511] << 16;
            uint32_t signs = even_bytes(q >> 9 & 0x007f007f);
            put_iq2(dst, iq2_palette(db[g]), codes, (signs | signs >> 8) & 0xffff);
        }
    }
}

static void dequant_iq2_s(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq2_s *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float db[16];
        half_scales(db, nibble_scales(b->scales), &b->d, 0.25f);
        const uint16_t *grid = qk_grid_iq2s;
        for (int g = 0; g < 8; g++, dst += 32) {
            const uint8_t *q = b->qs + 4 * g;
            uint32_t high = b->qh[g], signs = gg_load_u32(q + 32);
            uint32_t lo =
                grid[q[0] | (high << 8 & 0x300)] | (uint32_t)grid[q[1] | (high << 6 & 0x300)] << 16;
            uint32_t hi =
                grid[q[2] | (high << 4 & 0x300)] | (uint32_t)grid[q[3] | (high << 2 & 0x300)] << 16;
            put_iq2(dst, iq2_palette(db[2 * g]), lo, signs & 0xffff);
            put_iq2(dst + 16, iq2_palette(db[2 * g + 1]), hi, signs >> 16);
        }
    }
}

/* ---- IQ3: fields of three bits --------------------------------------------------------------- */

V_FN vu field3(void)
{
    static const int32_t at[16] = {0, 3, 6, 9, 0, 3, 6, 9, 0, 3, 6, 9, 0, 3, 6, 9};
    return (vu)vi_load(at);
}

struct palette3 {
    vf v[V_T8];
};

V_FN struct palette3 iq3_palette(float db, const float magnitude[16])
{
    struct palette3 p;
    for (int k = 0; k < V_T8; k++)
        p.v[k] = vf_set1(db) * vf_load(magnitude + k * VL);
    return p;
}

/* Sixteen elements: four codes of four fields, sixteen signs. */
V_FN void put_iq3(float *dst, const struct palette3 *p, uint64_t codes, uint32_t signs)
{
    vi code[V_PER16];
    vi_spread4(code, codes);
    for (int k = 0; k < V_PER16; k++) {
        vi at = (vi)vu_shrv((vu)code[k], field3());
        vf_store(dst + k * VL, vf_flip(vf_lookup8(p->v, at), signs >> k * VL));
    }
}

V_FN uint64_t four_codes(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return a | b << 16 | c << 32 | d << 48;
}

static void dequant_iq3_xxs(float *dst, const void *src, size_t n)
{
    static const float magnitude[16] = {4, 12, 20, 28, 36, 44, 52, 62,
                                        4, 12, 20, 28, 36, 44, 52, 62};
    const uint16_t *grid = qk_grid_iq3xxs;
    const struct qt_block_iq3_xxs *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        const uint8_t *q = b->qs;
        float db[16];
        half_scales(db, top_scales(b->qs + 64, 4), &b->d, 0.5f);
        for (int g = 0; g < 8; g++) {
            uint32_t signs = four_even_signs(gg_load_u32(b->qs + 64 + 4 * g));
            struct palette3 p = iq3_palette(db[g], magnitude);
            for (int l = 0; l < 2; l++, dst += 16, q += 4, signs >>= 16) {
                put_iq3(dst, &p, four_codes(grid[q[0]], grid[q[1]], grid[q[2]], grid[q[3]]),
                        signs & 0xffff);
            }
        }
    }
}

/* Eight grid indexes: low bytes, and ninth bits. */
V_FN void iq3_s_indexes(uint16_t at[8], const uint8_t low[8], unsigned high)
{
    vb_store(at, vb_zip_lo(vb_load_halves(low, low), vb_from_bits(high, vb_set1(1))));
}

static void dequant_iq3_s(float *dst, const void *src, size_t n)
{
    static const float magnitude[16] = {1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15};
    const uint16_t *grid = qk_grid_iq3s;
    const struct qt_block_iq3_s *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        uint64_t four = gg_load_u32(b->scales);
        vb scale = nibble_scales((const uint8_t *)&four);
        float dl[16];
        put16(dl, scale + scale + 1, vf_set1_f16(&b->d));
        for (int g = 0; g < 8; g++, dst += 32) {
            struct palette3 p = iq3_palette(dl[g], magnitude);
            uint32_t signs = gg_load_u32(b->signs + 4 * g);
            uint16_t k[8];
            iq3_s_indexes(k, b->qs + 8 * g, b->qh[g]);
            put_iq3(dst, &p, four_codes(grid[k[0]], grid[k[1]], grid[k[2]], grid[k[3]]),
                    signs & 0xffff);
            put_iq3(dst + 16, &p, four_codes(grid[k[4]], grid[k[5]], grid[k[6]], grid[k[7]]),
                    signs >> 16);
        }
    }
}

/* ---- IQ1: fields of two bits for -1, 0, 1, shifted by an eighth ------------------------------ */

/* Sixteen elements: two codes of eight fields; minus: which elements are shifted down. */
V_FN void put_iq1(float *dst, float dl, uint32_t codes, uint32_t minus)
{
    static const float level[16] = {-1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0};
    for (int k = 0; k < V_PER16; k++) {
        vi at = (vi)vu_shrv((vu)vi_set1((int32_t)(codes >> 2 * k * VL % 32)), field2());
        vf delta = vf_flip(vf_set1(0.125f), minus >> k * VL);
        vf_store(dst + k * VL, vf_lookup4(vf_set1(dl) * (vf_load(level) + delta), at));
    }
}

static void dequant_iq1_s(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq1_s *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float d = qt_f16_load(&b->d);
        const uint8_t *q = b->qs;
        for (int g = 0; g < 8; g++) {
            uint32_t qh = gg_load_u16((const uint8_t *)b->qs + sizeof b->qs + 2 * g);
            float dl = d * (float)(int)(2 * (qh >> 12 & 7) + 1);
            uint32_t minus = qh & 0x8000 ? 0xffff : 0;
            for (int l = 0; l < 2; l++, dst += 16, q += 2, qh >>= 6) {
                uint32_t codes = qk_grid_iq1s[q[0] | (qh & 7) << 8] |
                                 (uint32_t)qk_grid_iq1s[q[1] | (qh & 56) << 5] << 16;
                put_iq1(dst, dl, codes, minus);
            }
        }
    }
}

/* Sixteen d * (2 * scale + 1), scales of three bits, four in each of four words. */
V_FN void iq1_m_scales(float dl[16], const uint8_t scales[8])
{
    vf d = vf_set1(qt_f32_from_f16(qk_iq1m_scale(scales)));
    vi s[V_PER16];
    vi_spread4(s, gg_load_u64(scales));
    for (int k = 0; k < V_PER16; k++) {
        vi three = (vi)(vu_shrv((vu)s[k], field3()) & 7u);
        vf_store(dl + k * VL, d * vf_from_i(three + three + 1));
    }
}

static void dequant_iq1_m(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq1_m *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float dl[16];
        iq1_m_scales(dl, b->scales);
        for (int g = 0; g < 16; g++, dst += 16) {
            uint32_t qh = b->qh[g];
            uint32_t codes = qk_grid_iq1s[b->qs[2 * g] | (qh & 7) << 8] |
                             (uint32_t)qk_grid_iq1s[b->qs[2 * g + 1] | (qh & 0x70) << 4] << 16;
            put_iq1(dst, dl[g], codes, (qh >> 3 & 1) * 0x00ff | (qh >> 7) * 0xff00);
        }
    }
}

void V_NAME(qk_vec_decode_iq)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    if (!V_HAS_LOOKUP || !V_HAS_SHIFTS)
        return; /* the reference is faster */
    k[QT_IQ2_XXS].dequant = dequant_iq2_xxs;
    k[QT_IQ2_XS].dequant = dequant_iq2_xs;
    k[QT_IQ2_S].dequant = dequant_iq2_s;
    k[QT_IQ3_XXS].dequant = dequant_iq3_xxs;
    k[QT_IQ3_S].dequant = dequant_iq3_s;
    k[QT_IQ1_S].dequant = dequant_iq1_s;
    k[QT_IQ1_M].dequant = dequant_iq1_m;
}
