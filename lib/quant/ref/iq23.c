/* Encoders of IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS and IQ3_S (layouts: blocks.h).
 *
 * A super-block's groups of 16 or 32 magnitudes x are fitted one by one as x ~ scale * q, where q =
 * 2 * level + 1 are odd numbers and the levels of 8 (or 4) neighbours form a row of the grid. For each
 * candidate of the inverse scale the levels are rounded, points off the grid are replaced by the row
 * around them that lies nearest by weight, and the scale is set by least squares; the candidate that
 * minimises sum w (x - scale q)^2 stays and is refined once more at its own scale. The scales become 4
 * bits times a common F16.
 * Results of quantize_row_iq2_{xxs,xs,s}_impl and quantize_row_iq3_{xxs,s}_impl.
 */
#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/points.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/rows.h"
#include "lib/quant/ref/search.h"

#include <assert.h>
#include <string.h>

enum refit {
    REFIT_ALL,         /* every point is looked up again */
    REFIT_OFF_GRID,    /* those that were off the grid */
    REFIT_ALL_IF_ANY   /* all of them when one was off the grid */
};

enum stand_in { /* for absent weights */
    NONE,
    SQUARE,         /* x^2 */
    SQUARE_AND_MEAN /* x^2 + mean square / 2 */
};

struct iq_type {
    int group;      /* values under one scale */
    int dims, bits; /* of the grid's points */
    int top;        /* levels */
    int n_tries;    /* candidates on each side: inverse scales (2 top - 1 + step k) / largest */
    float step;
    float eps;      /* a group whose largest magnitude is below is zeros */
    float variance; /* times the mean square of the super-block: in the weights */
    float fudge;    /* on the common scale, found by trial upstream */
    enum refit refit;
    enum stand_in stand_in;
    bool even_signs;     /* seven sign bits for eight: the eighth makes the minus signs even */
    bool fitted_largest; /* candidates start from a fitted scale, not from the largest value */
};

static const struct iq_type iq2_xxs = {32, 8, 2, 3, 6, 0.1f, 1e-15f, 1.0f, 1.0f,
                                       REFIT_ALL, NONE, true, true};
static const struct iq_type iq2_xs = {16, 8, 2, 3, 9, 0.1f, 1e-15f, 1.0f, 1.0f,
                                      REFIT_OFF_GRID, NONE, true, false};
static const struct iq_type iq2_s = {16, 8, 2, 3, 9, 0.1f, 1e-8f, 2.0f, 0.9875f,
                                     REFIT_OFF_GRID, SQUARE_AND_MEAN, false, false};
static const struct iq_type iq3_xxs = {32, 4, 3, 8, 15, 0.2f, 1e-8f, 2.0f, 1.0125f,
                                       REFIT_OFF_GRID, SQUARE, true, false};
static const struct iq_type iq3_s = {32, 4, 3, 8, 9, 0.2f, FLT_TRUE_MIN, 2.0f, 1.033f,
                                     REFIT_ALL_IF_ANY, SQUARE, false, false};

enum { MAX_GROUP = 32, MAX_POINTS = 8 };

/* One group while it is fitted. */
struct group {
    const struct iq_type *t;
    const struct qk_codebook *cb;
    float w[MAX_GROUP], root_w[MAX_GROUP];
    float x[MAX_GROUP];         /* magnitudes; one of eight is negative when signs must be even */
    float wx[MAX_GROUP];
    uint8_t signs[MAX_GROUP / 8];
    int row[MAX_POINTS];
    bool off_grid[MAX_POINTS];
    bool zeros; /* nothing in it */
};

/* A super-block: what the packers take. */
struct fitted {
    float scale[16];
    float largest;
    bool zeros[16];
    uint16_t row[64];
    uint8_t signs[32];
    uint16_t d;
    uint8_t code[16];
};

/* ---- a group's values --------------------------------------------------------------------------- */

static void set_weights(struct group *g, const float *x, const float *importance, float sigma2)
{
    const int n = g->t->group;

    if (importance)
        qk_importance(n, x, importance, sigma2, g->w);
    else if (g->t->stand_in == SQUARE)
        for (int i = 0; i < n; i++)
            g->w[i] = x[i] * x[i];
    else
        for (int i = 0; i < n; i++)
            g->w[i] = 0.25f * sigma2 + x[i] * x[i];
    for (int i = 0; i < n; i++)
        g->root_w[i] = sqrtf(g->w[i]);
}

/* Turns the sign of the value that matters least, so that the minus signs are even. */
static uint8_t make_even(const float *x, const float *w, float *magnitude, uint8_t signs)
{
    float least = w[0] * x[0] * x[0];
    int at = 0;

    for (int i = 1; i < 8; i++) {
        float matter = w[i] * x[i] * x[i];
        if (matter < least) {
            least = matter;
            at = i;
        }
    }
    magnitude[at] = -magnitude[at];
    return (uint8_t)(signs ^ 1u << at);
}

static void split_signs(struct group *g, const float *x)
{
    for (int k = 0; k < g->t->group / 8; k++) {
        unsigned signs = 0, parity = 0;
        for (int i = 0; i < 8; i++) {
            unsigned minus = !(x[8 * k + i] >= 0.0f);
            g->x[8 * k + i] = minus ? -x[8 * k + i] : x[8 * k + i];
            signs |= minus << i;
            parity ^= minus;
        }
        if (g->t->even_signs && parity)
            signs = make_even(x + 8 * k, g->w + 8 * k, g->x + 8 * k, (uint8_t)signs);
        g->signs[k] = (uint8_t)(g->t->even_signs ? signs & 127 : signs);
    }
    for (int i = 0; i < g->t->group; i++)
        g->wx[i] = g->w[i] * g->x[i];
}

static float largest_of(const struct group *g)
{
    float max = g->x[0];

    for (int i = 1; i < g->t->group; i++)
        max = max > g->x[i] ? max : g->x[i];
    return max;
}

/* ---- points and rows ---------------------------------------------------------------------------- */

/* Of the rows around a point the first that lies nearest, by the roots of the weights, at a scale.
 * When no distance is finite (values near FLT_MAX, where upstream aborts) it is the first of the
 * list: the nearest in the lattice. */
static int nearest_row(const struct group *g, int32_t row_of, int dims, int p, float scale)
{
    const float *x = g->x + dims * p, *w = g->root_w + dims * p;
    const uint16_t *list = qk_rows_around(g->cb, row_of);
    float least = FLT_MAX;
    int row = list[1];

    for (int j = 1; j <= list[0]; j++) {
        const int8_t *q = qk_values_of_row(g->cb, dims, list[j]);
        float sum = 0.0f;
        for (int i = 0; i < dims; i++) {
            float diff = scale * (float)q[i] - x[i];
            sum += w[i] * diff * diff;
        }
        if (sum < least) {
            least = sum;
            row = list[j];
        }
    }
    return row;
}

/* Codes of the lattice points nearest to the values at an inverse scale. */
static void lattice_codes(const struct group *g, int dims, int bits, float inverse, unsigned *code)
{
    const int n = g->t->group, top = g->t->top;
    int level[MAX_GROUP];

    for (int i = 0; i < n; i++)
        level[i] = qk_clamp_int(qk_nearest_int(0.5f * (inverse * g->x[i] - 1.0f)), 0, top - 1);
    for (int p = 0; p < n / dims; p++) {
        code[p] = 0;
        for (int i = 0; i < dims; i++)
            code[p] |= (unsigned)level[dims * p + i] << bits * i;
    }
}

struct moments {
    float xq, qq; /* sums of w x q and w q q */
};

static struct moments moments_of(const struct group *g, int dims, const int *row)
{
    struct moments m = {0.0f, 0.0f};

    for (int p = 0; p < g->t->group / dims; p++) {
        const int8_t *values = qk_values_of_row(g->cb, dims, row[p]);
        const float *w = g->w + dims * p, *wx = g->wx + dims * p;
        for (int i = 0; i < dims; i++) {
            float q = (float)values[i];
            m.xq += wx[i] * q;
            m.qq += w[i] * q * q;
        }
    }
    return m;
}

/* ---- the search --------------------------------------------------------------------------------- */

/* Tries the candidates; returns the best scale and leaves its rows. Without any (weights all 0) the
 * scale stays and the rows are 0. */
static float try_candidates(struct group *g, int dims, int bits, float largest, float scale)
{
    const struct iq_type *t = g->t;
    const int n_points = t->group / dims;
    float best = 0.0f;

    for (int k = -t->n_tries; k <= t->n_tries; k++) {
        float inverse = ((float)(2 * t->top - 1) + (float)k * t->step) / largest;
        unsigned code[MAX_POINTS] = {0};
        int row[MAX_POINTS];
        bool off_grid[MAX_POINTS];

        lattice_codes(g, dims, bits, inverse, code);
        for (int p = 0; p < n_points; p++) {
            row[p] = g->cb->row_of[code[p]];
            off_grid[p] = row[p] < 0;
            if (off_grid[p])
                row[p] = nearest_row(g, row[p], dims, p, 1.0f / inverse);
        }
        struct moments m = moments_of(g, dims, row);
        if (m.qq > 0.0f && m.xq * m.xq > best * m.qq) {
            scale = m.xq / m.qq;
            best = scale * m.xq;
            memcpy(g->row, row, (size_t)n_points * sizeof *row);
            memcpy(g->off_grid, off_grid, (size_t)n_points * sizeof *off_grid);
        }
    }
    return scale;
}

/* Looks points up again at the scale found; returns the scale of least squares for what they become. */
static float refit(struct group *g, int dims, int bits, float scale)
{
    const int n_points = g->t->group / dims;
    unsigned code[MAX_POINTS] = {0};
    bool any = g->t->refit == REFIT_ALL;

    for (int p = 0; p < n_points; p++)
        any |= g->off_grid[p];
    if (!any || !(scale > 0.0f))
        return scale;
    lattice_codes(g, dims, bits, 1.0f / scale, code);
    for (int p = 0; p < n_points; p++) {
        if (g->t->refit == REFIT_OFF_GRID && !g->off_grid[p])
            continue;
        g->row[p] = g->cb->row_of[code[p]];
        if (g->row[p] < 0)
            g->row[p] = nearest_row(g, g->row[p], dims, p, scale);
    }
    struct moments m = moments_of(g, dims, g->row);
    return m.qq > 0.0f ? m.xq / m.qq : scale;
}

/* Sets what stands for the largest value in the candidates and the scale to begin with. False when
 * the group is zeros. */
static bool begin(const struct group *g, float *base, float *scale)
{
    const struct iq_type *t = g->t;
    uint8_t level[MAX_GROUP];

    *base = largest_of(g);
    if (*base < t->eps)
        return false;
    *scale = *base / (float)(2 * t->top - 1);
    if (t->fitted_largest) {
        *scale = qk_search_scale_positive(t->group, t->top + 1, g->x, g->w, level);
        *base = *scale * (float)t->top;
    }
    return !(*base <= 0.0f);
}

/* Fits a group. Returns its scale, at least 0; 0 with rows and signs 0 for a group of zeros. Signs
 * are turned when the fit says so, which takes weights that are not weights. */
static float fit_group(struct group *g, int dims, int bits)
{
    const struct iq_type *t = g->t;
    float base, scale;

    memset(g->row, 0, sizeof g->row);
    for (int p = 0; p < MAX_POINTS; p++)
        g->off_grid[p] = p < t->group / dims && t->refit == REFIT_ALL_IF_ANY;
    g->zeros = !begin(g, &base, &scale);
    if (g->zeros) {
        memset(g->signs, 0, sizeof g->signs);
        return 0.0f;
    }
    scale = refit(g, dims, bits, try_candidates(g, dims, bits, base, scale));
    if (scale < 0.0f) {
        scale = -scale;
        for (int k = 0; k < t->group / 8; k++)
            g->signs[k] = (uint8_t)(~g->signs[k] & (t->even_signs ? 127 : 255));
    }
    return scale;
}

/* ---- super-blocks ------------------------------------------------------------------------------- */

static void round_scales(const struct iq_type *t, struct fitted *f)
{
    float d = f->largest / 31.0f, inverse = 1.0f / d;

    for (int j = 0; j < QT_SUPER / t->group; j++)
        f->code[j] =
            (uint8_t)qk_clamp_int(qk_nearest_int(0.5f * (inverse * f->scale[j] - 1.0f)), 0, 15);
    f->d = qt_f16_from_f32(d * t->fudge);
}

/* Inlined into every encoder with what differs constant. False when there is nothing but zeros. */
static inline bool fit_super(const struct iq_type *t, int dims, int bits, const float *x,
                             const float *importance, const struct qk_codebook *cb,
                             struct fitted *f)
{
    const int n_points = t->group / dims;
    float sigma2 = t->variance * qk_sum_squares(QT_SUPER, x) / (float)QT_SUPER;
    struct group g = {.t = t, .cb = cb};

    assert(cb && cb->dims == dims && cb->bits == bits);
    assert(importance || t->stand_in != NONE);
    memset(f, 0, sizeof *f);
    for (int j = 0; j < QT_SUPER / t->group; j++) {
        const float *xj = x + t->group * j;
        set_weights(&g, xj, importance ? importance + t->group * j : NULL, sigma2);
        split_signs(&g, xj);
        f->scale[j] = fit_group(&g, dims, bits);
        f->zeros[j] = g.zeros;
        for (int p = 0; p < n_points; p++)
            f->row[n_points * j + p] = (uint16_t)g.row[p];
        memcpy(f->signs + t->group / 8 * j, g.signs, (size_t)(t->group / 8));
        if (!(f->scale[j] <= f->largest))
            f->largest = f->scale[j];
    }
    if (f->largest == 0.0f)
        return false;
    round_scales(t, f);
    return true;
}

static void encode_iq2_xxs(void *dst, const float *x, const float *importance,
                           const struct qk_codebook *cb)
{
    struct qt_block_iq2_xxs *b = dst;
    struct fitted f;

    if (!fit_super(&iq2_xxs, 8, 2, x, importance, cb, &f)) {
        memset(b, 0, sizeof *b);
        return;
    }
    for (int j = 0; j < 8; j++) {
        uint32_t rows = 0, rest = (uint32_t)f.code[j] << 28;
        for (int k = 0; k < 4; k++) {
            rows |= (uint32_t)f.row[4 * j + k] << 8 * k;
            rest |= (uint32_t)f.signs[4 * j + k] << 7 * k;
        }
        gg_store_u32((uint8_t *)b->qs + 8 * j, rows);
        gg_store_u32((uint8_t *)b->qs + 8 * j + 4, rest);
    }
    gg_store_u16(&b->d, f.d);
}

QK_QUANT_WEIGHTED(iq2_xxs, QT_SUPER, encode_iq2_xxs)

static void encode_iq2_xs(void *dst, const float *x, const float *importance,
                          const struct qk_codebook *cb)
{
    struct qt_block_iq2_xs *b = dst;
    struct fitted f;

    if (!fit_super(&iq2_xs, 8, 2, x, importance, cb, &f)) {
        memset(b, 0, sizeof *b);
        return;
    }
    for (int k = 0; k < 32; k++)
        gg_store_u16((uint8_t *)b->qs + 2 * k, (uint16_t)(f.row[k] | f.signs[k] << 9));
    for (int j = 0; j < 8; j++)
        b->scales[j] = (uint8_t)(f.code[2 * j] | f.code[2 * j + 1] << 4);
    gg_store_u16(&b->d, f.d);
}

QK_QUANT_WEIGHTED(iq2_xs, QT_SUPER, encode_iq2_xs)

static void encode_iq2_s(void *dst, const float *x, const float *importance,
                         const struct qk_codebook *cb)
{
    struct qt_block_iq2_s *b = dst;
    struct fitted f;

    (void)fit_super(&iq2_s, 8, 2, x, importance, cb, &f);
    memset(b->qh, 0, sizeof b->qh);
    for (int k = 0; k < 32; k++) {
        b->qs[k] = (uint8_t)f.row[k];
        b->qs[32 + k] = f.signs[k];
        b->qh[k / 4] |= (uint8_t)(f.row[k] >> 8 << 2 * (k % 4));
    }
    for (int j = 0; j < 8; j++)
        b->scales[j] = (uint8_t)(f.code[2 * j] | f.code[2 * j + 1] << 4);
    gg_store_u16(&b->d, f.d);
}

QK_QUANT_WEIGHTED(iq2_s, QT_SUPER, encode_iq2_s)

static void encode_iq3_xxs(void *dst, const float *x, const float *importance,
                           const struct qk_codebook *cb)
{
    struct qt_block_iq3_xxs *b = dst;
    struct fitted f;

    if (!fit_super(&iq3_xxs, 4, 3, x, importance, cb, &f)) {
        memset(b, 0, sizeof *b);
        return;
    }
    for (int k = 0; k < 64; k++)
        b->qs[k] = (uint8_t)f.row[k];
    for (int j = 0; j < 8; j++) {
        uint32_t rest = (uint32_t)f.code[j] << 28;
        for (int k = 0; k < 4; k++)
            rest |= (uint32_t)f.signs[4 * j + k] << 7 * k;
        gg_store_u32(b->qs + 64 + 4 * j, rest);
    }
    gg_store_u16(&b->d, f.d);
}

QK_QUANT_WEIGHTED(iq3_xxs, QT_SUPER, encode_iq3_xxs)

/* Upstream forgets to step over a group of zeros when it stores rows' low bits and signs: those of the
 * groups behind it come too early (while bits 8 and the scales stand where they should), and such a
 * block decodes to something else. The bytes are what they are; IQ3_S is not for tensors with runs of
 * 32 zeros. */
static void encode_iq3_s(void *dst, const float *x, const float *importance,
                         const struct qk_codebook *cb)
{
    struct qt_block_iq3_s *b = dst;
    struct fitted f;

    (void)fit_super(&iq3_s, 4, 3, x, importance, cb, &f);
    memset(b, 0, sizeof *b);
    for (int j = 0, at = 0; j < 8; j++) {
        if (f.zeros[j])
            continue;
        for (int k = 0; k < 8; k++) {
            b->qs[8 * at + k] = (uint8_t)f.row[8 * j + k];
            b->qh[j] |= (uint8_t)(f.row[8 * j + k] >> 8 << k);
        }
        memcpy(b->signs + 4 * at, f.signs + 4 * j, 4);
        at++;
    }
    for (int j = 0; j < 4; j++)
        b->scales[j] = (uint8_t)(f.code[2 * j] | f.code[2 * j + 1] << 4);
    gg_store_u16(&b->d, f.d);
}

QK_QUANT_WEIGHTED(iq3_s, QT_SUPER, encode_iq3_s)
