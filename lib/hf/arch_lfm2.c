/* Architectures: LFM2, layers of short convolutions between those of attention. */
#include "lib/hf/arch.h"

static const struct hf_rule lfm2[] = {
    T("model.embedding_norm", "token_embd_norm"),
    T("model.layers.{L}.operator_norm", "blk.{L}.attn_norm"),
    T("model.layers.{L}.ffn_norm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.conv.conv", "blk.{L}.shortconv.conv", .layout = "c 1 k -> c k"),
    T("model.layers.{L}.conv.in_proj", "blk.{L}.shortconv.in_proj"),
    T("model.layers.{L}.conv.out_proj", "blk.{L}.shortconv.out_proj"),
    T("model.layers.{L}.self_attn.out_proj", "blk.{L}.attn_output"),
    T("model.layers.{L}.self_attn.q_layernorm", "blk.{L}.attn_q_norm"),
    T("model.layers.{L}.self_attn.k_layernorm", "blk.{L}.attn_k_norm"),
    T("model.layers.{L}.feed_forward.w1", "blk.{L}.ffn_gate"),
    T("model.layers.{L}.feed_forward.w2", "blk.{L}.ffn_down"),
    T("model.layers.{L}.feed_forward.w3", "blk.{L}.ffn_up"),
    T("model.layers.{L}.feed_forward.gate", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.feed_forward.expert_bias", "blk.{L}.exp_probs_b.bias"),
    T("model.layers.{L}.feed_forward.experts.{E}.w1", "blk.{L}.ffn_gate_exps"),
    T("model.layers.{L}.feed_forward.experts.{E}.w2", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.feed_forward.experts.{E}.w3", "blk.{L}.ffn_up_exps"),
    T_END,
};

/* Two thirds of what config.json says, by a factor, up to the next multiple. */
#define ADJUSTED "int(block_ffn_dim_multiplier|1 * int(2 * (block_ff_dim|intermediate_size) / 3))"
static const struct hf_key kv_heads[] = {
    K_EACH(".attention.head_count_kv", I32, "num_key_value_heads * layer_types.L~full_attention"),
    K_END,
};
static const struct hf_key lfm2_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".shortconv.l_cache", U32, "conv_L_cache"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "norm_eps"),
    K_NEED(".feed_forward_length", U32, "block_ff_dim|intermediate_size", .when = "!block_auto_adjust_ff_dim"),
    K_SUM(".feed_forward_length", U32,
          "block_multiple_of * int((" ADJUSTED " + block_multiple_of - 1) / block_multiple_of)",
          .when = "block_auto_adjust_ff_dim"),
    K_END,
};
static const struct hf_key lfm2moe_keys[] = {
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_NEED(".leading_dense_block_count", U32, "num_dense_layers"),
    K_FIXED(".expert_gating_func", U32, "2"), /* sigmoid */
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".shortconv.l_cache", U32, "conv_L_cache"),
    K_END,
};

/* What LFM2-Audio hears and speaks with. */
static const struct hf_rule audio[] = {
    T_DROP("*audio*"), T_DROP("*codebook*"), T_DROP("*conformer*"), T_DROP("*depth_embedding*"),
    T_DROP("*depthformer*"), T_DROP("*depth_linear*"),
    T_END,
};

const struct hf_arch gg_hf_arch_lfm2 = {
    .gguf = "lfm2",
    .classes = LIST("Lfm2ForCausalLM", "LFM2ForCausalLM"),
    .prefixes = LIST("lfm."),
    .rules = RULES(audio, gg_hf_multimodal, lfm2, gg_hf_frame, gg_hf_attn),
    .keys = KEYS(gg_hf_base_keys, kv_heads, gg_hf_head_keys, gg_hf_file_key, lfm2_keys),
};

const struct hf_arch gg_hf_arch_lfm2moe = {
    .gguf = "lfm2moe",
    .classes = LIST("Lfm2MoeForCausalLM"),
    .rules = RULES(gg_hf_multimodal, lfm2, gg_hf_frame, gg_hf_attn),
    .keys = KEYS(gg_hf_base_keys, kv_heads, gg_hf_head_keys, gg_hf_file_key, lfm2moe_keys),
};

/* Embedding models. */
static const struct hf_key embedding_keys[] = {
    K_FIXED(".attention.causal", BOOL, "false", .when = "architectures~Lfm2BidirectionalModel"),
    K_BLOCK(HF_POOLING),
    K_END,
};

const struct hf_arch gg_hf_arch_lfm2_embedding = {
    .gguf = "lfm2",
    .classes = LIST("Lfm2Model", "Lfm2BidirectionalModel"),
    .rules = RULES(lfm2, gg_hf_frame, gg_hf_attn),
    .keys = KEYS(gg_hf_base_keys, kv_heads, gg_hf_head_keys, gg_hf_file_key, lfm2_keys, embedding_keys),
};
