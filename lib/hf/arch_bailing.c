/* Architectures: Ling (BailingMoe). */
#include "lib/hf/arch.h"

static const struct hf_rule bailing[] = {
    T("model.word_embeddings", "token_embd"),
    T("model.layers.{L}.attention.dense", "blk.{L}.attn_output"),
    T_END,
};
static const struct hf_rule bailing1[] = {
    T("model.layers.{L}.attention.query_key_value", "blk.{L}.attn_q",
      .layout = "r[0:H*D]<H 2 d> * -> (H d 2) *"),
    T("model.layers.{L}.attention.query_key_value", "blk.{L}.attn_k",
      .layout = "r[H*D:(H+K)*D]<K 2 d> * -> (K d 2) *"),
    T("model.layers.{L}.attention.query_key_value", "blk.{L}.attn_v", .layout = "r[(H+K)*D:(H+2*K)*D] * -> r *"),
    T_END,
};
static const struct hf_rule bailing2[] = {
    T("model.layers.{L}.attention.query_key_value", "blk.{L}.attn_qkv"),
    T("model.layers.{L}.attention.query_layernorm", "blk.{L}.attn_q_norm"),
    T("model.layers.{L}.attention.key_layernorm", "blk.{L}.attn_k_norm"),
    T("model.layers.{L}.mlp.gate.expert_bias", "blk.{L}.exp_probs_b.bias"),
    T("model.layers.{L}.final_layernorm", "blk.{L}.layer_output_norm"),
    T_END,
};

static const struct hf_key bailing1_keys[] = {
    K_SUM(".rope.dimension_count", U32, "D"),
    K_NEED(".leading_dense_block_count", U32, "first_k_dense_replace"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_FIXED(".expert_weights_scale", F32, "1"),
    K_NEED(".expert_shared_count", U32, "num_shared_experts"),
    K_NEED(".expert_weights_norm", BOOL, "norm_topk_prob"),
    K_END,
};
static const struct hf_key bailing2_keys[] = {
    K_SUM(".rope.dimension_count", U32, "D * rope.partial_rotary_factor|0.5"),
    K_NEED(".leading_dense_block_count", U32, "first_k_dense_replace"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_NEED(".expert_shared_feed_forward_length", U32, "moe_shared_expert_intermediate_size",
           .when = "moe_shared_expert_intermediate_size"),
    K_SUM(".expert_shared_feed_forward_length", U32, "moe_intermediate_size * num_shared_experts",
          .when = "!moe_shared_expert_intermediate_size"),
    K_NEED(".expert_weights_scale", F32, "routed_scaling_factor"),
    K_NEED(".expert_shared_count", U32, "num_shared_experts"),
    K_NEED(".expert_weights_norm", BOOL, "norm_topk_prob"),
    K_MAY(".nextn_predict_layers", U32, "M"),
    K_END,
};

const struct hf_arch gg_hf_arch_bailingmoe = {
    .gguf = "bailingmoe",
    .classes = LIST("BailingMoeForCausalLM"),
    .when = "!norm_head", /* else the output would have to be normalized */
    .rules = RULES(bailing, bailing1, gg_hf_frame, gg_hf_mlp, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, bailing1_keys),
};

const struct hf_arch gg_hf_arch_bailingmoe2 = {
    .gguf = "bailingmoe2",
    .classes = LIST("BailingMoeV2ForCausalLM"),
    .rules = RULES(bailing, bailing2, gg_hf_frame, gg_hf_mlp, gg_hf_experts, gg_hf_mtp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, bailing2_keys),
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_MTP_KEPT,
};
