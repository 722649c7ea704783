/* Mistral's tekken.json: byte-level BPE as ranks, with its special tokens in front of them.
 *
 *     {"config": {"pattern": REGEX, "default_vocab_size": 131072, "default_num_special_tokens": 1000, ...},
 *      "vocab": [{"rank": 0, "token_bytes": "AA==", "token_str": "\u0000"}, ...],
 *      "special_tokens": [{"rank": 0, "token_str": "<unk>", "is_control": true}, ...]}
 *
 * Of the vocabulary only as many ranks count as fit in default_vocab_size. Special tokens without a name
 * are called <SPECIAL_n>; files of the first form name none of them. Source: tokens/tokenizers/tekken.py of
 * mistralai/mistral-common.
 */
#include "lib/hf/ranks.h"

#include "lib/base/base64.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const first_form[] = {
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]",
    "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
};

static int fail(struct gg_err *err, const char *why)
{
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "tekken.json: %s", why);
}

/* ---- ranks ----------------------------------------------------------------------------------- */

static int add_rank(struct hf *h, struct hf_ranks *r, const json_t *token, uint64_t n_ranks,
                    struct gg_buf *bytes, struct gg_err *err)
{
    const json_t *b = json_object_get(token, "token_bytes");
    uint64_t rank;
    gg_buf_reset(bytes);
    if (!gg_hf_as_u64(json_object_get(token, "rank"), &rank) || !json_is_string(b) ||
        !gg_base64_decode(bytes, json_string_value(b), json_string_length(b)))
        return fail(err, "a token without a rank, or whose token_bytes are not base64");
    if (bytes->failed)
        return gg_fail_nomem(err, "the vocabulary");
    return rank < n_ranks ? gg_hf_rank_add(h, r, rank, (const uint8_t *)gg_buf_str(bytes),
                                           bytes->nbytes, err)
                          : GG_OK;
}

static int read_ranks(struct hf *h, struct hf_ranks *r, uint64_t n_ranks, struct gg_err *err)
{
    struct gg_buf bytes = GG_BUF_INIT;
    struct hf_list list = h->tok_vocab;
    json_t *token = NULL;
    int rc = h->tok_vocab_pairs ? GG_OK : fail(err, "no list of tokens (vocab)");
    while (rc == GG_OK) {
        rc = gg_hf_next_object(h, &list, &token, err);
        if (rc != GG_OK || token == NULL)
            break;
        rc = add_rank(h, r, token, n_ranks, &bytes, err);
        json_decref(token);
    }
    gg_buf_free(&bytes);
    return rc == GG_OK && r->n == 0 ? fail(err, "no tokens") : rc;
}

/* ---- special tokens -------------------------------------------------------------------------- */

static int set_special(struct hf *h, uint64_t id, const char *text, struct gg_err *err)
{
    static const struct {
        const char *text;
        enum hf_id as;
    } known[] = {{"<s>", HF_ID_BOS}, {"</s>", HF_ID_EOS}, {"<unk>", HF_ID_UNK}, {"<pad>", HF_ID_PAD}};
    for (size_t i = 0; i < GG_COUNTOF(known); i++) {
        if (strcmp(text, known[i].text) == 0)
            h->vocab.ids[known[i].as] = (int64_t)id;
    }
    return gg_hf_vocab_set(h, id, text, strlen(text), 0.0f, HF_CONTROL, err);
}

static int add_specials(struct hf *h, const json_t *special, uint64_t n_special, struct gg_err *err)
{
    json_t *token;
    size_t k;
    uint64_t id;
    int rc = GG_OK;
    gg_hf_no_ids(&h->vocab);
    for (uint64_t i = 0; rc == GG_OK && i < n_special; i++) {
        char text[40];
        snprintf(text, sizeof text, "<SPECIAL_%llu>", (unsigned long long)i);
        rc = set_special(h, i,
                         special == NULL && i < GG_COUNTOF(first_form) ? first_form[i] : text, err);
    }
    json_array_foreach (special, k, token) {
        const char *text = gg_hf_get_str(token, "token_str");
        if (rc == GG_OK && (text == NULL || !gg_hf_as_u64(json_object_get(token, "rank"), &id)))
            rc = fail(err, "a special token without rank or text");
        if (rc == GG_OK && id >= n_special)
            rc = fail(err, "a special token behind default_num_special_tokens");
        if (rc == GG_OK)
            rc = set_special(h, id, text, err);
    }
    if (h->vocab.ids[HF_ID_PAD] < 0)
        h->vocab.ids[HF_ID_PAD] = h->vocab.ids[HF_ID_EOS];
    return rc;
}

/* Templates that llama.cpp has itself, by the version of the tokenizer. */
static const char *chat_of(const json_t *config)
{
    const char *version = gg_hf_get_str(config, "version");
    return version != NULL && strcmp(version, "v3") == 0   ? "mistral-v3-tekken"
           : version != NULL && strcmp(version, "v7") == 0 ? "mistral-v7-tekken"
                                                           : "";
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int take(struct hf *h, const json_t *o, struct gg_err *err)
{
    const json_t *config = json_object_get(o, "config"), *special = json_object_get(o, "special_tokens");
    struct hf_ranks r = {.name = "tekken.json"};
    uint64_t n_vocab = 0, n_special = 0;
    if (!gg_hf_get_u64(config, "default_vocab_size", &n_vocab) ||
        !gg_hf_get_u64(config, "default_num_special_tokens", &n_special) || n_special > n_vocab)
        return fail(err, "config: no default_vocab_size, or no default_num_special_tokens within it");
    if (special != NULL && !json_is_array(special))
        special = NULL;
    int rc = gg_hf_vocab_alloc(h, n_vocab, err);
    if (rc == GG_OK)
        rc = read_ranks(h, &r, n_vocab - n_special, err);
    if (rc == GG_OK)
        rc = gg_hf_ranks_take(h, &r, n_special, true, err);
    if (rc == GG_OK)
        rc = add_specials(h, special, n_special, err);
    gg_hf_ranks_free(&r);
    if (rc == GG_OK)
        rc = gg_hf_tekken_cut(h, gg_hf_get_str(config, "pattern"), &h->vocab.pre, err);
    h->vocab.chat = chat_of(config);
    h->vocab.scores = true;
    h->vocab.add_bos = 2;
    h->vocab.add_eos = 1;
    return rc;
}

int gg_hf_tekken_take(struct hf *h, char *text, size_t nbytes, struct gg_err *err)
{
    json_t *o = NULL;
    int rc = gg_hf_tekken_parse(h, text, nbytes, &o, err);
    if (rc == GG_OK)
        rc = take(h, o, err);
    json_decref(o);
    return rc;
}

int gg_hf_tekken_read(struct hf *h, bool *done, struct gg_err *err)
{
    char *text = NULL;
    size_t n = 0;
    if (h->tok_text != NULL) /* of a tokenizer.json, which would have been read */
        return GG_OK;
    int rc = gg_checkpoint_side_file(h->ckpt, "tekken.json", HF_MAX_TOKENIZER, &text, &n, err);
    if (rc != GG_OK || text == NULL)
        return rc;
    *done = true;
    return gg_hf_tekken_take(h, text, n, err);
}
