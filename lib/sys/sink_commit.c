/* Naming an output. */
#include "lib/sys/cleanup.h"
#include "lib/sys/file.h"
#include "lib/sys/sink_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fail_name(const struct gg_sink *s, struct gg_err *err)
{
    if (errno == EEXIST)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: came to exist meanwhile; --force replaces it", s->path);
    return gg_fail_sys(err, errno, "%s: cannot be given its name", s->path);
}

/* A file without a name is linked to its target; one that stands there now is replaced by way of a
 * temporary name, as rename is the only thing that replaces. */
static int name_unnamed(struct gg_sink *s, struct gg_err *err)
{
    if (gg_file_give_name(s->fd, s->target) == 0)
        return GG_OK;
    if (errno != EEXIST || !s->force)
        return fail_name(s, err);
    int rc = gg_sink_name_temp(s, err);
    if (rc != GG_OK)
        return rc;
    if (gg_file_give_name(s->fd, s->temp) != 0) {
        int sys = errno;
        gg_cleanup_remove(s->cleanup); /* the name is not ours */
        s->cleanup = -1;
        free(s->temp);
        s->temp = NULL;
        return gg_fail_sys(err, sys, "%s: cannot be given its name", s->path);
    }
    return rename(s->temp, s->target) == 0 ? GG_OK : fail_name(s, err);
}

static int name_temp(struct gg_sink *s, struct gg_err *err)
{
    int r = s->force ? rename(s->temp, s->target) : gg_file_rename_new(s->temp, s->target);
    return r == 0 ? GG_OK : fail_name(s, err);
}

/* The name is durable once the folder is. A folder we may write but not read is left to the system. */
static int sync_folder(const struct gg_sink *s, struct gg_err *err)
{
    int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? GG_OK
                               : gg_fail_sys(err, errno, "%s: cannot open its folder", s->path);
    int rc = GG_OK;
    if (fsync(fd) != 0 && !gg_file_cannot(errno))
        rc = gg_fail_sys(err, errno, "%s: the folder cannot be made durable", s->path);
    close(fd);
    return rc;
}

int gg_sink_commit(struct gg_sink *s, struct gg_err *err)
{
    if (!s->finished)
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "%s: named before it was finished", s->path);
    if (s->target == NULL)
        return GG_OK;
    gg_cleanup_hold(); /* a signal between rename and forgetting must not unlink a stranger */
    int rc = s->temp == NULL ? name_unnamed(s, err) : name_temp(s, err);
    if (rc == GG_OK) {
        gg_cleanup_remove(s->cleanup);
        s->cleanup = -1;
        free(s->temp); /* moved away: nothing to unlink */
        s->temp = NULL;
    }
    gg_cleanup_release();
    return rc == GG_OK ? sync_folder(s, err) : rc;
}
