#include "lib/base/linediff.h"

#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>

/* A script longer than this is not looked for: its memory grows with the square. */
enum { MOST_EDITS = 1000, LONG_LINE = 160, AROUND = 40 };

struct line {
    const char *p;
    size_t n;
};

struct text {
    struct line *v;
    size_t n;
};

struct diff {
    struct text a, b;
    bool *gone, *come; /* by line of a, of b */
    struct gg_buf *out;
};

static bool same_line(struct line x, struct line y)
{
    return x.n == y.n && memcmp(x.p, y.p, x.n) == 0;
}

/* A final newline ends the last line and begins none. */
static bool split(struct text *t, const char *s, size_t n)
{
    size_t cap = 1;
    for (size_t i = 0; i < n; i++)
        cap += s[i] == '\n';
    t->v = calloc(cap, sizeof *t->v);
    if (t->v == NULL)
        return false;
    while (n > 0) {
        const char *end = memchr(s, '\n', n);
        size_t len = end != NULL ? (size_t)(end - s) : n;
        t->v[t->n++] = (struct line){s, len};
        s += len + (end != NULL);
        n -= len + (end != NULL);
    }
    return true;
}

/* ---- the script ------------------------------------------------------------------------------ */

/* The part of both texts that is left when equal lines at both ends are taken away. */
struct middle {
    size_t from, a_end, b_end;
};

static struct middle middle_of(const struct diff *d)
{
    struct middle m = {0, d->a.n, d->b.n};
    while (m.from < m.a_end && m.from < m.b_end && same_line(d->a.v[m.from], d->b.v[m.from]))
        m.from++;
    while (m.a_end > m.from && m.b_end > m.from &&
           same_line(d->a.v[m.a_end - 1], d->b.v[m.b_end - 1])) {
        m.a_end--;
        m.b_end--;
    }
    return m;
}

/* How far one can come on diagonal k with e edits, given how far with e - 1 (row `v`, diagonals from
 * -e to e at index k + MOST_EDITS + 1). */
static long furthest(const struct diff *d, struct middle m, const long *v, long e, long k)
{
    long n = (long)(m.a_end - m.from), n2 = (long)(m.b_end - m.from);
    const long *at = v + MOST_EDITS + 1 + k;
    long x = e == 0 ? 0 : k == -e || (k != e && at[-1] < at[1]) ? at[1] : at[-1] + 1;
    while (x < n && x - k < n2 &&
           same_line(d->a.v[(long)m.from + x], d->b.v[(long)m.from + x - k]))
        x++;
    return x;
}

/* Walks back through the rows from the end, marking lines. */
static void trace(struct diff *d, struct middle m, long *const *rows, long e)
{
    long x = (long)(m.a_end - m.from), y = (long)(m.b_end - m.from);
    for (; e > 0; e--) {
        const long *at = rows[e - 1] + MOST_EDITS + 1 + (x - y);
        long k = x - y;
        bool down = k == -e || (k != e && at[-1] < at[1]); /* a line of b came */
        long from = down ? at[1] : at[-1] + 1;
        while (x > from) {
            x--;
            y--;
        }
        if (down)
            d->come[(long)m.from + --y] = true;
        else
            d->gone[(long)m.from + --x] = true;
    }
}

static void mark_all(struct diff *d, struct middle m)
{
    for (size_t i = m.from; i < m.a_end; i++)
        d->gone[i] = true;
    for (size_t i = m.from; i < m.b_end; i++)
        d->come[i] = true;
}

/* *found: a script was found and marked. False: out of memory. */
static bool find_script(struct diff *d, struct middle m, bool *found)
{
    enum { WIDTH = 2 * MOST_EDITS + 3 };
    long n = (long)(m.a_end - m.from), n2 = (long)(m.b_end - m.from), e = 0;
    long **rows = calloc(MOST_EDITS + 1, sizeof *rows);
    bool ok = rows != NULL;
    *found = n == 0 && n2 == 0;
    for (; ok && !*found && e <= MOST_EDITS; e++) {
        rows[e] = calloc(WIDTH, sizeof **rows);
        ok = rows[e] != NULL;
        for (long k = -e; ok && k <= e && !*found; k += 2) {
            long x = furthest(d, m, e > 0 ? rows[e - 1] : rows[0], e, k);
            rows[e][MOST_EDITS + 1 + k] = x;
            *found = x >= n && x - k >= n2;
        }
        if (*found)
            trace(d, m, rows, e);
    }
    for (long i = 0; rows != NULL && i <= MOST_EDITS; i++)
        free(rows[i]);
    free(rows);
    return ok;
}

/* ---- hunks ----------------------------------------------------------------------------------- */

static void put_line(struct diff *d, char sign, struct line l)
{
    gg_buf_addc(d->out, sign);
    gg_text_escape(d->out, l.p, l.n, 0);
    gg_buf_addc(d->out, '\n');
}

/* Of a long line only what is between the first and the last difference to `other`, and around. */
static void put_part(struct diff *d, char sign, struct line l, struct line other)
{
    size_t head = 0, tail = 0;
    while (head < l.n && head < other.n && l.p[head] == other.p[head])
        head++;
    while (tail < l.n - head && tail < other.n - head &&
           l.p[l.n - 1 - tail] == other.p[other.n - 1 - tail])
        tail++;
    head = head > AROUND ? head - AROUND : 0;
    tail = tail > AROUND ? tail - AROUND : 0;
    while (head > 0 && ((unsigned char)l.p[head] & 0xc0) == 0x80) /* not inside a character */
        head--;
    while (tail > 0 && ((unsigned char)l.p[l.n - tail] & 0xc0) == 0x80)
        tail--;
    gg_buf_addc(d->out, sign);
    gg_buf_adds(d->out, head > 0 ? "..." : "");
    gg_text_escape(d->out, l.p + head, l.n - head - tail, 0);
    gg_buf_adds(d->out, tail > 0 ? "...\n" : "\n");
}

/* A run of lines that go and of lines that come in their place. */
static void put_change(struct diff *d, size_t a, size_t n_a, size_t b, size_t n_b)
{
    for (size_t i = 0; i < n_a; i++) {
        struct line l = d->a.v[a + i];
        if (n_a == n_b && (l.n > LONG_LINE || d->b.v[b + i].n > LONG_LINE))
            put_part(d, '-', l, d->b.v[b + i]);
        else
            put_line(d, '-', l);
    }
    for (size_t i = 0; i < n_b; i++) {
        struct line l = d->b.v[b + i];
        if (n_a == n_b && (l.n > LONG_LINE || d->a.v[a + i].n > LONG_LINE))
            put_part(d, '+', l, d->a.v[a + i]);
        else
            put_line(d, '+', l);
    }
}

static size_t run(const bool *marked, size_t from, size_t n)
{
    size_t i = from;
    while (i < n && marked[i])
        i++;
    return i - from;
}

/* Equal lines from a on, up to the next change or the end. */
static size_t quiet(const struct diff *d, size_t a, size_t b)
{
    size_t n = 0;
    while (a + n < d->a.n && b + n < d->b.n && !d->gone[a + n] && !d->come[b + n])
        n++;
    return n;
}

struct hunk {
    size_t a, b, a_end, b_end;
};

/* From the change at (a, b) on, changes that are at most two contexts apart. */
static struct hunk hunk_at(const struct diff *d, size_t a, size_t b, size_t context)
{
    size_t before = context < a ? context : a;
    struct hunk h = {a - before, b - before, a, b};
    for (;;) {
        h.a_end += run(d->gone, h.a_end, d->a.n);
        h.b_end += run(d->come, h.b_end, d->b.n);
        size_t n = quiet(d, h.a_end, h.b_end);
        bool last = h.a_end + n >= d->a.n && h.b_end + n >= d->b.n;
        if (last || n > 2 * context) {
            h.a_end += n < context ? n : context;
            h.b_end += n < context ? n : context;
            return h;
        }
        h.a_end += n;
        h.b_end += n;
    }
}

static void put_hunk(struct diff *d, struct hunk h)
{
    size_t n_a = h.a_end - h.a, n_b = h.b_end - h.b, a = h.a, b = h.b;
    gg_buf_addf(d->out, "@@ -%zu,%zu +%zu,%zu @@\n", h.a + (n_a > 0), n_a, h.b + (n_b > 0), n_b);
    while (a < h.a_end || b < h.b_end) {
        size_t gone = run(d->gone, a, h.a_end), come = run(d->come, b, h.b_end);
        if (gone == 0 && come == 0) {
            put_line(d, ' ', d->a.v[a]);
            a++;
            b++;
            continue;
        }
        put_change(d, a, gone, b, come);
        a += gone;
        b += come;
    }
}

static void put_hunks(struct diff *d, size_t context)
{
    size_t a = 0, b = 0;
    for (;;) {
        size_t n = quiet(d, a, b);
        a += n;
        b += n;
        if (a >= d->a.n && b >= d->b.n)
            return;
        struct hunk h = hunk_at(d, a, b, context);
        put_hunk(d, h);
        a = h.a_end;
        b = h.b_end;
    }
}

static size_t count(const bool *v, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        k += v[i];
    return k;
}

int gg_line_diff(struct gg_line_diff *counts, struct gg_buf *out, const char *a, size_t a_nbytes,
                 const char *b, size_t b_nbytes, size_t context, struct gg_err *err)
{
    struct diff d = {.out = out};
    bool found = false, ok = split(&d.a, a, a_nbytes) && split(&d.b, b, b_nbytes);
    d.gone = calloc(d.a.n + 1, sizeof *d.gone);
    d.come = calloc(d.b.n + 1, sizeof *d.come);
    ok = ok && d.gone != NULL && d.come != NULL;
    if (ok) {
        struct middle m = middle_of(&d);
        ok = find_script(&d, m, &found);
        if (ok && !found)
            mark_all(&d, m);
    }
    if (ok) {
        *counts = (struct gg_line_diff){count(d.gone, d.a.n), count(d.come, d.b.n), !found};
        if (out != NULL)
            put_hunks(&d, context);
    }
    free(d.a.v);
    free(d.b.v);
    free(d.gone);
    free(d.come);
    return ok && (out == NULL || !out->failed) ? GG_OK : gg_fail_nomem(err, "lines of text");
}
