/* Architectures: Gemma. */
#include "lib/hf/arch.h"

static const struct hf_rule gemma[] = {
    T_DROP("lm_head"), /* the embedding again */
    T("model.norm", "output_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm", .how = HF_PLUS_ONE),
    T_END,
};
static const struct hf_rule gemma2[] = {
    T_DROP("lm_head"),
    T("model.norm", "output_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.pre_feedforward_layernorm", "blk.{L}.ffn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.post_feedforward_layernorm", "blk.{L}.post_ffw_norm", .how = HF_PLUS_ONE),
    T_END,
};
static const struct hf_rule gemma3[] = {
    T("model.embed_tokens", "token_embd", .how = HF_TOKENS),
    T("lm_head", "output"),
    T("model.layers.{L}.self_attn.q_norm", "blk.{L}.attn_q_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.k_norm", "blk.{L}.attn_k_norm", .how = HF_PLUS_ONE),
    T_DROP("*vision_tower.*"),
    T_DROP("*multi_modal_projector.*"),
    T_END,
};

/* Of EmbeddingGemma, behind its pooling (pooling.c names them so). */
static const struct hf_rule dense[] = {
    T("dense_2.linear", "dense_2"),
    T("dense_3.linear", "dense_3"),
    T_END,
};

static const struct hf_key gemma_keys[] = {
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_NEED(".block_count", U32, "num_hidden_layers"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads|num_attention_heads"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps"),
    K_NEED(".attention.key_length", U32, "head_dim"),
    K_NEED(".attention.value_length", U32, "head_dim"),
    K_BLOCK(HF_FILE_TYPE),
    K_END,
};
static const struct hf_key gemma2_keys[] = {
    K_NEED(".attn_logit_softcapping", F32, "attn_logit_softcapping"),
    K_NEED(".final_logit_softcapping", F32, "final_logit_softcapping"),
    K_NEED(".attention.sliding_window", U32, "sliding_window"),
    K_END,
};
static const struct hf_key gemma3_keys[] = {
    K(".context_length", U32, "max_position_embeddings", .fallback = "131072"),
    K(".attention.head_count", U32, "num_attention_heads", .fallback = "8"),
    K(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps", .fallback = "1e-6"),
    K(".attention.key_length", U32, "head_dim", .fallback = "256"),
    K(".attention.value_length", U32, "head_dim", .fallback = "256"),
    K(".rope.freq_base", F32, NULL, .fallback = "1000000", .what = HF_ROPE_BASE),
    K(".final_logit_softcapping", F32, "final_logit_softcapping"),
    K(".attention.sliding_window", U32, "sliding_window", .fallback = "!", .what = HF_WINDOW),
    K(".attention.head_count_kv", U32, "num_key_value_heads", .fallback = "4"),
    K_END,
};
static const struct hf_extra_key gemma_extra[] = {
    {0, "tokenizer.ggml.eot_token_id", GGF_U32, "107"},
    {0, NULL, GGF_U32, NULL},
};

const struct hf_arch gg_hf_arch_gemma = {
    .gguf = "gemma",
    .classes = LIST("GemmaForCausalLM"),
    .rules = RULES(gemma, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gemma_keys),
    .extra_keys = gemma_extra,
    .flags = HF_NO_SPACE_PREFIX,
};

const struct hf_arch gg_hf_arch_gemma2 = {
    .gguf = "gemma2",
    .classes = LIST("Gemma2ForCausalLM"),
    .rules = RULES(gemma2, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gemma_keys, gemma2_keys),
    .flags = HF_NO_SPACE_PREFIX,
};

const struct hf_arch gg_hf_arch_gemma3 = {
    .gguf = "gemma3",
    .classes = LIST("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"),
    .rules = RULES(gemma3, gemma2, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gemma3_keys),
    /* Gemma3TextConfig of transformers; the vocabulary's size is that of the embedding anyway */
    .defaults = "{\"max_position_embeddings\": 131072, \"num_attention_heads\": 8,"
                " \"num_key_value_heads\": 4, \"head_dim\": 256, \"rms_norm_eps\": 1e-6,"
                " \"rope_theta\": 1000000, \"rope_local_base_freq\": 10000}",
    .flags = HF_NO_SPACE_PREFIX,
};

const struct hf_arch gg_hf_arch_gemma_embedding = {
    .gguf = "gemma-embedding",
    .classes = LIST("Gemma3TextModel"),
    .rules = RULES(dense, gemma3, gemma2, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gemma3_keys, gg_hf_pooling),
    /* Gemma3TextConfig of transformers; the vocabulary's size is that of the embedding anyway */
    .defaults = "{\"max_position_embeddings\": 131072, \"num_attention_heads\": 8,"
                " \"num_key_value_heads\": 4, \"head_dim\": 256, \"rms_norm_eps\": 1e-6,"
                " \"rope_theta\": 1000000, \"rope_local_base_freq\": 10000}",
    .flags = HF_NO_SPACE_PREFIX | HF_DENSE,
};
