/* lib/base: checked arithmetic, buffers, map, text. */
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <stdlib.h>

START_TEST(test_checked)
{
    uint64_t r = 7;
    ck_assert(!gg_add_u64(UINT64_MAX, 1, &r));
    ck_assert(!gg_mul_u64(1ull << 32, 1ull << 32, &r));
    ck_assert(!gg_align_u64(UINT64_MAX - 3, 32, &r));
    ck_assert_uint_eq(r, 7);
    ck_assert(gg_align_u64(33, 32, &r));
    ck_assert_uint_eq(r, 64);
    ck_assert(!gg_in_range(UINT64_MAX, 2, 10));
    ck_assert(!gg_in_range(5, UINT64_MAX, 10));
    ck_assert(gg_in_range(10, 0, 10));
}
END_TEST

START_TEST(test_buf)
{
    struct gg_buf b = GG_BUF_INIT;
    ck_assert_str_eq(gg_buf_str(&b), "");
    for (int i = 0; i < 1000; i++)
        gg_buf_addf(&b, "%d,", i);
    ck_assert_uint_eq(b.nbytes, 3890);
    gg_buf_reset(&b);
    gg_buf_fill(&b, '#', 3);
    char *s = gg_buf_take(&b);
    ck_assert_str_eq(s, "###");
    free(s);
}
END_TEST

START_TEST(test_map)
{
    struct gg_map m = GG_MAP_INIT;
    static char keys[20000][12];
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%u", i);
        ck_assert_int_eq(gg_map_add(&m, keys[i], strlen(keys[i]), i, NULL), 1);
    }
    uint64_t v = 0;
    ck_assert_int_eq(gg_map_add(&m, "k777", 4, 1, &v), 0);
    ck_assert_uint_eq(v, 777);
    ck_assert(!gg_map_get(&m, "", 0, &v));
    ck_assert_int_eq(gg_map_add(&m, NULL, 0, 5, NULL), 1);
    ck_assert(gg_map_get(&m, "", 0, &v));
    ck_assert_uint_eq(v, 5);
    gg_map_free(&m);
}
END_TEST

START_TEST(test_arena)
{
    struct gg_arena a = GG_ARENA_INIT;
    char *s = gg_arena_strndup(&a, "hello", 4);
    char *big = gg_arena_zalloc(&a, 1000, 1000);
    ck_assert_str_eq(s, "hell");
    ck_assert_int_eq(big[999999], 0);
    ck_assert_ptr_null(gg_arena_zalloc(&a, SIZE_MAX / 2, 4));
    gg_arena_free(&a);
}
END_TEST

static void check_escape(const char *in, size_t n, const char *want)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_text_escape(&b, in, n, 0);
    ck_assert_str_eq(gg_buf_str(&b), want);
    gg_buf_free(&b);
}

START_TEST(test_escape)
{
    check_escape("a\n\t\\", 4, "a\\n\\t\\\\");
    check_escape("\x1b[31m", 5, "\\x1b[31m");
    check_escape("\xc3\xa9\xff", 3, "\xc3\xa9\\xff");
    check_escape("\xc0\x80", 2, "\\xc0\\x80");       /* overlong NUL */
    check_escape("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* surrogate */
    check_escape("\xc2\x9b", 2, "\\u009b");          /* C1 CSI */
    check_escape("\0", 1, "\\x00");
    char small[8];
    ck_assert_str_eq(gg_text_escape_into(small, sizeof small, "abcdefghij", 10), "abcd...");
}
END_TEST

START_TEST(test_numbers)
{
    char s[32];
    uint64_t u;
    int64_t i;
    ck_assert_str_eq(gg_text_thousands(s, 1234567), "1,234,567");
    ck_assert_str_eq(gg_text_size(s, 7373856), "7.03 MiB");
    ck_assert_str_eq(gg_text_size(s, 812), "812 B");
    ck_assert_str_eq(gg_text_count(s, 70553706496u), "70.6 B");
    ck_assert(gg_text_parse_size("4GiB", &u) && u == 4ull << 30);
    ck_assert(gg_text_parse_size("1.5G", &u) && u == 1500000000);
    ck_assert(gg_text_parse_size("128m", &u) && u == 128000000);
    ck_assert(!gg_text_parse_size("12Q", &u) && !gg_text_parse_size("", &u));
    ck_assert(!gg_text_parse_size("99999999999999E", &u));
    ck_assert(gg_text_parse_i64("-9223372036854775808", &i) && i == INT64_MIN);
    ck_assert(!gg_text_parse_i64("9223372036854775808", &i));
    ck_assert(!gg_text_parse_u64("18446744073709551616", &u));
}
END_TEST

START_TEST(test_names)
{
    ck_assert(gg_text_ieq("Q4_k_m", "q4_K_M"));
    ck_assert(gg_text_glob("blk.*.ffn_*", "blk.12.ffn_up.weight", 20));
    ck_assert(gg_text_glob("a[0-9]?", "a5x", 3));
    ck_assert(!gg_text_glob("a[!0-9]", "a5", 2));
    ck_assert(gg_text_glob("a[b", "a[b", 3));
    ck_assert(!gg_text_glob("*a*b", "aXbX", 4));
    ck_assert_uint_eq(gg_text_distance("inspct", "inspect"), 1);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("base");
    TCase *t = tcase_create("base");
    tcase_add_test(t, test_checked);
    tcase_add_test(t, test_buf);
    tcase_add_test(t, test_map);
    tcase_add_test(t, test_arena);
    tcase_add_test(t, test_escape);
    tcase_add_test(t, test_numbers);
    tcase_add_test(t, test_names);
    suite_add_tcase(s, t);
    return s;
}
