#include "lib/job/foreign.h"

#include "lib/hf/hf.h"
#include "lib/import/archive.h"
#include "lib/job/job.h"

#include <string.h>
#include <sys/stat.h>

/* By what path is, or by its first bytes; that it cannot be opened is left to whoever opens it. */
static int is_foreign(const char *path, bool *foreign, struct gg_err *err)
{
    struct gg_input *in = NULL;
    enum gg_kind kind = GG_KIND_UNKNOWN;
    const char *alien;
    struct gg_err why;
    struct stat st;
    size_t n = strlen(path);
    *foreign = false;
    if (strcmp(path, "-") == 0)
        return GG_OK;
    if (stat(path, &st) != 0) {
        *foreign = gg_archive_split(path, &n);
        return GG_OK;
    }
    *foreign = S_ISDIR(st.st_mode);
    if (!S_ISREG(st.st_mode) || gg_input_open(&in, path, &why) != GG_OK)
        return GG_OK;
    int rc = gg_recognise(in, path, &kind, &alien, err);
    gg_input_free(in);
    *foreign = kind == GG_KIND_SAFETENSORS || kind == GG_KIND_ZIP || kind == GG_KIND_NPY ||
               kind == GG_KIND_TAR || kind == GG_KIND_COMPRESSED ||
               (kind == GG_KIND_JSON && n > 11 && strcmp(path + n - 11, ".index.json") == 0);
    return rc;
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
    bool look = (flags & GG_JOB_LOOK) != 0, foreign;
    *out = NULL;
    int rc = is_foreign(path, &foreign, err);
    if (rc != GG_OK || !foreign)
        return rc;
    rc = gg_checkpoint_or_model(&ckpt, out, path, flags & (unsigned)~GG_JOB_LOOK, &found, err);
    if (rc == GG_OK && ckpt != NULL)
        rc = open_model(out, ckpt, path, look, err);
    if (*out != NULL)
        gg_findings_append(&(*out)->findings, &found, NULL);
    gg_findings_free(&found);
    return rc;
}
