/* Checkpoints inside archives: found, read in order and out of order. */
#include "lib/import/unpack.h"
#include "tests/archive_make.h"
#include "tests/check_main.h"
#include "tests/ckpt_make.h"
#include "tests/zip_make.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void check_piece(struct gg_checkpoint *c, const char *name, uint64_t seed, uint64_t first,
                        uint64_t n)
{
    struct gg_err err = {0};
    uint8_t *v = malloc((size_t)n + 1);
    size_t i = gg_checkpoint_find(c, name);
    ck_assert(i != SIZE_MAX && v != NULL);
    ck_assert_msg(gg_checkpoint_read(c, i, first, n, v, &err) == GG_OK, "%s", err.msg);
    for (uint64_t k = 0; k < n; k++)
        if (v[k] != archive_byte(seed, first + k))
            ck_abort_msg("%s: byte %llu is wrong", name, (unsigned long long)(first + k));
    free(v);
}

/* ---- good ones ------------------------------------------------------------------------------- */

START_TEST(test_forms)
{
    struct gg_err err = {0};
    scratch_begin();
    for (enum form f = TAR; f <= ZIP_PACKED; f++) {
        struct gg_findings g = GG_FINDINGS_INIT;
        struct gg_buf spec = GG_BUF_INIT;
        size_t n = 1500000, nbytes;
        char *data;
        int fd;
        uint64_t off;
        archive_make_model(f, n);
        struct gg_checkpoint *c = ckpt_open_ok(scratch_path(ARCHIVE_NAMES[f]), &g);
        ck_assert_uint_eq(g.n, 0);
        ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 4);
        bool stream = f == TAR_GZ || f == TAR_ZST || f == ZIP_PACKED;
        ck_assert_int_eq(gg_checkpoint_sequential(c), stream);
        ck_assert_int_eq(gg_checkpoint_extent(c, 0, &fd, &off), !stream);
        /* Stored order is the order of (file, pos). */
        ck_assert_str_eq(gg_checkpoint_tensor(c, 0)->name, "c");
        check_piece(c, "c", 2, 0, n);
        check_piece(c, "d", 3, 5, n - 5);
        check_piece(c, "a", 0, 1000, 10);
        check_piece(c, "b", 1, n - 1, 1);
        check_piece(c, "c", 2, 100, 100); /* back */
        check_piece(c, "b", 1, 0, n);
        ck_assert_int_eq(gg_checkpoint_side_file(c, "config.json", 100, &data, &nbytes, &err),
                         GG_OK);
        ck_assert_str_eq(data, "{\"a\":1}");
        free(data);
        uint64_t dev, ino, size;
        gg_checkpoint_file(c, 1, &size, &dev, &ino);
        ck_assert(ino != 0 && size > 2 * n);
        gg_checkpoint_free(c);
        /* Named within. */
        gg_buf_addf(&spec, "%s:x", scratch_path(ARCHIVE_NAMES[f]));
        c = ckpt_open_ok(gg_buf_str(&spec), NULL);
        ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 4);
        gg_checkpoint_free(c);
        gg_buf_adds(&spec, "/" S1);
        c = ckpt_open_ok(gg_buf_str(&spec), NULL);
        ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 2);
        check_piece(c, "b", 1, 0, n);
        gg_checkpoint_free(c);
        gg_buf_adds(&spec, "x");
        ckpt_open_bad(gg_buf_str(&spec), GG_ERR_UNSUPPORTED, "there is no 'x/" S1 "x' in it");
        gg_buf_free(&spec);
    }
    scratch_end();
}
END_TEST

struct reader {
    struct gg_checkpoint *c;
    unsigned k, of;
};

/* Every of-th slab, in stored order. */
static void *read_slabs(void *arg)
{
    enum { SLAB = 1 << 18, N = 5 << 20 };
    struct reader *r = arg;
    uint8_t *v = malloc(SLAB);
    size_t bad = v == NULL;
    unsigned slab = 0;
    for (size_t i = 0; i < gg_checkpoint_n_tensors(r->c); i++) {
        const char *name = gg_checkpoint_tensor(r->c, i)->name;
        for (uint64_t at = 0; at < N && bad == 0; at += SLAB) {
            if (slab++ % r->of != r->k)
                continue;
            bad += gg_checkpoint_read(r->c, i, at, SLAB, v, NULL) != GG_OK;
            for (uint64_t b = 0; b < SLAB; b++)
                bad += v[b] != archive_byte((uint64_t)(name[0] - 'a'), at + b);
        }
    }
    free(v);
    return bad == 0 ? NULL : r;
}

/* Threads side by side: right bytes (that it stays one pass, test_passes shows). */
START_TEST(test_threads)
{
    scratch_begin();
    archive_make_model(TAR_GZ, 5 << 20);
    struct gg_checkpoint *c = ckpt_open_ok(scratch_path(ARCHIVE_NAMES[TAR_GZ]), NULL);
    struct reader r[3];
    pthread_t t[3];
    for (unsigned k = 0; k < 3; k++) {
        r[k] = (struct reader){c, k, 3};
        ck_assert_int_eq(pthread_create(&t[k], NULL, read_slabs, &r[k]), 0);
    }
    for (unsigned k = 0; k < 3; k++) {
        void *bad;
        pthread_join(t[k], &bad);
        ck_assert_ptr_null(bad);
    }
    gg_checkpoint_free(c);
    scratch_end();
}
END_TEST

/* What is small or asked for in order costs one pass besides the first; what is kept, none. */
START_TEST(test_passes)
{
    enum { N = 20 << 20 };
    struct gg_unpack *u;
    struct gg_input *in, *one, *two, *small;
    struct gg_err err = {0};
    uint8_t *p = malloc(N), *v = malloc(N);
    ck_assert(p != NULL && v != NULL);
    for (size_t i = 0; i < N; i++)
        p[i] = archive_byte(9, i);
    memcpy(p, "PK\003\004", 4); /* as a zip: head and tail are kept */
    scratch_begin();
    struct archive *a = archive_begin(TAR_GZ, "x.tar.gz");
    archive_put(a, "./one", p, N);
    archive_put(a, "small.json", p + 100, 1000);
    archive_put(a, "two", p, N);
    archive_end(a);
    ck_assert_int_eq(gg_input_open(&in, scratch_path("x.tar.gz"), &err), GG_OK);
    ck_assert_msg(gg_unpack_open(&u, in, true, NULL, &err) == GG_OK, "%s", err.msg);
    ck_assert_uint_eq(gg_unpack_n(u), 3);
    ck_assert_str_eq(gg_unpack_entry(u, 0)->name, "one");
    ck_assert_int_eq(gg_unpack_open_entry(u, 0, "one", &one, &err), GG_OK);
    ck_assert_int_eq(gg_unpack_open_entry(u, 1, "small", &small, &err), GG_OK);
    ck_assert_int_eq(gg_unpack_open_entry(u, 2, "two", &two, &err), GG_OK);
    ck_assert_int_eq(gg_input_read_all(small, 0, v, 1000, &err), GG_OK);
    ck_assert_mem_eq(v, p + 100, 1000);
    ck_assert_int_eq(gg_input_read_all(two, N - 1000, v, 1000, &err), GG_OK);
    ck_assert_mem_eq(v, p + N - 1000, 1000);
    ck_assert_int_eq(gg_input_read_all(two, 5, v, 100000, &err), GG_OK);
    ck_assert_mem_eq(v, p + 5, 100000);
    ck_assert_uint_eq(gg_unpack_n_passes(u), 1);
    /* In order, with neighbours changing places. */
    enum { SLAB = 1 << 20 };
    static const unsigned ORDER[] = {1,  0,  3,  2,  5,  4,  6,  9,  8,  7,
                                     10, 11, 14, 13, 12, 16, 15, 17, 19, 18};
    for (int round = 0; round < 2; round++)
        for (unsigned k = 0; k < GG_COUNTOF(ORDER); k++) {
            uint64_t at = (uint64_t)ORDER[k] * SLAB;
            ck_assert_int_eq(gg_input_read_all(round == 0 ? one : two, at, v, SLAB, &err), GG_OK);
            ck_assert_mem_eq(v, p + at, SLAB);
        }
    ck_assert_uint_eq(gg_unpack_n_passes(u), 2);
    ck_assert_int_eq(gg_input_read_all(one, 5 << 20, v, SLAB, &err), GG_OK); /* far back */
    ck_assert_mem_eq(v, p + (5 << 20), SLAB);
    ck_assert_uint_eq(gg_unpack_n_passes(u), 3);
    ck_assert_int_eq(gg_input_read_all(two, 6 << 20, v, SLAB, &err), GG_OK); /* far on */
    ck_assert_mem_eq(v, p + (6 << 20), SLAB);
    ck_assert_uint_eq(gg_unpack_n_passes(u), 3);
    gg_input_free(one);
    gg_input_free(two);
    gg_input_free(small);
    gg_unpack_free(u);
    gg_input_free(in);
    free(p);
    free(v);
    scratch_end();
}
END_TEST

/* One compressed file, and a PyTorch checkpoint or an npz in an archive. */
START_TEST(test_nested)
{
    static const struct pk_tensor T = {"w", "ByteStorage", "0", 24, 0, 2, {4, 6}, {1, 4}};
    struct gg_buf b = GG_BUF_INIT;
    struct zip_make z = {0};
    struct gg_err err = {0};
    uint8_t v[24], data[24];
    scratch_begin();
    for (unsigned i = 0; i < 24; i++)
        data[i] = (uint8_t)i;
    struct archive *a = archive_write_new();
    archive_write_set_format_raw(a);
    archive_write_add_filter_zstd(a);
    archive_write_open_filename(a, scratch_path("one.safetensors.zst"));
    archive_make_st(&b, "a", "b", 100, 0);
    archive_put(a, "x", b.data, b.nbytes);
    archive_end(a);
    struct gg_checkpoint *c = ckpt_open_ok(scratch_path("one.safetensors.zst"), NULL);
    uint64_t n, dev, ino;
    ck_assert_str_eq(gg_checkpoint_file(c, 0, &n, &dev, &ino), "one.safetensors");
    check_piece(c, "b", 1, 0, 100);
    gg_checkpoint_free(c);
    gg_buf_reset(&b);
    pk_begin(&b);
    pk_tensor(&b, &T);
    pk_end(&b);
    zm_add(&z, "m/data.pkl", b.data, b.nbytes);
    zm_add(&z, "m/data/0", data, 24);
    zm_end(&z);
    a = archive_begin(TAR_GZ, "t.tar.gz");
    archive_put(a, "m/pytorch_model.bin", z.b.data, z.b.nbytes);
    archive_put(a, "m/training_args.bin", "x", 1);
    archive_end(a);
    c = ckpt_open_ok(scratch_path("t.tar.gz"), NULL);
    ck_assert_str_eq(gg_checkpoint_format(c), "PyTorch");
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 0, 24, v, &err), GG_OK);
    for (unsigned i = 0; i < 24; i++)
        ck_assert_uint_eq(v[i], i / 6 + i % 6 * 4);
    gg_checkpoint_free(c);
    /* np.savez_compressed */
    a = archive_begin(ZIP_PACKED, "m.npz");
    for (int i = 0; i < 3; i++) {
        char name[8] = {(char)('a' + i), '.', 'n', 'p', 'y', 0};
        gg_buf_reset(&b);
        npy_make(&b, "{'descr': '<i2', 'fortran_order': False, 'shape': (100,)}", 200);
        archive_put(a, name, b.data, b.nbytes);
    }
    archive_end(a);
    c = ckpt_open_ok(scratch_path("m.npz"), NULL);
    ck_assert(gg_checkpoint_sequential(c));
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(gg_checkpoint_read(c, i, 5, 10, v, &err), GG_OK);
        ck_assert_uint_eq(v[19], 29);
    }
    gg_checkpoint_free(c);
    gg_buf_free(&b);
    gg_buf_free(&z.b);
    gg_buf_free(&z.dir);
    scratch_end();
}
END_TEST

/* The trained model in a .tar.gz is the trained model. */
START_TEST(test_trained_model)
{
    static const char *const FILES[] = {"config.json", "model.safetensors.index.json", S1, S2};
    if (access("../shared/models/tiny-hf", R_OK) != 0) {
        printf("skip test_trained_model: ../shared/models/tiny-hf is not here\n");
        return;
    }
    struct gg_err err = {0};
    struct gg_findings g = GG_FINDINGS_INIT;
    scratch_begin();
    struct archive *a = archive_begin(TAR_GZ, "tiny.tar.gz");
    for (size_t i = 0; i < GG_COUNTOF(FILES); i++) {
        char path[128], name[128];
        snprintf(path, sizeof path, "../shared/models/tiny-hf/%s", FILES[i]);
        snprintf(name, sizeof name, "tiny-hf/%s", FILES[i]);
        FILE *f = fopen(path, "rb");
        ck_assert_ptr_nonnull(f);
        char *p = malloc(8 << 20);
        archive_put(a, name, p, fread(p, 1, 8 << 20, f));
        fclose(f);
        free(p);
    }
    archive_end(a);
    struct gg_checkpoint *x = ckpt_open_ok(scratch_path("tiny.tar.gz"), &g);
    struct gg_checkpoint *y = ckpt_open_ok("../shared/models/tiny-hf", NULL);
    ck_assert_uint_eq(g.n, 0);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(x), 39);
    for (size_t i = 0; i < 39; i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(x, i);
        ck_assert_str_eq(t->name, gg_checkpoint_tensor(y, i)->name);
        uint8_t *p = malloc((size_t)t->nbytes), *q = malloc((size_t)t->nbytes);
        ck_assert_int_eq(gg_checkpoint_read(x, i, 0, t->nelems, p, &err), GG_OK);
        ck_assert_int_eq(gg_checkpoint_read(y, i, 0, t->nelems, q, &err), GG_OK);
        ck_assert_mem_eq(p, q, (size_t)t->nbytes);
        free(p);
        free(q);
    }
    gg_checkpoint_free(x);
    gg_checkpoint_free(y);
    scratch_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("import-archive");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_forms);
    tcase_add_test(t, test_threads);
    tcase_add_test(t, test_passes);
    tcase_add_test(t, test_nested);
    tcase_add_test(t, test_trained_model);
    suite_add_tcase(s, t);
    return s;
}
