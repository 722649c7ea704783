/* Writing an output. */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"
#include "lib/sys/file.h"
#include "lib/sys/sink_impl.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_PIECE = 64 << 20,   /* of one call, so that an interrupt is not kept waiting */
    COPY_NBYTES = 512 << 10, /* buffer of a copy that the kernel does not do */
    BLOCK = 4096,           /* of file systems, or a part of theirs: the unit of sharing */
    LAG = 64 << 20,         /* how far behind write-back pages are dropped */
};

void gg_sink_free(struct gg_sink *s)
{
    if (s == NULL)
        return;
    gg_sink_drop_temp(s);
    if (s->close_fd && s->fd >= 0)
        close(s->fd);
    free(s->dir);
    free(s->target);
    free(s->path);
    free(s);
}

void gg_sink_discard(struct gg_sink *s)
{
    s->part = false;
    gg_sink_drop_temp(s);
}

const char *gg_sink_path(const struct gg_sink *s)
{
    return s->path;
}

bool gg_sink_ordered(const struct gg_sink *s)
{
    return s->ordered;
}

static int fail_write(const struct gg_sink *s, int sys, uint64_t off, uint64_t n,
                      struct gg_err *err)
{
    return gg_fail_sys(err, sys, "%s: cannot write %llu bytes at %llu of %llu", s->path,
                       (unsigned long long)n, (unsigned long long)off,
                       (unsigned long long)s->nbytes);
}

/* Somebody may have made our standard output non-blocking: wait for it. */
static bool try_again(int fd)
{
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN)
        return false;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

static int write_all(struct gg_sink *s, uint64_t off, const void *buf, size_t n, struct gg_err *err)
{
    const char *p = buf;
    while (n > 0) {
        size_t piece = n < MAX_PIECE ? n : MAX_PIECE;
        ssize_t r = s->ordered ? write(s->fd, p, piece) : pwrite(s->fd, p, piece, (off_t)off);
        if (r < 0 && try_again(s->fd))
            continue;
        if (r <= 0)
            return fail_write(s, r < 0 ? errno : EIO, off, n, err);
        p += r;
        off += (uint64_t)r;
        n -= (size_t)r;
    }
    return GG_OK;
}

/* Moves an ordered sink on to off, filling with zeros. */
static int pad_to(struct gg_sink *s, uint64_t off, struct gg_err *err)
{
    static const char zeros[4096];
    if (off < s->pos)
        return gg_fail(err, GG_ERR_BUG, off, "%s: written out of order", s->path);
    int rc = GG_OK;
    while (rc == GG_OK && s->pos < off) {
        size_t piece = (size_t)gg_min_u64(sizeof zeros, off - s->pos);
        rc = write_all(s, s->pos, zeros, piece, err);
        s->pos += piece;
    }
    return rc;
}

static int check_range(const struct gg_sink *s, uint64_t off, uint64_t n, struct gg_err *err)
{
    if (gg_in_range(off, n, s->nbytes))
        return GG_OK;
    return gg_fail(err, GG_ERR_BUG, off, "%s: %llu bytes at %llu lie beyond the planned %llu",
                   s->path, (unsigned long long)n, (unsigned long long)off,
                   (unsigned long long)s->nbytes);
}

int gg_sink_write(struct gg_sink *s, uint64_t off, const void *buf, size_t n, struct gg_err *err)
{
    int rc = check_range(s, off, n, err);
    if (rc == GG_OK && s->ordered)
        rc = pad_to(s, off, err);
    if (rc == GG_OK)
        rc = write_all(s, off, buf, n, err);
    if (rc == GG_OK && s->ordered)
        s->pos += n;
    return rc;
}

static int fail_source(const struct gg_sink *s, ssize_t r, uint64_t off, struct gg_err *err)
{
    if (r < 0)
        return gg_fail_sys(err, errno, "cannot read the input at byte %llu",
                           (unsigned long long)off);
    return gg_fail(err, GG_ERR_TRUNCATED, off,
                   "the input ends at byte %llu, while it is copied to %s", (unsigned long long)off,
                   s->path);
}

static int copy_plainly(struct gg_sink *s, uint64_t off, int from, uint64_t from_off, uint64_t n,
                        struct gg_err *err)
{
    char *buf = malloc(COPY_NBYTES);
    if (buf == NULL)
        return gg_fail_nomem(err, "copying");
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        uint64_t piece = gg_min_u64(n, COPY_NBYTES - off % COPY_NBYTES); /* whole pages of ours */
        ssize_t r = pread(from, buf, (size_t)piece, (off_t)from_off);
        if (r < 0 && errno == EINTR)
            continue;
        rc = r <= 0 ? fail_source(s, r, from_off, err) : gg_sink_write(s, off, buf, (size_t)r, err);
        if (r > 0) {
            off += (uint64_t)r;
            from_off += (uint64_t)r;
            n -= (uint64_t)r;
        }
    }
    free(buf);
    return rc;
}

/* As much as the kernel copies by itself; the rest is left in *n. */
static int copy_in_kernel(struct gg_sink *s, uint64_t *off, int from, uint64_t *from_off,
                          uint64_t *n, struct gg_err *err)
{
    while (*n > 0 && !gg_interrupted()) {
        uint64_t piece = gg_min_u64(*n, MAX_PIECE), in_block = *off % BLOCK;
        if (in_block != 0 && *from_off % BLOCK == in_block)
            piece = gg_min_u64(piece, BLOCK - in_block); /* up to blocks that can be shared */
        ssize_t r = gg_file_copy_range(from, *from_off, s->fd, *off, piece);
        if (r < 0 && !gg_file_cannot(errno) && errno != EPERM && errno != EBADF)
            return gg_fail_sys(err, errno, "%s: cannot copy %llu bytes to %llu of %llu", s->path,
                               (unsigned long long)*n, (unsigned long long)*off,
                               (unsigned long long)s->nbytes);
        if (r <= 0)
            break; /* some file systems say 0 where they mean "cannot"; reading will tell */
        *off += (uint64_t)r;
        *from_off += (uint64_t)r;
        *n -= (uint64_t)r;
    }
    return GG_OK;
}

int gg_sink_copy(struct gg_sink *s, uint64_t off, int from_fd, uint64_t from_off, uint64_t n,
                 struct gg_err *err)
{
    uint64_t end;
    int rc = check_range(s, off, n, err);
    if (rc != GG_OK)
        return rc;
    if (!gg_add_u64(from_off, n, &end) || end > INT64_MAX)
        return gg_fail(err, GG_ERR_BUG, from_off, "%s: a copy from beyond any file", s->path);
    /* Where pages do not meet pages the kernel takes longer than we do, but a server does it alone. */
    bool alike = off % BLOCK == from_off % BLOCK;
    if (!s->ordered && (alike || gg_file_is_remote(from_fd)))
        rc = copy_in_kernel(s, &off, from_fd, &from_off, &n, err);
    if (rc == GG_OK && gg_interrupted())
        rc = gg_fail(err, GG_ERR_INTERRUPTED, GG_NOWHERE, "interrupted");
    return rc == GG_OK ? copy_plainly(s, off, from_fd, from_off, n, err) : rc;
}

void gg_sink_flush_behind(struct gg_sink *s, uint64_t off, uint64_t n)
{
    if (s->ordered)
        return;
    gg_file_start_writeback(s->fd, off, n);
    if (off >= LAG)
        gg_file_drop_cache(s->fd, off - LAG, n);
}

/* Bytes that were never given are zero: the rest of an ordered sink has to be said aloud. */
static int finish_ordered(struct gg_sink *s, struct gg_err *err)
{
    int rc = pad_to(s, s->nbytes, err);
    if (rc != GG_OK)
        return rc;
    if (fsync(s->fd) != 0 && !gg_file_cannot(errno) && errno != EROFS)
        return gg_fail_sys(err, errno, "%s: cannot be made durable", s->path);
    return GG_OK;
}

int gg_sink_sync(struct gg_sink *s, struct gg_err *err)
{
    if (fsync(s->fd) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be made durable", s->path);
    return GG_OK;
}

int gg_sink_read_back(struct gg_sink *s, uint64_t off, void *buf, size_t n, struct gg_err *err)
{
    int rc = check_range(s, off, n, err);
    if (rc == GG_OK)
        gg_file_drop_cache(s->fd, off, n);
    for (size_t got = 0; rc == GG_OK && got < n;) {
        ssize_t r = pread(s->fd, (char *)buf + got, n - got, (off_t)(off + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            rc = gg_fail_sys(err, r < 0 ? errno : EIO, "%s: cannot read %llu bytes at %llu back",
                             s->path, (unsigned long long)n, (unsigned long long)off);
        else
            got += (size_t)r;
    }
    return rc;
}

int gg_sink_finish(struct gg_sink *s, struct gg_err *err)
{
    int rc = s->ordered ? finish_ordered(s, err) : gg_sink_sync(s, err);
    if (rc != GG_OK)
        return rc;
    /* Some file systems speak up at close only. A file without a name must stay open to get one, so
     * it is a second handle that is closed; what remains of the first has nothing left to say. */
    int second = dup(s->fd);
    if (second < 0 || close(second) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be closed", s->path);
    s->finished = true;
    return GG_OK;
}
