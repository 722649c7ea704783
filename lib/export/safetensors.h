/* Safetensors out: the layout of one or several files, and their writing.
 *
 *     | u64: bytes of the header | header (JSON, padded to 8) | data of each tensor, in order |
 */
#ifndef GG_EXPORT_SAFETENSORS_H
#define GG_EXPORT_SAFETENSORS_H

#include "lib/sys/sink.h"

struct gg_st_tensor {
    const char *name; /* UTF-8, no two alike; NUL-terminated */
    const char *dtype; /* safetensors' spelling: "BF16" */
    unsigned n_dims;
    const uint64_t *ne; /* fastest first, as GGUF has them */
    uint64_t nbytes;
};

struct gg_st_opts {
    const char *path;    /* ends in .safetensors when there may be several files; "-": a pipe */
    uint64_t max_nbytes; /* of the data of a file, a larger tensor has a file of its own; 0: one file */
    bool force;
    const struct gg_file_id *inputs; /* files that must not be a target */
    size_t n_inputs;
};

struct gg_st_writer;

/* Lays everything out, opens the files (PREFIX-00001-of-0000N.safetensors and an index when there are
 * several) and writes the headers. The tensors are not kept. Errors: GG_ERR_CORRUPT
 * for a name that comes twice, GG_ERR_UNSUPPORTED for one that is not UTF-8, GG_ERR_LIMIT when sizes
 * overflow; those of sinks. */
GG_MUST_CHECK int gg_st_open(struct gg_st_writer **out, const struct gg_st_tensor *tensors, size_t n,
                             const struct gg_st_opts *o, struct gg_err *err);
/* n bytes of tensor i from its byte off on. Any thread and order, but for a pipe. */
GG_MUST_CHECK int gg_st_write(struct gg_st_writer *w, size_t i, uint64_t off, const void *buf,
                              size_t n, struct gg_err *err);
/* Makes all files durable and gives them their names, the index last. */
GG_MUST_CHECK int gg_st_commit(struct gg_st_writer *w, struct gg_err *err);
void gg_st_free(struct gg_st_writer *w); /* takes NULL; uncommitted: nothing is left behind */

size_t gg_st_n_files(const struct gg_st_writer *w);
const char *gg_st_path(const struct gg_st_writer *w, size_t file);

#endif
