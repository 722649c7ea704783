/* Plots: numbers to shapes. Each is added to a picture at (x, y), its upper left corner. */
#ifndef GG_PLOT_H
#define GG_PLOT_H

#include "lib/report/picture.h"

/* ---- heat: layers and roles ------------------------------------------------------------------ */

enum gg_cell_kind {
    GG_CELL_EMPTY, /* nothing there */
    GG_CELL_VALUE,
    GG_CELL_SAME, /* no error at all */
    GG_CELL_NONE, /* there, but not compared */
};

struct gg_cell_value {
    enum gg_cell_kind kind;
    double db;         /* signal to noise: more is better */
    const char *title; /* what a pointer shows */
};

/* One stack of layers: cells[layer * n_roles + role]. */
struct gg_heat {
    const char *title; /* NULL: none */
    const char *const *layers;
    size_t n_layers;
    const char *const *roles;
    size_t n_roles;
    const struct gg_cell_value *cells;
    double best, worst; /* dB at both ends of the scale; best > worst */
};

/* Roles down and layers across or, in down, layers down and roles across. */
void gg_plot_heat(struct gg_picture *p, const struct gg_heat *h, double x, double y, bool down);
/* The scale, on two lines when narrow. */
void gg_plot_heat_scale(struct gg_picture *p, double best, double worst, double x, double y,
                        bool narrow);

/* Appends lines of text, roles down and layers across, at most `columns` wide (0: any). Shades of
 * block characters, in colours when there are any; without UTF-8 a letter for each step. */
void gg_text_heat(struct gg_buf *out, const struct gg_heat *h, size_t columns, bool color, bool utf8);
void gg_text_heat_scale(struct gg_buf *out, double best, double worst, bool color, bool utf8);

/* ---- scatter: size against error ------------------------------------------------------------- */

struct gg_point {
    double nbytes, error; /* NMSE, > 0 */
    const char *label, *title;
};

/* Error on a logarithmic axis; a line joins those that nothing smaller beats. */
void gg_plot_scatter(struct gg_picture *p, const struct gg_point *v, size_t n, double x, double y,
                     double w, double h);

/* ---- histogram: how large errors are --------------------------------------------------------- */

struct gg_series {
    const char *label;
    const uint64_t *bins; /* counts */
    uint64_t n_exact;     /* values without error, left out of the bins */
};

/* Lines over n_bins bins, per_octave of which double the error; bin `one` begins at 1 (as large as the
 * root mean square). The first GG_N_SERIES series. */
void gg_plot_histogram(struct gg_picture *p, const struct gg_series *v, size_t n, size_t n_bins,
                       size_t one, size_t per_octave, double x, double y, double w, double h);

#endif
