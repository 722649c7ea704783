/* Integers: checked arithmetic, alignment, unaligned loads and stores, byte order.
 *
 * Every size and offset that comes from a file passes through the checked functions here.
 * They return true and set *r, or return false and leave *r alone.
 */
#ifndef GG_NUM_H
#define GG_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GG_COUNTOF(a) (sizeof(a) / sizeof((a)[0]))

static inline bool gg_add_u64(uint64_t a, uint64_t b, uint64_t *r)
{
    if (b > UINT64_MAX - a)
        return false;
    *r = a + b;
    return true;
}

static inline bool gg_mul_u64(uint64_t a, uint64_t b, uint64_t *r)
{
    if (b != 0 && a > UINT64_MAX / b)
        return false;
    *r = a * b;
    return true;
}

/* Rounds v up to a multiple of align, a power of two. */
static inline bool gg_align_u64(uint64_t v, uint64_t align, uint64_t *r)
{
    uint64_t t;
    if (!gg_add_u64(v, align - 1, &t))
        return false;
    *r = t & ~(align - 1);
    return true;
}

/* True when the n bytes at off lie inside size bytes. */
static inline bool gg_in_range(uint64_t off, uint64_t n, uint64_t size)
{
    return off <= size && n <= size - off;
}

static inline bool gg_is_pow2(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

static inline uint64_t gg_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t gg_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Loads and stores of little-endian integers at any address, on any host. */
static inline uint16_t gg_load_u16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t gg_load_u32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t gg_load_u64(const void *p)
{
    const uint8_t *b = p;
    return (uint64_t)gg_load_u32(b) | (uint64_t)gg_load_u32(b + 4) << 32;
}

static inline void gg_store_u16(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
}

static inline void gg_store_u32(void *p, uint32_t v)
{
    uint8_t *b = p;
    gg_store_u16(b, (uint16_t)v);
    gg_store_u16(b + 2, (uint16_t)(v >> 16));
}

static inline void gg_store_u64(void *p, uint64_t v)
{
    uint8_t *b = p;
    gg_store_u32(b, (uint32_t)v);
    gg_store_u32(b + 4, (uint32_t)(v >> 32));
}

static inline uint16_t gg_swap_u16(uint16_t v)
{
    return (uint16_t)(v << 8 | v >> 8);
}

static inline uint32_t gg_swap_u32(uint32_t v)
{
    return (uint32_t)gg_swap_u16((uint16_t)v) << 16 | gg_swap_u16((uint16_t)(v >> 16));
}

static inline uint64_t gg_swap_u64(uint64_t v)
{
    return (uint64_t)gg_swap_u32((uint32_t)v) << 32 | gg_swap_u32((uint32_t)(v >> 32));
}

static inline float gg_f32_from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint32_t gg_bits_from_f32(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline double gg_f64_from_bits(uint64_t u)
{
    double f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint64_t gg_bits_from_f64(double f)
{
    uint64_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

#endif
