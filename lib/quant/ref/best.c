/* Blocks of the searched types, read and written: see best.h. */
#include "lib/quant/ref/best.h"

#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/kscales.h"

#include <string.h>

const float qk_ones[QK_BEST_NELEMS] = {
#define ONES16 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
    ONES16, ONES16, ONES16, ONES16, ONES16, ONES16, ONES16, ONES16,
    ONES16, ONES16, ONES16, ONES16, ONES16, ONES16, ONES16, ONES16,
#undef ONES16
};

double qk_block_error(const struct qk_kernel *kernel, int nelems, const void *block, const float *x,
                      const float *w)
{
    float back[QK_BEST_NELEMS];
    double part[8] = {0};

    kernel->dequant(back, block, 1);
    for (int i = 0; i < nelems; i += 8)
        for (int j = 0; j < 8; j++) {
            double diff = (double)x[i + j] - (double)back[i + j];
            part[j] += (double)w[i + j] * (diff * diff);
        }
    return qk_add_parts(part);
}

/* Infinite and NaN scales lose: their errors compare as not smaller. */
void qk_take_better(const struct qk_kernel *kernel, const struct qk_best_type *t, void *block,
                    const void *other, const float *x, const float *w)
{
    if (qk_block_error(kernel, t->nelems, other, x, w) <
        qk_block_error(kernel, t->nelems, block, x, w))
        memcpy(block, other, (size_t)t->nbytes);
}

void qk_improve_rows(const struct qk_kernel *kernel, const struct qk_best_type *t,
                     qk_improve_block_fn *fn, const struct qk_rows *r)
{
    const float *weights = r->args != NULL ? r->args->weights : NULL;

    for (size_t row = 0; row < r->n_rows; row++) {
        uint8_t *y = (uint8_t *)r->dst + row * r->dst_stride;
        const float *x = r->src + row * r->src_stride;
        for (size_t col = 0; col < r->n_cols; col += (size_t)t->nelems, y += t->nbytes)
            fn(kernel, y, x + col, weights != NULL ? weights + col : qk_ones);
    }
}

/* ---- levels to bytes ---------------------------------------------------------------------------- */

/* n bytes: the first n levels in the low halves, the next n in the high ones. */
static void pack_nibbles(uint8_t *restrict qs, const uint8_t *restrict level, int n)
{
    for (int j = 0; j < n; j++)
        qs[j] = (uint8_t)((level[j] & 15) | level[j + n] << 4);
}

static void pack_fifth_bits(uint8_t *qh, const uint8_t *level)
{
    uint32_t high = 0;
    for (int j = 0; j < 32; j++)
        high |= (uint32_t)(level[j] >> 4) << j;
    gg_store_u32(qh, high);
}

/* Two bits each: of 128 levels to 32 bytes, the first 32 in the low bits. */
static void pack_crumbs(uint8_t *restrict qs, const uint8_t *restrict level)
{
    for (int j = 0; j < 32; j++)
        qs[j] = (uint8_t)((level[j] & 3) | (level[j + 32] & 3) << 2 | (level[j + 64] & 3) << 4 |
                          (level[j + 96] & 3) << 6);
}

/* ---- one F16 scale ------------------------------------------------------------------------------ */

/* Where it stands: first in these blocks, last in the ternary ones. */
static void read_first(const void *block, struct qk_scales *s)
{
    s->d = gg_load_u16(block);
}

static void write_q4_0(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q4_0 *b = block;
    gg_store_u16(&b->d, s->d);
    pack_nibbles(b->qs, level, 16);
}

static void write_q5_0(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q5_0 *b = block;
    gg_store_u16(&b->d, s->d);
    pack_nibbles(b->qs, level, 16);
    pack_fifth_bits(b->qh, level);
}

static void write_q8_0(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q8_0 *b = block;
    gg_store_u16(&b->d, s->d);
    for (int j = 0; j < 32; j++)
        b->qs[j] = (int8_t)(level[j] - 127);
}

static void write_iq4_nl(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_iq4_nl *b = block;
    gg_store_u16(&b->d, s->d);
    pack_nibbles(b->qs, level, 16);
}

static void write_q1_0(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q1_0 *b = block;
    gg_store_u16(&b->d, s->d);
    for (int j = 0; j < 16; j++) {
        unsigned bits = 0;
        for (int k = 0; k < 8; k++)
            bits |= (unsigned)level[8 * j + k] << k;
        b->qs[j] = (uint8_t)bits;
    }
}

static void write_q2_0(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q2_0 *b = block;
    gg_store_u16(&b->d, s->d);
    for (int j = 0; j < 16; j++) {
        const uint8_t *q = level + 4 * j;
        b->qs[j] = (uint8_t)(q[0] | q[1] << 2 | q[2] << 4 | q[3] << 6);
    }
}

static void read_tq1_0(const void *block, struct qk_scales *s)
{
    s->d = gg_load_u16(&((const struct qt_block_tq1_0 *)block)->d);
}

/* n bytes, byte j of n_digits levels j, j + n, ... in base 3; missing ones are 0. */
static const uint8_t *pack_trits(uint8_t *qs, const uint8_t *level, int n, int n_digits)
{
    for (int j = 0; j < n; j++) {
        int number = 0;
        for (int digit = 0; digit < 5; digit++)
            number = 3 * number + (digit < n_digits ? level[j + digit * n] : 0);
        qs[j] = (uint8_t)((number * 256 + 242) / 243);
    }
    return level + n * n_digits;
}

static void write_tq1_0(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_tq1_0 *b = block;
    const uint8_t *rest = pack_trits(b->qs, level, 32, 5);
    rest = pack_trits(b->qs + 32, rest, 16, 5);
    pack_trits(b->qh, rest, 4, 4);
    gg_store_u16(&b->d, s->d);
}

static void read_tq2_0(const void *block, struct qk_scales *s)
{
    s->d = gg_load_u16(&((const struct qt_block_tq2_0 *)block)->d);
}

static void write_tq2_0(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_tq2_0 *b = block;
    pack_crumbs(b->qs, level);
    pack_crumbs(b->qs + 32, level + 128);
    gg_store_u16(&b->d, s->d);
}

/* ---- 4-bit floats ------------------------------------------------------------------------------- */

static void read_mxfp4(const void *block, struct qk_scales *s)
{
    s->scale[0] = ((const struct qt_block_mxfp4 *)block)->e;
}

static void write_mxfp4(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_mxfp4 *b = block;
    b->e = (uint8_t)s->scale[0];
    pack_nibbles(b->qs, level, 16);
}

static void read_nvfp4(const void *block, struct qk_scales *s)
{
    for (int g = 0; g < 4; g++)
        s->scale[g] = ((const struct qt_block_nvfp4 *)block)->d[g];
}

static void write_nvfp4(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_nvfp4 *b = block;
    for (int g = 0; g < 4; g++) {
        b->d[g] = (uint8_t)s->scale[g];
            pack_nibbles(b->qs + 8 * g, level + 16 * g, 8);
    }
}

/* ---- groups of a super-block -------------------------------------------------------------------- */

static void read_iq4_xs(const void *block, struct qk_scales *s)
{
    const struct qt_block_iq4_xs *b = block;
    unsigned high = gg_load_u16(&b->scales_h);
    s->d = gg_load_u16(&b->d);
    for (int g = 0; g < 8; g++) {
        unsigned low = b->scales_l[g / 2] >> 4 * (g % 2) & 15;
        s->scale[g] = (int16_t)((int)(low | (high >> 2 * g & 3) << 4) - 32);
    }
}

static void write_iq4_xs(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_iq4_xs *b = block;
    unsigned high = 0, low = 0;
    for (int g = 0; g < 8; g++) {
        unsigned code = (unsigned)(s->scale[g] + 32);
        pack_nibbles(b->qs + 16 * g, level + 32 * g, 16);
        low |= (code & 15) << 4 * g;
        high |= code >> 4 << 2 * g;
    }
    gg_store_u16(&b->d, s->d);
    gg_store_u16(&b->scales_h, (uint16_t)high);
    gg_store_u32(b->scales_l, low);
}

static void read_q3_K(const void *block, struct qk_scales *s)
{
    const struct qt_block_q3_K *b = block;
    s->d = gg_load_u16(&b->d);
    for (int g = 0; g < 16; g++)
        s->scale[g] = (int16_t)(qk_unpack_scale6(b->scales, g) - 32);
}

static void write_q3_K(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q3_K *b = block;
    memset(b, 0, sizeof *b);
    for (int g = 0; g < 16; g++) {
        unsigned code = (unsigned)(s->scale[g] + 32);
        b->scales[g % 8] |= (uint8_t)((code & 15) << (g < 8 ? 0 : 4));
        b->scales[8 + g % 4] |= (uint8_t)(code >> 4 << 2 * (g / 4));
    }
    for (int h = 0; h < 8; h++)
        for (int i = 0; i < 32; i++)
            b->hmask[i] |= (uint8_t)((level[32 * h + i] >> 2) << h);
    pack_crumbs(b->qs, level);
    pack_crumbs(b->qs + 32, level + 128);
    gg_store_u16(&b->d, s->d);
}

static void read_q6_K(const void *block, struct qk_scales *s)
{
    const struct qt_block_q6_K *b = block;
    s->d = gg_load_u16(&b->d);
    for (int g = 0; g < 16; g++)
        s->scale[g] = b->scales[g];
}

static void write_q6_K(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q6_K *b = block;
    for (int g = 0; g < 16; g++)
        b->scales[g] = (int8_t)s->scale[g];
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < 32; i++) {
            const uint8_t *q = level + 128 * h + i;
            b->ql[64 * h + i] = (uint8_t)((q[0] & 15) | (q[64] & 15) << 4);
            b->ql[64 * h + 32 + i] = (uint8_t)((q[32] & 15) | (q[96] & 15) << 4);
            b->qh[32 * h + i] =
                (uint8_t)(q[0] >> 4 | q[32] >> 4 << 2 | q[64] >> 4 << 4 | q[96] >> 4 << 6);
        }
    gg_store_u16(&b->d, s->d);
}

/* ---- a scale and a minimum ---------------------------------------------------------------------- */

static void read_two(const void *block, struct qk_scales *s)
{
    s->d = gg_load_u16(block);
    s->dmin = gg_load_u16((const uint8_t *)block + 2);
}

static void write_q4_1(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q4_1 *b = block;
    gg_store_u16(&b->d, s->d);
    gg_store_u16(&b->m, s->dmin);
    pack_nibbles(b->qs, level, 16);
}

static void write_q5_1(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q5_1 *b = block;
    gg_store_u16(&b->d, s->d);
    gg_store_u16(&b->m, s->dmin);
    pack_nibbles(b->qs, level, 16);
    pack_fifth_bits(b->qh, level);
}

static void read_q2_K(const void *block, struct qk_scales *s)
{
    const struct qt_block_q2_K *b = block;
    s->d = gg_load_u16(&b->d);
    s->dmin = gg_load_u16(&b->dmin);
    for (int g = 0; g < 16; g++) {
        s->scale[g] = b->scales[g] & 15;
        s->min[g] = b->scales[g] >> 4;
    }
}

static void write_q2_K(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q2_K *b = block;
    for (int g = 0; g < 16; g++)
        b->scales[g] = (uint8_t)(s->scale[g] | s->min[g] << 4);
    pack_crumbs(b->qs, level);
    pack_crumbs(b->qs + 32, level + 128);
    gg_store_u16(&b->d, s->d);
    gg_store_u16(&b->dmin, s->dmin);
}

/* d, dmin and twelve bytes of codes: so Q4_K and Q5_K begin. */
static void read_twelve(const void *block, struct qk_scales *s)
{
    const struct qt_block_q4_K *b = block;
    read_two(block, s);
    for (int g = 0; g < 8; g++) {
        int scale, min;
        qk_unpack_scale_min(b->scales, g, &scale, &min);
        s->scale[g] = (int16_t)scale;
        s->min[g] = (int16_t)min;
    }
}

static void write_twelve(void *block, const struct qk_scales *s)
{
    struct qt_block_q4_K *b = block;
    gg_store_u16(&b->d, s->d);
    gg_store_u16(&b->dmin, s->dmin);
    for (int g = 0; g < 4; g++) {
        int scale = s->scale[g + 4], min = s->min[g + 4];
        b->scales[g] = (uint8_t)(s->scale[g] | scale >> 4 << 6);
        b->scales[g + 4] = (uint8_t)(s->min[g] | min >> 4 << 6);
        b->scales[g + 8] = (uint8_t)((scale & 15) | (min & 15) << 4);
    }
}

static void write_q4_K(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q4_K *b = block;
    write_twelve(block, s);
    for (int p = 0; p < 4; p++)
        pack_nibbles(b->qs + 32 * p, level + 64 * p, 32);
}

static void write_q5_K(void *block, const uint8_t *level, const struct qk_scales *s)
{
    struct qt_block_q5_K *b = block;
    write_twelve(block, s);
    memset(b->qh, 0, sizeof b->qh);
    for (int g = 0; g < 8; g++)
        for (int i = 0; i < 32; i++)
            b->qh[i] |= (uint8_t)(level[32 * g + i] >> 4 << g);
    for (int p = 0; p < 4; p++)
        pack_nibbles(b->qs + 32 * p, level + 64 * p, 32);
}

/* ---- scales as numbers ------------------------------------------------------------------------- */

float qk_scale_of_code(enum qk_scale_form form, int code)
{
    return form == QK_SCALE_E8M0 ? qt_f32_from_e8m0_half((uint8_t)code)
                                 : qt_f32_from_ue4m3_half((uint8_t)code);
}

int qk_code_near(const struct qk_scale_search *t, int standard, int k)
{
    return qk_clamp_int(standard + t->code_lo + k, 0, t->form == QK_SCALE_E8M0 ? 254 : 0x7e);
}

float qk_group_scale(const struct qk_scale_search *t, const struct qk_scales *s, int group)
{
    if (t->form == QK_SCALE_F16)
        return qt_f32_from_f16(s->d);
    if (t->form == QK_SCALE_CODES)
        return qt_f32_from_f16(s->d) * (float)s->scale[group];
    return qk_scale_of_code(t->form, s->scale[group]);
}

void qk_group_line(const struct qk_line_search *t, const struct qk_scales *s, int group, float *scale,
                   float *min)
{
    *scale = qt_f32_from_f16(s->d);
    *min = qt_f32_from_f16(s->dmin);
    if (t->top == 0) {
        *min = -*min;
        return;
    }
    *scale *= (float)s->scale[group];
    *min *= (float)s->min[group];
}

/* ---- the types ---------------------------------------------------------------------------------- */

#define TYPE(t, nelems, reader)                                                                    \
    {nelems, sizeof(struct qt_block_##t), reader, write_##t}

/* Levels of Q8_0 keep to 127 on either side, as runtimes expect. Steps: where the best scales of
 * trained weights are, a little wider. */
const struct qk_scale_search qk_search_q4_0 = {
    TYPE(q4_0, 32, read_first), QK_EVEN, QK_SCALE_F16, 32, -8, 7, -8, 0.70f, 0.032f, 12, true, 0};
const struct qk_scale_search qk_search_q5_0 = {
    TYPE(q5_0, 32, read_first), QK_EVEN, QK_SCALE_F16, 32, -16, 15, -16, 0.82f, 0.0216f, 10, true, 0};
const struct qk_scale_search qk_search_q8_0 = {
    TYPE(q8_0, 32, read_first), QK_EVEN, QK_SCALE_F16, 32, -127, 127, 127, 0.97f, 0.0015f, 22, false, 0};
const struct qk_scale_search qk_search_iq4_nl = {
    TYPE(iq4_nl, 32, read_first), QK_IQ4, QK_SCALE_F16, 32, -127, 113, -127, 0.70f, 0.05f, 8, true, 0};
const struct qk_scale_search qk_search_iq4_xs = {
    TYPE(iq4_xs, 256, read_iq4_xs), QK_IQ4, QK_SCALE_CODES, 32, -127, 113, -127, 0.70f, 0.05f, 8,
    true, -32};
const struct qk_scale_search qk_search_q3_K = {
    TYPE(q3_K, 256, read_q3_K), QK_EVEN, QK_SCALE_CODES, 16, -4, 3, -4, 0.70f, 0.07f, 6, true, -32};
const struct qk_scale_search qk_search_q6_K = {
    TYPE(q6_K, 256, read_q6_K), QK_EVEN, QK_SCALE_CODES, 16, -32, 31, -32, 0.86f, 0.01f, 16, true,
    -128};
const struct qk_scale_search qk_search_mxfp4 = {
    TYPE(mxfp4, 32, read_mxfp4), QK_FP4, QK_SCALE_E8M0, 32, -12, 12, 12, 0, 0, 3, false, -1};
const struct qk_scale_search qk_search_nvfp4 = {
    TYPE(nvfp4, 64, read_nvfp4), QK_FP4, QK_SCALE_UE4M3, 16, -12, 12, 12, 0, 0, 9, false, -1};
const struct qk_scale_search qk_search_q1_0 = {
    TYPE(q1_0, 128, read_first), QK_SIGN, QK_SCALE_F16, 128, -1, 1, 1, 1, 0, 1, false, 0};
const struct qk_scale_search qk_search_q2_0 = {
    TYPE(q2_0, 64, read_first), QK_EVEN, QK_SCALE_F16, 64, -1, 2, 2, 0.45f, 0.10f, 8, true, 0};
const struct qk_scale_search qk_search_tq1_0 = {
    TYPE(tq1_0, 256, read_tq1_0), QK_EVEN, QK_SCALE_F16, 256, -1, 1, 1, 0.80f, 0.30f, 8, false, 0};
const struct qk_scale_search qk_search_tq2_0 = {
    TYPE(tq2_0, 256, read_tq2_0), QK_EVEN, QK_SCALE_F16, 256, -1, 1, 1, 0.80f, 0.30f, 8, false, 0};

/* Where lines begin, how many, and how many common numbers are tried: what lowers the error of trained
 * weights most for its time. */
const struct qk_line_search qk_search_q4_1 = {
    TYPE(q4_1, 32, read_two), 32, 15, 0, 3, 0.0f, 0.3f, 1, 0, 0};
const struct qk_line_search qk_search_q5_1 = {
    TYPE(q5_1, 32, read_two), 32, 31, 0, 3, -0.6f, 0.45f, 1, 0, 0};
const struct qk_line_search qk_search_q2_K = {
    TYPE(q2_K, 256, read_q2_K), 16, 3, 15, 3, 0.0f, 0.3f, 2, 32, 0.5f};
const struct qk_line_search qk_search_q4_K = {
    TYPE(q4_K, 256, read_twelve), 32, 15, 63, 4, -0.9f, 0.45f, 2, 96, 0};
const struct qk_line_search qk_search_q5_K = {
    TYPE(q5_K, 256, read_twelve), 32, 31, 63, 4, -0.9f, 0.45f, 2, 64, 0};
