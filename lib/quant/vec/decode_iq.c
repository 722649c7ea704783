/* Decoders of the codebook types. As in the reference, a group's few values are a palette computed
 * once, and the grid's fields pick among them; here sixteen (or VL) at a time. A palette for minus
 * stands beside the one for plus, so that signs too are picked and not computed. */
#include "lib/quant/grids.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/vec/v.h"

#include <string.h>

/* ---- IQ2: fields of two bits ------------------------------------------------------------------
 */

/* 2 * lane: where a field of two bits starts. */
V_FN vu field2(void)
{
    static const uint32_t at[16] = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
    return (vu)vi_load((const int32_t *)at);
}

struct palette2 {
    vf plus, minus; /* by field, in each quarter; field 3 stands in no grid */
};

V_FN struct palette2 palette_iq2(float d, int scale)
{
    static const float magnitude[16] = {8, 25, 43, 0, 8, 25, 43, 0, 8, 25, 43, 0, 8, 25, 43, 0};
    float db = d * (0.5f + (float)scale) * 0.25f;
    vf plus = vf_set1(db) * vf_load(magnitude);
    return (struct palette2){plus, plus * -1.0f};
}

/* Sixteen elements: two codes of eight fields, sixteen signs. */
V_FN void put_iq2(float *dst, const struct palette2 *p, uint32_t codes, uint32_t signs)
{
    for (int k = 0; k < V_PER16; k++) {
        vi at = (vi)vu_shrv((vu)vi_set1((int32_t)(codes >> 2 * k * VL % 32)), field2());
        vf plus = vf_lookup4(p->plus, at), minus = vf_lookup4(p->minus, at);
        vf_store(dst + k * VL, vf_select(vm_from_bits(signs >> k * VL), minus, plus));
    }
}

V_FN uint32_t two_even_signs(uint32_t a, uint32_t b)
{
    return qk_even_signs(a) | (uint32_t)qk_even_signs(b) << 8;
}

static void dequant_iq2_xxs(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq2_xxs *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float d = qt_f16_load(&b->d);
        const uint8_t *q = (const uint8_t *)b + sizeof b->d; /* qs, byte by byte */
        for (int g = 0; g < 8; g++, q += 8) {
            uint32_t signs = gg_load_u32(q + 4);
            struct palette2 p = palette_iq2(d, (int)(signs >> 28));
            for (int l = 0; l < 4; l += 2, dst += 16) {
                uint32_t codes = qk_grid_iq2xxs[q[l]] | (uint32_t)qk_grid_iq2xxs[q[l + 1]] << 16;
                uint32_t s = signs >> 7 * l;
                put_iq2(dst, &p, codes, two_even_signs(s & 127, s >> 7 & 127));
            }
        }
    }
}

static void dequant_iq2_xs(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq2_xs *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 16; g++, dst += 16) {
            struct palette2 p = palette_iq2(d, b->scales[g / 2] >> g % 2 * 4 & 15);
            uint32_t q = gg_load_u32((const uint8_t *)b + sizeof b->d + 4 * g);
            uint32_t codes = qk_grid_iq2xs[q & 511] | (uint32_t)qk_grid_iq2xs[q >> 16 & 511] << 16;
            put_iq2(dst, &p, codes, two_even_signs(q >> 9 & 127, q >> 25));
        }
    }
}

static void dequant_iq2_s(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq2_s *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 16; g++, dst += 16) {
            struct palette2 p = palette_iq2(d, b->scales[g / 2] >> g % 2 * 4 & 15);
            uint32_t high = b->qh[g / 2] >> g % 2 * 4;
            uint32_t codes = qk_grid_iq2s[b->qs[2 * g] | (high & 3) << 8] |
                             (uint32_t)qk_grid_iq2s[b->qs[2 * g + 1] | (high & 12) << 6] << 16;
            put_iq2(dst, &p, codes, gg_load_u16(b->qs + 32 + 2 * g));
        }
    }
}

/* ---- IQ3: fields of three bits ----------------------------------------------------------------
 */

V_FN vu field3(void)
{
    static const uint32_t at[16] = {0, 3, 6, 9, 0, 3, 6, 9, 0, 3, 6, 9, 0, 3, 6, 9};
    return (vu)vi_load((const int32_t *)at);
}

struct palette3 {
    vf plus[V_T8], minus[V_T8];
};

V_FN struct palette3 palette_iq3(float db, const float magnitude[16])
{
    struct palette3 p;
    for (int k = 0; k < V_T8; k++) {
        p.plus[k] = vf_set1(db) * vf_load(magnitude + k * VL);
        p.minus[k] = p.plus[k] * -1.0f;
    }
    return p;
}

/* Sixteen elements: four codes of four fields, sixteen signs. */
V_FN void put_iq3(float *dst, const struct palette3 *p, uint64_t codes, uint32_t signs)
{
    vi code[V_PER16];
    vi_spread4(code, codes);
    for (int k = 0; k < V_PER16; k++) {
        vi at = (vi)vu_shrv((vu)code[k], field3());
        vf plus = vf_lookup8(p->plus, at), minus = vf_lookup8(p->minus, at);
        vf_store(dst + k * VL, vf_select(vm_from_bits(signs >> k * VL), minus, plus));
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
        float d = qt_f16_load(&b->d);
        const uint8_t *q = b->qs;
        for (int g = 0; g < 8; g++) {
            uint32_t signs = gg_load_u32(b->qs + 64 + 4 * g);
            struct palette3 p =
                palette_iq3(d * (0.5f + (float)(int)(signs >> 28)) * 0.5f, magnitude);
            for (int l = 0; l < 2; l++, dst += 16, q += 4, signs >>= 14) {
                put_iq3(dst, &p, four_codes(grid[q[0]], grid[q[1]], grid[q[2]], grid[q[3]]),
                        two_even_signs(signs & 127, signs >> 7 & 127));
            }
        }
    }
}

static void dequant_iq3_s(float *dst, const void *src, size_t n)
{
    static const float magnitude[16] = {1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15};
    const uint16_t *grid = qk_grid_iq3s;
    const struct qt_block_iq3_s *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 8; g++) {
            int scale = b->scales[g / 2] >> g % 2 * 4 & 15;
            struct palette3 p = palette_iq3(d * (float)(1 + 2 * scale), magnitude);
            uint32_t high = (uint32_t)b->qh[g] << 8;
            const uint8_t *q = b->qs + 8 * g;
            for (int l = 0; l < 2; l++, dst += 16, q += 4, high >>= 4) {
                uint64_t codes =
                    four_codes(grid[q[0] | (high & 256)], grid[q[1] | (high >> 1 & 256)],
                               grid[q[2] | (high >> 2 & 256)], grid[q[3] | (high >> 3 & 256)]);
                put_iq3(dst, &p, codes, gg_load_u16(b->signs + 4 * g + 2 * l));
            }
        }
    }
}

/* ---- IQ1: fields of two bits for -1, 0, 1, shifted by an eighth -------------------------------
 */

V_FN vf palette_iq1(float dl, float delta_lo, float delta_hi)
{
    static const float minus_one[16] = {-1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0};
    vf delta = VL == 16 ? vf_select(vm_from_bits(0xff), vf_set1(delta_lo), vf_set1(delta_hi))
                        : vf_set1(delta_lo);
    return vf_set1(dl) * (vf_load(minus_one) + delta);
}

/* Sixteen elements: two codes of eight fields, each with its shift. */
V_FN void put_iq1(float *dst, float dl, uint32_t codes, float delta_lo, float delta_hi)
{
    for (int k = 0; k < V_PER16; k++) {
        vi at = (vi)vu_shrv((vu)vi_set1((int32_t)(codes >> 2 * k * VL % 32)), field2());
        vf p = palette_iq1(dl, k * VL < 8 ? delta_lo : delta_hi, delta_hi);
        vf_store(dst + k * VL, vf_lookup4(p, at));
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
            float delta = qh & 0x8000 ? -0.125f : 0.125f;
            for (int l = 0; l < 2; l++, dst += 16, q += 2, qh >>= 6) {
                uint32_t codes = qk_grid_iq1s[q[0] | (qh & 7) << 8] |
                                 (uint32_t)qk_grid_iq1s[q[1] | (qh & 56) << 5] << 16;
                put_iq1(dst, dl, codes, delta, delta);
            }
        }
    }
}

static void dequant_iq1_m(float *dst, const void *src, size_t n)
{
    const struct qt_block_iq1_m *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float d = qt_f32_from_f16(qk_iq1m_scale(b->scales));
        for (int g = 0; g < 16; g++, dst += 16) {
            uint32_t scales = gg_load_u16(b->scales + g / 4 * 2), qh = b->qh[g];
            float dl = d * (float)(int)(2 * (scales >> g % 4 * 3 & 7) + 1);
            uint32_t codes = qk_grid_iq1s[b->qs[2 * g] | (qh & 7) << 8] |
                             (uint32_t)qk_grid_iq1s[b->qs[2 * g + 1] | (qh & 0x70) << 4] << 16;
            put_iq1(dst, dl, codes, qh & 0x08 ? -0.125f : 0.125f, qh & 0x80 ? -0.125f : 0.125f);
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
