/* Private: what a publisher would rather not have in a file: paths of his machine. */
#ifndef GG_MODEL_PRIVATE_H
#define GG_MODEL_PRIVATE_H

#include "gguf/gguf.h"
#include "lib/base/buf.h"

/* Appends the text without the folders of paths of somebody's machine ("/home/joe/x.dat",
 * "C:\\Models\\x.dat", "~/x.dat"): only their last names stay. True when there were any. */
bool gg_private_scrub(struct gg_buf *out, const char *s, size_t n);

/* Keys whose texts are not looked at: the words of a model are no secret, and no paths. */
bool gg_private_exempt(struct ggf_str key);

/* The next pair of metadata at or behind *i with a text, or an array of texts, that scrubbing would
 * change; *i gets its place, *which the text. NULL: none. */
const struct ggf_kv *gg_private_next(const struct ggf_meta *m, size_t *i, struct ggf_str *which);

#endif
