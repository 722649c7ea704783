/* Metadata: the options in their order, and what they may not do. */
#include "cmds/edit.h"

#include "lib/base/text.h"
#include "lib/import/json.h"
#include "lib/job/kv.h"
#include "lib/model/pattern.h"

#include <stdlib.h>
#include <string.h>

static int fail_key(struct gg_err *err, const char *option, struct ggf_str key, const char *why)
{
    char shown[96];
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: metadata key '%s' %s", option,
                   gg_text_escape_into(shown, sizeof shown, key.p, (size_t)key.nbytes), why);
}

/* Slack is nobody's to set, but --reserve's. */
static int refuse_padding(const char *option, struct ggf_str key, struct gg_err *err)
{
    if (!gg_is_padding(key))
        return GG_OK;
    return fail_key(err, option, key, "is slack; --reserve=SIZE makes it, --reserve=0 removes it");
}

/* ---- other files ---------------------------------------------------------------------------- */

static int copy_matching(struct ggf_meta *to, const struct ggf_meta *from, const char *file,
                         const char *glob, struct gg_err *err)
{
    struct gg_pattern *p;
    size_t n = 0;
    int rc = gg_pattern_new(&p, glob, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "--copy-from");
    for (size_t i = 0; rc == GG_OK && i < ggf_meta_count(from); i++) {
        const struct ggf_kv *kv = ggf_meta_at(from, i);
        if (!gg_pattern_match(p, kv->key.p, (size_t)kv->key.nbytes) ||
            gg_is_padding(kv->key))
            continue;
        n++;
        rc = ggf_meta_set(to, kv->key, &kv->value, err);
        if (rc == GG_OK)
            rc = gg_kv_check(to, "--copy-from", kv->key, err);
    }
    gg_pattern_free(p);
    if (rc == GG_OK && n == 0)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--copy-from: no metadata key of %s matches '%s'",
                     file, glob);
    return rc;
}

static int copy_from(struct edit *e, struct ggf_meta *meta, struct gg_err *err)
{
    const struct gg_opt_list *l = &e->o->copy_from;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i + 1 < l->n; i += 2) {
        struct gg_model *other;
        rc = gg_job_open(&other, l->v[i], GGF_HEADER_ONLY | GG_JOB_LOOK, err);
        if (rc != GG_OK)
            return gg_err_prefix(err, "--copy-from");
        rc = copy_matching(meta, other->meta, l->v[i], l->v[i + 1], err);
        gg_model_free(other);
    }
    return rc;
}

/* The keys of a patch: the object itself, or the metadata that `inspect --json` prints. */
static json_t *keys_of(json_t *patch)
{
    json_t *inner = json_object_get(patch, "metadata");
    return json_is_object(inner) && json_object_get(inner, "type") == NULL ? inner : patch;
}

static int patch_json(struct ggf_meta *meta, json_t *patch, struct gg_err *err)
{
    static const char option[] = "--from-json";
    const char *name;
    json_t *value;
    int rc = GG_OK;
    if (!json_is_object(patch))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: is no JSON object {KEY: VALUE}", option);
    json_object_foreach(keys_of(patch), name, value) {
        struct ggf_str key = ggf_str(name);
        if (gg_is_padding(key) && json_is_object(value))
            continue; /* printed by inspect along with the rest */
        rc = refuse_padding(option, key, err);
        if (rc == GG_OK && json_is_null(value) && !ggf_meta_unset(meta, name))
            rc = fail_key(err, option, key, "is not there, and cannot be removed");
        else if (rc == GG_OK && !json_is_null(value))
            rc = gg_kv_set_json(meta, meta, option, key, value, err);
        if (rc != GG_OK)
            return rc;
    }
    return GG_OK;
}

/* Parses the JSON of a file given as @FILE. */
static int load_json(json_t **out, const char *option, const char *at_file, struct gg_err *err)
{
    struct gg_buf text = GG_BUF_INIT;
    int rc = gg_kv_content(&text, option, at_file, err);
    if (rc == GG_OK) {
        rc = gg_json_parse(out, gg_buf_str(&text), text.nbytes, GG_JSON_MANY_VALUES, err);
        if (rc != GG_OK)
            gg_err_prefix(err, "%s: %s", option, at_file + 1);
    }
    gg_buf_free(&text);
    return rc;
}

static int from_json(struct edit *e, struct ggf_meta *meta, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < e->o->from_json.n; i++) {
        const char *name = e->o->from_json.v[i];
        struct gg_buf at = GG_BUF_INIT;
        json_t *patch = NULL;
        gg_buf_addf(&at, "%s%s", name[0] == '@' ? "" : "@", name);
        rc = at.failed ? gg_fail_nomem(err, "a name")
                       : load_json(&patch, "--from-json", at.data, err);
        if (rc == GG_OK)
            rc = patch_json(meta, patch, err);
        json_decref(patch);
        gg_buf_free(&at);
    }
    return rc;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static int rename_key(struct ggf_meta *meta, const char *text, struct gg_err *err)
{
    const char *eq = strchr(text, '=');
    char shown[128];
    if (eq == NULL || eq == text || eq[1] == '\0')
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--rename: '%s' is not of the form OLD=NEW",
                       gg_text_escape_into(shown, sizeof shown, text, strlen(text)));
    struct ggf_str from = {text, (uint64_t)(eq - text)}, to = ggf_str(eq + 1);
    int rc = refuse_padding("--rename", from, err);
    if (rc == GG_OK)
        rc = refuse_padding("--rename", to, err);
    if (rc != GG_OK)
        return rc;
    rc = ggf_meta_rename(meta, from, to, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "--rename");
    return gg_kv_check(meta, "--rename", to, err);
}

static int unset_matching(struct ggf_meta *meta, const char *glob, struct gg_err *err)
{
    struct gg_pattern *p;
    size_t n = 0;
    int rc = refuse_padding("--unset", ggf_str(glob), err);
    if (rc == GG_OK && (rc = gg_pattern_new(&p, glob, err)) != GG_OK)
        gg_err_prefix(err, "--unset");
    if (rc != GG_OK)
        return rc;
    for (size_t i = ggf_meta_count(meta); i-- > 0;) {
        struct ggf_str key = ggf_meta_at(meta, i)->key;
        if (gg_pattern_match(p, key.p, (size_t)key.nbytes) && !gg_is_padding(key))
            n += ggf_meta_unset_n(meta, key.p, (size_t)key.nbytes);
    }
    gg_pattern_free(p);
    if (n > 0)
        return GG_OK;
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--unset: no metadata key matches '%.128s'", glob);
}

static int set_all(struct ggf_meta *meta, const char *option, const struct gg_opt_list *l,
                   unsigned flags, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < l->n; i++) {
        struct ggf_str key = {l->v[i], strcspn(l->v[i], "=")};
        rc = refuse_padding(option, key, err);
        if (rc == GG_OK)
            rc = gg_kv_set(meta, meta, option, l->v[i], flags, NULL, err);
    }
    return rc;
}

static int set_token(struct ggf_meta *meta, const char *text, struct gg_err *err)
{
    const char *eq = strchr(text, '=');
    char id[32], shown[128];
    uint64_t i;
    size_t n = eq != NULL ? (size_t)(eq - text) : 0;
    if (n > 0 && n < sizeof id) {
        memcpy(id, text, n);
        id[n] = '\0';
    }
    if (n == 0 || n >= sizeof id || !gg_text_parse_u64(id, &i))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--token: '%s' is not of the form ID=TEXT",
                       gg_text_escape_into(shown, sizeof shown, text, strlen(text)));
    int rc = gg_kv_set_element(meta, "tokenizer.ggml.tokens", i, ggf_str(eq + 1), err);
    return rc == GG_OK ? rc : gg_err_prefix(err, "--token");
}

/* ---- chat templates ------------------------------------------------------------------------- */

#define TEMPLATE_KEY "tokenizer.chat_template"
#define TEMPLATES_KEY "tokenizer.chat_templates"

/* Templates with a name of their own are listed. */
static int list_template(struct ggf_meta *meta, const char *name, struct gg_err *err)
{
    struct gg_buf text = GG_BUF_INIT;
    struct ggf_value v;
    const struct ggf_kv *kv = ggf_meta_find(meta, TEMPLATES_KEY);
    if (kv != NULL) {
        struct ggf_iter it = ggf_iter_begin(&kv->value);
        while (ggf_iter_next(&it, &v)) {
            if (v.type == GGF_STR && v.nbytes == strlen(name) && memcmp(v.data, name, v.nbytes) == 0)
                return GG_OK;
        }
    }
    gg_buf_addf(&text, TEMPLATES_KEY "=%s%s", name[0] == '@' ? "@" : "", name);
    int rc = text.failed ? gg_fail_nomem(err, "a template")
                         : gg_kv_set(meta, meta, "--chat-template", text.data, GG_KV_APPEND, NULL,
                                     err);
    gg_buf_free(&text);
    return rc;
}

static int put_template(struct ggf_meta *meta, const char *name, struct ggf_str text,
                        struct gg_err *err)
{
    struct gg_buf key = GG_BUF_INIT;
    if (name == NULL || strcmp(name, "default") == 0)
        return ggf_meta_set_str(meta, TEMPLATE_KEY, text, err);
    gg_buf_addf(&key, TEMPLATE_KEY ".%s", name);
    int rc = key.failed ? gg_fail_nomem(err, "a key")
                        : ggf_meta_set_str(meta, key.data, text, err);
    gg_buf_free(&key);
    return rc == GG_OK ? list_template(meta, name, err) : rc;
}

/* The chat_template of a tokenizer_config.json: a text, or a list of named ones. */
static int template_of_config(struct ggf_meta *meta, const char *name, const char *at_file,
                              struct gg_err *err)
{
    json_t *config = NULL, *one;
    size_t i;
    int rc = load_json(&config, "--chat-template", at_file, err);
    if (rc != GG_OK)
        return rc;
    const json_t *t = json_object_get(config, "chat_template");
    if (json_is_string(t))
        rc = put_template(meta, name, ggf_str(json_string_value(t)), err);
    else if (!json_is_array(t) || name != NULL)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--chat-template: %s: holds no text chat_template",
                     at_file + 1);
    json_array_foreach(t, i, one) {
        const char *called = json_string_value(json_object_get(one, "name"));
        const char *text = json_string_value(json_object_get(one, "template"));
        if (rc == GG_OK && (called == NULL || text == NULL))
            rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                         "--chat-template: %s: element %zu of chat_template is no {name, template}",
                         at_file + 1, i);
        else if (rc == GG_OK)
            rc = put_template(meta, called, ggf_str(text), err);
    }
    json_decref(config);
    return rc;
}

static int set_template(struct ggf_meta *meta, const char *arg, struct gg_err *err)
{
    size_t n = strspn(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    char name[128];
    bool named = n > 0 && n < sizeof name && arg[n] == '=' && arg[n + 1] == '@';
    struct gg_buf text = GG_BUF_INIT;
    if (named) {
        memcpy(name, arg, n);
        name[n] = '\0';
        arg += n + 1;
    }
    size_t len = strlen(arg);
    if (arg[0] == '@' && len > 6 && strcmp(arg + len - 5, ".json") == 0)
        return template_of_config(meta, named ? name : NULL, arg, err);
    int rc = gg_kv_content(&text, "--chat-template", arg, err);
    if (rc == GG_OK)
        rc = put_template(meta, named ? name : NULL,
                          (struct ggf_str){gg_buf_str(&text), text.nbytes}, err);
    gg_buf_free(&text);
    return rc;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* The options that come after those that bring keys from elsewhere. */
static int edit_keys(const struct edit_opts *o, struct ggf_meta *m, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < o->rename.n; i++)
        rc = rename_key(m, o->rename.v[i], err);
    for (size_t i = 0; rc == GG_OK && i < o->unset.n; i++)
        rc = unset_matching(m, o->unset.v[i], err);
    if (rc == GG_OK)
        rc = set_all(m, "--set", &o->set, 0, err);
    if (rc == GG_OK)
        rc = set_all(m, "--set-array", &o->set_array, GG_KV_ARRAY, err);
    if (rc == GG_OK)
        rc = set_all(m, "--append", &o->append, GG_KV_APPEND, err);
    for (size_t i = 0; rc == GG_OK && i < o->token.n; i++)
        rc = set_token(m, o->token.v[i], err);
    for (size_t i = 0; rc == GG_OK && i < o->chat_template.n; i++)
        rc = set_template(m, o->chat_template.v[i], err);
    return rc;
}

int edit_meta(struct edit *e, struct gg_err *err)
{
    struct ggf_meta *m = e->files[0].meta;
    int rc = copy_from(e, m, err);
    if (rc == GG_OK)
        rc = from_json(e, m, err);
    for (size_t i = 0; rc == GG_OK && e->o->scrub && i < e->model->n_files; i++)
        rc = edit_scrub(e->files[i].meta, err);
    return rc == GG_OK ? edit_keys(e->o, m, err) : rc;
}

/* ---- checks --------------------------------------------------------------------------------- */

static int fail_unsafe(struct gg_err *err, struct ggf_str key, const char *why)
{
    char shown[96];
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "metadata key '%s': %s; --allow-unsafe changes it all the same",
                   gg_text_escape_into(shown, sizeof shown, key.p, (size_t)key.nbytes), why);
}

static bool array_count(const struct ggf_meta *m, const char *key, uint64_t *n)
{
    const struct ggf_kv *kv = ggf_meta_find(m, key);
    if (kv == NULL || kv->value.type != GGF_ARR)
        return false;
    *n = kv->value.count;
    return true;
}

/* Arrays beside the tokens must have their length, ids must be among them. */
static int check_vocab(const struct edit_change *c, const struct ggf_meta *m, struct gg_err *err)
{
    static const char ids[] = "_token_id", vocab[] = "tokenizer.ggml.";
    static const char *const beside[] = {"tokenizer.ggml.tokens", "tokenizer.ggml.scores",
                                         "tokenizer.ggml.token_type"};
    struct ggf_str key = c->kind == EDIT_RENAME ? c->to : c->name;
    uint64_t n_tokens, n, id;
    if (key.nbytes < sizeof vocab || memcmp(key.p, vocab, sizeof vocab - 1) != 0 ||
        !array_count(m, beside[0], &n_tokens))
        return GG_OK;
    for (size_t i = 0; i < 3; i++) {
        if (ggf_str_eq(key, beside[i]) || ggf_str_eq(key, beside[0])) {
            if (array_count(m, beside[i], &n) && n != n_tokens)
                return fail_unsafe(err, key, "the arrays of the vocabulary would differ in length");
        }
    }
    if (key.nbytes > sizeof ids && c->is != NULL && ggf_as_u64(c->is, &id) && id >= n_tokens &&
        memcmp(key.p + key.nbytes - (sizeof ids - 1), ids, sizeof ids - 1) == 0)
        return fail_unsafe(err, key, "there is no such token");
    return GG_OK;
}

int edit_check(struct edit *e, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && !e->o->allow_unsafe && i < e->n_changes; i++) {
        const struct edit_change *c = &e->changes[i];
        if (c->tensor)
            continue;
        if (ggf_key_fixed(c->name))
            rc = fail_unsafe(err, c->name, "the tensors depend on it");
        else if (c->kind == EDIT_RENAME && ggf_key_fixed(c->to))
            rc = fail_unsafe(err, c->to, "the tensors depend on it");
        else
            rc = check_vocab(c, e->files[0].meta, err);
    }
    return rc;
}
