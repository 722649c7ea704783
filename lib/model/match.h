/* Match: which tensor of one model is which of another, by GGUF name. */
#ifndef GG_MATCH_H
#define GG_MATCH_H

#include "lib/base/arena.h"
#include "lib/model/model.h"
#include "lib/model/pattern.h"

enum gg_match_state {
    GG_MATCH_BOTH,       /* one shape, known types, the data is there: can be compared */
    GG_MATCH_ONLY_BASE,  /* the other lacks it */
    GG_MATCH_ONLY_OTHER, /* the base lacks it */
    GG_MATCH_NEITHER,    /* of several others, only different ones have it */
    GG_MATCH_SHAPE,      /* different shapes */
    GG_MATCH_TYPE,       /* of a type unknown to us, on either side */
    GG_MATCH_CUT,        /* a file ends before its data does, on either side */
    GG_MATCH_STATES
};

struct gg_match_item {
    struct ggf_str name;
    const size_t *tensor;             /* by model: index, or SIZE_MAX */
    const enum gg_match_state *state; /* by other: of model m at m - 1 */
};

struct gg_match {
    struct gg_match_item *items; /* in the order of the base, then those it lacks */
    size_t n;
    size_t n_models;
    bool *reordered; /* by other: what both have stands in another order */
    struct gg_arena mem;
};

/* Matches models[1..] with models[0], tensors whose name fits the pattern (NULL: all). *out is to be
 * freed also after a failure. Strings point into the models. */
GG_MUST_CHECK int gg_match_models(struct gg_match *out, const struct gg_model *const *models,
                                  size_t n_models, const struct gg_pattern *only,
                                  struct gg_err *err);
void gg_match_free(struct gg_match *m);

#endif
