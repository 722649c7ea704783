/* Consume: carries out a plan that only copies while the input shrinks, for when there is no room
 * for both.
 *
 * The sources are taken from their ends, a window at a time:
 *
 *     source  |header|==================|  window  |        the output, PATH.ggtool-part
 *                                       ^ new end of the source
 *
 * the window is copied to its place, made durable, read back past the page cache and compared; the
 * new end is noted in the journal; then the source is cut there. So each byte is in the source or
 * verified in the output at any moment, a source that is begun is a file cut short to all who read
 * it, and its header is there until all is done. What was cut short, by whatever, goes on when it
 * is run again; before the first cut a failure leaves nothing behind. At the end outputs get their
 * names, sources are removed, and the journal last.
 */
#ifndef GG_CONSUME_H
#define GG_CONSUME_H

#include "lib/plan/plan.h"

enum { GG_CONSUME_WINDOW = 64 << 20 }; /* default of window_nbytes */

struct gg_consume_job {
    const struct gg_model *model; /* plain GGUF files; GGF_HEADER_ONLY when it goes on */
    const struct gg_plan *plan;   /* of one output, only copies */
    const char *path; /* of the output, or the prefix of its shards: the journal's target */
    bool force;
    uint64_t window_nbytes; /* 0: GG_CONSUME_WINDOW; halved when the disk has no room for it */
    void (*progress)(void *ctx, uint64_t done_nbytes, uint64_t total_nbytes);
    void *progress_ctx;
};

enum gg_consume_state {
    GG_CONSUME_NONE,
    GG_CONSUME_MOVING, /* goes on with gg_consume_run */
    GG_CONSUME_MOVED,  /* all data are in place: gg_consume_settle */
};

/* What an earlier run has left beside path. GG_ERR_IO when another process is at it, GG_ERR_CORRUPT
 * when the journal is of another command. */
GG_MUST_CHECK int gg_consume_look(const char *path, enum gg_consume_state *state,
                                  struct gg_err *err);

/* Begins or goes on. *begun: bytes have left the sources, so after a failure the outputs hold what
 * the sources lack. The signals of lib/sys/cleanup.h should be held: they are asked for between
 * windows. Errors: GG_ERR_ARG for outputs that cannot be, sources with several names, links,
 * another plan than it was begun with; GG_ERR_UNSUPPORTED for what is not verbatim in a file
 * (big-endian, in an archive); GG_ERR_CORRUPT for sources or outputs that are not as they were
 * left; GG_ERR_IO. */
GG_MUST_CHECK int gg_consume_run(const struct gg_consume_job *job, bool *begun, struct gg_err *err);

/* Gives names and cleans up, as often as it takes. */
GG_MUST_CHECK int gg_consume_settle(const char *path, bool force, struct gg_err *err);

#endif
