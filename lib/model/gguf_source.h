/* The source of a GGUF model, for what sees its tensors otherwise (dialect.c). */
#ifndef GG_GGUF_SOURCE_H
#define GG_GGUF_SOURCE_H

#include "lib/model/model.h"

bool gg_is_gguf_source(const struct gg_source *s);
/* Bytes off .. off+n-1 of what the file stores of tensor i, whatever its type. Any thread. */
GG_MUST_CHECK int gg_gguf_source_bytes(struct gg_source *s, size_t i, uint64_t off, uint64_t n,
                                       void *dst, struct gg_err *err);
/* moved.c: the bytes from where each tensor begins to the next, or the end of its file. The caller frees
 * it. */
GG_MUST_CHECK int gg_model_room(uint64_t **out, const struct gg_model *m, struct gg_err *err);

#endif
