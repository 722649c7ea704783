/* --html: the comparison as one page. */
#include "cmds/diff.h"

#include "lib/base/text.h"
#include "lib/quant/qtype.h"
#include "lib/report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CONTEXT = 3, WIDE = 860, NARROW = 340 };

struct page {
    struct diff *d;
    const struct diff_grids *g;
    struct gg_page html;
};

/* ---- cells ----------------------------------------------------------------------------------- */

static void number(struct page *p, double v, const char *fmt)
{
    char text[48];
    if (isnan(v))
        snprintf(text, sizeof text, "%s", "");
    else
        snprintf(text, sizeof text, fmt, v); /* a format of ours */
    gg_page_number(&p->html, v, text);
}

static void count(struct page *p, uint64_t n)
{
    char text[32];
    gg_page_number(&p->html, (double)n, gg_text_thousands(text, n));
}

static void bytes(struct page *p, uint64_t n)
{
    char text[32];
    gg_page_number(&p->html, (double)n, gg_text_size(text, n));
}

/* NMSE, dB, and the weighted number when there is one. */
static void error_cells(struct page *p, const struct gg_error *e, bool differs)
{
    if (!differs) {
        gg_page_number(&p->html, 0, "same");
        gg_page_number(&p->html, INFINITY, "");
        if (p->d->n_weighted > 0)
            gg_page_number(&p->html, 0, "");
        return;
    }
    number(p, e->nmse, "%.3g");
    number(p, e->snr_db, "%.1f");
    if (p->d->n_weighted > 0)
        number(p, e->weighted, "%.3g");
}

/* ---- summary --------------------------------------------------------------------------------- */

static void file_cells(struct page *p, size_t model)
{
    const struct gg_desc *x = &p->d->desc[model];
    char tmp[32];
    gg_page_cell(&p->html, p->d->labels[model]);
    gg_page_cell(&p->html, diff_type_name(p->d, model, tmp));
    bytes(p, x->all.nbytes);
    number(p, x->bpw, "%.2f");
}

static void models_table(struct page *p)
{
    struct diff *d = p->d;
    struct gg_page_column cols[9] = {{"model", false}, {"type", false}, {"size", true},
                                     {"bits a weight", true}, {"NMSE", true}, {"dB", true}};
    size_t n = 6;
    if (d->n_weighted > 0)
        cols[n++] = (struct gg_page_column){"weighted NMSE", true};
    cols[n++] = (struct gg_page_column){"cosine", true};
    cols[n++] = (struct gg_page_column){"worst tensor", false};
    gg_page_table(&p->html, cols, n, d->n_others > 1 ? "models" : NULL);
    gg_page_row(&p->html);
    file_cells(p, 0);
    for (size_t i = 4; i + 1 < n; i++)
        number(p, NAN, "%g");
    gg_page_cell(&p->html, "(base)");
    for (size_t m = 0; m < d->n_others; m++) {
        const struct diff_other *o = &d->others[m];
        struct gg_error e = diff_error_of(&o->all);
        struct gg_buf name = GG_BUF_INIT;
        gg_page_row(&p->html);
        file_cells(p, m + 1);
        error_cells(p, &e, o->all.n_other > 0);
        number(p, e.cosine, "%.6f");
        if (o->worst != SIZE_MAX)
            gg_text_escape(&name, d->match.items[o->worst].name.p,
                           d->match.items[o->worst].name.nbytes, 0);
        gg_page_cell(&p->html, gg_buf_str(&name));
        gg_buf_free(&name);
    }
    gg_page_table_end(&p->html);
}

static void tally_cells(struct page *p, const struct diff_tally *t)
{
    struct gg_error e = diff_error_of(t);
    count(p, t->n_tensors);
    count(p, t->n_params);
    bytes(p, t->nbytes[0]);
    bytes(p, t->nbytes[1]);
    error_cells(p, &e, t->n_other > 0);
}

static void groups_table(struct page *p)
{
    const struct diff_other *o = &p->d->others[0];
    const struct gg_page_column cols[] = {{"type or role", false}, {"tensors", true},
                                          {"weights", true},       {"bytes before", true},
                                          {"bytes after", true},   {"NMSE", true},
                                          {"dB", true},            {"weighted NMSE", true}};
    gg_page_table(&p->html, cols, p->d->n_weighted > 0 ? 8 : 7, NULL);
    for (size_t i = 0; i < o->n_types; i++) {
        char tmp[32], tmp2[32], text[80];
        const struct gg_tensor *const *x = o->types[i].first;
        const char *from = gg_tensor_stored(x[0], tmp), *to = gg_tensor_stored(x[1], tmp2);
        snprintf(text, sizeof text, "%s \u2192 %s", from, to);
        gg_page_row(&p->html);
        gg_page_cell(&p->html, gg_tensor_stored_alike(x[0], x[1]) ? from : text);
        tally_cells(p, &o->types[i].t);
    }
    for (int r = 0; r < GG_ROLE_COUNT; r++) {
        if (o->role[r].n_tensors == 0)
            continue;
        gg_page_row(&p->html);
        gg_page_cell(&p->html, gg_role_name((enum gg_role)r));
        tally_cells(p, &o->role[r]);
    }
    gg_page_table_end(&p->html);
}

/* What could not be compared, a paragraph each. */
static void trouble(struct page *p, size_t m)
{
    struct gg_buf all = GG_BUF_INIT;
    diff_trouble_text(&all, p->d, m);
    for (const char *s = gg_buf_str(&all); *s != '\0'; s += strcspn(s, "\n") + 1) {
        struct gg_buf b = GG_BUF_INIT;
        gg_buf_addf(&b, "%s: %.*s", p->d->labels[m + 1], (int)strcspn(s, "\n"), s);
        gg_page_para(&p->html, GG_PARA_WARNING, gg_buf_str(&b));
        gg_buf_free(&b);
    }
    gg_buf_free(&all);
}

static void summary(struct page *p)
{
    struct diff *d = p->d;
    if (d->n_others == 1) {
        struct gg_buf b = GG_BUF_INIT;
        gg_buf_addf(&b, "%s: ", diff_is_different(d, 0) ? "Different" : "Same");
        diff_verdict(&b, d, 0);
        gg_page_para(&p->html, GG_PARA_LEAD, gg_buf_str(&b));
        gg_buf_free(&b);
    }
    for (size_t m = 0; m < d->n_others; m++)
        trouble(p, m);
    models_table(p);
    gg_page_para(&p->html, GG_PARA_NOTE,
                 "NMSE is the sum of squared differences over the sum of squares of the base; dB is "
                 "-10 log10 of it, so more is better. Numbers for several tensors are over those whose "
                 "bytes differ in any of the models.");
    if (d->n_weighted > 0) {
        struct gg_buf b = GG_BUF_INIT;
        gg_buf_adds(&b, "Weighted numbers count each column by the energy of the activations that "
                        "meet it, from ");
        gg_text_escape(&b, d->imatrix->file, strlen(d->imatrix->file), 0);
        gg_buf_addf(&b, ", which covers %zu of the tensors; of the others their NMSE is taken.",
                    d->n_weighted);
        gg_page_para(&p->html, GG_PARA_NOTE, gg_buf_str(&b));
        gg_buf_free(&b);
    }
}

/* ---- pictures -------------------------------------------------------------------------------- */

static int put_scatter(struct page *p, enum gg_screens where, double w, struct gg_err *err)
{
    struct gg_picture pic = {0};
    int rc = GG_OK;
    if (diff_draw_scatter(p->d, &pic, 0, w))
        rc = gg_page_picture(&p->html, &pic, "Size against error of the models", where, err);
    gg_picture_free(&pic);
    return rc;
}

static int put_histogram(struct page *p, enum gg_screens where, double w, struct gg_err *err)
{
    struct gg_picture pic = {0};
    diff_draw_histogram(p->d, &pic, 0, w);
    int rc = pic.n > 0 ? gg_page_picture(&p->html, &pic, "How large errors are", where, err) : GG_OK;
    gg_picture_free(&pic);
    return rc;
}

static int put_scale(struct page *p, enum gg_screens where, struct gg_err *err)
{
    struct gg_picture pic = {0};
    gg_plot_heat_scale(&pic, p->g->best, p->g->worst, 0, 0, where == GG_SCREENS_NARROW);
    int rc = gg_page_picture(&p->html, &pic, "The scale of the heat maps", where, err);
    gg_picture_free(&pic);
    return rc;
}

static int put_heat(struct page *p, size_t m, enum gg_screens where, struct gg_err *err)
{
    struct gg_picture pic = {0};
    struct gg_buf label = GG_BUF_INIT;
    gg_buf_addf(&label, "Signal to noise of each tensor of %s", p->d->labels[m + 1]);
    diff_draw_heats(p->d, p->g, m, &pic, 0, where == GG_SCREENS_NARROW);
    int rc = gg_page_picture(&p->html, &pic, gg_buf_str(&label), where, err);
    gg_buf_free(&label);
    gg_picture_free(&pic);
    return rc;
}

static int pictures(struct page *p, struct gg_err *err)
{
    struct diff *d = p->d;
    int rc = GG_OK;
    if (d->n_others > 1) {
        gg_page_heading(&p->html, d->n_weighted > 0 ? "Size against weighted NMSE"
                                                    : "Size against NMSE");
        rc = put_scatter(p, GG_SCREENS_WIDE, WIDE, err);
        if (rc == GG_OK)
            rc = put_scatter(p, GG_SCREENS_NARROW, NARROW, err);
        gg_page_para(&p->html, GG_PARA_NOTE, "The line joins those that none of the smaller ones "
                                             "matches. Models with hardly any error (below 1e-9) are not drawn.");
    }
    gg_page_heading(&p->html, "Where: layers and roles");
    gg_page_para(&p->html, GG_PARA_NOTE, "Signal to noise of each tensor, in dB.");
    if (rc == GG_OK)
        rc = put_scale(p, GG_SCREENS_WIDE, err);
    if (rc == GG_OK)
        rc = put_scale(p, GG_SCREENS_NARROW, err);
    for (size_t m = 0; rc == GG_OK && m < d->n_others; m++) {
        if (d->n_others > 1)
            gg_page_subheading(&p->html, d->labels[m + 1]);
        rc = put_heat(p, m, GG_SCREENS_WIDE, err);
        if (rc == GG_OK)
            rc = put_heat(p, m, GG_SCREENS_NARROW, err);
    }
    gg_page_heading(&p->html, "How large errors are");
    gg_page_para(&p->html, GG_PARA_NOTE,
                 d->n_others == 1
                     ? "Share of the values with an error of that size, by type."
                     : "Share of the values with an error of that size, by model (the first eight).");
    if (rc == GG_OK)
        rc = put_histogram(p, GG_SCREENS_WIDE, WIDE, err);
    return rc == GG_OK ? put_histogram(p, GG_SCREENS_NARROW, NARROW, err) : rc;
}

/* ---- metadata -------------------------------------------------------------------------------- */

static int metadata(struct page *p, struct gg_err *err)
{
    struct diff *d = p->d;
    int rc = GG_OK;
    bool any = false;
    for (size_t m = 0; rc == GG_OK && m < d->n_others; m++) {
        const struct gg_meta_diff *x = &d->others[m].meta;
        struct gg_buf b = GG_BUF_INIT, text = GG_BUF_INIT;
        if (x->n > 0 && !any)
            gg_page_heading(&p->html, "Metadata");
        any |= x->n > 0;
        if (x->n > 0 && d->n_others > 1)
            gg_page_subheading(&p->html, d->labels[m + 1]);
        for (size_t i = 0; i < x->n; i++) {
            gg_buf_addf(&b, "%s", x->v[i].change == GG_META_ADDED     ? "+ "
                                  : x->v[i].change == GG_META_REMOVED ? "- "
                                                                      : "  ");
            gg_meta_entry_text(&b, &x->v[i]);
            gg_buf_addc(&b, '\n');
        }
        if (x->n > 0)
            gg_page_lines(&p->html, gg_buf_str(&b));
        for (size_t i = 0; rc == GG_OK && i < x->n; i++) {
            if (x->v[i].change != GG_META_TEXT)
                continue;
            gg_buf_reset(&text);
            gg_buf_reset(&b);
            gg_text_escape(&b, x->v[i].a->key.p, x->v[i].a->key.nbytes, 0);
            gg_page_subheading(&p->html, gg_buf_str(&b));
            rc = gg_meta_entry_lines(&text, &x->v[i], CONTEXT, err);
            gg_page_lines(&p->html, gg_buf_str(&text));
        }
        gg_buf_free(&b);
        gg_buf_free(&text);
    }
    return rc;
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void name_cell(struct page *p, size_t item)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_text_escape(&b, p->d->match.items[item].name.p, p->d->match.items[item].name.nbytes, 0);
    gg_page_cell(&p->html, gg_buf_str(&b));
    gg_buf_free(&b);
}

static void type_cell(struct page *p, const struct gg_tensor *t)
{
    char tmp[32];
    gg_page_cell(&p->html, t != NULL ? gg_tensor_stored(t, tmp) : "\u2014");
}

static void tensor_row(struct page *p, size_t item)
{
    struct diff *d = p->d;
    const struct gg_tensor *a = diff_tensor(d, item, 0), *b = diff_tensor(d, item, 1);
    const struct gg_comparison *c = diff_result(d, item, 0);
    gg_page_row(&p->html);
    name_cell(p, item);
    gg_page_cell(&p->html, gg_role_name(gg_role_of(d->match.items[item].name)));
    type_cell(p, a);
    type_cell(p, b);
    count(p, a != NULL ? a->nelems : b->nelems);
    if (c == NULL) {
        gg_page_number(&p->html, NAN, "not compared");
        for (size_t i = 0; i < (d->n_weighted > 0 ? 8U : 7U); i++)
            number(p, NAN, "%g");
        return;
    }
    struct gg_error e = gg_error_of(&c->sums);
    bool same = c->same == GG_SAME_BYTES;
    error_cells(p, &e, c->same == GG_OTHER_VALUES);
    number(p, same ? 0 : e.rmse, "%.3g");
    number(p, same ? 0 : e.max_abs, "%.3g");
    number(p, same ? 0 : e.bias, "%.2g");
    number(p, same ? 1 : e.cosine, "%.6f");
    number(p, sqrt(c->row_nmse), "%.3g");
    number(p, 100 * diff_exact(a, c), "%.3g");
}

static void tensors_table(struct page *p)
{
    struct diff *d = p->d;
    struct gg_page_column cols[16] = {{"tensor", false}, {"role", false}, {"from", false},
                                      {"to", false}, {"weights", true}, {"NMSE", true}, {"dB", true}};
    static const char *const rest[] = {"RMSE", "largest", "bias", "cosine", "worst row", "exact %"};
    size_t n = 7;
    if (d->n_weighted > 0)
        cols[n++] = (struct gg_page_column){"weighted", true};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        cols[n++] = (struct gg_page_column){rest[i], true};
    gg_page_heading(&p->html, "Tensors");
    gg_page_table(&p->html, cols, n, "tensors");
    for (size_t i = 0; i < d->match.n; i++)
        tensor_row(p, i);
    gg_page_table_end(&p->html);
    gg_page_para(&p->html, GG_PARA_NOTE, "A worst row's number is the relative error of that row: "
                                         "the norm of the difference over the norm of the base's.");
}

/* Tensors down, models across. */
static bool many_table(struct page *p)
{
    struct diff *d = p->d;
    struct gg_page_column *cols = gg_arena_zalloc(&d->mem, d->n_others + 2, sizeof *cols);
    enum diff_key key = d->n_weighted > 0 ? DIFF_WEIGHTED : DIFF_NMSE;
    if (cols == NULL)
        return false;
    cols[0] = (struct gg_page_column){"tensor", false};
    cols[1] = (struct gg_page_column){"weights", true};
    for (size_t m = 0; m < d->n_others; m++)
        cols[m + 2] = (struct gg_page_column){d->labels[m + 1], true};
    gg_page_heading(&p->html, d->n_weighted > 0 ? "Tensors: weighted NMSE" : "Tensors: NMSE");
    gg_page_table(&p->html, cols, d->n_others + 2, "tensors");
    for (size_t i = 0; i < d->match.n; i++) {
        const struct gg_tensor *t = diff_tensor(d, i, 0);
        gg_page_row(&p->html);
        name_cell(p, i);
        number(p, t != NULL ? (double)t->nelems : NAN, "%.0f");
        for (size_t m = 0; m < d->n_others; m++) {
            const struct gg_comparison *c = diff_result(d, i, m);
            if (c == NULL)
                gg_page_number(&p->html, NAN, "\u2014");
            else if (c->same != GG_OTHER_VALUES)
                gg_page_number(&p->html, 0, "same");
            else
                number(p, diff_badness(d, i, m, key), "%.3g");
        }
    }
    gg_page_table_end(&p->html);
    return true;
}

/* ---- the page -------------------------------------------------------------------------------- */

static void limits_of_it(struct page *p)
{
    gg_page_heading(&p->html, "What these numbers can tell, and what not");
    gg_page_para(&p->html, GG_PARA_PLAIN,
                 "They are errors of weights, measured by decoding both sides. They rank types within "
                 "one tensor, and quantizations of one model among each other, well; numbers weighted "
                 "by an importance matrix do so better, since they estimate the error of a layer's "
                 "output. They find a tensor that went wrong, and show what changed at all.");
    gg_page_para(&p->html, GG_PARA_PLAIN,
                 "They are not perplexity or KL divergence, and those cannot be told from them: how "
                 "much an error matters differs from tensor to tensor, errors of layers add up or "
                 "cancel, and a number of one model says nothing about another model. To know how "
                 "answers change, run both models on your own text and compare their outputs.");
}

int diff_page(struct diff *d, const struct diff_grids *g, struct gg_buf *out, struct gg_err *err)
{
    struct page p = {.d = d, .g = g};
    struct gg_buf title = GG_BUF_INIT;
    if (d->n_others == 1)
        gg_buf_addf(&title, "%s against %s", d->labels[1], d->labels[0]);
    else
        gg_buf_addf(&title, "%zu models against %s", d->n_others, d->labels[0]);
    gg_page_begin(&p.html, gg_buf_str(&title));
    gg_buf_free(&title);
    summary(&p);
    int rc = pictures(&p, err);
    if (d->n_others == 1) {
        gg_page_heading(&p.html, "By type and role");
        groups_table(&p);
    }
    if (rc == GG_OK)
        rc = metadata(&p, err);
    if (rc == GG_OK && d->n_others == 1)
        tensors_table(&p);
    else if (rc == GG_OK && !many_table(&p))
        rc = gg_fail_nomem(err, "a page");
    limits_of_it(&p);
    gg_page_para(&p.html, GG_PARA_NOTE, "Made by ggtool " GG_VERSION ".");
    if (rc == GG_OK)
        rc = gg_page_end(&p.html, err);
    gg_buf_free(out);
    *out = p.html.html;
    return rc;
}
