#include "lib/report/picture.h"

#include <stdlib.h>
#include <string.h>

void gg_picture_free(struct gg_picture *p)
{
    gg_arena_free(&p->mem);
    free(p->v);
    *p = (struct gg_picture){0};
}

static const char *keep(struct gg_picture *p, const char *s)
{
    if (s == NULL)
        return NULL;
    const char *copy = gg_arena_strndup(&p->mem, s, strlen(s));
    p->failed |= copy == NULL;
    return copy;
}

static void cover(struct gg_picture *p, double x, double y)
{
    p->width = x > p->width ? x : p->width;
    p->height = y > p->height ? y : p->height;
}

static struct gg_shape *add(struct gg_picture *p, struct gg_shape s)
{
    if (p->n == p->cap) {
        size_t cap = p->cap > 0 ? 2 * p->cap : 256;
        struct gg_shape *v = realloc(p->v, cap * sizeof *v);
        if (v == NULL) {
            p->failed = true;
            return &p->lost;
        }
        p->v = v;
        p->cap = cap;
    }
    p->v[p->n] = s;
    return &p->v[p->n++];
}

struct gg_shape *gg_picture_rect(struct gg_picture *p, double x, double y, double w, double h,
                                 enum gg_paint paint, const char *title)
{
    cover(p, x + w, y + h);
    return add(p, (struct gg_shape){.kind = GG_SHAPE_RECT, .paint = paint, .x = x, .y = y, .w = w,
                                    .h = h, .title = keep(p, title)});
}

struct gg_shape *gg_picture_disc(struct gg_picture *p, double x, double y, double r,
                                 enum gg_paint paint, const char *title)
{
    cover(p, x + r, y + r);
    return add(p, (struct gg_shape){.kind = GG_SHAPE_DISC, .paint = paint, .x = x, .y = y, .w = r,
                                    .title = keep(p, title)});
}

struct gg_shape *gg_picture_line(struct gg_picture *p, const double *xy, size_t n,
                                 enum gg_paint paint, double width)
{
    double *copy = gg_arena_alloc(&p->mem, (2 * n + 1) * sizeof *copy);
    p->failed |= copy == NULL;
    if (copy != NULL)
        memcpy(copy, xy, 2 * n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        cover(p, xy[2 * i], xy[2 * i + 1]);
    return add(p, (struct gg_shape){.kind = GG_SHAPE_LINE, .paint = paint, .w = width, .xy = copy,
                                    .n = copy != NULL ? n : 0});
}

double gg_picture_text_width(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return (double)(GG_TEXT_UNIT * n);
}

struct gg_shape *gg_picture_text(struct gg_picture *p, double x, double y, enum gg_anchor anchor,
                                 enum gg_paint paint, const char *text)
{
    double w = gg_picture_text_width(text);
    cover(p, anchor == GG_ANCHOR_START ? x + w : anchor == GG_ANCHOR_MIDDLE ? x + w / 2 : x, y + 3);
    return add(p, (struct gg_shape){.kind = GG_SHAPE_TEXT, .paint = paint, .x = x, .y = y,
                                    .text = keep(p, text), .anchor = anchor});
}

struct gg_shape *gg_picture_upright(struct gg_picture *p, double x, double y, enum gg_paint paint,
                                    const char *text)
{
    cover(p, x + 4, y);
    return add(p, (struct gg_shape){.kind = GG_SHAPE_TEXT, .paint = paint, .x = x, .y = y,
                                    .text = keep(p, text), .upright = true});
}
