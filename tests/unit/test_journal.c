/* lib/sys/journal: what was appended whole is read back, whatever happened behind it. */
#include "lib/sys/journal.h"
#include "tests/check_main.h"
#include "tests/scratch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOURNAL ".target.ggtool-journal"

static void must(int rc, const struct gg_err *err)
{
    ck_assert_msg(rc == GG_OK, "%s", err->msg);
}

static struct gg_journal *create(void)
{
    struct gg_journal *j = NULL;
    struct gg_err err;
    must(gg_journal_create(&j, scratch_path("target"), &err), &err);
    return j;
}

static struct gg_journal *reopen(enum gg_journal_mode mode)
{
    struct gg_journal *j = NULL;
    struct gg_err err;
    must(gg_journal_open(&j, scratch_path("target"), mode, &err), &err);
    return j;
}

static void append(struct gg_journal *j, uint32_t kind, const char *text)
{
    struct gg_err err;
    must(gg_journal_append(j, kind, text, strlen(text), &err), &err);
}

/* Reads everything from the start: "kind:data;kind:data;" */
static char *all(struct gg_journal *j)
{
    struct gg_buf out = GG_BUF_INIT, data = GG_BUF_INIT;
    struct gg_err err;
    uint32_t kind;
    bool more;
    gg_journal_rewind(j);
    for (;;) {
        must(gg_journal_next(j, &kind, &data, &more, &err), &err);
        if (!more)
            break;
        gg_buf_addf(&out, "%u:", (unsigned)kind);
        gg_buf_add(&out, data.data, data.nbytes);
        gg_buf_addc(&out, ';');
    }
    gg_buf_free(&data);
    return out.data != NULL ? gg_buf_take(&out) : strdup("");
}

static void check_all(struct gg_journal *j, const char *want)
{
    char *got = all(j);
    ck_assert_str_eq(got, want);
    free(got);
}

START_TEST(test_write_and_read)
{
    struct gg_err err;
    scratch_write("target", "x", 1);
    ck_assert(!gg_journal_exists(scratch_path("target")));
    ck_assert_ptr_null(reopen(GG_JOURNAL_WRITE));
    struct gg_journal *j = create();
    ck_assert(gg_journal_exists(scratch_path("target")));
    ck_assert_ptr_nonnull(strstr(gg_journal_path(j), "/" JOURNAL));
    append(j, 7, "first");
    append(j, 0xfffffffe, "");
    must(gg_journal_sync(j, &err), &err);
    append(j, 1, "third");
    check_all(j, "7:first;4294967294:;1:third;");
    gg_journal_free(j);
    j = reopen(GG_JOURNAL_LOOK);
    check_all(j, "7:first;4294967294:;1:third;");
    ck_assert_int_eq(gg_journal_append(j, 1, "no", 2, &err), GG_ERR_BUG);
    ck_assert_int_eq(gg_journal_remove(j, &err), GG_ERR_BUG);
    gg_journal_free(j);
    j = reopen(GG_JOURNAL_WRITE);
    append(j, 2, "later");
    check_all(j, "7:first;4294967294:;1:third;2:later;");
    must(gg_journal_remove(j, &err), &err);
    gg_journal_free(j);
    ck_assert(!gg_journal_exists(scratch_path("target")));
    ck_assert_uint_eq(scratch_count(), 1);
    gg_journal_free(NULL);
}
END_TEST

START_TEST(test_one_only)
{
    struct gg_err err;
    struct gg_journal *j = create(), *k = NULL;
    ck_assert_int_eq(gg_journal_create(&k, scratch_path("target"), &err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "cut short"));
    /* a lock is an open file's, so that another in this process is as good as another process */
    ck_assert_int_eq(gg_journal_open(&k, scratch_path("target"), GG_JOURNAL_WRITE, &err),
                     GG_ERR_IO);
    ck_assert_int_eq(err.sys, EBUSY);
    struct gg_journal *look = reopen(GG_JOURNAL_LOOK);
    ck_assert_ptr_nonnull(look);
    gg_journal_free(look);
    gg_journal_free(j);
    k = reopen(GG_JOURNAL_WRITE);
    ck_assert_ptr_nonnull(k);
    gg_journal_free(k);
}
END_TEST

/* Cut at every length, and with every byte damaged: what is read is a beginning of what was written,
 * whole records, and appending goes on behind them. */
START_TEST(test_cut_and_damaged)
{
    static const char *const whole[] = {"", "1:one;", "1:one;2:two and more;",
                                        "1:one;2:two and more;3:;"};
    struct gg_err err;
    struct gg_journal *j = create();
    size_t ends[4] = {16}, n, seen = 0;
    static const char *const texts[] = {"one", "two and more", ""};
    for (uint32_t i = 0; i < 3; i++) {
        append(j, i + 1, texts[i]);
        free(scratch_read(JOURNAL, &ends[i + 1]));
    }
    gg_journal_free(j);
    char *bytes = scratch_read(JOURNAL, &n);
    for (size_t cut = 0; cut <= n; cut++) {
        size_t want = 0;
        while (want < 3 && ends[want + 1] <= cut)
            want++;
        scratch_write(JOURNAL, bytes, cut);
        j = reopen(GG_JOURNAL_WRITE);
        check_all(j, whole[want]);
        append(j, 9, "on");
        char *got = all(j);
        ck_assert_int_eq(strncmp(got, whole[want], strlen(whole[want])), 0);
        ck_assert_str_eq(got + strlen(whole[want]), "9:on;");
        free(got);
        gg_journal_free(j);
    }
    for (size_t at = 16; at < n; at++, seen++) {
        size_t want = 0;
        while (ends[want + 1] <= at)
            want++;
        bytes[at] ^= 0x40;
        scratch_write(JOURNAL, bytes, n);
        bytes[at] ^= 0x40;
        j = reopen(GG_JOURNAL_LOOK);
        check_all(j, whole[want]);
        gg_journal_free(j);
    }
    ck_assert_uint_gt(seen, 100);
    free(bytes);
    scratch_write(JOURNAL, "something else entirely", 23);
    ck_assert_int_eq(gg_journal_open(&j, scratch_path("target"), GG_JOURNAL_LOOK, &err),
                     GG_ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "no journal of ggtool"));
}
END_TEST

/* A record is of its place: copied behind itself it is none. */
START_TEST(test_place)
{
    struct gg_journal *j = create();
    size_t n;
    append(j, 1, "one");
    gg_journal_free(j);
    char *bytes = scratch_read(JOURNAL, &n), *twice = malloc(2 * n);
    memcpy(twice, bytes, n);
    memcpy(twice + n, bytes + 16, n - 16);
    scratch_write(JOURNAL, twice, 2 * n - 16);
    j = reopen(GG_JOURNAL_LOOK);
    check_all(j, "1:one;");
    gg_journal_free(j);
    free(twice);
    free(bytes);
}
END_TEST

START_TEST(test_names)
{
    char longest[256], also[256];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    memcpy(also, longest, 256);
    also[254] = 'm';
    char *a = gg_journal_path_for(longest), *b = gg_journal_path_for(also);
    ck_assert_uint_le(strlen(a), 255);
    ck_assert_str_ne(a, b);
    free(a);
    free(b);
    /* through a link: beside the file itself */
    scratch_write("target", "x", 1);
    ck_assert_int_eq(symlink("target", scratch_path("link")), 0);
    a = gg_journal_path_for(scratch_path("link"));
    b = gg_journal_path_for(scratch_path("target"));
    ck_assert_str_eq(a, b);
    free(a);
    free(b);
}
END_TEST

/* A killed process leaves its journal, unlocked, with all that was appended. */
START_TEST(test_killed)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct gg_journal *j = create();
        append(j, 1, "before the end");
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    struct gg_journal *j = reopen(GG_JOURNAL_WRITE);
    ck_assert_ptr_nonnull(j);
    check_all(j, "1:before the end;");
    gg_journal_free(j);
}
END_TEST

START_TEST(test_errors)
{
    struct gg_err err;
    struct gg_journal *j = NULL;
    ck_assert_int_eq(gg_journal_create(&j, scratch_path("no/such/target"), &err), GG_ERR_IO);
    ck_assert_int_eq(err.sys, ENOENT);
    ck_assert_int_eq(gg_journal_open(&j, scratch_path("no/such/target"), GG_JOURNAL_WRITE, &err),
                     GG_OK);
    ck_assert_ptr_null(j);
    ck_assert_int_eq(symlink("/dev/zero", scratch_path(JOURNAL)), 0);
    ck_assert_int_eq(gg_journal_open(&j, scratch_path("target"), GG_JOURNAL_LOOK, &err), GG_ERR_IO);
    ck_assert_int_eq(gg_journal_create(&j, scratch_path("target"), &err), GG_ERR_ARG);
}
END_TEST

static void begin(void)
{
    scratch_begin();
}

Suite *suite(void)
{
    Suite *s = suite_create("journal");
    TCase *t = tcase_create("journal");
    tcase_add_checked_fixture(t, begin, scratch_end);
    tcase_set_timeout(t, 60); /* disks at work have slow syncs */
    tcase_add_test(t, test_write_and_read);
    tcase_add_test(t, test_one_only);
    tcase_add_test(t, test_cut_and_damaged);
    tcase_add_test(t, test_place);
    tcase_add_test(t, test_names);
    tcase_add_test(t, test_killed);
    tcase_add_test(t, test_errors);
    suite_add_tcase(s, t);
    return s;
}
