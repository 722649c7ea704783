/* Byte order of blocks: every type has a layout, and the layouts are those of blocks.h. */
#include "lib/base/num.h"
#include "lib/quant/qtype.h"
#include "lib/quant/swap.h"
#include "tests/check_main.h"

#include <stdlib.h>
#include <string.h>

/* Blocks as a sequence of numbers: W is one of W bytes, N*W is N of them. Written down a second time
 * so that a slip in the table shows. */
static const struct {
    enum qt_type type;
    const char *layout;
} layouts[] = {
    {QT_F32, "4"},
    {QT_F16, "2"},
    {QT_BF16, "2"},
    {QT_F64, "8"},
    {QT_I8, "1"},
    {QT_I16, "2"},
    {QT_I32, "4"},
    {QT_I64, "8"},
    {QT_Q4_0, "2 16*1"},
    {QT_Q4_1, "2 2 16*1"},
    {QT_Q5_0, "2 4 16*1"},
    {QT_Q5_1, "2 2 4 16*1"},
    {QT_Q8_0, "2 32*1"},
    {QT_Q8_1, "2 2 32*1"},
    {QT_Q2_K, "16*1 64*1 2 2"},
    {QT_Q3_K, "32*1 64*1 12*1 2"},
    {QT_Q4_K, "2 2 12*1 128*1"},
    {QT_Q5_K, "2 2 12*1 32*1 128*1"},
    {QT_Q6_K, "128*1 64*1 16*1 2"},
    {QT_Q8_K, "4 256*1 16*2"},
    {QT_IQ2_XXS, "2 4*1 4 4*1 4 4*1 4 4*1 4 4*1 4 4*1 4 4*1 4 4*1 4"},
    {QT_IQ2_XS, "2 32*2 8*1"},
    {QT_IQ2_S, "2 64*1 8*1 8*1"},
    {QT_IQ3_XXS, "2 64*1 8*4"},
    {QT_IQ3_S, "2 64*1 8*1 32*1 4*1"},
    {QT_IQ1_S, "2 32*1 8*2"},
    {QT_IQ1_M, "32*1 16*1 4*2"},
    {QT_IQ4_NL, "2 16*1"},
    {QT_IQ4_XS, "2 2 4*1 128*1"},
    {QT_TQ1_0, "48*1 4*1 2"},
    {QT_TQ2_0, "64*1 2"},
    {QT_MXFP4, "1 16*1"},
    {QT_NVFP4, "4*1 32*1"},
    {QT_Q1_0, "2 16*1"},
    {QT_Q2_0, "2 16*1"},
};

/* Writes what a big-endian block of that layout holds when the little-endian one is 0, 1, 2...;
 * returns its size. */
static size_t turned(uint8_t *dst, const char *layout)
{
    size_t at = 0;
    while (*layout != '\0') {
        char *end;
        size_t width = strtoul(layout, &end, 10), n = 1;
        if (*end == '*') {
            n = width;
            width = strtoul(end + 1, &end, 10);
        }
        for (; n > 0; n--, at += width) {
            for (size_t i = 0; i < width; i++)
                dst[at + i] = (uint8_t)(at + width - 1 - i);
        }
        layout = end + (*end == ' ');
    }
    return at;
}

START_TEST(every_type_has_a_layout)
{
    ck_assert_uint_eq(GG_COUNTOF(layouts), qt_count());
    for (size_t i = 0; i < qt_count(); i++) {
        uint8_t block[512] = {0};
        ck_assert_msg(qt_swap_blocks(qt_at(i)->type, block, 1), "no row for %s", qt_at(i)->name);
    }
    uint8_t b[8] = {0};
    ck_assert(!qt_swap_blocks(4, b, 1));
    ck_assert(!qt_swap_blocks(QT_ID_END, b, 1));
    ck_assert(!qt_swap_blocks(UINT32_MAX, b, 1));
}
END_TEST

START_TEST(layouts_agree)
{
    for (size_t k = 0; k < GG_COUNTOF(layouts); k++) {
        const struct qt_info *t = qt_info(layouts[k].type);
        uint8_t want[512], got[3 * 512 + 1];
        ck_assert_uint_eq(turned(want, layouts[k].layout), t->block_nbytes);
        for (size_t i = 0; i < 3 * t->block_nbytes; i++)
            got[1 + i] = (uint8_t)(i % t->block_nbytes); /* odd address */
        ck_assert(qt_swap_blocks(t->type, got + 1, 3));
        for (size_t b = 0; b < 3; b++)
            ck_assert_msg(memcmp(got + 1 + b * t->block_nbytes, want, t->block_nbytes) == 0, "%s",
                          t->name);
    }
}
END_TEST

START_TEST(twice_is_identity)
{
    for (size_t k = 0; k < qt_count(); k++) {
        const struct qt_info *t = qt_at(k);
        uint8_t was[5 * 512], p[5 * 512];
        uint32_t seed = 1;
        for (size_t i = 0; i < sizeof was; i++)
            was[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        memcpy(p, was, sizeof p);
        ck_assert(qt_swap_blocks(t->type, p, 5));
        ck_assert(memcmp(p + 5 * t->block_nbytes, was + 5 * t->block_nbytes,
                         sizeof p - 5 * t->block_nbytes) == 0); /* nothing behind is touched */
        ck_assert(qt_swap_blocks(t->type, p, 5));
        ck_assert_msg(memcmp(p, was, sizeof p) == 0, "%s", t->name);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("swap");
    TCase *t = tcase_create("all");
    tcase_add_test(t, every_type_has_a_layout);
    tcase_add_test(t, layouts_agree);
    tcase_add_test(t, twice_is_identity);
    suite_add_tcase(s, t);
    return s;
}
