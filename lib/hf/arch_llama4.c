/* Architectures: Llama 4. */
#include "lib/hf/arch.h"

/* Expert matrices are stored with inputs as rows, gate beside up. */
static const struct hf_rule llama4[] = {
    T("model.layers.{L}.feed_forward.gate_proj", "blk.{L}.ffn_gate"),
    T("model.layers.{L}.feed_forward.up_proj", "blk.{L}.ffn_up"),
    T("model.layers.{L}.feed_forward.down_proj", "blk.{L}.ffn_down"),
    T("model.layers.{L}.feed_forward.router", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.feed_forward.shared_expert.gate_proj", "blk.{L}.ffn_gate_shexp"),
    T("model.layers.{L}.feed_forward.shared_expert.up_proj", "blk.{L}.ffn_up_shexp"),
    T("model.layers.{L}.feed_forward.shared_expert.down_proj", "blk.{L}.ffn_down_shexp"),
    T("model.layers.{L}.feed_forward.experts.down_proj", "blk.{L}.ffn_down_exps", .layout = "E c r -> E r c"),
    T("model.layers.{L}.feed_forward.experts.gate_up_proj", "blk.{L}.ffn_gate_exps",
      .layout = "E c (2[0] r) -> E r c"),
    T("model.layers.{L}.feed_forward.experts.gate_up_proj", "blk.{L}.ffn_up_exps",
      .layout = "E c (2[1] r) -> E r c"),
    T_END,
};

static const struct hf_key llama4_keys[] = { /* intermediate_size is that of an expert */
    K_NEED(".feed_forward_length", U32, "intermediate_size_mlp"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".rope.dimension_count", U32, NULL, .what = HF_HEAD_DIM),
    K_NEED(".interleave_moe_layer_step", U32, "interleave_moe_layer_step"),
    K_NEED(".expert_feed_forward_length", U32, "intermediate_size"),
    /* all layers see everything */
    K_FIXED(".attention.sliding_window", U32, "0",
            .when = "layer_types * !(layer_types - layer_types~full_attention)"),
    K_END,
};

const struct hf_arch gg_hf_arch_llama4 = {
    .gguf = "llama4",
    .classes = LIST("Llama4ForConditionalGeneration", "Llama4ForCausalLM"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn, llama4),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, llama4_keys),
    .flags = HF_LLAMA3_ROPE,
};
