/* SentencePiece vocabularies (tokenizer.model): a protocol buffer, of which three fields are read.
 *
 *     ModelProto      1: repeated SentencePiece pieces
 *     SentencePiece   1: string piece   2: float score   3: enum type (1 when absent)
 *
 * Source: sentencepiece_model.proto of google/sentencepiece.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>

struct span {
    const uint8_t *p, *end;
};

struct field {
    uint64_t number, wire;
    uint64_t value; /* wire 0 */
    struct span bytes; /* wire 1, 2, 5 */
};

static bool read_varint(struct span *s, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && s->p < s->end; shift += 7) {
        uint8_t b = *s->p++;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool read_field(struct span *s, struct field *f)
{
    uint64_t tag, n;
    if (!read_varint(s, &tag))
        return false;
    f->number = tag >> 3;
    f->wire = tag & 7;
    if (f->wire == 0)
        return read_varint(s, &f->value);
    if (f->wire == 2) {
        if (!read_varint(s, &n))
            return false;
    } else if (f->wire == 1 || f->wire == 5) {
        n = f->wire == 1 ? 8 : 4;
    } else {
        return false; /* groups are not used */
    }
    if (n > (uint64_t)(s->end - s->p))
        return false;
    f->bytes = (struct span){s->p, s->p + n};
    s->p += n;
    return true;
}

static bool read_piece(struct span s, struct hf_token *t)
{
    struct field f;
    *t = (struct hf_token){"", 0, 0.0f, HF_NORMAL};
    while (s.p < s.end) {
        if (!read_field(&s, &f))
            return false;
        if (f.number == 1 && f.wire == 2) {
            t->p = (const char *)f.bytes.p;
            t->nbytes = (size_t)(f.bytes.end - f.bytes.p);
        } else if (f.number == 2 && f.wire == 5) {
            t->score = gg_f32_from_bits(gg_load_u32(f.bytes.p));
        } else if (f.number == 3 && f.wire == 0) {
            t->type = f.value >= HF_NORMAL && f.value <= HF_BYTE ? (int32_t)f.value : 0;
        }
    }
    return t->type != 0;
}

/* Counts the pieces; 0 when this is no SentencePiece model. */
static uint64_t count_pieces(struct span s)
{
    struct field f;
    struct hf_token t;
    uint64_t n = 0;
    while (s.p < s.end) {
        if (!read_field(&s, &f) || f.number == 0)
            return 0;
        if (f.number == 1 && (f.wire != 2 || !read_piece(f.bytes, &t)))
            return 0;
        n += f.number == 1;
    }
    return n;
}

/* The converter of llama.cpp does not tell user-defined pieces from others, so we don't. */
static int add_pieces(struct hf *h, struct span s, struct gg_err *err)
{
    struct field f;
    struct hf_token t;
    uint64_t id = 0;
    int rc = GG_OK;
    while (rc == GG_OK && s.p < s.end && read_field(&s, &f)) {
        if (f.number != 1 || !read_piece(f.bytes, &t))
            continue;
        if (id < h->vocab.n)
            rc = gg_hf_vocab_set(h, id, t.p, t.nbytes, t.score,
                                 t.type == HF_USER_DEFINED ? HF_NORMAL : t.type, err);
        id++;
    }
    if (rc == GG_OK && id > h->vocab.n)
        gg_findings_add(
            h->notes, GG_WARN, "vocabulary", NULL, 0, GG_NOWHERE,
            "tokenizer.model has %llu pieces, config.json says %zu: the rest is left out",
            (unsigned long long)id, h->vocab.n);
    return rc;
}

/* ---- added tokens ---------------------------------------------------------------------------- */

/* Token id of an added token; false with a note when it lies outside. */
static bool in_vocab(struct hf *h, const json_t *id, const char *text, uint64_t *out)
{
    if (gg_hf_as_u64(id, out) && *out < h->vocab.n)
        return true;
    char shown[80];
    gg_findings_add(h->notes, GG_WARN, "vocabulary", NULL, 0, GG_NOWHERE,
                    "added token '%s' lies outside of the vocabulary of %zu and is left out",
                    gg_text_escape_into(shown, sizeof shown, text, strlen(text)), h->vocab.n);
    return false;
}

static int read_added_tokens(struct hf *h, struct gg_err *err)
{
    json_t *o = NULL, *id;
    const char *text;
    uint64_t i;
    int rc = gg_hf_json_file(h, "added_tokens.json", &o, err);
    if (rc != GG_OK || o == NULL)
        return rc;
    json_object_foreach (o, text, id) {
        if (rc == GG_OK && in_vocab(h, id, text, &i))
            rc = gg_hf_vocab_set(h, i, text, strlen(text), -1000.0f, HF_USER_DEFINED, err);
    }
    json_decref(o);
    return rc;
}

static int add_described(struct hf *h, const json_t *id, const json_t *token, bool plain,
                         struct gg_err *err)
{
    const json_t *content = json_object_get(token, "content");
    const char *p = json_string_value(content);
    size_t n = p != NULL ? json_string_length(content) : 0;
    uint64_t i;
    if (p == NULL || !in_vocab(h, id, p, &i))
        return GG_OK;
    bool special = json_is_true(json_object_get(token, "special")) ||
                   (!plain && gg_hf_looks_special(p, n));
    if (!special && !plain)
        p = gg_hf_plain_spaces(h->arena, p, n, &n);
    if (p == NULL)
        return gg_fail_nomem(err, "the vocabulary");
    return gg_hf_vocab_set(h, i, p, n, -1000.0f, special ? HF_CONTROL : HF_USER_DEFINED, err);
}

static int read_described(struct hf *h, struct gg_err *err)
{
    bool plain = (h->arch->flags & HF_ADDED_PLAIN) != 0;
    json_t *decoder = json_object_get(h->tokenizer_config, "added_tokens_decoder"), *token;
    const char *key;
    size_t i;
    int rc = GG_OK;
    json_object_foreach (decoder, key, token) {
        uint64_t id;
        json_t *number = gg_text_parse_u64(key, &id) ? json_real((double)id) : json_real(-1);
        if (rc == GG_OK)
            rc = number == NULL ? gg_fail_nomem(err, "the vocabulary")
                                : add_described(h, number, token, plain, err);
        json_decref(number);
    }
    if (!plain)
        return rc;
    json_array_foreach (json_object_get(h->tokenizer, "added_tokens"), i, token) {
        if (rc == GG_OK)
            rc = add_described(h, json_object_get(token, "id"), token, true, err);
    }
    return rc;
}

int gg_hf_spm_parse(struct hf *h, const void *data, size_t n, bool *done, struct gg_err *err)
{
    struct span s = {data, (const uint8_t *)data + n};
    uint64_t n_pieces = count_pieces(s), n_vocab = 0;
    if (n_pieces == 0) {
        h->odd_spm = true;
        gg_findings_add(h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
                        "tokenizer.model is no SentencePiece model; tokenizer.json is read instead");
        return GG_OK;
    }
    if (!gg_hf_get_u64(h->config, "vocab_size", &n_vocab) || n_vocab == 0)
        n_vocab = n_pieces;
    int rc = gg_hf_vocab_alloc(h, n_vocab, err);
    if (rc == GG_OK)
        rc = add_pieces(h, s, err);
    h->vocab.model = "llama";
    h->vocab.pre = h->opts->pre != NULL ? h->opts->pre : "default";
    h->vocab.scores = true;
    *done = true;
    return rc;
}

int gg_hf_spm_read(struct hf *h, bool *done, struct gg_err *err)
{
    char *data = NULL;
    size_t n = 0;
    int rc = gg_checkpoint_side_file(h->ckpt, "tokenizer.model", HF_MAX_TOKENIZER, &data, &n, err);
    if (rc == GG_OK && data != NULL)
        rc = gg_hf_spm_parse(h, data, n, done, err);
    free(data);
    if (rc == GG_OK && *done)
        rc = read_added_tokens(h, err);
    if (rc == GG_OK && *done)
        rc = read_described(h, err);
    return rc;
}
