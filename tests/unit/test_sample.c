/* A sample of a model: which rows it shows, and that pieces of them read alike. */
#include "lib/model/sample.h"

#include "lib/quant/qtype.h"
#include "tests/check_main.h"

#include <stdlib.h>
#include <string.h>

static struct gg_model *model;

static void setup(void)
{
    struct gg_err err;
    ck_assert_int_eq(gg_model_open_gguf(&model, "fixtures/models/tiny-bf16.gguf", 0, &err), GG_OK);
}

static void teardown(void)
{
    gg_model_free(model);
}

static uint8_t *read_all(const struct gg_model *m, size_t i)
{
    uint8_t *p = malloc(m->tensors[i].nbytes);
    struct gg_err err;
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(m->source->ops->read(m->source, i, 0, m->tensors[i].nelems, p, &err), GG_OK);
    return p;
}

/* Each row of the sample is one of its own run of stored rows, in order. */
static void check_rows(const struct gg_model *s, size_t i)
{
    const struct gg_tensor *t = &s->tensors[i], *all = &model->tensors[i];
    uint64_t row = t->nbytes / t->ne[1], n = t->ne[1], each = all->ne[1] / n, more = all->ne[1] % n;
    uint8_t *some = read_all(s, i), *whole = read_all(model, i);
    for (uint64_t k = 0; k < n; k++) {
        uint64_t first = k * each + (k < more ? k : more), found = 0;
        for (uint64_t r = first; r < first + each + (k < more); r++)
            found += memcmp(some + k * row, whole + r * row, row) == 0;
        ck_assert_uint_ge(found, 1);
    }
    free(some);
    free(whole);
}

START_TEST(rows_are_strewn)
{
    struct gg_model *s;
    struct gg_err err;
    ck_assert_int_eq(gg_model_sample(&s, model, 100, 5, &err), GG_OK);
    for (size_t i = 0; i < s->n_tensors; i++) {
        ck_assert_uint_eq(s->tensors[i].ne[1], model->tensors[i].ne[1] < 100 ? model->tensors[i].ne[1] : 100);
        ck_assert_double_eq(gg_sample_scale(s, model, i) * (double)s->tensors[i].nelems,
                            (double)model->tensors[i].nelems);
        check_rows(s, i);
    }
    gg_model_free(s);
}
END_TEST

START_TEST(pieces_read_alike)
{
    struct gg_model *s;
    struct gg_err err;
    uint8_t piece[2 * 96];
    ck_assert_int_eq(gg_model_sample(&s, model, 7, 1, &err), GG_OK);
    uint8_t *all = read_all(s, 0);
    for (uint64_t at = 0; at + 96 <= s->tensors[0].nelems; at += 96) {
        ck_assert_int_eq(s->source->ops->read(s->source, 0, at, 96, piece, &err), GG_OK);
        ck_assert(memcmp(piece, all + 2 * at, sizeof piece) == 0);
    }
    free(all);
    gg_model_free(s);
}
END_TEST

/* Over many seeds every row is taken about as often as any other. */
START_TEST(no_row_is_favoured)
{
    enum { SEEDS = 400 };
    struct gg_err err;
    uint8_t *whole = read_all(model, 0);
    uint64_t row = model->tensors[0].nbytes / model->tensors[0].ne[1], first = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct gg_model *s;
        ck_assert_int_eq(gg_model_sample(&s, model, model->tensors[0].ne[1] / 4, seed, &err), GG_OK);
        uint8_t *some = read_all(s, 0);
        first += memcmp(some, whole, row) == 0; /* the first of a run of four */
        free(some);
        gg_model_free(s);
    }
    ck_assert_uint_ge(first, SEEDS / 4 - 35);
    ck_assert_uint_le(first, SEEDS / 4 + 35);
    free(whole);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("sample");
    TCase *tc = tcase_create("sample");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, rows_are_strewn);
    tcase_add_test(tc, pieces_read_alike);
    tcase_add_test(tc, no_row_is_favoured);
    suite_add_tcase(s, tc);
    return s;
}
