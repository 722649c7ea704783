/* Architectures that are Llama with a difference: StableLM, InternLM2, MiniCPM, Baichuan, Nemotron, EXAONE. */
#include "lib/hf/arch.h"

/* ---- StableLM -------------------------------------------------------------------------------- */

static const struct hf_rule stablelm[] = { /* norms of each head */
    T("model.layers.{L}.self_attn.q_layernorm.norms.{E}", "blk.{L}.attn_q_norm", .count = "H"),
    T("model.layers.{L}.self_attn.k_layernorm.norms.{E}", "blk.{L}.attn_k_norm", .count = "K"),
    T_END,
};
static const struct hf_key stablelm_keys[] = {
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_SUM(".rope.dimension_count", U32, "rope.partial_rotary_factor * int(hidden_size / H)"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads"),
    K(".use_parallel_residual", BOOL, "use_parallel_residual", .fallback = "true"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_eps|norm_eps"),
    K_END,
};

const struct hf_arch gg_hf_arch_stablelm = {
    .gguf = "stablelm",
    .classes = LIST("StableLmForCausalLM", "StableLMEpochForCausalLM", "LlavaStableLMEpochForCausalLM"),
    .rules = RULES(gg_hf_multimodal, stablelm, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(stablelm_keys, gg_hf_file_key),
};

/* ---- InternLM2 ------------------------------------------------------------------------------- */

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

/* ---- MiniCPM --------------------------------------------------------------------------------- */

static const struct hf_key minicpm_keys[] = {
    K_NEED(".embedding_scale", F32, "scale_emb"),
    K_SUM(".residual_scale", F32, "scale_depth / sqrt(N)"),
    K_SUM(".logit_scale", F32, "hidden_size / dim_model_base"),
    K_END,
};

const struct hf_arch gg_hf_arch_minicpm = {
    .gguf = "minicpm",
    .classes = LIST("MiniCPMForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, minicpm_keys),
    .flags = HF_ROPE_FACTORS,
};

/* ---- Baichuan -------------------------------------------------------------------------------- */

static const struct hf_rule baichuan[] = {
    T("model.layers.{L}.self_attn.W_pack", "blk.{L}.attn_q", .layout = "(3[0] H 2 d) * -> (3 H d 2) *"),
    T("model.layers.{L}.self_attn.W_pack", "blk.{L}.attn_k", .layout = "(3[1] H 2 d) * -> (3 H d 2) *"),
    T("model.layers.{L}.self_attn.W_pack", "blk.{L}.attn_v", .layout = "(3[2] r) * -> (3 r) *"),
    T_END,
};
static const struct hf_key baichuan_keys[] = {
    K_FIXED(".tensor_data_layout", STR, "Meta AI original pth"),
    K_SUM(".rope.dimension_count", U32, "hidden_size / H"),
    K_END,
};

const struct hf_arch gg_hf_arch_baichuan = {
    .gguf = "baichuan",
    .classes = LIST("BaichuanForCausalLM", "BaiChuanForCausalLM"),
    .rules = RULES(baichuan, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, baichuan_keys),
};

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

/* ---- EXAONE ---------------------------------------------------------------------------------- */

static const struct hf_rule exaone[] = {
    T("transformer.wte", "token_embd"),
    T("transformer.ln_f", "output_norm"),
    T("lm_head", "output"),
    T_DROP("transformer.h.{L}.attn.attention.rotary.inv_freq"),
    T("transformer.h.{L}.ln_1", "blk.{L}.attn_norm"),
    T("transformer.h.{L}.ln_2", "blk.{L}.ffn_norm"),
    T("transformer.h.{L}.attn.attention.q_proj", "blk.{L}.attn_q"),
    T("transformer.h.{L}.attn.attention.k_proj", "blk.{L}.attn_k"),
    T("transformer.h.{L}.attn.attention.v_proj", "blk.{L}.attn_v"),
    T("transformer.h.{L}.attn.attention.out_proj", "blk.{L}.attn_output"),
    T("transformer.h.{L}.mlp.c_fc_0", "blk.{L}.ffn_gate"),
    T("transformer.h.{L}.mlp.c_fc_1", "blk.{L}.ffn_up"),
    T("transformer.h.{L}.mlp.c_proj", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_rule exaone4[] = { /* norms stand behind, not before */
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T("model.layers.{L}.post_feedforward_layernorm", "blk.{L}.post_ffw_norm"),
    T_END,
};
static const struct hf_key exaone_keys[] = {
    K_SUM(".rope.dimension_count", U32, "(rope.partial_rotary_factor|1) * int(hidden_size / H)"),
    K_END,
};
static const struct hf_key exaone4_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".attention.sliding_window", U32, "sliding_window"),
    K(".attention.sliding_window_pattern", BOOL, "sliding_attention", .what = HF_LAYERS,
      .fallback = "sliding_window_pattern", .when = "sliding_window"),
    K_END,
};

const struct hf_arch gg_hf_arch_exaone = {
    .gguf = "exaone",
    .classes = LIST("ExaoneForCausalLM"),
    .rules = RULES(exaone),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, exaone_keys),
    .flags = HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_exaone4 = {
    .gguf = "exaone4",
    .classes = LIST("Exaone4ForCausalLM"),
    .rules = RULES(exaone4, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, exaone4_keys),
    .each_layer = "blk.{L}.post_attention_norm",
    .flags = HF_LLAMA3_ROPE,
};

static const struct hf_rule exaone_moe[] = {
    T("model.layers.{L}.mlp.e_score_correction_bias", "blk.{L}.exp_probs_b.bias"),
    T("model.layers.{L}.fc", "blk.{L}.nextn.eh_proj"),
    T("model.layers.{L}.pre_fc_norm_embedding", "blk.{L}.nextn.enorm"),
    T("model.layers.{L}.pre_fc_norm_hidden", "blk.{L}.nextn.hnorm"),
    T("model.layers.{L}.norm", "blk.{L}.nextn.shared_head_norm"),
    T_END,
};
static const struct hf_key exaone_moe_keys[] = {
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_NEED(".expert_shared_count", U32, "num_shared_experts"),
    K_SUM(".expert_shared_feed_forward_length", U32, "moe_intermediate_size * num_shared_experts"),
    K_NEED(".expert_weights_scale", F32, "routed_scaling_factor"),
    K_NEED(".expert_weights_norm", BOOL, "norm_topk_prob"),
    K(".leading_dense_block_count", U32, "first_k_dense_replace|first_last_k_dense_replace", .fallback = "0"),
    K_SUM(".nextn_predict_layers", U32, "M|0"),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K_END,
};

static const struct hf_key exaone4_5_keys[] = {
    K_MAY(".nextn_predict_layers", U32, "M", .when = "M"),
    K_END,
};

const struct hf_arch gg_hf_arch_exaone4_5 = { /* the text model */
    .gguf = "exaone4",
    .classes = LIST("Exaone4_5_ForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, exaone_moe, exaone4, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, exaone4_keys, exaone4_5_keys),
    .each_layer = "blk.{L}.post_attention_norm",
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_LLAMA3_ROPE | HF_MTP_PREFIX | HF_MTP_KEPT,
};

const struct hf_arch gg_hf_arch_exaone_moe = { /* K-EXAONE */
    .gguf = "exaone-moe",
    .classes = LIST("ExaoneMoEForCausalLM", "ExaoneMoeForCausalLM"),
    .rules = RULES(exaone_moe, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp, gg_hf_experts),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, exaone4_keys, exaone_moe_keys),
    .mtp_layers = "num_nextn_predict_layers",
    .flags = HF_LLAMA3_ROPE | HF_MTP_PREFIX | HF_MTP_KEPT,
};

/* ---- Seed-OSS -------------------------------------------------------------------------------- */

static const struct hf_rule seed_oss[] = {
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T_END,
};

const struct hf_arch gg_hf_arch_seed_oss = {
    .gguf = "seed_oss",
    .classes = LIST("SeedOssForCausalLM"),
    .rules = RULES(seed_oss, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
};

/* ---- ERNIE 4.5 ------------------------------------------------------------------------------- */

static const struct hf_rule ernie4_5[] = { /* some have them fused */
    T("model.layers.{L}.self_attn.qkv_proj", "blk.{L}.attn_q", .layout = "r[0:H*D] * -> r *"),
    T("model.layers.{L}.self_attn.qkv_proj", "blk.{L}.attn_k", .layout = "r[H*D:(H+K)*D] * -> r *"),
    T("model.layers.{L}.self_attn.qkv_proj", "blk.{L}.attn_v", .layout = "r[(H+K)*D:(H+2*K)*D] * -> r *"),
    T("model.layers.{L}.mlp.up_gate_proj", "blk.{L}.ffn_gate", .layout = "(2[0] r) * -> r *"),
    T("model.layers.{L}.mlp.up_gate_proj", "blk.{L}.ffn_up", .layout = "(2[1] r) * -> r *"),
    T_END,
};

static const struct hf_rule paddleocr[] = {
    T_DROP("mlp_AR.*"),
    T_END,
};

const struct hf_arch gg_hf_arch_paddleocr = { /* PaddleOCR-VL: the text model */
    .gguf = "paddleocr",
    .classes = LIST("PaddleOCRVLForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, paddleocr, ernie4_5, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
    .prefixes = LIST("ernie."),
    .flags = HF_PREFIX_LAST,
};

const struct hf_arch gg_hf_arch_ernie4_5 = {
    .gguf = "ernie4_5",
    .classes = LIST("Ernie4_5_ForCausalLM", "Ernie4_5ForCausalLM"),
    .rules = RULES(ernie4_5, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
    .prefixes = LIST("ernie."),
    .flags = HF_PREFIX_LAST,
};

/* ---- MiniMax-M2, M3 -------------------------------------------------------------------------- */

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
