/* Architectures: language models that diffuse: Dream, LLaDA, RND1. */
#include "lib/hf/arch.h"

static const struct hf_rule llada[] = {
    T("model.transformer.wte", "token_embd"),
    T("model.transformer.ln_f", "output_norm"),
    T("model.transformer.ff_out", "output"),
    T("model.transformer.blocks.{L}.attn_norm", "blk.{L}.attn_norm"),
    T("model.transformer.blocks.{L}.ff_norm", "blk.{L}.ffn_norm"),
    T("model.transformer.blocks.{L}.q_proj", "blk.{L}.attn_q", .how = HF_ROPE_Q),
    T("model.transformer.blocks.{L}.k_proj", "blk.{L}.attn_k", .how = HF_ROPE_K),
    T("model.transformer.blocks.{L}.v_proj", "blk.{L}.attn_v"),
    T("model.transformer.blocks.{L}.attn_out", "blk.{L}.attn_output"),
    T("model.transformer.blocks.{L}.ff_proj", "blk.{L}.ffn_gate"),
    T("model.transformer.blocks.{L}.up_proj", "blk.{L}.ffn_up"),
    T("model.transformer.blocks.{L}.ff_out", "blk.{L}.ffn_down"),
    T_END,
};

static const struct hf_key not_causal[] = {
    K_FIXED(".attention.causal", BOOL, "false"),
    K_END,
};
static const struct hf_key mask_token[] = {
    K("tokenizer.ggml.mask_token_id", U32, "mask_token_id"),
    K_END,
};
static const struct hf_key llada_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_SUM(".rope.dimension_count", U32, "head_dim", .when = "head_dim"),
    K_SUM(".rope.dimension_count", U32, "int((hidden_size|d_model) / H)", .when = "!head_dim"),
    K(".context_length", U32, "max_sequence_length", .fallback = "4096"),
    K(".embedding_length", U32, "d_model", .fallback = "4096"),
    K(".feed_forward_length", U32, "mlp_hidden_size", .fallback = "12288"),
    K_END,
};
static const struct hf_key llada_moe_keys[] = {
    K(".expert_feed_forward_length", U32, "expert_intermediate_size"),
    K_FIXED("tokenizer.ggml.mask_token_id", U32, "156895"),
    K_END,
};
static const struct hf_key not_shifted[] = {
    K_FIXED("diffusion.shift_logits", BOOL, "false"),
    K_END,
};
static const struct hf_key rnd1_keys[] = {
    K(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K(".expert_shared_feed_forward_length", U32, "shared_expert_intermediate_size"),
    K_END,
};
static const struct hf_extra_key begins[] = {
    {0, "tokenizer.ggml.add_bos_token", GGF_BOOL, "true"},
    {0, NULL, GGF_U32, NULL},
};

const struct hf_arch gg_hf_arch_dream = {
    .gguf = "dream",
    .classes = LIST("DreamModel"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_pooling, not_causal, mask_token),
    .flags = HF_ADDED_AS_MARKED,
};

const struct hf_arch gg_hf_arch_llada = {
    .gguf = "llada",
    .classes = LIST("LLaDAModelLM"),
    .rules = RULES(llada),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_pooling, llada_keys, not_causal, not_shifted),
    .extra_keys = begins,
    .flags = HF_ADDED_AS_MARKED,
};

const struct hf_arch gg_hf_arch_llada_moe = {
    .gguf = "llada-moe",
    .classes = LIST("LLaDAMoEModel", "LLaDAMoEModelLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, llada_moe_keys, not_causal, not_shifted),
};

const struct hf_arch gg_hf_arch_rnd1 = {
    .gguf = "rnd1",
    .classes = LIST("RND1"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, rnd1_keys, not_causal, mask_token),
};
