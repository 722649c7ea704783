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
         "\"behavior\":\"MergedWithNext\"}}", "Split (MergedWithNext) text  "},
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

/* ---- names of pre-tokenizers ----------------------------------------------------------------- */

#define BYTES      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}"
#define WORD_BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"
#define SPLIT(regex, how) \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"}," how "},"
#define ISOLATED "\"behavior\":\"Isolated\",\"invert\":false"
#define REMOVED  "\"behavior\":\"Removed\",\"invert\":true"
#define SEQ(steps) "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" steps "]}"
#define NORM(n)    ",\"normalizer\":{\"type\":\"" n "\"}"
#define DIGITS     "{\"type\":\"Digits\",\"individual_digits\":true},"
/* As Llama 3 and Qwen2 have it, but for how many digits stay together. */
#define CUT(digits) \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|" digits \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define THREE CUT("\\\\p{N}{1,3}")
#define START \
    ",\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":\"TemplateProcessing\"," \
    "\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}]}]}"
#define UP  "[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]"
#define LOW "[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]"
#define TEKKEN \
    "[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?" UP "*" LOW "+|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?" UP "+" LOW \
    "*|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

/* The name found for a definition, or what is wrong with it; notes get all that is said. */
static int name_of(const char *json, const char *asked, const char **name, struct gg_err *err,
                   struct gg_findings *notes)
{
    struct gg_hf_opts opts = {.pre = asked};
    struct hf h = {.opts = &opts, .notes = notes};
    char text[2048];
    snprintf(text, sizeof text, "{%s}", json);
    ck_assert_msg(gg_hf_json_text(&h.tokenizer, text, strlen(text), "x", err) == GG_OK, "%s: %s", text,
                  err->msg);
    int rc = gg_hf_pretok(&h, name, err);
    if (asked != NULL)
        gg_hf_pretok_check_name(&h);
    json_decref(h.tokenizer);
    return rc;
}

START_TEST(definitions_have_names)
{
    static const struct {
        const char *json, *name;
    } cases[] = {
        {SEQ(SPLIT(THREE, ISOLATED) BYTES) START, "llama-bpe"},
        {SEQ(SPLIT(THREE, REMOVED) BYTES) START, "llama-bpe"},
        {SEQ(SPLIT(THREE, REMOVED) BYTES), "dbrx"},
        {SEQ(SPLIT(THREE, ISOLATED) BYTES), "smaug-bpe"},
        {SEQ(SPLIT(CUT("\\\\p{N}"), ISOLATED) BYTES) NORM("NFC"), "qwen2"},
        {SEQ(SPLIT(CUT("\\\\p{N}"), ISOLATED) BYTES) START, "deepseek-r1-qwen"},
        {SEQ(SPLIT(TEKKEN, ISOLATED) BYTES), "tekken"},
        {"\"pre_tokenizer\":" WORD_BYTES, "gpt-2"},
        {"\"pre_tokenizer\":" WORD_BYTES NORM("NFC"), "olmo"},
        {SEQ(DIGITS WORD_BYTES), "smollm"},
        {SEQ(DIGITS WORD_BYTES) NORM("NFC"), "command-r"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gg_err err = {0};
        struct gg_findings notes = GG_FINDINGS_INIT;
        const char *name = NULL;
        int rc = name_of(cases[i].json, NULL, &name, &err, &notes);
        ck_assert_msg(rc == GG_OK, "%s: %s", cases[i].name, err.msg);
        ck_assert_str_eq(name, cases[i].name);
        ck_assert_uint_eq(notes.n, 1); /* which rule it was */
        gg_findings_free(&notes);
    }
}
END_TEST

START_TEST(other_definitions_are_refused)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        {SEQ(SPLIT(CUT("\\\\p{N}{1,2}"), ISOLATED) BYTES), "nearest are 'smaug-bpe'"},
        {SEQ(SPLIT(CUT("\\\\p{N}{1,2}"), ISOLATED) BYTES) START, "nearest are 'llama-bpe'"},
        {SEQ(SPLIT(THREE, ISOLATED) BYTES) START NORM("NFKC"), "'llama-bpe'), but the normalizer"},
        {"\"pre_tokenizer\":null", "not known"},
        {SEQ(SPLIT(THREE, "\"behavior\":\"Removed\",\"invert\":false") BYTES), "not known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gg_err err = {0};
        struct gg_findings notes = GG_FINDINGS_INIT;
        const char *name = NULL;
        ck_assert_int_eq(name_of(cases[i].json, NULL, &name, &err, &notes), GG_ERR_UNSUPPORTED);
        ck_assert_msg(strstr(err.msg, cases[i].says) != NULL, "%s", err.msg);
        ck_assert_msg(strstr(err.msg, "--pre ") != NULL, "%s", err.msg);
        ck_assert_int_eq(name_of(cases[i].json, "gpt-2", &name, &err, &notes), GG_OK);
        ck_assert_str_eq(name, "gpt-2");
        ck_assert_uint_eq(notes.n, 0);
        gg_findings_free(&notes);
    }
}
END_TEST

/* What is asked for stands, and what is odd about it is said. */
START_TEST(asked_names_are_looked_at)
{
    struct gg_err err = {0};
    struct gg_findings notes = GG_FINDINGS_INIT;
    const char *name = NULL;
    ck_assert_int_eq(name_of(SEQ(DIGITS WORD_BYTES), "qwen2", &name, &err, &notes), GG_OK);
    ck_assert_str_eq(name, "qwen2");
    ck_assert_uint_eq(notes.n, 1);
    ck_assert_ptr_nonnull(strstr(notes.v[0].text, "smollm"));
    ck_assert_int_eq(name_of(SEQ(DIGITS WORD_BYTES), "smolm", &name, &err, &notes), GG_OK);
    ck_assert_uint_eq(notes.n, 3);
    ck_assert_int_eq(notes.v[2].severity, GG_WARN);
    ck_assert_ptr_nonnull(strstr(notes.v[2].text, "'smollm'"));
    gg_findings_free(&notes);
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
    tcase_add_test(t, definitions_have_names);
    tcase_add_test(t, other_definitions_are_refused);
    tcase_add_test(t, asked_names_are_looked_at);
    suite_add_tcase(s, t);
    return s;
}
