/* A header being parsed: the cursor, the records found so far, and where we are, for messages.
 *
 * gguf_parse.c knows fields and values, gguf_read.c the records made of them. All of these return
 * GG_OK or a code with the error filled in.
 */
#ifndef GGF_GGUF_PARSE_H
#define GGF_GGUF_PARSE_H

#include "gguf/gguf_cursor.h"
#include "gguf/gguf_file.h"

/* A string in the window. */
struct ggf_span {
    uint64_t off, nbytes;
};

struct ggf_kv_record {
    uint64_t off; /* of the record */
    struct ggf_span key, data;
    enum ggf_vtype type, elem;
    uint64_t count;
};

struct ggf_tensor_record {
    uint64_t off;
    struct ggf_span name;
    struct ggf_tensor t; /* all but the name */
};

struct ggf_parse {
    struct ggf_cursor c;
    struct ggf_file *f;
    struct gg_err *err;
    struct ggf_kv_record *kv;
    struct ggf_tensor_record *tensor;
    size_t n_kv, cap_kv, n_tensors, cap_tensors;
    /* where we are, for messages */
    enum { GGF_IN_HEADER, GGF_IN_KV, GGF_IN_TENSOR } part;
    const char *field;
    uint64_t field_off;
    struct ggf_span name; /* of the record, once known */
    uint64_t inner_left;  /* bytes that the rest of the array being walked takes at least */
    uint64_t floor;       /* the header cannot end before this */
};

/* Names what is read next, at the cursor. */
void ggf_parse_at(struct ggf_parse *p, const char *field);

/* Fails with "FILE: PLACE: FIELD: TEXT (byte OFF)". */
int ggf_parse_fail(const struct ggf_parse *p, enum gg_code code, uint64_t off, const char *fmt, ...)
    GG_PRINTF(4, 5);
/* Turns what the cursor could not do, code rc for n bytes, into a sentence. */
int ggf_parse_lack(struct ggf_parse *p, int rc, uint64_t n);

/* Least bytes of a record: an empty name or a one-byte key, no dimensions, a one-byte value. */
uint64_t ggf_least_kv(const struct ggf_parse *p);
uint64_t ggf_least_tensor(const struct ggf_parse *p);
/* Remembers that n bytes more, and then the records behind, are certain: in the midst of a record
 * less can be told than at its start. */
void ggf_parse_floor(struct ggf_parse *p, uint64_t n);

/* Fields. */
GG_MUST_CHECK int ggf_parse_u32(struct ggf_parse *p, const char *field, uint32_t *v);
GG_MUST_CHECK int ggf_parse_u64(struct ggf_parse *p, const char *field, uint64_t *v);
GG_MUST_CHECK int ggf_parse_len(struct ggf_parse *p, const char *field, uint64_t *v);
GG_MUST_CHECK int ggf_parse_str(struct ggf_parse *p, const char *field, struct ggf_span *s);
GG_MUST_CHECK int ggf_parse_check_vtype(struct ggf_parse *p, uint32_t type);
/* The value of kv->type, of whatever size and depth. */
GG_MUST_CHECK int ggf_parse_value(struct ggf_parse *p, struct ggf_kv_record *kv);

#endif
