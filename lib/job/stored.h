/* Stored: the tensors of a GGUF model or of a foreign checkpoint as they are stored, seen alike; for
 * commands that care for bytes and names, not for what a model is made of. */
#ifndef GG_JOB_STORED_H
#define GG_JOB_STORED_H

#include "lib/base/arena.h"
#include "lib/import/checkpoint.h"
#include "lib/model/model.h"
#include "lib/quant/kernel.h"

struct gg_stored_tensor {
    struct ggf_str name;
    const char *type; /* "q4_K", "F8_E4M3", "unknown type 77" */
    uint32_t qtype;   /* GGUF type of the same bytes; QT_NONE: there is none */
    enum gg_dtype dtype; /* of a checkpoint */
    unsigned n_dims;
    uint64_t ne[GG_CKPT_MAX_DIMS]; /* fastest first, 1 behind n_dims */
    uint64_t nelems, nbytes;
    uint32_t unit_nelems, unit_nbytes; /* what can be read: a block, an element, a byte of two */
    uint64_t file_off; /* in a GGUF file */
    uint32_t file;     /* index into files */
    size_t index;      /* in the model or checkpoint */
    bool known;        /* its size is known, so that it can be read */
    bool decoded;      /* of a dialect, and read as what it is decoded to (GG_JOB_PLAIN) */
};

struct gg_stored_file {
    const char *name; /* as the set, the folder or the archive calls it */
    const char *path; /* where it can be opened (gg_stored_open_file); NULL: nowhere */
    uint64_t nbytes;
};

struct gg_stored {
    const char *name; /* as the user named it */
    const struct gg_stored_tensor *tensors; /* a model's in its order; a checkpoint's as its files have them */
    size_t n;
    const struct gg_stored_file *files;
    size_t n_files;
    const struct gg_model *model; /* NULL: a checkpoint */
    bool sequential; /* reads should come in order: a pipe, a packed archive */
    /* behind */
    struct gg_model *own_model;
    struct gg_checkpoint *ckpt;
    struct gg_arena mem;
};

/* True when path names, by its first bytes, a foreign checkpoint: a folder, safetensors, PyTorch, npz,
 * or an archive without a GGUF. Errors are left to whoever opens it: false then. */
bool gg_stored_is_checkpoint(const char *path);

/* Opens whatever path is: GGUF as gg_job_open, with flags (tensors of dialects are their bytes without
 * GG_JOB_PLAIN), else as gg_checkpoint_open, with its
 * findings (may be NULL for GGUF, whose model has its own). */
GG_MUST_CHECK int gg_stored_open(struct gg_stored **out, const char *path, unsigned flags,
                                 struct gg_findings *findings, struct gg_err *err);
/* The same of a model that is open already and now belongs to it, also on failure. */
GG_MUST_CHECK int gg_stored_of_model(struct gg_stored **out, struct gg_model *m, struct gg_err *err);
void gg_stored_free(struct gg_stored *s); /* takes NULL */

/* nbytes bytes of tensor i from byte off on, both multiples of unit_nbytes. Any thread. */
GG_MUST_CHECK int gg_stored_read(const struct gg_stored *s, size_t i, uint64_t off, size_t nbytes,
                                 void *dst, struct gg_err *err);
/* Tells the kernel that this will be read soon. */
void gg_stored_will_need(const struct gg_stored *s, size_t i, uint64_t off, uint64_t nbytes);
/* Is there a way to decode it? */
bool gg_stored_decodes(const struct gg_stored *s, size_t i, const struct qk_table *kernels);
/* n elements (whole units) of tensor i to float. */
void gg_stored_to_f32(const struct gg_stored *s, size_t i, const struct qk_table *kernels,
                      const void *src, size_t n, float *dst);
/* Opens a file of it, which has a path. */
GG_MUST_CHECK int gg_stored_open_file(struct gg_input **out, const struct gg_stored *s, size_t file,
                                      struct gg_err *err);

#endif
