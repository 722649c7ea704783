#include "lib/job/rewrite.h"

#include "lib/base/num.h"
#include "lib/sys/patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEY_NBYTES = sizeof GG_PADDING_KEY - 1,
    LEAST_TEXT = 8 + KEY_NBYTES + 4 + 8, /* the record of an empty text */
    BLOCK = 4096,                        /* file systems share blocks of this size, or smaller */
};

void gg_rewrite_free(struct gg_rewrite *r)
{
    free(r->header);
    free(r->before);
    *r = (struct gg_rewrite){0};
}

/* ---- slack ---------------------------------------------------------------------------------- */

/* Scalars fill what a text is too long for. */
static const enum ggf_vtype small[] = {GGF_U32, GGF_U16, GGF_U8};

static uint64_t small_nbytes(enum ggf_vtype t)
{
    return LEAST_TEXT - 8 + ggf_vtype_nbytes(t);
}

/* Bytes of a padding record that leaves less than align of gap; 0: none is needed. False when there
 * is no such record. */
static bool fill(uint64_t gap, uint32_t align, bool wanted, uint64_t *nbytes)
{
    *nbytes = gap;
    if (gap >= LEAST_TEXT && (wanted || gap >= align))
        return true;
    for (size_t i = 0; i < GG_COUNTOF(small) && gap >= align; i++) {
        *nbytes = small_nbytes(small[i]);
        if (*nbytes <= gap && gap - *nbytes < align)
            return true;
    }
    *nbytes = 0;
    return gap < align;
}

/* Gives meta a padding record of so many bytes, as fill chose them. */
static int set_padding(struct ggf_meta *meta, uint64_t nbytes, struct gg_err *err)
{
    for (size_t i = 0; i < GG_COUNTOF(small); i++) {
        if (nbytes == small_nbytes(small[i]))
            return ggf_meta_set_text(meta, GG_PADDING_KEY, small[i], "0", err);
    }
    if (nbytes == 0) {
        ggf_meta_unset(meta, GG_PADDING_KEY);
        return GG_OK;
    }
    uint64_t n = nbytes - LEAST_TEXT;
    char *blanks = malloc((size_t)n + 1);
    if (blanks == NULL)
        return gg_fail_nomem(err, "slack");
    memset(blanks, ' ', (size_t)n);
    int rc = ggf_meta_set_str(meta, GG_PADDING_KEY, (struct ggf_str){blanks, n}, err);
    free(blanks);
    return rc;
}

/* ---- planning ------------------------------------------------------------------------------- */

struct plan {
    struct gg_rewrite *r;
    const struct ggf_file *f;
    const struct gg_rewrite_opts *o;
    uint64_t bare; /* the new header without padding record and padding */
    uint64_t old_record; /* bytes of the padding record there was */
    uint64_t record;     /* of the one there will be */
    uint64_t data_off;   /* where the data will begin */
};

/* Bytes that a record must have to leave the slack that was asked for. */
static uint64_t wanted_record(const struct plan *p)
{
    if (!p->o->set_slack)
        return p->old_record;
    return p->o->slack == 0 ? 0 : LEAST_TEXT + p->o->slack;
}

/* NULL when the new header fits before the data as it lies. */
static const char *fit_in_place(struct plan *p)
{
    uint32_t align = ggf_file_alignment(p->f);
    uint64_t room = p->r->data_off, file_nbytes = room + p->r->data_nbytes;
    if (p->o->copy)
        return "a copy was asked for";
    if (ggf_file_nbytes(p->f) == GG_NOWHERE || ggf_file_nbytes(p->f) < room || room > file_nbytes)
        return "there is no data behind the header";
    if (p->bare > room)
        return "the new header is too long for the place of the old one";
    uint64_t gap = room - p->bare;
    if (p->o->set_slack && gap < wanted_record(p))
        return "there is no room for the slack";
    p->data_off = room;
    if (p->o->set_slack && p->o->slack == 0) {
        p->record = 0;
        return gap < align ? NULL : "without slack the data moves forward";
    }
    if (!fill(gap, align, p->old_record > 0 || p->o->set_slack, &p->record))
        return "the new header is a little too short for the place of the old one";
    if (room > GG_PATCH_MAX_NBYTES)
        return "the header is too large to be changed in place";
    return NULL;
}

/* Where the data goes in a copy. Blocks can be shared when it lies alike in its block. */
static int place_copy(struct plan *p, struct gg_err *err)
{
    uint32_t align = ggf_file_alignment(p->f);
    uint64_t step = p->o->clones && !(p->o->set_slack && p->o->slack == 0) ? BLOCK : 1;
    uint64_t at, want = wanted_record(p);
    p->record = want;
    if (want > GG_PATCH_MAX_NBYTES)
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "slack of more than %llu bytes",
                       (unsigned long long)GG_PATCH_MAX_NBYTES);
    if (!gg_add_u64(p->bare, want, &at) || !gg_align_u64(at, align, &at))
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "the header is too large");
    p->data_off = at;
    if (step == 1 || p->r->data_nbytes < 2 * BLOCK)
        return GG_OK;
    at += (p->r->data_off - at) & (BLOCK - 1);
    for (int tries = 0; tries < 2; tries++, at += BLOCK) {
        if (at % align == 0 && fill(at - p->bare, align, want > 0, &p->record) &&
            p->record >= want) {
            p->data_off = at;
            return GG_OK;
        }
    }
    p->record = want;
    return GG_OK;
}

static int read_before(struct gg_rewrite *r, int fd, struct gg_err *err)
{
    size_t got = 0, n = (size_t)r->data_off;
    r->before = malloc(n + 1);
    if (r->before == NULL)
        return gg_fail_nomem(err, "a header");
    while (got < n) {
        ssize_t k = pread(fd, r->before + got, n - got, (off_t)got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return gg_fail_sys(err, errno, "cannot read at byte %zu", got);
        if (k == 0)
            return gg_fail(err, GG_ERR_TRUNCATED, got, "ends at byte %zu, within its header", got);
        got += (size_t)k;
    }
    return GG_OK;
}

/* The range in which the two headers, of one length, differ. */
static void find_range(struct gg_rewrite *r)
{
    size_t a = 0, b = r->header_nbytes;
    while (a < b && r->header[a] == r->before[a])
        a++;
    while (b > a && r->header[b - 1] == r->before[b - 1])
        b--;
    r->first = a;
    r->n = b - a;
}

/* The final header, padded with zeros up to the data. */
static int build(struct plan *p, struct ggf_meta *meta, const struct ggf_str *names,
                 struct gg_err *err)
{
    struct gg_rewrite *r = p->r;
    void *bytes;
    int rc = set_padding(meta, p->record, err);
    if (rc == GG_OK)
        rc = ggf_file_rewrite(p->f, meta, names, &bytes, &r->header_nbytes, err);
    if (rc != GG_OK)
        return rc;
    if (r->header_nbytes > p->data_off || p->data_off - r->header_nbytes >= ggf_file_alignment(p->f)) {
        free(bytes);
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "the header was planned with the wrong size");
    }
    r->header = realloc(bytes, (size_t)p->data_off + 1);
    if (r->header == NULL) {
        free(bytes);
        return gg_fail_nomem(err, "a header");
    }
    memset(r->header + r->header_nbytes, 0, (size_t)p->data_off - r->header_nbytes);
    r->header_nbytes = (size_t)p->data_off;
    r->slack = p->record > LEAST_TEXT ? p->record - LEAST_TEXT : 0;
    return GG_OK;
}

/* Bytes of the record there is, when it is one of ours. */
static uint64_t padding_record(const struct ggf_meta *meta)
{
    const struct ggf_kv *kv = ggf_meta_find(meta, GG_PADDING_KEY);
    if (kv == NULL)
        return 0;
    return kv->value.type == GGF_STR ? LEAST_TEXT + kv->value.nbytes : small_nbytes(GGF_U8);
}

/* Size of the new header without any padding record. */
static int measure(struct plan *p, struct ggf_meta *meta, const struct ggf_str *names,
                   struct gg_err *err)
{
    void *bytes;
    size_t n;
    const struct ggf_kv *kv = ggf_meta_find(meta, GG_PADDING_KEY);
    if (kv != NULL && kv->value.type == GGF_ARR) { /* not ours, and in the way */
        ggf_meta_unset(meta, GG_PADDING_KEY);
        kv = NULL;
    }
    int rc = ggf_file_rewrite(p->f, meta, names, &bytes, &n, err);
    if (rc != GG_OK)
        return rc;
    free(bytes);
    p->bare = n;
    if (kv != NULL)
        p->bare -= LEAST_TEXT - (kv->value.type == GGF_STR ? 0 : 8) + kv->value.nbytes;
    return GG_OK;
}

int gg_rewrite_plan(struct gg_rewrite *out, const struct ggf_file *f, int fd,
                    struct ggf_meta *meta, const struct ggf_str *names,
                    const struct gg_rewrite_opts *opts, struct gg_err *err)
{
    struct plan p = {.r = out, .f = f, .o = opts,
                     .old_record = padding_record(ggf_file_meta(f))};
    struct stat st;
    *out = (struct gg_rewrite){.data_off = ggf_file_data_off(f)};
    if (fstat(fd, &st) != 0)
        return gg_fail_sys(err, errno, "cannot look at it");
    if ((uint64_t)st.st_size > out->data_off)
        out->data_nbytes = (uint64_t)st.st_size - out->data_off;
    int rc = measure(&p, meta, names, err);
    if (rc != GG_OK)
        return rc;
    out->why_not = fit_in_place(&p);
    out->in_place = out->why_not == NULL;
    if (!out->in_place)
        rc = place_copy(&p, err);
    if (rc == GG_OK)
        rc = build(&p, meta, names, err);
    if (rc == GG_OK && out->in_place)
        rc = read_before(out, fd, err);
    if (rc == GG_OK && out->in_place)
        find_range(out);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

int gg_rewrite_apply(const struct gg_rewrite *r, const char *path, struct gg_err *err)
{
    if (r->n == 0)
        return GG_OK;
    return gg_patch_apply(path, r->first, r->before + r->first, r->header + r->first, (size_t)r->n,
                          err);
}

uint64_t gg_rewrite_nbytes(const struct gg_rewrite *r)
{
    return r->header_nbytes + r->data_nbytes;
}

bool gg_rewrite_clones(const struct gg_rewrite *r)
{
    return ((r->header_nbytes ^ r->data_off) & (BLOCK - 1)) == 0;
}

int gg_rewrite_copy(const struct gg_rewrite *r, int fd, struct gg_sink *to, struct gg_err *err)
{
    int rc = gg_sink_write(to, 0, r->header, r->header_nbytes, err);
    return rc == GG_OK ? gg_sink_copy(to, r->header_nbytes, fd, r->data_off, r->data_nbytes, err)
                       : rc;
}
