#include "lib/sys/digest.h"

#include <nettle/sha2.h>
#include <stdlib.h>

struct gg_sha256 {
    struct sha256_ctx ctx;
};

struct gg_sha256 *gg_sha256_new(void)
{
    struct gg_sha256 *d = malloc(sizeof *d);
    if (d != NULL)
        sha256_init(&d->ctx);
    return d;
}

void gg_sha256_free(struct gg_sha256 *d)
{
    free(d);
}

void gg_sha256_add(struct gg_sha256 *d, const void *p, size_t n)
{
    sha256_update(&d->ctx, n, p);
}

void gg_sha256_add_zeros(struct gg_sha256 *d, uint64_t n)
{
    static const uint8_t zeros[4096];
    while (n > 0) {
        size_t piece = n < sizeof zeros ? (size_t)n : sizeof zeros;
        sha256_update(&d->ctx, piece, zeros);
        n -= piece;
    }
}

void gg_sha256_end(struct gg_sha256 *d, uint8_t out[32])
{
    sha256_digest(&d->ctx, SHA256_DIGEST_SIZE, out);
}
