/* What PyTorch's globals, storages and dictionaries mean. */
#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "lib/import/dtype.h"
#include "lib/import/pickle_impl.h"

#include <stdlib.h>

/* ---- globals --------------------------------------------------------------------------------- */

struct global {
    const char *module, *name;
    enum gg_pk_global what;
};

/* Everything a checkpoint may ask for, besides storages and dtypes. */
static const struct global GLOBALS[] = {
    {"torch._utils", "_rebuild_tensor_v2", GG_PKG_TENSOR_V2},
    {"torch._utils", "_rebuild_tensor_v3", GG_PKG_TENSOR_V3},
    {"torch._utils", "_rebuild_parameter", GG_PKG_PARAMETER},
    {"torch._utils", "_rebuild_parameter_with_state", GG_PKG_PARAMETER},
    {"torch._tensor", "_rebuild_from_type_v2", GG_PKG_FROM_TYPE},
    {"torch.nn.parameter", "Parameter", GG_PKG_TYPE},
    {"torch", "Tensor", GG_PKG_TYPE},
    {"torch", "Size", GG_PKG_SIZE},
    {"torch", "device", GG_PKG_INERT_CALL},
    {"collections", "OrderedDict", GG_PKG_ORDERED_DICT},
    {"_codecs", "encode", GG_PKG_INERT_CALL}, /* how bytes are written for Python 2 */
};

static bool is(const char *s, size_t n, const char *text)
{
    return strlen(text) == n && memcmp(s, text, n) == 0;
}

static bool find_global(const char *module, size_t module_nbytes, const char *name, size_t n,
                        struct gg_pk_object *g)
{
    enum gg_dtype t = GG_DT_U8;
    bool torch = is(module, module_nbytes, "torch");
    bool storage = torch || is(module, module_nbytes, "torch.storage");
    for (size_t i = 0; i < GG_COUNTOF(GLOBALS); i++)
        if (is(module, module_nbytes, GLOBALS[i].module) && is(name, n, GLOBALS[i].name)) {
            g->what = (uint8_t)GLOBALS[i].what;
            return true;
        }
    if (storage && (gg_dtype_by_torch(name, n, true, &t) || is(name, n, "UntypedStorage")))
        g->what = GG_PKG_STORAGE;
    else if (torch && gg_dtype_by_torch(name, n, false, &t))
        g->what = GG_PKG_DTYPE;
    else
        return false;
    g->dtype = (uint8_t)t;
    return true;
}

int gg_pk_global(struct gg_pickle *m, const char *module, size_t module_nbytes, const char *name,
                 size_t name_nbytes, uint32_t *out, struct gg_err *err)
{
    char a[128], b[128];
    struct gg_pk_object g = {.kind = GG_PK_GLOBAL};
    if (!find_global(module, module_nbytes, name, name_nbytes, &g))
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                         "asks for '%s.%s', which is not among the few "
                         "names that rebuild tensors: refused, nothing is executed",
                         gg_text_escape_into(a, sizeof a, module, module_nbytes),
                         gg_text_escape_into(b, sizeof b, name, name_nbytes));
    *out = gg_pk_new(m, GG_PK_GLOBAL, err);
    if (*out == UINT32_MAX)
        return (int)err->code;
    m->objects[*out] = g;
    return GG_OK;
}

/* ---- storages and tensors -------------------------------------------------------------------- */

/* ('storage', class, key, location, number of elements[, view]) */
int gg_pk_persistent(struct gg_pickle *m, uint32_t id, uint32_t *out, struct gg_err *err)
{
    const struct gg_pk_object *o = &m->objects[id], *f[5];
    bool ok = o->kind == GG_PK_TUPLE && o->n >= 5;
    for (int i = 0; i < 5 && ok; i++)
        f[i] = &m->objects[o->v.items[i]];
    ok = ok && f[0]->kind == GG_PK_STR && is(f[0]->v.text, f[0]->n, "storage") &&
         f[1]->kind == GG_PK_GLOBAL && f[1]->what == GG_PKG_STORAGE && f[2]->kind == GG_PK_STR &&
         f[4]->kind == GG_PK_INT && f[4]->v.i >= 0;
    if (!ok)
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                         "its persistent id does not describe a storage");
    struct gg_pk_storage *s = gg_arena_zalloc(&m->mem, 1, sizeof *s);
    if (s == NULL)
        return gg_fail_nomem(err, "a pickle");
    *s = (struct gg_pk_storage){f[2]->v.text, f[2]->n, (uint64_t)f[4]->v.i};
    uint8_t dtype = f[1]->dtype;
    *out = gg_pk_new(m, GG_PK_STORAGE, err);
    if (*out == UINT32_MAX)
        return (int)err->code;
    m->objects[*out].dtype = dtype;
    m->objects[*out].v.storage = s;
    return GG_OK;
}

/* Sizes and strides of up to 8 dimensions. */
static bool read_dims(const struct gg_pickle *m, const struct gg_pk_object *o, uint64_t *v,
                      unsigned *n)
{
    if (o->kind != GG_PK_TUPLE || o->n > GG_CKPT_MAX_DIMS)
        return false;
    *n = o->n;
    for (uint32_t i = 0; i < o->n; i++) {
        const struct gg_pk_object *d = &m->objects[o->v.items[i]];
        if (d->kind != GG_PK_INT || d->v.i < 0)
            return false;
        v[i] = (uint64_t)d->v.i;
    }
    return true;
}

/* (storage, offset, size, stride, requires_grad, hooks[, dtype for v3]) */
static int rebuild_tensor(struct gg_pickle *m, const struct gg_pk_object *args, bool v3,
                          uint32_t *out, struct gg_err *err)
{
    const struct gg_pk_object *f[7] = {0};
    unsigned n_strides;
    for (uint32_t i = 0; i < args->n && i < 7; i++)
        f[i] = &m->objects[args->v.items[i]];
    struct gg_pickle_tensor *t = gg_arena_zalloc(&m->mem, 1, sizeof *t);
    if (t == NULL)
        return gg_fail_nomem(err, "a pickle");
    if (args->n < 4 || f[0]->kind != GG_PK_STORAGE || f[1]->kind != GG_PK_INT)
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err, "a tensor is not built from a storage");
    if (v3 && (f[6] == NULL || f[6]->kind != GG_PK_GLOBAL || f[6]->what != GG_PKG_DTYPE))
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                         "a tensor's dtype is not one this program knows");
    if (f[1]->v.i < 0)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "a tensor's offset is negative");
    if (!read_dims(m, f[2], t->shape, &t->n_dims) || !read_dims(m, f[3], t->strides, &n_strides) ||
        n_strides != t->n_dims)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err,
                         "a tensor's size or stride is not a list of up to %d "
                         "whole numbers from 0 up, one for each dimension",
                         GG_CKPT_MAX_DIMS);
    t->storage_dtype = (enum gg_dtype)f[0]->dtype;
    t->dtype = v3 ? (enum gg_dtype)f[6]->dtype : t->storage_dtype;
    t->offset = (uint64_t)f[1]->v.i;
    t->storage = f[0]->v.storage->key;
    t->storage_nbytes = f[0]->v.storage->key_nbytes;
    t->storage_nelems = f[0]->v.storage->nelems;
    *out = gg_pk_new(m, GG_PK_TENSOR, err);
    if (*out == UINT32_MAX)
        return (int)err->code;
    m->objects[*out].v.tensor = t;
    return GG_OK;
}

/* OrderedDict() or OrderedDict([(key, value), ...]) */
static int ordered_dict(struct gg_pickle *m, uint32_t args, uint32_t *out, struct gg_err *err)
{
    *out = gg_pk_new(m, GG_PK_DICT, err);
    if (*out == UINT32_MAX)
        return (int)err->code;
    if (m->objects[args].n == 0)
        return GG_OK;
    uint32_t list = m->objects[args].v.items[0];
    int rc = m->objects[list].kind == GG_PK_LIST ? GG_OK : GG_ERR_CORRUPT;
    for (uint32_t i = 0; rc == GG_OK && i < m->objects[list].n; i++) {
        const struct gg_pk_object *pair = &m->objects[m->objects[list].v.items[i]];
        if ((pair->kind != GG_PK_TUPLE && pair->kind != GG_PK_LIST) || pair->n != 2)
            rc = GG_ERR_CORRUPT;
        else if ((rc = gg_pk_append(m, *out, pair->v.items[0], err)) != GG_OK ||
                 (rc = gg_pk_append(m, *out, pair->v.items[1], err)) != GG_OK)
            return rc;
    }
    return rc == GG_OK ? rc
                       : gg_pk_bad(m, GG_ERR_CORRUPT, err, "a dictionary is not made of pairs");
}

/* The first argument, if it is of that kind: a parameter is its tensor, a size its tuple. */
static int first_arg(struct gg_pickle *m, uint32_t args, enum gg_pk_kind kind, uint32_t *out,
                     struct gg_err *err)
{
    const struct gg_pk_object *a = &m->objects[args];
    if (a->n == 0 || m->objects[a->v.items[0]].kind != kind)
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err, "is given something it cannot be made of");
    *out = a->v.items[0];
    return GG_OK;
}

/* (function, type, arguments, state) */
static int rebuild_from_type(struct gg_pickle *m, uint32_t args, uint32_t *out, struct gg_err *err)
{
    const struct gg_pk_object *a = &m->objects[args];
    const struct gg_pk_object *f = a->n >= 3 ? &m->objects[a->v.items[0]] : NULL;
    if (f == NULL || f->kind != GG_PK_GLOBAL ||
        (f->what != GG_PKG_TENSOR_V2 && f->what != GG_PKG_TENSOR_V3 && f->what != GG_PKG_PARAMETER))
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                         "a tensor is built in a way this program does not "
                         "know");
    return gg_pk_reduce(m, a->v.items[0], a->v.items[2], out,
                        err); /* not this one again: no depth */
}

int gg_pk_reduce(struct gg_pickle *m, uint32_t callable, uint32_t args, uint32_t *out,
                 struct gg_err *err)
{
    const struct gg_pk_object *c = &m->objects[callable], *a = &m->objects[args];
    if (c->kind != GG_PK_GLOBAL)
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                         "calls something that is not a known name: "
                         "refused, nothing is executed");
    if (a->kind != GG_PK_TUPLE)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "its arguments are no tuple");
    switch ((enum gg_pk_global)c->what) {
    case GG_PKG_TENSOR_V2:
        return rebuild_tensor(m, a, false, out, err);
    case GG_PKG_TENSOR_V3:
        return rebuild_tensor(m, a, true, out, err);
    case GG_PKG_FROM_TYPE:
        return rebuild_from_type(m, args, out, err);
    case GG_PKG_PARAMETER:
        return first_arg(m, args, GG_PK_TENSOR, out, err);
    case GG_PKG_ORDERED_DICT:
        return ordered_dict(m, args, out, err);
    case GG_PKG_SIZE:
        return first_arg(m, args, GG_PK_TUPLE, out, err);
    case GG_PKG_INERT_CALL:
        *out = gg_pk_new(m, GG_PK_OPAQUE, err);
        return *out == UINT32_MAX ? (int)err->code : GG_OK;
    case GG_PKG_TYPE:
    case GG_PKG_STORAGE:
    case GG_PKG_DTYPE:
        break;
    }
    return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                     "calls a class or dtype: refused, nothing is executed");
}

/* ---- the result ------------------------------------------------------------------------------ */

enum { MAX_DEPTH = 16, MAX_NAME_NBYTES = 4096 };

struct walk {
    struct gg_pickle *m;
    struct gg_buf name;
    size_t n_left; /* objects still to be looked at: a graph can be larger than its parts */
    bool count_only;
    size_t n_found;
};

static int found(struct walk *w, const struct gg_pickle_tensor *t, struct gg_err *err)
{
    struct gg_pickle *m = w->m;
    w->n_found++;
    if (w->count_only)
        return GG_OK;
    if (m->n_tensors == m->tensors_cap) {
        size_t cap = m->tensors_cap ? 2 * m->tensors_cap : 64;
        struct gg_pickle_tensor **v = realloc(m->tensors, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "a list of tensors");
        m->tensors = v;
        m->tensors_cap = cap;
    }
    struct gg_pickle_tensor *copy = gg_arena_zalloc(&m->mem, 1, sizeof *copy);
    char *name = gg_arena_strndup(&m->mem, gg_buf_str(&w->name), w->name.nbytes);
    if (copy == NULL || name == NULL || w->name.failed)
        return gg_fail_nomem(err, "a list of tensors");
    *copy = *t;
    copy->name = name;
    copy->name_nbytes = w->name.nbytes;
    m->tensors[m->n_tensors++] = copy;
    return GG_OK;
}

static int walk(struct walk *w, uint32_t o, unsigned depth, struct gg_err *err);

/* One entry of a container, called key within it (NULL: by number). */
static int walk_entry(struct walk *w, const struct gg_pk_object *key, uint32_t number, uint32_t o,
                      unsigned depth, struct gg_err *err)
{
    size_t n = w->name.nbytes;
    if (n > 0)
        gg_buf_addc(&w->name, '.');
    if (key != NULL && key->kind == GG_PK_STR)
        gg_buf_add(&w->name, key->v.text, key->n);
    else
        gg_buf_addf(&w->name, "%lld", key != NULL ? (long long)key->v.i : (long long)number);
    int rc = GG_OK;
    if (w->name.nbytes > MAX_NAME_NBYTES ||
        memchr(gg_buf_str(&w->name), '\0', w->name.nbytes) != NULL)
        rc = gg_pk_bad(w->m, GG_ERR_CORRUPT, err,
                       "the name of a tensor is over %d bytes or holds NUL", MAX_NAME_NBYTES);
    else
        rc = walk(w, o, depth + 1, err);
    w->name.nbytes = n;
    return rc;
}

static bool holds_more(const struct gg_pk_object *o)
{
    return o->kind == GG_PK_TENSOR || o->kind == GG_PK_DICT || o->kind == GG_PK_LIST ||
           o->kind == GG_PK_TUPLE;
}

static int walk(struct walk *w, uint32_t at, unsigned depth, struct gg_err *err)
{
    const struct gg_pk_object *o = &w->m->objects[at];
    int rc = GG_OK;
    if (w->n_left == 0 || depth > MAX_DEPTH)
        return gg_pk_bad(w->m, GG_ERR_LIMIT, err,
                         "the dictionary is nested deeper than %d, or too "
                         "large",
                         MAX_DEPTH);
    w->n_left--;
    if (o->kind == GG_PK_TENSOR)
        return found(w, o->v.tensor, err);
    bool dict = o->kind == GG_PK_DICT;
    for (uint32_t i = 0; holds_more(o) && i < o->n && rc == GG_OK; i += 1 + dict) {
        const struct gg_pk_object *key = dict ? &w->m->objects[o->v.items[i]] : NULL;
        uint32_t value = o->v.items[i + dict];
        if (!holds_more(&w->m->objects[value]))
            continue;
        if (key != NULL && key->kind != GG_PK_STR && key->kind != GG_PK_INT)
            continue; /* such a key names nothing */
        rc = walk_entry(w, key, i, value, depth, err);
    }
    return rc;
}

static int count_tensors(struct gg_pickle *m, uint32_t o, size_t *n, struct gg_err *err)
{
    struct walk w = {.m = m, .n_left = 2 * m->n_objects + 64, .count_only = true};
    int rc = walk(&w, o, 0, err);
    gg_buf_free(&w.name);
    *n = w.n_found;
    return rc;
}

/* The dictionary a training loop has wrapped in its own: the value of a usual key. */
static uint32_t find_wrapped(const struct gg_pickle *m, uint32_t root)
{
    static const char *const KEYS[] = {"state_dict", "model_state_dict", "model", "module",
                                       "params_ema", "params",           "ema"};
    const struct gg_pk_object *o = &m->objects[root];
    for (size_t k = 0; k < GG_COUNTOF(KEYS) && o->kind == GG_PK_DICT; k++)
        for (uint32_t i = 0; i + 1 < o->n; i += 2) {
            const struct gg_pk_object *key = &m->objects[o->v.items[i]];
            if (key->kind == GG_PK_STR && is(key->v.text, key->n, KEYS[k]) &&
                m->objects[o->v.items[i + 1]].kind == GG_PK_DICT)
                return o->v.items[i + 1];
        }
    return root;
}

/* Does the dictionary itself, not one within it, hold a tensor? */
static bool holds_tensors(const struct gg_pickle *m, uint32_t root)
{
    const struct gg_pk_object *o = &m->objects[root];
    for (uint32_t i = 0; o->kind == GG_PK_DICT && i + 1 < o->n; i += 2)
        if (m->objects[o->v.items[i + 1]].kind == GG_PK_TENSOR)
            return true;
    return false;
}

int gg_pk_collect(struct gg_pickle *m, uint32_t root, size_t *dropped, struct gg_err *err)
{
    size_t all, n;
    int rc = count_tensors(m, root, &all, err);
    uint32_t model = holds_tensors(m, root) ? root : find_wrapped(m, root);
    if (rc == GG_OK)
        rc = count_tensors(m, model, &n, err);
    if (rc != GG_OK)
        return rc;
    if (n == 0) {
        model = root;
        n = all;
    }
    *dropped = all - n;
    struct walk w = {.m = m, .n_left = 2 * m->n_objects + 64};
    rc = walk(&w, model, 0, err);
    gg_buf_free(&w.name);
    return rc;
}
