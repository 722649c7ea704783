/* Memory: what running a model takes, from its metadata: weights, the cache of keys and values, buffers.
 * As llama.cpp (2026-08-21) lays them out for one sequence, with flash attention and batches of 512. */
#ifndef GG_MEMORY_H
#define GG_MEMORY_H

#include "lib/model/model.h"

struct gg_memory_opts {
    uint64_t n_ctx;   /* tokens; 0: what the model was trained for */
    uint32_t kv_type; /* of keys and values: a tensor type that rows of a head fill */
};

struct gg_memory {
    uint64_t n_ctx; /* as asked */
    uint64_t weights_nbytes; /* all tensors */
    uint64_t kv_nbytes;
    uint64_t buffers_nbytes;
    uint64_t total_nbytes;
    /* Where the cache comes from: layers that keep all cells, and those with a window. */
    struct gg_memory_layers {
        uint64_t n, cells;
        uint64_t elems; /* of keys and values of a cell, in all these layers */
    } full, windowed;
    bool latent; /* MLA: compressed keys, which hold the values too */
    /* buffers = 512 * (4 * (max(n_vocab, 2 * n_ff) + 7 * n_embd) + 2 * cells) */
    uint64_t n_vocab, n_ff, n_embd;
};

/* Errors: GG_ERR_UNSUPPORTED for an architecture whose cache is not known here, or metadata that don't
 * say enough; GG_ERR_ARG for a type that rows don't fill; GG_ERR_LIMIT. */
GG_MUST_CHECK int gg_memory_of(struct gg_memory *out, const struct gg_model *m,
                               const struct gg_memory_opts *opts, struct gg_err *err);

#endif
