#include "lib/job/foreign.h"

#include "lib/hf/hf.h"
#include "lib/import/archive.h"
#include "lib/job/job.h"

#include <string.h>
#include <sys/stat.h>

/* By what path is, or by its first bytes; errors are left to whoever opens it. */
static bool is_foreign(const char *path)
{
    struct gg_input *in = NULL;
    enum gg_kind kind = GG_KIND_UNKNOWN;
    const char *alien;
    struct gg_err err;
    struct stat st;
    size_t n = strlen(path);
    if (strcmp(path, "-") == 0)
        return false;
    if (stat(path, &st) != 0)
        return gg_archive_split(path, &n);
    if (S_ISDIR(st.st_mode))
        return true;
    if (!S_ISREG(st.st_mode) || gg_input_open(&in, path, &err) != GG_OK)
        return false;
    int rc = gg_recognise(in, path, &kind, &alien, &err);
    gg_input_free(in);
    return rc == GG_OK && (kind == GG_KIND_SAFETENSORS || kind == GG_KIND_ZIP || kind == GG_KIND_NPY ||
                           kind == GG_KIND_TAR || kind == GG_KIND_COMPRESSED ||
                           (kind == GG_KIND_JSON && n > 11 && strcmp(path + n - 11, ".index.json") == 0));
}

/* As it would be converted, or as it is stored. Takes the checkpoint over. */
static int open_model(struct gg_model **out, struct gg_checkpoint *ckpt, const char *path, bool look,
                      struct gg_err *err)
{
    struct gg_hf_opts opts = {0};
    int rc = gg_hf_open(out, ckpt, &opts, err);
    if (rc == GG_OK || !look || rc == GG_ERR_NOMEM)
        return rc;
    struct gg_err why = *err;
    rc = gg_checkpoint_open(&ckpt, path, NULL, err);
    opts.arch = "raw";
    if (rc == GG_OK)
        rc = gg_hf_open(out, ckpt, &opts, err);
    if (rc == GG_OK)
        gg_findings_add(&(*out)->findings, GG_WARN, "not-converted", NULL, 0, GG_NOWHERE,
                        "%s; shown with the names it has", why.msg);
    return rc;
}

int gg_foreign_open(struct gg_model **out, const char *path, unsigned flags, struct gg_err *err)
{
    struct gg_findings found = GG_FINDINGS_INIT;
    struct gg_checkpoint *ckpt = NULL;
    bool look = (flags & GG_JOB_LOOK) != 0;
    *out = NULL;
    if (!is_foreign(path))
        return GG_OK;
    int rc = gg_checkpoint_or_model(&ckpt, out, path, flags & (unsigned)~GG_JOB_LOOK, &found, err);
    if (rc == GG_OK && ckpt != NULL)
        rc = open_model(out, ckpt, path, look, err);
    if (*out != NULL)
        gg_findings_append(&(*out)->findings, &found, NULL);
    gg_findings_free(&found);
    return rc;
}
