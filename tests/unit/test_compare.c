/* lib/stream/compare: what equal bytes, odd values, wide types and several models give. (That its
 * numbers are those of plain loops is tests/cli/diff-oracle.) */
#include "lib/base/num.h"
#include "lib/quant/half.h"
#include "lib/quant/qtype.h"
#include "lib/stream/compare.h"
#include "tests/check_main.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A model of a few tensors in memory. */
struct mem {
    struct gg_source source;
    struct gg_model model;
    struct gg_tensor t[4];
    void *data[4];
};

static int mem_read(struct gg_source *s, size_t i, uint64_t first, uint64_t n, void *dst,
                    struct gg_err *err)
{
    struct mem *m = (struct mem *)s;
    const struct qt_info *info = qt_info(m->t[i].type);
    (void)err;
    memcpy(dst, (char *)m->data[i] + first / info->block_nelems * info->block_nbytes,
           n / info->block_nelems * info->block_nbytes);
    return GG_OK;
}

static bool mem_extent(struct gg_source *s, size_t i, struct gg_extent *out)
{
    (void)s, (void)i, (void)out;
    return false;
}

static const struct gg_source_ops mem_ops = {.read = mem_read, .extent = mem_extent};
static struct mem mem[3];
static struct qk_table kernels;

static void *add(size_t model, uint32_t type, uint64_t ne0, uint64_t ne1, uint64_t ne2)
{
    struct mem *m = &mem[model];
    size_t i = m->model.n_tensors++;
    struct gg_tensor *t = &m->t[i];
    m->source.ops = &mem_ops;
    m->model.source = &m->source;
    m->model.tensors = m->t;
    *t = (struct gg_tensor){.name = {"t", 1}, .type = type, .n_dims = 3, .ne = {ne0, ne1, ne2, 1},
                            .nelems = ne0 * ne1 * ne2, .known = true};
    ck_assert(qt_tensor_nbytes(type, t->ne, &t->nbytes));
    m->data[i] = calloc(1, t->nbytes + 1);
    return m->data[i];
}

static void begin(void)
{
    memset(mem, 0, sizeof mem);
    qk_init(&kernels, GG_CPU_C);
}

static void end(void)
{
    for (size_t m = 0; m < 3; m++) {
        for (size_t i = 0; i < 4; i++)
            free(mem[m].data[i]);
    }
}

static void run(struct gg_compare *c, size_t n_models, size_t n, struct gg_comparison *result,
                unsigned workers)
{
    static const size_t same[12] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3};
    static const size_t same2[8] = {0, 0, 1, 1, 2, 2, 3, 3};
    const struct gg_model *models[3] = {&mem[0].model, &mem[1].model, &mem[2].model};
    struct gg_stream_opts o = {.kernels = &kernels, .n_workers = workers};
    struct gg_err err;
    c->models = models;
    c->n_models = n_models;
    c->tensor = n_models == 2 ? same2 : same;
    c->n = n;
    ck_assert_int_eq(gg_compare_run(c, &o, result, NULL, &err), GG_OK);
}

/* Tensors equal in most tiles are summed up whole; those equal in all are not looked at. */
START_TEST(test_equal_bytes)
{
    struct gg_comparison r[4];
    struct gg_compare c = {0};
    double xx = 0;
    for (size_t m = 0; m < 3; m++) {
        float *x = add(m, QT_F32, 1000, 300, 1), *y = add(m, QT_F32, 64, 4, 1);
        for (size_t i = 0; i < 300000; i++)
            x[i] = (float)(i % 17) - 8;
        y[3] = 1;
    }
    for (size_t i = 0; i < 300000; i++)
        xx += ((double)(i % 17) - 8) * ((double)(i % 17) - 8);
    ((float *)mem[2].data[0])[299999] += 2;
    for (unsigned workers = 1; workers < 4; workers++) {
        run(&c, 3, 2, r, workers);
        ck_assert_int_eq(r[0].same, GG_SAME_BYTES);
        ck_assert(r[0].sums.xx == xx && r[0].sums.ee == 0 && r[0].sums.n == 300000);
        ck_assert_int_eq(r[1].same, GG_OTHER_VALUES);
        ck_assert(r[1].sums.xx == xx && r[1].sums.ee == 4 && r[1].sums.max_at == 299999);
        ck_assert_uint_eq(r[1].sums.n_same, 299999);
        ck_assert_uint_eq(r[1].row, 299);
        ck_assert_int_eq(r[2].same, GG_SAME_BYTES);
        ck_assert_int_eq(r[3].same, GG_SAME_BYTES);
        ck_assert(r[3].sums.n == 256 && r[3].sums.xx == 0);
    }
}
END_TEST

START_TEST(test_odd_values)
{
    struct gg_comparison r[1];
    struct gg_compare c = {0};
    float *x = add(0, QT_F32, 100, 10, 1), *y = add(1, QT_F32, 100, 10, 1);
    for (size_t i = 0; i < 1000; i++)
        x[i] = y[i] = 1;
    y[0] = 3;
    x[100] = y[100] = NAN;
    x[101] = y[101] = INFINITY;
    x[102] = INFINITY, y[102] = -INFINITY;
    x[500] = NAN;
    y[999] = INFINITY;
    run(&c, 2, 1, r, 1);
    ck_assert_int_eq(r[0].same, GG_OTHER_VALUES);
    ck_assert_uint_eq(r[0].n_odd, 3);
    ck_assert_uint_eq(r[0].odd[0].elem, 102);
    ck_assert(r[0].odd[0].row == 1 && r[0].odd[0].col == 2 && r[0].odd[1].value < 0);
    ck_assert(r[0].n_nan[0] == 2 && r[0].n_nan[1] == 1 && r[0].n_inf[0] == 2 && r[0].n_inf[1] == 3);
    ck_assert_uint_eq(r[0].sums.n, 995);
    ck_assert_uint_eq(r[0].sums.n_same, 996); /* both that are odd alike */
    ck_assert(r[0].sums.ee == 4 && r[0].sums.xx == 995 && r[0].sums.max_at == 0);
}
END_TEST

/* Values float cannot tell apart. */
START_TEST(test_wide)
{
    struct gg_comparison r[3];
    struct gg_compare c = {0};
    double *x = add(0, QT_F64, 8, 4, 1), *y = add(1, QT_F64, 8, 4, 1);
    int64_t *i = add(0, QT_I64, 4, 1, 1), *j = add(1, QT_I64, 4, 1, 1);
    int32_t *k = add(0, QT_I32, 4, 1, 1);
    float *l = add(1, QT_F32, 4, 1, 1);
    for (size_t n = 0; n < 32; n++)
        x[n] = y[n] = 1;
    y[9] += 1e-12;
    i[0] = (int64_t)1 << 60;
    j[0] = i[0] + 1;
    k[1] = 16777217;
    l[1] = 16777216;
    run(&c, 2, 3, r, 1);
    ck_assert_int_eq(r[0].same, GG_OTHER_VALUES);
    ck_assert(fabs(r[0].sums.max_abs - 1e-12) < 1e-15 && r[0].sums.max_at == 9 && r[0].row == 1);
    ck_assert_int_eq(r[1].same, GG_OTHER_VALUES);
    ck_assert_uint_eq(r[1].sums.n_same, 3);
    ck_assert(r[2].sums.ee == 1 && r[2].sums.max_at == 1);
}
END_TEST

static float w[12];

static int read_weights(const struct gg_weights *of, uint64_t first, size_t n, float *dst,
                        struct gg_err *err)
{
    (void)of, (void)err;
    ck_assert(gg_in_range(first, n, 12));
    memcpy(dst, w + first, n * sizeof *w);
    return GG_OK;
}

/* Weights go by matrix, also when a tile holds several. */
START_TEST(test_weights)
{
    struct gg_comparison r[1];
    struct gg_compare c = {0};
    struct gg_weights from = {read_weights};
    float *x = add(0, QT_F32, 4, 2, 3), *y = add(1, QT_F32, 4, 2, 3);
    const struct gg_weights *weights[1] = {&from};
    double wee = 0, wxx = 0;
    for (size_t i = 0; i < 24; i++) {
        x[i] = (float)i;
        y[i] = (float)i + (float)(i % 5);
        wee += (double)(i / 8 * 4 + i % 4 + 1) * (double)((i % 5) * (i % 5));
        wxx += (double)(i / 8 * 4 + i % 4 + 1) * (double)(i * i);
    }
    for (size_t i = 0; i < 12; i++)
        w[i] = (float)(i + 1);
    c.weights = weights;
    run(&c, 2, 1, r, 1);
    ck_assert(r[0].sums.wee == wee && r[0].sums.wxx == wxx);
    ck_assert_double_eq_tol(gg_error_of(&r[0].sums).weighted, wee / wxx, 1e-15);
}
END_TEST

/* A row longer than a tile is one row. */
START_TEST(test_long_rows)
{
    struct gg_comparison r[1];
    struct gg_compare c = {0};
    float *x = add(0, QT_F32, 150000, 3, 1), *y = add(1, QT_F32, 150000, 3, 1);
    for (size_t i = 0; i < 450000; i++)
        x[i] = y[i] = 1;
    for (size_t i = 150000; i < 300000; i++)
        y[i] = 3;
    for (size_t i = 300000; i < 350000; i++) /* worse in its tiles, better as a row */
        y[i] = 4;
    run(&c, 2, 1, r, 2);
    ck_assert_uint_eq(r[0].row, 1);
    ck_assert(r[0].row_nmse == 4);
}
END_TEST

START_TEST(test_histogram)
{
    struct gg_comparison r[2];
    struct gg_error_histogram h = {0}, *by_result[2] = {&h, &h};
    struct gg_compare c = {.histogram = (struct gg_error_histogram *const *)by_result};
    uint64_t n = 0;
    for (size_t m = 0; m < 2; m++) {
        float *x = add(m, QT_F32, 256, 2, 1);
        add(m, QT_F32, 32, 1, 1);
        for (size_t i = 0; i < 512; i++)
            x[i] = 8; /* so the root mean square is 8 */
    }
    float *y = mem[1].data[0];
    y[0] = 16;
    y[1] = 8.125f;
    y[2] = 12.0f;
    run(&c, 2, 2, r, 1);
    ck_assert_uint_eq(h.n_exact, 509 + 32);
    ck_assert_uint_eq(h.bin[GG_ERROR_BIN_ONE], 1);
    ck_assert_uint_eq(h.bin[GG_ERROR_BIN_ONE - 4], 1); /* half of it: an octave below */
    ck_assert_uint_eq(h.bin[GG_ERROR_BIN_ONE - 24], 1); /* 1/64 */
    for (size_t i = 0; i < GG_ERROR_BINS; i++)
        n += h.bin[i];
    ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(test_error_of)
{
    struct gg_error none = gg_error_of(&(struct qk_err_sums){.n = 5, .xx = 3, .yy = 3, .xy = 3});
    struct gg_error off = gg_error_of(&(struct qk_err_sums){.n = 1, .ee = 4, .yy = 4});
    struct gg_error e = gg_error_of(&(struct qk_err_sums){.n = 4, .ee = 1, .xx = 100, .yy = 100, .xy = 50,
                                                          .e = -2, .wee = 1, .wxx = 4});
    ck_assert(none.nmse == 0 && isinf(none.snr_db) && none.cosine == 1 && none.weighted == 0);
    ck_assert(isinf(off.nmse) && off.cosine == 0 && off.rmse == 2 && isinf(off.snr_db));
    ck_assert(e.rmse == 0.5 && e.nmse == 0.01 && fabs(e.snr_db - 20) < 1e-12 && e.bias == -0.5);
    ck_assert(fabs(e.cosine - 0.5) < 1e-15 && e.weighted == 0.25);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("compare");
    TCase *t = tcase_create("compare");
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, test_equal_bytes);
    tcase_add_test(t, test_odd_values);
    tcase_add_test(t, test_wide);
    tcase_add_test(t, test_weights);
    tcase_add_test(t, test_long_rows);
    tcase_add_test(t, test_histogram);
    tcase_add_test(t, test_error_of);
    suite_add_tcase(s, t);
    return s;
}
