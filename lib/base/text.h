/* Text: escaping what comes from files, sizes for people, numbers and names from people. */
#ifndef GG_TEXT_H
#define GG_TEXT_H

#include "lib/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends n bytes so that a terminal is safe: valid UTF-8 stays; control characters (C0, DEL, C1),
 * backslash and invalid bytes become \n, \t, \\, \xHH. max_nbytes > 0 cuts long text at a character
 * and adds an ellipsis. */
void gg_text_escape(struct gg_buf *out, const char *s, size_t n, size_t max_nbytes);

/* The same into a fixed buffer (always NUL-terminated); returns dst, for use in error messages. */
char *gg_text_escape_into(char *dst, size_t dst_nbytes, const char *s, size_t n);

/* True when the n bytes are valid UTF-8 (no surrogates, no overlong forms). */
bool gg_text_is_utf8(const char *s, size_t n);

/* "1234567" -> "1,234,567". Both write a NUL-terminated text to dst and return it. */
char *gg_text_thousands(char dst[32], uint64_t v);
/* Bytes for people, binary units: "812 B", "4.58 GiB". */
char *gg_text_size(char dst[32], uint64_t nbytes);
/* Counts for people, decimal: "3.68 M", "70.6 B". */
char *gg_text_count(char dst[32], uint64_t n);

/* Parses "4096", "128M", "1.5G" (powers of 1000), "4KiB", "2GiB" (powers of 1024); a final B and any
 * case are accepted. Returns false for anything else or overflow. */
bool gg_text_parse_size(const char *s, uint64_t *out);
/* Whole decimal (or 0x) numbers with nothing behind them. */
bool gg_text_parse_u64(const char *s, uint64_t *out);
bool gg_text_parse_i64(const char *s, int64_t *out);
bool gg_text_parse_f64(const char *s, double *out);

/* ASCII case-insensitive equality, independent of the locale. */
bool gg_text_ieq(const char *a, const char *b);

/* Shell glob over bytes: * ? [a-z] [!a-z] and backslash; * crosses dots and slashes. */
bool gg_text_glob(const char *pattern, const char *s, size_t n);

/* Edit distance, for "did you mean"; case-insensitive. */
unsigned gg_text_distance(const char *a, const char *b);

#endif
