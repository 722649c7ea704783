/* Architectures: more that are Llama with a difference: InternLM3, Orion, Jais 2, Maincoder, Nanbeige, openPangu, PLM, MiniCPM3, DeciLM,
 * OpenELM, Apertus. */
#include "lib/hf/arch.h"

const struct hf_arch gg_hf_arch_internlm3 = {
    .gguf = "llama",
    .classes = LIST("InternLM3ForCausalLM"),
    .rules = RULES(gg_hf_multimodal, gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .tokens = "!eos=<|im_end|>",
    .flags = HF_PREFIX_BEHIND,
};

/* ---- Orion: norms have biases, whatever the name of their epsilon ---------------------------- */

static const struct hf_key orion_keys[] = {
    K_BLOCK(HF_FILE_TYPE),
    K_FIXED(".tensor_data_layout", STR, "Meta AI original pth"),
    K_NEED(".context_length", U32, "max_sequence_length|max_position_embeddings|model_max_length"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads|num_attention_heads"),
    K_NEED(".attention.layer_norm_epsilon", F32, "rms_norm_eps"),
    K_END,
};

const struct hf_arch gg_hf_arch_orion = {
    .gguf = "orion",
    .classes = LIST("OrionForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(orion_keys),
};

/* ---- Jais 2, Maincoder, Nanbeige, openPangu -------------------------------------------------- */

static const struct hf_key whole_rope[] = {
    K(".rope.dimension_count", U32, NULL, .what = HF_HEAD_DIM),
    K_END,
};
static const struct hf_key maincoder_keys[] = {
    K(".rope.dimension_count", U32, "head_dim"),
    K_END,
};
static const struct hf_key nanbeige_keys[] = { /* layers are gone through several times */
    K_SUM(".num_loops", U32, "num_loops", .when = "num_loops"),
    K_FIXED(".num_loops", U32, "1", .when = "!num_loops"),
    K(".skip_loop_final_norm", BOOL, "skip_loop_final_norm", .fallback = "false"),
    K_END,
};
static const struct hf_rule tied[] = {
    T_DROP("lm_head", .when = "tie_word_embeddings"),
    T_END,
};
static const struct hf_key pangu_keys[] = {
    K_SUM(".attention.key_length", U32, "D", .when = "!head_dim"),
    K_SUM(".attention.value_length", U32, "D", .when = "!head_dim"),
    K_END,
};

const struct hf_arch gg_hf_arch_jais2 = {
    .gguf = "jais2",
    .classes = LIST("Jais2ForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, whole_rope),
};

const struct hf_arch gg_hf_arch_maincoder = {
    .gguf = "maincoder",
    .classes = LIST("MaincoderForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, maincoder_keys),
};

const struct hf_arch gg_hf_arch_nanbeige = {
    .gguf = "nanbeige",
    .classes = LIST("NanbeigeForCausalLM"),
    .rules = RULES(gg_hf_frame, gg_hf_attn_roped, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys, nanbeige_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_pangu = {
    .gguf = "pangu-embedded",
    .classes = LIST("PanguEmbeddedForCausalLM"),
    .rules = RULES(tied, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys, pangu_keys),
    .flags = HF_PREFIX_LAST,
};

/* ---- PLM, MiniCPM3: keys and values are stored compressed ------------------------------------ */

static const struct hf_rule compressed[] = {
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q"),
    T("model.layers.{L}.self_attn.q_a_proj", "blk.{L}.attn_q_a"),
    T("model.layers.{L}.self_attn.q_a_layernorm", "blk.{L}.attn_q_a_norm"),
    T("model.layers.{L}.self_attn.q_b_proj", "blk.{L}.attn_q_b"),
    T("model.layers.{L}.self_attn.kv_a_proj_with_mqa", "blk.{L}.attn_kv_a_mqa"),
    T("model.layers.{L}.self_attn.kv_a_layernorm", "blk.{L}.attn_kv_a_norm"),
    T("model.layers.{L}.self_attn.kv_b_proj", "blk.{L}.attn_kv_b"),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output"),
    T_END,
};
static const struct hf_key plm_keys[] = {
    K_NEED(".vocab_size", U32, "vocab_size"),
    K_NEED(".attention.kv_lora_rank", U32, "kv_lora_rank"),
    K_SUM(".attention.key_length", U32, "qk_nope_head_dim + qk_rope_head_dim"),
    K_NEED(".attention.value_length", U32, "v_head_dim"),
    K_NEED(".rope.dimension_count", U32, "qk_rope_head_dim"),
    K_END,
};
static const struct hf_key minicpm3_keys[] = {
    K_BLOCK(HF_FILE_TYPE),
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps"),
    K_NEED(".vocab_size", U32, "vocab_size"),
    K(".attention.q_lora_rank", U32, "q_lora_rank"),
    K_NEED(".attention.kv_lora_rank", U32, "kv_lora_rank"),
    K_SUM(".attention.key_length", U32, "qk_nope_head_dim + qk_rope_head_dim"),
    K_NEED(".rope.dimension_count", U32, "qk_rope_head_dim"),
    K_END,
};

const struct hf_arch gg_hf_arch_plm = {
    .gguf = "plm",
    .classes = LIST("PLMForCausalLM"),
    .rules = RULES(gg_hf_frame, compressed, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, plm_keys),
};

const struct hf_arch gg_hf_arch_minicpm3 = {
    .gguf = "minicpm3",
    .classes = LIST("MiniCPM3ForCausalLM"),
    .rules = RULES(gg_hf_frame, compressed, gg_hf_mlp),
    .keys = KEYS(minicpm3_keys),
    .flags = HF_ROPE_FACTORS,
};

/* ---- DeciLM, Nemotron-NAS: layers of different widths ----------------------------------------- */

/* Query heads share keys in groups; where no group is named there is no attention, or a matrix in its place. */
#define GROUP "(block_configs.L.attention.n_heads_in_group|0)"
#define BLOCK_KV "int(num_attention_heads * !!" GROUP " / (" GROUP " + !" GROUP "))"
static const struct hf_rule deci[] = {
    T("model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", .some = true),
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm", .some = true),
    T("model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q", .how = HF_ROPE_Q, .some = true),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", .some = true, .when = "block_configs",
      .layout = "(k=" BLOCK_KV " 2 d) * -> (k d 2) *"),
    T("model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", .some = true, .when = "!block_configs",
      .layout = "(k=num_key_value_heads_per_layer.L 2 d) * -> (k d 2) *"),
    T("model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v", .some = true),
    T("model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output", .some = true),
    T("model.layers.{L}.self_attn.linear_attn", "blk.{L}.attn_output", .some = true),
    T("model.layers.{L}.mlp.gate_proj", "blk.{L}.ffn_gate", .some = true),
    T("model.layers.{L}.mlp.up_proj", "blk.{L}.ffn_up", .some = true),
    T("model.layers.{L}.mlp.down_proj", "blk.{L}.ffn_down", .some = true),
    T_END,
};
static const struct hf_key nas_keys[] = {
    K(".rope.freq_base", F32, NULL, .what = HF_ROPE_BASE),
    K_EACH(".attention.head_count_kv", I32, BLOCK_KV),
    K_EACH(".attention.head_count", I32,
           "num_attention_heads * !!(" GROUP " + (block_configs.L.attention.replace_with_linear|0))"),
    K_EACH(".feed_forward_length", I32,
           "256 * int((int(2 * (block_configs.L.ffn.ffn_mult|0) * hidden_size / 3) + 255) / 256)"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_NEED(".attention.layer_norm_rms_epsilon", F32, "rms_norm_eps"),
    K_SUM(".attention.key_length", U32, "int(hidden_size / num_attention_heads)"),
    K_SUM(".attention.value_length", U32, "int(hidden_size / num_attention_heads)"),
    K_END,
};
static const struct hf_key deci_keys[] = {
    K_EACH(".attention.head_count_kv", I32, "num_key_value_heads_per_layer.L",
           .when = "num_key_value_heads_per_layer"),
    K_END,
};

const struct hf_arch gg_hf_arch_nemotron_nas = {
    .gguf = "deci",
    .classes = LIST("DeciLMForCausalLM"),
    .when = "block_configs",
    .rules = RULES(deci, gg_hf_frame),
    .keys = KEYS(nas_keys, gg_hf_file_key, gg_hf_llama_keys),
    .each_layer = "blk.{L}",
    .flags = HF_LLAMA3_ROPE,
};

const struct hf_arch gg_hf_arch_deci = {
    .gguf = "deci",
    .classes = LIST("DeciLMForCausalLM"),
    .rules = RULES(deci, gg_hf_frame),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, deci_keys, gg_hf_llama_keys),
    .each_layer = "blk.{L}",
    .flags = HF_LLAMA3_ROPE,
};

/* ---- OpenELM: the same ------------------------------------------------------------------------ */

static const struct hf_rule openelm[] = {
    T("transformer.token_embeddings", "token_embd"),
    T("transformer.norm", "output_norm"),
    T("transformer.layers.{L}.attn_norm", "blk.{L}.attn_norm"),
    T("transformer.layers.{L}.ffn_norm", "blk.{L}.ffn_norm"),
    T("transformer.layers.{L}.attn.qkv_proj", "blk.{L}.attn_qkv"),
    T("transformer.layers.{L}.attn.q_norm", "blk.{L}.attn_q_norm"),
    T("transformer.layers.{L}.attn.k_norm", "blk.{L}.attn_k_norm"),
    T("transformer.layers.{L}.attn.out_proj", "blk.{L}.attn_output"),
    T("transformer.layers.{L}.ffn.proj_1", "blk.{L}.ffn_gate", .layout = "(2[0] r) * -> r *"),
    T("transformer.layers.{L}.ffn.proj_1", "blk.{L}.ffn_up", .layout = "(2[1] r) * -> r *"),
    T("transformer.layers.{L}.ffn.proj_2", "blk.{L}.ffn_down"),
    T_END,
};
/* To the nearest multiple, at least one, and not below by more than a tenth. */
#define WANTED "(ffn_multipliers.L * model_dim)"
#define NEAREST "int(int(" WANTED " + ffn_dim_divisor / 2) / ffn_dim_divisor)"
#define NOT_NONE "(" NEAREST " + (" NEAREST " = 0))"
static const struct hf_key openelm_keys[] = {
    K_SUM(".block_count", U32, "N"),
    K_NEED(".context_length", U32, "max_context_length"),
    K_NEED(".embedding_length", U32, "model_dim"),
    K_EACH(".feed_forward_length", I32,
           "ffn_dim_divisor * (" NOT_NONE " + (ffn_dim_divisor * " NOT_NONE " < 0.9 * " WANTED "))"),
    K_EACH(".attention.head_count", I32, "num_query_heads.L"),
    K_EACH(".attention.head_count_kv", I32, "num_kv_heads.L"),
    K_NEED(".rope.freq_base", F32, "rope_freq_constant"),
    K_FIXED(".attention.layer_norm_rms_epsilon", F32, "1e-6"),
    K_NEED(".rope.dimension_count", U32, "head_dim"),
    K_NEED(".attention.key_length", U32, "head_dim"),
    K_NEED(".attention.value_length", U32, "head_dim"),
    K_END,
};

const struct hf_arch gg_hf_arch_openelm = {
    .gguf = "openelm",
    .classes = LIST("OpenELMForCausalLM"),
    .rules = RULES(openelm),
    .keys = KEYS(openelm_keys, gg_hf_file_key),
};

/* ---- Apertus: an activation whose parameters are stored as tensors, and kept as keys ----------- */

static const struct hf_rule apertus[] = {
    T("model.layers.{L}.attention_layernorm", "blk.{L}.attn_norm"),
    T("model.layers.{L}.feedforward_layernorm", "blk.{L}.ffn_norm"),
    T_DROP("model.layers.{L}.mlp.act_fn.*"),
    T_END,
};
#define XIELU(name) {.key = "xielu." name, .type = GGF_F32, .what = HF_STORED, .from = "model.layers.{L}.mlp.act_fn." name}
static const struct hf_key xielu[] = {XIELU("alpha_n"), XIELU("alpha_p"), XIELU("beta"), XIELU("eps"), K_END};

const struct hf_arch gg_hf_arch_apertus = {
    .gguf = "apertus",
    .classes = LIST("ApertusForCausalLM"),
    .rules = RULES(apertus, gg_hf_frame, gg_hf_attn, gg_hf_qk_norm, gg_hf_mlp),
    .first_keys = xielu,
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, gg_hf_llama_keys),
    .extra_keys = gg_hf_llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};
