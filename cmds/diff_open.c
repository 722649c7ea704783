/* Opening what is compared: models of any kind, whole or cut short. */
#include "cmds/diff.h"

#include "lib/base/text.h"
#include "lib/hf/hf.h"
#include "lib/job/ftype.h"
#include "lib/job/job.h"
#include "lib/job/stored.h"

#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

/* The last n parts of a path, without a slash at the end; *whole: that is all of it. */
static struct ggf_str tail_of(const char *path, size_t n, bool *whole)
{
    size_t end = strlen(path), at;
    while (end > 1 && path[end - 1] == '/')
        end--;
    for (at = end; at > 0; at--) {
        if (path[at - 1] == '/' && n-- == 1)
            break;
    }
    *whole = at == 0;
    return (struct ggf_str){path + at, end - at};
}

static bool clash(size_t n, char **argv, size_t i, size_t parts)
{
    bool whole;
    struct ggf_str mine = tail_of(argv[i], parts, &whole);
    for (size_t k = 0; !whole && k < n; k++) {
        bool unused;
        struct ggf_str other = tail_of(argv[k], parts, &unused);
        if (k != i && strcmp(argv[k], argv[i]) != 0 && mine.nbytes == other.nbytes &&
            memcmp(mine.p, other.p, mine.nbytes) == 0)
            return true;
    }
    return false;
}

/* Each file by so much of its path that no two look alike. */
static bool label_all(struct diff *d, char **argv)
{
    for (size_t i = 0; i < d->n_models; i++) {
        struct gg_buf b = GG_BUF_INIT;
        size_t parts = 1;
        bool whole;
        while (clash(d->n_models, argv, i, parts))
            parts++;
        struct ggf_str tail = tail_of(argv[i], parts, &whole);
        gg_text_escape(&b, tail.p, tail.nbytes, 0);
        d->labels[i] = gg_arena_strndup(&d->mem, gg_buf_str(&b), b.nbytes);
        gg_buf_free(&b);
        if (d->labels[i] == NULL)
            return false;
    }
    return true;
}

/* ---- one model ------------------------------------------------------------------------------- */

static bool header_complete(const struct gg_model *m)
{
    for (size_t i = 0; m->set != NULL && i < m->n_files; i++) {
        if (!ggf_file_complete(ggf_set_file(m->set, i)))
            return false;
    }
    return true;
}

/* Of a file whose data is cut short, what is there can be compared. */
static int settle_cut(struct diff *d, size_t i, int rc, struct gg_err *err)
{
    if (rc != GG_ERR_TRUNCATED || d->models[i] == NULL || !header_complete(d->models[i]))
        return rc;
    gg_msg_error(&d->env->msg, "%s", err->msg);
    d->cut[i] = true;
    d->trouble[DIFF_CUT] = true;
    return GG_OK;
}

static int open_one(struct diff *d, size_t i, const char *path, const char *arch, struct gg_err *err)
{
    unsigned flags = GGF_PARTIAL | GG_JOB_LOOK | GG_JOB_FOREIGN | GG_JOB_PLAIN |
                     (d->o->header_only ? GGF_HEADER_ONLY : 0);
    struct gg_findings found = GG_FINDINGS_INIT;
    struct gg_hf_opts hf = {.arch = arch};
    struct gg_model *m = NULL;
    int rc = gg_job_open_as(&m, path, flags, &hf, &found, err);
    if (found.n > 1 || (rc == GG_OK && found.n > 0)) /* a single fault is what err says */
        gg_msg_findings(&d->env->msg, path, &found, 0);
    gg_findings_free(&found);
    d->models[i] = m;
    rc = settle_cut(d, i, rc, err);
    if (rc == GG_OK && !d->cut[i] && !d->o->header_only)
        rc = gg_model_require_sound(m, err);
    if (rc == GG_OK)
        gg_describe(&d->desc[i], m);
    return rc;
}

static void close_all(struct diff *d)
{
    for (size_t i = 0; d->models != NULL && i < d->n_models; i++) {
        gg_model_free((struct gg_model *)d->models[i]);
        d->models[i] = NULL;
    }
}

static int open_all(struct diff *d, char **argv, const char *arch, struct gg_err *err)
{
    for (size_t i = 0; i < d->n_models; i++) {
        int rc = open_one(d, i, argv[i], arch, err);
        if (rc != GG_OK)
            return rc;
    }
    return GG_OK;
}

/* Checkpoints of architectures unknown here still compare with each other, under their own names. */
static bool all_checkpoints(const struct diff *d, char **argv)
{
    for (size_t i = 0; i < d->n_models; i++) {
        if (!gg_stored_is_checkpoint(argv[i]))
            return false;
    }
    return true;
}

int diff_open(struct diff *d, int argc, char **argv, struct gg_err *err)
{
    d->n_models = (size_t)argc;
    d->n_others = d->n_models - 1;
    d->models = gg_arena_zalloc(&d->mem, d->n_models, sizeof *d->models);
    d->labels = gg_arena_zalloc(&d->mem, d->n_models, sizeof *d->labels);
    d->desc = gg_arena_zalloc(&d->mem, d->n_models, sizeof *d->desc);
    d->cut = gg_arena_zalloc(&d->mem, d->n_models, sizeof *d->cut);
    if (d->models == NULL || d->labels == NULL || d->desc == NULL || d->cut == NULL ||
        !label_all(d, argv))
        return gg_fail_nomem(err, "the list of models");
    int rc = open_all(d, argv, d->o->arch, err);
    if (rc == GG_ERR_UNSUPPORTED && d->o->arch == NULL && all_checkpoints(d, argv)) {
        gg_msg_note(&d->env->msg, "%s", err->msg);
        gg_msg_note(&d->env->msg, "so tensors are compared under the names they have");
        close_all(d);
        rc = open_all(d, argv, "raw", err);
    }
    return rc;
}

const char *diff_type_name(const struct diff *d, size_t model, char tmp[32])
{
    const struct gg_desc *x = &d->desc[model];
    return gg_ftype_name(x->has_ftype ? x->ftype : gg_ftype_found(x), tmp);
}

void diff_free(struct diff *d)
{
    for (size_t m = 0; d->others != NULL && m < d->n_others; m++)
        gg_meta_diff_free(&d->others[m].meta);
    close_all(d);
    gg_match_free(&d->match);
    gg_imatrix_free(d->imatrix);
    gg_pattern_free(d->only);
    gg_arena_free(&d->mem);
}
