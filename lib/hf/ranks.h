/* Byte-level BPE given as ranks: a token is bytes, and of two that could be made, the one of lower rank is
 * made first. Merges are not written in such files (tiktoken, tekken); they follow from the ranks. */
#ifndef GG_HF_RANKS_H
#define GG_HF_RANKS_H

#include "lib/base/map.h"
#include "lib/hf/hf_impl.h"

struct hf_rank {
    const uint8_t *p; /* NULL: no token of this rank */
    uint32_t nbytes;
};

struct hf_ranks {
    struct hf_rank *v;
    uint64_t n; /* one past the largest rank */
    struct gg_map by_bytes;
    uint64_t work; /* sum of squares of lengths */
    const char *name; /* of the file, for messages */
};

/* Copies the bytes. GG_ERR_CORRUPT for a second token of that rank or of these bytes, GG_ERR_LIMIT for
 * tokens too long to be any. */
GG_MUST_CHECK int gg_hf_rank_add(struct hf *h, struct hf_ranks *r, uint64_t rank, const uint8_t *p,
                                 size_t n, struct gg_err *err);
/* Tokens into the vocabulary, from `first` on; merges into its `made`. all_ways: a merge for every way a
 * token falls into two others, as converters of Hugging Face write them; else for the one that merging its
 * bytes by rank ends with. */
GG_MUST_CHECK int gg_hf_ranks_take(struct hf *h, const struct hf_ranks *r, uint64_t first, bool all_ways,
                                   struct gg_err *err);
void gg_hf_ranks_free(struct hf_ranks *r);

#endif
