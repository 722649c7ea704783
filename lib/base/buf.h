/* A growing byte buffer that is also a string builder.
 *
 * Start from GG_BUF_INIT. Appends remember a failed allocation in `failed` and become no-ops, so a
 * caller may append freely and check once at the end. data is NUL-terminated after every append.
 * The owner frees with gg_buf_free, which takes an empty one too.
 */
#ifndef GG_BUF_H
#define GG_BUF_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct gg_buf {
    char *data;    /* NULL while empty */
    size_t nbytes; /* used, without the final NUL */
    size_t cap;
    bool failed; /* an allocation failed; data holds what fitted before */
};

#define GG_BUF_INIT {0}

void gg_buf_free(struct gg_buf *b);
void gg_buf_reset(struct gg_buf *b); /* empties, keeps the memory */

/* Makes room for n more bytes. Returns false, and sets failed, when there is none. */
bool gg_buf_reserve(struct gg_buf *b, size_t n);

void gg_buf_add(struct gg_buf *b, const void *p, size_t n);
void gg_buf_adds(struct gg_buf *b, const char *s);
void gg_buf_addc(struct gg_buf *b, char c);
void gg_buf_addf(struct gg_buf *b, const char *fmt, ...) GG_PRINTF(2, 3);
void gg_buf_fill(struct gg_buf *b, char c, size_t n); /* n times c */

/* The text so far, never NULL. */
const char *gg_buf_str(const struct gg_buf *b);

/* Hands the memory (NUL-terminated, malloc'd; NULL if failed) to the caller and empties b. */
char *gg_buf_take(struct gg_buf *b);

#endif
