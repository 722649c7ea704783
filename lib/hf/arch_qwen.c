/* Architectures: Qwen, Qwen2 and 3, with experts too. */
#include "lib/hf/arch.h"

const struct hf_rule gg_hf_qwen_moe[] = { /* besides gg_hf_experts */
    T("model.layers.{L}.mlp.shared_expert_gate", "blk.{L}.ffn_gate_inp_shexp"),
    T("model.layers.{L}.mlp.shared_expert.gate_proj", "blk.{L}.ffn_gate_shexp"),
    T("model.layers.{L}.mlp.shared_expert.up_proj", "blk.{L}.ffn_up_shexp"),
    T("model.layers.{L}.mlp.shared_expert.down_proj", "blk.{L}.ffn_down_shexp"),
    T_END,
};

static const struct hf_rule kormo[] = {
    T("model.layers.{L}.pre_attention_layernorm", "blk.{L}.attn_norm"),
    T("model.layers.{L}.pre_mlp_layernorm", "blk.{L}.ffn_norm"),
    T_END,
};

const struct hf_arch gg_hf_arch_qwen2 = {
    .gguf = "qwen2",
    .classes = LIST("Qwen2ForCausalLM", "Qwen2Model", "Qwen2AudioForConditionalGeneration",
                    "AudioFlamingo3ForConditionalGeneration", "DotsOCRForCausalLM", "KORMoForCausalLM"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn, gg_hf_mlp, kormo),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_pooling),
};

const struct hf_arch gg_hf_arch_qwen2moe = {
    .gguf = "qwen2moe",
    .classes = LIST("Qwen2MoeForCausalLM"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn, gg_hf_mlp, gg_hf_qwen_moe, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys),
};

const struct hf_arch gg_hf_arch_qwen3 = {
    .gguf = "qwen3",
    .classes = LIST("Qwen3ForCausalLM", "Qwen3Model", "StepVLForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_pooling),
};

const struct hf_arch gg_hf_arch_qwen3moe = {
    .gguf = "qwen3moe",
    .classes = LIST("Qwen3MoeForCausalLM"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_qwen_moe, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys),
};

/* ---- Qwen (1) -------------------------------------------------------------------------------- */

static const struct hf_rule qwen[] = {
    T("wte", "token_embd"),
    T("ln_f", "output_norm"),
    T("lm_head", "output"),
    T("h.{L}.ln_1", "blk.{L}.attn_norm"),
    T("h.{L}.ln_2", "blk.{L}.ffn_norm"),
    T("h.{L}.attn.c_attn", "blk.{L}.attn_qkv"),
    T("h.{L}.attn.c_proj", "blk.{L}.attn_output"),
    T("h.{L}.mlp.w1", "blk.{L}.ffn_up"),
    T("h.{L}.mlp.w2", "blk.{L}.ffn_gate"),
    T("h.{L}.mlp.c_proj", "blk.{L}.ffn_down"),
    T_END,
};

const struct hf_arch gg_hf_arch_qwen = {
    .gguf = "qwen",
    .classes = LIST("QWenLMHeadModel"),
    .rules = RULES(qwen),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};
