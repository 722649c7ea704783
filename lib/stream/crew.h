/* Crew: what both walks share: tickets, the memory they may take, buffers, and time kept.
 *
 * A walk is a list of parts (tensors), each of so many units (tiles, or bytes to copy), of which a
 * ticket takes so many. Only the parts are stored: tickets are found by search, so that a model of a
 * terabyte needs no table of a million slabs.
 */
#ifndef GG_CREW_H
#define GG_CREW_H

#include "lib/stream/grid.h"
#include "lib/stream/stream.h"
#include "lib/sys/pool.h"

enum {
    GG_SLAB_NBYTES = 2 << 20,      /* wanted of input */
    GG_SLAB_LEAST = 256 << 10,     /* of input, when a small model is spread over workers */
    GG_SLOT_MOST = 16 << 20,       /* input and outputs */
    GG_COPY_NBYTES = 32 << 20,     /* of a ticket that only copies */
    GG_ALIGN = 64,
};

/* ---- tickets ------------------------------------------------------------------------------ */

struct gg_part {
    uint64_t first_ticket;
    uint64_t n_units, per_ticket; /* per_ticket >= 1 */
};

struct gg_ticket {
    size_t part;
    uint64_t first, n; /* units */
};

/* Numbers the tickets of n parts; returns how many there are. */
uint64_t gg_parts_number(struct gg_part *parts, size_t n);
void gg_parts_find(const struct gg_part *parts, size_t n, uint64_t ticket, struct gg_ticket *out);

/* ---- memory ------------------------------------------------------------------------------- */

/* Bytes of n elements of a known type, whole blocks. */
uint64_t gg_elems_nbytes(uint32_t type, uint64_t n);
/* Rounded up to GG_ALIGN. */
uint64_t gg_aligned(uint64_t n);

/* What a walk would like; all sizes in bytes. */
struct gg_wish {
    uint64_t total; /* source bytes that go through buffers */
    uint64_t least; /* a slot that holds one tile of any part */
    uint64_t scratch;
    bool delayed; /* buffers live on after the work, until their turn comes: more slots */
};

/* Input bytes a slab should have, given the size of the job. */
uint64_t gg_slab_wanted(uint64_t total_nbytes, unsigned n_workers);

/* Chooses workers, slots and slab so that slots * slab + workers * scratch fits the memory; fills
 * these fields of usage. most: the slot beyond which more is of no use. */
GG_MUST_CHECK int gg_memory_plan(struct gg_stream_usage *usage, const struct gg_stream_opts *opts,
                                 const struct gg_wish *wish, uint64_t most, struct gg_err *err);

/* ---- buffers and clocks ------------------------------------------------------------------- */

struct gg_hand { /* one worker's own; padded, as neighbours write theirs */
    void *scratch;
    struct { /* the importance weights that lie at the start of scratch, when it is a writer's */
        const struct gg_weights *of;
        uint64_t first;
        size_t n;
    } weights;
    uint64_t read_ns, compute_ns, write_ns;
    uint64_t read_nbytes, written_nbytes, copied_nbytes;
    char pad[GG_ALIGN];
};

struct gg_crew {
    struct gg_hand *hands;
    void **slots; /* made when first used */
    struct gg_stream_usage *usage;
    uint64_t started_ns;
    uint64_t done_nbytes, total_nbytes; /* of the source, settled */
    const struct gg_stream_opts *opts;
};

GG_MUST_CHECK int gg_crew_init(struct gg_crew *c, struct gg_stream_usage *usage,
                               const struct gg_stream_opts *opts, struct gg_err *err);
void gg_crew_free(struct gg_crew *c); /* adds up the clocks into usage; takes a zeroed one too */

/* The slot's buffer; NULL when out of memory. One user at a time. */
void *gg_crew_slot(struct gg_crew *c, unsigned slot);
/* Reads elements of a tensor, on the worker's clock. */
GG_MUST_CHECK int gg_crew_read(struct gg_hand *h, const struct gg_model *m, size_t tensor,
                               uint64_t first, uint64_t n, void *dst, struct gg_err *err);
/* Has the kernel fetch what a later ticket will read. */
void gg_crew_read_ahead(const struct gg_model *m, size_t tensor, uint64_t first, uint64_t n);
/* Counts source bytes as done and tells progress. From settle only. */
void gg_crew_done(struct gg_crew *c, uint64_t nbytes);

/* Refuses what no walk can do: a type that is not known or cannot be decoded. */
GG_MUST_CHECK int gg_check_decodes(const struct gg_tensor *t, const struct qk_table *kernels,
                                   struct gg_err *err);
/* Rounding mode, tables. */
GG_MUST_CHECK int gg_check_opts(const struct gg_stream_opts *opts, struct gg_err *err);

/* Fills in row and column of element elem. */
struct gg_spot gg_spot_at(const struct gg_grid *g, uint64_t elem, float value);
/* "tensor 'x': row 17, column 40", or with "matrix 3, " for stacked ones. */
const char *gg_spot_text(char dst[256], const struct gg_tensor *t, const struct gg_spot *spot);

#endif
