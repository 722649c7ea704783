/* Target: which type each tensor should have, when the size of the file is given.
 *
 * Three steps, the first and last of them here: which types each tensor could take; how large the
 * error of each would be (measured elsewhere, by carrying out gg_target_trial without writing); and
 * the choice that makes the predicted error of the whole model least (solve.h, worth.c).
 */
#ifndef GG_PLAN_TARGET_H
#define GG_PLAN_TARGET_H

#include "lib/plan/plan.h"
#include "lib/quant/stats.h"

/* A set of tensor types, a bit an id. */
typedef uint64_t gg_types;
#define GG_TYPE_BIT(id) (UINT64_C(1) << (id))

/* Types that may be chosen: blocks that llama.cpp runs on all machines, and plain floats. */
gg_types gg_target_default_types(void);

struct gg_target_opts {
    gg_types allow;          /* types; 0: the default ones and that of each tensor */
    enum qt_type least, most; /* bounds by bits a weight; QT_NONE: none */
    bool dry_run;             /* as gg_plan_new's */
};

/* What encoding a tensor as a type costs, summed over all its elements. */
struct gg_type_error {
    bool known;
    double ee, xx;   /* sum (x-y)^2, sum x^2 */
    double wee, wxx; /* the same weighted with mean squared activations; without weights as ee, xx */
};

struct gg_target_tensor {
    size_t src;          /* index into model->tensors */
    struct ggf_str name; /* in the output */
    size_t group;        /* tensors of one group get the same type */
    gg_types types;      /* it could take, that of the model included when it may stay */
    bool weighted;       /* the importance matrix has weights for it */
    double share;        /* worth.c: predicted loss at a relative error of 1 */
    struct gg_type_error error[QT_ID_END]; /* by type; that of the model is 0 without measuring */
};

struct gg_target {
    const struct gg_model *model;
    struct gg_target_tensor *tensors; /* those whose type is to be chosen, in the order of the model */
    size_t n_tensors;
    size_t n_groups;
    gg_types types;             /* of all tensors together, without those that stay */
    uint32_t **chosen;          /* what wishes->types points to: one output */
    struct gg_arena *arena;
};

/* Lists what may be chosen for an output of model under wishes: all tensors that the plan would encode,
 * and that no explicit option decides. Errors: GG_ERR_ARG when a tensor may have none of the types
 * (naming it), or nothing is left to choose; those of gg_plan_new. */
GG_MUST_CHECK int gg_target_new(struct gg_target **out, const struct gg_model *model,
                                struct gg_plan_wishes *wishes, const struct gg_target_opts *opts,
                                struct gg_err *err);
void gg_target_free(struct gg_target *t); /* takes NULL */

/* A plan of model (the target's, or a sample of it) with an output for each of the types that encodes
 * the tensors which may have it, except where skip[i * QT_ID_END + type] (NULL: none). *types gets the
 * type of each output. */
GG_MUST_CHECK int gg_target_trial(struct gg_plan **out, const struct gg_target *t,
                                  const struct gg_model *model, const struct gg_plan_wishes *wishes,
                                  const bool *skip, uint32_t types[QT_ID_END], struct gg_err *err);

/* Gives all tensors of a group the types that every one of them could take, after some were taken from
 * them. GG_ERR_ARG when none is left. */
GG_MUST_CHECK int gg_target_unite(struct gg_target *t, struct gg_err *err);

/* worth.c: fills in the share of each tensor, once errors are known. */
GG_MUST_CHECK int gg_target_weigh(struct gg_target *t, struct gg_err *err);
/* Predicted loss when tensor t gets a type. */
double gg_target_loss(const struct gg_target_tensor *t, uint32_t type);

struct gg_target_result {
    uint64_t nbytes;         /* of the file or files */
    uint64_t least, most;    /* reachable: the smallest file, and the one beyond which nothing improves */
    double loss, bound;      /* predicted, and the least that any choice of this size could have */
    bool proven;             /* no choice is better */
};

struct gg_budget {
    uint64_t nbytes;
    bool data_alone; /* of tensors and their padding, without headers; else of the output, all of it */
};

/* Chooses: at most budget for the output as wishes have it (headers, shards, all). On success
 * wishes->types is set, and *plan is the plan of it. Errors: GG_ERR_ARG for a budget that cannot be,
 * saying what can. */
GG_MUST_CHECK int gg_target_choose(struct gg_target *t, struct gg_plan_wishes *wishes,
                                   const struct gg_budget *budget,
                                   bool for_dry_run, struct gg_plan **plan,
                                   struct gg_target_result *result, struct gg_err *err);

/* The choice as a file that --tensor-type-file takes: a rule for each tensor, and in comments what is
 * predicted. how: other options that its bytes hang on, each with a blank before it. */
struct gg_buf;
void gg_target_recipe(const struct gg_target *t, const struct gg_plan *plan,
                      const struct gg_target_result *r, const char *how, struct gg_buf *out);

#endif
