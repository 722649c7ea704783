/* lib/sys/flow: every taker gets every slab once, in its order; the lowest failure wins. */
#include "lib/sys/flow.h"
#include "tests/check_main.h"
#include "tests/dawdle.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { N_SLABS = 700, N_TAKERS = 4, SLAB = 256 };

struct trial;

struct taker {
    struct trial *t;
    enum gg_flow_order order;
    atomic_uint taken[N_SLABS];
    atomic_uint lane_next[N_SLABS]; /* by lane number: slab wanted next; 0: none yet */
    atomic_uint next, busy;
};

struct trial {
    struct taker takers[N_TAKERS];
    atomic_uint reading, read[N_SLABS], n_done, under_way;
    unsigned n_slots;
    bool in_order;
    atomic_uint next_read;
    uint64_t fail_read, fail_take;
    atomic_bool wrong;
};

/* Lane 0 changes every (no % 7)-ish slabs, lane 1 every 50. */
static bool starts(int lane, uint64_t no)
{
    return lane == 0 ? no % 7 == 0 || no % 11 == 0 : no % 50 == 0;
}

static uint64_t lane_of(int lane, uint64_t no)
{
    while (!starts(lane, no))
        no--;
    return no;
}

static void describe(void *ctx, struct gg_flow_slab *slab)
{
    (void)ctx;
    slab->nbytes = 1 + slab->no % SLAB;
    slab->starts[0] = starts(0, slab->no);
    slab->starts[1] = starts(1, slab->no);
    slab->user[2] = ~slab->no;
}

static int do_read(void *ctx, const struct gg_flow_slab *slab, void *buf, struct gg_err *err)
{
    struct trial *t = ctx;
    unsigned others = atomic_fetch_add(&t->reading, 1);
    t->wrong |= t->in_order && (others != 0 || atomic_fetch_add(&t->next_read, 1) != slab->no);
    t->wrong |= atomic_fetch_add(&t->under_way, 1) >= t->n_slots;
    atomic_fetch_add(&t->read[slab->no], 1);
    memset(buf, (int)(slab->no & 0xff), slab->nbytes);
    dawdle(slab->no);
    atomic_fetch_sub(&t->reading, 1);
    return slab->no == t->fail_read ? gg_fail(err, GG_ERR_IO, slab->no, "read") : GG_OK;
}

static int take(void *ctx, const struct gg_flow_slab *slab, struct gg_err *err)
{
    struct taker *k = ctx;
    struct trial *t = k->t;
    const uint8_t *p = slab->data;
    bool wrong = slab->user[2] != ~slab->no || p[0] != (slab->no & 0xff) ||
                 p[slab->nbytes - 1] != (slab->no & 0xff);
    if (k->order == GG_FLOW_IN_ORDER)
        wrong |= atomic_fetch_add(&k->busy, 1) != 0 || atomic_fetch_add(&k->next, 1) != slab->no;
    if (k->order == GG_FLOW_IN_LANE_0 || k->order == GG_FLOW_IN_LANE_1) {
        uint64_t lane = lane_of((int)k->order, slab->no);
        wrong |= lane + atomic_fetch_add(&k->lane_next[lane], 1) != slab->no;
    }
    wrong |= atomic_fetch_add(&k->taken[slab->no], 1) != 0;
    dawdle(slab->no + (uint64_t)k->order);
    t->wrong |= wrong;
    if (k->order == GG_FLOW_IN_ORDER)
        atomic_fetch_sub(&k->busy, 1);
    return slab->no == t->fail_take ? gg_fail(err, GG_ERR_CORRUPT, slab->no, "take") : GG_OK;
}

static void done(void *ctx, const struct gg_flow_slab *slab)
{
    struct trial *t = ctx;
    t->wrong |= atomic_fetch_add(&t->n_done, 1) != slab->no;
    atomic_fetch_sub(&t->under_way, 1);
}

static int run(struct trial *t, unsigned n_workers, unsigned n_slots, struct gg_err *err)
{
    static const enum gg_flow_order orders[N_TAKERS] = {GG_FLOW_IN_ORDER, GG_FLOW_IN_LANE_0,
                                                        GG_FLOW_ANY, GG_FLOW_IN_LANE_1};
    struct gg_flow_taker v[N_TAKERS];
    for (int i = 0; i < N_TAKERS; i++) {
        t->takers[i].t = t;
        t->takers[i].order = orders[i];
        v[i] = (struct gg_flow_taker){orders[i], take, &t->takers[i]};
    }
    t->n_slots = n_slots;
    struct gg_flow_job job = {.n_slabs = N_SLABS, .slab_nbytes = SLAB, .n_workers = n_workers,
                              .n_slots = n_slots, .read_in_order = t->in_order,
                              .describe = describe, .read = do_read, .done = done, .ctx = t,
                              .takers = v, .n_takers = N_TAKERS};
    return gg_flow_run(&job, err);
}

static struct trial *fresh(void)
{
    struct trial *t = calloc(1, sizeof *t);
    t->fail_read = t->fail_take = UINT64_MAX;
    return t;
}

static const unsigned shapes[][2] = {{1, 1}, {1, 3}, {2, 1}, {2, 12}, {7, 4}, {7, 36}};

START_TEST(test_everybody_gets_everything)
{
    struct trial *t = fresh();
    struct gg_err err;
    t->in_order = _i % 2 == 1;
    ck_assert_int_eq(run(t, shapes[_i / 2][0], shapes[_i / 2][1], &err), GG_OK);
    ck_assert(!t->wrong);
    ck_assert_uint_eq(t->n_done, N_SLABS);
    for (int i = 0; i < N_SLABS; i++) {
        ck_assert_uint_eq(t->read[i], 1);
        for (int k = 0; k < N_TAKERS; k++)
            ck_assert_uint_eq(t->takers[k].taken[i], 1);
    }
    free(t);
}
END_TEST

START_TEST(test_lowest_failure_wins)
{
    struct trial *t = fresh();
    struct gg_err err;
    t->fail_read = 300;
    t->fail_take = 290;
    ck_assert_int_eq(run(t, shapes[_i][0], shapes[_i][1], &err), GG_ERR_CORRUPT);
    ck_assert_uint_eq(err.where, 290);
    ck_assert(!t->wrong);
    for (int k = 0; k < N_TAKERS; k++)
        ck_assert_uint_eq(t->takers[k].taken[289], 1);
    free(t);
    t = fresh();
    t->fail_read = 0;
    ck_assert_int_eq(run(t, shapes[_i][0], shapes[_i][1], &err), GG_ERR_IO);
    ck_assert_uint_eq(t->takers[0].taken[0], 0);
    free(t);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("flow");
    TCase *t = tcase_create("flow");
    tcase_add_loop_test(t, test_everybody_gets_everything, 0, 12);
    tcase_add_loop_test(t, test_lowest_failure_wins, 0, 6);
    suite_add_tcase(s, t);
    return s;
}
