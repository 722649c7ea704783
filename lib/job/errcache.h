/* Error cache: what encoding tensors as types costs, kept in a file from run to run.
 *
 * A text, two kinds of lines after the first:
 *
 *     ggtool-errors 1
 *     data KEY DIGEST                what a tensor of a file, known by its identity, holds
 *     error KEY TYPE EE XX WEE WXX   the sums of gg_type_error; numbers as the bits of a double
 *
 * Keys and digests are XXH3-128 in hexadecimal. Keys say all that the answer hangs on, so that a file
 * serves any number of models; what does not fit is never found.
 */
#ifndef GG_JOB_ERRCACHE_H
#define GG_JOB_ERRCACHE_H

#include "lib/plan/target.h"

enum { GG_ERRCACHE_KEY = 16 };
struct gg_errcache;

/* Reads path; a file that is not there is empty. Errors: GG_ERR_CORRUPT for a file that is something
 * else, naming the line; GG_ERR_IO. */
GG_MUST_CHECK int gg_errcache_open(struct gg_errcache **out, const char *path, struct gg_err *err);
void gg_errcache_free(struct gg_errcache *c); /* takes NULL */
size_t gg_errcache_n_errors(const struct gg_errcache *c);

bool gg_errcache_get_data(const struct gg_errcache *c, const uint8_t key[GG_ERRCACHE_KEY],
                          uint8_t digest[GG_ERRCACHE_KEY]);
bool gg_errcache_get_error(const struct gg_errcache *c, const uint8_t key[GG_ERRCACHE_KEY],
                           uint32_t type, struct gg_type_error *out);
/* What is there already stays as it is. */
GG_MUST_CHECK int gg_errcache_add_data(struct gg_errcache *c, const uint8_t key[GG_ERRCACHE_KEY],
                                       const uint8_t digest[GG_ERRCACHE_KEY], struct gg_err *err);
GG_MUST_CHECK int gg_errcache_add_error(struct gg_errcache *c, const uint8_t key[GG_ERRCACHE_KEY],
                                        uint32_t type, const struct gg_type_error *e,
                                        struct gg_err *err);
/* Writes it back, whole or not at all, when something was added. */
GG_MUST_CHECK int gg_errcache_save(struct gg_errcache *c, struct gg_err *err);

#endif
