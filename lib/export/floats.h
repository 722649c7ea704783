/* Floats out: plain numbers of a type that other programs read. */
#ifndef GG_EXPORT_FLOATS_H
#define GG_EXPORT_FLOATS_H

#include "lib/quant/qtype.h"

/* n floats as type (QT_F32, QT_F16 or QT_BF16), little-endian, at dst; the nearest number, ties to
 * even. Returns how many values changed by it (NaN aside). Any thread. */
uint64_t gg_floats_put(uint32_t type, const float *x, size_t n, void *dst);
/* Bytes of one: 4 or 2. */
uint32_t gg_floats_nbytes(uint32_t type);

#endif
