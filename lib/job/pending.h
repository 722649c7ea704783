/* Pending: what an edit that was interrupted has left of a model's files (see lib/sys/patch.h). */
#ifndef GG_JOB_PENDING_H
#define GG_JOB_PENDING_H

#include "lib/base/finding.h"

enum gg_pending_how {
    GG_PENDING_LOOK,   /* only say it */
    GG_PENDING_FINISH, /* write what is not written yet */
    GG_PENDING_UNDO,   /* write back what was */
};

/* Does that for path and, where it is named like a shard, for the other shards of its set. Findings:
 *   edit-pending   an edit was interrupted; GG_FAULT, and GG_WARN where it was to be finished, may not
 *                  be, and the header is whole all the same
 *   edit-settled   GG_NOTE: it was finished or undone now
 *   pending        when looked at: another change (GG_FAULT), or one that was not begun (GG_WARN)
 * Files that are not there, pipes and members of archives have none. Errors: those of gg_patch_settle;
 * when looked at, none but GG_ERR_NOMEM. */
GG_MUST_CHECK int gg_pending(const char *path, enum gg_pending_how how, struct gg_findings *findings,
                             struct gg_err *err);

#endif
