/* Limits of the format library, all in one place. What lies beyond one is refused by name. */
#ifndef GGF_GGUF_LIMITS_H
#define GGF_GGUF_LIMITS_H

#include <stdint.h>

#define GGF_MAX_HEADER_NBYTES ((uint64_t)1 << 30) /* real headers stay below 32 MiB */
#define GGF_MAX_COUNT ((uint64_t)1 << 30)         /* metadata and tensor records a file declares */
#define GGF_MAX_ALIGNMENT ((uint32_t)1 << 20)
#define GGF_DEFAULT_ALIGNMENT ((uint32_t)32)
#define GGF_MAX_DEPTH 8 /* of arrays in arrays; an array of numbers is 1 deep */

/* Names longer than this are legal, but ggml refuses them. */
#define GGF_GGML_NAME_NBYTES 63

/* The header is read in steps of half of what is there already, between these two: few reads for a
 * large one, and never much more than the header of a small one. */
#define GGF_STEP_MIN_NBYTES ((uint64_t)64 << 10)
#define GGF_STEP_MAX_NBYTES ((uint64_t)1 << 20)
#define GGF_ROOM_NBYTES ((uint64_t)16 << 20) /* address space, not memory */

/* Findings of one kind in one file; what comes after is only counted. */
#define GGF_MAX_FINDINGS 200

#endif
