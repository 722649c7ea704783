/* Digest: SHA-256 of bytes that come in pieces. */
#ifndef GG_DIGEST_H
#define GG_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct gg_sha256;

/* NULL when out of memory. Freed with gg_sha256_free, which takes NULL. */
struct gg_sha256 *gg_sha256_new(void);
void gg_sha256_free(struct gg_sha256 *d);

void gg_sha256_add(struct gg_sha256 *d, const void *p, size_t n);
void gg_sha256_add_zeros(struct gg_sha256 *d, uint64_t n);
/* The digest of everything added; d starts anew. */
void gg_sha256_end(struct gg_sha256 *d, uint8_t out[32]);

#endif
