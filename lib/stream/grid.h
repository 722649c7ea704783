/* Grid: how a tensor is cut into tiles. Fixed by its shape alone. */
#ifndef GG_GRID_H
#define GG_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 *    short rows: a tile is tile_rows whole rows     long rows: a tile is a piece of tile_cols
 *
 *    +--------------------+  tile 0                 +-------+-------+-------+---+
 *    |                    |                         |   0   |   1   |   2   | 3 |  row 0
 *    +--------------------+  tile 1                 +-------+-------+-------+---+
 *    |                    |                         |   4   |   5   |   6   | 7 |  row 1
 *    +--------------------+  (the last is shorter)  +-------+-------+-------+---+
 *
 * Tiles lie in element order without gaps. None crosses a matrix when matrices are kept apart.
 */
struct gg_grid {
    uint64_t n_cols;    /* of a row */
    uint64_t mat_rows;  /* rows that tiles don't cross the end of */
    uint64_t tile_rows; /* 1 when rows are cut */
    uint64_t tile_cols; /* n_cols when rows are whole */
    uint64_t row_tiles; /* pieces of a row; 1 when rows are whole */
    uint64_t mat_tiles;
    uint64_t n_tiles;
    uint64_t nelems;
};

/* ne: 4 dimensions whose product is below 2^63. apart: matrices (ne2 * ne3 of them) have weights of
 * their own; large ones are kept apart anyway. */
void gg_grid_init(struct gg_grid *g, const uint64_t ne[4], bool apart);

struct gg_cell {
    uint64_t first; /* element */
    uint64_t row;   /* over all matrices */
    uint64_t col;
    size_t n_rows, n_cols, nelems;
};
void gg_grid_cell(const struct gg_grid *g, uint64_t tile, struct gg_cell *c);

/* First element of a tile; of tile n_tiles: nelems. */
uint64_t gg_grid_elem(const struct gg_grid *g, uint64_t tile);
/* Elements of the largest tile. */
uint64_t gg_grid_tile_nelems(const struct gg_grid *g);

#endif
