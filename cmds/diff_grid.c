/* Tensors by layer and role, for heat maps. */
#include "cmds/diff.h"

#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CELLS = 1 << 20 };

/* Where a tensor stands. */
struct place {
    struct ggf_str stack, layer, role; /* stack empty: outside of layers */
    uint64_t n; /* the layer's number */
    size_t item;
};

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "model.layers.12.mlp.up_proj": the first part that is a number tells the layer. */
static bool split_at_number(struct ggf_str s, struct place *p)
{
    for (uint64_t i = 1; i + 1 < s.nbytes; i++) {
        uint64_t end = i;
        if (s.p[i - 1] != '.' || !is_digit(s.p[i]))
            continue;
        p->n = 0;
        while (end < s.nbytes && is_digit(s.p[end]) && end - i < 10)
            p->n = 10 * p->n + (uint64_t)(s.p[end++] - '0');
        if (end + 1 >= s.nbytes || s.p[end] != '.')
            continue;
        p->stack = (struct ggf_str){s.p, i - 1};
        p->layer = (struct ggf_str){s.p + i, end - i};
        p->role = (struct ggf_str){s.p + end + 1, s.nbytes - end - 1};
        return true;
    }
    return false;
}

static struct place place_of(struct ggf_str name, size_t item)
{
    static const char ending[] = ".weight";
    struct place p = {.item = item};
    size_t n = sizeof ending - 1;
    if (!split_at_number(name, &p))
        p.role = name;
    if (p.role.nbytes > n && memcmp(p.role.p + p.role.nbytes - n, ending, n) == 0)
        p.role.nbytes -= n;
    return p;
}

static const char *text_of(struct diff *d, struct ggf_str s)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_text_escape(&b, s.p, s.nbytes, 40);
    const char *text = gg_arena_strndup(&d->mem, gg_buf_str(&b), b.nbytes);
    gg_buf_free(&b);
    return text;
}

/* ---- grids ----------------------------------------------------------------------------------- */

static int by_layer(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static bool same_str(struct ggf_str x, struct ggf_str y)
{
    return x.nbytes == y.nbytes && memcmp(x.p, y.p, x.nbytes) == 0;
}

/* Numbers the roles in the order they come, and the layers. v is sorted. */
static bool number_places(struct diff *d, struct diff_grid *g, const struct place *v, size_t n,
                          size_t *layer, size_t *role)
{
    struct gg_map roles = GG_MAP_INIT;
    uint64_t at;
    bool ok = gg_map_reserve(&roles, n);
    g->layers = gg_arena_zalloc(&d->mem, n, sizeof *g->layers);
    g->roles = gg_arena_zalloc(&d->mem, n, sizeof *g->roles);
    ok = ok && g->layers != NULL && g->roles != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        if (i == 0 || !same_str(v[i].layer, v[i - 1].layer))
            g->layers[g->n_layers++] = text_of(d, v[i].layer);
        int added = gg_map_add(&roles, v[i].role.p, v[i].role.nbytes, g->n_roles, &at);
        role[i] = added > 0 ? g->n_roles : (size_t)at;
        if (added > 0)
            g->roles[g->n_roles++] = text_of(d, v[i].role);
        layer[i] = g->n_layers - 1;
        ok = added >= 0 && g->layers[layer[i]] != NULL && g->roles[role[i]] != NULL;
    }
    gg_map_free(&roles);
    return ok;
}

static int make_grid(struct diff *d, struct diff_grid *g, struct place *v, size_t n,
                     struct gg_err *err)
{
    size_t *layer = gg_arena_zalloc(&d->mem, n, sizeof *layer);
    size_t *role = gg_arena_zalloc(&d->mem, n, sizeof *role);
    bool outside = v[0].stack.nbytes == 0;
    qsort(v, n, sizeof *v, by_layer);
    g->title = outside ? NULL : text_of(d, v[0].stack);
    if (layer == NULL || role == NULL || (!outside && g->title == NULL) ||
        !number_places(d, g, v, n, layer, role))
        return gg_fail_nomem(err, "a heat map");
    if (g->n_layers > MOST_CELLS / g->n_roles)
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE,
                       "a heat map of %zu layers and %zu roles is too large to draw", g->n_layers,
                       g->n_roles);
    g->item = gg_arena_alloc(&d->mem, g->n_layers * g->n_roles * sizeof *g->item);
    if (g->item == NULL)
        return gg_fail_nomem(err, "a heat map");
    for (size_t i = 0; i < g->n_layers * g->n_roles; i++)
        g->item[i] = SIZE_MAX;
    for (size_t i = 0; i < n; i++)
        g->item[layer[i] * g->n_roles + role[i]] = v[i].item;
    return GG_OK;
}

/* The scale holds all errors there are, but no more than 60 dB. */
static void find_scale(const struct diff *d, struct diff_grids *g)
{
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < d->match.n; i++) {
        for (size_t m = 0; m < d->n_others; m++) {
            if (!diff_differs(d, i, m))
                continue;
            double db = -diff_badness(d, i, m, DIFF_SNR);
            if (isfinite(db)) {
                lo = fmin(lo, db);
                hi = fmax(hi, db);
            }
        }
    }
    g->worst = isfinite(lo) ? fmax(floor(lo), -10) : 0;
    g->best = isfinite(hi) ? fmin(ceil(hi), 60) : 30;
    if (g->best < g->worst + 6)
        g->best = g->worst + 6;
}

static int by_stack(const void *a, const void *b)
{
    const struct place *x = *(const struct place *const *)a, *y = *(const struct place *const *)b;
    return (x->item > y->item) - (x->item < y->item);
}

/* Hands the places of each stack to make_grid; what is outside of layers last. */
static int make_all(struct diff *d, struct diff_grids *out, const struct place *all, size_t n,
                    struct gg_err *err)
{
    struct place *v = gg_arena_zalloc(&d->mem, n, sizeof *v);
    const struct place **first = gg_arena_zalloc(&d->mem, n, sizeof *first);
    struct gg_map stacks = GG_MAP_INIT;
    size_t n_stacks = 0;
    int rc = v == NULL || first == NULL || !gg_map_reserve(&stacks, n)
                 ? gg_fail_nomem(err, "a heat map")
                 : GG_OK;
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        int added = gg_map_add(&stacks, all[i].stack.p, all[i].stack.nbytes, n_stacks, NULL);
        if (added < 0)
            rc = gg_fail_nomem(err, "a heat map");
        else if (added > 0)
            first[n_stacks++] = &all[i];
    }
    gg_map_free(&stacks);
    if (rc == GG_OK)
        qsort(first, n_stacks, sizeof *first, by_stack);
    out->v = gg_arena_zalloc(&d->mem, n_stacks + 1, sizeof *out->v);
    if (rc == GG_OK && out->v == NULL)
        rc = gg_fail_nomem(err, "a heat map");
    for (int outside = 0; outside < 2; outside++) {
        for (size_t s = 0; rc == GG_OK && s < n_stacks; s++) {
            size_t k = 0;
            if ((first[s]->stack.nbytes == 0) != outside)
                continue;
            for (size_t i = 0; i < n; i++) {
                if (same_str(all[i].stack, first[s]->stack))
                    v[k++] = all[i];
            }
            rc = make_grid(d, &out->v[out->n++], v, k, err);
        }
    }
    return rc;
}

enum { MOST_STACKS = 64 };

int diff_make_grids(struct diff *d, struct diff_grids *out, struct gg_err *err)
{
    size_t n = d->match.n;
    *out = (struct diff_grids){0};
    find_scale(d, out);
    if (n == 0)
        return GG_OK;
    struct place *all = gg_arena_zalloc(&d->mem, n, sizeof *all);
    if (all == NULL)
        return gg_fail_nomem(err, "a heat map");
    for (size_t i = 0; i < n; i++)
        all[i] = place_of(d->match.items[i].name, i);
    return make_all(d, out, all, n, err);
}

/* ---- cells ----------------------------------------------------------------------------------- */

static const char *title_of(struct diff *d, size_t item, size_t m, const struct gg_comparison *c)
{
    struct gg_buf b = GG_BUF_INIT;
    const struct gg_tensor *x = diff_tensor(d, item, 0), *y = diff_tensor(d, item, m + 1);
    char from[32], to[32];
    const struct ggf_str name = d->match.items[item].name;
    gg_text_escape(&b, name.p, name.nbytes, 0);
    if (x != NULL && y != NULL)
        gg_buf_addf(&b, ", %s -> %s", gg_tensor_stored(x, from), gg_tensor_stored(y, to));
    if (c == NULL) {
        gg_buf_adds(&b, ": not compared");
    } else if (c->same != GG_OTHER_VALUES) {
        gg_buf_adds(&b, c->same == GG_SAME_BYTES ? ": the same bytes" : ": the same values");
    } else {
        struct gg_error e = gg_error_of(&c->sums);
        char text[64];
        gg_buf_addf(&b, ": NMSE %s, largest error %.3g", diff_error_text(text, e.nmse), e.max_abs);
        if (c->n_odd > 0)
            gg_buf_addf(&b, ", %llu values not finite on one side", (unsigned long long)c->n_odd);
    }
    const char *text = gg_arena_strndup(&d->mem, gg_buf_str(&b), b.nbytes);
    gg_buf_free(&b);
    return text;
}

static struct gg_cell_value cell_of(struct diff *d, size_t item, size_t m)
{
    struct gg_cell_value v = {GG_CELL_EMPTY, 0, NULL};
    if (item == SIZE_MAX || d->match.items[item].state[m] == GG_MATCH_NEITHER)
        return v;
    const struct gg_comparison *c = diff_result(d, item, m);
    v.title = title_of(d, item, m, c);
    v.kind = c == NULL                         ? GG_CELL_NONE
             : c->same != GG_OTHER_VALUES ? GG_CELL_SAME
                                               : GG_CELL_VALUE;
    if (v.kind == GG_CELL_VALUE)
        v.db = -diff_badness(d, item, m, DIFF_SNR);
    return v;
}

const struct gg_heat *diff_heat_of(struct diff *d, const struct diff_grids *g, size_t grid,
                                   size_t other)
{
    const struct diff_grid *x = &g->v[grid];
    size_t n = x->n_layers * x->n_roles;
    struct gg_heat *h = gg_arena_zalloc(&d->mem, 1, sizeof *h);
    struct gg_cell_value *cells = gg_arena_zalloc(&d->mem, n, sizeof *cells);
    if (h == NULL || cells == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        cells[i] = cell_of(d, x->item[i], other);
    *h = (struct gg_heat){.layers = x->layers, .n_layers = x->n_layers, .roles = x->roles,
                          .n_roles = x->n_roles, .cells = cells, .best = g->best,
                          .worst = g->worst,
                          .title = g->n > 2 && x->title != NULL ? x->title : NULL};
    return h;
}
