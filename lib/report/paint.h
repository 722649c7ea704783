/* Paints: the colours of pictures and pages, for light and dark. */
#ifndef GG_PAINT_H
#define GG_PAINT_H

#include "lib/base/buf.h"

#include <stdint.h>

enum gg_paint {
    GG_PAINT_PAPER,
    GG_PAINT_INK,
    GG_PAINT_MUTED, /* labels of axes */
    GG_PAINT_GRID,
    GG_PAINT_SAME, /* what does not differ */
    GG_PAINT_NONE, /* what was not compared */
    GG_PAINT_SERIES, /* and the following */
    GG_PAINT_HEAT = GG_PAINT_SERIES + 8, /* from the weakest to the strongest */
    GG_PAINT_ON_HEAT = GG_PAINT_HEAT + 16, /* text on each of these */
    GG_PAINT_COUNT = GG_PAINT_ON_HEAT + 16
};
enum { GG_N_SERIES = 8, GG_N_HEAT = 16 };

/* 0xRRGGBB */
uint32_t gg_paint_rgb(enum gg_paint p, bool dark);

/* Appends CSS: a class fN that fills and a class sN that strokes for each paint N, light unless the
 * reader wants dark. prefix stands before each selector. */
void gg_paint_css(struct gg_buf *out, const char *prefix);

#endif
