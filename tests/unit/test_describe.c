/* Roles, layers, descriptions. */
#include "lib/base/num.h"
#include "lib/model/describe.h"
#include "tests/check_main.h"

START_TEST(test_roles)
{
    static const struct {
        const char *name;
        enum gg_role role;
    } cases[] = {
        {"token_embd.weight", GG_ROLE_EMBEDDING},
        {"token_embd_norm.weight", GG_ROLE_NORM},
        {"per_layer_token_embd.weight", GG_ROLE_EMBEDDING},
        {"v.patch_embd.weight", GG_ROLE_EMBEDDING},
        {"output.weight", GG_ROLE_OUTPUT},
        {"output_norm.weight", GG_ROLE_NORM},
        {"cls.output.weight", GG_ROLE_OUTPUT},
        {"blk.0.attn_q.weight", GG_ROLE_ATTENTION},
        {"blk.0.attn_output.weight", GG_ROLE_ATTENTION},
        {"blk.0.attn_q_norm.weight", GG_ROLE_NORM},
        {"blk.3.ffn_down.weight", GG_ROLE_FFN},
        {"blk.3.ffn_down_exps.weight", GG_ROLE_EXPERTS},
        {"blk.3.ffn_up_shexp.weight", GG_ROLE_EXPERTS},
        {"blk.3.ffn_gate_inp.weight", GG_ROLE_EXPERTS},
        {"blk.3.exp_probs_b.bias", GG_ROLE_EXPERTS},
        {"blk.3.ffn_norm.weight", GG_ROLE_NORM},
        {"blk.3.ssm_in.weight", GG_ROLE_RECURRENT},
        {"blk.3.time_mix_key.weight", GG_ROLE_RECURRENT},
        {"v.blk.1.ln1.weight", GG_ROLE_NORM},
        {"rope_freqs.weight", GG_ROLE_OTHER},
        {"", GG_ROLE_OTHER},
        {"o", GG_ROLE_OTHER},
    };
    for (size_t i = 0; i < GG_COUNTOF(cases); i++)
        ck_assert_msg(gg_role_of(ggf_str(cases[i].name)) == cases[i].role, "%s is %s", cases[i].name,
                      gg_role_name(gg_role_of(ggf_str(cases[i].name))));
}
END_TEST

START_TEST(test_layers)
{
    static const char *const outside[] = {"output.weight", "blk.", "blk.1", "blk.x.y", "ablk.1.x",
                                          "blk.1234567890.x", "blk..x", ""};
    struct gg_layer l;
    for (size_t i = 0; i < GG_COUNTOF(outside); i++)
        ck_assert_msg(!gg_layer_of(ggf_str(outside[i]), &l), "%s", outside[i]);
    ck_assert(gg_layer_of(ggf_str("blk.12.attn_q.weight"), &l) && l.n == 12);
    ck_assert(ggf_str_eq(l.stack, "blk") && ggf_str_eq(l.whole, "blk.12"));
    ck_assert(gg_layer_of(ggf_str("v.blk.3.x"), &l) && l.n == 3);
    ck_assert(ggf_str_eq(l.stack, "v.blk") && ggf_str_eq(l.whole, "v.blk.3"));
}
END_TEST

START_TEST(test_describe)
{
    struct gg_model *m;
    struct gg_err err;
    struct gg_desc d;
    ck_assert_int_eq(gg_model_open_gguf(&m, "fixtures/models/tiny-bf16.gguf", GGF_STRICT, &err), 0);
    gg_describe(&d, m);
    ck_assert_uint_eq(d.all.n_tensors, 39);
    ck_assert_uint_eq(d.all.n_params, 3672320);
    ck_assert_uint_eq(d.file_nbytes, 7373856);
    ck_assert(d.has_ftype && d.ftype == 32 && !d.has_template && !d.has_imatrix);
    ck_assert_uint_eq(d.n_types, 2);
    ck_assert_uint_eq(d.types[0].type, QT_BF16);
    ck_assert_uint_eq(d.types[0].n_matrices, 30);
    ck_assert_uint_eq(d.types[0].n_in_layers, 28);
    ck_assert_uint_eq(d.types[1].n_matrices, 0);
    ck_assert_uint_eq(d.role[GG_ROLE_NORM].n_params, 2304);
    ck_assert_uint_eq(d.n_ff, 768);
    gg_model_free(m);
}
END_TEST

/* More types than the table holds; sums that would overflow. */
START_TEST(test_describe_hostile)
{
    struct gg_tensor t[100] = {0};
    struct ggf_meta *meta;
    struct gg_err err;
    struct gg_desc d;
    ck_assert_int_eq(ggf_meta_new(&meta, &err), GG_OK);
    for (size_t i = 0; i < 100; i++)
        t[i] = (struct gg_tensor){.name = ggf_str("x"), .type = (uint32_t)(1000 + i),
                                  .nelems = UINT64_MAX / 8, .nbytes = UINT64_MAX / 8};
    struct gg_model m = {.meta = meta, .tensors = t, .n_tensors = 100};
    gg_describe(&d, &m);
    ck_assert_uint_eq(d.n_types, GG_DESC_MAX_TYPES);
    ck_assert_uint_eq(d.all.n_params, UINT64_MAX);
    ck_assert_uint_eq(d.n_unknown, 100);
    uint64_t n = 0;
    for (size_t i = 0; i < d.n_types; i++)
        n += d.types[i].sum.n_tensors;
    ck_assert_uint_eq(n, 100);
    ggf_meta_free(meta);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("describe");
    TCase *t = tcase_create("describe");
    tcase_add_test(t, test_roles);
    tcase_add_test(t, test_layers);
    tcase_add_test(t, test_describe);
    tcase_add_test(t, test_describe_hostile);
    suite_add_tcase(s, t);
    return s;
}
