/* Store: named streams of bytes that belong together: the files of a folder, the members of an
 * archive.
 *
 * Names are plain text as stored, '/' between folders. Not for several threads; the inputs it opens
 * are.
 */
#ifndef GG_STORE_H
#define GG_STORE_H

#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "lib/sys/input.h"

#include <stdbool.h>

struct gg_store;

struct gg_member {
    const char *name;
    uint64_t nbytes;
    uint64_t where; /* the store's own: an offset, a rank */
    unsigned flags; /* the store's own */
};

struct gg_store_ops {
    int (*open)(struct gg_store *s, size_t i, const char *shown, struct gg_input **out,
                struct gg_err *err);
    /* Looks once more for a name that is not in the list, and adds it. May be NULL. */
    size_t (*look)(struct gg_store *s, const char *name);
    /* Adds the files of a folder below that is not in the list, if there is one. May be NULL. */
    int (*list)(struct gg_store *s, const char *folder, struct gg_err *err);
    void (*free)(struct gg_store *s);
    /* How often a packed stream was started. May be NULL. */
    unsigned (*n_passes)(const struct gg_store *s);
};

struct gg_store {
    const struct gg_store_ops *ops;
    char *prefix;    /* before a member's name in messages: "models/llama/", "model.tar.gz:" */
    bool sequential; /* members are best read in the order of the list, each from start to end */
    struct gg_member *members;
    size_t n, cap;
    size_t n_links; /* passed over: links in an archive */
    struct gg_map by_name;
    struct gg_arena mem;
    struct gg_input *in; /* owned, freed last; may be NULL */
};

/* The regular files of a folder ("" is the current one), sorted by name. With list false nothing is
 * listed; members are found by name as they are asked for. */
GG_MUST_CHECK int gg_store_open_folder(struct gg_store **out, const char *path, bool list,
                                       struct gg_err *err);
void gg_store_free(struct gg_store *s); /* takes NULL; after all its inputs */

/* Sees to it that the files of a folder ("a/b/") below the store's own are among the members. */
GG_MUST_CHECK int gg_store_list(struct gg_store *s, const char *folder, struct gg_err *err);
/* Index of a member, or SIZE_MAX. */
size_t gg_store_find(struct gg_store *s, const char *name);
GG_MUST_CHECK int gg_store_open_member(struct gg_store *s, size_t i, struct gg_input **out,
                                       struct gg_err *err);
/* The member's name with the store's, escaped, for messages; lives as long as the store. NULL: no
 * memory. */
const char *gg_store_shown(struct gg_store *s, const char *name);

/* For stores: appends a member (name is copied) and enters it into by_name. A name that is there
 * already is corrupt. */
GG_MUST_CHECK int gg_store_add(struct gg_store *s, const char *name, size_t name_nbytes,
                               const struct gg_member *m, struct gg_err *err);
/* Fills what all stores have. */
GG_MUST_CHECK int gg_store_init(struct gg_store *s, const struct gg_store_ops *ops,
                                const char *prefix, struct gg_err *err);

#endif
