/* Writer: what the files behind gg_stream_write share.
 *
 * An item is one tensor of the model with everything that becomes of it: its encodings (outputs that
 * want the same bytes share one) and its targets, the places in output files. A slot holds
 *
 *    | stored bytes | encoding 0 | encoding 1 | ... | results, one a tile and encoding |
 *
 * each part starting at a multiple of 64 bytes.
 */
#ifndef GG_STREAM_WRITE_H
#define GG_STREAM_WRITE_H

#include "lib/stream/crew.h"
#include "lib/sys/digest.h"

#include <pthread.h>

enum { GG_STORED = -1 }; /* "encoding" of a target that takes the stored bytes */

struct gg_encoding {
    uint32_t type;
    uint32_t block_nelems;
    const struct qk_kernel *kernel;
    const struct qk_codebook *codebook;
    const struct gg_weights *weights; /* NULL: none */
    uint64_t n_weight_mats;
    bool wants_row_sums; /* rows are cut, and the kernel looks at whole ones */
};

struct gg_target {
    const struct gg_plan_tensor *t;
    size_t output, index; /* of the tensor in it */
    size_t file;          /* index into files */
    int encoding;         /* of the item, or GG_STORED */
};

struct gg_item {
    const struct gg_tensor *tensor;
    size_t src;
    struct gg_grid grid;
    struct gg_target *targets;
    struct gg_encoding *encodings;
    size_t n_targets, n_encodings;
    bool copies;         /* by the kernel, from file to file: units are bytes */
    bool wants_row_sums; /* one of the encodings does */
};

/* Units of an item that are worked on in a row: all of them, unless its source wants to be read in an
 * order of its own. */
struct gg_span {
    size_t item;
    uint64_t first, n; /* units: tiles, or bytes to copy */
    uint64_t rank;
};

struct gg_out_file {
    struct gg_sink *sink; /* NULL in a trial */
    bool ordered;
    struct gg_digest *sha256;
    uint64_t hashed_to, flushed_to, done_to;
};

enum { GG_ROW_SUMS = 16 };

struct gg_row_sums { /* sums over rows that no slab holds, found by whoever needs them first */
    pthread_mutex_t lock;
    struct {
        size_t item; /* SIZE_MAX: free */
        uint64_t row;
        float sum;
    } known[GG_ROW_SUMS];
    unsigned next;
};

struct gg_writer {
    const struct gg_model *model;
    const struct gg_plan *plan;
    const struct gg_write_opts *opts;
    struct gg_item *items;
    size_t n_items;
    struct gg_span *spans; /* n_parts, in the order they are worked on */
    struct gg_part *parts; /* one a span, and the end */
    size_t n_parts;
    struct gg_target *targets;     /* of all items */
    struct gg_encoding *encodings; /* of all items */
    struct gg_out_file *files;     /* of all outputs */
    size_t n_files;
    bool weighs; /* an encoding has importance weights: scratch begins with room for a tile's */
    struct gg_crew crew;
    struct gg_hand settling; /* clock of what is done in order */
    struct gg_row_sums row_sums;
    struct gg_write_report *report;
};

/* write_plan.c: lists items, targets and files, and plans the memory. */
GG_MUST_CHECK int gg_writer_plan(struct gg_writer *w, struct gg_sink *const *sinks,
                                 struct gg_err *err);
/* spans.c: cuts the items into spans; in_order: they stay in the order of the items. */
GG_MUST_CHECK int gg_writer_spans(struct gg_writer *w, bool in_order, struct gg_err *err);
/* Bytes of a slot for so many tiles of an item, and where its parts are. */
uint64_t gg_slot_nbytes(const struct gg_writer *w, const struct gg_item *it, uint64_t n_tiles);
uint64_t gg_slot_encoding_off(const struct gg_item *it, size_t encoding, uint64_t n_tiles);
/* Index of a file among those of all outputs. */
size_t gg_file_index(const struct gg_plan *plan, size_t output, size_t file);

/* encode.c: encodes the tiles of a ticket whose stored bytes lie at slot. row_sums: of the first and
 * last row, when the item wants them and the slab holds no whole row. */
GG_MUST_CHECK int gg_encode_slab(struct gg_writer *w, const struct gg_item *it,
                                 const struct gg_ticket *at, uint8_t *slot, const float *row_sums,
                                 struct gg_hand *h, struct gg_err *err);
/* Where a worker decodes its tiles to. */
float *gg_tile_of(const struct gg_writer *w, const struct gg_hand *h);

/* What decoding a tile found. */
struct gg_found {
    uint64_t n_zeroed; /* values that were not finite */
    bool large;        /* finite ones too large for any block scale in F16 */
};
/* Decodes a tile to x and sees to what is not finite. */
GG_MUST_CHECK int gg_decode_tile(const struct gg_writer *w, const struct gg_item *it,
                                 const struct gg_cell *c, const uint8_t *stored, float *x,
                                 struct gg_found *found, struct gg_err *err);

/* row_sums.c */
void gg_row_sums_init(struct gg_row_sums *r);
/* Sum of x^2 over a row that no slab holds; reads it through buf, which takes n_tiles of it. */
GG_MUST_CHECK int gg_row_sum_read(struct gg_writer *w, size_t item, uint64_t row, uint8_t *buf,
                                  uint64_t n_tiles, struct gg_hand *h, float *sum,
                                  struct gg_err *err);
/* *sum goes on over the tiles [first, first + n), whose stored bytes lie at stored. */
GG_MUST_CHECK int gg_row_sum_tiles(const struct gg_writer *w, const struct gg_item *it,
                                   uint64_t first, uint64_t n, const uint8_t *stored, float *x,
                                   float *sum, struct gg_err *err);

/* report.c */
GG_MUST_CHECK int gg_report_init(struct gg_write_report *r, const struct gg_plan *plan, bool sha256,
                                 struct gg_err *err);
/* *to += *tile, whose first element is element first of the tensor. */
void gg_result_add(struct gg_tensor_result *to, const struct gg_tensor_result *tile,
                   uint64_t first);

#endif
