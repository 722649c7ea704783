/* SentencePiece vocabularies (tokenizer.model and the like): a protocol buffer, of which this is read:
 *
 *     ModelProto      1: repeated SentencePiece pieces   2: TrainerSpec   3: NormalizerSpec
 *     SentencePiece   1: string piece   2: float score   3: enum type (1 when absent)
 *     TrainerSpec     3: enum model_type: 1 unigram (also when absent), 2 BPE, 3 words, 4 characters
 *     NormalizerSpec  2: bytes precompiled_charsmap   3: bool add_dummy_prefix
 *                     4: bool remove_extra_whitespaces (both true when absent)
 *
 * Source: sentencepiece_model.proto of google/sentencepiece. A unigram model is what GGUF calls "t5";
 * all else is "llama".
 *
 * sentencepiece.bpe.model is a fairseq dictionary's: its models (XLM-R, mBART) number the pieces otherwise,
 * <s> <pad> </s> <unk> in front of the pieces behind the first three.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { UNIGRAM = 1 };

/* Where such models stand. Files of encoders describe their tokens without them being in the vocabulary. */
struct spm_file {
    const char *name;
    bool described; /* tokens described in tokenizer_config.json are taken */
    bool moves;     /* pieces are numbered as fairseq does */
};

static const struct spm_file files[] = {
    {"tokenizer.model", true, false},
    {"spiece.model", false, false},
    {"sentencepiece.bpe.model", false, true},
};

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
static int add_pieces(struct hf *h, const struct spm_file *f, struct span s, struct gg_err *err)
{
    struct field field;
    struct hf_token t;
    uint64_t id = 0;
    int rc = GG_OK;
    while (rc == GG_OK && s.p < s.end && read_field(&s, &field)) {
        if (field.number != 1 || !read_piece(field.bytes, &t))
            continue;
        if (id < h->vocab.n)
            rc = gg_hf_vocab_set(h, id, t.p, t.nbytes, t.score,
                                 t.type == HF_USER_DEFINED ? HF_NORMAL : t.type, err);
        id++;
    }
    if (rc == GG_OK && id > h->vocab.n)
        gg_findings_add(h->notes, GG_WARN, "vocabulary", NULL, 0, GG_NOWHERE,
                        "%s has %llu pieces, config.json says %zu: the rest is left out", f->name,
                        (unsigned long long)id, h->vocab.n);
    return rc;
}

/* Numbers as fairseq gives them: the pieces behind the first three move up by one; the last row, which is
 * no piece, goes. */
static int move_pieces(struct hf *h, struct gg_err *err)
{
    static const struct {
        const char *text;
        int32_t type;
    } first[] = {{"<s>", HF_CONTROL}, {"<pad>", HF_CONTROL}, {"</s>", HF_CONTROL}, {"<unk>", HF_UNKNOWN}};
    struct hf_token *v = h->vocab.v;
    int rc = GG_OK;
    if (h->vocab.n < GG_COUNTOF(first))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "sentencepiece.bpe.model: fewer than four tokens in all");
    memmove(v + 4, v + 3, (h->vocab.n - 4) * sizeof *v);
    for (size_t i = 0; rc == GG_OK && i < GG_COUNTOF(first); i++)
        rc = gg_hf_vocab_set(h, i, first[i].text, strlen(first[i].text), 0.0f, first[i].type, err);
    return rc;
}

/* XLM-R has its mask behind the last piece, without it being one. */
static int name_mask(struct hf *h, uint64_t id, struct gg_err *err)
{
    const char *tok_class = gg_hf_get_str(h->tokenizer_config, "tokenizer_class");
    const json_t *mask = json_object_get(h->tokenizer_config, "mask_token");
    const char *text = json_is_object(mask) ? gg_hf_get_str(mask, "content") : json_string_value(mask);
    if (text == NULL || tok_class == NULL || strncmp(tok_class, "XLMRoberta", 10) != 0 ||
        id >= h->vocab.n)
        return GG_OK;
    return gg_hf_vocab_set(h, id, text, strlen(text), 0.0f, HF_CONTROL, err);
}

/* ---- what it is ------------------------------------------------------------------------------ */

struct spec {
    uint64_t model_type;
    bool adds_space, removes_spaces;
    struct span charsmap;
};

static void read_normalizer(struct span s, struct spec *out)
{
    struct field f;
    while (s.p < s.end && read_field(&s, &f)) {
        if (f.number == 2 && f.wire == 2)
            out->charsmap = f.bytes;
        else if (f.number == 3 && f.wire == 0)
            out->adds_space = f.value != 0;
        else if (f.number == 4 && f.wire == 0)
            out->removes_spaces = f.value != 0;
    }
}

static void read_trainer(struct span s, struct spec *out)
{
    struct field f;
    while (s.p < s.end && read_field(&s, &f)) {
        if (f.number == 3 && f.wire == 0)
            out->model_type = f.value;
    }
}

static struct spec read_spec(struct span s)
{
    struct spec out = {.model_type = UNIGRAM, .adds_space = true, .removes_spaces = true};
    struct field f;
    while (s.p < s.end && read_field(&s, &f)) {
        if (f.number == 2 && f.wire == 2)
            read_trainer(f.bytes, &out);
        else if (f.number == 3 && f.wire == 2)
            read_normalizer(f.bytes, &out);
    }
    return out;
}

static int set_kind(struct hf *h, const struct spec *spec, struct gg_err *err)
{
    h->vocab.pre = h->opts->pre != NULL ? h->opts->pre : "default";
    h->vocab.scores = true;
    h->vocab.model = "llama";
    if (spec->model_type != UNIGRAM)
        return GG_OK;
    h->vocab.model = "t5";
    h->vocab.adds_space = spec->adds_space;
    h->vocab.removes_spaces = spec->removes_spaces;
    return gg_hf_keep_charsmap(h, spec->charsmap.p, (size_t)(spec->charsmap.end - spec->charsmap.p))
               ? GG_OK
               : gg_fail_nomem(err, "a normalizer");
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

int gg_hf_described_read(struct hf *h, struct gg_err *err)
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

static int parse(struct hf *h, const struct spm_file *f, const void *data, size_t n, bool *done,
                 struct gg_err *err)
{
    struct span s = {data, (const uint8_t *)data + n};
    uint64_t n_pieces = count_pieces(s), n_vocab = 0;
    if (n_pieces == 0) {
        h->odd_spm = true; /* another file is looked for */
        return GG_OK;
    }
    struct spec spec = read_spec(s);
    bool moves = f->moves && spec.model_type == UNIGRAM;
    if (!gg_hf_get_u64(h->config, "vocab_size", &n_vocab) || n_vocab == 0)
        n_vocab = moves ? n_pieces + 2 : n_pieces;
    int rc = gg_hf_vocab_alloc(h, n_vocab, err);
    if (rc == GG_OK)
        rc = add_pieces(h, f, s, err);
    if (rc == GG_OK && moves)
        rc = move_pieces(h, err);
    if (rc == GG_OK && moves)
        rc = name_mask(h, n_pieces + 1, err);
    *done = true;
    return rc == GG_OK ? set_kind(h, &spec, err) : rc;
}

int gg_hf_spm_parse(struct hf *h, const void *data, size_t n, bool *done, struct gg_err *err)
{
    return parse(h, &files[0], data, n, done, err);
}

int gg_hf_spm_read(struct hf *h, bool *done, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && !*done && i < GG_COUNTOF(files); i++) {
        const struct spm_file *f = &files[i];
        char *data = NULL;
        size_t n = 0;
        rc = gg_checkpoint_side_file(h->ckpt, f->name, HF_MAX_TOKENIZER, &data, &n, err);
        if (rc == GG_OK && data != NULL)
            rc = parse(h, f, data, n, done, err);
        free(data);
        if (rc == GG_OK && *done)
            rc = read_added_tokens(h, err);
        if (rc == GG_OK && *done && f->described)
            rc = gg_hf_described_read(h, err);
    }
    return rc;
}
