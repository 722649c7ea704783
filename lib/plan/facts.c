/* What the outputs of a plan share about each tensor: its new name, whether it may be encoded, which
 * rule is its own, and its number among its kind. */
#include "lib/model/pattern.h"
#include "lib/plan/plan_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool matches(const struct gg_pattern *pattern, struct ggf_str name)
{
    return gg_pattern_match(pattern, name.p, (size_t)name.nbytes);
}

/* Gives the name a tensor has in the output; false when its layer is pruned. An arena that is out of
 * memory gives an empty name with a NULL pointer. */
static bool output_name(struct gg_planner *p, struct ggf_str name, struct ggf_str *out)
{
    size_t first, nbytes;
    uint64_t layer;
    *out = name;
    if (p->new_layer == NULL || !gg_name_find_layer(name, &first, &nbytes, &layer) ||
        layer >= p->arch.n_layers)
        return true;
    if (p->new_layer[layer] == GG_NO_LAYER)
        return false;
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, p->new_layer[layer]);
    char *s = gg_arena_alloc(p->plan->arena, (size_t)name.nbytes - nbytes + (size_t)n);
    *out = (struct ggf_str){s, name.nbytes - nbytes + (uint64_t)n};
    if (s == NULL)
        return true;
    memcpy(s, name.p, first);
    memcpy(s + first, digits, (size_t)n);
    memcpy(s + first + n, name.p + first + nbytes, (size_t)name.nbytes - first - nbytes);
    return true;
}

/* Numbers stay numbers, and what we cannot read is no matter of choice. */
static const char *keep_by_type(uint32_t type)
{
    const struct qt_info *t = qt_info(type);
    if (t == NULL)
        return "a type we don't know is kept";
    if ((t->flags & QT_INT) != 0)
        return "integers are kept";
    return t->type == QT_F64 ? "f64 is kept" : NULL;
}

static void fill_fact(struct gg_planner *p, struct gg_fact *f)
{
    const struct gg_tensor *t = &p->model->tensors[f->src];
    f->category = gg_category_of(f->name);
    f->keep = gg_keep_reason(f->name, t->ne);
    if (f->keep == NULL)
        f->keep = keep_by_type(t->type);
    f->selected = p->w->only == NULL || matches(p->w->only, f->name);
    f->rule = GG_NO_RULE;
    for (size_t r = 0; r < p->w->n_rules && f->keep == NULL && f->rule == GG_NO_RULE; r++) {
        if (matches(p->w->rules[r].pattern, f->name))
            f->rule = r;
    }
    f->mix = (struct gg_mix_tensor){f->category, t->ne[0], t->ne[2], gg_name_layer(f->name), 0};
}

struct in_order {
    struct gg_name_key key;
    struct gg_fact *fact;
};

static int by_key(const void *a, const void *b)
{
    return gg_name_key_cmp(&((const struct in_order *)a)->key, &((const struct in_order *)b)->key);
}

/* Only tensors that ask the mixture are counted: not those kept or decided by an explicit option. */
static bool asks_mixture(const struct gg_planner *p, const struct gg_fact *f)
{
    const struct gg_plan_wishes *w = p->w;
    return f->keep == NULL && f->rule == GG_NO_RULE &&
           !(f->category == GG_CAT_EMBD && w->token_embedding_type != QT_NONE) &&
           !(f->category == GG_CAT_OUTPUT &&
             (w->output_tensor_type != QT_NONE || w->leave_output_tensor));
}

static int number_facts(struct gg_planner *p, struct gg_err *err)
{
    struct gg_mix_counts counts = {0};
    struct in_order *order = malloc((p->n_facts + 1) * sizeof *order);
    if (order == NULL)
        return gg_fail_nomem(err, "the order of tensors");
    for (size_t i = 0; i < p->n_facts; i++)
        order[i] = (struct in_order){{p->facts[i].name, p->facts[i].mix.layer}, &p->facts[i]};
    qsort(order, p->n_facts, sizeof *order, by_key);
    for (size_t i = 0; i < p->n_facts; i++) {
        struct gg_fact *f = order[i].fact;
        if (asks_mixture(p, f))
            f->mix.i = gg_mix_count(&counts, f->category);
    }
    free(order);
    return GG_OK;
}

int gg_plan_facts(struct gg_planner *p, struct gg_err *err)
{
    const struct gg_model *m = p->model;
    p->facts = gg_arena_zalloc(p->plan->arena, m->n_tensors, sizeof *p->facts);
    if (p->facts == NULL)
        return gg_fail_nomem(err, "the plan's tensors");
    gg_mix_model_from_arch(&p->mix, &p->arch);
    p->mix.tied = true;
    for (size_t i = 0; i < m->n_tensors; i++) {
        struct gg_fact *f = &p->facts[p->n_facts];
        f->src = i;
        if (!output_name(p, m->tensors[i].name, &f->name))
            continue;
        if (f->name.p == NULL && f->name.nbytes > 0)
            return gg_fail_nomem(err, "a tensor's name");
        fill_fact(p, f);
        p->mix.n_v += gg_category_is_v(f->category);
        p->mix.tied = p->mix.tied && f->category != GG_CAT_OUTPUT;
        p->n_facts++;
    }
    return number_facts(p, err);
}

static const char *no_hit_reason(const struct gg_planner *p, const struct gg_type_rule *r)
{
    size_t n_matched = 0, n_kept = 0;
    for (size_t i = 0; i < p->n_facts; i++) {
        if (matches(r->pattern, p->facts[i].name)) {
            n_matched++;
            n_kept += p->facts[i].keep != NULL;
        }
    }
    return n_matched == 0        ? "matches no tensor"
           : n_matched == n_kept ? "matches only tensors that are never quantized"
                                 : "decides nothing: other options come before it";
}

void gg_plan_check_rules(struct gg_planner *p)
{
    bool any_selected = p->w->only == NULL;
    for (size_t i = 0; i < p->n_facts && !any_selected; i++)
        any_selected = p->facts[i].selected;
    if (!any_selected)
        gg_findings_add(&p->plan->findings,
                        p->w->allow_unmatched ? GG_WARN : gg_planner_fault(p, GG_ERR_ARG),
                        "only-unmatched", NULL, 0, GG_NOWHERE, "--only matches no tensor");
    for (size_t r = 0; r < p->w->n_rules; r++) {
        struct gg_type_rule *rule = &p->w->rules[r];
        if (rule->n_hits > 0)
            continue;
        gg_findings_add(&p->plan->findings,
                        p->w->allow_unmatched ? GG_WARN : gg_planner_fault(p, GG_ERR_ARG),
                        "rule-unmatched", NULL, 0, GG_NOWHERE, "--tensor-type %s %s", rule->text,
                        no_hit_reason(p, rule));
    }
}
