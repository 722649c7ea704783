/* Job: carries a plan out into files, all of them or none. */
#ifndef GG_JOB_H
#define GG_JOB_H

#include "lib/base/arena.h"
#include "lib/stream/stream.h"

/* For gg_job_open, beside the flags of gguf.h: the caller only looks, so that an interrupted edit of
 * the files is not finished, but becomes a finding. */
enum { GG_JOB_LOOK = 1 << 16 };
/* Foreign checkpoints are taken too, as the models they convert to (foreign.h): the model's set is NULL
 * then. */
enum { GG_JOB_FOREIGN = 1 << 17 };
/* Tensors of dialects are seen as what they are decoded to (gg_model_plain). */
enum { GG_JOB_PLAIN = 1 << 18 };
/* Or as their bytes (gg_model_moved). */
enum { GG_JOB_MOVED = 1 << 19 };
enum { GG_JOB_FLAGS = GG_JOB_LOOK | GG_JOB_FOREIGN | GG_JOB_PLAIN | GG_JOB_MOVED };

/* Opens a GGUF model: a file, any shard of a set, "-", or one in an archive, found by itself or named
 * ARCHIVE:PATH. flags as in gguf.h. An edit that was interrupted is finished first and becomes a note
 * among the model's findings (pending.h). */
GG_MUST_CHECK int gg_job_open(struct gg_model **out, const char *path, unsigned flags,
                              struct gg_err *err);

struct gg_hf_opts;
/* The same with GG_JOB_FOREIGN, where it is said how a checkpoint is to be converted, and findings about
 * its files go to found: of a checkpoint that cannot be opened, too. */
GG_MUST_CHECK int gg_job_open_as(struct gg_model **out, const char *path, unsigned flags,
                                 const struct gg_hf_opts *hf, struct gg_findings *found,
                                 struct gg_err *err);

struct gg_job {
    const struct gg_model *model;
    const struct gg_plan *plan;
    const char *const *paths;      /* where each output goes; "-": standard output */
    const char *const *not_inputs; /* NULL-terminated: other files read, never to be a target; or NULL */
    bool force;
    bool sha256; /* also write PATH.sha256 beside each output */
    const struct gg_write_opts *write; /* codebooks and sha256 are filled in */
};

/* A file a job has written. */
struct gg_job_file {
    const char *path;
    uint64_t nbytes;
    char sha256[2 * GG_SHA256_NBYTES + 1]; /* "" unless asked for */
};

struct gg_job_result {
    struct gg_write_report report;
    struct gg_job_file **files; /* [output][file of the output] */
    struct gg_arena arena;
};

/* Opens a sink for each file, streams, makes everything durable, then names it all, last file first.
 * On failure no target has changed, except when naming itself fails half-way. *result is to be freed
 * also after a failure. Errors: GG_ERR_ARG for targets that cannot be (an input, an existing file,
 * several files into a pipe); those of gg_stream_write and of sinks. */
GG_MUST_CHECK int gg_job_run(const struct gg_job *job, struct gg_job_result *result,
                             struct gg_err *err);
void gg_job_result_free(struct gg_job_result *r); /* takes a zeroed one */

/* The path of file i of an output of n files that goes to `path`: itself unless sharded, then
 * PREFIX-00001-of-0000N.gguf, where PREFIX is path without .gguf and shard number. NULL: no memory. */
const char *gg_job_file_path(struct gg_arena *mem, const char *path, bool sharded, size_t i,
                             size_t n);

/* Writes a whole small file the way outputs are written: complete or not at all. */
GG_MUST_CHECK int gg_job_write_file(const char *path, const void *data, size_t nbytes, bool force,
                                    struct gg_err *err);
/* Refuses early what gg_job_write_file would refuse late: a file that is there already. */
GG_MUST_CHECK int gg_job_check_new(const char *option, const char *path, bool force,
                                   struct gg_err *err);

#endif
