/* The parts of models that hear, written by --mmproj: encoders of Whisper and what ties them to the text model.
 * Hyper-parameters are those of audio_config. */
#include "lib/hf/arch.h"

#define CONV(as_) \
    T("audio_tower.conv1.weight", "a.conv1d.1.weight", .as = as_), \
    T("audio_tower.conv1", "a.conv1d.1", .layout = "c -> c 1"), \
    T("audio_tower.conv2.weight", "a.conv1d.2.weight", .as = as_), \
    T("audio_tower.conv2", "a.conv1d.2", .layout = "c -> c 1")
static const struct hf_rule conv_f16[] = {
    CONV(HF_AS_F16),
    T_END,
};
static const struct hf_rule conv_f32[] = {
    CONV(HF_AS_F32),
    T_END,
};

#define LAYER "audio_tower.layers.{L}."
static const struct hf_rule whisper[] = {
    T("audio_tower.embed_positions", "a.position_embd", .as = HF_AS_F32),
    T("audio_tower.layer_norm", "a.post_ln"),
    T(LAYER "self_attn_layer_norm", "a.blk.{L}.ln1"),
    T(LAYER "final_layer_norm", "a.blk.{L}.ln2"),
    T(LAYER "self_attn.q_proj", "a.blk.{L}.attn_q"),
    T(LAYER "self_attn.k_proj", "a.blk.{L}.attn_k"),
    T(LAYER "self_attn.v_proj", "a.blk.{L}.attn_v"),
    T(LAYER "self_attn.out_proj", "a.blk.{L}.attn_out"),
    T(LAYER "fc1", "a.blk.{L}.ffn_up"),
    T(LAYER "fc2", "a.blk.{L}.ffn_down"),
    T("multi_modal_projector.linear", "mm.a.fc"),
    T("multi_modal_projector.linear_1", "mm.a.mlp.1"),
    T("multi_modal_projector.linear_2", "mm.a.mlp.2"),
    T("multi_modal_projector.ln_pre", "mm.a.norm_pre"),
    T("multi_modal_projector.ln_mid", "mm.a.norm_mid"),
    T_END,
};

static const struct hf_key sizes[] = {
    K_BLOCK(HF_FILE_TYPE),
    K_FIXED(".has_audio_encoder", BOOL, "true"),
    K_NEED(".audio.projection_dim", U32, "global.text_config.hidden_size|global.hidden_size"),
    K_NEED(".audio.embedding_length", U32, "hidden_size|d_model"),
    K_NEED(".audio.feed_forward_length", U32, "intermediate_size|encoder_ffn_dim"),
    K_SUM(".audio.block_count", U32, "N"),
    K_NEED(".audio.attention.head_count", U32, "num_attention_heads|encoder_attention_heads"),
    K_END,
};
static const struct hf_key mel[] = {
    K_NEED(".audio.num_mel_bins", U32, "num_mel_bins"),
    K(".audio.attention.layer_norm_epsilon", F32, "layer_norm_eps", .fallback = "1e-5"),
    K_END,
};
static const struct hf_key qwen2[] = {
    K_FIXED(".projector_type", STR, "qwen2a"),
    K_END,
};
static const struct hf_key ultravox[] = {
    K_FIXED(".projector_type", STR, "ultravox"),
    K_END,
};
static const struct hf_key ultravox_stack[] = {
    K_NEED(".audio.projector.stack_factor", U32, "global.stack_factor"),
    K_END,
};
static const struct hf_key voxtral[] = {
    K_FIXED(".projector_type", STR, "voxtral"),
    K_END,
};
static const struct hf_key voxtral_stack[] = {
    K_FIXED(".audio.projector.stack_factor", U32, "4"),
    K_END,
};
static const struct hf_key flamingo[] = {
    K_FIXED(".projector_type", STR, "musicflamingo"),
    K_END,
};

#define EARS .gguf = "clip", .prefixes = LIST("model."), .each_layer = "a.blk.{L}.ln1", .flags = HF_PROJECTOR

const struct hf_arch gg_hf_arch_qwen2_ears = {
    EARS,
    .classes = LIST("Qwen2AudioForConditionalGeneration"),
    .rules = RULES(conv_f16, whisper, gg_hf_rest),
    .keys = KEYS(sizes, qwen2, mel),
};

const struct hf_arch gg_hf_arch_ultravox_ears = {
    EARS,
    .classes = LIST("UltravoxModel"),
    .rules = RULES(conv_f16, whisper, gg_hf_rest),
    .keys = KEYS(sizes, ultravox, mel, ultravox_stack),
};

const struct hf_arch gg_hf_arch_voxtral_ears = {
    EARS,
    .classes = LIST("VoxtralForConditionalGeneration"),
    .rules = RULES(conv_f16, whisper, gg_hf_rest),
    .keys = KEYS(sizes, voxtral, mel, voxtral_stack),
};

const struct hf_arch gg_hf_arch_flamingo_ears = { /* trained in BF16: not narrowed to F16 */
    EARS,
    .classes = LIST("AudioFlamingo3ForConditionalGeneration"),
    .rules = RULES(conv_f32, whisper, gg_hf_rest),
    .keys = KEYS(sizes, flamingo, mel),
};
