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

/* Scales that are packed themselves: HQQ does not write them to safetensors either. */
static int refuse(struct quant *q, size_t codes, struct gg_err *err)
{
    static const char *const names[] = {"quant_scale", "quant_zero"};
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

/* Bits of a code as it is packed: 1.58 bits take two, five and six bits a byte. */
static int read_bits(struct quant *q, size_t codes, unsigned *bits, uint64_t *said, struct gg_err *err)
{
    size_t i = gg_packing_sibling(q->u, codes, CUT, "nbits");
    uint8_t raw[4] = {0};
    if (i != SIZE_MAX && gg_checkpoint_tensor(q->h->ckpt, i)->dtype == GG_DT_F32 &&
        gg_checkpoint_tensor(q->h->ckpt, i)->nelems == 1) {
        int rc = gg_checkpoint_read(q->h->ckpt, i, 0, 1, raw, err);
        float f = gg_f32_from_bits(gg_load_u32(raw));
        *said = f > 1 && f < 2 ? 2 : 0;
        *bits = (unsigned)*said;
        gg_packing_hide(q->u, i);
        return rc;
    }
    int rc = read_number(q, codes, "nbits", 4, said, err);
    *bits = *said == 5 || *said == 6 ? 8 : *said <= 4 || *said == 8 ? (unsigned)*said : 0;
    return rc;
}

/* Codes that pass for floats are the same bytes. */
static int see_codes(struct quant *q, const struct gg_packed_hqq *s, struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, s->codes);
    uint64_t size = s->bits == 3 ? 4 : 1, v;
    int rc = read_number(q, s->codes, "view_as_float", 0, &v, err);
    if (rc == GG_OK && v != 0 && t->n_dims == 2 && t->nelems > 0 && t->nbytes % (t->shape[0] * size) == 0)
        gg_packing_retype(q->u, s->codes, s->bits == 3 ? GG_DT_I32 : GG_DT_U8, t->shape[0],
                          t->nbytes / t->shape[0] / size);
    return rc;
}

static int one(struct quant *q, size_t codes, struct gg_err *err)
{
    static const char *const origins[] = {[1] = "hqq1", [2] = "hqq2", [3] = "hqq3", [4] = "hqq4",
                                          [5] = "hqq5", [6] = "hqq6", [8] = "hqq8"};
    struct gg_packed_hqq s = {.codes = codes, .scale = gg_packing_sibling(q->u, codes, CUT, "scale"),
                              .zero = gg_packing_sibling(q->u, codes, CUT, "zero")};
    uint64_t bits, axis;
    int rc = refuse(q, codes, err);
    if (rc == GG_OK && (s.scale == SIZE_MAX || s.zero == SIZE_MAX))
        rc = gg_packing_fail(q->u, codes, err, "has no %s beside it",
                             s.scale == SIZE_MAX ? "scale" : "zero");
    if (rc == GG_OK)
        rc = read_bits(q, codes, &s.bits, &bits, err);
    if (rc == GG_OK)
        rc = read_number(q, codes, "group_size", 0, &s.group, err);
    if (rc == GG_OK)
        rc = read_number(q, codes, "axis", 0, &axis, err);
    if (rc == GG_OK)
        rc = read_shape(q, codes, &s, err);
    if (rc == GG_OK && (s.bits == 0 || axis > 1 || s.group == 0))
        rc = gg_packing_fail(q->u, codes, err,
                             "is of %llu bits, axis %llu, groups of %llu: known are 1 to 6 and 8 bits in "
                             "groups along axis 0 or 1",
                             (unsigned long long)bits, (unsigned long long)axis,
                             (unsigned long long)s.group);
    if (rc != GG_OK)
        return rc;
    s.axis = (unsigned)axis;
    s.origin = origins[bits];
    rc = see_codes(q, &s, err);
    return rc != GG_OK ? rc : gg_packing_hqq(q->u, CUT, "weight", &s, err);
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
