/* Metadata values as text and as JSON, the same in every command. */
#ifndef GG_JOB_VALUE_H
#define GG_JOB_VALUE_H

#include "gguf/gguf.h"
#include "lib/base/buf.h"
#include "lib/cli/json.h"

/* Appends the value, escaped for a terminal. Unless full, texts are cut to 200 bytes and arrays to 8
 * elements of 60. */
void gg_value_text(struct gg_buf *out, const struct ggf_value *v, bool full);
/* Appends "u32", "str[32000]". */
void gg_value_type(struct gg_buf *out, const struct ggf_value *v);
/* Writes {"type": ..., "value": ...} as docs/json.md has it; arrays are cut to 64 elements unless
 * full, and say so. */
void gg_value_json(struct gg_json *j, const struct ggf_value *v, bool full);

#endif
