/* The parts of `ggtool extract`. */
#ifndef CMD_EXTRACT_H
#define CMD_EXTRACT_H

#include "cmds/cmd.h"
#include "lib/base/buf.h"
#include "lib/job/stored.h"
#include "lib/sys/sink.h"

enum extract_format { EXTRACT_NPY, EXTRACT_RAW, EXTRACT_SAFETENSORS };
enum extract_dtype { EXTRACT_AUTO, EXTRACT_F32, EXTRACT_F16, EXTRACT_BF16 };

struct extract_opts {
    const char *output;
    int format, dtype;
    struct gg_opt_glob template;
    bool vocab, tokens, merges, force, dry_run;
    struct gg_opt_list keys;
};

/* How a tensor comes out. */
struct extract_form {
    bool as_is;        /* its stored bytes */
    uint32_t type;     /* else: QT_F32, QT_F16 or QT_BF16 */
    const char *name;  /* "f32", "q4_K", "I64" */
    const char *dtype; /* safetensors' name; NULL: has none */
    const char *descr; /* NumPy's; NULL: has none */
    uint64_t nbytes;
};

/* Something that becomes a file. */
struct extract_item {
    const char *path; /* "-": standard output */
    size_t tensor;    /* SIZE_MAX: a text */
    struct extract_form form;
    struct gg_buf text; /* all of it */
    const char *what;   /* of a text: "chat template" */
};

struct extract {
    struct cmd_env *env;
    const struct extract_opts *o;
    const char *in;
    struct gg_stored *s;
    struct qk_table *kernels;
    struct extract_item *items;
    size_t n, cap;
    bool not_there; /* what was asked for is not in the file */
    struct gg_file_id *inputs;
    size_t n_inputs;
    const char *made_for; /* folders were made on the way to it */
    size_t made;
    uint64_t n_rounded, total_nbytes, done_nbytes;
    struct gg_progress *progress;
    struct gg_arena mem;
};

/* extract.c: appends an item; NULL: no memory. */
struct extract_item *extract_add(struct extract *x);

/* extract_texts.c: the texts that were asked for become items. GG_ERR_ARG: there is none such. */
GG_MUST_CHECK int extract_texts(struct extract *x, struct gg_err *err);
/* extract_names.c: the name of a file for a tensor or key: nothing in it means anything to a shell or a
 * file system. */
const char *extract_file_name(struct gg_arena *mem, struct ggf_str name, const char *ending);

/* extract_tensors.c: how tensor i would come out. GG_ERR_UNSUPPORTED: it cannot. */
GG_MUST_CHECK int extract_choose(const struct extract *x, size_t i, struct extract_form *out,
                                 struct gg_err *err);
/* One file for each tensor: npy, raw. */
GG_MUST_CHECK int extract_one(struct extract *x, const struct extract_item *it, struct gg_err *err);
/* All tensors among the items in one file. */
GG_MUST_CHECK int extract_together(struct extract *x, const char *path, struct gg_err *err);

#endif
