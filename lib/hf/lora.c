/* PEFT adapters: pairs of narrow matrices whose product is added to a weight of a base model.
 *
 * Only the base's config.json is needed: it says the architecture and how rows of a weight are put in order,
 * which holds for the rows of B as well. GGUF has the pair under the weight's name with .lora_a and .lora_b.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <math.h>

static const char *base_name(const struct hf *h)
{
    const char *s = gg_hf_get_str(h->adapter, "base_model_name_or_path");
    return s != NULL ? s : "unknown";
}

/* What peft does and GGUF has no word for. */
static int check_config(struct hf *h, struct gg_err *err)
{
    static const struct {
        const char *name, *why;
    } no[] = {{"use_dora", "DoRA"}, {"alpha_pattern", "an alpha of its own for some weights"},
              {"use_qalora", "QA-LoRA"}};
    const char *type = gg_hf_get_str(h->adapter, "peft_type");
    char shown[64];
    if (type != NULL && strcmp(type, "LORA") != 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "adapter_config.json: peft_type '%s' is no LORA",
                       gg_text_escape_into(shown, sizeof shown, type, strlen(type)));
    for (size_t i = 0; i < GG_COUNTOF(no); i++) {
        const json_t *v = json_object_get(h->adapter, no[i].name);
        if (json_is_true(v) || json_object_size(v) > 0)
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                           "adapter_config.json: %s is set, and a GGUF adapter cannot hold %s", no[i].name,
                           no[i].why);
    }
    return GG_OK;
}

int gg_hf_lora_open(struct hf *h, struct gg_err *err)
{
    int rc = gg_hf_json_file(h, "adapter_config.json", &h->adapter, err);
    const char *text = h->opts->base;
    char shown[96];
    if (rc != GG_OK)
        return rc;
    if (h->adapter == NULL)
        return text == NULL ? GG_OK
                            : gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                                      "--base is for adapters, and there is no adapter_config.json");
    if (text == NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "is an adapter of '%s': --base FOLDER names that model's folder (its config.json will do)",
                       gg_text_escape_into(shown, sizeof shown, base_name(h), strlen(base_name(h))));
    if (h->opts->mmproj || h->opts->mtp != GG_HF_MTP_AUTO)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "is an adapter: --mmproj and --mtp are for models");
    rc = check_config(h, err);
    return rc == GG_OK ? gg_hf_json_text(&h->raw_config, text, strlen(text), h->opts->base_name, err) : rc;
}

/* ---- names ----------------------------------------------------------------------------------- */

int gg_hf_lora_name(char *name, size_t *nbytes, char *which, struct gg_err *err)
{
    static const struct {
        const char *end;
        char which;
    } ends[] = {{".lora_A.weight", 'a'}, {".lora_B.weight", 'b'},
                {".lora_embedding_A", 'a'}, {".lora_embedding_B", 'b'}};
    static const char prefix[] = "base_model.model.";
    size_t n = *nbytes, p = sizeof prefix - 1;
    char shown[160];
    if (n > p && memcmp(name, prefix, p) == 0) {
        n -= p;
        memmove(name, name + p, n + 1);
    }
    *which = '\0';
    for (size_t i = 0; i < GG_COUNTOF(ends); i++) {
        size_t e = strlen(ends[i].end);
        if (n <= e || strcmp(name + n - e, ends[i].end) != 0)
            continue;
        *which = ends[i].which;
        strcpy(name + n - e, ".weight"); /* shorter than all of them */
        n = n - e + 7;
        break;
    }
    *nbytes = n;
    if (*which != '\0' || strstr(name, "norm") != NULL)
        return GG_OK;
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                   "tensor '%s' is neither A nor B of a pair: a GGUF adapter cannot hold whole weights",
                   gg_text_escape_into(shown, sizeof shown, name, n));
}

/* ---- checks ---------------------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *v)
{
    while (*v != NULL && strstr(name, *v) == NULL)
        v++;
    return *v != NULL;
}

/* Inputs are as wide as the model, or outputs are, and what lies between is as wide as config.json says (gate
 * and up may be one, or the width be that of both): an adapter of another base shows here. */
static int check_width(const struct hf *h, const struct hf_vt *v, bool is_a, struct gg_err *err)
{
    static const char *const in[] = {".attn_q.", ".attn_k.", ".attn_v.", ".attn_qkv.", ".ffn_gate.", ".ffn_up.",
                                     ".ffn_gate_exps.", ".ffn_up_exps.", NULL};
    static const char *const out[] = {".attn_output.", ".ffn_down.", ".ffn_down_exps.", NULL};
    static const char *const wide_in[] = {".ffn_down.", NULL}, *const wide_out[] = {".ffn_gate.", ".ffn_up.", NULL};
    uint64_t width, have = is_a ? v->ne[0] : v->ne[1];
    const char *key = NULL;
    if (is_one_of(v->name, is_a ? in : out) &&
        gg_hf_get_u64(h->config, "hidden_size|n_embd|d_model|dim", &width) && have != width)
        key = "hidden_size";
    else if (is_one_of(v->name, is_a ? wide_in : wide_out) &&
             gg_hf_get_u64(h->config, "intermediate_size|n_inner|ffn_dim", &width) && have != width &&
             have != 2 * width && 2 * have != width)
        key = "intermediate_size";
    return key == NULL ? GG_OK
                       : gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                                 "%s has %llu %s, the base model's config.json says %s %llu: it is an adapter "
                                 "of another model",
                                 v->name, (unsigned long long)have, is_a ? "inputs" : "outputs", key,
                                 (unsigned long long)width);
}

int gg_hf_lora_check(struct hf *h, struct gg_err *err)
{
    struct gg_map names = GG_MAP_INIT;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < h->n_vts; i++) {
        if (gg_map_add(&names, h->vts[i].name, strlen(h->vts[i].name), i, NULL) < 0)
            rc = gg_fail_nomem(err, "the list of tensors");
    }
    for (size_t i = 0; rc == GG_OK && i < h->n_vts; i++) {
        const struct hf_vt *v = &h->vts[i];
        size_t n = strlen(v->name);
        bool is_a = strstr(v->name, ".lora_a") != NULL;
        char other[256];
        uint64_t at;
        if (!is_a && strstr(v->name, ".lora_b") == NULL)
            continue;
        memcpy(other, v->name, n + 1);
        other[n - 1] = is_a ? 'b' : 'a';
        if (!gg_map_get(&names, other, n, &at)) {
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s has no %s beside it", v->name, other);
            break;
        }
        const struct hf_vt *w = &h->vts[at];
        bool embedding = strncmp(v->name, "token_embd", 10) == 0;
        if (is_a && (v->n_dims < 2 || w->n_dims != v->n_dims ||
                     v->ne[embedding ? 0 : 1] != w->ne[0] || v->ne[2] != w->ne[2]))
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s and %s are not of one rank", v->name, other);
        if (rc == GG_OK)
            rc = check_width(h, v, is_a, err);
    }
    gg_map_free(&names);
    return rc;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* llama.cpp divides alpha by the rank; rsLoRA does by its root. */
static int read_alpha(struct hf *h, double *alpha, struct gg_err *err)
{
    double r;
    if (!gg_hf_get_f64(h->adapter, "lora_alpha", alpha))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "adapter_config.json: no lora_alpha");
    if (!json_is_true(json_object_get(h->adapter, "use_rslora")))
        return GG_OK;
    if (!gg_hf_get_f64(h->adapter, "r", &r) || !(r > 0) ||
        json_object_size(json_object_get(h->adapter, "rank_pattern")) > 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "adapter_config.json: use_rslora wants one rank, r, for all weights");
    *alpha *= sqrt(r);
    gg_findings_add(h->notes, GG_NOTE, "lora", NULL, 0, GG_NOWHERE,
                    "rsLoRA: adapter.lora.alpha is lora_alpha times the root of r");
    return GG_OK;
}

int gg_hf_lora_keys(struct hf *h, struct gg_err *err)
{
    const json_t *tokens = json_object_get(h->adapter, "alora_invocation_tokens");
    struct gg_buf b = GG_BUF_INIT;
    double alpha = 0;
    int rc = read_alpha(h, &alpha, err);
    if (rc == GG_OK)
        rc = gg_hf_set_f32(h, "adapter.lora.alpha", alpha, err);
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        uint64_t id = UINT64_MAX;
        uint8_t four[4];
        if (rc == GG_OK && (!gg_hf_as_u64(json_array_get(tokens, i), &id) || id > UINT32_MAX))
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                         "adapter_config.json: alora_invocation_tokens are no tokens");
        gg_store_u32(four, (uint32_t)id);
        gg_buf_add(&b, four, 4);
    }
    if (rc == GG_OK && b.failed)
        rc = gg_fail_nomem(err, "a list");
    if (rc == GG_OK && json_array_size(tokens) > 0)
        rc = gg_hf_set_array(h, "adapter.alora.invocation_tokens", GGF_U32, json_array_size(tokens),
                             b.data, b.nbytes, err);
    if (rc == GG_OK && json_array_size(tokens) == 0 && gg_hf_get_str(h->adapter, "invocation_string"))
        gg_findings_add(h->notes, GG_WARN, "lora", NULL, 0, GG_NOWHERE,
                        "adapter_config.json: invocation_string is left out; alora_invocation_tokens are "
                        "what a GGUF adapter has");
    gg_buf_free(&b);
    return rc;
}
