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

/* sum w x q and sum w q q at up to three inverse scales. Weights may be NULL: ones. */
V_FN void sums_of(const struct qk_scale_search *t, enum qk_levels kind, int n, bool ones,
                  const vf *x, const vf *w, const vf *inverse, struct fit *f)
{
    vf xq[TRIPLE], qq[TRIPLE];
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
        f[k].xq = xq[k];
        f[k].qq = qq[k];
    }
}

V_FN void sums_of_kind(const struct qk_scale_search *t, int n, bool ones, const vf *x, const vf *w,
                       const vf *inverse, struct fit *f)
{
    switch (t->levels) {
    case QK_IQ4:
        sums_of(t, QK_IQ4, n, ones, x, w, inverse, f);
        break;
    case QK_FP4:
        sums_of(t, QK_FP4, n, ones, x, w, inverse, f);
        break;
    case QK_SIGN:
        sums_of(t, QK_SIGN, n, ones, x, w, inverse, f);
        break;
    default:
        sums_of(t, QK_EVEN, n, ones, x, w, inverse, f);
    }
}

V_FN void sums_of_some(const struct qk_scale_search *t, int n, const vf *x, const vf *w,
                       const vf *inverse, struct fit *f)
{
    if (w == NULL)
        sums_of_kind(t, n, true, x, w, inverse, f);
    else
        sums_of_kind(t, n, false, x, w, inverse, f);
}

/* With the scales of least squares. */
static void fit_some(const struct qk_scale_search *t, int n, const vf *x, const vf *w,
                     const vf inverse[PAIR], struct fit f[PAIR])
{
    if (n == PAIR)
        sums_of_some(t, PAIR, x, w, inverse, f);
    else
        sums_of_some(t, 1, x, w, inverse, f);
    for (int k = 0; k < n; k++) {
        f[k].scale = f[k].xq / f[k].qq;
        f[k].gain = f[k].scale * f[k].xq;
    }
}

V_FN vf gain_of(const struct fit *f, vf scale)
{
    return scale * (2.0f * f->xq - scale * f->qq);
}

/* What three scales explain. */
static void gains_at(const struct qk_scale_search *t, const vf *x, const vf *w,
                     const vf scale[TRIPLE], vf gain[TRIPLE])
{
    vf inverse[TRIPLE];
    struct fit f[TRIPLE];
    for (int k = 0; k < TRIPLE; k++)
        inverse[k] = v_level_inverse(scale[k]);
    sums_of_some(t, TRIPLE, x, w, inverse, f);
    for (int k = 0; k < TRIPLE; k++)
        gain[k] = gain_of(&f[k], scale[k]);
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
        fit_some(t, side, x, w, inverse + i, f);
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
    inverse[0] = v_level_inverse(best->scale);
    try_inverses(t, x, w, inverse, 1, best);
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
    vf most = vf_set1(-V_INF);
    for (int k = 0; k < VL; k++)
        code[k] = b->s[k].scale[g];
    const vi standard = vi_load(code);
    vi chosen = vi_set1(0);
    for (int c = 0; c < t->n_steps; c += TRIPLE) {
        vf scale[TRIPLE], gain[TRIPLE];
        for (int j = 0; j < TRIPLE; j++)
            scale[j] = scale_of_code(t, code_near(t, standard, c + j));
        gains_at(t, x, w, scale, gain);
        for (int j = 0; j < TRIPLE; j++) {
            vm wins = vf_gt(gain[j], most);
            most = vf_select(wins, gain[j], most);
            chosen = vi_select(wins, code_near(t, standard, c + j), chosen);
        }
    }
    vi_store(code, chosen);
    for (int k = 0; k < VL; k++)
        b->s[k].scale[g] = (int16_t)code[k];
}

/* ---- a common scale ---------------------------------------------------------------------------
 */

static vf codes_at(const struct qk_scale_search *t, const struct fit *fit, vf d, vf *code)
{
    vf inverse = v_level_inverse(d), gain = vf_set1(0);
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        code[g] = v_code(inverse * fit[g].scale, (float)t->code_lo, (float)(-t->code_lo - 1));
        gain += gain_of(&fit[g], d * code[g]);
    }
    return gain;
}

static vf common_scale(const struct qk_scale_search *t, const struct fit *fit)
{
    vf d = vf_set1(0), most = d, largest = d, code[QK_BEST_GROUPS];
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        vm more = vf_gt(vf_abs(fit[g].scale), vf_abs(largest));
        largest = vf_select(more, fit[g].scale, largest);
    }
    for (int k = 0; k < 2 * QK_COMMON_STEPS; k++) {
        float steps = QK_COMMON_FIRST - QK_COMMON_STEP * (float)(k / 2);
        float top = (float)(k % 2 ? -t->code_lo : t->code_lo);
        vf trial = largest / vf_set1(top * steps), gain = codes_at(t, fit, trial, code);
        vm wins = vf_gt(gain, most);
        most = vf_select(wins, gain, most);
        d = vf_select(wins, trial, d);
    }
    return d;
}

static vf fit_common(const struct qk_scale_search *t, const struct fit *fit, const vf *code)
{
    vf num = vf_set1(0), den = num;
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        num += code[g] * fit[g].xq;
        den += code[g] * code[g] * fit[g].qq;
    }
    return v_f16(v_finite_ratio(num, den));
}

static vf turn_code(const struct qk_scale_search *t, const vf *x, const vf *w, vf d, vf code)
{
    const vf bottom = vf_set1((float)t->code_lo), top = vf_set1((float)(-t->code_lo - 1));
    const vf down = code - 1.0f, up = code + 1.0f;
    vf scale[TRIPLE] = {d * code, d * down, d * up}, gain[TRIPLE], chosen;
    gains_at(t, x, w, scale, gain);
    vm wins = vm_and(vf_gt(gain[1], gain[0]), vf_ge(down, bottom));
    vf most = vf_select(wins, gain[1], gain[0]);
    chosen = vf_select(wins, down, code);
    wins = vm_and(vf_gt(gain[2], most), vf_le(up, top));
    return vf_select(wins, up, chosen);
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
    vf code[QK_BEST_GROUPS], d = common_scale(t, fit);
    codes_at(t, fit, d, code);
    d = fit_common(t, fit, code);
    store_d(b, d);
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        float of[VL];
        vf_store(of, turn_code(t, b->x + t->n * g, v_weights(b, t->n * g), d, code[g]));
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
