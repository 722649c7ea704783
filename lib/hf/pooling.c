/* How the vectors of tokens become one: modules.json of sentence-transformers and what it points to. */
#include "lib/hf/hf_impl.h"

#include <stdlib.h>

enum { MEAN = 1, CLS, LAST }; /* as GGUF numbers them */

/* The folder of the pooling module, from the list in modules.json; false: there is none. */
static int find_folder(struct hf *h, char *dst, size_t dst_nbytes, bool *found, struct gg_err *err)
{
    char *text = NULL;
    size_t n = 0, i;
    json_t *one;
    json_error_t e;
    *found = false;
    int rc = gg_checkpoint_side_file(h->ckpt, "modules.json", HF_MAX_SIDE, &text, &n, err);
    if (rc != GG_OK || text == NULL)
        return rc;
    json_t *list = json_loadb(text, n, 0, &e);
    free(text);
    if (!json_is_array(list)) {
        json_decref(list);
        return gg_fail(err, GG_ERR_CORRUPT, 0, "modules.json: no JSON list");
    }
    json_array_foreach (list, i, one) {
        const char *type = gg_hf_get_str(one, "type"), *path = gg_hf_get_str(one, "path");
        size_t k = type != NULL ? strlen(type) : 0;
        if (k < 7 || strcmp(type + k - 7, "Pooling") != 0 || path == NULL || strlen(path) >= dst_nbytes ||
            strstr(path, "..") != NULL)
            continue;
        strcpy(dst, path);
        *found = true;
        break;
    }
    json_decref(list);
    return GG_OK;
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

int gg_hf_pooling_key(struct hf *h, struct gg_err *err)
{
    char folder[256], path[288];
    bool found;
    json_t *o = NULL;
    int rc = find_folder(h, folder, sizeof folder - 1, &found, err);
    if (rc != GG_OK || !found)
        return rc;
    if (folder[0] != '\0' && folder[strlen(folder) - 1] != '/')
        strcat(folder, "/");
    rc = gg_checkpoint_side_list(h->ckpt, folder, err);
    memcpy(path, folder, sizeof folder);
    strcat(path, "config.json");
    if (rc == GG_OK)
        rc = gg_hf_json_file(h, path, &o, err);
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
