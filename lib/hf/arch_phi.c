/* Architectures: Phi. */
#include "lib/hf/arch.h"

static const struct hf_rule phi3[] = {
    T("model.layers.{L}.self_attn.qkv_proj", "blk.{L}.attn_qkv"),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output"),
    T("model.layers.{L}.mlp.gate_up_proj", "blk.{L}.ffn_up"),
    T("model.layers.{L}.mlp.down_proj", "blk.{L}.ffn_down"),
    T_END,
};

static const struct hf_key phi3_keys[] = {
    K_NEED(".context_length", U32, "n_positions|max_position_embeddings"),
    K(".rope.scaling.original_context_length", U32, NULL, .fallback = "!", .what = HF_ROPE_ORIG),
    K_NEED(".embedding_length", U32, "hidden_size|n_embd"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_NEED(".block_count", U32, "n_layers|num_hidden_layers|n_layer|num_layers"),
    K_NEED(".attention.head_count", U32, "num_attention_heads|n_head"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads|n_head_kv"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps"),
    K(".rope.dimension_count", U32, NULL, .what = HF_PARTIAL_DIM),
    K(".rope.freq_base", F32, NULL, .fallback = "!", .what = HF_ROPE_BASE),
    K_BLOCK(HF_FILE_TYPE),
    /* 0 tells Phi-4 from the others */
    K(".attention.sliding_window", U32, "sliding_window", .fallback = "0"),
    K_END,
};

const struct hf_arch gg_hf_arch_phi3 = { /* Phi-3, 3.5, 4 */
    .gguf = "phi3",
    .classes = LIST("Phi3ForCausalLM", "Phi4ForCausalLMV"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, phi3),
    .keys = KEYS(phi3_keys),
    .flags = HF_ADDED_PLAIN | HF_LONGROPE,
};

static const struct hf_rule phi2[] = {
    T("model.final_layernorm", "output_norm"),
    T("model.layers.{L}.self_attn.dense", "blk.{L}.attn_output"),
    T("model.layers.{L}.mlp.fc1", "blk.{L}.ffn_up"),
    T("model.layers.{L}.mlp.fc2", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key phi2_keys[] = {
    K_NEED(".context_length", U32, "n_positions|max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size|n_embd"),
    K_SUM(".feed_forward_length", U32, "4 * (hidden_size|n_embd)"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".attention.head_count", U32, "num_attention_heads|n_head"),
    K_NEED(".attention.head_count_kv", U32, "num_attention_heads|n_head"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon|layer_norm_eps"),
    K_SUM(".rope.dimension_count", U32, "int(rope.partial_rotary_factor * (hidden_size|n_embd)) / H"),
    K_BLOCK(HF_FILE_TYPE),
    K_FIXED("tokenizer.ggml.add_bos_token", BOOL, "false"),
    K_END,
};
static const struct hf_key phimoe_keys[] = {
    K_NEED(".expert_used_count", U32, "num_experts_per_tok|num_experts_per_token"),
    K_NEED(".expert_count", U32, "num_local_experts|num_experts"),
    K_END,
};

const struct hf_arch gg_hf_arch_phi2 = { /* Phi-1, 1.5, 2 */
    .gguf = "phi2",
    .classes = LIST("PhiForCausalLM"),
    .rules = RULES(phi2, gg_hf_frame, gg_hf_attn),
    .keys = KEYS(phi2_keys),
};

const struct hf_arch gg_hf_arch_phimoe = {
    .gguf = "phimoe",
    .classes = LIST("PhiMoEForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_mixtral_moe),
    .keys = KEYS(phi3_keys, phimoe_keys),
    .flags = HF_ADDED_PLAIN | HF_LONGROPE,
};
