/* Shard sets: PREFIX-00001-of-0000N.gguf, tied together by three metadata keys.
 *
 *     split.no             u16  number of this shard, from 0
 *     split.count          u16  shards; absent, 0 or 1: the file stands alone
 *     split.tensors.count  i32  tensors in all shards together
 */
#include "gguf/gguf_file.h"
#include "gguf/gguf_limits.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct ggf_set {
    struct ggf_file **files;
    size_t n, cap;
};

/* ---- names -------------------------------------------------------------------------------- */

/* Reads exactly five digits. */
static bool five_digits(const char *s, uint32_t *v)
{
    *v = 0;
    for (int i = 0; i < 5; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        *v = *v * 10 + (uint32_t)(s[i] - '0');
    }
    return true;
}

bool ggf_split_parse(const char *path, size_t *prefix_nbytes, uint32_t *no, uint32_t *count)
{
    static const char shape[] = "-00000-of-00000.gguf";
    size_t n = strlen(path), tail = sizeof shape - 1;
    uint32_t k, c;
    if (n <= tail)
        return false;
    const char *p = path + n - tail;
    if (p[0] != '-' || memcmp(p + 6, "-of-", 4) != 0 || strcmp(p + 15, ".gguf") != 0 ||
        !five_digits(p + 1, &k) || !five_digits(p + 10, &c) || k < 1 || k > c)
        return false;
    *prefix_nbytes = n - tail;
    *no = k - 1;
    *count = c;
    return true;
}

bool ggf_split_path(char *dst, size_t dst_nbytes, const char *prefix, uint32_t no, uint32_t count)
{
    int n = snprintf(dst, dst_nbytes, "%s-%05u-of-%05u.gguf", prefix, (unsigned)no + 1,
                     (unsigned)count);
    return n >= 0 && (size_t)n < dst_nbytes;
}

/* ---- the keys ----------------------------------------------------------------------------- */

/* A split key of its one right type, not negative; *v stays where the key is absent. */
static int split_key(const struct ggf_file *f, const char *key, uint64_t *v, struct gg_err *err)
{
    const struct ggf_kv *kv = ggf_meta_find(f->meta, key);
    const char *expected;
    if (kv == NULL)
        return GG_OK;
    if (!ggf_key_type_ok(kv->key, &kv->value, &expected))
        return gg_fail(err, GG_ERR_CORRUPT, kv->off,
                       "%s: metadata key '%s': is of type %s where %s is wanted (byte %llu)",
                       f->shown, key, ggf_vtype_name(kv->value.type), expected,
                       (unsigned long long)kv->off);
    if (!ggf_as_u64(&kv->value, v))
        return gg_fail(err, GG_ERR_CORRUPT, kv->off,
                       "%s: metadata key '%s': is negative (byte %llu)", f->shown, key,
                       (unsigned long long)kv->off);
    return GG_OK;
}

/* The key must hold the value that the set gives it. why: what gives it. */
static int want_key(const struct ggf_file *f, const char *key, uint64_t want, bool must,
                    const char *why, struct gg_err *err)
{
    uint64_t v = GG_NOWHERE;
    int rc = split_key(f, key, &v, err);
    if (rc != GG_OK || v == want || (v == GG_NOWHERE && !must))
        return rc;
    const struct ggf_kv *kv = ggf_meta_find(f->meta, key);
    if (kv == NULL)
        return gg_fail(err, GG_ERR_CORRUPT, f->header_nbytes,
                       "%s: metadata key '%s': is absent; %s says %llu (byte %llu)", f->shown, key,
                       why, (unsigned long long)want, (unsigned long long)f->header_nbytes);
    return gg_fail(err, GG_ERR_CORRUPT, kv->off,
                   "%s: metadata key '%s': is %llu; %s says %llu (byte %llu)", f->shown, key,
                   (unsigned long long)v, why, (unsigned long long)want,
                   (unsigned long long)kv->off);
}

/* ---- the set ------------------------------------------------------------------------------ */

void ggf_set_free(struct ggf_set *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        ggf_file_free(s->files[i]);
    free(s->files);
    free(s);
}

/* Appends f, which the set owns from now on, also on failure. */
static int append(struct ggf_set *s, struct ggf_file *f, struct gg_err *err)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4;
        struct ggf_file **v = realloc(s->files, cap * sizeof(struct ggf_file *));
        if (v == NULL) {
            ggf_file_free(f);
            return gg_fail_nomem(err, "shards");
        }
        s->files = v;
        s->cap = cap;
    }
    s->files[s->n++] = f;
    return GG_OK;
}

int ggf_set_from_file(struct ggf_set **out, struct ggf_file *f, struct gg_err *err)
{
    struct ggf_set *s = calloc(1, sizeof *s);
    *out = NULL;
    if (s == NULL) {
        ggf_file_free(f);
        return gg_fail_nomem(err, "a set");
    }
    int rc = append(s, f, err);
    if (rc == GG_OK)
        *out = s;
    else
        ggf_set_free(s);
    return rc;
}

/* Checks that the name of f fits its keys. */
static int check_name(const struct ggf_file *f, uint64_t count, size_t *prefix_nbytes, uint32_t *no,
                      struct gg_err *err)
{
    uint32_t named;
    const struct ggf_kv *kv = ggf_meta_find(f->meta, "split.count");
    if (!ggf_split_parse(f->name, prefix_nbytes, no, &named))
        return gg_fail(
            err, GG_ERR_CORRUPT, kv->off,
            "%s: metadata key 'split.count': is %llu, but the file is not named like a shard, "
            "PREFIX-00001-of-%05llu.gguf (byte %llu)",
            f->shown, (unsigned long long)count, (unsigned long long)count,
            (unsigned long long)kv->off);
    int rc = want_key(f, "split.count", named, true, "the file name", err);
    return rc == GG_OK ? want_key(f, "split.no", *no, true, "the file name less one", err) : rc;
}

/* A shard of another model is told by what the first one says. */
static int check_family(const struct ggf_file *f, const struct ggf_file *first, struct gg_err *err)
{
    struct ggf_str a, b;
    if (f->big_endian != first->big_endian)
        return gg_fail(err, GG_ERR_CORRUPT, 4,
                       "%s: version: not in the byte order of the first shard "
                       "(byte 4)",
                       f->shown);
    if (!ggf_meta_get_str(f->meta, "general.architecture", &a) ||
        !ggf_meta_get_str(first->meta, "general.architecture", &b) ||
        (a.nbytes == b.nbytes && memcmp(a.p, b.p, (size_t)a.nbytes) == 0))
        return GG_OK;
    uint64_t off = ggf_meta_find(f->meta, "general.architecture")->off;
    return gg_fail(
        err, GG_ERR_CORRUPT, off,
        "%s: metadata key 'general.architecture': not that of the first shard (byte %llu)",
        f->shown, (unsigned long long)off);
}

/* How the files of a set are opened. */
struct opening {
    const struct ggf_opener *opener; /* NULL: by path */
    unsigned flags;
};

static int open_file(struct ggf_file **out, const struct opening *o, const char *path,
                     struct gg_err *err)
{
    *out = NULL;
    return o->opener != NULL ? o->opener->open(o->opener->ctx, path, o->flags, out, err)
                             : ggf_file_open(out, path, o->flags, err);
}

/* Opens shard i of the set that asked is part of. */
static int open_shard(struct ggf_file **out, const struct ggf_file *asked, size_t prefix_nbytes,
                      uint32_t i, uint32_t count, const struct opening *o, struct gg_err *err)
{
    size_t room = prefix_nbytes + 64;
    char *path = malloc(room), shown[400];
    struct gg_err e = {0};
    *out = NULL;
    if (path == NULL)
        return gg_fail_nomem(err, "a file name");
    memcpy(path, asked->name, prefix_nbytes);
    snprintf(path + prefix_nbytes, 64, "-%05u-of-%05u.gguf", (unsigned)i + 1, (unsigned)count);
    int rc = open_file(out, o, path, &e);
    if (rc == GG_ERR_IO && e.sys == ENOENT) {
        uint64_t off = ggf_meta_find(asked->meta, "split.count")->off;
        rc = gg_fail(&e, GG_ERR_CORRUPT, off,
                     "%s: metadata key 'split.count': shard %u of %u is missing: '%s' (byte %llu)",
                     asked->shown, (unsigned)i + 1, (unsigned)count,
                     gg_text_escape_into(shown, sizeof shown, path, strlen(path)),
                     (unsigned long long)off);
    }
    if (rc != GG_OK && err != NULL)
        *err = e;
    free(path);
    return rc;
}

/* ---- faults: the first one ends it, or all are wanted --------------------------------------- */

struct faults {
    struct gg_findings *all; /* NULL: the first becomes the error */
    struct gg_err *err;
    unsigned n;
};

/* Takes a failure of a check; GG_OK: go on. */
static int fault(struct faults *to, const char *code, int rc, const struct gg_err *e)
{
    if (rc == GG_OK)
        return rc;
    if (to->all != NULL && rc != GG_ERR_NOMEM && rc != GG_ERR_INTERRUPTED) {
        if (++to->n <= GGF_MAX_FINDINGS)
            gg_findings_add(to->all, GG_FAULT, code, NULL, 0, e->where, "%s", e->msg);
        else if (to->n == GGF_MAX_FINDINGS + 1)
            gg_findings_add(to->all, GG_FAULT, code, NULL, 0, GG_NOWHERE,
                            "there are more faults in the set");
        return to->all->failed ? gg_fail_nomem(to->err, "the list of findings") : GG_OK;
    }
    if (to->err != NULL)
        *to->err = *e;
    return rc;
}

/* No name twice. */
static int check_names(const struct ggf_set *s, struct faults *to)
{
    struct gg_map names = GG_MAP_INIT;
    char name[128];
    uint64_t in;
    int rc = GG_OK;
    for (size_t i = 0; i < s->n; i++) {
        const struct ggf_file *f = s->files[i];
        for (size_t k = 0; rc == GG_OK && k < f->n_tensors; k++) {
            struct ggf_str t = f->tensors[k].name;
            struct gg_err e;
            int added = gg_map_add(&names, t.p, (size_t)t.nbytes, i, &in);
            if (added < 0)
                rc = gg_fail_nomem(&e, "tensors");
            else if (added == 0)
                rc = gg_fail(&e, GG_ERR_CORRUPT, f->record_off[k],
                             "%s: tensor '%s': name: is in shard %u, too (byte %llu)", f->shown,
                             gg_text_escape_into(name, sizeof name, t.p, (size_t)t.nbytes),
                             (unsigned)in + 1, (unsigned long long)f->record_off[k]);
            rc = fault(to, "duplicate-tensor", rc, &e);
        }
    }
    gg_map_free(&names);
    return rc;
}

/* As many tensors as the set says. */
static int check_total(const struct ggf_set *s, bool missing, struct faults *to)
{
    uint64_t n = 0, total = GG_NOWHERE;
    bool whole = !missing;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < s->n; i++) {
        struct gg_err e;
        const struct ggf_file *f = s->files[i];
        whole &= f->complete;
        n += f->n_tensors;
        rc = total == GG_NOWHERE
                 ? split_key(f, "split.tensors.count", &total, &e)
                 : want_key(f, "split.tensors.count", total, false, "a shard before it", &e);
        rc = fault(to, "shard-tensors", rc, &e);
    }
    if (rc == GG_OK && whole) {
        struct gg_err e;
        rc = want_key(s->files[0], "split.tensors.count", n, true, "the count over all shards", &e);
        rc = fault(to, "shard-tensors", rc, &e);
    }
    return rc;
}

/* What shard no must say of itself and of the set. */
static int check_shard(const struct ggf_file *f, const struct ggf_file *first, uint32_t no,
                       uint32_t count, struct faults *to)
{
    struct gg_err e;
    int rc = GG_OK;
    if (f->complete)
        rc = fault(to, "shard-number", want_key(f, "split.no", no, true, "its place in the set", &e),
                   &e);
    if (rc == GG_OK && f->complete)
        rc = fault(to, "shard-number", want_key(f, "split.count", count, true, "the set", &e), &e);
    return rc == GG_OK ? fault(to, "foreign-shard", check_family(f, first, &e), &e) : rc;
}

/* Fills s with the shards 0 .. count-1, asked being no. of them; asked is the set's also on
 * failure. *cut: the error of the first shard that was cut short and yet could be taken. */
static int collect(struct ggf_set *s, struct ggf_file *asked, size_t prefix_nbytes, uint32_t no,
                   uint32_t count, const struct opening *o, struct gg_err *cut, struct faults *to)
{
    int rc = GG_OK;
    struct ggf_file *mine = asked;
    for (uint32_t i = 0; rc == GG_OK && i < count; i++) {
        struct ggf_file *f = NULL;
        struct gg_err e = {0};
        if (i == no) {
            f = mine;
            mine = NULL;
        } else if ((rc = open_shard(&f, asked, prefix_nbytes, i, count, o, &e)) != GG_OK) {
            if (f != NULL && to->all == NULL && cut->code == GG_OK)
                *cut = e;
            if (f == NULL || to->all != NULL)
                rc = fault(to, rc == GG_ERR_TRUNCATED ? "truncated" : "shard", rc, &e);
            else
                rc = GG_OK;
            if (rc != GG_OK || f == NULL)
                continue;
        }
        if ((rc = append(s, f, to->err)) == GG_OK)
            rc = check_shard(f, s->files[0], i, count, to);
    }
    ggf_file_free(mine);
    if (rc == GG_OK)
        rc = check_names(s, to);
    return rc == GG_OK ? check_total(s, s->n < count, to) : rc;
}

/* The set that f, opened from path, belongs to. */
static int open_set(struct ggf_set **out, struct ggf_file *f, const struct opening *o,
                    struct gg_err *cut, struct faults *to)
{
    struct gg_err e;
    uint64_t count = 0;
    size_t prefix_nbytes = 0;
    uint32_t no = 0;
    int rc = f->complete ? split_key(f, "split.count", &count, &e) : GG_OK; /* cut short: alone */
    bool odd = rc != GG_OK;
    if (!odd && count > 1)
        odd = (rc = check_name(f, count, &prefix_nbytes, &no, &e)) != GG_OK;
    rc = fault(to, "shard", rc, &e);
    if (rc != GG_OK) {
        ggf_file_free(f);
        return rc;
    }
    if (count <= 1 || odd)
        return ggf_set_from_file(out, f, to->err);
    struct ggf_set *s = calloc(1, sizeof *s);
    if (s == NULL) {
        ggf_file_free(f);
        return gg_fail_nomem(to->err, "a set");
    }
    rc = collect(s, f, prefix_nbytes, no, (uint32_t)count, o, cut, to);
    if (rc == GG_OK)
        *out = s;
    else
        ggf_set_free(s);
    return rc;
}

int ggf_set_open(struct ggf_set **out, const char *path, unsigned flags, struct gg_err *err)
{
    return ggf_set_open_with(out, path, NULL, flags, err);
}

int ggf_set_open_with(struct ggf_set **out, const char *path, const struct ggf_opener *opener,
                      unsigned flags, struct gg_err *err)
{
    const struct opening o = {opener, flags};
    struct gg_err cut = {0};
    struct ggf_file *f;
    *out = NULL;
    int rc = open_file(&f, &o, path, &cut);
    if (f == NULL) {
        if (err != NULL)
            *err = cut;
        return rc;
    }
    rc = open_set(out, f, &o, &cut, &(struct faults){.err = err});
    if (rc == GG_OK && cut.code != GG_OK) { /* GGF_PARTIAL: given, and said */
        rc = cut.code;
        if (err != NULL)
            *err = cut;
    }
    return rc;
}

int ggf_set_examine(struct ggf_set **out, const char *path, struct gg_findings *findings,
                    struct gg_err *err)
{
    const struct opening o = {NULL, GGF_PARTIAL};
    struct faults to = {.all = findings, .err = err};
    struct gg_err cut = {0};
    struct ggf_file *f;
    *out = NULL;
    int rc = ggf_file_open(&f, path, GGF_PARTIAL, &cut);
    if (f == NULL) {
        if (err != NULL)
            *err = cut;
        return rc;
    }
    rc = fault(&to, "truncated", rc, &cut);
    if (rc != GG_OK)
        ggf_file_free(f);
    return rc == GG_OK ? open_set(out, f, &o, &cut, &to) : rc;
}

size_t ggf_set_n_files(const struct ggf_set *s)
{
    return s->n;
}

const struct ggf_file *ggf_set_file(const struct ggf_set *s, size_t i)
{
    return s->files[i];
}

const char *ggf_set_path(const struct ggf_set *s, size_t i)
{
    return s->files[i]->name;
}
