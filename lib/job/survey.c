#include "lib/job/survey_impl.h"

#include "lib/base/num.h"
#include "lib/sys/clock.h"
#include "lib/sys/pool.h"

#include <stdlib.h>
#include <string.h>

enum { SLAB_NBYTES = 1 << 20, SLOTS_MEMORY = 64 << 20 };

/* ---- what is read ---------------------------------------------------------------------------- */

static bool wanted(const struct survey *w, size_t i)
{
    return w->s->tensors[i].known && !(w->o->skip != NULL && w->o->skip[i]);
}

static struct seg *add_seg(struct survey *w, size_t tensor, size_t file, uint64_t off, uint64_t n)
{
    struct seg *g = &w->segs[w->n_segs++];
    *g = (struct seg){.tensor = tensor, .file = file, .off = off, .nbytes = n};
    uint32_t unit = tensor != SIZE_MAX ? w->s->tensors[tensor].unit_nbytes : 1;
    g->per_slab = SLAB_NBYTES / unit * unit;
    w->n_slabs += n / g->per_slab + (n % g->per_slab != 0);
    w->total += n;
    return g;
}

static void segs_of_tensors(struct survey *w)
{
    for (size_t i = 0; i < w->s->n; i++) {
        if (wanted(w, i) && w->s->tensors[i].nbytes > 0)
            add_seg(w, i, w->s->tensors[i].file, 0, w->s->tensors[i].nbytes);
    }
}

/* What lies in a file between tensors, up to byte `to`. */
static void seg_between(struct survey *w, size_t file, uint64_t *at, uint64_t to)
{
    if (to > *at)
        add_seg(w, SIZE_MAX, file, *at, to - *at)->starts_file = *at == 0;
    *at = gg_max_u64(*at, to);
}

/* Each file from its first byte to its last, with the tensors in it. */
static void segs_of_files(struct survey *w, bool tensors)
{
    size_t i = 0;
    for (size_t f = 0; f < w->s->n_files; f++) {
        uint64_t at = 0, end = w->s->files[f].nbytes;
        for (; tensors && i < w->s->n && w->s->tensors[i].file == f; i++) {
            const struct gg_stored_tensor *t = &w->s->tensors[i];
            if (!wanted(w, i) || t->nbytes == 0)
                continue;
            seg_between(w, f, &at, t->file_off);
            add_seg(w, i, f, at, t->nbytes);
            at += t->nbytes;
        }
        if (w->s->files[f].path != NULL)
            seg_between(w, f, &at, end);
    }
}

/* Can files be read from begin to end with the tensors coming in their order? */
static bool in_file_order(const struct gg_stored *s)
{
    uint64_t at = 0;
    if (s->model == NULL || s->model->set == NULL)
        return false;
    for (size_t f = 0; f < s->n_files; f++) {
        if (s->files[f].path == NULL || s->files[f].nbytes == GG_NOWHERE ||
            ggf_file_big_endian(ggf_set_file(s->model->set, f)))
            return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct gg_stored_tensor *t = &s->tensors[i];
        if (i > 0 && t->file != s->tensors[i - 1].file)
            at = t->file > s->tensors[i - 1].file ? 0 : UINT64_MAX;
        if (t->nbytes == 0)
            continue;
        if (t->file_off < at || !gg_add_u64(t->file_off, t->nbytes, &at))
            return false;
    }
    return true;
}

static int open_inputs(struct survey *w, struct gg_err *err)
{
    int rc = GG_OK;
    w->inputs = calloc(w->s->n_files + 1, sizeof *w->inputs);
    if (w->inputs == NULL)
        return gg_fail_nomem(err, "the list of files");
    for (size_t f = 0; rc == GG_OK && f < w->s->n_files; f++) {
        if (w->s->files[f].path != NULL)
            rc = gg_stored_open_file(&w->inputs[f], w->s, f, err);
    }
    return rc;
}

/* ---- slabs ----------------------------------------------------------------------------------- */

static void describe(void *ctx, struct gg_flow_slab *slab)
{
    struct survey *w = ctx;
    while (w->at_off >= w->segs[w->at_seg].nbytes) {
        w->at_seg++;
        w->at_off = 0;
    }
    const struct seg *g = &w->segs[w->at_seg];
    slab->user[0] = w->at_seg;
    slab->user[1] = w->at_off;
    slab->nbytes = (size_t)gg_min_u64(g->per_slab, g->nbytes - w->at_off);
    slab->starts[0] = w->at_off == 0;
    slab->starts[1] = w->at_off == 0 && g->starts_file;
    w->at_off += slab->nbytes;
}

/* Some slabs ahead, while the disk would otherwise wait. */
static void read_ahead(struct survey *w, const struct seg *g, uint64_t off)
{
    uint64_t from = off + (uint64_t)SLAB_NBYTES * AHEAD;
    if (w->inputs == NULL && from < g->nbytes)
        gg_stored_will_need(w->s, g->tensor, from, gg_min_u64(SLAB_NBYTES, g->nbytes - from));
    else if (w->inputs != NULL)
        gg_input_will_need(w->inputs[g->file], g->off + from, SLAB_NBYTES);
}

static int read_slab(void *ctx, const struct gg_flow_slab *slab, void *buf, struct gg_err *err)
{
    struct survey *w = ctx;
    const struct seg *g = &w->segs[slab->user[0]];
    read_ahead(w, g, slab->user[1]);
    if (w->inputs == NULL)
        return gg_stored_read(w->s, g->tensor, slab->user[1], slab->nbytes, buf, err);
    return gg_input_read_all(w->inputs[g->file], g->off + slab->user[1], buf, slab->nbytes, err);
}

static void done(void *ctx, const struct gg_flow_slab *slab)
{
    struct survey *w = ctx;
    w->out->read_nbytes += slab->nbytes;
    if (w->o->progress != NULL)
        w->o->progress(w->o->progress_ctx, w->out->read_nbytes, w->all_passes);
}

/* ---- takers ---------------------------------------------------------------------------------- */

static const struct seg *seg_of(const struct survey *w, const struct gg_flow_slab *slab)
{
    return &w->segs[slab->user[0]];
}

/* What of a slab of a tensor a digest sees. */
static size_t seen(const struct taker *t, const struct seg *g, const struct gg_flow_slab *slab)
{
    uint64_t end = g->nbytes & UINT32_MAX;
    if (!t->w->o->wrap_sha1 || (t->kind != GG_SHA1 && t->kind != GG_UUID))
        return slab->nbytes;
    return slab->user[1] < end ? (size_t)gg_min_u64(slab->nbytes, end - slab->user[1]) : 0;
}

static int take_model(void *ctx, const struct gg_flow_slab *slab, struct gg_err *err)
{
    struct taker *t = ctx;
    const struct seg *g = seg_of(t->w, slab);
    (void)err;
    if (g->tensor != SIZE_MAX)
        gg_digest_add(t->model, slab->data, seen(t, g, slab));
    return GG_OK;
}

static int take_layer(void *ctx, const struct gg_flow_slab *slab, struct gg_err *err)
{
    struct taker *t = ctx;
    const struct seg *g = seg_of(t->w, slab);
    if (g->tensor == SIZE_MAX)
        return GG_OK;
    struct gg_digest **d = &t->layers[g->tensor];
    if (*d == NULL && (*d = gg_digest_new(t->kind)) == NULL)
        return gg_fail_nomem(err, "a digest");
    gg_digest_add(*d, slab->data, seen(t, g, slab));
    if (slab->user[1] + slab->nbytes == g->nbytes) {
        gg_digest_end(*d, t->w->out->tensors[g->tensor].digests[t->kind]);
        gg_digest_free(*d);
        *d = NULL;
    }
    return GG_OK;
}

static int take_file(void *ctx, const struct gg_flow_slab *slab, struct gg_err *err)
{
    struct taker *t = ctx;
    const struct seg *g = seg_of(t->w, slab);
    struct gg_digest **d = &t->layers[g->file];
    if (*d == NULL && (*d = gg_digest_new(GG_SHA256)) == NULL)
        return gg_fail_nomem(err, "a digest");
    gg_digest_add(*d, slab->data, slab->nbytes);
    if (g->off + slab->user[1] + slab->nbytes == t->w->s->files[g->file].nbytes) {
        gg_digest_end(*d, t->w->out->files[g->file].sha256);
        t->w->out->files[g->file].have_sha256 = true;
        gg_digest_free(*d);
        *d = NULL;
    }
    return GG_OK;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static int add_taker(struct survey *w, enum gg_flow_order order,
                     int (*take)(void *, const struct gg_flow_slab *, struct gg_err *),
                     enum gg_digest_kind kind, size_t n_layers, struct gg_err *err)
{
    struct taker *t = &w->mine[w->n_takers];
    *t = (struct taker){.w = w, .kind = kind, .n_layers = n_layers};
    w->takers[w->n_takers++] = (struct gg_flow_taker){order, take, t};
    if (n_layers > 0)
        t->layers = calloc(n_layers, sizeof(struct gg_digest *));
    else
        t->model = gg_digest_new(kind);
    return t->layers == NULL && t->model == NULL ? gg_fail_nomem(err, "digests") : GG_OK;
}

static int add_takers(struct survey *w, bool tensors, bool files, struct gg_err *err)
{
    int rc = GG_OK;
    for (int k = 0; tensors && rc == GG_OK && k < GG_DIGEST_COUNT; k++) {
        if ((w->o->kinds >> k & 1) == 0)
            continue;
        rc = add_taker(w, GG_FLOW_IN_ORDER, take_model, (enum gg_digest_kind)k, 0, err);
        if (rc == GG_OK && !w->o->no_layers && k != GG_UUID)
            rc = add_taker(w, GG_FLOW_IN_LANE_0, take_layer, (enum gg_digest_kind)k, w->s->n + 1, err);
    }
    if (rc == GG_OK && files && w->o->files)
        rc = add_taker(w, GG_FLOW_IN_LANE_1, take_file, GG_SHA256, w->s->n_files + 1, err);
    if (rc == GG_OK && tensors && w->o->deep)
        rc = add_taker(w, GG_FLOW_ANY, gg_survey_look, GG_XXH64, 1, err);
    return rc;
}

static void free_takers(struct survey *w)
{
    for (size_t i = 0; i < w->n_takers; i++) {
        struct taker *t = &w->mine[i];
        gg_digest_free(t->model);
        for (size_t k = 0; t->layers != NULL && k < t->n_layers; k++)
            gg_digest_free(t->layers[k]);
        free(t->layers);
    }
    w->n_takers = 0;
}

static void end_model(struct survey *w)
{
    for (size_t i = 0; i < w->n_takers; i++) {
        if (w->mine[i].model != NULL)
            gg_digest_end(w->mine[i].model, w->out->model[w->mine[i].kind]);
    }
}

static int flow(struct survey *w, struct gg_err *err)
{
    unsigned n = w->o->n_workers != 0 ? w->o->n_workers : gg_pool_default_workers();
    uint64_t memory = w->o->max_memory != 0 ? w->o->max_memory : SLOTS_MEMORY;
    uint64_t slots = gg_min_u64(4 * (uint64_t)n + 4, gg_max_u64(memory / SLAB_NBYTES, 1));
    struct gg_flow_job job = {.n_slabs = w->n_slabs, .slab_nbytes = SLAB_NBYTES,
                              .n_slots = (unsigned)gg_min_u64(slots, gg_max_u64(w->n_slabs, 1)),
                              .read_in_order = w->s->sequential, .describe = describe,
                              .read = read_slab, .done = done, .ctx = w, .takers = w->takers,
                              .n_takers = w->n_takers};
    job.n_workers = (unsigned)gg_min_u64(n, gg_max_u64(w->n_slabs, 1) * w->n_takers);
    return w->n_slabs == 0 ? GG_OK : gg_flow_run(&job, err);
}

/* One pass: over tensors, over files, or over files with the tensors in them. */
static int pass(struct survey *w, bool tensors, bool files, struct gg_err *err)
{
    w->n_segs = w->n_slabs = w->at_seg = w->at_off = w->total = 0;
    int rc = files ? open_inputs(w, err) : GG_OK;
    if (files)
        segs_of_files(w, tensors);
    else
        segs_of_tensors(w);
    if (w->all_passes == 0)
        w->all_passes = w->total;
    if (rc == GG_OK)
        rc = add_takers(w, tensors, files, err);
    if (rc == GG_OK && w->n_takers > 0)
        rc = flow(w, err);
    if (rc == GG_OK && tensors)
        end_model(w);
    free_takers(w);
    for (size_t f = 0; w->inputs != NULL && f < w->s->n_files; f++)
        gg_input_free(w->inputs[f]);
    free(w->inputs);
    w->inputs = NULL;
    return rc;
}

static int make_results(struct survey *w, struct gg_err *err)
{
    struct gg_survey *out = w->out;
    bool layers = w->o->kinds != 0 && !w->o->no_layers;
    out->tensors = gg_arena_zalloc(&out->mem, w->s->n + 1, sizeof *out->tensors);
    out->files = gg_arena_zalloc(&out->mem, w->s->n_files + 1, sizeof *out->files);
    w->segs = calloc(2 * w->s->n + w->s->n_files + 1, sizeof *w->segs);
    if (out->tensors == NULL || out->files == NULL || w->segs == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; layers && i < w->s->n; i++) {
        out->tensors[i].digests = gg_arena_zalloc(&out->mem, GG_DIGEST_COUNT, GG_DIGEST_NBYTES);
        if (out->tensors[i].digests == NULL)
            return gg_fail_nomem(err, "the list of digests");
    }
    return GG_OK;
}

/* Tensors without a byte have a digest all the same; nothing came to make it. */
static int end_tensors(struct survey *w, struct gg_err *err)
{
    for (size_t i = 0; i < w->s->n; i++) {
        struct gg_survey_tensor *t = &w->out->tensors[i];
        t->read = wanted(w, i);
        for (int k = 0; t->read && w->s->tensors[i].nbytes == 0 && t->digests != NULL &&
                        k < GG_DIGEST_COUNT; k++) {
            struct gg_digest *d = gg_digest_new((enum gg_digest_kind)k);
            if (d == NULL)
                return gg_fail_nomem(err, "a digest");
            gg_digest_end(d, t->digests[k]);
            gg_digest_free(d);
        }
    }
    return GG_OK;
}

int gg_survey_run(struct gg_survey *out, const struct gg_stored *s, const struct gg_survey_opts *o,
                  struct gg_err *err)
{
    struct survey w = {.out = out, .s = s, .o = o};
    uint64_t start = gg_clock_ns();
    bool tensors = o->kinds != 0 || o->deep, together = in_file_order(s) && (o->files || o->deep);
    *out = (struct gg_survey){0};
    pthread_mutex_init(&w.lock, NULL);
    int rc = make_results(&w, err);
    w.sees_all = true;
    for (size_t i = 0; i < s->n; i++)
        w.sees_all &= wanted(&w, i);
    for (size_t f = 0; tensors && o->files && !together && f < s->n_files; f++)
        w.all_passes += s->files[f].path != NULL ? s->files[f].nbytes : 0;
    for (size_t i = 0; w.all_passes > 0 && i < s->n; i++)
        w.all_passes += wanted(&w, i) ? s->tensors[i].nbytes : 0;
    if (rc == GG_OK && tensors)
        rc = pass(&w, true, together, err);
    if (rc == GG_OK && o->files && !(tensors && together))
        rc = pass(&w, false, true, err);
    if (rc == GG_OK)
        rc = end_tensors(&w, err);
    pthread_mutex_destroy(&w.lock);
    free(w.segs);
    out->wall_ns = gg_clock_ns() - start;
    return rc;
}

void gg_survey_free(struct gg_survey *v)
{
    gg_arena_free(&v->mem);
    *v = (struct gg_survey){0};
}
