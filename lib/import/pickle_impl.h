/* The inside of the pickle machine: pickle_ops.c has the opcodes, pickle_torch.c the globals. */
#ifndef GG_PICKLE_IMPL_H
#define GG_PICKLE_IMPL_H

#include "lib/base/arena.h"
#include "lib/base/num.h"
#include "lib/import/pickle.h"

enum gg_pk_kind {
    GG_PK_NONE,
    GG_PK_BOOL,
    GG_PK_INT,
    GG_PK_STR,
    GG_PK_TUPLE,
    GG_PK_LIST,
    GG_PK_DICT, /* items: key, value, key, value, ... */
    GG_PK_GLOBAL,
    GG_PK_STORAGE,
    GG_PK_TENSOR,
    GG_PK_OPAQUE /* a value nobody needs: floats, bytes, devices */
};

enum gg_pk_global {
    GG_PKG_TENSOR_V2,
    GG_PKG_TENSOR_V3,
    GG_PKG_FROM_TYPE,
    GG_PKG_PARAMETER,
    GG_PKG_ORDERED_DICT,
    GG_PKG_SIZE,
    GG_PKG_INERT_CALL, /* gives something opaque */
    GG_PKG_TYPE,       /* a class that is only mentioned */
    GG_PKG_STORAGE,    /* of dtype */
    GG_PKG_DTYPE
};

struct gg_pk_object {
    uint8_t kind;    /* enum gg_pk_kind */
    uint8_t what;    /* enum gg_pk_global */
    uint8_t dtype;   /* of a storage, a global for one or of a dtype */
    uint32_t n, cap; /* items; bytes of a text */
    union {
        int64_t i;
        const char *text; /* in the pickle */
        uint32_t *items;
        const struct gg_pk_storage *storage;
        struct gg_pickle_tensor *tensor;
    } v;
};

struct gg_pk_storage {
    const char *key;
    size_t key_nbytes;
    uint64_t nelems;
};

struct gg_pickle {
    const uint8_t *p;
    size_t nbytes, pos;
    size_t op_pos; /* of the opcode at work, for messages */
    struct gg_pk_object *objects;
    size_t n_objects, objects_cap;
    uint32_t *stack;
    size_t n_stack, stack_cap;
    uint32_t *marks;
    size_t n_marks, marks_cap;
    uint32_t *memo;          /* 0: empty, else object + 1 */
    size_t memo_cap, n_memo; /* n_memo: how many MEMOIZE has counted */
    struct gg_arena mem;
    struct gg_pickle_tensor **tensors; /* found, in order */
    size_t n_tensors, tensors_cap;
};

enum { GG_PK_MAX_OBJECTS = 2000000, GG_PK_MAX_STACK = 2000000 };

/* pickle_ops.c: the opcode at m->op_pos, whose operand begins at m->pos; and its name, or NULL. */
GG_MUST_CHECK int gg_pk_run_op(struct gg_pickle *m, struct gg_err *err);
const char *gg_pk_op_name(const struct gg_pickle *m);

/* Room for one more of n elements of `size` bytes in v, at most max. NULL: refused, *err filled. */
void *gg_pk_grow(struct gg_pickle *m, void *v, size_t n, size_t *cap, size_t size, size_t max,
                 const char *what, struct gg_err *err);
/* The stack. UINT32_MAX is pushed as the failure that made it. Nothing is seen or popped below the
 * topmost mark. */
GG_MUST_CHECK int gg_pk_push(struct gg_pickle *m, uint32_t o, struct gg_err *err);
GG_MUST_CHECK int gg_pk_pop(struct gg_pickle *m, uint32_t *o, struct gg_err *err);
GG_MUST_CHECK int gg_pk_top(struct gg_pickle *m, uint32_t *o, struct gg_err *err);
GG_MUST_CHECK int gg_pk_pop_mark(struct gg_pickle *m, size_t *first, struct gg_err *err);
/* A container of the values on the stack from `first` on, which are popped. */
GG_MUST_CHECK int gg_pk_push_items(struct gg_pickle *m, enum gg_pk_kind kind, size_t first,
                                   struct gg_err *err);

/* A new object; UINT32_MAX with *err filled when there can be none. The object array moves. */
uint32_t gg_pk_new(struct gg_pickle *m, enum gg_pk_kind kind, struct gg_err *err);
/* Appends to a list or dictionary. */
GG_MUST_CHECK int gg_pk_append(struct gg_pickle *m, uint32_t to, uint32_t item, struct gg_err *err);
/* A complaint about the opcode at work. */
int gg_pk_bad(const struct gg_pickle *m, enum gg_code code, struct gg_err *err, const char *fmt,
              ...) GG_PRINTF(4, 5);

/* The object a global stands for; refused by name when it is not known. */
GG_MUST_CHECK int gg_pk_global(struct gg_pickle *m, const char *module, size_t module_nbytes,
                               const char *name, size_t name_nbytes, uint32_t *out,
                               struct gg_err *err);
/* callable(*args) for the few we know. */
GG_MUST_CHECK int gg_pk_reduce(struct gg_pickle *m, uint32_t callable, uint32_t args, uint32_t *out,
                               struct gg_err *err);
/* What a persistent id stands for: a storage. */
GG_MUST_CHECK int gg_pk_persistent(struct gg_pickle *m, uint32_t id, uint32_t *out,
                                   struct gg_err *err);
/* Lists the tensors in the result. */
GG_MUST_CHECK int gg_pk_collect(struct gg_pickle *m, uint32_t root, size_t *dropped,
                                struct gg_err *err);

#endif
