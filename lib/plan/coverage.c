/* Does the importance matrix cover what the plan encodes? Asked before the first byte is written, and
 * answered for all tensors at once. */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/model/pattern.h"
#include "lib/plan/plan_impl.h"

#include <inttypes.h>
#include <string.h>

/* Types whose encoder weighs errors by importance (ggml-quants.c, 2026-08-21); the others ignore it. */
static const enum qt_type weighing[] = {
    QT_Q4_0,    QT_Q4_1,   QT_Q5_0,  QT_Q5_1,    QT_Q2_K,  QT_Q3_K,  QT_Q4_K,   QT_Q5_K,   QT_Q6_K,
    QT_IQ2_XXS, QT_IQ2_XS, QT_IQ2_S, QT_IQ3_XXS, QT_IQ3_S, QT_IQ1_S, QT_IQ1_M, QT_IQ4_NL, QT_IQ4_XS,
};

bool gg_type_uses_weights(uint32_t type)
{
    for (size_t i = 0; i < GG_COUNTOF(weighing); i++) {
        if ((uint32_t)weighing[i] == type)
            return true;
    }
    return false;
}

bool gg_type_demands_weights(uint32_t type)
{
    switch (type) {
    case QT_IQ1_S:
    case QT_IQ1_M:
    case QT_IQ2_XXS:
    case QT_IQ2_XS:
    case QT_IQ2_S:
    case QT_IQ3_XXS:
        return true;
    default:
        return false;
    }
}

/* llama-quantize refuses these without weights: what comes out is not worth having. Not so for
 * embeddings and output, which no matrix covers. */
static bool demands_weights(const struct gg_plan_output *o, const struct gg_fact *f, uint32_t type)
{
    if (f->category == GG_CAT_EMBD || f->category == GG_CAT_OUTPUT)
        return false;
    return gg_type_demands_weights(type) ||
           (type == QT_Q2_K && o->preset->ftype == GG_FT_Q2_K_S);
}

/* ---- which entries are used ------------------------------------------------------------------ */

static bool any_matches(const struct gg_pattern *const *patterns, const char *name)
{
    for (; patterns != NULL && *patterns != NULL; patterns++) {
        if (gg_pattern_match(*patterns, name, strlen(name)))
            return true;
    }
    return false;
}

static void mark_used(struct gg_planner *p)
{
    const struct gg_plan_wishes *w = p->w;
    bool include = w->include_weights != NULL && w->include_weights[0] != NULL;
    for (size_t i = 0; i < w->imatrix->n_entries; i++) {
        const char *name = w->imatrix->entries[i].name;
        p->used[i] = (!include || any_matches(w->include_weights, name)) &&
                     !any_matches(w->exclude_weights, name);
        p->n_used += p->used[i];
    }
    if (p->n_used == 0)
        gg_findings_add(&p->plan->findings, GG_WARN, "imatrix-unused", NULL, 0, GG_NOWHERE,
                        "no entry of %s is used", w->imatrix->file);
}

/* Entries whose tensor the model does not have are harmless one by one; together they tell of a
 * matrix of another model. */
static void report_foreign(struct gg_planner *p, const bool *known)
{
    const struct gg_imatrix *im = p->w->imatrix;
    const char *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < im->n_entries; i++) {
        if (!p->used[i] || known[i])
            continue;
        if (n++ == 0)
            first = im->entries[i].name;
    }
    if (n == 0)
        return;
    gg_findings_add(&p->plan->findings, n == p->n_used ? GG_WARN : GG_NOTE, "imatrix-foreign", first,
                    strlen(first), GG_NOWHERE,
                    "%zu of %zu entries of %s, this one first, name no tensor of the model%s", n,
                    p->n_used, im->file, n == p->n_used ? ": it was made for another one" : "");
}

int gg_plan_weights(struct gg_planner *p, struct gg_err *err)
{
    const struct gg_imatrix *im = p->w->imatrix;
    const struct gg_model *m = p->model;
    if (im == NULL)
        return GG_OK;
    bool *known = gg_arena_zalloc(p->plan->arena, im->n_entries, sizeof *known);
    p->used = gg_arena_zalloc(p->plan->arena, im->n_entries, sizeof *p->used);
    if (known == NULL || p->used == NULL)
        return gg_fail_nomem(err, "importance matrix entries");
    mark_used(p);
    for (size_t i = 0, f = 0; i < m->n_tensors; i++) {
        struct ggf_str name = m->tensors[i].name; /* pruned or not, under its old number */
        const struct gg_imatrix_entry *e = gg_imatrix_find(im, name.p, (size_t)name.nbytes);
        bool used = e != NULL && p->used[e - im->entries];
        if (used)
            known[e - im->entries] = true;
        if (f < p->n_facts && p->facts[f].src == i)
            p->facts[f++].entry = used ? e : NULL;
    }
    p->mix.has_imatrix = p->n_used > 0;
    report_foreign(p, known);
    return GG_OK;
}

/* ---- coverage of one tensor by one output ---------------------------------------------------- */

enum lack { COVERED, MISSING, WIDTH, NONFINITE };

static enum lack look(const struct gg_planner *p, const struct gg_fact *f)
{
    const struct gg_tensor *t = &p->model->tensors[f->src];
    uint64_t want;
    if (f->entry == NULL)
        return MISSING;
    if (!gg_mul_u64(t->ne[0], t->ne[2], &want) || !gg_mul_u64(want, t->ne[3], &want) ||
        f->entry->nvals != want || want == 0)
        return WIDTH;
    return f->entry->nonfinite_at < f->entry->nvals ? NONFINITE : COVERED;
}

/* How bad it is for this output that the weights lack; GG_NOTE - 1 (negative) for not at all. */
enum { NO_MATTER = -1 };

static int severity(const struct gg_planner *p, const struct gg_plan_output *o, const struct gg_fact *f,
                    uint32_t type, enum lack lack)
{
    bool expected = f->category == GG_CAT_EMBD || f->category == GG_CAT_OUTPUT;
    enum gg_missing_policy policy = p->w->imatrix_missing;
    if (!gg_type_uses_weights(type))
        return NO_MATTER;
    if ((qt_info(type)->flags & QT_NEEDS_WEIGHTS) != 0)
        return p->dry_run ? GG_WARN : GG_FAULT;
    if (p->dry_run)
        return expected && lack == MISSING ? GG_NOTE : GG_WARN;
    if (expected)
        return lack == MISSING ? GG_NOTE : GG_WARN;
    if (policy == GG_MISSING_WARN)
        return GG_WARN;
    if (demands_weights(o, f, type) || policy == GG_MISSING_FAIL || lack != MISSING)
        return GG_FAULT;
    return GG_WARN;
}

struct worst {
    int severity;
    uint32_t type;
    const char *preset;
};

/* Looks at all outputs, hands out the weights, and keeps the worst of what lacks. */
static struct worst cover(struct gg_planner *p, size_t i, enum lack lack)
{
    const struct gg_fact *f = &p->facts[i];
    const struct gg_tensor *src = &p->model->tensors[f->src];
    struct worst w = {NO_MATTER, 0, ""};
    for (size_t k = 0; k < p->plan->n_outputs; k++) {
        struct gg_plan_output *o = &p->plan->outputs[k];
        struct gg_plan_tensor *t = &o->tensors[i];
        if (t->action != GG_ENCODE)
            continue;
        if (lack == COVERED) {
            t->weights = &f->entry->weights;
            t->n_weight_mats = src->ne[2] * src->ne[3];
            continue;
        }
        int s = severity(p, o, f, t->to, lack);
        if (s > w.severity)
            w = (struct worst){s, t->to, o->preset->name};
    }
    return w;
}

static void report(struct gg_planner *p, const struct gg_fact *f, enum lack lack, struct worst w)
{
    const struct gg_tensor *t = &p->model->tensors[f->src];
    const struct gg_imatrix *im = p->w->imatrix;
    enum gg_severity s =
        w.severity == GG_FAULT ? gg_planner_fault(p, GG_ERR_CORRUPT) : (enum gg_severity)w.severity;
    const char *type = qt_info(w.type)->name, *name = f->name.p;
    size_t n = (size_t)f->name.nbytes;
    struct gg_findings *out = &p->plan->findings;
    switch (lack) {
    case MISSING:
        gg_findings_add(out, s, "imatrix-missing", name, n, GG_NOWHERE,
                        "%s has no weights for it, and %s makes it %s", im->file, w.preset, type);
        break;
    case WIDTH:
        gg_findings_add(out, s, "imatrix-width", name, n, GG_NOWHERE,
                        "%s has %" PRIu64 " weights for it; %" PRIu64 " x %" PRIu64 " are wanted",
                        im->file, f->entry->nvals, t->ne[0], t->ne[2] * t->ne[3]);
        break;
    case NONFINITE:
        gg_findings_add(out, s, "imatrix-nonfinite", name, n, GG_NOWHERE,
                        "weight %" PRIu64 " of %s is infinite, negative or not a number",
                        f->entry->nonfinite_at, im->file);
        break;
    case COVERED:
        break;
    }
}

/* Without any matrix one sentence an output is enough. */
static void report_none(struct gg_planner *p, const struct gg_plan_output *o)
{
    size_t n = 0, first = 0;
    bool impossible = false;
    for (size_t i = 0; i < o->n_tensors; i++) {
        uint32_t type = o->tensors[i].to;
        bool hard = (qt_info(type)->flags & QT_NEEDS_WEIGHTS) != 0;
        if (o->tensors[i].action != GG_ENCODE || !(hard || demands_weights(o, &p->facts[i], type)))
            continue;
        if (n++ == 0)
            first = i;
        impossible = impossible || hard;
    }
    if (n == 0)
        return;
    bool warn = p->dry_run || (p->w->imatrix_missing == GG_MISSING_WARN && !impossible);
    const struct gg_plan_tensor *t = &o->tensors[first];
    gg_findings_add(&p->plan->findings, warn ? GG_WARN : gg_planner_fault(p, GG_ERR_ARG),
                    "imatrix-missing", t->name.p, (size_t)t->name.nbytes, GG_NOWHERE,
                    "%s needs an importance matrix for %zu tensors, first for %s here", o->preset->name,
                    n, qt_info(t->to)->name);
}

static void report_zero_experts(struct gg_planner *p, const struct gg_fact *f)
{
    const struct gg_imatrix_entry *e = f->entry;
    if (e->n_zero_count > 0)
        gg_findings_add(&p->plan->findings, GG_WARN, "imatrix-zero-experts", f->name.p,
                        (size_t)f->name.nbytes, GG_NOWHERE,
                        "%" PRIu64 " of %" PRIu64 " matrices were never reached while %s was made; "
                        "their weights are 1", e->n_zero_count, e->nmat, p->w->imatrix->file);
}

static bool encoded_with_weights(const struct gg_planner *p, size_t i)
{
    for (size_t k = 0; k < p->plan->n_outputs; k++) {
        const struct gg_plan_tensor *t = &p->plan->outputs[k].tensors[i];
        if (t->action == GG_ENCODE && gg_type_uses_weights(t->to))
            return true;
    }
    return false;
}

void gg_plan_coverage(struct gg_planner *p)
{
    for (size_t k = 0; p->n_used == 0 && k < p->plan->n_outputs; k++)
        report_none(p, &p->plan->outputs[k]);
    for (size_t i = 0; p->n_used > 0 && i < p->n_facts; i++) {
        enum lack lack = look(p, &p->facts[i]);
        struct worst w = cover(p, i, lack);
        if (w.severity != NO_MATTER)
            report(p, &p->facts[i], lack, w);
        if (lack == COVERED && encoded_with_weights(p, i))
            report_zero_experts(p, &p->facts[i]);
    }
}
