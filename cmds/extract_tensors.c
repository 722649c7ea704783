/* Tensors as files: read, decoded, written, slab by slab. */
#include "cmds/extract.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/progress.h"
#include "lib/export/floats.h"
#include "lib/export/npy.h"
#include "lib/export/safetensors.h"
#include "lib/sys/flow.h"
#include "lib/sys/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB_NBYTES = 1 << 20, TILE_NELEMS = 1 << 16 };

/* ---- how a tensor comes out ------------------------------------------------------------------ */

/* Types that need no decoding: names by GGUF type and by dtype of a checkpoint. */
static const struct plain {
    uint32_t qtype; /* QT_NONE: GGUF does not have it */
    const char *dtype, *descr;
} plain[] = {
    {QT_F32, "F32", "<f4"}, {QT_F16, "F16", "<f2"},   {QT_BF16, "BF16", NULL},
    {QT_F64, "F64", "<f8"}, {QT_I8, "I8", "|i1"},     {QT_I16, "I16", "<i2"},
    {QT_I32, "I32", "<i4"}, {QT_I64, "I64", "<i8"},   {QT_NONE, "U8", "|u1"},
    {QT_NONE, "U16", "<u2"}, {QT_NONE, "U32", "<u4"}, {QT_NONE, "U64", "<u8"},
    {QT_NONE, "BOOL", "|b1"}, {QT_NONE, "F8_E4M3", NULL}, {QT_NONE, "F8_E5M2", NULL},
    {QT_NONE, "F8_E8M0", NULL}, {QT_NONE, "F8_E4M3FNUZ", NULL}, {QT_NONE, "F8_E5M2FNUZ", NULL},
    {QT_NONE, "F6_E2M3", NULL}, {QT_NONE, "F6_E3M2", NULL}, {QT_NONE, "F4", NULL},
};

static const struct plain *plain_of(const struct extract *x, const struct gg_stored_tensor *t)
{
    for (size_t i = 0; i < GG_COUNTOF(plain); i++) {
        if (x->s->model != NULL ? plain[i].qtype != QT_NONE && plain[i].qtype == t->qtype
                                : strcmp(plain[i].dtype, t->type) == 0)
            return &plain[i];
    }
    return NULL;
}

/* Integers and truth values: no float type stands for them. */
static bool is_whole(const struct plain *p)
{
    return p != NULL && (p->dtype[0] == 'I' || p->dtype[0] == 'U' || p->dtype[0] == 'B') &&
           strcmp(p->dtype, "BF16") != 0;
}

static uint32_t float_type(const struct extract *x)
{
    return x->o->dtype == EXTRACT_F16 ? QT_F16 : x->o->dtype == EXTRACT_BF16 ? QT_BF16 : QT_F32;
}

int extract_choose(const struct extract *x, size_t i, struct extract_form *out, struct gg_err *err)
{
    const struct gg_stored_tensor *t = &x->s->tensors[i];
    const struct plain *p = plain_of(x, t);
    bool npy = x->o->format == EXTRACT_NPY, has = p != NULL && (!npy || p->descr != NULL);
    char name[128];
    gg_text_escape_into(name, sizeof name, t->name.p, (size_t)t->name.nbytes);
    *out = (struct extract_form){.as_is = true, .nbytes = t->nbytes};
    out->name = t->decoded ? qt_info(t->qtype)->name : t->type;
    if (!t->known)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "tensor '%s': is of %s, so nobody knows which bytes are its", name, t->type);
    if (x->o->format == EXTRACT_RAW)
        return GG_OK;
    if (has && (is_whole(p) || x->o->dtype == EXTRACT_AUTO ||
                (p->qtype == float_type(x) && p->qtype != QT_NONE))) {
        out->dtype = p->dtype;
        out->descr = p->descr;
        return GG_OK;
    }
    if (!gg_stored_decodes(x->s, i, x->kernels))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "tensor '%s': %s cannot be decoded", name,
                       t->type);
    out->as_is = false;
    out->type = float_type(x);
    out->name = qt_info(out->type)->name;
    out->dtype = out->type == QT_F32 ? "F32" : out->type == QT_F16 ? "F16" : "BF16";
    out->descr = out->type == QT_F16 ? "<f2" : "<f4";
    return gg_mul_u64(t->nelems, gg_floats_nbytes(out->type), &out->nbytes) &&
                   out->nbytes <= INT64_MAX / 2
               ? GG_OK
               : gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "tensor '%s' is too large", name);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* One walk over some tensors. */
struct walk {
    struct extract *x;
    const struct extract_item *items; /* those with a tensor */
    size_t n;
    struct gg_sink *sink; /* of the one item; or */
    uint64_t base;        /* where its data begins */
    struct gg_st_writer *st;
    size_t at; /* where describe stands */
    uint64_t at_off;
    pthread_mutex_t lock; /* of n_rounded */
};

static const struct gg_stored_tensor *tensor_of(const struct walk *w, size_t item)
{
    return &w->x->s->tensors[w->items[item].tensor];
}

static uint64_t per_slab(const struct gg_stored_tensor *t)
{
    return SLAB_NBYTES / t->unit_nbytes * t->unit_nbytes;
}

static void describe(void *ctx, struct gg_flow_slab *slab)
{
    struct walk *w = ctx;
    while (w->at_off >= tensor_of(w, w->at)->nbytes) {
        w->at++;
        w->at_off = 0;
    }
    const struct gg_stored_tensor *t = tensor_of(w, w->at);
    slab->user[0] = w->at;
    slab->user[1] = w->at_off;
    slab->nbytes = (size_t)gg_min_u64(per_slab(t), t->nbytes - w->at_off);
    w->at_off += slab->nbytes;
}

static int read_slab(void *ctx, const struct gg_flow_slab *slab, void *buf, struct gg_err *err)
{
    const struct walk *w = ctx;
    return gg_stored_read(w->x->s, w->items[slab->user[0]].tensor, slab->user[1], slab->nbytes, buf,
                          err);
}

static int put(const struct walk *w, size_t item, uint64_t off, const void *p, size_t n,
               struct gg_err *err)
{
    return w->st != NULL ? gg_st_write(w->st, item, off, p, n, err)
                         : gg_sink_write(w->sink, w->base + off, p, n, err);
}

/* Decodes a slab tile by tile. */
static int decode(struct walk *w, const struct gg_flow_slab *slab, float *x, uint8_t *out,
                  struct gg_err *err)
{
    size_t item = (size_t)slab->user[0];
    const struct gg_stored_tensor *t = tensor_of(w, item);
    const struct extract_form *f = &w->items[item].form;
    uint64_t first = slab->user[1] / t->unit_nbytes * t->unit_nelems;
    uint64_t n = slab->nbytes / t->unit_nbytes * t->unit_nelems, rounded = 0;
    uint32_t nbytes = gg_floats_nbytes(f->type);
    size_t step = TILE_NELEMS / t->unit_nelems * t->unit_nelems;
    const uint8_t *p = slab->data;
    int rc = GG_OK;
    for (uint64_t at = 0; rc == GG_OK && at < n; at += step) {
        size_t k = (size_t)gg_min_u64(step, n - at);
        gg_stored_to_f32(w->x->s, w->items[item].tensor, w->x->kernels,
                         p + at / t->unit_nelems * t->unit_nbytes, k, x);
        rounded += gg_floats_put(f->type, x, k, out);
        rc = put(w, item, (first + at) * nbytes, out, k * nbytes, err);
    }
    pthread_mutex_lock(&w->lock);
    w->x->n_rounded += rounded;
    pthread_mutex_unlock(&w->lock);
    return rc;
}

static int take(void *ctx, const struct gg_flow_slab *slab, struct gg_err *err)
{
    struct walk *w = ctx;
    size_t item = (size_t)slab->user[0];
    if (w->items[item].form.as_is)
        return put(w, item, slab->user[1], slab->data, slab->nbytes, err);
    float *x = malloc(TILE_NELEMS * sizeof *x);
    uint8_t *out = malloc(TILE_NELEMS * 4);
    int rc = x == NULL || out == NULL ? gg_fail_nomem(err, "a tile") : decode(w, slab, x, out, err);
    free(x);
    free(out);
    return rc;
}

static void done(void *ctx, const struct gg_flow_slab *slab)
{
    struct extract *x = ((struct walk *)ctx)->x;
    x->done_nbytes += slab->nbytes;
    gg_progress_set(x->progress, x->done_nbytes, x->total_nbytes);
}

static int run(struct walk *w, bool ordered, struct gg_err *err)
{
    unsigned n = w->x->env->n_threads != 0 ? w->x->env->n_threads : gg_pool_default_workers();
    struct gg_flow_taker taker = {ordered ? GG_FLOW_IN_ORDER : GG_FLOW_ANY, take, w};
    struct gg_flow_job job = {.slab_nbytes = SLAB_NBYTES, .read_in_order = w->x->s->sequential,
                              .describe = describe, .read = read_slab, .done = done, .ctx = w,
                              .takers = &taker, .n_takers = 1};
    for (size_t i = 0; i < w->n; i++) {
        const struct gg_stored_tensor *t = tensor_of(w, i);
        job.n_slabs += t->nbytes / per_slab(t) + (t->nbytes % per_slab(t) != 0);
    }
    if (job.n_slabs == 0)
        return GG_OK;
    job.n_workers = (unsigned)gg_min_u64(n, job.n_slabs);
    job.n_slots = job.n_workers * 2;
    pthread_mutex_init(&w->lock, NULL);
    int rc = gg_flow_run(&job, err);
    pthread_mutex_destroy(&w->lock);
    return rc;
}

/* ---- files ----------------------------------------------------------------------------------- */

int extract_one(struct extract *x, const struct extract_item *it, struct gg_err *err)
{
    const struct gg_stored_tensor *t = &x->s->tensors[it->tensor];
    struct walk w = {.x = x, .items = it, .n = 1};
    struct gg_buf head = GG_BUF_INIT;
    if (x->o->format == EXTRACT_NPY)
        gg_npy_header(&head, it->form.descr, t->n_dims, t->ne);
    w.base = head.nbytes;
    struct gg_sink_opts o = {.nbytes = head.nbytes + it->form.nbytes, .force = x->o->force,
                             .inputs = x->inputs, .n_inputs = x->n_inputs};
    int rc = head.failed ? gg_fail_nomem(err, "a header") : gg_sink_open(&w.sink, it->path, &o, err);
    if (rc == GG_OK && head.nbytes > 0)
        rc = gg_sink_write(w.sink, 0, head.data, head.nbytes, err);
    if (rc == GG_OK)
        rc = run(&w, gg_sink_ordered(w.sink), err);
    if (rc == GG_OK)
        rc = gg_sink_finish(w.sink, err);
    if (rc == GG_OK)
        rc = gg_sink_commit(w.sink, err);
    gg_sink_free(w.sink);
    gg_buf_free(&head);
    return rc;
}

/* The items with a tensor stand first. */
static size_t n_tensors(const struct extract *x)
{
    size_t n = 0;
    while (n < x->n && x->items[n].tensor != SIZE_MAX)
        n++;
    return n;
}

int extract_together(struct extract *x, const char *path, struct gg_err *err)
{
    struct walk w = {.x = x, .items = x->items, .n = n_tensors(x)};
    struct gg_st_tensor *v = gg_arena_zalloc(&x->mem, w.n + 1, sizeof *v);
    if (v == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; i < w.n; i++) {
        const struct gg_stored_tensor *t = tensor_of(&w, i);
        const struct extract_form *f = &x->items[i].form;
        char *name = memchr(t->name.p, '\0', (size_t)t->name.nbytes) == NULL
                         ? gg_arena_strndup(&x->mem, t->name.p, (size_t)t->name.nbytes)
                         : NULL;
        if (name == NULL)
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                           "a tensor's name holds a NUL byte, which safetensors cannot have");
        v[i] = (struct gg_st_tensor){name, f->dtype, t->n_dims, t->ne, f->nbytes};
    }
    struct gg_st_opts o = {.path = path, .force = x->o->force, .inputs = x->inputs,
                           .n_inputs = x->n_inputs};
    int rc = gg_st_open(&w.st, v, w.n, &o, err);
    if (rc == GG_OK)
        rc = run(&w, strcmp(path, "-") == 0 || x->s->sequential, err);
    if (rc == GG_OK)
        rc = gg_st_commit(w.st, err);
    gg_st_free(w.st);
    return rc;
}
