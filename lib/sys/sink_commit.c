/* Naming an output. */
#include "lib/sys/cleanup.h"
#include "lib/sys/file.h"
#include "lib/sys/sink_impl.h"

#include <stdio.h>
#include <stdlib.h>

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
    if (rc == GG_OK && gg_file_sync_folder(s->dir) != 0) /* the name is durable once that is */
        rc = gg_fail_sys(err, errno, "%s: its folder cannot be made durable", s->path);
    return rc;
}
