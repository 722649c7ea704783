/* Base64 (RFC 4648, section 4). */
#ifndef GG_BASE64_H
#define GG_BASE64_H

#include "lib/base/buf.h"

#include <stdbool.h>

/* Appends what the n characters stand for. False for anything that is not whole groups of four with
 * padding at the end alone: out then holds what came before. */
bool gg_base64_decode(struct gg_buf *out, const char *p, size_t n);

#endif
