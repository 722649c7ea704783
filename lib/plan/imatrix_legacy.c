/* The legacy importance matrix (".dat"), little-endian:
 *
 *     i32 entries, at least 1
 *     for each entry:  i32 name length, name;  i32 calls;  i32 nval, at least 1;  f32 values[nval]
 *     optionally:      i32 chunks;  optionally  i32 length, dataset name
 *
 * values are mean squares times calls; calls of 0 leave them as they are.
 */
#include "lib/base/num.h"
#include "lib/plan/imatrix_impl.h"

#include <inttypes.h>

enum { MIN_ENTRY_NBYTES = 4 + 1 + 4 + 4 + 4, MAX_NAME_NBYTES = 4096 };

struct legacy {
    struct gg_imatrix_all *im;
    uint64_t off;
    size_t entry; /* being read, for messages */
};

static uint64_t left(const struct legacy *r)
{
    return r->im->nbytes - r->off;
}

static int cut_short(const struct legacy *r, const char *what, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_TRUNCATED, r->off,
                   "the file ends in entry %zu, %s (%" PRIu64 " bytes are left at offset %" PRIu64 ")",
                   r->entry + 1, what, left(r), r->off);
}

static int read_i32(struct legacy *r, const char *what, int32_t *v, struct gg_err *err)
{
    uint8_t b[4];
    if (left(r) < sizeof b)
        return cut_short(r, what, err);
    int rc = gg_input_read_all(r->im->in, r->off, b, sizeof b, err);
    if (rc != GG_OK)
        return rc;
    r->off += sizeof b;
    *v = (int32_t)gg_load_u32(b);
    return GG_OK;
}

static int read_bytes(struct legacy *r, const char *what, void *dst, uint64_t n, struct gg_err *err)
{
    if (n > left(r))
        return cut_short(r, what, err);
    int rc = gg_input_read_all(r->im->in, r->off, dst, (size_t)n, err);
    r->off += rc == GG_OK ? n : 0;
    return rc;
}

static int out_of_range(const struct legacy *r, const char *what, int32_t v, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_CORRUPT, r->off - 4,
                   "entry %zu: %s is %" PRId32 " at offset %" PRIu64 "; this is no importance matrix, "
                   "or a damaged one", r->entry + 1, what, v, r->off - 4);
}

static int read_entry(struct legacy *r, struct gg_err *err)
{
    char name[MAX_NAME_NBYTES];
    int32_t nbytes, calls, nvals;
    float *counts;
    int rc = read_i32(r, "its name's length", &nbytes, err);
    if (rc != GG_OK)
        return rc;
    if (nbytes < 1 || nbytes > MAX_NAME_NBYTES)
        return out_of_range(r, "the length of its name", nbytes, err);
    rc = read_bytes(r, "its name", name, (uint64_t)nbytes, err);
    if (rc == GG_OK)
        rc = read_i32(r, "its calls", &calls, err);
    if (rc == GG_OK)
        rc = read_i32(r, "its number of values", &nvals, err);
    if (rc != GG_OK)
        return rc;
    if (nvals < 1)
        return out_of_range(r, "the number of its values", nvals, err);
    if ((uint64_t)nvals > left(r) / 4)
        return cut_short(r, "its values", err);
    rc = gg_imatrix_add(r->im, name, (size_t)nbytes, (uint64_t)nvals, 1, r->off, &counts, err);
    if (rc != GG_OK)
        return rc;
    counts[0] = calls > 0 ? (float)calls : 0;
    r->off += 4 * (uint64_t)nvals;
    return GG_OK;
}

/* Old files end without it, and some writers stop half-way through. */
static int read_trailer(struct legacy *r, struct gg_err *err)
{
    int32_t chunks, nbytes;
    if (left(r) < 4)
        return GG_OK;
    int rc = read_i32(r, "the chunks", &chunks, err);
    if (rc != GG_OK)
        return rc;
    r->im->pub.n_chunks = chunks > 0 ? (uint32_t)chunks : 0;
    if (left(r) < 4)
        return GG_OK;
    rc = read_i32(r, "the dataset", &nbytes, err);
    if (rc != GG_OK || nbytes <= 0 || (uint64_t)nbytes > left(r))
        return rc;
    char name[MAX_NAME_NBYTES];
    uint64_t n = gg_min_u64((uint64_t)nbytes, sizeof name);
    rc = read_bytes(r, "the dataset", name, n, err);
    return rc == GG_OK ? gg_imatrix_add_dataset(r->im, name, (size_t)n, err) : rc;
}

int gg_imatrix_read_legacy(struct gg_imatrix_all *im, struct gg_err *err)
{
    struct legacy r = {im, 0, 0};
    int32_t n;
    int rc = read_i32(&r, "the number of entries", &n, err);
    if (rc != GG_OK)
        return rc;
    if (n < 1 || (uint64_t)n > left(&r) / MIN_ENTRY_NBYTES)
        return gg_fail(err, GG_ERR_CORRUPT, 0,
                       "its first number, %" PRId32 " entries, fits no file of %" PRIu64
                       " bytes: this is no importance matrix, or a damaged one", n, im->nbytes);
    im->pub.legacy = true;
    for (; r.entry < (size_t)n && rc == GG_OK; r.entry++)
        rc = read_entry(&r, err);
    return rc == GG_OK ? read_trailer(&r, err) : rc;
}
