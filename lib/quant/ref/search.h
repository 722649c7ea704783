/* Searches for the scale of a group, shared by the encoders.
 *
 * Each follows ggml's arithmetic operation by operation (ggml-quants.c: make_qx_quants and
 * make_qkx2/make_qkx3_quants), since sums in another order give other bytes.
 */
#ifndef QK_REF_SEARCH_H
#define QK_REF_SEARCH_H

#include "lib/base/num.h"

#include <stdint.h>

#define QK_GROUP_MAX 32 /* longest group */

/* Rounds to nearest, ties to even, by adding 1.5 * 2^23. Exact for |v| < 2^22; beyond that (and for
 * NaN) the result is some integer of that range. Not roundf, which takes ties away from zero. */
static inline int qk_nearest_int(float v)
{
    uint32_t u = gg_bits_from_f32(v + 12582912.0f);
    return (int)(u & 0x007fffff) - 0x00400000;
}

static inline int qk_clamp_int(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* x[i] ~ scale * (level[i] - nmax), levels 0 .. 2*nmax-1. Minimises the squared error with weights w
 * (NULL: x^2) over 19 candidates. All below 1e-15: levels 0 and scale 0. Returns the scale. */
float qk_search_scale(int n, int nmax, const float *x, const float *w, int8_t *level);

/* x[i] ~ scale * level[i] - *min_out, levels 0 .. nmax, *min_out >= 0. First guess from the range,
 * then candidates (rmin + rdelta * i + nmax) / range for i = 0 .. nstep, each refined by weighted
 * least squares; the least weighted error wins, absolute when use_mad, else squared. n is at most
 * QK_GROUP_MAX. Returns the scale. */
struct qk_min_search {
    int n, nmax, nstep;
    float rmin, rdelta;
    int use_mad;
};
float qk_search_scale_min(const struct qk_min_search *s, const float *x, const float *w,
                          uint8_t *level, float *min_out);

#endif
