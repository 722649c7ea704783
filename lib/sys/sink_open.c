/* Opening an output: what it is, whether it may be written, and where its bytes go meanwhile. */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"
#include "lib/sys/file.h"
#include "lib/sys/sink_impl.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *escaped(const char *path)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_text_escape(&b, path, strlen(path), 0);
    return gg_buf_take(&b);
}

static bool is_stdout(const char *path)
{
    static const char *const names[] = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};
    for (size_t i = 0; i < GG_COUNTOF(names); i++) {
        if (strcmp(path, names[i]) == 0)
            return true;
    }
    return false;
}

static int refuse_input(const struct gg_sink *s, const struct stat *st,
                        const struct gg_sink_opts *o, struct gg_err *err)
{
    for (size_t i = 0; S_ISREG(st->st_mode) && i < o->n_inputs; i++) {
        if (o->inputs[i].dev == (uint64_t)st->st_dev && o->inputs[i].ino == (uint64_t)st->st_ino)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "%s: is the input itself; write to another name", s->path);
    }
    return GG_OK;
}

/* Pipes, devices and standard output: written straight, in order, with nothing to rename. */
static int open_straight(struct gg_sink *s, const char *path, const struct gg_sink_opts *o,
                         struct gg_err *err)
{
    struct stat st;
    s->ordered = true;
    if (path == NULL) {
        s->fd = STDOUT_FILENO;
    } else {
        s->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (s->fd < 0)
            return gg_fail_sys(err, errno, "%s: cannot open", s->path);
        s->close_fd = true;
    }
    if (isatty(s->fd))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: is a terminal; binary data goes to a file or a pipe", s->path);
    if (fstat(s->fd, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot look at it", s->path);
    return refuse_input(s, &st, o, err);
}

/* Sets target and dir. An existing target is resolved, so that the file behind a link is replaced
 * and not the link. */
static int resolve(struct gg_sink *s, const char *path, bool exists, struct gg_err *err)
{
    struct stat st;
    if (!exists && lstat(path, &st) == 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: is a link to nothing", s->path);
    s->target = exists ? realpath(path, NULL) : strdup(path);
    if (s->target == NULL)
        return gg_fail_sys(err, errno, "%s: cannot resolve", s->path);
    const char *slash = strrchr(s->target, '/');
    s->dir = slash == NULL       ? strdup(".")
             : slash == s->target ? strdup("/")
                                  : strndup(s->target, (size_t)(slash - s->target));
    if (s->dir == NULL)
        return gg_fail_nomem(err, "an output");
    if (s->target[0] == '\0' || s->target[strlen(s->target) - 1] == '/')
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "'%s': is no file name", s->path);
    return GG_OK;
}

static int fail_create(const struct gg_sink *s, int sys, struct gg_err *err)
{
    char dir[512];
    gg_text_escape_into(dir, sizeof dir, s->dir, strlen(s->dir));
    if (sys == ENOENT || sys == ENOTDIR)
        return gg_fail_sys(err, sys, "%s: no folder '%s'", s->path, dir);
    return gg_fail_sys(err, sys, "%s: cannot create a file in folder '%s'", s->path, dir);
}

int gg_sink_name_temp(struct gg_sink *s, struct gg_err *err)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    enum { SUFFIX = 6, MAX_NAME = 200 }; /* of the 255 bytes file systems give a name */
    uint8_t random[SUFFIX];
    char suffix[SUFFIX + 1] = {0};
    struct gg_buf b = GG_BUF_INIT;
    const char *slash = strrchr(s->target, '/');
    const char *name = slash == NULL ? s->target : slash + 1;
    if (gg_file_random(random, sizeof random) != 0)
        return gg_fail_sys(err, errno, "%s: no name for a temporary file", s->path);
    for (int i = 0; i < SUFFIX; i++)
        suffix[i] = digits[random[i] % 32];
    gg_buf_add(&b, s->target, (size_t)(name - s->target));
    gg_buf_addf(&b, ".%.*s.ggtool-%s", (int)MAX_NAME, name, suffix);
    s->temp = gg_buf_take(&b);
    if (s->temp == NULL)
        return gg_fail_nomem(err, "an output");
    s->cleanup = gg_cleanup_add(s->temp); /* before it exists, so that no moment is left open */
    return GG_OK;
}

void gg_sink_drop_temp(struct gg_sink *s)
{
    if (s->temp != NULL && !s->part)
        unlink(s->temp);
    gg_cleanup_remove(s->cleanup);
    free(s->temp);
    s->temp = NULL;
    s->cleanup = -1;
}

static int open_named_temp(struct gg_sink *s, struct gg_err *err)
{
    for (int tries = 0; tries < 100; tries++) {
        int rc = gg_sink_name_temp(s, err);
        if (rc != GG_OK)
            return rc;
        s->fd = open(s->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (s->fd >= 0)
            return GG_OK;
        int sys = errno;
        gg_cleanup_remove(s->cleanup); /* not ours: neither unlinked now nor later */
        s->cleanup = -1;
        free(s->temp);
        s->temp = NULL;
        if (sys != EEXIST)
            return fail_create(s, sys, err);
    }
    return fail_create(s, EEXIST, err);
}

static int fail_part(const struct gg_sink *s, const struct gg_sink_opts *o, int sys,
                     struct gg_err *err)
{
    if (sys == EEXIST)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s" GG_SINK_PART ": is there, and no journal tells what it is; remove it if "
                       "nothing in it is wanted",
                       s->path);
    if (sys == ENOENT && o->part == GG_PART_THERE)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "%s" GG_SINK_PART ": is missing; without it what was moved there is lost",
                       s->path);
    return o->part == GG_PART_NEW ? fail_create(s, sys, err)
                                  : gg_fail_sys(err, sys, "%s" GG_SINK_PART ": cannot open", s->path);
}

/* What is there from before must be as it was left; what is new gets its size, its name for good. */
static int settle_part(const struct gg_sink *s, bool is_new, struct gg_err *err)
{
    struct stat st;
    if (is_new && ftruncate(s->fd, (off_t)s->nbytes) != 0)
        return gg_fail_sys(err, errno, "%s: cannot be sized", s->path);
    if (fstat(s->fd, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot look at it", s->path);
    if ((uint64_t)st.st_size != s->nbytes)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "%s" GG_SINK_PART ": has %llu bytes, not the %llu it was left with", s->path,
                       (unsigned long long)st.st_size, (unsigned long long)s->nbytes);
    if (gg_file_sync_folder(s->dir) != 0)
        return gg_fail_sys(err, errno, "%s: its folder cannot be made durable", s->path);
    return GG_OK;
}

/* The content under a name of its own. No room is set aside: it grows as others shrink. */
static int open_part(struct gg_sink *s, const struct gg_sink_opts *o, struct gg_err *err)
{
    bool is_new = o->part == GG_PART_NEW;
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_addf(&b, "%s" GG_SINK_PART, s->target);
    s->part = true;
    s->temp = gg_buf_take(&b);
    if (s->temp == NULL)
        return gg_fail_nomem(err, "an output");
    s->fd = open(s->temp, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (is_new ? O_CREAT | O_EXCL : 0), 0666);
    if (s->fd < 0)
        return fail_part(s, o, errno, err);
    s->close_fd = true;
    int rc = settle_part(s, is_new, err);
    s->part = rc == GG_OK || !is_new; /* one that was made in vain goes with the sink */
    return rc;
}

/* Full disks fail here. Where room cannot be asked for, the size is set and the writes will tell. */
static int allocate(struct gg_sink *s, const struct gg_sink_opts *o, struct gg_err *err)
{
    char size[32];
    bool clones = o->cloned && gg_file_can_clone(o->clone_fd, s->fd);
    if (s->nbytes == 0 || (!clones && gg_file_allocate(s->fd, s->nbytes) == 0))
        return GG_OK;
    if (clones)
        errno = EOPNOTSUPP;
    if (gg_file_cannot(errno) && ftruncate(s->fd, (off_t)s->nbytes) == 0)
        return GG_OK;
    return gg_fail_sys(err, errno, "%s: no room for %llu bytes (%s)", s->path,
                       (unsigned long long)s->nbytes, gg_text_size(size, s->nbytes));
}

/* The successor of a file belongs to whom that belonged to, as far as we may give it away, and may be
 * used by those who might. */
static void look_like(int fd, const struct stat *st)
{
    if (fchown(fd, st->st_uid, st->st_gid) == 0 || fchown(fd, (uid_t)-1, st->st_gid) == 0 ||
        errno == EPERM)
        fchmod(fd, st->st_mode & 0777);
}

/* old: what is there; NULL: nothing. */
static int open_file(struct gg_sink *s, const char *path, const struct stat *old,
                     const struct gg_sink_opts *o, struct gg_err *err)
{
    bool exists = old != NULL;
    int rc = resolve(s, path, exists, err);
    if (rc != GG_OK || o->part != GG_PART_NONE)
        return rc != GG_OK ? rc : open_part(s, o, err);
    s->fd = exists ? -1 : gg_file_open_unnamed(s->dir, 0666);
    if (s->fd < 0)
        rc = open_named_temp(s, err);
    if (rc != GG_OK)
        return rc;
    s->close_fd = true;
    if (exists)
        look_like(s->fd, old);
    return allocate(s, o, err);
}

static int open_any(struct gg_sink *s, const char *path, const struct gg_sink_opts *o,
                    struct gg_err *err)
{
    struct stat st;
    if (is_stdout(path))
        return open_straight(s, NULL, o, err);
    bool exists = stat(path, &st) == 0;
    if (exists) {
        if (S_ISDIR(st.st_mode))
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: is a folder", s->path);
        if (!S_ISREG(st.st_mode))
            return open_straight(s, path, o, err);
        int rc = refuse_input(s, &st, o, err);
        if (rc != GG_OK)
            return rc;
        if (!o->force)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "%s: exists already; --force replaces it", s->path);
    }
    return open_file(s, path, exists ? &st : NULL, o, err);
}

int gg_sink_open(struct gg_sink **out, const char *path, const struct gg_sink_opts *o,
                 struct gg_err *err)
{
    struct gg_sink *s = calloc(1, sizeof *s);
    if (s == NULL)
        return gg_fail_nomem(err, "an output");
    s->fd = -1;
    s->cleanup = -1;
    s->force = o->force;
    s->nbytes = o->nbytes;
    s->path = strcmp(path, "-") == 0 ? strdup("standard output") : escaped(path);
    int rc;
    if (s->path == NULL)
        rc = gg_fail_nomem(err, "an output");
    else if (o->nbytes > INT64_MAX)
        rc = gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "%s: larger than a file can be", s->path);
    else
        rc = open_any(s, path, o, err);
    if (rc != GG_OK) {
        gg_sink_free(s);
        return rc;
    }
    *out = s;
    return GG_OK;
}
