/* Four-bit codes of a table, with a scale for each run of elements of the whole matrix: bitsandbytes'
 * nf4 and fp4. The scales may be eight-bit codes of another table, with scales of their own:
 *
 *     scale = table2[code] * scale2 + offset        value = table[code] * scale
 *
 * Element 2i is the high half of byte i. Layout and formula: functional.py and the dequantizing kernels of
 * bitsandbytes.
 */
#include "lib/base/num.h"
#include "lib/import/packed_impl.h"

enum { SOME = 1024 }; /* elements decoded at a time */

/* n scales from the first on. */
static int read_scales(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, size_t n,
                       float *dst, struct gg_err *err)
{
    uint8_t code[SOME + 1];
    float nested[SOME + 1];
    const struct gg_packed_nested *two = k->nested;
    if (two == NULL)
        return gg_ckpt_read_f32(c, k->part[GG_PART_SCALE], first, n, dst, err);
    uint64_t at = first / two->run;
    size_t count = (size_t)((first + n - 1) / two->run - at + 1);
    int rc = gg_ckpt_read_stored(c, k->part[GG_PART_SCALE], first, n, code, err);
    if (rc == GG_OK)
        rc = gg_ckpt_read_f32(c, k->part[GG_PART_ZERO], at, count, nested, err);
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        float product = two->table[code[i]] * nested[(first + i) / two->run - at];
        dst[i] = product + two->offset;
    }
    return rc;
}

static int read_table(struct gg_checkpoint *c, const struct gg_packed *k, uint64_t first, uint64_t n,
                      void *dst, struct gg_err *err)
{
    uint8_t codes[SOME / 2 + 1];
    float scale[SOME + 1], *to = dst;
    int rc = GG_OK;
    while (rc == GG_OK && n > 0) {
        size_t take = (size_t)gg_min_u64(n, SOME);
        uint64_t byte = first / 2, run = first / k->group;
        rc = gg_ckpt_read_stored(c, k->part[GG_PART_WEIGHT], byte, (first + take + 1) / 2 - byte, codes,
                                 err);
        if (rc == GG_OK)
            rc = read_scales(c, k, run, (size_t)((first + take - 1) / k->group - run + 1), scale, err);
        for (size_t i = 0; rc == GG_OK && i < take; i++) {
            uint64_t e = first + i;
            unsigned code = codes[e / 2 - byte] >> (e % 2 == 0 ? 4 : 0) & 15;
            *to++ = k->table[code] * scale[e / k->group - run];
        }
        first += take;
        n -= take;
    }
    return rc;
}

/* A table of n floats that a tensor holds, in the checkpoint's memory. NULL: *rc says why. */
static const float *table_of(struct gg_packing *u, size_t i, size_t n, int *rc, struct gg_err *err)
{
    struct gg_checkpoint *c = gg_packing_checkpoint(u);
    const struct gg_ckpt_tensor *t = gg_packing_tensor(u, i);
    float *table = gg_arena_zalloc(&c->mem, n, sizeof *table);
    if (t->nelems != n || t->dtype != GG_DT_F32)
        *rc = gg_packing_fail(u, i, err, "should be a table of %zu values in F32", n);
    else if (table == NULL)
        *rc = gg_fail_nomem(err, "a table");
    else
        *rc = gg_ckpt_read_f32(c, i, 0, n, table, err);
    gg_packing_hide(u, i);
    return *rc == GG_OK ? table : NULL;
}

static int count_is(const struct gg_packing *u, size_t i, enum gg_dtype dtype, uint64_t n,
                    const char *what, struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_packing_tensor(u, i);
    return t->nelems == n && t->dtype == dtype
               ? GG_OK
               : gg_packing_fail(u, i, err, "holds %llu of %s, where %llu %s in %s are wanted",
                                 (unsigned long long)t->nelems, gg_dtype_name(t->dtype),
                                 (unsigned long long)n, what, gg_dtype_name(dtype));
}

int gg_packing_table(struct gg_packing *u, const struct gg_packed_table *s, struct gg_err *err)
{
    struct gg_packed k = {.read = read_table, .part = {s->codes, s->scale, s->scale2, SIZE_MAX},
                          .group = s->run};
    struct gg_ckpt_tensor t = {.dtype = GG_DT_F32, .n_dims = 2, .shape = {s->rows, s->cols},
                               .origin = s->origin};
    bool two = s->scale2 != SIZE_MAX;
    uint64_t n;
    if (s->rows == 0 || s->cols == 0 || !gg_mul_u64(s->rows, s->cols, &n) || n > INT64_MAX)
        return gg_packing_fail(u, s->codes, err, "stands for a matrix of %llux%llu",
                               (unsigned long long)s->rows, (unsigned long long)s->cols);
    uint64_t runs = (n - 1) / s->run + 1;
    int rc = count_is(u, s->codes, GG_DT_U8, n / 2 + n % 2, "pairs of codes", err);
    if (rc == GG_OK)
        rc = count_is(u, s->scale, two ? GG_DT_U8 : GG_DT_F32, runs, "scales", err);
    if (rc == GG_OK && two)
        rc = count_is(u, s->scale2, GG_DT_F32, (runs - 1) / s->run2 + 1, "scales", err);
    if (rc == GG_OK)
        k.table = table_of(u, s->table, 16, &rc, err);
    if (rc == GG_OK && two) {
        struct gg_packed_nested *nested = gg_arena_alloc(&gg_packing_checkpoint(u)->mem, sizeof *nested);
        if (nested == NULL)
            return gg_fail_nomem(err, "a table");
        *nested = (struct gg_packed_nested){s->run2, table_of(u, s->table2, 256, &rc, err), s->offset};
        k.nested = nested;
    }
    return rc == GG_OK ? gg_packing_make(u, s->codes, 0, "", &t, &k, err) : rc;
}
