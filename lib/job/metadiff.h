/* Metadata of two models, key by key: what came, what went, what changed and how. */
#ifndef GG_METADIFF_H
#define GG_METADIFF_H

#include "gguf/gguf.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/linediff.h"
#include "lib/cli/json.h"

enum gg_meta_change {
    GG_META_ADDED,
    GG_META_REMOVED,
    GG_META_VALUE,    /* another value, maybe of another type */
    GG_META_TYPE,     /* the same value in another type */
    GG_META_TEXT,     /* a text of several lines, or a long one */
    GG_META_ARRAY,    /* another count or other elements */
    GG_META_ORDER,    /* an array of the same elements in another order */
    GG_META_RENUMBER, /* the key differs by a number only, the value is the same */
    GG_META_CHANGES
};

enum { GG_META_FIRST = 3 };

struct gg_meta_entry {
    enum gg_meta_change change;
    const struct ggf_kv *a, *b; /* NULL where there is none */
    struct gg_line_diff lines;  /* of GG_META_TEXT */
    uint64_t n_differ;          /* elements of arrays at places both have */
    uint64_t first[GG_META_FIRST]; /* the first such places */
};

struct gg_meta_diff {
    struct gg_meta_entry *v; /* in the order of a; what came, last */
    size_t n;
    size_t n_by_change[GG_META_CHANGES];
    size_t n_same;
    bool reordered; /* keys that both have stand in another order */
    struct gg_arena mem;
};

/* Keys about shards (split.*) tell of files, not of the model, and are passed over. *out is to be
 * freed also after a failure (GG_ERR_NOMEM is the only one) and points into both. */
GG_MUST_CHECK int gg_meta_compare(struct gg_meta_diff *out, const struct ggf_meta *a,
                                  const struct ggf_meta *b, struct gg_err *err);
void gg_meta_diff_free(struct gg_meta_diff *d);

/* "added", "removed", "value", "type", "text", "array", "order", "renumbered" */
const char *gg_meta_change_name(enum gg_meta_change c);

/* Appends one line without its end that says what changed: "general.file_type  32 -> 15". */
void gg_meta_entry_text(struct gg_buf *out, const struct gg_meta_entry *e);
/* Of GG_META_TEXT: appends the hunks of a line diff. */
GG_MUST_CHECK int gg_meta_entry_lines(struct gg_buf *out, const struct gg_meta_entry *e,
                                      size_t context, struct gg_err *err);
/* An array of {"key", "change", "a", "b"...} as docs/json.md has it. */
GG_MUST_CHECK int gg_meta_diff_json(struct gg_json *j, const char *key,
                                    const struct gg_meta_diff *d, struct gg_err *err);

#endif
