/* Scales stored in pieces: those of Q3_K, Q4_K, Q5_K and IQ1_M (layouts: blocks.h). */
#ifndef QK_REF_KSCALES_H
#define QK_REF_KSCALES_H

#include "lib/base/num.h"

#include <stdint.h>

/* Scale and minimum of group g, 0..7, from the 12 bytes of Q4_K or Q5_K. */
static inline void qk_unpack_scale_min(const uint8_t p[12], int g, int *scale, int *min)
{
    if (g < 4) {
        *scale = p[g] & 63;
        *min = p[g + 4] & 63;
    } else {
        *scale = (p[g + 4] & 15) | p[g - 4] >> 6 << 4;
        *min = p[g + 4] >> 4 | p[g] >> 6 << 4;
    }
}

/* Scale of group g, 0..15, from the 12 bytes of Q3_K; 32 is its zero. */
static inline int qk_unpack_scale6(const uint8_t p[12], int g)
{
    int low = g < 8 ? p[g] & 15 : p[g - 8] >> 4;
    return low | (p[8 + g % 4] >> 2 * (g / 4) & 3) << 4;
}

/* The F16 scale of an IQ1_M block, spread over the top four bits of its four words of scales. */
static inline uint16_t qk_iq1m_scale(const uint8_t scales[8])
{
    /* Each to its place above bit 48: nothing else gets there. */
    return (uint16_t)((gg_load_u64(scales) >> 12 & 0x000f000f000f000f) * 0x0001001001001000 >> 48);
}

#endif
