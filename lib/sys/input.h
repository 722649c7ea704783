/* Input: bytes from a file, a pipe or memory, by offset. */
#ifndef GG_INPUT_H
#define GG_INPUT_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct gg_input;

/* Opens a path; "-" is standard input. Directories and devices that are not streams are refused by
 * name. Never blocks on a file that is not a pipe. */
GG_MUST_CHECK int gg_input_open(struct gg_input **out, const char *path, struct gg_err *err);
void gg_input_free(struct gg_input *in);

const char *gg_input_name(const struct gg_input *in);
uint64_t gg_input_nbytes(const struct gg_input *in); /* GG_NOWHERE for a pipe */
int gg_input_fd(const struct gg_input *in);
/* Device and inode; both 0 for a pipe. */
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
