/* ggtool edit: change a model's metadata and tensors, where they stand if that can be. */
#include "cmds/edit.h"

#include "lib/base/text.h"
#include "lib/job/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPT(m) offsetof(struct edit_opts, m)

static int run(struct cmd_env *env, void *opts, int argc, char **argv);

static const struct gg_opt key_options[] = {
    {.name = "set", .kind = GG_OPT_LIST, .dest = OPT(set), .arg = "KEY=[TYPE:]VALUE",
     .help = "set a key; without TYPE it has the type it had, or the one it must have; @FILE is what "
             "FILE holds", .complete = GG_COMPLETE_KEY},
    {.name = "unset", .kind = GG_OPT_LIST, .dest = OPT(unset), .arg = "GLOB",
     .help = "remove keys", .complete = GG_COMPLETE_KEY},
    {.name = "rename", .kind = GG_OPT_LIST, .dest = OPT(rename), .arg = "OLD=NEW",
     .help = "give a key another name", .complete = GG_COMPLETE_KEY},
    {.name = "set-array", .kind = GG_OPT_LIST, .dest = OPT(set_array), .arg = "KEY=@FILE",
     .help = "set an array from a file, a JSON array or lines; or KEY=[JSON]; TYPE: before it for a "
             "new key", .complete = GG_COMPLETE_KEY},
    {.name = "append", .kind = GG_OPT_LIST, .dest = OPT(append), .arg = "KEY=VALUE",
     .help = "add an element to an array, or those in @FILE", .complete = GG_COMPLETE_KEY},
    {.name = "chat-template", .kind = GG_OPT_LIST, .dest = OPT(chat_template),
     .arg = "[NAME=]@FILE",
     .help = "set the chat template, or the one called NAME, from FILE.jinja, or a "
             "tokenizer_config.json", .complete = GG_COMPLETE_FILE},
    {.name = "token", .kind = GG_OPT_LIST, .dest = OPT(token), .arg = "ID=TEXT",
     .help = "change the text of a token"},
    {.name = "copy-from", .kind = GG_OPT_PAIRS, .dest = OPT(copy_from), .arg = "OTHER GLOB",
     .help = "copy the keys that match from another GGUF file", .complete = GG_COMPLETE_GGUF},
    {.name = "from-json", .kind = GG_OPT_LIST, .dest = OPT(from_json), .arg = "FILE",
     .help = "set all keys of a JSON object; null removes one", .complete = GG_COMPLETE_FILE},
    {.name = "scrub", .kind = GG_OPT_FLAG, .dest = OPT(scrub),
     .help = "take the folders out of paths in texts: home folders, drives, file:// addresses"},
    GG_OPT_END,
};
static const struct gg_opt_group key_group = {"Metadata", key_options};

static const struct gg_opt tensor_options[] = {
    {.name = "rename-tensor", .kind = GG_OPT_LIST, .dest = OPT(rename_tensor), .arg = "OLD=NEW",
     .help = "give a tensor another name; * in both stands for the same text",
     .complete = GG_COMPLETE_TENSOR},
    {.name = "drop-tensor", .kind = GG_OPT_LIST, .dest = OPT(drop_tensor), .arg = "GLOB",
     .help = "leave tensors out", .complete = GG_COMPLETE_TENSOR},
    {.name = "import", .kind = GG_OPT_LIST, .dest = OPT(import), .arg = "NAME=FILE.npy",
     .help = "replace or add a tensor", .complete = GG_COMPLETE_FILE},
    GG_OPT_END,
};
static const struct gg_opt_group tensor_group = {"Tensors", tensor_options};

static const struct gg_opt write_options[] = {
    {.name = "output", .letter = 'o', .kind = GG_OPT_PATH, .dest = OPT(output), .arg = "OUT",
     .help = "write OUT, and leave FILE alone", .complete = GG_COMPLETE_GGUF},
    {.name = "force", .kind = GG_OPT_FLAG, .dest = OPT(force), .help = "replace OUT if it exists"},
    {.name = "dry-run", .letter = 'n', .kind = GG_OPT_FLAG, .dest = OPT(dry_run),
     .help = "show what would change, and how it would be written; write nothing"},
    {.name = "reserve", .kind = GG_OPT_SIZE, .dest = OPT(reserve), .arg = "SIZE",
     .help = "leave room in the header, so that later edits are done in place; 0 takes it away"},
    {.name = "copy", .kind = GG_OPT_FLAG, .dest = OPT(copy),
     .help = "never in place: write a copy, then rename it over FILE"},
    {.name = "allow-unsafe", .kind = GG_OPT_FLAG, .dest = OPT(allow_unsafe),
     .help = "also change what the tensors depend on: architecture, lengths and counts, alignment"},
    {.name = "allow-shared", .kind = GG_OPT_FLAG, .dest = OPT(allow_shared),
     .help = "also change a file with several names, or in the store of another program"},
    {.name = "undo", .kind = GG_OPT_FLAG, .dest = OPT(undo),
     .help = "take back an edit that was interrupted, instead of finishing it"},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = OPT(json), .help = "say it as JSON (docs/json.md)"},
    GG_OPT_END,
};
static const struct gg_opt_group write_group = {"Writing", write_options};

static const struct gg_opt edit_options[] = {
    {.kind = GG_OPT_GROUP, .group = &key_group},
    {.kind = GG_OPT_GROUP, .group = &tensor_group},
    {.kind = GG_OPT_GROUP, .group = &write_group},
    GG_OPT_END,
};

const struct cmd cmd_edit = {
    .name = "edit",
    .group = "Make",
    .args = "FILE",
    .brief = "Change metadata, in place where it fits; rename, drop and import tensors",
    .details =
        "Prints what changes, key by key, and writes it into FILE, or to -o OUT. Of a shard set, any "
        "shard may be named: the metadata lies in the first; --scrub looks at all.\n\n"
        "A new header that fits before the data is written in place, however large the file: what "
        "is left over becomes slack, a text of blanks under the key ggtool.padding, and one before large "
        "values under ggtool.padding.front. Otherwise a copy with the new header is made and renamed "
        "over FILE; the blocks of the data are shared where the file system can. --reserve=64KiB makes room ahead. --dry-run says which it will be.\n\n"
        "In place, old and new bytes go to a journal beside the file first. If a crash comes "
        "between, the next ggtool command that opens the file finishes the edit, or 'ggtool edit "
        "--undo FILE' takes it back; 'ggtool edit FILE' does nothing else.\n\n"
        "Options apply in this order, whatever their order on the command line: copy-from, "
        "from-json, scrub, rename, unset, set, set-array, append, token, chat-template.",
    .examples =
        "ggtool edit model.gguf --set general.name='My Model'\tin place\n"
        "ggtool edit model.gguf --chat-template @chat.jinja --dry-run\twhat would change, and how\n"
        "ggtool edit model.gguf --reserve=64KiB\troom for later edits\n"
        "ggtool edit model.gguf --scrub -o clean.gguf\ta copy without private paths\n"
        "ggtool edit model.gguf --set llama.context_length=4096 --unset 'general.t*'\t"
        "several at once\n",
    .opts = edit_options,
    .min_args = 1,
    .max_args = 1,
    .opts_nbytes = sizeof(struct edit_opts),
    .run = run,
};

/* ---- the walk ------------------------------------------------------------------------------- */

static bool changes_something(const struct edit_opts *o)
{
    return o->set.n + o->set_array.n + o->append.n + o->unset.n + o->rename.n +
                   o->chat_template.n + o->token.n + o->from_json.n + o->copy_from.n +
                   o->rename_tensor.n + o->drop_tensor.n + o->import.n >
               0 ||
           o->scrub || o->reserve.set || o->output != NULL || o->copy;
}

static int usage(struct cmd_env *env, const char *text)
{
    gg_msg_error(&env->msg, "%s", text);
    return CMD_USAGE;
}

/* Nothing is to be changed: settles what was interrupted, and says so. */
static int settle_only(struct edit *e)
{
    struct gg_findings found = GG_FINDINGS_INIT;
    struct gg_err err;
    enum gg_pending_how how = e->o->dry_run ? GG_PENDING_LOOK
                              : e->o->undo  ? GG_PENDING_UNDO
                                            : GG_PENDING_FINISH;
    int rc = access(e->path, F_OK) != 0 ? gg_fail_sys(&err, errno, "%s", e->path)
                                        : gg_pending(e->path, how, &found, &err);
    int code = CMD_OK;
    if (rc != GG_OK)
        code = gg_msg_fail(&e->env->msg, &err);
    else if (found.n == 0 && !e->o->undo)
        code = usage(e->env, "what should change? name it, as --set KEY=VALUE ('ggtool help edit')");
    else if (found.n == 0)
        gg_msg_note(&e->env->msg, "%s: no edit was interrupted", e->path);
    gg_msg_findings(&e->env->msg, e->path, &found, 0);
    gg_findings_free(&found);
    return code;
}

static int prepare_files(struct edit *e, struct gg_err *err)
{
    size_t n = e->model->n_files;
    e->files = gg_arena_zalloc(&e->mem, n, sizeof *e->files);
    e->drop = gg_arena_zalloc(&e->mem, e->model->n_tensors + 1, sizeof *e->drop);
    if (e->files == NULL || e->drop == NULL)
        return gg_fail_nomem(err, "the list of files");
    for (size_t i = 0; i < n; i++)
        e->files[i].fd = -1;
    for (size_t i = 0; i < n; i++) {
        struct edit_file *f = &e->files[i];
        f->f = ggf_set_file(e->model->set, i);
        size_t n_tensors = ggf_file_n_tensors(f->f);
        f->names = gg_arena_zalloc(&e->mem, n_tensors + 1, sizeof *f->names);
        if (f->names == NULL)
            return gg_fail_nomem(err, "the names of tensors");
        for (size_t k = 0; k < n_tensors; k++)
            f->names[k] = ggf_file_tensor(f->f, k)->name;
        int rc = ggf_meta_copy(&f->meta, ggf_file_meta(f->f), err);
        if (rc != GG_OK)
            return rc;
    }
    return GG_OK;
}

/* Members of archives and pipes have no file that could be changed. */
static int open_model(struct edit *e, struct gg_err *err)
{
    unsigned flags = GGF_STRICT | GG_JOB_MOVED | (e->o->dry_run ? (unsigned)GG_JOB_LOOK : 0);
    struct stat st;
    bool there = stat(e->path, &st) == 0, stream = strcmp(e->path, "-") == 0;
    int rc = GG_OK;
    if (!stream && (!there || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        rc = gg_job_open(&e->model, e->path, flags, err);
    if (rc != GG_OK)
        return rc;
    if (e->model == NULL || !there)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: is no file of its own that could be changed", e->path);
    rc = gg_model_require_sound(e->model, err);
    return rc == GG_OK ? prepare_files(e, err) : rc;
}

static int edit(struct edit *e, struct gg_err *err)
{
    int rc = open_model(e, err);
    if (rc == GG_OK)
        rc = edit_meta(e, err);
    if (rc == GG_OK)
        rc = edit_tensors(e, err);
    if (rc == GG_OK)
        rc = edit_compare(e, err);
    if (rc == GG_OK)
        rc = edit_check(e, err);
    if (rc == GG_OK)
        rc = edit_plan(e, err);
    return rc;
}

static void free_edit(struct edit *e)
{
    for (size_t i = 0; e->files != NULL && i < e->model->n_files; i++) {
        struct edit_file *f = &e->files[i];
        ggf_meta_free(f->meta);
        gg_rewrite_free(&f->rewrite);
        if (f->fd >= 0)
            close(f->fd);
        free(f->path);
    }
    edit_tensors_free(e);
    gg_model_free(e->model);
    free(e->changes);
    gg_arena_free(&e->mem);
}

static int run(struct cmd_env *env, void *opts, int argc, char **argv)
{
    struct edit e = {.env = env, .o = opts, .path = argv[0]};
    struct gg_err err;
    (void)argc;
    if (e.o->undo && changes_something(e.o))
        return usage(env, "--undo only takes back what was interrupted; edit in a second step");
    if (e.o->copy && e.o->output != NULL)
        return usage(env, "--copy is about FILE itself; --output writes another file anyway");
    if (!changes_something(e.o))
        return settle_only(&e);
    int rc = edit(&e, &err);
    if (rc == GG_OK) {
        gg_msg_findings(&env->msg, e.path, &e.model->findings, env->msg.level > 0 ? 0 : 5);
        /* with --quiet what is written speaks for itself; a dry run has nothing but its words */
        const bool words = !e.o->json && (env->msg.level >= 0 || e.o->dry_run);
        if (words)
            edit_show(&e);
        /* said before it is done, or it is not done */
        if (fflush(env->out) != 0 || ferror(env->out)) {
            free_edit(&e);
            return CMD_ENVIRONMENT; /* the dispatcher says why */
        }
        if (!e.o->dry_run)
            rc = edit_write(&e, &err);
        if (rc == GG_OK && e.o->json)
            edit_show_json(&e);
        else if (rc == GG_OK && words)
            edit_show_where(&e);
    }
    free_edit(&e);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&env->msg, &err);
}
