/* The type of each tensor in one output, and why. */
#include "lib/base/num.h"
#include "lib/plan/plan_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { REASON_NBYTES = 320 };

struct choice {
    uint32_t type;
    bool rule, chosen;
    char reason[REASON_NBYTES];
};

static void because(struct choice *c, uint32_t type, const char *reason)
{
    c->type = type;
    snprintf(c->reason, sizeof c->reason, "%s", reason);
}

/* Explicit options, strongest first. Unlike llama-quantize, they count whatever the preset's base
 * type is, and --output-tensor-type reaches embeddings that serve as output in every case. */
static bool choose_explicit(struct gg_planner *p, const struct gg_fact *f, struct choice *c)
{
    const struct gg_plan_wishes *w = p->w;
    c->rule = true;
    if (f->category == GG_CAT_EMBD && w->token_embedding_type != QT_NONE) {
        because(c, w->token_embedding_type, "by --token-embedding-type");
    } else if (f->category == GG_CAT_OUTPUT && w->output_tensor_type != QT_NONE) {
        because(c, w->output_tensor_type, "by --output-tensor-type");
    } else if (f->rule != GG_NO_RULE) {
        struct gg_type_rule *r = &w->rules[f->rule];
        r->n_hits++;
        because(c, r->type, "");
        snprintf(c->reason, sizeof c->reason, "by --tensor-type %.200s", r->text);
    } else if (f->category == GG_CAT_EMBD && p->mix.tied && w->output_tensor_type != QT_NONE) {
        because(c, w->output_tensor_type, "serves as output: by --output-tensor-type");
    } else {
        c->rule = false;
    }
    return c->rule;
}

static void choose_by_preset(struct gg_planner *p, const struct gg_preset *preset,
                             const struct gg_fact *f, const struct gg_tensor *t, struct choice *c)
{
    uint32_t from = t->origin != NULL ? t->plain : t->type;
    if (gg_preset_is_copy(preset)) {
        because(c, from, "copied");
        if (t->origin != NULL)
            snprintf(c->reason, sizeof c->reason,
                     t->plain == t->type ? "%s with its rows in order, no bit changed" : "decoded from %s",
                     t->origin);
    } else if ((qt_info(preset->base)->flags & QT_BLOCKS) == 0 || p->w->pure) {
        because(c, preset->base, "");
        snprintf(c->reason, sizeof c->reason, "%sthe base type of %s", p->w->pure ? "--pure: " : "",
                 preset->name);
    } else {
        struct gg_mix_choice mix = gg_mix_choose(preset, &p->mix, &f->mix);
        c->type = mix.type;
        gg_mix_explain(c->reason, sizeof c->reason, preset, &p->mix, &f->mix, &mix);
    }
}

static void choose_by_default(struct gg_planner *p, const struct gg_plan_output *o,
                              const struct gg_fact *f, const struct gg_tensor *t, struct choice *c)
{
    if (p->w->types == NULL) {
        choose_by_preset(p, o->preset, f, t, c);
        return;
    }
    uint32_t type = p->w->types[o - p->plan->outputs][f->src];
    because(c, type != QT_NONE ? type : t->type, type != QT_NONE ? "chosen for the size" : "copied");
    c->chosen = type != QT_NONE;
}

/* Rows that fill no block of the wanted type take a type of smaller blocks, or F16 when there is none
 * that fits; a tensor that is quantized already rather stays as it is than to grow to F16. */
static bool fit_width(const struct gg_tensor *t, struct choice *c)
{
    const struct qt_info *want = qt_info(c->type), *from = qt_info(t->type);
    uint32_t fit = want->fallback;
    if (t->ne[0] % want->block_nelems == 0)
        return false;
    if (fit == QT_NONE || t->ne[0] % qt_info(fit)->block_nelems != 0)
        fit = (from->flags & QT_BLOCKS) != 0 ? t->type : QT_F16;
    size_t n = strlen(c->reason);
    c->type = fit;
    snprintf(c->reason + n, sizeof c->reason - n,
             "; rows of %" PRIu64 " don't fill blocks of %" PRIu32 ": %s for %s", t->ne[0],
             want->block_nelems, qt_info(fit)->name, want->name);
    return true;
}

/* Why this output copies the tensor whatever its type; NULL when it doesn't. */
static const char *keep_reason(const struct gg_planner *p, const struct gg_fact *f)
{
    if (f->keep != NULL)
        return f->keep;
    if (!f->selected)
        return "left out by --only";
    if (f->category == GG_CAT_OUTPUT && p->w->leave_output_tensor)
        return "by --leave-output-tensor";
    return NULL;
}

/* Neighbours in a layer list often have the same reason: the last one of each length is looked at. */
static int keep_text(struct gg_planner *p, const struct choice *c, const char **out,
                     struct gg_err *err)
{
    size_t n = strlen(c->reason);
    const char **last = &p->last_reason[n % GG_COUNTOF(p->last_reason)];
    if (*last == NULL || strcmp(*last, c->reason) != 0)
        *last = gg_arena_strndup(p->plan->arena, c->reason, n);
    *out = *last;
    return *out == NULL ? gg_fail_nomem(err, "a reason") : GG_OK;
}

static int choose_one(struct gg_planner *p, const struct gg_plan_output *o, const struct gg_fact *f,
                      struct gg_plan_tensor *pt, struct gg_err *err)
{
    const struct gg_tensor *t = &p->model->tensors[f->src];
    const char *keep = keep_reason(p, f);
    struct choice c; /* its text is long: not cleared for every tensor */
    c.type = t->type;
    c.rule = c.chosen = false;
    c.reason[0] = '\0';
    *pt = (struct gg_plan_tensor){.src = f->src, .name = f->name, .from = t->type, .to = t->type,
                                  .action = GG_COPY, .reason = keep};
    if (keep != NULL && t->origin != NULL && t->plain != t->type) { /* not quantized, yet decoded */
        pt->to = t->plain;
        pt->action = GG_ENCODE;
    }
    if (keep != NULL)
        return GG_OK;
    if (!choose_explicit(p, f, &c))
        choose_by_default(p, o, f, t, &c);
    if (p->w->keep != NULL && p->w->keep[f->src]) {
        pt->reason = "type kept: its values cannot be encoded";
        return GG_OK;
    }
    pt->fallback = fit_width(t, &c);
    pt->to = c.type;
    pt->rule = c.rule;
    pt->chosen = c.chosen;
    pt->action = pt->to == pt->from ? GG_COPY : GG_ENCODE;
    return keep_text(p, &c, &pt->reason, err);
}

/* ---- what is worth saying about an output ---------------------------------------------------- */

struct tally {
    size_t n;
    const struct gg_plan_tensor *first;
};

static void tally_add(struct tally *t, const struct gg_plan_tensor *pt)
{
    if (t->n++ == 0)
        t->first = pt;
}

static void report_lossy(struct gg_planner *p, const struct gg_plan_output *o)
{
    struct tally lossy = {0};
    char a[32], b[32];
    if (!p->w->lossless_only)
        return;
    for (size_t i = 0; i < o->n_tensors; i++) {
        if (o->tensors[i].action == GG_ENCODE && o->tensors[i].to != QT_F32)
            tally_add(&lossy, &o->tensors[i]);
    }
    if (lossy.n > 0)
        gg_findings_add(&p->plan->findings, gg_planner_fault(p, GG_ERR_ARG), "lossy",
                        lossy.first->name.p, (size_t)lossy.first->name.nbytes, GG_NOWHERE,
                        "%s would lose precision in %zu tensors, first from %s to %s here",
                        o->preset->name, lossy.n, qt_name(lossy.first->from, a),
                        qt_name(lossy.first->to, b));
}

static void report_unencodable(struct gg_planner *p, const struct gg_plan_output *o)
{
    struct tally by_type[QT_ID_END] = {{0}};
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_plan_tensor *pt = &o->tensors[i];
        if (pt->action == GG_ENCODE && (qt_info(pt->to)->flags & QT_ENCODES) == 0)
            tally_add(&by_type[pt->to], pt);
    }
    for (uint32_t t = 0; t < QT_ID_END; t++) {
        const struct tally *y = &by_type[t];
        if (y->n > 0)
            gg_findings_add(&p->plan->findings,
                            p->dry_run ? GG_WARN : gg_planner_fault(p, GG_ERR_UNSUPPORTED),
                            "no-encoder", y->first->name.p, (size_t)y->first->name.nbytes, GG_NOWHERE,
                            "%s asks for %s, which we cannot encode, for %zu tensors", o->preset->name,
                            qt_info(t)->name, y->n);
    }
}

static void report_fallbacks(struct gg_planner *p, const struct gg_plan_output *o)
{
    struct tally by_type[QT_ID_END] = {{0}};
    for (size_t i = 0; i < o->n_tensors; i++) {
        if (o->tensors[i].fallback)
            tally_add(&by_type[o->tensors[i].to], &o->tensors[i]);
    }
    for (uint32_t t = 0; t < QT_ID_END; t++) {
        const struct tally *y = &by_type[t];
        if (y->n > 0)
            gg_findings_add(&p->plan->findings, GG_WARN, "fallback", y->first->name.p,
                            (size_t)y->first->name.nbytes, GG_NOWHERE,
                            "%s: %zu tensors take %s because their rows (here %" PRIu64
                            ") don't fill blocks of the wanted type",
                            o->preset->name, y->n, qt_info(t)->name,
                            p->model->tensors[y->first->src].ne[0]);
    }
}

int gg_plan_choose(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err)
{
    o->tensors = gg_arena_zalloc(p->plan->arena, p->n_facts, sizeof *o->tensors);
    if (o->tensors == NULL)
        return gg_fail_nomem(err, "the plan's tensors");
    o->n_tensors = p->n_facts;
    for (size_t i = 0; i < p->n_facts; i++) {
        int rc = choose_one(p, o, &p->facts[i], &o->tensors[i], err);
        if (rc != GG_OK)
            return rc;
    }
    report_lossy(p, o);
    report_unencodable(p, o);
    report_fallbacks(p, o);
    return GG_OK;
}
