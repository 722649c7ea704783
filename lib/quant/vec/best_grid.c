/* The search for scales and points of the codebook types: lib/quant/ref/best_grid.c with a block in each
 * lane. */
#include "lib/quant/vec/best_points.h"

struct fit {
    vf xx, xp, pp, scale;
};

struct state {
    vf d, gain;
    vf code[QK_BEST_GROUPS];
};

V_FN vf scale_along(float along, vf xx, vf xp, vf pp)
{
    vf den = pp + along * v_finite_ratio(xp * xp, xx);
    return v_finite_ratio(xp * (1.0f + along), den);
}

/* Points of the blocks, then the sums of each group. */
static void fit_groups(const struct qk_grid_search *t, const struct qk_kernel *kernel,
                       const struct v_best *b, struct fit *fit)
{
    static const size_t run = QK_BEST_NELEMS;
    float decoded[VL * QK_BEST_NELEMS];
    const float *from[VL];
    vf point[QK_BEST_NELEMS];
    for (size_t k = 0; k < VL; k++) {
        uint8_t unit[QK_BEST_NBYTES];
        qk_unit_block(&t->type, b->at.y[k], unit);
        kernel->dequant(decoded + k * run, unit, 1);
        from[k] = decoded + k * run;
    }
    v_load_columns(point, from, run);
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        vf xx = vf_set1(0), xp = xx, pp = xx;
        for (int i = t->n * g; i < t->n * (g + 1); i++) {
            vf w = b->weights != NULL ? b->w[i] : vf_set1(1), wp = w * point[i];
            xx += w * b->x[i] * b->x[i];
            xp += wp * b->x[i];
            pp += wp * point[i];
        }
        fit[g] = (struct fit){xx, xp, pp, scale_along(t->along, xx, xp, pp)};
    }
}

/* Returns the best d for the codes chosen. */
static vf choose_codes(const struct qk_grid_search *t, const struct fit *fit, struct state *s)
{
    vf half = 0.5f * v_level_inverse(s->d), num = vf_set1(0);
    vf den = num, xx = num, along = num;
    s->gain = num;
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        vf code = v_code(fit[g].scale * half - 0.5f, 0, (float)t->top);
        vf times = 2.0f * code + 1.0f, scale = s->d * times;
        s->code[g] = code;
        s->gain += scale * (2.0f * fit[g].xp - scale * fit[g].pp);
        num += times * fit[g].xp;
        den += times * times * fit[g].pp;
        xx += fit[g].xx;
        along += fit[g].xx - scale * fit[g].xp;
    }
    s->gain -= t->along * v_finite_ratio(along * along, xx);
    return v_f16(scale_along(t->along, xx, num, den));
}

static void take_state(int n, struct state *s, const struct state *other)
{
    vm wins = vf_gt(other->gain, s->gain);
    s->d = vf_select(wins, other->d, s->d);
    s->gain = vf_select(wins, other->gain, s->gain);
    for (int g = 0; g < n; g++)
        s->code[g] = vf_select(wins, other->code[g], s->code[g]);
}

static void choose_common(const struct qk_grid_search *t, const struct fit *fit, vf d,
                          struct state *best)
{
    const int n = t->type.nelems / t->n;
    struct state s;
    vf largest = vf_set1(0);
    best->d = d;
    d = choose_codes(t, fit, best);
    for (int g = 0; g < n; g++)
        largest = vf_max(largest, fit[g].scale);
    for (int k = -1; k < QK_GRID_COMMON; k++) {
        s.d = k < 0 ? d : v_f16(largest / vf_set1(qk_grid_divisor(t, k)));
        for (int round = 0; round < QK_GRID_ROUNDS; round++) {
            d = choose_codes(t, fit, &s);
            take_state(n, best, &s);
            s.d = d;
        }
    }
}

/* ---- points anew ------------------------------------------------------------------------------ */

struct group {
    vf x[POINT_GROUP]; /* as split_signs leaves them */
    const vf *w;
};

/* Of a group: the scale that costs least of those around its code, as half of what points are times. */
static vf choose_half(const struct qk_grid_search *t, const struct halves *h, const struct group *g,
                      vf d, vf more, vf code)
{
    enum { N = QK_GRID_CODES };
    vf scale[N], half[N], cost[N], least[N];
    struct sums s;
    for (int k = 0; k < N; k++) {
        vf c = vf_clamp(code + (float)(k - N / 2), 0, (float)t->top);
        scale[k] = d * (2.0f * c + 1.0f);
        half[k] = scale[k] * (0.5f / more);
        cost[k] = vf_set1(0);
    }
    for (int i = 0; i < t->n; i += t->grid->dims) {
        sum_halves(t->grid, g->x + i, g->w != NULL ? g->w + i : NULL, &s);
        least_costs(h, t->grid->n_rows, &s, half, least);
        for (int k = 0; k < N; k++)
            cost[k] += least[k];
    }
    vf best = half[0], of = vf_set1(V_INF);
    for (int k = 0; k < N; k++) {
        vm wins = vf_lt(scale[k] * cost[k], of);
        of = vf_select(wins, scale[k] * cost[k], of);
        best = vf_select(wins, half[k], best);
    }
    return best;
}

/* A group's points at a scale, the first of them number `first` of their blocks. */
static void take_points(const struct qk_grid_search *t, const struct halves *h, const struct group *g,
                        vf half, struct fit *fit, struct qk_points points[VL], int first)
{
    const int dims = t->grid->dims;
    struct sums s;
    fit->xp = fit->pp = vf_set1(0);
    for (int i = 0; i < t->n; i += dims) {
        int32_t row[VL];
        vf pp, xp;
        sum_halves(t->grid, g->x + i, g->w != NULL ? g->w + i : NULL, &s);
        vi_store(row, row_of_least(h, t->grid->n_rows, &s, half));
        sums_of_rows(h, &s, row, &pp, &xp);
        fit->pp += pp;
        fit->xp += xp;
        for (int k = 0; k < VL; k++)
            points[k].row[first + i / dims] = (uint16_t)row[k];
    }
    fit->scale = scale_along(t->along, fit->xx, fit->xp, fit->pp);
}

static vf more_than(const struct qk_grid_search *t, const struct fit *fit, const struct state *s)
{
    vf xx = vf_set1(0), lost = xx;
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        xx += fit[g].xx;
        lost += fit[g].xx - s->d * (2.0f * s->code[g] + 1.0f) * fit[g].xp;
    }
    return vf_clamp(1.0f + t->along * v_finite_ratio(lost, xx), 0.5f, 2.0f);
}

static void take_signs(const struct qk_grid *t, const struct v_best *b, int i, vf *magnitude,
                       struct qk_points points[VL])
{
    int32_t signs[VL];
    vi_store(signs, split_signs(t, b->x + i, v_weights(b, i), magnitude));
    for (int k = 0; k < VL; k++)
        points[k].signs[i / 8] = (uint8_t)signs[k];
}

/* Returns the lanes in which that helps, as bits. */
static unsigned look_again(const struct qk_grid_search *t, const struct halves *h,
                           const struct v_best *b, const struct fit *fit, struct state *best,
                           struct qk_points points[VL])
{
    const int n_groups = t->type.nelems / t->n, n = t->n / t->grid->dims;
    const vf more = more_than(t, fit, best);
    struct fit anew[QK_BEST_GROUPS];
    struct state s;
    for (int j = 0; j < n_groups; j++) {
        struct group g = {.w = v_weights(b, t->n * j)};
        for (int i = 0; i < t->n; i += 8)
            take_signs(t->grid, b, t->n * j + i, g.x + i, points);
        vf half = choose_half(t, h, &g, best->d, more, best->code[j]);
        anew[j] = fit[j];
        take_points(t, h, &g, half, &anew[j], points, n * j);
    }
    choose_common(t, anew, best->d, &s);
    unsigned helps = vm_bits(vf_gt(s.gain, best->gain));
    take_state(n_groups, best, &s);
    return helps;
}

/* ---- blocks ------------------------------------------------------------------------------------ */

/* Writes what was found: scales, and points in the lanes of `anew`. */
static void write_blocks(const struct qk_grid_search *t, struct v_best *b, const struct state *best,
                         const struct qk_points points[VL], unsigned anew)
{
    const int n = t->type.nelems / t->n;
    float d[VL], code[QK_BEST_GROUPS][VL];
    vf_store(d, best->d);
    for (int g = 0; g < n; g++)
        vf_store(code[g], best->code[g]);
    for (int k = 0; k < b->at.n; k++) {
        uint8_t *other = b->other + k * t->type.nbytes;
        b->s[k].d = qt_f16_from_f32(d[k]);
        for (int g = 0; g < n; g++)
            b->s[k].scale[g] = (int16_t)code[g][k];
        memcpy(other, b->at.y[k], (size_t)t->type.nbytes);
        if (anew >> k & 1)
            t->grid->put(other, &points[k]);
        t->type.write(other, NULL, &b->s[k]);
    }
}

static void improve(const struct qk_grid_search *t, const struct qk_kernel *kernel,
                    struct v_walk *walk, const struct qk_args *args)
{
    struct v_best b;
    struct fit fit[QK_BEST_GROUPS];
    struct state best;
    struct halves halves;
    struct qk_points points[VL];
    b.weights = args != NULL ? args->weights : NULL;
    if (t->grid != NULL)
        number_halves(t->grid, &halves);
    while (v_next_best(walk, &t->type, &b)) {
        float d[VL];
        unsigned anew = 0;
        for (int k = 0; k < VL; k++)
            d[k] = qt_f32_from_f16(b.s[k].d);
        fit_groups(t, kernel, &b, fit);
        choose_common(t, fit, vf_load(d), &best);
        if (t->grid != NULL)
            anew = look_again(t, &halves, &b, fit, &best, points);
        write_blocks(t, &b, &best, points, anew);
        v_take_better(kernel, &t->type, &b);
    }
}

/* ---- entries ----------------------------------------------------------------------------------
 */

#define TYPES(X)                                                                                   \
    X(IQ2_XXS, iq2_xxs)                                                                            \
    X(IQ2_XS, iq2_xs)                                                                              \
    X(IQ2_S, iq2_s)                                                                                \
    X(IQ3_XXS, iq3_xxs)                                                                            \
    X(IQ3_S, iq3_s)                                                                                \
    X(IQ1_S, iq1_s)                                                                                \
    X(IQ1_M, iq1_m)

TYPES(V_IMPROVE)

void V_NAME(qk_vec_best_grid)(struct qk_table *table)
{
    TYPES(V_SET_IMPROVE)
}
