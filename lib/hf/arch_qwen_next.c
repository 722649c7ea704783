/* Architectures: Qwen3-Next, Qwen3.5 (layers of linear attention between those of full attention). */
#include "lib/hf/arch.h"

#define DK "linear_key_head_dim"
#define NK "linear_num_key_heads"
#define DV "linear_value_head_dim"
#define NV "linear_num_value_heads"
#define QK_ROWS "2*" DK "*" NK

static const struct hf_rule next[] = { /* norms are stored around zero, but for the inner one */
    T("model.norm", "output_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.q_norm", "blk.{L}.attn_q_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.self_attn.k_norm", "blk.{L}.attn_k_norm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.linear_attn.norm", "blk.{L}.ssm_norm"),
    T("model.layers.{L}.fc", "blk.{L}.nextn.eh_proj"),
    T("model.layers.{L}.pre_fc_norm_embedding", "blk.{L}.nextn.enorm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.pre_fc_norm_hidden", "blk.{L}.nextn.hnorm", .how = HF_PLUS_ONE),
    T("model.layers.{L}.norm", "blk.{L}.nextn.shared_head_norm", .how = HF_PLUS_ONE),
    T_END,
};

/* Queries, keys, values and gates of a key head stand together; llama.cpp wants all of a kind. */
#define QKVZ(cut) "(k=" NK " s=2*" DK "+2*" DV "*" NV "/" NK "[" cut "]) * -> (k s) *"
static const struct hf_rule qwen3next[] = {
    T("model.layers.{L}.linear_attn.in_proj_qkvz", "blk.{L}.attn_qkv", .how = HF_JOIN,
      .layout = QKVZ("0:" DK)),
    T("model.layers.{L}.linear_attn.in_proj_qkvz", "blk.{L}.attn_qkv", .how = HF_JOIN,
      .layout = QKVZ(DK ":2*" DK)),
    T("model.layers.{L}.linear_attn.in_proj_qkvz", "blk.{L}.attn_qkv", .how = HF_JOIN,
      .layout = QKVZ("2*" DK ":2*" DK "+" DV "*" NV "/" NK)),
    T("model.layers.{L}.linear_attn.in_proj_qkvz", "blk.{L}.attn_gate",
      .layout = QKVZ("2*" DK "+" DV "*" NV "/" NK ":")),
    T("model.layers.{L}.linear_attn.in_proj_ba", "blk.{L}.ssm_ba"),
    T("model.layers.{L}.linear_attn.conv1d", "blk.{L}.ssm_conv1d", .layout = "c 1 k -> c k"),
    T("model.layers.{L}.linear_attn.dt_bias", "blk.{L}.ssm_dt.bias"),
    T("model.layers.{L}.linear_attn.A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP),
    T("model.layers.{L}.linear_attn.out_proj", "blk.{L}.ssm_out"),
    T_END,
};

/* Value heads stand in groups, one a key head; llama.cpp wants the first of each group first. */
#define GROUPS "g=" NK " r=" NV "/" NK
static const struct hf_rule qwen35[] = {
    T("model.layers.{L}.linear_attn.in_proj_qkv", "blk.{L}.attn_qkv", .how = HF_JOIN,
      .layout = "r[0:" QK_ROWS "] * -> r *"),
    T("model.layers.{L}.linear_attn.in_proj_qkv", "blk.{L}.attn_qkv", .how = HF_JOIN,
      .layout = "r[" QK_ROWS ":]<" GROUPS " d=" DV "> * -> (r g d) *"),
    T("model.layers.{L}.linear_attn.in_proj_z", "blk.{L}.attn_gate",
      .layout = "(" GROUPS " d=" DV ") * -> (r g d) *"),
    T("model.layers.{L}.linear_attn.in_proj_a", "blk.{L}.ssm_alpha", .layout = "(" GROUPS ") * -> (r g) *"),
    T("model.layers.{L}.linear_attn.in_proj_b", "blk.{L}.ssm_beta", .layout = "(" GROUPS ") * -> (r g) *"),
    T("model.layers.{L}.linear_attn.conv1d", "blk.{L}.ssm_conv1d", .how = HF_JOIN,
      .layout = "c[0:" QK_ROWS "] 1 k -> c k"),
    T("model.layers.{L}.linear_attn.conv1d", "blk.{L}.ssm_conv1d", .how = HF_JOIN,
      .layout = "c[" QK_ROWS ":]<" GROUPS " d=" DV "> 1 k -> (r g d) k"),
    T("model.layers.{L}.linear_attn.dt_bias", "blk.{L}.ssm_dt.bias", .layout = "(" GROUPS ") -> (r g)"),
    T("model.layers.{L}.linear_attn.A_log", "blk.{L}.ssm_a!", .how = HF_MINUS_EXP,
      .layout = "(" GROUPS ") -> (r g)"),
    T("model.layers.{L}.linear_attn.out_proj", "blk.{L}.ssm_out",
      .layout = "o (" GROUPS " d=" DV ") -> o (r g d)"),
    T_END,
};

static const struct hf_key next_keys[] = {
    K_MAY(".nextn_predict_layers", U32, "M", .when = "M"),
    K_NEED(".ssm.conv_kernel", U32, "linear_conv_kernel_dim"),
    K_NEED(".ssm.state_size", U32, DK),
    K_NEED(".ssm.group_count", U32, NK),
    K_NEED(".ssm.time_step_rank", U32, NV),
    K_SUM(".ssm.inner_size", U32, DV " * " NV),
    K(".full_attention_interval", U32, "full_attention_interval", .fallback = "4"),
    K_SUM(".rope.dimension_count", U32, "D * (rope.partial_rotary_factor|0.25)"),
    K_END,
};
static const struct hf_key sections[] = {
    K_FIXED(".rope.dimension_sections", I32, "[11, 11, 10, 0]", .when = "!rope.mrope_section"),
    K_END,
};

const struct hf_arch gg_hf_arch_qwen3next = {
    .gguf = "qwen3next",
    .classes = LIST("Qwen3NextForCausalLM"),
    .rules = RULES(next, qwen3next, gg_hf_frame, gg_hf_attn, gg_hf_qwen_moe, gg_hf_experts, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys, next_keys),
    .flags = HF_MTP_PREFIX | HF_MTP_KEPT,
    .mtp_layers = "mtp_num_hidden_layers",
};

const struct hf_arch gg_hf_arch_qwen35 = {
    .gguf = "qwen35",
    .classes = LIST("Qwen3_5ForConditionalGeneration", "Qwen3_5ForCausalLM"),
    .rules = RULES(gg_hf_multimodal, next, qwen35, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys, next_keys, sections),
    .flags = HF_MTP_PREFIX | HF_MTP_KEPT,
    .mtp_layers = "mtp_num_hidden_layers",
};

static const struct hf_rule minicpmv[] = {
    T_DROP("*merger.*"), T_DROP("*mtp.*"),
    T_END,
};
const struct hf_arch gg_hf_arch_minicpmv = { /* MiniCPM-V 4.6: the text model */
    .gguf = "qwen35",
    .classes = LIST("MiniCPMV4_6ForConditionalGeneration"),
    .rules = RULES(minicpmv, gg_hf_multimodal, next, qwen35, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys, next_keys, sections),
};

const struct hf_arch gg_hf_arch_qwen35moe = {
    .gguf = "qwen35moe",
    .classes = LIST("Qwen3_5MoeForConditionalGeneration", "Qwen3_5MoeForCausalLM"),
    .rules = RULES(gg_hf_multimodal, next, qwen35, gg_hf_frame, gg_hf_attn, gg_hf_qwen_moe, gg_hf_experts, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_moe_keys, next_keys, sections),
    .flags = HF_MTP_PREFIX | HF_MTP_KEPT,
    .mtp_layers = "mtp_num_hidden_layers",
};
