/* Architectures: Mamba. */
#include "lib/hf/arch.h"

static const struct hf_rule mamba[] = {
    T("backbone.embeddings", "token_embd"),
    T("backbone.embedding", "token_embd"),
    T("backbone.norm_f", "output_norm"),
    T_DROP("lm_head", .when = "tie_word_embeddings|tie_embeddings|1"),
    T("lm_head", "output"),
    T("backbone.layers.{L}.norm", "blk.{L}.attn_norm"),
    T("backbone.layers.{L}.mixer.in_proj", "blk.{L}.ssm_in"),
    T("backbone.layers.{L}.mixer.conv1d.weight", "blk.{L}.ssm_conv1d", .layout = "c 1 k -> c k"),
    T("backbone.layers.{L}.mixer.conv1d", "blk.{L}.ssm_conv1d"),
    T("backbone.layers.{L}.mixer.x_proj", "blk.{L}.ssm_x"),
    T("backbone.layers.{L}.mixer.dt_proj", "blk.{L}.ssm_dt"),
    T("backbone.layers.{L}.mixer.A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP),
    T("backbone.layers.{L}.mixer.D", "blk.{L}.ssm_d!"),
    T("backbone.layers.{L}.mixer.out_proj", "blk.{L}.ssm_out"),
    T_END,
};

static const struct hf_key mamba_keys[] = {
    K_FIXED(".context_length", U32, "1048576"), /* has none; for those who use the default */
    K_NEED(".embedding_length", U32, "hidden_size|d_model"),
    K_FIXED(".feed_forward_length", U32, "0"), /* asked for when loaded */
    K_FIXED(".attention.head_count", U32, "0"),
    K_SUM(".block_count", U32, "N"),
    K_SUM(".ssm.conv_kernel", U32, "conv_kernel|d_conv|4"),
    K_SUM(".ssm.inner_size", U32, "2 * (hidden_size|d_model)"),
    K_SUM(".ssm.state_size", U32, "state_size|d_state|16"),
    K_SUM(".ssm.time_step_rank", U32, "time_step_rank|dt_rank", .when = "time_step_rank|dt_rank"),
    K_SUM(".ssm.time_step_rank", U32, "int(((hidden_size|d_model) + 15) / 16)",
          .when = "!(time_step_rank|dt_rank)"),
    K(".attention.layer_norm_rms_epsilon", F32, "layer_norm_epsilon|rms_norm_eps", .fallback = "1e-5"),
    K_SUM(".ssm.dt_b_c_rms", BOOL, "model_type~falcon_mamba"),
    K_END,
};

const struct hf_arch gg_hf_arch_mamba = {
    .gguf = "mamba",
    .classes = LIST("MambaForCausalLM", "MambaLMHeadModel", "FalconMambaForCausalLM"),
    .rules = RULES(mamba),
    .keys = KEYS(mamba_keys, gg_hf_file_key),
};

/* ---- Mamba 2 --------------------------------------------------------------------------------- */

static const struct hf_rule mamba2[] = {
    T("backbone.embeddings", "token_embd"),
    T("backbone.embedding", "token_embd"),
    T("backbone.norm_f", "output_norm"),
    T("lm_head", "output"),
    T("backbone.layers.{L}.norm", "blk.{L}.attn_norm"),
    T("backbone.layers.{L}.mixer.in_proj", "blk.{L}.ssm_in"),
    T("backbone.layers.{L}.mixer.conv1d.weight", "blk.{L}.ssm_conv1d", .layout = "c 1 k -> c k"),
    T("backbone.layers.{L}.mixer.conv1d", "blk.{L}.ssm_conv1d"),
    T("backbone.layers.{L}.mixer.dt_bias", "blk.{L}.ssm_dt.bias"),
    T("backbone.layers.{L}.mixer.A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP, .layout = "h -> h 1"),
    T("backbone.layers.{L}.mixer.D", "blk.{L}.ssm_d!", .layout = "h -> h 1"),
    T("backbone.layers.{L}.mixer.norm", "blk.{L}.ssm_norm", .layout = "(g=n_groups|1 r) -> g r"),
    T("backbone.layers.{L}.mixer.out_proj", "blk.{L}.ssm_out"),
    T_END,
};

#define WIDTH "(hidden_size|d_model|dim)"
static const struct hf_key mamba2_keys[] = {
    K_FIXED(".context_length", U32, "1048576"),
    K_NEED(".embedding_length", U32, "hidden_size|d_model|dim"),
    K_FIXED(".feed_forward_length", U32, "0"),
    K_FIXED(".attention.head_count", U32, "0"),
    K_SUM(".block_count", U32, "N"),
    K_SUM(".ssm.conv_kernel", U32, "conv_kernel|d_conv|4"),
    K_SUM(".ssm.inner_size", U32, "expand|2 * " WIDTH),
    K_SUM(".ssm.state_size", U32, "state_size|d_state|128"),
    K_SUM(".ssm.time_step_rank", U32, "expand|2 * " WIDTH " / (mamba_d_head|head_dim|64)"),
    K_SUM(".ssm.group_count", U32, "n_groups|1"),
    K(".attention.layer_norm_rms_epsilon", F32, "layer_norm_epsilon|rms_norm_eps", .fallback = "1e-5"),
    K_END,
};

const struct hf_arch gg_hf_arch_mamba2 = {
    .gguf = "mamba2",
    .classes = LIST("Mamba2ForCausalLM"),
    .rules = RULES(mamba2),
    .keys = KEYS(mamba2_keys, gg_hf_file_key),
    .prefixes = LIST("model."),
};
