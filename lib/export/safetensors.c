#include "lib/export/safetensors.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"

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
    struct gg_buf header;
    uint64_t data_nbytes;
    struct gg_sink *sink;
};

struct gg_st_writer {
    const struct gg_st_tensor *tensors; /* while it is being opened */
    struct place *places;
    size_t n;
    struct out_file *files;
    size_t n_files;
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

/* A JSON string; s is UTF-8. */
static void add_quoted(struct gg_buf *b, const char *s)
{
    gg_buf_addc(b, '"');
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20)
            gg_buf_addf(b, "\\u%04x", (unsigned)(unsigned char)*s);
        else if (*s == '"' || *s == '\\')
            gg_buf_addf(b, "\\%c", *s);
        else
            gg_buf_addc(b, *s);
    }
    gg_buf_addc(b, '"');
}

static void describe(struct gg_buf *b, const struct gg_st_tensor *t, const struct place *p)
{
    gg_buf_addc(b, ',');
    add_quoted(b, t->name);
    gg_buf_addf(b, ":{\"dtype\":\"%s\",\"shape\":[", t->dtype);
    for (unsigned d = t->n_dims; d > 0; d--)
        gg_buf_addf(b, "%llu%s", (unsigned long long)t->ne[d - 1], d > 1 ? "," : "");
    gg_buf_addf(b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)p->off,
                (unsigned long long)(p->off + p->nbytes));
}

static int check_names(const struct gg_st_writer *w, struct gg_err *err)
{
    struct gg_map names = GG_MAP_INIT;
    char shown[160];
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < w->n; i++) {
        const char *name = w->tensors[i].name;
        size_t n = strlen(name);
        int added = gg_map_add(&names, name, n, i, NULL);
        if (added < 0)
            rc = gg_fail_nomem(err, "a header");
        else if (added == 0)
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "two tensors would be '%s'",
                         gg_text_escape_into(shown, sizeof shown, name, n));
        else if (!gg_text_is_utf8(name, n))
            rc = gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                         "tensor '%s': its name is not UTF-8, as safetensors want it",
                         gg_text_escape_into(shown, sizeof shown, name, n));
    }
    gg_map_free(&names);
    return rc;
}

static int make_header(struct gg_st_writer *w, size_t file, struct gg_err *err)
{
    struct out_file *f = &w->files[file];
    struct gg_buf *b = &f->header;
    gg_buf_add(b, "\0\0\0\0\0\0\0\0", 8);
    gg_buf_adds(b, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < w->n; i++) {
        if (w->places[i].file != file)
            continue;
        describe(b, &w->tensors[i], &w->places[i]);
        f->data_nbytes = w->places[i].off + w->places[i].nbytes;
    }
    gg_buf_addc(b, '}');
    gg_buf_fill(b, ' ', -b->nbytes & 7);
    if (b->failed)
        return gg_fail_nomem(err, "a header");
    gg_store_u64(b->data, b->nbytes - 8);
    return GG_OK;
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

static int lay_out(struct gg_st_writer *w, const struct gg_st_opts *o, struct gg_err *err)
{
    w->places = gg_arena_zalloc(&w->mem, w->n + 1, sizeof *w->places);
    if (w->places == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    int rc = check_names(w, err);
    if (rc == GG_OK)
        rc = divide(w, w->tensors, o->max_nbytes, err);
    if (rc != GG_OK)
        return rc;
    w->files = gg_arena_zalloc(&w->mem, w->n_files, sizeof *w->files);
    if (w->files == NULL)
        return gg_fail_nomem(err, "the list of files");
    for (size_t f = 0; rc == GG_OK && f < w->n_files; f++) {
        w->files[f].path = file_path(w, o->path, f);
        rc = w->files[f].path == NULL ? gg_fail_nomem(err, "a name") : make_header(w, f, err);
    }
    for (size_t i = 0; rc == GG_OK && i < w->n; i++)
        w->places[i].off += w->files[w->places[i].file].header.nbytes;
    return rc;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* PREFIX.safetensors.index.json, as transformers looks for it; names of files without folders. */
static void index_text(const struct gg_st_writer *w, struct gg_buf *b)
{
    uint64_t total = 0;
    for (size_t i = 0; i < w->n_files; i++)
        total += w->files[i].data_nbytes;
    gg_buf_addf(b, "{\n  \"metadata\": {\n    \"total_size\": %llu\n  },\n  \"weight_map\": {",
                (unsigned long long)total);
    for (size_t i = 0; i < w->n; i++) {
        const char *path = w->files[w->places[i].file].path, *slash = strrchr(path, '/');
        gg_buf_adds(b, i > 0 ? ",\n    " : "\n    ");
        add_quoted(b, w->tensors[i].name);
        gg_buf_adds(b, ": ");
        add_quoted(b, slash != NULL ? slash + 1 : path);
    }
    gg_buf_adds(b, "\n  }\n}\n");
}

static int open_index(struct gg_st_writer *w, const struct gg_st_opts *o, struct gg_err *err)
{
    struct gg_buf path = GG_BUF_INIT, text = GG_BUF_INIT;
    index_text(w, &text);
    gg_buf_addf(&path, "%s.index.json", o->path);
    struct gg_sink_opts so = {
        .nbytes = text.nbytes, .force = o->force, .inputs = o->inputs, .n_inputs = o->n_inputs};
    int rc = text.failed || path.failed ? gg_fail_nomem(err, "the index")
                                        : gg_sink_open(&w->index_sink, path.data, &so, err);
    if (rc == GG_OK)
        rc = gg_sink_write(w->index_sink, 0, text.data, text.nbytes, err);
    gg_buf_free(&text);
    gg_buf_free(&path);
    return rc;
}

static int open_files(struct gg_st_writer *w, const struct gg_st_opts *o, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < w->n_files; i++) {
        struct out_file *f = &w->files[i];
        struct gg_sink_opts so = {.nbytes = f->header.nbytes + f->data_nbytes, .force = o->force,
                                  .inputs = o->inputs, .n_inputs = o->n_inputs};
        rc = gg_sink_open(&f->sink, f->path, &so, err);
        if (rc == GG_OK)
            rc = gg_sink_write(f->sink, 0, f->header.data, f->header.nbytes, err);
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
    w->tensors = tensors;
    int rc = lay_out(w, o, err);
    if (rc == GG_OK)
        rc = open_files(w, o, err);
    w->tensors = NULL;
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
        gg_buf_free(&w->files[i].header);
    }
    gg_sink_free(w->index_sink);
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
