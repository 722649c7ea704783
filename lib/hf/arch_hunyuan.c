/* Architectures: Hunyuan. */
#include "lib/hf/arch.h"

static const struct hf_rule hunyuan[] = {
    T_DROP("lm_head", .when = "tie_word_embeddings"),
    T("model.layers.{L}.self_attn.query_layernorm", "blk.{L}.attn_q_norm"),
    T("model.layers.{L}.self_attn.key_layernorm", "blk.{L}.attn_k_norm"),
    T("model.layers.{L}.mlp.gate.wg", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.mlp.shared_mlp.gate_proj", "blk.{L}.ffn_gate_shexp"),
    T("model.layers.{L}.mlp.shared_mlp.up_proj", "blk.{L}.ffn_up_shexp"),
    T("model.layers.{L}.mlp.shared_mlp.down_proj", "blk.{L}.ffn_down_shexp"),
    T_END,
};

/* The longest context is no number of config.json: rope is scaled by alpha for 256 K. */
#define DYNAMIC .when = "rope.rope_type~dynamic"
#define ROPE_BASE(alpha, dim) \
    "(rope.rope_theta|10000) * (rope.alpha|" alpha ") ^ (" dim " / (" dim " - 2))"
static const struct hf_key dense_keys[] = {
    K_SUM(".rope.freq_base", F32, ROPE_BASE("50", "head_dim"), DYNAMIC),
    K_FIXED(".rope.scaling.type", STR, "none", DYNAMIC),
    K_FIXED(".rope.scaling.factor", F32, "1", DYNAMIC),
    K_FIXED(".rope.scaling.original_context_length", U32, "262144", DYNAMIC),
    K_FIXED(".context_length", U32, "262144", DYNAMIC),
    K_END,
};
static const struct hf_key moe_keys[] = {
    K_NEED(".expert_shared_feed_forward_length", U32, "intermediate_size"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size.0"),
    K_NEED(".expert_used_count", U32, "moe_topk.0"),
    K_NEED(".expert_shared_count", U32, "num_shared_expert.0"),
    K_SUM(".rope.freq_base", F32, ROPE_BASE("1000", "int(hidden_size / H)"), DYNAMIC),
    K_FIXED(".rope.scaling.type", STR, "none", DYNAMIC),
    K_FIXED(".rope.scaling.factor", F32, "1", DYNAMIC),
    K_FIXED(".rope.scaling.original_context_length", U32, "262144", DYNAMIC),
    K_FIXED(".context_length", U32, "262144", DYNAMIC),
    K_END,
};
static const struct hf_extra_key moe_extra[] = {
    {128167, "tokenizer.ggml.bos_token_id", GGF_U32, "127959"}, /* config.json has another */
    {0, NULL, GGF_U32, NULL},
};

const struct hf_arch gg_hf_arch_hunyuan_dense = {
    .gguf = "hunyuan-dense",
    .classes = LIST("HunYuanDenseV1ForCausalLM"),
    .rules = RULES(hunyuan, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, dense_keys),
    .tokens = "!eos=@eod_token_id !eot=@generation.eos_token_id.0",
};

const struct hf_arch gg_hf_arch_hunyuan_moe = {
    .gguf = "hunyuan-moe",
    .classes = LIST("HunYuanMoEV1ForCausalLM"),
    .rules = RULES(hunyuan, gg_hf_frame, gg_hf_attn, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, moe_keys),
    .extra_keys = moe_extra,
};

/* ---- Hunyuan-VL: the text model -------------------------------------------------------------- */

/* Newer configurations call it dynamic, with the sections of mrope. */
#define XDROPE .when = "rope.rope_type~xdrope + rope.rope_type~dynamic * !!rope.mrope_section"
static const struct hf_key vl_keys[] = {
    K(".rope.freq_base", F32, NULL, .fallback = "10000", .what = HF_ROPE_BASE, XDROPE),
    K_FIXED(".rope.scaling.type", STR, "none", XDROPE),
    K_SUM(".rope.scaling.factor", F32, "rope.factor|1", XDROPE),
    K_SUM(".rope.scaling.alpha", F32, "rope.alpha", XDROPE),
    K_NEED(".rope.scaling.original_context_length", U32, "max_position_embeddings", XDROPE),
    K(".rope.dimension_sections", I32, "rope_scaling.xdrope_section|rope_parameters.xdrope_section"),
    K_END,
};

const struct hf_arch gg_hf_arch_hunyuan_vl = {
    .gguf = "hunyuan_vl",
    .classes = LIST("HunYuanVLForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, hunyuan, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, vl_keys),
    .tokens = "!eos=@eod_token_id !eot=@generation.eos_token_id.0",
};

/* ---- Hy3 ------------------------------------------------------------------------------------- */

static const struct hf_rule hy3[] = {
    T("model.layers.{L}.mlp.router.gate", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.mlp.expert_bias", "blk.{L}.exp_probs_b!"),
    T("model.layers.{L}.final_layernorm", "blk.{L}.nextn.shared_head_norm"),
    T_END,
};
static const struct hf_key hy3_keys[] = {
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_SUM(".expert_shared_feed_forward_length", U32, "moe_intermediate_size * (num_shared_experts|1)"),
    K(".expert_weights_norm", BOOL, "route_norm", .fallback = "true"),
    K_SUM(".expert_weights_scale", F32, "router_scaling_factor|1"),
    K_FIXED(".expert_gating_func", U32, "2"), /* sigmoid */
    K_MAY(".nextn_predict_layers", U32, "M", .when = "M"),
    K_END,
};

const struct hf_arch gg_hf_arch_hy3 = {
    .gguf = "hy_v3",
    .classes = LIST("HYV3ForCausalLM"),
    .rules = RULES(hy3, hunyuan, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, hy3_keys),
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};
