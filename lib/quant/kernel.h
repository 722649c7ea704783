/* Kernels: decode and encode blocks of every tensor type.
 *
 * A table of function pointers is filled by qk_init: portable C first, then every CPU level that is
 * allowed overrides what it does better. Tests build several tables in one process.
 *
 * Promise: decoding never changes; encoding is versioned (QK_ENCODING_VERSION); both are independent
 * of CPU level, threads and compiler. Bytes are those of ggml's reference quantizers (2026-08-21)
 * built without FMA contraction.
 *
 * Kernels never allocate, never lock, use no globals, and are total: any bit pattern decodes without
 * undefined behaviour, any finite row encodes. Where the reference is undefined (1/d not finite) the
 * block is zeros with d = 0. They take up to 256 KiB of stack, and expect the default rounding mode
 * and no flush-to-zero (qk_env_ok tells).
 */
#ifndef QK_KERNEL_H
#define QK_KERNEL_H

#include "lib/quant/qtype.h"
#include "lib/quant/stats.h"
#include "lib/sys/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QK_ENCODING_VERSION 3

/* How hard encoding looks for scales, minima and levels. */
enum qk_search {
    QK_SEARCH_STANDARD, /* as ggml does, to the byte */
    QK_SEARCH_BEST,     /* then on from there, for a smaller sum w (x - decoded)^2 in each block */
};

struct qk_codebook; /* what a codebook i-quant is looked up in: codebook.h */

struct qk_args {
    const float *weights; /* n_cols importance weights, the same for every row; NULL: none */
    const struct qk_codebook *codebook; /* must be there when qk_codebook_wanted; else NULL */
    void *scratch;                      /* scratch(n_cols) bytes, 64-byte aligned */
    /* For whole_rows kernels with weights, when the columns given are only a piece of longer rows:
     * n_rows sums of x^2 over each whole row (taken in float, in column order from 0, as the kernel
     * would) and the columns of a whole row. NULL and 0: the columns are the whole row. */
    const float *row_sumx2;
    size_t row_n_cols;
    enum qk_search search; /* for qk_encode */
};

/* Decodes n_blocks blocks at src to n_blocks * block_nelems floats at dst. src has no alignment.
 * (F64 and the integers are rounded to float.) */
typedef void qk_dequant_fn(float *dst, const void *src, size_t n_blocks);

/* Encodes n_rows rows of n_cols floats (a multiple of the block) at src, src_stride floats apart, to
 * rows dst_stride bytes apart at dst. All values must be finite. A scale too large for F16 is stored
 * as infinity; `valid` on the result finds it. */
typedef void qk_quant_fn(void *dst, const float *src, size_t n_rows, size_t n_cols,
                         size_t dst_stride, size_t src_stride, const struct qk_args *args);

/* Rows as qk_quant_fn takes them; dst holds what kernel->quant made of them. Puts a better block in
 * the place of each for which it finds one, measured by sum w (x - decoded)^2, w the weights or 1. */
struct qk_kernel;
typedef void qk_improve_fn(const struct qk_kernel *kernel, void *dst, const float *src,
                           size_t n_rows, size_t n_cols, size_t dst_stride, size_t src_stride,
                           const struct qk_args *args);

/* Index of the first of n_blocks blocks with a scale, minimum or value that is NaN or infinite;
 * n_blocks when there is none. */
typedef size_t qk_valid_fn(const void *src, size_t n_blocks);

/* Bytes of scratch that quant wants for rows of n_cols; never more than a small multiple of
 * 256 floats plus (for the types that sum over a row) n_cols floats. */
typedef size_t qk_scratch_fn(size_t n_cols);

struct qk_kernel {
    qk_dequant_fn *dequant;
    qk_quant_fn *quant;     /* NULL: we don't encode it */
    qk_improve_fn *improve; /* NULL: there is nothing to search */
    qk_valid_fn *valid;
    qk_scratch_fn *scratch; /* NULL: none needed */
    bool whole_rows; /* with weights, quant looks at the whole row (Q4_0..Q5_1): a piece of a row
                        needs row_sumx2. Rows may be cut at multiples of 256 columns. */
};

struct qk_table {
    struct qk_kernel k[QT_ID_END]; /* by type id; all NULL for ids that don't exist */
    qk_err_row_fn *err_row; /* stats.h; the same numbers at every level */
    qk_err_quick_fn *err_quick;
    qk_find_beyond_fn *find_beyond;
    qk_count_f16_flushed_fn *count_f16_flushed;
    enum gg_cpu_level level;       /* the highest level used */
};

/* Fills the table for a CPU level (all lower levels of the same architecture are included). */
void qk_init(struct qk_table *table, enum gg_cpu_level level);

/* Encodes rows with a kernel that does, as hard as args->search says. */
void qk_encode(const struct qk_kernel *kernel, void *dst, const float *src, size_t n_rows,
               size_t n_cols, size_t dst_stride, size_t src_stride, const struct qk_args *args);

/* True when rounding mode and denormal handling of this thread are the defaults. */
bool qk_env_ok(void);

#endif
