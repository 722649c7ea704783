/* What changes, found by comparing what there is with what there will be. */
#include "cmds/edit.h"

#include <stdlib.h>
#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

static bool same_scalar(const struct ggf_value *a, const struct ggf_value *b)
{
    if (a->nbytes != b->nbytes)
        return false;
    if (a->type == GGF_STR || a->big_endian == b->big_endian)
        return a->nbytes == 0 || memcmp(a->data, b->data, (size_t)a->nbytes) == 0;
    for (size_t i = 0; i < a->nbytes; i++) {
        if (a->data[i] != b->data[b->nbytes - 1 - i])
            return false;
    }
    return true;
}

/* Recursion is bounded: arrays are nested no deeper than 8. */
bool edit_same_value(const struct ggf_value *a, const struct ggf_value *b)
{
    struct ggf_value x, y;
    if (a->type != b->type)
        return false;
    if (a->type != GGF_ARR)
        return same_scalar(a, b);
    if (a->elem != b->elem || a->count != b->count)
        return false;
    if (a->big_endian == b->big_endian && a->len32 == b->len32)
        return a->nbytes == b->nbytes &&
               (a->nbytes == 0 || memcmp(a->data, b->data, (size_t)a->nbytes) == 0);
    struct ggf_iter i = ggf_iter_begin(a), k = ggf_iter_begin(b);
    while (ggf_iter_next(&i, &x)) {
        if (!ggf_iter_next(&k, &y) || !edit_same_value(&x, &y))
            return false;
    }
    return true;
}

/* ---- the list -------------------------------------------------------------------------------- */

static int add(struct edit *e, const struct edit_change *c, struct gg_err *err)
{
    if (e->n_changes == e->cap_changes) {
        size_t cap = e->cap_changes ? e->cap_changes * 2 : 16;
        struct edit_change *v = realloc(e->changes, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "the list of changes");
        e->changes = v;
        e->cap_changes = cap;
    }
    e->changes[e->n_changes++] = *c;
    return GG_OK;
}

/* The new name of a key that was renamed, if it still is there: the last --rename of it counts. */
static const struct ggf_kv *renamed_key(const struct edit *e, const struct ggf_meta *is,
                                        struct ggf_str key)
{
    const struct gg_opt_list *l = &e->o->rename;
    const struct ggf_kv *found = NULL;
    for (size_t i = 0; i < l->n; i++) {
        size_t n = strcspn(l->v[i], "=");
        if (n == key.nbytes && memcmp(l->v[i], key.p, n) == 0) {
            found = ggf_meta_find(is, l->v[i] + n + 1);
            if (found != NULL)
                key = found->key;
        }
    }
    return found;
}

static bool is_new_name(const struct edit *e, const struct ggf_meta *was, struct ggf_str key)
{
    const struct gg_opt_list *l = &e->o->rename;
    for (size_t i = 0; i < l->n; i++) {
        const char *eq = strchr(l->v[i], '=');
        if (ggf_str_eq(key, eq + 1) &&
            ggf_meta_find_n(was, l->v[i], (size_t)(eq - l->v[i])) != NULL)
            return true;
    }
    return false;
}

static int compare_key(struct edit *e, size_t file, const struct ggf_kv *was, struct gg_err *err)
{
    const struct ggf_meta *meta = e->files[file].meta;
    const struct ggf_kv *is = ggf_meta_find_n(meta, was->key.p, (size_t)was->key.nbytes);
    struct edit_change c = {.kind = EDIT_SET, .name = was->key, .was = &was->value, .file = file};
    if (gg_is_padding(was->key))
        return GG_OK;
    if (is == NULL) {
        is = file == 0 ? renamed_key(e, meta, was->key) : NULL;
        c.kind = is != NULL ? EDIT_RENAME : EDIT_REMOVE;
        c.to = is != NULL ? is->key : c.to;
    }
    c.is = is != NULL ? &is->value : NULL;
    if (c.kind == EDIT_SET && edit_same_value(c.was, c.is))
        return GG_OK;
    e->files[file].meta_changed = true;
    int rc = add(e, &c, err);
    if (rc != GG_OK || c.kind != EDIT_RENAME || edit_same_value(c.was, c.is))
        return rc;
    c.kind = EDIT_SET; /* and set to something else on top */
    c.name = c.to;
    return add(e, &c, err);
}

static int compare_meta(struct edit *e, size_t file, struct gg_err *err)
{
    const struct ggf_meta *was = ggf_file_meta(e->files[file].f), *is = e->files[file].meta;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < ggf_meta_count(was); i++)
        rc = compare_key(e, file, ggf_meta_at(was, i), err);
    for (size_t i = 0; rc == GG_OK && i < ggf_meta_count(is); i++) {
        const struct ggf_kv *kv = ggf_meta_at(is, i);
        if (ggf_meta_find_n(was, kv->key.p, (size_t)kv->key.nbytes) != NULL ||
            gg_is_padding(kv->key) || (file == 0 && is_new_name(e, was, kv->key)))
            continue;
        struct edit_change c = {.kind = EDIT_ADD, .name = kv->key, .is = &kv->value, .file = file};
        e->files[file].meta_changed = true;
        rc = add(e, &c, err);
    }
    return rc;
}

static const struct edit_import *import_of(const struct edit *e, size_t tensor)
{
    for (size_t i = 0; i < e->n_imports; i++) {
        if (e->imports[i].replaces == tensor)
            return &e->imports[i];
    }
    return NULL;
}

static int compare_tensor(struct edit *e, size_t i, size_t file, struct ggf_str name,
                          struct gg_err *err)
{
    const struct gg_tensor *t = &e->model->tensors[i];
    const struct edit_import *in = import_of(e, i);
    struct edit_change c = {.tensor = true, .name = t->name, .before = t, .file = file};
    bool renamed = name.nbytes != t->name.nbytes ||
                   memcmp(name.p, t->name.p, (size_t)name.nbytes) != 0;
    int rc = GG_OK;
    if (e->drop[i]) {
        c.kind = EDIT_REMOVE;
        return add(e, &c, err);
    }
    if (renamed) {
        e->files[file].renamed = true;
        c.kind = EDIT_RENAME;
        c.to = name;
        rc = add(e, &c, err);
    }
    if (rc == GG_OK && in != NULL) {
        c = (struct edit_change){.kind = EDIT_SET, .tensor = true, .name = name, .before = t,
                                 .after = &in->tensor, .from = in->path, .file = file};
        rc = add(e, &c, err);
    }
    return rc;
}

static int compare_tensors(struct edit *e, struct gg_err *err)
{
    size_t i = 0;
    int rc = GG_OK;
    for (size_t f = 0; f < e->model->n_files; f++) {
        size_t n = ggf_file_n_tensors(e->files[f].f);
        for (size_t k = 0; rc == GG_OK && k < n; k++, i++)
            rc = compare_tensor(e, i, f, e->files[f].names[k], err);
    }
    for (size_t k = 0; rc == GG_OK && k < e->n_imports; k++) {
        const struct edit_import *in = &e->imports[k];
        struct edit_change c = {.kind = EDIT_ADD, .tensor = true, .name = in->name,
                                .after = &in->tensor, .from = in->path,
                                .file = e->model->n_files - 1};
        if (in->replaces == SIZE_MAX)
            rc = add(e, &c, err);
    }
    return rc;
}

/* Does the new metadata ask for another alignment than the data has? */
static bool realigned(const struct edit *e)
{
    uint64_t v = 32;
    ggf_meta_get_u64(e->files[0].meta, "general.alignment", &v);
    return v != e->model->alignment;
}

int edit_compare(struct edit *e, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t f = 0; rc == GG_OK && f < e->model->n_files; f++)
        rc = compare_meta(e, f, err);
    if (rc == GG_OK)
        rc = compare_tensors(e, err);
    e->relaid = e->n_dropped > 0 || e->n_imports > 0 || realigned(e);
    return rc;
}
