/* hash: digests of a model's tensors and of the model, as llama-gguf-hash makes them. */
#include "cmds/cmd.h"

#include "lib/base/text.h"
#include "lib/cli/json.h"
#include "lib/cli/progress.h"
#include "lib/job/manifest.h"
#include "lib/job/survey.h"

#include <stdlib.h>
#include <string.h>

struct hash_opts {
    bool xxh64, sha1, sha256, xxh3, uuid, all, no_layer, wrap_sha1, json;
    const char *check;
    struct gg_opt_u64 max_memory;
};

#define OPT(m) offsetof(struct hash_opts, m)

static const struct gg_opt opts[] = {
    {.name = "xxh64", .kind = GG_OPT_FLAG, .dest = OPT(xxh64),
     .help = "XXH64: fast, not made to withstand forgery; what is taken when none is named"},
    {.name = "sha1", .kind = GG_OPT_FLAG, .dest = OPT(sha1), .help = "SHA-1"},
    {.name = "sha256", .kind = GG_OPT_FLAG, .dest = OPT(sha256), .help = "SHA-256"},
    {.name = "xxh3", .kind = GG_OPT_FLAG, .dest = OPT(xxh3),
     .help = "XXH3 with 128 bits: the fastest (xxh3-128 in manifests; llama-gguf-hash passes it over)"},
    {.name = "uuid", .kind = GG_OPT_FLAG, .dest = OPT(uuid),
     .help = "a UUID of the model, version 5, from the SHA-1 of its data"},
    {.name = "all", .kind = GG_OPT_FLAG, .dest = OPT(all), .help = "--xxh64 --sha1 --sha256"},
    {.name = "no-layer", .kind = GG_OPT_FLAG, .dest = OPT(no_layer),
     .help = "of the model alone, not of each tensor"},
    {.name = "wrap-sha1", .kind = GG_OPT_FLAG, .dest = OPT(wrap_sha1),
     .help = "SHA-1 and UUID as llama-gguf-hash has them for tensors of 4 GiB and more (see below)"},
    {.name = "check", .letter = 'c', .kind = GG_OPT_PATH, .dest = OPT(check), .arg = "MANIFEST",
     .complete = GG_COMPLETE_FILE,
     .help = "compare with what a run of ggtool hash or llama-gguf-hash printed"},
    {.name = "json", .kind = GG_OPT_FLAG, .dest = OPT(json), .help = "JSON (docs/json.md)"},
    {.name = "max-memory", .kind = GG_OPT_SIZE, .dest = OPT(max_memory), .arg = "SIZE",
     .min = 1 << 20, .help = "for buffers, 64M if not said"},
    GG_OPT_END,
};

static int run(struct cmd_env *env, void *opts, int argc, char **argv);

const struct cmd cmd_hash = {
    .name = "hash",
    .group = "Check",
    .args = "FILE...",
    .brief = "Digests of every tensor and of the model, and check them",
    .details =
        "Prints what llama-gguf-hash prints: a line for each digest of each tensor, then those of the "
        "model, over the bytes of tensor data alone; metadata, names and padding are not in them. So a "
        "model keeps its digest when its metadata is edited, and when it is split or merged: a shard "
        "set, any shard of which may be named, is one model.\n\n"
        "With --check, lines end in Ok, Mismatch or Not Found, and the exit status is 0 only when "
        "everything was found and is the same (of a model whose own digest is right, single tensors "
        "may be missing). Unless one is named, the strongest digest of the manifest is taken. The "
        "model may have moved since: when the manifest is about one model, it is this one.\n\n"
        "FILE may be a checkpoint too (a folder, safetensors, PyTorch, npz), also in an archive: then "
        "its tensors come in the order of its files, under their own names.\n\n"
        "For SHA-1 and UUID, llama-gguf-hash of 2026 takes of a tensor of 4 GiB or more only as many "
        "bytes as it has beyond a multiple of 4 GiB. Those here are right, so the two differ for such "
        "models; --wrap-sha1 makes the same mistake, to check its manifests.",
    .examples = "ggtool hash model.gguf > m.txt && ggtool hash --check m.txt model.gguf\tstill the same?\n"
                "ggtool hash --all --uuid --no-layer model.gguf\tfour lines\n",
    .opts = opts,
    .min_args = 1,
    .max_args = SIZE_MAX,
    .opts_nbytes = sizeof(struct hash_opts),
    .run = run,
};

struct hash {
    struct cmd_env *env;
    const struct hash_opts *o;
    unsigned kinds;
    struct gg_manifest *manifest; /* NULL: no --check */
    const char *label;            /* of the model in it */
    struct gg_stored *s;
    struct gg_survey survey;
    struct gg_json *json;         /* NULL: text */
    size_t n_layer[3];            /* answers about tensors, by enum gg_answer */
    size_t n_model[3];
    bool failed; /* memory ran out: what is shown is wrong */
};

static unsigned bit(bool wanted, enum gg_digest_kind kind)
{
    return wanted ? 1u << kind : 0;
}

static unsigned kinds_of(const struct hash_opts *o)
{
    return bit(o->xxh64 || o->all, GG_XXH64) | bit(o->sha1 || o->all, GG_SHA1) |
           bit(o->sha256 || o->all, GG_SHA256) | bit(o->xxh3, GG_XXH3_128) | bit(o->uuid, GG_UUID);
}

/* The strongest of a manifest. */
static unsigned strongest(unsigned kinds)
{
    static const enum gg_digest_kind order[] = {GG_SHA256, GG_SHA1, GG_XXH3_128, GG_XXH64, GG_UUID};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (kinds >> order[i] & 1)
            return 1u << order[i];
    }
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static const char *answer_text(enum gg_answer a)
{
    return a == GG_ANSWER_OK ? "Ok" : a == GG_ANSWER_MISMATCH ? "Mismatch" : "Not Found";
}

/* One digest, of a tensor or (NULL) of the model. */
static void show(struct hash *h, enum gg_digest_kind kind, const struct ggf_str *tensor,
                 const uint8_t *digest)
{
    char text[GG_DIGEST_TEXT];
    enum gg_answer a = GG_ANSWER_NONE;
    gg_digest_text(text, kind, digest);
    if (h->manifest != NULL) {
        if (h->label != NULL)
            a = gg_manifest_check(h->manifest, kind, h->label, tensor, digest);
        ++*(tensor != NULL ? &h->n_layer[a] : &h->n_model[a]);
    }
    if (h->json != NULL) {
        char key[32];
        gg_json_str(h->json, gg_digest_name(kind), text);
        snprintf(key, sizeof key, "%s_check", gg_digest_name(kind));
        if (h->manifest != NULL)
            gg_json_str(h->json, key, answer_text(a));
        return;
    }
    struct gg_buf name = GG_BUF_INIT;
    gg_manifest_name(&name, h->s->name, tensor);
    h->failed |= name.failed;
    if (!name.failed)
        fprintf(h->env->out, "%-8s  %s  %s%s%s\n", gg_digest_name(kind), text, gg_buf_str(&name),
                h->manifest != NULL ? "  -  " : "", h->manifest != NULL ? answer_text(a) : "");
    gg_buf_free(&name);
}

static void show_tensors(struct hash *h)
{
    if (h->json != NULL)
        gg_json_array(h->json, "tensors");
    for (size_t i = 0; i < h->s->n; i++) {
        const struct gg_stored_tensor *t = &h->s->tensors[i];
        if (h->json != NULL) {
            gg_json_object_inline(h->json, NULL);
            gg_json_text(h->json, "name", t->name.p, (size_t)t->name.nbytes);
            gg_json_u64(h->json, "bytes", t->nbytes);
        }
        for (int k = 0; k < GG_DIGEST_COUNT; k++) {
            if ((h->kinds >> k & 1) && k != GG_UUID)
                show(h, (enum gg_digest_kind)k, &t->name, h->survey.tensors[i].digests[k]);
        }
        if (h->json != NULL)
            gg_json_close(h->json);
    }
    if (h->json != NULL)
        gg_json_close(h->json);
}

static void show_all(struct hash *h)
{
    if (h->json != NULL) {
        gg_json_object(h->json, NULL);
        gg_json_text(h->json, "file", h->s->name, strlen(h->s->name));
        gg_json_u64(h->json, "bytes", h->survey.read_nbytes);
    }
    if (!h->o->no_layer && h->kinds != 1u << GG_UUID)
        show_tensors(h);
    if (h->json != NULL)
        gg_json_object_inline(h->json, "model");
    for (int k = 0; k < GG_DIGEST_COUNT; k++) {
        if (h->kinds >> k & 1)
            show(h, (enum gg_digest_kind)k, NULL, h->survey.model[k]);
    }
    if (h->json != NULL) {
        gg_json_close(h->json);
        gg_json_close(h->json);
    }
}

/* ---- the verdict of --check ------------------------------------------------------------------ */

/* Says what the lines don't, and gives the exit code. */
static int judge(struct hash *h)
{
    struct gg_findings f = GG_FINDINGS_INIT;
    struct gg_msg *msg = &h->env->msg;
    struct gg_buf name = GG_BUF_INIT;
    bool same = h->n_model[GG_ANSWER_MISMATCH] + h->n_layer[GG_ANSWER_MISMATCH] == 0;
    bool covered = h->n_model[GG_ANSWER_NONE] == 0 ||
                   (h->n_layer[GG_ANSWER_NONE] == 0 && h->n_layer[GG_ANSWER_OK] > 0);
    gg_manifest_name(&name, h->s->name, NULL);
    if (h->label != NULL && !h->o->no_layer)
        gg_manifest_unasked(h->manifest, h->kinds, h->label, &f);
    if (h->label == NULL)
        gg_msg_error(msg, "%s: the manifest says nothing about it", gg_buf_str(&name));
    else if (!same)
        gg_msg_error(msg, "%s: is not what the manifest says: %zu of %zu digests differ",
                     gg_buf_str(&name), h->n_model[GG_ANSWER_MISMATCH] + h->n_layer[GG_ANSWER_MISMATCH],
                     h->n_model[0] + h->n_model[1] + h->n_model[2] + h->n_layer[0] + h->n_layer[1] +
                         h->n_layer[2]);
    else if (!covered)
        gg_msg_error(msg, "%s: the manifest does not cover all of it", gg_buf_str(&name));
    if (h->label != NULL && strcmp(h->label, gg_buf_str(&name)) != 0)
        gg_msg_info(msg, "the manifest calls it %s", h->label);
    gg_msg_findings(msg, gg_buf_str(&name), &f, msg->level >= 1 ? 0 : 20);
    int code = h->label != NULL && same && covered && f.n == 0 ? CMD_OK : CMD_NO;
    if (f.failed || name.failed) {
        struct gg_err err;
        gg_fail_nomem(&err, "the list of findings");
        code = gg_msg_fail(msg, &err);
    }
    gg_findings_free(&f);
    gg_buf_free(&name);
    return code;
}

/* ---- the run --------------------------------------------------------------------------------- */

static int check_readable(const struct gg_stored *s, struct gg_err *err)
{
    char name[128];
    for (size_t i = 0; i < s->n; i++) {
        const struct gg_stored_tensor *t = &s->tensors[i];
        if (!t->known)
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                           "%s: tensor '%s': is of %s, so nobody knows which bytes are its", s->name,
                           gg_text_escape_into(name, sizeof name, t->name.p, (size_t)t->name.nbytes),
                           t->type);
    }
    return s->model != NULL ? gg_model_require_sound(s->model, err) : GG_OK;
}

static int survey(struct hash *h, const char *path, struct gg_err *err)
{
    struct gg_progress progress;
    struct gg_findings found = GG_FINDINGS_INIT;
    int rc = gg_stored_open(&h->s, path, GGF_STRICT, &found, err);
    if (rc == GG_OK || found.n > 1) /* a single fault is what err says */
        gg_msg_findings(&h->env->msg, path, &found, 0);
    gg_findings_free(&found);
    if (rc == GG_OK)
        rc = check_readable(h->s, err);
    if (rc != GG_OK)
        return rc;
    gg_progress_begin(&progress, &h->env->msg, h->env->progress, "hashing", 0);
    struct gg_survey_opts o = {.kinds = h->kinds, .no_layers = h->o->no_layer,
                               .wrap_sha1 = h->o->wrap_sha1,
                               .n_workers = h->env->n_threads, .max_memory = h->o->max_memory.v,
                               .progress = gg_progress_set, .progress_ctx = &progress};
    rc = gg_survey_run(&h->survey, h->s, &o, err);
    gg_progress_end(&progress);
    if (rc == GG_OK)
        gg_msg_info(&h->env->msg, "%s: %.2f GB in %.2f s, %.0f MB/s", path,
                    (double)h->survey.read_nbytes * 1e-9, (double)h->survey.wall_ns * 1e-9,
                    (double)h->survey.read_nbytes * 1e3 / ((double)h->survey.wall_ns + 1));
    return rc;
}

static int hash_one(struct hash *h, const char *path)
{
    struct gg_err err;
    int code = CMD_OK;
    memset(h->n_layer, 0, sizeof h->n_layer);
    memset(h->n_model, 0, sizeof h->n_model);
    if (survey(h, path, &err) != GG_OK) {
        code = gg_msg_fail(&h->env->msg, &err);
    } else {
        h->label = h->manifest != NULL ? gg_manifest_label(h->manifest, h->s) : NULL;
        show_all(h);
        if (h->failed || (h->manifest != NULL && gg_manifest_failed(h->manifest))) {
            gg_fail_nomem(&err, "the digests");
            code = gg_msg_fail(&h->env->msg, &err);
        } else {
            code = h->manifest != NULL ? judge(h) : CMD_OK;
        }
    }
    gg_survey_free(&h->survey);
    gg_stored_free(h->s);
    h->s = NULL;
    return code;
}

static int choose_kinds(struct hash *h)
{
    struct gg_err err;
    h->kinds = kinds_of(h->o);
    if (h->o->check != NULL) {
        if (gg_manifest_read(&h->manifest, h->o->check, &err) != GG_OK)
            return gg_msg_fail(&h->env->msg, &err);
        unsigned there = gg_manifest_kinds(h->manifest);
        if (there == 0) {
            gg_msg_error(&h->env->msg, "%s: holds digests of whole files only; sha256sum -c or ggtool "
                         "verify --manifest compare those", h->o->check);
            return CMD_BAD_INPUT;
        }
        h->kinds = h->kinds != 0 ? h->kinds : strongest(there);
    }
    h->kinds = h->kinds != 0 ? h->kinds : 1u << GG_XXH64;
    return CMD_OK;
}

static int run(struct cmd_env *env, void *o, int argc, char **argv)
{
    struct hash h = {.env = env, .o = o};
    struct gg_json j;
    int code = choose_kinds(&h);
    gg_json_begin(&j, env->out);
    h.json = h.o->json ? &j : NULL;
    if (h.json != NULL && argc > 1 && code == CMD_OK)
        gg_json_array(&j, NULL);
    bool go = code == CMD_OK;
    for (int i = 0; i < argc && go; i++) {
        int one = hash_one(&h, argv[i]);
        code = one > code ? one : code;
    }
    if (h.json != NULL && (j.depth > 0 || j.any))
        gg_json_end(&j);
    gg_manifest_free(h.manifest);
    return code;
}
