/* Journal: a log of what is being done to a file, beside it, so that work cut short by a crash can
 * be finished or undone later.
 *
 * It is `.NAME.ggtool-journal` in the folder of the target (behind all links; the last 24 bytes of a
 * name over 200 bytes are replaced by a digest of it). It begins with a magic number; then come
 * records of a kind, a length, the data and a SHA-256 of all that and of the record's place, so that
 * a record half written, or one of an older journal, is not one: reading ends at the last whole one.
 *
 * What is appended is safe against a killed process at once, against a power cut after
 * gg_journal_sync. The order of things is the caller's: append, sync, then touch the target; make the
 * target durable, then remove the journal. A journal is never removed by itself, not by signals or
 * gg_journal_free either.
 *
 * While an object exists that may write, the journal is locked (flock): a second process is told so
 * and does not mistake work in progress for work that was cut short.
 *
 * Threads: one at a time. Errors: GG_ERR_IO, GG_ERR_NOMEM unless said otherwise; messages name the
 * journal or the target.
 */
#ifndef GG_JOURNAL_H
#define GG_JOURNAL_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gg_journal;

/* The journal's path for a target, malloc'd; NULL when out of memory. The target need not exist. */
char *gg_journal_path_for(const char *target);
/* True when there is one, whatever it holds. */
bool gg_journal_exists(const char *target);

/* Begins a journal for target and locks it. GG_ERR_ARG when one is there already: open it first. */
GG_MUST_CHECK int gg_journal_create(struct gg_journal **out, const char *target,
                                    struct gg_err *err);

enum gg_journal_mode {
    GG_JOURNAL_LOOK,  /* read only, no lock: it may belong to a process at work */
    GG_JOURNAL_WRITE, /* locked; appending cuts off what is no whole record first */
};
/* Opens the one that is there; *out is NULL, and the answer GG_OK, when there is none. GG_ERR_IO with
 * sys EBUSY when another process has it locked; GG_ERR_CORRUPT when it is no journal of ours. */
GG_MUST_CHECK int gg_journal_open(struct gg_journal **out, const char *target,
                                  enum gg_journal_mode mode, struct gg_err *err);
/* Closes and unlocks; the file stays. Takes NULL. */
void gg_journal_free(struct gg_journal *j);

const char *gg_journal_path(const struct gg_journal *j);

/* Appends one record; kind means what the caller wants. */
GG_MUST_CHECK int gg_journal_append(struct gg_journal *j, uint32_t kind, const void *data,
                                    size_t nbytes, struct gg_err *err);
/* Makes all that was appended durable, the first time its name too. */
GG_MUST_CHECK int gg_journal_sync(struct gg_journal *j, struct gg_err *err);

/* The next record, from the first on; data is replaced. *more is false, and the rest untouched, behind
 * the last whole one. Records over 2 GiB are taken for broken ones. */
GG_MUST_CHECK int gg_journal_next(struct gg_journal *j, uint32_t *kind, struct gg_buf *data,
                                  bool *more, struct gg_err *err);
void gg_journal_rewind(struct gg_journal *j);

/* Takes the journal away, for good: nothing is left to be done. Only for one that may write; it is
 * still to be freed. */
GG_MUST_CHECK int gg_journal_remove(struct gg_journal *j, struct gg_err *err);

#endif
