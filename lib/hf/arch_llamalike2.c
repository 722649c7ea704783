/* Architectures: more that are Llama with a difference: InternLM3, Orion, Jais 2, Maincoder, Nanbeige, openPangu, PLM, MiniCPM3. */
#include "lib/hf/arch.h"

const struct hf_arch gg_hf_arch_internlm3 = {
    .gguf = "llama",
    .classes = LIST("InternLM3ForCausalLM"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .tokens = "!eos=<|im_end|>",
    .flags = HF_PREFIX_BEHIND,
};

/* ---- Orion: norms have biases, whatever the name of their epsilon ---------------------------- */

static const struct hf_key orion_keys[] = {
    K_BLOCK(HF_FILE_TYPE),
    K_FIXED(".tensor_data_layout", STR, "Meta AI original pth"),
    K_NEED(".context_length", U32, "max_sequence_length|max_position_embeddings|model_max_length"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads|num_attention_heads"),
    K_NEED(".attention.layer_norm_epsilon", F32, "rms_norm_eps"),
    K_END,
};

const struct hf_arch gg_hf_arch_orion = {
    .gguf = "orion",
    .classes = LIST("OrionForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(orion_keys),
};

/* ---- Jais 2, Maincoder, Nanbeige, openPangu -------------------------------------------------- */

static const struct hf_key whole_rope[] = {
    K(".rope.dimension_count", U32, NULL, .what = HF_HEAD_DIM),
    K_END,
};
static const struct hf_key maincoder_keys[] = {
    K(".rope.dimension_count", U32, "head_dim"),
    K_END,
};
static const struct hf_key nanbeige_keys[] = { /* layers are gone through several times */
    K_SUM(".num_loops", U32, "num_loops", .when = "num_loops"),
    K_FIXED(".num_loops", U32, "1", .when = "!num_loops"),
    K(".skip_loop_final_norm", BOOL, "skip_loop_final_norm", .fallback = "false"),
    K_END,
};
static const struct hf_rule tied[] = {
    T_DROP("lm_head", .when = "tie_word_embeddings"),
    T_END,
};
static const struct hf_key pangu_keys[] = {
    K_SUM(".attention.key_length", U32, "D", .when = "!head_dim"),
    K_SUM(".attention.value_length", U32, "D", .when = "!head_dim"),
    K_END,
};

const struct hf_arch gg_hf_arch_jais2 = {
    .gguf = "jais2",
    .classes = LIST("Jais2ForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, whole_rope),
};

const struct hf_arch gg_hf_arch_maincoder = {
    .gguf = "maincoder",
    .classes = LIST("MaincoderForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, maincoder_keys),
};

const struct hf_arch gg_hf_arch_nanbeige = {
    .gguf = "nanbeige",
    .classes = LIST("NanbeigeForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys, nanbeige_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_pangu = {
    .gguf = "pangu-embedded",
    .classes = LIST("PanguEmbeddedForCausalLM"),
    .rules = RULES(tied, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys, pangu_keys),
    .flags = HF_PREFIX_LAST,
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
