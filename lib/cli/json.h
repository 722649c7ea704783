/* JSON out, as a stream: nothing is built in memory, so a vocabulary of 300,000 costs nothing.
 *
 * The result is always valid JSON, whatever bytes a file holds. Rules, documented in docs/json.md:
 *   - text that is not valid UTF-8 is written with U+FFFD for each wrong byte; gg_json_text then adds
 *     a second member KEY_hex with all its bytes in hexadecimal, so that nothing is lost;
 *   - NaN and infinities, which JSON has no numbers for, are the strings "nan", "inf", "-inf";
 *   - integers are written whole, also beyond 2^53; floats with the fewest digits that read back the
 *     same.
 *
 * Layout: two spaces a level; a container opened with inline stands on one line. `key` is NULL
 * inside arrays and at the top. Write errors stay in the stream (ferror), to be asked once.
 */
#ifndef GG_JSON_H
#define GG_JSON_H

#include "lib/base/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { GG_JSON_MAX_DEPTH = 64 };

struct gg_json {
    FILE *f;
    int depth;
    int inline_depth; /* depth of the outermost inline container, 0: none */
    bool filled[GG_JSON_MAX_DEPTH + 1]; /* the container at this depth has a member already */
    char close[GG_JSON_MAX_DEPTH + 1];
    bool any; /* something was written */
};

void gg_json_begin(struct gg_json *j, FILE *f);
void gg_json_end(struct gg_json *j); /* closes what is open and ends the line */

void gg_json_object(struct gg_json *j, const char *key);
void gg_json_array(struct gg_json *j, const char *key);
void gg_json_object_inline(struct gg_json *j, const char *key);
void gg_json_array_inline(struct gg_json *j, const char *key);
void gg_json_close(struct gg_json *j); /* the innermost container */

/* The name of the next member, when it comes from a file: any bytes. Give NULL as key then. */
void gg_json_key_n(struct gg_json *j, const char *key, size_t n);

void gg_json_str(struct gg_json *j, const char *key, const char *s);
void gg_json_text(struct gg_json *j, const char *key, const char *s, size_t n);
void gg_json_u64(struct gg_json *j, const char *key, uint64_t v);
void gg_json_i64(struct gg_json *j, const char *key, int64_t v);
void gg_json_f64(struct gg_json *j, const char *key, double v);
void gg_json_f32(struct gg_json *j, const char *key, float v);
void gg_json_bool(struct gg_json *j, const char *key, bool v);
void gg_json_null(struct gg_json *j, const char *key);

/* An array of {"severity","code","tensor","offset","text"}. */
void gg_json_findings(struct gg_json *j, const char *key, const struct gg_findings *f);

/* Writes the n bytes as a JSON string with its quotes. */
void gg_json_quote(FILE *f, const char *s, size_t n);
/* The shortest text that reads back as v: dst gets "0.1", "1e-05", "nan". Returns dst. */
char *gg_json_number(char dst[32], double v);
char *gg_json_number_f32(char dst[32], float v);

#endif
