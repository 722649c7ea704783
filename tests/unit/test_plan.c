/* Plans: rules and options, shapes, pruning, metadata, several outputs, speed. */
#include "lib/base/num.h"
#include "lib/model/pattern.h"
#include "tests/plan_make.h"

#include <inttypes.h>
#include <time.h>

static const struct mk_row rows[] = {
    {"output_norm.weight", {512}, 0, 0},
    {"blk.%d.ffn_down.weight", {1024, 512}, 0, 7},
    {"blk.%d.attn_norm.weight", {512}, 0, 7},
    {"blk.%d.attn_v.weight", {512, 256}, 0, 7},
    {"blk.%d.attn_q.weight", {512, 512}, 0, 7},
    {"token_embd.weight", {512, 1000}, 0, 0},
    {"output.weight", {512, 1000}, 0, 0},
    {NULL, {0}, 0, 0},
};
static const struct mk_model plain = {"llama", 8, 8, 4, 0, QT_BF16, rows};

static struct gg_pattern *regex(const char *text)
{
    struct gg_pattern *p;
    ck_assert_int_eq(gg_pattern_new_regex(&p, text, NULL), GG_OK);
    return p;
}

static struct gg_type_rule rule(const char *text, enum qt_type type)
{
    return (struct gg_type_rule){.pattern = regex(text), .text = text, .type = type};
}

/* Plans that may fail: the code, with the plan and the message. */
static int try_plan(struct gg_plan **plan, const struct gg_model *m, const char *preset,
                    struct gg_plan_wishes *w, struct gg_err *err)
{
    const struct gg_preset *p = gg_preset_by_name(preset);
    *err = (struct gg_err){0};
    return gg_plan_new(plan, m, &p, 1, w, false, err);
}

static void check_type(const struct gg_plan *p, const char *tensor, enum qt_type want)
{
    const struct gg_plan_tensor *t = mk_get(p, tensor);
    ck_assert_msg(t->to == (uint32_t)want, "%s: %s wanted, got %s (%s)", tensor, qt_info(want)->name,
                  qt_info(t->to)->name, t->reason);
}

START_TEST(test_order_and_actions)
{
    struct gg_model *m = mk_skeleton(&plain);
    struct gg_plan *p = mk_plan(m, "Q4_K_M", NULL, false);
    const struct gg_plan_output *o = &p->outputs[0];
    ck_assert_uint_eq(o->n_tensors, m->n_tensors);
    for (size_t i = 0; i < o->n_tensors; i++) {
        ck_assert_uint_eq(o->tensors[i].src, i);
        ck_assert_ptr_nonnull(o->tensors[i].reason);
    }
    const struct gg_plan_tensor *norm = mk_get(p, "blk.3.attn_norm.weight");
    ck_assert_int_eq(norm->action, GG_COPY);
    ck_assert_uint_eq(norm->to, QT_BF16);
    ck_assert_str_eq(norm->reason, "vectors are kept");
    const struct gg_plan_tensor *v = mk_get(p, "blk.0.attn_v.weight");
    ck_assert_int_eq(v->action, GG_ENCODE);
    ck_assert_str_eq(v->reason, "attn_v, i=0 of 8 in the first eighth: Q4_K_M gives q6_K");
    ck_assert_str_eq(mk_get(p, "blk.1.attn_v.weight")->reason, "attn_v: the base type of Q4_K_M");
    ck_assert_uint_eq(v->nbytes, 512 / 256 * 210 * 256);
    uint64_t n;
    ck_assert(ggf_meta_get_u64(o->meta, "general.file_type", &n) && n == 15);
    ck_assert(ggf_meta_get_u64(o->meta, "general.quantization_version", &n) && n == 2);
    gg_plan_free(p);
    gg_model_free(m);
}
END_TEST

/* A tensor that has its type already is copied, a quantized one encoded again when asked. */
START_TEST(test_requantize)
{
    struct mk_model q8 = plain;
    q8.type = QT_Q8_0;
    struct gg_model *m = mk_skeleton(&q8);
    struct gg_plan *p = mk_plan(m, "Q8_0", NULL, false);
    for (size_t i = 0; i < p->outputs[0].n_tensors; i++)
        ck_assert_int_eq(p->outputs[0].tensors[i].action, GG_COPY);
    gg_plan_free(p);
    p = mk_plan(m, "Q4_0", NULL, false);
    ck_assert_int_eq(mk_get(p, "blk.0.attn_q.weight")->action, GG_ENCODE);
    gg_plan_free(p);
    gg_model_free(m);
}
END_TEST

START_TEST(test_rules)
{
    struct gg_model *m = mk_skeleton(&plain);
    struct gg_type_rule r[] = {rule("blk\\.[01]\\.attn_v", QT_Q8_0), rule("attn_(v|q)", QT_F16),
                               rule("attn_q", QT_Q4_0)};
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_err err;
    struct gg_plan *p;
    w.rules = r;
    w.n_rules = 2;
    p = mk_plan(m, "Q4_K_M", &w, false);
    check_type(p, "blk.1.attn_v.weight", QT_Q8_0);
    check_type(p, "blk.2.attn_v.weight", QT_F16);
    check_type(p, "blk.0.ffn_down.weight", QT_Q6_K);
    ck_assert(mk_get(p, "blk.1.attn_v.weight")->rule);
    ck_assert_str_eq(mk_get(p, "blk.1.attn_v.weight")->reason, "by --tensor-type blk\\.[01]\\.attn_v");
    ck_assert_uint_eq(r[0].n_hits, 2);
    ck_assert_uint_eq(r[1].n_hits, 14);
    gg_plan_free(p);

    /* rules count under plain base types too, and two outputs hit twice */
    const struct gg_preset *two[] = {gg_preset_by_name("F16"), gg_preset_by_name("COPY")};
    ck_assert_int_eq(gg_plan_new(&p, m, two, 2, &w, false, &err), GG_OK);
    check_type(p, "blk.1.attn_v.weight", QT_Q8_0);
    check_type(p, "token_embd.weight", QT_F16);
    ck_assert_uint_eq(mk_find(p, 1, "blk.1.attn_v.weight")->to, QT_Q8_0);
    ck_assert_uint_eq(mk_find(p, 1, "token_embd.weight")->to, QT_BF16);
    ck_assert_uint_eq(r[0].n_hits, 4);
    gg_plan_free(p);

    /* the third never gets its turn */
    w.n_rules = 3;
    ck_assert_int_eq(try_plan(&p, m, "Q4_K_M", &w, &err), GG_ERR_ARG);
    ck_assert_str_eq(err.msg, "--tensor-type attn_q decides nothing: other options come before it");
    ck_assert_int_eq(mk_finding(p, "rule-unmatched")->severity, GG_FAULT);
    gg_plan_free(p);
    w.allow_unmatched = true;
    ck_assert_int_eq(try_plan(&p, m, "Q4_K_M", &w, &err), GG_OK);
    ck_assert_int_eq(mk_finding(p, "rule-unmatched")->severity, GG_WARN);
    gg_plan_free(p);
    for (size_t i = 0; i < GG_COUNTOF(r); i++)
        gg_pattern_free(r[i].pattern);
    gg_model_free(m);
}
END_TEST

START_TEST(test_rule_on_kept_tensors)
{
    struct gg_model *m = mk_skeleton(&plain);
    struct gg_type_rule r[] = {rule("norm", QT_Q8_0), rule("nothing", QT_Q8_0)};
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_err err;
    struct gg_plan *p;
    w.rules = r;
    w.n_rules = 2;
    ck_assert_int_eq(try_plan(&p, m, "Q8_0", &w, &err), GG_ERR_ARG);
    ck_assert_str_eq(err.msg, "--tensor-type norm matches only tensors that are never quantized");
    ck_assert_uint_eq(p->findings.n_by_severity[GG_FAULT], 2); /* both are told */
    ck_assert_str_eq(p->findings.v[1].text, "--tensor-type nothing matches no tensor");
    gg_plan_free(p);
    gg_pattern_free(r[0].pattern);
    gg_pattern_free(r[1].pattern);
    gg_model_free(m);
}
END_TEST

START_TEST(test_options)
{
    struct gg_model *m = mk_skeleton(&plain);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_pattern *only = NULL;
    w.pure = true;
    struct gg_plan *p = mk_plan(m, "Q4_K_M", &w, false);
    check_type(p, "output.weight", QT_Q4_K);
    check_type(p, "blk.0.attn_v.weight", QT_Q4_K);
    gg_plan_free(p);

    w = (struct gg_plan_wishes)GG_PLAN_WISHES_INIT;
    w.leave_output_tensor = true;
    w.token_embedding_type = QT_Q8_0;
    p = mk_plan(m, "Q4_K_M", &w, false);
    check_type(p, "output.weight", QT_BF16);
    check_type(p, "token_embd.weight", QT_Q8_0);
    gg_plan_free(p);

    w = (struct gg_plan_wishes)GG_PLAN_WISHES_INIT;
    w.output_tensor_type = QT_Q5_0;
    p = mk_plan(m, "F16", &w, false);
    check_type(p, "output.weight", QT_Q5_0);
    check_type(p, "token_embd.weight", QT_F16);
    gg_plan_free(p);

    w = (struct gg_plan_wishes)GG_PLAN_WISHES_INIT;
    ck_assert_int_eq(gg_pattern_new(&only, "blk.*.attn_v.*", NULL), GG_OK);
    w.only = only;
    p = mk_plan(m, "Q4_K_M", &w, false);
    check_type(p, "blk.0.attn_v.weight", QT_Q6_K);
    check_type(p, "blk.0.attn_q.weight", QT_BF16);
    gg_plan_free(p);
    gg_pattern_free(only);
    ck_assert_int_eq(gg_pattern_new(&only, "zzz", NULL), GG_OK);
    w.only = only;
    struct gg_err err;
    ck_assert_int_eq(try_plan(&p, m, "Q4_K_M", &w, &err), GG_ERR_ARG);
    gg_plan_free(p);
    gg_pattern_free(only);
    gg_model_free(m);
}
END_TEST

START_TEST(test_tied_output_option)
{
    static const struct mk_row tied[] = {{"token_embd.weight", {512, 1000}, 0, 0},
                                         {"blk.%d.attn_q.weight", {512, 512}, 0, 7},
                                         {NULL, {0}, 0, 0}};
    struct mk_model mk = plain;
    mk.rows = tied;
    struct gg_model *m = mk_skeleton(&mk);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    w.output_tensor_type = QT_Q5_K;
    struct gg_plan *p = mk_plan(m, "Q4_K_M", &w, false);
    check_type(p, "token_embd.weight", QT_Q5_K);
    gg_plan_free(p);
    p = mk_plan(m, "Q4_K_M", NULL, false);
    ck_assert_str_eq(mk_get(p, "token_embd.weight")->reason,
                     "token_embd serving as output: Q4_K_M gives q6_K");
    gg_plan_free(p);
    gg_model_free(m);
}
END_TEST

START_TEST(test_lossless)
{
    struct gg_model *m = mk_skeleton(&plain);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_err err;
    struct gg_plan *p;
    w.lossless_only = true;
    gg_plan_free(mk_plan(m, "F32", &w, false));
    gg_plan_free(mk_plan(m, "BF16", &w, false));
    gg_plan_free(mk_plan(m, "COPY", &w, false));
    ck_assert_int_eq(try_plan(&p, m, "F16", &w, &err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(mk_finding(p, "lossy"));
    gg_plan_free(p);
    gg_model_free(m);
}
END_TEST

START_TEST(test_refused)
{
    struct gg_model *m = mk_skeleton(&plain);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_err err;
    struct gg_plan *p;
    ck_assert_int_eq(try_plan(&p, m, "NVFP4", &w, &err), GG_ERR_ARG);
    ck_assert_ptr_null(p);
    ck_assert_int_eq(try_plan(&p, m, "Q4_0_4_4", &w, &err), GG_ERR_ARG);
    struct gg_type_rule r = rule("attn_q", QT_Q8_1);
    w.rules = &r;
    w.n_rules = 1;
    ck_assert_int_eq(try_plan(&p, m, "Q8_0", &w, &err), GG_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(mk_finding(p, "no-encoder"));
    gg_plan_free(p);
    p = mk_plan(m, "Q8_0", &w, true);
    ck_assert_int_eq(mk_finding(p, "no-encoder")->severity, GG_WARN);
    gg_plan_free(p);
    gg_pattern_free(r.pattern);
    gg_model_free(m);

    struct mk_model strange = plain;
    strange.type = 31;
    m = mk_skeleton(&strange);
    w.n_rules = 0;
    ck_assert_int_eq(try_plan(&p, m, "COPY", &w, &err), GG_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "q4_0_4_4 (removed)"));
    gg_model_free(m);
}
END_TEST

/* ---- shapes ---------------------------------------------------------------------------------- */

START_TEST(test_fallbacks)
{
    static const struct mk_row odd[] = {{"token_embd.weight", {264, 1000}, 0, 0},
                                        {"output.weight", {264, 1000}, 0, 0},
                                        {"blk.%d.attn_q.weight", {288, 64}, 0, 3},
                                        {"blk.%d.ffn_up.weight", {20, 64}, 0, 3},
                                        {"blk.0.table.weight", {20, 0}, 0, 0},
                                        {NULL, {0}, 0, 0}};
    struct mk_model mk = plain;
    mk.rows = odd;
    struct gg_model *m = mk_skeleton(&mk);
    struct gg_plan *p = mk_plan(m, "Q4_K_M", NULL, false);
    check_type(p, "blk.0.attn_q.weight", QT_Q5_0);
    check_type(p, "blk.0.ffn_up.weight", QT_F16);
    check_type(p, "token_embd.weight", QT_F16);
    check_type(p, "output.weight", QT_F16); /* llama-quantize stops here */
    ck_assert(mk_get(p, "blk.0.attn_q.weight")->fallback);
    ck_assert_str_eq(mk_get(p, "blk.0.attn_q.weight")->reason,
                     "attn_q: the base type of Q4_K_M; rows of 288 don't fill blocks of 256: q5_0 for "
                     "q4_K");
    ck_assert_int_eq(mk_finding(p, "fallback")->severity, GG_WARN);
    gg_plan_free(p);
    p = mk_plan(m, "Q8_0", NULL, false);
    check_type(p, "blk.0.attn_q.weight", QT_Q8_0);
    check_type(p, "blk.0.ffn_up.weight", QT_F16);
    gg_plan_free(p);
    gg_model_free(m);
    /* F16 for want of anything better never replaces blocks */
    static const struct mk_row narrow[] = {{"blk.%d.attn_q.weight", {96, 64}, 0, 3}, {NULL, {0}, 0, 0}};
    mk.rows = narrow;
    mk.type = QT_Q8_0;
    m = mk_skeleton(&mk);
    p = mk_plan(m, "Q1_0", NULL, false);
    check_type(p, "blk.0.attn_q.weight", QT_Q8_0);
    ck_assert_int_eq(mk_get(p, "blk.0.attn_q.weight")->action, GG_COPY);
    gg_plan_free(p);
    gg_model_free(m);
}
END_TEST

START_TEST(test_empty_and_integer)
{
    struct gg_model *m;
    struct ggf_meta *meta = mk_meta(&plain);
    const struct ggf_tensor_spec specs[] = {
        {ggf_str("blk.0.a.weight"), QT_I32, 2, {64, 64}},
        {ggf_str("blk.0.b.weight"), QT_F64, 2, {64, 64}},
        {ggf_str("blk.0.c.weight"), QT_F32, 2, {0, 64}},
        {ggf_str(""), QT_F32, 0, {0}},
    };
    ck_assert_int_eq(gg_model_skeleton(&m, meta, specs, GG_COUNTOF(specs), NULL), GG_OK);
    struct gg_plan *p = mk_plan(m, "Q8_0", NULL, false);
    check_type(p, "blk.0.a.weight", QT_I32);
    check_type(p, "blk.0.b.weight", QT_F64);
    check_type(p, "blk.0.c.weight", QT_Q8_0);
    ck_assert_uint_eq(mk_get(p, "blk.0.c.weight")->nbytes, 0);
    gg_plan_free(p);
    gg_model_free(m);
    ck_assert_int_eq(gg_model_skeleton(&m, meta, NULL, 0, NULL), GG_OK);
    p = mk_plan(m, "Q4_K_M", NULL, false);
    ck_assert_uint_eq(p->outputs[0].n_files, 1);
    gg_plan_free(p);
    gg_model_free(m);
    ggf_meta_free(meta);
}
END_TEST

/* ---- pruning ----------------------------------------------------------------------------------- */

static void set_array(struct ggf_meta *meta, const char *key, uint32_t n)
{
    uint8_t data[64];
    for (uint32_t i = 0; i < n; i++)
        gg_store_u32(data + 4 * i, 100 + i);
    struct ggf_value v = {.type = GGF_ARR, .elem = GGF_U32, .count = n, .data = data, .nbytes = 4 * n};
    ck_assert_int_eq(ggf_meta_set(meta, ggf_str(key), &v, NULL), GG_OK);
}

START_TEST(test_prune)
{
    static const uint64_t layers[] = {6, 1, 1};
    struct ggf_meta *meta = mk_meta(&plain);
    uint32_t got[8];
    uint64_t n;
    set_array(meta, "llama.attention.head_count_kv", 8);
    set_array(meta, "llama.rope.dimension_sections", 8); /* not one a layer, whatever its length */
    struct gg_model *m = mk_skeleton_meta(&plain, meta);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    w.prune_layers = layers;
    w.n_prune_layers = 3;
    struct gg_plan *p = mk_plan(m, "Q8_0", &w, false);
    const struct gg_plan_output *o = &p->outputs[0];
    ck_assert_uint_eq(o->n_tensors, 3 + 6 * 4);
    ck_assert(ggf_meta_get_u64(o->meta, "llama.block_count", &n) && n == 6);
    const struct ggf_kv *kv = ggf_meta_find(o->meta, "llama.attention.head_count_kv");
    ck_assert_uint_eq(kv->value.count, 6);
    ck_assert(ggf_array_copy(&kv->value, 0, 6, got));
    static const uint32_t want[6] = {100, 102, 103, 104, 105, 107};
    ck_assert_mem_eq(got, want, sizeof want);
    ck_assert_uint_eq(ggf_meta_find(o->meta, "llama.rope.dimension_sections")->value.count, 8);
    const struct gg_plan_tensor *t = mk_get(p, "blk.5.attn_v.weight");
    ck_assert(ggf_str_eq(m->tensors[t->src].name, "blk.7.attn_v.weight"));
    t = mk_get(p, "blk.1.attn_v.weight");
    ck_assert(ggf_str_eq(m->tensors[t->src].name, "blk.2.attn_v.weight"));
    ck_assert_ptr_null(mk_find(p, 0, "blk.6.attn_v.weight"));
    gg_plan_free(p);
    gg_model_free(m);
    ggf_meta_free(meta);
}
END_TEST

START_TEST(test_prune_refused)
{
    static const uint64_t all[] = {0, 1, 2, 3, 4, 5, 6, 7}, beyond[] = {8};
    struct gg_model *m = mk_skeleton(&plain);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_err err;
    struct gg_plan *p;
    w.prune_layers = all;
    w.n_prune_layers = 8;
    ck_assert_int_eq(try_plan(&p, m, "Q8_0", &w, &err), GG_ERR_ARG);
    w.prune_layers = beyond;
    w.n_prune_layers = 1;
    ck_assert_int_eq(try_plan(&p, m, "Q8_0", &w, &err), GG_ERR_ARG);
    ck_assert_str_eq(err.msg, "cannot prune layer 8: the model has layers 0 to 7");
    gg_model_free(m);
}
END_TEST

/* ---- metadata ---------------------------------------------------------------------------------- */

START_TEST(test_meta_order)
{
    struct ggf_meta *meta = mk_meta(&plain), *over;
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    ck_assert_int_eq(ggf_meta_set_u32(meta, "general.file_type", 32, NULL), GG_OK);
    ck_assert_int_eq(ggf_meta_set_u16(meta, "split.count", 3, NULL), GG_OK);
    ck_assert_int_eq(ggf_meta_set_str(meta, "zz.last", ggf_str("x"), NULL), GG_OK);
    ck_assert_int_eq(ggf_meta_new(&over, NULL), GG_OK);
    ck_assert_int_eq(ggf_meta_set_i32(over, "general.file_type", -5, NULL), GG_OK);
    struct gg_model *m = mk_skeleton_meta(&plain, meta);
    w.override_kv = over;
    w.quantized_by = "me";
    struct gg_plan *p = mk_plan(m, "Q8_0", &w, false);
    static const char *const want[] = {"general.architecture", "llama.block_count",
                                       "llama.attention.head_count", "llama.attention.head_count_kv",
                                       "general.file_type", "zz.last", "general.quantization_version",
                                       "general.quantized_by"};
    const struct ggf_meta *got = p->outputs[0].meta;
    ck_assert_uint_eq(ggf_meta_count(got), GG_COUNTOF(want));
    for (size_t i = 0; i < GG_COUNTOF(want); i++)
        ck_assert_msg(ggf_str_eq(ggf_meta_at(got, i)->key, want[i]), "key %zu", i);
    int64_t v;
    ck_assert(ggf_as_i64(&ggf_meta_find(got, "general.file_type")->value, &v) && v == -5);
    gg_plan_free(p);
    w.override_kv = NULL;
    w.quantized_by = NULL;
    p = mk_plan(m, "COPY", &w, false); /* says nothing new; only split keys go */
    ck_assert_uint_eq(ggf_meta_count(p->outputs[0].meta), ggf_meta_count(meta) - 1);
    gg_plan_free(p);
    gg_model_free(m);
    ggf_meta_free(meta);
    ggf_meta_free(over);
}
END_TEST

/* ---- speed --------------------------------------------------------------------------------------- */

/* CPU time: other programs on the machine don't count. */
static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

START_TEST(test_many_tensors)
{
    static const struct mk_row many[] = {{"blk.%d.attn_v.weight", {256, 4}, 0, 49999},
                                         {"blk.%d.ffn_down.weight", {256, 4}, 0, 49999},
                                         {"output.weight", {256, 4}, 0, 0},
                                         {NULL, {0}, 0, 0}};
    struct mk_model mk = {"llama", 50000, 8, 8, 0, QT_F32, many};
    struct gg_model *m = mk_skeleton(&mk);
    struct gg_type_rule r = rule("blk\\.7\\.ffn_down", QT_Q8_0);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    const uint64_t pruned = 3;
    w.rules = &r;
    w.n_rules = 1;
    w.prune_layers = &pruned;
    w.n_prune_layers = 1;
    double start = seconds();
    struct gg_plan *p = mk_plan(m, "Q4_K_M", &w, false);
    printf("100,000 tensors planned in %.0f ms of CPU time\n", 1e3 * (seconds() - start));
    ck_assert_uint_eq(p->outputs[0].n_tensors, 99999);
    ck_assert_double_lt(seconds() - start, 5); /* quadratic would be minutes */
    gg_plan_free(p);
    gg_pattern_free(r.pattern);
    gg_model_free(m);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("plan");
    TCase *t = tcase_create("plan");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_order_and_actions);
    tcase_add_test(t, test_requantize);
    tcase_add_test(t, test_rules);
    tcase_add_test(t, test_rule_on_kept_tensors);
    tcase_add_test(t, test_options);
    tcase_add_test(t, test_tied_output_option);
    tcase_add_test(t, test_lossless);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_fallbacks);
    tcase_add_test(t, test_empty_and_integer);
    tcase_add_test(t, test_prune);
    tcase_add_test(t, test_prune_refused);
    tcase_add_test(t, test_meta_order);
    tcase_add_test(t, test_many_tensors);
    suite_add_tcase(s, t);
    return s;
}
