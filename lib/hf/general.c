/* general.*: who made the model, what it is called, where it is from. From a metadata file, the
 * model card, the configuration, and the folder's name, in this order, as llama.cpp's converter
 * does. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Facts are collected in one object under these names, then written in this order. */
static const struct fact {
    const char *name;
    const char *key;
    enum ggf_vtype type; /* GGF_ARR: texts */
    const char *card; /* where a model card has it: "a|b" */
    const char *generation; /* in generation_config.json */
} facts[] = {
    {"sampling_sequence", "general.sampling.sequence", GGF_STR, NULL, "sequence"},
    {"sampling_top_k", "general.sampling.top_k", GGF_I32, NULL, "top_k"},
    {"sampling_top_p", "general.sampling.top_p", GGF_F32, NULL, "top_p"},
    {"sampling_min_p", "general.sampling.min_p", GGF_F32, NULL, "min_p"},
    {"sampling_xtc_p", "general.sampling.xtc_probability", GGF_F32, NULL, "xtc_probability"},
    {"sampling_xtc_t", "general.sampling.xtc_threshold", GGF_F32, NULL, "xtc_threshold"},
    {"sampling_temp", "general.sampling.temp", GGF_F32, NULL, "temperature"},
    {"sampling_last_n", "general.sampling.penalty_last_n", GGF_I32, NULL, "penalty_last_n"},
    {"sampling_repeat", "general.sampling.penalty_repeat", GGF_F32, NULL, "penalty_repeat"},
    {"sampling_mirostat", "general.sampling.mirostat", GGF_I32, NULL, "mirostat"},
    {"sampling_tau", "general.sampling.mirostat_tau", GGF_F32, NULL, "mirostat_tau"},
    {"sampling_eta", "general.sampling.mirostat_eta", GGF_F32, NULL, "mirostat_eta"},
    {"name", "general.name", GGF_STR, "name|model_name", NULL},
    {"author", "general.author", GGF_STR, "author|model_author|model_creator", NULL},
    {"version", "general.version", GGF_STR, "version|model_version", NULL},
    {"organization", "general.organization", GGF_STR, "organization|model_organization", NULL},
    {"finetune", "general.finetune", GGF_STR, "finetune|model_finetune", NULL},
    {"basename", "general.basename", GGF_STR, "basename|model_basename|model_type", NULL},
    {"description", "general.description", GGF_STR, "description|model_description", NULL},
    {"quantized_by", "general.quantized_by", GGF_STR, NULL, NULL},
    {"size_label", "general.size_label", GGF_STR, "size_label|model_size_label", NULL},
    {"license", "general.license", GGF_STR, "license", NULL},
    {"license_name", "general.license.name", GGF_STR, "license_name", NULL},
    {"license_link", "general.license.link", GGF_STR, "license_link", NULL},
    {"url", "general.url", GGF_STR, NULL, NULL},
    {"doi", "general.doi", GGF_STR, NULL, NULL},
    {"uuid", "general.uuid", GGF_STR, NULL, NULL},
    {"repo_url", "general.repo_url", GGF_STR, NULL, NULL},
    {"source_url", "general.source.url", GGF_STR, "url|model_url", NULL},
    {"source_doi", "general.source.doi", GGF_STR, "doi|model_doi", NULL},
    {"source_uuid", "general.source.uuid", GGF_STR, "uuid|model_uuid", NULL},
    {"source_repo_url", "general.source.repo_url", GGF_STR, "repo_url|model_repo_url", NULL},
    {"base_models", "general.base_model", GGF_ARR, NULL, NULL}, /* objects: see write_works */
    {"datasets", "general.dataset", GGF_ARR, NULL, NULL},
    {"tags", "general.tags", GGF_ARR, NULL, NULL},
    {"languages", "general.languages", GGF_ARR, NULL, NULL},
};

/* ---- size ------------------------------------------------------------------------------------ */

struct counts {
    uint64_t all, shared, expert, n_experts;
};

static struct counts count_params(const struct hf *h)
{
    struct counts c = {0};
    uint64_t sum = 0, n = 0;
    for (size_t i = 0; i < h->n_vts; i++) {
        const struct hf_vt *v = &h->vts[i];
        uint64_t size = 0;
        if (!qt_nelems(v->ne, &size))
            continue;
        c.all += size;
        if (strstr(v->name, "_exps.") != NULL && v->n_dims >= 3 && v->ne[2] > 0) {
            c.expert += size / v->ne[2];
            sum += v->ne[2];
            n++;
        } else {
            c.shared += size;
        }
    }
    c.n_experts = n > 0 ? sum / n : 0;
    return c;
}

/* At least two digits: 3.7M, 13M, 8x7B. */
static void size_label(char dst[48], const struct counts *c)
{
    double v = (double)(c->n_experts > 0 ? c->shared + c->expert : c->all);
    const char *unit = v > 1e12 ? "T" : v > 1e9 ? "B" : v > 1e6 ? "M" : "K";
    char whole[32];
    v *= v > 1e12 ? 1e-12 : v > 1e9 ? 1e-9 : v > 1e6 ? 1e-6 : 1e-3;
    snprintf(whole, sizeof whole, "%.0f", nearbyint(v));
    size_t n = strlen(whole + strspn(whole, "0"));
    int decimals = n >= 2 ? 0 : (int)(2 - n);
    if (c->n_experts > 0)
        snprintf(dst, 48, "%llux%.*f%s", (unsigned long long)c->n_experts, decimals, v, unit);
    else
        snprintf(dst, 48, "%.*f%s", decimals, v, unit);
}

/* ---- collecting ------------------------------------------------------------------------------ */

static void set_new(json_t *o, const char *key, const json_t *v)
{
    if (v != NULL && json_object_get(o, key) == NULL)
        json_object_set(o, key, (json_t *)v);
}

static void append_all(json_t *o, const char *key, json_t *v)
{
    json_t *list = json_object_get(o, key), *one;
    size_t i;
    if (v == NULL)
        return;
    if (list == NULL) {
        json_object_set_new(o, key, json_array());
        list = json_object_get(o, key);
    }
    if (json_is_string(v))
        json_array_append(list, v);
    json_array_foreach (v, i, one)
        json_array_append(list, one);
}

static void set_title(json_t *o, const char *key, const char *id)
{
    char *title = id != NULL ? gg_hf_id_to_title(id) : NULL;
    if (title != NULL && json_object_get(o, key) == NULL)
        json_object_set_new(o, key, json_string(title));
    free(title);
}

/* "org/model" or its address on huggingface.co. */
static json_t *work_of(const char *id, uint64_t n_params)
{
    json_t *o = json_object();
    bool url = strncmp(id, "http://", 7) == 0 || strncmp(id, "https://", 8) == 0 ||
               strncmp(id, "ssh://", 6) == 0;
    const char *short_id = id;
    if (url) {
        const char *host = strstr(id, "://huggingface.co/");
        json_object_set_new(o, "repo_url", json_string(id));
        short_id = host != NULL && id[0] == 'h' ? host + strlen("://huggingface.co/") : "";
        const char *slash = strchr(short_id, '/');
        if (slash == NULL || slash == short_id || slash[1] == '\0' ||
            strchr(slash + 1, '/') != NULL)
            return o;
    }
    json_t *parts = gg_hf_model_id(short_id, n_params);
    const char *org = gg_hf_get_str(parts, "organization"), *name = gg_hf_get_str(parts, "name");
    set_title(o, "name", name);
    set_title(o, "organization", org);
    set_new(o, "version", json_object_get(parts, "version"));
    if (!url && org != NULL && name != NULL)
        json_object_set_new(o, "repo_url", json_sprintf("https://huggingface.co/%s/%s", org, name));
    json_decref(parts);
    return o;
}

static void add_works(json_t *o, const char *key, const json_t *ids, uint64_t n_params)
{
    json_t *list = json_array(), *one;
    size_t i;
    if (json_is_string(ids))
        json_array_append_new(list, work_of(json_string_value(ids), n_params));
    json_array_foreach (ids, i, one) {
        if (json_is_string(one))
            json_array_append_new(list, work_of(json_string_value(one), n_params));
    }
    json_object_set_new(o, key, list);
}

static void from_card(json_t *o, const json_t *card, uint64_t n_params)
{
    const json_t *v;
    for (size_t i = 0; i < GG_COUNTOF(facts); i++) {
        if (facts[i].card != NULL)
            set_new(o, facts[i].name, gg_hf_get(card, facts[i].card));
    }
    if ((v = gg_hf_get(card, "base_model|base_models|base_model_sources")) != NULL)
        add_works(o, "base_models", v, n_params);
    if ((v = gg_hf_get(card, "datasets|dataset|dataset_sources")) != NULL)
        add_works(o, "datasets", v, n_params);
    append_all(o, "tags", json_object_get(card, "tags"));
    append_all(o, "tags", json_object_get(card, "pipeline_tag"));
    append_all(o, "languages", json_object_get(card, "languages"));
    append_all(o, "languages", json_object_get(card, "language"));
}

static void from_id(json_t *o, const char *id, uint64_t n_params)
{
    static const char *const same[] = {"basename", "finetune", "version", "size_label"};
    json_t *parts = gg_hf_model_id(id, n_params);
    set_title(o, "name", gg_hf_get_str(parts, "name"));
    set_title(o, "organization", gg_hf_get_str(parts, "organization"));
    for (size_t i = 0; i < GG_COUNTOF(same); i++)
        set_new(o, same[i], json_object_get(parts, same[i]));
    json_decref(parts);
}

/* A name of the hub; a path on somebody's disk is nobody's business. */
static bool is_hub_name(const char *s)
{
    const char *slash = s != NULL ? strchr(s, '/') : NULL;
    return s != NULL && *s != '\0' && *s != '/' &&
           (slash == NULL || strchr(slash + 1, '/') == NULL);
}

/* The key of a fact in a metadata file: the one it is written under, but for lists of works. */
static const char *override_key(const struct fact *f, char dst[64])
{
    snprintf(dst, 64, "general.%s", f->name);
    bool works = strcmp(f->name, "base_models") == 0 || strcmp(f->name, "datasets") == 0;
    return works ? dst : f->key;
}

/* Keys that nothing is made of are said. */
static void note_unknown(struct hf *h, json_t *file)
{
    const char *key;
    json_t *v;
    json_object_foreach (file, key, v) {
        char name[64], shown[96];
        bool known = false;
        for (size_t i = 0; !known && i < GG_COUNTOF(facts); i++)
            known = strcmp(key, override_key(&facts[i], name)) == 0;
        if (!known)
            gg_findings_add(h->notes, GG_WARN, "metadata", NULL, 0, GG_NOWHERE,
                            "%s: '%s' is no general.* key that a model has, and is left out; "
                            "--override-kv sets any key",
                            h->opts->metadata_name,
                            gg_text_escape_into(shown, sizeof shown, key, strlen(key)));
    }
}

static int from_override(struct hf *h, json_t *o, struct gg_err *err)
{
    json_t *file = NULL;
    if (h->opts->metadata == NULL)
        return GG_OK;
    int rc = gg_hf_json_text(&file, h->opts->metadata, strlen(h->opts->metadata),
                             h->opts->metadata_name, err);
    if (rc != GG_OK)
        return rc;
    for (size_t i = 0; i < GG_COUNTOF(facts); i++) {
        char name[64];
        const json_t *v = json_object_get(file, override_key(&facts[i], name));
        if (v != NULL && json_object_set(o, facts[i].name, (json_t *)v) != 0)
            rc = gg_fail_nomem(err, "metadata");
    }
    note_unknown(h, file);
    json_decref(file);
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int write_works(struct hf *h, const char *prefix, const json_t *list, struct gg_err *err)
{
    static const char *const fields[] = {"name", "author", "version", "organization", "description",
                                         "url",  "doi",    "uuid",    "repo_url"};
    char key[96];
    json_t *one;
    size_t i;
    snprintf(key, sizeof key, "%s.count", prefix);
    int rc = gg_hf_set_u32(h, key, json_array_size(list), err);
    json_array_foreach (list, i, one) {
        for (size_t f = 0; rc == GG_OK && f < GG_COUNTOF(fields); f++) {
            const json_t *v = json_object_get(one, fields[f]);
            snprintf(key, sizeof key, "%s.%zu.%s", prefix, i, fields[f]);
            if (json_is_string(v))
                rc = gg_hf_set_json_str(h, key, v, err);
        }
    }
    return rc;
}

/* license: [a, b] is written "a,b" */
static int write_joined(struct hf *h, const char *key, const json_t *list, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    json_t *one;
    size_t i;
    json_array_foreach (list, i, one) {
        gg_buf_adds(&b, b.nbytes > 0 ? "," : "");
        gg_buf_adds(&b, json_is_string(one) ? json_string_value(one) : "");
    }
    int rc = b.failed ? gg_fail_nomem(err, "metadata") : gg_hf_set_str(h, key, gg_buf_str(&b), err);
    gg_buf_free(&b);
    return rc;
}

static int write_fact(struct hf *h, const struct fact *f, const json_t *v, struct gg_err *err)
{
    char text[40];
    if (f->type == GGF_ARR && json_is_array(v)) {
        if (f->name[0] == 'b' || f->name[0] == 'd')
            return write_works(h, f->key, v, err);
        return gg_hf_set_strs(h, f->key, v, err);
    }
    if (f->type == GGF_STR && json_is_string(v))
        return gg_hf_set_json_str(h, f->key, v, err);
    if (f->type == GGF_STR && json_is_array(v))
        return write_joined(h, f->key, v, err);
    if (f->type == GGF_F32 && json_is_number(v))
        return gg_hf_set_f32(h, f->key, json_number_value(v), err);
    if (f->type == GGF_I32 && json_is_number(v)) {
        snprintf(text, sizeof text, "%.0f", json_number_value(v));
        return gg_hf_set_text(h, f->key, GGF_I32, text, err);
    }
    gg_findings_add(h->notes, GG_WARN, "metadata", NULL, 0, GG_NOWHERE,
                    "%s is of a kind that does not fit and is left out", f->key);
    return GG_OK;
}

static int collect(struct hf *h, json_t *o, const json_t *card, struct gg_err *err)
{
    struct counts c = {0};
    if (h->adapter == NULL)
        c = count_params(h);
    from_card(o, card, c.all);
    const char *id = gg_hf_get_str(h->raw_config, "_name_or_path");
    if (h->adapter == NULL && is_hub_name(id))
        from_id(o, id, c.all);
    from_id(o, h->folder, c.all);
    for (size_t i = 0; i < GG_COUNTOF(facts); i++) {
        const json_t *v =
            facts[i].generation != NULL ? gg_hf_get(h->generation, facts[i].generation) : NULL;
        set_new(o, facts[i].name, v);
    }
    int rc = from_override(h, o, err);
    if (h->opts->name != NULL)
        json_object_set_new(o, "name", json_string(h->opts->name));
    if (json_object_get(o, "size_label") == NULL && c.all > 0) {
        char label[48];
        size_label(label, &c);
        json_object_set_new(o, "size_label", json_string(label));
    }
    return rc;
}

int gg_hf_general(struct hf *h, struct gg_err *err)
{
    json_t *o = json_object(), *card = NULL;
    int rc = o == NULL ? gg_fail_nomem(err, "metadata") : gg_hf_card(h, &card, err);
    if (rc == GG_OK)
        rc = gg_hf_set_str(h, "general.type",
                           h->adapter != NULL                                     ? "adapter"
                           : h->arch != NULL && (h->arch->flags & HF_PROJECTOR) ? "mmproj"
                                                                                  : "model",
                           err);
    if (rc == GG_OK && h->adapter != NULL)
        rc = gg_hf_set_str(h, "adapter.type", "lora", err);
    if (rc == GG_OK)
        rc = collect(h, o, card, err);
    for (size_t i = 0; rc == GG_OK && i < GG_COUNTOF(facts); i++) {
        const json_t *v = json_object_get(o, facts[i].name);
        if (v != NULL && !json_is_null(v))
            rc = write_fact(h, &facts[i], v, err);
    }
    json_decref(o);
    json_decref(card);
    return rc;
}
