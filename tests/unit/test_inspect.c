/* The file type inspect finds, for what llama-quantize made of the bundled model. */
#include "lib/job/ftype.h"
#include "cmds/inspect.h"
#include "lib/base/num.h"
#include "lib/plan/preset.h"
#include "tests/check_main.h"

#include <stdlib.h>

enum { MAX_TENSORS = 64 };

/* What cannot be told apart by types: a dense model has no experts for MXFP4, and IQ3_M differs from
 * IQ3_S only in which tensors get the richer type. */
static const struct {
    const char *preset, *found;
} alike[] = {{"MXFP4_MOE", "Q8_0"}, {"IQ3_M", "IQ3_S"}};

static const char *expected(const char *preset)
{
    for (size_t i = 0; i < GG_COUNTOF(alike); i++) {
        if (strcmp(alike[i].preset, preset) == 0)
            return alike[i].found;
    }
    return preset;
}

/* Reads the tensors of a run: up to the next line that begins with "run". */
static size_t read_tensors(FILE *f, char names[][64], struct gg_tensor *t)
{
    char line[256];
    size_t n = 0;
    long at = ftell(f);
    while (fgets(line, sizeof line, f) != NULL && strncmp(line, "run ", 4) != 0) {
        unsigned type;
        ck_assert(n < MAX_TENSORS);
        ck_assert_int_eq(sscanf(line, "%63s %u", names[n], &type), 2);
        bool norm = strstr(names[n], "norm") != NULL;
        t[n] = (struct gg_tensor){.name = ggf_str(names[n]), .type = type, .n_dims = norm ? 1 : 2,
                                  .ne = {256, norm ? 1 : 256, 1, 1}, .nelems = norm ? 256 : 65536,
                                  .known = true};
        n++;
        at = ftell(f);
    }
    fseek(f, at, SEEK_SET);
    return n;
}

START_TEST(test_found_ftype)
{
    FILE *f = fopen("fixtures/models/presets-digests.txt", "r");
    char line[256], preset[32], kind[32];
    size_t n_runs = 0, n_wrong = 0;
    struct ggf_meta *meta;
    struct gg_err err;
    ck_assert_int_eq(ggf_meta_new(&meta, &err), GG_OK);
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f) != NULL) {
        char names[MAX_TENSORS][64], tmp[32];
        struct gg_tensor t[MAX_TENSORS];
        struct gg_desc d;
        if (sscanf(line, "run %31s %31s", preset, kind) != 2)
            continue;
        struct gg_model m = {.meta = meta, .tensors = t, .n_tensors = read_tensors(f, names, t)};
        gg_describe(&d, &m);
        const char *found = gg_ftype_name(gg_ftype_found(&d), tmp);
        if (strcmp(found, expected(preset)) != 0) {
            n_wrong++;
            fprintf(stderr, "%s/%s: found %s\n", preset, kind, found);
        }
        n_runs++;
    }
    fclose(f);
    ggf_meta_free(meta);
    ck_assert_uint_ge(n_runs, 28);
    ck_assert_uint_eq(n_wrong, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("inspect");
    TCase *t = tcase_create("inspect");
    tcase_add_test(t, test_found_ftype);
    suite_add_tcase(s, t);
    return s;
}
