/* The files of an output: where one shard ends and the next begins, and every offset. */
#include "lib/base/num.h"
#include "lib/plan/plan_impl.h"

#include <inttypes.h>
#include <stdlib.h>

/* split.count and split.no are stored as 16 bits. */
enum { MAX_SHARDS = UINT16_MAX };

static const char *const split_keys[] = {"split.no", "split.count", "split.tensors.count"};

static bool may_split(const struct gg_planner *p)
{
    return (p->w->keep_split && p->model->n_files > 1) || p->w->split_max_nbytes > 0 ||
           p->w->split_max_tensors > 0;
}

/* As llama.cpp loads them: u16, u16, i32. */
static int set_split_keys(struct ggf_meta *meta, size_t no, size_t n_files, size_t n_tensors,
                          struct gg_err *err)
{
    int rc = ggf_meta_set_u16(meta, split_keys[0], (uint16_t)no, err);
    if (rc == GG_OK)
        rc = ggf_meta_set_u16(meta, split_keys[1], (uint16_t)n_files, err);
    if (rc == GG_OK)
        rc = ggf_meta_set_i32(meta, split_keys[2], (int32_t)n_tensors, err);
    return rc;
}

static void unset_split_keys(struct ggf_meta *meta)
{
    for (size_t i = 0; i < GG_COUNTOF(split_keys); i++)
        ggf_meta_unset(meta, split_keys[i]);
}

/* Metadata of the shards after the first: their split keys, and the alignment they are read with. */
static int later_meta(struct ggf_meta **out, const struct ggf_meta *first, size_t no, size_t n_files,
                      size_t n_tensors, struct gg_err *err)
{
    static const char alignment[] = "general.alignment";
    const struct ggf_kv *kv = ggf_meta_find(first, alignment);
    struct ggf_meta *meta;
    int rc = ggf_meta_new(&meta, err);
    if (rc != GG_OK)
        return rc;
    if (kv != NULL)
        rc = ggf_meta_set(meta, ggf_str(alignment), &kv->value, err);
    if (rc == GG_OK)
        rc = set_split_keys(meta, no, n_files, n_tensors, err);
    if (rc != GG_OK) {
        ggf_meta_free(meta);
        return rc;
    }
    *out = meta;
    return GG_OK;
}

/* ---- partition ------------------------------------------------------------------------------- */

/* What a file would weigh, not less than it does: header without tensors, rounded up, tensor
 * records, padding between them and the data, padded data. */
struct weight {
    uint64_t empty[2]; /* bytes of a first and of a later file without tensors */
    uint32_t align;
    uint64_t nbytes; /* of the file being filled */
};

static int weigh_empty(const struct ggf_meta *meta, uint64_t *nbytes, uint32_t *align,
                       struct gg_err *err)
{
    struct ggf_layout *l;
    size_t n;
    int rc = ggf_layout_new(&l, meta, NULL, 0, err);
    if (rc != GG_OK)
        return rc;
    *align = ggf_layout_alignment(l);
    ggf_layout_header(l, &n);
    *nbytes = (uint64_t)n + *align; /* the records' own rounding */
    ggf_layout_free(l);
    return GG_OK;
}

static int weigh_start(struct weight *w, const struct gg_plan_output *o, struct gg_err *err)
{
    struct ggf_meta *later;
    int rc = set_split_keys(o->meta, 0, 1, 0, err);
    if (rc == GG_OK)
        rc = weigh_empty(o->meta, &w->empty[0], &w->align, err);
    if (rc != GG_OK)
        return rc;
    rc = later_meta(&later, o->meta, 1, 2, 0, err);
    if (rc != GG_OK)
        return rc;
    rc = weigh_empty(later, &w->empty[1], &w->align, err);
    ggf_meta_free(later);
    return rc;
}

/* Record (GGUF v3: name, dimensions, type, offset) and padded data of a tensor. */
static uint64_t tensor_weight(const struct gg_planner *p, const struct gg_plan_tensor *t, uint32_t align)
{
    const struct gg_tensor *src = &p->model->tensors[t->src];
    uint64_t nbytes = 0;
    if (!qt_tensor_nbytes(t->to, src->ne, &nbytes) || !gg_align_u64(nbytes, align, &nbytes) ||
        !gg_add_u64(nbytes, 8 + t->name.nbytes + 4 + 8 * src->n_dims + 4 + 8, &nbytes))
        return UINT64_MAX; /* the layout will refuse it by name */
    return nbytes;
}

static bool starts_file(const struct gg_planner *p, const struct gg_plan_output *o, size_t i,
                        size_t n_in_file, uint64_t file_nbytes, uint64_t nbytes)
{
    const struct gg_tensor *all = p->model->tensors;
    uint64_t sum;
    if (n_in_file == 0)
        return false;
    if (p->w->keep_split && all[o->tensors[i].src].file != all[o->tensors[i - 1].src].file)
        return true;
    if (p->w->split_max_tensors > 0 && n_in_file >= p->w->split_max_tensors)
        return true;
    return p->w->split_max_nbytes > 0 &&
           (!gg_add_u64(file_nbytes, nbytes, &sum) || sum > p->w->split_max_nbytes);
}

/* Gives each tensor its file; *n_files gets their number. A first shard of metadata alone stays one
 * under keep_split. */
static int partition(struct gg_planner *p, struct gg_plan_output *o, size_t *n_files, struct gg_err *err)
{
    struct weight w = {{0, 0}, 32, 0};
    size_t n_in_file = 0, file = 0;
    *n_files = 1;
    if (!may_split(p) || o->n_tensors == 0)
        return GG_OK;
    int rc = weigh_start(&w, o, err);
    if (rc != GG_OK)
        return rc;
    if (p->w->keep_split && p->model->n_tensors > 0 && p->model->tensors[0].file > 0)
        file = 1;
    w.nbytes = w.empty[file];
    for (size_t i = 0; i < o->n_tensors; i++) {
        uint64_t nbytes = tensor_weight(p, &o->tensors[i], w.align);
        if (starts_file(p, o, i, n_in_file, w.nbytes, nbytes)) {
            file++;
            n_in_file = 0;
            w.nbytes = w.empty[1];
        }
        o->tensors[i].file = file;
        n_in_file++;
        if (!gg_add_u64(w.nbytes, nbytes, &w.nbytes))
            w.nbytes = UINT64_MAX;
    }
    *n_files = file + 1;
    if (*n_files > MAX_SHARDS || o->n_tensors > INT32_MAX)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: %zu shards; no more than %d can be written", o->preset->name, *n_files,
                       (int)MAX_SHARDS);
    return GG_OK;
}

/* ---- layout ---------------------------------------------------------------------------------- */

static int lay_out(struct gg_planner *p, struct gg_plan_output *o, struct gg_plan_file *f,
                   const struct ggf_meta *meta, struct ggf_tensor_spec *specs, struct gg_err *err)
{
    struct gg_plan_tensor *t = o->tensors + f->first_tensor;
    for (size_t i = 0; i < f->n_tensors; i++) {
        const struct gg_tensor *src = &p->model->tensors[t[i].src];
        specs[i] = (struct ggf_tensor_spec){.name = t[i].name, .type = t[i].to, .n_dims = src->n_dims};
        for (size_t d = 0; d < GGF_MAX_DIMS; d++)
            specs[i].ne[d] = src->ne[d];
    }
    int rc = ggf_layout_new_as(&f->layout, meta, specs, f->n_tensors, p->w->big_endian, err);
    if (rc != GG_OK)
        return rc;
    for (size_t i = 0; i < f->n_tensors; i++) {
        t[i].off = ggf_layout_tensor_off(f->layout, i);
        t[i].nbytes = ggf_layout_tensor_nbytes(f->layout, i);
    }
    f->nbytes = ggf_layout_file_nbytes(f->layout);
    if (!gg_add_u64(o->nbytes, f->nbytes, &o->nbytes))
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "the output is larger than 2^64 bytes");
    return GG_OK;
}

static void report_oversize(struct gg_planner *p, const struct gg_plan_output *o)
{
    for (size_t k = 0; k < o->n_files; k++) {
        const struct gg_plan_file *f = &o->files[k];
        if (p->w->split_max_nbytes == 0 || f->nbytes <= p->w->split_max_nbytes || f->n_tensors == 0)
            continue;
        const struct gg_plan_tensor *t = &o->tensors[f->first_tensor];
        gg_findings_add(&p->plan->findings, GG_WARN, "split-oversize", t->name.p,
                        (size_t)t->name.nbytes, GG_NOWHERE,
                        "%s: shard %zu has %" PRIu64 " bytes, over the limit, with this tensor alone",
                        o->preset->name, k + 1, f->nbytes);
    }
}

static int lay_out_all(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err)
{
    struct ggf_tensor_spec *specs = malloc((o->n_tensors + 1) * sizeof *specs);
    int rc = specs == NULL ? gg_fail_nomem(err, "the tensor table") : GG_OK;
    for (size_t k = 0; k < o->n_files && rc == GG_OK; k++) {
        struct ggf_meta *later = NULL;
        if (k > 0)
            rc = later_meta(&later, o->meta, k, o->n_files, o->n_tensors, err);
        if (rc == GG_OK)
            rc = lay_out(p, o, &o->files[k], k > 0 ? later : o->meta, specs, err);
        ggf_meta_free(later);
    }
    free(specs);
    return rc;
}

int gg_plan_files(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err)
{
    size_t n_files;
    unset_split_keys(o->meta);
    int rc = partition(p, o, &n_files, err);
    if (rc != GG_OK)
        return rc;
    unset_split_keys(o->meta);
    if (n_files > 1)
        rc = set_split_keys(o->meta, 0, n_files, o->n_tensors, err);
    if (rc != GG_OK)
        return rc;
    o->files = gg_arena_zalloc(p->plan->arena, n_files, sizeof *o->files);
    if (o->files == NULL)
        return gg_fail_nomem(err, "the plan's files");
    o->n_files = n_files;
    for (size_t i = o->n_tensors; i-- > 0;) {
        o->files[o->tensors[i].file].first_tensor = i;
        o->files[o->tensors[i].file].n_tensors++;
    }
    rc = lay_out_all(p, o, err);
    if (rc == GG_OK)
        report_oversize(p, o);
    return rc;
}
