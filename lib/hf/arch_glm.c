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
    .classes = LIST("Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, glm4_moe, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, glm4_keys, glm4_moe_keys),
    .tokens = GLM_TOKENS,
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};

/* ---- GLM-4V, GLM-OCR, Solar Open ------------------------------------------------------------- */

/* Of the part of a head that rope turns the even elements come first, then the odd ones. */
#define GLM_ROPE "int(D * rope.partial_rotary_factor|0.5)"
#define GLM_HEADS "r[I*D:I*D+" GLM_ROPE "]<d 2> * -> (2 d) *; r[I*D+" GLM_ROPE ":I*D+D] * -> r *"
static const struct hf_rule glm4v[] = {
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q", .how = HF_JOIN, .each = "H", .layout = GLM_HEADS,
      .when = "rope.mrope_section * (" GLM_ROPE " < D)"),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", .how = HF_JOIN, .each = "K", .layout = GLM_HEADS,
      .when = "rope.mrope_section * (" GLM_ROPE " < D)"),
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q", .layout = "(H d 2) * -> (H 2 d) *",
      .when = "rope.mrope_section"),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", .layout = "(K d 2) * -> (K 2 d) *",
      .when = "rope.mrope_section"),
    T_END,
};
static const struct hf_key ocr_keys[] = {
    K_MAY(".nextn_predict_layers", U32, "M"),
    K_END,
};

const struct hf_arch gg_hf_arch_glm4v = {
    .gguf = "glm4",
    .classes = LIST("Glm4vForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, glm4v, glm4, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, glm4_keys),
    .tokens = "eos=<|endoftext|> eot=<|user|> unk=<|endoftext|> bos=<|endoftext|>",
};

const struct hf_arch gg_hf_arch_glm_ocr = {
    .gguf = "glm4",
    .classes = LIST("GlmOcrForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, glm4v, glm4, gg_hf_frame, gg_hf_attn, gg_hf_mlp, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, glm4_keys, ocr_keys),
    .tokens = "eos=<|endoftext|> eot=<|user|> unk=<|endoftext|> bos=<|endoftext|>",
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};

const struct hf_arch gg_hf_arch_solar_open = {
    .gguf = "glm4moe",
    .classes = LIST("SolarOpenForCausalLM"),
    .rules = RULES(glm4_moe, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, glm4_keys, glm4_moe_keys),
    .tokens = "eos=<|endoftext|> eot=<|endoftext|> unk=<unk> bos=<|startoftext|>",
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};

/* ---- ChatGLM, GLM-4-9B ----------------------------------------------------------------------- */

#define CHATGLM "encoder.layers.{L}."
static const struct hf_rule chatglm[] = {
    T("embedding.word_embeddings", "token_embd"),
    T("encoder.final_layernorm", "output_norm"),
    T("output_layer", "output"),
    T_DROP("rotary_pos_emb.inv_freq"),
    T(CHATGLM "input_layernorm", "blk.{L}.attn_norm"),
    T(CHATGLM "post_attention_layernorm", "blk.{L}.ffn_norm"),
    T(CHATGLM "self_attention.query_key_value", "blk.{L}.attn_qkv"),
    T(CHATGLM "self_attention.dense", "blk.{L}.attn_output"),
    T(CHATGLM "mlp.dense_h_to_4h", "blk.{L}.ffn_up"),
    T(CHATGLM "mlp.dense_4h_to_h", "blk.{L}.ffn_down"),
    T("model.layers.{L}.mlp.gate_up_proj", "blk.{L}.ffn_up"),
    T_END,
};
static const struct hf_key chatglm_keys[] = {
    K_NEED(".context_length", U32, "seq_length|hidden_size|n_embed"),
    K_NEED(".embedding_length", U32, "hidden_size|n_embed"),
    K_SUM(".feed_forward_length", U32, "ffn_hidden_size|intermediate_size",
          .when = "ffn_hidden_size|intermediate_size"),
    K_SUM(".feed_forward_length", U32, "4 * (hidden_size|n_embed)", .when = "!(ffn_hidden_size|intermediate_size)"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".attention.head_count", U32, "n_head|num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "multi_query_group_num|num_key_value_heads|n_head|num_attention_heads"),
    K(".attention.layer_norm_rms_epsilon", F32, "layernorm_epsilon", .fallback = "1e-5"),
    K_BLOCK(HF_FILE_TYPE),
    K_SUM(".rope.dimension_count", U32, "attention_dim * rope.partial_rotary_factor|0.5", .when = "attention_dim"),
    K_SUM(".rope.dimension_count", U32, "int(hidden_size / num_attention_heads) * rope.partial_rotary_factor|0.5",
          .when = "!attention_dim"),
    K_FIXED("tokenizer.ggml.add_bos_token", BOOL, "false"),
    K_SUM(".rope.freq_base", F32, "10000 * (rope_ratio|1)"),
    K_END,
};

const struct hf_arch gg_hf_arch_chatglm = {
    .gguf = "chatglm",
    .classes = LIST("ChatGLMModel", "ChatGLMForConditionalGeneration", "GlmForCausalLM"),
    .rules = RULES(chatglm, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(chatglm_keys),
    .prefixes = LIST("transformer."),
    .tokens = "eos=<|endoftext|> eot=<|user|> unk=<|endoftext|>",
};
