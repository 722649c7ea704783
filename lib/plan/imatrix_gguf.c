/* The importance matrix as GGUF: for each weight W two F32 tensors,
 *
 *     W.in_sum2   [ne0, matrices]  sums of squared inputs; for dense 3-D weights one flat row
 *     W.counts    [1, matrices]    tokens that reached each matrix; 1 for dense weights
 *
 * and the keys imatrix.datasets, imatrix.chunk_count, imatrix.chunk_size. Other tensors are ignored.
 * A matrix never reached gets weights of 1.
 */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/plan/imatrix_impl.h"
#include "lib/quant/qtype.h"

#include <float.h>
#include <inttypes.h>
#include <string.h>

static const char SUMS[] = ".in_sum2", COUNTS[] = ".counts";

enum { MAX_DATASETS = 1000 };

static int read_input(void *ctx, uint64_t off, void *buf, size_t n, size_t *got, struct gg_err *err)
{
    return gg_input_read(ctx, off, buf, n, got, err);
}

static int check_keys(struct gg_imatrix_all *im, const struct ggf_meta *meta, struct gg_err *err)
{
    static const char *const keys[] = {"imatrix.datasets", "imatrix.chunk_count",
                                       "imatrix.chunk_size"};
    struct ggf_value one;
    struct ggf_str s;
    uint64_t n;
    for (size_t i = 0; i < GG_COUNTOF(keys); i++) {
        if (ggf_meta_find(meta, keys[i]) == NULL)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                           "this GGUF file is no importance matrix: it has no key %s", keys[i]);
    }
    const struct ggf_kv *sets = ggf_meta_find(meta, keys[0]);
    struct ggf_iter it = ggf_iter_begin(&sets->value);
    while (im->pub.n_datasets < MAX_DATASETS && ggf_iter_next(&it, &one) && ggf_as_str(&one, &s)) {
        int rc = gg_imatrix_add_dataset(im, s.p, (size_t)s.nbytes, err);
        if (rc != GG_OK)
            return rc;
    }
    if (ggf_meta_get_u64(meta, keys[1], &n) && n <= UINT32_MAX)
        im->pub.n_chunks = (uint32_t)n;
    if (ggf_meta_get_u64(meta, keys[2], &n) && n <= UINT32_MAX)
        im->pub.chunk_size = (uint32_t)n;
    return GG_OK;
}

static bool has_suffix(struct ggf_str name, const char *suffix)
{
    size_t n = strlen(suffix);
    return name.nbytes > n && memcmp(name.p + name.nbytes - n, suffix, n) == 0;
}

static const struct ggf_tensor *partner(const struct ggf_file *f, const struct ggf_tensor *t,
                                        const char *suffix, const char *other, struct gg_err *err)
{
    char name[256];
    size_t stem = (size_t)t->name.nbytes - strlen(suffix), n = stem + strlen(other);
    const struct ggf_tensor *found = NULL;
    if (n < sizeof name) {
        memcpy(name, t->name.p, stem);
        memcpy(name + stem, other, strlen(other));
        found = ggf_file_find_tensor(f, (struct ggf_str){name, n});
    }
    if (found == NULL) {
        char shown[160];
        gg_fail(err, GG_ERR_CORRUPT, t->file_off, "'%s' has no %s beside it",
                gg_text_escape_into(shown, sizeof shown, t->name.p, (size_t)t->name.nbytes), other);
    }
    return found;
}

static int check_pair(const struct ggf_tensor *sums, const struct ggf_tensor *counts, struct gg_err *err)
{
    char shown[160];
    gg_text_escape_into(shown, sizeof shown, sums->name.p, (size_t)sums->name.nbytes);
    if (sums->type != QT_F32 || counts->type != QT_F32)
        return gg_fail(err, GG_ERR_CORRUPT, sums->file_off, "'%s' and its counts must be f32", shown);
    if (sums->nelems == 0 || counts->nelems == 0)
        return gg_fail(err, GG_ERR_CORRUPT, sums->file_off, "'%s' has no values or no counts", shown);
    if (counts->nelems != 1 && counts->nelems != sums->nelems / sums->ne[0])
        return gg_fail(err, GG_ERR_CORRUPT, sums->file_off,
                       "'%s' has sums for %" PRIu64 " matrices and counts for %" PRIu64, shown,
                       sums->nelems / sums->ne[0], counts->nelems);
    return GG_OK;
}

/* Counts are whole numbers stored as floats; llama-quantize rounds them. */
static float whole(float c)
{
    if (!(c >= 0.5f))
        return 0;
    return c < 16777216.0f ? (float)(uint32_t)((double)c + 0.5) : c;
}

static int round_counts(struct gg_imatrix_entry *e, float *counts, uint64_t off, struct gg_err *err)
{
    for (uint64_t m = 0; m < e->nmat; m++) {
        if (!(counts[m] >= -FLT_MAX && counts[m] <= FLT_MAX))
            return gg_fail(err, GG_ERR_CORRUPT, off, "count %" PRIu64 " of '%s' is not finite", m,
                           e->name);
        counts[m] = whole(counts[m]);
        e->n_zero_count += counts[m] == 0;
    }
    return GG_OK;
}

static int read_pair(struct gg_imatrix_all *im, const struct ggf_file *f, const struct ggf_tensor *sums,
                     struct gg_err *err)
{
    float *n;
    const struct ggf_tensor *counts = partner(f, sums, SUMS, COUNTS, err);
    if (counts == NULL)
        return GG_ERR_CORRUPT;
    int rc = check_pair(sums, counts, err);
    if (rc == GG_OK)
        rc = gg_imatrix_add(im, sums->name.p, (size_t)sums->name.nbytes - strlen(SUMS), sums->nelems,
                            counts->nelems, sums->file_off, &n, err);
    if (rc == GG_OK)
        rc = gg_imatrix_floats(im, counts->file_off, (size_t)counts->nelems, n, err);
    if (rc == GG_OK)
        rc = round_counts(&im->entries[im->pub.n_entries - 1], n, counts->file_off, err);
    return rc;
}

static int read_pairs(struct gg_imatrix_all *im, const struct ggf_file *f, struct gg_err *err)
{
    int rc = check_keys(im, ggf_file_meta(f), err);
    for (size_t i = 0; i < ggf_file_n_tensors(f) && rc == GG_OK; i++) {
        const struct ggf_tensor *t = ggf_file_tensor(f, i);
        if (has_suffix(t->name, SUMS))
            rc = read_pair(im, f, t, err);
        else if (has_suffix(t->name, COUNTS) && partner(f, t, COUNTS, SUMS, err) == NULL)
            rc = GG_ERR_CORRUPT;
    }
    if (rc == GG_OK && im->pub.n_entries == 0)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "it has no entries");
    return rc;
}

int gg_imatrix_read_gguf(struct gg_imatrix_all *im, struct gg_err *err)
{
    struct ggf_reader r = {im->in, read_input, im->nbytes, gg_input_name(im->in)};
    struct ggf_file *f;
    int rc = ggf_file_read(&f, &r, GGF_STRICT, err);
    if (rc != GG_OK)
        return rc;
    im->big_endian = ggf_file_big_endian(f);
    rc = read_pairs(im, f, err);
    ggf_file_free(f);
    return rc;
}
