/* HQQ: how each matrix is packed stands beside it, a byte or a text a tensor. */
#include "lib/hf/quantized.h"

#include "lib/base/num.h"

enum { CUT = sizeof "W_q" - 1 };

/* One whole number in a tensor of U8, or of integers; fallback when there is none. */
static int read_number(struct quant *q, size_t codes, const char *name, uint64_t fallback, uint64_t *out,
                       struct gg_err *err)
{
    size_t i = gg_packing_sibling(q->u, codes, CUT, name);
    uint8_t raw[8] = {0};
    *out = fallback;
    if (i == SIZE_MAX)
        return GG_OK;
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, i);
    if (t->nelems != 1 || (t->dtype != GG_DT_U8 && t->dtype != GG_DT_I32 && t->dtype != GG_DT_I64))
        return gg_packing_fail(q->u, i, err, "should hold one whole number");
    int rc = gg_checkpoint_read(q->h->ckpt, i, 0, 1, raw, err);
    *out = gg_load_u64(raw);
    gg_packing_hide(q->u, i);
    return rc;
}

static int read_shape(struct quant *q, size_t codes, struct gg_packed_hqq *s, struct gg_err *err)
{
    size_t i = gg_packing_sibling(q->u, codes, CUT, "shape");
    uint8_t raw[16];
    if (i == SIZE_MAX)
        return gg_packing_fail(q->u, codes, err, "has no shape beside it");
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, i);
    if (t->nelems != 2 || t->dtype != GG_DT_I64)
        return gg_packing_fail(q->u, i, err, "should hold two I64: rows and columns");
    int rc = gg_checkpoint_read(q->h->ckpt, i, 0, 2, raw, err);
    s->rows = gg_load_u64(raw);
    s->cols = gg_load_u64(raw + 8);
    gg_packing_hide(q->u, i);
    return rc;
}

/* What this reading does not know: scales that are packed themselves, codes that pass for floats. */
static int refuse(struct quant *q, size_t codes, struct gg_err *err)
{
    static const char *const names[] = {"quant_scale", "quant_zero", "view_as_float"};
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < GG_COUNTOF(names); i++) {
        uint64_t v;
        rc = read_number(q, codes, names[i], 0, &v, err);
        if (rc == GG_OK && v != 0) {
            rc = gg_packing_fail(q->u, codes, err, "is stored with %s, which is not known", names[i]);
            err->code = rc = GG_ERR_UNSUPPORTED;
        }
    }
    return rc;
}

static int one(struct quant *q, size_t codes, struct gg_err *err)
{
    static const char *const origins[] = {[1] = "hqq1", [2] = "hqq2", [3] = "hqq3", [4] = "hqq4", [8] = "hqq8"};
    struct gg_packed_hqq s = {.codes = codes, .scale = gg_packing_sibling(q->u, codes, CUT, "scale"),
                              .zero = gg_packing_sibling(q->u, codes, CUT, "zero")};
    uint64_t bits, axis;
    int rc = refuse(q, codes, err);
    if (rc == GG_OK && (s.scale == SIZE_MAX || s.zero == SIZE_MAX))
        rc = gg_packing_fail(q->u, codes, err, "has no %s beside it",
                             s.scale == SIZE_MAX ? "scale" : "zero");
    if (rc == GG_OK)
        rc = read_number(q, codes, "nbits", 4, &bits, err);
    if (rc == GG_OK)
        rc = read_number(q, codes, "group_size", 0, &s.group, err);
    if (rc == GG_OK)
        rc = read_number(q, codes, "axis", 0, &axis, err);
    if (rc == GG_OK)
        rc = read_shape(q, codes, &s, err);
    if (rc == GG_OK && ((bits != 1 && bits != 2 && bits != 3 && bits != 4 && bits != 8) || axis > 1 ||
                        s.group == 0))
        rc = gg_packing_fail(q->u, codes, err,
                             "is of %llu bits, axis %llu, groups of %llu: known are 1, 2, 3, 4 and 8 bits in "
                             "groups along axis 0 or 1",
                             (unsigned long long)bits, (unsigned long long)axis,
                             (unsigned long long)s.group);
    if (rc != GG_OK)
        return rc;
    s.bits = (unsigned)bits;
    s.axis = (unsigned)axis;
    s.origin = origins[bits];
    return gg_packing_hqq(q->u, CUT, "weight", &s, err);
}

int gg_hf_quant_hqq(struct quant *q, struct gg_err *err)
{
    static const char *const unwanted[] = {"packing", "unpack_view_dtype", "compute_dtype", "offload_meta",
                                           "encoded_state_dict", "stores_quant_config", "channel_wise",
                                           "optimize", "round_zero"};
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        if (!gg_packing_ends(q->u, i, ".W_q"))
            continue;
        for (size_t k = 0; k < GG_COUNTOF(unwanted); k++) {
            size_t at = gg_packing_sibling(q->u, i, CUT, unwanted[k]);
            if (at != SIZE_MAX)
                gg_packing_hide(q->u, at);
        }
        rc = one(q, i, err);
    }
    return rc;
}
