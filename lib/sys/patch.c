#include "lib/sys/patch.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"
#include "lib/sys/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The record: version u32, file size u64, number of pieces u64, offset u64 and length u64 of each,
 * their old bytes one after the other, their new bytes. */
enum { RECORD_KIND = 0x45444954, RECORD_VERSION = 1, HEAD_NBYTES = 4 + 2 * 8, PIECE_NBYTES = 2 * 8 };
enum { APART = 4096 }; /* pieces nearer than this are one */

struct piece {
    uint64_t off;
    size_t n;
};

struct patch {
    const char *path;
    char shown[256]; /* path, escaped, for messages */
    int fd;
    struct gg_journal *journal;
    uint64_t file_nbytes;
    struct piece *pieces;
    size_t n_pieces, n; /* n: bytes of all */
    const char *before, *after; /* of the pieces, one after the other */
    struct gg_buf old_bytes, new_bytes;
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
    free(p->pieces);
    gg_buf_free(&p->old_bytes);
    gg_buf_free(&p->new_bytes);
}

static int write_piece(const struct patch *p, uint64_t off, const char *from, size_t n,
                       struct gg_err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t r = pwrite(p->fd, from + done, n - done, (off_t)(off + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return gg_fail_sys(err, r < 0 ? errno : EIO, "%s: cannot write at byte %llu", p->shown,
                               (unsigned long long)(off + done));
        done += (size_t)r;
    }
    return GG_OK;
}

static int write_all(const struct patch *p, const char *from, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < p->n_pieces; i++) {
        rc = write_piece(p, p->pieces[i].off, from, p->pieces[i].n, err);
        from += p->pieces[i].n;
    }
    if (rc == GG_OK && fsync(p->fd) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be made durable", p->shown);
    return rc;
}

/* How the file's bytes stand to the old and the new ones, as far as has been seen. */
struct seen {
    bool some_not_old, some_not_new, some_neither;
};

static int compare_piece(const struct patch *p, uint64_t off, const char *before, const char *after,
                         size_t n, struct seen *seen, struct gg_err *err)
{
    char bytes[16384];
    for (size_t done = 0; done < n;) {
        size_t want = (size_t)gg_min_u64(sizeof bytes, n - done);
        ssize_t r = pread(p->fd, bytes, want, (off_t)(off + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return gg_fail_sys(err, errno, "%s: cannot read at byte %llu", p->shown,
                               (unsigned long long)(off + done));
        if (r == 0) {
            seen->some_neither = true;
            break;
        }
        if (memcmp(bytes, before + done, (size_t)r) == 0 &&
            memcmp(bytes, after + done, (size_t)r) == 0) { /* most of it, and quicker */
            done += (size_t)r;
            continue;
        }
        for (size_t i = 0; i < (size_t)r; i++, done++) {
            seen->some_not_old |= bytes[i] != before[done];
            seen->some_not_new |= bytes[i] != after[done];
            seen->some_neither |= bytes[i] != before[done] && bytes[i] != after[done];
        }
    }
    return GG_OK;
}

static int compare(const struct patch *p, enum gg_patch_state *state, struct gg_err *err)
{
    struct seen seen = {false, false, false};
    size_t at = 0;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < p->n_pieces; at += p->pieces[i++].n)
        rc = compare_piece(p, p->pieces[i].off, p->before + at, p->after + at, p->pieces[i].n, &seen,
                           err);
    *state = seen.some_neither    ? GG_PATCH_STRANGER
             : !seen.some_not_new ? GG_PATCH_AFTER
             : !seen.some_not_old ? GG_PATCH_BEFORE
                                  : GG_PATCH_BETWEEN;
    return rc;
}

/* ---- pieces --------------------------------------------------------------------------------- */

/* The next run of bytes that differ, from *at on: its length, 0 at the end; *at gets its start. */
static size_t next_piece(const char *before, const char *after, size_t n, size_t *at)
{
    size_t i = *at, last;
    while (n - i >= APART && memcmp(before + i, after + i, APART) == 0)
        i += APART;
    while (i < n && before[i] == after[i])
        i++;
    *at = i;
    if (i == n)
        return 0;
    for (last = i; i < n && i - last <= APART; i++)
        last = before[i] != after[i] ? i : last;
    return last + 1 - *at;
}

uint64_t gg_patch_nbytes(const void *before, const void *after, size_t n, size_t *first)
{
    uint64_t sum = 0;
    *first = n;
    for (size_t at = 0, len; (len = next_piece(before, after, n, &at)) > 0; at += len) {
        *first = sum == 0 ? at : *first;
        sum += len;
    }
    return sum;
}

static int find_pieces(struct patch *p, uint64_t off, const char *before, const char *after, size_t n,
                       struct gg_err *err)
{
    size_t cap = 0;
    for (size_t at = 0, len; (len = next_piece(before, after, n, &at)) > 0; at += len) {
        if (p->n_pieces == cap) {
            cap = cap ? cap * 2 : 4;
            struct piece *v = realloc(p->pieces, cap * sizeof *v);
            if (v == NULL)
                return gg_fail_nomem(err, "a patch");
            p->pieces = v;
        }
        p->pieces[p->n_pieces++] = (struct piece){off + at, len};
        p->n += len;
        gg_buf_add(&p->old_bytes, before + at, len);
        gg_buf_add(&p->new_bytes, after + at, len);
    }
    p->before = gg_buf_str(&p->old_bytes);
    p->after = gg_buf_str(&p->new_bytes);
    return p->old_bytes.failed || p->new_bytes.failed ? gg_fail_nomem(err, "a patch") : GG_OK;
}

/* ---- applying ------------------------------------------------------------------------------- */

static int record(struct patch *p, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    uint8_t head[HEAD_NBYTES], piece[PIECE_NBYTES];
    gg_store_u32(head, RECORD_VERSION);
    gg_store_u64(head + 4, p->file_nbytes);
    gg_store_u64(head + 12, p->n_pieces);
    if (gg_buf_reserve(&b, sizeof head + PIECE_NBYTES * p->n_pieces + 2 * p->n)) {
        gg_buf_add(&b, head, sizeof head);
        for (size_t i = 0; i < p->n_pieces; i++) {
            gg_store_u64(piece, p->pieces[i].off);
            gg_store_u64(piece + 8, p->pieces[i].n);
            gg_buf_add(&b, piece, sizeof piece);
        }
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

/* Nothing is to be written to a file that is not what the patch was made for. */
static int apply(struct patch *p, uint64_t off, const char *before, const char *after, size_t n,
                 struct gg_err *err)
{
    struct seen seen = {false, false, false};
    int rc = find_pieces(p, off, before, after, n, err);
    if (rc == GG_OK)
        rc = compare_piece(p, off, before, after, n, &seen, err);
    if (rc == GG_OK && !seen.some_not_new) /* and perhaps before as well: nothing to do */
        return gg_journal_remove(p->journal, err);
    if (rc == GG_OK && seen.some_not_old)
        rc = gg_fail(err, GG_ERR_ARG, off, "%s: has changed meanwhile; nothing was written",
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
            rc = apply(&p, off, before, after, n, err);
        gg_cleanup_release();
    }
    close_all(&p);
    return rc;
}

/* ---- what is pending ------------------------------------------------------------------------ */

/* Takes a record apart; p points into b then. */
static int parse_record(struct patch *p, const struct gg_buf *b, struct gg_patch_pending *out,
                        struct gg_err *err)
{
    const char *at = NULL;
    uint64_t n = b->nbytes >= HEAD_NBYTES ? gg_load_u64(b->data + 12) : GG_NOWHERE, sum = 0;
    bool ok = n <= b->nbytes / PIECE_NBYTES && gg_load_u32(b->data) == RECORD_VERSION &&
              n * PIECE_NBYTES <= b->nbytes - HEAD_NBYTES;
    p->pieces = ok ? calloc((size_t)n + 1, sizeof *p->pieces) : NULL;
    if (ok && p->pieces == NULL)
        return gg_fail_nomem(err, "a patch");
    if (ok)
        at = b->data + HEAD_NBYTES;
    for (size_t i = 0; ok && i < n; i++, at += PIECE_NBYTES) {
        uint64_t len = gg_load_u64(at + 8);
        ok = len <= GG_PATCH_MAX_NBYTES && gg_add_u64(sum, len, &sum) && sum <= GG_PATCH_MAX_NBYTES;
        p->pieces[i] = (struct piece){gg_load_u64(at), (size_t)len};
    }
    if (!ok || b->nbytes != HEAD_NBYTES + n * PIECE_NBYTES + 2 * sum)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "%s: the journal beside it is of another version of ggtool", p->shown);
    p->n_pieces = (size_t)n;
    p->n = (size_t)sum;
    p->file_nbytes = gg_load_u64(b->data + 4);
    p->before = at;
    p->after = at + sum;
    out->off = n > 0 ? p->pieces[0].off : 0;
    out->nbytes = sum;
    return GG_OK;
}

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
    *ours = true;
    return parse_record(p, b, out, err);
}

/* Compares the file with the record, which says how large it must be. */
static int find_state(struct patch *p, int how, enum gg_patch_state *state, struct gg_err *err)
{
    uint64_t want = p->file_nbytes;
    int rc = open_file(p, how, err);
    if (rc != GG_OK)
        return rc;
    *state = GG_PATCH_STRANGER;
    for (size_t i = 0; i < p->n_pieces; i++) {
        if (!gg_in_range(p->pieces[i].off, p->pieces[i].n, p->file_nbytes))
            return GG_OK;
    }
    return p->file_nbytes == want ? compare(p, state, err) : GG_OK;
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
        rc = find_state(&p, O_RDONLY, &out->state, err);
    gg_buf_free(&b);
    close_all(&p);
    return rc;
}

static int fail_stranger(const struct patch *p, struct gg_err *err)
{
    char journal[512];
    const char *path = gg_journal_path(p->journal);
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
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
        rc = find_state(p, O_RDWR, &out->state, err);
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
