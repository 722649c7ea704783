/* lib/sys/pool: every ticket once, settled in order, the lowest failure wins. */
#include "lib/sys/pool.h"
#include "tests/check_main.h"
#include "tests/dawdle.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { N_TICKETS = 5000 };

struct trial {
    atomic_uint worked[N_TICKETS];
    atomic_uint slot_taken[64];
    uint64_t slot_ticket[64];
    uint64_t settled;
    bool order_broken;
    atomic_bool slot_shared;
    uint64_t fail_work, fail_work2, fail_settle; /* tickets, or UINT64_MAX */
};

static int do_work(void *ctx, unsigned worker, unsigned slot, uint64_t ticket, struct gg_err *err)
{
    struct trial *t = ctx;
    (void)worker;
    if (atomic_fetch_add(&t->slot_taken[slot], 1) != 0)
        t->slot_shared = true;
    t->slot_ticket[slot] = ticket;
    atomic_fetch_add(&t->worked[ticket], 1);
    dawdle(ticket);
    if (ticket == t->fail_work || ticket == t->fail_work2)
        return gg_fail(err, GG_ERR_CORRUPT, ticket, "ticket %d", (int)ticket);
    return GG_OK;
}

static int do_settle(void *ctx, unsigned slot, uint64_t ticket, struct gg_err *err)
{
    struct trial *t = ctx;
    if (ticket != t->settled || t->slot_ticket[slot] != ticket)
        t->order_broken = true;
    t->settled++;
    dawdle(ticket + 3);
    atomic_fetch_sub(&t->slot_taken[slot], 1);
    if (ticket == t->fail_settle)
        return gg_fail(err, GG_ERR_IO, ticket, "settling %d", (int)ticket);
    return GG_OK;
}

static struct trial *fresh(void)
{
    struct trial *t = calloc(1, sizeof *t);
    t->fail_work = t->fail_work2 = t->fail_settle = UINT64_MAX;
    return t;
}

static int run(struct trial *t, unsigned workers, unsigned slots, struct gg_err *err)
{
    struct gg_pool_job job = {N_TICKETS, workers, slots, do_work, do_settle, t};
    int rc = gg_pool_run(&job, err);
    ck_assert(!t->order_broken);
    ck_assert(!t->slot_shared);
    return rc;
}

START_TEST(test_all_in_order)
{
    static const unsigned shapes[][2] = {{1, 1}, {1, 3}, {2, 2}, {2, 4}, {7, 7}, {7, 20}};
    struct trial *t = fresh();
    ck_assert_int_eq(run(t, shapes[_i][0], shapes[_i][1], NULL), GG_OK);
    ck_assert_uint_eq(t->settled, N_TICKETS);
    for (int i = 0; i < N_TICKETS; i++)
        ck_assert_uint_eq(t->worked[i], 1);
    free(t);
}
END_TEST

START_TEST(test_lowest_failure)
{
    for (unsigned workers = 1; workers <= 7; workers += 3) {
        struct trial *t = fresh();
        struct gg_err err = {0};
        t->fail_work = 1237;
        t->fail_work2 = 1234; /* likely to be worked side by side */
        ck_assert_int_eq(run(t, workers, 2 * workers, &err), GG_ERR_CORRUPT);
        ck_assert_str_eq(err.msg, "ticket 1234");
        ck_assert_uint_eq(t->settled, 1234);
        free(t);
    }
}
END_TEST

START_TEST(test_settle_failure)
{
    for (unsigned workers = 1; workers <= 7; workers += 3) {
        struct trial *t = fresh();
        struct gg_err err = {0};
        t->fail_work = 900;
        t->fail_settle = 899;
        ck_assert_int_eq(run(t, workers, 2 * workers, &err), GG_ERR_IO);
        ck_assert_str_eq(err.msg, "settling 899");
        ck_assert_uint_eq(t->settled, 900);
        free(t);
    }
}
END_TEST

START_TEST(test_edges)
{
    struct trial *t = fresh();
    struct gg_err err = {0};
    struct gg_pool_job none = {0, 4, 4, do_work, do_settle, t};
    ck_assert_int_eq(gg_pool_run(&none, NULL), GG_OK);
    struct gg_pool_job few_slots = {5, 4, 3, do_work, do_settle, t};
    ck_assert_int_eq(gg_pool_run(&few_slots, &err), GG_ERR_BUG);
    struct gg_pool_job no_settle = {N_TICKETS, 3, 3, do_work, NULL, t};
    memset(t->slot_taken, 0, sizeof t->slot_taken);
    ck_assert_int_eq(gg_pool_run(&no_settle, NULL), GG_OK);
    ck_assert_uint_ge(gg_pool_default_workers(), 1);
    free(t);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("pool");
    TCase *t = tcase_create("pool");
    tcase_add_loop_test(t, test_all_in_order, 0, 6);
    tcase_add_test(t, test_lowest_failure);
    tcase_add_test(t, test_settle_failure);
    tcase_add_test(t, test_edges);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return s;
}
