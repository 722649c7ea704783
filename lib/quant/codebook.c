#include "lib/quant/codebook.h"

#include "lib/base/num.h"
#include "lib/quant/grids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* n_levels: levels that occur (a field of two bits holds three). n_shells: how many different
 * distances count as near. Results of iq2xs_init_impl and iq3xs_init_impl of ggml-quants.c. */
struct codebook_spec {
    enum qt_type type;
    const uint16_t *grid;
    int n_rows, dims, bits, n_levels, n_shells;
};

static const struct codebook_spec specs[] = {
    {QT_IQ2_XXS, qk_grid_iq2xxs, 256, 8, 2, 3, 2}, {QT_IQ2_XS, qk_grid_iq2xs, 512, 8, 2, 3, 2},
    {QT_IQ2_S, qk_grid_iq2s, 1024, 8, 2, 3, 1},    {QT_IQ3_XXS, qk_grid_iq3xxs, 256, 4, 3, 8, 2},
    {QT_IQ3_S, qk_grid_iq3s, 512, 4, 3, 8, 3},     {QT_IQ1_S, qk_grid_iq1s, 2048, 8, 2, 3, 3},
    {QT_IQ1_M, qk_grid_iq1s, 2048, 8, 2, 3, 3},
};

enum {
    MAX_ROWS = 2048,
    MAX_DIMS = 8,
    RUN = 32 /* rows */,
    MAX_DISTANCE = 4 * 7 * 7,
    MAX_POINTS = 6561 /* 3^8 */
};

/* A byte a row, eight at a time. */
struct apart {
    union {
        uint64_t eight[MAX_ROWS / 8];
        uint8_t row[MAX_ROWS];
    };
};

/* What building needs and the codebook does not. */
struct builder {
    const struct codebook_spec *spec;
    struct qk_codebook *cb;
    size_t n_around, capacity;
    /* squares[c][row]: square of the difference between a row and level v of element i, c = (i <<
     * bits) + v. Distances of a point to all rows are sums of dims of these. */
    struct apart squares[32];
    /* Those sums over the elements from i on; distances for i = 0. */
    struct apart apart[MAX_DIMS + 1];
    uint8_t least[MAX_ROWS / RUN]; /* distance in each run of rows: most runs hold no near one */
    uint16_t near[MAX_ROWS];
    uint32_t counted[MAX_ROWS]; /* rows, see count_out */
};

static const struct codebook_spec *spec_of(enum qt_type type)
{
    for (size_t i = 0; i < GG_COUNTOF(specs); i++)
        if (specs[i].type == type)
            return &specs[i];
    return NULL;
}

bool qk_codebook_wanted(enum qt_type type)
{
    return spec_of(type) != NULL;
}

static int level_of(const struct codebook_spec *s, unsigned code, int i)
{
    return (int)(code >> s->bits * i & ((1u << s->bits) - 1));
}

static void fill_rows(struct builder *b)
{
    const struct codebook_spec *s = b->spec;

    for (int row = 0; row < s->n_rows; row++) {
        for (int i = 0; i < s->dims; i++) {
            int level = level_of(s, s->grid[row], i);
            b->cb->value[row * s->dims + i] =
                (int8_t)(s->grid == qk_grid_iq1s ? level - 1 : 2 * level + 1);
            for (int v = 0; v < s->n_levels; v++)
                b->squares[(i << s->bits) + v].row[row] = (uint8_t)((v - level) * (v - level));
        }
        b->cb->row_of[s->grid[row]] = row;
    }
}

/* Is the code one that rounding can give? */
static bool is_point(const struct codebook_spec *s, unsigned code)
{
    for (int i = 0; i < s->dims; i++)
        if (level_of(s, code, i) >= s->n_levels)
            return false;
    return true;
}

/* Element i of a point has level v: adds that to the distances from the elements behind it. No sum
 * leaves its byte. */
static void measure(struct builder *b, int i, int v)
{
    const struct apart *square = &b->squares[(i << b->spec->bits) + v];

    for (int k = 0; k < b->spec->n_rows / 8; k++)
        b->apart[i].eight[k] = b->apart[i + 1].eight[k] + square->eight[k];
}

/* Finds the least distances; returns the least of all. */
static int find_least(struct builder *b)
{
    int least = MAX_DISTANCE;

    for (int run = 0; run < b->spec->n_rows / RUN; run++) {
        const uint8_t *apart = b->apart[0].row + run * RUN;
        uint8_t m = MAX_DISTANCE;
        for (int i = 0; i < RUN; i++)
            m = apart[i] < m ? apart[i] : m;
        b->least[run] = m;
        least = m < least ? m : least;
    }
    return least;
}

/* Lists the rows that are not farther than limit, in order of rows, in near. Returns their number
 * and sets *n_shells to that of different distances. */
static int gather(struct builder *b, int limit, int *n_shells)
{
    uint8_t occurs[MAX_DISTANCE + 1] = {0};
    int n = 0;

    for (int run = 0; run < b->spec->n_rows / RUN; run++) {
        if (b->least[run] > limit)
            continue;
        for (int row = run * RUN; row < (run + 1) * RUN; row++)
            if (b->apart[0].row[row] <= limit) {
                b->near[n++] = (uint16_t)row;
                occurs[b->apart[0].row[row]] = 1;
            }
    }
    *n_shells = 0;
    for (int d = 0; d <= limit; d++)
        *n_shells += occurs[d];
    return n;
}

static bool reserve(struct builder *b, size_t n)
{
    size_t capacity = b->capacity;

    if (n <= capacity - b->n_around)
        return true;
    while (capacity - b->n_around < n)
        capacity = capacity ? 2 * capacity : 65536;
    uint16_t *grown = realloc(b->cb->around, capacity * sizeof *grown);
    if (!grown)
        return false;
    b->cb->around = grown;
    b->capacity = capacity;
    return true;
}

/* Appends the rows around a point: those at the n_shells smallest distances that occur. */
static bool add_around(struct builder *b, unsigned code)
{
    const int least = find_least(b);
    int limit = least + b->spec->n_shells - 1, n_shells;
    int n = gather(b, limit, &n_shells);

    while (n_shells < b->spec->n_shells && limit < MAX_DISTANCE)
        n = gather(b, ++limit, &n_shells);
    if (!reserve(b, (size_t)n + 1))
        return false;
    b->cb->row_of[code] = -1 - (int32_t)b->n_around;
    b->cb->around[b->n_around++] = (uint16_t)n;
    for (int d = least; d <= limit; d++)
        for (int i = 0; i < n; i++)
            if (b->apart[0].row[b->near[i]] == d)
                b->cb->around[b->n_around++] = b->near[i];
    return true;
}

static uint16_t spread(const struct codebook_spec *s, unsigned code)
{
    unsigned wide = 0;

    for (int i = 0; i < s->dims; i++)
        wide |= (unsigned)level_of(s, code, i) << 16 / s->dims * i;
    return (uint16_t)wide;
}

static bool add_spread(struct builder *b)
{
    const uint16_t *around = b->cb->around;
    uint16_t *by_row = malloc((size_t)b->spec->n_rows * sizeof *by_row);
    uint16_t *lists = calloc(b->n_around + QK_BEYOND, sizeof *lists);

    b->cb->spread = by_row;
    b->cb->spread_around = lists;
    if (!by_row || !lists)
        return false;
    for (int row = 0; row < b->spec->n_rows; row++)
        by_row[row] = spread(b->spec, b->spec->grid[row]);
    for (size_t at = 0; at < b->n_around; at += 1 + (size_t)around[at]) {
        lists[at] = around[at];
        for (size_t i = 1; i <= around[at]; i++)
            lists[at + i] = by_row[around[at + i]];
    }
    return true;
}

/* ---- rows that can be nearest -----------------------------------------------------------------
 */

/* A code with each level counted out in bits: what separates two points are the bits they differ
 * in, and a point is between two others, in every element, when it differs from the first in none
 * but the bits the second does. */
static uint32_t count_out(const struct codebook_spec *s, unsigned code)
{
    uint32_t bits = 0;

    for (int i = 0; i < s->dims; i++)
        bits |= ((1u << level_of(s, code, i)) - 1) << (s->n_levels - 1) * i;
    return bits;
}

/* Lists those rows around a point which have no other row between them and the point: where the
 * point is the nearest to the values, a row in between is nearer in every element whatever the
 * weights, and it comes first where distances are equal. Returns their number. */
static int prune(const struct builder *b, unsigned code, uint16_t *near)
{
    const uint16_t *around = b->cb->around + (-1 - b->cb->row_of[code]);
    const uint32_t point = count_out(b->spec, code);
    uint32_t kept[QK_NEAR_MAX];
    int n = 0;

    for (int j = 1; j <= around[0]; j++) {
        const uint32_t apart = point ^ b->counted[around[j]];
        bool hidden = false;
        for (int i = 0; i < n && !hidden; i++)
            hidden = (kept[i] & ~apart) == 0;
        if (hidden)
            continue;
        assert(n < QK_NEAR_MAX);
        kept[n] = apart;
        near[n++] = b->cb->spread[around[j]];
    }
    return n;
}

static bool add_near(struct builder *b)
{
    const struct codebook_spec *s = b->spec;
    const unsigned n_codes = 1u << s->dims * s->bits;
    const size_t capacity = b->n_around + 8 * MAX_POINTS + QK_BEYOND;
    size_t at = 0;

    b->cb->near_of = calloc(n_codes, sizeof *b->cb->near_of);
    b->cb->near = calloc(capacity, sizeof *b->cb->near);
    if (!b->cb->near_of || !b->cb->near)
        return false;
    for (int row = 0; row < s->n_rows; row++)
        b->counted[row] = count_out(s, s->grid[row]);
    for (unsigned code = 0; code < n_codes; code++) {
        const int32_t row = b->cb->row_of[code];
        if (row >= 0)
            b->cb->near_of[code] = QK_ON_GRID + b->cb->spread[row];
        if (row >= 0 || !is_point(s, code))
            continue;
        uint16_t *near = b->cb->near + at;
        int n = prune(b, code, near), full = (n + 7) / 8 * 8;
        b->cb->near_of[code] = (int32_t)(at / 8 << 8) + n;
        for (int i = n; i < full; i++)
            near[i] = near[0];
        at += (size_t)full;
    }
    return true;
}

/* Finds what is around all points whose elements from i on are those of code, the lowest first. */
static bool add_points(struct builder *b, int i, unsigned code)
{
    const struct codebook_spec *s = b->spec;

    if (i == 0)
        return b->cb->row_of[code] >= 0 || add_around(b, code);
    for (int v = 0; v < s->n_levels; v++) {
        measure(b, i - 1, v);
        if (!add_points(b, i - 1, code | (unsigned)v << s->bits * (i - 1)))
            return false;
    }
    return true;
}

static bool build(struct builder *b)
{
    const struct codebook_spec *s = b->spec;
    const unsigned n_codes = 1u << s->dims * s->bits;

    b->cb->row_of = malloc(n_codes * sizeof *b->cb->row_of);
    b->cb->value = malloc((size_t)(s->n_rows * s->dims) * sizeof *b->cb->value);
    if (!b->cb->row_of || !b->cb->value)
        return false;
    for (unsigned code = 0; code < n_codes; code++)
        b->cb->row_of[code] = -1;
    fill_rows(b);
    return add_points(b, s->dims, 0) && add_spread(b) && add_near(b);
}

int qk_codebook_new(struct qk_codebook **out, enum qt_type type, struct gg_err *err)
{
    const struct codebook_spec *s = spec_of(type);
    char name[32];

    if (!s)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s has no codebook", qt_name(type, name));
    struct qk_codebook *cb = calloc(1, sizeof *cb);
    struct builder *b = calloc(1, sizeof *b);
    bool ok = cb && b;
    if (ok) {
        *cb = (struct qk_codebook){
            .type = type, .n_rows = s->n_rows, .dims = s->dims, .bits = s->bits};
        b->spec = s;
        b->cb = cb;
        ok = build(b);
    }
    free(b);
    if (!ok) {
        qk_codebook_free(cb);
        return gg_fail_nomem(err, "a codebook");
    }
    *out = cb;
    return GG_OK;
}

void qk_codebook_free(struct qk_codebook *cb)
{
    if (!cb)
        return;
    free(cb->row_of);
    free(cb->around);
    free(cb->spread);
    free(cb->spread_around);
    free(cb->near_of);
    free(cb->near);
    free(cb->value);
    free(cb);
}
