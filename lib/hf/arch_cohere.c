/* Architectures: Command-R and its successors. */
#include "lib/hf/arch.h"

static const struct hf_rule tied[] = { /* the embedding again */
    T_DROP("lm_head"),
    T_END,
};

static const struct hf_key command_r_keys[] = {
    K_NEED(".context_length", U32, "model_max_length|max_position_embeddings"),
    K_NEED(".logit_scale", F32, "logit_scale"),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K_END,
};
static const struct hf_key cohere2_keys[] = {
    K_NEED(".logit_scale", F32, "logit_scale"),
    K_NEED(".attention.sliding_window", U32, "sliding_window"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_SUM(".rope.dimension_count", U32, "rotary_pct * int(hidden_size / H)"),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K_END,
};

const struct hf_arch gg_hf_arch_command_r = {
    .gguf = "command-r",
    .classes = LIST("CohereForCausalLM"),
    .rules = RULES(tied, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, command_r_keys),
};

const struct hf_arch gg_hf_arch_cohere2 = {
    .gguf = "cohere2",
    .classes = LIST("Cohere2ForCausalLM"),
    .rules = RULES(tied, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, cohere2_keys),
};

/* ---- Cohere 2 MoE ---------------------------------------------------------------------------- */

static const struct hf_key cohere2moe_keys[] = {
    K_NEED(".logit_scale", F32, "logit_scale"),
    K_NEED(".attention.sliding_window", U32, "sliding_window"),
    K(".attention.sliding_window_pattern", BOOL, "sliding_attention", .what = HF_LAYERS),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".expert_feed_forward_length", U32, "intermediate_size"),
    K_SUM(".leading_dense_block_count", U32, "mlp_layer_types~dense", .when = "mlp_layer_types"),
    K_SUM(".leading_dense_block_count", U32, "first_k_dense_replace|0", .when = "!mlp_layer_types"),
    K(".expert_weights_norm", BOOL, "norm_topk_prob", .fallback = "false"),
    K(".expert_shared_count", U32, "num_shared_experts", .when = "num_shared_experts"),
    K_SUM(".expert_shared_feed_forward_length", U32, "intermediate_size * num_shared_experts",
          .when = "num_shared_experts"),
    K_MAY(".nextn_predict_layers", U32, "M", .when = "M"),
    K_NEED(".rope.dimension_count", U32, "head_dim"),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K_END,
};

const struct hf_arch gg_hf_arch_cohere2moe = {
    .gguf = "cohere2moe",
    .classes = LIST("Cohere2MoeForCausalLM"),
    .when = "!shared_expert_combination_strategy + shared_expert_combination_strategy~average",
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, cohere2moe_keys),
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};
