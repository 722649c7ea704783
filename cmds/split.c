/* ggtool split: a model in shards that llama.cpp loads. */
#include "cmds/shards.h"

#include "lib/base/text.h"
#include "lib/job/wishes.h"
#include "lib/sys/folder.h"

#include <string.h>
#include <sys/stat.h>

static int run_split(struct cmd_env *env, void *opts, int argc, char **argv);

struct split_opts {
    struct shards_opts run;
    struct gg_shard_opts cut;
    bool reshard;
};

static const struct gg_opt split_options[] = {
    GG_OPT_SUBTABLE(&gg_opts_shards, struct split_opts, cut),
    {.name = "reshard", .kind = GG_OPT_FLAG, .dest = offsetof(struct split_opts, reshard),
     .help = "IN is a shard of a set: cut the whole set anew"},
    GG_OPT_SUBTABLE(&shards_opts_write, struct split_opts, run),
    GG_OPT_END,
};

const struct cmd cmd_split = {
    .name = "split",
    .group = "Move",
    .args = "IN PREFIX",
    .brief = "Cut a model into shards, PREFIX-00001-of-0000N.gguf and so on",
    .details =
        "Writes the GGUF model IN as a set of shards that llama.cpp loads from the first one.\n"
        "No tensor is cut in two or changed; merge gives the same bytes back. '.gguf' behind\n"
        "PREFIX is left out, folders are made as needed, and a PREFIX that is a folder gets the\n"
        "name of IN.\n"
        "\n"
        "As few shards are made as the limit allows, of about equal size: --max-size counts\n"
        "whole files, header included; a tensor larger than that gets a shard of its own and a\n"
        "warning. Without any of --max-size, --max-tensors and --shards, shards have at most\n"
        "128 tensors.\n"
        "\n"
        "All shards appear complete or not at all. Older versions and big-endian files come out\n"
        "as GGUF v3, little-endian; gaps between tensors are left out.\n"
        "\n"
        "With --consume IN shrinks while the shards grow, for when there is no room for both: a\n"
        "step is copied, made durable, read back and compared, and only then cut off the end of\n"
        "IN. It can be killed at any moment; the same command goes on. In the end IN is gone.",
    .examples =
        "ggtool split model.gguf model --max-size 2M\tmodel-00001-of-00004.gguf and so on\n"
        "ggtool split model.gguf out/model --shards 3 --at-layers\tthree, cut between layers\n"
        "ggtool split model.gguf model --max-size 2MiB --dry-run\tnames and exact sizes\n"
        "ggtool split model.gguf model --max-size 2M --consume\tin place of model.gguf\n",
    .opts = split_options,
    .min_args = 1,
    .max_args = 2,
    .opts_nbytes = sizeof(struct split_opts),
    .run = run_split,
};

enum { DEFAULT_MAX_TENSORS = 128 }; /* llama-gguf-split's */

/* ---- arguments ----------------------------------------------------------------------------- */

static int usage(struct cmd_env *env, const char *text)
{
    gg_msg_error(&env->msg, "%s", text);
    return CMD_USAGE;
}

/* Bytes of a path before ".gguf" or shard number. */
static size_t stem_nbytes(const char *path)
{
    uint32_t no, count;
    size_t n = strlen(path), tail = strlen(".gguf");
    if (ggf_split_parse(path, &n, &no, &count))
        return n;
    return n > tail && strcmp(path + n - tail, ".gguf") == 0 ? n - tail : n;
}

/* PREFIX as it is; in a folder, or without any, the name of IN. NULL: no memory. */
static const char *prefix_of(struct cmd_env *env, const char *in, const char *prefix)
{
    struct stat st;
    struct gg_buf b = GG_BUF_INIT;
    const char *slash = strrchr(in, '/'), *name = slash != NULL ? slash + 1 : in;
    size_t n = prefix != NULL ? strlen(prefix) : 0;
    bool folder =
        n > 0 && (prefix[n - 1] == '/' || (stat(prefix, &st) == 0 && S_ISDIR(st.st_mode)));
    if (n > 0 && !folder) {
        gg_buf_add(&b, prefix, stem_nbytes(prefix));
    } else {
        if (folder)
            gg_buf_addf(&b, "%s%s", prefix, prefix[n - 1] == '/' ? "" : "/");
        gg_buf_add(&b, name, stem_nbytes(name));
    }
    const char *all = b.failed ? NULL : gg_arena_strndup(&env->mem, gg_buf_str(&b), b.nbytes);
    gg_buf_free(&b);
    return all;
}

static int read_arguments(struct shards *s, const struct split_opts *o, int argc, char **argv)
{
    struct gg_err err;
    struct gg_shard_opts cut = o->cut;
    if (argc < 2 && !o->run.dry_run)
        return usage(s->env, "where to? name a prefix: ggtool split IN PREFIX (or --dry-run)");
    if (argc == 2 && (strcmp(argv[1], "-") == 0 || argv[1][0] == '\0'))
        return usage(s->env, argv[1][0] == '-' ? "shards are several files: standard output cannot "
                                                 "take them"
                                               : "the prefix is empty");
    if (!cut.max_size.set && !cut.max_tensors.set && !cut.shards.set)
        cut.max_tensors = (struct gg_opt_u64){true, DEFAULT_MAX_TENSORS};
    if (gg_wishes_take_shards(&s->wishes, &cut, "", &err) != GG_OK)
        return gg_msg_fail(&s->env->msg, &err);
    s->wishes.always_sharded = true;
    s->in = argv[0];
    s->out = prefix_of(s->env, argv[0], argc == 2 ? argv[1] : NULL);
    if (s->out == NULL) {
        gg_fail_nomem(&err, "the names of shards");
        return gg_msg_fail(&s->env->msg, &err);
    }
    return CMD_OK;
}

/* ---- the run ------------------------------------------------------------------------------- */

static int open_model(struct shards *s, const struct split_opts *o, struct gg_err *err)
{
    int rc = gg_job_open(&s->model, s->in, shards_open_flags(s), err);
    if (rc == GG_OK)
        rc = shards_check_name(s->model, err);
    if (rc == GG_OK && s->model->n_files > 1 && !o->reshard) {
        char shown[256];
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                     "%s: is one of a set of %zu shards, and would be split without the others; "
                     "--reshard cuts the whole set anew",
                     gg_text_escape_into(shown, sizeof shown, s->in, strlen(s->in)),
                     s->model->n_files);
    }
    return rc;
}

static int run_split(struct cmd_env *env, void *opts, int argc, char **argv)
{
    const struct split_opts *o = opts;
    struct shards s = {
        .env = env, .o = &o->run, .doing = "splitting", .wishes = GG_PLAN_WISHES_INIT};
    struct gg_err err;
    bool done = false;
    size_t made = 0;
    int code = read_arguments(&s, o, argc, argv);
    if (code == CMD_OK)
        code = shards_begin(&s, &done);
    if (code == CMD_OK && !done && open_model(&s, o, &err) != GG_OK)
        code = gg_msg_fail(&env->msg, &err);
    if (code == CMD_OK && !done && !o->run.dry_run &&
        gg_folder_make_for(s.out, &made, &err) != GG_OK)
        code = gg_msg_fail(&env->msg, &err);
    if (code == CMD_OK && !done)
        code = shards_run(&s);
    if (code != CMD_OK)
        gg_folder_unmake(s.out, made); /* what is not empty stays */
    shards_free(&s);
    return code;
}
