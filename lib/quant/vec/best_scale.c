/* The search for scales alone: lib/quant/ref/best_scale.c with a block in each lane. */
#include "lib/quant/vec/best.h"
#include "lib/quant/vec/iq4.h"
#include "lib/quant/vec/ue4m3.h"

struct fit {
    vf scale, xq, qq, gain;
};

/* ---- levels ---------------------------------------------------------------------------------- */

/* Half the power of two below a magnitude is the step there, but 1 at least; `big` steps are added
 * and taken away. */
V_FN vf level_fp4(vf v)
{
    vf a = vf_min(vf_abs(v), vf_set1(12));
    vf power = (vf)((vu)a & 0x7f800000u);
    vf big = vf_max(power * (0.5f * 12582912.0f), vf_set1(12582912.0f));
    return vf_copysign((a + big) - big, v);
}

/* Places of 0 1 2 3 4 6 8 12: up to 4 the values themselves. */
V_FN vi place_fp4(vf q)
{
    vf a = vf_abs(q);
    vi at = vi_trunc(vf_min(a, vf_set1(4)));
    at = vi_inc(at, vf_gt(a, vf_set1(4)));
    at = vi_inc(at, vf_gt(a, vf_set1(6)));
    at = vi_inc(at, vf_gt(a, vf_set1(8)));
    return at + vi_select(vf_lt(q, vf_set1(0)), vi_set1(8), vi_set1(0));
}

V_FN vf level_at(const struct qk_scale_search *t, enum qk_levels kind, vf v)
{
    if (kind == QK_IQ4)
        return v_iq4_value(v_iq4_nearest(v));
    if (kind == QK_FP4)
        return level_fp4(v);
    if (kind == QK_SIGN)
        return vf_select(vf_ge(v, vf_set1(0)), vf_set1(1), vf_set1(-1));
    return vf_nearest_within(v, t->lo, t->hi);
}

/* ---- sums over a group ------------------------------------------------------------------------
 */

enum { PAIR = 2, TRIPLE = 3 };

/* sum w x q and sum w q q at one inverse scale or two. Weights may be NULL: ones. */
V_FN void sums_of(const struct qk_scale_search *t, enum qk_levels kind, int n, bool ones,
                  const vf *x, const vf *w, const vf inverse[PAIR], struct fit f[PAIR])
{
    vf xq[PAIR], qq[PAIR];
    V_UNROLL
    for (int k = 0; k < n; k++)
        xq[k] = qq[k] = vf_set1(0);
    for (int i = 0; i < t->n; i++) {
        V_UNROLL
        for (int k = 0; k < n; k++) {
            vf q = level_at(t, kind, inverse[k] * x[i]), wq = ones ? q : w[i] * q;
            xq[k] += wq * x[i];
            qq[k] += wq * q;
        }
    }
    V_UNROLL
    for (int k = 0; k < n; k++) {
        vf scale = xq[k] / qq[k];
        f[k] = (struct fit){scale, xq[k], qq[k], scale * xq[k]};
    }
}

V_FN void sums_of_some(const struct qk_scale_search *t, enum qk_levels kind, int n, const vf *x,
                       const vf *w, const vf inverse[PAIR], struct fit f[PAIR])
{
    if (n == PAIR && w == NULL)
        sums_of(t, kind, PAIR, true, x, w, inverse, f);
    else if (n == PAIR)
        sums_of(t, kind, PAIR, false, x, w, inverse, f);
    else if (w == NULL)
        sums_of(t, kind, 1, true, x, w, inverse, f);
    else
        sums_of(t, kind, 1, false, x, w, inverse, f);
}

static void sums_at(const struct qk_scale_search *t, int n, const vf *x, const vf *w,
                    const vf inverse[PAIR], struct fit f[PAIR])
{
    switch (t->levels) {
    case QK_IQ4:
        sums_of_some(t, QK_IQ4, n, x, w, inverse, f);
        break;
    case QK_FP4:
        sums_of_some(t, QK_FP4, n, x, w, inverse, f);
        break;
    case QK_SIGN:
        sums_of_some(t, QK_SIGN, n, x, w, inverse, f);
        break;
    default:
        sums_of_some(t, QK_EVEN, n, x, w, inverse, f);
    }
}

/* The same at three scales, with the errors as gains. */
V_FN void errors_of(const struct qk_scale_search *t, enum qk_levels kind, bool ones, const vf *x,
                    const vf *w, struct fit f[TRIPLE])
{
    vf inverse[TRIPLE], scale[TRIPLE], xq[TRIPLE], qq[TRIPLE], error[TRIPLE];
    V_UNROLL
    for (int k = 0; k < TRIPLE; k++) {
        scale[k] = f[k].scale;
        inverse[k] = v_level_inverse(scale[k]);
        xq[k] = qq[k] = error[k] = vf_set1(0);
    }
    for (int i = 0; i < t->n; i++) {
        V_UNROLL
        for (int k = 0; k < TRIPLE; k++) {
            vf q = level_at(t, kind, inverse[k] * x[i]), wq = ones ? q : w[i] * q;
            vf diff = x[i] - scale[k] * q;
            xq[k] += wq * x[i];
            qq[k] += wq * q;
            error[k] += ones ? diff * diff : w[i] * (diff * diff);
        }
    }
    V_UNROLL
    for (int k = 0; k < TRIPLE; k++)
        f[k] = (struct fit){scale[k], xq[k], qq[k], error[k]};
}

V_FN void errors_of_some(const struct qk_scale_search *t, enum qk_levels kind, const vf *x,
                         const vf *w, struct fit f[TRIPLE])
{
    if (w == NULL)
        errors_of(t, kind, true, x, w, f);
    else
        errors_of(t, kind, false, x, w, f);
}

static void errors_at(const struct qk_scale_search *t, const vf *x, const vf *w,
                      struct fit f[TRIPLE])
{
    switch (t->levels) {
    case QK_IQ4:
        errors_of_some(t, QK_IQ4, x, w, f);
        break;
    case QK_FP4:
        errors_of_some(t, QK_FP4, x, w, f);
        break;
    default:
        errors_of_some(t, QK_EVEN, x, w, f);
    }
}

V_FN void take(struct fit *best, vm wins, const struct fit *f)
{
    best->scale = vf_select(wins, f->scale, best->scale);
    best->xq = vf_select(wins, f->xq, best->xq);
    best->qq = vf_select(wins, f->qq, best->qq);
    best->gain = vf_select(wins, f->gain, best->gain);
}

/* ---- a group alone ----------------------------------------------------------------------------
 */

/* inverse[]: n candidates in order. */
static void try_inverses(const struct qk_scale_search *t, const vf *x, const vf *w,
                         const vf *inverse, int n, struct fit *best)
{
    for (int i = 0; i < n; i += PAIR) {
        struct fit f[PAIR];
        const int side = n - i < PAIR ? 1 : PAIR;
        sums_at(t, side, x, w, inverse + i, f);
        for (int k = 0; k < side; k++) {
            vm wins = vm_and(vf_gt(f[k].qq, vf_set1(0)), vf_gt(f[k].gain, best->gain));
            take(best, wins, &f[k]);
        }
    }
}

static vf largest_of(const struct qk_scale_search *t, const vf *x)
{
    vf magnitude = vf_set1(0), largest = magnitude;
    for (int i = 0; i < t->n; i++) {
        vm more = vf_gt(vf_abs(x[i]), magnitude);
        magnitude = vf_select(more, vf_abs(x[i]), magnitude);
        largest = vf_select(more, x[i], largest);
    }
    return t->both ? largest : magnitude;
}

enum { TRIES_MAX = 40 };

static void fit_group(const struct qk_scale_search *t, const vf *x, const vf *w, vf standard,
                      struct fit *best)
{
    const vf zero = vf_set1(0);
    vf inverse[TRIES_MAX], largest = largest_of(t, x);
    int n = 0;
    vm some = vf_ge(vf_abs(largest), vf_set1(QK_GROUP_EPS));
    *best = (struct fit){zero, zero, zero, zero};
    if (!vm_any(some))
        return;
    inverse[n++] = v_level_inverse(standard);
    for (int k = 0; k < t->n_steps; k++) {
        vf aim = vf_set1(t->aim * (t->from + t->step * (float)k));
        inverse[n] = v_finite_ratio(aim, largest);
        if (t->both)
            inverse[n + 1] = -inverse[n];
        n += t->both ? 2 : 1;
    }
    try_inverses(t, x, w, inverse, n, best);
    for (int k = 0; k < QK_FIT_ROUNDS; k++) {
        inverse[0] = v_level_inverse(best->scale);
        try_inverses(t, x, w, inverse, 1, best);
    }
    best->scale = vf_select(some, best->scale, zero);
    best->xq = vf_select(some, best->xq, zero);
    best->qq = vf_select(some, best->qq, zero);
}

/* ---- scales of few bits -----------------------------------------------------------------------
 */

/* qk_code_near, qk_scale_of_code. */
V_FN vi code_near(const struct qk_scale_search *t, vi standard, int k)
{
    return vi_clamp(standard + (t->code_lo + k), 0, t->form == QK_SCALE_E8M0 ? 254 : 0x7e);
}

V_FN vf scale_of_code(const struct qk_scale_search *t, vi code)
{
    if (t->form != QK_SCALE_E8M0)
        return v_ue4m3_half(code);
    vi tiny = vi_select(vi_eq(code, vi_set1(0)), vi_set1(0x00200000), vi_set1(0x00400000));
    return (vf)vi_select(vi_lt(code, vi_set1(2)), tiny, (vi)((vu)(code - 1) << 23));
}

static void choose_code(const struct qk_scale_search *t, struct v_best *b, int g)
{
    const vf *x = b->x + t->n * g, *w = v_weights(b, t->n * g);
    int32_t code[VL];
    vf best = vf_set1(V_INF);
    for (int k = 0; k < VL; k++)
        code[k] = b->s[k].scale[g];
    const vi standard = vi_load(code);
    vi chosen = vi_set1(0);
    for (int c = 0; c < t->n_steps; c += TRIPLE) {
        struct fit f[TRIPLE];
        for (int j = 0; j < TRIPLE; j++)
            f[j].scale = scale_of_code(t, code_near(t, standard, c + j));
        errors_at(t, x, w, f);
        for (int j = 0; j < TRIPLE; j++) {
            vm wins = vf_lt(f[j].gain, best);
            best = vf_select(wins, f[j].gain, best);
            chosen = vi_select(wins, code_near(t, standard, c + j), chosen);
        }
    }
    vi_store(code, chosen);
    for (int k = 0; k < VL; k++)
        b->s[k].scale[g] = (int16_t)code[k];
}

/* ---- a common scale ---------------------------------------------------------------------------
 */

struct state {
    vf d, error;
    vf code[QK_BEST_GROUPS];
    vf num, den;
};

static void turn_codes(const struct qk_scale_search *t, const struct v_best *b, struct state *s)
{
    const vf top = vf_set1((float)(-t->code_lo - 1)), bottom = vf_set1((float)t->code_lo);
    s->error = s->num = s->den = vf_set1(0);
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        const vf was = s->code[g], down = was - 1.0f, up = was + 1.0f;
        struct fit f[TRIPLE] = {{.scale = s->d * was}, {.scale = s->d * down}, {.scale = s->d * up}};
        errors_at(t, b->x + t->n * g, v_weights(b, t->n * g), f);
        vm wins = vm_and(vf_lt(f[1].gain, f[0].gain), vf_ge(down, bottom));
        take(&f[0], wins, &f[1]);
        vf code = vf_select(wins, down, was);
        wins = vm_and(vf_lt(f[2].gain, f[0].gain), vf_le(up, top));
        take(&f[0], wins, &f[2]);
        code = vf_select(wins, up, code);
        s->code[g] = code;
        s->error += f[0].gain;
        s->num += code * f[0].xq;
        s->den += code * code * f[0].qq;
    }
}

static void take_state(int n_groups, struct state *s, vm wins, const struct state *other)
{
    s->d = vf_select(wins, other->d, s->d);
    s->error = vf_select(wins, other->error, s->error);
    s->num = vf_select(wins, other->num, s->num);
    s->den = vf_select(wins, other->den, s->den);
    for (int g = 0; g < n_groups; g++)
        s->code[g] = vf_select(wins, other->code[g], s->code[g]);
}

static void descend(const struct qk_scale_search *t, const struct v_best *b, struct state *s)
{
    vm active = vm_not(vm_from_bits(0));
    turn_codes(t, b, s);
    struct state turn = *s;
    for (int k = 0; k < QK_DESCENT_ROUNDS; k++) {
        turn.d = v_f16(v_finite_ratio(turn.num, turn.den));
        turn_codes(t, b, &turn);
        active = vm_and(active, vf_lt(turn.error, s->error));
        if (!vm_any(active))
            return;
        take_state(t->type.nelems / t->n, s, active, &turn);
    }
}

static void codes_at(const struct qk_scale_search *t, const struct fit *fit, vf d, struct state *s)
{
    vf inverse = v_level_inverse(d);
    s->d = d;
    for (int g = 0; g < t->type.nelems / t->n; g++)
        s->code[g] = v_code(inverse * fit[g].scale, (float)t->code_lo, (float)(-t->code_lo - 1));
}

static vf cost_at(const struct qk_scale_search *t, const struct fit *fit, vf d)
{
    vf cost = vf_set1(0);
    struct state s;
    codes_at(t, fit, d, &s);
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        vf scale = d * s.code[g];
        cost += scale * (scale * fit[g].qq - 2.0f * fit[g].xq);
    }
    return cost;
}

static vf common_scale(const struct qk_scale_search *t, const struct fit *fit)
{
    vf d = vf_set1(0), cost = d, largest = d;
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        vm more = vf_gt(vf_abs(fit[g].scale), vf_abs(largest));
        largest = vf_select(more, fit[g].scale, largest);
    }
    for (int k = 0; k < 2 * QK_COMMON_STEPS; k++) {
        float steps = QK_COMMON_FIRST - QK_COMMON_STEP * (float)(k / 2);
        float top = (float)(k % 2 ? -t->code_lo : t->code_lo);
        vf trial = v_f16(largest / vf_set1(top * steps)), c = cost_at(t, fit, trial);
        vm wins = vf_lt(c, cost);
        cost = vf_select(wins, c, cost);
        d = vf_select(wins, trial, d);
    }
    return d;
}

/* Scales into lanes, and out of them. */
static void load_state(const struct qk_scale_search *t, const struct v_best *b, struct state *s)
{
    float of[VL];
    for (int k = 0; k < VL; k++)
        of[k] = qt_f32_from_f16(b->s[k].d);
    s->d = vf_load(of);
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        for (int k = 0; k < VL; k++)
            of[k] = (float)b->s[k].scale[g];
        s->code[g] = vf_load(of);
    }
}

static void store_d(struct v_best *b, vf d)
{
    uint16_t bits[VL];
    vf_to_f16(bits, d);
    for (int k = 0; k < VL; k++)
        b->s[k].d = bits[k];
}

static void choose_common(const struct qk_scale_search *t, struct v_best *b, const struct fit *fit)
{
    const int n_groups = t->type.nelems / t->n;
    struct state best, other;
    load_state(t, b, &best);
    descend(t, b, &best);
    codes_at(t, fit, common_scale(t, fit), &other);
    descend(t, b, &other);
    take_state(n_groups, &best, vf_lt(other.error, best.error), &other);
    store_d(b, best.d);
    for (int g = 0; g < n_groups; g++) {
        float of[VL];
        vf_store(of, best.code[g]);
        for (int k = 0; k < VL; k++)
            b->s[k].scale[g] = (int16_t)of[k];
    }
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

static vf standard_scale(const struct qk_scale_search *t, const struct v_best *b, int g)
{
    float of[VL];
    for (int k = 0; k < VL; k++)
        of[k] = qk_group_scale(t, &b->s[k], g);
    return vf_load(of);
}

/* Sixteen stored levels: elements are lanes. */
V_FN vb stored_levels(const struct qk_scale_search *t, const float *x, vf inverse)
{
    vi level[V_PER16];
    V_UNROLL
    for (int k = 0; k < V_PER16; k++) {
        vf v = inverse * vf_load(x + k * VL);
        if (t->levels == QK_IQ4)
            level[k] = v_iq4_nearest(v);
        else if (t->levels == QK_FP4)
            level[k] = place_fp4(level_fp4(v));
        else if (t->levels == QK_SIGN)
            level[k] = vi_inc(vi_set1(0), vf_ge(v, vf_set1(0)));
        else
            level[k] = vi_trunc(vf_nearest_within(v, t->lo, t->hi) - t->lo);
    }
    return vb_from_vi(level);
}

static void write_block(const struct qk_scale_search *t, const float *x, const struct qk_scales *s,
                        uint8_t *block)
{
    uint8_t level[QK_BEST_NELEMS];
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        vf inverse = v_level_inverse(vf_set1(qk_group_scale(t, s, g)));
        for (int i = t->n * g; i < t->n * (g + 1); i += 16)
            vb_store(level + i, stored_levels(t, x + i, inverse));
    }
    t->type.write(block, level, s);
}

static void improve(const struct qk_scale_search *t, const struct qk_kernel *kernel,
                    struct v_walk *walk, const struct qk_args *args)
{
    struct v_best b;
    struct fit fit[QK_BEST_GROUPS];
    b.weights = args != NULL ? args->weights : NULL;
    while (v_next_best(walk, &t->type, &b)) {
        for (int g = 0; g < t->type.nelems / t->n; g++) {
            if (t->form == QK_SCALE_E8M0 || t->form == QK_SCALE_UE4M3)
                choose_code(t, &b, g);
            else
                fit_group(t, b.x + t->n * g, v_weights(&b, t->n * g),
                          standard_scale(t, &b, g), &fit[g]);
        }
        if (t->form == QK_SCALE_F16)
            store_d(&b, fit[0].scale);
        if (t->form == QK_SCALE_CODES)
            choose_common(t, &b, fit);
        for (int k = 0; k < b.at.n; k++) {
            write_block(t, b.at.x[k], &b.s[k], b.other + k * t->type.nbytes);
        }
        v_take_better(kernel, &t->type, &b);
    }
}

/* ---- entries ----------------------------------------------------------------------------------
 */

#define TYPES(X)                                                                                   \
    X(Q4_0, q4_0)                                                                                  \
    X(Q5_0, q5_0)                                                                                  \
    X(Q8_0, q8_0)                                                                                  \
    X(IQ4_NL, iq4_nl)                                                                              \
    X(IQ4_XS, iq4_xs)                                                                              \
    X(Q3_K, q3_K)                                                                                  \
    X(Q6_K, q6_K)                                                                                  \
    X(MXFP4, mxfp4)                                                                                \
    X(NVFP4, nvfp4)                                                                                \
    X(Q1_0, q1_0)                                                                                  \
    X(Q2_0, q2_0)                                                                                  \
    X(TQ1_0, tq1_0)                                                                                \
    X(TQ2_0, tq2_0)

TYPES(V_IMPROVE)

void V_NAME(qk_vec_best_scale)(struct qk_table *table)
{
    TYPES(V_SET_IMPROVE)
}
