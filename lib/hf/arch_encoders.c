/* Architectures: more encoders: ModernBERT, EuroBERT, NeoBERT, Jina BERT v2. */
#include "lib/hf/arch.h"

static const struct hf_key not_causal[] = {
    K_FIXED(".attention.causal", BOOL, "false"),
    K_BLOCK(HF_POOLING),
    K(".classifier.output_labels", STR, "id2label", .what = HF_LABELS),
    K_END,
};

/* ---- ModernBERT ------------------------------------------------------------------------------ */

static const struct hf_rule modern[] = {
    T("embeddings.tok_embeddings", "token_embd"),
    T("embeddings.norm", "token_embd_norm"),
    T("final_norm", "output_norm"),
    T("head.dense", "cls"),
    T("head.norm", "cls.norm"),
    T("classifier", "cls.output", .when = HF_HAS_LABELS),
    T("classifier", "cls", .when = HF_NO_LABELS),
    T("layers.{L}.attn_norm", "blk.{L}.attn_norm", .some = true), /* not the first */
    T("layers.{L}.mlp_norm", "blk.{L}.ffn_norm"),
    T("layers.{L}.attn.Wqkv", "blk.{L}.attn_qkv"),
    T("layers.{L}.attn.Wo", "blk.{L}.attn_output"),
    T("layers.{L}.mlp.Wi", "blk.{L}.ffn_up"),
    T("layers.{L}.mlp.Wo", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key modern_keys[] = {
    K_NEED(".attention.sliding_window", U32, "local_attention"),
    K(".attention.sliding_window_pattern", U32, "global_attn_every_n_layers"),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".hidden_activation", STR, "hidden_activation"),
    K_END,
};
static const struct hf_key framed[] = {
    K_FIXED("tokenizer.ggml.add_bos_token", BOOL, "true"),
    K_FIXED("tokenizer.ggml.add_eos_token", BOOL, "true"),
    K_FIXED("tokenizer.ggml.add_sep_token", BOOL, "true"),
    K_END,
};

const struct hf_arch gg_hf_arch_modern_bert = {
    .gguf = "modern-bert",
    .classes = LIST("ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification"),
    .rules = RULES(modern),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, not_causal, modern_keys),
    .vocab_keys = framed,
    .prefixes = LIST("model."),
    .each_layer = "blk.{L}.ffn_norm",
};

/* ---- EuroBERT -------------------------------------------------------------------------------- */

static const struct hf_key not_scaled[] = {
    K_FIXED(".attention.causal", BOOL, "false"),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K_END,
};
static const struct hf_key not_begun[] = {
    K_FIXED("tokenizer.ggml.add_bos_token", BOOL, "false"),
    K_END,
};

const struct hf_arch gg_hf_arch_eurobert = {
    .gguf = "eurobert",
    .classes = LIST("EuroBertModel", "JinaEmbeddingsV5Model"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, not_scaled, gg_hf_pooling),
    .vocab_keys = not_begun,
};

/* ---- NeoBERT --------------------------------------------------------------------------------- */

static const struct hf_rule neobert[] = {
    T_DROP("decoder.*"),
    T_DROP("decoder"),
    T("encoder", "token_embd"),
    T("layer_norm", "enc.output_norm"),
    T("transformer_encoder.{L}.attention_norm", "blk.{L}.attn_norm"),
    T("transformer_encoder.{L}.ffn_norm", "blk.{L}.ffn_norm"),
    T("transformer_encoder.{L}.qkv", "blk.{L}.attn_qkv"),
    T("transformer_encoder.{L}.wo", "blk.{L}.attn_output"),
    T("transformer_encoder.{L}.ffn.w12", "blk.{L}.ffn_up"),
    T("transformer_encoder.{L}.ffn.w3", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key neobert_keys[] = {
    K_SUM(".feed_forward_length", U32, "int(2 * intermediate_size / 3)"),
    K_FIXED(".rope.freq_base", F32, "10000"),
    K_FIXED(".rope.scaling.type", STR, "none"),
    K(".attention.layer_norm_rms_epsilon", F32, "norm_eps", .fallback = "1e-6"),
    K_FIXED(".pooling_type", U32, "2"), /* CLS */
    K_END,
};

const struct hf_arch gg_hf_arch_neobert = {
    .gguf = "neo-bert",
    .classes = LIST("NeoBERT", "NeoBERTLMHead"),
    .rules = RULES(neobert),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, not_causal, neobert_keys),
    .prefixes = LIST("model."),
    .defaults = "{\"type_vocab_size\": 1}",
};

/* ---- Jina BERT v2 ---------------------------------------------------------------------------- */

#define LAYER "encoder.layer.{L}."
static const struct hf_rule jina[] = {
    T("embeddings.word_embeddings", "token_embd"),
    T("embeddings.token_type_embeddings", "token_types"),
    T("embeddings.LayerNorm", "token_embd_norm"),
    T_DROP("embeddings.position_ids"), T_DROP("pooler.dense"), T_DROP("cls.predictions*"),
    T(LAYER "attention.self.query", "blk.{L}.attn_q"),
    T(LAYER "attention.self.key", "blk.{L}.attn_k"),
    T(LAYER "attention.self.value", "blk.{L}.attn_v"),
    T(LAYER "attention.self.layer_norm_q", "blk.{L}.attn_q_norm"),
    T(LAYER "attention.self.layer_norm_k", "blk.{L}.attn_k_norm"),
    T(LAYER "attention.output.dense", "blk.{L}.attn_output"),
    T(LAYER "attention.output.LayerNorm", "blk.{L}.attn_output_norm"),
    T(LAYER "layer_norm_1", "blk.{L}.attn_norm_2"),
    T(LAYER "layer_norm_2", "blk.{L}.layer_output_norm"),
    T(LAYER "mlp.gated_layers", "blk.{L}.ffn_up"),
    T(LAYER "mlp.up_gated_layer", "blk.{L}.ffn_up"),
    T(LAYER "mlp.wo", "blk.{L}.ffn_down"),
    T(LAYER "mlp.down_layer", "blk.{L}.ffn_down"),
    T(LAYER "mlp.layernorm", "blk.{L}.layer_output_norm"),
    T_END,
};

const struct hf_arch gg_hf_arch_jina_bert = {
    .gguf = "jina-bert-v2",
    .classes = LIST("JinaBertModel", "JinaBertForMaskedLM"),
    .rules = RULES(jina),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, not_causal),
    .prefixes = LIST("bert."),
    .each_layer = "blk.{L}.layer_output_norm",
    .defaults = "{\"type_vocab_size\": 2}",
};
