/* Facts about tensor types. All of them come from qtype.def. */
#ifndef QT_QTYPE_H
#define QT_QTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qt_type {
#define QT(id, sym, name, nelems, nbytes, flags, fallback, block) QT_##sym = id,
#include "lib/quant/qtype.def"
#undef QT
    QT_ID_END = 43, /* one past the highest known id */
    QT_NONE = 0xFFFF,
    QT_I2_S = 0x10024, /* stored as 36, which was another's as well */
};

enum qt_flags {
    QT_FLOAT = 1,          /* one IEEE or bfloat number an element */
    QT_INT = 2,            /* one integer an element */
    QT_BLOCKS = 4,         /* blocks of elements sharing scales */
    QT_ENCODES = 8,        /* we can encode it */
    QT_ACTIVATION = 16,    /* a run-time type, never a model's weights */
    QT_NEEDS_WEIGHTS = 32, /* encoding is impossible without importance weights */
    QT_REMOVED = 128,      /* once in the format */
    QT_WIDE_SCALES = 64,   /* any finite value has a scale: powers of two, or saturating ones */
};

struct qt_info {
    enum qt_type type;
    const char *name;    /* ggml's spelling: "q4_K" */
    uint32_t block_nelems;
    uint32_t block_nbytes;
    unsigned flags;
    enum qt_type fallback; /* for rows that don't fill a block; QT_NONE: there is none */
    uint32_t row_nbytes;   /* of a dialect: bytes each row has besides its blocks */
    uint32_t n_rows;       /* of a dialect: rows woven together, else 1 */
    enum qt_type plain;    /* of a dialect: what it is decoded to; QT_NONE: it is not. Else the type */
};

/* The row of a type; NULL when the id is unknown or removed. */
const struct qt_info *qt_info(uint32_t id);

/* The row of a type of a dialect, which no other function but qt_name and the two of sizes takes. */
const struct qt_info *qt_dialect(uint32_t id);

/* The id that stands in a file. */
uint32_t qt_stored_id(uint32_t id);
/* Bytes behind the rows of a whole tensor: a scale and padding. */
uint32_t qt_tail_nbytes(uint32_t id);

/* Name for any id, for messages: a known type's name; "q4_0_4_4 (removed)"; "unknown type 77"
 * (written to tmp). */
const char *qt_name(uint32_t id, char tmp[32]);
bool qt_is_removed(uint32_t id);

/* Finds a type by name in any case. NULL when there is none. */
const struct qt_info *qt_by_name(const char *name);

/* All types in id order, for loops: i from 0 to qt_count() - 1. */
size_t qt_count(void);
const struct qt_info *qt_at(size_t i);

/* The two size functions, and there are no others. Both return false when the type is unknown, the
 * product overflows 2^63 - 1, or (for columns) ne[0] does not fill whole blocks. A zero dimension
 * gives zero bytes. ne holds 4 dimensions, fastest first. */
bool qt_row_nbytes(uint32_t id, uint64_t n_cols, uint64_t *nbytes);
bool qt_tensor_nbytes(uint32_t id, const uint64_t ne[4], uint64_t *nbytes);

/* Product of 4 dimensions; false past 2^63 - 1. Checked dimension by dimension, so a zero does not
 * hide an overflow. */
bool qt_nelems(const uint64_t ne[4], uint64_t *nelems);

/* Bits per weight of a type. */
double qt_bpw(const struct qt_info *t);

#endif
