#include "lib/import/unpack.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/unpack_impl.h"

#include <archive_entry.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    BLOCK_NBYTES = 256 << 10,
    RING_NBYTES = 16 << 20, /* of the stream, kept for those who come a little late */
    /* More than this times its size, beyond a free amount, is no model but a bomb. */
    MAX_RATIO = 200,
    FREE_NBYTES = 256 << 20
};

/* ---- libarchive ------------------------------------------------------------------------------ */

static la_ssize_t cb_read(struct archive *a, void *ctx, const void **p)
{
    struct gg_unpack *u = ctx;
    size_t got = 0;
    struct gg_err err = {0};
    if (gg_input_read(u->in, u->in_pos, u->block, BLOCK_NBYTES, &got, &err) != GG_OK) {
        archive_set_error(a, err.sys, "%s", err.msg);
        return ARCHIVE_FATAL;
    }
    u->in_pos += got;
    *p = u->block;
    return (la_ssize_t)got;
}

static la_int64_t cb_skip(struct archive *a, void *ctx, la_int64_t n)
{
    struct gg_unpack *u = ctx;
    (void)a;
    uint64_t left = gg_input_nbytes(u->in) - u->in_pos;
    uint64_t k = n > 0 ? gg_min_u64((uint64_t)n, left) : 0;
    u->in_pos += k;
    return (la_int64_t)k;
}

static la_int64_t cb_seek(struct archive *a, void *ctx, la_int64_t off, int whence)
{
    struct gg_unpack *u = ctx;
    uint64_t size = gg_input_nbytes(u->in);
    int64_t base = whence == SEEK_SET ? 0 : (int64_t)(whence == SEEK_CUR ? u->in_pos : size);
    (void)a;
    if (off < -base || (off > 0 && (uint64_t)off > size - (uint64_t)base))
        return ARCHIVE_FATAL;
    u->in_pos = (uint64_t)(base + off);
    return (la_int64_t)u->in_pos;
}

static int fail_archive(struct gg_unpack *u, struct gg_err *err)
{
    char why[256];
    const char *text = archive_error_string(u->a);
    text = text != NULL ? text : "damaged";
    gg_text_escape_into(why, sizeof why, text, strlen(text));
    bool cut = strstr(text, "runcated") != NULL;
    return gg_fail(err, cut ? GG_ERR_TRUNCATED : GG_ERR_CORRUPT, u->in_pos,
                   "archive: %s (near byte %" PRIu64 ")", why, u->in_pos);
}

/* Only what is built in: libarchive would run programs for the rest. */
static void allow_formats(struct archive *a, bool raw)
{
    if (archive_zlib_version() != NULL)
        archive_read_support_filter_gzip(a);
    if (archive_libzstd_version() != NULL)
        archive_read_support_filter_zstd(a);
    if (archive_liblzma_version() != NULL)
        archive_read_support_filter_xz(a);
    if (archive_bzlib_version() != NULL)
        archive_read_support_filter_bzip2(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_zip_seekable(a);
    if (raw)
        archive_read_support_format_raw(a);
}

/* Starts the stream from the front. */
static int start(struct gg_unpack *u, struct gg_err *err)
{
    archive_read_free(u->a);
    u->a = archive_read_new();
    if (u->a == NULL)
        return gg_fail_nomem(err, "an archive");
    allow_formats(u->a, u->raw_name != NULL);
    archive_read_set_read_callback(u->a, cb_read);
    archive_read_set_skip_callback(u->a, cb_skip);
    archive_read_set_seek_callback(u->a, cb_seek);
    archive_read_set_callback_data(u->a, u);
    u->in_pos = 0;
    u->pos = u->ring_from = 0;
    u->current = SIZE_MAX;
    u->n_passes++;
    return archive_read_open1(u->a) >= ARCHIVE_WARN ? GG_OK : fail_archive(u, err);
}

/* The next regular member; *e is NULL at the end. */
static int next_member(struct gg_unpack *u, struct archive_entry **e, struct gg_err *err)
{
    for (;;) {
        int r = archive_read_next_header(u->a, e);
        if (r == ARCHIVE_EOF) {
            *e = NULL;
            return GG_OK;
        }
        if (r < ARCHIVE_WARN)
            return fail_archive(u, err);
        bool link = archive_entry_hardlink(*e) != NULL || archive_entry_filetype(*e) == AE_IFLNK;
        if (archive_entry_filetype(*e) == AE_IFREG && !link)
            return GG_OK;
        u->n_links += link && u->n_passes == 1;
    }
}

/* ---- the stream ------------------------------------------------------------------------------ */

/* Moves to the next member; the stream stands at its first byte. */
static int step_member(struct gg_unpack *u, struct gg_err *err)
{
    struct archive_entry *e;
    int rc = next_member(u, &e, err);
    size_t i = u->current + 1; /* SIZE_MAX + 1 is 0: before the first */
    if (rc != GG_OK)
        return rc;
    if (e == NULL || i >= u->n ||
        (archive_entry_size_is_set(e) && !u->raw &&
         (uint64_t)archive_entry_size(e) != u->entries[i].nbytes))
        return gg_fail(err, GG_ERR_CORRUPT, u->in_pos, "archive: has changed while it was read");
    u->current = i;
    return GG_OK;
}

/* Unpacks some bytes of the current member, or goes to the next, at most up to `end`. */
static int advance(struct gg_unpack *u, uint64_t end, struct gg_err *err)
{
    const struct gg_unpack_entry *e = u->current == SIZE_MAX ? NULL : &u->entries[u->current];
    if (e == NULL || u->pos == e->base + e->nbytes)
        return step_member(u, err);
    size_t at = (size_t)(u->pos % RING_NBYTES);
    uint64_t n = gg_min_u64(BLOCK_NBYTES, gg_min_u64(end, e->base + e->nbytes) - u->pos);
    n = gg_min_u64(n, RING_NBYTES - at);
    la_ssize_t got = archive_read_data(u->a, u->ring + at, (size_t)n);
    if (got < 0)
        return fail_archive(u, err);
    if (got == 0)
        return gg_fail(err, GG_ERR_TRUNCATED, u->in_pos,
                       "archive: a member ends before its size says");
    u->pos += (uint64_t)got;
    if (u->pos - u->ring_from > RING_NBYTES)
        u->ring_from = u->pos - RING_NBYTES;
    return GG_OK;
}

/* Copies what the ring holds of [at, end) to dst, from `at` on without gaps; returns how much. */
static size_t from_ring(const struct gg_unpack *u, uint64_t at, uint64_t end, uint8_t *dst)
{
    size_t done = 0;
    if (at < u->ring_from)
        return 0;
    while (at + done < gg_min_u64(end, u->pos)) {
        size_t from = (size_t)((at + done) % RING_NBYTES);
        size_t n = (size_t)gg_min_u64(gg_min_u64(end, u->pos) - at - done, RING_NBYTES - from);
        memcpy(dst + done, u->ring + from, n);
        done += n;
    }
    return done;
}

/* Passes over members before i when they are too large to be worth unpacking into the ring. */
static int skip_to(struct gg_unpack *u, size_t i, struct gg_err *err)
{
    while (u->current == SIZE_MAX || u->current < i) {
        int rc = step_member(u, err);
        if (rc != GG_OK)
            return rc;
        u->pos = u->ring_from = u->entries[u->current].base;
    }
    return GG_OK;
}

static int stream_read(struct gg_unpack *u, size_t i, uint64_t at, uint8_t *dst, size_t n,
                       struct gg_err *err)
{
    int rc = GG_OK;
    if (u->ring == NULL && (u->ring = malloc(RING_NBYTES)) == NULL)
        return gg_fail_nomem(err, "an archive's window");
    if (u->a == NULL || u->failed || at < u->ring_from)
        rc = start(u, err);
    if (rc == GG_OK && at > u->pos && at - u->pos > RING_NBYTES)
        rc = skip_to(u, i, err);
    size_t done = rc == GG_OK ? from_ring(u, at, at + n, dst) : 0;
    while (rc == GG_OK && done < n) {
        rc = advance(u, at + n, err);
        if (rc == GG_OK && u->pos > at)
            done += from_ring(u, at + done, at + n, dst + done);
    }
    u->failed = rc != GG_OK;
    return rc;
}

/* From what was kept, if all of it is there. */
static bool from_kept(const struct gg_unpack_entry *e, uint64_t off, void *dst, size_t n)
{
    uint64_t tail_off = e->nbytes - e->n_tail;
    if (gg_in_range(off, n, e->n_head)) {
        memcpy(dst, e->head + off, n);
        return true;
    }
    if (e->n_tail == 0 || off < tail_off || !gg_in_range(off - tail_off, n, e->n_tail))
        return false;
    memcpy(dst, e->tail + (off - tail_off), n);
    return true;
}

struct member {
    struct gg_unpack *u;
    size_t i;
};

static int member_read(void *ctx, uint64_t off, void *buf, size_t n, size_t *got,
                       struct gg_err *err)
{
    struct member *m = ctx;
    struct gg_unpack *u = m->u;
    const struct gg_unpack_entry *e = &u->entries[m->i];
    struct gg_err scratch;
    *got = n; /* the input has cut it to what the member has */
    if (n == 0 || from_kept(e, off, buf, n))
        return GG_OK;
    pthread_mutex_lock(&u->lock);
    int rc = stream_read(u, m->i, e->base + off, buf, n, err != NULL ? err : &scratch);
    pthread_mutex_unlock(&u->lock);
    return rc;
}

static const struct gg_input_ops MEMBER = {member_read, free};

int gg_unpack_open_entry(struct gg_unpack *u, size_t i, const char *shown, struct gg_input **out,
                         struct gg_err *err)
{
    const struct gg_unpack_entry *e = &u->entries[i];
    if (e->file_off != GG_NOWHERE)
        return gg_input_open_part(out, u->in, e->file_off, e->nbytes, shown, err);
    struct member *m = malloc(sizeof *m);
    if (m == NULL)
        return gg_fail_nomem(err, "a member of an archive");
    *m = (struct member){u, i};
    return gg_input_open_ops(out, &MEMBER, m, u->in, e->nbytes, shown, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

static const char *plain_name(struct archive_entry *e)
{
    const char *name = archive_entry_pathname_utf8(e);
    name = name != NULL ? name : archive_entry_pathname(e);
    while (name != NULL && strncmp(name, "./", 2) == 0)
        name += 2;
    return name != NULL ? name : "";
}

static int add_entry(struct gg_unpack *u, struct archive_entry *e, struct gg_err *err)
{
    char shown[160];
    const char *name = u->raw ? u->raw_name : plain_name(e);
    uint64_t before = u->n > 0 ? u->entries[u->n - 1].base + u->entries[u->n - 1].nbytes : 0;
    gg_text_escape_into(shown, sizeof shown, name, strlen(name));
    if (archive_entry_sparse_count(e) > 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, u->in_pos,
                       "archive: member '%s' is stored sparsely, "
                       "which is not read: pack it again without --sparse",
                       shown);
    if (archive_entry_is_encrypted(e))
        return gg_fail(err, GG_ERR_UNSUPPORTED, u->in_pos, "archive: member '%s' is encrypted",
                       shown);
    if (!u->raw && (!archive_entry_size_is_set(e) || archive_entry_size(e) < 0 ||
                    (uint64_t)archive_entry_size(e) > (uint64_t)INT64_MAX / 2 - before))
        return gg_fail(err, GG_ERR_CORRUPT, u->in_pos, "archive: member '%s' has no sensible size",
                       shown);
    if (u->n >= GG_UNPACK_MAX_ENTRIES)
        return gg_fail(err, GG_ERR_LIMIT, u->in_pos, "archive: has more than %d members",
                       GG_UNPACK_MAX_ENTRIES);
    if (u->n == u->cap) {
        size_t cap = u->cap ? 2 * u->cap : 16;
        struct gg_unpack_entry *v = realloc(u->entries, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "a list of members");
        u->entries = v;
        u->cap = cap;
    }
    struct gg_unpack_entry *x = &u->entries[u->n];
    *x = (struct gg_unpack_entry){.name = strdup(name),
                                  .base = before,
                                  .file_off = GG_NOWHERE,
                                  .nbytes = u->raw ? 0 : (uint64_t)archive_entry_size(e)};
    if (x->name == NULL)
        return gg_fail_nomem(err, "a list of members");
    u->n++;
    return GG_OK;
}

/* Reads all data of the newest member, keeping some; of a single file it finds the size. */
static int pass_over(struct gg_unpack *u, struct gg_err *err)
{
    struct gg_unpack_entry *e = &u->entries[u->n - 1];
    struct gg_keep k = {.e = e, .n_left = &u->keep_left};
    int rc = GG_OK;
    for (;;) {
        la_ssize_t got = archive_read_data(u->a, u->scratch, BLOCK_NBYTES);
        if (got < 0)
            rc = fail_archive(u, err);
        if (got <= 0 || rc != GG_OK)
            break;
        u->pos += (uint64_t)got;
        rc = gg_keep_add(&k, u->scratch, (size_t)got, err);
        if (rc == GG_OK && u->pos > FREE_NBYTES && (u->pos - FREE_NBYTES) / MAX_RATIO > u->in_pos)
            rc = gg_fail(err, GG_ERR_LIMIT, u->in_pos,
                         "archive: %" PRIu64 " bytes unpack to more than "
                         "%" PRIu64 ": a bomb, not a model",
                         u->in_pos, u->pos);
        if (rc != GG_OK)
            break;
    }
    if (rc == GG_OK && u->raw)
        e->nbytes = k.n_seen;
    else if (rc == GG_OK && k.n_seen != e->nbytes)
        rc = gg_fail(err, GG_ERR_TRUNCATED, u->in_pos,
                     "archive: a member ends before its size says");
    int done = gg_keep_end(&k, err); /* always: it frees */
    return rc == GG_OK ? done : rc;
}

/* A plain tar's member lies in the file where the reader stands now. Its first bytes prove it. */
static int place(struct gg_unpack *u, struct gg_err *err)
{
    struct gg_unpack_entry *e = &u->entries[u->n - 1];
    int64_t off = archive_filter_bytes(u->a, -1);
    uint8_t a[512], b[512];
    size_t n = (size_t)gg_min_u64(sizeof a, e->nbytes);
    if (off < 0 || !gg_in_range((uint64_t)off, e->nbytes, gg_input_nbytes(u->in)))
        return gg_fail(err, GG_ERR_TRUNCATED, gg_input_nbytes(u->in),
                       "archive: ends within a member");
    la_ssize_t got = n > 0 ? archive_read_data(u->a, a, n) : 0;
    if (got < 0)
        return fail_archive(u, err);
    int rc = gg_input_read_all(u->in, (uint64_t)off, b, n, err);
    if (rc != GG_OK)
        return rc;
    if ((size_t)got == n && memcmp(a, b, n) == 0)
        e->file_off = (uint64_t)off;
    return GG_OK; /* else it is read through the stream */
}

static int list(struct gg_unpack *u, bool data, struct gg_err *err)
{
    struct archive_entry *e;
    int rc = start(u, err);
    while (rc == GG_OK && (rc = next_member(u, &e, err)) == GG_OK && e != NULL) {
        u->raw = (archive_format(u->a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_RAW;
        rc = add_entry(u, e, err);
        if (rc != GG_OK || !data)
            continue;
        if (archive_filter_count(u->a) == 1 && !u->raw)
            rc = place(u, err);
        else
            rc = pass_over(u, err);
    }
    return rc;
}

int gg_unpack_open(struct gg_unpack **out, struct gg_input *in, bool data, const char *raw_name,
                   struct gg_err *err)
{
    struct gg_unpack *u = calloc(1, sizeof *u);
    struct gg_err why;
    if (u == NULL)
        return gg_fail_nomem(err, "an archive");
    u->in = in;
    u->keep_left = GG_UNPACK_KEEP_NBYTES;
    u->block = malloc(BLOCK_NBYTES);
    u->scratch = malloc(BLOCK_NBYTES);
    u->raw_name = raw_name != NULL ? strdup(raw_name) : NULL;
    pthread_mutex_init(&u->lock, NULL);
    int rc = u->block == NULL || u->scratch == NULL || (raw_name != NULL && u->raw_name == NULL)
                 ? gg_fail_nomem(&why, "an archive")
                 : list(u, data, &why);
    archive_read_free(u->a); /* the next pass begins when data are wanted */
    u->a = NULL;
    u->pos = 0;
    if (rc != GG_OK) {
        if (err != NULL)
            *err = why;
        gg_unpack_free(u);
        return rc;
    }
    *out = u;
    return GG_OK;
}

void gg_unpack_free(struct gg_unpack *u)
{
    if (u == NULL)
        return;
    archive_read_free(u->a);
    for (size_t i = 0; i < u->n; i++) {
        free(u->entries[i].name);
        free(u->entries[i].head);
        free(u->entries[i].tail);
    }
    free(u->entries);
    free(u->block);
    free(u->scratch);
    free(u->ring);
    free(u->raw_name);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

size_t gg_unpack_n(const struct gg_unpack *u)
{
    return u->n;
}

const struct gg_unpack_entry *gg_unpack_entry(const struct gg_unpack *u, size_t i)
{
    return &u->entries[i];
}

size_t gg_unpack_n_links(const struct gg_unpack *u)
{
    return u->n_links;
}

unsigned gg_unpack_n_passes(const struct gg_unpack *u)
{
    return u->n_passes;
}
