/* Looking before leaping: --check-first, which tensors --nonfinite=keep-type keeps, and whether
 * what is copied is finite. */
#include "cmds/make.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/job/codebooks.h"

#include <stdlib.h>
#include <string.h>

enum { N_SHOWN = 20 };

/* No block scale of any type exceeds the largest magnitude of its block times 1.125 (the widest
 * margin of the codebook types), so below this bound none can overflow F16's 65504. */
static const float safe_max = 32768.0F;

struct check {
    struct make *r;
    struct gg_scan_result *scan; /* by tensor of the model */
    bool *suspect;               /* has values so large that a scale could overflow */
    size_t n_bad, n_suspect;
};

static int scan(struct check *c)
{
    struct make *r = c->r;
    struct gg_err err;
    struct gg_stream_opts o = make_stream(r, "checking");
    int rc = gg_stream_scan(r->model, NULL, r->model->n_tensors, &o, c->scan, &err);
    gg_progress_end(&r->progress);
    if (rc != GG_OK)
        return gg_msg_fail(&r->env->msg, &err);
    for (size_t i = 0; i < r->model->n_tensors; i++) {
        bool bad = c->scan[i].n_nan + c->scan[i].n_inf > 0;
        c->n_bad += bad;
        r->keep[i] = bad;
        c->suspect[i] = !bad && c->scan[i].max_abs >= safe_max;
        c->n_suspect += c->suspect[i];
    }
    return CMD_OK;
}

static void say_bad(struct check *c)
{
    const struct gg_model *m = c->r->model;
    struct gg_buf name = GG_BUF_INIT;
    size_t shown = 0;
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct gg_scan_result *s = &c->scan[i];
        if (s->n_nan + s->n_inf == 0)
            continue;
        if (shown++ == N_SHOWN) {
            gg_msg_warn(&c->r->env->msg, "and %zu more tensors", c->n_bad - N_SHOWN);
            break;
        }
        gg_msg_warn(&c->r->env->msg,
                    "%s: tensor '%s': %llu NaN, %llu infinite, the first at row %llu, column %llu",
                    m->name, make_name(&name, m->tensors[i].name), (unsigned long long)s->n_nan,
                    (unsigned long long)s->n_inf, (unsigned long long)s->first.row,
                    (unsigned long long)s->first.col);
    }
    gg_buf_free(&name);
}

/* Encodes the suspects without writing, to see which scales overflow in the types planned. */
static int try_suspects(struct check *c)
{
    struct make *r = c->r;
    int code = make_plan(r, false);
    if (code != CMD_OK)
        return code;
    struct gg_err err;
    struct gg_write_opts w = {.stream = make_stream(r, "checking scales"),
                              .nonfinite = GG_NONFINITE_FAIL,
                              .note_overflow = true,
                              .only = c->suspect};
    struct gg_write_report report = {0};
    struct gg_codebooks books = {0};
    int rc = gg_codebooks_for(&books, r->plan, &err);
    w.stream.codebooks = books.v;
    if (rc == GG_OK)
        rc = gg_stream_write(r->model, r->plan, NULL, &w, &report, &err);
    gg_codebooks_free(&books);
    gg_progress_end(&r->progress);
    for (size_t k = 0; rc == GG_OK && k < r->plan->n_outputs; k++) {
        const struct gg_plan_output *o = &r->plan->outputs[k];
        for (size_t i = 0; i < o->n_tensors; i++) {
            if (report.results[k][i].n_overflow > 0)
                r->keep[o->tensors[i].src] = true;
        }
    }
    gg_write_report_free(&report);
    gg_plan_free(r->plan);
    r->plan = NULL;
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&r->env->msg, &err);
}

/* What the policy makes of it. */
static int decide(struct check *c)
{
    struct make *r = c->r;
    if (r->o->work.nonfinite == MAKE_KEEP_TYPE)
        return c->n_suspect > 0 ? try_suspects(c) : CMD_OK;
    memset(r->keep, 0, r->model->n_tensors * sizeof *r->keep);
    if (c->n_bad == 0 || r->o->work.nonfinite == MAKE_ZERO)
        return CMD_OK;
    struct gg_err err;
    for (size_t i = 0; i < r->model->n_tensors; i++) {
        if (c->scan[i].n_nan + c->scan[i].n_inf == 0)
            continue;
        gg_stream_fail_nonfinite(r->model, &r->model->tensors[i], &c->scan[i].first, &err);
        break;
    }
    return gg_msg_fail(&r->env->msg, &err);
}

/* ---- what is copied ------------------------------------------------------------------------ */

/* Tensors of plain floats that outputs copy since that is to be their type. What a plain copy and
 * --only leave alone is passed on unseen, and so is a source that is better read only once. */
static size_t list_copied(struct make *r, size_t *list)
{
    size_t n = 0;
    bool *listed = gg_arena_zalloc(&r->env->mem, r->model->n_tensors + 1, sizeof *listed);
    for (size_t k = 0; listed != NULL && k < r->plan->n_outputs; k++) {
        const struct gg_plan_output *o = &r->plan->outputs[k];
        if (r->model->source->ops->place != NULL || gg_preset_is_copy(o->preset) || r->wishes->plan.only != NULL)
            continue;
        for (size_t i = 0; i < o->n_tensors; i++) {
            const struct qt_info *t = qt_info(o->tensors[i].from);
            size_t src = o->tensors[i].src;
            if (o->tensors[i].action == GG_COPY && (t->flags & QT_FLOAT) && !listed[src]) {
                listed[src] = true;
                list[n++] = src;
            }
        }
    }
    return n;
}

static int judge_copied(struct make *r, const size_t *list, size_t n,
                        const struct gg_scan_result *found)
{
    struct gg_buf name = GG_BUF_INIT;
    struct gg_err err;
    int code = CMD_OK;
    for (size_t i = 0; i < n && code == CMD_OK; i++) {
        const struct gg_tensor *t = &r->model->tensors[list[i]];
        if (found[i].n_nan + found[i].n_inf == 0)
            continue;
        if (r->o->work.nonfinite == MAKE_FAIL) {
            gg_stream_fail_nonfinite(r->model, t, &found[i].first, &err);
            code = gg_msg_fail(&r->env->msg, &err);
        } else {
            gg_msg_warn(&r->env->msg, "tensor '%s' is copied with its %llu NaN and %llu infinities",
                        make_name(&name, t->name), (unsigned long long)found[i].n_nan,
                        (unsigned long long)found[i].n_inf);
        }
    }
    gg_buf_free(&name);
    return code;
}

int make_check_copied(struct make *r)
{
    struct gg_err err;
    size_t n = r->model->n_tensors, *list = calloc(n + 1, sizeof *list);
    struct gg_scan_result *found = calloc(n + 1, sizeof *found);
    int code = CMD_OK;
    if (list == NULL || found == NULL) {
        gg_fail_nomem(&err, "the results of the check");
        code = gg_msg_fail(&r->env->msg, &err);
    } else if ((n = list_copied(r, list)) > 0) {
        struct gg_stream_opts o = make_stream(r, "checking");
        int rc = gg_stream_scan(r->model, list, n, &o, found, &err);
        gg_progress_end(&r->progress);
        code = rc == GG_OK ? judge_copied(r, list, n, found) : gg_msg_fail(&r->env->msg, &err);
    }
    free(list);
    free(found);
    return code;
}

/* ---- all data ------------------------------------------------------------------------------ */

int make_check(struct make *r)
{
    struct check c = {.r = r};
    size_t n = r->model->n_tensors;
    struct gg_err err;
    r->keep = gg_arena_zalloc(&r->env->mem, n + 1, sizeof *r->keep);
    c.suspect = gg_arena_zalloc(&r->env->mem, n + 1, sizeof *c.suspect);
    c.scan = calloc(n + 1, sizeof *c.scan);
    int code = CMD_OK;
    if (r->keep == NULL || c.suspect == NULL || c.scan == NULL) {
        gg_fail_nomem(&err, "the results of the check");
        code = gg_msg_fail(&r->env->msg, &err);
    }
    if (code == CMD_OK)
        code = scan(&c);
    if (code == CMD_OK) {
        if (c.n_bad > 0)
            say_bad(&c);
        code = decide(&c);
    }
    free(c.scan);
    return code;
}
