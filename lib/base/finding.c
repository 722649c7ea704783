#include "lib/base/finding.h"

#include "lib/base/buf.h"
#include "lib/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gg_finding *grow(struct gg_findings *f)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 8;
        struct gg_finding *v = realloc(f->v, cap * sizeof *v);
        if (v == NULL)
            return NULL;
        f->v = v;
        f->cap = cap;
    }
    return &f->v[f->n];
}

void gg_findings_add(struct gg_findings *f, enum gg_severity severity, const char *code,
                     const char *tensor, size_t tensor_nbytes, uint64_t off, const char *fmt, ...)
{
    struct gg_buf name = GG_BUF_INIT, text = GG_BUF_INIT;
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    gg_buf_adds(&text, line);
    if (tensor != NULL) {
        gg_buf_adds(&name, "");
        gg_text_escape(&name, tensor, tensor_nbytes, 0);
    }
    f->n_by_severity[severity]++;
    struct gg_finding *slot = name.failed || text.failed ? NULL : grow(f);
    if (slot == NULL) {
        f->failed = true;
        gg_buf_free(&name);
        gg_buf_free(&text);
        return;
    }
    *slot = (struct gg_finding){severity, code, tensor ? gg_buf_take(&name) : NULL, off,
                                gg_buf_take(&text)};
    f->n++;
}

void gg_findings_append(struct gg_findings *f, const struct gg_findings *from, const char *file)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct gg_finding *x = &from->v[i];
        size_t before = f->n;
        gg_findings_add(f, x->severity, x->code, NULL, 0, x->off, "%s%s%s", file != NULL ? file : "",
                        file != NULL ? ": " : "", x->text);
        if (f->n > before && x->tensor != NULL) { /* escaped already */
            f->v[before].tensor = strdup(x->tensor);
            f->failed |= f->v[before].tensor == NULL;
        }
    }
    f->failed |= from->failed;
}

void gg_findings_worst_first(struct gg_findings *f)
{
    struct gg_finding *v = f->n > 0 ? malloc(f->n * sizeof *v) : NULL;
    size_t n = 0;
    if (v == NULL) {
        f->failed |= f->n > 0;
        return;
    }
    for (int s = GG_FAULT; s >= GG_NOTE; s--) {
        for (size_t i = 0; i < f->n; i++) {
            if ((int)f->v[i].severity == s)
                v[n++] = f->v[i];
        }
    }
    free(f->v);
    f->v = v;
    f->cap = f->n;
}

void gg_findings_free(struct gg_findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].tensor);
        free(f->v[i].text);
    }
    free(f->v);
    *f = (struct gg_findings)GG_FINDINGS_INIT;
}

const char *gg_severity_name(enum gg_severity s)
{
    return s == GG_NOTE ? "note" : s == GG_WARN ? "warning" : "fault";
}
