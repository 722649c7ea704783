/* Parts that see: Qwen2-VL to Qwen3.5, and what took after them: GLM-4V, EXAONE 4.5. */
#include "lib/hf/eyes.h"

/* ---- Qwen2-VL, Qwen2.5-VL -------------------------------------------------------------------- */

/* Two frames of a video are seen together: their filters are two tensors. */
const struct hf_rule gg_hf_eyes_video[] = {
    T("visual.patch_embed.proj.weight", "v.patch_embd.weight", .as = HF_AS_CONV,
      .layout = "o i 2[0] h w -> o i h w"),
    T("visual.patch_embed.proj.weight", "v.patch_embd.weight.1!", .as = HF_AS_CONV,
      .layout = "o i 2[1] h w -> o i h w"),
    T("visual.patch_embed.proj", "v.patch_embd"),
    T("visual.blocks.{L}.norm1", "v.blk.{L}.ln1"),
    T("visual.blocks.{L}.norm2", "v.blk.{L}.ln2"),
    T("visual.blocks.{L}.attn.proj", "v.blk.{L}.attn_out"),
    T_END,
};
static const struct hf_rule qwen2vl[] = {
    T("visual.blocks.{L}.attn.qkv", "v.blk.{L}.attn_q", .layout = "(3[0] r) * -> r *"),
    T("visual.blocks.{L}.attn.qkv", "v.blk.{L}.attn_k", .layout = "(3[1] r) * -> r *"),
    T("visual.blocks.{L}.attn.qkv", "v.blk.{L}.attn_v", .layout = "(3[2] r) * -> r *"),
    T("visual.blocks.{L}.mlp.fc1", "v.blk.{L}.ffn_up"),
    T("visual.blocks.{L}.mlp.fc2", "v.blk.{L}.ffn_down"),
    T("visual.blocks.{L}.mlp.gate_proj", "v.blk.{L}.ffn_gate"),
    T("visual.blocks.{L}.mlp.up_proj", "v.blk.{L}.ffn_up"),
    T("visual.blocks.{L}.mlp.down_proj", "v.blk.{L}.ffn_down"),
    T("visual.merger.ln_q", "v.post_ln"),
    T("visual.merger.mlp.0", "mm.0"),
    T("visual.merger.mlp.2", "mm.2"),
    T_END,
};
static const struct hf_key qwen2vl_keys[] = {
    K(".vision.image_size", U32, "image_size", .fallback = "560"),
    K_NEED(".vision.patch_size", U32, "patch_size"),
    K_NEED(".vision.embedding_length", U32, "embed_dim|hidden_size"),
    K_NEED(".vision.feed_forward_length", U32, "hidden_size", .when = "embed_dim"),
    K_NEED(".vision.feed_forward_length", U32, "intermediate_size", .when = "!embed_dim"),
    K_END,
};
#define QWEN25 "global.model_type~qwen2_5_vl"
static const struct hf_key qwen2vl_type[] = {
    K_FIXED(".projector_type", STR, "qwen2vl_merger", .when = "!" QWEN25),
    K_FIXED(".projector_type", STR, "qwen2.5vl_merger", .when = QWEN25),
    K_FIXED(".use_silu", BOOL, "true", .when = QWEN25),
    K_SUM(".vision.n_wa_pattern", U32, "fullatt_block_indexes.0 + 1", .when = QWEN25),
    K(".vision.attention.layer_norm_epsilon", F32, "global.rms_norm_eps", .fallback = "1e-6"),
    K_END,
};

const struct hf_arch gg_hf_arch_qwen2vl_eyes = {
    EYES,
    .classes = LIST("Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration", "Qwen2VLModel",
                    "Sarashina2VisionForCausalLM"),
    .rules = RULES(gg_hf_eyes_video, qwen2vl, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, qwen2vl_keys, gg_hf_eyes_layers, qwen2vl_type),
};

/* ---- Qwen3-VL, Qwen3.5 ----------------------------------------------------------------------- */

#define DEEP "visual.deepstack_merger_list.{L}."
static const struct hf_rule qwen3vl[] = {
    T("visual.pos_embed", "v.position_embd", .as = HF_AS_F32),
    T("visual.blocks.{L}.attn.qkv", "v.blk.{L}.attn_qkv"),
    T("visual.blocks.{L}.mlp.linear_fc1", "v.blk.{L}.ffn_up"),
    T("visual.blocks.{L}.mlp.linear_fc2", "v.blk.{L}.ffn_down"),
    T("visual.merger.norm", "v.post_ln"),
    T("visual.merger.linear_fc1", "mm.0"),
    T("visual.merger.linear_fc2", "mm.2"),
    T(DEEP "norm", "v.deepstack.{L}.norm", .renumber = "deepstack_visual_indexes"),
    T(DEEP "linear_fc1", "v.deepstack.{L}.fc1", .renumber = "deepstack_visual_indexes"),
    T(DEEP "linear_fc2", "v.deepstack.{L}.fc2", .renumber = "deepstack_visual_indexes"),
    T_END,
};
static const struct hf_key qwen3vl_size[] = {
    K_SUM(".vision.image_size", U32, "image_size", .when = "image_size"),
    K_SUM(".vision.image_size", U32, "sqrt(num_position_embeddings|2304) * (patch_size|16)",
          .when = "!image_size"),
    K_END,
};
static const struct hf_key qwen3vl_keys[] = {
    K_FIXED(".projector_type", STR, "qwen3vl_merger"),
    K_FIXED(".use_gelu", BOOL, "true"),
    K(".vision.spatial_merge_size", U32, "spatial_merge_size"),
    K(".vision.attention.layer_norm_epsilon", F32, "global.text_config.rms_norm_eps", .fallback = "1e-6"),
    K(".vision.is_deepstack_layers", BOOL, "deepstack_visual_indexes", .what = HF_MARKS),
    K_END,
};

const struct hf_arch gg_hf_arch_qwen3vl_eyes = {
    EYES,
    .classes = LIST("Qwen3VLForConditionalGeneration", "Qwen3VLMoeForConditionalGeneration",
                    "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration"),
    .rules = RULES(gg_hf_eyes_video, qwen3vl, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, qwen3vl_size, gg_hf_eyes_widths, gg_hf_eyes_layers, qwen3vl_keys),
};

/* ---- GLM-4V ---------------------------------------------------------------------------------- */

static const struct hf_rule glm4v[] = {
    T("visual.embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32),
    T("visual.post_conv_layernorm", "v.norm_embd"),
    T("visual.post_layernorm", "v.post_ln"),
    T("visual.blocks.{L}.attn.qkv", "v.blk.{L}.attn_qkv"),
    T("visual.blocks.{L}.attn.q_norm", "v.blk.{L}.attn_q_norm"),
    T("visual.blocks.{L}.attn.k_norm", "v.blk.{L}.attn_k_norm"),
    T("visual.blocks.{L}.mlp.gate_proj", "v.blk.{L}.ffn_gate"),
    T("visual.blocks.{L}.mlp.up_proj", "v.blk.{L}.ffn_up"),
    T("visual.blocks.{L}.mlp.down_proj", "v.blk.{L}.ffn_down"),
    T("visual.downsample", "mm.patch_merger", .as = HF_AS_CONV),
    T("visual.merger.proj", "mm.model.fc"),
    T("visual.merger.post_projection_norm", "mm.post_norm"),
    T("visual.merger.gate_proj", "mm.gate"),
    T("visual.merger.up_proj", "mm.up"),
    T("visual.merger.down_proj", "mm.down"),
    T_END,
};
static const struct hf_key glm4v_type[] = {
    K_FIXED(".projector_type", STR, "glm4v"),
    K_END,
};
static const struct hf_key glm4v_keys[] = {
    K(".vision.attention.layer_norm_epsilon", F32, "rms_norm_eps", .fallback = "1e-5"),
    K_END,
};

const struct hf_arch gg_hf_arch_glm4v_eyes = {
    EYES,
    .classes = LIST("Glm4vForConditionalGeneration", "Glm4vMoeForConditionalGeneration",
                    "GlmOcrForConditionalGeneration"),
    .rules = RULES(gg_hf_eyes_video, glm4v, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, glm4v_type, gg_hf_eyes_act, glm4v_keys),
};

/* ---- EXAONE 4.5 ------------------------------------------------------------------------------ */

static const struct hf_rule exaone[] = {
    T("visual.blocks.{L}.attn.qkv", "v.blk.{L}.attn_qkv"),
    T("visual.blocks.{L}.mlp.gate_proj", "v.blk.{L}.ffn_gate"),
    T("visual.blocks.{L}.mlp.up_proj", "v.blk.{L}.ffn_up"),
    T("visual.blocks.{L}.mlp.down_proj", "v.blk.{L}.ffn_down"),
    T("visual.merger.ln_q", "v.post_ln"),
    T("visual.merger.mlp.{L}", "mm.{L}"),
    T_END,
};
static const struct hf_key exaone_size[] = {
    K(".vision.image_size", U32, "image_size", .fallback = "560"),
    K_END,
};
static const struct hf_key exaone_keys[] = {
    K_FIXED(".projector_type", STR, "exaone4_5"),
    K_FIXED(".use_silu", BOOL, "true"),
    K_NEED(".vision.image_min_pixels", U32, "preprocessor.min_pixels"),
    K_NEED(".vision.image_max_pixels", U32, "preprocessor.max_pixels"),
    K(".vision.attention.head_count_kv", U32, "num_key_value_heads"),
    K(".vision.attention.layer_norm_epsilon", F32, "rms_norm_eps|global.rms_norm_eps", .fallback = "1e-6"),
    K(".vision.window_size", U32, "window_size"),
    K_MAY(".vision.n_wa_pattern", U32, "fullatt_block_indexes.0 + 1"),
    K_END,
};

const struct hf_arch gg_hf_arch_exaone_eyes = {
    EYES,
    .classes = LIST("Exaone4_5_ForConditionalGeneration"),
    .rules = RULES(gg_hf_eyes_video, exaone, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, exaone_size, gg_hf_eyes_widths, gg_hf_eyes_layers, exaone_keys),
};
