/* --rows: which rows and which channels (columns) of a tensor differ most. */
#include "cmds/diff.h"

#include "lib/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums are kept for each channel: 16 bytes of them. */
enum { MOST_CHANNELS = 1 << 22 };

struct sum {
    double ee, xx;
};

/* What a tile leaves: sums of rows, where they are whole the worst of them, and of columns. */
struct part {
    struct diff_place row[DIFF_N_ROWS];
    size_t n_rows;
    struct sum piece;
    struct sum col[];
};

struct walk {
    struct diff_rows *out;
    struct sum *col; /* NULL: too many */
    struct sum piece; /* of a row that comes in pieces */
    uint64_t n_cols;
};

static double relative(struct sum s)
{
    return s.ee == 0 ? 0 : sqrt(s.ee / s.xx);
}

/* Keeps the worst, of equals the first. */
static void insert(struct diff_place *v, size_t *n, uint64_t at, double error)
{
    size_t i = *n;
    if (!(error > 0) || (i == DIFF_N_ROWS && !(error > v[i - 1].error)))
        return;
    i -= i == DIFF_N_ROWS;
    for (; i > 0 && error > v[i - 1].error; i--)
        v[i] = v[i - 1];
    v[i] = (struct diff_place){at, error};
    *n += *n < DIFF_N_ROWS;
}

static int visit(void *ctx, const struct gg_tile *t, void *part, void *scratch, struct gg_err *err)
{
    const struct walk *w = ctx;
    struct part *p = part;
    (void)scratch, (void)err;
    for (size_t r = 0; r < t->n_rows; r++) {
        struct sum row = {0};
        for (size_t c = 0; c < t->n_cols; c++) {
            double x = t->x[0][r * t->n_cols + c], e = t->x[1][r * t->n_cols + c] - x;
            if (!isfinite(x) || !isfinite(e))
                continue;
            row.ee += e * e;
            row.xx += x * x;
            if (w->col != NULL) {
                p->col[c].ee += e * e;
                p->col[c].xx += x * x;
            }
        }
        p->piece = row;
        if (t->n_cols == w->n_cols)
            insert(p->row, &p->n_rows, t->row + r, relative(row));
    }
    return GG_OK;
}

static int combine(void *ctx, const struct gg_tile *t, void *part, struct gg_err *err)
{
    struct walk *w = ctx;
    const struct part *p = part;
    (void)err;
    for (size_t i = 0; i < p->n_rows; i++)
        insert(w->out->row, &w->out->n_rows, p->row[i].at, p->row[i].error);
    if (t->n_cols < w->n_cols) {
        w->piece.ee = p->piece.ee + (t->col > 0 ? w->piece.ee : 0);
        w->piece.xx = p->piece.xx + (t->col > 0 ? w->piece.xx : 0);
        if (t->col + t->n_cols == w->n_cols)
            insert(w->out->row, &w->out->n_rows, t->row, relative(w->piece));
    }
    for (size_t c = 0; w->col != NULL && c < t->n_cols; c++) {
        w->col[t->col + c].ee += p->col[c].ee;
        w->col[t->col + c].xx += p->col[c].xx;
    }
    return GG_OK;
}

int diff_find_rows(struct diff *d, size_t item, size_t other, struct diff_rows *out,
                   struct gg_err *err)
{
    const struct gg_match_item *it = &d->match.items[item];
    const struct gg_tensor *t = diff_tensor(d, item, 0);
    const struct gg_model *models[2] = {d->models[0], d->models[other + 1]};
    const size_t tensor[2] = {it->tensor[0], it->tensor[other + 1]};
    struct gg_visit_list list = {tensor, 1};
    struct walk w = {.out = out, .n_cols = t->ne[0]};
    uint64_t tile_cols = t->ne[0] < GG_TILE_NELEMS ? t->ne[0] : GG_TILE_NELEMS;
    struct gg_visitor v = {.see = GG_SEE_FLOATS, .visit = visit, .combine = combine, .ctx = &w};
    struct gg_stream_opts opts = diff_stream(d, NULL);
    struct qk_table *kernels = malloc(sizeof *kernels);
    memset(out, 0, sizeof *out);
    out->cols_left_out = t->ne[0] > MOST_CHANNELS;
    if (!out->cols_left_out)
        w.col = calloc(t->ne[0] + 1, sizeof *w.col);
    v.part_nbytes = sizeof(struct part) + (w.col != NULL ? tile_cols * sizeof(struct sum) : 0);
    int rc = kernels == NULL || (w.col == NULL && !out->cols_left_out) ? gg_fail_nomem(err, "rows")
                                                                       : GG_OK;
    if (rc == GG_OK) {
        qk_init(kernels, d->env->cpu);
        opts.kernels = kernels;
        rc = gg_stream_visit(models, 2, &list, &v, &opts, NULL, err);
    }
    for (uint64_t c = 0; rc == GG_OK && w.col != NULL && c < t->ne[0]; c++)
        insert(out->col, &out->n_cols, c, relative(w.col[c]));
    free(w.col);
    free(kernels);
    return rc;
}

static void print_places(FILE *f, const char *what, const struct diff_place *v, size_t n)
{
    fprintf(f, "    %-9s", what);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%s%llu (%.3g)", i > 0 ? ", " : "", (unsigned long long)v[i].at, v[i].error);
    fputc('\n', f);
}

int diff_print_rows(struct diff *d, struct gg_err *err)
{
    FILE *f = d->env->out;
    size_t n = diff_n_shown(d);
    int rc = GG_OK;
    if (n > 0)
        fprintf(f, "\n  worst rows and channels: |A-B| / |A|\n");
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        const struct gg_match_item *it = &d->match.items[d->order[i]];
        struct gg_buf name = GG_BUF_INIT;
        struct diff_rows rows;
        rc = diff_find_rows(d, d->order[i], 0, &rows, err);
        if (rc != GG_OK)
            break;
        gg_text_escape(&name, it->name.p, it->name.nbytes, 0);
        fprintf(f, "  %s\n", gg_buf_str(&name));
        gg_buf_free(&name);
        print_places(f, "rows", rows.row, rows.n_rows);
        if (rows.cols_left_out)
            fprintf(f, "    channels too many to count\n");
        else
            print_places(f, "channels", rows.col, rows.n_cols);
    }
    return rc;
}
