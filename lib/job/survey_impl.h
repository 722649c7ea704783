/* What survey.c and survey_look.c share. */
#ifndef GG_JOB_SURVEY_IMPL_H
#define GG_JOB_SURVEY_IMPL_H

#include "lib/job/survey.h"
#include "lib/sys/flow.h"

#include <pthread.h>

enum { AHEAD = 8 }; /* slabs the kernel is asked for in advance */

/* A run of bytes: a tensor's, or those between tensors (header, padding). */
struct seg {
    size_t tensor; /* SIZE_MAX: between */
    size_t file;
    uint64_t off; /* in the file, when files are read */
    uint64_t nbytes, per_slab;
    bool starts_file;
};

struct survey;

struct taker {
    struct survey *w;
    enum gg_digest_kind kind;
    struct gg_digest *model;
    struct gg_digest **layers; /* those under way, by tensor or file */
    size_t n_layers;
};

struct survey {
    struct gg_survey *out;
    const struct gg_stored *s;
    const struct gg_survey_opts *o;
    struct seg *segs;
    size_t n_segs;
    uint64_t n_slabs, total, all_passes;
    size_t at_seg; /* where describe stands */
    uint64_t at_off;
    struct gg_input **inputs; /* by file; NULL: read through the source */
    struct taker mine[GG_FLOW_MAX_TAKERS];
    struct gg_flow_taker takers[GG_FLOW_MAX_TAKERS];
    size_t n_takers;
    bool sees_all;        /* no tensor is left out, so what lies between is padding */
    pthread_mutex_t lock; /* of what the looks leave in out */
};

/* survey_look.c: the taker that looks at blocks and padding. */
int gg_survey_look(void *ctx, const struct gg_flow_slab *slab, struct gg_err *err);

#endif
