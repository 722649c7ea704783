/* Errors: one value that says what went wrong, where, in a complete sentence.
 *
 * The caller owns a struct gg_err and passes its address down. It is left untouched on success.
 * Functions that can fail return GG_OK (0) or the code that stands in err->code, so that calls
 * chain with ||. Library code fills errors; only commands print them.
 */
#ifndef GG_ERR_H
#define GG_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GG_NOWHERE UINT64_MAX /* no byte offset is known */

enum gg_code {
    GG_OK = 0,
    GG_ERR_NOT_GGUF,    /* the file is something else, named in the message */
    GG_ERR_CORRUPT,     /* contradicts the format */
    GG_ERR_TRUNCATED,   /* ends before what it promises */
    GG_ERR_UNSUPPORTED, /* legal, but not something we do */
    GG_ERR_LIMIT,       /* over a documented limit */
    GG_ERR_ARG,         /* what the caller asked for makes no sense */
    GG_ERR_IO,          /* the operating system said no; err->sys is errno */
    GG_ERR_NOMEM,
    GG_ERR_INTERRUPTED,
    GG_ERR_BUG /* an invariant of ours does not hold */
};

struct gg_err {
    enum gg_code code;
    int sys;        /* errno, or 0 */
    uint64_t where; /* byte offset in the file, or GG_NOWHERE */
    char msg[1024]; /* complete sentence without final stop, NUL-terminated, printable */
};

#if defined(__GNUC__)
#define GG_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define GG_MUST_CHECK   __attribute__((warn_unused_result))
#else
#define GG_PRINTF(f, a)
#define GG_MUST_CHECK
#endif

/* Fills *err (which may be NULL) and returns code, so that `return gg_fail(...)` reads well. */
int gg_fail(struct gg_err *err, enum gg_code code, uint64_t where, const char *fmt, ...)
    GG_PRINTF(4, 5);

/* As gg_fail with GG_ERR_IO; appends ": " and the text of errno value sys. */
int gg_fail_sys(struct gg_err *err, int sys, const char *fmt, ...) GG_PRINTF(3, 4);

/* Fills *err as out of memory, naming what was wanted. Returns GG_ERR_NOMEM. */
int gg_fail_nomem(struct gg_err *err, const char *what);

/* Puts "text: " before the message of a filled error. Returns its code. */
int gg_err_prefix(struct gg_err *err, const char *fmt, ...) GG_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif

#endif
