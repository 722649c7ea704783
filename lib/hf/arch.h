/* Shared by the tables of architectures, one file a family; arch.c says how to add one. */
#ifndef GG_HF_ARCH_H
#define GG_HF_ARCH_H

#include "lib/hf/hf_impl.h"

#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}
#define RULES(...) (const struct hf_rule *const[]){__VA_ARGS__, NULL}
#define KEYS(...) (const struct hf_key *const[]){__VA_ARGS__, NULL}

/* Rows of tables: a stored tensor to its GGUF name, with what else the rule says (.how = ...); one that is
 * not wanted; the end. */
#define T(from, ...) {.hf = from, .gguf = __VA_ARGS__}
#define T_DROP(from) {.hf = from, .how = HF_DROP}
#define T_END {.hf = NULL}
/* A key, its type, the names it may have in config.json; one that must be there; a sum that must have all
 * its numbers; a value whatever config.json says; a block of several; the end. */
#define K(name, vtype, ...) {.key = name, .type = GGF_##vtype, .from = __VA_ARGS__}
#define K_NEED(name, vtype, ...) {.key = name, .type = GGF_##vtype, .fallback = "!", .from = __VA_ARGS__}
#define K_SUM(name, vtype, ...) \
    {.key = name, .type = GGF_##vtype, .what = HF_EXPR, .fallback = "!", .from = __VA_ARGS__}
#define K_FIXED(name, vtype, ...) {.key = name, .type = GGF_##vtype, .what = HF_CONST, .fallback = __VA_ARGS__}
#define K_BLOCK(of) {.what = of}
#define K_END {.key = NULL}

/* All architectures, in the order they are named in; the first of a GGUF name gives names back. */
#define HF_ARCHS(X) \
    X(llama) X(smollm3) \
    X(qwen2) X(qwen2moe) X(qwen3) X(qwen3moe) \
    X(gemma) X(gemma2) X(gemma3) \
    X(phi3)

#define ROW(name) extern const struct hf_arch gg_hf_arch_##name;
HF_ARCHS(ROW)
#undef ROW

/* arch_common.c */
extern const struct hf_rule gg_hf_frame[];
extern const struct hf_rule gg_hf_attn[];
extern const struct hf_rule gg_hf_attn_roped[];
extern const struct hf_rule gg_hf_qk_norm[];
extern const struct hf_rule gg_hf_mlp[];
extern const struct hf_key gg_hf_base_keys[];
extern const struct hf_key gg_hf_llama_keys[];
extern const struct hf_key gg_hf_moe_keys[];

#endif
