/* Architectures that are Llama with a difference: StableLM, Baichuan, Seed-OSS, Orion, Jais 2, Maincoder, Nanbeige,
 * openPangu, OpenELM, Apertus. */
#include "lib/hf/arch.h"

/* ---- StableLM -------------------------------------------------------------------------------- */

static const struct hf_rule stablelm[] = { /* norms of each head */
    T("model.layers.{L}.self_attn.q_layernorm.norms.{E}", "blk.{L}.attn_q_norm", .count = "H"),
    T("model.layers.{L}.self_attn.k_layernorm.norms.{E}", "blk.{L}.attn_k_norm", .count = "K"),
    T_END,
};
static const struct hf_key stablelm_keys[] = {
    K_NEED(".context_length", U32, "max_position_embeddings"),
    K_NEED(".embedding_length", U32, "hidden_size"),
    K_SUM(".block_count", U32, "N"),
    K_NEED(".feed_forward_length", U32, "intermediate_size"),
    K_SUM(".rope.dimension_count", U32, "rope.partial_rotary_factor * int(hidden_size / H)"),
    K_NEED(".attention.head_count", U32, "num_attention_heads"),
    K_NEED(".attention.head_count_kv", U32, "num_key_value_heads"),
    K(".use_parallel_residual", BOOL, "use_parallel_residual", .fallback = "true"),
    K_NEED(".attention.layer_norm_epsilon", F32, "layer_norm_eps|norm_eps"),
    K_END,
};

const struct hf_arch gg_hf_arch_stablelm = {
    .gguf = "stablelm",
    .classes = LIST("StableLmForCausalLM", "StableLMEpochForCausalLM", "LlavaStableLMEpochForCausalLM"),
    .rules = RULES(gg_hf_multimodal, stablelm, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(stablelm_keys, gg_hf_file_key),
};

/* ---- Baichuan -------------------------------------------------------------------------------- */

static const struct hf_rule baichuan[] = {
    T("model.layers.{L}.self_attn.W_pack", "blk.{L}.attn_q", .layout = "(3[0] H 2 d) * -> (3 H d 2) *"),
    T("model.layers.{L}.self_attn.W_pack", "blk.{L}.attn_k", .layout = "(3[1] H 2 d) * -> (3 H d 2) *"),
    T("model.layers.{L}.self_attn.W_pack", "blk.{L}.attn_v", .layout = "(3[2] r) * -> (3 r) *"),
    T_END,
};
static const struct hf_key baichuan_keys[] = {
    K_FIXED(".tensor_data_layout", STR, "Meta AI original pth"),
    K_SUM(".rope.dimension_count", U32, "hidden_size / H"),
    K_END,
};

const struct hf_arch gg_hf_arch_baichuan = {
    .gguf = "baichuan",
    .classes = LIST("BaichuanForCausalLM", "BaiChuanForCausalLM"),
    .rules = RULES(baichuan, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key, baichuan_keys),
};

/* ---- Seed-OSS -------------------------------------------------------------------------------- */

static const struct hf_rule seed_oss[] = {
    T("model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm"),
    T_END,
};

const struct hf_arch gg_hf_arch_seed_oss = {
    .gguf = "seed_oss",
    .classes = LIST("SeedOssForCausalLM"),
    .rules = RULES(seed_oss, gg_hf_frame, gg_hf_attn, gg_hf_mlp),
    .keys = KEYS(gg_hf_base_keys, gg_hf_head_keys, gg_hf_file_key),
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

/* ---- OpenELM: layers of different widths ------------------------------------------------------------------------ */

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
