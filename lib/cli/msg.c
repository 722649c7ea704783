#include "lib/cli/msg.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum gg_exit gg_exit_code(enum gg_code code)
{
    switch (code) {
    case GG_OK:
        return GG_EXIT_OK;
    case GG_ERR_NOT_GGUF:
    case GG_ERR_CORRUPT:
    case GG_ERR_TRUNCATED:
    case GG_ERR_UNSUPPORTED:
    case GG_ERR_LIMIT:
        return GG_EXIT_BAD_INPUT;
    case GG_ERR_ARG:
        return GG_EXIT_USAGE;
    case GG_ERR_IO:
    case GG_ERR_NOMEM:
    case GG_ERR_INTERRUPTED:
        return GG_EXIT_ENVIRONMENT;
    case GG_ERR_BUG:
        break;
    }
    return GG_EXIT_BUG;
}

void gg_msg_init(struct gg_msg *m, FILE *to)
{
    *m = (struct gg_msg){.who = "ggtool", .to = to};
    pthread_mutex_init(&m->lock, NULL);
}

void gg_msg_destroy(struct gg_msg *m)
{
    gg_msg_line(m, NULL);
    pthread_mutex_destroy(&m->lock);
}

/* With the lock held. */
static void wipe(struct gg_msg *m)
{
    if (m->line_stands)
        fputs("\r\x1b[K", m->to);
    m->line_stands = false;
}

static void say(struct gg_msg *m, enum gg_style style, const char *kind, const char *fmt, va_list ap)
{
    pthread_mutex_lock(&m->lock);
    wipe(m);
    fprintf(m->to, "%s: ", m->who);
    if (*kind != '\0')
        fprintf(m->to, "%s%s:%s ", gg_term_style(&m->term, style), kind,
                gg_term_style(&m->term, GG_PLAIN));
    vfprintf(m->to, fmt, ap);
    fputc('\n', m->to);
    fflush(m->to);
    pthread_mutex_unlock(&m->lock);
}

void gg_msg_error(struct gg_msg *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(m, GG_RED, "", fmt, ap);
    va_end(ap);
}

void gg_msg_warn(struct gg_msg *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (m->level >= 0)
        say(m, GG_YELLOW, "warning", fmt, ap);
    va_end(ap);
}

void gg_msg_note(struct gg_msg *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (m->level >= 0)
        say(m, GG_CYAN, "note", fmt, ap);
    va_end(ap);
}

void gg_msg_info(struct gg_msg *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (m->level >= 1)
        say(m, GG_DIM, "", fmt, ap);
    va_end(ap);
}

int gg_msg_fail(struct gg_msg *m, const struct gg_err *err)
{
    if (err->code == GG_ERR_BUG)
        gg_msg_error(m, "%s (this is a bug in ggtool; please report it)", err->msg);
    else if (err->code != GG_ERR_INTERRUPTED)
        gg_msg_error(m, "%s", err->msg);
    return (int)gg_exit_code(err->code);
}

static void say_finding(struct gg_msg *m, const char *file, const struct gg_finding *v)
{
    const char *before = v->tensor != NULL ? "tensor '" : "", *after = v->tensor != NULL ? "': " : "";
    const char *tensor = v->tensor != NULL ? v->tensor : "";
    if (v->severity == GG_FAULT)
        gg_msg_error(m, "%s: %s%s%s%s", file, before, tensor, after, v->text);
    else if (v->severity == GG_WARN)
        gg_msg_warn(m, "%s: %s%s%s%s", file, before, tensor, after, v->text);
    else
        gg_msg_note(m, "%s: %s%s%s%s", file, before, tensor, after, v->text);
}

void gg_msg_findings(struct gg_msg *m, const char *file, const struct gg_findings *f, size_t max)
{
    size_t said = 0;
    for (int severity = GG_FAULT; severity >= GG_NOTE; severity--) {
        for (size_t i = 0; i < f->n && (max == 0 || said < max); i++) {
            if ((int)f->v[i].severity == severity) {
                say_finding(m, file, &f->v[i]);
                said++;
            }
        }
    }
    if (said < f->n)
        gg_msg_note(m, "%s: and %zu more", file, f->n - said);
}

/* How often each code came; codes are static texts, few of them. */
struct code_counts {
    const char *code[128];
    size_t n[128];
};

/* Counts one more; returns how many there were before. */
static size_t count_code(struct code_counts *c, const char *code)
{
    size_t i = 0;
    while (i < 127 && c->code[i] != NULL && strcmp(c->code[i], code) != 0)
        i++;
    c->code[i] = code;
    return c->n[i]++;
}

void gg_findings_print(FILE *out, const struct gg_term *term, const char *file,
                       const struct gg_findings *f, enum gg_severity least, size_t max)
{
    static const enum gg_style styles[] = {GG_CYAN, GG_YELLOW, GG_RED};
    struct code_counts counts = {0};
    size_t n_more = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct gg_finding *v = &f->v[i];
        if (v->severity < least)
            continue;
        if (count_code(&counts, v->code) >= max && max != 0) {
            n_more++;
            continue;
        }
        bool t = v->tensor != NULL;
        fprintf(out, "%s: %s%s%s: %s%s%s%s\n", file, gg_term_style(term, styles[v->severity]),
                gg_severity_name(v->severity), gg_term_style(term, GG_PLAIN), t ? "tensor '" : "",
                t ? v->tensor : "", t ? "': " : "", v->text);
    }
    if (n_more > 0)
        fprintf(out, "%s: and %zu more like these (-v lists them)\n", file, n_more);
}

int gg_msg_close_out(struct gg_msg *m, FILE *out)
{
    bool bad = ferror(out) != 0;
    errno = 0;
    if (fflush(out) != 0)
        bad = true;
    int sys = errno;
    if (!bad)
        return GG_EXIT_OK;
    if (sys != EPIPE)
        gg_msg_error(m, "cannot write to standard output%s%s", sys != 0 ? ": " : "",
                     sys != 0 ? strerror(sys) : "");
    return GG_EXIT_ENVIRONMENT;
}

void gg_msg_line(struct gg_msg *m, const char *text)
{
    pthread_mutex_lock(&m->lock);
    wipe(m);
    if (text != NULL) {
        fputs(text, m->to);
        m->line_stands = true;
    }
    fflush(m->to);
    pthread_mutex_unlock(&m->lock);
}
