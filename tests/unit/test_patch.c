/* lib/sys/patch and lib/job/pending: changed in place, finished or undone. */
#include "lib/base/num.h"
#include "lib/job/pending.h"
#include "lib/sys/journal.h"
#include "lib/sys/patch.h"
#include "tests/check_main.h"
#include "tests/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char old_text[] = "0123456789abcdefghij", new_text[] = "0123ABCDEFGHIJefghij";
enum { N = sizeof old_text - 1, OFF = 4, LEN = 10 };

static void begin(void)
{
    scratch_begin();
    scratch_write("f", old_text, N);
}

static void check_file(const char *want)
{
    size_t n;
    char *got = scratch_read("f", &n);
    ck_assert_uint_eq(n, N);
    ck_assert_str_eq(got, want);
    free(got);
}

static int apply(struct gg_err *err)
{
    return gg_patch_apply(scratch_path("f"), OFF, old_text + OFF, new_text + OFF, LEN, err);
}

START_TEST(test_apply)
{
    struct gg_err err = {0};
    ck_assert_int_eq(apply(&err), GG_OK);
    check_file(new_text);
    ck_assert_int_eq(apply(&err), GG_OK); /* is so already */
    check_file(new_text);
    ck_assert_uint_eq(scratch_count(), 1);
    scratch_write("f", "0123!56789abcdefghij", N);
    ck_assert_int_eq(apply(&err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "has changed meanwhile"));
    scratch_write("f", "short", 5);
    ck_assert_int_eq(apply(&err), GG_ERR_ARG);
    ck_assert_uint_eq(scratch_count(), 1);
    ck_assert_int_eq(gg_patch_apply(scratch_path("absent"), 0, "a", "b", 1, &err), GG_ERR_IO);
    ck_assert_int_eq(err.sys, ENOENT);
    ck_assert_int_eq(gg_patch_apply(scratch_path("."), 0, "a", "b", 1, &err), GG_ERR_IO);
    ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

/* Leaves the journal of a patch, as a crash would: its record is that of a real one, whose second
 * half fails for want of a file. */
static void leave_journal(bool with_record)
{
    struct gg_journal *j;
    struct gg_err err;
    uint8_t record[20 + 2 * 16 + 2 * LEN];
    gg_store_u32(record, 1);
    gg_store_u64(record + 4, N);
    gg_store_u64(record + 12, 2); /* in two pieces */
    gg_store_u64(record + 20, OFF);
    gg_store_u64(record + 28, 3);
    gg_store_u64(record + 36, OFF + 3);
    gg_store_u64(record + 44, LEN - 3);
    memcpy(record + 52, old_text + OFF, LEN);
    memcpy(record + 52 + LEN, new_text + OFF, LEN);
    ck_assert_int_eq(gg_journal_create(&j, scratch_path("f"), &err), GG_OK);
    if (with_record)
        ck_assert_int_eq(gg_journal_append(j, 0x45444954, record, sizeof record, &err), GG_OK);
    gg_journal_free(j);
}

static enum gg_patch_state look(void)
{
    struct gg_patch_pending p;
    struct gg_err err = {0};
    int rc = gg_patch_look(scratch_path("f"), &p, &err);
    ck_assert_msg(rc == GG_OK, "%s", err.msg);
    if (p.state != GG_PATCH_NONE && p.state != GG_PATCH_UNBEGUN) {
        ck_assert_uint_eq(p.off, OFF);
        ck_assert_uint_eq(p.nbytes, LEN);
    }
    return p.state;
}

/* Whatever of the new bytes has been written: it can be told, finished and undone. */
START_TEST(test_every_state)
{
    struct gg_patch_pending p;
    struct gg_err err = {0};
    for (unsigned mask = 0; mask < 1u << LEN; mask += 93) { /* from none to all */
        for (int undo = 0; undo < 2; undo++) {
            char text[N + 1];
            memcpy(text, old_text, sizeof text);
            for (unsigned i = 0; i < LEN; i++) {
                if (mask >> i & 1)
                    text[OFF + i] = new_text[OFF + i];
            }
            scratch_write("f", text, N);
            leave_journal(true);
            enum gg_patch_state want = mask == 0                ? GG_PATCH_BEFORE
                                       : mask == (1u << LEN) - 1 ? GG_PATCH_AFTER
                                                                 : GG_PATCH_BETWEEN;
            ck_assert_int_eq(look(), want);
            ck_assert_int_eq(apply(&err), GG_ERR_ARG); /* first things first */
            int rc = gg_patch_settle(scratch_path("f"), undo, &p, &err);
            ck_assert_msg(rc == GG_OK && p.settled && p.state == want, "%s", err.msg);
            check_file(undo ? old_text : new_text);
            ck_assert_uint_eq(scratch_count(), 1);
            ck_assert_int_eq(look(), GG_PATCH_NONE);
        }
    }
}
END_TEST

START_TEST(test_other_states)
{
    struct gg_patch_pending p;
    struct gg_err err = {0};
    struct gg_journal *j;
    ck_assert_int_eq(gg_patch_settle(scratch_path("f"), false, &p, &err), GG_OK);
    ck_assert(p.state == GG_PATCH_NONE && p.settled);
    leave_journal(false);
    ck_assert_int_eq(look(), GG_PATCH_UNBEGUN);
    ck_assert_int_eq(gg_patch_settle(scratch_path("f"), false, &p, &err), GG_OK);
    check_file(old_text);
    ck_assert_uint_eq(scratch_count(), 1);
    /* another file has come in its place */
    leave_journal(true);
    scratch_write("f", "0123ABxDEFGHIJefghij", N);
    ck_assert_int_eq(look(), GG_PATCH_STRANGER);
    ck_assert_int_eq(gg_patch_settle(scratch_path("f"), false, &p, &err), GG_ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "not of this file"));
    check_file("0123ABxDEFGHIJefghij");
    scratch_write("f", "0123456789", 10);
    ck_assert_int_eq(look(), GG_PATCH_STRANGER);
    ck_assert_int_eq(gg_patch_settle(scratch_path("f"), true, &p, &err), GG_ERR_CORRUPT);
    ck_assert_uint_eq(scratch_count(), 2);
    /* a process at work */
    scratch_write("f", old_text, N);
    ck_assert_int_eq(gg_journal_open(&j, scratch_path("f"), GG_JOURNAL_WRITE, &err), GG_OK);
    ck_assert_int_eq(gg_patch_settle(scratch_path("f"), false, &p, &err), GG_ERR_IO);
    ck_assert_int_eq(err.sys, EBUSY);
    ck_assert_int_eq(gg_journal_remove(j, &err), GG_OK);
    gg_journal_free(j);
    /* other work */
    ck_assert_int_eq(gg_journal_create(&j, scratch_path("f"), &err), GG_OK);
    ck_assert_int_eq(gg_journal_append(j, 77, "x", 1, &err), GG_OK);
    gg_journal_free(j);
    ck_assert_int_eq(look(), GG_PATCH_NONE);
    ck_assert_int_eq(gg_patch_settle(scratch_path("f"), false, &p, &err), GG_OK);
    ck_assert_uint_eq(scratch_count(), 2); /* its journal is its own */
    ck_assert_int_eq(apply(&err), GG_ERR_ARG);
    check_file(old_text);
}
END_TEST

/* Records that no patch of ours has written. */
START_TEST(test_bad_records)
{
    struct gg_patch_pending p;
    struct gg_err err = {0};
    struct gg_journal *j;
    uint8_t record[80];
    for (size_t n = 0; n < sizeof record; n += 5) {
        memset(record, 0xff, sizeof record);
        if (n > 30) { /* lengths that contradict the record's */
            gg_store_u32(record, 1);
            gg_store_u64(record + 12, n > 60 ? 3 : n > 40 ? 1 : 1ull << 60);
        }
        if (n > 50)
            gg_store_u64(record + 28, n > 70 ? 1000 : n > 60 ? 0 : UINT64_MAX / 2);
        ck_assert_int_eq(gg_journal_create(&j, scratch_path("f"), &err), GG_OK);
        ck_assert_int_eq(gg_journal_append(j, 0x45444954, record, n, &err), GG_OK);
        ck_assert_int_eq(gg_patch_look(scratch_path("f"), &p, &err), GG_ERR_UNSUPPORTED);
        ck_assert_int_eq(gg_journal_remove(j, &err), GG_OK);
        gg_journal_free(j);
    }
}
END_TEST

/* What is the same is not written, when there is much of it. */
START_TEST(test_pieces)
{
    enum { SIZE = 100000 };
    static const size_t spots[] = {5, 7, 4000, 20000, 99999};
    struct gg_err err = {0};
    struct gg_patch_pending p;
    char *a = calloc(1, SIZE), *b = calloc(1, SIZE);
    size_t first, n;
    ck_assert_uint_eq(gg_patch_nbytes(a, b, SIZE, &first), 0);
    ck_assert_uint_eq(first, SIZE);
    for (size_t i = 0; i < 5; i++)
        b[spots[i]] = 'x';
    ck_assert_uint_eq(gg_patch_nbytes(a, b, SIZE, &first), 3996 + 1 + 1);
    ck_assert_uint_eq(first, 5);
    scratch_write("f", a, SIZE);
    ck_assert_int_eq(gg_patch_apply(scratch_path("f"), 0, a, b, SIZE, &err), GG_OK);
    char *got = scratch_read("f", &n);
    ck_assert_mem_eq(got, b, SIZE);
    free(got);
    scratch_write("f", a, SIZE); /* a change where nothing would be written */
    a[50000] = 'y';
    b[50000] = 'y';
    ck_assert_int_eq(gg_patch_apply(scratch_path("f"), 0, a, b, SIZE, &err), GG_ERR_ARG);
    ck_assert_int_eq(gg_patch_look(scratch_path("f"), &p, &err), GG_OK);
    ck_assert_int_eq(p.state, GG_PATCH_NONE);
    free(a);
    free(b);
}
END_TEST

/* The findings that say so; a shard is found through any other. */
START_TEST(test_pending)
{
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_err err = {0};
    leave_journal(true);
    ck_assert_int_eq(gg_pending(scratch_path("f"), GG_PENDING_LOOK, &f, &err), GG_OK);
    ck_assert_uint_eq(f.n, 1);
    ck_assert_str_eq(f.v[0].code, "edit-pending");
    ck_assert_int_eq(f.v[0].severity, GG_FAULT);
    check_file(old_text);
    scratch_write("f", "0123ABC789abcdefghij", N);
    ck_assert_int_eq(gg_pending(scratch_path("f"), GG_PENDING_LOOK, &f, &err), GG_OK);
    ck_assert_int_eq(f.v[1].severity, GG_FAULT);
    ck_assert_ptr_nonnull(strstr(f.v[1].text, "half-way"));
    ck_assert_int_eq(rename(scratch_path("f"), scratch_path("m-00002-of-00003.gguf")), 0);
    ck_assert_int_eq(rename(scratch_path(".f.ggtool-journal"),
                            scratch_path(".m-00002-of-00003.gguf.ggtool-journal")), 0);
    ck_assert_int_eq(gg_pending(scratch_path("m-00001-of-00003.gguf"), GG_PENDING_UNDO, &f, &err),
                     GG_OK);
    ck_assert_uint_eq(f.n, 3);
    ck_assert_str_eq(f.v[2].code, "edit-settled");
    ck_assert_ptr_nonnull(strstr(f.v[2].text, "m-00002-of-00003.gguf: "));
    ck_assert_uint_eq(scratch_count(), 1);
    ck_assert_int_eq(gg_pending("-", GG_PENDING_FINISH, &f, &err), GG_OK);
    ck_assert_uint_eq(f.n, 3);
    gg_findings_free(&f);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("patch");
    TCase *t = tcase_create("patch");
    tcase_add_checked_fixture(t, begin, scratch_end);
    tcase_set_timeout(t, 60); /* disks at work have slow syncs */
    tcase_add_test(t, test_apply);
    tcase_add_test(t, test_every_state);
    tcase_add_test(t, test_other_states);
    tcase_add_test(t, test_bad_records);
    tcase_add_test(t, test_pieces);
    tcase_add_test(t, test_pending);
    suite_add_tcase(s, t);
    return s;
}
