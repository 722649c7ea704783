/* Packed: several stored tensors that stand for one.
 *
 * Quantized checkpoints keep codes, scales and zero points in tensors of their own. Here they become one
 * tensor of floats (or of GGUF blocks, where those hold the same bits) under the name the plain one would
 * have; it is decoded as it is read, in constant memory. What a configuration means is lib/hf's business
 * (quantized.c); this is how the stored forms are laid out.
 *
 * Formulas are those of the converter of llama.cpp (2026-08-21) where it takes the format, operation by
 * operation, so that values are equal to the last bit; else those of the format's own code, named there.
 */
#ifndef GG_PACKED_H
#define GG_PACKED_H

#include "lib/import/checkpoint.h"

/* A checkpoint while its packed tensors are put together. The checkpoint is unchanged until
 * gg_packing_end; indices and names are those of before. */
struct gg_packing;
GG_MUST_CHECK int gg_packing_begin(struct gg_packing **out, struct gg_checkpoint *c,
                                  struct gg_err *err);
/* Puts the made tensors in, each at the place of the stored one it is named after, and takes out all
 * that was hidden or used. Indices change. */
GG_MUST_CHECK int gg_packing_end(struct gg_packing *u, struct gg_err *err);
void gg_packing_free(struct gg_packing *u); /* takes NULL */

/* The tensor whose name is that of tensor i with its last n_cut bytes replaced by tail; SIZE_MAX: there
 * is none. */
size_t gg_packing_sibling(const struct gg_packing *u, size_t i, size_t n_cut, const char *tail);
bool gg_packing_ends(const struct gg_packing *u, size_t i, const char *tail);
bool gg_packing_used(const struct gg_packing *u, size_t i); /* hidden, or part of a made one */
size_t gg_packing_n_made(const struct gg_packing *u);
void gg_packing_hide(struct gg_packing *u, size_t i);
/* GG_ERR_CORRUPT: "tensor 'NAME' ...". */
GG_MUST_CHECK int gg_packing_fail(const struct gg_packing *u, size_t i, struct gg_err *err,
                                 const char *fmt, ...) GG_PRINTF(4, 5);

/* One value a stored element, times a scale (less a zero point): F8 or integers. The scale has the
 * dimensions of the weight from the left, each 1, that of the weight, or its blocks of block[]
 * (slowest first, the last two dimensions; both 0: no blocks). zero may be SIZE_MAX; post is one more
 * factor for all, 0: none. It keeps the name of the weight. */
GG_MUST_CHECK int gg_packing_scaled(struct gg_packing *u, size_t weight, size_t scale, size_t zero,
                                    const uint64_t block[2], float post, const char *origin,
                                    struct gg_err *err);

/* packed_ints.c draws them */
enum gg_ints_layout { GG_INTS_ROWS, GG_INTS_STREAM, GG_INTS_GEMV, GG_INTS_COLUMNS, GG_INTS_AWQ };

/* A matrix of integers of 1 to 8 bits packed in I32. */
struct gg_packed_ints {
    size_t codes, scale;
    size_t zero;  /* SIZE_MAX: half of the codes are negative */
    size_t index; /* group of each column; SIZE_MAX: by their order */
    enum gg_ints_layout layout;
    unsigned bits;
    uint64_t rows, cols;
    uint64_t group; /* columns of a group */
    int zero_add;   /* to each stored zero point */
    const char *origin;
    int turn;
};
/* In the place of the codes, named after them. Errors: GG_ERR_CORRUPT for shapes that do not go together,
 * groups that do not divide the columns, an index out of them. */
GG_MUST_CHECK int gg_packing_ints(struct gg_packing *u, size_t n_cut, const char *tail,
                                  const struct gg_packed_ints *s, struct gg_err *err);

/* AWQ's for fast kernels (packed_fast.c); group 0: all columns. */
GG_MUST_CHECK int gg_packing_fast(struct gg_packing *u, size_t n_cut, const char *tail, size_t codes,
                                  size_t scale, size_t zero, uint64_t group, const char *origin,
                                  struct gg_err *err);

/* A matrix whose zeros are left out (packed_sparse.c). */
struct gg_packed_sparse {
    size_t values, mask;
    size_t starts; /* of rows in values; SIZE_MAX: two of any four are kept */
    size_t scale;  /* SIZE_MAX: there is none */
    uint64_t rows, cols;
};
GG_MUST_CHECK int gg_packing_sparse(struct gg_packing *u, size_t n_cut, const char *tail,
                                    const struct gg_packed_sparse *s, struct gg_err *err);

/* Marlin's 2:4 (packed_marlin.c); its rows and columns follow from the shape of the codes. */
struct gg_packed_marlin {
    size_t codes, scale, meta;
    unsigned bits;  /* 4, 8 */
    uint64_t group; /* columns that share a scale; 0: all */
};
GG_MUST_CHECK int gg_packing_marlin(struct gg_packing *u, size_t n_cut, const char *tail,
                                    const struct gg_packed_marlin *s, struct gg_err *err);

/* Sees the bytes of stored tensor i as others: a matrix of the same size. */
void gg_packing_retype(struct gg_packing *u, size_t i, enum gg_dtype dtype, uint64_t rows, uint64_t cols);

/* HQQ's: U8 (I32 for three bits), a float scale and zero point for each group. */
struct gg_packed_hqq {
    size_t codes, scale, zero;
    unsigned bits; /* 1, 2, 3, 4, 8 */
    unsigned axis; /* 1: groups are runs of a row; 0: elements a fixed step apart */
    uint64_t rows, cols, group;
    const char *origin;
};
GG_MUST_CHECK int gg_packing_hqq(struct gg_packing *u, size_t n_cut, const char *tail,
                                 const struct gg_packed_hqq *s, struct gg_err *err);

/* Ternary weights, four rows in the bits of one (U8), and one scale, which divides. */
GG_MUST_CHECK int gg_packing_ternary(struct gg_packing *u, size_t weight, size_t scale,
                                     struct gg_err *err);

/* Two codes of four bits a byte, the high half first, which stand for values of a table; a scale for each
 * run of elements. Scales may be codes themselves (U8). */
struct gg_packed_table {
    size_t codes, table, scale;
    size_t table2, scale2; /* of the scales; both SIZE_MAX: they are plain */
    uint64_t run, run2;    /* elements that share a scale, scales that share one */
    float offset;          /* added to scales that were codes */
    uint64_t rows, cols;
    const char *origin;
};
GG_MUST_CHECK int gg_packing_table(struct gg_packing *u, const struct gg_packed_table *s,
                                   struct gg_err *err);

/* Blocks of GGUF's own: U8 of two codes each, a scale for each group of them (its shape is that of the
 * codes with what a group holds taken out, or put together). */
struct gg_packed_blocks {
    size_t codes, scale;
    size_t factor, input_factor; /* of the whole tensor and its inputs, one number each; SIZE_MAX: 1 */
    bool inverse;                /* one over these numbers is meant */
    enum gg_dtype dtype;         /* GG_DT_MXFP4, GG_DT_NVFP4 */
    int turn;
};
GG_MUST_CHECK int gg_packing_blocks(struct gg_packing *u, size_t n_cut, const char *tail,
                                    const struct gg_packed_blocks *s, struct gg_err *err);

#endif
