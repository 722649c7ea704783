/* The search for scales of the codebook types: lib/quant/ref/best_grid.c with a block in each lane. */
#include "lib/quant/vec/best.h"

struct fit {
    vf xx, xp, pp, scale;
};

struct state {
    vf d, gain;
    vf code[QK_BEST_GROUPS];
};

V_FN vf scale_along(vf xx, vf xp, vf pp)
{
    vf den = pp + QK_ALONG * v_finite_ratio(xp * xp, xx);
    return v_finite_ratio(xp * (1.0f + QK_ALONG), den);
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
        fit[g] = (struct fit){xx, xp, pp, scale_along(xx, xp, pp)};
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
    s->gain -= QK_ALONG * v_finite_ratio(along * along, xx);
    return v_f16(scale_along(xx, num, den));
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

static void improve(const struct qk_grid_search *t, const struct qk_kernel *kernel,
                    struct v_walk *walk, const struct qk_args *args)
{
    const int n = t->type.nelems / t->n;
    struct v_best b;
    struct fit fit[QK_BEST_GROUPS];
    struct state best;
    b.weights = args != NULL ? args->weights : NULL;
    while (v_next_best(walk, &t->type, &b)) {
        float d[VL], code[QK_BEST_GROUPS][VL];
        for (int k = 0; k < VL; k++)
            d[k] = qt_f32_from_f16(b.s[k].d);
        fit_groups(t, kernel, &b, fit);
        choose_common(t, fit, vf_load(d), &best);
        vf_store(d, best.d);
        for (int g = 0; g < n; g++)
            vf_store(code[g], best.code[g]);
        for (int k = 0; k < b.at.n; k++) {
            uint8_t *other = b.other + k * t->type.nbytes;
            b.s[k].d = qt_f16_from_f32(d[k]);
            for (int g = 0; g < n; g++)
                b.s[k].scale[g] = (int16_t)code[g][k];
            memcpy(other, b.at.y[k], (size_t)t->type.nbytes);
            t->type.write(other, NULL, &b.s[k]);
        }
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
