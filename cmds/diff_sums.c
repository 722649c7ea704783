/* Numbers about models, types and roles, made of those of tensors; and limits for them. */
#include "cmds/diff.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors --------------------------------------------------------------------------------- */

double diff_badness(const struct diff *d, size_t item, size_t other, enum diff_key key)
{
    const struct gg_comparison *c = diff_result(d, item, other);
    if (c == NULL)
        return -INFINITY;
    struct gg_error e = gg_error_of(&c->sums);
    if (c->same == GG_SAME_BYTES)
        e = (struct gg_error){.cosine = 1, .snr_db = INFINITY};
    switch (key) {
    case DIFF_WEIGHTED:
        return e.weighted;
    case DIFF_RMSE:
        return e.rmse;
    case DIFF_MAX_ABS:
        return e.max_abs;
    case DIFF_ROW:
        return sqrt(c->row_nmse);
    case DIFF_BIAS:
        return fabs(e.bias);
    case DIFF_COSINE:
        return -e.cosine;
    case DIFF_SNR:
        return -e.snr_db;
    case DIFF_BYTES:
        return (double)diff_tensor(d, item, other + 1)->nbytes;
    default:
        return e.nmse;
    }
}

double diff_exact(const struct gg_tensor *base, const struct gg_comparison *c)
{
    if (c->same == GG_SAME_BYTES || base->nelems == 0)
        return 1;
    return (double)c->sums.n_same / (double)base->nelems;
}

/* ---- tallies --------------------------------------------------------------------------------- */

/* in_sums: the bytes differ in one of the models, so that the sums are there. */
static void tally(struct diff_tally *t, const struct diff *d, size_t item, size_t other, bool in_sums)
{
    const struct gg_tensor *a = diff_tensor(d, item, 0), *b = diff_tensor(d, item, other + 1);
    const struct gg_comparison *c = diff_result(d, item, other);
    t->n_tensors++;
    t->n_params += a->nelems;
    t->nbytes[0] += gg_tensor_stored_nbytes(a);
    t->nbytes[1] += gg_tensor_stored_nbytes(b);
    if (c == NULL) /* only headers were read */
        return;
    t->n_same_bytes += c->same == GG_SAME_BYTES;
    t->n_same_values += c->same == GG_SAME_VALUES;
    t->n_other += c->same == GG_OTHER_VALUES;
    if (!in_sums)
        return;
    qk_err_add(&t->sums, &c->sums, 0); /* where the largest is has no meaning here */
    if (c->sums.n > 0) {
        t->weighted_sum += gg_error_of(&c->sums).weighted * (double)c->sums.n;
        t->weighted_n += (double)c->sums.n;
    }
}

struct gg_error diff_error_of(const struct diff_tally *t)
{
    struct gg_error e = gg_error_of(&t->sums);
    e.weighted = t->weighted_n > 0 ? t->weighted_sum / t->weighted_n : 0;
    return e;
}

static struct diff_tally *types_of(struct diff_other *o, const struct gg_tensor *a,
                                   const struct gg_tensor *b)
{
    for (size_t i = 0; i < o->n_types; i++) {
        if (gg_tensor_stored_alike(o->types[i].first[0], a) && gg_tensor_stored_alike(o->types[i].first[1], b))
            return &o->types[i].t;
    }
    o->types[o->n_types] = (struct diff_types){.from = a->type, .to = b->type, .first = {a, b}};
    return &o->types[o->n_types++].t;
}

static int by_bytes(const void *a, const void *b)
{
    const struct diff_types *x = a, *y = b;
    if (x->t.nbytes[0] != y->t.nbytes[0])
        return x->t.nbytes[0] < y->t.nbytes[0] ? 1 : -1;
    return x->from != y->from ? (x->from > y->from) - (x->from < y->from)
                              : (x->to > y->to) - (x->to < y->to);
}

static void take_item(struct diff *d, size_t i, size_t m)
{
    struct diff_other *o = &d->others[m];
    enum gg_match_state state = d->match.items[i].state[m];
    const struct gg_tensor *a = diff_tensor(d, i, 0), *b = diff_tensor(d, i, m + 1);
    const struct gg_comparison *c = diff_result(d, i, m);
    bool in_sums = false;
    o->n_state[state]++;
    if (state != GG_MATCH_BOTH)
        return;
    for (size_t k = 0; k < d->n_others; k++) {
        const struct gg_comparison *x = diff_result(d, i, k);
        in_sums |= x != NULL && x->same != GG_SAME_BYTES;
    }
    tally(&o->all, d, i, m, in_sums);
    tally(types_of(o, a, b), d, i, m, in_sums);
    tally(&o->role[gg_role_of(a->name)], d, i, m, in_sums);
    o->n_odd += c != NULL && c->n_odd > 0;
    if (diff_differs(d, i, m) &&
        (o->worst == SIZE_MAX || diff_badness(d, i, m, d->sort) > diff_badness(d, o->worst, m, d->sort)))
        o->worst = i;
}

static int sum_up_other(struct diff *d, size_t m, struct gg_err *err)
{
    struct diff_other *o = &d->others[m];
    o->worst = SIZE_MAX;
    o->types = gg_arena_zalloc(&d->mem, d->match.n + 1, sizeof *o->types);
    if (o->types == NULL)
        return gg_fail_nomem(err, "the list of types");
    for (size_t i = 0; i < d->match.n; i++)
        take_item(d, i, m);
    qsort(o->types, o->n_types, sizeof *o->types, by_bytes);
    d->trouble[DIFF_CUT] |= o->n_state[GG_MATCH_CUT] > 0;
    d->trouble[DIFF_UNKNOWN] |= o->n_state[GG_MATCH_TYPE] > 0;
    d->trouble[DIFF_ARCH] |= o->other_arch;
    d->trouble[DIFF_MISSING] |= o->n_state[GG_MATCH_ONLY_BASE] + o->n_state[GG_MATCH_ONLY_OTHER] > 0;
    d->trouble[DIFF_SHAPE] |= o->n_state[GG_MATCH_SHAPE] > 0;
    d->trouble[DIFF_ODD] |= o->n_odd > 0;
    return GG_OK;
}

/* ---- order ----------------------------------------------------------------------------------- */

struct ranked {
    size_t item;
    double bad;
    struct ggf_str name;
};

static int by_badness(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->bad != y->bad)
        return x->bad < y->bad ? 1 : -1;
    return (x->item > y->item) - (x->item < y->item);
}

static int by_name(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    uint64_t n = gg_min_u64(x->name.nbytes, y->name.nbytes);
    int c = memcmp(x->name.p, y->name.p, n);
    return c != 0 ? c : (x->name.nbytes > y->name.nbytes) - (x->name.nbytes < y->name.nbytes);
}

/* Tensors whose values differ somewhere. With several models the worst of them counts. */
static int rank_items(struct diff *d, struct gg_err *err)
{
    struct ranked *v = gg_arena_zalloc(&d->mem, d->match.n + 1, sizeof *v);
    d->order = gg_arena_zalloc(&d->mem, d->match.n + 1, sizeof *d->order);
    if (v == NULL || d->order == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; i < d->match.n; i++) {
        bool any = false;
        double bad = -INFINITY;
        for (size_t m = 0; m < d->n_others; m++) {
            double b = diff_badness(d, i, m, d->sort);
            any |= diff_differs(d, i, m);
            bad = b > bad ? b : bad;
        }
        if (any)
            v[d->n_order++] = (struct ranked){i, bad, d->match.items[i].name};
    }
    if (d->sort != DIFF_FILE)
        qsort(v, d->n_order, sizeof *v, d->sort == DIFF_NAME ? by_name : by_badness);
    for (size_t i = 0; i < d->n_order; i++)
        d->order[i] = v[i].item;
    return GG_OK;
}

int diff_sum_up(struct diff *d, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t m = 0; rc == GG_OK && m < d->n_others; m++)
        rc = sum_up_other(d, m, err);
    for (size_t i = 0; i < d->n_models; i++)
        d->trouble[DIFF_CUT] |= d->cut[i];
    return rc == GG_OK ? rank_items(d, err) : rc;
}

bool diff_is_different(const struct diff *d, size_t other)
{
    const struct diff_other *o = &d->others[other];
    if (o->meta.n > 0 || o->all.n_other > 0)
        return true;
    for (size_t s = 0; s < GG_MATCH_STATES; s++) {
        if (s != GG_MATCH_BOTH && s != GG_MATCH_NEITHER && o->n_state[s] > 0)
            return true;
    }
    for (size_t i = 0; i < o->n_types; i++) {
        if (o->types[i].from != o->types[i].to)
            return true;
    }
    return false;
}

/* ---- limits ---------------------------------------------------------------------------------- */

static int read_limit(struct diff *d, char *text, struct gg_err *err)
{
    char *eq = strchr(text, '=');
    struct diff_limit l = {DIFF_KEYS, 0};
    if (eq != NULL)
        *eq = '\0';
    for (size_t k = 0; k < DIFF_BYTES; k++) {
        if (strcmp(text, diff_keys[k]) == 0)
            l.key = (enum diff_key)k;
    }
    if (l.key == DIFF_KEYS)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--fail-above: '%.64s' is none of nmse, weighted, rmse, max_abs, row, bias, "
                       "cosine, snr_db", text);
    if (eq == NULL || !gg_text_parse_f64(eq + 1, &l.v) || isnan(l.v))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--fail-above: %s needs a number, as in %s=0.01",
                       text, text);
    if (l.key == DIFF_WEIGHTED && d->o->imatrix == NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--fail-above: weighted needs --imatrix");
    for (size_t i = 0; i < d->n_limits; i++) {
        if (d->limits[i].key == l.key)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--fail-above: %s is given twice", text);
    }
    d->limits[d->n_limits++] = l;
    return GG_OK;
}

int diff_read_limits(struct diff *d, const char *text, struct gg_err *err)
{
    char *copy = gg_arena_strndup(&d->mem, text, strlen(text)), *save = NULL;
    int rc = copy == NULL ? gg_fail_nomem(err, "limits") : GG_OK;
    for (char *s = copy; rc == GG_OK && (s = strtok_r(s, ",", &save)) != NULL; s = NULL)
        rc = read_limit(d, s, err);
    if (rc == GG_OK && d->n_limits == 0)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--fail-above: names no limit, as nmse=0.01 does");
    return rc;
}

/* A number as people know it, of the badness that is compared. */
static double as_shown(enum diff_key key, double bad)
{
    return key == DIFF_COSINE || key == DIFF_SNR ? -bad : bad;
}

bool diff_exceeds(const struct diff *d)
{
    bool any = false;
    for (size_t k = 0; k < d->n_limits; k++) {
        const struct diff_limit *l = &d->limits[k];
        size_t n = 0, worst = 0, worst_of = 0;
        for (size_t i = 0; i < d->match.n; i++) {
            for (size_t m = 0; m < d->n_others; m++) {
                double bad = diff_badness(d, i, m, l->key);
                if (!(bad > as_shown(l->key, l->v)))
                    continue;
                if (n++ == 0 || bad > diff_badness(d, worst, worst_of, l->key)) {
                    worst = i;
                    worst_of = m;
                }
            }
        }
        struct ggf_str name = d->match.n > 0 ? d->match.items[worst].name : (struct ggf_str){"", 0};
        char shown[128];
        if (n > 0)
            gg_msg_note(&d->env->msg, "%s: %zu tensor%s %s %s=%g, the worst '%s' with %g",
                        d->labels[worst_of + 1], n, n == 1 ? " is" : "s are",
                        l->key == DIFF_COSINE || l->key == DIFF_SNR ? "below" : "above",
                        diff_keys[l->key], l->v,
                        gg_text_escape_into(shown, sizeof shown, name.p, name.nbytes),
                        as_shown(l->key, diff_badness(d, worst, worst_of, l->key)));
        any |= n > 0;
    }
    return any;
}
