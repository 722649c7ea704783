/* What running a model takes: heads, windows, latent keys, shared layers; and what is not known. */
#include "lib/model/memory.h"

#include "lib/base/num.h"
#include "lib/quant/qtype.h"
#include "tests/plan_make.h"

static const struct mk_row rows[] = {
    {"token_embd.weight", {256, 1000, 0}, 0, 0},
    {"blk.%d.attn_v.weight", {256, 64, 0}, 0, 1},
    {NULL, {0}, 0, 0},
};

static struct ggf_meta *meta;
static const char *arch;

static void set(const char *key, uint32_t v)
{
    mk_u32(meta, arch, key, v);
}

static void begin(const char *name, uint32_t n_layers, uint32_t heads, uint32_t heads_kv, uint32_t n_embd)
{
    struct mk_model m = {name, n_layers, heads, heads_kv, 0, QT_F16, rows};
    arch = name;
    meta = mk_meta(&m);
    set("embedding_length", n_embd);
    set("context_length", 2048);
    set("feed_forward_length", 4 * n_embd);
}

/* The model begun, with what was set; its end. */
static int end(struct gg_memory *out, uint64_t ctx, uint32_t type, struct gg_err *err)
{
    struct mk_model m = {arch, 0, 0, 0, 0, QT_F16, rows};
    struct gg_model *model = mk_skeleton_meta(&m, meta);
    struct gg_memory_opts o = {ctx, type};
    int rc = gg_memory_of(out, model, &o, err);
    gg_model_free(model);
    ggf_meta_free(meta);
    return rc;
}

static struct gg_memory memory(uint64_t ctx, uint32_t type)
{
    struct gg_memory m;
    struct gg_err err = {0};
    ck_assert_msg(end(&m, ctx, type, &err) == GG_OK, "%s", err.msg);
    ck_assert_uint_eq(m.total_nbytes, m.weights_nbytes + m.kv_nbytes + m.buffers_nbytes);
    return m;
}

#define GIB (UINT64_C(1) << 30)

START_TEST(heads_share_keys)
{
    begin("llama", 32, 32, 8, 4096); /* an 8B: 128 KiB a token */
    struct gg_memory m = memory(8192, QT_F16);
    ck_assert_uint_eq(m.kv_nbytes, GIB);
    ck_assert_uint_eq(m.weights_nbytes, 2 * (256 * 1000 + 2 * 256 * 64));
    begin("llama", 32, 32, 8, 4096);
    ck_assert_uint_eq(memory(8000, QT_Q8_0).kv_nbytes, GIB / 2 / 32 * 34); /* cells are padded */
    begin("llama", 32, 32, 8, 4096);
    ck_assert_uint_eq(memory(0, QT_F16).kv_nbytes, GIB / 4); /* as trained */
    begin("qwen3", 2, 4, 2, 256);
    set("attention.key_length", 128);
    set("attention.value_length", 128);
    ck_assert_uint_eq(memory(256, QT_F16).kv_nbytes, 2 * 256 * 2 * 256 * 2);
}
END_TEST

START_TEST(windows_end_the_cache)
{
    begin("gemma3", 12, 8, 4, 2048); /* ten sliding layers, two that see all */
    set("attention.sliding_window", 1024);
    struct gg_memory m = memory(32768, QT_F16);
    ck_assert_uint_eq(m.full.n, 2);
    ck_assert_uint_eq(m.windowed.n, 10);
    ck_assert_uint_eq(m.windowed.cells, 1536);
    ck_assert_uint_eq(m.kv_nbytes, 2 * 2 * 1024 * (2 * 32768 + 10 * 1536));
    begin("gemma3", 12, 8, 4, 2048); /* without a window it has none */
    ck_assert_uint_eq(memory(32768, QT_F16).full.n, 12);
    begin("gpt-oss", 4, 8, 4, 512);
    set("attention.sliding_window", 128);
    m = memory(512, QT_F16);
    ck_assert_uint_eq(m.windowed.n, 2);
    ck_assert_uint_eq(m.windowed.cells, 512); /* never more than the context */
    begin("gemma3n", 30, 8, 2, 2048);
    set("attention.sliding_window", 512);
    m = memory(4096, QT_F16);
    ck_assert_uint_eq(m.full.n + m.windowed.n, 20); /* the others share */
    begin("exaone4", 64, 8, 2, 512);
    m = memory(8192, QT_F16);
    ck_assert_uint_eq(m.windowed.n, 48);
    ck_assert_uint_eq(m.windowed.cells, 4608);
    begin("exaone4", 30, 8, 2, 512); /* the small one has none */
    ck_assert_uint_eq(memory(8192, QT_F16).full.n, 30);
}
END_TEST

START_TEST(latent_keys_hold_values)
{
    begin("deepseek2", 27, 16, 1, 2048);
    set("attention.key_length", 576);
    set("attention.value_length", 512);
    set("attention.key_length_mla", 192);
    set("attention.value_length_mla", 128);
    struct gg_memory m = memory(4096, QT_F16);
    ck_assert(m.latent);
    ck_assert_uint_eq(m.kv_nbytes, UINT64_C(27) * 4096 * 576 * 2);
    begin("minicpm3", 62, 40, 40, 2560); /* spread out before they are kept: 96 and 2560 / 40 */
    set("attention.key_length", 96);
    set("attention.kv_lora_rank", 256);
    m = memory(4096, QT_F16);
    ck_assert(!m.latent);
    ck_assert_uint_eq(m.kv_nbytes, UINT64_C(62) * 4096 * 40 * (96 + 64) * 2);
}
END_TEST

/* Small models with random weights, loaded by llama.cpp of 2026-08-21: sizes it logged. */
START_TEST(llama_cpp_allocates_the_same)
{
    static const struct {
        const char *arch;
        uint32_t n_layers, key, value, window, latent, nextn, ctx, type;
        uint64_t nbytes;
    } seen[] = {
        {"gemma3", 12, 32, 32, 128, 0, 0, 2048, QT_F16, 3014656},
        {"gemma3", 12, 32, 32, 128, 0, 0, 777, QT_F16, 2490368},
        {"gemma3", 12, 32, 32, 128, 0, 0, 2048, QT_Q8_0, 1601536},
        {"gemma3", 12, 32, 32, 128, 0, 0, 2048, QT_Q4_0, 847872},
        {"gemma3", 12, 32, 32, 128, 0, 0, 2048, QT_F32, 6029312},
        {"gemma2", 6, 32, 32, 4096, 0, 0, 8192, QT_F16, 9830400},
        {"smallthinker", 8, 16, 16, 128, 0, 0, 8192, QT_F16, 5636096}, /* a window of 4096 */
        {"deepseek2", 3, 24, 16, 0, 16, 1, 1024, QT_F16, 147456}, /* one layer for further tokens */
    };
    for (size_t i = 0; i < GG_COUNTOF(seen); i++) {
        begin(seen[i].arch, seen[i].n_layers, 4, seen[i].latent ? 1 : 2, 64);
        set("attention.key_length", seen[i].key);
        set("attention.value_length", seen[i].value);
        if (seen[i].window != 0)
            set("attention.sliding_window", seen[i].window);
        if (seen[i].latent != 0) {
            set("attention.key_length_mla", 24);
            set("attention.value_length_mla", 16);
            set("nextn_predict_layers", seen[i].nextn);
        }
        ck_assert_uint_eq(memory(seen[i].ctx, seen[i].type).kv_nbytes, seen[i].nbytes);
    }
}
END_TEST

START_TEST(layers_differ)
{
    const uint8_t kv[] = {8, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0};
    const struct ggf_value v = {.type = GGF_ARR, .elem = GGF_U32, .count = 3, .data = kv,
                                .nbytes = sizeof kv};
    begin("deci", 3, 8, 8, 512);
    ck_assert_int_eq(ggf_meta_set(meta, ggf_str("deci.attention.head_count_kv"), &v, NULL), GG_OK);
    struct gg_memory m = memory(256, QT_F16);
    ck_assert_uint_eq(m.full.n, 2);
    ck_assert_uint_eq(m.kv_nbytes, 256 * 2 * 2 * 64 * (8 + 4));
}
END_TEST

START_TEST(the_unknown_is_said)
{
    struct gg_memory m;
    struct gg_err err;
    begin("mamba", 3, 8, 8, 512);
    ck_assert_int_eq(end(&m, 256, QT_F16, &err), GG_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "unknown architecture 'mamba'"));
    begin("llama", 0, 8, 8, 512);
    ck_assert_int_eq(end(&m, 256, QT_F16, &err), GG_ERR_UNSUPPORTED);
    begin("llama", 3, 8, 8, 512);
    ck_assert_int_eq(end(&m, UINT64_MAX, QT_F16, &err), GG_ERR_LIMIT);
    begin("llama", UINT32_MAX, 8, 8, 512);
    ck_assert_int_eq(end(&m, 256, QT_F16, &err), GG_ERR_UNSUPPORTED);
    begin("llama", 3, 8, 8, 520);
    ck_assert_int_eq(end(&m, 256, QT_Q4_K, &err), GG_ERR_ARG);
    begin("llama", 3, 8, UINT32_MAX, UINT32_MAX);
    ck_assert_int_eq(end(&m, 256, QT_F16, &err), GG_ERR_LIMIT);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("memory");
    TCase *tc = tcase_create("memory");
    tcase_add_test(tc, heads_share_keys);
    tcase_add_test(tc, windows_end_the_cache);
    tcase_add_test(tc, latent_keys_hold_values);
    tcase_add_test(tc, llama_cpp_allocates_the_same);
    tcase_add_test(tc, layers_differ);
    tcase_add_test(tc, the_unknown_is_said);
    suite_add_tcase(s, tc);
    return s;
}
