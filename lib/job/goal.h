/* Goal: a size instead of a type; from parsed options to what target.h asks for. */
#ifndef GG_JOB_GOAL_H
#define GG_JOB_GOAL_H

#include "lib/job/opts.h"
#include "lib/model/memory.h"
#include "lib/plan/target.h"

/* Is a size asked for? */
bool gg_goal_wanted(const struct gg_goal_opts *o);

/* Refuses what makes no sense together: options of the choice without a size (or with two), a type or
 * --pure beside it. type: that of --type, or NULL. GG_ERR_ARG. */
GG_MUST_CHECK int gg_goal_check(const struct gg_goal_opts *o, const struct gg_quant_opts *quant,
                                const char *type, struct gg_err *err);

/* What may be chosen. GG_ERR_ARG for a type that is unknown, or that cannot be encoded. */
GG_MUST_CHECK int gg_goal_types(struct gg_target_opts *out, const struct gg_goal_opts *o,
                                struct gg_err *err);

/* How large it may be. With --fits, *memory gets what running it takes beside the weights. GG_ERR_ARG for
 * a number of bits that is none, for memory that the rest alone fills; errors of gg_memory_of. */
GG_MUST_CHECK int gg_goal_budget(struct gg_budget *out, const struct gg_goal_opts *o,
                                 const struct gg_model *m, struct gg_memory *memory,
                                 struct gg_err *err);

#endif
