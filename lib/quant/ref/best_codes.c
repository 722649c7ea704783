/* Scales and points of the codebook types, read from a block and written into it. */
#include "lib/quant/blocks.h"
#include "lib/quant/grids.h"
#include "lib/quant/ref/best.h"
#include "lib/quant/ref/kscales.h"

#include <string.h>

/* The block with scale 1: what it decodes to are its points. */
void qk_unit_block(const struct qk_best_type *t, const void *block, void *unit)
{
    struct qk_scales s;

    memset(&s, 0, sizeof s);
    s.d = 0x3c00;
    memcpy(unit, block, (size_t)t->nbytes);
    t->write(unit, NULL, &s);
}

/* Sets `bits` bits of a byte or word from `at` on. */
static unsigned put_bits(unsigned word, int at, int bits, int code)
{
    unsigned mask = ((1u << bits) - 1) << at;
    return (word & ~mask) | (unsigned)code << at;
}

/* ---- four bits on top of 28 of signs: IQ2_XXS, IQ3_XXS ------------------------------------------ */

static void read_over_signs(const uint8_t *words, int stride, struct qk_scales *s)
{
    for (int g = 0; g < 8; g++)
        s->scale[g] = (int16_t)(gg_load_u32(words + stride * g) >> 28);
}

static void write_over_signs(uint8_t *words, int stride, const struct qk_scales *s)
{
    for (int g = 0; g < 8; g++) {
        uint8_t *p = words + stride * g;
        gg_store_u32(p, put_bits(gg_load_u32(p), 28, 4, s->scale[g]));
    }
}

static void read_iq2_xxs(const void *block, struct qk_scales *s)
{
    const struct qt_block_iq2_xxs *b = block;
    s->d = gg_load_u16(&b->d);
    read_over_signs((const uint8_t *)b + sizeof b->d + 4, 8, s);
}

static void write_iq2_xxs(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_iq2_xxs *b = block;
    (void)level;
    gg_store_u16(&b->d, s->d);
    write_over_signs((uint8_t *)b + sizeof b->d + 4, 8, s);
}

static void read_iq3_xxs(const void *block, struct qk_scales *s)
{
    const struct qt_block_iq3_xxs *b = block;
    s->d = gg_load_u16(&b->d);
    read_over_signs(b->qs + 64, 4, s);
}

static void write_iq3_xxs(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_iq3_xxs *b = block;
    (void)level;
    gg_store_u16(&b->d, s->d);
    write_over_signs(b->qs + 64, 4, s);
}

/* ---- nibbles: IQ2_XS, IQ2_S, IQ3_S ---------------------------------------------------------------- */

static void read_nibbles(const uint8_t *p, int n, struct qk_scales *s)
{
    for (int g = 0; g < n; g++)
        s->scale[g] = p[g / 2] >> 4 * (g % 2) & 15;
}

static void write_nibbles(uint8_t *p, int n, const struct qk_scales *s)
{
    for (int g = 0; g < n; g += 2)
        p[g / 2] = (uint8_t)(s->scale[g] | s->scale[g + 1] << 4);
}

#define NIBBLES(type, n)                                                                           \
    static void read_##type(const void *block, struct qk_scales *s)                                \
    {                                                                                              \
        const struct qt_block_##type *b = block;                                                   \
        s->d = gg_load_u16(&b->d);                                                                 \
        read_nibbles(b->scales, n, s);                                                             \
    }                                                                                              \
    static void write_##type(void *block, const uint8_t *level, const struct qk_scales *s)         \
    {                                                                                              \
        struct qt_block_##type *b = block;                                                         \
        (void)level;                                                                               \
        gg_store_u16(&b->d, s->d);                                                                 \
        write_nibbles(b->scales, n, s);                                                            \
    }

NIBBLES(iq2_xs, 16)
NIBBLES(iq2_s, 16)
NIBBLES(iq3_s, 8)

/* ---- three bits: IQ1_S, IQ1_M --------------------------------------------------------------------- */

static void read_iq1_s(const void *block, struct qk_scales *s)
{
    const struct qt_block_iq1_s *b = block;
    s->d = gg_load_u16(&b->d);
    for (int g = 0; g < 8; g++)
        s->scale[g] = (int16_t)(gg_load_u16(&b->qh[g]) >> 12 & 7);
}

static void write_iq1_s(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_iq1_s *b = block;
    (void)level;
    gg_store_u16(&b->d, s->d);
    for (int g = 0; g < 8; g++)
        gg_store_u16(&b->qh[g], (uint16_t)put_bits(gg_load_u16(&b->qh[g]), 12, 3, s->scale[g]));
}

static void read_iq1_m(const void *block, struct qk_scales *s)
{
    const struct qt_block_iq1_m *b = block;
    s->d = qk_iq1m_scale(b->scales);
    for (int g = 0; g < 16; g++)
        s->scale[g] = (int16_t)(gg_load_u16(b->scales + g / 4 * 2) >> 3 * (g % 4) & 7);
}

static void write_iq1_m(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_iq1_m *b = block;
    (void)level;
    for (int i = 0; i < 4; i++) {
        unsigned word = (unsigned)(s->d >> 4 * i & 15) << 12;
        for (int j = 0; j < 4; j++)
            word |= (unsigned)s->scale[4 * i + j] << 3 * j;
        gg_store_u16(b->scales + 2 * i, (uint16_t)word);
    }
}

/* ---- points --------------------------------------------------------------------------------------- */

/* Four times seven bits under the scale's. */
static uint32_t put_signs(uint32_t word, const uint8_t *signs)
{
    uint32_t rest = word & 0xf0000000u;

    for (int k = 0; k < 4; k++)
        rest |= (uint32_t)(signs[k] & 127) << 7 * k;
    return rest;
}

static void put_iq2_xxs(void *block, const struct qk_points *p)
{
    struct qt_block_iq2_xxs *b = block;
    uint8_t *words = (uint8_t *)b + sizeof b->d;

    for (int g = 0; g < 8; g++, words += 8) {
        for (int k = 0; k < 4; k++)
            words[k] = (uint8_t)p->row[4 * g + k];
        gg_store_u32(words + 4, put_signs(gg_load_u32(words + 4), p->signs + 4 * g));
    }
}

static void put_iq2_xs(void *block, const struct qk_points *p)
{
    struct qt_block_iq2_xs *b = block;

    for (int k = 0; k < 32; k++)
        gg_store_u16((uint8_t *)b + sizeof b->d + 2 * k,
                     (uint16_t)(p->row[k] | (p->signs[k] & 127) << 9));
}

static void put_iq2_s(void *block, const struct qk_points *p)
{
    struct qt_block_iq2_s *b = block;

    memset(b->qh, 0, sizeof b->qh);
    for (int k = 0; k < 32; k++) {
        b->qs[k] = (uint8_t)p->row[k];
        b->qs[32 + k] = p->signs[k];
        b->qh[k / 4] |= (uint8_t)(p->row[k] >> 8 << 2 * (k % 4));
    }
}

static void put_iq3_xxs(void *block, const struct qk_points *p)
{
    struct qt_block_iq3_xxs *b = block;

    for (int k = 0; k < 64; k++)
        b->qs[k] = (uint8_t)p->row[k];
    for (int g = 0; g < 8; g++) {
        uint8_t *word = b->qs + 64 + 4 * g;
        gg_store_u32(word, put_signs(gg_load_u32(word), p->signs + 4 * g));
    }
}

static void put_iq3_s(void *block, const struct qk_points *p)
{
    struct qt_block_iq3_s *b = block;

    memset(b->qh, 0, sizeof b->qh);
    for (int k = 0; k < 64; k++) {
        b->qs[k] = (uint8_t)p->row[k];
        b->qh[k / 8] |= (uint8_t)(p->row[k] >> 8 << k % 8);
    }
    memcpy(b->signs, p->signs, sizeof b->signs);
}

#define VALUES2   {1, 3.125f, 5.375f}
#define VALUES3XX {1, 3, 5, 7, 9, 11, 13, 15.5f}
#define VALUES3S  {1, 3, 5, 7, 9, 11, 13, 15}

static const struct qk_grid iq2_xxs = {qk_grid_iq2xxs, 256, 8, 2, 3, VALUES2, true, put_iq2_xxs};
static const struct qk_grid iq2_xs = {qk_grid_iq2xs, 512, 8, 2, 3, VALUES2, true, put_iq2_xs};
static const struct qk_grid iq2_s = {qk_grid_iq2s, 1024, 8, 2, 3, VALUES2, false, put_iq2_s};
static const struct qk_grid iq3_xxs = {qk_grid_iq3xxs, 256, 4, 3, 8, VALUES3XX, true, put_iq3_xxs};
static const struct qk_grid iq3_s = {qk_grid_iq3s, 512, 4, 3, 8, VALUES3S, false, put_iq3_s};

/* ---- the types ---------------------------------------------------------------------------------- */

#define TYPE(t) {QT_SUPER, sizeof(struct qt_block_##t), read_##t, write_##t}

const struct qk_grid_search qk_search_iq2_xxs = {TYPE(iq2_xxs), 32, 15, QK_ALONG_POINT, &iq2_xxs};
const struct qk_grid_search qk_search_iq2_xs = {TYPE(iq2_xs), 16, 15, QK_ALONG_POINT, &iq2_xs};
const struct qk_grid_search qk_search_iq2_s = {TYPE(iq2_s), 16, 15, QK_ALONG_POINT, &iq2_s};
const struct qk_grid_search qk_search_iq3_xxs = {TYPE(iq3_xxs), 32, 15, QK_ALONG_POINT, &iq3_xxs};
const struct qk_grid_search qk_search_iq3_s = {TYPE(iq3_s), 32, 15, QK_ALONG_POINT, &iq3_s};
const struct qk_grid_search qk_search_iq1_s = {TYPE(iq1_s), 32, 7, QK_ALONG, NULL};
const struct qk_grid_search qk_search_iq1_m = {TYPE(iq1_m), 16, 7, QK_ALONG, NULL};
