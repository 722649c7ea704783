/* The comparison as JSON (docs/json.md) and as CSV. */
#include "cmds/diff.h"

#include "lib/base/text.h"
#include "lib/quant/qtype.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const state_names[GG_MATCH_STATES] = {
    [GG_MATCH_BOTH] = "compared",   [GG_MATCH_ONLY_BASE] = "only_a", [GG_MATCH_ONLY_OTHER] = "only_b",
    [GG_MATCH_NEITHER] = "neither", [GG_MATCH_SHAPE] = "shape",      [GG_MATCH_TYPE] = "type",
    [GG_MATCH_CUT] = "truncated",
};

/* Numbers of a tensor; those of equal bytes need no sums. */
static struct gg_error error_of(const struct gg_comparison *c)
{
    struct gg_error same = {.snr_db = INFINITY, .cosine = 1};
    return c->same == GG_SAME_BYTES ? same : gg_error_of(&c->sums);
}

static void db_json(struct gg_json *j, double nmse, double db)
{
    if (nmse == 0)
        gg_json_null(j, "snr_db");
    else
        gg_json_f64(j, "snr_db", db);
}

static void error_json(struct gg_json *j, const struct gg_error *e, bool weighted)
{
    gg_json_f64(j, "rmse", e->rmse);
    gg_json_f64(j, "nmse", e->nmse);
    db_json(j, e->nmse, e->snr_db);
    gg_json_f64(j, "max_abs", e->max_abs);
    gg_json_f64(j, "bias", e->bias);
    gg_json_f64(j, "cosine", e->cosine);
    if (weighted)
        gg_json_f64(j, "weighted_nmse", e->weighted);
    else
        gg_json_null(j, "weighted_nmse");
}

/* ---- models ---------------------------------------------------------------------------------- */

static void file_json(struct gg_json *j, const char *key, const struct diff *d, size_t model)
{
    const struct gg_desc *x = &d->desc[model];
    const char *path = d->models[model]->name;
    char tmp[32];
    gg_json_object_inline(j, key);
    gg_json_text(j, "path", path, strlen(path));
    gg_json_text(j, "architecture", x->arch.name.p, x->arch.name.nbytes);
    gg_json_str(j, "type", diff_type_name(d, model, tmp));
    gg_json_u64(j, "tensors", x->all.n_tensors);
    gg_json_u64(j, "parameters", x->all.n_params);
    gg_json_u64(j, "tensor_bytes", x->all.nbytes);
    gg_json_f64(j, "bits_per_weight", x->bpw);
    gg_json_bool(j, "truncated", d->cut[model]);
    gg_json_close(j);
}

static void tally_json(struct gg_json *j, const struct diff *d, const struct diff_tally *t)
{
    struct gg_error e = diff_error_of(t);
    gg_json_u64(j, "tensors", t->n_tensors);
    gg_json_u64(j, "parameters", t->n_params);
    gg_json_u64(j, "bytes_a", t->nbytes[0]);
    gg_json_u64(j, "bytes_b", t->nbytes[1]);
    if (d->o->header_only)
        return;
    gg_json_u64(j, "same_bytes", t->n_same_bytes);
    gg_json_u64(j, "same_values", t->n_same_values);
    gg_json_u64(j, "different", t->n_other);
    error_json(j, &e, d->n_weighted > 0);
}

static void groups_json(struct gg_json *j, const struct diff *d, const struct diff_other *o)
{
    char tmp[32];
    gg_json_array(j, "types");
    for (size_t i = 0; i < o->n_types; i++) {
        gg_json_object_inline(j, NULL);
        gg_json_str(j, "from", gg_tensor_stored(o->types[i].first[0], tmp));
        gg_json_str(j, "to", gg_tensor_stored(o->types[i].first[1], tmp));
        tally_json(j, d, &o->types[i].t);
        gg_json_close(j);
    }
    gg_json_close(j);
    gg_json_array(j, "roles");
    for (int r = 0; r < GG_ROLE_COUNT; r++) {
        if (o->role[r].n_tensors == 0)
            continue;
        gg_json_object_inline(j, NULL);
        gg_json_str(j, "role", gg_role_name((enum gg_role)r));
        tally_json(j, d, &o->role[r]);
        gg_json_close(j);
    }
    gg_json_close(j);
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void shape_json(struct gg_json *j, const char *key, const struct gg_tensor *t)
{
    if (t == NULL) {
        gg_json_null(j, key);
        return;
    }
    gg_json_array_inline(j, key);
    for (uint32_t i = 0; i < t->n_dims || i == 0; i++)
        gg_json_u64(j, NULL, t->ne[i]);
    gg_json_close(j);
}

static void side_json(struct gg_json *j, const char *key, const struct gg_tensor *t)
{
    char tmp[32];
    if (t == NULL) {
        gg_json_null(j, key);
        return;
    }
    gg_json_object_inline(j, key);
    gg_json_str(j, "type", gg_tensor_stored(t, tmp));
    shape_json(j, "shape", t);
    gg_json_close(j);
}

static void left_out_json(struct gg_json *j, const struct diff *d, size_t m)
{
    gg_json_array(j, "not_compared");
    for (size_t i = 0; i < d->match.n; i++) {
        const struct gg_match_item *it = &d->match.items[i];
        if (it->state[m] == GG_MATCH_BOTH || it->state[m] == GG_MATCH_NEITHER)
            continue;
        gg_json_object_inline(j, NULL);
        gg_json_text(j, "name", it->name.p, it->name.nbytes);
        gg_json_str(j, "why", state_names[it->state[m]]);
        side_json(j, "a", diff_tensor(d, i, 0));
        side_json(j, "b", diff_tensor(d, i, m + 1));
        gg_json_close(j);
    }
    gg_json_close(j);
}

static void places_json(struct gg_json *j, const char *key, const struct diff_place *v, size_t n)
{
    gg_json_array_inline(j, key);
    for (size_t i = 0; i < n; i++) {
        gg_json_array_inline(j, NULL);
        gg_json_u64(j, NULL, v[i].at);
        gg_json_f64(j, NULL, v[i].error);
        gg_json_close(j);
    }
    gg_json_close(j);
}

static int rows_json(struct gg_json *j, struct diff *d, size_t item, size_t m, struct gg_err *err)
{
    struct diff_rows rows;
    if (!d->o->rows || !diff_differs(d, item, m))
        return GG_OK;
    int rc = diff_find_rows(d, item, m, &rows, err);
    if (rc != GG_OK)
        return rc;
    places_json(j, "rows", rows.row, rows.n_rows);
    places_json(j, "channels", rows.col, rows.n_cols);
    return GG_OK;
}

static void odd_json(struct gg_json *j, const struct gg_comparison *c)
{
    gg_json_u64(j, "nan_a", c->n_nan[0]);
    gg_json_u64(j, "nan_b", c->n_nan[1]);
    gg_json_u64(j, "inf_a", c->n_inf[0]);
    gg_json_u64(j, "inf_b", c->n_inf[1]);
    gg_json_u64(j, "not_finite_on_one_side", c->n_odd);
}

static int tensor_json(struct gg_json *j, struct diff *d, size_t item, size_t m, struct gg_err *err)
{
    const struct gg_match_item *it = &d->match.items[item];
    const struct gg_comparison *c = diff_result(d, item, m);
    const struct gg_tensor *a = diff_tensor(d, item, 0), *b = diff_tensor(d, item, m + 1);
    struct gg_error e = error_of(c);
    struct gg_layer layer;
    char tmp[32];
    gg_json_object_inline(j, NULL);
    gg_json_text(j, "name", it->name.p, it->name.nbytes);
    gg_json_str(j, "role", gg_role_name(gg_role_of(it->name)));
    if (gg_layer_of(it->name, &layer))
        gg_json_u64(j, "layer", layer.n);
    else
        gg_json_null(j, "layer");
    gg_json_str(j, "type_a", gg_tensor_stored(a, tmp));
    gg_json_str(j, "type_b", gg_tensor_stored(b, tmp));
    shape_json(j, "shape", a);
    gg_json_u64(j, "bytes_a", gg_tensor_stored_nbytes(a));
    gg_json_u64(j, "bytes_b", gg_tensor_stored_nbytes(b));
    gg_json_bool(j, "identical", c->same != GG_OTHER_VALUES);
    gg_json_bool(j, "same_bytes", c->same == GG_SAME_BYTES);
    error_json(j, &e, d->n_weighted > 0 && d->weights[d->item[item]] != NULL);
    gg_json_u64(j, "max_row", a->ne[0] > 0 ? c->sums.max_at / a->ne[0] : 0);
    gg_json_u64(j, "max_col", a->ne[0] > 0 ? c->sums.max_at % a->ne[0] : 0);
    gg_json_f64(j, "row_error", sqrt(c->row_nmse));
    gg_json_u64(j, "worst_row", c->row);
    gg_json_f64(j, "exact", diff_exact(a, c));
    if (c->n_nan[0] + c->n_nan[1] + c->n_inf[0] + c->n_inf[1] > 0)
        odd_json(j, c);
    int rc = rows_json(j, d, item, m, err);
    gg_json_close(j);
    return rc;
}

/* Items in the order of the base or, when it was asked for, of --sort. */
static size_t next_item(const struct diff *d, size_t k)
{
    bool sorted = d->o->sort != DIFF_KEYS && d->o->sort != DIFF_FILE;
    if (!sorted)
        return k;
    if (k < d->n_order)
        return d->order[k];
    size_t skip = k - d->n_order;
    for (size_t i = 0; i < d->match.n; i++) {
        bool listed = false;
        for (size_t m = 0; m < d->n_others; m++)
            listed |= diff_differs(d, i, m);
        if (!listed && skip-- == 0)
            return i;
    }
    return SIZE_MAX;
}

static int model_json(struct gg_json *j, struct diff *d, size_t m, struct gg_err *err)
{
    const struct diff_other *o = &d->others[m];
    gg_json_bool(j, "different", diff_is_different(d, m));
    int rc = gg_meta_diff_json(j, "metadata", &o->meta, err);
    gg_json_u64(j, "metadata_same", o->meta.n_same);
    gg_json_bool(j, "metadata_reordered", o->meta.reordered);
    gg_json_bool(j, "tensors_reordered", d->match.reordered[m]);
    gg_json_object_inline(j, "compared");
    tally_json(j, d, &o->all);
    gg_json_close(j);
    groups_json(j, d, o);
    left_out_json(j, d, m);
    gg_json_array(j, "tensors");
    for (size_t k = 0; rc == GG_OK && k < d->match.n; k++) {
        size_t item = next_item(d, k);
        if (diff_result(d, item, m) != NULL)
            rc = tensor_json(j, d, item, m, err);
    }
    gg_json_close(j);
    return rc;
}

int diff_json(struct diff *d, struct gg_err *err)
{
    struct gg_json j;
    int rc = GG_OK;
    gg_json_begin(&j, d->env->out);
    gg_json_object(&j, NULL);
    file_json(&j, d->n_others == 1 ? "a" : "base", d, 0);
    if (d->n_others == 1)
        file_json(&j, "b", d, 1);
    if (d->imatrix != NULL)
        gg_json_text(&j, "weighted_by", d->imatrix->file, strlen(d->imatrix->file));
    else
        gg_json_null(&j, "weighted_by");
    if (d->n_others == 1) {
        rc = model_json(&j, d, 0, err);
    } else {
        gg_json_array(&j, "models");
        for (size_t m = 0; rc == GG_OK && m < d->n_others; m++) {
            gg_json_object(&j, NULL);
            file_json(&j, "file", d, m + 1);
            rc = model_json(&j, d, m, err);
            gg_json_close(&j);
        }
        gg_json_close(&j);
    }
    gg_json_end(&j);
    return rc;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void csv_text(FILE *f, const char *s, size_t n)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_text_escape(&b, s, n, 0);
    fputc('"', f);
    for (const char *p = gg_buf_str(&b); *p != '\0'; p++)
        fprintf(f, *p == '"' ? "\"\"" : "%c", *p);
    fputc('"', f);
    gg_buf_free(&b);
}

static void csv_type(FILE *f, const struct gg_tensor *t)
{
    char tmp[32];
    fprintf(f, ",%s", t != NULL ? gg_tensor_stored(t, tmp) : "");
}

static void csv_bytes(FILE *f, const struct gg_tensor *t)
{
    if (t != NULL)
        fprintf(f, ",%" PRIu64, gg_tensor_stored_nbytes(t));
    else
        fputc(',', f);
}

static void csv_number(FILE *f, bool any, double v)
{
    char tmp[32];
    fprintf(f, ",%s", any ? gg_json_number(tmp, v) : "");
}

static void csv_numbers(FILE *f, const struct diff *d, size_t item, size_t m)
{
    const struct gg_comparison *c = diff_result(d, item, m);
    struct gg_error e = error_of(c);
    uint64_t cols = diff_tensor(d, item, 0)->ne[0];
    cols = cols > 0 ? cols : 1;
    fprintf(f, ",%d,%d", c->same == GG_SAME_BYTES, c->same != GG_OTHER_VALUES);
    csv_number(f, true, e.rmse);
    csv_number(f, true, e.nmse);
    csv_number(f, e.nmse != 0, e.snr_db);
    csv_number(f, true, e.max_abs);
    fprintf(f, ",%" PRIu64 ",%" PRIu64, c->sums.max_at / cols, c->sums.max_at % cols);
    csv_number(f, true, e.bias);
    csv_number(f, true, e.cosine);
    csv_number(f, true, sqrt(c->row_nmse));
    fprintf(f, ",%" PRIu64, c->row);
    csv_number(f, true, diff_exact(diff_tensor(d, item, 0), c));
    csv_number(f, d->n_weighted > 0 && d->weights[d->item[item]] != NULL, e.weighted);
    fprintf(f, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", c->n_nan[0], c->n_nan[1],
            c->n_inf[0], c->n_inf[1]);
}

static void csv_row(FILE *f, const struct diff *d, size_t item, size_t m)
{
    const struct gg_match_item *it = &d->match.items[item];
    const struct gg_tensor *a = diff_tensor(d, item, 0), *b = diff_tensor(d, item, m + 1);
    struct gg_layer layer;
    csv_text(f, d->models[m + 1]->name, strlen(d->models[m + 1]->name));
    fputc(',', f);
    csv_text(f, it->name.p, it->name.nbytes);
    fprintf(f, ",%s,", gg_role_name(gg_role_of(it->name)));
    if (gg_layer_of(it->name, &layer))
        fprintf(f, "%" PRIu32, layer.n);
    csv_type(f, a);
    csv_type(f, b);
    fprintf(f, ",%" PRIu64, a != NULL ? a->nelems : b->nelems);
    csv_bytes(f, a);
    csv_bytes(f, b);
    fprintf(f, ",%s", state_names[it->state[m]]);
    if (diff_result(d, item, m) != NULL)
        csv_numbers(f, d, item, m);
    else
        fprintf(f, ",,,,,,,,,,,,,,,,,,\n");
}

int diff_csv(struct diff *d, struct gg_err *err)
{
    FILE *f = d->env->out;
    (void)err;
    fprintf(f, "model,tensor,role,layer,type_a,type_b,elements,bytes_a,bytes_b,state,same_bytes,"
               "identical,rmse,nmse,snr_db,max_abs,max_row,max_col,bias,cosine,row_error,worst_row,"
               "exact,weighted_nmse,nan_a,nan_b,inf_a,inf_b\n");
    for (size_t m = 0; m < d->n_others; m++) {
        for (size_t k = 0; k < d->match.n; k++) {
            size_t item = next_item(d, k);
            if (d->match.items[item].state[m] != GG_MATCH_NEITHER)
                csv_row(f, d, item, m);
        }
    }
    return GG_OK;
}
