/* Archives: which file, which store of members, which path in it. */
#ifndef GG_ARCHIVE_H
#define GG_ARCHIVE_H

#include "lib/import/recognise.h"
#include "lib/import/store.h"

/* The members of the archive `in` (a zip, a tar, something compressed) as a store that owns in,
 * also when this fails. name: the archive as the user named it. */
GG_MUST_CHECK int gg_store_open_archive(struct gg_store **out, struct gg_input *in,
                                        enum gg_kind kind, const char *name, struct gg_err *err);

/* The GGUF file in an archive, which path names (ARCHIVE:PATH) or which is the only one in it.
 * *out, NULL when path is no archive (but a file, a pipe, a PyTorch checkpoint...), owns the
 * archive. */
GG_MUST_CHECK int gg_archive_open_gguf(struct gg_input **out, const char *path, struct gg_err *err);

/* Opens path if it is an archive of files; *out is NULL when it is something else, as PyTorch
 * checkpoints and npz files are. */
GG_MUST_CHECK int gg_archive_open(struct gg_store **out, const char *path, struct gg_err *err);

/* Splits "ARCHIVE:PATH" at the first colon before which an existing regular file is named: *n is
 * its length. False: there is none. */
bool gg_archive_split(const char *path, size_t *n);

#endif
