/* Manifest: digests that somebody wrote down, to be compared with.
 *
 * Lines of three forms, which may stand mixed; others, and those that begin with #, are passed over:
 *
 *     xxh64     f66e9cd66a4396a0  test.gguf:tensor_0   of llama-gguf-hash and ggtool hash: stored
 *     xxh64     7902be9eb4e28f18  test.gguf            data of a tensor, of a model
 *     <64 digits>  test.gguf                           of sha256sum (also " *NAME", "\" with escapes)
 *     SHA256 (test.gguf) = <64 digits>                 of shasum --tag and BSD: a file, whole
 *
 * Names of models are compared as they stand; failing that by their last component; and a manifest
 * that is about a single model is about the one it is held against, so that a model that was moved,
 * split or merged is still the same.
 */
#ifndef GG_JOB_MANIFEST_H
#define GG_JOB_MANIFEST_H

#include "lib/base/buf.h"
#include "lib/job/stored.h"
#include "lib/sys/digest.h"

struct gg_manifest;

enum gg_answer { GG_ANSWER_NONE, GG_ANSWER_MISMATCH, GG_ANSWER_OK };

/* Reads path ("-": standard input). GG_ERR_CORRUPT when no line is of a known form; GG_ERR_LIMIT over
 * 256 MiB. */
GG_MUST_CHECK int gg_manifest_read(struct gg_manifest **out, const char *path, struct gg_err *err);
/* The same from memory; name is for messages. */
GG_MUST_CHECK int gg_manifest_parse(struct gg_manifest **out, const void *text, size_t nbytes,
                                    const char *name, struct gg_err *err);
void gg_manifest_free(struct gg_manifest *m); /* takes NULL */

/* Which digests of stored data it has, a bit 1 << kind each; whether it has any of whole files. */
unsigned gg_manifest_kinds(const struct gg_manifest *m);
bool gg_manifest_has_files(const struct gg_manifest *m);

/* The name by which the manifest calls this model; NULL: it does not. Belongs to m. */
const char *gg_manifest_label(struct gg_manifest *m, const struct gg_stored *s);

/* Compares. label: as above; tensor: its name, NULL for the model. The first line of that name
 * decides. One thread. */
enum gg_answer gg_manifest_check(struct gg_manifest *m, enum gg_digest_kind kind, const char *label,
                                 const struct ggf_str *tensor, const uint8_t *digest);
/* The same for a whole file. */
enum gg_answer gg_manifest_check_file(struct gg_manifest *m, const char *path, const uint8_t *sha256);
/* Is there a line for the file? */
bool gg_manifest_knows_file(struct gg_manifest *m, const char *path);

/* Notes a GG_FAULT for each line about the model, of these kinds, that was never asked for: something
 * the model does not have. */
void gg_manifest_unasked(const struct gg_manifest *m, unsigned kinds, const char *label,
                         struct gg_findings *f);

/* Memory ran out while something was looked for: the answers so far cannot be relied on. */
bool gg_manifest_failed(const struct gg_manifest *m);

/* "NAME:TENSOR", or NAME, as manifests have it: what would not be safe on a terminal is escaped. */
void gg_manifest_name(struct gg_buf *out, const char *model, const struct ggf_str *tensor);

#endif
