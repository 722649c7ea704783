/* Carrying a plan out: each worker reads its slab, encodes it and writes it at its place; what needs
 * order (pipes, digests, sums, progress) happens when the ticket is settled. */
#include "lib/stream/write.h"

#include "lib/base/num.h"
#include "lib/quant/qtype.h"
#include "lib/quant/swap.h"
#include "lib/sys/clock.h"
#include "lib/sys/file.h"

#include <stdlib.h>
#include <string.h>

/* ---- places -------------------------------------------------------------------------------- */

struct run { /* what a ticket is, in units and in elements of its tensor */
    struct gg_ticket at;
    const struct gg_item *it;
    size_t item;
    uint64_t first, nelems;
};

static struct run run_of(const struct gg_writer *w, uint64_t ticket)
{
    struct run r = {0};
    gg_parts_find(w->parts, w->n_parts, ticket, &r.at);
    r.at.first += w->spans[r.at.part].first;
    r.item = w->spans[r.at.part].item;
    r.it = &w->items[r.item];
    if (!r.it->copies) {
        r.first = gg_grid_elem(&r.it->grid, r.at.first);
        r.nelems = gg_grid_elem(&r.it->grid, r.at.first + r.at.n) - r.first;
    }
    return r;
}

/* Which bytes of a slot go where for one target. */
struct piece {
    uint64_t off, nbytes;
    const uint8_t *p;
};

/* Of a target's encoding, GG_STORED included: its type, and where it begins in the slot. */
static uint32_t type_of(const struct gg_item *it, int encoding)
{
    return encoding == GG_STORED ? it->tensor->type : it->encodings[encoding].type;
}

static size_t place_of(const struct run *r, int encoding)
{
    return encoding == GG_STORED ? 0 : gg_slot_encoding_off(r->it, (size_t)encoding, r->at.n);
}

static struct piece piece_of(const struct run *r, const struct gg_target *to, const uint8_t *slot)
{
    if (r->it->copies)
        return (struct piece){to->t->off + r->at.first, r->at.n, NULL};
    uint32_t type = type_of(r->it, to->encoding);
    return (struct piece){to->t->off + gg_elems_nbytes(type, r->first),
                          gg_elems_nbytes(type, r->nelems), slot + place_of(r, to->encoding)};
}

/* ---- work ---------------------------------------------------------------------------------- */

static int write_piece(struct gg_hand *h, struct gg_out_file *f, const struct piece *p,
                       struct gg_err *err)
{
    uint64_t start = gg_clock_ns();
    int rc = gg_sink_write(f->sink, p->off, p->p, (size_t)p->nbytes, err);
    h->write_ns += gg_clock_ns() - start;
    h->written_nbytes += p->nbytes;
    return rc;
}

static int copy_ticket(struct gg_writer *w, const struct run *r, struct gg_hand *h,
                       struct gg_err *err)
{
    struct gg_source *s = w->model->source;
    struct gg_extent x;
    uint64_t start = gg_clock_ns();
    int rc = GG_OK;
    if (!s->ops->extent(s, r->it->src, &x))
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a tensor has lost its place in the file");
    for (size_t k = 0; rc == GG_OK && k < r->it->n_targets; k++) {
        const struct gg_target *to = &r->it->targets[k];
        struct piece p = piece_of(r, to, NULL);
        rc = gg_sink_copy(w->files[to->file].sink, p.off, x.fd, x.off + r->at.first, p.nbytes, err);
        h->copied_nbytes += p.nbytes;
    }
    h->write_ns += gg_clock_ns() - start;
    return rc;
}

/* Sums over the first and the last row of a slab that holds no whole row; read before the slab, as
 * its buffer serves for that. */
static int long_row_sums(struct gg_writer *w, const struct run *r, uint8_t *slot, struct gg_hand *h,
                         float sums[2], struct gg_err *err)
{
    const struct gg_grid *g = &r->it->grid;
    uint64_t row[2] = {r->at.first / g->row_tiles, (r->at.first + r->at.n - 1) / g->row_tiles};
    int rc = GG_OK;
    for (int i = 0; rc == GG_OK && i < 2; i++) {
        if (i == 0 || row[1] != row[0])
            rc = gg_row_sum_read(w, r->item, row[i], slot, r->at.n, h, &sums[i], err);
    }
    return rc;
}

/* Turns all that a slot holds to big-endian, once nobody decodes it any more. */
static void turn_bytes(const struct run *r, uint8_t *slot)
{
    for (int k = GG_STORED; k < (int)r->it->n_encodings; k++) {
        uint32_t type = type_of(r->it, k); /* known: it has a planned size */
        qt_swap_blocks(type, slot + place_of(r, k),
                       (size_t)(r->nelems / qt_info(type)->block_nelems));
    }
}

static int slab_ticket(struct gg_writer *w, const struct run *r, uint8_t *slot, struct gg_hand *h,
                       struct gg_err *err)
{
    const struct gg_item *it = r->it;
    float sums[2];
    bool long_rows = it->wants_row_sums && w->parts[r->at.part].per_ticket < it->grid.row_tiles;
    int rc = long_rows ? long_row_sums(w, r, slot, h, sums, err) : GG_OK;
    if (rc == GG_OK)
        rc = gg_crew_read(h, w->model, it->src, r->first, r->nelems, slot, err);
    if (rc == GG_OK && it->n_encodings > 0)
        rc = gg_encode_slab(w, it, &r->at, slot, long_rows ? sums : NULL, h, err);
    if (rc == GG_OK && w->plan->big_endian)
        turn_bytes(r, slot);
    for (size_t k = 0; rc == GG_OK && k < it->n_targets; k++) {
        struct gg_out_file *f = &w->files[it->targets[k].file];
        struct piece p = piece_of(r, &it->targets[k], slot);
        if (f->sink != NULL && !f->ordered)
            rc = write_piece(h, f, &p, err);
    }
    return rc;
}

static void read_ahead(const struct gg_writer *w, uint64_t ticket)
{
    struct gg_extent x;
    if (ticket >= w->parts[w->n_parts].first_ticket) /* the end of all */
        return;
    struct run r = run_of(w, ticket);
    if (!r.it->copies)
        gg_crew_read_ahead(w->model, r.it->src, r.first, r.nelems);
    else if (w->model->source->ops->extent(w->model->source, r.it->src, &x))
        gg_file_will_need(x.fd, x.off + r.at.first, r.at.n); /* the kernel's own stops at each piece */
}

static int work(void *ctx, unsigned worker, unsigned slot_no, uint64_t ticket, struct gg_err *err)
{
    struct gg_writer *w = ctx;
    struct gg_hand *h = &w->crew.hands[worker];
    struct run r = run_of(w, ticket);
    read_ahead(w, ticket + 2 * w->report->usage.n_workers);
    if (r.it->copies)
        return copy_ticket(w, &r, h, err);
    uint8_t *slot = gg_crew_slot(&w->crew, slot_no);
    if (slot == NULL)
        return gg_fail_nomem(err, "a slab");
    return slab_ticket(w, &r, slot, h, err);
}

/* ---- settling ------------------------------------------------------------------------------ */

/* Write-back follows in windows, so that dirty pages don't pile up and reading, computing and writing
 * go on side by side. Advice alone: an output in another order than the items just does without. */
static void flush_behind(struct gg_out_file *f, const struct piece *p)
{
    enum { WINDOW = 8 << 20 };
    if (p->off >= f->done_to)
        f->done_to = p->off + p->nbytes;
    if (f->done_to - f->flushed_to >= WINDOW) {
        gg_sink_flush_behind(f->sink, f->flushed_to, f->done_to - f->flushed_to);
        f->flushed_to = f->done_to;
    }
}

static void digest(struct gg_out_file *f, const struct piece *p)
{
    gg_digest_add_zeros(f->sha256, p->off - f->hashed_to); /* padding */
    gg_digest_add(f->sha256, p->p, (size_t)p->nbytes);
    f->hashed_to = p->off + p->nbytes;
}

static int settle_output(struct gg_writer *w, const struct run *r, const struct gg_target *to,
                         const uint8_t *slot, struct gg_err *err)
{
    struct gg_out_file *f = &w->files[to->file];
    struct piece p = piece_of(r, to, slot);
    int rc = GG_OK;
    if (f->sink == NULL)
        return GG_OK;
    if (f->ordered)
        rc = write_piece(&w->settling, f, &p, err);
    if (rc == GG_OK && f->sha256 != NULL)
        digest(f, &p);
    flush_behind(f, &p);
    return rc;
}

static void settle_result(struct gg_writer *w, const struct run *r, const struct gg_target *to,
                          const uint8_t *slot)
{
    const struct gg_item *it = r->it;
    const struct gg_tensor_result *res =
        (const void *)(slot + gg_slot_encoding_off(it, it->n_encodings, r->at.n));
    struct gg_tensor_result *sum = &w->report->results[to->output][to->index];
    for (uint64_t i = 0; i < r->at.n; i++) {
        struct gg_cell c;
        gg_grid_cell(&it->grid, r->at.first + i, &c);
        gg_result_add(sum, &res[i * it->n_encodings + (size_t)to->encoding], c.first);
    }
}

static int settle(void *ctx, unsigned slot_no, uint64_t ticket, struct gg_err *err)
{
    struct gg_writer *w = ctx;
    struct run r = run_of(w, ticket);
    const uint8_t *slot = w->crew.slots[slot_no];
    int rc = GG_OK;
    for (size_t k = 0; rc == GG_OK && k < r.it->n_targets; k++) {
        const struct gg_target *to = &r.it->targets[k];
        if (to->encoding != GG_STORED)
            settle_result(w, &r, to, slot);
        rc = settle_output(w, &r, to, slot, err);
    }
    gg_crew_done(&w->crew,
                 r.it->copies ? r.at.n : gg_elems_nbytes(r.it->tensor->type, r.nelems));
    return rc;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int write_headers(struct gg_writer *w, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t o = 0; o < w->plan->n_outputs; o++) {
        const struct gg_plan_output *out = &w->plan->outputs[o];
        for (size_t i = 0; rc == GG_OK && i < out->n_files; i++) {
            struct gg_out_file *f = &w->files[gg_file_index(w->plan, o, i)];
            struct piece p = {0};
            size_t n = 0;
            p.p = ggf_layout_header(out->files[i].layout, &n);
            p.nbytes = n;
            rc = write_piece(&w->settling, f, &p, err);
            if (f->sha256 != NULL)
                digest(f, &p);
            flush_behind(f, &p);
        }
    }
    return rc;
}

/* The padding behind the last tensor belongs to the digest too; a sink adds it by itself. */
static void end_digests(struct gg_writer *w)
{
    for (size_t o = 0; w->opts->sha256 && o < w->plan->n_outputs; o++) {
        const struct gg_plan_output *out = &w->plan->outputs[o];
        for (size_t i = 0; i < out->n_files; i++) {
            struct gg_out_file *f = &w->files[gg_file_index(w->plan, o, i)];
            gg_digest_add_zeros(f->sha256, out->files[i].nbytes - f->hashed_to);
            gg_digest_end(f->sha256, w->report->sha256[o][i]);
        }
    }
}

static int run(struct gg_writer *w, bool trial, struct gg_err *err)
{
    struct gg_stream_usage *u = &w->report->usage;
    struct gg_pool_job job = {.work = work, .settle = settle, .ctx = w};
    job.n_tickets = gg_parts_number(w->parts, w->n_parts);
    w->parts[w->n_parts].first_ticket = job.n_tickets;
    job.n_workers = (unsigned)gg_min_u64(u->n_workers, gg_max_u64(job.n_tickets, 1));
    job.n_slots = u->n_slots;
    int rc = gg_crew_init(&w->crew, u, &w->opts->stream, err);
    if (rc == GG_OK && !trial)
        rc = write_headers(w, err);
    if (rc == GG_OK)
        rc = gg_pool_run(&job, err);
    if (rc == GG_OK && !trial)
        end_digests(w);
    u->write_ns += w->settling.write_ns;
    u->written_nbytes += w->settling.written_nbytes;
    return rc;
}

static void writer_free(struct gg_writer *w)
{
    gg_crew_free(&w->crew);
    for (size_t i = 0; w->files != NULL && i < w->n_files; i++)
        gg_digest_free(w->files[i].sha256);
    pthread_mutex_destroy(&w->row_sums.lock);
    free(w->items);
    free(w->spans);
    free(w->parts);
    free(w->targets);
    free(w->encodings);
    free(w->files);
}

static int check_write_opts(const struct gg_write_opts *o, bool trial, struct gg_err *err)
{
    if (!trial && (o->note_overflow || o->only != NULL))
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a trial was asked to write");
    if (trial && o->sha256)
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a trial has no digest");
    return gg_check_opts(&o->stream, err);
}

int gg_stream_write(const struct gg_model *model, const struct gg_plan *plan,
                    struct gg_sink *const *sinks, const struct gg_write_opts *opts,
                    struct gg_write_report *report, struct gg_err *err)
{
    struct gg_write_report own;
    struct gg_writer w = {.model = model, .plan = plan, .opts = opts};
    w.report = report != NULL ? report : &own;
    memset(w.report, 0, sizeof *w.report);
    gg_row_sums_init(&w.row_sums);
    int rc = check_write_opts(opts, sinks == NULL, err);
    if (rc == GG_OK)
        rc = gg_report_init(w.report, plan, opts->sha256, err);
    if (rc == GG_OK)
        rc = gg_writer_plan(&w, sinks, err);
    if (rc == GG_OK)
        rc = run(&w, sinks == NULL, err);
    writer_free(&w);
    if (report == NULL)
        gg_write_report_free(&own);
    return rc;
}
