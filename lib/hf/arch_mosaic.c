/* Architectures of MosaicML: MPT, DBRX. */
#include "lib/hf/arch.h"

/* ---- MPT ------------------------------------------------------------------------------------- */

static const struct hf_rule mpt[] = {
    T("wte", "token_embd"),
    T("norm_f", "output_norm"),
    T("lm_head", "output"),
    T("blocks.{L}.norm_1", "blk.{L}.attn_norm"),
    T("blocks.{L}.norm_2", "blk.{L}.ffn_norm"),
    T("blocks.{L}.attn.Wqkv", "blk.{L}.attn_qkv"),
    T("blocks.{L}.attn.q_ln", "blk.{L}.attn_q_norm"),
    T("blocks.{L}.attn.k_ln", "blk.{L}.attn_k_norm"),
    T("blocks.{L}.attn.out_proj", "blk.{L}.attn_output"),
    T("blocks.{L}.ffn.up_proj", "blk.{L}.ffn_up"),
    T("blocks.{L}.ffn.down_proj", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key mpt_keys[] = {
    K_NEED(".context_length", U32, "max_seq_len"),
    K_NEED(".embedding_length", U32, "d_model"),
    K_SUM(".block_count", U32, "N"),
    K_SUM(".feed_forward_length", U32, "4 * d_model"),
    K_NEED(".attention.head_count", U32, "n_heads"),
    K(".attention.head_count_kv", U32, "attn_config.kv_n_heads"),
    K_FIXED(".attention.layer_norm_epsilon", F32, "1e-5"),
    K(".attention.clamp_kqv", F32, "attn_config.clip_qkv"),
    K_NEED(".attention.max_alibi_bias", F32, "attn_config.alibi_bias_max", .when = "attn_config.alibi"),
    K_FIXED(".attention.max_alibi_bias", F32, "0", .when = "!attn_config.alibi"),
    K_END,
};

const struct hf_arch gg_hf_arch_mpt = {
    .gguf = "mpt",
    .classes = LIST("MPTForCausalLM"),
    .rules = RULES(mpt),
    .keys = KEYS(mpt_keys),
    .prefixes = LIST("transformer."),
};

/* ---- DBRX ------------------------------------------------------------------------------------ */

#define DBRX_E "(e=ffn_config.moe_num_experts r) c"
static const struct hf_rule dbrx[] = {
    T("wte", "token_embd"),
    T("norm_f", "output_norm"),
    T("lm_head", "output"),
    T("blocks.{L}.norm_attn_norm.norm_1", "blk.{L}.attn_norm"),
    T("blocks.{L}.norm_attn_norm.norm_2", "blk.{L}.attn_output_norm"),
    T("blocks.{L}.norm_attn_norm.attn.Wqkv", "blk.{L}.attn_qkv"),
    T("blocks.{L}.norm_attn_norm.attn.out_proj", "blk.{L}.attn_output"),
    T("blocks.{L}.ffn.router.layer", "blk.{L}.ffn_gate_inp", .as = HF_AS_WEIGHT),
    T("blocks.{L}.ffn.experts.mlp.w1", "blk.{L}.ffn_gate_exps", .layout = DBRX_E " -> e r c"),
    T("blocks.{L}.ffn.experts.mlp.v1", "blk.{L}.ffn_up_exps", .layout = DBRX_E " -> e r c"),
    T("blocks.{L}.ffn.experts.mlp.w2", "blk.{L}.ffn_down_exps", .layout = DBRX_E " -> e c r"),
    T_END,
};
static const struct hf_key dbrx_keys[] = {
    K_SUM(".block_count", U32, "N"),
    K_NEED(".context_length", U32, "max_seq_len"),
    K_NEED(".embedding_length", U32, "d_model"),
    K_NEED(".feed_forward_length", U32, "ffn_config.ffn_hidden_size"),
    K_NEED(".attention.head_count", U32, "n_heads"),
    K_NEED(".attention.head_count_kv", U32, "attn_config.kv_n_heads"),
    K_NEED(".rope.freq_base", F32, "attn_config.rope_theta"),
    K_NEED(".attention.clamp_kqv", F32, "attn_config.clip_qkv"),
    K_NEED(".expert_count", U32, "ffn_config.moe_num_experts"),
    K_NEED(".expert_used_count", U32, "ffn_config.moe_top_k"),
    K_FIXED(".attention.layer_norm_epsilon", F32, "1e-5"),
    K_END,
};

const struct hf_arch gg_hf_arch_dbrx = {
    .gguf = "dbrx",
    .classes = LIST("DbrxForCausalLM"),
    .rules = RULES(dbrx),
    .keys = KEYS(dbrx_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};
