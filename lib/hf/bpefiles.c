/* Byte-level BPE as GPT-2 came: vocab.json, an object of tokens and ids, and merges.txt, a pair a line.
 *
 * How text is cut is what the class named in tokenizer_config.json does; GPT-2's when none is named.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>

static const char *cut_of(const struct hf *h)
{
    static const struct {
        const char *tok_class, *pre;
    } known[] = {
        {"GPT2Tokenizer", "gpt-2"},       {"CodeGenTokenizer", "gpt-2"}, {"Qwen2Tokenizer", "qwen2"},
        {"RobertaTokenizer", "roberta-bpe"}, {"BartTokenizer", "roberta-bpe"},
        {"LongformerTokenizer", "roberta-bpe"},
    };
    const char *name = gg_hf_get_str(h->tokenizer_config, "tokenizer_class");
    if (h->opts->pre != NULL || name == NULL)
        return h->opts->pre != NULL ? h->opts->pre : "gpt-2";
    for (size_t i = 0; i < GG_COUNTOF(known); i++) {
        size_t n = strlen(known[i].tok_class);
        if (strncmp(name, known[i].tok_class, n) == 0 &&
            (name[n] == '\0' || strcmp(name + n, "Fast") == 0))
            return known[i].pre;
    }
    return NULL;
}

/* ---- merges ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Two parts and nothing else. */
static bool add_line(struct hf *h, const char *p, const char *end, struct gg_buf *b)
{
    const char *mid = p;
    while (mid < end && !is_blank(*mid))
        mid++;
    const char *second = mid;
    while (second < end && is_blank(*second))
        second++;
    if (mid == p || second == end || memchr(second, ' ', (size_t)(end - second)) != NULL)
        return false;
    gg_buf_reset(b);
    gg_buf_add(b, p, (size_t)(mid - p));
    gg_buf_addc(b, ' ');
    gg_buf_add(b, second, (size_t)(end - second));
    gg_hf_add_str(&h->vocab.made, gg_buf_str(b), b->nbytes);
    h->vocab.n_made++;
    return true;
}

static int add_merges(struct hf *h, const char *p, size_t n, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    const char *end = p + n, *next;
    int rc = GG_OK;
    if (!gg_text_is_utf8(p, n))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "merges.txt is not UTF-8");
    for (uint64_t line = 1; rc == GG_OK && p < end; line++, p = next) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop != NULL ? stop : end;
        next = stop + (stop < end);
        while (p < stop && is_blank(*p))
            p++;
        while (stop > p && is_blank(stop[-1]))
            stop--;
        if (p < stop && !(line == 1 && *p == '#') && !add_line(h, p, stop, &b))
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "merges.txt: line %llu: not a pair",
                         (unsigned long long)line);
    }
    if (rc == GG_OK && h->vocab.n_made == 0)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "merges.txt: no merges");
    if (rc == GG_OK && (b.failed || h->vocab.made.failed))
        rc = gg_fail_nomem(err, "merges");
    gg_buf_free(&b);
    return rc;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Tokens that tokenizer_config.json calls special. */
static void mark_special(struct hf *h)
{
    static const char *const keys[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
    for (size_t k = 0; k < GG_COUNTOF(keys); k++) {
        const json_t *v = json_object_get(h->tokenizer_config, keys[k]);
        const char *text = json_is_object(v) ? gg_hf_get_str(v, "content") : json_string_value(v);
        for (size_t i = 0; text != NULL && i < h->vocab.n; i++) {
            struct hf_token *t = &h->vocab.v[i];
            if (t->nbytes == strlen(text) && memcmp(t->p, text, t->nbytes) == 0)
                t->type = HF_CONTROL;
        }
    }
}

int gg_hf_bpefiles_read(struct hf *h, bool *done, struct gg_err *err)
{
    char *vocab = NULL, *merges = NULL;
    size_t n_vocab = 0, n = 0;
    int rc = gg_checkpoint_side_file(h->ckpt, "merges.txt", HF_MAX_TOKENIZER, &merges, &n, err);
    if (rc == GG_OK && merges != NULL)
        rc = gg_checkpoint_side_file(h->ckpt, "vocab.json", HF_MAX_TOKENIZER, &vocab, &n_vocab, err);
    if (rc == GG_OK && vocab != NULL) {
        *done = true;
        rc = gg_hf_vocab_json(h, vocab, n_vocab, err);
        if (rc == GG_OK)
            rc = gg_hf_make_room(h, err);
        if (rc == GG_OK)
            rc = gg_hf_add_tokens(h, err);
        if (rc == GG_OK)
            rc = add_merges(h, merges, n, err);
        if (rc == GG_OK)
            rc = gg_hf_described_read(h, err);
    }
    free(merges);
    if (rc != GG_OK || !*done)
        return rc;
    mark_special(h);
    h->vocab.model = "gpt2";
    h->vocab.pre = cut_of(h);
    if (h->vocab.pre == NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "vocab.json and merges.txt of a tokenizer_class whose cuts are not known, and no "
                       "tokenizer.json; --pre NAME says how text is cut");
    gg_findings_add(h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
                    "vocab.json and merges.txt: the pre-tokenizer is %s", h->vocab.pre);
    return GG_OK;
}
