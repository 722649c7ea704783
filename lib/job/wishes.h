/* Wishes: from parsed options to what a plan asks for. */
#ifndef GG_JOB_WISHES_H
#define GG_JOB_WISHES_H

#include "lib/base/arena.h"
#include "lib/job/opts.h"
#include "lib/plan/plan.h"

/* Owns all that `plan` points to: patterns, lists, the importance matrix, metadata. */
struct gg_wishes {
    struct gg_plan_wishes plan;
    struct gg_imatrix *imatrix; /* NULL: none */
    struct gg_arena arena;
    struct gg_pattern **patterns;
    size_t n_patterns;
    struct ggf_meta *override_kv;
};

/* Reads the options, opens the importance matrix and rule files. Each option struct may be NULL. The
 * model decides the width of "int" and "float" in --override-kv: that of the key it has, else u32 (i32
 * for a negative number) and f32, as llama-quantize stores them. Errors: GG_ERR_ARG naming option and
 * value; those of the files. */
GG_MUST_CHECK int gg_wishes_new(struct gg_wishes **out, const struct gg_model *model,
                                const struct gg_quant_opts *quant, const struct gg_meta_opts *meta,
                                const struct gg_output_opts *output, struct gg_err *err);
void gg_wishes_free(struct gg_wishes *w); /* takes NULL */
/* What shard options ask for; prefix: what stands before the names of the sizes, "split-" or "".
 * GG_ERR_ARG for options that contradict each other, or mean nothing without one that cuts. */
GG_MUST_CHECK int gg_wishes_take_shards(struct gg_plan_wishes *w, const struct gg_shard_opts *o,
                                        const char *prefix, struct gg_err *err);

/* ---- targets ------------------------------------------------------------------------------ */

/* What --type and --output say together: n outputs. */
struct gg_targets {
    const struct gg_preset **presets;
    const char **names; /* what each is called: the preset's name, or "auto" */
    const char **paths; /* where each goes; NULL for all when there is no output */
    size_t n;
    struct gg_arena arena;
};

/* types: preset names, or "auto" for COPY, set apart by commas; NULL: one output,
 * "solved", whose types a size decides (goal.h). output: a path in which {type} stands for the preset's
 * name, needed when there are several; NULL: none is wanted (a dry run). Errors: GG_ERR_ARG for an
 * unknown type (naming the nearest), one given twice, outputs that would be the same file. */
GG_MUST_CHECK int gg_targets_parse(struct gg_targets *out, const char *types, const char *output,
                                   struct gg_err *err);
void gg_targets_free(struct gg_targets *t);

#endif
