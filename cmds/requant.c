/* ggtool requant: a GGUF model in, the same model with other tensor types out. */
#include "cmds/requant.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/plan/preset.h"

#include <string.h>

static int run_requant(struct cmd_env *env, void *opts, int argc, char **argv);

enum { MAX_FINDINGS = 20 }; /* shown without -v */

static const struct gg_opt requant_options[] = {
    {.name = "type", .letter = 't', .kind = GG_OPT_STRING, .dest = offsetof(struct requant_opts, type),
     .arg = "TYPE[,TYPE...]", .help = "what to make: Q4_K_M, Q8_0, F16, COPY...; several are written "
                                      "from one reading",
     .complete = GG_COMPLETE_TYPE_OR_PRESET},
    {.name = "dry-run", .letter = 'n', .kind = GG_OPT_FLAG,
     .dest = offsetof(struct requant_opts, dry_run),
     .help = "show the plan, tensor by tensor, and the exact size; write nothing"},
    {.name = "explain", .kind = GG_OPT_STRING, .dest = offsetof(struct requant_opts, explain),
     .arg = "TENSOR", .help = "show what would become of one tensor and why; write nothing",
     .complete = GG_COMPLETE_TENSOR},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = offsetof(struct requant_opts, json),
     .help = "plan or report as JSON, alone on standard output"},
    {.name = "report", .kind = GG_OPT_PATH, .dest = offsetof(struct requant_opts, report),
     .arg = "FILE.md", .help = "write a table for a model card", .complete = GG_COMPLETE_FILE},
    {.name = "stats-out", .kind = GG_OPT_PATH, .dest = offsetof(struct requant_opts, stats_out),
     .arg = "FILE", .help = "write the errors of all tensors, as CSV (FILE.csv) or JSON",
     .complete = GG_COMPLETE_FILE},
    {.name = "no-stats", .kind = GG_OPT_FLAG, .dest = offsetof(struct requant_opts, no_stats),
     .help = "do not measure errors (saves decoding again)"},
    GG_OPT_SUBTABLE(&gg_opts_output, struct requant_opts, output),
    GG_OPT_SUBTABLE(&gg_opts_quant, struct requant_opts, quant),
    GG_OPT_SUBTABLE(&gg_opts_meta, struct requant_opts, meta),
    GG_OPT_SUBTABLE(&gg_opts_work, struct requant_opts, work),
    GG_OPT_END,
};

const struct cmd cmd_requant = {
    .name = "requant",
    .group = "Make",
    .args = "IN [OUT]",
    .brief = "Write a model with other tensor types: smaller, and by how much worse",
    .details =
        "Reads the GGUF model IN (a file, or any one shard of a set), encodes its tensors as the type\n"
        "says, and writes OUT. Types are llama.cpp's file types, such as Q4_K_M, and choose for each\n"
        "tensor what llama-quantize chooses; the bytes are the same too. COPY keeps every type.\n"
        "\n"
        "Several types make several files from one reading: --type Q4_K_M,Q8_0 -o 'M-{type}.gguf'.\n"
        "\n"
        "OUT appears complete or not at all. A tensor whose type does not change is copied bit for\n"
        "bit. NaN, infinities and scales too large for their type end the run, unless --nonfinite\n"
        "says otherwise. With shards, OUT is PREFIX.gguf for PREFIX-00001-of-0000N.gguf.\n"
        "\n"
        "While it encodes it measures: NMSE, the sum of squared errors over the sum of squares, also\n"
        "in dB; the largest error and where. These are errors of weights, not of answers.",
    .examples =
        "ggtool requant model.gguf model-Q4_K_M.gguf --type Q4_K_M\tone file\n"
        "ggtool requant model.gguf --type Q4_K_M,Q6_K,Q8_0 -o 'model-{type}.gguf'\tthree at once\n"
        "ggtool requant model.gguf --type Q4_K_M --dry-run\twhat would become of each tensor\n"
        "ggtool requant model.gguf out.gguf --type Q4_0 --tensor-type 'ffn_down=q6_K'\twith a rule\n",
    .opts = requant_options,
    .min_args = 1,
    .max_args = 4, /* IN OUT TYPE THREADS is said better than "too many" */
    .opts_nbytes = sizeof(struct requant_opts),
    .run = run_requant,
};

/* ---- the command line ---------------------------------------------------------------------- */

static int usage(struct cmd_env *env, const char *text)
{
    gg_msg_error(&env->msg, "%s", text);
    return CMD_USAGE;
}

/* People come from `llama-quantize IN [OUT] TYPE [THREADS]`. */
static int fail_llama_style(struct cmd_env *env, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct gg_preset *p = gg_preset_by_name(argv[i]);
        if (p == NULL || !p->target)
            continue;
        gg_msg_error(&env->msg, "the type is an option here: ggtool requant %s %s--type %s%s%s",
                     argv[0], i == 2 ? "OUT " : i == 1 ? "OUT " : "", p->name,
                     i + 1 < argc ? " -j " : "", i + 1 < argc ? argv[i + 1] : "");
        return CMD_USAGE;
    }
    char shown[128];
    gg_msg_error(&env->msg, "one argument too many: '%s'",
                 gg_text_escape_into(shown, sizeof shown, argv[2], strlen(argv[2])));
    return CMD_USAGE;
}

/* Options that make no sense together. NULL: all is well. */
static const char *contradiction(const struct requant_opts *o, const char *out)
{
    bool look = o->dry_run || o->explain != NULL;
    bool piped = out != NULL && strcmp(out, "-") == 0;
    if (o->type == NULL)
        return "what should it become? name a type: --type Q4_K_M ('ggtool help requant')";
    if (!look && out == NULL)
        return "where to? name an output: ggtool requant IN OUT --type T (or --dry-run)";
    if (piped && o->json && !look)
        return "--json and the model cannot both go to standard output";
    if (look && (o->report != NULL || o->stats_out != NULL || o->output.sha256))
        return "--report, --stats-out and --sha256 need a run, not --dry-run or --explain";
    if (o->no_stats && o->stats_out != NULL)
        return "--no-stats and --stats-out contradict each other";
    return NULL;
}

static int read_arguments(struct requant *r, const struct requant_opts *o, int argc, char **argv)
{
    struct gg_err err;
    const struct gg_preset *p = argc == 2 && o->type == NULL ? gg_preset_by_name(argv[1]) : NULL;
    if (argc > 2 || (p != NULL && p->target))
        return fail_llama_style(r->env, argc, argv);
    if (argc == 2 && o->output.output != NULL)
        return usage(r->env, "the output is named twice: as an argument and with --output");
    const char *out = argc == 2 ? argv[1] : o->output.output;
    const char *why_not = contradiction(o, out);
    if (why_not != NULL)
        return usage(r->env, why_not);
    r->in = argv[0];
    bool look = o->dry_run || o->explain != NULL;
    if (gg_targets_parse(&r->targets, o->type, look ? NULL : out, &err) != GG_OK)
        return gg_msg_fail(&r->env->msg, &err);
    const char *files[] = {o->report, o->stats_out};
    static const char *const names[] = {"--report", "--stats-out"};
    for (size_t i = 0; i < 2; i++) {
        if (files[i] != NULL && gg_job_check_new(names[i], files[i], o->output.force, &err) != GG_OK)
            return gg_msg_fail(&r->env->msg, &err);
    }
    return CMD_OK;
}

/* ---- the walk ------------------------------------------------------------------------------ */

struct gg_stream_opts requant_stream(struct requant *r, const char *what)
{
    gg_progress_begin(&r->progress, &r->env->msg, r->env->progress, what, 0);
    return (struct gg_stream_opts){
        .kernels = &r->kernels,
        .n_workers = r->env->n_threads,
        .max_memory = r->o->work.max_memory.set ? r->o->work.max_memory.v : 0,
        .progress = gg_progress_set,
        .progress_ctx = &r->progress,
    };
}

int requant_plan(struct requant *r, bool dry)
{
    struct gg_err err;
    r->wishes->plan.keep = r->keep;
    int rc = gg_plan_new(&r->plan, r->model, r->targets.presets, r->targets.n, &r->wishes->plan, dry,
                         &err);
    if (r->plan == NULL)
        return gg_msg_fail(&r->env->msg, &err);
    /* when findings failed the plan, err only repeats the first of them */
    gg_msg_findings(&r->env->msg, r->model->name, &r->plan->findings,
                    r->env->msg.level > 0 ? 0 : MAX_FINDINGS);
    return rc == GG_OK ? CMD_OK : (int)gg_exit_code((enum gg_code)rc);
}

static int write_outputs(struct requant *r)
{
    struct gg_err err;
    const char *const not_inputs[] = {r->o->quant.imatrix, NULL};
    struct gg_write_opts w = {
        .stream = requant_stream(r, "requantizing"),
        .nonfinite = r->o->work.nonfinite == REQUANT_ZERO ? GG_NONFINITE_ZERO : GG_NONFINITE_FAIL,
        .stats = !r->o->no_stats,
    };
    struct gg_job job = {
        .model = r->model,
        .plan = r->plan,
        .paths = r->targets.paths,
        .not_inputs = not_inputs,
        .force = r->o->output.force,
        .sha256 = r->o->output.sha256,
        .write = &w,
    };
    int rc = gg_job_run(&job, &r->result, &err);
    gg_progress_end(&r->progress);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&r->env->msg, &err);
}

static int requant(struct requant *r)
{
    bool keep_type = r->o->work.nonfinite == REQUANT_KEEP_TYPE;
    int code = CMD_OK;
    if (r->o->dry_run || r->o->explain != NULL) {
        code = requant_plan(r, true);
        if (code == CMD_OK)
            code = r->o->explain != NULL ? requant_explain(r) : requant_show_plan(r);
        return code;
    }
    if (r->o->work.check_first || keep_type)
        code = requant_check(r);
    if (code == CMD_OK)
        code = requant_plan(r, false);
    if (code == CMD_OK)
        code = write_outputs(r);
    return code == CMD_OK ? requant_report(r) : code;
}

static int open_model(struct requant *r)
{
    struct gg_err err;
    bool look = r->o->dry_run || r->o->explain != NULL;
    int rc = gg_job_open(&r->model, r->in, look ? GGF_HEADER_ONLY : GGF_STRICT, &err);
    if (rc == GG_OK && !look)
        rc = gg_model_require_sound(r->model, &err);
    if (rc == GG_OK)
        rc = gg_wishes_new(&r->wishes, r->model, &r->o->quant, &r->o->meta, &r->o->output, &err);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&r->env->msg, &err);
}

static int run_requant(struct cmd_env *env, void *opts, int argc, char **argv)
{
    struct requant r = {.env = env, .o = opts};
    int code = read_arguments(&r, r.o, argc, argv);
    if (code == CMD_OK)
        code = open_model(&r);
    if (code == CMD_OK) {
        qk_init(&r.kernels, env->cpu);
        code = requant(&r);
    }
    gg_job_result_free(&r.result);
    gg_plan_free(r.plan);
    gg_wishes_free(r.wishes);
    gg_model_free(r.model);
    gg_targets_free(&r.targets);
    return code;
}
