/* Loads of numbers in either byte order, for the files of this folder. */
#ifndef GGF_GGUF_BYTES_H
#define GGF_GGUF_BYTES_H

#include "lib/base/num.h"

static inline uint16_t ggf_load_u16(const uint8_t *p, bool big_endian)
{
    uint16_t v = gg_load_u16(p);
    return big_endian ? gg_swap_u16(v) : v;
}

static inline uint32_t ggf_load_u32(const uint8_t *p, bool big_endian)
{
    uint32_t v = gg_load_u32(p);
    return big_endian ? gg_swap_u32(v) : v;
}

static inline uint64_t ggf_load_u64(const uint8_t *p, bool big_endian)
{
    uint64_t v = gg_load_u64(p);
    return big_endian ? gg_swap_u64(v) : v;
}

/* Lengths and counts: 64 bits, 32 in version 1. */
static inline size_t ggf_len_nbytes(bool len32)
{
    return len32 ? 4 : 8;
}

static inline uint64_t ggf_load_len(const uint8_t *p, bool big_endian, bool len32)
{
    return len32 ? ggf_load_u32(p, big_endian) : ggf_load_u64(p, big_endian);
}

#endif
