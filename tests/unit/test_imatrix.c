/* Importance matrices: both formats, what is wrong with bad ones, and how a plan is covered. */
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/model/pattern.h"
#include "tests/plan_make.h"
#include "tests/scratch.h"

#include <math.h>

/* ---- the trained model's matrix in both formats --------------------------------------------------- */

static float value(const struct gg_weights *w, uint64_t i)
{
    float v;
    ck_assert_int_eq(w->read(w, i, 1, &v, NULL), GG_OK);
    return v;
}

static struct gg_imatrix *open_ok(const char *path)
{
    struct gg_imatrix *im;
    struct gg_err err = {0};
    ck_assert_msg(gg_imatrix_open(&im, path, &err) == GG_OK, "%s", err.msg);
    return im;
}

START_TEST(test_formats_agree)
{
    struct gg_imatrix *a = open_ok("fixtures/models/imatrix.gguf");
    struct gg_imatrix *b = open_ok("fixtures/models/imatrix.dat");
    ck_assert(!a->legacy && b->legacy);
    ck_assert_str_eq(a->file, "imatrix.gguf");
    ck_assert_str_eq(a->dataset, b->dataset);
    ck_assert_uint_eq(a->n_chunks, 339); /* chunks of 192 tokens */
    ck_assert_uint_eq(b->n_chunks, 127); /* the same tokens in chunks of 512 */
    ck_assert_uint_eq(a->n_entries, 28);
    ck_assert_uint_eq(b->n_entries, 28);
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct gg_imatrix_entry *x = &a->entries[i];
        const struct gg_imatrix_entry *y = gg_imatrix_find(b, x->name, strlen(x->name));
        ck_assert_ptr_nonnull(y);
        ck_assert_uint_eq(x->nvals, y->nvals);
        ck_assert_uint_eq(x->nonfinite_at, x->nvals);
        ck_assert_uint_eq(x->nmat, 1);
        for (uint64_t k = 0; k < x->nvals; k++)
            ck_assert_float_le(fabsf(value(&x->weights, k) - value(&y->weights, k)),
                               1e-6f * value(&x->weights, k));
    }
    ck_assert_ptr_null(gg_imatrix_find(a, "nope", 4));
    gg_imatrix_free(a);
    gg_imatrix_free(b);
}
END_TEST

/* ---- files made by hand ------------------------------------------------------------------------ */

static void put_i32(struct gg_buf *b, int32_t v)
{
    uint8_t raw[4];
    gg_store_u32(raw, (uint32_t)v);
    gg_buf_add(b, raw, 4);
}

static void put_f32(struct gg_buf *b, float v)
{
    put_i32(b, (int32_t)gg_bits_from_f32(v));
}

static void put_entry(struct gg_buf *b, const char *name, int32_t calls, int32_t n, float v)
{
    put_i32(b, (int32_t)strlen(name));
    gg_buf_adds(b, name);
    put_i32(b, calls);
    put_i32(b, n);
    for (int32_t i = 0; i < n; i++)
        put_f32(b, v + (float)i);
}

static void save(struct gg_buf *b, const char *name)
{
    scratch_write(name, b->data, b->nbytes);
    gg_buf_free(b);
}

static void check_bad(struct gg_buf *b, enum gg_code code, const char *says)
{
    struct gg_imatrix *im = NULL;
    struct gg_err err = {0};
    scratch_write("bad", b->nbytes > 0 ? b->data : "", b->nbytes);
    ck_assert_msg(gg_imatrix_open(&im, scratch_path("bad"), &err) == (int)code, "%s", err.msg);
    ck_assert_msg(strstr(err.msg, says) != NULL, "'%s' is not in '%s'", says, err.msg);
    ck_assert_msg(strncmp(err.msg, scratch_path("bad"), strlen(scratch_path("bad"))) == 0, "%s", err.msg);
    ck_assert_ptr_null(im);
    gg_buf_reset(b);
}

START_TEST(test_legacy)
{
    struct gg_buf b = GG_BUF_INIT;
    struct gg_imatrix *im;
    scratch_begin();
    put_i32(&b, 2);
    put_entry(&b, "a", 4, 3, 8);
    put_entry(&b, "b", 0, 2, 8);
    save(&b, "no-trailer.dat");
    im = open_ok(scratch_path("no-trailer.dat"));
    ck_assert_float_eq(value(&im->entries[0].weights, 2), 2.5f);
    ck_assert_float_eq(im->entries[0].counts[0], 4);
    ck_assert_float_eq(value(&im->entries[1].weights, 1), 9); /* calls of 0: as they are */
    ck_assert_uint_eq(im->n_chunks, 0);
    ck_assert_ptr_null(im->dataset);
    gg_imatrix_free(im);
    put_i32(&b, 1);
    put_entry(&b, "a", 1, 1, NAN);
    put_i32(&b, 7);
    put_i32(&b, 3);
    gg_buf_adds(&b, "txt");
    save(&b, "nan.dat");
    im = open_ok(scratch_path("nan.dat"));
    ck_assert_uint_eq(im->entries[0].nonfinite_at, 0);
    ck_assert_uint_eq(im->n_chunks, 7);
    ck_assert_str_eq(im->dataset, "txt");
    gg_imatrix_free(im);
    scratch_end();
}
END_TEST

START_TEST(test_bad_legacy)
{
    struct gg_buf b = GG_BUF_INIT;
    scratch_begin();
    check_bad(&b, GG_ERR_CORRUPT, "empty");
    gg_buf_adds(&b, "<!DOCTYPE html><html><body>404</body></html>");
    check_bad(&b, GG_ERR_CORRUPT, "HTML");
    put_i32(&b, 0);
    check_bad(&b, GG_ERR_CORRUPT, "zeros");
    put_i32(&b, -7);
    check_bad(&b, GG_ERR_CORRUPT, "-7 entries");
    put_i32(&b, INT32_MAX);
    put_i32(&b, 1);
    check_bad(&b, GG_ERR_CORRUPT, "2147483647 entries");
    put_i32(&b, 1);
    put_i32(&b, -1);
    gg_buf_fill(&b, 'x', 40);
    check_bad(&b, GG_ERR_CORRUPT, "length of its name is -1 at offset 4");
    put_i32(&b, 1);
    put_i32(&b, 1 << 30);
    gg_buf_fill(&b, 'x', 40);
    check_bad(&b, GG_ERR_CORRUPT, "length of its name is 1073741824");
    put_i32(&b, 1);
    put_entry(&b, "abc", 1, 0, 0);
    put_i32(&b, 0);
    check_bad(&b, GG_ERR_CORRUPT, "number of its values is 0 at offset 15");
    put_i32(&b, 1);
    put_entry(&b, "abc", 1, 5, 0);
    b.nbytes -= 3;
    check_bad(&b, GG_ERR_TRUNCATED, "ends in entry 1, its values");
    put_i32(&b, 2);
    put_entry(&b, "a", 1, 3, 0);
    put_entry(&b, "a", 1, 3, 0);
    check_bad(&b, GG_ERR_CORRUPT, "two entries 'a'");
    gg_buf_free(&b);
    scratch_end();
}
END_TEST

/* ---- GGUF -------------------------------------------------------------------------------------- */

struct part {
    const char *name;
    uint32_t type;
    uint64_t ne0, ne1;
    float first; /* values first, first + 1 ... */
};

static void put_gguf(struct gg_buf *b, const struct part *parts, size_t n, bool keys)
{
    struct ggf_tensor_spec specs[8];
    struct ggf_meta *meta;
    struct ggf_layout *l;
    struct gg_err err = {0};
    size_t nbytes;
    struct ggf_value sets = {.type = GGF_ARR, .elem = GGF_STR, .count = 0};
    ck_assert_int_eq(ggf_meta_new(&meta, NULL), GG_OK);
    if (keys) {
        ck_assert_int_eq(ggf_meta_set(meta, ggf_str("imatrix.datasets"), &sets, &err), GG_OK);
        ck_assert_int_eq(ggf_meta_set_u32(meta, "imatrix.chunk_count", 9, NULL), GG_OK);
        ck_assert_int_eq(ggf_meta_set_u32(meta, "imatrix.chunk_size", 512, NULL), GG_OK);
    }
    for (size_t i = 0; i < n; i++)
        specs[i] = (struct ggf_tensor_spec){ggf_str(parts[i].name), parts[i].type, 2,
                                            {parts[i].ne0, parts[i].ne1, 1, 1}};
    ck_assert_msg(ggf_layout_new(&l, meta, specs, n, &err) == GG_OK, "%s", err.msg);
    const void *header = ggf_layout_header(l, &nbytes);
    gg_buf_add(b, header, nbytes);
    for (size_t i = 0; i < n; i++) {
        gg_buf_fill(b, 0, (size_t)ggf_layout_tensor_off(l, i) - b->nbytes);
        for (uint64_t k = 0; k < ggf_layout_tensor_nbytes(l, i) / 4; k++)
            put_f32(b, parts[i].first + (float)k);
    }
    gg_buf_fill(b, 0, (size_t)ggf_layout_file_nbytes(l) - b->nbytes);
    ggf_layout_free(l);
    ggf_meta_free(meta);
}

START_TEST(test_gguf_experts)
{
    static const struct part parts[] = {{"x.weight.in_sum2", QT_F32, 4, 3, 10},
                                        {"x.weight.counts", QT_F32, 1, 3, 0},
                                        {"x.weight.stats", QT_F32, 1, 1, 0}};
    struct gg_buf b = GG_BUF_INIT;
    scratch_begin();
    put_gguf(&b, parts, 3, true);
    save(&b, "experts.gguf");
    struct gg_imatrix *im = open_ok(scratch_path("experts.gguf"));
    ck_assert_uint_eq(im->n_entries, 1);
    const struct gg_imatrix_entry *e = gg_imatrix_find(im, "x.weight", 8);
    ck_assert_uint_eq(e->nvals, 12);
    ck_assert_uint_eq(e->nmat, 3);
    ck_assert_uint_eq(e->n_zero_count, 1); /* the first: count 0 */
    ck_assert_float_eq(value(&e->weights, 3), 1);
    ck_assert_float_eq(value(&e->weights, 4), 14);
    ck_assert_float_eq(value(&e->weights, 11), 21.0f / 2);
    ck_assert_uint_eq(im->n_chunks, 9);
    gg_imatrix_free(im);
    scratch_end();
}
END_TEST

START_TEST(test_bad_gguf)
{
    static const struct part pair[] = {{"x.in_sum2", QT_F32, 4, 3, 1}, {"x.counts", QT_F32, 1, 2, 1}};
    static const struct part half[] = {{"x.in_sum2", QT_F16, 4, 3, 1}, {"x.counts", QT_F32, 1, 3, 1}};
    static const struct part none[] = {{"x.in_sum2", QT_F32, 4, 0, 1}, {"x.counts", QT_F32, 1, 0, 1}};
    static const struct part inf[] = {{"x.in_sum2", QT_F32, 4, 1, 1},
                                      {"x.counts", QT_F32, 1, 1, INFINITY}};
    static const struct part nameless[] = {{".in_sum2", QT_F32, 4, 1, 1}};
    struct gg_buf b = GG_BUF_INIT;
    scratch_begin();
    put_gguf(&b, pair, 2, true);
    check_bad(&b, GG_ERR_CORRUPT, "sums for 3 matrices and counts for 2");
    put_gguf(&b, pair, 1, true);
    check_bad(&b, GG_ERR_CORRUPT, "'x.in_sum2' has no .counts beside it");
    put_gguf(&b, pair + 1, 1, true);
    check_bad(&b, GG_ERR_CORRUPT, "'x.counts' has no .in_sum2 beside it");
    put_gguf(&b, half, 2, true);
    check_bad(&b, GG_ERR_CORRUPT, "must be f32");
    put_gguf(&b, none, 2, true);
    check_bad(&b, GG_ERR_CORRUPT, "no values");
    put_gguf(&b, inf, 2, true);
    check_bad(&b, GG_ERR_CORRUPT, "count 0 of 'x' is not finite");
    put_gguf(&b, nameless, 1, true);
    check_bad(&b, GG_ERR_CORRUPT, "no entries");
    put_gguf(&b, pair, 2, false);
    check_bad(&b, GG_ERR_CORRUPT, "no key imatrix.datasets");
    put_gguf(&b, pair, 2, true);
    b.nbytes -= 60;
    check_bad(&b, GG_ERR_TRUNCATED, "");
    gg_buf_free(&b);
    scratch_end();
}
END_TEST

/* ---- coverage ------------------------------------------------------------------------------------ */

static const struct mk_row rows[] = {
    {"token_embd.weight", {512, 100}, 0, 0},      {"output.weight", {512, 100}, 0, 0},
    {"blk.%d.attn_q.weight", {512, 512}, 0, 3},   {"blk.%d.ffn_up_exps.weight", {256, 8, 3}, 0, 3},
    {"blk.%d.ffn_norm.weight", {512}, 0, 3},      {NULL, {0}, 0, 0},
};
static const struct mk_model model = {"llama", 4, 8, 8, 3, QT_BF16, rows};

/* A matrix for all of the above but what is skipped. */
static struct gg_imatrix *make_matrix(int skip_layer, int32_t width, float first)
{
    struct gg_buf b = GG_BUF_INIT;
    char name[64];
    put_i32(&b, skip_layer >= 0 ? 7 : 8);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "blk.%d.attn_q.weight", i);
        if (i != skip_layer)
            put_entry(&b, name, 1, width, first);
        snprintf(name, sizeof name, "blk.%d.ffn_up_exps.weight", i);
        put_entry(&b, name, 1, 256 * 3, 5);
    }
    put_i32(&b, 3);
    put_i32(&b, 15);
    gg_buf_adds(&b, "/home/me/wk.txt");
    save(&b, "m.dat");
    return open_ok(scratch_path("m.dat"));
}

static struct gg_model *shared_model; /* of the test that runs; plans point into it */

static int plan_with(struct gg_plan **p, const char *preset, const struct gg_imatrix *im,
                     enum gg_missing_policy policy, bool dry_run)
{
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    const struct gg_preset *pr = gg_preset_by_name(preset);
    w.imatrix = im;
    w.imatrix_missing = policy;
    return gg_plan_new(p, shared_model, &pr, 1, &w, dry_run, NULL);
}

static void setup(void)
{
    scratch_begin();
    shared_model = mk_skeleton(&model);
}

static void teardown(void)
{
    gg_model_free(shared_model);
    scratch_end();
}

/* Plans, and checks code and the severity of a finding (-1: there is none). */
static void check_plan(const char *preset, const struct gg_imatrix *im, enum gg_missing_policy policy,
                       bool dry_run, int code, const char *finding, int severity)
{
    struct gg_plan *p;
    ck_assert_int_eq(plan_with(&p, preset, im, policy, dry_run), code);
    const struct gg_finding *f = mk_finding(p, finding);
    ck_assert_int_eq(f != NULL ? (int)f->severity : -1, severity);
    gg_plan_free(p);
}

START_TEST(test_covered)
{
    struct gg_imatrix *im = make_matrix(-1, 512, 1);
    struct gg_plan *p;
    struct ggf_str s;
    uint64_t n;
    ck_assert_int_eq(plan_with(&p, "Q4_K_M", im, GG_MISSING_AUTO, false), GG_OK);
    const struct gg_plan_tensor *t = mk_get(p, "blk.2.ffn_up_exps.weight");
    ck_assert_uint_eq(t->n_weight_mats, 3);
    ck_assert_float_eq(value(t->weights, 257), 5 + 257);
    ck_assert_ptr_null(mk_get(p, "output.weight")->weights);
    ck_assert_uint_eq(p->findings.n_by_severity[GG_WARN], 0);
    const struct ggf_meta *meta = p->outputs[0].meta;
    ck_assert(ggf_meta_get_str(meta, "quantize.imatrix.file", &s) && ggf_str_eq(s, "m.dat"));
    ck_assert(ggf_meta_get_str(meta, "quantize.imatrix.dataset", &s) && ggf_str_eq(s, "wk.txt"));
    ck_assert(ggf_meta_get_u64(meta, "quantize.imatrix.entries_count", &n) && n == 8);
    ck_assert(ggf_meta_get_u64(meta, "quantize.imatrix.chunks_count", &n) && n == 3);
    gg_plan_free(p);
    check_plan("Q4_K_M", im, GG_MISSING_AUTO, false, GG_OK, "imatrix-missing", GG_NOTE); /* output */
    gg_imatrix_free(im);
}
END_TEST

START_TEST(test_missing)
{
    struct gg_imatrix *im = make_matrix(2, 512, 1);
    struct gg_plan *p;
    check_plan("Q8_0", im, GG_MISSING_FAIL, false, GG_OK, "imatrix-missing", -1); /* ignores weights */
    ck_assert_int_eq(plan_with(&p, "Q4_K_M", im, GG_MISSING_AUTO, false), GG_OK);
    ck_assert_uint_eq(p->findings.n_by_severity[GG_WARN], 1);
    gg_plan_free(p);
    ck_assert_int_eq(plan_with(&p, "Q4_K_M", im, GG_MISSING_FAIL, false), GG_ERR_CORRUPT);
    ck_assert_uint_eq(p->findings.n_by_severity[GG_FAULT], 1);
    gg_plan_free(p);
    ck_assert_int_eq(plan_with(&p, "Q4_K_M", im, GG_MISSING_FAIL, true), GG_OK);
    gg_plan_free(p);
    ck_assert_int_eq(plan_with(&p, "Q2_K_S", im, GG_MISSING_AUTO, false), GG_ERR_CORRUPT);
    gg_plan_free(p);
    ck_assert_int_eq(plan_with(&p, "Q2_K_S", im, GG_MISSING_WARN, false), GG_OK);
    gg_plan_free(p);
    gg_imatrix_free(im);
    check_plan("Q2_K_S", NULL, GG_MISSING_AUTO, false, GG_ERR_ARG, "imatrix-missing", GG_FAULT);
    check_plan("Q2_K_S", NULL, GG_MISSING_WARN, false, GG_OK, "imatrix-missing", GG_WARN);
    check_plan("Q2_K_S", NULL, GG_MISSING_AUTO, true, GG_OK, "imatrix-missing", GG_WARN);
    check_plan("IQ2_XS", NULL, GG_MISSING_WARN, true, GG_OK, "imatrix-missing", GG_WARN);
    check_plan("Q4_K_M", NULL, GG_MISSING_AUTO, false, GG_OK, "imatrix-missing", -1);
}
END_TEST

START_TEST(test_unfit)
{
    struct gg_imatrix *im = make_matrix(-1, 511, 1);
    struct gg_plan *p;
    check_plan("Q4_K_M", im, GG_MISSING_AUTO, false, GG_ERR_CORRUPT, "imatrix-width", GG_FAULT);
    check_plan("Q4_K_M", im, GG_MISSING_WARN, false, GG_OK, "imatrix-width", GG_WARN);
    ck_assert_int_eq(plan_with(&p, "Q4_K_M", im, GG_MISSING_AUTO, false), GG_ERR_CORRUPT);
    ck_assert_uint_eq(p->findings.n_by_severity[GG_FAULT], 4); /* all of them, at once */
    ck_assert_ptr_null(mk_get(p, "blk.0.attn_q.weight")->weights);
    gg_plan_free(p);
    gg_imatrix_free(im);
    im = make_matrix(-1, 512, -3); /* -3, -2, ... */
    check_plan("Q4_K_M", im, GG_MISSING_AUTO, false, GG_ERR_CORRUPT, "imatrix-nonfinite", GG_FAULT);
    check_plan("Q4_K_M", im, GG_MISSING_AUTO, true, GG_OK, "imatrix-nonfinite", GG_WARN);
    gg_imatrix_free(im);
    im = open_ok("fixtures/models/imatrix.dat");
    check_plan("Q4_K_M", im, GG_MISSING_WARN, false, GG_OK, "imatrix-foreign", GG_NOTE);
    gg_imatrix_free(im);
}
END_TEST

START_TEST(test_include_exclude)
{
    struct gg_imatrix *im = make_matrix(-1, 512, 1);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_pattern *attn, *layer1;
    uint64_t n;
    ck_assert_int_eq(gg_pattern_new(&attn, "*attn*", NULL), GG_OK);
    ck_assert_int_eq(gg_pattern_new(&layer1, "blk.1.*", NULL), GG_OK);
    const struct gg_pattern *include[] = {attn, NULL}, *exclude[] = {layer1, NULL};
    w.imatrix = im;
    w.include_weights = include;
    w.exclude_weights = exclude;
    struct gg_plan *p = mk_plan(shared_model, "Q4_K_M", &w, false);
    ck_assert_ptr_nonnull(mk_get(p, "blk.0.attn_q.weight")->weights);
    ck_assert_ptr_null(mk_get(p, "blk.1.attn_q.weight")->weights);
    ck_assert_ptr_null(mk_get(p, "blk.0.ffn_up_exps.weight")->weights);
    ck_assert(ggf_meta_get_u64(p->outputs[0].meta, "quantize.imatrix.entries_count", &n) && n == 3);
    gg_plan_free(p);
    gg_pattern_free(attn);
    gg_pattern_free(layer1);
    gg_imatrix_free(im);
}
END_TEST

/* After pruning, weights are those of the layer's old number. */
START_TEST(test_pruned_lookup)
{
    static const uint64_t layer = 1;
    struct gg_imatrix *im = make_matrix(2, 512, 1);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    w.imatrix = im;
    w.prune_layers = &layer;
    w.n_prune_layers = 1;
    struct gg_plan *p = mk_plan(shared_model, "Q4_K_M", &w, false);
    ck_assert_ptr_null(mk_get(p, "blk.1.attn_q.weight")->weights); /* was 2 */
    const struct gg_imatrix_entry *e = gg_imatrix_find(im, "blk.3.attn_q.weight", 19);
    ck_assert_ptr_eq(mk_get(p, "blk.2.attn_q.weight")->weights, &e->weights);
    ck_assert_ptr_null(mk_finding(p, "imatrix-foreign"));
    gg_plan_free(p);
    gg_imatrix_free(im);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("imatrix");
    TCase *t = tcase_create("imatrix");
    tcase_add_test(t, test_formats_agree);
    tcase_add_test(t, test_legacy);
    tcase_add_test(t, test_bad_legacy);
    tcase_add_test(t, test_gguf_experts);
    tcase_add_test(t, test_bad_gguf);
    suite_add_tcase(s, t);
    t = tcase_create("coverage");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_covered);
    tcase_add_test(t, test_missing);
    tcase_add_test(t, test_unfit);
    tcase_add_test(t, test_include_exclude);
    tcase_add_test(t, test_pruned_lookup);
    suite_add_tcase(s, t);
    return s;
}
