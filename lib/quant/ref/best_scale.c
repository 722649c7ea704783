/* Search for the scales of types that have a scale alone (facts and candidates: best.h).
 *
 * A group is fitted first: of many inverse scales, each with the nearest levels and the scale of
 * least squares through them, the one that explains most, and that of levels nearest to its scale. Then
 * what can be stored is chosen: for a super-block the common scale, by what the fits say of any
 * scale near theirs, the one of least squares with the codes this gives, and each group's code once more.
 */
#include "lib/quant/half.h"
#include "lib/quant/ref/best.h"
#include "lib/quant/ref/best_levels.h"
#include "lib/quant/ref/encode.h"

/* Sums w x q and w q q of a group's levels q at a scale; gain is by how much sum w x^2 falls. */
struct fit {
    float scale, xq, qq, gain;
};

static struct fit sums_at(const struct qk_scale_search *t, const float *x, const float *w, float inverse)
{
    struct fit f = {0.0f, 0.0f, 0.0f, 0.0f};

    for (int i = 0; i < t->n; i++) {
        float q = qk_level(t, inverse * x[i]), wq = w[i] * q;
        f.xq += wq * x[i];
        f.qq += wq * q;
    }
    return f;
}

/* With the scale of least squares. */
static void try_inverse(const struct qk_scale_search *t, const float *x, const float *w, float inverse,
                        struct fit *best)
{
    struct fit f = sums_at(t, x, w, inverse);

    f.scale = f.xq / f.qq;
    f.gain = f.scale * f.xq;
    if (f.qq > 0.0f && f.gain > best->gain)
        *best = f;
}

static float gain_of(const struct fit *f, float scale)
{
    return scale * (2.0f * f->xq - scale * f->qq);
}

static float gain_at(const struct qk_scale_search *t, const float *x, const float *w, float scale)
{
    struct fit f = sums_at(t, x, w, qk_level_inverse(scale));

    return gain_of(&f, scale);
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
    try_inverse(t, x, w, qk_level_inverse(best.scale), &best);
    return best;
}

/* ---- scales of few bits ------------------------------------------------------------------------- */

/* The best of the codes around the standard's. */
static void choose_code(const struct qk_scale_search *t, const float *x, const float *w, int16_t *code)
{
    float most = -INFINITY;
    int chosen = 0;

    for (int k = 0; k < t->n_steps; k++) {
        int c = qk_code_near(t, *code, k);
        float gain = gain_at(t, x, w, qk_scale_of_code(t->form, c));
        if (gain > most) {
            most = gain;
            chosen = c;
        }
    }
    *code = (int16_t)chosen;
}

/* ---- a common scale ----------------------------------------------------------------------------- */

/* The codes nearest to the fits, and what they explain if levels stay those of the fits. */
static float codes_at(const struct qk_scale_search *t, const struct fit *fit, float d, float *code)
{
    const float bottom = (float)t->code_lo, top = (float)(-t->code_lo - 1);
    float inverse = qk_level_inverse(d), gain = 0.0f;

    for (int g = 0; g < t->type.nelems / t->n; g++) {
        code[g] = qk_nearest(qk_clamp(inverse * fit[g].scale, bottom, top));
        gain += gain_of(&fit[g], d * code[g]);
    }
    return gain;
}

/* The common scale whose codes explain most; 0 when none explains anything. */
static float common_scale(const struct qk_scale_search *t, const struct fit *fit)
{
    float d = 0.0f, most = 0.0f, largest = 0.0f, code[QK_BEST_GROUPS];

    for (int g = 0; g < t->type.nelems / t->n; g++)
        if (fabsf(fit[g].scale) > fabsf(largest))
            largest = fit[g].scale;
    for (int k = 0; k < 2 * QK_COMMON_STEPS; k++) {
        float steps = QK_COMMON_FIRST - QK_COMMON_STEP * (float)(k / 2);
        float top = (float)(k % 2 ? -t->code_lo : t->code_lo);
        float trial = largest / (top * steps), gain = codes_at(t, fit, trial, code);
        if (gain > most) {
            most = gain;
            d = trial;
        }
    }
    return d;
}

/* The scale of least squares for codes and the levels of the fits. */
static float fit_common(const struct qk_scale_search *t, const struct fit *fit, const float *code)
{
    float num = 0.0f, den = 0.0f;

    for (int g = 0; g < t->type.nelems / t->n; g++) {
        num += code[g] * fit[g].xq;
        den += code[g] * code[g] * fit[g].qq;
    }
    return qk_through_f16(qk_finite_ratio(num, den));
}

/* The best of a group's code and the two beside it. */
static float turn_code(const struct qk_scale_search *t, const float *x, const float *w, float d,
                       float code)
{
    float most = gain_at(t, x, w, d * code), chosen = code;

    for (float c = code - 1.0f; c <= code + 1.0f; c += 2.0f) {
        float gain = gain_at(t, x, w, d * c);
        if (gain > most && c >= (float)t->code_lo && c <= (float)(-t->code_lo - 1)) {
            most = gain;
            chosen = c;
        }
    }
    return chosen;
}

static void choose_common(const struct qk_scale_search *t, const float *x, const float *w,
                          const struct fit *fit, struct qk_scales *scales)
{
    float code[QK_BEST_GROUPS], d = common_scale(t, fit);

    codes_at(t, fit, d, code);
    d = fit_common(t, fit, code);
    for (int g = 0; g < t->type.nelems / t->n; g++)
        scales->scale[g] = (int16_t)turn_code(t, x + t->n * g, w + t->n * g, d, code[g]);
    scales->d = qt_f16_from_f32(d);
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
