#include "gguf/gguf_cursor.h"

#include "gguf/gguf_limits.h"

#include <stdlib.h>

/* Room for target bytes. What outgrows the first step gets room for any usual header at once: pages
 * never written cost nothing, and the window is not moved; then it doubles. */
static bool reserve(struct ggf_cursor *c, uint64_t target)
{
    if (target <= c->cap)
        return true;
    uint64_t cap = c->cap == 0 ? target : gg_max_u64(c->cap * 2, GGF_ROOM_NBYTES);
    cap = gg_max_u64(target, gg_min_u64(cap, c->end));
    uint8_t *buf = cap <= SIZE_MAX / 2 ? realloc(c->buf, (size_t)cap) : NULL;
    if (buf == NULL)
        return false;
    c->buf = buf;
    c->cap = cap;
    return true;
}

/* Reads from size up to target, fewer where the input ends. */
static int read_up_to(struct ggf_cursor *c, uint64_t target, struct gg_err *err)
{
    size_t n = (size_t)(target - c->size), got = 0;
    int rc = c->r->read(c->r->ctx, c->size, c->buf + c->size, n, &got, err);
    if (rc != GG_OK)
        return rc;
    if (got > n)
        return gg_fail(err, GG_ERR_BUG, c->size, "a reader gave more than it was asked for");
    c->size += got;
    if (got < n)
        c->end = c->size;
    return GG_OK;
}

int ggf_cursor_fill(struct ggf_cursor *c, uint64_t n, struct gg_err *err)
{
    if (n > GGF_MAX_HEADER_NBYTES - c->pos)
        return GG_ERR_LIMIT;
    c->want = c->pos + n;
    if (c->want > c->end)
        return GG_ERR_TRUNCATED;
    uint64_t step = gg_min_u64(gg_max_u64(c->size / 2, GGF_STEP_MIN_NBYTES), GGF_STEP_MAX_NBYTES);
    uint64_t target = gg_min_u64(gg_max_u64(c->want, c->size + step), c->end);
    while (c->size < target) {
        /* a length that lies costs memory only as far as there are bytes behind it */
        uint64_t next = gg_min_u64(target, c->size + GGF_STEP_MAX_NBYTES);
        if (!reserve(c, next))
            return gg_fail_nomem(err, "the header");
        int rc = read_up_to(c, next, err);
        if (rc != GG_OK)
            return rc;
        target = gg_min_u64(target, c->end);
    }
    return c->want <= c->size ? GG_OK : GG_ERR_TRUNCATED;
}
