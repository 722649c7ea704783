/* What is shown of two models: the verdict first, then what matters. */
#include "cmds/diff.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/table.h"
#include "lib/quant/qtype.h"

#include <math.h>
#include <string.h>

enum { N_WORST = 5, N_META = 8, N_NAMES = 3, CONTEXT = 2, N_LINES = 12 };

const char *diff_error_text(char dst[64], double nmse)
{
    if (nmse == 0)
        snprintf(dst, 64, "0");
    else
        snprintf(dst, 64, "%.3g (%.1f dB)", nmse, -10 * log10(nmse));
    return dst;
}

size_t diff_n_shown(const struct diff *d)
{
    uint64_t n = d->o->top.set ? d->o->top.v : d->only != NULL ? SIZE_MAX : N_WORST;
    return (size_t)gg_min_u64(n, d->n_order);
}

/* ---- trouble, on stderr ---------------------------------------------------------------------- */

static void add_shape(struct gg_buf *b, const struct gg_tensor *t)
{
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 0 || i < t->n_dims || t->ne[i] > 1)
            gg_buf_addf(b, "%s%llu", i > 0 ? "x" : "", (unsigned long long)t->ne[i]);
    }
}

/* "'blk.0.attn_q.weight' (256x256, 256x128)" */
static void add_item(struct gg_buf *b, const struct diff *d, size_t i, size_t m)
{
    const struct gg_match_item *it = &d->match.items[i];
    gg_buf_addc(b, '\'');
    gg_text_escape(b, it->name.p, it->name.nbytes, 0);
    gg_buf_addc(b, '\'');
    if (it->state[m] == GG_MATCH_SHAPE) {
        gg_buf_adds(b, " (");
        add_shape(b, diff_tensor(d, i, 0));
        gg_buf_adds(b, ", ");
        add_shape(b, diff_tensor(d, i, m + 1));
        gg_buf_addc(b, ')');
    }
    if (it->state[m] == GG_MATCH_TYPE) {
        char tmp[32];
        const struct gg_tensor *t = diff_tensor(d, i, 0);
        t = t->known ? diff_tensor(d, i, m + 1) : t;
        gg_buf_addf(b, " (%s)", gg_tensor_stored(t, tmp));
    }
}

static void add_state(struct gg_buf *b, const struct diff *d, size_t m, enum gg_match_state state,
                      const char *text)
{
    size_t n = 0, most = d->o->full ? SIZE_MAX : N_NAMES;
    uint64_t all = d->others[m].n_state[state];
    if (all == 0)
        return;
    gg_buf_addf(b, "%llu tensor%s %s: ", (unsigned long long)all, all == 1 ? "" : "s", text);
    for (size_t i = 0; i < d->match.n; i++) {
        if (d->match.items[i].state[m] != state || n++ >= most)
            continue;
        gg_buf_adds(b, n > 1 ? ", " : "");
        add_item(b, d, i, m);
    }
    if (n > most)
        gg_buf_addf(b, " and %zu more", n - most);
    gg_buf_addc(b, '\n');
}

static void add_odd(struct gg_buf *b, const struct diff *d, size_t m)
{
    size_t n = 0;
    for (size_t i = 0; i < d->match.n; i++) {
        const struct gg_comparison *c = diff_result(d, i, m);
        if (c == NULL || c->n_odd == 0 || (n++ >= N_NAMES && !d->o->full))
            continue;
        gg_buf_adds(b, "tensor ");
        add_item(b, d, i, m);
        gg_buf_addf(b, ": row %llu, column %llu: %g, in %s %g; %llu such value%s left out of its "
                       "numbers\n",
                    (unsigned long long)c->odd[0].row, (unsigned long long)c->odd[0].col,
                    (double)c->odd[1].value, d->labels[0], (double)c->odd[0].value,
                    (unsigned long long)c->n_odd, c->n_odd == 1 ? " is" : "s are");
    }
    if (n > N_NAMES && !d->o->full)
        gg_buf_addf(b, "%zu tensors in all have values that are not finite on one side\n", n);
}

void diff_trouble_text(struct gg_buf *out, const struct diff *d, size_t m)
{
    const struct gg_arch *x = &d->desc[0].arch, *y = &d->desc[m + 1].arch;
    if (d->others[m].other_arch) {
        gg_buf_adds(out, "architecture ");
        gg_text_escape(out, y->name.p, y->name.nbytes, 60);
        gg_buf_addf(out, ", %s is ", d->labels[0]);
        gg_text_escape(out, x->name.p, x->name.nbytes, 60);
        gg_buf_adds(out, ": only tensors of one name are compared\n");
    }
    add_state(out, d, m, GG_MATCH_CUT, "not compared, the data is cut short");
    add_state(out, d, m, GG_MATCH_ONLY_BASE, "missing, not compared");
    add_state(out, d, m, GG_MATCH_ONLY_OTHER, "not in the first model, not compared");
    add_state(out, d, m, GG_MATCH_SHAPE, "of another shape, not compared");
    add_state(out, d, m, GG_MATCH_TYPE, "of a type unknown here, not compared");
    add_odd(out, d, m);
}

void diff_say_trouble(struct diff *d)
{
    for (size_t m = 0; m < d->n_others; m++) {
        struct gg_buf b = GG_BUF_INIT;
        diff_trouble_text(&b, d, m);
        for (const char *p = gg_buf_str(&b); *p != '\0'; p += strcspn(p, "\n") + 1)
            gg_msg_warn(&d->env->msg, "%s: %.*s", d->labels[m + 1], (int)strcspn(p, "\n"), p);
        gg_buf_free(&b);
    }
}

/* ---- head ------------------------------------------------------------------------------------ */

static const struct gg_column head_columns[] = {
    {.head = NULL}, {.elastic = GG_ELASTIC}, {.head = NULL}, {.align = GG_RIGHT}, {.head = NULL}};

static int print_head(struct diff *d, struct gg_err *err)
{
    struct gg_table t;
    char tmp[32], size[32];
    gg_table_init(&t, head_columns, 5, "");
    for (size_t i = 0; i < d->n_models; i++) {
        const struct gg_desc *x = &d->desc[i];
        gg_table_row(&t);
        gg_table_cell(&t, GG_BOLD, "%c", (char)('A' + i));
        gg_table_text(&t, GG_PLAIN, d->labels[i], strlen(d->labels[i]));
        gg_table_cell(&t, GG_CYAN, "%s", diff_type_name(d, i, tmp));
        gg_table_cell(&t, GG_PLAIN, "%s", gg_text_size(size, x->all.nbytes));
        gg_table_cell(&t, GG_DIM, "%.2f bits a weight", x->bpw);
    }
    int rc = gg_table_print(&t, d->env->out, &d->term, err);
    gg_table_free(&t);
    return rc;
}

/* What else there is to say besides values. */
static void add_rest(struct gg_buf *b, const struct diff *d, size_t m)
{
    const struct diff_other *o = &d->others[m];
    uint64_t alone = o->n_state[GG_MATCH_ONLY_BASE] + o->n_state[GG_MATCH_ONLY_OTHER];
    uint64_t left = o->n_state[GG_MATCH_SHAPE] + o->n_state[GG_MATCH_TYPE] + o->n_state[GG_MATCH_CUT];
    if (alone > 0)
        gg_buf_addf(b, "; %llu on one side only", (unsigned long long)alone);
    if (left > 0)
        gg_buf_addf(b, "; %llu not compared", (unsigned long long)left);
    if (o->meta.n > 0)
        gg_buf_addf(b, "; metadata differs in %zu key%s", o->meta.n,
                    o->meta.n == 1 ? "" : "s");
}

static void add_saving(struct gg_buf *b, const struct diff *d, size_t m)
{
    uint64_t x = d->desc[0].all.nbytes, y = d->desc[m + 1].all.nbytes;
    char size[32];
    if (x != y)
        gg_buf_addf(b, ", %s %s", gg_text_size(size, x > y ? x - y : y - x),
                    x > y ? "smaller" : "larger");
}

static void add_values(struct gg_buf *b, const struct diff *d, size_t m)
{
    const struct diff_tally *t = &d->others[m].all;
    struct gg_error e = diff_error_of(t);
    char text[64];
    unsigned long long n = (unsigned long long)t->n_tensors;
    const char *s = n == 1 ? "" : "s";
    if (d->match.n == 0)
        gg_buf_adds(b, "no tensors on either side");
    else if (d->o->header_only)
        gg_buf_addf(b, "%llu tensor%s in both, values not read", n, s);
    else if (n == 0)
        gg_buf_adds(b, "no tensor could be compared");
    else if (t->n_other > 0)
        gg_buf_addf(b, "values differ in %llu of %llu tensor%s, NMSE %s",
                    (unsigned long long)t->n_other, n, s, diff_error_text(text, e.nmse));
    else if (t->n_same_values > 0)
        gg_buf_addf(b, "the same values in %llu tensor%s, %llu of them stored differently", n, s,
                    (unsigned long long)t->n_same_values);
    else
        gg_buf_addf(b, "the same bytes in %llu tensor%s", n, s);
    if (d->others[m].n_odd > 0)
        gg_buf_addf(b, ", %zu not finite on one side", d->others[m].n_odd);
}

void diff_verdict(struct gg_buf *out, const struct diff *d, size_t other)
{
    add_values(out, d, other);
    add_saving(out, d, other);
    add_rest(out, d, other);
}

static void print_verdict(struct diff *d)
{
    bool different = diff_is_different(d, 0);
    struct gg_buf b = GG_BUF_INIT;
    diff_verdict(&b, d, 0);
    fprintf(d->env->out, "\n%s%s%s: %s\n", gg_term_style(&d->term, different ? GG_YELLOW : GG_GREEN),
            different ? "Different" : "Same", gg_term_style(&d->term, GG_PLAIN), gg_buf_str(&b));
    gg_buf_free(&b);
    if (!different && (d->match.reordered[0] || d->others[0].meta.reordered))
        fprintf(d->env->out, "  (%s%s%s in another order)\n",
                d->others[0].meta.reordered ? "keys" : "",
                d->match.reordered[0] && d->others[0].meta.reordered ? " and " : "",
                d->match.reordered[0] ? "tensors" : "");
}

/* ---- where ----------------------------------------------------------------------------------- */

/* NMSE, SNR and, with an importance matrix, the weighted number of some tensors. */
static void error_cells(struct gg_table *t, const struct diff *d, const struct diff_tally *y)
{
    struct gg_error e = diff_error_of(y);
    if (y->n_other == 0) {
        gg_table_cell(t, GG_DIM, y->n_same_values > 0 ? "same values" : "same");
        return;
    }
    gg_table_cell(t, GG_PLAIN, "%.3g", e.nmse);
    if (e.nmse > 0) /* else values that are not finite are all that differs */
        gg_table_cell(t, GG_PLAIN, "%.1f dB", e.snr_db);
    else
        gg_table_cell(t, GG_DIM, "-");
    if (d->n_weighted > 0)
        gg_table_cell(t, GG_PLAIN, "%.3g", e.weighted);
}

static void tally_row(struct gg_table *t, const struct diff *d, const struct diff_tally *y)
{
    char n[32], from[32], to[32];
    gg_table_cell(t, GG_PLAIN, "%llu", (unsigned long long)y->n_tensors);
    gg_table_cell(t, GG_PLAIN, "%s", gg_text_count(n, y->n_params));
    if (y->nbytes[0] == y->nbytes[1])
        gg_table_cell(t, GG_PLAIN, "%s", gg_text_size(from, y->nbytes[0]));
    else
        gg_table_cell(t, GG_PLAIN, "%s -> %s", gg_text_size(from, y->nbytes[0]),
                      gg_text_size(to, y->nbytes[1]));
    if (!d->o->header_only)
        error_cells(t, d, y);
}

static int print_groups(struct diff *d, struct gg_err *err)
{
    const struct diff_other *o = &d->others[0];
    struct gg_column cols[] = {{.head = "type"},
                               {.head = "tensors", .align = GG_RIGHT},
                               {.head = "weights", .align = GG_RIGHT},
                               {.head = "bytes", .align = GG_RIGHT},
                               {.head = "NMSE", .align = GG_RIGHT},
                               {.head = "SNR", .align = GG_RIGHT},
                               {.head = "weighted", .align = GG_RIGHT}};
    struct gg_table t;
    gg_table_init(&t, cols, d->o->header_only ? 4 : d->n_weighted > 0 ? 7 : 6, "  ");
    for (size_t i = 0; i < o->n_types; i++) {
        char from[32], to[32];
        gg_table_row(&t);
        const struct gg_tensor *const *x = o->types[i].first;
        if (gg_tensor_stored_alike(x[0], x[1]))
            gg_table_cell(&t, GG_CYAN, "%s", gg_tensor_stored(x[0], from));
        else
            gg_table_cell(&t, GG_CYAN, "%s -> %s", gg_tensor_stored(x[0], from), gg_tensor_stored(x[1], to));
        tally_row(&t, d, &o->types[i].t);
    }
    gg_table_rule(&t);
    for (int r = 0; r < GG_ROLE_COUNT; r++) {
        if (o->role[r].n_tensors == 0)
            continue;
        gg_table_row(&t);
        gg_table_cell(&t, GG_PLAIN, "%s", gg_role_name((enum gg_role)r));
        tally_row(&t, d, &o->role[r]);
    }
    fputc('\n', d->env->out);
    int rc = o->n_types > 0 ? gg_table_print(&t, d->env->out, &d->term, err) : GG_OK;
    gg_table_free(&t);
    return rc;
}

/* ---- the worst ------------------------------------------------------------------------------- */

static void worst_row(struct gg_table *t, const struct diff *d, size_t item)
{
    const struct gg_match_item *it = &d->match.items[item];
    const struct gg_comparison *c = diff_result(d, item, 0);
    const struct gg_tensor *a = diff_tensor(d, item, 0);
    struct gg_error e = gg_error_of(&c->sums);
    char type[32];
    gg_table_row(t);
    gg_table_raw(t, GG_PLAIN, it->name.p, it->name.nbytes);
    gg_table_cell(t, GG_CYAN, "%s", gg_tensor_stored(diff_tensor(d, item, 1), type));
    gg_table_cell(t, GG_PLAIN, "%.3g", e.nmse);
    if (e.nmse > 0)
        gg_table_cell(t, GG_PLAIN, "%.1f", e.snr_db);
    else
        gg_table_cell(t, GG_DIM, "-");
    if (d->n_weighted > 0)
        gg_table_cell(t, GG_PLAIN, "%.3g", e.weighted);
    gg_table_cell(t, GG_PLAIN, "%.3g", e.rmse);
    gg_table_cell(t, GG_PLAIN, "%.3g", e.max_abs);
    gg_table_cell(t, GG_DIM, "%llu,%llu", (unsigned long long)(c->sums.max_at / a->ne[0]),
                  (unsigned long long)(c->sums.max_at % a->ne[0]));
    if (d->o->full || d->only != NULL || d->term.columns > 110) {
        gg_table_cell(t, GG_PLAIN, "%.2g", e.bias);
        gg_table_cell(t, GG_PLAIN, "%.5f", e.cosine);
        gg_table_cell(t, GG_PLAIN, "%.2g", sqrt(c->row_nmse));
        gg_table_cell(t, GG_PLAIN, "%.1f%%", 100.0 * diff_exact(a, c));
    }
}

static int print_worst(struct diff *d, struct gg_err *err)
{
    struct gg_column cols[16] = {{.head = d->sort == DIFF_FILE || d->sort == DIFF_NAME
                                               ? "tensors that differ"
                                               : "worst",
                                  .elastic = GG_ELASTIC},
                                 {.head = "type"}};
    static const char *const heads[] = {"NMSE", "dB",   "weighted", "RMSE", "largest", "row,col",
                                        "bias", "cosine", "row error", "exact"};
    size_t n = 2, shown = diff_n_shown(d);
    struct gg_table t;
    if (shown == 0)
        return GG_OK;
    for (size_t i = 0; i < GG_COUNTOF(heads); i++) {
        if (i != 2 || d->n_weighted > 0)
            cols[n++] = (struct gg_column){.head = heads[i], .align = GG_RIGHT};
    }
    if (!(d->o->full || d->only != NULL || d->term.columns > 110))
        n -= 4;
    gg_table_init(&t, cols, n, "  ");
    for (size_t i = 0; i < shown; i++)
        worst_row(&t, d, d->order[i]);
    fputc('\n', d->env->out);
    int rc = gg_table_print(&t, d->env->out, &d->term, err);
    gg_table_free(&t);
    return rc;
}

/* ---- metadata -------------------------------------------------------------------------------- */

static void print_lines(struct diff *d, const struct gg_buf *lines)
{
    const char *p = gg_buf_str(lines);
    size_t n = 0, left = 0;
    for (; *p != '\0'; p += strcspn(p, "\n") + 1) {
        size_t len = strcspn(p, "\n");
        if (n++ >= N_LINES && !d->o->full) {
            left++;
            continue;
        }
        struct gg_buf b = GG_BUF_INIT;
        enum gg_style s = *p == '+' ? GG_GREEN : *p == '-' ? GG_RED : *p == '@' ? GG_CYAN : GG_PLAIN;
        gg_term_cut(&b, p, len, d->term.columns > 12 && !d->o->full ? d->term.columns - 6 : SIZE_MAX,
                    d->term.utf8);
        fprintf(d->env->out, "      %s%s%s\n", gg_term_style(&d->term, s), gg_buf_str(&b),
                gg_term_style(&d->term, GG_PLAIN));
        gg_buf_free(&b);
    }
    if (left > 0)
        fprintf(d->env->out, "      ... %zu lines more (--full)\n", left);
}

static int print_entry(struct diff *d, const struct gg_meta_entry *e, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT, cut = GG_BUF_INIT, lines = GG_BUF_INIT;
    char sign = e->change == GG_META_ADDED ? '+' : e->change == GG_META_REMOVED ? '-' : '~';
    enum gg_style style = sign == '+' ? GG_GREEN : sign == '-' ? GG_RED : GG_YELLOW;
    gg_meta_entry_text(&b, e);
    gg_term_cut(&cut, gg_buf_str(&b), b.nbytes,
                d->term.columns > 12 && !d->o->full ? d->term.columns - 5 : SIZE_MAX, d->term.utf8);
    fprintf(d->env->out, "    %s%c%s %s\n", gg_term_style(&d->term, style), sign,
            gg_term_style(&d->term, GG_PLAIN), gg_buf_str(&cut));
    int rc = e->change == GG_META_TEXT ? gg_meta_entry_lines(&lines, e, CONTEXT, err) : GG_OK;
    print_lines(d, &lines);
    gg_buf_free(&b);
    gg_buf_free(&cut);
    gg_buf_free(&lines);
    return rc;
}

static int print_metadata(struct diff *d, struct gg_err *err)
{
    const struct gg_meta_diff *m = &d->others[0].meta;
    size_t most = d->o->full ? m->n : N_META, added = m->n_by_change[GG_META_ADDED],
           removed = m->n_by_change[GG_META_REMOVED];
    int rc = GG_OK;
    if (m->n == 0)
        return GG_OK;
    fprintf(d->env->out, "\n  metadata: %zu changed, %zu added, %zu removed, %zu the same\n",
            m->n - added - removed, added, removed, m->n_same);
    for (size_t i = 0; rc == GG_OK && i < m->n && i < most; i++)
        rc = print_entry(d, &m->v[i], err);
    if (m->n > most)
        fprintf(d->env->out, "    ... %zu more (--full)\n", m->n - most);
    if (m->reordered)
        fprintf(d->env->out, "    keys that both have stand in another order\n");
    return rc;
}

int diff_screen(struct diff *d, struct gg_err *err)
{
    int rc = print_head(d, err);
    print_verdict(d);
    if (rc == GG_OK && (d->others[0].all.n_same_bytes < d->others[0].all.n_tensors))
        rc = print_groups(d, err); /* also when only headers were read */
    if (rc == GG_OK)
        rc = print_worst(d, err);
    if (rc == GG_OK)
        rc = print_metadata(d, err);
    if (rc == GG_OK && d->term.tty && d->others[0].all.n_other > 0)
        fprintf(d->env->out, "\n  errors of weights, not of answers: 'ggtool help diff'\n");
    return rc;
}
