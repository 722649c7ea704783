/* Of each member: a small file or one without tensors whole, of the others what is read first. */
#include "lib/base/num.h"
#include "lib/import/unpack_impl.h"

#include <stdlib.h>
#include <string.h>

enum {
    WHOLE_NBYTES = 40 << 20, /* a tokenizer.json of the largest kind */
    SMALL_NBYTES = 1 << 20,  /* whatever it is */
    HEAD_NBYTES = 64 << 10,
    ZIP_HEAD_NBYTES = 4 << 20, /* data.pkl comes first */
    ZIP_TAIL_NBYTES = 1 << 20, /* the directory comes last */
    GGUF_HEAD_NBYTES = 24 << 20
};

/* Decides by the first bytes. */
static void decide(struct gg_keep *k, const uint8_t *p, size_t n)
{
    uint64_t size = k->e->nbytes;
    uint64_t header = n >= 9 && p[8] == '{' ? gg_load_u64(p) : UINT64_MAX;
    k->want_head = size <= WHOLE_NBYTES ? WHOLE_NBYTES : HEAD_NBYTES;
    if (header < GG_UNPACK_KEEP_NBYTES)
        k->want_head = (size_t)header + 8;
    else if (n >= 4 && memcmp(p, "PK\003\004", 4) == 0)
        k->want_head = ZIP_HEAD_NBYTES, k->want_tail = ZIP_TAIL_NBYTES;
    else if (n >= 4 && (memcmp(p, "GGUF", 4) == 0 || memcmp(p, "FUGG", 4) == 0))
        k->want_head = GGUF_HEAD_NBYTES;
    if (k->want_head < SMALL_NBYTES)
        k->want_head = size <= SMALL_NBYTES ? SMALL_NBYTES : k->want_head;
    k->want_head = (size_t)gg_min_u64(k->want_head, *k->n_left);
    if (k->want_tail > *k->n_left - k->want_head)
        k->want_tail = 0;
}

static int keep_head(struct gg_keep *k, const uint8_t *p, size_t n, struct gg_err *err)
{
    struct gg_unpack_entry *e = k->e;
    n = (size_t)gg_min_u64(n, k->want_head - e->n_head);
    if (n == 0)
        return GG_OK;
    if (e->n_head + n > k->head_cap) {
        size_t cap = (size_t)gg_min_u64(gg_max_u64(2 * k->head_cap, e->n_head + n), k->want_head);
        uint8_t *v = realloc(e->head, cap);
        if (v == NULL)
            return gg_fail_nomem(err, "the head of a member");
        e->head = v;
        k->head_cap = cap;
    }
    memcpy(e->head + e->n_head, p, n);
    e->n_head += n;
    return GG_OK;
}

static int keep_recent(struct gg_keep *k, const uint8_t *p, size_t n, struct gg_err *err)
{
    if (k->recent == NULL && (k->recent = malloc(2 * k->want_tail)) == NULL)
        return gg_fail_nomem(err, "the end of a member");
    if (n > k->want_tail) {
        p += n - k->want_tail;
        n = k->want_tail;
    }
    if (k->n_recent + n > 2 * k->want_tail) {
        size_t keep = k->want_tail;
        memmove(k->recent, k->recent + k->n_recent - keep, keep);
        k->n_recent = keep;
    }
    memcpy(k->recent + k->n_recent, p, n);
    k->n_recent += n;
    return GG_OK;
}

int gg_keep_add(struct gg_keep *k, const uint8_t *p, size_t n, struct gg_err *err)
{
    if (k->n_seen == 0)
        decide(k, p, n);
    int rc = keep_head(k, p, n, err);
    if (rc == GG_OK && k->want_tail > 0)
        rc = keep_recent(k, p, n, err);
    k->n_seen += n;
    return rc;
}

int gg_keep_end(struct gg_keep *k, struct gg_err *err)
{
    struct gg_unpack_entry *e = k->e;
    size_t n = (size_t)gg_min_u64(k->n_recent, k->want_tail);
    int rc = GG_OK;
    if (n > 0 && k->n_seen > e->n_head) {
        e->tail = malloc(n);
        if (e->tail == NULL) {
            rc = gg_fail_nomem(err, "the end of a member");
        } else {
            memcpy(e->tail, k->recent + k->n_recent - n, n);
            e->n_tail = n;
        }
    }
    *k->n_left -= e->n_head + e->n_tail;
    free(k->recent);
    return rc;
}
