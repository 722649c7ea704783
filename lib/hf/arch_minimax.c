/* Architectures: MiniMax-M2, M3. */
#include "lib/hf/arch.h"

static const struct hf_rule minimax_m2[] = {
    T("model.layers.{L}.block_sparse_moe.e_score_correction_bias", "blk.{L}.exp_probs_b.bias"),
    T_END,
};
static const struct hf_key minimax_m2_keys[] = {
    K_NEED(".expert_feed_forward_length", U32, "intermediate_size"),
    K_NEED(".rope.dimension_count", U32, "rotary_dim"),
    K_END,
};

const struct hf_arch gg_hf_arch_minimax_m2 = {
    .gguf = "minimax-m2",
    .classes = LIST("MiniMaxM2ForCausalLM"),
    .rules = RULES(minimax_m2, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mixtral_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, minimax_m2_keys),
};

static const struct hf_rule minimax_m3[] = { /* norms are stored around zero */
    T("model.norm", "output_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.q_norm", "blk.{L}.attn_q_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.k_norm", "blk.{L}.attn_k_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.index_q_norm", "blk.{L}.indexer.q_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.index_k_norm", "blk.{L}.indexer.k_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.index_q_proj", "blk.{L}.indexer.q_proj", .as = HF_AS_F32),
    T("model.layers.{L}.self_attn.index_k_proj", "blk.{L}.indexer.k_proj", .as = HF_AS_F32),
    T("model.layers.{L}.block_sparse_moe.shared_experts.gate_proj", "blk.{L}.ffn_gate_shexp"),
    T("model.layers.{L}.block_sparse_moe.shared_experts.up_proj", "blk.{L}.ffn_up_shexp"),
    T("model.layers.{L}.block_sparse_moe.shared_experts.down_proj", "blk.{L}.ffn_down_shexp"),
    T_END,
};
#define SPARSE "sparse_attention_config."
static const struct hf_key minimax_m3_keys[] = {
    K_NEED(".expert_shared_count", U32, "n_shared_experts"),
    K_NEED(".expert_weights_scale", F32, "routed_scaling_factor"),
    K_FIXED(".expert_weights_norm", BOOL, "true"),
    K_NEED(".attention.indexer.head_count", U32, SPARSE "sparse_num_index_heads"),
    K_NEED(".attention.indexer.key_length", U32, SPARSE "sparse_index_dim"),
    K_NEED(".attention.indexer.top_k", U32, SPARSE "sparse_topk_blocks"),
    K_NEED(".attention.indexer.block_size", U32, SPARSE "sparse_block_size"),
    K_NEED(".attention.indexer.local_blocks", U32, SPARSE "sparse_local_block"),
    K_SUM(".leading_dense_block_count", U32, "moe_layer_freq~0"),
    K_END,
};

const struct hf_arch gg_hf_arch_minimax_m3 = {
    .gguf = "minimax-m3",
    .classes = LIST("MiniMaxM3SparseForCausalLM", "MiniMaxM3SparseForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, minimax_m2, minimax_m3, gg_hf_frame, gg_hf_attn, gg_hf_mlp, gg_hf_mixtral_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, minimax_m2_keys, minimax_m3_keys),
};
