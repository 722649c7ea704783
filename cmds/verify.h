/* The parts of `ggtool verify`. */
#ifndef CMD_VERIFY_H
#define CMD_VERIFY_H

#include "cmds/cmd.h"
#include "lib/cli/json.h"
#include "lib/job/manifest.h"
#include "lib/job/survey.h"

struct verify_opts {
    bool deep, strict, json;
    const char *manifest, *sha256;
    struct gg_opt_u64 max_memory;
};

/* One FILE, all its files. */
struct verify {
    struct cmd_env *env;
    const struct verify_opts *o;
    struct gg_manifest *manifest; /* NULL: none */
    uint8_t sha256[GG_DIGEST_NBYTES]; /* of --sha256 */
    const struct qk_table *kernels;
    const char *path;
    struct gg_findings found;
    size_t n_unchecked; /* among found: what was asked for and could not be looked at */
    struct gg_stored *s; /* NULL: it is no model, or nothing could be read of it */
    struct gg_stored plain; /* in its place: the file by itself */
    bool *skip;          /* by tensor: its data is not all there */
    struct gg_survey survey;
    bool did_structure, did_data; /* what was looked at */
    size_t n_digests;             /* compared */
};

/* verify_open.c: opens v->path, whatever it is, and notes what is wrong with it. An exit code other than
 * CMD_OK when it could not even be looked at; that has been said. */
int verify_open(struct verify *v);
/* What is looked at: v->s, or the file by itself. */
const struct gg_stored *verify_stored(const struct verify *v);

/* verify_data.c: reads, if anything asks for it, and compares and notes. */
int verify_data(struct verify *v);
/* The SHA-256 that the name of a file promises (an Ollama blob, one of a Hugging Face cache). */
bool verify_named_digest(const char *path, uint8_t sha256[GG_DIGEST_NBYTES], const char **what);

/* Notes something that could not be checked. */
void verify_unchecked(struct verify *v, const struct ggf_str *tensor, const char *fmt, ...)
    GG_PRINTF(3, 4);

#endif
