/* Parts that see: Kimi-VL, Kimi K2.5 and GLM-5V. */
#include "lib/hf/eyes.h"

/* MoonViT, but for its positions, queries, keys and values. */
#define LAYER "vision_tower.encoder.blocks.{L}."
static const struct hf_rule moonvit[] = {
    T("vision_tower.patch_embed.proj", "v.patch_embd", .as = HF_AS_CONV),
    T("vision_tower.encoder.final_layernorm", "v.post_ln"),
    T(LAYER "norm0", "v.blk.{L}.ln1"),
    T(LAYER "norm1", "v.blk.{L}.ln2"),
    T(LAYER "wo", "v.blk.{L}.attn_out"),
    T(LAYER "mlp.fc0", "v.blk.{L}.ffn_up"),
    T(LAYER "mlp.fc1", "v.blk.{L}.ffn_down"),
    T_END,
};

/* ---- Kimi-VL --------------------------------------------------------------------------------- */

static const struct hf_rule kimi[] = {
    T("vision_tower.patch_embed.pos_emb", "v.position_embd", .as = HF_AS_F32, .layout = "h w c -> (h w) c"),
    T(LAYER "wqkv", "v.blk.{L}.attn_q", .layout = "(3[0] r) * -> r *"),
    T(LAYER "wqkv", "v.blk.{L}.attn_k", .layout = "(3[1] r) * -> r *"),
    T(LAYER "wqkv", "v.blk.{L}.attn_v", .layout = "(3[2] r) * -> r *"),
    T("multi_modal_projector.pre_norm", "mm.input_norm"),
    T("multi_modal_projector.linear_1", "mm.1"),
    T("multi_modal_projector.linear_2", "mm.2"),
    T_END,
};
static const struct hf_key kimi_size[] = {
    K_FIXED(".vision.image_size", U32, "896"), /* images have any; for those who ask */
    K_END,
};
static const struct hf_key kimi_type[] = {
    K_FIXED(".projector_type", STR, "kimivl"),
    K_END,
};
static const struct hf_key kimi_keys[] = {
    K_FIXED(".vision.projector.scale_factor", U32, "2"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-5"),
    K_END,
};

const struct hf_arch gg_hf_arch_kimi_eyes = {
    EYES,
    .classes = LIST("KimiVLForConditionalGeneration"),
    .rules = RULES(kimi, moonvit, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, kimi_size, gg_hf_eyes_widths, gg_hf_eyes_layers, kimi_type, gg_hf_eyes_gelu, kimi_keys),
};

/* ---- Kimi K2.5, GLM-5V ----------------------------------------------------------------------- */

/* Rope turns pairs of pairs, one of rows and one of columns of the image: rows first, then columns. */
#define PAIRS "h=num_attention_heads|16 d 2 q=2) * -> (h 2 d q) *"
static const struct hf_rule kimi25[] = {
    T("vision_tower.patch_embed.pos_emb", "v.position_embd", .as = HF_AS_F32),
    T(LAYER "wqkv", "v.blk.{L}.attn_qkv", .how = HF_JOIN, .layout = "(3[0] " PAIRS),
    T(LAYER "wqkv", "v.blk.{L}.attn_qkv", .how = HF_JOIN, .layout = "(3[1] " PAIRS),
    T(LAYER "wqkv", "v.blk.{L}.attn_qkv", .how = HF_JOIN, .layout = "(3[2] r) * -> r *"),
    T("mm_projector.pre_norm", "mm.input_norm"),
    T("mm_projector.proj.0", "mm.1"),
    T("mm_projector.proj.2", "mm.2"),
    T("mm_projector.linear_{L}", "mm.{L}"),
    T_END,
};
static const struct hf_key kimi25_sizes[] = {
    K_SUM(".vision.image_size", U32, "(init_pos_emb_height|64) * (patch_size|14)"),
    K_NEED(".vision.patch_size", U32, "patch_size"),
    K_NEED(".vision.embedding_length", U32, "hidden_size|vt_hidden_size"),
    K_NEED(".vision.feed_forward_length", U32, "intermediate_size|vt_intermediate_size"),
    K_END,
};
static const struct hf_key kimi25_keys[] = {
    K_FIXED(".projector_type", STR, "kimik25"),
    K("vision.pos_emb_height", U32, "init_pos_emb_height", .fallback = "64"),
    K("vision.pos_emb_width", U32, "init_pos_emb_width", .fallback = "64"),
    K("vision.pos_emb_time", U32, "init_pos_emb_time", .fallback = "4"),
    K_FIXED(".use_gelu", BOOL, "true", .when = "!projector_hidden_act + projector_hidden_act~gelu"),
    K_FIXED(".use_gelu", BOOL, "false", .when = "!(!projector_hidden_act + projector_hidden_act~gelu)"),
    K(".vision.attention.layer_norm_epsilon", F32, "projector_ln_eps", .fallback = "1e-5"),
    K(".vision.projector.scale_factor", U32, "merge_kernel_size.0", .fallback = "2"),
    K_SUM(".vision.image_min_pixels", U32, "8 * (patch_size|14) * (patch_size|14)"),
    K_SUM(".vision.image_max_pixels", U32, "(preprocessor.in_patch_limit|16384) * (patch_size|14) * (patch_size|14)"),
    K_END,
};

const struct hf_arch gg_hf_arch_kimi25_eyes = {
    EYES,
    .classes = LIST("KimiK25ForConditionalGeneration", "Glm5vForConditionalGeneration"),
    .rules = RULES(kimi25, moonvit, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, kimi25_sizes, gg_hf_eyes_layers, kimi25_keys),
};
