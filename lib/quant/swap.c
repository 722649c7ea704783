#include "lib/quant/swap.h"

#include "lib/base/num.h"
#include "lib/quant/blocks.h"
#include "lib/quant/qtype.h"

/* `count` numbers of `width` bytes, the first at `off` in its block, each `stride` behind the other. */
struct field {
    uint16_t off, width, count, stride;
};

#define AT(block, member) offsetof(struct qt_block_##block, member)
#define ONE(off, width)   {off, width, 1, width}
#define RUN(off, width, n) {off, width, n, width}

/* One row a type; a type without a number of more than one byte has an empty one. Types that pack
 * their bits bytewise in upstream's structs (q3_K scales, iq2_s and iq3_s indices) need no turning;
 * IQ2_XXS reads the four grid indices of a group as bytes and its signs and scale as a u32. */
static const struct row {
    bool known;
    struct field f[2];
} rows[QT_ID_END] = {
    [QT_F32] = {true, {ONE(0, 4)}},
    [QT_F16] = {true, {ONE(0, 2)}},
    [QT_BF16] = {true, {ONE(0, 2)}},
    [QT_F64] = {true, {ONE(0, 8)}},
    [QT_I8] = {true, {{0}}},
    [QT_I16] = {true, {ONE(0, 2)}},
    [QT_I32] = {true, {ONE(0, 4)}},
    [QT_I64] = {true, {ONE(0, 8)}},
    [QT_Q4_0] = {true, {ONE(AT(q4_0, d), 2)}},
    [QT_Q4_1] = {true, {RUN(AT(q4_1, d), 2, 2)}},
    [QT_Q5_0] = {true, {ONE(AT(q5_0, d), 2), ONE(AT(q5_0, qh), 4)}},
    [QT_Q5_1] = {true, {RUN(AT(q5_1, d), 2, 2), ONE(AT(q5_1, qh), 4)}},
    [QT_Q8_0] = {true, {ONE(AT(q8_0, d), 2)}},
    [QT_Q8_1] = {true, {RUN(AT(q8_1, d), 2, 2)}},
    [QT_Q2_K] = {true, {RUN(AT(q2_K, d), 2, 2)}},
    [QT_Q3_K] = {true, {ONE(AT(q3_K, d), 2)}},
    [QT_Q4_K] = {true, {RUN(AT(q4_K, d), 2, 2)}},
    [QT_Q5_K] = {true, {RUN(AT(q5_K, d), 2, 2)}},
    [QT_Q6_K] = {true, {ONE(AT(q6_K, d), 2)}},
    [QT_Q8_K] = {true, {ONE(AT(q8_K, d), 4), RUN(AT(q8_K, bsums), 2, 16)}},
    [QT_IQ2_XXS] = {true, {ONE(AT(iq2_xxs, d), 2), {AT(iq2_xxs, qs) + 4, 4, 8, 8}}},
    [QT_IQ2_XS] = {true, {ONE(AT(iq2_xs, d), 2), RUN(AT(iq2_xs, qs), 2, 32)}},
    [QT_IQ2_S] = {true, {ONE(AT(iq2_s, d), 2)}},
    [QT_IQ3_XXS] = {true, {ONE(AT(iq3_xxs, d), 2), RUN(AT(iq3_xxs, qs) + 64, 4, 8)}},
    [QT_IQ3_S] = {true, {ONE(AT(iq3_s, d), 2)}},
    [QT_IQ1_S] = {true, {ONE(AT(iq1_s, d), 2), RUN(AT(iq1_s, qh), 2, 8)}},
    [QT_IQ1_M] = {true, {RUN(AT(iq1_m, scales), 2, 4)}},
    [QT_IQ4_NL] = {true, {ONE(AT(iq4_nl, d), 2)}},
    [QT_IQ4_XS] = {true, {RUN(AT(iq4_xs, d), 2, 2)}},
    [QT_TQ1_0] = {true, {ONE(AT(tq1_0, d), 2)}},
    [QT_TQ2_0] = {true, {ONE(AT(tq2_0, d), 2)}},
    [QT_MXFP4] = {true, {{0}}},
    [QT_NVFP4] = {true, {{0}}},
    [QT_Q1_0] = {true, {ONE(AT(q1_0, d), 2)}},
    [QT_Q2_0] = {true, {ONE(AT(q2_0, d), 2)}},
};

static void reverse(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        uint8_t t = p[i];
        p[i] = p[n - 1 - i];
        p[n - 1 - i] = t;
    }
}

bool qt_swap_blocks(uint32_t type, void *p, size_t n_blocks)
{
    const struct qt_info *info = qt_info(type);
    if (info == NULL || !rows[info->type].known)
        return false;
    for (size_t k = 0; k < GG_COUNTOF(rows[0].f); k++) {
        const struct field *f = &rows[info->type].f[k];
        uint8_t *block = p;
        for (size_t b = 0; f->count > 0 && b < n_blocks; b++, block += info->block_nbytes) {
            for (size_t i = 0; i < f->count; i++)
                reverse(block + f->off + i * f->stride, f->width);
        }
    }
    return true;
}
