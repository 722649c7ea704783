/* Architectures: T5, an encoder and a decoder, or the encoder alone. */
#include "lib/hf/arch.h"

#define ENC "encoder.block.{L}.layer."
#define DEC "decoder.block.{L}.layer."
static const struct hf_rule t5[] = {
    T("decoder.embed_tokens", "token_embd", .how = HF_FIRST),
    T("encoder.embed_tokens", "token_embd", .how = HF_FIRST),
    T("shared", "token_embd", .how = HF_FIRST),
    T("lm_head", "output"),
    T("encoder.final_layer_norm", "enc.output_norm"),
    T(ENC "0.layer_norm", "enc.blk.{L}.attn_norm"),
    T(ENC "0.SelfAttention.q", "enc.blk.{L}.attn_q"),
    T(ENC "0.SelfAttention.k", "enc.blk.{L}.attn_k"),
    T(ENC "0.SelfAttention.v", "enc.blk.{L}.attn_v"),
    T(ENC "0.SelfAttention.o", "enc.blk.{L}.attn_o"),
    T(ENC "0.SelfAttention.relative_attention_bias", "enc.blk.{L}.attn_rel_b", .some = true),
    T(ENC "1.layer_norm", "enc.blk.{L}.ffn_norm"),
    T(ENC "1.DenseReluDense.wi", "enc.blk.{L}.ffn_up"),
    T(ENC "1.DenseReluDense.wi_0", "enc.blk.{L}.ffn_gate"),
    T(ENC "1.DenseReluDense.wi_1", "enc.blk.{L}.ffn_up"),
    T(ENC "1.DenseReluDense.wo", "enc.blk.{L}.ffn_down"),
    T("decoder.final_layer_norm", "dec.output_norm"),
    T(DEC "0.layer_norm", "dec.blk.{L}.attn_norm"),
    T(DEC "0.SelfAttention.q", "dec.blk.{L}.attn_q"),
    T(DEC "0.SelfAttention.k", "dec.blk.{L}.attn_k"),
    T(DEC "0.SelfAttention.v", "dec.blk.{L}.attn_v"),
    T(DEC "0.SelfAttention.o", "dec.blk.{L}.attn_o"),
    T(DEC "0.SelfAttention.relative_attention_bias", "dec.blk.{L}.attn_rel_b"),
    T(DEC "1.layer_norm", "dec.blk.{L}.cross_attn_norm"),
    T(DEC "1.EncDecAttention.q", "dec.blk.{L}.cross_attn_q"),
    T(DEC "1.EncDecAttention.k", "dec.blk.{L}.cross_attn_k"),
    T(DEC "1.EncDecAttention.v", "dec.blk.{L}.cross_attn_v"),
    T(DEC "1.EncDecAttention.o", "dec.blk.{L}.cross_attn_o"),
    T(DEC "1.EncDecAttention.relative_attention_bias", "dec.blk.{L}.cross_attn_rel_b"),
    T(DEC "2.layer_norm", "dec.blk.{L}.ffn_norm"),
    T(DEC "2.DenseReluDense.wi", "dec.blk.{L}.ffn_up"),
    T(DEC "2.DenseReluDense.wi_0", "dec.blk.{L}.ffn_gate"),
    T(DEC "2.DenseReluDense.wi_1", "dec.blk.{L}.ffn_up"),
    T(DEC "2.DenseReluDense.wo", "dec.blk.{L}.ffn_down"),
    T_END,
};

static const struct hf_key sizes[] = {
    K(".context_length", U32, "n_positions", .fallback = "512"),
    K_NEED(".embedding_length", U32, "d_model"),
    K_NEED(".feed_forward_length", U32, "d_ff"),
    K_SUM(".block_count", U32, "N"),
    K_END,
};
static const struct hf_key decoder[] = {
    K(".decoder_block_count", U32, "num_decoder_layers"),
    K_END,
};
static const struct hf_key attention[] = {
    K_NEED(".attention.head_count", U32, "num_heads"),
    K_NEED(".attention.key_length", U32, "d_kv"),
    K_NEED(".attention.value_length", U32, "d_kv"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon"),
    K_NEED(".attention.relative_buckets_count", U32, "relative_attention_num_buckets"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "layer_norm_epsilon"),
    K_END,
};
static const struct hf_key start[] = {
    K_NEED(".decoder_start_token_id", U32, "decoder_start_token_id"),
    K_END,
};

const struct hf_arch gg_hf_arch_t5 = {
    .gguf = "t5",
    .classes = LIST("T5ForConditionalGeneration", "T5WithLMHeadModel", "MT5ForConditionalGeneration",
                    "UMT5ForConditionalGeneration", "UMT5Model"),
    .rules = RULES(t5),
    .keys = KEYS(sizes, decoder, attention, start, gg_hf_file_key),
    .each_layer = "enc.blk.{L}.attn_norm",
};

const struct hf_arch gg_hf_arch_t5encoder = {
    .gguf = "t5encoder",
    .classes = LIST("T5EncoderModel"),
    .rules = RULES(t5),
    .keys = KEYS(sizes, attention, gg_hf_file_key),
    .each_layer = "enc.blk.{L}.attn_norm",
};
