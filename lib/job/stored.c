#include "lib/job/stored.h"

#include "lib/base/text.h"
#include "lib/import/archive.h"
#include "lib/job/job.h"
#include "lib/job/kind.h"
#include "lib/quant/qtype.h"
#include "lib/sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- which is it? ---------------------------------------------------------------------------- */

/* The GGUF model in an archive; *m is NULL, and the answer GG_OK, when it holds none, but maybe a
 * checkpoint. */
static int open_in_archive(struct gg_model **m, const char *path, unsigned flags, struct gg_err *err)
{
    struct gg_err e;
    int rc = gg_archive_open_model(m, path, flags & ~(unsigned)GG_JOB_FLAGS, &e);
    if (rc == GG_OK && (flags & GG_JOB_PLAIN) != 0)
        rc = gg_model_plain(*m, &e);
    if (rc == GG_ERR_NOT_GGUF || rc == GG_ERR_UNSUPPORTED)
        return GG_OK;
    if (rc != GG_OK)
        *err = e;
    return rc;
}

bool gg_stored_is_checkpoint(const char *path)
{
    struct gg_model *m = NULL;
    struct gg_err err;
    enum gg_path_kind kind;
    if (gg_path_kind(&kind, path, &err) != GG_OK || kind != GG_PATH_ARCHIVE)
        return kind == GG_PATH_CHECKPOINT;
    int rc = open_in_archive(&m, path, GGF_HEADER_ONLY, &err);
    bool is = rc == GG_OK && m == NULL;
    gg_model_free(m);
    return is;
}

/* ---- a model --------------------------------------------------------------------------------- */

static void take_tensor(struct gg_stored *s, struct gg_stored_tensor *to, size_t i)
{
    const struct gg_tensor *t = &s->model->tensors[i];
    const struct qt_info *info = t->known ? qt_info(t->type) : NULL;
    t = gg_tensor_in_file(t);
    char tmp[32];
    const char *type = gg_tensor_stored(t, tmp);
    *to = (struct gg_stored_tensor){
        .name = t->name, .type = type != tmp ? type : gg_arena_strndup(&s->mem, tmp, strlen(tmp)),
        .qtype = t->type, .n_dims = t->n_dims, .nelems = t->nelems, .nbytes = t->nbytes,
        .unit_nelems = info != NULL ? info->block_nelems : 1,
        .unit_nbytes = info != NULL ? info->block_nbytes : 1, .file_off = t->file_off,
        .file = t->file, .index = i, .known = info != NULL, .decoded = t->origin != NULL};
    for (unsigned d = 0; d < GG_CKPT_MAX_DIMS; d++)
        to->ne[d] = d < GGF_MAX_DIMS ? t->ne[d] : 1;
}

static int take_model(struct gg_stored *s, struct gg_err *err)
{
    const struct gg_model *m = s->model;
    struct gg_stored_tensor *v = gg_arena_zalloc(&s->mem, m->n_tensors + 1, sizeof *v);
    struct gg_stored_file *f = gg_arena_zalloc(&s->mem, m->n_files + 1, sizeof *f);
    if (v == NULL || f == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    s->name = m->name;
    s->tensors = v;
    s->files = f;
    s->n_files = m->n_files;
    for (; s->n < m->n_tensors; s->n++) {
        struct gg_extent x;
        take_tensor(s, &v[s->n], s->n);
        if (v[s->n].type == NULL)
            return gg_fail_nomem(err, "the list of tensors");
        s->sequential |= v[s->n].known && !v[s->n].decoded && !m->source->ops->extent(m->source, s->n, &x) &&
                         !ggf_file_big_endian(ggf_set_file(m->set, v[s->n].file));
    }
    for (size_t i = 0; i < m->n_files; i++)
        f[i] = (struct gg_stored_file){m->files[i].path,
                                       strcmp(m->name, "-") != 0 ? m->files[i].path : NULL,
                                       m->files[i].nbytes};
    return GG_OK;
}

/* ---- a checkpoint ---------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const struct gg_stored_tensor *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->file_off != y->file_off)
        return x->file_off < y->file_off ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void take_ckpt_tensor(struct gg_stored_tensor *to, const struct gg_ckpt_tensor *t, size_t i)
{
    uint32_t unit = gg_dtype_unit(t->dtype);
    *to = (struct gg_stored_tensor){
        .name = {t->name, t->name_nbytes}, .type = gg_dtype_name(t->dtype),
        .qtype = gg_dtype_qtype(t->dtype), .dtype = t->dtype, .n_dims = t->n_dims,
        .nelems = t->nelems, .nbytes = t->nbytes, .unit_nelems = unit,
        .unit_nbytes = unit * (uint32_t)gg_dtype_nbits(t->dtype) / 8, .file_off = t->pos, .file = t->file, .index = i,
        .known = true};
    for (unsigned d = 0; d < GG_CKPT_MAX_DIMS; d++)
        to->ne[d] = d < t->n_dims ? t->shape[t->n_dims - 1 - d] : 1;
}

/* Where the file called name of the checkpoint stands; NULL: in an archive, or no memory. */
static const char *path_of(struct gg_stored *s, const char *name)
{
    struct stat st;
    size_t n = strlen(s->name);
    if (stat(s->name, &st) != 0)
        return NULL;
    if (!S_ISDIR(st.st_mode)) {
        const char *slash = strrchr(s->name, '/');
        n = slash != NULL ? (size_t)(slash - s->name) + 1 : 0;
    }
    size_t room = n + strlen(name) + 2;
    char *path = gg_arena_alloc(&s->mem, room);
    if (path == NULL)
        return NULL;
    memcpy(path, s->name, n);
    path[n] = '\0';
    if (n > 0 && path[n - 1] != '/')
        strcat(path, "/");
    strcat(path, name);
    return stat(path, &st) == 0 ? path : NULL;
}

static int take_checkpoint(struct gg_stored *s, struct gg_err *err)
{
    size_t n = gg_checkpoint_n_tensors(s->ckpt), n_files = gg_checkpoint_n_files(s->ckpt);
    struct gg_stored_tensor *v = gg_arena_zalloc(&s->mem, n + 1, sizeof *v);
    struct gg_stored_file *f = gg_arena_zalloc(&s->mem, n_files + 1, sizeof *f);
    if (v == NULL || f == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    s->name = gg_checkpoint_name(s->ckpt);
    s->tensors = v;
    s->n = n;
    s->files = f;
    s->n_files = n_files;
    s->sequential = gg_checkpoint_sequential(s->ckpt);
    for (size_t i = 0; i < n; i++)
        take_ckpt_tensor(&v[i], gg_checkpoint_tensor(s->ckpt, i), i);
    qsort(v, n, sizeof *v, by_place);
    for (size_t i = 0; i < n_files; i++) {
        uint64_t dev, ino;
        f[i].name = gg_checkpoint_file(s->ckpt, i, &f[i].nbytes, &dev, &ino);
        f[i].path = path_of(s, f[i].name);
    }
    return GG_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int settle(struct gg_stored **out, struct gg_stored *s, int rc)
{
    if (rc == GG_OK) {
        *out = s;
        return rc;
    }
    gg_stored_free(s);
    return rc;
}

int gg_stored_of_model(struct gg_stored **out, struct gg_model *m, struct gg_err *err)
{
    struct gg_stored *s = calloc(1, sizeof *s);
    *out = NULL;
    if (s == NULL) {
        gg_model_free(m);
        return gg_fail_nomem(err, "a model");
    }
    s->model = s->own_model = m;
    int rc = gg_model_moved(m, err); /* but what is decoded already */
    return settle(out, s, rc == GG_OK ? take_model(s, err) : rc);
}

int gg_stored_open(struct gg_stored **out, const char *path, unsigned flags,
                   struct gg_findings *findings, struct gg_err *err)
{
    enum gg_path_kind kind;
    struct gg_model *m = NULL;
    *out = NULL;
    int rc = gg_path_kind(&kind, path, err);
    if (rc == GG_OK && kind == GG_PATH_ARCHIVE)
        rc = open_in_archive(&m, path, flags, err); /* unpacks it: once is enough */
    else if (rc == GG_OK && kind == GG_PATH_GGUF)
        rc = gg_job_open(&m, path, flags, err);
    if (rc != GG_OK) {
        gg_model_free(m);
        return rc;
    }
    if (m != NULL)
        return gg_stored_of_model(out, m, err);
    struct gg_stored *s = calloc(1, sizeof *s);
    if (s == NULL)
        return gg_fail_nomem(err, "a checkpoint");
    rc = gg_checkpoint_open(&s->ckpt, path, findings, err);
    return settle(out, s, rc == GG_OK ? take_checkpoint(s, err) : rc);
}

void gg_stored_free(struct gg_stored *s)
{
    if (s == NULL)
        return;
    gg_model_free(s->own_model);
    gg_checkpoint_free(s->ckpt);
    gg_arena_free(&s->mem);
    free(s);
}

/* ---- reading --------------------------------------------------------------------------------- */

int gg_stored_read(const struct gg_stored *s, size_t i, uint64_t off, size_t nbytes, void *dst,
                   struct gg_err *err)
{
    const struct gg_stored_tensor *t = &s->tensors[i];
    uint64_t first = off / t->unit_nbytes * t->unit_nelems;
    uint64_t n = nbytes / t->unit_nbytes * t->unit_nelems;
    return s->model != NULL
               ? s->model->source->ops->read(s->model->source, t->index, first, n, dst, err)
               : gg_checkpoint_read(s->ckpt, t->index, first, n, dst, err);
}

void gg_stored_will_need(const struct gg_stored *s, size_t i, uint64_t off, uint64_t nbytes)
{
    struct gg_extent x = {0};
    bool plain = s->model != NULL
                     ? s->model->source->ops->extent(s->model->source, s->tensors[i].index, &x)
                     : gg_checkpoint_extent(s->ckpt, s->tensors[i].index, &x.fd, &x.off);
    if (plain)
        gg_file_will_need(x.fd, x.off + off, nbytes);
}

bool gg_stored_decodes(const struct gg_stored *s, size_t i, const struct qk_table *kernels)
{
    const struct gg_stored_tensor *t = &s->tensors[i];
    if (s->model == NULL)
        return true;
    return t->known && t->qtype < QT_ID_END && kernels->k[t->qtype].dequant != NULL;
}

void gg_stored_to_f32(const struct gg_stored *s, size_t i, const struct qk_table *kernels,
                      const void *src, size_t n, float *dst)
{
    const struct gg_stored_tensor *t = &s->tensors[i];
    if (s->model != NULL)
        kernels->k[t->qtype].dequant(dst, src, n / t->unit_nelems);
    else
        gg_dtype_to_f32(dst, src, t->dtype, n);
}

int gg_stored_open_file(struct gg_input **out, const struct gg_stored *s, size_t file,
                        struct gg_err *err)
{
    *out = NULL;
    int rc = s->model != NULL ? gg_archive_open_gguf(out, s->files[file].path, err) : GG_OK;
    return rc == GG_OK && *out == NULL ? gg_input_open(out, s->files[file].path, err) : rc;
}
