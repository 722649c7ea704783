/* A cursor over the header of a file, behind it a window that grows as far as it is asked to.
 *
 * The one bounds test is `n <= size - pos`; where it fails, more is read. What lies in the window
 * is named by offsets until the header is complete, for the window moves when it grows.
 */
#ifndef GGF_GGUF_CURSOR_H
#define GGF_GGUF_CURSOR_H

#include "gguf/gguf.h"
#include "gguf/gguf_bytes.h"

struct ggf_cursor {
    const struct ggf_reader *r;
    uint8_t *buf;  /* the first size bytes of the input, malloc'd */
    uint64_t size; /* bytes in buf */
    uint64_t cap;  /* room in buf */
    uint64_t pos;  /* next byte to be taken */
    uint64_t end;  /* size of the input; GG_NOWHERE until it is known */
    uint64_t want; /* after GG_ERR_TRUNCATED: the size that would have done */
    bool big_endian;
    bool len32; /* lengths and counts are 32 bits wide */
};

/* Reads on until n bytes lie before the cursor. GG_ERR_TRUNCATED (end and want say the rest),
 * GG_ERR_LIMIT (header over GGF_MAX_HEADER_NBYTES), both without touching err; GG_ERR_IO and
 * GG_ERR_NOMEM fill it. */
GG_MUST_CHECK int ggf_cursor_fill(struct ggf_cursor *c, uint64_t n, struct gg_err *err);

GG_MUST_CHECK static inline int ggf_cursor_need(struct ggf_cursor *c, uint64_t n,
                                                struct gg_err *err)
{
    return n <= c->size - c->pos ? GG_OK : ggf_cursor_fill(c, n, err);
}

/* Each takes what it names and moves on; on failure the cursor stays where it was. */
GG_MUST_CHECK static inline int ggf_cursor_skip(struct ggf_cursor *c, uint64_t n,
                                                struct gg_err *err)
{
    int rc = ggf_cursor_need(c, n, err);
    if (rc == GG_OK)
        c->pos += n;
    return rc;
}

GG_MUST_CHECK static inline int ggf_cursor_u32(struct ggf_cursor *c, uint32_t *v,
                                               struct gg_err *err)
{
    int rc = ggf_cursor_need(c, 4, err);
    if (rc == GG_OK) {
        *v = ggf_load_u32(c->buf + c->pos, c->big_endian);
        c->pos += 4;
    }
    return rc;
}

GG_MUST_CHECK static inline int ggf_cursor_u64(struct ggf_cursor *c, uint64_t *v,
                                               struct gg_err *err)
{
    int rc = ggf_cursor_need(c, 8, err);
    if (rc == GG_OK) {
        *v = ggf_load_u64(c->buf + c->pos, c->big_endian);
        c->pos += 8;
    }
    return rc;
}

GG_MUST_CHECK static inline int ggf_cursor_len(struct ggf_cursor *c, uint64_t *v,
                                               struct gg_err *err)
{
    uint32_t v32 = 0;
    if (!c->len32)
        return ggf_cursor_u64(c, v, err);
    int rc = ggf_cursor_u32(c, &v32, err);
    if (rc == GG_OK)
        *v = v32;
    return rc;
}

#endif
