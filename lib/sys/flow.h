/* Flow: bytes read once and taken by several takers, each in an order of its own.
 *
 * The bytes come in numbered slabs. A slab is read into a buffer by any worker; then each taker takes
 * it, and when all have, the buffer serves another slab. A digest over everything takes the slabs one
 * after the other, digests of parts side by side, a check that needs no order whenever a worker is
 * free: workers do whatever can be done for the lowest slab, so one slow taker keeps one of them busy
 * and the rest goes on beside it, as far as the buffers reach.
 */
#ifndef GG_FLOW_H
#define GG_FLOW_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GG_FLOW_LANES = 2 };

struct gg_flow_slab {
    uint64_t no;
    size_t nbytes; /* at most slab_nbytes of the job */
    bool starts[GG_FLOW_LANES]; /* the slab is the first of a run (of a tensor, of a file) */
    const void *data;
    uint64_t user[3]; /* whatever describe puts there */
};

enum gg_flow_order {
    GG_FLOW_IN_LANE_0 = 0, /* in order inside a run of that lane; runs side by side */
    GG_FLOW_IN_LANE_1 = 1,
    GG_FLOW_IN_ORDER, /* all slabs, one after the other */
    GG_FLOW_ANY,
};

struct gg_flow_taker {
    enum gg_flow_order order;
    /* Never called twice at the same time for slabs that stand in an order. */
    int (*take)(void *ctx, const struct gg_flow_slab *slab, struct gg_err *err);
    void *ctx;
};

enum { GG_FLOW_MAX_TAKERS = 16 };

struct gg_flow_job {
    uint64_t n_slabs;
    size_t slab_nbytes; /* of a buffer */
    unsigned n_workers; /* >= 1 */
    unsigned n_slots;   /* buffers, > n_workers is of use; made when first needed */
    bool read_in_order; /* one read at a time, in order: a pipe, a packed archive */
    /* Says what a slab is: fills all but data. In order of numbers, one call at a time; quick. */
    void (*describe)(void *ctx, struct gg_flow_slab *slab);
    int (*read)(void *ctx, const struct gg_flow_slab *slab, void *buf, struct gg_err *err);
    /* Called for each slab that all takers have taken, one call at a time, any order. May be NULL. */
    void (*done)(void *ctx, const struct gg_flow_slab *slab);
    void *ctx;
    const struct gg_flow_taker *takers;
    size_t n_takers; /* 1 .. GG_FLOW_MAX_TAKERS */
};

/* Runs the job. On failure the error is that of the lowest slab that failed, and no slab above it
 * counts for anything. gg_interrupted() is asked between slabs: GG_ERR_INTERRUPTED. */
GG_MUST_CHECK int gg_flow_run(const struct gg_flow_job *job, struct gg_err *err);

#endif
