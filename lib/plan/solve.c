#include "lib/plan/solve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_STATES = 1 << 16, /* combinations kept after a group */
    MOST_NODES = 1 << 23,  /* of all groups, which are needed to tell the picks */
};

/* An option on its group's list: no other is both smaller and cheaper. Ascending in bytes. */
struct point {
    uint64_t nbytes;
    double cost;
    uint32_t option;
};

struct list { /* of one group */
    struct point *v;
    size_t n;
    size_t n_hull; /* the hull's points, by index into v */
    uint32_t *hull;
    size_t at; /* on the hull, while filling up */
};

struct edge { /* from a point of a hull to the next */
    double gain; /* cost saved by a byte */
    uint32_t group, to;
};

struct node {
    uint32_t before; /* state of the group before */
    uint32_t point;
};

struct state {
    uint64_t nbytes;
    double over; /* price above the bound: sum of what the picks cost above the best of their groups */
    struct node node;
};

struct solver {
    struct list *lists;
    size_t n;
    uint64_t budget;
    struct point *points;
    uint32_t *hulls;
    struct edge *edges;
    size_t n_edges;
    double price; /* of a byte */
    double bound;
    uint64_t *least_behind; /* fewest bytes of the groups from i on */
    size_t *pick;           /* index into the group's list */
    uint64_t nbytes;
    double cost;
    bool cut; /* states were left out */
};

/* ---- lists and hulls ------------------------------------------------------------------------- */

static int by_nbytes(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    if (x->nbytes != y->nbytes)
        return x->nbytes < y->nbytes ? -1 : 1;
    if (x->cost < y->cost || x->cost > y->cost)
        return x->cost < y->cost ? -1 : 1;
    return (x->option > y->option) - (x->option < y->option);
}

static void make_list(struct list *l, const struct gg_group *g)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->n; i++)
        l->v[i] = (struct point){g->options[i].nbytes, g->options[i].cost, (uint32_t)i};
    qsort(l->v, g->n, sizeof *l->v, by_nbytes);
    for (size_t i = 0; i < g->n; i++) {
        if (kept == 0 || l->v[i].cost < l->v[kept - 1].cost)
            l->v[kept++] = l->v[i];
    }
    l->n = kept;
}

static double gain_between(const struct point *a, const struct point *b)
{
    return (a->cost - b->cost) / (double)(b->nbytes - a->nbytes);
}

static void make_hull(struct list *l)
{
    l->n_hull = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        while (l->n_hull >= 2 &&
               gain_between(&l->v[l->hull[l->n_hull - 2]], &l->v[l->hull[l->n_hull - 1]]) <=
                   gain_between(&l->v[l->hull[l->n_hull - 1]], &l->v[i]))
            l->n_hull--;
        l->hull[l->n_hull++] = i;
    }
}

static int by_gain(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    if (x->gain < y->gain || x->gain > y->gain)
        return x->gain > y->gain ? -1 : 1;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static void list_edges(struct solver *s)
{
    s->n_edges = 0;
    for (size_t g = 0; g < s->n; g++) {
        const struct list *l = &s->lists[g];
        for (size_t k = 1; k < l->n_hull; k++)
            s->edges[s->n_edges++] =
                (struct edge){gain_between(&l->v[l->hull[k - 1]], &l->v[l->hull[k]]), (uint32_t)g,
                              (uint32_t)k};
    }
    qsort(s->edges, s->n_edges, sizeof *s->edges, by_gain);
}

/* ---- a bound and a first answer -------------------------------------------------------------- */

/* Walks the edges from the one that saves most. The first that does not fit sets the price; those
 * behind it are taken where they still fit, unless one of their group was left before. */
static void fill_up(struct solver *s)
{
    uint64_t used = s->least_behind[0];
    bool full = false;
    for (size_t g = 0; g < s->n; g++)
        s->lists[g].at = 0;
    s->price = 0;
    for (size_t i = 0; i < s->n_edges; i++) {
        struct list *l = &s->lists[s->edges[i].group];
        uint32_t to = s->edges[i].to;
        if (l->at + 1 != to)
            continue;
        uint64_t more = l->v[l->hull[to]].nbytes - l->v[l->hull[to - 1]].nbytes;
        if (more <= s->budget - used) {
            used += more;
            l->at = to;
        } else if (!full) {
            full = true;
            s->price = s->edges[i].gain;
        }
    }
}

static double priced(const struct solver *s, const struct point *p)
{
    return p->cost + s->price * (double)p->nbytes;
}

/* What the cheapest point of a list is worth at the price; it is on the hull. */
static double best_priced(const struct solver *s, const struct list *l)
{
    double best = priced(s, &l->v[l->hull[0]]);
    for (size_t k = 1; k < l->n_hull; k++) {
        double p = priced(s, &l->v[l->hull[k]]);
        best = p < best ? p : best;
    }
    return best;
}

static void take_answer(struct solver *s)
{
    s->nbytes = 0;
    s->cost = 0;
    s->bound = 0;
    for (size_t g = 0; g < s->n; g++) {
        struct list *l = &s->lists[g];
        s->pick[g] = l->hull[l->at];
        s->nbytes += l->v[s->pick[g]].nbytes;
        s->cost += l->v[s->pick[g]].cost;
        s->bound += best_priced(s, l);
    }
    s->bound -= s->price * (double)s->budget;
    s->bound = s->bound < s->cost ? s->bound : s->cost;
}

/* ---- the exact finish ------------------------------------------------------------------------ */

static int by_place(const void *a, const void *b)
{
    const struct state *x = a, *y = b;
    if (x->nbytes != y->nbytes)
        return x->nbytes < y->nbytes ? -1 : 1;
    if (x->over < y->over || x->over > y->over)
        return x->over < y->over ? -1 : 1;
    if (x->node.before != y->node.before)
        return x->node.before < y->node.before ? -1 : 1;
    return (x->node.point > y->node.point) - (x->node.point < y->node.point);
}

static int by_over(const void *a, const void *b)
{
    const struct state *x = a, *y = b;
    if (x->over < y->over || x->over > y->over)
        return x->over < y->over ? -1 : 1;
    return by_place(a, b);
}

/* Of states of equal picks so far, cost is over - price * bytes and a constant: drops those that
 * another beats in both, then the most hopeless ones beyond what there is room for. */
static size_t thin_out(struct solver *s, struct state *v, size_t n, size_t most)
{
    double least = INFINITY;
    size_t kept = 0;
    qsort(v, n, sizeof *v, by_place);
    for (size_t i = 0; i < n; i++) {
        double cost = v[i].over - s->price * (double)v[i].nbytes;
        if (cost < least) {
            least = cost;
            v[kept++] = v[i];
        }
    }
    if (kept > most) {
        s->cut = true;
        qsort(v, kept, sizeof *v, by_over);
        kept = most;
    }
    return kept;
}

/* Every state with every point of the group; returns how many are worth keeping. */
static size_t extend(const struct solver *s, size_t group, const struct state *from, size_t n_from,
                     struct state *to, size_t cap)
{
    const struct list *l = &s->lists[group];
    double best = best_priced(s, l), room = s->cost - s->bound;
    size_t n = 0;
    for (size_t k = 0; k < l->n; k++) {
        double over = priced(s, &l->v[k]) - best;
        if (over >= room)
            continue;
        for (size_t i = 0; i < n_from && n < cap; i++) {
            uint64_t nbytes = from[i].nbytes + l->v[k].nbytes;
            if (from[i].over + over < room && nbytes + s->least_behind[group + 1] <= s->budget)
                to[n++] = (struct state){nbytes, from[i].over + over, {(uint32_t)i, (uint32_t)k}};
        }
    }
    return n;
}

static size_t widest(const struct solver *s)
{
    size_t most = 1;
    for (size_t g = 0; g < s->n; g++)
        most = s->lists[g].n > most ? s->lists[g].n : most;
    return most;
}

/* The cheapest of the last states, and the picks that led to it. */
static void take_better(struct solver *s, struct node *const *nodes, const struct state *last,
                        size_t n)
{
    size_t best = n;
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        double cost = last[i].over - s->price * (double)last[i].nbytes;
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    if (best == n)
        return;
    uint32_t at = (uint32_t)best;
    double cost = 0;
    for (size_t g = s->n; g-- > 0; at = nodes[g][at].before)
        cost += s->lists[g].v[nodes[g][at].point].cost;
    if (cost >= s->cost)
        return;
    at = (uint32_t)best;
    for (size_t g = s->n; g-- > 0; at = nodes[g][at].before)
        s->pick[g] = nodes[g][at].point;
    s->nbytes = last[best].nbytes;
    s->cost = cost;
}

static bool walk(struct solver *s, struct node **nodes, struct state *now, struct state *next,
                 size_t most, size_t cap)
{
    size_t n = 1;
    now[0] = (struct state){0};
    for (size_t g = 0; g < s->n && n > 0; g++) {
        n = thin_out(s, next, extend(s, g, now, n, next, cap), most);
        nodes[g] = malloc((n + 1) * sizeof **nodes);
        if (nodes[g] == NULL)
            return false;
        for (size_t i = 0; i < n; i++)
            nodes[g][i] = next[i].node;
        struct state *t = now;
        now = next;
        next = t;
    }
    take_better(s, nodes, now, n);
    return true;
}

static int finish(struct solver *s, struct gg_err *err)
{
    size_t most = MOST_NODES / (s->n + 1), cap;
    most = most > MOST_STATES ? MOST_STATES : most < 64 ? 64 : most;
    cap = most * widest(s);
    struct node **nodes = calloc(s->n + 1, sizeof *nodes);
    struct state *now = malloc(cap * sizeof *now), *next = malloc(cap * sizeof *next);
    bool ok = nodes != NULL && now != NULL && next != NULL && walk(s, nodes, now, next, most, cap);
    for (size_t g = 0; nodes != NULL && g < s->n; g++)
        free(nodes[g]);
    free(nodes);
    free(now);
    free(next);
    return ok ? GG_OK : gg_fail_nomem(err, "the solver");
}

/* ---- the whole ------------------------------------------------------------------------------- */

void gg_solve_range(const struct gg_group *groups, size_t n, uint64_t *least, uint64_t *most)
{
    *least = *most = 0;
    for (size_t g = 0; g < n; g++) {
        const struct gg_option *o = groups[g].options, *small = &o[0], *good = &o[0];
        for (size_t i = 1; i < groups[g].n; i++) {
            if (o[i].nbytes < small->nbytes)
                small = &o[i];
            if (o[i].cost < good->cost || (o[i].cost <= good->cost && o[i].nbytes < good->nbytes))
                good = &o[i];
        }
        *least += small->nbytes;
        *most += good->nbytes;
    }
}

static int prepare(struct solver *s, const struct gg_group *groups, struct gg_err *err)
{
    size_t total = 0;
    for (size_t g = 0; g < s->n; g++)
        total += groups[g].n;
    s->lists = calloc(s->n + 1, sizeof *s->lists);
    s->points = calloc(total + 1, sizeof *s->points);
    s->hulls = calloc(total + 1, sizeof *s->hulls);
    s->edges = calloc(total + 1, sizeof *s->edges);
    s->least_behind = calloc(s->n + 1, sizeof *s->least_behind);
    if (s->lists == NULL || s->points == NULL || s->hulls == NULL || s->edges == NULL ||
        s->least_behind == NULL)
        return gg_fail_nomem(err, "the solver");
    for (size_t g = 0, at = 0; g < s->n; at += groups[g++].n) {
        s->lists[g].v = s->points + at;
        s->lists[g].hull = s->hulls + at;
        make_list(&s->lists[g], &groups[g]);
        make_hull(&s->lists[g]);
    }
    for (size_t g = s->n; g-- > 0;)
        s->least_behind[g] = s->least_behind[g + 1] + s->lists[g].v[0].nbytes;
    return GG_OK;
}

static int solve(struct solver *s, const struct gg_group *groups, struct gg_err *err)
{
    int rc = prepare(s, groups, err);
    if (rc != GG_OK)
        return rc;
    if (s->least_behind[0] > s->budget)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "the smallest choice takes %llu bytes, not %llu",
                       (unsigned long long)s->least_behind[0], (unsigned long long)s->budget);
    list_edges(s);
    fill_up(s);
    take_answer(s);
    return s->cost > s->bound ? finish(s, err) : GG_OK;
}

int gg_solve(const struct gg_group *groups, size_t n, uint64_t budget, size_t *pick,
             struct gg_solution *out, struct gg_err *err)
{
    struct solver s = {.n = n, .budget = budget, .pick = pick};
    int rc = solve(&s, groups, err);
    if (rc == GG_OK) {
        *out = (struct gg_solution){s.nbytes, s.cost, s.cut ? s.bound : s.cost, !s.cut};
        for (size_t g = 0; g < n; g++)
            pick[g] = s.lists[g].v[pick[g]].option;
    }
    free(s.lists);
    free(s.points);
    free(s.hulls);
    free(s.edges);
    free(s.least_behind);
    return rc;
}
