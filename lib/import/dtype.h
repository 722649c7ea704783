/* Dtypes of foreign tensors: facts and look-ups. The public ones are in checkpoint.h. */
#ifndef GG_DTYPE_H
#define GG_DTYPE_H

#include "lib/import/checkpoint.h"

/* By safetensors' spelling, exactly. */
bool gg_dtype_by_name(const char *name, enum gg_dtype *out);
/* By torch's: the class of a typed storage ("BFloat16Storage") or a dtype's name ("bfloat16"). */
bool gg_dtype_by_torch(const char *name, size_t n, bool storage, enum gg_dtype *out);
/* Bytes of nelems elements; false when they overflow or end within a byte. */
bool gg_dtype_nbytes(enum gg_dtype t, uint64_t nelems, uint64_t *nbytes);

#endif
