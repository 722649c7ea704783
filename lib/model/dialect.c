/* A GGUF model with tensors of a dialect, seen as one with types of ours: they are decoded, or their rows
 * unwoven, as they are read. */
#include "lib/model/gguf_source.h"
#include "lib/model/model.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/dialect.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_NBYTES = 64 << 10 };

struct plain_source {
    struct gg_source base;
    struct gg_source *inner;
    const struct gg_tensor *stored; /* inner's; types as in the file */
    struct gg_tensor *tensors;      /* as they are seen */
    size_t n;
};

static struct plain_source *self(struct gg_source *s)
{
    return (struct plain_source *)s;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Rows that are woven together, and where in what is wanted they stand. */
struct woven {
    struct plain_source *s;
    size_t i;
    const struct qt_info *info, *plain;
    const struct qk_dialect *kernel;
    uint64_t group; /* number of the rows in the tensor, counted by so many */
    uint64_t cols;
    uint8_t head[16 * 24];
    uint8_t *blocks, *rows; /* scratch: as stored, and decoded */
    size_t most;            /* columns of blocks that fit it */
};

static size_t plain_nbytes(const struct woven *w, uint64_t nelems)
{
    return (size_t)(nelems / w->plain->block_nelems * w->plain->block_nbytes);
}

/* Columns of blocks from .. from+n-1, each row of them to rows + r * stride. */
static int decode(struct woven *w, uint64_t from, size_t n, size_t stride, struct gg_err *err)
{
    uint64_t each = w->cols / w->info->block_nelems * w->info->block_nbytes + w->info->row_nbytes;
    size_t column = (size_t)w->info->n_rows * w->info->block_nbytes;
    size_t head = (size_t)w->info->n_rows * w->info->row_nbytes;
    uint64_t off = w->group * w->info->n_rows * each;
    uint32_t tail = qt_tail_nbytes(w->info->type);
    int rc = gg_gguf_source_bytes(w->s->inner, w->i, off, head, w->head, err);
    if (rc == GG_OK && tail > 0)
        rc = gg_gguf_source_bytes(w->s->inner, w->i, w->s->stored[w->i].nbytes - tail, tail, w->head, err);
    if (rc == GG_OK)
        rc = gg_gguf_source_bytes(w->s->inner, w->i, off + head + from * column, n * column,
                                     w->blocks, err);
    for (size_t b = 0; rc == GG_OK && b < n; b++) {
        uint8_t *to = w->rows + plain_nbytes(w, b * w->info->block_nelems);
        if (w->kernel->decode != NULL)
            w->kernel->decode((float *)to, stride / sizeof(float), w->head, w->blocks + b * column);
        else
            w->kernel->unweave(to, stride, w->blocks + b * column);
    }
    return rc;
}

/* Elements first .. first+n-1, all in one group of rows; `first` counts from the group's first. */
static int read_group(struct woven *w, uint64_t first, uint64_t n, uint8_t *dst, struct gg_err *err)
{
    uint64_t row = first / w->cols, last = (first + n - 1) / w->cols, block = w->info->block_nelems;
    uint64_t lo = row == last ? first % w->cols : 0;
    uint64_t hi = row == last ? lo + n : w->cols;
    int rc = GG_OK;
    for (uint64_t b = lo / block, end = (hi + block - 1) / block; rc == GG_OK && b < end;) {
        size_t take = (size_t)gg_min_u64(w->most, end - b), stride = plain_nbytes(w, take * block);
        rc = decode(w, b, take, stride, err);
        for (uint64_t r = row; rc == GG_OK && r <= last; r++) {
            uint64_t from = gg_max_u64(b * block, r == row ? first % w->cols : 0);
            uint64_t to = gg_min_u64((b + take) * block,
                                     r == last ? (first + n - 1) % w->cols + 1 : w->cols);
            if (from < to)
                memcpy(dst + plain_nbytes(w, r * w->cols + from - first),
                       w->rows + r * stride + plain_nbytes(w, from - b * block),
                       plain_nbytes(w, to - from));
        }
        b += take;
    }
    return rc;
}

static int read_woven(struct woven *w, uint64_t first, uint64_t n, uint8_t *dst, struct gg_err *err)
{
    uint64_t each = w->cols * w->info->n_rows;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t take = gg_min_u64(n, each - first % each);
        w->group = first / each;
        rc = read_group(w, first % each, take, dst, err);
        dst += plain_nbytes(w, take);
        first += take;
        n -= take;
    }
    return rc;
}

static int plain_read(struct gg_source *src, size_t i, uint64_t first, uint64_t n, void *dst,
                      struct gg_err *err)
{
    struct plain_source *s = self(src);
    const struct gg_tensor *t = &s->stored[i];
    if (s->tensors[i].type == t->type || n == 0)
        return s->inner->ops->read(s->inner, i, first, n, dst, err);
    struct woven w = {.s = s, .i = i, .info = qt_dialect(t->type), .kernel = qk_dialect(t->type),
                      .plain = qt_info(s->tensors[i].type), .cols = t->ne[0]};
    size_t column = (size_t)w.info->n_rows * w.info->block_nelems * sizeof(float); /* at most 16 KiB */
    w.most = SCRATCH_NBYTES / column;
    w.blocks = malloc(SCRATCH_NBYTES);
    w.rows = malloc(SCRATCH_NBYTES);
    int rc = w.blocks == NULL || w.rows == NULL ? gg_fail_nomem(err, "decoding a tensor")
                                                : read_woven(&w, first, n, dst, err);
    free(w.blocks);
    free(w.rows);
    return rc;
}

static bool plain_extent(struct gg_source *src, size_t i, struct gg_extent *out)
{
    struct plain_source *s = self(src);
    return s->tensors[i].type == s->stored[i].type && s->inner->ops->extent(s->inner, i, out);
}

static void plain_free(struct gg_source *src)
{
    struct plain_source *s = self(src);
    if (s == NULL)
        return;
    s->inner->ops->free(s->inner);
    free(s->tensors);
    free(s);
}

static const struct gg_source_ops ops = {plain_read, plain_extent, plain_free, NULL, NULL};

/* ---- the model ------------------------------------------------------------------------------- */

static bool decodes(const struct gg_tensor *t)
{
    const struct qt_info *d = qt_dialect(t->type);
    return !t->known && d != NULL && d->plain != QT_NONE && qk_dialect(t->type) != NULL &&
           (t->nbytes > 0 || t->nelems == 0);
}

/* Some files leave out what rows have besides their blocks, and one id may be that of two dialects: a tensor
 * that does not end before the next begins is not what it says. */
static int check_room(const struct gg_model *m, struct gg_err *err)
{
    uint64_t *room = NULL;
    char name[128];
    int rc = gg_model_room(&room, m, err);
    for (size_t i = 0; rc == GG_OK && i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        if (decodes(t) && room[i] < t->nbytes)
            rc = gg_fail(err, GG_ERR_CORRUPT, t->file_off,
                         "%s: tensor '%s' has %llu bytes, where %s of its shape takes %llu", m->name,
                         gg_text_escape_into(name, sizeof name, t->name.p, (size_t)t->name.nbytes),
                         (unsigned long long)room[i], qt_dialect(t->type)->name,
                         (unsigned long long)t->nbytes);
    }
    free(room);
    return rc;
}

static int see(struct gg_tensor *t, struct gg_err *err)
{
    const struct qt_info *d = qt_dialect(t->type);
    t->origin = d->name;
    t->stored_nbytes = t->nbytes;
    t->type = d->plain;
    t->plain = d->plain == QT_F32 ? QT_F16 : d->plain;
    t->known = true;
    return qt_tensor_nbytes(t->type, t->ne, &t->nbytes)
               ? GG_OK
               : gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "tensor '%.*s' is too large", (int)t->name.nbytes,
                         t->name.p);
}

int gg_model_plain(struct gg_model *m, struct gg_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_tensors; i++)
        n += decodes(&m->tensors[i]);
    if (n == 0 || !gg_is_gguf_source(m->source) || ggf_file_big_endian(ggf_set_file(m->set, 0)))
        return GG_OK;
    int rc = check_room(m, err);
    if (rc != GG_OK)
        return rc;
    struct plain_source *s = calloc(1, sizeof *s);
    struct gg_tensor *t = calloc(m->n_tensors, sizeof *t);
    rc = s == NULL || t == NULL ? gg_fail_nomem(err, "the list of tensors") : GG_OK;
    for (size_t i = 0; rc == GG_OK && i < m->n_tensors; i++) {
        t[i] = m->tensors[i];
        if (decodes(&t[i]))
            rc = see(&t[i], err);
    }
    if (rc != GG_OK) {
        free(t);
        free(s);
        return rc;
    }
    *s = (struct plain_source){{&ops}, m->source, m->tensors, t, m->n_tensors};
    m->source = &s->base;
    m->tensors = t;
    return GG_OK;
}
