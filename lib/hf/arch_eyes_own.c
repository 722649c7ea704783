/* Parts that see with an encoder of their own: Llama 4, InternVL, Pixtral (Mistral Small 3.1, LightOnOCR), Hunyuan-VL, CogVLM. */
#include "lib/hf/eyes.h"

/* ---- Llama 4 --------------------------------------------------------------------------------- */

static const struct hf_rule llama4[] = {
    T("multi_modal_projector.linear_1", "mm.model.fc"),
    T("vision_model.class_embedding", "v.class_embd!"),
    T("vision_model.patch_embedding.linear", "v.patch_embd", .as = HF_AS_CONV),
    T("vision_model.positional_embedding_vlm", "v.position_embd.weight", .as = HF_AS_F32),
    T("vision_model.layernorm_pre", "v.pre_ln"),
    T("vision_model.layernorm_post", "v.post_ln"),
    T("vision_model.model.layers.{L}.input_layernorm", "v.blk.{L}.ln1"),
    T("vision_model.model.layers.{L}.post_attention_layernorm", "v.blk.{L}.ln2"),
    T("vision_model.model.layers.{L}.self_attn.q_proj", "v.blk.{L}.attn_q"),
    T("vision_model.model.layers.{L}.self_attn.k_proj", "v.blk.{L}.attn_k"),
    T("vision_model.model.layers.{L}.self_attn.v_proj", "v.blk.{L}.attn_v"),
    T("vision_model.model.layers.{L}.self_attn.o_proj", "v.blk.{L}.attn_out"),
    T("vision_model.model.layers.{L}.mlp.fc1", "v.blk.{L}.ffn_up"),
    T("vision_model.model.layers.{L}.mlp.fc2", "v.blk.{L}.ffn_down"),
    T("vision_model.vision_adapter.mlp.fc1", "mm.model.mlp.1"),
    T("vision_model.vision_adapter.mlp.fc2", "mm.model.mlp.2"),
    T_END,
};
static const struct hf_key llama4_keys[] = {
    K_FIXED(".projector_type", STR, "llama4"),
    K_NEED(".vision.attention.layer_norm_epsilon", F32, "norm_eps"),
    K_SUM(".vision.projector.scale_factor", U32, "1 / pixel_shuffle_ratio"),
    K_FIXED(".use_gelu", BOOL, "true"),
    K_END,
};

const struct hf_arch gg_hf_arch_llama4_eyes = {
    .gguf = "clip",
    .classes = LIST("Llama4ForConditionalGeneration"),
    .rules = RULES(llama4, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, llama4_keys),
    .each_layer = "v.blk.{L}.ln1",
    .flags = HF_PROJECTOR,
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
    .keys = KEYS(gg_hf_eyes, internvl_sizes, gg_hf_eyes_layers, internvl_type, gg_hf_eyes_act, internvl_keys),
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
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, pixtral_type, gg_hf_eyes_act, pixtral_keys),
    .tokens = "image_break=[IMG_BREAK]",
    .defaults = PIXTRAL_DEFAULTS,
};

const struct hf_arch gg_hf_arch_lighton_eyes = {
    EYES,
    .classes = LIST("LightOnOCRForConditionalGeneration"),
    .when = "vision_config.model_type~pixtral",
    .rules = RULES(lighton, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, lighton_type, gg_hf_eyes_act, pixtral_keys),
    .defaults = PIXTRAL_DEFAULTS,
};

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
