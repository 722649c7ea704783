/* Fuzz: the lint of whatever header can be read. */
#include "lib/job/lint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct gg_findings f = GG_FINDINGS_INIT;
    struct ggf_file *file = NULL;
    struct ggf_set *set;
    struct gg_model *m = NULL;
    struct gg_err err;
    int rc = ggf_file_open_mem(&file, data, n, "fuzz", GGF_PARTIAL, &err);
    if (file == NULL)
        return 0;
    rc = ggf_set_from_file(&set, file, &err);
    if (rc == GG_OK)
        rc = gg_model_from_set(&m, set, "fuzz", &err);
    if (rc == GG_OK)
        gg_lint(m, &f);
    for (size_t i = 0; i < f.n; i++) {
        if (f.v[i].text == NULL || f.v[i].text[0] == '\0')
            abort();
    }
    gg_findings_free(&f);
    gg_model_free(m);
    return 0;
}
