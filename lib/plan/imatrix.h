/* Importance matrices: per-column activation energies of each weight matrix.
 *
 * Opening one reads all of it once, to find what is wrong with it; the file stays open, and its
 * values are read again as they are needed.
 *
 * Both formats are read, told apart by content: the legacy binary (".dat") and GGUF. Layouts:
 * reference of llama.cpp's llama-imatrix (2026-08-21).
 */
#ifndef GG_IMATRIX_H
#define GG_IMATRIX_H

#include "gguf/gguf.h"

/* Importance weights, read when they are wanted: those of a big model fill a gigabyte. */
struct gg_weights {
    /* n weights from `first` on, counted over all matrices, to dst. Any thread. */
    int (*read)(const struct gg_weights *w, uint64_t first, size_t n, float *dst, struct gg_err *err);
};

struct gg_imatrix_entry {
    struct gg_weights weights; /* nvals mean squared activations; matrix e owns [e*nvals/nmat, ...) */
    const char *name;          /* of the weight tensor, NUL-terminated */
    uint64_t nvals;
    uint64_t nmat;         /* experts with a count of their own, else 1 */
    const float *counts;   /* nmat: tokens that reached each matrix (legacy: calls) */
    uint64_t n_zero_count; /* matrices never reached; their values are 1 */
    uint64_t nonfinite_at; /* index of the first NaN, infinite or negative value, or nvals */
    uint64_t off;          /* of the values in the file */
    const struct gg_imatrix *of;
};

struct gg_imatrix {
    const char *file; /* base name of the path it was read from */
    const struct gg_imatrix_entry *entries;
    size_t n_entries;
    const char *dataset; /* the first, or NULL */
    const char *const *datasets;
    size_t n_datasets;
    uint32_t n_chunks;   /* 0: unknown */
    uint32_t chunk_size; /* tokens in each; 0: unknown (legacy) */
    uint64_t dev, ino;   /* of the file */
    bool legacy;
};

/* n numbers of an entry from `first` on as the file has them: sums of squared inputs over counts[]
 * tokens; legacy: mean squares times calls. Any thread. */
GG_MUST_CHECK int gg_imatrix_sums(const struct gg_imatrix_entry *e, uint64_t first, size_t n,
                                  float *dst, struct gg_err *err);

GG_MUST_CHECK int gg_imatrix_open(struct gg_imatrix **out, const char *path, struct gg_err *err);
void gg_imatrix_free(struct gg_imatrix *im);
const struct gg_imatrix_entry *gg_imatrix_find(const struct gg_imatrix *im, const char *name,
                                               size_t nbytes);

#endif
