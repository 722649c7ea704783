/* Safetensors: good files, every kind of bad one, folders and indexes. */
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/import/checkpoint.h"
#include "lib/import/dtype.h"
#include "lib/import/json.h"
#include "lib/model/model.h"
#include "tests/check_main.h"
#include "tests/scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- making files ---------------------------------------------------------------------------- */

static void write_raw(const char *name, uint64_t header_nbytes, const char *header, size_t n_header,
                      size_t n_data)
{
    struct gg_buf b = GG_BUF_INIT;
    uint8_t raw[8];
    gg_store_u64(raw, header_nbytes);
    gg_buf_add(&b, raw, 8);
    gg_buf_add(&b, header, n_header);
    for (size_t i = 0; i < n_data; i++)
        gg_buf_addc(&b, (char)(i * 7 + 1));
    scratch_write(name, b.data, b.nbytes);
    gg_buf_free(&b);
}

static void write_st(const char *name, const char *header, size_t n_data)
{
    write_raw(name, strlen(header), header, strlen(header), n_data);
}

static struct gg_checkpoint *open_ok(const char *path, struct gg_findings *f)
{
    struct gg_checkpoint *c = NULL;
    struct gg_err err = {0};
    ck_assert_msg(gg_checkpoint_open(&c, path, f, &err) == GG_OK, "%s", err.msg);
    return c;
}

/* Opening must fail with one line that holds `text`. */
static void open_bad(const char *path, enum gg_code code, const char *text)
{
    struct gg_checkpoint *c = NULL;
    struct gg_err err = {0};
    ck_assert_msg(gg_checkpoint_open(&c, path, NULL, &err) != GG_OK, "%s was taken (%s)", path,
                  text);
    ck_assert_ptr_null(c);
    ck_assert_msg(strstr(err.msg, text) != NULL, "'%s' is not in: %s", text, err.msg);
    ck_assert_msg(err.code == code, "code %d, not %d: %s", (int)err.code, (int)code, err.msg);
    ck_assert_ptr_null(strchr(err.msg, '\n'));
    ck_assert_msg(strncmp(err.msg, path, strlen(path)) == 0 || strstr(err.msg, ".json") != NULL ||
                      strncmp(err.msg, "tensor", 6) == 0 || strstr(err.msg, ".safetensors") != NULL,
                  "no file named in: %s", err.msg);
}

static void st_bad(const char *header, size_t n_data, enum gg_code code, const char *text)
{
    write_st("bad.safetensors", header, n_data);
    open_bad(scratch_path("bad.safetensors"), code, text);
}

#define A_U8_4 "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}"

/* ---- good files ------------------------------------------------------------------------------ */

START_TEST(test_good)
{
    scratch_begin();
    write_st("m.safetensors",
             "{\"__metadata__\":{\"format\":\"pt\"},"
             "\"b\":{\"dtype\":\"I16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
             "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
             "\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[4,4]},"
             "\"s\":{\"dtype\":\"F4\",\"shape\":[],\"data_offsets\":[16,16]}}   ",
             16);
    open_bad(scratch_path("m.safetensors"), GG_ERR_CORRUPT, "end within a byte");
    write_st("m.safetensors",
             "{\"__metadata__\":{\"format\":\"pt\"},"
             "\"b\":{\"dtype\":\"I16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
             "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
             "\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[4,4]},"
             "\"s\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[16,18]}}   ",
             18);
    struct gg_checkpoint *c = open_ok(scratch_path("m.safetensors"), NULL);
    ck_assert_str_eq(gg_checkpoint_format(c), "safetensors");
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 4);
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(c, 0); /* the header's order */
    ck_assert_str_eq(t->name, "b");
    ck_assert(t->dtype == GG_DT_I16 && t->n_dims == 2 && t->shape[0] == 2 && t->nbytes == 12);
    uint8_t v[4], want[4] = {(uint8_t)(6 * 7 + 1), (uint8_t)(7 * 7 + 1), (uint8_t)(8 * 7 + 1),
                             (uint8_t)(9 * 7 + 1)};
    struct gg_err err = {0};
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 1, 2, v, &err), GG_OK);
    ck_assert_mem_eq(v, want, 4);
    ck_assert_uint_eq(gg_checkpoint_find(c, "e"), 2);
    ck_assert_uint_eq(gg_checkpoint_find(c, "x"), SIZE_MAX);
    ck_assert_int_eq(gg_checkpoint_read(c, 3, 2, 2, v, &err), GG_OK);
    ck_assert_uint_eq(v[0], (uint8_t)(17 * 7 + 1));
    int fd;
    uint64_t off, nbytes, dev, ino;
    ck_assert(gg_checkpoint_extent(c, 0, &fd, &off));
    ck_assert_int_eq(pread(fd, v, 1, (off_t)off), 1);
    ck_assert_uint_eq(v[0], (uint8_t)(4 * 7 + 1));
    ck_assert_str_eq(gg_checkpoint_file(c, 0, &nbytes, &dev, &ino), "m.safetensors");
    ck_assert(ino != 0 && !gg_checkpoint_sequential(c));
    /* Cut short behind our back: an error, not old bytes. */
    ck_assert_int_eq(truncate(scratch_path("m.safetensors"), (off_t)off + 3), 0);
    ck_assert_int_eq(gg_checkpoint_read(c, 0, 0, 6, v, &err), GG_ERR_TRUNCATED);
    ck_assert_msg(strstr(err.msg, "tensor 'b'") != NULL, "%s", err.msg);
    gg_checkpoint_free(c);
    scratch_end();
}
END_TEST

/* ---- bad headers ----------------------------------------------------------------------------- */

START_TEST(test_bad_length)
{
    static const struct {
        uint64_t n;
        enum gg_code code;
        const char *text;
    } CASES[] = {
        {0, GG_ERR_CORRUPT, "does not begin with '{'"},
        {1, GG_ERR_CORRUPT, "not valid JSON"},
        {55, GG_ERR_CORRUPT, "belong to no tensor"},
        {200, GG_ERR_TRUNCATED, "header length at byte 0 is 200, but the file has only"},
        {100000001, GG_ERR_LIMIT, "over the format's limit"},
        {UINT64_MAX, GG_ERR_LIMIT, "18446744073709551615, over"},
        {UINT64_MAX - 7, GG_ERR_LIMIT, "over"},
        {1ull << 63, GG_ERR_LIMIT, "over"},
    };
    scratch_begin();
    for (size_t i = 0; i < GG_COUNTOF(CASES); i++) {
        if (CASES[i].n == 55)
            write_raw("bad.safetensors", strlen(A_U8_4), A_U8_4, strlen(A_U8_4), 10);
        else
            write_raw("bad.safetensors", CASES[i].n, A_U8_4, strlen(A_U8_4), 4);
        open_bad(scratch_path("bad.safetensors"), CASES[i].code, CASES[i].text);
    }
    scratch_write("bad.safetensors", "1234567", 7);
    open_bad(scratch_path("bad.safetensors"), GG_ERR_TRUNCATED, "has 7 bytes");
    scratch_write("bad.safetensors", "", 0);
    open_bad(scratch_path("bad.safetensors"), GG_ERR_UNSUPPORTED, "is empty");
    scratch_end();
}
END_TEST

#define T(dtype, shape, offsets)                                                                   \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

START_TEST(test_bad_entries)
{
    scratch_begin();
    st_bad("{\"a\":1}", 0, GG_ERR_CORRUPT, "something other than an object");
    st_bad("[1]", 0, GG_ERR_CORRUPT, "does not begin with '{'");
    st_bad("{} x", 0, GG_ERR_CORRUPT, "not valid JSON");
    st_bad("{", 0, GG_ERR_CORRUPT, "not valid JSON");
    st_bad("{\"a\":1,\"a\":2}", 0, GG_ERR_CORRUPT, "duplicate");
    st_bad("{\"\xff\":1}", 0, GG_ERR_CORRUPT, "not valid JSON");
    st_bad("{\"a\\u0000b\":1}", 0, GG_ERR_CORRUPT, "not valid JSON");
    st_bad("{}", 0, GG_ERR_CORRUPT, "holds no tensors");
    st_bad("{\"__metadata__\":{\"x\":1}}", 0, GG_ERR_CORRUPT, "__metadata__: the value of 'x'");
    st_bad("{\"__metadata__\":[]}", 0, GG_ERR_CORRUPT, "__metadata__ is not an object");
    st_bad("{\"a\":{}}", 0, GG_ERR_CORRUPT, "dtype is missing");
    st_bad(T("7", "[4]", "[0,4]"), 4, GG_ERR_CORRUPT, "dtype is missing or no text");
    st_bad(T("\"C64\"", "[4]", "[0,4]"), 4, GG_ERR_UNSUPPORTED, "dtype 'C64'");
    st_bad(T("\"u8\"", "[4]", "[0,4]"), 4, GG_ERR_UNSUPPORTED, "dtype 'u8'");
    st_bad(T("\"U8\"", "4", "[0,4]"), 4, GG_ERR_CORRUPT, "shape is missing or no list");
    st_bad(T("\"U8\"", "[-4]", "[0,4]"), 4, GG_ERR_CORRUPT, "shape holds something other");
    st_bad(T("\"U8\"", "[4.0]", "[0,4]"), 4, GG_ERR_CORRUPT, "shape holds something other");
    st_bad(T("\"U8\"", "[1,1,1,1,1,1,1,1,4]", "[0,4]"), 4, GG_ERR_LIMIT, "8 dimensions");
    st_bad(T("\"U8\"", "[4294967296,4294967296]", "[0,0]"), 0, GG_ERR_CORRUPT, "product");
    st_bad(T("\"U8\"", "[0,4294967296,4294967296]", "[0,0]"), 0, GG_ERR_CORRUPT, "product");
    st_bad(T("\"F64\"", "[2305843009213693952]", "[0,0]"), 0, GG_ERR_CORRUPT, "product");
    st_bad(T("\"U8\"", "[4]", "[4,0]"), 4, GG_ERR_CORRUPT, "run backwards");
    st_bad(T("\"U8\"", "[4]", "[-4,0]"), 4, GG_ERR_CORRUPT, "two whole numbers");
    st_bad(T("\"U8\"", "[4]", "[4]"), 4, GG_ERR_CORRUPT, "two whole numbers");
    st_bad(T("\"U8\"", "[4]", "[0,4.5]"), 4, GG_ERR_CORRUPT, "two whole numbers");
    st_bad(T("\"U8\"", "[4]", "[0,99999999999999999999999]"), 4, GG_ERR_CORRUPT, "too big");
    st_bad(T("\"U8\"", "[4]", "[0,1e999]"), 4, GG_ERR_CORRUPT, "not valid JSON");
    st_bad(T("\"U8\"", "[4]", "[0,5]"), 5, GG_ERR_CORRUPT,
           "span 5 bytes, but its shape and dtype U8");
    st_bad(T("\"U8\"", "[4]", "[0,4]"), 3, GG_ERR_TRUNCATED, "1 bytes behind the end");
    st_bad(T("\"U8\"", "[4]", "[9223372036854775800,9223372036854775804]"), 3, GG_ERR_TRUNCATED,
           "behind the end");
    st_bad(T("\"U8\"", "[4]", "[2,6]"), 6, GG_ERR_CORRUPT, "after bytes no tensor covers");
    st_bad(T("\"U8\"", "[4]", "[0,4]"), 6, GG_ERR_CORRUPT, "2 bytes from byte");
    st_bad(
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
        "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}",
        6, GG_ERR_CORRUPT,
        "tensor 'b': its data begins at byte 2 of the data, within another tensor's (header, byte");
    scratch_end();
}
END_TEST

START_TEST(test_bombs)
{
    struct gg_buf b = GG_BUF_INIT;
    scratch_begin();
    gg_buf_adds(&b, "{\"a\":");
    gg_buf_fill(&b, '[', 1000000);
    write_raw("bad.safetensors", b.nbytes, b.data, b.nbytes, 0);
    open_bad(scratch_path("bad.safetensors"), GG_ERR_LIMIT, "nested deeper than 64");
    gg_buf_reset(&b);
    gg_buf_adds(&b, "{\"a\":[0");
    for (int i = 0; i < 2000000; i++)
        gg_buf_adds(&b, ",0");
    gg_buf_adds(&b, "]}");
    write_raw("bad.safetensors", b.nbytes, b.data, b.nbytes, 0);
    open_bad(scratch_path("bad.safetensors"), GG_ERR_LIMIT, "more than 1500000 values");
    gg_buf_free(&b);
    scratch_end();
}
END_TEST

START_TEST(test_aliens)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } CASES[] = {
        {"<!doctype html><html>", 21, "is an HTML page"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:", 54, "Git LFS pointer"},
        {"tjgg\3\0\0\0........................", 32, "GGJT"},
        {"GGUF\3\0\0\0........................", 32, "is a GGUF file"},
        {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15, "before version 1.6"},
        {"\x80\x04K\1.", 5, "bare pickle"},
        {"nothing in particular", 21, "neither safetensors nor"},
    };
    scratch_begin();
    for (size_t i = 0; i < GG_COUNTOF(CASES); i++) {
        scratch_write("file.bin", CASES[i].bytes, CASES[i].n);
        open_bad(scratch_path("file.bin"), GG_ERR_UNSUPPORTED, CASES[i].text);
    }
    struct gg_err err = {0};
    struct gg_checkpoint *c;
    ck_assert_int_eq(gg_checkpoint_open(&c, scratch_path("none"), NULL, &err), GG_ERR_IO);
    ck_assert_int_eq(gg_checkpoint_open(&c, "/dev/null", NULL, &err), GG_ERR_UNSUPPORTED);
    scratch_end();
}
END_TEST

/* ---- sets ------------------------------------------------------------------------------------ */

#define IN(name) "{\"" name "\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}"
#define TWO(x, y)                                                                                  \
    "{\"" x "\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"                          \
    "\"" y "\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}"
#define S1 "model-00001-of-00002.safetensors"
#define S2 "model-00002-of-00002.safetensors"
#define INDEX "model.safetensors.index.json"

static void write_text(const char *name, const char *text)
{
    scratch_write(name, text, strlen(text));
}

static const char *folder(void)
{
    static char path[600];
    snprintf(path, sizeof path, "%.*s", (int)(strlen(scratch_path("")) - 1), scratch_path(""));
    return path;
}

static size_t count(const struct gg_findings *f, const char *code, const char *text)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += strcmp(f->v[i].code, code) == 0 && strstr(f->v[i].text, text) != NULL;
    return n;
}

START_TEST(test_index)
{
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_checkpoint *c;
    struct gg_err err = {0};
    char *data;
    size_t n;
    scratch_begin();
    write_text(INDEX, "{\"metadata\":{},\"weight_map\":{\"a\":\"" S1 "\",\"b\":\"" S2 "\"}}");
    write_st(S1, IN("a"), 4);
    write_st(S2, TWO("b", "x"), 8);
    write_st("consolidated.safetensors", IN("a"), 4);
    write_text("config.json", "{}");
    c = open_ok(folder(), &f);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 3);
    ck_assert_uint_eq(gg_checkpoint_n_files(c), 2);
    ck_assert_uint_eq(count(&f, "file-extra", "consolidated.safetensors"), 1);
    ck_assert_uint_eq(count(&f, "tensor-extra", "is in "), 1);
    ck_assert_uint_eq(f.n, 2);
    ck_assert_int_eq(gg_checkpoint_side_file(c, "config.json", 100, &data, &n, &err), GG_OK);
    ck_assert(n == 2 && strcmp(data, "{}") == 0);
    free(data);
    ck_assert_int_eq(gg_checkpoint_side_file(c, "none.json", 100, &data, &n, &err), GG_OK);
    ck_assert_ptr_null(data);
    ck_assert_int_eq(gg_checkpoint_side_file(c, "config.json", 1, &data, &n, &err), GG_ERR_LIMIT);
    ck_assert_int_eq(gg_checkpoint_side_file(c, "../x", 1, &data, &n, &err), GG_OK);
    gg_checkpoint_free(c);
    gg_findings_free(&f);
    /* The index itself named: the same. */
    c = open_ok(scratch_path(INDEX), &f);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 3);
    gg_checkpoint_free(c);
    gg_findings_free(&f);
    scratch_end();
}
END_TEST

START_TEST(test_index_bad)
{
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_checkpoint *c;
    struct gg_err err = {0};
    scratch_begin();
    /* Everything is found before the call fails. */
    write_text(INDEX,
               "{\"weight_map\":{\"a\":\"" S1 "\",\"b\":\"" S2 "\",\"c\":\"m3.safetensors\","
               "\"d\":\"m3.safetensors\",\"e\":\"../x.safetensors\",\"g\":\"m4.safetensors\"}}");
    write_st(S1, IN("x"), 4);
    write_st(S2, IN("b"), 3);
    ck_assert_int_eq(gg_checkpoint_open(&c, folder(), &f, &err), GG_ERR_CORRUPT);
    ck_assert_uint_eq(count(&f, "file-missing", "'m3.safetensors', which holds 2"), 1);
    ck_assert_uint_eq(count(&f, "file-missing", "'m4.safetensors', which holds 1"), 1);
    ck_assert_uint_eq(count(&f, "index-path", "../x.safetensors"), 1);
    ck_assert_uint_eq(count(&f, "file-bad", "1 bytes behind the end"), 1);
    ck_assert_uint_eq(count(&f, "tensor-missing", S1), 1);
    ck_assert_uint_eq(count(&f, "tensor-extra", S1), 1);
    ck_assert_uint_eq(f.n, 6);
    ck_assert_msg(strstr(err.msg, "and 4 more faults") != NULL, "%s", err.msg);
    gg_findings_free(&f);
    static const char *const BAD[][2] = {
        {"{\"weight_map\":[]}", "weight_map is missing or no object"},
        {"{}", "weight_map is missing or no object"},
        {"{\"weight_map\":{\"a\":1}}", "the file of 'a' is not text"},
        {"{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", "duplicate"},
        {"{\"weight_map\":{\"a\":\"..\"}}", "not the name of a file"},
        {"{\"weight_map\":{\"a\":\"\"}}", "not the name of a file"},
        {"{\"weight_map\":{}}", "holds no tensors"},
        {"", "not valid JSON"},
    };
    for (size_t i = 0; i < GG_COUNTOF(BAD); i++) {
        write_text(INDEX, BAD[i][0]);
        open_bad(folder(), GG_ERR_CORRUPT, BAD[i][1]);
    }
    scratch_end();
}
END_TEST

START_TEST(test_shards_without_index)
{
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_checkpoint *c;
    scratch_begin();
    write_st(S1, TWO("a", "b"), 8);
    open_bad(folder(), GG_ERR_CORRUPT, "shard 2 of 2 is missing");
    write_st(S2, TWO("b", "c"), 8); /* other bytes under the name b: 4 5 6 7, and 0 1 2 3 */
    open_bad(folder(), GG_ERR_CORRUPT, "tensor 'b' stands in ");
    write_st(S2, TWO("c", "b"), 8);
    c = open_ok(folder(), &f);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 3);
    ck_assert_uint_eq(count(&f, "tensor-twice", "the second is not used"), 1);
    ck_assert_str_eq(gg_checkpoint_tensor(c, gg_checkpoint_find(c, "c"))->name, "c");
    gg_checkpoint_free(c);
    gg_findings_free(&f);
    scratch_end();
}
END_TEST

START_TEST(test_folder_choice)
{
    struct gg_checkpoint *c;
    scratch_begin();
    write_text("README.md", "");
    open_bad(folder(), GG_ERR_UNSUPPORTED, "holds no safetensors, PyTorch or npz files");
    write_text("m.gguf", "GGUF");
    open_bad(folder(), GG_ERR_UNSUPPORTED, "GGUF files");
    write_text("training_args.bin", "x");
    write_st("one.safetensors", IN("a"), 4);
    c = open_ok(folder(), NULL);
    gg_checkpoint_free(c);
    write_st("two.safetensors", IN("b"), 4);
    open_bad(folder(), GG_ERR_ARG, "which file is the model?");
    write_st("model.safetensors", IN("c"), 4);
    c = open_ok(folder(), NULL);
    ck_assert_uint_eq(gg_checkpoint_find(c, "c"), 0);
    gg_checkpoint_free(c);
    scratch_end();
}
END_TEST

/* ---- the trained model ----------------------------------------------------------------------- */

START_TEST(test_trained_model)
{
    static const char *const PAIRS[][2] = {
        {"model.embed_tokens.weight", "token_embd.weight"},
        {"lm_head.weight", "output.weight"},
        {"model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight"},
        {"model.layers.3.mlp.gate_proj.weight", "blk.3.ffn_gate.weight"},
        {"model.layers.2.self_attn.o_proj.weight", "blk.2.attn_output.weight"},
        {"model.layers.1.self_attn.v_proj.weight", "blk.1.attn_v.weight"},
    };
    if (access("../shared/models/tiny-hf", R_OK) != 0) {
        printf("skip test_trained_model: ../shared/models/tiny-hf is not here\n");
        return;
    }
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_err err = {0};
    struct gg_model *m;
    struct gg_checkpoint *c = open_ok("../shared/models/tiny-hf", &f);
    ck_assert_uint_eq(f.n, 0);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(c), 39);
    ck_assert_int_eq(gg_model_open_gguf(&m, "fixtures/models/tiny-bf16.gguf", 0, &err), GG_OK);
    for (size_t i = 0; i < GG_COUNTOF(PAIRS); i++) {
        size_t a = gg_checkpoint_find(c, PAIRS[i][0]), b = SIZE_MAX;
        for (size_t k = 0; k < m->n_tensors; k++)
            if (m->tensors[k].name.nbytes == strlen(PAIRS[i][1]) &&
                memcmp(m->tensors[k].name.p, PAIRS[i][1], strlen(PAIRS[i][1])) == 0)
                b = k;
        ck_assert(a != SIZE_MAX && b != SIZE_MAX);
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(c, a);
        ck_assert_uint_eq(t->nbytes, m->tensors[b].nbytes);
        uint8_t *x = malloc((size_t)t->nbytes), *y = malloc((size_t)t->nbytes);
        ck_assert_int_eq(gg_checkpoint_read(c, a, 0, t->nelems, x, &err), GG_OK);
        ck_assert_int_eq(m->source->ops->read(m->source, b, 0, t->nelems, y, &err), GG_OK);
        ck_assert_mem_eq(x, y, (size_t)t->nbytes);
        free(x);
        free(y);
    }
    gg_model_free(m);
    gg_checkpoint_free(c);
}
END_TEST

/* ---- dtypes ---------------------------------------------------------------------------------- */

static float one(enum gg_dtype t, uint64_t bits)
{
    uint8_t raw[8];
    float f[2];
    gg_store_u64(raw, bits);
    gg_dtype_to_f32(f, raw, t, 1);
    return f[0];
}

START_TEST(test_widening)
{
    ck_assert_float_eq(one(GG_DT_F64, gg_bits_from_f64(-1.5)), -1.5f);
    ck_assert_float_eq(one(GG_DT_F16, 0x3c00), 1);
    ck_assert_float_eq(one(GG_DT_BF16, 0xbf80), -1);
    ck_assert_float_eq(one(GG_DT_I64, (uint64_t)-7), -7);
    ck_assert_float_eq(one(GG_DT_I8, 0xff), -1);
    ck_assert_float_eq(one(GG_DT_U8, 0xff), 255);
    ck_assert_float_eq(one(GG_DT_U16, 0xffff), 65535);
    ck_assert_float_eq(one(GG_DT_I16, 0xffff), -1);
    ck_assert_float_eq(one(GG_DT_U64, 1ull << 63), 0x1p63f);
    ck_assert_float_eq(one(GG_DT_BOOL, 1), 1);
    ck_assert_float_eq(one(GG_DT_F8_E4M3, 0x7e), 448);
    ck_assert_float_eq(one(GG_DT_F8_E4M3, 0x01), 0x1p-9f);
    ck_assert_float_eq(one(GG_DT_F8_E4M3, 0x08), 0x1p-6f);
    ck_assert_float_eq(one(GG_DT_F8_E4M3, 0xb8), -1);
    ck_assert(isnan(one(GG_DT_F8_E4M3, 0x7f)) && isnan(one(GG_DT_F8_E4M3, 0xff)));
    ck_assert_float_eq(one(GG_DT_F8_E5M2, 0x7b), 57344);
    ck_assert(isinf(one(GG_DT_F8_E5M2, 0x7c)) && isnan(one(GG_DT_F8_E5M2, 0x7d)));
    ck_assert_float_eq(one(GG_DT_F8_E8M0, 0), 0x1p-127f);
    ck_assert_float_eq(one(GG_DT_F8_E8M0, 127), 1);
    ck_assert_float_eq(one(GG_DT_F8_E8M0, 254), 0x1p127f);
    ck_assert(isnan(one(GG_DT_F8_E8M0, 255)));
    static const float f4[16] = {0,     0.5f,  1,  1.5f,  2,  3,  4,  6,
                                 -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
    uint8_t packed[8] = {0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe};
    float got[1024];
    gg_dtype_to_f32(got, packed, GG_DT_F4, 16);
    ck_assert_mem_eq(got, f4, sizeof f4);
    /* The table of the many is that of the few. */
    uint8_t all[1024];
    for (unsigned i = 0; i < 1024; i++)
        all[i] = (uint8_t)i;
    for (enum gg_dtype t = GG_DT_F8_E4M3; t <= GG_DT_F8_E8M0; t++) {
        gg_dtype_to_f32(got, all, t, 1024);
        for (unsigned i = 0; i < 1024; i++)
            ck_assert_uint_eq(gg_bits_from_f32(got[i]), gg_bits_from_f32(one(t, i & 255)));
    }
}
END_TEST

START_TEST(test_dtype_names)
{
    enum gg_dtype t;
    for (int i = 0; i < GG_DT_COUNT; i++) {
        ck_assert(gg_dtype_by_name(gg_dtype_name((enum gg_dtype)i), &t));
        ck_assert_int_eq((int)t, i);
    }
    ck_assert(gg_dtype_by_torch("BFloat16Storage", 15, true, &t) && t == GG_DT_BF16);
    ck_assert(gg_dtype_by_torch("bfloat16", 8, false, &t) && t == GG_DT_BF16);
    ck_assert(!gg_dtype_by_torch("ComplexFloatStorage", 19, true, &t));
    ck_assert(!gg_dtype_by_torch("bfloat16x", 9, false, &t));
    uint64_t n;
    ck_assert(!gg_dtype_nbytes(GG_DT_F4, 3, &n));
    ck_assert(gg_dtype_nbytes(GG_DT_F4, 4, &n) && n == 2);
    ck_assert(!gg_dtype_nbytes(GG_DT_F64, 1ull << 61, &n));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("import-safetensors");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_good);
    tcase_add_test(t, test_bad_length);
    tcase_add_test(t, test_bad_entries);
    tcase_add_test(t, test_bombs);
    tcase_add_test(t, test_aliens);
    tcase_add_test(t, test_index);
    tcase_add_test(t, test_index_bad);
    tcase_add_test(t, test_shards_without_index);
    tcase_add_test(t, test_folder_choice);
    tcase_add_test(t, test_trained_model);
    tcase_add_test(t, test_widening);
    tcase_add_test(t, test_dtype_names);
    suite_add_tcase(s, t);
    return s;
}
