/* Codebook look-ups, shared by the encoders of the codebook types. */
#ifndef QK_REF_POINTS_H
#define QK_REF_POINTS_H

#include "lib/quant/codebook.h"

#include <float.h>

enum { QK_CELLS = 32 }; /* elements times levels of a lattice point, as codes number them */

/* Of the rows around a lattice point (a list of the codebook) the first with the least sum of cost
 * over its cells, added in the order of the elements. When no sum is finite (values near FLT_MAX,
 * where upstream aborts) it is the first of the list: the nearest in the lattice. */
static inline int qk_cheapest_row(const struct qk_codebook *cb, const uint16_t *list, int dims,
                                  const float cost[QK_CELLS])
{
    float best = FLT_MAX;
    int row = list[1];

    for (int j = 1; j <= list[0]; j++) {
        const uint8_t *cell = cb->cell + list[j] * dims;
        float sum = cost[cell[0]];
        for (int i = 1; i < dims; i++)
            sum += cost[cell[i]];
        if (sum < best) {
            best = sum;
            row = list[j];
        }
    }
    return row;
}

static inline const uint16_t *qk_rows_around(const struct qk_codebook *cb, int32_t row_of)
{
    return cb->around + (-1 - row_of);
}

static inline int qk_level_of_row(const struct qk_codebook *cb, int dims, int bits, int row, int i)
{
    return cb->cell[row * dims + i] & ((1 << bits) - 1);
}

#endif
