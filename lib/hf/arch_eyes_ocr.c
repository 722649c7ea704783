/* Parts that see, of models that read pages: dots.ocr, DeepSeek-OCR. */
#include "lib/hf/eyes.h"

/* ---- dots.ocr -------------------------------------------------------------------------------- */

#define LAYER "vision_tower.blocks.{L}."
static const struct hf_rule dots[] = {
    T("vision_tower.patch_embed.patchifier.proj", "v.patch_embd", .as = HF_AS_CONV),
    T("vision_tower.patch_embed.patchifier.norm", "v.pre_ln"),
    T("vision_tower.post_trunk_norm", "mm.post_norm"),
    T(LAYER "norm1", "v.blk.{L}.ln1"),
    T(LAYER "norm2", "v.blk.{L}.ln2"),
    T(LAYER "attn.qkv", "v.blk.{L}.attn_qkv"),
    T(LAYER "attn.proj", "v.blk.{L}.attn_out"),
    T(LAYER "mlp.fc1", "v.blk.{L}.ffn_gate"),
    T(LAYER "mlp.fc2", "v.blk.{L}.ffn_down"),
    T(LAYER "mlp.fc3", "v.blk.{L}.ffn_up"),
    T("vision_tower.merger.ln_q", "mm.input_norm"),
    T("vision_tower.merger.mlp.{L}", "mm.{L}"),
    T_END,
};
#undef LAYER
static const struct hf_key dots_size[] = {
    K_FIXED(".vision.image_size", U32, "0"), /* any */
    K_END,
};
static const struct hf_key dots_keys[] = {
    K_FIXED(".projector_type", STR, "dots_ocr"),
    K_NEED(".vision.image_min_pixels", U32, "preprocessor.min_pixels"),
    K_NEED(".vision.image_max_pixels", U32, "preprocessor.max_pixels"),
    K_NEED(".vision.attention.layer_norm_epsilon", F32, "rms_norm_eps"),
    K_NEED(".vision.projector.scale_factor", U32, "spatial_merge_size"),
    K_FIXED(".use_silu", BOOL, "true"),
    K_END,
};

const struct hf_arch gg_hf_arch_dots_eyes = {
    EYES,
    .classes = LIST("DotsOCRForCausalLM"),
    .rules = RULES(dots, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, dots_size, gg_hf_eyes_widths, gg_hf_eyes_layers, dots_keys),
};

/* ---- DeepSeek-OCR ---------------------------------------------------------------------------- */

/* An image is seen by SAM, and what that makes of it by CLIP. */
#define LAYER "vision_model.transformer.layers.{L}."
#define SAM "sam_model.blocks.{L}."
static const struct hf_rule deepseek[] = {
    T("sam_model.pos_embed", "v.sam.pos_embd.weight", .as = HF_AS_F32),
    T("sam_model.patch_embed.proj", "v.sam.patch_embd", .as = HF_AS_CONV),
    T(SAM "norm1", "v.sam.blk.{L}.pre_ln"),
    T(SAM "norm2", "v.sam.blk.{L}.post_ln"),
    T(SAM "attn.rel_pos_h", "v.sam.blk.{L}.attn.pos_h.weight", .as = HF_AS_F32),
    T(SAM "attn.rel_pos_w", "v.sam.blk.{L}.attn.pos_w.weight", .as = HF_AS_F32),
    T(SAM "attn.qkv", "v.sam.blk.{L}.attn.qkv"),
    T(SAM "attn.proj", "v.sam.blk.{L}.attn.out"),
    T(SAM "mlp.lin1", "v.sam.blk.{L}.mlp.lin1"),
    T(SAM "mlp.lin2", "v.sam.blk.{L}.mlp.lin2"),
    T("sam_model.neck.{L}", "v.sam.neck.{L}", .as = HF_AS_F32),
    T("sam_model.net_2", "v.sam.net_2", .as = HF_AS_F32),
    T("sam_model.net_3", "v.sam.net_3", .as = HF_AS_F32),
    T("vision_model.embeddings.class_embedding", "v.class_embd!"),
    T("vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_F32),
    T("vision_model.embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32),
    T("vision_model.pre_layrnorm", "v.pre_ln"),
    T(LAYER "layer_norm1", "v.blk.{L}.ln1"),
    T(LAYER "layer_norm2", "v.blk.{L}.ln2"),
    T(LAYER "self_attn.qkv_proj", "v.blk.{L}.attn_qkv"),
    T(LAYER "self_attn.out_proj", "v.blk.{L}.attn_out"),
    T(LAYER "mlp.fc1", "v.blk.{L}.ffn_up"),
    T(LAYER "mlp.fc2", "v.blk.{L}.ffn_down"),
    T("projector.layers", "mm.model.fc"),
    T("image_newline", "v.image_newline!"),
    T("view_seperator", "v.view_seperator!", .layout = "c -> 1 c"),
    T_END,
};
static const struct hf_key deepseek_sizes[] = {
    K_NEED(".vision.image_size", U32, "image_size"),
    K_NEED(".vision.patch_size", U32, "patch_size"),
    K_NEED(".vision.embedding_length", U32, "width"),
    K_SUM(".vision.feed_forward_length", U32, "heads * 4"),
    K_END,
};
#define OF_SAM "global.vision_config.width.sam_vit_b."
static const struct hf_key deepseek_type[] = {
    K_FIXED(".projector_type", STR, "deepseekocr"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_END,
};
static const struct hf_key deepseek_keys[] = {
    K_MERGED,
    K(".vision.window_size", U32, "window_size", .fallback = "14"),
    K_FIXED(".vision.preproc_min_tiles", U32, "2"),
    K_FIXED(".vision.preproc_max_tiles", U32, "9", .when = "!global.architectures~UnlimitedOCRForCausalLM"),
    K_FIXED(".vision.preproc_max_tiles", U32, "32", .when = "global.architectures~UnlimitedOCRForCausalLM"),
    K_NEED(".vision.sam.block_count", U32, OF_SAM "layers"),
    K_NEED(".vision.sam.embedding_length", U32, OF_SAM "width"),
    K_NEED(".vision.sam.head_count", U32, OF_SAM "heads"),
    K_END,
};

const struct hf_arch gg_hf_arch_deepseek_eyes = {
    EYES,
    .classes = LIST("DeepseekOCRForCausalLM", "UnlimitedOCRForCausalLM"),
    .rules = RULES(deepseek, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, deepseek_sizes, gg_hf_eyes_layers, deepseek_type, gg_hf_eyes_gelu, deepseek_keys),
};
