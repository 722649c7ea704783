/* Dialects: decoding types of GGUF files that llama.cpp does not take (the QD rows of qtype.def).
 *
 * Rows may be woven together: the blocks of one column of n_rows rows (1, 4, 8 or 16) stand together, and
 * before all of them what each row has besides. Where the bits are those of a type of ours, in another
 * order, they are put in its blocks, and nothing is lost; else values are decoded, by the operations of
 * the dialect's own reference, so that they are equal to the last bit.
 */
#ifndef QK_DIALECT_H
#define QK_DIALECT_H

#include "lib/quant/qtype.h"

/* Decodes the blocks of one column: row r goes to dst + r * stride. head is what the rows have besides. */
typedef void qk_decode_fn(float *dst, size_t stride, const uint8_t *head, const uint8_t *blocks);
/* The same to blocks of the plain type, rows `stride` bytes apart. */
typedef void qk_unweave_fn(uint8_t *dst, size_t stride, const uint8_t *blocks);

struct qk_dialect {
    uint32_t id;
    qk_decode_fn *decode;   /* plain is F32 */
    qk_unweave_fn *unweave; /* plain is a type of blocks, or of 16 bits */
};

/* The kernel of a type of a dialect; NULL: it is listed only. */
const struct qk_dialect *qk_dialect(uint32_t id);

#endif
