/* tokenizer.json, whose vocabulary and merges are read without parsing the whole. */
#include "lib/hf/hf_impl.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <stdlib.h>

static int parse(struct hf *h, const char *text, struct gg_err *err)
{
    *h = (struct hf){0};
    *err = (struct gg_err){0};
    return gg_hf_tokenizer_parse(h, strdup(text), strlen(text), err);
}

static void release(struct hf *h)
{
    json_decref(h->tokenizer);
    free(h->tok_text);
}

#define MODEL(vocab, merges) \
    " {\"a\": [{\"vocab\": {\"x\": 9}}, \"}\\\"\"], \"model\" : {\"type\":\"BPE\", \"vocab\":" vocab \
    " , \"merges\":" merges "}, \"z\": 1 }"

START_TEST(test_lists)
{
    static const char text[] =
        MODEL("{\"a\":0 , \"\\u00e9\\ud83d\\ude80\\n\\/\\\\\\\"\": 12,\"\\u0001\xc4\xa0\" : 3}",
              "[\"a b\",[\"c\" , \"d e\"], \"\xe2\x96\x81 x\" ]");
    static const struct {
        const char *text;
        uint64_t id;
    } want[] = {{"a", 0}, {"\xc3\xa9\xf0\x9f\x9a\x80\n/\\\"", 12}, {"\x01\xc4\xa0", 3}};
    struct hf h;
    struct gg_err err;
    struct gg_buf b = GG_BUF_INIT;
    struct hf_merge m = {GG_BUF_INIT, GG_BUF_INIT, false};
    uint64_t id;
    bool more;
    ck_assert_msg(parse(&h, text, &err) == GG_OK, "%s", err.msg);
    json_t *model = json_object_get(h.tokenizer, "model");
    ck_assert_uint_eq(json_object_size(json_object_get(model, "vocab")), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(model, "merges")), 0);
    ck_assert_str_eq(gg_hf_get_str(model, "type"), "BPE");
    ck_assert_uint_eq(json_object_size(h.tokenizer), 3);
    struct hf_list list = h.tok_vocab;
    for (size_t i = 0; i < 3; i++) {
        ck_assert_msg(gg_hf_next_token(&h, &list, &b, &id, &more, &err) == GG_OK, "%s", err.msg);
        ck_assert(more);
        ck_assert_str_eq(gg_buf_str(&b), want[i].text);
        ck_assert_uint_eq(id, want[i].id);
    }
    ck_assert(gg_hf_next_token(&h, &list, &b, &id, &more, &err) == GG_OK && !more);
    list = h.tok_merges;
    ck_assert(gg_hf_next_merge(&h, &list, &m, &more, &err) == GG_OK && more && !m.is_pair);
    ck_assert_str_eq(gg_buf_str(&m.a), "a b");
    ck_assert(gg_hf_next_merge(&h, &list, &m, &more, &err) == GG_OK && more && m.is_pair);
    ck_assert_str_eq(gg_buf_str(&m.a), "c");
    ck_assert_str_eq(gg_buf_str(&m.b), "d e");
    ck_assert(gg_hf_next_merge(&h, &list, &m, &more, &err) == GG_OK && more && !m.is_pair);
    ck_assert(gg_hf_next_merge(&h, &list, &m, &more, &err) == GG_OK && !more);
    gg_hf_merge_free(&m);
    gg_buf_free(&b);
    release(&h);
}
END_TEST

/* Reads all; the first error. */
static int read_all(const char *text, struct gg_err *err)
{
    struct hf h;
    struct gg_buf b = GG_BUF_INIT;
    struct hf_merge m = {GG_BUF_INIT, GG_BUF_INIT, false};
    bool more = true;
    uint64_t id;
    int rc = parse(&h, text, err);
    for (struct hf_list list = h.tok_vocab; rc == GG_OK && more;)
        rc = gg_hf_next_token(&h, &list, &b, &id, &more, err);
    more = true;
    for (struct hf_list list = h.tok_merges; rc == GG_OK && more;)
        rc = gg_hf_next_merge(&h, &list, &m, &more, err);
    gg_hf_merge_free(&m);
    gg_buf_free(&b);
    release(&h);
    return rc;
}

START_TEST(test_bad)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "not JSON"},
        {"[]", "not a JSON object"},
        {"{\"model\":{\"vocab\":{\"a\":1}", "not JSON"},
        {"{\"model\":{\"vocab\":{\"a\":1}}} x", "not JSON"},
        {"{\"model\":{\"vocab\":{\"a\":1},\"merges\":[\"a b\"}]}", "not JSON"},
        {MODEL("{\"a\":1,}", "[]"), "a value expected"},
        {MODEL("{\"a\":1 \"b\":2}", "[]"), "',' or the end expected"},
        {MODEL("{\"a\" 1}", "[]"), "':' expected"},
        {MODEL("{a:1}", "[]"), "a text expected"},
        {MODEL("{\"a\":-1}", "[]"), "a token's id is no number"},
        {MODEL("{\"a\":1.5}", "[]"), "a token's id is no number"},
        {MODEL("{\"a\":1e3}", "[]"), "a token's id is no number"},
        {MODEL("{\"a\":99999999999999999999}", "[]"), "a token's id is no number"},
        {MODEL("{\"a\":{\"b\":1}}", "[]"), "a token's id is no number"},
        {MODEL("{\"\\x\":1}", "[]"), "wrong escape"},
        {MODEL("{\"\\ud800\":1}", "[]"), "wrong escape"},
        {MODEL("{\"\\udc00\\ud800\":1}", "[]"), "wrong escape"},
        {MODEL("{\"\\u12g4\":1}", "[]"), "wrong escape"},
        {MODEL("{\"\xff\":1}", "[]"), "not UTF-8"},
        {MODEL("{\"a\nb\":1}", "[]"), "control character"},
        {MODEL("{}", "[[\"a\"]]"), "a merge is no pair"},
        {MODEL("{}", "[[\"a\",\"b\",\"c\"]]"), "a merge is no pair"},
        {MODEL("{}", "[[]]"), "a text expected"},
        {MODEL("{}", "[1]"), "a text expected"},
        {MODEL("{}", "[[[\"a\",\"b\"]]]"), "a text expected"},
        {MODEL("{}", "[\"a b\",]"), "a value expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gg_err err;
        ck_assert_msg(read_all(cases[i].text, &err) == GG_ERR_CORRUPT, "taken: %s", cases[i].text);
        ck_assert_msg(strstr(err.msg, cases[i].says) != NULL, "%s: %s", cases[i].text, err.msg);
        ck_assert_msg(strncmp(err.msg, "tokenizer.json: ", 16) == 0, "%s", err.msg);
        ck_assert_ptr_null(strchr(err.msg, '\n'));
    }
}
END_TEST

/* Cut anywhere, it is refused and nothing is read behind its end (ASan looks). */
START_TEST(test_cut)
{
    static const char text[] = MODEL("{\"a\":0,\"\\ud83d\\ude80\":12}", "[\"a b\",[\"c\",\"d\"]]");
    char part[sizeof text];
    for (size_t n = 0; n < sizeof text - 2; n++) {
        struct gg_err err;
        memcpy(part, text, n);
        part[n] = '\0';
        ck_assert_msg(read_all(part, &err) != GG_OK, "taken: %s", part);
    }
}
END_TEST

/* What would cost a parser memory or stack. */
START_TEST(test_bombs)
{
    enum { N = 5000000 };
    char *text = malloc(2 * N + 64);
    struct gg_err err;
    ck_assert_ptr_nonnull(text);
    memset(text, '[', 1000);
    strcpy(text + 1000, "]");
    memcpy(text, "{\"a\":", 5);
    ck_assert_int_eq(read_all(text, &err), GG_ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.msg, "nested deeper"));
    strcpy(text, "{\"a\":[");
    size_t n = strlen(text);
    for (size_t i = 0; i < N; i++, n += 2)
        memcpy(text + n, "0,", 2);
    strcpy(text + n, "0]}");
    ck_assert_int_eq(read_all(text, &err), GG_ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.msg, "more than 300000 values"));
    free(text);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("hf-tokenizer");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_lists);
    tcase_add_test(t, test_bad);
    tcase_add_test(t, test_cut);
    tcase_add_test(t, test_bombs);
    suite_add_tcase(s, t);
    return s;
}
