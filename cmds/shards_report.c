/* What split and merge would write, and what they have written. */
#include "cmds/shards.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/json.h"
#include "lib/cli/table.h"

#include <string.h>

static const struct gg_plan_output *output(const struct shards *s)
{
    return &s->plan->outputs[0];
}

/* The name of file i, in the arena of the command. */
static const char *file_name(const struct shards *s, size_t i)
{
    const struct gg_plan_output *o = output(s);
    const char *path =
        s->out == NULL ? "-" : gg_job_file_path(&s->env->mem, s->out, o->sharded, i, o->n_files);
    return path != NULL ? path : "?";
}

static uint64_t largest(const struct gg_plan_output *o)
{
    uint64_t n = 0;
    for (size_t i = 0; i < o->n_files; i++)
        n = gg_max_u64(n, o->files[i].nbytes);
    return n;
}

static const struct gg_plan_tensor *first_of(const struct gg_plan_output *o, size_t i)
{
    return &o->tensors[o->files[i].first_tensor];
}

static const struct gg_plan_tensor *last_of(const struct gg_plan_output *o, size_t i)
{
    return first_of(o, i) + o->files[i].n_tensors - 1;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void json_inputs(struct gg_json *j, const struct shards *s)
{
    gg_json_array(j, "inputs");
    for (size_t i = 0; i < s->model->n_files; i++) {
        const struct gg_model_file *f = &s->model->files[i];
        gg_json_object_inline(j, NULL);
        gg_json_text(j, "path", f->path, strlen(f->path));
        gg_json_u64(j, "bytes", f->nbytes);
        gg_json_close(j);
    }
    gg_json_close(j);
}

static void json_files(struct gg_json *j, const struct shards *s)
{
    const struct gg_plan_output *o = output(s);
    gg_json_array(j, "files");
    for (size_t i = 0; i < o->n_files; i++) {
        const char *path = file_name(s, i);
        size_t header;
        ggf_layout_header(o->files[i].layout, &header);
        gg_json_object_inline(j, NULL);
        gg_json_text(j, "path", path, strlen(path));
        gg_json_u64(j, "bytes", o->files[i].nbytes);
        gg_json_u64(j, "header_bytes", header);
        gg_json_u64(j, "tensors", o->files[i].n_tensors);
        if (o->files[i].n_tensors > 0) {
            gg_json_text(j, "first", first_of(o, i)->name.p, (size_t)first_of(o, i)->name.nbytes);
            gg_json_text(j, "last", last_of(o, i)->name.p, (size_t)last_of(o, i)->name.nbytes);
        }
        if (s->result.files != NULL && s->result.files[0][i].sha256[0] != '\0')
            gg_json_str(j, "sha256", s->result.files[0][i].sha256);
        gg_json_close(j);
    }
    gg_json_close(j);
}

static void json(const struct shards *s, bool done)
{
    struct gg_json j;
    gg_json_begin(&j, s->env->out);
    gg_json_object(&j, NULL);
    json_inputs(&j, s);
    json_files(&j, s);
    gg_json_u64(&j, "file_bytes", output(s)->nbytes);
    gg_json_u64(&j, "tensors", output(s)->n_tensors);
    if (done)
        gg_json_f64(&j, "seconds", s->seconds);
    gg_json_findings(&j, "findings", &s->plan->findings);
    gg_json_close(&j);
    gg_json_end(&j);
}

/* ---- text ---------------------------------------------------------------------------------- */

static int show_files(struct shards *s, struct gg_err *err)
{
    static const struct gg_column cols[] = {
        {"file", GG_LEFT, true}, {"bytes", GG_RIGHT, false}, {"tensors", GG_RIGHT, false},
        {"from", GG_LEFT, true}, {"to", GG_LEFT, true},
    };
    const struct gg_plan_output *o = output(s);
    struct gg_table t;
    gg_table_init(&t, cols, GG_COUNTOF(cols), "");
    for (size_t i = 0; i < o->n_files; i++) {
        const char *path = file_name(s, i);
        char n[32];
        gg_table_row(&t);
        gg_table_raw(&t, GG_PLAIN, path, strlen(path));
        gg_table_cell(&t, GG_PLAIN, "%s", gg_text_thousands(n, o->files[i].nbytes));
        gg_table_cell(&t, GG_PLAIN, "%zu", o->files[i].n_tensors);
        if (o->files[i].n_tensors == 0)
            continue;
        gg_table_raw(&t, GG_DIM, first_of(o, i)->name.p, (size_t)first_of(o, i)->name.nbytes);
        gg_table_raw(&t, GG_DIM, last_of(o, i)->name.p, (size_t)last_of(o, i)->name.nbytes);
    }
    int rc = gg_table_print(&t, s->env->out, &s->env->out_term, err);
    gg_table_free(&t);
    return rc;
}

int shards_show_plan(struct shards *s)
{
    const struct gg_plan_output *o = output(s);
    struct gg_err err;
    char bytes[32], human[32], most[32];
    if (s->o->json) {
        json(s, false);
        return CMD_OK;
    }
    if (show_files(s, &err) != GG_OK)
        return gg_msg_fail(&s->env->msg, &err);
    fprintf(s->env->out, "\n%zu tensors, %s bytes (%s)", o->n_tensors,
            gg_text_thousands(bytes, o->nbytes), gg_text_size(human, o->nbytes));
    if (o->n_files > 1)
        fprintf(s->env->out, " in %zu files, the largest %s bytes", o->n_files,
                gg_text_thousands(most, largest(o)));
    fputc('\n', s->env->out);
    return CMD_OK;
}

int shards_report(struct shards *s)
{
    const struct gg_plan_output *o = output(s);
    struct gg_buf path = GG_BUF_INIT;
    char human[32], most[32];
    if (s->o->json) {
        json(s, true);
        return CMD_OK;
    }
    if (s->env->msg.level < 0)
        return CMD_OK;
    FILE *f = strcmp(s->out, "-") == 0 ? s->env->msg.to : s->env->out;
    const char *first = file_name(s, 0);
    gg_text_escape(&path, first, strlen(first), 0);
    fprintf(f, "%s", gg_buf_str(&path));
    if (o->n_files > 1)
        fprintf(f, " and %zu more", o->n_files - 1);
    fprintf(f, ": %zu tensor%s, %s", o->n_tensors, o->n_tensors == 1 ? "" : "s",
            gg_text_size(human, o->nbytes));
    if (o->n_files > 1)
        fprintf(f, ", the largest file %s", gg_text_size(most, largest(o)));
    fprintf(f, "\n  time  %.2f s, %.0f MB/s\n", s->seconds,
            s->seconds > 0 ? (double)o->nbytes / 1e6 / s->seconds : 0);
    gg_buf_free(&path);
    return CMD_OK;
}
