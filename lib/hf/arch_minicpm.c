/* Architectures: MiniCPM, MiniCPM3, PLM. */
#include "lib/hf/arch.h"

/* ---- MiniCPM --------------------------------------------------------------------------------- */

static const struct hf_key minicpm_keys[] = {
    K_NEED(".embedding_scale", F32, "scale_emb"),
    K_SUM(".residual_scale", F32, "scale_depth / sqrt(N)"),
    K_SUM(".logit_scale", F32, "hidden_size / dim_model_base"),
    K_END,
};

const struct hf_arch gg_hf_arch_minicpm = {
    .gguf = "minicpm",
    .classes = LIST("MiniCPMForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, minicpm_keys),
    .flags = HF_ROPE_FACTORS,
};

/* ---- PLM, MiniCPM3: keys and values are stored compressed ------------------------------------ */

static const struct hf_rule compressed[] = {
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q"),
    T("model.layers.{L}.self_attn.q_a_proj", "blk.{L}.attn_q_a"),
    T("model.layers.{L}.self_attn.q_a_layernorm", "blk.{L}.attn_q_a_norm"),
    T("model.layers.{L}.self_attn.q_b_proj", "blk.{L}.attn_q_b"),
    T("model.layers.{L}.self_attn.kv_a_proj_with_mqa", "blk.{L}.attn_kv_a_mqa"),
    T("model.layers.{L}.self_attn.kv_a_layernorm", "blk.{L}.attn_kv_a_norm"),
    T("model.layers.{L}.self_attn.kv_b_proj", "blk.{L}.attn_kv_b"),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output"),
    T_END,
};
static const struct hf_key plm_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".attention.kv_lora_rank", U32, "kv_lora_rank"),
    K_SUM(".attention.key_length", U32, "qk_nope_head_dim + qk_rope_head_dim"),
    K_NEED(".attention.value_length", U32, "v_head_dim"),
    K_NEED(".rope.dimension_count", U32, "qk_rope_head_dim"),
    K_END,
};
static const struct hf_key minicpm3_keys[] = {
    K_BLOCK(HF_FILE_TYPE),
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".attention.q_lora_rank", U32, "q_lora_rank"),
    K_NEED(".attention.kv_lora_rank", U32, "kv_lora_rank"),
    K_SUM(".attention.key_length", U32, "qk_nope_head_dim + qk_rope_head_dim"),
    K_NEED(".rope.dimension_count", U32, "qk_rope_head_dim"),
    K_END,
};

const struct hf_arch gg_hf_arch_plm = {
    .gguf = "plm",
    .classes = LIST("PLMForCausalLM"),
    .rules = RULES(gg_hf_frame, compressed, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, plm_keys),
};

const struct hf_arch gg_hf_arch_minicpm3 = {
    .gguf = "minicpm3",
    .classes = LIST("MiniCPM3ForCausalLM"),
    .rules = RULES(gg_hf_frame, compressed, gg_hf_mlp),
    .keys = KEYS(minicpm3_keys),
    .flags = HF_ROPE_FACTORS,
};
