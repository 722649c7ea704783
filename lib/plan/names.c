#include "lib/plan/names.h"

#include "lib/base/num.h"

#include <string.h>

/* First hit wins. Source: llama.cpp, src/llama-quant.cpp (2026-08-21). */
static const struct {
    const char *text;
    bool whole;
    enum gg_category category;
} categories[] = {
    {"output.weight", true, GG_CAT_OUTPUT},
    {"token_embd.weight", true, GG_CAT_EMBD},
    {"per_layer_token_embd.weight", true, GG_CAT_EMBD},
    {"attn_qkv.weight", false, GG_CAT_ATTN_QKV},
    {"attn_kv_b.weight", false, GG_CAT_ATTN_KV_B},
    {"attn_v.weight", false, GG_CAT_ATTN_V},
    {"attn_k.weight", false, GG_CAT_ATTN_K},
    {"attn_q.weight", false, GG_CAT_ATTN_Q},
    {"attn_output.weight", false, GG_CAT_ATTN_OUTPUT},
    {"ffn_up", false, GG_CAT_FFN_UP},
    {"ffn_gate", false, GG_CAT_FFN_GATE},
    {"ffn_down", false, GG_CAT_FFN_DOWN},
};

static const char *const category_names[] = {
    "output", "token_embd",  "attn_qkv", "attn_kv_b", "attn_v",   "attn_k",
    "attn_q", "attn_output", "ffn_up",   "ffn_gate",  "ffn_down", "",
};
_Static_assert(GG_COUNTOF(category_names) == GG_CAT_OTHER + 1, "a name for each category");

/* Weights that lose much and save little. Source: as above. */
static const struct {
    const char *text;
    bool whole;
    const char *why;
} kept[] = {
    {"_norm.weight", false, "norms are kept"},
    {"ffn_gate_inp.weight", false, "the expert router is kept"},
    {"ffn_gate_tid2eid.weight", false, "the token to expert table is kept"},
    {"altup", false, "small altup weights are kept"},
    {"laurel", false, "small laurel weights are kept"},
    {"per_layer_model_proj", false, "the small per-layer projection is kept"},
    {"position_embd.weight", true, "position embeddings are kept"},
    {"token_types.weight", true, "token types are kept"},
    {"ssm_conv1d", false, "small convolutions are kept"},
    {"shortconv.conv.weight", false, "small convolutions are kept"},
    {"indexer.k_proj.weight", false, "small indexer projections are kept"},
    {"indexer.q_proj.weight", false, "small indexer projections are kept"},
    {"time_mix_first.weight", false, "small time-mix weights are kept"},
    {"time_mix_w0.weight", false, "small time-mix weights are kept"},
    {"time_mix_w1.weight", false, "small time-mix weights are kept"},
    {"time_mix_w2.weight", false, "small time-mix weights are kept"},
    {"time_mix_v0.weight", false, "small time-mix weights are kept"},
    {"time_mix_v1.weight", false, "small time-mix weights are kept"},
    {"time_mix_v2.weight", false, "small time-mix weights are kept"},
    {"time_mix_a0.weight", false, "small time-mix weights are kept"},
    {"time_mix_a1.weight", false, "small time-mix weights are kept"},
    {"time_mix_a2.weight", false, "small time-mix weights are kept"},
    {"time_mix_g1.weight", false, "small time-mix weights are kept"},
    {"time_mix_g2.weight", false, "small time-mix weights are kept"},
    {"time_mix_decay_w1.weight", false, "small time-mix weights are kept"},
    {"time_mix_decay_w2.weight", false, "small time-mix weights are kept"},
    {"time_mix_lerp_fused.weight", false, "small time-mix weights are kept"},
    {"attn_rel_b.weight", false, "relative position biases are kept"},
    {".position_embd", false, "image encoder positions are kept"},
    {"sam.pos_embd", false, "image encoder positions are kept"},
    {"sam.neck.", false, "the image encoder's neck is kept"},
    {"sam.net_", false, "the image encoder's nets are kept"},
    {".rel_pos", false, "image encoder positions are kept"},
    {".patch_embd", false, "patch embeddings are kept"},
    {".patch_merger", false, "the patch merger is kept"},
    {"a.rvq.codebook", false, "audio codebooks are kept"},
    {"mm.a.code_embd", false, "audio codebooks are kept"},
};

/* Names are short and asked for dozens of needles each: memmem prepares a table for every one. */
bool gg_str_has(struct ggf_str s, const char *needle)
{
    size_t n = strlen(needle);
    if (n == 0 || n > s.nbytes)
        return n == 0;
    for (const char *p = s.p, *last = s.p + (s.nbytes - n); p <= last; p++) {
        if (*p == *needle && memcmp(p, needle, n) == 0)
            return true;
    }
    return false;
}

enum gg_category gg_category_of(struct ggf_str name)
{
    for (size_t i = 0; i < GG_COUNTOF(categories); i++) {
        const char *t = categories[i].text;
        if (categories[i].whole ? ggf_str_eq(name, t) : gg_str_has(name, t))
            return categories[i].category;
    }
    return GG_CAT_OTHER;
}

const char *gg_category_name(enum gg_category c)
{
    return category_names[c];
}

static bool ends_with_weight(struct ggf_str name)
{
    static const char end[] = "weight";
    const size_t n = sizeof end - 1;
    return name.nbytes >= n && memcmp(name.p + name.nbytes - n, end, n) == 0;
}

const char *gg_keep_reason(struct ggf_str name, const uint64_t ne[GGF_MAX_DIMS])
{
    if (ne[1] <= 1 && ne[2] <= 1 && ne[3] <= 1)
        return "vectors are kept";
    if (!ends_with_weight(name))
        return "only names ending in \"weight\" are quantized";
    for (size_t i = 0; i < GG_COUNTOF(kept); i++) {
        const char *t = kept[i].text;
        if (kept[i].whole ? ggf_str_eq(name, t) : gg_str_has(name, t))
            return kept[i].why;
    }
    return NULL;
}

/* Digits at name[i...]: their number and value; 0 digits or a value past 2^31 - 1 is none. */
static size_t parse_digits(struct ggf_str name, size_t i, uint64_t *value)
{
    size_t n = 0;
    *value = 0;
    for (; i + n < name.nbytes && name.p[i + n] >= '0' && name.p[i + n] <= '9'; n++) {
        *value = *value * 10 + (uint64_t)(name.p[i + n] - '0');
        if (*value > INT32_MAX)
            return 0;
    }
    return n;
}

uint64_t gg_name_layer(struct ggf_str name)
{
    uint64_t layer;
    if (name.nbytes < 5 || memcmp(name.p, "blk.", 4) != 0 || parse_digits(name, 4, &layer) == 0)
        return GG_NO_LAYER;
    return layer;
}

bool gg_name_find_layer(struct ggf_str name, size_t *first, size_t *nbytes, uint64_t *layer)
{
    for (size_t i = 0; i + 4 < name.nbytes; i++) {
        if (memcmp(name.p + i, "blk.", 4) != 0 || (i > 0 && name.p[i - 1] != '.'))
            continue;
        size_t n = parse_digits(name, i + 4, layer);
        if (n > 0 && i + 4 + n < name.nbytes && name.p[i + 4 + n] == '.') {
            *first = i + 4;
            *nbytes = n;
            return true;
        }
    }
    return false;
}

int gg_name_key_cmp(const struct gg_name_key *a, const struct gg_name_key *b)
{
    uint64_t la = a->layer + 1, lb = b->layer + 1; /* no layer becomes 0: first */
    if (la != lb)
        return la < lb ? -1 : 1;
    uint64_t n = gg_min_u64(a->name.nbytes, b->name.nbytes);
    int c = n > 0 ? memcmp(a->name.p, b->name.p, (size_t)n) : 0;
    if (c != 0)
        return c;
    return a->name.nbytes < b->name.nbytes ? -1 : a->name.nbytes > b->name.nbytes;
}
