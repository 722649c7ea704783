/* The inside of unpack.c, and what it keeps of members in its first pass (keep.c). */
#ifndef GG_UNPACK_IMPL_H
#define GG_UNPACK_IMPL_H

#include "lib/import/unpack.h"

#include <archive.h>
#include <pthread.h>

enum { GG_UNPACK_MAX_ENTRIES = 200000, GG_UNPACK_KEEP_NBYTES = 64 << 20 };

struct gg_unpack {
    struct gg_input *in;
    char *raw_name;
    bool raw; /* a single compressed file */
    struct gg_unpack_entry *entries;
    size_t n, cap;
    size_t keep_left;     /* bytes that may still be kept */
    pthread_mutex_t lock; /* over all below */
    struct archive *a;
    bool failed;
    uint64_t in_pos; /* in the archive */
    uint8_t *block;  /* for libarchive */
    uint8_t *scratch;
    /* The stream: the data of all members one after the other. */
    uint64_t pos, ring_from; /* it stands at pos; the ring holds [ring_from, pos) */
    size_t current;          /* member pos is in; SIZE_MAX: before the first */
    uint8_t *ring;
    unsigned n_passes;
    size_t n_links; /* links passed over in the first pass */
};

/* What is kept of a member whose bytes pass by once. */
struct gg_keep {
    struct gg_unpack_entry *e;
    size_t *n_left; /* bytes that may still be kept in all */
    uint64_t n_seen;
    size_t want_head, want_tail, head_cap;
    uint8_t *recent; /* twice want_tail: the newest bytes */
    size_t n_recent;
};

GG_MUST_CHECK int gg_keep_add(struct gg_keep *k, const uint8_t *p, size_t n, struct gg_err *err);
GG_MUST_CHECK int gg_keep_end(struct gg_keep *k, struct gg_err *err);

#endif
