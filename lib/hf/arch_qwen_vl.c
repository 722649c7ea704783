/* Architectures: the text models of Qwen2-VL, Qwen2.5-VL and Qwen3-VL. */
#include "lib/hf/arch.h"

/* Expert matrices are stored with inputs as rows, gate beside up. */
static const struct hf_rule qwen3vl_moe[] = {
    T("model.layers.{L}.mlp.experts.down_proj", "blk.{L}.ffn_down_exps", .layout = "E c r -> E r c"),
    T("model.layers.{L}.mlp.experts.gate_up_proj", "blk.{L}.ffn_gate_exps",
      .layout = "E c (2[0] r) -> E r c"),
    T("model.layers.{L}.mlp.experts.gate_up_proj", "blk.{L}.ffn_up_exps", .layout = "E c (2[1] r) -> E r c"),
    T_END,
};

static const struct hf_key deepstack[] = { /* layers the outputs of the vision layers are added to */
    K_SUM(".n_deepstack_layers", U32, "vision_config.deepstack_visual_indexes|0"),
    K_END,
};

const struct hf_arch gg_hf_arch_qwen2vl = {
    .gguf = "qwen2vl",
    .classes = LIST("Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration", "Qwen2VLModel",
                    "Qwen2_5OmniModel"),
    .prefixes = LIST("thinker."),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
};

const struct hf_arch gg_hf_arch_qwen3vl = {
    .gguf = "qwen3vl",
    .classes = LIST("Qwen3VLForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_pooling, deepstack),
};

const struct hf_arch gg_hf_arch_qwen3vlmoe = {
    .gguf = "qwen3vlmoe",
    .classes = LIST("Qwen3VLMoeForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, qwen3vl_moe, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp,
                   gg_hf_qwen_moe, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys, deepstack),
};

/* ---- the text model of Qwen3-Omni ----------------------------------------------------------- */

static const struct hf_key no_deepstack[] = {
    K_FIXED(".n_deepstack_layers", U32, "0"),
    K_END,
};
static const struct hf_extra_key omni_extra[] = { /* their files name others */
    {0, "tokenizer.ggml.bos_token_id", GGF_U32, "<|im_end|>"},
    {0, "tokenizer.ggml.eos_token_id", GGF_U32, "<|im_end|>"},
    {0, NULL, GGF_U32, NULL},
};

const struct hf_arch gg_hf_arch_qwen3omni = {
    .gguf = "qwen3vlmoe",
    .classes = LIST("Qwen3OmniMoeForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, qwen3vl_moe, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp,
                   gg_hf_qwen_moe, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys, no_deepstack),
    .extra_keys = omni_extra,
    .prefixes = LIST("thinker."),
};
