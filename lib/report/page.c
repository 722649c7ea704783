#include "lib/report/page.h"

#include "lib/report/page_text.h"

#include <math.h>
#include <string.h>

static void put(struct gg_page *p, const char *s)
{
    gg_buf_adds(&p->html, s);
}

static void element(struct gg_page *p, const char *open, const char *text, const char *close)
{
    put(p, open);
    gg_markup_text(&p->html, text);
    put(p, close);
}

void gg_page_begin(struct gg_page *p, const char *title)
{
    *p = (struct gg_page){0};
    put(p, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
           "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
           "<link rel=\"icon\" href=\"data:,\">\n");
    element(p, "<title>", title, "</title>\n<style>\n");
    put(p, gg_page_style);
    gg_paint_css(&p->html, "svg");
    element(p, "</style>\n</head>\n<body>\n<h1>", title, "</h1>\n");
}

int gg_page_end(struct gg_page *p, struct gg_err *err)
{
    put(p, "<script>\n");
    put(p, gg_page_script);
    put(p, "</script>\n</body>\n</html>\n");
    return p->html.failed ? gg_fail_nomem(err, "a page") : GG_OK;
}

void gg_page_heading(struct gg_page *p, const char *text)
{
    element(p, "<h2>", text, "</h2>\n");
}

void gg_page_subheading(struct gg_page *p, const char *text)
{
    element(p, "<h3>", text, "</h3>\n");
}

void gg_page_para(struct gg_page *p, enum gg_para kind, const char *text)
{
    static const char *const open[] = {"<p>", "<p class=\"lead\">", "<p class=\"note\">",
                                       "<p class=\"warning\">"};
    element(p, open[kind], text, "</p>\n");
}

void gg_page_lines(struct gg_page *p, const char *text)
{
    put(p, "<pre>");
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        const char *name = *text == '+' ? "add" : *text == '-' ? "del" : *text == '@' ? "at" : NULL;
        struct gg_buf line = GG_BUF_INIT;
        gg_buf_add(&line, text, n);
        if (name != NULL)
            gg_buf_addf(&p->html, "<span class=\"%s\">", name);
        gg_markup_text(&p->html, gg_buf_str(&line));
        put(p, name != NULL ? "</span>\n" : "\n");
        gg_buf_free(&line);
        text += n + (text[n] == '\n');
    }
    put(p, "</pre>\n");
}

int gg_page_picture(struct gg_page *p, const struct gg_picture *pic, const char *label,
                    enum gg_screens where, struct gg_err *err)
{
    static const char *const names[] = {"<figure>\n", "<figure class=\"wide\">\n",
                                        "<figure class=\"narrow\">\n"};
    put(p, names[where]);
    int rc = gg_picture_svg(&p->html, pic, label, NULL, false, err);
    put(p, "</figure>\n");
    return rc;
}

/* ---- tables ---------------------------------------------------------------------------------- */

void gg_page_table(struct gg_page *p, const struct gg_page_column *cols, size_t n, const char *id)
{
    p->cols = cols;
    p->n_cols = n;
    p->at = 0;
    put(p, "<div class=\"scroll\">");
    if (id != NULL)
        element(p, "<table id=\"", id, "\">\n<thead><tr>");
    else
        put(p, "<table>\n<thead><tr>");
    for (size_t i = 0; i < n; i++)
        element(p, cols[i].number ? "<th class=\"n\">" : "<th>", cols[i].head, "</th>");
    put(p, "</tr></thead>\n<tbody>\n");
}

void gg_page_row(struct gg_page *p)
{
    put(p, p->at > 0 ? "</tr>\n<tr>" : "<tr>");
    p->at = 1;
}

void gg_page_cell(struct gg_page *p, const char *text)
{
    element(p, "<td>", text, "</td>");
}

void gg_page_number(struct gg_page *p, double v, const char *text)
{
    if (isfinite(v))
        gg_buf_addf(&p->html, "<td class=\"n\" data-v=\"%.9g\">", v);
    else
        gg_buf_addf(&p->html, "<td class=\"n\" data-v=\"%s\">",
                    isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
    element(p, "", text, "</td>");
}

void gg_page_table_end(struct gg_page *p)
{
    put(p, p->at > 0 ? "</tr>\n" : "");
    put(p, "</tbody>\n</table></div>\n");
}
