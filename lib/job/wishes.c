#include "lib/job/wishes.h"

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/job/kv.h"
#include "lib/model/pattern.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- patterns ------------------------------------------------------------------------------ */

/* Keeps p to be freed; p may be what a failed call left. */
static int keep_pattern(struct gg_wishes *w, struct gg_pattern *p, struct gg_err *err)
{
    struct gg_pattern **v = realloc(w->patterns, (w->n_patterns + 1) * sizeof *v);
    if (v == NULL) {
        gg_pattern_free(p);
        return gg_fail_nomem(err, "patterns");
    }
    w->patterns = v;
    v[w->n_patterns++] = p;
    return GG_OK;
}

static int pattern(struct gg_wishes *w, struct gg_pattern **out, const char *option, bool regex,
                   const char *text, struct gg_err *err)
{
    int rc = regex ? gg_pattern_new_regex(out, text, err) : gg_pattern_new(out, text, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "%s", option);
    return keep_pattern(w, *out, err);
}

/* llama-quantize looks for the text anywhere in the name; a glob or re: is taken as elsewhere here. */
static int part_of_name(struct gg_wishes *w, struct gg_pattern **out, const char *option,
                        const char *text, struct gg_err *err)
{
    if (strncmp(text, "re:", 3) == 0 || strpbrk(text, "*?[") != NULL)
        return pattern(w, out, option, false, text, err);
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_adds(&b, "*");
    for (const char *s = text; *s != '\0'; s++) {
        if (*s == '\\')
            gg_buf_addc(&b, '\\');
        gg_buf_addc(&b, *s);
    }
    gg_buf_adds(&b, "*");
    int rc = b.failed ? gg_fail_nomem(err, "a pattern") : pattern(w, out, option, false, b.data, err);
    gg_buf_free(&b);
    return rc;
}

static int weight_list(struct gg_wishes *w, const struct gg_pattern *const **out, const char *option,
                       const struct gg_opt_list *list, struct gg_err *err)
{
    if (list->n == 0)
        return GG_OK;
    const struct gg_pattern **v = gg_arena_zalloc(&w->arena, list->n + 1, sizeof *v);
    if (v == NULL)
        return gg_fail_nomem(err, "patterns");
    for (size_t i = 0; i < list->n; i++) {
        struct gg_pattern *p;
        int rc = part_of_name(w, &p, option, list->v[i], err);
        if (rc != GG_OK)
            return rc;
        v[i] = p;
    }
    *out = v;
    return GG_OK;
}

/* ---- rules --------------------------------------------------------------------------------- */

static int add_rule(struct gg_wishes *w, const char *option, const char *text, struct gg_err *err)
{
    const char *eq = strrchr(text, '='); /* a regular expression may hold others */
    if (eq == NULL || eq == text || eq[1] == '\0')
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: '%.128s' is not of the form REGEX=TYPE",
                       option, text);
    const struct qt_info *t = qt_by_name(eq + 1);
    if (t == NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: '%.128s': unknown tensor type '%.32s'",
                       option, text, eq + 1);
    struct gg_type_rule *v = realloc(w->plan.rules, (w->plan.n_rules + 1) * sizeof *v);
    if (v == NULL)
        return gg_fail_nomem(err, "rules");
    w->plan.rules = v;
    struct gg_type_rule *r = &v[w->plan.n_rules];
    *r = (struct gg_type_rule){.text = gg_arena_strndup(&w->arena, text, strlen(text)),
                               .type = t->type};
    char *regex = gg_arena_strndup(&w->arena, text, (size_t)(eq - text));
    if (r->text == NULL || regex == NULL)
        return gg_fail_nomem(err, "rules");
    int rc = pattern(w, &r->pattern, option, true, regex, err);
    if (rc == GG_OK)
        w->plan.n_rules++;
    return rc;
}

static int add_rule_line(struct gg_wishes *w, const char *path, unsigned no, char *line,
                         struct gg_err *err)
{
    char where[PATH_MAX + 64], *save = NULL;
    snprintf(where, sizeof where, "--tensor-type-file: %s: line %u", path, no);
    for (char *s = line; (s = strtok_r(s, " \t\r\n", &save)) != NULL && *s != '#'; s = NULL) {
        int rc = add_rule(w, where, s, err);
        if (rc != GG_OK)
            return rc;
    }
    return GG_OK;
}

static int add_rule_file(struct gg_wishes *w, const char *path, struct gg_err *err)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return gg_fail_sys(err, errno, "--tensor-type-file: %s", path);
    char *line = NULL;
    size_t cap = 0;
    int rc = GG_OK;
    errno = 0;
    for (unsigned no = 1; rc == GG_OK && getline(&line, &cap, f) >= 0; no++) {
        rc = add_rule_line(w, path, no, line, err);
        errno = 0;
    }
    if (rc == GG_OK && ferror(f))
        rc = gg_fail_sys(err, errno, "--tensor-type-file: %s", path);
    free(line);
    fclose(f);
    return rc;
}

static int read_rules(struct gg_wishes *w, const struct gg_quant_opts *o, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < o->tensor_types.n; i++)
        rc = add_rule(w, "--tensor-type", o->tensor_types.v[i], err);
    for (size_t i = 0; rc == GG_OK && i < o->tensor_type_files.n; i++)
        rc = add_rule_file(w, o->tensor_type_files.v[i], err);
    return rc;
}

/* ---- groups -------------------------------------------------------------------------------- */

static int read_imatrix(struct gg_wishes *w, const struct gg_quant_opts *o, struct gg_err *err)
{
    if (o->include_weights.n > 0 && o->exclude_weights.n > 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--include-weights and --exclude-weights cannot be used together");
    if (o->imatrix == NULL && (o->include_weights.n > 0 || o->exclude_weights.n > 0))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--%s-weights needs --imatrix",
                       o->include_weights.n > 0 ? "include" : "exclude");
    if (o->imatrix == NULL)
        return GG_OK;
    int rc = weight_list(w, &w->plan.include_weights, "--include-weights", &o->include_weights, err);
    if (rc == GG_OK)
        rc = weight_list(w, &w->plan.exclude_weights, "--exclude-weights", &o->exclude_weights, err);
    if (rc == GG_OK)
        rc = gg_imatrix_open(&w->imatrix, o->imatrix, err);
    w->plan.imatrix = w->imatrix;
    return rc;
}

static enum qt_type type_or_none(int id)
{
    return id < 0 ? QT_NONE : (enum qt_type)id;
}

static int read_quant(struct gg_wishes *w, const struct gg_quant_opts *o, struct gg_err *err)
{
    w->plan.allow_unmatched = o->allow_unmatched;
    w->plan.token_embedding_type = type_or_none(o->token_embedding_type);
    w->plan.output_tensor_type = type_or_none(o->output_tensor_type);
    w->plan.leave_output_tensor = o->leave_output_tensor;
    w->plan.pure = o->pure;
    w->plan.lossless_only = o->lossless_only;
    w->plan.imatrix_missing = (enum gg_missing_policy)o->imatrix_missing;
    if (o->leave_output_tensor && o->output_tensor_type >= 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--leave-output-tensor and --output-tensor-type contradict each other");
    int rc = read_rules(w, o, err);
    if (rc == GG_OK && o->only != NULL) {
        struct gg_pattern *p;
        rc = pattern(w, &p, "--only", false, o->only, err);
        if (rc == GG_OK)
            w->plan.only = p;
    }
    return rc != GG_OK ? rc : read_imatrix(w, o, err);
}

static int read_prune(struct gg_wishes *w, const char *list, struct gg_err *err)
{
    uint64_t *v = gg_arena_zalloc(&w->arena, strlen(list) + 1, sizeof *v);
    char *copy = gg_arena_strndup(&w->arena, list, strlen(list)), *save = NULL;
    if (v == NULL || copy == NULL)
        return gg_fail_nomem(err, "the list of layers");
    for (char *s = copy; (s = strtok_r(s, ",", &save)) != NULL; s = NULL) {
        if (!gg_text_parse_u64(s, &v[w->plan.n_prune_layers]))
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--prune-layers: '%.32s' is no layer number",
                           s);
        w->plan.n_prune_layers++;
    }
    if (w->plan.n_prune_layers == 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--prune-layers: the list is empty");
    w->plan.prune_layers = v;
    return GG_OK;
}

static int read_meta(struct gg_wishes *w, const struct gg_model *model, const struct gg_meta_opts *o,
                     struct gg_err *err)
{
    w->plan.quantized_by = o->quantized_by;
    int rc = o->prune_layers != NULL ? read_prune(w, o->prune_layers, err) : GG_OK;
    if (rc != GG_OK || o->override_kv.n == 0)
        return rc;
    rc = ggf_meta_new(&w->override_kv, err);
    for (size_t i = 0; rc == GG_OK && i < o->override_kv.n; i++)
        rc = gg_kv_set(w->override_kv, model->meta, "--override-kv", o->override_kv.v[i],
                       GG_KV_OVERRIDE, NULL, err);
    w->plan.override_kv = w->override_kv;
    return rc;
}

int gg_wishes_take_shards(struct gg_plan_wishes *w, const struct gg_shard_opts *o,
                          const char *prefix, struct gg_err *err)
{
    bool limited = o->max_size.set || o->max_tensors.set;
    w->split_max_nbytes = o->max_size.set ? o->max_size.v : 0;
    w->split_max_tensors = o->max_tensors.set ? o->max_tensors.v : 0;
    w->n_shards = o->shards.set ? o->shards.v : 0;
    w->at_layers = o->at_layers;
    w->no_tensor_first = o->no_tensor_first;
    if (o->shards.set && limited)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--shards and --%smax-%s contradict each other",
                       prefix, o->max_size.set ? "size" : "tensors");
    if ((o->at_layers || o->no_tensor_first) && !o->shards.set && !limited)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--%s needs --%smax-size, --%smax-tensors or --shards",
                       o->at_layers ? "at-layers" : "no-tensor-first", prefix, prefix);
    return GG_OK;
}

static int read_output(struct gg_wishes *w, const struct gg_output_opts *o, struct gg_err *err)
{
    const struct gg_shard_opts *s = &o->shards;
    w->plan.keep_split = o->keep_split;
    const char *other = s->max_size.set      ? "split-max-size"
                        : s->max_tensors.set ? "split-max-tensors"
                        : s->shards.set      ? "shards"
                                             : NULL;
    if (o->keep_split && other != NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--keep-split and --%s contradict each other",
                       other);
    return gg_wishes_take_shards(&w->plan, s, "split-", err);
}

int gg_wishes_new(struct gg_wishes **out, const struct gg_model *model,
                  const struct gg_quant_opts *quant, const struct gg_meta_opts *meta,
                  const struct gg_output_opts *output, struct gg_err *err)
{
    struct gg_wishes *w = calloc(1, sizeof *w);
    if (w == NULL)
        return gg_fail_nomem(err, "wishes");
    w->plan.token_embedding_type = w->plan.output_tensor_type = QT_NONE;
    int rc = quant != NULL ? read_quant(w, quant, err) : GG_OK;
    if (rc == GG_OK && meta != NULL)
        rc = read_meta(w, model, meta, err);
    if (rc == GG_OK && output != NULL)
        rc = read_output(w, output, err);
    if (rc != GG_OK) {
        gg_wishes_free(w);
        return rc;
    }
    *out = w;
    return GG_OK;
}

void gg_wishes_free(struct gg_wishes *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->n_patterns; i++)
        gg_pattern_free(w->patterns[i]);
    free(w->patterns);
    free(w->plan.rules);
    gg_imatrix_free(w->imatrix);
    ggf_meta_free(w->override_kv);
    gg_arena_free(&w->arena);
    free(w);
}
