/* Looking: one model or several walked side by side, tile by tile. */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"
#include "lib/stream/crew.h"
#include "lib/sys/clock.h"

#include <stdlib.h>
#include <string.h>

/* Input of a ticket: what is looked at only once should not leave the cache on the way. */
enum { VISIT_SLAB = 256 << 10 };

struct look { /* a tensor, as each of the models has it */
    const size_t *tensor; /* of n_models */
    struct gg_grid grid;
};

struct visit {
    const struct gg_model *const *models;
    size_t n_models;
    const struct gg_visitor *v;
    const struct gg_stream_opts *opts;
    struct look *looks;
    size_t *all; /* the list, when none is given */
    struct gg_part *parts;
    size_t n;
    struct gg_crew crew;
    struct gg_stream_usage usage;
    size_t part_nbytes; /* aligned */
};

static bool has(const struct look *k, size_t m)
{
    return k->tensor[m] != GG_NO_TENSOR;
}

static const struct gg_tensor *tensor_of(const struct visit *w, const struct look *k, size_t m)
{
    return &w->models[m]->tensors[k->tensor[m]];
}

static uint32_t type_of(const struct visit *w, const struct look *k, size_t m)
{
    return tensor_of(w, k, m)->type;
}

/* ---- layout of a slot: raw of model 0, of model 1..., parts of the tiles --------------------- */

static uint64_t raw_nbytes(const struct visit *w, const struct look *k, size_t m, uint64_t n_tiles)
{
    if (!has(k, m))
        return 0;
    return gg_aligned(gg_elems_nbytes(type_of(w, k, m), gg_grid_tile_nelems(&k->grid) * n_tiles));
}

static uint64_t slot_nbytes(const struct visit *w, const struct look *k, uint64_t n_tiles)
{
    uint64_t n = w->part_nbytes * n_tiles;
    for (size_t m = 0; m < w->n_models; m++)
        n += raw_nbytes(w, k, m, n_tiles);
    return n;
}

/* The most tiles whose slot stays below both limits, at least 1. */
static uint64_t tiles_that_fit(const struct visit *w, const struct look *k, uint64_t slot,
                               uint64_t input)
{
    uint64_t one = slot_nbytes(w, k, 1), in = 0; /* roundings are in it: n tiles take <= n * one */
    for (size_t m = 0; m < w->n_models; m++)
        in += raw_nbytes(w, k, m, 1);
    uint64_t n = gg_min_u64(slot / one, input / in);
    return gg_min_u64(n > 0 ? n : 1, k->grid.n_tiles);
}

/* ---- a ticket ------------------------------------------------------------------------------ */

static void fill_tile(const struct visit *w, const struct gg_ticket *at, uint64_t tile,
                      struct gg_tile *t)
{
    const struct look *k = &w->looks[at->part];
    struct gg_cell c;
    gg_grid_cell(&k->grid, tile, &c);
    memset(t, 0, sizeof *t);
    t->item = at->part;
    t->tensor = k->tensor;
    t->first = c.first;
    t->row = c.row;
    t->col = c.col;
    t->mat = c.row / tensor_of(w, k, 0)->ne[1];
    t->n_rows = c.n_rows;
    t->n_cols = c.n_cols;
    t->nelems = c.nelems;
}

/* Shows one tile: its stored bytes, and decoded ones where wanted. */
static int show(struct visit *w, const struct gg_ticket *at, uint64_t i, uint8_t *slot,
                struct gg_hand *h, struct gg_err *err)
{
    const struct look *k = &w->looks[at->part];
    struct gg_tile t;
    uint8_t *raw = slot, *scratch = h->scratch;
    fill_tile(w, at, at->first + i, &t);
    uint64_t from = t.first - gg_grid_elem(&k->grid, at->first);
    for (size_t m = 0; m < w->n_models; m++) {
        if (!has(k, m))
            continue;
        uint32_t type = type_of(w, k, m);
        t.raw[m] = raw + gg_elems_nbytes(type, from);
        t.raw_nbytes[m] = (size_t)gg_elems_nbytes(type, t.nelems);
        raw += raw_nbytes(w, k, m, at->n);
        if (w->v->see & GG_SEE_FLOATS) {
            w->opts->kernels->k[type].dequant((float *)(void *)scratch, t.raw[m],
                                              t.nelems / qt_info(type)->block_nelems);
            t.x[m] = (float *)(void *)scratch;
            scratch += GG_TILE_NELEMS * sizeof(float);
        }
    }
    void *part = raw + i * w->part_nbytes;
    memset(part, 0, w->part_nbytes);
    return w->v->visit(w->v->ctx, &t, part, scratch, err);
}

static void read_ahead(const struct visit *w, uint64_t ticket)
{
    struct gg_ticket at;
    const struct look *k;
    if (ticket >= w->parts[w->n].first_ticket) /* the end of all */
        return;
    gg_parts_find(w->parts, w->n, ticket, &at);
    k = &w->looks[at.part];
    uint64_t first = gg_grid_elem(&k->grid, at.first);
    uint64_t n = gg_grid_elem(&k->grid, at.first + at.n) - first;
    for (size_t m = 0; m < w->n_models; m++) {
        if (has(k, m))
            gg_crew_read_ahead(w->models[m], k->tensor[m], first, n);
    }
}

static int work(void *ctx, unsigned worker, unsigned slot_no, uint64_t ticket, struct gg_err *err)
{
    struct visit *w = ctx;
    struct gg_hand *h = &w->crew.hands[worker];
    struct gg_ticket at;
    uint8_t *slot = gg_crew_slot(&w->crew, slot_no), *raw = slot;
    if (slot == NULL)
        return gg_fail_nomem(err, "a slab");
    gg_parts_find(w->parts, w->n, ticket, &at);
    const struct look *k = &w->looks[at.part];
    uint64_t first = gg_grid_elem(&k->grid, at.first);
    uint64_t n = gg_grid_elem(&k->grid, at.first + at.n) - first;
    read_ahead(w, ticket + 2 * w->usage.n_workers);
    int rc = GG_OK;
    for (size_t m = 0; rc == GG_OK && m < w->n_models; m++) {
        if (has(k, m))
            rc = gg_crew_read(h, w->models[m], k->tensor[m], first, n, raw, err);
        raw += raw_nbytes(w, k, m, at.n);
    }
    uint64_t start = gg_clock_ns();
    for (uint64_t i = 0; rc == GG_OK && i < at.n; i++)
        rc = show(w, &at, i, slot, h, err);
    h->compute_ns += gg_clock_ns() - start;
    return rc;
}

static int settle(void *ctx, unsigned slot_no, uint64_t ticket, struct gg_err *err)
{
    struct visit *w = ctx;
    struct gg_ticket at;
    gg_parts_find(w->parts, w->n, ticket, &at);
    const struct look *k = &w->looks[at.part];
    uint8_t *part = w->crew.slots[slot_no];
    uint64_t n = gg_grid_elem(&k->grid, at.first + at.n) - gg_grid_elem(&k->grid, at.first);
    uint64_t nbytes = 0;
    for (size_t m = 0; m < w->n_models; m++) {
        part += raw_nbytes(w, k, m, at.n);
        nbytes += has(k, m) ? gg_elems_nbytes(type_of(w, k, m), n) : 0;
    }
    int rc = GG_OK;
    for (uint64_t i = 0; rc == GG_OK && w->v->combine != NULL && i < at.n; i++) {
        struct gg_tile t;
        fill_tile(w, &at, at.first + i, &t);
        rc = w->v->combine(w->v->ctx, &t, part + i * w->part_nbytes, err);
    }
    gg_crew_done(&w->crew, nbytes);
    return rc;
}

/* ---- setting up ---------------------------------------------------------------------------- */

/* All that have it can be decoded and agree on its shape. Counts what will be read. */
static int check_look(struct visit *w, const struct look *k, struct gg_err *err)
{
    for (size_t m = 0; m < w->n_models; m++) {
        if (!has(k, m))
            continue;
        const struct gg_tensor *t = tensor_of(w, k, m);
        int rc = gg_check_decodes(t, w->opts->kernels, err);
        if (rc != GG_OK)
            return rc;
        if (memcmp(t->ne, tensor_of(w, k, 0)->ne, sizeof t->ne) != 0)
            return gg_fail(err, GG_ERR_BUG, GG_NOWHERE,
                           "tensors of different shapes are compared");
        w->crew.total_nbytes += t->nbytes;
    }
    return GG_OK;
}

/* Every tensor of the one model. */
static const size_t *list_all(struct visit *w)
{
    size_t n = w->models[0]->n_tensors;
    w->all = calloc(n + 1, sizeof *w->all);
    for (size_t i = 0; w->all != NULL && i < n; i++)
        w->all[i] = i;
    return w->all;
}

/* Which tensors, and how each is cut; looks at metadata alone. */
static int list_looks(struct visit *w, const struct gg_visit_list *list, struct gg_err *err)
{
    size_t n = list != NULL ? list->n : w->models[0]->n_tensors;
    const size_t *tensor = list != NULL ? list->tensor : list_all(w);
    w->looks = calloc(n + 1, sizeof *w->looks);
    w->parts = calloc(n + 1, sizeof *w->parts);
    if (w->looks == NULL || w->parts == NULL || tensor == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; i < n; i++) {
        struct look *k = &w->looks[w->n++];
        k->tensor = tensor + i * w->n_models;
        if (list == NULL && !tensor_of(w, k, 0)->known)
            continue; /* keeps its place with no tiles, so that item stays an index */
        int rc = check_look(w, k, err);
        if (rc != GG_OK)
            return rc;
        gg_grid_init(&k->grid, tensor_of(w, k, 0)->ne, false);
    }
    return GG_OK;
}

static int plan_memory(struct visit *w, struct gg_err *err)
{
    unsigned n_workers = w->opts->n_workers != 0 ? w->opts->n_workers : gg_pool_default_workers();
    uint64_t input = gg_min_u64(gg_slab_wanted(w->crew.total_nbytes, n_workers), VISIT_SLAB);
    uint64_t floats = w->v->see & GG_SEE_FLOATS ? GG_TILE_NELEMS * sizeof(float) : 0;
    struct gg_wish wish = {.scratch = floats * w->n_models + gg_aligned(w->v->scratch_nbytes)};
    uint64_t most = 0;
    w->part_nbytes = (size_t)gg_aligned(w->v->part_nbytes);
    for (size_t i = 0; i < w->n; i++) {
        const struct look *k = &w->looks[i];
        if (k->grid.n_tiles == 0)
            continue;
        uint64_t n = tiles_that_fit(w, k, GG_SLOT_MOST, input);
        wish.least = gg_max_u64(wish.least, slot_nbytes(w, k, 1));
        most = gg_max_u64(most, slot_nbytes(w, k, n));
    }
    int rc = gg_memory_plan(&w->usage, w->opts, &wish, most, err);
    for (size_t i = 0; rc == GG_OK && i < w->n; i++) {
        const struct look *k = &w->looks[i];
        w->parts[i].n_units = k->grid.n_tiles;
        w->parts[i].per_ticket =
            k->grid.n_tiles == 0 ? 1 : tiles_that_fit(w, k, w->usage.slab_nbytes, input);
    }
    return rc;
}

static int run(struct visit *w, struct gg_err *err)
{
    struct gg_pool_job job = {.work = work, .settle = settle, .ctx = w};
    job.n_tickets = gg_parts_number(w->parts, w->n);
    w->parts[w->n].first_ticket = job.n_tickets;
    job.n_workers = (unsigned)gg_min_u64(w->usage.n_workers, gg_max_u64(job.n_tickets, 1));
    job.n_slots = w->usage.n_slots;
    int rc = gg_crew_init(&w->crew, &w->usage, w->opts, err);
    return rc == GG_OK ? gg_pool_run(&job, err) : rc;
}

int gg_stream_visit(const struct gg_model *const *models, size_t n_models,
                    const struct gg_visit_list *list, const struct gg_visitor *visitor,
                    const struct gg_stream_opts *opts, struct gg_stream_usage *usage,
                    struct gg_err *err)
{
    struct visit w = {.models = models, .n_models = n_models, .v = visitor, .opts = opts};
    int rc = gg_check_opts(opts, err);
    if (rc == GG_OK && (n_models < 1 || n_models > GG_VISIT_MAX || (n_models > 1 && list == NULL)))
        rc = gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "%zu models cannot be visited so", n_models);
    if (rc == GG_OK)
        rc = list_looks(&w, list, err);
    if (rc == GG_OK)
        rc = plan_memory(&w, err);
    if (rc == GG_OK)
        rc = run(&w, err);
    gg_crew_free(&w.crew);
    if (usage != NULL)
        *usage = w.usage;
    free(w.looks);
    free(w.all);
    free(w.parts);
    return rc;
}
