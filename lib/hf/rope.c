/* Rope: the many places its parameters are stored in, its keys, and its factors as tensors. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <math.h>
#include <string.h>

/* Copies the first of names that the config has, unless the rope parameters have it already. */
static int mirror(struct hf *h, const char *key, const char *names, struct gg_err *err)
{
    json_t *v = gg_hf_get(h->config, names);
    if (v == NULL || json_is_null(v) || json_object_get(h->rope, key) != NULL)
        return GG_OK;
    if (!json_is_number(v) && !(json_is_array(v) && strcmp(key, "rope_theta") == 0))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: %s is no number", key);
    return json_object_set(h->rope, key, v) == 0 ? GG_OK : gg_fail_nomem(err, "rope parameters");
}

static int mirror_local(struct hf *h, struct gg_err *err)
{
    json_t *v = gg_hf_get(h->config,
                          "local_rope_theta|rope_local_theta|rope_theta_local|swa_rope_theta|"
                          "rope_local_base_freq");
    if (v == NULL)
        return GG_OK;
    json_t *o = json_pack("{s:O}", "rope_theta", v);
    if (o == NULL || json_object_set_new(h->rope, "sliding_attention", o) != 0)
        return gg_fail_nomem(err, "rope parameters");
    return GG_OK;
}

int gg_hf_rope_read(struct hf *h, struct gg_err *err)
{
    json_t *stored = json_object_get(h->config, "rope_parameters");
    if (stored == NULL)
        stored = json_object_get(h->config, "rope_scaling");
    h->rope = json_is_object(stored) ? json_deep_copy(stored) : json_object();
    if (h->rope == NULL)
        return gg_fail_nomem(err, "rope parameters");
    if (json_object_get(h->rope, "full_attention") || json_object_get(h->rope, "sliding_attention"))
        return GG_OK; /* the new form says all */
    int rc = mirror_local(h, err);
    if (rc == GG_OK)
        rc = mirror(h, "rope_theta",
                    "global_rope_theta|rope_global_theta|rope_theta_global|rope_theta|"
                    "rotary_emb_base",
                    err);
    json_t *bases = json_object_get(h->rope, "rope_theta"); /* of layers that see all, that see a window, ... */
    if (rc == GG_OK && json_is_array(bases)) {
        json_t *local = json_pack("{s:O}", "rope_theta", json_array_get(bases, 1));
        if ((local != NULL && json_object_set_new(h->rope, "sliding_attention", local) != 0) ||
            json_object_set(h->rope, "rope_theta", json_array_get(bases, 0)) != 0)
            rc = gg_fail_nomem(err, "rope parameters");
    }
    json_t *type = json_object_get(h->rope, "type");
    if (rc == GG_OK && type != NULL && json_object_get(h->rope, "rope_type") == NULL &&
        json_object_set(h->rope, "rope_type", type) != 0)
        rc = gg_fail_nomem(err, "rope parameters");
    if (rc == GG_OK)
        rc = mirror(h, "partial_rotary_factor", "partial_rotary_factor|rope_pct|rope_percent", err);
    if (rc == GG_OK)
        rc = mirror(h, "original_max_position_embeddings", "original_max_position_embeddings", err);
    return rc;
}

const json_t *gg_hf_rope_full(const struct hf *h)
{
    const json_t *o = json_object_get(h->rope, "full_attention");
    return json_is_object(o) ? o : h->rope;
}

double gg_hf_rope_theta(const struct hf *h, double fallback)
{
    double d;
    return gg_hf_get_f64(gg_hf_rope_full(h), "rope_theta", &d) ? d : fallback;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int set_if(struct hf *h, const char *key, const char *names, struct gg_err *err)
{
    double d;
    return gg_hf_get_f64(gg_hf_rope_full(h), names, &d) ? gg_hf_set_f32(h, key, d, err) : GG_OK;
}

static int yarn_keys(struct hf *h, struct gg_err *err)
{
    uint64_t orig;
    if (!gg_hf_get_u64(gg_hf_rope_full(h), "original_max_position_embeddings", &orig))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json: yarn without original_max_position_embeddings");
    int rc = gg_hf_set_u32(h, ".rope.scaling.original_context_length", orig, err);
    if (rc == GG_OK)
        rc = set_if(h, ".rope.scaling.yarn_ext_factor", "extrapolation_factor", err);
    if (rc == GG_OK)
        rc = set_if(h, ".rope.scaling.yarn_attn_factor", "attention_factor|attn_factor", err);
    if (rc == GG_OK)
        rc = set_if(h, ".rope.scaling.yarn_beta_fast", "beta_fast", err);
    return rc == GG_OK ? set_if(h, ".rope.scaling.yarn_beta_slow", "beta_slow", err) : rc;
}

static int scaling_keys(struct hf *h, const char *type, struct gg_err *err)
{
    double factor;
    bool has_factor = gg_hf_get_f64(gg_hf_rope_full(h), "factor", &factor);
    char shown[64];
    int rc;
    if (has_factor && (strcmp(type, "linear") == 0 || strcmp(type, "yarn") == 0)) {
        rc = gg_hf_set_str(h, ".rope.scaling.type", type, err);
        if (rc == GG_OK)
            rc = gg_hf_set_f32(h, ".rope.scaling.factor", factor, err);
        return rc == GG_OK && type[0] == 'y' ? yarn_keys(h, err) : rc;
    }
    if (strcmp(type, "su") == 0 || strcmp(type, "longrope") == 0)
        return gg_hf_set_str(h, ".rope.scaling.type", "longrope", err);
    if (strcmp(type, "default") != 0 && strcmp(type, "proportional") != 0 && strcmp(type, "dynamic") != 0 && strcmp(type, "llama3") != 0 &&
        strcmp(type, "mrope") != 0 && strcmp(type, "xdrope") != 0)
        gg_findings_add(h->notes, GG_WARN, "rope", NULL, 0, GG_NOWHERE,
                        "config.json: rope type '%s' is not known; no scaling is written",
                        gg_text_escape_into(shown, sizeof shown, type, strlen(type)));
    return GG_OK;
}

/* Dimensions for time, height and width, and what is left. */
static int section_key(struct hf *h, struct gg_err *err)
{
    const json_t *list = json_object_get(h->rope, "mrope_section");
    uint8_t four[16] = {0};
    for (size_t i = 0; i < 4 && i < json_array_size(list); i++) {
        uint64_t n;
        if (!gg_hf_as_u64(json_array_get(list, i), &n) || n > INT32_MAX)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: mrope_section has no counts");
        gg_store_u32(four + 4 * i, (uint32_t)n);
    }
    return json_is_array(list) ? gg_hf_set_array(h, ".rope.dimension_sections", GGF_I32, 4, four, 16, err)
                               : GG_OK;
}

int gg_hf_rope_keys(struct hf *h, struct gg_err *err)
{
    const char *type = gg_hf_get_str(gg_hf_rope_full(h), "rope_type");
    int rc = type != NULL ? scaling_keys(h, type, err) : GG_OK;
    double d;
    if (rc == GG_OK)
        rc = section_key(h, err);
    if (rc == GG_OK)
        rc = set_if(h, ".rope.freq_base", "rope_theta", err);
    const json_t *local = json_object_get(h->rope, "sliding_attention");
    if (rc == GG_OK && json_is_object(local) && gg_hf_get_f64(local, "rope_theta", &d))
        rc = gg_hf_set_f32(h, ".rope.freq_base_swa", d, err);
    return rc;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static int add_vector(struct hf *h, const char *name, float *data, size_t n, struct gg_err *err)
{
    struct hf_vt *v = gg_hf_vt_add(h, name, err);
    if (v == NULL)
        return err->code;
    v->type = QT_F32;
    v->n_dims = 1;
    v->ne[0] = n;
    v->data = data;
    v->rank = h->n_vts - 1; /* before all stored ones: see gg_hf_rope_tensors */
    return GG_OK;
}

/* In F32 with every step rounded, and reciprocals where PyTorch takes them. */
static float llama3_factor(float freq, double factor, double low, double high, double orig)
{
    float wavelen = (1.0f / freq) * (float)(2 * 3.14159265358979323846);
    float smooth;
    if (wavelen < orig / high)
        return 1;
    if (wavelen > orig / low)
        return (float)factor;
    smooth = ((1.0f / wavelen) * (float)orig - (float)low) / (float)(high - low);
    return 1.0f / ((1.0f - smooth) / (float)factor + smooth);
}

/* The same in F64, as Step 3.5 has it. */
static float step_factor(double freq, double factor, double low, double high, double orig)
{
    double wavelen = 2 * 3.14159265358979323846 / freq;
    if (wavelen < orig / high)
        return 1;
    if (wavelen > orig / low)
        return (float)factor;
    double smooth = (orig / wavelen - low) / (high - low);
    return (float)(1.0 / ((1.0 - smooth) / factor + smooth));
}

/* The part of a head that rope turns, where layers differ in it: that of the layers that see everything. */
static double part_of_full(const struct hf *h)
{
    const json_t *parts = json_object_get(h->config, "partial_rotary_factors");
    const json_t *types = json_object_get(h->config, "layer_types");
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        if (type != NULL && strcmp(type, "full_attention") == 0)
            return json_number_value(json_array_get(parts, i));
    }
    return 1;
}

static int llama3_tensor(struct hf *h, struct gg_err *err)
{
    const json_t *r = gg_hf_rope_full(h);
    double base = 10000, factor = 8, low = 1, high = 4, orig = 8192;
    uint64_t dim = 0, width, heads;
    gg_hf_get_f64(r, "rope_theta", &base);
    gg_hf_get_f64(r, "factor", &factor);
    gg_hf_get_f64(r, "low_freq_factor", &low);
    gg_hf_get_f64(r, "high_freq_factor", &high);
    gg_hf_get_f64(r, "original_max_position_embeddings", &orig);
    if (!gg_hf_get_u64(h->config, "head_dim", &dim) &&
        gg_hf_get_u64(h->config, "hidden_size", &width) &&
        gg_hf_get_u64(h->config, "num_attention_heads", &heads) && heads > 0)
        dim = width / heads;
    if (dim < 2 || dim > 65536 || !(base > 0) || !(low > 0) || !(high > low) || !(factor > 0))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json: llama3 rope scaling makes no sense");
    size_t n = (size_t)(dim + 1) / 2;
    float *data = gg_arena_zalloc(h->arena, n, sizeof *data);
    if (data == NULL)
        return gg_fail_nomem(err, "rope factors");
    bool step = json_object_get(h->config, "partial_rotary_factors") != NULL;
    uint64_t turned = (uint64_t)(part_of_full(h) * (double)dim);
    for (size_t i = 0; i < n; i++) {
        float power = (float)pow((float)base, (float)(2 * i) / (float)turned);
        data[i] = 2 * i >= turned ? 1.0f
                  : step          ? step_factor(1.0f / power, factor, low, high, orig)
                                  : llama3_factor(1.0f / power, factor, low, high, orig);
    }
    return add_vector(h, "rope_freqs.weight", data, n, err);
}

static int factor_tensor(struct hf *h, const char *name, const json_t *list, size_t want,
                         struct gg_err *err)
{
    size_t n = json_array_size(list);
    if (n != want)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json: %zu rope factors for %s, %zu wanted", n, name, want);
    float *data = gg_arena_zalloc(h->arena, n + 1, sizeof *data);
    if (data == NULL)
        return gg_fail_nomem(err, "rope factors");
    for (size_t i = 0; i < n; i++) {
        if (!json_is_number(json_array_get(list, i)))
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                           "config.json: a rope factor is no number");
        data[i] = (float)json_number_value(json_array_get(list, i));
    }
    return add_vector(h, name, data, n, err);
}

static int factor_tensors(struct hf *h, size_t want, struct gg_err *err)
{
    int rc = factor_tensor(h, "rope_factors_long.weight", json_object_get(h->rope, "long_factor"), want,
                           err);
    return rc == GG_OK ? factor_tensor(h, "rope_factors_short.weight",
                                       json_object_get(h->rope, "short_factor"), want, err)
                       : rc;
}

/* MiniCPM: only the tensors. */
static int plain_factors(struct hf *h, struct gg_err *err)
{
    const char *text = "int(hidden_size / H) / 2", *of_rope = "qk_rope_head_dim / 2", *missing;
    double d;
    if (gg_hf_holds(h, of_rope))
        text = of_rope;
    if (!json_object_get(h->rope, "long_factor") && !json_object_get(h->rope, "short_factor"))
        return GG_OK;
    if (!gg_hf_eval(h, &text, &d, &missing) || !(d >= 1 && d < 0x1p20))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: rope factors without the rest");
    return factor_tensors(h, (size_t)d, err);
}

/* Phi-3: tensors of factors, and what attention is scaled by for the longer context. */
static int longrope_tensors(struct hf *h, struct gg_err *err)
{
    const char *type = gg_hf_get_str(h->rope, "rope_type");
    const json_t *lf = json_object_get(h->rope, "long_factor");
    double ctx = 0, orig = 0, part = 1, attn = 1;
    uint64_t width = 0, heads = 0;
    if (!json_is_array(lf) || json_array_size(lf) == 0)
        return GG_OK;
    gg_hf_get_f64(h->rope, "partial_rotary_factor", &part);
    if (type == NULL || !gg_hf_get_f64(h->config, "n_positions|max_position_embeddings", &ctx) ||
        !gg_hf_get_f64(h->rope, "original_max_position_embeddings", &orig) || !(orig > 1) ||
        !gg_hf_get_u64(h->config, "hidden_size|n_embd", &width) ||
        !gg_hf_get_u64(h->config, "num_attention_heads|n_head", &heads) || heads == 0 ||
        !(part > 0 && part <= 1))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json: long rope factors without the rest");
    double scale = ctx / orig;
    if (strcmp(type, "su") == 0 || strcmp(type, "longrope") == 0)
        attn = scale > 1 ? sqrt(1 + log(scale) / log(orig)) : 1;
    else if (strcmp(type, "yarn") == 0)
        attn = scale > 1 ? 0.1 * log(scale) + 1 : 1;
    else
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "config.json: long rope factors of a type that is not known");
    size_t want = (size_t)((uint64_t)(part * (double)width) / heads / 2);
    int rc = gg_hf_set_f32(h, ".rope.scaling.attn_factor", attn, err);
    return rc == GG_OK ? factor_tensors(h, want, err) : rc;
}

/* Gemma 4: of the layers that see everything only the first part of a head is turned; the rest gets factors
 * that leave it where it is. */
static int proportional_tensor(struct hf *h, struct gg_err *err)
{
    const char *text = "int(global_head_dim * rope.partial_rotary_factor / 2)", *half = "int(global_head_dim / 2)";
    const char *missing;
    double turned, all;
    if (!gg_hf_eval(h, &text, &turned, &missing) || !gg_hf_eval(h, &half, &all, &missing) ||
        !(turned >= 0 && turned <= all && all >= 1 && all < 0x1p20))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json: no global_head_dim and partial_rotary_factor of full_attention");
    float *data = gg_arena_zalloc(h->arena, (size_t)all, sizeof *data);
    if (data == NULL)
        return gg_fail_nomem(err, "rope factors");
    for (size_t i = 0; i < (size_t)all; i++)
        data[i] = i < (size_t)turned ? 1.0f : 1e30f;
    return add_vector(h, "rope_freqs.weight", data, (size_t)all, err);
}

int gg_hf_rope_tensors(struct hf *h, struct gg_err *err)
{
    if (h->arch->flags & HF_PROPORTIONAL_ROPE)
        return proportional_tensor(h, err);

    const char *type = gg_hf_get_str(gg_hf_rope_full(h), "rope_type");
    if ((h->arch->flags & HF_LLAMA3_ROPE) && type != NULL && gg_text_ieq(type, "llama3"))
        return llama3_tensor(h, err);
    if (h->arch->flags & HF_ROPE_FACTORS)
        return plain_factors(h, err);
    return h->arch->flags & HF_LONGROPE ? longrope_tensors(h, err) : GG_OK;
}
