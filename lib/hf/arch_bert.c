/* Architectures: encoders. BERT, DistilBERT, RoBERTa, XLM-R, nomic-bert. */
#include "lib/hf/arch.h"

#define LAYER "encoder.layer.{L}."
static const struct hf_rule bert[] = {
    T("embeddings.word_embeddings", "token_embd"),
    T("embeddings.position_embeddings", "position_embd"),
    T("embeddings.token_type_embeddings", "token_types"),
    T("embeddings.LayerNorm", "token_embd_norm"),
    T_DROP("embeddings.position_ids"), /* 0, 1, 2... */
    T_DROP("pooler.dense"), T_DROP("cls.predictions*"), T_DROP("cls.seq_relationship*"), /* of training */
    T_DROP("lm_head*"),
    T(LAYER "attention.self.query", "blk.{L}.attn_q"),
    T(LAYER "attention.self.key", "blk.{L}.attn_k"),
    T(LAYER "attention.self.value", "blk.{L}.attn_v"),
    T(LAYER "attention.output.dense", "blk.{L}.attn_output"),
    T(LAYER "attention.output.LayerNorm", "blk.{L}.attn_output_norm"),
    T(LAYER "intermediate.dense", "blk.{L}.ffn_up"),
    T(LAYER "output.dense", "blk.{L}.ffn_down"),
    T(LAYER "output.LayerNorm", "blk.{L}.layer_output_norm"),
    T("classifier.dense", "cls"),
    T("classifier.out_proj", "cls.output"),
    T("classifier", "cls.output", .when = HF_HAS_LABELS),
    T("classifier", "cls", .when = HF_NO_LABELS),
    T_END,
};
static const struct hf_rule roberta[] = { /* places are counted from behind the padding's */
    T("embeddings.position_embeddings", "position_embd", .when = "pad_token_id + 1",
      .layout = "r[pad_token_id + 1:] * -> r *"),
    T_END,
};
#undef LAYER
#define LAYER "transformer.layer.{L}."
static const struct hf_rule distilbert[] = {
    T_DROP("vocab_*"),
    T(LAYER "attention.q_lin", "blk.{L}.attn_q"),
    T(LAYER "attention.k_lin", "blk.{L}.attn_k"),
    T(LAYER "attention.v_lin", "blk.{L}.attn_v"),
    T(LAYER "attention.out_lin", "blk.{L}.attn_output"),
    T(LAYER "sa_layer_norm", "blk.{L}.attn_output_norm"),
    T(LAYER "ffn.lin1", "blk.{L}.ffn_up"),
    T(LAYER "ffn.lin2", "blk.{L}.ffn_down"),
    T(LAYER "output_layer_norm", "blk.{L}.layer_output_norm"),
    T("pre_classifier", "cls"),
    T_END,
};
#undef LAYER
#define LAYER "encoder.layers.{L}."
static const struct hf_rule nomic[] = {
    T("emb_ln", "token_embd_norm"),
    T(LAYER "attn.Wqkv", "blk.{L}.attn_qkv"),
    T(LAYER "attn.out_proj", "blk.{L}.attn_output"),
    T(LAYER "norm1", "blk.{L}.attn_output_norm"),
    T(LAYER "norm2", "blk.{L}.layer_output_norm"),
    T(LAYER "mlp.fc11", "blk.{L}.ffn_up"),
    T(LAYER "mlp.fc12", "blk.{L}.ffn_gate"),
    T(LAYER "mlp.fc1", "blk.{L}.ffn_up"),
    T(LAYER "mlp.fc2", "blk.{L}.ffn_down"),
    T(LAYER "mlp.router.layer", "blk.{L}.ffn_gate_inp"),
    T(LAYER "mlp.experts.mlp.w1", "blk.{L}.ffn_up_exps", .layout = "(E r=n_inner) c -> E r c"),
    T(LAYER "mlp.experts.mlp.w2", "blk.{L}.ffn_down_exps", .layout = "(E c=n_inner) r -> E r c"),
    T_DROP(LAYER "mlp.experts"), /* .bias: not used */
    T_END,
};

static const struct hf_key places[] = {
    K_SUM(".context_length", U32, "max_position_embeddings - pad_token_id - 1",
          .when = "max_position_embeddings * (pad_token_id + 1)"),
    K_END,
};
static const struct hf_key eps[] = {
    K_FIXED(".attention.layer_norm_epsilon", F32, "1e-12"),
    K_END,
};
static const struct hf_key encoder_keys[] = {
    K_FIXED(".attention.causal", BOOL, "false"),
    K_BLOCK(HF_POOLING),
    K(".classifier.output_labels", STR, "id2label", .what = HF_LABELS),
    K_END,
};
static const struct hf_key nomic_keys[] = {
    /* n_positions is what the code can, a quarter of it what was trained */
    K_SUM(".context_length", U32, "n_positions / 4", .when = "!max_position_embeddings"),
    K_END,
};
static const struct hf_key nomic_moe_keys[] = {
    K_NEED(".moe_every_n_layers", U32, "moe_every_n_layers"),
    K_NEED(".expert_used_count", U32, "moe_top_k"),
    K_END,
};

#define ENCODER \
    .each_layer = "blk.{L}.attn_output_norm", .defaults = "{\"type_vocab_size\": 1}"

const struct hf_arch gg_hf_arch_bert = {
    .gguf = "bert",
    .classes = LIST("BertModel", "BertForMaskedLM", "BertForSequenceClassification", "CamembertModel"),
    .rules = RULES(bert),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, encoder_keys),
    .prefixes = LIST("bert."),
    ENCODER,
};

const struct hf_arch gg_hf_arch_distilbert = {
    .gguf = "bert",
    .classes = LIST("DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification"),
    .rules = RULES(distilbert, bert),
    .keys = KEYS(eps, gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, encoder_keys),
    .prefixes = LIST("distilbert."),
    ENCODER,
};

const struct hf_arch gg_hf_arch_roberta = {
    .gguf = "bert",
    .classes = LIST("RobertaModel", "RobertaForSequenceClassification", "XLMRobertaModel",
                    "XLMRobertaForSequenceClassification"),
    .rules = RULES(roberta, bert),
    .keys = KEYS(gg_hf_base_keys, places, gg_hf_head_keys, gg_hf_file_key, encoder_keys),
    .prefixes = LIST("roberta."),
    ENCODER,
};

const struct hf_arch gg_hf_arch_nomic_bert = {
    .gguf = "nomic-bert",
    .classes = LIST("NomicBertModel"),
    .when = "!moe_every_n_layers",
    .rules = RULES(nomic, bert),
    .keys = KEYS(gg_hf_base_keys, nomic_keys, gg_hf_head_keys, gg_hf_file_key, encoder_keys),
    ENCODER,
};

const struct hf_arch gg_hf_arch_nomic_bert_moe = {
    .gguf = "nomic-bert-moe",
    .classes = LIST("NomicBertModel"),
    .rules = RULES(nomic, bert),
    .keys = KEYS(gg_hf_base_keys, nomic_keys, gg_hf_head_keys, gg_hf_file_key, encoder_keys, nomic_moe_keys),
    ENCODER,
};
