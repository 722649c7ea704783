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

/* ---- values --------------------------------------------------------------------------------- */

int gg_imatrix_floats(const struct gg_imatrix_all *im, uint64_t off, size_t n, float *dst,
                      struct gg_err *err)
{
    int rc = gg_input_read_all(im->in, off, dst, n * sizeof *dst, err);
    for (size_t i = 0; i < n && rc == GG_OK; i++) {
        uint32_t u = gg_load_u32(&dst[i]);
        dst[i] = gg_f32_from_bits(im->big_endian ? gg_swap_u32(u) : u);
    }
    return rc;
}

int gg_imatrix_sums(const struct gg_imatrix_entry *e, uint64_t first, size_t n, float *dst,
                    struct gg_err *err)
{
    return gg_imatrix_floats((const struct gg_imatrix_all *)e->of, e->off + 4 * first, n, dst, err);
}

/* Stored are sums; a matrix that nothing reached has weights of 1 (legacy: keeps what is there). */
static int read_values(const struct gg_weights *w, uint64_t first, size_t n, float *dst,
                       struct gg_err *err)
{
    const struct gg_imatrix_entry *e = (const struct gg_imatrix_entry *)w;
    uint64_t each = e->nvals / e->nmat;
    int rc = gg_imatrix_sums(e, first, n, dst, err);
    if (rc != GG_OK)
        return rc;
    for (size_t i = 0; i < n;) {
        uint64_t mat = (first + i) / each;
        size_t end = (size_t)gg_min_u64(n, (mat + 1) * each - first);
        float count = e->counts[mat];
        for (; i < end; i++) {
            if (count > 0)
                dst[i] /= count;
            else if (!e->of->legacy)
                dst[i] = 1;
        }
    }
    return GG_OK;
}

static int find_nonfinite(struct gg_imatrix_entry *e, struct gg_err *err)
{
    float v[4096];
    uint64_t at = 0;
    for (uint64_t first = 0; first < e->nvals && at == first; first += GG_COUNTOF(v)) {
        size_t n = (size_t)gg_min_u64(e->nvals - first, GG_COUNTOF(v)), k = 0;
        int rc = read_values(&e->weights, first, n, v, err);
        if (rc != GG_OK)
            return rc;
        while (k < n && v[k] >= 0 && v[k] <= FLT_MAX)
            k++;
        at += k;
    }
    e->nonfinite_at = at;
    return GG_OK;
}

/* ---- data sets ------------------------------------------------------------------------------ */

int gg_imatrix_add_dataset(struct gg_imatrix_all *im, const char *name, size_t nbytes,
                           struct gg_err *err)
{
    size_t n = im->pub.n_datasets;
    const char **v = gg_arena_zalloc(&im->arena, n + 1, sizeof *v);
    char *copy = gg_arena_strndup(&im->arena, name, nbytes);
    if (v == NULL || copy == NULL)
        return gg_fail_nomem(err, "a data set's name");
    for (size_t i = 0; i < n; i++)
        v[i] = im->pub.datasets[i];
    v[n] = copy;
    im->pub.datasets = v;
    im->pub.n_datasets = n + 1;
    im->pub.dataset = v[0];
    return GG_OK;
}

/* ---- entries -------------------------------------------------------------------------------- */

int gg_imatrix_add(struct gg_imatrix_all *im, const char *name, size_t nbytes, uint64_t nvals,
                   uint64_t nmat, uint64_t off, float **counts, struct gg_err *err)
{
    char shown[160];
    if (nbytes == 0 || memchr(name, '\0', nbytes) != NULL)
        return gg_fail(err, GG_ERR_CORRUPT, off, "an entry's name is empty or has a zero byte in it");
    char *copy = gg_arena_strndup(&im->arena, name, nbytes);
    *counts = gg_arena_zalloc(&im->arena, (size_t)nmat, sizeof **counts);
    if (copy == NULL || *counts == NULL || !grow(im))
        return gg_fail_nomem(err, "an importance matrix");
    int added = gg_map_add(&im->map, copy, nbytes, im->pub.n_entries, NULL);
    if (added < 0)
        return gg_fail_nomem(err, "an importance matrix");
    if (added == 0)
        return gg_fail(err, GG_ERR_CORRUPT, off, "there are two entries '%s'",
                       gg_text_escape_into(shown, sizeof shown, name, nbytes));
    im->entries[im->pub.n_entries++] = (struct gg_imatrix_entry){
        .weights = {read_values}, .name = copy, .nvals = nvals, .nmat = nmat, .counts = *counts,
        .off = off, .of = &im->pub};
    return GG_OK;
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
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < im->pub.n_entries; i++)
        rc = find_nonfinite(&im->entries[i], err);
    return rc;
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
        gg_input_id(im->in, &im->pub.dev, &im->pub.ino);
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
