/* From ranks to tokens and merges. */
#include "lib/hf/ranks.h"

#include "lib/base/num.h"

#include <stdlib.h>

enum { MAX_NBYTES = 1024, MAX_RANKS = 1 << 22 };
static const uint64_t MAX_WORK = 1ull << 30;

static int fail_rank(const struct hf_ranks *r, uint64_t rank, struct gg_err *err, const char *why)
{
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: rank %llu: %s", r->name,
                   (unsigned long long)rank, why);
}

static bool grow(struct hf_ranks *r, uint64_t n)
{
    uint64_t cap = r->n == 0 ? 0 : 1;
    while (cap != 0 && cap < r->n)
        cap *= 2;
    if (n > cap) {
        uint64_t more = cap == 0 ? 1024 : cap;
        while (more < n)
            more *= 2;
        struct hf_rank *v = realloc(r->v, (size_t)more * sizeof *v);
        if (v == NULL)
            return false;
        r->v = v;
    }
    memset(r->v + r->n, 0, (size_t)(n - r->n) * sizeof *r->v);
    r->n = n;
    return true;
}

int gg_hf_rank_add(struct hf *h, struct hf_ranks *r, uint64_t rank, const uint8_t *p, size_t n,
                   struct gg_err *err)
{
    r->work += (uint64_t)n * n;
    if (n == 0)
        return fail_rank(r, rank, err, "a token of no bytes");
    if (n > MAX_NBYTES || rank >= MAX_RANKS || r->work > MAX_WORK)
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "%s: rank %llu: more than a vocabulary holds",
                       r->name, (unsigned long long)rank);
    if (rank < r->n && r->v[rank].p != NULL)
        return fail_rank(r, rank, err, "two tokens have it");
    char *copy = gg_arena_strndup(h->arena, (const char *)p, n);
    if (copy == NULL || (rank >= r->n && !grow(r, rank + 1)))
        return gg_fail_nomem(err, "the vocabulary");
    int added = gg_map_add(&r->by_bytes, copy, n, rank, NULL);
    if (added == 0)
        return fail_rank(r, rank, err, "its token has another rank too");
    if (added < 0)
        return gg_fail_nomem(err, "the vocabulary");
    r->v[rank] = (struct hf_rank){(const uint8_t *)copy, (uint32_t)n};
    return GG_OK;
}

void gg_hf_ranks_free(struct hf_ranks *r)
{
    free(r->v);
    gg_map_free(&r->by_bytes);
}

/* ---- as text --------------------------------------------------------------------------------- */

/* GPT-2's letters for bytes: printable Latin-1 stands for itself, the others for U+0100 and on. */
static void add_letters(struct gg_buf *b, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned v = p[i], c = v;
        if (v < 33)
            c = 256 + v;
        else if (v >= 127 && v <= 160)
            c = 256 + 33 + v - 127;
        else if (v == 173)
            c = 256 + 33 + 34;
        if (c < 0x80) {
            gg_buf_addc(b, (char)c);
        } else {
            gg_buf_addc(b, (char)(0xc0 | c >> 6));
            gg_buf_addc(b, (char)(0x80 | (c & 0x3f)));
        }
    }
}

static void add_merge(struct hf *h, struct gg_buf *b, const uint8_t *p, size_t n_left, size_t n)
{
    gg_buf_reset(b);
    add_letters(b, p, n_left);
    gg_buf_addc(b, ' ');
    add_letters(b, p + n_left, n - n_left);
    gg_hf_add_str(&h->vocab.made, gg_buf_str(b), b->nbytes);
    h->vocab.n_made++;
}

/* ---- merges ---------------------------------------------------------------------------------- */

static uint64_t rank_of(const struct hf_ranks *r, const uint8_t *p, size_t n)
{
    uint64_t rank;
    return gg_map_get(&r->by_bytes, p, n, &rank) ? rank : UINT64_MAX;
}

/* Where the token falls in two when its bytes are merged by rank, itself left out; 0: into more, or it is
 * one byte. */
static size_t last_cut(const struct hf_ranks *r, uint64_t rank)
{
    const uint8_t *p = r->v[rank].p;
    size_t n = r->v[rank].nbytes, n_parts = n;
    uint16_t start[MAX_NBYTES + 1];  /* of each part; start[n_parts] is the end */
    uint64_t pair[MAX_NBYTES];       /* rank of part i and the next as one */
    for (size_t i = 0; i <= n; i++)
        start[i] = (uint16_t)i;
    for (size_t i = 0; i + 1 < n; i++)
        pair[i] = rank_of(r, p + i, 2);
    while (n_parts > 2) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n_parts; i++)
            best = pair[i] < pair[best] ? i : best;
        if (pair[best] >= rank)
            return 0;
        memmove(start + best + 1, start + best + 2, (n_parts - best - 1) * sizeof *start);
        memmove(pair + best, pair + best + 1, (n_parts - best - 2) * sizeof *pair);
        n_parts--;
        if (best + 1 < n_parts)
            pair[best] = rank_of(r, p + start[best], (size_t)(start[best + 2] - start[best]));
        if (best > 0)
            pair[best - 1] = rank_of(r, p + start[best - 1], (size_t)(start[best + 1] - start[best - 1]));
    }
    return n_parts == 2 ? start[1] : 0;
}

struct way {
    uint64_t left, right;
    size_t cut;
};

static int by_ranks(const void *a, const void *b)
{
    const struct way *x = a, *y = b;
    if (x->left != y->left)
        return x->left < y->left ? -1 : 1;
    return x->right < y->right ? -1 : x->right > y->right;
}

/* All ways to make the token of two others, those of low ranks first; their number. */
static size_t find_ways(const struct hf_ranks *r, uint64_t rank, struct way ways[MAX_NBYTES])
{
    const uint8_t *p = r->v[rank].p;
    size_t n = r->v[rank].nbytes, n_ways = 0;
    for (size_t cut = 1; cut < n; cut++) {
        struct way w = {rank_of(r, p, cut), rank_of(r, p + cut, n - cut), cut};
        if (w.left != UINT64_MAX && w.right != UINT64_MAX)
            ways[n_ways++] = w;
    }
    qsort(ways, n_ways, sizeof *ways, by_ranks);
    return n_ways;
}

/* False when the token is made of no two others: text then never becomes it. */
static bool add_merges(struct hf *h, const struct hf_ranks *r, uint64_t rank, bool all_ways,
                       struct gg_buf *b)
{
    const struct hf_rank *t = &r->v[rank];
    struct way ways[MAX_NBYTES];
    size_t n_ways = t->nbytes > 1;
    if (all_ways)
        n_ways = find_ways(r, rank, ways);
    else
        ways[0].cut = last_cut(r, rank);
    for (size_t i = 0; i < n_ways && ways[i].cut > 0; i++)
        add_merge(h, b, t->p, ways[i].cut, t->nbytes);
    return t->nbytes < 2 || (n_ways > 0 && ways[0].cut > 0);
}

int gg_hf_ranks_take(struct hf *h, const struct hf_ranks *r, uint64_t first, bool all_ways,
                     struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    uint64_t n_lone = 0, lone = 0;
    int rc = GG_OK;
    for (uint64_t i = 0; rc == GG_OK && i < r->n; i++) {
        if (r->v[i].p == NULL)
            continue;
        gg_buf_reset(&b);
        add_letters(&b, r->v[i].p, r->v[i].nbytes);
        rc = gg_hf_vocab_set(h, first + i, gg_buf_str(&b), b.nbytes, 0.0f, HF_NORMAL, err);
        if (rc == GG_OK && !add_merges(h, r, i, all_ways, &b))
            lone = n_lone++ == 0 ? i : lone;
    }
    if (n_lone > 0)
        gg_findings_add(h->notes, GG_WARN, "vocabulary", NULL, 0, GG_NOWHERE,
                        "%s: %llu tokens, the first of rank %llu, are made of no two others, so text never "
                        "becomes them",
                        r->name, (unsigned long long)n_lone, (unsigned long long)lone);
    if (rc == GG_OK && (b.failed || h->vocab.made.failed))
        rc = gg_fail_nomem(err, "the vocabulary");
    gg_buf_free(&b);
    h->vocab.model = "gpt2";
    return rc;
}
