/* The parts of lib/hf that can be looked at alone: ids of models, patterns, pre-tokenizers. */
#include "lib/hf/hf_impl.h"
#include "tests/check_main.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* What is there, or "". */
static const char *text(const json_t *o, const char *key)
{
    const char *s = gg_hf_get_str(o, key);
    return s != NULL ? s : "";
}

/* ID, parameters, name, organization, basename, finetune, version, size label, title; by tabs. */
START_TEST(ids_are_read_as_upstream_does)
{
    static const char *const keys[] = {"name",     "organization", "basename",
                                       "finetune", "version",      "size_label"};
    FILE *f = fopen("fixtures/hf/gguf-ids", "r");
    char line[1024];
    size_t n = 0;
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f) != NULL) {
        char *field[9], *rest = line;
        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < 9; i++)
            ck_assert_ptr_nonnull(field[i] = strsep(&rest, "\t"));
        json_t *o = gg_hf_model_id(field[0], strtoull(field[1], NULL, 10));
        for (size_t i = 0; i < 6; i++)
            ck_assert_msg(strcmp(text(o, keys[i]), field[2 + i]) == 0, "%s (%s): %s is '%s', not '%s'",
                          field[0], field[1], keys[i], text(o, keys[i]), field[2 + i]);
        char *title = gg_hf_id_to_title(text(o, "name"));
        ck_assert_str_eq(title, field[8]);
        free(title);
        json_decref(o);
        n++;
    }
    fclose(f);
    ck_assert_uint_ge(n, 60);
}
END_TEST

START_TEST(patterns_take_numbers)
{
    static const struct {
        const char *pattern, *name;
        bool fits;
        uint64_t layer, expert;
    } cases[] = {
        {"a.{L}.b", "a.12.b", true, 12, 0},    {"a.{L}.b", "a.012.b", false, 0, 0},
        {"a.{L}.b", "a..b", false, 0, 0},      {"a.{L}.b", "a.1.bc", false, 0, 0},
        {"a.{L}.{E}", "a.0.7", true, 0, 7},    {"a.{L}", "a.1234567", false, 0, 0},
        {"*tower.*", "my_tower.x", true, 0, 0}, {"*tower.*", "my_towe", false, 0, 0},
        {"a", "a", true, 0, 0},                {"a", "", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t layer = 0, expert = 0;
        bool fits = gg_hf_match(cases[i].pattern, cases[i].name, strlen(cases[i].name), &layer, &expert);
        ck_assert_msg(fits == cases[i].fits, "%s %s", cases[i].pattern, cases[i].name);
        if (fits) {
            ck_assert_uint_eq(layer, cases[i].layer);
            ck_assert_uint_eq(expert, cases[i].expert);
        }
    }
}
END_TEST

START_TEST(names_go_back)
{
    static const struct {
        const char *arch, *gguf, *hf;
        int how;
    } cases[] = {
        {"llama", "blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight", 1},
        {"llama", "blk.3.attn_k.weight", "model.layers.3.self_attn.k_proj.weight", 2},
        {"qwen2", "blk.10.attn_q.bias", "model.layers.10.self_attn.q_proj.bias", 0},
        {"gemma2", "blk.0.ffn_norm.weight", "model.layers.0.pre_feedforward_layernorm.weight", 3},
        {"llama", "token_embd.weight", "model.embed_tokens.weight", 0},
        {"llama", "rope_freqs.weight", NULL, 0},
        {"nosuch", "token_embd.weight", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[256];
        int how = -1;
        bool known = gg_hf_name_of(name, sizeof name, ggf_str(cases[i].arch), ggf_str(cases[i].gguf),
                                   &how);
        ck_assert_int_eq(known, cases[i].hf != NULL);
        if (known) {
            ck_assert_str_eq(name, cases[i].hf);
            ck_assert_int_eq(how, cases[i].how);
        }
    }
}
END_TEST

START_TEST(pre_tokenizers_are_written_alike)
{
    static const struct {
        const char *json, *want;
    } cases[] = {
        {"{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false}}", "ByteLevel words"},
        {"{\"pre_tokenizer\":null}", "nothing"},
        {"{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\","
         "\"individual_digits\":true},{\"type\":\"ByteLevel\",\"use_regex\":false}]}}",
         "Digits each ; ByteLevel"},
        {"{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[\\r\\n]\"},"
         "\"behavior\":\"Removed\",\"invert\":true}}", "Split [\\r\\n]"},
        {"{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},"
         "\"behavior\":\"MergedWithNext\"}}", "Split (MergedWithNext)  "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *o = NULL;
        struct gg_err err;
        ck_assert_int_eq(gg_hf_json_text(&o, cases[i].json, strlen(cases[i].json), "x", &err), GG_OK);
        char *got = gg_hf_pretok_text(o);
        ck_assert_str_eq(got, cases[i].want);
        free(got);
        json_decref(o);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("hf");
    TCase *t = tcase_create("parts");
    tcase_add_test(t, ids_are_read_as_upstream_does);
    tcase_add_test(t, patterns_take_numbers);
    tcase_add_test(t, names_go_back);
    tcase_add_test(t, pre_tokenizers_are_written_alike);
    suite_add_tcase(s, t);
    return s;
}
