/* Architectures: from a Hugging Face checkpoint to a GGUF model, one table each.
 *
 * How to add one. Find the class that config.json names under "architectures" and the name llama.cpp
 * knows the architecture by. Then write, in this order:
 *
 *   rules     what becomes of each stored tensor. The left side is its name without ".weight" or
 *             ".bias" ({L} a layer's number, {E} an expert's, * anything), the right side its GGUF
 *             name (the suffix is carried over, ".weight" when there was none). `how` says how its
 *             rows are drawn (hf_impl.h). Experts named by {E} are stacked to one tensor, in the order
 *             of their numbers. Lists are shared: most architectures need two lines of their own.
 *   keys      what becomes of each hyper-parameter: the key, its type, the names it may have in
 *             config.json, and what to do when none is there. base_keys is what nearly all share.
 *   defaults  hyper-parameters that the class has a default for and that real files leave out.
 *   flags     the few habits of tokenizers that no file tells.
 *
 * and put it into gg_hf_archs. A stored tensor no rule fits is an error that names it; a layer without a
 * tensor that other layers have is found too. Compare with upstream's converter on a small random
 * checkpoint (tests/tools/), keep the digests (fixtures/hf/), and it is done: no function to write.
 *
 * Facts are from the converter of llama.cpp (2026-08-21) and the model code of transformers.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"

/* ---- tensors --------------------------------------------------------------------------------- */

static const struct hf_rule frame[] = {
    {"model.embed_tokens", "token_embd", HF_AS_IS},
    {"model.norm", "output_norm", HF_AS_IS},
    {"lm_head", "output", HF_AS_IS},
    {"model.layers.{L}.self_attn.rotary_emb.inv_freq", NULL, HF_DROP},
    {"model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", HF_AS_IS},
    {"model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm", HF_AS_IS},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule attn[] = {
    {"model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q", HF_AS_IS},
    {"model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", HF_AS_IS},
    {"model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v", HF_AS_IS},
    {"model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output", HF_AS_IS},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule attn_roped[] = {
    {"model.layers.{L}.self_attn.q_proj", "blk.{L}.attn_q", HF_ROPE_Q},
    {"model.layers.{L}.self_attn.k_proj", "blk.{L}.attn_k", HF_ROPE_K},
    {"model.layers.{L}.self_attn.v_proj", "blk.{L}.attn_v", HF_AS_IS},
    {"model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output", HF_AS_IS},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule qk_norm[] = {
    {"model.layers.{L}.self_attn.q_norm", "blk.{L}.attn_q_norm", HF_AS_IS},
    {"model.layers.{L}.self_attn.k_norm", "blk.{L}.attn_k_norm", HF_AS_IS},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule mlp[] = {
    {"model.layers.{L}.mlp.gate_proj", "blk.{L}.ffn_gate", HF_AS_IS},
    {"model.layers.{L}.mlp.up_proj", "blk.{L}.ffn_up", HF_AS_IS},
    {"model.layers.{L}.mlp.down_proj", "blk.{L}.ffn_down", HF_AS_IS},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule mixtral_moe[] = {
    {"model.layers.{L}.block_sparse_moe.gate", "blk.{L}.ffn_gate_inp", HF_AS_IS},
    {"model.layers.{L}.block_sparse_moe.experts.{E}.w1", "blk.{L}.ffn_gate_exps", HF_AS_IS},
    {"model.layers.{L}.block_sparse_moe.experts.{E}.w2", "blk.{L}.ffn_down_exps", HF_AS_IS},
    {"model.layers.{L}.block_sparse_moe.experts.{E}.w3", "blk.{L}.ffn_up_exps", HF_AS_IS},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule qwen_moe[] = {
    {"model.layers.{L}.mlp.gate", "blk.{L}.ffn_gate_inp", HF_AS_IS},
    {"model.layers.{L}.mlp.shared_expert_gate", "blk.{L}.ffn_gate_inp_shexp", HF_AS_IS},
    {"model.layers.{L}.mlp.shared_expert.gate_proj", "blk.{L}.ffn_gate_shexp", HF_AS_IS},
    {"model.layers.{L}.mlp.shared_expert.up_proj", "blk.{L}.ffn_up_shexp", HF_AS_IS},
    {"model.layers.{L}.mlp.shared_expert.down_proj", "blk.{L}.ffn_down_shexp", HF_AS_IS},
    {"model.layers.{L}.mlp.experts.{E}.down_proj", "blk.{L}.ffn_down_exps", HF_AS_IS},
    {"model.layers.{L}.mlp.experts.{E}.gate_proj", "blk.{L}.ffn_gate_exps", HF_AS_IS},
    {"model.layers.{L}.mlp.experts.{E}.up_proj", "blk.{L}.ffn_up_exps", HF_AS_IS},
    /* stored stacked and fused since transformers 5 */
    {"model.layers.{L}.mlp.experts.down_proj", "blk.{L}.ffn_down_exps", HF_AS_IS},
    {"model.layers.{L}.mlp.experts.gate_up_proj", "blk.{L}.ffn_gate_exps", HF_FIRST_HALF},
    {"model.layers.{L}.mlp.experts.gate_up_proj", "blk.{L}.ffn_up_exps", HF_SECOND_HALF},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule phi3[] = {
    {"model.layers.{L}.self_attn.qkv_proj", "blk.{L}.attn_qkv", HF_AS_IS},
    {"model.layers.{L}.self_attn.o_proj", "blk.{L}.attn_output", HF_AS_IS},
    {"model.layers.{L}.mlp.gate_up_proj", "blk.{L}.ffn_up", HF_AS_IS},
    {"model.layers.{L}.mlp.down_proj", "blk.{L}.ffn_down", HF_AS_IS},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule gemma[] = {
    {"lm_head", NULL, HF_DROP}, /* the embedding again */
    {"model.norm", "output_norm", HF_PLUS_ONE},
    {"model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", HF_PLUS_ONE},
    {"model.layers.{L}.post_attention_layernorm", "blk.{L}.ffn_norm", HF_PLUS_ONE},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule gemma2[] = {
    {"lm_head", NULL, HF_DROP},
    {"model.norm", "output_norm", HF_PLUS_ONE},
    {"model.layers.{L}.input_layernorm", "blk.{L}.attn_norm", HF_PLUS_ONE},
    {"model.layers.{L}.post_attention_layernorm", "blk.{L}.post_attention_norm", HF_PLUS_ONE},
    {"model.layers.{L}.pre_feedforward_layernorm", "blk.{L}.ffn_norm", HF_PLUS_ONE},
    {"model.layers.{L}.post_feedforward_layernorm", "blk.{L}.post_ffw_norm", HF_PLUS_ONE},
    {NULL, NULL, HF_AS_IS},
};
static const struct hf_rule gemma3[] = {
    {"model.embed_tokens", "token_embd", HF_TOKENS},
    {"lm_head", "output", HF_AS_IS},
    {"model.layers.{L}.self_attn.q_norm", "blk.{L}.attn_q_norm", HF_PLUS_ONE},
    {"model.layers.{L}.self_attn.k_norm", "blk.{L}.attn_k_norm", HF_PLUS_ONE},
    {"*vision_tower.*", NULL, HF_DROP},
    {"*multi_modal_projector.*", NULL, HF_DROP},
    {NULL, NULL, HF_AS_IS},
};

/* ---- keys ------------------------------------------------------------------------------------ */

static const struct hf_key base_keys[] = {
    {".block_count", GGF_U32, "n_layers|num_hidden_layers|n_layer|num_layers", "!", HF_VALUE},
    {".context_length", GGF_U32,
     "max_position_embeddings|n_ctx|n_positions|max_length|max_sequence_length|model_max_length", NULL,
     HF_VALUE},
    {".embedding_length", GGF_U32, "hidden_size|n_embd|dim", NULL, HF_VALUE},
    {".feed_forward_length", GGF_U32,
     "prefix_dense_intermediate_size|dense_intermediate_size|intermediate_size|n_inner|hidden_dim",
     NULL, HF_VALUE},
    {".attention.head_count", GGF_U32, "num_attention_heads|n_head|n_heads", NULL, HF_VALUE},
    {".attention.head_count_kv", GGF_U32, "num_key_value_heads|n_kv_heads", NULL, HF_VALUE},
    {NULL, GGF_U32, NULL, NULL, HF_ROPE},
    {".attention.layer_norm_rms_epsilon", GGF_F32, "rms_norm_eps|norm_eps", NULL, HF_VALUE},
    {".attention.layer_norm_epsilon", GGF_F32, "layer_norm_eps|layer_norm_epsilon|norm_epsilon", NULL,
     HF_VALUE},
    {".expert_count", GGF_U32, "num_local_experts|num_experts|n_routed_experts", NULL, HF_VALUE},
    {".expert_used_count", GGF_U32, "num_experts_per_tok|num_experts_per_token|top_k_experts", NULL,
     HF_VALUE},
    {".expert_group_count", GGF_U32, "n_group", NULL, HF_VALUE},
    {".expert_group_used_count", GGF_U32, "topk_group", NULL, HF_VALUE},
    {".expert_gating_func", GGF_U32, "score_function|scoring_func|score_func|moe_router_activation",
     NULL, HF_GATING},
    {".attention.key_length", GGF_U32, "head_dim", NULL, HF_VALUE},
    {".attention.value_length", GGF_U32, "head_dim", NULL, HF_VALUE},
    {NULL, GGF_U32, NULL, NULL, HF_FILE_TYPE},
    {NULL, GGF_U32, NULL, NULL, HF_VALUE},
};
static const struct hf_key llama_keys[] = {
    {".vocab_size", GGF_U32, "vocab_size", "!", HF_VALUE},
    {".rope.dimension_count", GGF_U32, NULL, NULL, HF_HEAD_DIM},
    {NULL, GGF_U32, NULL, NULL, HF_VALUE},
};
static const struct hf_key moe_keys[] = {
    {".expert_feed_forward_length", GGF_U32, "moe_intermediate_size", NULL, HF_VALUE},
    {".expert_shared_feed_forward_length", GGF_U32, "shared_expert_intermediate_size", NULL, HF_VALUE},
    {NULL, GGF_U32, NULL, NULL, HF_VALUE},
};
static const struct hf_key gemma_keys[] = {
    {".context_length", GGF_U32, "max_position_embeddings", "!", HF_VALUE},
    {".embedding_length", GGF_U32, "hidden_size", "!", HF_VALUE},
    {".block_count", GGF_U32, "num_hidden_layers", "!", HF_VALUE},
    {".feed_forward_length", GGF_U32, "intermediate_size", "!", HF_VALUE},
    {".attention.head_count", GGF_U32, "num_attention_heads", "!", HF_VALUE},
    {".attention.head_count_kv", GGF_U32, "num_key_value_heads|num_attention_heads", "!", HF_VALUE},
    {".attention.layer_norm_rms_epsilon", GGF_F32, "rms_norm_eps", "!", HF_VALUE},
    {".attention.key_length", GGF_U32, "head_dim", "!", HF_VALUE},
    {".attention.value_length", GGF_U32, "head_dim", "!", HF_VALUE},
    {NULL, GGF_U32, NULL, NULL, HF_FILE_TYPE},
    {NULL, GGF_U32, NULL, NULL, HF_VALUE},
};
static const struct hf_key gemma2_keys[] = {
    {".attn_logit_softcapping", GGF_F32, "attn_logit_softcapping", "!", HF_VALUE},
    {".final_logit_softcapping", GGF_F32, "final_logit_softcapping", "!", HF_VALUE},
    {".attention.sliding_window", GGF_U32, "sliding_window", "!", HF_VALUE},
    {NULL, GGF_U32, NULL, NULL, HF_VALUE},
};
static const struct hf_key gemma3_keys[] = {
    {".context_length", GGF_U32, "max_position_embeddings", "131072", HF_VALUE},
    {".attention.head_count", GGF_U32, "num_attention_heads", "8", HF_VALUE},
    {".attention.layer_norm_rms_epsilon", GGF_F32, "rms_norm_eps", "1e-6", HF_VALUE},
    {".attention.key_length", GGF_U32, "head_dim", "256", HF_VALUE},
    {".attention.value_length", GGF_U32, "head_dim", "256", HF_VALUE},
    {".rope.freq_base", GGF_F32, NULL, "1000000", HF_ROPE_BASE},
    {".final_logit_softcapping", GGF_F32, "final_logit_softcapping", NULL, HF_VALUE},
    {".attention.sliding_window", GGF_U32, "sliding_window", "!", HF_WINDOW},
    {".attention.head_count_kv", GGF_U32, "num_key_value_heads", "4", HF_VALUE},
    {NULL, GGF_U32, NULL, NULL, HF_VALUE},
};
static const struct hf_key phi3_keys[] = {
    {".context_length", GGF_U32, "n_positions|max_position_embeddings", "!", HF_VALUE},
    {".rope.scaling.original_context_length", GGF_U32, NULL, "!", HF_ROPE_ORIG},
    {".embedding_length", GGF_U32, "hidden_size|n_embd", "!", HF_VALUE},
    {".feed_forward_length", GGF_U32, "intermediate_size", "!", HF_VALUE},
    {".block_count", GGF_U32, "n_layers|num_hidden_layers|n_layer|num_layers", "!", HF_VALUE},
    {".attention.head_count", GGF_U32, "num_attention_heads|n_head", "!", HF_VALUE},
    {".attention.head_count_kv", GGF_U32, "num_key_value_heads|n_head_kv", "!", HF_VALUE},
    {".attention.layer_norm_rms_epsilon", GGF_F32, "rms_norm_eps", "!", HF_VALUE},
    {".rope.dimension_count", GGF_U32, NULL, NULL, HF_PARTIAL_DIM},
    {".rope.freq_base", GGF_F32, NULL, "!", HF_ROPE_BASE},
    {NULL, GGF_U32, NULL, NULL, HF_FILE_TYPE},
    /* 0 tells Phi-4 from the others */
    {".attention.sliding_window", GGF_U32, "sliding_window", "0", HF_VALUE},
    {NULL, GGF_U32, NULL, NULL, HF_VALUE},
};

static const struct hf_extra_key llama_extra[] = {
    {32016, "tokenizer.ggml.eot_token_id", GGF_U32, "32010"},    /* CodeLlama */
    {49152, "tokenizer.ggml.add_bos_token", GGF_BOOL, "false"}, /* small Granite models */
    {0, NULL, GGF_U32, NULL},
};
static const struct hf_extra_key gemma_extra[] = {
    {0, "tokenizer.ggml.eot_token_id", GGF_U32, "107"},
    {0, NULL, GGF_U32, NULL},
};

/* ---- architectures --------------------------------------------------------------------------- */

#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}
#define RULES(...) (const struct hf_rule *const[]){__VA_ARGS__, NULL}
#define KEYS(...) (const struct hf_key *const[]){__VA_ARGS__, NULL}

static const struct hf_arch arch_llama = { /* Llama 1, 2, 3.x, Mistral, Mixtral */
    .gguf = "llama",
    .classes = LIST("LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM", "MixtralForCausalLM",
                    "LlamaModel"),
    .rules = RULES(frame, attn_roped, mlp, mixtral_moe),
    .keys = KEYS(base_keys, llama_keys),
    .extra_keys = llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};
static const struct hf_arch arch_smollm3 = {
    .gguf = "smollm3",
    .classes = LIST("SmolLM3ForCausalLM"),
    .rules = RULES(frame, attn_roped, mlp),
    .keys = KEYS(base_keys, llama_keys),
    .extra_keys = llama_extra,
    .flags = HF_PREFIX_OPTION | HF_LLAMA3_ROPE,
};
static const struct hf_arch arch_qwen2 = {
    .gguf = "qwen2",
    .classes = LIST("Qwen2ForCausalLM", "Qwen2Model"),
    .rules = RULES(frame, attn, mlp),
    .keys = KEYS(base_keys),
};
static const struct hf_arch arch_qwen2moe = {
    .gguf = "qwen2moe",
    .classes = LIST("Qwen2MoeForCausalLM"),
    .rules = RULES(frame, attn, mlp, qwen_moe),
    .keys = KEYS(base_keys, moe_keys),
};
static const struct hf_arch arch_qwen3 = {
    .gguf = "qwen3",
    .classes = LIST("Qwen3ForCausalLM", "Qwen3Model"),
    .rules = RULES(frame, attn, qk_norm, mlp),
    .keys = KEYS(base_keys),
};
static const struct hf_arch arch_qwen3moe = {
    .gguf = "qwen3moe",
    .classes = LIST("Qwen3MoeForCausalLM"),
    .rules = RULES(frame, attn, qk_norm, mlp, qwen_moe),
    .keys = KEYS(base_keys, moe_keys),
};
static const struct hf_arch arch_gemma = {
    .gguf = "gemma",
    .classes = LIST("GemmaForCausalLM"),
    .rules = RULES(gemma, frame, attn, mlp),
    .keys = KEYS(gemma_keys),
    .extra_keys = gemma_extra,
    .flags = HF_NO_SPACE_PREFIX,
};
static const struct hf_arch arch_gemma2 = {
    .gguf = "gemma2",
    .classes = LIST("Gemma2ForCausalLM"),
    .rules = RULES(gemma2, frame, attn, mlp),
    .keys = KEYS(gemma_keys, gemma2_keys),
    .flags = HF_NO_SPACE_PREFIX,
};
static const struct hf_arch arch_gemma3 = {
    .gguf = "gemma3",
    .classes = LIST("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"),
    .rules = RULES(gemma3, gemma2, frame, attn, mlp),
    .keys = KEYS(base_keys, gemma3_keys),
    /* Gemma3TextConfig of transformers; the vocabulary's size is that of the embedding anyway */
    .defaults = "{\"max_position_embeddings\": 131072, \"num_attention_heads\": 8,"
                " \"num_key_value_heads\": 4, \"head_dim\": 256, \"rms_norm_eps\": 1e-6,"
                " \"rope_theta\": 1000000, \"rope_local_base_freq\": 10000}",
    .flags = HF_NO_SPACE_PREFIX,
};
static const struct hf_arch arch_phi3 = { /* Phi-3, 3.5, 4 */
    .gguf = "phi3",
    .classes = LIST("Phi3ForCausalLM"),
    .rules = RULES(frame, phi3),
    .keys = KEYS(phi3_keys),
    .flags = HF_ADDED_PLAIN | HF_LONGROPE,
};

const struct hf_arch *const gg_hf_archs[] = {
    &arch_llama, &arch_smollm3, &arch_qwen2,  &arch_qwen2moe, &arch_qwen3,
    &arch_qwen3moe, &arch_gemma, &arch_gemma2, &arch_gemma3, &arch_phi3,
};
const size_t gg_hf_n_archs = GG_COUNTOF(gg_hf_archs);

const struct hf_arch *gg_hf_arch_by_class(const char *class_name)
{
    for (size_t i = 0; i < gg_hf_n_archs; i++) {
        for (const char *const *c = gg_hf_archs[i]->classes; *c != NULL; c++) {
            if (strcmp(*c, class_name) == 0)
                return gg_hf_archs[i];
        }
    }
    return NULL;
}

const struct hf_arch *gg_hf_arch_by_gguf(const char *name, size_t nbytes)
{
    for (size_t i = 0; i < gg_hf_n_archs; i++) {
        if (strlen(gg_hf_archs[i]->gguf) == nbytes && memcmp(gg_hf_archs[i]->gguf, name, nbytes) == 0)
            return gg_hf_archs[i];
    }
    return NULL;
}
