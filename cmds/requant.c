/* ggtool requant: a GGUF model in, the same model with other tensor types out. */
#include "cmds/make.h"
#include "cmds/say.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/job/goal.h"
#include "lib/plan/preset.h"

#include <string.h>

static int run_requant(struct cmd_env *env, void *opts, int argc, char **argv);

static const struct gg_opt requant_options[] = {
    {.name = "type", .letter = 't', .kind = GG_OPT_STRING, .dest = offsetof(struct make_opts, type),
     .arg = "TYPE[,TYPE...]", .help = "what to make: Q4_K_M, Q8_0, F16, COPY...; several are written "
                                      "from one reading",
     .complete = GG_COMPLETE_TYPE_OR_PRESET},
    {.kind = GG_OPT_GROUP, .group = &make_opts_look},
    GG_OPT_SUBTABLE(&gg_opts_output, struct make_opts, output),
    GG_OPT_SUBTABLE(&gg_opts_quant, struct make_opts, quant),
    GG_OPT_SUBTABLE(&gg_opts_goal, struct make_opts, goal),
    GG_OPT_SUBTABLE(&gg_opts_meta, struct make_opts, meta),
    GG_OPT_SUBTABLE(&gg_opts_work, struct make_opts, work),
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
        "Types of other programs' files (ik_llama.cpp's, and those llama.cpp has removed) are decoded;\n"
        "docs/quantized.md lists them.\n"
        "\n"
        "Several types make several files from one reading: --type Q4_K_M,Q8_0 -o 'M-{type}.gguf'.\n"
        "\n"
        "--target-size and --target-bpw choose the types themselves: every tensor is encoded in every type\n"
        "it could take, to measure what that costs, and the choice of least loss within the size is\n"
        "made, exactly. Loss is the predicted energy of the error of the logits over that of the logits,\n"
        "from errors weighted by --imatrix and by where in the model they stand; see ggtool-recipes(7).\n"
        "Options that name a type for a tensor stand. Experts of a layer keep one type.\n"
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
        "ggtool requant model.gguf out.gguf --target-size 4.2G --imatrix imatrix.gguf\tthe best of that size\n"
        "ggtool requant model.gguf out.gguf --type Q4_0 --tensor-type 'ffn_down=q6_K'\twith a rule\n",
    .opts = requant_options,
    .min_args = 1,
    .max_args = 4, /* IN OUT TYPE THREADS is said better than "too many" */
    .opts_nbytes = sizeof(struct make_opts),
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

static int read_arguments(struct make *r, int argc, char **argv)
{
    const struct make_opts *o = r->o;
    const struct gg_preset *p = argc == 2 && o->type == NULL ? gg_preset_by_name(argv[1]) : NULL;
    if (argc > 2 || (p != NULL && p->target))
        return fail_llama_style(r->env, argc, argv);
    if (o->type == NULL && !gg_goal_wanted(&o->goal))
        return usage(r->env, "what should it become? name a type (--type Q4_K_M) or a size (--target-size 4.2G) ('ggtool help requant')");
    return make_arguments(r, o->type, argc, argv);
}

static int open_model(struct make *r, void *ctx, struct gg_err *err)
{
    (void)ctx;
    unsigned flags = !make_reads(r) ? GGF_HEADER_ONLY | GG_JOB_LOOK : GGF_STRICT;
    int rc = gg_job_open(&r->model, r->in, flags | GG_JOB_FOREIGN | GG_JOB_PLAIN, err);
    if (rc == GG_OK)
        cmd_say_normalized(r->env, r->model, MAKE_MAX_FINDINGS);
    return rc;
}

static int run_requant(struct cmd_env *env, void *opts, int argc, char **argv)
{
    struct make r = {.env = env, .o = opts, .doing = "requantizing",
                     .no_output = "where to? name an output: ggtool requant IN OUT --type T "
                                  "(or --dry-run)"};
    int code = read_arguments(&r, argc, argv);
    if (code == CMD_OK)
        code = make_run(&r, open_model, NULL);
    make_free(&r);
    return code;
}
