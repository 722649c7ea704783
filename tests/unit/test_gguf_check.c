/* gguf: what is found in files that can be read, and what files that cannot seem to be. */
#include "gguf/gguf.h"
#include "tests/check_main.h"
#include "tests/gguf_make.h"

/* Two f32 tensors of 8 elements at the given offsets, and nbytes of data. */
static struct ggf_file *two(uint64_t off_a, uint64_t off_b, size_t nbytes, unsigned flags, int want)
{
    struct make m = {.version = 3};
    struct gg_err err = {0};
    struct ggf_file *f;
    mk_head(&m, 2, 0);
    mk_tensor(&m, "a", 8, 0, 0, off_a);
    mk_tensor(&m, "b", 8, 0, 0, off_b);
    mk_pad(&m, 32);
    mk_data(&m, nbytes);
    int rc = mk_open(&m, flags, &f, &err);
    ck_assert_msg(rc == want, "%d: %s", rc, err.msg);
    gg_buf_free(&m.b);
    return f;
}

static void wants(struct ggf_file *f, const char *code, enum gg_severity severity,
                  const char *tensor)
{
    const struct gg_finding *g = found(f, code, 0);
    ck_assert_msg(g != NULL, "no finding '%s'", code);
    ck_assert_int_eq(g->severity, severity);
    if (tensor == NULL)
        ck_assert_ptr_null(g->tensor);
    else
        ck_assert_str_eq(g->tensor, tensor);
    ck_assert_uint_eq(ggf_file_findings(f)->n, 1);
    ck_assert(!ggf_file_canonical(f));
    ggf_file_free(f);
}

START_TEST(test_data)
{
    struct ggf_file *f = two(0, 32, 64, 0, GG_OK);
    ck_assert(ggf_file_canonical(f) && ggf_file_findings(f)->n == 0);
    ggf_file_free(f);
    wants(two(0, 64, 96, 0, GG_OK), "gap", GG_NOTE, "b");
    wants(two(32, 64, 96, 0, GG_OK), "gap", GG_NOTE, "a");
    wants(two(32, 0, 64, 0, GG_OK), "unordered", GG_NOTE, "b");
    wants(two(0, 0, 32, 0, GG_OK), "overlap", GG_FAULT, "b");
    wants(two(0, 32, 65, 0, GG_OK), "trailing-bytes", GG_NOTE, NULL);
    wants(two(0, 32, 63, GGF_PARTIAL, GG_ERR_TRUNCATED), "missing-data", GG_FAULT, "b");
    ck_assert_ptr_null(two(0, 32, 63, GGF_STRICT, GG_ERR_TRUNCATED));
    ck_assert_ptr_null(two(0, 33, 96, GGF_PARTIAL, GG_ERR_CORRUPT));
    ck_assert_ptr_null(two(0, (uint64_t)INT64_MAX - 31, 96, GGF_PARTIAL, GG_ERR_CORRUPT));
    f = two(0, 32, 0, GGF_HEADER_ONLY, GG_OK);
    ck_assert_uint_eq(ggf_file_findings(f)->n, 0);
    ggf_file_free(f);
}
END_TEST

START_TEST(test_truncated_message)
{
    struct make m = {.version = 3};
    struct gg_err err = {0};
    struct ggf_file *f;
    mk_head(&m, 3, 0);
    mk_tensor(&m, "late", 8, 0, 0, 64);
    mk_tensor(&m, "first", 8, 0, 0, 0);
    mk_tensor(&m, "hit", 8, 0, 0, 32);
    mk_pad(&m, 32);
    size_t data = m.b.nbytes;
    mk_data(&m, 40);
    ck_assert_int_eq(mk_open(&m, 0, &f, &err), GG_ERR_TRUNCATED);
    char want[256];
    snprintf(want, sizeof want,
             "made.gguf: needs %zu bytes, has %zu, 56 missing, first tensor hit: 'hit' (byte %zu)",
             data + 96, data + 40, data + 32);
    ck_assert_str_eq(err.msg, want);
    ck_assert_uint_eq(err.where, data + 40);
    gg_buf_free(&m.b);
}
END_TEST

START_TEST(test_padding)
{
    struct make m = {.version = 3};
    struct ggf_file *f;
    mk_head(&m, 1, 0);
    mk_tensor(&m, "a", 5, 0, 0, 0);
    mk_pad(&m, 32);
    mk_data(&m, 20);
    ck_assert_int_eq(mk_open(&m, 0, &f, NULL), GG_OK);
    wants(f, "no-final-padding", GG_NOTE, NULL);
    gg_buf_free(&m.b);
}
END_TEST

START_TEST(test_names_and_types)
{
    struct make m = {.version = 3};
    struct ggf_file *f;
    mk_head(&m, 4, 4);
    mk_kv_u32(&m, "general.architecture", 7);
    mk_kv_str(&m, "k\x1b[31m", "fine");
    mk_kv_str(&m, "llama.block_count", "many");
    mk_kv_u32(&m, "llama.attention.head_count", 8);
    mk_tensor(&m, "", 8, 0, 0, 0);
    mk_tensor(&m, "a\nb", 8, 0, 77, 32);
    mk_tensor(&m, "old", 8, 0, 31, 64);
    mk_tensor(&m, "empty", 0, 7, 2, 64);
    mk_pad(&m, 32);
    mk_data(&m, 100);
    ck_assert_int_eq(mk_open(&m, 0, &f, NULL), GG_OK);
    ck_assert_ptr_nonnull(strstr(found(f, "wrong-type-key", 0)->text, "'general.architecture'"));
    ck_assert_ptr_nonnull(strstr(found(f, "wrong-type-key", 1)->text, "'llama.block_count'"));
    ck_assert_int_eq(found(f, "wrong-type-key", 0)->severity, GG_WARN);
    ck_assert_ptr_null(found(f, "wrong-type-key", 2));
    ck_assert_ptr_nonnull(strstr(found(f, "odd-key", 0)->text, "\\x1b"));
    ck_assert_str_eq(found(f, "odd-name", 0)->tensor, "");
    ck_assert_str_eq(found(f, "odd-name", 1)->tensor, "a\\nb");
    ck_assert_str_eq(found(f, "unknown-type", 0)->tensor, "a\\nb");
    ck_assert_str_eq(found(f, "removed-type", 0)->tensor, "old");
    ck_assert_str_eq(found(f, "empty-tensor", 0)->tensor, "empty");
    ck_assert(!ggf_file_tensor(f, 1)->known && ggf_file_tensor(f, 1)->nbytes == 0);
    ck_assert_uint_eq(ggf_file_findings(f)->n, 8);
    ggf_file_free(f);
    gg_buf_free(&m.b);
}
END_TEST

/* Findings are bounded, however many there are to be found. */
START_TEST(test_many_findings)
{
    struct make m = {.version = 3};
    struct ggf_file *f;
    char name[32];
    mk_head(&m, 5000, 0);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "t\x01%u", i);
        mk_tensor(&m, name, 8, 0, 0, 0);
    }
    mk_pad(&m, 32);
    mk_data(&m, 32);
    ck_assert_int_eq(mk_open(&m, 0, &f, NULL), GG_OK);
    ck_assert_uint_lt(ggf_file_findings(f)->n, 500);
    ck_assert_uint_gt(ggf_file_findings(f)->n_by_severity[GG_FAULT], 100);
    ggf_file_free(f);
    gg_buf_free(&m.b);
}
END_TEST

/* Arrays in arrays: eight deep are read, nine are not. */
START_TEST(test_depth)
{
    for (int depth = 7; depth <= 10; depth++) {
        struct make m = {.version = 3};
        struct gg_err err = {0};
        struct ggf_file *f;
        mk_head(&m, 0, 1);
        mk_key(&m, "x", GGF_ARR);
        for (int i = 1; i < depth; i++) {
            mk_u32(&m, GGF_ARR);
            mk_len(&m, 1);
        }
        mk_u32(&m, GGF_U8);
        mk_len(&m, 1);
        mk_u8(&m, 42);
        ck_assert_int_eq(mk_open(&m, 0, &f, &err), depth <= 8 ? GG_OK : GG_ERR_LIMIT);
        if (f != NULL) {
            struct ggf_value v = ggf_meta_at(ggf_file_meta(f), 0)->value, e;
            uint64_t u = 0;
            int d = 0;
            for (; v.type == GGF_ARR; v = e, d++) {
                struct ggf_iter it = ggf_iter_begin(&v);
                ck_assert(ggf_iter_next(&it, &e));
            }
            ck_assert(d == depth && ggf_as_u64(&v, &u) && u == 42);
        }
        ggf_file_free(f);
        gg_buf_free(&m.b);
    }
}
END_TEST

START_TEST(test_sniff)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *says;
    } cases[] = {
#define C(b, says) {b, sizeof(b) - 1, says}
        C("", "empty"),
        C("<!DOCTYPE HTML><html>", "HTML"),
        C("\xef\xbb\xbf \r\n<HTML lang=en>", "HTML"),
        C("version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        C("PK\3\4\0\0", "zip"),
        C("\x40\0\0\0\0\0\0\0{\"__metadata__\"", "safetensors"),
        C("tjgg\3\0\0\0", "GGJT"),
        C("lmgg", "GGML"),
        C("Entry not found", "text"),
        C("{\"error\": 1}", "JSON"),
        C("\x1f\x8b\x08", "gzip"),
        C("\0\0\0\0\0\0\0\0", "zeros"),
        C("\x81\xfe\x03 junk", NULL),
#undef C
    };
    for (size_t i = 0; i < GG_COUNTOF(cases); i++) {
        const char *says = ggf_sniff(cases[i].bytes, cases[i].n, cases[i].n);
        if (cases[i].says == NULL)
            ck_assert_ptr_null(says);
        else
            ck_assert_msg(says != NULL && strstr(says, cases[i].says) != NULL, "case %zu: %s", i,
                          says ? says : "nothing");
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("gguf_check");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_data);
    tcase_add_test(t, test_truncated_message);
    tcase_add_test(t, test_padding);
    tcase_add_test(t, test_names_and_types);
    tcase_add_test(t, test_many_findings);
    tcase_add_test(t, test_depth);
    tcase_add_test(t, test_sniff);
    suite_add_tcase(s, t);
    return s;
}
