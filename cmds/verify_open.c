/* Opening for verify: whatever FILE is, and however little of it is left. */
#include "cmds/verify.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/archive.h"
#include "lib/job/job.h"
#include "lib/job/lint.h"
#include "lib/job/pending.h"
#include "lib/model/family.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Is an error about the file, or about us and the machine? */
static bool about_file(int rc)
{
    return rc == GG_ERR_NOT_GGUF || rc == GG_ERR_CORRUPT || rc == GG_ERR_TRUNCATED ||
           rc == GG_ERR_UNSUPPORTED || rc == GG_ERR_LIMIT;
}

static const char *code_of(int rc)
{
    return rc == GG_ERR_NOT_GGUF      ? "not-gguf"
           : rc == GG_ERR_CORRUPT     ? "corrupt"
           : rc == GG_ERR_TRUNCATED   ? "truncated"
           : rc == GG_ERR_UNSUPPORTED ? "unsupported"
                                      : "limit";
}

/* A sentence without the name of the file, which stands before each finding anyhow. */
static const char *bare(const struct verify *v, const char *text)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_text_escape(&b, v->path, strlen(v->path), 0);
    gg_buf_adds(&b, ": ");
    size_t n = strncmp(text, gg_buf_str(&b), b.nbytes) == 0 ? b.nbytes : 0;
    gg_buf_free(&b);
    return text + n;
}

/* Takes an error: a fault of the file, or the end of it. An exit code. */
static int take(struct verify *v, int rc, const struct gg_err *e)
{
    if (rc == GG_OK)
        return CMD_OK;
    if (!about_file(rc))
        return gg_msg_fail(&v->env->msg, e);
    gg_findings_add(&v->found, GG_FAULT, code_of(rc), NULL, 0, e->where, "%s", bare(v, e->msg));
    return CMD_OK;
}

/* ---- GGUF ------------------------------------------------------------------------------------ */

/* A pipe, or members of an archive, read in part if need be. */
static int open_single(struct gg_model **out, const char *path, bool *single, struct gg_err *err)
{
    struct stat st;
    bool pipe = strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
    *single = true;
    *out = NULL;
    if (pipe)
        return gg_model_open_gguf(out, path, GGF_PARTIAL, err);
    int rc = gg_archive_open_model(out, path, GGF_PARTIAL, err);
    *single = rc != GG_OK || *out != NULL;
    return rc;
}

/* The tensors whose data is not there. */
static int mark_missing(struct verify *v, struct gg_err *err)
{
    v->skip = calloc(v->s->n + 1, sizeof *v->skip);
    if (v->skip == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; i < v->s->n; i++) {
        const struct gg_stored_tensor *t = &v->s->tensors[i];
        v->skip[i] = t->file_off == GG_NOWHERE ||
                     !gg_in_range(t->file_off, t->nbytes, v->s->files[t->file].nbytes);
    }
    return GG_OK;
}

static int take_model(struct verify *v, struct gg_model *m)
{
    struct gg_err err;
    gg_findings_append(&v->found, &m->findings, NULL);
    bool complete = true;
    for (size_t i = 0; i < m->n_files; i++)
        complete &= ggf_file_complete(ggf_set_file(m->set, i));
    if (complete)
        gg_lint(m, &v->found);
    if (complete)
        gg_model_check_family(m, &v->found);
    int rc = gg_stored_of_model(&v->s, m, &err);
    if (rc == GG_OK)
        rc = mark_missing(v, &err);
    if (rc != GG_OK)
        return gg_msg_fail(&v->env->msg, &err);
    v->did_structure = true;
    for (size_t i = 0; i < v->s->n_files; i++) {
        if (v->s->files[i].nbytes == GG_NOWHERE)
            verify_unchecked(v, NULL, "whether all data is there: the size of a pipe is not known");
    }
    return CMD_OK;
}

static int open_gguf(struct verify *v)
{
    struct gg_err err;
    struct gg_model *m = NULL;
    struct ggf_set *set = NULL;
    struct gg_findings of_set = GG_FINDINGS_INIT;
    bool single;
    int rc = open_single(&m, v->path, &single, &err);
    if (rc == GG_OK && !single)
        rc = ggf_set_examine(&set, v->path, &of_set, &err);
    for (size_t i = 0; i < of_set.n; i++)
        gg_findings_add(&v->found, of_set.v[i].severity, of_set.v[i].code, NULL, 0, of_set.v[i].off,
                        "%s", bare(v, of_set.v[i].text));
    gg_findings_free(&of_set);
    int code = take(v, rc, &err);
    if (code == CMD_OK && set != NULL) {
        rc = gg_model_of_set(&m, set, v->path, &err);
        code = take(v, rc, &err);
    }
    if (code == CMD_OK && m != NULL)
        return take_model(v, m);
    gg_model_free(m);
    return code;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int open_checkpoint(struct verify *v)
{
    struct gg_err err;
    int rc = gg_stored_open(&v->s, v->path, GGF_STRICT, &v->found, &err);
    if (rc == GG_OK)
        v->did_structure = true;
    /* a single fault is what err says, and the list may be empty */
    return v->found.n_by_severity[GG_FAULT] > 0 && about_file(rc) ? CMD_OK : take(v, rc, &err);
}

/* The file by itself, for digests of whole files. */
static int open_plain(struct verify *v)
{
    struct stat st;
    struct gg_err err;
    struct gg_stored_file *f = gg_arena_zalloc(&v->plain.mem, 1, sizeof *f);
    if (f == NULL) {
        gg_fail_nomem(&err, "a file");
        return gg_msg_fail(&v->env->msg, &err);
    }
    v->plain.name = v->path;
    v->plain.files = f;
    if (strcmp(v->path, "-") != 0 && stat(v->path, &st) == 0 && S_ISREG(st.st_mode)) {
        *f = (struct gg_stored_file){v->path, v->path, (uint64_t)st.st_size};
        v->plain.n_files = 1;
    }
    return CMD_OK;
}

int verify_open(struct verify *v)
{
    struct gg_err err;
    if (gg_pending(v->path, GG_PENDING_LOOK, &v->found, &err) != GG_OK)
        return gg_msg_fail(&v->env->msg, &err);
    int code = gg_stored_is_checkpoint(v->path) ? open_checkpoint(v) : open_gguf(v);
    return code == CMD_OK && v->s == NULL ? open_plain(v) : code;
}

const struct gg_stored *verify_stored(const struct verify *v)
{
    return v->s != NULL ? v->s : &v->plain;
}
