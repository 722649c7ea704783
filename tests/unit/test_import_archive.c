/* Checkpoints inside archives: found, read in order and out of order, and the bad ones refused. */
#include "lib/import/checkpoint.h"
#include "lib/import/unpack.h"
#include "tests/check_main.h"
#include "tests/zip_make.h"

#include <archive.h>
#include <archive_entry.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- making archives ------------------------------------------------------------------------- */

enum form { TAR, TAR_GZ, TAR_ZST, ZIP_STORED, ZIP_PACKED };
static const char *const NAMES[] = {"m.tar", "m.tar.gz", "m.tar.zst", "m.zip", "m.packed.zip"};

static struct archive *begin(enum form f, const char *name)
{
    struct archive *a = archive_write_new();
    if (f == ZIP_STORED || f == ZIP_PACKED)
        archive_write_set_format_zip(a);
    else
        archive_write_set_format_pax_restricted(a);
    if (f == ZIP_STORED)
        archive_write_zip_set_compression_store(a);
    if (f == TAR_GZ)
        archive_write_add_filter_gzip(a);
    if (f == TAR_ZST)
        archive_write_add_filter_zstd(a);
    archive_write_set_bytes_in_last_block(a, 1);
    ck_assert_int_eq(archive_write_open_filename(a, scratch_path(name)), ARCHIVE_OK);
    return a;
}

static void put(struct archive *a, const char *name, const void *p, size_t n)
{
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, (la_int64_t)n);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_data(a, p, n), (la_ssize_t)n);
    archive_entry_free(e);
}

static void end(struct archive *a)
{
    ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static uint8_t byte_at(uint64_t seed, uint64_t i)
{
    uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u ^ seed * 0xBF58476D1CE4E5B9u;
    return (uint8_t)(x >> 56 & 0x3f);
}

/* A safetensors file of two U8 tensors of n bytes each. */
static void make_st(struct gg_buf *b, const char *one, const char *two, size_t n, uint64_t seed)
{
    struct gg_buf h = GG_BUF_INIT;
    gg_buf_reset(b);
    gg_buf_addf(&h, "{\"%s\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[0,%zu]},", one, n,
                n);
    gg_buf_addf(&h, "\"%s\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}}", two, n,
                n, 2 * n);
    zm_u64(b, h.nbytes);
    gg_buf_add(b, h.data, h.nbytes);
    for (size_t i = 0; i < 2 * n; i++)
        gg_buf_addc(b, (char)byte_at(seed + i / n, i % n));
    gg_buf_free(&h);
}

#define S1 "model-00001-of-00002.safetensors"
#define S2 "model-00002-of-00002.safetensors"

/* A sharded checkpoint in a folder of the archive; the shard read first is stored last. */
static void make_model(enum form f, size_t n)
{
    struct gg_buf b = GG_BUF_INIT;
    struct archive *a = begin(f, NAMES[f]);
    put(a, "x/config.json", "{\"a\":1}", 7);
    make_st(&b, "c", "d", n, 2);
    put(a, "x/" S2, b.data, b.nbytes);
    make_st(&b, "a", "b", n, 0);
    put(a, "x/" S1, b.data, b.nbytes);
    const char *index =
        "{\"weight_map\":{\"a\":\"" S1 "\",\"b\":\"" S1 "\",\"c\":\"" S2 "\",\"d\":\"" S2 "\"}}";
    put(a, "x/model.safetensors.index.json", index, strlen(index));
    end(a);
    gg_buf_free(&b);
}

static struct gg_checkpoint *open_ok(const char *path, struct gg_findings *f)
{
    struct gg_checkpoint *c = NULL;
    struct gg_err err = {0};
    ck_assert_msg(gg_checkpoint_open(&c, path, f, &err) == GG_OK, "%s", err.msg);
    return c;
}

static void open_bad(const char *path, enum gg_code code, const char *text)
{
    struct gg_checkpoint *c = NULL;
    struct gg_err err = {0};
    ck_assert_msg(gg_checkpoint_open(&c, path, NULL, &err) != GG_OK, "taken (%s)", text);
    ck_assert_msg(strstr(err.msg, text) != NULL, "'%s' is not in: %s", text, err.msg);
    ck_assert_msg(err.code == code, "code %d, not %d: %s", (int)err.code, (int)code, err.msg);
    ck_assert_ptr_null(strchr(err.msg, '\n'));
    ck_assert_msg(strstr(err.msg, "ggtool-test-") != NULL, "no file named in: %s", err.msg);
}

static void check_piece(struct gg_checkpoint *c, const char *name, uint64_t seed, uint64_t first,
                        uint64_t n)
{
    struct gg_err err = {0};
    uint8_t *v = malloc((size_t)n + 1);
    size_t i = gg_checkpoint_find(c, name);
    ck_assert(i != SIZE_MAX && v != NULL);
    ck_assert_msg(gg_checkpoint_read(c, i, first, n, v, &err) == GG_OK, "%s", err.msg);
    for (uint64_t k = 0; k < n; k++)
        if (v[k] != byte_at(seed, first + k))
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
        make_model(f, n);
        struct gg_checkpoint *c = open_ok(scratch_path(NAMES[f]), &g);
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
        gg_buf_addf(&spec, "%s:x", scratch_path(NAMES[f]));
        c = open_ok(gg_buf_str(&spec), NULL);
        ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 4);
        gg_checkpoint_free(c);
        gg_buf_adds(&spec, "/" S1);
        c = open_ok(gg_buf_str(&spec), NULL);
        ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 2);
        check_piece(c, "b", 1, 0, n);
        gg_checkpoint_free(c);
        gg_buf_adds(&spec, "x");
        open_bad(gg_buf_str(&spec), GG_ERR_UNSUPPORTED, "there is no 'x/" S1 "x' in it");
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
                bad += v[b] != byte_at((uint64_t)(name[0] - 'a'), at + b);
        }
    }
    free(v);
    return bad == 0 ? NULL : r;
}

/* Threads side by side: right bytes (that it stays one pass, test_passes shows). */
START_TEST(test_threads)
{
    scratch_begin();
    make_model(TAR_GZ, 5 << 20);
    struct gg_checkpoint *c = open_ok(scratch_path(NAMES[TAR_GZ]), NULL);
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
        p[i] = byte_at(9, i);
    memcpy(p, "PK\003\004", 4); /* as a zip: head and tail are kept */
    scratch_begin();
    struct archive *a = begin(TAR_GZ, "x.tar.gz");
    put(a, "./one", p, N);
    put(a, "small.json", p + 100, 1000);
    put(a, "two", p, N);
    end(a);
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
    make_st(&b, "a", "b", 100, 0);
    put(a, "x", b.data, b.nbytes);
    end(a);
    struct gg_checkpoint *c = open_ok(scratch_path("one.safetensors.zst"), NULL);
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
    a = begin(TAR_GZ, "t.tar.gz");
    put(a, "m/pytorch_model.bin", z.b.data, z.b.nbytes);
    put(a, "m/training_args.bin", "x", 1);
    end(a);
    c = open_ok(scratch_path("t.tar.gz"), NULL);
    ck_assert_str_eq(gg_checkpoint_format(c), "PyTorch");
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 0, 24, v, &err), GG_OK);
    for (unsigned i = 0; i < 24; i++)
        ck_assert_uint_eq(v[i], i / 6 + i % 6 * 4);
    gg_checkpoint_free(c);
    /* np.savez_compressed */
    a = begin(ZIP_PACKED, "m.npz");
    for (int i = 0; i < 3; i++) {
        char name[8] = {(char)('a' + i), '.', 'n', 'p', 'y', 0};
        gg_buf_reset(&b);
        npy_make(&b, "{'descr': '<i2', 'fortran_order': False, 'shape': (100,)}", 200);
        put(a, name, b.data, b.nbytes);
    }
    end(a);
    c = open_ok(scratch_path("m.npz"), NULL);
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
    struct archive *a = begin(TAR_GZ, "tiny.tar.gz");
    for (size_t i = 0; i < GG_COUNTOF(FILES); i++) {
        char path[128], name[128];
        snprintf(path, sizeof path, "../shared/models/tiny-hf/%s", FILES[i]);
        snprintf(name, sizeof name, "tiny-hf/%s", FILES[i]);
        FILE *f = fopen(path, "rb");
        ck_assert_ptr_nonnull(f);
        char *p = malloc(8 << 20);
        put(a, name, p, fread(p, 1, 8 << 20, f));
        fclose(f);
        free(p);
    }
    end(a);
    struct gg_checkpoint *x = open_ok(scratch_path("tiny.tar.gz"), &g);
    struct gg_checkpoint *y = open_ok("../shared/models/tiny-hf", NULL);
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

/* ---- bad ones -------------------------------------------------------------------------------- */

static void one_member(enum form f, const char *name, const char *member, const void *p, size_t n)
{
    struct archive *a = begin(f, name);
    put(a, member, p, n);
    end(a);
}

START_TEST(test_bad)
{
    struct gg_buf b = GG_BUF_INIT;
    scratch_begin();
    make_st(&b, "a", "b", 100, 0);
    one_member(TAR_GZ, "bad", "../m.safetensors", b.data, b.nbytes);
    open_bad(scratch_path("bad"), GG_ERR_CORRUPT,
             "'../m.safetensors' is not a plain relative path");
    one_member(TAR, "bad", "a/../../m.safetensors", b.data, b.nbytes);
    open_bad(scratch_path("bad"), GG_ERR_CORRUPT, "is not a plain relative path");
    one_member(TAR_ZST, "bad", "readme", "x", 1);
    open_bad(scratch_path("bad"), GG_ERR_UNSUPPORTED, "holds no safetensors");
    one_member(TAR_GZ, "bad", "x.gguf", "GGUF", 4);
    open_bad(scratch_path("bad"), GG_ERR_UNSUPPORTED, "but GGUF files");
    one_member(TAR_GZ, "bad", "m.safetensors", b.data, b.nbytes - 1);
    open_bad(scratch_path("bad"), GG_ERR_TRUNCATED, "bad:m.safetensors: tensor 'b': its data ends");
    struct archive *a = begin(TAR_GZ, "bad");
    put(a, "x/m.safetensors", b.data, b.nbytes);
    put(a, "y/m.safetensors", b.data, b.nbytes);
    end(a);
    open_bad(scratch_path("bad"), GG_ERR_ARG, "which file is the model? There are");
    a = begin(TAR, "bad");
    put(a, "m.safetensors", b.data, b.nbytes);
    put(a, "m.safetensors", b.data, b.nbytes);
    end(a);
    open_bad(scratch_path("bad"), GG_ERR_CORRUPT, "two members are called 'm.safetensors'");
    a = begin(TAR, "bad");
    put(a, "pickle", "x", 1);
    put(a, "storages", "x", 1);
    put(a, "tensors", "x", 1);
    end(a);
    open_bad(scratch_path("bad"), GG_ERR_UNSUPPORTED, "of the oldest kind, a tar file");
    gg_buf_addf(&b, "%s:m", scratch_path("none"));
    open_bad(scratch_path("none:m"), GG_ERR_IO, "cannot open");
    scratch_write("f.safetensors", b.data, 10);
    open_bad(scratch_path("f.safetensors:m"), GG_ERR_UNSUPPORTED, "is not an archive");
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
        make_model(f, 3000);
        char *p = scratch_read(NAMES[f], &n);
        size_t whole = f == TAR ? n - 1024 : f == TAR_GZ || f == TAR_ZST ? n - 32 : n;
        for (size_t k = 1; k < whole; k += f == TAR ? 211 : 37) {
            struct gg_checkpoint *c;
            struct gg_err err = {0};
            scratch_write("cut", p, k);
            if (gg_checkpoint_open(&c, scratch_path("cut"), NULL, &err) == GG_OK)
                ck_abort_msg("%s is taken when cut to %zu of %zu", NAMES[f], k, n);
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
    struct archive *a = begin(TAR_ZST, "bomb.tar.zst");
    struct archive_entry *e = archive_entry_new();
    char *zeros = calloc(1, 1 << 20);
    archive_entry_set_pathname(e, "model.safetensors");
    archive_entry_set_size(e, 1ll << 30);
    archive_entry_set_filetype(e, AE_IFREG);
    ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
    for (int i = 0; i < 1024; i++)
        ck_assert_int_eq(archive_write_data(a, zeros, 1 << 20), 1 << 20);
    archive_entry_free(e);
    end(a);
    free(zeros);
    open_bad(scratch_path("bomb.tar.zst"), GG_ERR_LIMIT, "a bomb, not a model");
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
    tcase_add_test(t, test_bad);
    tcase_add_test(t, test_cut);
    tcase_add_test(t, test_bomb);
    suite_add_tcase(s, t);
    return s;
}
