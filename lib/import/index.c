/* The index of a checkpoint in several files:
 *
 *     {"metadata": {...}, "weight_map": {TENSOR: FILE, ...}}
 */
#include "lib/base/text.h"
#include "lib/import/open.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INDEX_NBYTES = 100000000 };

static int read_json(struct gg_opening *o, size_t member, struct gg_err *err)
{
    struct gg_input *in;
    int rc = gg_store_open_member(o->c->store, member, &in, err);
    if (rc != GG_OK)
        return rc;
    uint64_t n = gg_input_nbytes(in);
    char *p = n <= MAX_INDEX_NBYTES ? malloc((size_t)n + 1) : NULL;
    if (n > MAX_INDEX_NBYTES)
        rc = gg_fail(err, GG_ERR_LIMIT, 0, "%s: has %llu bytes, an index may have %d",
                     o->index_shown, (unsigned long long)n, MAX_INDEX_NBYTES);
    else if (p == NULL)
        rc = gg_fail_nomem(err, "an index");
    if (rc == GG_OK)
        rc = gg_input_read_all(in, 0, p, (size_t)n, err);
    if (rc == GG_OK &&
        (rc = gg_json_parse(&o->index, p, (size_t)n, GG_JSON_FEW_VALUES, err)) != GG_OK)
        gg_err_prefix(err, "%s", o->index_shown);
    free(p);
    gg_input_free(in);
    return rc;
}

/* A file beside the index and nothing else: no way out of the folder. */
static bool plain_name(const char *s)
{
    return s[0] != '\0' && strchr(s, '/') == NULL && strchr(s, '\\') == NULL &&
           strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static size_t find_file(struct gg_opening *o, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s%s", o->c->folder, name);
    return n < (int)sizeof path ? gg_store_find(o->c->store, path) : SIZE_MAX;
}

struct named_file {
    const char *name, *first_key;
    size_t n_tensors;
};

static int want_file(struct gg_opening *o, const struct named_file *f, struct gg_err *err)
{
    char shown[256];
    gg_text_escape_into(shown, sizeof shown, f->name, strlen(f->name));
    if (!plain_name(f->name)) {
        gg_findings_add(o->findings, GG_FAULT, "index-path", f->first_key, strlen(f->first_key),
                        GG_NOWHERE,
                        "is said by %s to lie in '%s', which is not the name of a file "
                        "beside it",
                        o->index_shown, shown);
        return GG_OK;
    }
    size_t member = find_file(o, f->name);
    if (member != SIZE_MAX)
        return gg_open_want(o, member, err);
    gg_findings_add(o->findings, GG_FAULT, "file-missing", NULL, 0, GG_NOWHERE,
                    "%s: there is no file '%s', which holds %zu of the tensors", o->index_shown,
                    shown, f->n_tensors);
    return GG_OK;
}

/* The files the map names, each once, with counts. *files has room for all. */
static int list_files(struct gg_opening *o, struct named_file *files, size_t *n, struct gg_err *err)
{
    const char *key;
    json_t *v;
    char shown[160];
    struct gg_map seen = GG_MAP_INIT;
    int rc = GG_OK;
    json_object_foreach((json_t *)(uintptr_t)o->weight_map, key, v)
    {
        const char *file = json_string_value(v);
        uint64_t at = *n;
        if (file == NULL) {
            gg_text_escape_into(shown, sizeof shown, key, strlen(key));
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                         "%s: weight_map: the file of '%s' is not "
                         "text",
                         o->index_shown, shown);
            break;
        }
        int added = gg_map_add(&seen, file, strlen(file), *n, &at);
        if (added < 0) {
            rc = gg_fail_nomem(err, "a list of files");
            break;
        }
        if (added > 0)
            files[(*n)++] = (struct named_file){file, key, 0};
        files[at].n_tensors++;
    }
    gg_map_free(&seen);
    return rc;
}

int gg_index_read(struct gg_opening *o, size_t member, struct gg_err *err)
{
    size_t n = 0;
    o->index_shown = gg_store_shown(o->c->store, o->c->store->members[member].name);
    if (o->index_shown == NULL)
        return gg_fail_nomem(err, "a name");
    int rc = read_json(o, member, err);
    if (rc != GG_OK)
        return rc;
    o->weight_map = json_object_get(o->index, "weight_map");
    if (!json_is_object(o->weight_map))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: weight_map is missing or no object",
                       o->index_shown);
    struct named_file *files = calloc(json_object_size(o->weight_map) + 1, sizeof *files);
    rc = files == NULL ? gg_fail_nomem(err, "a list of files") : list_files(o, files, &n, err);
    for (size_t i = 0; i < n && rc == GG_OK; i++)
        rc = want_file(o, &files[i], err);
    free(files);
    return rc;
}

/* ---- after loading --------------------------------------------------------------------------- */

/* The index's name of the file a tensor was found in. */
static const char *base_name(const struct gg_opening *o, const struct gg_ckpt_tensor *t)
{
    return o->c->files[t->file].name + strlen(o->c->folder);
}

/* Is the file there and readable? Otherwise a finding says so, and its tensors need none. */
static bool file_loaded(struct gg_opening *o, const char *file)
{
    size_t member = plain_name(file) ? find_file(o, file) : SIZE_MAX;
    for (size_t i = 0; i < o->n_wanted && member != SIZE_MAX; i++)
        if (o->wanted[i].member == member)
            return !o->wanted[i].bad;
    return false;
}

int gg_index_check(struct gg_opening *o, struct gg_err *err)
{
    const char *key;
    json_t *v;
    struct gg_checkpoint *c = o->c;
    (void)err;
    json_object_foreach((json_t *)(uintptr_t)o->weight_map, key, v)
    {
        const char *file = json_string_value(v);
        size_t i = gg_checkpoint_find(c, key);
        char shown[256];
        gg_text_escape_into(shown, sizeof shown, file, strlen(file));
        if (i == SIZE_MAX && file_loaded(o, file))
            gg_findings_add(o->findings, GG_FAULT, "tensor-missing", key, strlen(key), GG_NOWHERE,
                            "is not in '%s', where %s says it is", shown, o->index_shown);
        else if (i != SIZE_MAX && strcmp(base_name(o, &c->tensors[i]), file) != 0)
            gg_findings_add(o->findings, GG_WARN, "tensor-elsewhere", key, strlen(key), GG_NOWHERE,
                            "is in %s, but %s says '%s'", c->files[c->tensors[i].file].shown,
                            o->index_shown, shown);
    }
    for (size_t i = 0; i < c->n; i++)
        if (json_object_get(o->weight_map, c->tensors[i].name) == NULL)
            gg_findings_add(o->findings, GG_WARN, "tensor-extra", c->tensors[i].name,
                            c->tensors[i].name_nbytes, GG_NOWHERE, "is in %s, but not in %s",
                            c->files[c->tensors[i].file].shown, o->index_shown);
    return GG_OK;
}
