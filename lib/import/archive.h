/* Archives: which file, which store of members, which path in it. */
#ifndef GG_ARCHIVE_H
#define GG_ARCHIVE_H

#include "lib/import/recognise.h"
#include "lib/import/store.h"
#include "lib/model/model.h"

/* The members of the archive `in` (a zip, a tar, something compressed) as a store that owns in,
 * also when this fails. name: the archive as the user named it. */
GG_MUST_CHECK int gg_store_open_archive(struct gg_store **out, struct gg_input *in,
                                        enum gg_kind kind, const char *name, struct gg_err *err);

/* The GGUF model in an archive: the file path names (ARCHIVE:PATH), or the only one in it, with the
 * other shards of its set. *out is NULL when path is no archive (but a file, a pipe, a PyTorch
 * checkpoint...). flags as in gguf.h. */
GG_MUST_CHECK int gg_archive_open_model(struct gg_model **out, const char *path, unsigned flags,
                                        struct gg_err *err);

/* The same of its one file, or first shard, as bytes; *out owns the archive. */
GG_MUST_CHECK int gg_archive_open_gguf(struct gg_input **out, const char *path, struct gg_err *err);

/* Which member is the GGUF model: the one called inner; with "" the only .gguf file or set of shards,
 * or the only member. */
GG_MUST_CHECK int gg_archive_find_gguf(struct gg_store *s, const char *inner, size_t *found,
                                       struct gg_err *err);
/* The model that begins in that member. Takes the store over, also on failure. */
GG_MUST_CHECK int gg_archive_gguf(struct gg_model **out, struct gg_store *s, size_t member,
                                  unsigned flags, struct gg_err *err);

/* Opens path if it is an archive of files; *out is NULL when it is something else, as PyTorch
 * checkpoints and npz files are. */
GG_MUST_CHECK int gg_archive_open(struct gg_store **out, const char *path, struct gg_err *err);

/* Splits "ARCHIVE:PATH" at the first colon before which an existing regular file is named: *n is
 * its length. False: there is none. */
bool gg_archive_split(const char *path, size_t *n);

#endif
