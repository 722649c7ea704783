/* lib/quant/stats: sums in a fixed order, places, ranges. */
#include "lib/quant/half.h"
#include "lib/quant/kernel.h"
#include "tests/check_main.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 1000

static void fill(float *x, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int)(seed >> 8 & 0xffff) / 4096.0f - 8.0f;
    }
}

/* The order stats.h promises, written as plainly as it reads there. */
static double in_promised_order(const float *x, const float *y, size_t n)
{
    double lane[16] = {0};
    for (size_t i = 0; i < n; i++) {
        double e = (double)x[i] - (double)y[i];
        lane[i % 16] += e * e;
    }
    for (int half = 8; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

START_TEST(test_order)
{
    float x[N], y[N], w[N];
    struct qk_err_sums s;
    fill(x, N, 1);
    fill(y, N, 2);
    fill(w, N, 3);
    for (size_t n = 0; n < N; n += n < 40 ? 1 : 97) {
        double xx = 0, wee = 0, e = 0;
        for (size_t i = 0; i < n; i++) {
            double d = (double)y[i] - (double)x[i];
            xx += (double)x[i] * x[i];
            wee += w[i] * d * d;
            e += d;
        }
        qk_err_row(&s, x, y, w, n);
        ck_assert(s.ee == in_promised_order(x, y, n));
        ck_assert_double_eq_tol(s.xx, xx, 1e-9);
        ck_assert_double_eq_tol(s.wee, wee, 1e-8);
        ck_assert_double_eq_tol(s.e, e, 1e-9);
        ck_assert_uint_eq(s.n, n);
    }
    qk_err_row(&s, x, y, NULL, N);
    ck_assert(s.wee == 0 && s.wxx == 0 && s.xy != 0 && s.yy != 0);
}
END_TEST

START_TEST(test_places)
{
    float x[N] = {0}, y[N] = {0};
    struct qk_err_sums s, acc = {0};
    y[700] = -3;
    y[701] = 3;
    y[20] = 1;
    qk_err_row(&s, x, y, NULL, N);
    ck_assert(s.max_abs == 3.0f);
    ck_assert_uint_eq(s.max_at, 700);
    ck_assert_uint_eq(s.n_same, N - 3);
    qk_err_add(&acc, &s, 0);
    qk_err_add(&acc, &s, N);
    ck_assert_uint_eq(acc.max_at, 700);
    ck_assert_uint_eq(acc.n, 2 * N);
    s.max_abs = 4;
    qk_err_add(&acc, &s, 2 * N);
    ck_assert_uint_eq(acc.max_at, 2 * N + 700);
    ck_assert(acc.ee == 3 * 19.0 && acc.e == 3.0);
}
END_TEST

/* The largest difference is that of double arithmetic, though a rounded one is looked for first. */
START_TEST(test_largest)
{
    float x[600], y[600];
    struct qk_err_sums s;
    for (unsigned seed = 1; seed < 400; seed++) {
        double want = 0;
        size_t at = 0;
        fill(x, 600, seed);
        for (size_t i = 0; i < 600; i++) {
            /* differences near 8, which float cannot tell apart */
            y[i] = -8.0f + (float)(i % 7) * 1e-6f;
            x[i] = x[i] * 1e-8f * (float)(seed % 9) + (seed % 3 == 0 ? 1.0f / 3 : 0);
            double a = fabs((double)y[i] - (double)x[i]);
            at = a > want ? i : at;
            want = a > want ? a : want;
        }
        qk_err_row(&s, x, y, NULL, 600);
        ck_assert_msg(s.max_abs == want && s.max_at == at, "seed %u", seed);
    }
}
END_TEST

START_TEST(test_nonfinite)
{
    float x[N];
    fill(x, N, 4);
    ck_assert_uint_eq(qk_find_beyond(x, N, INFINITY), N);
    ck_assert_uint_eq(qk_find_beyond(x, 0, INFINITY), 0);
    x[999] = -INFINITY;
    ck_assert_uint_eq(qk_find_beyond(x, N, INFINITY), 999);
    x[256] = NAN;
    x[300] = INFINITY;
    ck_assert_uint_eq(qk_find_beyond(x, N, INFINITY), 256);
    ck_assert_uint_eq(qk_find_beyond(x, 256, INFINITY), 256);
    x[7] = -0x1p40F;
    x[5] = 0x1.fffffep39F;
    ck_assert_uint_eq(qk_find_beyond(x, N, 0x1p40F), 7);
}
END_TEST

/* The bound against the conversion itself, around every power of two. */
START_TEST(test_f16_flushed)
{
    for (uint32_t e = 0; e < 256; e++) {
        for (int d = -0x1001; d <= 0x1001; d += 0x800 - (abs(d) <= 1 || abs(d) >= 0xfff ? 0x7ff : 0)) {
            float x = gg_f32_from_bits(((e << 23) + (uint32_t)d) & 0x7fffffff);
            ck_assert_uint_eq(qk_count_f16_flushed(&x, 1), x != 0 && qt_f16_from_f32(x) == 0);
        }
    }
    float many[3000];
    for (int i = 0; i < 3000; i++)
        many[i] = i % 3 == 0 ? 70000.0f : i % 3 == 1 ? -1e-9f : INFINITY;
    ck_assert_uint_eq(qk_count_f16_flushed(many, 3000), 1000);
}
END_TEST

static float odd(unsigned i)
{
    static const float odd_values[] = {0.0f, -0.0f, 1e-45f, -3e38f, 3e38f, INFINITY, NAN, 65520.0f};
    return odd_values[i % 8];
}

/* Every CPU level gives the numbers of the portable functions, to the bit. */
START_TEST(test_levels)
{
    struct qk_table table;
    enum gg_cpu_level level = (enum gg_cpu_level)_i;
    if (!gg_cpu_has(level))
        return;
    qk_init(&table, level);
    for (size_t n = 0; n < 700; n += n < 70 ? 1 : 37) {
        for (unsigned kind = 0; kind < 4; kind++) {
            /* Of the size they need, so that the sanitizer sees what goes beyond. */
            float *x = malloc(4 * n + 1), *y = malloc(4 * n + 1), *w = malloc(4 * n + 1);
            struct qk_err_sums want, got;
            fill(x, n, (unsigned)n + kind);
            fill(y, n, (unsigned)n + 7);
            fill(w, n, 5);
            for (size_t i = 0; i < n; i++) {
                y[i] = kind == 0 || i % 5 == 0 ? x[i] : y[i];
                if (kind >= 2 && i * 31 % 97 == kind)
                    *(kind == 2 ? &y[i] : &x[i]) = odd((unsigned)i);
            }
            qk_err_row(&want, x, y, kind % 2 ? w : NULL, n);
            table.err_row(&got, x, y, kind % 2 ? w : NULL, n);
            ck_assert_msg(memcmp(&want, &got, sizeof got) == 0, "n %zu kind %u", n, kind);
            const double known = want.max_abs * (double)(n % 3);
            qk_err_quick(&want, x, y, kind % 2 ? w : NULL, n, kind < 3, known);
            table.err_quick(&got, x, y, kind % 2 ? w : NULL, n, kind < 3, known);
            ck_assert_msg(memcmp(&want, &got, sizeof got) == 0, "quick, n %zu kind %u", n, kind);
            ck_assert_uint_eq(table.find_beyond(x, n, INFINITY), qk_find_beyond(x, n, INFINITY));
            ck_assert_uint_eq(table.count_f16_flushed(x, n), qk_count_f16_flushed(x, n));
            for (float limit = 1e-3F; limit < 1e12F; limit *= 1e3F)
                ck_assert_uint_eq(table.find_beyond(x, n, limit), qk_find_beyond(x, n, limit));
            free(x), free(y), free(w);
        }
    }
}
END_TEST

static void assert_close(double a, double b, double size)
{
    ck_assert_msg(fabs(a - b) <= size, "%.17g is not %.17g", a, b);
}

/* Quick sums are the exact ones to parts in ten million, whatever the size of the numbers, and how
 * far y is from x; what is no sum is the same, but that elements are not counted. */
START_TEST(test_quick)
{
    static const float sizes[] = {1, 1e-4f, 1e-15f, 1e-30f, 1e-42f, 1e10f, 1e25f, 1e37f, 0};
    float x[N], y[N], w[N];
    struct qk_err_sums a, b, c;
    for (unsigned kind = 0; kind < 6; kind++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            fill(x, N, kind + 1);
            fill(y, N, kind + 10);
            fill(w, N, kind + 20);
            for (size_t i = 0; i < N; i++) {
                float far = kind == 0 ? 0 : kind == 1 ? 1e-4f : kind == 2 ? 1e-2f : 1;
                x[i] *= sizes[k];
                y[i] = kind == 5 ? 1e-6f * x[i] : far * sizes[k] * y[i] + (kind < 4 ? x[i] : 0);
                w[i] = fabsf(w[i]) * (k % 2 ? 1 : 1e-12f);
            }
            qk_err_row(&a, x, y, w, N);
            qk_err_quick(&b, x, y, w, N, true, 0);
            assert_close(b.ee, a.ee, 1e-7 * a.ee);
            assert_close(b.xx, a.xx, 1e-7 * a.xx);
            assert_close(b.yy, a.yy, 1e-6 * a.yy);
            assert_close(b.xy, a.xy, 1e-6 * sqrt(a.xx) * sqrt(a.yy));
            assert_close(b.e, a.e, 1e-7 * sqrt(N) * sqrt(a.ee));
            assert_close(b.wee, a.wee, 1e-7 * a.wee);
            assert_close(b.wxx, a.wxx, 1e-7 * a.wxx);
            ck_assert(a.max_abs == b.max_abs && a.max_at == b.max_at && a.n == b.n);
            qk_err_quick(&b, x, y, w, N, true, a.max_abs);
            ck_assert(a.max_abs == b.max_abs && a.max_at == b.max_at);
            qk_err_quick(&b, x, y, w, N, true, 2 * a.max_abs);
            qk_err_quick(&c, x, y, w, N, false, 0);
            ck_assert(k > 0 || kind == 5 || (c.ee == b.ee && c.wee == b.wee && c.wxx == b.wxx));
            ck_assert(c.xy == 0 && c.yy == 0 && c.e == 0 && c.max_at == a.max_at);
            ck_assert(k > 0 || kind == 0 || kind == 5 || (b.max_abs == 0 && b.max_at == 0));
            ck_assert(b.n_same == 0);
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("stats");
    TCase *t = tcase_create("stats");
    tcase_add_test(t, test_order);
    tcase_add_test(t, test_places);
    tcase_add_test(t, test_largest);
    tcase_add_test(t, test_quick);
    tcase_add_test(t, test_nonfinite);
    tcase_add_test(t, test_f16_flushed);
    tcase_add_loop_test(t, test_levels, 0, GG_CPU_LEVEL_COUNT);
    suite_add_tcase(s, t);
    return s;
}
