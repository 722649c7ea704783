/* Architectures: GLM. */
#include "lib/hf/arch.h"

static const struct hf_rule glm4[] = {
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.post_self_attn_layernorm", "blk.{L}.post_attention_norm"),
    T("model.layers.{L}.post_mlp_layernorm", "blk.{L}.post_ffw_norm"),
    T("model.layers.{L}.mlp.gate_up_proj", "blk.{L}.ffn_up"),
    T_END,
};
static const struct hf_rule glm4_moe[] = {
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T_END,
};

static const struct hf_key glm4_keys[] = {
    K_SUM(".rope.dimension_count", U32, "int(D * rope.partial_rotary_factor|0.5)"),
    K_END,
};
static const struct hf_key glm4_moe_keys[] = {
    K(".expert_count", U32, "n_routed_experts"),
    K(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K(".expert_shared_count", U32, "n_shared_experts"),
    K(".leading_dense_block_count", U32, "first_k_dense_replace"),
    K_FIXED(".expert_gating_func", U32, "2"), /* sigmoid */
    K(".expert_weights_scale", F32, "routed_scaling_factor"),
    K(".expert_weights_norm", BOOL, "norm_topk_prob"),
    K_MAY(".nextn_predict_layers", U32, "M"),
    K_END,
};

const struct hf_arch gg_hf_arch_glm4 = {
    .gguf = "glm4",
    .classes = LIST("Glm4ForCausalLM"),
    .rules = RULES(glm4, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, glm4_keys),
    .tokens = "eos=<|endoftext|> eot=<|user|> unk=<|endoftext|> bos=<|endoftext|>",
};

const struct hf_arch gg_hf_arch_glm4moe = {
    .gguf = "glm4moe",
    .classes = LIST("Glm4MoeForCausalLM"),
    .rules = RULES(glm4_moe, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, glm4_keys, glm4_moe_keys),
    .tokens = GLM_TOKENS,
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};
