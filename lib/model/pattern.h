/* Patterns over names of tensors and keys: globs, or PCRE2 regular expressions after "re:". */
#ifndef GG_PATTERN_H
#define GG_PATTERN_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct gg_pattern;

/* "blk.*.ffn_*" must match the whole name; "re:ffn_(up|gate)" is searched for anywhere in it. */
GG_MUST_CHECK int gg_pattern_new(struct gg_pattern **out, const char *text, struct gg_err *err);
/* A PCRE2 expression without prefix, searched for anywhere in any case, as llama-quantize does for
 * --tensor-type. */
GG_MUST_CHECK int gg_pattern_new_regex(struct gg_pattern **out, const char *text, struct gg_err *err);
void gg_pattern_free(struct gg_pattern *p);
/* Bounded in time: a pattern that backtracks without end is an error at gg_pattern_new, or no match. */
bool gg_pattern_match(const struct gg_pattern *p, const char *name, size_t nbytes);

#endif
