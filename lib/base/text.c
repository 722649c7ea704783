#include "lib/base/text.h"

#include "lib/base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length in bytes of the valid UTF-8 character at s (n > 0 bytes are there), 0 if there is none.
 * Table 3-7 of the Unicode standard. *cp gets the code point. */
static size_t utf8_len(const uint8_t *s, size_t n, uint32_t *cp)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t v = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        v = v << 6 | (s[i] & 0x3Fu);
    }
    if (v < least[len] || (v >= 0xD800 && v < 0xE000) || v > 0x10FFFF)
        return 0;
    *cp = v;
    return len;
}

bool gg_text_is_utf8(const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s;
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t cp;
        if ((len = utf8_len(p + i, n - i, &cp)) == 0)
            return false;
    }
    return true;
}

/* Writes the escaped form of the character at s into esc (no NUL); returns its length, and how many
 * input bytes it stands for in *used. */
static size_t escape_one(char esc[8], const uint8_t *s, size_t n, size_t *used)
{
    static const char hex[] = "0123456789abcdef";
    uint32_t cp = 0;
    size_t len = utf8_len(s, n, &cp);
    *used = len ? len : 1;
    char letter = cp == '\n' ? 'n' : cp == '\t' ? 't' : cp == '\r' ? 'r' : cp == '\\' ? '\\' : 0;
    if (len == 1 && letter) {
        esc[0] = '\\';
        esc[1] = letter;
        return 2;
    }
    if (len == 0 || cp < 0x20 || cp == 0x7F) {
        memcpy(esc, "\\x", 2);
        esc[2] = hex[s[0] >> 4];
        esc[3] = hex[s[0] & 15];
        return 4;
    }
    bool bidi = (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
    if ((cp >= 0x80 && cp < 0xA0) || bidi) { /* C1 controls and direction overrides */
        memcpy(esc, "\\u", 2);
        for (int i = 0; i < 4; i++)
            esc[2 + i] = hex[cp >> (12 - 4 * i) & 15];
        return 6;
    }
    memcpy(esc, s, len);
    return len;
}

void gg_text_escape(struct gg_buf *out, const char *s, size_t n, size_t max_nbytes)
{
    size_t start = out->nbytes, used;
    for (size_t i = 0; i < n; i += used) {
        char esc[8];
        size_t len = escape_one(esc, (const uint8_t *)s + i, n - i, &used);
        if (max_nbytes > 0 && out->nbytes - start + len > max_nbytes) {
            gg_buf_adds(out, "\xE2\x80\xA6"); /* ellipsis */
            return;
        }
        gg_buf_add(out, esc, len);
    }
}

char *gg_text_escape_into(char *dst, size_t dst_nbytes, const char *s, size_t n)
{
    size_t o = 0, used;
    for (size_t i = 0; i < n; i += used) {
        char esc[8];
        size_t len = escape_one(esc, (const uint8_t *)s + i, n - i, &used);
        if (o + len + 4 > dst_nbytes) { /* room for "..." and NUL */
            memcpy(dst + o, "...", 4);
            return dst;
        }
        memcpy(dst + o, esc, len);
        o += len;
    }
    dst[o] = '\0';
    return dst;
}

char *gg_text_thousands(char dst[32], uint64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    char *o = dst;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *o++ = ',';
        *o++ = digits[i];
    }
    *o = '\0';
    return dst;
}

/* Three significant digits with the largest fitting unit of the given step. */
static char *with_unit(char dst[32], uint64_t v, double step, const char *const units[7])
{
    double x = (double)v;
    int u = 0;
    while (x >= step * 0.9995 && u < 6) {
        x /= step;
        u++;
    }
    if (u == 0)
        snprintf(dst, 32, "%llu%s%s", (unsigned long long)v, *units[0] ? " " : "", units[0]);
    else
        snprintf(dst, 32, "%.*f %s", x < 9.995 ? 2 : x < 99.95 ? 1 : 0, x, units[u]);
    return dst;
}

char *gg_text_size(char dst[32], uint64_t nbytes)
{
    static const char *const units[7] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    return with_unit(dst, nbytes, 1024.0, units);
}

char *gg_text_count(char dst[32], uint64_t n)
{
    static const char *const units[7] = {"", "K", "M", "B", "T", "P", "E"};
    return with_unit(dst, n, 1000.0, units);
}

bool gg_text_parse_u64(const char *s, uint64_t *out)
{
    unsigned base = 10;
    uint64_t v = 0;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    }
    if (*s == '\0')
        return false;
    for (; *s != '\0'; s++) {
        unsigned d = *s >= '0' && *s <= '9'   ? (unsigned)(*s - '0')
                     : *s >= 'a' && *s <= 'f' ? (unsigned)(*s - 'a' + 10)
                     : *s >= 'A' && *s <= 'F' ? (unsigned)(*s - 'A' + 10)
                                              : 99;
        if (d >= base || !gg_mul_u64(v, base, &v) || !gg_add_u64(v, d, &v))
            return false;
    }
    *out = v;
    return true;
}

bool gg_text_parse_i64(const char *s, int64_t *out)
{
    bool neg = *s == '-';
    uint64_t v;
    if (!gg_text_parse_u64(s + (neg || *s == '+'), &v) || v > (uint64_t)INT64_MAX + neg)
        return false;
    *out = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool gg_text_parse_f64(const char *s, double *out)
{
    char *end;
    if (*s == '\0' || strchr(" \t\n\r\v\f", *s) != NULL)
        return false;
    *out = strtod(s, &end);
    return *end == '\0' && end != s;
}

bool gg_text_parse_size(const char *s, uint64_t *out)
{
    static const char letters[] = "KMGTPE";
    size_t n = strspn(s, "0123456789.");
    char num[32];
    double x;
    if (n == 0 || n >= sizeof num)
        return false;
    memcpy(num, s, n);
    num[n] = '\0';
    const char *unit = s + n;
    uint64_t scale = 1;
    const char *l = *unit ? strchr(letters, *unit & ~0x20) : NULL;
    if (l != NULL) {
        uint64_t step = unit[1] == 'i' || unit[1] == 'I' ? 1024 : 1000;
        for (long i = 0; i <= l - letters; i++)
            scale *= step;
        unit += step == 1024 ? 2 : 1;
    }
    if (*unit == 'B' || *unit == 'b')
        unit++;
    if (*unit != '\0')
        return false;
    uint64_t whole;
    if (gg_text_parse_u64(num, &whole))
        return gg_mul_u64(whole, scale, out);
    if (!gg_text_parse_f64(num, &x) || x * (double)scale >= 18446744073709549568.0)
        return false;
    *out = (uint64_t)(x * (double)scale);
    return true;
}

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

bool gg_text_ieq(const char *a, const char *b)
{
    while (*a && lower((unsigned char)*a) == lower((unsigned char)*b))
        a++, b++;
    return lower((unsigned char)*a) == lower((unsigned char)*b);
}

/* One [set] at *pp (after the bracket): does it hold c? *pp moves past the closing bracket; NULL
 * when there is none, and the bracket then stands for itself. */
static bool in_set(const char **pp, char c)
{
    const char *p = *pp;
    bool neg = *p == '!' || *p == '^', hit = false;
    p += neg;
    for (bool first = true; *p != ']' || first; first = false) {
        if (*p == '\0') {
            *pp = NULL;
            return false;
        }
        unsigned char lo = (unsigned char)*p, hi = lo;
        if (p[1] == '-' && p[2] != ']' && p[2] != '\0') {
            hi = (unsigned char)p[2];
            p += 2;
        }
        hit |= (unsigned char)c >= lo && (unsigned char)c <= hi;
        p++;
    }
    *pp = p + 1;
    return hit != neg;
}

/* Does the single pattern element at *pp match c? *pp moves behind it. */
static bool glob_one(const char **pp, char c)
{
    const char *p = *pp;
    if (*p == '[') {
        const char *q = p + 1;
        bool hit = in_set(&q, c);
        if (q != NULL) {
            *pp = q;
            return hit;
        }
    }
    if (*p == '\\' && p[1] != '\0')
        p++;
    else if (*p == '?') {
        *pp = p + 1;
        return true;
    }
    *pp = p + 1;
    return *p == c;
}

bool gg_text_glob(const char *pattern, const char *s, size_t n)
{
    const char *p = pattern, *star = NULL;
    size_t i = 0, star_i = 0;
    while (i < n) {
        const char *q = p;
        if (*p == '*') {
            star = ++p;
            star_i = i;
        } else if (*p != '\0' && glob_one(&q, s[i])) {
            p = q;
            i++;
        } else if (star != NULL) { /* let the last star swallow one byte more */
            p = star;
            i = ++star_i;
        } else {
            return false;
        }
    }
    while (*p == '*')
        p++;
    return *p == '\0';
}

unsigned gg_text_distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t na = strlen(a), nb = strlen(b);
    unsigned row[MAX + 1];
    if (na > MAX || nb > MAX)
        return MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diag = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned up = row[j];
            unsigned sub = diag + (lower((unsigned char)a[i - 1]) != lower((unsigned char)b[j - 1]));
            unsigned best = up + 1 < row[j - 1] + 1 ? up + 1 : row[j - 1] + 1;
            row[j] = sub < best ? sub : best;
            diag = up;
        }
    }
    return row[nb];
}
