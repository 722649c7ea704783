/* What consume.c and consume_plan.c share. */
#ifndef GG_CONSUME_IMPL_H
#define GG_CONSUME_IMPL_H

#include "lib/job/consume_log.h"
#include "lib/sys/sink.h"

/* Bytes of a source and their place in an output. */
struct gg_segment {
    size_t source, target;
    uint64_t from, to, nbytes;
};

struct gg_consume {
    const struct gg_consume_job *job;
    struct gg_journal *journal;
    struct gg_consume_log log;
    struct gg_arena mem;
    struct gg_sink **sinks; /* one a target */
    size_t n_sinks;
    bool *touched; /* by target: written to since it was last made durable */
    struct gg_consume_end {
        int fd;                  /* to read and to cut; -1 */
        uint64_t least;          /* where the data begin: nothing is cut before it */
        uint64_t end;            /* all behind is in the outputs */
    } * ends;                    /* one a source */
    struct gg_segment *segments; /* by source, then by offset in it */
    size_t n_segments;
    uint64_t window_nbytes;
    uint64_t done_nbytes, total_nbytes; /* cut off the sources */
};

/* consume_plan.c: opens the sources, checks that they can be consumed, lists segments. c->log gets
 * what is going to be done, or, when it goes on, is compared with that. */
GG_MUST_CHECK int gg_consume_plan(struct gg_consume *c, struct gg_err *err);

#endif
