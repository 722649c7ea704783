#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int fail_v(struct gg_err *err, enum gg_code code, int sys, uint64_t where, const char *fmt,
                  va_list ap)
{
    if (err != NULL) {
        err->code = code;
        err->sys = sys;
        err->where = where;
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    }
    return code;
}

int gg_fail(struct gg_err *err, enum gg_code code, uint64_t where, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail_v(err, code, 0, where, fmt, ap);
    va_end(ap);
    return code;
}

int gg_fail_sys(struct gg_err *err, int sys, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail_v(err, GG_ERR_IO, sys, GG_NOWHERE, fmt, ap);
    va_end(ap);
    if (err != NULL) {
        size_t n = strlen(err->msg);
        snprintf(err->msg + n, sizeof err->msg - n, ": %s", strerror(sys));
    }
    return GG_ERR_IO;
}

int gg_fail_nomem(struct gg_err *err, const char *what)
{
    return gg_fail(err, GG_ERR_NOMEM, GG_NOWHERE, "out of memory for %s", what);
}

int gg_err_prefix(struct gg_err *err, const char *fmt, ...)
{
    if (err == NULL)
        return GG_OK;
    char old[sizeof err->msg];
    memcpy(old, err->msg, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    /* what no longer fits is cut; the precision says so to the compiler */
    if (n >= 0 && (size_t)n + 2 < sizeof err->msg)
        snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %.*s",
                 (int)(sizeof err->msg - (size_t)n - 3), old);
    return err->code;
}
