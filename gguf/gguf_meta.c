/* Metadata: pairs in order, found by hash.
 *
 * Pairs, keys and values set by hand live in one arena until the list is freed, so a pointer once
 * given out stays good after any set or unset. */
#include "gguf/gguf_meta.h"

#include "gguf/gguf_value.h"
#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <float.h>
#include <stdlib.h>

struct entry {
    struct ggf_kv kv;
    bool gone; /* unset: still in the map, no longer in the list */
};

struct ggf_meta {
    struct gg_arena arena;
    struct gg_map map; /* key -> address of its entry */
    struct entry **v;
    size_t n, cap;
};

int ggf_meta_new(struct ggf_meta **out, struct gg_err *err)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? GG_OK : gg_fail_nomem(err, "metadata");
}

void ggf_meta_free(struct ggf_meta *m)
{
    if (m == NULL)
        return;
    gg_map_free(&m->map);
    gg_arena_free(&m->arena);
    free(m->v);
    free(m);
}

size_t ggf_meta_count(const struct ggf_meta *m)
{
    return m->n;
}

const struct ggf_kv *ggf_meta_at(const struct ggf_meta *m, size_t i)
{
    return &m->v[i]->kv;
}

static struct entry *find(const struct ggf_meta *m, const char *key, size_t nbytes)
{
    uint64_t at;
    return gg_map_get(&m->map, key, nbytes, &at) ? (struct entry *)(uintptr_t)at : NULL;
}

const struct ggf_kv *ggf_meta_find_n(const struct ggf_meta *m, const char *key, size_t nbytes)
{
    const struct entry *e = find(m, key, nbytes);
    return e != NULL && !e->gone ? &e->kv : NULL;
}

const struct ggf_kv *ggf_meta_find(const struct ggf_meta *m, const char *key)
{
    return ggf_meta_find_n(m, key, strlen(key));
}

bool ggf_meta_get_u64(const struct ggf_meta *m, const char *key, uint64_t *out)
{
    const struct ggf_kv *kv = ggf_meta_find(m, key);
    return kv != NULL && ggf_as_u64(&kv->value, out);
}

bool ggf_meta_get_f64(const struct ggf_meta *m, const char *key, double *out)
{
    const struct ggf_kv *kv = ggf_meta_find(m, key);
    return kv != NULL && ggf_as_f64(&kv->value, out);
}

bool ggf_meta_get_bool(const struct ggf_meta *m, const char *key, bool *out)
{
    const struct ggf_kv *kv = ggf_meta_find(m, key);
    return kv != NULL && ggf_as_bool(&kv->value, out);
}

bool ggf_meta_get_str(const struct ggf_meta *m, const char *key, struct ggf_str *out)
{
    const struct ggf_kv *kv = ggf_meta_find(m, key);
    return kv != NULL && ggf_as_str(&kv->value, out);
}

/* ---- changing ----------------------------------------------------------------------------- */

/* Makes room for one more in the list. */
static bool reserve(struct ggf_meta *m)
{
    if (m->n < m->cap)
        return true;
    size_t cap = m->cap ? m->cap * 2 : 32;
    struct entry **v = realloc(m->v, cap * sizeof(struct entry *));
    if (v == NULL)
        return false;
    m->v = v;
    m->cap = cap;
    return true;
}

int ggf_meta_add_ref(struct ggf_meta *m, const struct ggf_kv *kv, const struct ggf_kv **old)
{
    struct entry *e = gg_arena_alloc(&m->arena, sizeof *e);
    uint64_t at;
    if (e == NULL || !reserve(m))
        return -1;
    *e = (struct entry){*kv, false};
    int rc = gg_map_add(&m->map, kv->key.p, (size_t)kv->key.nbytes, (uint64_t)(uintptr_t)e, &at);
    if (rc == 1)
        m->v[m->n++] = e;
    else if (rc == 0 && old != NULL)
        *old = &((struct entry *)(uintptr_t)at)->kv;
    return rc;
}

/* Puts kv, whose bytes belong to m already, in the place of its key or last. */
static bool put(struct ggf_meta *m, const struct ggf_kv *kv)
{
    struct entry *e = find(m, kv->key.p, (size_t)kv->key.nbytes);
    if (e == NULL)
        return ggf_meta_add_ref(m, kv, NULL) == 1;
    if (e->gone) {
        if (!reserve(m))
            return false;
        m->v[m->n++] = e;
        e->gone = false;
    }
    e->kv.value = kv->value;
    e->kv.off = kv->off;
    return true;
}

static int set_copy(struct ggf_meta *m, const struct ggf_kv *kv, struct gg_err *err)
{
    struct ggf_kv own = *kv;
    if (kv->key.nbytes > SIZE_MAX / 2 || kv->value.nbytes > SIZE_MAX / 2)
        return gg_fail_nomem(err, "metadata");
    own.key.p = gg_arena_strndup(&m->arena, kv->key.p, (size_t)kv->key.nbytes);
    own.value.data = (const uint8_t *)gg_arena_strndup(&m->arena, (const char *)kv->value.data,
                                                       (size_t)kv->value.nbytes);
    if (own.key.p == NULL || own.value.data == NULL || !put(m, &own))
        return gg_fail_nomem(err, "metadata");
    return GG_OK;
}

int ggf_meta_set(struct ggf_meta *m, struct ggf_str key, const struct ggf_value *v,
                 struct gg_err *err)
{
    char shown[96];
    if (key.nbytes == 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "a metadata key cannot be empty");
    if (!ggf_value_ok(v))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "metadata key '%s': the value's bytes do not fit its type and count",
                       gg_text_escape_into(shown, sizeof shown, key.p, (size_t)key.nbytes));
    struct ggf_kv kv = {key, *v, GG_NOWHERE};
    return set_copy(m, &kv, err);
}

int ggf_meta_copy(struct ggf_meta **out, const struct ggf_meta *src, struct gg_err *err)
{
    struct ggf_meta *m;
    *out = NULL;
    int rc = ggf_meta_new(&m, err);
    for (size_t i = 0; rc == GG_OK && i < src->n; i++)
        rc = set_copy(m, &src->v[i]->kv, err);
    if (rc == GG_OK)
        *out = m;
    else
        ggf_meta_free(m);
    return rc;
}

bool ggf_meta_unset(struct ggf_meta *m, const char *key)
{
    return ggf_meta_unset_n(m, key, strlen(key));
}

static size_t place_of(const struct ggf_meta *m, const struct entry *e)
{
    size_t i = 0;
    while (m->v[i] != e)
        i++;
    return i;
}

bool ggf_meta_unset_n(struct ggf_meta *m, const char *key, size_t nbytes)
{
    struct entry *e = find(m, key, nbytes);
    if (e == NULL || e->gone)
        return false;
    size_t i = place_of(m, e);
    m->n--;
    memmove(&m->v[i], &m->v[i + 1], (m->n - i) * sizeof(struct entry *));
    e->gone = true;
    return true;
}

int ggf_meta_rename(struct ggf_meta *m, struct ggf_str key, struct ggf_str new_key,
                    struct gg_err *err)
{
    char shown[96];
    struct entry *e = find(m, key.p, (size_t)key.nbytes);
    if (e == NULL || e->gone)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "there is no metadata key '%s'",
                       gg_text_escape_into(shown, sizeof shown, key.p, (size_t)key.nbytes));
    if (ggf_meta_find_n(m, new_key.p, (size_t)new_key.nbytes) != NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "there is a metadata key '%s' already",
                       gg_text_escape_into(shown, sizeof shown, new_key.p,
                                           (size_t)new_key.nbytes));
    size_t i = place_of(m, e);
    struct ggf_value v = e->kv.value;
    int rc = ggf_meta_set(m, new_key, &v, err);
    if (rc != GG_OK)
        return rc;
    m->v[i] = m->v[--m->n]; /* the new pair was put last */
    e->gone = true;
    return GG_OK;
}

bool ggf_meta_move(struct ggf_meta *m, const char *key, struct ggf_str before)
{
    struct entry *e = find(m, key, strlen(key)), *b = find(m, before.p, (size_t)before.nbytes);
    if (e == NULL || e->gone || b == NULL || b->gone || e == b)
        return false;
    size_t from = place_of(m, e), to = place_of(m, b);
    to -= from < to; /* as it is without e */
    size_t lo = from < to ? from : to, n = from < to ? to - from : from - to;
    if (from < to)
        memmove(&m->v[lo], &m->v[lo + 1], n * sizeof(struct entry *));
    else
        memmove(&m->v[lo + 1], &m->v[lo], n * sizeof(struct entry *));
    m->v[to] = e;
    return true;
}

static int set_scalar(struct ggf_meta *m, const char *key, enum ggf_vtype type, uint64_t bits,
                      struct gg_err *err)
{
    uint8_t raw[8];
    gg_store_u64(raw, bits);
    struct ggf_value v = {.type = type, .count = 1, .data = raw, .nbytes = ggf_vtype_nbytes(type)};
    return ggf_meta_set(m, ggf_str(key), &v, err);
}

int ggf_meta_set_u16(struct ggf_meta *m, const char *key, uint16_t v, struct gg_err *err)
{
    return set_scalar(m, key, GGF_U16, v, err);
}

int ggf_meta_set_u32(struct ggf_meta *m, const char *key, uint32_t v, struct gg_err *err)
{
    return set_scalar(m, key, GGF_U32, v, err);
}

int ggf_meta_set_i32(struct ggf_meta *m, const char *key, int32_t v, struct gg_err *err)
{
    return set_scalar(m, key, GGF_I32, (uint32_t)v, err);
}

int ggf_meta_set_f32(struct ggf_meta *m, const char *key, float v, struct gg_err *err)
{
    return set_scalar(m, key, GGF_F32, gg_bits_from_f32(v), err);
}

int ggf_meta_set_bool(struct ggf_meta *m, const char *key, bool v, struct gg_err *err)
{
    return set_scalar(m, key, GGF_BOOL, v, err);
}

int ggf_meta_set_str(struct ggf_meta *m, const char *key, struct ggf_str s, struct gg_err *err)
{
    struct ggf_value v = {
        .type = GGF_STR, .count = 1, .data = (const uint8_t *)s.p, .nbytes = s.nbytes};
    return ggf_meta_set(m, ggf_str(key), &v, err);
}

/* ---- from text ---------------------------------------------------------------------------- */

static bool bool_from_text(const char *s, uint64_t *bits)
{
    *bits = gg_text_ieq(s, "true") || gg_text_ieq(s, "1");
    return *bits || gg_text_ieq(s, "false") || gg_text_ieq(s, "0");
}

static bool float_from_text(const char *s, enum ggf_vtype type, uint64_t *bits)
{
    double d;
    if (!gg_text_parse_f64(s, &d))
        return false;
    *bits = gg_bits_from_f64(d);
    if (type == GGF_F64)
        return true;
    bool fits = !(d > (double)FLT_MAX || d < -(double)FLT_MAX) || d - d != 0; /* Inf may be meant */
    *bits = fits ? gg_bits_from_f32((float)d) : 0;
    return fits;
}

static bool integer_from_text(const char *s, enum ggf_vtype type, uint64_t *bits)
{
    bool is_signed = type == GGF_I8 || type == GGF_I16 || type == GGF_I32 || type == GGF_I64;
    unsigned nbits = (unsigned)ggf_vtype_nbytes(type) * 8;
    int64_t i;
    if (!is_signed)
        return gg_text_parse_u64(s, bits) && *bits <= UINT64_MAX >> (64 - nbits);
    int64_t max = INT64_MAX >> (64 - nbits);
    if (!gg_text_parse_i64(s, &i) || i > max || i < -max - 1)
        return false;
    *bits = (uint64_t)i;
    return true;
}

bool ggf_scalar_parse(enum ggf_vtype type, const char *text, uint8_t raw[8])
{
    uint64_t bits = 0;
    bool ok = false;
    if (type == GGF_BOOL)
        ok = bool_from_text(text, &bits);
    else if (type == GGF_F32 || type == GGF_F64)
        ok = float_from_text(text, type, &bits);
    else if (ggf_vtype_nbytes(type) != 0)
        ok = integer_from_text(text, type, &bits);
    gg_store_u64(raw, bits);
    return ok;
}

int ggf_meta_set_text(struct ggf_meta *m, const char *key, enum ggf_vtype type, const char *text,
                      struct gg_err *err)
{
    char shown_key[96], shown[96];
    uint8_t raw[8];
    if (type == GGF_STR)
        return ggf_meta_set_str(m, key, ggf_str(text), err);
    if (ggf_scalar_parse(type, text, raw))
        return set_scalar(m, key, type, gg_load_u64(raw), err);
    const char *name = ggf_vtype_name(type);
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "metadata key '%s': '%s' is not a value of type %s",
                   gg_text_escape_into(shown_key, sizeof shown_key, key, strlen(key)),
                   gg_text_escape_into(shown, sizeof shown, text, strlen(text)),
                   name != NULL ? name : "unknown");
}
