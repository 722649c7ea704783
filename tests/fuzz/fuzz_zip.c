/* Fuzz target: the bytes as a zip file: its members, stored and packed, and what it is as a checkpoint,
 * PyTorch's or NumPy's. What is taken is read, tensors to their last byte. */
#include "lib/base/num.h"
#include "lib/import/impl.h"
#include "lib/import/zip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST_NBYTES = 1 << 20 }; /* read of one tensor or member */

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void must_say(int rc, const struct gg_err *err)
{
    must(rc == GG_OK || (err->code == (enum gg_code)rc && err->msg[0] != '\0' &&
                         strchr(err->msg, '\n') == NULL));
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

static void read_members(struct gg_store *s)
{
    uint8_t *buf = malloc(MOST_NBYTES);
    must(buf != NULL);
    for (size_t i = 0; i < s->n && i < 64; i++) {
        struct gg_input *in = NULL;
        struct gg_err err = {0};
        size_t got;
        int rc = gg_store_open_member(s, i, &in, &err);
        must_say(rc, &err);
        if (rc != GG_OK)
            continue;
        must(gg_input_nbytes(in) == s->members[i].nbytes);
        must_say(gg_input_read(in, 0, buf, MOST_NBYTES, &got, &err), &err);
        gg_input_free(in);
    }
    free(buf);
}

static void read_tensors(struct gg_checkpoint *c)
{
    for (size_t i = 0; i < gg_checkpoint_n_tensors(c) && i < 64; i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(c, i);
        struct gg_err err = {0};
        must(t->n_dims <= GG_CKPT_MAX_DIMS);
        if (t->nbytes > MOST_NBYTES) /* views may be larger than what they look at */
            continue;
        uint8_t *buf = malloc((size_t)t->nbytes + 1);
        must(buf != NULL);
        must_say(gg_checkpoint_read(c, i, 0, t->nelems, buf, &err), &err);
        free(buf);
    }
}

static void load(struct gg_checkpoint *c, struct gg_store *zip)
{
    struct gg_err err = {0};
    size_t dropped;
    int rc = GG_OK;
    if (gg_zip_torch_pickle(zip) != SIZE_MAX)
        rc = gg_ckpt_load_torch(c, 0, zip, &dropped, &err);
    else if (gg_zip_is_npz(zip))
        rc = gg_ckpt_load_npz(c, 0, zip, &err);
    must_say(rc, &err);
    if (rc == GG_OK)
        read_tensors(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct gg_input_ops OPS = {read_bytes, NULL};
    struct bytes bytes = {data};
    struct gg_err err = {0};
    struct gg_store *zip = NULL;
    struct gg_ckpt_file file = {.name = "fuzz", .shown = "fuzz", .nbytes = n};
    struct gg_checkpoint *c = calloc(1, sizeof *c);
    must(c != NULL && (c->files = malloc(sizeof file)) != NULL);
    must(gg_input_open_ops(&file.in, &OPS, &bytes, NULL, n, "fuzz", NULL) == GG_OK);
    c->files[0] = file;
    c->n_files = 1;
    int rc = gg_store_open_zip(&zip, file.in, "fuzz:", &err);
    must_say(rc, &err);
    if (rc == GG_OK) {
        must(gg_ckpt_keep_store(c, zip, &err) == GG_OK);
        read_members(zip);
        load(c, zip);
    }
    gg_checkpoint_free(c);
    return 0;
}
