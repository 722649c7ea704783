/* verify: is a model whole, and is it what it should be? */
#include "cmds/verify.h"

#include "lib/base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OPT(m) offsetof(struct verify_opts, m)

static const struct gg_opt opts[] = {
    {.name = "deep", .kind = GG_OPT_FLAG, .dest = OPT(deep),
     .help = "read all data: scales and values that are NaN or infinite, padding that is not zero"},
    {.name = "manifest", .kind = GG_OPT_PATH, .dest = OPT(manifest), .arg = "FILE",
     .complete = GG_COMPLETE_FILE,
     .help = "compare with what ggtool hash, llama-gguf-hash or sha256sum printed"},
    {.name = "sha256", .kind = GG_OPT_STRING, .dest = OPT(sha256), .arg = "HEX",
     .help = "the SHA-256 that FILE, one file, must have"},
    {.name = "strict", .kind = GG_OPT_FLAG, .dest = OPT(strict),
     .help = "warnings count like faults in the exit status"},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = OPT(json), .help = "JSON (docs/json.md)"},
    {.name = "max-memory", .kind = GG_OPT_SIZE, .dest = OPT(max_memory), .arg = "SIZE",
     .min = 1 << 20, .help = "for buffers, 64M if not said"},
    GG_OPT_END,
};

static int run(struct cmd_env *env, void *opts, int argc, char **argv);

const struct cmd cmd_verify = {
    .name = "verify",
    .group = "Check",
    .args = "FILE...",
    .brief = "Check that a model is whole, sound, and the one it should be",
    .details =
        "Looks at the structure: whether all data is there (\"needs N bytes, has M\", and which tensor "
        "is hit first), what a file is that is no model, whether shards are complete and belong "
        "together, duplicate names, overlaps, gaps, rows that don't fill blocks, edits that were "
        "interrupted. Then at the metadata: vocabulary arrays of different lengths, rows of the "
        "embedding, special tokens, file type, keys left over from a shard set, private paths, and "
        "more. Everything found is listed at once.\n\n"
        "Data is read when something asks for it: --deep, --manifest, --sha256, or the name of the "
        "file, when it is a blob of Ollama or of a Hugging Face cache, which are named after their "
        "SHA-256.\n\n"
        "FILE is a GGUF file, any shard of a set, a checkpoint (folder, safetensors, PyTorch, npz), or "
        "one of these in an archive. Notes are harmless, warnings are probably not what was meant, "
        "faults make the file unusable. The exit status is 0 when there are no faults and all that was "
        "asked for could be checked, else 1.",
    .examples = "ggtool verify model.gguf\tstructure and metadata, in milliseconds\n"
                "ggtool verify --deep model.gguf\tevery block\n"
                "sha256sum model.gguf | ggtool verify --manifest - model.gguf\tthe right bytes\n",
    .opts = opts,
    .min_args = 1,
    .max_args = SIZE_MAX,
    .opts_nbytes = sizeof(struct verify_opts),
    .run = run,
};

void verify_unchecked(struct verify *v, const struct ggf_str *tensor, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    gg_findings_add(&v->found, GG_WARN, "not-checked", tensor != NULL ? tensor->p : NULL,
                    tensor != NULL ? (size_t)tensor->nbytes : 0, GG_NOWHERE, "not checked: %s", text);
    v->n_unchecked++;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void add_count(struct gg_buf *b, size_t n, const char *what)
{
    if (n > 0)
        gg_buf_addf(b, "%s%zu %s%s", b->nbytes > 0 ? ", " : "", n, what, n == 1 ? "" : "s");
}

/* Was all data looked at? */
static bool all_blocks(const struct verify *v)
{
    bool all = v->o->deep && v->did_data && v->s != NULL;
    for (size_t i = 0; all && i < v->s->n; i++)
        all = v->survey.tensors[i].read;
    return all;
}

/* "290 tensors in 2 files; structure, metadata, every block, 3 digests" */
static void add_checked(struct gg_buf *b, const struct verify *v)
{
    const struct gg_stored *s = verify_stored(v);
    if (v->s != NULL)
        gg_buf_addf(b, "%zu tensor%s in %zu file%s; ", s->n, s->n == 1 ? "" : "s", s->n_files,
                    s->n_files == 1 ? "" : "s");
    gg_buf_adds(b, "checked: ");
    const char *comma = "";
    if (v->did_structure) {
        gg_buf_adds(b, v->s->model != NULL ? "structure, metadata" : "structure");
        comma = ", ";
    }
    if (all_blocks(v)) {
        gg_buf_addf(b, "%severy block", comma);
        comma = ", ";
    }
    if (v->n_digests > 0)
        gg_buf_addf(b, "%s%zu digest%s", comma, v->n_digests, v->n_digests == 1 ? "" : "s");
    else if (*comma == '\0')
        gg_buf_adds(b, "nothing");
}

static bool passed(const struct verify *v)
{
    const size_t *n = v->found.n_by_severity;
    return n[GG_FAULT] == 0 && v->n_unchecked == 0 && !(v->o->strict && n[GG_WARN] > 0);
}

/* False: no memory, and the answer is not whole. */
static bool print_text(struct verify *v)
{
    struct gg_buf name = GG_BUF_INIT, line = GG_BUF_INIT;
    const struct cmd_env *env = v->env;
    const size_t *n = v->found.n_by_severity;
    gg_text_escape(&name, v->path, strlen(v->path), 0);
    gg_findings_print(env->out, &env->out_term, gg_buf_str(&name), &v->found,
                      env->msg.level < 0 ? GG_FAULT : GG_NOTE, env->msg.level > 0 ? 0 : 20);
    add_count(&line, n[GG_FAULT], "fault");
    add_count(&line, n[GG_WARN], "warning");
    add_count(&line, n[GG_NOTE], "note");
    bool ok = !name.failed && !line.failed;
    if (env->msg.level >= 0 || !passed(v)) {
        fprintf(env->out, "%s: %s%s%s (", gg_buf_str(&name), passed(v) ? "ok" : "NOT OK",
                line.nbytes > 0 ? ": " : "", gg_buf_str(&line));
        gg_buf_reset(&line);
        add_checked(&line, v);
        ok &= !line.failed;
        fprintf(env->out, "%s)\n", gg_buf_str(&line));
    }
    gg_buf_free(&name);
    gg_buf_free(&line);
    return ok;
}

static void print_json(struct verify *v, struct gg_json *j)
{
    const size_t *n = v->found.n_by_severity;
    gg_json_object(j, NULL);
    gg_json_text(j, "file", v->path, strlen(v->path));
    gg_json_bool(j, "ok", passed(v));
    gg_json_u64(j, "faults", n[GG_FAULT]);
    gg_json_u64(j, "warnings", n[GG_WARN]);
    gg_json_u64(j, "notes", n[GG_NOTE]);
    gg_json_u64(j, "not_checked", v->n_unchecked);
    gg_json_object_inline(j, "checked");
    gg_json_bool(j, "structure", v->did_structure);
    gg_json_bool(j, "metadata", v->did_structure && v->s->model != NULL);
    gg_json_bool(j, "blocks", all_blocks(v));
    gg_json_u64(j, "digests", v->n_digests);
    gg_json_close(j);
    if (v->s != NULL) {
        gg_json_u64(j, "tensors", v->s->n);
        gg_json_u64(j, "files", v->s->n_files);
    }
    gg_json_findings(j, "findings", &v->found);
    gg_json_close(j);
}

/* ---- the run --------------------------------------------------------------------------------- */

static int verify_one(struct verify *v, struct gg_json *j)
{
    int code = verify_open(v);
    if (code == CMD_OK)
        code = verify_data(v);
    bool whole = !v->found.failed && (v->manifest == NULL || !gg_manifest_failed(v->manifest));
    if (code == CMD_OK && whole && j != NULL)
        print_json(v, j);
    else if (code == CMD_OK && whole)
        whole = print_text(v);
    if (code == CMD_OK && whole) {
        code = passed(v) ? CMD_OK : CMD_NO;
    } else if (code == CMD_OK) {
        struct gg_err err;
        gg_fail_nomem(&err, "the list of findings");
        code = gg_msg_fail(&v->env->msg, &err);
    }
    gg_survey_free(&v->survey);
    gg_stored_free(v->s);
    gg_arena_free(&v->plain.mem);
    gg_findings_free(&v->found);
    free(v->skip);
    return code;
}

static int read_options(struct verify *v, int argc)
{
    struct gg_err err;
    if (v->o->sha256 != NULL && argc > 1) {
        gg_msg_error(&v->env->msg, "--sha256 is about one FILE; for several there is --manifest");
        return CMD_USAGE;
    }
    if (v->o->sha256 != NULL &&
        !gg_digest_parse(v->sha256, GG_SHA256, v->o->sha256, strlen(v->o->sha256))) {
        gg_msg_error(&v->env->msg, "--sha256: 64 hexadecimal digits are wanted");
        return CMD_USAGE;
    }
    if (v->o->manifest != NULL && gg_manifest_read(&v->manifest, v->o->manifest, &err) != GG_OK)
        return gg_msg_fail(&v->env->msg, &err);
    return CMD_OK;
}

static int run(struct cmd_env *env, void *o, int argc, char **argv)
{
    struct verify all = {.env = env, .o = o};
    struct qk_table *kernels = malloc(sizeof *kernels);
    struct gg_json j;
    struct gg_err err;
    if (kernels == NULL) {
        gg_fail_nomem(&err, "kernels");
        return gg_msg_fail(&env->msg, &err);
    }
    qk_init(kernels, env->cpu);
    all.kernels = kernels;
    int code = read_options(&all, argc);
    bool go = code == CMD_OK;
    gg_json_begin(&j, env->out);
    if (go && all.o->json && argc > 1)
        gg_json_array(&j, NULL);
    for (int i = 0; go && i < argc; i++) {
        struct verify v = all;
        v.path = argv[i];
        int one = verify_one(&v, all.o->json ? &j : NULL);
        code = one > code ? one : code;
    }
    if (all.o->json && (j.depth > 0 || j.any))
        gg_json_end(&j);
    gg_manifest_free(all.manifest);
    free(kernels);
    return code;
}
