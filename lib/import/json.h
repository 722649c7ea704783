/* JSON from files nobody vouches for: bounded depth, bounded count, no duplicate keys. */
#ifndef GG_IMPORT_JSON_H
#define GG_IMPORT_JSON_H

#include "lib/base/err.h"

#include <jansson.h>
#include <stddef.h>

enum {
    GG_JSON_MAX_DEPTH = 64,
    /* A value costs 40 to 300 bytes once parsed, so these are what bounds memory: for headers,
     * and indexes (some 100,000 tensors), and for vocabularies as lists. */
    GG_JSON_FEW_VALUES = 1500000,
    GG_JSON_MANY_VALUES = 4000000
};

/* Refuses what would cost a parser too much: nested deeper than GG_JSON_MAX_DEPTH, or more than
 * max_values. Whether it is JSON the parser says. */
GG_MUST_CHECK int gg_json_check(const char *p, size_t n, size_t max_values, struct gg_err *err);

/* Parses n bytes (no NUL needed), which must be one value and white space, of at most max_values.
 * *out is to be json_decref'd. err->where is an offset in p. Strings are UTF-8 without NUL. Any
 * thread. */
GG_MUST_CHECK int gg_json_parse(json_t **out, const char *p, size_t n, size_t max_values,
                                struct gg_err *err);

#endif
