/* Kind: what a path names, by what it is and by its first bytes. */
#ifndef GG_JOB_KIND_H
#define GG_JOB_KIND_H

#include "lib/base/err.h"

enum gg_path_kind {
    GG_PATH_GGUF,       /* or nothing that is known */
    GG_PATH_ARCHIVE,    /* of anything; a PyTorch checkpoint and an npz are one, too */
    GG_PATH_CHECKPOINT, /* a folder, safetensors or its index, npy */
};

/* That it cannot be opened is left to whoever opens it: GG_PATH_GGUF then. Errors: it cannot be read. */
GG_MUST_CHECK int gg_path_kind(enum gg_path_kind *kind, const char *path, struct gg_err *err);

#endif
