/* What `ggtool split` and `ggtool merge` share: a plan that only copies, carried out, reported. It
 * is no command. */
#ifndef CMD_SHARDS_H
#define CMD_SHARDS_H

#include "cmds/cmd.h"
#include "lib/cli/progress.h"
#include "lib/job/consume.h"
#include "lib/job/job.h"

enum { SHARDS_MAX_FINDINGS = 20 }; /* shown without -v */

struct shards_opts { /* in the option struct of both */
    bool force, dry_run, json, sha256, consume;
    struct gg_opt_u64 window;
};
extern const struct gg_opt_group shards_opts_write; /* counted from struct shards_opts */

/* One run. */
struct shards {
    struct cmd_env *env;
    const struct shards_opts *o;
    const char *doing; /* "splitting", for the progress line */
    const char *in;    /* as named first */
    const char *out;   /* a file, or the prefix of a set */
    struct gg_model *model;
    struct gg_plan_wishes wishes;
    struct gg_plan *plan;
    struct gg_progress progress;
    struct gg_job_result result;
    bool resumes; /* an unfinished --consume stands beside out */
    double seconds;
};

/* Before anything is opened: options that contradict each other, and what an earlier --consume has
 * left beside out. *done: it lacked nothing but names, and is settled. An exit code. */
int shards_begin(struct shards *s, bool *done);
/* Flags to open the model with: half of it may be gone already when a --consume goes on. */
unsigned shards_open_flags(const struct shards *s);
/* Refuses a file that is named like a shard, but is none by its metadata. */
GG_MUST_CHECK int shards_check_name(const struct gg_model *m, struct gg_err *err);
/* With model and wishes in place: plans, then shows it or carries it out. An exit code. */
int shards_run(struct shards *s);
void shards_free(struct shards *s);

/* shards_report.c */
int shards_show_plan(struct shards *s); /* an exit code */
int shards_report(struct shards *s);

#endif
