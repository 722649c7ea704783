/* From stored tensors to virtual ones, by the rules of an architecture. */
#include "lib/hf/hf_impl.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 8 }; /* tensors named in one message */

struct mapper {
    struct hf *h;
    struct gg_map by_name; /* GGUF name -> index of the virtual tensor */
    size_t *in_order; /* stored tensors in upstream's order */
    size_t n_quantized; /* of the unknown: parts of quantized weights */
    size_t n_unknown, n_dropped, n_mtp, n_f64;
    struct gg_buf unknown; /* the first of them, for the message */
    uint64_t n_layers; /* one past the highest number seen */
};

/* ---- order ----------------------------------------------------------------------------------- */

struct place {
    const struct gg_ckpt_tensor *t;
    const char *file; /* its name: an archive may store them in any order */
    size_t i;
};

static int by_file(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int c = x->t->turn != y->t->turn ? x->t->turn - y->t->turn : strcmp(x->file, y->file);
    return c != 0 ? c : (x->i > y->i) - (x->i < y->i);
}

static int by_file_and_name(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    size_t n = x->t->name_nbytes < y->t->name_nbytes ? x->t->name_nbytes : y->t->name_nbytes;
    int c = x->t->turn != y->t->turn ? x->t->turn - y->t->turn : strcmp(x->file, y->file);
    if (c == 0)
        c = memcmp(x->t->name, y->t->name, n);
    if (c != 0)
        return c;
    return x->t->name_nbytes < y->t->name_nbytes ? -1 : x->t->name_nbytes > y->t->name_nbytes;
}

/* Upstream writes tensors file by file: those of a safetensors file by name, those of a PyTorch file as
 * they were pickled. */
static int rank_tensors(struct mapper *m, struct gg_err *err)
{
    size_t n = gg_checkpoint_n_tensors(m->h->ckpt);
    struct place *v = calloc(n + 1, sizeof *v);
    m->in_order = calloc(n + 1, sizeof *m->in_order);
    if (v == NULL || m->in_order == NULL) {
        free(v);
        return gg_fail_nomem(err, "the order of tensors");
    }
    for (size_t i = 0; i < n; i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(m->h->ckpt, i);
        uint64_t size, dev, ino;
        v[i] = (struct place){t, gg_checkpoint_file(m->h->ckpt, t->file, &size, &dev, &ino), i};
    }
    bool named = strcmp(gg_checkpoint_format(m->h->ckpt), "safetensors") == 0;
    qsort(v, n, sizeof *v, named ? by_file_and_name : by_file);
    for (size_t i = 0; i < n; i++)
        m->in_order[i] = v[i].i;
    free(v);
    return GG_OK;
}

static int by_rank(const void *a, const void *b)
{
    const struct hf_vt *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* ---- rules ----------------------------------------------------------------------------------- */

struct stored { /* a stored tensor's name, taken apart */
    size_t src, rank;
    char name[256];
    size_t n; /* without suffix */
    const char *suffix;
    char lora; /* 'a', 'b': of an adapter's pair for the weight of that name */
    uint64_t layer, expert;
};

/* The number of a rule that has a list of them; that of the name else. */
static int renumber(struct hf *h, const struct hf_rule *r, struct stored *s, struct gg_err *err)
{
    const json_t *list = r->renumber != NULL ? gg_hf_get(h->config, r->renumber) : NULL;
    if (r->renumber == NULL || gg_hf_as_u64(json_array_get(list, (size_t)s->layer), &s->layer))
        return GG_OK;
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: %s has no number %llu, which tensor '%s' is of",
                   r->renumber, (unsigned long long)s->layer, s->name);
}

/* The name in GGUF, in the arena. NULL: no memory. */
static char *name_of(struct hf *h, const struct hf_rule *r, const struct stored *s)
{
    size_t n = strlen(r->gguf);
    bool bare = r->gguf[n - 1] == '!';
    bool whole = n > 7 && (strcmp(r->gguf + n - 7, ".weight") == 0 || strcmp(r->gguf + n - 5, ".bias") == 0);
    char end[24];
    snprintf(end, sizeof end, "%s%s%.1s", bare || whole ? "" : s->suffix, s->lora != '\0' ? ".lora_" : "",
             &s->lora);
    char *name = gg_hf_fill(h->arena, r->gguf, s->layer, end);
    char *mark = bare && name != NULL ? strchr(name, '!') : NULL;
    if (mark != NULL)
        memmove(mark, mark + 1, strlen(mark));
    return name;
}

/* Where it stands in the output: of several stored ones the last counts, A of a pair right before its B. */
static uint64_t rank_of(const struct stored *s, const struct hf_rule *r, size_t r_index)
{
    if (s->lora == '\0')
        return (s->rank + 1 + r->later) << 16 | r_index;
    return (s->rank + (s->lora == 'a')) << 16 | r_index << 1 | (s->lora == 'b');
}

static int fail_twice(struct mapper *m, const struct hf_vt *old, const struct stored *s,
                      struct gg_err *err)
{
    char other[160];
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(m->h->ckpt, old->parts[0].src);
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "tensors '%s' and '%s%s' are both %s",
                   gg_text_escape_into(other, sizeof other, t->name, t->name_nbytes), s->name,
                   s->suffix, old->name);
}

static int apply(struct mapper *m, const struct hf_rule *r, size_t r_index, struct stored *s,
                 struct gg_err *err)
{
    bool stacked = strstr(r->hf, "{E}") != NULL, layered = strstr(r->hf, "{L}") != NULL;
    if (layered && s->layer >= m->h->n_layers && s->layer - m->h->n_layers < m->h->n_mtp_dropped) {
        m->n_mtp++;
        return GG_OK;
    }
    if (renumber(m->h, r, s, err) != GG_OK)
        return err->code;
    char *name = name_of(m->h, r, s);
    uint64_t at = m->h->n_vts;
    if (name == NULL)
        return gg_fail_nomem(err, "a tensor's name");
    int added = gg_map_add(&m->by_name, name, strlen(name), at, &at);
    if (added < 0)
        return gg_fail_nomem(err, "the list of tensors");
    if (added == 0 && (r->how == HF_FIRST || (r->how == HF_JOIN && s->lora == 'a')))
        return GG_OK;
    if (added == 0 && !stacked && r->how != HF_JOIN)
        return fail_twice(m, &m->h->vts[at], s, err);
    struct hf_vt *v = added ? gg_hf_vt_add(m->h, name, err) : &m->h->vts[at];
    if (v == NULL)
        return err->code;
    m->n_f64 += gg_checkpoint_tensor(m->h->ckpt, s->src)->dtype == GG_DT_F64;
    uint64_t rank = rank_of(s, r, r_index);
    v->lora = s->lora;
    v->rank = added || rank > v->rank ? rank : v->rank;
    if (layered && strncmp(r->gguf, gg_hf_each_layer(m->h), strcspn(gg_hf_each_layer(m->h), "{")) == 0)
        m->n_layers = gg_max_u64(m->n_layers, s->layer + 1);
    return gg_hf_vt_take(m->h, v, r, s->src, (uint32_t)(stacked ? s->expert : r_index), err);
}

/* Whether the rule is for this tensor, by its name, its ending and what config.json says. */
static bool fits(struct mapper *m, const struct hf_rule *r, struct stored *s)
{
    char pattern[256];
    size_t n = strlen(r->hf), k = strlen(s->suffix);
    if (n > k && n < sizeof pattern && strcmp(r->hf + n - k, s->suffix) == 0) {
        memcpy(pattern, r->hf, n - k);
        pattern[n - k] = '\0';
    } else {
        snprintf(pattern, sizeof pattern, "%s", r->hf);
    }
    if (!gg_hf_match(pattern, s->name, s->n, &s->layer, &s->expert))
        return false;
    m->h->layer = s->layer;
    return gg_hf_holds(m->h, r->when);
}

/* The first rule that fits, and those right behind it with the same pattern: a fused tensor has several. */
static int apply_rules(struct mapper *m, struct stored *s, bool *found, struct gg_err *err)
{
    size_t index = 0;
    int rc = GG_OK;
    *found = false;
    for (const struct hf_rule *const *list = m->h->arch->rules; !*found && *list != NULL; list++) {
        for (const struct hf_rule *r = *list, *first = NULL; rc == GG_OK && r->hf != NULL; r++, index++) {
            if (first != NULL && strcmp(first->hf, r->hf) != 0)
                break;
            if (!fits(m, r, s))
                continue;
            first = r;
            *found = true;
            if (r->how == HF_DROP) {
                m->n_dropped++;
                return GG_OK;
            }
            rc = apply(m, r, index, s, err);
        }
    }
    return rc;
}

static const char *take_suffix(struct stored *s)
{
    static const struct {
        const char *stored, *is;
        size_t keep; /* bytes of it that belong to the name */
    } ends[] = {{".weight", ".weight", 0},
                {".bias", ".bias", 0},
                {"LayerNorm.gamma", ".weight", 9}, /* of old BERTs */
                {"LayerNorm.beta", ".bias", 9}};
    for (size_t i = 0; i < GG_COUNTOF(ends); i++) {
        size_t n = strlen(ends[i].stored);
        if (s->n > n && memcmp(s->name + s->n - n, ends[i].stored, n) == 0) {
            s->n -= n - ends[i].keep;
            s->name[s->n] = '\0';
            return ends[i].is;
        }
    }
    return ".weight";
}

/* Takes "language_model." out: text models that come as part of a larger one. */
static void take_out_wrapper(struct stored *s)
{
    static const char word[] = "language_model.";
    char *at = strstr(s->name, word);
    if (at == NULL)
        return;
    memmove(at, at + sizeof word - 1, strlen(at + sizeof word - 1) + 1);
    s->n = strlen(s->name);
}

/* Takes a prefix of the architecture's off, once. */
static bool take_off_prefix(const struct hf_arch *arch, struct stored *s)
{
    for (const char *const *p = arch->prefixes; p != NULL && *p != NULL; p++) {
        size_t k = strlen(*p);
        if (s->n <= k || memcmp(s->name, *p, k) != 0)
            continue;
        s->n -= k;
        memmove(s->name, s->name + k, s->n + 1);
        return true;
    }
    return false;
}

/* By the rules; a bare model's names lack "model.". */
static int map_name(struct mapper *m, struct stored *s, bool *found, struct gg_err *err)
{
    int rc = apply_rules(m, s, found, err);
    if (rc != GG_OK || *found || strncmp(s->name, "model.", 6) == 0)
        return rc;
    memmove(s->name + 6, s->name, s->n + 1);
    memcpy(s->name, "model.", 6);
    s->n += 6;
    return apply_rules(m, s, found, err);
}

/* "mtp.layers.0.x" is of the first layer behind the last, "mtp.x" too. */
static void take_mtp(const struct hf *h, struct stored *s)
{
    uint64_t main = h->n_layers - h->n_mtp, layer = 0;
    char rest[sizeof s->name];
    const char *from = strncmp(s->name, "model.mtp.", 10) == 0 ? s->name + 10 : s->name + 4;
    int used = 0;
    if (!(h->arch->flags & HF_MTP_PREFIX) || (from == s->name + 4 && strncmp(s->name, "mtp.", 4) != 0))
        return;
    unsigned long long i = 0;
    if (sscanf(from, "layers.%3llu.%n", &i, &used) == 1 && used > 0)
        layer = i;
    snprintf(rest, sizeof rest, "%s", from + used);
    int n = snprintf(s->name, sizeof s->name, "model.layers.%llu.%s", (unsigned long long)(main + layer),
                     rest);
    s->n = n > 0 && (size_t)n < sizeof s->name ? (size_t)n : strlen(s->name);
}

/* By their names. */
static bool is_quantized_part(const struct gg_ckpt_tensor *t)
{
    static const char *const ends[] = {".qweight", ".qzeros", ".W_q", ".weight_packed", ".weight_scale",
                                       ".weight_scale_inv", ".absmax", ".SCB", "_blocks"};
    for (size_t i = 0; i < GG_COUNTOF(ends); i++) {
        size_t n = strlen(ends[i]);
        if (t->name_nbytes > n && memcmp(t->name + t->name_nbytes - n, ends[i], n) == 0)
            return true;
    }
    return false;
}

static int map_one(struct mapper *m, size_t rank, struct gg_err *err)
{
    size_t src = m->in_order[rank];
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(m->h->ckpt, src);
    struct stored s = {.src = src, .rank = rank};
    bool found = false;
    int rc = GG_OK;
    if (t->name_nbytes + 8 < sizeof s.name && memchr(t->name, '\0', t->name_nbytes) == NULL) {
        memcpy(s.name, t->name, t->name_nbytes);
        s.n = t->name_nbytes;
        if (m->h->adapter != NULL && gg_hf_lora_name(s.name, &s.n, &s.lora, err) != GG_OK)
            return err->code;
        take_out_wrapper(&s);
        take_off_prefix(m->h->arch, &s);
        take_mtp(m->h, &s);
        s.suffix = take_suffix(&s);
        rc = map_name(m, &s, &found, err);
    }
    m->n_quantized += rc == GG_OK && !found && is_quantized_part(t);
    if (rc == GG_OK && !found && m->n_unknown++ < SHOWN) {
        gg_buf_adds(&m->unknown, m->n_unknown > 1 ? ", '" : "'");
        gg_text_escape(&m->unknown, t->name, t->name_nbytes, 80);
        gg_buf_adds(&m->unknown, "'");
    }
    return rc;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static int check(struct mapper *m, struct gg_err *err)
{
    struct hf *h = m->h;
    if (m->n_unknown > 0)
        return gg_fail(
            err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
            "%zu tensor%s no place in architecture '%s'%s: %s%s%s", m->n_unknown,
            m->n_unknown == 1 ? " has" : "s have", h->arch->gguf,
            h->adapter != NULL ? ", that of --base, so that it is an adapter of another model" : "",
            gg_buf_str(&m->unknown), m->n_unknown > SHOWN ? "..." : "",
            h->adapter != NULL ? ""
            : m->n_quantized > 0 && h->quant == NULL
                ? ": parts of quantized weights, and config.json has no quantization_config"
                : " (ggtool convert --arch raw keeps all names)");
    if (h->adapter != NULL && m->n_layers <= h->n_layers)
        return gg_hf_lora_check(h, err);
    if (m->n_layers != h->n_layers)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json says %llu layers, the tensors are of %llu",
                       (unsigned long long)h->n_layers, (unsigned long long)m->n_layers);
    if (h->n_vocab_rows == 0 && !(h->arch->flags & HF_PROJECTOR))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "the embedding (embed_tokens) is missing");
    if (m->n_dropped > 0)
        gg_findings_add(h->notes, GG_NOTE, "left-out", NULL, 0, GG_NOWHERE,
                        "%zu tensors that the %s does not need are left out", m->n_dropped,
                        h->arch->flags & HF_PROJECTOR ? "projector" : "text model");
    if (m->n_mtp > 0)
        gg_findings_add(h->notes, GG_NOTE, "left-out", NULL, 0, GG_NOWHERE,
                        "%llu layer%s for further tokens left out (--mtp keep takes %s)",
                        (unsigned long long)h->n_mtp_dropped, h->n_mtp_dropped == 1 ? " is" : "s are",
                        h->n_mtp_dropped == 1 ? "it" : "them");
    if (m->n_f64 > 0)
        gg_findings_add(h->notes, GG_NOTE, "rounded", NULL, 0, GG_NOWHERE,
                        "%zu tensors stored as F64 are rounded to F32", m->n_f64);
    return GG_OK;
}

int gg_hf_map(struct hf *h, struct gg_err *err)
{
    struct mapper m = {.h = h};
    int rc = rank_tensors(&m, err);
    for (size_t i = 0; rc == GG_OK && i < gg_checkpoint_n_tensors(h->ckpt); i++)
        rc = map_one(&m, i, err);
    for (size_t i = 0; rc == GG_OK && i < h->n_vts; i++) {
        struct hf_vt *v = &h->vts[i];
        if (strcmp(v->name, "token_embd.weight") == 0)
            h->n_vocab_rows = v->ne[1];
        rc = gg_hf_vt_finish(h, v, err);
    }
    if (rc == GG_OK)
        rc = check(&m, err);
    if (rc == GG_OK && h->adapter == NULL)
        rc = gg_hf_complete(h, err);
    if (rc == GG_OK && h->quant != NULL)
        rc = gg_hf_factors(h, err);
    if (rc == GG_OK && h->n_vts > 0)
        qsort(h->vts, h->n_vts, sizeof *h->vts, by_rank);
    gg_map_free(&m.by_name);
    gg_buf_free(&m.unknown);
    free(m.in_order);
    return rc;
}
