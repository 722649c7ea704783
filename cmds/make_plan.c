/* What would be done: the plan as a table, and one tensor explained. */
#include "cmds/make.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/table.h"

#include <string.h>

static const char *shape_text(char dst[128], const struct gg_tensor *t)
{
    size_t at = (size_t)snprintf(dst, 128, "%llu", (unsigned long long)t->ne[0]);
    for (uint32_t i = 1; i < t->n_dims && at < 128; i++)
        at += (size_t)snprintf(dst + at, 128 - at, "x%llu", (unsigned long long)t->ne[i]);
    return dst;
}

static int show_tensors(struct make *r, const struct gg_plan_output *o, struct gg_err *err)
{
    static const struct gg_column cols[] = {
        {"tensor", GG_LEFT, true}, {"shape", GG_RIGHT, false}, {"from", GG_LEFT, false},
        {"to", GG_LEFT, false},    {"bytes", GG_RIGHT, false}, {"why", GG_LEFT, true},
    };
    struct gg_table t;
    gg_table_init(&t, cols, GG_COUNTOF(cols), "");
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_plan_tensor *p = &o->tensors[i];
        char shape[128], from[32], to[32], size[32];
        gg_table_row(&t);
        gg_table_raw(&t, GG_PLAIN, p->name.p, p->name.nbytes);
        gg_table_cell(&t, GG_PLAIN, "%s", shape_text(shape, &r->model->tensors[p->src]));
        gg_table_cell(&t, GG_PLAIN, "%s", gg_tensor_stored(&r->model->tensors[p->src], from));
        gg_table_cell(&t, p->action == GG_ENCODE ? GG_CYAN : GG_DIM, "%s", qt_name(p->to, to));
        gg_table_cell(&t, GG_PLAIN, "%s", gg_text_thousands(size, p->nbytes));
        gg_table_cell(&t, GG_DIM, "%s", p->reason);
    }
    int rc = gg_table_print(&t, r->env->out, &r->env->out_term, err);
    gg_table_free(&t);
    return rc;
}

static int show_types(struct make *r, const struct make_totals *sum, struct gg_err *err)
{
    static const struct gg_column cols[] = {
        {"type", GG_LEFT, false},  {"tensors", GG_RIGHT, false}, {"weights", GG_RIGHT, false},
        {"bytes", GG_RIGHT, false}, {"share", GG_RIGHT, false},
    };
    struct gg_table t;
    gg_table_init(&t, cols, GG_COUNTOF(cols), "");
    for (uint32_t i = 0; i <= QT_ID_END; i++) {
        const struct make_type *y = &sum->by_type[i];
        char name[32], params[32], size[32];
        if (y->n_tensors == 0)
            continue;
        gg_table_row(&t);
        gg_table_cell(&t, GG_PLAIN, "%s", i < QT_ID_END ? qt_name(i, name) : "unknown");
        gg_table_cell(&t, GG_PLAIN, "%llu", (unsigned long long)y->n_tensors);
        gg_table_cell(&t, GG_PLAIN, "%s", gg_text_count(params, y->n_params));
        gg_table_cell(&t, GG_PLAIN, "%s", gg_text_thousands(size, y->nbytes));
        gg_table_cell(&t, GG_PLAIN, "%.1f%%",
                      sum->out_nbytes > 0 ? 100.0 * (double)y->nbytes / (double)sum->out_nbytes : 0);
    }
    int rc = gg_table_print(&t, r->env->out, &r->env->out_term, err);
    gg_table_free(&t);
    return rc;
}

static void show_size(struct make *r, size_t k, const struct make_totals *sum)
{
    const struct gg_plan_output *o = &r->plan->outputs[k];
    char bytes[32], human[32], was[32];
    uint64_t in = 0;
    for (size_t i = 0; i < r->model->n_files; i++)
        in += r->model->files[i].nbytes == GG_NOWHERE ? 0 : r->model->files[i].nbytes;
    fprintf(r->env->out, "%s: %s bytes (%s)", r->targets.names[k],
            gg_text_thousands(bytes, o->nbytes), gg_text_size(human, o->nbytes));
    if (o->n_files > 1)
        fprintf(r->env->out, " in %zu files", o->n_files);
    if (sum->n_params > 0)
        fprintf(r->env->out, ", %.3f bits a weight",
                8.0 * (double)sum->out_nbytes / (double)sum->n_params);
    if (in > 0)
        fprintf(r->env->out, "; the input has %s", gg_text_thousands(was, in));
    fprintf(r->env->out, "\n");
}

static int show_output(struct make *r, size_t k, struct gg_err *err)
{
    const struct gg_plan_output *o = &r->plan->outputs[k];
    struct make_totals sum;
    make_total(&sum, r->model, o);
    int rc = show_tensors(r, o, err);
    if (rc != GG_OK)
        return rc;
    fputs("\n", r->env->out);
    rc = show_types(r, &sum, err);
    if (rc != GG_OK)
        return rc;
    fputs("\n", r->env->out);
    if (o->n_files > 1) {
        char size[32];
        for (size_t i = 0; i < o->n_files; i++)
            fprintf(r->env->out, "file %zu: %s bytes, %zu tensors\n", i + 1,
                    gg_text_thousands(size, o->files[i].nbytes), o->files[i].n_tensors);
    }
    show_size(r, k, &sum);
    make_print_target(r, r->env->out);
    return GG_OK;
}

int make_show_plan(struct make *r)
{
    struct gg_err err;
    if (r->o->json) {
        make_json_plan(r->env->out, r, NULL);
        return CMD_OK;
    }
    for (size_t k = 0; k < r->plan->n_outputs; k++) {
        if (k > 0)
            fputs("\n", r->env->out);
        if (r->plan->n_outputs > 1)
            fprintf(r->env->out, "%s\n\n", r->targets.names[k]);
        if (show_output(r, k, &err) != GG_OK)
            return gg_msg_fail(&r->env->msg, &err);
    }
    return CMD_OK;
}

/* ---- one tensor ---------------------------------------------------------------------------- */

static const struct gg_plan_tensor *find(const struct gg_model *m, const struct gg_plan_output *o,
                                         const char *name)
{
    for (size_t i = 0; i < o->n_tensors; i++) {
        if (ggf_str_eq(o->tensors[i].name, name) ||
            ggf_str_eq(m->tensors[o->tensors[i].src].name, name))
            return &o->tensors[i];
    }
    return NULL;
}

static int fail_unknown(struct make *r)
{
    const struct gg_model *m = r->model;
    const char *best = "", *given = r->o->explain;
    unsigned best_distance = (unsigned)strlen(given) / 2 + 1;
    char one[128], nearest[128];
    for (size_t i = 0; i < m->n_tensors; i++) {
        gg_text_escape_into(one, sizeof one, m->tensors[i].name.p, m->tensors[i].name.nbytes);
        unsigned d = gg_text_distance(given, one);
        if (d < best_distance) {
            best_distance = d;
            memcpy(nearest, one, sizeof nearest);
            best = nearest;
        }
    }
    gg_msg_error(&r->env->msg, "--explain: no tensor '%s'%s%s%s", given, *best ? "; did you mean '" : "",
                 best, *best ? "'?" : "");
    return CMD_USAGE;
}

static const char *weights_text(const struct gg_plan_tensor *p)
{
    if (p->action == GG_COPY)
        return "not asked for: the bytes are copied";
    if (p->weights == NULL)
        return "none: every column counts the same";
    return p->n_weight_mats > 1 ? "from the importance matrix, for each expert"
                                : "from the importance matrix";
}

static void explain_one(struct make *r, size_t k, const struct gg_plan_tensor *p)
{
    const struct gg_tensor *t = &r->model->tensors[p->src];
    char shape[128], from[32], to[32], was[32], is[32];
    struct gg_buf name = GG_BUF_INIT;
    FILE *f = r->env->out;
    fprintf(f, "%s  %s  as %s\n", make_name(&name, p->name), shape_text(shape, t),
            r->targets.names[k]);
    if (p->name.nbytes != t->name.nbytes || memcmp(p->name.p, t->name.p, t->name.nbytes) != 0)
        fprintf(f, "  was named  %s\n", make_name(&name, t->name));
    fprintf(f, "  type       %s -> %s%s\n", gg_tensor_stored(t, from), qt_name(p->to, to),
            p->action == GG_COPY ? " (bytes copied)" : "");
    fprintf(f, "  why        %s\n", p->reason);
    if (p->rule)
        fprintf(f, "             decided by an option, not by the preset\n");
    if (p->fallback)
        fprintf(f, "             the wanted type does not fit rows of %llu\n",
                (unsigned long long)t->ne[0]);
    fprintf(f, "  weights    %s\n", weights_text(p));
    fprintf(f, "  bytes      %s -> %s", gg_text_thousands(was, t->nbytes),
            gg_text_thousands(is, p->nbytes));
    if (t->nelems > 0)
        fprintf(f, " (%.3f bits a weight)", 8.0 * (double)p->nbytes / (double)t->nelems);
    fprintf(f, "\n  place      offset %llu", (unsigned long long)p->off);
    if (r->plan->outputs[k].n_files > 1)
        fprintf(f, " of file %zu of %zu", p->file + 1, r->plan->outputs[k].n_files);
    fprintf(f, "\n");
    gg_buf_free(&name);
}

int make_explain(struct make *r)
{
    for (size_t k = 0; k < r->plan->n_outputs; k++) {
        const struct gg_plan_tensor *p = find(r->model, &r->plan->outputs[k], r->o->explain);
        if (p == NULL)
            return fail_unknown(r);
        if (r->o->json) { /* holds all outputs */
            make_json_plan(r->env->out, r, &p->name);
            return CMD_OK;
        }
        explain_one(r, k, p);
    }
    return CMD_OK;
}
