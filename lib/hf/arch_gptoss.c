/* Architectures: gpt-oss. */
#include "lib/hf/arch.h"

/* Expert matrices are stored with inputs as rows; gate and up alternate in their columns. */
static const struct hf_rule gpt_oss[] = {
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T("model.layers.{L}.self_attn.sinks", "blk.{L}.attn_sinks.weight"),
    T("model.layers.{L}.mlp.router", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.mlp.experts.down_proj", "blk.{L}.ffn_down_exps.weight", .layout = "E c r -> E r c"),
    T("model.layers.{L}.mlp.experts.down_proj_bias", "blk.{L}.ffn_down_exps.bias"),
    T("model.layers.{L}.mlp.experts.gate_up_proj", "blk.{L}.ffn_gate_exps.weight",
      .layout = "E c (r 2[0]) -> E r c"),
    T("model.layers.{L}.mlp.experts.gate_up_proj", "blk.{L}.ffn_up_exps.weight",
      .layout = "E c (r 2[1]) -> E r c"),
    /* in MXFP4, turned round already (nvfp4.c) */
    T("model.layers.{L}.mlp.experts.down_proj_blocks", "blk.{L}.ffn_down_exps.weight"),
    T("model.layers.{L}.mlp.experts.gate_up_proj_blocks", "blk.{L}.ffn_gate_exps.weight",
      .layout = "E (r 2[0]) c -> E r c"),
    T("model.layers.{L}.mlp.experts.gate_up_proj_blocks", "blk.{L}.ffn_up_exps.weight",
      .layout = "E (r 2[1]) c -> E r c"),
    T("model.layers.{L}.mlp.experts.gate_up_proj_bias", "blk.{L}.ffn_gate_exps.bias",
      .layout = "E (r 2[0]) -> E r"),
    T("model.layers.{L}.mlp.experts.gate_up_proj_bias", "blk.{L}.ffn_up_exps.bias",
      .layout = "E (r 2[1]) -> E r"),
    T_END,
};

static const struct hf_key gpt_oss_keys[] = {
    K_NEED(".attention.sliding_window", U32, "sliding_window"),
    K_NEED(".expert_feed_forward_length", U32, "intermediate_size"),
    K_END,
};

const struct hf_arch gg_hf_arch_gpt_oss = {
    .gguf = "gpt-oss",
    .classes = LIST("GptOssForCausalLM"),
    .rules = RULES(gpt_oss, gg_hf_frame, gg_hf_attn),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gpt_oss_keys),
};
