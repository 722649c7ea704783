/* Archives that are cut short, lie, or mean harm: refused with one line. */
#include "tests/archive_make.h"
#include "tests/check_main.h"
#include "tests/ckpt_make.h"
#include "tests/zip_make.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- bad ones -------------------------------------------------------------------------------- */

static void one_member(enum form f, const char *name, const char *member, const void *p, size_t n)
{
    struct archive *a = archive_begin(f, name);
    archive_put(a, member, p, n);
    archive_end(a);
}

START_TEST(test_bad)
{
    struct gg_buf b = GG_BUF_INIT;
    scratch_begin();
    archive_make_st(&b, "a", "b", 100, 0);
    one_member(TAR_GZ, "bad", "../m.safetensors", b.data, b.nbytes);
    ckpt_open_bad(scratch_path("bad"), GG_ERR_CORRUPT,
             "'../m.safetensors' is not a plain relative path");
    one_member(TAR, "bad", "a/../../m.safetensors", b.data, b.nbytes);
    ckpt_open_bad(scratch_path("bad"), GG_ERR_CORRUPT, "is not a plain relative path");
    one_member(TAR_ZST, "bad", "readme", "x", 1);
    ckpt_open_bad(scratch_path("bad"), GG_ERR_UNSUPPORTED, "holds no safetensors");
    one_member(TAR_GZ, "bad", "x.gguf", "GGUF", 4);
    ckpt_open_bad(scratch_path("bad"), GG_ERR_UNSUPPORTED, "but GGUF files");
    one_member(TAR_GZ, "bad", "m.safetensors", b.data, b.nbytes - 1);
    ckpt_open_bad(scratch_path("bad"), GG_ERR_TRUNCATED, "bad:m.safetensors: tensor 'b': its data ends");
    struct archive *a = archive_begin(TAR_GZ, "bad");
    archive_put(a, "x/m.safetensors", b.data, b.nbytes);
    archive_put(a, "y/m.safetensors", b.data, b.nbytes);
    archive_end(a);
    ckpt_open_bad(scratch_path("bad"), GG_ERR_ARG, "which file is the model? There are");
    a = archive_begin(TAR, "bad");
    archive_put(a, "m.safetensors", b.data, b.nbytes);
    archive_put(a, "m.safetensors", b.data, b.nbytes);
    archive_end(a);
    ckpt_open_bad(scratch_path("bad"), GG_ERR_CORRUPT, "two members are called 'm.safetensors'");
    a = archive_begin(TAR, "bad");
    archive_put(a, "pickle", "x", 1);
    archive_put(a, "storages", "x", 1);
    archive_put(a, "tensors", "x", 1);
    archive_end(a);
    ckpt_open_bad(scratch_path("bad"), GG_ERR_UNSUPPORTED, "of the oldest kind, a tar file");
    gg_buf_addf(&b, "%s:m", scratch_path("none"));
    ckpt_open_bad(scratch_path("none:m"), GG_ERR_IO, "cannot open");
    scratch_write("f.safetensors", b.data, 10);
    ckpt_open_bad(scratch_path("f.safetensors:m"), GG_ERR_UNSUPPORTED, "is not an archive");
    gg_buf_free(&b);
    scratch_end();
}
END_TEST

/* Cut anywhere, an archive is refused, or (cut within its final zeros) whole. */
START_TEST(test_cut)
{
    scratch_begin();
    for (enum form f = TAR; f <= ZIP_PACKED; f++) {
        size_t n;
        archive_make_model(f, 3000);
        char *p = scratch_read(ARCHIVE_NAMES[f], &n);
        size_t whole = f == TAR ? n - 1024 : f == TAR_GZ || f == TAR_ZST ? n - 32 : n;
        for (size_t k = 1; k < whole; k += f == TAR ? 211 : 37) {
            struct gg_checkpoint *c;
            struct gg_err err = {0};
            scratch_write("cut", p, k);
            if (gg_checkpoint_open(&c, scratch_path("cut"), NULL, &err) == GG_OK)
                ck_abort_msg("%s is taken when cut to %zu of %zu", ARCHIVE_NAMES[f], k, n);
            ck_assert_ptr_null(strchr(err.msg, '\n'));
        }
        free(p);
    }
    scratch_end();
}
END_TEST

/* A gigabyte of zeros from a few hundred kilobytes. */
START_TEST(test_bomb)
{
    scratch_begin();
    struct archive *a = archive_begin(TAR_ZST, "bomb.tar.zst");
    struct archive_entry *e = archive_entry_new();
    char *zeros = calloc(1, 1 << 20);
    archive_entry_set_pathname(e, "model.safetensors");
    archive_entry_set_size(e, 1ll << 30);
    archive_entry_set_filetype(e, AE_IFREG);
    ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
    for (int i = 0; i < 1024; i++)
        ck_assert_int_eq(archive_write_data(a, zeros, 1 << 20), 1 << 20);
    archive_entry_free(e);
    archive_end(a);
    free(zeros);
    ckpt_open_bad(scratch_path("bomb.tar.zst"), GG_ERR_LIMIT, "a bomb, not a model");
    scratch_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("import-archive-bad");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_bad);
    tcase_add_test(t, test_cut);
    tcase_add_test(t, test_bomb);
    suite_add_tcase(s, t);
    return s;
}
