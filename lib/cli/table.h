/* Tables of text: cells in, aligned columns out.
 *
 * Cells are copied; texts from files must be escaped by gg_table_raw, which does it. Failed
 * allocations are remembered and reported by gg_table_print. Rows may be shorter than the table.
 */
#ifndef GG_TABLE_H
#define GG_TABLE_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/cli/term.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum gg_align { GG_LEFT, GG_RIGHT };

/* Does a column give way, down to 12 columns, when the terminal is too narrow? */
enum gg_elastic {
    GG_RIGID = false,
    GG_ELASTIC = true,   /* long texts lose their middles: for names */
    GG_ELASTIC_END = 2, /* long texts lose their ends: for values */
};

struct gg_column {
    const char *head; /* NULL in all columns: no heading */
    enum gg_align align;
    int elastic; /* enum gg_elastic */
};

struct gg_table_row;
struct gg_table {
    const struct gg_column *cols;
    size_t n_cols;
    const char *indent; /* before each line */
    struct gg_arena mem;
    struct gg_table_row *first, *last;
    size_t *width; /* of each column */
    size_t at;     /* column the next cell goes to */
    bool failed;
};

void gg_table_init(struct gg_table *t, const struct gg_column *cols, size_t n_cols,
                   const char *indent);
void gg_table_free(struct gg_table *t);

void gg_table_row(struct gg_table *t); /* begins a row */
void gg_table_rule(struct gg_table *t); /* an empty line */
/* The next cell of the row. */
void gg_table_cell(struct gg_table *t, enum gg_style style, const char *fmt, ...) GG_PRINTF(3, 4);
void gg_table_raw(struct gg_table *t, enum gg_style style, const char *s, size_t n); /* escapes */
void gg_table_text(struct gg_table *t, enum gg_style style, const char *s, size_t n); /* as it is */

/* Prints everything; GG_ERR_NOMEM when cells are missing for want of memory. */
GG_MUST_CHECK int gg_table_print(struct gg_table *t, FILE *out, const struct gg_term *term,
                                 struct gg_err *err);

#endif
