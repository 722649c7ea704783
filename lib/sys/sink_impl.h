/* What sink_open.c, sink.c and sink_commit.c share. */
#ifndef GG_SINK_IMPL_H
#define GG_SINK_IMPL_H

#include "lib/sys/sink.h"

struct gg_sink {
    char *path;   /* as named by the user, escaped, for messages */
    char *target; /* what gets the name: path with links resolved; NULL when there is nothing to name */
    char *dir;    /* its folder */
    char *temp;   /* the temporary's path; NULL when it has no name */
    int fd;
    int cleanup; /* handle of temp */
    bool close_fd;
    bool ordered; /* bytes go out one after the other: pipes, devices, standard output */
    bool force;
    bool part; /* temp outlives us */
    bool finished;
    uint64_t nbytes;
    uint64_t pos; /* of an ordered one */
};

/* Chooses a name for a temporary beside the target, fills s->temp and registers it. */
int gg_sink_name_temp(struct gg_sink *s, struct gg_err *err);
/* Removes the temporary, if it has a name, and forgets it. */
void gg_sink_drop_temp(struct gg_sink *s);

#endif
