/* A copy that uses its sources up: the windows, one after the other. */
#include "lib/job/consume_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LEAST_WINDOW = 64 << 10, /* below that a full disk is full */
    BLOCK = 4096, /* of file systems: cuts there free all they can, and clones stay whole */
    CHECK_NBYTES = 1 << 20, /* compared at a time */
};

/* ---- outputs ------------------------------------------------------------------------------- */

static int open_sinks(struct gg_consume *c, struct gg_err *err)
{
    const struct gg_model *m = c->job->model;
    struct gg_file_id *inputs = gg_arena_zalloc(&c->mem, m->n_files + 1, sizeof *inputs);
    c->sinks = gg_arena_zalloc(&c->mem, c->log.n_targets + 1, sizeof *c->sinks);
    c->touched = gg_arena_zalloc(&c->mem, c->log.n_targets + 1, sizeof *c->touched);
    if (inputs == NULL || c->sinks == NULL || c->touched == NULL)
        return gg_fail_nomem(err, "the list of outputs");
    for (size_t i = 0; i < m->n_files; i++)
        inputs[i] = (struct gg_file_id){m->files[i].dev, m->files[i].ino};
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < c->log.n_targets; i++) {
        struct gg_sink_opts o = {.nbytes = c->log.targets[i].nbytes,
                                 .force = c->job->force,
                                 .inputs = inputs,
                                 .n_inputs = m->n_files,
                                 .part = c->log.cut ? GG_PART_THERE : GG_PART_NEW};
        rc = gg_sink_open(&c->sinks[i], c->log.targets[i].path, &o, err);
        c->n_sinks += rc == GG_OK;
    }
    return rc;
}

static int fail_check(const struct gg_sink *s, uint64_t off, struct gg_err *err)
{
    return gg_fail_sys(err, EIO, "%s: what was written at %llu does not read back the same",
                       gg_sink_path(s), (unsigned long long)off);
}

/* Headers go first, and are made durable with the names of the files. */
static int write_headers(struct gg_consume *c, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < c->n_sinks; i++) {
        size_t n;
        const void *p = ggf_layout_header(c->job->plan->outputs[0].files[i].layout, &n);
        char *back = malloc(n);
        rc = back == NULL ? gg_fail_nomem(err, "a header") : GG_OK;
        if (rc == GG_OK)
            rc = gg_sink_write(c->sinks[i], 0, p, n, err);
        if (rc == GG_OK)
            rc = gg_sink_sync(c->sinks[i], err);
        if (rc == GG_OK)
            rc = gg_sink_read_back(c->sinks[i], 0, back, n, err);
        if (rc == GG_OK && memcmp(back, p, n) != 0)
            rc = fail_check(c->sinks[i], 0, err);
        free(back);
    }
    return rc;
}

/* ---- windows ------------------------------------------------------------------------------- */

/* The first segment of a source that ends behind off, among the sorted ones. */
static size_t find_segment(const struct gg_consume *c, size_t source, uint64_t off)
{
    size_t lo = 0, hi = c->n_segments;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct gg_segment *s = &c->segments[mid];
        if (s->source < source || (s->source == source && s->from + s->nbytes <= off))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

typedef int piece_fn(struct gg_consume *c, int fd, uint64_t from, size_t target, uint64_t off,
                     uint64_t n, struct gg_err *err);

/* For each piece of a segment in a source's bytes [lo, hi). */
static int each_piece(struct gg_consume *c, size_t source, uint64_t lo, uint64_t hi, piece_fn *fn,
                      struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = find_segment(c, source, lo); rc == GG_OK && i < c->n_segments; i++) {
        const struct gg_segment *s = &c->segments[i];
        if (s->source != source || s->from >= hi)
            break;
        uint64_t from = gg_max_u64(s->from, lo), end = gg_min_u64(s->from + s->nbytes, hi);
        rc = fn(c, c->ends[source].fd, from, s->target, s->to + (from - s->from), end - from, err);
    }
    return rc;
}

static int copy_piece(struct gg_consume *c, int fd, uint64_t from, size_t target, uint64_t off,
                      uint64_t n, struct gg_err *err)
{
    c->touched[target] = true;
    return gg_sink_copy(c->sinks[target], off, fd, from, n, err);
}

static int read_source(int fd, uint64_t off, char *buf, size_t n, struct gg_err *err)
{
    for (size_t got = 0; got < n;) {
        ssize_t r = pread(fd, buf + got, n - got, (off_t)(off + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return gg_fail_sys(err, r < 0 ? errno : EIO, "cannot read the input at byte %llu",
                               (unsigned long long)(off + got));
        got += (size_t)r;
    }
    return GG_OK;
}

static int check_piece(struct gg_consume *c, int fd, uint64_t from, size_t target, uint64_t off,
                       uint64_t n, struct gg_err *err)
{
    struct gg_sink *to = c->sinks[target];
    char *buf = malloc(2 * (size_t)CHECK_NBYTES);
    int rc = buf == NULL ? gg_fail_nomem(err, "comparing") : GG_OK;
    while (rc == GG_OK && n > 0) {
        size_t piece = (size_t)gg_min_u64(n, CHECK_NBYTES);
        rc = read_source(fd, from, buf, piece, err);
        if (rc == GG_OK)
            rc = gg_sink_read_back(to, off, buf + CHECK_NBYTES, piece, err);
        if (rc == GG_OK && memcmp(buf, buf + CHECK_NBYTES, piece) != 0)
            rc = fail_check(to, off, err);
        from += piece;
        off += piece;
        n -= piece;
    }
    free(buf);
    return rc;
}

static int sync_touched(struct gg_consume *c, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < c->n_sinks; i++) {
        if (c->touched[i])
            rc = gg_sink_sync(c->sinks[i], err);
        c->touched[i] = false;
    }
    return rc;
}

static int cut_source(struct gg_consume *c, size_t i, uint64_t end, struct gg_err *err)
{
    char at[256];
    const char *path = c->log.sources[i].path;
    int r, rc = gg_consume_log_cut(c->journal, i, end, err);
    if (rc != GG_OK)
        return rc;
    c->log.cut = true; /* as far as anyone can tell who reads the journal */
    do {
        r = ftruncate(c->ends[i].fd, (off_t)end);
    } while (r != 0 && errno == EINTR);
    if (r != 0)
        return gg_fail_sys(err, errno, "%s: cannot be cut",
                           gg_text_escape_into(at, sizeof at, path, strlen(path)));
    c->done_nbytes += c->ends[i].end - end;
    c->ends[i].end = end;
    return GG_OK;
}

/* Moves the last window of a source. */
static int move_window(struct gg_consume *c, size_t i, struct gg_err *err)
{
    uint64_t hi = c->ends[i].end, lo = hi > c->window_nbytes ? hi - c->window_nbytes : 0;
    lo = gg_max_u64(lo & ~(uint64_t)(BLOCK - 1), c->ends[i].least);
    int rc = each_piece(c, i, lo, hi, copy_piece, err);
    if (rc == GG_OK)
        rc = sync_touched(c, err);
    if (rc == GG_OK)
        rc = each_piece(c, i, lo, hi, check_piece, err);
    return rc == GG_OK ? cut_source(c, i, lo, err) : rc;
}

static bool disk_is_full(int rc, const struct gg_err *err)
{
    return rc == GG_ERR_IO && (err->sys == ENOSPC || err->sys == EDQUOT);
}

static int move_source(struct gg_consume *c, size_t i, struct gg_err *err)
{
    int rc = GG_OK;
    while (rc == GG_OK && c->ends[i].end > c->ends[i].least) {
        struct gg_err e = {0};
        if (gg_cleanup_pending())
            return gg_fail(err, GG_ERR_INTERRUPTED, GG_NOWHERE, "interrupted");
        rc = move_window(c, i, &e);
        if (disk_is_full(rc, &e) && c->window_nbytes > LEAST_WINDOW) {
            c->window_nbytes /= 2;
            rc = GG_OK;
        } else if (rc != GG_OK && err != NULL) {
            *err = e;
        }
        if (c->job->progress != NULL)
            c->job->progress(c->job->progress_ctx, c->done_nbytes, c->total_nbytes);
    }
    return rc;
}

static int move_all(struct gg_consume *c, struct gg_err *err)
{
    size_t n = c->log.n_sources;
    int rc = GG_OK;
    for (size_t i = 0; i < n; i++)
        c->total_nbytes += c->ends[i].end - c->ends[i].least;
    for (size_t i = n; rc == GG_OK && i > 0; i--)
        rc = move_source(c, i - 1, err);
    for (size_t i = 0; rc == GG_OK && i < c->n_sinks; i++)
        rc = gg_sink_finish(c->sinks[i], err);
    return rc;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Opens the journal that is there and reads it. One by which nothing has left the sources is
 * undone: *out is NULL, as for none. */
static int open_journal(const char *path, struct gg_journal **out, struct gg_consume_log *log,
                        struct gg_err *err)
{
    *log = (struct gg_consume_log){0};
    int rc = gg_journal_open(out, path, GG_JOURNAL_WRITE, err);
    if (rc != GG_OK || *out == NULL)
        return rc;
    rc = gg_consume_log_read(log, *out, err);
    if (rc == GG_OK && (log->cut || log->moved))
        return GG_OK;
    if (rc == GG_OK)
        rc = gg_consume_log_undo(log, *out, err);
    gg_consume_log_free(log);
    gg_journal_free(*out);
    *out = NULL;
    return rc;
}

int gg_consume_look(const char *path, enum gg_consume_state *state, struct gg_err *err)
{
    struct gg_journal *j;
    struct gg_consume_log log;
    *state = GG_CONSUME_NONE;
    int rc = open_journal(path, &j, &log, err);
    if (rc == GG_OK && j != NULL)
        *state = log.moved ? GG_CONSUME_MOVED : GG_CONSUME_MOVING;
    if (j != NULL)
        gg_consume_log_free(&log);
    gg_journal_free(j);
    return rc;
}

int gg_consume_settle(const char *path, bool force, struct gg_err *err)
{
    struct gg_journal *j;
    struct gg_consume_log log;
    int rc = open_journal(path, &j, &log, err);
    if (rc == GG_OK && j != NULL)
        rc = gg_consume_log_settle(&log, j, force, err);
    if (j != NULL)
        gg_consume_log_free(&log);
    gg_journal_free(j);
    return rc;
}

static int begin(struct gg_consume *c, struct gg_err *err)
{
    int rc = open_journal(c->job->path, &c->journal, &c->log, err);
    if (rc == GG_OK)
        rc = gg_consume_plan(c, err);
    if (rc == GG_OK && c->journal == NULL) {
        rc = gg_journal_create(&c->journal, c->job->path, err);
        if (rc == GG_OK)
            rc = gg_consume_log_begin(c->journal, &c->log, err);
    }
    if (rc == GG_OK)
        rc = open_sinks(c, err);
    return rc == GG_OK ? write_headers(c, err) : rc;
}

/* Nothing was taken from the sources: as if it had not been begun. */
static void undo(struct gg_consume *c)
{
    struct gg_err ignored; /* what cannot be removed will be found, and undone, by the next run */
    for (size_t i = 0; i < c->n_sinks; i++)
        gg_sink_discard(c->sinks[i]);
    if (c->journal != NULL && gg_journal_remove(c->journal, &ignored) != GG_OK)
        return;
}

static void consume_free(struct gg_consume *c)
{
    for (size_t i = 0; i < c->n_sinks; i++)
        gg_sink_free(c->sinks[i]);
    for (size_t i = 0; c->ends != NULL && i < c->log.n_sources; i++) {
        if (c->ends[i].fd >= 0)
            close(c->ends[i].fd);
    }
    free(c->segments);
    gg_journal_free(c->journal);
    gg_consume_log_free(&c->log);
    gg_arena_free(&c->mem);
}

int gg_consume_run(const struct gg_consume_job *job, bool *begun, struct gg_err *err)
{
    struct gg_consume c = {.job = job,
                           .window_nbytes =
                               job->window_nbytes > 0 ? job->window_nbytes : GG_CONSUME_WINDOW};
    int rc = begin(&c, err);
    if (rc == GG_OK)
        rc = move_all(&c, err);
    if (rc == GG_OK)
        rc = gg_consume_log_moved(c.journal, err);
    if (rc == GG_OK) {
        c.log.moved = true;
        rc = gg_consume_log_settle(&c.log, c.journal, job->force, err);
    }
    *begun = c.log.cut || c.log.moved;
    if (rc != GG_OK && !*begun)
        undo(&c);
    consume_free(&c);
    return rc;
}
