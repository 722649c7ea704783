/* mkvocab MODEL.gguf FOLDER: the vocabulary of a GGUF as the files it was made of, for tests of convert.
 *
 * A "gpt2" vocabulary becomes tokenizer.json, with the pre-tokenizer that the model tokenizer.ggml.pre
 * names was published with; a "llama" one becomes tokenizer.model, with tokens that are no pieces in
 * tokenizer_config.json. Prints the number of tokens.
 */
#include "gguf/gguf.h"
#include "lib/base/buf.h"
#include "lib/base/num.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_LEVEL(words) \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":" words "}"
#define SPLIT(regex) \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define DIGITS "{\"type\":\"Digits\",\"individual_digits\":true}"
#define STEPS(...) "{\"type\":\"Sequence\",\"pretokenizers\":[" __VA_ARGS__ "]}"

static const struct {
    const char *pre, *normalizer, *definition;
} published[] = {
    {"gpt-2", "null", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true}"},
    {"deepseek-coder", "{\"type\":\"Sequence\",\"normalizers\":[]}",
     STEPS(SPLIT("[\\r\\n]") "," SPLIT("\\\\s?\\\\p{L}+") "," SPLIT("\\\\s?\\\\p{P}+") "," SPLIT(
         "[\xe4\xb8\x80-\xe9\xbe\xa5\xe0\xa0\x80-\xe4\xb8\x80\xea\xb0\x80-\xed\x9f\xbf]+") "," DIGITS
           "," BYTE_LEVEL("false"))},
    {"smollm", "null", STEPS(DIGITS "," BYTE_LEVEL("true"))},
    {"command-r", "{\"type\":\"NFC\"}", STEPS(DIGITS "," BYTE_LEVEL("true"))},
    {"olmo", "{\"type\":\"NFC\"}", BYTE_LEVEL("true")},
};

static _Noreturn void die(const char *what, const char *arg)
{
    fprintf(stderr, "mkvocab: %s: %s\n", what, arg);
    exit(2);
}

static const struct ggf_value *need(const struct ggf_meta *m, const char *key)
{
    const struct ggf_kv *kv = ggf_meta_find(m, key);
    if (kv == NULL)
        die("no such key", key);
    return &kv->value;
}

static char *text_of(const struct ggf_meta *m, const char *key)
{
    struct ggf_str s;
    if (!ggf_as_str(need(m, key), &s))
        die("no text", key);
    return strndup(s.p, s.nbytes);
}

static void save(const char *folder, const char *name, const void *p, size_t n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0)
        die("cannot write", path);
}

static void save_json(const char *folder, const char *name, json_t *o)
{
    char *s = json_dumps(o, JSON_COMPACT);
    if (s == NULL)
        die("cannot be written as JSON", name);
    save(folder, name, s, strlen(s));
    free(s);
    json_decref(o);
}

struct token {
    struct ggf_str s;
    int64_t type;
    double score;
};

static struct token *tokens;
static size_t n_tokens;

static void read_tokens(const struct ggf_meta *m)
{
    const struct ggf_value *v = need(m, "tokenizer.ggml.tokens");
    const struct ggf_kv *scores = ggf_meta_find(m, "tokenizer.ggml.scores");
    struct ggf_value e;
    n_tokens = v->count;
    tokens = calloc(n_tokens + 1, sizeof *tokens);
    size_t i = 0;
    for (struct ggf_iter it = ggf_iter_begin(v); ggf_iter_next(&it, &e); i++)
        ggf_as_str(&e, &tokens[i].s);
    i = 0;
    v = need(m, "tokenizer.ggml.token_type");
    for (struct ggf_iter it = ggf_iter_begin(v); i < n_tokens && ggf_iter_next(&it, &e); i++)
        ggf_as_i64(&e, &tokens[i].type);
    i = 0;
    if (scores != NULL)
        for (struct ggf_iter it = ggf_iter_begin(&scores->value); i < n_tokens && ggf_iter_next(&it, &e); i++)
            ggf_as_f64(&e, &tokens[i].score);
}

static json_t *described(const struct token *t, size_t id)
{
    return json_pack("{s:I,s:s%,s:b,s:b}", "id", (json_int_t)id, "content", t->s.p, (size_t)t->s.nbytes,
                     "special", t->type == 3, "normalized", 0);
}

static void save_bpe(const struct ggf_meta *m, const char *folder)
{
    char *pre = text_of(m, "tokenizer.ggml.pre");
    json_t *vocab = json_object(), *merges = json_array(), *added = json_array();
    struct ggf_value e;
    size_t p = 0;
    for (size_t i = 0; i < n_tokens; i++) {
        if (tokens[i].type == 1)
            json_object_setn_new(vocab, tokens[i].s.p, tokens[i].s.nbytes, json_integer((json_int_t)i));
        else if (tokens[i].type != 5)
            json_array_append_new(added, described(&tokens[i], i));
    }
    for (struct ggf_iter it = ggf_iter_begin(need(m, "tokenizer.ggml.merges")); ggf_iter_next(&it, &e);) {
        struct ggf_str s;
        ggf_as_str(&e, &s);
        json_array_append_new(merges, json_stringn(s.p, s.nbytes));
    }
    while (p < GG_COUNTOF(published) && strcmp(published[p].pre, pre) != 0)
        p++;
    if (p == GG_COUNTOF(published))
        die("no definition of this pre-tokenizer is at hand", pre);
    save_json(folder, "tokenizer.json",
              json_pack("{s:s,s:o,s:o,s:o,s:{s:s,s:o,s:o}}", "version", "1.0", "added_tokens", added,
                        "normalizer", json_loads(published[p].normalizer, JSON_DECODE_ANY, NULL),
                        "pre_tokenizer", json_loads(published[p].definition, 0, NULL), "model", "type",
                        "BPE", "vocab", vocab, "merges", merges));
    free(pre);
}

static void add_varint(struct gg_buf *b, uint64_t v)
{
    for (; v > 127; v >>= 7)
        gg_buf_addc(b, (char)(v | 128));
    gg_buf_addc(b, (char)v);
}

static void add_piece(struct gg_buf *all, const struct token *t)
{
    struct gg_buf b = GG_BUF_INIT;
    uint8_t score[4];
    gg_buf_addc(&b, 1 << 3 | 2);
    add_varint(&b, t->s.nbytes);
    gg_buf_add(&b, t->s.p, t->s.nbytes);
    gg_store_u32(score, gg_bits_from_f32((float)t->score));
    gg_buf_addc(&b, 2 << 3 | 5);
    gg_buf_add(&b, score, 4);
    if (t->type != 1) {
        gg_buf_addc(&b, 3 << 3);
        add_varint(&b, (uint64_t)t->type);
    }
    gg_buf_addc(all, 1 << 3 | 2);
    add_varint(all, b.nbytes);
    gg_buf_add(all, b.data, b.nbytes);
    gg_buf_free(&b);
}

/* The score such tokens get; as a piece's it has another type. */
static bool is_described(const struct token *t)
{
    return t->score == -1000 && (t->type == 3 || t->type == 4);
}

static void save_pieces(const char *folder)
{
    struct gg_buf all = GG_BUF_INIT;
    json_t *added = json_object();
    size_t n_pieces = 0;
    for (size_t i = 0; i < n_tokens; i++) {
        char id[32];
        snprintf(id, sizeof id, "%zu", i);
        if (is_described(&tokens[i]))
            json_object_set_new(added, id, described(&tokens[i], i));
        else if (tokens[i].type != 5)
            n_pieces = i + 1;
    }
    for (size_t i = 0; i < n_pieces; i++)
        add_piece(&all, &tokens[i]);
    gg_buf_add(&all, "\x12\x02\x18\x02", 4); /* TrainerSpec: model_type BPE */
    save(folder, "tokenizer.model", all.data, all.nbytes);
    save_json(folder, "tokenizer_config.json", json_pack("{s:o}", "added_tokens_decoder", added));
    gg_buf_free(&all);
}

int main(int argc, char **argv)
{
    struct ggf_file *f = NULL;
    struct gg_err err = {0};
    if (argc != 3)
        die("usage", "mkvocab MODEL.gguf FOLDER");
    if (ggf_file_open(&f, argv[1], GGF_HEADER_ONLY, &err) != GG_OK)
        die(argv[1], err.msg);
    const struct ggf_meta *m = ggf_file_meta(f);
    char *model = text_of(m, "tokenizer.ggml.model");
    read_tokens(m);
    if (strcmp(model, "gpt2") == 0)
        save_bpe(m, argv[2]);
    else if (strcmp(model, "llama") == 0)
        save_pieces(argv[2]);
    else
        die("this kind of vocabulary is not made", model);
    printf("%zu\n", n_tokens);
    free(model);
    free(tokens);
    ggf_file_free(f);
    return 0;
}
