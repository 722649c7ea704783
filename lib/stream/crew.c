#include "lib/stream/crew.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"
#include "lib/sys/clock.h"
#include "lib/sys/file.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- tickets ------------------------------------------------------------------------------- */

uint64_t gg_parts_number(struct gg_part *parts, size_t n)
{
    uint64_t next = 0;
    for (size_t i = 0; i < n; i++) {
        struct gg_part *p = &parts[i];
        p->first_ticket = next;
        next += p->n_units / p->per_ticket + (p->n_units % p->per_ticket != 0);
    }
    return next;
}

/* The last part that starts at or before the ticket; parts without tickets start where their
 * successor does, and are passed over by taking the last. */
void gg_parts_find(const struct gg_part *parts, size_t n, uint64_t ticket, struct gg_ticket *out)
{
    size_t lo = 0, hi = n;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (parts[mid].first_ticket <= ticket)
            lo = mid;
        else
            hi = mid;
    }
    const struct gg_part *p = &parts[lo];
    out->part = lo;
    out->first = (ticket - p->first_ticket) * p->per_ticket;
    assert(out->first < p->n_units);
    out->n = gg_min_u64(p->per_ticket, p->n_units - out->first);
}

/* ---- memory -------------------------------------------------------------------------------- */

uint64_t gg_elems_nbytes(uint32_t type, uint64_t n)
{
    uint64_t nbytes = 0;
    bool ok = qt_row_nbytes(type, n, &nbytes); /* part of a tensor whose size was checked */
    assert(ok);
    (void)ok;
    return nbytes;
}

uint64_t gg_aligned(uint64_t n)
{
    return (n + GG_ALIGN - 1) & ~(uint64_t)(GG_ALIGN - 1);
}

uint64_t gg_slab_wanted(uint64_t total_nbytes, unsigned n_workers)
{
    uint64_t fair = total_nbytes / n_workers / 4;
    return fair < GG_SLAB_LEAST ? GG_SLAB_LEAST : gg_min_u64(fair, GG_SLAB_NBYTES);
}

/* What a slot may have when so many workers and slots share the memory; 0 when there is none left. */
static uint64_t slot_share(uint64_t memory, uint64_t scratch, unsigned n_workers, unsigned n_slots)
{
    uint64_t scratches;
    if (!gg_mul_u64(scratch, n_workers, &scratches) || scratches >= memory)
        return 0;
    return (memory - scratches) / n_slots & ~(uint64_t)(GG_ALIGN - 1);
}

static void take_plan(struct gg_stream_usage *u, const struct gg_wish *wish, unsigned n_workers,
                      unsigned n_slots, uint64_t slab)
{
    u->n_workers = n_workers;
    u->n_slots = n_slots;
    u->slab_nbytes = slab;
    u->scratch_nbytes = wish->scratch;
    u->memory_nbytes = n_slots * slab + n_workers * wish->scratch;
}

/* Prefers many workers to spare slots, and spare slots to large slabs. */
int gg_memory_plan(struct gg_stream_usage *usage, const struct gg_stream_opts *opts,
                   const struct gg_wish *wish, uint64_t most, struct gg_err *err)
{
    uint64_t memory = opts->max_memory != 0 ? opts->max_memory : GG_STREAM_MEMORY;
    unsigned n = opts->n_workers != 0 ? opts->n_workers : gg_pool_default_workers();
    for (; n > 0; n--) {
        unsigned spare = n == 1 ? 0 : wish->delayed ? 2 * n : n;
        for (;; spare /= 2) {
            uint64_t slab = slot_share(memory, wish->scratch, n, n + spare);
            if (slab >= wish->least) {
                take_plan(usage, wish, n, n + spare, gg_min_u64(slab, most));
                return GG_OK;
            }
            if (spare == 0)
                break;
        }
    }
    return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE,
                   "--max-memory of %llu bytes is too little: at least %llu are needed",
                   (unsigned long long)memory,
                   (unsigned long long)gg_aligned(wish->least + wish->scratch + GG_ALIGN));
}

/* ---- buffers and clocks -------------------------------------------------------------------- */

static void *buffer_new(uint64_t n)
{
    return aligned_alloc(GG_ALIGN, (size_t)gg_aligned(n + (n == 0)));
}

int gg_crew_init(struct gg_crew *c, struct gg_stream_usage *usage,
                 const struct gg_stream_opts *opts, struct gg_err *err)
{
    c->started_ns = gg_clock_ns();
    c->usage = usage;
    c->opts = opts;
    c->hands = calloc(usage->n_workers, sizeof *c->hands);
    c->slots = calloc(usage->n_slots, sizeof *c->slots);
    if (c->hands == NULL || c->slots == NULL)
        return gg_fail_nomem(err, "the pipeline");
    for (unsigned i = 0; i < usage->n_workers; i++) {
        c->hands[i].scratch = buffer_new(usage->scratch_nbytes);
        if (c->hands[i].scratch == NULL)
            return gg_fail_nomem(err, "a worker's tiles");
    }
    return GG_OK;
}

void gg_crew_free(struct gg_crew *c)
{
    struct gg_stream_usage *u = c->usage;
    for (unsigned i = 0; c->hands != NULL && i < u->n_workers; i++) {
        const struct gg_hand *h = &c->hands[i];
        u->read_ns += h->read_ns;
        u->compute_ns += h->compute_ns;
        u->write_ns += h->write_ns;
        u->read_nbytes += h->read_nbytes;
        u->written_nbytes += h->written_nbytes;
        u->copied_nbytes += h->copied_nbytes;
        free(h->scratch);
    }
    for (unsigned i = 0; c->slots != NULL && i < u->n_slots; i++)
        free(c->slots[i]);
    if (u != NULL)
        u->wall_ns = gg_clock_ns() - c->started_ns;
    free(c->hands);
    free(c->slots);
}

void *gg_crew_slot(struct gg_crew *c, unsigned slot)
{
    if (c->slots[slot] == NULL)
        c->slots[slot] = buffer_new(c->usage->slab_nbytes);
    return c->slots[slot];
}

int gg_crew_read(struct gg_hand *h, const struct gg_model *m, size_t tensor, uint64_t first,
                 uint64_t n, void *dst, struct gg_err *err)
{
    uint64_t start = gg_clock_ns();
    int rc = m->source->ops->read(m->source, tensor, first, n, dst, err);
    h->read_ns += gg_clock_ns() - start;
    h->read_nbytes += gg_elems_nbytes(m->tensors[tensor].type, n);
    return rc;
}

void gg_crew_read_ahead(const struct gg_model *m, size_t tensor, uint64_t first, uint64_t n)
{
    enum { LEAST = 128 << 10 }; /* below that the kernel's own read-ahead does */
    uint32_t type = m->tensors[tensor].type;
    struct gg_extent x;
    uint64_t nbytes = gg_elems_nbytes(type, n);
    if (nbytes < LEAST)
        return;
    if (m->source->ops->extent(m->source, tensor, &x))
        gg_file_will_need(x.fd, x.off + gg_elems_nbytes(type, first), nbytes);
    else if (m->source->ops->will_need != NULL)
        m->source->ops->will_need(m->source, tensor, first, n);
}

void gg_crew_done(struct gg_crew *c, uint64_t nbytes)
{
    c->done_nbytes += nbytes;
    if (c->opts->progress != NULL)
        c->opts->progress(c->opts->progress_ctx, c->done_nbytes, c->total_nbytes);
}

/* ---- checks and places --------------------------------------------------------------------- */

int gg_check_opts(const struct gg_stream_opts *opts, struct gg_err *err)
{
    if (opts->kernels == NULL)
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "no kernels were given");
    if (!qk_env_ok())
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE,
                       "the rounding mode or the handling of denormals is not the default");
    return GG_OK;
}

int gg_check_decodes(const struct gg_tensor *t, const struct qk_table *kernels, struct gg_err *err)
{
    char name[128], tmp[32];
    if (t->known && t->type < QT_ID_END && kernels->k[t->type].dequant != NULL)
        return GG_OK;
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "tensor '%s': %s cannot be decoded",
                   gg_text_escape_into(name, sizeof name, t->name.p, t->name.nbytes),
                   qt_name(t->type, tmp));
}

struct gg_spot gg_spot_at(const struct gg_grid *g, uint64_t elem, float value)
{
    return (struct gg_spot){elem, elem / g->n_cols, elem % g->n_cols, value};
}

const char *gg_spot_text(char dst[256], const struct gg_tensor *t, const struct gg_spot *spot)
{
    char name[128], mat[40] = "";
    uint64_t row = spot->row;
    if (t->ne[2] * t->ne[3] > 1) {
        snprintf(mat, sizeof mat, "matrix %llu, ", (unsigned long long)(row / t->ne[1]));
        row %= t->ne[1];
    }
    snprintf(dst, 256, "tensor '%s': %srow %llu, column %llu",
             gg_text_escape_into(name, sizeof name, t->name.p, t->name.nbytes), mat,
             (unsigned long long)row, (unsigned long long)spot->col);
    return dst;
}

int gg_stream_fail_nonfinite(const struct gg_model *model, const struct gg_tensor *t,
                             const struct gg_spot *spot, struct gg_err *err)
{
    char at[256];
    const char *what = isnan(spot->value) ? "NaN" : spot->value < 0 ? "-Inf" : "Inf";
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: %s: not finite (%s)", model->name,
                   gg_spot_text(at, t, spot), what);
}
