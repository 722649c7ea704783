#include "lib/job/foreign.h"

#include "lib/job/job.h"
#include "lib/job/kind.h"

/* As it would be converted; without opts, when only looking, else as it is stored. Takes the checkpoint
 * over. */
static int open_model(struct gg_model **out, struct gg_checkpoint *ckpt, const char *path,
                      const struct gg_hf_opts *opts, bool look, struct gg_err *err)
{
    static const struct gg_hf_opts none, raw = {.arch = "raw"};
    int rc = gg_hf_open(out, ckpt, opts != NULL ? opts : &none, err);
    if (rc == GG_OK || opts != NULL || !look || rc == GG_ERR_NOMEM)
        return rc;
    struct gg_err why = *err;
    rc = gg_checkpoint_open(&ckpt, path, NULL, err);
    if (rc == GG_OK)
        rc = gg_hf_open(out, ckpt, &raw, err);
    if (rc == GG_OK)
        gg_findings_add(&(*out)->findings, GG_WARN, "not-converted", NULL, 0, GG_NOWHERE,
                        "%s; shown with the names it has", why.msg);
    return rc;
}

int gg_foreign_open(struct gg_model **out, const char *path, unsigned flags,
                    const struct gg_hf_opts *opts, struct gg_findings *found, struct gg_err *err)
{
    struct gg_checkpoint *ckpt = NULL;
    enum gg_path_kind kind;
    *out = NULL;
    int rc = gg_path_kind(&kind, path, err);
    if (rc != GG_OK || kind == GG_PATH_GGUF)
        return rc;
    rc = gg_checkpoint_or_model(&ckpt, out, path, flags & (unsigned)~GG_JOB_LOOK, found, err);
    if (rc == GG_OK && ckpt != NULL)
        rc = open_model(out, ckpt, path, opts, (flags & GG_JOB_LOOK) != 0, err);
    return rc;
}
