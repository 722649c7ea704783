/* gguf.h: read and write GGUF, the container format of GGML models.
 *
 * Installed as <ggtool/gguf.h>. Depends on libc alone; prints nothing, computes nothing, exits
 * never.
 *
 * Ownership in one sentence: whatever a function gives back through `struct X **out` is the
 * caller's to free with ggf_X_free (which takes NULL), and every pointer found inside a value
 * struct (ggf_str, ggf_value, ggf_kv, ggf_tensor) belongs to the object it was asked from and lives
 * as long.
 *
 * Threads: an object may be read by many threads once made; making and changing it is for one.
 *
 * Errors: functions that can fail return GG_OK or a gg_code and fill *err, which is untouched on
 * success; the message names the file, the field and the byte offset.
 */
#ifndef GGF_GGUF_H
#define GGF_GGUF_H

#include "lib/base/err.h"
#include "lib/base/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- values ------------------------------------------------------------------------------- */

/* Types of values, with their ids as stored. */
enum ggf_vtype {
    GGF_U8 = 0,
    GGF_I8 = 1,
    GGF_U16 = 2,
    GGF_I16 = 3,
    GGF_U32 = 4,
    GGF_I32 = 5,
    GGF_F32 = 6,
    GGF_BOOL = 7,
    GGF_STR = 8,
    GGF_ARR = 9,
    GGF_U64 = 10,
    GGF_I64 = 11,
    GGF_F64 = 12,
    GGF_VTYPE_COUNT = 13
};

/* "u8", "i8", ..., "str", "arr"; NULL for an unknown id. */
const char *ggf_vtype_name(uint32_t vtype);
/* Looks such a name up (any case; also "int" = i32, "float" = f32, "string" = str, "uint32"...). */
bool ggf_vtype_by_name(const char *name, enum ggf_vtype *out);
/* Bytes of one element; 0 for str and arr. */
size_t ggf_vtype_nbytes(enum ggf_vtype t);

/* Bytes from a file: any bytes, NUL included, not NUL-terminated. */
struct ggf_str {
    const char *p;
    uint64_t nbytes;
};

struct ggf_str ggf_str(const char *nul_terminated);
bool ggf_str_eq(struct ggf_str a, const char *b);

/* A value where it lies, in the byte order of its file: nothing is copied or converted until asked
 * for. Read it with ggf_as_* and ggf_iter_*. */
struct ggf_value {
    enum ggf_vtype type;
    enum ggf_vtype elem; /* element type when type is GGF_ARR */
    uint64_t count;      /* elements of an array; else 1 */
    const uint8_t *data; /* first byte of the scalar, of the text, or of the first element */
    uint64_t nbytes;     /* bytes at data */
    bool big_endian;     /* numbers at data are big-endian */
    bool len32;          /* v1: lengths inside arrays are 32 bits wide */
};

/* Conversions that cannot lose: false when the type does not fit (a negative number as u64, a float
 * as integer, a string as anything else). Any integer type serves any integer question. */
bool ggf_as_u64(const struct ggf_value *v, uint64_t *out);
bool ggf_as_i64(const struct ggf_value *v, int64_t *out);
bool ggf_as_f64(const struct ggf_value *v, double *out); /* integers and floats */
bool ggf_as_bool(const struct ggf_value *v, bool *out);
bool ggf_as_str(const struct ggf_value *v, struct ggf_str *out);

/* Walks the elements of an array, in place. */
struct ggf_iter {
    struct ggf_value array;
    const uint8_t *next;
    uint64_t left;
};
struct ggf_iter ggf_iter_begin(const struct ggf_value *array); /* of a non-array: no elements */
bool ggf_iter_next(struct ggf_iter *it, struct ggf_value *elem);
/* Copies element i .. i+n-1 of a fixed-size array to dst as host-order numbers of the element type.
 * False when out of range or the elements are strings or arrays. */
bool ggf_array_copy(const struct ggf_value *array, uint64_t first, uint64_t n, void *dst);

/* ---- metadata ----------------------------------------------------------------------------- */

struct ggf_kv {
    struct ggf_str key;
    struct ggf_value value;
    uint64_t off; /* byte offset of the key's record in its file, GG_NOWHERE when set by hand */
};

/* An ordered list of key-value pairs, found by hash. */
struct ggf_meta;

GG_MUST_CHECK int ggf_meta_new(struct ggf_meta **out, struct gg_err *err);
/* Deep copy: the result does not depend on the file that src came from. */
GG_MUST_CHECK int ggf_meta_copy(struct ggf_meta **out, const struct ggf_meta *src,
                                struct gg_err *err);
void ggf_meta_free(struct ggf_meta *m);

size_t ggf_meta_count(const struct ggf_meta *m);
const struct ggf_kv *ggf_meta_at(const struct ggf_meta *m, size_t i);
const struct ggf_kv *ggf_meta_find(const struct ggf_meta *m, const char *key); /* NULL: absent */
const struct ggf_kv *ggf_meta_find_n(const struct ggf_meta *m, const char *key, size_t nbytes);

/* Typed look-ups: false when absent or of a type that does not fit. */
bool ggf_meta_get_u64(const struct ggf_meta *m, const char *key, uint64_t *out);
bool ggf_meta_get_f64(const struct ggf_meta *m, const char *key, double *out);
bool ggf_meta_get_bool(const struct ggf_meta *m, const char *key, bool *out);
bool ggf_meta_get_str(const struct ggf_meta *m, const char *key, struct ggf_str *out);

/* Sets copy key and value; an existing key keeps its place in the order, a new one goes last. */
GG_MUST_CHECK int ggf_meta_set(struct ggf_meta *m, struct ggf_str key, const struct ggf_value *v,
                               struct gg_err *err);
GG_MUST_CHECK int ggf_meta_set_u16(struct ggf_meta *m, const char *key, uint16_t v,
                                   struct gg_err *err);
GG_MUST_CHECK int ggf_meta_set_u32(struct ggf_meta *m, const char *key, uint32_t v,
                                   struct gg_err *err);
GG_MUST_CHECK int ggf_meta_set_i32(struct ggf_meta *m, const char *key, int32_t v,
                                   struct gg_err *err);
GG_MUST_CHECK int ggf_meta_set_f32(struct ggf_meta *m, const char *key, float v,
                                   struct gg_err *err);
GG_MUST_CHECK int ggf_meta_set_bool(struct ggf_meta *m, const char *key, bool v,
                                    struct gg_err *err);
GG_MUST_CHECK int ggf_meta_set_str(struct ggf_meta *m, const char *key, struct ggf_str v,
                                   struct gg_err *err);
/* Parses text as a number or bool ("-5" as i32, "true" as bool, "inf" as f32) into the 1 to 8 bytes
 * raw, little-endian. False when it is no such value, and for str and arr. */
bool ggf_scalar_parse(enum ggf_vtype type, const char *text, uint8_t raw[8]);
/* Parses text as a value of the given scalar type ("-5" as i32, "true" as bool...) and sets it. */
GG_MUST_CHECK int ggf_meta_set_text(struct ggf_meta *m, const char *key, enum ggf_vtype type,
                                    const char *text, struct gg_err *err);
/* Removes; true when it was there. */
bool ggf_meta_unset(struct ggf_meta *m, const char *key);
bool ggf_meta_unset_n(struct ggf_meta *m, const char *key, size_t nbytes);
/* Gives a pair another key; its place and value stay. GG_ERR_ARG when there is no such pair, or one
 * of the new key already. */
GG_MUST_CHECK int ggf_meta_rename(struct ggf_meta *m, struct ggf_str key, struct ggf_str new_key,
                                  struct gg_err *err);

/* Puts the pair of one key right before that of another; false when one of them is not there. */
bool ggf_meta_move(struct ggf_meta *m, const char *key, struct ggf_str before);

/* What is known of well-known keys (gguf_keys.def). */
/* True when v has the type that the key asks for, or the key is not well known; *expected, when
 * false, says it in words. */
bool ggf_key_type_ok(struct ggf_str key, const struct ggf_value *v, const char **expected);
/* The type a new value gets, *elem when that is an array; false when the key is not well known. */
bool ggf_key_type(struct ggf_str key, enum ggf_vtype *type, enum ggf_vtype *elem);
/* True when tensors, their shapes or where they lie follow from it: architecture, alignment, the
 * place in a shard set, lengths and counts. */
bool ggf_key_fixed(struct ggf_str key);

/* ---- tensors ------------------------------------------------------------------------------ */

enum { GGF_MAX_DIMS = 4 };

struct ggf_tensor {
    struct ggf_str name;
    uint32_t type;             /* id as stored; may be unknown to us */
    uint32_t n_dims;           /* as stored, 0..4 */
    uint64_t ne[GGF_MAX_DIMS]; /* elements a dimension, fastest first; 1 behind n_dims */
    uint64_t nelems;           /* product of ne */
    uint64_t nbytes;           /* of its data; 0 when the type is unknown */
    uint64_t off;              /* of its data, from the data start, as stored */
    uint64_t file_off;         /* of its data, from the start of its file; GG_NOWHERE while the
                                  header is not complete */
    bool known;                /* the type is one we know the size of */
};

/* ---- reading ------------------------------------------------------------------------------ */

/* Where bytes come from. read fills buf with n bytes at off, or fewer at the end of the input only;
 * *got says how many. Offsets never decrease while a header is read, so a pipe will do. */
struct ggf_reader {
    void *ctx;
    int (*read)(void *ctx, uint64_t off, void *buf, size_t n, size_t *got, struct gg_err *err);
    uint64_t nbytes;  /* size of the input, or GG_NOWHERE when it cannot be known (a pipe) */
    const char *name; /* for messages; copied */
};

enum ggf_open_flags {
    GGF_STRICT = 0,      /* header complete, and data complete when the size is known */
    GGF_PARTIAL = 1,     /* on GG_ERR_TRUNCATED *out still gets what could be read */
    GGF_HEADER_ONLY = 2, /* do not ask whether the data is there */
};

/* The header of one file. */
struct ggf_file;

/* Reads the header through r, which is not kept. */
GG_MUST_CHECK int ggf_file_read(struct ggf_file **out, const struct ggf_reader *r, unsigned flags,
                                struct gg_err *err);
/* The same from a path. */
GG_MUST_CHECK int ggf_file_open(struct ggf_file **out, const char *path, unsigned flags,
                                struct gg_err *err);
/* The same from bytes in memory, which are copied as far as the header goes. */
GG_MUST_CHECK int ggf_file_open_mem(struct ggf_file **out, const void *data, size_t nbytes,
                                    const char *name, unsigned flags, struct gg_err *err);
void ggf_file_free(struct ggf_file *f);

const char *ggf_file_name(const struct ggf_file *f);
uint32_t ggf_file_version(const struct ggf_file *f);
bool ggf_file_big_endian(const struct ggf_file *f);
uint32_t ggf_file_alignment(const struct ggf_file *f);
bool ggf_file_complete(const struct ggf_file *f);          /* the whole header was there */
uint64_t ggf_file_needs_nbytes(const struct ggf_file *f);  /* least size the header asks for, as far
                                                              as is known; exact when complete */
uint64_t ggf_file_header_nbytes(const struct ggf_file *f); /* end of the last tensor record; of what
                                                              was read when not complete */
/* Both GG_NOWHERE when the header is not complete. */
uint64_t ggf_file_data_off(const struct ggf_file *f); /* header rounded up to the alignment */
uint64_t ggf_file_end_off(const struct ggf_file *f);  /* end of the last byte of tensor data; of the
                                                         header when there is no data */
uint64_t ggf_file_nbytes(const struct ggf_file *f);   /* size of the input, or GG_NOWHERE */
const struct ggf_meta *ggf_file_meta(const struct ggf_file *f);
uint64_t ggf_file_n_kv_declared(const struct ggf_file *f);      /* as the header says; more than */
uint64_t ggf_file_n_tensors_declared(const struct ggf_file *f); /* are here when it is cut short */
size_t ggf_file_n_tensors(const struct ggf_file *f);
const struct ggf_tensor *ggf_file_tensor(const struct ggf_file *f, size_t i);
const struct ggf_tensor *ggf_file_find_tensor(const struct ggf_file *f, struct ggf_str name);
/* Gaps, overlaps (GG_FAULT), unordered data, missing final padding, trailing bytes, unknown and
 * removed types, odd names, wrong-typed well-known keys, missing data (GG_FAULT). */
const struct gg_findings *ggf_file_findings(const struct ggf_file *f);
/* True when writing it again gives the same bytes: v3 little-endian, data in order without gaps,
 * known types, final padding there, no trailing bytes. (That padding is zero is not looked at.) */
bool ggf_file_canonical(const struct ggf_file *f);

/* What bytes that are not GGUF seem to be: "an HTML page", "a Git LFS pointer", "a zip archive",
 * "a safetensors file", "an old GGML/GGJT model"...; NULL when nothing is recognised. n >= 0 bytes
 * from the start of the input (64 are enough for most), whole_nbytes its size or GG_NOWHERE. */
const char *ggf_sniff(const void *data, size_t n, uint64_t whole_nbytes);

/* ---- shard sets --------------------------------------------------------------------------- */

/* All files of a model: one, or the shards PREFIX-00001-of-0000N.gguf in order. */
struct ggf_set;

/* Opens the set that path belongs to, whichever shard it names. Checked: every shard is there, its
 * split.no and split.count, split.tensors.count against the sum, no tensor name in two shards. */
GG_MUST_CHECK int ggf_set_open(struct ggf_set **out, const char *path, unsigned flags,
                               struct gg_err *err);
/* The same for a close look: files that can be read in part are taken as they are, shards that are
 * missing or cannot be read are left out, and everything that is wrong with the set becomes a
 * GG_FAULT in findings ("truncated", "shard", "shard-number", "shard-tensors", "foreign-shard",
 * "duplicate-tensor"). Fails only when path itself is no GGUF file. What is odd about each file is
 * still its own. */
GG_MUST_CHECK int ggf_set_examine(struct ggf_set **out, const char *path,
                                  struct gg_findings *findings, struct gg_err *err);
/* Opens the files of a set from elsewhere than the file system (an archive): as ggf_file_read does, a
 * file that is not there being GG_ERR_IO with sys ENOENT. The file's name must end as path does. */
struct ggf_opener {
    void *ctx;
    int (*open)(void *ctx, const char *path, unsigned flags, struct ggf_file **out,
                struct gg_err *err);
};
GG_MUST_CHECK int ggf_set_open_with(struct ggf_set **out, const char *path,
                                    const struct ggf_opener *opener, unsigned flags,
                                    struct gg_err *err);
/* A set of the one file f, which the set then owns (also on failure). */
GG_MUST_CHECK int ggf_set_from_file(struct ggf_set **out, struct ggf_file *f, struct gg_err *err);
void ggf_set_free(struct ggf_set *s);
size_t ggf_set_n_files(const struct ggf_set *s);
const struct ggf_file *ggf_set_file(const struct ggf_set *s, size_t i);
const char *ggf_set_path(const struct ggf_set *s, size_t i);

/* Splits "dir/name-00002-of-00005.gguf" into prefix "dir/name" (its length), no 1 (counted from 0)
 * and count 5. */
bool ggf_split_parse(const char *path, size_t *prefix_nbytes, uint32_t *no, uint32_t *count);
/* Writes "PREFIX-%05u-of-%05u.gguf" for the 0-based shard no; false when dst is too small. */
bool ggf_split_path(char *dst, size_t dst_nbytes, const char *prefix, uint32_t no, uint32_t count);

/* ---- writing ------------------------------------------------------------------------------ */

/* A tensor to be written. */
struct ggf_tensor_spec {
    struct ggf_str name;
    uint32_t type;
    uint32_t n_dims;
    uint64_t ne[GGF_MAX_DIMS];
};

/* The exact layout of a v3 little-endian file, known before its first byte is written. The
 * alignment is that of general.alignment in meta (a u32), 32 when absent. Data lies in the order
 * given, each tensor padded with zeros to the alignment, the last one too. */
struct ggf_layout;

GG_MUST_CHECK int ggf_layout_new(struct ggf_layout **out, const struct ggf_meta *meta,
                                 const struct ggf_tensor_spec *tensors, size_t n_tensors,
                                 struct gg_err *err);
/* The same in either byte order; whoever writes the data must then write that in it, too. */
GG_MUST_CHECK int ggf_layout_new_as(struct ggf_layout **out, const struct ggf_meta *meta,
                                    const struct ggf_tensor_spec *tensors, size_t n_tensors,
                                    bool big_endian, struct gg_err *err);
void ggf_layout_free(struct ggf_layout *l);
/* The header with its padding: everything before the first tensor's data. */
const void *ggf_layout_header(const struct ggf_layout *l, size_t *nbytes);
/* Bytes of it in front of the padding: it grows by just a record's size with each tensor. */
uint64_t ggf_layout_bare_nbytes(const struct ggf_layout *l);
uint64_t ggf_layout_tensor_off(const struct ggf_layout *l, size_t i);    /* from the file's start */
uint64_t ggf_layout_tensor_nbytes(const struct ggf_layout *l, size_t i); /* without padding */
uint64_t ggf_layout_file_nbytes(const struct ggf_layout *l);
uint32_t ggf_layout_alignment(const struct ggf_layout *l);

/* The header of a file that is there, with other metadata and other tensor names (NULL: its own),
 * without padding at its end: malloc'd. The data is taken to stay as it lies, whatever its types,
 * order and gaps, so meta must have the alignment of f. Byte order and version stay; version 1
 * becomes 3. Errors: GG_ERR_ARG for two tensors of one name or another alignment, GG_ERR_LIMIT. */
GG_MUST_CHECK int ggf_file_rewrite(const struct ggf_file *f, const struct ggf_meta *meta,
                                   const struct ggf_str *names, void **out, size_t *nbytes,
                                   struct gg_err *err);

#ifdef __cplusplus
}
#endif

#endif
