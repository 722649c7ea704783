/* Search for the scales of types that have a scale alone (facts and candidates: best.h).
 *
 * A group is fitted first: of many inverse scales, each with the nearest levels and the scale of
 * least squares through them, the one that explains most; from there levels and scale take turns
 * until neither moves. Then what can be stored is chosen: for a
 * super-block first the common scale, by what the fits say of any scale near theirs, and then codes,
 * levels and common scale in turns.
 */
#include "lib/quant/half.h"
#include "lib/quant/ref/best.h"
#include "lib/quant/ref/best_levels.h"
#include "lib/quant/ref/encode.h"

/* Levels q of a group with sum w x q, sum w q q and the scale of least squares; gain is by how much
 * the sum of squares falls. */
struct fit {
    float scale, xq, qq, gain;
};

static bool try_inverse(const struct qk_scale_search *t, const float *x, const float *w,
                        float inverse, struct fit *best)
{
    float xq = 0.0f, qq = 0.0f;

    for (int i = 0; i < t->n; i++) {
        float q = qk_level(t, inverse * x[i]), wq = w[i] * q;
        xq += wq * x[i];
        qq += wq * q;
    }
    float scale = xq / qq, gain = scale * xq;
    if (!(qq > 0.0f && gain > best->gain))
        return false;
    *best = (struct fit){scale, xq, qq, gain};
    return true;
}

/* The value of largest magnitude, or for symmetric levels that magnitude. */
static float largest_of(int n, const float *x, bool with_sign)
{
    float magnitude = 0.0f, largest = 0.0f;

    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > magnitude) {
            magnitude = fabsf(x[i]);
            largest = x[i];
        }
    return with_sign ? largest : magnitude;
}

static struct fit fit_group(const struct qk_scale_search *t, const float *x, const float *w,
                            float standard)
{
    struct fit best = {0.0f, 0.0f, 0.0f, 0.0f};
    float largest = largest_of(t->n, x, t->both);

    if (!(fabsf(largest) >= QK_GROUP_EPS))
        return best;
    try_inverse(t, x, w, qk_level_inverse(standard), &best);
    for (int k = 0; k < t->n_steps; k++) {
        float inverse = qk_finite_ratio(t->aim * (t->from + t->step * (float)k), largest);
        try_inverse(t, x, w, inverse, &best);
        if (t->both)
            try_inverse(t, x, w, -inverse, &best);
    }
    for (int k = 0; k < QK_FIT_ROUNDS; k++)
        try_inverse(t, x, w, qk_level_inverse(best.scale), &best);
    return best;
}

/* sum w (x - scale level)^2, with the sums of its levels. */
static float error_at(const struct qk_scale_search *t, const float *x, const float *w, float scale,
                      struct fit *f)
{
    float inverse = qk_level_inverse(scale), error = 0.0f;

    *f = (struct fit){scale, 0.0f, 0.0f, 0.0f};
    for (int i = 0; i < t->n; i++) {
        float q = qk_level(t, inverse * x[i]), wq = w[i] * q, diff = x[i] - scale * q;
        f->xq += wq * x[i];
        f->qq += wq * q;
        error += w[i] * (diff * diff);
    }
    return error;
}

/* ---- scales of few bits ------------------------------------------------------------------------- */

/* The best of the codes around the standard's. */
static void choose_code(const struct qk_scale_search *t, const float *x, const float *w, int16_t *code)
{
    struct fit f;
    float best = INFINITY;
    int chosen = 0;

    for (int k = 0; k < t->n_steps; k++) {
        int c = qk_code_near(t, *code, k);
        float error = error_at(t, x, w, qk_scale_of_code(t->form, c), &f);
        if (error < best) {
            best = error;
            chosen = c;
        }
    }
    *code = (int16_t)chosen;
}

/* ---- a common scale ----------------------------------------------------------------------------- */

struct state {
    float d, error;
    int code[QK_BEST_GROUPS];
    float num, den; /* of the common scale of least squares */
};

static int nearest_code(const struct qk_scale_search *t, float v)
{
    float top = (float)(-t->code_lo - 1);
    return (int)qk_nearest(qk_clamp(v, (float)t->code_lo, top));
}

/* Each group takes the best of its code and the two beside it. */
static void turn_codes(const struct qk_scale_search *t, const float *x, const float *w,
                       struct state *s)
{
    s->error = s->num = s->den = 0.0f;
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        const float *gx = x + t->n * g, *gw = w + t->n * g;
        int code = s->code[g];
        struct fit best, f;
        float least = error_at(t, gx, gw, s->d * (float)code, &best);
        for (int c = s->code[g] - 1; c <= s->code[g] + 1; c += 2) {
            if (c < t->code_lo || c > -t->code_lo - 1)
                continue;
            float error = error_at(t, gx, gw, s->d * (float)c, &f);
            if (error < least) {
                least = error;
                code = c;
                best = f;
            }
        }
        s->code[g] = code;
        s->error += least;
        s->num += (float)code * best.xq;
        s->den += (float)code * (float)code * best.qq;
    }
}

static void descend(const struct qk_scale_search *t, const float *x, const float *w,
                    struct state *s)
{
    struct state turn;

    turn_codes(t, x, w, s);
    turn = *s;
    for (int k = 0; k < QK_DESCENT_ROUNDS; k++) {
        turn.d = qk_through_f16(qk_finite_ratio(turn.num, turn.den));
        turn_codes(t, x, w, &turn);
        if (!(turn.error < s->error))
            return;
        *s = turn;
    }
}

static void codes_at(const struct qk_scale_search *t, const struct fit *fit, float d,
                     struct state *s)
{
    float inverse = qk_level_inverse(d);

    s->d = d;
    for (int g = 0; g < t->type.nelems / t->n; g++)
        s->code[g] = nearest_code(t, inverse * fit[g].scale);
}

/* What a common scale costs, but for a constant, if levels stay those of the fits. */
static float cost_at(const struct qk_scale_search *t, const struct fit *fit, float d)
{
    float cost = 0.0f;
    struct state s;

    codes_at(t, fit, d, &s);
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        float scale = d * (float)s.code[g];
        cost += scale * (scale * fit[g].qq - 2.0f * fit[g].xq);
    }
    return cost;
}

/* The cheapest common scale; 0 when none explains anything. */
static float common_scale(const struct qk_scale_search *t, const struct fit *fit)
{
    float d = 0.0f, cost = 0.0f, largest = 0.0f;

    for (int g = 0; g < t->type.nelems / t->n; g++)
        if (fabsf(fit[g].scale) > fabsf(largest))
            largest = fit[g].scale;
    for (int k = 0; k < 2 * QK_COMMON_STEPS; k++) {
        float steps = QK_COMMON_FIRST - QK_COMMON_STEP * (float)(k / 2);
        float top = (float)(k % 2 ? -t->code_lo : t->code_lo);
        float trial = qk_through_f16(largest / (top * steps)), c = cost_at(t, fit, trial);
        if (c < cost) {
            cost = c;
            d = trial;
        }
    }
    return d;
}

static void choose_common(const struct qk_scale_search *t, const float *x, const float *w,
                          const struct fit *fit, struct qk_scales *scales)
{
    struct state best, other;

    best.d = qt_f32_from_f16(scales->d);
    for (int g = 0; g < t->type.nelems / t->n; g++)
        best.code[g] = scales->scale[g];
    descend(t, x, w, &best);
    codes_at(t, fit, common_scale(t, fit), &other);
    descend(t, x, w, &other);
    if (other.error < best.error)
        best = other;
    scales->d = qt_f16_from_f32(best.d);
    for (int g = 0; g < t->type.nelems / t->n; g++)
        scales->scale[g] = (int16_t)best.code[g];
}

/* ---- blocks ------------------------------------------------------------------------------------- */

static void write_block(const struct qk_scale_search *t, void *block, const float *x,
                        const struct qk_scales *s)
{
    uint8_t level[QK_BEST_NELEMS];

    for (int i = 0; i < t->type.nelems; i++)
        level[i] = qk_stored_level(t, qk_level_inverse(qk_group_scale(t, s, i / t->n)) * x[i]);
    t->type.write(block, level, s);
}

static void improve_block(const struct qk_scale_search *t, const struct qk_kernel *kernel,
                          void *block, const float *x, const float *w)
{
    uint8_t other[QK_BEST_NBYTES];
    struct fit fit[QK_BEST_GROUPS];
    struct qk_scales s;

    t->type.read(block, &s);
    for (int g = 0; g < t->type.nelems / t->n; g++) {
        const float *gx = x + t->n * g, *gw = w + t->n * g;
        if (t->form == QK_SCALE_E8M0 || t->form == QK_SCALE_UE4M3)
            choose_code(t, gx, gw, &s.scale[g]);
        else
            fit[g] = fit_group(t, gx, gw, qk_group_scale(t, &s, g));
    }
    if (t->form == QK_SCALE_F16)
        s.d = qt_f16_from_f32(fit[0].scale);
    if (t->form == QK_SCALE_CODES)
        choose_common(t, x, w, fit, &s);
    write_block(t, other, x, &s);
    qk_take_better(kernel, &t->type, block, other, x, w);
}

QK_IMPROVE(q4_0)
QK_IMPROVE(q5_0)
QK_IMPROVE(q8_0)
QK_IMPROVE(iq4_nl)
QK_IMPROVE(iq4_xs)
QK_IMPROVE(q3_K)
QK_IMPROVE(q6_K)
QK_IMPROVE(mxfp4)
QK_IMPROVE(nvfp4)
QK_IMPROVE(q1_0)
QK_IMPROVE(q2_0)
QK_IMPROVE(tq1_0)
QK_IMPROVE(tq2_0)
