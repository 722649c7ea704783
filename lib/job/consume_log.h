/* What a consuming copy writes down. Private to lib/job/consume*.c.
 *
 *     begin   what becomes of what: digest, sources, targets
 *     cut     all of a source behind an offset is verified in the outputs (before it is cut there)
 *     moved   all of it is; names, and the end of the sources, are left to do
 */
#ifndef GG_CONSUME_LOG_H
#define GG_CONSUME_LOG_H

#include "lib/base/arena.h"
#include "lib/job/consume.h"
#include "lib/job/job.h"
#include "lib/sys/digest.h"
#include "lib/sys/journal.h"

struct gg_consume_source {
    const char *path; /* absolute */
    uint64_t dev, ino, nbytes;
    uint64_t cut; /* the last noted, nbytes: none */
};

struct gg_consume_target {
    const char *path; /* absolute; its content is at path.ggtool-part until it gets its name */
    uint64_t nbytes;
};

struct gg_consume_log {
    uint8_t digest[GG_DIGEST_NBYTES]; /* of the plan */
    struct gg_consume_source *sources;
    size_t n_sources;
    struct gg_consume_target *targets;
    size_t n_targets;
    bool cut; /* there is one */
    bool moved;
    struct gg_arena mem;
};

/* Reads all records; without any, *log says that nothing was done. */
GG_MUST_CHECK int gg_consume_log_read(struct gg_consume_log *log, struct gg_journal *j,
                                      struct gg_err *err);
void gg_consume_log_free(struct gg_consume_log *log); /* takes a zeroed one */

/* Each is durable on return. */
GG_MUST_CHECK int gg_consume_log_begin(struct gg_journal *j, const struct gg_consume_log *log,
                                       struct gg_err *err);
GG_MUST_CHECK int gg_consume_log_cut(struct gg_journal *j, size_t source, uint64_t end,
                                     struct gg_err *err);
GG_MUST_CHECK int gg_consume_log_moved(struct gg_journal *j, struct gg_err *err);

/* For one without a cut: removes what the targets have of content, then the journal. */
GG_MUST_CHECK int gg_consume_log_undo(const struct gg_consume_log *log, struct gg_journal *j,
                                      struct gg_err *err);
/* Names the targets, removes the sources, then the journal. */
GG_MUST_CHECK int gg_consume_log_settle(const struct gg_consume_log *log, struct gg_journal *j,
                                        bool force, struct gg_err *err);

#endif
