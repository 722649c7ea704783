/* The files of an output: where one shard ends and the next begins, and every offset. */
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/model/role.h"
#include "lib/plan/plan_impl.h"
#include "lib/plan/shards.h"

#include <inttypes.h>
#include <stdlib.h>

/* split.count and split.no are stored as 16 bits. */
enum { MAX_SHARDS = UINT16_MAX };

static const char *const split_keys[] = {"split.no", "split.count", "split.tensors.count"};

static bool keeps_split(const struct gg_planner *p)
{
    return p->w->keep_split && p->model->n_files > 1;
}

static bool may_cut(const struct gg_planner *p)
{
    const struct gg_plan_wishes *w = p->w;
    return w->split_max_nbytes > 0 || w->split_max_tensors > 0 || w->n_shards > 0 ||
           w->no_tensor_first;
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

/* ---- units ----------------------------------------------------------------------------------- */

/* Header bytes without tensors and padding. */
static int weigh_head(const struct ggf_meta *meta, uint64_t *nbytes, uint32_t *align,
                      struct gg_err *err)
{
    struct ggf_layout *l;
    int rc = ggf_layout_new(&l, meta, NULL, 0, err);
    if (rc != GG_OK)
        return rc;
    *align = ggf_layout_alignment(l);
    *nbytes = ggf_layout_bare_nbytes(l);
    ggf_layout_free(l);
    return GG_OK;
}

/* The split keys weigh the same whatever they say. */
static int weigh_heads(struct gg_shard_rules *r, const struct gg_plan_output *o, struct gg_err *err)
{
    struct ggf_meta *later;
    int rc = set_split_keys(o->meta, 0, 1, 0, err);
    if (rc == GG_OK)
        rc = weigh_head(o->meta, &r->head_nbytes[0], &r->alignment, err);
    if (rc != GG_OK)
        return rc;
    rc = later_meta(&later, o->meta, 1, 2, 0, err);
    if (rc != GG_OK)
        return rc;
    rc = weigh_head(later, &r->head_nbytes[1], &r->alignment, err);
    ggf_meta_free(later);
    return rc;
}

/* Adds record (GGUF v3: name, dimensions, type, offset) and padded data of a tensor. */
static void add_tensor(struct gg_shard_unit *u, const struct gg_planner *p,
                       const struct gg_plan_tensor *t, uint32_t align)
{
    const struct gg_tensor *src = &p->model->tensors[t->src];
    uint64_t nbytes;
    if (!qt_tensor_nbytes(t->to, src->ne, &nbytes) || !gg_align_u64(nbytes, align, &nbytes))
        nbytes = 0; /* the layout will refuse it by name */
    u->record_nbytes += 8 + t->name.nbytes + 4 + 8 * (uint64_t)gg_tensor_in_file(src)->n_dims + 4 + 8;
    if (!gg_add_u64(u->data_nbytes, nbytes, &u->data_nbytes))
        u->data_nbytes = UINT64_MAX;
    u->n_tensors++;
}

/* last[i] is the last tensor that stands together with tensor i: the last of its layer. */
static int find_layer_ends(const struct gg_plan_output *o, size_t *last, struct gg_err *err)
{
    struct gg_map ends = GG_MAP_INIT;
    struct gg_layer layer;
    uint64_t end;
    int rc = GG_OK;
    for (size_t i = o->n_tensors; i-- > 0 && rc == GG_OK;) {
        last[i] = i;
        if (!gg_layer_of(o->tensors[i].name, &layer))
            continue;
        int added = gg_map_add(&ends, layer.whole.p, (size_t)layer.whole.nbytes, i, &end);
        if (added < 0)
            rc = gg_fail_nomem(err, "the layers");
        else if (added == 0)
            last[i] = (size_t)end;
    }
    gg_map_free(&ends);
    return rc;
}

/* Lists units: tensors, or with at_layers what must not be cut in two. The unit of each tensor goes
 * to its `file` for now. */
static int list_units(struct gg_planner *p, struct gg_plan_output *o, struct gg_shard_unit *units,
                      size_t *n, uint32_t align, struct gg_err *err)
{
    size_t *last = calloc(o->n_tensors, sizeof *last), end = 0;
    int rc = last == NULL ? gg_fail_nomem(err, "the layers") : GG_OK;
    for (size_t i = 0; rc == GG_OK && i < o->n_tensors; i++)
        last[i] = i;
    if (rc == GG_OK && p->w->at_layers)
        rc = find_layer_ends(o, last, err);
    *n = 0;
    for (size_t i = 0; rc == GG_OK && i < o->n_tensors; i++) {
        *n += i == 0 || i > end;
        end = last[i] > end ? last[i] : end;
        o->tensors[i].file = *n - 1;
        add_tensor(&units[*n - 1], p, &o->tensors[i], align);
    }
    free(last);
    return rc;
}

/* ---- partition ------------------------------------------------------------------------------- */

static int cut(struct gg_planner *p, struct gg_plan_output *o, size_t *n_files, struct gg_err *err)
{
    const struct gg_plan_wishes *w = p->w;
    struct gg_shard_rules r = {.max_nbytes = w->split_max_nbytes,
                               .max_tensors = w->split_max_tensors,
                               .n_shards = w->n_shards,
                               .no_tensor_first = w->no_tensor_first};
    struct gg_shard_unit *units = calloc(o->n_tensors + 1, sizeof *units);
    size_t *shard = calloc(o->n_tensors + 1, sizeof *shard), n = 0;
    int rc = units == NULL || shard == NULL ? gg_fail_nomem(err, "the shards")
                                            : weigh_heads(&r, o, err);
    if (rc == GG_OK && o->n_tensors > 0)
        rc = list_units(p, o, units, &n, r.alignment, err);
    if (rc == GG_OK)
        rc = gg_shards_cut(shard, n_files, units, n, &r, err);
    for (size_t i = 0; rc == GG_OK && i < o->n_tensors; i++)
        o->tensors[i].file = shard[o->tensors[i].file];
    free(units);
    free(shard);
    return rc;
}

/* Files as in the input; a first shard of metadata alone stays one. */
static void keep_files(const struct gg_planner *p, struct gg_plan_output *o, size_t *n_files)
{
    const struct gg_tensor *all = p->model->tensors;
    size_t file = p->model->n_tensors > 0 && all[0].file > 0;
    for (size_t i = 0; i < o->n_tensors; i++) {
        file += i > 0 && all[o->tensors[i].src].file != all[o->tensors[i - 1].src].file;
        o->tensors[i].file = file;
    }
    *n_files = file + 1;
}

/* Gives each tensor its file; *n_files gets their number. */
static int partition(struct gg_planner *p, struct gg_plan_output *o, size_t *n_files, struct gg_err *err)
{
    int rc = GG_OK;
    *n_files = 1;
    if (keeps_split(p) && o->n_tensors > 0)
        keep_files(p, o, n_files);
    else if (may_cut(p))
        rc = cut(p, o, n_files, err);
    if (rc == GG_OK && (*n_files > MAX_SHARDS || (*n_files > 1 && o->n_tensors > INT32_MAX)))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "%s: %zu shards; no more than %d can be written", o->preset->name, *n_files,
                       (int)MAX_SHARDS);
    o->sharded = *n_files > 1 || p->w->always_sharded;
    return rc;
}

/* ---- layout ---------------------------------------------------------------------------------- */

static int lay_out(struct gg_planner *p, struct gg_plan_output *o, struct gg_plan_file *f,
                   const struct ggf_meta *meta, struct ggf_tensor_spec *specs, struct gg_err *err)
{
    struct gg_plan_tensor *t = o->tensors + f->first_tensor;
    for (size_t i = 0; i < f->n_tensors; i++) {
        const struct gg_tensor *src = gg_tensor_in_file(&p->model->tensors[t[i].src]);
        bool moved = p->model->tensors[t[i].src].moved != NULL;
        specs[i] = (struct ggf_tensor_spec){.name = t[i].name, .type = moved ? src->type : t[i].to,
                                            .n_dims = src->n_dims};
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

/* A unit over a limit stands alone: said, since the shard is not what was asked for. */
static void report_oversize(struct gg_planner *p, const struct gg_plan_output *o)
{
    const struct gg_plan_wishes *w = p->w;
    bool copy = gg_preset_is_copy(o->preset);
    for (size_t k = 0; w->n_shards == 0 && k < o->n_files; k++) {
        const struct gg_plan_file *f = &o->files[k];
        const struct ggf_str none = {NULL, 0};
        struct ggf_str name = f->n_tensors > 0 ? o->tensors[f->first_tensor].name : none;
        bool large = w->split_max_nbytes > 0 && f->nbytes > w->split_max_nbytes;
        if (!large && (w->split_max_tensors == 0 || f->n_tensors <= w->split_max_tensors))
            continue;
        gg_findings_add(&p->plan->findings, GG_WARN, "split-oversize", name.p, (size_t)name.nbytes,
                        GG_NOWHERE,
                        "%s%sshard %zu has %" PRIu64 " %s, over the limit of %" PRIu64 ": %s",
                        copy ? "" : o->preset->name, copy ? "" : ": ", k + 1,
                        large ? f->nbytes : f->n_tensors, large ? "bytes" : "tensors",
                        large ? w->split_max_nbytes : w->split_max_tensors,
                        f->n_tensors == 0  ? "metadata alone are larger"
                        : f->n_tensors > 1 ? "no layer is cut in two"
                                           : "it holds this tensor alone");
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
    if (o->sharded)
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
    if (rc == GG_OK && !keeps_split(p))
        report_oversize(p, o);
    return rc;
}
