#include "lib/job/rewrite.h"

#include "lib/base/num.h"
#include "lib/sys/patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK = 4096,          /* file systems share blocks of this size, or smaller */
    LARGE = 64 << 10,      /* a value not to be moved about */
    START_NBYTES = 24,     /* magic, version and counts before the first record */
    STEP = 64 << 20,       /* of copying */
    MAX_FRONT = 4096,      /* slack set aside before large values */
};

/* The padding keys: at the end of the metadata, and before its large values. */
enum pad { BACK, FRONT, N_PADS };
static const char *const pad_keys[N_PADS] = {GG_PADDING_KEY, GG_PADDING_FRONT_KEY};

bool gg_is_padding(struct ggf_str key)
{
    return ggf_str_eq(key, pad_keys[BACK]) || ggf_str_eq(key, pad_keys[FRONT]);
}

void gg_rewrite_free(struct gg_rewrite *r)
{
    free(r->header);
    free(r->before);
    *r = (struct gg_rewrite){0};
}

/* ---- slack ---------------------------------------------------------------------------------- */

/* Scalars fill what a text is too long for. */
static const enum ggf_vtype small[] = {GGF_U32, GGF_U16, GGF_U8};

static uint64_t small_nbytes(enum pad which, enum ggf_vtype t)
{
    return 8 + strlen(pad_keys[which]) + 4 + ggf_vtype_nbytes(t);
}

/* Bytes of the record of an empty text. */
static uint64_t least_text(enum pad which)
{
    return 8 + strlen(pad_keys[which]) + 4 + 8;
}

/* Bytes of a record at the end that leaves less than align of gap; 0: none is needed. False when
 * there is no such record. */
static bool fill(uint64_t gap, uint32_t align, bool wanted, uint64_t *nbytes)
{
    *nbytes = gap;
    if (gap >= least_text(BACK) && (wanted || gap >= align))
        return true;
    for (size_t i = 0; i < GG_COUNTOF(small) && gap >= align; i++) {
        *nbytes = small_nbytes(BACK, small[i]);
        if (*nbytes <= gap && gap - *nbytes < align)
            return true;
    }
    *nbytes = 0;
    return gap < align;
}

/* Gives meta a padding record of so many bytes, or none. */
static int set_padding(struct ggf_meta *meta, enum pad which, uint64_t nbytes, struct gg_err *err)
{
    for (size_t i = 0; i < GG_COUNTOF(small); i++) {
        if (nbytes == small_nbytes(which, small[i]))
            return ggf_meta_set_text(meta, pad_keys[which], small[i], "0", err);
    }
    if (nbytes == 0) {
        ggf_meta_unset(meta, pad_keys[which]);
        return GG_OK;
    }
    uint64_t n = nbytes - least_text(which);
    char *blanks = malloc((size_t)n + 1);
    if (blanks == NULL)
        return gg_fail_nomem(err, "slack");
    memset(blanks, ' ', (size_t)n);
    int rc = ggf_meta_set_str(meta, pad_keys[which], (struct ggf_str){blanks, n}, err);
    free(blanks);
    return rc;
}

/* ---- planning ------------------------------------------------------------------------------- */

struct plan {
    struct gg_rewrite *r;
    const struct ggf_file *f;
    const struct gg_rewrite_opts *o;
    uint64_t bare;               /* the new header without padding records and padding */
    uint64_t old_record[N_PADS]; /* bytes of the padding records there were */
    uint64_t record[N_PADS];     /* of those there will be */
    const struct ggf_kv *large;  /* first large value, as it is in the old file; NULL: none */
    uint64_t large_off;          /* of its record in the new header without padding records */
    uint64_t data_off;           /* where the data will begin */
};

/* Bytes that the last padding record must have to leave the slack that was asked for. */
static uint64_t wanted_record(const struct plan *p)
{
    if (!p->o->set_slack)
        return p->old_record[BACK];
    return p->o->slack == 0 ? 0 : least_text(BACK) + p->o->slack;
}

static bool no_slack(const struct plan *p)
{
    return p->o->set_slack && p->o->slack == 0;
}

/* The record before the large values that leaves them in their place; 0 when there is none that
 * does. */
static uint64_t front_in_place(const struct plan *p)
{
    uint64_t n = p->large != NULL ? p->large->off - p->large_off : 0;
    bool fits = p->large != NULL && p->large->off > p->large_off && n >= least_text(FRONT);
    for (size_t i = 0; p->large != NULL && i < GG_COUNTOF(small); i++)
        fits |= n == small_nbytes(FRONT, small[i]);
    return fits ? n : 0;
}

/* Fills the gap before the data, at best so that large values stay where they are. */
static bool fill_in_place(struct plan *p, uint64_t gap)
{
    uint32_t align = ggf_file_alignment(p->f);
    bool wanted = p->old_record[BACK] > 0 || p->o->set_slack;
    uint64_t front = front_in_place(p), least = p->o->set_slack ? wanted_record(p) : 0;
    p->record[FRONT] = front;
    if (front > 0 && front <= gap && gap - front >= least &&
        fill(gap - front, align, wanted, &p->record[BACK]))
        return true;
    p->record[FRONT] = 0;
    return fill(gap, align, wanted, &p->record[BACK]);
}

/* NULL when the new header fits before the data as it lies. */
static const char *fit_in_place(struct plan *p)
{
    uint64_t room = p->r->data_off;
    if (p->o->copy)
        return "a copy was asked for";
    if (ggf_file_nbytes(p->f) == GG_NOWHERE || ggf_file_nbytes(p->f) < room)
        return "there is no data behind the header";
    if (p->bare > room)
        return "the new header is too long for the place of the old one";
    uint64_t gap = room - p->bare;
    if (p->o->set_slack && gap < wanted_record(p))
        return "there is no room for the slack";
    p->data_off = room;
    if (no_slack(p))
        return gap < ggf_file_alignment(p->f) ? NULL : "without slack the data moves forward";
    if (!fill_in_place(p, gap))
        return "the new header is a little too short for the place of the old one";
    if (room > GG_PATCH_MAX_NBYTES)
        return "the header is too large to be changed in place";
    return NULL;
}

/* Slack before large values in a copy: what there was, or a little of what is asked for. */
static uint64_t front_in_copy(const struct plan *p)
{
    if (no_slack(p) || p->large == NULL)
        return 0;
    if (!p->o->set_slack)
        return p->old_record[FRONT];
    uint64_t n = least_text(FRONT) + gg_min_u64(p->o->slack / 4, MAX_FRONT);
    return gg_max_u64(n, p->old_record[FRONT]);
}

/* Where the data goes in a copy. Blocks can be shared when it lies alike in its block. */
static int place_copy(struct plan *p, struct gg_err *err)
{
    uint32_t align = ggf_file_alignment(p->f);
    bool clones = p->o->clones && !no_slack(p) && p->r->data_nbytes >= 2 * BLOCK;
    uint64_t at, want = wanted_record(p), front = front_in_copy(p);
    p->record[BACK] = want;
    p->record[FRONT] = front;
    if (want > GG_PATCH_MAX_NBYTES)
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "slack of more than %llu bytes",
                       (unsigned long long)GG_PATCH_MAX_NBYTES);
    if (!gg_add_u64(p->bare, want + front, &at) || !gg_align_u64(at, align, &at))
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "the header is too large");
    p->data_off = at;
    at += (p->r->data_off - at) & (BLOCK - 1);
    for (int tries = 0; clones && tries < 2; tries++, at += BLOCK) {
        if (at % align == 0 && fill(at - p->bare - front, align, want > 0, &p->record[BACK]) &&
            p->record[BACK] >= want) {
            p->data_off = at;
            return GG_OK;
        }
    }
    p->record[BACK] = want;
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

/* Gives meta its padding records, the front one in its place. */
static int set_paddings(struct plan *p, struct ggf_meta *meta, struct gg_err *err)
{
    int rc = GG_OK;
    for (int i = 0; rc == GG_OK && i < N_PADS; i++) {
        rc = set_padding(meta, (enum pad)i, p->record[i], err);
        if (p->record[i] > least_text((enum pad)i))
            p->r->slack += p->record[i] - least_text((enum pad)i);
    }
    if (rc == GG_OK && p->record[FRONT] > 0 &&
        !ggf_meta_move(meta, pad_keys[FRONT], p->large->key))
        rc = gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "slack without a place");
    return rc;
}

/* The final header, padded with zeros up to the data. */
static int build(struct plan *p, struct ggf_meta *meta, const struct ggf_str *names,
                 struct gg_err *err)
{
    struct gg_rewrite *r = p->r;
    void *bytes;
    int rc = set_paddings(p, meta, err);
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
    return GG_OK;
}

/* Bytes of the record of a pair as it is written. */
static uint64_t record_nbytes(const struct ggf_kv *kv)
{
    const struct ggf_value *v = &kv->value;
    return 8 + kv->key.nbytes + 4 + (v->type == GGF_STR ? 8 : 0) + (v->type == GGF_ARR ? 12 : 0) +
           v->nbytes;
}

/* Takes the padding keys out of meta, and notes how large those in the file are. */
static void take_paddings(struct plan *p, struct ggf_meta *meta)
{
    for (int i = 0; i < N_PADS; i++) {
        const struct ggf_kv *kv = ggf_meta_find(ggf_file_meta(p->f), pad_keys[i]);
        if (kv != NULL && kv->value.type == GGF_STR)
            p->old_record[i] = least_text((enum pad)i) + kv->value.nbytes;
        else if (kv != NULL)
            p->old_record[i] = small_nbytes((enum pad)i, GGF_U8);
        ggf_meta_unset(meta, pad_keys[i]);
    }
}

/* Finds the first large value that stays, and where it would lie. */
static void find_large(struct plan *p, const struct ggf_meta *meta)
{
    const struct ggf_meta *old = ggf_file_meta(p->f);
    uint64_t off = START_NBYTES;
    size_t i = 0;
    while (i < ggf_meta_count(old) && ggf_meta_at(old, i)->value.nbytes < LARGE)
        i++;
    if (i == ggf_meta_count(old))
        return;
    const struct ggf_kv *large = ggf_meta_at(old, i);
    for (size_t k = 0; k < ggf_meta_count(meta); k++) {
        const struct ggf_kv *kv = ggf_meta_at(meta, k);
        if (kv->key.nbytes == large->key.nbytes &&
            memcmp(kv->key.p, large->key.p, (size_t)kv->key.nbytes) == 0) {
            p->large = large;
            p->large_off = off;
            return;
        }
        off += record_nbytes(kv);
    }
}

/* Lengths that a version 1 file has in its arrays are written wider than they lie there. */
static bool sizes_known(const struct plan *p, const struct ggf_meta *meta)
{
    bool known = ggf_file_version(p->f) != 1;
    for (size_t i = 0; i < ggf_meta_count(meta); i++)
        known &= !ggf_meta_at(meta, i)->value.len32;
    return known;
}

/* Size of the new header without padding records, and what else is to be known of it. */
static int measure(struct plan *p, struct ggf_meta *meta, const struct ggf_str *names,
                   struct gg_err *err)
{
    take_paddings(p, meta);
    if (!sizes_known(p, meta)) {
        void *bytes;
        size_t n = 0;
        int rc = ggf_file_rewrite(p->f, meta, names, &bytes, &n, err);
        if (rc == GG_OK)
            free(bytes);
        p->bare = n;
        return rc;
    }
    p->bare = START_NBYTES;
    for (size_t i = 0; i < ggf_meta_count(meta); i++)
        p->bare += record_nbytes(ggf_meta_at(meta, i));
    for (size_t i = 0; i < ggf_file_n_tensors(p->f); i++) {
        const struct ggf_tensor *t = ggf_file_tensor(p->f, i);
        p->bare += 8 + (names != NULL ? names[i] : t->name).nbytes + 4 + 8 * t->n_dims + 4 + 8;
    }
    find_large(p, meta);
    return GG_OK;
}

int gg_rewrite_plan(struct gg_rewrite *out, const struct ggf_file *f, int fd,
                    struct ggf_meta *meta, const struct ggf_str *names,
                    const struct gg_rewrite_opts *opts, struct gg_err *err)
{
    struct plan p = {.r = out, .f = f, .o = opts};
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
        out->n = gg_patch_nbytes(out->before, out->header, out->header_nbytes, &out->first);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

int gg_rewrite_apply(const struct gg_rewrite *r, const char *path, struct gg_err *err)
{
    if (r->n == 0)
        return GG_OK;
    return gg_patch_apply(path, 0, r->before, r->header, r->header_nbytes, err);
}

uint64_t gg_rewrite_nbytes(const struct gg_rewrite *r)
{
    return r->header_nbytes + r->data_nbytes;
}

bool gg_rewrite_clones(const struct gg_rewrite *r)
{
    return ((r->header_nbytes ^ r->data_off) & (BLOCK - 1)) == 0;
}

int gg_rewrite_copy(const struct gg_rewrite *r, int fd, struct gg_sink *to,
                    struct gg_progress *progress, struct gg_err *err)
{
    uint64_t at = r->header_nbytes, from = r->data_off, left = r->data_nbytes;
    int rc = gg_sink_write(to, 0, r->header, r->header_nbytes, err);
    while (rc == GG_OK && left > 0) {
        uint64_t n = gg_min_u64(left, STEP - at % STEP); /* whole blocks but for the ends */
        rc = gg_sink_copy(to, at, fd, from, n, err);
        if (progress != NULL)
            gg_progress_add(progress, n);
        if (!gg_sink_ordered(to))
            gg_sink_flush_behind(to, at, n);
        at += n;
        from += n;
        left -= n;
    }
    return rc;
}
