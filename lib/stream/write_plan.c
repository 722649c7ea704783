/* From a plan to items, targets and memory: everything that is decided before the first byte. */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"
#include "lib/stream/write.h"

#include <stdlib.h>
#include <string.h>

/* ---- slots --------------------------------------------------------------------------------- */

static uint64_t run_nbytes(const struct gg_item *it, uint32_t type, uint64_t n_tiles)
{
    return gg_aligned(gg_elems_nbytes(type, gg_grid_tile_nelems(&it->grid) * n_tiles));
}

uint64_t gg_slot_encoding_off(const struct gg_item *it, size_t encoding, uint64_t n_tiles)
{
    uint64_t off = run_nbytes(it, it->tensor->type, n_tiles);
    for (size_t k = 0; k < encoding; k++)
        off += run_nbytes(it, it->encodings[k].type, n_tiles);
    return off;
}

uint64_t gg_slot_nbytes(const struct gg_writer *w, const struct gg_item *it, uint64_t n_tiles)
{
    (void)w;
    return gg_slot_encoding_off(it, it->n_encodings, n_tiles) +
           gg_aligned(n_tiles * it->n_encodings * sizeof(struct gg_tensor_result));
}

/* Tiles whose slot and input stay below both limits: at least 1, and whole rows where they fit. */
static uint64_t tiles_that_fit(const struct gg_writer *w, const struct gg_item *it, uint64_t slot,
                               uint64_t input)
{
    uint64_t one = gg_slot_nbytes(w, it, 1), in = run_nbytes(it, it->tensor->type, 1);
    uint64_t n = gg_min_u64(slot / one, input / in);
    if (n > it->grid.row_tiles)
        n -= n % it->grid.row_tiles;
    return gg_min_u64(n > 0 ? n : 1, it->grid.n_tiles);
}

/* ---- files --------------------------------------------------------------------------------- */

size_t gg_file_index(const struct gg_plan *plan, size_t output, size_t file)
{
    for (size_t o = 0; o < output; o++)
        file += plan->outputs[o].n_files;
    return file;
}

static int list_files(struct gg_writer *w, struct gg_sink *const *sinks, struct gg_err *err)
{
    w->n_files = gg_file_index(w->plan, w->plan->n_outputs, 0);
    w->files = calloc(w->n_files + 1, sizeof *w->files);
    if (w->files == NULL)
        return gg_fail_nomem(err, "the list of outputs");
    for (size_t i = 0; sinks != NULL && i < w->n_files; i++) {
        w->files[i].sink = sinks[i];
        w->files[i].ordered = gg_sink_ordered(sinks[i]);
        if (w->opts->sha256 && (w->files[i].sha256 = gg_digest_new(GG_SHA256)) == NULL)
            return gg_fail_nomem(err, "a digest");
    }
    return GG_OK;
}

/* Does this output ask for its bytes in order? */
static bool in_order(const struct gg_writer *w, size_t output)
{
    size_t first = gg_file_index(w->plan, output, 0);
    for (size_t i = 0; i < w->plan->outputs[output].n_files; i++) {
        const struct gg_out_file *f = &w->files[first + i];
        if (f->ordered || f->sha256 != NULL)
            return true;
    }
    return false;
}

/* ---- items --------------------------------------------------------------------------------- */

static bool wanted(const struct gg_writer *w, const struct gg_plan_tensor *t)
{
    bool trial = w->n_files == 0 || w->files[0].sink == NULL;
    if (w->opts->only != NULL && !w->opts->only[t->src])
        return false;
    return !trial || t->action == GG_ENCODE;
}

struct src_use { /* of one tensor of the model */
    size_t n;    /* targets */
    size_t item; /* SIZE_MAX: not listed yet */
};

static void add_item(struct gg_writer *w, size_t src, struct src_use *use, size_t *next_target)
{
    struct gg_item *it = &w->items[w->n_items];
    if (use[src].n == 0 || use[src].item != SIZE_MAX)
        return;
    use[src].item = w->n_items++;
    it->src = src;
    it->tensor = &w->model->tensors[src];
    it->targets = &w->targets[*next_target];
    it->encodings = &w->encodings[*next_target];
    *next_target += use[src].n;
}

/* Items come in the model's order, or in that of the first output that must have its bytes in order. */
static void order_items(struct gg_writer *w, struct src_use *use)
{
    const struct gg_plan *p = w->plan;
    size_t next_target = 0, leader = 0;
    while (leader < p->n_outputs && !in_order(w, leader))
        leader++;
    for (size_t i = 0; leader < p->n_outputs && i < p->outputs[leader].n_tensors; i++)
        add_item(w, p->outputs[leader].tensors[i].src, use, &next_target);
    for (size_t src = 0; src < w->model->n_tensors; src++)
        add_item(w, src, use, &next_target);
}

static int count_uses(const struct gg_writer *w, const struct gg_plan_output *out,
                      struct src_use *use, struct gg_err *err)
{
    for (size_t i = 0; i < out->n_tensors; i++) {
        if (out->tensors[i].src >= w->model->n_tensors || out->tensors[i].file >= out->n_files)
            return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "the plan is of another model");
        if (wanted(w, &out->tensors[i]))
            use[out->tensors[i].src].n++;
    }
    return GG_OK;
}

static int add_targets(struct gg_writer *w, size_t output, const struct src_use *use,
                       struct gg_err *err)
{
    const struct gg_plan_output *out = &w->plan->outputs[output];
    size_t first_file = gg_file_index(w->plan, output, 0);
    for (size_t i = 0; i < out->n_tensors; i++) {
        const struct gg_plan_tensor *t = &out->tensors[i];
        if (!wanted(w, t))
            continue;
        struct gg_item *it = &w->items[use[t->src].item];
        if (it->n_targets > 0 && it->targets[it->n_targets - 1].output == output)
            return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a tensor is planned twice");
        it->targets[it->n_targets++] =
            (struct gg_target){t, output, i, first_file + t->file, GG_STORED};
    }
    return GG_OK;
}

static int link_items(struct gg_writer *w, struct src_use *use, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; i < w->model->n_tensors; i++)
        use[i].item = SIZE_MAX;
    for (size_t o = 0; rc == GG_OK && o < w->plan->n_outputs; o++)
        rc = count_uses(w, &w->plan->outputs[o], use, err);
    if (rc != GG_OK)
        return rc;
    order_items(w, use);
    for (size_t o = 0; rc == GG_OK && o < w->plan->n_outputs; o++)
        rc = add_targets(w, o, use, err);
    return rc;
}

static int list_items(struct gg_writer *w, struct gg_err *err)
{
    size_t n_targets = 0, n = w->model->n_tensors;
    for (size_t o = 0; o < w->plan->n_outputs; o++)
        n_targets += w->plan->outputs[o].n_tensors;
    w->items = calloc(n + 1, sizeof *w->items);
    w->targets = calloc(n_targets + 1, sizeof *w->targets);
    w->encodings = calloc(n_targets + 1, sizeof *w->encodings);
    struct src_use *use = calloc(n + 1, sizeof *use);
    int rc;
    if (w->items == NULL || w->targets == NULL || w->encodings == NULL || use == NULL)
        rc = gg_fail_nomem(err, "the list of tensors");
    else
        rc = link_items(w, use, err);
    free(use);
    return rc;
}

/* Do the items come in the order in which an output stores them? */
static bool ascends(const struct gg_writer *w, size_t output)
{
    const struct gg_target *before = NULL;
    for (size_t i = 0; i < w->n_items; i++) {
        for (size_t k = 0; k < w->items[i].n_targets; k++) {
            const struct gg_target *t = &w->items[i].targets[k];
            if (t->output != output)
                continue;
            if (before != NULL && (t->file < before->file ||
                                   (t->file == before->file && t->t->off < before->t->off)))
                return false;
            before = t;
        }
    }
    return true;
}

/* Outputs that need order must all have the order of the items. */
static int check_order(const struct gg_writer *w, struct gg_err *err)
{
    for (size_t o = 0; o < w->plan->n_outputs; o++) {
        if (in_order(w, o) && !ascends(w, o))
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                           "outputs that differ in the order of tensors cannot all be digested or "
                           "piped in one run");
    }
    return GG_OK;
}

/* ---- encodings ----------------------------------------------------------------------------- */

static int fail_tensor(const struct gg_item *it, struct gg_err *err, enum gg_code code,
                       const char *what, uint32_t type)
{
    char name[128], tmp[32];
    return gg_fail(err, code, GG_NOWHERE, "tensor '%s': %s %s",
                   gg_text_escape_into(name, sizeof name, it->tensor->name.p,
                                       it->tensor->name.nbytes),
                   what, qt_name(type, tmp));
}

/* Sizes were planned elsewhere; that they agree with what will be written is checked once, here. */
static int check_size(const struct gg_item *it, const struct gg_target *to, uint32_t type,
                      struct gg_err *err)
{
    uint64_t nbytes;
    if (!qt_tensor_nbytes(type, it->tensor->ne, &nbytes) || nbytes != to->t->nbytes)
        return fail_tensor(it, err, GG_ERR_BUG, "planned with the wrong size as", type);
    return GG_OK;
}

/* Finds the item's encoding that gives the same bytes, or adds one. */
static int add_encoding(struct gg_writer *w, struct gg_item *it, struct gg_target *to,
                        struct gg_err *err)
{
    const struct gg_stream_opts *o = &w->opts->stream;
    const struct gg_plan_tensor *t = to->t;
    if (t->to >= QT_ID_END || o->kernels->k[t->to].quant == NULL)
        return fail_tensor(it, err, GG_ERR_UNSUPPORTED, "cannot be encoded as", t->to);
    int rc = check_size(it, to, t->to, err);
    for (to->encoding = 0; rc == GG_OK && (size_t)to->encoding < it->n_encodings; to->encoding++) {
        const struct gg_encoding *e = &it->encodings[to->encoding];
        if (e->type == t->to && e->weights == t->weights && e->n_weight_mats == t->n_weight_mats)
            return GG_OK;
    }
    if (rc != GG_OK)
        return rc;
    struct gg_encoding *e = &it->encodings[it->n_encodings++];
    e->type = t->to;
    e->block_nelems = qt_info(t->to)->block_nelems;
    e->kernel = &o->kernels->k[t->to];
    e->codebook = o->codebooks != NULL ? o->codebooks[t->to] : NULL;
    e->weights = t->weights;
    e->n_weight_mats = t->n_weight_mats;
    return GG_OK;
}

static int set_encodings(struct gg_writer *w, struct gg_item *it, struct gg_err *err)
{
    bool apart = false;
    int rc = GG_OK;
    for (size_t k = 0; rc == GG_OK && k < it->n_targets; k++) {
        struct gg_target *to = &it->targets[k];
        if (to->t->action == GG_COPY)
            rc = check_size(it, to, it->tensor->type, err);
        else
            rc = add_encoding(w, it, to, err);
        apart |= to->t->weights != NULL && to->t->n_weight_mats > 1;
    }
    if (rc == GG_OK && it->n_encodings > 0)
        rc = gg_check_decodes(it->tensor, w->opts->stream.kernels, err);
    if (rc != GG_OK)
        return rc;
    gg_grid_init(&it->grid, it->tensor->ne, apart);
    for (size_t k = 0; k < it->n_encodings; k++) {
        struct gg_encoding *e = &it->encodings[k];
        e->wants_row_sums = it->grid.row_tiles > 1 && e->weights != NULL && e->kernel->whole_rows;
        it->wants_row_sums |= e->wants_row_sums;
        w->weighs |= e->weights != NULL;
    }
    return GG_OK;
}

/* Bytes that nobody looks at may go from file to file. */
static bool can_copy(const struct gg_writer *w, const struct gg_item *it)
{
    struct gg_extent x;
    if (w->plan->big_endian)
        return false;
    for (size_t k = 0; k < it->n_targets; k++) {
        const struct gg_out_file *f = &w->files[it->targets[k].file];
        if (it->targets[k].encoding != GG_STORED || f->ordered || f->sha256 != NULL)
            return false;
    }
    return w->model->source->ops->extent(w->model->source, it->src, &x) &&
           x.nbytes == it->tensor->nbytes;
}

/* ---- memory -------------------------------------------------------------------------------- */

static uint64_t scratch_nbytes(const struct gg_writer *w)
{
    uint64_t most = 0, tile = GG_TILE_NELEMS * sizeof(float);
    bool encodes = false;
    for (size_t i = 0; i < w->n_items; i++) {
        const struct gg_item *it = &w->items[i];
        for (size_t k = 0; k < it->n_encodings; k++) {
            qk_scratch_fn *ask = it->encodings[k].kernel->scratch;
            encodes = true;
            if (ask != NULL)
                most = gg_max_u64(most, ask((size_t)it->grid.tile_cols));
        }
    }
    uint64_t measured = w->opts->stats ? GG_MEASURED_NELEMS * sizeof(float) : 0;
    return !encodes ? 0 : gg_aligned(most) + tile * (1u + w->weighs) + measured;
}

static void set_part(struct gg_writer *w, size_t i, uint64_t input)
{
    const struct gg_item *it = &w->items[w->spans[i].item];
    struct gg_part *p = &w->parts[i];
    p->per_ticket = 1;
    p->n_units = w->spans[i].n;
    if (it->copies)
        p->per_ticket = GG_COPY_NBYTES;
    else if (it->grid.n_tiles > 0)
        p->per_ticket = tiles_that_fit(w, it, w->report->usage.slab_nbytes, input);
}

static int plan_memory(struct gg_writer *w, struct gg_err *err)
{
    const struct gg_stream_opts *o = &w->opts->stream;
    unsigned n_workers = o->n_workers != 0 ? o->n_workers : gg_pool_default_workers();
    uint64_t input = gg_slab_wanted(w->crew.total_nbytes, n_workers), most = 0;
    struct gg_wish wish = {.scratch = scratch_nbytes(w)};
    for (size_t o2 = 0; o2 < w->plan->n_outputs; o2++)
        wish.delayed |= in_order(w, o2);
    for (size_t i = 0; i < w->n_items; i++) {
        const struct gg_item *it = &w->items[i];
        if (it->copies || it->grid.n_tiles == 0)
            continue;
        uint64_t n = tiles_that_fit(w, it, GG_SLOT_MOST, input);
        wish.least = gg_max_u64(wish.least, gg_slot_nbytes(w, it, 1));
        most = gg_max_u64(most, gg_slot_nbytes(w, it, n));
    }
    int rc = gg_memory_plan(&w->report->usage, o, &wish, most, err);
    if (rc == GG_OK)
        rc = gg_writer_spans(w, wish.delayed, err);
    for (size_t i = 0; rc == GG_OK && i < w->n_parts; i++)
        set_part(w, i, input);
    return rc;
}

int gg_writer_plan(struct gg_writer *w, struct gg_sink *const *sinks, struct gg_err *err)
{
    int rc = list_files(w, sinks, err);
    if (rc == GG_OK)
        rc = list_items(w, err);
    if (rc == GG_OK)
        rc = check_order(w, err);
    for (size_t i = 0; rc == GG_OK && i < w->n_items; i++) {
        struct gg_item *it = &w->items[i];
        rc = set_encodings(w, it, err);
        it->copies = rc == GG_OK && sinks != NULL && can_copy(w, it);
        w->crew.total_nbytes += it->tensor->nbytes;
    }
    return rc == GG_OK ? plan_memory(w, err) : rc;
}
