/* Reading for verify: blocks, digests, manifests. */
#include "cmds/verify.h"

#include "lib/base/text.h"
#include "lib/cli/progress.h"
#include "lib/quant/qtype.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names that are digests ------------------------------------------------------------------ */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Hugging Face's cache: snapshots/REVISION/NAME is a link to blobs/SHA256. */
static bool cache_digest(const char *path, uint8_t *sha256)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return false;
    const char *name = last_part(real);
    size_t n = strlen(name), before = (size_t)(name - real);
    bool is = before > 7 && memcmp(name - 7, "/blobs/", 7) == 0 &&
              gg_digest_parse(sha256, GG_SHA256, name, n);
    free(real);
    return is;
}

bool verify_named_digest(const char *path, uint8_t sha256[GG_DIGEST_NBYTES], const char **what)
{
    const char *name = last_part(path);
    if ((strncmp(name, "sha256-", 7) == 0 || strncmp(name, "sha256:", 7) == 0) &&
        gg_digest_parse(sha256, GG_SHA256, name + 7, strlen(name + 7))) {
        *what = "its name, as Ollama gives it";
        return true;
    }
    *what = "its name in the cache of Hugging Face";
    return cache_digest(path, sha256);
}

/* ---- what is to be read ---------------------------------------------------------------------- */

/* The one file that --sha256 is about: the one named. */
static bool is_named(const struct verify *v, size_t file)
{
    const struct gg_stored *s = verify_stored(v);
    return s->n_files == 1 || (s->files[file].path != NULL &&
                               strcmp(s->files[file].path, v->path) == 0);
}

static bool wants_files(const struct verify *v)
{
    const struct gg_stored *s = verify_stored(v);
    uint8_t sha256[GG_DIGEST_NBYTES];
    const char *what;
    bool wants = v->o->sha256 != NULL;
    for (size_t i = 0; i < s->n_files; i++) {
        if (s->files[i].path == NULL)
            continue;
        wants |= verify_named_digest(s->files[i].path, sha256, &what);
        wants |= v->manifest != NULL && gg_manifest_knows_file(v->manifest, s->files[i].path);
    }
    return wants;
}

static int survey(struct verify *v, const struct gg_survey_opts *o)
{
    struct gg_err err;
    struct gg_progress progress;
    struct gg_survey_opts with = *o;
    gg_progress_begin(&progress, &v->env->msg, v->env->progress, "verifying", 0);
    with.progress = gg_progress_set;
    with.progress_ctx = &progress;
    int rc = gg_survey_run(&v->survey, verify_stored(v), &with, &err);
    gg_progress_end(&progress);
    if (rc != GG_OK)
        return gg_msg_fail(&v->env->msg, &err);
    v->did_data = true;
    gg_msg_info(&v->env->msg, "%s: %.2f GB in %.2f s, %.0f MB/s", v->path,
                (double)v->survey.read_nbytes * 1e-9, (double)v->survey.wall_ns * 1e-9,
                (double)v->survey.read_nbytes * 1e3 / ((double)v->survey.wall_ns + 1));
    return CMD_OK;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void note_bad(struct verify *v, const struct gg_stored_tensor *t,
                     const struct gg_survey_tensor *r)
{
    char mat[40] = "";
    const char *what = isnan(r->first_value)   ? "NaN"
                       : isinf(r->first_value) ? r->first_value < 0 ? "-Inf" : "Inf"
                                               : "the scale";
    uint64_t cols = t->n_dims > 0 ? t->ne[0] : 1, rows = t->n_dims > 1 ? t->ne[1] : 1;
    uint64_t row = r->first_elem / cols, units = t->nelems / t->unit_nelems;
    if (t->n_dims > 2 && rows * cols < t->nelems) {
        snprintf(mat, sizeof mat, "matrix %llu, ", (unsigned long long)(row / rows));
        row %= rows;
    }
    gg_findings_add(&v->found, GG_FAULT, "not-finite", t->name.p, (size_t)t->name.nbytes,
                    v->s->model != NULL ? t->file_off : GG_NOWHERE,
                    "%srow %llu, column %llu: not finite (%s); %llu of %llu %s are bad", mat,
                    (unsigned long long)row, (unsigned long long)(r->first_elem % cols), what,
                    (unsigned long long)r->n_bad, (unsigned long long)units,
                    t->unit_nelems > 1 ? "blocks" : "values");
}

static void judge_blocks(struct verify *v)
{
    for (size_t i = 0; i < v->s->n; i++) {
        const struct gg_stored_tensor *t = &v->s->tensors[i];
        const struct gg_survey_tensor *r = &v->survey.tensors[i];
        if (r->n_bad > 0)
            note_bad(v, t, r);
        else if (!t->known || (v->s->model != NULL && qt_info(t->qtype) == NULL))
            verify_unchecked(v, &t->name, "the data, which is of %s", t->type);
        /* what is missing is a fault already */
    }
    for (size_t i = 0; i < v->s->n_files; i++) {
        const struct gg_survey_file *f = &v->survey.files[i];
        if (f->n_dirty > 0)
            gg_findings_add(&v->found, GG_NOTE, "padding", NULL, 0, f->first_dirty_off,
                            "%llu bytes between tensors are not zero, the first at byte %llu",
                            (unsigned long long)f->n_dirty, (unsigned long long)f->first_dirty_off);
    }
}

/* ---- digests --------------------------------------------------------------------------------- */

static void compare(struct verify *v, size_t file, const uint8_t *want, const char *says)
{
    const struct gg_stored *s = verify_stored(v);
    const struct gg_survey_file *f = &v->survey.files[file];
    char a[GG_DIGEST_TEXT], b[GG_DIGEST_TEXT];
    struct gg_buf name = GG_BUF_INIT;
    gg_text_escape(&name, s->files[file].name, strlen(s->files[file].name), 0);
    const char *who = s->n_files > 1 ? gg_buf_str(&name) : "", *colon = s->n_files > 1 ? ": " : "";
    if (!f->have_sha256) {
        verify_unchecked(v, NULL, "%s%sits SHA-256", who, colon);
    } else {
        v->n_digests++;
        if (memcmp(f->sha256, want, 32) != 0)
            gg_findings_add(&v->found, GG_FAULT, "sha256", NULL, 0, GG_NOWHERE,
                            "%s%sthe SHA-256 is %s; %s says %s", who, colon,
                            gg_digest_text(a, GG_SHA256, f->sha256), says,
                            gg_digest_text(b, GG_SHA256, want));
    }
    gg_buf_free(&name);
}

static void judge_names(struct verify *v)
{
    const struct gg_stored *s = verify_stored(v);
    uint8_t want[GG_DIGEST_NBYTES];
    const char *what;
    for (size_t i = 0; i < s->n_files; i++) {
        if (s->files[i].path != NULL && verify_named_digest(s->files[i].path, want, &what))
            compare(v, i, want, what);
        if (v->o->sha256 != NULL && is_named(v, i))
            compare(v, i, v->sha256, "--sha256");
    }
    if (v->o->sha256 != NULL && s->n_files == 0)
        verify_unchecked(v, NULL, "the SHA-256 of what is no file");
}

/* Whole files of the manifest; *n: how many of ours it has. */
static void judge_files(struct verify *v, size_t *n)
{
    const struct gg_stored *s = verify_stored(v);
    *n = 0;
    for (size_t i = 0; i < s->n_files; i++) {
        const struct gg_survey_file *f = &v->survey.files[i];
        if (s->files[i].path == NULL || !f->have_sha256 ||
            !gg_manifest_knows_file(v->manifest, s->files[i].path))
            continue;
        ++*n;
        v->n_digests++;
        if (gg_manifest_check_file(v->manifest, s->files[i].path, f->sha256) == GG_ANSWER_MISMATCH)
            gg_findings_add(&v->found, GG_FAULT, "sha256", NULL, 0, GG_NOWHERE,
                            "%s: the SHA-256 is not that of the manifest", s->files[i].name);
    }
}

/* Digests of the model and its tensors; true when they cover it. */
static bool judge_model(struct verify *v, unsigned kinds, const char *label)
{
    bool covered = false, whole = true;
    for (size_t i = 0; i < v->s->n; i++)
        whole &= v->survey.tensors[i].read;
    for (int k = 0; k < GG_DIGEST_COUNT; k++) {
        size_t n_here = 0;
        for (size_t i = 0; (kinds >> k & 1) && k != GG_UUID && i < v->s->n; i++) {
            const struct gg_stored_tensor *t = &v->s->tensors[i];
            if (!v->survey.tensors[i].read)
                continue;
            enum gg_answer a = gg_manifest_check(v->manifest, (enum gg_digest_kind)k, label, &t->name,
                                                 v->survey.tensors[i].digests[k]);
            n_here += a != GG_ANSWER_NONE;
            if (a == GG_ANSWER_MISMATCH)
                gg_findings_add(&v->found, GG_FAULT, "digest", t->name.p, (size_t)t->name.nbytes,
                                GG_NOWHERE, "the %s is not that of the manifest",
                                gg_digest_name((enum gg_digest_kind)k));
        }
        v->n_digests += n_here;
        covered |= whole && n_here == v->s->n && v->s->n > 0;
        if (!(kinds >> k & 1) || !whole)
            continue;
        enum gg_answer a = gg_manifest_check(v->manifest, (enum gg_digest_kind)k, label, NULL,
                                             v->survey.model[k]);
        v->n_digests += a != GG_ANSWER_NONE;
        covered |= a != GG_ANSWER_NONE;
        if (a == GG_ANSWER_MISMATCH)
            gg_findings_add(&v->found, GG_FAULT, "digest", NULL, 0, GG_NOWHERE,
                            "the %s of the model is not that of the manifest",
                            gg_digest_name((enum gg_digest_kind)k));
    }
    gg_manifest_unasked(v->manifest, kinds, label, &v->found);
    return covered;
}

static void judge_manifest(struct verify *v, unsigned kinds, const char *label)
{
    size_t n_files;
    judge_files(v, &n_files);
    bool covered = n_files > 0 && n_files == verify_stored(v)->n_files;
    if (label != NULL)
        covered |= judge_model(v, kinds, label);
    if (!covered)
        verify_unchecked(v, NULL, n_files > 0 || label != NULL
                                      ? "the rest: the manifest covers a part of it"
                                      : "the content: the manifest says nothing about this file");
}

/* A blob of a store that is no model, and what its name says, is not at fault. */
static void excuse_blob(struct verify *v)
{
    uint8_t sha256[GG_DIGEST_NBYTES];
    const char *what;
    struct gg_findings *f = &v->found;
    if (v->s != NULL || v->plain.n_files != 1 || !verify_named_digest(v->path, sha256, &what) ||
        f->n != 1 || strcmp(f->v[0].code, "not-gguf") != 0)
        return;
    f->v[0].severity = GG_WARN;
    f->n_by_severity[GG_FAULT]--;
    f->n_by_severity[GG_WARN]++;
}

int verify_data(struct verify *v)
{
    bool model = v->s != NULL;
    const char *label = model && v->manifest != NULL ? gg_manifest_label(v->manifest, v->s) : NULL;
    struct gg_survey_opts o = {.kinds = label != NULL ? gg_manifest_kinds(v->manifest) : 0,
                               .files = wants_files(v), .deep = v->o->deep && model, .skip = v->skip,
                               .kernels = v->kernels, .n_workers = v->env->n_threads,
                               .max_memory = v->o->max_memory.v};
    if (model && v->s->model != NULL && v->s->n_files == 1 && v->s->files[0].path == NULL &&
        (o.kinds != 0 || o.deep)) { /* a pipe */
        verify_unchecked(v, NULL, "the data, which cannot be read from a pipe");
        return CMD_OK;
    }
    if (o.kinds != 0 || o.files || o.deep) {
        int code = survey(v, &o);
        if (code != CMD_OK)
            return code;
        if (o.deep)
            judge_blocks(v);
        judge_names(v);
    } else if (v->o->deep && v->found.n_by_severity[GG_FAULT] == 0) {
        verify_unchecked(v, NULL, "the data");
    }
    if (v->o->sha256 != NULL && !o.files)
        verify_unchecked(v, NULL, "the SHA-256 of what is no file");
    if (v->manifest != NULL && (o.kinds != 0 || o.files))
        judge_manifest(v, o.kinds, label);
    else if (v->manifest != NULL)
        verify_unchecked(v, NULL, "the content: the manifest says nothing about this file");
    excuse_blob(v);
    return CMD_OK;
}
