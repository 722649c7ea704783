/* Choosing a group's points from the whole grid, a block in each lane (lib/quant/ref/best_grid.c). Rows
 * share their halves: sums over a row are two additions. */
#ifndef QK_VEC_BEST_POINTS_H
#define QK_VEC_BEST_POINTS_H

#include "lib/quant/vec/best.h"

/* At most, of a grid: halves; of a group: elements. */
enum { HALVES = 81, POINT_GROUP = 32 };

/* Numbers of the halves of rows: levels are digits, the first element's the lowest. */
struct halves {
    uint8_t of[QK_GRID_ROWS][2];
};

static void number_halves(const struct qk_grid *t, struct halves *h)
{
    const unsigned mask = (1u << t->bits) - 1;
    for (int r = 0; r < t->n_rows; r++) {
        int number[2] = {0, 0};
        for (int i = t->dims - 1; i >= 0; i--) {
            int *n = &number[i >= t->dims / 2];
            *n = *n * t->n_levels + (int)(t->row[r] >> t->bits * i & mask);
        }
        h->of[r][0] = (uint8_t)number[0];
        h->of[r][1] = (uint8_t)number[1];
    }
}

/* ---- signs ------------------------------------------------------------------------------------ */

/* Magnitudes of eight values, one of them negative where signs must be even and are not. Returns the
 * signs. */
V_FN vi split_signs(const struct qk_grid *t, const vf *x, const vf *w, vf *magnitude)
{
    vf least = vf_set1(V_INF);
    vi at = vi_set1(0), bits = at, odd = at;
    for (int i = 0; i < 8; i++) {
        vm plus = vf_ge(x[i], vf_set1(0));
        magnitude[i] = vf_select(plus, x[i], -x[i]);
        vf cost = w != NULL ? w[i] * magnitude[i] : magnitude[i];
        vm wins = vf_lt(cost, least);
        least = vf_select(wins, cost, least);
        at = vi_select(wins, vi_set1(i), at);
        bits |= vi_select(plus, vi_set1(0), vi_set1(1 << i));
        odd ^= vi_select(plus, vi_set1(0), vi_set1(1));
    }
    for (int i = 0; t->even && i < 8; i++) {
        vm turns = vm_and(vi_eq(odd, vi_set1(1)), vi_eq(at, vi_set1(i)));
        magnitude[i] = vf_select(turns, -magnitude[i], magnitude[i]);
        bits ^= vi_select(turns, vi_set1(1 << i), vi_set1(0));
    }
    return bits;
}

/* ---- a point ---------------------------------------------------------------------------------- */

/* sum w p p and sum w x p over all halves of points. */
struct sums {
    vf pp[2][HALVES], xp[2][HALVES];
};

static void sum_half(const struct qk_grid *t, const vf *x, const vf *w, vf *pp, vf *xp)
{
    int n = 1;
    pp[0] = xp[0] = vf_set1(0);
    for (int i = 0; i < t->dims / 2; i++, n *= t->n_levels) {
        const vf wi = w != NULL ? w[i] : vf_set1(1);
        for (int l = t->n_levels - 1; l >= 0; l--) {
            vf wv = wi * t->value[l], wvv = wv * t->value[l], wxv = wv * x[i];
            for (int k = 0; k < n; k++) {
                pp[n * l + k] = pp[k] + wvv;
                xp[n * l + k] = xp[k] + wxv;
            }
        }
    }
}

static void sum_halves(const struct qk_grid *t, const vf *x, const vf *w, struct sums *s)
{
    const int half = t->dims / 2;
    sum_half(t, x, w, s->pp[0], s->xp[0]);
    sum_half(t, x + half, w != NULL ? w + half : NULL, s->pp[1], s->xp[1]);
}

/* The least half[k] * pp - xp of all rows. */
static void least_costs(const struct halves *h, int n_rows, const struct sums *s,
                        const vf half[QK_GRID_CODES], vf least[QK_GRID_CODES])
{
    vf of[QK_GRID_CODES], with[QK_GRID_CODES];
    V_UNROLL
    for (int k = 0; k < QK_GRID_CODES; k++) {
        of[k] = vf_set1(V_INF);
        with[k] = half[k];
    }
    for (int r = 0; r < n_rows; r++) {
        const int first = h->of[r][0], second = h->of[r][1];
        vf pp = s->pp[0][first] + s->pp[1][second], xp = s->xp[0][first] + s->xp[1][second];
        V_UNROLL
        for (int k = 0; k < QK_GRID_CODES; k++)
            of[k] = vf_min(with[k] * pp - xp, of[k]);
    }
    V_UNROLL
    for (int k = 0; k < QK_GRID_CODES; k++)
        least[k] = of[k];
}

/* The row that has it. */
static vi row_of_least(const struct halves *h, int n_rows, const struct sums *s, vf half)
{
    vf least = vf_set1(V_INF);
    vi row = vi_set1(0);
    for (int r = 0; r < n_rows; r++) {
        const int first = h->of[r][0], second = h->of[r][1];
        vf pp = s->pp[0][first] + s->pp[1][second], xp = s->xp[0][first] + s->xp[1][second];
        vf cost = half * pp - xp;
        vm wins = vf_lt(cost, least);
        least = vf_select(wins, cost, least);
        row = vi_select(wins, vi_set1(r), row);
    }
    return row;
}

/* Sums of each lane's own row. */
static void sums_of_rows(const struct halves *h, const struct sums *s, const int32_t row[VL], vf *pp,
                         vf *xp)
{
    float p[VL], x[VL];
    for (int k = 0; k < VL; k++) {
        const int first = h->of[row[k]][0], second = h->of[row[k]][1];
        p[k] = ((const float *)&s->pp[0][first])[k] + ((const float *)&s->pp[1][second])[k];
        x[k] = ((const float *)&s->xp[0][first])[k] + ((const float *)&s->xp[1][second])[k];
    }
    *pp = vf_load(p);
    *xp = vf_load(x);
}

#endif
