/* Whole runs over the trained model against what llama-quantize makes of it: types, file sizes, and
 * the digest of every tensor (fixtures/models/presets-digests.txt). */
#include "lib/job/job.h"
#include "lib/job/wishes.h"
#include "tests/check_main.h"
#include "tests/scratch.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL   "fixtures/models/tiny-bf16.gguf"
#define IMATRIX "fixtures/models/imatrix.gguf"
#define DIGESTS "fixtures/models/presets-digests.txt"

static void ok(int rc, const struct gg_err *err, const char *what)
{
    ck_assert_msg(rc == GG_OK, "%s: %s", what, err->msg);
}

/* Can every tensor of the plan be encoded by this build? */
static bool encodable(const struct gg_plan *plan)
{
    for (size_t i = 0; i < plan->outputs[0].n_tensors; i++) {
        const struct gg_plan_tensor *t = &plan->outputs[0].tensors[i];
        const struct qt_info *to = qt_info(t->to);
        if (t->action == GG_ENCODE && (to == NULL || !(to->flags & QT_ENCODES)))
            return false;
    }
    return true;
}

/* Makes out.gguf in the scratch folder; false when a type cannot be encoded yet. */
static bool make(const struct gg_model *m, const char *preset, bool imatrix)
{
    const struct gg_quant_opts q = {.imatrix = imatrix ? IMATRIX : NULL,
                                    .token_embedding_type = -1,
                                    .output_tensor_type = -1};
    const struct gg_preset *p = gg_preset_by_name(preset);
    const char *path = scratch_path("out.gguf");
    struct gg_wishes *w = NULL;
    struct gg_plan *plan = NULL;
    struct gg_job_result result;
    struct qk_table kernels;
    struct gg_err err;
    ck_assert_ptr_nonnull(p);
    qk_init(&kernels, gg_cpu_best());
    ok(gg_wishes_new(&w, m, &q, NULL, NULL, &err), &err, preset);
    ok(gg_plan_new(&plan, m, &p, 1, &w->plan, true, &err), &err, preset);
    bool can = encodable(plan);
    struct gg_write_opts write = {.stream = {.kernels = &kernels}};
    struct gg_job job = {.model = m, .plan = plan, .paths = &path, .force = true, .write = &write};
    if (can) {
        ok(gg_job_run(&job, &result, &err), &err, preset);
        gg_job_result_free(&result);
    }
    gg_plan_free(plan);
    gg_wishes_free(w);
    return can;
}

static void digest(char hex[33], const struct gg_model *m, size_t i)
{
    const struct gg_tensor *t = &m->tensors[i];
    uint8_t *data = malloc(t->nbytes + 1), sum[32];
    struct sha256_ctx ctx;
    struct gg_err err;
    ok(m->source->ops->read(m->source, i, 0, t->nelems, data, &err), &err, "reading");
    sha256_init(&ctx);
    sha256_update(&ctx, t->nbytes, data);
    sha256_digest(&ctx, sizeof sum, sum);
    for (int k = 0; k < 16; k++)
        snprintf(hex + 2 * k, 3, "%02x", sum[k]);
    free(data);
}

static size_t find(const struct gg_model *m, const char *name)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        if (ggf_str_eq(m->tensors[i].name, name))
            return i;
    }
    ck_abort_msg("no tensor %s", name);
    return 0;
}

struct run {
    char preset[32], weights[16];
    uint64_t ftype, file_nbytes;
    struct gg_model *out; /* NULL: passed over */
    size_t n_seen;
};

/* Sanitizers are slow: with GG_TEST_FEW set, one run of four is made. */
static bool passed_over(size_t n)
{
    return getenv("GG_TEST_FEW") != NULL && n % 4 != 2;
}

static void begin(struct run *r, const char *line, const struct gg_model *m, size_t no)
{
    unsigned long long ftype, nbytes;
    struct gg_err err;
    ck_assert_int_eq(sscanf(line, "run %31s %15s %llu %llu", r->preset, r->weights, &ftype, &nbytes),
                     4);
    r->n_seen = 0;
    if (passed_over(no) || !make(m, r->preset, strcmp(r->weights, "imatrix") == 0))
        return;
    ok(gg_model_open_gguf(&r->out, scratch_path("out.gguf"), GGF_STRICT, &err), &err, r->preset);
    uint64_t got = 0;
    ck_assert(ggf_meta_get_u64(r->out->meta, "general.file_type", &got));
    ck_assert_uint_eq(got, ftype);
    ck_assert_msg(r->out->files[0].nbytes == nbytes, "%s/%s: %llu bytes instead of %llu", r->preset,
                  r->weights, (unsigned long long)r->out->files[0].nbytes, nbytes);
}

static void check_tensor(struct run *r, const char *line)
{
    char name[128], want[33], got[33];
    unsigned type;
    if (r->out == NULL)
        return;
    ck_assert_int_eq(sscanf(line, "%127s %u %32s", name, &type, want), 3);
    size_t i = find(r->out, name);
    ck_assert_msg(r->out->tensors[i].type == type, "%s/%s: %s: type %u instead of %u", r->preset,
                  r->weights, name, r->out->tensors[i].type, type);
    digest(got, r->out, i);
    ck_assert_msg(strcmp(got, want) == 0, "%s/%s: %s: other bytes", r->preset, r->weights, name);
    r->n_seen++;
}

static void end(struct run *r, size_t n_tensors, size_t *n_checked)
{
    if (r->out == NULL)
        return;
    ck_assert_uint_eq(r->n_seen, n_tensors);
    ck_assert_uint_eq(r->out->n_tensors, n_tensors);
    gg_model_free(r->out);
    r->out = NULL;
    ++*n_checked;
}

START_TEST(whole_runs)
{
    struct gg_model *m = NULL;
    struct gg_err err;
    struct run r = {.out = NULL};
    size_t n_runs = 0, n_checked = 0, n_expected = 0;
    char line[256];
    scratch_begin();
    ok(gg_model_open_gguf(&m, MODEL, GGF_STRICT, &err), &err, MODEL);
    FILE *f = fopen(DIGESTS, "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] == '#')
            continue;
        if (strncmp(line, "run ", 4) != 0) {
            check_tensor(&r, line);
            continue;
        }
        end(&r, m->n_tensors, &n_checked);
        begin(&r, line, m, n_runs);
        n_expected += !passed_over(n_runs);
        n_runs++;
    }
    end(&r, m->n_tensors, &n_checked);
    fclose(f);
    gg_model_free(m);
    scratch_end();
    ck_assert_uint_eq(n_runs, 28);
    ck_assert_uint_eq(n_checked, n_expected); /* every preset among them can be encoded */
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("presets");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 900);
    tcase_add_test(t, whole_runs);
    suite_add_tcase(s, t);
    return s;
}
