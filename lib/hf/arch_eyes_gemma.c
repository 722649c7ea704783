/* What Gemma 3 sees with, what Gemma 4 sees and hears with. */
#include "lib/hf/eyes.h"

/* ---- Gemma 3 --------------------------------------------------------------------------------- */

static const struct hf_rule gemma3[] = {
    T("multi_modal_projector.mm_input_projection_weight", "mm.input_projection.weight", .as = HF_AS_F16),
    T("multi_modal_projector.mm_soft_emb_norm", "mm.soft_emb_norm", .how = HF_PLUS_ONE),
    T("vision_tower.vision_model.embeddings.patch_embedding", "v.patch_embd", .as = HF_AS_F32),
    SIGLIP("vision_tower.vision_model.", "out_proj"),
    T_END,
};
static const struct hf_key gemma3_keys[] = {
    K_FIXED(".projector_type", STR, "gemma3"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_FIXED(".use_gelu", BOOL, "true"),
    K_MERGED,
    K_END,
};

const struct hf_arch gg_hf_arch_gemma3_eyes = {
    EYES,
    .classes = LIST("Gemma3ForConditionalGeneration"),
    .rules = RULES(gemma3, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, gg_hf_eyes_size, gg_hf_eyes_widths, gg_hf_eyes_layers, gemma3_keys),
};

/* ---- Gemma 4 --------------------------------------------------------------------------------- */

/* A matrix, and between which values what goes in and out of it is clipped. */
#define CLIPPED(from, to) \
    T(from ".linear", to), T(from ".input_max", to ".input_max!"), T(from ".input_min", to ".input_min!"), \
    T(from ".output_max", to ".output_max!"), T(from ".output_min", to ".output_min!")

#define LAYER "vision_tower.encoder.layers.{L}."
static const struct hf_rule eyes[] = {
    T("vision_tower.patch_embedder.input_proj", "v.patch_embd", .as = HF_AS_CONV,
      .layout = "o (h w=patch_size i=3) -> o i h w"),
    T("vision_tower.patch_embedder.position_embedding_table", "v.position_embd", .as = HF_AS_F32),
    T("vision_tower.std_bias", "v.std_bias!"),
    T("vision_tower.std_scale", "v.std_scale!"),
    T("embed_vision.embedding_projection", "mm.input_projection"),
    T(LAYER "input_layernorm", "v.blk.{L}.ln1"),
    T(LAYER "pre_feedforward_layernorm", "v.blk.{L}.ln2"),
    T(LAYER "post_attention_layernorm", "v.blk.{L}.attn_post_norm"),
    T(LAYER "post_feedforward_layernorm", "v.blk.{L}.ffn_post_norm"),
    T(LAYER "layer_scalar", "v.blk.{L}.out_scale"),
    T(LAYER "self_attn.q_norm", "v.blk.{L}.attn_q_norm"),
    T(LAYER "self_attn.k_norm", "v.blk.{L}.attn_k_norm"),
    CLIPPED(LAYER "self_attn.q_proj", "v.blk.{L}.attn_q"),
    CLIPPED(LAYER "self_attn.k_proj", "v.blk.{L}.attn_k"),
    CLIPPED(LAYER "self_attn.v_proj", "v.blk.{L}.attn_v"),
    CLIPPED(LAYER "self_attn.o_proj", "v.blk.{L}.attn_out"),
    CLIPPED(LAYER "mlp.gate_proj", "v.blk.{L}.ffn_gate"),
    CLIPPED(LAYER "mlp.up_proj", "v.blk.{L}.ffn_up"),
    CLIPPED(LAYER "mlp.down_proj", "v.blk.{L}.ffn_down"),
    T_END,
};
#undef LAYER

#define LAYER "audio_tower.layers.{L}."
#define SUBSAMPLE "audio_tower.subsample_conv_projection."
static const struct hf_rule ears[] = {
    T(SUBSAMPLE "layer{L}.conv", "a.conv1d.{L}", .as = HF_AS_F32),
    T(SUBSAMPLE "layer{L}.norm", "a.conv1d.{L}.norm"),
    T(SUBSAMPLE "input_proj_linear", "a.input_projection", .as = HF_AS_F32),
    T("audio_tower.output_proj", "a.pre_encode.out"),
    T("embed_audio.embedding_projection", "mm.a.input_projection"),
    T(LAYER "norm_pre_attn", "a.blk.{L}.attn_pre_norm"),
    T(LAYER "norm_post_attn", "a.blk.{L}.attn_post_norm"),
    T(LAYER "norm_out", "a.blk.{L}.ln2"),
    T(LAYER "feed_forward1.pre_layer_norm", "a.blk.{L}.ffn_norm"),
    T(LAYER "feed_forward1.post_layer_norm", "a.blk.{L}.ffn_post_norm"),
    T(LAYER "feed_forward2.pre_layer_norm", "a.blk.{L}.ffn_norm_1"),
    T(LAYER "feed_forward2.post_layer_norm", "a.blk.{L}.ffn_post_norm_1"),
    T(LAYER "lconv1d.pre_layer_norm", "a.blk.{L}.conv_norm"),
    T(LAYER "lconv1d.conv_norm", "a.blk.{L}.norm_conv"),
    T(LAYER "lconv1d.depthwise_conv1d", "a.blk.{L}.conv_dw", .as = HF_AS_F32, .layout = "c 1 k -> c k"),
    T(LAYER "self_attn.per_dim_scale", "a.blk.{L}.per_dim_scale", .how = HF_SOFTPLUS),
    T(LAYER "self_attn.relative_k_proj", "a.blk.{L}.attn_k_rel"),
    CLIPPED(LAYER "self_attn.q_proj", "a.blk.{L}.attn_q"),
    CLIPPED(LAYER "self_attn.k_proj", "a.blk.{L}.attn_k"),
    CLIPPED(LAYER "self_attn.v_proj", "a.blk.{L}.attn_v"),
    CLIPPED(LAYER "self_attn.post", "a.blk.{L}.attn_out"),
    CLIPPED(LAYER "feed_forward1.ffw_layer_1", "a.blk.{L}.ffn_up"),
    CLIPPED(LAYER "feed_forward1.ffw_layer_2", "a.blk.{L}.ffn_down"),
    CLIPPED(LAYER "feed_forward2.ffw_layer_1", "a.blk.{L}.ffn_up_1"),
    CLIPPED(LAYER "feed_forward2.ffw_layer_2", "a.blk.{L}.ffn_down_1"),
    CLIPPED(LAYER "lconv1d.linear_start", "a.blk.{L}.conv_pw1"),
    CLIPPED(LAYER "lconv1d.linear_end", "a.blk.{L}.conv_pw2"),
    T_END,
};

static const struct hf_key sizes[] = {
    K_FIXED(".vision.image_size", U32, "224"), /* images have any; for those who ask */
    K_NEED(".vision.patch_size", U32, "patch_size"),
    K_NEED(".vision.embedding_length", U32, "hidden_size"),
    K_NEED(".vision.feed_forward_length", U32, "intermediate_size"),
    K_END,
};
#define HEARS .when = "global.audio_config"
static const struct hf_key keys[] = {
    K_FIXED(".has_audio_encoder", BOOL, "true", HEARS),
    K_NEED(".audio.projection_dim", U32, "global.text_config.hidden_size", HEARS),
    K_NEED(".audio.embedding_length", U32, "global.audio_config.hidden_size", HEARS),
    K_SUM(".audio.feed_forward_length", U32, "4 * global.audio_config.hidden_size", HEARS),
    K_NEED(".audio.block_count", U32, "global.audio_config.num_hidden_layers", HEARS),
    K_NEED(".audio.attention.head_count", U32, "global.audio_config.num_attention_heads", HEARS),
    K_FIXED(".vision.projector_type", STR, "gemma4v"),
    K(".vision.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-6"),
    K_FIXED(".audio.projector_type", STR, "gemma4a", HEARS),
    K(".audio.num_mel_bins", U32, "global.audio_config.input_feat_size", .fallback = "128", HEARS),
    K(".audio.attention.layer_norm_epsilon", F32, "global.audio_config.layer_norm_eps", .fallback = "1e-6", HEARS),
    K_END,
};

const struct hf_arch gg_hf_arch_gemma4_eyes = {
    EYES,
    .classes = LIST("Gemma4ForConditionalGeneration"),
    .rules = RULES(eyes, ears, gg_hf_rest),
    .keys = KEYS(gg_hf_eyes, sizes, gg_hf_eyes_layers, keys),
};
