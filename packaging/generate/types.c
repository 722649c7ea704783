/* ggtool-types(7): facts from qtype.def, layouts from the drawings in blocks.h, errors from
 * errors.tsv; what is said about them stands in ggtool-types.7.in. */
#include "packaging/generate/generate.h"

#include "lib/quant/qtype.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 8 };

/* ---- measured errors ------------------------------------------------------------------------ */

struct error {
    char plain[24], weighted[24];
};

/* The line of a type in errors.tsv; "-" where there is none. */
static struct error error_of(const char *name)
{
    struct error e = {"-", "-"};
    char *text = gen_read("packaging/generate", "errors.tsv"), row[32];
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        struct error got;
        if (sscanf(line, "%31s %23s %23s", row, got.plain, got.weighted) == 3 &&
            strcmp(row, name) == 0)
            e = got;
    }
    free(text);
    return e;
}

static const char *decibel(char dst[24], const char *nmse)
{
    double v = strtod(nmse, NULL);
    if (*nmse == '-')
        return "-";
    if (v < 1e-15)
        return "exact";
    snprintf(dst, 24, "%.1f", -10 * log10(v));
    return dst;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void table(struct gg_buf *out, const char *word)
{
    char a[24], b[24];
    (void)word;
    gg_buf_adds(out, ".Bd -literal\n");
    gg_buf_addf(out, "%-8s %3s %6s %6s %8s  %9s %6s  %9s %6s\n", "type", "id", "block", "bytes", "bpw",
                "NMSE", "dB", "weighted", "dB");
    for (size_t i = 0; i < qt_count(); i++) {
        const struct qt_info *t = qt_at(i);
        struct error e = error_of(t->name);
        gg_buf_addf(out, "%-8s %3d %6u %6u %8.6g  %9s %6s  %9s %6s\n", t->name, (int)t->type,
                    (unsigned)t->block_nelems, (unsigned)t->block_nbytes, qt_bpw(t), e.plain,
                    decibel(a, e.plain), e.weighted, decibel(b, e.weighted));
    }
    gg_buf_adds(out, ".Ed\n");
}

static void dialect(struct gg_buf *out, uint32_t id)
{
    const struct qt_info *t = qt_dialect(id);
    if (t != NULL)
        gg_buf_addf(out, "%-10s %4u %6u %6u %8.6g  %s\n", t->name, (unsigned)qt_stored_id(id),
                    (unsigned)t->block_nelems, (unsigned)t->block_nbytes, qt_bpw(t),
                    t->plain != QT_NONE ? qt_info(t->plain)->name : "-");
}

/* Types of other programs, and what they are decoded to. */
static void dialects(struct gg_buf *out, const char *word)
{
    enum { LAST_ID = 1023 };
    (void)word;
    gg_buf_adds(out, ".Bd -literal\n");
    gg_buf_addf(out, "%-10s %4s %6s %6s %8s  %s\n", "type", "id", "block", "bytes", "bpw", "becomes");
    for (uint32_t id = 0; id <= LAST_ID; id++)
        dialect(out, id);
    dialect(out, QT_I2_S);
    gg_buf_adds(out, ".Ed\n");
}

/* ---- layouts --------------------------------------------------------------------------------- */

struct field {
    char label[32];
    unsigned off;
};

static unsigned width_of(const char *type)
{
    return strstr(type, "32") != NULL ? 4 : strstr(type, "16") != NULL ? 2 : 1;
}

/* The members of the struct that begins at s; returns their number, *nbytes gets their sum. */
static size_t read_fields(const char *s, struct field fields[MAX_FIELDS], unsigned *nbytes)
{
    size_t n = 0;
    *nbytes = 0;
    for (s = strchr(s, '\n') + 1; *s != '}' && n < MAX_FIELDS; s = strchr(s, '\n') + 1) {
        char type[16], name[16];
        unsigned count = 1;
        if (sscanf(s, " %15s %15[^;]", type, name) != 2)
            continue;
        if (strchr(name, '[') != NULL)
            count = (unsigned)strtoul(strchr(name, '[') + 1, NULL, 10);
        fields[n].off = *nbytes;
        snprintf(fields[n].label, sizeof fields[n].label, " %s ", name);
        *nbytes += count * width_of(type);
        n++;
    }
    return n;
}

/* Boxes side by side, with the offset of each. */
static void draw_fields(struct gg_buf *out, const struct field *f, size_t n, unsigned nbytes)
{
    struct gg_buf offs = GG_BUF_INIT, line = GG_BUF_INIT, boxes = GG_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        size_t w = strlen(f[i].label) < 4 ? 4 : strlen(f[i].label);
        gg_buf_addf(&offs, "%-*u", (int)w + 1, f[i].off);
        gg_buf_addc(&line, '+');
        gg_buf_fill(&line, '-', w);
        gg_buf_addf(&boxes, "|%-*s", (int)w, f[i].label);
    }
    gg_buf_addf(out, "byte %s%u\n     %s+\n     %s|\n     %s+\n", gg_buf_str(&offs), nbytes,
                gg_buf_str(&line), gg_buf_str(&boxes), gg_buf_str(&line));
    gg_buf_free(&offs);
    gg_buf_free(&line);
    gg_buf_free(&boxes);
}

/* The comment that ends right before s, without its stars. */
static void copy_comment(struct gg_buf *out, const char *text, const char *s)
{
    const char *end = s;
    while (end > text && strncmp(end, "*/", 2) != 0)
        end--;
    const char *p = end;
    while (p > text && strncmp(p, "/*", 2) != 0)
        p--;
    for (p += 2; p < end;) {
        size_t n = strcspn(p, "\n");
        if (p + n > end)
            n = (size_t)(end - p);
        const char *last = p + n;
        if (*p == ' ' && p[1] == '*')
            p += 2;
        if (*p == ' ')
            p++;
        while (last > p && last[-1] == ' ')
            last--;
        gen_mdoc_literal(out, p, (size_t)(last - p));
        p = last + strcspn(last, "\n") + 1;
        if (last >= end)
            break;
    }
}

static void layout(struct gg_buf *out, const struct qt_info *t)
{
    char *text = gen_read("lib/quant", "blocks.h"), start[64];
    struct field fields[MAX_FIELDS];
    unsigned nbytes;
    snprintf(start, sizeof start, "struct qt_block_%s {", t->name);
    const char *s = strstr(text, start);
    if (s != NULL) {
        gg_buf_adds(out, ".Bd -literal\n");
        draw_fields(out, fields, read_fields(s, fields, &nbytes), t->block_nbytes);
        gg_buf_addc(out, '\n');
        copy_comment(out, text, s);
        gg_buf_adds(out, ".Ed\n.Pp\n");
        if (nbytes != t->block_nbytes)
            fprintf(stderr, "generate: %s: the fields have %u bytes\n", t->name, nbytes);
    }
    free(text);
}

static void type(struct gg_buf *out, const char *name)
{
    const struct qt_info *t = qt_by_name(name);
    if (t == NULL) {
        fprintf(stderr, "generate: no type %s\n", name);
        exit(1);
    }
    gg_buf_addf(out, ".Ss %s\n", t->name);
    layout(out, t);
}

/* Every type is described. */
static bool all_there(const char *template)
{
    bool all = true;
    for (size_t i = 0; i < qt_count(); i++) {
        char mark[40];
        snprintf(mark, sizeof mark, "@TYPE %s@", qt_at(i)->name);
        if (strstr(template, mark) == NULL) {
            fprintf(stderr, "generate: ggtool-types.7.in says nothing about %s\n", qt_at(i)->name);
            all = false;
        }
    }
    return all;
}

static void date(struct gg_buf *out, const char *word)
{
    (void)word;
    gg_buf_adds(out, ".Dd " GG_DATE "\n");
}

bool gen_man_types(struct gg_buf *out, const char *template)
{
    static const struct gen_mark marks[] = {
        {"DATE", date}, {"TABLE", table}, {"TYPE", type}, {"DIALECTS", dialects}, {NULL, NULL},
    };
    return all_there(template) && gen_template(out, template, marks);
}
