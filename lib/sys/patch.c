#include "lib/sys/patch.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"
#include "lib/sys/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The record: version u32, file size u64, offset u64, n u64, n old bytes, n new bytes. */
enum { RECORD_KIND = 0x45444954, RECORD_VERSION = 1, HEAD_NBYTES = 4 + 3 * 8 };

struct patch {
    const char *path;
    char shown[256]; /* path, escaped, for messages */
    int fd;
    struct gg_journal *journal;
    uint64_t file_nbytes, off;
    size_t n;
    const char *before, *after;
};

static void init(struct patch *p, const char *path)
{
    *p = (struct patch){.path = path, .fd = -1};
    gg_text_escape_into(p->shown, sizeof p->shown, path, strlen(path));
}

static int open_file(struct patch *p, int how, struct gg_err *err)
{
    struct stat st;
    p->fd = open(p->path, how | O_CLOEXEC | O_NONBLOCK);
    if (p->fd < 0)
        return gg_fail_sys(err, errno, "%s: cannot open %s", p->shown,
                           how == O_RDWR ? "for writing" : "it");
    if (fstat(p->fd, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot look at it", p->shown);
    if (!S_ISREG(st.st_mode))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: is no regular file", p->shown);
    p->file_nbytes = (uint64_t)st.st_size;
    return GG_OK;
}

static void close_all(struct patch *p)
{
    if (p->fd >= 0)
        close(p->fd);
    gg_journal_free(p->journal);
}

static int write_all(const struct patch *p, const char *from, struct gg_err *err)
{
    for (size_t done = 0; done < p->n;) {
        ssize_t r = pwrite(p->fd, from + done, p->n - done, (off_t)(p->off + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return gg_fail_sys(err, r < 0 ? errno : EIO, "%s: cannot write at byte %llu", p->shown,
                               (unsigned long long)(p->off + done));
        done += (size_t)r;
    }
    if (fsync(p->fd) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be made durable", p->shown);
    return GG_OK;
}

/* How the file's bytes stand to the two kinds. */
static int compare(const struct patch *p, enum gg_patch_state *state, struct gg_err *err)
{
    char piece[16384];
    bool all_old = true, all_new = true;
    for (size_t done = 0; done < p->n;) {
        size_t want = (size_t)gg_min_u64(sizeof piece, p->n - done);
        ssize_t r = pread(p->fd, piece, want, (off_t)(p->off + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return gg_fail_sys(err, errno, "%s: cannot read at byte %llu", p->shown,
                               (unsigned long long)(p->off + done));
        if (r == 0)
            break;
        for (size_t i = 0; i < (size_t)r; i++, done++) {
            bool is_old = piece[i] == p->before[done], is_new = piece[i] == p->after[done];
            all_old &= is_old;
            all_new &= is_new;
            if (!is_old && !is_new) {
                *state = GG_PATCH_STRANGER;
                return GG_OK;
            }
        }
    }
    *state = all_new ? GG_PATCH_AFTER : all_old ? GG_PATCH_BEFORE : GG_PATCH_BETWEEN;
    return GG_OK;
}

/* ---- applying ------------------------------------------------------------------------------- */

static int record(struct patch *p, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    uint8_t head[HEAD_NBYTES];
    gg_store_u32(head, RECORD_VERSION);
    gg_store_u64(head + 4, p->file_nbytes);
    gg_store_u64(head + 12, p->off);
    gg_store_u64(head + 20, p->n);
    if (gg_buf_reserve(&b, sizeof head + 2 * p->n)) {
        gg_buf_add(&b, head, sizeof head);
        gg_buf_add(&b, p->before, p->n);
        gg_buf_add(&b, p->after, p->n);
    }
    int rc = b.failed ? gg_fail_nomem(err, "a journal")
                      : gg_journal_append(p->journal, RECORD_KIND, b.data, b.nbytes, err);
    gg_buf_free(&b);
    return rc == GG_OK ? gg_journal_sync(p->journal, err) : rc;
}

/* Nothing has been touched, so nothing needs the journal; an error is being reported already. */
static int give_up(struct patch *p, int rc)
{
    if (gg_journal_remove(p->journal, NULL) != GG_OK)
        return rc; /* the next command will find that nothing was begun */
    return rc;
}

/* Writing failed half-way: back to what was, or leave the journal to whoever comes next. */
static int take_back(struct patch *p, int rc, struct gg_err *err)
{
    if (write_all(p, p->before, NULL) == GG_OK)
        return give_up(p, rc);
    if (err != NULL) {
        size_t n = strlen(err->msg);
        snprintf(err->msg + n, sizeof err->msg - n,
                 "; nor can it be undone now: its journal stays, and the next ggtool command that "
                 "can write there finishes the edit");
    }
    return rc;
}

static int apply(struct patch *p, struct gg_err *err)
{
    enum gg_patch_state state = GG_PATCH_STRANGER;
    int rc = compare(p, &state, err);
    if (rc == GG_OK && state == GG_PATCH_AFTER) /* and perhaps before as well: nothing to do */
        return gg_journal_remove(p->journal, err);
    if (rc == GG_OK && state != GG_PATCH_BEFORE)
        rc = gg_fail(err, GG_ERR_ARG, p->off, "%s: has changed meanwhile; nothing was written",
                     p->shown);
    if (rc == GG_OK)
        rc = record(p, err);
    if (rc != GG_OK)
        return give_up(p, rc);
    rc = write_all(p, p->after, err);
    return rc == GG_OK ? gg_journal_remove(p->journal, err) : take_back(p, rc, err);
}

int gg_patch_apply(const char *path, uint64_t off, const void *before, const void *after, size_t n,
                   struct gg_err *err)
{
    struct patch p;
    init(&p, path);
    p.off = off;
    p.n = n;
    p.before = before;
    p.after = after;
    int rc = n > GG_PATCH_MAX_NBYTES
                 ? gg_fail(err, GG_ERR_LIMIT, off, "%s: too many bytes to change in place", p.shown)
                 : open_file(&p, O_RDWR, err);
    if (rc == GG_OK && !gg_in_range(off, n, p.file_nbytes))
        rc = gg_fail(err, GG_ERR_ARG, off, "%s: has changed meanwhile; nothing was written",
                     p.shown);
    if (rc == GG_OK) {
        gg_cleanup_hold();
        rc = gg_journal_create(&p.journal, path, err);
        if (rc == GG_OK)
            rc = apply(&p, err);
        gg_cleanup_release();
    }
    close_all(&p);
    return rc;
}

/* ---- what is pending ------------------------------------------------------------------------ */

/* Reads the record; *ours is false when the journal is one of other work. */
static int read_record(struct patch *p, struct gg_buf *b, struct gg_patch_pending *out, bool *ours,
                       struct gg_err *err)
{
    uint32_t kind;
    bool more;
    *ours = false;
    int rc = gg_journal_next(p->journal, &kind, b, &more, err);
    if (rc != GG_OK)
        return rc;
    if (!more) {
        out->state = GG_PATCH_UNBEGUN;
        return GG_OK;
    }
    if (kind != RECORD_KIND)
        return GG_OK;
    uint64_t n = b->nbytes >= HEAD_NBYTES ? gg_load_u64(b->data + 20) : GG_NOWHERE;
    if (n > GG_PATCH_MAX_NBYTES || gg_load_u32(b->data) != RECORD_VERSION ||
        b->nbytes != HEAD_NBYTES + 2 * n)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "%s: the journal beside it is of another version of ggtool", p->shown);
    *ours = true;
    p->off = out->off = gg_load_u64(b->data + 12);
    p->n = (size_t)n;
    out->nbytes = n;
    p->before = b->data + HEAD_NBYTES;
    p->after = p->before + n;
    return GG_OK;
}

/* Compares the file with the record, which says how large it must be. */
static int find_state(struct patch *p, const struct gg_buf *b, int how, enum gg_patch_state *state,
                      struct gg_err *err)
{
    int rc = open_file(p, how, err);
    if (rc != GG_OK)
        return rc;
    *state = GG_PATCH_STRANGER;
    if (p->file_nbytes != gg_load_u64(b->data + 4) || !gg_in_range(p->off, p->n, p->file_nbytes))
        return GG_OK;
    return compare(p, state, err);
}

int gg_patch_look(const char *path, struct gg_patch_pending *out, struct gg_err *err)
{
    struct patch p;
    struct gg_buf b = GG_BUF_INIT;
    bool ours = false;
    *out = (struct gg_patch_pending){.state = GG_PATCH_NONE};
    init(&p, path);
    int rc = gg_journal_open(&p.journal, path, GG_JOURNAL_LOOK, err);
    if (rc == GG_OK && p.journal != NULL)
        rc = read_record(&p, &b, out, &ours, err);
    if (rc == GG_OK && ours)
        rc = find_state(&p, &b, O_RDONLY, &out->state, err);
    gg_buf_free(&b);
    close_all(&p);
    return rc;
}

static int fail_stranger(const struct patch *p, struct gg_err *err)
{
    char journal[512];
    const char *path = gg_journal_path(p->journal);
    return gg_fail(err, GG_ERR_CORRUPT, p->off,
                   "%s: the journal of an interrupted edit lies beside it, but is not of this file "
                   "as it is now; if the file is right, remove %s",
                   p->shown, gg_text_escape_into(journal, sizeof journal, path, strlen(path)));
}

static int settle(struct patch *p, bool undo, struct gg_patch_pending *out, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    bool ours = false;
    int rc = read_record(p, &b, out, &ours, err);
    if (rc == GG_OK && ours)
        rc = find_state(p, &b, O_RDWR, &out->state, err);
    if (rc == GG_OK && out->state == GG_PATCH_STRANGER)
        rc = fail_stranger(p, err);
    if (rc == GG_OK && ours && out->state != (undo ? GG_PATCH_BEFORE : GG_PATCH_AFTER))
        rc = write_all(p, undo ? p->before : p->after, err);
    else if (rc == GG_OK && ours && fsync(p->fd) != 0)
        rc = gg_fail_sys(err, errno, "%s: cannot be made durable", p->shown);
    if (rc == GG_OK && out->state != GG_PATCH_NONE)
        rc = gg_journal_remove(p->journal, err);
    out->settled = rc == GG_OK;
    gg_buf_free(&b);
    return rc;
}

/* No right to write there: a file that is whole can be read all the same. */
static int look_instead(const char *path, struct gg_patch_pending *out, struct gg_err *err)
{
    struct gg_err why = *err;
    int rc = gg_patch_look(path, out, err);
    if (rc != GG_OK || (out->state != GG_PATCH_BETWEEN && out->state != GG_PATCH_STRANGER))
        return rc;
    *err = why;
    return gg_err_prefix(err, "an edit was interrupted");
}

int gg_patch_settle(const char *path, bool undo, struct gg_patch_pending *out, struct gg_err *err)
{
    struct patch p;
    struct gg_err e = {0};
    *out = (struct gg_patch_pending){.state = GG_PATCH_NONE, .settled = true};
    init(&p, path);
    int rc = gg_journal_open(&p.journal, path, GG_JOURNAL_WRITE, &e);
    if (rc == GG_OK && p.journal != NULL) {
        gg_cleanup_hold();
        rc = settle(&p, undo, out, &e);
        gg_cleanup_release();
    }
    close_all(&p);
    if (rc == GG_ERR_IO && (e.sys == EACCES || e.sys == EROFS || e.sys == EPERM))
        rc = look_instead(path, out, &e);
    if (rc != GG_OK && err != NULL)
        *err = e;
    return rc;
}
