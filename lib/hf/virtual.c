/* The source behind a converted model: rows drawn from the stored ones as they are asked for. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/half.h"
#include "lib/sys/file.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { CHUNK = 2048 }; /* elements converted at a time, on the stack */

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

/* Index of the first element that does not fit; n: all do. */
static size_t store_ints(uint8_t *dst, uint32_t type, const uint8_t *src, enum gg_dtype from,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = from == GG_DT_U64    ? gg_load_u64(src + 8 * i)
                     : from == GG_DT_U32  ? gg_load_u32(src + 4 * i)
                     : from == GG_DT_U16  ? gg_load_u16(src + 2 * i)
                     : from == GG_DT_BOOL ? src[i] != 0
                                          : src[i];
        if (type == QT_I8)
            dst[i] = (uint8_t)v;
        else if (type == QT_I16)
            gg_store_u16(dst + 2 * i, (uint16_t)v);
        else if (type == QT_I32)
            gg_store_u32(dst + 4 * i, (uint32_t)v);
        else if (v <= INT64_MAX)
            gg_store_u64(dst + 8 * i, v);
        else
            return i;
    }
    return n;
}

/* As upstream adds: F16 stays F16 until it is written, all else is F32 before. */
static void add_one(float *x, size_t n, enum gg_dtype from)
{
    for (size_t i = 0; i < n; i++) {
        x[i] += 1.0f;
        if (from == GG_DT_F16)
            x[i] = qt_f32_from_f16(qt_f16_from_f32(x[i]));
    }
}

static void store_floats(uint8_t *dst, uint32_t type, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        if (type == QT_F16)
            gg_store_u16(dst + 2 * i, qt_f16_from_f32(v));
        else if (type == QT_BF16)
            gg_store_u16(dst + 2 * i, qt_bf16_from_f32(v));
        else
            gg_store_u32(dst + 4 * i, gg_bits_from_f32(v));
    }
}

static bool is_uint(enum gg_dtype t)
{
    return t == GG_DT_U8 || t == GG_DT_U16 || t == GG_DT_U32 || t == GG_DT_U64 || t == GG_DT_BOOL;
}

static int fail_wide(uint64_t elem, double v, const char *type, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "element %llu is %g, more than %s holds",
                   (unsigned long long)elem, v, type);
}

/* A run of stored elements to dst in the tensor's own type. */
static int read_run(struct hf_source *s, const struct hf_vt *v, size_t src, uint64_t first,
                    uint64_t n, uint8_t *dst, struct gg_err *err)
{
    enum gg_dtype dt = gg_checkpoint_tensor(s->ckpt, src)->dtype;
    uint32_t nbytes = qt_info(v->type)->block_nbytes;
    _Alignas(8) uint8_t raw[CHUNK * 8];
    float x[CHUNK];
    if (gg_dtype_qtype(dt) == v->type && v->how != HF_PLUS_ONE)
        return gg_checkpoint_read(s->ckpt, src, first, n, dst, err);
    while (n > 0) {
        size_t lead = dt == GG_DT_F4 ? first & 1 : 0; /* pairs share a byte */
        size_t take = (size_t)gg_min_u64(n, CHUNK - 2);
        size_t asked = dt == GG_DT_F4 ? (lead + take + 1) & ~(size_t)1 : take;
        int rc = gg_checkpoint_read(s->ckpt, src, first - lead, asked, raw, err);
        if (rc != GG_OK)
            return rc;
        if (is_uint(dt) && v->type != QT_F32) {
            size_t bad = store_ints(dst, v->type, raw, dt, take);
            if (bad < take)
                return fail_wide(first + bad, (double)gg_load_u64(raw + 8 * bad), "I64", err);
        } else {
            gg_dtype_to_f32(x, raw, dt, asked);
            for (size_t i = 0; dt == GG_DT_F64 && i < take; i++) {
                double d = gg_f64_from_bits(gg_load_u64(raw + 8 * i));
                if (isfinite(d) && isinf(x[i]))
                    return fail_wide(first + i, d, "F32", err);
            }
            if (v->how == HF_PLUS_ONE)
                add_one(x, asked, dt);
            store_floats(dst, v->type, x + lead, take);
        }
        first += take;
        n -= take;
        dst += take * nbytes;
    }
    return GG_OK;
}

/* Row of a head that stands at row r: the halves of each head are interleaved. */
static uint64_t roped_row(uint64_t r, uint64_t head_rows)
{
    uint64_t head = r / head_rows, i = r % head_rows;
    return head * head_rows + (i % 2) * (head_rows / 2) + i / 2;
}

static int read_roped(struct hf_source *s, const struct hf_vt *v, uint64_t first, uint64_t n,
                      uint8_t *dst, struct gg_err *err)
{
    uint64_t cols = v->n_dims == 1 ? 1 : v->ne[0];
    uint64_t rows = v->n_dims == 1 ? v->ne[0] : v->ne[1];
    uint32_t nbytes = qt_info(v->type)->block_nbytes;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t row = first / cols, col = first % cols, take = gg_min_u64(n, cols - col);
        uint64_t from = roped_row(row, rows / v->n_heads) * cols + col;
        rc = read_run(s, v, v->parts[0].src, from, take, dst, err);
        first += take;
        n -= take;
        dst += take * nbytes;
    }
    return rc;
}

static void copy_data(const struct hf_vt *v, uint64_t first, uint64_t n, uint8_t *dst)
{
    for (uint64_t i = 0; i < n; i++)
        gg_store_u32(dst + 4 * i, gg_bits_from_f32(v->data[first + i]));
}

/* All parts but the last of a tensor have one size, so the part of an element is found by division.
 */
static int read_parts(struct hf_source *s, const struct hf_vt *v, uint64_t first, uint64_t n,
                      uint8_t *dst, struct gg_err *err)
{
    uint32_t nbytes = qt_info(v->type)->block_nbytes;
    uint64_t each = v->n_parts > 0 ? v->parts[0].nelems : 0;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        const struct hf_part *p = &v->parts[first / each];
        uint64_t at = first % each, take = gg_min_u64(n, each - at);
        rc = read_run(s, v, p->src, p->first + at, take, dst, err);
        first += take;
        n -= take;
        dst += take * nbytes;
    }
    return rc;
}

static int source_read(struct gg_source *src, size_t i, uint64_t first, uint64_t n, void *dst,
                       struct gg_err *err)
{
    struct hf_source *s = self(src);
    assert(i < s->n);
    const struct hf_vt *v = &s->vts[i];
    int rc = GG_OK;
    if (v->data != NULL)
        copy_data(v, first, n, dst);
    else if (v->how == HF_ROPE_Q || v->how == HF_ROPE_K)
        rc = read_roped(s, v, first, n, dst, err);
    else
        rc = read_parts(s, v, first, n, dst, err);
    return rc == GG_OK ? rc : gg_err_prefix(err, "tensor '%s'", v->name);
}

static bool source_extent(struct gg_source *src, size_t i, struct gg_extent *out)
{
    struct hf_source *s = self(src);
    const struct hf_vt *v = &s->vts[i];
    uint64_t nelems, off;
    if (v->data != NULL || v->n_parts != 1 || v->how == HF_ROPE_Q || v->how == HF_ROPE_K ||
        v->how == HF_PLUS_ONE || !qt_nelems(v->ne, &nelems))
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

static void will_need_run(struct hf_source *s, size_t tensor, uint64_t first, uint64_t n)
{
    uint64_t bits = gg_dtype_nbits(gg_checkpoint_tensor(s->ckpt, tensor)->dtype), off;
    int fd;
    if (gg_checkpoint_extent(s->ckpt, tensor, &fd, &off))
        gg_file_will_need(fd, off + first * bits / 8, n * bits / 8); /* inside the file: measured */
}

/* The rank of the stored tensor, then the place in it. */
static void source_place(struct gg_source *src, size_t i, uint64_t first, uint64_t *until,
                         uint64_t *rank)
{
    enum { WITHIN_BITS = 40 };
    struct hf_source *s = self(src);
    const struct hf_vt *v = &s->vts[i];
    uint64_t each = v->n_parts > 0 ? v->parts[0].nelems : 0;
    *rank = 0;
    *until = UINT64_MAX;
    if (each == 0)
        return;
    const struct hf_part *p = &v->parts[first / each];
    *until = (first / each + 1) * each;
    *rank = s->rank[p->src] << WITHIN_BITS |
            gg_min_u64(p->first + first % each, ((uint64_t)1 << WITHIN_BITS) - 1);
}

/* Rows of a head come from all over it, so it is wanted whole. */
static void source_will_need(struct gg_source *src, size_t i, uint64_t first, uint64_t n)
{
    struct hf_source *s = self(src);
    const struct hf_vt *v = &s->vts[i];
    uint64_t each = v->n_parts > 0 ? v->parts[0].nelems : 0, end = first + n;
    if (v->how == HF_ROPE_Q || v->how == HF_ROPE_K) {
        uint64_t head = each / v->n_heads, last = head > 0 ? (end + head - 1) / head * head : 0;
        first = head > 0 ? first / head * head : 0;
        will_need_run(s, v->parts[0].src, first, last - first);
        return;
    }
    while (each > 0 && first < end) {
        uint64_t at = first % each, take = gg_min_u64(end - first, each - at);
        will_need_run(s, v->parts[first / each].src, v->parts[first / each].first + at, take);
        first += take;
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

static int fill_tensor(struct gg_tensor *t, const struct hf_vt *v, struct gg_err *err)
{
    *t = (struct gg_tensor){
        .name = ggf_str(v->name), .type = v->type, .n_dims = v->n_dims, .known = true};
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
        rc = fill_tensor(&t[i], &s->vts[i], err);
    m->tensors = t;
    m->n_tensors = s->n;
    if (rc != GG_OK) {
        gg_model_free(m);
        return rc;
    }
    *out = m;
    return GG_OK;
}
