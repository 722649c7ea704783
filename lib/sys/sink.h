/* Sink: an output file that is complete and correct, or not there.
 *
 * Bytes go to a temporary beside the target (O_TMPFILE when the target does not exist and the
 * filesystem can, else .NAME.ggtool-XXXXXX, O_EXCL); commit makes it durable and gives it its name.
 * What replaces a file gets its mode and, as far as the system lets us, its owner.
 * A sink that is freed uncommitted, a signal or an exit leaves the target as it was and no temporary
 * behind. "-" writes the same bytes to standard output in order.
 */
#ifndef GG_SINK_H
#define GG_SINK_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gg_sink;

struct gg_file_id {
    uint64_t dev, ino;
};

/* What becomes of the bytes until the file gets its name. */
enum gg_sink_part {
    GG_PART_NONE,  /* nothing is left of them without it */
    GG_PART_NEW,   /* they are in a file of their own, target GG_SINK_PART, that stays; a new one */
    GG_PART_THERE, /* the same, and it must be there from before, in its final size */
};
#define GG_SINK_PART ".ggtool-part"

struct gg_sink_opts {
    uint64_t nbytes; /* final size, allocated at once so that a full disk fails first; no part's */
    bool force;      /* replace an existing file */
    const struct gg_file_id *inputs; /* files that must not be the target */
    size_t n_inputs;
    enum gg_sink_part part;
    bool cloned;  /* most of it will be shared with clone_fd: if the file system can do that, no */
    int clone_fd; /* room is set aside */
};

/* Refused: a target that is one of inputs (also through links), an existing file without force, a
 * missing folder (named), a terminal for "-". */
GG_MUST_CHECK int gg_sink_open(struct gg_sink **out, const char *path, const struct gg_sink_opts *o,
                               struct gg_err *err);
/* Takes NULL; uncommitted: removes the temporary, but no part. */
void gg_sink_free(struct gg_sink *s);
void gg_sink_discard(struct gg_sink *s); /* removes a part, too; it is still to be freed */

const char *gg_sink_path(const struct gg_sink *s);
/* True for a pipe: writes must come in order of offset, and zeros between them are filled in. */
bool gg_sink_ordered(const struct gg_sink *s);

/* n bytes at off. Any thread, unless ordered. */
GG_MUST_CHECK int gg_sink_write(struct gg_sink *s, uint64_t off, const void *buf, size_t n,
                                struct gg_err *err);
/* n bytes from a file. Where both offsets lie alike in their blocks, or a server has the file, by
 * copy_file_range, whole blocks by themselves so that they can be shared; else by reading and writing. */
GG_MUST_CHECK int gg_sink_copy(struct gg_sink *s, uint64_t off, int from_fd, uint64_t from_off,
                               uint64_t n, struct gg_err *err);
/* Everything before off is written for good: start write-back, and drop it from the page cache
 * behind us. Advice; any thread, offsets may come in any order. */
void gg_sink_flush_behind(struct gg_sink *s, uint64_t off, uint64_t n);

/* Makes what was written so far durable. */
GG_MUST_CHECK int gg_sink_sync(struct gg_sink *s, struct gg_err *err);
/* Reads n bytes back, from the disk as far as the system lets us: what is durable is dropped from
 * the page cache before. Not for an ordered one. */
GG_MUST_CHECK int gg_sink_read_back(struct gg_sink *s, uint64_t off, void *buf, size_t n,
                                    struct gg_err *err);
/* Makes the content durable (fsync), without the final name yet. */
GG_MUST_CHECK int gg_sink_finish(struct gg_sink *s, struct gg_err *err);
/* Gives it its name (rename, or link for O_TMPFILE) and syncs the folder. After gg_sink_finish. For a
 * set: finish all, then name them last to first. */
GG_MUST_CHECK int gg_sink_commit(struct gg_sink *s, struct gg_err *err);

#endif
