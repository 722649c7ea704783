/* What a stream can show: is it a terminal, how wide, colours, UTF-8; and the width of text on it. */
#ifndef GG_TERM_H
#define GG_TERM_H

#include "lib/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum gg_when { GG_AUTO, GG_ALWAYS, GG_NEVER };

struct gg_term {
    bool tty;
    bool color;
    bool utf8;      /* the locale's encoding, by LC_ALL, LC_CTYPE, LANG */
    size_t columns; /* of the terminal; 0: it is none, lines may be of any length */
};

/* Looks at file descriptor fd. With GG_AUTO colours are used on a terminal that is not "dumb" and
 * when NO_COLOR (https://no-color.org) is absent or empty. */
struct gg_term gg_term_of(int fd, enum gg_when color);

enum gg_style { GG_PLAIN, GG_BOLD, GG_DIM, GG_RED, GG_YELLOW, GG_GREEN, GG_BLUE, GG_CYAN };

/* The escape sequence that starts a style, "" without colours; GG_PLAIN ends all styles. */
const char *gg_term_style(const struct gg_term *t, enum gg_style s);

/* Columns the n bytes (UTF-8, already escaped) take: East Asian wide characters two, combining ones
 * none, invalid bytes one each. */
size_t gg_term_width(const char *s, size_t n);
/* Appends the text so that it takes at most max columns: a longer one loses its middle to an
 * ellipsis, since names differ at both ends. */
void gg_term_elide(struct gg_buf *out, const char *s, size_t n, size_t max, bool utf8);
/* The same, but a longer text loses its end. */
void gg_term_cut(struct gg_buf *out, const char *s, size_t n, size_t max, bool utf8);
/* Appends a bar of `width` columns of which `fraction` (0 to 1) is full, in eighths of a column, or
 * '#' without UTF-8. Any fraction above 0 shows something. Not padded at its end. */
void gg_term_bar(struct gg_buf *out, double fraction, size_t width, bool utf8);

#endif
