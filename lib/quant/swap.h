/* Byte order of blocks: what has more than one byte in each type, and how to turn it round. */
#ifndef QT_SWAP_H
#define QT_SWAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Turns n_blocks blocks of a type at p (any address), in place, from big- to little-endian or back.
 * A "number" is whatever ggml's decoder loads in the byte order of its host: that is what a
 * big-endian machine reads and writes. False, with nothing done, for types that are unknown. */
bool qt_swap_blocks(uint32_t type, void *p, size_t n_blocks);

#endif
