/* Reading a header: one pass of a cursor that notes offsets, then one step that turns them into
 * pointers and finds duplicates. No array is sized by a count from the file: records are added as
 * they turn up. */
#include "gguf/gguf_limits.h"
#include "gguf/gguf_meta.h"
#include "gguf/gguf_parse.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>

/* ---- records ------------------------------------------------------------------------------ */

/* Room for one more element in a vector that grows by doubling. */
static bool grow(void *vec, size_t n, size_t *cap, size_t elem_nbytes)
{
    void *old;
    if (n < *cap)
        return true;
    size_t bigger = *cap ? *cap * 2 : 32;
    memcpy(&old, vec, sizeof old);
    void *v = bigger <= SIZE_MAX / 2 / elem_nbytes ? realloc(old, bigger * elem_nbytes) : NULL;
    if (v == NULL)
        return false;
    memcpy(vec, &v, sizeof v);
    *cap = bigger;
    return true;
}

static int check_alignment(struct ggf_parse *p, const struct ggf_kv_record *kv)
{
    p->field = "value";
    if (kv->type != GGF_U32)
        return ggf_parse_fail(p, GG_ERR_CORRUPT, kv->off, "is of type %s where u32 is wanted",
                              ggf_vtype_name(kv->type));
    uint32_t v = ggf_load_u32(p->c.buf + kv->data.off, p->c.big_endian);
    if (!gg_is_pow2(v))
        return ggf_parse_fail(p, GG_ERR_CORRUPT, kv->data.off, "%u is not a power of two",
                              (unsigned)v);
    if (v > GGF_MAX_ALIGNMENT)
        return ggf_parse_fail(p, GG_ERR_LIMIT, kv->data.off, "%u is over the limit of %u",
                              (unsigned)v, (unsigned)GGF_MAX_ALIGNMENT);
    p->f->alignment = v;
    return GG_OK;
}

static int get_kv(struct ggf_parse *p, struct ggf_kv_record *kv)
{
    static const char alignment[] = "general.alignment";
    uint32_t type = 0;
    kv->off = p->c.pos;
    p->name.nbytes = 0;
    ggf_parse_floor(p, ggf_least_kv(p));
    int rc = ggf_parse_str(p, "key", &kv->key);
    if (rc != GG_OK)
        return rc;
    if (kv->key.nbytes == 0)
        return ggf_parse_fail(p, GG_ERR_CORRUPT, kv->off, "is empty");
    p->name = kv->key;
    if ((rc = ggf_parse_u32(p, "value type", &type)) != GG_OK ||
        (rc = ggf_parse_check_vtype(p, type)) != GG_OK)
        return rc;
    kv->type = (enum ggf_vtype)type;
    if ((rc = ggf_parse_value(p, kv)) != GG_OK)
        return rc;
    if (kv->key.nbytes == sizeof alignment - 1 &&
        memcmp(p->c.buf + kv->key.off, alignment, sizeof alignment - 1) == 0)
        return check_alignment(p, kv);
    return GG_OK;
}

static int get_dims(struct ggf_parse *p, struct ggf_tensor *t)
{
    int rc = ggf_parse_u32(p, "dimension count", &t->n_dims);
    if (rc != GG_OK)
        return rc;
    if (t->n_dims > GGF_MAX_DIMS)
        return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off, "%u; there are at most %d",
                              (unsigned)t->n_dims, GGF_MAX_DIMS);
    for (uint32_t i = 0; i < GGF_MAX_DIMS; i++) {
        t->ne[i] = 1;
        if (i >= t->n_dims)
            continue;
        if ((rc = ggf_parse_len(p, "dimensions", &t->ne[i])) != GG_OK)
            return rc;
        if (t->ne[i] > INT64_MAX)
            return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off, "dimension %u is negative",
                                  (unsigned)i);
    }
    if (!qt_nelems(t->ne, &t->nelems))
        return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off,
                              "their product is more elements than a tensor can have");
    return GG_OK;
}

static int get_type(struct ggf_parse *p, struct ggf_tensor *t)
{
    int rc = ggf_parse_u32(p, "type", &t->type);
    if (rc != GG_OK)
        return rc;
    if (t->type > INT32_MAX)
        return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off, "%d is negative",
                              (int)(int32_t)t->type);
    const struct qt_info *q = qt_info(t->type);
    t->known = q != NULL;
    t->nbytes = 0;
    if (qt_tensor_nbytes(t->type, t->ne, &t->nbytes) || q == NULL)
        return GG_OK; /* of a dialect: measured, when its rows are as they should be */
    if (t->ne[0] % q->block_nelems != 0)
        return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off,
                              "rows of %llu elements do not fill blocks of %u, as %s has",
                              (unsigned long long)t->ne[0], (unsigned)q->block_nelems, q->name);
    return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off,
                          "%llu elements of %s are more than 2^63 bytes",
                          (unsigned long long)t->nelems, q->name);
}

static int get_tensor(struct ggf_parse *p, struct ggf_tensor_record *r)
{
    struct ggf_tensor *t = &r->t;
    int rc;
    r->off = p->c.pos;
    p->name.nbytes = 0;
    ggf_parse_floor(p, ggf_least_tensor(p));
    if ((rc = ggf_parse_str(p, "name", &r->name)) != GG_OK)
        return rc;
    p->name = r->name;
    if ((rc = get_dims(p, t)) != GG_OK || (rc = get_type(p, t)) != GG_OK ||
        (rc = ggf_parse_u64(p, "offset", &t->off)) != GG_OK)
        return rc;
    if (t->off % p->f->alignment != 0)
        return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off,
                              "%llu is not a multiple of the alignment %u",
                              (unsigned long long)t->off, (unsigned)p->f->alignment);
    /* GGF_MAX_HEADER_NBYTES more is where the data starts at most */
    uint64_t end;
    if (!gg_add_u64(t->off, t->nbytes, &end) || end > INT64_MAX - 2 * GGF_MAX_HEADER_NBYTES)
        return ggf_parse_fail(p, GG_ERR_CORRUPT, p->field_off, "%llu leads beyond any file",
                              (unsigned long long)t->off);
    t->file_off = GG_NOWHERE;
    return GG_OK;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int get_magic(struct ggf_parse *p)
{
    struct ggf_cursor *c = &p->c;
    ggf_parse_at(p, "magic");
    int rc =
        ggf_cursor_need(c, gg_min_u64(c->end, 4), p->err); /* a short input is looked at, too */
    if (rc != GG_OK && rc != GG_ERR_TRUNCATED)
        return ggf_parse_lack(p, rc, 4);
    size_t n = (size_t)gg_min_u64(c->size, 4);
    if (n == 0 || memcmp(c->buf, "GGUF", n) != 0) {
        const char *seems = ggf_sniff(c->buf, (size_t)c->size, c->end);
        return gg_fail(p->err, GG_ERR_NOT_GGUF, 0,
                       "%s: not a GGUF file%s%s: no magic 'GGUF' (byte 0)", p->f->shown,
                       seems ? ", but " : "", seems ? seems : "");
    }
    return n == 4 ? ggf_cursor_skip(c, 4, p->err) : ggf_parse_lack(p, GG_ERR_TRUNCATED, 4);
}

static int get_version(struct ggf_parse *p)
{
    struct ggf_file *f = p->f;
    uint32_t v = 0;
    int rc = ggf_parse_u32(p, "version", &v);
    if (rc != GG_OK)
        return rc;
    /* small numbers have their zeros at the other end when the file is big-endian */
    if ((v & 0xFFFF) == 0 && v != 0) {
        f->big_endian = p->c.big_endian = true;
        v = gg_swap_u32(v);
    }
    f->version = v;
    p->c.len32 = v == 1;
    if (v < 1 || v > 3)
        return ggf_parse_fail(p, GG_ERR_UNSUPPORTED, p->field_off, "%u; versions 1 to 3 are read",
                              (unsigned)v);
    return GG_OK;
}

static int get_count(struct ggf_parse *p, const char *field, uint64_t *n)
{
    int rc = ggf_parse_len(p, field, n);
    if (rc != GG_OK || *n <= GGF_MAX_COUNT)
        return rc;
    return ggf_parse_fail(p, GG_ERR_LIMIT, p->field_off, "%llu is over the limit of %llu",
                          (unsigned long long)*n, (unsigned long long)GGF_MAX_COUNT);
}

static int get_records(struct ggf_parse *p)
{
    const struct ggf_file *f = p->f;
    int rc = GG_OK;
    for (p->part = GGF_IN_KV; rc == GG_OK && p->n_kv < f->n_kv_declared;) {
        if (!grow(&p->kv, p->n_kv, &p->cap_kv, sizeof *p->kv))
            return gg_fail_nomem(p->err, "metadata");
        if ((rc = get_kv(p, &p->kv[p->n_kv])) == GG_OK)
            p->n_kv++;
    }
    if (rc != GG_OK)
        return rc;
    for (p->part = GGF_IN_TENSOR; rc == GG_OK && p->n_tensors < f->n_tensors_declared;) {
        if (!grow(&p->tensor, p->n_tensors, &p->cap_tensors, sizeof *p->tensor))
            return gg_fail_nomem(p->err, "tensors");
        if ((rc = get_tensor(p, &p->tensor[p->n_tensors])) == GG_OK)
            p->n_tensors++;
    }
    return rc;
}

static int parse_header(struct ggf_parse *p)
{
    struct ggf_file *f = p->f;
    int rc;
    if ((rc = get_magic(p)) != GG_OK || (rc = get_version(p)) != GG_OK ||
        (rc = get_count(p, "tensor count", &f->n_tensors_declared)) != GG_OK ||
        (rc = get_count(p, "metadata count", &f->n_kv_declared)) != GG_OK)
        return rc;
    if ((rc = get_records(p)) == GG_OK)
        f->complete = true;
    return rc;
}

/* ---- from offsets to pointers ------------------------------------------------------------- */

static struct ggf_str str_at(const struct ggf_file *f, struct ggf_span s)
{
    return (struct ggf_str){(const char *)f->buf + s.off, s.nbytes};
}

static int make_meta(struct ggf_parse *p)
{
    struct ggf_file *f = p->f;
    int rc = ggf_meta_new(&f->meta, p->err);
    if (rc != GG_OK)
        return rc;
    p->part = GGF_IN_KV;
    for (size_t i = 0; i < p->n_kv; i++) {
        const struct ggf_kv_record *r = &p->kv[i];
        const struct ggf_kv *old = NULL;
        struct ggf_kv kv = {str_at(f, r->key),
                            {r->type, r->elem, r->count, f->buf + r->data.off, r->data.nbytes,
                             f->big_endian, p->c.len32},
                            r->off};
        int added = ggf_meta_add_ref(f->meta, &kv, &old);
        if (added < 0)
            return gg_fail_nomem(p->err, "metadata");
        p->name = r->key;
        p->field = "key";
        if (added == 0)
            return ggf_parse_fail(p, GG_ERR_CORRUPT, r->off, "is there already, at byte %llu",
                                  (unsigned long long)old->off);
    }
    return GG_OK;
}

static int make_tensors(struct ggf_parse *p)
{
    struct ggf_file *f = p->f;
    size_t n = p->n_tensors;
    f->tensors = calloc(n + 1, sizeof *f->tensors);
    f->record_off = calloc(n + 1, sizeof *f->record_off);
    if (f->tensors == NULL || f->record_off == NULL || !gg_map_reserve(&f->by_name, n))
        return gg_fail_nomem(p->err, "tensors");
    p->part = GGF_IN_TENSOR;
    for (; f->n_tensors < n; f->n_tensors++) {
        size_t i = f->n_tensors;
        const struct ggf_tensor_record *r = &p->tensor[i];
        uint64_t old = 0;
        f->tensors[i] = r->t;
        f->tensors[i].name = str_at(f, r->name);
        f->record_off[i] = r->off;
        int added = gg_map_add(&f->by_name, f->tensors[i].name.p, (size_t)r->name.nbytes, i, &old);
        if (added < 0)
            return gg_fail_nomem(p->err, "tensors");
        p->name = r->name;
        p->n_tensors = i;
        p->field = "name";
        if (added == 0)
            return ggf_parse_fail(p, GG_ERR_CORRUPT, r->off, "is there already, at byte %llu",
                                  (unsigned long long)f->record_off[old]);
    }
    return GG_OK;
}

/* Hands the window, cut to the header, to the file and makes its lists. */
static int finish(struct ggf_parse *p, unsigned flags)
{
    struct ggf_file *f = p->f;
    int rc;
    f->header_nbytes = p->c.pos;
    f->nbytes = p->c.end;
    uint8_t *cut = p->c.buf != NULL && p->c.pos != 0 ? realloc(p->c.buf, (size_t)p->c.pos) : NULL;
    f->buf = p->c.buf = cut != NULL ? cut : p->c.buf;
    f->data_off = f->end_off = GG_NOWHERE;
    if ((rc = make_meta(p)) != GG_OK || (rc = make_tensors(p)) != GG_OK)
        return rc;
    ggf_tell_apart(f);
    ggf_check_records(f);
    if (f->complete)
        rc = ggf_check_data(f, !(flags & GGF_HEADER_ONLY), p->err);
    if (rc != GG_ERR_NOMEM && f->findings.failed)
        rc = gg_fail_nomem(p->err, "findings");
    return rc;
}

static int set_name(struct ggf_file *f, const char *name, struct gg_err *err)
{
    struct gg_buf shown = GG_BUF_INIT;
    gg_text_escape(&shown, name, strlen(name), 300);
    f->shown = gg_buf_take(&shown);
    f->name = strdup(name);
    return f->name != NULL && f->shown != NULL ? GG_OK : gg_fail_nomem(err, "a file name");
}

int ggf_file_read(struct ggf_file **out, const struct ggf_reader *r, unsigned flags,
                  struct gg_err *err)
{
    struct ggf_parse p = {.c = {.r = r, .end = r->nbytes}, .err = err};
    *out = NULL;
    struct ggf_file *f = p.f = calloc(1, sizeof *f);
    if (f == NULL)
        return gg_fail_nomem(err, "a file");
    f->alignment = GGF_DEFAULT_ALIGNMENT;
    int rc = set_name(f, r->name != NULL ? r->name : "(unnamed)", err);
    if (rc == GG_OK)
        rc = parse_header(&p);
    if (rc == GG_OK || rc == GG_ERR_TRUNCATED) { /* what is there can be worse than cut short */
        int rc2 = finish(&p, flags);
        rc = rc2 != GG_OK ? rc2 : rc;
    }
    bool partly = rc == GG_ERR_TRUNCATED && (flags & GGF_PARTIAL);
    free(p.kv);
    free(p.tensor);
    f->buf = p.c.buf;
    if (rc == GG_OK || partly)
        *out = f;
    else
        ggf_file_free(f);
    return rc;
}
