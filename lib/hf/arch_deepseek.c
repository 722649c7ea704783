/* Architectures: DeepSeek 1, V2, V3, R1 and what is built as they are (Kimi K2, Moonlight, Youtu). */
#include "lib/hf/arch.h"

/* Keys and values are stored compressed; what unfolds them is cut in two, keys transposed, so that
 * llama.cpp can multiply with it from the other side. */
#define KV_ROWS "r=qk_nope_head_dim+v_head_dim"
static const struct hf_rule mla[] = {
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q"),
    T("model.layers.{L}.self_attn.q_a_proj", "blk.{L}.attn_q_a"),
    T("model.layers.{L}.self_attn.q_a_layernorm", "blk.{L}.attn_q_a_norm"),
    T("model.layers.{L}.self_attn.q_b_proj", "blk.{L}.attn_q_b"),
    T("model.layers.{L}.self_attn.kv_a_proj_with_mqa", "blk.{L}.attn_kv_a_mqa"),
    T("model.layers.{L}.self_attn.kv_a_layernorm", "blk.{L}.attn_kv_a_norm"),
    T("model.layers.{L}.self_attn.kv_b_proj", "blk.{L}.attn_k_b",
      .layout = "(K " KV_ROWS "[0:qk_nope_head_dim]) c -> K c r"),
    T("model.layers.{L}.self_attn.kv_b_proj", "blk.{L}.attn_v_b",
      .layout = "(K " KV_ROWS "[qk_nope_head_dim:]) c -> K r c"),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output"),
    T_END,
};
static const struct hf_rule tied[] = {
    T_DROP("lm_head", .when = "tie_word_embeddings"),
    T_END,
};

static const struct hf_key one_kv_head[] = { /* for llama.cpp all heads share one compressed key */
    K_FIXED(".attention.head_count_kv", U32, "1"),
    K_END,
};
static const struct hf_key deepseek2_keys[] = {
    K_SUM(".leading_dense_block_count", U32, "first_k_dense_replace|0", .when = "n_routed_experts"),
    K_SUM(".leading_dense_block_count", U32, "first_k_dense_replace|N", .when = "!n_routed_experts"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".attention.q_lora_rank", U32, "q_lora_rank"),
    K_SUM(".attention.kv_lora_rank", U32, "kv_lora_rank|512"),
    K_SUM(".attention.key_length", U32, "kv_lora_rank|512 + qk_rope_head_dim"),
    K_SUM(".attention.value_length", U32, "kv_lora_rank|512"),
    K_SUM(".attention.key_length_mla", U32, "qk_nope_head_dim + qk_rope_head_dim"),
    K_NEED(".attention.value_length_mla", U32, "v_head_dim"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size|intermediate_size"),
    K(".expert_count", U32, "n_routed_experts"),
    K(".expert_shared_count", U32, "n_shared_experts", .fallback = "0"),
    K(".expert_weights_scale", F32, "routed_scaling_factor"),
    K(".expert_weights_norm", BOOL, "norm_topk_prob", .when = "norm_topk_prob"),
    K_NEED(".rope.dimension_count", U32, "qk_rope_head_dim"),
    /* a tenth of it, for historical reasons */
    K_MAY(".rope.scaling.yarn_log_multiplier", F32, "0.1 * rope.mscale_all_dim"),
    K_MAY(".nextn_predict_layers", U32, "M", .when = "M"),
    K_END,
};

static const struct hf_key deepseek_keys[] = {
    K(".rope.dimension_count", U32, NULL, .what = HF_HEAD_DIM),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K_NEED(".leading_dense_block_count", U32, "first_k_dense_replace"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_FIXED(".expert_weights_scale", F32, "1"),
    K_NEED(".expert_count", U32, "n_routed_experts"),
    K_NEED(".expert_shared_count", U32, "n_shared_experts"),
    K_END,
};
static const struct hf_key dots1_keys[] = {
    K_NEED(".leading_dense_block_count", U32, "first_k_dense_replace"),
    K_NEED(".expert_shared_count", U32, "n_shared_experts"),
    K_NEED(".expert_weights_scale", F32, "routed_scaling_factor"),
    K_NEED(".expert_weights_norm", BOOL, "norm_topk_prob"),
    K_END,
};

const struct hf_arch gg_hf_arch_deepseek = {
    .gguf = "deepseek",
    .classes = LIST("DeepseekForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, deepseek_keys),
};

const struct hf_arch gg_hf_arch_dots1 = {
    .gguf = "dots1",
    .classes = LIST("Dots1ForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys, dots1_keys),
};

const struct hf_arch gg_hf_arch_deepseek2 = {
    .gguf = "deepseek2",
    .classes = LIST("DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "YoutuForCausalLM",
                    "KimiVLForConditionalGeneration", "KimiK25ForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, tied, gg_hf_frame, mla, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, one_kv_head, gg_hf_head_keys, gg_hf_file_key, deepseek2_keys),
    .defaults = "{\"rms_norm_eps\": 1e-6}",
    .mtp_layers = "num_nextn_predict_layers",
};

const struct hf_arch gg_hf_arch_glm4moelite = { /* GLM-4.7-Flash */
    .gguf = "deepseek2",
    .classes = LIST("Glm4MoeLiteForCausalLM"),
    .rules = RULES(tied, gg_hf_frame, mla, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, one_kv_head, gg_hf_head_keys, gg_hf_file_key, deepseek2_keys),
    .defaults = "{\"rms_norm_eps\": 1e-6}",
    .tokens = GLM_TOKENS,
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};
