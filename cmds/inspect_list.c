/* The lists of inspect: metadata, tensors, layers. */
#include "cmds/inspect.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>

bool inspect_wants_key(const struct inspect *x, const struct ggf_kv *kv)
{
    return x->keys == NULL || gg_pattern_match(x->keys, kv->key.p, (size_t)kv->key.nbytes);
}

bool inspect_wants_tensor(const struct inspect *x, const struct gg_tensor *t)
{
    return x->names == NULL || gg_pattern_match(x->names, t->name.p, (size_t)t->name.nbytes);
}

static void print_diffable_metadata(struct inspect *x)
{
    struct gg_buf b = GG_BUF_INIT;
    for (size_t i = 0; i < ggf_meta_count(x->model->meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(x->model->meta, i);
        if (!inspect_wants_key(x, kv))
            continue;
        gg_buf_reset(&b);
        gg_text_escape(&b, kv->key.p, (size_t)kv->key.nbytes, 0);
        gg_buf_addc(&b, '\t');
        gg_value_type(&b, &kv->value);
        gg_buf_addc(&b, '\t');
        gg_value_text(&b, &kv->value, x->o->full);
        gg_buf_addc(&b, '\n');
        fwrite(gg_buf_str(&b), 1, b.nbytes, x->env->out);
    }
    gg_buf_free(&b);
}

int inspect_metadata(struct inspect *x, struct gg_err *err)
{
    static const struct gg_column cols[] = {
        {"key", GG_LEFT, false}, {"type", GG_LEFT, false}, {"value", GG_LEFT, GG_ELASTIC_END}};
    struct gg_term term = x->term;
    struct gg_table t;
    struct gg_buf b = GG_BUF_INIT;
    if (x->o->diffable) {
        print_diffable_metadata(x);
        return GG_OK;
    }
    if (x->o->full)
        term.columns = 0;
    gg_table_init(&t, cols, 3, "");
    for (size_t i = 0; i < ggf_meta_count(x->model->meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(x->model->meta, i);
        if (!inspect_wants_key(x, kv))
            continue;
        gg_table_row(&t);
        gg_table_raw(&t, GG_PLAIN, kv->key.p, (size_t)kv->key.nbytes);
        gg_buf_reset(&b);
        gg_value_type(&b, &kv->value);
        gg_table_text(&t, GG_DIM, gg_buf_str(&b), b.nbytes);
        gg_buf_reset(&b);
        gg_value_text(&b, &kv->value, x->o->full);
        gg_table_text(&t, GG_PLAIN, gg_buf_str(&b), b.nbytes);
    }
    int rc = b.failed ? gg_fail_nomem(err, "a value") : gg_table_print(&t, x->env->out, &term, err);
    gg_buf_free(&b);
    gg_table_free(&t);
    return rc;
}

/* ---- tensors -------------------------------------------------------------------------------- */

static void add_shape(struct gg_buf *out, const struct gg_tensor *t, const char *between)
{
    for (uint32_t i = 0; i < t->n_dims; i++)
        gg_buf_addf(out, "%s%llu", i > 0 ? between : "", (unsigned long long)t->ne[i]);
}

static void print_diffable(struct inspect *x)
{
    char type[32];
    struct gg_buf b = GG_BUF_INIT;
    for (size_t i = 0; i < x->model->n_tensors; i++) {
        const struct gg_tensor *t = &x->model->tensors[i];
        if (!inspect_wants_tensor(x, t))
            continue;
        gg_buf_reset(&b);
        gg_text_escape(&b, t->name.p, (size_t)t->name.nbytes, 0);
        gg_buf_addf(&b, "\t%s\t[", qt_name(t->type, type));
        add_shape(&b, t, ", ");
        gg_buf_adds(&b, "]\n");
        fwrite(gg_buf_str(&b), 1, b.nbytes, x->env->out);
    }
    gg_buf_free(&b);
}

static void add_tensor(struct gg_table *table, const struct gg_tensor *t, bool shards)
{
    char type[32];
    struct gg_buf shape = GG_BUF_INIT;
    add_shape(&shape, t, " x ");
    gg_table_row(table);
    gg_table_raw(table, GG_PLAIN, t->name.p, (size_t)t->name.nbytes);
    gg_table_cell(table, t->known ? GG_CYAN : GG_RED, "%s", gg_tensor_stored(t, type));
    gg_table_cell(table, GG_PLAIN, "%s", gg_buf_str(&shape));
    uint64_t nbytes = gg_tensor_stored_nbytes(t);
    if (t->known || nbytes > 0)
        gg_table_cell(table, GG_PLAIN, "%llu", (unsigned long long)nbytes);
    else
        gg_table_cell(table, GG_DIM, "?");
    if (t->known || nbytes > 0)
        gg_table_cell(table, GG_PLAIN, "%.2f",
                      t->known && t->origin == NULL ? qt_bpw(qt_info(t->type))
                                                    : 8.0 * (double)nbytes / (double)t->nelems);
    else
        gg_table_cell(table, GG_DIM, "?");
    gg_table_cell(table, GG_PLAIN, "%llu", (unsigned long long)t->file_off);
    if (shards)
        gg_table_cell(table, GG_PLAIN, "%u", t->file + 1);
    gg_buf_free(&shape);
}

int inspect_tensors(struct inspect *x, struct gg_err *err)
{
    static const struct gg_column cols[] = {
        {"name", GG_LEFT, true},     {"type", GG_LEFT, false},    {"shape", GG_LEFT, false},
        {"bytes", GG_RIGHT, false},  {"bpw", GG_RIGHT, false},    {"offset", GG_RIGHT, false},
        {"shard", GG_RIGHT, false},
    };
    struct gg_table t;
    bool shards = x->model->n_files > 1;
    if (x->o->diffable) {
        print_diffable(x);
        return GG_OK;
    }
    gg_table_init(&t, cols, shards ? 7 : 6, "");
    for (size_t i = 0; i < x->model->n_tensors; i++) {
        if (inspect_wants_tensor(x, &x->model->tensors[i]))
            add_tensor(&t, &x->model->tensors[i], shards);
    }
    int rc = gg_table_print(&t, x->env->out, &x->term, err);
    gg_table_free(&t);
    return rc;
}

/* ---- layers ----------------------------------------------------------------------------------- */

static void add_to_layer(struct inspect_layer *l, const struct gg_tensor *t)
{
    struct gg_tally *sums[2] = {&l->sum, &l->role[gg_role_of(t->name)]};
    for (int i = 0; i < 2; i++) {
        sums[i]->n_tensors++;
        if (!gg_add_u64(sums[i]->n_params, t->nelems, &sums[i]->n_params))
            sums[i]->n_params = UINT64_MAX;
        if (!gg_add_u64(sums[i]->nbytes, t->nbytes, &sums[i]->nbytes))
            sums[i]->nbytes = UINT64_MAX;
    }
}

int inspect_sum_layers(const struct gg_model *m, struct inspect_layer **out, size_t *n,
                       struct gg_err *err)
{
    struct gg_map map = GG_MAP_INIT;
    struct inspect_layer *v = calloc(1, sizeof *v);
    size_t cap = 1;
    *n = 1;
    bool failed = v == NULL;
    for (size_t i = 0; i < m->n_tensors && !failed; i++) {
        struct gg_layer layer = {.whole = {"", 0}};
        uint64_t at = 0;
        bool inside = gg_layer_of(m->tensors[i].name, &layer);
        int added = inside ? gg_map_add(&map, layer.whole.p, (size_t)layer.whole.nbytes, *n, &at) : 0;
        failed = added < 0;
        if (added > 0) {
            at = (*n)++;
            if (*n > cap) {
                struct inspect_layer *grown = realloc(v, 2 * cap * sizeof *v);
                failed = grown == NULL;
                v = failed ? v : grown;
                cap = failed ? cap : 2 * cap;
            }
            if (!failed)
                v[at] = (struct inspect_layer){.whole = layer.whole};
        }
        if (!failed)
            add_to_layer(&v[at], &m->tensors[i]);
    }
    gg_map_free(&map);
    if (failed) {
        free(v);
        return gg_fail_nomem(err, "the layers");
    }
    *out = v;
    return GG_OK;
}

static void layer_row(struct gg_table *t, const struct inspect_layer *l, const bool *shown,
                      const char *label, enum gg_style style)
{
    char size[32];
    gg_table_row(t);
    if (label != NULL)
        gg_table_cell(t, style, "%s", label);
    else
        gg_table_raw(t, style, l->whole.p, (size_t)l->whole.nbytes);
    for (int r = 0; r < GG_ROLE_COUNT; r++) {
        if (shown[r] && l->role[r].n_tensors > 0)
            gg_table_cell(t, style, "%s", gg_text_size(size, l->role[r].nbytes));
        else if (shown[r])
            gg_table_cell(t, GG_DIM, "-");
    }
    gg_table_cell(t, style, "%s", gg_text_size(size, l->sum.nbytes));
}

int inspect_layers(struct inspect *x, struct gg_err *err)
{
    struct gg_column cols[GG_ROLE_COUNT + 2] = {{"layer", GG_LEFT, false}};
    bool shown[GG_ROLE_COUNT];
    size_t n_cols = 1, n = 0;
    struct inspect_layer *v = NULL, total = {.sum = x->desc.all};
    struct gg_table t;
    int rc = inspect_sum_layers(x->model, &v, &n, err);
    if (rc != GG_OK)
        return rc;
    memcpy(total.role, x->desc.role, sizeof total.role);
    for (int r = 0; r < GG_ROLE_COUNT; r++) {
        shown[r] = x->desc.role[r].n_tensors > 0;
        if (shown[r])
            cols[n_cols++] = (struct gg_column){gg_role_name((enum gg_role)r), GG_RIGHT, false};
    }
    cols[n_cols++] = (struct gg_column){"all", GG_RIGHT, false};
    gg_table_init(&t, cols, n_cols, "");
    for (size_t i = 1; i < n; i++)
        layer_row(&t, &v[i], shown, NULL, GG_PLAIN);
    if (v[0].sum.n_tensors > 0)
        layer_row(&t, &v[0], shown, "outside", GG_PLAIN);
    layer_row(&t, &total, shown, "all", GG_BOLD);
    rc = gg_table_print(&t, x->env->out, &x->term, err);
    gg_table_free(&t);
    free(v);
    return rc;
}
