/* Spans: the order in which tensors are worked on, or pieces of them.
 *
 * Most sources are read in any order, so a span is a whole tensor. What comes out of a packed stream is
 * taken as it comes: there a tensor is cut where its source says that the elements behind lie elsewhere
 * (a stack of experts that are stored one by one), and spans go by the place in the stream.
 */
#include "lib/base/num.h"
#include "lib/stream/write.h"

#include <stdlib.h>

static int add_span(struct gg_writer *w, size_t *cap, const struct gg_span *s, struct gg_err *err)
{
    if (w->n_parts == *cap) {
        size_t more = *cap != 0 ? 2 * *cap : w->n_items + 1;
        struct gg_span *v = realloc(w->spans, more * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "the list of tensors");
        w->spans = v;
        *cap = more;
    }
    w->spans[w->n_parts++] = *s;
    return GG_OK;
}

/* The first tile that begins at element elem or behind it. */
static uint64_t tile_behind(const struct gg_grid *g, uint64_t tile, uint64_t elem)
{
    uint64_t lo = tile, hi = g->n_tiles;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (gg_grid_elem(g, mid) < elem)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int cut_item(struct gg_writer *w, size_t item, size_t *cap, struct gg_err *err)
{
    const struct gg_item *it = &w->items[item];
    struct gg_source *s = w->model->source;
    int rc = GG_OK;
    for (uint64_t tile = 0; rc == GG_OK && tile < it->grid.n_tiles;) {
        struct gg_span span = {.item = item, .first = tile};
        uint64_t until = 0;
        s->ops->place(s, it->src, gg_grid_elem(&it->grid, tile), &until, &span.rank);
        tile = gg_max_u64(tile_behind(&it->grid, tile, until), tile + 1);
        span.n = tile - span.first;
        rc = add_span(w, cap, &span, err);
    }
    return rc;
}

static int by_rank(const void *a, const void *b)
{
    const struct gg_span *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

int gg_writer_spans(struct gg_writer *w, bool in_order, struct gg_err *err)
{
    bool placed = !in_order && w->model->source->ops->place != NULL;
    size_t cap = 0;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < w->n_items; i++) {
        const struct gg_item *it = &w->items[i];
        struct gg_span all = {i, 0, it->copies ? it->tensor->nbytes : it->grid.n_tiles, 0};
        rc = placed && !it->copies ? cut_item(w, i, &cap, err) : add_span(w, &cap, &all, err);
    }
    if (rc != GG_OK)
        return rc;
    if (placed && w->n_parts > 0)
        qsort(w->spans, w->n_parts, sizeof *w->spans, by_rank);
    w->parts = calloc(w->n_parts + 1, sizeof *w->parts);
    return w->parts != NULL ? GG_OK : gg_fail_nomem(err, "the list of tensors");
}
