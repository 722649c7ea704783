/* Which block has a scale or value that is NaN or infinite. */
#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/kscales.h"
#include "lib/quant/ref/ref.h"

#include <stddef.h>

size_t qk_ref_valid_all(const void *src, size_t n_blocks)
{
    (void)src;
    return n_blocks;
}

/* First of n records of `step` bytes whose F16 at offset a or b (which may be one) is not finite. */
static inline size_t find_f16(const void *src, size_t n, size_t step, size_t a, size_t b)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n; i++, p += step) {
        if (!qt_f16_is_finite(gg_load_u16(p + a)) || !qt_f16_is_finite(gg_load_u16(p + b)))
            return i;
    }
    return n;
}

#define VALID_TWO(name, a, b)                                                                      \
    size_t qk_ref_valid_##name(const void *src, size_t n_blocks)                                   \
    {                                                                                              \
        typedef struct qt_block_##name block;                                                      \
        return find_f16(src, n_blocks, sizeof(block), offsetof(block, a), offsetof(block, b));     \
    }
#define VALID_ONE(name) VALID_TWO(name, d, d)

VALID_ONE(q4_0)
VALID_TWO(q4_1, d, m)
VALID_ONE(q5_0)
VALID_TWO(q5_1, d, m)
VALID_ONE(q8_0)
VALID_TWO(q8_1, d, s)
VALID_TWO(q2_K, d, dmin)
VALID_ONE(q3_K)
VALID_TWO(q4_K, d, dmin)
VALID_TWO(q5_K, d, dmin)
VALID_ONE(q6_K)
VALID_ONE(iq2_xxs)
VALID_ONE(iq2_xs)
VALID_ONE(iq2_s)
VALID_ONE(iq3_xxs)
VALID_ONE(iq3_s)
VALID_ONE(iq1_s)
VALID_ONE(iq4_nl)
VALID_ONE(iq4_xs)
VALID_ONE(tq1_0)
VALID_ONE(tq2_0)
VALID_ONE(q1_0)
VALID_ONE(q2_0)

size_t qk_ref_valid_iq1_m(const void *src, size_t n_blocks)
{
    const struct qt_block_iq1_m *b = src;
    for (size_t i = 0; i < n_blocks; i++) {
        if (!qt_f16_is_finite(qk_iq1m_scale(b[i].scales)))
            return i;
    }
    return n_blocks;
}

/* 255 is E8M0's NaN. */
size_t qk_ref_valid_mxfp4(const void *src, size_t n_blocks)
{
    const struct qt_block_mxfp4 *b = src;
    for (size_t i = 0; i < n_blocks; i++) {
        if (b[i].e == 0xff)
            return i;
    }
    return n_blocks;
}

size_t qk_ref_valid_f16(const void *src, size_t n_blocks)
{
    return find_f16(src, n_blocks, 2, 0, 0);
}

size_t qk_ref_valid_bf16(const void *src, size_t n_blocks)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++) {
        if ((gg_load_u16(p + 2 * i) & 0x7f80) == 0x7f80)
            return i;
    }
    return n_blocks;
}

/* First of n records of `step` bytes that begins with an F32 that is not finite. */
static size_t find_f32(const uint8_t *p, size_t n, size_t step)
{
    for (size_t i = 0; i < n; i++, p += step) {
        if ((gg_load_u32(p) & 0x7f800000) == 0x7f800000)
            return i;
    }
    return n;
}

size_t qk_ref_valid_f32(const void *src, size_t n_blocks)
{
    return find_f32(src, n_blocks, 4);
}

size_t qk_ref_valid_q8_K(const void *src, size_t n_blocks)
{
    return find_f32(src, n_blocks, sizeof(struct qt_block_q8_K));
}

size_t qk_ref_valid_f64(const void *src, size_t n_blocks)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++) {
        if ((gg_load_u64(p + 8 * i) & 0x7ff0000000000000u) == 0x7ff0000000000000u)
            return i;
    }
    return n_blocks;
}
