/* Codebook look-ups, shared by the encoders of the codebook types. */
#ifndef QK_REF_POINTS_H
#define QK_REF_POINTS_H

#include "lib/quant/codebook.h"

#include <float.h>

/* A count and that many rows. */
static inline const uint16_t *qk_rows_around(const struct qk_codebook *cb, int32_t row_of)
{
    return cb->around + (-1 - row_of);
}

static inline const int8_t *qk_values_of_row(const struct qk_codebook *cb, int dims, int row)
{
    return cb->value + row * dims;
}

#endif
