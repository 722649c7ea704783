/* Findings: what a check that can find many things found.
 *
 * A list owns its texts. One renderer for text and one for JSON live in lib/cli.
 */
#ifndef GG_FINDING_H
#define GG_FINDING_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gg_severity {
    GG_NOTE,  /* odd but legal */
    GG_WARN,  /* legal, and probably not what was meant */
    GG_FAULT, /* wrong: whatever needs the data must refuse */
};

struct gg_finding {
    enum gg_severity severity;
    const char *code;   /* stable short name, static storage: "gap", "overlap", "imatrix-missing" */
    char *tensor;       /* escaped name, or NULL */
    uint64_t off;       /* byte offset in the file, or GG_NOWHERE */
    char *text;         /* one sentence */
};

struct gg_findings {
    struct gg_finding *v;
    size_t n, cap;
    size_t n_by_severity[3];
    bool failed; /* an allocation failed: the list is not complete */
};

#define GG_FINDINGS_INIT {0}

/* Adds one; tensor may be NULL (its bytes are escaped here). */
void gg_findings_add(struct gg_findings *f, enum gg_severity severity, const char *code,
                     const char *tensor, size_t tensor_nbytes, uint64_t off, const char *fmt, ...)
    GG_PRINTF(7, 8);
/* Appends copies of all of from. file, when not NULL, is put before each text: "file: text". */
void gg_findings_append(struct gg_findings *f, const struct gg_findings *from, const char *file);
/* Faults first, then warnings, then notes; those alike stay in order. */
void gg_findings_worst_first(struct gg_findings *f);
void gg_findings_free(struct gg_findings *f);

/* "note", "warning", "fault" */
const char *gg_severity_name(enum gg_severity s);

#ifdef __cplusplus
}
#endif

#endif
