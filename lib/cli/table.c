#include "lib/cli/table.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdarg.h>
#include <string.h>

struct cell {
    const char *text;
    size_t nbytes, width;
    enum gg_style style;
};

struct gg_table_row {
    struct gg_table_row *next;
    bool rule;
    struct cell cells[];
};

static const size_t GAP = 2, LEAST_ELASTIC = 12;

void gg_table_init(struct gg_table *t, const struct gg_column *cols, size_t n_cols,
                   const char *indent)
{
    *t = (struct gg_table){.cols = cols, .n_cols = n_cols, .indent = indent};
    t->width = gg_arena_zalloc(&t->mem, n_cols, sizeof *t->width);
    t->failed = t->width == NULL;
    for (size_t i = 0; i < n_cols && !t->failed; i++)
        t->width[i] = cols[i].head != NULL ? gg_term_width(cols[i].head, strlen(cols[i].head)) : 0;
}

void gg_table_free(struct gg_table *t)
{
    gg_arena_free(&t->mem);
    *t = (struct gg_table){0};
}

void gg_table_row(struct gg_table *t)
{
    struct gg_table_row *r =
        gg_arena_zalloc(&t->mem, 1, sizeof *r + t->n_cols * sizeof r->cells[0]);
    if (r == NULL) {
        t->failed = true;
        return;
    }
    if (t->last != NULL)
        t->last->next = r;
    else
        t->first = r;
    t->last = r;
    t->at = 0;
}

void gg_table_rule(struct gg_table *t)
{
    gg_table_row(t);
    if (!t->failed)
        t->last->rule = true;
}

void gg_table_text(struct gg_table *t, enum gg_style style, const char *s, size_t n)
{
    if (t->failed || t->last == NULL || t->at >= t->n_cols)
        return;
    char *copy = gg_arena_strndup(&t->mem, s, n);
    if (copy == NULL) {
        t->failed = true;
        return;
    }
    struct cell c = {copy, n, gg_term_width(copy, n), style};
    t->width[t->at] = gg_max_u64(t->width[t->at], c.width);
    t->last->cells[t->at++] = c;
}

void gg_table_raw(struct gg_table *t, enum gg_style style, const char *s, size_t n)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_text_escape(&b, s, n, 0);
    t->failed |= b.failed;
    gg_table_text(t, style, gg_buf_str(&b), b.nbytes);
    gg_buf_free(&b);
}

void gg_table_cell(struct gg_table *t, enum gg_style style, const char *fmt, ...)
{
    char tmp[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(tmp, sizeof tmp, fmt, ap);
    va_end(ap);
    if (n >= 0)
        gg_table_text(t, style, tmp, gg_min_u64((uint64_t)n, sizeof tmp - 1));
}

/* Takes what is too much for the terminal from the elastic columns, the widest first. */
static void fit(struct gg_table *t, size_t columns)
{
    size_t total = strlen(t->indent);
    for (size_t i = 0; i < t->n_cols; i++)
        total += t->width[i] + (i > 0 ? GAP : 0);
    while (columns > 0 && total > columns) {
        size_t widest = t->n_cols;
        for (size_t i = 0; i < t->n_cols; i++) {
            if (t->cols[i].elastic && t->width[i] > LEAST_ELASTIC &&
                (widest == t->n_cols || t->width[i] > t->width[widest]))
                widest = i;
        }
        if (widest == t->n_cols)
            return;
        t->width[widest]--;
        total--;
    }
}

static void add_cell(const struct gg_table *t, struct gg_buf *line, const struct cell *c, size_t i,
                     size_t *pending, const struct gg_term *term)
{
    size_t w = gg_min_u64(c->width, t->width[i]), pad = t->width[i] - w;
    if (t->cols[i].align == GG_RIGHT)
        *pending += pad;
    if (c->nbytes > 0) {
        gg_buf_fill(line, ' ', *pending);
        *pending = 0;
        if (c->style != GG_PLAIN)
            gg_buf_adds(line, gg_term_style(term, c->style));
        size_t before = line->nbytes;
        if (t->cols[i].elastic == GG_ELASTIC_END)
            gg_term_cut(line, c->text, c->nbytes, t->width[i], term->utf8);
        else
            gg_term_elide(line, c->text, c->nbytes, t->width[i], term->utf8);
        w = gg_term_width(line->data + before, line->nbytes - before);
        pad = t->width[i] - gg_min_u64(w, t->width[i]);
        if (c->style != GG_PLAIN)
            gg_buf_adds(line, gg_term_style(term, GG_PLAIN));
    }
    if (t->cols[i].align == GG_LEFT)
        *pending += c->nbytes > 0 ? pad : t->width[i];
    *pending += GAP;
}

static void print_line(const struct gg_table *t, struct gg_buf *line, const struct cell *cells,
                       FILE *out, const struct gg_term *term)
{
    size_t pending = 0; /* spaces owed: those behind the last cell are never paid */
    gg_buf_reset(line);
    gg_buf_adds(line, t->indent);
    for (size_t i = 0; i < t->n_cols; i++)
        add_cell(t, line, &cells[i], i, &pending, term);
    gg_buf_addc(line, '\n');
    fwrite(gg_buf_str(line), 1, line->nbytes, out);
}

int gg_table_print(struct gg_table *t, FILE *out, const struct gg_term *term, struct gg_err *err)
{
    struct gg_buf line = GG_BUF_INIT;
    if (t->failed)
        return gg_fail_nomem(err, "a table");
    fit(t, term->columns);
    bool head = t->cols[0].head != NULL;
    struct cell *heads = gg_arena_zalloc(&t->mem, t->n_cols, sizeof *heads);
    for (size_t i = 0; head && heads != NULL && i < t->n_cols; i++) {
        const char *s = t->cols[i].head != NULL ? t->cols[i].head : "";
        heads[i] = (struct cell){s, strlen(s), gg_term_width(s, strlen(s)), GG_DIM};
    }
    if (head && heads != NULL)
        print_line(t, &line, heads, out, term);
    for (const struct gg_table_row *r = t->first; r != NULL; r = r->next) {
        if (r->rule)
            fputc('\n', out);
        else
            print_line(t, &line, r->cells, out, term);
    }
    bool failed = line.failed;
    gg_buf_free(&line);
    return failed ? gg_fail_nomem(err, "a table") : GG_OK;
}
