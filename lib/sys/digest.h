/* Digest: the digests of bytes that come in pieces. One table in digest.c has a row for each kind. */
#ifndef GG_DIGEST_H
#define GG_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gg_digest_kind { /* in the order llama-gguf-hash prints them */
    GG_XXH64,    /* seed 0, stored most significant byte first */
    GG_SHA1,     /* FIPS 180-4 */
    GG_SHA256,   /* FIPS 180-4 */
    GG_XXH3_128, /* seed 0, canonical (most significant byte first) */
    GG_UUID,     /* version 5 (RFC 9562, 5.5) under llama.cpp's namespace: sha1 of that and the bytes */
    GG_DIGEST_COUNT
};

enum {
    GG_DIGEST_NBYTES = 32, /* of the longest */
    GG_DIGEST_TEXT = 65,   /* of the longest as text, with its NUL */
};

struct gg_digest;

/* NULL when out of memory. Freed with gg_digest_free, which takes NULL. */
struct gg_digest *gg_digest_new(enum gg_digest_kind kind);
void gg_digest_free(struct gg_digest *d);

void gg_digest_add(struct gg_digest *d, const void *p, size_t n);
void gg_digest_add_zeros(struct gg_digest *d, uint64_t n);
/* The digest of everything added, gg_digest_nbytes of it; d starts anew. */
void gg_digest_end(struct gg_digest *d, uint8_t *out);

/* "xxh64", "sha1", "sha256", "xxh3-128", "uuid" */
const char *gg_digest_name(enum gg_digest_kind kind);
bool gg_digest_by_name(const char *name, size_t name_nbytes, enum gg_digest_kind *out);
size_t gg_digest_nbytes(enum gg_digest_kind kind);
/* Lower-case hexadecimal; a UUID with its four dashes. Returns dst. */
char *gg_digest_text(char dst[GG_DIGEST_TEXT], enum gg_digest_kind kind, const uint8_t *bytes);
/* The bytes of such a text, any case; false when it is none. */
bool gg_digest_parse(uint8_t *bytes, enum gg_digest_kind kind, const char *text, size_t n);

#endif
