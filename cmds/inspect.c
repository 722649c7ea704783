/* inspect: what is in a model file. */
#include "cmds/inspect.h"

#include "lib/base/text.h"

#include <string.h>

#define OPT(m) offsetof(struct inspect_opts, m)

static const struct gg_opt opts[] = {
    {.name = "metadata", .kind = GG_OPT_GLOB, .dest = OPT(metadata), .arg = "GLOB",
     .complete = GG_COMPLETE_KEY, .help = "list metadata: key, type, value"},
    {.name = "tensors", .kind = GG_OPT_GLOB, .dest = OPT(tensors), .arg = "GLOB",
     .complete = GG_COMPLETE_TENSOR,
     .help = "list tensors: name, type, shape, bytes, bits per weight, place in the file, shard"},
    {.name = "layers", .kind = GG_OPT_FLAG, .dest = OPT(layers),
     .help = "bytes of each layer by role"},
    {.name = "vocab", .kind = GG_OPT_FLAG, .dest = OPT(vocab),
     .help = "list the vocabulary: id, kind, score, token"},
    {.name = "chat-template", .kind = GG_OPT_GLOB, .dest = OPT(template), .arg = "NAME",
     .help = "print the chat template, or the one called NAME, byte for byte"},
    {.name = "stats", .kind = GG_OPT_GLOB, .dest = OPT(stats), .arg = "GLOB",
     .complete = GG_COMPLETE_TENSOR,
     .help = "read all values: range, mean, deviation, zeros, NaN, outliers, a histogram"},
    {.name = "fit", .kind = GG_OPT_GLOB, .dest = OPT(fit), .arg = "CTX",
     .help = "the memory it takes to run with a context of CTX tokens (as trained without): weights, "
             "cache, buffers"},
    {.name = "kv-type", .kind = GG_OPT_TYPE, .dest = OPT(kv_type), .arg = "TYPE",
     .complete = GG_COMPLETE_QTYPE, .help = "with --fit: type of the cached keys and values; f16"},
    {.name = "full", .kind = GG_OPT_FLAG, .dest = OPT(full),
     .help = "show arrays and texts in full length"},
    {.name = "diffable", .kind = GG_OPT_FLAG, .dest = OPT(diffable),
     .help = "one line a tensor, without offsets: for diff(1)"},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = OPT(json),
     .help = "the same as JSON (docs/json.md); alone: everything but vocabulary and statistics"},
    {.name = "header-only", .kind = GG_OPT_FLAG, .dest = OPT(header_only),
     .help = "don't mind when tensor data is missing behind a complete header"},
    GG_OPT_END,
};

static int run(struct cmd_env *env, void *o, int argc, char **argv);

const struct cmd cmd_inspect = {
    .name = "inspect",
    .group = "Look",
    .args = "FILE...",
    .brief = "Show what is in a model file",
    .details =
        "Without options, one screen: name, architecture, size, file type as stored and as found, "
        "shape, tokenizer, and bytes and parameters by tensor type and by role.\n\n"
        "Only the header is read, but for --stats. Of a shard set any shard may be named, the others "
        "are found beside it. FILE may be cut short, or - for standard input: what is there is "
        "shown, one line says how many bytes are missing, and the exit status is 3.\n\n"
        "A checkpoint (a Hugging Face folder, safetensors, PyTorch, npz, also in an archive) is shown as\n"
        "the model it converts to.\n\n"
        "GLOB knows * ? [a-z]; behind re: it is a Perl regular expression.",
    .examples = "ggtool inspect model.gguf\tone screen\n"
                "ggtool inspect --tensors='blk.0.*' model.gguf\tthe tensors of the first layer\n"
                "ggtool inspect --chat-template model.gguf > template.jinja\tas it is stored\n"
                "ggtool inspect --fit=8192 --kv-type q8_0 model.gguf\twill it fit?\n"
                "head -c 1000000 model.gguf | ggtool inspect --header-only -\tthe begin is enough\n",
    .opts = opts,
    .min_args = 1,
    .max_args = SIZE_MAX,
    .opts_nbytes = sizeof(struct inspect_opts),
    .run = run,
};

static bool wants_screen(const struct inspect_opts *o)
{
    return !o->metadata.set && !o->tensors.set && !o->layers && !o->vocab && !o->template.set &&
           !o->stats.set && !o->fit.set && !o->diffable;
}

static int print_template(struct inspect *x, struct gg_err *err)
{
    const struct ggf_kv *kv = inspect_find_template(x, x->o->template.pattern);
    struct ggf_str text;
    if (kv == NULL || !ggf_as_str(&kv->value, &text))
        return inspect_fail_template(x, x->o->template.pattern, err);
    fwrite(text.p, 1, (size_t)text.nbytes, x->env->out);
    return GG_OK;
}

static int print_stats(struct inspect *x, struct gg_err *err)
{
    return inspect_stats(x, NULL, err);
}

static int print_fit(struct inspect *x, struct gg_err *err)
{
    return inspect_fit(x, NULL, err);
}

/* The views asked for, as text, an empty line between them. */
static int print_views(struct inspect *x, struct gg_err *err)
{
    const struct inspect_opts *o = x->o;
    const struct {
        bool wanted;
        int (*print)(struct inspect *x, struct gg_err *err);
    } views[] = {
        {wants_screen(o), inspect_screen},
        {o->metadata.set, inspect_metadata},
        {o->tensors.set || (o->diffable && !o->metadata.set), inspect_tensors},
        {o->layers, inspect_layers},
        {o->stats.set, print_stats},
        {o->fit.set, print_fit},
    };
    bool first = true;
    int rc = GG_OK;
    for (size_t i = 0; i < sizeof views / sizeof views[0] && rc == GG_OK; i++) {
        if (!views[i].wanted)
            continue;
        if (!first && !o->diffable)
            fputc('\n', x->env->out);
        first = false;
        rc = views[i].print(x, err);
    }
    if (rc == GG_OK && o->vocab)
        rc = inspect_vocab(x, NULL, err);
    if (rc == GG_OK && o->template.set)
        rc = print_template(x, err);
    return rc;
}

/* Of several files each is headed by its path. */
static void print_title(struct inspect *x, const char *path)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_text_escape(&b, path, strlen(path), 0);
    fprintf(x->env->out, "%s%s:\n", x->n_shown++ > 0 ? "\n" : "", gg_buf_str(&b));
    gg_buf_free(&b);
}

/* One file: shows what could be read, then says what is wrong. Returns an exit code. */
static int inspect_one(struct inspect *x, const char *path, bool titled, struct gg_json *j)
{
    struct gg_err open_err, err;
    int rc = inspect_open(x, path, &open_err), rc2 = GG_OK, code = CMD_OK;
    bool anything = x->model != NULL && (x->model->set == NULL ||
                                         ggf_file_version(ggf_set_file(x->model->set, 0)) != 0);
    if (anything && titled)
        print_title(x, path);
    if (anything)
        rc2 = j != NULL ? inspect_json(x, j, &err) : print_views(x, &err);
    if (rc != GG_OK) {
        code = gg_msg_fail(&x->env->msg, &open_err);
    } else if (rc2 != GG_OK) {
        gg_err_prefix(&err, "%s", x->model->name);
        code = gg_msg_fail(&x->env->msg, &err);
        if (rc2 == GG_ERR_ARG) /* what was asked for is not in the file */
            code = CMD_NO;
    }
    gg_model_free(x->model);
    x->model = NULL;
    return code;
}

static int make_pattern(struct gg_pattern **out, const struct gg_opt_glob *g, struct gg_err *err)
{
    return g->pattern != NULL ? gg_pattern_new(out, g->pattern, err) : GG_OK;
}

/* How large a context --fit asks for. */
static int read_fit(struct inspect *x, struct gg_err *err)
{
    const struct inspect_opts *o = x->o;
    const char *ctx = o->fit.pattern;
    if (o->kv_type >= 0 && !o->fit.set)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--kv-type needs --fit");
    if (ctx != NULL && (!gg_text_parse_u64(ctx, &x->fit_ctx) || x->fit_ctx == 0))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--fit: '%.32s' is no number of tokens", ctx);
    return GG_OK;
}

static int run(struct cmd_env *env, void *o, int argc, char **argv)
{
    struct inspect x = {.env = env, .o = o, .term = env->out_term};
    struct gg_json j;
    struct gg_err err;
    int code = CMD_OK;
    bool json = x.o->json, many = argc > 1;
    if (make_pattern(&x.keys, &x.o->metadata, &err) != GG_OK ||
        make_pattern(&x.names, &x.o->tensors, &err) != GG_OK ||
        make_pattern(&x.stats, &x.o->stats, &err) != GG_OK || read_fit(&x, &err) != GG_OK)
        code = gg_msg_fail(&env->msg, &err);
    gg_json_begin(&j, env->out);
    if (code == CMD_OK && json && many)
        gg_json_array(&j, NULL);
    for (int i = 0, one; i < argc && code != CMD_USAGE; i++) {
        one = inspect_one(&x, argv[i], many && !json && !x.o->template.set, json ? &j : NULL);
        code = one > code ? one : code;
    }
    if (json && (many || j.depth > 0 || j.any))
        gg_json_end(&j);
    gg_pattern_free(x.keys);
    gg_pattern_free(x.names);
    gg_pattern_free(x.stats);
    return code;
}
