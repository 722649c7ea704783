/* Stream: slabs flow through a bounded pipeline, read, decoded, encoded, checked and written.
 *
 * Two walks over one engine: gg_stream_write carries a plan out, gg_stream_visit shows decoded tiles
 * to a visitor. Both use one pool for the whole run and a constant amount of memory, known before the
 * first byte is read and never a function of the model.
 *
 * A tile is a run of at most 65,536 elements of one tensor: whole rows, or a piece of a longer row.
 * Tiles are fixed by the tensor's shape alone, and every number is combined tile by tile in file
 * order; so bytes, sums and messages are the same for any number of workers and any memory.
 *
 * Threads: each call runs its own workers; calls may run side by side.
 */
#ifndef GG_STREAM_H
#define GG_STREAM_H

#include "lib/model/model.h"
#include "lib/plan/plan.h"
#include "lib/quant/kernel.h"
#include "lib/quant/stats.h"
#include "lib/sys/sink.h"

enum { GG_TILE_NELEMS = 65536, GG_MEASURED_NELEMS = 4096, GG_SHA256_NBYTES = 32 };

#define GG_STREAM_MEMORY ((uint64_t)128 << 20) /* default of max_memory */

/* ---- what both walks share ---------------------------------------------------------------- */

struct gg_stream_opts {
    const struct qk_table *kernels;
    enum qk_search search; /* for what encodes */
    const struct qk_codebook *const *codebooks; /* by type id (QT_ID_END of them); NULL: none */
    unsigned n_workers;                         /* 0: gg_pool_default_workers() */
    uint64_t max_memory;                        /* for buffers, bytes; 0: GG_STREAM_MEMORY */
    /* Called in file order after each ticket, one call at a time, from any worker; must be quick.
     * Bytes are those of the source. May be NULL. */
    void (*progress)(void *ctx, uint64_t done_nbytes, uint64_t total_nbytes);
    void *progress_ctx;
};

/* How a run went, for -v. */
struct gg_stream_usage {
    unsigned n_workers, n_slots;
    uint64_t memory_nbytes;  /* what buffers may take in all: slots * slab + workers * scratch */
    uint64_t slab_nbytes;    /* a slot: input and outputs */
    uint64_t scratch_nbytes; /* a worker */
    uint64_t read_nbytes, written_nbytes; /* through buffers */
    uint64_t copied_nbytes;               /* handed from file to file by the kernel */
    uint64_t wall_ns;
    uint64_t read_ns, compute_ns, write_ns; /* summed over workers */
};

/* A place in a tensor. */
struct gg_spot {
    uint64_t elem;  /* flattened; the others follow from it */
    uint64_t row;   /* counted over all matrices */
    uint64_t col;
    float value;
};

/* ---- carrying a plan out ------------------------------------------------------------------ */

enum gg_nonfinite {
    GG_NONFINITE_FAIL, /* the first in file order ends the run */
    GG_NONFINITE_ZERO, /* becomes 0, and is counted */
};

struct gg_write_opts {
    struct gg_stream_opts stream;
    enum gg_nonfinite nonfinite;
    bool stats;    /* measure what is encoded (decodes it again) */
    bool all_sums; /* xy, yy and e too, which only cosine and bias need */
    bool sha256;   /* of each output file, in the same pass */
    /* A block scale (or BF16 value) that overflows its type is noted in gg_tensor_result and the run
     * goes on, instead of failing. With sinks NULL: a trial encoding. */
    bool note_overflow;
    const bool *only; /* by index of the model's tensors: leave the others out; with sinks NULL only */
};

/* What became of one tensor of one output. */
struct gg_tensor_result {
    bool encoded;            /* sums and counts below were taken */
    struct qk_err_sums sums; /* x decoded from the source, y decoded from the output; with stats */
    uint64_t n_zeroed;       /* NaN and infinities replaced (GG_NONFINITE_ZERO) */
    uint64_t n_f16_clipped;  /* F16 targets: values beyond 65504, which became that */
    uint64_t n_f16_flushed;  /* F16 targets, with stats: values that became 0 */
    uint64_t n_overflow;     /* clipped values; blocks with an overflowing scale (note_overflow) */
    struct gg_spot overflow; /* the first of them: largest magnitude of its block */
};

struct gg_write_report {
    struct gg_stream_usage usage;
    size_t n_outputs;
    struct gg_tensor_result **results; /* [output][tensor of the output] */
    uint8_t (**sha256)[GG_SHA256_NBYTES]; /* [output][file]; NULL unless asked for */
};

/* Reads each tensor once and writes it to every output of the plan. sinks holds one open sink for
 * each file of each output, output after output, of the size the plan says; the header, all data and
 * all padding are written; finishing and naming them is left to the caller. sinks NULL: nothing is
 * written (a trial). A sink that is gg_sink_ordered gets its bytes in order.
 *
 * Errors: GG_ERR_CORRUPT "tensor 'x': row 17, column 40: not finite (NaN)"; GG_ERR_UNSUPPORTED for a
 * finite weight whose block scale overflows ("... scale of the block overflows F16 in q4_0: value
 * 1e+06"), also under GG_NONFINITE_ZERO, and for a type that cannot be decoded or encoded;
 * GG_ERR_LIMIT when max_memory is too small, naming the least that does; what source and sinks say.
 * The error is that of the first ticket in file order. *report may be NULL; it is filled on failure
 * too, and freed by gg_write_report_free. */
GG_MUST_CHECK int gg_stream_write(const struct gg_model *model, const struct gg_plan *plan,
                                  struct gg_sink *const *sinks, const struct gg_write_opts *opts,
                                  struct gg_write_report *report, struct gg_err *err);
void gg_write_report_free(struct gg_write_report *r); /* takes a zeroed one too */

/* ---- looking ------------------------------------------------------------------------------ */

enum { GG_VISIT_MAX = 64 }; /* models walked side by side */

#define GG_NO_TENSOR SIZE_MAX /* in a list: this model does not have it */

/* What a visitor sees. Pointers are valid during the call. Arrays go by model. */
struct gg_tile {
    size_t item;          /* index into the list that was given */
    const size_t *tensor; /* index into each model's tensors, or GG_NO_TENSOR */
    uint64_t first;   /* first element, flattened over the tensor */
    uint64_t mat, row, col; /* of that element; row is counted over all matrices, mat = its ne2*ne3
                               index */
    size_t n_rows, n_cols;  /* n_rows > 1 only when rows are whole; n_cols of each */
    size_t nelems;          /* n_rows * n_cols */
    const float *x[GG_VISIT_MAX];  /* decoded, 64-byte aligned; NULL unless GG_SEE_FLOATS */
    const void *raw[GG_VISIT_MAX]; /* stored bytes, little-endian, any alignment */
    size_t raw_nbytes[GG_VISIT_MAX];
};

enum gg_see { GG_SEE_RAW = 0, GG_SEE_FLOATS = 1 };

struct gg_visitor {
    unsigned see;         /* enum gg_see */
    size_t part_nbytes;   /* what visit leaves of one tile for combine; may be 0 */
    size_t scratch_nbytes; /* working memory of each worker, 64-byte aligned, never cleared */
    /* Looks at one tile. part is zeroed before. Any worker, any order. A failure ends the run with the
     * error of the first tile in file order. */
    int (*visit)(void *ctx, const struct gg_tile *tile, void *part, void *scratch,
                 struct gg_err *err);
    /* Takes a tile's part; one at a time, in list order and within a tensor in element order. The
     * tile's x and raw are NULL. May be NULL. */
    int (*combine)(void *ctx, const struct gg_tile *tile, void *part, struct gg_err *err);
    void *ctx;
};

/* Tensors to look at: tensor[i * n_models + m] is an index into models[m]->tensors, or GG_NO_TENSOR
 * (not for model 0). All of an item have one shape, their types may differ; all types are known. */
struct gg_visit_list {
    const size_t *tensor;
    size_t n;
};

/* Walks the listed tensors of up to GG_VISIT_MAX models in list order; each is read and decoded once.
 * list NULL: all tensors of known type of the one model. usage may be NULL. A tensor without elements
 * is passed over. */
GG_MUST_CHECK int gg_stream_visit(const struct gg_model *const *models, size_t n_models,
                                  const struct gg_visit_list *list, const struct gg_visitor *visitor,
                                  const struct gg_stream_opts *opts, struct gg_stream_usage *usage,
                                  struct gg_err *err);

/* What a look at all values of a tensor found. */
struct gg_scan_result {
    uint64_t n_nan, n_inf;
    struct gg_spot first; /* of the non-finite ones; meaningful when there are any */
    float max_abs;        /* of the finite ones */
    struct gg_spot max;   /* where it is first reached */
};

/* Scans n tensors of a model (tensors NULL: all n = model->n_tensors, unknown types give zeros) into
 * results[n], for --check-first and for keeping types. */
GG_MUST_CHECK int gg_stream_scan(const struct gg_model *model, const size_t *tensors, size_t n,
                                 const struct gg_stream_opts *opts, struct gg_scan_result *results,
                                 struct gg_err *err);

/* Fills err as gg_stream_write does for a non-finite value at spot of tensor t. */
int gg_stream_fail_nonfinite(const struct gg_model *model, const struct gg_tensor *t,
                             const struct gg_spot *spot, struct gg_err *err);

#endif
