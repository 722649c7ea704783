/* GPTQ and AWQ: integers of a few bits with scales and zero points for groups of columns. */
#include "lib/hf/quantized.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <strings.h>

struct scheme {
    uint64_t bits, group; /* group 0: all columns */
    bool ordered;         /* columns were quantized in an order that g_idx tells */
    bool varies;          /* layers may have other bits than these */
    int zero_add;
};

static int read_scheme(struct quant *q, struct scheme *s, struct gg_err *err)
{
    double group = 0;
    if (!gg_hf_get_u64(q->config, "bits|w_bit", &s->bits))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: quantization_config has no bits");
    if (!gg_hf_get_f64(q->config, "group_size|q_group_size", &group) || group != (double)(int32_t)group ||
        (group < 1 && group != -1))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json: quantization_config: group_size should be a count, or -1 for all "
                       "columns");
    s->group = group > 0 ? (uint64_t)group : 0;
    gg_buf_addf(&q->text, ", %llu bits", (unsigned long long)s->bits);
    if (s->group > 0)
        gg_buf_addf(&q->text, ", groups of %llu", (unsigned long long)s->group);
    return GG_OK;
}

/* Parts that must be there beside the codes. */
static int siblings(struct quant *q, size_t codes, struct gg_packed_ints *s, enum gg_dtype dtype,
                    struct gg_err *err)
{
    enum { CUT = sizeof "qweight" - 1 };
    s->codes = codes;
    s->scale = gg_packing_sibling(q->u, codes, CUT, "scales");
    s->zero = gg_packing_sibling(q->u, codes, CUT, "qzeros");
    s->index = gg_packing_sibling(q->u, codes, CUT, "g_idx");
    if (s->scale == SIZE_MAX || s->zero == SIZE_MAX)
        return gg_packing_fail(q->u, codes, err, "has no %s beside it",
                               s->scale == SIZE_MAX ? "scales" : "qzeros");
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, codes);
    if (t->n_dims != 2 || t->dtype != dtype || t->nelems == 0)
        return gg_packing_fail(q->u, codes, err, "is no matrix of %s", gg_dtype_name(dtype));
    return GG_OK;
}

static int gptq_one(struct quant *q, const struct scheme *c, size_t i, struct gg_err *err)
{
    static const char *const names[] = {[2] = "gptq2", [3] = "gptq3", [4] = "gptq4", [8] = "gptq8"};
    struct gg_packed_ints s = {.layout = GG_INTS_COLUMNS, .zero_add = c->zero_add, .turn = 1};
    int rc = siblings(q, i, &s, GG_DT_I32, err);
    if (rc != GG_OK)
        return rc;
    if (c->ordered && s.index == SIZE_MAX)
        return gg_packing_fail(q->u, i, err, "has no g_idx beside it, and desc_act is set");
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, i);
    uint64_t bits = c->bits, all = t->shape[0] * 32; /* no overflow: all is measured */
    if (s.index != SIZE_MAX) { /* as many elements as there are columns */
        uint64_t cols = gg_checkpoint_tensor(q->h->ckpt, s.index)->nelems;
        bits = cols > 0 && all % cols == 0 ? all / cols : 0;
    }
    if ((bits != 2 && bits != 3 && bits != 4 && bits != 8) || (bits != c->bits && !c->varies))
        return gg_packing_fail(q->u, i, err, "has codes of %llu bits, the configuration says %llu",
                               (unsigned long long)bits, (unsigned long long)c->bits);
    s.bits = (unsigned)bits;
    s.rows = t->shape[1];
    s.cols = all / bits;
    s.group = c->group > 0 ? c->group : s.cols;
    s.origin = names[bits];
    return gg_packing_ints(q->u, sizeof "qweight" - 1, "weight", &s, err);
}

int gg_hf_quant_gptq(struct quant *q, struct gg_err *err)
{
    const char *format = gg_hf_get_str(q->config, "checkpoint_format");
    struct scheme c = {.ordered = json_is_true(json_object_get(q->config, "desc_act")),
                       .varies = json_object_size(json_object_get(q->config, "dynamic")) > 0};
    bool v2 = format != NULL && strcmp(format, "gptq_v2") == 0;
    char shown[64];
    if (format != NULL && !v2 && strcmp(format, "gptq") != 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: quantization_config: checkpoint_format '%s' of gptq is not known "
                       "(known are gptq, gptq_v2)",
                       gg_text_escape_into(shown, sizeof shown, format, strlen(format)));
    if (json_is_true(json_object_get(q->config, "is_marlin_format")))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: quantization_config: is_marlin_format is set, and Marlin's layout is not "
                       "known");
    c.zero_add = v2 ? 0 : 1; /* the first version stores one less */
    int rc = read_scheme(q, &c, err);
    for (size_t i = 0; rc == GG_OK && i < q->n; i++)
        if (gg_packing_ends(q->u, i, ".qweight"))
            rc = gptq_one(q, &c, i, err);
    return rc;
}

/* ---- AWQ ------------------------------------------------------------------------------------- */

enum awq_version { AWQ_GEMM, AWQ_GEMV, AWQ_FAST, AWQ_UNKNOWN };

/* How it is stored; those of other kernels are stored as for gemm. */
static enum awq_version awq_version(const char *name)
{
    static const struct {
        const char *name;
        enum awq_version version;
    } names[] = {{"gemm", AWQ_GEMM}, {"exllama", AWQ_GEMM}, {"exllamav2", AWQ_GEMM}, {"ipex", AWQ_GEMM},
                 {"gemv", AWQ_GEMV}, {"gemv_fast", AWQ_FAST}};
    for (size_t i = 0; name != NULL && i < GG_COUNTOF(names); i++)
        if (strcasecmp(name, names[i].name) == 0)
            return names[i].version;
    return name == NULL ? AWQ_GEMM : AWQ_UNKNOWN;
}

/* Layouts and formula: awq/utils/packing_utils.py and modules/linear of AutoAWQ. */
static int awq_one(struct quant *q, const struct scheme *c, enum awq_version version, size_t i,
                   struct gg_err *err)
{
    enum { CUT = sizeof "qweight" - 1 };
    struct gg_packed_ints s = {.layout = version == AWQ_GEMV ? GG_INTS_GEMV : GG_INTS_AWQ, .bits = 4,
                               .origin = "awq4", .turn = 0};
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, i);
    int rc = siblings(q, i, &s, version == AWQ_FAST ? GG_DT_I16 : GG_DT_I32, err);
    if (rc != GG_OK)
        return rc;
    if (version == AWQ_FAST)
        return gg_packing_fast(q->u, CUT, "weight", i, s.scale, s.zero, c->group, s.origin, err);
    s.index = SIZE_MAX;
    s.rows = version == AWQ_GEMV ? t->shape[0] : t->shape[1] * 8;
    s.cols = version == AWQ_GEMV ? t->shape[1] * 8 : t->shape[0];
    s.group = c->group > 0 ? c->group : s.cols;
    return gg_packing_ints(q->u, CUT, "weight", &s, err);
}

int gg_hf_quant_awq(struct quant *q, struct gg_err *err)
{
    const char *name = gg_hf_get_str(q->config, "version");
    enum awq_version version = awq_version(name);
    struct scheme c = {.bits = 0};
    char shown[64];
    int rc = read_scheme(q, &c, err);
    if (rc == GG_OK && (c.bits != 4 || version == AWQ_UNKNOWN))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: quantization_config: awq is known of 4 bits in versions gemm, gemv and "
                       "gemv_fast; this is %llu bits, version %s",
                       (unsigned long long)c.bits,
                       name != NULL ? gg_text_escape_into(shown, sizeof shown, name, strlen(name)) : "gemm");
    for (size_t i = 0; rc == GG_OK && i < q->n; i++)
        if (gg_packing_ends(q->u, i, ".qweight"))
            rc = awq_one(q, &c, version, i, err);
    return rc;
}
