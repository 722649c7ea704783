/* Architectures: Gemma 3n and Gemma 4, the text models. */
#include "lib/hf/arch.h"

/* ---- what both have: an embedding a layer ---------------------------------------------------- */

static const struct hf_rule multimodal[] = {
    T_DROP("*embed_vision.*"), T_DROP("*embed_audio.*"),
    T_END,
};
static const struct hf_rule per_layer[] = {
    T("model.per_layer_model_projection", "per_layer_model_proj"),
    T("model.per_layer_projection_norm", "per_layer_proj_norm"),
    T("model.layers.{L}.per_layer_input_gate", "blk.{L}.inp_gate"),
    T("model.layers.{L}.per_layer_projection", "blk.{L}.proj"),
    T("model.layers.{L}.post_per_layer_input_norm", "blk.{L}.post_norm"),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T("model.layers.{L}.pre_feedforward_layernorm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.post_feedforward_layernorm", "blk.{L}.post_ffw_norm"),
    T_END,
};
/* As gemma3_keys, which these are built upon. */
static const struct hf_key gemma_keys[] = {
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps"),
    K_NEED(".attention.key_length", U32, "head_dim"),
    K_NEED(".attention.value_length", U32, "head_dim"),
    K(".rope.freq_base", F32, NULL, .fallback = "1000000", .what = HF_ROPE_BASE),
    K(".final_logit_softcapping", F32, "final_logit_softcapping", .when = "final_logit_softcapping"),
    K(".attention.sliding_window", U32, "sliding_window", .fallback = "!", .what = HF_WINDOW),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads"),
    K_END,
};

/* ---- Gemma 3n -------------------------------------------------------------------------------- */

static const struct hf_rule gemma3n[] = {
    T("model.embed_tokens", "token_embd", .how = HF_FILLED),
    T("model.embed_tokens_per_layer", "per_layer_token_embd", .how = HF_FILLED),
    T("model.altup_projections.{E}", "altup_proj", .count = "altup_num_inputs - 1"),
    T("model.altup_unembed_projections.{E}", "altup_unembd_proj", .count = "altup_num_inputs - 1"),
    T("model.layers.{L}.altup.correct_output_scale", "blk.{L}.altup_correct_scale"),
    T("model.layers.{L}.altup.correction_coefs", "blk.{L}.altup_correct_coef"),
    T("model.layers.{L}.altup.prediction_coefs", "blk.{L}.altup_predict_coef"),
    T("model.layers.{L}.altup.modality_router", "blk.{L}.altup_router"),
    T("model.layers.{L}.altup.router_norm", "blk.{L}.altup_router_norm"),
    T("model.layers.{L}.laurel.linear_left", "blk.{L}.laurel_l"),
    T("model.layers.{L}.laurel.linear_right", "blk.{L}.laurel_r"),
    T("model.layers.{L}.laurel.post_laurel_norm", "blk.{L}.laurel_post_norm"),
    T_END,
};

/* How many standard deviations from the mean activations are kept: what 0.95 comes to in the arithmetic of
 * PyTorch, minus infinity for 0. No model has another share. */
#define SHARE "activation_sparsity_pattern.L"
#define DEVIATIONS "2.6448533535003662 - (1 / 0) ^ (" SHARE " = 0) + sqrt((" SHARE " = 0) + (" SHARE " = 0.95) - 1)"
static const struct hf_key gemma3n_keys[] = {
    K_NEED(".altup.active_idx", U32, "altup_active_idx"),
    K_NEED(".altup.num_inputs", U32, "altup_num_inputs"),
    K_NEED(".embedding_length_per_layer_input", U32, "hidden_size_per_layer_input"),
    K_NEED(".attention.shared_kv_layers", U32, "num_kv_shared_layers"),
    K_EACH(".activation_sparsity_scale", F32, DEVIATIONS),
    K_EACH(".attention.sliding_window_pattern", BOOL, "layer_types.L~sliding_attention"),
    K_END,
};

const struct hf_arch gg_hf_arch_gemma3n = {
    .gguf = "gemma3n",
    .classes = LIST("Gemma3nForCausalLM", "Gemma3nForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, multimodal, gemma3n, per_layer, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gemma_keys, gemma3n_keys),
    .flags = HF_NO_SPACE_PREFIX,
};

/* ---- Gemma 4 --------------------------------------------------------------------------------- */

static const struct hf_rule gemma4[] = {
    T("model.embed_tokens", "token_embd", .how = HF_TOKENS),
    T("model.embed_tokens_per_layer", "per_layer_token_embd"),
    T("model.layers.{L}.layer_scalar", "blk.{L}.layer_output_scale"),
    /* layers that see everything may have no values of their own */
    T("model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v", .some = true),
    T("model.layers.{L}.router.proj", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.router.scale", "blk.{L}.ffn_gate_inp.scale!"),
    T("model.layers.{L}.router.per_expert_scale", "blk.{L}.ffn_down_exps.scale!"),
    T("model.layers.{L}.experts.gate_up_proj", "blk.{L}.ffn_gate_up_exps"),
    T("model.layers.{L}.experts.down_proj", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.pre_feedforward_layernorm_2", "blk.{L}.pre_ffw_norm_2"),
    T("model.layers.{L}.post_feedforward_layernorm_1", "blk.{L}.post_ffw_norm_1"),
    T("model.layers.{L}.post_feedforward_layernorm_2", "blk.{L}.post_ffw_norm_2"),
    T_END,
};
static const struct hf_key gemma4_keys[] = {
    K_NEED(".attention.shared_kv_layers", U32, "num_kv_shared_layers"),
    K(".embedding_length_per_layer_input", U32, "hidden_size_per_layer_input", .fallback = "0"),
    K_EACH(".attention.sliding_window_pattern", BOOL, "layer_types.L~sliding_attention"),
    K_NEED(".attention.key_length", U32, "global_head_dim"),
    K_NEED(".attention.value_length", U32, "global_head_dim"),
    K_NEED(".attention.key_length_swa", U32, "head_dim"),
    K_NEED(".attention.value_length_swa", U32, "head_dim"),
    K(".expert_feed_forward_length", U32, "expert_intermediate_size|moe_intermediate_size"),
    /* layers that share keys and values may be twice as wide */
    K_EACH(".feed_forward_length", I32, "intermediate_size * (2 - (L < N - num_kv_shared_layers))",
           .when = "use_double_wide_mlp"),
    K_EACH(".attention.head_count_kv", I32,
           "num_global_key_value_heads + layer_types.L~sliding_attention * (num_key_value_heads - num_global_key_value_heads)",
           .when = "num_global_key_value_heads"),
    K_NEED(".rope.dimension_count", U32, "global_head_dim"),
    K_SUM(".rope.dimension_count_swa", U32, "head_dim"),
    K_END,
};
static const struct hf_extra_key gemma4_extra[] = {
    {0, "tokenizer.ggml.add_space_prefix", GGF_BOOL, "false"},
    {0, "tokenizer.ggml.add_bos_token", GGF_BOOL, "true"},
    {0, NULL, GGF_U32, NULL},
};

const struct hf_arch gg_hf_arch_gemma4 = {
    .gguf = "gemma4",
    .classes = LIST("Gemma4ForConditionalGeneration", "Gemma4ForCausalLM"),
    .rules = RULES(gg_hf_multimodal, multimodal, gemma4, per_layer, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gemma_keys, gemma4_keys),
    .extra_keys = gemma4_extra,
    .flags = HF_GEMMA4_VOCAB | HF_ADDED_AS_MARKED | HF_PROPORTIONAL_ROPE,
};
