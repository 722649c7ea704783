/* Lint of vocabularies, special tokens and chat templates. */
#include "lib/job/lint_impl.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <string.h>

enum { KIND_BYTE = 6, KIND_LAST = 6 }; /* llama_token_type */

struct vocab {
    const struct gg_model *m;
    const struct gg_desc *d;
    struct gg_findings *f;
    const struct ggf_kv *tokens;
    uint64_t n;
    struct gg_map ids; /* token -> id; empty when there was no memory */
};

static char *shown(char dst[128], struct ggf_str s)
{
    return gg_text_escape_into(dst, 128, s.p, (size_t)s.nbytes);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

static void lint_lengths(const struct vocab *v)
{
    static const char *const keys[] = {"tokenizer.ggml.scores", "tokenizer.ggml.token_type"};
    for (size_t i = 0; i < GG_COUNTOF(keys); i++) {
        const struct ggf_kv *kv = ggf_meta_find(v->m->meta, keys[i]);
        if (kv != NULL && kv->value.type == GGF_ARR && kv->value.count != v->n)
            gg_lint_note(v->f, GG_FAULT, "vocab-length", kv,
                         "metadata key '%s': has %llu elements for %llu tokens", keys[i],
                         (unsigned long long)kv->value.count, (unsigned long long)v->n);
    }
}

static void lint_rows(const struct vocab *v)
{
    uint64_t rows = v->d->n_embd_vocab;
    if (rows != 0 && rows != v->n)
        gg_findings_add(v->f, GG_FAULT, "vocab-rows", "token_embd.weight", 17, GG_NOWHERE,
                        "has %llu rows for the %llu tokens of the vocabulary: llama.cpp does not load "
                        "it", (unsigned long long)rows, (unsigned long long)v->n);
}

/* All keys tokenizer.ggml.*_token_id. */
static void lint_ids(const struct vocab *v)
{
    static const char head[] = "tokenizer.ggml.", tail[] = "_token_id";
    for (size_t i = 0; i < ggf_meta_count(v->m->meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(v->m->meta, i);
        size_t n = (size_t)kv->key.nbytes, h = sizeof head - 1, t = sizeof tail - 1;
        uint64_t id;
        char name[128];
        if (n <= h + t || memcmp(kv->key.p, head, h) != 0 || memcmp(kv->key.p + n - t, tail, t) != 0)
            continue;
        if (!ggf_as_u64(&kv->value, &id) || id >= v->n)
            gg_lint_note(v->f, GG_WARN, "token-id", kv,
                         "metadata key '%s': is no token: the vocabulary has %llu",
                         shown(name, kv->key), (unsigned long long)v->n);
    }
}

/* "<0x41>" */
static bool is_byte_token(struct ggf_str s)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    return s.nbytes == 6 && memcmp(s.p, "<0x", 3) == 0 && memchr(hex, s.p[3], 22) != NULL &&
           memchr(hex, s.p[4], 22) != NULL && s.p[5] == '>';
}

static void lint_kind(const struct vocab *v, uint64_t id, struct ggf_str token, int64_t kind,
                      unsigned *n_said)
{
    char name[128];
    if (*n_said >= GG_LINT_MOST)
        return;
    if (kind < 0 || kind > KIND_LAST) {
        gg_lint_note(v->f, GG_WARN, "token-kind", v->tokens, "token %llu '%s' is of kind %lld",
                     (unsigned long long)id, shown(name, token), (long long)kind);
        ++*n_said;
    } else if (kind == KIND_BYTE && !is_byte_token(token)) {
        gg_lint_note(v->f, GG_FAULT, "byte-token", v->tokens,
                     "token %llu '%s' is to stand for a byte, and is not of the form <0x41>",
                     (unsigned long long)id, shown(name, token));
        ++*n_said;
    }
}

static void lint_tokens(struct vocab *v)
{
    const struct ggf_kv *kinds = ggf_meta_find(v->m->meta, "tokenizer.ggml.token_type");
    struct ggf_iter it = ggf_iter_begin(&v->tokens->value), kit = {.left = 0};
    struct ggf_value e;
    struct ggf_str s;
    unsigned n_kinds = 0, n_twice = 0;
    if (kinds != NULL && kinds->value.type == GGF_ARR && kinds->value.count == v->n)
        kit = ggf_iter_begin(&kinds->value);
    for (uint64_t id = 0; ggf_iter_next(&it, &e) && ggf_as_str(&e, &s); id++) {
        uint64_t old;
        int64_t kind;
        char name[128];
        if (ggf_iter_next(&kit, &e) && ggf_as_i64(&e, &kind))
            lint_kind(v, id, s, kind, &n_kinds);
        if (gg_map_add(&v->ids, s.p, (size_t)s.nbytes, id, &old) == 0 && n_twice++ < GG_LINT_MOST)
            gg_lint_note(v->f, GG_WARN, "token-twice", v->tokens, "token %llu '%s' is token %llu, too",
                         (unsigned long long)id, shown(name, s), (unsigned long long)old);
    }
}

/* The parts of a merge are tokens, and so is what they make. */
static bool merge_ok(const struct vocab *v, struct ggf_str s)
{
    uint64_t id;
    const char *blank = s.nbytes > 1 ? memchr(s.p + 1, ' ', (size_t)s.nbytes - 1) : NULL;
    if (blank == NULL)
        return false;
    size_t a = (size_t)(blank - s.p), b = (size_t)s.nbytes - a - 1;
    return b > 0 && gg_map_get(&v->ids, s.p, a, &id) && gg_map_get(&v->ids, blank + 1, b, &id);
}

static void lint_bpe(const struct vocab *v)
{
    const struct ggf_kv *merges = ggf_meta_find(v->m->meta, "tokenizer.ggml.merges");
    struct ggf_value e;
    struct ggf_str s;
    char name[128];
    uint64_t n_bad = 0, no = 0, first = 0;
    struct ggf_str example = {NULL, 0};
    if (!ggf_str_eq(v->d->tokenizer, "gpt2"))
        return;
    if (v->d->pre.nbytes == 0)
        gg_lint_note(v->f, GG_WARN, "no-pre-tokenizer", NULL,
                     "metadata key 'tokenizer.ggml.pre': is absent, so texts are cut up as by default, "
                     "which is wrong for most models");
    if (merges == NULL) {
        gg_lint_note(v->f, GG_WARN, "no-merges", NULL,
                     "metadata key 'tokenizer.ggml.merges': is absent from a BPE vocabulary");
        return;
    }
    struct ggf_iter it = ggf_iter_begin(&merges->value);
    for (; ggf_iter_next(&it, &e) && ggf_as_str(&e, &s); no++) {
        if (!merge_ok(v, s) && n_bad++ == 0) {
            first = no;
            example = s;
        }
    }
    if (n_bad > 0)
        gg_lint_note(v->f, GG_WARN, "merge", merges,
                     "metadata key 'tokenizer.ggml.merges': %llu of %llu are not of two tokens; the "
                     "first is %llu, '%s'", (unsigned long long)n_bad, (unsigned long long)no,
                     (unsigned long long)first, shown(name, example));
}

/* ---- templates ------------------------------------------------------------------------------- */

/* What reaches out of a Jinja sandbox. */
static void lint_unsafe(const struct vocab *v, const struct ggf_kv *kv, struct ggf_str t)
{
    static const char *const words[] = {"__class__", "__globals__", "__builtins__", "__subclasses__",
                                        "__import__", "__init__", "__mro__", "__base__", "os.system",
                                        "subprocess", "popen(", "|attr(", "eval("};
    char key[128];
    for (size_t i = 0; i < GG_COUNTOF(words); i++) {
        if (memmem(t.p, (size_t)t.nbytes, words[i], strlen(words[i])) == NULL)
            continue;
        gg_lint_note(v->f, GG_WARN, "template-unsafe", kv,
                     "metadata key '%s': holds '%s', which no template needs and attacks use",
                     shown(key, kv->key), words[i]);
        return;
    }
}

/* Literal special tokens <|...|> that the vocabulary lacks. */
static void lint_template_tokens(const struct vocab *v, const struct ggf_kv *kv, struct ggf_str t)
{
    enum { MOST = 64 };
    const char *p = t.p, *end = t.p + t.nbytes;
    struct gg_map said = GG_MAP_INIT;
    char key[128], name[128];
    uint64_t id;
    unsigned n = 0;
    while (n < GG_LINT_MOST && end - p > 4 && (p = memmem(p, (size_t)(end - p), "<|", 2)) != NULL) {
        const char *close = memmem(p, (size_t)(end - p < MOST ? end - p : MOST), "|>", 2);
        size_t len = close != NULL ? (size_t)(close + 2 - p) : 0;
        if (len > 4 && memchr(p, ' ', len) == NULL && memchr(p, '\'', len) == NULL &&
            memchr(p, '"', len) == NULL && !gg_map_get(&v->ids, p, len, &id) &&
            gg_map_add(&said, p, len, 0, NULL) == 1) {
            gg_lint_note(v->f, GG_NOTE, "template-token", kv,
                         "metadata key '%s': writes '%s', which is no token", shown(key, kv->key),
                         shown(name, (struct ggf_str){p, len}));
            n++;
        }
        p += len > 0 ? len : 2;
    }
    gg_map_free(&said);
}

static void lint_templates(const struct vocab *v)
{
    static const char head[] = "tokenizer.chat_template";
    struct ggf_str t;
    for (size_t i = 0; i < ggf_meta_count(v->m->meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(v->m->meta, i);
        if (kv->key.nbytes < sizeof head - 1 || memcmp(kv->key.p, head, sizeof head - 1) != 0 ||
            !ggf_as_str(&kv->value, &t) || t.nbytes == 0)
            continue;
        lint_unsafe(v, kv, t);
        if (v->ids.n > 0)
            lint_template_tokens(v, kv, t);
    }
}

void gg_lint_vocab(const struct gg_model *m, const struct gg_desc *d, struct gg_findings *f)
{
    struct vocab v = {.m = m, .d = d, .f = f, .tokens = ggf_meta_find(m->meta, "tokenizer.ggml.tokens")};
    if (v.tokens != NULL && v.tokens->value.type == GGF_ARR && v.tokens->value.elem == GGF_STR) {
        v.n = v.tokens->value.count;
        if (!gg_map_reserve(&v.ids, v.n < (1u << 24) ? (size_t)v.n : 0))
            f->failed = true;
        lint_lengths(&v);
        lint_rows(&v);
        lint_ids(&v);
        lint_tokens(&v);
        lint_bpe(&v);
    }
    lint_templates(&v);
    gg_map_free(&v.ids);
}
