/* Shared by the tables of architectures, one file a family; arch.c says how to add one. */
#ifndef GG_HF_ARCH_H
#define GG_HF_ARCH_H

#include "lib/hf/hf_impl.h"

#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}
#define RULES(...) (const struct hf_rule *const[]){__VA_ARGS__, NULL}
#define KEYS(...) (const struct hf_key *const[]){__VA_ARGS__, NULL}

/* Rows of tables: a stored tensor to its GGUF name, with what else the rule says (.how = ...); one that is
 * not wanted; the end. */
#define T(from, ...) {.hf = from, .gguf = __VA_ARGS__}
#define T_DROP(...) {.how = HF_DROP, .hf = __VA_ARGS__}
#define T_END {.hf = NULL}
/* A key, its type, the names it may have in config.json; one that must be there; a sum that must have all
 * its numbers, or may (then the key is left out); a value whatever config.json says; a sum a layer; a block of several; the end. */
#define K(name, vtype, ...) {.key = name, .type = GGF_##vtype, .from = __VA_ARGS__}
#define K_NEED(name, vtype, ...) {.key = name, .type = GGF_##vtype, .fallback = "!", .from = __VA_ARGS__}
#define K_SUM(name, vtype, ...) \
    {.key = name, .type = GGF_##vtype, .what = HF_EXPR, .fallback = "!", .from = __VA_ARGS__}
#define K_MAY(name, vtype, ...) {.key = name, .type = GGF_##vtype, .what = HF_EXPR, .from = __VA_ARGS__}
#define K_FIXED(name, vtype, ...) {.key = name, .type = GGF_##vtype, .what = HF_CONST, .fallback = __VA_ARGS__}
#define K_EACH(name, vtype, ...) {.key = name, .type = GGF_##vtype, .what = HF_EACH, .from = __VA_ARGS__}
#define K_BLOCK(of) {.what = of}
/* Special tokens of GLM-4.5 and later. */
#define GLM_TOKENS "bos=[gMASK] eot=<|user|> unk=<|endoftext|> eom=<|observation|>"
/* Holds when id2label names classes, and is not what configurations are given without a reason. */
#define HF_NO_LABELS "!(id2label|0) + !(id2label|0 - 2) * id2label.0~LABEL_0"
#define HF_HAS_LABELS "!(" HF_NO_LABELS ")"
#define K_END {.key = NULL}

/* All architectures, in the order they are named in; the first of a GGUF name gives names back. */
#define HF_ARCHS(X) \
    X(llama) X(smollm3) \
    X(qwen2) X(qwen2moe) X(qwen3) X(qwen3moe) \
    X(gemma) X(gemma2) X(gemma3) \
    X(phi3) \
    X(deepseek2) X(gpt_oss) X(glm4) X(glm4moe) \
    X(granite) X(granitemoe) X(olmo2) X(olmoe) \
    X(command_r) X(cohere2) X(gpt2) X(gptneox) X(falcon) X(starcoder2) \
    X(stablelm) X(internlm2) X(minicpm) X(baichuan) X(nemotron) X(exaone) X(exaone4) \
    X(qwen2vl) X(qwen3vl) X(qwen3vlmoe) X(qwen3next) X(qwen35) X(qwen35moe) X(llama4) X(mamba) \
    X(bert) X(distilbert) X(roberta) X(nomic_bert) X(nomic_bert_moe) X(t5) X(t5encoder) \
    X(deepseek) X(dots1) X(glm4moelite) X(seed_oss) X(olmo) X(phi2) X(phimoe) X(bloom) X(ernie4_5) \
    X(minimax_m2) X(mistral3) X(arcee) X(gemma_embedding) \
    X(mamba2) X(granitehybrid) X(granite4_moe) X(granite4) X(lfm2) X(lfm2moe) \
    X(hunyuan_dense) X(hunyuan_moe) X(bailingmoe) X(bailingmoe2) X(dream) X(llada) X(llada_moe) X(rnd1) \
    X(starcoder) X(codeshell) X(refact) X(mpt) X(dbrx) X(qwen) X(jais) \
    X(arctic) X(ernie4_5_moe) X(grovemoe) X(afmoe) X(paddleocr) \
    X(internlm3) X(orion) X(jais2) X(maincoder) X(nanbeige) X(pangu) X(plm) X(minicpm3) X(chatglm) X(llama_embed) \
    X(gemma3n) X(gemma4) X(glm4v) X(glm_ocr) X(solar_open) X(exaone_moe) X(smallthinker) X(mellum) X(cohere2moe) \
    X(bamba) X(granite_swa) X(granite_moe_swa) X(jamba) X(falcon_h1) X(nemotron_h) X(nemotron_h_moe) \
    X(nemotron_nas) X(deci) X(openelm) X(qwen3omni) X(modern_bert) X(eurobert) X(neobert) X(jina_bert) \
    X(deepseek32) X(glm_dsa) X(kimi_linear) X(exaone4_5) X(minimax_m3) X(step35) X(mimo2) X(hunyuan_vl) X(hy3) \
    X(apertus) X(lfm2_embedding) X(deepseek_ocr) X(glmasr) X(sarashina) X(janus) X(minicpmv) X(cogvlm)

/* The parts that see and hear, for --mmproj. */
#define HF_PROJECTORS(X) \
    X(gemma3_eyes) X(qwen2vl_eyes) X(qwen3vl_eyes) X(llama4_eyes) \
    X(internvl_eyes) X(idefics3_eyes) X(pixtral_eyes) X(glm4v_eyes) X(lfm2_eyes) X(kimi_eyes) X(gemma4_eyes) \
    X(paddleocr_eyes) X(dots_eyes) X(kimi25_eyes) X(deepseek_eyes) \
    X(lighton_eyes) X(hunyuan_eyes) X(exaone_eyes) X(youtu_eyes) X(janus_eyes) X(minicpm_eyes) X(cogvlm_eyes) \
    X(qwen2_ears) X(ultravox_ears) X(voxtral_ears) X(flamingo_ears) X(glmasr_ears) X(meralion_ears)

#define ROW(name) extern const struct hf_arch gg_hf_arch_##name;
HF_ARCHS(ROW)
HF_PROJECTORS(ROW)
#undef ROW

/* arch_common.c */
extern const struct hf_rule gg_hf_frame[];
extern const struct hf_rule gg_hf_attn[];
extern const struct hf_rule gg_hf_attn_roped[];
extern const struct hf_rule gg_hf_qk_norm[];
extern const struct hf_rule gg_hf_mlp[];
extern const struct hf_rule gg_hf_experts[];
extern const struct hf_rule gg_hf_gate_up_down[];
extern const struct hf_rule gg_hf_mtp[];
extern const struct hf_rule gg_hf_multimodal[];
extern const struct hf_key gg_hf_base_keys[];
extern const struct hf_key gg_hf_head_keys[];
extern const struct hf_key gg_hf_file_key[];
extern const struct hf_key gg_hf_pooling[];
extern const struct hf_key gg_hf_llama_keys[];
extern const struct hf_key gg_hf_moe_keys[];
/* arch_eyes.c */
extern const struct hf_rule gg_hf_rest[];
/* arch_qwen.c, arch_llama.c */
extern const struct hf_rule gg_hf_qwen_moe[];
extern const struct hf_rule gg_hf_mixtral_moe[];
extern const struct hf_rule gg_hf_mla[]; /* arch_deepseek.c */
extern const struct hf_extra_key gg_hf_llama_extra[];

#endif
