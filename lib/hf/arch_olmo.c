/* Architectures: OLMo. */
#include "lib/hf/arch.h"

static const struct hf_rule olmo2[] = { /* norms stand behind, not before */
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T("model.layers.{L}.post_feedforward_layernorm", "blk.{L}.post_ffw_norm"),
    T_END,
};

static const struct hf_key olmo_keys[] = {
    K_FIXED(".attention.layer_norm_epsilon", F32, "1e-5"),
    K(".attention.clamp_kqv", F32, "clip_qkv"),
    K_END,
};
static const struct hf_key olmo2_keys[] = {
    K(".attention.sliding_window", U32, "sliding_window"),
    K(".attention.sliding_window_pattern", BOOL, "sliding_attention", .what = HF_LAYERS, .fallback = "4",
      .when = "sliding_window"),
    K_END,
};
static const struct hf_key olmoe_keys[] = {
    K_FIXED(".attention.layer_norm_rms_epsilon", F32, "1e-5"),
    K_END,
};

const struct hf_arch gg_hf_arch_olmo2 = {
    .gguf = "olmo2",
    .classes = LIST("Olmo2ForCausalLM", "Olmo3ForCausalLM"),
    .rules = RULES(olmo2, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, olmo2_keys),
    .each_layer = "blk.{L}.post_attention_norm",
};

const struct hf_arch gg_hf_arch_olmoe = {
    .gguf = "olmoe",
    .classes = LIST("OlmoeForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, olmoe_keys),
};

const struct hf_arch gg_hf_arch_olmo = { /* its norms have no weights */
    .gguf = "olmo",
    .classes = LIST("OlmoForCausalLM", "OLMoForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, olmo_keys),
    .each_layer = "blk.{L}.attn_q",
};
