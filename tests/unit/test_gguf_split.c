/* gguf: shard sets, whole and in every way broken. */
#include "gguf/gguf.h"
#include "tests/check_main.h"
#include "tests/gguf_make.h"

#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/ggf-set-XXXXXX"; /* made anew by each test, in a process of its own */

static const char *shard_path(char dst[128], unsigned no, unsigned count)
{
    snprintf(dst, 128, "%s/m-%05u-of-%05u.gguf", dir, no + 1, count);
    return dst;
}

/* How one shard is written; zero is right. */
struct bend {
    int no, count, total;      /* added to what belongs there */
    bool no_keys, no_total;    /* leave them out */
    uint32_t vtype;            /* of split.count, when not u16 */
    const char *tensor, *arch; /* instead */
};

static void write_shard(unsigned no, unsigned count, struct bend b)
{
    struct make m = {.version = 3};
    char path[128], name[32];
    mk_head(&m, 2, 1 + (b.no_keys ? 0u : b.no_total ? 2u : 3u));
    mk_kv_str(&m, "general.architecture", b.arch ? b.arch : "llama");
    if (!b.no_keys) {
        mk_kv_u16(&m, "split.no", (uint16_t)((int)no + b.no));
        if (b.vtype == GGF_STR)
            mk_kv_str(&m, "split.count", "3");
        else if (b.vtype == GGF_U32)
            mk_kv_u32(&m, "split.count", count);
        else
            mk_kv_u16(&m, "split.count", (uint16_t)((int)count + b.count));
        if (!b.no_total)
            mk_kv_i32(&m, "split.tensors.count", (int)count * 2 + b.total);
    }
    snprintf(name, sizeof name, "t%u", no);
    mk_tensor(&m, b.tensor ? b.tensor : name, 8, 0, 0, 0);
    snprintf(name, sizeof name, "u%u", no);
    mk_tensor(&m, name, 8, 0, 0, 32);
    mk_pad(&m, 32);
    mk_data(&m, 64);
    mk_save(&m, shard_path(path, no, count));
    gg_buf_free(&m.b);
}

static void write_set(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        write_shard(i, count, (struct bend){0});
}

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    char path[128];
    for (unsigned c = 0; c < 5; c++) {
        for (unsigned i = 0; i < c; i++)
            unlink(shard_path(path, i, c));
    }
    snprintf(path, sizeof path, "%s/other.gguf", dir);
    unlink(path);
    rmdir(dir);
}

/* Opens by shard asked; wants the code and, in the message, the text. */
static void expect(unsigned asked, unsigned count, int code, const char *text)
{
    char path[128];
    struct ggf_set *s;
    struct gg_err err = {0};
    int rc = ggf_set_open(&s, shard_path(path, asked, count), GGF_STRICT, &err);
    ck_assert_msg(rc == code, "%d: %s", rc, err.msg);
    ck_assert_msg(code == GG_OK || strstr(err.msg, text) != NULL, "'%s' not in: %s", text, err.msg);
    ck_assert_msg(code == GG_OK || strstr(err.msg, dir) != NULL, "%s", err.msg);
    ck_assert((s != NULL) == (rc == GG_OK));
    ggf_set_free(s);
}

START_TEST(test_names)
{
    size_t n;
    uint32_t no, count;
    char dst[64];
    ck_assert(ggf_split_parse("dir/name-00002-of-00005.gguf", &n, &no, &count));
    ck_assert(n == 8 && no == 1 && count == 5);
    static const char *const bad[] = {"-00001-of-00002.gguf",
                                      "a-00003-of-00002.gguf",
                                      "a-00000-of-00002.gguf",
                                      "a-0001-of-00002.gguf",
                                      "a-00001-of-00002.ggu",
                                      "a-00001_of-00002.gguf",
                                      "a-00x01-of-00002.gguf",
                                      "",
                                      "a.gguf"};
    for (size_t i = 0; i < GG_COUNTOF(bad); i++)
        ck_assert_msg(!ggf_split_parse(bad[i], &n, &no, &count), "%s", bad[i]);
    ck_assert(ggf_split_path(dst, sizeof dst, "dir/name", 1, 5));
    ck_assert_str_eq(dst, "dir/name-00002-of-00005.gguf");
    ck_assert(!ggf_split_path(dst, 28, "dir/name", 1, 5));
    ck_assert(ggf_split_path(dst, 29, "dir/name", 1, 5));
}
END_TEST

START_TEST(test_whole)
{
    char path[128];
    write_set(3);
    for (unsigned asked = 0; asked < 3; asked++) {
        struct ggf_set *s;
        struct gg_err err = {0};
        int rc = ggf_set_open(&s, shard_path(path, asked, 3), 0, &err);
        ck_assert_msg(rc == GG_OK, "%s", err.msg);
        ck_assert_uint_eq(ggf_set_n_files(s), 3);
        for (unsigned i = 0; i < 3; i++) {
            ck_assert_str_eq(ggf_set_path(s, i), shard_path(path, i, 3));
            ck_assert_int_eq(ggf_file_tensor(ggf_set_file(s, i), 0)->name.p[1], '0' + (int)i);
        }
        ggf_set_free(s);
    }
}
END_TEST

START_TEST(test_broken)
{
    char a[128], b[128], tmp[128];
    write_set(3);
    unlink(shard_path(a, 1, 3));
    expect(0, 3, GG_ERR_CORRUPT, "shard 2 of 3 is missing");
    expect(2, 3, GG_ERR_CORRUPT, "shard 2 of 3 is missing");
    write_set(3); /* swapped */
    snprintf(tmp, sizeof tmp, "%s/other.gguf", dir);
    ck_assert(rename(shard_path(a, 1, 3), tmp) == 0 && rename(shard_path(b, 2, 3), a) == 0 &&
              rename(tmp, b) == 0);
    expect(0, 3, GG_ERR_CORRUPT, "split.no': is 2; its place in the set says 1");
    expect(1, 3, GG_ERR_CORRUPT, "split.no': is 2; the file name less one says 1");
    static const struct {
        struct bend bend;
        const char *text;
    } cases[] = {
        {{.count = 1}, "split.count': is 4; "},
        {{.no = 1}, "split.no': is 2; "},
        {{.total = 1}, "split.tensors.count': is 7; a shard before it says 6"},
        {{.tensor = "t0"}, "tensor 't0': name: is in shard 1, too"},
        {{.tensor = "u2"}, "tensor 'u2': name: is in shard 2, too"},
        {{.arch = "qwen2"}, "general.architecture': not that of the first shard"},
        {{.no_keys = true}, "split.no': is absent"},
        {{.vtype = GGF_STR}, "split.count': is of type str where u16 is wanted"},
        {{.vtype = GGF_U32}, "split.count': is of type u32 where u16 is wanted"},
    };
    for (size_t i = 0; i < GG_COUNTOF(cases); i++) {
        write_set(3);
        write_shard(1, 3, cases[i].bend);
        expect(0, 3, GG_ERR_CORRUPT, cases[i].text);
        expect(2, 3, GG_ERR_CORRUPT, cases[i].text);
    }
}
END_TEST

START_TEST(test_totals)
{
    static const struct {
        struct bend all;
        const char *text;
    } cases[] = {
        {{.total = 1}, "split.tensors.count': is 7; the count over all shards says 6"},
        {{.total = -1}, "split.tensors.count': is 5; the count over all shards says 6"},
        {{.total = -100}, "split.tensors.count': is negative"},
        {{.no_total = true}, "split.tensors.count': is absent"},
    };
    for (size_t i = 0; i < GG_COUNTOF(cases); i++) {
        for (unsigned k = 0; k < 3; k++)
            write_shard(k, 3, cases[i].all);
        expect(1, 3, GG_ERR_CORRUPT, cases[i].text);
    }
}
END_TEST

START_TEST(test_alone)
{
    char path[128], other[128];
    struct ggf_set *s;
    struct gg_err err = {0};
    write_shard(0, 2, (struct bend){.no_keys = true}); /* named like a shard, and not split */
    expect(0, 2, GG_OK, NULL);
    write_shard(0, 2, (struct bend){.count = -1});
    expect(0, 2, GG_OK, NULL);
    write_shard(0, 2, (struct bend){.count = -2});
    expect(0, 2, GG_OK, NULL);
    write_set(2); /* split, and not named so */
    snprintf(other, sizeof other, "%s/other.gguf", dir);
    ck_assert_int_eq(rename(shard_path(path, 0, 2), other), 0);
    ck_assert_int_eq(ggf_set_open(&s, other, 0, &err), GG_ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "not named like a shard"));
    struct ggf_file *f;
    ck_assert_int_eq(ggf_file_open(&f, other, 0, &err), GG_OK);
    ck_assert_int_eq(ggf_set_from_file(&s, f, &err), GG_OK);
    ck_assert(ggf_set_n_files(s) == 1 && ggf_set_file(s, 0) == f);
    ggf_set_free(s);
    ggf_set_free(NULL);
}
END_TEST

START_TEST(test_cut_shard)
{
    char path[128];
    for (unsigned cut = 0; cut < 3; cut++) {
        struct ggf_set *s;
        struct gg_err err = {0};
        write_set(3);
        ck_assert_int_eq(truncate(shard_path(path, cut, 3), 250), 0);
        expect(1, 3, GG_ERR_TRUNCATED, "00003.gguf: needs ");
        ck_assert_int_eq(ggf_set_open(&s, shard_path(path, 1, 3), GGF_PARTIAL, &err),
                         GG_ERR_TRUNCATED);
        ck_assert_ptr_nonnull(s);
        ck_assert_uint_eq(ggf_set_n_files(s), 3);
        ggf_set_free(s);
        ck_assert_int_eq(truncate(shard_path(path, cut, 3), 180), 0);
        int rc = ggf_set_open(&s, shard_path(path, 0, 3), GGF_PARTIAL, &err);
        ck_assert_int_eq(rc, GG_ERR_TRUNCATED);
        ck_assert_uint_eq(ggf_set_n_files(s),
                          cut == 0 ? 1 : 3); /* nothing is known from half a header */
        ggf_set_free(s);
    }
}
END_TEST

START_TEST(test_fixtures)
{
    static const struct {
        const char *name;
        int code;
    } cases[] = {
        {"fixtures/bad/s_count0.gguf", GG_OK},
        {"fixtures/bad/s_count65535-00001-of-65535.gguf", GG_ERR_CORRUPT},
        {"fixtures/bad/s_count_str-00001-of-00002.gguf", GG_ERR_CORRUPT},
        {"fixtures/bad/s_count_u32-00001-of-00002.gguf", GG_ERR_CORRUPT},
        {"fixtures/models/tiny-bf16.gguf", GG_OK},
        {"fixtures/bad/h_zero_len.gguf", GG_ERR_NOT_GGUF},
    };
    for (size_t i = 0; i < GG_COUNTOF(cases); i++) {
        struct ggf_set *s;
        struct gg_err err = {0};
        int rc = ggf_set_open(&s, cases[i].name, 0, &err);
        ck_assert_msg(rc == cases[i].code, "%s: %s", cases[i].name, err.msg);
        ck_assert_msg(rc == GG_OK || strstr(err.msg, "(byte ") != NULL, "%s", err.msg);
        ggf_set_free(s);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("gguf_split");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_names);
    tcase_add_test(t, test_whole);
    tcase_add_test(t, test_broken);
    tcase_add_test(t, test_totals);
    tcase_add_test(t, test_alone);
    tcase_add_test(t, test_cut_shard);
    tcase_add_test(t, test_fixtures);
    suite_add_tcase(s, t);
    return s;
}
