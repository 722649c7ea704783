/* Opening checkpoints: which files belong to one, and whether all that should be there is. */
#include "lib/import/open.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/archive.h"
#include "lib/import/zip.h"
#include "lib/sys/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- one file -------------------------------------------------------------------------------- */

/* Puts the file's name before a message that does not begin with it already. */
static int name_file(const char *shown, struct gg_err *err)
{
    size_t n = strlen(shown);
    if (strncmp(err->msg, shown, n) == 0 && err->msg[n] == ':')
        return (int)err->code;
    return gg_err_prefix(err, "%s", shown);
}

/* What a zip file holds. */
static int load_zip(struct gg_opening *o, uint32_t file, const char **format, struct gg_err *err)
{
    struct gg_store *zip;
    size_t dropped = 0;
    struct gg_ckpt_file *f = &o->c->files[file];
    struct gg_buf prefix = GG_BUF_INIT;
    gg_buf_addf(&prefix, "%s:", f->shown);
    int rc = prefix.failed ? gg_fail_nomem(err, "a name")
                           : gg_store_open_zip(&zip, f->in, gg_buf_str(&prefix), err);
    gg_buf_free(&prefix);
    if (rc == GG_OK)
        rc = gg_ckpt_keep_store(o->c, zip, err);
    if (rc != GG_OK)
        return rc;
    if (gg_zip_torch_pickle(zip) != SIZE_MAX) {
        *format = "PyTorch";
        rc = gg_ckpt_load_torch(o->c, file, zip, &dropped, err);
    } else if (gg_zip_is_npz(zip)) {
        *format = "npz";
        rc = gg_ckpt_load_npz(o->c, file, zip, err);
    } else {
        rc = gg_fail(err, GG_ERR_UNSUPPORTED, 0,
                     "is a zip file, but neither a PyTorch checkpoint "
                     "(it has no data.pkl) nor an npz file");
    }
    if (rc == GG_OK && dropped > 0)
        gg_findings_add(o->findings, GG_NOTE, "tensors-left-out", NULL, 0, GG_NOWHERE,
                        "%s: %zu tensors "
                        "beside the model's (of an optimizer, say) are not read",
                        f->shown, dropped);
    return rc;
}

static int load_kind(struct gg_opening *o, uint32_t file, struct gg_err *err)
{
    struct gg_checkpoint *c = o->c;
    enum gg_kind kind;
    const char *alien, *format = NULL;
    int rc = gg_recognise(c->files[file].in, c->files[file].name, &kind, &alien, err);
    if (rc != GG_OK)
        return rc;
    switch (kind) {
    case GG_KIND_SAFETENSORS:
        format = "safetensors";
        rc = gg_ckpt_load_safetensors(c, file, err);
        break;
    case GG_KIND_ZIP:
        rc = load_zip(o, file, &format, err);
        break;
    case GG_KIND_NPY:
        format = "npz";
        rc = gg_ckpt_load_npy(c, file, err);
        break;
    case GG_KIND_ALIEN:
        return gg_fail(err, GG_ERR_UNSUPPORTED, 0, "%s", alien);
    case GG_KIND_GGUF:
        return gg_fail(err, GG_ERR_UNSUPPORTED, 0, "is a GGUF file, not a checkpoint");
    default:
        return gg_fail(err, GG_ERR_UNSUPPORTED, 0,
                       "is neither safetensors nor a PyTorch checkpoint "
                       "nor an npz file");
    }
    if (rc == GG_OK && c->format != NULL && strcmp(c->format, format) != 0)
        rc = gg_fail(err, GG_ERR_UNSUPPORTED, 0, "is %s where others of the same checkpoint are %s",
                     format, c->format);
    c->format = format;
    return rc;
}

/* Opens a member as the next file and reads its headers. */
static int load_file(struct gg_opening *o, size_t member, struct gg_err *err)
{
    struct gg_checkpoint *c = o->c;
    if (c->n_files == c->files_cap) {
        size_t cap = c->files_cap ? 2 * c->files_cap : 8;
        struct gg_ckpt_file *v = realloc(c->files, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "a list of files");
        c->files = v;
        c->files_cap = cap;
    }
    struct gg_ckpt_file *f = &c->files[c->n_files];
    *f = (struct gg_ckpt_file){.name = c->store->members[member].name};
    f->shown = gg_store_shown(c->store, f->name);
    if (f->shown == NULL)
        return gg_fail_nomem(err, "a name");
    int rc = gg_store_open_member(c->store, member, &f->in, err);
    if (rc != GG_OK)
        return name_file(f->shown, err);
    f->nbytes = gg_input_nbytes(f->in);
    c->n_files++;
    if (f->nbytes == GG_NOWHERE)
        rc = gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                     "is a pipe: checkpoints are read from files");
    if (rc == GG_OK)
        rc = load_kind(o, (uint32_t)(c->n_files - 1), err);
    return rc == GG_OK ? GG_OK : name_file(c->files[c->n_files - 1].shown, err);
}

static int prefix_tensor(struct gg_checkpoint *c, size_t i, const char *prefix, struct gg_err *err)
{
    struct gg_ckpt_tensor *t = &c->tensors[i];
    size_t n = strlen(prefix);
    char *name = gg_arena_alloc(&c->mem, n + t->name_nbytes + 1);
    if (name == NULL)
        return gg_fail_nomem(err, "a name");
    memcpy(name, prefix, n);
    memcpy(name + n, t->name, t->name_nbytes);
    name[n + t->name_nbytes] = '\0';
    t->name = name;
    t->name_nbytes += n;
    t->turn = -1;
    int added = gg_map_add(&c->by_name, name, t->name_nbytes, i, NULL);
    return added > 0    ? GG_OK
           : added == 0 ? gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "there are two tensors '%s'", name)
                        : gg_fail_nomem(err, "a list of tensors");
}

int gg_checkpoint_join(struct gg_checkpoint *c, const char *name, const char *prefix, struct gg_err *err)
{
    struct gg_findings found = GG_FINDINGS_INIT;
    struct gg_opening o = {.c = c, .findings = &found};
    char path[4096];
    size_t first = c->n, member = SIZE_MAX;
    if (snprintf(path, sizeof path, "%s%s", c->folder, name) < (int)sizeof path)
        member = gg_store_find(c->store, path);
    int rc = member != SIZE_MAX ? load_file(&o, member, err)
                                : gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s is not there", name);
    for (size_t i = first; rc == GG_OK && i < c->n; i++)
        rc = prefix_tensor(c, i, prefix, err);
    gg_findings_free(&found);
    return rc;
}

/* ---- the set --------------------------------------------------------------------------------- */

static int by_member(const void *a, const void *b)
{
    const struct gg_wanted *x = a, *y = b;
    return x->member < y->member ? -1 : x->member > y->member;
}

/* All files in the store's order. What is wrong with one does not keep us from the others. */
static int load_wanted(struct gg_opening *o, struct gg_err *err)
{
    if (o->n_wanted == 1 && o->weight_map == NULL)
        return load_file(o, o->wanted[0].member, err);
    if (o->n_wanted > 0)
        qsort(o->wanted, o->n_wanted, sizeof *o->wanted, by_member);
    for (size_t i = 0; i < o->n_wanted; i++) {
        struct gg_err why = {0};
        size_t n_before = o->c->n;
        int rc = load_file(o, o->wanted[i].member, &why);
        o->wanted[i].bad = rc != GG_OK;
        o->c->n = rc != GG_OK ? n_before : o->c->n;
        if (rc == GG_ERR_NOMEM) {
            *err = why;
            return rc;
        }
        if (rc != GG_OK)
            gg_findings_add(o->findings, GG_FAULT, "file-bad", NULL, 0, why.where, "%s", why.msg);
    }
    return GG_OK;
}

static int digest_tensor(struct gg_checkpoint *c, size_t i, uint8_t out[32], struct gg_err *err)
{
    enum { STEP = 1 << 20 };
    uint8_t *buf = malloc((size_t)STEP * 8);
    struct gg_digest *d = gg_digest_new(GG_SHA256);
    int rc = buf == NULL || d == NULL ? gg_fail_nomem(err, "comparing tensors") : GG_OK;
    uint64_t n = c->tensors[i].nelems, bits = gg_dtype_nbits(c->tensors[i].dtype);
    for (uint64_t at = 0; at < n && rc == GG_OK; at += STEP) {
        uint64_t k = gg_min_u64(STEP, n - at);
        rc = gg_checkpoint_read(c, i, at, k, buf, err);
        if (rc == GG_OK)
            gg_digest_add(d, buf, (size_t)(k * bits / 8));
    }
    if (rc == GG_OK)
        gg_digest_end(d, out);
    gg_digest_free(d);
    free(buf);
    return rc;
}

static int same_tensor(struct gg_checkpoint *c, size_t a, size_t b, bool *same, struct gg_err *err)
{
    const struct gg_ckpt_tensor *x = &c->tensors[a], *y = &c->tensors[b];
    uint8_t dx[32], dy[32];
    *same = x->dtype == y->dtype && x->n_dims == y->n_dims &&
            memcmp(x->shape, y->shape, sizeof x->shape) == 0;
    if (!*same)
        return GG_OK;
    int rc = digest_tensor(c, a, dx, err);
    if (rc == GG_OK)
        rc = digest_tensor(c, b, dy, err);
    *same = rc == GG_OK && memcmp(dx, dy, sizeof dx) == 0;
    return rc;
}

/* Names to indices. Of two tensors with one name the second goes, if it is the same. */
static int name_tensors(struct gg_opening *o, struct gg_err *err)
{
    struct gg_checkpoint *c = o->c;
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct gg_ckpt_tensor *t = &c->tensors[i];
        uint64_t old;
        bool same = false;
        int added = gg_map_add(&c->by_name, t->name, t->name_nbytes, kept, &old);
        int rc = added < 0 ? gg_fail_nomem(err, "a list of tensors") : GG_OK;
        if (added == 0)
            rc = same_tensor(c, (size_t)old, i, &same, err);
        if (rc != GG_OK)
            return rc;
        if (added == 0) {
            gg_findings_add(o->findings, same ? GG_NOTE : GG_FAULT, "tensor-twice", t->name,
                            t->name_nbytes, GG_NOWHERE, "stands in %s and in %s, %s",
                            c->files[c->tensors[old].file].shown, c->files[t->file].shown,
                            same ? "with the same content: the second is not used"
                                 : "with different content");
            continue;
        }
        c->tensors[kept] = c->tensors[i];
        c->places[kept++] = c->places[i];
    }
    c->n = kept;
    return GG_OK;
}

/* ---- the outcome ----------------------------------------------------------------------------- */

static int faults_to_err(const struct gg_opening *o, struct gg_err *err)
{
    const struct gg_findings *f = o->findings;
    size_t n_before = o->n_faults_before, n = f->n_by_severity[GG_FAULT] - n_before;
    char more[48] = "";
    if (f->failed)
        return gg_fail_nomem(err, "a list of findings");
    if (n == 0)
        return GG_OK;
    if (n > 1)
        snprintf(more, sizeof more, " (and %zu more faults)", n - 1);
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].severity == GG_FAULT && n_before-- == 0) {
            bool t = f->v[i].tensor != NULL;
            return gg_fail(err, GG_ERR_CORRUPT, f->v[i].off, "%s%s%s%s%s", t ? "tensor '" : "",
                           t ? f->v[i].tensor : "", t ? "' " : "", f->v[i].text, more);
        }
    return GG_ERR_BUG;
}

int gg_open_wanted(struct gg_opening *o, struct gg_err *err)
{
    int rc = load_wanted(o, err);
    if (rc == GG_OK)
        rc = name_tensors(o, err);
    if (rc == GG_OK && o->weight_map != NULL)
        rc = gg_index_check(o, err);
    if (rc == GG_OK)
        rc = faults_to_err(o, err);
    if (rc == GG_OK && o->c->n == 0)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: holds no tensors", o->c->name);
    return rc;
}

/* The folder of a path with its slash, malloc'd: "" when it has none. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? strndup(path, (size_t)(slash - path + 1)) : strdup("");
}

/* A file of a folder on disk. */
static int open_file(struct gg_opening *o, const char *path, struct gg_err *err)
{
    char *dir = folder_of(path);
    if (dir == NULL)
        return gg_fail_nomem(err, "a path");
    const char *name = path + strlen(dir);
    int rc = gg_store_open_folder(&o->c->store, dir, false, err);
    free(dir);
    return rc == GG_OK ? gg_open_member(o, name, err) : rc;
}

/* Does an archive hold a GGUF model rather than a checkpoint? */
static bool prefers_gguf(struct gg_store *s, const char *inner)
{
    size_t n = strlen(inner), n_gguf = 0;
    if (n > 0)
        return n > 5 && gg_text_ieq(inner + n - 5, ".gguf");
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->members[i].name;
        n = strlen(name);
        n_gguf += n > 5 && gg_text_ieq(name + n - 5, ".gguf");
        if (gg_open_holds_tensors(name))
            return false;
    }
    return n_gguf > 0;
}

static int open_gguf(struct gg_opening *o, const char *inner, struct gg_err *err)
{
    size_t i;
    int rc = gg_archive_find_gguf(o->c->store, inner, &i, err);
    if (rc != GG_OK)
        return rc;
    struct gg_store *s = o->c->store;
    o->c->store = NULL;
    return gg_archive_gguf(o->model, s, i, o->flags, err);
}

/* What is inside an archive. inner: the path in it, "" for what is found by itself. */
static int open_inside(struct gg_opening *o, const char *inner, struct gg_err *err)
{
    struct gg_store *s = o->c->store;
    char shown[256];
    if (o->model != NULL && prefers_gguf(s, inner))
        return open_gguf(o, inner, err);
    if (inner[0] == '\0')
        return gg_open_found(o, err);
    if (gg_store_find(s, inner) != SIZE_MAX) {
        char *dir = folder_of(inner);
        o->c->folder = dir != NULL ? gg_arena_strndup(&o->c->mem, dir, strlen(dir)) : NULL;
        size_t n = dir != NULL ? strlen(dir) : 0;
        free(dir);
        return o->c->folder != NULL ? gg_open_member(o, inner + n, err)
                                    : gg_fail_nomem(err, "a path");
    }
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_adds(&b, inner);
    if (b.nbytes > 0 && inner[b.nbytes - 1] != '/')
        gg_buf_addc(&b, '/');
    o->c->folder = b.failed ? NULL : gg_arena_strndup(&o->c->mem, gg_buf_str(&b), b.nbytes);
    gg_buf_free(&b);
    if (o->c->folder == NULL)
        return gg_fail_nomem(err, "a path");
    for (size_t i = 0; i < s->n; i++)
        if (strncmp(s->members[i].name, o->c->folder, strlen(o->c->folder)) == 0)
            return gg_open_folder(o, err);
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: there is no '%s' in it",
                   gg_store_shown(s, ""),
                   gg_text_escape_into(shown, sizeof shown, inner, strlen(inner)));
}

static int open_archive(struct gg_opening *o, const char *path, size_t n, struct gg_err *err)
{
    char shown[256];
    char *file = strndup(path, n);
    if (file == NULL)
        return gg_fail_nomem(err, "a path");
    gg_text_escape_into(shown, sizeof shown, file, n);
    int rc = gg_archive_open(&o->c->store, file, err);
    free(file);
    if (rc == GG_OK && o->c->store == NULL)
        rc = gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                     "%s: is not an archive, so there is no '%s' in it", shown, path + n + 1);
    return rc == GG_OK ? open_inside(o, path + n + 1, err) : rc;
}

static int open_path(struct gg_opening *o, const char *path, struct gg_err *err)
{
    struct stat st;
    char shown[256];
    size_t n;
    o->c->folder = "";
    if (stat(path, &st) != 0) {
        int sys = errno;
        if (gg_archive_split(path, &n))
            return open_archive(o, path, n, err);
        gg_text_escape_into(shown, sizeof shown, path, strlen(path));
        return gg_fail_sys(err, sys, "%s: cannot open", shown);
    }
    if (S_ISDIR(st.st_mode)) {
        int rc = gg_store_open_folder(&o->c->store, path, true, err);
        return rc == GG_OK ? gg_open_folder(o, err) : rc;
    }
    int rc = S_ISREG(st.st_mode) ? gg_archive_open(&o->c->store, path, err) : GG_OK;
    if (rc != GG_OK)
        return rc;
    return o->c->store != NULL ? open_inside(o, "", err) : open_file(o, path, err);
}

int gg_checkpoint_or_model(struct gg_checkpoint **ckpt, struct gg_model **model, const char *path,
                           unsigned flags, struct gg_findings *findings, struct gg_err *err)
{
    struct gg_findings own = GG_FINDINGS_INIT;
    struct gg_model *none = NULL;
    struct gg_opening o = {.findings = findings != NULL ? findings : &own, .flags = flags};
    o.n_faults_before = o.findings->n_by_severity[GG_FAULT];
    o.model = model;
    model = model != NULL ? model : &none;
    *ckpt = NULL;
    *model = NULL;
    struct gg_checkpoint *c = o.c = calloc(1, sizeof *c);
    struct gg_err scratch;
    if (c == NULL)
        return gg_fail_nomem(err, "a checkpoint");
    c->name = strdup(path);
    err = err != NULL ? err : &scratch;
    int rc = c->name == NULL ? gg_fail_nomem(err, "a checkpoint") : open_path(&o, path, err);
    gg_opening_free(&o);
    gg_findings_free(&own);
    if (rc == GG_OK && *model == NULL)
        *ckpt = c;
    else
        gg_checkpoint_free(c);
    return rc;
}

int gg_checkpoint_open(struct gg_checkpoint **out, const char *path, struct gg_findings *findings,
                       struct gg_err *err)
{
    return gg_checkpoint_or_model(out, NULL, path, 0, findings, err);
}
