/* Codebooks: what encoding to IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ1_S and IQ1_M looks up.
 *
 * A grid (grids.h) holds some of the points of a small lattice: 8 elements of 3 levels, or 4
 * elements of 8. A group of values is rounded to a lattice point first. Where that is not a row of
 * the grid, one of the rows around it is taken, those at the nearest few distances: the codebook
 * knows them for every point. Built once, then read only: any number of threads may share it.
 */
#ifndef QK_CODEBOOK_H
#define QK_CODEBOOK_H

#include "lib/base/err.h"
#include "lib/quant/kernel.h"

enum { QK_BEYOND = 16, QK_NEAR_MAX = 255 /* rows */, QK_ON_GRID = INT32_MIN };

/* A lattice point as a number, its code: the level of element i is bits bits * i and up. */
struct qk_codebook {
    enum qt_type type;
    int n_rows; /* of the grid */
    int dims;   /* elements of a point: 8 or 4 */
    int bits;   /* of a level in a code: 2 or 3; dims << bits is 32 for all */
    /* By code: the row that is this point; else -1 - the place in `around` of the rows around it.
     */
    int32_t *row_of;
    /* A count and that many rows, the nearest first, the lower row first among equally near. */
    uint16_t *around;
    /* By row: its code in sixteen bits, two or four an element. */
    uint16_t *spread;
    /* The lists of `around`, at the same places, with those in place of rows: what vectors look up,
     * many rows at a time. QK_BEYOND more can be read behind the last. */
    uint16_t *spread_around;
    /* For values to which the point is the nearest in each element: the rows around it that can be
     * the nearest at all, see prune() in codebook.c. By code: QK_ON_GRID + the spread code where
     * the point is a row; else where their spread codes begin in `near`, in eights, times 256, plus
     * their number. The first fills a list up to a multiple of eight. QK_BEYOND more can be read.
     */
    int32_t *near_of;
    uint16_t *near;
    int8_t *value; /* by row, dims each: what levels mean, 2 level + 1 (IQ1: level - 1) */
};

/* Builds the codebook of a type in a few milliseconds (IQ1: some ten). The caller frees it.
 * GG_ERR_ARG for a type without one; GG_ERR_NOMEM. */
int qk_codebook_new(struct qk_codebook **out, enum qt_type type, struct gg_err *err) GG_MUST_CHECK;
void qk_codebook_free(struct qk_codebook *cb);

/* True for the seven types above. */
bool qk_codebook_wanted(enum qt_type type);

#endif
