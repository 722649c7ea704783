/* gguf: headers written again; lib/job/rewrite: where they go; lib/job/kv: what people write. */
#include "lib/job/kv.h"
#include "lib/job/rewrite.h"
#include "tests/check_main.h"
#include "tests/gguf_make.h"
#include "tests/scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file with gaps, a type nobody knows, data in reverse order: what must all stay. */
static void odd_file(struct make *m)
{
    mk_head(m, 3, 3);
    mk_kv_str(m, "general.name", "abc");
    mk_key(m, "list", GGF_ARR);
    mk_u32(m, GGF_U16);
    mk_len(m, 2);
    mk_u16(m, 0x1234);
    mk_u16(m, 5);
    mk_key(m, "words", GGF_ARR);
    mk_u32(m, GGF_STR);
    mk_len(m, 2);
    mk_str(m, "one");
    mk_str(m, "");
    mk_tensor(m, "late", 8, 2, 0, 128);
    mk_tensor(m, "odd", 8, 0, 200, 64);
    mk_tensor(m, "early", 8, 0, 0, 0);
    mk_pad(m, 32);
    mk_data(m, 128 + 64);
}

static struct ggf_meta *copy_of(const struct ggf_file *f)
{
    struct ggf_meta *m;
    struct gg_err err;
    ck_assert_int_eq(ggf_meta_copy(&m, ggf_file_meta(f), &err), GG_OK);
    return m;
}

/* Written again unchanged, a header is what it was, whatever its version and byte order. */
START_TEST(test_same_header)
{
    for (int i = 0; i < 6; i++) {
        struct make m = {.version = (uint32_t)i / 2 + 1, .big_endian = i % 2};
        struct gg_err err = {0};
        struct ggf_file *f, *g;
        void *bytes;
        size_t n;
        odd_file(&m);
        ck_assert_int_eq(mk_open(&m, GGF_HEADER_ONLY, &f, &err), GG_OK);
        ck_assert_int_eq(ggf_file_rewrite(f, ggf_file_meta(f), NULL, &bytes, &n, &err), GG_OK);
        if (m.version > 1) {
            ck_assert_uint_eq(n, ggf_file_header_nbytes(f));
            ck_assert_mem_eq(bytes, m.b.data, n);
        }
        ck_assert_int_eq(ggf_file_open_mem(&g, bytes, n, "again", GGF_HEADER_ONLY, &err), GG_OK);
        ck_assert_uint_eq(ggf_file_version(g), m.version == 1 ? 3 : m.version);
        ck_assert(ggf_file_big_endian(g) == m.big_endian);
        for (size_t t = 0; t < 3; t++)
            ck_assert_uint_eq(ggf_file_tensor(g, t)->off, ggf_file_tensor(f, t)->off);
        ck_assert_uint_eq(ggf_file_tensor(g, 1)->type, 200);
        free(bytes);
        ggf_file_free(g);
        ggf_file_free(f);
        gg_buf_free(&m.b);
    }
}
END_TEST

START_TEST(test_names_and_refusals)
{
    struct make m = {.version = 3};
    struct gg_err err = {0};
    struct ggf_file *f, *g;
    struct ggf_str names[3] = {ggf_str("a"), ggf_str("b"), ggf_str("c")};
    void *bytes;
    size_t n;
    odd_file(&m);
    ck_assert_int_eq(mk_open(&m, GGF_HEADER_ONLY, &f, &err), GG_OK);
    ck_assert_int_eq(ggf_file_rewrite(f, ggf_file_meta(f), names, &bytes, &n, &err), GG_OK);
    ck_assert_int_eq(ggf_file_open_mem(&g, bytes, n, "named", GGF_HEADER_ONLY, &err), GG_OK);
    ck_assert(ggf_str_eq(ggf_file_tensor(g, 2)->name, "c"));
    free(bytes);
    ggf_file_free(g);
    names[2] = ggf_str("a");
    ck_assert_int_eq(ggf_file_rewrite(f, ggf_file_meta(f), names, &bytes, &n, &err), GG_ERR_ARG);
    struct ggf_meta *meta = copy_of(f);
    ck_assert_int_eq(ggf_meta_set_u32(meta, "general.alignment", 64, &err), GG_OK);
    ck_assert_int_eq(ggf_file_rewrite(f, meta, NULL, &bytes, &n, &err), GG_ERR_ARG);
    ggf_meta_free(meta);
    ggf_file_free(f);
    gg_buf_free(&m.b);
}
END_TEST

/* A key of every length, at every alignment: in place whenever it can be, the data never moves, and
 * what comes out can be read and holds what was set. */
START_TEST(test_places)
{
    static const uint32_t aligns[] = {1, 8, 16, 32, 64, 4096};
    size_t n_in_place = 0, n_copies = 0;
    for (size_t a = 0; a < 6; a++) {
        struct make m = {.version = 3};
        struct gg_err err = {0};
        struct ggf_file *f, *g;
        char text[161];
        memset(text, 'x', sizeof text);
        text[100] = '\0';
        mk_head(&m, 1, 2);
        mk_kv_u32(&m, "general.alignment", aligns[a]);
        mk_kv_str(&m, "k", text);
        mk_tensor(&m, "t", 8, 0, 0, 0);
        mk_pad(&m, aligns[a]);
        mk_data(&m, 32);
        mk_save(&m, scratch_path("f"));
        ck_assert_int_eq(ggf_file_open(&f, scratch_path("f"), GGF_HEADER_ONLY, &err), GG_OK);
        int fd = open(scratch_path("f"), O_RDONLY);
        uint64_t spare = ggf_file_data_off(f) - ggf_file_header_nbytes(f);
        for (size_t len = 0; len <= 160; len++) {
            struct ggf_meta *meta = copy_of(f);
            struct gg_rewrite r;
            struct gg_rewrite_opts o = {0};
            memset(text, 'y', 160);
            ck_assert_int_eq(ggf_meta_set_str(meta, "k", (struct ggf_str){text, len}, &err), GG_OK);
            int rc = gg_rewrite_plan(&r, f, fd, meta, NULL, &o, &err);
            ck_assert_msg(rc == GG_OK, "align %u, %zu: %s", aligns[a], len, err.msg);
            /* too long never fits; some of what is too short cannot be filled */
            ck_assert(!r.in_place || len <= 100 + spare);
            ck_assert(r.in_place || len > 100 + spare || len + 34 > 100 + spare);
            ck_assert(!r.in_place || r.header_nbytes == ggf_file_data_off(f));
            ck_assert_int_eq(ggf_file_open_mem(&g, r.header, r.header_nbytes, "new",
                                               GGF_HEADER_ONLY, &err), GG_OK);
            ck_assert_uint_eq(ggf_file_data_off(g), r.header_nbytes);
            ck_assert_uint_eq(ggf_meta_find(ggf_file_meta(g), "k")->value.nbytes, len);
            n_in_place += r.in_place;
            n_copies += !r.in_place;
            ggf_file_free(g);
            gg_rewrite_free(&r);
            ggf_meta_free(meta);
        }
        close(fd);
        ggf_file_free(f);
        gg_buf_free(&m.b);
    }
    ck_assert_uint_gt(n_in_place, 400);
    ck_assert_uint_gt(n_copies, 100);
}
END_TEST

/* Where blocks can be shared, a copy has its data alike in its block. */
START_TEST(test_clones)
{
    struct make m = {.version = 3};
    struct gg_err err = {0};
    struct ggf_file *f;
    odd_file(&m);
    mk_data(&m, 20000);
    mk_save(&m, scratch_path("f"));
    ck_assert_int_eq(ggf_file_open(&f, scratch_path("f"), GGF_HEADER_ONLY, &err), GG_OK);
    int fd = open(scratch_path("f"), O_RDONLY);
    for (size_t len = 0; len < 9000; len += 1123) {
        struct ggf_meta *meta = copy_of(f);
        struct gg_rewrite r;
        struct gg_rewrite_opts o = {.copy = true, .clones = true};
        char *text = calloc(1, len + 1);
        memset(text, 'z', len);
        ck_assert_int_eq(ggf_meta_set_str(meta, "k", ggf_str(text), &err), GG_OK);
        ck_assert_int_eq(gg_rewrite_plan(&r, f, fd, meta, NULL, &o, &err), GG_OK);
        ck_assert_uint_eq(r.header_nbytes % 4096, ggf_file_data_off(f) % 4096);
        struct gg_sink *s;
        struct gg_sink_opts so = {.nbytes = gg_rewrite_nbytes(&r), .force = true};
        ck_assert_int_eq(gg_sink_open(&s, scratch_path("copy"), &so, &err), GG_OK);
        ck_assert_int_eq(gg_rewrite_copy(&r, fd, s, NULL, &err), GG_OK);
        ck_assert_int_eq(gg_sink_finish(s, &err), GG_OK);
        ck_assert_int_eq(gg_sink_commit(s, &err), GG_OK);
        gg_sink_free(s);
        size_t n;
        char *copy = scratch_read("copy", &n);
        ck_assert_uint_eq(n, r.header_nbytes + r.data_nbytes);
        ck_assert_mem_eq(copy + r.header_nbytes, m.b.data + ggf_file_data_off(f), r.data_nbytes);
        free(copy);
        free(text);
        gg_rewrite_free(&r);
        ggf_meta_free(meta);
    }
    close(fd);
    ggf_file_free(f);
    gg_buf_free(&m.b);
}
END_TEST

/* ---- keys and values -------------------------------------------------------------------------- */

START_TEST(test_key_facts)
{
    enum ggf_vtype type, elem;
    ck_assert(ggf_key_type(ggf_str("general.name"), &type, &elem) && type == GGF_STR);
    ck_assert(ggf_key_type(ggf_str("x.context_length"), &type, &elem) && type == GGF_U32);
    ck_assert(ggf_key_type(ggf_str("x.feed_forward_length"), &type, &elem) && type == GGF_U32);
    ck_assert(ggf_key_type(ggf_str("x.rope.freq_base"), &type, &elem) && type == GGF_F32);
    ck_assert(ggf_key_type(ggf_str("split.no"), &type, &elem) && type == GGF_U16);
    ck_assert(ggf_key_type(ggf_str("split.tensors.count"), &type, &elem) && type == GGF_I32);
    ck_assert(ggf_key_type(ggf_str("tokenizer.ggml.tokens"), &type, &elem) && type == GGF_ARR &&
              elem == GGF_STR);
    ck_assert(ggf_key_type(ggf_str("tokenizer.ggml.scores"), &type, &elem) && type == GGF_ARR &&
              elem == GGF_F32);
    ck_assert(!ggf_key_type(ggf_str("what.ever"), &type, &elem));
    static const char *const fixed[] = {"general.architecture", "general.alignment", "split.count",
                                        "x.block_count", "y.attention.head_count_kv"};
    static const char *const free_keys[] = {"general.name", "x.context_length", "what.ever",
                                            "tokenizer.ggml.tokens", "x.rope.freq_base"};
    for (size_t i = 0; i < 5; i++) {
        ck_assert(ggf_key_fixed(ggf_str(fixed[i])));
        ck_assert(!ggf_key_fixed(ggf_str(free_keys[i])));
    }
}
END_TEST

START_TEST(test_rename)
{
    struct ggf_meta *m;
    struct gg_err err = {0};
    ck_assert_int_eq(ggf_meta_new(&m, &err), GG_OK);
    for (int i = 0; i < 4; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        ck_assert_int_eq(ggf_meta_set_u32(m, key, (uint32_t)i, &err), GG_OK);
    }
    ck_assert_int_eq(ggf_meta_rename(m, ggf_str("b"), ggf_str("x"), &err), GG_OK);
    ck_assert_uint_eq(ggf_meta_count(m), 4);
    ck_assert(ggf_str_eq(ggf_meta_at(m, 1)->key, "x"));
    ck_assert(ggf_str_eq(ggf_meta_at(m, 3)->key, "d"));
    ck_assert_ptr_null(ggf_meta_find(m, "b"));
    ck_assert_int_eq(ggf_meta_rename(m, ggf_str("b"), ggf_str("y"), &err), GG_ERR_ARG);
    ck_assert_int_eq(ggf_meta_rename(m, ggf_str("x"), ggf_str("a"), &err), GG_ERR_ARG);
    ck_assert_int_eq(ggf_meta_rename(m, ggf_str("x"), ggf_str("b"), &err), GG_OK); /* and back */
    uint64_t v;
    ck_assert(ggf_meta_get_u64(m, "b", &v) && v == 1);
    ck_assert(ggf_str_eq(ggf_meta_at(m, 1)->key, "b"));
    ck_assert_int_eq(ggf_meta_rename(m, ggf_str("d"), ggf_str("z"), &err), GG_OK);
    ck_assert(ggf_str_eq(ggf_meta_at(m, 3)->key, "z"));
    ggf_meta_free(m);
}
END_TEST

/* Each text, and what becomes of it: type and value, or the words of the refusal. */
START_TEST(test_kv)
{
    static const struct {
        const char *text;
        unsigned flags;
        enum ggf_vtype type;
        uint64_t count;
        const char *fails;
    } cases[] = {
        {"general.name=a=b:c", 0, GGF_STR, 1, NULL},
        {"general.file_type=7", 0, GGF_U32, 1, NULL},
        {"n=u8:7", 0, GGF_U8, 1, NULL},
        {"n=int:-7", 0, GGF_I32, 1, NULL},
        {"n=int:5000000000", 0, GGF_I64, 1, NULL},
        {"n=float:1.5", 0, GGF_F32, 1, NULL},
        {"there=9", 0, GGF_I8, 1, NULL},
        {"there=200", 0, GGF_I8, 1, "'200' is not a value of type i8"},
        {"there=int:200", 0, GGF_U32, 1, NULL},
        {"l=u8[]:[1,2]", 0, GGF_ARR, 2, NULL},
        {"l=u8:[1,2]", GG_KV_ARRAY, GGF_ARR, 2, NULL},
        {"l=u8[]:[1,256]", 0, GGF_ARR, 0, "element 1, '256', is not a value of type u8"},
        {"l=u8[]:[1,[2]]", 0, GGF_ARR, 0, "element 1 is not of type u8"},
        {"l=u8[]:7", GG_KV_APPEND, GGF_ARR, 1, NULL},
        {"general.name=x", GG_KV_ARRAY, GGF_STR, 0, "is no array"},
        {"there=x", GG_KV_APPEND, GGF_STR, 0, "is no array"},
        {"new=5", 0, GGF_U8, 0, "say its type"},
        {"general.name=i32:5", 0, GGF_U8, 0, "would be of type i32 where str is wanted"},
        {"general.name=i32:5", GG_KV_OVERRIDE, GGF_I32, 1, NULL},
        {"general.name=x", GG_KV_OVERRIDE, GGF_U8, 0, "KEY=TYPE:VALUE"},
        {"general.name=foo:x", GG_KV_OVERRIDE, GGF_U8, 0, "'foo' is no scalar type"},
        {"general.name=str[]:[]", GG_KV_OVERRIDE, GGF_U8, 0, "'str[]' is no scalar type"},
        {"general.name=str:@x", GG_KV_OVERRIDE, GGF_STR, 1, NULL},
        {"general.name=@@x", 0, GGF_STR, 1, NULL},
        {"=x", 0, GGF_U8, 0, "is not of the form"},
        {"x", 0, GGF_U8, 0, "is not of the form"},
    };
    for (size_t i = 0; i < GG_COUNTOF(cases); i++) {
        struct ggf_meta *m;
        struct gg_err err = {0};
        struct ggf_str key;
        ck_assert_int_eq(ggf_meta_new(&m, &err), GG_OK);
        ck_assert_int_eq(ggf_meta_set_text(m, "there", GGF_I8, "1", &err), GG_OK);
        int rc = gg_kv_set(m, m, "--set", cases[i].text, cases[i].flags, &key, &err);
        if (cases[i].fails != NULL) {
            ck_assert_msg(rc == GG_ERR_ARG && strstr(err.msg, cases[i].fails) != NULL, "%s: %d %s",
                          cases[i].text, rc, err.msg);
        } else {
            ck_assert_msg(rc == GG_OK, "%s: %s", cases[i].text, err.msg);
            const struct ggf_value *v = &ggf_meta_find_n(m, key.p, key.nbytes)->value;
            ck_assert_msg(v->type == cases[i].type && v->count == cases[i].count, "%s: %s",
                          cases[i].text, ggf_vtype_name(v->type));
        }
        ggf_meta_free(m);
    }
}
END_TEST

static void begin(void)
{
    scratch_begin();
}

Suite *suite(void)
{
    Suite *s = suite_create("rewrite");
    TCase *t = tcase_create("rewrite");
    tcase_add_checked_fixture(t, begin, scratch_end);
    tcase_set_timeout(t, 60); /* disks at work have slow syncs */
    tcase_add_test(t, test_same_header);
    tcase_add_test(t, test_names_and_refusals);
    tcase_add_test(t, test_places);
    tcase_add_test(t, test_clones);
    tcase_add_test(t, test_key_facts);
    tcase_add_test(t, test_rename);
    tcase_add_test(t, test_kv);
    suite_add_tcase(s, t);
    return s;
}
