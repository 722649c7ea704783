/* Survey: everything that is stored, read once: digests of tensors, model and files, and a look at
 * every block. What hash and verify are made of. */
#ifndef GG_JOB_SURVEY_H
#define GG_JOB_SURVEY_H

#include "lib/job/stored.h"
#include "lib/sys/digest.h"

struct gg_survey_opts {
    unsigned kinds;    /* a bit 1 << kind for each digest of tensor data, enum gg_digest_kind */
    bool no_layers;    /* of the model alone, not of its tensors */
    bool wrap_sha1;    /* SHA-1 and UUID see of a tensor the first nbytes mod 2^32 bytes alone, as those
                          of llama-gguf-hash do */
    bool files;        /* SHA-256 of each file that has a path, whole */
    bool deep;         /* look for scales and values that are NaN or infinite, and at the padding */
    const bool *skip;  /* by tensor: is not to be read (no digest of the model then); NULL: none */
    const struct qk_table *kernels; /* for deep */
    unsigned n_workers;             /* 0: gg_pool_default_workers() */
    uint64_t max_memory;            /* of buffers, bytes; 0: 64 MiB */
    void (*progress)(void *ctx, uint64_t done_nbytes, uint64_t total_nbytes); /* as the streams' */
    void *progress_ctx;
};

struct gg_survey_tensor {
    bool read;                           /* all of it was, so what follows holds */
    uint8_t (*digests)[GG_DIGEST_NBYTES]; /* by kind; NULL without layers. There is no UUID of a tensor */
    bool looked;         /* deep: there was something to look at (integers have none) */
    uint64_t n_bad;      /* blocks, or values of plain types, that are not finite */
    uint64_t first_elem; /* of the first: the element, or the first one of the block */
    float first_value;   /* NaN or infinite; 0 when the block is odd and yet decodes to numbers */
};

struct gg_survey_file {
    bool have_sha256;
    uint8_t sha256[GG_DIGEST_NBYTES];
    uint64_t n_dirty; /* bytes that are not zero where only padding should be */
    uint64_t first_dirty_off;
};

struct gg_survey {
    struct gg_survey_tensor *tensors; /* as the stored ones */
    struct gg_survey_file *files;
    uint8_t model[GG_DIGEST_COUNT][GG_DIGEST_NBYTES]; /* of all tensors' bytes, one after the other */
    uint64_t read_nbytes, wall_ns;
    struct gg_arena mem;
};

/* Reads. Digests of the model are over the tensors in the order of s->tensors, so that a set of shards
 * has that of its model in one file; bytes are little-endian. Tensors of unknown size are left out, as
 * if in skip. *out is to be freed also after a failure, and says nothing then. */
GG_MUST_CHECK int gg_survey_run(struct gg_survey *out, const struct gg_stored *s,
                                const struct gg_survey_opts *o, struct gg_err *err);
void gg_survey_free(struct gg_survey *v); /* takes a zeroed one */

#endif
