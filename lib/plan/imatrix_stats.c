#include "lib/plan/imatrix_stats.h"

#include "lib/base/num.h"
#include "lib/plan/names.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WINDOW = 4096 };

struct sums {
    struct gg_imatrix_stats *out;
    double squares;
    uint64_t n_inactive, n_high;
};

static void first_look(struct sums *s, double a)
{
    struct gg_imatrix_stats *o = s->out;
    o->min = o->n == 0 || a < o->min ? a : o->min;
    o->max = o->n == 0 || a > o->max ? a : o->max;
    o->n++;
    o->sum += a;
    s->squares += a * a;
    s->n_inactive += fabs(a) <= 1e-5;
}

static void second_look(struct sums *s, double a)
{
    struct gg_imatrix_stats *o = s->out;
    double p = o->sum > 0 ? a / o->sum : 0;
    o->entropy -= p > 0 ? p * log2(p) : 0;
    s->n_high += o->sigma > 0 && (a - o->mean) / o->sigma > 1;
}

/* Shows all activations of matrices with data. */
static int walk(const struct gg_imatrix_entry *e, void (*look)(struct sums *s, double a),
                struct sums *s, struct gg_err *err)
{
    float v[WINDOW];
    uint64_t each = e->nvals / e->nmat;
    for (uint64_t first = 0; first < e->nvals; first += WINDOW) {
        size_t n = (size_t)gg_min_u64(WINDOW, e->nvals - first);
        int rc = e->weights.read(&e->weights, first, n, v, err);
        if (rc != GG_OK)
            return rc;
        for (size_t i = 0; i < n; i++) {
            if (e->counts[(first + i) / each] > 0)
                look(s, v[i]);
        }
    }
    return GG_OK;
}

/* The same tensor one layer before, or NULL. */
static const struct gg_imatrix_entry *before(const struct gg_imatrix_entry *e)
{
    char name[256];
    size_t first, nbytes, n = strlen(e->name);
    uint64_t layer;
    if (!gg_name_find_layer(ggf_str(e->name), &first, &nbytes, &layer) || layer == 0 ||
        n >= sizeof name)
        return NULL;
    int len = snprintf(name, sizeof name, "%.*s%" PRIu64 "%s", (int)first, e->name, layer - 1,
                       e->name + first + nbytes);
    const struct gg_imatrix_entry *p = gg_imatrix_find(e->of, name, (size_t)len);
    return p != NULL && p->nvals == e->nvals ? p : NULL;
}

static int compare(const struct gg_imatrix_entry *e, struct gg_imatrix_stats *out, struct gg_err *err)
{
    const struct gg_imatrix_entry *p = before(e);
    float a[WINDOW], b[WINDOW];
    double aa = 0, bb = 0, ab = 0;
    int rc = GG_OK;
    if (p == NULL)
        return GG_OK;
    for (uint64_t first = 0; rc == GG_OK && first < e->nvals; first += WINDOW) {
        size_t n = (size_t)gg_min_u64(WINDOW, e->nvals - first);
        rc = gg_imatrix_sums(e, first, n, a, err);
        if (rc == GG_OK)
            rc = gg_imatrix_sums(p, first, n, b, err);
        for (size_t i = 0; rc == GG_OK && i < n; i++) {
            aa += (double)a[i] * a[i];
            bb += (double)b[i] * b[i];
            ab += (double)a[i] * b[i];
        }
    }
    out->has_cosine = rc == GG_OK && aa > 0 && bb > 0;
    if (out->has_cosine)
        out->cosine = ab / sqrt(aa) / sqrt(bb);
    return rc;
}

int gg_imatrix_stats(const struct gg_imatrix_entry *e, struct gg_imatrix_stats *out,
                     struct gg_err *err)
{
    memset(out, 0, sizeof *out);
    struct sums s = {.out = out};
    int rc = walk(e, first_look, &s, err);
    if (rc != GG_OK || out->n == 0)
        return rc;
    double n = (double)out->n;
    out->mean = out->sum / n;
    out->sigma = sqrt(fmax(0, s.squares / n - out->mean * out->mean));
    out->active = 1 - (double)s.n_inactive / n;
    rc = walk(e, second_look, &s, err);
    out->zd = (double)s.n_high / n;
    out->entropy_norm = out->n > 1 ? out->entropy / log2(n) : 0;
    return rc == GG_OK ? compare(e, out, err) : rc;
}
