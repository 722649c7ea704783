/* The JSON view of inspect; docs/json.md describes it. */
#include "cmds/inspect.h"

#include "lib/base/num.h"
#include "lib/job/ftype.h"

#include <stdlib.h>

static void str_or_null(struct gg_json *j, const char *key, struct ggf_str s)
{
    if (s.nbytes > 0)
        gg_json_text(j, key, s.p, (size_t)s.nbytes);
    else
        gg_json_null(j, key);
}

static void u64_or_null(struct gg_json *j, const char *key, uint64_t v, bool there)
{
    if (there)
        gg_json_u64(j, key, v);
    else
        gg_json_null(j, key);
}

/* A file of a checkpoint has only its name and size. */
static void foreign_json(const struct inspect *x, struct gg_json *j)
{
    gg_json_array(j, "files");
    for (size_t i = 0; i < x->model->n_files; i++) {
        gg_json_object(j, NULL);
        gg_json_str(j, "path", x->model->files[i].path);
        gg_json_str(j, "format", x->model->format);
        gg_json_u64(j, "bytes", x->model->files[i].nbytes);
        gg_json_close(j);
    }
    gg_json_close(j);
}

static void files_json(const struct inspect *x, struct gg_json *j)
{
    if (x->model->set == NULL) {
        foreign_json(x, j);
        return;
    }
    gg_json_array(j, "files");
    for (size_t i = 0; i < x->model->n_files; i++) {
        const struct ggf_file *f = ggf_set_file(x->model->set, i);
        gg_json_object(j, NULL);
        gg_json_str(j, "path", x->model->files[i].path);
        gg_json_u64(j, "version", ggf_file_version(f));
        gg_json_bool(j, "big_endian", ggf_file_big_endian(f));
        gg_json_u64(j, "alignment", ggf_file_alignment(f));
        u64_or_null(j, "bytes", x->model->files[i].nbytes, x->model->files[i].nbytes != GG_NOWHERE);
        gg_json_u64(j, "header_bytes", ggf_file_header_nbytes(f));
        gg_json_u64(j, "data_offset", ggf_file_data_off(f));
        gg_json_u64(j, "metadata_count", ggf_file_n_kv_declared(f));
        gg_json_u64(j, "tensor_count", ggf_file_n_tensors_declared(f));
        gg_json_bool(j, "header_complete", ggf_file_complete(f));
        gg_json_u64(j, "needs_bytes", ggf_file_needs_nbytes(f));
        gg_json_bool(j, "canonical", ggf_file_canonical(f));
        gg_json_close(j);
    }
    gg_json_close(j);
}

static void ftype_json(struct gg_json *j, const char *key, uint64_t ftype, bool there)
{
    char tmp[32];
    if (!there) {
        gg_json_null(j, key);
        return;
    }
    gg_json_object_inline(j, key);
    gg_json_u64(j, "id", ftype);
    gg_json_str(j, "name", gg_ftype_name(ftype, tmp));
    gg_json_close(j);
}

static void tally_json(struct gg_json *j, const char *label, const char *name,
                       const struct gg_tally *t)
{
    gg_json_object_inline(j, NULL);
    gg_json_str(j, label, name);
    gg_json_u64(j, "tensors", t->n_tensors);
    gg_json_u64(j, "parameters", t->n_params);
    gg_json_u64(j, "bytes", t->nbytes);
    gg_json_close(j);
}

static void sums_json(const struct gg_desc *d, struct gg_json *j)
{
    char tmp[32];
    gg_json_array(j, "types");
    for (size_t i = 0; i < d->n_types; i++)
        tally_json(j, "type", gg_tensor_stored(d->types[i].first, tmp), &d->types[i].sum);
    gg_json_close(j);
    gg_json_array(j, "roles");
    for (int r = 0; r < GG_ROLE_COUNT; r++) {
        if (d->role[r].n_tensors > 0)
            tally_json(j, "role", gg_role_name((enum gg_role)r), &d->role[r]);
    }
    gg_json_close(j);
}

static void model_json(const struct inspect *x, struct gg_json *j)
{
    const struct gg_desc *d = &x->desc;
    const struct gg_arch *a = &d->arch;
    gg_json_object(j, "model");
    str_or_null(j, "name", d->name);
    str_or_null(j, "architecture", a->name);
    str_or_null(j, "kind", d->kind);
    str_or_null(j, "size_label", d->size_label);
    str_or_null(j, "license", d->license);
    str_or_null(j, "quantized_by", d->quantized_by);
    gg_json_u64(j, "parameters", d->all.n_params);
    gg_json_u64(j, "tensors", d->all.n_tensors);
    gg_json_u64(j, "tensor_bytes", d->all.nbytes);
    u64_or_null(j, "file_bytes", d->file_nbytes, d->file_nbytes != GG_NOWHERE);
    if (d->bpw > 0)
        gg_json_f64(j, "bits_per_weight", d->bpw);
    else
        gg_json_null(j, "bits_per_weight");
    gg_json_object(j, "file_type");
    ftype_json(j, "stored", d->ftype, d->has_ftype);
    ftype_json(j, "found", gg_ftype_found(d), d->all.n_tensors > 0);
    gg_json_close(j);
    u64_or_null(j, "context_length", a->n_ctx, a->n_ctx > 0);
    u64_or_null(j, "layers", a->n_layers, a->n_layers > 0);
    u64_or_null(j, "embedding_length", a->n_embd, a->n_embd > 0);
    u64_or_null(j, "feed_forward_length", d->n_ff, d->n_ff > 0);
    u64_or_null(j, "heads", a->n_heads, a->n_heads > 0);
    u64_or_null(j, "heads_kv", a->n_heads_kv, a->n_heads_kv > 0);
    u64_or_null(j, "experts", a->n_experts, a->n_experts > 0);
    u64_or_null(j, "experts_used", d->n_experts_used, d->n_experts_used > 0);
    u64_or_null(j, "vocabulary", a->n_vocab, a->n_vocab > 0);
    str_or_null(j, "tokenizer", d->tokenizer);
    str_or_null(j, "pre_tokenizer", d->pre);
    gg_json_bool(j, "chat_template", d->has_template);
    gg_json_u64(j, "named_chat_templates", d->n_templates);
    gg_json_bool(j, "importance_matrix", d->has_imatrix);
    gg_json_u64(j, "shards", x->model->n_files);
    sums_json(d, j);
    gg_json_close(j);
}

static void metadata_json(const struct inspect *x, struct gg_json *j)
{
    gg_json_object(j, "metadata");
    for (size_t i = 0; i < ggf_meta_count(x->model->meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(x->model->meta, i);
        if (!inspect_wants_key(x, kv))
            continue;
        gg_json_key_n(j, kv->key.p, (size_t)kv->key.nbytes);
        gg_value_json(j, &kv->value, x->o->full);
    }
    gg_json_close(j);
}

static void tensor_json(const struct inspect *x, const struct gg_tensor *t, struct gg_json *j)
{
    char tmp[32];
    gg_json_object_inline(j, NULL);
    gg_json_text(j, "name", t->name.p, (size_t)t->name.nbytes);
    gg_json_str(j, "type", qt_name(t->type, tmp));
    if (!t->known)
        gg_json_u64(j, "type_id", qt_stored_id(t->type));
    if (t->origin != NULL)
        gg_json_str(j, "stored", t->origin);
    gg_json_array_inline(j, "shape");
    for (uint32_t i = 0; i < t->n_dims; i++)
        gg_json_u64(j, NULL, t->ne[i]);
    gg_json_close(j);
    if (!x->o->diffable) {
        u64_or_null(j, "bytes", t->nbytes, t->known || t->nbytes > 0);
        if (t->origin != NULL)
            gg_json_u64(j, "stored_bytes", t->stored_nbytes);
        gg_json_u64(j, "offset", t->file_off);
        gg_json_u64(j, "shard", t->file + 1);
    }
    gg_json_close(j);
}

static void tensors_json(const struct inspect *x, struct gg_json *j)
{
    gg_json_array(j, "tensors");
    for (size_t i = 0; i < x->model->n_tensors; i++) {
        if (inspect_wants_tensor(x, &x->model->tensors[i]))
            tensor_json(x, &x->model->tensors[i], j);
    }
    gg_json_close(j);
}

static int layers_json(const struct inspect *x, struct gg_json *j, struct gg_err *err)
{
    struct inspect_layer *v;
    size_t n;
    int rc = inspect_sum_layers(x->model, &v, &n, err);
    if (rc != GG_OK)
        return rc;
    gg_json_array(j, "layers");
    for (size_t i = 0; i < n; i++) {
        if (v[i].sum.n_tensors == 0)
            continue;
        gg_json_object_inline(j, NULL);
        str_or_null(j, "layer", v[i].whole);
        gg_json_u64(j, "parameters", v[i].sum.n_params);
        gg_json_u64(j, "bytes", v[i].sum.nbytes);
        gg_json_object_inline(j, "roles");
        for (int r = 0; r < GG_ROLE_COUNT; r++) {
            if (v[i].role[r].n_tensors > 0)
                gg_json_u64(j, gg_role_name((enum gg_role)r), v[i].role[r].nbytes);
        }
        gg_json_close(j);
        gg_json_close(j);
    }
    gg_json_close(j);
    free(v);
    return GG_OK;
}

static int template_json(const struct inspect *x, struct gg_json *j, struct gg_err *err)
{
    const struct ggf_kv *kv = inspect_find_template(x, x->o->template.pattern);
    struct ggf_str s;
    if (kv == NULL || !ggf_as_str(&kv->value, &s))
        return inspect_fail_template(x, x->o->template.pattern, err);
    gg_json_text(j, "chat_template", s.p, (size_t)s.nbytes);
    return GG_OK;
}

int inspect_json(struct inspect *x, struct gg_json *j, struct gg_err *err)
{
    const struct inspect_opts *o = x->o;
    bool some = o->metadata.set || o->tensors.set || o->layers || o->vocab || o->template.set ||
                o->stats.set || o->fit.set;
    int rc = GG_OK;
    gg_json_object(j, NULL);
    files_json(x, j);
    if (!some)
        model_json(x, j);
    if (!some || o->metadata.set)
        metadata_json(x, j);
    if (!some || o->tensors.set)
        tensors_json(x, j);
    if (o->layers)
        rc = layers_json(x, j, err);
    if (rc == GG_OK && o->stats.set)
        rc = inspect_stats(x, j, err);
    if (rc == GG_OK && o->fit.set)
        rc = inspect_fit(x, j, err);
    if (rc == GG_OK && o->vocab)
        rc = inspect_vocab(x, j, err);
    if (rc == GG_OK && o->template.set)
        rc = template_json(x, j, err);
    if (!some)
        gg_json_findings(j, "findings", &x->model->findings);
    gg_json_close(j);
    return rc;
}
