/* More parts of models that see images: PaddleOCR-VL, dots.ocr, Kimi K2.5, DeepSeek-OCR, Hunyuan-VL,
 * EXAONE 4.5, Youtu-VL, Janus-Pro, MiniCPM-V 4.6, CogVLM. */
#include "lib/hf/eyes.h"

/* ---- PaddleOCR-VL ---------------------------------------------------------------------------- */

#define LAYER "visual.vision_model.encoder.layers.{L}."
static const struct hf_rule paddleocr[] = {
    T_DROP("visual.vision_model.embeddings.packing_position_embedding"),
    T_DROP("visual.vision_model.head.*"),
    T("visual.vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV),
    T("visual.vision_model.embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32),
    T("visual.vision_model.post_layernorm", "v.post_ln"),
    SIGLIP_LAYERS(LAYER, "out_proj"),
    T("mlp_AR.pre_norm", "mm.input_norm"),
    T("mlp_AR.linear_{L}", "mm.{L}"),
    T_END,
};
#undef LAYER
static const struct hf_key paddleocr_size[] = {
    K_SUM(".vision.image_size", U32, "sqrt(preprocessor.max_pixels)"),
    K_END,
};
static const struct hf_key paddleocr_type[] = {
    K_FIXED(".projector_type", STR, "paddleocr"),
    K_NEED(".vision.image_max_pixels", U32, "preprocessor.max_pixels"),
    K_NEED(".vision.image_min_pixels", U32, "preprocessor.min_pixels"),
    K_END,
};
static const struct hf_key paddleocr_keys[] = {
    K(".vision.attention.layer_norm_epsilon", F32, "rms_norm_eps", .fallback = "1e-6"),
    K_END,
};

const struct hf_arch gg_hf_arch_paddleocr_eyes = {
    EYES,
    .classes = LIST("PaddleOCRVisionModel"),
    .rules = RULES(paddleocr, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, paddleocr_size, gg_hf_eyes_widths, gg_hf_eyes_layers, paddleocr_type, gg_hf_eyes_gelu, paddleocr_keys),
};

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

/* ---- Kimi K2.5, GLM-5V ----------------------------------------------------------------------- */

#define LAYER "vision_tower.encoder.blocks.{L}."
/* Rope turns pairs of pairs, one of rows and one of columns of the image: rows first, then columns. */
#define PAIRS "h=num_attention_heads|16 d 2 q=2) * -> (h 2 d q) *"
static const struct hf_rule kimi[] = {
    T("vision_tower.patch_embed.proj", "v.patch_embd", .as = HF_AS_CONV),
    T("vision_tower.patch_embed.pos_emb", "v.position_embd", .as = HF_AS_F32),
    T("vision_tower.encoder.final_layernorm", "v.post_ln"),
    T(LAYER "norm0", "v.blk.{L}.ln1"),
    T(LAYER "norm1", "v.blk.{L}.ln2"),
    T(LAYER "wqkv", "v.blk.{L}.attn_qkv", .how = HF_JOIN, .layout = "(3[0] " PAIRS),
    T(LAYER "wqkv", "v.blk.{L}.attn_qkv", .how = HF_JOIN, .layout = "(3[1] " PAIRS),
    T(LAYER "wqkv", "v.blk.{L}.attn_qkv", .how = HF_JOIN, .layout = "(3[2] r) * -> r *"),
    T(LAYER "wo", "v.blk.{L}.attn_out"),
    T(LAYER "mlp.fc0", "v.blk.{L}.ffn_up"),
    T(LAYER "mlp.fc1", "v.blk.{L}.ffn_down"),
    T("mm_projector.pre_norm", "mm.input_norm"),
    T("mm_projector.proj.0", "mm.1"),
    T("mm_projector.proj.2", "mm.2"),
    T("mm_projector.linear_{L}", "mm.{L}"),
    T_END,
};
#undef LAYER
static const struct hf_key kimi_sizes[] = {
    K_SUM(".vision.image_size", U32, "(init_pos_emb_height|64) * (patch_size|14)"),
    K_NEED(".vision.patch_size", U32, "patch_size"),
    K_NEED(".vision.embedding_length", U32, "hidden_size|vt_hidden_size"),
    K_NEED(".vision.feed_forward_length", U32, "intermediate_size|vt_intermediate_size"),
    K_END,
};
static const struct hf_key kimi_type[] = {
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
    .rules = RULES(kimi, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, kimi_sizes, gg_hf_eyes_layers, kimi_type),
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
#define MERGED "int(int(image_size / patch_size) / int(sqrt(preprocessor.image_seq_length|256)))"
#define OF_SAM "global.vision_config.width.sam_vit_b."
static const struct hf_key deepseek_type[] = {
    K_FIXED(".projector_type", STR, "deepseekocr"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_END,
};
static const struct hf_key deepseek_keys[] = {
    /* 4 is what is taken where it is not said */
    K_SUM(".vision.projector.scale_factor", U32, MERGED, .when = MERGED " * (" MERGED " - 4)"),
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

#undef LAYER
/* ---- Hunyuan-VL ------------------------------------------------------------------------------ */

#define LAYER "vit.layers.{L}."
static const struct hf_rule hunyuan[] = {
    T("vit.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV),
    /* the first is of the whole image */
    T("vit.embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32, .layout = "r[1:] c -> r c"),
    T(LAYER "input_layernorm", "v.blk.{L}.ln1"),
    T(LAYER "post_attention_layernorm", "v.blk.{L}.ln2"),
    T(LAYER "self_attn.q_proj", "v.blk.{L}.attn_q"),
    T(LAYER "self_attn.k_proj", "v.blk.{L}.attn_k"),
    T(LAYER "self_attn.v_proj", "v.blk.{L}.attn_v"),
    T(LAYER "self_attn.o_proj", "v.blk.{L}.attn_out"),
    T(LAYER "mlp.dense_h_to_4h", "v.blk.{L}.ffn_up"),
    T(LAYER "mlp.dense_4h_to_h", "v.blk.{L}.ffn_down"),
    T("vit.perceive.before_rms", "mm.pre_norm"),
    T("vit.perceive.after_rms", "mm.post_norm"),
    T("vit.perceive.image_begin", "mm.image_begin!"),
    T("vit.perceive.image_end", "mm.image_end!"),
    T("vit.perceive.image_newline", "v.image_newline!"),
    T("vit.perceive.image_sep", "v.view_seperator!"),
    T("vit.perceive.proj.{L}", "mm.{L}", .as = HF_AS_CONV),
    T("vit.perceive.mlp", "mm.model.fc"),
    T_END,
};
#undef LAYER
static const struct hf_key hunyuan_size[] = {
    K(".vision.image_size", U32, "image_size|max_image_size", .fallback = "2048"),
    K_END,
};
static const struct hf_key hunyuan_keys[] = {
    K_FIXED(".projector_type", STR, "hunyuanvl"),
    K_FIXED(".use_gelu", BOOL, "true"),
    K(".vision.attention.layer_norm_epsilon", F32, "rms_norm_eps", .fallback = "1e-5"),
    K(".vision.spatial_merge_size", U32, "spatial_merge_size", .fallback = "2"),
    K_NEED(".vision.image_min_pixels", U32, "preprocessor.min_pixels"),
    K_NEED(".vision.image_max_pixels", U32, "preprocessor.max_pixels"),
    K_END,
};

const struct hf_arch gg_hf_arch_hunyuan_eyes = {
    EYES,
    .classes = LIST("HunYuanVLForConditionalGeneration"),
    .rules = RULES(hunyuan, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, hunyuan_size, gg_hf_eyes_widths, gg_hf_eyes_layers, hunyuan_keys),
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

/* ---- Youtu-VL -------------------------------------------------------------------------------- */

#define LAYER "siglip2.vision_model.encoder.layers.{L}."
static const struct hf_rule youtu[] = {
    T("siglip2.vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV),
    T("siglip2.vision_model.post_layernorm", "v.post_ln"),
    SIGLIP_LAYERS(LAYER, "out_proj"),
    T("merger.ln_q", "mm.input_norm"),
    T("merger.mlp.{L}", "mm.{L}"),
    T_END,
};
#undef LAYER
#define SILU "hidden_act~silu"
static const struct hf_key youtu_keys[] = {
    K_FIXED(".projector_type", STR, "youtuvl"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_FIXED(".use_gelu", BOOL, "true", .when = "!" SILU),
    K_FIXED(".use_silu", BOOL, "true", .when = SILU),
    K(".vision.spatial_merge_size", U32, "spatial_merge_size", .fallback = "2"),
    K(".vision.window_size", U32, "window_size"),
    K_NEED(".vision.wa_layer_indexes", I32, "fullatt_block_indexes"),
    K_END,
};

const struct hf_arch gg_hf_arch_youtu_eyes = {
    EYES,
    .classes = LIST("YoutuVLForConditionalGeneration"),
    .rules = RULES(youtu, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, exaone_size, gg_hf_eyes_widths, gg_hf_eyes_layers, youtu_keys),
};

/* ---- Janus-Pro, MiniCPM-V 4.6 ---------------------------------------------------------------- */

#define SIGLIP(of, out) \
    T(of "embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV), \
    T(of "embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32), \
    T(of "post_layernorm", "v.post_ln"), \
    SIGLIP_LAYERS(of "encoder.layers.{L}.", out)

static const struct hf_rule janus[] = {
    SIGLIP("vision_model.", "projection_layer"),
    T("aligner.fc1", "mm.0"),
    T("aligner.hidden_layers.0", "mm.1"),
    T("aligner.hidden_layers.1", "mm.2"),
    T("aligner.hidden_layers.2", "mm.3"),
    T_END,
};
static const struct hf_key janus_sizes[] = {
    K_NEED(".vision.image_size", U32, "image_size"),
    K_NEED(".vision.patch_size", U32, "patch_size"),
    K_NEED(".vision.embedding_length", U32, "hidden_size"),
    K_NEED(".vision.feed_forward_length", U32, "intermediate_size", .when = "intermediate_size"),
    K_SUM(".vision.feed_forward_length", U32, "hidden_size * mlp_ratio + 0.5", .when = "!intermediate_size"),
    K_END,
};
static const struct hf_key janus_keys[] = {
    K_FIXED(".projector_type", STR, "janus_pro"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_FIXED(".use_gelu", BOOL, "true", .when = "hidden_act~gelu"),
    K_FIXED(".use_silu", BOOL, "true", .when = SILU),
    K_END,
};

const struct hf_arch gg_hf_arch_janus_eyes = {
    EYES,
    .classes = LIST("JanusForConditionalGeneration"),
    .rules = RULES(janus, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, janus_sizes, gg_hf_eyes_layers, janus_keys),
};

#define LESS_MERGED "preprocessor.downsample_mode~4x"
#define MERGER "vision_tower.vit_merger."
static const struct hf_rule minicpm[] = {
    T_DROP(MERGER "*", .when = LESS_MERGED),
    SIGLIP("vision_tower.", "out_proj"),
    T(MERGER "layer_norm1", "v.vit_merger.ln1"),
    T(MERGER "self_attn.q_proj", "v.vit_merger.attn_q"),
    T(MERGER "self_attn.k_proj", "v.vit_merger.attn_k"),
    T(MERGER "self_attn.v_proj", "v.vit_merger.attn_v"),
    T(MERGER "self_attn.out_proj", "v.vit_merger.attn_out"),
    T(MERGER "pre_norm", "v.vit_merger.ds_ln"),
    T(MERGER "linear_1", "v.vit_merger.ds_ffn_up"),
    T(MERGER "linear_2", "v.vit_merger.ds_ffn_down"),
    T("merger.mlp.0.pre_norm", "mm.input_norm"),
    T("merger.mlp.0.linear_1", "mm.up"),
    T("merger.mlp.0.linear_2", "mm.down"),
    T_END,
};
static const struct hf_key minicpm_size[] = {
    K_NEED(".vision.image_size", U32, "preprocessor.scale_resolution|image_size"), /* of a slice of the image */
    K_END,
};
static const struct hf_key minicpm_keys[] = {
    K_FIXED(".projector_type", STR, "minicpmv4_6"),
    K_SUM(".vision.projector.scale_factor", U32, "4 - 2 * " LESS_MERGED),
    K_EACH(".vision.wa_layer_indexes", I32, "global.insert_layer_id|insert_layer_id|6", .fallback = "1"),
    K_FIXED(".use_gelu", BOOL, "true"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_END,
};

const struct hf_arch gg_hf_arch_minicpm_eyes = {
    EYES,
    .classes = LIST("MiniCPMV4_6ForConditionalGeneration"),
    .rules = RULES(minicpm, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, minicpm_size, gg_hf_eyes_widths, gg_hf_eyes_layers, minicpm_keys),
};

/* ---- CogVLM ---------------------------------------------------------------------------------- */

#define LAYER "vision.transformer.layers.{L}."
static const struct hf_rule cogvlm[] = {
    T("vision.boi", "v.boi!"),
    T("vision.eoi", "v.eoi!"),
    T("vision.patch_embedding.cls_embedding", "v.class_embd!"),
    T("vision.patch_embedding.position_embedding", "v.position_embd", .as = HF_AS_F32),
    T("vision.patch_embedding.proj", "v.patch_embd", .as = HF_AS_CONV),
    T(LAYER "input_layernorm", "v.blk.{L}.ln1"),
    T(LAYER "post_attention_layernorm", "v.blk.{L}.ln2"),
    T(LAYER "attention.query_key_value", "v.blk.{L}.attn_qkv"),
    T(LAYER "attention.dense", "v.blk.{L}.attn_out"),
    T(LAYER "mlp.fc1", "v.blk.{L}.ffn_up"),
    T(LAYER "mlp.fc2", "v.blk.{L}.ffn_down"),
    T("vision.linear_proj.linear_proj", "mm.model.fc"),
    T("vision.linear_proj.norm1", "mm.post_fc_norm"),
    T("vision.linear_proj.dense_h_to_4h", "mm.up"),
    T("vision.linear_proj.gate_proj", "mm.gate"),
    T("vision.linear_proj.dense_4h_to_h", "mm.down"),
    T_END,
};
#undef LAYER
static const struct hf_key cogvlm_keys[] = {
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_FIXED(".projector_type", STR, "cogvlm"),
    K_END,
};

const struct hf_arch gg_hf_arch_cogvlm_eyes = {
    EYES,
    .classes = LIST("CogVLMForCausalLM"),
    .rules = RULES(cogvlm, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, cogvlm_keys),
};
