/* What kernels are tested with: values of many classes, and importance weights. */
#ifndef TESTS_KERN_INPUTS_H
#define TESTS_KERN_INPUTS_H

#include "lib/base/num.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s;
};

static inline uint32_t next_u32(struct rng *r)
{
    r->s ^= r->s << 13;
    r->s ^= r->s >> 7;
    r->s ^= r->s << 17;
    return (uint32_t)(r->s >> 32);
}

static inline float next_unit(struct rng *r) /* [0, 1) */
{
    return (float)(int)(next_u32(r) >> 8) * 0x1p-24f;
}

static inline float next_normal(struct rng *r)
{
    float sum = 0;
    for (int i = 0; i < 12; i++)
        sum += next_unit(r);
    return sum - 6.0f;
}

/* Any finite float whose exponent field is in [lo, hi]. */
static inline float next_wild(struct rng *r, uint32_t lo, uint32_t hi)
{
    uint32_t u = next_u32(r) & 0x807fffff;
    return gg_f32_from_bits(u | (lo + next_u32(r) % (hi - lo + 1)) << 23);
}

static float in_normal(struct rng *r, size_t i)
{
    (void)i;
    return next_normal(r);
}

/* With gaps: groups of zeros among others. */
static float in_uniform(struct rng *r, size_t i)
{
    if (i / 16 % 11 == 3 || i / 32 % 5 == 2)
        return 0.0f;
    return next_unit(r) * 2.0f - 1.0f;
}

static float in_zeros(struct rng *r, size_t i)
{
    (void)r, (void)i;
    return 0.0f;
}

static float in_signed_zeros(struct rng *r, size_t i)
{
    (void)i;
    return next_u32(r) & 1 ? 0.0f : -0.0f;
}

static float in_one_outlier(struct rng *r, size_t i)
{
    return i % 256 == 77 ? -1000.0f : 0.01f * next_normal(r);
}

static float in_constant(struct rng *r, size_t i)
{
    (void)r;
    return i / 256 % 2 ? -0.37f : 0.37f;
}

/* Small multiples of a quarter: quotients land in the middle between levels. */
static float in_ties(struct rng *r, size_t i)
{
    return i % 32 == 0 ? -8.0f : 0.25f * (float)((int)(next_u32(r) % 65) - 32);
}

static float in_tiny(struct rng *r, size_t i)
{
    (void)i;
    return next_wild(r, 0, 0);
}

static float in_small(struct rng *r, size_t i)
{
    return next_wild(r, (uint32_t)(i / 32 % 40), (uint32_t)(i / 32 % 40 + 3));
}

static float in_huge(struct rng *r, size_t i)
{
    (void)i;
    return next_wild(r, 250, 254);
}

static float in_wild(struct rng *r, size_t i)
{
    (void)i;
    return next_wild(r, 0, 254);
}

static float in_one_sided(struct rng *r, size_t i)
{
    float v = fabsf(next_normal(r)) + 0.5f;
    return i / 256 % 2 ? -v : v;
}

static float in_mixed(struct rng *r, size_t i);

static const struct {
    const char *name;
    float (*at)(struct rng *r, size_t i);
} classes[] = {
    {"normal", in_normal},     {"uniform", in_uniform},         {"zeros", in_zeros},
    {"ties", in_ties},         {"signed zeros", in_signed_zeros}, {"one outlier", in_one_outlier},
    {"constant", in_constant}, {"tiny", in_tiny},               {"small", in_small},
    {"huge", in_huge},         {"wild", in_wild},               {"one-sided", in_one_sided},
    {"mixed", in_mixed},
};

enum { N_CLASSES = GG_COUNTOF(classes), N_WEIGHTS = 3 };

/* Another class for each block of 32. */
static float in_mixed(struct rng *r, size_t i)
{
    return classes[(i / 32 * 5 + i / 256) % (N_CLASSES - 1)].at(r, i);
}

static const char *const weight_names[N_WEIGHTS] = {"none", "random", "with zeros"};

static inline void fill_weights(struct rng *r, float *w, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++) {
        float v = next_unit(r) * (next_u32(r) % 16 == 0 ? 100.0f : 1.0f) + 1e-3f;
        w[i] = kind == 2 && next_u32(r) % 3 == 0 ? 0.0f : v;
    }
}

#endif
