/* Cutting a row of units into shards. As few as the limits allow come from filling one after the
 * other; the smallest limit that still gives so few is found by bisection; then each cut goes where
 * the rest divides evenly, as far as that limit and what must still fit behind it let it. */
#include "lib/plan/shards.h"

#include "lib/base/num.h"

#include <inttypes.h>
#include <stdlib.h>

#define MOST_NBYTES ((uint64_t)1 << 62)

struct cutter {
    const struct gg_shard_rules *r;
    size_t n;
    uint64_t *records, *data, *tensors; /* sums over the units before each, n + 1 of them */
    bool first_alone;
    uint64_t limit; /* bytes of a shard while cutting */
};

static int sum_up(struct cutter *c, const struct gg_shard_unit *u, struct gg_err *err)
{
    uint64_t all = gg_max_u64(c->r->head_nbytes[0], c->r->head_nbytes[1]);
    for (size_t i = 0; i < c->n; i++) {
        if (!gg_add_u64(all, u[i].record_nbytes, &all) ||
            !gg_add_u64(all, u[i].data_nbytes, &all) || all > MOST_NBYTES)
            return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "the model is larger than 2^62 bytes");
        c->records[i + 1] = c->records[i] + u[i].record_nbytes;
        c->data[i + 1] = c->data[i] + u[i].data_nbytes;
        c->tensors[i + 1] = c->tensors[i] + u[i].n_tensors;
    }
    return GG_OK;
}

/* Bytes of a shard of the units from .. to-1. */
static uint64_t cost(const struct cutter *c, size_t from, size_t to, bool first)
{
    uint64_t mask = (uint64_t)c->r->alignment - 1;
    uint64_t head = c->r->head_nbytes[!first] + c->records[to] - c->records[from];
    return ((head + mask) & ~mask) + c->data[to] - c->data[from];
}

static bool fits(const struct cutter *c, size_t from, size_t to, bool first)
{
    return to - from == 1 ||
           (cost(c, from, to, first) <= c->limit &&
            (c->r->max_tensors == 0 || c->tensors[to] - c->tensors[from] <= c->r->max_tensors));
}

/* The last end that a shard starting at from can have; more never fits better. */
static size_t furthest_end(const struct cutter *c, size_t from, bool first)
{
    size_t lo = from + 1, hi = c->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo + 1) / 2;
        if (fits(c, from, mid, first))
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

/* The first start that a shard ending at `to` can have. */
static size_t earliest_start(const struct cutter *c, size_t to, bool first)
{
    size_t lo = 0, hi = to > 0 ? to - 1 : 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (fits(c, mid, to, first))
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* Shards with tensors that filling one after the other under a limit takes. */
static size_t count_under(struct cutter *c, uint64_t limit)
{
    size_t n = 0;
    c->limit = limit;
    for (size_t at = 0; at < c->n; n++)
        at = furthest_end(c, at, n == 0 && !c->first_alone);
    return n;
}

/* The least limit under which k shards do, below one under which they do. */
static uint64_t least_limit(struct cutter *c, size_t k, uint64_t hi)
{
    uint64_t lo = 1;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (count_under(c, mid) <= k)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* Of the ends lo .. hi, the one whose shard comes nearest to the share of what is left. */
static size_t fairest_end(const struct cutter *c, size_t from, bool first, size_t lo, size_t hi,
                          uint64_t share)
{
    size_t least = lo;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (cost(c, from, mid, first) < share)
            lo = mid + 1;
        else
            hi = mid;
    }
    uint64_t above = cost(c, from, lo, first);
    if (lo > least && above > share && above - share > share - cost(c, from, lo - 1, first))
        lo--;
    return lo;
}

/* Cuts into k shards with tensors; that c->limit lets them be so few is known. */
static int divide(const struct cutter *c, size_t *shard, size_t k, struct gg_err *err)
{
    size_t *start = calloc(k + 1, sizeof *start); /* what lies behind it fits into the rest */
    size_t at = 0;
    if (start == NULL)
        return gg_fail_nomem(err, "the cuts");
    start[k] = c->n;
    for (size_t j = k; j-- > 0;)
        start[j] = earliest_start(c, start[j + 1], j == 0 && !c->first_alone);
    for (size_t j = 0; j < k; j++) {
        bool first = j == 0 && !c->first_alone;
        size_t lo = start[j + 1] > at ? start[j + 1] : at + 1, left = k - j - 1;
        size_t hi = furthest_end(c, at, first);
        if (hi > c->n - left)
            hi = c->n - left;
        size_t end = fairest_end(c, at, first, lo, hi, cost(c, at, c->n, first) / (left + 1));
        while (at < end)
            shard[at++] = j + c->first_alone;
    }
    free(start);
    return GG_OK;
}

static int check_number(const struct cutter *c, struct gg_err *err)
{
    uint64_t n = c->r->n_shards, most = c->n > 0 ? (uint64_t)c->n + c->first_alone : 1;
    if (n > most)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%" PRIu64
                       " shards are more than there is to fill them with: at most %" PRIu64,
                       n, most);
    if (c->n > 0 && n == c->first_alone)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "a first shard without tensors needs at least one more");
    return GG_OK;
}

static int cut(struct cutter *c, size_t *shard, size_t *n_shards, struct gg_err *err)
{
    const struct gg_shard_rules *r = c->r;
    uint64_t top = r->max_nbytes > 0 && r->n_shards == 0 ? r->max_nbytes : 2 * MOST_NBYTES;
    c->first_alone = r->no_tensor_first;
    if (c->n > 0 && cost(c, 0, 1, true) > top && cost(c, 0, 1, false) <= top)
        c->first_alone = true;
    int rc = r->n_shards > 0 ? check_number(c, err) : GG_OK;
    if (rc != GG_OK)
        return rc;
    size_t k = r->n_shards > 0 ? (size_t)r->n_shards - c->first_alone : count_under(c, top);
    *n_shards = k + c->first_alone;
    if (c->n == 0) {
        *n_shards = 1;
        return GG_OK;
    }
    uint64_t all = gg_max_u64(cost(c, 0, c->n, true), cost(c, 0, c->n, false));
    c->limit = least_limit(c, k, gg_min_u64(top, all));
    return divide(c, shard, k, err);
}

int gg_shards_cut(size_t *shard, size_t *n_shards, const struct gg_shard_unit *units, size_t n,
                  const struct gg_shard_rules *rules, struct gg_err *err)
{
    struct gg_shard_rules own = *rules;
    struct cutter c = {.r = &own, .n = n};
    if (own.n_shards > 0)
        own.max_tensors = 0;
    c.records = calloc(n + 1, sizeof *c.records);
    c.data = calloc(n + 1, sizeof *c.data);
    c.tensors = calloc(n + 1, sizeof *c.tensors);
    int rc = c.records == NULL || c.data == NULL || c.tensors == NULL
                 ? gg_fail_nomem(err, "the cuts")
                 : sum_up(&c, units, err);
    if (rc == GG_OK)
        rc = cut(&c, shard, n_shards, err);
    free(c.records);
    free(c.data);
    free(c.tensors);
    return rc;
}
