/* The comparison: metadata, matching, values. */
#include "cmds/diff.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- looking things up ----------------------------------------------------------------------- */

const struct gg_tensor *diff_tensor(const struct diff *d, size_t item, size_t model)
{
    size_t i = d->match.items[item].tensor[model];
    return i != SIZE_MAX ? &d->models[model]->tensors[i] : NULL;
}

const struct gg_comparison *diff_result(const struct diff *d, size_t item, size_t other)
{
    if (d->match.items[item].state[other] != GG_MATCH_BOTH || d->item[item] == SIZE_MAX)
        return NULL;
    return &d->result[d->item[item] * d->n_others + other];
}

bool diff_differs(const struct diff *d, size_t item, size_t other)
{
    const struct gg_comparison *c = diff_result(d, item, other);
    return c != NULL && c->same == GG_OTHER_VALUES;
}

/* ---- what is compared ------------------------------------------------------------------------ */

struct ranked {
    size_t item;
    uint64_t rank;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* Where a tensor lies in the first model that is to be read in some order; else all are alike. */
static uint64_t rank_of(const struct diff *d, size_t item)
{
    uint64_t until, rank = 0;
    for (size_t k = 0; k < d->n_models; k++) {
        struct gg_source *s = d->models[k]->source;
        size_t i = d->match.items[item].tensor[k];
        if (s->ops->place == NULL)
            continue;
        if (i != SIZE_MAX)
            s->ops->place(s, i, 0, &until, &rank);
        return rank;
    }
    return 0;
}

static bool is_compared(const struct diff *d, size_t item)
{
    bool any = false;
    for (size_t m = 0; m < d->n_others; m++)
        any |= d->match.items[item].state[m] == GG_MATCH_BOTH;
    return any && !d->o->header_only;
}

/* Tensors that at least one of the others has to compare with. tensor gets the list of the walk. */
static int list_items(struct diff *d, size_t **tensor, struct gg_err *err)
{
    const struct gg_match *m = &d->match;
    struct ranked *order = gg_arena_zalloc(&d->mem, m->n + 1, sizeof *order);
    d->item = gg_arena_alloc(&d->mem, (m->n + 1) * sizeof *d->item);
    *tensor = gg_arena_zalloc(&d->mem, (m->n + 1) * d->n_models, sizeof **tensor);
    if (d->item == NULL || *tensor == NULL || order == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; i < m->n; i++) {
        d->item[i] = SIZE_MAX;
        if (is_compared(d, i))
            order[d->n_compared++] = (struct ranked){i, rank_of(d, i)};
    }
    qsort(order, d->n_compared, sizeof *order, by_rank);
    for (size_t i = 0; i < d->n_compared; i++) {
        const struct gg_match_item *it = &m->items[order[i].item];
        size_t *to = *tensor + i * d->n_models;
        d->item[order[i].item] = i;
        to[0] = it->tensor[0];
        for (size_t k = 1; k < d->n_models; k++)
            to[k] = it->state[k - 1] == GG_MATCH_BOTH ? it->tensor[k] : GG_NO_TENSOR;
    }
    d->result = gg_arena_zalloc(&d->mem, d->n_compared * d->n_others + 1, sizeof *d->result);
    return d->result != NULL ? GG_OK : gg_fail_nomem(err, "the list of tensors");
}

/* The weights of a tensor; NULL: none that fit. */
static const struct gg_weights *weights_of(const struct diff *d, const struct gg_tensor *t, size_t *n_unfit)
{
    const struct gg_imatrix_entry *e =
        gg_imatrix_find(d->imatrix, t->name.p, (size_t)t->name.nbytes);
    uint64_t want;
    if (e == NULL)
        return NULL;
    bool fits = gg_mul_u64(t->ne[0], t->ne[2], &want) && gg_mul_u64(want, t->ne[3], &want) &&
                e->nvals == want && e->nonfinite_at == e->nvals;
    *n_unfit += !fits;
    return fits ? &e->weights : NULL;
}

static int list_weights(struct diff *d, struct gg_err *err)
{
    size_t n_unfit = 0;
    d->weights = gg_arena_zalloc(&d->mem, d->n_compared + 1, sizeof *d->weights);
    if (d->weights == NULL)
        return gg_fail_nomem(err, "the list of weights");
    for (size_t i = 0; i < d->match.n; i++) {
        if (d->item[i] == SIZE_MAX)
            continue;
        const struct gg_weights *w = weights_of(d, diff_tensor(d, i, 0), &n_unfit);
        d->weights[d->item[i]] = w;
        d->n_weighted += w != NULL;
    }
    if (n_unfit > 0)
        gg_msg_warn(&d->env->msg, "%s: %zu entries are of another width than their tensors, or not "
                                  "finite, and are not used", d->imatrix->file, n_unfit);
    if (d->n_weighted == 0 && n_unfit == 0)
        gg_msg_warn(&d->env->msg, "%s: no entry names a tensor that is compared", d->imatrix->file);
    return GG_OK;
}

/* A histogram for each type of each of the others. */
static int list_histograms(struct diff *d, struct gg_error_histogram ***by_result, struct gg_err *err)
{
    *by_result = NULL;
    if (!diff_wants_pictures(d))
        return GG_OK;
    d->n_histograms = d->n_others * (QT_ID_END + 1);
    d->histograms = gg_arena_zalloc(&d->mem, d->n_histograms, sizeof *d->histograms);
    struct gg_error_histogram **v =
        gg_arena_zalloc(&d->mem, d->n_compared * d->n_others + 1, sizeof *v);
    if (d->histograms == NULL || v == NULL)
        return gg_fail_nomem(err, "histograms");
    for (size_t i = 0; i < d->match.n; i++) {
        for (size_t m = 0; d->item[i] != SIZE_MAX && m < d->n_others; m++) {
            const struct gg_tensor *t = diff_tensor(d, i, m + 1);
            if (t != NULL)
                v[d->item[i] * d->n_others + m] = &d->histograms[diff_histogram_of(d, m, t->type)];
        }
    }
    *by_result = v;
    return GG_OK;
}

/* ---- the walk -------------------------------------------------------------------------------- */

struct gg_stream_opts diff_stream(struct diff *d, struct gg_progress *progress)
{
    return (struct gg_stream_opts){.n_workers = d->env->n_threads,
                                   .max_memory = d->o->max_memory.set ? d->o->max_memory.v : 0,
                                   .progress = progress != NULL ? gg_progress_set : NULL,
                                   .progress_ctx = progress};
}

static int compare_values(struct diff *d, struct gg_err *err)
{
    struct gg_compare c = {.models = d->models, .n_models = d->n_models};
    struct gg_error_histogram **histograms;
    struct gg_progress progress;
    size_t *tensor;
    int rc = list_items(d, &tensor, err);
    if (rc == GG_OK && d->imatrix != NULL)
        rc = list_weights(d, err);
    if (rc == GG_OK)
        rc = list_histograms(d, &histograms, err);
    if (rc != GG_OK || d->n_compared == 0)
        return rc;
    struct qk_table *kernels = malloc(sizeof *kernels);
    if (kernels == NULL)
        return gg_fail_nomem(err, "kernels");
    qk_init(kernels, d->env->cpu);
    c.tensor = tensor;
    c.n = d->n_compared;
    c.weights = d->weights;
    c.histogram = (struct gg_error_histogram *const *)histograms;
    gg_progress_begin(&progress, &d->env->msg, d->env->progress, "comparing", 0);
    struct gg_stream_opts opts = diff_stream(d, &progress);
    opts.kernels = kernels;
    rc = gg_compare_run(&c, &opts, d->result, &d->usage, err);
    gg_progress_end(&progress);
    free(kernels);
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool other_arch(const struct diff *d, size_t m)
{
    struct ggf_str a = d->desc[0].arch.name, b = d->desc[m + 1].arch.name;
    return a.nbytes > 0 && b.nbytes > 0 &&
           (a.nbytes != b.nbytes || memcmp(a.p, b.p, a.nbytes) != 0);
}

static int compare_metadata(struct diff *d, struct gg_err *err)
{
    int rc = GG_OK;
    d->others = gg_arena_zalloc(&d->mem, d->n_others, sizeof *d->others);
    if (d->others == NULL)
        return gg_fail_nomem(err, "metadata");
    for (size_t m = 0; rc == GG_OK && m < d->n_others; m++) {
        rc = gg_meta_compare(&d->others[m].meta, d->models[0]->meta, d->models[m + 1]->meta, err);
        d->others[m].other_arch = other_arch(d, m);
    }
    return rc;
}

int diff_run(struct diff *d, struct gg_err *err)
{
    int rc = compare_metadata(d, err);
    if (rc == GG_OK)
        rc = gg_match_models(&d->match, d->models, d->n_models, d->only, err);
    if (rc == GG_OK && d->only != NULL && d->match.n == 0)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--tensors: no tensor matches '%.128s'",
                     d->o->tensors);
    if (rc == GG_OK)
        rc = compare_values(d, err);
    return rc == GG_OK ? diff_sum_up(d, err) : rc;
}
