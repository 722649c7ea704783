/* Page: one self-contained HTML file, for screens wide and narrow, light and dark, and for paper. It asks
 * no network for anything, and says so to the browser (Content-Security-Policy).
 *
 * All texts are plain and are escaped here. Pieces are appended in order.
 */
#ifndef GG_PAGE_H
#define GG_PAGE_H

#include "lib/report/picture.h"

struct gg_page {
    struct gg_buf html;
    size_t n_cols, at; /* of the table that is open: the column the next cell goes to */
    const struct gg_page_column *cols;
};

void gg_page_begin(struct gg_page *p, const char *title);
/* Ends the page; p->html is the whole of it, to be freed with gg_buf_free. */
GG_MUST_CHECK int gg_page_end(struct gg_page *p, struct gg_err *err);

void gg_page_heading(struct gg_page *p, const char *text);
void gg_page_subheading(struct gg_page *p, const char *text);
/* lead: the first and most important sentence. */
enum gg_para { GG_PARA_PLAIN, GG_PARA_LEAD, GG_PARA_NOTE, GG_PARA_WARNING };
void gg_page_para(struct gg_page *p, enum gg_para kind, const char *text);
/* Lines as they are; those that begin with + - @ in their colours. */
void gg_page_lines(struct gg_page *p, const char *text);

/* where: which screens see it. */
enum gg_screens { GG_SCREENS_ALL, GG_SCREENS_WIDE, GG_SCREENS_NARROW };
GG_MUST_CHECK int gg_page_picture(struct gg_page *p, const struct gg_picture *pic, const char *label,
                                  enum gg_screens where, struct gg_err *err);

struct gg_page_column {
    const char *head;
    bool number; /* aligned right, sorted by value */
};
/* cols lives as long as the table is open. id: NULL, or a name for scripts: such a table can be sorted by
 * its heads and searched. */
void gg_page_table(struct gg_page *p, const struct gg_page_column *cols, size_t n, const char *id);
void gg_page_row(struct gg_page *p);
void gg_page_cell(struct gg_page *p, const char *text);
/* A number, and what is shown of it; NaN sorts last. */
void gg_page_number(struct gg_page *p, double v, const char *text);
void gg_page_table_end(struct gg_page *p);

#endif
