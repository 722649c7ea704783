#include "lib/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_NBYTES = 64 * 1024, ALIGN = 16 };

struct gg_arena_chunk {
    struct gg_arena_chunk *next;
    size_t used, cap;
    _Alignas(ALIGN) char data[];
};

void *gg_arena_alloc(struct gg_arena *a, size_t nbytes)
{
    if (nbytes > SIZE_MAX / 2)
        return NULL;
    nbytes = (nbytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct gg_arena_chunk *c = a->head;
    if (c == NULL || nbytes > c->cap - c->used) {
        size_t cap = nbytes > CHUNK_NBYTES ? nbytes : CHUNK_NBYTES;
        c = malloc(sizeof *c + cap);
        if (c == NULL)
            return NULL;
        c->next = a->head;
        c->used = 0;
        c->cap = cap;
        a->head = c;
    }
    void *p = c->data + c->used;
    c->used += nbytes;
    return p;
}

void *gg_arena_zalloc(struct gg_arena *a, size_t n, size_t elem_nbytes)
{
    if (elem_nbytes != 0 && n > SIZE_MAX / 2 / elem_nbytes)
        return NULL;
    void *p = gg_arena_alloc(a, n * elem_nbytes);
    if (p != NULL)
        memset(p, 0, n * elem_nbytes);
    return p;
}

char *gg_arena_strndup(struct gg_arena *a, const char *s, size_t n)
{
    char *p = n < SIZE_MAX ? gg_arena_alloc(a, n + 1) : NULL;
    if (p != NULL) {
        if (n > 0)
            memcpy(p, s, n);
        p[n] = '\0';
    }
    return p;
}

void gg_arena_free(struct gg_arena *a)
{
    for (struct gg_arena_chunk *c = a->head, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    a->head = NULL;
}
