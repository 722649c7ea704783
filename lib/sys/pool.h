/* Pool: one set of threads for a whole run; numbered tickets worked in any order, settled in order. */
#ifndef GG_POOL_H
#define GG_POOL_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Works on a ticket with a slot (buffer index) of its own until settled. Any thread, any order. */
typedef int gg_pool_work_fn(void *ctx, unsigned worker, unsigned slot, uint64_t ticket,
                            struct gg_err *err);
/* Called for each worked ticket, one at a time, in ticket order; then the slot is free again. */
typedef int gg_pool_settle_fn(void *ctx, unsigned slot, uint64_t ticket, struct gg_err *err);

struct gg_pool_job {
    uint64_t n_tickets;
    unsigned n_workers; /* >= 1; 1 runs in the calling thread */
    unsigned n_slots;   /* >= n_workers */
    gg_pool_work_fn *work;
    gg_pool_settle_fn *settle; /* may be NULL */
    void *ctx;
};

/* Runs the job. On failure the error of the lowest failing ticket is given, whatever the timing, and
 * no later ticket is settled. gg_interrupted() is asked between tickets: GG_ERR_INTERRUPTED. */
GG_MUST_CHECK int gg_pool_run(const struct gg_pool_job *job, struct gg_err *err);

/* CPUs this process may run on (affinity and cgroup quota), at least 1. */
unsigned gg_pool_default_workers(void);

#endif
