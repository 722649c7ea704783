/* How the elements of a tensor are drawn from a stored one, written as a line:
 *
 *     (H 2 d) *  ->  (H d 2) *
 *
 * Left stand the stored dimensions, slowest first, each an axis or several in parentheses whose product
 * it is; right the same axes in the order they are wanted, those in parentheses made one dimension.
 * An axis is
 *     d       a small letter: its size follows from the dimension, or is given: d=head_dim
 *     H K D N E a size that config.json says (expr.c)
 *     2       that size; on the right 1 may be new
 *     *       all dimensions that remain, as they are (last on both sides)
 * and may be cut: r[0:64], r[64:] or r[1] keep part of it; r[64:]<a b> makes what is kept the axes a and b.
 * Sizes are sums over hyper-parameters.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <ctype.h>

enum { MAX_AXES = 8 };

struct axis {
    char name; /* 0: one of those that * stands for */
    uint64_t n, stride;
    uint64_t from, count; /* what is kept */
    bool used;
    const char *parts; /* axes that what is kept is made of; NULL: none */
};

struct layout {
    struct hf *h;
    const char *text, *p;
    const struct gg_ckpt_tensor *t;
    struct axis v[MAX_AXES];
    unsigned n;
    uint64_t first; /* skipped by axes that became others */
};

/* The left side, with what letters and sums come to. */
static void show_left(const struct layout *l, struct gg_buf *b)
{
    const char *end = strstr(l->text, " ->");
    for (const char *p = l->text; *p != '\0' && p != end; p++) {
        const char letter[2] = {*p, '\0'}, *text = letter, *missing;
        double d;
        if (*p == '=')
            text = p + 1;
        gg_buf_addc(b, *p);
        if ((*p != '=' && !isupper((unsigned char)*p)) || !gg_hf_eval(l->h, &text, &d, &missing))
            continue;
        if (*p == '=') {
            text -= text[-1] == ' ';
            gg_buf_add(b, p + 1, (size_t)(text - p - 1));
            p = text - 1;
        }
        gg_buf_addf(b, "=%g", d);
    }
}

static int fail_fit(const struct layout *l, struct gg_err *err)
{
    struct gg_buf shape = GG_BUF_INIT, left = GG_BUF_INIT;
    char name[160];
    for (unsigned d = 0; d < l->t->n_dims; d++)
        gg_buf_addf(&shape, "%s%llu", d > 0 ? "x" : "", (unsigned long long)l->t->shape[d]);
    show_left(l, &left);
    int rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                     "tensor '%s' of shape %s does not divide as config.json says: %s (H query heads, "
                     "K key heads, E experts)",
                     gg_text_escape_into(name, sizeof name, l->t->name, l->t->name_nbytes),
                     gg_buf_str(&shape), gg_buf_str(&left));
    gg_buf_free(&shape);
    gg_buf_free(&left);
    return rc;
}

static int fail_table(const struct layout *l, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a table has a layout that makes no sense: %s", l->text);
}

/* A count from here on; *p ends behind it. */
static int size_at(struct layout *l, const char **p, uint64_t *out, struct gg_err *err)
{
    const char *missing, *from = *p;
    double d;
    if (!gg_hf_eval(l->h, p, &d, &missing))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no %.*s, which '%.*s' needs",
                       (int)strcspn(missing, " )[]:=+-*/"), missing, (int)l->t->name_nbytes, l->t->name);
    if (*p == from)
        return fail_table(l, err);
    if (!(d >= 0 && d <= 0x1p53) || d != (double)(uint64_t)d)
        return fail_fit(l, err);
    *out = (uint64_t)d;
    return GG_OK;
}

/* [from:to], [from:] (count 0: to the end), [i] */
static int read_cut(struct layout *l, struct axis *a, struct gg_err *err)
{
    uint64_t to;
    if (*l->p != '[')
        return GG_OK;
    l->p++;
    int rc = size_at(l, &l->p, &a->from, err);
    if (rc != GG_OK)
        return rc;
    a->count = *l->p == ']';
    if (*l->p == ':' && *++l->p != ']') {
        rc = size_at(l, &l->p, &to, err);
        if (rc == GG_OK && to <= a->from)
            rc = fail_fit(l, err);
        a->count = to - a->from;
    }
    if (rc == GG_OK && *l->p++ != ']')
        rc = fail_table(l, err);
    if (rc == GG_OK && *l->p == '<') {
        a->parts = l->p + 1;
        l->p = strchr(l->p, '>') + 1;
    }
    return rc;
}

/* One axis: *known says whether its size is. Its cut is resolved once it is (count 0: to the end). */
static int read_axis(struct layout *l, bool *known, struct gg_err *err)
{
    if (l->n == MAX_AXES || !isalnum((unsigned char)*l->p))
        return fail_table(l, err);
    struct axis *a = &l->v[l->n++];
    const char letter[2] = {*l->p, '\0'}, *p = letter;
    *a = (struct axis){.name = *l->p++};
    int rc = GG_OK;
    *known = !islower((unsigned char)a->name);
    if (*l->p == '=') {
        l->p++;
        *known = true;
        rc = size_at(l, &l->p, &a->n, err);
    } else if (*known) {
        rc = size_at(l, &p, &a->n, err);
    }
    return rc == GG_OK ? read_cut(l, a, err) : rc;
}

/* Axes that have `have` elements together, up to `end`; innermost elements are `inner` apart. */
static int read_axes(struct layout *l, char end, uint64_t have, uint64_t inner, struct gg_err *err)
{
    bool group = end != '\0', known = false;
    unsigned first = l->n, unknown = MAX_AXES;
    uint64_t product = 1;
    int rc = GG_OK;
    do {
        rc = read_axis(l, &known, err);
        if (rc == GG_OK && !known && unknown < MAX_AXES)
            rc = fail_table(l, err);
        if (rc == GG_OK && !known)
            unknown = l->n - 1;
        if (rc == GG_OK && known && !gg_mul_u64(product, l->v[l->n - 1].n, &product))
            rc = fail_fit(l, err);
        while (*l->p == ' ' && group)
            l->p++;
    } while (rc == GG_OK && group && *l->p != end);
    l->p += rc == GG_OK && group;
    if (rc != GG_OK)
        return rc;
    if (product == 0 || have % product != 0 || (unknown == MAX_AXES && have != product))
        return fail_fit(l, err);
    if (unknown < MAX_AXES)
        l->v[unknown].n = have / product;
    for (unsigned i = l->n; i-- > first; inner *= l->v[i].n) {
        struct axis *a = &l->v[i];
        a->stride = inner;
        if (a->count == 0 && a->from < a->n)
            a->count = a->n - a->from;
        if (a->from > a->n || a->count > a->n - a->from || (a->count == 0 && a->n > 0))
            return fail_fit(l, err);
    }
    return GG_OK;
}

/* The stored dimension d: one axis or a group of them, one of which may be cut and split further. */
static int read_dim(struct layout *l, unsigned d, uint64_t inner, struct gg_err *err)
{
    unsigned first = l->n;
    bool group = *l->p == '(';
    l->p += group;
    int rc = read_axes(l, group ? ')' : '\0', l->t->shape[d], inner, err);
    for (unsigned i = first; rc == GG_OK && i < l->n; i++) {
        struct axis a = l->v[i];
        const char *after = l->p;
        if (a.parts == NULL)
            continue;
        memmove(&l->v[i], &l->v[i + 1], (--l->n - i) * sizeof l->v[0]);
        l->first += a.from * a.stride;
        l->p = a.parts;
        rc = read_axes(l, '>', a.count, a.stride, err);
        l->p = after;
        break;
    }
    return rc;
}

static void skip_blanks(struct layout *l)
{
    while (*l->p == ' ')
        l->p++;
}

static int read_left(struct layout *l, struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = l->t;
    uint64_t inner[GG_CKPT_MAX_DIMS + 1];
    unsigned d = 0;
    inner[t->n_dims] = 1;
    for (unsigned i = t->n_dims; i-- > 0;)
        inner[i] = inner[i + 1] * t->shape[i]; /* no overflow: divides t->nelems, or that is 0 */
    for (skip_blanks(l); *l->p != '-' && *l->p != '*' && *l->p != '\0'; skip_blanks(l), d++) {
        int rc = d < t->n_dims ? read_dim(l, d, inner[d + 1], err) : fail_fit(l, err);
        if (rc != GG_OK)
            return rc;
    }
    bool rest = *l->p == '*';
    l->p += rest;
    for (; rest && d < t->n_dims && l->n < MAX_AXES; d++)
        l->v[l->n++] = (struct axis){
            .n = t->shape[d], .stride = inner[d + 1], .count = t->shape[d]};
    skip_blanks(l);
    if (strncmp(l->p, "->", 2) != 0)
        return fail_table(l, err);
    l->p += 2;
    return d == t->n_dims ? GG_OK : fail_fit(l, err);
}

/* Appends the axis to the view and to the current dimension of the result. */
static void take_axis(struct axis *a, struct hf_view *w, uint64_t *dim)
{
    a->used = true;
    *dim *= a->count;
    w->first += a->from * a->stride;
    if (a->count == 1)
        return;
    unsigned k = w->n_dims;
    if (k > 0 && w->stride[k - 1] == a->stride * a->count) {
        w->n[k - 1] *= a->count; /* follows on the one before: one axis */
        w->stride[k - 1] = a->stride;
        return;
    }
    w->n[k] = a->count;
    w->stride[k] = a->stride;
    w->n_dims = k + 1;
}

static int read_right(struct layout *l, struct hf_vt *v, struct hf_view *w, struct gg_err *err)
{
    uint64_t dims[MAX_AXES];
    unsigned n = 0;
    for (skip_blanks(l); *l->p != '\0' && *l->p != '*' && n < MAX_AXES; skip_blanks(l), n++) {
        bool group = *l->p == '(';
        dims[n] = 1;
        l->p += group;
        do {
            unsigned i = 0;
            while (i < l->n && (l->v[i].used || l->v[i].name != *l->p))
                i++;
            if (i == l->n && *l->p != '1')
                return fail_table(l, err);
            if (i < l->n)
                take_axis(&l->v[i], w, &dims[n]);
            for (l->p++; *l->p == ' ' && group; l->p++) {
            }
        } while (group && *l->p != ')');
        l->p += group;
    }
    for (unsigned i = 0; i < l->n; i++) {
        struct axis *a = &l->v[i];
        if (a->used)
            continue;
        if (a->name != 0 && a->count > 1)
            return fail_table(l, err);
        uint64_t *dim = &dims[n < MAX_AXES ? n : 0];
        n += a->name == 0; /* what has a name is of one element and needs no dimension */
        *dim = 1;
        take_axis(a, w, dim);
    }
    if (n < 1 || n > GGF_MAX_DIMS)
        return fail_fit(l, err);
    w->first += l->first;
    if (w->n_dims == 0) {
        w->n[0] = w->stride[0] = 1;
        w->n_dims = 1;
    }
    v->n_dims = n;
    for (unsigned d = 0; d < GGF_MAX_DIMS; d++)
        v->ne[d] = d < n ? dims[n - 1 - d] : 1;
    return GG_OK;
}

int gg_hf_layout(struct hf *h, const char *text, const struct gg_ckpt_tensor *t, struct hf_vt *v,
                 struct hf_view *w, struct gg_err *err)
{
    struct layout l = {.h = h, .text = text, .p = text, .t = t};
    *w = (struct hf_view){0};
    int rc = read_left(&l, err);
    return rc == GG_OK ? read_right(&l, v, w, err) : rc;
}
