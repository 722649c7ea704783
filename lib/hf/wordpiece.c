/* WordPiece vocabularies (BERT): tokenizer.json, or vocab.txt with a token a line.
 *
 * There a piece that goes on with a word begins with ##; in a GGUF one that begins a word does, with ▁, and
 * ## is left out. Control tokens stay as they are.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>

static int mark_words(struct hf *h, const char *inner, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    size_t n_inner = strlen(inner);
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < h->vocab.n; i++) {
        struct hf_token *t = &h->vocab.v[i];
        bool goes_on = t->nbytes >= n_inner && memcmp(t->p, inner, n_inner) == 0;
        if (t->type == HF_CONTROL)
            continue;
        gg_buf_reset(&b);
        gg_buf_adds(&b, goes_on ? "" : "\xe2\x96\x81");
        gg_buf_add(&b, t->p + (goes_on ? n_inner : 0), t->nbytes - (goes_on ? n_inner : 0));
        rc = gg_hf_vocab_set(h, i, gg_buf_str(&b), b.nbytes, t->score, t->type, err);
    }
    if (rc == GG_OK && b.failed)
        rc = gg_fail_nomem(err, "the vocabulary");
    gg_buf_free(&b);
    h->vocab.model = "bert";
    /* llama.cpp cuts all such text alike, whatever the name; this is what its converter finds for BERT */
    h->vocab.pre = h->opts->pre != NULL ? h->opts->pre : "jina-v2-en";
    return rc;
}

int gg_hf_wordpiece_read(struct hf *h, struct gg_err *err)
{
    const char *inner = gg_hf_get_str(json_object_get(h->tokenizer, "model"),
                                      "continuing_subword_prefix");
    if (inner != NULL && *inner == '\0')
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "tokenizer.json: continuing_subword_prefix is empty, so pieces that begin words "
                       "cannot be told from others");
    return mark_words(h, inner != NULL ? inner : "##", err);
}

/* ---- vocab.txt ------------------------------------------------------------------------------- */

static int add_lines(struct hf *h, const char *p, size_t n, struct gg_err *err)
{
    uint64_t n_lines = 0, n_vocab = 0, id = 0;
    int rc = GG_OK;
    if (!gg_text_is_utf8(p, n))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "vocab.txt is not UTF-8");
    for (size_t i = 0; i < n; i++)
        n_lines += p[i] == '\n' || i + 1 == n;
    if (!gg_hf_get_u64(h->config, "vocab_size", &n_vocab) || n_vocab == 0)
        n_vocab = n_lines;
    if (n_lines > n_vocab)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "vocab.txt has %llu tokens, config.json a vocabulary of %llu",
                       (unsigned long long)n_lines, (unsigned long long)n_vocab);
    rc = gg_hf_vocab_alloc(h, n_vocab, err);
    for (const char *end = p + n; rc == GG_OK && p < end; id++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p)), *next;
        stop = stop != NULL ? stop : end;
        next = stop + (stop < end);
        stop -= stop > p && stop[-1] == '\r';
        rc = gg_hf_vocab_set(h, id, p, (size_t)(stop - p), 0.0f, HF_NORMAL, err);
        p = next;
    }
    return rc;
}

/* What tokenizer_config.json calls the special tokens, or BERT's names. */
static int mark_special(struct hf *h, bool *has_unk, struct gg_err *err)
{
    static const struct {
        const char *key, *text;
        int as[2]; /* HF_ID_*: the start is also the class's token, the end the separator */
    } kinds[] = {
        {"cls_token", "[CLS]", {HF_ID_BOS, HF_ID_CLS}}, {"sep_token", "[SEP]", {HF_ID_EOS, HF_ID_SEP}},
        {"unk_token", "[UNK]", {HF_ID_UNK, HF_ID_UNK}}, {"pad_token", "[PAD]", {HF_ID_PAD, HF_ID_PAD}},
        {"mask_token", "[MASK]", {HF_ID_MASK, HF_ID_MASK}},
    };
    struct gg_map ids = GG_MAP_INIT;
    uint64_t id;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < h->vocab.n; i++) {
        if (gg_map_add(&ids, h->vocab.v[i].p, h->vocab.v[i].nbytes, i, NULL) < 0)
            rc = gg_fail_nomem(err, "the vocabulary");
    }
    *has_unk = false;
    for (size_t i = 0; rc == GG_OK && i < GG_COUNTOF(kinds); i++) {
        const json_t *v = json_object_get(h->tokenizer_config, kinds[i].key);
        const char *text = json_is_object(v) ? gg_hf_get_str(v, "content") : json_string_value(v);
        text = text != NULL ? text : kinds[i].text;
        if (!gg_map_get(&ids, text, strlen(text), &id))
            continue;
        h->vocab.v[id].type = HF_CONTROL;
        h->vocab.ids[kinds[i].as[0]] = h->vocab.ids[kinds[i].as[1]] = (int64_t)id;
        *has_unk = *has_unk || kinds[i].as[0] == HF_ID_UNK;
    }
    gg_map_free(&ids);
    return rc;
}

int gg_hf_words_read(struct hf *h, bool *done, struct gg_err *err)
{
    char *data = NULL;
    size_t n = 0;
    bool has_unk = false;
    int rc = gg_checkpoint_side_file(h->ckpt, "vocab.txt", HF_MAX_TOKENIZER, &data, &n, err);
    if (rc != GG_OK || data == NULL)
        return rc;
    rc = add_lines(h, data, n, err);
    free(data);
    if (rc == GG_OK) {
        gg_hf_no_ids(&h->vocab);
        rc = mark_special(h, &has_unk, err);
    }
    if (rc == GG_OK && !has_unk)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "vocab.txt has no token for unknown words ([UNK]), so it is no WordPiece "
                       "vocabulary, and there is no other tokenizer");
    if (rc == GG_OK)
        rc = gg_hf_described_read(h, err);
    *done = true;
    return rc == GG_OK ? mark_words(h, "##", err) : rc;
}
