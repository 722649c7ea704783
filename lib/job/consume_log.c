#include "lib/job/consume_log.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/file.h"
#include "lib/sys/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { BEGIN = 0x434e5301, CUT = 0x434e5302, MOVED = 0x434e5303 };

/* ---- writing ------------------------------------------------------------------------------- */

static void put_u64(struct gg_buf *b, uint64_t v)
{
    uint8_t raw[8];
    gg_store_u64(raw, v);
    gg_buf_add(b, raw, sizeof raw);
}

static void put_path(struct gg_buf *b, const char *path)
{
    put_u64(b, strlen(path));
    gg_buf_adds(b, path);
}

static int append(struct gg_journal *j, enum kind kind, struct gg_buf *b, struct gg_err *err)
{
    int rc = b->failed ? gg_fail_nomem(err, "a journal")
                       : gg_journal_append(j, kind, gg_buf_str(b), b->nbytes, err);
    gg_buf_free(b);
    return rc == GG_OK ? gg_journal_sync(j, err) : rc;
}

int gg_consume_log_begin(struct gg_journal *j, const struct gg_consume_log *log, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_add(&b, log->digest, sizeof log->digest);
    put_u64(&b, log->n_sources);
    for (size_t i = 0; i < log->n_sources; i++) {
        const struct gg_consume_source *s = &log->sources[i];
        put_u64(&b, s->dev);
        put_u64(&b, s->ino);
        put_u64(&b, s->nbytes);
        put_path(&b, s->path);
    }
    put_u64(&b, log->n_targets);
    for (size_t i = 0; i < log->n_targets; i++) {
        put_u64(&b, log->targets[i].nbytes);
        put_path(&b, log->targets[i].path);
    }
    return append(j, BEGIN, &b, err);
}

int gg_consume_log_cut(struct gg_journal *j, size_t source, uint64_t end, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    put_u64(&b, source);
    put_u64(&b, end);
    return append(j, CUT, &b, err);
}

int gg_consume_log_moved(struct gg_journal *j, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    return append(j, MOVED, &b, err);
}

/* ---- reading ------------------------------------------------------------------------------- */

struct cursor {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static const uint8_t *take(struct cursor *c, uint64_t n)
{
    static const uint8_t none[GG_DIGEST_NBYTES];
    const uint8_t *p = c->p;
    if (c->bad || n > c->left) {
        c->bad = true;
        return none;
    }
    c->p += n;
    c->left -= (size_t)n;
    return p;
}

static uint64_t take_u64(struct cursor *c)
{
    return gg_load_u64(take(c, 8));
}

static const char *take_path(struct cursor *c, struct gg_arena *mem)
{
    uint64_t n = take_u64(c);
    const uint8_t *p = take(c, n);
    const char *path = c->bad ? NULL : gg_arena_strndup(mem, (const char *)p, (size_t)n);
    c->bad |= path == NULL;
    return path;
}

/* A number of entries of at least 16 bytes each. */
static size_t take_number(struct cursor *c)
{
    uint64_t n = take_u64(c);
    c->bad |= n > c->left / 16;
    return c->bad ? 0 : (size_t)n;
}

static void read_begin(struct gg_consume_log *log, struct cursor *c)
{
    memcpy(log->digest, take(c, sizeof log->digest), sizeof log->digest);
    log->n_sources = take_number(c);
    log->sources = gg_arena_zalloc(&log->mem, log->n_sources + 1, sizeof *log->sources);
    c->bad |= log->sources == NULL;
    for (size_t i = 0; !c->bad && i < log->n_sources; i++) {
        struct gg_consume_source *s = &log->sources[i];
        s->dev = take_u64(c);
        s->ino = take_u64(c);
        s->nbytes = s->cut = take_u64(c);
        s->path = take_path(c, &log->mem);
    }
    log->n_targets = take_number(c);
    log->targets = gg_arena_zalloc(&log->mem, log->n_targets + 1, sizeof *log->targets);
    c->bad |= log->targets == NULL;
    for (size_t i = 0; !c->bad && i < log->n_targets; i++) {
        log->targets[i].nbytes = take_u64(c);
        log->targets[i].path = take_path(c, &log->mem);
    }
}

static void read_cut(struct gg_consume_log *log, struct cursor *c)
{
    uint64_t source = take_u64(c), end = take_u64(c);
    c->bad |= source >= log->n_sources;
    if (c->bad || end > log->sources[source].cut) {
        c->bad = true;
        return;
    }
    log->sources[source].cut = end;
    log->cut = true;
}

static void read_record(struct gg_consume_log *log, uint32_t kind, bool first, struct cursor *c)
{
    if (first != (kind == BEGIN))
        c->bad = true;
    else if (kind == BEGIN)
        read_begin(log, c);
    else if (kind == CUT)
        read_cut(log, c);
    else if (kind == MOVED)
        log->moved = true;
    else
        c->bad = true;
    c->bad |= c->left > 0;
}

int gg_consume_log_read(struct gg_consume_log *log, struct gg_journal *j, struct gg_err *err)
{
    struct gg_buf data = GG_BUF_INIT;
    uint32_t kind = 0;
    bool first = true, more = true;
    *log = (struct gg_consume_log){0};
    gg_journal_rewind(j);
    int rc = gg_journal_next(j, &kind, &data, &more, err);
    while (rc == GG_OK && more) {
        struct cursor c = {(const uint8_t *)gg_buf_str(&data), data.nbytes, false};
        read_record(log, kind, first, &c);
        first = false;
        if (c.bad)
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                         "%s: this journal is not of --consume, but of another command",
                         gg_journal_path(j));
        else
            rc = gg_journal_next(j, &kind, &data, &more, err);
    }
    gg_buf_free(&data);
    if (rc != GG_OK)
        gg_consume_log_free(log);
    return rc;
}

void gg_consume_log_free(struct gg_consume_log *log)
{
    gg_arena_free(&log->mem);
    *log = (struct gg_consume_log){0};
}

/* ---- names --------------------------------------------------------------------------------- */

static int sync_folder_of(const char *path, struct gg_err *err)
{
    const char *slash = strrchr(path, '/');
    char *dir =
        slash == NULL || slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    char shown[512];
    if (dir == NULL)
        return gg_fail_nomem(err, "a folder's name");
    int rc = GG_OK;
    if (gg_file_sync_folder(dir) != 0)
        rc = gg_fail_sys(err, errno, "folder '%s' cannot be made durable",
                         gg_text_escape_into(shown, sizeof shown, dir, strlen(dir)));
    free(dir);
    return rc;
}

/* Where link and unlink stand in for a rename that does not replace, both names may be left. */
static bool is_named(const char *part, const char *path)
{
    struct stat a, b;
    return lstat(part, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static int name_part(const char *part, const char *path, bool force, struct gg_err *err)
{
    char shown[512];
    int r = is_named(part, path) ? unlink(part)
            : force              ? rename(part, path)
                                 : gg_file_rename_new(part, path);
    if (r == 0)
        return GG_OK;
    int sys = errno;
    gg_text_escape_into(shown, sizeof shown, path, strlen(path));
    if (sys == EEXIST)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: exists already; --force replaces it",
                       shown);
    return gg_fail_sys(err, sys, "%s: cannot be given its name", shown);
}

/* The target gets its name, unless it has it from an earlier try. */
static int name_target(const struct gg_consume_target *t, bool force, struct gg_err *err)
{
    struct stat st;
    struct gg_buf part = GG_BUF_INIT;
    char shown[512];
    int rc = GG_OK;
    gg_buf_addf(&part, "%s" GG_SINK_PART, t->path);
    if (part.failed)
        rc = gg_fail_nomem(err, "an output");
    else if (lstat(part.data, &st) == 0)
        rc = name_part(part.data, t->path, force, err);
    else if (errno != ENOENT || stat(t->path, &st) != 0 || (uint64_t)st.st_size != t->nbytes)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                     "%s: neither it nor its " GG_SINK_PART " file is there as it was left",
                     gg_text_escape_into(shown, sizeof shown, t->path, strlen(t->path)));
    gg_buf_free(&part);
    return rc == GG_OK ? sync_folder_of(t->path, err) : rc;
}

/* Only the very file that was emptied. */
static int remove_source(const struct gg_consume_source *s, struct gg_err *err)
{
    struct stat st;
    char shown[512];
    if (lstat(s->path, &st) != 0 || (uint64_t)st.st_dev != s->dev || (uint64_t)st.st_ino != s->ino)
        return GG_OK;
    if (unlink(s->path) == 0)
        return sync_folder_of(s->path, err);
    return gg_fail_sys(err, errno, "%s: cannot be removed",
                       gg_text_escape_into(shown, sizeof shown, s->path, strlen(s->path)));
}

int gg_consume_log_undo(const struct gg_consume_log *log, struct gg_journal *j, struct gg_err *err)
{
    char shown[512];
    for (size_t i = 0; i < log->n_targets; i++) {
        const char *path = log->targets[i].path;
        struct gg_buf part = GG_BUF_INIT;
        gg_buf_addf(&part, "%s" GG_SINK_PART, path);
        bool failed = part.failed || (unlink(part.data) != 0 && errno != ENOENT);
        int sys = part.failed ? ENOMEM : errno;
        gg_buf_free(&part);
        if (failed)
            return gg_fail_sys(err, sys, "%s" GG_SINK_PART ": cannot be removed",
                               gg_text_escape_into(shown, sizeof shown, path, strlen(path)));
    }
    return gg_journal_remove(j, err);
}

int gg_consume_log_settle(const struct gg_consume_log *log, struct gg_journal *j, bool force,
                          struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = log->n_targets; rc == GG_OK && i > 0; i--)
        rc = name_target(&log->targets[i - 1], force, err);
    for (size_t i = log->n_sources; rc == GG_OK && i > 0; i--)
        rc = remove_source(&log->sources[i - 1], err);
    return rc == GG_OK ? gg_journal_remove(j, err) : rc;
}
