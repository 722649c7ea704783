/* lib/quant/qtype: sizes that can't overflow, names, ids, fallbacks; and the kernel table's cover. */
#include "lib/quant/kernel.h"
#include "tests/check_main.h"

#include <ctype.h>
#include <string.h>

/* First of all: a product that wraps to zero is not a size. */
START_TEST(test_overflow)
{
    uint64_t r = 7;
    const uint64_t square[4] = {1ull << 32, 1ull << 32, 1, 1};
    const uint64_t hidden[4] = {1ull << 32, 1ull << 32, 0, 1};
    const uint64_t late[4] = {256, 1, 1ull << 31, 1ull << 31};
    for (size_t i = 0; i < qt_count(); i++) {
        ck_assert(!qt_tensor_nbytes(qt_at(i)->type, square, &r));
        ck_assert(!qt_tensor_nbytes(qt_at(i)->type, hidden, &r));
        ck_assert(!qt_tensor_nbytes(qt_at(i)->type, late, &r));
    }
    ck_assert(!qt_nelems(square, &r) && !qt_nelems(hidden, &r) && !qt_nelems(late, &r));
    ck_assert(!qt_row_nbytes(QT_F32, 1ull << 62, &r));
    ck_assert(!qt_row_nbytes(QT_F64, 1ull << 60, &r));
    ck_assert_uint_eq(r, 7);
}
END_TEST

START_TEST(test_sizes)
{
    uint64_t r = 0;
    const uint64_t ne[4] = {768, 4, 3, 2}, zero[4] = {0, 4, 3, 2}, odd[4] = {100, 1, 1, 1};
    ck_assert(qt_tensor_nbytes(QT_F32, ne, &r) && r == 768 * 24 * 4);
    ck_assert(qt_tensor_nbytes(QT_Q4_K, ne, &r) && r == 3 * 144 * 24);
    ck_assert(qt_tensor_nbytes(QT_Q4_K, zero, &r) && r == 0);
    ck_assert(!qt_tensor_nbytes(QT_Q4_0, odd, &r));
    ck_assert(qt_tensor_nbytes(QT_F16, odd, &r) && r == 200);
    ck_assert(!qt_row_nbytes(4, 32, &r) && !qt_row_nbytes(43, 32, &r));
    ck_assert(qt_row_nbytes(QT_F32, INT64_MAX / 4, &r));
    ck_assert(qt_nelems(ne, &r) && r == 768 * 24);
    for (size_t i = 0; i < qt_count(); i++) {
        const struct qt_info *t = qt_at(i);
        ck_assert(qt_row_nbytes(t->type, 512, &r));
        ck_assert_uint_eq(r, 512 / t->block_nelems * t->block_nbytes);
        ck_assert_double_eq_tol(qt_bpw(t) * 512 / 8, (double)r, 1e-9);
    }
}
END_TEST

START_TEST(test_names)
{
    char tmp[32], upper[16];
    for (size_t i = 0; i < qt_count(); i++) {
        const struct qt_info *t = qt_at(i);
        ck_assert_uint_lt(strlen(t->name), sizeof upper);
        for (size_t j = 0; j <= strlen(t->name); j++)
            upper[j] = (char)toupper((unsigned char)t->name[j]);
        ck_assert_ptr_eq(qt_by_name(t->name), t);
        ck_assert_ptr_eq(qt_by_name(upper), t);
        ck_assert_ptr_eq(qt_info(t->type), t);
        ck_assert_str_eq(qt_name(t->type, tmp), t->name);
        ck_assert(!qt_is_removed(t->type));
        ck_assert(i == 0 || qt_at(i - 1)->type < t->type);
    }
    ck_assert_ptr_null(qt_by_name("q4_K_M"));
    ck_assert_ptr_null(qt_by_name(""));
    ck_assert_str_eq(qt_name(31, tmp), "q4_0_4_4 (removed)");
    ck_assert_str_eq(qt_name(77, tmp), "unknown type 77");
    ck_assert_str_eq(qt_name(UINT32_MAX, tmp), "unknown type 4294967295");
    /* dialects: bytes beside the blocks of a row, rows woven together */
    uint64_t n;
    ck_assert(qt_row_nbytes(144, 512, &n) && n == 4 + 2 * 136);
    ck_assert(qt_tensor_nbytes(144, (uint64_t[4]){512, 3, 2, 1}, &n) && n == 6 * (4 + 2 * 136));
    ck_assert(qt_tensor_nbytes(352, (uint64_t[4]){256, 8, 1, 1}, &n) && n == 8 * (4 + 168));
    ck_assert(!qt_tensor_nbytes(352, (uint64_t[4]){256, 6, 1, 1}, &n));
    ck_assert(!qt_row_nbytes(144, 128, &n));
    ck_assert(qt_info(144) == NULL && qt_by_name("iq4_ks") == NULL);
    ck_assert_str_eq(qt_dialect(144)->name, "iq4_ks");
    ck_assert_str_eq(qt_name(144, tmp), "iq4_ks");
    ck_assert(!qt_is_removed(144));
    ck_assert(qt_is_removed(38) && !qt_is_removed(39) && !qt_is_removed(QT_ID_END));
}
END_TEST

/* A fallback has smaller blocks and ends in a type that has none. */
START_TEST(test_fallback)
{
    for (size_t i = 0; i < qt_count(); i++) {
        const struct qt_info *t = qt_at(i), *f = t;
        while (f->fallback != QT_NONE) {
            const struct qt_info *next = qt_info(f->fallback);
            ck_assert_ptr_nonnull(next);
            ck_assert_uint_le(next->block_nelems, f->block_nelems);
            ck_assert(next->block_nelems < f->block_nelems || next->fallback == QT_NONE);
            f = next;
        }
        if (t->fallback != QT_NONE)
            ck_assert_uint_eq(f->block_nelems, 32);
    }
    ck_assert_int_eq(qt_info(QT_Q4_K)->fallback, QT_Q5_0);
    ck_assert_int_eq(qt_info(QT_IQ4_XS)->fallback, QT_IQ4_NL);
}
END_TEST

/* Every type has a decoder and a check, at every level; ids that are none have nothing. */
START_TEST(test_kernels)
{
    for (int level = 0; level < GG_CPU_LEVEL_COUNT; level++) {
        struct qk_table t;
        if (!gg_cpu_has((enum gg_cpu_level)level))
            continue;
        qk_init(&t, (enum gg_cpu_level)level);
        for (uint32_t id = 0; id < QT_ID_END; id++) {
            ck_assert((t.k[id].dequant != NULL) == (qt_info(id) != NULL));
            ck_assert((t.k[id].valid != NULL) == (qt_info(id) != NULL));
        }
    }
    ck_assert(qk_env_ok());
}
END_TEST

START_TEST(test_cpu)
{
    enum gg_cpu_level level = GG_CPU_NEON;
    ck_assert(gg_cpu_has(GG_CPU_C) && gg_cpu_has(gg_cpu_best()));
    for (int i = 0; i < GG_CPU_LEVEL_COUNT; i++) {
        ck_assert(gg_cpu_by_name(gg_cpu_name((enum gg_cpu_level)i), &level));
        ck_assert_int_eq((int)level, i);
    }
    ck_assert(gg_cpu_by_name("AVX2", &level) && level == GG_CPU_AVX2);
    ck_assert(!gg_cpu_by_name("mmx", &level) && !gg_cpu_by_name("", &level));
    ck_assert(!gg_cpu_has(GG_CPU_AVX512) || gg_cpu_has(GG_CPU_AVX2));
    ck_assert(!gg_cpu_has(GG_CPU_AVX2) || gg_cpu_has(GG_CPU_SSE2));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("qtype");
    TCase *t = tcase_create("qtype");
    tcase_add_test(t, test_overflow);
    tcase_add_test(t, test_sizes);
    tcase_add_test(t, test_names);
    tcase_add_test(t, test_fallback);
    tcase_add_test(t, test_kernels);
    tcase_add_test(t, test_cpu);
    suite_add_tcase(s, t);
    return s;
}
