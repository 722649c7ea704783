/* Putting packed tensors together. */
#include "lib/import/packed_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/dtype.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct made {
    struct gg_ckpt_tensor t;
    struct gg_packed *k; /* in the checkpoint's memory */
};

struct gg_packing {
    struct gg_checkpoint *c;
    bool *used;         /* of each stored tensor */
    size_t *made_at;    /* of each stored tensor: 1 + index of what is made in its place */
    struct made *made;
    size_t n, cap;
};

int gg_packing_begin(struct gg_packing **out, struct gg_checkpoint *c, struct gg_err *err)
{
    struct gg_packing *u = calloc(1, sizeof *u);
    *out = u;
    if (u == NULL)
        return gg_fail_nomem(err, "packed tensors");
    u->c = c;
    u->used = calloc(c->n + 1, sizeof *u->used);
    u->made_at = calloc(c->n + 1, sizeof *u->made_at);
    return u->used != NULL && u->made_at != NULL ? GG_OK : gg_fail_nomem(err, "packed tensors");
}

void gg_packing_free(struct gg_packing *u)
{
    if (u == NULL)
        return;
    free(u->used);
    free(u->made_at);
    free(u->made);
    free(u);
}

const struct gg_ckpt_tensor *gg_packing_tensor(const struct gg_packing *u, size_t i)
{
    return &u->c->tensors[i];
}

struct gg_checkpoint *gg_packing_checkpoint(const struct gg_packing *u)
{
    return u->c;
}

bool gg_packing_ends(const struct gg_packing *u, size_t i, const char *tail)
{
    const struct gg_ckpt_tensor *t = &u->c->tensors[i];
    size_t n = strlen(tail);
    return t->name_nbytes > n && memcmp(t->name + t->name_nbytes - n, tail, n) == 0;
}

/* Name of tensor i with its end replaced; false when it does not fit. */
static bool sibling_name(const struct gg_packing *u, size_t i, size_t n_cut, const char *tail,
                         char dst[512], size_t *n)
{
    const struct gg_ckpt_tensor *t = &u->c->tensors[i];
    size_t n_tail = strlen(tail);
    if (n_cut > t->name_nbytes || t->name_nbytes - n_cut + n_tail >= 512)
        return false;
    memcpy(dst, t->name, t->name_nbytes - n_cut);
    memcpy(dst + t->name_nbytes - n_cut, tail, n_tail + 1);
    *n = t->name_nbytes - n_cut + n_tail;
    return true;
}

size_t gg_packing_sibling(const struct gg_packing *u, size_t i, size_t n_cut, const char *tail)
{
    char name[512];
    size_t n;
    uint64_t at;
    return sibling_name(u, i, n_cut, tail, name, &n) && gg_map_get(&u->c->by_name, name, n, &at)
               ? (size_t)at
               : SIZE_MAX;
}

bool gg_packing_used(const struct gg_packing *u, size_t i)
{
    return u->used[i];
}

size_t gg_packing_n_made(const struct gg_packing *u)
{
    return u->n;
}

void gg_packing_hide(struct gg_packing *u, size_t i)
{
    u->used[i] = true;
}

int gg_packing_fail(const struct gg_packing *u, size_t i, struct gg_err *err, const char *fmt, ...)
{
    const struct gg_ckpt_tensor *t = &u->c->tensors[i];
    char name[160], text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "tensor '%s' %s",
                   gg_text_escape_into(name, sizeof name, t->name, t->name_nbytes), text);
}

void gg_packing_retype(struct gg_packing *u, size_t i, enum gg_dtype dtype, uint64_t rows, uint64_t cols)
{
    struct gg_ckpt_tensor *t = &u->c->tensors[i];
    t->dtype = dtype;
    t->n_dims = 2;
    t->shape[0] = rows;
    t->shape[1] = cols;
    t->nelems = rows * cols;
    assert(t->nelems * gg_dtype_nbits(dtype) / 8 == t->nbytes);
}

static bool grow(struct gg_packing *u)
{
    if (u->n < u->cap)
        return true;
    size_t cap = u->cap ? 2 * u->cap : 64;
    struct made *v = realloc(u->made, cap * sizeof *v);
    if (v == NULL)
        return false;
    u->made = v;
    u->cap = cap;
    return true;
}

int gg_packing_make(struct gg_packing *u, size_t at, size_t n_cut, const char *tail,
                   struct gg_ckpt_tensor *t, const struct gg_packed *k, struct gg_err *err)
{
    char name[512];
    struct gg_checkpoint *c = u->c;
    if (!sibling_name(u, at, n_cut, tail, name, &t->name_nbytes))
        return gg_packing_fail(u, at, err, "has too long a name");
    if (u->made_at[at] != 0)
        return gg_packing_fail(u, at, err, "would stand for two tensors");
    t->name = gg_arena_strndup(&c->mem, name, t->name_nbytes);
    t->file = c->tensors[at].file;
    t->pos = c->tensors[at].pos;
    struct gg_packed *copy = gg_arena_alloc(&c->mem, sizeof *copy);
    if (t->name == NULL || copy == NULL || !grow(u))
        return gg_fail_nomem(err, "a packed tensor");
    *copy = *k;
    int rc = gg_ckpt_measure(t, err);
    t->stored_nbytes = 0;
    for (size_t p = 0; rc == GG_OK && p < GG_PACKED_PARTS; p++) {
        if (k->part[p] == SIZE_MAX)
            continue;
        u->used[k->part[p]] = true;
        t->stored_nbytes += c->tensors[k->part[p]].nbytes; /* each below 2^63, few */
    }
    u->made[u->n] = (struct made){*t, copy};
    u->made_at[at] = ++u->n;
    return rc;
}

/* ---- the new list ---------------------------------------------------------------------------- */

/* Tensors that are seen first, then those behind them; *place gets where each stored one went. */
static size_t arrange(struct gg_packing *u, struct gg_ckpt_tensor *t, struct gg_ckpt_place *p,
                      size_t *place)
{
    struct gg_checkpoint *c = u->c;
    size_t n = 0, n_seen;
    for (size_t i = 0; i < c->n; i++) {
        if (u->made_at[i] != 0) {
            struct made *m = &u->made[u->made_at[i] - 1];
            t[n] = m->t;
            p[n++] = (struct gg_ckpt_place){.packed = m->k};
        } else if (!u->used[i]) {
            place[i] = n;
            t[n] = c->tensors[i];
            p[n++] = c->places[i];
        }
    }
    n_seen = n;
    for (size_t i = 0; i < c->n; i++) {
        if (u->made_at[i] == 0 && !u->used[i])
            continue;
        place[i] = n;
        t[n] = c->tensors[i];
        p[n++] = c->places[i];
    }
    return n_seen;
}

static int name_again(struct gg_checkpoint *c, struct gg_err *err)
{
    gg_map_free(&c->by_name);
    c->by_name = (struct gg_map)GG_MAP_INIT;
    for (size_t i = 0; i < c->n; i++) {
        const struct gg_ckpt_tensor *t = &c->tensors[i];
        int added = gg_map_add(&c->by_name, t->name, t->name_nbytes, i, NULL);
        char name[160];
        if (added < 0)
            return gg_fail_nomem(err, "a list of tensors");
        if (added == 0)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                           "tensor '%s' is there, and quantized parts of it, too",
                           gg_text_escape_into(name, sizeof name, t->name, t->name_nbytes));
    }
    return GG_OK;
}

int gg_packing_end(struct gg_packing *u, struct gg_err *err)
{
    struct gg_checkpoint *c = u->c;
    size_t cap = c->n + u->n + 1;
    struct gg_ckpt_tensor *t = calloc(cap, sizeof *t);
    struct gg_ckpt_place *p = calloc(cap, sizeof *p);
    size_t *place = calloc(c->n + 1, sizeof *place);
    if (t == NULL || p == NULL || place == NULL) {
        free(t);
        free(p);
        free(place);
        return gg_fail_nomem(err, "a list of tensors");
    }
    size_t n = arrange(u, t, p, place);
    for (size_t i = 0; i < u->n; i++)
        for (size_t k = 0; k < GG_PACKED_PARTS; k++)
            if (u->made[i].k->part[k] != SIZE_MAX)
                u->made[i].k->part[k] = place[u->made[i].k->part[k]];
    free(place);
    free(c->tensors);
    free(c->places);
    c->tensors = t;
    c->places = p;
    c->cap = cap;
    c->n = n;
    return name_again(c, err);
}

/* ---- reading --------------------------------------------------------------------------------- */

int gg_ckpt_read_f32(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n, float *dst,
                     struct gg_err *err)
{
    enum { CHUNK = 2048 };
    _Alignas(8) uint8_t raw[8 * CHUNK];
    enum gg_dtype t = c->tensors[i].dtype;
    while (n > 0) {
        size_t take = (size_t)gg_min_u64(n, CHUNK);
        int rc = gg_ckpt_read_stored(c, i, first, take, raw, err);
        if (rc != GG_OK)
            return rc;
        gg_dtype_to_f32(dst, raw, t, take);
        first += take;
        dst += take;
        n -= take;
    }
    return GG_OK;
}

int gg_packed_by_rows(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t most, gg_packed_rows *read,
                      uint64_t first, uint64_t n, float *dst, struct gg_err *err)
{
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t row = first / k->cols, col = first % k->cols, cols = gg_min_u64(n, k->cols - col);
        uint64_t rows = cols == k->cols ? gg_min_u64(n / k->cols, most - row % most) : 1;
        rc = read(c, k, row, rows, col, cols, dst, err);
        first += rows * cols;
        dst += rows * cols;
        n -= rows * cols;
    }
    return rc;
}
