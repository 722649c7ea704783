/* What the kinds of packed tensors share. One file a kind: packed_scaled.c... */
#ifndef GG_PACKED_IMPL_H
#define GG_PACKED_IMPL_H

#include "lib/import/impl.h"
#include "lib/import/packed.h"

enum { GG_PACKED_DIMS = 4 };

enum gg_packed_part { GG_PART_WEIGHT, GG_PART_SCALE, GG_PART_ZERO, GG_PART_INDEX, GG_PACKED_PARTS };

struct gg_packed_nested { /* packed_table.c: scales that are codes */
    uint64_t run;       /* scales that share one of their own */
    const float *table; /* of 256 */
    float offset;
};

/* How a packed tensor is read: what each kind wants to know, filled by its own file. */
struct gg_packed {
    /* As gg_checkpoint_read, in the dtype of the tensor that was made. */
    int (*read)(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                void *dst, struct gg_err *err);
    size_t part[GG_PACKED_PARTS]; /* stored tensors; SIZE_MAX: there is none */
    uint64_t rows, cols;          /* of the made tensor; rows of all its matrices */
    unsigned n_dims;              /* packed_scaled.c: of the weight */
    uint64_t shape[GG_PACKED_DIMS];  /* slowest first */
    uint64_t scales[GG_PACKED_DIMS]; /* scales along each dimension */
    uint64_t span[GG_PACKED_DIMS];   /* elements each of them is for */
    enum gg_ints_layout layout;       /* packed_ints.c: see gg_packing_ints */
    unsigned bits;
    int zero_add;
    uint64_t group, n_groups;
    uint64_t scale_stride; /* packed_ints.c: scales of a row */
    enum gg_dtype block; /* packed_blocks.c */
    float post;          /* packed_scaled.c: the last factor, unless it is 0; packed_ternary.c: the scale */
    const float *table;  /* packed_table.c: of 16; in the checkpoint's memory, as what follows */
    const struct gg_packed_nested *nested; /* how scales are packed; NULL: they are not */
};

/* Elements of a stored tensor of the checkpoint (gg_packing_end's order), whatever kind it is of. */
GG_MUST_CHECK int gg_ckpt_read_stored(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n,
                                      void *dst, struct gg_err *err);
/* The same, widened. */
GG_MUST_CHECK int gg_ckpt_read_f32(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n,
                                   float *dst, struct gg_err *err);

/* Columns col .. col+n-1 of some rows, to dst one row behind the other. */
typedef int gg_packed_rows(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t rows,
                           uint64_t col, uint64_t n, float *dst, struct gg_err *err);
/* Elements of a matrix by its rows: whole ones together, none of two runs of `most` rows. */
GG_MUST_CHECK int gg_packed_by_rows(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t most,
                                    gg_packed_rows *read, uint64_t first, uint64_t n, float *dst,
                                    struct gg_err *err);

/* What scales may be. */
static inline bool gg_packed_is_float(enum gg_dtype t)
{
    return t == GG_DT_F32 || t == GG_DT_F16 || t == GG_DT_BF16;
}

/* Adds a made tensor in the place of stored tensor `at`, named after it (gg_packing_sibling). t holds
 * dtype, shape, origin, turn; parts of k count as used. NULL: no memory, or a shape that cannot be, and
 * err says so. */
GG_MUST_CHECK int gg_packing_make(struct gg_packing *u, size_t at, size_t n_cut, const char *tail,
                                 struct gg_ckpt_tensor *t, const struct gg_packed *k,
                                 struct gg_err *err);
const struct gg_ckpt_tensor *gg_packing_tensor(const struct gg_packing *u, size_t i);
struct gg_checkpoint *gg_packing_checkpoint(const struct gg_packing *u);

#endif
