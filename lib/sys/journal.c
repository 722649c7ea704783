#include "lib/sys/journal.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/digest.h"
#include "lib/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A record: kind u32, length u64, digest, data. All numbers are little-endian. */
enum {
    MAGIC_NBYTES = 16,
    DIGEST_NBYTES = 32,
    HEAD_NBYTES = 4 + 8 + DIGEST_NBYTES,
    MAX_PLAIN_NAME = 200, /* of the 255 bytes file systems give a name */
    SHORT_NAME = MAX_PLAIN_NAME - 24,
};
#define MAX_RECORD_NBYTES ((uint64_t)2 << 30)
static const char magic[MAGIC_NBYTES] = "ggtool-journal\n\1";

struct gg_journal {
    char *path;
    char *shown; /* escaped, for messages */
    int fd;
    bool writes;
    bool named; /* the folder knows it for good */
    uint64_t end;  /* of the last whole record; GG_NOWHERE until it was looked for */
    uint64_t next; /* the record that is read next */
};

/* ---- names ---------------------------------------------------------------------------------- */

/* What stands behind the links of target, or target itself when nothing is there. */
static char *resolved(const char *target)
{
    char *p = realpath(target, NULL);
    return p != NULL ? p : strdup(target);
}

static void add_name(struct gg_buf *b, const char *name)
{
    size_t n = strlen(name);
    if (n <= MAX_PLAIN_NAME) {
        gg_buf_adds(b, name);
        return;
    }
    uint8_t digest[DIGEST_NBYTES];
    struct gg_digest *d = gg_digest_new(GG_SHA256);
    if (d == NULL) {
        b->failed = true;
        return;
    }
    gg_digest_add(d, name, n);
    gg_digest_end(d, digest);
    gg_digest_free(d);
    gg_buf_add(b, name, SHORT_NAME);
    for (int i = 0; i < (MAX_PLAIN_NAME - SHORT_NAME) / 2; i++)
        gg_buf_addf(b, "%02x", digest[i]);
}

char *gg_journal_path_for(const char *target)
{
    struct gg_buf b = GG_BUF_INIT;
    char *real = resolved(target);
    if (real == NULL)
        return NULL;
    const char *slash = strrchr(real, '/'), *name = slash == NULL ? real : slash + 1;
    gg_buf_add(&b, real, (size_t)(name - real));
    gg_buf_addc(&b, '.');
    add_name(&b, name);
    gg_buf_adds(&b, ".ggtool-journal");
    free(real);
    return gg_buf_take(&b);
}

bool gg_journal_exists(const char *target)
{
    struct stat st;
    char *path = gg_journal_path_for(target);
    bool there = path != NULL && lstat(path, &st) == 0;
    free(path);
    return there;
}

/* ---- making and opening --------------------------------------------------------------------- */

static int new_object(struct gg_journal **out, const char *target, struct gg_err *err)
{
    struct gg_buf shown = GG_BUF_INIT;
    struct gg_journal *j = calloc(1, sizeof *j);
    if (j == NULL)
        return gg_fail_nomem(err, "a journal");
    j->fd = -1;
    j->end = GG_NOWHERE;
    j->next = MAGIC_NBYTES;
    j->path = gg_journal_path_for(target);
    if (j->path != NULL)
        gg_text_escape(&shown, j->path, strlen(j->path), 0);
    j->shown = gg_buf_take(&shown);
    if (j->path == NULL || j->shown == NULL) {
        gg_journal_free(j);
        return gg_fail_nomem(err, "a journal");
    }
    *out = j;
    return GG_OK;
}

void gg_journal_free(struct gg_journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        close(j->fd);
    free(j->shown);
    free(j->path);
    free(j);
}

const char *gg_journal_path(const struct gg_journal *j)
{
    return j->path;
}

static int lock(const struct gg_journal *j, struct gg_err *err)
{
    struct stat st;
    int rc;
    do {
        rc = flock(j->fd, LOCK_EX | LOCK_NB);
    } while (rc != 0 && errno == EINTR);
    /* Between its making or opening and our lock, another may have settled and removed it. */
    if (rc == 0 && fstat(j->fd, &st) == 0 && st.st_nlink == 0) {
        rc = -1;
        errno = EWOULDBLOCK;
    }
    if (rc == 0)
        return GG_OK;
    if (errno == EWOULDBLOCK)
        return gg_fail_sys(err, EBUSY, "%s: another ggtool is at work on this file", j->shown);
    return gg_fail_sys(err, errno, "%s: cannot lock", j->shown);
}

static int write_at(const struct gg_journal *j, uint64_t off, const void *data, size_t n,
                    struct gg_err *err)
{
    const char *p = data;
    while (n > 0) {
        ssize_t r = pwrite(j->fd, p, n, (off_t)off);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return gg_fail_sys(err, r < 0 ? errno : EIO, "%s: cannot write", j->shown);
        p += r;
        off += (uint64_t)r;
        n -= (size_t)r;
    }
    return GG_OK;
}

static int begin(struct gg_journal *j, struct gg_err *err)
{
    j->fd = open(j->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (j->fd < 0 && errno == EEXIST)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: is there already: other work on the file goes on, or was cut short",
                       j->shown);
    if (j->fd < 0)
        return gg_fail_sys(err, errno, "%s: cannot create", j->shown);
    int rc = lock(j, err);
    if (rc != GG_OK)
        return rc; /* whoever has it takes an empty one away */
    rc = write_at(j, 0, magic, MAGIC_NBYTES, err);
    if (rc != GG_OK)
        unlink(j->path);
    return rc;
}

int gg_journal_create(struct gg_journal **out, const char *target, struct gg_err *err)
{
    struct gg_journal *j;
    int rc = new_object(&j, target, err);
    if (rc != GG_OK)
        return rc;
    j->writes = true;
    j->end = MAGIC_NBYTES;
    rc = begin(j, err);
    if (rc != GG_OK) {
        gg_journal_free(j);
        return rc;
    }
    *out = j;
    return GG_OK;
}

/* *got < n only at the end of the file. */
static int read_at(const struct gg_journal *j, uint64_t off, void *data, size_t n, size_t *got,
                   struct gg_err *err)
{
    char *p = data;
    *got = 0;
    while (*got < n) {
        ssize_t r = pread(j->fd, p + *got, n - *got, (off_t)(off + *got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return gg_fail_sys(err, errno, "%s: cannot read", j->shown);
        if (r == 0)
            break;
        *got += (size_t)r;
    }
    return GG_OK;
}

/* One that was cut short within its magic holds nothing, and is ours all the same. */
static int check_magic(const struct gg_journal *j, struct gg_err *err)
{
    char start[MAGIC_NBYTES];
    size_t got;
    int rc = read_at(j, 0, start, sizeof start, &got, err);
    if (rc == GG_OK && memcmp(start, magic, got) != 0)
        return gg_fail(err, GG_ERR_CORRUPT, 0, "%s: is no journal of ggtool, or of another version",
                       j->shown);
    return rc;
}

int gg_journal_open(struct gg_journal **out, const char *target, enum gg_journal_mode mode,
                    struct gg_err *err)
{
    struct gg_journal *j;
    *out = NULL;
    int rc = new_object(&j, target, err);
    if (rc != GG_OK)
        return rc;
    j->writes = mode == GG_JOURNAL_WRITE;
    j->fd = open(j->path, (j->writes ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (j->fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        gg_journal_free(j);
        return GG_OK;
    }
    if (j->fd < 0)
        rc = gg_fail_sys(err, errno, "%s: cannot open", j->shown);
    if (rc == GG_OK && j->writes)
        rc = lock(j, err);
    if (rc == GG_OK)
        rc = check_magic(j, err);
    if (rc != GG_OK) {
        gg_journal_free(j);
        return rc;
    }
    *out = j;
    return GG_OK;
}

/* ---- records -------------------------------------------------------------------------------- */

static int record_digest(uint8_t out[DIGEST_NBYTES], uint64_t off, const uint8_t *head,
                         const void *data, size_t n, struct gg_err *err)
{
    uint8_t place[8];
    struct gg_digest *d = gg_digest_new(GG_SHA256);
    if (d == NULL)
        return gg_fail_nomem(err, "a journal");
    gg_store_u64(place, off);
    gg_digest_add(d, place, sizeof place);
    gg_digest_add(d, head, 4 + 8);
    gg_digest_add(d, data, n);
    gg_digest_end(d, out);
    gg_digest_free(d);
    return GG_OK;
}

/* Reads the record at j->next and moves on; *more is false when there is no whole one. */
int gg_journal_next(struct gg_journal *j, uint32_t *kind, struct gg_buf *data, bool *more,
                    struct gg_err *err)
{
    struct stat st;
    uint8_t head[HEAD_NBYTES], digest[DIGEST_NBYTES];
    size_t got;
    *more = false;
    if (fstat(j->fd, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot look at it", j->shown);
    int rc = read_at(j, j->next, head, sizeof head, &got, err);
    if (rc != GG_OK || got < sizeof head)
        return rc;
    uint64_t n = gg_load_u64(head + 4), at = j->next + HEAD_NBYTES;
    if (n > MAX_RECORD_NBYTES || !gg_in_range(at, n, (uint64_t)st.st_size))
        return GG_OK;
    gg_buf_reset(data);
    if (!gg_buf_reserve(data, (size_t)n))
        return gg_fail_nomem(err, "a journal");
    rc = n == 0 ? GG_OK : read_at(j, at, data->data, (size_t)n, &got, err);
    if (rc == GG_OK && (n == 0 || got == n))
        rc = record_digest(digest, j->next, head, data->data, (size_t)n, err);
    if (rc != GG_OK || (n > 0 && got != n) || memcmp(digest, head + 12, DIGEST_NBYTES) != 0)
        return rc;
    data->nbytes = (size_t)n;
    *kind = gg_load_u32(head);
    *more = true;
    j->next = at + n;
    return GG_OK;
}

void gg_journal_rewind(struct gg_journal *j)
{
    j->next = MAGIC_NBYTES;
}

/* Finds the end of the last whole record of one that was there, and cuts off what is behind. */
static int find_end(struct gg_journal *j, struct gg_err *err)
{
    struct gg_buf data = GG_BUF_INIT;
    uint64_t next = j->next;
    uint32_t kind;
    bool more = true;
    int rc = GG_OK;
    gg_journal_rewind(j);
    while (rc == GG_OK && more)
        rc = gg_journal_next(j, &kind, &data, &more, err);
    gg_buf_free(&data);
    uint64_t end = j->next;
    j->next = next;
    if (rc == GG_OK)
        rc = write_at(j, 0, magic, MAGIC_NBYTES, err); /* it may have been cut short */
    if (rc == GG_OK && ftruncate(j->fd, (off_t)end) != 0)
        rc = gg_fail_sys(err, errno, "%s: cannot be cut", j->shown);
    if (rc == GG_OK)
        j->end = end;
    return rc;
}

int gg_journal_append(struct gg_journal *j, uint32_t kind, const void *data, size_t nbytes,
                      struct gg_err *err)
{
    uint8_t head[HEAD_NBYTES];
    if (!j->writes || nbytes > MAX_RECORD_NBYTES)
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "%s: no such record can be appended", j->shown);
    int rc = j->end == GG_NOWHERE ? find_end(j, err) : GG_OK;
    if (rc != GG_OK)
        return rc;
    gg_store_u32(head, kind);
    gg_store_u64(head + 4, nbytes);
    rc = record_digest(head + 12, j->end, head, data, nbytes, err);
    if (rc == GG_OK)
        rc = write_at(j, j->end, head, sizeof head, err);
    if (rc == GG_OK)
        rc = write_at(j, j->end + HEAD_NBYTES, data, nbytes, err);
    if (rc == GG_OK)
        j->end += HEAD_NBYTES + nbytes;
    return rc;
}

/* The folder, so that the name, or its absence, is durable. */
static int sync_folder(const struct gg_journal *j, struct gg_err *err)
{
    const char *slash = strrchr(j->path, '/');
    char *dir = slash == NULL      ? strdup(".")
                : slash == j->path ? strdup("/")
                                   : strndup(j->path, (size_t)(slash - j->path));
    if (dir == NULL)
        return gg_fail_nomem(err, "a journal");
    int rc = GG_OK;
    if (gg_file_sync_folder(dir) != 0)
        rc = gg_fail_sys(err, errno, "%s: its folder cannot be made durable", j->shown);
    free(dir);
    return rc;
}

int gg_journal_sync(struct gg_journal *j, struct gg_err *err)
{
    if (fsync(j->fd) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be made durable", j->shown);
    if (j->named)
        return GG_OK;
    int rc = sync_folder(j, err);
    j->named = rc == GG_OK;
    return rc;
}

int gg_journal_remove(struct gg_journal *j, struct gg_err *err)
{
    if (!j->writes)
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "%s: was opened to look only", j->shown);
    if (unlink(j->path) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be removed", j->shown);
    return sync_folder(j, err);
}
