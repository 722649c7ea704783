/* The plan while it is being made. Private to lib/plan. */
#ifndef GG_PLAN_IMPL_H
#define GG_PLAN_IMPL_H

#include "lib/base/arena.h"
#include "lib/plan/mixture.h"
#include "lib/plan/plan.h"

#define GG_NO_RULE SIZE_MAX

/* What all outputs share about a tensor that is not pruned. */
struct gg_fact {
    size_t src;
    struct ggf_str name; /* in the output */
    enum gg_category category;
    const char *keep; /* why it is never encoded, or NULL */
    bool selected;    /* by --only, or there is none */
    size_t rule;      /* the first that matches, or GG_NO_RULE */
    struct gg_mix_tensor mix;
    const struct gg_imatrix_entry *entry; /* that applies to it, usable or not; or NULL */
};

struct gg_planner {
    struct gg_plan *plan;
    const struct gg_model *model;
    struct gg_plan_wishes *w;
    bool dry_run;
    enum gg_code fault; /* of the first GG_FAULT among the findings */
    struct gg_arch arch;
    struct gg_mix_model mix;
    struct gg_fact *facts; /* in the order of the model */
    size_t n_facts;
    uint64_t *new_layer;  /* of each layer, GG_NO_LAYER: pruned; NULL when nothing is pruned */
    uint64_t n_new_layers;
    bool *used;        /* importance entries that pass include and exclude; NULL without a matrix */
    size_t n_used;
    const char *last_reason[64]; /* texts to share */
};

/* Where a finding fails the plan: remembers the code, gives the severity. */
enum gg_severity gg_planner_fault(struct gg_planner *p, enum gg_code code);

/* All return GG_OK, or an error that ends the plan (no memory, senseless wishes); what a user should
 * see together goes to plan->findings. */
int gg_plan_prune(struct gg_planner *p, struct gg_err *err);  /* new_layer, n_new_layers */
int gg_plan_prune_meta(struct gg_planner *p, struct ggf_meta *meta, struct gg_err *err);
int gg_plan_facts(struct gg_planner *p, struct gg_err *err);  /* facts, mix */
int gg_plan_weights(struct gg_planner *p, struct gg_err *err); /* used, entry; foreign names */
int gg_plan_choose(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err);
int gg_plan_meta(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err);
int gg_plan_files(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err);
void gg_plan_coverage(struct gg_planner *p);    /* importance weights of all outputs */
void gg_plan_check_rules(struct gg_planner *p); /* rules and patterns without a hit */

/* True for types whose encoder looks at importance weights. */
bool gg_type_uses_weights(uint32_t type);
/* True for those that llama-quantize refuses to make without (embeddings and output aside). */
bool gg_type_demands_weights(uint32_t type);

#endif
