#include "lib/export/safetensors.h"

#include "lib/base/arena.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place {
    size_t file;
    uint64_t off; /* of the data, from the start of the data at first, then of the file */
    uint64_t nbytes;
};

struct out_file {
    const char *path;
    char *header; /* malloc'd */
    size_t header_nbytes;
    uint64_t data_nbytes;
    struct gg_sink *sink;
};

struct gg_st_writer {
    struct place *places;
    size_t n;
    struct out_file *files;
    size_t n_files;
    json_t *index; /* name -> path of the file */
    struct gg_sink *index_sink;
    struct gg_arena mem;
};

static const char ending[] = ".safetensors";

/* ---- layout ---------------------------------------------------------------------------------- */

/* Files are filled up to the limit. */
static int divide(struct gg_st_writer *w, const struct gg_st_tensor *t, uint64_t most,
                  struct gg_err *err)
{
    uint64_t at = 0;
    size_t file = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (most > 0 && at > 0 && (t[i].nbytes > most || at > most - t[i].nbytes)) {
            file++;
            at = 0;
        }
        w->places[i] = (struct place){file, at, t[i].nbytes};
        if (!gg_add_u64(at, t[i].nbytes, &at) || at > INT64_MAX / 2)
            return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "the tensors are too large for one file");
    }
    w->n_files = file + 1;
    return GG_OK;
}

static json_t *describe(const struct gg_st_tensor *t, const struct place *p)
{
    json_t *shape = json_array();
    for (unsigned d = t->n_dims; d > 0; d--)
        json_array_append_new(shape, json_integer((json_int_t)t->ne[d - 1]));
    return json_pack("{s:s,s:o,s:[I,I]}", "dtype", t->dtype, "shape", shape, "data_offsets",
                     (json_int_t)p->off, (json_int_t)(p->off + p->nbytes));
}

static int list_file(struct gg_st_writer *w, const struct gg_st_tensor *t, size_t file, json_t *o,
                     struct gg_err *err)
{
    struct out_file *f = &w->files[file];
    for (size_t i = 0; i < w->n; i++) {
        if (w->places[i].file != file)
            continue;
        if (json_object_get(w->index, t[i].name) != NULL)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "two tensors would be '%s'", t[i].name);
        if (json_object_set_new(o, t[i].name, describe(&t[i], &w->places[i])) != 0 ||
            json_object_set_new(w->index, t[i].name, json_string(f->path)) != 0)
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "a tensor's name is not UTF-8");
        f->data_nbytes = w->places[i].off + w->places[i].nbytes;
    }
    return GG_OK;
}

static int make_header(struct gg_st_writer *w, const struct gg_st_tensor *t, size_t file,
                       struct gg_err *err)
{
    struct out_file *f = &w->files[file];
    json_t *o = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    int rc = o == NULL ? gg_fail_nomem(err, "a header") : list_file(w, t, file, o, err);
    char *text = rc == GG_OK ? json_dumps(o, JSON_COMPACT) : NULL;
    size_t n = text != NULL ? strlen(text) : 0, padded = (n + 7) & ~(size_t)7;
    f->header = text != NULL ? malloc(padded + 8) : NULL;
    if (rc == GG_OK && f->header == NULL)
        rc = gg_fail_nomem(err, "a header");
    if (rc == GG_OK) {
        gg_store_u64(f->header, padded);
        memcpy(f->header + 8, text, n);
        memset(f->header + 8 + n, ' ', padded - n);
        f->header_nbytes = padded + 8;
    }
    free(text);
    json_decref(o);
    return rc;
}

static const char *file_path(struct gg_st_writer *w, const char *path, size_t i)
{
    size_t stem = strlen(path), e = sizeof ending - 1;
    if (w->n_files == 1)
        return gg_arena_strndup(&w->mem, path, stem);
    stem -= stem > e && strcmp(path + stem - e, ending) == 0 ? e : 0;
    char *p = gg_arena_alloc(&w->mem, stem + 64);
    if (p != NULL)
        snprintf(p, stem + 64, "%.*s-%05zu-of-%05zu%s", (int)stem, path, i + 1, w->n_files, ending);
    return p;
}

static int lay_out(struct gg_st_writer *w, const struct gg_st_tensor *t, const struct gg_st_opts *o,
                   struct gg_err *err)
{
    w->places = gg_arena_zalloc(&w->mem, w->n + 1, sizeof *w->places);
    w->index = json_object();
    if (w->places == NULL || w->index == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    int rc = divide(w, t, o->max_nbytes, err);
    if (rc != GG_OK)
        return rc;
    w->files = gg_arena_zalloc(&w->mem, w->n_files, sizeof *w->files);
    if (w->files == NULL)
        return gg_fail_nomem(err, "the list of files");
    for (size_t f = 0; rc == GG_OK && f < w->n_files; f++) {
        w->files[f].path = file_path(w, o->path, f);
        rc = w->files[f].path == NULL ? gg_fail_nomem(err, "a name") : make_header(w, t, f, err);
    }
    for (size_t i = 0; rc == GG_OK && i < w->n; i++)
        w->places[i].off += w->files[w->places[i].file].header_nbytes;
    return rc;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The text of PREFIX.safetensors.index.json, as transformers looks for it; malloc'd. */
static char *index_text(struct gg_st_writer *w)
{
    const char *name;
    json_t *v;
    uint64_t total = 0;
    for (size_t i = 0; i < w->n_files; i++)
        total += w->files[i].data_nbytes;
    json_object_foreach(w->index, name, v) { /* names without folders */
        const char *slash = strrchr(json_string_value(v), '/');
        char *last = slash != NULL ? strdup(slash + 1) : NULL;
        if (last != NULL)
            json_string_set(v, last);
        free(last);
    }
    json_t *o = json_pack("{s:{s:I},s:O}", "metadata", "total_size", (json_int_t)total, "weight_map",
                          w->index);
    char *text = o != NULL ? json_dumps(o, JSON_INDENT(1)) : NULL;
    json_decref(o);
    return text;
}

static int open_index(struct gg_st_writer *w, const struct gg_st_opts *o, struct gg_err *err)
{
    struct gg_buf path = GG_BUF_INIT;
    char *text = index_text(w);
    size_t n = text != NULL ? strlen(text) : 0;
    gg_buf_addf(&path, "%s.index.json", o->path);
    struct gg_sink_opts so = {
        .nbytes = n, .force = o->force, .inputs = o->inputs, .n_inputs = o->n_inputs};
    int rc = text == NULL || path.failed ? gg_fail_nomem(err, "the index")
                                         : gg_sink_open(&w->index_sink, path.data, &so, err);
    if (rc == GG_OK)
        rc = gg_sink_write(w->index_sink, 0, text, n, err);
    free(text);
    gg_buf_free(&path);
    return rc;
}

static int open_files(struct gg_st_writer *w, const struct gg_st_opts *o, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < w->n_files; i++) {
        struct out_file *f = &w->files[i];
        struct gg_sink_opts so = {.nbytes = f->header_nbytes + f->data_nbytes, .force = o->force,
                                  .inputs = o->inputs, .n_inputs = o->n_inputs};
        rc = gg_sink_open(&f->sink, f->path, &so, err);
        if (rc == GG_OK)
            rc = gg_sink_write(f->sink, 0, f->header, f->header_nbytes, err);
    }
    return rc == GG_OK && w->n_files > 1 ? open_index(w, o, err) : rc;
}

int gg_st_open(struct gg_st_writer **out, const struct gg_st_tensor *tensors, size_t n,
               const struct gg_st_opts *o, struct gg_err *err)
{
    struct gg_st_writer *w = calloc(1, sizeof *w);
    *out = NULL;
    if (w == NULL)
        return gg_fail_nomem(err, "an output");
    w->n = n;
    int rc = lay_out(w, tensors, o, err);
    if (rc == GG_OK)
        rc = open_files(w, o, err);
    if (rc == GG_OK)
        *out = w;
    else
        gg_st_free(w);
    return rc;
}

int gg_st_write(struct gg_st_writer *w, size_t i, uint64_t off, const void *buf, size_t n,
                struct gg_err *err)
{
    const struct place *p = &w->places[i];
    if (!gg_in_range(off, n, p->nbytes))
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a tensor is written beyond its end");
    return gg_sink_write(w->files[p->file].sink, p->off + off, buf, n, err);
}

int gg_st_commit(struct gg_st_writer *w, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < w->n_files; i++)
        rc = gg_sink_finish(w->files[i].sink, err);
    if (rc == GG_OK && w->index_sink != NULL)
        rc = gg_sink_finish(w->index_sink, err);
    gg_cleanup_hold(); /* all names or none */
    for (size_t i = w->n_files; rc == GG_OK && i > 0; i--)
        rc = gg_sink_commit(w->files[i - 1].sink, err);
    if (rc == GG_OK && w->index_sink != NULL)
        rc = gg_sink_commit(w->index_sink, err);
    gg_cleanup_release();
    return rc;
}

void gg_st_free(struct gg_st_writer *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; w->files != NULL && i < w->n_files; i++) {
        gg_sink_free(w->files[i].sink);
        free(w->files[i].header);
    }
    gg_sink_free(w->index_sink);
    json_decref(w->index);
    gg_arena_free(&w->mem);
    free(w);
}

size_t gg_st_n_files(const struct gg_st_writer *w)
{
    return w->n_files;
}

const char *gg_st_path(const struct gg_st_writer *w, size_t file)
{
    return w->files[file].path;
}
