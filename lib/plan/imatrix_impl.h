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
};

/* Adds an entry with room for nvals values and nmat counts. off, where it stands in the file, is for
 * messages; a name that is there already is GG_ERR_CORRUPT. The bytes were in the file, so sizes are
 * bounded. */
int gg_imatrix_add(struct gg_imatrix_all *im, const char *name, size_t nbytes, uint64_t nvals,
                   uint64_t nmat, uint64_t off, float **values, float **counts, struct gg_err *err);

int gg_imatrix_read_legacy(struct gg_imatrix_all *im, struct gg_err *err);
int gg_imatrix_read_gguf(struct gg_imatrix_all *im, struct gg_err *err);

#endif
