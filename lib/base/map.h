/* Hash map from byte strings (any bytes, any length) to uint64_t.
 *
 * Keys are not copied: the caller keeps their bytes alive as long as the map. Zero-initialise, free
 * once. Hashing is seeded per process so that a crafted file cannot make it slow.
 */
#ifndef GG_MAP_H
#define GG_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gg_map_slot;
struct gg_map {
    struct gg_map_slot *slots;
    size_t n, cap;
};

#define GG_MAP_INIT {0}

/* Adds key -> value. Returns 1 when added, 0 when the key was there already (unchanged; *old, which
 * may be NULL, gets its value), -1 when out of memory. */
int gg_map_add(struct gg_map *m, const void *key, size_t key_nbytes, uint64_t value, uint64_t *old);

/* Makes room for n entries in all at once. Returns false when out of memory. */
bool gg_map_reserve(struct gg_map *m, size_t n);

bool gg_map_get(const struct gg_map *m, const void *key, size_t key_nbytes, uint64_t *value);
void gg_map_free(struct gg_map *m);

#endif
