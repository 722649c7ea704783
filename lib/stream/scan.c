/* A look at all values ahead of the work. */
#include "lib/stream/crew.h"

#include "lib/quant/stats.h"

#include <math.h>
#include <string.h>

struct scan {
    const struct gg_model *model;
    struct gg_scan_result *results;
};

static void take(struct gg_scan_result *r, uint64_t elem, float x)
{
    float a = fabsf(x);
    if (!isfinite(x)) {
        if (r->n_nan + r->n_inf == 0)
            r->first = (struct gg_spot){.elem = elem, .value = x};
        *(isnan(x) ? &r->n_nan : &r->n_inf) += 1;
    } else if (a > r->max_abs) {
        r->max_abs = a;
        r->max = (struct gg_spot){.elem = elem, .value = x};
    }
}

/* Most tiles are finite: their maximum is taken first, and its place only when it counts. */
static int visit(void *ctx, const struct gg_tile *t, void *part, void *scratch, struct gg_err *err)
{
    struct gg_scan_result *r = part;
    const float *x = t->x[0];
    (void)ctx;
    (void)scratch;
    (void)err;
    bool finite = qk_find_beyond(x, t->nelems, INFINITY) == t->nelems;
    float max = 0;
    for (size_t i = 0; finite && i < t->nelems; i++)
        max = fabsf(x[i]) > max ? fabsf(x[i]) : max;
    for (size_t i = 0; i < t->nelems; i++) {
        if (!finite || (max > 0 && fabsf(x[i]) == max))
            take(r, t->first + i, x[i]);
        if (finite && r->max_abs == max)
            break;
    }
    return GG_OK;
}

static int combine(void *ctx, const struct gg_tile *t, void *part, struct gg_err *err)
{
    struct scan *s = ctx;
    struct gg_scan_result *to = &s->results[t->item];
    const struct gg_scan_result *r = part;
    (void)err;
    if (to->n_nan + to->n_inf == 0)
        to->first = r->first;
    if (r->max_abs > to->max_abs) {
        to->max_abs = r->max_abs;
        to->max = r->max;
    }
    to->n_nan += r->n_nan;
    to->n_inf += r->n_inf;
    return GG_OK;
}

static void locate(struct gg_spot *s, const struct gg_tensor *t)
{
    if (t->ne[0] == 0)
        return;
    s->row = s->elem / t->ne[0];
    s->col = s->elem % t->ne[0];
}

int gg_stream_scan(const struct gg_model *model, const size_t *tensors, size_t n,
                   const struct gg_stream_opts *opts, struct gg_scan_result *results,
                   struct gg_err *err)
{
    struct scan s = {model, results};
    struct gg_visitor v = {.see = GG_SEE_FLOATS, .part_nbytes = sizeof *results, .visit = visit,
                           .combine = combine, .ctx = &s};
    struct gg_visit_list list = {tensors, n};
    memset(results, 0, n * sizeof *results);
    int rc = gg_stream_visit(&model, 1, tensors != NULL ? &list : NULL, &v, opts, NULL, err);
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        const struct gg_tensor *t = &model->tensors[tensors != NULL ? tensors[i] : i];
        locate(&results[i].first, t);
        locate(&results[i].max, t);
    }
    return rc;
}
