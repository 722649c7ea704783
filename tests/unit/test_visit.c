/* lib/stream: visits of models side by side, and scans. */
#include "tests/stream_make.h"

#include <math.h>


struct compared {
    double diff, sum;
    uint64_t n_tiles, next[MAX_TENSORS];
    size_t item;
    bool broken;
};

static int compare_tile(void *ctx, const struct gg_tile *t, void *part, void *scratch,
                        struct gg_err *err)
{
    double *p = part;
    (void)ctx;
    if (p[0] != 0 || p[1] != 0)
        return gg_fail(err, GG_ERR_BUG, 0, "a part is not zero");
    memset(scratch, 1, 1000);
    for (size_t i = 0; i < t->nelems; i++) {
        p[0] += fabs((double)t->x[0][i] - (double)t->x[1][i]);
        p[1] += (double)t->x[0][i];
    }
    if (t->raw_nbytes[0] != t->nelems * 4)
        return gg_fail(err, GG_ERR_BUG, 0, "raw bytes are off");
    return GG_OK;
}

static int combine_tile(void *ctx, const struct gg_tile *t, void *part, struct gg_err *err)
{
    struct compared *c = ctx;
    const double *p = part;
    (void)err;
    c->broken |= t->item < c->item || t->first != c->next[t->item];
    c->item = t->item;
    c->next[t->item] = t->first + t->nelems;
    c->diff += p[0];
    c->sum += p[1];
    c->n_tiles++;
    return GG_OK;
}

START_TEST(test_visit_two)
{
    struct gg_err err;
    struct gg_tensor others[MAX_TENSORS];
    struct mem_source other;
    const size_t pair[4][2] = {{6, 6}, {0, 0}, {5, 5}, {2, 2}};
    struct gg_visit_list list = {&pair[0][0], 4};
    odd_model();
    memcpy(others, fx->tensors, sizeof others);
    other = fx->source;
    other.data = malloc(fx->nbytes);
    other.tensors = others;
    memcpy(other.data, fx->source.data, fx->nbytes);
    ((float *)(void *)(other.data + others[2].file_off))[99999] += 0.5f;
    struct gg_model second = fx->model;
    second.source = &other.base;
    second.tensors = others;
    const struct gg_model *models[2] = {&fx->model, &second};
    double sum = 0;
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct compared *c = calloc(1, sizeof *c);
        struct gg_visitor v = {GG_SEE_FLOATS, 2 * sizeof(double), 1000, compare_tile, combine_tile,
                               c};
        struct gg_stream_opts o = options(&hows[i]).stream;
        ck_assert_int_eq(gg_stream_visit(models, 2, &list, &v, &o, NULL, &err), GG_OK);
        ck_assert(!c->broken);
        ck_assert(fabs(c->diff - 0.5) < 1e-6);
        ck_assert_uint_eq(c->next[3], fx->tensors[2].nelems);
        ck_assert(i == 0 || c->sum == sum);
        sum = c->sum;
        free(c);
    }
    free(other.data);
}
END_TEST

static int sum_present(void *ctx, const struct gg_tile *t, void *part, void *scratch,
                       struct gg_err *err)
{
    double *p = part;
    (void)ctx, (void)scratch, (void)err;
    for (size_t m = 0; m < 3; m++) {
        if ((t->tensor[m] == GG_NO_TENSOR) != (t->x[m] == NULL && t->raw[m] == NULL))
            return gg_fail(err, GG_ERR_BUG, 0, "a tensor that is not there is shown");
        for (size_t i = 0; t->x[m] != NULL && i < t->nelems; i++)
            p[m] += t->x[m][i];
    }
    return GG_OK;
}

static int add_present(void *ctx, const struct gg_tile *t, void *part, struct gg_err *err)
{
    const double *p = part;
    (void)err;
    for (size_t m = 0; m < 3; m++)
        ((double(*)[3])ctx)[t->item][m] += p[m];
    return GG_OK;
}

START_TEST(test_visit_three)
{
    struct gg_err err;
    const size_t tensor[2][3] = {{0, GG_NO_TENSOR, 0}, {2, 2, GG_NO_TENSOR}};
    struct gg_visit_list list = {&tensor[0][0], 2};
    odd_model();
    const struct gg_model *models[3] = {&fx->model, &fx->model, &fx->model};
    double first[2][3] = {{0}};
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        double sum[2][3] = {{0}};
        struct gg_visitor v = {GG_SEE_FLOATS, sizeof sum[0], 0, sum_present, add_present, sum};
        struct gg_stream_opts o = options(&hows[i]).stream;
        ck_assert_int_eq(gg_stream_visit(models, 3, &list, &v, &o, NULL, &err), GG_OK);
        ck_assert(sum[0][0] != 0 && sum[0][0] == sum[0][2] && sum[0][1] == 0);
        ck_assert(sum[1][0] != 0 && sum[1][0] == sum[1][1] && sum[1][2] == 0);
        if (i == 0)
            memcpy(first, sum, sizeof first);
        ck_assert_int_eq(memcmp(first, sum, sizeof first), 0);
    }
}
END_TEST

START_TEST(test_scan)
{
    struct gg_err err;
    struct gg_scan_result r[8], again[2];
    odd_model();
    floats_of(0)[5000] = INFINITY;
    floats_of(0)[4999] = NAN;
    floats_of(0)[500000] = NAN;
    floats_of(2)[140000] = -77.5f;
    floats_of(2)[140001] = 77.5f;
    fx->tensors[3].known = false;
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct gg_stream_opts o = options(&hows[i]).stream;
        ck_assert_int_eq(gg_stream_scan(&fx->model, NULL, 8, &o, r, &err), GG_OK);
        ck_assert_uint_eq(r[0].n_nan, 2);
        ck_assert_uint_eq(r[0].n_inf, 1);
        ck_assert_uint_eq(r[0].first.row, 1);
        ck_assert_uint_eq(r[0].first.col, 903);
        ck_assert(r[0].max_abs > 1.2f && r[0].max_abs < 1.3f);
        ck_assert(r[2].max_abs == 77.5f && r[2].max.elem == 140000 && r[2].max.row == 1);
        ck_assert_uint_eq(r[3].n_nan + r[3].n_inf + (r[3].max_abs > 0), 0);
        size_t some[2] = {2, 0};
        ck_assert_int_eq(gg_stream_scan(&fx->model, some, 2, &o, again, &err), GG_OK);
        ck_assert_int_eq(memcmp(&again[0], &r[2], sizeof r[2]), 0);
        ck_assert_uint_eq(again[1].n_nan, 2);
    }
    ck_assert_int_eq(gg_stream_scan(&fx->model, (size_t[]){3}, 1,
                                    &(struct gg_stream_opts){.kernels = &fx->kernels}, r, &err),
                     GG_ERR_UNSUPPORTED);
}
END_TEST

static int stop_at(void *ctx, const struct gg_tile *t, void *part, void *scratch, struct gg_err *err)
{
    (void)ctx;
    (void)part;
    (void)scratch;
    if (t->tensor[0] >= 1 && t->first > 0)
        return gg_fail(err, GG_ERR_CORRUPT, t->first, "tensor %zu at %llu", t->tensor[0],
                       (unsigned long long)t->first);
    return GG_OK;
}

START_TEST(test_visit_stops)
{
    odd_model();
    const struct gg_model *m = &fx->model;
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct gg_err err = {0};
        struct gg_visitor v = {.visit = stop_at};
        struct gg_stream_opts o = options(&hows[i]).stream;
        ck_assert_int_eq(gg_stream_visit(&m, 1, NULL, &v, &o, NULL, &err), GG_ERR_CORRUPT);
        ck_assert_str_eq(err.msg, "tensor 1 at 65536");
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("visit");
    TCase *t = tcase_create("visit");
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, test_visit_two);
    tcase_add_test(t, test_visit_three);
    tcase_add_test(t, test_scan);
    tcase_add_test(t, test_visit_stops);
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    return s;
}
