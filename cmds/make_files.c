/* The files requant and convert write beside its outputs: a report for a model card, statistics. */
#include "cmds/make.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/csv.h"
#include "lib/cli/json.h"

#include <stdlib.h>
#include <string.h>

/* ---- --report ------------------------------------------------------------------------------ */

/* Text in a Markdown cell: a bar would end it. */
static void md_text(FILE *f, const char *s)
{
    for (; *s != '\0'; s++)
        fprintf(f, *s == '|' ? "\\|" : "%c", *s);
}

static struct qk_err_sums sum_of(const struct make *r, size_t k)
{
    struct qk_err_sums all = {0};
    for (size_t i = 0; i < r->plan->outputs[k].n_tensors; i++)
        make_add(&all, &r->result.report.results[k][i].sums);
    return all;
}

static void md_outputs(FILE *f, const struct make *r)
{
    fprintf(f, "| file | type | size | bits a weight | NMSE | SNR (dB) |\n"
               "|---|---|---:|---:|---:|---:|\n");
    for (size_t k = 0; k < r->plan->n_outputs; k++) {
        const struct gg_plan_output *o = &r->plan->outputs[k];
        struct make_totals t;
        struct qk_err_sums all = sum_of(r, k);
        struct make_error e = make_error(&all, 0, false);
        char size[32];
        const char *path = r->result.files[k][0].path, *slash = strrchr(path, '/');
        make_total(&t, r->model, o);
        fputs("| ", f);
        md_text(f, slash != NULL ? slash + 1 : path);
        fprintf(f, " | %s | %s | %.2f | ", r->targets.names[k],
                gg_text_size(size, o->nbytes),
                t.n_params > 0 ? 8.0 * (double)t.out_nbytes / (double)t.n_params : 0);
        if (r->o->no_stats || e.nmse == 0)
            fprintf(f, "%s | |\n", r->o->no_stats ? "" : "0");
        else
            fprintf(f, "%.3g | %.1f |\n", e.nmse, e.snr_db);
    }
}

static void md_types(FILE *f, const struct make *r)
{
    fprintf(f, "\n## Tensor types\n\n| output | type | tensors | weights | bytes |\n"
               "|---|---|---:|---:|---:|\n");
    for (size_t k = 0; k < r->plan->n_outputs; k++) {
        struct make_totals t;
        make_total(&t, r->model, &r->plan->outputs[k]);
        for (uint32_t i = 0; i <= QT_ID_END; i++) {
            const struct make_type *y = &t.by_type[i];
            char name[32], params[32], size[32];
            if (y->n_tensors > 0)
                fprintf(f, "| %s | %s | %llu | %s | %s |\n", r->targets.names[k],
                        qt_name(i, name), (unsigned long long)y->n_tensors,
                        gg_text_count(params, y->n_params), gg_text_thousands(size, y->nbytes));
        }
    }
}

static void md_tensors(FILE *f, const struct make *r, size_t k)
{
    const struct gg_plan_output *o = &r->plan->outputs[k];
    const struct gg_tensor_result *res = r->result.report.results[k];
    struct gg_buf name = GG_BUF_INIT;
    fprintf(f, "\n## Tensors of %s\n\n| tensor | from | to | bytes | NMSE | largest error | why |\n"
               "|---|---|---|---:|---:|---:|---|\n",
            r->targets.names[k]);
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_plan_tensor *p = &o->tensors[i];
        struct make_error e =
            make_error(&res[i].sums, r->model->tensors[p->src].ne[0], false);
        char from[32], to[32], size[32];
        fputs("| ", f);
        md_text(f, make_name(&name, p->name));
        fprintf(f, " | %s | %s | %s | ", qt_name(p->from, from), qt_name(p->to, to),
                gg_text_thousands(size, p->nbytes));
        if (p->action == GG_ENCODE && !r->o->no_stats)
            fprintf(f, "%.3g | %.3g | ", e.nmse, e.max_abs);
        else
            fprintf(f, "| | ");
        md_text(f, p->reason);
        fputs(" |\n", f);
    }
    gg_buf_free(&name);
}

static void write_markdown(FILE *f, const struct make *r)
{
    const char *slash = strrchr(r->in, '/');
    fprintf(f, "# Quantized with ggtool " GG_VERSION "\n\nFrom `%s`.\n\n",
            slash != NULL ? slash + 1 : r->in);
    md_outputs(f, r);
    fprintf(f, "\nErrors are those of the weights: NMSE is the sum of squared errors over the sum of "
               "squares. They rank types\nwithin a tensor well; they are not perplexity.\n");
    md_types(f, r);
    for (size_t k = 0; k < r->plan->n_outputs; k++)
        md_tensors(f, r, k);
}

/* ---- --stats-out --------------------------------------------------------------------------- */

static void csv_row(FILE *f, const struct make *r, size_t k, size_t i)
{
    const struct gg_plan_tensor *p = &r->plan->outputs[k].tensors[i];
    const struct gg_tensor *t = &r->model->tensors[p->src];
    const struct gg_tensor_result *res = &r->result.report.results[k][i];
    struct make_error e = make_error(&res->sums, t->ne[0], p->weights != NULL);
    struct gg_buf name = GG_BUF_INIT;
    char from[32], to[32], num[6][32];
    make_name(&name, p->name);
    fprintf(f, "%s,", r->targets.names[k]);
    gg_csv_text(f, gg_buf_str(&name), name.nbytes);
    fprintf(f, ",%s,%s,%llu,%llu", qt_name(p->from, from), qt_name(p->to, to),
            (unsigned long long)t->nelems, (unsigned long long)p->nbytes);
    fprintf(f, ",%s,%s,%s,%s,%s", gg_json_number(num[0], e.rmse), gg_json_number(num[1], e.nmse),
            gg_json_number(num[2], e.snr_db), gg_json_number(num[3], e.cosine),
            gg_json_number(num[4], e.max_abs));
    fprintf(f, ",%llu,%llu,%s,%llu\n", (unsigned long long)e.max_row, (unsigned long long)e.max_col,
            gg_json_number(num[5], e.weighted_nmse), (unsigned long long)res->sums.n_same);
    gg_buf_free(&name);
}

static void write_csv(FILE *f, const struct make *r)
{
    fprintf(f, "output,tensor,from,to,elements,bytes,rmse,nmse,snr_db,cosine,max_abs,max_row,max_col,"
               "weighted_nmse,unchanged\n");
    for (size_t k = 0; k < r->plan->n_outputs; k++) {
        for (size_t i = 0; i < r->plan->outputs[k].n_tensors; i++) {
            if (r->plan->outputs[k].tensors[i].action == GG_ENCODE)
                csv_row(f, r, k, i);
        }
    }
}

static void write_json(FILE *f, const struct make *r)
{
    make_json_report(f, r);
}

/* ---- files --------------------------------------------------------------------------------- */

static bool ends_with_csv(const char *path)
{
    size_t n = strlen(path);
    return n >= 4 && gg_text_ieq(path + n - 4, ".csv");
}

static int write_one(struct make *r, const char *path,
                     void (*write)(FILE *f, const struct make *r))
{
    struct gg_err err;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    bool ok = f != NULL;
    if (ok) {
        write(f, r);
        ok = !ferror(f);
        ok = fclose(f) == 0 && ok;
    }
    int rc = ok ? gg_job_write_file(path, text, n, r->o->output.force, &err)
                : gg_fail_nomem(&err, "a report");
    free(text);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&r->env->msg, &err);
}

int make_write_files(struct make *r)
{
    int rc = r->o->report != NULL ? write_one(r, r->o->report, write_markdown) : CMD_OK;
    if (rc == CMD_OK && r->o->stats_out != NULL)
        rc = write_one(r, r->o->stats_out, ends_with_csv(r->o->stats_out) ? write_csv : write_json);
    return rc;
}
