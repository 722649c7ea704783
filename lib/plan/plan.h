/* Plan: a pure function from metadata and wishes to what will be written.
 *
 * For each output and each tensor: copy bytes, encode to a type, or drop, with the reason in words;
 * from that every size and offset of every file, before the first byte is written. Nothing is read
 * but metadata (and the importance matrix, which the caller has opened).
 */
#ifndef GG_PLAN_H
#define GG_PLAN_H

#include "lib/base/finding.h"
#include "lib/model/model.h"
#include "lib/plan/imatrix.h"
#include "lib/plan/preset.h"

/* ---- wishes ------------------------------------------------------------------------------- */

struct gg_pattern;

struct gg_type_rule { /* --tensor-type PATTERN=TYPE */
    struct gg_pattern *pattern;
    const char *text;  /* as given, for messages */
    enum qt_type type;
    size_t n_hits;     /* filled by gg_plan_new: tensors whose type this rule decided, all outputs */
};

enum gg_missing_policy { GG_MISSING_AUTO, GG_MISSING_FAIL, GG_MISSING_WARN };

/* Wishes that all outputs of a run share. The caller owns everything pointed to, and keeps it alive
 * as long as the plan. */
struct gg_plan_wishes {
    struct gg_type_rule *rules;
    size_t n_rules;
    bool allow_unmatched; /* a rule without a hit is an error otherwise */
    enum qt_type token_embedding_type, output_tensor_type; /* QT_NONE: by preset */
    bool leave_output_tensor;
    bool pure;
    /* By output, then by tensor of the model: the type chosen elsewhere (target.h) where no explicit
     * option decides, QT_NONE: the tensor is copied. NULL: the preset chooses. */
    const uint32_t *const *types;
    const struct gg_pattern *only; /* NULL: all; else tensors that don't match are copied */
    const bool *keep; /* by tensor of the model: copied, since its values fit no other type; or NULL */
    const uint64_t *prune_layers;
    size_t n_prune_layers;
    const struct gg_imatrix *imatrix; /* NULL: none */
    const struct gg_pattern *const *include_weights, *const *exclude_weights; /* NULL-terminated */
    enum gg_missing_policy imatrix_missing;
    const struct ggf_meta *override_kv; /* set last, over everything; NULL: none */
    const char *quantized_by;           /* general.quantized_by; NULL: as it was */
    bool lossless_only; /* refuse an encoding that is not a plain widening */
    bool keep_split;
    uint64_t split_max_nbytes, split_max_tensors; /* 0: no limit; header counts for nbytes */
    uint64_t n_shards;    /* exactly so many, 0: as few as the limits allow; see shards.h */
    bool at_layers;       /* no layer is cut in two */
    bool no_tensor_first; /* the first shard holds metadata alone */
    bool always_sharded;  /* names and keys of a shard set also when one file does */
    bool big_endian; /* byte order of the outputs, headers and data */
};

/* Wishes start from this: zero would ask for F32 embeddings. */
#define GG_PLAN_WISHES_INIT {.token_embedding_type = QT_NONE, .output_tensor_type = QT_NONE}

/* ---- the plan ----------------------------------------------------------------------------- */

enum gg_action {
    GG_COPY,   /* bytes as they are */
    GG_ENCODE, /* decode, encode to `to` */
};

struct gg_plan_tensor {
    size_t src;           /* index into model->tensors */
    struct ggf_str name;  /* in the output: differs after --prune-layers */
    enum gg_action action;
    uint32_t from, to;    /* type ids */
    const char *reason;   /* a phrase: "attn_v: more bits in the first eighth (Q4_K_M)" */
    const struct gg_weights *weights; /* ne0 for each of n_weight_mats matrices; or NULL */
    uint64_t n_weight_mats;           /* 1, or ne2 * ne3 (expert e's begin at e*ne0) */
    bool fallback;          /* the wanted type did not fit the row width */
    bool rule;              /* decided by --tensor-type or another explicit option */
    bool chosen;            /* decided by the wishes' types */
    size_t file;            /* index into the output's files */
    uint64_t off;           /* of the data, from the start of that file */
    uint64_t nbytes;
};

struct gg_plan_file {
    struct ggf_layout *layout;
    size_t first_tensor, n_tensors; /* consecutive in the output's tensor list */
    uint64_t nbytes;
};

struct gg_plan_output {
    const struct gg_preset *preset; /* what was asked for; the row of COPY for NULL: never NULL */
    struct ggf_meta *meta;          /* of the first file */
    struct gg_plan_tensor *tensors; /* in the order they are written */
    size_t n_tensors;
    struct gg_plan_file *files;
    size_t n_files;
    bool sharded;    /* the files carry the names and keys of a shard set */
    uint64_t nbytes; /* of all files */
};

struct gg_plan {
    struct gg_plan_output *outputs;
    size_t n_outputs;
    bool big_endian; /* all of them */
    struct gg_findings findings; /* importance-matrix coverage, fallbacks, unmatched rules... */
    struct gg_arena *arena;      /* owns names, reasons, tables */
};

/* Plans one output for each of the n presets; NULL is COPY, under which explicit options (rules,
 * token_embedding_type, output_tensor_type) still change what they name. plan->findings is complete
 * also on failure when *out is not NULL (it is NULL when the plan ended early), so that all findings
 * can be shown at once; faults among them fail the plan with
 * GG_ERR_ARG (an unmatched rule, a lossy step under lossless_only, no importance matrix where one is
 * needed), GG_ERR_CORRUPT (an importance matrix that does not fit) or GG_ERR_UNSUPPORTED (a type we
 * cannot encode). With for_dry_run, types we cannot encode and missing importance weights are
 * GG_WARN, and nothing fails for them.
 *
 * Tensors stand in each output in the order of the model; choices are llama-quantize's of 2026-08-21
 * whatever that order is (mixture.c). Names in rules, `only` and the plan are those of the output;
 * importance entries are looked up under the model's. Model and wishes outlive the plan. */
GG_MUST_CHECK int gg_plan_new(struct gg_plan **out, const struct gg_model *model,
                              const struct gg_preset *const *presets, size_t n,
                              struct gg_plan_wishes *wishes, bool for_dry_run, struct gg_err *err);
void gg_plan_free(struct gg_plan *p);

#endif
