/* Codebooks: what is around every lattice point, against plain search. */
#include "lib/base/num.h"
#include "lib/quant/codebook.h"
#include "lib/quant/grids.h"
#include "tests/check_main.h"

/* n_shells: how many different distances count as near (ggml: nwant). */
static const struct {
    enum qt_type type;
    const uint16_t *grid;
    int n_rows, dims, bits, n_levels, n_shells;
} books[] = {
    {QT_IQ2_XXS, qk_grid_iq2xxs, 256, 8, 2, 3, 2}, {QT_IQ2_XS, qk_grid_iq2xs, 512, 8, 2, 3, 2},
    {QT_IQ2_S, qk_grid_iq2s, 1024, 8, 2, 3, 1},    {QT_IQ3_XXS, qk_grid_iq3xxs, 256, 4, 3, 8, 2},
    {QT_IQ3_S, qk_grid_iq3s, 512, 4, 3, 8, 3},     {QT_IQ1_S, qk_grid_iq1s, 2048, 8, 2, 3, 3},
    {QT_IQ1_M, qk_grid_iq1s, 2048, 8, 2, 3, 3},
};

static int level(unsigned code, int bits, int i)
{
    return (int)(code >> bits * i) & ((1 << bits) - 1);
}

static int distance(int k, unsigned a, unsigned b)
{
    int sum = 0;
    for (int i = 0; i < books[k].dims; i++) {
        int diff = level(a, books[k].bits, i) - level(b, books[k].bits, i);
        sum += diff * diff;
    }
    return sum;
}

/* Walks distances upwards and rows within each, until enough distances had rows. */
static void check_around(int k, const struct qk_codebook *cb, unsigned code)
{
    const uint16_t *list = cb->around + (-1 - cb->row_of[code]);
    int n = 0, n_shells = 0;

    for (int d = 1; n_shells < books[k].n_shells; d++) {
        int before = n;
        ck_assert_int_lt(d, 256);
        for (int row = 0; row < books[k].n_rows; row++) {
            if (distance(k, code, books[k].grid[row]) == d) {
                n++;
                ck_assert_msg(n <= list[0] && list[n] == row, "%s: code %x: row %d at place %d",
                              qt_info(books[k].type)->name, code, row, n);
            }
        }
        n_shells += n > before;
    }
    ck_assert_int_eq(n, list[0]);
    const uint16_t *spread = cb->spread_around + (-1 - cb->row_of[code]);
    ck_assert_int_eq(spread[0], n);
    for (int i = 1; i <= n; i++)
        ck_assert_int_eq(spread[i], cb->spread[list[i]]);
}

/* Is b in every element at a or c, or between them? */
static bool between(int k, unsigned a, unsigned b, unsigned c)
{
    for (int i = 0; i < books[k].dims; i++) {
        int x = level(a, books[k].bits, i), y = level(b, books[k].bits, i);
        int z = level(c, books[k].bits, i);
        if ((y < x && y < z) || (y > x && y > z))
            return false;
    }
    return true;
}

/* Those of the rows around that have none between themselves and the code, in the same order. */
static void check_near(int k, const struct qk_codebook *cb, unsigned code)
{
    const uint16_t *list = cb->around + (-1 - cb->row_of[code]);
    const uint16_t *near = cb->near + (cb->near_of[code] >> 8) * 8;
    int n = 0;

    for (int j = 1; j <= list[0]; j++) {
        bool hidden = false;
        for (int i = 1; i <= list[0]; i++)
            hidden |= i != j && between(k, code, books[k].grid[list[i]], books[k].grid[list[j]]);
        if (!hidden)
            ck_assert_int_eq(near[n++], cb->spread[list[j]]);
    }
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(cb->near_of[code] & 255, n);
    for (; n % 8 != 0; n++)
        ck_assert_int_eq(near[n], near[0]);
}

START_TEST(rows_around_every_point)
{
    struct qk_codebook *cb = NULL;
    int n_off = 0;
    bool iq1 = books[_i].grid == qk_grid_iq1s;
    ck_assert_int_eq(qk_codebook_new(&cb, books[_i].type, NULL), GG_OK);
    ck_assert(cb->dims == books[_i].dims && cb->bits == books[_i].bits);
    ck_assert_int_eq(cb->n_rows, books[_i].n_rows);
    for (int row = 0; row < cb->n_rows; row++) {
        ck_assert_int_eq(cb->row_of[books[_i].grid[row]], row);
        ck_assert_int_eq(cb->near_of[books[_i].grid[row]], QK_ON_GRID + cb->spread[row]);
        for (int i = 0; i < cb->dims; i++)
            ck_assert_int_eq(level(cb->spread[row], 16 / cb->dims, i),
                             level(books[_i].grid[row], cb->bits, i));
        for (int i = 0; i < cb->dims; i++)
            ck_assert(cb->value[row * cb->dims + i] ==
                      (float)(level(books[_i].grid[row], cb->bits, i) * (iq1 ? 1 : 2) +
                              (iq1 ? -1 : 1)));
    }
    for (unsigned code = 0; code < 1u << cb->dims * cb->bits; code++) {
        bool point = true;
        for (int i = 0; i < cb->dims; i++)
            point &= level(code, cb->bits, i) < books[_i].n_levels;
        if (!point || cb->row_of[code] >= 0 || n_off++ % 17 != 0)
            continue;
        check_around(_i, cb, code);
        check_near(_i, cb, code);
    }
    ck_assert_int_eq(n_off, (cb->bits == 2 ? 6561 : 4096) - cb->n_rows);
    qk_codebook_free(cb);
}
END_TEST

START_TEST(other_types_have_none)
{
    struct qk_codebook *cb = NULL;
    struct gg_err err;
    size_t n = 0;
    for (size_t i = 0; i < qt_count(); i++)
        n += qk_codebook_wanted(qt_at(i)->type);
    ck_assert_uint_eq(n, GG_COUNTOF(books));
    ck_assert_int_eq(qk_codebook_new(&cb, QT_Q4_K, &err), GG_ERR_ARG);
    ck_assert_str_eq(err.msg, "q4_K has no codebook");
    ck_assert_ptr_null(cb);
    qk_codebook_free(NULL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("codebook");
    TCase *t = tcase_create("codebook");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, rows_around_every_point, 0, (int)GG_COUNTOF(books));
    tcase_add_test(t, other_types_have_none);
    suite_add_tcase(s, t);
    return s;
}
