/* The source of a GGUF model, for what sees its tensors otherwise (dialect.c). */
#ifndef GG_GGUF_SOURCE_H
#define GG_GGUF_SOURCE_H

#include "lib/model/source.h"

bool gg_is_gguf_source(const struct gg_source *s);
/* Bytes off .. off+n-1 of what the file stores of tensor i, whatever its type. Any thread. */
GG_MUST_CHECK int gg_gguf_source_bytes(struct gg_source *s, size_t i, uint64_t off, uint64_t n,
                                       void *dst, struct gg_err *err);

#endif
