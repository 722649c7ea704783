/* Measure: how large the errors would be of each tensor in each type it could take. */
#ifndef GG_JOB_MEASURE_H
#define GG_JOB_MEASURE_H

#include "lib/plan/target.h"
#include "lib/stream/stream.h"

struct gg_measure_opts {
    uint64_t sample_rows; /* of each matrix, as gg_model_sample takes them; 0: all */
    uint64_t seed;
    const char *cache; /* path of an error cache (errcache.h), or NULL */
    const struct gg_target *before; /* what was measured for another choice of the same model; or NULL */
    const struct gg_write_opts *write; /* kernels, workers, progress, what becomes of NaN */
};

struct gg_measured {
    size_t n_known, n_measured; /* errors from the cache, and by encoding */
    bool foreign;               /* the cache knows other models, not this one */
};

/* Encodes, decodes and compares, in parallel, without writing; what the cache knows is not done
 * again, and what is new is added to it. Fills t->error; types whose scales overflow are taken from
 * the tensors' types. A cache is asked by what the tensors hold; files that have not changed since
 * (device, inode, size, time) need not even be read for that. Errors: those of gg_stream_write, of
 * the cache, GG_ERR_ARG for a sample of a model that must be read in order. */
GG_MUST_CHECK int gg_measure(struct gg_target *t, const struct gg_plan_wishes *wishes,
                             const struct gg_measure_opts *o, struct gg_measured *out,
                             struct gg_err *err);

#endif
