/* npy out: the header of NumPy's format for one array.
 *
 *     | \x93NUMPY | 1 0 | u16: bytes of the text | text of a Python dict, padded to 64 | data |
 */
#ifndef GG_EXPORT_NPY_H
#define GG_EXPORT_NPY_H

#include "lib/base/buf.h"

#include <stdint.h>

/* Appends the header of an array in C order. descr: "<f4", "<f2", "<i4"...; ne: fastest first. Source:
 * NumPy Enhancement Proposal 1, version 1.0. */
void gg_npy_header(struct gg_buf *out, const char *descr, unsigned n_dims, const uint64_t *ne);

#endif
