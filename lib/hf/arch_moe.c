/* Architectures: with experts: Arctic, GroveMoE, Trinity (AFMoE), SmallThinker, Mellum, Step 3.5, MiMo V2. */
#include "lib/hf/arch.h"

/* ---- Arctic: a dense part beside the experts ------------------------------------------------- */

static const struct hf_rule arctic[] = {
    T("model.layers.{L}.residual_layernorm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm_exps"),
    T("model.layers.{L}.residual_mlp.w1", "blk.{L}.ffn_gate"),
    T("model.layers.{L}.residual_mlp.w2", "blk.{L}.ffn_down"),
    T("model.layers.{L}.residual_mlp.w3", "blk.{L}.ffn_up"),
    T_END,
};
static const struct hf_key arctic_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_SUM(".rope.dimension_count", U32, "int(hidden_size / H)"),
    K_END,
};

const struct hf_arch gg_hf_arch_arctic = {
    .gguf = "arctic",
    .classes = LIST("ArcticForCausalLM"),
    .rules = RULES(arctic, gg_hf_frame, gg_hf_attn_roped, gg_hf_mixtral_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, arctic_keys),
};

/* ---- GroveMoE: experts in pairs, a small one for each pair ----------------------------------- */

static const struct hf_rule grovemoe[] = {
    T_DROP("model.layers.{L}.mlp.*expert_bias"), /* not used */
    T("model.layers.{L}.mlp.chunk_experts.{E}.down_proj", "blk.{L}.ffn_down_chexps", .count = "E / 2"),
    T("model.layers.{L}.mlp.chunk_experts.{E}.gate_proj", "blk.{L}.ffn_gate_chexps", .count = "E / 2"),
    T("model.layers.{L}.mlp.chunk_experts.{E}.up_proj", "blk.{L}.ffn_up_chexps", .count = "E / 2"),
    T_END,
};
static const struct hf_key grovemoe_keys[] = {
    K(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    /* stated in the code of the model alone */
    K(".expert_chunk_feed_forward_length", U32, "head_dim", .fallback = "128"),
    K_FIXED(".experts_per_group", U32, "2"),
    K_FIXED(".expert_group_scale", F32, "0.05"),
    K_END,
};

const struct hf_arch gg_hf_arch_grovemoe = {
    .gguf = "grovemoe",
    .classes = LIST("GroveMoeForCausalLM", "modeling_grove_moe.GroveMoeForCausalLM"),
    .rules = RULES(grovemoe, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, grovemoe_keys),
};

/* ---- Trinity (AFMoE) ------------------------------------------------------------------------- */

static const struct hf_rule afmoe[] = {
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T("model.layers.{L}.pre_mlp_layernorm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.post_mlp_layernorm", "blk.{L}.post_ffw_norm"),
    T("model.layers.{L}.self_attn.gate_proj", "blk.{L}.attn_gate"),
    T("model.layers.{L}.mlp.router.gate", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.mlp.expert_bias", "blk.{L}.exp_probs_b.bias"),
    T_END,
};
static const struct hf_key afmoe_keys[] = {
    K(".expert_shared_count", U32, "num_shared_experts"),
    K(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K(".leading_dense_block_count", U32, "num_dense_layers"),
    K(".expert_weights_norm", BOOL, "route_norm"),
    K(".expert_weights_scale", F32, "route_scale"),
    K(".attention.sliding_window", U32, "sliding_window"),
    K_END,
};

const struct hf_arch gg_hf_arch_afmoe = {
    .gguf = "afmoe",
    .classes = LIST("AfmoeForCausalLM"),
    .rules = RULES(afmoe, gg_hf_gate_up_down, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys, afmoe_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

/* ---- SmallThinker, Mellum -------------------------------------------------------------------- */

#define SMALL_E .count = "moe_num_primary_experts|E"
static const struct hf_rule smallthinker[] = {
    T("model.layers.{L}.block_sparse_moe.primary_router", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.block_sparse_moe.experts.{E}.down", "blk.{L}.ffn_down_exps", SMALL_E),
    T("model.layers.{L}.block_sparse_moe.experts.{E}.gate", "blk.{L}.ffn_gate_exps", SMALL_E),
    T("model.layers.{L}.block_sparse_moe.experts.{E}.up", "blk.{L}.ffn_up_exps", SMALL_E),
    T_END,
};
static const struct hf_key smallthinker_keys[] = {
    K(".expert_count", U32, "moe_num_primary_experts"),
    K(".expert_used_count", U32, "moe_num_active_primary_experts"),
    K(".expert_feed_forward_length", U32, "moe_ffn_hidden_size"),
    K(".feed_forward_length", U32, "moe_ffn_hidden_size"),
    K_SUM(".expert_gating_func", U32, "2 - (moe_primary_router_apply_softmax|0)"), /* softmax, sigmoid */
    K(".attention.sliding_window", U32, "sliding_window_size", .when = "sliding_window_size * sliding_window_layout"),
    K_END,
};
static const struct hf_key mellum_keys[] = {
    K(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K(".attention.sliding_window", U32, "sliding_window", .when = "use_sliding_window|1"),
    K(".attention.sliding_window_pattern", BOOL, "sliding_attention", .what = HF_LAYERS,
      .when = "sliding_window * (use_sliding_window|1)"),
    K_END,
};

const struct hf_arch gg_hf_arch_smallthinker = {
    .gguf = "smallthinker",
    .classes = LIST("SmallThinkerForCausalLM"),
    .rules = RULES(smallthinker, gg_hf_frame, gg_hf_attn),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, smallthinker_keys),
};

const struct hf_arch gg_hf_arch_mellum = {
    .gguf = "mellum",
    .classes = LIST("MellumForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, mellum_keys),
};

/* ---- Step 3.5 -------------------------------------------------------------------------------- */

static const struct hf_rule step35[] = { /* norms are stored around zero */
    T("model.norm", "output_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.q_norm", "blk.{L}.attn_q_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.k_norm", "blk.{L}.attn_k_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.g_proj", "blk.{L}.attn_gate"),
    T("model.layers.{L}.moe.gate", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.moe.router_bias", "blk.{L}.exp_probs_b.bias"),
    T("model.layers.{L}.moe.gate_proj", "blk.{L}.ffn_gate_exps"),
    T("model.layers.{L}.moe.up_proj", "blk.{L}.ffn_up_exps"),
    T("model.layers.{L}.moe.down_proj", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.share_expert.gate_proj", "blk.{L}.ffn_gate_shexp"),
    T("model.layers.{L}.share_expert.up_proj", "blk.{L}.ffn_up_shexp"),
    T("model.layers.{L}.share_expert.down_proj", "blk.{L}.ffn_down_shexp"),
    T("model.layers.{L}.enorm", "blk.{L}.nextn.enorm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.hnorm", "blk.{L}.nextn.hnorm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.transformer.shared_head.norm", "blk.{L}.nextn.shared_head_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.transformer.shared_head.output", "blk.{L}.nextn.shared_head_head"),
    T_END,
};
#define WINDOWED "layer_types.L~sliding_attention"
#define STEP_HEADS(of) \
    of " + " WINDOWED " * ((attention_other_setting." of "|" of ") - " of ")"
static const struct hf_key step35_keys[] = {
    K_EACH(".attention.head_count", I32, STEP_HEADS("num_attention_heads")),
    K_EACH(".attention.head_count_kv", I32, STEP_HEADS("num_attention_groups")),
    K_NEED(".attention.sliding_window", U32, "sliding_window"),
    K_EACH(".attention.sliding_window_pattern", BOOL, WINDOWED),
    K_NEED(".attention.value_length", U32, "head_dim"),
    K_NEED(".expert_count", U32, "moe_num_experts"),
    K_NEED(".expert_used_count", U32, "moe_top_k"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_NEED(".expert_shared_feed_forward_length", U32, "share_expert_dim"),
    K(".expert_weights_scale", F32, "moe_router_scaling_factor"),
    K(".expert_weights_norm", BOOL, "norm_expert_weight"),
    K_SUM(".leading_dense_block_count", U32, "first_moe_layer|0"),
    K(".moe_every_n_layers", U32, "moe_every_n_layer", .fallback = "1"),
    K(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps", .fallback = "1e-5"),
    K_EACH(".swiglu_clamp_exp", F32, "swiglu_limits.L|0", .when = "swiglu_limits"),
    K_EACH(".swiglu_clamp_shexp", F32, "swiglu_limits_shared.L|0", .when = "swiglu_limits_shared"),
    K_MAY(".nextn_predict_layers", U32, "M", .when = "M"),
    K_END,
};

const struct hf_arch gg_hf_arch_step35 = {
    .gguf = "step35",
    .classes = LIST("Step3p5ForCausalLM", "Step3p7ForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, step35, gg_hf_frame, gg_hf_attn, gg_hf_mlp, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, step35_keys),
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT | HF_LLAMA3_ROPE,
};

/* ---- MiMo V2 --------------------------------------------------------------------------------- */

static const struct hf_rule mimo2[] = {
    T("model.layers.{L}.self_attn.attention_sink_bias", "blk.{L}.attn_sinks"),
    T("model.layers.{L}.pre_mlp_layernorm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.final_layernorm", "blk.{L}.layer_output_norm"),
    T_END,
};
#define MIMO_WINDOW "(hybrid_layer_pattern.L|1)" /* layers for further tokens have one */
static const struct hf_key mimo2_keys[] = {
    K_EACH(".attention.head_count_kv", I32,
           "num_key_value_heads + " MIMO_WINDOW " * (swa_num_key_value_heads - num_key_value_heads)"),
    K_NEED(".attention.sliding_window", U32, "sliding_window"),
    K_EACH(".attention.sliding_window_pattern", I32, MIMO_WINDOW),
    K_NEED(".attention.value_length", U32, "v_head_dim"),
    K_NEED(".expert_count", U32, "n_routed_experts"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_SUM(".rope.dimension_count", U32, "head_dim * rope.partial_rotary_factor"),
    K(".attention.layer_norm_rms_epsilon", F32, "layernorm_epsilon", .fallback = "1e-5"),
    K(".attention.value_scale", F32, "attention_value_scale"),
    K_MAY(".nextn_predict_layers", U32, "M"),
    K_END,
};

const struct hf_arch gg_hf_arch_mimo2 = {
    .gguf = "mimo2",
    .classes = LIST("MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM"),
    .rules = RULES(gg_hf_multimodal, mimo2, gg_hf_gate_up_down, gg_hf_frame, gg_hf_attn, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, mimo2_keys),
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_PREFIX | HF_MTP_KEPT,
};
