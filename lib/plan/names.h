/* What the name and shape of a tensor say about quantizing it. */
#ifndef GG_PLAN_NAMES_H
#define GG_PLAN_NAMES_H

#include "gguf/gguf.h"

/* Broad roles that mixtures tell apart (names.c has the names). */
enum gg_category {
    GG_CAT_OUTPUT,
    GG_CAT_EMBD,
    GG_CAT_ATTN_QKV,
    GG_CAT_ATTN_KV_B,
    GG_CAT_ATTN_V,
    GG_CAT_ATTN_K,
    GG_CAT_ATTN_Q,
    GG_CAT_ATTN_OUTPUT,
    GG_CAT_FFN_UP,
    GG_CAT_FFN_GATE,
    GG_CAT_FFN_DOWN,
    GG_CAT_OTHER
};

enum gg_category gg_category_of(struct ggf_str name);
/* "attn_v", "output"...; "" for GG_CAT_OTHER. */
const char *gg_category_name(enum gg_category c);

/* NULL when a tensor of this name and shape may be quantized; else why it is kept, as a phrase. */
const char *gg_keep_reason(struct ggf_str name, const uint64_t ne[GGF_MAX_DIMS]);

#define GG_NO_LAYER UINT64_MAX
/* The layer of "blk.12.attn_v.weight", as llama.cpp orders by it; GG_NO_LAYER. */
uint64_t gg_name_layer(struct ggf_str name);

/* Where the number of a "blk.N." component lies, also behind a prefix ("dec.blk.3."): false when
 * there is none. */
bool gg_name_find_layer(struct ggf_str name, size_t *first, size_t *nbytes, uint64_t *layer);

/* Order in which llama-quantize goes through tensors: those without a layer first, then by layer,
 * names in byte order. As memcmp. */
struct gg_name_key {
    struct ggf_str name;
    uint64_t layer; /* gg_name_layer */
};
int gg_name_key_cmp(const struct gg_name_key *a, const struct gg_name_key *b);

bool gg_str_has(struct ggf_str s, const char *needle);

#endif
