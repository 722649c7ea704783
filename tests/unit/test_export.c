/* lib/export: what is written is read again as it was meant; names that cannot be are refused. */
#include "lib/export/floats.h"
#include "lib/export/npy.h"
#include "lib/export/safetensors.h"
#include "lib/import/checkpoint.h"
#include "tests/check_main.h"
#include "tests/scratch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t shapes[][2] = {{4, 3}, {2, 1}, {0, 5}, {7, 1}};
static struct gg_st_tensor tensors[] = {
    {"plain", "F32", 2, shapes[0], 48},
    {"qu\"ote\\back\nline", "F16", 1, shapes[1], 4},
    {"\xc3\xa9mpty", "F32", 2, shapes[2], 0},
    {"last", "U8", 1, shapes[3], 7},
};

enum { N = 4 };

static int write_all(const struct gg_st_opts *o, struct gg_err *err)
{
    struct gg_st_writer *w;
    uint8_t data[64];
    int rc = gg_st_open(&w, tensors, N, o, err);
    for (size_t i = N; rc == GG_OK && i-- > 0;) { /* backwards, in two pieces */
        memset(data, (int)i + 1, sizeof data);
        size_t n = (size_t)tensors[i].nbytes;
        rc = gg_st_write(w, i, n / 2, data, n - n / 2, err);
        if (rc == GG_OK)
            rc = gg_st_write(w, i, 0, data, n / 2, err);
    }
    if (rc == GG_OK)
        rc = gg_st_write(w, 0, 48, data, 1, err) == GG_ERR_BUG ? GG_OK : GG_ERR_BUG;
    if (rc == GG_OK)
        rc = gg_st_commit(w, err);
    gg_st_free(w);
    return rc;
}

static void check_readable(const char *path)
{
    struct gg_checkpoint *c;
    struct gg_err err;
    uint8_t data[64], want[64];
    ck_assert_msg(gg_checkpoint_open(&c, path, NULL, &err) == GG_OK, "%s", err.msg);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), N);
    for (size_t i = 0; i < N; i++) {
        size_t k = gg_checkpoint_find(c, tensors[i].name);
        ck_assert_uint_ne(k, SIZE_MAX);
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(c, k);
        ck_assert_str_eq(gg_dtype_name(t->dtype), tensors[i].dtype);
        ck_assert_uint_eq(t->n_dims, tensors[i].n_dims);
        for (unsigned d = 0; d < t->n_dims; d++)
            ck_assert_uint_eq(t->shape[d], tensors[i].ne[t->n_dims - 1 - d]);
        memset(want, (int)i + 1, sizeof want);
        ck_assert_int_eq(gg_checkpoint_read(c, k, 0, t->nelems, data, &err), GG_OK);
        ck_assert_mem_eq(data, want, (size_t)t->nbytes);
    }
    gg_checkpoint_free(c);
}

START_TEST(test_safetensors)
{
    struct gg_err err;
    scratch_begin();
    struct gg_st_opts o = {.path = scratch_path("a.safetensors"), .max_nbytes = _i == 0 ? 0 : 50};
    ck_assert_msg(write_all(&o, &err) == GG_OK, "%s", err.msg);
    ck_assert_uint_eq(scratch_count(), _i == 0 ? 1 : 3); /* two files, an index */
    check_readable(_i == 0 ? scratch_path("a.safetensors") : scratch_path("a.safetensors.index.json"));
    ck_assert_int_eq(write_all(&o, &err), GG_ERR_ARG); /* it is there */
    ck_assert_uint_eq(scratch_count(), _i == 0 ? 1 : 3);
    scratch_end();
}
END_TEST

START_TEST(test_names)
{
    static const char *const bad[] = {"plain", "\xff", "\xed\xa0\x80"};
    struct gg_err err;
    scratch_begin();
    const char *was = tensors[3].name;
    struct gg_st_opts o = {.path = scratch_path("a.safetensors")};
    tensors[3].name = bad[_i];
    ck_assert_int_eq(write_all(&o, &err), _i == 0 ? GG_ERR_CORRUPT : GG_ERR_UNSUPPORTED);
    tensors[3].name = was;
    ck_assert_uint_eq(scratch_count(), 0);
    scratch_end();
}
END_TEST

START_TEST(test_npy)
{
    static const uint64_t ne[4] = {5, 4, 3, 18446744073709551615u};
    for (unsigned n = 0; n <= 4; n++) {
        struct gg_buf b = GG_BUF_INIT;
        gg_npy_header(&b, "<f4", n, ne);
        ck_assert_uint_eq(b.nbytes % 64, 0);
        ck_assert_int_eq(b.data[b.nbytes - 1], '\n');
        ck_assert_uint_eq((uint8_t)b.data[8] + 256u * (uint8_t)b.data[9], b.nbytes - 10);
        gg_buf_free(&b);
    }
}
END_TEST

START_TEST(test_floats)
{
    const float x[] = {1.0f, 0.1f, 70000.0f, NAN, -0.0f, INFINITY};
    uint8_t out[sizeof x];
    ck_assert_uint_eq(gg_floats_put(QT_F32, x, 6, out), 0);
    ck_assert_mem_eq(out, x, sizeof x);
    ck_assert_uint_eq(gg_floats_put(QT_F16, x, 6, out), 2);
    ck_assert_mem_eq(out, "\0\x3c\x66\x2e\0\x7c", 6);
    ck_assert_uint_eq(gg_floats_put(QT_BF16, x, 6, out), 2);
    ck_assert_mem_eq(out, "\x80\x3f\xcd\x3d\x89\x47", 6);
    ck_assert_uint_eq(gg_floats_nbytes(QT_BF16), 2);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("export");
    TCase *t = tcase_create("export");
    tcase_add_loop_test(t, test_safetensors, 0, 2);
    tcase_add_loop_test(t, test_names, 0, 3);
    tcase_add_test(t, test_npy);
    tcase_add_test(t, test_floats);
    suite_add_tcase(s, t);
    return s;
}
