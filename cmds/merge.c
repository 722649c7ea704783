/* ggtool merge: the shards of a model in one file. */
#include "cmds/merge.h"

#include "lib/model/family.h"

#include <string.h>

static int run_merge(struct cmd_env *env, void *opts, int argc, char **argv);

struct merge_opts {
    struct shards_opts run;
    const char *output;
    bool allow_unsafe;
};

static const struct gg_opt merge_options[] = {
    {.name = "output", .letter = 'o', .kind = GG_OPT_PATH,
     .dest = offsetof(struct merge_opts, output), .arg = "FILE",
     .help = "write to FILE; - is standard output", .complete = GG_COMPLETE_GGUF},
    {.name = "allow-unsafe", .kind = GG_OPT_FLAG, .dest = offsetof(struct merge_opts, allow_unsafe),
     .help = "merge shards that do not look like parts of one model"},
    GG_OPT_SUBTABLE(&shards_opts_write, struct merge_opts, run),
    GG_OPT_END,
};

const struct cmd cmd_merge = {
    .name = "merge",
    .group = "Move",
    .args = "ANY...",
    .brief = "Put the shards of a model into one file",
    .details =
        "ANY is one shard of the set, all of them, a pattern in quotes, or the folder they are\n"
        "in. The output is what --output names, never one of ANY, and an existing file only\n"
        "with --force.\n"
        "\n"
        "Before the first byte is written all shards are there, whole, numbered and named as\n"
        "their metadata say, with as many tensors as these promise and none twice, and look\n"
        "like parts of one model: same keys, widths and layers. What cannot be told from\n"
        "metadata is a shard of another model of just the same shape.\n"
        "\n"
        "What split has cut is the same bytes again. The output appears complete or not at all.\n"
        "\n"
        "With --consume the shards shrink while the output grows, for when there is no room for\n"
        "both: a step is copied, made durable, read back and compared, and only then cut off\n"
        "the end of its shard. It can be killed at any moment; the same command goes on. In the\n"
        "end the shards are gone.",
    .examples = "ggtool merge model-00001-of-00003.gguf -o model.gguf\tany one shard will do\n"
                "ggtool merge 'model-*.gguf' -o whole.gguf\ta pattern\n"
                "ggtool merge . -o model.gguf --dry-run\tthe set in a folder: check it\n"
                "ggtool merge model-*.gguf -o model.gguf --consume\tin place of the shards\n",
    .opts = merge_options,
    .min_args = 1,
    .max_args = SIZE_MAX,
    .opts_nbytes = sizeof(struct merge_opts),
    .run = run_merge,
};

static int refuse(const struct gg_finding *f, struct gg_err *err)
{
    return gg_fail(err, GG_ERR_CORRUPT, f->off, "%s%s%s%s (--allow-unsafe merges it all the same)",
                   f->tensor != NULL ? "tensor '" : "", f->tensor != NULL ? f->tensor : "",
                   f->tensor != NULL ? "': " : "", f->text);
}

/* What does not fit together ends it, or is said. */
static int check_family(struct shards *s, bool allow_unsafe, struct gg_err *err)
{
    struct gg_findings found = GG_FINDINGS_INIT;
    int rc = GG_OK;
    gg_model_check_family(s->model, &found);
    if (found.failed)
        rc = gg_fail_nomem(err, "the list of findings");
    else if (found.n > 0 && !allow_unsafe)
        rc = refuse(&found.v[0], err);
    else
        gg_msg_findings(&s->env->msg, s->model->name, &found, SHARDS_MAX_FINDINGS);
    gg_findings_free(&found);
    return rc;
}

static int open_model(struct shards *s, bool allow_unsafe, int argc, char **argv,
                      struct gg_err *err)
{
    int rc = merge_open(s, argc, argv, err);
    if (rc == GG_OK)
        rc = shards_check_name(s->model, err);
    if (rc == GG_OK && s->model->n_files == 1)
        gg_msg_note(&s->env->msg, "%s: is one whole file already", s->in);
    return rc == GG_OK ? check_family(s, allow_unsafe, err) : rc;
}

static int run_merge(struct cmd_env *env, void *opts, int argc, char **argv)
{
    const struct merge_opts *o = opts;
    struct shards s = {.env = env,
                       .o = &o->run,
                       .doing = "merging",
                       .in = argv[0],
                       .out = o->output,
                       .wishes = GG_PLAN_WISHES_INIT};
    struct gg_err err;
    bool done = false;
    if (o->output == NULL && !o->run.dry_run) {
        gg_msg_error(&env->msg, "where to? the output is always named: ggtool merge ANY... -o FILE "
                                "(or --dry-run)");
        return CMD_USAGE;
    }
    int code = shards_begin(&s, &done);
    if (code == CMD_OK && !done && open_model(&s, o->allow_unsafe, argc, argv, &err) != GG_OK)
        code = gg_msg_fail(&env->msg, &err);
    if (code == CMD_OK && !done)
        code = shards_run(&s);
    shards_free(&s);
    return code;
}
