/* What kv.c and kv_array.c share. */
#ifndef GG_JOB_KV_IMPL_H
#define GG_JOB_KV_IMPL_H

#include "lib/job/kv.h"

/* A type as it was said, or found. */
struct gg_kv_type {
    enum ggf_vtype type, elem;
    bool loose; /* "int" or "float": the width follows from key and value */
    bool known; /* said, or found; else nothing is known of the key */
};

/* The type of a key by what it is in `like`, else by gguf_keys.def. */
struct gg_kv_type gg_kv_type_of(const struct ggf_meta *like, struct ggf_str key);
/* The width of "int" and "float" and of keys that any integer will do for: that of the key it
 * replaces, if the value fits it, else u32, i32 or i64; f32. */
enum ggf_vtype gg_kv_loose(const struct ggf_meta *like, struct ggf_str key, enum ggf_vtype named,
                           const char *value);

/* A scalar that was given as text of n bytes, which a NUL follows. */
GG_MUST_CHECK int gg_kv_set_scalar(struct ggf_meta *m, const struct ggf_meta *like,
                                   struct ggf_str key, struct gg_kv_type t, const char *text,
                                   size_t n, struct gg_err *err);
/* Puts "OPTION: metadata key 'KEY'" before an error. */
int gg_kv_prefix(struct gg_err *err, const char *option, struct ggf_str key);

/* An array of t.elem from JSON, from lines, or of one element; behind what is there already if
 * append. */
struct gg_kv_array {
    struct gg_buf data;
    uint64_t count;
    enum ggf_vtype elem;
};
GG_MUST_CHECK int gg_kv_add_json(struct gg_kv_array *a, const json_t *array, struct gg_err *err);
GG_MUST_CHECK int gg_kv_add_lines(struct gg_kv_array *a, const char *p, size_t n,
                                  struct gg_err *err);
GG_MUST_CHECK int gg_kv_add_text(struct gg_kv_array *a, const char *text, size_t n,
                                 struct gg_err *err);
/* Adds the elements of v, an array of the same type. */
GG_MUST_CHECK int gg_kv_add_array(struct gg_kv_array *a, const struct ggf_value *v,
                                  struct gg_err *err);
GG_MUST_CHECK int gg_kv_put_array(struct ggf_meta *m, struct ggf_str key,
                                  const struct gg_kv_array *a, struct gg_err *err);

#endif
