/* Checkpoints: what all formats share once their headers are read. */
#include "lib/import/checkpoint.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/dtype.h"
#include "lib/import/impl.h"
#include "lib/import/packed_impl.h"
#include "lib/sys/file.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gg_checkpoint_free(struct gg_checkpoint *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_inputs; i++)
        gg_input_free(c->inputs[i]);
    for (size_t i = c->n_stores; i-- > 0;)
        gg_store_free(c->stores[i]);
    for (size_t i = 0; i < c->n_files; i++)
        gg_input_free(c->files[i].in);
    gg_store_free(c->store);
    gg_map_free(&c->by_name);
    gg_arena_free(&c->mem);
    free(c->inputs);
    free(c->stores);
    free(c->files);
    free(c->tensors);
    free(c->places);
    free(c->name);
    free(c);
}

const char *gg_checkpoint_name(const struct gg_checkpoint *c)
{
    return c->name;
}

const char *gg_checkpoint_folder(const struct gg_checkpoint *c)
{
    return c->folder;
}

const char *gg_checkpoint_format(const struct gg_checkpoint *c)
{
    return c->format;
}

size_t gg_checkpoint_n_tensors(const struct gg_checkpoint *c)
{
    return c->n;
}

const struct gg_ckpt_tensor *gg_checkpoint_tensor(const struct gg_checkpoint *c, size_t i)
{
    assert(i < c->n);
    return &c->tensors[i];
}

size_t gg_checkpoint_find(const struct gg_checkpoint *c, const char *name)
{
    uint64_t i;
    return gg_map_get(&c->by_name, name, strlen(name), &i) ? (size_t)i : SIZE_MAX;
}

size_t gg_checkpoint_n_files(const struct gg_checkpoint *c)
{
    return c->n_files;
}

const char *gg_checkpoint_file(const struct gg_checkpoint *c, size_t i, uint64_t *nbytes,
                               uint64_t *dev, uint64_t *ino)
{
    assert(i < c->n_files);
    *nbytes = c->files[i].nbytes;
    *dev = *ino = 0;
    if (c->files[i].in != NULL)
        gg_input_id(c->files[i].in, dev, ino);
    return c->files[i].name;
}

bool gg_checkpoint_sequential(const struct gg_checkpoint *c)
{
    return c->sequential || c->store->sequential;
}

unsigned gg_checkpoint_n_passes(const struct gg_checkpoint *c)
{
    return c->store->ops->n_passes != NULL ? c->store->ops->n_passes(c->store) : 0;
}

/* ---- building -------------------------------------------------------------------------------- */

int gg_ckpt_measure(struct gg_ckpt_tensor *t, struct gg_err *err)
{
    char shown[160];
    uint64_t n = 1, zero = 1;
    bool ok = true;
    for (unsigned d = 0; d < t->n_dims && ok; d++) {
        zero = t->shape[d] == 0 ? 0 : zero;
        ok = t->shape[d] <= INT64_MAX && (t->shape[d] == 0 || gg_mul_u64(n, t->shape[d], &n));
    }
    ok = ok && n <= INT64_MAX; /* without its zero dimensions: they must not hide an overflow */
    t->nelems = n * zero;
    if (ok && gg_dtype_nbytes(t->dtype, t->nelems, &t->nbytes) && t->nbytes <= INT64_MAX)
        return GG_OK;
    gg_text_escape_into(shown, sizeof shown, t->name, t->name_nbytes);
    if (ok && gg_dtype_nbits(t->dtype) < 8)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "tensor '%s': its %llu elements of %s end "
                       "within a byte",
                       shown, (unsigned long long)t->nelems, gg_dtype_name(t->dtype));
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                   "tensor '%s': the product of its shape is beyond "
                   "2^63 bytes",
                   shown);
}

static bool grow_tensors(struct gg_checkpoint *c)
{
    size_t cap = c->cap ? 2 * c->cap : 64;
    struct gg_ckpt_tensor *t = realloc(c->tensors, cap * sizeof *t);
    if (t == NULL)
        return false;
    c->tensors = t;
    struct gg_ckpt_place *p = realloc(c->places, cap * sizeof *p);
    if (p == NULL)
        return false;
    c->places = p;
    c->cap = cap;
    return true;
}

int gg_ckpt_add(struct gg_checkpoint *c, const struct gg_ckpt_tensor *t,
                const struct gg_ckpt_place *p, struct gg_err *err)
{
    if (c->n == c->cap && !grow_tensors(c))
        return gg_fail_nomem(err, "a list of tensors");
    c->tensors[c->n] = *t;
    c->tensors[c->n].pos = p->pos;
    c->places[c->n] = *p;
    int rc = gg_ckpt_measure(&c->tensors[c->n], err);
    c->n += rc == GG_OK;
    return rc;
}

int gg_ckpt_keep_input(struct gg_checkpoint *c, struct gg_input *in, struct gg_err *err)
{
    if (c->n_inputs == c->inputs_cap) {
        size_t cap = c->inputs_cap ? 2 * c->inputs_cap : 64;
        struct gg_input **v = realloc(c->inputs, cap * sizeof(struct gg_input *));
        if (v == NULL) {
            gg_input_free(in);
            return gg_fail_nomem(err, "a list of storages");
        }
        c->inputs = v;
        c->inputs_cap = cap;
    }
    c->inputs[c->n_inputs++] = in;
    return GG_OK;
}

int gg_ckpt_keep_store(struct gg_checkpoint *c, struct gg_store *s, struct gg_err *err)
{
    struct gg_store **v = realloc(c->stores, (c->n_stores + 1) * sizeof(struct gg_store *));
    if (v == NULL) {
        gg_store_free(s);
        return gg_fail_nomem(err, "a list of archives");
    }
    c->stores = v;
    c->stores[c->n_stores++] = s;
    return GG_OK;
}

/* ---- data ------------------------------------------------------------------------------------ */

static void swap_elements(uint8_t *p, uint64_t n, size_t size)
{
    for (uint64_t i = 0; i < n; i++, p += size)
        for (size_t k = 0; k < size / 2; k++) {
            uint8_t b = p[k];
            p[k] = p[size - 1 - k];
            p[size - 1 - k] = b;
        }
}

int gg_ckpt_read_stored(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n, void *dst,
                        struct gg_err *err)
{
    char name[160];
    const struct gg_ckpt_tensor *t = &c->tensors[i];
    const struct gg_ckpt_place *p = &c->places[i];
    uint64_t bits = gg_dtype_nbits(t->dtype);
    assert(gg_in_range(first, n, t->nelems) && first * bits % 8 == 0 && n * bits % 8 == 0);
    if (n == 0)
        return GG_OK;
    uint64_t at = first / 8 * bits + first % 8 * bits / 8; /* within nbytes: measured */
    uint64_t nbytes = n / 8 * bits + n % 8 * bits / 8;
    int rc = p->strided ? gg_ckpt_gather(t, p, first, n, dst, err)
                        : gg_input_read_all(p->in, p->off + at, dst, (size_t)nbytes, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "tensor '%s'",
                             gg_text_escape_into(name, sizeof name, t->name, t->name_nbytes));
    if (p->swap)
        swap_elements(dst, n, (size_t)(bits / 8));
    return GG_OK;
}

int gg_checkpoint_read(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n, void *dst,
                       struct gg_err *err)
{
    assert(i < c->n && gg_in_range(first, n, c->tensors[i].nelems));
    const struct gg_packed *k = c->places[i].packed;
    return k != NULL ? k->read(c, k, first, n, dst, err)
                     : gg_ckpt_read_stored(c, i, first, n, dst, err);
}

static void will_need(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n)
{
    uint64_t bits = gg_dtype_nbits(c->tensors[i].dtype);
    const struct gg_ckpt_place *p = &c->places[i];
    uint64_t off;
    int fd;
    if (!p->strided && p->in != NULL && gg_input_extent(p->in, p->off, &fd, &off))
        gg_file_will_need(fd, off + first * bits / 8, n * bits / 8); /* inside the file: measured */
}

/* Of parts, what is as far into them: right where rows are stored in order, a part of the columns
 * where they are not. */
void gg_checkpoint_will_need(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n)
{
    const struct gg_packed *k = c->places[i].packed;
    double all = (double)c->tensors[i].nelems;
    for (size_t p = 0; k != NULL && p < GG_PACKED_PARTS; p++) {
        if (k->part[p] == SIZE_MAX)
            continue;
        uint64_t has = c->tensors[k->part[p]].nelems;
        uint64_t from = gg_min_u64((uint64_t)((double)first / all * (double)has), has);
        uint64_t want = gg_min_u64((uint64_t)((double)n / all * (double)has), has - from);
        will_need(c, k->part[p], from, want);
    }
    if (k == NULL)
        will_need(c, i, first, n);
}

bool gg_checkpoint_extent(struct gg_checkpoint *c, size_t i, int *fd, uint64_t *off)
{
    assert(i < c->n);
    const struct gg_ckpt_place *p = &c->places[i];
    return p->packed == NULL && !p->strided && !p->swap && p->in != NULL && gg_input_extent(p->in, p->off, fd, off);
}

int gg_checkpoint_side_file(struct gg_checkpoint *c, const char *name, size_t max_nbytes,
                            char **data, size_t *nbytes, struct gg_err *err)
{
    struct gg_buf path = GG_BUF_INIT;
    struct gg_input *in = NULL;
    *data = NULL;
    *nbytes = 0;
    gg_buf_adds(&path, c->folder);
    gg_buf_adds(&path, name);
    if (path.failed)
        return gg_fail_nomem(err, "a path");
    size_t i = gg_store_find(c->store, gg_buf_str(&path));
    gg_buf_free(&path);
    if (i == SIZE_MAX)
        return GG_OK;
    int rc = gg_store_open_member(c->store, i, &in, err);
    uint64_t n = rc == GG_OK ? gg_input_nbytes(in) : 0;
    if (rc == GG_OK && n > max_nbytes)
        rc = gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE,
                     "%s has %llu bytes, more than the %zu such a file "
                     "may have",
                     gg_store_shown(c->store, c->store->members[i].name), (unsigned long long)n,
                     max_nbytes);
    char *p = rc == GG_OK ? malloc((size_t)n + 1) : NULL;
    if (rc == GG_OK && p == NULL)
        rc = gg_fail_nomem(err, "a file");
    if (rc == GG_OK)
        rc = gg_input_read_all(in, 0, p, (size_t)n, err);
    gg_input_free(in);
    if (rc != GG_OK) {
        free(p);
        return rc;
    }
    p[n] = '\0';
    *data = p;
    *nbytes = (size_t)n;
    return GG_OK;
}

int gg_checkpoint_side_list(struct gg_checkpoint *c, const char *folder, struct gg_err *err)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s%s", c->folder, folder);
    return n < (int)sizeof path ? gg_store_list(c->store, path, err) : GG_OK;
}

const char *gg_checkpoint_side_next(const struct gg_checkpoint *c, const char *folder,
                                    const char *ending, const char *after)
{
    size_t n_base = strlen(c->folder), n_folder = strlen(folder), n_ending = strlen(ending);
    const char *best = NULL;
    for (size_t i = 0; i < c->store->n; i++) {
        const char *name = c->store->members[i].name;
        if (strncmp(name, c->folder, n_base) != 0 || strncmp(name + n_base, folder, n_folder) != 0)
            continue;
        name += n_base;
        size_t n = strlen(name);
        if (strchr(name + n_folder, '/') == NULL && n > n_folder + n_ending &&
            strcmp(name + n - n_ending, ending) == 0 &&
            (after == NULL || strcmp(name, after) > 0) && (best == NULL || strcmp(name, best) < 0))
            best = name;
    }
    return best;
}
