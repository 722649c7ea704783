/* An importance matrix while it is read. Private to lib/plan. */
#ifndef GG_IMATRIX_IMPL_H
#define GG_IMATRIX_IMPL_H

#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "lib/plan/imatrix.h"
#include "lib/sys/input.h"

struct gg_imatrix_all { /* what a struct gg_imatrix is the first member of */
    struct gg_imatrix pub;
    struct gg_imatrix_entry *entries;
    size_t cap;
    struct gg_map map; /* name -> index */
    struct gg_arena arena;
    struct gg_input *in;
    uint64_t nbytes; /* of the file */
    bool big_endian;
};

/* Adds an entry of nvals values that stand at off in the file, with room for nmat counts. A name that
 * is there already is GG_ERR_CORRUPT. The bytes were in the file, so sizes are bounded. */
int gg_imatrix_add(struct gg_imatrix_all *im, const char *name, size_t nbytes, uint64_t nvals,
                   uint64_t nmat, uint64_t off, float **counts, struct gg_err *err);

/* Adds the name of a data set. */
int gg_imatrix_add_dataset(struct gg_imatrix_all *im, const char *name, size_t nbytes,
                           struct gg_err *err);

/* n stored floats at off to dst. */
int gg_imatrix_floats(const struct gg_imatrix_all *im, uint64_t off, size_t n, float *dst,
                      struct gg_err *err);

int gg_imatrix_read_legacy(struct gg_imatrix_all *im, struct gg_err *err);
int gg_imatrix_read_gguf(struct gg_imatrix_all *im, struct gg_err *err);

#endif
