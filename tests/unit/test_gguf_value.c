/* gguf: values and the metadata list. */
#include "gguf/gguf.h"
#include "tests/check_main.h"
#include "tests/gguf_make.h"

static struct ggf_value scalar(enum ggf_vtype t, const void *data)
{
    return (struct ggf_value){.type = t, .count = 1, .data = data, .nbytes = ggf_vtype_nbytes(t)};
}

START_TEST(test_vtype_names)
{
    enum ggf_vtype t;
    for (uint32_t i = 0; i < GGF_VTYPE_COUNT; i++) {
        ck_assert(ggf_vtype_by_name(ggf_vtype_name(i), &t));
        ck_assert_uint_eq(t, i);
    }
    ck_assert_ptr_null(ggf_vtype_name(GGF_VTYPE_COUNT));
    ck_assert_ptr_null(ggf_vtype_name(UINT32_MAX));
    ck_assert(ggf_vtype_by_name("Int", &t) && t == GGF_I32);
    ck_assert(ggf_vtype_by_name("FLOAT", &t) && t == GGF_F32);
    ck_assert(ggf_vtype_by_name("uint64", &t) && t == GGF_U64);
    ck_assert(ggf_vtype_by_name("string", &t) && t == GGF_STR);
    ck_assert(!ggf_vtype_by_name("", &t) && !ggf_vtype_by_name("u128", &t));
}
END_TEST

START_TEST(test_conversions)
{
    static const uint8_t ff[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t be5[8] = {0, 0, 0, 0, 0, 0, 0, 5};
    uint64_t u = 0;
    int64_t i = 0;
    double d = 0;
    bool b = true;
    struct ggf_str s;
    struct ggf_value v = scalar(GGF_U64, ff);
    ck_assert(ggf_as_u64(&v, &u) && u == UINT64_MAX);
    ck_assert(!ggf_as_i64(&v, &i) && !ggf_as_f64(&v, &d));
    ck_assert(!ggf_as_bool(&v, &b) && !ggf_as_str(&v, &s));
    for (enum ggf_vtype t = GGF_U8; t < GGF_VTYPE_COUNT; t++) {
        v = scalar(t, ff);
        if (t == GGF_I8 || t == GGF_I16 || t == GGF_I32 || t == GGF_I64)
            ck_assert(ggf_as_i64(&v, &i) && i == -1 && ggf_as_f64(&v, &d) && d == -1 &&
                      !ggf_as_u64(&v, &u));
    }
    v = scalar(GGF_U64, be5);
    v.big_endian = true;
    ck_assert(ggf_as_u64(&v, &u) && u == 5 && ggf_as_i64(&v, &i) && i == 5);
    ck_assert(ggf_as_f64(&v, &d) && d == 5);
    v = scalar(GGF_BOOL, ff);
    ck_assert(ggf_as_bool(&v, &b) && b && !ggf_as_u64(&v, &u));
    v = scalar(GGF_F32, "\0\0\xc0\x3f");
    ck_assert(ggf_as_f64(&v, &d) && d == 1.5 && !ggf_as_u64(&v, &u) && !ggf_as_i64(&v, &i));
    uint8_t min[8] = {0, 0, 0, 0, 0, 0, 0, 128};
    v = scalar(GGF_I64, min);
    ck_assert(ggf_as_i64(&v, &i) && i == INT64_MIN && ggf_as_f64(&v, &d) && d == -0x1p63);
}
END_TEST

/* [["a", "bc"], []] as it lies in a file of the given kind, without the outermost type and count */
static struct ggf_value nested(struct make *m)
{
    mk_u32(m, GGF_STR);
    mk_len(m, 2);
    mk_str(m, "a");
    mk_str(m, "bc");
    mk_u32(m, GGF_U16);
    mk_len(m, 0);
    return (struct ggf_value){
        GGF_ARR,       GGF_ARR,        2, (const uint8_t *)m->b.data, m->b.nbytes,
        m->big_endian, m->version == 1};
}

START_TEST(test_iterate)
{
    for (int kind = 0; kind < 4; kind++) {
        struct make m = {.version = kind & 1 ? 1 : 3, .big_endian = kind & 2};
        struct ggf_value outer = nested(&m), in, e;
        struct ggf_str s;
        struct ggf_iter it = ggf_iter_begin(&outer);
        ck_assert(ggf_iter_next(&it, &in) && in.type == GGF_ARR && in.elem == GGF_STR);
        ck_assert_uint_eq(in.count, 2);
        struct ggf_iter strs = ggf_iter_begin(&in);
        ck_assert(ggf_iter_next(&strs, &e) && ggf_as_str(&e, &s) && ggf_str_eq(s, "a"));
        ck_assert(ggf_iter_next(&strs, &e) && ggf_as_str(&e, &s) && ggf_str_eq(s, "bc"));
        ck_assert(!ggf_iter_next(&strs, &e));
        ck_assert(ggf_iter_next(&it, &in) && in.elem == GGF_U16 && in.count == 0);
        ck_assert(!ggf_iter_next(&it, &in));
        /* one byte short, the walk ends where the bytes do */
        for (uint64_t n = 0; n < outer.nbytes; n++) {
            struct ggf_value cut = outer;
            cut.nbytes = n;
            int k = 0;
            for (it = ggf_iter_begin(&cut); ggf_iter_next(&it, &in);)
                k++;
            ck_assert_int_lt(k, 2);
        }
        gg_buf_free(&m.b);
    }
}
END_TEST

START_TEST(test_array_copy)
{
    for (int be = 0; be < 2; be++) {
        struct make m = {.version = 3, .big_endian = be};
        for (uint32_t i = 0; i < 5; i++)
            mk_u32(&m, i * 0x01020304u);
        struct ggf_value a = {GGF_ARR, GGF_U32, 5, (const uint8_t *)m.b.data, 20, be, false};
        uint32_t got[4] = {0};
        ck_assert(ggf_array_copy(&a, 1, 4, got));
        ck_assert_uint_eq(got[0], 0x01020304u);
        ck_assert_uint_eq(got[3], 4 * 0x01020304u);
        ck_assert(ggf_array_copy(&a, 5, 0, got));
        ck_assert(!ggf_array_copy(&a, 2, 4, got) && !ggf_array_copy(&a, UINT64_MAX, 2, got));
        ck_assert(!ggf_array_copy(&a, 6, 0, got));
        a.elem = GGF_STR;
        ck_assert(!ggf_array_copy(&a, 0, 1, got));
        gg_buf_free(&m.b);
    }
}
END_TEST

/* The keys of m, one letter each. */
static const char *order(const struct ggf_meta *m, char dst[16])
{
    size_t n = ggf_meta_count(m);
    for (size_t i = 0; i < n; i++)
        dst[i] = ggf_meta_at(m, i)->key.p[0];
    dst[n] = '\0';
    return dst;
}

START_TEST(test_meta_order)
{
    struct ggf_meta *m, *copy;
    struct gg_err err = {0};
    char keys[16];
    uint64_t u = 0;
    ck_assert_int_eq(ggf_meta_new(&m, &err), GG_OK);
    const char *names[] = {"a", "b", "c", "d"};
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_int_eq(ggf_meta_set_u32(m, names[i], i, &err), GG_OK);
    ck_assert_int_eq(ggf_meta_set_u16(m, "b", 77, &err), GG_OK);
    ck_assert_str_eq(order(m, keys), "abcd");
    ck_assert(ggf_meta_get_u64(m, "b", &u) && u == 77);
    ck_assert_int_eq(ggf_meta_find(m, "b")->value.type, GGF_U16);
    ck_assert(ggf_meta_unset(m, "b") && !ggf_meta_unset(m, "b") && !ggf_meta_unset(m, "zz"));
    ck_assert_str_eq(order(m, keys), "acd");
    ck_assert_ptr_null(ggf_meta_find(m, "b"));
    ck_assert_int_eq(ggf_meta_set_bool(m, "b", true, &err), GG_OK);
    ck_assert_str_eq(order(m, keys), "acdb");
    ck_assert_int_eq(ggf_meta_copy(&copy, m, &err), GG_OK);
    ggf_meta_free(m);
    bool b = false;
    ck_assert_str_eq(order(copy, keys), "acdb");
    ck_assert(ggf_meta_get_bool(copy, "b", &b) && b);
    ck_assert(!ggf_meta_get_u64(copy, "b", &u));
    ggf_meta_free(copy);
    ggf_meta_free(NULL);
}
END_TEST

START_TEST(test_meta_sets)
{
    struct ggf_meta *m;
    struct gg_err err = {0};
    struct ggf_str s;
    double d = 0;
    int64_t i = 0;
    ck_assert_int_eq(ggf_meta_new(&m, &err), GG_OK);
    char text[] = "x\0y";
    ck_assert_int_eq(ggf_meta_set_str(m, "s", (struct ggf_str){text, 3}, &err), GG_OK);
    text[0] = 'z'; /* sets copy */
    ck_assert(ggf_meta_get_str(m, "s", &s) && s.nbytes == 3 && memcmp(s.p, "x\0y", 3) == 0);
    ck_assert_int_eq(ggf_meta_set_str(m, "s", (struct ggf_str){NULL, 0}, &err), GG_OK);
    ck_assert(ggf_meta_get_str(m, "s", &s) && s.nbytes == 0);
    ck_assert_int_eq(ggf_meta_set_i32(m, "i", -3, &err), GG_OK);
    ck_assert(ggf_as_i64(&ggf_meta_find(m, "i")->value, &i) && i == -3);
    ck_assert_int_eq(ggf_meta_set_f32(m, "f", 0.25f, &err), GG_OK);
    ck_assert(ggf_meta_get_f64(m, "f", &d) && d == 0.25);
    ck_assert_int_eq(ggf_meta_set_u32(m, "", 1, &err), GG_ERR_ARG);
    struct ggf_value bad = {GGF_ARR, GGF_U32, 3, (const uint8_t *)"12345678", 8, false, false};
    ck_assert_int_eq(ggf_meta_set(m, ggf_str("a"), &bad, &err), GG_ERR_ARG);
    bad.count = 2;
    ck_assert_int_eq(ggf_meta_set(m, ggf_str("a"), &bad, &err), GG_OK);
    bad = (struct ggf_value){GGF_ARR, GGF_STR, 1, (const uint8_t *)"\2\0\0\0\0\0\0\0ab", 10, 0, 0};
    ck_assert_int_eq(ggf_meta_set(m, ggf_str("a"), &bad, &err), GG_OK);
    bad.nbytes = 9;
    ck_assert_int_eq(ggf_meta_set(m, ggf_str("a"), &bad, &err), GG_ERR_ARG);
    /* a value of the list itself, under another key */
    ck_assert_int_eq(ggf_meta_set(m, ggf_str("b"), &ggf_meta_find(m, "a")->value, &err), GG_OK);
    ck_assert_uint_eq(ggf_meta_find(m, "b")->value.nbytes, 10);
    ck_assert_uint_eq(ggf_meta_find(m, "b")->off, GG_NOWHERE);
    ggf_meta_free(m);
}
END_TEST

START_TEST(test_meta_text)
{
    static const struct {
        enum ggf_vtype t;
        const char *text;
        bool ok;
    } cases[] = {
        {GGF_I32, "-5", true},
        {GGF_U32, "-5", false},
        {GGF_U8, "255", true},
        {GGF_U8, "256", false},
        {GGF_I8, "-128", true},
        {GGF_I8, "-129", false},
        {GGF_I8, "128", false},
        {GGF_U64, "18446744073709551615", true},
        {GGF_U64, "18446744073709551616", false},
        {GGF_I64, "-9223372036854775808", true},
        {GGF_U16, "0x10", true},
        {GGF_U16, "1 ", false},
        {GGF_U16, "", false},
        {GGF_F32, "1e-5", true},
        {GGF_F32, "1e39", false},
        {GGF_F64, "1e39", true},
        {GGF_F32, "nought", false},
        {GGF_BOOL, "TRUE", true},
        {GGF_BOOL, "0", true},
        {GGF_BOOL, "yes", false},
        {GGF_STR, "", true},
        {GGF_ARR, "1", false},
    };
    struct ggf_meta *m;
    struct gg_err err = {0};
    int64_t i = 0;
    double d = 0;
    ck_assert_int_eq(ggf_meta_new(&m, &err), GG_OK);
    for (size_t k = 0; k < GG_COUNTOF(cases); k++)
        ck_assert_msg((ggf_meta_set_text(m, "k", cases[k].t, cases[k].text, &err) == GG_OK) ==
                          cases[k].ok,
                      "'%s' as %s", cases[k].text, ggf_vtype_name(cases[k].t));
    ck_assert_int_eq(ggf_meta_set_text(m, "k", GGF_I16, "-300", &err), GG_OK);
    ck_assert(ggf_as_i64(&ggf_meta_find(m, "k")->value, &i) && i == -300);
    ck_assert_int_eq(ggf_meta_set_text(m, "k", GGF_F32, "0.1", &err), GG_OK);
    ck_assert(ggf_meta_get_f64(m, "k", &d) && d == (double)0.1f);
    ggf_meta_free(m);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("gguf_value");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_vtype_names);
    tcase_add_test(t, test_conversions);
    tcase_add_test(t, test_iterate);
    tcase_add_test(t, test_array_copy);
    tcase_add_test(t, test_meta_order);
    tcase_add_test(t, test_meta_sets);
    tcase_add_test(t, test_meta_text);
    suite_add_tcase(s, t);
    return s;
}
