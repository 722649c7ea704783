/* What opening a checkpoint is made of. */
#ifndef GG_IMPORT_OPEN_H
#define GG_IMPORT_OPEN_H

#include "lib/import/impl.h"
#include "lib/import/json.h"
#include "lib/import/recognise.h"

struct gg_wanted { /* a file of the checkpoint */
    size_t member; /* in the store */
    bool bad;      /* could not be read */
};

struct gg_opening {
    struct gg_checkpoint *c;
    struct gg_model **model; /* where a GGUF found instead goes; NULL: not wanted */
    unsigned flags;          /* of it */
    struct gg_findings *findings;
    size_t n_faults_before; /* of an earlier user of the list */
    struct gg_wanted *wanted;
    size_t n_wanted, wanted_cap;
    json_t *index;            /* owner of weight_map */
    const json_t *weight_map; /* tensor name -> file name; NULL: no index */
    const char *index_shown;
};

void gg_opening_free(struct gg_opening *o);
GG_MUST_CHECK int gg_open_want(struct gg_opening *o, size_t member, struct gg_err *err);

/* The checkpoint in o->c->folder of the store: chooses its files and opens them. */
GG_MUST_CHECK int gg_open_folder(struct gg_opening *o, struct gg_err *err);
/* The checkpoint that one member of that folder is or, for an index, names. */
GG_MUST_CHECK int gg_open_member(struct gg_opening *o, const char *name, struct gg_err *err);
/* Is that the name of a file with tensors of a checkpoint? */
bool gg_open_holds_tensors(const char *name);
/* The one checkpoint in the store, in whatever folder it is. */
GG_MUST_CHECK int gg_open_found(struct gg_opening *o, struct gg_err *err);
/* Opens all that is wanted and checks that it fits together. */
GG_MUST_CHECK int gg_open_wanted(struct gg_opening *o, struct gg_err *err);

/* Reads an index and wants the files it names; what is missing becomes findings. */
GG_MUST_CHECK int gg_index_read(struct gg_opening *o, size_t member, struct gg_err *err);
/* Compares the tensors found with the index. */
GG_MUST_CHECK int gg_index_check(struct gg_opening *o, struct gg_err *err);

#endif
