/* How the vectors of tokens become one: modules.json of sentence-transformers and what it points to. */
#include "lib/hf/hf_impl.h"

#include <stdio.h>
#include <stdlib.h>

enum { FOLDER_NBYTES = 256 };
enum { MEAN = 1, CLS, LAST }; /* as GGUF numbers them */

/* The list of modules; NULL: there is none. */
static int read_modules(struct hf *h, json_t **out, struct gg_err *err)
{
    char *text = NULL;
    size_t n = 0;
    json_error_t e;
    *out = NULL;
    int rc = gg_checkpoint_side_file(h->ckpt, "modules.json", HF_MAX_SIDE, &text, &n, err);
    if (rc != GG_OK || text == NULL)
        return rc;
    *out = json_loadb(text, n, 0, &e);
    free(text);
    if (json_is_array(*out))
        return GG_OK;
    json_decref(*out);
    *out = NULL;
    return gg_fail(err, GG_ERR_CORRUPT, 0, "modules.json: no JSON list");
}

/* The folder of a module of that kind, with its slash (or "" for no folder of its own); false: it is
 * another. */
static bool folder_of(const json_t *module, const char *kind, char dst[FOLDER_NBYTES])
{
    const char *type = gg_hf_get_str(module, "type"), *path = gg_hf_get_str(module, "path");
    size_t k = type != NULL ? strlen(type) : 0, n = strlen(kind), len = path != NULL ? strlen(path) : 0;
    if (k < n || strcmp(type + k - n, kind) != 0 || path == NULL || len + 2 > FOLDER_NBYTES ||
        strstr(path, "..") != NULL)
        return false;
    memcpy(dst, path, len + 1);
    if (len > 0 && path[len - 1] != '/')
        memcpy(dst + len, "/", 2);
    return true;
}

/* config.json of a module; NULL: there is none. */
static int module_config(struct hf *h, const char *folder, char path[FOLDER_NBYTES + 16], json_t **out,
                         struct gg_err *err)
{
    *out = NULL;
    snprintf(path, FOLDER_NBYTES + 16, "%sconfig.json", folder);
    int rc = gg_checkpoint_side_list(h->ckpt, folder, err);
    return rc == GG_OK ? gg_hf_json_file(h, path, out, err) : rc;
}

static unsigned mode_of(const json_t *o)
{
    static const struct {
        const char *flag, *name;
        unsigned mode;
    } modes[] = {{"pooling_mode_mean_tokens", "mean", MEAN},
                 {"pooling_mode_cls_token", "cls", CLS},
                 {"pooling_mode_lasttoken", "lasttoken", LAST}};
    const char *name = gg_hf_get_str(o, "pooling_mode");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (json_is_true(json_object_get(o, modes[i].flag)))
            return modes[i].mode;
    }
    for (size_t i = 0; name != NULL && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(name, modes[i].name) == 0)
            return modes[i].mode;
    }
    return 0;
}

static int pooling_key(struct hf *h, const char *folder, struct gg_err *err)
{
    char path[FOLDER_NBYTES + 16];
    json_t *o;
    int rc = module_config(h, folder, path, &o, err);
    if (rc != GG_OK)
        return rc;
    unsigned mode = mode_of(o);
    json_decref(o);
    if (mode == 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "%s: %s", path, o == NULL ? "modules.json names it, and it is not there"
                                                 : "pooling is neither mean, cls nor lasttoken");
    return gg_hf_set_u32(h, ".pooling_type", mode, err);
}

/* ---- dense modules --------------------------------------------------------------------------- */

/* GGUF has room for two, called after the first places they have. */
static const char *dense_name(const char *folder)
{
    return strcmp(folder, "2_Dense/") == 0 ? "dense_2" : "dense_3";
}

static int dense_keys(struct hf *h, const char *folder, struct gg_err *err)
{
    char path[FOLDER_NBYTES + 16], key[32], name[32];
    static const char *const names[2][2] = {{"in_features", "in"}, {"out_features", "out"}};
    json_t *o;
    snprintf(name, sizeof name, "%s.linear.weight", dense_name(folder));
    size_t at = gg_checkpoint_find(h->ckpt, name);
    if (at == SIZE_MAX) /* its file is not there */
        return GG_OK;
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, at);
    int rc = module_config(h, folder, path, &o, err);
    for (size_t i = 0; rc == GG_OK && i < 2; i++) {
        uint64_t n = 0, is = t->n_dims == 2 ? t->shape[1 - i] : 0;
        snprintf(key, sizeof key, ".%s_feat_%s", dense_name(folder), names[i][1]);
        if (!gg_hf_get_u64(o, names[i][0], &n) || n != is)
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: %s is %llu, and the module's weight has %llu",
                         path, names[i][0], (unsigned long long)n, (unsigned long long)is);
        else
            rc = gg_hf_set_u32(h, key, n, err);
    }
    json_decref(o);
    return rc;
}

static int dense_tensors(struct hf *h, const char *folder, struct gg_err *err)
{
    char file[FOLDER_NBYTES + 24], prefix[16];
    int rc = gg_checkpoint_side_list(h->ckpt, folder, err);
    const char *name = rc == GG_OK ? gg_checkpoint_side_next(h->ckpt, folder, ".safetensors", NULL) : NULL;
    if (rc != GG_OK)
        return rc;
    if (name == NULL) {
        gg_findings_add(h->notes, GG_WARN, "dense", NULL, 0, GG_NOWHERE,
                        "modules.json names %s, and no safetensors file is in it: the model goes without this "
                        "module", folder);
        return GG_OK;
    }
    snprintf(file, sizeof file, "%s", name);
    snprintf(prefix, sizeof prefix, "%s.", dense_name(folder));
    h->n_dense++;
    return gg_checkpoint_join(h->ckpt, file, prefix, err);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int each_dense(struct hf *h, int (*take)(struct hf *, const char *, struct gg_err *),
                      struct gg_err *err)
{
    json_t *list, *one;
    char folder[FOLDER_NBYTES];
    size_t i;
    int rc = read_modules(h, &list, err);
    json_array_foreach (list, i, one) {
        if (rc == GG_OK && folder_of(one, "Dense", folder))
            rc = take(h, folder, err);
    }
    json_decref(list);
    return rc;
}

int gg_hf_dense_load(struct hf *h, struct gg_err *err)
{
    int rc = each_dense(h, dense_tensors, err);
    if (rc == GG_OK && h->n_dense > 0)
        gg_findings_add(h->notes, GG_NOTE, "dense", NULL, 0, GG_NOWHERE,
                        "%zu dense modules of modules.json become dense_2 and dense_3", h->n_dense);
    return rc;
}

int gg_hf_pooling_key(struct hf *h, struct gg_err *err)
{
    json_t *list, *one;
    char folder[FOLDER_NBYTES];
    size_t i;
    int rc = h->n_dense > 0 ? each_dense(h, dense_keys, err) : GG_OK;
    if (rc == GG_OK)
        rc = read_modules(h, &list, err);
    if (rc != GG_OK)
        return rc;
    json_array_foreach (list, i, one) {
        if (folder_of(one, "Pooling", folder)) {
            rc = pooling_key(h, folder, err);
            break;
        }
    }
    json_decref(list);
    return rc;
}
