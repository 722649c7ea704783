#include "lib/plan/plan_impl.h"

#include "lib/base/text.h"

#include <inttypes.h>
#include <stdlib.h>

enum gg_severity gg_planner_fault(struct gg_planner *p, enum gg_code code)
{
    if (p->fault == GG_OK)
        p->fault = code;
    return GG_FAULT;
}

void gg_plan_free(struct gg_plan *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n_outputs; i++) {
        struct gg_plan_output *o = &p->outputs[i];
        for (size_t k = 0; k < o->n_files; k++)
            ggf_layout_free(o->files[k].layout);
        ggf_meta_free(o->meta);
    }
    gg_findings_free(&p->findings);
    gg_arena_free(p->arena);
    free(p->arena);
    free(p);
}

static int plan_alloc(struct gg_plan **out, size_t n, struct gg_err *err)
{
    struct gg_plan *p = calloc(1, sizeof *p);
    if (p != NULL)
        p->arena = calloc(1, sizeof *p->arena);
    if (p != NULL && p->arena != NULL)
        p->outputs = gg_arena_zalloc(p->arena, n, sizeof *p->outputs);
    if (p == NULL || p->arena == NULL || p->outputs == NULL) {
        if (p != NULL)
            free(p->arena);
        free(p);
        return gg_fail_nomem(err, "a plan");
    }
    *out = p;
    return GG_OK;
}

static int check_preset(const struct gg_preset *preset, struct gg_err *err)
{
    if (!preset->target)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s cannot be asked for: %s", preset->name,
                       preset->brief);
    return GG_OK;
}

/* The sizes of tensors of unknown types are unknown, and so is where to put what follows. */
static int check_tensors(const struct gg_model *m, struct gg_err *err)
{
    char name[160], type[32];
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        if (!t->known)
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: tensor '%s': %s cannot be written%s",
                           m->name, gg_text_escape_into(name, sizeof name, t->name.p,
                                                        (size_t)t->name.nbytes),
                           qt_name(t->type, type),
                           t->nbytes > 0 ? ": its bytes are not those its shape takes" : "");
    }
    return GG_OK;
}

static int check_types(const struct gg_plan_wishes *w, struct gg_err *err)
{
    for (size_t i = 0; i < w->n_rules; i++) {
        if (qt_info(w->rules[i].type) == NULL)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--tensor-type %s: no such type",
                           w->rules[i].text);
        w->rules[i].n_hits = 0;
    }
    if ((w->token_embedding_type != QT_NONE && qt_info(w->token_embedding_type) == NULL) ||
        (w->output_tensor_type != QT_NONE && qt_info(w->output_tensor_type) == NULL))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "no such tensor type");
    return GG_OK;
}

/* Architecture facts, overrides included: llama-quantize chooses by them too. The name is kept in the
 * plan. */
static int read_arch(struct gg_planner *p, struct gg_err *err)
{
    const struct ggf_meta *over = p->w->override_kv;
    struct ggf_meta *meta = NULL;
    int rc = GG_OK;
    gg_arch_read(&p->arch, p->model->meta);
    if (over != NULL && ggf_meta_count(over) > 0)
        rc = ggf_meta_copy(&meta, p->model->meta, err);
    for (size_t i = 0; meta != NULL && rc == GG_OK && i < ggf_meta_count(over); i++)
        rc = ggf_meta_set(meta, ggf_meta_at(over, i)->key, &ggf_meta_at(over, i)->value, err);
    if (meta != NULL && rc == GG_OK)
        gg_arch_read(&p->arch, meta);
    if (rc == GG_OK) {
        p->arch.name.p = gg_arena_strndup(p->plan->arena, p->arch.name.p, (size_t)p->arch.name.nbytes);
        if (p->arch.name.p == NULL)
            rc = gg_fail_nomem(err, "a name");
    }
    ggf_meta_free(meta);
    return rc;
}

static int plan_output(struct gg_planner *p, struct gg_plan_output *o, const struct gg_preset *preset,
                       struct gg_err *err)
{
    o->preset = preset;
    int rc = check_preset(preset, err);
    if (rc == GG_OK)
        rc = gg_plan_choose(p, o, err);
    if (rc == GG_OK)
        rc = gg_plan_meta(p, o, err);
    if (rc == GG_OK)
        rc = gg_plan_files(p, o, err);
    return rc;
}

static int make_plan(struct gg_planner *p, const struct gg_preset *const *presets, size_t n,
                     struct gg_err *err)
{
    int rc = check_types(p->w, err);
    if (rc == GG_OK)
        rc = check_tensors(p->model, err);
    if (rc == GG_OK)
        rc = read_arch(p, err);
    if (rc == GG_OK)
        rc = gg_plan_prune(p, err);
    if (rc == GG_OK)
        rc = gg_plan_facts(p, err);
    if (rc == GG_OK)
        rc = gg_plan_weights(p, err);
    for (size_t i = 0; i < n && rc == GG_OK; i++) {
        const struct gg_preset *preset = presets[i];
        p->plan->n_outputs = i + 1;
        rc = plan_output(p, &p->plan->outputs[i],
                         preset != NULL ? preset : gg_preset_by_name("COPY"), err);
    }
    if (rc != GG_OK)
        return rc;
    gg_plan_coverage(p);
    gg_plan_check_rules(p);
    return GG_OK;
}

/* The first fault, and how many more there are. */
static int fail_with_findings(const struct gg_planner *p, struct gg_err *err)
{
    const struct gg_findings *f = &p->plan->findings;
    for (size_t i = 0; i < f->n; i++) {
        const struct gg_finding *one = &f->v[i];
        if (one->severity != GG_FAULT)
            continue;
        gg_fail(err, p->fault, GG_NOWHERE, "%s%s%s%s", one->tensor != NULL ? "tensor '" : "",
                one->tensor != NULL ? one->tensor : "", one->tensor != NULL ? "': " : "", one->text);
        break;
    }
    return p->fault;
}

int gg_plan_new(struct gg_plan **out, const struct gg_model *model,
                const struct gg_preset *const *presets, size_t n, struct gg_plan_wishes *wishes,
                bool for_dry_run, struct gg_err *err)
{
    struct gg_planner p = {.model = model, .w = wishes, .dry_run = for_dry_run};
    *out = NULL;
    int rc = plan_alloc(&p.plan, n, err);
    if (rc != GG_OK)
        return rc;
    p.plan->big_endian = wishes->big_endian;
    rc = make_plan(&p, presets, n, err);
    if (rc == GG_OK && p.plan->findings.failed)
        rc = gg_fail_nomem(err, "the list of findings");
    if (rc != GG_OK) {
        gg_plan_free(p.plan);
        return rc;
    }
    *out = p.plan;
    return p.fault == GG_OK ? GG_OK : fail_with_findings(&p, err);
}
