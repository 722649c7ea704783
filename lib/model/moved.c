/* Tensors of a dialect as runs of bytes, for what moves data and need not know what it means. */
#include "lib/model/gguf_source.h"

#include "lib/base/num.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>

/* ---- do they have the size they say? --------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const struct gg_tensor *x = *(const struct gg_tensor *const *)a;
    const struct gg_tensor *y = *(const struct gg_tensor *const *)b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return x->file_off < y->file_off ? -1 : x->file_off > y->file_off;
}

int gg_model_room(uint64_t **out, const struct gg_model *m, struct gg_err *err)
{
    const struct gg_tensor **v = calloc(m->n_tensors + 1, sizeof(struct gg_tensor *));
    *out = calloc(m->n_tensors + 1, sizeof **out);
    if (v == NULL || *out == NULL) {
        free(v);
        free(*out);
        *out = NULL;
        return gg_fail_nomem(err, "the order of tensors");
    }
    for (size_t i = 0; i < m->n_tensors; i++)
        v[i] = &m->tensors[i];
    qsort(v, m->n_tensors, sizeof(struct gg_tensor *), by_place);
    for (size_t i = 0; i < m->n_tensors; i++) {
        bool last = v[i + 1] == NULL || v[i + 1]->file != v[i]->file;
        uint64_t end = last ? m->files[v[i]->file].nbytes : v[i + 1]->file_off;
        (*out)[v[i] - m->tensors] = gg_max_u64(end, v[i]->file_off) - v[i]->file_off;
    }
    free(v);
    return GG_OK;
}

/* One id may be that of two dialects, and some files leave out what rows have besides their blocks. Data
 * behind the end of a pipe or a truncated file are not judged here. */
int gg_model_sized(bool **out, const struct gg_model *m, struct gg_err *err)
{
    uint64_t *room = NULL;
    *out = calloc(m->n_tensors + 1, sizeof **out);
    int rc = *out == NULL ? gg_fail_nomem(err, "the sizes of tensors") : gg_model_room(&room, m, err);
    for (size_t i = 0; rc == GG_OK && i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        uint64_t end = 0, n_file = m->files[t->file].nbytes;
        bool ours = !t->known && t->nbytes > 0 && gg_add_u64(t->file_off, t->nbytes, &end);
        bool beyond = n_file == GG_NOWHERE || end > n_file;
        (*out)[i] = ours && (beyond || (room[i] >= t->nbytes && room[i] - t->nbytes < m->alignment));
    }
    free(room);
    return rc;
}

/* ---- the source ------------------------------------------------------------------------------ */

struct moved_source {
    struct gg_source base;
    struct gg_source *inner;
    struct gg_tensor *tensors; /* as they are seen */
};

static int moved_read(struct gg_source *src, size_t i, uint64_t first, uint64_t n, void *dst,
                      struct gg_err *err)
{
    struct moved_source *s = (struct moved_source *)src;
    return s->tensors[i].moved != NULL
               ? gg_gguf_source_bytes(s->inner, i, first, n, dst, err)
               : s->inner->ops->read(s->inner, i, first, n, dst, err);
}

static bool moved_extent(struct gg_source *src, size_t i, struct gg_extent *out)
{
    struct moved_source *s = (struct moved_source *)src;
    return s->inner->ops->extent(s->inner, i, out);
}

static void moved_free(struct gg_source *src)
{
    struct moved_source *s = (struct moved_source *)src;
    if (s == NULL)
        return;
    s->inner->ops->free(s->inner);
    free(s->tensors);
    free(s);
}

static const struct gg_source_ops ops = {moved_read, moved_extent, moved_free, NULL, NULL};

/* ---- the model ------------------------------------------------------------------------------- */

int gg_model_moved(struct gg_model *m, struct gg_err *err)
{
    bool *sized = NULL, any = false;
    if (!gg_is_gguf_source(m->source) || ggf_file_big_endian(ggf_set_file(m->set, 0)))
        return GG_OK;
    int rc = gg_model_sized(&sized, m, err);
    for (size_t i = 0; rc == GG_OK && i < m->n_tensors; i++)
        any |= sized[i];
    struct moved_source *s = rc == GG_OK && any ? calloc(1, sizeof *s) : NULL;
    struct gg_tensor *t = s != NULL ? calloc(m->n_tensors, sizeof *t) : NULL;
    if (rc == GG_OK && any && t == NULL)
        rc = gg_fail_nomem(err, "the list of tensors");
    if (rc != GG_OK || !any) {
        free(s);
        free(sized);
        return rc;
    }
    for (size_t i = 0; i < m->n_tensors; i++) {
        t[i] = m->tensors[i];
        if (!sized[i])
            continue;
        t[i].moved = &m->tensors[i];
        t[i].origin = qt_dialect(t[i].type)->name;
        t[i].type = t[i].plain = QT_I8;
        t[i].known = true;
        t[i].stored_nbytes = t[i].nbytes;
        t[i].n_dims = 1;
        t[i].nelems = t[i].nbytes;
        for (size_t d = 0; d < GGF_MAX_DIMS; d++)
            t[i].ne[d] = d == 0 ? t[i].nbytes : 1;
    }
    free(sized);
    *s = (struct moved_source){{&ops}, m->source, t};
    m->source = &s->base;
    m->tensors = t;
    return GG_OK;
}
