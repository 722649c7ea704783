/* AWQ for fast kernels: four bits, a scale and a product of scale and zero point (negative) for each group.
 *
 *     value = code * scale + zero
 *
 * Of R rows and C columns, G groups: scales and zeros [W][R], W being G and some unused; codes are words of
 * 16 bits, [R / 4][C]. Of four rows and 64 columns, 64 words: sixteen a row, four codes each, lowest bits
 * first. Column 8d + 2g + c of each 32 is code 8g + 4c + d. Source: modules/linear/gemv_fast.py of AutoAWQ.
 */
#include "lib/base/num.h"
#include "lib/import/packed_impl.h"

enum { ROWS = 256, STEP = 64, WORDS = 16 };

static unsigned code_of(const uint8_t *words, uint64_t col)
{
    unsigned o = (unsigned)(col % 32), at = o % 8 / 2 * 8 + o % 2 * 4 + o / 8 + (unsigned)(col % STEP / 32 * 32);
    return (unsigned)gg_load_u16(words + at / 4 * 2) >> at % 4 * 4 & 15;
}

/* Columns from .. to-1, of one row, of one group. */
static int read_piece(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t from,
                      uint64_t to, float scale, float zero, float *dst, struct gg_err *err)
{
    uint8_t words[2 * WORDS];
    for (uint64_t col = from; col < to;) {
        uint64_t end = gg_min_u64(to, (col / STEP + 1) * STEP);
        uint64_t at = row / 4 * k->cols + col / STEP * STEP + row % 4 * WORDS;
        int rc = gg_ckpt_read_stored(c, k->part[GG_PART_WEIGHT], at, WORDS, words, err);
        if (rc != GG_OK)
            return rc;
        for (; col < end; col++)
            *dst++ = (float)code_of(words, col) * scale + zero;
    }
    return GG_OK;
}

/* Columns from .. from+n-1 of some rows. */
static int read_rows(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t rows,
                     uint64_t from, uint64_t n, float *dst, struct gg_err *err)
{
    float scale[ROWS], zero[ROWS];
    int rc = GG_OK;
    for (uint64_t col = from; rc == GG_OK && col < from + n;) {
        uint64_t g = col / k->group, end = gg_min_u64(from + n, (g + 1) * k->group);
        rc = gg_ckpt_read_f32(c, k->part[GG_PART_SCALE], g * k->rows + row, (size_t)rows, scale, err);
        if (rc == GG_OK)
            rc = gg_ckpt_read_f32(c, k->part[GG_PART_ZERO], g * k->rows + row, (size_t)rows, zero, err);
        for (size_t r = 0; rc == GG_OK && r < rows; r++)
            rc = read_piece(c, k, row + r, col, end, scale[r], zero[r], dst + r * n + (col - from), err);
        col = end;
    }
    return rc;
}

static int read_fast(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                     void *dst, struct gg_err *err)
{
    return gg_packed_by_rows(c, k, ROWS, read_rows, first, n, dst, err);
}

int gg_packing_fast(struct gg_packing *u, size_t n_cut, const char *tail, size_t codes, size_t scale,
                    size_t zero, uint64_t group, const char *origin, struct gg_err *err)
{
    const struct gg_ckpt_tensor *w = gg_packing_tensor(u, codes);
    const size_t beside[2] = {scale, zero};
    if (w->dtype != GG_DT_I16 || w->n_dims != 2 || w->nelems == 0 || w->shape[1] % STEP != 0)
        return gg_packing_fail(u, codes, err, "is no matrix of I16 with rows of a multiple of 64");
    struct gg_packed k = {.read = read_fast, .part = {codes, scale, zero, SIZE_MAX}, .rows = w->shape[0] * 4,
                          .cols = w->shape[1], .group = group > 0 ? group : w->shape[1]};
    struct gg_ckpt_tensor t = {.dtype = GG_DT_F32, .n_dims = 2, .shape = {k.rows, k.cols},
                               .origin = origin, .by_columns = true};
    if (k.cols % k.group != 0)
        return gg_packing_fail(u, codes, err, "has %llu columns, which groups of %llu do not divide",
                               (unsigned long long)k.cols, (unsigned long long)k.group);
    for (size_t i = 0; i < 2; i++) {
        const struct gg_ckpt_tensor *b = gg_packing_tensor(u, beside[i]);
        if (!gg_packed_is_float(b->dtype) || b->n_dims != 2 ||
            b->shape[0] < k.cols / k.group || b->shape[1] != k.rows)
            return gg_packing_fail(u, beside[i], err, "should hold %llu floats for each of %llu groups",
                                   (unsigned long long)k.rows, (unsigned long long)(k.cols / k.group));
    }
    return gg_packing_make(u, codes, n_cut, tail, &t, &k, err);
}
