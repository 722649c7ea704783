/* Chat templates: of tokenizer_config.json, else of files beside it; one, or several with names. */
#include "lib/hf/hf_impl.h"

#include <ctype.h>
#include <stdlib.h>

enum { MAX_NAME_NBYTES = 64, MAX_OTHERS = 256 };

/* Names become part of a key: what is no letter or digit becomes _. */
static bool clean_name(char dst[MAX_NAME_NBYTES + 1], const char *name)
{
    size_t n = name != NULL ? strlen(name) : 0;
    if (n == 0 || n > MAX_NAME_NBYTES)
        return false;
    for (size_t i = 0; i <= n; i++)
        dst[i] = name[i] == '\0' || isalnum((unsigned char)name[i]) ? name[i] : '_';
    return true;
}

static bool holds(const json_t *list, const char *text)
{
    json_t *one;
    size_t i;
    json_array_foreach (list, i, one) {
        if (strcmp(json_string_value(one), text) == 0)
            return true;
    }
    return false;
}

/* [{"name": "default", "template": "..."}, ...]: each has a key, and their names are listed. */
static int write_named(struct hf *h, const json_t *list, struct gg_err *err)
{
    json_t *names = json_array(), *choice;
    const json_t *fallback = NULL;
    size_t i;
    int rc = names == NULL ? gg_fail_nomem(err, "chat templates") : GG_OK;
    json_array_foreach (list, i, choice) {
        char key[128] = "tokenizer.chat_template.", *name = key + strlen(key);
        const json_t *text = json_object_get(choice, "template");
        if (rc != GG_OK || !json_is_string(text) || !clean_name(name, gg_hf_get_str(choice, "name")))
            continue;
        if (strcmp(name, "default") == 0) {
            fallback = text;
            continue;
        }
        if (!holds(names, name) && json_array_append_new(names, json_string(name)) != 0)
            rc = gg_fail_nomem(err, "chat templates");
        if (rc == GG_OK)
            rc = gg_hf_set_json_str(h, key, text, err);
    }
    if (rc == GG_OK && json_array_size(names) > 0)
        rc = gg_hf_set_strs(h, "tokenizer.chat_templates", names, err);
    if (rc == GG_OK && fallback != NULL)
        rc = gg_hf_set_json_str(h, "tokenizer.chat_template", fallback, err);
    json_decref(names);
    return rc;
}

/* The text of a file; *out is NULL when there is none, or when it is not UTF-8. */
static int read_template(struct hf *h, const char *name, json_t **out, struct gg_err *err)
{
    char *text = NULL;
    size_t n = 0;
    int rc = gg_checkpoint_side_file(h->ckpt, name, HF_MAX_SIDE, &text, &n, err);
    *out = text != NULL ? json_stringn(text, n) : NULL;
    if (text != NULL && *out == NULL)
        gg_findings_add(h->notes, GG_WARN, "chat-template", NULL, 0, GG_NOWHERE,
                        "%s is not UTF-8 and is left out", name);
    free(text);
    return rc;
}

/* additional_chat_templates/NAME.jinja, which go with the default one. */
static int add_others(struct hf *h, json_t **t, struct gg_err *err)
{
    static const char folder[] = "additional_chat_templates/", ending[] = ".jinja";
    int rc = gg_checkpoint_side_list(h->ckpt, folder, err);
    const char *path = NULL;
    for (size_t i = 0; rc == GG_OK && i < MAX_OTHERS; i++) {
        path = gg_checkpoint_side_next(h->ckpt, folder, ending, path);
        if (path == NULL)
            break;
        const char *name = path + sizeof folder - 1;
        json_t *text = NULL;
        rc = read_template(h, path, &text, err);
        if (rc != GG_OK || text == NULL)
            continue;
        if (json_is_string(*t))
            *t = json_pack("[{s:s,s:o}]", "name", "default", "template", *t);
        json_t *one = json_pack("{s:s%,s:o}", "name", name, strlen(name) - (sizeof ending - 1),
                                "template", text);
        if (one == NULL || json_array_append_new(*t, one) != 0)
            rc = gg_fail_nomem(err, "chat templates");
    }
    return rc;
}

/* chat_template.jinja, with others beside it, or chat_template.json. */
static int template_files(struct hf *h, json_t **out, struct gg_err *err)
{
    json_t *o = NULL;
    int rc = read_template(h, "chat_template.jinja", out, err);
    if (rc != GG_OK || *out != NULL)
        return rc == GG_OK ? add_others(h, out, err) : rc;
    rc = gg_hf_json_file(h, "chat_template.json", &o, err);
    *out = json_incref(json_object_get(o, "chat_template"));
    json_decref(o);
    return rc;
}

int gg_hf_templates(struct hf *h, struct gg_err *err)
{
    json_t *t = json_incref(json_object_get(h->tokenizer_config, "chat_template"));
    int rc = GG_OK;
    if (h->ckpt != NULL && (h->tokenizer_config != NULL || h->vocab.chat != NULL) && t == NULL)
        rc = template_files(h, &t, err);
    if (rc == GG_OK && t == NULL && h->vocab.chat != NULL && h->vocab.chat[0] != '\0')
        return gg_hf_set_str(h, "tokenizer.chat_template", h->vocab.chat, err);
    if (rc == GG_OK && json_is_string(t))
        rc = gg_hf_set_json_str(h, "tokenizer.chat_template", t, err);
    else if (rc == GG_OK && json_is_array(t))
        rc = write_named(h, t, err);
    else if (rc == GG_OK && t != NULL && !json_is_null(t))
        gg_findings_add(h->notes, GG_WARN, "chat-template", NULL, 0, GG_NOWHERE,
                        "chat_template is neither a text nor a list and is left out");
    json_decref(t);
    return rc;
}
