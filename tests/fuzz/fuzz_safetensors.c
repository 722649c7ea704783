/* Fuzz target: the bytes as a safetensors file. What is taken is read to its last byte. */
#include "lib/base/num.h"
#include "lib/import/impl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
    if (!ok)
        abort();
}

struct bytes {
    const uint8_t *p;
};

static int read_bytes(void *ctx, uint64_t off, void *buf, size_t n, size_t *got, struct gg_err *err)
{
    (void)err;
    memcpy(buf, ((struct bytes *)ctx)->p + off, n); /* the input has cut it to what is there */
    *got = n;
    return GG_OK;
}

static void read_all(struct gg_checkpoint *c, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < gg_checkpoint_n_tensors(c); i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(c, i);
        must(t->nbytes <= n && t->n_dims <= GG_CKPT_MAX_DIMS);
        uint8_t *buf = malloc((size_t)t->nbytes + 1);
        must(buf != NULL && gg_checkpoint_read(c, i, 0, t->nelems, buf, NULL) == GG_OK);
        sum += t->nbytes;
        free(buf);
    }
    must(sum <= n); /* no byte belongs to two */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct gg_input_ops OPS = {read_bytes, NULL};
    struct bytes bytes = {data};
    struct gg_err err = {0};
    struct gg_ckpt_file file = {.name = "fuzz", .shown = "fuzz", .nbytes = n};
    struct gg_checkpoint *c = calloc(1, sizeof *c);
    must(c != NULL && (c->files = malloc(sizeof file)) != NULL);
    must(gg_input_open_ops(&file.in, &OPS, &bytes, NULL, n, "fuzz", NULL) == GG_OK);
    c->files[0] = file;
    c->n_files = 1;
    int rc = gg_ckpt_load_safetensors(c, 0, &err);
    if (rc == GG_OK)
        read_all(c, n);
    else
        must(err.code == (enum gg_code)rc && err.msg[0] != '\0' && strchr(err.msg, '\n') == NULL);
    gg_checkpoint_free(c);
    return 0;
}
