/* Metadata from people: KEY=VALUE on a command line, values in JSON, arrays in files.
 *
 * One grammar for all options:
 *
 *     KEY=VALUE         the type is that of the key as it is, else what gguf_keys.def says
 *     KEY=TYPE:VALUE    u8 i8 ... f64 bool str; "int" and "float" choose a width; TYPE[] for arrays
 *     VALUE             text; @FILE: what FILE holds, to the last byte; @@...: a text that begins
 *                       with @
 *     array VALUE       a JSON array, or @FILE of one, or @FILE of lines, an element each
 *
 * Whatever is set has the type that the key asks for, if it is well known. Errors: GG_ERR_ARG, which
 * name the option; those of files.
 */
#ifndef GG_JOB_KV_H
#define GG_JOB_KV_H

#include "gguf/gguf.h"
#include "lib/base/buf.h"

#include <jansson.h>

enum gg_kv_flags {
    GG_KV_OVERRIDE = 1, /* as llama-quantize's --override-kv: a scalar type must be named, @ and the
                           types of well-known keys mean nothing */
    GG_KV_ARRAY = 2,    /* the value is an array */
    GG_KV_APPEND = 4,   /* elements for the end of an array: @FILE as above, other text is one */
};

/* Sets in m what text says; `like` (may be m) tells the types of keys that are there. option stands
 * in messages. *key (may be NULL) gets the key, as it lies in m. */
GG_MUST_CHECK int gg_kv_set(struct ggf_meta *m, const struct ggf_meta *like, const char *option,
                            const char *text, unsigned flags, struct ggf_str *key,
                            struct gg_err *err);

/* The same for a JSON value, or {"type": T, "elem": T, "value": V} as `inspect --json` prints it
 * (text that is no UTF-8 from "value_hex"). */
GG_MUST_CHECK int gg_kv_set_json(struct ggf_meta *m, const struct ggf_meta *like,
                                 const char *option, struct ggf_str key, const json_t *value,
                                 struct gg_err *err);

/* Appends to out what a value VALUE says: the text, or what the file named by @FILE holds. */
GG_MUST_CHECK int gg_kv_content(struct gg_buf *out, const char *option, const char *value,
                                struct gg_err *err);

/* Sets the array element i of key, which must be one of str, to text. */
GG_MUST_CHECK int gg_kv_set_element(struct ggf_meta *m, const char *key, uint64_t i,
                                    struct ggf_str text, struct gg_err *err);

/* Refuses a key whose value in m is not of the type the key asks for. */
GG_MUST_CHECK int gg_kv_check(const struct ggf_meta *m, const char *option, struct ggf_str key,
                              struct gg_err *err);

#endif
