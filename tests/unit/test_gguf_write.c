/* gguf: layouts are what the reader reads, and what is read is written again byte for byte. */
#include "gguf/gguf.h"
#include "lib/quant/qtype.h"
#include "tests/check_main.h"
#include "tests/gguf_make.h"

#include <stdlib.h>

/* The tensors of f as they are to be written; the caller frees. */
static struct ggf_tensor_spec *specs_of(const struct ggf_file *f)
{
    size_t n = ggf_file_n_tensors(f);
    struct ggf_tensor_spec *s = calloc(n + 1, sizeof *s);
    for (size_t i = 0; i < n; i++) {
        const struct ggf_tensor *t = ggf_file_tensor(f, i);
        s[i] = (struct ggf_tensor_spec){t->name, t->type, t->n_dims, {0}};
        memcpy(s[i].ne, t->ne, sizeof s[i].ne);
    }
    return s;
}

static struct ggf_layout *layout_of(const struct ggf_file *f)
{
    struct ggf_layout *l;
    struct gg_err err = {0};
    struct ggf_tensor_spec *s = specs_of(f);
    int rc = ggf_layout_new(&l, ggf_file_meta(f), s, ggf_file_n_tensors(f), &err);
    ck_assert_msg(rc == GG_OK, "%s", err.msg);
    free(s);
    return l;
}

/* A header in big-endian order says the same, and written back it is what it was. */
START_TEST(test_both_byte_orders)
{
    static const char *const names[] = {
        "fixtures/models/tiny-bf16.gguf", "fixtures/models/imatrix.gguf", "fixtures/ok/ok_min.gguf",
        "fixtures/ok/ok_align64.gguf",    "fixtures/bad/kv_arr_nested.gguf",
    };
    for (size_t i = 0; i < GG_COUNTOF(names); i++) {
        struct gg_err err = {0};
        struct ggf_file *f, *big;
        struct ggf_layout *l, *back;
        size_t n, n_back;
        ck_assert_int_eq(ggf_file_open(&f, names[i], GGF_HEADER_ONLY, NULL), GG_OK);
        struct ggf_tensor_spec *s = specs_of(f);
        int rc = ggf_layout_new_as(&l, ggf_file_meta(f), s, ggf_file_n_tensors(f), true, &err);
        ck_assert_msg(rc == GG_OK, "%s", err.msg);
        const void *header = ggf_layout_header(l, &n);
        ck_assert_int_eq(ggf_file_open_mem(&big, header, n, "big", GGF_HEADER_ONLY, &err), GG_OK);
        ck_assert(ggf_file_big_endian(big));
        ck_assert_uint_eq(n, ggf_file_data_off(f));
        free(s);
        s = specs_of(big);
        rc = ggf_layout_new(&back, ggf_file_meta(big), s, ggf_file_n_tensors(big), &err);
        ck_assert_msg(rc == GG_OK, "%s", err.msg);
        struct ggf_layout *want = layout_of(f);
        ck_assert_mem_eq(ggf_layout_header(back, &n_back), ggf_layout_header(want, &n), n);
        ck_assert_uint_eq(n, n_back);
        free(s);
        ggf_layout_free(want);
        ggf_layout_free(back);
        ggf_layout_free(l);
        ggf_file_free(big);
        ggf_file_free(f);
    }
}
END_TEST

START_TEST(test_same_bytes)
{
    static const char *const names[] = {
        "fixtures/models/tiny-bf16.gguf", "fixtures/models/imatrix.gguf",
        "fixtures/ok/ok_min.gguf",        "fixtures/ok/ok_empty.gguf",
        "fixtures/ok/ok_align64.gguf",    "fixtures/bad/kv_arr_nested.gguf",
        "fixtures/bad/t_dim0_ne1.gguf",   "fixtures/bad/t_ndims_0.gguf",
        "fixtures/bad/t_name_nul.gguf",
    };
    for (size_t i = 0; i < GG_COUNTOF(names); i++) {
        struct gg_buf b = GG_BUF_INIT;
        struct ggf_file *f;
        size_t n;
        slurp(names[i], &b);
        ck_assert_int_eq(ggf_file_open_mem(&f, b.data, b.nbytes, names[i], 0, NULL), GG_OK);
        ck_assert(ggf_file_canonical(f));
        struct ggf_layout *l = layout_of(f);
        const void *header = ggf_layout_header(l, &n);
        ck_assert_uint_eq(n, ggf_file_data_off(f));
        ck_assert_msg(memcmp(header, b.data, n) == 0, "%s", names[i]);
        ck_assert_uint_eq(ggf_layout_file_nbytes(l), b.nbytes);
        ck_assert_uint_eq(ggf_layout_alignment(l), ggf_file_alignment(f));
        for (size_t k = 0; k < ggf_file_n_tensors(f); k++) {
            ck_assert_uint_eq(ggf_layout_tensor_off(l, k), ggf_file_tensor(f, k)->file_off);
            ck_assert_uint_eq(ggf_layout_tensor_nbytes(l, k), ggf_file_tensor(f, k)->nbytes);
        }
        ggf_layout_free(l);
        ggf_file_free(f);
        gg_buf_free(&b);
    }
}
END_TEST

static bool same_value(const struct ggf_value *a, const struct ggf_value *b)
{
    struct ggf_value x, y;
    uint64_t u[2];
    if (a->type != b->type || a->count != b->count)
        return false;
    if (a->type == GGF_STR)
        return a->nbytes == b->nbytes && memcmp(a->data, b->data, (size_t)a->nbytes) == 0;
    if (a->type != GGF_ARR) {
        struct ggf_value one[2] = {*a, *b};
        memset(u, 0, sizeof u);
        for (int i = 0; i < 2; i++) {
            one[i].elem = a->type;
            one[i].type = GGF_ARR;
            if (!ggf_array_copy(&one[i], 0, 1, &u[i]))
                return false;
        }
        return u[0] == u[1];
    }
    struct ggf_iter p = ggf_iter_begin(a), q = ggf_iter_begin(b);
    if (a->elem != b->elem)
        return false;
    while (ggf_iter_next(&p, &x)) {
        if (!ggf_iter_next(&q, &y) || !same_value(&x, &y))
            return false;
    }
    return !ggf_iter_next(&q, &y);
}

/* Values of all kinds, nested and not, whose bytes differ in every order. */
static void make_values(struct make *m)
{
    mk_head(m, 1, 6);
    mk_kv_str(m, "s", "some text");
    mk_kv_u32(m, "u", 0x01020304);
    mk_key(m, "d", GGF_F64);
    mk_u64(m, gg_bits_from_f64(3.25));
    mk_key(m, "a16", GGF_ARR);
    mk_u32(m, GGF_I16);
    mk_len(m, 3);
    for (uint16_t i = 1; i <= 3; i++)
        mk_u16(m, (uint16_t)(i * 0x0102));
    mk_key(m, "strs", GGF_ARR);
    mk_u32(m, GGF_STR);
    mk_len(m, 2);
    mk_str(m, "");
    mk_str(m, "token");
    mk_key(m, "deep", GGF_ARR);
    mk_u32(m, GGF_ARR);
    mk_len(m, 2);
    mk_u32(m, GGF_U64);
    mk_len(m, 1);
    mk_u64(m, 0x0102030405060708u);
    mk_u32(m, GGF_STR);
    mk_len(m, 1);
    mk_str(m, "in");
    mk_tensor(m, "t", 32, 3, 2, 0);
    mk_pad(m, 32);
    mk_data(m, 64);
}

/* Any version and byte order turns into the same v3 little-endian header, also by way of a copy. */
START_TEST(test_normalise)
{
    struct make ref = {.version = 3};
    make_values(&ref);
    for (uint32_t kind = 0; kind < 6; kind++) {
        struct make m = {.version = 1 + kind / 2, .big_endian = kind & 1};
        struct gg_err err = {0};
        struct ggf_file *f, *g;
        struct ggf_meta *copy;
        struct ggf_layout *l;
        size_t n;
        make_values(&m);
        ck_assert_msg(mk_open(&m, GGF_HEADER_ONLY, &f, &err) == GG_OK, "%s", err.msg);
        ck_assert_int_eq(ggf_meta_copy(&copy, ggf_file_meta(f), &err), GG_OK);
        struct ggf_tensor_spec *s = specs_of(f);
        ck_assert_msg(ggf_layout_new(&l, copy, s, 1, &err) == GG_OK, "%s", err.msg);
        const void *header = ggf_layout_header(l, &n);
        ck_assert_msg(n + 64 == ref.b.nbytes && memcmp(header, ref.b.data, n) == 0, "kind %u",
                      kind);
        ck_assert_int_eq(ggf_file_open_mem(&g, header, n, "again", GGF_HEADER_ONLY, &err), GG_OK);
        for (size_t i = 0; i < 6; i++)
            ck_assert(
                same_value(&ggf_meta_at(copy, i)->value, &ggf_meta_at(ggf_file_meta(g), i)->value));
        free(s);
        ggf_meta_free(copy);
        ggf_layout_free(l);
        ggf_file_free(f);
        ggf_file_free(g);
        gg_buf_free(&m.b);
    }
    gg_buf_free(&ref.b);
}
END_TEST

START_TEST(test_alignments)
{
    static const uint32_t aligns[] = {1, 8, 16, 32, 64, 4096};
    for (size_t i = 0; i < GG_COUNTOF(aligns); i++) {
        static const struct ggf_tensor_spec specs[] = {
            {{"a", 1}, QT_F32, 1, {3, 1, 1, 1}},
            {{"b", 1}, QT_Q8_0, 2, {64, 3, 1, 1}},
            {{"c", 1}, QT_F16, 3, {5, 0, 2, 1}},
            {{"d", 1}, QT_BF16, 4, {2, 2, 2, 2}},
        };
        struct gg_err err = {0};
        struct ggf_meta *meta;
        struct ggf_layout *l;
        struct ggf_file *f;
        size_t n;
        ck_assert_int_eq(ggf_meta_new(&meta, &err), GG_OK);
        ck_assert_int_eq(ggf_meta_set_u32(meta, "general.alignment", aligns[i], &err), GG_OK);
        ck_assert_int_eq(ggf_layout_new(&l, meta, specs, 4, &err), GG_OK);
        const void *header = ggf_layout_header(l, &n);
        struct gg_buf whole = GG_BUF_INIT;
        gg_buf_add(&whole, header, n);
        gg_buf_fill(&whole, 0, (size_t)(ggf_layout_file_nbytes(l) - n));
        ck_assert_int_eq(ggf_file_open_mem(&f, whole.data, whole.nbytes, "it", 0, &err), GG_OK);
        ck_assert(ggf_file_canonical(f));
        ck_assert_uint_eq(ggf_file_alignment(f), aligns[i]);
        ck_assert_uint_eq(ggf_layout_tensor_nbytes(l, 1), 2 * 3 * 34);
        for (size_t k = 0; k < 4; k++)
            ck_assert_uint_eq(ggf_file_tensor(f, k)->file_off, ggf_layout_tensor_off(l, k));
        ggf_file_free(f);
        ggf_layout_free(l);
        ggf_meta_free(meta);
        gg_buf_free(&whole);
    }
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        struct ggf_tensor_spec t;
        int code;
    } cases[] = {
        {{{"t", 1}, QT_Q4_0, 1, {33, 1, 1, 1}}, GG_ERR_ARG},
        {{{"t", 1}, 31, 1, {32, 1, 1, 1}}, GG_ERR_ARG}, /* four rows are woven */
        {{{"t", 1}, 77, 1, {32, 1, 1, 1}}, GG_ERR_UNSUPPORTED},
        {{{"t", 1}, QT_F32, 5, {1, 1, 1, 1}}, GG_ERR_ARG},
        {{{"t", 1}, QT_F32, 1, {1, 2, 1, 1}}, GG_ERR_ARG},
        {{{"t", 1}, QT_F32, 2, {1ull << 32, 1ull << 32, 1, 1}}, GG_ERR_ARG},
        {{{"u", 1}, QT_F32, 1, {8, 1, 1, 1}}, GG_ERR_ARG},          /* named as the second */
        {{{"t", 1}, QT_F32, 1, {1ull << 61, 1, 1, 1}}, GG_ERR_ARG}, /* 2^63 bytes */
        {{{"t", 1}, QT_I8, 1, {INT64_MAX, 1, 1, 1}}, GG_ERR_LIMIT},
    };
    struct gg_err err = {0};
    struct ggf_meta *meta;
    struct ggf_layout *l;
    ck_assert_int_eq(ggf_meta_new(&meta, &err), GG_OK);
    for (size_t i = 0; i < GG_COUNTOF(cases); i++) {
        struct ggf_tensor_spec two[2] = {cases[i].t, {{"u", 1}, QT_F32, 1, {8, 1, 1, 1}}};
        int rc = ggf_layout_new(&l, meta, two, 2, &err);
        ck_assert_msg(rc == cases[i].code && l == NULL, "case %zu: %d %s", i, rc, err.msg);
    }
    ck_assert_int_eq(ggf_meta_set_text(meta, "general.alignment", GGF_U64, "32", &err), GG_OK);
    ck_assert_int_eq(ggf_layout_new(&l, meta, NULL, 0, &err), GG_ERR_ARG);
    ck_assert_int_eq(ggf_meta_set_u32(meta, "general.alignment", 24, &err), GG_OK);
    ck_assert_int_eq(ggf_layout_new(&l, meta, NULL, 0, &err), GG_ERR_ARG);
    ggf_meta_free(meta);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("gguf_write");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_same_bytes);
    tcase_add_test(t, test_both_byte_orders);
    tcase_add_test(t, test_normalise);
    tcase_add_test(t, test_alignments);
    tcase_add_test(t, test_refused);
    suite_add_tcase(s, t);
    return s;
}
