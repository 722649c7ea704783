#include "lib/job/job.h"

#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "lib/import/archive.h"
#include "lib/job/codebooks.h"
#include "lib/job/foreign.h"
#include "lib/job/pending.h"
#include "lib/sys/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* As it is stored, or as the model it converts to: then hf and found count. */
static int open_either(struct gg_model **out, const char *path, unsigned flags,
                       const struct gg_hf_opts *hf, struct gg_findings *found, struct gg_err *err)
{
    unsigned plain = flags & ~(unsigned)GG_JOB_FLAGS;
    int rc = flags & GG_JOB_FOREIGN
                 ? gg_foreign_open(out, path, plain | (flags & GG_JOB_LOOK), hf, found, err)
                 : gg_archive_open_model(out, path, plain, err);
    return rc != GG_OK || *out != NULL ? rc : gg_model_open_gguf(out, path, plain, err);
}

int gg_job_open_as(struct gg_model **out, const char *path, unsigned flags,
                   const struct gg_hf_opts *hf, struct gg_findings *found, struct gg_err *err)
{
    struct gg_findings pending = GG_FINDINGS_INIT;
    bool looks = (flags & GG_JOB_LOOK) != 0;
    *out = NULL;
    int rc = gg_pending(path, looks ? GG_PENDING_LOOK : GG_PENDING_FINISH, &pending, err);
    if (rc == GG_OK)
        rc = open_either(out, path, flags, hf, found, err);
    if (rc == GG_OK && (flags & GG_JOB_PLAIN) != 0)
        rc = gg_model_plain(*out, err);
    if (rc == GG_OK && (flags & GG_JOB_MOVED) != 0)
        rc = gg_model_moved(*out, err);
    if (*out != NULL)
        gg_findings_append(&(*out)->findings, &pending, NULL);
    else if (pending.n > 0 && rc != GG_OK)
        gg_err_prefix(err, "%s: %s", path, pending.v[0].text);
    gg_findings_free(&pending);
    return rc;
}

int gg_job_open(struct gg_model **out, const char *path, unsigned flags, struct gg_err *err)
{
    struct gg_findings found = GG_FINDINGS_INIT;
    int rc = gg_job_open_as(out, path, flags, NULL, &found, err);
    if (*out != NULL)
        gg_findings_append(&(*out)->findings, &found, NULL);
    gg_findings_free(&found);
    return rc;
}

/* ---- names --------------------------------------------------------------------------------- */

static bool ends_with(const char *s, size_t n, const char *tail)
{
    size_t t = strlen(tail);
    return n > t && memcmp(s + n - t, tail, t) == 0;
}

const char *gg_job_file_path(struct gg_arena *mem, const char *path, bool sharded, size_t i,
                             size_t n)
{
    if (!sharded)
        return path;
    size_t len = strlen(path), prefix = len;
    uint32_t no, count;
    if (!ggf_split_parse(path, &prefix, &no, &count))
        prefix = ends_with(path, len, ".gguf") ? len - strlen(".gguf") : len;
    char *stem = gg_arena_strndup(mem, path, prefix);
    size_t room = prefix + 64;
    char *dst = gg_arena_alloc(mem, room);
    if (stem == NULL || dst == NULL || !ggf_split_path(dst, room, stem, (uint32_t)i, (uint32_t)n))
        return NULL;
    return dst;
}

/* ---- the run ------------------------------------------------------------------------------- */

struct run {
    const struct gg_job *job;
    struct gg_job_result *result;
    struct gg_sink **sinks; /* data files, output after output, then checksum files */
    size_t n_data, n_sinks;
    struct gg_file_id *inputs;
    size_t n_inputs;
};

static bool is_pipe(const char *path)
{
    return strcmp(path, "-") == 0;
}

static int list_inputs(struct run *r, struct gg_err *err)
{
    const struct gg_model *m = r->job->model;
    const char *const *more = r->job->not_inputs;
    size_t n = m->n_files;
    for (size_t i = 0; more != NULL && more[i] != NULL; i++)
        n++;
    r->inputs = gg_arena_zalloc(&r->result->arena, n + 1, sizeof *r->inputs);
    if (r->inputs == NULL)
        return gg_fail_nomem(err, "the list of inputs");
    for (size_t i = 0; i < m->n_files; i++) {
        if (m->files[i].ino != 0)
            r->inputs[r->n_inputs++] = (struct gg_file_id){m->files[i].dev, m->files[i].ino};
    }
    struct stat st;
    for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
        if (stat(more[i], &st) == 0)
            r->inputs[r->n_inputs++] = (struct gg_file_id){st.st_dev, st.st_ino};
    }
    return GG_OK;
}

static int name_files(struct run *r, struct gg_err *err)
{
    const struct gg_plan *plan = r->job->plan;
    struct gg_arena *mem = &r->result->arena;
    r->result->files = gg_arena_zalloc(mem, plan->n_outputs, sizeof *r->result->files);
    if (r->result->files == NULL)
        return gg_fail_nomem(err, "the list of outputs");
    for (size_t o = 0; o < plan->n_outputs; o++) {
        const struct gg_plan_output *out = &plan->outputs[o];
        if (is_pipe(r->job->paths[o]) && (plan->n_outputs > 1 || out->sharded))
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "standard output takes only one file");
        struct gg_job_file *v = gg_arena_zalloc(mem, out->n_files, sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "the list of outputs");
        r->result->files[o] = v;
        for (size_t f = 0; f < out->n_files; f++) {
            v[f].path = gg_job_file_path(mem, r->job->paths[o], out->sharded, f, out->n_files);
            v[f].nbytes = out->files[f].nbytes;
            if (v[f].path == NULL)
                return gg_fail_nomem(err, "the names of outputs");
        }
        r->n_data += out->n_files;
    }
    return GG_OK;
}

/* When most of a file can be shared, block by block, with a file it comes from: that file. */
static bool can_share(const struct run *r, const struct gg_plan_output *o, size_t file, int *fd)
{
    enum { BLOCK = 4096 };
    struct gg_source *s = r->job->model->source;
    uint64_t shared = 0;
    for (size_t i = 0; !r->job->sha256 && i < o->files[file].n_tensors; i++) {
        const struct gg_plan_tensor *t = &o->tensors[o->files[file].first_tensor + i];
        struct gg_extent x;
        if (t->action != GG_COPY || t->nbytes < BLOCK || r->job->plan->big_endian ||
            !s->ops->extent(s, t->src, &x) || x.off % BLOCK != t->off % BLOCK)
            continue;
        shared += t->nbytes;
        *fd = x.fd;
    }
    return shared > o->files[file].nbytes / 2;
}

static int open_sink(struct run *r, const char *path, uint64_t nbytes, bool cloned, int clone_fd,
                     struct gg_err *err)
{
    struct gg_sink_opts o = {.nbytes = nbytes, .force = r->job->force, .inputs = r->inputs,
                             .n_inputs = r->n_inputs, .cloned = cloned, .clone_fd = clone_fd};
    int rc = gg_sink_open(&r->sinks[r->n_sinks], path, &o, err);
    if (rc == GG_OK)
        r->n_sinks++;
    return rc;
}

/* Lines of sha256sum: a name with a backslash or a newline is escaped, and the line begins with \. */
static void checksum_text(struct gg_buf *b, const struct gg_job_file *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *slash = strrchr(v[i].path, '/'), *name = slash ? slash + 1 : v[i].path;
        gg_buf_adds(b, strpbrk(name, "\\\n") != NULL ? "\\" : "");
        if (v[i].sha256[0] != '\0')
            gg_buf_adds(b, v[i].sha256);
        else
            gg_buf_fill(b, '0', 2 * GG_SHA256_NBYTES);
        gg_buf_adds(b, "  ");
        for (; *name != '\0'; name++) {
            if (*name == '\\' || *name == '\n')
                gg_buf_adds(b, *name == '\\' ? "\\\\" : "\\n");
            else
                gg_buf_addc(b, *name);
        }
        gg_buf_addc(b, '\n');
    }
}

static int open_checksums(struct run *r, struct gg_err *err)
{
    const struct gg_plan *plan = r->job->plan;
    int rc = GG_OK;
    for (size_t o = 0; rc == GG_OK && o < plan->n_outputs; o++) {
        struct gg_buf text = GG_BUF_INIT, path = GG_BUF_INIT;
        if (is_pipe(r->job->paths[o]))
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--sha256 needs an output with a name");
        checksum_text(&text, r->result->files[o], plan->outputs[o].n_files);
        gg_buf_addf(&path, "%s.sha256", r->job->paths[o]);
        rc = text.failed || path.failed ? gg_fail_nomem(err, "checksums")
                                        : open_sink(r, path.data, text.nbytes, false, -1, err);
        gg_buf_free(&text);
        gg_buf_free(&path);
    }
    return rc;
}

static int open_all(struct run *r, struct gg_err *err)
{
    const struct gg_plan *plan = r->job->plan;
    size_t n = r->n_data + (r->job->sha256 ? plan->n_outputs : 0);
    r->sinks = gg_arena_zalloc(&r->result->arena, n + 1, sizeof *r->sinks);
    if (r->sinks == NULL)
        return gg_fail_nomem(err, "the list of outputs");
    int rc = GG_OK;
    for (size_t o = 0; rc == GG_OK && o < plan->n_outputs; o++) {
        for (size_t f = 0; rc == GG_OK && f < plan->outputs[o].n_files; f++) {
            int fd = -1;
            bool cloned = can_share(r, &plan->outputs[o], f, &fd);
            rc = open_sink(r, r->result->files[o][f].path, plan->outputs[o].files[f].nbytes, cloned, fd,
                           err);
        }
    }
    if (rc == GG_OK && r->job->sha256)
        rc = open_checksums(r, err);
    return rc;
}

static int write_checksums(struct run *r, struct gg_err *err)
{
    const struct gg_plan *plan = r->job->plan;
    int rc = GG_OK;
    for (size_t o = 0; rc == GG_OK && o < plan->n_outputs; o++) {
        struct gg_job_file *v = r->result->files[o];
        for (size_t f = 0; f < plan->outputs[o].n_files; f++) {
            for (size_t i = 0; i < GG_SHA256_NBYTES; i++)
                snprintf(v[f].sha256 + 2 * i, 3, "%02x", r->result->report.sha256[o][f][i]);
        }
        struct gg_buf text = GG_BUF_INIT;
        checksum_text(&text, v, plan->outputs[o].n_files);
        rc = text.failed ? gg_fail_nomem(err, "checksums")
                         : gg_sink_write(r->sinks[r->n_data + o], 0, text.data, text.nbytes, err);
        gg_buf_free(&text);
    }
    return rc;
}

/* A name is the promise that the file is whole, so checksum files and first shards, which lead to the
 * others, get theirs last. */
static int settle(struct run *r, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < r->n_sinks; i++)
        rc = gg_sink_finish(r->sinks[i], err);
    gg_cleanup_hold(); /* all names or none */
    for (size_t i = r->n_data; rc == GG_OK && i > 0; i--)
        rc = gg_sink_commit(r->sinks[i - 1], err);
    for (size_t i = r->n_data; rc == GG_OK && i < r->n_sinks; i++)
        rc = gg_sink_commit(r->sinks[i], err);
    gg_cleanup_release();
    return rc;
}

static int stream(struct run *r, struct gg_err *err)
{
    struct gg_write_opts w = *r->job->write;
    struct gg_codebooks books;
    int rc = gg_codebooks_for(&books, r->job->plan, err);
    if (rc != GG_OK)
        return rc;
    w.stream.codebooks = books.v;
    w.sha256 = r->job->sha256;
    rc = gg_stream_write(r->job->model, r->job->plan, r->sinks, &w, &r->result->report, err);
    gg_codebooks_free(&books);
    return rc;
}

int gg_job_run(const struct gg_job *job, struct gg_job_result *result, struct gg_err *err)
{
    struct run r = {.job = job, .result = result};
    *result = (struct gg_job_result){0};
    int rc = name_files(&r, err);
    if (rc == GG_OK)
        rc = list_inputs(&r, err);
    if (rc == GG_OK)
        rc = open_all(&r, err);
    if (rc == GG_OK)
        rc = stream(&r, err);
    if (rc == GG_OK && job->sha256)
        rc = write_checksums(&r, err);
    if (rc == GG_OK)
        rc = settle(&r, err);
    for (size_t i = 0; i < r.n_sinks; i++)
        gg_sink_free(r.sinks[i]);
    return rc;
}

void gg_job_result_free(struct gg_job_result *r)
{
    gg_write_report_free(&r->report);
    gg_arena_free(&r->arena);
    *r = (struct gg_job_result){0};
}

/* ---- small files --------------------------------------------------------------------------- */

int gg_job_write_file(const char *path, const void *data, size_t nbytes, bool force,
                      struct gg_err *err)
{
    struct gg_sink_opts o = {.nbytes = nbytes, .force = force};
    struct gg_sink *s = NULL;
    int rc = gg_sink_open(&s, path, &o, err);
    if (rc == GG_OK)
        rc = gg_sink_write(s, 0, data, nbytes, err);
    if (rc == GG_OK)
        rc = gg_sink_finish(s, err);
    if (rc == GG_OK)
        rc = gg_sink_commit(s, err);
    gg_sink_free(s);
    return rc;
}

int gg_job_check_new(const char *option, const char *path, bool force, struct gg_err *err)
{
    struct stat st;
    if (!is_pipe(path) && !force && lstat(path, &st) == 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: %s: exists already (--force replaces it)",
                       option, path);
    return GG_OK;
}
