/* Skeleton models and plans for tests. */
#ifndef GG_TESTS_PLAN_MAKE_H
#define GG_TESTS_PLAN_MAKE_H

#include "lib/plan/plan.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mk_row { /* one tensor, or with %d in its name one for each of the layers first..last */
    const char *name;
    uint64_t ne[3];
    int first, last;
};

struct mk_model {
    const char *arch;
    uint32_t n_layers, n_heads, n_heads_kv, n_experts;
    uint32_t type;
    const struct mk_row *rows; /* ended by a NULL name */
};

struct mk_list {
    struct ggf_tensor_spec *v;
    char (*names)[64];
    size_t n;
};

static inline void mk_add(struct mk_list *l, const char *name, uint32_t type, const uint64_t ne[3])
{
    struct ggf_tensor_spec *s = &l->v[l->n];
    snprintf(l->names[l->n], sizeof l->names[l->n], "%s", name);
    *s = (struct ggf_tensor_spec){.name = ggf_str(l->names[l->n]), .type = type, .n_dims = 1,
                                  .ne = {ne[0], 1, 1, 1}};
    for (uint32_t d = 1; d < 3 && ne[d] > 0; d++) {
        s->ne[d] = ne[d];
        s->n_dims = d + 1;
    }
    l->n++;
}

static inline void mk_u32(struct ggf_meta *meta, const char *arch, const char *key, uint32_t v)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%s", arch, key);
    ck_assert_int_eq(ggf_meta_set_u32(meta, full, v, NULL), GG_OK);
}

static inline struct ggf_meta *mk_meta(const struct mk_model *m)
{
    struct ggf_meta *meta;
    ck_assert_int_eq(ggf_meta_new(&meta, NULL), GG_OK);
    ck_assert_int_eq(ggf_meta_set_str(meta, "general.architecture", ggf_str(m->arch), NULL), GG_OK);
    mk_u32(meta, m->arch, "block_count", m->n_layers);
    mk_u32(meta, m->arch, "attention.head_count", m->n_heads);
    mk_u32(meta, m->arch, "attention.head_count_kv", m->n_heads_kv);
    if (m->n_experts > 0)
        mk_u32(meta, m->arch, "expert_count", m->n_experts);
    return meta;
}

static inline struct gg_model *mk_skeleton_meta(const struct mk_model *m, const struct ggf_meta *meta)
{
    enum { MAX = 120000 };
    struct mk_list l = {calloc(MAX, sizeof *l.v), calloc(MAX, sizeof *l.names), 0};
    struct gg_model *model = NULL;
    struct gg_err err = {0};
    ck_assert_ptr_nonnull(l.v);
    ck_assert_ptr_nonnull(l.names);
    for (const struct mk_row *r = m->rows; r->name != NULL; r++) {
        const char *at = strstr(r->name, "%d");
        for (int i = r->first; at != NULL && i <= r->last; i++) {
            char name[64];
            snprintf(name, sizeof name, "%.*s%d%s", (int)(at - r->name), r->name, i, at + 2);
            mk_add(&l, name, m->type, r->ne);
        }
        if (at == NULL)
            mk_add(&l, r->name, m->type, r->ne);
    }
    ck_assert_msg(gg_model_skeleton(&model, meta, l.v, l.n, &err) == GG_OK, "%s", err.msg);
    free(l.v);
    free(l.names);
    return model;
}

static inline struct gg_model *mk_skeleton(const struct mk_model *m)
{
    struct ggf_meta *meta = mk_meta(m);
    struct gg_model *model = mk_skeleton_meta(m, meta);
    ggf_meta_free(meta);
    return model;
}

/* Plans one output that must succeed. */
static inline struct gg_plan *mk_plan(const struct gg_model *m, const char *preset,
                                      struct gg_plan_wishes *w, bool dry_run)
{
    struct gg_plan_wishes none = GG_PLAN_WISHES_INIT;
    const struct gg_preset *p = gg_preset_by_name(preset);
    struct gg_plan *plan;
    struct gg_err err = {0};
    ck_assert_msg(p != NULL, "no preset %s", preset);
    int rc = gg_plan_new(&plan, m, &p, 1, w != NULL ? w : &none, dry_run, &err);
    ck_assert_msg(rc == GG_OK, "%s: %s", preset, err.msg);
    return plan;
}

static inline const struct gg_plan_tensor *mk_find(const struct gg_plan *plan, size_t output,
                                                   const char *name)
{
    const struct gg_plan_output *o = &plan->outputs[output];
    for (size_t i = 0; i < o->n_tensors; i++) {
        if (ggf_str_eq(o->tensors[i].name, name))
            return &o->tensors[i];
    }
    return NULL;
}

static inline const struct gg_plan_tensor *mk_get(const struct gg_plan *plan, const char *name)
{
    const struct gg_plan_tensor *t = mk_find(plan, 0, name);
    ck_assert_msg(t != NULL, "no tensor %s in the plan", name);
    return t;
}

static inline const struct gg_finding *mk_finding(const struct gg_plan *plan, const char *code)
{
    for (size_t i = 0; i < plan->findings.n; i++) {
        if (strcmp(plan->findings.v[i].code, code) == 0)
            return &plan->findings.v[i];
    }
    return NULL;
}

#endif
