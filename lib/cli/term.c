#include "lib/cli/term.h"

#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool env_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < GG_COUNTOF(names); i++) {
        const char *v = getenv(names[i]);
        if (v != NULL && *v != '\0')
            return strcasestr(v, "utf-8") != NULL || strcasestr(v, "utf8") != NULL;
    }
    return false;
}

static bool wants_color(bool tty, enum gg_when color)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (color != GG_AUTO)
        return color == GG_ALWAYS;
    return tty && (no == NULL || *no == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

struct gg_term gg_term_of(int fd, enum gg_when color)
{
    struct gg_term t = {.tty = isatty(fd) == 1, .utf8 = env_is_utf8()};
    struct winsize ws;
    t.color = wants_color(t.tty, color);
    if (t.tty)
        t.columns = ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 ? ws.ws_col : 80;
    return t;
}

const char *gg_term_style(const struct gg_term *t, enum gg_style s)
{
    static const char *const seq[] = {
        [GG_PLAIN] = "\x1b[0m", [GG_BOLD] = "\x1b[1m",    [GG_DIM] = "\x1b[2m",
        [GG_RED] = "\x1b[31m",  [GG_YELLOW] = "\x1b[33m", [GG_GREEN] = "\x1b[32m",
        [GG_BLUE] = "\x1b[34m", [GG_CYAN] = "\x1b[36m",
    };
    return t->color ? seq[s] : "";
}

/* ---- width ------------------------------------------------------------------------------------ */

/* Decodes leniently: an invalid byte is a character of its own. */
static size_t next_char(const uint8_t *s, size_t n, uint32_t *cp)
{
    size_t len = s[0] < 0xC2 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 1;
    *cp = s[0];
    if (len == 1 || len > n)
        return 1;
    uint32_t v = s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 1;
        v = v << 6 | (s[i] & 0x3Fu);
    }
    *cp = v;
    return len;
}

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t cp, const struct range *r, size_t n)
{
    for (size_t i = 0; i < n && cp >= r[i].first; i++) {
        if (cp <= r[i].last)
            return true;
    }
    return false;
}

/* The big blocks of Unicode's EastAsianWidth.txt and of the combining marks: good enough to keep
 * columns straight. */
static size_t char_width(uint32_t cp)
{
    static const struct range none[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},
                                        {0x610, 0x61A},   {0x64B, 0x65F},   {0x93C, 0x93C},
                                        {0x941, 0x948},   {0xE31, 0xE31},   {0xE34, 0xE3A},
                                        {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
                                        {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
                                        {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}};
    static const struct range wide[] = {
        {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
        {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
        {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
        {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
    };
    if (cp < 0x300)
        return 1;
    if (in_ranges(cp, none, GG_COUNTOF(none)))
        return 0;
    return in_ranges(cp, wide, GG_COUNTOF(wide)) ? 2 : 1;
}

size_t gg_term_width(const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t w = 0;
    uint32_t cp;
    for (size_t i = 0; i < n; w += char_width(cp))
        i += next_char(p + i, n - i, &cp);
    return w;
}

/* Bytes of the longest beginning of at most max columns, whose width goes to *w. */
static size_t cut(const char *s, size_t n, size_t max, size_t *w)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t i = 0;
    uint32_t cp;
    for (*w = 0; i < n;) {
        size_t len = next_char(p + i, n - i, &cp);
        if (*w + char_width(cp) > max)
            break;
        *w += char_width(cp);
        i += len;
    }
    return i;
}

void gg_term_elide(struct gg_buf *out, const char *s, size_t n, size_t max, bool utf8)
{
    size_t width = gg_term_width(s, n), dots = utf8 ? 1 : 2, w;
    if (width <= max) {
        gg_buf_add(out, s, n);
        return;
    }
    size_t keep = max > dots ? max - dots : 0, head = cut(s, n, keep / 2, &w);
    gg_buf_add(out, s, head);
    gg_buf_adds(out, utf8 ? "\xE2\x80\xA6" : "..");
    size_t skip = cut(s, n, width - (keep - keep / 2), &w);
    for (uint32_t cp; w + (keep - keep / 2) < width && skip < n;) { /* a wide one stood in the way */
        skip += next_char((const uint8_t *)s + skip, n - skip, &cp);
        w += char_width(cp);
    }
    gg_buf_add(out, s + skip, n - skip);
}

void gg_term_cut(struct gg_buf *out, const char *s, size_t n, size_t max, bool utf8)
{
    size_t dots = utf8 ? 1 : 2, w;
    bool fits = gg_term_width(s, n) <= max;
    gg_buf_add(out, s, fits ? n : cut(s, n, max > dots ? max - dots : 0, &w));
    if (!fits)
        gg_buf_adds(out, utf8 ? "\xE2\x80\xA6" : "..");
}

void gg_term_bar(struct gg_buf *out, double fraction, size_t width, bool utf8)
{
    double eighths = fraction * 8.0 * (double)width + 0.5;
    size_t n = eighths > 0 ? (size_t)eighths : 0;
    if (n > 8 * width)
        n = 8 * width;
    if (n == 0 && fraction > 0)
        n = 1;
    if (!utf8) {
        gg_buf_fill(out, '#', (n + 4) / 8 > 0 ? (n + 4) / 8 : n > 0);
        return;
    }
    for (size_t i = 0; i < n / 8; i++)
        gg_buf_adds(out, "\xE2\x96\x88"); /* full block, U+2588 */
    if (n % 8 > 0) {
        char part[4] = {'\xE2', '\x96', (char)(0x90 - (int)(n % 8)), '\0'}; /* U+258F down: 1/8.. */
        gg_buf_adds(out, part);
    }
}
