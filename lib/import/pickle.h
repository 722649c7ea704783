/* Pickle: finds the tensors in the pickle of a PyTorch checkpoint without running it.
 *
 * A machine of its own with a list of opcodes and of globals it knows; every other is refused by
 * name. Nothing is imported, called or executed: what a known global "returns" is a note about a
 * tensor. Size, objects, stack and memo are bounded.
 */
#ifndef GG_PICKLE_H
#define GG_PICKLE_H

#include "lib/import/checkpoint.h"

enum { GG_PICKLE_MAX_NBYTES = 64 << 20 };

struct gg_pickle_tensor {
    const char *name; /* NUL-terminated; keys of nested dictionaries joined with dots */
    size_t name_nbytes;
    enum gg_dtype dtype;
    unsigned n_dims;
    uint64_t shape[GG_CKPT_MAX_DIMS];
    uint64_t strides[GG_CKPT_MAX_DIMS]; /* in elements */
    uint64_t offset;                    /* of the first element, in elements */
    const char *storage;                /* key: the name of its member, not NUL-terminated */
    size_t storage_nbytes;
    uint64_t storage_nelems; /* of storage_dtype */
    enum gg_dtype storage_dtype;
};

struct gg_pickle;

/* Parses n bytes, which must live as long as the result. Errors name opcode and offset in the
 * pickle. A state dictionary wrapped in another one (key "state_dict", "model", ...) is unwrapped;
 * *dropped, which may be NULL, says how many tensors beside it (of an optimizer, say) are left out.
 */
GG_MUST_CHECK int gg_pickle_parse(struct gg_pickle **out, const void *p, size_t n, size_t *dropped,
                                  struct gg_err *err);
void gg_pickle_free(struct gg_pickle *m);
size_t gg_pickle_n_tensors(const struct gg_pickle *m);
const struct gg_pickle_tensor *gg_pickle_tensor(const struct gg_pickle *m, size_t i);

#endif
