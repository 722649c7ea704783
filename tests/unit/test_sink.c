/* lib/sys/sink and input: complete and correct, or not there. */
#include "lib/sys/cleanup.h"
#include "lib/sys/input.h"
#include "lib/sys/sink.h"
#include "tests/check_main.h"
#include "tests/scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_sink(struct gg_sink **s, const char *name, uint64_t n, bool force,
                     struct gg_err *err)
{
    struct gg_sink_opts o = {.nbytes = n, .force = force};
    return gg_sink_open(s, scratch_path(name), &o, err);
}

static void must(int rc, const struct gg_err *err)
{
    ck_assert_msg(rc == GG_OK, "%s", err->msg);
}

static void check_content(const char *name, const void *want, size_t n)
{
    size_t got;
    char *p = scratch_read(name, &got);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(got, n);
    ck_assert_int_eq(memcmp(p, want, n), 0);
    free(p);
}

static void write_out(const char *name, bool force, const char *text)
{
    struct gg_sink *s;
    struct gg_err err;
    must(open_sink(&s, name, strlen(text), force, &err), &err);
    must(gg_sink_write(s, 0, text, strlen(text), &err), &err);
    must(gg_sink_finish(s, &err), &err);
    must(gg_sink_commit(s, &err), &err);
    gg_sink_free(s);
}

START_TEST(test_new_file)
{
    struct gg_sink *s;
    struct gg_err err;
    mode_t old = umask(027);
    must(open_sink(&s, "out", 10, false, &err), &err);
    ck_assert(!gg_sink_ordered(s));
    must(gg_sink_write(s, 7, "xyz", 3, &err), &err);
    must(gg_sink_write(s, 0, "abc", 3, &err), &err);
    ck_assert_int_eq(gg_sink_write(s, 8, "xyz", 3, &err), GG_ERR_BUG); /* beyond the plan */
    ck_assert_ptr_null(scratch_read("out", &(size_t){0}));
    ck_assert_int_eq(gg_sink_commit(s, &err), GG_ERR_BUG); /* not finished */
    must(gg_sink_finish(s, &err), &err);
    ck_assert_ptr_null(scratch_read("out", &(size_t){0}));
    must(gg_sink_commit(s, &err), &err);
    gg_sink_free(s);
    umask(old);
    check_content("out", "abc\0\0\0\0xyz", 10);
    struct stat st;
    ck_assert_int_eq(stat(scratch_path("out"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

START_TEST(test_abandoned)
{
    struct gg_sink *s;
    struct gg_err err;
    scratch_write("old", "old content", 11);
    must(open_sink(&s, "new", 5, false, &err), &err);
    gg_sink_free(s);
    must(open_sink(&s, "old", 5, true, &err), &err);
    must(gg_sink_write(s, 0, "12345", 5, &err), &err);
    ck_assert_uint_eq(scratch_count(), 2); /* the temporary has a name */
    must(gg_sink_finish(s, &err), &err);
    gg_sink_free(s);
    check_content("old", "old content", 11);
    ck_assert_uint_eq(scratch_count(), 1);
    gg_sink_free(NULL);
}
END_TEST

START_TEST(test_existing)
{
    struct gg_sink *s;
    struct gg_err err;
    scratch_write("a", "1", 1);
    ck_assert_int_eq(open_sink(&s, "a", 5, false, &err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "exists already; --force"));
    ck_assert_int_eq(chmod(scratch_path("a"), 0604), 0);
    write_out("a", true, "new");
    check_content("a", "new", 3);
    struct stat st;
    ck_assert_int_eq(stat(scratch_path("a"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0604); /* as it was */
    /* one that comes to exist meanwhile */
    must(open_sink(&s, "b", 1, false, &err), &err);
    must(gg_sink_finish(s, &err), &err);
    scratch_write("b", "stranger", 8);
    ck_assert_int_eq(gg_sink_commit(s, &err), GG_ERR_ARG);
    gg_sink_free(s);
    check_content("b", "stranger", 8);
    must(open_sink(&s, "c", 1, true, &err), &err);
    must(gg_sink_finish(s, &err), &err);
    scratch_write("c", "stranger", 8);
    must(gg_sink_commit(s, &err), &err);
    gg_sink_free(s);
    check_content("c", "\0", 1);
    ck_assert_uint_eq(scratch_count(), 3);
}
END_TEST

START_TEST(test_links)
{
    struct gg_sink *s;
    struct gg_err err;
    struct stat st;
    scratch_write("in", "in", 2);
    scratch_write("real", "real", 4);
    ck_assert_int_eq(symlink("in", scratch_path("to-in")), 0);
    ck_assert_int_eq(link(scratch_path("in"), scratch_path("hard")), 0);
    ck_assert_int_eq(symlink("real", scratch_path("to-real")), 0);
    ck_assert_int_eq(symlink("nothing", scratch_path("dangling")), 0);
    ck_assert_int_eq(stat(scratch_path("in"), &st), 0);
    struct gg_file_id id = {(uint64_t)st.st_dev, (uint64_t)st.st_ino};
    struct gg_sink_opts o = {.nbytes = 2, .force = true, .inputs = &id, .n_inputs = 1};
    static const char *const names[] = {"in", "to-in", "hard"};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gg_sink_open(&s, scratch_path(names[i]), &o, &err), GG_ERR_ARG);
        ck_assert_ptr_nonnull(strstr(err.msg, "is the input itself"));
    }
    ck_assert_int_eq(gg_sink_open(&s, scratch_path("dangling"), &o, &err), GG_ERR_ARG);
    write_out("to-real", true, "new");
    check_content("real", "new", 3);
    ck_assert_int_eq(lstat(scratch_path("to-real"), &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

START_TEST(test_refused)
{
    struct gg_sink *s;
    struct gg_err err;
    ck_assert_int_eq(open_sink(&s, "no/such/x", 1, false, &err), GG_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "no folder '"));
    ck_assert_int_eq(open_sink(&s, "", 1, false, &err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "is a folder"));
    ck_assert_int_eq(open_sink(&s, "x", UINT64_MAX, false, &err), GG_ERR_LIMIT);
    ck_assert_int_eq(open_sink(&s, "x", INT64_MAX, false, &err), GG_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "no room for 9223372036854775807 bytes"));
    ck_assert_uint_eq(scratch_count(), 0);
    if (geteuid() != 0) {
        ck_assert_int_eq(chmod(scratch_path(""), 0500), 0);
        ck_assert_int_eq(open_sink(&s, "x", 1, false, &err), GG_ERR_IO);
        ck_assert_ptr_nonnull(strstr(err.msg, "cannot create a file in folder '"));
        ck_assert_int_eq(chmod(scratch_path(""), 0700), 0);
    }
}
END_TEST

START_TEST(test_devices)
{
    struct gg_sink *s;
    struct gg_err err;
    struct gg_sink_opts o = {.nbytes = 100};
    must(gg_sink_open(&s, "/dev/null", &o, &err), &err);
    ck_assert(gg_sink_ordered(s));
    must(gg_sink_write(s, 10, "x", 1, &err), &err);
    ck_assert_int_eq(gg_sink_write(s, 9, "x", 1, &err), GG_ERR_BUG); /* backwards */
    must(gg_sink_finish(s, &err), &err);
    must(gg_sink_commit(s, &err), &err);
    gg_sink_free(s);
    if (access("/dev/full", W_OK) == 0) {
        must(gg_sink_open(&s, "/dev/full", &o, &err), &err);
        ck_assert_int_eq(gg_sink_write(s, 0, "x", 1, &err), GG_ERR_IO);
        ck_assert_str_eq(err.msg, "/dev/full: cannot write 1 bytes at 0 of 100: "
                                  "No space left on device");
        gg_sink_free(s);
    }
    struct stat st;
    ck_assert_int_eq(stat("/dev/null", &st), 0);
    ck_assert(S_ISCHR(st.st_mode));
}
END_TEST

static void *drain(void *got)
{
    int fd = open(scratch_path("fifo"), O_RDONLY);
    size_t n = 0;
    for (ssize_t r; (r = read(fd, (char *)got + n, 64 - n)) > 0;)
        n += (size_t)r;
    close(fd);
    return NULL;
}

START_TEST(test_fifo)
{
    char got[64] = {0};
    struct gg_sink *s;
    struct gg_err err;
    pthread_t reader;
    ck_assert_int_eq(mkfifo(scratch_path("fifo"), 0600), 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, drain, got), 0);
    must(open_sink(&s, "fifo", 12, false, &err), &err);
    scratch_write("from", "..copied", 8);
    int from = open(scratch_path("from"), O_RDONLY);
    must(gg_sink_write(s, 0, "head", 4, &err), &err);
    must(gg_sink_copy(s, 6, from, 2, 4, &err), &err);
    must(gg_sink_finish(s, &err), &err);
    must(gg_sink_commit(s, &err), &err);
    gg_sink_free(s);
    close(from);
    pthread_join(reader, NULL);
    ck_assert_int_eq(memcmp(got, "head\0\0copi\0\0", 13), 0);
}
END_TEST

START_TEST(test_copy)
{
    enum { N = 300000 };
    static char in[N], want[N];
    struct gg_sink *s;
    struct gg_err err;
    for (int i = 0; i < N; i++)
        in[i] = (char)(i * 31 + i / 251);
    memcpy(want + 1000, in + 77, 200001);
    scratch_write("from", in, N);
    int from = open(scratch_path("from"), O_RDONLY);
    must(open_sink(&s, "to", N, false, &err), &err);
    must(gg_sink_copy(s, 1000, from, 77, 200001, &err), &err);
    ck_assert_int_eq(gg_sink_copy(s, 0, from, N - 5, 10, &err), GG_ERR_TRUNCATED);
    ck_assert_int_eq(gg_sink_copy(s, N - 5, from, 0, 10, &err), GG_ERR_BUG);
    close(from);
    memcpy(want, in + N - 5, 5);
    must(gg_sink_finish(s, &err), &err);
    must(gg_sink_commit(s, &err), &err);
    gg_sink_free(s);
    check_content("to", want, N);
}
END_TEST

START_TEST(test_file_size_limit)
{
    struct gg_sink *s;
    struct gg_err err;
    struct rlimit lim = {1000, 1000};
    gg_cleanup_install(); /* takes XFSZ away */
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &lim), 0);
    ck_assert_int_eq(open_sink(&s, "x", 5000, false, &err), GG_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "no room for 5000 bytes"));
    ck_assert_uint_eq(scratch_count(), 0);
}
END_TEST

/* A child opens an output over "t" and is ended by sig. */
static int killed_by(int sig)
{
    pid_t child = fork();
    if (child == 0) {
        struct gg_sink *s;
        struct gg_err err;
        signal(sig, SIG_DFL); /* whoever runs us in the background may have it ignored */
        gg_cleanup_install();
        if (open_sink(&s, "t", 100000, true, &err) != GG_OK)
            _exit(9);
        raise(sig);
        _exit(8);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(test_signals)
{
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    scratch_write("t", "target", 6);
    for (int i = 0; i < 5; i++) {
        int status = killed_by(sigs[i]);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(WTERMSIG(status), sigs[i]);
        ck_assert_uint_eq(scratch_count(), 1);
    }
    int status = killed_by(SIGKILL);
    ck_assert(WIFSIGNALED(status));
    ck_assert_uint_eq(scratch_count(), 2); /* nobody can help it; but only a hidden name is left */
    check_content("t", "target", 6);
}
END_TEST

START_TEST(test_input)
{
    struct gg_input *in;
    struct gg_err err;
    char buf[16] = {0};
    size_t got;
    scratch_write("in", "0123456789", 10);
    must(gg_input_open(&in, scratch_path("in"), &err), &err);
    ck_assert_uint_eq(gg_input_nbytes(in), 10);
    must(gg_input_read(in, 8, buf, 5, &got, &err), &err);
    ck_assert_uint_eq(got, 2);
    must(gg_input_read(in, UINT64_MAX - 3, buf, 5, &got, &err), &err);
    ck_assert_uint_eq(got, 0);
    ck_assert_int_eq(gg_input_read_all(in, 8, buf, 5, &err), GG_ERR_TRUNCATED);
    ck_assert_uint_eq(err.where, 10);
    gg_input_free(in);
    ck_assert_int_eq(gg_input_open(&in, scratch_path(""), &err), GG_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "is a directory"));
    ck_assert_int_eq(gg_input_open(&in, "/dev/null", &err), GG_ERR_UNSUPPORTED);
    ck_assert_int_eq(gg_input_open(&in, scratch_path("none"), &err), GG_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "No such file"));
}
END_TEST

static void *feed(void *arg)
{
    int fd = open(scratch_path("fifo"), O_WRONLY);
    (void)arg;
    for (int i = 0; i < 10; i++)
        (void)!write(fd, &"0123456789"[i], 1);
    close(fd);
    return NULL;
}

START_TEST(test_input_pipe)
{
    struct gg_input *in;
    struct gg_err err;
    char buf[16] = {0};
    size_t got;
    pthread_t writer;
    ck_assert_int_eq(mkfifo(scratch_path("fifo"), 0600), 0);
    ck_assert_int_eq(pthread_create(&writer, NULL, feed, NULL), 0);
    must(gg_input_open(&in, scratch_path("fifo"), &err), &err);
    ck_assert_uint_eq(gg_input_nbytes(in), GG_NOWHERE);
    must(gg_input_read_all(in, 2, buf, 3, &err), &err);
    ck_assert_str_eq(buf, "234");
    ck_assert_int_eq(gg_input_read(in, 4, buf, 3, &got, &err), GG_ERR_BUG);
    must(gg_input_read(in, 7, buf, 16, &got, &err), &err);
    ck_assert_uint_eq(got, 3);
    ck_assert_int_eq(memcmp(buf, "789", 3), 0);
    must(gg_input_read(in, 500, buf, 16, &got, &err), &err);
    ck_assert_uint_eq(got, 0);
    gg_input_free(in);
    pthread_join(writer, NULL);
}
END_TEST

static int open_part(struct gg_sink **s, uint64_t n, enum gg_sink_part part, struct gg_err *err)
{
    struct gg_sink_opts o = {.nbytes = n, .part = part};
    return gg_sink_open(s, scratch_path("out"), &o, err);
}

static bool part_there(void)
{
    return access(scratch_path("out" GG_SINK_PART), F_OK) == 0;
}

/* A part outlives its sink, is taken up only as it was left, and becomes the target. */
START_TEST(test_part)
{
    struct gg_sink *s;
    struct gg_err err;
    char back[4] = {0};
    ck_assert_int_eq(open_part(&s, 6, GG_PART_THERE, &err), GG_ERR_CORRUPT);
    must(open_part(&s, 6, GG_PART_NEW, &err), &err);
    must(gg_sink_write(s, 3, "xyz", 3, &err), &err);
    must(gg_sink_sync(s, &err), &err);
    must(gg_sink_read_back(s, 3, back, 3, &err), &err);
    ck_assert_str_eq(back, "xyz");
    ck_assert_int_eq(gg_sink_read_back(s, 4, back, 3, &err), GG_ERR_BUG);
    gg_sink_free(s);
    ck_assert(part_there());
    ck_assert_int_eq(open_part(&s, 6, GG_PART_NEW, &err), GG_ERR_ARG);
    ck_assert_int_eq(open_part(&s, 7, GG_PART_THERE, &err), GG_ERR_CORRUPT);
    ck_assert(part_there());
    must(open_part(&s, 6, GG_PART_THERE, &err), &err);
    must(gg_sink_write(s, 0, "abc", 3, &err), &err);
    must(gg_sink_finish(s, &err), &err);
    must(gg_sink_commit(s, &err), &err);
    gg_sink_free(s);
    check_content("out", "abcxyz", 6);
    ck_assert(!part_there());
    ck_assert_int_eq(unlink(scratch_path("out")), 0);
    must(open_part(&s, 6, GG_PART_NEW, &err), &err);
    gg_sink_discard(s);
    gg_sink_free(s);
    ck_assert(!part_there());
}
END_TEST

static void setup(void)
{
    scratch_begin();
}

Suite *suite(void)
{
    Suite *s = suite_create("sink");
    TCase *t = tcase_create("sink");
    tcase_add_checked_fixture(t, setup, scratch_end);
    tcase_add_test(t, test_new_file);
    tcase_add_test(t, test_abandoned);
    tcase_add_test(t, test_existing);
    tcase_add_test(t, test_links);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_devices);
    tcase_add_test(t, test_fifo);
    tcase_add_test(t, test_copy);
    tcase_add_test(t, test_file_size_limit);
    tcase_add_test(t, test_signals);
    tcase_add_test(t, test_part);
    tcase_add_test(t, test_input);
    tcase_add_test(t, test_input_pipe);
    suite_add_tcase(s, t);
    return s;
}
