/* What many architectures share: lists of rules and keys. */
#include "lib/hf/arch.h"

/* ---- tensors --------------------------------------------------------------------------------- */

const struct hf_rule gg_hf_frame[] = {
    T("model.embed_tokens", "token_embd"),
    T("model.norm", "output_norm"),
    T("lm_head", "output"),
    T_DROP("model.layers.{L}.self_attn.rotary_emb.inv_freq"),
    T("model.layers.{L}.input_layernorm", "blk.{L}.attn_norm"),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm"),
    T_END,
};
const struct hf_rule gg_hf_attn[] = {
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q"),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k"),
    T("model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v"),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output"),
    T_END,
};
const struct hf_rule gg_hf_attn_roped[] = {
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q", .how = HF_ROPE_Q),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", .how = HF_ROPE_K),
    T("model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v"),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output"),
    T_END,
};
const struct hf_rule gg_hf_qk_norm[] = {
    T("model.layers.{L}.self_attn.q_norm", "blk.{L}.attn_q_norm"),
    T("model.layers.{L}.self_attn.k_norm", "blk.{L}.attn_k_norm"),
    T_END,
};
const struct hf_rule gg_hf_mlp[] = {
    T("model.layers.{L}.mlp.gate_proj", "blk.{L}.ffn_gate"),
    T("model.layers.{L}.mlp.up_proj", "blk.{L}.ffn_up"),
    T("model.layers.{L}.mlp.down_proj", "blk.{L}.ffn_down"),
    T_END,
};
const struct hf_rule gg_hf_experts[] = { /* with shared ones, as DeepSeek names them */
    T("model.layers.{L}.mlp.gate", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.mlp.gate.e_score_correction_bias", "blk.{L}.exp_probs_b.bias"),
    T("model.layers.{L}.mlp.shared_experts.down_proj", "blk.{L}.ffn_down_shexp"),
    T("model.layers.{L}.mlp.shared_experts.gate_proj", "blk.{L}.ffn_gate_shexp"),
    T("model.layers.{L}.mlp.shared_experts.up_proj", "blk.{L}.ffn_up_shexp"),
    T("model.layers.{L}.mlp.experts.{E}.down_proj", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.mlp.experts.{E}.gate_proj", "blk.{L}.ffn_gate_exps"),
    T("model.layers.{L}.mlp.experts.{E}.up_proj", "blk.{L}.ffn_up_exps"),
    /* stored stacked and fused since transformers 5 */
    T("model.layers.{L}.mlp.experts.down_proj", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.mlp.experts.gate_up_proj", "blk.{L}.ffn_gate_exps", .layout = "E (2[0] r) c -> E r c"),
    T("model.layers.{L}.mlp.experts.gate_up_proj", "blk.{L}.ffn_up_exps", .layout = "E (2[1] r) c -> E r c"),
    T_END,
};
const struct hf_rule gg_hf_mtp[] = { /* of a layer that predicts a further token */
    T("model.layers.{L}.eh_proj", "blk.{L}.nextn.eh_proj"),
    T("model.layers.{L}.embed_tokens", "blk.{L}.nextn.embed_tokens"),
    T("model.layers.{L}.enorm", "blk.{L}.nextn.enorm"),
    T("model.layers.{L}.hnorm", "blk.{L}.nextn.hnorm"),
    T("model.layers.{L}.shared_head.head", "blk.{L}.nextn.shared_head_head"),
    T("model.layers.{L}.shared_head.norm", "blk.{L}.nextn.shared_head_norm"),
    T_END,
};
const struct hf_rule gg_hf_multimodal[] = { /* eyes, ears and what ties them to the text model */
    T_DROP("*vision_*"), T_DROP("*visual.*"), T_DROP("*vision.*"), T_DROP("*audio_*"), T_DROP("*audio.*"),
    T_DROP("*projector.*"), T_DROP("*projector"), T_DROP("*patch_embed*"), T_DROP("*image_newline*"), T_DROP("*patch_merger.*"),
    T_DROP("*talker.*"), T_DROP("*token2wav.*"), T_DROP("*code2wav.*"), T_DROP("*pre_mm_projector_norm*"),
    T_DROP("*view_seperator*"), T_DROP("*patch_merge_mlp.*"), T_DROP("model.connector.*"), T_DROP("mlp*"),
    T_DROP("vit.*"), T_DROP("vpm.*"), T_DROP("siglip2.*"), T_DROP("conformer.*"), T_DROP("merger.*"),
    T_DROP("resampler.*"), T_DROP("sound_*"), T_DROP("speech_embeddings.*"),
    T_END,
};

/* Experts in another order than they are stored in. */
const struct hf_rule gg_hf_gate_up_down[] = {
    T("model.layers.{L}.mlp.experts.{E}.gate_proj", "blk.{L}.ffn_gate_exps"),
    T("model.layers.{L}.mlp.experts.{E}.up_proj", "blk.{L}.ffn_up_exps"),
    T("model.layers.{L}.mlp.experts.{E}.down_proj", "blk.{L}.ffn_down_exps", .later = 2),
    T_END,
};

/* ---- keys ------------------------------------------------------------------------------------ */

const struct hf_key gg_hf_base_keys[] = {
    K_SUM(".block_count", U32, "N"),
    K(".context_length", U32, "max_position_embeddings|n_ctx|n_positions|max_length|max_sequence_length|model_max_length"),
    K(".embedding_length", U32, "hidden_size|n_embd|dim"),
    K(".feed_forward_length", U32, "prefix_dense_intermediate_size|dense_intermediate_size|intermediate_size|n_inner|hidden_dim"),
    K(".attention.head_count", U32, "num_attention_heads|n_head|n_heads"),
    K(".attention.head_count_kv", U32, "num_key_value_heads|n_kv_heads"),
    K_FIXED(".attention.causal", BOOL, "false", .when = "!(is_causal|1)"),
    K_BLOCK(HF_ROPE),
    K(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps|norm_eps"),
    K(".attention.layer_norm_epsilon", F32, "layer_norm_eps|layer_norm_epsilon|norm_epsilon"),
    K(".expert_count", U32, "num_local_experts|num_experts|n_routed_experts",
      .when = "!(architectures~HunYuanDenseV1ForCausalLM + architectures~HunYuanVLForConditionalGeneration)"),
      /* where 1 stands for none */
    K(".expert_used_count", U32, "num_experts_per_tok|num_experts_per_token|top_k_experts"),
    K(".expert_group_count", U32, "n_group"),
    K(".expert_group_used_count", U32, "topk_group"),
    K(".expert_gating_func", U32, "score_function|scoring_func|score_func|moe_router_activation|"
      "moe_router_activation_func|expert_selection_fn", .what = HF_GATING),
    K_END,
};
const struct hf_key gg_hf_head_keys[] = {
    K(".attention.key_length", U32, "head_dim"),
    K(".attention.value_length", U32, "head_dim"),
    K_END,
};
const struct hf_key gg_hf_file_key[] = {
    K_BLOCK(HF_FILE_TYPE),
    K_END,
};
const struct hf_key gg_hf_pooling[] = {
    K_BLOCK(HF_POOLING),
    K_END,
};
const struct hf_key gg_hf_llama_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".rope.dimension_count", U32, NULL, .what = HF_HEAD_DIM),
    K_END,
};
const struct hf_key gg_hf_moe_keys[] = {
    K(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K(".expert_shared_feed_forward_length", U32, "shared_expert_intermediate_size"),
    K_END,
};
