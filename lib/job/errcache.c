#include "lib/job/errcache.h"

#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/job/job.h"
#include "lib/quant/qtype.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "ggtool-errors 1";

enum { NO_TYPE = UINT32_MAX & 0x7FFFFFFF }; /* of a line about data */

struct row {
    uint8_t key[GG_ERRCACHE_KEY + 4]; /* and the type, most significant byte first */
    uint8_t digest[GG_ERRCACHE_KEY];
    struct gg_type_error error;
};

struct gg_errcache {
    const char *path;
    struct gg_arena mem; /* rows */
    struct row **rows;   /* in the order they were added */
    size_t n, cap, n_errors;
    struct gg_map map; /* key -> index of the row */
    bool changed;
};

static void make_key(uint8_t dst[GG_ERRCACHE_KEY + 4], const uint8_t *key, uint32_t type)
{
    memcpy(dst, key, GG_ERRCACHE_KEY);
    gg_store_u32(dst + GG_ERRCACHE_KEY, type);
}

static const struct row *find(const struct gg_errcache *c, const uint8_t *key, uint32_t type)
{
    uint8_t full[GG_ERRCACHE_KEY + 4];
    uint64_t i;
    make_key(full, key, type);
    return gg_map_get(&c->map, full, sizeof full, &i) ? c->rows[i] : NULL;
}

static int add(struct gg_errcache *c, const struct row *r, struct gg_err *err)
{
    if (c->n == c->cap) {
        size_t cap = c->cap > 0 ? 2 * c->cap : 256;
        struct row **v = realloc(c->rows, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "the error cache");
        c->rows = v;
        c->cap = cap;
    }
    struct row *own = gg_arena_alloc(&c->mem, sizeof *own);
    if (own == NULL)
        return gg_fail_nomem(err, "the error cache");
    *own = *r;
    int added = gg_map_add(&c->map, own->key, sizeof own->key, c->n, NULL);
    if (added < 0)
        return gg_fail_nomem(err, "the error cache");
    if (added > 0) {
        c->rows[c->n++] = own;
        c->n_errors += gg_load_u32(own->key + GG_ERRCACHE_KEY) != NO_TYPE;
        c->changed = true;
    }
    return GG_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n bytes in hexadecimal and the blank or end behind; moves *s. */
static bool read_hex(const char **s, uint8_t *dst, size_t n)
{
    for (size_t i = 0; i < n; i++, *s += 2) {
        int hi = digit((*s)[0]), lo = hi >= 0 ? digit((*s)[1]) : -1;
        if (lo < 0)
            return false;
        dst[i] = (uint8_t)(hi << 4 | lo);
    }
    if (**s != ' ' && **s != '\0')
        return false;
    *s += **s == ' ';
    return true;
}

static bool read_number(const char **s, double *out)
{
    uint8_t b[8];
    uint64_t u = 0;
    if (!read_hex(s, b, sizeof b))
        return false;
    for (size_t i = 0; i < sizeof b; i++)
        u = u << 8 | b[i];
    *out = gg_f64_from_bits(u);
    return *out >= 0; /* and no NaN */
}

static bool read_type(const char **s, uint32_t *type)
{
    char name[32];
    size_t n = strcspn(*s, " ");
    if (n >= sizeof name || (*s)[n] != ' ')
        return false;
    memcpy(name, *s, n);
    name[n] = '\0';
    const struct qt_info *t = qt_by_name(name);
    if (t == NULL)
        return false;
    *type = t->type;
    *s += n + 1;
    return true;
}

static bool read_line(const char *s, struct row *r)
{
    uint8_t key[GG_ERRCACHE_KEY];
    uint32_t type = NO_TYPE;
    struct gg_type_error *e = &r->error;
    *r = (struct row){.error.known = true};
    bool error = strncmp(s, "error ", 6) == 0, data = strncmp(s, "data ", 5) == 0;
    s += error ? 6 : data ? 5 : 0;
    if ((!error && !data) || !read_hex(&s, key, sizeof key))
        return false;
    bool ok = data ? read_hex(&s, r->digest, sizeof r->digest)
                   : read_type(&s, &type) && read_number(&s, &e->ee) && read_number(&s, &e->xx) &&
                         read_number(&s, &e->wee) && read_number(&s, &e->wxx);
    make_key(r->key, key, type);
    return ok && *s == '\0';
}

static int read_file(struct gg_errcache *c, FILE *f, struct gg_err *err)
{
    char line[256];
    int rc = GG_OK;
    for (unsigned long no = 1; rc == GG_OK && fgets(line, sizeof line, f) != NULL; no++) {
        size_t n = strlen(line);
        struct row r;
        bool whole = n > 0 && line[n - 1] == '\n';
        line[n - whole] = '\0';
        if (!whole || (no == 1 ? strcmp(line, first_line) != 0 : !read_line(line, &r)))
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: line %lu: not of an error cache", c->path,
                           no);
        if (no > 1)
            rc = add(c, &r, err);
    }
    if (rc == GG_OK && ferror(f))
        rc = gg_fail_sys(err, errno, "%s", c->path);
    return rc;
}

int gg_errcache_open(struct gg_errcache **out, const char *path, struct gg_err *err)
{
    struct gg_errcache *c = calloc(1, sizeof *c);
    int rc = GG_OK;
    if (c == NULL)
        return gg_fail_nomem(err, "the error cache");
    c->path = path;
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        rc = read_file(c, f, err);
        fclose(f);
    } else if (errno != ENOENT) {
        rc = gg_fail_sys(err, errno, "%s", path);
    }
    c->changed = false;
    if (rc != GG_OK) {
        gg_errcache_free(c);
        return rc;
    }
    *out = c;
    return GG_OK;
}

void gg_errcache_free(struct gg_errcache *c)
{
    if (c == NULL)
        return;
    gg_map_free(&c->map);
    gg_arena_free(&c->mem);
    free(c->rows);
    free(c);
}

/* ---- asking and adding ----------------------------------------------------------------------- */

size_t gg_errcache_n_errors(const struct gg_errcache *c)
{
    return c->n_errors;
}

bool gg_errcache_get_data(const struct gg_errcache *c, const uint8_t key[GG_ERRCACHE_KEY],
                          uint8_t digest[GG_ERRCACHE_KEY])
{
    const struct row *r = find(c, key, NO_TYPE);
    if (r != NULL)
        memcpy(digest, r->digest, GG_ERRCACHE_KEY);
    return r != NULL;
}

bool gg_errcache_get_error(const struct gg_errcache *c, const uint8_t key[GG_ERRCACHE_KEY],
                           uint32_t type, struct gg_type_error *out)
{
    const struct row *r = find(c, key, type);
    if (r != NULL)
        *out = r->error;
    return r != NULL;
}

int gg_errcache_add_data(struct gg_errcache *c, const uint8_t key[GG_ERRCACHE_KEY],
                         const uint8_t digest[GG_ERRCACHE_KEY], struct gg_err *err)
{
    struct row r = {.error.known = true};
    make_key(r.key, key, NO_TYPE);
    memcpy(r.digest, digest, GG_ERRCACHE_KEY);
    return add(c, &r, err);
}

int gg_errcache_add_error(struct gg_errcache *c, const uint8_t key[GG_ERRCACHE_KEY], uint32_t type,
                          const struct gg_type_error *e, struct gg_err *err)
{
    struct row r = {.error = *e};
    make_key(r.key, key, type);
    return add(c, &r, err);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_hex(struct gg_buf *b, const uint8_t *p, size_t n)
{
    gg_buf_addc(b, ' ');
    for (size_t i = 0; i < n; i++)
        gg_buf_addf(b, "%02x", p[i]);
}

static void write_row(struct gg_buf *b, const struct row *r)
{
    uint32_t type = gg_load_u32(r->key + GG_ERRCACHE_KEY);
    const double sums[] = {r->error.ee, r->error.xx, r->error.wee, r->error.wxx};
    gg_buf_adds(b, type == NO_TYPE ? "data" : "error");
    write_hex(b, r->key, GG_ERRCACHE_KEY);
    if (type == NO_TYPE)
        write_hex(b, r->digest, GG_ERRCACHE_KEY);
    else
        gg_buf_addf(b, " %s", qt_info(type)->name);
    for (size_t i = 0; type != NO_TYPE && i < GG_COUNTOF(sums); i++)
        gg_buf_addf(b, " %016llx", (unsigned long long)gg_bits_from_f64(sums[i]));
    gg_buf_addc(b, '\n');
}

int gg_errcache_save(struct gg_errcache *c, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    if (!c->changed)
        return GG_OK;
    gg_buf_addf(&b, "%s\n", first_line);
    for (size_t i = 0; i < c->n; i++)
        write_row(&b, c->rows[i]);
    int rc = b.failed ? gg_fail_nomem(err, "the error cache")
                      : gg_job_write_file(c->path, b.data, b.nbytes, true, err);
    gg_buf_free(&b);
    c->changed = rc != GG_OK;
    return rc;
}
