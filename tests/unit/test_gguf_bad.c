/* gguf: every file of fixtures/bad gives what EXPECT says, every one of MUST_REFUSE is refused, and
 * those of fixtures/ok are clean. */
#include "gguf/gguf.h"
#include "tests/check_main.h"
#include "tests/gguf_make.h"

#include <dirent.h>
#include <stdlib.h>

static const char *const codes[] = {"OK",          "NOT_GGUF",    "CORRUPT", "TRUNCATED",
                                    "UNSUPPORTED", "LIMIT",       "ARG",     "IO",
                                    "NOMEM",       "INTERRUPTED", "BUG"};

/* "gap overlap", "-" when there are none. */
static const char *codes_found(const struct ggf_file *f, struct gg_buf *b)
{
    const struct gg_findings *g = ggf_file_findings(f);
    gg_buf_reset(b);
    for (size_t i = 0; i < g->n; i++)
        gg_buf_addf(b, "%s%s", i ? " " : "", g->v[i].code);
    return g->n != 0 ? gg_buf_str(b) : "-";
}

static void check_one(const char *name, const char *code, const char *text)
{
    struct gg_err err = {0};
    struct gg_buf said = GG_BUF_INIT;
    struct ggf_file *f;
    char path[256], want[1024];
    snprintf(path, sizeof path, "fixtures/bad/%s", name);
    int rc = ggf_file_open(&f, path, GGF_STRICT, &err);
    ck_assert_msg(strcmp(codes[rc], code) == 0, "%s: %s where %s is wanted", name, codes[rc], code);
    snprintf(want, sizeof want, "%s: %s", path, text);
    if (rc == GG_OK)
        ck_assert_msg(strcmp(codes_found(f, &said), text) == 0, "%s: found %s", name,
                      gg_buf_str(&said));
    else
        ck_assert_str_eq(err.msg, want);
    ck_assert(rc == GG_OK ? f != NULL : f == NULL);
    ggf_file_free(f);
    gg_buf_free(&said);
}

START_TEST(test_expect)
{
    char line[1024], name[128], code[32];
    int n = 0, at;
    FILE *t = fopen("fixtures/bad/EXPECT", "r");
    ck_assert_ptr_nonnull(t);
    while (fgets(line, sizeof line, t) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || sscanf(line, "%127s %31s %n", name, code, &at) != 2)
            continue;
        check_one(name, code, line + at);
        n++;
    }
    fclose(t);
    DIR *d = opendir("fixtures/bad");
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t len = strlen(e->d_name);
        n -= len > 5 && strcmp(e->d_name + len - 5, ".gguf") == 0;
    }
    closedir(d);
    ck_assert_msg(n == 0, "files and lines of EXPECT do not pair up: %d", n);
}
END_TEST

START_TEST(test_must_refuse)
{
    char name[128], path[256];
    int n = 0;
    FILE *t = fopen("fixtures/bad/MUST_REFUSE", "r");
    ck_assert_ptr_nonnull(t);
    for (; fscanf(t, "%127s", name) == 1; n++) {
        struct ggf_file *f;
        struct gg_err err = {0};
        snprintf(path, sizeof path, "fixtures/bad/%s", name);
        int rc = ggf_file_open(&f, path, GGF_STRICT, &err);
        ck_assert_msg(rc != GG_OK && rc != GG_ERR_IO && rc != GG_ERR_BUG, "%s: %d", name, rc);
        ck_assert_msg(strncmp(err.msg, path, strlen(path)) == 0, "%s", err.msg);
        ck_assert_msg(strstr(err.msg, "byte") != NULL && strchr(err.msg, '\n') == NULL, "%s",
                      err.msg);
        ck_assert_uint_ne(err.where, GG_NOWHERE);
        /* partly read files are given for one reason alone */
        rc = ggf_file_open(&f, path, GGF_PARTIAL, &err);
        ck_assert(rc != GG_OK && (rc == GG_ERR_TRUNCATED) == (f != NULL));
        ggf_file_free(f);
    }
    fclose(t);
    ck_assert_int_ge(n, 44);
}
END_TEST

START_TEST(test_ok)
{
    static const char *const names[] = {
        "fixtures/ok/ok_min.gguf", "fixtures/ok/ok_empty.gguf", "fixtures/ok/ok_align64.gguf",
        "fixtures/models/tiny-bf16.gguf", "fixtures/models/imatrix.gguf"};
    for (size_t i = 0; i < GG_COUNTOF(names); i++) {
        struct ggf_file *f;
        struct gg_err err = {0};
        ck_assert_msg(ggf_file_open(&f, names[i], GGF_STRICT, &err) == GG_OK, "%s", err.msg);
        ck_assert_uint_eq(ggf_file_findings(f)->n, 0);
        ck_assert(ggf_file_canonical(f) && ggf_file_complete(f));
        ck_assert_uint_le(ggf_file_needs_nbytes(f), ggf_file_nbytes(f));
        ggf_file_free(f);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("gguf_bad");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_expect);
    tcase_add_test(t, test_must_refuse);
    tcase_add_test(t, test_ok);
    suite_add_tcase(s, t);
    return s;
}
