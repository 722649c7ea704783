/* Arena: many small allocations that live and die together.
 *
 * Zero-initialise, allocate, free once. Not thread-safe. Returned memory is 16-byte aligned and
 * uninitialised unless said otherwise; NULL means out of memory or a size that overflows.
 */
#ifndef GG_ARENA_H
#define GG_ARENA_H

#include <stddef.h>

struct gg_arena_chunk;
struct gg_arena {
    struct gg_arena_chunk *head;
};

#define GG_ARENA_INIT {0}

void *gg_arena_alloc(struct gg_arena *a, size_t nbytes);
void *gg_arena_zalloc(struct gg_arena *a, size_t n, size_t elem_nbytes); /* zeroed array */
char *gg_arena_strndup(struct gg_arena *a, const char *s, size_t n);     /* adds a NUL */
void gg_arena_free(struct gg_arena *a);

#endif
