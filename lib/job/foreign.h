/* Foreign: checkpoints seen as the models they convert to. */
#ifndef GG_JOB_FOREIGN_H
#define GG_JOB_FOREIGN_H

#include "lib/hf/hf.h"

/* Opens path when it is a folder, a file or an archive with a checkpoint, or an archive with a GGUF;
 * *out is NULL with GG_OK when it is none. flags: of gguf.h, and GG_JOB_LOOK. opts: how it is to be
 * converted; NULL: by default, and with GG_JOB_LOOK what cannot be converted is shown under its own
 * names, and why is a warning among the model's findings. found: those about the checkpoint's files. */
GG_MUST_CHECK int gg_foreign_open(struct gg_model **out, const char *path, unsigned flags,
                                  const struct gg_hf_opts *opts, struct gg_findings *found,
                                  struct gg_err *err);

#endif
