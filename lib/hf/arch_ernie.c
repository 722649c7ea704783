/* Architectures: ERNIE 4.5, with experts too, and the text model of PaddleOCR-VL. */
#include "lib/hf/arch.h"

/* ---- ERNIE 4.5 ------------------------------------------------------------------------------- */

static const struct hf_rule ernie4_5[] = { /* some have them fused */
    T("model.layers.{L}.self_attn.qkv_proj", "blk.{L}.attn_q", .layout = "r[0:H*D] * -> r *"),
    T("model.layers.{L}.self_attn.qkv_proj", "blk.{L}.attn_k", .layout = "r[H*D:(H+K)*D] * -> r *"),
    T("model.layers.{L}.self_attn.qkv_proj", "blk.{L}.attn_v", .layout = "r[(H+K)*D:(H+2*K)*D] * -> r *"),
    T("model.layers.{L}.mlp.up_gate_proj", "blk.{L}.ffn_gate", .layout = "(2[0] r) * -> r *"),
    T("model.layers.{L}.mlp.up_gate_proj", "blk.{L}.ffn_up", .layout = "(2[1] r) * -> r *"),
    T_END,
};

static const struct hf_rule paddleocr[] = {
    T_DROP("mlp_AR.*"),
    T_END,
};

const struct hf_arch gg_hf_arch_paddleocr = { /* PaddleOCR-VL: the text model */
    .gguf = "paddleocr",
    .classes = LIST("PaddleOCRVLForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, paddleocr, ernie4_5, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
    .prefixes = LIST("ernie."),
    .flags = HF_PREFIX_LAST,
};

const struct hf_arch gg_hf_arch_ernie4_5 = {
    .gguf = "ernie4_5",
    .classes = LIST("Ernie4_5_ForCausalLM", "Ernie4_5ForCausalLM"),
    .rules = RULES(ernie4_5, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
    .prefixes = LIST("ernie."),
    .flags = HF_PREFIX_LAST,
};

/* ---- ERNIE 4.5 MoE --------------------------------------------------------------------------- */

static const struct hf_rule ernie_moe[] = {
    T_DROP("model.mtp_*"),
    T("model.layers.{L}.mlp.moe_statics.e_score_correction_bias", "blk.{L}.exp_probs_b.bias"),
    T_END,
};
static const struct hf_key ernie_moe_keys[] = {
    K_NEED(".expert_count", U32, "moe_num_experts"),
    K_NEED(".expert_used_count", U32, "moe_k"),
    K_NEED(".interleave_moe_layer_step", U32, "moe_layer_interval"),
    K_NEED(".leading_dense_block_count", U32, "moe_layer_start_index"),
    K(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K(".expert_shared_count", U32, "moe_num_shared_experts"),
    K_MAY(".expert_shared_feed_forward_length", U32, "int(intermediate_size / num_key_value_heads)",
          .when = "moe_num_shared_experts"),
    K_END,
};

const struct hf_arch gg_hf_arch_ernie4_5_moe = {
    .gguf = "ernie4_5-moe",
    .classes = LIST("Ernie4_5_MoeForCausalLM"),
    .rules = RULES(ernie_moe, gg_hf_gate_up_down, gg_hf_frame, gg_hf_attn, gg_hf_mlp, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, ernie_moe_keys),
    .prefixes = LIST("ernie."),
    .flags = HF_PREFIX_LAST,
};
