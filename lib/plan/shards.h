/* Where a model is cut into shards: a pure function of sizes.
 *
 * Sizes are exact: a shard is its header, rounded up to the alignment, and its padded data. Cuts
 * lie between units only, which keep their order.
 */
#ifndef GG_SHARDS_H
#define GG_SHARDS_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tensors that stay together: one, or those of a layer. */
struct gg_shard_unit {
    uint64_t record_nbytes; /* in the header's table */
    uint64_t data_nbytes;   /* each tensor padded to the alignment */
    uint64_t n_tensors;
};

struct gg_shard_rules {
    uint64_t head_nbytes[2]; /* magic, counts, metadata: of the first shard, of a later one */
    uint32_t alignment;
    uint64_t max_nbytes, max_tensors; /* of a shard; 0: no limit. A unit over one stands alone */
    uint64_t n_shards;    /* exactly so many, whatever the limits; 0: as few as the limits allow */
    bool no_tensor_first; /* the first shard holds metadata alone */
};

/* Gives each of the n units its shard, shard[i] <= shard[i + 1] (an array of n), and their number.
 * Among the cuts into that many shards it takes one whose largest shard is smallest, and of these
 * one whose shards are about equal. Metadata that leave no room for the first unit, where a later
 * shard has it, stand alone. A shard other than the first is never empty. Errors: GG_ERR_ARG for
 * an n_shards that cannot be, GG_ERR_LIMIT for sizes over 2^62 in all, GG_ERR_NOMEM. */
GG_MUST_CHECK int gg_shards_cut(size_t *shard, size_t *n_shards, const struct gg_shard_unit *units,
                                size_t n, const struct gg_shard_rules *rules, struct gg_err *err);

#endif
