/* Fuzz target: the bytes as the pickle of a checkpoint. */
#include "lib/import/pickle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct gg_pickle *m = NULL;
    struct gg_err err = {0};
    size_t dropped = 0;
    int rc = gg_pickle_parse(&m, data, n, &dropped, &err);
    must((rc == GG_OK) == (m != NULL));
    if (m == NULL) {
        must(err.code == (enum gg_code)rc && strncmp(err.msg, "pickle: ", 8) == 0);
        must(strchr(err.msg, '\n') == NULL);
        return 0;
    }
    for (size_t i = 0; i < gg_pickle_n_tensors(m); i++) {
        const struct gg_pickle_tensor *t = gg_pickle_tensor(m, i);
        must(t->n_dims <= GG_CKPT_MAX_DIMS && t->dtype < GG_DT_COUNT &&
             t->storage_dtype < GG_DT_COUNT);
        must(strlen(t->name) == t->name_nbytes);
        must((const uint8_t *)t->storage >= data &&
             (const uint8_t *)t->storage + t->storage_nbytes <= data + n);
    }
    gg_pickle_free(m);
    return 0;
}
