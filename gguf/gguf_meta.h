/* The metadata list, as the files of this folder see it. */
#ifndef GGF_GGUF_META_H
#define GGF_GGUF_META_H

#include "gguf/gguf.h"

/* Adds a pair whose bytes stay where they are: the file that owns m owns them too. Returns 1 when
 * added, 0 when the key was there already (*old gets that pair), -1 when out of memory. */
int ggf_meta_add_ref(struct ggf_meta *m, const struct ggf_kv *kv, const struct ggf_kv **old);

#endif
