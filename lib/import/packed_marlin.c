/* Marlin's 2:4 matrices: two of any four columns are kept, as integers of four or eight bits, laid out for
 * tensor cores.
 *
 *     value = (code - half) * scale
 *
 * Of R rows and C columns: a tile of 64 rows and 32 columns has 1024 codes that are kept, in words of I32 that
 * follow one another: [C / 32][R / 64][1024 codes]. Which columns are kept stands in words of 16 bits, four
 * bits for any four columns (the two places, the lower first): [C / 32][R][2], rows and halves of 64 rows in
 * another order. Scales are [groups][R], each eight of them in another order when there are groups.
 *
 * Source: compressors/sparse_quantized_compressors/marlin_24.py, utils/permutations_24.py and
 * semi_structured_conversions.py of compressed-tensors, which gave them up in March 2026.
 */
#include "lib/base/num.h"
#include "lib/import/packed_impl.h"

enum { ROWS = 64, COLS = 32, KEPT = COLS / 2 * ROWS };

struct tile {
    uint32_t words[KEPT / 4];
    uint8_t meta[ROWS * 2 * 2];
    float scale[ROWS];
};

/* Where the code of row n and kept column s of a tile stands among the 1024. */
static unsigned code_at(unsigned n, unsigned s, unsigned bits)
{
    unsigned v = n / 16 * 256 + s * 16 + n % 16; /* in tiles of 16 x 16 */
    unsigned row = v >> 4 & 15, col = (v >> 8) * 2 + (v >> 3 & 1);
    unsigned at = ((4 * col + row % 8 / 2) * 4 + (v & 3)) * 8 + (v >> 2 & 1) * 4 + row / 8 * 2 + row % 2;
    unsigned per = bits == 4 ? 8 : 4, i = at % per;
    return at - i + (i % 2 * per / 2 + i / 2); /* even ones first */
}

/* Where the word stands that says what is kept of row n, for columns 16h .. 16h+15 of a tile. */
static unsigned meta_at(unsigned n, unsigned h)
{
    unsigned row = n % 2 * 2 + n % 8 / 4 + n % 4 / 2 * 32 + n / 8 * 4, col = h;
    if (row % 2 == 0 && col == 1) {
        row++;
        col = 0;
    } else if (row % 2 == 1 && col == 0) {
        row--;
        col = 1;
    }
    return row * 2 + col;
}

static int read_tile(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t col,
                     struct tile *t, struct gg_err *err)
{
    size_t words = KEPT * k->bits / 32;
    uint64_t at = (col / COLS * (k->rows / ROWS) + row / ROWS) * words;
    int rc = gg_ckpt_read_stored(c, k->part[GG_PART_WEIGHT], at, words, t->words, err);
    if (rc == GG_OK)
        rc = gg_ckpt_read_stored(c, k->part[GG_PART_INDEX], (col / COLS * k->rows + row) * 2, 2 * ROWS, t->meta,
                                 err);
    return rc == GG_OK ? gg_ckpt_read_f32(c, k->part[GG_PART_SCALE], col / k->group * k->rows + row, ROWS,
                                          t->scale, err)
                       : rc;
}

/* Columns from .. to-1 of a tile's row. */
static void put_row(const struct gg_packed *k, const struct tile *t, unsigned n, unsigned from, unsigned to,
                    float *dst)
{
    unsigned per_word = 32 / k->bits, i = n % 8;
    float scale = t->scale[k->n_groups > 1 ? n - i + (i < 4 ? 2 * i : 2 * i - 7) : n];
    for (unsigned col = from; col < to; col++) {
        unsigned kept = (unsigned)gg_load_u16(t->meta + 2 * meta_at(n, col / 16)) >> col % 16 / 4 * 4;
        unsigned which = (kept & 3) == col % 4 ? 0 : (kept >> 2 & 3) == col % 4 ? 1 : 2;
        float v = 0;
        if (which < 2) {
            unsigned at = code_at(n, col / 4 * 2 + which, k->bits);
            uint32_t code = gg_load_u32(&t->words[at / per_word]) >> at % per_word * k->bits;
            v = (float)((int)(code & ((1u << k->bits) - 1)) - (1 << (k->bits - 1))) * scale;
        }
        *dst++ = v;
    }
}

/* Columns from .. from+n-1 of rows that are of one tile. */
static int read_rows(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t rows,
                     uint64_t from, uint64_t n, float *dst, struct gg_err *err)
{
    struct tile t;
    int rc = GG_OK;
    for (uint64_t col = from; rc == GG_OK && col < from + n;) {
        uint64_t base = col - col % COLS, end = gg_min_u64(from + n, base + COLS);
        rc = read_tile(c, k, row - row % ROWS, base, &t, err);
        for (uint64_t r = 0; rc == GG_OK && r < rows; r++)
            put_row(k, &t, (unsigned)((row + r) % ROWS), (unsigned)(col - base), (unsigned)(end - base),
                    dst + r * n + (col - from));
        col = end;
    }
    return rc;
}

static int read_marlin(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                       void *dst, struct gg_err *err)
{
    return gg_packed_by_rows(c, k, ROWS, read_rows, first, n, dst, err);
}

int gg_packing_marlin(struct gg_packing *u, size_t n_cut, const char *tail, const struct gg_packed_marlin *s,
                      struct gg_err *err)
{
    const struct gg_ckpt_tensor *w = gg_packing_tensor(u, s->codes), *m = gg_packing_tensor(u, s->meta),
                                *scale = gg_packing_tensor(u, s->scale);
    uint64_t per_word = 32 / s->bits;
    if (w->dtype != GG_DT_I32 || w->n_dims != 2 || w->nelems == 0 || w->shape[1] > UINT32_MAX ||
        w->shape[0] > UINT32_MAX || w->shape[1] * per_word % KEPT != 0)
        return gg_packing_fail(u, s->codes, err, "is no matrix of I32 in tiles of 64 rows and 32 columns");
    struct gg_packed k = {.read = read_marlin, .part = {s->codes, s->scale, SIZE_MAX, s->meta},
                          .rows = w->shape[1] * per_word / 16, .cols = w->shape[0] * COLS, .bits = s->bits};
    struct gg_ckpt_tensor t = {.dtype = GG_DT_F32, .n_dims = 2, .shape = {k.rows, k.cols},
                               .origin = s->bits == 4 ? "marlin4" : "marlin8", .by_columns = true};
    /* as it was packed: groups of half of the columns or more count as one */
    bool whole = s->group == 0 || s->group >= k.cols / 2;
    k.group = whole && s->group == 0 ? k.cols : s->group;
    uint64_t groups = k.cols / k.group;
    k.n_groups = whole ? 1 : groups; /* put_row: more than one is in another order */
    if (k.cols % k.group != 0 || k.group % COLS != 0)
        return gg_packing_fail(u, s->codes, err, "has %llu columns, which groups of %llu do not divide",
                               (unsigned long long)k.cols, (unsigned long long)k.group);
    if (!gg_packed_is_float(scale->dtype) || scale->nelems != groups * k.rows)
        return gg_packing_fail(u, s->scale, err, "should hold %llu floats for each of %llu groups",
                               (unsigned long long)k.rows, (unsigned long long)groups);
    if (m->dtype != GG_DT_I16 || m->nelems != k.rows * k.cols / 16)
        return gg_packing_fail(u, s->meta, err, "should hold an I16 for each sixteen of %llux%llu values",
                               (unsigned long long)k.rows, (unsigned long long)k.cols);
    return gg_packing_make(u, s->codes, n_cut, tail, &t, &k, err);
}
