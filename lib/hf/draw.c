/* Elements drawn from a stored tensor: their type changed, their order that of a view. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/quant/half.h"

#include <math.h>
#include <stdlib.h>

enum { CHUNK = 2048, /* elements converted at a time, on the stack */
       NEAR = 8 }; /* strides up to here: what lies between is read too */

/* ---- runs ------------------------------------------------------------------------------------ */

/* Index of the first element that does not fit; n: all do. */
static size_t store_ints(uint8_t *dst, uint32_t type, const uint8_t *src, enum gg_dtype from,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = from == GG_DT_U64    ? gg_load_u64(src + 8 * i)
                     : from == GG_DT_U32  ? gg_load_u32(src + 4 * i)
                     : from == GG_DT_U16  ? gg_load_u16(src + 2 * i)
                     : from == GG_DT_BOOL ? src[i] != 0
                                          : src[i];
        if (type == QT_I8)
            dst[i] = (uint8_t)v;
        else if (type == QT_I16)
            gg_store_u16(dst + 2 * i, (uint16_t)v);
        else if (type == QT_I32)
            gg_store_u32(dst + 4 * i, (uint32_t)v);
        else if (v <= INT64_MAX)
            gg_store_u64(dst + 8 * i, v);
        else
            return i;
    }
    return n;
}

bool gg_hf_changes(const struct hf_vt *v, const struct hf_part *p)
{
    return v->how == HF_MINUS_EXP || v->how == HF_SOFTPLUS || p->changes;
}

/* As upstream reckons: F16 stays F16 until it is written, all else is F32 before. */
static float rounded(float x, enum gg_dtype from)
{
    return from == GG_DT_F16 ? qt_f32_from_f16(qt_f16_from_f32(x)) : x;
}

static void change(const struct hf_vt *v, const struct hf_part *p, float *x, size_t n, enum gg_dtype from)
{
    if (!gg_hf_changes(v, p))
        return;
    for (size_t i = 0; i < n; i++) {
        if (v->how == HF_MINUS_EXP)
            x[i] = rounded((float)-exp(x[i]), from);
        if (v->how == HF_SOFTPLUS)
            x[i] = rounded(x[i] > 20 ? x[i] : (float)log1p(exp(x[i])), from);
        if (!p->changes)
            continue;
        x[i] = rounded(x[i] * p->times[0], from);
        x[i] = rounded(x[i] * p->times[1], from);
        x[i] = rounded(x[i] + p->plus, from);
    }
}

static void store_floats(uint8_t *dst, uint32_t type, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        if (type == QT_F16)
            gg_store_u16(dst + 2 * i, qt_f16_from_f32(v));
        else if (type == QT_BF16)
            gg_store_u16(dst + 2 * i, qt_bf16_from_f32(v));
        else
            gg_store_u32(dst + 4 * i, gg_bits_from_f32(v));
    }
}

static bool is_uint(enum gg_dtype t)
{
    return t == GG_DT_U8 || t == GG_DT_U16 || t == GG_DT_U32 || t == GG_DT_U64 || t == GG_DT_BOOL;
}

static int fail_wide(uint64_t elem, double v, const char *type, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "element %llu is %g, more than %s holds",
                   (unsigned long long)elem, v, type);
}

/* Bytes of n elements, whole blocks of them. */
static size_t nbytes_of(const struct hf_vt *v, uint64_t n)
{
    const struct qt_info *info = qt_info(v->type);
    return (size_t)(n / info->block_nelems * info->block_nbytes);
}

/* A run of stored elements to dst in the tensor's own type. */
static int read_run(struct gg_checkpoint *c, const struct hf_vt *v, const struct hf_part *p, uint64_t first,
                    uint64_t n, uint8_t *dst, struct gg_err *err)
{
    size_t src = p->src;
    enum gg_dtype dt = gg_checkpoint_tensor(c, src)->dtype;
    uint32_t nbytes = qt_info(v->type)->block_nbytes;
    _Alignas(8) uint8_t raw[CHUNK * 8];
    float x[CHUNK];
    if (p->zeros) {
        memset(dst, 0, nbytes_of(v, n));
        return GG_OK;
    }
    if (gg_dtype_qtype(dt) == v->type && !gg_hf_changes(v, p))
        return gg_checkpoint_read(c, src, first, n, dst, err);
    while (n > 0) {
        size_t unit = gg_dtype_unit(dt), lead = first % unit; /* some share bytes */
        size_t take = (size_t)gg_min_u64(n, CHUNK - 8);
        size_t asked = (lead + take + unit - 1) / unit * unit;
        int rc = gg_checkpoint_read(c, src, first - lead, asked, raw, err);
        if (rc != GG_OK)
            return rc;
        if (is_uint(dt) && v->type != QT_F32) {
            size_t bad = store_ints(dst, v->type, raw, dt, take);
            if (bad < take)
                return fail_wide(first + bad, (double)gg_load_u64(raw + 8 * bad), "I64", err);
        } else {
            gg_dtype_to_f32(x, raw, dt, asked);
            for (size_t i = 0; dt == GG_DT_F64 && i < take; i++) {
                double d = gg_f64_from_bits(gg_load_u64(raw + 8 * i));
                if (isfinite(d) && isinf(x[i]))
                    return fail_wide(first + i, d, "F32", err);
            }
            change(v, p, x, asked, dt);
            store_floats(dst, v->type, x + lead, take);
        }
        first += take;
        n -= take;
        dst += take * nbytes;
    }
    return GG_OK;
}


/* ---- views ----------------------------------------------------------------------------------- */

uint64_t gg_hf_view_at(const struct hf_view *w, uint64_t i)
{
    uint64_t at = w->first;
    for (unsigned d = w->n_dims; d-- > 0; i /= w->n[d])
        at += i % w->n[d] * w->stride[d];
    return at;
}

/* n elements that stand `stride` apart, to places `step` elements apart. */
static int read_apart(struct gg_checkpoint *c, const struct hf_vt *v, const struct hf_part *p, uint64_t first,
                      uint64_t stride, uint64_t n, uint8_t *dst, uint64_t step, struct gg_err *err)
{
    uint32_t size = qt_info(v->type)->block_nbytes;
    _Alignas(8) uint8_t some[CHUNK * 8];
    uint64_t most = stride <= NEAR ? CHUNK / stride : 1;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t take = gg_min_u64(n, most);
        rc = read_run(c, v, p, first, (take - 1) * stride + 1, some, err);
        for (uint64_t i = 0; rc == GG_OK && i < take; i++)
            memcpy(dst + i * step * size, some + i * stride * size, size);
        first += take * stride;
        dst += take * step * size;
        n -= take;
    }
    return rc;
}

/* n elements of a view whose last axis is stored one after the other, or nearly. */
static int draw_rows(struct gg_checkpoint *c, const struct hf_vt *v, const struct hf_part *p,
                     uint64_t first, uint64_t n, uint8_t *dst, struct gg_err *err)
{
    const struct hf_view *w = p->view;
    uint64_t len = w->n[w->n_dims - 1], stride = w->stride[w->n_dims - 1];
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t take = gg_min_u64(n, len - first % len), at = gg_hf_view_at(w, first);
        rc = stride == 1 ? read_run(c, v, p, at, take, dst, err)
                         : read_apart(c, v, p, at, stride, take, dst, 1, err);
        first += take;
        n -= take;
        dst += nbytes_of(v, take);
    }
    return rc;
}

/* The same where it is the axis before the last (of a transposed matrix): whole rows are drawn together,
 * a column at a time. */
static int draw_columns(struct gg_checkpoint *c, const struct hf_vt *v, const struct hf_part *p,
                        uint64_t first, uint64_t n, uint8_t *dst, struct gg_err *err)
{
    const struct hf_view *w = p->view;
    unsigned last = w->n_dims - 1;
    uint32_t size = qt_info(v->type)->block_nbytes;
    uint64_t len = w->n[last], up = last > 0 ? w->n[last - 1] : 1;
    uint64_t stride = last > 0 ? w->stride[last - 1] : 1;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t col = first % len, cols = gg_min_u64(n, len - col);
        uint64_t rows = cols < len ? 1 : gg_min_u64(n / len, up - first / len % up);
        uint64_t at = gg_hf_view_at(w, first);
        for (uint64_t i = 0; rc == GG_OK && i < cols; i++)
            rc = read_apart(c, v, p, at + i * w->stride[last], stride, rows, dst + i * size, cols,
                            err);
        first += rows * cols;
        n -= rows * cols;
        dst += rows * cols * size;
    }
    return rc;
}

/* The same of a tensor whose rows are stored as columns: what a step of the outermost axis spans is read in
 * one go, if it is not too much, and its rows are picked out. */
static int draw_spans(struct gg_checkpoint *c, const struct hf_vt *v, const struct hf_part *p,
                      uint64_t first, uint64_t n, uint8_t *dst, struct gg_err *err)
{
    enum { MOST = 4 << 20 };
    const struct hf_view *w = p->view;
    uint64_t step = p->nelems / w->n[0], len = w->n[w->n_dims - 1], span = 1;
    for (unsigned d = 1; d < w->n_dims; d++)
        span += (w->n[d] - 1) * w->stride[d];
    if (w->n_dims < 3 || w->stride[w->n_dims - 1] != 1 || nbytes_of(v, span) > MOST)
        return draw_rows(c, v, p, first, n, dst, err);
    uint8_t *buf = malloc(nbytes_of(v, span));
    int rc = buf == NULL ? gg_fail_nomem(err, "rows of a tensor") : GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t base = gg_hf_view_at(w, first / step * step), end = first - first % step + step;
        rc = read_run(c, v, p, base, span, buf, err);
        while (rc == GG_OK && n > 0 && first < end) {
            uint64_t take = gg_min_u64(n, len - first % len);
            memcpy(dst, buf + nbytes_of(v, gg_hf_view_at(w, first) - base), nbytes_of(v, take));
            dst += nbytes_of(v, take);
            first += take;
            n -= take;
        }
    }
    free(buf);
    return rc;
}

int gg_hf_draw(struct gg_checkpoint *c, const struct hf_vt *v, const struct hf_part *p, uint64_t first,
               uint64_t n, uint8_t *dst, struct gg_err *err)
{
    if (p->view == NULL)
        return read_run(c, v, p, p->first + first, n, dst, err);
    if (gg_checkpoint_tensor(c, p->src)->by_columns)
        return draw_spans(c, v, p, first, n, dst, err);
    return p->view->stride[p->view->n_dims - 1] <= NEAR ? draw_rows(c, v, p, first, n, dst, err)
                                                        : draw_columns(c, v, p, first, n, dst, err);
}
