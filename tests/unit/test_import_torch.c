/* PyTorch checkpoints and the pickle machine: good ones and bad ones. */
#include "lib/import/pickle.h"
#include "tests/check_main.h"
#include "tests/ckpt_make.h"
#include "tests/zip_make.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- checkpoints ----------------------------------------------------------------------------- */

static const uint8_t BYTES[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                  16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static void good_checkpoint(bool zip64)
{
    static const struct pk_tensor T[] = {
        {"a", "ShortStorage", "0", 12, 0, 2, {3, 4}, {4, 1}},
        {"b", "ShortStorage", "0", 12, 2, 1, {4}, {1}},        /* shares the storage */
        {"at", "ShortStorage", "0", 12, 0, 2, {4, 3}, {1, 4}}, /* transposed */
        {"x", "ShortStorage", "0", 12, 1, 2, {2, 3}, {0, 2}},  /* expanded, every second */
        {"s", "BoolStorage", "1", 2, 1, 0, {0}, {0}},          /* a scalar */
        {"e", "BFloat16Storage", "2", 0, 0, 2, {0, 7}, {7, 1}},
    };
    struct zip_make z = {.zip64 = zip64};
    struct gg_err err = {0};
    uint8_t v[24];
    zm_add_pickle(&z, T, 6);
    zm_add(&z, "m/data/0", BYTES, 24);
    zm_add(&z, "m/data/1", BYTES, 2);
    zm_add(&z, "m/data/2", BYTES, 0);
    zm_adds(&z, "m/byteorder", "little");
    zm_write(&z, "good.bin");
    struct gg_checkpoint *c = ckpt_open_ok(scratch_path("good.bin"), NULL);
    ck_assert_str_eq(gg_checkpoint_format(c), "PyTorch");
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 6);
    ck_assert(!gg_checkpoint_sequential(c));
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 0, 12, v, &err), GG_OK);
    ck_assert_mem_eq(v, BYTES, 24);
    ck_assert_int_eq(gg_checkpoint_read(c, 1, 1, 2, v, &err), GG_OK);
    ck_assert_mem_eq(v, BYTES + 6, 4);
    ck_assert_int_eq(gg_checkpoint_read(c, 2, 0, 12, v, &err), GG_OK);
    for (unsigned i = 0; i < 12; i++) /* at[i / 3][i % 3] = a[i % 3][i / 3] */
        ck_assert_uint_eq(gg_load_u16(v + 2 * i), gg_load_u16(BYTES + 2 * (i % 3 * 4 + i / 3)));
    for (unsigned first = 0; first < 12; first++) /* any piece is a piece of the whole */
        for (unsigned n = 1; first + n <= 12; n++) {
            uint8_t w[24];
            ck_assert_int_eq(gg_checkpoint_read(c, 2, first, n, w, &err), GG_OK);
            ck_assert_mem_eq(w, v + 2 * first, 2 * n);
        }
    ck_assert_int_eq(gg_checkpoint_read(c, 3, 0, 6, v, &err), GG_OK);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(gg_load_u16(v + 2 * i), gg_load_u16(BYTES + 2 * (1 + i % 3 * 2)));
    ck_assert_int_eq(gg_checkpoint_read(c, 4, 0, 1, v, &err), GG_OK);
    ck_assert_uint_eq(v[0], 1);
    ck_assert_int_eq(gg_checkpoint_read(c, 5, 0, 0, v, &err), GG_OK);
    int fd;
    uint64_t off;
    ck_assert(gg_checkpoint_extent(c, 1, &fd, &off) && !gg_checkpoint_extent(c, 2, &fd, &off));
    ck_assert(gg_checkpoint_extent(c, 1, &fd, &off) && pread(fd, v, 1, (off_t)off) == 1);
    ck_assert_uint_eq(v[0], 4);
    gg_checkpoint_free(c);
}

START_TEST(test_good)
{
    scratch_begin();
    good_checkpoint(false);
    good_checkpoint(true);
    scratch_end();
}
END_TEST

START_TEST(test_big_endian)
{
    static const struct pk_tensor T = {"a", "ShortStorage", "0", 2, 0, 1, {2}, {1}};
    struct zip_make z = {0};
    struct gg_err err = {0};
    uint8_t v[4], want[4] = {1, 0, 3, 2};
    scratch_begin();
    zm_add_pickle(&z, &T, 1);
    zm_add(&z, "m/data/0", BYTES, 4);
    zm_adds(&z, "m/byteorder", "big");
    zm_write(&z, "m.bin");
    struct gg_checkpoint *c = ckpt_open_ok(scratch_path("m.bin"), NULL);
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 0, 2, v, &err), GG_OK);
    ck_assert_mem_eq(v, want, 4);
    gg_checkpoint_free(c);
    scratch_end();
}
END_TEST

/* A large transpose goes through many spans. */
START_TEST(test_large_gather)
{
    enum { ROWS = 700, COLS = 1500 }; /* stored as COLS x ROWS: 4 MB */
    static const struct pk_tensor T = {"a", "IntStorage", "0",      ROWS * COLS, 0,
                                       2,   {ROWS, COLS}, {1, ROWS}};
    struct zip_make z = {0};
    struct gg_err err = {0};
    struct gg_buf b = GG_BUF_INIT;
    uint32_t *v = malloc(ROWS * COLS * sizeof *v);
    ck_assert_ptr_nonnull(v);
    scratch_begin();
    for (uint32_t i = 0; i < ROWS * COLS; i++)
        zm_u32(&b, i);
    zm_add_pickle(&z, &T, 1);
    zm_add(&z, "m/data/0", b.data, b.nbytes);
    zm_write(&z, "m.bin");
    struct gg_checkpoint *c = ckpt_open_ok(scratch_path("m.bin"), NULL);
    const uint64_t cuts[] = {0, 7, COLS, 3 * COLS + 11, ROWS * COLS};
    for (unsigned k = 0; k + 1 < GG_COUNTOF(cuts); k++)
        ck_assert_int_eq(
            gg_checkpoint_read(c, 0, cuts[k], cuts[k + 1] - cuts[k], v + cuts[k], &err), GG_OK);
    for (uint32_t i = 0; i < ROWS * COLS; i++)
        ck_assert_uint_eq(gg_load_u32(&v[i]), i / COLS + i % COLS * ROWS);
    gg_checkpoint_free(c);
    gg_buf_free(&b);
    free(v);
    scratch_end();
}
END_TEST

/* Wrapped by a training loop: the model's tensors alone, under their own names. */
START_TEST(test_wrapped)
{
    struct gg_findings f = GG_FINDINGS_INIT;
    struct pk_tensor t = {"w", "ByteStorage", "0", 4, 0, 1, {4}, {1}};
    struct gg_buf b = GG_BUF_INIT;
    struct zip_make z = {0};
    scratch_begin();
    pk_begin(&b);
    pk_text(&b, "epoch");
    gg_buf_adds(&b, "K\x03");
    pk_text(&b, "optimizer");
    gg_buf_adds(&b, "}(K\x07");
    pk_tensor_value(&b, &t);
    gg_buf_addc(&b, 'u');
    pk_text(&b, "state_dict");
    pk_global(&b, "collections", "OrderedDict");
    gg_buf_adds(&b, ")R(");
    pk_tensor(&b, &t);
    gg_buf_adds(&b, "u}(");
    pk_text(&b, "_metadata");
    gg_buf_adds(&b, "}ub"); /* BUILD, as state_dict() has it */
    pk_end(&b);
    zm_add(&z, "archive/data.pkl", b.data, b.nbytes);
    zm_add(&z, "archive/data/0", BYTES, 4);
    zm_write(&z, "m.bin");
    struct gg_checkpoint *c = ckpt_open_ok(scratch_path("m.bin"), &f);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 1);
    ck_assert_uint_eq(gg_checkpoint_find(c, "w"), 0);
    ck_assert_uint_eq(f.n, 1);
    ck_assert_str_eq(f.v[0].code, "tensors-left-out");
    gg_checkpoint_free(c);
    gg_findings_free(&f);
    gg_buf_free(&b);
    scratch_end();
}
END_TEST

START_TEST(test_trained_model)
{
    if (access("../shared/models/tiny-pytorch", R_OK) != 0) {
        printf("skip test_trained_model: ../shared/models/tiny-pytorch is not here\n");
        return;
    }
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_err err = {0};
    struct gg_checkpoint *a = ckpt_open_ok("../shared/models/tiny-pytorch", &f);
    struct gg_checkpoint *b = ckpt_open_ok("../shared/models/tiny-hf", NULL);
    ck_assert_uint_eq(f.n, 0);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(a), gg_checkpoint_n_tensors(b));
    for (size_t i = 0; i < gg_checkpoint_n_tensors(a); i++) {
        const struct gg_ckpt_tensor *x = gg_checkpoint_tensor(a, i), *y;
        size_t k = gg_checkpoint_find(b, x->name);
        ck_assert_msg(k != SIZE_MAX, "%s", x->name);
        y = gg_checkpoint_tensor(b, k);
        ck_assert(x->dtype == GG_DT_BF16 && y->nbytes == x->nbytes);
        uint8_t *p = malloc((size_t)x->nbytes), *q = malloc((size_t)x->nbytes);
        ck_assert_int_eq(gg_checkpoint_read(a, i, 0, x->nelems, p, &err), GG_OK);
        ck_assert_int_eq(gg_checkpoint_read(b, k, 0, x->nelems, q, &err), GG_OK);
        ck_assert_mem_eq(p, q, (size_t)x->nbytes);
        free(p);
        free(q);
    }
    gg_checkpoint_free(a);
    gg_checkpoint_free(b);
}
END_TEST

/* ---- bad views ------------------------------------------------------------------------------- */

static void view_bad(struct pk_tensor t, enum gg_code code, const char *text)
{
    struct zip_make z = {0};
    t.name = "w";
    zm_add_pickle(&z, &t, 1);
    zm_add(&z, "m/data/0", BYTES, 24);
    zm_write(&z, "bad.bin");
    ckpt_open_bad(scratch_path("bad.bin"), code, text);
}

START_TEST(test_bad_views)
{
    const char *S = "ShortStorage";
    const int64_t M = INT64_MAX;
    scratch_begin();
    view_bad((struct pk_tensor){"", S, "0", 13, 0, 1, {12}, {1}}, GG_ERR_CORRUPT,
             "tensor 'w': its storage 'data/0' should have 13 elements of I16, but has 24 bytes");
    view_bad((struct pk_tensor){"", S, "0", 11, 0, 1, {11}, {1}}, GG_ERR_CORRUPT, "should have 11");
    view_bad((struct pk_tensor){"", S, "9", 12, 0, 1, {12}, {1}}, GG_ERR_CORRUPT,
             "'data/9' is not in");
    view_bad((struct pk_tensor){"", S, "../data/0", 12, 0, 1, {12}, {1}}, GG_ERR_CORRUPT,
             "is not in");
    view_bad((struct pk_tensor){"", S, "0", 12, 1, 1, {12}, {1}}, GG_ERR_CORRUPT, "reach beyond");
    view_bad((struct pk_tensor){"", S, "0", 12, 0, 1, {13}, {1}}, GG_ERR_CORRUPT, "reach beyond");
    view_bad((struct pk_tensor){"", S, "0", 12, 0, 1, {2}, {12}}, GG_ERR_CORRUPT, "reach beyond");
    view_bad((struct pk_tensor){"", S, "0", 12, M, 1, {2}, {1}}, GG_ERR_CORRUPT, "reach beyond");
    view_bad((struct pk_tensor){"", S, "0", 12, 0, 2, {M, M}, {M, M}}, GG_ERR_CORRUPT,
             "reach beyond");
    view_bad((struct pk_tensor){"", S, "0", 12, 0, 2, {M, M}, {0, 0}}, GG_ERR_CORRUPT, "product");
    view_bad((struct pk_tensor){"", S, "0", 12, 0, 3, {M, M, 0}, {1, 1, 1}}, GG_ERR_CORRUPT,
             "product");
    view_bad((struct pk_tensor){"", S, "0", M, 0, 1, {12}, {1}}, GG_ERR_CORRUPT, "should have");
    view_bad((struct pk_tensor){"", S, "0", -12, 0, 1, {12}, {1}}, GG_ERR_UNSUPPORTED, "a storage");
    view_bad((struct pk_tensor){"", S, "0", 12, -1, 1, {12}, {1}}, GG_ERR_CORRUPT, "is negative");
    view_bad((struct pk_tensor){"", S, "0", 12, 0, 1, {-12}, {1}}, GG_ERR_CORRUPT, "from 0 up");
    view_bad((struct pk_tensor){"", S, "0", 12, 0, 1, {12}, {-1}}, GG_ERR_CORRUPT, "from 0 up");
    view_bad((struct pk_tensor){"", "ComplexFloatStorage", "0", 3, 0, 1, {3}, {1}},
             GG_ERR_UNSUPPORTED, "'torch.ComplexFloatStorage'");
    scratch_end();
}
END_TEST

/* ---- bad pickles ----------------------------------------------------------------------------- */

static void pickle_bad(const void *p, size_t n, enum gg_code code, const char *text)
{
    struct gg_pickle *m = NULL;
    struct gg_err err = {0};
    ck_assert_msg(gg_pickle_parse(&m, p, n, NULL, &err) != GG_OK, "taken (%s)", text);
    ck_assert_msg(strstr(err.msg, text) != NULL, "'%s' is not in: %s", text, err.msg);
    ck_assert_msg(err.code == code, "code %d, not %d: %s", (int)err.code, (int)code, err.msg);
    ck_assert_ptr_null(strchr(err.msg, '\n'));
}

#define BAD(bytes, code, text) pickle_bad(bytes, sizeof bytes - 1, code, text)

START_TEST(test_pickle_code)
{
    struct zip_make z = {0};
    /* The classic: os.system('...'). */
    BAD("cos\nsystem\n(X\x02\0\0\0lstR.", GG_ERR_UNSUPPORTED,
        "pickle: GLOBAL at byte 0: asks for 'os.system'");
    BAD("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R.", GG_ERR_UNSUPPORTED,
        "STACK_GLOBAL at byte 17: asks for 'posix.system'");
    BAD("c__builtin__\neval\n(X\1\0\0\0"
        "1tR.",
        GG_ERR_UNSUPPORTED, "'__builtin__.eval'");
    BAD("ctorch\nload\n.", GG_ERR_UNSUPPORTED, "'torch.load'");
    BAD("ctorch._utils\n_rebuild_qtensor\n.", GG_ERR_UNSUPPORTED, "_rebuild_qtensor");
    BAD("ctorch.storage\nFloatStorag\n.", GG_ERR_UNSUPPORTED, "FloatStorag");
    BAD("c\033[2Jx\ny\n.", GG_ERR_UNSUPPORTED, "'\\x1b[2Jx.y'");
    BAD("(X\0\0\0\0ios\nsystem\n.", GG_ERR_UNSUPPORTED, "INST at byte 6");
    BAD("(ctorch\nSize\no.", GG_ERR_UNSUPPORTED, "OBJ at byte 13");
    BAD("ctorch\nSize\n)\x81.", GG_ERR_UNSUPPORTED, "NEWOBJ at byte 13: (0x81)");
    BAD("\x82\x01.", GG_ERR_UNSUPPORTED, "EXT1 at byte 0");
    BAD("Pid\n.", GG_ERR_UNSUPPORTED, "PERSID at byte 0");
    BAD("\xff", GG_ERR_UNSUPPORTED, "an unknown opcode at byte 0: (0xff)");
    BAD("ctorch\nFloatStorage\n)R.", GG_ERR_UNSUPPORTED, "REDUCE at byte 21: calls a class");
    BAD("})R.", GG_ERR_UNSUPPORTED, "calls something that is not a known name");
    BAD("ctorch\nSize\n}b.", GG_ERR_UNSUPPORTED, "BUILD at byte 13: sets the state");
    BAD("}Nb)b.", GG_ERR_UNSUPPORTED, "BUILD at byte 4");
    BAD("}X\1\0\0\0xb.", GG_ERR_UNSUPPORTED, "BUILD");
    BAD("Nb.", GG_ERR_CORRUPT, "the stack is empty");
    BAD("X\1\0\0\0xQ.", GG_ERR_UNSUPPORTED, "does not describe a storage");
    /* And through a whole checkpoint, with the file named. */
    scratch_begin();
    zm_adds(&z, "m/data.pkl", "cos\nsystem\n.");
    zm_write(&z, "bad.bin");
    ckpt_open_bad(scratch_path("bad.bin"), GG_ERR_UNSUPPORTED, "data.pkl: pickle: GLOBAL at byte 0: asks for 'os.system'");
    scratch_end();
}
END_TEST

START_TEST(test_pickle_malformed)
{
    BAD("", GG_ERR_TRUNCATED, "without STOP");
    BAD(".", GG_ERR_CORRUPT, "the stack is empty");
    BAD("\x80", GG_ERR_TRUNCATED, "PROTO at byte 0");
    BAD("\x80\x09.", GG_ERR_UNSUPPORTED, "protocol 9");
    BAD("X\xff\xff\xff\xff.", GG_ERR_TRUNCATED, "its 4294967295 bytes go beyond");
    BAD("\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", GG_ERR_TRUNCATED,
        "its 18446744073709551615 bytes");
    BAD("\x8b\xff\xff\xff\xff.", GG_ERR_TRUNCATED, "LONG4 at byte 0");
    BAD("\x8a\xff.", GG_ERR_TRUNCATED, "LONG1 at byte 0: its 255 bytes");
    BAD("Nr\xff\xff\xff\x7f.", GG_ERR_LIMIT, "memo index 2147483647 is over");
    BAD("h\x05.", GG_ERR_CORRUPT, "memo index 5 was never set");
    BAD("j\xff\xff\xff\xff.", GG_ERR_CORRUPT, "memo index 4294967295 was never set");
    BAD("q\0.", GG_ERR_CORRUPT, "the stack is empty");
    BAD("t.", GG_ERR_CORRUPT, "no mark");
    BAD("1.", GG_ERR_CORRUPT, "no mark");
    BAD("N(0.", GG_ERR_CORRUPT, "the stack is empty"); /* not below the mark */
    BAD("N(\x85.", GG_ERR_CORRUPT, "the stack is empty");
    BAD("}Ns.", GG_ERR_CORRUPT, "the stack is empty");
    BAD("}(Nu.", GG_ERR_CORRUPT, "a key without a value");
    BAD("(Nd.", GG_ERR_CORRUPT, "a key without a value");
    BAD("(Ne.", GG_ERR_CORRUPT, "the stack is empty");
    BAD("N(Ne.", GG_ERR_UNSUPPORTED, "no list");
    BAD("]NNs.", GG_ERR_UNSUPPORTED, "no dictionary");
    BAD("cos", GG_ERR_TRUNCATED, "its text has no end");
    BAD("KKKK\x93.", GG_ERR_CORRUPT, "its names are no text");
    BAD("ctorch._utils\n_rebuild_tensor_v2\n)R.", GG_ERR_UNSUPPORTED, "not built from a storage");
    BAD("ctorch._utils\n_rebuild_parameter\n)R.", GG_ERR_UNSUPPORTED, "cannot be made of");
    BAD("ccollections\nOrderedDict\n](Ne\x85R.", GG_ERR_CORRUPT, "not made of pairs");
}
END_TEST

static void repeat_bad(const char *head, char c, size_t n, const char *tail, enum gg_code code,
                       const char *text)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_adds(&b, head);
    gg_buf_fill(&b, c, n);
    gg_buf_adds(&b, tail);
    pickle_bad(b.data, b.nbytes, code, text);
    gg_buf_free(&b);
}

START_TEST(test_pickle_bombs)
{
    struct gg_buf b = GG_BUF_INIT;
    struct gg_pickle *m;
    repeat_bad("", 'N', 2000001, ".", GG_ERR_LIMIT, "more than 2000000 objects");
    repeat_bad("", '(', 2000001, ".", GG_ERR_LIMIT, "more than 2000000 marks");
    gg_buf_adds(&b, "Nq");
    gg_buf_addc(&b, '\0');
    for (int i = 0; i < 2000001; i++)
        gg_buf_add(&b, "h", 2);
    pickle_bad(b.data, b.nbytes, GG_ERR_LIMIT, "more than 2000000 values on the stack");
    gg_buf_reset(&b);
    /* Lists of lists: deep, a cycle, and a graph of 2^40 paths. */
    gg_buf_fill(&b, ']', 100);
    gg_buf_fill(&b, 'a', 99);
    gg_buf_addc(&b, '.');
    pickle_bad(b.data, b.nbytes, GG_ERR_LIMIT, "nested deeper than 16");
    pickle_bad("]q\0h\0a.", 7, GG_ERR_LIMIT, "nested deeper than 16");
    gg_buf_reset(&b);
    gg_buf_adds(&b, "]");
    for (int i = 0; i < 14; i++) {
        gg_buf_adds(&b, "q");
        gg_buf_addc(&b, (char)i);
        gg_buf_adds(&b, "](");
        for (int k = 0; k < 16; k++) {
            gg_buf_adds(&b, "h");
            gg_buf_addc(&b, (char)i);
        }
        gg_buf_adds(&b, "e");
    }
    gg_buf_addc(&b, '.');
    pickle_bad(b.data, b.nbytes, GG_ERR_LIMIT, "too large");
    gg_buf_free(&b);
    /* A huge LONG is nothing we need, and no harm. */
    ck_assert_int_eq(gg_pickle_parse(&m,
                                     "\x8a\x09"
                                     "123456789.",
                                     12, NULL, NULL),
                     GG_OK);
    ck_assert_uint_eq(gg_pickle_n_tensors(m), 0);
    gg_pickle_free(m);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("import-torch");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_good);
    tcase_add_test(t, test_big_endian);
    tcase_add_test(t, test_large_gather);
    tcase_add_test(t, test_wrapped);
    tcase_add_test(t, test_trained_model);
    tcase_add_test(t, test_bad_views);
    tcase_add_test(t, test_pickle_code);
    tcase_add_test(t, test_pickle_malformed);
    tcase_add_test(t, test_pickle_bombs);
    suite_add_tcase(s, t);
    return s;
}
