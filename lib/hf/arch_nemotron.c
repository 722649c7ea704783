/* Architectures: Nemotron, DeciLM (Nemotron-NAS). */
#include "lib/hf/arch.h"

/* ---- Nemotron -------------------------------------------------------------------------------- */

static const struct hf_rule nemotron[] = { /* norms are stored around zero, their biases are not */
    T("model.norm.weight", "output_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.input_layernorm.weight", "blk.{L}.attn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.post_attention_layernorm.weight", "blk.{L}.ffn_norm", .how = HF_PLUS_ONE),
    T_END,
};
static const struct hf_key nemotron_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_eps|layer_norm_epsilon|norm_epsilon|norm_eps"),
    K_SUM(".rope.dimension_count", U32,
          "int(rope.partial_rotary_factor * (hidden_size|n_embd)) / H"),
    K_FIXED(".rope.scaling.type", STR, "none", .when = "!(factor|rope.factor)"),
    K_FIXED(".rope.scaling.type", STR, "linear", .when = "factor|rope.factor"),
    K_MAY(".rope.scaling.factor", F32, "factor|rope.factor"),
    K_END,
};
static const struct hf_extra_key nemotron_extra[] = {
    {0, "tokenizer.ggml.padding_token_id", GGF_U32, "0"},
    {0, "tokenizer.ggml.unknown_token_id", GGF_U32, "1"},
    {0, NULL, GGF_U32, NULL},
};

const struct hf_arch gg_hf_arch_nemotron = {
    .gguf = "nemotron",
    .classes = LIST("NemotronForCausalLM"),
    .rules = RULES(nemotron, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, nemotron_keys),
    .extra_keys = nemotron_extra,
};

/* ---- DeciLM, Nemotron-NAS: layers of different widths ----------------------------------------- */

/* Query heads share keys in groups; where no group is named there is no attention, or a matrix in its place. */
#define GROUP "(block_configs.L.attention.n_heads_in_group|0)"
#define BLOCK_KV "int(num_attention_heads * !!" GROUP " / (" GROUP " + !" GROUP "))"
static const struct hf_rule deci[] = {
    T("model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", .some = true),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm", .some = true),
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q", .how = HF_ROPE_Q, .some = true),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", .some = true, .when = "block_configs",
      .layout = "(k=" BLOCK_KV " 2 d) * -> (k d 2) *"),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", .some = true, .when = "!block_configs",
      .layout = "(k=num_key_value_heads_per_layer.L 2 d) * -> (k d 2) *"),
    T("model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v", .some = true),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output", .some = true),
    T("model.layers.{L}.self_attn.linear_attn", "blk.{L}.attn_output", .some = true),
    T("model.layers.{L}.mlp.gate_proj", "blk.{L}.ffn_gate", .some = true),
    T("model.layers.{L}.mlp.up_proj", "blk.{L}.ffn_up", .some = true),
    T("model.layers.{L}.mlp.down_proj", "blk.{L}.ffn_down", .some = true),
    T_END,
};
static const struct hf_key nas_keys[] = {
    K(".rope.freq_base", F32, NULL, .what = HF_ROPE_BASE),
    K_EACH(".attention.head_count_kv", I32, BLOCK_KV),
    K_EACH(".attention.head_count", I32,
           "num_attention_heads * !!(" GROUP " + (block_configs.L.attention.replace_with_linear|0))"),
    K_EACH(".feed_forward_length", I32,
           "256 * int((int(2 * (block_configs.L.ffn.ffn_mult|0) * hidden_size / 3) + 255) / 256)"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps"),
    K_SUM(".attention.key_length", U32, "int(hidden_size / num_attention_heads)"),
    K_SUM(".attention.value_length", U32, "int(hidden_size / num_attention_heads)"),
    K_END,
};
static const struct hf_key deci_keys[] = {
    K_EACH(".attention.head_count_kv", I32, "num_key_value_heads_per_layer.L",
           .when = "num_key_value_heads_per_layer"),
    K_END,
};

const struct hf_arch gg_hf_arch_nemotron_nas = {
    .gguf = "deci",
    .classes = LIST("DeciLMForCausalLM"),
    .when = "block_configs",
    .rules = RULES(deci, gg_hf_frame),
    .keys = KEYS(nas_keys, gg_hf_file_key, gg_hf_llama_keys),
    .each_layer = "blk.{L}",
    .flags = HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_deci = {
    .gguf = "deci",
    .classes = LIST("DeciLMForCausalLM"),
    .rules = RULES(deci, gg_hf_frame),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, deci_keys, gg_hf_llama_keys),
    .each_layer = "blk.{L}",
    .flags = HF_LLAMA3_ROPE,
};
