/* The parts of models that hear, written by --mmproj: encoders of Whisper and what ties them to the text model.
 * Hyper-parameters are those of audio_config. */
#include "lib/hf/arch.h"

#define CONV(of, as_) \
    T(of "conv1.weight", "a.conv1d.1.weight", .as = as_), \
    T(of "conv1", "a.conv1d.1", .layout = "c -> c 1"), \
    T(of "conv2.weight", "a.conv1d.2.weight", .as = as_), \
    T(of "conv2", "a.conv1d.2", .layout = "c -> c 1")
static const struct hf_rule conv_f16[] = {
    CONV("audio_tower.", HF_AS_F16),
    T_END,
};
static const struct hf_rule conv_f32[] = {
    CONV("audio_tower.", HF_AS_F32),
    T_END,
};

#define WHISPER(of) \
    T(of "embed_positions", "a.position_embd", .as = HF_AS_F32), \
    T(of "layer_norm", "a.post_ln"), \
    T(of "layers.{L}.self_attn_layer_norm", "a.blk.{L}.ln1"), \
    T(of "layers.{L}.final_layer_norm", "a.blk.{L}.ln2"), \
    T(of "layers.{L}.self_attn.q_proj", "a.blk.{L}.attn_q"), \
    T(of "layers.{L}.self_attn.k_proj", "a.blk.{L}.attn_k"), \
    T(of "layers.{L}.self_attn.v_proj", "a.blk.{L}.attn_v"), \
    T(of "layers.{L}.self_attn.out_proj", "a.blk.{L}.attn_out"), \
    T(of "layers.{L}.fc1", "a.blk.{L}.ffn_up"), \
    T(of "layers.{L}.fc2", "a.blk.{L}.ffn_down")
static const struct hf_rule whisper[] = {
    WHISPER("audio_tower."),
    T("multi_modal_projector.linear", "mm.a.fc"),
    T("multi_modal_projector.linear_1", "mm.a.mlp.1"),
    T("multi_modal_projector.linear_2", "mm.a.mlp.2"),
    T("multi_modal_projector.ln_pre", "mm.a.norm_pre"),
    T("multi_modal_projector.ln_mid", "mm.a.norm_mid"),
    T_END,
};

static const struct hf_rule glm[] = {
    CONV("audio_encoder.whisper.", HF_AS_F16),
    WHISPER("audio_encoder.whisper."),
    T("audio_encoder.layer_norm", "mm.a.norm_pre"),
    T("audio_encoder.adapting.0", "mm.a.mlp.1"),
    T("audio_encoder.adapting.2", "mm.a.mlp.2"),
    T("audio_encoder.audio_bos_eos_token.weight", "v.boi!", .layout = "r[0] c -> (1 c)"),
    T("audio_encoder.audio_bos_eos_token.weight", "v.eoi!", .layout = "r[1] c -> (1 c)"),
    T_END,
};

static const struct hf_rule meralion[] = {
    CONV("speech_encoder.", HF_AS_F16),
    WHISPER("speech_encoder."),
    T("ln_speech", "mm.a.norm_pre"),
    T("speech_audio_adapter.mlp_adapter.0", "mm.a.mlp.0"),
    T("speech_audio_adapter.gate_proj", "mm.a.mlp.1"),
    T("speech_audio_adapter.pool_proj", "mm.a.mlp.2"),
    T("speech_audio_adapter.out_proj", "mm.a.mlp.3"),
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
static const struct hf_key glma[] = {
    K_FIXED(".projector_type", STR, "glma"),
    K_END,
};
static const struct hf_key glma_stack[] = {
    K_NEED(".audio.projector.stack_factor", U32, "global.merge_factor"),
    K_END,
};
static const struct hf_key meralion_type[] = {
    K_FIXED(".projector_type", STR, "meralion"),
    K_END,
};
static const struct hf_key meralion_stack[] = {
    K(".audio.projector.stack_factor", U32, "global.speech_mlp_scale_factor", .fallback = "15"),
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

const struct hf_arch gg_hf_arch_glmasr_ears = {
    EARS,
    .classes = LIST("GlmasrModel"),
    .rules = RULES(glm, gg_hf_rest),
    .keys = KEYS(sizes, glma, mel, glma_stack),
};

const struct hf_arch gg_hf_arch_meralion_ears = {
    EARS,
    .classes = LIST("MERaLiON2ForConditionalGeneration"),
    .rules = RULES(meralion, gg_hf_rest),
    .keys = KEYS(sizes, meralion_type, mel, meralion_stack),
};
