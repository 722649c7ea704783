/* compressed-tensors: one method, several formats; groups of layers have a scheme each. */
#include "lib/hf/quantized.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

/* Of activations and of the KV cache. */
static const char *const unwanted[] = {".input_scale", ".input_zero_point", ".output_scale",
                                       ".k_scale", ".v_scale", NULL};

/* The scheme of the weights: that of the only group, or all groups agree in what matters here. */
static int scheme(struct quant *q, const json_t **weights, struct gg_err *err)
{
    static const char *const matter[] = {"num_bits", "type",     "strategy",        "group_size",
                                         "symmetric", "actorder", "block_structure", NULL};
    json_t *groups = json_object_get(q->config, "config_groups"), *group;
    const char *name;
    *weights = NULL;
    json_object_foreach (groups, name, group) {
        const json_t *w = json_object_get(group, "weights");
        for (size_t i = 0; *weights != NULL && matter[i] != NULL; i++) {
            const json_t *a = json_object_get(*weights, matter[i]), *b = json_object_get(w, matter[i]);
            if (a != b && !json_equal(a, b) && !(json_is_null(a) && b == NULL) &&
                !(json_is_null(b) && a == NULL))
                return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                               "config.json: quantization_config: groups of layers differ in '%s'",
                               matter[i]);
        }
        *weights = json_is_object(w) ? w : *weights;
    }
    return *weights != NULL ? GG_OK
                            : gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                                      "config.json: quantization_config: no config_groups with weights");
}

/* exponents: scales are E8M0, whatever they are called. */
static int run_values(struct quant *q, const json_t *weights, bool exponents, struct gg_err *err)
{
    const json_t *block = json_object_get(weights, "block_structure");
    int rc = json_is_string(block) ? gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                                             "config.json: quantization_config: block_structure is no pair")
                                   : gg_hf_quant_block(q, block, "block_structure", err);
    const char *strategy = gg_hf_get_str(weights, "strategy");
    if (rc == GG_OK && strategy != NULL && strcmp(strategy, "group") == 0 && q->block[0] == 0) {
        q->block[0] = 1;
        if (!gg_hf_get_u64(weights, "group_size", &q->block[1]) || q->block[1] == 0)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                           "config.json: quantization_config: the strategy 'group' has no group_size");
    }
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        gg_hf_quant_hide(q, i, unwanted);
        if (!gg_packing_ends(q->u, i, ".weight_scale") || gg_packing_used(q->u, i))
            continue;
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, i);
        if (exponents && t->dtype == GG_DT_U8 && t->n_dims == 2)
            gg_packing_retype(q->u, i, GG_DT_F8_E8M0, t->shape[0], t->shape[1]);
        rc = gg_hf_quant_pair(q, i, "_scale", "", gg_packing_sibling(q->u, i, 5, "zero_point"), err);
    }
    return rc;
}

/* ---- packed integers ------------------------------------------------------------------------- */

/* Rows and columns stand in a tensor of their own. */
static int read_shape(struct quant *q, size_t shape, uint64_t dims[2], struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, shape);
    uint8_t raw[16];
    if (t->nelems != 2 || (t->dtype != GG_DT_I64 && t->dtype != GG_DT_I32))
        return gg_packing_fail(q->u, shape, err, "should hold two I64: rows and columns");
    int rc = gg_checkpoint_read(q->h->ckpt, shape, 0, 2, raw, err);
    for (size_t i = 0; rc == GG_OK && i < 2; i++)
        dims[i] = t->dtype == GG_DT_I64 ? gg_load_u64(raw + 8 * i) : gg_load_u32(raw + 4 * i);
    return rc;
}

static int pack_one(struct quant *q, size_t codes, unsigned bits, uint64_t group, struct gg_err *err)
{
    enum { CUT = sizeof "packed" - 1 };
    static const char *const names[] = {"", "int1", "int2", "int3", "int4", "int5", "int6", "int7", "int8"};
    size_t shape = gg_packing_sibling(q->u, codes, CUT, "shape");
    struct gg_packed_ints s = {.codes = codes,
                               .scale = gg_packing_sibling(q->u, codes, CUT, "scale"),
                               .zero = gg_packing_sibling(q->u, codes, CUT, "zero_point"),
                               .index = gg_packing_sibling(q->u, codes, CUT, "g_idx"),
                               .layout = GG_INTS_ROWS, .bits = bits, .origin = names[bits], .turn = 1};
    uint64_t dims[2];
    if (s.scale == SIZE_MAX || shape == SIZE_MAX)
        return gg_packing_fail(q->u, codes, err, "has no %s beside it",
                               shape == SIZE_MAX ? "weight_shape" : "weight_scale");
    int rc = read_shape(q, shape, dims, err);
    if (rc != GG_OK)
        return rc;
    s.rows = dims[0];
    s.cols = dims[1];
    s.group = group > 0 ? group : gg_max_u64(dims[1], 1);
    gg_packing_hide(q->u, shape);
    /* since May 2026 codes cross words, so that rows have fewer of them */
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, codes);
    uint64_t per_word = 32 / bits, have = t->n_dims == 2 ? t->shape[1] : 0, n;
    if (gg_mul_u64(s.cols, bits, &n) && have == (n + 31) / 32 && have != (s.cols + per_word - 1) / per_word)
        s.layout = GG_INTS_STREAM;
    return gg_packing_ints(q->u, CUT + 1, "", &s, err);
}

static int run_packed(struct quant *q, const json_t *weights, struct gg_err *err)
{
    const char *strategy = gg_hf_get_str(weights, "strategy"), *type = gg_hf_get_str(weights, "type");
    uint64_t bits = 0, group = 0;
    bool groups = strategy != NULL && strcmp(strategy, "group") == 0;
    int rc = GG_OK;
    if (!gg_hf_get_u64(weights, "num_bits", &bits) || bits < 1 || bits > 8 ||
        (type != NULL && strcmp(type, "int") != 0))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: quantization_config: pack-quantized weights are int of 1 to 8 bits");
    if (strategy == NULL || (!groups && strcmp(strategy, "channel") != 0) ||
        (groups && (!gg_hf_get_u64(weights, "group_size", &group) || group == 0)))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: quantization_config: the strategy of pack-quantized weights is "
                       "'group' with a group_size, or 'channel'");
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        gg_hf_quant_hide(q, i, unwanted);
        if (gg_packing_ends(q->u, i, ".weight_packed"))
            rc = pack_one(q, i, (unsigned)bits, group, err);
    }
    gg_buf_addf(&q->text, ", int%u", (unsigned)bits);
    if (group > 0)
        gg_buf_addf(&q->text, ", groups of %llu", (unsigned long long)group);
    return rc;
}

/* Two of four columns, packed for tensor cores. */
static int run_marlin(struct quant *q, const json_t *weights, struct gg_err *err)
{
    enum { CUT = sizeof "weight_packed" - 1 };
    uint64_t bits = 0, group = 0;
    int rc = GG_OK;
    if (!gg_hf_get_u64(weights, "num_bits", &bits) || (bits != 4 && bits != 8))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: quantization_config: marlin-24 weights are of 4 or 8 bits");
    gg_hf_get_u64(weights, "group_size", &group);
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        struct gg_packed_marlin s = {.codes = i, .bits = (unsigned)bits, .group = group};
        gg_hf_quant_hide(q, i, unwanted);
        if (!gg_packing_ends(q->u, i, ".weight_packed"))
            continue;
        s.scale = gg_packing_sibling(q->u, i, CUT, "scale_packed");
        s.meta = gg_packing_sibling(q->u, i, CUT, "meta");
        rc = s.scale == SIZE_MAX || s.meta == SIZE_MAX
                 ? gg_packing_fail(q->u, i, err, "has no %s beside it", s.meta == SIZE_MAX ? "meta" : "scale_packed")
                 : gg_packing_marlin(q->u, CUT, "weight", &s, err);
    }
    gg_buf_addf(&q->text, ", int%u", (unsigned)bits);
    return rc;
}

/* Whether this is the format, or that of each group. */
static bool all_groups(const struct quant *q, const char *format, const char *want)
{
    json_t *groups = json_object_get(q->config, "config_groups"), *group;
    const char *name;
    bool all = json_object_size(groups) > 0 && strcmp(format, "mixed-precision") == 0;
    json_object_foreach (groups, name, group) {
        const char *f = gg_hf_get_str(group, "format");
        all = all && f != NULL && strcmp(f, want) == 0;
    }
    return all || strcmp(format, want) == 0;
}

/* ---- sparse ---------------------------------------------------------------------------------- */

static int sparse_one(struct quant *q, size_t values, bool half, struct gg_err *err)
{
    enum { CUT = sizeof "compressed" - 1 };
    size_t shape = gg_packing_sibling(q->u, values, CUT, "shape");
    struct gg_packed_sparse s = {.values = values, .mask = gg_packing_sibling(q->u, values, CUT, "bitmask"),
                                 .starts = gg_packing_sibling(q->u, values, CUT, "row_offsets"),
                                 .scale = gg_packing_sibling(q->u, values, CUT, "weight_scale")};
    uint64_t dims[2];
    const char *missing = shape == SIZE_MAX                  ? "shape"
                          : s.mask == SIZE_MAX               ? "bitmask"
                          : !half && s.starts == SIZE_MAX ? "row_offsets"
                                                             : NULL;
    if (missing != NULL)
        return gg_packing_fail(q->u, values, err, "has no %s beside it", missing);
    int rc = read_shape(q, shape, dims, err);
    if (rc != GG_OK)
        return rc;
    gg_packing_hide(q->u, shape);
    s.rows = dims[0];
    s.cols = dims[1];
    return gg_packing_sparse(q->u, CUT, "weight", &s, err);
}

/* What is sparse may be quantized besides. */
static int run_sparse(struct quant *q, const char *format, struct gg_err *err)
{
    bool half = strcmp(format, "sparse-24-bitmask") == 0;
    char shown[64];
    if (!half && strcmp(format, "sparse-bitmask") != 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: quantization_config: sparsity_config: format '%s' is not known (known "
                       "are sparse-bitmask, sparse-24-bitmask)",
                       gg_text_escape_into(shown, sizeof shown, format, strlen(format)));
    gg_buf_addf(&q->text, ", %s", format);
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < q->n; i++)
        if (gg_packing_ends(q->u, i, ".compressed"))
            rc = sparse_one(q, i, half, err);
    return rc;
}

/* ---- formats --------------------------------------------------------------------------------- */

static int fail_format(const char *shown, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                   "config.json: quantization_config: format '%s' of compressed-tensors is not known (known are "
                   "float-quantized, int-quantized, naive-quantized, mxfp8-quantized, pack-quantized, "
                   "marlin-24, nvfp4-pack-quantized, mxfp4-pack-quantized)",
                   shown);
}

int gg_hf_quant_compressed(struct quant *q, struct gg_err *err)
{
    static const char *const values[] = {"float-quantized", "int-quantized", "naive-quantized",
                                         "mxfp8-quantized", NULL};
    const char *format = gg_hf_get_str(q->config, "format");
    const char *sparse = gg_hf_get_str(json_object_get(q->config, "sparsity_config"), "format");
    const json_t *weights;
    char shown[64];
    int rc = GG_OK;
    format = format != NULL ? format : sparse != NULL ? "dense" : "none";
    gg_buf_addf(&q->text, ", %s", gg_text_escape_into(shown, sizeof shown, format, strlen(format)));
    if (sparse != NULL && strcmp(sparse, "dense") != 0)
        rc = run_sparse(q, sparse, err);
    if (rc != GG_OK || strcmp(format, "dense") == 0 || (sparse != NULL && strcmp(format, sparse) == 0))
        return rc;
    if (all_groups(q, format, "nvfp4-pack-quantized"))
        return gg_hf_quant_fp4(q, GG_DT_NVFP4, err);
    if (all_groups(q, format, "mxfp4-pack-quantized"))
        return gg_hf_quant_fp4(q, GG_DT_MXFP4, err);
    rc = scheme(q, &weights, err);
    if (rc == GG_OK && strcmp(format, "pack-quantized") == 0)
        return run_packed(q, weights, err);
    if (rc == GG_OK && strcmp(format, "marlin-24") == 0)
        return run_marlin(q, weights, err);
    for (size_t i = 0; rc == GG_OK && values[i] != NULL; i++)
        if (strcmp(format, values[i]) == 0)
            return run_values(q, weights, i == 3, err);
    return rc == GG_OK ? fail_format(shown, err) : rc;
}
