#include "lib/base/buf.h"
#include "lib/model/model.h"

/* The value of "<arch>.<key>", or of its first element when it is stored for each layer. */
static bool arch_u64(const struct ggf_meta *meta, struct ggf_str arch, const char *key, uint64_t *out)
{
    struct gg_buf full = GG_BUF_INIT;
    const struct ggf_kv *kv = NULL;
    bool found = false;
    gg_buf_add(&full, arch.p, (size_t)arch.nbytes);
    gg_buf_addf(&full, ".%s", key);
    if (!full.failed)
        kv = ggf_meta_find_n(meta, full.data, full.nbytes);
    if (kv != NULL && kv->value.type == GGF_ARR) {
        struct ggf_iter it = ggf_iter_begin(&kv->value);
        struct ggf_value first;
        found = ggf_iter_next(&it, &first) && ggf_as_u64(&first, out);
    } else if (kv != NULL) {
        found = ggf_as_u64(&kv->value, out);
    }
    gg_buf_free(&full);
    return found;
}

void gg_arch_read(struct gg_arch *out, const struct ggf_meta *meta)
{
    const struct ggf_kv *tokens = ggf_meta_find(meta, "tokenizer.ggml.tokens");
    *out = (struct gg_arch){.name = ggf_str("")};
    if (!ggf_meta_get_str(meta, "general.architecture", &out->name))
        out->name = ggf_str("");
    arch_u64(meta, out->name, "block_count", &out->n_layers);
    if (!arch_u64(meta, out->name, "num_loops", &out->n_loops) || out->n_loops == 0)
        out->n_loops = 1;
    arch_u64(meta, out->name, "attention.head_count", &out->n_heads);
    if (!arch_u64(meta, out->name, "attention.head_count_kv", &out->n_heads_kv))
        out->n_heads_kv = out->n_heads;
    arch_u64(meta, out->name, "expert_count", &out->n_experts);
    arch_u64(meta, out->name, "context_length", &out->n_ctx);
    arch_u64(meta, out->name, "embedding_length", &out->n_embd);
    if (tokens != NULL && tokens->value.type == GGF_ARR)
        out->n_vocab = tokens->value.count;
    else
        arch_u64(meta, out->name, "vocab_size", &out->n_vocab);
}
