/* Architectures: DeepSeek 1, V2, V3, R1 and what is built as they are (Kimi K2, Moonlight, Youtu). */
#include "lib/hf/arch.h"

/* Keys and values are stored compressed; what unfolds them is cut in two, keys transposed, so that
 * llama.cpp can multiply with it from the other side. */
#define KV_ROWS "r=qk_nope_head_dim+v_head_dim"
const struct hf_rule gg_hf_mla[] = {
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
                    "KimiVLForConditionalGeneration", "KimiK25ForConditionalGeneration", "YoutuVLForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, tied, gg_hf_frame, gg_hf_mla, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, one_kv_head, gg_hf_head_keys, gg_hf_file_key, deepseek2_keys),
    .defaults = "{\"rms_norm_eps\": 1e-6}",
    .mtp_layers = "num_nextn_predict_layers",
};

const struct hf_arch gg_hf_arch_glm4moelite = { /* GLM-4.7-Flash */
    .gguf = "deepseek2",
    .classes = LIST("Glm4MoeLiteForCausalLM"),
    .rules = RULES(tied, gg_hf_frame, gg_hf_mla, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, one_kv_head, gg_hf_head_keys, gg_hf_file_key, deepseek2_keys),
    .defaults = "{\"rms_norm_eps\": 1e-6}",
    .tokens = GLM_TOKENS,
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};

/* ---- DeepSeek V3.2, GLM-5: attention to what an indexer picks --------------------------------- */

static const struct hf_rule indexer[] = {
    T("model.layers.{L}.self_attn.indexer.k_norm", "blk.{L}.indexer.k_norm"),
    T("model.layers.{L}.self_attn.indexer.weights_proj", "blk.{L}.indexer.proj"),
    T("model.layers.{L}.self_attn.indexer.wk", "blk.{L}.indexer.attn_k"),
    T("model.layers.{L}.self_attn.indexer.wq_b", "blk.{L}.indexer.attn_q_b"),
    T_END,
};
static const struct hf_key indexer_keys[] = {
    K_NEED(".attention.indexer.head_count", U32, "index_n_heads"),
    K_NEED(".attention.indexer.key_length", U32, "index_head_dim"),
    K_NEED(".attention.indexer.top_k", U32, "index_topk"),
    K_END,
};
static const struct hf_key glm_rope[] = {
    K_SUM(".rope.dimension_count", U32, "qk_rope_head_dim * (rope.partial_rotary_factor|1)"),
    K_END,
};
static const struct hf_key indexer_types[] = {
    K_EACH(".attention.indexer.types", BOOL, "indexer_types.L~full", .fallback = "indexer_types",
           .when = "indexer_types"),
    K_END,
};

const struct hf_arch gg_hf_arch_deepseek32 = {
    .gguf = "deepseek32",
    .classes = LIST("DeepseekV32ForCausalLM"),
    .rules = RULES(tied, indexer, gg_hf_frame, gg_hf_mla, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, one_kv_head, gg_hf_head_keys, gg_hf_file_key, deepseek2_keys, indexer_keys),
    .defaults = "{\"rms_norm_eps\": 1e-6}",
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};

const struct hf_arch gg_hf_arch_glm_dsa = { /* GLM-5 */
    .gguf = "glm-dsa",
    .classes = LIST("GlmMoeDsaForCausalLM"),
    .rules = RULES(tied, indexer, gg_hf_frame, gg_hf_mla, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, one_kv_head, gg_hf_head_keys, gg_hf_file_key, deepseek2_keys, glm_rope,
                 indexer_keys, indexer_types),
    .defaults = "{\"rms_norm_eps\": 1e-6}",
    .tokens = GLM_TOKENS,
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};

/* ---- Kimi Linear: layers of linear attention between those of MLA ------------------------------ */

#define CONV "c 1 k -> 1 c 1 k; c k -> 1 c 1 k"
static const struct hf_rule kimi_linear[] = {
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q"),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k"),
    T("model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v"),
    T("model.layers.{L}.self_attn.q_conv1d", "blk.{L}.ssm_conv1d_q", .layout = CONV),
    T("model.layers.{L}.self_attn.k_conv1d", "blk.{L}.ssm_conv1d_k", .layout = CONV),
    T("model.layers.{L}.self_attn.v_conv1d", "blk.{L}.ssm_conv1d_v", .layout = CONV),
    T("model.layers.{L}.self_attn.A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP),
    T("model.layers.{L}.self_attn.dt_bias", "blk.{L}.ssm_dt.bias"),
    T("model.layers.{L}.self_attn.f_a_proj", "blk.{L}.ssm_f_a"),
    T("model.layers.{L}.self_attn.f_b_proj", "blk.{L}.ssm_f_b"),
    T("model.layers.{L}.self_attn.g_a_proj", "blk.{L}.ssm_g_a"),
    T("model.layers.{L}.self_attn.g_b_proj", "blk.{L}.ssm_g_b"),
    T("model.layers.{L}.self_attn.b_proj", "blk.{L}.ssm_beta"),
    T("model.layers.{L}.self_attn.o_norm", "blk.{L}.ssm_norm"),
    T("model.layers.{L}.block_sparse_moe.gate.e_score_correction_bias", "blk.{L}.exp_probs_b.bias"),
    T("model.layers.{L}.block_sparse_moe.shared_experts.gate_proj", "blk.{L}.ffn_gate_shexp"),
    T("model.layers.{L}.block_sparse_moe.shared_experts.up_proj", "blk.{L}.ffn_up_shexp"),
    T("model.layers.{L}.block_sparse_moe.shared_experts.down_proj", "blk.{L}.ffn_down_shexp"),
    T_END,
};
static const struct hf_key kimi_linear_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_EACH(".attention.head_count_kv", I32, "linear_attn_config.full_attn_layers~L1"),
    K(".ssm.conv_kernel", U32, "linear_attn_config.short_conv_kernel_size"),
    K(".kda.head_dim", U32, "linear_attn_config.head_dim"),
    K(".attention.q_lora_rank", U32, "q_lora_rank"),
    K_NEED(".attention.kv_lora_rank", U32, "kv_lora_rank"),
    K_NEED(".rope.dimension_count", U32, "qk_rope_head_dim"),
    K_SUM(".attention.key_length", U32, "kv_lora_rank + qk_rope_head_dim"),
    K_SUM(".attention.key_length_mla", U32, "qk_nope_head_dim + qk_rope_head_dim"),
    K_NEED(".attention.value_length_mla", U32, "v_head_dim"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_NEED(".expert_shared_count", U32, "num_shared_experts"),
    K_NEED(".leading_dense_block_count", U32, "first_k_dense_replace"),
    K_NEED(".expert_weights_scale", F32, "routed_scaling_factor"),
    K_END,
};

const struct hf_arch gg_hf_arch_kimi_linear = {
    .gguf = "kimi-linear",
    .classes = LIST("KimiLinearForCausalLM", "KimiLinearModel"),
    .rules = RULES(kimi_linear, gg_hf_frame, gg_hf_mla, gg_hf_mlp, gg_hf_mixtral_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, kimi_linear_keys),
};

/* ---- DeepSeek-OCR: the text model, with plain attention ---------------------------------------- */

static const struct hf_rule ocr[] = {
    T_DROP("*sam_model*"), T_DROP("*qwen2_model*"),
    T_END,
};
static const struct hf_key ocr_template[] = { /* what was said, and no more */
    K_FIXED("tokenizer.chat_template", STR, "{% for m in messages %}{{m['content']}}{% endfor %}"),
    K_END,
};
static const struct hf_key ocr_keys[] = {
    K_SUM(".leading_dense_block_count", U32, "first_k_dense_replace|0"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".attention.q_lora_rank", U32, "q_lora_rank"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size|intermediate_size"),
    K(".expert_count", U32, "n_routed_experts"),
    K(".expert_shared_count", U32, "n_shared_experts", .fallback = "0"),
    K(".expert_weights_scale", F32, "routed_scaling_factor"),
    K(".expert_weights_norm", BOOL, "norm_topk_prob", .when = "norm_topk_prob"),
    K_NEED(".rope.dimension_count", U32, "qk_rope_head_dim"),
    K(".attention.sliding_window", U32, "sliding_window_size|sliding_window",
      .when = "sliding_window_size|sliding_window"),
    K_END,
};

const struct hf_arch gg_hf_arch_deepseek_ocr = {
    .gguf = "deepseek2-ocr",
    .classes = LIST("DeepseekOCRForCausalLM", "DeepseekOCR2ForCausalLM", "UnlimitedOCRForCausalLM"),
    .rules = RULES(ocr, gg_hf_multimodal, tied, gg_hf_frame, gg_hf_attn, gg_hf_mlp, gg_hf_experts),
    .first_keys = ocr_template,
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, ocr_keys),
    .defaults = "{\"rms_norm_eps\": 1e-6}",
};
