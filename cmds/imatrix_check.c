/* imatrix check: faults of a matrix, and what it covers of a model. */
#include "cmds/imatrix.h"

#include "lib/base/num.h"
#include "lib/cli/json.h"
#include "lib/cli/table.h"
#include "lib/job/job.h"
#include "lib/plan/names.h"
#include "lib/quant/qtype.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum cover { COVERED, PARTIAL, ZERO, MISSING, WIDTH, NONFINITE, N_COVERS };

static const char *const cover_names[N_COVERS] = {"covered", "partial", "zero",
                                                  "missing", "width",   "nonfinite"};

struct coverage {
    struct imatrix_cmd *c;
    const struct gg_imatrix *im;
    const char *path;
    size_t n[N_COVERS];
    struct gg_findings found;
};

static void add(struct coverage *v, enum gg_severity s, const char *code, const char *name, size_t n,
                const char *text)
{
    gg_findings_add(&v->found, s, code, name, n, GG_NOWHERE, "%s", text);
}

/* What is wrong with an entry, whatever the model. */
static enum cover look_at_entry(struct coverage *v, const struct gg_imatrix_entry *e)
{
    size_t n = strlen(e->name);
    if (e->nonfinite_at < e->nvals) {
        gg_findings_add(&v->found, GG_FAULT, "imatrix-nonfinite", e->name, n, GG_NOWHERE,
                        "value %" PRIu64 " is infinite, negative or not a number", e->nonfinite_at);
        return NONFINITE;
    }
    if (e->n_zero_count == e->nmat && !e->of->legacy) {
        add(v, GG_WARN, "imatrix-empty", e->name, n, "has no data");
        return ZERO;
    }
    if (e->n_zero_count > 0) {
        gg_findings_add(&v->found, GG_WARN, "imatrix-zero-experts", e->name, n, GG_NOWHERE,
                        "%" PRIu64 " of %" PRIu64 " experts have no data; their weights are 1",
                        e->n_zero_count, e->nmat);
        return PARTIAL;
    }
    return COVERED;
}

/* Tensors whose lack is usual: llama-imatrix collects from layers alone. */
static bool expected_missing(struct ggf_str name)
{
    enum gg_category c = gg_category_of(name);
    return c == GG_CAT_EMBD || c == GG_CAT_OUTPUT || gg_name_layer(name) == GG_NO_LAYER;
}

static enum cover look_at_tensor(struct coverage *v, const struct gg_tensor *t, bool *used)
{
    const struct gg_imatrix_entry *e = gg_imatrix_find(v->im, t->name.p, (size_t)t->name.nbytes);
    uint64_t want = t->ne[0] * t->ne[2] * t->ne[3]; /* no more than the elements, which were checked */
    if (e == NULL) {
        add(v, expected_missing(t->name) ? GG_NOTE : GG_WARN, "imatrix-missing", t->name.p,
            (size_t)t->name.nbytes, "has no entry");
        return MISSING;
    }
    used[e - v->im->entries] = true;
    if (e->nvals != want) {
        gg_findings_add(&v->found, GG_FAULT, "imatrix-width", e->name, strlen(e->name), GG_NOWHERE,
                        "%" PRIu64 " values; the tensor wants %" PRIu64 " x %" PRIu64, e->nvals,
                        t->ne[0], t->ne[2] * t->ne[3]);
        return WIDTH;
    }
    return look_at_entry(v, e);
}

static int hold_against(struct coverage *v, const struct gg_model *m, struct gg_err *err)
{
    bool *used = calloc(v->im->n_entries + 1, sizeof *used);
    if (used == NULL)
        return gg_fail_nomem(err, "a list of entries");
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        if (gg_keep_reason(t->name, t->ne) == NULL && t->nelems > 0)
            v->n[look_at_tensor(v, t, used)]++;
    }
    for (size_t i = 0; i < v->im->n_entries; i++) {
        const struct gg_imatrix_entry *e = &v->im->entries[i];
        if (!used[i])
            add(v, GG_WARN, "imatrix-foreign", e->name, strlen(e->name),
                "names no tensor of the model that could be quantized");
    }
    free(used);
    if (v->n[COVERED] + v->n[PARTIAL] + v->n[ZERO] + v->n[WIDTH] + v->n[NONFINITE] == 0)
        add(v, GG_FAULT, "imatrix-foreign", NULL, 0, "covers no tensor of the model: it was made for another");
    return GG_OK;
}

static int examine(struct coverage *v, const struct gg_model *m, struct gg_err *err)
{
    if (m != NULL)
        return hold_against(v, m, err);
    for (size_t i = 0; i < v->im->n_entries; i++)
        v->n[look_at_entry(v, &v->im->entries[i])]++;
    return GG_OK;
}

/* ---- saying ----------------------------------------------------------------------------------- */

static void print_text(const struct coverage *v, bool model)
{
    FILE *f = v->c->env->out;
    size_t n = 0;
    gg_findings_print(f, &v->c->env->out_term, v->path, &v->found,
                      v->c->env->msg.level > 0 ? GG_NOTE : GG_WARN, v->c->env->msg.level > 0 ? 0 : 20);
    for (int k = 0; k < N_COVERS; k++)
        n += v->n[k];
    fprintf(f, "%s: %s, %zu %s:", v->path,
            v->found.n_by_severity[GG_FAULT] > 0 ? "faults" : "ok", n, model ? "tensors" : "entries");
    for (int k = 0; k < N_COVERS; k++) {
        if (v->n[k] > 0)
            fprintf(f, " %zu %s%s", v->n[k], cover_names[k], (n -= v->n[k]) > 0 ? "," : "");
    }
    fputc('\n', f);
}

static void json_one(struct gg_json *j, const struct coverage *v)
{
    gg_json_object(j, NULL);
    gg_json_str(j, "file", v->path);
    gg_json_object_inline(j, "coverage");
    for (int k = 0; k < N_COVERS; k++)
        gg_json_u64(j, cover_names[k], v->n[k]);
    gg_json_close(j);
    gg_json_findings(j, "findings", &v->found);
    gg_json_close(j);
}

static int check_one(struct imatrix_cmd *c, size_t i, const struct gg_model *m, struct gg_json *j)
{
    struct coverage v = {.c = c, .im = c->in[i], .path = c->paths[i]};
    struct gg_err err;
    int rc = examine(&v, m, &err);
    gg_findings_worst_first(&v.found); /* what is missing may be many lines */
    if (rc == GG_OK && v.found.failed)
        rc = gg_fail_nomem(&err, "findings");
    int code = rc != GG_OK                            ? gg_msg_fail(&c->env->msg, &err)
               : v.found.n_by_severity[GG_FAULT] > 0 ? CMD_NO
                                                      : CMD_OK;
    if (rc == GG_OK && j != NULL)
        json_one(j, &v);
    else if (rc == GG_OK)
        print_text(&v, m != NULL);
    gg_findings_free(&v.found);
    return code;
}

int imatrix_check(struct imatrix_cmd *c)
{
    struct gg_model *m = NULL;
    struct gg_err err;
    struct gg_json j;
    int code = CMD_OK;
    if (c->o->model != NULL && gg_job_open(&m, c->o->model, GGF_HEADER_ONLY, &err) != GG_OK)
        return gg_msg_fail(&c->env->msg, &err);
    if (c->o->json) {
        gg_json_begin(&j, c->env->out);
        gg_json_array(&j, NULL);
    }
    for (size_t i = 0; i < c->n; i++) {
        int one = check_one(c, i, m, c->o->json ? &j : NULL);
        code = one > code ? one : code;
    }
    if (c->o->json)
        gg_json_end(&j);
    gg_model_free(m);
    return code;
}
