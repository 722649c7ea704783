/* Any path as a model. */
#include "lib/hf/hf.h"
#include "lib/job/job.h"
#include "lib/job/stored.h"

int gg_job_open_any(struct gg_model **out, const char *path, unsigned flags,
                    const struct gg_hf_opts *hf, struct gg_findings *found, struct gg_err *err)
{
    struct gg_checkpoint *ckpt = NULL;
    static const struct gg_hf_opts none;
    *out = NULL;
    if (!gg_stored_is_checkpoint(path))
        return gg_job_open(out, path, flags, err);
    int rc = gg_checkpoint_open(&ckpt, path, found, err);
    return rc == GG_OK ? gg_hf_open(out, ckpt, hf != NULL ? hf : &none, err) : rc;
}
