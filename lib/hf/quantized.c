/* Quantized checkpoints: what quantization_config means, and which stored tensors belong together.
 *
 * How to add a method: a function that finds its tensors by their names and hands them to one of
 * lib/import/packed.h, and a row in `methods`. What it leaves unused stays as it is stored.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/hf/quantized.h"

#include <stdlib.h>

/* ---- what most methods do -------------------------------------------------------------------- */

int gg_hf_quant_pair(struct quant *q, size_t scale, const char *cut, const char *tail, size_t zero,
                     struct gg_err *err)
{
    size_t weight = gg_packing_sibling(q->u, scale, strlen(cut), tail);
    if (weight == SIZE_MAX)
        return gg_packing_fail(q->u, scale, err, "is the scale of a weight that is not there");
    enum gg_dtype t = gg_checkpoint_tensor(q->h->ckpt, weight)->dtype;
    const char *origin = t == GG_DT_F8_E5M2          ? "fp8_e5m2"
                         : gg_dtype_is_float8(t) ? "fp8"
                         : t == GG_DT_I8         ? "int8"
                                                 : NULL;
    if (origin == NULL)
        return gg_packing_fail(q->u, weight, err,
                              "has a scale, and holds %s where method '%s' has eight-bit floats or I8",
                              gg_dtype_name(t), q->method);
    return gg_packing_scaled(q->u, weight, scale, zero, q->block, 0, origin, err);
}

void gg_hf_quant_hide(struct quant *q, size_t i, const char *const *tails)
{
    for (; *tails != NULL; tails++)
        if (gg_packing_ends(q->u, i, *tails))
            gg_packing_hide(q->u, i);
}

/* Blocks of rows and columns; none when the configuration has none. */
int gg_hf_quant_block(struct quant *q, const json_t *list, const char *name, struct gg_err *err)
{
    if (list == NULL || json_is_null(list))
        return GG_OK;
    for (size_t i = 0; i < 2; i++) {
        if (json_array_size(list) != 2 || !gg_hf_as_u64(json_array_get(list, i), &q->block[i]) ||
            q->block[i] == 0)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                           "config.json: quantization_config: %s is no pair of sizes", name);
    }
    return GG_OK;
}

/* ---- FP8 ------------------------------------------------------------------------------------- */

/* Scales of activations and of the KV cache: GGUF has no use for them. */
static const char *const activation_scales[] = {".activation_scale", "_activation_scale",
                                                ".input_scale",      ".qscale_act",
                                                ".k_scale",          ".v_scale",
                                                ".output_scale",     NULL};

static int run_fp8(struct quant *q, struct gg_err *err)
{
    static const struct {
        const char *end, *cut, *tail;
    } names[] = {{"_scale_inv", "_scale_inv", ""},
                 {".weight_scale", "_scale", ""},
                 {".qscale_weight", "qscale_weight", "weight"}};
    int rc = gg_hf_quant_block(q, json_object_get(q->config, "weight_block_size"), "weight_block_size",
                               err);
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        gg_hf_quant_hide(q, i, activation_scales);
        for (size_t k = 0; rc == GG_OK && k < GG_COUNTOF(names); k++)
            if (gg_packing_ends(q->u, i, names[k].end))
                rc = gg_hf_quant_pair(q, i, names[k].cut, names[k].tail, SIZE_MAX, err);
    }
    if (q->block[0] > 0)
        gg_buf_addf(&q->text, ", scales of %llux%llu blocks", (unsigned long long)q->block[0],
                    (unsigned long long)q->block[1]);
    return rc;
}

static int run_bitnet(struct quant *q, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        if (!gg_packing_ends(q->u, i, ".weight_scale"))
            continue;
        size_t weight = gg_packing_sibling(q->u, i, sizeof "_scale" - 1, "");
        rc = weight == SIZE_MAX
                 ? gg_packing_fail(q->u, i, err, "is the scale of a weight that is not there")
                 : gg_packing_ternary(q->u, weight, i, err);
    }
    return rc;
}

/* FP8 with scales of tensors or rows, NVFP4, or both; scales without a weight are the KV cache's. */
static int run_modelopt(struct quant *q, struct gg_err *err)
{
    static const char *const known[] = {"FP8", "NVFP4", "W4A16_NVFP4", "MIXED_PRECISION", NULL};
    const char *algo = gg_hf_get_str(q->config, "quant_algo");
    int rc = GG_OK;
    size_t a = 0;
    for (algo = algo != NULL ? algo : ""; known[a] != NULL && strcmp(algo, known[a]) != 0;)
        a++;
    if (known[a] == NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: quantization_config: quant_algo '%.64s' of modelopt is not known "
                       "(known are FP8, NVFP4, W4A16_NVFP4, MIXED_PRECISION)",
                       algo);
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        bool is = false;
        if (!gg_packing_ends(q->u, i, ".weight_scale")) {
            gg_hf_quant_hide(q, i, activation_scales);
            continue;
        }
        rc = gg_hf_quant_nvfp4(q, i, &is, err);
        if (gg_packing_sibling(q->u, i, 6, "") == SIZE_MAX)
            gg_packing_hide(q->u, i);
        else if (rc == GG_OK && !is)
            rc = gg_hf_quant_pair(q, i, "_scale", "", SIZE_MAX, err);
    }
    gg_buf_addf(&q->text, ", %s", algo);
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*run)(struct quant *q, struct gg_err *err);
} methods[] = {
    {"awq", gg_hf_quant_awq},
    {"bitnet", run_bitnet},
    {"bitsandbytes", gg_hf_quant_bnb},
    {"compressed-tensors", gg_hf_quant_compressed},
    {"fbgemm_fp8", run_fp8},
    {"fp8", run_fp8},
    {"gptq", gg_hf_quant_gptq},
    {"hqq", gg_hf_quant_hqq},
    {"modelopt", run_modelopt},
    {"mxfp4", gg_hf_quant_mxfp4},
};

/* The first stored matrix of 16-bit floats, as upstream looks for one, says what decoded ones become. */
static enum gg_dtype half_of(const struct hf *h)
{
    const struct gg_ckpt_tensor *best = NULL;
    bool named = strcmp(gg_checkpoint_format(h->ckpt), "safetensors") == 0;
    for (size_t i = 0; i < gg_checkpoint_n_tensors(h->ckpt); i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, i);
        if (t->n_dims < 2 || (t->dtype != GG_DT_BF16 && t->dtype != GG_DT_F16))
            continue;
        size_t n = best != NULL ? (size_t)gg_min_u64(t->name_nbytes, best->name_nbytes) : 0;
        int c = best != NULL && named ? memcmp(t->name, best->name, n) : 0;
        if (best == NULL || t->file < best->file ||
            (t->file == best->file && (c < 0 || (c == 0 && named && t->name_nbytes < best->name_nbytes))))
            best = t;
    }
    return best != NULL ? best->dtype : GG_DT_F16;
}

static int fail_unknown(const char *method, struct gg_err *err)
{
    struct gg_buf known = GG_BUF_INIT;
    char shown[64];
    for (size_t i = 0; i < GG_COUNTOF(methods); i++)
        gg_buf_addf(&known, "%s%s", i > 0 ? ", " : "", methods[i].name);
    int rc = gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                     "config.json: a checkpoint quantized by '%s' cannot be converted (known are %s)",
                     gg_text_escape_into(shown, sizeof shown, method, strlen(method)),
                     gg_buf_str(&known));
    gg_buf_free(&known);
    return rc;
}

/* Eight bits are nothing without their scale. */
static int check_scales(const struct quant *q, struct gg_err *err)
{
    for (size_t i = 0; i < q->n; i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, i);
        if (!gg_packing_used(q->u, i) && t->n_dims >= 2 &&
            (gg_dtype_is_float8(t->dtype) || t->dtype == GG_DT_U8 || t->dtype == GG_DT_I8))
            return gg_packing_fail(q->u, i, err, "is %s, and the scale is missing that method '%s' needs",
                                  gg_dtype_name(t->dtype), q->method);
    }
    return GG_OK;
}

static int unpack(struct quant *q, struct gg_err *err)
{
    int (*run)(struct quant *, struct gg_err *) = NULL;
    for (size_t i = 0; i < GG_COUNTOF(methods); i++)
        if (strcmp(methods[i].name, q->method) == 0)
            run = methods[i].run;
    if (run == NULL)
        return fail_unknown(q->method, err);
    if (gg_checkpoint_sequential(q->h->ckpt))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "a quantized checkpoint in a compressed archive: its weights and scales stand apart; "
                       "unpack it first");
    q->h->half = half_of(q->h) == GG_DT_BF16 ? QT_BF16 : QT_F16;
    gg_buf_adds(&q->text, q->method);
    int rc = gg_packing_begin(&q->u, q->h->ckpt, err);
    if (rc == GG_OK)
        rc = run(q, err);
    if (rc == GG_OK)
        rc = check_scales(q, err);
    if (rc == GG_OK && gg_packing_n_made(q->u) == 0)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                     "config.json: quantization_config says '%s', and no tensor is quantized so",
                     q->method);
    return rc == GG_OK ? gg_packing_end(q->u, err) : rc;
}

/* What programs wrote beside config.json before it had quantization_config. */
static int read_old(struct hf *h, json_t **out, struct gg_err *err)
{
    static const struct {
        const char *file, *method;
    } old[] = {{"quantize_config.json", "gptq"}, {"quant_config.json", "awq"}};
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && *out == NULL && i < GG_COUNTOF(old); i++) {
        rc = gg_hf_json_file(h, old[i].file, out, err);
        if (rc == GG_OK && *out != NULL && gg_hf_get_str(*out, "quant_method") == NULL &&
            json_object_set_new(*out, "quant_method", json_string(old[i].method)) != 0)
            rc = gg_fail_nomem(err, "a configuration");
    }
    return rc;
}

/* quantization_config, and what hf_quant_config.json, which modelopt writes, adds to it. *out is NULL when
 * there is neither. */
static int read_quantization(struct hf *h, json_t **out, struct gg_err *err)
{
    json_t *config = json_object_get(h->config, "quantization_config"), *file = NULL;
    json_t *sparse = json_object_get(h->config, "compression_config"); /* of compressed-tensors, once */
    config = config == NULL ? sparse : config;
    int rc = gg_hf_json_file(h, "hf_quant_config.json", &file, err);
    json_t *more = json_object_get(file, "quantization");
    *out = json_is_object(config) ? json_copy(config) : json_is_object(more) ? json_object() : NULL;
    if (rc == GG_OK && *out == NULL && (json_is_object(config) || json_is_object(more)))
        rc = gg_fail_nomem(err, "a configuration");
    if (rc == GG_OK && json_is_object(more)) {
        const char *producer = gg_hf_get_str(json_object_get(file, "producer"), "name");
        rc = json_object_update_missing(*out, more) == 0 &&
                     (gg_hf_get_str(*out, "quant_method") != NULL || producer == NULL ||
                      json_object_set_new(*out, "quant_method", json_string(producer)) == 0)
                 ? GG_OK
                 : gg_fail_nomem(err, "a configuration");
    }
    json_decref(file);
    if (rc == GG_OK && *out != NULL && config == sparse && config != NULL &&
        json_object_set_new(*out, "quant_method", json_string("compressed-tensors")) != 0)
        rc = gg_fail_nomem(err, "a configuration");
    return rc == GG_OK && *out == NULL ? read_old(h, out, err) : rc;
}

int gg_hf_unpack(struct hf *h, struct gg_err *err)
{
    json_t *config = NULL;
    int rc = h->arch != NULL ? read_quantization(h, &config, err) : GG_OK;
    struct quant q = {.h = h, .config = config, .n = gg_checkpoint_n_tensors(h->ckpt)};
    if (rc != GG_OK || config == NULL)
        return rc;
    q.method = gg_hf_get_str(config, "quant_method|quant_algo");
    if (q.method == NULL)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                     "config.json: quantization_config has no quant_method");
    if (rc == GG_OK)
        rc = unpack(&q, err);
    json_decref(config);
    gg_packing_free(q.u);
    if (rc == GG_OK) {
        h->quant = gg_arena_strndup(h->arena, gg_buf_str(&q.text), q.text.nbytes);
        if (h->quant == NULL || q.text.failed)
            rc = gg_fail_nomem(err, "a name");
    }
    gg_buf_free(&q.text);
    return rc;
}
