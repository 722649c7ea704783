/* What is shown of several models beside one base: a line each, then the tensors that differ most. */
#include "cmds/diff.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/table.h"
#include "lib/quant/qtype.h"

#include <math.h>
#include <string.h>

enum { MOST_COLUMNS = 8 }; /* models in the table of tensors */

static double error_of(const struct diff *d, const struct diff_tally *t)
{
    struct gg_error e = diff_error_of(t);
    return d->n_weighted > 0 ? e.weighted : e.nmse;
}

static void file_cells(struct gg_table *t, const struct diff *d, size_t model)
{
    const struct gg_desc *x = &d->desc[model];
    char tmp[32], size[32];
    gg_table_text(t, model == 0 ? GG_BOLD : GG_PLAIN, d->labels[model], strlen(d->labels[model]));
    gg_table_cell(t, GG_CYAN, "%s", diff_type_name(d, model, tmp));
    gg_table_cell(t, GG_PLAIN, "%s", gg_text_size(size, x->all.nbytes));
    gg_table_cell(t, GG_PLAIN, "%.2f", x->bpw);
}

static void model_row(struct gg_table *t, const struct diff *d, size_t m)
{
    const struct diff_other *o = &d->others[m];
    uint64_t left = 0;
    gg_table_row(t);
    file_cells(t, d, m + 1);
    if (d->o->header_only)
        return;
    for (size_t s = 0; s < GG_MATCH_STATES; s++)
        left += s != GG_MATCH_BOTH && s != GG_MATCH_NEITHER ? o->n_state[s] : 0;
    if (o->all.n_tensors == 0) {
        gg_table_cell(t, GG_RED, "not compared");
        return;
    }
    if (o->all.n_other == 0) {
        gg_table_cell(t, GG_GREEN, o->all.n_same_values > 0 ? "same values" : "same");
        gg_table_cell(t, GG_PLAIN, "%s", "");
        if (left > 0)
            gg_table_cell(t, GG_RED, "%llu not compared", (unsigned long long)left);
        return;
    }
    double e = error_of(d, &o->all);
    gg_table_cell(t, GG_PLAIN, "%.3g", e);
    gg_table_cell(t, GG_PLAIN, "%.1f", -10 * log10(e));
    if (left > 0)
        gg_table_cell(t, GG_RED, "%llu not compared", (unsigned long long)left);
    else if (o->worst != SIZE_MAX)
        gg_table_raw(t, GG_PLAIN, d->match.items[o->worst].name.p, d->match.items[o->worst].name.nbytes);
}

static int print_models(struct diff *d, struct gg_err *err)
{
    struct gg_column cols[] = {{.head = "model", .elastic = GG_ELASTIC},
                               {.head = "type"},
                               {.head = "size", .align = GG_RIGHT},
                               {.head = "bpw", .align = GG_RIGHT},
                               {.head = d->n_weighted > 0 ? "weighted NMSE" : "NMSE",
                                .align = GG_RIGHT},
                               {.head = "dB", .align = GG_RIGHT},
                               {.head = "worst tensor", .elastic = GG_ELASTIC}};
    struct gg_table t;
    gg_table_init(&t, cols, d->o->header_only ? 4 : 7, "");
    gg_table_row(&t);
    file_cells(&t, d, 0);
    if (!d->o->header_only)
        gg_table_cell(&t, GG_DIM, "base");
    for (size_t m = 0; m < d->n_others; m++)
        model_row(&t, d, m);
    int rc = gg_table_print(&t, d->env->out, &d->term, err);
    gg_table_free(&t);
    return rc;
}

/* The number that is shown of a tensor: the one it is sorted by, if that is a number. */
static enum diff_key number_key(const struct diff *d)
{
    return d->sort < DIFF_BYTES ? d->sort : d->n_weighted > 0 ? DIFF_WEIGHTED : DIFF_NMSE;
}

static void number_cell(struct gg_table *t, const struct diff *d, size_t item, size_t m)
{
    const struct gg_comparison *c = diff_result(d, item, m);
    enum diff_key key = number_key(d);
    if (c == NULL) {
        gg_table_cell(t, GG_DIM, "-");
        return;
    }
    double bad = diff_badness(d, item, m, key);
    bool flipped = key == DIFF_COSINE || key == DIFF_SNR;
    if (c->same == GG_OTHER_VALUES)
        gg_table_cell(t, GG_PLAIN, key == DIFF_COSINE ? "%.5f" : "%.3g", flipped ? -bad : bad);
    else
        gg_table_cell(t, GG_DIM, "same");
}

/* Tensors down, models across. */
static int print_tensors(struct diff *d, struct gg_err *err)
{
    struct gg_column cols[MOST_COLUMNS + 1] = {{.head = "tensor", .elastic = GG_ELASTIC}};
    size_t n = d->n_others < MOST_COLUMNS ? d->n_others : MOST_COLUMNS, shown = diff_n_shown(d);
    struct gg_table t;
    if (shown == 0)
        return GG_OK;
    for (size_t m = 0; m < n; m++)
        cols[m + 1] = (struct gg_column){d->labels[m + 1], GG_RIGHT, GG_ELASTIC};
    gg_table_init(&t, cols, n + 1, "  ");
    for (size_t i = 0; i < shown; i++) {
        const struct gg_match_item *it = &d->match.items[d->order[i]];
        gg_table_row(&t);
        gg_table_raw(&t, GG_PLAIN, it->name.p, it->name.nbytes);
        for (size_t m = 0; m < n; m++)
            number_cell(&t, d, d->order[i], m);
    }
    fprintf(d->env->out, "\n  %s%s of the %s\n", diff_keys[number_key(d)],
            number_key(d) == DIFF_WEIGHTED ? " NMSE" : "",
            shown < d->n_order ? "worst tensors" : "tensors that differ");
    int rc = gg_table_print(&t, d->env->out, &d->term, err);
    gg_table_free(&t);
    if (n < d->n_others)
        fprintf(d->env->out, "  ... and %zu models more (--csv has all)\n", d->n_others - n);
    return rc;
}

static void print_metadata(struct diff *d)
{
    for (size_t m = 0; m < d->n_others; m++) {
        const struct gg_meta_diff *x = &d->others[m].meta;
        struct gg_buf b = GG_BUF_INIT;
        for (size_t i = 0; i < x->n; i++) {
            const struct ggf_kv *kv = x->v[i].a != NULL ? x->v[i].a : x->v[i].b;
            gg_buf_adds(&b, i > 0 ? ", " : "");
            gg_text_escape(&b, kv->key.p, kv->key.nbytes, 0);
        }
        struct gg_buf cut = GG_BUF_INIT;
        gg_term_cut(&cut, gg_buf_str(&b), b.nbytes, d->o->full ? SIZE_MAX : 100, d->term.utf8);
        if (x->n > 0)
            fprintf(d->env->out, "%s  metadata of %s: %s\n", m == 0 ? "\n" : "", d->labels[m + 1],
                    gg_buf_str(&cut));
        gg_buf_free(&cut);
        gg_buf_free(&b);
    }
}

int diff_many(struct diff *d, struct gg_err *err)
{
    int rc = print_models(d, err);
    if (rc == GG_OK)
        rc = print_tensors(d, err);
    if (rc == GG_OK)
        print_metadata(d);
    if (rc == GG_OK && d->term.tty && d->n_order > 0)
        fprintf(d->env->out, "\n  errors of weights, not of answers: 'ggtool help diff'\n");
    return rc;
}
