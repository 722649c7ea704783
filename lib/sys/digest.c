#include "lib/sys/digest.h"

#include "lib/base/num.h"

#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct gg_digest {
    enum gg_digest_kind kind;
    union {
        struct sha1_ctx sha1;
        struct sha256_ctx sha256;
        XXH64_state_t *xxh64;
        XXH3_state_t *xxh3;
    } u;
};

/* ---- the kinds ------------------------------------------------------------------------------- */

static void xxh64_start(struct gg_digest *d)
{
    XXH64_reset(d->u.xxh64, 0);
}

static void xxh64_add(struct gg_digest *d, const void *p, size_t n)
{
    XXH64_update(d->u.xxh64, p, n);
}

static void xxh64_end(struct gg_digest *d, uint8_t *out)
{
    XXH64_canonical_t c;
    XXH64_canonicalFromHash(&c, XXH64_digest(d->u.xxh64));
    memcpy(out, c.digest, sizeof c.digest);
}

static void xxh3_start(struct gg_digest *d)
{
    XXH3_128bits_reset(d->u.xxh3);
}

static void xxh3_add(struct gg_digest *d, const void *p, size_t n)
{
    XXH3_128bits_update(d->u.xxh3, p, n);
}

static void xxh3_end(struct gg_digest *d, uint8_t *out)
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits_digest(d->u.xxh3));
    memcpy(out, c.digest, sizeof c.digest);
}

static void sha1_start(struct gg_digest *d)
{
    sha1_init(&d->u.sha1);
}

static void sha1_add(struct gg_digest *d, const void *p, size_t n)
{
    sha1_update(&d->u.sha1, n, p);
}

static void sha1_end(struct gg_digest *d, uint8_t *out)
{
    sha1_digest(&d->u.sha1, SHA1_DIGEST_SIZE, out);
}

static void sha256_start(struct gg_digest *d)
{
    sha256_init(&d->u.sha256);
}

static void sha256_add(struct gg_digest *d, const void *p, size_t n)
{
    sha256_update(&d->u.sha256, n, p);
}

static void sha256_end(struct gg_digest *d, uint8_t *out)
{
    sha256_digest(&d->u.sha256, SHA256_DIGEST_SIZE, out);
}

/* uuid5(NAMESPACE_URL, "en.wikipedia.org/wiki/Llama.cpp"), what llama-gguf-hash puts before the data. */
static const uint8_t uuid_namespace[16] = {0xef, 0x00, 0x12, 0x06, 0xda, 0xdc, 0x5f, 0x6d,
                                           0xa1, 0x5f, 0x33, 0x59, 0xe5, 0x77, 0xd4, 0xe5};

static void uuid_start(struct gg_digest *d)
{
    sha1_init(&d->u.sha1);
    sha1_update(&d->u.sha1, sizeof uuid_namespace, uuid_namespace);
}

static void uuid_end(struct gg_digest *d, uint8_t *out)
{
    sha1_digest(&d->u.sha1, 16, out);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x50); /* version 5 */
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80); /* variant 10 */
}

static const struct kind {
    const char *name;
    size_t nbytes;
    void (*start)(struct gg_digest *d);
    void (*add)(struct gg_digest *d, const void *p, size_t n);
    void (*end)(struct gg_digest *d, uint8_t *out);
} kinds[GG_DIGEST_COUNT] = {
    [GG_XXH64] = {"xxh64", 8, xxh64_start, xxh64_add, xxh64_end},
    [GG_SHA1] = {"sha1", 20, sha1_start, sha1_add, sha1_end},
    [GG_SHA256] = {"sha256", 32, sha256_start, sha256_add, sha256_end},
    [GG_XXH3_128] = {"xxh3-128", 16, xxh3_start, xxh3_add, xxh3_end},
    [GG_UUID] = {"uuid", 16, uuid_start, sha1_add, uuid_end},
};

/* ---- digests --------------------------------------------------------------------------------- */

struct gg_digest *gg_digest_new(enum gg_digest_kind kind)
{
    struct gg_digest *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->kind = kind;
    if (kind == GG_XXH64)
        d->u.xxh64 = XXH64_createState();
    else if (kind == GG_XXH3_128)
        d->u.xxh3 = XXH3_createState();
    if ((kind == GG_XXH64 && d->u.xxh64 == NULL) || (kind == GG_XXH3_128 && d->u.xxh3 == NULL)) {
        free(d);
        return NULL;
    }
    kinds[kind].start(d);
    return d;
}

void gg_digest_free(struct gg_digest *d)
{
    if (d != NULL && d->kind == GG_XXH64)
        XXH64_freeState(d->u.xxh64);
    else if (d != NULL && d->kind == GG_XXH3_128)
        XXH3_freeState(d->u.xxh3);
    free(d);
}

void gg_digest_add(struct gg_digest *d, const void *p, size_t n)
{
    kinds[d->kind].add(d, p, n);
}

void gg_digest_add_zeros(struct gg_digest *d, uint64_t n)
{
    static const uint8_t zeros[4096];
    while (n > 0) {
        size_t piece = n < sizeof zeros ? (size_t)n : sizeof zeros;
        gg_digest_add(d, zeros, piece);
        n -= piece;
    }
}

void gg_digest_end(struct gg_digest *d, uint8_t *out)
{
    kinds[d->kind].end(d, out);
    kinds[d->kind].start(d);
}

/* ---- names and texts ------------------------------------------------------------------------- */

const char *gg_digest_name(enum gg_digest_kind kind)
{
    return kinds[kind].name;
}

bool gg_digest_by_name(const char *name, size_t name_nbytes, enum gg_digest_kind *out)
{
    for (size_t i = 0; i < GG_COUNTOF(kinds); i++) {
        if (strlen(kinds[i].name) == name_nbytes && memcmp(kinds[i].name, name, name_nbytes) == 0) {
            *out = (enum gg_digest_kind)i;
            return true;
        }
    }
    return false;
}

size_t gg_digest_nbytes(enum gg_digest_kind kind)
{
    return kinds[kind].nbytes;
}

/* A dash stands before these bytes of a UUID. */
static bool dash_before(enum gg_digest_kind kind, size_t byte)
{
    return kind == GG_UUID && (byte == 4 || byte == 6 || byte == 8 || byte == 10);
}

char *gg_digest_text(char dst[GG_DIGEST_TEXT], enum gg_digest_kind kind, const uint8_t *bytes)
{
    static const char hex[] = "0123456789abcdef";
    char *p = dst;
    for (size_t i = 0; i < kinds[kind].nbytes; i++) {
        if (dash_before(kind, i))
            *p++ = '-';
        *p++ = hex[bytes[i] >> 4];
        *p++ = hex[bytes[i] & 15];
    }
    *p = '\0';
    return dst;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool gg_digest_parse(uint8_t *bytes, enum gg_digest_kind kind, const char *text, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < kinds[kind].nbytes; i++) {
        if (dash_before(kind, i) && (at >= n || text[at++] != '-'))
            return false;
        if (n < 2 || at > n - 2)
            return false;
        int hi = hex_digit(text[at]), lo = hex_digit(text[at + 1]);
        if (hi < 0 || lo < 0)
            return false;
        bytes[i] = (uint8_t)(hi << 4 | lo);
        at += 2;
    }
    return at == n;
}
