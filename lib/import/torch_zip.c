/* PyTorch's zip checkpoints: NAME/data.pkl says what the tensors are, NAME/data/KEY hold the
 * storages, NAME/byteorder (newer ones) their byte order.
 */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/dtype.h"
#include "lib/import/impl.h"
#include "lib/import/pickle.h"
#include "lib/import/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct torch {
    struct gg_checkpoint *c;
    uint32_t file;
    struct gg_store *zip;
    char *text; /* the pickle */
    struct gg_pickle *pickle;
    size_t pkl;      /* member data.pkl */
    size_t n_prefix; /* of "NAME/" */
    bool big_endian;
    struct gg_map inputs; /* storage member -> index of its input in the checkpoint */
};

size_t gg_zip_torch_pickle(const struct gg_store *zip)
{
    for (size_t i = 0; i < zip->n; i++) {
        const char *name = zip->members[i].name, *slash = strchr(name, '/');
        if (strcmp(slash != NULL ? slash + 1 : name, "data.pkl") == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Member PREFIX + name of n bytes. */
static size_t find(struct torch *t, const char *folder, const char *name, size_t n)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_add(&b, t->zip->members[t->pkl].name, t->n_prefix);
    gg_buf_adds(&b, folder);
    gg_buf_add(&b, name, n);
    size_t i = b.failed || memchr(name, '\0', n) != NULL ? SIZE_MAX
                                                         : gg_store_find(t->zip, gg_buf_str(&b));
    gg_buf_free(&b);
    return i;
}

/* A whole member of at most max bytes, malloc'd. */
static int read_member(struct torch *t, size_t i, size_t max, char **p, size_t *n,
                       struct gg_err *err)
{
    struct gg_input *in;
    if (t->zip->members[i].nbytes > max)
        return gg_fail(
            err, GG_ERR_LIMIT, GG_NOWHERE, "%s has %" PRIu64 " bytes, over the limit of %zu",
            gg_store_shown(t->zip, t->zip->members[i].name), t->zip->members[i].nbytes, max);
    int rc = gg_store_open_member(t->zip, i, &in, err);
    if (rc != GG_OK)
        return rc;
    *n = (size_t)t->zip->members[i].nbytes;
    *p = malloc(*n + 1);
    rc = *p == NULL ? gg_fail_nomem(err, "a member") : gg_input_read_all(in, 0, *p, *n, err);
    gg_input_free(in);
    return rc;
}

static int read_byte_order(struct torch *t, struct gg_err *err)
{
    char *p = NULL;
    size_t n = 0, i = find(t, "", "byteorder", 9);
    int rc = i == SIZE_MAX ? GG_OK : read_member(t, i, 64, &p, &n, err);
    if (rc == GG_OK && i != SIZE_MAX) {
        t->big_endian = n >= 3 && memcmp(p, "big", 3) == 0;
        if (!t->big_endian && (n < 6 || memcmp(p, "little", 6) != 0))
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                         "byteorder says neither 'little' nor 'big'");
    }
    free(p);
    return rc;
}

/* The input of a storage, opened once for all tensors that share it. */
static int open_storage(struct torch *t, size_t member, struct gg_input **out, struct gg_err *err)
{
    struct gg_checkpoint *c = t->c;
    uint64_t at = c->n_inputs;
    const char *name = t->zip->members[member].name;
    int added = gg_map_add(&t->inputs, name, strlen(name), c->n_inputs, &at);
    if (added < 0)
        return gg_fail_nomem(err, "a list of storages");
    if (added > 0) {
        struct gg_input *in;
        int rc = gg_store_open_member(t->zip, member, &in, err);
        if (rc == GG_OK)
            rc = gg_ckpt_keep_input(c, in, err);
        if (rc != GG_OK)
            return rc;
    }
    *out = c->inputs[at];
    return GG_OK;
}

static int bad(const struct gg_pickle_tensor *pt, enum gg_code code, struct gg_err *err,
               const char *why)
{
    char shown[160];
    return gg_fail(err, code, GG_NOWHERE, "tensor '%s': %s",
                   gg_text_escape_into(shown, sizeof shown, pt->name, pt->name_nbytes), why);
}

/* Highest element a view reaches, plus one: 0 for an empty one. False on overflow. */
static bool view_end(const struct gg_pickle_tensor *pt, uint64_t *end)
{
    uint64_t last = pt->offset, step;
    for (unsigned d = 0; d < pt->n_dims; d++) {
        if (pt->shape[d] == 0) {
            *end = 0;
            return true;
        }
        if (!gg_mul_u64(pt->shape[d] - 1, pt->strides[d], &step) || !gg_add_u64(last, step, &last))
            return false;
    }
    return gg_add_u64(last, 1, end);
}

static bool is_row_major(const struct gg_pickle_tensor *pt)
{
    uint64_t stride = 1; /* of dimensions that hold more than one */
    for (unsigned d = pt->n_dims; d-- > 0;) {
        if (pt->shape[d] > 1 && pt->strides[d] != stride)
            return false;
        stride *= pt->shape[d]; /* measured before: no overflow but for empty ones */
    }
    return true;
}

/* The view against its storage, the storage against its member. */
static int check_view(struct torch *t, const struct gg_pickle_tensor *pt, size_t member,
                      struct gg_err *err)
{
    char why[256], shown[96];
    uint64_t end, storage_nbytes, view_nbytes;
    gg_text_escape_into(shown, sizeof shown, pt->storage, pt->storage_nbytes);
    if (member == SIZE_MAX) {
        snprintf(why, sizeof why, "its storage 'data/%s' is not in the file", shown);
        return bad(pt, GG_ERR_CORRUPT, err, why);
    }
    if (!gg_dtype_nbytes(pt->storage_dtype, pt->storage_nelems, &storage_nbytes) ||
        storage_nbytes != t->zip->members[member].nbytes) {
        snprintf(why, sizeof why,
                 "its storage 'data/%s' should have %" PRIu64 " elements of %s, but has "
                 "%" PRIu64 " bytes",
                 shown, pt->storage_nelems, gg_dtype_name(pt->storage_dtype),
                 t->zip->members[member].nbytes);
        return bad(pt, GG_ERR_CORRUPT, err, why);
    }
    if (!view_end(pt, &end) || !gg_dtype_nbytes(pt->dtype, end, &view_nbytes) ||
        view_nbytes > storage_nbytes) {
        snprintf(why, sizeof why,
                 "its offset, size and strides reach beyond its storage 'data/%s' of "
                 "%" PRIu64 " bytes",
                 shown, storage_nbytes);
        return bad(pt, GG_ERR_CORRUPT, err, why);
    }
    return GG_OK;
}

static int add_tensor(struct torch *t, const struct gg_pickle_tensor *pt, struct gg_err *err)
{
    struct gg_ckpt_tensor ct = {
        .dtype = pt->dtype, .n_dims = pt->n_dims, .file = t->file, .name_nbytes = pt->name_nbytes};
    struct gg_ckpt_place p = {.swap = t->big_endian && gg_dtype_nbits(pt->dtype) > 8};
    memcpy(ct.shape, pt->shape, sizeof ct.shape);
    ct.name = gg_arena_strndup(&t->c->mem, pt->name, pt->name_nbytes);
    if (ct.name == NULL)
        return gg_fail_nomem(err, "a tensor");
    size_t member = find(t, "data/", pt->storage, pt->storage_nbytes);
    int rc = check_view(t, pt, member, err);
    if (rc == GG_OK)
        rc = gg_ckpt_measure(&ct, err);
    if (rc == GG_OK)
        rc = open_storage(t, member, &p.in, err);
    if (rc != GG_OK)
        return rc;
    if (ct.nelems > 0) /* inside the storage: checked */
        p.off = pt->offset * (gg_dtype_nbits(pt->dtype) / 8);
    p.pos = gg_store_zip_data_off(t->zip, member) + p.off;
    p.strided = !is_row_major(pt);
    memcpy(p.strides, pt->strides, sizeof p.strides);
    return gg_ckpt_add(t->c, &ct, &p, err);
}

static int load(struct torch *t, size_t *dropped, struct gg_err *err)
{
    size_t n = 0;
    const char *name = t->zip->members[t->pkl].name, *slash = strchr(name, '/');
    t->n_prefix = slash != NULL ? (size_t)(slash + 1 - name) : 0;
    if (find(t, "", "constants.pkl", 13) != SIZE_MAX)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "is a TorchScript program, not a checkpoint: "
                       "save its state_dict() instead");
    int rc = read_member(t, t->pkl, GG_PICKLE_MAX_NBYTES, &t->text, &n, err);
    if (rc == GG_OK)
        rc = read_byte_order(t, err);
    if (rc == GG_OK && (rc = gg_pickle_parse(&t->pickle, t->text, n, dropped, err)) != GG_OK)
        gg_err_prefix(err, "data.pkl");
    for (size_t i = 0; rc == GG_OK && i < gg_pickle_n_tensors(t->pickle); i++)
        rc = add_tensor(t, gg_pickle_tensor(t->pickle, i), err);
    return rc;
}

int gg_ckpt_load_torch(struct gg_checkpoint *c, uint32_t file, struct gg_store *zip,
                       size_t *dropped, struct gg_err *err)
{
    struct torch t = {.c = c, .file = file, .zip = zip, .pkl = gg_zip_torch_pickle(zip)};
    int rc = load(&t, dropped, err);
    c->sequential |= zip->sequential;
    gg_pickle_free(t.pickle);
    gg_map_free(&t.inputs);
    free(t.text);
    return rc;
}
