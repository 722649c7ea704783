/* The source behind a GGUF model: tensors of all shards, read by offset. */
#include "lib/base/arena.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/model/gguf_source.h"
#include "lib/model/model.h"
#include "lib/quant/qtype.h"
#include "lib/quant/swap.h"
#include "lib/sys/input.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct gguf_source {
    struct gg_source base;
    struct gg_model *model; /* owns us */
    struct ggf_set *set;
    struct gg_input **inputs; /* one a file; NULL for standard input, whose data is never read */
    struct gg_arena arena;
};

static struct gguf_source *self(struct gg_source *s)
{
    return (struct gguf_source *)s;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int unreadable(const struct gg_tensor *t, struct gg_err *err, const char *why)
{
    char name[128];
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "tensor '%s': %s",
                   gg_text_escape_into(name, sizeof name, t->name.p, t->name.nbytes), why);
}

int gg_gguf_source_bytes(struct gg_source *s, size_t i, uint64_t off, uint64_t n, void *dst,
                         struct gg_err *err)
{
    struct gguf_source *g = self(s);
    const struct gg_tensor *t = &g->model->tensors[i];
    char name[128];
    if (g->inputs[t->file] == NULL)
        return unreadable(t, err, "data cannot be read from a pipe, only the header");
    if (!gg_add_u64(t->file_off, off, &off))
        return unreadable(t, err, "its data lies beyond any file");
    int rc = gg_input_read_all(g->inputs[t->file], off, dst, (size_t)n, err);
    return rc == GG_OK ? rc
                       : gg_err_prefix(err, "tensor '%s'",
                                       gg_text_escape_into(name, sizeof name, t->name.p, t->name.nbytes));
}

static int source_read(struct gg_source *s, size_t i, uint64_t first, uint64_t n, void *dst,
                       struct gg_err *err)
{
    struct gguf_source *g = self(s);
    assert(i < g->model->n_tensors);
    const struct gg_tensor *t = &g->model->tensors[i];
    const struct qt_info *info = qt_info(t->type);
    if (!t->known || info == NULL)
        return unreadable(t, err, "its type is not one this program can read");
    assert(gg_in_range(first, n, t->nelems));
    assert(first % info->block_nelems == 0 && n % info->block_nelems == 0);
    uint64_t at = first / info->block_nelems * info->block_nbytes; /* inside nbytes: checked sizes */
    size_t n_blocks = (size_t)(n / info->block_nelems);
    int rc = gg_gguf_source_bytes(s, i, at, n_blocks * info->block_nbytes, dst, err);
    if (rc == GG_OK && ggf_file_big_endian(ggf_set_file(g->set, t->file)))
        qt_swap_blocks(t->type, dst, n_blocks);
    return rc;
}

static bool source_extent(struct gg_source *s, size_t i, struct gg_extent *out)
{
    struct gguf_source *g = self(s);
    const struct gg_tensor *t = &g->model->tensors[i];
    if ((!t->known && t->nbytes == 0) || g->inputs[t->file] == NULL ||
        ggf_file_big_endian(ggf_set_file(g->set, t->file)))
        return false;
    out->nbytes = t->nbytes;
    return gg_input_extent(g->inputs[t->file], t->file_off, &out->fd, &out->off);
}

static void source_free(struct gg_source *s)
{
    if (s == NULL)
        return;
    struct gguf_source *g = self(s);
    for (size_t i = 0; g->inputs != NULL && i < g->model->n_files; i++)
        gg_input_free(g->inputs[i]);
    ggf_set_free(g->set);
    gg_arena_free(&g->arena);
    free(g);
}

static const struct gg_source_ops ops = {source_read, source_extent, source_free, NULL, NULL};

bool gg_is_gguf_source(const struct gg_source *s)
{
    return s->ops == &ops;
}

/* ---- opening ------------------------------------------------------------------------------- */

static void copy_tensor(struct gg_tensor *dst, const struct ggf_tensor *t, uint32_t file)
{
    *dst = (struct gg_tensor){.name = t->name, .type = t->type, .n_dims = t->n_dims,
                              .nelems = t->nelems, .nbytes = t->nbytes, .file_off = t->file_off,
                              .file = file, .known = t->known};
    memcpy(dst->ne, t->ne, sizeof dst->ne);
}

/* Lists the tensors of all files; the header check has bounded their number by the header's size. */
static int list_tensors(struct gguf_source *g, struct gg_err *err)
{
    struct gg_model *m = g->model;
    uint64_t n = 0;
    for (size_t i = 0; i < m->n_files; i++)
        n += ggf_file_n_tensors(ggf_set_file(g->set, i));
    struct gg_tensor *v = gg_arena_zalloc(&g->arena, n + 1, sizeof *v);
    if (v == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    m->tensors = v;
    for (size_t i = 0; i < m->n_files; i++) {
        const struct ggf_file *f = ggf_set_file(g->set, i);
        for (size_t k = 0; k < ggf_file_n_tensors(f); k++)
            copy_tensor(&v[m->n_tensors++], ggf_file_tensor(f, k), (uint32_t)i);
        gg_findings_append(&m->findings, ggf_file_findings(f),
                           m->n_files > 1 ? ggf_file_name(f) : NULL);
    }
    return m->findings.failed ? gg_fail_nomem(err, "the list of findings") : GG_OK;
}

static void free_inputs(struct gg_input *const *inputs, size_t n)
{
    for (size_t i = 0; inputs != NULL && i < n; i++)
        gg_input_free(inputs[i]);
}

/* Inputs are opened by the set's paths, unless they are open already; a pipe has none. */
static int list_files(struct gguf_source *g, bool piped, struct gg_input *const *open,
                      struct gg_err *err)
{
    struct gg_model *m = g->model;
    size_t n = ggf_set_n_files(g->set);
    struct gg_model_file *files = gg_arena_zalloc(&g->arena, n, sizeof *files);
    g->inputs = gg_arena_zalloc(&g->arena, n, sizeof *g->inputs);
    if (files == NULL || g->inputs == NULL) {
        free_inputs(open, n);
        return gg_fail_nomem(err, "the list of files");
    }
    m->files = files;
    m->n_files = n;
    for (size_t i = 0; open != NULL && i < n; i++)
        g->inputs[i] = open[i];
    for (size_t i = 0; i < n; i++) {
        files[i].path = ggf_set_path(g->set, i);
        files[i].nbytes = ggf_file_nbytes(ggf_set_file(g->set, i));
        if (piped)
            continue;
        int rc = open == NULL ? gg_input_open(&g->inputs[i], files[i].path, err) : GG_OK;
        if (rc != GG_OK)
            return rc;
        gg_input_id(g->inputs[i], &files[i].dev, &files[i].ino);
    }
    return GG_OK;
}

/* Makes the model of a set, which it then owns (also on failure), and of its inputs, if they are open
 * already (owned, also on failure). */
static int model_of_set(struct gg_model **out, struct ggf_set *set, const char *path, bool piped,
                        struct gg_input *const *inputs, struct gg_err *err)
{
    struct gg_model *m = calloc(1, sizeof *m);
    struct gguf_source *g = calloc(1, sizeof *g);
    if (m == NULL || g == NULL) {
        free(m);
        free(g);
        free_inputs(inputs, ggf_set_n_files(set));
        ggf_set_free(set);
        return gg_fail_nomem(err, "a model");
    }
    *g = (struct gguf_source){.base = {&ops}, .model = m, .set = set};
    m->source = &g->base;
    m->set = set;
    m->meta = ggf_file_meta(ggf_set_file(set, 0));
    m->alignment = ggf_file_alignment(ggf_set_file(set, 0));
    m->name = gg_arena_strndup(&g->arena, path, strlen(path));
    int rc = list_files(g, piped, inputs, err);
    if (rc == GG_OK && m->name == NULL)
        rc = gg_fail_nomem(err, "a model");
    if (rc == GG_OK)
        rc = list_tensors(g, err);
    if (rc != GG_OK) {
        gg_model_free(m);
        return rc;
    }
    *out = m;
    return GG_OK;
}

int gg_model_from_set(struct gg_model **out, struct ggf_set *set, const char *name,
                      struct gg_err *err)
{
    *out = NULL;
    return model_of_set(out, set, name, true, NULL, err);
}

int gg_model_of_set(struct gg_model **out, struct ggf_set *set, const char *name,
                    struct gg_err *err)
{
    *out = NULL;
    return model_of_set(out, set, name, false, NULL, err);
}

static int read_input(void *ctx, uint64_t off, void *buf, size_t n, size_t *got,
                      struct gg_err *err)
{
    return gg_input_read(ctx, off, buf, n, got, err);
}

/* The set of one input that has no path: read once, forwards, as far as its header goes. */
static int set_of_input(struct ggf_set **out, struct gg_input *in, unsigned flags,
                       struct gg_err *err)
{
    struct ggf_reader r = {in, read_input, gg_input_nbytes(in), gg_input_name(in)};
    struct ggf_file *f = NULL;
    int rc = ggf_file_read(&f, &r, flags, err);
    if (f == NULL)
        return rc;
    int rc2 = ggf_set_from_file(out, f, err);
    return rc2 != GG_OK ? rc2 : rc;
}

int gg_model_open_gguf(struct gg_model **out, const char *path, unsigned flags, struct gg_err *err)
{
    struct gg_input *in = NULL;
    struct ggf_set *set = NULL;
    *out = NULL;
    int rc = gg_input_open(&in, path, err);
    if (rc != GG_OK)
        return rc;
    /* "< FILE" has a size but no path of its own, so it counts as a pipe too. */
    bool piped = strcmp(path, "-") == 0 || gg_input_nbytes(in) == GG_NOWHERE;
    rc = piped ? set_of_input(&set, in, flags, err) : ggf_set_open(&set, path, flags, err);
    gg_input_free(in);
    if (set == NULL)
        return rc;
    int rc2 = model_of_set(out, set, path, piped, NULL, err);
    return rc2 != GG_OK ? rc2 : rc;
}

int gg_model_from_inputs(struct gg_model **out, struct ggf_set *set,
                         struct gg_input *const *inputs, const char *name, struct gg_err *err)
{
    *out = NULL;
    return model_of_set(out, set, name, false, inputs, err);
}
