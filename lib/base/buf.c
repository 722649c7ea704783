#include "lib/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gg_buf_free(struct gg_buf *b)
{
    free(b->data);
    *b = (struct gg_buf)GG_BUF_INIT;
}

void gg_buf_reset(struct gg_buf *b)
{
    b->nbytes = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

bool gg_buf_reserve(struct gg_buf *b, size_t n)
{
    if (b->failed)
        return false;
    if (b->data != NULL && n < b->cap - b->nbytes) /* one byte stays for the NUL */
        return true;
    if (n >= SIZE_MAX / 2 - b->nbytes) {
        b->failed = true;
        return false;
    }
    size_t cap = b->cap ? b->cap : 64;
    while (cap <= b->nbytes + n)
        cap *= 2;
    char *p = realloc(b->data, cap);
    if (p == NULL) {
        b->failed = true;
        return false;
    }
    b->data = p;
    b->cap = cap;
    return true;
}

void gg_buf_add(struct gg_buf *b, const void *p, size_t n)
{
    if (!gg_buf_reserve(b, n))
        return;
    if (n > 0)
        memcpy(b->data + b->nbytes, p, n);
    b->nbytes += n;
    b->data[b->nbytes] = '\0';
}

void gg_buf_adds(struct gg_buf *b, const char *s)
{
    gg_buf_add(b, s, strlen(s));
}

void gg_buf_addc(struct gg_buf *b, char c)
{
    gg_buf_add(b, &c, 1);
}

void gg_buf_fill(struct gg_buf *b, char c, size_t n)
{
    if (!gg_buf_reserve(b, n))
        return;
    memset(b->data + b->nbytes, c, n);
    b->nbytes += n;
    b->data[b->nbytes] = '\0';
}

void gg_buf_addf(struct gg_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !gg_buf_reserve(b, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf(b->data + b->nbytes, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->nbytes += (size_t)n;
}

const char *gg_buf_str(const struct gg_buf *b)
{
    return b->data != NULL ? b->data : "";
}

char *gg_buf_take(struct gg_buf *b)
{
    gg_buf_reserve(b, 0); /* an empty buffer still gives "" */
    char *p = b->failed ? NULL : b->data;
    if (p == NULL)
        free(b->data);
    else
        p[b->nbytes] = '\0';
    *b = (struct gg_buf)GG_BUF_INIT;
    return p;
}
