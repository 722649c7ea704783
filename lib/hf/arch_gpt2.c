/* Architectures: more that are GPT with other names: StarCoder, CodeShell, Refact, MPT, Qwen, JAIS, DBRX. */
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

/* ---- Qwen (1) -------------------------------------------------------------------------------- */

static const struct hf_rule qwen[] = {
    T("wte", "token_embd"),
    T("ln_f", "output_norm"),
    T("lm_head", "output"),
    T("h.{L}.ln_1", "blk.{L}.attn_norm"),
    T("h.{L}.ln_2", "blk.{L}.ffn_norm"),
    T("h.{L}.attn.c_attn", "blk.{L}.attn_qkv"),
    T("h.{L}.attn.c_proj", "blk.{L}.attn_output"),
    T("h.{L}.mlp.w1", "blk.{L}.ffn_up"),
    T("h.{L}.mlp.w2", "blk.{L}.ffn_gate"),
    T("h.{L}.mlp.c_proj", "blk.{L}.ffn_down"),
    T_END,
};

const struct hf_arch gg_hf_arch_qwen = {
    .gguf = "qwen",
    .classes = LIST("QWenLMHeadModel"),
    .rules = RULES(qwen),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};

/* ---- JAIS ------------------------------------------------------------------------------------ */

/* Scales that would be applied to what these matrices give are taken into them. */
static const struct hf_rule jais[] = {
    T("wte", "token_embd", .times = "mup_embeddings_scale|embeddings_scale"),
    T("lm_head", "output", .times = "mup_output_alpha * mup_width_scale", .when = "mup_output_alpha"),
    T("lm_head", "output", .times = "width_scale", .when = "!mup_output_alpha"),
    T("ln_f", "output_norm"),
    T_DROP("relative_pe.slopes"), /* those of the usual ALiBi */
    T_DROP("h.{L}.attn"),
    T("h.{L}.ln_1", "blk.{L}.attn_norm"),
    T("h.{L}.ln_2", "blk.{L}.ffn_norm"),
    T("h.{L}.attn.c_attn.weight", "blk.{L}.attn_qkv", .layout = "c r -> r c"),
    T("h.{L}.attn.c_attn", "blk.{L}.attn_qkv"),
    T("h.{L}.attn.c_proj.weight", "blk.{L}.attn_output", .layout = "c r -> r c"),
    T("h.{L}.attn.c_proj", "blk.{L}.attn_output"),
    T("h.{L}.mlp.c_fc.weight", "blk.{L}.ffn_up", .layout = "c r -> r c"),
    T("h.{L}.mlp.c_fc", "blk.{L}.ffn_up"),
    T("h.{L}.mlp.c_fc2.weight", "blk.{L}.ffn_gate", .layout = "c r -> r c"),
    T("h.{L}.mlp.c_fc2", "blk.{L}.ffn_gate"),
    T("h.{L}.mlp.c_proj.weight", "blk.{L}.ffn_down", .layout = "c r -> r c"),
    T("h.{L}.mlp.c_proj", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key jais_first[] = {
    K_FIXED(".attention.max_alibi_bias", F32, "8"),
    K_END,
};
static const struct hf_key jais_keys[] = {
    K_SUM(".block_count", U32, "N"),
    K_NEED(".context_length", U32, "n_positions"),
    K_NEED(".embedding_length", U32, "n_embd"),
    K_NEED(".feed_forward_length", U32, "n_inner"),
    K_NEED(".attention.head_count", U32, "n_head"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon"),
    K_END,
};

const struct hf_arch gg_hf_arch_jais = {
    .gguf = "jais",
    .classes = LIST("JAISLMHeadModel"),
    .when = "activation_function~swiglu * position_embedding_type~alibi",
    .rules = RULES(jais),
    .first_keys = jais_first,
    .keys = KEYS(jais_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};
