/* Input: bytes from a file, a pipe, a part of another input or anything read by offset. */
#ifndef GG_INPUT_H
#define GG_INPUT_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gg_input;

/* An input of another making: a member of a compressed archive. */
struct gg_input_ops {
    /* As gg_input_read. Any thread. */
    int (*read)(void *ctx, uint64_t off, void *buf, size_t n, size_t *got, struct gg_err *err);
    void (*free)(void *ctx); /* may be NULL */
};

/* Opens a path; "-" is standard input. Directories and devices that are not streams are refused by
 * name. Never blocks on a file that is not a pipe. */
GG_MUST_CHECK int gg_input_open(struct gg_input **out, const char *path, struct gg_err *err);
/* nbytes bytes of base (which lives longer, and holds them) from off on, as an input called name. */
GG_MUST_CHECK int gg_input_open_part(struct gg_input **out, struct gg_input *base, uint64_t off,
                                     uint64_t nbytes, const char *name, struct gg_err *err);
/* nbytes bytes that ops read out of base (NULL: out of no file). ctx is freed with the input, or at
 * once when this fails. */
GG_MUST_CHECK int gg_input_open_ops(struct gg_input **out, const struct gg_input_ops *ops,
                                    void *ctx, const struct gg_input *base, uint64_t nbytes,
                                    const char *name, struct gg_err *err);
/* Has the input release what it stands on, by fn(ctx), after itself. Once. */
void gg_input_own(struct gg_input *in, void (*fn)(void *ctx), void *ctx);
void gg_input_free(struct gg_input *in);

const char *gg_input_name(const struct gg_input *in);
uint64_t gg_input_nbytes(const struct gg_input *in); /* GG_NOWHERE for a pipe */
int gg_input_fd(const struct gg_input *in); /* -1 when there is no one file */
/* Where byte off lies in a plain file; false when the bytes are not verbatim in one. */
bool gg_input_extent(const struct gg_input *in, uint64_t off, int *fd, uint64_t *file_off);
/* Device and inode, of the base where there is one; both 0 for what is no file. */
void gg_input_id(const struct gg_input *in, uint64_t *dev, uint64_t *ino);

/* Up to n bytes at off to buf; *got < n only at the end of the input. Any thread for a file; for a
 * pipe offsets must not decrease and one thread only (bytes passed over are dropped). Reads are
 * restarted after EINTR and cut into bounded pieces. */
GG_MUST_CHECK int gg_input_read(struct gg_input *in, uint64_t off, void *buf, size_t n, size_t *got,
                                struct gg_err *err);
/* All n bytes, or GG_ERR_TRUNCATED naming offset and what is missing. */
GG_MUST_CHECK int gg_input_read_all(struct gg_input *in, uint64_t off, void *buf, size_t n,
                                    struct gg_err *err);
/* Tells the kernel that a range will be wanted soon, or not again. Advice only. */
void gg_input_will_need(struct gg_input *in, uint64_t off, uint64_t n);
void gg_input_done_with(struct gg_input *in, uint64_t off, uint64_t n);

#endif
