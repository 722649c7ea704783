/* The vocabulary: which tokenizer, its tokens, their number against the rows of the embedding. */
#include "lib/hf/hf_impl.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_TOKENS = 1 << 24 };

int gg_hf_vocab_alloc(struct hf *h, uint64_t n, struct gg_err *err)
{
    if (n > MAX_TOKENS)
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "a vocabulary of %llu tokens",
                       (unsigned long long)n);
    struct hf_token *v = realloc(h->vocab.v, (size_t)(n + 1) * sizeof *v);
    if (v == NULL)
        return gg_fail_nomem(err, "the vocabulary");
    h->vocab.v = v;
    for (; h->vocab.n < n; h->vocab.n++) {
        char pad[32];
        snprintf(pad, sizeof pad, "[PAD%zu]", h->vocab.n);
        char *copy = gg_arena_strndup(h->arena, pad, strlen(pad));
        if (copy == NULL)
            return gg_fail_nomem(err, "the vocabulary");
        v[h->vocab.n] = (struct hf_token){copy, strlen(pad), -10000.0f, HF_UNUSED};
    }
    return GG_OK;
}

int gg_hf_vocab_set(struct hf *h, uint64_t id, const char *p, size_t n, float score, int32_t type,
                    struct gg_err *err)
{
    char *copy = gg_arena_strndup(h->arena, p, n);
    if (copy == NULL)
        return gg_fail_nomem(err, "the vocabulary");
    h->vocab.v[id] = (struct hf_token){copy, n, score, type};
    return GG_OK;
}

static bool has_ends(const char *p, size_t n, const char *head, const char *tail)
{
    size_t a = strlen(head), b = strlen(tail);
    return n >= a && n >= b && memcmp(p, head, a) == 0 && memcmp(p + n - b, tail, b) == 0;
}

/* Tokens that ought to be control tokens and are not marked so in well-known models. */
bool gg_hf_looks_special(const char *p, size_t n)
{
    static const char *const exact[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
    for (size_t i = 0; i < GG_COUNTOF(exact); i++) {
        if (strlen(exact[i]) == n && memcmp(p, exact[i], n) == 0)
            return true;
    }
    return has_ends(p, n, "<|", "|>") || has_ends(p, n, "<\xef\xbd\x9c", "\xef\xbd\x9c>") ||
           has_ends(p, n, "<unused", ">");
}

char *gg_hf_plain_spaces(struct gg_arena *a, const char *p, size_t n, size_t *out_n)
{
    char *dst = gg_arena_alloc(a, n + 1);
    size_t k = 0;
    if (dst == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        bool mark = n - i >= 3 && memcmp(p + i, "\xe2\x96\x81", 3) == 0;
        dst[k++] = mark ? ' ' : p[i];
        i += mark ? 2 : 0;
    }
    dst[k] = '\0';
    *out_n = k;
    return dst;
}

void gg_hf_no_ids(struct hf_vocab *v)
{
    v->has_ids = true;
    for (size_t i = 0; i < HF_N_IDS; i++)
        v->ids[i] = -1;
}

bool gg_hf_keep_charsmap(struct hf *h, const void *p, size_t n)
{
    char *copy = n > 0 ? gg_arena_strndup(h->arena, p, n) : NULL;
    h->vocab.charsmap = (const uint8_t *)copy;
    h->vocab.charsmap_nbytes = copy != NULL ? n : 0;
    return n == 0 || copy != NULL;
}

/* llama.cpp ends when two tokens have one text. */
static int note_twins(struct hf *h, struct gg_err *err)
{
    struct gg_map ids = GG_MAP_INIT;
    uint64_t n_twins = 0, first = 0, old = 0, twin = 0;
    int rc = gg_map_reserve(&ids, h->vocab.n) ? GG_OK : gg_fail_nomem(err, "the vocabulary");
    for (size_t i = 0; rc == GG_OK && i < h->vocab.n; i++) {
        const struct hf_token *t = &h->vocab.v[i];
        int added = t->nbytes > 0 ? gg_map_add(&ids, t->p, t->nbytes, i, &old) : 1;
        if (added < 0)
            rc = gg_fail_nomem(err, "the vocabulary");
        if (added == 0 && n_twins++ == 0)
            first = old, twin = i;
    }
    if (n_twins > 0) {
        char shown[80];
        gg_findings_add(h->notes, GG_WARN, "vocabulary", NULL, 0, GG_NOWHERE,
                        "token %llu is '%s' like token %llu%s: llama.cpp does not load such a vocabulary",
                        (unsigned long long)twin,
                        gg_text_escape_into(shown, sizeof shown, h->vocab.v[twin].p,
                                            h->vocab.v[twin].nbytes),
                        (unsigned long long)first, n_twins > 1 ? ", and there are more such" : "");
    }
    gg_map_free(&ids);
    return rc;
}

/* The first of these that the checkpoint has. */
int gg_hf_vocab_read(struct hf *h, struct gg_err *err)
{
    static int (*const readers[])(struct hf *h, bool *done, struct gg_err *err) = {
        gg_hf_spm_read,      gg_hf_bpe_read,      gg_hf_tekken_read,
        gg_hf_tiktoken_read, gg_hf_bpefiles_read, gg_hf_words_read,
    };
    bool done = false;
    int rc = GG_OK;
    gg_hf_pretok_check_name(h);
    for (size_t i = 0; rc == GG_OK && !done && i < GG_COUNTOF(readers); i++)
        rc = readers[i](h, &done, err);
    if (rc == GG_OK && !done && h->odd_spm)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "tokenizer.model is no SentencePiece model nor a tiktoken file, or damaged, and "
                       "there is no tokenizer.json");
    if (rc == GG_OK && !done)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "no tokenizer: neither tokenizer.model, spiece.model or sentencepiece.bpe.model "
                       "(SentencePiece) nor tokenizer.json, tekken.json, a tiktoken file, vocab.json with "
                       "merges.txt or vocab.txt");
    return rc == GG_OK ? note_twins(h, err) : rc;
}

static struct hf_vt *find_vt(struct hf *h, const char *name)
{
    for (size_t i = 0; i < h->n_vts; i++) {
        if (strcmp(h->vts[i].name, name) == 0)
            return &h->vts[i];
    }
    return NULL;
}

/* llama.cpp wants as many tokens as the embedding has rows. */
int gg_hf_vocab_fit(struct hf *h, struct gg_err *err)
{
    struct hf_vt *v = find_vt(h, "token_embd.weight");
    uint64_t rows = h->n_vocab_rows, n = h->vocab.n;
    if (v == NULL || rows == n)
        return GG_OK;
    if (rows < n)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "the tokenizer has %llu tokens, the embedding only %llu rows",
                       (unsigned long long)n, (unsigned long long)rows);
    if (v->how == HF_TOKENS) {
        v->ne[1] = n;
        gg_findings_add(h->notes, GG_NOTE, "vocabulary", NULL, 0, GG_NOWHERE,
                        "%llu rows of the embedding behind the last token are left out",
                        (unsigned long long)(rows - n));
        return GG_OK;
    }
    gg_findings_add(h->notes, GG_NOTE, "vocabulary", NULL, 0, GG_NOWHERE,
                    "the embedding has %llu rows, the vocabulary %llu tokens: %llu unused tokens "
                    "[PAD%llu]... fill it up",
                    (unsigned long long)rows, (unsigned long long)n, (unsigned long long)(rows - n),
                    (unsigned long long)n);
    return gg_hf_vocab_alloc(h, rows, err);
}

static int write_tokens(struct hf *h, struct gg_err *err)
{
    const struct hf_vocab *v = &h->vocab;
    struct gg_buf tokens = GG_BUF_INIT, scores = GG_BUF_INIT, types = GG_BUF_INIT;
    for (size_t i = 0; i < v->n; i++) {
        uint8_t four[4];
        gg_hf_add_str(&tokens, v->v[i].p, v->v[i].nbytes);
        gg_store_u32(four, gg_bits_from_f32(v->v[i].score));
        gg_buf_add(&scores, four, 4);
        gg_store_u32(four, (uint32_t)v->v[i].type);
        gg_buf_add(&types, four, 4);
    }
    int rc = tokens.failed || scores.failed || types.failed ? gg_fail_nomem(err, "the vocabulary")
                                                            : GG_OK;
    if (rc == GG_OK)
        rc = gg_hf_set_array(h, "tokenizer.ggml.tokens", GGF_STR, v->n, tokens.data, tokens.nbytes,
                             err);
    if (rc == GG_OK && v->scores)
        rc = gg_hf_set_array(h, "tokenizer.ggml.scores", GGF_F32, v->n, scores.data, scores.nbytes,
                             err);
    if (rc == GG_OK)
        rc = gg_hf_set_array(h, "tokenizer.ggml.token_type", GGF_I32, v->n, types.data,
                             types.nbytes, err);
    gg_buf_free(&tokens);
    gg_buf_free(&scores);
    gg_buf_free(&types);
    return rc;
}

/* How many kinds of segments text has, for encoders. */
static int write_segments(struct hf *h, const char *model, struct gg_err *err)
{
    uint64_t n;
    return strcmp(h->vocab.model, model) == 0 && gg_hf_get_u64(h->config, "type_vocab_size", &n)
               ? gg_hf_set_u32(h, "tokenizer.ggml.token_type_count", n, err)
               : GG_OK;
}

/* What a unigram model's normalizer does. */
static int write_normalizer(struct hf *h, struct gg_err *err)
{
    const struct hf_vocab *v = &h->vocab;
    if (strcmp(v->model, "t5") != 0)
        return GG_OK;
    int rc = gg_hf_set_bool(h, "tokenizer.ggml.add_space_prefix", v->adds_space, err);
    if (rc == GG_OK)
        rc = write_segments(h, "t5", err);
    if (rc == GG_OK)
        rc = gg_hf_set_bool(h, "tokenizer.ggml.remove_extra_whitespaces", v->removes_spaces, err);
    if (rc == GG_OK && v->charsmap != NULL)
        rc = gg_hf_set_array(h, "tokenizer.ggml.precompiled_charsmap", GGF_U8, v->charsmap_nbytes,
                             v->charsmap, v->charsmap_nbytes, err);
    return rc;
}

/* The id of the token of that text; nothing when there is none. */
static int write_token_key(struct hf *h, const struct hf_extra_key *k, struct gg_err *err)
{
    for (uint64_t i = 0; i < h->vocab.n; i++) {
        if (h->vocab.v[i].nbytes == strlen(k->value) && memcmp(h->vocab.v[i].p, k->value, strlen(k->value)) == 0)
            return gg_hf_set_u32(h, k->key, i, err);
    }
    return GG_OK;
}

static int write_extra(struct hf *h, struct gg_err *err)
{
    const struct hf_extra_key *k = h->arch->extra_keys;
    uint64_t n_vocab = 32000;
    int rc = GG_OK;
    gg_hf_get_u64(h->config, "vocab_size", &n_vocab);
    for (; rc == GG_OK && k != NULL && k->key != NULL; k++) {
        if (k->value[0] == '<')
            rc = write_token_key(h, k, err);
        else if ((k->n_vocab == 0 || k->n_vocab == n_vocab) &&
            (strstr(k->key, "add_bos") != NULL || ggf_meta_find(h->meta, k->key) == NULL))
            rc = gg_hf_set_text(h, k->key, k->type, k->value, err);
    }
    bool no_space = h->vocab.no_space_prefix || (h->arch->flags & HF_NO_SPACE_PREFIX);
    if (rc == GG_OK && no_space && strcmp(h->vocab.model, "llama") == 0 &&
        ggf_meta_find(h->meta, "tokenizer.ggml.add_space_prefix") == NULL)
        rc = gg_hf_set_bool(h, "tokenizer.ggml.add_space_prefix", false, err);
    return rc;
}

/* What tokenizer_config.json says of the space in front of text, where the architecture wants it written. */
static int write_prefix(struct hf *h, unsigned place, struct gg_err *err)
{
    const json_t *prefix = json_object_get(h->tokenizer_config, "add_prefix_space");
    return (h->arch->flags & place) && json_is_boolean(prefix)
               ? gg_hf_set_bool(h, "tokenizer.ggml.add_space_prefix", json_is_true(prefix), err)
               : GG_OK;
}

int gg_hf_vocab_write(struct hf *h, struct gg_err *err)
{
    int rc = gg_hf_key_list(h, h->arch->vocab_keys, err);
    if (rc == GG_OK)
        rc = write_prefix(h, HF_PREFIX_OPTION, err);
    if (rc == GG_OK)
        rc = write_segments(h, "bert", err);
    if (rc == GG_OK)
        rc = gg_hf_set_str(h, "tokenizer.ggml.model", h->vocab.model, err);
    if (rc == GG_OK && h->vocab.pre != NULL)
        rc = gg_hf_set_str(h, "tokenizer.ggml.pre", h->vocab.pre, err);
    if (rc == GG_OK)
        rc = write_tokens(h, err);
    if (rc == GG_OK && (h->arch->flags & HF_SPACE_PREFIX))
        rc = gg_hf_set_bool(h, "tokenizer.ggml.add_space_prefix", !h->vocab.no_space_prefix, err);
    if (rc == GG_OK)
        rc = write_prefix(h, HF_PREFIX_BEHIND, err);
    if (rc == GG_OK)
        rc = write_normalizer(h, err);
    if (rc == GG_OK)
        rc = gg_hf_special(h, err);
    if (rc == GG_OK)
        rc = write_prefix(h, HF_PREFIX_LAST, err);
    if (rc == GG_OK)
        rc = write_segments(h, "gpt2", err);
    return rc == GG_OK ? write_extra(h, err) : rc;
}
