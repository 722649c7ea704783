/* VL blocks at a time, wherever in the rows they stand: what lanes are made of when each lane is a
 * block. The last group is filled up with copies of its last block; only n of it are stored. */
#ifndef QK_VEC_WALK_H
#define QK_VEC_WALK_H

#include "lib/quant/vec/v.h"

struct v_walk {
    uint8_t *dst;
    const float *src;
    size_t n_rows, n_cols, dst_stride, src_stride;
    size_t nelems, nbytes; /* of a block; elements are a power of two */
    size_t row, col;       /* of the next block */
};

struct v_group {
    const float *x[VL];
    uint8_t *y[VL];
    size_t row[VL], col[VL];
    int n; /* lanes that count */
};

/* The next group; false at the end. */
static inline bool v_next_group(struct v_walk *w, struct v_group *g)
{
    g->n = 0;
    for (; g->n < VL && w->row < w->n_rows && w->n_cols > 0; g->n++) {
        g->x[g->n] = w->src + w->row * w->src_stride + w->col;
        g->y[g->n] = w->dst + w->row * w->dst_stride +
                     (w->col >> __builtin_ctzll(w->nelems)) * w->nbytes;
        g->row[g->n] = w->row;
        g->col[g->n] = w->col;
        w->col += w->nelems;
        if (w->col >= w->n_cols) {
            w->col = 0;
            w->row++;
        }
    }
    for (int k = g->n; k < VL && g->n > 0; k++) {
        g->x[k] = g->x[g->n - 1];
        g->y[k] = g->y[g->n - 1];
        g->row[k] = g->row[g->n - 1];
        g->col[k] = g->col[g->n - 1];
    }
    return g->n > 0;
}

#endif
