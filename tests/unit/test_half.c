/* lib/quant/half.h: every F16, and the boundaries where rounding turns. Expected values are made with
 * ldexp and arithmetic in double, not with the bit tricks under test. */
#include "lib/quant/half.h"
#include "lib/quant/kernel.h"
#include "tests/check_main.h"

#include <float.h>

static double value_of_f16(uint16_t h)
{
    int e = h >> 10 & 31, m = h & 1023;
    double v = e == 0 ? ldexp(m, -24) : ldexp(1024 + m, e - 25);
    return h & 0x8000 ? -v : v;
}

START_TEST(test_f16_all)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = qt_f32_from_f16((uint16_t)h);
        if ((h & 0x7fff) > 0x7c00) {
            ck_assert(isnan(f) && (gg_bits_from_f32(f) & 0x400000));
            ck_assert_uint_eq(gg_bits_from_f32(f) >> 31, h >> 15);
            ck_assert_uint_eq(qt_f16_from_f32(f), (h & 0x8000) | 0x7e00);
            continue;
        }
        if ((h & 0x7fff) == 0x7c00)
            ck_assert(isinf(f) && (f < 0) == (h >> 15));
        else
            ck_assert((double)f == value_of_f16((uint16_t)h));
        ck_assert_uint_eq(gg_bits_from_f32(f) >> 31, h >> 15);
        ck_assert_uint_eq(qt_f16_from_f32(f), h);
        ck_assert_int_eq(qt_f16_is_finite((uint16_t)h), isfinite(f) != 0);
    }
}
END_TEST

/* Between neighbours: below the middle down, above it up, in the middle to the even one. */
START_TEST(test_f16_rounding)
{
    for (uint32_t h = 0; h < 0x7c00; h++) {
        double a = value_of_f16((uint16_t)h);
        double b = h == 0x7bff ? 65536.0 : value_of_f16((uint16_t)(h + 1));
        float mid = (float)((a + b) / 2); /* exact: one bit more than F16 has */
        uint32_t even = h % 2 == 0 ? h : h + 1;
        ck_assert_uint_eq(qt_f16_from_f32(mid), even);
        ck_assert_uint_eq(qt_f16_from_f32(-mid), even | 0x8000);
        ck_assert_uint_eq(qt_f16_from_f32(nextafterf(mid, 0)), h);
        ck_assert_uint_eq(qt_f16_from_f32(nextafterf(mid, FLT_MAX)), h + 1);
    }
    ck_assert_uint_eq(qt_f16_from_f32(FLT_MAX), 0x7c00);
    ck_assert_uint_eq(qt_f16_from_f32(-INFINITY), 0xfc00);
    ck_assert_uint_eq(qt_f16_from_f32(1e-45f), 0);
    ck_assert_uint_eq(qt_f16_from_f32(-1e-45f), 0x8000);
    ck_assert_uint_eq(qt_f16_from_f32(gg_f32_from_bits(0xff800001)), 0xfe00);
}
END_TEST

START_TEST(test_bf16)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        float f = qt_f32_from_bf16((uint16_t)h);
        ck_assert_uint_eq(gg_bits_from_f32(f), h << 16);
        bool nan = (h & 0x7fff) > 0x7f80;
        ck_assert_uint_eq(qt_bf16_from_f32(f), nan ? h | 0x40 : h);
    }
    ck_assert_uint_eq(qt_bf16_from_f32(gg_f32_from_bits(0x3f808000)), 0x3f80); /* tie, even below */
    ck_assert_uint_eq(qt_bf16_from_f32(gg_f32_from_bits(0x3f818000)), 0x3f82); /* tie, even above */
    ck_assert_uint_eq(qt_bf16_from_f32(gg_f32_from_bits(0x3f808001)), 0x3f81);
    ck_assert_uint_eq(qt_bf16_from_f32(gg_f32_from_bits(0x3f817fff)), 0x3f81);
    ck_assert_uint_eq(qt_bf16_from_f32(FLT_MAX), 0x7f80);
    ck_assert_uint_eq(qt_bf16_from_f32(gg_f32_from_bits(0x7f800001)), 0x7fc0);
    ck_assert_uint_eq(qt_bf16_from_f32(gg_f32_from_bits(0xffffffff)), 0xffff);
}
END_TEST

START_TEST(test_e8m0)
{
    for (int e = 0; e < 255; e++) {
        ck_assert((double)qt_f32_from_e8m0((uint8_t)e) == ldexp(1, e - 127));
        ck_assert((double)qt_f32_from_e8m0_half((uint8_t)e) == ldexp(1, e - 128));
    }
    ck_assert(isinf(qt_f32_from_e8m0(255)));
    ck_assert((double)qt_f32_from_e8m0_half(255) == ldexp(1, 127));
}
END_TEST

START_TEST(test_ue4m3)
{
    float last = 0;
    for (int v = 0; v < 0x7f; v++) {
        int e = v >> 3, m = v & 7;
        float half = qt_f32_from_ue4m3_half((uint8_t)v);
        ck_assert((double)half == (e == 0 ? ldexp(m, -10) : ldexp(8 + m, e - 11)));
        ck_assert_uint_eq(qt_ue4m3_from_f32(2 * half), half >= 128 ? 0x7e : v);
        if (v > 0 && half < 128) { /* halves go up, except at the end of the subnormals */
            float mid = half + last;
            ck_assert_uint_eq(qt_ue4m3_from_f32(mid), v == 8 ? 7 : v);
            ck_assert_uint_eq(qt_ue4m3_from_f32(mid * 0.9999f), v - 1);
        }
        last = half;
    }
    ck_assert(qt_f32_from_ue4m3_half(0x7f) == 0 && qt_f32_from_ue4m3_half(0xff) == 240);
    ck_assert_uint_eq(qt_ue4m3_from_f32(-1), 0);
    ck_assert_uint_eq(qt_ue4m3_from_f32(NAN), 0);
    ck_assert_uint_eq(qt_ue4m3_from_f32(INFINITY), 0x7e);
    ck_assert_uint_eq(qt_ue4m3_from_f32(nextafterf(256, 0)), 0x7e);
    ck_assert_uint_eq(qt_ue4m3_from_f32(247.99998f), 0x77);
}
END_TEST

static uint8_t mxfp4_exponent(float amax)
{
    struct qk_table t;
    uint8_t block[17];
    float x[32] = {0};
    x[5] = -amax;
    qk_init(&t, GG_CPU_C);
    t.k[QT_MXFP4].quant(block, x, 1, 32, sizeof block, 32, NULL);
    return block[0];
}

/* MXFP4's exponent is floor(log2f) with a correctly rounded log2f, which reaches k a few floats below
 * 2^k: as many as floor(2^m ln 2), |log2| being in [2^m, 2^(m+1)) there. */
START_TEST(test_mxfp4_exponent)
{
    for (int k = -124; k <= 128; k++) {
        int m = 0;
        double magnitude = k > 0 ? nextafter(k, 0) : -k;
        while (ldexp(2, m) <= magnitude)
            m++;
        uint32_t n = magnitude < 1 ? 0 : (uint32_t)(ldexp(1, m) * 0.69314718055994531);
        uint32_t power = (uint32_t)(k + 127) << 23;
        if (k < 128)
            ck_assert_uint_eq(mxfp4_exponent(gg_f32_from_bits(power)), k + 125);
        if (n > 0)
            ck_assert_uint_eq(mxfp4_exponent(gg_f32_from_bits(power - n)), k + 125);
        ck_assert_uint_eq(mxfp4_exponent(gg_f32_from_bits(power - n - 1)), k + 124);
    }
    ck_assert_uint_eq(mxfp4_exponent(0x1p-125f), 0);
    ck_assert_uint_eq(mxfp4_exponent(0x1p-126f), 0);
    ck_assert_uint_eq(mxfp4_exponent(1e-45f), 0);
    ck_assert_uint_eq(mxfp4_exponent(FLT_MAX), 253);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("half");
    TCase *t = tcase_create("half");
    tcase_add_test(t, test_f16_all);
    tcase_add_test(t, test_f16_rounding);
    tcase_add_test(t, test_bf16);
    tcase_add_test(t, test_e8m0);
    tcase_add_test(t, test_ue4m3);
    tcase_add_test(t, test_mxfp4_exponent);
    suite_add_tcase(s, t);
    return s;
}
