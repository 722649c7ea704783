/* Architectures: layers of Mamba between those of attention: Jamba, Falcon-H1, Nemotron-H. */
#include "lib/hf/arch.h"

/* ---- Jamba ----------------------------------------------------------------------------------- */

static const struct hf_rule jamba[] = {
    T("model.final_layernorm", "output_norm"),
    T("model.layers.{L}.pre_ff_layernorm", "blk.{L}.ffn_norm"),
    T("model.layers.{L}.mamba.in_proj", "blk.{L}.ssm_in"),
    T("model.layers.{L}.mamba.conv1d.weight", "blk.{L}.ssm_conv1d", .layout = "c 1 k -> c k"),
    T("model.layers.{L}.mamba.conv1d", "blk.{L}.ssm_conv1d"),
    T("model.layers.{L}.mamba.x_proj", "blk.{L}.ssm_x"),
    T("model.layers.{L}.mamba.dt_proj", "blk.{L}.ssm_dt"),
    T("model.layers.{L}.mamba.dt_layernorm", "blk.{L}.ssm_dt_norm"),
    T("model.layers.{L}.mamba.b_layernorm", "blk.{L}.ssm_b_norm"),
    T("model.layers.{L}.mamba.c_layernorm", "blk.{L}.ssm_c_norm"),
    T("model.layers.{L}.mamba.A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP),
    T("model.layers.{L}.mamba.D", "blk.{L}.ssm_d!"),
    T("model.layers.{L}.mamba.out_proj", "blk.{L}.ssm_out"),
    T("model.layers.{L}.feed_forward.gate_proj", "blk.{L}.ffn_gate"),
    T("model.layers.{L}.feed_forward.up_proj", "blk.{L}.ffn_up"),
    T("model.layers.{L}.feed_forward.down_proj", "blk.{L}.ffn_down"),
    T("model.layers.{L}.feed_forward.router", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.feed_forward.experts.{E}.gate_proj", "blk.{L}.ffn_gate_exps"),
    T("model.layers.{L}.feed_forward.experts.{E}.up_proj", "blk.{L}.ffn_up_exps"),
    T("model.layers.{L}.feed_forward.experts.{E}.down_proj", "blk.{L}.ffn_down_exps"),
    T_END,
};
static const struct hf_key jamba_keys[] = {
    K_SUM(".block_count", U32, "N"),
    K_NEED(".context_length", U32, "max_position_embeddings|n_ctx"),
    K_NEED(".embedding_length", U32, "hidden_size|mamba_d_model"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_EACH(".attention.head_count_kv", I32,
           "num_key_value_heads * !(L < attn_layer_offset) * ((L - attn_layer_offset) % attn_layer_period = 0)"),
    K_SUM(".ssm.conv_kernel", U32, "mamba_d_conv|4"),
    K_SUM(".ssm.inner_size", U32, "mamba_expand * (hidden_size|mamba_d_model)"),
    K_SUM(".ssm.state_size", U32, "mamba_d_state|16"),
    K_SUM(".ssm.time_step_rank", U32, "mamba_dt_rank", .when = "mamba_dt_rank"),
    K_SUM(".ssm.time_step_rank", U32, "int(((hidden_size|mamba_d_model) + 15) / 16)", .when = "!mamba_dt_rank"),
    K(".attention.layer_norm_rms_epsilon", F32, "layer_norm_epsilon|rms_norm_eps", .fallback = "1e-6"),
    K_NEED(".expert_count", U32, "num_local_experts|num_experts"),
    K_NEED(".expert_used_count", U32, "num_experts_per_tok|num_experts_per_token"),
    K_END,
};

const struct hf_arch gg_hf_arch_jamba = {
    .gguf = "jamba",
    .classes = LIST("JambaForCausalLM"),
    .rules = RULES(jamba, gg_hf_frame, gg_hf_attn),
    .keys = KEYS(jamba_keys, gg_hf_file_key),
};

/* ---- Falcon-H1: both in each layer, and factors that are taken into the weights --------------- */

#define SSM_IN(from, to, which) \
    T("model.layers.{L}.mamba.in_proj", "blk.{L}.ssm_in", .how = HF_JOIN, .layout = "r[" from ":" to "] * -> r *", \
      .times = "ssm_in_multiplier, ssm_multipliers." which)
#define STATES "mamba_n_groups*mamba_d_state"
static const struct hf_rule falcon_h1[] = {
    T("model.embed_tokens", "token_embd", .times = "embedding_multiplier"),
    T("model.final_layernorm", "output_norm"),
    T("lm_head", "output", .times = "lm_head_multiplier"),
    T("model.layers.{L}.pre_ff_layernorm", "blk.{L}.ffn_norm!"),
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q", .times = "attention_in_multiplier"),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", .times = "key_multiplier, attention_in_multiplier"),
    T("model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v", .times = "attention_in_multiplier"),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output", .times = "attention_out_multiplier"),
    SSM_IN("0", "mamba_d_ssm", "0"),
    SSM_IN("mamba_d_ssm", "2*mamba_d_ssm", "1"),
    SSM_IN("2*mamba_d_ssm", "2*mamba_d_ssm+" STATES, "2"),
    SSM_IN("2*mamba_d_ssm+" STATES, "2*mamba_d_ssm+2*" STATES, "3"),
    SSM_IN("2*mamba_d_ssm+2*" STATES, "", "4"),
    T("model.layers.{L}.mamba.conv1d.weight", "blk.{L}.ssm_conv1d", .layout = "c 1 k -> c k"),
    T("model.layers.{L}.mamba.conv1d", "blk.{L}.ssm_conv1d"),
    T("model.layers.{L}.mamba.dt_bias", "blk.{L}.ssm_dt.bias"),
    T("model.layers.{L}.mamba.A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP, .layout = "h -> h 1"),
    T("model.layers.{L}.mamba.D", "blk.{L}.ssm_d!", .layout = "h -> h 1"),
    T("model.layers.{L}.mamba.norm", "blk.{L}.ssm_norm", .layout = "(g=mamba_n_groups r) -> g r"),
    T("model.layers.{L}.mamba.out_proj", "blk.{L}.ssm_out", .times = "ssm_out_multiplier"),
    T("model.layers.{L}.feed_forward.gate_proj", "blk.{L}.ffn_gate", .times = "mlp_multipliers.0"),
    T("model.layers.{L}.feed_forward.up_proj", "blk.{L}.ffn_up"),
    T("model.layers.{L}.feed_forward.down_proj", "blk.{L}.ffn_down", .times = "mlp_multipliers.1"),
    T_END,
};
static const struct hf_key falcon_h1_keys[] = {
    K(".context_length", U32, "max_position_embeddings", .fallback = "0"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_SUM(".block_count", U32, "N"),
    K_SUM(".ssm.conv_kernel", U32, "mamba_d_conv|4"),
    K_NEED(".ssm.inner_size", U32, "mamba_d_ssm"),
    K_SUM(".ssm.state_size", U32, "mamba_d_state|128"),
    K_SUM(".ssm.time_step_rank", U32, "mamba_d_ssm / (mamba_d_head|head_dim|64)"),
    K_SUM(".ssm.group_count", U32, "mamba_n_groups|1"),
    K(".attention.layer_norm_rms_epsilon", F32, "layer_norm_epsilon|rms_norm_eps", .fallback = "1e-5"),
    K_BLOCK(HF_FILE_TYPE),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads"),
    K_NEED(".attention.key_length", U32, "head_dim"),
    K_NEED(".attention.value_length", U32, "head_dim"),
    K(".rope.freq_base", F32, NULL, .fallback = "!", .what = HF_ROPE_BASE),
    K_END,
};

const struct hf_arch gg_hf_arch_falcon_h1 = {
    .gguf = "falcon-h1",
    .classes = LIST("FalconH1ForCausalLM"),
    .rules = RULES(falcon_h1, gg_hf_frame),
    .keys = KEYS(falcon_h1_keys),
};

/* ---- Nemotron-H: each layer is one thing ------------------------------------------------------ */

#define MIXER "backbone.layers.{L}.mixer."
static const struct hf_rule nemotron_h[] = {
    T("backbone.embeddings", "token_embd"),
    T("backbone.norm_f", "output_norm"),
    T("lm_head", "output"),
    T_DROP("mtp.*"),
    T("backbone.layers.{L}.norm", "blk.{L}.attn_norm"),
    T(MIXER "in_proj", "blk.{L}.ssm_in"),
    T(MIXER "conv1d.weight", "blk.{L}.ssm_conv1d", .layout = "c 1 k -> c k"),
    T(MIXER "conv1d", "blk.{L}.ssm_conv1d"),
    T(MIXER "dt_bias", "blk.{L}.ssm_dt.bias"),
    T(MIXER "A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP, .layout = "h -> h 1"),
    T(MIXER "D", "blk.{L}.ssm_d!", .layout = "h -> h 1"),
    T(MIXER "norm", "blk.{L}.ssm_norm", .layout = "(g=n_groups r) -> g r"),
    T(MIXER "out_proj", "blk.{L}.ssm_out"),
    T(MIXER "q_proj", "blk.{L}.attn_q", .how = HF_ROPE_Q),
    T(MIXER "k_proj", "blk.{L}.attn_k", .how = HF_ROPE_K),
    T(MIXER "v_proj", "blk.{L}.attn_v"),
    T(MIXER "o_proj", "blk.{L}.attn_output"),
    T(MIXER "up_proj", "blk.{L}.ffn_up"),
    T(MIXER "down_proj", "blk.{L}.ffn_down"),
    T(MIXER "gate", "blk.{L}.ffn_gate_inp"),
    T(MIXER "gate.e_score_correction_bias", "blk.{L}.exp_probs_b.bias"),
    T(MIXER "fc1_latent_proj", "blk.{L}.ffn_latent_down"),
    T(MIXER "fc2_latent_proj", "blk.{L}.ffn_latent_up"),
    T(MIXER "experts.{E}.up_proj", "blk.{L}.ffn_up_exps"),
    T(MIXER "experts.{E}.down_proj", "blk.{L}.ffn_down_exps"),
    T(MIXER "shared_experts.up_proj", "blk.{L}.ffn_up_shexp"),
    T(MIXER "shared_experts.down_proj", "blk.{L}.ffn_down_shexp"),
    T_END,
};
#define HEAD "(head_dim|attention_head_dim)"
static const struct hf_key nemotron_h_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_SUM(".rope.dimension_count", U32, "int(hidden_size / num_attention_heads)"),
    K_NEED(".ssm.conv_kernel", U32, "conv_kernel|mamba_d_conv"),
    K_NEED(".ssm.state_size", U32, "state_size|d_state|ssm_state_size"),
    K_NEED(".ssm.group_count", U32, "n_groups"),
    K_SUM(".ssm.inner_size", U32, "mamba_num_heads * mamba_head_dim"),
    K_NEED(".ssm.time_step_rank", U32, "mamba_num_heads"),
    K_EACH(".attention.head_count_kv", I32, "num_key_value_heads * layers_block_type.L~attention"),
    K_FIXED(".rope.scaling.finetuned", BOOL, "false"), /* no rope */
    K_FIXED(".context_length", U32, "1048576"),
    K_SUM(".attention.key_length", U32, HEAD),
    K_SUM(".attention.value_length", U32, HEAD),
    K_END,
};
static const struct hf_key nemotron_h_dense[] = {
    K_EACH(".feed_forward_length", I32, "(intermediate_size|n_inner|hidden_dim) * layers_block_type.L~mlp"),
    K_END,
};
static const struct hf_key nemotron_h_moe[] = {
    K_EACH(".feed_forward_length", I32, "moe_intermediate_size * layers_block_type.L~moe"),
    K_NEED(".expert_used_count", U32, "num_experts_per_tok"),
    K_NEED(".expert_feed_forward_length", U32, "moe_intermediate_size"),
    K_NEED(".expert_shared_feed_forward_length", U32, "moe_shared_expert_intermediate_size"),
    K_NEED(".expert_count", U32, "n_routed_experts"),
    K_NEED(".expert_shared_count", U32, "n_shared_experts"),
    K_NEED(".expert_weights_norm", BOOL, "norm_topk_prob"),
    K_NEED(".expert_weights_scale", F32, "routed_scaling_factor"),
    K_NEED(".expert_group_count", U32, "n_group"),
    K(".moe_latent_size", U32, "moe_latent_size"),
    K_END,
};
static const struct hf_extra_key begins[] = { /* as the tokenizer does, whatever its configuration says */
    {0, "tokenizer.ggml.add_bos_token", GGF_BOOL, "true"},
    {0, NULL, GGF_U32, NULL},
};

const struct hf_arch gg_hf_arch_nemotron_h = {
    .gguf = "nemotron_h",
    .classes = LIST("NemotronHForCausalLM"),
    .when = "!num_experts_per_tok",
    .rules = RULES(nemotron_h),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, nemotron_h_keys, nemotron_h_dense),
    .extra_keys = begins,
};

const struct hf_arch gg_hf_arch_nemotron_h_moe = {
    .gguf = "nemotron_h_moe",
    .classes = LIST("NemotronHForCausalLM"),
    .rules = RULES(nemotron_h),
    .keys = KEYS(gg_hf_base_keys, gg_hf_file_key, nemotron_h_keys, nemotron_h_moe),
};
