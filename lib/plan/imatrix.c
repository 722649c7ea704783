#include "lib/plan/imatrix_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

void gg_imatrix_free(struct gg_imatrix *pub)
{
    struct gg_imatrix_all *im = (struct gg_imatrix_all *)pub;
    if (im == NULL)
        return;
    gg_input_free(im->in);
    gg_map_free(&im->map);
    gg_arena_free(&im->arena);
    free(im->entries);
    free(im);
}

const struct gg_imatrix_entry *gg_imatrix_find(const struct gg_imatrix *pub, const char *name,
                                               size_t nbytes)
{
    const struct gg_imatrix_all *im = (const struct gg_imatrix_all *)pub;
    uint64_t i;
    return gg_map_get(&im->map, name, nbytes, &i) ? &im->entries[i] : NULL;
}

static bool grow(struct gg_imatrix_all *im)
{
    size_t cap = im->cap > 0 ? im->cap * 2 : 64;
    if (im->pub.n_entries < im->cap)
        return true;
    struct gg_imatrix_entry *v = realloc(im->entries, cap * sizeof *v);
    if (v == NULL)
        return false;
    im->entries = v;
    im->pub.entries = v;
    im->cap = cap;
    return true;
}

int gg_imatrix_add(struct gg_imatrix_all *im, const char *name, size_t nbytes, uint64_t nvals,
                   uint64_t nmat, uint64_t off, float **values, float **counts, struct gg_err *err)
{
    char shown[160];
    if (nbytes == 0 || memchr(name, '\0', nbytes) != NULL)
        return gg_fail(err, GG_ERR_CORRUPT, off, "an entry's name is empty or has a zero byte in it");
    char *copy = gg_arena_strndup(&im->arena, name, nbytes);
    *values = gg_arena_zalloc(&im->arena, (size_t)nvals, sizeof **values);
    *counts = gg_arena_zalloc(&im->arena, (size_t)nmat, sizeof **counts);
    if (copy == NULL || *values == NULL || *counts == NULL || !grow(im))
        return gg_fail_nomem(err, "an importance matrix");
    int added = gg_map_add(&im->map, copy, nbytes, im->pub.n_entries, NULL);
    if (added < 0)
        return gg_fail_nomem(err, "an importance matrix");
    if (added == 0)
        return gg_fail(err, GG_ERR_CORRUPT, off, "there are two entries '%s'",
                       gg_text_escape_into(shown, sizeof shown, name, nbytes));
    im->entries[im->pub.n_entries++] = (struct gg_imatrix_entry){
        .name = copy, .values = *values, .nvals = nvals, .nmat = nmat, .counts = *counts};
    return GG_OK;
}

static void find_nonfinite(struct gg_imatrix_all *im)
{
    for (size_t i = 0; i < im->pub.n_entries; i++) {
        struct gg_imatrix_entry *e = &im->entries[i];
        uint64_t k = 0;
        while (k < e->nvals && e->values[k] >= 0 && e->values[k] <= FLT_MAX)
            k++;
        e->nonfinite_at = k;
    }
}

/* What the file seems to be instead, when its first bytes tell. */
static int refuse_other(const struct gg_imatrix_all *im, const void *head, size_t n, struct gg_err *err)
{
    const char *what = ggf_sniff(head, n, im->nbytes);
    if (im->nbytes == 0)
        return gg_fail(err, GG_ERR_CORRUPT, 0, "the file is empty, not an importance matrix");
    if (what != NULL)
        return gg_fail(err, GG_ERR_CORRUPT, 0, "this is %s, not an importance matrix", what);
    return GG_OK;
}

static int read_any(struct gg_imatrix_all *im, struct gg_err *err)
{
    uint8_t head[64];
    size_t got;
    int rc;
    if (im->nbytes == GG_NOWHERE)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "an importance matrix is read from a file, not from a pipe");
    rc = gg_input_read(im->in, 0, head, sizeof head, &got, err);
    if (rc != GG_OK)
        return rc;
    if (got >= 4 && memcmp(head, "GGUF", 4) == 0)
        return gg_imatrix_read_gguf(im, err);
    rc = refuse_other(im, head, got, err);
    return rc == GG_OK ? gg_imatrix_read_legacy(im, err) : rc;
}

static int finish(struct gg_imatrix_all *im, const char *path, struct gg_err *err)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    im->pub.file = gg_arena_strndup(&im->arena, base, strlen(base));
    if (im->pub.file == NULL)
        return gg_fail_nomem(err, "an importance matrix");
    find_nonfinite(im);
    gg_input_free(im->in);
    im->in = NULL;
    return GG_OK;
}

int gg_imatrix_open(struct gg_imatrix **out, const char *path, struct gg_err *err)
{
    struct gg_imatrix_all *im = calloc(1, sizeof *im);
    int rc;
    if (im == NULL)
        return gg_fail_nomem(err, "an importance matrix");
    rc = gg_input_open(&im->in, path, err);
    if (rc == GG_OK) {
        im->nbytes = gg_input_nbytes(im->in);
        rc = read_any(im, err);
        if (rc != GG_OK && rc != GG_ERR_IO && strncmp(err != NULL ? err->msg : "", path, strlen(path)) != 0)
            gg_err_prefix(err, "%s", path);
    }
    if (rc == GG_OK)
        rc = finish(im, path, err);
    if (rc != GG_OK) {
        gg_imatrix_free(&im->pub);
        return rc;
    }
    *out = &im->pub;
    return GG_OK;
}
