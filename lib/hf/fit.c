/* Do the tensors have the shapes that config.json speaks of? llama.cpp works them out from the keys, and does not
 * load a model that has others; so it is said here, before a byte is written.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>

enum what { EMBD, VOCAB, FF, EXPERT_FF, EXPERTS, Q, K, V, O, QKV, N_WHAT };

static const struct {
    const char *tensor; /* behind "blk.N." when it begins with a point */
    unsigned dim;       /* as GGUF counts */
    enum what what;
    bool twice; /* may be: gate and up are one, or query and its gate */
} shapes[] = {
    {"token_embd.weight", 0, EMBD, false},     {"token_embd.weight", 1, VOCAB, false},
    {"output.weight", 0, EMBD, false},         {"output.weight", 1, VOCAB, false},
    {"output_norm.weight", 0, EMBD, false},
    {".attn_norm.weight", 0, EMBD, false},     {".ffn_norm.weight", 0, EMBD, false},
    {".attn_q.weight", 0, EMBD, false},        {".attn_q.weight", 1, Q, true},
    {".attn_k.weight", 0, EMBD, false},        {".attn_k.weight", 1, K, false},
    {".attn_v.weight", 0, EMBD, false},        {".attn_v.weight", 1, V, false},
    {".attn_qkv.weight", 0, EMBD, false},      {".attn_qkv.weight", 1, QKV, false},
    {".attn_output.weight", 0, O, false},      {".attn_output.weight", 1, EMBD, false},
    {".ffn_up.weight", 0, EMBD, false},        {".ffn_up.weight", 1, FF, true},
    {".ffn_gate.weight", 0, EMBD, false},      {".ffn_gate.weight", 1, FF, false},
    {".ffn_down.weight", 0, FF, false},        {".ffn_down.weight", 1, EMBD, false},
    {".ffn_up_exps.weight", 0, EMBD, false},   {".ffn_up_exps.weight", 1, EXPERT_FF, true},
    {".ffn_up_exps.weight", 2, EXPERTS, false},{".ffn_gate_exps.weight", 1, EXPERT_FF, false},
    {".ffn_down_exps.weight", 0, EXPERT_FF, false}, {".ffn_down_exps.weight", 1, EMBD, false},
    {".ffn_gate_inp.weight", 1, EXPERTS, false},
};

/* What each should be, and the keys that say so; 0: nothing does. */
struct wanted {
    uint64_t n;
    const char *keys;
};

/* A key of the architecture; 0: it is not there, or differs between layers. */
static uint64_t key_of(const struct hf *h, const char *key)
{
    char full[128];
    uint64_t v = 0;
    snprintf(full, sizeof full, "%s.%s", h->arch->gguf, key);
    return ggf_meta_get_u64(h->meta, full, &v) ? v : 0;
}

static bool has_key(const struct hf *h, const char *key)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%s", h->arch->gguf, key);
    return ggf_meta_find(h->meta, full) != NULL;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t n;
    return gg_mul_u64(a, b, &n) ? n : 0;
}

static void work_out(const struct hf *h, struct wanted w[N_WHAT])
{
    uint64_t embd = key_of(h, "embedding_length"), heads = key_of(h, "attention.head_count");
    uint64_t kv = key_of(h, "attention.head_count_kv"), expert_ff = key_of(h, "expert_feed_forward_length");
    uint64_t k = key_of(h, "attention.key_length"), v = key_of(h, "attention.value_length");
    uint64_t shared;
    if (!has_key(h, "attention.head_count_kv"))
        kv = heads;
    k = k > 0 ? k : heads > 0 ? embd / heads : 0;
    v = v > 0 ? v : heads > 0 ? embd / heads : 0;
    w[EMBD] = (struct wanted){embd, "embedding_length"};
    w[VOCAB] = (struct wanted){key_of(h, "vocab_size"), "vocab_size"};
    for (size_t i = 0; w[VOCAB].n == 0 && i < h->n_vts; i++) {
        if (strcmp(h->vts[i].name, "token_embd.weight") == 0)
            w[VOCAB] = (struct wanted){h->vts[i].ne[1], "as token_embd has"};
    }
    if (!gg_hf_get_u64(h->config, "shared_intermediate_size", &shared)) /* Granite's, which is another */
        w[FF] = (struct wanted){key_of(h, "feed_forward_length"), "feed_forward_length"};
    w[EXPERTS] = (struct wanted){key_of(h, "expert_count"), "expert_count"};
    w[EXPERT_FF] = (struct wanted){expert_ff, "expert_feed_forward_length"};
    if (key_of(h, "attention.kv_lora_rank") > 0 || key_of(h, "attention.key_length_swa") > 0)
        return; /* heads are made of what these say, or differ */
    w[Q] = (struct wanted){times(heads, k), "attention.head_count x key_length"};
    w[K] = (struct wanted){times(kv, k), "attention.head_count_kv x key_length"};
    w[V] = (struct wanted){times(kv, v), "attention.head_count_kv x value_length"};
    w[O] = (struct wanted){times(heads, v), "attention.head_count x value_length"};
    if (key_of(h, "ssm.state_size") == 0 && w[Q].n > 0 && w[K].n > 0) /* else it may be of a linear layer */
        w[QKV] = (struct wanted){w[Q].n + w[K].n + w[V].n, "attention.head_count, head_count_kv and key_length"};
}

static bool is_named(const struct hf_vt *v, const char *tensor)
{
    const char *name = v->name;
    if (tensor[0] == '.') {
        if (strncmp(name, "blk.", 4) != 0)
            return false;
        name = strchr(name + 4, '.');
    }
    return name != NULL && strcmp(name, tensor) == 0;
}

static int check_one(const struct hf_vt *v, const struct wanted w[N_WHAT], struct gg_err *err)
{
    for (size_t i = 0; i < GG_COUNTOF(shapes); i++) {
        const struct wanted *x = &w[shapes[i].what];
        uint64_t have = v->ne[shapes[i].dim];
        if (x->n == 0 || !is_named(v, shapes[i].tensor) || have == x->n ||
            (shapes[i].twice && have == 2 * x->n) ||
            (shapes[i].what == FF && (2 * have == x->n || have == w[EMBD].n)))
            continue; /* Qwen 1 counts gate and up together; Arctic's is as wide as the model */
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "%s has %llu %s, where config.json makes it %llu (%s)", v->name, (unsigned long long)have,
                       shapes[i].dim == 0   ? "columns"
                       : shapes[i].dim == 1 ? "rows"
                                            : "experts",
                       (unsigned long long)x->n, x->keys);
    }
    return GG_OK;
}

int gg_hf_check_fit(struct hf *h, struct gg_err *err)
{
    struct wanted w[N_WHAT] = {{0, NULL}};
    int rc = GG_OK;
    work_out(h, w);
    for (size_t i = 0; rc == GG_OK && i < h->n_vts; i++)
        rc = check_one(&h->vts[i], w, err);
    if (rc == GG_OK && !has_key(h, "attention.layer_norm_rms_epsilon") && !has_key(h, "attention.layer_norm_epsilon"))
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no epsilon of the norms (rms_norm_eps, "
                                                      "layer_norm_eps ...)");
    uint64_t used = key_of(h, "expert_used_count");
    if (rc == GG_OK && w[EXPERTS].n > 0 && used > w[EXPERTS].n)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: %llu experts are used of %llu",
                     (unsigned long long)used, (unsigned long long)w[EXPERTS].n);
    return rc;
}
