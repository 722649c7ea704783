/* What a consuming copy is going to do, and whether it may. */
#include "lib/job/consume_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/job/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *shown(char dst[256], const char *path)
{
    return gg_text_escape_into(dst, 256, path, strlen(path));
}

/* ---- sources ------------------------------------------------------------------------------- */

/* What has other names, or is another's, would be cut for all of them. */
static int check_source(const char *path, struct gg_err *err)
{
    char at[256];
    struct stat st;
    if (lstat(path, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be consumed", shown(at, path));
    if (S_ISLNK(st.st_mode))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: is a link; --consume takes only files themselves", shown(at, path));
    if (!S_ISREG(st.st_mode))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: is no plain file to be consumed",
                       shown(at, path));
    if (st.st_nlink > 1)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: has %llu names (hard links); --consume would take it from all of them",
                       shown(at, path), (unsigned long long)st.st_nlink);
    return GG_OK;
}

/* Sizes as they were left: at the last noted cut, or where that had still to be made. */
static int check_size(const struct gg_consume_source *known, const struct stat *st,
                      const char *path, struct gg_err *err)
{
    char at[256];
    if (known->dev != (uint64_t)st->st_dev || known->ino != (uint64_t)st->st_ino)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: is not the file that --consume was begun with", shown(at, path));
    if ((uint64_t)st->st_size < known->cut || (uint64_t)st->st_size > known->nbytes)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "%s: has %llu bytes, where the journal left it with %llu of %llu",
                       shown(at, path), (unsigned long long)st->st_size,
                       (unsigned long long)known->cut, (unsigned long long)known->nbytes);
    return GG_OK;
}

static int open_source(struct gg_consume *c, size_t i, bool resumes, struct gg_err *err)
{
    const struct gg_model_file *f = &c->job->model->files[i];
    struct gg_consume_source *s = &c->log.sources[i];
    struct gg_consume_end *e = &c->ends[i];
    struct stat st;
    char at[256];
    int rc = check_source(f->path, err);
    if (rc != GG_OK)
        return rc;
    e->fd = open(f->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    if (e->fd < 0 || fstat(e->fd, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be opened to be consumed", shown(at, f->path));
    if ((uint64_t)st.st_dev != f->dev || (uint64_t)st.st_ino != f->ino)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: is no plain file to be consumed",
                       shown(at, f->path));
    if (resumes && (rc = check_size(s, &st, f->path, err)) != GG_OK)
        return rc;
    e->end = (uint64_t)st.st_size;
    e->least = gg_min_u64(e->end, ggf_file_data_off(ggf_set_file(c->job->model->set, i)));
    if (resumes)
        return GG_OK;
    char *path = realpath(f->path, NULL);
    if (path == NULL)
        return gg_fail_sys(err, errno, "%s: cannot be consumed", shown(at, f->path));
    s->path = gg_arena_strndup(&c->mem, path, strlen(path));
    free(path);
    s->dev = f->dev;
    s->ino = f->ino;
    s->nbytes = s->cut = e->end;
    return s->path == NULL ? gg_fail_nomem(err, "a journal") : GG_OK;
}

static int open_sources(struct gg_consume *c, bool resumes, struct gg_err *err)
{
    size_t n = c->job->model->n_files;
    int rc = GG_OK;
    if (resumes && n != c->log.n_sources)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--consume was begun with other inputs; run the same command as then");
    if (!resumes) {
        c->log.sources = gg_arena_zalloc(&c->mem, n + 1, sizeof *c->log.sources);
        c->log.n_sources = n;
    }
    c->ends = gg_arena_zalloc(&c->mem, n + 1, sizeof *c->ends);
    if (c->log.sources == NULL || c->ends == NULL)
        return gg_fail_nomem(err, "the list of inputs");
    for (size_t i = 0; i < n; i++)
        c->ends[i].fd = -1;
    for (size_t i = 0; rc == GG_OK && i < n; i++)
        rc = open_source(c, i, resumes, err);
    return rc;
}

/* ---- segments ------------------------------------------------------------------------------ */

static int by_source(const void *pa, const void *pb)
{
    const struct gg_segment *a = pa, *b = pb;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

static int list_segments(struct gg_consume *c, struct gg_err *err)
{
    const struct gg_model *m = c->job->model;
    const struct gg_plan_output *o = &c->job->plan->outputs[0];
    c->segments = calloc(o->n_tensors + 1, sizeof *c->segments);
    if (c->segments == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_plan_tensor *t = &o->tensors[i];
        const struct gg_tensor *src = &m->tensors[t->src];
        struct gg_extent x;
        char at[256];
        if (!m->source->ops->extent(m->source, t->src, &x) || x.off != src->file_off ||
            x.nbytes != t->nbytes || t->action != GG_COPY || c->job->plan->big_endian)
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                           "%s: --consume moves bytes as they are, and these have to be changed or "
                           "unpacked",
                           shown(at, m->files[src->file].path));
        if (t->nbytes > 0)
            c->segments[c->n_segments++] =
                (struct gg_segment){src->file, t->file, src->file_off, t->off, t->nbytes};
    }
    qsort(c->segments, c->n_segments, sizeof *c->segments, by_source);
    return GG_OK;
}

static void add_u64(struct gg_digest *d, uint64_t v)
{
    uint8_t raw[8];
    gg_store_u64(raw, v);
    gg_digest_add(d, raw, sizeof raw);
}

static int plan_digest(const struct gg_consume *c, uint8_t digest[GG_DIGEST_NBYTES],
                       struct gg_err *err)
{
    const struct gg_plan_output *o = &c->job->plan->outputs[0];
    struct gg_digest *d = gg_digest_new(GG_SHA256);
    if (d == NULL)
        return gg_fail_nomem(err, "a digest");
    for (size_t i = 0; i < o->n_files; i++) {
        size_t n;
        const void *header = ggf_layout_header(o->files[i].layout, &n);
        add_u64(d, o->files[i].nbytes);
        gg_digest_add(d, header, n);
    }
    for (size_t i = 0; i < c->n_segments; i++) {
        const struct gg_segment *s = &c->segments[i];
        add_u64(d, s->source);
        add_u64(d, s->from);
        add_u64(d, s->target);
        add_u64(d, s->to);
        add_u64(d, s->nbytes);
    }
    gg_digest_end(d, digest);
    gg_digest_free(d);
    return GG_OK;
}

/* ---- targets ------------------------------------------------------------------------------- */

/* The path from the root, of a file that need not exist but must not be a link. */
static int absolute(const char **out, struct gg_arena *mem, const char *path, struct gg_err *err)
{
    struct stat st;
    char at[256];
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: is a link; --consume writes only to files themselves", shown(at, path));
    char *dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path + 1));
    char *real = dir != NULL ? realpath(dir, NULL) : NULL;
    int sys = errno;
    size_t n = real == NULL || strcmp(real, "/") == 0 ? 0 : strlen(real);
    char *all = gg_arena_alloc(mem, n + strlen(name) + 2);
    int rc = GG_OK;
    if (real == NULL) {
        rc = gg_fail_sys(err, sys, "%s: its folder cannot be found", shown(at, path));
    } else if (all == NULL) {
        rc = gg_fail_nomem(err, "a path");
    } else {
        memcpy(all, real, n);
        all[n] = '/';
        memcpy(all + n + 1, name, strlen(name) + 1);
    }
    free(real);
    free(dir);
    *out = all;
    return rc;
}

static int list_targets(struct gg_consume *c, struct gg_consume_target **out, struct gg_err *err)
{
    const struct gg_plan_output *o = &c->job->plan->outputs[0];
    struct gg_consume_target *v = gg_arena_zalloc(&c->mem, o->n_files + 1, sizeof *v);
    int rc = v == NULL ? gg_fail_nomem(err, "the list of outputs") : GG_OK;
    for (size_t i = 0; rc == GG_OK && i < o->n_files; i++) {
        const char *path = gg_job_file_path(&c->mem, c->job->path, o->sharded, i, o->n_files);
        v[i].nbytes = o->files[i].nbytes;
        rc = path == NULL ? gg_fail_nomem(err, "the names of outputs")
                          : absolute(&v[i].path, &c->mem, path, err);
    }
    *out = v;
    return rc;
}

/* What it was begun with must be what is asked for now. */
static int compare(const struct gg_consume_log *log, const uint8_t *digest,
                   const struct gg_consume_target *targets, size_t n, struct gg_err *err)
{
    bool same = memcmp(log->digest, digest, sizeof log->digest) == 0 && log->n_targets == n;
    for (size_t i = 0; same && i < n; i++)
        same = strcmp(log->targets[i].path, targets[i].path) == 0;
    return same ? GG_OK
                : gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                          "--consume was begun with other options; run the same command as then");
}

int gg_consume_plan(struct gg_consume *c, struct gg_err *err)
{
    bool resumes = c->log.n_targets > 0;
    struct gg_consume_target *targets;
    size_t n = c->job->plan->outputs[0].n_files;
    uint8_t digest[GG_DIGEST_NBYTES];
    int rc = list_segments(c, err);
    if (rc == GG_OK)
        rc = open_sources(c, resumes, err);
    if (rc == GG_OK)
        rc = list_targets(c, &targets, err);
    if (rc == GG_OK)
        rc = plan_digest(c, digest, err);
    if (rc != GG_OK || resumes)
        return rc != GG_OK ? rc : compare(&c->log, digest, targets, n, err);
    memcpy(c->log.digest, digest, sizeof digest);
    c->log.targets = targets;
    c->log.n_targets = n;
    return GG_OK;
}
