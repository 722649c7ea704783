/* Importance matrices made of others: merged, converted, cut down, renamed.
 *
 * Sums and counts are added as llama-imatrix (2026-08-21) adds those of several --in-file: in the
 * order of the files, in float, a legacy file's values taken times the tokens of a chunk. A count that
 * stands for a whole stack counts for each expert. Nothing is held in memory but names and counts.
 */
#ifndef GG_IMATRIX_MIX_H
#define GG_IMATRIX_MIX_H

#include "lib/base/arena.h"
#include "lib/base/finding.h"
#include "lib/plan/imatrix.h"
#include "lib/sys/sink.h"

enum gg_imatrix_format { GG_IMATRIX_GGUF, GG_IMATRIX_LEGACY };

struct gg_imatrix_mix_opts {
    enum gg_imatrix_format format;
    uint32_t chunk_size; /* tokens in a chunk; 0: what an input says, 512 when none does */
    double scale;        /* sums and counts times this: how much they weigh in a later merge; 1 */
    /* NULL: all entries; else those for which it is true. */
    bool (*keep)(void *ctx, const char *name);
    /* NULL: none; else the new name, from mem where it is made. NULL: no memory. */
    const char *(*rename)(void *ctx, struct gg_arena *mem, const char *name);
    void *ctx;
};

struct gg_imatrix_mix;

/* Everything is decided here; inputs outlive the mix. Errors: GG_ERR_ARG for entries that do not go
 * together (other widths, other numbers of experts), two of one name after renaming, nothing left,
 * names too long for GGUF. */
GG_MUST_CHECK int gg_imatrix_mix_new(struct gg_imatrix_mix **out, const struct gg_imatrix *const *in,
                                     size_t n_in, const struct gg_imatrix_mix_opts *opts,
                                     struct gg_err *err);
void gg_imatrix_mix_free(struct gg_imatrix_mix *m); /* takes NULL */

uint64_t gg_imatrix_mix_nbytes(const struct gg_imatrix_mix *m); /* of the file to be */
size_t gg_imatrix_mix_n_entries(const struct gg_imatrix_mix *m);
/* What the format cannot hold, experts without data, what was left out. */
const struct gg_findings *gg_imatrix_mix_findings(const struct gg_imatrix_mix *m);

/* Writes it all, in order of offset. */
GG_MUST_CHECK int gg_imatrix_mix_write(struct gg_imatrix_mix *m, struct gg_sink *sink,
                                       struct gg_err *err);

#endif
