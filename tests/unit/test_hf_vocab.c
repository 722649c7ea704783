/* Kinds of vocabularies: pieces with scores, ranks (tiktoken, tekken), words. */
#include "lib/base/base64.h"
#include "lib/hf/hf_impl.h"
#include "tests/check_main.h"

#include <stdlib.h>

struct bench {
    struct hf h;
    struct gg_arena arena;
    struct gg_findings notes;
    struct gg_hf_opts opts;
    struct gg_err err;
};

static void begin(struct bench *b, const char *config)
{
    memset(b, 0, sizeof *b);
    b->h = (struct hf){.arena = &b->arena, .notes = &b->notes, .opts = &b->opts,
                       .arch = gg_hf_arch_by_gguf("llama", 5)};
    b->h.config = json_loads(config, JSON_DECODE_INT_AS_REAL, NULL);
    b->h.raw_config = json_incref(b->h.config);
    ck_assert_ptr_nonnull(b->h.config);
}

static void end(struct bench *b)
{
    json_decref(b->h.config);
    json_decref(b->h.raw_config);
    json_decref(b->h.tokenizer);
    free(b->h.tok_text);
    free(b->h.vocab.v);
    gg_buf_free(&b->h.vocab.made);
    gg_findings_free(&b->notes);
    gg_arena_free(&b->arena);
}

static int tokenizer(struct bench *b, const char *text)
{
    bool done = false;
    int rc = gg_hf_tokenizer_parse(&b->h, strdup(text), strlen(text), &b->err);
    return rc == GG_OK ? gg_hf_bpe_read(&b->h, &done, &b->err) : rc;
}

static int tiktoken(struct bench *b, const char *name, const char *text)
{
    bool done = false;
    return gg_hf_tiktoken_parse(&b->h, name, text, strlen(text), &done, &b->err);
}

static int tekken(struct bench *b, const char *text)
{
    return gg_hf_tekken_take(&b->h, strdup(text), strlen(text), &b->err);
}

static void has(const struct bench *b, uint64_t id, const char *text, int type, float score)
{
    const struct hf_token *t = &b->h.vocab.v[id];
    ck_assert_uint_lt(id, b->h.vocab.n);
    ck_assert_str_eq(t->p, text);
    ck_assert_int_eq(t->type, type);
    ck_assert_float_eq(t->score, score);
}

START_TEST(test_base64)
{
    static const struct {
        const char *text, *bytes;
        int n; /* -1: refused */
    } cases[] = {{"", "", 0},       {"QQ==", "A", 1}, {"QUI=", "AB", 2},  {"QUJD", "ABC", 3}, {"AA==", "\0", 1},
                 {"+/+/", "\xfb\xff\xbf", 3}, {"Q", "", -1}, {"QUI", "", -1}, {"Q===", "", -1}, {"QQ=A", "", -1},
                 {"QQ==QQ==", "", -1}, {"QU I", "", -1}, {"QUI\n", "", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gg_buf b = GG_BUF_INIT;
        bool ok = gg_base64_decode(&b, cases[i].text, strlen(cases[i].text));
        ck_assert_msg(ok == (cases[i].n >= 0), "%s", cases[i].text);
        if (ok) {
            ck_assert_uint_eq(b.nbytes, (size_t)cases[i].n);
            ck_assert_mem_eq(gg_buf_str(&b), cases[i].bytes, (size_t)cases[i].n);
        }
        gg_buf_free(&b);
    }
}
END_TEST

#define PIECES(vocab) \
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"special\":true}," \
    "{\"id\":3,\"content\":\"<new>\"}],\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" \
    "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"QUJD\"}]},\"pre_tokenizer\":{\"type\":" \
    "\"Metaspace\",\"prepend_scheme\":\"never\"},\"model\":{\"type\":\"Unigram\",\"unk_id\":1,\"vocab\":" vocab \
    "}}"

START_TEST(test_pieces)
{
    struct bench b;
    begin(&b, "{\"vocab_size\":5}");
    ck_assert_msg(tokenizer(&b, PIECES("[[\"<s>\",0],[\"?\" , -1e1 ],[\"\\u2581a\",-2.5]]")) == GG_OK, "%s",
                  b.err.msg);
    ck_assert_str_eq(b.h.vocab.model, "t5");
    has(&b, 0, "<s>", HF_CONTROL, 0);
    has(&b, 1, "?", HF_UNKNOWN, -10);
    has(&b, 2, "\xe2\x96\x81" "a", HF_NORMAL, -2.5f);
    has(&b, 3, "<new>", HF_USER_DEFINED, 0);
    has(&b, 4, "[PAD4]", HF_UNUSED, -10000);
    ck_assert(!b.h.vocab.adds_space && !b.h.vocab.removes_spaces);
    ck_assert_uint_eq(b.h.vocab.charsmap_nbytes, 3);
    end(&b);
    begin(&b, "{}");
    ck_assert_int_eq(tokenizer(&b, "{\"model\":{\"byte_fallback\":true,\"vocab\":[[\"<0x0A>\",-1],[\"<0x>\",-2]]}}"), GG_OK);
    has(&b, 0, "<0x0A>", HF_BYTE, -1);
    has(&b, 1, "<0x>", HF_NORMAL, -2);
    end(&b);
}
END_TEST

START_TEST(test_bad_pieces)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {PIECES("[[\"a\"]]"), "a piece's score expected"},
        {PIECES("[[\"a\",\"b\"]]"), "a piece's score is no number"},
        {PIECES("[[\"a\",1e999]]"), "a piece's score is no number"},
        {PIECES("[[\"a\",1,2]]"), "']' expected"},
        {PIECES("[1]"), "a piece and its score expected"},
        {PIECES("[[\"a\",1]"), "not JSON"},
        {PIECES("[[\"a\",1],]"), "a value expected"},
        {PIECES("{\"a\":0}"), "not a list of pieces"},
        {PIECES("[[\"a\",1],[\"b\",1],[\"c\",1],[\"d\",1],[\"e\",1],[\"f\",1]]"), "a vocabulary of 5"},
        {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":9,\"vocab\":[[\"a\",0]]}}", "unk_id is no token"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":[[\"a\",0]]}}", "a list, not an object"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}}", "a WordLevel model"},
        {"{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"?\"},\"model\":{\"type\":"
         "\"Unigram\",\"vocab\":[[\"a\",0]]}}", "not base64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        begin(&b, "{\"vocab_size\":5}");
        ck_assert_msg(tokenizer(&b, cases[i].text) != GG_OK, "taken: %s", cases[i].text);
        ck_assert_msg(strstr(b.err.msg, cases[i].says) != NULL, "%s: %s", cases[i].text, b.err.msg);
        end(&b);
    }
}
END_TEST

/* Bytes a b c, " ", then ab, bc, abc: by rank, abc is a b first. */
#define RANKS "YQ== 0\nYg== 1\r\nYw== 2\nIA== 3\nYWI= 4\nYmM= 5\nYWJj 6\nIGE= 7\n"

START_TEST(test_tiktoken)
{
    struct bench b;
    begin(&b, "{\"vocab_size\":12}");
    ck_assert_msg(tiktoken(&b, "qwen.tiktoken", RANKS) == GG_OK, "%s", b.err.msg);
    ck_assert_str_eq(b.h.vocab.model, "gpt2");
    ck_assert_str_eq(b.h.vocab.pre, "qwen2");
    has(&b, 3, "\xc4\xa0", HF_NORMAL, 0);
    has(&b, 6, "abc", HF_NORMAL, 0);
    has(&b, 7, "\xc4\xa0" "a", HF_NORMAL, 0);
    has(&b, 8, "<|endoftext|>", HF_CONTROL, 0);
    has(&b, 11, "<|extra_0|>", HF_CONTROL, 0);
    ck_assert_uint_eq(b.h.vocab.n_made, 4);
    static const char made[] = "\3\0\0\0\0\0\0\0a b\3\0\0\0\0\0\0\0b c\4\0\0\0\0\0\0\0ab c\4\0\0\0\0\0\0\0\xc4\xa0 a";
    ck_assert_uint_eq(b.h.vocab.made.nbytes, sizeof made - 1);
    ck_assert_mem_eq(b.h.vocab.made.data, made, sizeof made - 1);
    end(&b);
}
END_TEST

START_TEST(test_bad_tiktoken)
{
    static const struct {
        const char *name, *text, *says;
    } cases[] = {
        {"qwen.tiktoken", "", "no tokens"},
        {"qwen.tiktoken", "YQ== 0\nYg==\n", "line 2: not a token"},
        {"qwen.tiktoken", "YQ== 0\nYg== x\n", "line 2: not a token"},
        {"qwen.tiktoken", "YQ== 0\nYg== -1\n", "line 2: not a token"},
        {"qwen.tiktoken", "YQ== 0\nYg== 0\n", "rank 0: two tokens have it"},
        {"qwen.tiktoken", "YQ== 0\nYQ== 1\n", "rank 1: its token has another rank"},
        {"qwen.tiktoken", "YQ== 99999999999\n", "more than a vocabulary holds"},
        {"qwen.tiktoken", "YQ== 12\n", "a vocabulary of 12"},
        {"other.tiktoken", "YQ== 0\n", "--pre NAME says how"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        begin(&b, "{\"vocab_size\":12}");
        ck_assert_msg(tiktoken(&b, cases[i].name, cases[i].text) != GG_OK, "taken: %s", cases[i].text);
        ck_assert_msg(strstr(b.err.msg, cases[i].says) != NULL, "%s: %s", cases[i].text, b.err.msg);
        end(&b);
    }
}
END_TEST

#define TEKKEN(sizes, vocab) \
    "{\"config\":{\"pattern\":\"[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*" \
    "[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]+" \
    "[\\\\p{Ll}\\\\p{Lm}\\\\p{Lo}\\\\p{M}]*|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|\\\\s*[\\\\r\\\\n]+|" \
    "\\\\s+(?!\\\\S)|\\\\s+\"," sizes "},\"vocab\":" vocab ",\"special_tokens\":[{\"rank\":1,\"token_str\":\"</s>\"}]}"
#define SIZES "\"version\":\"v7\",\"default_vocab_size\":7,\"default_num_special_tokens\":2"
#define BYTES3 "{\"rank\":0,\"token_bytes\":\"YQ==\"},{\"rank\":1,\"token_bytes\":\"Yg==\"},{\"rank\":2,\"token_bytes\":\"Yw==\"}"

START_TEST(test_tekken)
{
    struct bench b;
    begin(&b, "{}");
    ck_assert_msg(tekken(&b, TEKKEN(SIZES, "[" BYTES3 ",{\"rank\":3,\"token_bytes\":\"YWI=\"},{\"rank\":4,"
                                           "\"token_bytes\":\"YWJj\",\"token_str\":\"abc\"},"
                                           "{\"rank\":5,\"token_bytes\":\"YmM=\"}]")) == GG_OK,
                  "%s", b.err.msg);
    ck_assert_str_eq(b.h.vocab.pre, "tekken");
    ck_assert_str_eq(b.h.vocab.chat, "mistral-v7-tekken");
    ck_assert_uint_eq(b.h.vocab.n, 7); /* rank 5 is behind the size */
    has(&b, 0, "<SPECIAL_0>", HF_CONTROL, 0);
    has(&b, 1, "</s>", HF_CONTROL, 0);
    has(&b, 2, "a", HF_NORMAL, 0);
    has(&b, 6, "abc", HF_NORMAL, 0);
    ck_assert_int_eq((int)b.h.vocab.ids[HF_ID_EOS], 1);
    ck_assert_int_eq((int)b.h.vocab.ids[HF_ID_PAD], 1);
    ck_assert_int_eq((int)b.h.vocab.ids[HF_ID_BOS], -1);
    ck_assert_uint_eq(b.h.vocab.n_made, 2);
    end(&b);
}
END_TEST

START_TEST(test_bad_tekken)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{}", "no default_vocab_size"},
        {"{", "not JSON"},
        {TEKKEN("\"default_vocab_size\":1,\"default_num_special_tokens\":2", "[]"), "no default_vocab_size"},
        {TEKKEN(SIZES, "{}"), "no list of tokens"},
        {TEKKEN(SIZES, "[]"), "no tokens"},
        {TEKKEN(SIZES, "[1]"), "an object expected"},
        {TEKKEN(SIZES, "[{\"rank\":0}]"), "a token without a rank"},
        {TEKKEN(SIZES, "[{\"rank\":0,\"token_bytes\":\"?\"}]"), "a token without a rank"},
        {TEKKEN(SIZES, "[{\"rank\":0,\"token_bytes\":\"\"}]"), "a token of no bytes"},
        {TEKKEN("\"default_vocab_size\":7,\"default_num_special_tokens\":1", "[" BYTES3 "]"), "behind default_num"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b;
        begin(&b, "{}");
        ck_assert_msg(tekken(&b, cases[i].text) != GG_OK, "taken: %s", cases[i].text);
        ck_assert_msg(strstr(b.err.msg, cases[i].says) != NULL, "%s: %s", cases[i].text, b.err.msg);
        ck_assert_msg(strncmp(b.err.msg, "tekken.json: ", 13) == 0, "%s", b.err.msg);
        end(&b);
    }
}
END_TEST

START_TEST(test_words)
{
    struct bench b;
    begin(&b, "{\"vocab_size\":5}");
    ck_assert_msg(tokenizer(&b, "{\"added_tokens\":[{\"id\":0,\"content\":\"[UNK]\",\"special\":true}],"
                                "\"model\":{\"max_input_chars_per_word\":100,\"vocab\":"
                                "{\"[UNK]\":0,\"a\":1,\"##b\":2,\"##\":3}}}") == GG_OK, "%s", b.err.msg);
    ck_assert_str_eq(b.h.vocab.model, "bert");
    has(&b, 0, "[UNK]", HF_CONTROL, -1000);
    has(&b, 1, "\xe2\x96\x81" "a", HF_NORMAL, 0);
    has(&b, 2, "b", HF_NORMAL, 0);
    has(&b, 3, "", HF_NORMAL, 0);
    has(&b, 4, "\xe2\x96\x81[PAD4]", HF_UNUSED, -10000);
    end(&b);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("hf-vocab");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_base64);
    tcase_add_test(t, test_pieces);
    tcase_add_test(t, test_bad_pieces);
    tcase_add_test(t, test_tiktoken);
    tcase_add_test(t, test_bad_tiktoken);
    tcase_add_test(t, test_tekken);
    tcase_add_test(t, test_bad_tekken);
    tcase_add_test(t, test_words);
    suite_add_tcase(s, t);
    return s;
}
