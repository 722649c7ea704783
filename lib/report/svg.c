/* Pictures as SVG: colours by class, so that light and dark are one file. */
#include "lib/report/picture.h"

void gg_markup_text(struct gg_buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '&')
            gg_buf_adds(out, "&amp;");
        else if (*s == '<')
            gg_buf_adds(out, "&lt;");
        else if (*s == '>')
            gg_buf_adds(out, "&gt;");
        else if (*s == '"')
            gg_buf_adds(out, "&quot;");
        else if ((unsigned char)*s < 32)
            gg_buf_addc(out, ' ');
        else
            gg_buf_addc(out, *s);
    }
}

static void add_class(struct gg_buf *out, const struct gg_shape *s)
{
    gg_buf_addf(out, " class=\"%c%d", s->kind == GG_SHAPE_LINE ? 's' : 'f', (int)s->paint);
    if (s->bold)
        gg_buf_adds(out, " b");
    if (s->mark != NULL)
        gg_buf_addf(out, " %s", s->mark);
    gg_buf_addc(out, '"');
}

static void add_end(struct gg_buf *out, const struct gg_shape *s, const char *name)
{
    if (s->title == NULL) {
        gg_buf_adds(out, "/>\n");
        return;
    }
    gg_buf_adds(out, "><title>");
    gg_markup_text(out, s->title);
    gg_buf_addf(out, "</title></%s>\n", name);
}

static void add_text(struct gg_buf *out, const struct gg_shape *s)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    gg_buf_addf(out, "<text x=\"%.6g\" y=\"%.6g\"", s->x, s->y);
    gg_buf_adds(out, anchors[s->anchor]);
    if (s->upright)
        gg_buf_addf(out, " transform=\"rotate(-90 %.6g %.6g)\"", s->x, s->y);
    add_class(out, s);
    gg_buf_addc(out, '>');
    gg_markup_text(out, s->text != NULL ? s->text : "");
    gg_buf_adds(out, "</text>\n");
}

static void add_shape(struct gg_buf *out, const struct gg_shape *s)
{
    switch (s->kind) {
    case GG_SHAPE_RECT:
        gg_buf_addf(out, "<rect x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" height=\"%.6g\"", s->x, s->y,
                    s->w, s->h);
        add_class(out, s);
        add_end(out, s, "rect");
        break;
    case GG_SHAPE_DISC:
        gg_buf_addf(out, "<circle cx=\"%.6g\" cy=\"%.6g\" r=\"%.6g\"", s->x, s->y, s->w);
        add_class(out, s);
        add_end(out, s, "circle");
        break;
    case GG_SHAPE_LINE:
        gg_buf_addf(out, "<polyline fill=\"none\" stroke-width=\"%.6g\"", s->w);
        add_class(out, s);
        gg_buf_adds(out, " points=\"");
        for (size_t i = 0; i < s->n; i++)
            gg_buf_addf(out, "%s%.6g,%.6g", i > 0 ? " " : "", s->xy[2 * i], s->xy[2 * i + 1]);
        gg_buf_adds(out, "\"/>\n");
        break;
    case GG_SHAPE_TEXT:
        add_text(out, s);
        break;
    }
}

int gg_picture_svg(struct gg_buf *out, const struct gg_picture *p, const char *label,
                   const char *class_name, bool alone, struct gg_err *err)
{
    double w = p->width + 8, h = p->height + 8;
    gg_buf_adds(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"");
    if (class_name != NULL)
        gg_buf_addf(out, " class=\"%s\"", class_name);
    gg_buf_addf(out, " viewBox=\"0 0 %.6g %.6g\" width=\"%.6g\" height=\"%.6g\" aria-label=\"", w, h,
                w, h);
    gg_markup_text(out, label);
    gg_buf_adds(out, "\">\n");
    if (alone) {
        gg_buf_adds(out, "<style>\ntext{font:12px system-ui,sans-serif}.b{font-weight:600}\n");
        gg_paint_css(out, "svg");
        gg_buf_adds(out, "</style>\n");
        gg_buf_addf(out, "<rect width=\"100%%\" height=\"100%%\" class=\"f%d\"/>\n", GG_PAINT_PAPER);
    }
    for (size_t i = 0; i < p->n; i++)
        add_shape(out, &p->v[i]);
    gg_buf_adds(out, "</svg>\n");
    return p->failed || out->failed ? gg_fail_nomem(err, "a picture") : GG_OK;
}
