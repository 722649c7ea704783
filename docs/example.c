/* Opens a model, whole or in shards, and lists its tensors. `make example` builds and runs it. */
#include <ggtool/gguf.h>

#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct gg_err err;
    struct ggf_set *model;
    if (argc != 2 || ggf_set_open(&model, argv[1], GGF_STRICT, &err) != GG_OK) {
        fprintf(stderr, "%s\n", argc != 2 ? "usage: example MODEL.gguf" : err.msg);
        return 1;
    }
    for (size_t i = 0; i < ggf_set_n_files(model); i++) {
        const struct ggf_file *f = ggf_set_file(model, i);
        for (size_t k = 0; k < ggf_file_n_tensors(f); k++) {
            const struct ggf_tensor *t = ggf_file_tensor(f, k);
            printf("%.*s: type %" PRIu32 ", %" PRIu64 " elements, %" PRIu64 " bytes at %" PRIu64
                   "\n",
                   (int)t->name.nbytes, t->name.p, t->type, t->nelems, t->nbytes, t->file_off);
        }
    }
    ggf_set_free(model);
    return 0;
}
