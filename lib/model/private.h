/* Private: what a publisher would rather not have in a file: paths of his machine. */
#ifndef GG_MODEL_PRIVATE_H
#define GG_MODEL_PRIVATE_H

#include "gguf/gguf.h"

/* True for a text that is, or holds, a path from somebody's machine: "/home/joe/x.dat", "C:\\Models",
 * "~/models". Relative paths and URLs are not. */
bool gg_is_private_path(struct ggf_str s);

/* The next pair of metadata at or behind *i whose text, or an element of whose array of texts, is such
 * a path; *which gets it and *i its place. Vocabulary and templates are not looked at. NULL: none. */
const struct ggf_kv *gg_private_next(const struct ggf_meta *m, size_t *i, struct ggf_str *which);

#endif
