/* The choice itself: sizes as the plan will have them, and the least predicted loss within them. */
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/plan/solve.h"
#include "lib/plan/target.h"

#include <stdlib.h>
#include <string.h>

struct chooser {
    struct gg_target *t;
    struct gg_plan_wishes *w;
    bool dry;
    uint32_t align;
    struct gg_group *groups;
    struct gg_option *options; /* of all groups */
    uint32_t *types;           /* of the options */
    size_t *pick;
};

/* ---- plans ----------------------------------------------------------------------------------- */

/* The file type that says most of a mixture: that of the tensor type most weights have. */
static const struct gg_preset *preset_of(const struct gg_target *t)
{
    uint64_t n[QT_ID_END] = {0};
    for (size_t i = 0; i < t->n_tensors; i++) {
        size_t src = t->tensors[i].src;
        n[t->chosen[0][src]] += t->model->tensors[src].nelems;
    }
    const struct gg_preset *p = gg_preset_by_ftype(gg_preset_guess(n));
    return p != NULL && p->target ? p : gg_preset_by_ftype(GG_FT_F16);
}

static int plan(struct chooser *c, struct gg_plan **out, uint64_t *nbytes, struct gg_err *err)
{
    const struct gg_preset *preset = preset_of(c->t);
    c->w->types = (const uint32_t *const *)c->t->chosen;
    int rc = gg_plan_new(out, c->t->model, &preset, 1, c->w, c->dry, err);
    if (*out != NULL && rc == GG_OK)
        *nbytes = (*out)->outputs[0].nbytes;
    return rc;
}

/* ---- options --------------------------------------------------------------------------------- */

static uint64_t stored_nbytes(const struct chooser *c, const struct gg_target_tensor *x, uint32_t type)
{
    uint64_t nbytes = 0, aligned = 0;
    bool ok = qt_tensor_nbytes(type, c->t->model->tensors[x->src].ne, &nbytes) &&
              gg_align_u64(nbytes, c->align, &aligned);
    return ok ? aligned : UINT64_MAX / 2; /* such a tensor was no candidate */
}

/* An option for each type that a group may have. */
static void add_groups(struct chooser *c)
{
    struct gg_target *t = c->t;
    size_t at = 0;
    for (size_t i = 0; i < t->n_tensors; i++) {
        struct gg_group *g = &c->groups[t->tensors[i].group];
        if (g->n > 0) /* all its tensors have the same types */
            continue;
        g->options = c->options + at;
        for (uint32_t id = 0; id < QT_ID_END; id++) {
            if ((t->tensors[i].types & GG_TYPE_BIT(id)) != 0) {
                c->types[at++] = id;
                g->n++;
            }
        }
    }
}

static int list_options(struct chooser *c, struct gg_err *err)
{
    struct gg_target *t = c->t;
    c->groups = calloc(t->n_groups + 1, sizeof *c->groups);
    c->options = calloc(t->n_groups * QT_ID_END + 1, sizeof *c->options);
    c->types = calloc(t->n_groups * QT_ID_END + 1, sizeof *c->types);
    c->pick = calloc(t->n_groups + 1, sizeof *c->pick);
    if (c->groups == NULL || c->options == NULL || c->types == NULL || c->pick == NULL)
        return gg_fail_nomem(err, "the choice of types");
    add_groups(c);
    for (size_t i = 0; i < t->n_tensors; i++) {
        const struct gg_target_tensor *x = &t->tensors[i];
        const struct gg_group *g = &c->groups[x->group];
        for (size_t k = 0, first = (size_t)(g->options - c->options); k < g->n; k++) {
            c->options[first + k].nbytes += stored_nbytes(c, x, c->types[first + k]);
            c->options[first + k].cost += gg_target_loss(x, c->types[first + k]);
        }
    }
    return GG_OK;
}

/* ---- choices --------------------------------------------------------------------------------- */

static void take_picks(struct chooser *c)
{
    for (size_t i = 0; i < c->t->n_tensors; i++) {
        const struct gg_target_tensor *x = &c->t->tensors[i];
        size_t first = (size_t)(c->groups[x->group].options - c->options);
        c->t->chosen[0][x->src] = c->types[first + c->pick[x->group]];
    }
}

struct beside { /* what a file takes */
    uint64_t chosen; /* beside the tensors whose type is chosen */
    uint64_t data;   /* beside the data of all tensors and their padding */
};

/* The smallest or the best of every group; what a file of it takes, and beside. */
static int extreme(struct chooser *c, bool best, uint64_t tensors_nbytes, uint64_t *file_nbytes,
                   struct beside *beside, struct gg_err *err)
{
    struct gg_solution s;
    struct gg_plan *p = NULL;
    int rc = gg_solve(c->groups, c->t->n_groups, best ? UINT64_MAX / 2 : tensors_nbytes, c->pick, &s,
                      err);
    if (rc != GG_OK)
        return rc;
    take_picks(c);
    rc = plan(c, &p, file_nbytes, err);
    if (rc == GG_OK) {
        *beside = (struct beside){*file_nbytes - s.nbytes, *file_nbytes};
        for (size_t i = 0; i < p->outputs[0].n_tensors; i++) {
            uint64_t aligned = 0;
            if (gg_align_u64(p->outputs[0].tensors[i].nbytes, c->align, &aligned))
                beside->data -= aligned;
        }
    }
    gg_plan_free(p);
    return rc;
}

static int fail_size(const struct chooser *c, uint64_t budget, const struct gg_target_result *r,
                     struct gg_err *err)
{
    char want[32], least[32], most[32];
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "%s: no file of %s bytes can be made of it so: the smallest has %s, the largest %s",
                   c->t->model->name, gg_text_thousands(want, budget),
                   gg_text_thousands(least, r->least), gg_text_thousands(most, r->most));
}

/* Sizes of headers hang on the choice when there are shards: then it is made anew, with so much less
 * room as it was too large. */
static int choose(struct chooser *c, uint64_t budget, uint64_t beside, struct gg_plan **out,
                  struct gg_target_result *r, struct gg_err *err)
{
    enum { TRIES = 16 };
    uint64_t room = budget - beside;
    for (int i = 0; i < TRIES; i++) {
        struct gg_solution s;
        int rc = gg_solve(c->groups, c->t->n_groups, room, c->pick, &s, err);
        if (rc != GG_OK)
            return fail_size(c, budget, r, err);
        take_picks(c);
        rc = plan(c, out, &r->nbytes, err);
        r->loss = s.cost;
        r->bound = s.bound;
        r->proven = s.proven;
        if (rc != GG_OK || r->nbytes <= budget)
            return rc;
        if (r->nbytes - budget > s.nbytes)
            break;
        room = s.nbytes - (r->nbytes - budget);
        gg_plan_free(*out);
        *out = NULL;
    }
    return fail_size(c, budget, r, err);
}

static int run(struct chooser *c, const struct gg_budget *wanted, struct gg_plan **out,
               struct gg_target_result *r, struct gg_err *err)
{
    struct beside beside, beside_most;
    uint64_t least, most, budget = wanted->nbytes;
    int rc = list_options(c, err);
    if (rc != GG_OK)
        return rc;
    gg_solve_range(c->groups, c->t->n_groups, &least, &most);
    rc = extreme(c, true, most, &r->most, &beside_most, err);
    if (rc == GG_OK)
        rc = extreme(c, false, least, &r->least, &beside, err);
    if (rc != GG_OK)
        return rc;
    if (wanted->data_alone && !gg_add_u64(budget, beside.data, &budget))
        budget = UINT64_MAX;
    return budget < r->least ? fail_size(c, budget, r, err)
                             : choose(c, budget, beside.chosen, out, r, err);
}

int gg_target_choose(struct gg_target *t, struct gg_plan_wishes *wishes,
                     const struct gg_budget *budget, bool for_dry_run, struct gg_plan **plan_out, struct gg_target_result *result,
                     struct gg_err *err)
{
    const struct ggf_meta *over = wishes->override_kv;
    const struct ggf_kv *kv = over != NULL ? ggf_meta_find(over, "general.alignment") : NULL;
    struct chooser c = {.t = t, .w = wishes, .dry = for_dry_run, .align = t->model->alignment};
    uint64_t align;
    if (kv != NULL && ggf_as_u64(&kv->value, &align) && gg_is_pow2(align) && align <= UINT32_MAX)
        c.align = (uint32_t)align;
    *plan_out = NULL;
    int rc = run(&c, budget, plan_out, result, err);
    free(c.groups);
    free(c.options);
    free(c.types);
    free(c.pick);
    return rc;
}
