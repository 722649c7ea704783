/* Sums of x^2 over whole rows, for kernels that weigh with them, where a row is longer than a tile.
 *
 * The kernel would take the sum in float, from column 0 on, so that is what is done here: no parallel
 * sum gives the same bits. A row that a slab holds is summed from there. A longer one is read twice,
 * once for its sum; the workers that share it wait for the one that came first.
 */
#include "lib/base/num.h"
#include "lib/stream/write.h"

#include <string.h>

void gg_row_sums_init(struct gg_row_sums *r)
{
    pthread_mutex_init(&r->lock, NULL);
    for (int i = 0; i < GG_ROW_SUMS; i++)
        r->known[i].item = SIZE_MAX;
}

int gg_row_sum_tiles(const struct gg_writer *w, const struct gg_item *it, uint64_t first, uint64_t n,
                     const uint8_t *stored, float *x, float *sum, struct gg_err *err)
{
    uint64_t base = gg_grid_elem(&it->grid, first);
    struct gg_found found;
    float s = *sum;
    for (uint64_t i = first; i < first + n; i++) {
        struct gg_cell c;
        gg_grid_cell(&it->grid, i, &c);
        const uint8_t *p = stored + gg_elems_nbytes(it->tensor->type, c.first - base);
        int rc = gg_decode_tile(w, it, &c, p, x, &found, err);
        if (rc != GG_OK)
            return rc;
        for (size_t j = 0; j < c.nelems; j++)
            s += x[j] * x[j];
    }
    *sum = s;
    return GG_OK;
}

static int read_and_sum(struct gg_writer *w, const struct gg_item *it, uint64_t row, uint8_t *buf,
                        uint64_t n_tiles, struct gg_hand *h, float *sum, struct gg_err *err)
{
    uint64_t tile = row * it->grid.row_tiles, end = tile + it->grid.row_tiles;
    *sum = 0;
    while (tile < end) {
        uint64_t n = gg_min_u64(n_tiles, end - tile), first = gg_grid_elem(&it->grid, tile);
        int rc = gg_crew_read(h, w->model, it->src, first, gg_grid_elem(&it->grid, tile + n) - first,
                              buf, err);
        if (rc == GG_OK)
            rc = gg_row_sum_tiles(w, it, tile, n, buf, gg_tile_of(w, h), sum, err);
        if (rc != GG_OK)
            return rc;
        tile += n;
    }
    return GG_OK;
}

int gg_row_sum_read(struct gg_writer *w, size_t item, uint64_t row, uint8_t *buf, uint64_t n_tiles,
                    struct gg_hand *h, float *sum, struct gg_err *err)
{
    struct gg_row_sums *r = &w->row_sums;
    int rc = GG_OK;
    pthread_mutex_lock(&r->lock);
    int found = -1;
    for (int i = 0; i < GG_ROW_SUMS; i++) {
        if (r->known[i].item == item && r->known[i].row == row)
            found = i;
    }
    if (found >= 0) {
        *sum = r->known[found].sum;
    } else {
        rc = read_and_sum(w, &w->items[item], row, buf, n_tiles, h, sum, err);
        if (rc == GG_OK) {
            unsigned i = r->next++ % GG_ROW_SUMS;
            r->known[i].item = item;
            r->known[i].row = row;
            r->known[i].sum = *sum;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
}
