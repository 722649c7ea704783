/* What a file is, by its first bytes. */
#ifndef GG_RECOGNISE_H
#define GG_RECOGNISE_H

#include "lib/sys/input.h"

enum gg_kind {
    GG_KIND_UNKNOWN,
    GG_KIND_SAFETENSORS,
    GG_KIND_ZIP, /* a PyTorch checkpoint, an npz, or an archive of files */
    GG_KIND_NPY,
    GG_KIND_TAR,
    GG_KIND_COMPRESSED, /* gzip, zstd, xz, bzip2: of a tar, or of one file */
    GG_KIND_GGUF,
    GG_KIND_JSON,
    GG_KIND_ALIEN, /* known, and nothing that holds tensors for us: gg_kind_alien says what */
};

/* Looks at no more than 512 bytes. *alien, for GG_KIND_ALIEN, completes "FILE ..." and may advise
 * ("is an HTML page, not a model"); static storage. The ending of the name decides only where bytes
 * of a damaged safetensors file tell nothing. */
GG_MUST_CHECK int gg_recognise(struct gg_input *in, const char *name, enum gg_kind *kind,
                               const char **alien, struct gg_err *err);

#endif
