/* Roles: what a tensor does in its model, told by its name; and the layer it belongs to. */
#ifndef GG_ROLE_H
#define GG_ROLE_H

#include "gguf/gguf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gg_role {
    GG_ROLE_EMBEDDING,
    GG_ROLE_ATTENTION,
    GG_ROLE_RECURRENT, /* state-space, RWKV and convolution mixers, in the place of attention */
    GG_ROLE_FFN,
    GG_ROLE_EXPERTS, /* routed and shared experts, and the router */
    GG_ROLE_NORM,
    GG_ROLE_OUTPUT,
    GG_ROLE_OTHER,
    GG_ROLE_COUNT
};

enum gg_role gg_role_of(struct ggf_str tensor_name);
/* "embedding", "attention", "recurrent", "feed-forward", "experts", "norms", "output", "other" */
const char *gg_role_name(enum gg_role r);

/* "blk.12.attn_q.weight" -> stack "blk", whole "blk.12", layer 12; also
 * "v.blk.3.", "enc.blk.0.". False for tensors outside of layers. */
struct gg_layer {
    struct ggf_str stack; /* "blk", "v.blk" */
    struct ggf_str whole; /* "blk.12" */
    uint32_t n;
};
bool gg_layer_of(struct ggf_str tensor_name, struct gg_layer *out);

#endif
