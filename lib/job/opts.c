#include "lib/job/opts.h"

#define QUANT(member)  offsetof(struct gg_quant_opts, member)
#define GOAL(member)   offsetof(struct gg_goal_opts, member)
#define META(member)   offsetof(struct gg_meta_opts, member)
#define OUTPUT(member) offsetof(struct gg_output_opts, member)
#define WORK(member)   offsetof(struct gg_work_opts, member)

/* In the order of enum gg_missing_policy. */
static const char *const missing_choices[] = {"auto", "fail", "warn", NULL};
static const char *const search_choices[] = {"auto", "standard", "best", NULL};
static const char *const nonfinite_choices[] = {"fail", "zero", "keep-type", NULL};

static const struct gg_opt quant_opts[] = {
    {.name = "imatrix", .kind = GG_OPT_PATH, .dest = QUANT(imatrix), .arg = "FILE",
     .help = "weigh errors by this importance matrix (GGUF or legacy, told by content)",
     .complete = GG_COMPLETE_FILE},
    {.name = "include-weights", .kind = GG_OPT_LIST, .dest = QUANT(include_weights), .arg = "NAME",
     .help = "use the importance matrix only for tensors whose name holds NAME; repeatable",
     .complete = GG_COMPLETE_TENSOR},
    {.name = "exclude-weights", .kind = GG_OPT_LIST, .dest = QUANT(exclude_weights), .arg = "NAME",
     .help = "do not use it for tensors whose name holds NAME; repeatable",
     .complete = GG_COMPLETE_TENSOR},
    {.name = "imatrix-missing", .kind = GG_OPT_CHOICE, .dest = QUANT(imatrix_missing), .arg = "WHAT",
     .help = "when a tensor lacks weights: auto refuses where the type cannot do without",
     .choices = missing_choices},
    {.name = "tensor-type", .kind = GG_OPT_LIST, .dest = QUANT(tensor_types), .arg = "REGEX=TYPE",
     .help = "type of the tensors a regular expression finds; repeatable, the first match wins",
     .complete = GG_COMPLETE_TENSOR},
    {.name = "tensor-type-file", .kind = GG_OPT_LIST, .dest = QUANT(tensor_type_files), .arg = "FILE",
     .help = "read such rules from a file, set apart by blanks or lines; # begins a comment",
     .complete = GG_COMPLETE_FILE},
    {.name = "allow-unmatched", .kind = GG_OPT_FLAG, .dest = QUANT(allow_unmatched),
     .help = "a rule that decides no tensor is a warning, not an error"},
    {.name = "token-embedding-type", .kind = GG_OPT_TYPE, .dest = QUANT(token_embedding_type),
     .arg = "TYPE", .help = "type of the token embedding", .complete = GG_COMPLETE_QTYPE},
    {.name = "output-tensor-type", .kind = GG_OPT_TYPE, .dest = QUANT(output_tensor_type),
     .arg = "TYPE", .help = "type of output.weight", .complete = GG_COMPLETE_QTYPE},
    {.name = "leave-output-tensor", .kind = GG_OPT_FLAG, .dest = QUANT(leave_output_tensor),
     .help = "copy output.weight as it is"},
    {.name = "pure", .kind = GG_OPT_FLAG, .dest = QUANT(pure),
     .help = "no mixture: every tensor gets the preset's base type"},
    {.name = "search", .kind = GG_OPT_CHOICE, .dest = QUANT(search), .arg = "LEVEL",
     .help = "how hard to look for scales and levels: standard gives llama-quantize's bytes, best "
             "smaller errors in the same size; auto is best where a size is given instead of a type",
     .choices = search_choices},
    {.name = "only", .kind = GG_OPT_STRING, .dest = QUANT(only), .arg = "PATTERN",
     .help = "encode just the tensors whose name matches (glob, or re:REGEX), copy the rest",
     .complete = GG_COMPLETE_TENSOR},
    {.name = "lossless-only", .kind = GG_OPT_FLAG, .dest = QUANT(lossless_only),
     .help = "refuse every step that could change a value"},
    GG_OPT_END,
};
const struct gg_opt_group gg_opts_quant = {"Types", quant_opts};

static const struct gg_opt goal_opts[] = {
    {.name = "target-size", .kind = GG_OPT_SIZE, .dest = GOAL(target_size), .arg = "SIZE",
     .help = "choose types so that the output has at most SIZE (4.2G, 3900MiB), header and all, and the "
             "least error", .min = 1, .max = INT64_MAX},
    {.name = "target-bpw", .kind = GG_OPT_STRING, .dest = GOAL(target_bpw), .arg = "BITS",
     .help = "the same, of at most BITS (4.25) a weight of tensor data"},
    {.name = "fits", .kind = GG_OPT_SIZE, .dest = GOAL(fits), .arg = "SIZE",
     .help = "the same, so that it runs in SIZE of memory: weights, cache and buffers", .min = 1,
     .max = INT64_MAX},
    {.name = "ctx", .kind = GG_OPT_U64, .dest = GOAL(ctx), .arg = "N",
     .help = "with --fits: the context in tokens; as trained by default", .min = 1, .max = UINT32_MAX},
    {.name = "kv-type", .kind = GG_OPT_TYPE, .dest = GOAL(kv_type), .arg = "TYPE",
     .help = "with --fits: type of the cached keys and values; f16 by default",
     .complete = GG_COMPLETE_QTYPE},
    {.name = "min-type", .kind = GG_OPT_TYPE, .dest = GOAL(min_type), .arg = "TYPE",
     .help = "choose no type of fewer bits a weight", .complete = GG_COMPLETE_QTYPE},
    {.name = "max-type", .kind = GG_OPT_TYPE, .dest = GOAL(max_type), .arg = "TYPE",
     .help = "choose no type of more bits a weight", .complete = GG_COMPLETE_QTYPE},
    {.name = "allow", .kind = GG_OPT_STRING, .dest = GOAL(allow), .arg = "TYPE[,TYPE...]",
     .help = "choose among these types only", .complete = GG_COMPLETE_QTYPE},
    {.name = "sample", .kind = GG_OPT_U64, .dest = GOAL(sample), .arg = "ROWS",
     .help = "measure errors on so many rows of each matrix, evenly strewn, instead of all", .min = 2,
     .max = UINT32_MAX},
    {.name = "seed", .kind = GG_OPT_U64, .dest = GOAL(seed), .arg = "N",
     .help = "which rows --sample takes; 0 by default", .max = UINT64_MAX},
    {.name = "error-cache", .kind = GG_OPT_PATH, .dest = GOAL(error_cache), .arg = "FILE",
     .help = "keep measured errors in FILE, so that the next size takes no time",
     .complete = GG_COMPLETE_FILE},
    {.name = "recipe-out", .kind = GG_OPT_PATH, .dest = GOAL(recipe_out), .arg = "FILE",
     .help = "write what was chosen as a file for --tensor-type-file", .complete = GG_COMPLETE_FILE},
    GG_OPT_END,
};
const struct gg_opt_group gg_opts_goal = {"Size", goal_opts};

static const struct gg_opt meta_opts[] = {
    {.name = "prune-layers", .kind = GG_OPT_STRING, .dest = META(prune_layers), .arg = "LIST",
     .help = "drop these layers (0,1,5) and number the others anew"},
    {.name = "override-kv", .kind = GG_OPT_LIST, .dest = META(override_kv), .arg = "KEY=TYPE:VALUE",
     .help = "set a metadata key (int, float, bool, str, or u8 to f64); repeatable",
     .complete = GG_COMPLETE_KEY},
    {.name = "quantized-by", .kind = GG_OPT_STRING, .dest = META(quantized_by), .arg = "NAME",
     .help = "set general.quantized_by"},
    GG_OPT_END,
};
const struct gg_opt_group gg_opts_meta = {"Metadata", meta_opts};

/* The shard options, whose sizes have names of their own in each group. */
#define SHARD(base, member) (base) + offsetof(struct gg_shard_opts, member)
#define SHARD_ROWS(max_size_, max_tensors_, base)                                                   \
    {.name = max_size_, .kind = GG_OPT_SIZE, .dest = SHARD(base, max_size), .arg = "SIZE",          \
     .help = "shards of at most SIZE bytes (2G, 500MiB), headers included", .min = 1,              \
     .max = UINT64_MAX},                                                                           \
    {.name = max_tensors_, .kind = GG_OPT_U64, .dest = SHARD(base, max_tensors), .arg = "N",        \
     .help = "shards of at most N tensors", .min = 1, .max = UINT64_MAX},                          \
    {.name = "shards", .kind = GG_OPT_U64, .dest = SHARD(base, shards), .arg = "N",                 \
     .help = "just N shards, of about equal size", .min = 1, .max = UINT16_MAX},                   \
    {.name = "at-layers", .kind = GG_OPT_FLAG, .dest = SHARD(base, at_layers),                      \
     .help = "cut only between layers"},                                                           \
    {.name = "no-tensor-first", .kind = GG_OPT_FLAG, .dest = SHARD(base, no_tensor_first),          \
     .help = "leave the first shard to the metadata"}

static const struct gg_opt shard_opts[] = {
    SHARD_ROWS("max-size", "max-tensors", 0),
    /* llama-gguf-split's names */
    {.name = "split-max-size", .kind = GG_OPT_SIZE, .dest = SHARD(0, max_size), .arg = "SIZE",
     .help = "as --max-size", .min = 1, .max = UINT64_MAX, .hidden = true},
    {.name = "split-max-tensors", .kind = GG_OPT_U64, .dest = SHARD(0, max_tensors), .arg = "N",
     .help = "as --max-tensors", .min = 1, .max = UINT64_MAX, .hidden = true},
    {.name = "no-tensor-first-split", .kind = GG_OPT_FLAG, .dest = SHARD(0, no_tensor_first),
     .help = "as --no-tensor-first", .hidden = true},
    GG_OPT_END,
};
const struct gg_opt_group gg_opts_shards = {"Shards", shard_opts};

static const struct gg_opt output_opts[] = {
    {.name = "output", .letter = 'o', .kind = GG_OPT_PATH, .dest = OUTPUT(output), .arg = "FILE",
     .help = "write to FILE; {type} stands for the preset's name; - is standard output",
     .complete = GG_COMPLETE_GGUF},
    {.name = "force", .kind = GG_OPT_FLAG, .dest = OUTPUT(force), .help = "replace existing files"},
    {.name = "keep-split", .kind = GG_OPT_FLAG, .dest = OUTPUT(keep_split),
     .help = "shards as in the input"},
    SHARD_ROWS("split-max-size", "split-max-tensors", OUTPUT(shards)),
    {.name = "sha256", .kind = GG_OPT_FLAG, .dest = OUTPUT(sha256),
     .help = "also write OUT.sha256, as sha256sum does, from the same pass"},
    GG_OPT_END,
};
const struct gg_opt_group gg_opts_output = {"Output", output_opts};

static const struct gg_opt work_opts[] = {
    {.name = "max-memory", .kind = GG_OPT_SIZE, .dest = WORK(max_memory), .arg = "SIZE",
     .help = "cap on the memory for data; 128MiB by default", .min = 1, .max = UINT64_MAX},
    {.name = "nonfinite", .kind = GG_OPT_CHOICE, .dest = WORK(nonfinite), .arg = "WHAT",
     .help = "a NaN, an infinity, an overflowing scale: fail, write zero, or keep-type of the tensor",
     .choices = nonfinite_choices},
    {.name = "check-first", .kind = GG_OPT_FLAG, .dest = WORK(check_first),
     .help = "look through all data for NaN and infinity before anything is written"},
    GG_OPT_END,
};
const struct gg_opt_group gg_opts_work = {"Work", work_opts};
