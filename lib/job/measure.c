#include "lib/job/measure.h"

#include "lib/base/num.h"
#include "lib/job/codebooks.h"
#include "lib/job/errcache.h"
#include "lib/model/sample.h"
#include "lib/sys/digest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY = GG_ERRCACHE_KEY };

struct measure {
    struct gg_target *t;
    const struct gg_plan_wishes *w;
    const struct gg_measure_opts *o;
    const struct gg_model *model; /* the target's, or sample */
    struct gg_model *sample;
    struct gg_errcache *cache;
    uint8_t (*keys)[KEY]; /* by tensor of the target: what its errors hang on */
    bool *skip;           /* [tensor of the target][type]: known already */
    struct gg_measured *out;
};

static const struct gg_tensor *seen(const struct measure *m, size_t i)
{
    return &m->model->tensors[m->t->tensors[i].src];
}

/* ---- digests of what is measured ------------------------------------------------------------- */

static void add_u64(struct gg_digest *d, uint64_t v)
{
    uint8_t b[8];
    gg_store_u64(b, v);
    gg_digest_add(d, b, sizeof b);
}

static void add_shape(struct gg_digest *d, const struct gg_tensor *t)
{
    add_u64(d, t->type);
    for (size_t k = 0; k < GGF_MAX_DIMS; k++)
        add_u64(d, t->ne[k]);
}

/* Which files these are, as far as the system can tell; false when it cannot. */
static bool identify(const struct gg_model *model, struct gg_digest *d)
{
    for (size_t i = 0; i < model->n_files; i++) {
        const struct gg_model_file *f = &model->files[i];
        struct stat st;
        if (f->ino == 0 || stat(f->path, &st) != 0 || (uint64_t)st.st_dev != f->dev ||
            (uint64_t)st.st_ino != f->ino)
            return false;
        add_u64(d, f->dev);
        add_u64(d, f->ino);
        add_u64(d, (uint64_t)st.st_size);
        add_u64(d, (uint64_t)st.st_mtim.tv_sec);
        add_u64(d, (uint64_t)st.st_mtim.tv_nsec);
    }
    return model->n_files > 0;
}

/* What stands for a tensor's data as long as its files stay what they are. */
static void data_key(const struct measure *m, struct gg_digest *d, const uint8_t *files, size_t i,
                     uint8_t *key)
{
    const struct gg_tensor *t = seen(m, i);
    gg_digest_add(d, files, KEY);
    gg_digest_add(d, t->name.p, (size_t)t->name.nbytes);
    add_shape(d, t);
    add_u64(d, m->sample != NULL ? m->o->seed : 0);
    add_u64(d, m->t->model->tensors[m->t->tensors[i].src].ne[1]);
    gg_digest_end(d, key);
}

struct reading { /* digests of stored bytes: of the digests of their tiles */
    struct gg_digest *all;
    uint8_t (*digests)[KEY]; /* by item */
    const struct gg_model *model;
};

static int digest_tile(void *ctx, const struct gg_tile *tile, void *part, void *scratch,
                       struct gg_err *err)
{
    (void)ctx, (void)scratch;
    struct gg_digest *d = gg_digest_new(GG_XXH3_128);
    if (d == NULL)
        return gg_fail_nomem(err, "a digest");
    gg_digest_add(d, tile->raw[0], tile->raw_nbytes[0]);
    gg_digest_end(d, part);
    gg_digest_free(d);
    return GG_OK;
}

static int join_tiles(void *ctx, const struct gg_tile *tile, void *part, struct gg_err *err)
{
    struct reading *r = ctx;
    (void)err;
    gg_digest_add(r->all, part, KEY);
    if (tile->first + tile->nelems == r->model->tensors[tile->tensor[0]].nelems)
        gg_digest_end(r->all, r->digests[tile->item]);
    return GG_OK;
}

/* Reads the tensors (of the target, n of them) whose data nobody knows. */
static int read_data(struct measure *m, const size_t *list, size_t n, uint8_t (*digests)[KEY],
                     struct gg_digest *d, struct gg_err *err)
{
    struct reading r = {d, digests, m->model};
    size_t *src = calloc(n + 1, sizeof *src);
    if (src == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; i < n; i++)
        src[i] = m->t->tensors[list[i]].src;
    struct gg_visit_list l = {src, n};
    struct gg_visitor v = {.see = GG_SEE_RAW, .part_nbytes = KEY, .visit = digest_tile,
                           .combine = join_tiles, .ctx = &r};
    int rc = gg_stream_visit(&m->model, 1, &l, &v, &m->o->write->stream, NULL, err);
    free(src);
    return rc;
}

/* Digests of the data of all tensors: remembered, or read. */
static int find_data(struct measure *m, uint8_t (*data)[KEY], struct gg_digest *d, struct gg_err *err)
{
    size_t n = m->t->n_tensors, n_read = 0, *list = calloc(n + 1, sizeof *list);
    uint8_t (*keys)[KEY] = calloc(n + 1, sizeof *keys), (*fresh)[KEY] = calloc(n + 1, sizeof *fresh);
    uint8_t files[KEY];
    int rc = list != NULL && keys != NULL && fresh != NULL ? GG_OK : gg_fail_nomem(err, "digests");
    bool identified = rc == GG_OK && identify(m->t->model, d);
    gg_digest_end(d, files);
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        data_key(m, d, files, i, keys[i]);
        if (!identified || !gg_errcache_get_data(m->cache, keys[i], data[i]))
            list[n_read++] = i;
    }
    if (rc == GG_OK && n_read > 0)
        rc = read_data(m, list, n_read, fresh, d, err);
    for (size_t k = 0; rc == GG_OK && k < n_read; k++) {
        memcpy(data[list[k]], fresh[k], KEY);
        if (identified)
            rc = gg_errcache_add_data(m->cache, keys[list[k]], fresh[k], err);
    }
    free(list);
    free(keys);
    free(fresh);
    return rc;
}

static int add_weights(struct gg_digest *d, const struct gg_plan_tensor *p, uint64_t n_cols,
                       struct gg_err *err)
{
    float v[1024];
    uint64_t n = p->weights != NULL ? p->n_weight_mats * n_cols : 0;
    int rc = GG_OK;
    add_u64(d, n);
    for (uint64_t i = 0; rc == GG_OK && i < n; i += GG_COUNTOF(v)) {
        size_t k = (size_t)gg_min_u64(n - i, GG_COUNTOF(v));
        rc = p->weights->read(p->weights, i, k, v, err);
        if (rc == GG_OK)
            gg_digest_add(d, v, k * sizeof *v);
    }
    return rc;
}

/* ---- the cache ------------------------------------------------------------------------------- */

/* The tensor of an output of a trial plan that shows tensor i of the target. */
static const struct gg_plan_tensor *planned(const struct gg_plan_output *o, size_t src)
{
    for (size_t i = src < o->n_tensors ? src : o->n_tensors; i-- > 0;) { /* pruned ones move forward */
        if (o->tensors[i].src == src)
            return &o->tensors[i];
    }
    return o->n_tensors > src ? &o->tensors[src] : NULL;
}

/* Weights are handed out only where something is encoded: by any of the outputs. */
static const struct gg_plan_tensor *weighing(const struct gg_plan *plan, size_t src)
{
    const struct gg_plan_tensor *p = NULL;
    for (size_t k = 0; k < plan->n_outputs; k++) {
        p = planned(&plan->outputs[k], src);
        if (p != NULL && p->weights != NULL)
            break;
    }
    return p;
}

static int find_keys(struct measure *m, const struct gg_plan *plan, struct gg_err *err)
{
    struct gg_digest *d = gg_digest_new(GG_XXH3_128);
    size_t n = m->t->n_tensors;
    uint8_t (*data)[KEY] = calloc(n + 1, sizeof *data);
    m->keys = calloc(n + 1, sizeof *m->keys);
    int rc = d != NULL && data != NULL && m->keys != NULL ? find_data(m, data, d, err)
                                                          : gg_fail_nomem(err, "digests");
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        const struct gg_plan_tensor *p = weighing(plan, m->t->tensors[i].src);
        add_u64(d, QK_ENCODING_VERSION);
        add_u64(d, m->o->write->stream.search);
        gg_digest_add(d, data[i], KEY);
        add_shape(d, seen(m, i));
        rc = p != NULL ? add_weights(d, p, seen(m, i)->ne[0], err) : GG_OK;
        gg_digest_end(d, m->keys[i]);
    }
    gg_digest_free(d);
    free(data);
    return rc;
}

static double scale_of(const struct measure *m, size_t i)
{
    return m->sample != NULL ? gg_sample_scale(m->sample, m->t->model, m->t->tensors[i].src) : 1;
}

/* Takes an error as it was measured, of the sample. */
static void take_error(struct measure *m, size_t i, uint32_t type, struct gg_type_error e)
{
    double s = scale_of(m, i);
    if (isinf(e.ee)) /* a scale overflowed */
        m->t->tensors[i].types &= ~GG_TYPE_BIT(type);
    m->t->tensors[i].error[type] = (struct gg_type_error){true, s * e.ee, s * e.xx, s * e.wee, s * e.wxx};
}

static int ask_cache(struct measure *m, struct gg_err *err)
{
    uint32_t types[QT_ID_END];
    struct gg_plan *plan = NULL;
    int rc = gg_errcache_open(&m->cache, m->o->cache, err);
    if (rc == GG_OK)
        rc = gg_target_trial(&plan, m->t, m->model, m->w, NULL, types, err);
    if (rc == GG_OK)
        rc = find_keys(m, plan, err);
    for (size_t i = 0; rc == GG_OK && i < m->t->n_tensors; i++) {
        for (uint32_t id = 0; id < QT_ID_END; id++) {
            struct gg_type_error e;
            if ((m->t->tensors[i].types & GG_TYPE_BIT(id)) == 0 || id == seen(m, i)->type ||
                !gg_errcache_get_error(m->cache, m->keys[i], id, &e))
                continue;
            take_error(m, i, id, e);
            m->skip[i * QT_ID_END + id] = true;
            m->out->n_known++;
        }
    }
    gg_plan_free(plan);
    m->out->foreign = rc == GG_OK && m->out->n_known == 0 && gg_errcache_n_errors(m->cache) > 0;
    return rc;
}

/* Errors that were measured for another choice of the same model: of its tensors in their order. */
static void take_before(struct measure *m, const struct gg_target *before)
{
    for (size_t i = 0, k = 0; i < m->t->n_tensors; i++) {
        struct gg_target_tensor *x = &m->t->tensors[i];
        while (k < before->n_tensors && before->tensors[k].src < x->src)
            k++;
        if (k == before->n_tensors || before->tensors[k].src != x->src)
            continue;
        for (uint32_t id = 0; id < QT_ID_END; id++) {
            const struct gg_type_error *e = &before->tensors[k].error[id];
            if (!e->known || (x->types & GG_TYPE_BIT(id)) == 0 || id == seen(m, i)->type)
                continue;
            x->error[id] = *e;
            if (isinf(e->ee))
                x->types &= ~GG_TYPE_BIT(id);
            m->skip[i * QT_ID_END + id] = true;
            m->out->n_measured++;
        }
    }
}

/* ---- the trial ------------------------------------------------------------------------------- */

static int take_result(struct measure *m, size_t i, uint32_t type, bool weighted,
                       const struct gg_tensor_result *r, struct gg_err *err)
{
    const struct qk_err_sums *s = &r->sums;
    struct gg_type_error e = {true, s->ee, s->xx, weighted ? s->wee : s->ee, weighted ? s->wxx : s->xx};
    if (r->n_overflow > r->n_f16_clipped)
        e.ee = INFINITY;
    take_error(m, i, type, e);
    m->out->n_measured++;
    return m->cache != NULL ? gg_errcache_add_error(m->cache, m->keys[i], type, &e, err) : GG_OK;
}

static int take_report(struct measure *m, const struct gg_plan *plan, const uint32_t *types,
                       const struct gg_write_report *report, struct gg_err *err)
{
    size_t *of = calloc(m->model->n_tensors + 1, sizeof *of);
    int rc = of != NULL ? GG_OK : gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; rc == GG_OK && i < m->t->n_tensors; i++)
        of[m->t->tensors[i].src] = i;
    for (size_t k = 0; rc == GG_OK && k < plan->n_outputs; k++) {
        const struct gg_plan_output *o = &plan->outputs[k];
        for (size_t i = 0; rc == GG_OK && i < o->n_tensors; i++) {
            if (o->tensors[i].chosen && report->results[k][i].encoded)
                rc = take_result(m, of[o->tensors[i].src], types[k], o->tensors[i].weights != NULL,
                                 &report->results[k][i], err);
        }
    }
    free(of);
    return rc;
}

static int try_all(struct measure *m, struct gg_err *err)
{
    uint32_t types[QT_ID_END];
    struct gg_plan *plan = NULL;
    struct gg_write_report report = {0};
    struct gg_codebooks books = {0};
    struct gg_write_opts w = *m->o->write;
    int rc = gg_target_trial(&plan, m->t, m->model, m->w, m->skip, types, err);
    if (rc == GG_OK)
        rc = gg_codebooks_for(&books, plan, err);
    w.stream.codebooks = books.v;
    w.stats = true;
    w.note_overflow = true;
    w.sha256 = false;
    if (rc == GG_OK)
        rc = gg_stream_write(m->model, plan, NULL, &w, &report, err);
    if (rc == GG_OK)
        rc = take_report(m, plan, types, &report, err);
    gg_write_report_free(&report);
    gg_codebooks_free(&books);
    gg_plan_free(plan);
    return rc;
}

static int run(struct measure *m, struct gg_err *err)
{
    const struct gg_measure_opts *o = m->o;
    int rc = GG_OK;
    if (o->sample_rows > 0 && m->t->model->source->ops->place != NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--sample: %s is packed and must be read in order, all of it", m->t->model->name);
    if (o->sample_rows > 0)
        rc = gg_model_sample(&m->sample, m->t->model, o->sample_rows, o->seed, err);
    m->model = m->sample != NULL ? m->sample : m->t->model;
    m->skip = calloc(m->t->n_tensors * QT_ID_END + 1, sizeof *m->skip);
    if (rc == GG_OK && m->skip == NULL)
        rc = gg_fail_nomem(err, "the errors of tensors");
    if (rc == GG_OK && o->cache != NULL)
        rc = ask_cache(m, err);
    else if (rc == GG_OK && o->before != NULL)
        take_before(m, o->before);
    if (rc == GG_OK)
        rc = try_all(m, err);
    if (rc == GG_OK)
        rc = gg_target_unite(m->t, err);
    if (rc == GG_OK && m->cache != NULL)
        rc = gg_errcache_save(m->cache, err);
    return rc;
}

int gg_measure(struct gg_target *t, const struct gg_plan_wishes *wishes,
               const struct gg_measure_opts *o, struct gg_measured *out, struct gg_err *err)
{
    struct measure m = {.t = t, .w = wishes, .o = o, .out = out};
    *out = (struct gg_measured){0};
    int rc = run(&m, err);
    gg_errcache_free(m.cache);
    gg_model_free(m.sample);
    free(m.keys);
    free(m.skip);
    return rc;
}
