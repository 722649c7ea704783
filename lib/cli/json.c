#include "lib/cli/json.h"

#include "lib/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void gg_json_begin(struct gg_json *j, FILE *f)
{
    *j = (struct gg_json){.f = f};
}

static void new_line(struct gg_json *j)
{
    if (j->inline_depth > 0)
        return;
    fputc('\n', j->f);
    for (int i = 0; i < j->depth; i++)
        fputs("  ", j->f);
}

/* What stands before a value or a key: the comma, the new line. */
static void next_member(struct gg_json *j)
{
    j->any = true;
    if (j->depth == 0)
        return;
    if (j->filled[j->depth])
        fputs(j->inline_depth > 0 ? ", " : ",", j->f);
    j->filled[j->depth] = true;
    new_line(j);
}

static bool after_key(struct gg_json *j) /* gg_json_key_n has written the key already */
{
    bool yes = j->close[0] == ':';
    j->close[0] = '\0';
    return yes;
}

static void lead(struct gg_json *j, const char *key)
{
    if (after_key(j))
        return;
    next_member(j);
    if (key != NULL)
        fprintf(j->f, "\"%s\": ", key);
}

void gg_json_key_n(struct gg_json *j, const char *key, size_t n)
{
    next_member(j);
    gg_json_quote(j->f, key, n);
    fputs(": ", j->f);
    j->close[0] = ':';
}

static void open_container(struct gg_json *j, const char *key, const char *brackets, bool in_line)
{
    lead(j, key);
    fputc(brackets[0], j->f);
    if (j->depth < GG_JSON_MAX_DEPTH)
        j->depth++;
    j->filled[j->depth] = false;
    j->close[j->depth] = brackets[1];
    if (in_line && j->inline_depth == 0)
        j->inline_depth = j->depth;
}

void gg_json_object(struct gg_json *j, const char *key)
{
    open_container(j, key, "{}", false);
}

void gg_json_array(struct gg_json *j, const char *key)
{
    open_container(j, key, "[]", false);
}

void gg_json_object_inline(struct gg_json *j, const char *key)
{
    open_container(j, key, "{}", true);
}

void gg_json_array_inline(struct gg_json *j, const char *key)
{
    open_container(j, key, "[]", true);
}

void gg_json_close(struct gg_json *j)
{
    if (j->depth == 0)
        return;
    char c = j->close[j->depth];
    bool filled = j->filled[j->depth];
    j->depth--;
    if (filled)
        new_line(j);
    if (j->inline_depth > j->depth)
        j->inline_depth = 0;
    fputc(c, j->f);
}

void gg_json_end(struct gg_json *j)
{
    while (j->depth > 0)
        gg_json_close(j);
    fputc('\n', j->f);
}

void gg_json_quote(FILE *f, const char *s, size_t n)
{
    fputc('"', f);
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t len = 1;
        if (c >= 0x80) { /* the whole character when valid */
            for (len = 2; len <= 4 && !(i + len <= n && gg_text_is_utf8(s + i, len)); len++)
                ;
            if (len > 4) {
                len = 1;
                fputs("\\ufffd", f);
            } else {
                fwrite(s + i, 1, len, f);
            }
        } else if (c == '"' || c == '\\') {
            fputc('\\', f);
            fputc(c, f);
        } else if (c < 0x20 || c == 0x7F) {
            if (c == '\n')
                fputs("\\n", f);
            else if (c == '\t')
                fputs("\\t", f);
            else
                fprintf(f, "\\u%04x", c);
        } else {
            fputc(c, f);
        }
        i += len;
    }
    fputc('"', f);
}

void gg_json_text(struct gg_json *j, const char *key, const char *s, size_t n)
{
    lead(j, key);
    gg_json_quote(j->f, s, n);
    if (key == NULL || gg_text_is_utf8(s, n))
        return;
    next_member(j);
    fprintf(j->f, "\"%s_hex\": \"", key);
    for (size_t i = 0; i < n; i++)
        fprintf(j->f, "%02x", (unsigned char)s[i]);
    fputc('"', j->f);
}

void gg_json_str(struct gg_json *j, const char *key, const char *s)
{
    gg_json_text(j, key, s, strlen(s));
}

void gg_json_u64(struct gg_json *j, const char *key, uint64_t v)
{
    lead(j, key);
    fprintf(j->f, "%llu", (unsigned long long)v);
}

void gg_json_i64(struct gg_json *j, const char *key, int64_t v)
{
    lead(j, key);
    fprintf(j->f, "%lld", (long long)v);
}

static char *not_a_number(char dst[32], double v)
{
    strcpy(dst, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
    return dst;
}

char *gg_json_number(char dst[32], double v)
{
    if (!isfinite(v))
        return not_a_number(dst, v);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(dst, 32, "%.*g", digits, v);
        if (strtod(dst, NULL) == v)
            break;
    }
    return dst;
}

char *gg_json_number_f32(char dst[32], float v)
{
    if (!isfinite(v))
        return not_a_number(dst, v);
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(dst, 32, "%.*g", digits, (double)v);
        if (strtof(dst, NULL) == v)
            break;
    }
    return dst;
}

static void write_number(struct gg_json *j, const char *key, const char *text, bool finite)
{
    if (strcmp(text, "-0") == 0)
        text = "-0.0"; /* whole numbers have no negative zero for those who read this */
    lead(j, key);
    fprintf(j->f, finite ? "%s" : "\"%s\"", text);
}

void gg_json_f64(struct gg_json *j, const char *key, double v)
{
    char tmp[32];
    write_number(j, key, gg_json_number(tmp, v), isfinite(v));
}

void gg_json_f32(struct gg_json *j, const char *key, float v)
{
    char tmp[32];
    write_number(j, key, gg_json_number_f32(tmp, v), isfinite(v));
}

void gg_json_bool(struct gg_json *j, const char *key, bool v)
{
    lead(j, key);
    fputs(v ? "true" : "false", j->f);
}

void gg_json_null(struct gg_json *j, const char *key)
{
    lead(j, key);
    fputs("null", j->f);
}

void gg_json_findings(struct gg_json *j, const char *key, const struct gg_findings *f)
{
    gg_json_array(j, key);
    for (size_t i = 0; i < f->n; i++) {
        const struct gg_finding *v = &f->v[i];
        gg_json_object_inline(j, NULL);
        gg_json_str(j, "severity", gg_severity_name(v->severity));
        gg_json_str(j, "code", v->code);
        if (v->tensor != NULL)
            gg_json_str(j, "tensor", v->tensor);
        if (v->off != GG_NOWHERE)
            gg_json_u64(j, "offset", v->off);
        gg_json_str(j, "text", v->text != NULL ? v->text : "");
        gg_json_close(j);
    }
    gg_json_close(j);
}
