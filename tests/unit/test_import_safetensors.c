/* Safetensors: good files, every kind of bad one; dtypes. */
#include "lib/import/dtype.h"
#include "lib/import/json.h"
#include "tests/check_main.h"
#include "tests/ckpt_make.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void st_bad(const char *header, size_t n_data, enum gg_code code, const char *text)
{
    st_write("bad.safetensors", header, n_data);
    ckpt_open_bad(scratch_path("bad.safetensors"), code, text);
}

#define A_U8_4 "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}"

/* ---- good files ------------------------------------------------------------------------------ */

START_TEST(test_good)
{
    scratch_begin();
    st_write("m.safetensors",
             "{\"__metadata__\":{\"format\":\"pt\"},"
             "\"b\":{\"dtype\":\"I16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
             "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
             "\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[4,4]},"
             "\"s\":{\"dtype\":\"F4\",\"shape\":[],\"data_offsets\":[16,16]}}   ",
             16);
    ckpt_open_bad(scratch_path("m.safetensors"), GG_ERR_CORRUPT, "end within a byte");
    st_write("m.safetensors",
             "{\"__metadata__\":{\"format\":\"pt\"},"
             "\"b\":{\"dtype\":\"I16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
             "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
             "\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[4,4]},"
             "\"s\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[16,18]}}   ",
             18);
    struct gg_checkpoint *c = ckpt_open_ok(scratch_path("m.safetensors"), NULL);
    ck_assert_str_eq(gg_checkpoint_format(c), "safetensors");
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 4);
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(c, 0); /* the header's order */
    ck_assert_str_eq(t->name, "b");
    ck_assert(t->dtype == GG_DT_I16 && t->n_dims == 2 && t->shape[0] == 2 && t->nbytes == 12);
    uint8_t v[4], want[4] = {(uint8_t)(6 * 7 + 1), (uint8_t)(7 * 7 + 1), (uint8_t)(8 * 7 + 1),
                             (uint8_t)(9 * 7 + 1)};
    struct gg_err err = {0};
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 1, 2, v, &err), GG_OK);
    ck_assert_mem_eq(v, want, 4);
    ck_assert_uint_eq(gg_checkpoint_find(c, "e"), 2);
    ck_assert_uint_eq(gg_checkpoint_find(c, "x"), SIZE_MAX);
    ck_assert_int_eq(gg_checkpoint_read(c, 3, 2, 2, v, &err), GG_OK);
    ck_assert_uint_eq(v[0], (uint8_t)(17 * 7 + 1));
    int fd;
    uint64_t off, nbytes, dev, ino;
    ck_assert(gg_checkpoint_extent(c, 0, &fd, &off));
    ck_assert_int_eq(pread(fd, v, 1, (off_t)off), 1);
    ck_assert_uint_eq(v[0], (uint8_t)(4 * 7 + 1));
    ck_assert_str_eq(gg_checkpoint_file(c, 0, &nbytes, &dev, &ino), "m.safetensors");
    ck_assert(ino != 0 && !gg_checkpoint_sequential(c));
    /* Cut short behind our back: an error, not old bytes. */
    ck_assert_int_eq(truncate(scratch_path("m.safetensors"), (off_t)off + 3), 0);
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 0, 6, v, &err), GG_ERR_TRUNCATED);
    ck_assert_msg(strstr(err.msg, "tensor 'b'") != NULL, "%s", err.msg);
    gg_checkpoint_free(c);
    scratch_end();
}
END_TEST

/* ---- bad headers ----------------------------------------------------------------------------- */

START_TEST(test_bad_length)
{
    static const struct {
        uint64_t n;
        enum gg_code code;
        const char *text;
    } CASES[] = {
        {0, GG_ERR_CORRUPT, "does not begin with '{'"},
        {1, GG_ERR_CORRUPT, "not valid JSON"},
        {55, GG_ERR_CORRUPT, "belong to no tensor"},
        {200, GG_ERR_TRUNCATED, "header length at byte 0 is 200, but the file has only"},
        {100000001, GG_ERR_LIMIT, "over the format's limit"},
        {UINT64_MAX, GG_ERR_LIMIT, "18446744073709551615, over"},
        {UINT64_MAX - 7, GG_ERR_LIMIT, "over"},
        {1ull << 63, GG_ERR_LIMIT, "over"},
    };
    scratch_begin();
    for (size_t i = 0; i < GG_COUNTOF(CASES); i++) {
        if (CASES[i].n == 55)
            st_write_raw("bad.safetensors", strlen(A_U8_4), A_U8_4, strlen(A_U8_4), 10);
        else
            st_write_raw("bad.safetensors", CASES[i].n, A_U8_4, strlen(A_U8_4), 4);
        ckpt_open_bad(scratch_path("bad.safetensors"), CASES[i].code, CASES[i].text);
    }
    scratch_write("bad.safetensors", "1234567", 7);
    ckpt_open_bad(scratch_path("bad.safetensors"), GG_ERR_TRUNCATED, "has 7 bytes");
    scratch_write("bad.safetensors", "", 0);
    ckpt_open_bad(scratch_path("bad.safetensors"), GG_ERR_UNSUPPORTED, "is empty");
    scratch_end();
}
END_TEST

#define T(dtype, shape, offsets)                                                                   \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

START_TEST(test_bad_entries)
{
    scratch_begin();
    st_bad("{\"a\":1}", 0, GG_ERR_CORRUPT, "something other than an object");
    st_bad("[1]", 0, GG_ERR_CORRUPT, "does not begin with '{'");
    st_bad("{} x", 0, GG_ERR_CORRUPT, "not valid JSON");
    st_bad("{", 0, GG_ERR_CORRUPT, "not valid JSON");
    st_bad("{\"a\":1,\"a\":2}", 0, GG_ERR_CORRUPT, "duplicate");
    st_bad("{\"\xff\":1}", 0, GG_ERR_CORRUPT, "not valid JSON");
    st_bad("{\"a\\u0000b\":1}", 0, GG_ERR_CORRUPT, "not valid JSON");
    st_bad("{}", 0, GG_ERR_CORRUPT, "holds no tensors");
    st_bad("{\"__metadata__\":{\"x\":1}}", 0, GG_ERR_CORRUPT, "__metadata__: the value of 'x'");
    st_bad("{\"__metadata__\":[]}", 0, GG_ERR_CORRUPT, "__metadata__ is not an object");
    st_bad("{\"a\":{}}", 0, GG_ERR_CORRUPT, "dtype is missing");
    st_bad(T("7", "[4]", "[0,4]"), 4, GG_ERR_CORRUPT, "dtype is missing or no text");
    st_bad(T("\"C64\"", "[4]", "[0,4]"), 4, GG_ERR_UNSUPPORTED, "dtype 'C64'");
    st_bad(T("\"u8\"", "[4]", "[0,4]"), 4, GG_ERR_UNSUPPORTED, "dtype 'u8'");
    st_bad(T("\"U8\"", "4", "[0,4]"), 4, GG_ERR_CORRUPT, "shape is missing or no list");
    st_bad(T("\"U8\"", "[-4]", "[0,4]"), 4, GG_ERR_CORRUPT, "shape holds something other");
    st_bad(T("\"U8\"", "[4.0]", "[0,4]"), 4, GG_ERR_CORRUPT, "shape holds something other");
    st_bad(T("\"U8\"", "[1,1,1,1,1,1,1,1,4]", "[0,4]"), 4, GG_ERR_LIMIT, "8 dimensions");
    st_bad(T("\"U8\"", "[4294967296,4294967296]", "[0,0]"), 0, GG_ERR_CORRUPT, "product");
    st_bad(T("\"U8\"", "[0,4294967296,4294967296]", "[0,0]"), 0, GG_ERR_CORRUPT, "product");
    st_bad(T("\"F64\"", "[2305843009213693952]", "[0,0]"), 0, GG_ERR_CORRUPT, "product");
    st_bad(T("\"U8\"", "[4]", "[4,0]"), 4, GG_ERR_CORRUPT, "run backwards");
    st_bad(T("\"U8\"", "[4]", "[-4,0]"), 4, GG_ERR_CORRUPT, "two whole numbers");
    st_bad(T("\"U8\"", "[4]", "[4]"), 4, GG_ERR_CORRUPT, "two whole numbers");
    st_bad(T("\"U8\"", "[4]", "[0,4.5]"), 4, GG_ERR_CORRUPT, "two whole numbers");
    st_bad(T("\"U8\"", "[4]", "[0,99999999999999999999999]"), 4, GG_ERR_CORRUPT, "too big");
    st_bad(T("\"U8\"", "[4]", "[0,1e999]"), 4, GG_ERR_CORRUPT, "not valid JSON");
    st_bad(T("\"U8\"", "[4]", "[0,5]"), 5, GG_ERR_CORRUPT,
           "span 5 bytes, but its shape and dtype U8");
    st_bad(T("\"U8\"", "[4]", "[0,4]"), 3, GG_ERR_TRUNCATED, "1 bytes behind the end");
    st_bad(T("\"U8\"", "[4]", "[9223372036854775800,9223372036854775804]"), 3, GG_ERR_TRUNCATED,
           "behind the end");
    st_bad(T("\"U8\"", "[4]", "[2,6]"), 6, GG_ERR_CORRUPT, "after bytes no tensor covers");
    st_bad(T("\"U8\"", "[4]", "[0,4]"), 6, GG_ERR_CORRUPT, "2 bytes from byte");
    st_bad(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
        "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}",
        6, GG_ERR_CORRUPT,
        "tensor 'b': its data begins at byte 2 of the data, within another tensor's (header, byte");
    scratch_end();
}
END_TEST

START_TEST(test_bombs)
{
    struct gg_buf b = GG_BUF_INIT;
    scratch_begin();
    gg_buf_adds(&b, "{\"a\":");
    gg_buf_fill(&b, '[', 1000000);
    st_write_raw("bad.safetensors", b.nbytes, b.data, b.nbytes, 0);
    ckpt_open_bad(scratch_path("bad.safetensors"), GG_ERR_LIMIT, "nested deeper than 64");
    gg_buf_reset(&b);
    gg_buf_adds(&b, "{\"a\":[0");
    for (int i = 0; i < 2000000; i++)
        gg_buf_adds(&b, ",0");
    gg_buf_adds(&b, "]}");
    st_write_raw("bad.safetensors", b.nbytes, b.data, b.nbytes, 0);
    ckpt_open_bad(scratch_path("bad.safetensors"), GG_ERR_LIMIT, "more than 1500000 values");
    gg_buf_free(&b);
    scratch_end();
}
END_TEST

START_TEST(test_aliens)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } CASES[] = {
        {"<!doctype html><html>", 21, "is an HTML page"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:", 54, "Git LFS pointer"},
        {"tjgg\3\0\0\0........................", 32, "GGJT"},
        {"GGUF\3\0\0\0........................", 32, "is a GGUF file"},
        {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15, "before version 1.6"},
        {"\x80\x04K\1.", 5, "bare pickle"},
        {"nothing in particular", 21, "neither safetensors nor"},
    };
    scratch_begin();
    for (size_t i = 0; i < GG_COUNTOF(CASES); i++) {
        scratch_write("file.bin", CASES[i].bytes, CASES[i].n);
        ckpt_open_bad(scratch_path("file.bin"), GG_ERR_UNSUPPORTED, CASES[i].text);
    }
    struct gg_err err = {0};
    struct gg_checkpoint *c;
    ck_assert_int_eq(gg_checkpoint_open(&c, scratch_path("none"), NULL, &err), GG_ERR_IO);
    ck_assert_int_eq(gg_checkpoint_open(&c, "/dev/null", NULL, &err), GG_ERR_UNSUPPORTED);
    scratch_end();
}
END_TEST

/* ---- dtypes ---------------------------------------------------------------------------------- */

static float one(enum gg_dtype t, uint64_t bits)
{
    uint8_t raw[8];
    float f[2];
    gg_store_u64(raw, bits);
    gg_dtype_to_f32(f, raw, t, 1);
    return f[0];
}

START_TEST(test_widening)
{
    ck_assert_float_eq(one(GG_DT_F64, gg_bits_from_f64(-1.5)), -1.5f);
    ck_assert_float_eq(one(GG_DT_F16, 0x3c00), 1);
    ck_assert_float_eq(one(GG_DT_BF16, 0xbf80), -1);
    ck_assert_float_eq(one(GG_DT_I64, (uint64_t)-7), -7);
    ck_assert_float_eq(one(GG_DT_I8, 0xff), -1);
    ck_assert_float_eq(one(GG_DT_U8, 0xff), 255);
    ck_assert_float_eq(one(GG_DT_U16, 0xffff), 65535);
    ck_assert_float_eq(one(GG_DT_I16, 0xffff), -1);
    ck_assert_float_eq(one(GG_DT_U64, 1ull << 63), 0x1p63f);
    ck_assert_float_eq(one(GG_DT_BOOL, 1), 1);
    ck_assert_float_eq(one(GG_DT_F8_E4M3, 0x7e), 448);
    ck_assert_float_eq(one(GG_DT_F8_E4M3, 0x01), 0x1p-9f);
    ck_assert_float_eq(one(GG_DT_F8_E4M3, 0x08), 0x1p-6f);
    ck_assert_float_eq(one(GG_DT_F8_E4M3, 0xb8), -1);
    ck_assert(isnan(one(GG_DT_F8_E4M3, 0x7f)) && isnan(one(GG_DT_F8_E4M3, 0xff)));
    ck_assert_float_eq(one(GG_DT_F8_E5M2, 0x7b), 57344);
    ck_assert(isinf(one(GG_DT_F8_E5M2, 0x7c)) && isnan(one(GG_DT_F8_E5M2, 0x7d)));
    ck_assert_float_eq(one(GG_DT_F8_E8M0, 0), 0x1p-127f);
    ck_assert_float_eq(one(GG_DT_F8_E8M0, 127), 1);
    ck_assert_float_eq(one(GG_DT_F8_E8M0, 254), 0x1p127f);
    ck_assert(isnan(one(GG_DT_F8_E8M0, 255)));
    static const float f4[16] = {0,     0.5f,  1,  1.5f,  2,  3,  4,  6,
                                 -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
    uint8_t packed[8] = {0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe};
    float got[1024];
    gg_dtype_to_f32(got, packed, GG_DT_F4, 16);
    ck_assert_mem_eq(got, f4, sizeof f4);
    /* 0x3f, 0x01, 0x20, 0x08: the largest negative, the smallest, minus zero, one (E2M3), in 24 bits. */
    uint8_t six[3] = {0x7f, 0x00, 0x22};
    gg_dtype_to_f32(got, six, GG_DT_F6_E2M3, 4);
    ck_assert(got[0] == -7.5f && got[1] == 0.125f && got[2] == 0 && signbit(got[2]) && got[3] == 1);
    gg_dtype_to_f32(got, six, GG_DT_F6_E3M2, 4);
    ck_assert(got[0] == -28 && got[1] == 0.0625f && got[2] == 0 && signbit(got[2]) && got[3] == 0.5f);
    ck_assert_float_eq(one(GG_DT_F8_E4M3FNUZ, 0x7f), 240);
    ck_assert_float_eq(one(GG_DT_F8_E4M3FNUZ, 0x01), 0x1p-10f);
    ck_assert_float_eq(one(GG_DT_F8_E4M3FNUZ, 0xc0), -1);
    ck_assert_float_eq(one(GG_DT_F8_E5M2FNUZ, 0x7f), 57344);
    ck_assert_float_eq(one(GG_DT_F8_E5M2FNUZ, 0x01), 0x1p-17f);
    ck_assert(isnan(one(GG_DT_F8_E4M3FNUZ, 0x80)) && isnan(one(GG_DT_F8_E5M2FNUZ, 0x80)));
    /* The table of the many is that of the few. */
    uint8_t all[1024];
    for (unsigned i = 0; i < 1024; i++)
        all[i] = (uint8_t)i;
    for (enum gg_dtype t = GG_DT_F8_E4M3; t <= GG_DT_F8_E5M2FNUZ; t++) {
        gg_dtype_to_f32(got, all, t, 1024);
        for (unsigned i = 0; i < 1024; i++)
            ck_assert_uint_eq(gg_bits_from_f32(got[i]), gg_bits_from_f32(one(t, i & 255)));
    }
}
END_TEST

START_TEST(test_dtype_names)
{
    enum gg_dtype t;
    for (int i = 0; i < GG_DT_COUNT; i++) {
        ck_assert(gg_dtype_by_name(gg_dtype_name((enum gg_dtype)i), &t));
        ck_assert_int_eq((int)t, i);
    }
    ck_assert(gg_dtype_by_torch("BFloat16Storage", 15, true, &t) && t == GG_DT_BF16);
    ck_assert(gg_dtype_by_torch("bfloat16", 8, false, &t) && t == GG_DT_BF16);
    ck_assert(!gg_dtype_by_torch("ComplexFloatStorage", 19, true, &t));
    ck_assert(!gg_dtype_by_torch("bfloat16x", 9, false, &t));
    uint64_t n;
    ck_assert(!gg_dtype_nbytes(GG_DT_F4, 3, &n));
    ck_assert(gg_dtype_nbytes(GG_DT_F4, 4, &n) && n == 2);
    ck_assert(!gg_dtype_nbytes(GG_DT_F6_E2M3, 6, &n));
    ck_assert(gg_dtype_nbytes(GG_DT_F6_E3M2, 8, &n) && n == 6);
    ck_assert(!gg_dtype_nbytes(GG_DT_F64, 1ull << 61, &n));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("import-safetensors");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_good);
    tcase_add_test(t, test_bad_length);
    tcase_add_test(t, test_bad_entries);
    tcase_add_test(t, test_bombs);
    tcase_add_test(t, test_aliens);
    tcase_add_test(t, test_widening);
    tcase_add_test(t, test_dtype_names);
    suite_add_tcase(s, t);
    return s;
}
