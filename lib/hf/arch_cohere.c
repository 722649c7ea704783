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
