/* Patch: some bytes of a file changed where they stand. Whatever interrupts it, the file can be
 * finished or undone afterwards.
 *
 * Old and new bytes go into the file's journal (journal.h) as one record, durable before the file is
 * touched; then the new bytes are written and made durable; then the journal goes. While there is a
 * journal with that record, each byte in the file is the old or the new one, so either can be had;
 * a file of which that is not true is not the one the journal was written for, and is left alone.
 *
 * Threads: one. Signals that end the process wait while a file is being changed.
 */
#ifndef GG_PATCH_H
#define GG_PATCH_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More cannot be changed in one go. */
#define GG_PATCH_MAX_NBYTES ((uint64_t)512 << 20)

/* Bytes that a change from before to after writes: runs of bytes that differ, not far apart; *first is
 * where the first one begins, n when there is none. */
uint64_t gg_patch_nbytes(const void *before, const void *after, size_t n, size_t *first);

/* Puts the n bytes `after` at off in place of `before`, which must stand there; what is the same in
 * both is not written. On failure the file
 * is as before, unless the message says that the journal stays. Errors: GG_ERR_IO; GG_ERR_ARG when a
 * journal is there already or the file is not as expected; GG_ERR_NOMEM. */
GG_MUST_CHECK int gg_patch_apply(const char *path, uint64_t off, const void *before,
                                 const void *after, size_t n, struct gg_err *err);

enum gg_patch_state {
    GG_PATCH_NONE,     /* no journal, or one that other work keeps */
    GG_PATCH_UNBEGUN,  /* a journal without records: the file was not touched */
    GG_PATCH_BEFORE,   /* recorded, and no byte changed */
    GG_PATCH_BETWEEN,  /* some bytes are old, some new: the file cannot be used */
    GG_PATCH_AFTER,    /* all bytes are new */
    GG_PATCH_STRANGER, /* the file is not the one the journal was written for */
};

struct gg_patch_pending {
    enum gg_patch_state state;
    uint64_t off, nbytes; /* of the bytes to be written: the first, and how many; not for NONE, UNBEGUN */
    bool settled;         /* by gg_patch_settle: nothing is pending any more */
};

/* What an interrupted (or, in another process, running) patch has left of the file. Changes
 * nothing. */
GG_MUST_CHECK int gg_patch_look(const char *path, struct gg_patch_pending *out, struct gg_err *err);
/* Finishes such a patch, or undoes it. *out says what was found. Where that cannot be written, a file
 * that is whole (BEFORE, AFTER, UNBEGUN) is no error, only not settled. Errors: GG_ERR_CORRUPT for a
 * STRANGER; GG_ERR_IO, with sys EBUSY while another process is at it. */
GG_MUST_CHECK int gg_patch_settle(const char *path, bool undo, struct gg_patch_pending *out,
                                  struct gg_err *err);

#endif
