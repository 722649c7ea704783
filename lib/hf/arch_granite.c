/* Architectures: Granite. */
#include "lib/hf/arch.h"

static const struct hf_rule granite_moe[] = {
    T("model.layers.{L}.block_sparse_moe.router.layer", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.block_sparse_moe.input_linear", "blk.{L}.ffn_gate_exps",
      .layout = "E (2[0] r=intermediate_size) c -> E r c"),
    T("model.layers.{L}.block_sparse_moe.input_linear", "blk.{L}.ffn_up_exps",
      .layout = "E (2[1] r=intermediate_size) c -> E r c"),
    T("model.layers.{L}.block_sparse_moe.output_linear", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.shared_mlp.input_linear", "blk.{L}.ffn_gate_shexp", .when = "E",
      .layout = "(2[0] r=shared_intermediate_size) c -> r c"),
    T("model.layers.{L}.shared_mlp.input_linear", "blk.{L}.ffn_up_shexp", .when = "E",
      .layout = "(2[1] r=shared_intermediate_size) c -> r c"),
    T("model.layers.{L}.shared_mlp.input_linear", "blk.{L}.ffn_gate", .when = "!E",
      .layout = "(2[0] r=shared_intermediate_size) c -> r c"),
    T("model.layers.{L}.shared_mlp.input_linear", "blk.{L}.ffn_up", .when = "!E",
      .layout = "(2[1] r=shared_intermediate_size) c -> r c"),
    T("model.layers.{L}.shared_mlp.output_linear", "blk.{L}.ffn_down_shexp", .when = "E"),
    T("model.layers.{L}.shared_mlp.output_linear", "blk.{L}.ffn_down", .when = "!E"),
    T_END,
};

static const struct hf_key granite_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_SUM(".rope.dimension_count", U32, "hidden_size / H"),
    K(".attention.scale", F32, "attention_multiplier", .when = "attention_multiplier"),
    K(".embedding_scale", F32, "embedding_multiplier", .when = "embedding_multiplier"),
    K(".residual_scale", F32, "residual_multiplier", .when = "residual_multiplier"),
    K(".logit_scale", F32, "logits_scaling", .when = "logits_scaling"),
    K_END,
};
static const struct hf_key granite_moe_keys[] = {
    K(".expert_shared_feed_forward_length", U32, "shared_intermediate_size",
      .when = "shared_intermediate_size"),
    K_END,
};

const struct hf_arch gg_hf_arch_granite = {
    .gguf = "granite",
    .classes = LIST("GraniteForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, granite_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_granitemoe = {
    .gguf = "granitemoe",
    .classes = LIST("GraniteMoeForCausalLM", "GraniteMoeSharedForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, granite_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, granite_keys, granite_moe_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

/* ---- Granite 4: layers of attention, or of Mamba 2, or both ---------------------------------- */

static const struct hf_rule mamba[] = {
    T("model.layers.{L}.mamba.in_proj", "blk.{L}.ssm_in"),
    T("model.layers.{L}.mamba.conv1d.weight", "blk.{L}.ssm_conv1d", .layout = "c 1 k -> c k"),
    T("model.layers.{L}.mamba.conv1d", "blk.{L}.ssm_conv1d"),
    T("model.layers.{L}.mamba.dt_bias", "blk.{L}.ssm_dt.bias"),
    T("model.layers.{L}.mamba.A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP, .layout = "h -> h 1"),
    T("model.layers.{L}.mamba.D", "blk.{L}.ssm_d!", .layout = "h -> h 1"),
    T("model.layers.{L}.mamba.norm", "blk.{L}.ssm_norm", .layout = "(g=mamba_n_groups r) -> g r"),
    T("model.layers.{L}.mamba.out_proj", "blk.{L}.ssm_out"),
    T_END,
};

#define HYBRID "layer_types~mamba"
static const struct hf_key hybrid_keys[] = {
    K_NEED(".ssm.conv_kernel", U32, "mamba_d_conv"),
    K_NEED(".ssm.state_size", U32, "mamba_d_state"),
    K_NEED(".ssm.group_count", U32, "mamba_n_groups"),
    K_SUM(".ssm.inner_size", U32, "mamba_expand * hidden_size"),
    K_NEED(".ssm.time_step_rank", U32, "mamba_n_heads"),
    K_EACH(".attention.head_count_kv", I32, "num_key_value_heads * layer_types.L~attention"),
    K_SUM(".rope.scaling.finetuned", BOOL, "!" HYBRID), /* whether there is rope at all */
    K_FIXED(".context_length", U32, "1048576", .when = HYBRID),
    K_END,
};

const struct hf_arch gg_hf_arch_granitehybrid = {
    .gguf = "granitehybrid",
    .classes = LIST("GraniteMoeHybridForCausalLM"),
    .when = HYBRID,
    .rules = RULES(mamba, gg_hf_frame, gg_hf_attn_roped, granite_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, granite_keys, granite_moe_keys, hybrid_keys),
};

/* ---- Bamba ----------------------------------------------------------------------------------- */

static const struct hf_rule bamba[] = {
    T("model.final_layernorm", "output_norm"),
    T("model.layers.{L}.pre_ff_layernorm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.feed_forward.gate_proj", "blk.{L}.ffn_gate"),
    T("model.layers.{L}.feed_forward.up_proj", "blk.{L}.ffn_up"),
    T("model.layers.{L}.feed_forward.down_proj", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key bamba_keys[] = {
    K_NEED(".ssm.conv_kernel", U32, "mamba_d_conv"),
    K_NEED(".ssm.state_size", U32, "mamba_d_state"),
    K_NEED(".ssm.group_count", U32, "mamba_n_groups"),
    K_SUM(".ssm.inner_size", U32, "mamba_expand * hidden_size"),
    K_NEED(".ssm.time_step_rank", U32, "mamba_n_heads"),
    K(".rope.dimension_count", U32, "attn_rotary_emb"),
    K_EACH(".attention.head_count_kv", I32, "num_key_value_heads * attn_layer_indices~L",
           .when = "attn_layer_indices"),
    K_EACH(".attention.head_count_kv", I32, "num_key_value_heads * (L % attn_layer_period = attn_layer_offset)",
           .when = "!attn_layer_indices"),
    K_FIXED(".rope.scaling.finetuned", BOOL, "true"), /* whether there is rope at all */
    K_END,
};

const struct hf_arch gg_hf_arch_bamba = {
    .gguf = "granitehybrid",
    .classes = LIST("BambaForCausalLM"),
    .rules = RULES(bamba, mamba, gg_hf_frame, gg_hf_attn_roped),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, granite_keys, granite_moe_keys, bamba_keys),
};

/* ---- Granite with sliding windows ------------------------------------------------------------ */

static const struct hf_rule sinks[] = {
    T("model.layers.{L}.self_attn.sinks", "blk.{L}.attn_sinks"),
    T_END,
};
static const struct hf_rule swa_moe[] = { /* gates stay beside what they gate */
    T("model.layers.{L}.block_sparse_moe.router.layer", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.block_sparse_moe.experts.gate_up_proj", "blk.{L}.ffn_gate_up_exps"),
    T("model.layers.{L}.block_sparse_moe.experts.down_proj", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.block_sparse_moe.input_linear", "blk.{L}.ffn_gate_up_exps"),
    T("model.layers.{L}.block_sparse_moe.output_linear", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.shared_mlp.input_linear", "blk.{L}.ffn_up_shexp"),
    T("model.layers.{L}.shared_mlp.output_linear", "blk.{L}.ffn_down_shexp"),
    T_END,
};
static const struct hf_key swa_keys[] = {
    K(".attention.sliding_window", U32, "sliding_window", .fallback = "128"),
    K(".attention.sliding_window_pattern", BOOL, "sliding_attention", .what = HF_LAYERS, .when = "layer_types"),
    K_EACH(".attention.sliding_window_pattern", BOOL, "L % 4", .when = "!layer_types"),
    K_EACH(".attention.rope_pattern", BOOL, "no_rope_layers.L", .when = "no_rope_layers"),
    K_END,
};

const struct hf_arch gg_hf_arch_granite_swa = {
    .gguf = "granite_swa",
    .classes = LIST("GraniteSWAForCausalLM"),
    .rules = RULES(sinks, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, granite_keys, swa_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_granite_moe_swa = {
    .gguf = "granite_swa",
    .classes = LIST("GraniteMoeSWAForCausalLM"),
    .rules = RULES(sinks, swa_moe, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, granite_keys, swa_keys, granite_moe_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_granite4_moe = {
    .gguf = "granitemoe",
    .classes = LIST("GraniteMoeHybridForCausalLM"),
    .when = "num_experts_per_tok",
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, granite_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, granite_keys, granite_moe_keys, hybrid_keys),
    .flags = HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_granite4 = {
    .gguf = "granite",
    .classes = LIST("GraniteMoeHybridForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, granite_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, granite_keys, granite_moe_keys, hybrid_keys),
    .flags = HF_LLAMA3_ROPE,
};
