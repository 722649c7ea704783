/* Architectures: InternLM2, InternLM3. */
#include "lib/hf/arch.h"

/* Groups of query heads, each with its key and its value behind it. */
#define INTERNLM_S "s=H/K+2"
static const struct hf_rule internlm2[] = {
    T("model.tok_embeddings", "token_embd"),
    T("model.norm", "output_norm"),
    T("output", "output"),
    T("model.layers.{L}.attention_norm", "blk.{L}.attn_norm"),
    T("model.layers.{L}.ffn_norm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.attention.wqkv", "blk.{L}.attn_q",
      .layout = "(K " INTERNLM_S "[0:H/K] 2 d) * -> (K s d 2) *"),
    T("model.layers.{L}.attention.wqkv", "blk.{L}.attn_k",
      .layout = "(K " INTERNLM_S "[H/K] 2 d) * -> (K s d 2) *"),
    T("model.layers.{L}.attention.wqkv", "blk.{L}.attn_v",
      .layout = "(K " INTERNLM_S "[H/K+1] d) * -> (K s d) *"),
    T("model.layers.{L}.attention.wo", "blk.{L}.attn_output"),
    T("model.layers.{L}.feed_forward.w1", "blk.{L}.ffn_gate"),
    T("model.layers.{L}.feed_forward.w2", "blk.{L}.ffn_down"),
    T("model.layers.{L}.feed_forward.w3", "blk.{L}.ffn_up"),
    T_END,
};

const struct hf_arch gg_hf_arch_internlm2 = {
    .gguf = "internlm2",
    .classes = LIST("InternLM2ForCausalLM"),
    .rules = RULES(gg_hf_multimodal, internlm2),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
    .tokens = "!eos=<|im_end|>", /* of the chat models */
    .flags = HF_SPACE_PREFIX,
};

const struct hf_arch gg_hf_arch_internlm3 = {
    .gguf = "llama",
    .classes = LIST("InternLM3ForCausalLM"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .tokens = "!eos=<|im_end|>",
    .flags = HF_PREFIX_BEHIND,
};
