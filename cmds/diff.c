/* ggtool diff: what changed between two models, or between a base and several others. */
#include "cmds/diff.h"

#include "lib/job/job.h"

#include <string.h>

#define OPT(m) offsetof(struct diff_opts, m)

const char *const diff_keys[] = {"nmse", "weighted", "rmse",   "max_abs", "row",  "bias",
                                 "cosine", "snr_db",   "bytes",  "name",    "file", NULL};

static const struct gg_opt options[] = {
    {.name = "tensors", .kind = GG_OPT_STRING, .dest = OPT(tensors), .arg = "PATTERN",
     .complete = GG_COMPLETE_TENSOR, .help = "only tensors whose name matches (glob, or re:REGEX)"},
    {.name = "imatrix", .kind = GG_OPT_PATH, .dest = OPT(imatrix), .arg = "FILE",
     .complete = GG_COMPLETE_FILE,
     .help = "also weigh errors by this importance matrix: what a layer's output feels"},
    {.name = "arch", .kind = GG_OPT_STRING, .dest = OPT(arch), .arg = "NAME", .complete = GG_COMPLETE_ARCH,
     .help = "architecture of checkpoints; raw takes their tensors under their own names"},
    {.name = "header-only", .kind = GG_OPT_FLAG, .dest = OPT(header_only),
     .help = "compare metadata, names, shapes and types alone; read no data"},
    {.name = "top", .kind = GG_OPT_U64, .dest = OPT(top), .arg = "N",
     .help = "list the N worst tensors (5; all that match with --tensors)"},
    {.name = "sort", .kind = GG_OPT_CHOICE, .dest = OPT(sort), .arg = "KEY", .choices = diff_keys,
     .help = "by what tensors are listed, the worst first (nmse; weighted with --imatrix)"},
    {.name = "full", .kind = GG_OPT_FLAG, .dest = OPT(full),
     .help = "show every change of metadata, texts as line differences"},
    {.name = "hex", .kind = GG_OPT_FLAG, .dest = OPT(hex),
     .help = "of each listed tensor the first block that differs, decoded and in hex"},
    {.name = "rows", .kind = GG_OPT_FLAG, .dest = OPT(rows),
     .help = "of each listed tensor the worst rows and channels"},
    {.name = "plot", .kind = GG_OPT_FLAG, .dest = OPT(plot),
     .help = "draw layers and roles as a heat map on the terminal"},
    {.name = "fail-above", .kind = GG_OPT_STRING, .dest = OPT(fail_above), .arg = "KEY=N[,...]",
     .help = "exit with 1 only when a tensor's nmse, rmse, max_abs... is above (cosine, snr_db: below) N"},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = OPT(json), .help = "everything as JSON (docs/json.md)"},
    {.name = "csv", .kind = GG_OPT_FLAG, .dest = OPT(csv), .help = "a line for each tensor as CSV"},
    {.name = "html", .kind = GG_OPT_PATH, .dest = OPT(html), .arg = "FILE",
     .complete = GG_COMPLETE_FILE,
     .help = "write a page with heat map, histograms and a table to sort; it needs no network"},
    {.name = "svg", .kind = GG_OPT_PATH, .dest = OPT(svg), .arg = "FILE",
     .complete = GG_COMPLETE_FILE, .help = "write the plots alone as SVG"},
    {.name = "png", .kind = GG_OPT_PATH, .dest = OPT(png), .arg = "FILE",
     .complete = GG_COMPLETE_FILE, .help = "write the plots alone as PNG"},
    {.name = "force", .kind = GG_OPT_FLAG, .dest = OPT(force), .help = "replace existing files"},
    {.name = "max-memory", .kind = GG_OPT_SIZE, .dest = OPT(max_memory), .arg = "SIZE",
     .help = "limit for buffers (128MiB)"},
    GG_OPT_END,
};

static int run(struct cmd_env *env, void *o, int argc, char **argv);

static void defaults(void *o)
{
    ((struct diff_opts *)o)->sort = DIFF_KEYS;
}

const struct cmd cmd_diff = {
    .name = "diff",
    .group = "Look",
    .args = "A B [C...]",
    .brief = "Show what changed between models: metadata, tensors, values, and where",
    .details =
        "A and B are GGUF models (a file, any shard of a set, one in an archive) or checkpoints\n"
        "(safetensors, PyTorch), in any mixture: a checkpoint is seen under GGUF names, as convert\n"
        "would write it. Every type compares with every type. A is what errors are relative to. With\n"
        "more files, each is compared with A, which is read once.\n"
        "\n"
        "NMSE is the sum of (A-B)^2 over the sum of A^2; SNR is the same in dB, -10 log10. Numbers for\n"
        "several tensors are over those whose bytes differ in any of the models. With --imatrix, the\n"
        "same is weighted by the energy of the activations each column meets: an estimate of the\n"
        "error of a layer's output. Order alone, and how a model is cut into files, are no difference.\n"
        "\n"
        "These are errors of weights. They rank types within a tensor, and quantizations of one model\n"
        "among each other, well; weighted ones better. They don't tell perplexity or KL divergence: how\n"
        "much an error matters differs from tensor to tensor and from model to model, errors of layers\n"
        "add up or cancel, and numbers of two different models don't compare.\n"
        "\n"
        "Exit status: 0 the same, 1 different (with --fail-above: something is above), 2 usage. 3 and\n"
        "up is trouble, and the comparison is partial: 3 a file is damaged or cut short, or holds types\n"
        "unknown here, 4 environment, 5 a bug, 6 architectures differ, 7 tensors are on one side only,\n"
        "8 shapes differ, 9 NaN or infinities are on one side only. The first of 3, 6 to 9 that applies.",
    .examples = "ggtool diff model.gguf model-Q4_K_M.gguf\twhat quantizing it cost, and where\n"
                "ggtool diff model.gguf model-*.gguf --imatrix imatrix.gguf\twhich of these?\n"
                "ggtool diff model.gguf model-Q4_K_M.gguf --html report.html\ta page to look at\n"
                "ggtool diff model.gguf model-Q8_0.gguf -q --fail-above nmse=0.001\tin scripts\n",
    .opts = options,
    .min_args = 2,
    .max_args = GG_VISIT_MAX,
    .opts_nbytes = sizeof(struct diff_opts),
    .defaults = defaults,
    .run = run,
};

/* ---- the command line ---------------------------------------------------------------------- */

static int usage(struct cmd_env *env, const char *text)
{
    gg_msg_error(&env->msg, "%s", text);
    return CMD_USAGE;
}

static const char *contradiction(const struct diff_opts *o, bool many)
{
    bool looks = o->html != NULL || o->svg != NULL || o->png != NULL || o->plot;
    if (o->json && o->csv)
        return "--json and --csv cannot both go to standard output";
    if ((o->json || o->csv) && (o->plot || o->hex))
        return "--plot and --hex are text; leave --json or --csv out";
    if (many && (o->hex || o->rows))
        return "--hex and --rows compare two models, not more";
    if (o->header_only && (looks || o->hex || o->rows || o->csv || o->imatrix != NULL ||
                           o->fail_above != NULL))
        return "--header-only reads no values, so there is nothing to measure or draw";
    return NULL;
}

/* Files to be written must be new, and no two the same. */
static int check_files(const struct diff_opts *o, struct gg_err *err)
{
    static const char *const names[] = {"--html", "--svg", "--png"};
    const char *files[] = {o->html, o->svg, o->png};
    for (size_t i = 0; i < 3; i++) {
        int rc = files[i] != NULL ? gg_job_check_new(names[i], files[i], o->force, err) : GG_OK;
        if (rc != GG_OK)
            return rc;
        for (size_t k = 0; k < i; k++) {
            if (files[i] != NULL && files[k] != NULL && strcmp(files[i], files[k]) == 0)
                return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s and %s name one file: %s", names[k],
                               names[i], files[i]);
        }
    }
    return GG_OK;
}

static int prepare(struct diff *d, struct gg_err *err)
{
    const struct diff_opts *o = d->o;
    d->sort = o->sort != DIFF_KEYS   ? (enum diff_key)o->sort
              : o->imatrix != NULL ? DIFF_WEIGHTED
                                   : DIFF_NMSE;
    int rc = check_files(o, err);
    if (rc == GG_OK && o->tensors != NULL)
        rc = gg_pattern_new(&d->only, o->tensors, err);
    if (rc == GG_OK && o->fail_above != NULL)
        rc = diff_read_limits(d, o->fail_above, err);
    if (rc == GG_OK && o->imatrix != NULL)
        rc = gg_imatrix_open(&d->imatrix, o->imatrix, err);
    return rc;
}

/* ---- the run ------------------------------------------------------------------------------- */

static int exit_code(const struct diff *d)
{
    static const int codes[DIFF_TROUBLES] = {CMD_BAD_INPUT,     CMD_BAD_INPUT,   DIFF_EXIT_ARCH,
                                             DIFF_EXIT_MISSING, DIFF_EXIT_SHAPE, DIFF_EXIT_ODD};
    for (size_t i = 0; i < DIFF_TROUBLES; i++) {
        if (d->trouble[i])
            return codes[i];
    }
    if (d->n_limits > 0)
        return diff_exceeds(d) ? CMD_NO : CMD_OK;
    for (size_t m = 0; m < d->n_others; m++) {
        if (diff_is_different(d, m))
            return CMD_NO;
    }
    return CMD_OK;
}

static int show(struct diff *d, struct gg_err *err)
{
    const struct diff_opts *o = d->o;
    int rc = GG_OK;
    if (o->json)
        rc = diff_json(d, err);
    else if (o->csv)
        rc = diff_csv(d, err);
    else if (d->env->msg.level >= 0)
        rc = d->n_others == 1 ? diff_screen(d, err) : diff_many(d, err);
    bool text = !o->json && !o->csv && d->env->msg.level >= 0;
    if (rc == GG_OK && text && o->hex)
        rc = diff_hex(d, err);
    if (rc == GG_OK && text && o->rows)
        rc = diff_print_rows(d, err);
    if (rc == GG_OK && text && o->plot)
        rc = diff_plot(d, err);
    return rc == GG_OK ? diff_write_pictures(d, err) : rc;
}

static int run(struct cmd_env *env, void *o, int argc, char **argv)
{
    struct diff d = {.env = env, .o = o, .term = env->out_term};
    struct gg_err err;
    const char *why_not = contradiction(o, argc > 2);
    if (why_not != NULL)
        return usage(env, why_not);
    int rc = prepare(&d, &err), code;
    if (rc == GG_OK)
        rc = diff_open(&d, argc, argv, &err);
    if (rc == GG_OK)
        rc = diff_run(&d, &err);
    if (rc == GG_OK) {
        diff_say_trouble(&d);
        rc = show(&d, &err);
    }
    code = rc == GG_OK ? exit_code(&d) : gg_msg_fail(&env->msg, &err);
    diff_free(&d);
    return code;
}
