/* Checkpoint: the tensors and side files of a foreign model, as stored.
 *
 * safetensors (one file or indexed), PyTorch zip checkpoints (one or indexed), npz/npy, each on
 * disk or inside an archive. Names, dtypes and shapes are the source's own; lib/hf gives them GGUF
 * names.
 */
#ifndef GG_CHECKPOINT_H
#define GG_CHECKPOINT_H

#include "lib/base/err.h"
#include "lib/base/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gg_dtype { /* rows of one table: name in each format, bytes, GGUF type, widening */
                GG_DT_F64,
                GG_DT_F32,
                GG_DT_F16,
                GG_DT_BF16,
                GG_DT_I64,
                GG_DT_I32,
                GG_DT_I16,
                GG_DT_I8,
                GG_DT_U64,
                GG_DT_U32,
                GG_DT_U16,
                GG_DT_U8,
                GG_DT_BOOL,
                GG_DT_F8_E4M3,
                GG_DT_F8_E5M2,
                GG_DT_F8_E8M0,
                GG_DT_F8_E4M3FNUZ,
                GG_DT_F8_E5M2FNUZ,
                GG_DT_F6_E2M3, /* four values in three bytes, the first in the low bits */
                GG_DT_F6_E3M2,
                GG_DT_F4, /* two values a byte, low nibble first */
                GG_DT_COUNT, /* of what is stored */
                GG_DT_MXFP4, /* GGUF's blocks, put together from several stored tensors */
                GG_DT_NVFP4,
                GG_DT_END
};

enum { GG_CKPT_MAX_DIMS = 8 };

struct gg_ckpt_tensor {
    const char *name;
    size_t name_nbytes;
    enum gg_dtype dtype;
    unsigned n_dims;
    uint64_t
        shape[GG_CKPT_MAX_DIMS]; /* slowest dimension first, as PyTorch and safetensors write it */
    uint64_t nelems;
    uint64_t nbytes; /* of the contiguous tensor */
    uint32_t file;   /* index of the file it lies in */
    uint64_t pos;    /* where in it: reading in the order of (file, pos) never goes back */
    /* Of one that is made of several (packed.h): a short name of how it is stored; NULL: as it is. */
    const char *origin;
    uint64_t stored_nbytes; /* then: of all its parts */
    bool by_columns; /* its rows are stored as columns: many of them are read best in one go */
    float factor, input_factor; /* of NVFP4: what all values, and the inputs, are to be times */
    int turn; /* upstream takes it up before (-1) or after (1) all others */
};

struct gg_checkpoint;

/* Opens a file, a folder (its *.index.json, or the only model file in it), or ARCHIVE[:PATH]. All
 * headers are read and checked; no data. Missing and extra files and tensors are findings, all of
 * them before the call fails. */
GG_MUST_CHECK int gg_checkpoint_open(struct gg_checkpoint **out, const char *path,
                                     struct gg_findings *findings, struct gg_err *err);
/* The same, or the GGUF model that an archive holds instead: *model is set and *ckpt NULL. flags as in
 * gguf.h. */
struct gg_model;
GG_MUST_CHECK int gg_checkpoint_or_model(struct gg_checkpoint **ckpt, struct gg_model **model,
                                         const char *path, unsigned flags,
                                         struct gg_findings *findings, struct gg_err *err);
void gg_checkpoint_free(struct gg_checkpoint *c);

const char *gg_checkpoint_name(const struct gg_checkpoint *c);   /* as the user named it */
const char *gg_checkpoint_folder(const struct gg_checkpoint *c); /* in an archive: "" or "a/b/" */
const char *
gg_checkpoint_format(const struct gg_checkpoint *c); /* "safetensors", "PyTorch", "npz" */
size_t gg_checkpoint_n_tensors(const struct gg_checkpoint *c);
const struct gg_ckpt_tensor *gg_checkpoint_tensor(const struct gg_checkpoint *c, size_t i);
/* Index of the tensor of that name, or SIZE_MAX. */
size_t gg_checkpoint_find(const struct gg_checkpoint *c, const char *name);

/* True when data comes out of a compressed stream: then it is to be read in the order of (file,
 * pos), each tensor from its start to its end, give or take a few MiB; anything else is right, and
 * as slow as unpacking again from the start. */
bool gg_checkpoint_sequential(const struct gg_checkpoint *c);

/* How often a packed archive has been unpacked from its start so far: 1 for finding what it holds. */
unsigned gg_checkpoint_n_passes(const struct gg_checkpoint *c);

/* Files the tensors come from, for refusing an output that is an input: name within the folder or
 * archive; device and inode of the file or of the archive it is in. */
size_t gg_checkpoint_n_files(const struct gg_checkpoint *c);
const char *gg_checkpoint_file(const struct gg_checkpoint *c, size_t i, uint64_t *nbytes,
                               uint64_t *dev, uint64_t *ino);

/* Elements first .. first+n-1 of the tensor in its contiguous (row-major) order, little-endian, in
 * its own dtype (F4: n even). Short data is an error. Any thread. Strided tensors are gathered. */
GG_MUST_CHECK int gg_checkpoint_read(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n,
                                     void *dst, struct gg_err *err);
/* The elements will be read soon: advice to the kernel, and nothing when it cannot be given. */
void gg_checkpoint_will_need(struct gg_checkpoint *c, size_t i, uint64_t first, uint64_t n);
/* Where a contiguous tensor lies verbatim in a plain file; false when it does not. */
bool gg_checkpoint_extent(struct gg_checkpoint *c, size_t i, int *fd, uint64_t *off);

/* A side file beside the tensors (config.json, tokenizer.model...), malloc'd and NUL-terminated, at
 * most max_nbytes. *data is NULL with GG_OK when there is no such file. */
GG_MUST_CHECK int gg_checkpoint_side_file(struct gg_checkpoint *c, const char *name,
                                          size_t max_nbytes, char **data, size_t *nbytes,
                                          struct gg_err *err);

/* Side files in a folder ("a/") beside the tensors: finds them, then gives the first with that ending
 * in the order of names that comes after `after` (NULL to begin), as gg_checkpoint_side_file takes it;
 * NULL at the end. */
GG_MUST_CHECK int gg_checkpoint_side_list(struct gg_checkpoint *c, const char *folder,
                                          struct gg_err *err);
const char *gg_checkpoint_side_next(const struct gg_checkpoint *c, const char *folder,
                                    const char *ending, const char *after);

/* Adds the tensors of one more file beside them (gg_checkpoint_side_list has found it), each with prefix
 * before its name and a turn before all others. */
GG_MUST_CHECK int gg_checkpoint_join(struct gg_checkpoint *c, const char *name, const char *prefix,
                                     struct gg_err *err);

/* Facts of dtypes. */
const char *gg_dtype_name(enum gg_dtype t); /* safetensors' spelling */
uint64_t gg_dtype_nbits(enum gg_dtype t);
/* Elements that fill whole bytes together: 1, but 2 or 4 of those that share bytes. */
unsigned gg_dtype_unit(enum gg_dtype t);
bool gg_dtype_is_float8(enum gg_dtype t);
uint32_t gg_dtype_qtype(enum gg_dtype t); /* GGUF type of the same bytes; QT_NONE: none */
/* n elements of a dtype to float, exactly where float can hold them. */
void gg_dtype_to_f32(float *dst, const void *src, enum gg_dtype t, size_t n);

#endif
