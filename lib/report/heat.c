#include "lib/report/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* 0 (best) to GG_N_HEAT - 1 (worst) */
static int step_of(double db, double best, double worst)
{
    double t = (best - db) / (best - worst) * GG_N_HEAT;
    return t < 0 || isnan(t) ? 0 : t >= GG_N_HEAT ? GG_N_HEAT - 1 : (int)t;
}

static double longest(const char *const *labels, size_t n)
{
    double w = 0;
    for (size_t i = 0; i < n; i++)
        w = fmax(w, gg_picture_text_width(labels[i]));
    return w;
}

/* Cells shrink as there are more layers; below this no number fits in. */
static const double ROOM_FOR_NUMBER = 22;

static double cell_width(size_t n, bool down)
{
    return n <= 12 && !down ? 44 : down || n <= 34 ? 26 : n <= 64 ? 16 : 11;
}

static void draw_cell(struct gg_picture *p, const struct gg_heat *h, const struct gg_cell_value *c,
                      double x, double y, double w, double height)
{
    char number[16];
    if (c->kind == GG_CELL_EMPTY)
        return;
    if (c->kind == GG_CELL_NONE || c->kind == GG_CELL_SAME) {
        bool same = c->kind == GG_CELL_SAME;
        gg_picture_rect(p, x, y, w - 1, height - 1, same ? GG_PAINT_SAME : GG_PAINT_NONE, c->title)
            ->mark = "cell";
        if (w >= ROOM_FOR_NUMBER)
            gg_picture_text(p, x + (w - 1) / 2, y + height / 2 + 4, GG_ANCHOR_MIDDLE, GG_PAINT_MUTED,
                            same ? "=" : "?");
        return;
    }
    int step = step_of(c->db, h->best, h->worst);
    enum gg_paint paint = (enum gg_paint)((int)GG_PAINT_HEAT + step);
    gg_picture_rect(p, x, y, w - 1, height - 1, paint, c->title)->mark = "cell";
    snprintf(number, sizeof number, "%.0f", c->db);
    if (w >= ROOM_FOR_NUMBER && strlen(number) <= 3)
        gg_picture_text(p, x + (w - 1) / 2, y + height / 2 + 4, GG_ANCHOR_MIDDLE,
                        (enum gg_paint)((int)GG_PAINT_ON_HEAT + step), number);
}

/* Labels along the top, where they fit side by side. */
static void label_across(struct gg_picture *p, const char *const *labels, size_t n, double x, double y,
                         double step)
{
    size_t every = 1;
    while (longest(labels, n) + 4 > step * (double)every && every < n)
        every *= every == 2 ? 5 : 2; /* 1, 2, 10, 20... */
    for (size_t i = 0; i < n; i += every)
        gg_picture_text(p, x + ((double)i + 0.5) * step, y, GG_ANCHOR_MIDDLE, GG_PAINT_MUTED, labels[i]);
}

static void label_upright(struct gg_picture *p, const char *const *labels, size_t n, double x,
                          double y, double step)
{
    for (size_t i = 0; i < n; i++)
        gg_picture_upright(p, x + ((double)i + 0.5) * step + 4, y, GG_PAINT_INK, labels[i]);
}

static const double ROW = 20, LABEL_GAP = 8;

static void plot_across(struct gg_picture *p, const struct gg_heat *h, double x, double y)
{
    double left = x + fmax(longest(h->roles, h->n_roles), 90) + LABEL_GAP;
    double w = cell_width(h->n_layers, false);
    if (h->n_layers > 1) {
        label_across(p, h->layers, h->n_layers, left, y + 12, w);
        y += 18;
    }
    for (size_t r = 0; r < h->n_roles; r++) {
        gg_picture_text(p, left - LABEL_GAP, y + (double)r * ROW + 14, GG_ANCHOR_END, GG_PAINT_INK,
                        h->roles[r]);
        for (size_t l = 0; l < h->n_layers; l++)
            draw_cell(p, h, &h->cells[l * h->n_roles + r], left + (double)l * w,
                      y + (double)r * ROW, w, ROW);
    }
}

static void plot_down(struct gg_picture *p, const struct gg_heat *h, double x, double y)
{
    double left = x + fmax(longest(h->layers, h->n_layers), 20) + LABEL_GAP;
    double top = y + longest(h->roles, h->n_roles) + LABEL_GAP, w = cell_width(h->n_roles, true);
    label_upright(p, h->roles, h->n_roles, left, top - 4, w);
    for (size_t l = 0; l < h->n_layers; l++) {
        gg_picture_text(p, left - LABEL_GAP, top + (double)l * ROW + 14, GG_ANCHOR_END,
                        GG_PAINT_MUTED, h->layers[l]);
        for (size_t r = 0; r < h->n_roles; r++)
            draw_cell(p, h, &h->cells[l * h->n_roles + r], left + (double)r * w,
                      top + (double)l * ROW, w, ROW);
    }
}

void gg_plot_heat(struct gg_picture *p, const struct gg_heat *h, double x, double y, bool down)
{
    if (h->title != NULL) {
        gg_picture_text(p, x, y + 12, GG_ANCHOR_START, GG_PAINT_INK, h->title)->bold = true;
        y += 20;
    }
    if (down)
        plot_down(p, h, x, y);
    else
        plot_across(p, h, x, y);
}

void gg_plot_heat_scale(struct gg_picture *p, double best, double worst, double x, double y,
                        bool narrow)
{
    char text[48];
    double left = x;
    snprintf(text, sizeof text, "%.0f dB", worst);
    gg_picture_text(p, x, y + 11, GG_ANCHOR_START, GG_PAINT_MUTED, text);
    x += gg_picture_text_width(text) + LABEL_GAP;
    for (int i = GG_N_HEAT - 1; i >= 0; i--, x += 9)
        gg_picture_rect(p, x, y, 9, 14, (enum gg_paint)((int)GG_PAINT_HEAT + i), NULL);
    snprintf(text, sizeof text, "%.0f dB (less error)", best);
    gg_picture_text(p, x + LABEL_GAP, y + 11, GG_ANCHOR_START, GG_PAINT_MUTED, text);
    x = narrow ? left : x + gg_picture_text_width(text) + 3 * LABEL_GAP;
    y += narrow ? 22 : 0;
    gg_picture_rect(p, x, y, 14, 14, GG_PAINT_SAME, NULL);
    gg_picture_text(p, x + 20, y + 11, GG_ANCHOR_START, GG_PAINT_MUTED, "= same");
    gg_picture_rect(p, x + 76, y, 14, 14, GG_PAINT_NONE, NULL);
    gg_picture_text(p, x + 96, y + 11, GG_ANCHOR_START, GG_PAINT_MUTED, "? not compared");
}

/* ---- on a terminal --------------------------------------------------------------------------- */

enum { N_SHADES = 5 };

/* Colours of the 256 most terminals have, from good to bad. */
static const unsigned ansi[N_SHADES] = {30, 72, 179, 208, 196};

static void put_shade(struct gg_buf *out, int shade, bool color, bool utf8)
{
    static const char *const blocks[N_SHADES] = {"\u2581", "\u2591", "\u2592", "\u2593", "\u2588"};
    static const char *const letters[N_SHADES] = {".", ":", "o", "8", "@"};
    if (color)
        gg_buf_addf(out, "\033[38;5;%um%s\033[0m", ansi[shade], utf8 ? "\u2588" : letters[shade]);
    else
        gg_buf_adds(out, utf8 ? blocks[shade] : letters[shade]);
}

static void put_cell(struct gg_buf *out, const struct gg_heat *h, const struct gg_cell_value *c,
                     size_t wide, bool color, bool utf8)
{
    for (size_t i = 0; i < wide; i++) {
        if (c->kind == GG_CELL_VALUE)
            put_shade(out, step_of(c->db, h->best, h->worst) * N_SHADES / GG_N_HEAT, color, utf8);
        else
            gg_buf_addc(out, c->kind == GG_CELL_SAME ? '=' : c->kind == GG_CELL_NONE ? '?' : ' ');
    }
}

void gg_text_heat(struct gg_buf *out, const struct gg_heat *h, size_t columns, bool color, bool utf8)
{
    size_t label = (size_t)(longest(h->roles, h->n_roles) / GG_TEXT_UNIT);
    size_t room = columns > label + 4 ? columns - label - 4 : columns == 0 ? 200 : 1;
    size_t wide = 2 * h->n_layers <= room ? 2 : 1, most = room / wide;
    if (h->title != NULL)
        gg_buf_addf(out, "  %s\n", h->title);
    for (size_t from = 0; from < h->n_layers; from += most) {
        size_t end = from + most < h->n_layers ? from + most : h->n_layers;
        if (h->n_layers > 1)
            gg_buf_addf(out, "  %*s  layers %s to %s\n", (int)label, "", h->layers[from],
                        h->layers[end - 1]);
        for (size_t r = 0; r < h->n_roles; r++) {
            size_t w = (size_t)(gg_picture_text_width(h->roles[r]) / GG_TEXT_UNIT);
            gg_buf_adds(out, "  ");
            gg_buf_fill(out, ' ', label > w ? label - w : 0);
            gg_buf_addf(out, "%s  ", h->roles[r]);
            for (size_t l = from; l < end; l++)
                put_cell(out, h, &h->cells[l * h->n_roles + r], wide, color, utf8);
            gg_buf_addc(out, '\n');
        }
    }
}

void gg_text_heat_scale(struct gg_buf *out, double best, double worst, bool color, bool utf8)
{
    gg_buf_addf(out, "  %.0f dB ", worst);
    for (int i = N_SHADES - 1; i >= 0; i--) {
        put_shade(out, i, color, utf8);
        put_shade(out, i, color, utf8);
    }
    gg_buf_addf(out, " %.0f dB (less error)   = same   ? not compared\n", best);
}
