/* Charts with axes: scatter and histogram. */
#include "lib/report/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- axes ------------------------------------------------------------------------------------ */

struct frame {
    double x, y, w, h; /* of the area that is drawn in */
    double x0, x1, y0, y1; /* values at its edges; y0 at the bottom */
};

/* Below this legends stand below. */
static const double NARROW = 500;

static double at_x(const struct frame *f, double v)
{
    return f->x + (v - f->x0) / (f->x1 - f->x0) * f->w;
}

static double at_y(const struct frame *f, double v)
{
    return f->y + f->h - (v - f->y0) / (f->y1 - f->y0) * f->h;
}

static void tick_x(struct gg_picture *p, const struct frame *f, double v, const char *text)
{
    double x = at_x(f, v), line[4] = {x, f->y, x, f->y + f->h};
    gg_picture_line(p, line, 2, GG_PAINT_GRID, 1);
    gg_picture_text(p, x, f->y + f->h + 16, GG_ANCHOR_MIDDLE, GG_PAINT_MUTED, text);
}

static void tick_y(struct gg_picture *p, const struct frame *f, double v, const char *text)
{
    double y = at_y(f, v), line[4] = {f->x, y, f->x + f->w, y};
    gg_picture_line(p, line, 2, GG_PAINT_GRID, 1);
    gg_picture_text(p, f->x - 8, y + 4, GG_ANCHOR_END, GG_PAINT_MUTED, text);
}

static void name_x(struct gg_picture *p, const struct frame *f, const char *text)
{
    gg_picture_text(p, f->x + f->w, f->y + f->h + 34, GG_ANCHOR_END, GG_PAINT_INK, text);
}

/* 1, 2 or 5 times a power of ten, so that about n steps make up the range. */
static double nice_step(double range, double n)
{
    double raw = range / n, unit = pow(10, floor(log10(raw)));
    double m = raw / unit;
    return unit * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

/* ---- scatter --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    double nbytes;
} units[] = {{"GiB", 1073741824.0}, {"MiB", 1048576.0}, {"KiB", 1024.0}, {"B", 1.0}};

static void size_axis(struct gg_picture *p, const struct frame *f)
{
    char text[32];
    size_t u = 0;
    while (u + 1 < sizeof units / sizeof units[0] && f->x1 < units[u].nbytes)
        u++;
    double unit = units[u].nbytes, step = nice_step((f->x1 - f->x0) / unit, f->w / 60);
    for (double v = ceil(f->x0 / unit / step) * step; v <= f->x1 / unit + 1e-9; v += step) {
        snprintf(text, sizeof text, "%.4g", v);
        tick_x(p, f, v * unit, text);
    }
    snprintf(text, sizeof text, "size of all tensors, %s", units[u].name);
    name_x(p, f, text);
}

static void error_axis(struct gg_picture *p, const struct frame *f)
{
    char text[48];
    for (double e = ceil(f->y0); e <= f->y1 + 1e-9; e++) {
        snprintf(text, sizeof text, "%g (%.0f dB)", pow(10, e), 0 - 10 * e);
        tick_y(p, f, e, text);
    }
    gg_picture_text(p, f->x - 8, f->y - 10, GG_ANCHOR_END, GG_PAINT_INK, "NMSE");
}

static bool is_beaten(const struct gg_point *v, size_t n, size_t i)
{
    for (size_t k = 0; k < n; k++) {
        if (k != i && v[k].nbytes <= v[i].nbytes && v[k].error <= v[i].error &&
            (v[k].nbytes < v[i].nbytes || v[k].error < v[i].error || k < i))
            return true;
    }
    return false;
}

static int by_x(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void draw_front(struct gg_picture *p, const struct frame *f, const struct gg_point *v, size_t n)
{
    double *xy = gg_arena_alloc(&p->mem, (2 * n + 1) * sizeof *xy);
    size_t m = 0;
    for (size_t i = 0; xy != NULL && i < n; i++) {
        if (is_beaten(v, n, i))
            continue;
        xy[2 * m] = at_x(f, v[i].nbytes);
        xy[2 * m + 1] = at_y(f, log10(v[i].error));
        m++;
    }
    if (xy == NULL)
        return;
    qsort(xy, m, 2 * sizeof *xy, by_x);
    gg_picture_line(p, xy, m, GG_PAINT_SERIES, 1.5);
}

struct box {
    double x, y, w, h;
};

static bool overlaps(const struct box *a, const struct box *b)
{
    return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

/* Finds a place for each label beside its point where it covers nothing; some get none. */
static void draw_labels(struct gg_picture *p, const struct frame *f, const struct gg_point *v, size_t n)
{
    struct box *taken = gg_arena_alloc(&p->mem, (2 * n + 1) * sizeof *taken);
    size_t m = 0;
    for (size_t i = 0; taken != NULL && i < n; i++)
        taken[m++] = (struct box){at_x(f, v[i].nbytes) - 5, at_y(f, log10(v[i].error)) - 5, 10, 10};
    for (size_t i = 0; taken != NULL && i < n; i++) {
        double cx = at_x(f, v[i].nbytes), cy = at_y(f, log10(v[i].error));
        double w = gg_picture_text_width(v[i].label);
        const struct box places[] = {
            {cx + 8, cy - 7, w, 13},       {cx - 8 - w, cy - 7, w, 13}, {cx + 4, cy - 21, w, 13},
            {cx - w - 4, cy + 7, w, 13},   {cx + 4, cy + 7, w, 13},     {cx - w - 4, cy - 21, w, 13},
        };
        for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
            bool free_place = places[k].x >= f->x && places[k].x + w <= f->x + f->w + 60;
            for (size_t j = 0; free_place && j < m; j++)
                free_place = !overlaps(&places[k], &taken[j]);
            if (!free_place)
                continue;
            gg_picture_text(p, places[k].x, places[k].y + 11, GG_ANCHOR_START, GG_PAINT_INK, v[i].label);
            taken[m++] = places[k];
            break;
        }
    }
}

void gg_plot_scatter(struct gg_picture *p, const struct gg_point *v, size_t n, double x, double y,
                     double w, double h)
{
    struct frame f = {.x = x + 110, .y = y + 20, .w = w - (w < NARROW ? 125 : 170), .h = h - 64,
                      .x0 = INFINITY, .x1 = -INFINITY, .y0 = INFINITY, .y1 = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        f.x0 = fmin(f.x0, v[i].nbytes);
        f.x1 = fmax(f.x1, v[i].nbytes);
        f.y0 = fmin(f.y0, log10(v[i].error));
        f.y1 = fmax(f.y1, log10(v[i].error));
    }
    if (n == 0)
        return;
    double margin = (f.x1 - f.x0) * 0.06;
    margin = margin > 0 ? margin : f.x1 * 0.1 + 1;
    f.x0 = fmax(f.x0 - margin, 0);
    f.x1 += margin;
    f.y0 = floor(f.y0 - 0.05);
    f.y1 = ceil(f.y1 + 0.05);
    size_axis(p, &f);
    error_axis(p, &f);
    draw_front(p, &f, v, n);
    for (size_t i = 0; i < n; i++)
        gg_picture_disc(p, at_x(&f, v[i].nbytes), at_y(&f, log10(v[i].error)), 4.5,
                        is_beaten(v, n, i) ? GG_PAINT_MUTED : GG_PAINT_SERIES, v[i].title)->mark = "point";
    draw_labels(p, &f, v, n);
}

/* ---- histogram ------------------------------------------------------------------------------- */

static uint64_t sum(const struct gg_series *s, size_t n_bins)
{
    uint64_t n = s->n_exact;
    for (size_t i = 0; i < n_bins; i++)
        n += s->bins[i];
    return n;
}

/* Octaves are drawn from the first to the last that matters. */
static void find_range(const struct gg_series *v, size_t n, size_t n_bins, size_t *from, size_t *to,
                       double *most)
{
    *from = n_bins;
    *to = 0;
    *most = 0;
    for (size_t s = 0; s < n; s++) {
        double all = (double)sum(&v[s], n_bins);
        for (size_t i = 0; i < n_bins && all > 0; i++) {
            double share = (double)v[s].bins[i] / all;
            *most = fmax(*most, share);
            if (share < 0.0005)
                continue;
            *from = i < *from ? i : *from;
            *to = i > *to ? i : *to;
        }
    }
}

static void draw_series(struct gg_picture *p, const struct frame *f, const struct gg_series *s,
                        size_t k, size_t from, size_t to, double all, bool narrow)
{
    double *xy = gg_arena_alloc(&p->mem, (2 * (to - from) + 8) * sizeof *xy);
    size_t m = 0;
    for (size_t i = from; xy != NULL && i <= to; i++, m++) {
        xy[2 * m] = at_x(f, (double)i + 0.5);
        xy[2 * m + 1] = at_y(f, (double)s->bins[i] / all);
    }
    enum gg_paint paint = (enum gg_paint)((int)GG_PAINT_SERIES + (int)k);
    if (xy != NULL)
        gg_picture_line(p, xy, m, paint, 2);
    char text[96];
    snprintf(text, sizeof text, "%.60s", s->label);
    if (s->n_exact > 0)
        snprintf(text, sizeof text, "%.60s, %.3g%% exact", s->label, 100.0 * (double)s->n_exact / all);
    double x = narrow ? f->x : f->x + f->w + 16;
    double y = (narrow ? f->y + f->h + 60 : f->y + 8) + 18 * (double)k;
    gg_picture_rect(p, x, y - 6, 14, 4, paint, NULL);
    gg_picture_text(p, x + 20, y, GG_ANCHOR_START, GG_PAINT_INK, text);
}

void gg_plot_histogram(struct gg_picture *p, const struct gg_series *v, size_t n, size_t n_bins,
                       size_t one, size_t per_octave, double x, double y, double w, double h)
{
    size_t from, to;
    double most;
    char text[32];
    n = n < GG_N_SERIES ? n : GG_N_SERIES;
    find_range(v, n, n_bins, &from, &to, &most);
    if (from > to)
        return;
    from = from > 0 ? from - 1 : 0;
    to = to + 1 < n_bins ? to + 1 : to;
    bool narrow = w < NARROW;
    struct frame f = {.x = x + 60, .y = y + 20, .w = w - (narrow ? 80 : 280), .h = h - 64,
                      .x0 = (double)from, .x1 = (double)to + 1, .y0 = 0, .y1 = most * 1.08};
    size_t octaves = (to - from) / per_octave + 1, every = 1;
    while ((double)every * f.w / (double)octaves < 50 && every < octaves)
        every *= 2;
    for (size_t i = from; i <= to; i++) {
        long octave = ((long)i - (long)one) / (long)per_octave;
        if (((long)i - (long)one) % (long)per_octave != 0 || octave % (long)every != 0)
            continue;
        if (octave < 0)
            snprintf(text, sizeof text, "1/%ld", 1L << -octave);
        else
            snprintf(text, sizeof text, "%ld", 1L << octave);
        tick_x(p, &f, (double)i, text);
    }
    double step = nice_step(f.y1, 4);
    for (double share = 0; share <= f.y1; share += step) {
        snprintf(text, sizeof text, "%.3g%%", 100 * share);
        tick_y(p, &f, share, text);
    }
    name_x(p, &f, narrow ? "error / RMS of the tensor" : "error of a value / root mean square of its tensor");
    gg_picture_text(p, f.x - 8, f.y - 10, GG_ANCHOR_END, GG_PAINT_INK, "share");
    for (size_t k = 0; k < n; k++) {
        double all = (double)sum(&v[k], n_bins);
        if (all > 0)
            draw_series(p, &f, &v[k], k, from, to, all, narrow);
    }
}
