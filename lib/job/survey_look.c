/* A look at every block, and at the padding between tensors. */
#include "lib/job/survey_impl.h"

#include "lib/base/num.h"
#include "lib/quant/qtype.h"

#include <math.h>
#include <string.h>

enum { MOST_NELEMS = 256 }; /* of a block */

struct found {
    uint64_t n, first; /* blocks */
};

/* Every block that is not valid. */
static void count_blocks(const struct qk_kernel *k, const struct gg_stored_tensor *t,
                         const uint8_t *p, size_t n, struct found *f)
{
    for (size_t at = 0; at < n; at++) {
        at += k->valid(p + at * t->unit_nbytes, n - at);
        if (at >= n)
            break;
        f->first = f->n++ == 0 ? at : f->first;
    }
}

static void count_float8(const struct gg_stored_tensor *t, const uint8_t *p, size_t n,
                         struct found *f)
{
    float x[MOST_NELEMS];
    for (size_t at = 0; at < n; at += MOST_NELEMS) {
        size_t m = n - at < MOST_NELEMS ? n - at : MOST_NELEMS;
        gg_dtype_to_f32(x, p + at, t->dtype, m);
        for (size_t i = 0; i < m; i++) {
            if (!isfinite(x[i]))
                f->first = f->n++ == 0 ? at + i : f->first;
        }
    }
}

/* The first element of a bad block that is not finite, if one is. */
static void find_value(const struct survey *w, size_t i, const uint8_t *block, uint64_t *elem,
                       float *value)
{
    float x[MOST_NELEMS];
    const struct gg_stored_tensor *t = &w->s->tensors[i];
    *value = 0;
    if (t->unit_nelems > MOST_NELEMS || !gg_stored_decodes(w->s, i, w->o->kernels))
        return;
    gg_stored_to_f32(w->s, i, w->o->kernels, block, t->unit_nelems, x);
    for (size_t e = 0; e < t->unit_nelems; e++) {
        if (!isfinite(x[e])) {
            *elem += e;
            *value = x[e];
            return;
        }
    }
}

static void look_tensor(struct survey *w, const struct seg *g, const struct gg_flow_slab *slab)
{
    const struct gg_stored_tensor *t = &w->s->tensors[g->tensor];
    struct gg_survey_tensor *r = &w->out->tensors[g->tensor];
    const struct qk_kernel *k = t->qtype < QT_ID_END ? &w->o->kernels->k[t->qtype] : NULL;
    size_t n = slab->nbytes / t->unit_nbytes;
    struct found f = {0, 0};
    bool blocks = k != NULL && k->valid != NULL && !(qt_info(t->qtype)->flags & QT_INT);
    if (blocks)
        count_blocks(k, t, slab->data, n, &f);
    else if (w->s->model == NULL && gg_dtype_is_float8(t->dtype))
        count_float8(t, slab->data, n, &f);
    else
        return;
    uint64_t elem = (slab->user[1] / t->unit_nbytes + f.first) * t->unit_nelems;
    float value = 0;
    if (f.n > 0)
        find_value(w, g->tensor, (const uint8_t *)slab->data + f.first * t->unit_nbytes, &elem,
                   &value);
    pthread_mutex_lock(&w->lock);
    r->looked = true;
    if (f.n > 0 && (r->n_bad == 0 || elem < r->first_elem)) {
        r->first_elem = elem;
        r->first_value = value;
    }
    r->n_bad += f.n;
    pthread_mutex_unlock(&w->lock);
}

/* Zeros are wanted behind the header up to the end of the last padding. */
static void look_padding(struct survey *w, const struct seg *g, const struct gg_flow_slab *slab)
{
    const struct ggf_file *f = ggf_set_file(w->s->model->set, g->file);
    uint64_t at = g->off + slab->user[1], n = 0, first = 0, mask = ggf_file_alignment(f) - 1;
    uint64_t from = gg_max_u64(ggf_file_header_nbytes(f), at) - at;
    uint64_t to = gg_max_u64((ggf_file_end_off(f) + mask) & ~mask, at) - at;
    const uint8_t *p = slab->data;
    for (size_t i = (size_t)gg_min_u64(from, slab->nbytes); i < gg_min_u64(to, slab->nbytes); i++) {
        if (p[i] != 0)
            first = n++ == 0 ? at + i : first;
    }
    struct gg_survey_file *r = &w->out->files[g->file];
    pthread_mutex_lock(&w->lock);
    if (n > 0 && (r->n_dirty == 0 || first < r->first_dirty_off))
        r->first_dirty_off = first;
    r->n_dirty += n;
    pthread_mutex_unlock(&w->lock);
}

int gg_survey_look(void *ctx, const struct gg_flow_slab *slab, struct gg_err *err)
{
    struct survey *w = ((struct taker *)ctx)->w;
    const struct seg *g = &w->segs[slab->user[0]];
    (void)err;
    if (g->tensor != SIZE_MAX)
        look_tensor(w, g, slab);
    else if (w->sees_all)
        look_padding(w, g, slab);
    return GG_OK;
}
