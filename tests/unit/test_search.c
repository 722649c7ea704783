/* Scale searches: what they must give whatever the reference bytes are. */
#include "lib/quant/ref/search.h"
#include "tests/check_main.h"

#include <float.h>
#include <math.h>

static const struct qk_min_search min_spec = {32, 15, 20, -1.0f, 0.1f, 0};

START_TEST(nearest_rounds_half_to_even_and_is_total)
{
    ck_assert_int_eq(qk_nearest_int(0.5f), 0);
    ck_assert_int_eq(qk_nearest_int(1.5f), 2);
    ck_assert_int_eq(qk_nearest_int(2.5f), 2);
    ck_assert_int_eq(qk_nearest_int(-1.5f), -2);
    ck_assert_int_eq(qk_nearest_int(4194303.0f), 4194303);
    ck_assert_int_eq(qk_nearest_int(-4194304.0f), -4194304);
    ck_assert_int_eq(qk_nearest_int(INFINITY), -4194304);
    ck_assert_int_eq(qk_nearest_int(NAN), 0);
}
END_TEST

START_TEST(signed_finds_exact_grid)
{
    float x[16];
    int8_t codes[16];

    for (int i = 0; i < 16; i++)
        x[i] = -0.25f * (float)(i % 8 - 4);
    float scale = qk_search_scale(16, 4, x, NULL, codes);
    ck_assert(scale == -0.25f);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(codes[i], i % 8);
    scale = qk_search_scale_descent(16, 4, x, codes);
    ck_assert(scale == -0.25f);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(codes[i], i % 8);
}
END_TEST

START_TEST(affine_finds_exact_grid)
{
    float x[32], w[32], neg_min;
    uint8_t codes[32];

    for (int i = 0; i < 32; i++) {
        x[i] = -2.0f + 0.5f * (float)(i % 16);
        w[i] = 1.0f;
    }
    float scale = qk_search_scale_min(&min_spec, x, w, codes, &neg_min);
    ck_assert(scale == 0.5f);
    ck_assert(neg_min == 2.0f);
    for (int i = 0; i < 32; i++)
        ck_assert_int_eq(codes[i], i % 16);
}
END_TEST

START_TEST(positive_finds_exact_grid)
{
    float x[16], w[16];
    uint8_t codes[16];

    for (int i = 0; i < 16; i++) {
        x[i] = 0.125f * (float)i;
        w[i] = 1.0f + (float)i;
    }
    ck_assert(qk_search_scale_positive(16, 15, x, w, codes) == 0.125f);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(codes[i], i);
}
END_TEST

/* Constant, vanishing and enormous groups: codes stay in range, scale of nothing is nothing. */
START_TEST(extremes_stay_in_range)
{
    static const float sizes[] = {0.0f, 1e-45f, 1e-39f, 3e-37f, 1e-20f, 1.0f, 1e30f, FLT_MAX};

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        float x[32], w[32], neg_min;
        uint8_t codes[32];
        int8_t levels[32];
        for (int i = 0; i < 32; i++) {
            x[i] = sizes[s] * (i % 3 == 0 ? -1.0f : 1.0f) * (i % 5 ? 1.0f : 0.5f);
            w[i] = i % 7 ? 1.0f : 0.0f;
        }
        float scale = qk_search_scale_min(&min_spec, x, w, codes, &neg_min);
        for (int i = 0; i < 32; i++)
            ck_assert_int_le(codes[i], 15);
        if (sizes[s] < 1e-38f)
            ck_assert(scale == 0.0f);
        scale = qk_search_scale(16, 4, x, w, levels);
        for (int i = 0; i < 16; i++)
            ck_assert(levels[i] >= 0 && levels[i] <= 7);
        if (sizes[s] < 1e-15f)
            ck_assert(scale == 0.0f);
        (void)qk_search_scale_descent(16, 4, x, levels);
        for (int i = 0; i < 16; i++)
            ck_assert(levels[i] >= 0 && levels[i] <= 7);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("search");
    TCase *t = tcase_create("search");

    tcase_add_test(t, nearest_rounds_half_to_even_and_is_total);
    tcase_add_test(t, signed_finds_exact_grid);
    tcase_add_test(t, affine_finds_exact_grid);
    tcase_add_test(t, positive_finds_exact_grid);
    tcase_add_test(t, extremes_stay_in_range);
    suite_add_tcase(s, t);
    return s;
}
