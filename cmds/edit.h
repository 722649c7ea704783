/* What the files of the edit command share. */
#ifndef CMD_EDIT_H
#define CMD_EDIT_H

#include "cmds/cmd.h"
#include "lib/base/arena.h"
#include "lib/cli/progress.h"
#include "lib/job/job.h"
#include "lib/job/rewrite.h"

struct edit_opts {
    struct gg_opt_list set, set_array, append, unset, rename, chat_template, token, from_json;
    struct gg_opt_list copy_from; /* pairs: file, glob */
    struct gg_opt_list rename_tensor, drop_tensor, import;
    bool scrub;
    const char *output;
    struct gg_opt_u64 reserve;
    bool force, dry_run, json, copy, allow_unsafe, allow_shared, undo;
};

/* One file of the model, and what becomes of its header. */
struct edit_file {
    const struct ggf_file *f;
    struct ggf_meta *meta;  /* the new one */
    struct ggf_str *names;  /* new names of its tensors */
    bool meta_changed, renamed;
    char *path; /* behind all links */
    int fd;     /* the file, to read; -1: not opened */
    struct gg_rewrite rewrite;
    const char *target; /* where a copy goes; NULL: changed in place, or not at all */
};

/* A tensor that comes from a file. */
struct edit_import {
    struct ggf_str name;
    const char *path;
    struct gg_checkpoint *ckpt; /* its one tensor is the one */
    struct gg_tensor tensor;
    size_t replaces; /* index into the model's tensors; SIZE_MAX: it is new */
};

/* A change to be shown: of a key, or of a tensor. */
enum edit_kind { EDIT_SET, EDIT_ADD, EDIT_REMOVE, EDIT_RENAME };
struct edit_change {
    enum edit_kind kind;
    bool tensor;
    struct ggf_str name, to;          /* to: of a rename */
    const struct ggf_value *was, *is; /* of a key */
    const struct gg_tensor *before, *after;
    const char *from; /* file of an imported tensor */
    size_t file;      /* of the model */
};

struct edit {
    struct cmd_env *env;
    const struct edit_opts *o;
    const char *path; /* as named */
    struct gg_model *model;
    struct edit_file *files;
    bool *drop; /* by tensor of the model */
    struct edit_import *imports;
    size_t n_imports, n_dropped;
    struct edit_change *changes;
    size_t n_changes, cap_changes;
    struct gg_arena mem;
    bool relaid; /* the data moves: tensors come or go, or the alignment changes */
    uint64_t n_written; /* bytes, or those that would be */
    size_t n_relaid;    /* files that are laid out anew */
    struct gg_progress progress;
};

/* edit_meta.c: applies all options about metadata to files[].meta. */
GG_MUST_CHECK int edit_meta(struct edit *e, struct gg_err *err);
/* Refuses changes that make the file unusable, unless they are allowed; after edit_compare. */
GG_MUST_CHECK int edit_check(struct edit *e, struct gg_err *err);

/* edit_scrub.c: takes folders out of what looks like paths in the texts of meta. */
GG_MUST_CHECK int edit_scrub(struct ggf_meta *meta, struct gg_err *err);

/* edit_tensors.c: --rename-tensor, --drop-tensor, --import. */
GG_MUST_CHECK int edit_tensors(struct edit *e, struct gg_err *err);
/* Writes the model anew, its data laid out again, to path; or, when path is NULL, plans it only. */
GG_MUST_CHECK int edit_relay(struct edit *e, const char *path, bool replaces, struct gg_err *err);
void edit_tensors_free(struct edit *e);

/* edit_diff.c: finds the changes. */
GG_MUST_CHECK int edit_compare(struct edit *e, struct gg_err *err);
bool edit_same_value(const struct ggf_value *a, const struct ggf_value *b);

/* edit_show.c: shows them; then, when they are written, where they went. */
void edit_show(struct edit *e);
void edit_show_where(struct edit *e);
void edit_show_json(struct edit *e); /* both */

/* edit_write.c */
/* Refuses a file that others share, or that may not be written. */
GG_MUST_CHECK int edit_may_change(const struct edit *e, const char *path, struct gg_err *err);
/* Opens files and plans their new headers; then writes. */
GG_MUST_CHECK int edit_plan(struct edit *e, struct gg_err *err);
GG_MUST_CHECK int edit_write(struct edit *e, struct gg_err *err);

#endif
