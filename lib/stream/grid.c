#include "lib/stream/grid.h"

#include "lib/base/num.h"
#include "lib/stream/stream.h"

#include <string.h>

void gg_grid_init(struct gg_grid *g, const uint64_t ne[4], bool apart)
{
    memset(g, 0, sizeof *g);
    g->n_cols = ne[0];
    g->nelems = ne[0] * ne[1] * ne[2] * ne[3];
    if (g->nelems == 0)
        return;
    uint64_t n_mats = ne[2] * ne[3];
    apart |= ne[0] * ne[1] >= GG_TILE_NELEMS;
    g->mat_rows = apart ? ne[1] : ne[1] * n_mats;
    g->tile_cols = gg_min_u64(ne[0], GG_TILE_NELEMS);
    g->tile_rows = gg_min_u64(GG_TILE_NELEMS / g->tile_cols, g->mat_rows);
    g->row_tiles = (ne[0] - 1) / GG_TILE_NELEMS + 1;
    g->mat_tiles = ((g->mat_rows - 1) / g->tile_rows + 1) * g->row_tiles;
    g->n_tiles = g->mat_tiles * (apart ? n_mats : 1);
}

/* Either rows are whole, or a tile has one row: one of the two terms of a position is always plain. */
void gg_grid_cell(const struct gg_grid *g, uint64_t tile, struct gg_cell *c)
{
    uint64_t mat = tile / g->mat_tiles, in_mat = tile % g->mat_tiles;
    uint64_t row = in_mat / g->row_tiles * g->tile_rows;
    c->col = in_mat % g->row_tiles * g->tile_cols;
    c->row = mat * g->mat_rows + row;
    c->n_rows = (size_t)gg_min_u64(g->tile_rows, g->mat_rows - row);
    c->n_cols = (size_t)gg_min_u64(g->tile_cols, g->n_cols - c->col);
    c->nelems = c->n_rows * c->n_cols;
    c->first = c->row * g->n_cols + c->col;
}

uint64_t gg_grid_elem(const struct gg_grid *g, uint64_t tile)
{
    struct gg_cell c;
    if (tile >= g->n_tiles)
        return g->nelems;
    gg_grid_cell(g, tile, &c);
    return c.first;
}

uint64_t gg_grid_tile_nelems(const struct gg_grid *g)
{
    return g->tile_rows * g->tile_cols;
}
