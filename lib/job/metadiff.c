#include "lib/job/metadiff.h"

#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/job/value.h"

#include <stdlib.h>
#include <string.h>

/* Texts beyond this, or of several lines, are compared line by line. */
enum { LONG_TEXT = 120, CONTEXT = 2 };

/* Each of these is held against each. */
enum { MOST_PAIRED = 2000 };

const char *gg_meta_change_name(enum gg_meta_change c)
{
    static const char *const names[GG_META_CHANGES] = {"added", "removed", "value", "type",
                                                       "text",  "array",   "order", "renumbered"};
    return names[c];
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Equal as numbers or texts, whatever their types. */
static bool equal_scalars(const struct ggf_value *x, const struct ggf_value *y)
{
    struct ggf_str s, t;
    uint64_t u, v;
    int64_t i, j;
    double d, e;
    bool p, q;
    if (ggf_as_str(x, &s) && ggf_as_str(y, &t))
        return s.nbytes == t.nbytes && memcmp(s.p, t.p, s.nbytes) == 0;
    if (x->type == GGF_BOOL || y->type == GGF_BOOL)
        return ggf_as_bool(x, &p) && ggf_as_bool(y, &q) && p == q;
    if (ggf_as_u64(x, &u) && ggf_as_u64(y, &v))
        return u == v;
    if (ggf_as_i64(x, &i) && ggf_as_i64(y, &j))
        return i == j;
    if (ggf_as_f64(x, &d) && ggf_as_f64(y, &e))
        return d == e || (d != d && e != e);
    return false;
}

static bool equal_values(const struct ggf_value *x, const struct ggf_value *y);

/* Counts places with different elements, as far as both arrays go. */
static void compare_elements(struct gg_meta_entry *e, const struct ggf_value *x,
                             const struct ggf_value *y)
{
    struct ggf_iter it = ggf_iter_begin(x), it2 = ggf_iter_begin(y);
    struct ggf_value v, v2;
    for (uint64_t i = 0; ggf_iter_next(&it, &v) && ggf_iter_next(&it2, &v2); i++) {
        if (equal_values(&v, &v2))
            continue;
        if (e->n_differ < GG_META_FIRST)
            e->first[e->n_differ] = i;
        e->n_differ++;
    }
}

/* Recursion is bounded: the reader refuses arrays nested deeper than 8. */
static bool equal_values(const struct ggf_value *x, const struct ggf_value *y)
{
    struct gg_meta_entry e = {0};
    if (x->type != GGF_ARR || y->type != GGF_ARR)
        return equal_scalars(x, y);
    if (x->count != y->count)
        return false;
    if (x->elem == y->elem && x->nbytes == y->nbytes && x->big_endian == y->big_endian &&
        x->len32 == y->len32 && x->elem != GGF_ARR && memcmp(x->data, y->data, x->nbytes) == 0)
        return true;
    compare_elements(&e, x, y);
    return e.n_differ == 0;
}

/* Bytes that stand for an element: the text, or the number as stored. */
static struct ggf_str element_key(const struct ggf_value *v)
{
    struct ggf_str s;
    return ggf_as_str(v, &s) ? s : (struct ggf_str){(const char *)v->data, v->nbytes};
}

/* Do both arrays, of one count, hold the same elements in any order? Counts those of x up and those
 * of y down. */
static bool same_elements(const struct ggf_value *x, const struct ggf_value *y, bool *same)
{
    struct gg_map map = GG_MAP_INIT;
    struct ggf_iter it = ggf_iter_begin(x);
    struct ggf_value v;
    uint64_t n = 0, at;
    uint64_t *left = calloc(x->count + 1, sizeof *left);
    bool ok = left != NULL && gg_map_reserve(&map, x->count);
    while (ok && ggf_iter_next(&it, &v)) {
        struct ggf_str k = element_key(&v);
        int added = gg_map_add(&map, k.p, k.nbytes, n, &at);
        ok = added >= 0;
        n += added > 0;
        if (ok)
            left[added > 0 ? n - 1 : at]++;
    }
    *same = ok;
    it = ggf_iter_begin(y);
    while (ok && *same && ggf_iter_next(&it, &v)) {
        struct ggf_str k = element_key(&v);
        *same = gg_map_get(&map, k.p, k.nbytes, &at) && left[at]-- > 0;
    }
    gg_map_free(&map);
    free(left);
    return ok;
}

/* ---- entries --------------------------------------------------------------------------------- */

static bool is_long_text(const struct ggf_value *v)
{
    struct ggf_str s;
    return ggf_as_str(v, &s) && (s.nbytes > LONG_TEXT || memchr(s.p, '\n', s.nbytes) != NULL);
}

static int compare_text(struct gg_meta_entry *e, struct gg_err *err)
{
    struct ggf_str s, t;
    e->change = GG_META_VALUE;
    if (!ggf_as_str(&e->a->value, &s) || !ggf_as_str(&e->b->value, &t))
        return GG_OK;
    e->change = GG_META_TEXT;
    return gg_line_diff(&e->lines, NULL, s.p, s.nbytes, t.p, t.nbytes, CONTEXT, err);
}

static int compare_arrays(struct gg_meta_entry *e, struct gg_err *err)
{
    const struct ggf_value *x = &e->a->value, *y = &e->b->value;
    bool same = false;
    e->change = GG_META_ARRAY;
    compare_elements(e, x, y);
    if (x->count == y->count && x->elem == y->elem && x->elem != GGF_ARR &&
        x->big_endian == y->big_endian && !same_elements(x, y, &same))
        return gg_fail_nomem(err, "metadata");
    e->change = same ? GG_META_ORDER : GG_META_ARRAY;
    return GG_OK;
}

/* Both have the key. *differs: how is in *e. */
static int compare_kv(struct gg_meta_entry *e, bool *differs, struct gg_err *err)
{
    const struct ggf_value *x = &e->a->value, *y = &e->b->value;
    bool arrays = x->type == GGF_ARR && y->type == GGF_ARR;
    *differs = true;
    if (equal_values(x, y)) {
        e->change = GG_META_TYPE;
        *differs = x->type != y->type || (arrays && x->elem != y->elem);
        return GG_OK;
    }
    if (arrays)
        return compare_arrays(e, err);
    if (is_long_text(x) || is_long_text(y))
        return compare_text(e, err);
    e->change = GG_META_VALUE;
    return GG_OK;
}

static bool about_files(const struct ggf_kv *kv)
{
    return ggf_str_eq(kv->key, "split.no") || ggf_str_eq(kv->key, "split.count") ||
           ggf_str_eq(kv->key, "split.tensors.count");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Are keys the same but for their numbers? */
static bool differ_by_number(struct ggf_str x, struct ggf_str y)
{
    uint64_t i = 0, j = 0;
    while (i < x.nbytes && j < y.nbytes) {
        if (is_digit(x.p[i]) && is_digit(y.p[j])) {
            while (i < x.nbytes && is_digit(x.p[i]))
                i++;
            while (j < y.nbytes && is_digit(y.p[j]))
                j++;
        } else if (x.p[i++] != y.p[j++]) {
            return false;
        }
    }
    return i == x.nbytes && j == y.nbytes;
}

/* What went and what came with another number and the same value has been renumbered. */
static void pair_renumbered(struct gg_meta_diff *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct gg_meta_entry *gone = &d->v[i];
        for (size_t k = 0; k < d->n && gone->change == GG_META_REMOVED; k++) {
            struct gg_meta_entry *come = &d->v[k];
            if (come->change != GG_META_ADDED || come->b == NULL ||
                !differ_by_number(gone->a->key, come->b->key) ||
                !equal_values(&gone->a->value, &come->b->value))
                continue;
            gone->change = GG_META_RENUMBER;
            gone->b = come->b;
            come->b = NULL;
        }
    }
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (d->v[i].a != NULL || d->v[i].b != NULL)
            d->v[n++] = d->v[i];
    }
    d->n = n;
}

/* A key of the first. */
static int take_key(struct gg_meta_diff *d, const struct ggf_kv *kv, const struct ggf_kv *other,
                    struct gg_err *err)
{
    struct gg_meta_entry e = {.change = GG_META_REMOVED, .a = kv, .b = other};
    bool differs = true;
    int rc = other != NULL ? compare_kv(&e, &differs, err) : GG_OK;
    if (differs)
        d->v[d->n++] = e;
    d->n_same += !differs;
    return rc;
}

static int take_all(struct gg_meta_diff *d, const struct ggf_meta *a, const struct ggf_meta *b,
                    const struct gg_map *places, struct gg_err *err)
{
    uint64_t place, last = 0;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < ggf_meta_count(a); i++) {
        const struct ggf_kv *kv = ggf_meta_at(a, i), *other = NULL;
        if (about_files(kv))
            continue;
        if (gg_map_get(places, kv->key.p, kv->key.nbytes, &place)) {
            other = ggf_meta_at(b, place);
            d->reordered |= place < last;
            last = place;
        }
        rc = take_key(d, kv, other, err);
    }
    for (size_t i = 0; i < ggf_meta_count(b); i++) {
        const struct ggf_kv *kv = ggf_meta_at(b, i);
        if (!about_files(kv) && ggf_meta_find_n(a, kv->key.p, kv->key.nbytes) == NULL)
            d->v[d->n++] = (struct gg_meta_entry){.change = GG_META_ADDED, .b = kv};
    }
    return rc;
}

static int compare_all(struct gg_meta_diff *d, const struct ggf_meta *a, const struct ggf_meta *b,
                       struct gg_err *err)
{
    struct gg_map places = GG_MAP_INIT;
    bool ok = gg_map_reserve(&places, ggf_meta_count(b));
    for (size_t i = 0; ok && i < ggf_meta_count(b); i++) {
        const struct ggf_kv *kv = ggf_meta_at(b, i);
        ok = gg_map_add(&places, kv->key.p, kv->key.nbytes, i, NULL) >= 0;
    }
    int rc = ok ? take_all(d, a, b, &places, err) : gg_fail_nomem(err, "metadata");
    gg_map_free(&places);
    if (d->n <= MOST_PAIRED)
        pair_renumbered(d);
    for (size_t i = 0; i < d->n; i++)
        d->n_by_change[d->v[i].change]++;
    return rc;
}

int gg_meta_compare(struct gg_meta_diff *out, const struct ggf_meta *a, const struct ggf_meta *b,
                    struct gg_err *err)
{
    *out = (struct gg_meta_diff){0};
    out->v = gg_arena_zalloc(&out->mem, ggf_meta_count(a) + ggf_meta_count(b) + 1, sizeof *out->v);
    return out->v != NULL ? compare_all(out, a, b, err) : gg_fail_nomem(err, "metadata");
}

void gg_meta_diff_free(struct gg_meta_diff *d)
{
    gg_arena_free(&d->mem);
    *d = (struct gg_meta_diff){0};
}

/* ---- words ----------------------------------------------------------------------------------- */

static void put_key(struct gg_buf *out, const struct ggf_kv *kv)
{
    gg_text_escape(out, kv->key.p, kv->key.nbytes, 0);
}

static void put_element(struct gg_buf *out, const struct ggf_value *array, uint64_t i)
{
    struct ggf_iter it = ggf_iter_begin(array);
    struct ggf_value v = {0};
    struct ggf_str s;
    bool any = true;
    for (uint64_t k = 0; any && k <= i; k++)
        any = ggf_iter_next(&it, &v);
    if (!any)
        return;
    if (ggf_as_str(&v, &s)) {
        gg_buf_addc(out, '"');
        gg_text_escape(out, s.p, s.nbytes, 40);
        gg_buf_addc(out, '"');
    } else {
        gg_value_text(out, &v, false);
    }
}

static void put_array(struct gg_buf *out, const struct gg_meta_entry *e)
{
    const struct ggf_value *x = &e->a->value, *y = &e->b->value;
    gg_value_type(out, x);
    if (x->count != y->count || x->elem != y->elem) {
        gg_buf_adds(out, " -> ");
        gg_value_type(out, y);
    }
    if (e->change == GG_META_ORDER) {
        gg_buf_addf(out, ": the same elements, %llu at other places", (unsigned long long)e->n_differ);
    } else if (e->n_differ > 0) {
        gg_buf_addf(out, ": %llu differ", (unsigned long long)e->n_differ);
    } else {
        uint64_t n = x->count < y->count ? x->count : y->count;
        gg_buf_addf(out, ": the first %llu are the same", (unsigned long long)n);
        return;
    }
    uint64_t shown = e->n_differ < GG_META_FIRST ? e->n_differ : GG_META_FIRST;
    for (uint64_t i = 0; i < shown; i++) {
        gg_buf_addf(out, "%s%llu: ", i == 0 ? "; " : ", ", (unsigned long long)e->first[i]);
        put_element(out, x, e->first[i]);
        gg_buf_adds(out, " -> ");
        put_element(out, y, e->first[i]);
    }
    gg_buf_adds(out, shown < e->n_differ ? "..." : "");
}

static void put_values(struct gg_buf *out, const struct gg_meta_entry *e)
{
    bool types = e->a->value.type != e->b->value.type;
    if (types) {
        gg_value_type(out, &e->a->value);
        gg_buf_addc(out, ' ');
    }
    gg_value_text(out, &e->a->value, false);
    gg_buf_adds(out, " -> ");
    if (types) {
        gg_value_type(out, &e->b->value);
        gg_buf_addc(out, ' ');
    }
    gg_value_text(out, &e->b->value, false);
}

void gg_meta_entry_text(struct gg_buf *out, const struct gg_meta_entry *e)
{
    put_key(out, e->a != NULL ? e->a : e->b);
    if (e->change == GG_META_RENUMBER) {
        gg_buf_adds(out, " -> ");
        put_key(out, e->b);
        return;
    }
    gg_buf_adds(out, "  ");
    if (e->change == GG_META_ADDED)
        gg_value_text(out, &e->b->value, false);
    else if (e->change == GG_META_REMOVED)
        gg_value_text(out, &e->a->value, false);
    else if (e->change == GG_META_TEXT)
        gg_buf_addf(out, "text: %zu line%s removed, %zu added", e->lines.n_removed,
                    e->lines.n_removed == 1 ? "" : "s", e->lines.n_added);
    else if (e->a->value.type == GGF_ARR && e->b->value.type == GGF_ARR && e->change != GG_META_TYPE)
        put_array(out, e);
    else
        put_values(out, e);
}

int gg_meta_entry_lines(struct gg_buf *out, const struct gg_meta_entry *e, size_t context,
                        struct gg_err *err)
{
    struct gg_line_diff unused;
    struct ggf_str s, t;
    if (!ggf_as_str(&e->a->value, &s) || !ggf_as_str(&e->b->value, &t))
        return GG_OK;
    return gg_line_diff(&unused, out, s.p, s.nbytes, t.p, t.nbytes, context, err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_side(struct gg_json *j, const char *name, const struct ggf_kv *kv)
{
    if (kv == NULL) {
        gg_json_null(j, name);
        return;
    }
    gg_json_key_n(j, name, strlen(name));
    gg_value_json(j, &kv->value, false);
}

int gg_meta_diff_json(struct gg_json *j, const char *key, const struct gg_meta_diff *d,
                      struct gg_err *err)
{
    int rc = GG_OK;
    gg_json_array(j, key);
    for (size_t i = 0; rc == GG_OK && i < d->n; i++) {
        const struct gg_meta_entry *e = &d->v[i];
        const struct ggf_str k = e->a != NULL ? e->a->key : e->b->key;
        gg_json_object(j, NULL);
        gg_json_text(j, "key", k.p, k.nbytes);
        gg_json_str(j, "change", gg_meta_change_name(e->change));
        if (e->change == GG_META_RENUMBER)
            gg_json_text(j, "to", e->b->key.p, e->b->key.nbytes);
        json_side(j, "a", e->a);
        json_side(j, "b", e->b);
        if (e->change == GG_META_ARRAY || e->change == GG_META_ORDER) {
            gg_json_u64(j, "differ", e->n_differ);
            gg_json_array_inline(j, "first");
            for (uint64_t n = 0; n < e->n_differ && n < GG_META_FIRST; n++)
                gg_json_u64(j, NULL, e->first[n]);
            gg_json_close(j);
        }
        if (e->change == GG_META_TEXT) {
            struct gg_buf lines = GG_BUF_INIT;
            gg_json_u64(j, "lines_removed", e->lines.n_removed);
            gg_json_u64(j, "lines_added", e->lines.n_added);
            rc = gg_meta_entry_lines(&lines, e, CONTEXT, err);
            gg_json_text(j, "diff", gg_buf_str(&lines), lines.nbytes);
            gg_buf_free(&lines);
        }
        gg_json_close(j);
    }
    gg_json_close(j);
    return rc;
}
