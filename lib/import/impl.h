/* What the parts of lib/import share: the inside of a checkpoint and the readers of its formats. */
#ifndef GG_IMPORT_IMPL_H
#define GG_IMPORT_IMPL_H

#include "lib/import/checkpoint.h"
#include "lib/import/store.h"

struct gg_packed; /* packed_impl.h */

/* Where the elements of a tensor are. */
struct gg_ckpt_place {
    struct gg_input *in; /* the file's, or one the checkpoint owns */
    uint64_t off;        /* byte of element 0 */
    uint64_t pos;        /* the same counted from the start of the file, for the order in it */
    bool strided;        /* not row-major without gaps: strides say */
    bool swap;           /* big-endian */
    uint64_t strides[GG_CKPT_MAX_DIMS]; /* in elements */
    const struct gg_packed *packed; /* made of others: all else is empty; NULL: stored as it is */
};

struct gg_ckpt_file {
    const char *name;  /* in the store */
    const char *shown; /* for messages */
    struct gg_input *in;
    uint64_t nbytes;
};

struct gg_checkpoint {
    char *name;
    const char *format;
    struct gg_store *store;
    const char *folder;  /* within the store, where side files are: "" or "a/b/" */
    struct gg_arena mem; /* names */
    struct gg_ckpt_tensor *tensors;
    struct gg_ckpt_place *places;
    size_t n, cap; /* behind n: parts of packed ones */
    struct gg_ckpt_file *files;
    size_t n_files, files_cap;
    struct gg_input **inputs; /* owned besides the files' */
    size_t n_inputs, inputs_cap;
    struct gg_store **stores; /* members of a checkpoint that is an archive itself */
    size_t n_stores;
    struct gg_map by_name; /* tensor name -> index */
    bool sequential;
};

/* Appends a tensor. name must outlive the checkpoint (in mem). shape is checked and nelems and
 * nbytes are worked out from it; false-looking shapes are errors that name the tensor. */
GG_MUST_CHECK int gg_ckpt_add(struct gg_checkpoint *c, const struct gg_ckpt_tensor *t,
                              const struct gg_ckpt_place *p, struct gg_err *err);
/* nelems and nbytes from dtype and shape: checked dimension by dimension. */
GG_MUST_CHECK int gg_ckpt_measure(struct gg_ckpt_tensor *t, struct gg_err *err);

/* Reads the headers of one file and adds its tensors. Messages lack the file's name. */
GG_MUST_CHECK int gg_ckpt_load_safetensors(struct gg_checkpoint *c, uint32_t file,
                                           struct gg_err *err);

/* The same of a zip file that is a PyTorch checkpoint; *dropped counts tensors left out (of an
 * optimizer). zip must live as long as the checkpoint. */
GG_MUST_CHECK int gg_ckpt_load_torch(struct gg_checkpoint *c, uint32_t file, struct gg_store *zip,
                                     size_t *dropped, struct gg_err *err);
/* The member that makes a zip file one; SIZE_MAX: it is none. */
size_t gg_zip_torch_pickle(const struct gg_store *zip);

/* A .npy file, or a zip of them. */
GG_MUST_CHECK int gg_ckpt_load_npy(struct gg_checkpoint *c, uint32_t file, struct gg_err *err);
GG_MUST_CHECK int gg_ckpt_load_npz(struct gg_checkpoint *c, uint32_t file, struct gg_store *zip,
                                   struct gg_err *err);
bool gg_zip_is_npz(const struct gg_store *zip);

/* Lets the checkpoint own an input or a store; they are its own also when this fails. */
GG_MUST_CHECK int gg_ckpt_keep_input(struct gg_checkpoint *c, struct gg_input *in,
                                     struct gg_err *err);
GG_MUST_CHECK int gg_ckpt_keep_store(struct gg_checkpoint *c, struct gg_store *s,
                                     struct gg_err *err);

/* Elements first..first+n-1 of a strided tensor. */
GG_MUST_CHECK int gg_ckpt_gather(const struct gg_ckpt_tensor *t, const struct gg_ckpt_place *p,
                                 uint64_t first, uint64_t n, void *dst, struct gg_err *err);

#endif
