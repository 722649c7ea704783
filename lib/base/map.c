#include "lib/base/map.h"

#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>

struct gg_map_slot {
    const void *key; /* NULL: free */
    size_t key_nbytes;
    uint64_t hash;
    uint64_t value;
};

static const char EMPTY_KEY[1]; /* stands for a NULL key of no bytes */

/* Seed from the address-space layout: unguessable enough against crafted files,
 * and no result depends on it. */
static uint64_t seed(const struct gg_map *m)
{
    return (uint64_t)(uintptr_t)&EMPTY_KEY ^ (uint64_t)(uintptr_t)m->slots << 7;
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio */
    h ^= h >> 29;
    h *= 0xBF58476D1CE4E5B9u; /* finalizer constant of SplitMix64 */
    return h ^ h >> 32;
}

static uint64_t hash_bytes(uint64_t h, const uint8_t *p, size_t n)
{
    h ^= n;
    for (; n >= 8; n -= 8, p += 8)
        h = mix(h ^ gg_load_u64(p));
    uint64_t tail = 0;
    for (size_t i = 0; i < n; i++)
        tail |= (uint64_t)p[i] << (8 * i);
    return mix(h ^ tail);
}

static struct gg_map_slot *find_slot(struct gg_map_slot *slots, size_t cap, const void *key, size_t n,
                                     uint64_t hash)
{
    for (size_t i = (size_t)hash & (cap - 1);; i = (i + 1) & (cap - 1)) {
        struct gg_map_slot *s = &slots[i];
        if (s->key == NULL ||
            (s->hash == hash && s->key_nbytes == n && memcmp(s->key, key, n) == 0))
            return s;
    }
}

bool gg_map_reserve(struct gg_map *m, size_t n)
{
    if (n > SIZE_MAX / 4 / sizeof *m->slots)
        return false;
    size_t cap = m->cap ? m->cap : 16;
    while (cap / 2 < n)
        cap *= 2;
    if (cap == m->cap)
        return true;
    struct gg_map bigger = {calloc(cap, sizeof *bigger.slots), m->n, cap};
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < m->cap; i++) {
        struct gg_map_slot s = m->slots[i];
        if (s.key == NULL)
            continue;
        s.hash = hash_bytes(seed(&bigger), s.key, s.key_nbytes);
        *find_slot(bigger.slots, cap, s.key, s.key_nbytes, s.hash) = s;
    }
    free(m->slots);
    *m = bigger;
    return true;
}

int gg_map_add(struct gg_map *m, const void *key, size_t key_nbytes, uint64_t value, uint64_t *old)
{
    if (!gg_map_reserve(m, m->n + 1))
        return -1;
    if (key_nbytes == 0)
        key = EMPTY_KEY;
    uint64_t h = hash_bytes(seed(m), key, key_nbytes);
    struct gg_map_slot *s = find_slot(m->slots, m->cap, key, key_nbytes, h);
    if (s->key != NULL) {
        if (old != NULL)
            *old = s->value;
        return 0;
    }
    *s = (struct gg_map_slot){key, key_nbytes, h, value};
    m->n++;
    return 1;
}

bool gg_map_get(const struct gg_map *m, const void *key, size_t key_nbytes, uint64_t *value)
{
    if (m->n == 0)
        return false;
    if (key_nbytes == 0)
        key = EMPTY_KEY;
    uint64_t h = hash_bytes(seed(m), key, key_nbytes);
    const struct gg_map_slot *s = find_slot(m->slots, m->cap, key, key_nbytes, h);
    if (s->key == NULL)
        return false;
    *value = s->value;
    return true;
}

void gg_map_free(struct gg_map *m)
{
    free(m->slots);
    *m = (struct gg_map)GG_MAP_INIT;
}
