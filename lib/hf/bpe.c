/* Vocabularies in tokenizer.json: which kind, and those of BPE: byte-level, and SentencePiece's written
 * that way. */
#include "lib/hf/hf_impl.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <math.h>
#include <stdlib.h>

static int fail_tokenizer(struct gg_err *err, const char *why)
{
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "tokenizer.json: %s", why);
}

/* One past the largest id. */
static int count_ids(struct hf *h, uint64_t *out, struct gg_err *err)
{
    struct gg_buf text = GG_BUF_INIT;
    struct hf_list list = h->tok_vocab;
    uint64_t n = 0, i;
    bool more = true;
    json_t *token;
    size_t k;
    int rc = GG_OK;
    for (uint64_t at = 0; rc == GG_OK && more; at++) {
        double score;
        i = at;
        rc = h->tok_vocab_pairs ? gg_hf_next_piece(h, &list, &text, &score, &more, err)
                                : gg_hf_next_token(h, &list, &text, &i, &more, err);
        n = rc == GG_OK && more ? gg_max_u64(n, i + 1) : n;
    }
    gg_buf_free(&text);
    json_array_foreach (json_object_get(h->tokenizer, "added_tokens"), k, token) {
        if (rc == GG_OK && (!gg_hf_as_u64(json_object_get(token, "id"), &i) ||
                            !json_is_string(json_object_get(token, "content"))))
            rc = fail_tokenizer(err, "an added token without id or content");
        n = rc == GG_OK ? gg_max_u64(n, i + 1) : n;
    }
    *out = n;
    return rc;
}

/* Makes room for the vocabulary of config.json; a token outside of it cannot have a row. */
int gg_hf_make_room(struct hf *h, struct gg_err *err)
{
    uint64_t n = 0, n_config;
    int rc = count_ids(h, &n, err);
    if (rc != GG_OK)
        return rc;
    if (gg_hf_get_u64(h->config, "vocab_size", &n_config)) {
        if (n_config < n)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                           "%s has token %llu, config.json a vocabulary of %llu", h->tok_name,
                           (unsigned long long)n - 1, (unsigned long long)n_config);
        n = n_config;
    }
    return gg_hf_vocab_alloc(h, n, err);
}

static int add_base(struct hf *h, struct gg_err *err)
{
    struct gg_buf text = GG_BUF_INIT;
    struct hf_list list = h->tok_vocab;
    bool more = true;
    uint64_t i;
    int rc = GG_OK;
    while (rc == GG_OK && more) {
        rc = gg_hf_next_token(h, &list, &text, &i, &more, err);
        if (rc == GG_OK && more)
            rc = gg_hf_vocab_set(h, i, gg_buf_str(&text), text.nbytes, 0.0f, HF_NORMAL, err);
    }
    gg_buf_free(&text);
    return rc;
}

static int add_added(struct hf *h, struct gg_err *err)
{
    bool as_marked = (h->arch->flags & HF_ADDED_AS_MARKED) != 0;
    json_t *token;
    size_t k;
    uint64_t i;
    int rc = GG_OK;
    json_array_foreach (json_object_get(h->tokenizer, "added_tokens"), k, token) {
        const json_t *content = json_object_get(token, "content");
        const char *p = json_string_value(content);
        size_t n = json_string_length(content);
        gg_hf_as_u64(json_object_get(token, "id"), &i);
        bool special = json_is_true(json_object_get(token, "special")) ||
                       (!as_marked && gg_hf_looks_special(p, n));
        if (!special && !as_marked)
            p = gg_hf_plain_spaces(h->arena, p, n, &n);
        if (rc == GG_OK)
            rc = p == NULL ? gg_fail_nomem(err, "the vocabulary")
                           : gg_hf_vocab_set(h, i, p, n, -1000.0f,
                                             special ? HF_CONTROL : HF_USER_DEFINED, err);
    }
    return rc;
}

int gg_hf_add_tokens(struct hf *h, struct gg_err *err)
{
    if (h->tok_vocab_pairs)
        return fail_tokenizer(err, "the vocabulary is a list, not an object");
    int rc = add_base(h, err);
    return rc == GG_OK ? add_added(h, err) : rc;
}

/* ---- SentencePiece's BPE --------------------------------------------------------------------- */

bool gg_hf_is_byte(const struct hf_token *t)
{
    return t->nbytes == 6 && memcmp(t->p, "<0x", 3) == 0 && t->p[5] == '>';
}

/* Text a merge makes; false when it is none. */
static bool merged_text(const struct hf_merge *m, struct gg_buf *out)
{
    const char *space = m->is_pair ? NULL : memchr(gg_buf_str(&m->a), ' ', m->a.nbytes);
    gg_buf_reset(out);
    if (!m->is_pair && space == NULL)
        return false;
    size_t n = space != NULL ? (size_t)(space - m->a.data) : m->a.nbytes;
    gg_buf_add(out, gg_buf_str(&m->a), n);
    if (m->is_pair)
        gg_buf_add(out, gg_buf_str(&m->b), m->b.nbytes);
    else
        gg_buf_add(out, space + 1, m->a.nbytes - n - 1);
    return true;
}

static bool index_tokens(struct hf *h, struct gg_map *ids)
{
    bool ok = gg_map_reserve(ids, h->vocab.n);
    for (size_t i = 0; ok && i < h->vocab.n; i++) {
        struct hf_token *t = &h->vocab.v[i];
        t->score = t->type == HF_NORMAL ? -INFINITY : t->score;
        ok = gg_map_add(ids, t->p, t->nbytes, i, NULL) >= 0;
    }
    return ok;
}

/* What no merge makes comes last; bytes have no score. */
static void score_rest(struct hf *h, uint64_t n_merges)
{
    for (size_t i = 0; i < h->vocab.n; i++) {
        struct hf_token *t = &h->vocab.v[i];
        t->score = t->score == -INFINITY ? -(float)n_merges : t->score;
        if (gg_hf_is_byte(t)) {
            t->type = HF_BYTE;
            t->score = 0.0f;
        }
    }
}

/* SentencePiece merges the pair whose piece has the highest score, so the order of merges is one. */
static int score_merges(struct hf *h, struct gg_err *err)
{
    struct gg_map ids = GG_MAP_INIT;
    struct gg_buf text = GG_BUF_INIT;
    struct hf_merge m = {GG_BUF_INIT, GG_BUF_INIT, false};
    struct hf_list list = h->tok_merges;
    uint64_t rank = 0, id;
    bool more = true;
    int rc = index_tokens(h, &ids) ? GG_OK : gg_fail_nomem(err, "the vocabulary");
    for (; rc == GG_OK && more; rank += more) {
        rc = gg_hf_next_merge(h, &list, &m, &more, err);
        if (rc == GG_OK && more && merged_text(&m, &text) &&
            gg_map_get(&ids, gg_buf_str(&text), text.nbytes, &id) &&
            h->vocab.v[id].score == -INFINITY)
            h->vocab.v[id].score = -(float)rank;
    }
    if (rc == GG_OK && text.failed)
        rc = gg_fail_nomem(err, "the vocabulary");
    score_rest(h, rank);
    gg_map_free(&ids);
    gg_buf_free(&text);
    gg_hf_merge_free(&m);
    return rc;
}

static int finish_pieces(struct hf *h, struct gg_err *err)
{
    if (h->tok_merges.p == NULL)
        return fail_tokenizer(err, "no merges");
    h->vocab.model = "llama";
    h->vocab.pre = h->opts->pre != NULL ? h->opts->pre : "default";
    h->vocab.scores = true;
    gg_findings_add(
        h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
        "tokenizer.json holds a SentencePiece vocabulary; scores come from the order of "
        "its merges");
    return score_merges(h, err);
}

/* Gemma 4: what no file marks as special is text like any other, but for those that are said in a chat. */
static void mark_gemma4(struct hf *h, uint64_t n_base)
{
    static const char *const seen[] = {"<|channel>",       "<channel|>",       "<|tool_call>", "<tool_call|>",
                                       "<|tool_response>", "<tool_response|>", "<|\"|>"};
    for (size_t i = 0; i < h->vocab.n; i++) {
        struct hf_token *t = &h->vocab.v[i];
        t->score = -1000.0f;
        if (t->type == HF_USER_DEFINED && i < n_base)
            t->type = HF_NORMAL;
        if (gg_hf_is_byte(t))
            t->type = HF_BYTE;
        for (size_t k = 0; k < GG_COUNTOF(seen); k++)
            t->type = strcmp(t->p, seen[k]) == 0 ? HF_USER_DEFINED : t->type;
    }
}

/* Its merges are written as they are, and no scores are made of them. */
static int finish_gemma4(struct hf *h, struct gg_err *err)
{
    struct hf_list list = h->tok_vocab;
    struct gg_buf text = GG_BUF_INIT;
    uint64_t n_base = 0, id;
    bool more = true;
    int rc = GG_OK;
    for (; rc == GG_OK && more; n_base += more)
        rc = gg_hf_next_token(h, &list, &text, &id, &more, err);
    gg_buf_free(&text);
    if (rc != GG_OK)
        return rc;
    h->vocab.model = "gemma4";
    h->vocab.pre = NULL;
    h->vocab.scores = true;
    h->vocab.merges = true;
    mark_gemma4(h, n_base);
    return GG_OK;
}

/* Byte fallback, and spaces that become ▁ before anything is cut. */
static bool is_sentencepiece(const json_t *model, const char *normalizer, const char *pre)
{
    return json_is_true(json_object_get(model, "byte_fallback")) &&
           (strstr(normalizer, " by \xe2\x96\x81") != NULL || strstr(pre, "Metaspace") != NULL);
}

/* Which of the two kinds the tokenizer is, by its definition, and what follows from that. */
static int read_kind(struct hf *h, const json_t *model, struct gg_err *err)
{
    char *normalizer = gg_hf_normalizer_text(h->tokenizer), *pre = gg_hf_pretok_text(h->tokenizer);
    int rc = normalizer == NULL || pre == NULL ? gg_fail_nomem(err, "a tokenizer") : GG_OK;
    bool pieces = rc == GG_OK && is_sentencepiece(model, normalizer, pre);
    if (pieces) {
        h->vocab.no_space_prefix = !gg_hf_prepends_space(h->tokenizer);
        rc = h->arch->flags & HF_GEMMA4_VOCAB ? finish_gemma4(h, err) : finish_pieces(h, err);
    } else if (rc == GG_OK) {
        h->vocab.model = "gpt2";
        h->vocab.merges = true;
        rc = gg_hf_pretok(h, &h->vocab.pre, err);
        if (rc == GG_OK && strcmp(h->vocab.pre, "whitespace") == 0)
            h->vocab.model = "whitespace"; /* text itself, not letters for its bytes */
    }
    free(normalizer);
    free(pre);
    return rc;
}

/* The kind of model; old files don't say. NULL: there is none. */
static const char *kind_of(const struct hf *h, const json_t *model)
{
    const char *type = gg_hf_get_str(model, "type");
    if (h->tok_vocab.p == NULL)
        return NULL;
    if (type != NULL)
        return type;
    return h->tok_vocab_pairs                                          ? "Unigram"
           : json_object_get(model, "max_input_chars_per_word") != NULL ? "WordPiece"
                                                                       : "BPE";
}

int gg_hf_bpe_read(struct hf *h, bool *done, struct gg_err *err)
{
    if (h->tokenizer == NULL)
        return GG_OK;
    const json_t *model = json_object_get(h->tokenizer, "model");
    const char *kind = kind_of(h, model);
    char shown[64];
    if (kind == NULL)
        return fail_tokenizer(err, "no model with a vocabulary");
    if (h->odd_spm)
        gg_findings_add(h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
                        "tokenizer.model is no SentencePiece model; tokenizer.json is read instead");
    bool bpe = strcmp(kind, "BPE") == 0, unigram = strcmp(kind, "Unigram") == 0;
    if (!bpe && !unigram && strcmp(kind, "WordPiece") != 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "tokenizer.json: a %s model; known are BPE, Unigram and WordPiece",
                       gg_text_escape_into(shown, sizeof shown, kind, strlen(kind)));
    int rc = gg_hf_make_room(h, err);
    *done = true;
    if (rc != GG_OK || unigram)
        return rc == GG_OK ? gg_hf_unigram_read(h, err) : rc;
    rc = gg_hf_add_tokens(h, err);
    if (rc != GG_OK || !bpe)
        return rc == GG_OK ? gg_hf_wordpiece_read(h, err) : rc;
    return read_kind(h, model, err);
}
