#include "lib/quant/qtype.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/blocks.h"

#include <stdio.h>

#define QT(id, sym, name, nelems, nbytes, flags, fallback, block)                                  \
    _Static_assert(sizeof(block) == (nbytes), "block size of " name);
#include "lib/quant/qtype.def"
#undef QT

static const struct qt_info types[] = {
#define QT(id, sym, name, nelems, nbytes, flags, fallback, block)                                  \
    {QT_##sym, name, nelems, nbytes, flags, QT_##fallback, 0, 1, QT_##sym},
#include "lib/quant/qtype.def"
#undef QT
};

static const struct qt_info dialects[] = {
#define QT(id, sym, name, nelems, nbytes, flags, fallback, block)
#define QD(id, sym, name, nelems, nbytes, row_nbytes, n_rows, plain)                               \
    {(enum qt_type)(id), name, nelems, nbytes, (id) < QT_ID_END ? QT_REMOVED : 0, QT_NONE, row_nbytes, \
     n_rows, QT_##plain},
#include "lib/quant/qtype.def"
#undef QT
};

uint32_t qt_stored_id(uint32_t id)
{
    return id == QT_I2_S ? 36 : id;
}

uint32_t qt_tail_nbytes(uint32_t id)
{
    return id == QT_I2_S ? 32 : 0;
}

/* Ids whose layout is forgotten: dropped from the format in 2023. */
static const char *forgotten(uint32_t id)
{
    return id == 4 ? "q4_2 (removed)" : id == 5 ? "q4_3 (removed)" : NULL;
}

const struct qt_info *qt_info(uint32_t id)
{
    for (size_t i = 0; i < GG_COUNTOF(types); i++) {
        if ((uint32_t)types[i].type == id)
            return &types[i];
    }
    return NULL;
}

bool qt_is_removed(uint32_t id)
{
    const struct qt_info *d = qt_dialect(id);
    return forgotten(id) != NULL || (d != NULL && (d->flags & QT_REMOVED) != 0);
}

const struct qt_info *qt_dialect(uint32_t id)
{
    for (size_t i = 0; i < GG_COUNTOF(dialects); i++) {
        if ((uint32_t)dialects[i].type == id)
            return &dialects[i];
    }
    return NULL;
}

const char *qt_name(uint32_t id, char tmp[32])
{
    const struct qt_info *t = qt_info(id);
    if (t != NULL)
        return t->name;
    if (forgotten(id) != NULL)
        return forgotten(id);
    t = qt_dialect(id);
    if (t != NULL && (t->flags & QT_REMOVED) == 0)
        return t->name;
    if (t != NULL)
        snprintf(tmp, 32, "%s (removed)", t->name);
    else
        snprintf(tmp, 32, "unknown type %u", (unsigned)id);
    return tmp;
}

const struct qt_info *qt_by_name(const char *name)
{
    for (size_t i = 0; i < GG_COUNTOF(types); i++) {
        if (gg_text_ieq(types[i].name, name))
            return &types[i];
    }
    return NULL;
}

size_t qt_count(void)
{
    return GG_COUNTOF(types);
}

const struct qt_info *qt_at(size_t i)
{
    return &types[i];
}

bool qt_row_nbytes(uint32_t id, uint64_t n_cols, uint64_t *nbytes)
{
    const struct qt_info *t = qt_info(id);
    uint64_t n;
    t = t != NULL ? t : qt_dialect(id);
    if (t == NULL || n_cols % t->block_nelems != 0 ||
        !gg_mul_u64(n_cols / t->block_nelems, t->block_nbytes, &n) ||
        !gg_add_u64(n, t->row_nbytes, &n) || n > INT64_MAX)
        return false;
    *nbytes = n;
    return true;
}

/* a * b, where the product of the non-zero factors must stay below 2^63 whatever the zeros. */
static bool times(uint64_t *nonzero, bool *zero, uint64_t factor)
{
    if (factor == 0) {
        *zero = true;
        return true;
    }
    uint64_t r;
    if (!gg_mul_u64(*nonzero, factor, &r) || r > INT64_MAX)
        return false;
    *nonzero = r;
    return true;
}

bool qt_nelems(const uint64_t ne[4], uint64_t *nelems)
{
    uint64_t n = 1;
    bool zero = false;
    for (int i = 0; i < 4; i++) {
        if (!times(&n, &zero, ne[i]))
            return false;
    }
    *nelems = zero ? 0 : n;
    return true;
}

bool qt_tensor_nbytes(uint32_t id, const uint64_t ne[4], uint64_t *nbytes)
{
    const struct qt_info *d = qt_dialect(id);
    uint64_t row, n = 1, nelems;
    bool zero = false;
    if (d != NULL && ne[1] % d->n_rows != 0) /* rows of a matrix are woven, all of them */
        return false;
    if (!qt_nelems(ne, &nelems) || !qt_row_nbytes(id, ne[0], &row) || !times(&n, &zero, row))
        return false;
    for (int i = 1; i < 4; i++) {
        if (!times(&n, &zero, ne[i]))
            return false;
    }
    *nbytes = zero ? 0 : n + qt_tail_nbytes(id); /* no overflow: n is below 2^63 */
    return *nbytes <= INT64_MAX;
}

double qt_bpw(const struct qt_info *t)
{
    return 8.0 * t->block_nbytes / t->block_nelems;
}
