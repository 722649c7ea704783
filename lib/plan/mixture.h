/* Mixtures: which type a preset gives a tensor. A table of rules and a pure function over it. */
#ifndef GG_PLAN_MIXTURE_H
#define GG_PLAN_MIXTURE_H

#include "lib/model/model.h"
#include "lib/plan/names.h"
#include "lib/plan/preset.h"

/* What the rules ask of the model. */
struct gg_mix_model {
    uint64_t n_layers;  /* block_count as stored, also when layers are pruned */
    uint64_t n_experts; /* 0 or 1: none */
    uint64_t gqa;       /* heads that share one key and value head, of layer 0; 0: unknown */
    uint64_t n_v;       /* tensors that are attention values, or hold them (QKV, KV_B) */
    bool falcon, bailingmoe3;
    bool big_gqa; /* what llama.cpp calls a 70B */
    bool tied;    /* there is no output.weight */
    bool has_imatrix;
};
/* All but n_v, tied and has_imatrix, which are the plan's. */
void gg_mix_model_from_arch(struct gg_mix_model *out, const struct gg_arch *arch);

/* What they ask of the tensor. */
struct gg_mix_tensor {
    enum gg_category category;
    uint64_t ne0, ne2;
    uint64_t layer; /* gg_name_layer */
    uint64_t i;     /* how many of its kind came before it, see gg_mix_count */
};

/* Running numbers, zero at the start: llama-quantize counts the tensors that ask the mixture, in the
 * order of gg_name_key_cmp. */
struct gg_mix_counts {
    uint64_t v, up, gate, down;
};
uint64_t gg_mix_count(struct gg_mix_counts *c, enum gg_category category);
bool gg_category_is_v(enum gg_category c);

struct gg_mix_choice {
    enum qt_type type;
    const struct gg_mix_rule *rule; /* NULL: the base type */
    uint64_t i, n;                  /* place among its kind that the rule looked at */
};
/* The type preset p (a target with a base type) gives tensor t, before shape fallbacks. */
struct gg_mix_choice gg_mix_choose(const struct gg_preset *p, const struct gg_mix_model *m,
                                   const struct gg_mix_tensor *t);
/* "attn_v, i=3 of 32 in the first eighth: Q4_K_M gives q6_K" to dst, NUL-terminated. */
void gg_mix_explain(char *dst, size_t dst_nbytes, const struct gg_preset *p,
                    const struct gg_mix_model *m, const struct gg_mix_tensor *t,
                    const struct gg_mix_choice *c);

#endif
