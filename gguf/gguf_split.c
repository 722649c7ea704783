/* Shard sets: PREFIX-00001-of-0000N.gguf, tied together by three metadata keys.
 *
 *     split.no             u16  number of this shard, from 0
 *     split.count          u16  shards; absent, 0 or 1: the file stands alone
 *     split.tensors.count  i32  tensors in all shards together
 */
#include "gguf/gguf_file.h"
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

/* Opens shard i of the set that asked is part of. */
static int open_shard(struct ggf_file **out, const struct ggf_file *asked, size_t prefix_nbytes,
                      uint32_t i, uint32_t count, unsigned flags, struct gg_err *err)
{
    size_t room = prefix_nbytes + 64;
    char *path = malloc(room), shown[400];
    struct gg_err e = {0};
    *out = NULL;
    if (path == NULL)
        return gg_fail_nomem(err, "a file name");
    memcpy(path, asked->name, prefix_nbytes);
    snprintf(path + prefix_nbytes, 64, "-%05u-of-%05u.gguf", (unsigned)i + 1, (unsigned)count);
    int rc = ggf_file_open(out, path, flags, &e);
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

/* No name twice, and as many as the set says. */
static int check_tensors(const struct ggf_set *s, struct gg_err *err)
{
    struct gg_map names = GG_MAP_INIT;
    uint64_t n = 0, total = GG_NOWHERE, in;
    bool whole = true;
    char name[128];
    int rc = GG_OK;
    for (size_t i = 0; i < s->n; i++) {
        const struct ggf_file *f = s->files[i];
        whole &= f->complete;
        n += f->n_tensors;
        for (size_t k = 0; rc == GG_OK && k < f->n_tensors; k++) {
            struct ggf_str t = f->tensors[k].name;
            int added = gg_map_add(&names, t.p, (size_t)t.nbytes, i, &in);
            if (added < 0)
                rc = gg_fail_nomem(err, "tensors");
            else if (added == 0)
                rc = gg_fail(err, GG_ERR_CORRUPT, f->record_off[k],
                             "%s: tensor '%s': name: is in shard %u, too (byte %llu)", f->shown,
                             gg_text_escape_into(name, sizeof name, t.p, (size_t)t.nbytes),
                             (unsigned)in + 1, (unsigned long long)f->record_off[k]);
        }
        if (rc == GG_OK && total == GG_NOWHERE)
            rc = split_key(f, "split.tensors.count", &total, err);
        else if (rc == GG_OK)
            rc = want_key(f, "split.tensors.count", total, false, "a shard before it", err);
    }
    gg_map_free(&names);
    if (rc == GG_OK && whole)
        rc =
            want_key(s->files[0], "split.tensors.count", n, true, "the count over all shards", err);
    return rc;
}

/* Fills s with the shards 0 .. count-1, asked being no. of them; asked is the set's also on
 * failure. *cut: the error of the first shard that was cut short and yet could be taken. */
static int collect(struct ggf_set *s, struct ggf_file *asked, size_t prefix_nbytes, uint32_t no,
                   uint32_t count, unsigned flags, struct gg_err *cut, struct gg_err *err)
{
    int rc = GG_OK;
    struct ggf_file *mine = asked;
    for (uint32_t i = 0; rc == GG_OK && i < count; i++) {
        struct ggf_file *f = NULL;
        struct gg_err e = {0};
        if (i == no) {
            f = mine;
            mine = NULL;
        } else if ((rc = open_shard(&f, asked, prefix_nbytes, i, count, flags, &e)) != GG_OK) {
            if (f == NULL) {
                if (err != NULL)
                    *err = e;
                break;
            }
            if (cut->code == GG_OK)
                *cut = e;
        }
        if ((rc = append(s, f, err)) != GG_OK)
            break;
        if (f->complete &&
            ((rc = want_key(f, "split.no", i, true, "its place in the set", err)) != GG_OK ||
             (rc = want_key(f, "split.count", count, true, "the set", err)) != GG_OK))
            break;
        rc = check_family(f, s->files[0], err);
    }
    ggf_file_free(mine);
    return rc != GG_OK ? rc : check_tensors(s, err);
}

int ggf_set_open(struct ggf_set **out, const char *path, unsigned flags, struct gg_err *err)
{
    struct gg_err cut = {0};
    struct ggf_file *f;
    uint64_t count = 0;
    size_t prefix_nbytes = 0;
    uint32_t no = 0;
    *out = NULL;
    int rc = ggf_file_open(&f, path, flags, &cut);
    if (f == NULL) {
        if (err != NULL)
            *err = cut;
        return rc;
    }
    rc = f->complete ? split_key(f, "split.count", &count, err) : GG_OK; /* cut short: alone */
    if (rc == GG_OK && count > 1)
        rc = check_name(f, count, &prefix_nbytes, &no, err);
    if (rc != GG_OK) {
        ggf_file_free(f);
        return rc;
    }
    if (count <= 1) {
        rc = ggf_set_from_file(out, f, err);
    } else {
        struct ggf_set *s = calloc(1, sizeof *s);
        if (s == NULL) {
            ggf_file_free(f);
            return gg_fail_nomem(err, "a set");
        }
        rc = collect(s, f, prefix_nbytes, no, (uint32_t)count, flags, &cut, err);
        if (rc == GG_OK)
            *out = s;
        else
            ggf_set_free(s);
    }
    if (rc == GG_OK && cut.code != GG_OK) { /* GGF_PARTIAL: given, and said */
        rc = cut.code;
        if (err != NULL)
            *err = cut;
    }
    return rc;
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
