/* What the files of the inspect command share. */
#ifndef CMD_INSPECT_H
#define CMD_INSPECT_H

#include "cmds/cmd.h"
#include "lib/cli/json.h"
#include "lib/cli/table.h"
#include "lib/job/value.h"
#include "lib/model/describe.h"
#include "lib/model/pattern.h"

struct inspect_opts {
    struct gg_opt_glob metadata, tensors, template, stats, fit;
    int kv_type; /* -1: not given */
    bool layers, vocab, full, json, diffable, header_only;
};

/* One file being looked at. */
struct inspect {
    struct cmd_env *env;
    const struct inspect_opts *o;
    struct gg_pattern *keys, *names, *stats; /* of --metadata, --tensors, --stats; NULL: all */
    uint64_t fit_ctx; /* of --fit; 0: as trained */
    struct gg_model *model;
    struct gg_desc desc;
    bool header_complete;
    size_t n_shown; /* files so far */
    struct gg_term term; /* stdout, never narrower than its 80 columns when it is no terminal */
};

/* inspect_open.c: opens path into x->model and describes it. On failure x->model may be there all the
 * same, with what could be read. */
GG_MUST_CHECK int inspect_open(struct inspect *x, const char *path, struct gg_err *err);

/* inspect_screen.c: the default view. */
GG_MUST_CHECK int inspect_screen(struct inspect *x, struct gg_err *err);

/* inspect_list.c: --metadata, --tensors, --layers, as text. */
GG_MUST_CHECK int inspect_metadata(struct inspect *x, struct gg_err *err);
GG_MUST_CHECK int inspect_tensors(struct inspect *x, struct gg_err *err);
GG_MUST_CHECK int inspect_layers(struct inspect *x, struct gg_err *err);

/* Sizes of a layer, or of all tensors outside of layers (whole empty). */
struct inspect_layer {
    struct ggf_str whole;
    struct gg_tally sum, role[GG_ROLE_COUNT];
};
/* In order of first appearance, what is outside of layers first; malloc'd. */
GG_MUST_CHECK int inspect_sum_layers(const struct gg_model *m, struct inspect_layer **out, size_t *n,
                                     struct gg_err *err);

/* inspect_list.c: what the patterns choose. */
bool inspect_wants_key(const struct inspect *x, const struct ggf_kv *kv);
bool inspect_wants_tensor(const struct inspect *x, const struct gg_tensor *t);

/* inspect_fit.c: --fit. */
GG_MUST_CHECK int inspect_fit(struct inspect *x, struct gg_json *j, struct gg_err *err);

/* inspect_vocab.c: --vocab and --chat-template. A model without them: GG_ERR_ARG. */
GG_MUST_CHECK int inspect_vocab(struct inspect *x, struct gg_json *j, struct gg_err *err);
/* The template of that name (NULL: the default one), NULL when there is none. */
const struct ggf_kv *inspect_find_template(const struct inspect *x, const char *name);
/* Names what templates there are. */
int inspect_fail_template(const struct inspect *x, const char *name, struct gg_err *err);

/* inspect_json.c: everything asked for, as one object. */
GG_MUST_CHECK int inspect_json(struct inspect *x, struct gg_json *j, struct gg_err *err);

/* inspect_stats.c: --stats; reads the data. j NULL: as text. */
GG_MUST_CHECK int inspect_stats(struct inspect *x, struct gg_json *j, struct gg_err *err);

#endif
