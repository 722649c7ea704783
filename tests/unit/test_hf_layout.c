/* The two small languages of the tables in lib/hf: sums over hyper-parameters, and layouts. */
#include "lib/hf/hf_impl.h"
#include "tests/check_main.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

static const char config[] =
    "{\"hidden_size\": 64, \"num_attention_heads\": 4, \"n_kv_heads\": 2, \"rank\": 1.5, \"tied\": true,"
    " \"no\": false, \"kind\": \"falcon\", \"list\": [1, 2, 3], \"nothing\": null,"
    " \"deep\": {\"er\": 9}, \"words\": [\"a\", \"b\", \"b\"]}";

static struct hf opened(void)
{
    struct hf h = {0};
    struct gg_err err;
    ck_assert_int_eq(gg_hf_json_text(&h.config, config, sizeof config - 1, "x", &err), GG_OK);
    h.rope = json_pack("{s:f}", "factor", 8.0);
    return h;
}

static void closed(struct hf *h)
{
    json_decref(h->config);
    json_decref(h->rope);
}

START_TEST(sums_are_reckoned)
{
    static const struct {
        const char *text;
        double want; /* NAN: something is missing */
    } cases[] = {
        {"hidden_size / H", 16},   {"nosuch|hidden_size", 64}, {"nosuch|7", 7},
        {"1 + 2 * 3 - 4", 3},      {"(1 + 2) * 3", 9},         {"int(rank)", 1},
        {"sqrt(hidden_size)", 8},  {"K", 2},                   {"H / K + 2", 4},
        {"0.5 * rope.factor", 4},  {"tied", 1},                {"no", 0},
        {"!no", 1},                {"!tied", 0},               {"!nosuch", 1},
        {"kind~falcon", 1},        {"kind~falco", 0},          {"nosuch~x", 0},
        {"list", 3},               {"deep.er", 9},             {"deep.no", NAN},
        {"words~b", 2},            {"words - words~b", 1},     {"nothing|5", 5},           {"kind|5", 5},
        {"2 ^ 10", 1024},          {"2 * 3 ^ 2", 18},         {"7 % 4 + 1", 4},
        {"3 < 4", 1},              {"2 + 2 = 4", 1},          {"5 * (4 < 3)", 0},         {"L", 0},
        {"words.L~b", 0},          {"nosuch.L~b", NAN},
        {"nosuch", NAN},           {"1 + nosuch", NAN},        {"N", NAN},
        {"((((((((((((((((((1))))))))))))))))))", NAN},
    };
    struct hf h = opened();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *p = cases[i].text, *missing;
        double d;
        bool there = gg_hf_eval(&h, &p, &d, &missing);
        if (i + 1 == sizeof cases / sizeof cases[0])
            continue; /* too deep: only that it ends */
        ck_assert_msg(there == !isnan(cases[i].want), "%s", cases[i].text);
        ck_assert_msg(!there || d == cases[i].want, "%s is %g", cases[i].text, d);
        ck_assert_msg(!there || *p == '\0', "%s: '%s' is left", cases[i].text, p);
    }
    closed(&h);
}
END_TEST

START_TEST(layouts_are_followed)
{
    static const struct {
        const char *text;
        unsigned n_dims;
        uint64_t shape[4];
        int code;
        const char *ne;   /* of the result, slowest first */
        const char *from; /* where its elements are stored */
    } cases[] = {
        {"(2 d) * -> (d 2) *", 1, {4}, GG_OK, "4", "0 2 1 3"},
        {"(2 d) * -> (d 2) *", 2, {4, 2}, GG_OK, "4x2", "0 1 4 5 2 3 6 7"},
        {"(K 2 d) * -> (K d 2) *", 1, {8}, GG_OK, "8", "0 2 1 3 4 6 5 7"},
        {"r c -> c r", 2, {2, 3}, GG_OK, "3x2", "0 3 1 4 2 5"},
        {"(K r[1:]) c -> K c r", 2, {6, 1}, GG_OK, "2x1x2", "1 2 4 5"},
        {"(d 2[0]) -> d", 1, {6}, GG_OK, "3", "0 2 4"},
        {"r[1:3] * -> r *", 2, {4, 2}, GG_OK, "2x2", "2 3 4 5"},
        {"(r=K+1) c -> r c", 2, {3, 1}, GG_OK, "3x1", "0 1 2"},
        {"c 1 k -> c k", 3, {2, 1, 2}, GG_OK, "2x2", "0 1 2 3"},
        {"c -> c 1", 1, {3}, GG_OK, "3x1", "0 1 2"},
        {"r[2:]<K d> -> (d K)", 1, {8}, GG_OK, "6", "2 5 3 6 4 7"},
        {"r[1:]<K d> c -> (d K) c", 2, {5, 2}, GG_OK, "4x2", "2 3 6 7 4 5 8 9"},
        {"r[1:]<K d> -> (d K)", 1, {8}, GG_ERR_CORRUPT, "", ""},
        {"(K 2 d) * -> (K d 2) *", 1, {6}, GG_ERR_CORRUPT, "", ""},
        {"c 1 k -> c k", 3, {2, 2, 2}, GG_ERR_CORRUPT, "", ""},
        {"r c -> r c", 1, {2}, GG_ERR_CORRUPT, "", ""},
        {"r -> r", 2, {2, 2}, GG_ERR_CORRUPT, "", ""},
        {"r[2:] -> r", 1, {2}, GG_ERR_CORRUPT, "", ""},
        {"r[1:9] -> r", 1, {2}, GG_ERR_CORRUPT, "", ""},
        {"(E d) -> E d", 1, {4}, GG_ERR_CORRUPT, "", ""}, /* config.json says no experts */
        {"r c -> r", 2, {2, 2}, GG_ERR_BUG, "", ""},
        {"r c", 2, {2, 2}, GG_ERR_BUG, "", ""},
    };
    struct hf h = opened();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gg_ckpt_tensor t = {.name = "t", .name_nbytes = 1, .n_dims = cases[i].n_dims};
        struct hf_vt v = {0};
        struct hf_view w;
        struct gg_err err;
        char ne[64] = "", from[128] = "";
        uint64_t n = 1;
        memcpy(t.shape, cases[i].shape, sizeof cases[i].shape);
        int rc = gg_hf_layout(&h, cases[i].text, &t, &v, &w, &err);
        ck_assert_msg(rc == cases[i].code, "%s: %d, %s", cases[i].text, rc, rc != GG_OK ? err.msg : "");
        for (unsigned d = v.n_dims; rc == GG_OK && d-- > 0; n *= v.ne[d])
            snprintf(ne + strlen(ne), 8, "%s%d", *ne != '\0' ? "x" : "", (int)v.ne[d]);
        for (uint64_t k = 0; rc == GG_OK && k < n; k++)
            snprintf(from + strlen(from), 8, "%s%d", k > 0 ? " " : "", (int)gg_hf_view_at(&w, k));
        ck_assert_str_eq(ne, cases[i].ne);
        ck_assert_str_eq(from, cases[i].from);
    }
    closed(&h);
}
END_TEST

START_TEST(tables_are_whole)
{
    size_t n = 0;
    for (size_t i = 0; i < gg_hf_n_archs; i++) {
        for (const struct hf_rule *const *list = gg_hf_archs[i]->rules; *list != NULL; list++) {
            for (const struct hf_rule *r = *list; r->hf != NULL; r++, n++)
                ck_assert_msg((r->gguf == NULL) == (r->how == HF_DROP), "%s: %s", gg_hf_archs[i]->gguf,
                              r->hf);
        }
    }
    ck_assert_uint_gt(n, 100);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("hf_layout");
    TCase *t = tcase_create("languages");
    tcase_add_test(t, sums_are_reckoned);
    tcase_add_test(t, layouts_are_followed);
    tcase_add_test(t, tables_are_whole);
    suite_add_tcase(s, t);
    return s;
}
