/* ggtool convert: a checkpoint as it was downloaded in, a GGUF model out, in one pass. */
#include "cmds/convert.h"

#include "lib/base/text.h"
#include "lib/hf/hf.h"
#include "lib/job/goal.h"
#include "lib/sys/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int run_convert(struct cmd_env *env, void *opts, int argc, char **argv);

static const char *const endians[] = {"little", "big", NULL};
static const char *const mtps[] = {"auto", "keep", "drop", NULL}; /* enum gg_hf_mtp */
static const char *const dtypes[] = {"auto", "bf16", "f16", "f32", NULL};

static const struct gg_opt convert_options[] = {
    {.name = "type", .letter = 't', .kind = GG_OPT_STRING, .dest = offsetof(struct convert_opts, make.type),
     .arg = "TYPE[,TYPE...]",
     .help = "what to make: auto (what the source holds), Q4_K_M, BF16...; several from one reading",
     .complete = GG_COMPLETE_TYPE_OR_PRESET},
    {.name = "arch", .kind = GG_OPT_STRING, .dest = offsetof(struct convert_opts, arch), .arg = "NAME",
     .complete = GG_COMPLETE_ARCH,
     .help = "architecture by its GGUF name; raw keeps all tensors under their own names"},
    {.name = "name", .kind = GG_OPT_STRING, .dest = offsetof(struct convert_opts, name), .arg = "NAME",
     .help = "general.name; else from model card, configuration or folder"},
    {.name = "pre", .kind = GG_OPT_STRING, .dest = offsetof(struct convert_opts, pre), .arg = "NAME",
     .complete = GG_COMPLETE_PRETOK,
     .help = "pre-tokenizer (tokenizer.ggml.pre); else told from tokenizer.json"},
    {.name = "base", .kind = GG_OPT_PATH, .dest = offsetof(struct convert_opts, base), .arg = "FOLDER",
     .help = "of a LoRA adapter: the model it is for, or only its config.json", .complete = GG_COMPLETE_FILE},
    {.name = "mmproj", .kind = GG_OPT_FLAG, .dest = offsetof(struct convert_opts, mmproj),
     .help = "write the projector of a model that sees or hears (for llama.cpp's --mmproj), not its text model"},
    {.name = "mtp", .kind = GG_OPT_CHOICE, .dest = offsetof(struct convert_opts, mtp), .arg = "WHAT",
     .help = "layers that predict further tokens (DeepSeek-V3, GLM-4.5...): keep, drop, or auto, which is "
             "what llama.cpp uses",
     .choices = mtps},
    {.name = "metadata", .kind = GG_OPT_PATH, .dest = offsetof(struct convert_opts, metadata),
     .arg = "FILE.json", .help = "general.* keys that override what was found",
     .complete = GG_COMPLETE_FILE},
    {.name = "endian", .kind = GG_OPT_CHOICE, .dest = offsetof(struct convert_opts, endian), .arg = "ORDER",
     .help = "byte order of the GGUF, header and data: little, or big (for s390x and the like)",
     .choices = endians},
    {.name = "dtype", .kind = GG_OPT_CHOICE, .dest = offsetof(struct convert_opts, dtype), .arg = "TYPE",
     .help = "of safetensors: auto (that of the matrices, bf16 when quantized), bf16, f16, f32",
     .choices = dtypes},
    {.kind = GG_OPT_GROUP, .group = &make_opts_look},
    GG_OPT_SUBTABLE(&gg_opts_output, struct convert_opts, make.output),
    GG_OPT_SUBTABLE(&gg_opts_quant, struct convert_opts, make.quant),
    GG_OPT_SUBTABLE(&gg_opts_goal, struct convert_opts, make.goal),
    GG_OPT_SUBTABLE(&gg_opts_meta, struct convert_opts, make.meta),
    GG_OPT_SUBTABLE(&gg_opts_work, struct convert_opts, make.work),
    GG_OPT_END,
};

const struct cmd cmd_convert = {
    .name = "convert",
    .group = "Make",
    .args = "IN [OUT]",
    .brief = "Make a GGUF model of a downloaded checkpoint, quantized in the same pass",
    .details =
        "IN is a folder with a Hugging Face checkpoint (tensors, config.json, tokenizer), or its tensor\n"
        "file. Names, metadata and vocabulary become those llama.cpp expects; tensors are drawn from the\n"
        "stored ones while the output is written, in the memory requant needs.\n"
        "\n"
        "The default type, auto, keeps what the source holds: matrices their type, vectors and norms\n"
        "F32. Any type or list of types of requant can be asked for, with all its options. Tensors\n"
        "stand as llama.cpp's converter puts them: file after file, those of safetensors by name, those\n"
        "of a PyTorch file as they were saved.\n"
        "\n"
        "Architectures: Llama 1 to 4, Mistral, Mixtral, Qwen 1 to 3.5, Gemma 1 to 4, Phi 1 to 4, DeepSeek V1\n"
        "to R1, Kimi K2, gpt-oss, GLM-4, Granite, Hunyuan, OLMo, Command-R, Falcon, GPT-2, GPT-NeoX, BLOOM, MPT,\n"
        "StarCoder, StableLM, InternLM, MiniCPM, MiniMax-M2, Baichuan, ERNIE 4.5, Ling, Nemotron, EXAONE, Jamba,\n"
        "Mamba 1 and 2, LFM2, LLaDA, T5, BERT, RoBERTa, XLM-R, ModernBERT, MoE and embedding models of these, the text\n"
        "model of those that see or hear, and more; docs/architectures.md has the classes and what was compared.\n"
        "--arch raw makes a GGUF of any tensor file, with the names it has. --mmproj writes what Gemma 3, Qwen-VL,\n"
        "InternVL, Pixtral, Mistral Small, SmolVLM, GLM-4V, LFM2-VL, Kimi-VL and Llama 4 see images with, or\n"
        "Qwen2-Audio, Ultravox and Voxtral hear with, for llama.cpp's option of that name.\n"
        "Quantized checkpoints (docs/quantized.md) are decoded on the way, or their bits moved where a type\n"
        "of GGUF holds the same; quantize.source of the output says what they were.\n"
        "\n"
        "IN may be a PEFT LoRA adapter: --base names the folder of the model it is for, of which only\n"
        "config.json is read.\n"
        "\n"
        "IN may be a GGUF too, of any version and byte order; it becomes version 3. When OUT ends in .safetensors, every tensor\n"
        "is decoded and written under its Hugging Face name where it is known, else its GGUF name;\n"
        "--split-max-size makes several files and an index.\n"
        "\n"
        "What was decided on the way (tokens that fill up the embedding, parts left out, the tokenizer)\n"
        "is said on standard error.",
    .examples = "ggtool convert Llama-3.2-1B/ llama.gguf\tas it is stored\n"
                "ggtool convert Llama-3.2-1B/ llama-Q4_K_M.gguf --type Q4_K_M\tquantized in one pass\n"
                "ggtool convert Llama-3.2-1B/ --type auto,Q8_0,Q4_K_M -o 'llama-{type}.gguf'\tthree at "
                "once\n"
                "ggtool convert my-lora/ lora.gguf --base Llama-3.2-1B/\ta LoRA adapter\n"
                "ggtool convert gemma-3-4b-it/ mmproj.gguf --mmproj\twhat it sees images with\n"
                "ggtool convert model-Q8_0.gguf model-be.gguf --endian big\tfor big-endian machines\n"
                "ggtool convert model-Q8_0.gguf model.safetensors\tback, decoded\n"
                "ggtool convert vae.safetensors vae.gguf --arch raw\tany tensor file\n",
    .opts = convert_options,
    .min_args = 1,
    .max_args = 2,
    .takes = {GG_COMPLETE_FILE, GG_COMPLETE_GGUF},
    .opts_nbytes = sizeof(struct convert_opts),
    .run = run_convert,
};

/* The text of --metadata, malloc'd. */
static int read_text(char **out, const char *path, struct gg_err *err)
{
    enum { MOST = 1 << 20 };
    struct gg_input *in = NULL;
    char *text = calloc(1, MOST + 2);
    size_t got = 0;
    int rc = text == NULL ? gg_fail_nomem(err, path) : gg_input_open(&in, path, err);
    if (rc == GG_OK)
        rc = gg_input_read(in, 0, text, MOST + 1, &got, err);
    if (rc == GG_OK && got > MOST)
        rc = gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "%s: more than 1 MiB of text", path);
    gg_input_free(in);
    *out = text;
    return rc;
}

/* The configuration of a base model, its folder named or the file itself; malloc'd. */
static int read_base(char **out, const char *path, struct gg_err *err)
{
    struct stat st;
    char file[4096];
    int n = snprintf(file, sizeof file, "%s%s", path,
                     stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? "/config.json" : "");
    if (n < 0 || (size_t)n >= sizeof file)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--base: too long a path");
    return read_text(out, file, err);
}

/* A GGUF begins with its name; a folder cannot be read. */
static bool is_gguf(const char *path)
{
    struct gg_err err;
    struct gg_input *in = NULL;
    char magic[4];
    size_t got = 0;
    bool yes = gg_input_open(&in, path, &err) == GG_OK &&
               gg_input_read(in, 0, magic, sizeof magic, &got, &err) == GG_OK && got == 4 &&
               memcmp(magic, "GGUF", 4) == 0;
    gg_input_free(in);
    return yes;
}

/* Options that say what a checkpoint is mean nothing for what is GGUF already. */
static int check_gguf(const struct make *r, const struct convert_opts *o, struct gg_err *err)
{
    if (o->arch == NULL && o->name == NULL && o->pre == NULL && o->metadata == NULL && o->mtp == 0 && !o->mmproj && o->base == NULL)
        return GG_OK;
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "%s: is GGUF already: --arch, --name, --pre, --base, --mmproj, --mtp and --metadata are for checkpoints "
                   "(--override-kv changes keys)", r->in);
}

static int open_checkpoint(struct make *r, struct gg_checkpoint *ckpt, const struct convert_opts *o,
                           struct gg_err *err)
{
    struct gg_hf_opts h = {.arch = o->arch, .name = o->name, .pre = o->pre,
                           .mmproj = o->mmproj, .mtp = (enum gg_hf_mtp)o->mtp, .metadata_name = o->metadata};
    char *metadata = NULL, *base = NULL;
    int rc = o->metadata != NULL ? read_text(&metadata, o->metadata, err) : GG_OK;
    if (rc == GG_OK && o->base != NULL)
        rc = read_base(&base, o->base, err);
    h.metadata = metadata;
    h.base = base;
    h.base_name = o->base;
    if (rc == GG_OK)
        rc = gg_hf_open(&r->model, ckpt, &h, err);
    else
        gg_checkpoint_free(ckpt);
    if (rc == GG_OK)
        gg_msg_findings(&r->env->msg, r->in, &r->model->findings, 0);
    free(metadata);
    free(base);
    return rc;
}

static int open_any(struct make *r, void *ctx, struct gg_err *err)
{
    struct convert_opts *o = ctx;
    struct gg_findings found = GG_FINDINGS_INIT;
    struct gg_checkpoint *ckpt = NULL;
    unsigned flags = make_reads(r) ? GGF_STRICT : GGF_HEADER_ONLY;
    int rc;
    if (is_gguf(r->in)) {
        rc = check_gguf(r, o, err);
        flags |= make_reads(r) ? 0 : (unsigned)GG_JOB_LOOK;
        return rc == GG_OK ? gg_job_open(&r->model, r->in, flags | GG_JOB_PLAIN, err) : rc;
    }
    rc = gg_checkpoint_or_model(&ckpt, &r->model, r->in, flags, &found, err);
    if (rc == GG_OK || found.n > 1) /* a single fault is what err says */
        gg_msg_findings(&r->env->msg, r->in, &found, 0);
    gg_findings_free(&found);
    if (rc != GG_OK)
        return rc;
    if (ckpt == NULL)
        return check_gguf(r, o, err);
    rc = open_checkpoint(r, ckpt, o, err);
    o->ckpt = rc == GG_OK ? ckpt : NULL; /* the model's */
    return rc;
}

static int usage(struct cmd_env *env, const char *text)
{
    gg_msg_error(&env->msg, "%s", text);
    return CMD_USAGE;
}

/* Options that have no meaning for safetensors. */
static int check_back(struct cmd_env *env, const struct convert_opts *o)
{
    const struct make_opts *m = &o->make;
    if (gg_goal_wanted(&m->goal))
        return usage(env, "--target-size and --target-bpw are for GGUF");
    if (m->type != NULL)
        return usage(env, "--type is for GGUF; safetensors take --dtype bf16, f16 or f32");
    if (m->dry_run || m->explain != NULL || m->json || m->report != NULL || m->stats_out != NULL ||
        m->output.sha256 || m->output.keep_split || m->output.shards.max_tensors.set ||
        m->output.shards.shards.set || m->output.shards.at_layers ||
        m->output.shards.no_tensor_first ||
        m->quant.imatrix != NULL || m->quant.tensor_types.n > 0 || m->quant.only != NULL ||
        m->meta.prune_layers != NULL || m->meta.override_kv.n > 0 || o->arch != NULL ||
        o->name != NULL || o->pre != NULL || o->metadata != NULL || o->mtp != 0 || o->mmproj || o->base != NULL || o->endian != 0 || m->work.check_first)
        return usage(env, "safetensors take only --dtype, --split-max-size, --force, --max-memory");
    return CMD_OK;
}

static int run_convert(struct cmd_env *env, void *opts, int argc, char **argv)
{
    struct convert_opts *o = opts;
    struct make r = {.env = env, .o = &o->make, .doing = "converting", .big_endian = o->endian == 1,
                     .no_output = "where to? name an output: ggtool convert IN OUT (or --dry-run)"};
    const char *out = argc == 2 ? argv[1] : o->make.output.output;
    bool sized = gg_goal_wanted(&o->make.goal);
    int code = make_arguments(&r, o->make.type != NULL || sized ? o->make.type : "auto", argc, argv);
    if (code == CMD_OK && convert_is_back(out))
        code = check_back(env, o) == CMD_OK ? convert_back(&r, o, out) : CMD_USAGE;
    else if (code == CMD_OK && o->dtype != 0)
        code = usage(env, "--dtype is for an output that ends in .safetensors; --type is for GGUF");
    else if (code == CMD_OK)
        code = make_run(&r, open_any, o);
    if (code == CMD_OK && o->ckpt != NULL && gg_checkpoint_sequential(o->ckpt))
        gg_msg_info(&env->msg, "%s: unpacked %u times, the first to see what it holds", r.in,
                    gg_checkpoint_n_passes(o->ckpt));
    make_free(&r);
    return code;
}
