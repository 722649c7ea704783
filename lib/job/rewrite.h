/* Rewrite: a GGUF file with another header and the same data, where it stands if the header fits.
 *
 * The data keeps its place when the new header ends in the last alignment step before it. What is
 * too short is filled up with the key "ggtool.padding", a text of blanks which readers of GGUF pass
 * over; later edits live on it (slack). A second one, "ggtool.padding.front", stands before the first
 * large value, the vocabulary as a rule: while what is before it can grow and shrink there, the
 * megabytes behind need not be moved. What is too long needs a copy: new header, then the old data as
 * it is, by reflink where the file system can, else by copy_file_range.
 */
#ifndef GG_JOB_REWRITE_H
#define GG_JOB_REWRITE_H

#include "gguf/gguf.h"
#include "lib/cli/progress.h"
#include "lib/sys/sink.h"

#define GG_PADDING_KEY "ggtool.padding"
#define GG_PADDING_FRONT_KEY "ggtool.padding.front"
bool gg_is_padding(struct ggf_str key);

struct gg_rewrite_opts {
    bool copy;      /* never in place */
    bool clones;    /* a copy can share blocks: put the data where it can */
    bool set_slack; /* leave `slack` bytes at least at the end, 0: none at all; else what there was, or
                       what comes */
    uint64_t slack;
};

struct gg_rewrite {
    char *header; /* with slack and padding: all before the data */
    size_t header_nbytes;
    char *before; /* the bytes of the file in its place */
    uint64_t data_off, data_nbytes; /* of the old file: what is kept behind the header */
    uint64_t n;        /* bytes to be written in place, from first on; 0: none differ */
    size_t first;
    uint64_t slack;    /* blanks in the padding keys */
    bool in_place;
    const char *why_not; /* when not: a phrase */
};

/* Plans it, for the open file fd whose header is f: meta and names (NULL: the same) say what is to be
 * in it. meta gets or loses padding keys. Errors: those of ggf_file_rewrite; GG_ERR_IO. */
GG_MUST_CHECK int gg_rewrite_plan(struct gg_rewrite *out, const struct ggf_file *f, int fd,
                                  struct ggf_meta *meta, const struct ggf_str *names,
                                  const struct gg_rewrite_opts *opts, struct gg_err *err);
void gg_rewrite_free(struct gg_rewrite *r); /* takes a zeroed one */

/* Changes the file where it stands (lib/sys/patch.h); for one that is in_place. */
GG_MUST_CHECK int gg_rewrite_apply(const struct gg_rewrite *r, const char *path,
                                   struct gg_err *err);
/* True when a copy's data lies in its blocks as it did, so that they can be shared. */
bool gg_rewrite_clones(const struct gg_rewrite *r);
/* Bytes of the file as a copy, and the copying, from fd; the sink is still to be finished. progress
 * (may be NULL) is told now and then how many bytes more are done. */
uint64_t gg_rewrite_nbytes(const struct gg_rewrite *r);
GG_MUST_CHECK int gg_rewrite_copy(const struct gg_rewrite *r, int fd, struct gg_sink *to,
                                  struct gg_progress *progress, struct gg_err *err);

#endif
