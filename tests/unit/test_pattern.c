/* Patterns over names, and what the metadata says of an architecture. */
#include "lib/model/pattern.h"
#include "tests/plan_make.h"

#include <time.h>

static bool hit(const char *pattern, const char *name)
{
    struct gg_pattern *p;
    struct gg_err err = {0};
    ck_assert_msg(gg_pattern_new(&p, pattern, &err) == GG_OK, "%s", err.msg);
    bool r = gg_pattern_match(p, name, strlen(name));
    gg_pattern_free(p);
    return r;
}

START_TEST(test_glob_and_regex)
{
    ck_assert(hit("blk.*.ffn_*", "blk.1.ffn_up.weight"));
    ck_assert(!hit("ffn_*", "blk.1.ffn_up.weight")); /* the whole name */
    ck_assert(hit("re:ffn_(up|gate)", "blk.1.ffn_up.weight")); /* anywhere in it */
    ck_assert(hit("re:^blk\\.\\d+\\.ffn", "blk.12.ffn_up.weight"));
    ck_assert(!hit("re:^ffn", "blk.1.ffn_up.weight"));
    ck_assert(hit("re:", ""));
    ck_assert(hit("", ""));
    ck_assert(!hit("", "x"));
}
END_TEST

START_TEST(test_bytes)
{
    struct gg_pattern *p;
    ck_assert_int_eq(gg_pattern_new_regex(&p, "A.b$", NULL), GG_OK);
    ck_assert(gg_pattern_match(p, "a\0b", 3)); /* names may hold any byte */
    ck_assert(gg_pattern_match(p, "a\xff" "b", 3));
    ck_assert(!gg_pattern_match(p, NULL, 0));
    gg_pattern_free(p);
    gg_pattern_free(NULL);
}
END_TEST

START_TEST(test_bad)
{
    struct gg_pattern *p = NULL;
    struct gg_err err = {0};
    ck_assert_int_eq(gg_pattern_new(&p, "re:ffn_(up", &err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "'ffn_(up': missing closing parenthesis (at character 8)"));
    ck_assert_int_eq(gg_pattern_new_regex(&p, "*", &err), GG_ERR_ARG);
    ck_assert_int_eq(gg_pattern_new(&p, "re:(a{1000}){1000}{1000}", &err), GG_ERR_ARG);
    ck_assert_ptr_null(p);
}
END_TEST

/* Backtracking without end is no match, soon. */
START_TEST(test_bounded)
{
    char name[2001];
    struct gg_pattern *p;
    memset(name, 'a', sizeof name);
    name[2000] = 'b';
    ck_assert_int_eq(gg_pattern_new_regex(&p, "(a*)*(a+)+$", NULL), GG_OK);
    clock_t start = clock();
    for (int i = 0; i < 100; i++)
        ck_assert(!gg_pattern_match(p, name, sizeof name));
    ck_assert_msg(clock() - start < 10 * CLOCKS_PER_SEC, "too slow");
    gg_pattern_free(p);
}
END_TEST

START_TEST(test_arch)
{
    static const struct mk_row none[] = {{NULL, {0}, 0, 0}};
    struct mk_model mk = {"llama", 32, 16, 4, 8, 0, none};
    struct ggf_meta *meta = mk_meta(&mk);
    static const uint8_t heads[8] = {3, 0, 0, 0, 9, 0, 0, 0};
    struct ggf_value arr = {.type = GGF_ARR, .elem = GGF_U32, .count = 2, .data = heads, .nbytes = 8};
    struct gg_arch a;
    gg_arch_read(&a, meta);
    ck_assert(ggf_str_eq(a.name, "llama"));
    ck_assert_uint_eq(a.n_layers, 32);
    ck_assert_uint_eq(a.n_heads_kv, 4);
    ck_assert_uint_eq(a.n_experts, 8);
    ck_assert_uint_eq(a.n_vocab, 0);
    ck_assert(ggf_meta_unset(meta, "llama.attention.head_count_kv"));
    ck_assert_int_eq(ggf_meta_set(meta, ggf_str("llama.attention.head_count"), &arr, NULL), GG_OK);
    gg_arch_read(&a, meta);
    ck_assert_uint_eq(a.n_heads, 3); /* of layer 0 */
    ck_assert_uint_eq(a.n_heads_kv, 3);
    ck_assert_int_eq(ggf_meta_set_u32(meta, "general.architecture", 7, NULL), GG_OK);
    gg_arch_read(&a, meta);
    ck_assert(ggf_str_eq(a.name, ""));
    ck_assert_uint_eq(a.n_layers, 0);
    ggf_meta_free(meta);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("pattern");
    TCase *t = tcase_create("pattern");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_glob_and_regex);
    tcase_add_test(t, test_bytes);
    tcase_add_test(t, test_bad);
    tcase_add_test(t, test_bounded);
    tcase_add_test(t, test_arch);
    suite_add_tcase(s, t);
    return s;
}
