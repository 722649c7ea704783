/* Decoders of the codebook types. A group's few possible values are computed once, signs included,
 * and the grid's fields then pick among them: the same products as value by value, only fewer. */
#include "lib/quant/blocks.h"
#include "lib/quant/grids.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/ref/ref.h"

/* ---- IQ2: eight elements of two bits ---------------------------------------------------------- */

/* Values of one scale: [0..3] for plus, [4..7] for minus. Field 3 stands in no grid. */
struct palette2 {
    float v[8];
};

static struct palette2 palette_iq2(float d, int scale)
{
    static const float magnitude[4] = {8, 25, 43, 0};
    float db = d * (0.5f + (float)scale) * 0.25f;
    struct palette2 p;
    for (int k = 0; k < 4; k++) {
        p.v[k] = db * magnitude[k];
        p.v[k + 4] = db * magnitude[k] * -1.0f;
    }
    return p;
}

static void put_iq2(float *dst, const struct palette2 *p, uint32_t code, uint32_t signs)
{
    for (int j = 0; j < 8; j++)
        dst[j] = p->v[(code >> 2 * j & 3) | (signs >> j & 1) << 2];
}

void qk_ref_dequant_iq2_xxs(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_iq2_xxs *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        const uint8_t *q = (const uint8_t *)b + sizeof b->d; /* qs, byte by byte */
        for (int g = 0; g < 8; g++, q += 8) {
            uint32_t signs = gg_load_u32(q + 4);
            struct palette2 p = palette_iq2(d, (int)(signs >> 28));
            for (int l = 0; l < 4; l++, dst += 8)
                put_iq2(dst, &p, qk_grid_iq2xxs[q[l]], qk_even_signs(signs >> 7 * l & 127));
        }
    }
}

void qk_ref_dequant_iq2_xs(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_iq2_xs *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 16; g++) {
            struct palette2 p = palette_iq2(d, b->scales[g / 2] >> g % 2 * 4 & 15);
            for (int l = 0; l < 2; l++, dst += 8) {
                uint32_t q = gg_load_u16((const uint8_t *)b + sizeof b->d + 4 * g + 2 * l);
                put_iq2(dst, &p, qk_grid_iq2xs[q & 511], qk_even_signs(q >> 9));
            }
        }
    }
}

void qk_ref_dequant_iq2_s(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_iq2_s *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 16; g++) {
            struct palette2 p = palette_iq2(d, b->scales[g / 2] >> g % 2 * 4 & 15);
            for (int l = 2 * g; l < 2 * g + 2; l++, dst += 8) {
                uint32_t high = b->qh[g / 2] >> 2 * (l % 4) & 3;
                put_iq2(dst, &p, qk_grid_iq2s[b->qs[l] | high << 8], b->qs[32 + l]);
            }
        }
    }
}

/* ---- IQ3: four elements of three bits --------------------------------------------------------- */

struct palette3 {
    float v[16]; /* [0..7] for plus, [8..15] for minus */
};

static struct palette3 palette_iq3(float db, const int8_t magnitude[8])
{
    struct palette3 p;
    for (int k = 0; k < 8; k++) {
        p.v[k] = db * (float)magnitude[k];
        p.v[k + 8] = db * (float)magnitude[k] * -1.0f;
    }
    return p;
}

static void put_iq3(float *dst, const struct palette3 *p, uint32_t code, uint32_t signs)
{
    for (int j = 0; j < 4; j++)
        dst[j] = p->v[(code >> 3 * j & 7) | (signs >> j & 1) << 3];
}

void qk_ref_dequant_iq3_xxs(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    static const int8_t magnitude[8] = {4, 12, 20, 28, 36, 44, 52, 62};
    const struct qt_block_iq3_xxs *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        const uint8_t *q = b->qs;
        for (int g = 0; g < 8; g++) {
            uint32_t signs = gg_load_u32(b->qs + 64 + 4 * g);
            struct palette3 p =
                palette_iq3(d * (0.5f + (float)(int)(signs >> 28)) * 0.5f, magnitude);
            for (int l = 0; l < 4; l++, dst += 8, q += 2) {
                uint32_t s = qk_even_signs(signs >> 7 * l & 127);
                put_iq3(dst, &p, qk_grid_iq3xxs[q[0]], s);
                put_iq3(dst + 4, &p, qk_grid_iq3xxs[q[1]], s >> 4);
            }
        }
    }
}

void qk_ref_dequant_iq3_s(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    static const int8_t magnitude[8] = {1, 3, 5, 7, 9, 11, 13, 15};
    const struct qt_block_iq3_s *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 8; g++) {
            int scale = b->scales[g / 2] >> g % 2 * 4 & 15;
            struct palette3 p = palette_iq3(d * (float)(1 + 2 * scale), magnitude);
            for (int k = 0; k < 8; k++, dst += 4) {
                uint32_t high = b->qh[g] >> k & 1;
                put_iq3(dst, &p, qk_grid_iq3s[b->qs[8 * g + k] | high << 8],
                        b->signs[4 * g + k / 2] >> k % 2 * 4);
            }
        }
    }
}

/* ---- IQ1: eight elements of -1, 0 or 1, shifted by an eighth ---------------------------------- */

static void put_iq1(float *dst, float dl, uint32_t code, uint32_t negative)
{
    float delta = negative ? -0.125f : 0.125f;
    float v[4] = {dl * (-1 + delta), dl * (0 + delta), dl * (1 + delta), 0};
    for (int j = 0; j < 8; j++)
        dst[j] = v[code >> 2 * j & 3];
}

void qk_ref_dequant_iq1_s(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_iq1_s *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f16_load(&b->d);
        for (int g = 0; g < 8; g++) {
            uint32_t qh = gg_load_u16((const uint8_t *)b->qs + sizeof b->qs + 2 * g);
            float dl = d * (float)(int)(2 * (qh >> 12 & 7) + 1);
            for (int l = 0; l < 4; l++, dst += 8) {
                uint32_t high = qh >> 3 * l & 7;
                put_iq1(dst, dl, qk_grid_iq1s[b->qs[4 * g + l] | high << 8], qh & 0x8000);
            }
        }
    }
}

void qk_ref_dequant_iq1_m(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const struct qt_block_iq1_m *b = src;
    for (size_t i = 0; i < n_blocks; i++, b++) {
        float d = qt_f32_from_f16(qk_iq1m_scale(b->scales));
        for (int l = 0; l < 32; l++, dst += 8) {
            uint32_t scales = gg_load_u16(b->scales + l / 8 * 2);
            uint32_t qh = b->qh[l / 2] >> l % 2 * 4;
            float dl = d * (float)(int)(2 * (scales >> l / 2 % 4 * 3 & 7) + 1);
            put_iq1(dst, dl, qk_grid_iq1s[b->qs[l] | (qh & 7) << 8], qh & 8);
        }
    }
}
