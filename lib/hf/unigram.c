/* Unigram vocabularies: pieces with the logarithms of their probabilities, as tokenizer.json lists them.
 *
 *     "model": {"type": "Unigram", "unk_id": 3, "vocab": [["<s>", 0.0], ["▁the", -3.2], ...]}
 *
 * What SentencePiece's normalizer does to text stands in a map of characters, given as base64 in the
 * normalizer and kept as it is: llama.cpp reads it (tokenizer.ggml.precompiled_charsmap).
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/base64.h"
#include "lib/base/num.h"

#include <stdlib.h>

static int fail_tokenizer(struct gg_err *err, const char *why)
{
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "tokenizer.json: %s", why);
}

/* ---- the definition -------------------------------------------------------------------------- */

/* The step of that type, sequences looked into; list is what a sequence calls its own. */
static const json_t *find_step(const json_t *step, const char *list, const char *type, unsigned depth)
{
    const char *is = gg_hf_get_str(step, "type");
    json_t *one;
    size_t i;
    if (is != NULL && strcmp(is, type) == 0)
        return step;
    json_array_foreach (json_object_get(step, list), i, one) {
        const json_t *found = depth < 4 ? find_step(one, list, type, depth + 1) : NULL;
        if (found != NULL)
            return found;
    }
    return NULL;
}

int gg_hf_charsmap_read(struct hf *h, struct gg_err *err)
{
    const json_t *n = json_object_get(h->tokenizer, "normalizer");
    const json_t *map = json_object_get(find_step(n, "normalizers", "Precompiled", 0),
                                        "precompiled_charsmap");
    struct gg_buf b = GG_BUF_INIT;
    int rc = GG_OK;
    if (map == NULL || json_is_null(map))
        return GG_OK;
    if (!json_is_string(map) ||
        !gg_base64_decode(&b, json_string_value(map), json_string_length(map)))
        rc = fail_tokenizer(err, "the normalizer's precompiled_charsmap is not base64");
    if (rc == GG_OK && !gg_hf_keep_charsmap(h, gg_buf_str(&b), b.nbytes))
        rc = gg_fail_nomem(err, "a normalizer");
    if (rc == GG_OK && b.failed)
        rc = gg_fail_nomem(err, "a normalizer");
    gg_buf_free(&b);
    return rc;
}

/* Spaces at the ends and in rows are lost when text is cut at white space, stripped or replaced. */
static bool removes_spaces(const struct hf *h)
{
    const json_t *pre = json_object_get(h->tokenizer, "pre_tokenizer");
    const json_t *n = json_object_get(h->tokenizer, "normalizer");
    const json_t *replace = find_step(n, "normalizers", "Replace", 0);
    const char *regex = gg_hf_get_str(json_object_get(replace, "pattern"), "Regex");
    return find_step(pre, "pretokenizers", "WhitespaceSplit", 0) != NULL ||
           find_step(n, "normalizers", "Strip", 0) != NULL ||
           (regex != NULL && strcmp(regex, " {2,}") == 0);
}

bool gg_hf_prepends_space(const json_t *tokenizer)
{
    const json_t *m = find_step(json_object_get(tokenizer, "pre_tokenizer"), "pretokenizers",
                                "Metaspace", 0);
    const char *scheme = gg_hf_get_str(m, "prepend_scheme");
    if (m == NULL)
        return find_step(json_object_get(tokenizer, "normalizer"), "normalizers", "Prepend", 0) != NULL;
    return scheme != NULL ? strcmp(scheme, "never") != 0
                          : !json_is_false(json_object_get(m, "add_prefix_space"));
}

/* ---- the pieces ------------------------------------------------------------------------------ */

static int add_pieces(struct hf *h, struct gg_err *err)
{
    const json_t *model = json_object_get(h->tokenizer, "model");
    bool bytes = json_is_true(json_object_get(model, "byte_fallback"));
    struct gg_buf text = GG_BUF_INIT;
    struct hf_list list = h->tok_vocab;
    double score = 0;
    bool more = true;
    int rc = GG_OK;
    for (uint64_t i = 0; rc == GG_OK && more; i += more) {
        rc = gg_hf_next_piece(h, &list, &text, &score, &more, err);
        if (rc == GG_OK && more)
            rc = gg_hf_vocab_set(h, i, gg_buf_str(&text), text.nbytes, (float)score, HF_NORMAL, err);
        if (rc == GG_OK && more && bytes && gg_hf_is_byte(&h->vocab.v[i]))
            h->vocab.v[i].type = HF_BYTE;
    }
    gg_buf_free(&text);
    return rc;
}

/* Added tokens keep the score of the piece they are. */
static int add_added(struct hf *h, struct gg_err *err)
{
    json_t *token;
    size_t k;
    int rc = GG_OK;
    json_array_foreach (json_object_get(h->tokenizer, "added_tokens"), k, token) {
        const json_t *content = json_object_get(token, "content");
        const char *p = json_string_value(content);
        size_t n = json_string_length(content);
        uint64_t i = 0;
        gg_hf_as_u64(json_object_get(token, "id"), &i); /* counted */
        float score = h->vocab.v[i].type == HF_UNUSED ? 0.0f : h->vocab.v[i].score;
        bool special = json_is_true(json_object_get(token, "special"));
        if (rc == GG_OK)
            rc = gg_hf_vocab_set(h, i, p, n, score, special ? HF_CONTROL : HF_USER_DEFINED, err);
    }
    return rc;
}

int gg_hf_unigram_read(struct hf *h, struct gg_err *err)
{
    const json_t *unk = json_object_get(json_object_get(h->tokenizer, "model"), "unk_id");
    uint64_t id;
    if (!h->tok_vocab_pairs)
        return fail_tokenizer(err, "the vocabulary of a Unigram model is not a list of pieces");
    int rc = add_pieces(h, err);
    if (rc == GG_OK)
        rc = add_added(h, err);
    if (rc == GG_OK && unk != NULL && !json_is_null(unk)) {
        if (!gg_hf_as_u64(unk, &id) || id >= h->vocab.n)
            return fail_tokenizer(err, "unk_id is no token of the vocabulary");
        h->vocab.v[id].type = HF_UNKNOWN;
    }
    if (rc == GG_OK)
        rc = gg_hf_charsmap_read(h, err);
    h->vocab.model = "t5";
    h->vocab.pre = h->opts->pre != NULL ? h->opts->pre : "default";
    h->vocab.scores = true;
    h->vocab.adds_space = gg_hf_prepends_space(h->tokenizer);
    h->vocab.removes_spaces = removes_spaces(h);
    return rc;
}
