/* Which types each tensor could take, and the plan of a trial that measures their errors. */
#include "lib/plan/target.h"

#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/plan/plan_impl.h"

#include <stdlib.h>
#include <string.h>

/* What runs everywhere llama.cpp does. Left out: ternary and one-bit types, which are made for models
 * trained so, and MXFP4 and NVFP4, which are made for hardware. */
static const enum qt_type usual[] = {
    QT_Q4_0,    QT_Q4_1,   QT_Q5_0,  QT_Q5_1,    QT_Q8_0,  QT_Q2_K,  QT_Q3_K,   QT_Q4_K,
    QT_Q5_K,    QT_Q6_K,   QT_IQ1_S, QT_IQ1_M,   QT_IQ2_XXS, QT_IQ2_XS, QT_IQ2_S, QT_IQ3_XXS,
    QT_IQ3_S,   QT_IQ4_NL, QT_IQ4_XS, QT_F16,
};

gg_types gg_target_default_types(void)
{
    gg_types all = 0;
    for (size_t i = 0; i < GG_COUNTOF(usual); i++)
        all |= GG_TYPE_BIT(usual[i]);
    return all;
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* Is name[at...] ".N.weight"? Experts that are stored one by one are named so. */
static bool numbered(struct ggf_str name, size_t *at)
{
    static const char end[] = ".weight";
    size_t n = (size_t)name.nbytes, digits = 0;
    if (n < sizeof end || memcmp(name.p + n - (sizeof end - 1), end, sizeof end - 1) != 0)
        return false;
    n -= sizeof end - 1;
    while (digits < n && name.p[n - 1 - digits] >= '0' && name.p[n - 1 - digits] <= '9')
        digits++;
    *at = n - digits;
    return digits > 0 && *at > 0 && name.p[*at - 1] == '.';
}

/* What tensors of one group have in common; a name of its own for all others. Runtimes take the experts
 * of a layer as one stack, and multiply gate and up at once, which takes one type for both. */
static void group_key(struct gg_buf *key, struct ggf_str name)
{
    size_t first, nbytes, end = (size_t)name.nbytes;
    uint64_t layer;
    bool expert = gg_str_has(name, "_exps.") || numbered(name, &end);
    enum gg_category c = gg_category_of(name);
    gg_buf_reset(key);
    if (!expert || !gg_name_find_layer(name, &first, &nbytes, &layer)) {
        gg_buf_add(key, name.p, (size_t)name.nbytes);
    } else if (c == GG_CAT_FFN_UP || c == GG_CAT_FFN_GATE) {
        gg_buf_add(key, name.p, first + nbytes);
        gg_buf_adds(key, " gate and up");
    } else {
        gg_buf_add(key, name.p, end);
    }
}

static int find_groups(struct gg_target *t, struct gg_err *err)
{
    struct gg_map map = GG_MAP_INIT;
    struct gg_buf key = GG_BUF_INIT;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < t->n_tensors; i++) {
        uint64_t group = t->n_groups;
        group_key(&key, t->tensors[i].name);
        char *copy = key.failed ? NULL : gg_arena_strndup(t->arena, key.data, key.nbytes);
        int added = copy == NULL ? -1 : gg_map_add(&map, copy, key.nbytes, group, &group);
        if (added < 0)
            rc = gg_fail_nomem(err, "groups of tensors");
        t->n_groups += added > 0;
        t->tensors[i].group = (size_t)group;
    }
    gg_map_free(&map);
    gg_buf_free(&key);
    return rc;
}

/* ---- types ----------------------------------------------------------------------------------- */

static bool within(uint32_t type, const struct gg_target_opts *o)
{
    double bpw = qt_bpw(qt_info(type));
    return (o->least == QT_NONE || bpw >= qt_bpw(qt_info(o->least))) &&
           (o->most == QT_NONE || bpw <= qt_bpw(qt_info(o->most)));
}

static gg_types types_of(const struct gg_tensor *t, bool weighted, bool any_category,
                         const struct gg_target_opts *o)
{
    gg_types allow = o->allow != 0 ? o->allow : gg_target_default_types() | GG_TYPE_BIT(t->type);
    gg_types types = 0;
    for (size_t i = 0; i < qt_count(); i++) {
        const struct qt_info *q = qt_at(i);
        bool stays = (uint32_t)q->type == t->type;
        if ((allow & GG_TYPE_BIT(q->type)) == 0 || !within(q->type, o))
            continue;
        if (!stays && ((q->flags & QT_ENCODES) == 0 || t->ne[0] % q->block_nelems != 0))
            continue;
        if (!stays && !weighted && ((q->flags & QT_NEEDS_WEIGHTS) != 0 ||
                                    (gg_type_demands_weights(q->type) && !any_category)))
            continue;
        types |= GG_TYPE_BIT(q->type);
    }
    return types;
}

/* A larger type than the tensor has gains nothing. */
static gg_types without_larger(gg_types types, const struct gg_tensor *t)
{
    for (uint32_t id = 0; id < QT_ID_END && (types & GG_TYPE_BIT(t->type)) != 0; id++) {
        uint64_t nbytes;
        if ((types & GG_TYPE_BIT(id)) != 0 && id != t->type && qt_tensor_nbytes(id, t->ne, &nbytes) &&
            nbytes >= t->nbytes)
            types &= ~GG_TYPE_BIT(id);
    }
    return types;
}

static int add_tensor(struct gg_target *t, const struct gg_plan_tensor *p,
                      const struct gg_target_opts *opts, struct gg_err *err)
{
    const struct gg_tensor *of = &t->model->tensors[p->src];
    struct gg_target_tensor *x = &t->tensors[t->n_tensors++];
    enum gg_category c = gg_category_of(p->name);
    char name[160];
    x->src = p->src;
    x->name = p->name;
    x->weighted = p->weights != NULL;
    x->types = types_of(of, x->weighted, c == GG_CAT_EMBD || c == GG_CAT_OUTPUT, opts);
    x->types = without_larger(x->types, of);
    x->error[of->type].known = true;
    t->types |= x->types & ~GG_TYPE_BIT(of->type);
    if (x->types != 0)
        return GG_OK;
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "tensor '%s' (rows of %llu%s) can take none of the types that are allowed",
                   gg_text_escape_into(name, sizeof name, p->name.p, (size_t)p->name.nbytes),
                   (unsigned long long)of->ne[0],
                   x->weighted ? "" : ", without importance weights");
}

/* ---- what is left to choose ------------------------------------------------------------------ */

static int types_alloc(struct gg_target *t, size_t n, uint32_t ***out, struct gg_err *err)
{
    uint32_t **v = gg_arena_zalloc(t->arena, n + 1, sizeof *v);
    for (size_t k = 0; v != NULL && k < n; k++) {
        v[k] = gg_arena_alloc(t->arena, (t->model->n_tensors + 1) * sizeof **v);
        for (size_t i = 0; v[k] != NULL && i < t->model->n_tensors; i++)
            v[k][i] = QT_NONE;
        if (v[k] == NULL)
            return gg_fail_nomem(err, "the types of tensors");
    }
    *out = v;
    return v != NULL ? GG_OK : gg_fail_nomem(err, "the types of tensors");
}

/* A type that weighs errors and that the tensor has not, so that the plan asks for weights. */
static uint32_t probing_type(const struct gg_tensor *t)
{
    if (t->ne[0] % qt_info(QT_Q4_0)->block_nelems != 0)
        return t->type == QT_F16 ? QT_F32 : QT_F16;
    return t->type == QT_Q4_0 ? QT_Q5_0 : QT_Q4_0;
}

/* Plans to see which tensors a choice reaches and which have weights, and to find now what would make the
 * plan of the choice fail after all the measuring. */
static int probe(struct gg_target *t, struct gg_plan_wishes *w, bool dry, struct gg_plan **out,
                 struct gg_err *err)
{
    const struct gg_preset *preset = gg_preset_by_ftype(GG_FT_F16);
    for (size_t i = 0; i < t->model->n_tensors; i++)
        t->chosen[0][i] = probing_type(&t->model->tensors[i]);
    struct gg_plan_wishes as_one = *w;
    as_one.types = (const uint32_t *const *)t->chosen;
    return gg_plan_new(out, t->model, &preset, 1, &as_one, dry, err);
}

static int list_tensors(struct gg_target *t, struct gg_plan_wishes *w,
                        const struct gg_target_opts *opts, struct gg_err *err)
{
    struct gg_plan *plan = NULL;
    int rc = probe(t, w, opts->dry_run, &plan, err);
    if (rc != GG_OK) {
        gg_plan_free(plan);
        return rc;
    }
    const struct gg_plan_output *o = &plan->outputs[0];
    t->tensors = gg_arena_zalloc(t->arena, o->n_tensors + 1, sizeof *t->tensors);
    if (t->tensors == NULL)
        rc = gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; rc == GG_OK && i < o->n_tensors; i++) {
        struct gg_plan_tensor p = o->tensors[i];
        if (!p.chosen)
            continue;
        p.name.p = gg_arena_strndup(t->arena, p.name.p, (size_t)p.name.nbytes); /* outlives the plan */
        rc = p.name.p == NULL ? gg_fail_nomem(err, "a name") : add_tensor(t, &p, opts, err);
    }
    gg_plan_free(plan);
    if (rc == GG_OK && t->n_tensors == 0)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "there is no tensor whose type is left to choose");
    return rc;
}

int gg_target_unite(struct gg_target *t, struct gg_err *err)
{
    char name[160];
    gg_types *v = malloc((t->n_groups + 1) * sizeof *v);
    int rc = v != NULL ? GG_OK : gg_fail_nomem(err, "groups of tensors");
    for (size_t g = 0; rc == GG_OK && g < t->n_groups; g++)
        v[g] = ~(gg_types)0;
    for (size_t i = 0; rc == GG_OK && i < t->n_tensors; i++)
        v[t->tensors[i].group] &= t->tensors[i].types;
    for (size_t i = 0; rc == GG_OK && i < t->n_tensors; i++) {
        struct gg_target_tensor *x = &t->tensors[i];
        x->types = v[x->group];
        if (x->types == 0)
            rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                         "tensor '%s' and those that must have its type can take no type together",
                         gg_text_escape_into(name, sizeof name, x->name.p, (size_t)x->name.nbytes));
    }
    free(v);
    return rc;
}

int gg_target_new(struct gg_target **out, const struct gg_model *model, struct gg_plan_wishes *wishes,
                  const struct gg_target_opts *opts, struct gg_err *err)
{
    struct gg_target *t = calloc(1, sizeof *t);
    if (t != NULL)
        t->arena = calloc(1, sizeof *t->arena);
    int rc = t != NULL && t->arena != NULL ? GG_OK : gg_fail_nomem(err, "the choice of types");
    if (rc == GG_OK) {
        t->model = model;
        rc = types_alloc(t, 1, &t->chosen, err);
    }
    if (rc == GG_OK)
        rc = list_tensors(t, wishes, opts, err);
    if (rc == GG_OK)
        rc = find_groups(t, err);
    if (rc == GG_OK)
        rc = gg_target_unite(t, err);
    if (rc != GG_OK) {
        gg_target_free(t);
        return rc;
    }
    *out = t;
    return GG_OK;
}

void gg_target_free(struct gg_target *t)
{
    if (t == NULL)
        return;
    if (t->arena != NULL)
        gg_arena_free(t->arena);
    free(t->arena);
    free(t);
}

/* ---- the trial ------------------------------------------------------------------------------- */

int gg_target_trial(struct gg_plan **out, const struct gg_target *t, const struct gg_model *model,
                    const struct gg_plan_wishes *wishes, const bool *skip, uint32_t types[QT_ID_END],
                    struct gg_err *err)
{
    struct gg_target own = *t; /* its arena lives on */
    const struct gg_preset *presets[QT_ID_END];
    uint32_t **v;
    size_t n = 0;
    for (uint32_t id = 0; id < QT_ID_END; id++) {
        presets[n] = gg_preset_by_ftype(GG_FT_F16);
        if ((t->types & GG_TYPE_BIT(id)) != 0)
            types[n++] = id;
    }
    int rc = types_alloc(&own, n, &v, err);
    for (size_t k = 0; rc == GG_OK && k < n; k++) {
        for (size_t i = 0; i < t->n_tensors; i++) {
            const struct gg_target_tensor *x = &t->tensors[i];
            if ((x->types & GG_TYPE_BIT(types[k])) != 0 && model->tensors[x->src].type != types[k] &&
                (skip == NULL || !skip[i * QT_ID_END + types[k]]))
                v[k][x->src] = types[k];
        }
    }
    if (rc != GG_OK)
        return rc;
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT; /* no rules, no shards */
    w.types = (const uint32_t *const *)v;
    w.only = wishes->only;
    w.keep = wishes->keep;
    w.prune_layers = wishes->prune_layers;
    w.n_prune_layers = wishes->n_prune_layers;
    w.imatrix = wishes->imatrix;
    w.include_weights = wishes->include_weights;
    w.exclude_weights = wishes->exclude_weights;
    return gg_plan_new(out, model, presets, n, &w, true, err);
}
