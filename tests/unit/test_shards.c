/* Cutting into shards: limits, numbers and balance against trying all cuts; and in plans. */
#include "lib/plan/shards.h"

#include "lib/base/num.h"
#include "tests/plan_make.h"

#include <inttypes.h>

enum { MAX_UNITS = 11 };

static uint64_t state;

static uint64_t next_random(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static uint64_t shard_nbytes(const struct gg_shard_unit *u, size_t from, size_t to, size_t no,
                             const struct gg_shard_rules *r)
{
    uint64_t head = r->head_nbytes[no > 0], data = 0, align = r->alignment;
    for (size_t i = from; i < to; i++) {
        head += u[i].record_nbytes;
        data += u[i].data_nbytes;
    }
    return (head + align - 1) / align * align + data;
}

static bool allowed(const struct gg_shard_unit *u, size_t from, size_t to, size_t no,
                    const struct gg_shard_rules *r)
{
    uint64_t n = 0;
    for (size_t i = from; i < to; i++)
        n += u[i].n_tensors;
    return to - from <= 1 || ((r->max_tensors == 0 || n <= r->max_tensors) &&
                              (r->max_nbytes == 0 || shard_nbytes(u, from, to, no, r) <= r->max_nbytes));
}

struct best {
    size_t n;         /* fewest shards */
    uint64_t largest; /* smallest largest shard among cuts into n */
};

/* Tries all cuts; bit i of mask: one between unit i and i + 1. */
static struct best try_all(const struct gg_shard_unit *u, size_t n, const struct gg_shard_rules *r,
                           bool first_alone)
{
    struct best b = {SIZE_MAX, UINT64_MAX};
    for (uint32_t mask = 0; mask < 1u << (n - 1); mask++) {
        size_t from = 0, no = first_alone;
        uint64_t largest = 0;
        bool ok = true;
        for (size_t i = 0; i < n; i++) {
            if (i + 1 < n && !(mask >> i & 1))
                continue;
            ok = ok && (r->n_shards > 0 || allowed(u, from, i + 1, no, r));
            largest = gg_max_u64(largest, shard_nbytes(u, from, i + 1, no, r));
            from = i + 1;
            no++;
        }
        if (!ok || (r->n_shards > 0 && no != r->n_shards) || no > b.n)
            continue;
        if (no < b.n || largest < b.largest)
            b = (struct best){no, largest};
    }
    return b;
}

static size_t random_case(struct gg_shard_unit *u, struct gg_shard_rules *r)
{
    size_t n = 1 + next_random(MAX_UNITS);
    uint64_t spread = 1 + next_random(400);
    static const uint32_t alignments[] = {1, 8, 32, 64, 4096};
    *r = (struct gg_shard_rules){{100 + next_random(900), 90}, alignments[next_random(5)], 0, 0, 0, 0};
    for (size_t i = 0; i < n; i++)
        u[i] = (struct gg_shard_unit){30 + next_random(40), r->alignment * next_random(spread),
                                      1 + next_random(3)};
    uint64_t all = shard_nbytes(u, 0, n, 0, r);
    r->no_tensor_first = next_random(4) == 0;
    switch (next_random(4)) {
    case 0: r->n_shards = 1 + r->no_tensor_first + next_random(n); break;
    case 1: r->max_tensors = 1 + next_random(8); break;
    case 2: r->max_tensors = 1 + next_random(8); /* fall through */
    default: r->max_nbytes = 1 + next_random(all + 10);
    }
    return n;
}

static void check_case(const struct gg_shard_unit *u, size_t n, const struct gg_shard_rules *r)
{
    size_t shard[MAX_UNITS], k = 0, from = 0;
    struct gg_err err = {0};
    uint64_t largest = 0;
    ck_assert_msg(gg_shards_cut(shard, &k, u, n, r, &err) == GG_OK, "%s", err.msg);
    bool first_alone = shard[0] == 1;
    ck_assert_uint_le(shard[0], 1);
    if (first_alone && !r->no_tensor_first) { /* only where there is no room beside the metadata */
        ck_assert_uint_gt(shard_nbytes(u, 0, 1, 0, r), r->max_nbytes);
        ck_assert_uint_le(shard_nbytes(u, 0, 1, 1, r), r->max_nbytes);
    }
    ck_assert(first_alone || !r->no_tensor_first);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && shard[i + 1] == shard[i])
            continue;
        ck_assert_uint_eq(shard[i], i + 1 < n ? shard[i + 1] - 1 : k - 1);
        ck_assert(r->n_shards > 0 || allowed(u, from, i + 1, shard[i], r));
        largest = gg_max_u64(largest, shard_nbytes(u, from, i + 1, shard[i], r));
        from = i + 1;
    }
    struct best b = try_all(u, n, r, first_alone);
    ck_assert_uint_eq(k, b.n);
    ck_assert_msg(largest == b.largest, "largest %" PRIu64 ", could be %" PRIu64, largest, b.largest);
}

START_TEST(test_against_all_cuts)
{
    for (state = 0; state < 3000;) {
        uint64_t seed = state;
        struct gg_shard_unit u[MAX_UNITS];
        struct gg_shard_rules r;
        size_t n = random_case(u, &r);
        check_case(u, n, &r);
        state = seed + 1;
    }
}
END_TEST

/* Equal units: shards differ by one at most, and none is a remainder. */
START_TEST(test_even)
{
    enum { N = 103 };
    static struct gg_shard_unit u[N];
    size_t shard[N], k;
    for (size_t i = 0; i < N; i++)
        u[i] = (struct gg_shard_unit){40, 4096, 1};
    for (uint64_t most = 1; most <= N; most++) {
        struct gg_shard_rules r = {{90, 90}, 32, 0, most, 0, false};
        size_t count[N] = {0}, least = N, largest = 0;
        ck_assert_int_eq(gg_shards_cut(shard, &k, u, N, &r, NULL), GG_OK);
        ck_assert_uint_eq(k, (N + most - 1) / most);
        for (size_t i = 0; i < N; i++)
            count[shard[i]]++;
        for (size_t i = 0; i < k; i++) {
            least = count[i] < least ? count[i] : least;
            largest = count[i] > largest ? count[i] : largest;
        }
        ck_assert_uint_le(largest - least, 1);
    }
}
END_TEST

START_TEST(test_refused)
{
    struct gg_shard_unit u[3] = {{40, 32, 1}, {40, 32, 1}, {40, UINT64_MAX / 4 + 1, 1}};
    struct gg_shard_rules r = {.head_nbytes = {90, 90}, .alignment = 32, .n_shards = 3};
    size_t shard[3], k;
    struct gg_err err;
    ck_assert_int_eq(gg_shards_cut(shard, &k, u, 2, &r, &err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "3 shards are more than there is to fill them with: at most 2"));
    r.no_tensor_first = true;
    ck_assert_int_eq(gg_shards_cut(shard, &k, u, 2, &r, &err), GG_OK);
    ck_assert(shard[0] == 1 && shard[1] == 2 && k == 3);
    r.n_shards = 1;
    ck_assert_int_eq(gg_shards_cut(shard, &k, u, 2, &r, &err), GG_ERR_ARG);
    ck_assert_int_eq(gg_shards_cut(shard, &k, u, 0, &r, &err), GG_OK); /* nothing but metadata */
    ck_assert_uint_eq(k, 1);
    r.n_shards = UINT64_MAX;
    ck_assert_int_eq(gg_shards_cut(shard, &k, u, 2, &r, &err), GG_ERR_ARG);
    ck_assert_int_eq(gg_shards_cut(shard, &k, u, 3, &r, &err), GG_ERR_LIMIT);
}
END_TEST

/* ---- in plans ------------------------------------------------------------------------------ */

static const struct mk_row rows[] = {
    {"token_embd.weight", {256, 1000}, 0, 0},       {"blk.%d.attn_q.weight", {256, 256}, 0, 7},
    {"blk.%d.ffn_up.weight", {256, 512}, 0, 7},     {"output_norm.weight", {256}, 0, 0},
    {"output.weight", {256, 1000}, 0, 0},           {NULL, {0}, 0, 0},
};
static const struct mk_row in_layers[] = {
    {"token_embd.weight", {256, 1000}, 0, 0}, {"blk.0.attn_q.weight", {256, 256}, 0, 0},
    {"blk.0.ffn_up.weight", {256, 512}, 0, 0}, {"blk.1.attn_q.weight", {256, 256}, 0, 0},
    {"blk.1.ffn_up.weight", {256, 512}, 0, 0}, {"blk.2.attn_q.weight", {256, 256}, 0, 0},
    {"blk.2.ffn_up.weight", {256, 512}, 0, 0}, {"output_norm.weight", {256}, 0, 0},
    {NULL, {0}, 0, 0},
};

/* A limit that a shard just has is kept, one byte less is not. */
START_TEST(test_exact_limit)
{
    struct mk_model mk = {"llama", 8, 8, 8, 0, QT_F32, rows};
    struct gg_model *m = mk_skeleton(&mk);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    w.n_shards = 3;
    struct gg_plan *p = mk_plan(m, "COPY", &w, false);
    uint64_t largest = 0;
    ck_assert_uint_eq(p->outputs[0].n_files, 3);
    for (size_t i = 0; i < 3; i++)
        largest = gg_max_u64(largest, p->outputs[0].files[i].nbytes);
    gg_plan_free(p);
    w.n_shards = 0;
    for (uint64_t less = 0; less < 2; less++) {
        w.split_max_nbytes = largest - less;
        p = mk_plan(m, "COPY", &w, false);
        ck_assert_uint_eq(p->outputs[0].n_files, 3 + less);
        ck_assert_ptr_null(mk_finding(p, "split-oversize"));
        for (size_t i = 0; i < p->outputs[0].n_files; i++)
            ck_assert_uint_le(p->outputs[0].files[i].nbytes, largest - less);
        gg_plan_free(p);
    }
    gg_model_free(m);
}
END_TEST

START_TEST(test_at_layers)
{
    struct mk_model mk = {"llama", 3, 8, 8, 0, QT_F32, in_layers};
    struct gg_model *m = mk_skeleton(&mk);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    w.at_layers = true;
    w.split_max_nbytes = 1;
    struct gg_plan *p = mk_plan(m, "COPY", &w, false);
    const struct gg_plan_output *o = &p->outputs[0];
    static const size_t file[] = {0, 1, 1, 2, 2, 3, 3, 4};
    for (size_t i = 0; i < o->n_tensors; i++)
        ck_assert_uint_eq(o->tensors[i].file, file[i]);
    ck_assert_ptr_nonnull(mk_finding(p, "split-oversize"));
    gg_plan_free(p);
    gg_model_free(m);
    mk.rows = rows; /* the layers' tensors are not side by side: all of them stay together */
    mk.n_layers = 8;
    m = mk_skeleton(&mk);
    p = mk_plan(m, "COPY", &w, false);
    ck_assert_uint_eq(p->outputs[0].n_files, 4);
    ck_assert_uint_eq(p->outputs[0].files[1].n_tensors, 16);
    gg_plan_free(p);
    gg_model_free(m);
}
END_TEST

START_TEST(test_no_tensor_first)
{
    struct mk_model mk = {"llama", 8, 8, 8, 0, QT_F32, rows};
    struct gg_model *m = mk_skeleton(&mk);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    uint64_t n;
    w.no_tensor_first = true;
    w.n_shards = 4;
    struct gg_plan *p = mk_plan(m, "COPY", &w, false);
    ck_assert_uint_eq(p->outputs[0].n_files, 4);
    ck_assert_uint_eq(p->outputs[0].files[0].n_tensors, 0);
    ck_assert_uint_eq(p->outputs[0].files[1].first_tensor, 0);
    ck_assert_uint_gt(p->outputs[0].files[3].n_tensors, 0);
    gg_plan_free(p);
    w = (struct gg_plan_wishes)GG_PLAN_WISHES_INIT;
    w.always_sharded = true;
    p = mk_plan(m, "COPY", &w, false);
    ck_assert(p->outputs[0].sharded && p->outputs[0].n_files == 1);
    ck_assert(ggf_meta_get_u64(p->outputs[0].meta, "split.count", &n) && n == 1);
    gg_plan_free(p);
    gg_model_free(m);
}
END_TEST

static const struct mk_model in_eight = {"llama", 8, 8, 4, 0, QT_BF16, rows};

static void check_shards(const struct gg_plan *p, uint64_t max_nbytes, uint64_t max_tensors)
{
    const struct gg_plan_output *o = &p->outputs[0];
    size_t next = 0;
    uint64_t sum = 0, n;
    for (size_t k = 0; k < o->n_files; k++) {
        const struct gg_plan_file *f = &o->files[k];
        ck_assert_uint_eq(f->first_tensor, next);
        ck_assert_uint_ge(f->n_tensors, 1);
        if (max_nbytes > 0 && f->n_tensors > 1)
            ck_assert_uint_le(f->nbytes, max_nbytes);
        if (max_tensors > 0)
            ck_assert_uint_le(f->n_tensors, max_tensors);
        for (size_t i = 0; i < f->n_tensors; i++) {
            const struct gg_plan_tensor *t = &o->tensors[next + i];
            ck_assert_uint_eq(t->file, k);
            ck_assert_uint_eq(t->off, ggf_layout_tensor_off(f->layout, i));
            ck_assert_uint_le(t->off + t->nbytes, f->nbytes);
        }
        next += f->n_tensors;
        sum += f->nbytes;
    }
    ck_assert_uint_eq(next, o->n_tensors);
    ck_assert_uint_eq(sum, o->nbytes);
    ck_assert(o->n_files == 1 ||
              (ggf_meta_get_u64(o->meta, "split.count", &n) && n == o->n_files));
}

START_TEST(test_split)
{
    struct gg_model *m = mk_skeleton(&in_eight);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    static const uint64_t limits[] = {1, 1000, 300000, 600000, 1000000, 100000000};
    w.split_max_tensors = 5;
    struct gg_plan *p = mk_plan(m, "Q8_0", &w, false);
    ck_assert_uint_eq(p->outputs[0].n_files, (m->n_tensors + 4) / 5);
    check_shards(p, 0, 5);
    gg_plan_free(p);
    w.split_max_tensors = 0;
    for (size_t i = 0; i < GG_COUNTOF(limits); i++) {
        w.split_max_nbytes = limits[i];
        p = mk_plan(m, "Q8_0", &w, false);
        check_shards(p, limits[i], 0);
        bool over = false;
        for (size_t k = 0; k < p->outputs[0].n_files; k++)
            over = over || p->outputs[0].files[k].nbytes > limits[i];
        ck_assert_int_eq(over, mk_finding(p, "split-oversize") != NULL);
        gg_plan_free(p);
    }
    ck_assert_uint_eq(limits[5], w.split_max_nbytes);
    p = mk_plan(m, "Q8_0", &w, false); /* one file has no split keys */
    ck_assert_uint_eq(p->outputs[0].n_files, 1);
    ck_assert_ptr_null(ggf_meta_find(p->outputs[0].meta, "split.count"));
    gg_plan_free(p);
    gg_model_free(m);
}
END_TEST

/* Later shards carry their numbers and the alignment, and read back. */
START_TEST(test_split_headers)
{
    struct ggf_meta *meta = mk_meta(&in_eight);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    ck_assert_int_eq(ggf_meta_set_u32(meta, "general.alignment", 128, NULL), GG_OK);
    struct gg_model *m = mk_skeleton_meta(&in_eight, meta);
    w.split_max_tensors = 10;
    struct gg_plan *p = mk_plan(m, "Q4_K_M", &w, false);
    const struct gg_plan_output *o = &p->outputs[0];
    for (size_t k = 0; k < o->n_files; k++) {
        size_t nbytes;
        uint64_t v = 0;
        struct ggf_file *f;
        const void *header = ggf_layout_header(o->files[k].layout, &nbytes);
        ck_assert_int_eq(ggf_file_open_mem(&f, header, nbytes, "shard", GGF_HEADER_ONLY, NULL), GG_OK);
        ck_assert_uint_eq(ggf_file_alignment(f), 128);
        ck_assert_uint_eq(ggf_file_n_tensors(f), o->files[k].n_tensors);
        ck_assert(ggf_meta_get_u64(ggf_file_meta(f), "split.no", &v) && v == k);
        ck_assert(ggf_meta_get_u64(ggf_file_meta(f), "split.tensors.count", &v) && v == o->n_tensors);
        ck_assert_uint_eq(ggf_file_tensor(f, 0)->file_off, o->tensors[o->files[k].first_tensor].off);
        ck_assert_int_eq(ggf_meta_find(ggf_file_meta(f), "general.architecture") != NULL, k == 0);
        ggf_file_free(f);
    }
    gg_plan_free(p);
    gg_model_free(m);
    ggf_meta_free(meta);
}
END_TEST

START_TEST(test_keep_split)
{
    struct gg_model *m = mk_skeleton(&in_eight);
    struct gg_tensor *t = malloc(m->n_tensors * sizeof *t);
    const struct gg_tensor *was = m->tensors;
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    memcpy(t, was, m->n_tensors * sizeof *t);
    for (size_t i = 0; i < m->n_tensors; i++)
        t[i].file = i < 4 ? 0 : i < 10 ? 1 : 2;
    m->tensors = t;
    m->n_files = 3;
    w.keep_split = true;
    struct gg_plan *p = mk_plan(m, "Q8_0", &w, false);
    ck_assert_uint_eq(p->outputs[0].n_files, 3);
    ck_assert_uint_eq(p->outputs[0].files[0].n_tensors, 4);
    ck_assert_uint_eq(p->outputs[0].files[1].n_tensors, 6);
    check_shards(p, 0, 0);
    gg_plan_free(p);
    for (size_t i = 0; i < m->n_tensors; i++)
        t[i].file = 1 + (i > 6); /* the first shard holds metadata alone */
    p = mk_plan(m, "Q8_0", &w, false);
    ck_assert_uint_eq(p->outputs[0].n_files, 3);
    ck_assert_uint_eq(p->outputs[0].files[0].n_tensors, 0);
    ck_assert_uint_eq(p->outputs[0].files[1].n_tensors, 7);
    gg_plan_free(p);
    free(t);
    m->tensors = was;
    gg_model_free(m);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("shards");
    TCase *t = tcase_create("shards");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_against_all_cuts);
    tcase_add_test(t, test_even);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_exact_limit);
    tcase_add_test(t, test_at_layers);
    tcase_add_test(t, test_no_tensor_first);
    tcase_add_test(t, test_split);
    tcase_add_test(t, test_split_headers);
    tcase_add_test(t, test_keep_split);
    suite_add_tcase(s, t);
    return s;
}
