/* What the vector levels give to the kernel table. Which of them are in a build the Makefile says
 * (QK_VEC_LEVELS in kernel.c's flags). */
#ifndef QK_VEC_INIT_H
#define QK_VEC_INIT_H

#include "lib/quant/kernel.h"

/* The parts: each lib/quant/vec/PART.c defines `void qk_vec_PART_LEVEL(struct qk_table *)`. */
#define V_PARTS(X)                                                                                 \
    X(decode)                                                                                      \
    X(decode_k)                                                                                    \
    X(decode_iq)                                                                                   \
    X(encode)                                                                                      \
    X(encode_tiny)                                                                                 \
    X(encode_kmin)                                                                                 \
    X(encode_ksym)                                                                                 \
    X(encode_iq4)                                                                                  \
    X(encode_iq23)                                                                                 \
    X(encode_iq1)                                                                                  \
    X(best_scale)                                                                                  \
    X(best_line)                                                                                   \
    X(best_grid)                                                                                   \
    X(stats)

/* Puts a level's kernels into the table, over what stands there. */
void qk_init_sse2(struct qk_table *table);
void qk_init_avx2(struct qk_table *table);
void qk_init_avx512(struct qk_table *table);
void qk_init_neon(struct qk_table *table);

#define V_DECLARE(part)                                                                            \
    void qk_vec_##part##_sse2(struct qk_table *table);                                             \
    void qk_vec_##part##_avx2(struct qk_table *table);                                             \
    void qk_vec_##part##_avx512(struct qk_table *table);                                           \
    void qk_vec_##part##_neon(struct qk_table *table);
V_PARTS(V_DECLARE)
#undef V_DECLARE

#endif
