/* imatrix show: what is in a matrix, and statistics of its entries. */
#include "cmds/imatrix.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/csv.h"
#include "lib/cli/json.h"
#include "lib/cli/table.h"
#include "lib/plan/imatrix_stats.h"
#include "lib/plan/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const struct gg_imatrix_entry *e;
    struct gg_imatrix_stats s;
    struct gg_name_key key;
};

struct show {
    struct imatrix_cmd *c;
    const struct gg_imatrix *im;
    struct row *rows; /* in the order of the model's layers */
    size_t n;
};

static int by_key(const void *a, const void *b)
{
    return gg_name_key_cmp(&((const struct row *)a)->key, &((const struct row *)b)->key);
}

static int collect(struct show *s, struct gg_err *err)
{
    s->n = s->im->n_entries;
    s->rows = calloc(s->n + 1, sizeof *s->rows);
    if (s->rows == NULL)
        return gg_fail_nomem(err, "statistics");
    for (size_t i = 0; i < s->n; i++) {
        struct row *r = &s->rows[i];
        r->e = &s->im->entries[i];
        r->key = (struct gg_name_key){ggf_str(r->e->name), gg_name_layer(ggf_str(r->e->name))};
        int rc = gg_imatrix_stats(r->e, &r->s, err);
        if (rc != GG_OK)
            return rc;
    }
    qsort(s->rows, s->n, sizeof *s->rows, by_key);
    return GG_OK;
}

/* ---- text ------------------------------------------------------------------------------------- */

static void head(const struct show *s)
{
    const struct gg_imatrix *im = s->im;
    FILE *f = s->c->env->out;
    char shown[512];
    uint64_t experts = 0;
    for (size_t i = 0; i < s->n; i++)
        experts += s->rows[i].e->n_zero_count;
    fprintf(f, "%s: importance matrix, %s, %zu entries", s->c->paths[0],
            im->legacy ? "legacy format" : "GGUF", s->n);
    if (im->n_chunks > 0)
        fprintf(f, ", %u chunks", im->n_chunks);
    if (im->chunk_size > 0)
        fprintf(f, " of %u tokens", im->chunk_size);
    if (experts > 0)
        fprintf(f, ", %" PRIu64 " experts without data", experts);
    fputc('\n', f);
    for (size_t i = 0; i < im->n_datasets; i++)
        fprintf(f, "data set: %s\n", gg_text_escape_into(shown, sizeof shown, im->datasets[i],
                                                         strlen(im->datasets[i])));
    fputc('\n', f);
}

static void tensor_row(struct gg_table *t, const struct row *r)
{
    gg_table_row(t);
    gg_table_raw(t, GG_PLAIN, r->e->name, strlen(r->e->name));
    gg_table_cell(t, GG_PLAIN, "%" PRIu64, r->s.n);
    if (r->s.n == 0) {
        gg_table_cell(t, GG_PLAIN, "no data");
        return;
    }
    gg_table_cell(t, GG_PLAIN, "%.6g", r->s.sum);
    gg_table_cell(t, GG_PLAIN, "%.4g", r->s.min);
    gg_table_cell(t, GG_PLAIN, "%.4g", r->s.max);
    gg_table_cell(t, GG_PLAIN, "%.4g", r->s.mean);
    gg_table_cell(t, GG_PLAIN, "%.4g", r->s.sigma);
    gg_table_cell(t, GG_PLAIN, "%.2f%%", 100 * r->s.active);
    gg_table_cell(t, GG_PLAIN, "%.3f", r->s.entropy);
    gg_table_cell(t, GG_PLAIN, "%.2f%%", 100 * r->s.entropy_norm);
    gg_table_cell(t, GG_PLAIN, "%.2f%%", 100 * r->s.zd);
    if (r->s.has_cosine)
        gg_table_cell(t, GG_PLAIN, "%.4f", r->s.cosine);
    else
        gg_table_cell(t, GG_PLAIN, "-");
}

static int print_tensors(const struct show *s, struct gg_err *err)
{
    static const struct gg_column cols[] = {
        {"tensor", GG_LEFT, GG_ELASTIC},  {"N", GG_RIGHT, GG_RIGID},    {"sum", GG_RIGHT, GG_RIGID},
        {"min", GG_RIGHT, GG_RIGID},      {"max", GG_RIGHT, GG_RIGID},  {"mean", GG_RIGHT, GG_RIGID},
        {"sigma", GG_RIGHT, GG_RIGID},    {"active", GG_RIGHT, GG_RIGID}, {"entropy", GG_RIGHT, GG_RIGID},
        {"of max", GG_RIGHT, GG_RIGID},   {"ZD", GG_RIGHT, GG_RIGID},   {"CosSim", GG_RIGHT, GG_RIGID},
    };
    struct gg_table t;
    gg_table_init(&t, cols, GG_COUNTOF(cols), "");
    for (size_t i = 0; i < s->n; i++)
        tensor_row(&t, &s->rows[i]);
    int rc = gg_table_print(&t, s->c->env->out, &s->c->env->out_term, err);
    gg_table_free(&t);
    return rc;
}

/* Means over a layer's entries, weighted by their number of activations. */
struct layer {
    uint64_t no;
    double n, sum, zd, cosine;
    size_t n_entries;
};

/* The layer that begins at row *i, which moves on to the next. */
static struct layer take_layer(const struct show *s, size_t *i)
{
    struct layer l = {.no = s->rows[*i].key.layer};
    for (; *i < s->n && s->rows[*i].key.layer == l.no; ++*i) {
        const struct gg_imatrix_stats *x = &s->rows[*i].s;
        double n = (double)x->n;
        l.n += n;
        l.sum += n * x->sum;
        l.zd += n * x->zd;
        l.cosine += n * (x->has_cosine ? x->cosine : 0);
        l.n_entries++;
    }
    double n = l.n > 0 ? l.n : 1;
    l.sum /= n;
    l.zd /= n;
    l.cosine /= n;
    return l;
}

static int print_layers(const struct show *s, struct gg_err *err)
{
    static const struct gg_column cols[] = {{"layer", GG_RIGHT, GG_RIGID}, {"entries", GG_RIGHT, GG_RIGID},
                                            {"sum", GG_RIGHT, GG_RIGID}, {"ZD", GG_RIGHT, GG_RIGID},
                                            {"CosSim", GG_RIGHT, GG_RIGID}};
    struct gg_table t;
    gg_table_init(&t, cols, GG_COUNTOF(cols), "");
    for (size_t i = 0; i < s->n;) {
        struct layer l = take_layer(s, &i);
        gg_table_row(&t);
        if (l.no == GG_NO_LAYER)
            gg_table_cell(&t, GG_PLAIN, "-");
        else
            gg_table_cell(&t, GG_PLAIN, "%" PRIu64, l.no);
        gg_table_cell(&t, GG_PLAIN, "%zu", l.n_entries);
        gg_table_cell(&t, GG_PLAIN, "%.6g", l.sum);
        gg_table_cell(&t, GG_PLAIN, "%.2f%%", 100 * l.zd);
        gg_table_cell(&t, GG_PLAIN, "%.4f", l.cosine);
    }
    int rc = gg_table_print(&t, s->c->env->out, &s->c->env->out_term, err);
    gg_table_free(&t);
    return rc;
}

/* ---- CSV and JSON ----------------------------------------------------------------------------- */

static void csv_row(FILE *f, const struct row *r)
{
    const double v[] = {r->s.sum, r->s.min, r->s.max, r->s.mean, r->s.sigma, r->s.active,
                        r->s.entropy, r->s.entropy_norm, r->s.zd};
    char name[256], num[32];
    gg_text_escape_into(name, sizeof name, r->e->name, strlen(r->e->name));
    gg_csv_text(f, name, strlen(name));
    fprintf(f, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, r->s.n, r->e->nmat, r->e->n_zero_count);
    for (size_t i = 0; i < GG_COUNTOF(v); i++)
        fprintf(f, ",%s", r->s.n > 0 ? gg_json_number(num, v[i]) : "");
    fprintf(f, ",%s\n", r->s.has_cosine ? gg_json_number(num, r->s.cosine) : "");
}

static void json_row(struct gg_json *j, const struct row *r)
{
    gg_json_object_inline(j, NULL);
    gg_json_text(j, "name", r->e->name, strlen(r->e->name));
    gg_json_u64(j, "n", r->s.n);
    gg_json_u64(j, "matrices", r->e->nmat);
    gg_json_u64(j, "without_data", r->e->n_zero_count);
    if (r->s.n > 0) {
        gg_json_f64(j, "sum", r->s.sum);
        gg_json_f64(j, "min", r->s.min);
        gg_json_f64(j, "max", r->s.max);
        gg_json_f64(j, "mean", r->s.mean);
        gg_json_f64(j, "sigma", r->s.sigma);
        gg_json_f64(j, "active", r->s.active);
        gg_json_f64(j, "entropy", r->s.entropy);
        gg_json_f64(j, "entropy_norm", r->s.entropy_norm);
        gg_json_f64(j, "zd", r->s.zd);
    }
    if (r->s.has_cosine)
        gg_json_f64(j, "cosine", r->s.cosine);
    else
        gg_json_null(j, "cosine");
    gg_json_close(j);
}

static void print_json(const struct show *s)
{
    struct gg_json j;
    gg_json_begin(&j, s->c->env->out);
    gg_json_object(&j, NULL);
    gg_json_str(&j, "file", s->c->paths[0]);
    gg_json_str(&j, "format", s->im->legacy ? "legacy" : "gguf");
    gg_json_array(&j, "datasets");
    for (size_t i = 0; i < s->im->n_datasets; i++)
        gg_json_text(&j, NULL, s->im->datasets[i], strlen(s->im->datasets[i]));
    gg_json_close(&j);
    gg_json_u64(&j, "chunks", s->im->n_chunks);
    gg_json_u64(&j, "chunk_size", s->im->chunk_size);
    gg_json_array(&j, "entries");
    for (size_t i = 0; i < s->n; i++)
        json_row(&j, &s->rows[i]);
    gg_json_close(&j);
    gg_json_array(&j, "layers");
    for (size_t i = 0; i < s->n;) {
        struct layer l = take_layer(s, &i);
        gg_json_object_inline(&j, NULL);
        if (l.no == GG_NO_LAYER)
            gg_json_null(&j, "layer");
        else
            gg_json_u64(&j, "layer", l.no);
        gg_json_f64(&j, "sum", l.sum);
        gg_json_f64(&j, "zd", l.zd);
        gg_json_f64(&j, "cosine", l.cosine);
        gg_json_close(&j);
    }
    gg_json_end(&j);
}

static void print_csv(const struct show *s)
{
    fputs("tensor,n,matrices,without_data,sum,min,max,mean,sigma,active,entropy,entropy_norm,zd,cosine\n",
          s->c->env->out);
    for (size_t i = 0; i < s->n; i++)
        csv_row(s->c->env->out, &s->rows[i]);
}

int imatrix_show(struct imatrix_cmd *c)
{
    struct show s = {.c = c, .im = c->in[0]};
    struct gg_err err;
    int rc = collect(&s, &err);
    if (rc == GG_OK && c->o->json) {
        print_json(&s);
    } else if (rc == GG_OK && c->o->csv) {
        print_csv(&s);
    } else if (rc == GG_OK) {
        head(&s);
        rc = c->o->layers ? print_layers(&s, &err) : print_tensors(&s, &err);
    }
    free(s.rows);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&c->env->msg, &err);
}
