/* Options that commands share, as groups of one table each (see lib/cli/opt.h). A command puts the
 * struct into its own and names the group; what the parsed struct means is said in wishes.h. */
#ifndef GG_JOB_OPTS_H
#define GG_JOB_OPTS_H

#include "lib/cli/opt.h"

/* What to encode how, with the meanings of llama-quantize. */
struct gg_quant_opts {
    const char *imatrix;
    struct gg_opt_list include_weights, exclude_weights;
    int imatrix_missing; /* enum gg_missing_policy */
    struct gg_opt_list tensor_types, tensor_type_files;
    bool allow_unmatched;
    int token_embedding_type, output_tensor_type; /* tensor type ids, -1: not given */
    bool leave_output_tensor, pure;
    int search; /* 0 auto, 1 standard, 2 best */
    const char *only;
    bool lossless_only;
};
extern const struct gg_opt_group gg_opts_quant;

/* How large it may become, instead of a type: goal.h. */
struct gg_goal_opts {
    struct gg_opt_u64 target_size;
    const char *target_bpw;
    struct gg_opt_u64 fits, ctx;
    int kv_type; /* tensor type id, -1: not given */
    int min_type, max_type; /* tensor type ids, -1: not given */
    const char *allow;
    struct gg_opt_u64 sample, seed;
    const char *error_cache, *recipe_out;
};
extern const struct gg_opt_group gg_opts_goal;

/* What becomes of the metadata and of whole layers. */
struct gg_meta_opts {
    const char *prune_layers;
    struct gg_opt_list override_kv;
    const char *quantized_by;
};
extern const struct gg_opt_group gg_opts_meta;

/* How a model is cut into shards. */
struct gg_shard_opts {
    struct gg_opt_u64 max_size, max_tensors, shards;
    bool at_layers, no_tensor_first;
};
extern const struct gg_opt_group gg_opts_shards; /* for a command that does nothing else */

/* Where it goes. The shard options among them have longer names. */
struct gg_output_opts {
    const char *output;
    bool force;
    bool keep_split;
    struct gg_shard_opts shards;
    bool sha256;
};
extern const struct gg_opt_group gg_opts_output;

/* How it is worked on (the number of threads is a global option). */
struct gg_work_opts {
    struct gg_opt_u64 max_memory;
    int nonfinite; /* 0 fail, 1 zero, 2 keep-type */
    bool check_first;
};
extern const struct gg_opt_group gg_opts_work;

#endif
