/* Writing: the whole header in memory, every offset known, before a byte reaches a file. */
#include "gguf/gguf_bytes.h"
#include "gguf/gguf_limits.h"
#include "gguf/gguf_value.h"
#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>

struct ggf_layout {
    struct gg_buf header;
    bool big_endian;
    uint64_t bare_nbytes; /* of the header, without its padding */
    uint64_t *off, *nbytes; /* of each tensor: from the start of the file; without padding */
    uint64_t file_nbytes;
    uint32_t alignment;
};

static void put_u32(struct ggf_layout *l, uint32_t v)
{
    uint8_t raw[4];
    gg_store_u32(raw, l->big_endian ? gg_swap_u32(v) : v);
    gg_buf_add(&l->header, raw, sizeof raw);
}

static void put_u64(struct ggf_layout *l, uint64_t v)
{
    uint8_t raw[8];
    gg_store_u64(raw, l->big_endian ? gg_swap_u64(v) : v);
    gg_buf_add(&l->header, raw, sizeof raw);
}

static void put_str(struct ggf_layout *l, struct ggf_str s)
{
    put_u64(l, s.nbytes);
    gg_buf_add(&l->header, s.p, (size_t)s.nbytes);
}

/* ---- values ------------------------------------------------------------------------------- */

/* Appends nbytes of numbers of w bytes each, their byte order turned round. */
static void put_swapped(struct gg_buf *b, const uint8_t *p, uint64_t nbytes, size_t w)
{
    for (uint64_t i = 0; i < nbytes; i += w) {
        for (size_t k = w; k > 0; k--)
            gg_buf_addc(b, (char)p[i + k - 1]);
    }
}

/* Appends what stands behind the type of a value: a number, a length and its text, or an element
 * type, a count and the elements. Depth is bounded, as the value has been checked. */
static void put_value(struct ggf_layout *l, const struct ggf_value *v)
{
    size_t w = ggf_vtype_nbytes(v->type == GGF_ARR ? v->elem : v->type);
    bool turned = v->big_endian != l->big_endian;
    if (v->type == GGF_ARR) {
        put_u32(l, v->elem);
        put_u64(l, v->count);
    } else if (v->type == GGF_STR) {
        put_u64(l, v->nbytes);
        w = 1; /* bytes, the same in any order */
    }
    if (w > 1 && turned) {
        put_swapped(&l->header, v->data, v->nbytes, w);
    } else if (w != 0 || (!turned && !v->len32)) { /* as it will lie in the file */
        gg_buf_add(&l->header, v->data, (size_t)v->nbytes);
    } else {
        struct ggf_value e;
        for (struct ggf_iter it = ggf_iter_begin(v); ggf_iter_next(&it, &e);)
            put_value(l, &e);
    }
}

/* ---- checks ------------------------------------------------------------------------------- */

static int find_alignment(struct ggf_layout *l, const struct ggf_meta *meta, struct gg_err *err)
{
    const struct ggf_kv *kv = ggf_meta_find(meta, "general.alignment");
    uint64_t v = GGF_DEFAULT_ALIGNMENT;
    if (kv != NULL && (kv->value.type != GGF_U32 || !ggf_as_u64(&kv->value, &v)))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "metadata key 'general.alignment' is of type %s where u32 is wanted",
                       ggf_vtype_name(kv->value.type));
    if (!gg_is_pow2(v) || v > GGF_MAX_ALIGNMENT)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "alignment %llu is not a power of two up to %u",
                       (unsigned long long)v, (unsigned)GGF_MAX_ALIGNMENT);
    l->alignment = (uint32_t)v;
    return GG_OK;
}

/* Checks a tensor and finds the size of its data. */
static int check_spec(const struct ggf_tensor_spec *t, uint64_t *nbytes, struct gg_err *err)
{
    char tmp[32], name[128];
    bool dims_ok = t->n_dims <= GGF_MAX_DIMS;
    uint64_t nelems;
    for (uint32_t i = t->n_dims; i < GGF_MAX_DIMS; i++)
        dims_ok &= t->ne[i] == 1;
    gg_text_escape_into(name, sizeof name, t->name.p, (size_t)t->name.nbytes);
    if (qt_info(t->type) == NULL && qt_dialect(t->type) == NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "tensor '%s': %s cannot be written",
                       name, qt_name(t->type, tmp));
    if (!dims_ok || !qt_nelems(t->ne, &nelems))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "tensor '%s': its dimensions make no sense",
                       name);
    if (!qt_tensor_nbytes(t->type, t->ne, nbytes))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "tensor '%s': rows of %llu elements do not fit type %s, or are too many",
                       name, (unsigned long long)t->ne[0], qt_name(t->type, tmp));
    return GG_OK;
}

static int check_names(const struct ggf_tensor_spec *t, size_t n, struct gg_err *err)
{
    struct gg_map seen = GG_MAP_INIT;
    char name[128];
    int rc = gg_map_reserve(&seen, n) ? GG_OK : gg_fail_nomem(err, "tensors");
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        int added = gg_map_add(&seen, t[i].name.p, (size_t)t[i].name.nbytes, i, NULL);
        if (added < 0)
            rc = gg_fail_nomem(err, "tensors");
        else if (added == 0)
            rc = gg_fail(
                err, GG_ERR_ARG, GG_NOWHERE, "there are two tensors '%s'",
                gg_text_escape_into(name, sizeof name, t[i].name.p, (size_t)t[i].name.nbytes));
    }
    gg_map_free(&seen);
    return rc;
}

/* ---- layout ------------------------------------------------------------------------------- */

/* Offsets from the start of the data, and in file_nbytes where that data ends. */
static int place(struct ggf_layout *l, const struct ggf_tensor_spec *t, size_t n,
                 struct gg_err *err)
{
    uint64_t next = 0;
    for (size_t i = 0; i < n; i++) {
        int rc = check_spec(&t[i], &l->nbytes[i], err);
        if (rc != GG_OK)
            return rc;
        l->off[i] = next;
        if (!gg_add_u64(next, l->nbytes[i], &next) || !gg_align_u64(next, l->alignment, &next) ||
            next > INT64_MAX - 2 * GGF_MAX_HEADER_NBYTES)
            return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE,
                           "the file would be larger than 2^63 bytes");
    }
    l->file_nbytes = next;
    return GG_OK;
}

static void put_start(struct ggf_layout *l, uint32_t version, const struct ggf_meta *meta,
                      uint64_t n_tensors)
{
    size_t n_kv = ggf_meta_count(meta);
    gg_buf_adds(&l->header, "GGUF");
    put_u32(l, version);
    put_u64(l, n_tensors);
    put_u64(l, n_kv);
    for (size_t i = 0; i < n_kv; i++) {
        const struct ggf_kv *kv = ggf_meta_at(meta, i);
        put_str(l, kv->key);
        put_u32(l, kv->value.type);
        put_value(l, &kv->value);
    }
}

static void put_tensor(struct ggf_layout *l, const struct ggf_tensor_spec *t, uint64_t off)
{
    put_str(l, t->name);
    put_u32(l, t->n_dims);
    for (uint32_t d = 0; d < t->n_dims; d++)
        put_u64(l, t->ne[d]);
    put_u32(l, qt_stored_id(t->type));
    put_u64(l, off);
}

static void put_header(struct ggf_layout *l, const struct ggf_meta *meta,
                       const struct ggf_tensor_spec *t, size_t n)
{
    put_start(l, 3, meta, n);
    for (size_t i = 0; i < n; i++)
        put_tensor(l, &t[i], l->off[i]);
    l->bare_nbytes = l->header.nbytes;
    gg_buf_fill(&l->header, 0, (size_t)(-(uint64_t)l->header.nbytes & (l->alignment - 1)));
}

/* Bounds that the reader has, too: what is written here must be read again. */
static int check_limits(const struct ggf_layout *l, const struct ggf_meta *meta, size_t n,
                        struct gg_err *err)
{
    if (ggf_meta_count(meta) > GGF_MAX_COUNT || n > GGF_MAX_COUNT ||
        l->header.nbytes > GGF_MAX_HEADER_NBYTES)
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "the header would be larger than %llu bytes",
                       (unsigned long long)GGF_MAX_HEADER_NBYTES);
    return GG_OK;
}

int ggf_layout_new(struct ggf_layout **out, const struct ggf_meta *meta,
                   const struct ggf_tensor_spec *tensors, size_t n_tensors, struct gg_err *err)
{
    return ggf_layout_new_as(out, meta, tensors, n_tensors, false, err);
}

int ggf_layout_new_as(struct ggf_layout **out, const struct ggf_meta *meta,
                      const struct ggf_tensor_spec *tensors, size_t n_tensors, bool big_endian,
                      struct gg_err *err)
{
    struct ggf_layout *l = calloc(1, sizeof *l);
    int rc = GG_ERR_NOMEM;
    *out = NULL;
    if (l != NULL) {
        l->big_endian = big_endian;
        l->off = calloc(n_tensors + 1, sizeof *l->off);
        l->nbytes = calloc(n_tensors + 1, sizeof *l->nbytes);
    }
    if (l == NULL || l->off == NULL || l->nbytes == NULL) {
        rc = gg_fail_nomem(err, "a header");
        goto out;
    }
    if ((rc = find_alignment(l, meta, err)) != GG_OK ||
        (rc = check_names(tensors, n_tensors, err)) != GG_OK ||
        (rc = place(l, tensors, n_tensors, err)) != GG_OK)
        goto out;
    put_header(l, meta, tensors, n_tensors);
    if (l->header.failed)
        rc = gg_fail_nomem(err, "a header");
    else
        rc = check_limits(l, meta, n_tensors, err);
    for (size_t i = 0; i < n_tensors; i++)
        l->off[i] += l->header.nbytes;
    l->file_nbytes += l->header.nbytes;
out:
    if (rc == GG_OK)
        *out = l;
    else
        ggf_layout_free(l);
    return rc;
}

void ggf_layout_free(struct ggf_layout *l)
{
    if (l == NULL)
        return;
    gg_buf_free(&l->header);
    free(l->off);
    free(l->nbytes);
    free(l);
}

const void *ggf_layout_header(const struct ggf_layout *l, size_t *nbytes)
{
    *nbytes = l->header.nbytes;
    return l->header.data;
}

uint64_t ggf_layout_bare_nbytes(const struct ggf_layout *l)
{
    return l->bare_nbytes;
}

uint64_t ggf_layout_tensor_off(const struct ggf_layout *l, size_t i)
{
    return l->off[i];
}

uint64_t ggf_layout_tensor_nbytes(const struct ggf_layout *l, size_t i)
{
    return l->nbytes[i];
}

uint64_t ggf_layout_file_nbytes(const struct ggf_layout *l)
{
    return l->file_nbytes;
}

uint32_t ggf_layout_alignment(const struct ggf_layout *l)
{
    return l->alignment;
}

/* ---- a header that is there --------------------------------------------------------------- */

/* The tensors of f as they are written again; names NULL: their own. */
static struct ggf_tensor_spec *specs_of(const struct ggf_file *f, const struct ggf_str *names)
{
    size_t n = ggf_file_n_tensors(f);
    struct ggf_tensor_spec *v = calloc(n + 1, sizeof *v);
    for (size_t i = 0; v != NULL && i < n; i++) {
        const struct ggf_tensor *t = ggf_file_tensor(f, i);
        v[i] = (struct ggf_tensor_spec){.name = names != NULL ? names[i] : t->name,
                                        .type = t->type, .n_dims = t->n_dims};
        memcpy(v[i].ne, t->ne, sizeof v[i].ne);
    }
    return v;
}

static int check_rewrite(const struct ggf_file *f, const struct ggf_meta *meta, struct gg_err *err)
{
    struct ggf_layout l = {.alignment = 0};
    int rc = find_alignment(&l, meta, err);
    if (rc == GG_OK && (!ggf_file_complete(f) || l.alignment != ggf_file_alignment(f)))
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                     "alignment %u is not that of the data, %u, or the header is cut short",
                     (unsigned)l.alignment, (unsigned)ggf_file_alignment(f));
    return rc;
}

int ggf_file_rewrite(const struct ggf_file *f, const struct ggf_meta *meta,
                     const struct ggf_str *names, void **out, size_t *nbytes, struct gg_err *err)
{
    struct ggf_layout l = {.big_endian = ggf_file_big_endian(f)};
    uint32_t version = ggf_file_version(f);
    size_t n = ggf_file_n_tensors(f);
    int rc = check_rewrite(f, meta, err);
    if (rc != GG_OK)
        return rc;
    struct ggf_tensor_spec *t = specs_of(f, names);
    rc = t == NULL ? gg_fail_nomem(err, "a header") : check_names(t, n, err);
    if (rc == GG_OK) {
        gg_buf_reserve(&l.header, (size_t)ggf_file_header_nbytes(f)); /* not by doubling */
        put_start(&l, version == 1 ? 3 : version, meta, n);
        for (size_t i = 0; i < n; i++)
            put_tensor(&l, &t[i], ggf_file_tensor(f, i)->off);
        rc = l.header.failed ? gg_fail_nomem(err, "a header") : check_limits(&l, meta, n, err);
    }
    free(t);
    if (rc == GG_OK) {
        *nbytes = l.header.nbytes;
        *out = gg_buf_take(&l.header);
    }
    gg_buf_free(&l.header);
    return rc;
}
