/* Checkpoints of several files: indexes, shards, which files of a folder are meant. */
#include "lib/model/model.h"
#include "tests/check_main.h"
#include "tests/ckpt_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
    st_write(S1, IN("a"), 4);
    st_write(S2, TWO("b", "x"), 8);
    st_write("consolidated.safetensors", IN("a"), 4);
    write_text("config.json", "{}");
    c = ckpt_open_ok(folder(), &f);
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
    c = ckpt_open_ok(scratch_path(INDEX), &f);
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
    st_write(S1, IN("x"), 4);
    st_write(S2, IN("b"), 3);
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
        ckpt_open_bad(folder(), GG_ERR_CORRUPT, BAD[i][1]);
    }
    scratch_end();
}
END_TEST

START_TEST(test_shards_without_index)
{
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_checkpoint *c;
    scratch_begin();
    st_write(S1, TWO("a", "b"), 8);
    ckpt_open_bad(folder(), GG_ERR_CORRUPT, "shard 2 of 2 is missing");
    st_write(S2, TWO("b", "c"), 8); /* other bytes under the name b: 4 5 6 7, and 0 1 2 3 */
    ckpt_open_bad(folder(), GG_ERR_CORRUPT, "tensor 'b' stands in ");
    st_write(S2, TWO("c", "b"), 8);
    c = ckpt_open_ok(folder(), &f);
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
    ckpt_open_bad(folder(), GG_ERR_UNSUPPORTED, "holds no safetensors, PyTorch or npz files");
    write_text("m.gguf", "GGUF");
    ckpt_open_bad(folder(), GG_ERR_UNSUPPORTED, "GGUF files");
    write_text("training_args.bin", "x");
    st_write("one.safetensors", IN("a"), 4);
    c = ckpt_open_ok(folder(), NULL);
    gg_checkpoint_free(c);
    st_write("two.safetensors", IN("b"), 4);
    ckpt_open_bad(folder(), GG_ERR_ARG, "which file is the model?");
    st_write("model.safetensors", IN("c"), 4);
    c = ckpt_open_ok(folder(), NULL);
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
    struct gg_checkpoint *c = ckpt_open_ok("../shared/models/tiny-hf", &f);
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

Suite *suite(void)
{
    Suite *s = suite_create("import-sets");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_index);
    tcase_add_test(t, test_index_bad);
    tcase_add_test(t, test_shards_without_index);
    tcase_add_test(t, test_folder_choice);
    tcase_add_test(t, test_trained_model);
    suite_add_tcase(s, t);
    return s;
}
