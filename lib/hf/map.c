/* From stored tensors to virtual ones, by the rules of an architecture. */
#include "lib/hf/hf_impl.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>

enum { SHOWN = 8 }; /* tensors named in one message */

struct mapper {
    struct hf *h;
    struct gg_map by_name; /* GGUF name -> index of the virtual tensor */
    uint64_t *rank; /* of each stored tensor in upstream's order */
    size_t cap;
    size_t n_unknown, n_dropped, n_f64;
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
    int c = strcmp(x->file, y->file);
    return c != 0 ? c : (x->i > y->i) - (x->i < y->i);
}

static int by_file_and_name(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    size_t n = x->t->name_nbytes < y->t->name_nbytes ? x->t->name_nbytes : y->t->name_nbytes;
    int c = strcmp(x->file, y->file);
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
    m->rank = calloc(n + 1, sizeof *m->rank);
    if (v == NULL || m->rank == NULL) {
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
        m->rank[v[i].i] = i;
    free(v);
    return GG_OK;
}

static int by_rank(const void *a, const void *b)
{
    const struct hf_vt *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* ---- virtual tensors ------------------------------------------------------------------------- */

uint32_t gg_hf_type_of(enum gg_dtype t, bool is_f32)
{
    if (is_f32)
        return QT_F32;
    switch (t) {
    case GG_DT_F16:
        return QT_F16;
    case GG_DT_BF16:
    case GG_DT_F8_E4M3: /* BF16 holds all their values */
    case GG_DT_F8_E5M2:
        return QT_BF16;
    default:
        return QT_F32;
    }
}

struct hf_vt *gg_hf_vt_add(struct hf *h, const char *name, struct gg_err *err)
{
    struct hf_vt *v = h->vts;
    if ((h->n_vts & (h->n_vts - 1)) == 0) { /* grows when full: at 0, 1, 2, 4... */
        size_t cap = h->n_vts == 0 ? 1 : 2 * h->n_vts;
        v = realloc(h->vts, cap * sizeof *v);
        if (v == NULL) {
            gg_fail_nomem(err, "the list of tensors");
            return NULL;
        }
        h->vts = v;
    }
    v = &h->vts[h->n_vts++];
    *v = (struct hf_vt){.name = name, .ne = {1, 1, 1, 1}};
    return v;
}

static int add_part(struct hf_vt *v, const struct hf_part *p, struct gg_err *err)
{
    if (v->n_parts == v->cap_parts) {
        size_t cap = v->cap_parts == 0 ? 1 : 2 * v->cap_parts;
        struct hf_part *parts = realloc(v->parts, cap * sizeof *parts);
        if (parts == NULL)
            return gg_fail_nomem(err, "the parts of a tensor");
        v->parts = parts;
        v->cap_parts = cap;
    }
    v->parts[v->n_parts++] = *p;
    return GG_OK;
}

static int fail_tensor(const struct gg_ckpt_tensor *t, struct gg_err *err, const char *why)
{
    char name[160];
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "tensor '%s' %s",
                   gg_text_escape_into(name, sizeof name, t->name, t->name_nbytes), why);
}

/* Always F32: vectors, norms, routers, whatever is no weight. */
static bool wants_f32(const struct hf_vt *v)
{
    static const char *const tails[] = {"_norm.weight", ".ffn_gate_inp.weight",
                                        ".ffn_gate_inp_shexp.weight"};
    size_t n = strlen(v->name);
    if (v->n_dims <= 1 || n < 7 || strcmp(v->name + n - 7, ".weight") != 0)
        return true;
    for (size_t i = 0; i < GG_COUNTOF(tails); i++) {
        size_t t = strlen(tails[i]);
        if (n >= t && strcmp(v->name + n - t, tails[i]) == 0)
            return true;
    }
    return false;
}

/* The shape of one stored tensor as GGUF counts. */
static int shape_of(struct hf_vt *v, const struct gg_ckpt_tensor *t, struct gg_err *err)
{
    if (t->n_dims < 1 || t->n_dims > 3)
        return fail_tensor(t, err,
                           "has a number of dimensions that does not go with this architecture");
    v->n_dims = t->n_dims;
    for (unsigned d = 0; d < t->n_dims; d++)
        v->ne[d] = t->shape[t->n_dims - 1 - d];
    return GG_OK;
}

static int heads_of(struct hf *h, struct hf_vt *v, const struct gg_ckpt_tensor *t,
                    struct gg_err *err)
{
    uint64_t n = 0, n_kv = 0;
    if (!gg_hf_get_u64(h->config, "n_heads|num_attention_heads", &n))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no num_attention_heads");
    if (v->how == HF_ROPE_K && gg_hf_get_u64(h->config, "n_kv_heads|num_key_value_heads", &n_kv))
        n = n_kv;
    uint64_t rows = t->shape[0];
    if (n == 0 || rows % n != 0 || rows / n % 2 != 0)
        return fail_tensor(t, err, "has rows that do not divide into the heads of config.json");
    v->n_heads = n;
    return GG_OK;
}

/* Halves of the rows of each matrix: one part a matrix. */
static int add_halves(struct hf_vt *v, size_t src, const struct gg_ckpt_tensor *t,
                      struct gg_err *err)
{
    int rc = GG_OK;
    if (t->n_dims != 3 || t->shape[1] % 2 != 0)
        return fail_tensor(t, err, "should be experts of gate and up, one above the other");
    v->ne[1] = t->shape[1] / 2;
    uint64_t half = v->ne[0] * v->ne[1]; /* no overflow: half of a matrix of t */
    for (uint64_t e = 0; rc == GG_OK && e < t->shape[0] && half > 0; e++) {
        uint64_t first = (2 * e + (v->how == HF_SECOND_HALF)) * half;
        rc = add_part(v, &(struct hf_part){src, first, half, (uint32_t)e}, err);
    }
    return rc;
}

static int fill_single(struct mapper *m, struct hf_vt *v, size_t src, struct gg_err *err)
{
    struct hf *h = m->h;
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, src);
    int rc = shape_of(v, t, err);
    if (rc == GG_OK && (v->how == HF_ROPE_Q || v->how == HF_ROPE_K))
        rc = heads_of(h, v, t, err);
    if (rc != GG_OK)
        return rc;
    v->type = gg_hf_type_of(t->dtype, wants_f32(v));
    if (v->how == HF_FIRST_HALF || v->how == HF_SECOND_HALF)
        return add_halves(v, src, t, err);
    return add_part(v, &(struct hf_part){src, 0, t->nelems, 0}, err);
}

/* One more expert of a stack; they must be alike. */
static int fill_expert(struct mapper *m, struct hf_vt *v, size_t src, uint64_t expert,
                       struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(m->h->ckpt, src);
    if (v->n_parts == 0) {
        int rc = shape_of(v, t, err);
        if (rc != GG_OK)
            return rc;
        v->n_dims = t->n_dims + 1;
        v->type = gg_hf_type_of(t->dtype, wants_f32(v));
    } else {
        const struct gg_ckpt_tensor *first = gg_checkpoint_tensor(m->h->ckpt, v->parts[0].src);
        if (t->dtype != first->dtype || t->n_dims != first->n_dims ||
            memcmp(t->shape, first->shape, t->n_dims * sizeof t->shape[0]) != 0)
            return fail_tensor(t, err,
                               "has another type or shape than the other experts of its layer");
    }
    return add_part(v, &(struct hf_part){src, 0, t->nelems, (uint32_t)expert}, err);
}

/* ---- rules ----------------------------------------------------------------------------------- */

struct stored { /* a stored tensor's name, taken apart */
    size_t src;
    char name[256];
    size_t n; /* without suffix */
    const char *suffix;
    uint64_t layer, expert;
};

static int apply(struct mapper *m, const struct hf_rule *r, size_t r_index, const struct stored *s,
                 struct gg_err *err)
{
    bool stacked = strstr(r->hf, "{E}") != NULL;
    char *name = gg_hf_fill(m->h->arena, r->gguf, s->layer, s->suffix);
    uint64_t at = m->h->n_vts;
    if (name == NULL)
        return gg_fail_nomem(err, "a tensor's name");
    int added = gg_map_add(&m->by_name, name, strlen(name), at, &at);
    if (added < 0)
        return gg_fail_nomem(err, "the list of tensors");
    if (added == 0 && !stacked) {
        const struct hf_vt *old = &m->h->vts[at];
        char other[160];
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(m->h->ckpt, old->parts[0].src);
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "tensors '%s' and '%s%s' are both %s",
                       gg_text_escape_into(other, sizeof other, t->name, t->name_nbytes), s->name,
                       s->suffix, name);
    }
    struct hf_vt *v = added ? gg_hf_vt_add(m->h, name, err) : &m->h->vts[at];
    if (v == NULL)
        return err->code;
    v->how = r->how;
    m->n_f64 += gg_checkpoint_tensor(m->h->ckpt, s->src)->dtype == GG_DT_F64;
    uint64_t rank = (m->rank[s->src] + 1) << 16 | r_index; /* of a stack: that of its last expert */
    v->rank = added || rank > v->rank ? rank : v->rank;
    if (strstr(r->hf, "{L}") != NULL)
        m->n_layers = gg_max_u64(m->n_layers, s->layer + 1);
    return stacked ? fill_expert(m, v, s->src, s->expert, err) : fill_single(m, v, s->src, err);
}

/* All rules with the pattern that fits first (a fused tensor has two). */
static int apply_rules(struct mapper *m, struct stored *s, bool *found, struct gg_err *err)
{
    const char *first = NULL;
    size_t index = 0;
    int rc = GG_OK;
    for (const struct hf_rule *const *list = m->h->arch->rules; *list != NULL; list++) {
        for (const struct hf_rule *r = *list; rc == GG_OK && r->hf != NULL; r++, index++) {
            if (first != NULL ? strcmp(first, r->hf) != 0
                              : !gg_hf_match(r->hf, s->name, s->n, &s->layer, &s->expert))
                continue;
            if (first != NULL && r->how < HF_FIRST_HALF) /* an override stands before it */
                continue;
            first = r->hf;
            if (r->how == HF_DROP) {
                m->n_dropped++;
                *found = true;
                return GG_OK;
            }
            rc = apply(m, r, index, s, err);
        }
    }
    *found = first != NULL;
    return rc;
}

static const char *take_suffix(struct stored *s)
{
    static const char *const suffixes[] = {".weight", ".bias"};
    for (size_t i = 0; i < GG_COUNTOF(suffixes); i++) {
        size_t n = strlen(suffixes[i]);
        if (s->n > n && memcmp(s->name + s->n - n, suffixes[i], n) == 0) {
            s->n -= n;
            s->name[s->n] = '\0';
            return suffixes[i];
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

static int map_one(struct mapper *m, size_t src, struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(m->h->ckpt, src);
    struct stored s = {.src = src};
    bool found = false;
    int rc = GG_OK;
    if (t->name_nbytes + 8 < sizeof s.name && memchr(t->name, '\0', t->name_nbytes) == NULL) {
        memcpy(s.name, t->name, t->name_nbytes);
        s.n = t->name_nbytes;
        take_out_wrapper(&s);
        s.suffix = take_suffix(&s);
        rc = apply_rules(m, &s, &found, err);
        if (rc == GG_OK && !found && strncmp(s.name, "model.", 6) != 0) { /* of a bare model */
            memmove(s.name + 6, s.name, s.n + 1);
            memcpy(s.name, "model.", 6);
            s.n += 6;
            rc = apply_rules(m, &s, &found, err);
        }
    }
    if (rc == GG_OK && !found && m->n_unknown++ < SHOWN) {
        gg_buf_adds(&m->unknown, m->n_unknown > 1 ? ", '" : "'");
        gg_text_escape(&m->unknown, t->name, t->name_nbytes, 80);
        gg_buf_adds(&m->unknown, "'");
    }
    return rc;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static int by_expert(const void *a, const void *b)
{
    const struct hf_part *x = a, *y = b;
    return x->expert < y->expert ? -1 : x->expert > y->expert;
}

static int finish_stack(struct hf *h, struct hf_vt *v, struct gg_err *err)
{
    uint64_t n = 0;
    if (v->how == HF_FIRST_HALF || v->how == HF_SECOND_HALF || v->n_dims != 3 || v->n_parts == 0 ||
        strstr(v->name, "_exps.") == NULL ||
        gg_checkpoint_tensor(h->ckpt, v->parts[0].src)->n_dims == 3)
        return GG_OK;
    qsort(v->parts, v->n_parts, sizeof *v->parts, by_expert);
    if (!gg_hf_get_u64(h->config, "num_local_experts|num_experts|n_routed_experts", &n))
        n = v->parts[v->n_parts - 1].expert + (uint64_t)1;
    for (size_t i = 0; i < v->n_parts; i++) {
        if (v->parts[i].expert != i)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: expert %zu is %s", v->name, i,
                           v->parts[i].expert > i ? "missing" : "there twice");
    }
    if (v->n_parts != n)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "%s: %zu experts are stored, config.json says %llu", v->name, v->n_parts,
                       (unsigned long long)n);
    v->ne[v->n_dims - 1] = n;
    return GG_OK;
}

static int check(struct mapper *m, struct gg_err *err)
{
    struct hf *h = m->h;
    if (m->n_unknown > 0)
        return gg_fail(
            err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
            "%zu tensor%s no place in architecture '%s': %s%s (ggtool convert --arch raw keeps all names)",
            m->n_unknown, m->n_unknown == 1 ? " has" : "s have", h->arch->gguf,
            gg_buf_str(&m->unknown), m->n_unknown > SHOWN ? "..." : "");
    if (m->n_layers != h->n_layers)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json says %llu layers, the tensors are of %llu",
                       (unsigned long long)h->n_layers, (unsigned long long)m->n_layers);
    if (h->n_vocab_rows == 0)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "the embedding (embed_tokens) is missing");
    if (m->n_dropped > 0)
        gg_findings_add(h->notes, GG_NOTE, "left-out", NULL, 0, GG_NOWHERE,
                        "%zu tensors that the text model does not need are left out", m->n_dropped);
    if (m->n_f64 > 0)
        gg_findings_add(h->notes, GG_NOTE, "rounded", NULL, 0, GG_NOWHERE,
                        "%zu tensors stored as F64 are rounded to F32", m->n_f64);
    return GG_OK;
}

/* A tensor that most layers have and one lacks: a file is missing. Layers of mixed kinds (dense and
 * experts) differ, so only the norm before attention is asked for. */
static int check_layers(struct mapper *m, struct gg_err *err)
{
    for (uint64_t l = 0; l < m->n_layers; l++) {
        const char *name = gg_hf_fill(m->h->arena, "blk.{L}.attn_norm", l, ".weight");
        if (name == NULL)
            return gg_fail_nomem(err, "a name");
        uint64_t at;
        if (!gg_map_get(&m->by_name, name, strlen(name), &at))
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "layer %llu is missing: no %s",
                           (unsigned long long)l, name);
    }
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
        rc = finish_stack(h, v, err);
    }
    if (rc == GG_OK)
        rc = check(&m, err);
    if (rc == GG_OK)
        rc = check_layers(&m, err);
    if (rc == GG_OK && h->n_vts > 0)
        qsort(h->vts, h->n_vts, sizeof *h->vts, by_rank);
    gg_map_free(&m.by_name);
    gg_buf_free(&m.unknown);
    free(m.rank);
    return rc;
}
