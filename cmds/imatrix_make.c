/* imatrix merge, convert, filter: one matrix of one or several. */
#include "cmds/imatrix.h"

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/model/pattern.h"
#include "lib/plan/imatrix_mix.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FINDINGS = 20 };

struct make {
    struct imatrix_cmd *c;
    struct gg_pattern **patterns; /* of --keep, then of --drop */
    size_t n_keep, n_patterns;
};

/* ---- which entries, called what --------------------------------------------------------------- */

static bool keep(void *ctx, const char *name)
{
    const struct make *m = ctx;
    bool kept = m->n_keep == 0;
    for (size_t i = 0; i < m->n_keep && !kept; i++)
        kept = gg_pattern_match(m->patterns[i], name, strlen(name));
    for (size_t i = m->n_keep; i < m->n_patterns && kept; i++)
        kept = !gg_pattern_match(m->patterns[i], name, strlen(name));
    return kept;
}

/* One "OLD=NEW" wherever OLD stands. */
static const char *replace(struct gg_arena *mem, const char *name, const char *rule)
{
    struct gg_buf b = GG_BUF_INIT;
    const char *eq = strchr(rule, '=');
    size_t n = (size_t)(eq - rule);
    while (*name != '\0') {
        if (strncmp(name, rule, n) == 0) {
            gg_buf_adds(&b, eq + 1);
            name += n;
        } else {
            gg_buf_addc(&b, *name++);
        }
    }
    const char *made = b.failed ? NULL : gg_arena_strndup(mem, gg_buf_str(&b), b.nbytes);
    gg_buf_free(&b);
    return made;
}

static const char *rename_entry(void *ctx, struct gg_arena *mem, const char *name)
{
    const struct gg_opt_list *rules = &((const struct make *)ctx)->c->o->rename;
    for (size_t i = 0; i < rules->n && name != NULL; i++)
        name = replace(mem, name, rules->v[i]);
    return name;
}

static int add_patterns(struct make *m, const char *option, const struct gg_opt_list *list,
                        struct gg_err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        int rc = gg_pattern_new(&m->patterns[m->n_patterns], list->v[i], err);
        if (rc != GG_OK)
            return gg_err_prefix(err, "%s", option);
        m->n_patterns++;
    }
    return GG_OK;
}

static int read_options(struct make *m, struct gg_imatrix_mix_opts *mix, struct gg_err *err)
{
    const struct imatrix_opts *o = m->c->o;
    const char *dot = strrchr(o->output, '.');
    bool dat = dot != NULL && gg_text_ieq(dot, ".dat");
    mix->format = o->format > 0 ? (enum gg_imatrix_format)(o->format - 1)
                  : dat         ? GG_IMATRIX_LEGACY
                                : GG_IMATRIX_GGUF;
    mix->chunk_size = o->chunk_size.set ? (uint32_t)o->chunk_size.v : 0;
    mix->scale = 1;
    if (o->scale != NULL &&
        (!gg_text_parse_f64(o->scale, &mix->scale) || !(mix->scale > 0 && mix->scale <= 1e6)))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--scale: '%.32s' is no number above 0 and up to 1e6", o->scale);
    for (size_t i = 0; i < o->rename.n; i++) {
        const char *eq = strchr(o->rename.v[i], '=');
        if (eq == NULL || eq == o->rename.v[i])
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--rename: '%.128s' is not of the form OLD=NEW",
                           o->rename.v[i]);
    }
    m->patterns = calloc(o->keep.n + o->drop.n + 1, sizeof(*m->patterns));
    if (m->patterns == NULL)
        return gg_fail_nomem(err, "patterns");
    int rc = add_patterns(m, "--keep", &o->keep, err);
    m->n_keep = m->n_patterns;
    if (rc == GG_OK)
        rc = add_patterns(m, "--drop", &o->drop, err);
    mix->keep = m->n_patterns > 0 ? keep : NULL;
    mix->rename = o->rename.n > 0 ? rename_entry : NULL;
    mix->ctx = m;
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static int write_mix(const struct imatrix_cmd *c, struct gg_imatrix_mix *mix, struct gg_err *err)
{
    struct gg_file_id *ids = calloc(c->n, sizeof *ids);
    struct gg_sink *sink = NULL;
    if (ids == NULL)
        return gg_fail_nomem(err, "a list of files");
    for (size_t i = 0; i < c->n; i++)
        ids[i] = (struct gg_file_id){c->in[i]->dev, c->in[i]->ino};
    struct gg_sink_opts o = {.nbytes = gg_imatrix_mix_nbytes(mix), .force = c->o->force,
                             .inputs = ids, .n_inputs = c->n};
    int rc = gg_sink_open(&sink, c->o->output, &o, err);
    if (rc == GG_OK)
        rc = gg_imatrix_mix_write(mix, sink, err);
    if (rc == GG_OK)
        rc = gg_sink_finish(sink, err);
    if (rc == GG_OK)
        rc = gg_sink_commit(sink, err);
    gg_sink_free(sink);
    free(ids);
    return rc;
}

static void say(const struct imatrix_cmd *c, const struct gg_imatrix_mix *mix)
{
    char n[32];
    size_t entries = gg_imatrix_mix_n_entries(mix);
    gg_msg_findings(&c->env->msg, c->o->output, gg_imatrix_mix_findings(mix),
                    c->env->msg.level > 0 ? 0 : MAX_FINDINGS);
    if (strcmp(c->o->output, "-") != 0 && c->env->msg.level >= 0)
        fprintf(c->env->out, "%s: %zu entr%s, %s\n", c->o->output, entries, entries == 1 ? "y" : "ies",
                gg_text_size(n, gg_imatrix_mix_nbytes(mix)));
}

int imatrix_make(struct imatrix_cmd *c)
{
    struct make m = {.c = c};
    struct gg_imatrix_mix_opts opts = {0};
    struct gg_imatrix_mix *mix = NULL;
    struct gg_err err;
    int rc = read_options(&m, &opts, &err);
    if (rc == GG_OK)
        rc = gg_imatrix_mix_new(&mix, (const struct gg_imatrix *const *)c->in, c->n, &opts, &err);
    if (rc == GG_OK)
        rc = write_mix(c, mix, &err);
    if (rc == GG_OK)
        say(c, mix);
    gg_imatrix_mix_free(mix);
    for (size_t i = 0; i < m.n_patterns; i++)
        gg_pattern_free(m.patterns[i]);
    free(m.patterns);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&c->env->msg, &err);
}
