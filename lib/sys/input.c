#include "lib/sys/input.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_READ = 64 << 20, DROP_NBYTES = 64 << 10 };

struct gg_input {
    char *name;
    int fd;
    bool close_fd, pipe;
    uint64_t nbytes;
    uint64_t pos; /* of a pipe */
    uint64_t dev, ino;
    struct gg_input *base; /* of a part */
    uint64_t base_off;
    const struct gg_input_ops *ops; /* of another making */
    void *ctx;
    void (*own_free)(void *ctx);
    void *own;
};

/* The name as it may stand in a message. */
static const char *shown(const struct gg_input *in, char dst[256])
{
    return gg_text_escape_into(dst, 256, in->name, strlen(in->name));
}

/* A regular file or a pipe; everything else is refused by what it is. */
static int classify(struct gg_input *in, const struct stat *st, struct gg_err *err)
{
    char name[256];
    const char *what = NULL;
    if (S_ISDIR(st->st_mode))
        what = "is a directory";
    else if (S_ISBLK(st->st_mode))
        what = "is a block device";
    else if (S_ISCHR(st->st_mode))
        what = isatty(in->fd) ? "is a terminal" : "is a character device";
    if (what != NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: %s, not a file", shown(in, name),
                       what);
    in->pipe = !S_ISREG(st->st_mode);
    in->nbytes = in->pipe ? GG_NOWHERE : (uint64_t)st->st_size;
    if (!in->pipe) {
        in->dev = (uint64_t)st->st_dev;
        in->ino = (uint64_t)st->st_ino;
    }
    return GG_OK;
}

/* A FIFO is opened as anyone would, waiting for its writer; anything else must not make us wait. */
static int open_path(struct gg_input *in, const char *path, struct gg_err *err)
{
    char name[256];
    struct stat st;
    if (strcmp(path, "-") == 0) {
        in->fd = STDIN_FILENO;
    } else {
        bool fifo = stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
        in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (fifo ? 0 : O_NONBLOCK));
        if (in->fd < 0)
            return gg_fail_sys(err, errno, "%s: cannot open", shown(in, name));
        in->close_fd = true;
        if (!fifo)
            fcntl(in->fd, F_SETFL, fcntl(in->fd, F_GETFL) & ~O_NONBLOCK);
    }
    if (fstat(in->fd, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot look at it", shown(in, name));
    return classify(in, &st, err);
}

int gg_input_open(struct gg_input **out, const char *path, struct gg_err *err)
{
    struct gg_input *in = calloc(1, sizeof *in);
    if (in == NULL)
        return gg_fail_nomem(err, "an input");
    in->fd = -1;
    in->name = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
    int rc = in->name == NULL ? gg_fail_nomem(err, "an input") : open_path(in, path, err);
    if (rc != GG_OK) {
        gg_input_free(in);
        return rc;
    }
    *out = in;
    return GG_OK;
}

static struct gg_input *new_virtual(const char *name, uint64_t nbytes)
{
    struct gg_input *in = calloc(1, sizeof *in);
    if (in == NULL)
        return NULL;
    in->fd = -1;
    in->nbytes = nbytes;
    in->name = strdup(name);
    if (in->name == NULL) {
        free(in);
        return NULL;
    }
    return in;
}

int gg_input_open_part(struct gg_input **out, struct gg_input *base, uint64_t off, uint64_t nbytes,
                       const char *name, struct gg_err *err)
{
    assert(!base->pipe && gg_in_range(off, nbytes, base->nbytes));
    struct gg_input *in = new_virtual(name, nbytes);
    if (in == NULL)
        return gg_fail_nomem(err, "an input");
    in->base = base;
    in->base_off = off;
    gg_input_id(base, &in->dev, &in->ino);
    *out = in;
    return GG_OK;
}

int gg_input_open_ops(struct gg_input **out, const struct gg_input_ops *ops, void *ctx,
                      const struct gg_input *base, uint64_t nbytes, const char *name,
                      struct gg_err *err)
{
    struct gg_input *in = new_virtual(name, nbytes);
    if (in == NULL) {
        if (ops->free != NULL)
            ops->free(ctx);
        return gg_fail_nomem(err, "an input");
    }
    in->ops = ops;
    in->ctx = ctx;
    if (base != NULL)
        gg_input_id(base, &in->dev, &in->ino);
    *out = in;
    return GG_OK;
}

void gg_input_own(struct gg_input *in, void (*fn)(void *ctx), void *ctx)
{
    assert(in->own_free == NULL);
    in->own_free = fn;
    in->own = ctx;
}

void gg_input_free(struct gg_input *in)
{
    if (in == NULL)
        return;
    if (in->ops != NULL && in->ops->free != NULL)
        in->ops->free(in->ctx);
    if (in->close_fd)
        close(in->fd);
    if (in->own_free != NULL)
        in->own_free(in->own);
    free(in->name);
    free(in);
}

const char *gg_input_name(const struct gg_input *in)
{
    return in->name;
}

uint64_t gg_input_nbytes(const struct gg_input *in)
{
    return in->nbytes;
}

int gg_input_fd(const struct gg_input *in)
{
    return in->fd;
}

bool gg_input_extent(const struct gg_input *in, uint64_t off, int *fd, uint64_t *file_off)
{
    if (in->base != NULL)
        return gg_input_extent(in->base, in->base_off + off, fd, file_off);
    if (in->pipe || in->ops != NULL)
        return false;
    *fd = in->fd;
    *file_off = off;
    return true;
}

void gg_input_id(const struct gg_input *in, uint64_t *dev, uint64_t *ino)
{
    *dev = in->dev;
    *ino = in->ino;
}

/* One read of a bounded piece, restarted; n > 0. Returns bytes, 0 at the end, or -1. */
static ssize_t read_piece(const struct gg_input *in, uint64_t off, void *buf, size_t n)
{
    ssize_t r;
    n = n < MAX_READ ? n : MAX_READ;
    do {
        r = in->pipe ? read(in->fd, buf, n) : pread(in->fd, buf, n, (off_t)off);
    } while (r < 0 && errno == EINTR);
    return r;
}

static int fail_read(const struct gg_input *in, uint64_t off, struct gg_err *err)
{
    char name[256];
    int sys = errno;
    gg_fail_sys(err, sys, "%s: cannot read at byte %llu", shown(in, name), (unsigned long long)off);
    if (err != NULL)
        err->where = off;
    return GG_ERR_IO;
}

/* Moves a pipe on to off. At its end *ended is set. */
static int pipe_skip(struct gg_input *in, uint64_t off, bool *ended, struct gg_err *err)
{
    if (off < in->pos)
        return gg_fail(err, GG_ERR_BUG, off, "%s: a pipe was asked to go back", in->name);
    if (off == in->pos)
        return GG_OK;
    char *drop = malloc(DROP_NBYTES);
    if (drop == NULL)
        return gg_fail_nomem(err, "reading a pipe");
    int rc = GG_OK;
    while (in->pos < off) {
        ssize_t r = read_piece(in, in->pos, drop, (size_t)gg_min_u64(DROP_NBYTES, off - in->pos));
        if (r < 0)
            rc = fail_read(in, in->pos, err);
        *ended = r == 0;
        if (r <= 0)
            break;
        in->pos += (uint64_t)r;
    }
    free(drop);
    return rc;
}

/* Inputs over something else: never asked for more than they have. */
static int read_virtual(struct gg_input *in, uint64_t off, void *buf, size_t n, size_t *got,
                        struct gg_err *err)
{
    *got = 0;
    if (off >= in->nbytes)
        return GG_OK;
    n = (size_t)gg_min_u64(n, in->nbytes - off);
    if (in->base != NULL)
        return gg_input_read(in->base, in->base_off + off, buf, n, got, err);
    return in->ops->read(in->ctx, off, buf, n, got, err);
}

int gg_input_read(struct gg_input *in, uint64_t off, void *buf, size_t n, size_t *got,
                  struct gg_err *err)
{
    if (in->base != NULL || in->ops != NULL)
        return read_virtual(in, off, buf, n, got, err);
    bool ended = false;
    size_t have = 0;
    int rc = in->pipe ? pipe_skip(in, off, &ended, err) : GG_OK;
    if (rc != GG_OK)
        return rc;
    if (off > INT64_MAX - (uint64_t)MAX_READ) /* beyond any file */
        ended = true;
    while (have < n && !ended) {
        ssize_t r = read_piece(in, off + have, (char *)buf + have, n - have);
        if (r < 0)
            return fail_read(in, off + have, err);
        ended = r == 0;
        have += (size_t)r;
        if (in->pipe)
            in->pos += (uint64_t)r;
    }
    *got = have;
    return GG_OK;
}

int gg_input_read_all(struct gg_input *in, uint64_t off, void *buf, size_t n, struct gg_err *err)
{
    char name[256];
    size_t got = 0;
    int rc = gg_input_read(in, off, buf, n, &got, err);
    if (rc != GG_OK || got == n)
        return rc;
    return gg_fail(err, GG_ERR_TRUNCATED, off + got,
                   "%s: ends at byte %llu: %llu bytes at %llu are not all there", shown(in, name),
                   (unsigned long long)(off + got), (unsigned long long)n, (unsigned long long)off);
}

void gg_input_will_need(struct gg_input *in, uint64_t off, uint64_t n)
{
    int fd;
    uint64_t at;
    if (gg_input_extent(in, off, &fd, &at) && at <= INT64_MAX && n <= INT64_MAX)
        gg_file_will_need(fd, at, n);
}

void gg_input_done_with(struct gg_input *in, uint64_t off, uint64_t n)
{
    int fd;
    uint64_t at;
    if (gg_input_extent(in, off, &fd, &at) && at <= INT64_MAX && n <= INT64_MAX)
        gg_file_drop_cache(fd, at, n);
}
