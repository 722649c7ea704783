/* The source behind a converted model: rows drawn from the stored ones as they are asked for. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <assert.h>
#include <stdlib.h>

struct hf_source {
    struct gg_source base;
    struct gg_checkpoint *ckpt;
    struct ggf_meta *meta;
    struct hf_vt *vts;
    size_t n;
    uint64_t *rank; /* of each stored tensor, by file and place in it; NULL: not packed */
    struct gg_arena arena;
};

static struct hf_source *self(struct gg_source *s)
{
    return (struct hf_source *)s;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void copy_data(const struct hf_vt *v, uint64_t first, uint64_t n, uint8_t *dst)
{
    for (uint64_t i = 0; i < n; i++)
        gg_store_u32(dst + 4 * i, gg_bits_from_f32(v->data[first + i]));
}

/* The part that element *at lies in; *at becomes its place there. Stacks have parts of one size, found by
 * division; joined ones are few. */
static const struct hf_part *part_of(const struct hf_vt *v, uint64_t *at)
{
    const struct hf_part *p = v->parts;
    if (v->alike) {
        p += *at / p->nelems;
        *at %= p->nelems;
    }
    for (; *at >= p->nelems; p++)
        *at -= p->nelems;
    return p;
}

static int source_read(struct gg_source *src, size_t i, uint64_t first, uint64_t n, void *dst,
                       struct gg_err *err)
{
    struct hf_source *s = self(src);
    assert(i < s->n);
    const struct hf_vt *v = &s->vts[i];
    uint8_t *to = dst;
    int rc = GG_OK;
    if (v->data != NULL) {
        copy_data(v, first, n, dst);
        return GG_OK;
    }
    while (rc == GG_OK && n > 0) {
        uint64_t at = first;
        const struct hf_part *p = part_of(v, &at);
        uint64_t take = gg_min_u64(n, p->nelems - at);
        rc = gg_hf_draw(s->ckpt, v, p, at, take, to, err);
        first += take;
        n -= take;
        to += take / qt_info(v->type)->block_nelems * qt_info(v->type)->block_nbytes;
    }
    return rc == GG_OK ? rc : gg_err_prefix(err, "tensor '%s'", v->name);
}

static bool source_extent(struct gg_source *src, size_t i, struct gg_extent *out)
{
    struct hf_source *s = self(src);
    const struct hf_vt *v = &s->vts[i];
    uint64_t nelems, off;
    if (v->data != NULL || v->n_parts != 1 || v->parts[0].view != NULL ||
        gg_hf_changes(v, &v->parts[0]) || !qt_nelems(v->ne, &nelems))
        return false;
    const struct hf_part *p = &v->parts[0];
    uint32_t nbytes = qt_info(v->type)->block_nbytes;
    if (gg_dtype_qtype(gg_checkpoint_tensor(s->ckpt, p->src)->dtype) != v->type ||
        !gg_checkpoint_extent(s->ckpt, p->src, &out->fd, &off))
        return false;
    out->off = off + p->first * nbytes;
    out->nbytes = nelems * nbytes;
    return true;
}

/* Elements from the first to the last that a view takes of one step of its outermost axis. */
static uint64_t span(const struct hf_view *w, unsigned from)
{
    uint64_t n = 1;
    for (unsigned d = from; d < w->n_dims; d++)
        n += (w->n[d] - 1) * w->stride[d];
    return n;
}

/* A piece of a view that is read in one go, in elements of the result: as many steps of the outermost
 * axes as have other elements between them. */
static uint64_t piece(const struct hf_view *w)
{
    enum { GAP = 64 << 10 };
    uint64_t all = 1, n;
    unsigned cut = 0;
    for (unsigned d = 0; d + 1 < w->n_dims && w->stride[d] >= span(w, d + 1); d++)
        cut = w->stride[d] - span(w, d + 1) >= GAP ? d + 1 : cut;
    for (n = all; cut < w->n_dims; cut++)
        n *= w->n[cut];
    return n;
}

/* The rank of the stored tensor, then the place in it. */
static void source_place(struct gg_source *src, size_t i, uint64_t first, uint64_t *until,
                         uint64_t *rank)
{
    enum { WITHIN_BITS = 40 };
    struct hf_source *s = self(src);
    const struct hf_vt *v = &s->vts[i];
    uint64_t at = first, place;
    *rank = 0;
    *until = UINT64_MAX;
    if (v->n_parts == 0 || v->parts[0].nelems == 0)
        return;
    const struct hf_part *p = part_of(v, &at);
    *until = first - at + p->nelems;
    place = p->first + at;
    if (p->view != NULL) {
        uint64_t each = piece(p->view);
        place = gg_hf_view_at(p->view, at - at % each) + at % each;
        *until = gg_min_u64(*until, first - at % each + each);
    }
    *rank = s->rank[p->src] << WITHIN_BITS | gg_min_u64(place, ((uint64_t)1 << WITHIN_BITS) - 1);
}

/* Elements of a view may come from all over a step of its outermost axis, so that is wanted whole. */
static void will_need_view(struct hf_source *s, const struct hf_part *p, uint64_t first, uint64_t n)
{
    enum { MOST = 32 << 20 };
    const struct hf_view *w = p->view;
    uint64_t step = p->nelems / w->n[0], a = first / step, b = (first + n - 1) / step;
    uint64_t wanted = (b - a) * w->stride[0] + span(w, 1);
    if (wanted <= MOST)
        gg_checkpoint_will_need(s->ckpt, p->src, w->first + a * w->stride[0], wanted);
}

static void source_will_need(struct gg_source *src, size_t i, uint64_t first, uint64_t n)
{
    struct hf_source *s = self(src);
    const struct hf_vt *v = &s->vts[i];
    while (v->n_parts > 0 && n > 0) {
        uint64_t at = first;
        const struct hf_part *p = part_of(v, &at);
        uint64_t take = gg_min_u64(n, p->nelems - at);
        if (p->view != NULL)
            will_need_view(s, p, at, take);
        else if (!p->zeros)
            gg_checkpoint_will_need(s->ckpt, p->src, p->first + at, take);
        first += take;
        n -= take;
    }
}

static void source_free(struct gg_source *src)
{
    struct hf_source *s = self(src);
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->vts[i].parts);
    free(s->vts);
    ggf_meta_free(s->meta);
    gg_checkpoint_free(s->ckpt);
    gg_arena_free(&s->arena);
    free(s);
}

static const struct gg_source_ops ops = {source_read, source_extent, source_free, NULL,
                                         source_will_need};
static const struct gg_source_ops packed_ops = {source_read, source_extent, source_free,
                                                source_place, source_will_need};

/* ---- the model ------------------------------------------------------------------------------- */

/* Of a tensor made of several stored ones, or of a part of one: their share. */
static uint64_t stored_nbytes(const struct gg_checkpoint *c, const struct hf_vt *v)
{
    uint64_t sum = 0;
    for (size_t i = 0; v->origin != NULL && i < v->n_parts; i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(c, v->parts[i].src);
        uint64_t n = t->origin != NULL ? t->stored_nbytes : t->nbytes;
        if (v->parts[i].nelems < t->nelems)
            n = (uint64_t)((double)n / (double)t->nelems * (double)v->parts[i].nelems);
        sum += gg_min_u64(n, UINT64_MAX / 2 - sum / 2);
    }
    return sum;
}

static int fill_tensor(const struct gg_checkpoint *c, struct gg_tensor *t, const struct hf_vt *v,
                       struct gg_err *err)
{
    *t = (struct gg_tensor){.name = ggf_str(v->name), .type = v->type, .n_dims = v->n_dims,
                            .known = true, .origin = v->origin, .plain = v->plain,
                            .stored_nbytes = stored_nbytes(c, v)};
    memcpy(t->ne, v->ne, sizeof t->ne);
    if (!qt_nelems(t->ne, &t->nelems) || !qt_tensor_nbytes(t->type, t->ne, &t->nbytes))
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "tensor '%s' is too large", v->name);
    uint64_t have = 0;
    for (size_t i = 0; i < v->n_parts; i++)
        have += v->parts[i].nelems;
    assert(v->data != NULL || have >= t->nelems); /* more: rows left out at the end */
    return GG_OK;
}

struct stored_place {
    uint32_t file;
    uint64_t pos;
    size_t i;
};

static int by_place(const void *a, const void *b)
{
    const struct stored_place *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->pos != y->pos)
        return x->pos < y->pos ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

static int rank_stored(struct hf_source *s, struct gg_err *err)
{
    size_t n = gg_checkpoint_n_tensors(s->ckpt);
    struct stored_place *v = calloc(n + 1, sizeof *v);
    s->rank = gg_arena_zalloc(&s->arena, n + 1, sizeof *s->rank);
    if (v == NULL || s->rank == NULL) {
        free(v);
        return gg_fail_nomem(err, "the order of tensors");
    }
    for (size_t i = 0; i < n; i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(s->ckpt, i);
        v[i] = (struct stored_place){t->file, t->pos, i};
    }
    qsort(v, n, sizeof *v, by_place);
    for (size_t i = 0; i < n; i++)
        s->rank[v[i].i] = i;
    free(v);
    return GG_OK;
}

static int fill_files(struct gg_model *m, struct hf_source *s, struct gg_err *err)
{
    size_t n = gg_checkpoint_n_files(s->ckpt);
    struct gg_model_file *files = gg_arena_zalloc(&s->arena, n + 1, sizeof *files);
    if (files == NULL)
        return gg_fail_nomem(err, "the list of files");
    for (size_t i = 0; i < n; i++)
        files[i].path =
            gg_checkpoint_file(s->ckpt, i, &files[i].nbytes, &files[i].dev, &files[i].ino);
    m->files = files;
    m->n_files = n;
    return GG_OK;
}

int gg_hf_source_model(struct gg_model **out, struct hf *h, struct gg_err *err)
{
    struct gg_model *m = calloc(1, sizeof *m);
    struct hf_source *s = calloc(1, sizeof *s);
    if (m == NULL || s == NULL) {
        free(m);
        free(s);
        return gg_fail_nomem(err, "a model");
    }
    bool packed = gg_checkpoint_sequential(h->ckpt);
    *s = (struct hf_source){{packed ? &packed_ops : &ops}, h->ckpt, h->meta, h->vts, h->n_vts, NULL,
                            *h->arena};
    *m = (struct gg_model){.name = gg_checkpoint_name(h->ckpt),
                           .meta = h->meta,
                           .format = gg_checkpoint_format(h->ckpt),
                           .alignment = 32,
                           .findings = *h->notes,
                           .source = &s->base};
    h->ckpt = NULL; /* all belongs to the model now */
    h->meta = NULL;
    h->vts = NULL;
    h->n_vts = 0;
    *h->arena = (struct gg_arena)GG_ARENA_INIT;
    *h->notes = (struct gg_findings)GG_FINDINGS_INIT;
    struct gg_tensor *t = gg_arena_zalloc(&s->arena, s->n + 1, sizeof *t);
    int rc = t == NULL ? gg_fail_nomem(err, "the list of tensors") : fill_files(m, s, err);
    if (rc == GG_OK && packed)
        rc = rank_stored(s, err);
    for (size_t i = 0; rc == GG_OK && i < s->n; i++)
        rc = fill_tensor(s->ckpt, &t[i], &s->vts[i], err);
    m->tensors = t;
    m->n_tensors = s->n;
    if (rc != GG_OK) {
        gg_model_free(m);
        return rc;
    }
    *out = m;
    return GG_OK;
}
