/* Architectures: Llama, Mistral, Mixtral and what is built as they are. */
#include "lib/hf/arch.h"

const struct hf_rule gg_hf_mixtral_moe[] = {
    T("model.layers.{L}.block_sparse_moe.gate", "blk.{L}.ffn_gate_inp"),
    T("model.layers.{L}.block_sparse_moe.experts.{E}.w1", "blk.{L}.ffn_gate_exps"),
    T("model.layers.{L}.block_sparse_moe.experts.{E}.w2", "blk.{L}.ffn_down_exps"),
    T("model.layers.{L}.block_sparse_moe.experts.{E}.w3", "blk.{L}.ffn_up_exps"),
    T_END,
};

const struct hf_extra_key gg_hf_llama_extra[] = {
    {32016, "tokenizer.ggml.eot_token_id", GGF_U32, "32010"},    /* CodeLlama */
    {49152, "tokenizer.ggml.add_bos_token", GGF_BOOL, "false"}, /* small Granite models */
    {0, NULL, GGF_U32, NULL},
};

const struct hf_arch gg_hf_arch_llama = { /* Llama 1, 2, 3.x, Mistral, Mixtral */
    .gguf = "llama",
    .classes = LIST("LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM", "MixtralForCausalLM",
                    "LlamaModel", "IQuestCoderForCausalLM", "VLlama3ForCausalLM",
                    "LlavaForConditionalGeneration", "VoxtralForConditionalGeneration"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp, gg_hf_mixtral_moe),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .extra_keys = gg_hf_llama_extra,
    .prefixes = LIST("model.text_model."),
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_llama_embed = { /* llama-embed-nemotron */
    .gguf = "llama-embed",
    .classes = LIST("LlamaBidirectionalModel"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_glmasr = { /* GLM-ASR: the text model, whose tokens are GLM's */
    .gguf = "llama",
    .classes = LIST("GlmasrModel"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .tokens = "eos=<|endoftext|> eot=<|user|> unk=<|endoftext|> bos=<|endoftext|>",
    .flags = HF_LLAMA3_ROPE,
};
static const struct hf_rule sarashina[] = {
    T_DROP("norm"), /* of what the eyes see */
    T_END,
};
const struct hf_arch gg_hf_arch_sarashina = { /* Sarashina 2.2 Vision: the text model */
    .gguf = "llama",
    .classes = LIST("Sarashina2VisionForCausalLM"),
    .rules = RULES(sarashina, gg_hf_multimodal, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .extra_keys = gg_hf_llama_extra,
    .prefixes = LIST("llm."),
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};
static const struct hf_rule janus[] = {
    T_DROP("*aligner.*"), T_DROP("*vqmodel.*"), T_DROP("*generation_embeddings*"), T_DROP("*generation_head.*"),
    T_END,
};
const struct hf_arch gg_hf_arch_janus = { /* Janus-Pro: the text model */
    .gguf = "llama",
    .classes = LIST("JanusForConditionalGeneration"),
    .rules = RULES(janus, gg_hf_multimodal, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};
#define EXPERT(stored, gguf_) \
    T("model.layers.{L}.self_attn." stored "_expert_query_key_value", "blk.{L}." gguf_ "attn_qkv"), \
    T("model.layers.{L}.self_attn." stored "_expert_dense", "blk.{L}." gguf_ "attn_output")
static const struct hf_rule cogvlm[] = { /* an expert of words, one of images */
    EXPERT("language", ""),
    EXPERT("vision", "vis_"),
    T("model.layers.{L}.mlp.language_mlp.gate_proj", "blk.{L}.ffn_gate"),
    T("model.layers.{L}.mlp.language_mlp.up_proj", "blk.{L}.ffn_up"),
    T("model.layers.{L}.mlp.language_mlp.down_proj", "blk.{L}.ffn_down"),
    T("model.layers.{L}.mlp.vision_mlp.gate_proj", "blk.{L}.vis_gate"),
    T("model.layers.{L}.mlp.vision_mlp.up_proj", "blk.{L}.vis_up"),
    T("model.layers.{L}.mlp.vision_mlp.down_proj", "blk.{L}.vis_down"),
    T_DROP("model.vision.*"),
    T_END,
};
const struct hf_arch gg_hf_arch_cogvlm = {
    .gguf = "cogvlm",
    .classes = LIST("CogVLMForCausalLM"),
    .rules = RULES(cogvlm, gg_hf_frame),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};
const struct hf_arch gg_hf_arch_smollm3 = {
    .gguf = "smollm3",
    .classes = LIST("SmolLM3ForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

/* Mistral Small 3.1 and later, Ministral 3: the text model. */
static const struct hf_key mistral3_keys[] = {
    K_NEED(".rope.scaling.yarn_log_multiplier", F32, "rope_parameters.mscale_all_dim",
           .when = "model_type~ministral3"),
    K_NEED(".attention.temperature_scale", F32, "rope_parameters.llama_4_scaling_beta",
           .when = "model_type~ministral3"),
    K_END,
};

const struct hf_arch gg_hf_arch_mistral3 = {
    .gguf = "mistral3",
    .classes = LIST("Mistral3ForConditionalGeneration", "Ministral3ForCausalLM"),
    .when = "!model_type~mistral4",
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys, mistral3_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_arcee = { /* without a gate */
    .gguf = "arcee",
    .classes = LIST("ArceeForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys, gg_hf_pooling),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};
