/* Golden bytes: every case of fixtures/golden, encoded and decoded at every CPU level this machine
 * has, must give exactly what ggml gave. */
#include "lib/base/num.h"
#include "lib/quant/codebook.h"
#include "lib/quant/kernel.h"
#include "tests/check_main.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR "fixtures/golden/"

struct golden {
    json_t *manifest;
    size_t n_rows, n_cols;
    float *input[16], *imatrix[2];
    const char *input_name[16];
    uint8_t *quant[QT_ID_END];
    size_t quant_nbytes[QT_ID_END];
    float *dequant[QT_ID_END];
    size_t n_dequant[QT_ID_END]; /* cases in it */
    struct qk_codebook *codebook[QT_ID_END];
    struct qk_table table;
    unsigned n_encoded, n_decoded, n_failed;
    unsigned skipped[QT_ID_END];
};

static void *read_file(const char *name, const char *suffix, size_t *nbytes)
{
    char path[256];
    snprintf(path, sizeof path, DIR "%s%s", name, suffix);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s is missing", path);
    fseek(f, 0, SEEK_END);
    *nbytes = (size_t)ftell(f);
    rewind(f);
    void *p = malloc(*nbytes);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(fread(p, 1, *nbytes, f), *nbytes);
    fclose(f);
    return p;
}

static float *read_floats(const char *name, const char *suffix, size_t n)
{
    size_t nbytes;
    uint8_t *p = read_file(name, suffix, &nbytes);
    ck_assert_uint_eq(nbytes, 4 * n);
    float *x = malloc(4 * n);
    for (size_t i = 0; i < n; i++)
        x[i] = gg_f32_from_bits(gg_load_u32(p + 4 * i));
    free(p);
    return x;
}

static void setup(struct golden *g, enum gg_cpu_level level)
{
    memset(g, 0, sizeof *g);
    qk_init(&g->table, level);
    g->manifest = json_load_file(DIR "manifest.json", 0, NULL);
    ck_assert_ptr_nonnull(g->manifest);
    g->n_rows = (size_t)json_integer_value(json_object_get(g->manifest, "rows"));
    g->n_cols = (size_t)json_integer_value(json_object_get(g->manifest, "cols"));
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(g->manifest, "inputs"), i, v)
    {
        char name[64];
        ck_assert_uint_lt(i, 16);
        g->input_name[i] = json_string_value(v);
        snprintf(name, sizeof name, "input.%s", g->input_name[i]);
        g->input[i] = read_floats(name, ".f32", g->n_rows * g->n_cols);
    }
    g->imatrix[0] = read_floats("imatrix0", ".f32", g->n_cols);
    g->imatrix[1] = read_floats("imatrix1", ".f32", g->n_cols);
}

static void teardown(struct golden *g)
{
    for (size_t i = 0; i < 16; i++)
        free(g->input[i]);
    for (size_t i = 0; i < QT_ID_END; i++) {
        free(g->quant[i]);
        free(g->dequant[i]);
        qk_codebook_free(g->codebook[i]);
    }
    free(g->imatrix[0]);
    free(g->imatrix[1]);
    json_decref(g->manifest);
}

static const float *input_named(const struct golden *g, const char *name)
{
    for (size_t i = 0; i < 16 && g->input_name[i] != NULL; i++) {
        if (strcmp(g->input_name[i], name) == 0)
            return g->input[i];
    }
    ck_abort_msg("no input '%s'", name);
    return NULL;
}

/* Reads the files of a type when its first case comes up. */
static void load_type(struct golden *g, const char *type, uint32_t id)
{
    size_t nbytes;
    if (g->quant[id] != NULL)
        return;
    g->quant[id] = read_file(type, ".quant", &g->quant_nbytes[id]);
    g->dequant[id] = read_file(type, ".dequant", &nbytes);
    g->n_dequant[id] = nbytes / (4 * g->n_rows * g->n_cols);
    if (qk_codebook_wanted((enum qt_type)id))
        ck_assert_int_eq(qk_codebook_new(&g->codebook[id], (enum qt_type)id, NULL), GG_OK);
}

/* Says where two runs of bytes part. Returns whether they are equal. */
static bool same(const void *got, const void *want, size_t nbytes, const char *what)
{
    const uint8_t *a = got, *b = want;
    if (memcmp(a, b, nbytes) == 0)
        return true;
    size_t n_diff = 0, first = nbytes;
    for (size_t i = 0; i < nbytes; i++) {
        if (a[i] != b[i]) {
            first = n_diff == 0 ? i : first;
            n_diff++;
        }
    }
    fprintf(stderr, "%s: %zu of %zu bytes differ, the first at %zu: %02x, not %02x\n", what, n_diff,
            nbytes, first, a[first], b[first]);
    return false;
}

struct golden_case {
    const char *type, *input;
    uint32_t id;
    const float *weights;
    size_t row_nbytes;
    const uint8_t *want;       /* n_rows * row_nbytes */
    const float *want_dequant; /* n_rows * n_cols, or NULL */
    char title[96];
};

static struct golden_case case_from(struct golden *g, json_t *c)
{
    struct golden_case r = {0};
    json_t *imatrix = json_object_get(c, "imatrix");
    json_int_t dequant = json_integer_value(json_object_get(c, "dequant"));
    size_t at = (size_t)json_integer_value(json_object_get(c, "case"));
    r.type = json_string_value(json_object_get(c, "type"));
    r.input = json_string_value(json_object_get(c, "input"));
    r.id = (uint32_t)json_integer_value(json_object_get(c, "id"));
    r.row_nbytes = (size_t)json_integer_value(json_object_get(c, "row_bytes"));
    ck_assert_uint_lt(r.id, QT_ID_END);
    load_type(g, r.type, r.id);
    ck_assert_uint_le((at + 1) * g->n_rows * r.row_nbytes, g->quant_nbytes[r.id]);
    r.want = g->quant[r.id] + at * g->n_rows * r.row_nbytes;
    if (dequant >= 0) {
        ck_assert_uint_lt((size_t)dequant, g->n_dequant[r.id]);
        r.want_dequant = g->dequant[r.id] + (size_t)dequant * g->n_rows * g->n_cols;
    }
    if (!json_is_null(imatrix))
        r.weights = g->imatrix[json_integer_value(imatrix) != 0];
    snprintf(r.title, sizeof r.title, "%s %s %s, level %s", r.type, r.input,
             r.weights == NULL ? "plain" : r.weights == g->imatrix[0] ? "imatrix0" : "imatrix1",
             gg_cpu_name(g->table.level));
    return r;
}

static void check_case(struct golden *g, const struct golden_case *c)
{
    const struct qk_kernel *k = &g->table.k[c->id];
    const struct qt_info *t = qt_info(c->id);
    uint64_t row_nbytes;
    ck_assert_ptr_nonnull(t);
    ck_assert_str_eq(t->name, c->type);
    ck_assert(qt_row_nbytes(c->id, g->n_cols, &row_nbytes) && row_nbytes == c->row_nbytes);
    size_t nbytes = g->n_rows * c->row_nbytes, n = g->n_rows * g->n_cols;
    uint8_t *out = malloc(nbytes);
    void *scratch = k->scratch != NULL ? aligned_alloc(64, (k->scratch(g->n_cols) + 63) / 64 * 64)
                                       : NULL;
    struct qk_args args = {
        .weights = c->weights, .codebook = g->codebook[c->id], .scratch = scratch};
    if (k->quant != NULL) {
        memset(out, 0xa5, nbytes);
        k->quant(out, input_named(g, c->input), g->n_rows, g->n_cols, c->row_nbytes, g->n_cols,
                 &args);
        g->n_failed += !same(out, c->want, nbytes, c->title);
        g->n_encoded++;
    } else {
        g->skipped[c->id]++;
    }
    if (c->want_dequant != NULL) {
        float *y = malloc(n * sizeof *y);
        ck_assert_ptr_nonnull(k->dequant);
        k->dequant(y, c->want, n / t->block_nelems);
        g->n_failed += !same(y, c->want_dequant, n * sizeof *y, c->title);
        g->n_decoded++;
        ck_assert_uint_eq(k->valid(c->want, n / t->block_nelems), n / t->block_nelems);
        free(y);
    }
    free(scratch);
    free(out);
}

static void report(const struct golden *g)
{
    printf("golden, level %s: %u encoded, %u decoded, %u failed", gg_cpu_name(g->table.level),
           g->n_encoded, g->n_decoded, g->n_failed);
    for (uint32_t id = 0; id < QT_ID_END; id++) {
        if (g->skipped[id] > 0)
            printf("; no encoder for %s (%u cases)", qt_info(id)->name, g->skipped[id]);
    }
    printf("\n");
}

/* What the type table calls encodable has to be: a type can't drop out of the test unseen. */
static void check_skipped(const struct golden *g)
{
    for (size_t i = 0; i < qt_count(); i++) {
        const struct qt_info *t = qt_at(i);
        bool encodes = g->table.k[t->type].quant != NULL;
        ck_assert_msg(encodes == ((t->flags & QT_ENCODES) != 0),
                      "%s: the type table and the kernel table disagree", t->name);
    }
}

START_TEST(test_golden)
{
    enum gg_cpu_level level = (enum gg_cpu_level)_i;
    struct golden g;
    size_t i;
    json_t *v;
    if (!gg_cpu_has(level))
        return;
    setup(&g, level);
    if (g.table.level != level) { /* no kernels of its own: covered by the level below */
        teardown(&g);
        return;
    }
    json_t *cases = json_object_get(g.manifest, "cases");
    ck_assert_uint_gt(json_array_size(cases), 0);
    json_array_foreach(cases, i, v)
    {
        struct golden_case c = case_from(&g, v);
        check_case(&g, &c);
    }
    report(&g);
    ck_assert_uint_eq(g.n_failed, 0);
    ck_assert_uint_gt(g.n_encoded, 0);
    ck_assert_uint_gt(g.n_decoded, 0);
    check_skipped(&g);
    teardown(&g);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("golden");
    TCase *t = tcase_create("golden");
    tcase_set_timeout(t, 120); /* sanitizers are slow */
    tcase_add_loop_test(t, test_golden, 0, GG_CPU_LEVEL_COUNT);
    suite_add_tcase(s, t);
    return s;
}
