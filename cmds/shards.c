/* The walk that split and merge share: options, plan, run. */
#include "cmds/shards.h"

#include "cmds/say.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"
#include "lib/sys/clock.h"

#include <string.h>

#define RUN(member) offsetof(struct shards_opts, member)

static const struct gg_opt write_options[] = {
    {.name = "dry-run", .letter = 'n', .kind = GG_OPT_FLAG, .dest = RUN(dry_run),
     .help = "check the input, show what would be written, to the byte; write nothing"},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = RUN(json),
     .help = "plan or report as JSON, alone on standard output"},
    {.name = "force", .kind = GG_OPT_FLAG, .dest = RUN(force), .help = "replace existing files"},
    {.name = "sha256", .kind = GG_OPT_FLAG, .dest = RUN(sha256),
     .help = "also write checksums, as sha256sum does, from the same pass"},
    {.name = "consume", .kind = GG_OPT_FLAG, .dest = RUN(consume),
     .help = "use the input up: it shrinks as the output grows, and is gone in the end"},
    {.name = "window", .kind = GG_OPT_SIZE, .dest = RUN(window), .arg = "SIZE",
     .help = "with --consume, bytes that are there twice at a time; 64MiB by default", .min = 4096,
     .max = 1u << 30},
    GG_OPT_END,
};
const struct gg_opt_group shards_opts_write = {"Output", write_options};

/* ---- before the model ---------------------------------------------------------------------- */

static int usage(struct shards *s, const char *text)
{
    gg_msg_error(&s->env->msg, "%s", text);
    return CMD_USAGE;
}

static const char *contradiction(const struct shards *s)
{
    const struct shards_opts *o = s->o;
    bool piped = s->out != NULL && strcmp(s->out, "-") == 0;
    if (piped && o->json && !o->dry_run)
        return "--json and the model cannot both go to standard output";
    if (piped && o->consume)
        return "--consume needs an output with a name: what was written cannot be read back";
    if (o->sha256 && o->dry_run)
        return "--sha256 needs a run, not --dry-run";
    if (o->sha256 && o->consume)
        return "--sha256 and --consume cannot be used together: sha256sum the output instead";
    if (o->window.set && !o->consume)
        return "--window is of use with --consume only";
    return NULL;
}

static int settle(struct shards *s)
{
    struct gg_err err;
    if (gg_consume_settle(s->out, s->o->force, &err) != GG_OK)
        return gg_msg_fail(&s->env->msg, &err);
    gg_msg_note(&s->env->msg, "all data had been moved before; names and clean-up are done now");
    return CMD_OK;
}

int shards_begin(struct shards *s, bool *done)
{
    struct gg_err err;
    enum gg_consume_state state;
    const char *why_not = contradiction(s);
    *done = false;
    if (why_not != NULL)
        return usage(s, why_not);
    if (s->out == NULL || strcmp(s->out, "-") == 0)
        return CMD_OK;
    if (gg_consume_look(s->out, &state, &err) != GG_OK)
        return gg_msg_fail(&s->env->msg, &err);
    if (state == GG_CONSUME_NONE)
        return CMD_OK;
    if (!s->o->consume || s->o->dry_run)
        return usage(s, "an earlier --consume into this output was cut short; run the same command "
                        "as then to finish it");
    s->resumes = true;
    *done = state == GG_CONSUME_MOVED;
    return *done ? settle(s) : CMD_OK;
}

unsigned shards_open_flags(const struct shards *s)
{
    unsigned looks = s->o->dry_run ? GG_JOB_LOOK : 0;
    return looks | GG_JOB_MOVED | (s->resumes ? (unsigned)GGF_HEADER_ONLY : (unsigned)GGF_STRICT);
}

int shards_check_name(const struct gg_model *m, struct gg_err *err)
{
    size_t prefix;
    uint32_t no, count;
    char shown[256];
    if (m->n_files != 1 || !ggf_split_parse(m->files[0].path, &prefix, &no, &count) || count == 1)
        return GG_OK;
    return gg_fail(
        err, GG_ERR_CORRUPT, GG_NOWHERE,
        "%s: is named like shard %u of %u, but its metadata know no set: split.count is not "
        "%u; rename it if it is whole",
        gg_text_escape_into(shown, sizeof shown, m->name, strlen(m->name)), (unsigned)no + 1,
        (unsigned)count, (unsigned)count);
}

/* ---- the walk ------------------------------------------------------------------------------ */

static int plan(struct shards *s)
{
    static const struct gg_preset *const copy[] = {NULL};
    struct gg_err err;
    int rc = gg_plan_new(&s->plan, s->model, copy, 1, &s->wishes, false, &err);
    if (s->plan == NULL)
        return gg_msg_fail(&s->env->msg, &err);
    gg_msg_findings(&s->env->msg, s->model->name, &s->plan->findings,
                    s->env->msg.level > 0 ? 0 : SHARDS_MAX_FINDINGS);
    return rc == GG_OK ? CMD_OK : (int)gg_exit_code((enum gg_code)rc);
}

static int copy(struct shards *s, struct gg_err *err)
{
    struct qk_table kernels;
    qk_init(&kernels, s->env->cpu);
    struct gg_write_opts w = {.stream = {.kernels = &kernels,
                                         .n_workers = s->env->n_threads,
                                         .progress = gg_progress_set,
                                         .progress_ctx = &s->progress}};
    struct gg_job job = {.model = s->model,
                         .plan = s->plan,
                         .paths = &s->out,
                         .force = s->o->force,
                         .sha256 = s->o->sha256,
                         .write = &w};
    return gg_job_run(&job, &s->result, err);
}

/* Signals wait while it works, so that it stops between two steps and says how to go on. */
static int consume(struct shards *s, struct gg_err *err)
{
    struct gg_consume_job job = {.model = s->model,
                                 .plan = s->plan,
                                 .path = s->out,
                                 .force = s->o->force,
                                 .window_nbytes = s->o->window.set ? s->o->window.v : 0,
                                 .progress = gg_progress_set,
                                 .progress_ctx = &s->progress};
    bool begun = false;
    gg_cleanup_hold();
    int rc = gg_consume_run(&job, &begun, err);
    gg_progress_end(&s->progress);
    if (rc != GG_OK && begun)
        gg_msg_warn(&s->env->msg, "cut short; nothing is lost: the same command goes on from here");
    gg_cleanup_release();
    return rc;
}

static int write_files(struct shards *s)
{
    struct gg_err err;
    uint64_t start = gg_clock_ns();
    gg_progress_begin(&s->progress, &s->env->msg, s->env->progress, s->doing, 0);
    int rc = s->o->consume ? consume(s, &err) : copy(s, &err);
    gg_progress_end(&s->progress);
    s->seconds = (double)(gg_clock_ns() - start) / 1e9;
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&s->env->msg, &err);
}

int shards_run(struct shards *s)
{
    struct gg_err err;
    if (gg_model_require_sound(s->model, &err) != GG_OK)
        return gg_msg_fail(&s->env->msg, &err);
    cmd_say_normalized(s->env, s->model, SHARDS_MAX_FINDINGS);
    int code = plan(s);
    if (code == CMD_OK && s->o->dry_run)
        return shards_show_plan(s);
    if (code == CMD_OK)
        code = write_files(s);
    return code == CMD_OK ? shards_report(s) : code;
}

void shards_free(struct shards *s)
{
    gg_job_result_free(&s->result);
    gg_plan_free(s->plan);
    gg_model_free(s->model);
}
