/* What presets choose, held against what llama-quantize of 2026-08-21 chose: its own snapshots of
 * four real models, and its runs on the small trained one. */
#include "lib/base/num.h"
#include "lib/plan/mixture.h"
#include "tests/plan_make.h"

static const struct mk_row qwen3[] = {
    {"token_embd.weight", {1024, 151936}, 0, 0},
    {"output.weight", {1024, 151936}, 0, 0},
    {"output_norm.weight", {1024}, 0, 0},
    {"blk.%d.attn_q.weight", {1024, 2048}, 0, 27},
    {"blk.%d.attn_k.weight", {1024, 1024}, 0, 27},
    {"blk.%d.attn_v.weight", {1024, 1024}, 0, 27},
    {"blk.%d.attn_output.weight", {2048, 1024}, 0, 27},
    {"blk.%d.ffn_gate.weight", {1024, 3072}, 0, 27},
    {"blk.%d.ffn_up.weight", {1024, 3072}, 0, 27},
    {"blk.%d.ffn_down.weight", {3072, 1024}, 0, 27},
    {"blk.%d.attn_norm.weight", {1024}, 0, 27},
    {NULL, {0}, 0, 0},
};

static const struct mk_row llama70[] = {
    {"blk.%d.ffn_down.weight", {28672, 8192}, 0, 79},
    {"blk.%d.ffn_gate.weight", {8192, 28672}, 0, 79},
    {"blk.%d.ffn_up.weight", {8192, 28672}, 0, 79},
    {"blk.%d.attn_q.weight", {8192, 8192}, 0, 79},
    {"blk.%d.attn_k.weight", {8192, 1024}, 0, 79},
    {"blk.%d.attn_v.weight", {8192, 1024}, 0, 79},
    {"blk.%d.attn_output.weight", {8192, 8192}, 0, 79},
    {"blk.%d.ffn_norm.weight", {8192}, 0, 79},
    {"output.weight", {8192, 128256}, 0, 0},
    {"token_embd.weight", {8192, 128256}, 0, 0},
    {"rope_freqs.weight", {64}, 0, 0},
    {NULL, {0}, 0, 0},
};

static const struct mk_row gpt_oss[] = {
    {"token_embd.weight", {2880, 201088}, 0, 0},
    {"output.weight", {2880, 201088}, 0, 0},
    {"blk.%d.attn_q.weight", {2880, 4096}, 0, 35},
    {"blk.%d.attn_k.weight", {2880, 512}, 0, 35},
    {"blk.%d.attn_v.weight", {2880, 512}, 0, 35},
    {"blk.%d.attn_output.weight", {4096, 2880}, 0, 35},
    {"blk.%d.attn_q.bias", {4096}, 0, 35},
    {"blk.%d.ffn_gate_inp.weight", {2880, 128}, 0, 35},
    {"blk.%d.ffn_gate_exps.weight", {2880, 2880, 128}, 0, 35},
    {"blk.%d.ffn_gate_exps.bias", {2880, 128}, 0, 35},
    {"blk.%d.ffn_up_exps.weight", {2880, 2880, 128}, 0, 35},
    {"blk.%d.ffn_down_exps.weight", {2880, 2880, 128}, 0, 35},
    {NULL, {0}, 0, 0},
};

static const struct mk_row deepseek[] = {
    {"token_embd.weight", {7168, 129280}, 0, 0},
    {"output.weight", {7168, 129280}, 0, 0},
    {"blk.%d.attn_q_a.weight", {7168, 1536}, 0, 60},
    {"blk.%d.attn_q_b.weight", {1536, 24576}, 0, 60},
    {"blk.%d.attn_kv_a_mqa.weight", {7168, 576}, 0, 60},
    {"blk.%d.attn_k_b.weight", {128, 512, 128}, 0, 60},
    {"blk.%d.attn_v_b.weight", {512, 128, 128}, 0, 60},
    {"blk.%d.attn_output.weight", {16384, 7168}, 0, 60},
    {"blk.%d.ffn_gate.weight", {7168, 18432}, 0, 2},
    {"blk.%d.ffn_up.weight", {7168, 18432}, 0, 2},
    {"blk.%d.ffn_down.weight", {18432, 7168}, 0, 2},
    {"blk.%d.ffn_gate_inp.weight", {7168, 256}, 3, 60},
    {"blk.%d.ffn_gate_exps.weight", {7168, 2048, 256}, 3, 60},
    {"blk.%d.ffn_up_exps.weight", {7168, 2048, 256}, 3, 60},
    {"blk.%d.ffn_down_exps.weight", {2048, 7168, 256}, 3, 60},
    {"blk.%d.ffn_gate_shexp.weight", {7168, 2048}, 3, 60},
    {"blk.%d.ffn_up_shexp.weight", {7168, 2048}, 3, 60},
    {"blk.%d.ffn_down_shexp.weight", {2048, 7168}, 3, 60},
    {NULL, {0}, 0, 0},
};

static const struct {
    const char *file;
    struct mk_model model;
} snapshots[] = {
    {"qwen3-0.6b", {"qwen3", 28, 16, 8, 0, QT_F32, qwen3}},
    {"meta-llama-3.1-70b-instruct", {"llama", 80, 64, 8, 0, QT_F32, llama70}},
    {"gpt-oss-120b", {"gpt-oss", 36, 64, 8, 128, QT_F32, gpt_oss}},
    {"deepseek-v3.1", {"deepseek2", 61, 128, 1, 256, QT_F32, deepseek}},
};

/* ---- snapshots: "[PRESET] default" and lines "tensor type" for those that differ ---------------- */

struct section {
    struct gg_plan *plan;
    enum qt_type base;
    size_t n_listed;
    char preset[32];
};

static void check_listed(struct section *s, const char *tensor, const char *type)
{
    const struct gg_plan_tensor *t = mk_get(s->plan, tensor);
    s->n_listed++;
    ck_assert_msg(t->to == (uint32_t)qt_by_name(type)->type, "%s: %s: %s wanted, got %s (%s)", s->preset,
                  tensor, type, qt_info(t->to)->name, t->reason);
}

/* All tensors that may be quantized and are not listed have the default type. */
static void end_section(struct section *s)
{
    size_t n = 0;
    if (s->plan == NULL)
        return;
    const struct gg_plan_output *o = &s->plan->outputs[0];
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_plan_tensor *t = &o->tensors[i];
        bool kept = t->action == GG_COPY && t->to != (uint32_t)s->base;
        n += !kept && t->to != (uint32_t)s->base;
    }
    ck_assert_msg(n == s->n_listed, "%s: %zu tensors differ from the default, not %zu", s->preset, n,
                  s->n_listed);
    gg_plan_free(s->plan);
    s->plan = NULL;
}

static void start_section(struct section *s, const struct gg_model *m, const char *line)
{
    char base[32];
    ck_assert_int_eq(sscanf(line, "[%31[^]]] %31s", s->preset, base), 2);
    s->base = qt_by_name(base)->type;
    ck_assert_int_eq(gg_preset_by_name(s->preset)->base, s->base);
    s->n_listed = 0;
    s->plan = mk_plan(m, s->preset, NULL, true);
}

START_TEST(test_snapshots)
{
    char path[200], line[200], tensor[100], type[32];
    struct section s = {0};
    size_t n_sections = 0;
    snprintf(path, sizeof path, "../shared/presets/%s.schema", snapshots[_i].file);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        printf("SKIPPED: %s is not here\n", path);
        return;
    }
    struct gg_model *m = mk_skeleton(&snapshots[_i].model);
    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] == '[') {
            end_section(&s);
            start_section(&s, m, line);
            n_sections++;
        } else if (line[0] != '#' && sscanf(line, "%99s %31s", tensor, type) == 2) {
            check_listed(&s, tensor, type);
        }
    }
    end_section(&s);
    ck_assert_uint_ge(n_sections, 33);
    gg_model_free(m);
    fclose(f);
}
END_TEST

/* ---- the small trained model ------------------------------------------------------------------ */

struct run {
    struct gg_plan *plan;
    const struct gg_imatrix *im;
    uint64_t file_bytes;
    size_t n_listed;
    bool with_imatrix;
};

static void end_run(struct run *r)
{
    if (r->plan == NULL)
        return;
    ck_assert_uint_eq(r->n_listed, r->plan->outputs[0].n_tensors);
    ck_assert_uint_eq(r->plan->outputs[0].nbytes, r->file_bytes);
    gg_plan_free(r->plan);
    r->plan = NULL;
}

static void start_run(struct run *r, const struct gg_model *m, const char *line)
{
    char preset[32], with[32];
    unsigned ftype;
    unsigned long long nbytes;
    uint64_t stored;
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    ck_assert_int_eq(sscanf(line, "run %31s %31s %u %llu", preset, with, &ftype, &nbytes), 4);
    r->with_imatrix = strcmp(with, "imatrix") == 0;
    w.imatrix = r->with_imatrix ? r->im : NULL;
    r->plan = mk_plan(m, preset, &w, true);
    r->file_bytes = nbytes;
    r->n_listed = 0;
    ck_assert(ggf_meta_get_u64(r->plan->outputs[0].meta, "general.file_type", &stored));
    ck_assert_uint_eq(stored, ftype);
}

START_TEST(test_trained_model)
{
    char line[200], tensor[100];
    unsigned type;
    struct gg_err err = {0};
    struct gg_model *m;
    struct gg_imatrix *im;
    struct run r = {0};
    size_t n = 0;
    FILE *f = fopen("fixtures/models/presets-digests.txt", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_msg(gg_model_open_gguf(&m, "fixtures/models/tiny-bf16.gguf", GGF_STRICT, &err) == GG_OK,
                  "%s", err.msg);
    ck_assert_msg(gg_imatrix_open(&im, "fixtures/models/imatrix.gguf", &err) == GG_OK, "%s", err.msg);
    r.im = im;
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "run ", 4) == 0) {
            end_run(&r);
            start_run(&r, m, line);
            n++;
        } else if (line[0] != '#' && sscanf(line, "%99s %u", tensor, &type) == 2) {
            const struct gg_plan_tensor *t = mk_get(r.plan, tensor);
            ck_assert_msg(t->to == type, "%s %s: type %u wanted, got %u: %s",
                          r.plan->outputs[0].preset->name, tensor, type, t->to, t->reason);
            r.n_listed++;
        }
    }
    end_run(&r);
    ck_assert_uint_ge(n, 20);
    gg_imatrix_free(im);
    gg_model_free(m);
    fclose(f);
}
END_TEST

/* ---- many small models: fixtures/presets/choices.txt --------------------------------------------- */

struct shape {
    char arch[32], features[64];
    unsigned layers, width, ffn, heads, heads_kv, experts;
};

static void add(struct mk_list *l, const char *name, int layer, uint64_t a, uint64_t b, uint64_t c)
{
    char full[64];
    if (layer >= 0)
        snprintf(full, sizeof full, "blk.%d.%s", layer, name);
    else
        snprintf(full, sizeof full, "%s", name);
    mk_add(l, full, QT_F32, (const uint64_t[3]){a, b, c});
}

static void add_ffn(struct mk_list *l, const struct shape *s, int i)
{
    uint64_t d = s->width, f = s->ffn;
    if (s->experts == 0 || i == 0) {
        add(l, "ffn_gate.weight", i, d, f, 0);
        add(l, "ffn_up.weight", i, d, f, 0);
        add(l, "ffn_down.weight", i, f, d, 0);
        return;
    }
    add(l, "ffn_gate_inp.weight", i, d, s->experts, 0);
    add(l, "ffn_gate_exps.weight", i, d, f, s->experts);
    add(l, "ffn_up_exps.weight", i, d, f, s->experts);
    add(l, "ffn_down_exps.weight", i, f, d, s->experts);
    if (strstr(s->features, "shexp") == NULL)
        return;
    add(l, "ffn_down_shexp.weight", i, f, d, 0);
    add(l, "ffn_up_shexp.weight", i, d, f, 0);
    add(l, "ffn_gate_shexp.weight", i, d, f, 0);
}

static void add_layer(struct mk_list *l, const struct shape *s, int i)
{
    uint64_t d = s->width, kd = d * s->heads_kv / s->heads;
    add(l, "attn_norm.weight", i, d, 0, 0);
    if (strstr(s->features, "qkv") != NULL) {
        add(l, "attn_qkv.weight", i, d, d + 2 * kd, 0);
    } else {
        add(l, "attn_q.weight", i, d, d, 0);
        add(l, "attn_k.weight", i, d, kd, 0);
        add(l, "attn_v.weight", i, d, kd, 0);
    }
    if (strstr(s->features, "kvb") != NULL)
        add(l, "attn_kv_b.weight", i, d, kd, 0);
    add(l, "attn_output.weight", i, d, d, 0);
    add_ffn(l, s, i);
}

/* The tensors stand in the model last to first: the choice must not depend on it. */
static struct gg_model *model_of_shape(const struct shape *s)
{
    enum { MAX = 2000 };
    struct mk_model mk = {s->arch, s->layers, s->heads, s->heads_kv, s->experts, QT_F32, NULL};
    struct mk_list l = {calloc(MAX, sizeof *l.v), calloc(MAX, sizeof *l.names), 0};
    struct ggf_tensor_spec *reversed = calloc(MAX, sizeof *reversed);
    struct ggf_meta *meta = mk_meta(&mk);
    struct gg_model *m;
    add(&l, "token_embd.weight", -1, s->width, 64, 0);
    if (strstr(s->features, "tied") == NULL)
        add(&l, "output.weight", -1, s->width, 64, 0);
    add(&l, "output_norm.weight", -1, s->width, 0, 0);
    for (unsigned i = 0; i < s->layers; i++)
        add_layer(&l, s, (int)i);
    for (size_t i = 0; i < l.n; i++)
        reversed[i] = l.v[l.n - 1 - i];
    ck_assert_int_eq(gg_model_skeleton(&m, meta, reversed, l.n, NULL), GG_OK);
    ggf_meta_free(meta);
    free(reversed);
    free(l.v);
    free(l.names);
    return m;
}

static void hash_choices(char out[17], const struct gg_plan_output *o)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = o->n_tensors; i-- > 0;) {
        char line[128];
        int n = snprintf(line, sizeof line, "%.*s %s\n", (int)o->tensors[i].name.nbytes,
                         o->tensors[i].name.p, qt_info(o->tensors[i].to)->name);
        for (int k = 0; k < n; k++)
            h = (h ^ (uint8_t)line[k]) * 0x100000001b3u;
    }
    snprintf(out, 17, "%016llx", (unsigned long long)h);
}

static void check_choices(const struct gg_model *m, const char *preset, const struct gg_imatrix *im,
                          const char *want, const char *model_line)
{
    char got[17];
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    w.imatrix = im;
    struct gg_plan *p = mk_plan(m, preset, &w, true);
    hash_choices(got, &p->outputs[0]);
    ck_assert_msg(strcmp(want, "-") == 0 || strcmp(want, got) == 0, "%s (importance matrix: %s) of %s",
                  preset, im != NULL ? "yes" : "no", model_line);
    gg_plan_free(p);
}

START_TEST(test_many_models)
{
    char line[200], model_line[200] = "", preset[32], plain[32], with[32];
    struct shape s;
    struct gg_model *m = NULL;
    struct gg_imatrix *im; /* of any model: that there is one is what matters */
    size_t n = 0;
    FILE *f = fopen("fixtures/presets/choices.txt", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(gg_imatrix_open(&im, "fixtures/models/imatrix.dat", NULL), GG_OK);
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "model %31s %u %u %u %u %u %u %63s", s.arch, &s.layers, &s.width, &s.ffn,
                   &s.heads, &s.heads_kv, &s.experts, s.features) == 8) {
            gg_model_free(m);
            m = model_of_shape(&s);
            snprintf(model_line, sizeof model_line, "%s", line);
        } else if (line[0] != '#' && sscanf(line, "%31s %31s %31s", preset, plain, with) == 3) {
            check_choices(m, preset, NULL, plain, model_line);
            check_choices(m, preset, im, with, model_line);
            n++;
        }
    }
    ck_assert_uint_ge(n, 700);
    gg_imatrix_free(im);
    gg_model_free(m);
    fclose(f);
}
END_TEST

static struct gg_mix_choice choose(const char *preset, const struct gg_mix_model *m,
                                   enum gg_category c, uint64_t i)
{
    struct gg_mix_tensor t = {c, 4096, 1, i, i};
    return gg_mix_choose(gg_preset_by_name(preset), m, &t);
}

START_TEST(test_conditions)
{
    struct gg_mix_model m = {.n_layers = 32, .n_v = 32, .gqa = 1};
    ck_assert_int_eq(choose("Q4_0", &m, GG_CAT_FFN_DOWN, 3).type, QT_Q4_0);
    m.has_imatrix = true;
    ck_assert_int_eq(choose("Q4_0", &m, GG_CAT_FFN_DOWN, 3).type, QT_Q4_1);
    ck_assert_int_eq(choose("Q4_0", &m, GG_CAT_FFN_DOWN, 4).type, QT_Q4_0);
    ck_assert_int_eq(choose("IQ3_XXS", &m, GG_CAT_ATTN_V, 0).type, QT_IQ3_XXS);
    m.has_imatrix = false;
    ck_assert_int_eq(choose("IQ3_XXS", &m, GG_CAT_ATTN_V, 0).type, QT_IQ3_S);
    m.gqa = 4;
    ck_assert_int_eq(choose("IQ3_XXS", &m, GG_CAT_ATTN_V, 0).type, QT_Q4_K);
    m.tied = true;
    ck_assert_int_eq(choose("Q4_K_M", &m, GG_CAT_EMBD, 0).type, QT_Q6_K);
    ck_assert_int_eq(choose("Q8_0", &m, GG_CAT_EMBD, 0).type, QT_Q8_0);
    m.tied = false;
    ck_assert_int_eq(choose("Q4_K_M", &m, GG_CAT_EMBD, 0).type, QT_Q4_K);
    /* more bits: 0..3, every third from 6, 28..31 */
    ck_assert_int_eq(choose("Q4_K_M", &m, GG_CAT_ATTN_V, 3).type, QT_Q6_K);
    ck_assert_int_eq(choose("Q4_K_M", &m, GG_CAT_ATTN_V, 5).type, QT_Q4_K);
    ck_assert_int_eq(choose("Q4_K_M", &m, GG_CAT_ATTN_V, 6).type, QT_Q6_K);
    ck_assert_int_eq(choose("Q4_K_M", &m, GG_CAT_ATTN_V, 27).type, QT_Q6_K);
    ck_assert_int_eq(choose("Q4_K_M", &m, GG_CAT_ATTN_V, 26).type, QT_Q4_K);
    ck_assert_int_eq(choose("Q4_K_M", &m, GG_CAT_ATTN_V, 28).type, QT_Q6_K);
}
END_TEST

static bool is_big(const char *arch, uint64_t layers, uint64_t kv, uint64_t experts)
{
    struct gg_mix_model m;
    struct gg_arch a = {.name = ggf_str(arch), .n_layers = layers, .n_loops = 1, .n_heads = 64, .n_heads_kv = kv,
                        .n_experts = experts};
    gg_mix_model_from_arch(&m, &a);
    return m.big_gqa;
}

START_TEST(test_big_models)
{
    ck_assert(is_big("llama", 80, 8, 0));
    ck_assert(!is_big("llama", 80, 64, 0));
    ck_assert(!is_big("llama", 80, 8, 8));
    ck_assert(!is_big("llama", 79, 8, 0));
    ck_assert(is_big("qwen2", 80, 8, 0));
    ck_assert(is_big("qwen2", 80, 64, 0));
    ck_assert(!is_big("xverse", 80, 8, 0));
}
END_TEST

/* ---- the table --------------------------------------------------------------------------------- */

START_TEST(test_table)
{
    for (size_t i = 0; i < gg_preset_count(); i++) {
        const struct gg_preset *p = gg_preset_at(i);
        ck_assert_ptr_eq(gg_preset_by_name(p->name), p);
        if (!gg_preset_is_copy(p))
            ck_assert_ptr_eq(gg_preset_by_ftype(p->ftype), p);
        ck_assert_msg(p->target || p->base == QT_NONE || p->base == QT_NVFP4, "%s", p->name);
        ck_assert_msg(strlen(p->brief) <= 75, "%s: brief of %zu characters", p->name, strlen(p->brief));
    }
    ck_assert_str_eq(gg_preset_by_name("q4_k")->name, "Q4_K_M");
    ck_assert_str_eq(gg_preset_by_name("q3_K")->name, "Q3_K_M");
    ck_assert_str_eq(gg_preset_by_name("15")->name, "Q4_K_M");
    ck_assert_str_eq(gg_preset_by_name("copy")->name, "COPY");
    ck_assert_ptr_null(gg_preset_by_name("q4_K_X"));
    ck_assert_ptr_null(gg_preset_by_name("65535"));
    ck_assert_ptr_null(gg_preset_by_ftype(1024));
    ck_assert_int_eq(gg_preset_by_name("IQ2_S")->base, QT_IQ2_XS);
    ck_assert_int_eq(gg_preset_by_name("IQ2_M")->base, QT_IQ2_S);
}
END_TEST

START_TEST(test_guess)
{
    uint64_t n[QT_ID_END] = {0};
    ck_assert_uint_eq(gg_preset_guess(n), GG_FT_F32);
    n[QT_F32] = 100;
    n[QT_Q4_K] = 150;
    n[QT_Q6_K] = 20;
    ck_assert_uint_eq(gg_preset_guess(n), GG_FT_Q4_K_M);
    n[QT_MXFP4] = 200;
    ck_assert_uint_eq(gg_preset_guess(n), GG_FT_F32);
    n[QT_NVFP4] = 201;
    ck_assert_uint_eq(gg_preset_guess(n), GG_FT_NVFP4);
}
END_TEST

START_TEST(test_names)
{
    static const uint64_t matrix[4] = {8, 8, 1, 1}, vector[4] = {8, 1, 1, 1};
    ck_assert_ptr_null(gg_keep_reason(ggf_str("blk.0.attn_v.weight"), matrix));
    ck_assert_ptr_nonnull(gg_keep_reason(ggf_str("blk.0.attn_v.weight"), vector));
    ck_assert_ptr_nonnull(gg_keep_reason(ggf_str("blk.0.attn_v.bias"), matrix));
    ck_assert_ptr_nonnull(gg_keep_reason(ggf_str("blk.0.ffn_gate_inp.weight"), matrix));
    ck_assert_ptr_nonnull(gg_keep_reason(ggf_str("blk.0.attn_q_norm.weight"), matrix));
    ck_assert_ptr_nonnull(gg_keep_reason(ggf_str("position_embd.weight"), matrix));
    ck_assert_ptr_null(gg_keep_reason(ggf_str("my_position_embd.weight"), matrix));
    ck_assert_int_eq(gg_category_of(ggf_str("blk.1.attn_qkv.weight")), GG_CAT_ATTN_QKV);
    ck_assert_int_eq(gg_category_of(ggf_str("blk.1.ffn_gate_up_exps.weight")), GG_CAT_FFN_GATE);
    ck_assert_int_eq(gg_category_of(ggf_str("v.output.weight")), GG_CAT_OTHER);
    ck_assert_uint_eq(gg_name_layer(ggf_str("blk.17.x")), 17);
    ck_assert_uint_eq(gg_name_layer(ggf_str("blk.99999999999.x")), GG_NO_LAYER);
    ck_assert_uint_eq(gg_name_layer(ggf_str("blk..x")), GG_NO_LAYER);
    ck_assert_uint_eq(gg_name_layer(ggf_str("output.weight")), GG_NO_LAYER);
    struct gg_name_key a = {ggf_str("zzz"), GG_NO_LAYER}, b = {ggf_str("blk.2.a"), 2},
                       c = {ggf_str("blk.10.a"), 10};
    ck_assert_int_lt(gg_name_key_cmp(&a, &b), 0);
    ck_assert_int_lt(gg_name_key_cmp(&b, &c), 0);
    ck_assert_int_gt(gg_name_key_cmp(&c, &a), 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("preset");
    TCase *t = tcase_create("preset");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_table);
    tcase_add_test(t, test_guess);
    tcase_add_test(t, test_names);
    tcase_add_test(t, test_conditions);
    tcase_add_test(t, test_big_models);
    tcase_add_loop_test(t, test_snapshots, 0, GG_COUNTOF(snapshots));
    tcase_add_test(t, test_trained_model);
    tcase_add_test(t, test_many_models);
    suite_add_tcase(s, t);
    return s;
}
