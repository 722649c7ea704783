/* Special tokens and merges: what tokenizer.json, tokenizer_config.json and
 * config.json say about them, in the order in which llama.cpp's converter asks. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_KINDS = 9, N_PLAIN = 7 };

static const char *const kind_names[MAX_KINDS] = {"bos", "eos",  "unk", "sep", "pad",
                                                  "cls", "mask", "eot", "eom"};
/* Keys as llama.cpp spells them; NULL: it has none. */
static const char *const id_keys[MAX_KINDS] = {
    "tokenizer.ggml.bos_token_id",     "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.unknown_token_id", "tokenizer.ggml.seperator_token_id",
    "tokenizer.ggml.padding_token_id", NULL,
    "tokenizer.ggml.mask_token_id",    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",
};

enum kind {
    BOS = HF_ID_BOS,
    EOS = HF_ID_EOS,
    UNK = HF_ID_UNK,
    SEP = HF_ID_SEP,
    PAD = HF_ID_PAD,
    CLS = HF_ID_CLS,
    MASK = HF_ID_MASK,
    EOT,
    EOM
};

struct special {
    struct hf *h;
    const char *text[MAX_KINDS]; /* of tokenizer_config.json, or found out; NULL: none */
    uint64_t id[MAX_KINDS];
    bool has_id[MAX_KINDS];
    int add[MAX_KINDS]; /* -1: not said */
    int order[MAX_KINDS], add_order[MAX_KINDS];
    size_t n_ids, n_adds, n_kinds;
};

static void set_id(struct special *s, int k, uint64_t id)
{
    if (s->has_id[k])
        return;
    if (id >= s->h->vocab.n) {
        gg_findings_add(s->h->notes, GG_WARN, "vocabulary", NULL, 0, GG_NOWHERE,
                        "%s_token_id %llu lies outside of the vocabulary and is left out",
                        kind_names[k], (unsigned long long)id);
        return;
    }
    s->id[k] = id;
    s->has_id[k] = true;
    s->order[s->n_ids++] = k;
}

/* vocab.n: there is no such token. */
static uint64_t token_id(const struct hf *h, const char *text, size_t n)
{
    uint64_t i = 0;
    while (i < h->vocab.n && (h->vocab.v[i].nbytes != n || memcmp(h->vocab.v[i].p, text, n) != 0))
        i++;
    return i;
}

static void set_add(struct special *s, int k, bool add)
{
    if (s->add[k] < 0)
        s->add_order[s->n_adds++] = k;
    s->add[k] = add;
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static const char *or_of(const char *a, const char *b)
{
    return a != NULL && *a != '\0' ? a : b;
}

/* ---- post-processors ------------------------------------------------------------------------- */

static const char *template_token(const json_t *tmpl, size_t i)
{
    return gg_hf_get_str(json_object_get(json_array_get(tmpl, i), "SpecialToken"), "id");
}

static void leading_token(struct special *s, const char *first)
{
    if (first == NULL)
        return;
    if (!same(first, s->text[BOS]) && !same(first, s->text[CLS])) {
        s->text[BOS] = or_of(s->text[BOS], first);
        s->text[CLS] = or_of(s->text[CLS], first);
    }
    set_add(s, BOS, same(first, s->text[BOS]) || same(first, s->text[CLS]));
}

static void trailing_token(struct special *s, const char *last)
{
    if (last == NULL)
        return;
    if (!same(last, s->text[EOS])) { /* the old one becomes the end of a turn, or of a message */
        if (s->n_kinds < MAX_KINDS)
            s->text[s->n_kinds++] = s->text[EOS];
        s->text[EOS] = last;
    }
    set_add(s, EOS, true);
}

/* What stands between the two texts of a pair: a separator, an end, or both. */
static void separator(struct special *s, const json_t *pair, const char *first, const char *last)
{
    size_t n = json_array_size(pair), from = 0, to = n;
    if (n == 0)
        return;
    from = first != NULL && same(template_token(pair, 0), first) ? 1 : 0;
    to -= last != NULL && same(template_token(pair, n - 1), last) ? 1 : 0;
    if (from + 2 >= to)
        return;
    const json_t *a = json_object_get(json_array_get(pair, from), "Sequence");
    const json_t *b = json_object_get(json_array_get(pair, to - 1), "Sequence");
    if (!same(gg_hf_get_str(a, "id"), "A") || !same(gg_hf_get_str(b, "id"), "B"))
        return;
    const char *sep = s->text[SEP], *eos = s->text[EOS];
    const char *one = template_token(pair, from + 1);
    bool add = one != NULL && (same(one, sep) || same(one, eos)) && last == NULL;
    if (to - from == 4) {
        const char *two = template_token(pair, from + 2);
        add = add || same(two, sep) || same(two, eos);
    }
    set_add(s, SEP, add);
    if (add)
        s->text[SEP] = or_of(sep, eos);
}

static void read_processor(struct special *s, const json_t *p)
{
    const char *type = gg_hf_get_str(p, "type");
    const json_t *single = json_object_get(p, "single");
    if (same(type, "RobertaProcessing")) {
        set_add(s, BOS, true);
        set_add(s, EOS, true);
        set_add(s, SEP, true);
        const char *cls = json_string_value(json_array_get(json_object_get(p, "cls"), 0));
        const char *sep = json_string_value(json_array_get(json_object_get(p, "sep"), 0));
        s->text[CLS] = or_of(s->text[CLS], or_of(cls, s->text[BOS]));
        s->text[SEP] = or_of(s->text[SEP], or_of(sep, s->text[EOS]));
    }
    if (!same(type, "TemplateProcessing"))
        return;
    const char *first = NULL, *last = NULL;
    size_t n = json_array_size(single);
    if (n > 1) {
        leading_token(s, first = template_token(single, 0));
        trailing_token(s, last = template_token(single, n - 1));
    }
    separator(s, json_object_get(p, "pair"), first, last);
}

static void read_processors(struct special *s)
{
    const json_t *post = json_object_get(s->h->tokenizer, "post_processor");
    const json_t *list = json_object_get(post, "processors");
    json_t *p;
    size_t i;
    s->text[BOS] = or_of(s->text[BOS], s->text[CLS]);
    s->text[EOS] = or_of(s->text[EOS], s->text[SEP]);
    if (!json_is_array(list) && post != NULL)
        read_processor(s, post);
    json_array_foreach (list, i, p)
        read_processor(s, p);
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char *config_token(const json_t *config, int k)
{
    char key[32];
    snprintf(key, sizeof key, "%s_token", kind_names[k]);
    const json_t *v = json_object_get(config, key);
    return json_is_object(v) ? gg_hf_get_str(v, "content") : json_string_value(v);
}

/* Of the control tokens, the one of that text. */
static void find_control(struct special *s, int k)
{
    const struct hf_vocab *v = &s->h->vocab;
    for (uint64_t id = 0; id < v->n; id++) {
        if (v->v[id].type == HF_CONTROL && same(v->v[id].p, s->text[k])) {
            set_id(s, k, id);
            return;
        }
    }
}

static void look_up(struct special *s, int k)
{
    json_t *token;
    size_t i;
    uint64_t id;
    json_array_foreach (json_object_get(s->h->tokenizer, "added_tokens"), i, token) {
        if (same(gg_hf_get_str(token, "content"), s->text[k])) {
            if (gg_hf_as_u64(json_object_get(token, "id"), &id))
                set_id(s, k, id);
            return;
        }
    }
    if (s->h->vocab.n_made > 0) /* no file lists the added tokens of ranks */
        find_control(s, k);
}

static void read_tokenizer_config(struct special *s)
{
    const json_t *config = s->h->tokenizer_config;
    char key[32];
    if (config == NULL)
        return;
    for (size_t k = 0; k < s->n_kinds; k++) {
        snprintf(key, sizeof key, "add_%s_token", kind_names[k]);
        const json_t *add = json_object_get(config, key);
        if (json_is_boolean(add))
            set_add(s, (int)k, json_is_true(add));
        if (s->text[k] != NULL)
            look_up(s, (int)k);
    }
}

static void read_config(struct special *s)
{
    char key[32];
    for (size_t k = 0; k < s->n_kinds; k++) {
        uint64_t id;
        snprintf(key, sizeof key, "%s_token_id", kind_names[k]);
        if (gg_hf_get_u64(s->h->raw_config, key, &id) ||
            gg_hf_get_u64(json_object_get(s->h->raw_config, "text_config"), key, &id))
            set_id(s, (int)k, id);
    }
}

/* llama.cpp ends text with a unigram vocabulary and does not begin it, as T5 does; this class does the
 * reverse, and its tokens have ids of their own there. */
static void read_llama(struct special *s)
{
    s->text[BOS] = or_of(s->text[BOS], "<s>");
    s->text[EOS] = or_of(s->text[EOS], "</s>");
    find_control(s, BOS);
    find_control(s, EOS);
    if (s->add[BOS] < 0)
        set_add(s, BOS, s->has_id[BOS]);
    if (s->add[EOS] < 0)
        set_add(s, EOS, false);
}

/* What the vocabulary itself tells, and what goes without saying for such tokenizers. */
static void read_vocab(struct special *s)
{
    const struct hf_vocab *v = &s->h->vocab;
    const char *tok_class = gg_hf_get_str(s->h->tokenizer_config, "tokenizer_class");
    for (int k = 0; v->has_ids && k < HF_N_IDS; k++) {
        if (v->ids[k] >= 0)
            set_id(s, k, (uint64_t)v->ids[k]);
    }
    if (v->add_bos != 0 && s->add[BOS] < 0)
        set_add(s, BOS, v->add_bos == 2);
    if (v->add_eos != 0 && s->add[EOS] < 0)
        set_add(s, EOS, v->add_eos == 2);
    if (strcmp(v->model, "t5") == 0 && tok_class != NULL && strncmp(tok_class, "Llama", 5) == 0)
        read_llama(s);
}

static int write_ids(struct special *s, struct gg_err *err)
{
    static const char *const add_keys[MAX_KINDS] = {[BOS] = "tokenizer.ggml.add_bos_token",
                                                    [EOS] = "tokenizer.ggml.add_eos_token",
                                                    [SEP] = "tokenizer.ggml.add_sep_token"};
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < s->n_ids; i++) {
        int k = s->order[i];
        if (id_keys[k] != NULL)
            rc = gg_hf_set_u32(s->h, id_keys[k], s->id[k], err);
    }
    for (size_t i = 0; rc == GG_OK && i < s->n_adds; i++) {
        int k = s->add_order[i];
        if (add_keys[k] != NULL)
            rc = gg_hf_set_bool(s->h, add_keys[k], s->add[k] > 0, err);
    }
    return rc;
}

/* ---- merges ---------------------------------------------------------------------------------- */

/* A space inside a part would end it: it becomes the character byte-level BPE writes it as. */
static void add_merge_part(struct gg_buf *to, const struct gg_buf *part)
{
    for (size_t i = 0; i < part->nbytes; i++) {
        if (part->data[i] == ' ')
            gg_buf_adds(to, "\xc4\xa0");
        else
            gg_buf_addc(to, part->data[i]);
    }
}

static void merge_text(const struct hf_merge *m, struct gg_buf *one)
{
    gg_buf_reset(one);
    if (!m->is_pair) {
        gg_buf_add(one, gg_buf_str(&m->a), m->a.nbytes);
        return;
    }
    add_merge_part(one, &m->a);
    gg_buf_addc(one, ' ');
    add_merge_part(one, &m->b);
}

static int write_made(struct hf *h, struct gg_err *err)
{
    const struct hf_vocab *v = &h->vocab;
    return gg_hf_set_array(h, "tokenizer.ggml.merges", GGF_STR, v->n_made, v->made.data, v->made.nbytes,
                           err);
}

static int write_merges(struct hf *h, struct gg_err *err)
{
    struct gg_buf all = GG_BUF_INIT, one = GG_BUF_INIT;
    struct hf_merge m = {GG_BUF_INIT, GG_BUF_INIT, false};
    struct hf_list list = h->tok_merges;
    uint64_t n = 0;
    bool more = true;
    int rc = GG_OK;
    for (; rc == GG_OK && more; n += more) {
        rc = gg_hf_next_merge(h, &list, &m, &more, err);
        if (rc != GG_OK || !more)
            continue;
        merge_text(&m, &one);
        gg_hf_add_str(&all, gg_buf_str(&one), one.nbytes);
    }
    if (rc == GG_OK && (all.failed || one.failed))
        rc = gg_fail_nomem(err, "merges");
    if (rc == GG_OK && n == 0)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "tokenizer.json: no merges");
    if (rc == GG_OK)
        rc = gg_hf_set_array(h, "tokenizer.ggml.merges", GGF_STR, n, all.data, all.nbytes, err);
    gg_buf_free(&all);
    gg_buf_free(&one);
    gg_hf_merge_free(&m);
    return rc;
}

/* ---- normalizers ----------------------------------------------------------------------------- */

struct normal { /* -1: not said */
    int lowercase, strip_accents;
};

static void say(int *to, const json_t *v)
{
    if (json_is_boolean(v))
        *to = json_is_true(v);
}

static void read_normalizer(struct normal *to, const json_t *n, unsigned depth)
{
    const char *type = gg_hf_get_str(n, "type");
    json_t *one;
    size_t i;
    if (same(type, "Lowercase"))
        to->lowercase = 1;
    else if (same(type, "StripAccents"))
        to->strip_accents = 1;
    else if (same(type, "BertNormalizer")) {
        say(&to->lowercase, json_object_get(n, "lowercase"));
        say(&to->strip_accents, json_object_get(n, "strip_accents"));
    } else if (same(type, "Sequence") && depth < 4) {
        json_array_foreach (json_object_get(n, "normalizers"), i, one)
            read_normalizer(to, one, depth + 1);
    }
}

/* BERT's files without tokenizer.json say it in tokenizer_config.json. */
static int write_normalizer(struct hf *h, struct gg_err *err)
{
    struct normal n = {-1, -1};
    int rc = GG_OK;
    if (h->tokenizer != NULL) {
        read_normalizer(&n, json_object_get(h->tokenizer, "normalizer"), 0);
    } else if (strcmp(h->vocab.model, "bert") == 0) {
        say(&n.lowercase, json_object_get(h->tokenizer_config, "do_lower_case"));
        say(&n.strip_accents, json_object_get(h->tokenizer_config, "strip_accents"));
    }
    if (n.lowercase >= 0)
        rc = gg_hf_set_bool(h, "tokenizer.ggml.normalizer.lowercase", n.lowercase > 0, err);
    if (rc == GG_OK && n.strip_accents >= 0)
        rc = gg_hf_set_bool(h, "tokenizer.ggml.normalizer.strip_accents", n.strip_accents > 0, err);
    return rc;
}

/* A token the architecture names: by its text, or "@NAME", a number of config.json, or
 * "@generation.NAME" of generation_config.json. vocab.n: there is none. */
static uint64_t arch_token(const struct hf *h, const char *text, size_t n)
{
    static const char other[] = "@generation.";
    char name[64];
    uint64_t id;
    if (text[0] != '@')
        return token_id(h, text, n);
    bool of_generation = strncmp(text, other, sizeof other - 1) == 0;
    snprintf(name, sizeof name, "%.*s", (int)(n - 1), text + 1);
    bool there = of_generation ? gg_hf_get_u64(h->generation, name + sizeof other - 2, &id)
                               : gg_hf_get_u64(h->config, name, &id);
    return there ? gg_min_u64(id, h->vocab.n) : h->vocab.n;
}

/* Those the architecture names: "eot=<|user|> ...". */
static void read_arch_tokens(struct special *s)
{
    const char *p = s->h->arch->tokens;
    for (size_t n; p != NULL && *p != '\0'; p += n + strspn(p + n, " ")) {
        bool anyway = *p == '!';
        p += anyway;
        const char *text = strchr(p, '=') + 1;
        n = strcspn(p, " ");
        for (int k = 0; k < MAX_KINDS; k++) {
            if (strncmp(p, kind_names[k], strlen(kind_names[k])) != 0 || p[strlen(kind_names[k])] != '=')
                continue;
            uint64_t id = arch_token(s->h, text, (size_t)(p + n - text));
            if (id < s->h->vocab.n && anyway && s->has_id[k])
                s->id[k] = id;
            else if (id < s->h->vocab.n)
                set_id(s, k, id);
        }
    }
}

int gg_hf_special(struct hf *h, struct gg_err *err)
{
    struct special s = {.h = h, .n_kinds = N_PLAIN};
    memset(s.add, -1, sizeof s.add);
    for (int k = 0; k < N_PLAIN; k++)
        s.text[k] = config_token(h->tokenizer_config, k);
    if (h->tokenizer != NULL)
        read_processors(&s);
    read_tokenizer_config(&s);
    read_config(&s);
    read_vocab(&s);
    read_arch_tokens(&s);
    int rc = h->vocab.merges ? write_merges(h, err) : GG_OK;
    if (rc == GG_OK && h->vocab.n_made > 0)
        rc = write_made(h, err);
    if (rc == GG_OK)
        rc = write_ids(&s, err);
    if (rc == GG_OK)
        rc = gg_hf_templates(h, err);
    return rc == GG_OK ? write_normalizer(h, err) : rc;
}
