#include "lib/cli/help.h"

#include "lib/cli/term.h"

#include <string.h>

static const size_t HELP_COLUMN = 28; /* where the descriptions of options begin */

/* One paragraph, its newlines taken as spaces; the first line starts at column `at`. */
static void wrap_paragraph(struct gg_buf *out, const char *s, size_t n, size_t at, size_t indent,
                           size_t width)
{
    bool line_empty = true;
    for (size_t i = 0; i < n;) {
        size_t len = 0;
        while (i + len < n && s[i + len] != ' ' && s[i + len] != '\n')
            len++;
        size_t w = gg_term_width(s + i, len);
        if (!line_empty && at + 1 + w > width) {
            gg_buf_addc(out, '\n');
            gg_buf_fill(out, ' ', indent);
            at = indent;
            line_empty = true;
        }
        if (!line_empty) {
            gg_buf_addc(out, ' ');
            at++;
        }
        gg_buf_add(out, s + i, len);
        at += w;
        line_empty = false;
        i += len;
        while (i < n && (s[i] == ' ' || s[i] == '\n'))
            i++;
    }
}

/* Bytes up to the end of a paragraph: a newline before an empty or an indented line, or the end. */
static size_t paragraph(const char *s)
{
    size_t n = strcspn(s, "\n");
    while (n > 0 && *s != ' ' && s[n] == '\n' && s[n + 1] != '\n' && s[n + 1] != ' ' && s[n + 1] != '\0')
        n += 1 + strcspn(s + n + 1, "\n");
    return n;
}

void gg_help_wrap(struct gg_buf *out, const char *text, size_t indent, size_t width)
{
    while (*text != '\0') {
        size_t n = paragraph(text);
        if (n > 0)
            gg_buf_fill(out, ' ', indent);
        if (*text == ' ')
            gg_buf_add(out, text, n);
        else
            wrap_paragraph(out, text, n, indent, indent, width);
        gg_buf_addc(out, '\n');
        text += n + (text[n] == '\n');
    }
}

void gg_help_option_name(struct gg_buf *out, const struct gg_opt *o)
{
    if (o->letter != 0)
        gg_buf_addf(out, "-%c, ", o->letter);
    gg_buf_addf(out, "--%s", o->name);
    if (o->kind == GG_OPT_GLOB)
        gg_buf_addf(out, "[=%s]", o->arg);
    else if (o->kind == GG_OPT_PAIRS)
        gg_buf_addf(out, " %s", o->arg);
    else if (o->arg != NULL)
        gg_buf_addf(out, "=%s", o->arg);
}

static void add_option(struct gg_buf *out, const struct gg_opt *o, size_t width)
{
    struct gg_buf text = GG_BUF_INIT;
    size_t start = out->nbytes;
    gg_buf_adds(out, o->letter != 0 ? "  " : "      ");
    gg_help_option_name(out, o);
    size_t used = out->nbytes - start;
    if (used + 2 > HELP_COLUMN) {
        gg_buf_addc(out, '\n');
        used = 0;
    }
    gg_buf_fill(out, ' ', HELP_COLUMN - used);
    gg_buf_adds(&text, o->help);
    for (int i = 0; o->kind == GG_OPT_CHOICE && o->choices[i] != NULL; i++)
        gg_buf_addf(&text, "%s%s", i == 0 ? ": " : ", ", o->choices[i]);
    wrap_paragraph(out, gg_buf_str(&text), text.nbytes, HELP_COLUMN, HELP_COLUMN, width);
    gg_buf_addc(out, '\n');
    gg_buf_free(&text);
}

void gg_help_options(struct gg_buf *out, const char *title, const struct gg_opt *opts, size_t width)
{
    struct gg_opt_walk w = gg_opt_walk((struct gg_opt_table){opts, NULL});
    const char *shown = NULL;
    for (const struct gg_opt *o; (o = gg_opt_next(&w, NULL)) != NULL;) {
        const char *t = w.group != NULL ? w.group->title : title;
        if (o->hidden)
            continue;
        if (shown != t)
            gg_buf_addf(out, "\n%s:\n", t);
        shown = t;
        add_option(out, o, width);
    }
}
