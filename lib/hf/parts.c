/* Virtual tensors: of which parts of stored ones each is made. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>

uint32_t gg_hf_type_of(enum gg_dtype t, bool is_f32)
{
    if (is_f32 && t < GG_DT_COUNT)
        return QT_F32;
    switch (t) {
    case GG_DT_MXFP4:
    case GG_DT_NVFP4:
        return gg_dtype_qtype(t);
    case GG_DT_F16:
        return QT_F16;
    case GG_DT_BF16:
    case GG_DT_F4: /* BF16 holds all its values, and those of the larger ones */
    case GG_DT_F6_E2M3:
    case GG_DT_F6_E3M2:
        return QT_BF16;
    default:
        return gg_dtype_is_float8(t) ? QT_BF16 : QT_F32;
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
    static const char *const tails[] = {
        "_norm.weight", ".ffn_gate_inp.weight", ".ffn_gate_inp_shexp.weight", "position_embd.weight",
        "token_types.weight", ".ssm_conv1d.weight", ".shortconv.conv.weight", ".altup_correct_coef.weight",
        ".altup_predict_coef.weight", ".indexer.proj.weight", ".ssm_conv1d_q.weight", ".ssm_conv1d_k.weight",
        ".ssm_conv1d_v.weight"};
    size_t n = strlen(v->name);
    if (v->lora != '\0')
        return false;
    if (v->n_dims <= 1 || n < 7 || strcmp(v->name + n - 7, ".weight") != 0)
        return true;
    for (size_t i = 0; i < GG_COUNTOF(tails); i++) {
        size_t t = strlen(tails[i]);
        if (n >= t && strcmp(v->name + n - t, tails[i]) == 0)
            return true;
    }
    return false;
}

/* The type a rule wants a matrix in whatever it is stored as; QT_NONE: none. */
static uint32_t wanted(const struct hf_vt *v, uint32_t stored)
{
    enum hf_as as = v->n_dims > 1 ? v->rule->as : HF_AS_STORED;
    if (as == HF_AS_WEIGHT)
        return QT_NONE;
    if (wants_f32(v) && as != HF_AS_CONV)
        return QT_F32;
    return as == HF_AS_STORED                          ? QT_NONE
           : as == HF_AS_F16                           ? QT_F16
           : as == HF_AS_CONV && stored == QT_F16 ? QT_F16
                                                       : QT_F32;
}

static void set_type(const struct hf *h, struct hf_vt *v, const struct gg_ckpt_tensor *t)
{
    uint32_t stored = gg_hf_type_of(t->dtype, false);
    uint32_t type = t->dtype > GG_DT_COUNT ? QT_NONE : wanted(v, stored); /* blocks stay what they are */
    v->type = type != QT_NONE ? type : stored;
    v->origin = t->origin;
    v->plain = type != QT_NONE ? type : h->half;
}

/* The shape of one stored tensor as GGUF counts. */
static int shape_of(struct hf_vt *v, const struct gg_ckpt_tensor *t, struct gg_err *err)
{
    v->n_dims = 1;
    if (t->n_dims == 0) /* a number */
        return GG_OK;
    if (t->n_dims > GGF_MAX_DIMS)
        return fail_tensor(t, err,
                           "has a number of dimensions that does not go with this architecture");
    v->n_dims = t->n_dims;
    for (unsigned d = 0; d < t->n_dims; d++)
        v->ne[d] = t->shape[t->n_dims - 1 - d];
    return GG_OK;
}

static const char *layout_of(const struct hf_rule *r)
{
    return r->layout != NULL     ? r->layout
           : r->how == HF_ROPE_Q ? "(H 2 d) * -> (H d 2) *"
           : r->how == HF_ROPE_K ? "(K 2 d) * -> (K d 2) *"
                                 : NULL;
}

static uint64_t nelems_of(const struct hf_vt *v)
{
    uint64_t n = 1;
    for (unsigned d = 0; d < v->n_dims; d++)
        n *= v->ne[d]; /* no overflow: at most those of a stored tensor */
    return n;
}

/* Blocks move whole. */
static int check_blocks(const struct gg_ckpt_tensor *t, const struct hf_view *w, struct gg_err *err)
{
    uint64_t block = t->dtype > GG_DT_COUNT ? qt_info(gg_dtype_qtype(t->dtype))->block_nelems : 1;
    unsigned last = w->n_dims - 1;
    bool whole = block == 1 || (w->first % block == 0 && w->n[last] % block == 0 && w->stride[last] == 1);
    for (unsigned d = 0; whole && d < last; d++)
        whole = w->stride[d] % block == 0;
    return whole ? GG_OK
                 : fail_tensor(t, err, "is stored in blocks, and this architecture would cut them");
}

/* "r (...) -> r (...)": columns change places, rows do not. */
static bool moves_columns(const char *layout)
{
    const char *right = strstr(layout, " -> ");
    return right != NULL && layout[1] == ' ' && layout[2] == '(' && right[4] == layout[0] && right[5] == ' ';
}

/* How the pair of an adapter is drawn: A has the weight's columns, B its rows; A of an embedding is turned
 * round. Of a weight that is stored turned round (Conv1D), the pair is not. */
static const char *lora_layout(const struct hf_rule *r, char which)
{
    const char *layout = layout_of(r);
    if (which == 'a' && strncmp(r->gguf, "token_embd", 10) == 0)
        return "r c -> c r";
    if (layout == NULL || strcmp(layout, "c r -> r c") == 0)
        return NULL;
    return (which == 'a') == moves_columns(layout) ? layout : NULL;
}

/* The sums by which a rule changes elements; of an adapter's pair only B's. */
static int read_changes(struct hf *h, const struct hf_rule *r, char lora, struct hf_part *p, struct gg_err *err)
{
    const char *text = r->plus, *missing = "";
    double d = r->how == HF_PLUS_ONE;
    bool ok = text == NULL || gg_hf_eval(h, &text, &d, &missing);
    p->changes = d != 0 || r->times != NULL;
    p->plus = (float)d;
    p->times[0] = p->times[1] = 1;
    text = r->times;
    if (lora == 'a')
        p->changes = false;
    for (unsigned i = 0; ok && text != NULL && i < 2 && *text != '\0'; i++) {
        ok = gg_hf_eval(h, &text, &d, &missing);
        p->times[i] = (float)d;
        text += strspn(text, ", ");
    }
    return ok ? GG_OK
              : gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no %.*s, which %s is changed by",
                        (int)strcspn(missing, " ,)+-*/"), missing, r->gguf);
}

/* What the rule makes of a stored tensor: its shape, and the part it becomes. */
static int draw_from(struct hf *h, const struct hf_rule *r, char lora, const char *layout, size_t src,
                     struct hf_vt *v, struct hf_part *p, struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, src);
    struct hf_view w;
    *v = (struct hf_vt){.ne = {1, 1, 1, 1}};
    *p = (struct hf_part){.src = src};
    int rc = read_changes(h, r, lora, p, err);
    if (rc == GG_OK)
        rc = layout != NULL ? gg_hf_layout(h, layout, t, v, &w, err) : shape_of(v, t, err);
    if (rc == GG_OK && lora == 'b' && layout != NULL && (v->n_dims != 2 || w.stride[w.n_dims - 1] != 1))
        return fail_tensor(t, err, "is of an adapter for a weight that is not drawn by rows: that is not "
                                   "supported");
    p->nelems = nelems_of(v);
    if (rc != GG_OK || layout == NULL)
        return rc;
    p->first = w.first;
    if (w.n_dims == 1 && w.stride[0] == 1) /* stored so */
        return GG_OK;
    struct hf_view *copy = gg_arena_alloc(h->arena, sizeof *copy);
    if (copy == NULL)
        return gg_fail_nomem(err, "how a tensor is drawn");
    *copy = w;
    p->view = copy;
    return check_blocks(t, &w, err);
}

/* Takes the first or a further part in: parts of a stack are alike, joined ones as wide. */
static int add_drawn(struct hf *h, struct hf_vt *v, const struct hf_vt *one, struct hf_part *p,
                     bool stacked, struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, p->src);
    unsigned last = one->n_dims - 1;
    if (v->n_parts == 0) {
        memcpy(v->ne, one->ne, sizeof v->ne);
        v->n_dims = one->n_dims + stacked;
        set_type(h, v, t);
        v->alike = stacked;
        return v->n_dims > GGF_MAX_DIMS ? fail_tensor(t, err, "has too many dimensions")
                                        : add_part(v, p, err);
    }
    const struct gg_ckpt_tensor *first = gg_checkpoint_tensor(h->ckpt, v->parts[0].src);
    bool alike = one->n_dims + stacked == v->n_dims && t->dtype == first->dtype;
    for (unsigned d = 0; alike && d < (stacked ? one->n_dims : last); d++)
        alike = one->ne[d] == v->ne[d];
    if (!alike && stacked)
        return fail_tensor(t, err, "has another type or shape than the other experts of its layer");
    if (!alike || (!stacked && !gg_add_u64(v->ne[last], one->ne[last], &v->ne[last])))
        return fail_tensor(t, err, "has another type or shape than what it is to be joined with");
    return add_part(v, p, err);
}

static int take_one(struct hf *h, struct hf_vt *v, const struct hf_rule *r, const char *layout, size_t src,
                    uint32_t order, struct gg_err *err)
{
    struct hf_vt one;
    struct hf_part part;
    int rc = draw_from(h, r, v->lora, layout, src, &one, &part, err);
    part.order = order;
    return rc == GG_OK ? add_drawn(h, v, &one, &part, strstr(r->hf, "{E}") != NULL, err) : rc;
}

enum { MAX_EACH = 1 << 12 };

/* How many parts a rule that has several makes of each of its layouts. */
static int each_count(struct hf *h, const struct hf_rule *r, uint64_t *n, struct gg_err *err)
{
    const char *text = r->each, *missing;
    double d;
    if (!gg_hf_eval(h, &text, &d, &missing) || !(d >= 1 && d < MAX_EACH))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no count of parts (%s) for %s", r->each,
                       r->gguf);
    *n = (uint64_t)d;
    return GG_OK;
}

/* A part for each number and each of the layouts. */
static int take_each(struct hf *h, struct hf_vt *v, const struct hf_rule *r, size_t src, uint32_t order,
                     struct gg_err *err)
{
    char layout[192];
    uint64_t n = 0;
    int rc = each_count(h, r, &n, err);
    order *= 2 * MAX_EACH;
    for (h->index = 0; rc == GG_OK && h->index < n; h->index++) {
        for (const char *p = r->layout; rc == GG_OK && *p != '\0'; p += strspn(p, "; ")) {
            snprintf(layout, sizeof layout, "%.*s", (int)strcspn(p, ";"), p);
            p += strcspn(p, ";");
            rc = take_one(h, v, r, gg_arena_strndup(h->arena, layout, strlen(layout)), src, order++, err);
        }
    }
    return rc;
}

/* Rows of zeros behind those that are stored, as many as there are tokens. */
static int fill_up(struct hf *h, struct hf_vt *v, struct gg_err *err)
{
    uint64_t want, rows = v->ne[v->n_dims - 1];
    if (v->n_dims != 2 || !gg_hf_get_u64(h->config, "vocab_size", &want) || want <= rows || want > UINT32_MAX)
        return GG_OK;
    struct hf_part p = {.src = v->parts[0].src, .nelems = (want - rows) * v->ne[0], .order = UINT32_MAX, .zeros = true};
    v->ne[1] = want;
    return add_part(v, &p, err);
}

/* How many dimensions the left side of a layout has. */
static unsigned stored_dims(const char *layout)
{
    unsigned n = 0, depth = 0;
    const char *end = strstr(layout, " ->");
    for (const char *p = layout; p < end; p++) {
        depth += *p == '(';
        depth -= *p == ')';
        n += depth == 0 && (p + 1 == end || p[1] == ' ');
    }
    return n;
}

int gg_hf_vt_take(struct hf *h, struct hf_vt *v, const struct hf_rule *r, size_t src, uint32_t order,
                  struct gg_err *err)
{
    v->how = r->how;
    v->rule = r;
    if (r->each != NULL && v->lora != 'a')
        return take_each(h, v, r, src, order, err);
    const char *layout = v->lora != '\0' ? lora_layout(r, v->lora) : layout_of(r);
    const char *other = layout != NULL ? strstr(layout, "; ") : NULL;
    if (other != NULL && gg_checkpoint_tensor(h->ckpt, src)->n_dims != stored_dims(layout))
        layout = other + 2;
    else if (other != NULL)
        layout = gg_arena_strndup(h->arena, layout, (size_t)(other - layout));
    int rc = take_one(h, v, r, layout, src, order, err);
    return rc == GG_OK && r->how == HF_FILLED && v->lora == '\0' ? fill_up(h, v, err) : rc;
}

/* ---- completeness ---------------------------------------------------------------------------- */

static int by_order(const void *a, const void *b)
{
    const struct hf_part *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* How many tensors a stack is made of; false: nothing says so. */
static bool stack_count(struct hf *h, const struct hf_rule *r, uint64_t *n)
{
    const char *text = r->count != NULL ? r->count : "E", *missing;
    double d;
    if (!gg_hf_eval(h, &text, &d, &missing) || !(d >= 0 && d < 0x1p32))
        return false;
    *n = (uint64_t)d;
    return true;
}

static int finish_stack(struct hf *h, struct hf_vt *v, struct gg_err *err)
{
    const char *what = v->rule->count != NULL ? "part" : "expert";
    uint64_t n = 0;
    if (!stack_count(h, v->rule, &n))
        n = v->parts[v->n_parts - 1].order + (uint64_t)1;
    for (size_t i = 0; i < v->n_parts; i++) {
        if (v->parts[i].order != i)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: %s %zu is %s", v->name, what, i,
                           v->parts[i].order > i ? "missing" : "there twice");
    }
    if (v->n_parts != n)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "%s: %zu %ss are stored, config.json says %llu", v->name, v->n_parts, what,
                       (unsigned long long)n);
    v->ne[v->n_dims - 1] = n;
    return GG_OK;
}

/* As many parts as there are rules that give some. */
static int finish_joined(struct hf *h, struct hf_vt *v, struct gg_err *err)
{
    size_t n = 0;
    if (v->rule->each != NULL)
        return GG_OK; /* all of one stored tensor */
    for (const struct hf_rule *const *list = h->arch->rules; *list != NULL; list++) {
        for (const struct hf_rule *r = *list; r->hf != NULL; r++)
            n += r->how == HF_JOIN && strcmp(r->gguf, v->rule->gguf) == 0 && gg_hf_holds(h, r->when);
    }
    return v->n_parts == n || v->lora == 'a'
               ? GG_OK
               : gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: %zu of the %zu tensors it is made of are there",
                         v->name, v->n_parts, n);
}

int gg_hf_vt_finish(struct hf *h, struct hf_vt *v, struct gg_err *err)
{
    uint64_t n = 0;
    if (v->n_parts == 0)
        return GG_OK;
    qsort(v->parts, v->n_parts, sizeof *v->parts, by_order);
    if (v->how == HF_JOIN)
        return finish_joined(h, v, err);
    if (v->rule != NULL && strstr(v->rule->hf, "{E}") != NULL)
        return finish_stack(h, v, err);
    if (v->n_dims == 3 && strstr(v->name, "_exps.weight") != NULL && stack_count(h, v->rule, &n) &&
        v->ne[2] != n)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "%s: %llu experts are stored, config.json says %llu", v->name,
                       (unsigned long long)v->ne[2], (unsigned long long)n);
    return GG_OK;
}
