/* Architectures of GPT's kind that write code: StarCoder, CodeShell, Refact. */
#include "lib/hf/arch.h"

/* ---- StarCoder, CodeShell -------------------------------------------------------------------- */

static const struct hf_rule bigcode[] = {
    T("wte", "token_embd"),
    T("wpe", "position_embd"),
    T("ln_f", "output_norm"),
    T("lm_head", "output"),
    T_DROP("h.{L}.attn.rotary_emb.inv_freq"),
    T_DROP("h.{L}.attn"), /* .bias: the causal mask */
    T("h.{L}.ln_1", "blk.{L}.attn_norm"),
    T("h.{L}.ln_2", "blk.{L}.ffn_norm"),
    T("h.{L}.attn.c_attn", "blk.{L}.attn_qkv"),
    T("h.{L}.attn.c_proj", "blk.{L}.attn_output"),
    T("h.{L}.mlp.c_fc", "blk.{L}.ffn_up"),
    T("h.{L}.mlp.c_proj", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key bigcode_sizes[] = {
    K_NEED(".context_length", U32, "n_positions"),
    K_NEED(".embedding_length", U32, "n_embd"),
    K_SUM(".feed_forward_length", U32, "4 * n_embd"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".attention.head_count", U32, "n_head"),
    K_END,
};
static const struct hf_key starcoder_keys[] = {
    K_FIXED(".attention.head_count_kv", U32, "1"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon"),
    K_END,
};
static const struct hf_key codeshell_keys[] = {
    K_NEED(".attention.head_count_kv", U32, "num_query_groups"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon"),
    K_BLOCK(HF_FILE_TYPE),
    K_FIXED(".rope.freq_base", F32, "10000"),
    K_FIXED(".rope.scaling.type", STR, "linear"),
    K_FIXED(".rope.scaling.factor", F32, "1"),
    K_END,
};

const struct hf_arch gg_hf_arch_starcoder = {
    .gguf = "starcoder",
    .classes = LIST("GPTBigCodeForCausalLM"),
    .rules = RULES(bigcode),
    .keys = KEYS(bigcode_sizes, starcoder_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};

const struct hf_arch gg_hf_arch_codeshell = {
    .gguf = "codeshell",
    .classes = LIST("CodeShellForCausalLM"),
    .rules = RULES(bigcode),
    .keys = KEYS(bigcode_sizes, codeshell_keys),
    .prefixes = LIST("transformer."),
};

/* ---- Refact ---------------------------------------------------------------------------------- */

#define REFACT_FF "256 * int((int(8 * n_embd / 3) + 255) / 256)"
static const struct hf_rule refact[] = {
    T("h.{L}.attn.q", "blk.{L}.attn_q"),
    T("h.{L}.attn.kv", "blk.{L}.attn_k", .layout = "(2[0] r) * -> r *"),
    T("h.{L}.attn.kv", "blk.{L}.attn_v", .layout = "(2[1] r) * -> r *"),
    T("h.{L}.mlp.gate_up_proj", "blk.{L}.ffn_gate", .layout = "r[0:" REFACT_FF "] * -> r *"),
    T("h.{L}.mlp.gate_up_proj", "blk.{L}.ffn_up", .layout = "r[" REFACT_FF ":] * -> r *"),
    T_END,
};
static const struct hf_key refact_keys[] = {
    K_NEED(".context_length", U32, "n_positions"),
    K_NEED(".embedding_length", U32, "n_embd"),
    K_SUM(".feed_forward_length", U32, REFACT_FF),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".attention.head_count", U32, "n_head"),
    K_FIXED(".attention.head_count_kv", U32, "1"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "layer_norm_epsilon"),
    K_END,
};

const struct hf_arch gg_hf_arch_refact = {
    .gguf = "refact",
    .classes = LIST("GPTRefactForCausalLM"),
    .rules = RULES(refact, bigcode),
    .keys = KEYS(refact_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};
