#include "lib/model/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>

struct gg_pattern {
    char *glob; /* or NULL */
    pcre2_code *code;
    pcre2_match_context *limits;
};

/* Names are short: what needs more steps than this is a pattern that backtracks without end. */
enum { MAX_STEPS = 100000, MAX_DEPTH = 1000, MAX_HEAP_KIB = 4096 };

/* Longest pattern text; keeps PCRE2's compiler within bounds. */
enum { MAX_PATTERN_NBYTES = 8192 };

void gg_pattern_free(struct gg_pattern *p)
{
    if (p == NULL)
        return;
    free(p->glob);
    pcre2_code_free(p->code);
    pcre2_match_context_free(p->limits);
    free(p);
}

static int compile(struct gg_pattern *p, const char *text, uint32_t flags, struct gg_err *err)
{
    int code;
    PCRE2_SIZE at;
    p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                            flags | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (p->code == NULL) {
        PCRE2_UCHAR why[200];
        char shown[200];
        pcre2_get_error_message(code, why, sizeof why);
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "regular expression '%s': %s (at character %zu)",
                       gg_text_escape_into(shown, sizeof shown, text, strlen(text)),
                       (const char *)why, (size_t)at + 1);
    }
    p->limits = pcre2_match_context_create(NULL);
    if (p->limits == NULL)
        return gg_fail_nomem(err, "a pattern");
    pcre2_set_match_limit(p->limits, MAX_STEPS);
    pcre2_set_depth_limit(p->limits, MAX_DEPTH);
    pcre2_set_heap_limit(p->limits, MAX_HEAP_KIB);
    return GG_OK;
}

enum kind { GLOB, REGEX, REGEX_ANY_CASE };

static int make(struct gg_pattern **out, const char *text, enum kind kind, struct gg_err *err)
{
    struct gg_pattern *p;
    int rc = GG_OK;
    if (strlen(text) > MAX_PATTERN_NBYTES)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "a pattern longer than %d bytes",
                       MAX_PATTERN_NBYTES);
    p = calloc(1, sizeof *p);
    if (p == NULL)
        return gg_fail_nomem(err, "a pattern");
    if (kind != GLOB)
        rc = compile(p, text, kind == REGEX ? 0 : PCRE2_CASELESS, err);
    else if ((p->glob = strdup(text)) == NULL)
        rc = gg_fail_nomem(err, "a pattern");
    if (rc != GG_OK) {
        gg_pattern_free(p);
        return rc;
    }
    *out = p;
    return GG_OK;
}

int gg_pattern_new(struct gg_pattern **out, const char *text, struct gg_err *err)
{
    bool regex = strncmp(text, "re:", 3) == 0;
    return make(out, regex ? text + 3 : text, regex ? REGEX : GLOB, err);
}

int gg_pattern_new_regex(struct gg_pattern **out, const char *text, struct gg_err *err)
{
    return make(out, text, REGEX_ANY_CASE, err);
}

bool gg_pattern_match(const struct gg_pattern *p, const char *name, size_t nbytes)
{
    pcre2_match_data *m;
    int rc;
    if (p->glob != NULL)
        return gg_text_glob(p->glob, name, nbytes);
    m = pcre2_match_data_create(1, NULL);
    if (m == NULL)
        return false;
    rc = pcre2_match(p->code, (PCRE2_SPTR)(nbytes > 0 ? name : ""), nbytes, 0, 0, m, p->limits);
    pcre2_match_data_free(m);
    return rc >= 0;
}
