/* Searches for the scale of a group, shared by the encoders.
 *
 * Each gives, to the last bit, the result of the function of ggml-quants.c (2026-08-21) named with
 * it: the candidates it tries, the order of its sums and its comparisons are part of the format of
 * its bytes. All are total: finite values and weights give levels in range and no undefined
 * behaviour.
 */
#ifndef QK_REF_SEARCH_H
#define QK_REF_SEARCH_H

#include "lib/base/num.h"

#include <stdint.h>

#define QK_GROUP_MAX 32 /* longest group */

/* Rounds to nearest, ties to even, by adding 1.5 * 2^23. Exact for |v| < 2^22; beyond that
 * the low bits of the sum are read all the same: infinity gives -2^22, NaN 0, on every CPU alike.
 * Not roundf, which takes ties away from zero. */
static inline int qk_nearest_int(float v)
{
    uint32_t u = gg_bits_from_f32(v + 12582912.0f);
    return (int)(u & 0x007fffff) - 0x00400000;
}

static inline int qk_clamp_int(int v, int lo, int hi)
{
    v = v < hi ? v : hi;
    return v > lo ? v : lo;
}

/* A group whose largest magnitude is below this has scale and levels 0. */
#define QK_GROUP_EPS 1e-15f

/* x[i] ~ scale * (level[i] - nmax), levels 0 .. 2*nmax-1, the value of largest magnitude aimed at
 * level 0. Minimises sum w (x - scale q)^2 with weights w (NULL: x^2): for the inverse scales
 * (nmax + 0.1 k) / largest, k = 0, -9 .. 9, levels by rounding and the scale of least squares.
 * Returns the scale; it may be negative. Result of make_qx_quants with rmse_type 1. */
float qk_search_scale(int n, int nmax, const float *x, const float *w, int8_t *level);

/* The same form and objective with weights x^2, reached from k = 0 by improving one level at a time,
 * five times round at most. Result of make_q3_quants with do_rmse. */
float qk_search_scale_descent(int n, int nmax, const float *x, int8_t *level);

/* x[i] ~ scale * level[i] - *min_out, levels 0 .. nmax, *min_out >= 0. Minimises
 * sum w |scale level - min - x|^p, p = 1 when use_mad, else 2: first guess from the range, then
 * inverse scales (rmin + rdelta * i + nmax) / range for i = 0 .. nstep, each with the line of least
 * squares through its levels. The range is that of the best line so far: candidates depend on their
 * predecessors. n is at most QK_GROUP_MAX; w must be given. Returns the scale.
 * A range so small (below 1e-37) that its inverse is not finite is no range: levels and scale are 0.
 * Result of make_qkx2_quants, and of make_qkx3_quants when that is given weights. */
struct qk_min_search {
    int n, nmax, nstep;
    float rmin, rdelta;
    int use_mad;
};
float qk_search_scale_min(const struct qk_min_search *s, const float *x, const float *w,
                          uint8_t *level, float *min_out);

/* x[i] ~ scale * level[i] for values that are not negative, levels 0 .. nmax. Minimises
 * sum w (x - scale level)^2: the best of the inverse scales (0.1 k + nmax) / largest, k = 0, -4 .. 4,
 * then improved one level at a time, five times round at most. A value that is negative all the same
 * gets a level that wraps in 8 bits. Returns the scale. Result of make_qp_quants. */
float qk_search_scale_positive(int n, int nmax, const float *x, const float *w, uint8_t *level);

#endif
