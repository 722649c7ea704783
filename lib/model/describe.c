#include "lib/model/describe.h"

#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>

/* Sums of what a file says can pass 2^64 only in a crafted one: they stop there. */
static void add(uint64_t *sum, uint64_t v)
{
    if (!gg_add_u64(*sum, v, sum))
        *sum = UINT64_MAX;
}

static void tally(struct gg_tally *t, const struct gg_tensor *x)
{
    t->n_tensors++;
    add(&t->n_params, x->nelems);
    add(&t->nbytes, gg_tensor_stored_nbytes(x));
}

static struct gg_type_tally *type_slot(struct gg_desc *d, const struct gg_tensor *t)
{
    for (size_t i = 0; i < d->n_types; i++) {
        if (gg_tensor_stored_alike(d->types[i].first, t))
            return &d->types[i];
    }
    if (d->n_types == GG_DESC_MAX_TYPES)
        return &d->types[GG_DESC_MAX_TYPES - 1];
    d->types[d->n_types].first = t;
    d->types[d->n_types].type = t->origin != NULL ? t->plain : t->type;
    return &d->types[d->n_types++];
}

static int by_bytes(const void *a, const void *b)
{
    const struct gg_type_tally *x = a, *y = b;
    if (x->sum.nbytes != y->sum.nbytes)
        return x->sum.nbytes < y->sum.nbytes ? 1 : -1;
    return x->type < y->type ? -1 : x->type > y->type;
}

static void sum_tensors(struct gg_desc *d, const struct gg_model *m)
{
    struct gg_layer layer;
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        struct gg_type_tally *slot = type_slot(d, t);
        tally(&d->all, t);
        tally(&slot->sum, t);
        tally(&d->role[gg_role_of(t->name)], t);
        d->n_unknown += !t->known;
        if (t->n_dims > 1 && t->ne[1] > 1) {
            slot->n_matrices++;
            slot->n_in_layers += gg_layer_of(t->name, &layer);
        }
        if (ggf_str_eq(t->name, "token_embd.weight"))
            d->n_embd_vocab = t->ne[1];
    }
    qsort(d->types, d->n_types, sizeof d->types[0], by_bytes);
    if (d->all.n_params > 0 && d->n_unknown == 0)
        d->bpw = 8.0 * (double)d->all.nbytes / (double)d->all.n_params;
}

static void get_str(const struct ggf_meta *meta, const char *key, struct ggf_str *out)
{
    if (!ggf_meta_get_str(meta, key, out))
        *out = ggf_str("");
}

/* "<arch>.<key>", or its largest element when it is stored for each layer. */
static uint64_t arch_most(const struct ggf_meta *meta, struct ggf_str arch, const char *key)
{
    char full[256];
    size_t n = strlen(key);
    uint64_t v, most = 0;
    if (arch.nbytes + 1 + n >= sizeof full)
        return 0;
    memcpy(full, arch.p, (size_t)arch.nbytes);
    full[arch.nbytes] = '.';
    memcpy(full + arch.nbytes + 1, key, n);
    const struct ggf_kv *kv = ggf_meta_find_n(meta, full, (size_t)arch.nbytes + 1 + n);
    if (kv == NULL)
        return 0;
    if (ggf_as_u64(&kv->value, &v))
        return v;
    struct ggf_iter it = ggf_iter_begin(&kv->value);
    for (struct ggf_value e; ggf_iter_next(&it, &e);) {
        if (ggf_as_u64(&e, &v) && v > most)
            most = v;
    }
    return most;
}

static void read_meta(struct gg_desc *d, const struct ggf_meta *meta)
{
    static const char named[] = "tokenizer.chat_template.";
    gg_arch_read(&d->arch, meta);
    get_str(meta, "general.name", &d->name);
    get_str(meta, "general.size_label", &d->size_label);
    get_str(meta, "general.type", &d->kind);
    get_str(meta, "general.license", &d->license);
    get_str(meta, "general.quantized_by", &d->quantized_by);
    get_str(meta, "tokenizer.ggml.model", &d->tokenizer);
    get_str(meta, "tokenizer.ggml.pre", &d->pre);
    d->n_ff = arch_most(meta, d->arch.name, "feed_forward_length");
    d->n_experts_used = arch_most(meta, d->arch.name, "expert_used_count");
    d->has_ftype = ggf_meta_get_u64(meta, "general.file_type", &d->ftype);
    d->has_template = ggf_meta_find(meta, "tokenizer.chat_template") != NULL;
    d->has_imatrix = ggf_meta_find(meta, "quantize.imatrix.file") != NULL ||
                     ggf_meta_find(meta, "quantize.imatrix.entries_count") != NULL;
    for (size_t i = 0; i < ggf_meta_count(meta); i++) {
        struct ggf_str key = ggf_meta_at(meta, i)->key;
        d->n_templates += key.nbytes > sizeof named - 1 && memcmp(key.p, named, sizeof named - 1) == 0;
    }
}

void gg_describe(struct gg_desc *out, const struct gg_model *m)
{
    *out = (struct gg_desc){0};
    read_meta(out, m->meta);
    sum_tensors(out, m);
    for (size_t i = 0; i < m->n_files; i++) {
        if (m->files[i].nbytes == GG_NOWHERE)
            out->file_nbytes = GG_NOWHERE;
        if (out->file_nbytes != GG_NOWHERE)
            add(&out->file_nbytes, m->files[i].nbytes);
    }
}
