/* Foreign: checkpoints seen as the models they convert to. */
#ifndef GG_JOB_FOREIGN_H
#define GG_JOB_FOREIGN_H

#include "lib/model/model.h"

/* Opens path when it is a folder, a file or an archive with a checkpoint, or an archive with a GGUF;
 * *out is NULL with GG_OK when it is none. flags: of gguf.h, and GG_JOB_LOOK: what cannot be converted
 * is shown under its own names, and why is a warning among the findings. */
GG_MUST_CHECK int gg_foreign_open(struct gg_model **out, const char *path, unsigned flags,
                                  struct gg_err *err);

#endif
