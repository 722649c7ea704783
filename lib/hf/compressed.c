/* compressed-tensors: one method, several formats; groups of layers have a scheme each. */
#include "lib/hf/quantized.h"

#include "lib/base/text.h"

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

static int run_values(struct quant *q, const json_t *weights, struct gg_err *err)
{
    static const char *const unwanted[] = {".input_scale", ".input_zero_point", ".output_scale",
                                           ".k_scale", ".v_scale", NULL};
    const json_t *block = json_object_get(weights, "block_structure");
    int rc = json_is_string(block) ? gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                                             "config.json: quantization_config: block_structure is no pair")
                                   : gg_hf_quant_block(q, block, "block_structure", err);
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        gg_hf_quant_hide(q, i, unwanted);
        if (gg_packing_ends(q->u, i, ".weight_scale"))
            rc = gg_hf_quant_pair(q, i, "_scale", "", gg_packing_sibling(q->u, i, 5, "zero_point"), err);
    }
    return rc;
}

int gg_hf_quant_compressed(struct quant *q, struct gg_err *err)
{
    static const char *const values[] = {"float-quantized", "int-quantized", "naive-quantized", NULL};
    const char *format = gg_hf_get_str(q->config, "format");
    const json_t *weights;
    char shown[64];
    format = format != NULL ? format : "none";
    int rc = scheme(q, &weights, err);
    gg_buf_addf(&q->text, ", %s", gg_text_escape_into(shown, sizeof shown, format, strlen(format)));
    for (size_t i = 0; rc == GG_OK && values[i] != NULL; i++)
        if (strcmp(format, values[i]) == 0)
            return run_values(q, weights, err);
    return rc == GG_OK ? gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                                 "config.json: quantization_config: format '%s' of compressed-tensors is "
                                 "not known (known are float-quantized, int-quantized, naive-quantized)",
                                 shown)
                       : rc;
}
