/* Pre-tokenizers told by their definitions. */
#include "lib/hf/hf_impl.h"
#include "lib/hf/pretok_rules.h"
#include "tests/check_main.h"

#include <stdlib.h>

struct bench {
    struct hf h;
    struct gg_arena arena;
    struct gg_findings notes;
    struct gg_hf_opts opts;
    struct gg_err err;
};

static void begin(struct bench *b, const char *tokenizer, const char *config)
{
    memset(b, 0, sizeof *b);
    b->h = (struct hf){.arena = &b->arena, .notes = &b->notes, .opts = &b->opts, .tok_name = "tokenizer.json"};
    b->h.tokenizer = json_loads(tokenizer, 0, NULL);
    b->h.tokenizer_config = json_loads(config, 0, NULL);
    ck_assert_msg(b->h.tokenizer != NULL && b->h.tokenizer_config != NULL, "%s %s", tokenizer, config);
}

static void end(struct bench *b)
{
    json_decref(b->h.tokenizer);
    json_decref(b->h.tokenizer_config);
    gg_findings_free(&b->notes);
    gg_arena_free(&b->arena);
}

#define SPLIT(regex) "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}"
#define BYTE_WORDS "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true}"
#define DIGITS "{\"type\":\"Digits\",\"individual_digits\":true}"
#define STEPS(...) "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" __VA_ARGS__ "]}"
#define NONE "\"normalizer\":null,"
#define NFC "\"normalizer\":{\"type\":\"NFC\"},"
#define LLAMA3 "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+" \
    "[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define QWEN2 "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+" \
    "[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define STARTS(token) \
    ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"" token \
    "\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}]}"

START_TEST(test_definitions)
{
    static const struct {
        const char *name, *tokenizer, *config;
    } cases[] = {
        {"smaug-bpe", "{" STEPS(SPLIT(LLAMA3) "," BYTES) "}", "{}"},
        {"llama-bpe", "{" STEPS(SPLIT(LLAMA3) "," BYTES) STARTS("<|begin_of_text|>") "}", "{}"},
        {"llama-bpe", "{" STEPS(SPLIT(LLAMA3) "," BYTES) "}", "{\"add_bos_token\":true}"},
        {"glm4", "{" STEPS(SPLIT(LLAMA3) "," BYTES) STARTS("[gMASK]") "}", "{}"},
        {"qwen2", "{" NFC STEPS(SPLIT(QWEN2) "," BYTES) "}", "{\"add_bos_token\":false}"},
        {"laguna",
         "{" STEPS("{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?:\\\\r?\\\\n)+(?!\\\\r?\\\\n)\"},"
                   "\"behavior\":\"MergedWithNext\",\"invert\":false}," SPLIT(QWEN2) "," BYTES) "}", "{}"},
        {"minicpm5", "{" STEPS(SPLIT("\\\\p{N}{1,3}") "," SPLIT(
             "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+"
             "[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES) "}", "{}"},
        {"falcon",
         "{" STEPS("{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," BYTE_WORDS
                   ",{\"type\":\"Digits\",\"individual_digits\":false}," SPLIT("[0-9][0-9][0-9]")) "}", "{}"},
        {"gpt-2", "{" NONE "\"pre_tokenizer\":" BYTE_WORDS "}", "{}"},
        {"olmo", "{" NFC "\"pre_tokenizer\":" BYTE_WORDS "}", "{}"},
        {"roberta-bpe", "{" NONE "\"pre_tokenizer\":" BYTE_WORDS
                        ",\"post_processor\":{\"type\":\"RobertaProcessing\"}}", "{}"},
        {"command-r", "{" NFC STEPS(DIGITS "," BYTE_WORDS) "}", "{}"},
        {"smollm", "{" NONE STEPS(DIGITS "," BYTE_WORDS) "}", "{\"clean_up_tokenization_spaces\":false}"},
        {"starcoder", "{" NONE STEPS(DIGITS "," BYTE_WORDS) "}", "{\"clean_up_tokenization_spaces\":true}"},
        {"whitespace", "{\"pre_tokenizer\":{\"type\":\"Whitespace\"}}", "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        const char *name = NULL;
        begin(&b, cases[i].tokenizer, cases[i].config);
        ck_assert_msg(gg_hf_pretok(&b.h, &name, &b.err) == GG_OK, "%s: %s", cases[i].name, b.err.msg);
        ck_assert_str_eq(name, cases[i].name);
        end(&b);
    }
}
END_TEST

/* All that llama.cpp of 2026-08-21 takes. */
static const char *const upstream[] = {
    "a.x-4.0", "afmoe", "bailingmoe", "bailingmoe2", "bloom", "chameleon", "chatglm-bpe",
    "codeshell", "cohere2moe", "command-r", "dbrx", "deepseek-coder", "deepseek-llm",
    "deepseek-r1-qwen", "deepseek-v3", "default", "exaone", "exaone-moe", "exaone4", "f2llmv2",
    "falcon", "falcon-h1", "falcon3", "gemma4", "gigachat", "glm4", "gpt-2", "gpt-4o",
    "gpt3-finnish", "granite-docling", "granite-embed-multi-311m", "granite-embed-multi-97m",
    "grok-2", "hunyuan", "hunyuan-dense", "jais", "jais-2", "jina-de", "jina-es", "jina-v1-en",
    "jina-v2-code", "jina-v2-de", "jina-v2-es", "jina-v5-nano", "joyai-llm", "kanana2", "kimi-k2",
    "kormo", "laguna", "lfm2", "llada-moe", "llama-bpe", "llama-v3", "llama3", "llama4", "megrez",
    "mellum", "mellum2", "midm-2.0", "minerva-7b", "minicpm5", "minimax-m2", "modern-bert", "mpt",
    "olmo", "phi-2", "pixtral", "poro-chat", "qwen2", "qwen35", "refact", "roberta-bpe",
    "sarvam-moe", "seed-coder", "smaug-bpe", "smollm", "solar-open", "stablelm2", "starcoder",
    "superbpe", "talkie", "tekken", "tiny_aya", "trillion", "viking", "whitespace", "youtu",
};

/* An expression given as plain text matches that text alone. */
START_TEST(test_text_pattern)
{
    struct bench b;
    const char *name = NULL;
    begin(&b, "{" STEPS("{\"type\":\"Split\",\"pattern\":{\"String\":\"" LLAMA3
                        "\"},\"behavior\":\"Isolated\",\"invert\":false}," BYTES) "}", "{}");
    ck_assert_int_eq(gg_hf_pretok(&b.h, &name, &b.err), GG_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(b.err.msg, "its definition: Split text (?i:"));
    end(&b);
}
END_TEST

static size_t warnings_for(const char *name)
{
    struct bench b;
    begin(&b, "{}", "{}");
    b.opts.pre = name;
    gg_hf_pretok_check_name(&b.h);
    size_t n = b.notes.n;
    end(&b);
    return n;
}

START_TEST(test_names)
{
    for (size_t i = 0; i < sizeof upstream / sizeof upstream[0]; i++)
        ck_assert_msg(warnings_for(upstream[i]) == 0, "%s", upstream[i]);
    ck_assert_uint_eq(warnings_for("qwen22"), 1);
    ck_assert_uint_eq(warnings_for(""), 1);
}
END_TEST

/* No row hides one behind it: same definition, and nothing that tells them apart. */
START_TEST(test_rows)
{
    for (size_t i = 0; i < gg_hf_n_pre_rules; i++) {
        const struct hf_pre_rule *a = &gg_hf_pre_rules[i];
        for (size_t k = i + 1; k < gg_hf_n_pre_rules; k++) {
            const struct hf_pre_rule *c = &gg_hf_pre_rules[k];
            if (strcmp(a->text, c->text) == 0)
                ck_assert_msg(a->starts != HF_ANY || a->removes != HF_ANY || a->pairs != HF_ANY ||
                                  a->cleans != HF_ANY || a->normalizer != NULL,
                              "%s hides %s", a->name, c->name);
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("hf-pretok");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_definitions);
    tcase_add_test(t, test_text_pattern);
    tcase_add_test(t, test_names);
    tcase_add_test(t, test_rows);
    suite_add_tcase(s, t);
    return s;
}
