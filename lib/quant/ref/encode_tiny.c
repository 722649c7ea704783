/* Encoders of the types without a search and of few bits: TQ1_0 TQ2_0 MXFP4 NVFP4 Q1_0 Q2_0.
 *
 * Arithmetic is that of quantize_row_*_ref in ggml-quants.c; weights are ignored there too. */
#include "lib/quant/blocks.h"
#include "lib/quant/grids.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/encode.h"
#include "lib/quant/ref/ref.h"

#include <string.h>

/* ---- ternary ---------------------------------------------------------------------------------- */

/* n bytes, byte j holding n_digits base-3 digits of x[j], x[j + n], ...; missing ones are 0.
 * Returns what follows in x. */
static const float *pack_trits(uint8_t *qs, const float *x, int n, int n_digits, float inverse)
{
    for (int j = 0; j < n; j++) {
        int number = 0;
        for (int digit = 0; digit < 5; digit++) {
            number *= 3;
            if (digit < n_digits)
                number += qk_round_away(x[j + digit * n] * inverse) + 1;
        }
        qs[j] = (uint8_t)((number * 256 + 242) / 243); /* a fraction of 256, rounded up */
    }
    return x + n * n_digits;
}

static void encode_tq1_0(void *block, const float *x)
{
    struct qt_block_tq1_0 *b = block;
    float d = qk_max_abs(x, 256), inverse;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    qt_f16_store(&b->d, d);
    x = pack_trits(b->qs, x, 32, 5, inverse);
    x = pack_trits(b->qs + 32, x, 16, 5, inverse);
    pack_trits(b->qh, x, 4, 4, inverse);
}

static void encode_tq2_0(void *block, const float *x)
{
    struct qt_block_tq2_0 *b = block;
    float d = qk_max_abs(x, 256), inverse;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    qt_f16_store(&b->d, d);
    for (int j = 0; j < 64; j++) {
        unsigned q = 0;
        for (int n = 0; n < 4; n++) {
            int t = qk_round_away(x[j / 32 * 128 + j % 32 + 32 * n] * inverse) + 1;
            q |= (unsigned)t << 2 * n;
        }
        b->qs[j] = (uint8_t)q;
    }
}

/* ---- 4-bit floats ----------------------------------------------------------------------------- */

/* Nearest of the sixteen values times d[j] for each of n <= 64 elements, the first of equals. Only
 * the eight magnitudes are tried: a value of the other sign is never nearer than zero, which comes
 * first. The error, rounded as the reference rounds it, decides; midpoints would not. */
static inline void nearest_fp4(const float *restrict x, int n, const float *restrict d,
                               uint8_t *restrict q)
{
    float least[64];
    int32_t best[64];
    for (int j = 0; j < n; j++) {
        least[j] = fabsf(x[j]);
        best[j] = 0;
    }
    for (int k = 1; k < 8; k++) {
        for (int j = 0; j < n; j++) {
            float error = fabsf((float)qk_fp4_values[k] * d[j] - fabsf(x[j]));
            int32_t nearer = -(error < least[j]); /* a mask: branches would keep lanes apart */
            best[j] = (best[j] & ~nearer) | (k & nearer);
            least[j] = error < least[j] ? error : least[j];
        }
    }
    for (int j = 0; j < n; j++)
        q[j] = (uint8_t)(best[j] | ((x[j] < 0) & (best[j] > 0)) << 3);
}

/* n bytes for 2n elements: the first n in the low halves. */
static inline void pack_nibbles(uint8_t *restrict qs, const uint8_t *restrict q, int n)
{
    for (int j = 0; j < n; j++)
        qs[j] = (uint8_t)(q[j] | q[j + n] << 4);
}

/* floor(log2f(v)) for a normal v > 0, where log2f is correctly rounded (glibc's is, here): the
 * exponent, except just below 2^k, where the logarithm rounds up to k itself. That takes in
 * floor(2^m * ln 2) values: half a unit of the logarithm is 2^(m-24) where it is in [2^m, 2^(m+1)),
 * and one unit of v moves it by 2^-24 / ln 2. */
static int floor_log2(float v)
{
    static const uint8_t n_below[8] = {0, 0, 1, 2, 5, 11, 22, 44}; /* by m + 1 */
    uint32_t bits = gg_bits_from_f32(v);
    int next = (int)(bits >> 23) - 126; /* v < 2^next */
    uint32_t below = 0x800000 - (bits & 0x7fffff);
    int magnitude = next > 0 ? next - 1 : -next, m = 0;
    while (magnitude >> m != 0)
        m++;
    return below <= n_below[m] ? next : next - 1;
}

/* A block below 2^-125 has no exponent of eight bits: the reference wraps it around. */
static void encode_mxfp4(void *block, const float *x)
{
    struct qt_block_mxfp4 *b = block;
    float amax = qk_max_abs(x, 32);
    int e = amax >= FLT_MIN ? floor_log2(amax) + 125 : -1;
    memset(b, 0, sizeof *b);
    if (e < 0)
        return;
    b->e = (uint8_t)e;
    float d[32];
    uint8_t q[32];
    for (int j = 0; j < 32; j++)
        d[j] = qt_f32_from_e8m0_half(b->e);
    nearest_fp4(x, 32, d, q);
    pack_nibbles(b->qs, q, 16);
}

static void encode_nvfp4(void *block, const float *x)
{
    struct qt_block_nvfp4 *b = block;
    float d[64];
    uint8_t q[64];
    for (int s = 0; s < 4; s++) {
        b->d[s] = qt_ue4m3_from_f32(qk_max_abs(x + 16 * s, 16) / 6.0f);
        for (int j = 0; j < 16; j++)
            d[16 * s + j] = qt_f32_from_ue4m3_half(b->d[s]);
    }
    nearest_fp4(x, 64, d, q);
    for (int s = 0; s < 4; s++)
        pack_nibbles(b->qs + 8 * s, q + 16 * s, 8);
}

/* ---- one and two bits ------------------------------------------------------------------------- */

static void encode_q1_0(void *block, const float *x)
{
    struct qt_block_q1_0 *b = block;
    float sum = 0;
    for (int j = 0; j < 128; j++)
        sum += fabsf(x[j]);
    qt_f16_store(&b->d, sum / 128.0f);
    for (int j = 0; j < 16; j++) {
        unsigned bits = 0;
        for (int k = 0; k < 8; k++)
            bits |= (unsigned)(x[8 * j + k] >= 0) << k;
        b->qs[j] = (uint8_t)bits;
    }
}

/* Level 3, twice the scale, is never reached: the scale is the largest magnitude. */
static void encode_q2_0(void *block, const float *x)
{
    struct qt_block_q2_0 *b = block;
    float d = qk_max_abs(x, 64), inverse;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    qt_f16_store(&b->d, d);
    for (int j = 0; j < 16; j++) {
        unsigned q = 0;
        for (int k = 0; k < 4; k++)
            q |= (unsigned)(qk_round_away(x[4 * j + k] * inverse) + 1) << 2 * k;
        b->qs[j] = (uint8_t)q;
    }
}

/* ---- entries ---------------------------------------------------------------------------------- */

QK_QUANT_BLOCKS(tq1_0, 256, encode_tq1_0)
QK_QUANT_BLOCKS(tq2_0, 256, encode_tq2_0)
QK_QUANT_BLOCKS(mxfp4, 32, encode_mxfp4)
QK_QUANT_BLOCKS(nvfp4, 64, encode_nvfp4)
QK_QUANT_BLOCKS(q1_0, 128, encode_q1_0)
QK_QUANT_BLOCKS(q2_0, 64, encode_q2_0)
