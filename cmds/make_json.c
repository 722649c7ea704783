/* The plan and the report of requant and convert as JSON; shapes in docs/json.md. */
#include "cmds/make.h"

#include "lib/base/num.h"
#include "lib/cli/json.h"

#include <string.h>

static bool wanted(const struct gg_plan_tensor *p, const struct ggf_str *only)
{
    return only == NULL || (p->name.nbytes == only->nbytes &&
                            memcmp(p->name.p, only->p, (size_t)only->nbytes) == 0);
}

/* The members every tensor has, in the plan and in the report. */
static void tensor_members(struct gg_json *j, const struct gg_plan_tensor *p)
{
    char from[32], to[32];
    gg_json_text(j, "name", p->name.p, (size_t)p->name.nbytes);
    gg_json_str(j, "from", qt_name(p->from, from));
    gg_json_str(j, "to", qt_name(p->to, to));
    gg_json_u64(j, "bytes", p->nbytes);
    gg_json_str(j, "reason", p->reason);
}

static void plan_members(struct gg_json *j, const struct gg_plan_output *o,
                         const struct ggf_str *only)
{
    gg_json_array(j, "tensors");
    for (size_t i = 0; i < o->n_tensors; i++) {
        if (!wanted(&o->tensors[i], only))
            continue;
        gg_json_object_inline(j, NULL);
        tensor_members(j, &o->tensors[i]);
        gg_json_close(j);
    }
    gg_json_close(j);
    gg_json_u64(j, "file_bytes", o->nbytes);
    if (o->n_files > 1) {
        gg_json_array_inline(j, "files");
        for (size_t i = 0; i < o->n_files; i++)
            gg_json_u64(j, NULL, o->files[i].nbytes);
        gg_json_close(j);
    }
}

/* What was chosen for a size. */
static void target_member(struct gg_json *j, const struct make *r)
{
    const struct gg_target_result *c = &r->chosen;
    if (r->target == NULL)
        return;
    gg_json_object_inline(j, "target");
    gg_json_u64(j, "file_bytes", c->nbytes);
    gg_json_u64(j, "least_bytes", c->least);
    gg_json_u64(j, "most_bytes", c->most);
    gg_json_f64(j, "loss", c->loss);
    gg_json_f64(j, "loss_bound", c->bound);
    gg_json_bool(j, "proven", c->proven);
    gg_json_u64(j, "measured", r->measured.n_measured);
    gg_json_u64(j, "known", r->measured.n_known);
    gg_json_close(j);
}

void make_json_plan(FILE *f, const struct make *r, const struct ggf_str *only)
{
    struct gg_json j;
    gg_json_begin(&j, f);
    gg_json_object(&j, NULL);
    if (r->plan->n_outputs == 1) {
        plan_members(&j, &r->plan->outputs[0], only);
    } else {
        gg_json_array(&j, "outputs");
        for (size_t k = 0; k < r->plan->n_outputs; k++) {
            gg_json_object(&j, NULL);
            gg_json_str(&j, "type", r->targets.names[k]);
            plan_members(&j, &r->plan->outputs[k], only);
            gg_json_close(&j);
        }
        gg_json_close(&j);
    }
    target_member(&j, r);
    gg_json_close(&j);
    gg_json_end(&j);
}

/* ---- the report ---------------------------------------------------------------------------- */

static void error_members(struct gg_json *j, const struct qk_err_sums *s, uint64_t n_cols,
                          bool weighted)
{
    struct make_error e = make_error(s, n_cols, weighted);
    gg_json_f64(j, "rmse", e.rmse);
    gg_json_f64(j, "nmse", e.nmse);
    gg_json_f64(j, "snr_db", e.snr_db);
    gg_json_f64(j, "cosine", e.cosine);
    gg_json_f64(j, "max_abs", e.max_abs);
    if (n_cols > 0) {
        gg_json_u64(j, "max_row", e.max_row);
        gg_json_u64(j, "max_col", e.max_col);
    }
    if (weighted)
        gg_json_f64(j, "weighted_nmse", e.weighted_nmse);
    gg_json_f64(j, "bias", e.bias);
    gg_json_u64(j, "unchanged", s->n_same);
}

static void report_tensor(struct gg_json *j, const struct make *r,
                          const struct gg_plan_tensor *p, const struct gg_tensor_result *res)
{
    gg_json_object_inline(j, NULL);
    tensor_members(j, p);
    if (p->action == GG_ENCODE && !r->o->no_stats)
        error_members(j, &res->sums, r->model->tensors[p->src].ne[0], p->weights != NULL);
    if (res->n_zeroed > 0)
        gg_json_u64(j, "zeroed", res->n_zeroed);
    if (res->n_f16_flushed > 0)
        gg_json_u64(j, "f16_flushed", res->n_f16_flushed);
    if (res->n_f16_clipped > 0)
        gg_json_u64(j, "f16_clipped", res->n_f16_clipped);
    gg_json_close(j);
}

static void report_files(struct gg_json *j, const struct gg_job_file *v, size_t n)
{
    gg_json_array(j, "files");
    for (size_t i = 0; i < n; i++) {
        gg_json_object_inline(j, NULL);
        gg_json_text(j, "path", v[i].path, strlen(v[i].path));
        gg_json_u64(j, "bytes", v[i].nbytes);
        if (v[i].sha256[0] != '\0')
            gg_json_str(j, "sha256", v[i].sha256);
        gg_json_close(j);
    }
    gg_json_close(j);
}

static void report_output(struct gg_json *j, const struct make *r, size_t k)
{
    const struct gg_plan_output *o = &r->plan->outputs[k];
    struct gg_tensor_result *res = r->result.report.results[k];
    struct qk_err_sums all = {0};
    struct make_totals t;
    make_total(&t, r->model, o);
    gg_json_object(j, NULL);
    gg_json_str(j, "type", r->targets.names[k]);
    gg_json_u64(j, "file_bytes", o->nbytes);
    gg_json_f64(j, "bits_per_weight",
                t.n_params > 0 ? 8.0 * (double)t.out_nbytes / (double)t.n_params : 0);
    gg_json_u64(j, "encoded", t.n_encoded);
    gg_json_u64(j, "copied", t.n_copied);
    for (size_t i = 0; i < o->n_tensors; i++)
        make_add(&all, &res[i].sums);
    if (!r->o->no_stats) {
        gg_json_object_inline(j, "error");
        error_members(j, &all, 0, false);
        gg_json_close(j);
    }
    report_files(j, r->result.files[k], o->n_files);
    gg_json_array(j, "tensors");
    for (size_t i = 0; i < o->n_tensors; i++)
        report_tensor(j, r, &o->tensors[i], &res[i]);
    gg_json_close(j);
    gg_json_close(j);
}

void make_json_report(FILE *f, const struct make *r)
{
    const struct gg_stream_usage *u = &r->result.report.usage;
    struct gg_json j;
    gg_json_begin(&j, f);
    gg_json_object(&j, NULL);
    gg_json_text(&j, "input", r->in, strlen(r->in));
    gg_json_f64(&j, "seconds", (double)u->wall_ns / 1e9);
    gg_json_u64(&j, "read_bytes", u->read_nbytes);
    gg_json_u64(&j, "memory_bytes", u->memory_nbytes);
    gg_json_array(&j, "outputs");
    for (size_t k = 0; k < r->plan->n_outputs; k++)
        report_output(&j, r, k);
    gg_json_close(&j);
    target_member(&j, r);
    gg_json_findings(&j, "findings", &r->plan->findings);
    gg_json_close(&j);
    gg_json_end(&j);
}
