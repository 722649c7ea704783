/* Architectures: GPT-2, GPT-NeoX (Pythia), Falcon, StarCoder2, BLOOM, JAIS. */
#include "lib/hf/arch.h"

static const struct hf_rule gpt2[] = {
    T("wte", "token_embd"),
    T("wpe", "position_embd"),
    T("lm_head", "output"),
    T_DROP("h.{L}.attn.masked_bias"),
    T_END,
};
/* Those of JAIS too. Matrices are stored with inputs as rows. */
static const struct hf_rule gpt2_layers[] = {
    T("ln_f", "output_norm"),
    T_DROP("h.{L}.attn"), /* .bias: the causal mask */
    T("h.{L}.ln_1", "blk.{L}.attn_norm"),
    T("h.{L}.ln_2", "blk.{L}.ffn_norm"),
    T("h.{L}.attn.c_attn.weight", "blk.{L}.attn_qkv", .layout = "c r -> r c"),
    T("h.{L}.attn.c_attn", "blk.{L}.attn_qkv"),
    T("h.{L}.attn.c_proj.weight", "blk.{L}.attn_output", .layout = "c r -> r c"),
    T("h.{L}.attn.c_proj", "blk.{L}.attn_output"),
    T("h.{L}.mlp.c_fc.weight", "blk.{L}.ffn_up", .layout = "c r -> r c"),
    T("h.{L}.mlp.c_fc", "blk.{L}.ffn_up"),
    T("h.{L}.mlp.c_proj.weight", "blk.{L}.ffn_down", .layout = "c r -> r c"),
    T("h.{L}.mlp.c_proj", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key gpt2_keys[] = {
    K_SUM(".block_count", U32, "N"),
    K_NEED(".context_length", U32, "n_ctx"),
    K_NEED(".embedding_length", U32, "n_embd"),
    K_SUM(".feed_forward_length", U32, "4 * n_embd"),
    K_NEED(".attention.head_count", U32, "n_head"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon"),
    K_END,
};

/* Queries, keys and values of a head stand together; llama.cpp wants all queries first. */
static const struct hf_rule gptneox[] = {
    T("gpt_neox.embed_in", "token_embd"),
    T("gpt_neox.final_layer_norm", "output_norm"),
    T("embed_out", "output"),
    T_DROP("gpt_neox.layers.{L}.attention.rotary_emb.inv_freq"),
    T_DROP("gpt_neox.layers.{L}.attention.masked_bias"),
    T_DROP("gpt_neox.layers.{L}.attention"), /* .bias: the causal mask */
    T("gpt_neox.layers.{L}.input_layernorm", "blk.{L}.attn_norm"),
    T("gpt_neox.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm"),
    T("gpt_neox.layers.{L}.attention.query_key_value", "blk.{L}.attn_qkv",
      .layout = "(H 3 d) * -> (3 H d) *"),
    T("gpt_neox.layers.{L}.attention.dense", "blk.{L}.attn_output"),
    T("gpt_neox.layers.{L}.mlp.dense_h_to_4h", "blk.{L}.ffn_up"),
    T("gpt_neox.layers.{L}.mlp.dense_4h_to_h", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key gptneox_keys[] = {
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_SUM(".rope.dimension_count", U32, "(rotary_pct|rope.partial_rotary_factor) * int(hidden_size / H)"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K(".use_parallel_residual", BOOL, "use_parallel_residual", .fallback = "true"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_eps"),
    K_END,
};

/* Groups of query heads with a key and a value behind them become all queries, all keys, all values. The
 * first Falcons have one group, whatever num_kv_heads says. */
#define FALCON_KV \
    "(1 + (num_kv_heads|n_head_kv|1 - 1) * !(multi_query|0 * !(new_decoder_architecture|0)))"
#define FALCON_QKV(cut) "(g=" FALCON_KV " s=H/" FALCON_KV "+2[" cut "] d) * -> (g s d) *"
static const struct hf_rule falcon[] = {
    T("transformer.word_embeddings", "token_embd"),
    T("transformer.ln_f", "output_norm"),
    T("lm_head", "output"),
    T("transformer.h.{L}.input_layernorm", "blk.{L}.attn_norm"),
    T("transformer.h.{L}.ln_mlp", "blk.{L}.attn_norm"),
    T("transformer.h.{L}.ln_attn", "blk.{L}.attn_norm_2"),
    T("transformer.h.{L}.self_attention.query_key_value", "blk.{L}.attn_qkv", .how = HF_JOIN,
      .layout = FALCON_QKV("0:H/" FALCON_KV)),
    T("transformer.h.{L}.self_attention.query_key_value", "blk.{L}.attn_qkv", .how = HF_JOIN,
      .layout = FALCON_QKV("H/" FALCON_KV)),
    T("transformer.h.{L}.self_attention.query_key_value", "blk.{L}.attn_qkv", .how = HF_JOIN,
      .layout = FALCON_QKV("H/" FALCON_KV "+1")),
    T("transformer.h.{L}.self_attention.dense", "blk.{L}.attn_output"),
    T("transformer.h.{L}.mlp.dense_h_to_4h", "blk.{L}.ffn_up"),
    T("transformer.h.{L}.mlp.dense_4h_to_h", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key falcon_keys[] = {
    K_FIXED(".context_length", U32, "2048"), /* no file says so */
    K_FIXED(".tensor_data_layout", STR, "jploski"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_SUM(".feed_forward_length", U32, "4 * hidden_size"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".attention.head_count", U32, "num_attention_heads|n_head"),
    K_SUM(".attention.head_count_kv", U32, FALCON_KV),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon"),
    K_END,
};

static const struct hf_rule starcoder2[] = {
    T("model.layers.{L}.mlp.c_fc", "blk.{L}.ffn_up"),
    T("model.layers.{L}.mlp.c_proj", "blk.{L}.ffn_down"),
    T_END,
};

const struct hf_arch gg_hf_arch_gpt2 = {
    .gguf = "gpt2",
    .classes = LIST("GPT2LMHeadModel"),
    .rules = RULES(gpt2, gpt2_layers),
    .keys = KEYS(gpt2_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};

const struct hf_arch gg_hf_arch_gptneox = {
    .gguf = "gptneox",
    .classes = LIST("GPTNeoXForCausalLM"),
    .rules = RULES(gptneox),
    .keys = KEYS(gptneox_keys),
};

const struct hf_arch gg_hf_arch_falcon = {
    .gguf = "falcon",
    .classes = LIST("FalconForCausalLM", "RWForCausalLM"),
    .rules = RULES(falcon),
    .keys = KEYS(falcon_keys, gg_hf_file_key),
};

const struct hf_arch gg_hf_arch_starcoder2 = {
    .gguf = "starcoder2",
    .classes = LIST("Starcoder2ForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, starcoder2),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
};

static const struct hf_rule bloom[] = {
    T("word_embeddings", "token_embd"),
    T("word_embeddings_layernorm", "token_embd_norm"),
    T("ln_f", "output_norm"),
    T("lm_head", "output"),
    T("h.{L}.input_layernorm", "blk.{L}.attn_norm"),
    T("h.{L}.post_attention_layernorm", "blk.{L}.ffn_norm"),
    T("h.{L}.self_attention.query_key_value", "blk.{L}.attn_qkv", .layout = "(H 3 d) * -> (3 H d) *"),
    T("h.{L}.self_attention.dense", "blk.{L}.attn_output"),
    T("h.{L}.mlp.dense_h_to_4h", "blk.{L}.ffn_up"),
    T("h.{L}.mlp.dense_4h_to_h", "blk.{L}.ffn_down"),
    T_END,
};
static const struct hf_key bloom_keys[] = {
    K_NEED(".context_length", U32, "seq_length|hidden_size|n_embed"),
    K_NEED(".embedding_length", U32, "hidden_size|n_embed"),
    K_SUM(".feed_forward_length", U32, "4 * (hidden_size|n_embed)"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".attention.head_count", U32, "n_head|num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "n_head|num_attention_heads"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon"),
    K_END,
};

const struct hf_arch gg_hf_arch_bloom = {
    .gguf = "bloom",
    .classes = LIST("BloomForCausalLM", "BloomModel"),
    .rules = RULES(bloom),
    .keys = KEYS(bloom_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};

/* ---- JAIS ------------------------------------------------------------------------------------ */

/* Scales that would be applied to what these matrices give are taken into them. */
static const struct hf_rule jais[] = {
    T("wte", "token_embd", .times = "mup_embeddings_scale|embeddings_scale"),
    T("lm_head", "output", .times = "mup_output_alpha * mup_width_scale", .when = "mup_output_alpha"),
    T("lm_head", "output", .times = "width_scale", .when = "!mup_output_alpha"),
    T_DROP("relative_pe.slopes"), /* those of the usual ALiBi */
    T("h.{L}.mlp.c_fc2.weight", "blk.{L}.ffn_gate", .layout = "c r -> r c"),
    T("h.{L}.mlp.c_fc2", "blk.{L}.ffn_gate"),
    T_END,
};
static const struct hf_key jais_first[] = {
    K_FIXED(".attention.max_alibi_bias", F32, "8"),
    K_END,
};
static const struct hf_key jais_keys[] = {
    K_SUM(".block_count", U32, "N"),
    K_NEED(".context_length", U32, "n_positions"),
    K_NEED(".embedding_length", U32, "n_embd"),
    K_NEED(".feed_forward_length", U32, "n_inner"),
    K_NEED(".attention.head_count", U32, "n_head"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_epsilon"),
    K_END,
};

const struct hf_arch gg_hf_arch_jais = {
    .gguf = "jais",
    .classes = LIST("JAISLMHeadModel"),
    .when = "activation_function~swiglu * position_embedding_type~alibi",
    .rules = RULES(jais, gpt2_layers),
    .first_keys = jais_first,
    .keys = KEYS(jais_keys, gg_hf_file_key),
    .prefixes = LIST("transformer."),
};
