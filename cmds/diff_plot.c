/* Pictures: --plot, --svg, --png, and the files they and --html go to. */
#include "cmds/diff.h"

#include "lib/base/text.h"
#include "lib/quant/qtype.h"
#include "lib/sys/sink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool diff_wants_pictures(const struct diff *d)
{
    return d->o->html != NULL || d->o->svg != NULL || d->o->png != NULL;
}

size_t diff_histogram_of(const struct diff *d, size_t other, uint32_t type)
{
    (void)d;
    return other * (QT_ID_END + 1) + (type < QT_ID_END ? type : QT_ID_END);
}

/* ---- parts ----------------------------------------------------------------------------------- */

double diff_draw_heats(struct diff *d, const struct diff_grids *g, size_t other,
                       struct gg_picture *p, double y, bool down)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct gg_heat *h = diff_heat_of(d, g, i, other);
        p->failed |= h == NULL;
        if (h != NULL)
            gg_plot_heat(p, h, 0, y, down && h->n_layers > 1);
        y = p->height + 8;
    }
    return y;
}

static void add_bins(struct gg_error_histogram *to, const struct gg_error_histogram *h)
{
    to->n_exact += h->n_exact;
    for (size_t i = 0; i < GG_ERROR_BINS; i++)
        to->bin[i] += h->bin[i];
}

static bool is_empty(const struct gg_error_histogram *h)
{
    uint64_t n = 0;
    for (size_t i = 0; i < GG_ERROR_BINS; i++)
        n += h->bin[i];
    return n == 0;
}

/* Of two models a line for each type of the second, the largest first; of several one for each. */
static size_t list_series(struct diff *d, struct gg_series *v, size_t most)
{
    size_t n = 0;
    const struct diff_other *o = &d->others[0];
    for (size_t i = 0; d->n_others == 1 && i < o->n_types && n < most; i++) {
        const struct gg_error_histogram *h =
            &d->histograms[diff_histogram_of(d, 0, o->types[i].to)];
        bool seen = is_empty(h);
        for (size_t k = 0; k < n; k++)
            seen |= v[k].bins == h->bin;
        char tmp[32];
        const char *name = qt_name(o->types[i].to, tmp);
        name = gg_arena_strndup(&d->mem, name, strlen(name));
        if (!seen && name != NULL)
            v[n++] = (struct gg_series){name, h->bin, h->n_exact};
    }
    for (size_t m = 0; d->n_others > 1 && m < d->n_others && n < most; m++) {
        struct gg_error_histogram *all = gg_arena_zalloc(&d->mem, 1, sizeof *all);
        for (uint32_t t = 0; all != NULL && t <= QT_ID_END; t++)
            add_bins(all, &d->histograms[diff_histogram_of(d, m, t)]);
        if (all != NULL && !is_empty(all))
            v[n++] = (struct gg_series){d->labels[m + 1], all->bin, all->n_exact};
    }
    return n;
}

void diff_draw_histogram(struct diff *d, struct gg_picture *p, double y, double w)
{
    struct gg_series v[GG_N_SERIES];
    size_t n = list_series(d, v, GG_N_SERIES);
    gg_plot_histogram(p, v, n, GG_ERROR_BINS, GG_ERROR_BIN_ONE, 4, 0, y, w, 280);
}

static double error_of(const struct diff *d, size_t m)
{
    struct gg_error e = diff_error_of(&d->others[m].all);
    return d->n_weighted > 0 ? e.weighted : e.nmse;
}

static const char *without_ending(struct diff *d, const char *label)
{
    size_t n = strlen(label);
    if (n <= 5 || strcmp(label + n - 5, ".gguf") != 0)
        return label;
    const char *copy = gg_arena_strndup(&d->mem, label, n - 5);
    return copy != NULL ? copy : label;
}

bool diff_draw_scatter(struct diff *d, struct gg_picture *p, double y, double w)
{
    struct gg_point *v = gg_arena_zalloc(&d->mem, d->n_others, sizeof *v);
    size_t n = 0;
    for (size_t m = 0; v != NULL && m < d->n_others; m++) {
        double e = error_of(d, m);
        if (e > DIFF_HARDLY && isfinite(e))
            v[n++] = (struct gg_point){(double)d->desc[m + 1].all.nbytes, e,
                                       without_ending(d, d->labels[m + 1]), d->labels[m + 1]};
    }
    if (n >= 2)
        gg_plot_scatter(p, v, n, 0, y, w, 420);
    return n >= 2;
}

/* ---- all in one picture ---------------------------------------------------------------------- */

static double put_title(struct gg_picture *p, double y, const char *text)
{
    gg_picture_text(p, 0, y + 12, GG_ANCHOR_START, GG_PAINT_INK, text)->bold = true;
    return y + 24;
}

static void head_text(struct gg_buf *b, const struct diff *d)
{
    if (d->n_others == 1)
        gg_buf_addf(b, "%s against %s", d->labels[1], d->labels[0]);
    else
        gg_buf_addf(b, "%zu models against %s", d->n_others, d->labels[0]);
}

static void compose(struct diff *d, const struct diff_grids *g, struct gg_picture *p)
{
    struct gg_buf b = GG_BUF_INIT;
    enum { WIDTH = 860 };
    head_text(&b, d);
    double y = put_title(p, 8, gg_buf_str(&b));
    gg_buf_reset(&b);
    if (d->n_others == 1)
        diff_verdict(&b, d, 0);
    else
        gg_buf_adds(&b, d->n_weighted > 0 ? "size against NMSE, weighted by activation energy"
                                          : "size against NMSE");
    gg_picture_text(p, 0, y + 8, GG_ANCHOR_START, GG_PAINT_MUTED, gg_buf_str(&b));
    gg_buf_free(&b);
    y += 28;
    if (d->n_others > 1 && diff_draw_scatter(d, p, y, WIDTH))
        y = p->height + 24;
    y = put_title(p, y, "Signal to noise of each tensor, dB");
    gg_plot_heat_scale(p, g->best, g->worst, 0, y, false);
    y += 28;
    for (size_t m = 0; m < d->n_others; m++) {
        if (d->n_others > 1)
            y = put_title(p, y, d->labels[m + 1]);
        y = diff_draw_heats(d, g, m, p, y, false) + 12;
    }
    y = put_title(p, y, "How large errors are");
    diff_draw_histogram(d, p, y, WIDTH);
    for (size_t i = 0; i < p->n; i++) { /* a margin */
        struct gg_shape *s = &p->v[i];
        s->x += 8;
        for (size_t k = 0; k < s->n; k++)
            ((double *)s->xy)[2 * k] += 8;
    }
    p->width += 8;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Under --force too nothing that was read is replaced. */
static int write_file(struct diff *d, const char *path, struct gg_buf *b, struct gg_err *err)
{
    size_t n = 0;
    for (size_t m = 0; m < d->n_models; m++)
        n += d->models[m]->n_files;
    struct gg_file_id *ids = gg_arena_zalloc(&d->mem, n + 1, sizeof *ids);
    struct gg_sink_opts o = {.nbytes = b->nbytes, .force = d->o->force, .inputs = ids};
    struct gg_sink *s = NULL;
    if (b->failed || ids == NULL)
        return gg_fail_nomem(err, path);
    for (size_t m = 0; m < d->n_models; m++) {
        for (size_t i = 0; i < d->models[m]->n_files; i++) {
            if (d->models[m]->files[i].ino != 0)
                ids[o.n_inputs++] =
                    (struct gg_file_id){d->models[m]->files[i].dev, d->models[m]->files[i].ino};
        }
    }
    int rc = gg_sink_open(&s, path, &o, err);
    if (rc == GG_OK)
        rc = gg_sink_write(s, 0, b->data, b->nbytes, err);
    if (rc == GG_OK)
        rc = gg_sink_finish(s, err);
    if (rc == GG_OK)
        rc = gg_sink_commit(s, err);
    gg_sink_free(s);
    return rc;
}

int diff_write_pictures(struct diff *d, struct gg_err *err)
{
    struct diff_grids g;
    struct gg_picture p = {0};
    struct gg_buf b = GG_BUF_INIT;
    if (!diff_wants_pictures(d))
        return GG_OK;
    int rc = diff_make_grids(d, &g, err);
    if (rc == GG_OK && d->o->html != NULL) {
        rc = diff_page(d, &g, &b, err);
        if (rc == GG_OK)
            rc = write_file(d, d->o->html, &b, err);
    }
    if (rc == GG_OK && (d->o->svg != NULL || d->o->png != NULL))
        compose(d, &g, &p);
    if (rc == GG_OK && d->o->svg != NULL) {
        gg_buf_reset(&b);
        rc = gg_picture_svg(&b, &p, "comparison of models", NULL, true, err);
        if (rc == GG_OK)
            rc = write_file(d, d->o->svg, &b, err);
    }
    if (rc == GG_OK && d->o->png != NULL) {
        gg_buf_reset(&b);
        rc = gg_picture_png(&b, &p, 2, err);
        if (rc == GG_OK)
            rc = write_file(d, d->o->png, &b, err);
    }
    gg_buf_free(&b);
    gg_picture_free(&p);
    return rc;
}

/* ---- the terminal ---------------------------------------------------------------------------- */

int diff_plot(struct diff *d, struct gg_err *err)
{
    struct diff_grids g;
    struct gg_buf b = GG_BUF_INIT;
    int rc = diff_make_grids(d, &g, err);
    if (rc == GG_OK) {
        gg_buf_addc(&b, '\n');
        gg_text_heat_scale(&b, g.best, g.worst, d->term.color, d->term.utf8);
    }
    for (size_t m = 0; rc == GG_OK && m < d->n_others; m++) {
        if (d->n_others > 1)
            gg_buf_addf(&b, "\n  %s\n", d->labels[m + 1]);
        for (size_t i = 0; i < g.n && !b.failed; i++) {
            const struct gg_heat *h = diff_heat_of(d, &g, i, m);
            if (h == NULL)
                b.failed = true;
            else
                gg_text_heat(&b, h, d->term.columns, d->term.color, d->term.utf8);
        }
    }
    fwrite(gg_buf_str(&b), 1, b.nbytes, d->env->out);
    if (rc == GG_OK && b.failed)
        rc = gg_fail_nomem(err, "a heat map");
    gg_buf_free(&b);
    return rc;
}
