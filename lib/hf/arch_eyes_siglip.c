/* Parts that see with SigLIP: Idefics 3 and SmolVLM, LFM2-VL, PaddleOCR-VL, Youtu-VL, Janus-Pro, MiniCPM-V 4.6. */
#include "lib/hf/eyes.h"

/* ---- Idefics 3, SmolVLM ---------------------------------------------------------------------- */

static const struct hf_rule idefics3[] = {
    T("vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_F32),
    SIGLIP("vision_model.", "out_proj"),
    T("connector.modality_projection.proj", "mm.model.fc"),
    T_END,
};
static const struct hf_key idefics3_keys[] = {
    K_FIXED(".projector_type", STR, "idefics3"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-5"),
    K(".vision.projector.scale_factor", U32, "global.scale_factor", .fallback = "2"),
    K_FIXED(".use_gelu", BOOL, "true"),
    K_NEED(".vision.preproc_image_size", U32, "preprocessor.size.longest_edge|image_size"),
    K_END,
};

const struct hf_arch gg_hf_arch_idefics3_eyes = {
    EYES,
    .classes = LIST("Idefics3ForConditionalGeneration", "SmolVLMForConditionalGeneration"),
    .rules = RULES(idefics3, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, idefics3_keys),
    /* Idefics3VisionConfig of transformers */
    .defaults = "{\"hidden_size\": 1152, \"intermediate_size\": 3072, \"num_hidden_layers\": 12,"
                " \"num_attention_heads\": 16, \"image_size\": 224, \"patch_size\": 32}",
};

/* ---- LFM2-VL --------------------------------------------------------------------------------- */

static const struct hf_rule lfm2[] = {
    T("vision_tower.vision_model.embeddings.patch_embedding.weight", "v.patch_embd", .as = HF_AS_CONV,
      .layout = "o (h w=16 i=3) -> o i h w"),
    T("vision_tower.vision_model.embeddings.patch_embedding", "v.patch_embd"),
    SIGLIP("vision_tower.vision_model.", "out_proj"),
    T("multi_modal_projector.layer_norm", "mm.input_norm"),
    T("multi_modal_projector.linear_1", "mm.1"),
    T("multi_modal_projector.linear_2", "mm.2"),
    T_END,
};
static const struct hf_key lfm2_size[] = {
    K_FIXED(".vision.image_size", U32, "256"), /* images have any; for those who ask */
    K_END,
};
static const struct hf_key lfm2_keys[] = {
    K_FIXED(".projector_type", STR, "lfm2"),
    K_NEED(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps"),
    K(".vision.projector.scale_factor", U32, "global.downsample_factor", .fallback = "2"),
    K_FIXED(".use_gelu", BOOL, "true"),
    /* -1 is the last */
    K_SUM(".vision.block_count", U32, "N + global.vision_feature_layer + 1", .when = "global.vision_feature_layer"),
    K_END,
};

const struct hf_arch gg_hf_arch_lfm2_eyes = {
    EYES,
    .classes = LIST("Lfm2VlForConditionalGeneration"),
    .rules = RULES(lfm2, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, lfm2_size, gg_hf_eyes_widths, gg_hf_eyes_layers, lfm2_keys),
};

/* ---- PaddleOCR-VL ---------------------------------------------------------------------------- */

static const struct hf_rule paddleocr[] = {
    T_DROP("visual.vision_model.embeddings.packing_position_embedding"),
    T_DROP("visual.vision_model.head.*"),
    T("visual.vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV),
    SIGLIP("visual.vision_model.", "out_proj"),
    T("mlp_AR.pre_norm", "mm.input_norm"),
    T("mlp_AR.linear_{L}", "mm.{L}"),
    T_END,
};
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

/* ---- Youtu-VL -------------------------------------------------------------------------------- */

static const struct hf_rule youtu[] = {
    T("siglip2.vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV),
    T("siglip2.vision_model.post_layernorm", "v.post_ln"),
    SIGLIP_LAYERS("siglip2.vision_model.encoder.layers.{L}.", "out_proj"),
    T("merger.ln_q", "mm.input_norm"),
    T("merger.mlp.{L}", "mm.{L}"),
    T_END,
};
#define SILU "hidden_act~silu"
static const struct hf_key youtu_size[] = {
    K(".vision.image_size", U32, "image_size", .fallback = "560"),
    K_END,
};
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
    .keys = KEYS(gg_hf_eyes, youtu_size, gg_hf_eyes_widths, gg_hf_eyes_layers, youtu_keys),
};

/* ---- Janus-Pro, MiniCPM-V 4.6 ---------------------------------------------------------------- */

static const struct hf_rule janus[] = {
    T("vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV),
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
    T("vision_tower.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV),
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
