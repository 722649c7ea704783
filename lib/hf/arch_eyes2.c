/* More parts of models that see images: InternVL, Idefics 3 and SmolVLM, Pixtral, GLM-4V, LFM2-VL, Kimi-VL. */
#include "lib/hf/eyes.h"

static const struct hf_key acts[] = {
    K_FIXED(".use_silu", BOOL, "true", .when = "hidden_act~silu"),
    K_FIXED(".use_gelu", BOOL, "true", .when = "hidden_act~gelu"),
    K_END,
};
/* ---- InternVL -------------------------------------------------------------------------------- */

#define LAYER "vision_model.encoder.layers.{L}."
static const struct hf_rule internvl[] = {
    T("vision_model.embeddings.class_embedding", "v.class_embd!"),
    T("vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_CONV),
    T("vision_model.embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32),
    T(LAYER "norm1", "v.blk.{L}.ln1"),
    T(LAYER "norm2", "v.blk.{L}.ln2"),
    T(LAYER "attn.qkv", "v.blk.{L}.attn_q", .layout = "(3[0] r) * -> r *"),
    T(LAYER "attn.qkv", "v.blk.{L}.attn_k", .layout = "(3[1] r) * -> r *"),
    T(LAYER "attn.qkv", "v.blk.{L}.attn_v", .layout = "(3[2] r) * -> r *"),
    T(LAYER "attn.q_norm", "v.blk.{L}.attn_q_norm"),
    T(LAYER "attn.k_norm", "v.blk.{L}.attn_k_norm"),
    T(LAYER "attn.proj", "v.blk.{L}.attn_out"),
    T(LAYER "ls1", "v.blk.{L}.ls1"),
    T(LAYER "ls2", "v.blk.{L}.ls2"),
    T(LAYER "mlp.fc1", "v.blk.{L}.ffn_up"),
    T(LAYER "mlp.fc2", "v.blk.{L}.ffn_down"),
    T("mlp1.{L}", "mm.model.mlp.{L}"),
    T_END,
};
#undef LAYER
static const struct hf_key internvl_sizes[] = {
    K_NEED(".vision.image_size", U32, "image_size.0|image_size"),
    K_NEED(".vision.patch_size", U32, "patch_size.0|patch_size"),
    K_NEED(".vision.embedding_length", U32, "hidden_size"),
    K_NEED(".vision.feed_forward_length", U32, "intermediate_size"),
    K_END,
};
static const struct hf_key internvl_type[] = {
    K_FIXED(".projector_type", STR, "internvl"),
    K_NEED(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps"),
    K_END,
};
static const struct hf_key internvl_keys[] = {
    K_SUM(".vision.projector.scale_factor", U32, "1 / global.downsample_ratio"),
    K(".vision.preproc_min_tiles", U32, "global.min_dynamic_patch", .when = "global.min_dynamic_patch"),
    K(".vision.preproc_max_tiles", U32, "global.max_dynamic_patch", .when = "global.max_dynamic_patch"),
    K_END,
};

const struct hf_arch gg_hf_arch_internvl_eyes = {
    EYES,
    .classes = LIST("InternVisionModel"),
    .when = "hidden_act~silu + hidden_act~gelu",
    .rules = RULES(internvl, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, internvl_sizes, gg_hf_eyes_layers, internvl_type, acts, internvl_keys),
};

/* ---- Idefics 3, SmolVLM ---------------------------------------------------------------------- */

#define SIGLIP(of) \
    T(of "embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32), \
    SIGLIP_LAYERS(of "encoder.layers.{L}.", "out_proj"), \
    T(of "post_layernorm", "v.post_ln")

static const struct hf_rule idefics3[] = {
    T("vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_F32),
    SIGLIP("vision_model."),
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

/* ---- Pixtral, Mistral Small 3.1, LightOnOCR -------------------------------------------------- */

#define LAYER "transformer.layers.{L}."
#define PIXTRAL(tower, projection) \
    T(tower "patch_conv", "v.patch_embd", .as = HF_AS_CONV), \
    T(tower "ln_pre", "v.pre_ln"), \
    T(tower LAYER "attention_norm", "v.blk.{L}.ln1"), \
    T(tower LAYER "ffn_norm", "v.blk.{L}.ln2"), \
    T(tower LAYER "attention.q_proj", "v.blk.{L}.attn_q", .how = HF_ROPE_Q), \
    T(tower LAYER "attention.k_proj", "v.blk.{L}.attn_k", .layout = "(H 2 d) * -> (H d 2) *"), \
    T(tower LAYER "attention.v_proj", "v.blk.{L}.attn_v"), \
    T(tower LAYER "attention.o_proj", "v.blk.{L}.attn_out"), \
    T(tower LAYER "feed_forward.gate_proj", "v.blk.{L}.ffn_gate"), \
    T(tower LAYER "feed_forward.up_proj", "v.blk.{L}.ffn_up"), \
    T(tower LAYER "feed_forward.down_proj", "v.blk.{L}.ffn_down"), \
    T(projection "linear_1", "mm.1"), \
    T(projection "linear_2", "mm.2"), \
    T(projection "norm", "mm.input_norm"), \
    T(projection "patch_merger.merging_layer", "mm.patch_merger", .as = HF_AS_CONV)

static const struct hf_rule pixtral[] = {
    /* what stands between rows of an image */
    T("embed_tokens", "v.token_embd.img_break!", .layout = "r[image_break]<1> c -> (1 c)"),
    PIXTRAL("vision_tower.", "multi_modal_projector."),
    T_END,
};
static const struct hf_rule lighton[] = {
    PIXTRAL("vision_encoder.", "vision_projection."),
    T_END,
};
#undef LAYER
static const struct hf_key pixtral_type[] = {
    K_FIXED(".projector_type", STR, "pixtral"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-5"),
    K_END,
};
static const struct hf_key lighton_type[] = {
    K_FIXED(".projector_type", STR, "lightonocr"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-5"),
    K_END,
};
static const struct hf_key pixtral_keys[] = {
    K(".vision.spatial_merge_size", U32, "global.spatial_merge_size"),
    K_END,
};

/* PixtralVisionConfig of transformers */
#define PIXTRAL_DEFAULTS \
    "{\"hidden_size\": 1024, \"intermediate_size\": 4096, \"num_hidden_layers\": 24," \
    " \"num_attention_heads\": 16, \"image_size\": 1024, \"patch_size\": 16, \"hidden_act\": \"gelu\"}"

const struct hf_arch gg_hf_arch_pixtral_eyes = {
    EYES,
    .classes = LIST("LlavaForConditionalGeneration", "Mistral3ForConditionalGeneration"),
    .when = "vision_config.model_type~pixtral",
    .rules = RULES(pixtral, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, pixtral_type, acts, pixtral_keys),
    .tokens = "image_break=[IMG_BREAK]",
    .defaults = PIXTRAL_DEFAULTS,
};

const struct hf_arch gg_hf_arch_lighton_eyes = {
    EYES,
    .classes = LIST("LightOnOCRForConditionalGeneration"),
    .when = "vision_config.model_type~pixtral",
    .rules = RULES(lighton, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, lighton_type, acts, pixtral_keys),
    .defaults = PIXTRAL_DEFAULTS,
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
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, glm4v_type, acts, glm4v_keys),
};

/* ---- LFM2-VL --------------------------------------------------------------------------------- */

static const struct hf_rule lfm2[] = {
    T("vision_tower.vision_model.embeddings.patch_embedding.weight", "v.patch_embd", .as = HF_AS_CONV,
      .layout = "o (h w=16 i=3) -> o i h w"),
    T("vision_tower.vision_model.embeddings.patch_embedding", "v.patch_embd"),
    SIGLIP("vision_tower.vision_model."),
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

/* ---- Kimi-VL --------------------------------------------------------------------------------- */

#define LAYER "vision_tower.encoder.blocks.{L}."
static const struct hf_rule kimi[] = {
    T("vision_tower.patch_embed.proj", "v.patch_embd", .as = HF_AS_CONV),
    T("vision_tower.patch_embed.pos_emb", "v.position_embd", .as = HF_AS_F32, .layout = "h w c -> (h w) c"),
    T("vision_tower.encoder.final_layernorm", "v.post_ln"),
    T(LAYER "norm0", "v.blk.{L}.ln1"),
    T(LAYER "norm1", "v.blk.{L}.ln2"),
    T(LAYER "wqkv", "v.blk.{L}.attn_q", .layout = "(3[0] r) * -> r *"),
    T(LAYER "wqkv", "v.blk.{L}.attn_k", .layout = "(3[1] r) * -> r *"),
    T(LAYER "wqkv", "v.blk.{L}.attn_v", .layout = "(3[2] r) * -> r *"),
    T(LAYER "wo", "v.blk.{L}.attn_out"),
    T(LAYER "mlp.fc0", "v.blk.{L}.ffn_up"),
    T(LAYER "mlp.fc1", "v.blk.{L}.ffn_down"),
    T("multi_modal_projector.pre_norm", "mm.input_norm"),
    T("multi_modal_projector.linear_1", "mm.1"),
    T("multi_modal_projector.linear_2", "mm.2"),
    T_END,
};
#undef LAYER
static const struct hf_key kimi_size[] = {
    K_FIXED(".vision.image_size", U32, "896"), /* as above */
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
    .rules = RULES(kimi, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, kimi_size, gg_hf_eyes_widths, gg_hf_eyes_layers, kimi_type, gg_hf_eyes_gelu, kimi_keys),
};
