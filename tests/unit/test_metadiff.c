/* lib/job/metadiff: arrays (the rest is tests/cli/diff-meta). */
#include "lib/job/metadiff.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <string.h>

static struct ggf_meta *a, *b;
static struct gg_meta_diff diff;

static void set(struct ggf_meta *m, const char *key, const uint32_t *v, uint64_t n)
{
    struct gg_err err;
    struct ggf_value value = {.type = GGF_ARR, .elem = GGF_U32, .count = n,
                              .data = (const uint8_t *)v, .nbytes = 4 * n};
    ck_assert_int_eq(ggf_meta_set(m, ggf_str(key), &value, &err), GG_OK);
}

static void begin(void)
{
    struct gg_err err;
    ck_assert_int_eq(ggf_meta_new(&a, &err), GG_OK);
    ck_assert_int_eq(ggf_meta_new(&b, &err), GG_OK);
}

static void end(void)
{
    gg_meta_diff_free(&diff);
    ggf_meta_free(a);
    ggf_meta_free(b);
}

static void compare(void)
{
    struct gg_err err;
    ck_assert_int_eq(gg_meta_compare(&diff, a, b, &err), GG_OK);
}

static void check_text(size_t i, const char *want)
{
    struct gg_buf text = GG_BUF_INIT;
    gg_meta_entry_text(&text, &diff.v[i]);
    ck_assert_str_eq(gg_buf_str(&text), want);
    gg_buf_free(&text);
}

START_TEST(test_arrays)
{
    static const uint32_t v[] = {1, 2, 3, 4, 5}, moved[] = {1, 3, 2, 4, 5}, other[] = {1, 2, 9, 4, 5},
                          twice[] = {1, 2, 2, 4, 5};
    set(a, "same", v, 5), set(b, "same", v, 5);
    set(a, "moved", v, 5), set(b, "moved", moved, 5);
    set(a, "other", v, 5), set(b, "other", other, 5);
    set(a, "twice", v, 5), set(b, "twice", twice, 5);
    set(a, "longer", v, 3), set(b, "longer", v, 5);
    set(a, "both", v, 3), set(b, "both", other, 4);
    compare();
    ck_assert_uint_eq(diff.n, 5);
    ck_assert_uint_eq(diff.n_same, 1);
    ck_assert_int_eq(diff.v[0].change, GG_META_ORDER);
    check_text(0, "moved  u32[5]: the same elements, 2 at other places; 1: 2 -> 3, 2: 3 -> 2");
    ck_assert_int_eq(diff.v[1].change, GG_META_ARRAY);
    check_text(1, "other  u32[5]: 1 differ; 2: 3 -> 9");
    ck_assert_int_eq(diff.v[2].change, GG_META_ARRAY);
    check_text(3, "longer  u32[3] -> u32[5]: the first 3 are the same");
    check_text(4, "both  u32[3] -> u32[4]: 1 differ; 2: 3 -> 9");
    ck_assert(!diff.reordered);
}
END_TEST

START_TEST(test_order_and_shards)
{
    struct gg_err err;
    ck_assert_int_eq(ggf_meta_set_u32(a, "x", 1, &err), GG_OK);
    ck_assert_int_eq(ggf_meta_set_u16(a, "split.count", 3, &err), GG_OK);
    ck_assert_int_eq(ggf_meta_set_u32(a, "y", 2, &err), GG_OK);
    ck_assert_int_eq(ggf_meta_set_u32(b, "y", 2, &err), GG_OK);
    ck_assert_int_eq(ggf_meta_set_u32(b, "x", 1, &err), GG_OK);
    compare();
    ck_assert(diff.n == 0 && diff.n_same == 2 && diff.reordered);
}
END_TEST

/* Each of what went finds its own. */
START_TEST(test_renumbered)
{
    struct gg_err err;
    for (unsigned i = 0; i < 3; i++) {
        char key[32];
        snprintf(key, sizeof key, "m.%u.v", i);
        ck_assert_int_eq(ggf_meta_set_u32(a, key, i, &err), GG_OK);
        snprintf(key, sizeof key, "m.%u.v", i + 10);
        ck_assert_int_eq(ggf_meta_set_u32(b, key, i, &err), GG_OK);
    }
    ck_assert_int_eq(ggf_meta_set_u32(b, "m.x.v", 1, &err), GG_OK);
    compare();
    ck_assert_uint_eq(diff.n, 4);
    ck_assert_uint_eq(diff.n_by_change[GG_META_RENUMBER], 3);
    ck_assert_uint_eq(diff.n_by_change[GG_META_ADDED], 1);
    check_text(2, "m.2.v -> m.12.v");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("metadiff");
    TCase *t = tcase_create("metadiff");
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, test_arrays);
    tcase_add_test(t, test_order_and_shards);
    tcase_add_test(t, test_renumbered);
    suite_add_tcase(s, t);
    return s;
}
