/* Writing: in place, as a copy over the file, or to another file. */
#include "cmds/edit.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"
#include "lib/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files of others ------------------------------------------------------------------------- */

static bool is_hex(const char *s, size_t n)
{
    return strspn(s, "0123456789abcdef") == n && s[n] == '\0';
}

/* Whose store a file lies in, by the names around it; NULL: nobody's. */
static const char *store_of(const char *real)
{
    const char *slash = strrchr(real, '/'), *name = slash != NULL ? slash + 1 : real;
    struct stat st;
    char beside[4096];
    if (slash == NULL || slash - real < 6 || strncmp(slash - 6, "/blobs", 6) != 0)
        return NULL;
    if (strncmp(name, "sha256-", 7) == 0 && is_hex(name + 7, 64))
        return "an Ollama blob, named after its content";
    size_t n = (size_t)(slash - real) - strlen("blobs");
    if (n + sizeof "snapshots" > sizeof beside)
        return NULL;
    memcpy(beside, real, n);
    memcpy(beside + n, "snapshots", sizeof "snapshots");
    if (stat(beside, &st) == 0 && S_ISDIR(st.st_mode))
        return "a blob of the Hugging Face cache, which its snapshots share";
    return NULL;
}

int edit_may_change(const struct edit *e, const char *path, struct gg_err *err)
{
    struct stat st;
    char shown[512];
    const char *store = store_of(path);
    gg_text_escape_into(shown, sizeof shown, path, strlen(path));
    if (stat(path, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot look at it", shown);
    if (access(path, W_OK) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be written", shown);
    if (e->o->allow_shared)
        return GG_OK;
    if (store != NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: is %s; write elsewhere with -o OUT, or change it with --allow-shared",
                       shown, store);
    if (st.st_nlink > 1 && !e->o->copy)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: has %llu names (hard links), and all would change; --copy gives this one "
                       "a file of its own, -o OUT writes elsewhere, --allow-shared changes all",
                       shown, (unsigned long long)st.st_nlink);
    return GG_OK;
}

/* ---- planning -------------------------------------------------------------------------------- */

static int open_file(struct edit *e, size_t i, struct gg_err *err)
{
    struct edit_file *f = &e->files[i];
    f->path = realpath(e->model->files[i].path, NULL);
    if (f->path == NULL)
        return gg_fail_sys(err, errno, "%s: cannot resolve", e->model->files[i].path);
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return gg_fail_sys(err, errno, "%s: cannot open", e->model->files[i].path);
    return GG_OK;
}

/* Can a file of that path share blocks of fd? */
static bool can_clone_to(int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL   ? strdup(".")
                : slash == path ? strdup("/")
                                : strndup(path, (size_t)(slash - path));
    int to = dir != NULL ? gg_file_open_unnamed(dir, 0600) : -1;
    bool can = to >= 0 && gg_file_can_clone(fd, to);
    if (to >= 0)
        close(to);
    free(dir);
    return can;
}

/* Of a shard set, slack is in the first file, where metadata is changed. */
static int plan_file(struct edit *e, size_t i, struct gg_err *err)
{
    const struct edit_opts *o = e->o;
    struct edit_file *f = &e->files[i];
    bool slack = o->reserve.set && i == 0;
    if (o->output == NULL && !f->meta_changed && !f->renamed && !slack && !o->copy)
        return GG_OK;
    int rc = open_file(e, i, err);
    if (rc == GG_OK && o->output == NULL)
        rc = edit_may_change(e, f->path, err);
    if (rc != GG_OK)
        return rc;
    struct gg_rewrite_opts how = {.copy = o->copy || o->output != NULL, .set_slack = slack,
                                  .slack = o->reserve.v};
    const char *target = o->output == NULL
                             ? f->path
                             : gg_job_file_path(&e->mem, o->output, e->model->n_files > 1, i,
                                                e->model->n_files);
    if (target == NULL)
        return gg_fail_nomem(err, "a file name");
    how.clones = can_clone_to(f->fd, target);
    rc = gg_rewrite_plan(&f->rewrite, f->f, f->fd, f->meta, f->names, &how, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "%s", e->model->files[i].path);
    f->target = f->rewrite.in_place ? NULL : target;
    e->n_written += f->rewrite.in_place ? f->rewrite.n : gg_rewrite_nbytes(&f->rewrite);
    return GG_OK;
}

static int plan_relay(struct edit *e, struct gg_err *err)
{
    const struct edit_opts *o = e->o;
    int rc = GG_OK;
    if (o->output == NULL && e->model->n_files > 1)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "the data of a shard set would be laid out anew, which cannot be done to all "
                       "files at once; name a new set with -o OUT");
    if (o->output == NULL)
        rc = open_file(e, 0, err);
    if (rc == GG_OK && o->output == NULL)
        rc = edit_may_change(e, e->files[0].path, err);
    if (rc == GG_OK && o->reserve.set)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                     "--reserve does not go with dropping or importing tensors; do it in a second "
                     "step");
    return rc == GG_OK ? edit_relay(e, NULL, o->output == NULL, err) : rc;
}

/* Says early what opening the output would say late. */
static int check_output(const struct edit *e, const char *path, struct gg_err *err)
{
    struct stat st;
    char shown[256];
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return GG_OK;
    for (size_t i = 0; i < e->model->n_files; i++) {
        const struct gg_model_file *f = &e->model->files[i];
        if (f->dev == st.st_dev && f->ino == st.st_ino)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "--output: %s: is the file itself; without -o it is changed in place",
                           gg_text_escape_into(shown, sizeof shown, path, strlen(path)));
    }
    return gg_job_check_new("--output", path, e->o->force, err);
}

int edit_plan(struct edit *e, struct gg_err *err)
{
    int rc = GG_OK;
    if (e->o->output != NULL && strcmp(e->o->output, "-") == 0 && e->model->n_files > 1)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "standard output takes only one file");
    if (e->o->output != NULL && strcmp(e->o->output, "-") == 0 && !e->o->dry_run)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "what changes goes to standard output, so the model cannot; name a file");
    if (e->relaid)
        return plan_relay(e, err);
    for (size_t i = 0; rc == GG_OK && i < e->model->n_files; i++) {
        rc = plan_file(e, i, err);
        if (rc == GG_OK && e->o->output != NULL)
            rc = check_output(e, e->files[i].target, err);
    }
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct writing {
    struct edit *e;
    struct gg_sink **sinks; /* one a file; NULL where none is needed */
    struct gg_file_id *inputs;
};

static int open_sink(struct writing *w, size_t i, struct gg_err *err)
{
    struct edit *e = w->e;
    struct edit_file *f = &e->files[i];
    bool over = e->o->output == NULL;
    struct gg_sink_opts o = {.nbytes = gg_rewrite_nbytes(&f->rewrite), .force = over || e->o->force,
                             .inputs = w->inputs, .n_inputs = over ? 0 : e->model->n_files,
                             .cloned = gg_rewrite_clones(&f->rewrite), .clone_fd = f->fd};
    int rc = gg_sink_open(&w->sinks[i], f->target, &o, err);
    if (rc == GG_OK)
        rc = gg_rewrite_copy(&f->rewrite, f->fd, w->sinks[i], &e->progress, err);
    if (rc == GG_OK)
        rc = gg_sink_finish(w->sinks[i], err);
    return rc;
}

/* Copies are complete before anything is changed; then files get their names, last to first. */
static int write_files(struct writing *w, struct gg_err *err)
{
    struct edit *e = w->e;
    size_t n = e->model->n_files;
    int rc = GG_OK;
    gg_progress_begin(&e->progress, &e->env->msg, e->env->progress, "copying", e->n_written);
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        if (e->files[i].target != NULL)
            rc = open_sink(w, i, err);
    }
    gg_progress_end(&e->progress);
    gg_cleanup_hold();
    for (size_t i = n; rc == GG_OK && i-- > 0;) {
        if (e->files[i].rewrite.in_place)
            rc = gg_rewrite_apply(&e->files[i].rewrite, e->files[i].path, err);
        else if (w->sinks[i] != NULL)
            rc = gg_sink_commit(w->sinks[i], err);
    }
    gg_cleanup_release();
    return rc;
}

int edit_write(struct edit *e, struct gg_err *err)
{
    size_t n = e->model->n_files;
    if (e->relaid)
        return edit_relay(e, e->o->output != NULL ? e->o->output : e->files[0].path,
                          e->o->output == NULL, err);
    struct writing w = {.e = e,
                        .sinks = gg_arena_zalloc(&e->mem, n, sizeof(struct gg_sink *)),
                        .inputs = gg_arena_zalloc(&e->mem, n, sizeof *w.inputs)};
    if (w.sinks == NULL || w.inputs == NULL)
        return gg_fail_nomem(err, "the list of outputs");
    for (size_t i = 0; i < n; i++)
        w.inputs[i] = (struct gg_file_id){e->model->files[i].dev, e->model->files[i].ino};
    int rc = write_files(&w, err);
    for (size_t i = 0; i < n; i++)
        gg_sink_free(w.sinks[i]);
    return rc;
}
