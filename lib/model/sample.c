#include "lib/model/sample.h"

#include "lib/base/num.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>

struct sample {
    struct gg_source source;
    const struct gg_model *of;
    struct gg_tensor *tensors; /* as the sample shows them */
    uint64_t *seeds;           /* by tensor */
};

static struct sample *self(struct gg_source *s)
{
    return (struct sample *)s;
}

/* splitmix64 (Steele, Lea, Flood 2014): the state is what was mixed in so far. */
static uint64_t mix(uint64_t state, uint64_t v)
{
    uint64_t z = (state ^ v) + UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t seed_of(uint64_t seed, struct ggf_str name)
{
    for (uint64_t i = 0; i < name.nbytes; i++)
        seed = mix(seed, (uint8_t)name.p[i]);
    return seed;
}

/* The stored row that a row of the sample shows; both are counted over all matrices. */
static uint64_t stored_row(const struct sample *s, size_t i, uint64_t row)
{
    uint64_t n = s->tensors[i].ne[1], all = s->of->tensors[i].ne[1];
    uint64_t mat = row / n, run = row % n;
    /* runs of all / n rows, of which the first all % n have one more */
    uint64_t each = all / n, more = all % n;
    uint64_t first = run * each + gg_min_u64(run, more), length = each + (run < more);
    return mat * all + first + mix(mix(s->seeds[i], mat), run) % length;
}

static int sample_read(struct gg_source *source, size_t i, uint64_t first, uint64_t n, void *dst,
                       struct gg_err *err)
{
    struct sample *s = self(source);
    const struct gg_tensor *t = &s->tensors[i];
    struct gg_source *from = s->of->source;
    uint64_t cols = t->ne[0];
    uint8_t *to = dst;
    int rc = GG_OK;
    if (t->ne[1] == s->of->tensors[i].ne[1])
        return from->ops->read(from, i, first, n, dst, err);
    while (rc == GG_OK && n > 0) {
        uint64_t row = first / cols, col = first % cols, m = gg_min_u64(cols - col, n), nbytes = 0;
        rc = from->ops->read(from, i, stored_row(s, i, row) * cols + col, m, to, err);
        if (!qt_row_nbytes(t->type, m, &nbytes))
            return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a piece of a row fills no blocks");
        to += nbytes;
        first += m;
        n -= m;
    }
    return rc;
}

static bool sample_extent(struct gg_source *s, size_t i, struct gg_extent *out)
{
    (void)s, (void)i, (void)out;
    return false;
}

static void sample_free(struct gg_source *source)
{
    struct sample *s = self(source);
    if (s == NULL)
        return;
    free(s->tensors);
    free(s->seeds);
    free(s);
}

static const struct gg_source_ops sample_ops = {sample_read, sample_extent, sample_free, NULL, NULL};

static void cut_rows(struct gg_tensor *t, uint64_t n_rows)
{
    if (!t->known || t->ne[1] <= n_rows)
        return;
    t->nelems = t->nelems / t->ne[1] * n_rows;
    t->nbytes = t->nbytes / t->ne[1] * n_rows;
    t->ne[1] = n_rows;
}

int gg_model_sample(struct gg_model **out, const struct gg_model *model, uint64_t n_rows, uint64_t seed,
                    struct gg_err *err)
{
    struct gg_model *m = calloc(1, sizeof *m);
    struct sample *s = calloc(1, sizeof *s);
    size_t n = model->n_tensors;
    if (s != NULL) {
        s->tensors = calloc(n + 1, sizeof *s->tensors);
        s->seeds = calloc(n + 1, sizeof *s->seeds);
    }
    if (m == NULL || s == NULL || s->tensors == NULL || s->seeds == NULL) {
        if (s != NULL)
            sample_free(&s->source);
        free(m);
        return gg_fail_nomem(err, "a sample of the model");
    }
    *s = (struct sample){{&sample_ops}, model, s->tensors, s->seeds};
    *m = *model;
    m->findings = (struct gg_findings)GG_FINDINGS_INIT;
    m->source = &s->source;
    m->tensors = s->tensors;
    for (size_t i = 0; i < n; i++) {
        s->tensors[i] = model->tensors[i];
        s->seeds[i] = seed_of(seed, model->tensors[i].name);
        cut_rows(&s->tensors[i], n_rows);
    }
    *out = m;
    return GG_OK;
}

double gg_sample_scale(const struct gg_model *sample, const struct gg_model *model, size_t i)
{
    uint64_t n = sample->tensors[i].ne[1];
    return n > 0 ? (double)model->tensors[i].ne[1] / (double)n : 1;
}
