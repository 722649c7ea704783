/* A size instead of a type: measure, choose, say what was chosen. */
#include "cmds/make.h"

#include "lib/base/text.h"
#include "lib/job/goal.h"
#include "lib/job/measure.h"
#include "lib/sys/clock.h"

#include <inttypes.h>

static int measure(struct make *r, const struct gg_target *before, struct gg_err *err)
{
    const struct gg_goal_opts *g = &r->o->goal;
    struct gg_write_opts w = {
        .stream = make_stream(r, "measuring"),
        .nonfinite = r->o->work.nonfinite == MAKE_ZERO ? GG_NONFINITE_ZERO : GG_NONFINITE_FAIL,
    };
    struct gg_measure_opts o = {.sample_rows = g->sample.set ? g->sample.v : 0,
                                .seed = g->seed.set ? g->seed.v : 0,
                                .cache = g->error_cache,
                                .before = before,
                                .write = &w};
    uint64_t start = gg_clock_ns();
    int rc = gg_measure(r->target, &r->wishes->plan, &o, &r->measured, err);
    r->measuring_ns += gg_clock_ns() - start;
    gg_progress_end(&r->progress);
    if (rc == GG_OK && r->measured.foreign)
        gg_msg_warn(&r->env->msg,
                    "%s: was made for other models or another importance matrix; nothing of it is used",
                    g->error_cache);
    return rc == GG_OK ? gg_target_weigh(r->target, err) : rc;
}

static int write_recipe(const struct make *r, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    if (r->o->goal.recipe_out == NULL)
        return GG_OK;
    gg_target_recipe(r->target, r->plan, &r->chosen,
                     make_search(r) == QK_SEARCH_BEST ? " --search best" : "", &b);
    int rc = b.failed ? gg_fail_nomem(err, "the recipe")
                      : gg_job_write_file(r->o->goal.recipe_out, b.data, b.nbytes, r->o->output.force, err);
    gg_buf_free(&b);
    return rc;
}

/* A file much smaller than asked for: types don't allow more. */
static void warn_small(const struct make *r)
{
    const struct gg_budget *b = &r->budget;
    char is[32];
    if (!b->data_alone && r->chosen.nbytes < b->nbytes - b->nbytes / 200)
        gg_msg_note(&r->env->msg, r->chosen.nbytes == r->chosen.most
                                      ? "%s bytes is the largest that the types allowed can make of it"
                                      : "%s bytes is as close as the types allowed come to it",
                    gg_text_thousands(is, r->chosen.nbytes));
}

int make_target(struct make *r, bool dry)
{
    struct gg_err err;
    struct gg_target_opts opts;
    struct gg_target *before = r->target; /* of a look ahead: --nonfinite=keep-type */
    r->target = NULL;
    int rc = gg_goal_types(&opts, &r->o->goal, &err);
    opts.dry_run = dry;
    if (rc == GG_OK)
        rc = gg_goal_budget(&r->budget, &r->o->goal, r->model, &r->memory, &err);
    if (rc == GG_OK)
        rc = gg_target_new(&r->target, r->model, &r->wishes->plan, &opts, &err);
    if (rc == GG_OK)
        rc = measure(r, before, &err);
    gg_target_free(before);
    if (rc == GG_OK)
        rc = gg_target_choose(r->target, &r->wishes->plan, &r->budget, dry, &r->plan, &r->chosen, &err);
    if (r->plan != NULL)
        gg_msg_findings(&r->env->msg, r->model->name, &r->plan->findings,
                        r->env->msg.level > 0 ? 0 : MAKE_MAX_FINDINGS);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&r->env->msg, &err);
}

int make_keep_target(struct make *r)
{
    struct gg_err err;
    if (r->target == NULL)
        return CMD_OK;
    if (write_recipe(r, &err) != GG_OK)
        return gg_msg_fail(&r->env->msg, &err);
    warn_small(r);
    return CMD_OK;
}

void make_print_target(const struct make *r, FILE *f)
{
    char is[32], least[32], most[32];
    const struct gg_target_result *c = &r->chosen;
    if (r->target == NULL)
        return;
    fprintf(f, "  chose %s bytes (%s to %s can be had); ", gg_text_thousands(is, c->nbytes),
            gg_text_thousands(least, c->least), gg_text_thousands(most, c->most));
    if (c->proven)
        fprintf(f, "predicted loss %.4g, the least of this size", c->loss);
    else
        fprintf(f, "predicted loss %.4g, at most %.2g%% above the least", c->loss,
                c->bound > 0 ? 100 * (c->loss / c->bound - 1) : 0);
    if (r->o->goal.fits.set)
        fprintf(f, "\n        with a cache of %s and buffers of %s for %" PRIu64 " tokens",
                gg_text_size(least, r->memory.kv_nbytes), gg_text_size(most, r->memory.buffers_nbytes),
                r->memory.n_ctx);
    fprintf(f, "\n        from %zu errors measured", r->measured.n_measured);
    if (r->measured.n_known > 0)
        fprintf(f, ", %zu known before", r->measured.n_known);
    fprintf(f, "\n");
}
