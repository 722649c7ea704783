/* What was done: the summary at the end, warnings that need the measured numbers, -v. */
#include "cmds/make.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <string.h>

enum { N_WORST = 3 };

/* The tensors with the largest relative error, worst first; returns how many. */
static size_t worst_tensors(size_t worst[N_WORST], const struct gg_plan_output *o,
                            const struct gg_tensor_result *res)
{
    double nmse[N_WORST];
    size_t n = 0;
    for (size_t i = 0; i < o->n_tensors; i++) {
        double e = make_error(&res[i].sums, 0, false).nmse;
        if (o->tensors[i].action != GG_ENCODE || e == 0)
            continue;
        size_t at = n;
        while (at > 0 && nmse[at - 1] < e)
            at--;
        if (at == N_WORST)
            continue;
        n += n < N_WORST;
        memmove(nmse + at + 1, nmse + at, (n - at - 1) * sizeof *nmse);
        memmove(worst + at + 1, worst + at, (n - at - 1) * sizeof *worst);
        nmse[at] = e;
        worst[at] = i;
    }
    return n;
}

static void print_worst(const struct make *r, size_t k, FILE *f)
{
    const struct gg_plan_output *o = &r->plan->outputs[k];
    const struct gg_tensor_result *res = r->result.report.results[k];
    struct gg_buf name = GG_BUF_INIT;
    size_t worst[N_WORST + 1], n = worst_tensors(worst, o, res);
    for (size_t i = 0; i < n; i++) {
        const struct gg_plan_tensor *p = &o->tensors[worst[i]];
        struct make_error e =
            make_error(&res[worst[i]].sums, r->model->tensors[p->src].ne[0], false);
        char to[32], text[64];
        fprintf(f, "  %s %s  %s  NMSE %s, largest %.3g at row %llu, column %llu\n",
                i == 0 ? "worst" : "     ", make_name(&name, p->name), qt_name(p->to, to),
                make_error_text(text, &e), e.max_abs, (unsigned long long)e.max_row,
                (unsigned long long)e.max_col);
    }
    gg_buf_free(&name);
}

static uint64_t input_nbytes(const struct gg_model *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i < m->n_files; i++)
        n += m->files[i].nbytes;
    return n;
}

static void print_error(const struct make *r, size_t k, const struct make_totals *t, FILE *f)
{
    const struct gg_tensor_result *res = r->result.report.results[k];
    struct qk_err_sums all = {0};
    char text[64], n[32];
    for (size_t i = 0; i < r->plan->outputs[k].n_tensors; i++)
        make_add(&all, &res[i].sums);
    if (t->n_encoded == 0) {
        fprintf(f, "  error nothing was encoded: all %llu tensors were copied\n",
                (unsigned long long)t->n_copied);
        return;
    }
    struct make_error e = make_error(&all, 0, false);
    fprintf(f, "  error NMSE %s over %s weights in %llu tensors; %llu tensors copied\n",
            make_error_text(text, &e), gg_text_count(n, all.n), (unsigned long long)t->n_encoded,
            (unsigned long long)t->n_copied);
    print_worst(r, k, f);
}

static void print_output(const struct make *r, size_t k, FILE *f)
{
    const struct gg_plan_output *o = &r->plan->outputs[k];
    struct make_totals t;
    struct gg_buf path = GG_BUF_INIT;
    char size[32], was[32];
    uint64_t in = input_nbytes(r->model);
    make_total(&t, r->model, o);
    const char *first = r->result.files[k][0].path;
    gg_text_escape(&path, first, strlen(first), 0);
    fprintf(f, "%s", gg_buf_str(&path));
    if (o->n_files > 1)
        fprintf(f, " and %zu more", o->n_files - 1);
    fprintf(f, ": %s, %s -> %s", r->targets.names[k], gg_text_size(was, in),
            gg_text_size(size, o->nbytes));
    if (in > 0)
        fprintf(f, " (%.1f%%)", 100.0 * (double)o->nbytes / (double)in);
    if (t.n_params > 0)
        fprintf(f, ", %.2f -> %.2f bits a weight", 8.0 * (double)t.in_nbytes / (double)t.n_params,
                8.0 * (double)t.out_nbytes / (double)t.n_params);
    fprintf(f, "\n");
    make_print_target(r, f);
    if (!r->o->no_stats)
        print_error(r, k, &t, f);
    gg_buf_free(&path);
}

static void print_time(const struct make *r, FILE *f)
{
    const struct gg_stream_usage *u = &r->result.report.usage;
    double s = (double)u->wall_ns / 1e9;
    double mb = ((double)u->read_nbytes + (double)u->copied_nbytes) / 1e6;
    fprintf(f, "  time  ");
    if (r->target != NULL)
        fprintf(f, "%.2f s to measure, ", (double)r->measuring_ns / 1e9);
    fprintf(f, "%.2f s, %.0f MB/s\n", s, s > 0 ? mb / s : 0);
}

/* ---- warnings ------------------------------------------------------------------------------ */

/* Requantizing is what this command is for, but each time costs: one warning that says how much. */
static void warn_requantized(const struct make *r)
{
    struct gg_buf b = GG_BUF_INIT;
    size_t n_most = 0;
    for (size_t k = 0; k < r->plan->n_outputs; k++) {
        const struct gg_plan_output *o = &r->plan->outputs[k];
        struct qk_err_sums sums = {0};
        size_t n = 0;
        for (size_t i = 0; i < o->n_tensors; i++) {
            const struct qt_info *from = qt_info(o->tensors[i].from);
            if (o->tensors[i].action != GG_ENCODE || from == NULL || !(from->flags & QT_BLOCKS))
                continue;
            make_add(&sums, &r->result.report.results[k][i].sums);
            n++;
        }
        struct make_error e = make_error(&sums, 0, false);
        char text[64];
        if (n > 0 && !r->o->no_stats)
            gg_buf_addf(&b, "%s%s NMSE %s", b.nbytes > 0 ? ", " : ", adding an error of: ",
                        r->targets.names[k], make_error_text(text, &e));
        n_most = n > n_most ? n : n_most;
    }
    if (n_most > 0)
        gg_msg_warn(&r->env->msg,
                    "%zu tensors were quantized already and have been quantized again%s; better "
                    "start from the original weights",
                    n_most, gg_buf_str(&b));
    gg_buf_free(&b);
}

static void warn_counts(const struct make *r, size_t k)
{
    const struct gg_plan_output *o = &r->plan->outputs[k];
    const struct gg_tensor_result *res = r->result.report.results[k];
    uint64_t zeroed = 0, flushed = 0, clipped = 0;
    size_t n_zeroed = 0, n_flushed = 0, n_clipped = 0;
    for (size_t i = 0; i < o->n_tensors; i++) {
        zeroed += res[i].n_zeroed;
        flushed += res[i].n_f16_flushed;
        clipped += res[i].n_f16_clipped;
        n_zeroed += res[i].n_zeroed > 0;
        n_flushed += res[i].n_f16_flushed > 0;
        n_clipped += res[i].n_f16_clipped > 0;
    }
    const char *type = r->targets.names[k];
    if (zeroed > 0)
        gg_msg_warn(&r->env->msg, "%s: %llu values that were not finite are 0 now, in %zu tensor%s",
                    type, (unsigned long long)zeroed, n_zeroed, n_zeroed == 1 ? "" : "s");
    if (clipped > 0)
        gg_msg_warn(&r->env->msg, "%s: %llu values too large for F16 are 65504 now, in %zu tensor%s",
                    type, (unsigned long long)clipped, n_clipped, n_clipped == 1 ? "" : "s");
    if (flushed > 0)
        gg_msg_warn(&r->env->msg, "%s: %llu values too small for F16 are 0 now, in %zu tensor%s",
                    type, (unsigned long long)flushed, n_flushed, n_flushed == 1 ? "" : "s");
}

static void say_usage(const struct make *r)
{
    const struct gg_stream_usage *u = &r->result.report.usage;
    double all = (double)(u->read_ns + u->compute_ns + u->write_ns);
    char memory[32], slab[32], scratch[32];
    all = all > 0 ? all : 1;
    gg_msg_info(&r->env->msg, "memory %s: %u slots of %s, %u workers with %s each",
                gg_text_size(memory, u->memory_nbytes), u->n_slots,
                gg_text_size(slab, u->slab_nbytes), u->n_workers,
                gg_text_size(scratch, u->scratch_nbytes));
    gg_msg_info(&r->env->msg, "time of workers: %.0f%% reading, %.0f%% computing, %.0f%% writing",
                100 * (double)u->read_ns / all, 100 * (double)u->compute_ns / all,
                100 * (double)u->write_ns / all);
    gg_msg_info(&r->env->msg, "kernels: %s", gg_cpu_name(r->kernels.level));
}

int make_report(struct make *r)
{
    bool piped = strcmp(r->targets.paths[0], "-") == 0;
    warn_requantized(r);
    for (size_t k = 0; k < r->plan->n_outputs; k++)
        warn_counts(r, k);
    say_usage(r);
    if (r->o->json) {
        make_json_report(r->env->out, r);
    } else if (r->env->msg.level >= 0) {
        FILE *f = piped ? r->env->msg.to : r->env->out;
        for (size_t k = 0; k < r->plan->n_outputs; k++)
            print_output(r, k, f);
        print_time(r, f);
    }
    return make_write_files(r);
}
