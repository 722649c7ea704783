/* Fields and values of a header, and what is said when one is not there. */
#include "gguf/gguf_parse.h"

#include "gguf/gguf_limits.h"
#include "gguf/gguf_value.h"
#include "lib/base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- messages ----------------------------------------------------------------------------- */

/* "metadata key 'general.name'", or "tensor record 7" before its name is known. */
static void place(const struct ggf_parse *p, char *dst, size_t n)
{
    static const char *const known[] = {"header", "metadata key", "tensor"};
    static const char *const counted[] = {"header", "metadata record", "tensor record"};
    char name[128];
    if (p->part == GGF_IN_HEADER)
        snprintf(dst, n, "%s", known[0]);
    else if (p->name.nbytes != 0)
        snprintf(dst, n, "%s '%s'", known[p->part],
                 gg_text_escape_into(name, sizeof name, (const char *)p->c.buf + p->name.off,
                                     (size_t)p->name.nbytes));
    else
        snprintf(dst, n, "%s %zu", counted[p->part],
                 (p->part == GGF_IN_KV ? p->n_kv : p->n_tensors) + 1);
}

int ggf_parse_fail(const struct ggf_parse *p, enum gg_code code, uint64_t off, const char *fmt, ...)
{
    char where[192], what[384];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    place(p, where, sizeof where);
    return gg_fail(p->err, code, off, "%s: %s: %s: %s (byte %llu)", p->f->shown, where, p->field,
                   what, (unsigned long long)off);
}

uint64_t ggf_least_kv(const struct ggf_parse *p)
{
    return ggf_len_nbytes(p->c.len32) + 1 + 4 + 1;
}

uint64_t ggf_least_tensor(const struct ggf_parse *p)
{
    return ggf_len_nbytes(p->c.len32) + 4 + 4 + 8;
}

/* Where the records start, at least: magic, version, two counts. */
static uint64_t counts_end(const struct ggf_parse *p)
{
    return 8 + 2 * ggf_len_nbytes(p->f->version <= 1); /* 0: not read yet */
}

/* Bytes that the records behind the one at hand take at least. Counts are below GGF_MAX_COUNT, so
 * nothing here overflows. */
static uint64_t least_left(const struct ggf_parse *p)
{
    uint64_t kv = p->f->n_kv_declared - p->n_kv, t = p->f->n_tensors_declared - p->n_tensors;
    if (p->part == GGF_IN_KV && kv > 0)
        kv--;
    if (p->part == GGF_IN_TENSOR && t > 0)
        t--;
    return kv * ggf_least_kv(p) + t * ggf_least_tensor(p) + p->inner_left;
}

void ggf_parse_floor(struct ggf_parse *p, uint64_t n)
{
    p->floor = gg_max_u64(p->floor, p->c.pos + n + least_left(p));
}

int ggf_parse_lack(struct ggf_parse *p, int rc, uint64_t n)
{
    struct ggf_file *f = p->f;
    if (rc == GG_ERR_LIMIT)
        return ggf_parse_fail(p, GG_ERR_LIMIT, p->field_off,
                              "%llu bytes; headers over %llu bytes are not read",
                              (unsigned long long)n, (unsigned long long)GGF_MAX_HEADER_NBYTES);
    if (rc != GG_ERR_TRUNCATED) {
        gg_err_prefix(p->err, "%s", f->shown);
        return rc;
    }
    uint64_t want = p->part == GGF_IN_HEADER ? counts_end(p) : p->c.want;
    f->needs_nbytes = gg_max_u64(want + least_left(p), p->floor);
    return ggf_parse_fail(
        p, GG_ERR_TRUNCATED, p->field_off,
        "the file ends at byte %llu; its header needs at least %llu bytes, %llu more",
        (unsigned long long)p->c.end, (unsigned long long)f->needs_nbytes,
        (unsigned long long)(f->needs_nbytes - p->c.end));
}

/* ---- fields ------------------------------------------------------------------------------- */

void ggf_parse_at(struct ggf_parse *p, const char *field)
{
    p->field = field;
    p->field_off = p->c.pos;
}

int ggf_parse_u32(struct ggf_parse *p, const char *field, uint32_t *v)
{
    ggf_parse_at(p, field);
    int rc = ggf_cursor_u32(&p->c, v, p->err);
    return rc == GG_OK ? rc : ggf_parse_lack(p, rc, 4);
}

int ggf_parse_u64(struct ggf_parse *p, const char *field, uint64_t *v)
{
    ggf_parse_at(p, field);
    int rc = ggf_cursor_u64(&p->c, v, p->err);
    return rc == GG_OK ? rc : ggf_parse_lack(p, rc, 8);
}

int ggf_parse_len(struct ggf_parse *p, const char *field, uint64_t *v)
{
    ggf_parse_at(p, field);
    int rc = ggf_cursor_len(&p->c, v, p->err);
    return rc == GG_OK ? rc : ggf_parse_lack(p, rc, ggf_len_nbytes(p->c.len32));
}

int ggf_parse_str(struct ggf_parse *p, const char *field, struct ggf_span *s)
{
    int rc = ggf_parse_len(p, field, &s->nbytes);
    if (rc != GG_OK)
        return rc;
    s->off = p->c.pos;
    rc = ggf_cursor_skip(&p->c, s->nbytes, p->err);
    return rc == GG_OK ? rc : ggf_parse_lack(p, rc, s->nbytes);
}

int ggf_parse_check_vtype(struct ggf_parse *p, uint32_t type)
{
    if (type < GGF_VTYPE_COUNT)
        return GG_OK;
    return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off, "%u is not a value type",
                          (unsigned)type);
}

/* ---- values ------------------------------------------------------------------------------- */

static int walk_strings(struct ggf_parse *p, uint64_t count)
{
    uint64_t outer = p->inner_left, w = ggf_len_nbytes(p->c.len32);
    p->field = "array element";
    for (uint64_t i = 0; i < count; i++) {
        uint64_t n = 0;
        int rc = ggf_cursor_len(&p->c, &n, p->err);
        if (rc != GG_OK)
            n = w;
        else
            rc = ggf_cursor_skip(&p->c, n, p->err);
        if (rc != GG_OK) {
            p->inner_left = outer + (count - i - 1) * w;
            p->field_off = p->c.pos;
            return ggf_parse_lack(p, rc, n);
        }
    }
    return GG_OK;
}

static int get_array(struct ggf_parse *p, int depth, enum ggf_vtype *elem, uint64_t *count,
                     struct ggf_span *data);

static int walk_arrays(struct ggf_parse *p, uint64_t count, int depth)
{
    uint64_t outer = p->inner_left, least = ggf_elem_least_nbytes(GGF_ARR, p->c.len32);
    int rc = GG_OK;
    for (uint64_t i = 0; rc == GG_OK && i < count; i++) {
        enum ggf_vtype elem;
        uint64_t n;
        struct ggf_span data;
        p->inner_left = outer + (count - i - 1) * least;
        ggf_parse_floor(p, least);
        rc = get_array(p, depth, &elem, &n, &data);
    }
    if (rc == GG_OK)
        p->inner_left = outer;
    return rc;
}

/* Skips count elements; their least size is held against what is left before any is looked at. */
static int skip_elements(struct ggf_parse *p, enum ggf_vtype elem, uint64_t count, int depth)
{
    uint64_t least;
    if (!gg_mul_u64(count, ggf_elem_least_nbytes(elem, p->c.len32), &least) || least > INT64_MAX)
        return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off,
                              "%llu elements are more than a file can hold",
                              (unsigned long long)count);
    if (ggf_vtype_nbytes(elem) != 0) {
        int rc = ggf_cursor_skip(&p->c, least, p->err);
        return rc == GG_OK ? rc : ggf_parse_lack(p, rc, least);
    }
    if (least > GGF_MAX_HEADER_NBYTES - p->c.pos)
        return ggf_parse_lack(p, GG_ERR_LIMIT, least);
    if (p->c.end != GG_NOWHERE && least > p->c.end - p->c.pos) {
        p->c.want = p->c.pos + least;
        return ggf_parse_lack(p, GG_ERR_TRUNCATED, least);
    }
    ggf_parse_floor(p, least);
    return elem == GGF_STR ? walk_strings(p, count) : walk_arrays(p, count, depth + 1);
}

static int get_array(struct ggf_parse *p, int depth, enum ggf_vtype *elem, uint64_t *count,
                     struct ggf_span *data)
{
    uint32_t type = 0;
    ggf_parse_at(p, "array element type");
    if (depth > GGF_MAX_DEPTH)
        return ggf_parse_fail(p, GG_ERR_LIMIT, p->field_off, "arrays are nested deeper than %d",
                              GGF_MAX_DEPTH);
    int rc = ggf_parse_u32(p, "array element type", &type);
    if (rc != GG_OK || (rc = ggf_parse_check_vtype(p, type)) != GG_OK ||
        (rc = ggf_parse_len(p, "array length", count)) != GG_OK)
        return rc;
    *elem = (enum ggf_vtype)type;
    data->off = p->c.pos;
    rc = skip_elements(p, *elem, *count, depth);
    data->nbytes = p->c.pos - data->off;
    return rc;
}

int ggf_parse_value(struct ggf_parse *p, struct ggf_kv_record *kv)
{
    kv->elem = GGF_U8;
    kv->count = 1;
    if (kv->type == GGF_ARR)
        return get_array(p, 1, &kv->elem, &kv->count, &kv->data);
    if (kv->type == GGF_STR)
        return ggf_parse_str(p, "value", &kv->data);
    ggf_parse_at(p, "value");
    kv->data = (struct ggf_span){p->c.pos, ggf_vtype_nbytes(kv->type)};
    int rc = ggf_cursor_skip(&p->c, kv->data.nbytes, p->err);
    return rc == GG_OK ? rc : ggf_parse_lack(p, rc, kv->data.nbytes);
}
