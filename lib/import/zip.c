/* Zip files by their central directory. Stored members are parts of the file, read in place; packed
 * ones are unpacked as a stream.
 *
 *     local headers and data ...   central directory   [zip64 end, zip64 locator]   end, comment
 *
 * What local and central header say of a member must agree.
 */
#include "lib/import/zip.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/unpack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCAL_SIG = 0x04034b50,
    CENTRAL_SIG = 0x02014b50,
    END_SIG = 0x06054b50,
    END64_SIG = 0x06064b50,
    LOCATOR64_SIG = 0x07064b50,
    LOCAL_NBYTES = 30,
    CENTRAL_NBYTES = 46,
    END_NBYTES = 22,
    END64_NBYTES = 56,
    LOCATOR64_NBYTES = 20,
    MAX_COMMENT = 0xffff,
    MAX_DIRECTORY = 64 << 20,
    FLAG_ENCRYPTED = 1,
    FLAG_SIZES_BEHIND = 8, /* sizes stand behind the data, the local header has zeros */
    STORED = 0
};

struct zip_member {
    uint64_t local_off; /* of the local header */
    uint64_t packed_nbytes;
    uint64_t data_off; /* 0: local header not looked at yet */
    uint16_t method, flags;
    uint32_t rank; /* in the order of local headers */
};

struct zip_store {
    struct gg_store base;
    struct gg_input *in;
    uint64_t nbytes;
    uint64_t dir_off, dir_nbytes, n_entries;
    struct zip_member *members;
    struct gg_unpack *unpack; /* made when a packed member is opened */
};

/* ---- the end record -------------------------------------------------------------------------- */

static int read_end64(struct zip_store *z, uint64_t end_off, struct gg_err *err)
{
    uint8_t b[END64_NBYTES];
    if (end_off < LOCATOR64_NBYTES + END64_NBYTES)
        return GG_OK;
    int rc = gg_input_read_all(z->in, end_off - LOCATOR64_NBYTES, b, LOCATOR64_NBYTES, err);
    if (rc != GG_OK || gg_load_u32(b) != LOCATOR64_SIG)
        return rc; /* there is none */
    uint64_t off = gg_load_u64(b + 8);
    if (!gg_in_range(off, END64_NBYTES, end_off - LOCATOR64_NBYTES))
        return gg_fail(err, GG_ERR_CORRUPT, end_off - LOCATOR64_NBYTES,
                       "zip: the zip64 end record is "
                       "said to be at byte %" PRIu64 ", outside the file",
                       off);
    rc = gg_input_read_all(z->in, off, b, END64_NBYTES, err);
    if (rc != GG_OK)
        return rc;
    if (gg_load_u32(b) != END64_SIG || gg_load_u32(b + 16) != 0 || gg_load_u32(b + 20) != 0)
        return gg_fail(err, GG_ERR_CORRUPT, off,
                       "zip: there is no zip64 end record at byte %" PRIu64, off);
    z->n_entries = gg_load_u64(b + 32);
    z->dir_nbytes = gg_load_u64(b + 40);
    z->dir_off = gg_load_u64(b + 48);
    return GG_OK;
}

/* Finds the end record: the last bytes but for a comment that ends where the file does. */
static int read_end(struct zip_store *z, struct gg_err *err)
{
    size_t n = (size_t)gg_min_u64(z->nbytes, END_NBYTES + MAX_COMMENT), i;
    uint64_t from = z->nbytes - n;
    uint8_t *b = malloc(n + 1);
    int rc = b == NULL ? gg_fail_nomem(err, "a zip file's end")
                       : gg_input_read_all(z->in, from, b, n, err);
    for (i = n < END_NBYTES ? 0 : n - END_NBYTES + 1; rc == GG_OK && i-- > 0;)
        if (gg_load_u32(b + i) == END_SIG && gg_load_u16(b + i + 20) == n - i - END_NBYTES)
            break;
    if (rc == GG_OK && (i == SIZE_MAX || n < END_NBYTES))
        rc = gg_fail(err, GG_ERR_TRUNCATED, z->nbytes,
                     "zip: has no end record: the file is cut short, "
                     "or not a zip file");
    if (rc == GG_OK && (gg_load_u16(b + i + 4) != 0 && gg_load_u16(b + i + 4) != 0xffff))
        rc = gg_fail(err, GG_ERR_UNSUPPORTED, from + i, "zip: is one of several volumes");
    if (rc == GG_OK) {
        z->n_entries = gg_load_u16(b + i + 10);
        z->dir_nbytes = gg_load_u32(b + i + 12);
        z->dir_off = gg_load_u32(b + i + 16);
        rc = read_end64(z, from + i, err);
    }
    if (rc == GG_OK && !gg_in_range(z->dir_off, z->dir_nbytes, from + i))
        rc = gg_fail(err, GG_ERR_CORRUPT, from + i,
                     "zip: the directory (%" PRIu64 " bytes at byte %" PRIu64
                     ") is not inside the file",
                     z->dir_nbytes, z->dir_off);
    free(b);
    return rc;
}

/* ---- the directory --------------------------------------------------------------------------- */

struct entry {
    const char *name;
    size_t name_nbytes;
    uint64_t nbytes;
    struct zip_member m;
};

static int bad_entry(const struct entry *e, enum gg_code code, uint64_t off, struct gg_err *err,
                     const char *why)
{
    char shown[160];
    return gg_fail(err, code, off, "zip: member '%s': %s (byte %" PRIu64 ")",
                   gg_text_escape_into(shown, sizeof shown, e->name, e->name_nbytes), why, off);
}

/* Fields that say 0xffffffff stand, in this order, in the zip64 extra field. */
static bool read_extra64(struct entry *e, const uint8_t *x, size_t n)
{
    uint64_t *fields[] = {&e->nbytes, &e->m.packed_nbytes, &e->m.local_off};
    for (; n >= 4; n -= 4 + gg_load_u16(x + 2), x += 4 + gg_load_u16(x + 2)) {
        size_t len = gg_load_u16(x + 2), at = 4;
        if (len > n - 4)
            return false;
        if (gg_load_u16(x) != 1)
            continue;
        for (size_t k = 0; k < GG_COUNTOF(fields); k++)
            if (*fields[k] == 0xffffffff) {
                if (len < at - 4 + 8)
                    return false;
                *fields[k] = gg_load_u64(x + at);
                at += 8;
            }
        return true;
    }
    return true;
}

/* A relative path without ways out. */
static bool good_name(const char *s, size_t n)
{
    if (n == 0 || n > 4096 || s[0] == '/' || memchr(s, '\0', n) != NULL ||
        memchr(s, '\\', n) != NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((i == 0 || s[i - 1] == '/') && n - i >= 2 && s[i] == '.' && s[i + 1] == '.' &&
            (n - i == 2 || s[i + 2] == '/'))
            return false;
    return true;
}

static int check_entry(const struct zip_store *z, const struct entry *e, uint64_t off,
                       struct gg_err *err)
{
    if (!good_name(e->name, e->name_nbytes))
        return bad_entry(e, GG_ERR_CORRUPT, off, err, "is not a plain relative path");
    if (e->m.flags & FLAG_ENCRYPTED)
        return bad_entry(e, GG_ERR_UNSUPPORTED, off, err, "is encrypted");
    if (e->m.method == STORED && e->m.packed_nbytes != e->nbytes)
        return bad_entry(e, GG_ERR_CORRUPT, off, err, "is stored, but its two sizes differ");
    if (!gg_in_range(e->m.local_off, LOCAL_NBYTES, z->dir_off) ||
        e->m.packed_nbytes > z->dir_off - e->m.local_off - LOCAL_NBYTES)
        return bad_entry(e, GG_ERR_CORRUPT, off, err,
                         "its data is not inside the file, before the "
                         "directory");
    return GG_OK;
}

/* One directory entry; *n is what it takes of the n bytes at p. */
static int read_entry(struct zip_store *z, const uint8_t *p, size_t *n, uint64_t off,
                      struct gg_err *err)
{
    if (*n < CENTRAL_NBYTES || gg_load_u32(p) != CENTRAL_SIG)
        return gg_fail(err, GG_ERR_CORRUPT, off,
                       "zip: there is no directory entry at byte %" PRIu64, off);
    size_t n_name = gg_load_u16(p + 28), n_extra = gg_load_u16(p + 30),
           n_comment = gg_load_u16(p + 32);
    if (n_name + n_extra + n_comment > *n - CENTRAL_NBYTES)
        return gg_fail(err, GG_ERR_CORRUPT, off,
                       "zip: the directory entry at byte %" PRIu64 " goes "
                       "beyond the directory",
                       off);
    *n = CENTRAL_NBYTES + n_name + n_extra + n_comment;
    struct entry e = {.name = (const char *)p + CENTRAL_NBYTES,
                      .name_nbytes = n_name,
                      .nbytes = gg_load_u32(p + 24)};
    e.m = (struct zip_member){.flags = gg_load_u16(p + 8),
                              .method = gg_load_u16(p + 10),
                              .packed_nbytes = gg_load_u32(p + 20),
                              .local_off = gg_load_u32(p + 42)};
    if (!read_extra64(&e, p + CENTRAL_NBYTES + n_name, n_extra))
        return bad_entry(&e, GG_ERR_CORRUPT, off, err, "has a damaged zip64 field");
    int rc = check_entry(z, &e, off, err);
    if (rc != GG_OK || e.name[n_name - 1] == '/')
        return rc; /* a folder */
    z->members[z->base.n] = e.m;
    const struct gg_member m = {.nbytes = e.nbytes, .where = e.m.local_off};
    rc = gg_store_add(&z->base, e.name, n_name, &m, err);
    return rc == GG_OK ? GG_OK : gg_err_prefix(err, "zip, byte %" PRIu64, off);
}

static int by_local_off(const void *a, const void *b)
{
    const struct zip_member *const *x = a, *const *y = b;
    return (*x)->local_off < (*y)->local_off ? -1 : (*x)->local_off > (*y)->local_off;
}

/* Members whose data lie over one another are how bombs are made. Also fills the ranks. */
static int check_overlaps(struct zip_store *z, struct gg_err *err)
{
    size_t n = z->base.n, bad = SIZE_MAX;
    struct zip_member **v = malloc((n + 1) * sizeof(struct zip_member *));
    if (v == NULL)
        return gg_fail_nomem(err, "a zip directory");
    for (size_t i = 0; i < n; i++)
        v[i] = &z->members[i];
    qsort(v, n, sizeof *v, by_local_off);
    for (size_t i = 0; i < n; i++) {
        v[i]->rank = (uint32_t)i;
        if (i > 0 && v[i]->local_off - v[i - 1]->local_off < LOCAL_NBYTES + v[i - 1]->packed_nbytes)
            bad = (size_t)(v[i] - z->members);
    }
    free(v);
    if (bad == SIZE_MAX)
        return GG_OK;
    const char *name = z->base.members[bad].name;
    const struct entry e = {.name = name, .name_nbytes = strlen(name)};
    return bad_entry(&e, GG_ERR_CORRUPT, z->members[bad].local_off, err,
                     "lies over another member");
}

static int read_directory(struct zip_store *z, struct gg_err *err)
{
    if (z->dir_nbytes > MAX_DIRECTORY)
        return gg_fail(err, GG_ERR_LIMIT, z->dir_off,
                       "zip: the directory has %" PRIu64 " bytes, over "
                       "the limit of %d",
                       z->dir_nbytes, MAX_DIRECTORY);
    if (z->n_entries > z->dir_nbytes / CENTRAL_NBYTES)
        return gg_fail(err, GG_ERR_CORRUPT, z->dir_off,
                       "zip: %" PRIu64 " members do not fit a directory "
                       "of %" PRIu64 " bytes",
                       z->n_entries, z->dir_nbytes);
    size_t size = (size_t)z->dir_nbytes, at = 0;
    uint8_t *p = malloc(size + 1);
    z->members = calloc((size_t)z->n_entries + 1, sizeof *z->members);
    int rc = p == NULL || z->members == NULL ? gg_fail_nomem(err, "a zip directory")
                                             : gg_input_read_all(z->in, z->dir_off, p, size, err);
    for (uint64_t i = 0; i < z->n_entries && rc == GG_OK; i++) {
        size_t n = size - at;
        rc = read_entry(z, p + at, &n, z->dir_off + at, err);
        at += n;
    }
    free(p);
    return rc == GG_OK ? check_overlaps(z, err) : rc;
}

/* ---- members --------------------------------------------------------------------------------- */

/* Where the data of a member begin, once its local header agrees with the directory. */
static int find_data(struct zip_store *z, size_t i, struct gg_err *err)
{
    struct zip_member *m = &z->members[i];
    const char *name = z->base.members[i].name;
    struct entry e = {.name = name, .name_nbytes = strlen(name)};
    uint8_t b[LOCAL_NBYTES + 4096];
    if (m->data_off != 0)
        return GG_OK;
    size_t n = (size_t)gg_min_u64(sizeof b, z->dir_off - m->local_off);
    int rc = gg_input_read_all(z->in, m->local_off, b, n, err);
    if (rc != GG_OK)
        return rc;
    size_t n_name = gg_load_u16(b + 26), n_extra = gg_load_u16(b + 28);
    uint64_t packed = gg_load_u32(b + 18);
    bool sizes = !(gg_load_u16(b + 6) & FLAG_SIZES_BEHIND) && packed != 0xffffffff;
    if (gg_load_u32(b) != LOCAL_SIG || gg_load_u16(b + 8) != m->method || n_name != e.name_nbytes ||
        n < LOCAL_NBYTES + n_name || memcmp(b + LOCAL_NBYTES, name, n_name) != 0 ||
        (sizes && packed != m->packed_nbytes))
        return bad_entry(&e, GG_ERR_CORRUPT, m->local_off, err,
                         "its local header contradicts the "
                         "directory");
    uint64_t data = m->local_off + LOCAL_NBYTES + n_name + n_extra;
    if (!gg_in_range(data, m->packed_nbytes, z->dir_off))
        return bad_entry(&e, GG_ERR_CORRUPT, m->local_off, err,
                         "its data goes beyond the directory");
    m->data_off = data;
    return GG_OK;
}

/* A packed member comes out of a stream over the whole file. */
static int open_packed(struct zip_store *z, size_t i, const char *shown, struct gg_input **out,
                       struct gg_err *err)
{
    const char *name = z->base.members[i].name;
    const struct entry e = {.name = name, .name_nbytes = strlen(name)};
    int rc = z->unpack != NULL ? GG_OK : gg_unpack_open(&z->unpack, z->in, false, NULL, err);
    if (rc != GG_OK)
        return rc;
    size_t k = z->members[i].rank; /* both are in the order of the data; libarchive may see fewer */
    while (k > 0 &&
           (k >= gg_unpack_n(z->unpack) || strcmp(gg_unpack_entry(z->unpack, k)->name, name) != 0))
        k--;
    if (k < gg_unpack_n(z->unpack) && strcmp(gg_unpack_entry(z->unpack, k)->name, name) == 0 &&
        gg_unpack_entry(z->unpack, k)->nbytes == z->base.members[i].nbytes)
        return gg_unpack_open_entry(z->unpack, k, shown, out, err);
    return bad_entry(&e, GG_ERR_UNSUPPORTED, z->members[i].local_off, err,
                     "is packed in a way this "
                     "program does not read: pack it again, best without compression");
}

static int zip_open(struct gg_store *s, size_t i, const char *shown, struct gg_input **out,
                    struct gg_err *err)
{
    struct zip_store *z = (struct zip_store *)s;
    int rc = find_data(z, i, err);
    if (rc != GG_OK)
        return rc;
    if (z->members[i].method == STORED)
        return gg_input_open_part(out, z->in, z->members[i].data_off, s->members[i].nbytes, shown,
                                  err);
    return open_packed(z, i, shown, out, err);
}

static void zip_free(struct gg_store *s)
{
    struct zip_store *z = (struct zip_store *)s;
    gg_unpack_free(z->unpack);
    free(z->members);
}

static unsigned zip_n_passes(const struct gg_store *s)
{
    const struct zip_store *z = (const struct zip_store *)s;
    return z->unpack != NULL ? gg_unpack_n_passes(z->unpack) : 0;
}

static const struct gg_store_ops ZIP = {zip_open, NULL, NULL, zip_free, zip_n_passes};

int gg_store_open_zip(struct gg_store **out, struct gg_input *in, const char *prefix,
                      struct gg_err *err)
{
    struct zip_store *z = calloc(1, sizeof *z);
    if (z == NULL)
        return gg_fail_nomem(err, "a zip file");
    z->in = in;
    z->nbytes = gg_input_nbytes(in);
    int rc = gg_store_init(&z->base, &ZIP, prefix, err);
    if (rc == GG_OK)
        rc = read_end(z, err);
    if (rc == GG_OK)
        rc = read_directory(z, err);
    if (rc != GG_OK) {
        gg_store_free(&z->base);
        return rc;
    }
    for (size_t i = 0; i < z->base.n; i++)
        z->base.sequential |= z->members[i].method != STORED;
    *out = &z->base;
    return GG_OK;
}

uint64_t gg_store_zip_data_off(struct gg_store *s, size_t i)
{
    struct zip_store *z = (struct zip_store *)s;
    return z->members[i].data_off;
}
