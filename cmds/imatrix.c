/* imatrix: importance matrices seen, checked against a model, merged, converted, cut down. */
#include "cmds/imatrix.h"

#include <stdlib.h>
#include <string.h>

static int run(struct cmd_env *env, void *opts, int argc, char **argv);

#define OPT(m) offsetof(struct imatrix_opts, m)

static const char *const formats[] = {"auto", "gguf", "dat", NULL};

static const struct gg_opt look_options[] = {
    {.name = "model", .letter = 'm', .kind = GG_OPT_PATH, .dest = OPT(model), .arg = "FILE",
     .complete = GG_COMPLETE_GGUF, .help = "the model that check holds the matrix against"},
    {.name = "layers", .kind = GG_OPT_FLAG, .dest = OPT(layers),
     .help = "show: means of each layer instead of every tensor"},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = OPT(json), .help = "JSON (docs/json.md)"},
    {.name = "csv", .kind = GG_OPT_FLAG, .dest = OPT(csv), .help = "show: a line for each tensor as CSV"},
    GG_OPT_END,
};
static const struct gg_opt_group look = {"Show and check", look_options};

static const struct gg_opt make_options[] = {
    {.name = "output", .letter = 'o', .kind = GG_OPT_PATH, .dest = OPT(output), .arg = "FILE",
     .complete = GG_COMPLETE_FILE, .help = "where it goes; - is standard output"},
    {.name = "force", .kind = GG_OPT_FLAG, .dest = OPT(force), .help = "replace an existing file"},
    {.name = "format", .kind = GG_OPT_CHOICE, .dest = OPT(format), .arg = "FORMAT",
     .choices = formats, .help = "auto goes by the name of the output, .dat being the old format"},
    {.name = "keep", .kind = GG_OPT_LIST, .dest = OPT(keep), .arg = "PATTERN",
     .complete = GG_COMPLETE_TENSOR,
     .help = "only entries whose tensor matches (a glob, or re:REGEX); repeatable"},
    {.name = "drop", .kind = GG_OPT_LIST, .dest = OPT(drop), .arg = "PATTERN",
     .complete = GG_COMPLETE_TENSOR,
     .help = "leave out entries whose tensor matches; repeatable"},
    {.name = "rename", .kind = GG_OPT_LIST, .dest = OPT(rename), .arg = "OLD=NEW",
     .help = "put the text NEW for OLD in names (--keep and --drop see the old ones); repeatable"},
    {.name = "scale", .kind = GG_OPT_STRING, .dest = OPT(scale), .arg = "X",
     .help = "sums and counts times X: how much they weigh in a later merge; means stay"},
    {.name = "chunk-size", .kind = GG_OPT_U64, .dest = OPT(chunk_size), .arg = "N", .min = 1,
     .max = 1 << 24, .help = "tokens of a chunk, which .dat files do not say (512 when no file does)"},
    GG_OPT_END,
};
static const struct gg_opt_group make = {"Merge, convert and filter", make_options};

static const struct gg_opt options[] = {
    {.kind = GG_OPT_GROUP, .group = &look},
    {.kind = GG_OPT_GROUP, .group = &make},
    GG_OPT_END,
};

const struct cmd cmd_imatrix = {
    .name = "imatrix",
    .group = "Make",
    .args = "show|check|merge|convert|filter FILE...",
    .brief = "Look at importance matrices, check, merge, convert and cut them down",
    .details =
        "An importance matrix holds, for each weight matrix, the mean square of what it is multiplied "
        "with, column by column: where an error costs more. Both formats are read, told apart by "
        "content: GGUF, and the older .dat.\n\n"
        "  show     entries and the statistics of llama-imatrix --show-statistics:\n"
        "           sum, min, max, mean, sigma; active: share above 1e-5; entropy in\n"
        "           bits, and as share of the most possible; ZD: share more than one\n"
        "           sigma above the mean; CosSim: cosine with the tensor a layer before\n"
        "  check    its own faults, and with --model what it covers of that\n"
        "  merge    several into one: sums and counts are added, as llama-imatrix does\n"
        "  convert  one to the other format\n"
        "  filter   fewer or renamed entries, or weighing more or less\n\n"
        "The old format has one count for a stack of experts, one data set and no chunk size; what is "
        "lost is said. check exits with 1 when there are faults.",
    .examples = "ggtool imatrix show imatrix.gguf\tstatistics of each tensor\n"
                "ggtool imatrix check imatrix.gguf --model model.gguf\tdoes it cover the model?\n"
                "ggtool imatrix merge a.gguf b.gguf -o both.gguf\tone of two\n"
                "ggtool imatrix convert imatrix.dat -o new.gguf\tto the new format\n",
    .opts = options,
    .min_args = 2,
    .max_args = SIZE_MAX,
    .takes = {GG_COMPLETE_ACTION, GG_COMPLETE_FILE},
    .opts_nbytes = sizeof(struct imatrix_opts),
    .run = run,
};

static const struct verb {
    const char *name;
    size_t min, max; /* files */
    bool makes;
    int (*run)(struct imatrix_cmd *c);
} verbs[] = {
    {"show", 1, 1, false, imatrix_show},     {"check", 1, SIZE_MAX, false, imatrix_check},
    {"merge", 1, SIZE_MAX, true, imatrix_make}, {"convert", 1, 1, true, imatrix_make},
    {"filter", 1, 1, true, imatrix_make},
};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

static int usage(struct cmd_env *env, const char *text)
{
    gg_msg_error(&env->msg, "%s", text);
    return CMD_USAGE;
}

static const struct verb *find_verb(struct cmd_env *env, const char *name)
{
    const char *names[N_VERBS];
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
        names[i] = verbs[i].name;
    }
    const char *near = gg_opt_nearest(name, names, N_VERBS);
    gg_msg_error(&env->msg, near != NULL ? "'%.32s' is none of show, check, merge, convert, filter; "
                                           "did you mean '%s'?"
                                         : "'%.32s' is none of show, check, merge, convert, filter",
                 name, near);
    return NULL;
}

/* What goes with which verb. */
static int check_options(struct cmd_env *env, const struct verb *v, const struct imatrix_opts *o,
                         size_t n)
{
    bool changes = o->keep.n + o->drop.n + o->rename.n > 0 || o->scale != NULL;
    bool makes = changes || o->output != NULL || o->force || o->format != 0 || o->chunk_size.set;
    if (n > v->max)
        return usage(env, "one FILE at a time");
    if (v->makes && o->output == NULL)
        return usage(env, "where to? name an output: -o FILE");
    if (!v->makes && makes)
        return usage(env, "show and check make nothing; leave the options of merge, convert and filter out");
    if ((o->csv || o->layers) && v->run != imatrix_show)
        return usage(env, "--csv and --layers are options of show");
    if (o->model != NULL && v->run != imatrix_check)
        return usage(env, "--model is an option of check");
    if (o->json && (v->makes || o->csv))
        return usage(env, o->csv ? "--json and --csv cannot both go to standard output"
                                 : "--json is an option of show and check");
    if (strcmp(v->name, "filter") == 0 && !changes)
        return usage(env, "filter what? --keep, --drop, --rename or --scale");
    return CMD_OK;
}

static int run(struct cmd_env *env, void *opts, int argc, char **argv)
{
    struct imatrix_cmd c = {.env = env, .o = opts, .paths = argv + 1, .n = (size_t)argc - 1};
    struct gg_err err;
    const struct verb *v = find_verb(env, argv[0]);
    int code = v == NULL ? CMD_USAGE : check_options(env, v, opts, c.n);
    if (code != CMD_OK)
        return code;
    c.in = calloc(c.n, sizeof(*c.in));
    if (c.in == NULL) {
        gg_fail_nomem(&err, "a list of files");
        return gg_msg_fail(&env->msg, &err);
    }
    for (size_t i = 0; code == CMD_OK && i < c.n; i++) {
        if (gg_imatrix_open(&c.in[i], c.paths[i], &err) != GG_OK)
            code = gg_msg_fail(&env->msg, &err);
    }
    if (code == CMD_OK)
        code = v->run(&c);
    for (size_t i = 0; i < c.n; i++)
        gg_imatrix_free(c.in[i]);
    free(c.in);
    return code;
}
