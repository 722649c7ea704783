/* Zip files that contradict themselves, and NumPy's. */
#include "tests/check_main.h"
#include "tests/ckpt_make.h"
#include "tests/zip_make.h"

#include <stdlib.h>
#include <unistd.h>

static const uint8_t BYTES[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                  12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

/* ---- bad zip files --------------------------------------------------------------------------- */

static void zip_bad(struct zip_make *z, enum gg_code code, const char *text)
{
    zm_adds(z, "m/data.pkl", "}.");
    zm_write(z, "bad.bin");
    ckpt_open_bad(scratch_path("bad.bin"), code, text);
}

START_TEST(test_bad_zip)
{
    struct zip_make z = {0};
    scratch_begin();
    zip_bad(&z, GG_ERR_CORRUPT, "holds no tensors");
    z.local_name = "m/data.pkx";
    zip_bad(&z, GG_ERR_CORRUPT, "member 'm/data.pkl': its local header contradicts the directory");
    z.dir_nbytes_more = 1;
    zip_bad(&z, GG_ERR_CORRUPT, "its local header contradicts");
    z.dir_nbytes_more = 100;
    zip_bad(&z, GG_ERR_CORRUPT, "its data is not inside the file");
    z.dir_nbytes_more = -1;
    zip_bad(&z, GG_ERR_CORRUPT, "its local header contradicts");
    z.local_off_more = 100000;
    zip_bad(&z, GG_ERR_CORRUPT, "its data is not inside the file");
    z.flags = 1;
    zip_bad(&z, GG_ERR_UNSUPPORTED, "is encrypted");
    z.zip64 = true;
    z.dir_nbytes_more = INT64_MIN;
    zip_bad(&z, GG_ERR_CORRUPT, "its data is not inside the file");
    zm_adds(&z, "m/data.pkl", "}.");
    zip_bad(&z, GG_ERR_CORRUPT, "two members are called 'm/data.pkl'");
    zm_adds(&z, "m/data.pkl/../x", "");
    zip_bad(&z, GG_ERR_CORRUPT, "is not a plain relative path");
    zm_adds(&z, "/m", "");
    zip_bad(&z, GG_ERR_CORRUPT, "is not a plain relative path");
    zm_adds(&z, "..", "");
    zip_bad(&z, GG_ERR_CORRUPT, "is not a plain relative path");
    zm_adds(&z, "..m/..x/y..", ""); /* dots alone are no way out */
    zip_bad(&z, GG_ERR_CORRUPT, "holds no tensors");
    zm_adds(&z, "m/a", "0123456789");
    z.local_off_more = -5; /* over the one before */
    zm_adds(&z, "m/b", "0123456789");
    z.local_off_more = 0;
    zip_bad(&z, GG_ERR_CORRUPT, "lies over another member");
    zm_adds(&z, "m/constants.pkl", "");
    zip_bad(&z, GG_ERR_UNSUPPORTED, "TorchScript");
    zm_adds(&z, "m/byteorder", "middle");
    zip_bad(&z, GG_ERR_CORRUPT, "neither 'little' nor 'big'");
    zm_adds(&z, "readme", "hello");
    zm_write(&z, "bad.bin");
    ckpt_open_bad(scratch_path("bad.bin"), GG_ERR_UNSUPPORTED, "holds no safetensors");
    scratch_end();
}
END_TEST

/* Cut anywhere, a zip file is refused with one line: its end is what names the members. */
START_TEST(test_cut_zip)
{
    static const struct pk_tensor T = {"a", "ByteStorage", "0", 24, 0, 1, {24}, {1}};
    for (int zip64 = 0; zip64 < 2; zip64++) {
        struct zip_make z = {.zip64 = zip64 != 0};
        struct gg_checkpoint *c;
        scratch_begin();
        zm_add_pickle(&z, &T, 1);
        zm_add(&z, "m/data/0", BYTES, 24);
        zm_end(&z);
        for (size_t n = 0; n < z.b.nbytes; n++) {
            struct gg_err err = {0};
            scratch_write("cut.bin", z.b.data, n);
            ck_assert_msg(gg_checkpoint_open(&c, scratch_path("cut.bin"), NULL, &err) != GG_OK,
                          "taken when cut to %zu bytes", n);
            ck_assert(err.msg[0] != '\0');
        }
        gg_buf_free(&z.b);
        gg_buf_free(&z.dir);
        scratch_end();
    }
}
END_TEST

/* Any one byte changed: opened or refused, never a crash (sanitizers look on). */
START_TEST(test_bent_zip)
{
    static const struct pk_tensor T = {"a", "ByteStorage", "0", 24, 0, 2, {4, 6}, {1, 4}};
    struct zip_make z = {.zip64 = true};
    uint8_t v[24];
    size_t n_ok = 0;
    scratch_begin();
    zm_add_pickle(&z, &T, 1);
    zm_add(&z, "m/data/0", BYTES, 24);
    zm_end(&z);
    for (size_t i = 0; i < z.b.nbytes; i++)
        for (int k = 0; k < 3; k++) {
            static const uint8_t flip[] = {1, 0x80, 0xff};
            struct gg_checkpoint *c;
            struct gg_err err = {0};
            z.b.data[i] = (char)(z.b.data[i] ^ flip[k]);
            scratch_write("bent.bin", z.b.data, z.b.nbytes);
            if (gg_checkpoint_open(&c, scratch_path("bent.bin"), NULL, &err) == GG_OK) {
                n_ok++;
                if (gg_checkpoint_tensor(c, 0)->nbytes <= sizeof v)
                    ck_assert_int_eq(
                        gg_checkpoint_read(c, 0, 0, gg_checkpoint_tensor(c, 0)->nelems, v, &err),
                        GG_OK);
                gg_checkpoint_free(c);
            } else {
                ck_assert(err.msg[0] != '\0' && strchr(err.msg, '\n') == NULL);
            }
            z.b.data[i] = (char)(z.b.data[i] ^ flip[k]);
        }
    ck_assert(n_ok > 24 && n_ok < 3 * z.b.nbytes);
    gg_buf_free(&z.b);
    gg_buf_free(&z.dir);
    scratch_end();
}
END_TEST

/* ---- NumPy ----------------------------------------------------------------------------------- */

START_TEST(test_npz)
{
    struct zip_make z = {0};
    struct gg_buf b = GG_BUF_INIT;
    struct gg_err err = {0};
    uint8_t v[12];
    scratch_begin();
    npy_make(&b, "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }   \n", 12);
    zm_add(&z, "a.weight.npy", b.data, b.nbytes);
    scratch_write("one.npy", b.data, b.nbytes);
    gg_buf_reset(&b);
    npy_make(&b, "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3)}", 12);
    zm_add(&z, "f.npy", b.data, b.nbytes);
    gg_buf_reset(&b);
    npy_make(&b, "{\"shape\": (), 'fortran_order': False, 'descr': '|u1'}", 1);
    zm_add(&z, "s.npy", b.data, b.nbytes);
    zm_write(&z, "m.npz");
    struct gg_checkpoint *c = ckpt_open_ok(scratch_path("m.npz"), NULL);
    ck_assert_str_eq(gg_checkpoint_format(c), "npz");
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 3);
    ck_assert_str_eq(gg_checkpoint_tensor(c, 0)->name, "a.weight");
    ck_assert(gg_checkpoint_tensor(c, 0)->dtype == GG_DT_I16);
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 2, 2, v, &err), GG_OK);
    ck_assert_mem_eq(v, BYTES + 4, 4);
    const uint8_t want[12] = {1, 0, 5, 4, 9, 8, 3, 2, 7, 6, 11, 10};
    ck_assert_int_eq(gg_checkpoint_read(c, 1, 0, 6, v, &err), GG_OK);
    ck_assert_mem_eq(v, want, 12);
    ck_assert_uint_eq(gg_checkpoint_tensor(c, 2)->n_dims, 0);
    ck_assert_uint_eq(gg_checkpoint_tensor(c, 2)->nelems, 1);
    gg_checkpoint_free(c);
    c = ckpt_open_ok(scratch_path("one.npy"), NULL);
    ck_assert_str_eq(gg_checkpoint_tensor(c, 0)->name, "one");
    gg_checkpoint_free(c);
    gg_buf_free(&b);
    scratch_end();
}
END_TEST

static void npy_bad(const char *header, size_t n, enum gg_code code, const char *text)
{
    struct gg_buf b = GG_BUF_INIT;
    npy_make(&b, header, n);
    scratch_write("bad.bin", b.data, b.nbytes);
    gg_buf_free(&b);
    ckpt_open_bad(scratch_path("bad.bin"), code, text);
}

#define NPY(descr, order, shape)                                                                   \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape "}"

START_TEST(test_bad_npy)
{
    scratch_begin();
    npy_bad(NPY("'|O'", "False", "(1,)"), 8, GG_ERR_UNSUPPORTED,
            "'|O' are not read: pickled objects");
    npy_bad(NPY("'<c8'", "False", "(1,)"), 8, GG_ERR_UNSUPPORTED, "'<c8' are not read");
    npy_bad(NPY("'|V2'", "False", "(1,)"), 2, GG_ERR_UNSUPPORTED, "'|V2' are not read");
    npy_bad(NPY("[('a', '<f4')]", "False", "(1,)"), 4, GG_ERR_CORRUPT, "not the dictionary");
    npy_bad(NPY("'<f4'", "Maybe", "(1,)"), 4, GG_ERR_CORRUPT, "not the dictionary");
    npy_bad(NPY("'<f4'", "False", "(-1,)"), 4, GG_ERR_CORRUPT, "not the dictionary");
    npy_bad(NPY("'<f4'", "False", "(99999999999999999999,)"), 4, GG_ERR_CORRUPT,
            "not the dictionary");
    npy_bad(NPY("'<f4'", "False", "(1,1,1,1,1,1,1,1,1)"), 4, GG_ERR_CORRUPT, "not the dictionary");
    npy_bad(NPY("'<f4'", "False", "(4294967296,4294967296)"), 4, GG_ERR_CORRUPT, "product");
    npy_bad(NPY("'<f4'", "False", "(2,)"), 7, GG_ERR_TRUNCATED, "has 7 bytes of data");
    npy_bad(NPY("'<f4'", "False", "(2,)"), 9, GG_ERR_CORRUPT, "has 9 bytes of data");
    npy_bad("{'descr': '<f4', 'shape': (1,)}", 4, GG_ERR_CORRUPT, "not the dictionary");
    npy_bad("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", 4, GG_ERR_CORRUPT,
            "not the dictionary");
    npy_bad("{'descr': __import__('os')}", 4, GG_ERR_CORRUPT, "not the dictionary");
    npy_bad("", 0, GG_ERR_CORRUPT, "not the dictionary");
    scratch_write("bad.bin", "\x93NUMPY\x01\0\xff\xff{", 11);
    ckpt_open_bad(scratch_path("bad.bin"), GG_ERR_TRUNCATED, "ends at byte 11");
    scratch_write("bad.bin", "\x93NUMPY\x02\0\xff\xff\xff\x7f{", 13);
    ckpt_open_bad(scratch_path("bad.bin"), GG_ERR_LIMIT, "over the limit");
    scratch_write("bad.bin", "\x93NUMPY\x09\0\0\0\0\0", 12);
    ckpt_open_bad(scratch_path("bad.bin"), GG_ERR_UNSUPPORTED, "version 9");
    scratch_write("bad.bin", "\x93NUMPY", 6);
    ckpt_open_bad(scratch_path("bad.bin"), GG_ERR_CORRUPT, "does not begin as such a file");
    scratch_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("import-zip");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_bad_zip);
    tcase_add_test(t, test_cut_zip);
    tcase_add_test(t, test_bent_zip);
    tcase_add_test(t, test_npz);
    tcase_add_test(t, test_bad_npy);
    suite_add_tcase(s, t);
    return s;
}
