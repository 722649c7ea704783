/* gguf: reading each version and byte order, through any reader, cut anywhere, bent anyhow. */
#include "gguf/gguf.h"
#include "tests/check_main.h"
#include "tests/gguf_make.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of every value type and two tensors. */
static void make_all(struct make *m)
{
    mk_head(m, 2, 14);
    mk_kv_str(m, "general.architecture", "llama");
    for (uint32_t t = 0; t < GGF_VTYPE_COUNT; t++) {
        char key[16];
        snprintf(key, sizeof key, "k.%s", ggf_vtype_name(t));
        mk_key(m, key, t);
        size_t n = ggf_vtype_nbytes((enum ggf_vtype)t);
        if (t == GGF_STR) {
            mk_str(m, "text");
        } else if (t == GGF_ARR) {
            mk_u32(m, GGF_ARR);
            mk_len(m, 2);
            mk_u32(m, GGF_STR);
            mk_len(m, 3);
            mk_str(m, "one");
            mk_str(m, "");
            mk_str(m, "three");
            mk_u32(m, GGF_F32);
            mk_len(m, 1);
            mk_u32(m, gg_bits_from_f32(1.5f));
        } else if (n == 1) {
            mk_u8(m, 1);
        } else if (n == 2) {
            mk_u16(m, 1);
        } else if (n == 4) {
            mk_u32(m, t == GGF_F32 ? gg_bits_from_f32(1) : 1);
        } else {
            mk_u64(m, t == GGF_F64 ? gg_bits_from_f64(1) : 1);
        }
    }
    mk_tensor(m, "a.weight", 8, 3, 0, 0);
    mk_tensor(m, "b.weight", 32, 0, 8, 96);
    mk_pad(m, 32);
    mk_data(m, 96 + 34);
    mk_pad(m, 32);
}

static void check_all(const struct ggf_file *f, const struct make *m)
{
    const struct ggf_meta *meta = ggf_file_meta(f);
    struct ggf_value in, e;
    struct ggf_str s;
    double d = 0;
    ck_assert_uint_eq(ggf_file_version(f), m->version);
    ck_assert(ggf_file_big_endian(f) == m->big_endian);
    ck_assert_uint_eq(ggf_meta_count(meta), 14);
    for (uint32_t t = 0; t < GGF_VTYPE_COUNT; t++) {
        const struct ggf_kv *kv = ggf_meta_at(meta, t + 1);
        uint64_t u = 0;
        bool b = false;
        ck_assert_uint_eq(kv->value.type, t);
        if (ggf_vtype_nbytes((enum ggf_vtype)t) != 0)
            ck_assert(t == GGF_BOOL ? ggf_as_bool(&kv->value, &b) && b
                                    : ggf_as_f64(&kv->value, &d) && d == 1);
        if (t != GGF_F32 && t != GGF_F64 && t != GGF_BOOL && t != GGF_STR && t != GGF_ARR)
            ck_assert(ggf_as_u64(&kv->value, &u) && u == 1);
    }
    ck_assert(ggf_meta_get_str(meta, "k.str", &s) && ggf_str_eq(s, "text"));
    struct ggf_iter it = ggf_iter_begin(&ggf_meta_find(meta, "k.arr")->value);
    ck_assert(ggf_iter_next(&it, &in) && in.elem == GGF_STR && in.count == 3);
    struct ggf_iter strs = ggf_iter_begin(&in);
    ck_assert(ggf_iter_next(&strs, &e) && ggf_iter_next(&strs, &e) && ggf_iter_next(&strs, &e));
    ck_assert(ggf_as_str(&e, &s) && ggf_str_eq(s, "three"));
    ck_assert(ggf_iter_next(&it, &in) && in.elem == GGF_F32);
    float x = 0;
    ck_assert(ggf_array_copy(&in, 0, 1, &x) && x == 1.5f);
    ck_assert_uint_eq(ggf_file_n_tensors(f), 2);
    const struct ggf_tensor *b = ggf_file_find_tensor(f, ggf_str("b.weight"));
    ck_assert(b == ggf_file_tensor(f, 1) && b->known && b->nbytes == 34 && b->off == 96);
    ck_assert_uint_eq(ggf_file_tensor(f, 0)->ne[1], 3);
    ck_assert_uint_eq(ggf_file_tensor(f, 0)->ne[2], 1);
    ck_assert_uint_eq(b->file_off, ggf_file_data_off(f) + 96);
    ck_assert_uint_eq(ggf_file_end_off(f), b->file_off + 34);
    ck_assert_uint_eq(ggf_file_needs_nbytes(f), ggf_file_end_off(f));
    ck_assert_ptr_null(ggf_file_find_tensor(f, ggf_str("c.weight")));
}

START_TEST(test_versions)
{
    for (uint32_t v = 1; v <= 3; v++) {
        for (int be = 0; be < 2; be++) {
            struct make m = {.version = v, .big_endian = be};
            struct ggf_file *f;
            struct gg_err err = {0};
            make_all(&m);
            ck_assert_msg(mk_open(&m, GGF_STRICT, &f, &err) == GG_OK, "%s", err.msg);
            check_all(f, &m);
            ck_assert_uint_eq(ggf_file_findings(f)->n, 0);
            ck_assert(ggf_file_canonical(f) == (v == 3 && !be));
            ggf_file_free(f);
            gg_buf_free(&m.b);
        }
    }
}
END_TEST

START_TEST(test_alignments)
{
    static const uint32_t aligns[] = {1, 2, 4, 8, 16, 32, 64, 4096, 1u << 20, 1u << 21, 0, 48};
    for (size_t i = 0; i < GG_COUNTOF(aligns); i++) {
        uint32_t a = aligns[i];
        bool ok = gg_is_pow2(a) && a <= 1u << 20;
        struct make m = {.version = 3};
        struct ggf_file *f;
        struct gg_err err = {0};
        mk_head(&m, 2, 1);
        mk_kv_u32(&m, "general.alignment", a);
        uint64_t second = ok ? (uint64_t)(12 + a - 1) / a * a : 32;
        mk_tensor(&m, "a", 3, 0, 0, 0);
        mk_tensor(&m, "b", 1, 0, 0, second);
        mk_pad(&m, ok ? a : 32);
        mk_data(&m, (size_t)second + 4);
        mk_pad(&m, ok ? a : 32);
        int rc = mk_open(&m, GGF_STRICT, &f, &err);
        ck_assert_msg((rc == GG_OK) == ok, "%u: %s", (unsigned)a, err.msg);
        if (ok) {
            ck_assert_uint_eq(ggf_file_alignment(f), a);
            ck_assert_uint_eq(ggf_file_data_off(f) % a, 0);
            ck_assert(ggf_file_canonical(f) && ggf_file_findings(f)->n == 0);
        }
        ggf_file_free(f);
        gg_buf_free(&m.b);
    }
}
END_TEST

/* Every prefix is an error or whole; what a partial reading gives grows and hangs together. */
static void cut_everywhere(const uint8_t *data, size_t n, size_t header)
{
    uint64_t last = 0;
    for (size_t k = 0; k <= n; k = k > header + 200 && k + 4096 < n ? k + 4096 : k + 1) {
        struct ggf_file *f;
        struct gg_err err = {0};
        uint8_t *copy = malloc(k ? k : 1); /* its end is watched under ASan */
        memcpy(copy, data, k);
        int rc = ggf_file_open_mem(&f, copy, k, "cut", GGF_PARTIAL, &err);
        ck_assert_msg(rc == GG_OK || rc == GG_ERR_TRUNCATED || k == 0, "%zu: %s", k, err.msg);
        if (rc != GG_OK && k > 0) {
            ck_assert_ptr_nonnull(f);
            ck_assert_uint_gt(ggf_file_needs_nbytes(f), k);
            ck_assert_uint_le(ggf_file_needs_nbytes(f), n);
            ck_assert_uint_ge(ggf_file_needs_nbytes(f), last);
            last = ggf_file_needs_nbytes(f);
            ck_assert(ggf_file_complete(f) == (k >= header));
            ck_assert_uint_le(ggf_meta_count(ggf_file_meta(f)), ggf_file_n_kv_declared(f));
        }
        ggf_file_free(f);
        int rc2 = ggf_file_open_mem(&f, copy, k, "cut", GGF_STRICT, NULL);
        ck_assert(rc2 == rc && (f != NULL) == (rc == GG_OK));
        ggf_file_free(f);
        rc2 = ggf_file_open_mem(&f, copy, k, "cut", GGF_HEADER_ONLY, NULL);
        ck_assert((rc2 == GG_OK) == (k >= header));
        ggf_file_free(f);
        free(copy);
    }
}

START_TEST(test_cut_made)
{
    for (int kind = 0; kind < 4; kind++) {
        struct make m = {.version = kind & 1 ? 1 : 3, .big_endian = kind & 2};
        struct ggf_file *f;
        make_all(&m);
        ck_assert_int_eq(mk_open(&m, GGF_STRICT, &f, NULL), GG_OK);
        size_t header = (size_t)ggf_file_header_nbytes(f);
        ggf_file_free(f);
        cut_everywhere((const uint8_t *)m.b.data, m.b.nbytes, header);
        gg_buf_free(&m.b);
    }
}
END_TEST

/* The header of a real model, cut at every byte. */
START_TEST(test_cut_real)
{
    struct gg_buf b = GG_BUF_INIT;
    struct ggf_file *f;
    slurp("fixtures/models/imatrix.gguf", &b);
    ck_assert_int_eq(ggf_file_open_mem(&f, b.data, b.nbytes, "whole", GGF_STRICT, NULL), GG_OK);
    size_t header = (size_t)ggf_file_header_nbytes(f);
    ggf_file_free(f);
    cut_everywhere((const uint8_t *)b.data, b.nbytes, header);
    gg_buf_free(&b);
}
END_TEST

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13; /* xorshift64, Marsaglia 2003 */
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

static uint64_t walk(const struct ggf_value *v)
{
    struct ggf_value e;
    uint64_t sum = v->nbytes;
    for (struct ggf_iter it = ggf_iter_begin(v); ggf_iter_next(&it, &e);)
        sum += walk(&e) + (e.nbytes ? e.data[e.nbytes - 1] : 0);
    return sum;
}

START_TEST(test_bit_flips)
{
    uint64_t s = 0x9E3779B97F4A7C15u;
    int refused = 0;
    for (int seed = 0; seed < 4000; seed++) {
        struct make m = {.version = 1 + seed % 3, .big_endian = seed & 4};
        struct ggf_file *f;
        struct gg_err err = {0};
        make_all(&m);
        for (int k = seed % 8; k >= 0; k--)
            m.b.data[next_random(&s) % 500] ^= (char)(1u << next_random(&s) % 8);
        int rc = mk_open(&m, GGF_PARTIAL, &f, &err);
        refused += rc != GG_OK;
        ck_assert(rc == GG_OK || strncmp(err.msg, "made.gguf: ", 11) == 0);
        for (size_t i = 0; f != NULL && i < ggf_meta_count(ggf_file_meta(f)); i++)
            walk(&ggf_meta_at(ggf_file_meta(f), i)->value);
        for (size_t i = 0; f != NULL && i < ggf_file_n_tensors(f); i++) {
            const struct ggf_tensor *t = ggf_file_tensor(f, i);
            ck_assert_ptr_eq(ggf_file_find_tensor(f, t->name), t);
            ck_assert(rc != GG_OK || gg_in_range(t->file_off, t->nbytes, m.b.nbytes) ||
                      t->nelems == 0);
        }
        ggf_file_free(f);
        gg_buf_free(&m.b);
    }
    ck_assert_int_gt(refused, 1000);
    ck_assert_int_lt(refused, 4000);
}
END_TEST

/* ---- readers ------------------------------------------------------------------------------ */

struct watched {
    const struct gg_buf *b;
    uint64_t next, most; /* offset wanted next; end of what was asked for */
    bool fail;
};

static int watched_read(void *ctx, uint64_t off, void *buf, size_t n, size_t *got,
                        struct gg_err *err)
{
    struct watched *w = ctx;
    ck_assert_uint_eq(off, w->next); /* in order, without a gap */
    if (w->fail && off > 0)
        return gg_fail_sys(err, 5, "cannot read");
    *got = off < w->b->nbytes ? (size_t)gg_min_u64(n, w->b->nbytes - off) : 0;
    memcpy(buf, w->b->data + off, *got);
    w->next = off + *got;
    w->most = off + n;
    return GG_OK;
}

/* n strings; with tensor data behind that nobody must read. */
static void make_vocabulary(struct make *m, uint32_t n)
{
    char token[32];
    mk_head(m, 1, 1);
    mk_key(m, "tokenizer.ggml.tokens", GGF_ARR);
    mk_u32(m, GGF_STR);
    mk_len(m, n);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(token, sizeof token, "token %u", (unsigned)i);
        mk_str(m, token);
    }
    mk_tensor(m, "w", 1u << 20, 0, 0, 0);
    mk_pad(m, 32);
    gg_buf_fill(&m->b, 0, 4u << 20);
}

START_TEST(test_window)
{
    static const uint32_t sizes[] = {10, 10000, 200000};
    for (size_t i = 0; i < GG_COUNTOF(sizes); i++) {
        struct make m = {.version = 3};
        struct gg_err err = {0};
        struct ggf_file *f;
        make_vocabulary(&m, sizes[i]);
        for (int known = 0; known < 2; known++) {
            struct watched w = {.b = &m.b};
            struct ggf_reader r = {&w, watched_read, known ? m.b.nbytes : GG_NOWHERE, "watched"};
            ck_assert_msg(ggf_file_read(&f, &r, GGF_STRICT, &err) == GG_OK, "%s", err.msg);
            uint64_t header = ggf_file_header_nbytes(f);
            ck_assert_uint_eq(ggf_meta_at(ggf_file_meta(f), 0)->value.count, sizes[i]);
            ck_assert_uint_eq(ggf_file_nbytes(f), known ? m.b.nbytes : GG_NOWHERE);
            /* never more than half the header, or one step, behind it */
            ck_assert_uint_le(w.most, header + gg_max_u64(header / 2, 65536));
            ck_assert_uint_le(w.most, header + (1u << 20));
            ggf_file_free(f);
        }
        gg_buf_free(&m.b);
    }
}
END_TEST

START_TEST(test_reader_fails)
{
    struct make m = {.version = 3};
    struct gg_err err = {0};
    struct ggf_file *f;
    make_vocabulary(&m, 20000);
    struct watched w = {.b = &m.b, .fail = true};
    struct ggf_reader r = {&w, watched_read, GG_NOWHERE, "pipe"};
    ck_assert_int_eq(ggf_file_read(&f, &r, GGF_PARTIAL, &err), GG_ERR_IO);
    ck_assert_ptr_null(f);
    ck_assert_int_eq(err.sys, 5);
    ck_assert_ptr_nonnull(strstr(err.msg, "pipe: cannot read: "));
    gg_buf_free(&m.b);
}
END_TEST

/* A pipe that ends: the size is known then. */
START_TEST(test_pipe_cut)
{
    struct make m = {.version = 3};
    struct gg_err err = {0};
    struct ggf_file *f;
    make_all(&m);
    m.b.nbytes = 100;
    struct watched w = {.b = &m.b};
    struct ggf_reader r = {&w, watched_read, GG_NOWHERE, "pipe"};
    ck_assert_int_eq(ggf_file_read(&f, &r, GGF_PARTIAL, &err), GG_ERR_TRUNCATED);
    ck_assert_uint_eq(ggf_file_nbytes(f), 100);
    ck_assert_uint_eq(ggf_meta_count(ggf_file_meta(f)), 2);
    ck_assert(!ggf_file_complete(f) && ggf_file_data_off(f) == GG_NOWHERE);
    ck_assert_uint_eq(ggf_file_n_kv_declared(f), 14);
    ggf_file_free(f);
    gg_buf_free(&m.b);
}
END_TEST

START_TEST(test_special_files)
{
    struct gg_err err = {0};
    struct ggf_file *f;
    char dir[] = "/tmp/ggf-XXXXXX", fifo[64];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(fifo, sizeof fifo, "%s/f\nifo", dir);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(ggf_file_open(&f, fifo, 0, &err), GG_ERR_NOT_GGUF); /* nobody writes: empty */
    ck_assert_ptr_null(strchr(err.msg, '\n'));
    struct make m = {.version = 3};
    make_all(&m);
    pid_t child = fork();
    if (child == 0) {
        FILE *w = fopen(fifo, "wb");
        _exit(w == NULL || fwrite(m.b.data, 1, m.b.nbytes, w) != m.b.nbytes || fclose(w) != 0);
    }
    int rc;
    for (int i = 0; (rc = ggf_file_open(&f, fifo, 0, &err)) == GG_ERR_NOT_GGUF && i < 1000; i++)
        usleep(1000); /* until the child has it open */
    ck_assert_msg(rc == GG_OK, "%s", err.msg);
    check_all(f, &m);
    ck_assert_uint_eq(ggf_file_nbytes(f), m.b.nbytes); /* the window met its end */
    ggf_file_free(f);
    gg_buf_free(&m.b);
    unlink(fifo);
    ck_assert_int_eq(ggf_file_open(&f, dir, 0, &err), GG_ERR_NOT_GGUF);
    ck_assert_ptr_nonnull(strstr(err.msg, "a directory"));
    rmdir(dir);
    ck_assert_int_eq(ggf_file_open(&f, dir, 0, &err), GG_ERR_IO);
    ck_assert_int_eq(ggf_file_open(&f, "/dev/zero", 0, &err), GG_ERR_NOT_GGUF);
    ck_assert_int_eq(ggf_file_open(&f, "/dev/null", 0, &err), GG_ERR_NOT_GGUF);
    ck_assert_int_eq(ggf_file_open(&f, "/proc/self/status", 0, &err), GG_ERR_NOT_GGUF);
    ck_assert_ptr_nonnull(strstr(err.msg, "a text file"));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("gguf_read");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_versions);
    tcase_add_test(t, test_alignments);
    tcase_add_test(t, test_cut_made);
    tcase_add_test(t, test_cut_real);
    tcase_add_test(t, test_bit_flips);
    tcase_add_test(t, test_window);
    tcase_add_test(t, test_reader_fails);
    tcase_add_test(t, test_pipe_cut);
    tcase_add_test(t, test_special_files);
    suite_add_tcase(s, t);
    return s;
}
