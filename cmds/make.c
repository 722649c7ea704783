/* The walk that requant and convert share: options, plan, run, report. */
#include "cmds/make.h"

#include "lib/base/text.h"
#include "lib/job/goal.h"

#include <string.h>
#include <sys/stat.h>

static const struct gg_opt look_options[] = {
    {.name = "dry-run", .letter = 'n', .kind = GG_OPT_FLAG,
     .dest = offsetof(struct make_opts, dry_run),
     .help = "show the plan, tensor by tensor, and the exact size; write nothing"},
    {.name = "explain", .kind = GG_OPT_STRING, .dest = offsetof(struct make_opts, explain),
     .arg = "TENSOR", .help = "show what would become of one tensor and why; write nothing",
     .complete = GG_COMPLETE_TENSOR},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = offsetof(struct make_opts, json),
     .help = "plan or report as JSON, alone on standard output"},
    {.name = "report", .kind = GG_OPT_PATH, .dest = offsetof(struct make_opts, report),
     .arg = "FILE.md", .help = "write a table for a model card", .complete = GG_COMPLETE_FILE},
    {.name = "stats-out", .kind = GG_OPT_PATH, .dest = offsetof(struct make_opts, stats_out),
     .arg = "FILE", .help = "write the errors of all tensors, as CSV (FILE.csv) or JSON",
     .complete = GG_COMPLETE_FILE},
    {.name = "no-stats", .kind = GG_OPT_FLAG, .dest = offsetof(struct make_opts, no_stats),
     .help = "do not measure errors (saves decoding again)"},
    GG_OPT_END,
};
const struct gg_opt_group make_opts_look = {"Report", look_options};

/* ---- the command line ---------------------------------------------------------------------- */

bool make_only_looks(const struct make *r)
{
    return r->o->dry_run || r->o->explain != NULL;
}

bool make_reads(const struct make *r)
{
    return !make_only_looks(r) || gg_goal_wanted(&r->o->goal);
}

static int usage(struct cmd_env *env, const char *text)
{
    gg_msg_error(&env->msg, "%s", text);
    return CMD_USAGE;
}

/* Options that make no sense together. NULL: all is well. */
static const char *contradiction(const struct make *r, bool look, const char *out)
{
    const struct make_opts *o = r->o;
    bool piped = out != NULL && strcmp(out, "-") == 0;
    if (!look && out == NULL)
        return r->no_output;
    if (piped && o->json && !look)
        return "--json and the model cannot both go to standard output";
    if (look && (o->report != NULL || o->stats_out != NULL || o->output.sha256))
        return "--report, --stats-out and --sha256 need a run, not --dry-run or --explain";
    if (o->no_stats && o->stats_out != NULL)
        return "--no-stats and --stats-out contradict each other";
    return NULL;
}

/* Files beside the outputs; the first N_NEW of them are new, unless --force is given. */
enum { N_NEW = 3, N_SIDE = 4 };
static const char *const side_names[N_SIDE] = {"--report", "--stats-out", "--recipe-out",
                                               "--error-cache"};

static void side_files(const struct make_opts *o, const char *files[N_SIDE])
{
    files[0] = o->report;
    files[1] = o->stats_out;
    files[2] = o->goal.recipe_out;
    files[3] = o->goal.error_cache;
}

int make_arguments(struct make *r, const char *types, int argc, char **argv)
{
    struct gg_err err;
    const struct make_opts *o = r->o;
    bool look = make_only_looks(r);
    if (argc == 2 && o->output.output != NULL)
        return usage(r->env, "the output is named twice: as an argument and with --output");
    const char *out = argc == 2 ? argv[1] : o->output.output;
    const char *why_not = contradiction(r, look, out);
    if (why_not != NULL)
        return usage(r->env, why_not);
    r->in = argv[0];
    if (gg_goal_check(&o->goal, &o->quant, o->type, &err) != GG_OK)
        return gg_msg_fail(&r->env->msg, &err);
    if (gg_targets_parse(&r->targets, types, look ? NULL : out, &err) != GG_OK)
        return gg_msg_fail(&r->env->msg, &err);
    const char *files[N_SIDE];
    side_files(o, files);
    for (size_t i = 0; i < N_NEW; i++) {
        if (files[i] != NULL && gg_job_check_new(side_names[i], files[i], o->output.force, &err) != GG_OK)
            return gg_msg_fail(&r->env->msg, &err);
    }
    return CMD_OK;
}

/* ---- the walk ------------------------------------------------------------------------------ */

enum qk_search make_search(const struct make *r)
{
    enum { AUTO, STANDARD, BEST };
    int search = r->o->quant.search;
    bool best = search == BEST || (search == AUTO && gg_goal_wanted(&r->o->goal));
    return best ? QK_SEARCH_BEST : QK_SEARCH_STANDARD;
}

struct gg_stream_opts make_stream(struct make *r, const char *what)
{
    gg_progress_begin(&r->progress, &r->env->msg, r->env->progress, what, 0);
    return (struct gg_stream_opts){
        .kernels = &r->kernels,
        .search = make_search(r),
        .n_workers = r->env->n_threads,
        .max_memory = r->o->work.max_memory.set ? r->o->work.max_memory.v : 0,
        .progress = gg_progress_set,
        .progress_ctx = &r->progress,
    };
}

int make_plan(struct make *r, bool dry)
{
    struct gg_err err;
    r->wishes->plan.keep = r->keep;
    if (gg_goal_wanted(&r->o->goal))
        return make_target(r, dry);
    int rc = gg_plan_new(&r->plan, r->model, r->targets.presets, r->targets.n, &r->wishes->plan, dry,
                         &err);
    if (r->plan == NULL)
        return gg_msg_fail(&r->env->msg, &err);
    /* when findings failed the plan, err only repeats the first of them */
    gg_msg_findings(&r->env->msg, r->model->name, &r->plan->findings,
                    r->env->msg.level > 0 ? 0 : MAKE_MAX_FINDINGS);
    return rc == GG_OK ? CMD_OK : (int)gg_exit_code((enum gg_code)rc);
}

static int write_outputs(struct make *r)
{
    struct gg_err err;
    const char *const not_inputs[] = {r->o->quant.imatrix, NULL};
    struct gg_write_opts w = {
        .stream = make_stream(r, r->doing),
        .nonfinite = r->o->work.nonfinite == MAKE_ZERO ? GG_NONFINITE_ZERO : GG_NONFINITE_FAIL,
        .stats = !r->o->no_stats,
        .all_sums = r->o->json || r->o->stats_out != NULL, /* where cosine and bias are told */
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

static int work(struct make *r)
{
    bool keep_type = r->o->work.nonfinite == MAKE_KEEP_TYPE;
    int code = CMD_OK;
    if (make_only_looks(r)) {
        code = make_plan(r, true);
        if (code == CMD_OK)
            code = make_keep_target(r);
        if (code == CMD_OK)
            code = r->o->explain != NULL ? make_explain(r) : make_show_plan(r);
        return code;
    }
    if (r->o->work.check_first || keep_type)
        code = make_check(r);
    if (code == CMD_OK)
        code = make_plan(r, false);
    if (code == CMD_OK)
        code = make_keep_target(r);
    if (code == CMD_OK && r->keep == NULL) /* not looked at all of it before */
        code = make_check_copied(r);
    if (code == CMD_OK)
        code = write_outputs(r);
    return code == CMD_OK ? make_report(r) : code;
}

/* Is path (where st is, if there) something that the run reads or writes otherwise? */
static bool clashes(const struct make *r, const char *path, bool there, const struct stat *st)
{
    struct stat other;
    for (size_t k = 0; r->targets.paths != NULL && k < r->targets.n; k++) {
        if (strcmp(path, r->targets.paths[k]) == 0)
            return true;
    }
    for (size_t k = 0; there && k < r->model->n_files; k++) {
        if (st->st_dev == r->model->files[k].dev && st->st_ino == r->model->files[k].ino)
            return true;
    }
    return there && r->o->quant.imatrix != NULL && stat(r->o->quant.imatrix, &other) == 0 &&
           st->st_dev == other.st_dev && st->st_ino == other.st_ino;
}

/* Side files may replace what is there: not what is read or written. */
static int check_side_files(struct make *r, struct gg_err *err)
{
    const char *files[N_SIDE];
    struct stat st;
    side_files(r->o, files);
    for (size_t i = 0; i < N_SIDE; i++) {
        if (files[i] == NULL)
            continue;
        bool clash = clashes(r, files[i], stat(files[i], &st) == 0, &st);
        for (size_t k = 0; k < i; k++)
            clash = clash || (files[k] != NULL && strcmp(files[k], files[i]) == 0);
        if (clash)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "%s: is read or written otherwise; choose another name for %s", files[i],
                           side_names[i]);
    }
    return GG_OK;
}

int make_run(struct make *r, int (*open)(struct make *r, void *ctx, struct gg_err *err), void *ctx)
{
    struct gg_err err;
    int rc = open(r, ctx, &err);
    if (rc == GG_OK && make_reads(r))
        rc = gg_model_require_sound(r->model, &err);
    if (rc == GG_OK && make_reads(r))
        rc = check_side_files(r, &err);
    if (rc == GG_OK)
        rc = gg_wishes_new(&r->wishes, r->model, &r->o->quant, &r->o->meta, &r->o->output, &err);
    if (rc != GG_OK)
        return gg_msg_fail(&r->env->msg, &err);
    r->wishes->plan.big_endian = r->big_endian;
    qk_init(&r->kernels, r->env->cpu);
    return work(r);
}

void make_free(struct make *r)
{
    gg_job_result_free(&r->result);
    gg_plan_free(r->plan);
    gg_target_free(r->target);
    gg_wishes_free(r->wishes);
    gg_model_free(r->model);
    gg_targets_free(&r->targets);
}
