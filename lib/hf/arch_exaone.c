/* Architectures: EXAONE, EXAONE 4 and 4.5, K-EXAONE. */
#include "lib/hf/arch.h"

static const struct hf_rule exaone[] = {
    T("transformer.wte", "token_embd"),
    T("transformer.ln_f", "output_norm"),
    T("lm_head", "output"),
    T_DROP("transformer.h.{L}.attn.attention.rotary.inv_freq"),
    T("transformer.h.{L}.ln_1", "blk.{L}.attn_norm"),
    T("transformer.h.{L}.ln_2", "blk.{L}.ffn_norm"),
    T("transformer.h.{L}.attn.attention.q_proj", "blk.{L}.attn_q"),
    T("transformer.h.{L}.attn.attention.k_proj", "blk.{L}.attn_k"),
    T("transformer.h.{L}.attn.attention.v_proj", "blk.{L}.attn_v"),
    T("transformer.h.{L}.attn.attention.out_proj", "blk.{L}.attn_output"),
    T("transformer.h.{L}.mlp.c_fc_0", "blk.{L}.ffn_gate"),
    T("transformer.h.{L}.mlp.c_fc_1", "blk.{L}.ffn_up"),
    T("transformer.h.{L}.mlp.c_proj", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_rule exaone4[] = { /* norms stand behind, not before */
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T("model.layers.{L}.post_feedforward_layernorm", "blk.{L}.post_ffw_norm"),
    T_END,
};
static const struct hf_key exaone_keys[] = {
    K_SUM(".rope.dimension_count", U32, "(rope.partial_rotary_factor|1) * int(hidden_size / H)"),
    K_END,
};
static const struct hf_key exaone4_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".attention.sliding_window", U32, "sliding_window"),
    K(".attention.sliding_window_pattern", BOOL, "sliding_attention", .what = HF_LAYERS,
      .fallback = "sliding_window_pattern", .when = "sliding_window"),
    K_END,
};

const struct hf_arch gg_hf_arch_exaone = {
    .gguf = "exaone",
    .classes = LIST("ExaoneForCausalLM"),
    .rules = RULES(exaone),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, exaone_keys),
    .flags = HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_exaone4 = {
    .gguf = "exaone4",
    .classes = LIST("Exaone4ForCausalLM"),
    .rules = RULES(exaone4, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, exaone4_keys),
    .each_layer = "blk.{L}.post_attention_norm",
    .flags = HF_LLAMA3_ROPE,
};

static const struct hf_rule exaone_moe[] = {
    T("model.layers.{L}.mlp.e_score_correction_bias", "blk.{L}.exp_probs_b.bias"),
    T("model.layers.{L}.fc", "blk.{L}.nextn.eh_proj"),
    T("model.layers.{L}.pre_fc_norm_embedding", "blk.{L}.nextn.enorm"),
    T("model.layers.{L}.pre_fc_norm_hidden", "blk.{L}.nextn.hnorm"),
    T("model.layers.{L}.norm", "blk.{L}.nextn.shared_head_norm"),
    T_END,
};
static const struct hf_key exaone_moe_keys[] = {
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_NEED(".expert_shared_count", U32, "num_shared_experts"),
    K_SUM(".expert_shared_feed_forward_length", U32, "moe_intermediate_size * num_shared_experts"),
    K_NEED(".expert_weights_scale", F32, "routed_scaling_factor"),
    K_NEED(".expert_weights_norm", BOOL, "norm_topk_prob"),
    K(".leading_dense_block_count", U32, "first_k_dense_replace|first_last_k_dense_replace", .fallback = "0"),
    K_SUM(".nextn_predict_layers", U32, "M|0"),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K_END,
};

static const struct hf_key exaone4_5_keys[] = {
    K_MAY(".nextn_predict_layers", U32, "M", .when = "M"),
    K_END,
};

const struct hf_arch gg_hf_arch_exaone4_5 = { /* the text model */
    .gguf = "exaone4",
    .classes = LIST("Exaone4_5_ForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, exaone_moe, exaone4, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, exaone4_keys, exaone4_5_keys),
    .each_layer = "blk.{L}.post_attention_norm",
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_LLAMA3_ROPE | HF_MTP_PREFIX | HF_MTP_KEPT,
};

const struct hf_arch gg_hf_arch_exaone_moe = { /* K-EXAONE */
    .gguf = "exaone-moe",
    .classes = LIST("ExaoneMoEForCausalLM", "ExaoneMoeForCausalLM"),
    .rules = RULES(exaone_moe, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, exaone4_keys, exaone_moe_keys),
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_LLAMA3_ROPE | HF_MTP_PREFIX | HF_MTP_KEPT,
};
