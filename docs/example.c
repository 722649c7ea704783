/* The library in twenty lines: lists the tensors of a GGUF model, all shards of it.
 * Installed: cc example.c -lggtool, with #include <ggtool/gguf.h>. */
#include "gguf/gguf.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct ggf_set *set = NULL;
    struct gg_err err;
    if (argc != 2 || ggf_set_open(&set, argv[1], GGF_STRICT, &err) != GG_OK) {
        fprintf(stderr, "%s\n", argc == 2 ? err.msg : "usage: example MODEL.gguf");
        return 1;
    }
    for (size_t f = 0; f < ggf_set_n_files(set); f++) {
        const struct ggf_file *file = ggf_set_file(set, f);
        for (size_t i = 0; i < ggf_file_n_tensors(file); i++) {
            const struct ggf_tensor *t = ggf_file_tensor(file, i);
            printf("%12llu  %.*s\n", (unsigned long long)t->nbytes, (int)t->name.nbytes, t->name.p);
        }
    }
    ggf_set_free(set);
    return 0;
}
