/* Elements of tensors that are views with strides of their own: transposes, expanded dimensions.
 *
 * What is wanted of a view is cut into boxes, each box in half until what it spans of the storage
 * fits a buffer; then one read fetches the span and its elements are picked out. Memory is constant
 * and reads are long; bytes between may be read in vain.
 */
#include "lib/base/num.h"
#include "lib/import/dtype.h"
#include "lib/import/impl.h"

#include <stdlib.h>
#include <string.h>

enum { SPAN_NBYTES = 1 << 20 };

struct gather {
    const struct gg_ckpt_tensor *t;
    const struct gg_ckpt_place *p;
    size_t size;    /* of an element */
    uint64_t first; /* in row-major order: element dst begins with */
    uint8_t *dst, *buf;
    struct gg_err *err;
};

struct box { /* lo[d] <= index of dimension d < hi[d] */
    uint64_t lo[GG_CKPT_MAX_DIMS], hi[GG_CKPT_MAX_DIMS];
};

/* Picks the box's elements out of buf, which holds the storage from element `base` on. */
static void scatter(const struct gather *g, const struct box *b, uint64_t base)
{
    unsigned n = g->t->n_dims;
    uint64_t at[GG_CKPT_MAX_DIMS];
    memcpy(at, b->lo, sizeof at);
    for (;;) {
        uint64_t from = 0, to = 0;
        for (unsigned d = 0; d < n; d++) {
            from += at[d] * g->p->strides[d];
            to = to * g->t->shape[d] + at[d];
        }
        uint64_t run = b->hi[n - 1] - at[n - 1], step = g->p->strides[n - 1] * g->size;
        uint8_t *dst = g->dst + (to - g->first) * g->size;
        const uint8_t *src = g->buf + (from - base) * g->size;
        for (uint64_t i = 0; i < run; i++, dst += g->size, src += step)
            memcpy(dst, src, g->size);
        at[n - 1] = b->hi[n - 1] - 1; /* the run is done: on to the next, like an odometer */
        unsigned d = n;
        while (d > 0 && ++at[d - 1] == b->hi[d - 1]) {
            at[d - 1] = b->lo[d - 1];
            d--;
        }
        if (d == 0)
            return;
    }
}

static int fetch(struct gather *g, struct box b)
{
    for (;;) {
        uint64_t base = 0, span = 1, widest = 0;
        unsigned wide = 0;
        for (unsigned d = 0; d < g->t->n_dims; d++) { /* inside the storage: checked when opened */
            uint64_t reach = (b.hi[d] - b.lo[d] - 1) * g->p->strides[d];
            base += b.lo[d] * g->p->strides[d];
            span += reach;
            if (reach > widest) {
                widest = reach;
                wide = d;
            }
        }
        if (span <= SPAN_NBYTES / g->size) {
            int rc = gg_input_read_all(g->p->in, g->p->off + base * g->size, g->buf,
                                       (size_t)span * g->size, g->err);
            if (rc == GG_OK)
                scatter(g, &b, base);
            return rc;
        }
        struct box half = b;
        half.hi[wide] = b.lo[wide] + (b.hi[wide] - b.lo[wide]) / 2;
        b.lo[wide] = half.hi[wide];
        int rc = fetch(g, half); /* depth: bits of the sizes */
        if (rc != GG_OK)
            return rc;
    }
}

/* The longest box that begins at element `first` and has at most n elements: whole dimensions as
 * far as they fit, a range of the next one out. Returns its elements. */
static uint64_t next_box(const struct gg_ckpt_tensor *t, uint64_t first, uint64_t n, struct box *b)
{
    uint64_t block = 1, rest = first;
    unsigned d = t->n_dims - 1;
    while (d > 0 && first % (block * t->shape[d]) == 0 && block * t->shape[d] <= n)
        block *= t->shape[d--];
    for (unsigned k = t->n_dims; k-- > 0;) {
        b->lo[k] = k > d ? 0 : rest % t->shape[k];
        b->hi[k] = k > d ? t->shape[k] : b->lo[k] + 1;
        rest /= t->shape[k];
    }
    uint64_t count = gg_min_u64(n / block, t->shape[d] - b->lo[d]);
    b->hi[d] = b->lo[d] + count;
    return count * block;
}

int gg_ckpt_gather(const struct gg_ckpt_tensor *t, const struct gg_ckpt_place *p, uint64_t first,
                   uint64_t n, void *dst, struct gg_err *err)
{
    struct gather g = {
        t, p, (size_t)(gg_dtype_nbits(t->dtype) / 8), first, dst, malloc(SPAN_NBYTES), err};
    struct box b;
    int rc = g.buf == NULL ? gg_fail_nomem(err, "gathering a tensor") : GG_OK;
    for (uint64_t done = 0; done < n && rc == GG_OK;) {
        uint64_t k = next_box(t, first + done, n - done, &b);
        rc = fetch(&g, b);
        done += k;
    }
    free(g.buf);
    return rc;
}
