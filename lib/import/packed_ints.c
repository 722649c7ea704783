/* Integers of a few bits packed in words of 32, with a scale and a zero point for each group of columns.
 *
 *     value = (code - zero) * scale
 *
 * Layouts of a matrix of R rows and C columns, whose groups number G (a word's lowest bits first):
 *
 *   rows      codes [R][C / per word], zeros [R / per word][G], scales [R][G]; no code crosses a word
 *   stream    the same, but codes (zeros: along R) are a stream of bits: [R][C * bits / 32]
 *   gemv      codes [R][C / 8], zeros [R][W / 8], scales [R][W]; four bits, W is G and some unused
 *   columns   codes [C * bits / 32][R], zeros [G][R * bits / 32], scales [G][R]; along C (zeros: along R)
 *             codes are a stream of bits, so that those of three bits cross words
 *   awq       codes [C][R / 8], zeros [G][R / 8], scales [G][R]; four bits, row j of eight in nibble
 *             j / 2 + 4 * (j % 2)
 *
 * Where rows of the result are columns of what is stored, a tile of many rows is read at a time.
 */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/packed_impl.h"

#include <stdlib.h>

enum {
    TILE_ROWS = 256,
    TILE_COLS = 32, /* of codes in whole words, whatever their bits */
    TILE_SCALES = 32768,
};

struct tile {
    struct gg_checkpoint *c;
    const struct gg_packed *k;
    uint64_t row, col;   /* of its corner */
    size_t rows, cols;
    uint64_t group;      /* the first that columns are of */
    size_t n_groups;
    float *scale;        /* [group][row] */
    int16_t *zero;
    uint32_t *index;     /* group of each column, from `group`; NULL: by division */
    float *dst;          /* [row][column], rows `stride` apart */
    size_t stride;
    struct gg_err *err;
};

static int read_words(struct tile *t, enum gg_packed_part part, uint64_t first, size_t n, uint32_t *dst)
{
    int rc = gg_ckpt_read_stored(t->c, t->k->part[part], first, n, dst, t->err);
    for (size_t i = 0; rc == GG_OK && i < n; i++)
        dst[i] = gg_load_u32(&dst[i]);
    return rc;
}

/* The code that begins at a bit of a run of words, which are `step` apart. */
static uint32_t code_at(const uint32_t *words, size_t step, uint64_t at, unsigned bits)
{
    unsigned shift = (unsigned)(at % 32);
    uint32_t v = words[at / 32 * step] >> shift;
    if (shift + bits > 32)
        v |= words[(at / 32 + 1) * step] << (32 - shift);
    return v & (((uint32_t)1 << bits) - 1);
}

static unsigned awq_shift(uint64_t row)
{
    return (unsigned)(4 * (row % 8 / 2 + row % 2 * 4));
}

/* ---- scales and zero points ------------------------------------------------------------------ */

/* Group g of the tile: scales of its rows stand one after the other. */
static int read_group(struct tile *t, size_t g)
{
    const struct gg_packed *k = t->k;
    uint32_t words[TILE_ROWS + 4];
    uint64_t line = t->group + g;
    bool awq = k->layout == GG_INTS_AWQ;
    unsigned bits = awq ? 4 : k->bits;
    uint64_t per_line = k->rows * bits / 32, first = t->row * bits / 32;
    uint64_t last = ((t->row + t->rows) * bits + 31) / 32;
    int rc = gg_ckpt_read_f32(t->c, k->part[GG_PART_SCALE], line * k->rows + t->row, t->rows,
                              t->scale + g * t->rows, t->err);
    if (rc == GG_OK && k->part[GG_PART_ZERO] == SIZE_MAX) {
        for (size_t r = 0; r < t->rows; r++)
            t->zero[g * t->rows + r] = (int16_t)(1 << (bits - 1));
        return GG_OK;
    }
    if (rc == GG_OK)
        rc = read_words(t, GG_PART_ZERO, line * per_line + first, (size_t)(last - first), words);
    for (size_t r = 0; rc == GG_OK && r < t->rows; r++) {
        uint64_t row = t->row + r;
        uint32_t z = awq ? words[row / 8 - first] >> awq_shift(row) & 15
                         : code_at(words, 1, row * bits - first * 32, bits);
        t->zero[g * t->rows + r] = (int16_t)((int)z + k->zero_add);
    }
    return rc;
}

/* Where code i of a run of them begins, in bits. */
static uint64_t bit_of(const struct gg_packed *k, uint64_t i)
{
    unsigned per_word = 32 / k->bits;
    return k->layout == GG_INTS_STREAM ? i * k->bits : i / per_word * 32 + i % per_word * k->bits;
}

static uint64_t words_of(const struct gg_packed *k, uint64_t n_codes)
{
    return (bit_of(k, n_codes) + 31) / 32;
}

static bool by_rows(enum gg_ints_layout layout)
{
    return layout == GG_INTS_ROWS || layout == GG_INTS_STREAM || layout == GG_INTS_GEMV;
}

enum { SOME_GROUPS = 64 };

/* Zero points of groups g .. g+n-1 of a row, which stand one after the other or, packed along rows, in one
 * or two lines of words. */
static int read_row_zeros(struct tile *t, uint64_t row, uint64_t g, size_t n, uint32_t *dst)
{
    const struct gg_packed *k = t->k;
    uint32_t words[SOME_GROUPS + 1], next[SOME_GROUPS];
    uint32_t mask = (uint32_t)((1u << k->bits) - 1);
    if (k->layout == GG_INTS_GEMV) {
        uint64_t at = row * (k->scale_stride / 8) + g / 8;
        int rc = read_words(t, GG_PART_ZERO, at, (g % 8 + n + 7) / 8, words);
        for (size_t i = 0; rc == GG_OK && i < n; i++)
            dst[i] = words[(g % 8 + i) / 8] >> (g + i) % 8 * 4 & mask;
        return rc;
    }
    uint64_t bit = bit_of(k, row), line = bit / 32;
    unsigned shift = (unsigned)(bit % 32);
    bool crosses = shift + k->bits > 32;
    int rc = read_words(t, GG_PART_ZERO, line * k->n_groups + g, n, words);
    if (rc == GG_OK && crosses)
        rc = read_words(t, GG_PART_ZERO, (line + 1) * k->n_groups + g, n, next);
    for (size_t i = 0; rc == GG_OK && i < n; i++)
        dst[i] = (words[i] >> shift | (crosses ? next[i] << (32 - shift) : 0)) & mask;
    return rc;
}

/* Row r of the tile, its groups standing one after the other. */
static int read_row_groups(struct tile *t, size_t r)
{
    const struct gg_packed *k = t->k;
    float s[SOME_GROUPS];
    uint32_t z[SOME_GROUPS];
    int rc = GG_OK;
    for (size_t i = 0; i < SOME_GROUPS; i++)
        z[i] = 1u << (k->bits - 1);
    for (size_t g = 0; rc == GG_OK && g < t->n_groups;) {
        size_t n = (size_t)gg_min_u64(SOME_GROUPS, t->n_groups - g);
        uint64_t at = (t->row + r) * k->scale_stride + t->group + g;
        rc = gg_ckpt_read_f32(t->c, k->part[GG_PART_SCALE], at, n, s, t->err);
        if (rc == GG_OK && k->part[GG_PART_ZERO] != SIZE_MAX)
            rc = read_row_zeros(t, t->row + r, t->group + g, n, z);
        for (size_t i = 0; rc == GG_OK && i < n; i++, g++) {
            t->scale[g * t->rows + r] = s[i];
            t->zero[g * t->rows + r] = (int16_t)z[i];
        }
    }
    return rc;
}

static int read_groups(struct tile *t)
{
    int rc = GG_OK;
    if (by_rows(t->k->layout))
        for (size_t r = 0; rc == GG_OK && r < t->rows; r++)
            rc = read_row_groups(t, r);
    else
        for (size_t g = 0; rc == GG_OK && g < t->n_groups; g++)
            rc = read_group(t, g);
    return rc;
}

/* ---- codes ----------------------------------------------------------------------------------- */

static size_t group_of(const struct tile *t, size_t col)
{
    return (size_t)((t->index != NULL ? t->index[col] : (t->col + col) / t->k->group) - t->group);
}

static int read_code_rows(struct tile *t)
{
    enum { SOME = 1024 }; /* codes, of at most eight bits */
    const struct gg_packed *k = t->k;
    uint64_t n_words = words_of(k, k->cols);
    uint32_t words[SOME / 4 + 2];
    int rc = GG_OK;
    for (size_t r = 0; rc == GG_OK && r < t->rows; r++) {
        float *to = t->dst + r * t->stride;
        for (size_t c = 0; rc == GG_OK && c < t->cols;) {
            size_t until = (size_t)gg_min_u64(t->cols, c + SOME / 2);
            uint64_t w = bit_of(k, t->col + c) / 32;
            uint64_t end = (bit_of(k, t->col + until - 1) + k->bits + 31) / 32;
            rc = read_words(t, GG_PART_WEIGHT, (t->row + r) * n_words + w, (size_t)(end - w), words);
            for (; rc == GG_OK && c < until; c++) {
                size_t at = group_of(t, c) * t->rows + r;
                uint32_t code = code_at(words, 1, bit_of(k, t->col + c) - w * 32, k->bits);
                to[c] = (float)((int)code - t->zero[at]) * t->scale[at];
            }
        }
    }
    return rc;
}

/* Columns from .. from+n-1 of the tile, all of one run of words; word w of row r is words[w * rows + r]. */
static void put_columns(const struct tile *t, const uint32_t *words, size_t from, size_t n)
{
    for (size_t c = from; c < from + n; c++) {
        size_t at = group_of(t, c) * t->rows;
        uint64_t bit = (t->col + c) % TILE_COLS * t->k->bits;
        for (size_t r = 0; r < t->rows; r++) {
            uint32_t code = code_at(words + r, t->rows, bit, t->k->bits);
            t->dst[r * t->stride + c] = (float)((int)code - t->zero[at + r]) * t->scale[at + r];
        }
    }
}

static int read_code_columns(struct tile *t)
{
    const struct gg_packed *k = t->k;
    uint32_t words[8 * TILE_ROWS];
    uint64_t n_lines = (k->cols * k->bits + 31) / 32;
    int rc = GG_OK;
    for (size_t c = 0; rc == GG_OK && c < t->cols;) {
        uint64_t at = t->col + c, line = at / TILE_COLS * k->bits;
        size_t n = (size_t)gg_min_u64(TILE_COLS - at % TILE_COLS, t->cols - c);
        for (unsigned w = 0; rc == GG_OK && w < k->bits && line + w < n_lines; w++)
            rc = read_words(t, GG_PART_WEIGHT, (line + w) * k->rows + t->row, t->rows,
                            words + w * t->rows);
        if (rc == GG_OK)
            put_columns(t, words, c, n);
        c += n;
    }
    return rc;
}

static int read_code_awq(struct tile *t)
{
    const struct gg_packed *k = t->k;
    uint32_t words[TILE_ROWS / 8 + 2];
    uint64_t first = t->row / 8, last = (t->row + t->rows + 7) / 8;
    int rc = GG_OK;
    for (size_t c = 0; rc == GG_OK && c < t->cols; c++) {
        size_t at = group_of(t, c) * t->rows;
        rc = read_words(t, GG_PART_WEIGHT, (t->col + c) * (k->rows / 8) + first, (size_t)(last - first),
                        words);
        for (size_t r = 0; rc == GG_OK && r < t->rows; r++) {
            uint32_t code = words[(t->row + r) / 8 - first] >> awq_shift(t->row + r) & 15;
            t->dst[r * t->stride + c] = (float)((int)code - t->zero[at + r]) * t->scale[at + r];
        }
    }
    return rc;
}

/* ---- tiles ----------------------------------------------------------------------------------- */

static int read_tile(struct tile *t)
{
    int rc = read_groups(t);
    if (rc != GG_OK)
        return rc;
    return by_rows(t->k->layout)             ? read_code_rows(t)
           : t->k->layout == GG_INTS_COLUMNS ? read_code_columns(t)
                                             : read_code_awq(t);
}

/* The groups the columns of a tile are of. */
static int find_groups(struct tile *t)
{
    const struct gg_packed *k = t->k;
    if (k->part[GG_PART_INDEX] == SIZE_MAX) {
        t->group = t->col / k->group;
        t->n_groups = (size_t)((t->col + t->cols - 1) / k->group - t->group + 1);
        return GG_OK;
    }
    t->group = 0;
    t->n_groups = (size_t)k->n_groups;
    t->index = malloc(t->cols * sizeof *t->index);
    return t->index == NULL ? gg_fail_nomem(t->err, "groups")
                            : read_words(t, GG_PART_INDEX, t->col, t->cols, t->index);
}

/* Columns col .. col+cols-1 of whole runs of rows, `rows` of them from row on. */
static int read_rows(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t row, uint64_t rows,
                     uint64_t col, uint64_t n, float *dst, struct gg_err *err)
{
    size_t cols = (size_t)n; /* of what is in memory */
    struct tile t = {.c = c, .k = k, .row = row, .col = col, .cols = cols, .dst = dst, .stride = cols,
                     .err = err};
    int rc = find_groups(&t);
    size_t most = (size_t)gg_min_u64(TILE_ROWS, gg_max_u64(1, TILE_SCALES / t.n_groups));
    most = (size_t)gg_min_u64(most, rows);
    if (rc == GG_OK) {
        t.scale = malloc(most * t.n_groups * sizeof *t.scale);
        t.zero = malloc(most * t.n_groups * sizeof *t.zero);
        if (t.scale == NULL || t.zero == NULL)
            rc = gg_fail_nomem(err, "scales");
    }
    while (rc == GG_OK && rows > 0) {
        t.rows = (size_t)gg_min_u64(most, rows);
        rc = read_tile(&t);
        t.dst += t.rows * cols;
        t.row += t.rows;
        rows -= t.rows;
    }
    free(t.scale);
    free(t.zero);
    free(t.index);
    return rc;
}

static int read_ints(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                     void *dst, struct gg_err *err)
{
    return gg_packed_by_rows(c, k, UINT64_MAX, read_rows, first, n, dst, err);
}

/* ---- making one ------------------------------------------------------------------------------ */

/* A part must be a matrix (or a vector, b 1) of that dtype. */
static int expect(const struct gg_packing *u, size_t i, const char *what, bool floats, uint64_t a,
                  uint64_t b, struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_packing_tensor(u, i);
    if (floats ? !gg_packed_is_float(t->dtype) : t->dtype != GG_DT_I32)
        return gg_packing_fail(u, i, err, "holds %s, where %s are %s", gg_dtype_name(t->dtype), what,
                               floats ? "floats" : "I32");
    if (t->nelems != 0 && (t->n_dims == 2 ? t->shape[0] == a && t->shape[1] == b
                                          : t->n_dims == 1 && t->shape[0] == a && b == 1))
        return GG_OK;
    return gg_packing_fail(u, i, err, "has a shape other than the [%llu, %llu] its %s should have",
                           (unsigned long long)a, (unsigned long long)b, what);
}

static int check_rows(const struct gg_packing *u, const struct gg_packed_ints *s,
                      const struct gg_packed *k, struct gg_err *err)
{
    bool gemv = s->layout == GG_INTS_GEMV;
    int rc = expect(u, s->codes, "codes", false, s->rows, words_of(k, s->cols), err);
    if (rc == GG_OK)
        rc = expect(u, s->scale, "scales", true, s->rows, k->scale_stride, err);
    if (rc == GG_OK && s->zero != SIZE_MAX)
        rc = expect(u, s->zero, "zero points", false, gemv ? s->rows : words_of(k, s->rows),
                    gemv ? k->scale_stride / 8 : k->n_groups, err);
    return rc;
}

static int check_columns(const struct gg_packing *u, const struct gg_packed_ints *s,
                         const struct gg_packed *k, struct gg_err *err)
{
    uint64_t R = s->rows, C = s->cols, r_words = R * s->bits / 32;
    bool awq = s->layout == GG_INTS_AWQ;
    uint64_t along = awq ? C : (C * s->bits + 31) / 32;
    int rc = expect(u, s->codes, "codes", false, along, awq ? r_words : R, err);
    if (rc == GG_OK)
        rc = expect(u, s->scale, "scales", true, k->n_groups, R, err);
    if (rc == GG_OK && s->zero != SIZE_MAX)
        rc = expect(u, s->zero, "zero points", false, k->n_groups, r_words, err);
    return rc;
}

/* Reads which group each column is of; *plain when it is as division says. */
static int check_index(struct gg_packing *u, const struct gg_packed_ints *s, uint64_t groups,
                       bool *plain, struct gg_err *err)
{
    enum { SOME = 1024 };
    uint32_t v[SOME];
    int rc = GG_OK;
    *plain = true;
    for (uint64_t c = 0; rc == GG_OK && c < s->cols;) {
        size_t n = (size_t)gg_min_u64(SOME, s->cols - c);
        rc = gg_checkpoint_read(gg_packing_checkpoint(u), s->index, c, n, v, err);
        for (size_t i = 0; rc == GG_OK && i < n; i++, c++) {
            uint32_t g = gg_load_u32(&v[i]);
            *plain = *plain && g == c / s->group;
            if (g >= groups)
                rc = gg_packing_fail(u, s->index, err, "puts column %llu into group %d of %llu",
                                     (unsigned long long)c, (int)g, (unsigned long long)groups);
        }
    }
    return rc;
}

int gg_packing_ints(struct gg_packing *u, size_t n_cut, const char *tail, const struct gg_packed_ints *s,
                    struct gg_err *err)
{
    struct gg_packed k = {.read = read_ints, .part = {s->codes, s->scale, s->zero, s->index},
                          .rows = s->rows, .cols = s->cols, .bits = s->bits, .group = s->group,
                          .layout = s->layout, .zero_add = s->zero_add};
    struct gg_ckpt_tensor t = {.dtype = GG_DT_F32, .n_dims = 2, .shape = {s->rows, s->cols},
                               .origin = s->origin, .turn = s->turn,
                               .by_columns = !by_rows(s->layout)};
    if (s->rows == 0 || s->cols == 0 || s->rows > UINT32_MAX || s->cols > UINT32_MAX)
        return gg_packing_fail(u, s->codes, err, "stands for a matrix of %llux%llu",
                               (unsigned long long)s->rows, (unsigned long long)s->cols);
    if (t.by_columns && s->rows * s->bits % 32 != 0)
        return gg_packing_fail(u, s->codes, err, "has %llu rows of %u bits, which end within a word",
                               (unsigned long long)s->rows, s->bits);
    k.n_groups = (s->cols + s->group - 1) / s->group;
    if (s->index == SIZE_MAX && s->cols % s->group != 0)
        return gg_packing_fail(u, s->codes, err, "has %llu columns, which groups of %llu do not divide",
                               (unsigned long long)s->cols, (unsigned long long)s->group);
    /* gemv: see calculate_zeros_width of AutoAWQ; rows of zeros are whole words, of a multiple of words */
    uint64_t most = s->group >= 128 ? 8 : s->group >= 64 ? 16 : 32;
    k.scale_stride = s->layout == GG_INTS_GEMV ? (k.n_groups + most - 1) / most * most : k.n_groups;
    int rc = t.by_columns ? check_columns(u, s, &k, err) : check_rows(u, s, &k, err);
    bool plain = false;
    if (rc == GG_OK && s->index != SIZE_MAX)
        rc = expect(u, s->index, "groups", false, s->cols, 1, err);
    if (rc == GG_OK && s->index != SIZE_MAX)
        rc = check_index(u, s, k.n_groups, &plain, err);
    if (rc != GG_OK)
        return rc;
    if (plain) {
        gg_packing_hide(u, s->index);
        k.part[GG_PART_INDEX] = SIZE_MAX;
    }
    return gg_packing_make(u, s->codes, n_cut, tail, &t, &k, err);
}
