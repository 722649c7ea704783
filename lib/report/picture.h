/* Pictures: a list of shapes, drawn as SVG or as pixels. Units are pixels of the screen. */
#ifndef GG_PICTURE_H
#define GG_PICTURE_H

#include "lib/base/arena.h"
#include "lib/report/paint.h"

#include <stddef.h>

enum gg_anchor { GG_ANCHOR_START, GG_ANCHOR_MIDDLE, GG_ANCHOR_END };

enum gg_shape_kind { GG_SHAPE_RECT, GG_SHAPE_LINE, GG_SHAPE_DISC, GG_SHAPE_TEXT };

struct gg_shape {
    enum gg_shape_kind kind;
    enum gg_paint paint;
    double x, y, w, h;  /* disc: w is the radius; text: x, y is the anchor on the base line */
    const double *xy;   /* line: n points */
    size_t n;
    const char *text;   /* UTF-8, not escaped for any format */
    const char *title;  /* what a pointer shows, or NULL */
    enum gg_anchor anchor;
    bool bold, upright; /* text that runs upwards */
    const char *mark;   /* a class of its own in SVG, or NULL */
};

/* Zero-initialise; free once. A failed allocation is remembered and reported when it is drawn. */
struct gg_picture {
    double width, height; /* grows with what is added */
    struct gg_shape *v;
    size_t n, cap;
    struct gg_arena mem;
    bool failed;
    struct gg_shape lost; /* given back when memory ran out */
};
void gg_picture_free(struct gg_picture *p);

/* Texts are copied. The shape that is given back may be changed until the next is added; it is a
 * throw-away one when memory ran out. */
struct gg_shape *gg_picture_rect(struct gg_picture *p, double x, double y, double w, double h,
                                 enum gg_paint paint, const char *title);
struct gg_shape *gg_picture_disc(struct gg_picture *p, double x, double y, double r,
                                 enum gg_paint paint, const char *title);
struct gg_shape *gg_picture_line(struct gg_picture *p, const double *xy, size_t n,
                                 enum gg_paint paint, double width);
struct gg_shape *gg_picture_text(struct gg_picture *p, double x, double y, enum gg_anchor anchor,
                                 enum gg_paint paint, const char *text);
/* Text that runs upwards from (x, y). */
struct gg_shape *gg_picture_upright(struct gg_picture *p, double x, double y, enum gg_paint paint,
                                    const char *text);
enum { GG_TEXT_UNIT = 7 }; /* a letter takes about so much */
double gg_picture_text_width(const char *text);

/* Appends an svg element. alone: a file of its own, with style and background. label: what it shows, for
 * those who don't see it; class_name: of the element, or NULL. */
GG_MUST_CHECK int gg_picture_svg(struct gg_buf *out, const struct gg_picture *p, const char *label,
                                 const char *class_name, bool alone, struct gg_err *err);
/* Appends a PNG file, each unit `scale` pixels wide, in the light colours. Letters beyond ASCII become
 * '?'. GG_ERR_LIMIT for more than 64 million pixels. */
GG_MUST_CHECK int gg_picture_png(struct gg_buf *out, const struct gg_picture *p, unsigned scale,
                                 struct gg_err *err);

/* Appends the text with what HTML and XML care for escaped; control characters become spaces. */
void gg_markup_text(struct gg_buf *out, const char *s);

#endif
