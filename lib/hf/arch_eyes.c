/* The parts of models that see images, written by --mmproj for beside the text model. Hyper-parameters are
 * those of vision_config; "global" is all of config.json, "preprocessor" what prepares images. */
#include "lib/hf/eyes.h"

const struct hf_rule gg_hf_rest[] = { /* the text model */
    T_DROP("*"),
    T_END,
};

const struct hf_key gg_hf_eyes[] = {
    K_BLOCK(HF_FILE_TYPE),
    K_FIXED(".has_vision_encoder", BOOL, "true"),
    K_NEED(".vision.projection_dim", U32, "global.text_config.hidden_size|global.hidden_size"),
    K_END,
};
const struct hf_key gg_hf_eyes_size[] = {
    K_NEED(".vision.image_size", U32, "image_size"),
    K_END,
};
const struct hf_key gg_hf_eyes_widths[] = {
    K_NEED(".vision.patch_size", U32, "patch_size"),
    K_NEED(".vision.embedding_length", U32, "hidden_size"),
    K_NEED(".vision.feed_forward_length", U32, "intermediate_size"),
    K_END,
};
const struct hf_key gg_hf_eyes_gelu[] = {
    K_FIXED(".use_gelu", BOOL, "true"),
    K_END,
};
const struct hf_key gg_hf_eyes_layers[] = {
    K_SUM(".vision.block_count", U32, "N"),
    K_NEED(".vision.attention.head_count", U32, "num_attention_heads|num_heads|heads|vt_num_attention_heads"),
    K_NEED(".vision.image_mean", F32, "preprocessor.image_mean"),
    K_NEED(".vision.image_std", F32, "preprocessor.image_std"),
    K_END,
};

/* ---- Gemma 3 --------------------------------------------------------------------------------- */

#define SIGLIP "vision_tower.vision_model."
static const struct hf_rule gemma3[] = {
    T("multi_modal_projector.mm_input_projection_weight", "mm.input_projection.weight", .as = HF_AS_F16),
    T("multi_modal_projector.mm_soft_emb_norm", "mm.soft_emb_norm", .how = HF_PLUS_ONE),
    T(SIGLIP "embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_F32),
    T(SIGLIP "embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32),
    SIGLIP_LAYERS(SIGLIP "encoder.layers.{L}.", "out_proj"),
    T(SIGLIP "post_layernorm", "v.post_ln"),
    T_END,
};
#define GEMMA3_SCALE "int(int(image_size / patch_size) / int(sqrt(preprocessor.image_seq_length|256)))"
static const struct hf_key gemma3_keys[] = {
    K_FIXED(".projector_type", STR, "gemma3"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_FIXED(".use_gelu", BOOL, "true"),
    /* 4 is what is taken where it is not said */
    K_SUM(".vision.projector.scale_factor", U32, GEMMA3_SCALE,
          .when = GEMMA3_SCALE " * (" GEMMA3_SCALE " - 4)"),
    K_END,
};

const struct hf_arch gg_hf_arch_gemma3_eyes = {
    .gguf = "clip",
    .classes = LIST("Gemma3ForConditionalGeneration"),
    .rules = RULES(gemma3, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, gemma3_keys),
    .prefixes = LIST("model."),
    .each_layer = "v.blk.{L}.ln1",
    .flags = HF_PROJECTOR,
};

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
    .gguf = "clip",
    .classes = LIST("Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration", "Qwen2VLModel",
                    "Sarashina2VisionForCausalLM"),
    .rules = RULES(gg_hf_eyes_video, qwen2vl, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, qwen2vl_keys, gg_hf_eyes_layers, qwen2vl_type),
    .prefixes = LIST("model."),
    .each_layer = "v.blk.{L}.ln1",
    .flags = HF_PROJECTOR,
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
    .gguf = "clip",
    .classes = LIST("Qwen3VLForConditionalGeneration", "Qwen3VLMoeForConditionalGeneration",
                    "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration"),
    .rules = RULES(gg_hf_eyes_video, qwen3vl, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, qwen3vl_size, gg_hf_eyes_widths, gg_hf_eyes_layers, qwen3vl_keys),
    .prefixes = LIST("model."),
    .each_layer = "v.blk.{L}.ln1",
    .flags = HF_PROJECTOR,
};

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
