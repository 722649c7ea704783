/* Source: where the tensors of a model are stored.
 *
 * GGUF files today, foreign checkpoints through lib/import. A source hands out stored bytes in the
 * tensor's own type, little-endian whatever the file's order, and never holds a whole file.
 */
#ifndef GG_SOURCE_H
#define GG_SOURCE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gg_source;

/* Where a tensor's bytes lie in a plain file, so that they can be copied without being looked at. */
struct gg_extent {
    int fd; /* belongs to the source */
    uint64_t off;
    uint64_t nbytes;
};

struct gg_source_ops {
    /* Stored bytes of elements first .. first+n-1 (flattened; both multiples of the type's block; n
     * may be 0) of tensor i to dst. A short read is an error, never stale bytes. Any thread. */
    int (*read)(struct gg_source *s, size_t i, uint64_t first, uint64_t n, void *dst,
                struct gg_err *err);
    /* False when the bytes are not verbatim in a file (virtual, big-endian, in an archive). */
    bool (*extent)(struct gg_source *s, size_t i, struct gg_extent *out);
    /* Releases the source and all its model points to (metadata, tensors, names, files): it is what
     * gg_model_free calls before it frees the findings and the model itself. Takes NULL. */
    void (*free)(struct gg_source *s);
    /* Where element first of tensor i lies among all that is stored, as a rank; *until gets the end of
     * the elements that follow it there. NULL when any order of reading will do. */
    void (*place)(struct gg_source *s, size_t i, uint64_t first, uint64_t *until, uint64_t *rank);
    /* Elements that will be read soon, where extent cannot tell: advice to the kernel. May be NULL. */
    void (*will_need)(struct gg_source *s, size_t i, uint64_t first, uint64_t n);
};

struct gg_source {
    const struct gg_source_ops *ops;
};

#endif
