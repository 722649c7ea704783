/* extract: tensors and metadata of a model as files of their own. */
#include "cmds/extract.h"

#include "lib/base/text.h"
#include "lib/cli/progress.h"
#include "lib/job/job.h"
#include "lib/model/pattern.h"
#include "lib/sys/folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OPT(m) offsetof(struct extract_opts, m)

static const char *const formats[] = {"npy", "raw", "safetensors", NULL};
static const char *const dtypes[] = {"auto", "f32", "f16", "bf16", NULL};

static const struct gg_opt opts[] = {
    {.name = "output", .letter = 'o', .kind = GG_OPT_PATH, .dest = OPT(output), .arg = "DIR",
     .complete = GG_COMPLETE_DIR,
     .help = "folder for the files, made when missing; a file name for one file; - is standard output"},
    {.name = "format", .kind = GG_OPT_CHOICE, .dest = OPT(format), .arg = "FORMAT", .choices = formats,
     .help = "npy (a file a tensor), raw (stored bytes), safetensors (all tensors in one file)"},
    {.name = "dtype", .kind = GG_OPT_CHOICE, .dest = OPT(dtype), .arg = "TYPE", .choices = dtypes,
     .help = "f32, f16, bf16; auto keeps what the format has and decodes the rest to f32"},
    {.name = "chat-template", .kind = GG_OPT_GLOB, .dest = OPT(template), .arg = "NAME",
     .help = "chat_template.jinja; with NAME, that one; * for all of them"},
    {.name = "vocab", .kind = GG_OPT_FLAG, .dest = OPT(vocab), .help = "vocab.json: token to id"},
    {.name = "tokens", .kind = GG_OPT_FLAG, .dest = OPT(tokens),
     .help = "tokens.txt: a token a line, in order of ids, control characters escaped"},
    {.name = "merges", .kind = GG_OPT_FLAG, .dest = OPT(merges), .help = "merges.txt, as BPE tokenizers have it"},
    {.name = "key", .kind = GG_OPT_LIST, .dest = OPT(keys), .arg = "GLOB", .complete = GG_COMPLETE_KEY,
     .help = "metadata values: KEY.txt, arrays as KEY.json"},
    {.name = "force", .kind = GG_OPT_FLAG, .dest = OPT(force), .help = "replace existing files"},
    {.name = "dry-run", .kind = GG_OPT_FLAG, .dest = OPT(dry_run), .help = "list the files, write nothing"},
    GG_OPT_END,
};

static int run(struct cmd_env *env, void *opts, int argc, char **argv);

const struct cmd cmd_extract = {
    .name = "extract",
    .group = "Move",
    .args = "FILE [PATTERN...] -o DIR|FILE|-",
    .brief = "Take tensors and metadata out of a model, as files",
    .details =
        "PATTERN names tensors: a glob, or a Perl regular expression behind re:. Each tensor becomes a "
        "file named after it, with what file systems or shells might misunderstand written as %XX. npy "
        "and safetensors hold decoded numbers (F32, F16 and integers as they are; BF16 in npy as F32, "
        "which loses nothing), raw holds the stored bytes, little-endian.\n\n"
        "FILE is a GGUF model, any shard of a set, a checkpoint (folder, safetensors, PyTorch, npz), or "
        "one of these in an archive. A pattern that matches nothing is an error, and then nothing is "
        "written.",
    .examples = "ggtool extract model.gguf 'blk.0.attn_*' -o out\tnpy files in out/\n"
                "ggtool extract model.gguf output_norm.weight -o - | head -c 100\tto a pipe\n"
                "ggtool extract model.gguf '*' --format safetensors -o all.safetensors\tdecoded\n"
                "ggtool extract model.gguf --vocab --key 'general.*' -o meta\tno tensors\n",
    .opts = opts,
    .min_args = 1,
    .max_args = SIZE_MAX,
    .takes = {GG_COMPLETE_GGUF, GG_COMPLETE_TENSOR},
    .opts_nbytes = sizeof(struct extract_opts),
    .run = run,
};

struct extract_item *extract_add(struct extract *x)
{
    if (x->n == x->cap) {
        size_t cap = x->cap != 0 ? 2 * x->cap : 16;
        struct extract_item *v = realloc(x->items, cap * sizeof *v);
        if (v == NULL)
            return NULL;
        x->items = v;
        x->cap = cap;
    }
    x->items[x->n] = (struct extract_item){.tensor = SIZE_MAX};
    return &x->items[x->n++];
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool together(const struct extract *x)
{
    return x->o->format == EXTRACT_SAFETENSORS;
}

static const char *ending(const struct extract *x)
{
    return x->o->format == EXTRACT_NPY ? ".npy" : x->o->format == EXTRACT_RAW ? ".raw" : ".safetensors";
}

/* Marks the tensors that a pattern matches. */
static int mark(struct extract *x, const char *text, bool *wanted, struct gg_err *err)
{
    struct gg_pattern *p;
    char shown[128];
    size_t n = 0;
    int rc = gg_pattern_new(&p, text, err);
    if (rc != GG_OK)
        return rc;
    for (size_t i = 0; i < x->s->n; i++) {
        struct ggf_str name = x->s->tensors[i].name;
        if (gg_pattern_match(p, name.p, (size_t)name.nbytes)) {
            wanted[i] = true;
            n++;
        }
    }
    gg_pattern_free(p);
    x->not_there |= n == 0;
    return n > 0 ? GG_OK
                 : gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "no tensor is called '%s'",
                           gg_text_escape_into(shown, sizeof shown, text, strlen(text)));
}

/* Items of the tensors; names[i] is what its file is to be called. */
static int list_tensors(struct extract *x, int argc, char **argv, struct gg_err *err)
{
    bool *wanted = calloc(x->s->n + 1, sizeof *wanted);
    int rc = wanted == NULL ? gg_fail_nomem(err, "the list of tensors") : GG_OK;
    for (int i = 0; rc == GG_OK && i < argc; i++)
        rc = mark(x, argv[i], wanted, err);
    for (size_t i = 0; rc == GG_OK && i < x->s->n; i++) {
        if (!wanted[i])
            continue;
        struct extract_item *it = extract_add(x);
        if (it == NULL) {
            rc = gg_fail_nomem(err, "the list of files");
            break;
        }
        it->tensor = i;
        it->path = extract_file_name(&x->mem, x->s->tensors[i].name, ending(x));
        rc = it->path == NULL ? gg_fail_nomem(err, "a name") : extract_choose(x, i, &it->form, err);
        x->total_nbytes += x->s->tensors[i].nbytes;
    }
    free(wanted);
    return rc;
}

/* ---- where it goes --------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);
    return n > t && strcmp(s + n - t, tail) == 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folders on the way to a file. */
static int make_folders(struct extract *x, const char *path, struct gg_err *err)
{
    struct stat st;
    char shown[256];
    const char *out = x->o->output;
    if (x->o->dry_run || strcmp(path, "-") == 0)
        return GG_OK;
    if (path != out && stat(out, &st) == 0 && !S_ISDIR(st.st_mode))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: is a file, and neither a folder nor named like what would be written",
                       gg_text_escape_into(shown, sizeof shown, out, strlen(out)));
    x->made_for = path;
    return gg_folder_make_for(path, &x->made, err);
}

static const char *join(struct extract *x, const char *dir, const char *name)
{
    size_t d = strlen(dir), n = strlen(name);
    char *p = gg_arena_alloc(&x->mem, d + n + 2);
    if (p == NULL)
        return NULL;
    memcpy(p, dir, d);
    if (d > 0 && dir[d - 1] != '/')
        p[d++] = '/';
    memcpy(p + d, name, n + 1);
    return p;
}

/* How many files there will be; *only: the name of one of them. */
static size_t count_files(const struct extract *x, const char **only)
{
    size_t n_texts = 0, n_tensors = 0;
    for (size_t i = 0; i < x->n; i++) {
        if (x->items[i].tensor == SIZE_MAX)
            n_texts++;
        else
            n_tensors++;
        *only = x->items[i].path;
    }
    if (together(x) && n_tensors > 0) {
        n_tensors = 1;
        *only = "model.safetensors";
    }
    return n_texts + n_tensors;
}

/* Gives every item its path; *all: that of the safetensors file. */
static int place(struct extract *x, const char **all, struct gg_err *err)
{
    const char *out = x->o->output, *only = NULL, *dot;
    size_t n = count_files(x, &only);
    bool pipe = strcmp(out, "-") == 0;
    *all = "model.safetensors";
    if (pipe && n > 1)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "standard output takes one file, not %zu: name a folder", n);
    dot = only != NULL ? strrchr(only, '.') : NULL;
    if (pipe || (n == 1 && dot != NULL && !is_folder(out) && ends_with(out, dot))) {
        for (size_t i = 0; i < x->n; i++)
            x->items[i].path = out;
        *all = out;
        return make_folders(x, out, err);
    }
    for (size_t i = 0; i < x->n; i++) {
        x->items[i].path = join(x, out, x->items[i].path);
        if (x->items[i].path == NULL)
            return gg_fail_nomem(err, "names");
    }
    *all = join(x, out, *all);
    return *all == NULL ? gg_fail_nomem(err, "names") : make_folders(x, *all, err);
}

/* Nothing that is there already is found out about half-way. */
static int check_new(struct extract *x, const char *all, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < x->n; i++) {
        bool own = x->items[i].tensor == SIZE_MAX || !together(x);
        rc = gg_job_check_new("--output", own ? x->items[i].path : all, x->o->force, err);
    }
    return rc;
}

static int list_inputs(struct extract *x, struct gg_err *err)
{
    struct stat st;
    x->inputs = gg_arena_zalloc(&x->mem, x->s->n_files + 1, sizeof *x->inputs);
    if (x->inputs == NULL)
        return gg_fail_nomem(err, "the list of inputs");
    for (size_t i = 0; i < x->s->n_files; i++) {
        if (x->s->files[i].path != NULL && stat(x->s->files[i].path, &st) == 0)
            x->inputs[x->n_inputs++] = (struct gg_file_id){st.st_dev, st.st_ino};
    }
    return GG_OK;
}

/* ---- the run --------------------------------------------------------------------------------- */

/* "out/a.npy: a, q4_K 256x768 as f32, 786,560 bytes" */
static void say(const struct extract *x, const struct extract_item *it, const char *path)
{
    struct gg_buf b = GG_BUF_INIT;
    char n[32];
    if (x->env->msg.level < 0 || strcmp(path, "-") == 0)
        return;
    gg_text_escape(&b, path, strlen(path), 0);
    gg_buf_adds(&b, ": ");
    if (it->tensor == SIZE_MAX) {
        gg_buf_addf(&b, "%s, %s bytes", it->what, gg_text_thousands(n, it->text.nbytes));
    } else {
        const struct gg_stored_tensor *t = &x->s->tensors[it->tensor];
        gg_text_escape(&b, t->name.p, (size_t)t->name.nbytes, 0);
        gg_buf_addf(&b, ", %s ", t->type);
        for (unsigned d = 0; d < t->n_dims; d++)
            gg_buf_addf(&b, "%s%llu", d > 0 ? "x" : "", (unsigned long long)t->ne[d]);
        if (!it->form.as_is)
            gg_buf_addf(&b, " as %s", it->form.name);
        gg_buf_addf(&b, ", %s bytes", gg_text_thousands(n, it->form.nbytes));
    }
    fprintf(x->env->out, "%s\n", gg_buf_str(&b));
    gg_buf_free(&b);
}

static int write_text(struct extract *x, const struct extract_item *it, struct gg_err *err)
{
    if (strcmp(it->path, "-") == 0) { /* also to a terminal: it is text */
        fwrite(gg_buf_str(&it->text), 1, it->text.nbytes, x->env->out);
        return GG_OK;
    }
    return gg_job_write_file(it->path, gg_buf_str(&it->text), it->text.nbytes, x->o->force, err);
}

static int write_all(struct extract *x, const char *all, struct gg_err *err)
{
    bool any = false;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < x->n; i++) {
        const struct extract_item *it = &x->items[i];
        if (it->tensor != SIZE_MAX && together(x)) {
            any = true;
            continue;
        }
        if (!x->o->dry_run)
            rc = it->tensor == SIZE_MAX ? write_text(x, it, err) : extract_one(x, it, err);
        if (rc == GG_OK)
            say(x, it, it->path);
    }
    if (rc == GG_OK && any && !x->o->dry_run)
        rc = extract_together(x, all, err);
    for (size_t i = 0; rc == GG_OK && any && i < x->n; i++) {
        if (x->items[i].tensor != SIZE_MAX)
            say(x, &x->items[i], all);
    }
    return rc;
}

static int prepare(struct extract *x, int argc, char **argv, const char **all, struct gg_err *err)
{
    struct gg_findings found = GG_FINDINGS_INIT;
    unsigned decodes = x->o->format == EXTRACT_RAW ? 0 : GG_JOB_PLAIN;
    int rc = gg_stored_open(&x->s, x->in, GGF_STRICT | decodes, &found, err);
    if (rc == GG_OK || found.n > 1)
        gg_msg_findings(&x->env->msg, x->in, &found, 0);
    gg_findings_free(&found);
    if (rc == GG_OK && x->s->model != NULL && argc > 0)
        rc = gg_model_require_sound(x->s->model, err);
    if (rc == GG_OK)
        rc = list_tensors(x, argc, argv, err);
    if (rc == GG_OK)
        rc = extract_texts(x, err);
    if (rc == GG_OK)
        rc = list_inputs(x, err);
    if (rc == GG_OK)
        rc = place(x, all, err);
    return rc == GG_OK && !x->o->dry_run ? check_new(x, *all, err) : rc;
}

static int check_usage(struct cmd_env *env, const struct extract_opts *o, int argc)
{
    const char *text = NULL;
    bool texts = o->template.set || o->vocab || o->tokens || o->merges || o->keys.n > 0;
    if (o->output == NULL)
        text = "where to? name a folder: -o DIR (or - for standard output)";
    else if (argc < 2 && !texts)
        text = "what? name tensors ('*' is all of them), or --chat-template, --vocab, --tokens, "
               "--merges, --key";
    else if (o->format == EXTRACT_RAW && o->dtype != EXTRACT_AUTO)
        text = "--dtype is for npy and safetensors; raw is the stored bytes";
    else if (o->format == EXTRACT_NPY && o->dtype == EXTRACT_BF16)
        text = "npy has no bf16; take f32, which holds the same values, or --format safetensors";
    if (text != NULL)
        gg_msg_error(&env->msg, "%s", text);
    return text != NULL ? CMD_USAGE : CMD_OK;
}

static int run(struct cmd_env *env, void *opts_, int argc, char **argv)
{
    struct extract x = {.env = env, .o = opts_, .in = argv[0]};
    struct gg_progress progress;
    struct gg_err err;
    const char *all = NULL;
    int code = check_usage(env, x.o, argc);
    if (code != CMD_OK)
        return code;
    x.kernels = malloc(sizeof *x.kernels);
    x.progress = &progress;
    int rc = x.kernels == NULL ? gg_fail_nomem(&err, "kernels") : GG_OK;
    if (rc == GG_OK)
        qk_init(x.kernels, env->cpu);
    if (rc == GG_OK)
        rc = prepare(&x, argc - 1, argv + 1, &all, &err);
    gg_progress_begin(&progress, &env->msg, env->progress, "extracting", x.total_nbytes);
    if (rc == GG_OK)
        rc = write_all(&x, all, &err);
    gg_progress_end(&progress);
    if (rc != GG_OK && x.made > 0)
        gg_folder_unmake(x.made_for, x.made);
    if (rc == GG_OK && x.n_rounded > 0)
        gg_msg_warn(&env->msg, "%llu values were rounded; --dtype f32 keeps them all",
                    (unsigned long long)x.n_rounded);
    for (size_t i = 0; i < x.n; i++)
        gg_buf_free(&x.items[i].text);
    free(x.items);
    free(x.kernels);
    gg_stored_free(x.s);
    gg_arena_free(&x.mem);
    code = rc == GG_OK ? CMD_OK : gg_msg_fail(&env->msg, &err);
    return x.not_there ? CMD_NO : code;
}
