/* Hyper-parameters to metadata, by the key tables of an architecture. */
#include "lib/hf/arch.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <math.h>
#include <stdio.h>

static int fail_missing(const struct hf_key *k, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no %s, which %s needs",
                   k->from != NULL ? k->from : "rope parameters", k->key);
}

static int set_number(struct hf *h, const struct hf_key *k, double d, const char *from,
                      struct gg_err *err)
{
    if (k->type == GGF_F32)
        return gg_hf_set_f32(h, k->key, d, err);
    if (!(d >= 0 && d <= UINT32_MAX) || d != (double)(uint32_t)d)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: %s is no count: %g", from, d);
    return gg_hf_set_u32(h, k->key, (uint64_t)d, err);
}

static int fail_kind(struct hf *h, const struct hf_key *k, const char *what, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                   "config.json: %s is not a %s, which %s of '%s' should be", k->from, what, k->key,
                   h->arch->gguf);
}

static int set_list(struct hf *h, const struct hf_key *k, const json_t *list, struct gg_err *err);

static int set_fallback(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    if (k->fallback == NULL)
        return GG_OK;
    if (k->fallback[0] == '!')
        return fail_missing(k, err);
    if (k->fallback[0] == '[') {
        json_t *list = json_loads(k->fallback, 0, NULL);
        int rc = list == NULL ? gg_fail_nomem(err, "a list") : set_list(h, k, list, err);
        json_decref(list);
        return rc;
    }
    return gg_hf_set_text(h, k->key, k->type, k->fallback, err);
}

/* A list: whole numbers become I32, as upstream has it, others F32 and truth values BOOL. */
static int set_list(struct hf *h, const struct hf_key *k, const json_t *list, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    const json_t *first = json_array_get(list, 0), *v;
    enum ggf_vtype elem = json_is_boolean(first) ? GGF_BOOL : k->type == GGF_F32 ? GGF_F32 : GGF_I32;
    size_t i;
    int rc = GG_OK;
    json_array_foreach (list, i, v) {
        double d = json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
        uint8_t raw[4] = {json_is_true(v)};
        if (json_is_boolean(v) != (elem == GGF_BOOL) || (elem != GGF_BOOL && !json_is_number(v)) ||
            (elem == GGF_I32 && !(d >= INT32_MIN && d <= INT32_MAX)))
            rc = fail_kind(h, k, "list of one kind of number", err);
        else if (elem == GGF_F32)
            gg_store_u32(raw, gg_bits_from_f32((float)d));
        else if (elem == GGF_I32)
            gg_store_u32(raw, (uint32_t)(int32_t)d);
        if (rc != GG_OK)
            break;
        gg_buf_add(&b, raw, elem == GGF_BOOL ? 1 : 4);
    }
    if (rc == GG_OK && b.failed)
        rc = gg_fail_nomem(err, "a list");
    if (rc == GG_OK)
        rc = gg_hf_set_array(h, k->key, elem, json_array_size(list), gg_buf_str(&b), b.nbytes, err);
    gg_buf_free(&b);
    return rc;
}

static int set_value(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    const json_t *v = gg_hf_get(h->config, k->from);
    if (v == NULL)
        return set_fallback(h, k, err);
    if (json_is_array(v) && json_array_size(v) > 0)
        return set_list(h, k, v, err);
    if (k->type == GGF_BOOL && json_is_boolean(v))
        return gg_hf_set_bool(h, k->key, json_is_true(v), err);
    if (k->type == GGF_STR && json_is_string(v))
        return gg_hf_set_str(h, k->key, json_string_value(v), err);
    if (!json_is_number(v) || k->type == GGF_BOOL || k->type == GGF_STR)
        return fail_kind(h, k, k->type == GGF_BOOL ? "truth value" : k->type == GGF_STR ? "text" : "number",
                         err);
    return set_number(h, k, json_number_value(v), k->from, err);
}

static int set_sum(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    const char *text = k->from, *missing;
    double d;
    if (!gg_hf_eval(h, &text, &d, &missing)) {
        if (k->fallback == NULL || k->fallback[0] != '!')
            return set_fallback(h, k, err);
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no %.*s, which %s needs",
                       (int)strcspn(missing, " )+-*/"), missing, k->key);
    }
    if (k->type == GGF_BOOL)
        return gg_hf_set_bool(h, k->key, d != 0, err);
    return set_number(h, k, k->type == GGF_U32 ? trunc(d) : d, k->from, err);
}

/* {"0": "a", "1": "b"} becomes a, b. */
static int set_labels(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    const json_t *labels = gg_hf_get(h->config, k->from);
    size_t n = json_object_size(labels);
    struct gg_buf b = GG_BUF_INIT;
    if (!gg_hf_holds(h, HF_HAS_LABELS))
        return GG_OK;
    for (size_t i = 0; i < n; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        const json_t *one = json_object_get(labels, key);
        if (!json_is_string(one)) {
            gg_buf_free(&b);
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: %s has no label %zu", k->from, i);
        }
        gg_hf_add_str(&b, json_string_value(one), json_string_length(one));
    }
    int rc = b.failed ? gg_fail_nomem(err, "labels")
                      : gg_hf_set_array(h, k->key, GGF_STR, n, gg_buf_str(&b), b.nbytes, err);
    gg_buf_free(&b);
    return rc;
}

/* For each layer whether the list of numbers has it. */
static int set_marks(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    const json_t *list = gg_hf_get(h->config, k->from);
    struct gg_buf b = GG_BUF_INIT;
    size_t j;
    json_t *one;
    for (uint64_t i = 0; i < h->n_layers; i++) {
        bool is = false;
        json_array_foreach (list, j, one)
            is = is || (json_is_number(one) && json_number_value(one) == (double)i);
        gg_buf_addc(&b, is);
    }
    int rc = b.failed ? gg_fail_nomem(err, "a list")
                      : gg_hf_set_array(h, k->key, GGF_BOOL, h->n_layers, gg_buf_str(&b), b.nbytes, err);
    gg_buf_free(&b);
    return rc;
}

/* A sum a layer. */
static int set_each(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    const json_t *list = k->fallback != NULL ? gg_hf_get(h->config, k->fallback) : NULL;
    uint64_t n = list != NULL ? json_array_size(list) : h->n_layers;
    if (k->fallback != NULL && strcmp(k->fallback, "1") == 0)
        n = 1;
    int rc = GG_OK;
    for (h->layer = 0; rc == GG_OK && h->layer < n; h->layer++) {
        const char *text = k->from, *missing;
        uint8_t raw[4];
        double d;
        if (!gg_hf_eval(h, &text, &d, &missing))
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no %.*s for layer %llu, which %s needs",
                         (int)strcspn(missing, " )+-*/%<="), missing, (unsigned long long)h->layer, k->key);
        else if (isnan(d) || (k->type == GGF_I32 && !(d >= 0 && d <= INT32_MAX)))
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: %s is no count: %g", k->from, d);
        if (rc != GG_OK)
            break;
        if (k->type == GGF_BOOL)
            raw[0] = d != 0;
        else
            gg_store_u32(raw, k->type == GGF_F32 ? gg_bits_from_f32((float)d) : (uint32_t)d);
        gg_buf_add(&b, raw, k->type == GGF_BOOL ? 1 : 4);
    }
    if (rc == GG_OK)
        rc = b.failed ? gg_fail_nomem(err, "a list")
                      : gg_hf_set_array(h, k->key, k->type, n, gg_buf_str(&b), b.nbytes, err);
    gg_buf_free(&b);
    return rc;
}

static int read_number(struct hf *h, const char *name, float *out, struct gg_err *err)
{
    for (size_t i = 0; i < gg_checkpoint_n_tensors(h->ckpt); i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, i);
        uint8_t raw[8];
        if (t->name_nbytes != strlen(name) || memcmp(t->name, name, t->name_nbytes) != 0 ||
            (t->dtype != GG_DT_F32 && t->dtype != GG_DT_BF16 && t->dtype != GG_DT_F16))
            continue;
        int rc = gg_checkpoint_read(h->ckpt, i, 0, 1, raw, err);
        if (rc == GG_OK)
            gg_dtype_to_f32(out, raw, t->dtype, 1);
        return rc;
    }
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "there is no tensor '%s' of a number", name);
}

static int set_stored(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    int rc = GG_OK;
    for (uint64_t i = 0; rc == GG_OK && i < h->n_layers; i++) {
        char *name = gg_hf_fill(h->arena, k->from, i, "");
        uint8_t raw[4];
        float x = 0;
        rc = name == NULL ? gg_fail_nomem(err, "a tensor's name") : read_number(h, name, &x, err);
        gg_store_u32(raw, gg_bits_from_f32(x));
        gg_buf_add(&b, raw, 4);
    }
    if (rc == GG_OK)
        rc = b.failed ? gg_fail_nomem(err, "a list")
                      : gg_hf_set_array(h, k->key, GGF_F32, h->n_layers, gg_buf_str(&b), b.nbytes, err);
    gg_buf_free(&b);
    return rc;
}

/* For each layer whether layer_types calls it so; without the list all but every n-th are, n the
 * fallback. */
static int set_layers(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    const json_t *list = json_object_get(h->config, "layer_types");
    const char *text = k->fallback, *missing;
    double every = 0;
    struct gg_buf b = GG_BUF_INIT;
    if (!json_is_array(list) && (text == NULL || !gg_hf_eval(h, &text, &every, &missing) || !(every >= 1)))
        return GG_OK;
    uint64_t n = json_is_array(list) ? json_array_size(list) : h->n_layers;
    for (uint64_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, (size_t)i));
        gg_buf_addc(&b, json_is_array(list) ? s != NULL && strcmp(s, k->from) == 0
                                            : (i + 1) % (uint64_t)every != 0);
    }
    int rc = b.failed ? gg_fail_nomem(err, "a list")
                      : gg_hf_set_array(h, k->key, GGF_BOOL, n, gg_buf_str(&b), b.nbytes, err);
    gg_buf_free(&b);
    return rc;
}

static int set_head_dim(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    uint64_t dim, width, heads;
    double part = 1;
    if (k->what == HF_HEAD_DIM && gg_hf_get_u64(h->config, "head_dim", &dim))
        return gg_hf_set_u32(h, k->key, dim, err);
    if (!gg_hf_get_u64(h->config, "hidden_size|n_embd", &width) ||
        !gg_hf_get_u64(h->config, "num_attention_heads|n_head", &heads) || heads == 0)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json: no hidden_size and num_attention_heads, which %s needs",
                       k->key);
    if (k->what == HF_PARTIAL_DIM)
        gg_hf_get_f64(h->rope, "partial_rotary_factor", &part);
    if (!(part > 0 && part <= 1))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: partial_rotary_factor is %g",
                       part);
    return gg_hf_set_u32(h, k->key, (uint64_t)(part * (double)width) / heads, err);
}

static int set_gating(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    static const char *const names[] = {"", "softmax", "sigmoid", "softmax_weight", "sqrtsoftplus"};
    const char *s = gg_hf_get_str(h->config, k->from);
    if (s == NULL)
        return GG_OK;
    for (unsigned i = 1; i < 5; i++) {
        if (strcmp(s, names[i]) == 0)
            return gg_hf_set_u32(h, k->key, i, err);
    }
    char shown[64];
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                   "config.json: gating function '%s' is not known",
                   gg_text_escape_into(shown, sizeof shown, s, strlen(s)));
}

static int set_one(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    double d;
    if (!gg_hf_holds(h, k->when))
        return GG_OK;
    switch (k->what) {
    case HF_VALUE:
        return set_value(h, k, err);
    case HF_EXPR:
        return set_sum(h, k, err);
    case HF_POOLING:
        return gg_hf_pooling_key(h, err);
    case HF_LABELS:
        return set_labels(h, k, err);
    case HF_MARKS:
        return set_marks(h, k, err);
    case HF_EACH:
        return set_each(h, k, err);
    case HF_STORED:
        return set_stored(h, k, err);
    case HF_LAYERS:
        return set_layers(h, k, err);
    case HF_CONST:
        return set_fallback(h, k, err);
    case HF_ROPE:
        return gg_hf_rope_keys(h, err);
    case HF_HEAD_DIM:
    case HF_PARTIAL_DIM:
        return set_head_dim(h, k, err);
    case HF_GATING:
        return set_gating(h, k, err);
    case HF_FILE_TYPE:
        return gg_hf_set_u32(h, "general.file_type", h->file_type, err);
    case HF_ROPE_BASE:
        d = gg_hf_rope_theta(h, -1);
        return d < 0 ? set_fallback(h, k, err) : gg_hf_set_f32(h, k->key, d, err);
    case HF_ROPE_ORIG:
        if (!gg_hf_get_f64(h->rope, "original_max_position_embeddings", &d))
            return set_fallback(h, k, err);
        return set_number(h, k, d, "original_max_position_embeddings", err);
    case HF_WINDOW:
        if (gg_hf_get_f64(h->config, "sliding_window_pattern", &d) && d == 1)
            return GG_OK;
        return set_value(h, k, err);
    }
    return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a key table has a row of no kind");
}

int gg_hf_key_list(struct hf *h, const struct hf_key *k, struct gg_err *err)
{
    int rc = GG_OK;
    for (; rc == GG_OK && k != NULL && (k->key != NULL || k->what != HF_VALUE); k++)
        rc = set_one(h, k, err);
    return rc;
}

int gg_hf_keys(struct hf *h, struct gg_err *err)
{
    int rc = GG_OK;
    for (const struct hf_key *const *list = h->arch->keys; rc == GG_OK && *list != NULL; list++)
        rc = gg_hf_key_list(h, *list, err);
    return rc;
}
